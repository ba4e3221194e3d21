// Package simulate serves billing APIs that exist nowhere, for the demo and for
// tests that want a whole provider, and an inbox that takes the messages.
//
// Everything it serves is a pure function of the clock that it is given, so
// that balances and histories agree and two runs are alike.
package simulate

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Config is what a simulated API lives by.
type Config struct {
	Now   func() time.Time // the simulated clock
	Start time.Time        // when the story begins; there are 90 days before it
	Token string           // that requests must carry; any where empty
	Seed  uint64           // of the noise and the identities
}

// NewNotehub returns the organization endpoints of Notehub, with a dozen
// organizations, and the older endpoints of billing accounts, which are the same
// dozen with other identities. In the first five hours after Start one is low from the
// beginning, one runs low and is topped up, one runs dry, one is suspended and
// lifted, one bursts, and the API is out of order for half an hour; a plan ends
// on the third day.
func NewNotehub(c Config) http.Handler {
	n := &notehub{Config: c}
	for i, a := range cast() {
		a.index = uint64(i)
		n.accounts = append(n.accounts, newSimulation(a, c))
	}
	mux := http.NewServeMux()
	n.serve(mux, family{path: "organizations", field: "organizations", email: true})
	n.serve(mux, family{path: "billing-accounts", field: "billing_accounts", identities: 0xB111})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fail(w, r, http.StatusNotFound, "The requested resource could not be found")
	})
	return n.guard(mux)
}

type notehub struct {
	Config
	accounts []*simulation
}

// family is one of the two groups of endpoints, which differ in little.
type family struct {
	path       string
	field      string // of the list
	identities uint64 // added to the seed of the ids
	email      bool   // whether a detail has one
}

func (n *notehub) serve(mux *http.ServeMux, f family) {
	one := func(answer func(*simulation, family, http.ResponseWriter, *http.Request)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			a := n.find(f, r.PathValue("id"))
			if a == nil {
				fail(w, r, http.StatusNotFound, "The requested resource could not be found")
				return
			}
			answer(a, f, w, r)
		}
	}
	mux.HandleFunc("GET /v1/"+f.path, func(w http.ResponseWriter, _ *http.Request) { n.list(w, f) })
	mux.HandleFunc("GET /v1/"+f.path+"/{id}", one(n.detail))
	mux.HandleFunc("GET /v1/"+f.path+"/{id}/balance-history", one(n.history))
}

func (n *notehub) id(f family, a *simulation) string { return identity(n.Seed+f.identities, a.index) }

func (n *notehub) find(f family, id string) *simulation {
	for _, a := range n.accounts {
		if n.id(f, a) == id {
			return a
		}
	}
	return nil
}

// guard answers what every endpoint answers alike: outages and wrong tokens.
func (n *notehub) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case outOfOrder(n.Now().Sub(n.Start)):
			fail(w, r, http.StatusServiceUnavailable, "The service is out of order")
		case n.Token != "" && r.Header.Get("Authorization") != "Bearer "+n.Token:
			fail(w, r, http.StatusUnauthorized, "The request could not be authorized")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// outOfOrder says whether the API fails: half an hour on the first day, then
// an hour every sixth day.
func outOfOrder(since time.Duration) bool {
	if since < 0 {
		return false
	}
	const first = 3*time.Hour + 30*time.Minute
	within := func(t, from, length time.Duration) bool { return t >= from && t < from+length }
	return within(since, first, 30*time.Minute) ||
		(since >= 6*day && within(since%(6*day), 14*time.Hour, time.Hour))
}

func (n *notehub) list(w http.ResponseWriter, f family) {
	type row struct {
		UID  string `json:"uid"`
		Name string `json:"name"`
		Role string `json:"role"`
	}
	rows := make([]row, len(n.accounts))
	for i, a := range n.accounts {
		rows[i] = row{n.id(f, a), a.name, a.role}
	}
	answer(w, http.StatusOK, map[string]any{f.field: rows})
}

type planJSON struct {
	Type     string     `json:"type"`
	Balance  int64      `json:"current_balance"`
	Start    time.Time  `json:"start_date"`
	End      *time.Time `json:"end_date,omitempty"`
	Capacity int64      `json:"event_capacity,omitempty"`
}

type detailJSON struct {
	UID       string   `json:"uid"`
	Name      string   `json:"name"`
	Owner     string   `json:"owner"`
	Email     string   `json:"email,omitempty"`
	Suspended bool     `json:"suspended"`
	Plan      planJSON `json:"plan"`
}

func (n *notehub) detail(a *simulation, f family, w http.ResponseWriter, r *http.Request) {
	now := n.Now()
	if covers(a.refused, now.Sub(n.Start)) {
		fail(w, r, http.StatusForbidden, "this billing account is suspended")
		return
	}
	body := detailJSON{
		UID: n.id(f, a), Name: a.name, Owner: a.contact,
		Suspended: covers(a.suspended, now.Sub(n.Start)),
		Plan:      a.planAt(now),
	}
	if f.email {
		body.Email = a.contact
	}
	answer(w, http.StatusOK, body)
}

type recordJSON struct {
	Period    time.Time `json:"period"`
	Remaining int64     `json:"remaining_event_capacity"`
	Used      int64     `json:"total_event_capacity_used"`
}

func (n *notehub) history(a *simulation, _ family, w http.ResponseWriter, r *http.Request) {
	now := n.Now()
	from, errFrom := unixParam(r, "startDate", n.Start.Add(-historyDays*day))
	to, errTo := unixParam(r, "endDate", now)
	if errFrom != nil || errTo != nil {
		fail(w, r, http.StatusBadRequest, "The request was malformed or contained invalid parameters")
		return
	}
	records := []recordJSON{}
	for _, record := range a.run(now).days {
		if !record.Period.Before(from.Truncate(day)) && !record.Period.After(to) {
			records = append(records, record)
		}
	}
	answer(w, http.StatusOK, map[string]any{"data": records})
}

func unixParam(r *http.Request, name string, otherwise time.Time) (time.Time, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return otherwise, nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s is not in Unix seconds", name)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // whoever asked has gone
}

func fail(w http.ResponseWriter, r *http.Request, status int, text string) {
	answer(w, status, map[string]any{
		"err": text, "code": status, "status": http.StatusText(status), "request": r.URL.RequestURI(),
	})
}
