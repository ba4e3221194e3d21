package alertmanager_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/notify/alertmanager"
	"github.com/billwatch/billwatch/notify/notifytest"
)

// postable is an alert as an Alertmanager of version 2 of the API takes it, no
// field more.
type postable struct {
	StartsAt     *time.Time        `json:"startsAt"`
	EndsAt       *time.Time        `json:"endsAt"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	GeneratorURL *string           `json:"generatorURL"`
}

// check says what an Alertmanager would not take of a body: what it refuses, or
// would silently change.
func check(body string) error {
	decoder := json.NewDecoder(strings.NewReader(body))
	decoder.DisallowUnknownFields()
	var alerts []postable
	if err := decoder.Decode(&alerts); err != nil {
		return err
	}
	if alerts == nil {
		return errors.New("is no list")
	}
	for i, a := range alerts {
		if err := checkAlert(a); err != nil {
			return fmt.Errorf("alert %d: %w", i, err)
		}
	}
	return nil
}

func checkAlert(a postable) error {
	if a.StartsAt == nil || a.EndsAt == nil || a.StartsAt.IsZero() || a.EndsAt.Before(*a.StartsAt) {
		return fmt.Errorf("runs from %v to %v", a.StartsAt, a.EndsAt)
	}
	if len(a.Labels) == 0 || a.Labels["alertname"] == "" {
		return fmt.Errorf("labels %v", a.Labels)
	}
	for _, set := range []map[string]string{a.Labels, a.Annotations} {
		for name, value := range set {
			if !model.LegacyValidation.IsValidLabelName(name) || !model.LabelValue(value).IsValid() {
				return fmt.Errorf("label or annotation %q: %q", name, value)
			}
		}
	}
	if a.GeneratorURL != nil {
		if u, err := url.Parse(*a.GeneratorURL); err != nil || u.Host == "" {
			return fmt.Errorf("generator %q", *a.GeneratorURL)
		}
	}
	return nil
}

const token = "Bearer header-token-0123"

func local(urls ...string) alertmanager.Config {
	c := alertmanager.Defaults()
	c.URLs = urls
	c.Headers = map[string]billwatch.Secret{"Authorization": token}
	return c
}

func build(t *testing.T, c alertmanager.Config) *alertmanager.Notifier {
	t.Helper()
	n, err := alertmanager.New(c, notify.Common{Integration: "am/alertmanager/0", UserAgent: "billwatch/test"})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestConformance(t *testing.T) {
	notifytest.HTTP(t, notifytest.Site{
		New: func(url string) (notify.Notifier, error) {
			return alertmanager.New(local(url), notify.Common{UserAgent: "billwatch/test"})
		},
		PublicURL: true, Secrets: []string{"header-token-0123"}, Check: check,
	})
}

func TestNothingIsSentAfterTheLease(t *testing.T) {
	notifytest.NothingAfterTheLease(t, func(url, caFile string) (notify.Notifier, error) {
		c := local(url)
		c.CAFile = caFile
		return alertmanager.New(c, notify.Common{})
	})
}

// fake is an Alertmanager that remembers what it was sent.
type fake struct {
	*httptest.Server
	answer http.HandlerFunc

	mu     sync.Mutex
	bodies []string
	asked  []*http.Request
}

func newFake(t *testing.T, answer http.HandlerFunc) *fake {
	t.Helper()
	f := &fake{answer: answer}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		f.mu.Lock()
		f.bodies, f.asked = append(f.bodies, string(body)), append(f.asked, r)
		f.mu.Unlock()
		if f.answer != nil {
			f.answer(w, r)
		}
	}))
	t.Cleanup(func() { f.CloseClientConnections(); f.Close() })
	return f
}

func TestAnAlertAsItIsPushed(t *testing.T) {
	f := newFake(t, nil)
	n := build(t, local(f.URL+"/prefix/"))
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	firing, over, back := notifytest.Alert("Harbour <sensors>"), notifytest.Alert("Acme"), notifytest.Alert("Beta")
	over.State, over.EndsAt = billwatch.Resolved, at.Add(-time.Minute)
	over.Annotations, over.RunbookURL, over.Labels["empty"] = nil, "", ""
	back.State, back.EndsAt = billwatch.Resolved, back.StartsAt.Add(-time.Hour) // a clock went back
	standing := notify.Standing{Alerts: []billwatch.Alert{firing, over, back}, At: at, ExternalURL: "https://billwatch.example.com/"}
	if err := n.Feeds()[0].Push(t.Context(), standing); err != nil {
		t.Fatal(err)
	}
	if err := check(f.bodies[0]); err != nil {
		t.Error(err)
	}
	want := `[
  {
    "startsAt": "2026-11-22T09:45:00Z",
    "endsAt": "2026-11-22T10:04:00Z",
    "labels": {
      "account": "app:1",
      "alertname": "CapacityLow",
      "provider": "notehub",
      "severity": "critical",
      "source": "blues"
    },
    "annotations": {
      "account_name": "Harbour <sensors>",
      "runbook_url": "https://wiki.example.com/runbooks/capacity",
      "summary": "Harbour <sensors> has 812 events left"
    },
    "generatorURL": "https://billwatch.example.com/alerts/` + firing.Fingerprint + `"
  },
  {
    "startsAt": "2026-11-22T09:45:00Z",
    "endsAt": "2026-11-22T09:59:00Z",
    "labels": {
      "account": "app:1",
      "alertname": "CapacityLow",
      "provider": "notehub",
      "severity": "critical",
      "source": "blues"
    },
    "annotations": {
      "account_name": "Acme"
    },
    "generatorURL": "https://billwatch.example.com/alerts/` + over.Fingerprint + `"
  },
  {
    "startsAt": "2026-11-22T09:45:00Z",
    "endsAt": "2026-11-22T09:45:00Z",`
	got := indented(t, f.bodies[0])
	if diff := cmp.Diff(want, got[:min(len(want), len(got))]); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	r := f.asked[0]
	seen := []string{r.Method, r.URL.Path, r.Header.Get("Content-Type"), r.Header.Get("User-Agent"), r.Header.Get("Authorization")}
	if diff := cmp.Diff([]string{"POST", "/prefix/api/v2/alerts", "application/json", "billwatch/test", token}, seen); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
}

func indented(t *testing.T, body string) string {
	t.Helper()
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	var alerts []struct {
		StartsAt     json.RawMessage `json:"startsAt"`
		EndsAt       json.RawMessage `json:"endsAt"`
		Labels       any             `json:"labels"`
		Annotations  any             `json:"annotations"`
		GeneratorURL string          `json:"generatorURL,omitempty"`
	}
	if err := json.Unmarshal([]byte(body), &alerts); err != nil {
		t.Fatal(err)
	}
	if err := encoder.Encode(alerts); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestBothSidesKnowAnAlertByTheSameFingerprint(t *testing.T) {
	f := newFake(t, nil)
	a := notifytest.Alert("Harbour sensors")
	if err := build(t, local(f.URL)).Feeds()[0].Push(t.Context(), notify.Standing{Alerts: []billwatch.Alert{a}, At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	var alerts []postable
	if err := json.Unmarshal([]byte(f.bodies[0]), &alerts); err != nil {
		t.Fatal(err)
	}
	theirs := model.LabelSet{}
	for name, value := range alerts[0].Labels {
		theirs[model.LabelName(name)] = model.LabelValue(value)
	}
	if got := theirs.Fingerprint().String(); got != a.Fingerprint {
		t.Errorf("there it is %s, here %s", got, a.Fingerprint)
	}
	if alerts[0].GeneratorURL != nil {
		t.Errorf("a page %q without pages", *alerts[0].GeneratorURL)
	}
}

func TestEachAlertmanagerIsToldOnItsOwn(t *testing.T) {
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if code == 0 {
				if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
					conn.Close()
				}
				return
			}
			w.Header().Set("Location", "/elsewhere") // for a redirect
			w.WriteHeader(code)
			fmt.Fprint(w, "because")
		}
	}
	cases := []struct {
		name  string
		codes []int
		want  string
		done  int
	}{
		{"all take it", []int{200, 200}, "delivered", 2},
		{"one is away", []int{200, 503}, "refused", 1},
		{"one does not say", []int{200, 0}, "unclear", 1},
		{"one does not say, one is away", []int{503, 0}, "unclear", 0},
		{"one never takes it", []int{200, 400}, "permanent", 1},
		{"one never, one not now", []int{400, 503}, "refused", 0},
		{"one is busy, one away", []int{429, 503}, "throttled", 0},
		{"a redirect is not followed", []int{307, 200}, "permanent", 1},
	}
	for _, c := range cases {
		first, second := newFake(t, status(c.codes[0])), newFake(t, status(c.codes[1]))
		n := build(t, local(first.URL, second.URL))
		receipt, err := notifytest.Send(t, n, notifytest.Notification())
		got := notifytest.Class(err)
		if _, _, throttled := notify.Throttle(err); throttled {
			got = "throttled"
		}
		if got != c.want || len(receipt.Done) != c.done {
			t.Errorf("%s: %s, done %v; want %s, %d done (%v)", c.name, got, receipt.Done, c.want, c.done, err)
		}
		if _, err := n.Notify(t.Context(), notifytest.Notification(), receipt); len(first.bodies)+len(second.bodies) != 4-c.done {
			t.Errorf("%s: again it was posted %d and %d times (%v); whoever has it needs no other", c.name, len(first.bodies), len(second.bodies), err)
		}
	}
}

func TestARefusalSaysWhy(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, `"invalid label set: `+r.Header.Get("Authorization")+`"`, http.StatusBadRequest)
	})
	err := build(t, local(f.URL)).Feeds()[0].Push(t.Context(), notify.Standing{Alerts: []billwatch.Alert{notifytest.Alert("A")}, At: time.Now()})
	if !notify.IsPermanent(err) || !strings.Contains(err.Error(), "invalid label set") || strings.Contains(err.Error(), "header-token") {
		t.Errorf("Push = %v, want why it was refused, and no secret", err)
	}
}

func TestAnAlertmanagerThatHangsIsLeft(t *testing.T) {
	f := newFake(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	c := local(f.URL)
	c.Timeout = 100 * time.Millisecond
	start := time.Now()
	err := build(t, c).Feeds()[0].Push(t.Context(), notify.Standing{At: start})
	if took := time.Since(start); err == nil || took > 3*time.Second || !strings.Contains(err.Error(), "no answer in time") {
		t.Errorf("Push = %v after %v", err, took)
	}
}

func TestWrongSettingsAreNamed(t *testing.T) {
	cases := []struct {
		name string
		set  func(*alertmanager.Config)
		want []string
	}{
		{"nothing is wrong", func(*alertmanager.Config) {}, nil},
		{"nothing is set", func(c *alertmanager.Config) { *c = alertmanager.Config{} }, []string{"timeout", "urls"}},
		{"another scheme", func(c *alertmanager.Config) { c.URLs = []string{"http://a", "ftp://b"} }, []string{"urls.1"}},
		{"no address", func(c *alertmanager.Config) { c.URLs = []string{"http://a b"} }, []string{"urls.0"}},
		{"no host", func(c *alertmanager.Config) { c.URLs = []string{"http:///x"} }, []string{"urls.0"}},
		{"a password", func(c *alertmanager.Config) { c.URLs = []string{"http://u:hunter2@a"} }, []string{"urls.0"}},
		{"a query", func(c *alertmanager.Config) { c.URLs = []string{"http://a?x"} }, []string{"urls.0"}},
		{"the API", func(c *alertmanager.Config) { c.URLs = []string{"http://a/api/v2/alerts"} }, []string{"urls.0"}},
		{"the API of old", func(c *alertmanager.Config) { c.URLs = []string{"http://a/x/api"} }, []string{"urls.0"}},
		{"one twice", func(c *alertmanager.Config) { c.URLs = []string{"http://a", "http://a/"} }, []string{"urls.1"}},
		{"a header of ours", func(c *alertmanager.Config) { c.Headers = map[string]billwatch.Secret{"Host": "x"} }, []string{"headers.Host"}},
		{"a header that is none", func(c *alertmanager.Config) { c.Headers = map[string]billwatch.Secret{"a b": "x"} }, []string{"headers.a b"}},
		{"a header of two lines", func(c *alertmanager.Config) { c.Headers = map[string]billwatch.Secret{"A": "x\r\ny: z"} }, []string{"headers.A"}},
		{"a proxy", func(c *alertmanager.Config) { c.ProxyURL = "proxy" }, []string{"proxy_url"}},
		{"a CA file", func(c *alertmanager.Config) { c.CAFile = "/nowhere" }, []string{"ca_file"}},
	}
	for _, c := range cases {
		settings := alertmanager.Defaults()
		settings.URLs = []string{"http://alertmanager:9093", "https://mimir.example.org/alertmanager/"}
		c.set(&settings)
		n, err := settings.New(notify.Common{})
		if (n == nil) != (err != nil) {
			t.Errorf("%s: New = %v, %v", c.name, n, err)
		}
		if diff := cmp.Diff(c.want, notifytest.Fields(err)); diff != "" {
			t.Errorf("%s: wrong fields (-want +got):\n%s", c.name, diff)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: error spells a password out: %v", c.name, err)
		}
	}
}

func TestAFeedIsNamedWithoutSecrets(t *testing.T) {
	n := build(t, local("http://alertmanager-0:9093", "https://mimir.example.org/alertmanager/"))
	var names []string
	for _, f := range n.Feeds() {
		names = append(names, f.Name())
		if said := fmt.Sprintf("%v %+v %#v", f, f, f); strings.Contains(said, "header-token") {
			t.Errorf("a secret is said in %s", said)
		}
	}
	if diff := cmp.Diff([]string{"alertmanager-0:9093", "mimir.example.org/alertmanager"}, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}
