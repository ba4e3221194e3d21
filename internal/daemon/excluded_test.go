package daemon

import (
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/rules"
)

func TestAnAccountThatIsNotSelectedHasNoPartInAnOutage(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		r := newRoad(t, dsn, "rules: [{ alert: Unseen, expr: balance < 0, on_unknown: alert }]", rules.Options{})
		r.api.lists("a1", "b2")
		r.pass(6 * time.Minute)
		r.source.Select = func(a billwatch.Account) billwatch.Outcome {
			if a.ID == "b2" {
				return billwatch.False
			}
			return billwatch.True
		}
		r.pass(5 * time.Minute)
		r.api.refuses(rejected)
		r.pass(6 * time.Minute)
		r.wantNews("when nothing can be listed", []string{"first: Unseen a1 firing"}, []string{"Unseen a1 firing"})
	})
}
