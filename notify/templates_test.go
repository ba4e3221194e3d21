package notify_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got+"\n"); diff != "" {
		t.Errorf("%s: want -, got +:\n%s", name, diff)
	}
}

func decimal(t *testing.T, text string) billwatch.Value[billwatch.Decimal] {
	t.Helper()
	d, err := billwatch.ParseDecimal(text)
	if err != nil {
		t.Fatal(err)
	}
	return billwatch.Known(d)
}

func templates(t *testing.T, files map[string]string) *notify.Templates {
	t.Helper()
	tmpl, err := notify.NewTemplates(notify.TemplatesConfig{Files: files, ExternalURL: "https://billwatch.example.com/"})
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

// lowBalance is an organization that runs low.
func lowBalance(t *testing.T, name string, since time.Time) billwatch.Alert {
	a := firing(billwatch.Labels{
		"alertname": "CapacityLow", "source": "blues", "account": "app:1234", "account_name": name, "severity": "warning",
	}, since)
	a.Annotations = map[string]string{"summary": name + " has less than 5,000 events left"}
	balance := 4200.0
	a.Value = &balance
	a.Snapshot = &billwatch.Snapshot{
		Account: billwatch.Account{Source: "blues", ID: "app:1234", Name: name, Provider: "notehub", Kind: "organization"},
		At:      since, State: billwatch.Known("active"), Suspended: billwatch.Known(false),
		Balance: decimal(t, "4200"), Unit: "events", Plan: billwatch.Plan{Type: billwatch.Known("Essentials"), Capacity: decimal(t, "50000")},
	}
	a.Forecast = &billwatch.Forecast{
		BurnRate: 310, Runway: billwatch.Quantiles{P10: 9.6, P50: 13.2, P90: 18.9},
		ExhaustAt: since.Add(13*24*time.Hour + 5*time.Hour), Note: "use went from 120 to 310 a day around 12 November",
	}
	return a
}

func notification(reason string, alerts ...billwatch.Alert) billwatch.Notification {
	n := billwatch.Notification{
		ID: "ntf_1", Receiver: "ops", Integration: "ops/slack/0", GroupKey: "{}:{}", Reason: reason,
		GroupLabels: billwatch.Labels{"alertname": "CapacityLow", "source": "blues"},
		Status:      billwatch.Resolved, Alerts: alerts, FrozenAt: noon,
	}
	for _, a := range alerts {
		if a.State == billwatch.Firing {
			n.Status = billwatch.Firing
		}
	}
	return n
}

// The golden files are what people read; each situation has its own.
func TestDefaultMessages(t *testing.T) {
	for _, s := range notify.Samples() {
		t.Run(s.Name, func(t *testing.T) {
			m := templates(t, nil).Render(s.Notification, notify.Overrides{})
			golden(t, s.Name+".txt", m.Title+"\n\n"+m.Text)
			golden(t, s.Name+".html", strings.TrimSuffix(m.HTML, "\n"))
		})
	}
}

func TestTimesAreInTheReceiversZone(t *testing.T) {
	sydney, err := time.LoadLocation("Australia/Sydney")
	if err != nil {
		t.Fatal(err)
	}
	m := templates(t, nil).Render(notification("first", lowBalance(t, "Acme", noon.Add(-90*time.Minute))), notify.Overrides{
		Text: `{{ range .Alerts }}{{ .StartsAt }}{{ end }}`, Timezone: sydney,
	})
	if want := "24 Nov 2026 21:30 AEDT (2 hours ago)"; m.Text != want {
		t.Errorf("got %q, want %q", m.Text, want)
	}
}

func TestFilesAndOverridesReplaceByName(t *testing.T) {
	tmpl := templates(t, map[string]string{
		"ours.tmpl": `{{ define "billwatch.account" }}<b>{{ .Account.Name }}</b>{{ end }}{{ define "greeting" }}Hello{{ end }}`,
	})
	n := notification("first", lowBalance(t, "A&B", noon))
	m := tmpl.Render(n, notify.Overrides{Text: `{{ template "greeting" }} {{ template "billwatch.account" index .Alerts 0 }}`})
	if m.Title != "WARNING <b>A&B</b>: CapacityLow" || m.Text != "Hello <b>A&B</b>" {
		t.Errorf("got %q, %q", m.Title, m.Text)
	}
	if !strings.Contains(m.HTML, "<strong><b>A&amp;B</b></strong>") {
		t.Errorf("the HTML does not escape what the file's template is given:\n%s", m.HTML)
	}
	if other := tmpl.Render(n, notify.Overrides{}); strings.HasPrefix(other.Text, "Hello") {
		t.Errorf("one integration's template shows at another: %q", other.Text)
	}
}

func TestAFileThatDoesNotParseHasItsPlace(t *testing.T) {
	for _, c := range []struct{ name, source, says string }{
		{"an action without an end", "fine\n{{ define \"x\" }}{{ .Y", "own.tmpl:2:1: template: unclosed action\n  | {{ define \"x\" }}{{ .Y\n  | ^"},
		{"a function that is not there", "ä {{ nosuch .X }}", "own.tmpl:1:6: template: function \"nosuch\" not defined\n  | ä {{ nosuch .X }}\n  |      ^"},
		{"a variable that is not there", "{{ define \"x\" }}\n\t{{ $total }}{{ end }}", "own.tmpl:2:5: template: undefined variable \"$total\"\n  |  {{ $total }}{{ end }}\n  |     ^"},
		{"an end too many", "a{{ end }}", "own.tmpl:1:2: template: unexpected {{end}}"},
		{"a character", "{{ # }}", "own.tmpl:1:4: template: unexpected \"#\" in command"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := notify.NewTemplates(notify.TemplatesConfig{Files: map[string]string{"own.tmpl": c.source}})
			if err == nil || !strings.HasPrefix(err.Error(), c.says) {
				t.Errorf("got\n%v\nwant\n%s", err, c.says)
			}
		})
	}
}

