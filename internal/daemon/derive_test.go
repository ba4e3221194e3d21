package daemon

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/rules"
)

// purse is a provider without history, whose accounts burn 1.50 an hour.
type purse struct {
	clock *Clock
	start time.Time
	unit  string
}

func (p *purse) List(context.Context) (poller.Listing, error) {
	left := 200_00 - int(p.clock.Now().Sub(p.start).Minutes())*5/2 // cents a minute
	balance, err := billwatch.ParseDecimal(fmt.Sprintf("%d.%02d", left/100, left%100))
	account := billwatch.Account{ID: "acme", Name: "Acme", Provider: "cudo", Kind: "billing_account"}
	return poller.Listing{Complete: true, Rows: []poller.Row{{Account: account, Snapshot: &billwatch.Snapshot{
		Account: account, Balance: billwatch.Known(balance), Unit: p.unit}}}}, err
}

func (p *purse) Fetch(context.Context, billwatch.Account) (billwatch.Snapshot, error) {
	return billwatch.Snapshot{}, nil
}

func (p *purse) Close() error { return nil }

// TestARunwayIsKnownFromOurOwnSnapshots polls an account whose provider has no
// history, from noon on: after three whole days it is known how long it lasts.
func TestARunwayIsKnownFromOurOwnSnapshots(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		r := newRoad(t, dsn, `
rules:
  - { alert: Known, expr: runway_days(0.5) < 1000, labels: { severity: info } }
  - { alert: Soon, expr: runway_days(0.5) < 1, labels: { severity: warning } }
`, rules.Options{Disabled: []string{rules.AccountSuspended, rules.RunsOutSoon}})
		r.interval, r.source.Timing.Interval = 30*time.Minute, 30*time.Minute
		p := &purse{clock: r.d.Clock, start: noon, unit: "USD"}
		r.source.Provider = p
		r.poll(84*time.Hour - time.Hour)
		if moved := r.movedOf("acme"); len(moved) > 0 {
			t.Fatalf("before three whole days are over: %v", moved)
		}
		r.poll(2 * time.Hour)
		if moved := r.movedOf("acme"); len(moved) != 1 || moved[0] != "Known acme firing" {
			t.Fatalf("after three whole days: %v, want the runway to be known", moved)
		}
		r.poll(26 * time.Hour) // 35 are left, and 36 go in a day
		if moved := r.movedOf("acme"); len(moved) != 1 || moved[0] != "Soon acme firing" {
			t.Fatalf("with less than a day's use left: %v", moved)
		}
		known, err := r.store.Know(t.Context(), "blues", []string{"acme"})
		r.must(err)
		for i, record := range known["acme"].Records {
			if want := noon.Truncate(24*time.Hour).AddDate(0, 0, i+1); !record.Period.Equal(want) || i < 3 && record.Used.Float64() != 36 {
				t.Errorf("record of %s: %s used, want 36 on %s", record.Period, record.Used, want)
			}
		}
		accounts, err := r.store.Accounts(t.Context(), "blues")
		r.must(err)
		if through := accounts[0].HistoryThrough; !through.IsZero() {
			t.Errorf("history of the provider's is stored through %s: it has none", through)
		}
		p.unit = "EUR"
		r.poll(r.interval)
		known, err = r.store.Know(t.Context(), "blues", []string{"acme"})
		r.must(err)
		if n := len(known["acme"].Records); n > 0 {
			t.Errorf("%d records in dollars are left for an account in euros", n)
		}
	})
}

// TestTheProvidersRecordsTakeThePlaceOfDerivedOnes reads a history that was
// refused at first.
func TestTheProvidersRecordsTakeThePlaceOfDerivedOnes(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		r := newRoad(t, dsn, lowRule, rules.Options{Disabled: []string{rules.AccountSuspended, rules.RunsOutSoon}})
		r.interval, r.source.Timing.Interval = 30*time.Minute, 30*time.Minute
		p := &ledgerLess{purse: purse{clock: r.d.Clock, start: noon, unit: "USD"}, refused: true}
		r.source.Provider = p
		r.poll(60 * time.Hour)
		known, err := r.store.Know(t.Context(), "blues", []string{"acme"})
		r.must(err)
		if n := len(known["acme"].Records); n != 3 || p.asked > 3 {
			t.Fatalf("%d derived records, asked %d times; want 3 days and one request for each day", n, p.asked)
		}
		p.refused = false
		r.poll(25 * time.Hour)
		known, err = r.store.Know(t.Context(), "blues", []string{"acme"})
		r.must(err)
		for _, record := range known["acme"].Records {
			if record.Used.Float64() != 1 {
				t.Errorf("record of %s: %s used is not the provider's", record.Period, record.Used)
			}
		}
		accounts, err := r.store.Accounts(t.Context(), "blues")
		r.must(err)
		if accounts[0].HistoryThrough.IsZero() {
			t.Error("the provider's history does not count as read")
		}
	})
}

// ledgerLess is a purse with a history endpoint that may not be there.
type ledgerLess struct {
	purse
	refused bool
	asked   int
}

func (p *ledgerLess) History(_ context.Context, _ string, since time.Time) (records []billwatch.Record, err error) {
	p.asked++
	if p.refused {
		return nil, &poller.Error{Kind: poller.NotPermitted, Status: 403}
	}
	for at := since.Truncate(24 * time.Hour); at.Before(p.clock.Now()); at = at.AddDate(0, 0, 1) {
		records = append(records, billwatch.Record{Period: at, Used: billwatch.DecimalOf(1)})
	}
	return records, nil
}

// movedOf returns what moved of an account since news were last asked for.
func (r *road) movedOf(account string) []string {
	_, moved := r.news()
	return slices.DeleteFunc(moved, func(m string) bool { return !strings.Contains(m, account) })
}

// poll makes the polls of a span of time, and nothing else.
func (r *road) poll(span time.Duration) {
	r.Helper()
	for end := r.d.Clock.Now().Add(span); r.d.Clock.Now().Before(end); {
		r.d.Clock.Set(r.d.Clock.Now().Add(r.interval))
		slot, _ := r.source.Timing.Slot(r.source.Name, r.d.Clock.Now())
		if _, err := r.rounds.poll(r.Context(), r.source, slot); err != nil {
			r.Fatal(err)
		}
	}
}
