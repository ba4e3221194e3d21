package daemon

import (
	"sync"

	"github.com/billwatch/billwatch"
)

// shortRunway is for how many days a balance lasts that is near to trouble.
const shortRunway = 14

// runways are the accounts whose balance does not last long, as they were
// judged last. A short request budget is spent on them first.
type runways struct {
	mu   sync.Mutex
	days map[billwatch.AccountKey]float64
}

func (r *runways) note(k billwatch.AccountKey, f *billwatch.Forecast) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f == nil || f.Runway.P50 >= shortRunway {
		delete(r.days, k)
		return
	}
	if r.days == nil {
		r.days = map[billwatch.AccountKey]float64{}
	}
	r.days[k] = max(f.Runway.P50, 0.01) // zero would say that it lasts
}

// tell adds what is known to a source's accounts.
func (r *runways) tell(known []billwatch.Remembered) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.days) == 0 {
		return
	}
	for i := range known {
		known[i].Runway = r.days[known[i].Account.Key()]
	}
}