func TestEveryFileIsReadWhateverItsName(t *testing.T) {
	tmpl := templates(t, map[string]string{
		"ops/own.tmpl": `{{ define "one" }}1{{ end }}`, "finance/own.tmpl": `{{ define "two" }}2{{ end }}`,
	})
	m := tmpl.Render(sample(t, "low"), notify.Overrides{Text: `{{ template "one" }} {{ template "two" }}`})
	if m.Text != "1 2" {
		t.Errorf("got %q, want both", m.Text)
	}
	_, err := notify.NewTemplates(notify.TemplatesConfig{Files: map[string]string{
		"a/own.tmpl": `{{ define "billwatch.account" }}1{{ end }}`, "b/own.tmpl": "\n" + `{{ define "billwatch.account" }}2{{ end }}`,
	}})
	want := "b/own.tmpl:2:11: template: \"billwatch.account\" is defined in a/own.tmpl, too\n" +
		"  | {{ define \"billwatch.account\" }}2{{ end }}\n  |           ^\n  hint: give one of them another name, or delete it"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestAReceiversTemplateThatDoesNotParse(t *testing.T) {
	err := templates(t, nil).Check(notify.Overrides{Title: "{{ if }}", Text: "{{ .Status }}", HTML: "<p>\nä {{ nosuch }}"})
	if diff := cmp.Diff([]string{"title", "html"}, fieldsOf(err)); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
	var html *billwatch.FieldError
	if !errors.As(errors.Join(err.(interface{ Unwrap() []error }).Unwrap()[1:]...), &html) || html.Offset != 9 {
		t.Errorf("got %+v, want the place", html)
	}
}

func TestATemplateThatFailsNeverBlocksTheMessage(t *testing.T) {
	n := notification("first", lowBalance(t, "Acme <Prod>", noon))
	for _, c := range []struct {
		name string
		o    notify.Overrides
		says string
	}{
		{"a field that is not there", notify.Overrides{Text: `{{ .NoSuchField }}`}, "NoSuchField"},
		{"a function that refuses", notify.Overrides{Title: `{{ humanize "ten" }}`}, "not a number"},
		{"an index out of range", notify.Overrides{HTML: `<p>{{ (index .Alerts 7).Rule }}</p>`}, "out of range"},
		{"HTML that cannot be escaped", notify.Overrides{HTML: `<a href="{{ if .Status }}x{{ else }}">{{ end }}`}, "different contexts"},
		{"a template that calls itself", notify.Overrides{Text: `{{ define "again" }}{{ template "again" }}{{ end }}{{ template "again" }}`}, "the template goes on for too long"},
		{"a wrong template that nobody checked", notify.Overrides{Text: `{{ .`}, "illegal number"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := templates(t, nil).Render(n, c.o)
			for what, text := range map[string]string{"title": m.Title, "text": m.Text} {
				if !strings.Contains(text, "Acme <Prod>") {
					t.Errorf("the %s lacks the account: %q", what, text)
				}
			}
			if !strings.Contains(m.HTML, "Acme &lt;Prod&gt;") {
				t.Errorf("the HTML lacks the account: %q", m.HTML)
			}
			if !strings.Contains(m.Text, "Template error: ") || !strings.Contains(m.Text, c.says) {
				t.Errorf("the text does not say %q:\n%s", c.says, m.Text)
			}
		})
	}
}

