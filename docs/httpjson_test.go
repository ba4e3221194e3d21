package docs_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/config"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/poller/httpjson"
)

// Each example on the page is run over the answers beside it, and sees what the
// page says.
func TestTheExamplesOfHTTPJSONSeeWhatTheySay(t *testing.T) {
	_, examples, _ := strings.Cut(text(t, "docs/http-json.md"), "\n## Three examples\n")
	block := regexp.MustCompile("(?ms)^```([a-z]+)\n(.*?)^```$")
	request := regexp.MustCompile("(?ms)^`GET ([^`]+)`\n\n```json\n(.*?)^```$")
	sections := strings.Split(examples, "\n### ")[1:]
	if len(sections) != 3 {
		t.Errorf("%d examples, want 3", len(sections))
	}
	for _, section := range sections {
		title, _, _ := strings.Cut(section, "\n")
		t.Run(title, func(t *testing.T) {
			parts := map[string]string{}
			for _, m := range block.FindAllStringSubmatch(section, -1) {
				parts[m[1]] = m[2]
			}
			answers := map[string]string{}
			for _, m := range request.FindAllStringSubmatch(section, -1) {
				answers[m[1]] = m[2]
			}
			if got := see(t, parts["yaml"], answers); got != parts["text"] {
				t.Errorf("got\n%s\nthe page says\n%s", got, parts["text"])
			}
		})
	}
}

// see runs the one source of a configuration over answers, and says what it
// sees. Every answer must be asked for.
func see(t *testing.T, text string, answers map[string]string) string {
	t.Helper()
	asked := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, found := answers[r.RequestURI]
		if asked[r.RequestURI] = true; !found {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = io.WriteString(w, body)
	}))
	defer server.Close()
	p := source(t, text, server.URL)
	listing, err := p.List(t.Context())
	if err != nil || !listing.Complete {
		t.Fatal(errors.Join(append(listing.Problems, err)...))
	}
	var seen strings.Builder
	for _, row := range listing.Rows {
		s := row.Snapshot
		if s == nil {
			fetched, err := p.Fetch(t.Context(), row.Account)
			if err != nil {
				t.Fatal(err)
			}
			s = &fetched
		}
		fmt.Fprintf(&seen, "%s %q balance %s %s, suspended %s\n", s.Account.ID, s.Account.Name, shown(s.Balance), s.Unit, shown(s.Suspended))
		if h, ok := p.(poller.Historian); ok {
			records, err := h.History(t.Context(), s.Account.ID, time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range records {
				fmt.Fprintf(&seen, "%s left %s, used %s\n", r.Period.Format(time.DateOnly), r.Remaining, r.Used)
			}
		}
	}
	for uri := range answers {
		if !asked[uri] {
			t.Errorf("%s was never asked for", uri)
		}
	}
	return seen.String()
}

func shown[T any](v billwatch.Value[T]) string {
	switch {
	case v.IsKnown():
		return v.String()
	case v.IsZero():
		return "–"
	}
	return "?"
}

// source makes the one source of a configuration, for another host.
func source(t *testing.T, text, host string) poller.Provider {
	t.Helper()
	dir := t.TempDir()
	text = regexp.MustCompile(`token_file: .*`).ReplaceAllString(text, "token: 0123456789")
	file := filepath.Join(dir, "billwatch.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, problems, err := config.Load(file, nil, config.Kinds{Sources: []poller.Type{httpjson.HTTPJSON()}})
	if err != nil || problems.Errors() > 0 || len(c.Sources) != 1 {
		t.Fatal(problems, err)
	}
	settings := c.Sources[0].Settings.(*httpjson.Config)
	u, err := url.Parse(settings.BaseURL)
	if err != nil {
		t.Fatal(err)
	}
	settings.BaseURL = host + u.Path
	p, err := settings.New(poller.Common{Source: c.Sources[0].Name, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return p
}
