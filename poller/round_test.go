package poller_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
	"github.com/google/go-cmp/cmp"
)

// fake is a provider whose answers a test sets, and which counts its requests.
type fake struct {
	mu       sync.Mutex
	ids      []string
	fail     map[string]error // by "list", id or id + "/history"
	heal     int              // failures that go away after as many requests
	partial  bool
	slow     time.Duration
	records  func(id string, since time.Time) []billwatch.Record
	refresh  func() bool
	requests []string
	running  int
	most     int
	budget   *poller.Budget
}

func (f *fake) request(ctx context.Context, what string) error {
	if f.budget != nil {
		ask := f.budget.Ask
		if strings.HasSuffix(what, "/history") {
			ask = f.budget.AskHistory
		}
		if err := ask(ctx); err != nil {
			return err
		}
	}
	f.mu.Lock()
	f.requests = append(f.requests, what)
	f.running++
	f.most = max(f.most, f.running)
	err := f.fail[what]
	if err != nil && f.heal > 0 {
		if f.heal--; f.heal == 0 {
			delete(f.fail, what)
		}
	}
	f.mu.Unlock()
	if f.slow > 0 {
		select {
		case <-time.After(f.slow):
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	f.mu.Lock()
	f.running--
	f.mu.Unlock()
	return err
}

func (f *fake) List(ctx context.Context) (poller.Listing, error) {
	if err := f.request(ctx, "list"); err != nil {
		return poller.Listing{}, err
	}
	l := poller.Listing{Complete: !f.partial}
	if f.partial {
		l.Problems = []error{errors.New("row 1 is odd")}
	}
	for _, id := range f.ids {
		l.Rows = append(l.Rows, poller.Row{Account: billwatch.Account{ID: id, Name: "name of " + id}})
	}
	return l, nil
}

func (f *fake) Fetch(ctx context.Context, a billwatch.Account) (billwatch.Snapshot, error) {
	err := f.request(ctx, a.ID)
	s := billwatch.Snapshot{Account: a, Suspended: billwatch.Known(false), State: billwatch.Known("active"), Balance: billwatch.Known(billwatch.DecimalOf(5))}
	if poller.KindOf(err) == poller.Suspended {
		s = billwatch.Snapshot{Account: a, Suspended: billwatch.Known(true), Balance: billwatch.NotSent[billwatch.Decimal]()}
	}
	s.Account.Email = a.ID + "@example.com"
	return s, err
}

func (f *fake) History(ctx context.Context, id string, since time.Time) ([]billwatch.Record, error) {
	if err := f.request(ctx, id+"/history"); err != nil {
		return nil, err
	}
	if f.records == nil {
		return nil, nil
	}
	return f.records(id, since), nil
}

func (f *fake) Refresh() (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, "refresh")
	return f.refresh != nil && f.refresh(), nil
}

// asked returns the requests since it was last called, sorted.
func (f *fake) asked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	got := slices.Sorted(slices.Values(f.requests))
	f.requests = nil
	return got
}

func source(f *fake) *poller.Source {
	return &poller.Source{
		Name: "blues", Provider: f, Timing: poller.Timing{Interval: 5 * time.Minute}, Budget: f.budget,
		Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}
}