func TestOutputIsBounded(t *testing.T) {
	endless := `{{ range $i := 100000 }}words and more words {{ end }}`
	m := templates(t, nil).Render(notification("first", lowBalance(t, "Acme", noon)), notify.Overrides{
		Title: endless, Text: endless, HTML: "<p>" + endless,
	})
	if len(m.Title) > 512 || len(m.Text) > 32<<10 || len(m.HTML) > 256<<10 {
		t.Errorf("title %d, text %d, html %d bytes", len(m.Title), len(m.Text), len(m.HTML))
	}
	if !strings.HasSuffix(m.HTML, "</pre>\n") {
		t.Errorf("HTML that was too long is cut within: …%s", m.HTML[len(m.HTML)-40:])
	}
}

func TestHostileNamesAreHarmless(t *testing.T) {
	for _, c := range []struct{ name, account, title string }{
		{"line breaks end no header", "Acme\r\nBcc: evil@example.com", "Acme Bcc: evil@example.com"},
		{"the reading direction stays", "Acme \u202Exe.exe", "Acme xe.exe"},
		{"terminals are not driven", "Acme \x1b]8;;http://evil\x07\x00\u009b31m", "Acme ]8;;http://evil31m"},
		{"nothing invisible", "Ac\u200bme\ufeff", "Acme"},
		{"bytes that are no characters", "Ac\xffme", "Ac\ufffdme"},
		{"templates are text", "{{ .ExternalURL }} ${HOME}", "{{ .ExternalURL }} ${HOME}"},
		{"mentions are left to the medium, which escapes", "<!channel> *b*", "<!channel> *b*"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := templates(t, nil).Render(notification("first", lowBalance(t, c.account, noon)), notify.Overrides{})
			if want := "WARNING " + c.title + ": CapacityLow"; m.Title != want {
				t.Errorf("got %q, want %q", m.Title, want)
			}
			if !strings.HasPrefix(m.Text, c.title+" (blues, app:1234)\n") {
				t.Errorf("got %q", m.Text)
			}
		})
	}
	long := templates(t, nil).Render(notification("first", lowBalance(t, strings.Repeat("Ä", 10_000), noon)), notify.Overrides{})
	if n := len([]rune(long.Title)); n > 150 {
		t.Errorf("a name of 10,000 characters makes a title of %d", n)
	}
	page := templates(t, nil).Render(notification("first", lowBalance(t, `"><img src=x onerror=alert(1)><script>`, noon)), notify.Overrides{}).HTML
	if strings.Contains(page, "<img") || strings.Contains(page, "<script") {
		t.Errorf("HTML from a name is live:\n%s", page)
	}
	script := lowBalance(t, "Acme", noon)
	script.RunbookURL = "javascript://x/%0aalert(1)"
	if m := templates(t, nil).Render(notification("first", script), notify.Overrides{}); strings.Contains(m.HTML+m.Text, "javascript:") {
		t.Errorf("a runbook that is no web address is linked:\n%s", m.HTML)
	}
}

