package web_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/web"
)

func TestProbesTellLifeFromReadiness(t *testing.T) {
	health := &web.Health{}
	handler := web.Handler(health, web.NewMetrics("test"), web.API{})
	for _, step := range []struct {
		what   string
		change func()
		ready  int
		says   string
	}{
		{"before the start it is live and not ready", func() {}, 503, "starting"},
		{"with its store it is ready", health.SetReady, 200, "ok"},
		{"without its store it is live and says why not ready", func() { health.SetNotReady("store is away") }, 503, "store is away"},
	} {
		step.change()
		if status, _ := ask(handler, "/-/healthy"); status != 200 {
			t.Errorf("%s: healthy answers %d", step.what, status)
		}
		if status, body := ask(handler, "/-/ready"); status != step.ready || !strings.Contains(body, step.says) {
			t.Errorf("%s: ready answers %d %q", step.what, status, body)
		}
	}
}

func ask(handler http.Handler, path string) (int, string) {
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
	return answer.Code, answer.Body.String()
}

func TestMetricsArePrometheussOwnWay(t *testing.T) {
	m := web.NewMetrics("test")
	account := billwatch.Account{Source: "blues", ID: "a1", Name: "Acme", Owner: "jane@example.com"}
	snapshot := billwatch.Snapshot{Account: account, Balance: billwatch.Known(billwatch.DecimalOf(812)), Suspended: billwatch.Known(true)}
	m.Polled(billwatch.Poll{Account: account, At: time.Unix(1, 0), Snapshot: &snapshot})
	m.Forecast(account.Key(), &billwatch.Forecast{BurnRate: 100, Runway: billwatch.Quantiles{P10: 1, P50: 2, P90: 3}})
	m.Evaluated(billwatch.Evaluation{Rule: "Low", Outcome: billwatch.True, Miswritten: 2})
	m.Miswrote("ops/slack/0")
	m.RoundEnded(billwatch.Round{Lease: billwatch.Lease{Source: "blues"}})
	m.Moved(billwatch.Transition{To: billwatch.Firing})
	m.Settled(billwatch.Settlement{Outcome: billwatch.Delivered})
	_, text := ask(web.Handler(&web.Health{}, m, web.API{}), "/metrics")
	for _, want := range []string{
		`billwatch_balance{account="a1",source="blues"} 812`,
		`billwatch_suspended{account="a1",source="blues"} 1`,
		`billwatch_runway_seconds{account="a1",q="0.5",source="blues"} 172800`,
		`billwatch_template_errors_total{integration="ops/slack/0"} 1`,
		`billwatch_annotation_errors_total{rule="Low"} 2`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	if strings.Contains(text, "Acme") || strings.Contains(text, "jane") {
		t.Error("metrics hold a name or an address")
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v %v", problems, err)
	}
	snapshot.Balance = billwatch.NotSent[billwatch.Decimal]()
	m.Polled(billwatch.Poll{Account: account, Snapshot: &snapshot})
	if _, text := ask(web.Handler(&web.Health{}, m, web.API{}), "/metrics"); strings.Contains(text, "billwatch_balance{") {
		t.Error("a balance that was not sent has a series")
	}
}

func TestAnAddressInUseIsSaid(t *testing.T) {
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	first, err := web.Listen("127.0.0.1:0", http.NotFoundHandler(), log)
	if err != nil {
		t.Fatal(err)
	}
	_, err = web.Listen(first.Address(), http.NotFoundHandler(), log)
	if err == nil || !strings.Contains(err.Error(), first.Address()) || !strings.Contains(err.Error(), "in use") {
		t.Errorf("got %v, want the address and that it is in use", err)
	}
}
