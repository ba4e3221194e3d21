package daemon

import (
	"context"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/rules"
)

// snail is an api that takes its time for every account.
type snail struct {
	*api
	clock *Clock
}

func (s snail) Fetch(ctx context.Context, a billwatch.Account) (billwatch.Snapshot, error) {
	s.clock.Set(s.clock.Now().Add(4 * time.Minute))
	return s.api.Fetch(ctx, a)
}

func TestASlowRoundMakesNobodyStale(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		r := newRoad(t, dsn, "rules: []", rules.Options{})
		r.source.Provider, r.source.Concurrency = snail{r.api, r.d.Clock}, 1
		r.api.lists("a1", "b2", "c3", "d4", "e5", "f6")
		r.pass(100 * time.Minute)
		r.wantNews("while each round takes 24 minutes", nil, nil)
		r.api.unread["a1"] = rejected
		r.pass(3 * time.Hour)
		r.wantNews("once one cannot be read", []string{"first: AccountStale a1 firing"}, []string{"AccountStale a1 firing"})
	})
}