// outcome is a round in short: "a ok, b missing".
func outcome(polls []billwatch.Poll) string {
	var words []string
	for _, p := range polls {
		word := "ok"
		switch {
		case errors.Is(p.Err, poller.ErrMissing):
			word = "missing"
		case p.Err != nil:
			word = "failed"
		case p.Snapshot == nil:
			word = "nothing"
		}
		if p.HistoryAsked {
			word += fmt.Sprintf("+%d", len(p.Records))
		}
		words = append(words, p.Account.ID+" "+word)
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}

func run(t *testing.T, s *poller.Source, known ...billwatch.Remembered) ([]billwatch.Poll, billwatch.Round) {
	t.Helper()
	var polls []billwatch.Poll
	r := s.Round(t.Context(), known, func(p billwatch.Poll) { polls = append(polls, p) })
	return polls, r
}

// remembered are accounts that were read before, history included.
func remembered(ids ...string) []billwatch.Remembered {
	var known []billwatch.Remembered
	for _, id := range ids {
		a := billwatch.Account{Source: "blues", ID: id, Name: "old name of " + id, Owner: "owner of " + id}
		known = append(known, billwatch.Remembered{
			Account: a, HistoryAsked: time.Now(), HistoryThrough: time.Now().Truncate(24 * time.Hour),
			Last: &billwatch.Snapshot{
				Account: a, At: time.Now().Add(-time.Minute), State: billwatch.Known("active"),
				Balance: billwatch.Known(billwatch.DecimalOf(77)), Unit: "events",
			},
		})
	}
	return known
}

func broken(kind poller.Kind, status int) error { return &poller.Error{Kind: kind, Status: status} }

func TestRound(t *testing.T) {
	known := remembered("a", "b", "c")
	gone := slices.Clone(known)
	gone[2].Gone = true
	for _, c := range []struct {
		what     string
		f        *fake
		known    []billwatch.Remembered
		polls    string
		asked    string
		err      bool
		complete bool
	}{
		{"a cycle costs one listing and one request per account", &fake{ids: []string{"a", "b", "c"}}, known,
			"a ok, b ok, c ok", "a b c list", false, true},
		{"an account listed twice is read once", &fake{ids: []string{"a", "b", "a", "c"}}, known,
			"a ok, b ok, c ok", "a b c list", false, true},
		{"one account's failure is its own", &fake{ids: []string{"a", "b", "c"}, fail: map[string]error{"b": broken(poller.Gone, 404)}}, known,
			"a ok, b failed, c ok", "a b c list", false, true},
		{"an account that the listing leaves out fails", &fake{ids: []string{"a", "b"}}, known,
			"a ok, b ok, c missing", "a b list", false, true},
		{"one that is gone is not looked for", &fake{ids: []string{"a", "b"}}, gone,
			"a ok, b ok", "a b list", false, true},
		{"one that is gone and comes back is read", &fake{ids: []string{"a", "b", "c"}}, gone,
			"a ok, b ok, c ok", "a b c list", false, true},
		{"an incomplete listing is not complete", &fake{ids: []string{"a", "b"}, partial: true}, known,
			"a ok, b ok, c missing", "a b list", false, false},
		{"a listing that fails fails every account", &fake{fail: map[string]error{"list": broken(poller.Unreadable, 200)}}, known,
			"a failed, b failed, c failed", "list", true, false},
		{"an outage costs one retry", &fake{fail: map[string]error{"list": broken(poller.Failed, 503)}}, known,
			"a failed, b failed, c failed", "list list", true, false},
		{"a hiccup costs one retry", &fake{ids: []string{"a", "b", "c"}, fail: map[string]error{"list": broken(poller.Failed, 0)}, heal: 1}, known,
			"a ok, b ok, c ok", "a b c list list", false, true},
		{"a detail's hiccup costs one retry", &fake{ids: []string{"a", "b", "c"}, fail: map[string]error{"b": broken(poller.Failed, 502)}, heal: 1}, known,
			"a ok, b ok, c ok", "a b b c list", false, true},
		{"an outage in the middle of a round costs one retry", &fake{ids: []string{"a", "b", "c"}, fail: map[string]error{
			"a": broken(poller.Failed, 503), "b": broken(poller.Failed, 503), "c": broken(poller.Failed, 503)}}, known,
			"a failed, b failed, c failed", "4 list", false, true},
		{"a rejected credential is read again once", &fake{fail: map[string]error{"list": broken(poller.Credential, 401)}}, known,
			"a failed, b failed, c failed", "list refresh", true, false},
		{"a new credential is used at once", &fake{ids: []string{"a", "b", "c"}, fail: map[string]error{"list": broken(poller.Credential, 401)},
			heal: 1, refresh: func() bool { return true }}, known,
			"a ok, b ok, c ok", "a b c list list refresh", false, true},
		{"a new credential that is rejected as well", &fake{fail: map[string]error{"list": broken(poller.Credential, 401)},
			refresh: func() bool { return true }}, known,
			"a failed, b failed, c failed", "list list refresh", true, false},
		{"many rejections read the file once", &fake{ids: []string{"a", "b", "c"}, fail: map[string]error{
			"a": broken(poller.Credential, 401), "b": broken(poller.Credential, 401), "c": broken(poller.NotPermitted, 403)}}, known,
			"a failed, b failed, c failed", "a b c list refresh", false, true},
		{"an empty listing fails every account", &fake{}, known,
			"a failed, b failed, c failed", "list", true, false},
		{"an empty listing of a new source is a listing", &fake{}, nil,
			"", "list", false, true},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := source(c.f)
				c.f.budget = nil
				s.Budget = poller.NewBudget(0, time.Now)
				polls, r := run(t, s, refreshed(c.known)...)
				if got := outcome(polls); got != c.polls {
					t.Errorf("got %s\nwant %s", got, c.polls)
				}
				asked := strings.Join(c.f.asked(), " ")
				if strings.HasPrefix(c.asked, "4 ") { // which one is tried again is open
					asked = fmt.Sprint(len(strings.Fields(asked))-1, " list")
				}
				if asked != c.asked {
					t.Errorf("asked %s, want %s", asked, c.asked)
				}
				if (r.Err != nil) != c.err || r.Complete != c.complete {
					t.Errorf("got error %v, complete %v", r.Err, r.Complete)
				}
			})
		})
	}
}

