package daemon

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/web"
	"github.com/billwatch/billwatch/rules"
)

// submits sends a form, as a page of ours does.
func (r *road) submits(path string, form url.Values, change func(*http.Request)) (status int, leadsTo string) {
	r.Helper()
	r.d.Listen = "127.0.0.1:9595"
	r.d.opened.Store(r.store)
	request := httptest.NewRequest(http.MethodPost, "http://localhost:9595"+path, strings.NewReader(form.Encode()))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	if change != nil {
		change(request)
	}
	got := httptest.NewRecorder()
	web.Handler(&web.Health{}, r.d.metrics, r.d.api()).ServeHTTP(got, request)
	return got.Code, got.Header().Get("Location")
}

const hostileRule = `
rules:
  - alert: Low
    expr: balance < 1000
    labels: { severity: warning }
    runbook_url: "https://runbooks.example.com/low?a=1&b=2"
    annotations: { summary: "{{ .Account.Name }} is low" }
`

func TestTheLinkInAMessageLeadsToAPageWithHandsOnIt(t *testing.T) {
	r := newRoad(t, "sqlite:"+t.TempDir()+"/state.db", hostileRule, rules.Options{})
	r.api.lists("a1")
	r.api.mu.Lock()
	r.api.rows[0].Account.Name = `"><img src=x onerror=alert(1)><script>alert(1)</script>`
	r.api.mu.Unlock()
	r.pass(6 * time.Minute)
	at := "/alerts/" + r.fingerprint("Low")
	code, text := r.ask(http.MethodGet, at+"?silence=8h", "")
	for _, want := range []string{"&lt;script&gt;", "firing", `href="https://runbooks.example.com/low?a=1&amp;b=2"`, `value="8h"`, "condition holds", "5 events", "Acknowledge"} {
		if code != 200 || !strings.Contains(text, want) {
			t.Errorf("the page lacks %s: %d %s", want, code, text)
		}
	}
	if strings.Contains(text, "<script") || strings.Contains(text, "<img") {
		t.Errorf("a name does something: %s", text)
	}
	if all, _ := r.store.Silences(t.Context()); len(all) != 0 {
		t.Errorf("looking made %d silences", len(all))
	}
	for what, c := range map[string]struct {
		path   string
		form   url.Values
		change func(*http.Request)
		want   int
	}{
		"from elsewhere":     {"/silence", url.Values{"author": {"x"}, "duration": {"4h"}}, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403},
		"of a name not ours": {"/silence", url.Values{"author": {"x"}, "duration": {"4h"}}, func(r *http.Request) { r.Host = "evil.example" }, 421},
		"without a name":     {"/acknowledge", url.Values{"author": {" "}}, nil, 400},
		"for no time":        {"/silence", url.Values{"author": {"x"}, "duration": {"soon"}}, nil, 400},
		"as JSON":            {"/silence", url.Values{"author": {"x"}}, func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }, 415},
		"of what is not":     {"x/silence", url.Values{"author": {"x"}, "duration": {"4h"}}, nil, 404},
		"of one not gone":    {"/forget", url.Values{}, nil, 400},
	} {
		if got, _ := r.submits(at+c.path, c.form, c.change); got != c.want {
			t.Errorf("%s: %d, want %d", what, got, c.want)
		}
	}
	if all, _ := r.store.Silences(t.Context()); len(all) != 0 {
		t.Errorf("what is refused made %d silences", len(all))
	}
	got, leadsTo := r.submits(at+"/acknowledge", url.Values{"author": {"Jane <b>"}, "comment": {"ordered"}}, nil)
	if got != 303 || leadsTo != at {
		t.Errorf("acknowledging leads to %d %q", got, leadsTo)
	}
	all, err := r.store.Silences(t.Context())
	r.must(err)
	if len(all) != 1 || !all[0].UntilResolved {
		t.Fatalf("silences: %+v", all)
	}
	if _, text := r.ask(http.MethodGet, at, ""); !strings.Contains(text, "Jane &lt;b&gt;: ordered") || !strings.Contains(text, "until it resolves") || !strings.Contains(text, all[0].ID) {
		t.Errorf("the silence is not shown: %s", text)
	}
	if got, _ := r.submits(at+"/expire", url.Values{"id": {all[0].ID}}, nil); got != 303 {
		t.Errorf("ending it: %d", got)
	}
	if s, _ := r.store.Silence(t.Context(), all[0].ID); s.State(r.d.Clock.Now()) != billwatch.SilenceExpired {
		t.Errorf("it is %s", s.State(r.d.Clock.Now()))
	}
}

func TestThePageOfAnAccountThatIsGoneForgetsIt(t *testing.T) {
	r := gone(t, "sqlite:"+t.TempDir()+"/state.db")
	at := "/alerts/" + r.fingerprint("AccountGone")
	if _, text := r.ask(http.MethodGet, at, ""); !strings.Contains(text, "Forget this account") {
		t.Errorf("there is no button: %s", text)
	}
	go func() { // as the watcher of a running service does
		<-r.d.look
		r.rounds.watcher.lookAtAll(t.Context())
	}()
	if got, _ := r.submits(at+"/forget", url.Values{}, nil); got != 303 {
		t.Errorf("forgetting it: %d", got)
	}
	if _, text := r.ask(http.MethodGet, at, ""); !strings.Contains(text, "resolved") || strings.Contains(text, "Forget this account") {
		t.Errorf("it is not over: %s", text)
	}
}

func TestAPageLoadsNothingFromElsewhereAndSaysWhereItMayNotWrite(t *testing.T) {
	r := newRoad(t, "sqlite:"+t.TempDir()+"/state.db", lowRule, rules.Options{})
	r.api.lists("a1")
	r.pass(6 * time.Minute)
	fingerprint := r.fingerprint("Low")
	api := r.d.api()
	api.Refused = "not from here"
	handler := web.Handler(&web.Health{}, r.d.metrics, api)
	for path, want := range map[string]int{"/alerts": 200, "/alerts/" + fingerprint: 200, "/alerts/0123456789abcdef": 404, "/assets/style.css": 200} {
		got := httptest.NewRecorder()
		handler.ServeHTTP(got, httptest.NewRequest(http.MethodGet, "http://localhost:9595"+path, nil))
		if got.Code != want || got.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v", path, got.Code, got.Header())
		}
		if policy := got.Header().Get("Content-Security-Policy"); !strings.HasPrefix(path, "/assets") && !strings.HasPrefix(policy, "default-src 'none'; ") {
			t.Errorf("%s has the policy %q", path, policy)
		}
		if text := got.Body.String(); strings.Contains(text, "//") && path == "/alerts" || strings.Contains(text, "<form") {
			t.Errorf("%s: %s", path, text)
		}
	}
}
