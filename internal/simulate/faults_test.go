package simulate_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/simulate"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/poller/cudo"
	"github.com/billwatch/billwatch/poller/notehub"
)

// api is a provider and what it is run against.
type api struct {
	name     string
	serve    func(simulate.Config) http.Handler
	settings func(address string) poller.Settings
	accounts int
	places   []place
}

// place is where an API has trouble.
type place struct {
	name    string
	step    time.Duration // from the good round to the bad one
	trouble func(simulate.Fault) simulate.Trouble
}

func everywhere() place {
	return place{"everywhere", 5 * time.Minute, func(f simulate.Fault) simulate.Trouble { return simulate.Trouble{Fault: f} }}
}

func at(name, path string, step time.Duration) place {
	return place{name, step, func(f simulate.Fault) simulate.Trouble { return simulate.Trouble{Fault: f, Path: path} }}
}

func laterPages() place {
	return place{"later pages", 5 * time.Minute, func(f simulate.Fault) simulate.Trouble {
		return simulate.Trouble{Fault: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.URL.Query().Get("pageToken") == "" {
				next.ServeHTTP(w, r)
				return
			}
			f(w, r, next)
		}}
	}}
}

func apis() []api {
	hub := func(kind poller.Type) func(string) poller.Settings {
		return func(address string) poller.Settings {
			c := kind.Settings().(*notehub.Config)
			c.BaseURL, c.Token = address, token
			return c
		}
	}
	return []api{
		{"cudo", simulate.NewCudo, func(address string) poller.Settings {
			c := cudo.BillingAccounts().Settings().(*cudo.Config)
			c.BaseURL, c.APIKey = address, token
			return c
		}, 8, []place{everywhere(), laterPages()}},
		{"notehub", simulate.NewNotehub, hub(notehub.Organizations()), 12,
			[]place{everywhere(), at("details", "/v1/organizations/*", 5*time.Minute), at("histories", "/v1/organizations/*/balance-history", day)}},
		{"notehub-billing-accounts", simulate.NewNotehub, hub(notehub.BillingAccounts()), 12, []place{everywhere()}},
	}
}

// rig is a provider that asks its API through faults.
type rig struct {
	*world
	faults   *simulate.Faults
	source   *poller.Source
	accounts int
}

