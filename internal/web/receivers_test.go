package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/billwatch/billwatch/internal/web"
)

func TestReceiversThatAreDownAndWhatIsOwedAreShown(t *testing.T) {
	now := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	since, oldest := now.Add(-time.Hour), now.Add(-90*time.Second)
	receivers := []web.Receiver{
		{Receiver: "ops", Integration: "ops/slack/0", DownSince: &since, Error: "channel_not_found", Pending: 3, OldestAt: &oldest},
		{Receiver: "hook", Integration: "hook/webhook/0"},
	}
	handler := web.Handler(&web.Health{}, web.NewMetrics("test"), web.API{
		Receivers: func(context.Context) ([]web.Receiver, error) { return receivers, nil },
		Now:       func() time.Time { return now },
	})
	_, text := ask(handler, "/metrics")
	for _, want := range []string{
		`billwatch_receiver_down{integration="ops/slack/0"} 1`, `billwatch_receiver_down{integration="hook/webhook/0"} 0`,
		`billwatch_notifications_pending{integration="ops/slack/0"} 3`,
		`billwatch_notifications_oldest_pending_age_seconds{integration="ops/slack/0"} 90`,
		`billwatch_notifications_oldest_pending_age_seconds{integration="hook/webhook/0"} 0`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	if problems, err := promlint.New(strings.NewReader(text)).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v %v", problems, err)
	}
	got := httptest.NewRecorder()
	handler.ServeHTTP(got, httptest.NewRequest(http.MethodGet, "http://localhost/api/v1/receivers", nil))
	if body := got.Body.String(); got.Code != 200 || !strings.Contains(body, `"down_since": "2026-03-01T07:00:00Z"`) || !strings.Contains(body, `"error": "channel_not_found"`) {
		t.Errorf("answered %d %s", got.Code, body)
	}
	receivers = nil
	if _, text := ask(handler, "/metrics"); strings.Contains(text, "billwatch_receiver_down{") {
		t.Error("a receiver that is no longer there has a series")
	}
}
