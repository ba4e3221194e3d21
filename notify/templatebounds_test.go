package notify_test

import (
	"strings"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

func TestATemplateThatWouldNotEndIsEnded(t *testing.T) {
	n := billwatch.Notification{
		Receiver: "ops", Integration: "ops/webhook/0", Status: billwatch.Firing, Reason: "first", FrozenAt: noon,
		Alerts: []billwatch.Alert{lowBalance(t, "Acme", noon)},
	}
	shipped := templates(t, nil).Render(n, notify.Overrides{})
	for _, c := range []struct{ what, text, says string }{
		{"a loop over nothing", `{{ range 2000000000 }}{{ end }}`, "goes on for too long"},
		{"loops within loops", `{{ range 100000 }}{{ if true }}{{ with 1 }}{{ range 100000 }}{{ end }}{{ end }}{{ end }}{{ end }}`, "goes on for too long"},
		{"a loop that only skips", `{{ range 2000000000 }}{{ continue }}{{ end }}`, "goes on for too long"},
		{"a template that calls itself", `{{ define "a" }}{{ template "a" . }}{{ end }}{{ template "a" . }}`, "goes on for too long"},
		{"templates that call themselves twice", `{{ define "a" }}{{ if gt . 0 }}{{ template "a" (sub . 1) }}{{ template "a" (sub . 1) }}{{ end }}{{ end }}{{ template "a" 60 }}`, "goes on for too long"},
		{"a template that shows itself", `{{ define "billwatch.text" }}{{ template "billwatch.text" . }}{{ end }}{{ template "billwatch.text" . }}`, "goes on for too long"},
		{"a wide number", `{{ printf "%1000000000d" 1 }}`, "becomes too long"},
		{"a width from elsewhere", `{{ printf "%*d" 1000000000 1 }}`, "becomes too long"},
		{"a precision", `{{ printf "%.1000000000f" 1.0 }}`, "becomes too long"},
		{"a text that doubles", `{{ $x := "ab" }}{{ range 100 }}{{ $x = print $x $x }}{{ end }}{{ $x }}`, "becomes too long"},
		{"one that doubles by escapes", `{{ $x := "\\" }}{{ range 100 }}{{ $x = js $x }}{{ end }}{{ $x }}`, "becomes too long"},
		{"by replacing", `{{ $x := "a" }}{{ range 100 }}{{ $x = replace $x "a" "aa" }}{{ end }}{{ $x }}`, "becomes too long"},
		{"many arguments", `{{ print ` + strings.Repeat("1 ", 100) + `}}`, "becomes too long"},
	} {
		t.Run(c.what, func(t *testing.T) {
			tmpl := templates(t, map[string]string{"own.tmpl": `{{ define "billwatch.html" }}` + inner(c.text) + `{{ end }}` + outer(c.text)})
			began := time.Now()
			got := tmpl.Render(n, notify.Overrides{Text: inner(c.text)})
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("took %s", took)
			}
			if !strings.HasPrefix(got.Text, shipped.Text+"\n\nTemplate error: ") || !strings.Contains(got.Text, c.says) {
				t.Errorf("text ends %q, want the shipped one and %q", last(got.Text), c.says)
			}
			if !strings.HasPrefix(got.HTML, shipped.HTML) || !strings.Contains(got.HTML, c.says) {
				t.Errorf("HTML ends %q, want the shipped one and %q", last(got.HTML), c.says)
			}
		})
	}
}

// outer and inner part the definitions of a template from what uses them.
func outer(text string) string { return text[:len(text)-len(inner(text))] }

func inner(text string) string {
	if strings.HasPrefix(text, "{{ define") {
		return text[strings.LastIndex(text, "{{ template"):]
	}
	return text
}

func last(text string) string { return text[max(0, len(text)-300):] }

func TestALongMessageIsCutAndLoopsOverAllAlertsEnd(t *testing.T) {
	n := billwatch.Notification{Receiver: "ops", Integration: "ops/webhook/0", Status: billwatch.Firing, Reason: "first", FrozenAt: noon}
	for range 1000 {
		n.Alerts = append(n.Alerts, lowBalance(t, "Acme", noon))
	}
	text := `{{ range .Alerts }}{{ range $name, $v := .Labels }}{{ $name }}={{ $v }} {{ end }}{{ end }}`
	got := templates(t, nil).Render(n, notify.Overrides{Text: text})
	if len(got.Text) > 32<<10 || len(got.Text) < 31<<10 || strings.Contains(got.Text, "Template error") {
		t.Errorf("%d bytes, ending %q", len(got.Text), last(got.Text))
	}
}

// FuzzTemplates renders whatever somebody may write: it must end, soon, and
// give a message.
func FuzzTemplates(f *testing.F) {
	for _, text := range []string{
		"{{ .Status }}", "{{ range .Alerts }}{{ .Account.Name }} {{ humanize .Value }}{{ end }}", "{{ range 1000000000 }}{{ end }}",
		`{{ define "billwatch.title" }}{{ template "billwatch.title" . }}{{ end }}`, `{{ printf "%1000000000d" 1 }}`,
		`{{ $x := "a" }}{{ range 64 }}{{ $x = print $x $x }}{{ end }}`, "{{ range .Alerts.First 3 }}{{ .Labels.Names | join \", \" }}{{ end }}",
		`{{ define "a" }}{{ if gt . 0 }}{{ template "a" (sub . 1) }}{{ template "a" (sub . 1) }}{{ end }}{{ end }}{{ template "a" 60 }}`,
		"<a href='{{ .ExternalURL }}'>{{ . }}</a>", "{{ html (urlquery (js .Alerts)) }}", "{{ truncate 1000000000 .Reason }}{{ date .Reason .Now }}",
		"{{ with $x := 1 }}{{ break }}{{ end }}", "{{ slice .Reason 1 99 }}", "{{ index .Alerts 99 }}", "{{ replace .Reason \"\" .Reason }}",
	} {
		f.Add(text)
	}
	value := 5.0
	n := billwatch.Notification{
		ID: "ntf_1", Receiver: "ops", Integration: "ops/webhook/0", Status: billwatch.Firing, Reason: "first", FrozenAt: noon,
		Alerts: []billwatch.Alert{
			{Key: billwatch.AlertKey{Rule: "Low", Account: billwatch.AccountKey{Source: "blues", ID: "a"}}, State: billwatch.Firing, StartsAt: noon, Value: &value,
				Labels: billwatch.Labels{"alertname": "Low", "account": "a", "severity": "warning"}, Annotations: map[string]string{"summary": "low"}},
		},
	}
	f.Fuzz(func(t *testing.T, text string) {
		tmpl, err := notify.NewTemplates(notify.TemplatesConfig{Files: map[string]string{"own.tmpl": text}})
		if err != nil {
			if tmpl, err = notify.NewTemplates(notify.TemplatesConfig{}); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		for _, o := range []notify.Overrides{{}, {Title: text, Text: text, HTML: text}} {
			m := tmpl.Render(n, o)
			if len(m.Title) > 512 || len(m.Text) > 40<<10 || len(m.HTML) > 270<<10 {
				t.Errorf("%d, %d and %d bytes", len(m.Title), len(m.Text), len(m.HTML))
			}
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("took %s", took)
		}
	})
}