func newRig(t *testing.T, a api, timeout time.Duration) *rig {
	t.Helper()
	start := time.Date(2026, 11, 24, 10, 17, 0, 0, time.UTC)
	r := &rig{world: &world{start: start, now: start}, accounts: a.accounts}
	r.faults = simulate.NewFaults(a.serve(simulate.Config{Now: r.clock, Start: start, Token: token, Seed: 7}), r.clock)
	server := httptest.NewServer(r.faults)
	t.Cleanup(server.Close)
	p, err := a.settings(server.URL).New(poller.Common{Source: "s", Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	r.source = &poller.Source{
		Name: "s", Provider: p, Timing: poller.Timing{Interval: 5 * time.Minute}, Concurrency: 12,
		Now: r.clock, Log: slog.New(slog.DiscardHandler),
	}
	return r
}

// seen is what a round gave.
type seen struct {
	round   billwatch.Round
	good    map[string]billwatch.Snapshot
	failed  map[string]error
	records map[string][]billwatch.Record
}

func (r *rig) poll(ctx context.Context, since time.Duration, known []billwatch.Remembered) seen {
	r.turn(since)
	out := seen{good: map[string]billwatch.Snapshot{}, failed: map[string]error{}, records: map[string][]billwatch.Record{}}
	out.round = r.source.Round(ctx, known, func(p billwatch.Poll) {
		if p.Err != nil {
			out.failed[p.Account.ID] = p.Err
			return
		}
		out.good[p.Account.ID] = *p.Snapshot
		out.records[p.Account.ID] = append(out.records[p.Account.ID], p.Records...)
	})
	return out
}

// truth is what the API says where nothing is in its way: when the story
// begins, at the round with the fault and at the one after it.
type truth struct {
	known        []billwatch.Remembered
	during, then seen
}

func newTruth(t *testing.T, a api, step time.Duration) truth {
	r := newRig(t, a, patient)
	var out truth
	for id, snapshot := range r.poll(t.Context(), 0, nil).good {
		out.known = append(out.known, billwatch.Remembered{
			Account: snapshot.Account, Last: &snapshot,
			HistoryAsked: r.start, HistoryThrough: r.start.Truncate(day).Add(-day),
		})
		if id == "" {
			t.Error("an account has no id")
		}
	}
	out.during = r.poll(t.Context(), step, out.known)
	out.then = r.poll(t.Context(), step+5*time.Minute, out.known)
	if len(out.known) != a.accounts || len(out.during.good) != a.accounts || len(out.then.good) != a.accounts {
		t.Fatalf("of %d accounts are known: %d, %d, %d", a.accounts, len(out.known), len(out.during.good), len(out.then.good))
	}
	return out
}

type faultCase struct {
	what  string
	fault simulate.Fault
	kind  poller.Kind // of the listing's error; none where the listing is read
	fails string      // which polls, where everything is met: all, some or none

	timeout time.Duration // short only where nothing else ends the request
}

const (
	patient = time.Minute
	hasty   = 2 * time.Second
)

// faultCases are the ways to fail, each with what a round makes of it. The last
// one is no failure.
func faultCases(elsewhere string) []faultCase {
	return []faultCase{
		{"latency beyond the time-out", simulate.Slow(time.Minute), poller.Failed, "all", hasty},
		{"429 without Retry-After", simulate.Refuse(429, ""), poller.RateLimited, "all", patient},
		{"429 with Retry-After in seconds", simulate.Refuse(429, "90"), poller.RateLimited, "all", patient},
		{"429 with Retry-After as a date", simulate.Refuse(429, "Tue, 24 Nov 2099 10:30:00 GMT"), poller.RateLimited, "all", patient},
		{"429 with RetryInfo in the body", simulate.RefuseInBody(429, 90*time.Second), poller.RateLimited, "all", patient},
		{"400", simulate.Refuse(400, ""), poller.Failed, "all", patient},
		{"401", simulate.Refuse(401, ""), poller.Credential, "all", patient},
		{"403", simulate.Refuse(403, ""), poller.NotPermitted, "all", patient},
		{"404", simulate.Refuse(404, ""), poller.Gone, "all", patient},
		{"500", simulate.Refuse(500, ""), poller.Failed, "all", patient},
		{"503 with Retry-After", simulate.Refuse(503, "90"), poller.Failed, "all", patient},
		{"204 without a body", func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { w.WriteHeader(204) }, poller.Unreadable, "all", patient},
		{"a page for people, 200", simulate.Page(200), poller.Unreadable, "all", patient},
		{"a page for people, 502", simulate.Page(502), poller.Failed, "all", patient},
		{"JSON that ends in the middle", simulate.CutJSON(), poller.Unreadable, "all", patient},
		{"fewer bytes than announced", simulate.CutShort(), poller.Failed, "all", patient},
		{"reset before the answer", simulate.Reset(), poller.Failed, "all", patient},
		{"reset in the answer", simulate.ResetInBody(), poller.Failed, "all", patient},
		{"a byte at a time, for ever", simulate.Drip(5 * time.Millisecond), poller.Failed, "all", hasty},
		{"redirect to another host", simulate.Redirect(elsewhere), poller.Failed, "all", patient},
		{"JSON called text/html", simulate.ContentType("text/html"), poller.Unreadable, "all", patient},
		{"a bomb of 8 MiB", simulate.Bomb(8 << 20), poller.Unreadable, "all", patient},
		{"an empty list", simulate.EmptyList(), poller.Failed, "all", patient},
		{"half the list", simulate.HalfList(), "", "some", patient},
		{"JSON called text/plain", simulate.ContentType("text/plain"), "", "none", patient},
	}
}

func TestNoFaultMakesAWrongSnapshot(t *testing.T) {
	var strangers atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strangers.Add(1) }))
	t.Cleanup(elsewhere.Close)
	t.Cleanup(func() {
		if n := strangers.Load(); n > 0 {
			t.Errorf("another host was asked %d times", n)
		}
	})
	for _, a := range apis() {
		for _, where := range a.places {
			t.Run(a.name+" "+where.name, func(t *testing.T) {
				t.Parallel()
				truth := newTruth(t, a, where.step)
				cases := faultCases(elsewhere.URL)
				lines := make([]string, len(cases))
				var all sync.WaitGroup
				for i, c := range cases {
					r := newRig(t, a, c.timeout)
					all.Go(func() { lines[i] = r.suffer(t, truth, c, where) })
				}
				all.Wait()
				t.Log("\n" + table("fault\tlisting\tfailed\tgood\twrong\trequests\tnext round", lines))
			})
		}
	}
}

