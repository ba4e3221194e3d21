package email_test

import (
	"strings"
	"testing"

	"github.com/billwatch/billwatch/notify/notifytest"
)

// What a template's author, a rule and an account's name may bring about, as it
// comes out at the end of a real conversation.
func TestWhatIsHostileArrivesAsText(t *testing.T) {
	long := strings.Repeat("x", 10_000)
	cases := []struct {
		name          string
		title, text   string
		subject, body string // as a mail program shows them
	}{
		{"a second header", "a\r\nBcc: evil@example.org", "t", "a Bcc: evil@example.org", "t"},
		{"a header by a bare line feed", "a\nBcc: evil@example.org", "t", "a Bcc: evil@example.org", "t"},
		{"a header by a bare return", "a\rBcc: evil@example.org", "t", "a Bcc: evil@example.org", "t"},
		{"an end of the headers", "a\r\n\r\nb", "t", "a b", "t"},
		{"a line separator", "a\u2028Bcc: b\u0085c", "t", "a Bcc: b c", "t"},
		{"an encoded word", "=?utf-8?q?evil?= =?utf-8?b?ZXZpbA==?=", "t", "=?utf-8?q?evil?= =?utf-8?b?ZXZpbA==?=", "t"},
		{"an encoded line end", "=?utf-8?q?a=0D=0ABcc:_b?=", "t", "=?utf-8?q?a=0D=0ABcc:_b?=", "t"},
		{"an encoded word among letters beyond ASCII", "Größe =?utf-8?q?evil?=", "t", "Größe =?utf-8?q?evil?=", "t"},
		{"a long subject", long, "t", strings.Repeat("x", 199) + "…", "t"},
		{"a long subject beyond ASCII", strings.Repeat("ü", 5000), "t", strings.Repeat("ü", 199) + "…", "t"},
		{"nothing", "", "", "billwatch", "(no text)"},
		{"white space", " \r\n ", "t", "billwatch", "t"},
		{"NUL and escapes", "a\x00b\x1b[31m", "a\x00b\x1b[31mc\x7f", "a b [31m", "ab[31mc"},
		{"no UTF-8", "caf\xe9", "caf\xe9", "caf\uFFFD", "caf\uFFFD"},
		{"a turned direction", "a\u202Eb", "a\u202Eb\u2066", "ab", "ab"},
		{"an end of mail", "a", "x\r\n.\r\nMAIL FROM:<evil@example.org>\r\n..\r\n.", "a", "x\n.\nMAIL FROM:<evil@example.org>\n..\n."},
		{"an end of mail by bare line ends", "a", "x\n.\nb\r.\rc", "a", "x\n.\nb\n.\nc"},
		{"a long line", "a", long, "a", long},
		{"a long line beyond ASCII", "a", strings.Repeat("€", 5000), "a", strings.Repeat("€", 5000)},
		{"a boundary", "a", "--billwatch-\r\n\r\nb", "a", "--billwatch-\n\nb"},
		{"equals signs", "a=3Db", "a=3Db=\r\nc", "a=3Db", "a=3Db=\nc"},
	}
	for _, c := range cases {
		n := notifytest.Notification()
		n.Message.Title, n.Message.Text = c.title, c.text
		s := newMailServer(t, false)
		if _, err := notifytest.Send(t, build(t, s.settings()), n); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		data := s.data()
		if len(data) != 1 {
			t.Errorf("%s: %d messages arrived", c.name, len(data))
			continue
		}
		if err := check(data[0]); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		got, err := read(data[0])
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if body := strings.TrimSuffix(got.text, "\n"); got.subject != c.subject || body != c.body {
			t.Errorf("%s: subject %.300q, want %.300q; text %.300q, want %.300q", c.name, got.subject, c.subject, body, c.body)
		}
	}
}