// refreshed moves the accounts' times to the bubble's clock.
func refreshed(known []billwatch.Remembered) []billwatch.Remembered {
	known = slices.Clone(known)
	for i := range known {
		known[i].HistoryAsked, known[i].HistoryThrough = time.Now(), time.Now().Truncate(24*time.Hour)
		last := *known[i].Last
		last.At = time.Now().Add(-time.Minute)
		known[i].Last = &last
	}
	return known
}

func TestTheThirdEmptyListingIsBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		s := source(f)
		known := remembered("a", "b")
		for i, want := range []struct {
			polls    string
			complete bool
		}{
			{"a failed, b failed", false}, {"a failed, b failed", false},
			{"a failed, b failed", false}, // a failed listing between neither counts nor resets
			{"a missing, b missing", true},
		} {
			f.fail = nil
			if i == 2 {
				f.fail = map[string]error{"list": broken(poller.Unreadable, 200)}
			}
			polls, r := run(t, s, known...)
			if got := outcome(polls); got != want.polls || r.Complete != want.complete || (r.Err == nil) != want.complete || len(r.Seen) > 0 {
				t.Errorf("listing %d: got %s, %+v", i+1, got, r)
			}
		}
		f.ids = []string{"a", "b"}
		run(t, s, known...)
		f.ids = nil
		if _, r := run(t, s, known...); r.Complete {
			t.Error("an empty listing after a full one was believed at once")
		}
	})
}

func TestASuspendedRefusalCarriesTheRestOver(t *testing.T) {
	f := &fake{ids: []string{"new", "old"}, fail: map[string]error{"old": broken(poller.Suspended, 403), "new": broken(poller.Suspended, 403)}}
	s := source(f)
	s.Labels = billwatch.Labels{"team": "iot"}
	polls, _ := run(t, s, remembered("old")...)
	got := map[string]billwatch.Snapshot{}
	for _, p := range polls {
		if p.Err != nil || p.Snapshot == nil {
			t.Fatalf("got %+v", p)
		}
		if !p.Snapshot.At.Equal(p.At) || p.At.IsZero() || p.At.Location() != time.UTC {
			t.Errorf("read at %s, polled at %s", p.Snapshot.At, p.At)
		}
		snapshot := *p.Snapshot
		snapshot.At = time.Time{}
		got[p.Account.ID] = snapshot
	}
	account := func(id, owner string) billwatch.Account {
		return billwatch.Account{Source: "blues", ID: id, Name: "name of " + id, Owner: owner, Email: id + "@example.com", Labels: s.Labels}
	}
	want := map[string]billwatch.Snapshot{
		"old": {Account: account("old", "owner of old"), Suspended: billwatch.Known(true), State: billwatch.Known("suspended"),
			Balance: billwatch.Known(billwatch.DecimalOf(77)), Unit: "events"},
		"new": {Account: account("new", ""), Suspended: billwatch.Known(true), Balance: billwatch.NotSent[billwatch.Decimal]()},
	}
	if diff := cmp.Diff(want, got, cmp.Exporter(func(reflect.Type) bool { return true })); diff != "" {
		t.Error(diff)
	}
}