// suffer lives through a round with a fault and one after it, and returns what
// the first of them was like.
func (r *rig) suffer(t *testing.T, truth truth, c faultCase, where place) (line string) {
	r.faults.Add(where.trouble(c.fault))
	got := r.poll(t.Context(), where.step, truth.known)
	asked := r.faults.Requests("")
	wrong := truth.during.wrong(t, c.what, got)
	c.expect(t, r.accounts, where.name, got)
	r.faults.Clear()
	after := r.poll(t.Context(), where.step+5*time.Minute, truth.known)
	next := "good"
	if wrong := truth.then.wrong(t, c.what+", afterwards", after); after.round.Err != nil || len(after.good) != r.accounts || len(after.failed)+wrong > 0 {
		next = "BAD"
		t.Errorf("%s: afterwards %d good, %d failed, %v", c.what, len(after.good), len(after.failed), after.round.Err)
	}
	return fmt.Sprintf("%s\t%s\t%d\t%d\t%d\t%d\t%s", c.what, poller.KindOf(got.round.Err), len(got.failed), len(got.good), wrong, asked, next)
}

// expect checks that a round failed as it should, as far as it met the fault.
func (c faultCase) expect(t *testing.T, accounts int, where string, got seen) {
	kind := poller.KindOf(got.round.Err)
	all, good, failed := accounts, len(got.good), len(got.failed)
	var ok bool
	switch {
	case where == "histories": // these are beside the accounts
		ok = kind == "" && failed == 0 && good == all
	case c.fails == "none":
		ok = kind == "" && failed == 0 && good == all
	case where == "later pages":
		ok = kind == "" && failed == 5 && good == 3 || c.fails == "some" && failed == 3 && good == 5
	case where == "details" && (c.fails == "some" || c.what == "an empty list"): // a detail has no list
		ok = kind == "" && failed == 0 && good == all
	case where == "details":
		ok = kind == "" && failed == all && good == 0
	case c.fails == "some":
		ok = kind == "" && failed > 0 && good > 0 && failed+good == all
	default:
		ok = kind == c.kind && failed == all && good == 0
	}
	if !ok {
		t.Errorf("%s, %s: %d failed, %d good, listing %q %v", c.what, where, failed, good, kind, got.round.Err)
	}
}

// wrong counts what a round says that is not true at its moment.
func (truth seen) wrong(t *testing.T, what string, got seen) (n int) {
	t.Helper()
	for id, snapshot := range got.good {
		if diff := cmp.Diff(truth.good[id], snapshot, equal()); diff != "" {
			n++
			t.Errorf("%s: %s is wrong:\n%s", what, id, diff)
		}
	}
	for id, records := range got.records {
		for _, record := range records {
			if !slices.ContainsFunc(truth.records[id], func(x billwatch.Record) bool { return cmp.Equal(x, record, equal()) }) {
				n++
				t.Errorf("%s: %s has a record that is not true: %+v", what, id, record)
			}
		}
	}
	return n
}

// equal compares decimals and values by what they say.
func equal() cmp.Option {
	return cmp.Options{
		cmp.Comparer(func(a, b billwatch.Decimal) bool { return a.String() == b.String() }),
		cmp.Exporter(func(reflect.Type) bool { return true }),
	}
}

func table(head string, lines []string) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, head)
	for _, line := range lines {
		fmt.Fprintln(w, line)
	}
	w.Flush()
	return b.String()
}
