package daemon

import (
	"context"
	"io"
	"log/slog"
	"testing"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/web"
)

// oneAlert is a memory of one account on which alerts stand.
type oneAlert struct {
	known   billwatch.Knowledge
	batches []billwatch.Batch
}

func (m *oneAlert) Know(context.Context, string, []string) (map[string]billwatch.Knowledge, error) {
	return map[string]billwatch.Knowledge{acme.ID: m.known}, nil
}

func (m *oneAlert) Commit(_ context.Context, b billwatch.Batch) error {
	m.batches = append(m.batches, b)
	m.known.Alerts = b.Alerts
	return nil
}

func TestAlertsFromBeforeTheStartAreRoutedOnce(t *testing.T) {
	plan := planWith(t, lowRule)
	stands := newJudge(plan).judge(reads(812), billwatch.Knowledge{}, noon).alerts
	m := &oneAlert{known: billwatch.Knowledge{Alerts: stands}}
	p := &pipeline{memory: m, plans: newPlans(plan), metrics: web.NewMetrics("test"), clock: NewClock(noon, 1),
		log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	for _, poll := range []billwatch.Poll{fails(), reads(800), reads(5000)} {
		if err := p.once(t.Context(), nil, billwatch.Batch{Lease: billwatch.Lease{Source: acme.Source}, Polls: []billwatch.Poll{poll}}); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []struct {
		what     string
		due      int
		standing bool
	}{
		{"the first look routes what stands, blind or not", 1, true},
		{"the second has nothing to add", 0, false},
		{"the end is told as ever", 1, false},
	} {
		got := m.batches[i].Due
		if len(got) != want.due || len(got) > 0 && got[0].Standing != want.standing {
			t.Errorf("%s: due %+v", want.what, got)
		}
	}
}
