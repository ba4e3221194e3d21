package notify_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

func TestKindsOfErrors(t *testing.T) {
	cause := errors.New("no")
	for _, c := range []struct {
		name               string
		err                error
		permanent, refused bool
		after              time.Duration
		destination        string
		throttled          bool
	}{
		{"any error leaves open whether it arrived", cause, false, false, 0, "", false},
		{"permanent was not taken", notify.Permanent(cause), true, true, 0, "", false},
		{"throttled was not taken", notify.Throttled(cause, time.Minute, "#ops"), false, true, time.Minute, "#ops", true},
		{"refused was not taken", notify.Refused(cause), false, true, 0, "", false},
		{"wrapping keeps the kind", fmt.Errorf("post: %w", notify.Permanent(cause)), true, true, 0, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			after, destination, throttled := notify.Throttle(c.err)
			if notify.IsPermanent(c.err) != c.permanent || notify.IsRefused(c.err) != c.refused ||
				after != c.after || destination != c.destination || throttled != c.throttled {
				t.Errorf("permanent %v, refused %v, throttled %v %s %q", notify.IsPermanent(c.err), notify.IsRefused(c.err), throttled, after, destination)
			}
			if !errors.Is(c.err, cause) || !strings.HasSuffix(c.err.Error(), "no") {
				t.Errorf("the cause is lost: %v", c.err)
			}
		})
	}
	if notify.Permanent(nil) != nil || notify.Refused(nil) != nil || notify.Throttled(nil, 0, "") != nil {
		t.Error("no error becomes an error")
	}
}

func TestRedact(t *testing.T) {
	const hook = "https://hooks.example.com/services/T0/B0/s3cr3t"
	for _, c := range []struct{ name, text, want string }{
		{"the secret itself", "bad token xoxb-12345678!", "bad token <secret>!"},
		{"each time", "xoxb-12345678 xoxb-12345678", "<secret> <secret>"},
		{"escaped for a query", "?p=p%2B%26ss+word%21", "?p=<secret>"},
		{"a secret address", `Post "` + hook + `": EOF`, `Post "<secret>": EOF`},
		{"its path alone", "no route /services/T0/B0/s3cr3t here", "no route <secret> here"},
		{"cut off at the end", "your token is xoxb-123", "your token is <secret>"},
		{"control characters", "a\r\nb\x1b[31m\u202e", "a  b [31m"},
		{"nothing to hide", "fine", "fine"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := notify.Redact(c.text, "xoxb-12345678", "p+&ss word!", hook, "")
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	long := notify.Redact(strings.Repeat("é", 5000)+"\xff", billwatch.Secret("x"))
	if len(long) > 1024 || !utf8.ValidString(long) {
		t.Errorf("%d bytes, valid %v", len(long), utf8.ValidString(long))
	}
	inner := notify.Redact("token-long and token", "token", "token-long")
	if inner != "<secret> and <secret>" {
		t.Errorf("a secret within a secret leaves a rest: %q", inner)
	}
}
