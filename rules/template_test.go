package rules_test

import (
	"strings"
	"testing"
)

func TestAccountDataIsNoTemplate(t *testing.T) {
	evil := acme()
	evil.Account.Name = `{{ .Account.Owner }}`
	set := load(t, condition("true")+`    annotations: { summary: "{{ .Account.Name }}!" }`+"\n")
	if got := only(t, set.Evaluate(at(evil))).Annotations["summary"]; got != `{{ .Account.Owner }}!` {
		t.Errorf("got %q", got)
	}
}

func TestTemplateThatFailsSaysSo(t *testing.T) {
	set := load(t, condition("true")+`    annotations: { summary: "{{ .Account.Name }} {{ index .Vars.list 9 }}" }`+"\n")
	got := only(t, set.Evaluate(at(acme()))).Annotations["summary"]
	if !strings.HasPrefix(got, "Acme (template: ") || !strings.Contains(got, "index") {
		t.Errorf("got %q", got)
	}
}

func TestTemplateFunctions(t *testing.T) {
	tests := []struct{ template, want string }{
		{"{{ humanize 1234567.0 }}", "1,234,567"},
		{"{{ humanize 12.346 }}", "12.35"},
		{"{{ humanize .Snapshot.Balance }}", "5,000"},
		{"{{ humanize .Snapshot.Spend.Hourly }}", "unknown"},
		{"{{ humanizeDays 6.66 }}", "6.7 days"},
		{"{{ humanizeDays 1.0 }}", "1 day"},
		{"{{ humanizeDays 0.01 }}", "14 minutes"},
		{"{{ humanizeDays 800.0 }}", "2.2 years"},
		{"{{ humanize 0.000314159 }}", "0.000314"},
		{"{{ humanize -1234 }}", "-1,234"},
		{"{{ humanize 1e20 }}", "1e+20"},
		{"{{ humanize .Runway.P50 }}", "infinite"},
		{"{{ humanize \"12.5\" }}", "12.5"},
		{"{{ humanize \"much\" }}", "unknown"},
		{"{{ humanizeMoney .Snapshot.Balance }}", "5,000.00"},
		{"{{ .Snapshot.Balance }} {{ .Snapshot.Spend.Hourly }}", "5000 "},
		{"{{ humanizeDays 0.25 }}", "6 hours"},
		{"{{ humanizeDays .Runway.P50 }}", "never"},
		{`{{ humanizeMoney 1234.5 "USD" }}`, "1,234.50 USD"},
		{"{{ date .Snapshot.Plan.End }}", "24 December 2026 12:00 UTC"},
		{"{{ date .Snapshot.DeletedAt }}", "unknown"},
		{"{{ since .Now .Snapshot.Plan.Start }}", "365 days"},
	}
	for _, tt := range tests {
		t.Run(tt.template, func(t *testing.T) {
			set := load(t, condition("true")+"    annotations:\n      summary: '"+tt.template+"'\n")
			if got := only(t, set.Evaluate(at(acme()))).Annotations["summary"]; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
