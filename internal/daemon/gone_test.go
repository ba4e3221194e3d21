package daemon

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/billwatch/billwatch/internal/web"
	"github.com/billwatch/billwatch/rules"
)

// polls makes the round of the next slot, with no tick beside it.
func (r *road) polls() {
	r.Helper()
	r.d.Clock.Set(r.d.Clock.Now().Add(r.interval))
	slot, _ := r.source.Timing.Slot(r.source.Name, r.d.Clock.Now())
	_, err := r.rounds.poll(r.Context(), r.source, slot)
	r.must(err)
}

// metrics is the page that Prometheus reads.
func (r *road) metrics() string {
	answer := httptest.NewRecorder()
	web.Handler(&web.Health{}, r.d.metrics, web.API{}).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return answer.Body.String()
}

func TestAnAccountIsGoneWithTheRoundThatMissesItAndSoAreItsSeries(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		r := newRoad(t, dsn, "rules: []", rules.Options{})
		r.api.lists("a1", "b2")
		r.polls()
		const series = `billwatch_balance{account="a1",source="blues"}`
		if !strings.Contains(r.metrics(), series) {
			t.Fatalf("an account that was read has no %s", series)
		}
		r.news()
		r.api.lists("b2")
		r.polls()
		r.polls()
		r.wantNews("missing twice", nil, nil)
		r.polls()
		r.wantNews("with the third round", nil, []string{"AccountGone a1 firing"})
		if strings.Contains(r.metrics(), series) {
			t.Errorf("an account that is gone has %s", series)
		}
		r.api.lists("a1", "b2")
		r.polls()
		if !strings.Contains(r.metrics(), series) {
			t.Errorf("an account that is back has no %s", series)
		}
	})
}

func TestARuleOfOnesOwnTakesABuiltinsPlace(t *testing.T) {
	r := newRoad(t, "sqlite:"+t.TempDir()+"/state.db", `
rules:
  - { alert: SourceDown, expr: balance < 1000, labels: { severity: info } }
`, rules.Options{Disabled: []string{rules.AccountSuspended, rules.RunsOutSoon}})
	r.api.lists("a1")
	r.pass(11 * time.Minute)
	r.wantNews("as a rule on accounts", []string{"first: SourceDown a1 firing"}, []string{"SourceDown a1 firing"})
	r.api.refuses(rejected)
	r.pass(time.Hour)
	if _, moved := r.news(); slices.ContainsFunc(moved, func(m string) bool { return strings.HasPrefix(m, "SourceDown firing") }) {
		t.Errorf("the built-in rule still works: %q", moved)
	}
}