func TestFunctions(t *testing.T) {
	a := lowBalance(t, "Acme", noon.Add(-3*time.Hour))
	a.Snapshot.Balance = decimal(t, "-1234567.8")
	a.Forecast.BurnRate = 0.00312
	for _, c := range []struct{ template, want string }{
		{`{{ .Snapshot.Balance }}`, "-1,234,567.8 events"},
		{`{{ humanize .Value }}`, "4,200"},
		{`{{ humanize .BurnRate }}`, "0.0031 events"},
		{`{{ humanize 1234567.891 }} {{ humanize 12 }} {{ humanize "1e3" }} {{ humanize 0.0 }}`, "1,234,567.89 12 1,000 0"},
		{`{{ humanizeMoney .Snapshot.Balance "EUR" }} {{ humanizeMoney 5 "USD" }} {{ humanizeMoney 0.00031 "USD" }}`, "-1,234,567.80 EUR 5.00 USD 0.00031 USD"},
		{`{{ humanizeDays 0.5 }}, {{ humanizeDays 6.66 }}, {{ humanizeDays 40.2 }}, {{ humanizeDays .Runway }}, {{ humanizeDays 0.01 }}, {{ humanizeDays 1 }}`,
			"12 hours, 6.7 days, 40 days, 13 days, 14 minutes, 24 hours"},
		{`{{ humanizeDuration 42 }}, {{ humanizeDuration 5400.0 }}`, "42 seconds, 2 hours"},
		{`{{ percent 12.34 }}`, "12.3 %"},
		{`{{ since .StartsAt }}`, "3 hours ago"},
		{`{{ date "2006-01-02 15:04 MST" .StartsAt }}`, "2026-11-24 09:00 UTC"},
		{`{{ toUpper .Severity }} {{ toLower "ABC" }} {{ title "élan" }} {{ trim " x " }}`, "WARNING abc Élan x"},
		{`{{ join ", " .Labels.Names }}`, "account, account_name, alertname, severity, source"},
		{`{{ replace "a_b" "_" " " }} {{ truncate 3 "abcdef" }} {{ plural 1 "day" }} {{ plural 1200 "day" }} {{ sub 5 3 }}`, "a b ab… 1 day 1,200 days 2"},
		{`{{ .EndsAt }}{{ since .EndsAt }}{{ date "2006" .EndsAt }}`, ""},
		{`{{ .Snapshot.PlanType }} {{ .Account.Kind }} {{ .URL }}`, "Essentials organization https://billwatch.example.com/alerts/" + a.Fingerprint},
	} {
		t.Run(c.template, func(t *testing.T) {
			m := templates(t, nil).Render(notification("first", a), notify.Overrides{Text: "{{ with index .Alerts 0 }}" + c.template + "{{ end }}"})
			if m.Text != c.want {
				t.Errorf("got %q, want %q", m.Text, c.want)
			}
		})
	}
}

func TestWhatIsUnknownSaysSo(t *testing.T) {
	bare := firing(labels("alertname=Low source=blues account=x"), noon)
	m := templates(t, nil).Render(notification("first", bare), notify.Overrides{
		Text: `{{ with index .Alerts 0 }}{{ .Value }} {{ .BurnRate }} {{ .Runway }} {{ humanize .Value }} {{ humanizeDays .Runway }} {{ if .Value }}known{{ end }}{{ if .Snapshot }}seen{{ end }}{{ .Annotations.none }}{{ end }}`,
	})
	if want := "unknown unknown unknown unknown unknown"; m.Text != want {
		t.Errorf("got %q, want %q", m.Text, want)
	}
}
