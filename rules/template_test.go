package rules_test

import (
	"strings"
	"testing"

	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/rules"
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
	out := only(t, set.Evaluate(at(acme())))
	got := out.Annotations["summary"]
	if !strings.HasPrefix(got, "Acme (template: ") || !strings.Contains(got, "index") {
		t.Errorf("got %q", got)
	}
	if out.Miswritten != 1 {
		t.Errorf("%d annotations are said to have failed, want 1", out.Miswritten)
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

// A template ends, and gives a bounded text, whatever it tries.
func TestTemplatesAreBounded(t *testing.T) {
	for name, text := range map[string]string{
		"a loop over a number":        `{{ range .Now.UnixNano }}{{ end }}`,
		"a loop over a variable":      `{{ range .Vars.many }}{{ end }}`,
		"loops in loops":              strings.Repeat("{{ range $.Labels }}", 30) + strings.Repeat("{{ end }}", 30),
		"loops in loops over fields":  strings.Repeat("{{ range .Labels }}{{ with $ }}", 30) + strings.Repeat("{{ end }}{{ end }}", 30),
		"a text that doubles itself":  `{{ $x := "ab" }}` + strings.Repeat(`{{ $x = printf "%s%s" $x $x }}`, 40),
		"a text that is joined":       `{{ $x := "ab" }}` + strings.Repeat(`{{ $x = print $x $x }}`, 40),
		"a wide number":               `{{ printf "%999999d" 1 }}`,
		"a width that is an argument": `{{ printf "%*d" 999999 1 }}`,
		"a text many times":           `{{ printf "` + strings.Repeat("%[1]s", 100) + `" .Account.Name }}`,
		"many long texts":             `{{ $x := printf "%900d" 1 }}` + strings.Repeat(`{{ $x }}`, 30),
	} {
		t.Run(name, func(t *testing.T) {
			doc := parse(t, "rules.yaml", condition("true")+"    annotations:\n      a: '"+text+"'\n")
			set, problems := rules.Load([]*document.Document{doc}, onlyOwn())
			if problems.Errors() > 0 { // refused already
				return
			}
			in := at(acme())
			in.Vars = map[string]any{"many": 1 << 60}
			got := only(t, set.Evaluate(in)).Annotations["a"]
			if len(got) > 17<<10 || !strings.Contains(got, "text is too long") {
				t.Errorf("%d bytes: %.100s", len(got), got)
			}
		})
	}
}