func TestSelect(t *testing.T) {
	f := &fake{ids: []string{"late", "no", "unsure", "yes"}}
	s := source(f)
	s.Select = func(a billwatch.Account) billwatch.Outcome {
		switch {
		case a.ID == "no":
			return billwatch.False
		case a.ID != "yes":
			return billwatch.Unknown
		}
		return billwatch.True
	}
	s.SelectRead = func(s billwatch.Snapshot) billwatch.Outcome {
		if s.Account.ID == "late" && s.Account.Email != "" { // known from the detail only
			return billwatch.False
		}
		return billwatch.Unknown
	}
	polls, r := run(t, s, remembered("late", "no", "unsure", "yes")...)
	if got := outcome(polls); got != "unsure ok, yes ok" {
		t.Errorf("got %s", got)
	}
	if got := strings.Join(f.asked(), " "); got != "late list unsure yes" {
		t.Errorf("asked %s", got)
	}
	slices.Sort(r.Excluded)
	if len(r.Seen) != 4 || strings.Join(r.Excluded, " ") != "late no" {
		t.Errorf("got seen %v, excluded %v", r.Seen, r.Excluded)
	}
}

func TestSelectThatCannotTellKeepsItsLastAnswer(t *testing.T) {
	f := &fake{ids: []string{"in", "new", "out", "shut"}}
	s := source(f)
	s.Select = func(billwatch.Account) billwatch.Outcome { return billwatch.Unknown }
	s.SelectRead = func(billwatch.Snapshot) billwatch.Outcome { return billwatch.Unknown }
	f.fail = map[string]error{"shut": errors.New("closed to us")}
	known := remembered("in", "out")
	known[1].Excluded = true
	polls, r := run(t, s, known...)
	if got := outcome(polls); got != "in ok" {
		t.Errorf("got %s", got)
	}
	if slices.Sort(r.Excluded); strings.Join(r.Excluded, " ") != "new out shut" {
		t.Errorf("excluded %v", r.Excluded)
	}
	if len(r.Problems) != 1 || !strings.Contains(r.Problems[0], "closed to us") {
		t.Errorf("of an account that was never read, and cannot be, was said %q", r.Problems)
	}
}

func TestRequestsRunSeveralAtATimeAndPollsComeOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{slow: time.Second}
		for i := range 20 {
			f.ids = append(f.ids, fmt.Sprint(i))
		}
		s := source(f)
		s.Concurrency = 5
		start, inside := time.Now(), false
		s.Round(t.Context(), nil, func(billwatch.Poll) {
			if inside {
				t.Error("two polls at once")
			}
			inside = true
			<-time.After(time.Millisecond)
			inside = false
		})
		if f.most != 5 {
			t.Errorf("%d requests at a time, want 5", f.most)
		}
		if took := time.Since(start); took > 26*time.Second { // list, 20 details and 20 histories one by one
			t.Errorf("took %s", took)
		}
	})
}

func TestWhatWasNotReadWhenTheContextEndsIsNotEmitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{ids: []string{"a", "b", "c", "d"}, slow: time.Second}
		s := source(f)
		s.Concurrency = 1
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		var polls []billwatch.Poll
		r := s.Round(ctx, remembered("a", "b", "c", "d", "e"), func(p billwatch.Poll) { polls = append(polls, p) })
		if got := outcome(polls); got != "a ok, e missing" {
			t.Errorf("got %s", got)
		}
		if r.Err == nil || r.Complete {
			t.Errorf("got %+v", r)
		}
	})
}
