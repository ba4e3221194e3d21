package builtin_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/notify/builtin"
)

func TestEveryTypeHasANameAndSettingsOfItsOwn(t *testing.T) {
	var names []string
	for _, kind := range builtin.Types() {
		names = append(names, kind.Name)
		first, second := kind.Settings(), kind.Settings()
		if first == second {
			t.Errorf("%s: two integrations would share their settings", kind.Name)
		}
		var field *billwatch.FieldError
		if n, err := first.New(notify.Common{}); n != nil || !errors.As(err, &field) {
			t.Errorf("%s: New of the defaults = %v, %v, want a wrong field: something is always needed", kind.Name, n, err)
		}
	}
	if diff := cmp.Diff([]string{"alertmanager", "email", "slack", "webhook"}, slices.Sorted(slices.Values(names))); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

func TestSettingsAreReadFromYAML(t *testing.T) {
	cases := map[string]struct {
		yaml  string
		wrong bool
	}{
		"alertmanager": {yaml: `
urls: [http://alertmanager-0:9093, "https://mimir.example.org/alertmanager"]
headers: { X-Scope-OrgID: iot }
timeout: 5s
proxy_url: http://proxy:3128
`},
		"alertmanager of the API": {yaml: "urls: {a: b}\n", wrong: true},
		"email": {yaml: `
to: [ops@example.org, "Ada <ada@example.org>"]
from: billwatch@example.org
smarthost: smtp.example.org:587
username: u
password: p
auth: login
tls: starttls
hello: billwatch.example.org
timeout: 30s
subject: "{{ .Status }}"
text: a
html: b
`},
		"slack": {yaml: `
token: xoxb-1
channel: "#billing"
api_url: https://slack.example.org/api
title: a
text: b
mentions: [here, U0123]
mention_on: [critical, warning]
update: true
thread: true
chart: true
timeout: 5s
proxy_url: http://proxy:3128
`},
		"webhook": {yaml: `
url: https://example.org/hook
secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw
previous_secret: whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX
format: alertmanager
headers: { Authorization: Bearer abc, X-Team: iot }
allow_private: true
timeout: 5s
max_alerts: 100
proxy_url: http://proxy:3128
`},
		"webhook with a typo":    {yaml: "url: https://example.org\nsecrt: x\n", wrong: true},
		"slack with a typo":      {yaml: "token: x\nchannel: c\nthreads: true\n", wrong: true},
		"email to one recipient": {yaml: "to: {a: b}\n", wrong: true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			i := slices.IndexFunc(builtin.Types(), func(kind notify.Type) bool { return name[:5] == kind.Name[:5] })
			settings := builtin.Types()[i].Settings()
			doc, problems := document.Parse("billwatch.yaml", []byte(c.yaml))
			if problems.Errors() == 0 {
				problems = doc.Decode(doc.Root(), settings)
			}
			if (problems.Errors() > 0) != c.wrong {
				t.Fatalf("problems = %v, want some: %v", problems, c.wrong)
			}
			if c.wrong {
				return
			}
			if _, err := settings.New(notify.Common{Integration: "ops/" + name + "/0"}); err != nil {
				t.Errorf("New = %v, want nil", err)
			}
		})
	}
}
