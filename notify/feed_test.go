package notify_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

// board is a feed that keeps what it was told.
type board struct {
	name   string
	start  time.Time
	mu     sync.Mutex
	posts  []post
	answer func(ctx context.Context, post int) error
}

type post struct {
	at     time.Duration
	alerts []string // "Low/acc-1 firing"
}

func (b *board) Name() string { return b.name }

func (b *board) Push(ctx context.Context, s notify.Standing) error {
	p := post{at: time.Since(b.start)}
	for _, a := range s.Alerts {
		p.alerts = append(p.alerts, fmt.Sprintf("%s/%s %s", a.Key.Rule, a.Key.Account.ID, a.State))
	}
	b.mu.Lock()
	b.posts = append(b.posts, p)
	n := len(b.posts)
	b.mu.Unlock()
	if b.answer != nil {
		return b.answer(ctx, n)
	}
	return nil
}

func (b *board) got() []post {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.posts)
}

// times are when posts came, in seconds.
func (b *board) times() []float64 {
	var all []float64
	for _, p := range b.got() {
		all = append(all, p.at.Seconds())
	}
	return all
}

// boards is an integration of several of them.
type boards []*board

func (b boards) Notify(context.Context, billwatch.Notification, billwatch.Receipt) (billwatch.Receipt, error) {
	return billwatch.Receipt{}, errors.New("a group was told by a feed")
}

func (b boards) Feeds() []notify.Feed {
	var all []notify.Feed
	for _, one := range b {
		all = append(all, one)
	}
	return all
}

// memory is how alerts stand.
type memory struct {
	mu     sync.Mutex
	firing []billwatch.Alert
	ended  []billwatch.Transition
	broken error
}

func order(a, b billwatch.AlertKey) int {
	return cmp.Or(cmp.Compare(a.Account.Source, b.Account.Source), cmp.Compare(a.Account.ID, b.Account.ID), cmp.Compare(a.Rule, b.Rule))
}

func (m *memory) Firing(_ context.Context, after billwatch.AlertKey, limit int) ([]billwatch.Alert, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	slices.SortFunc(m.firing, func(a, b billwatch.Alert) int { return order(a.Key, b.Key) })
	var found []billwatch.Alert
	for _, a := range m.firing {
		if order(a.Key, after) > 0 && len(found) < limit {
			found = append(found, a)
		}
	}
	return found, m.broken
}

func (m *memory) Ended(_ context.Context, since time.Time, after billwatch.AlertKey, limit int) ([]billwatch.Transition, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []billwatch.Transition
	for _, move := range m.ended { // is kept in order
		later := move.At.After(since) || move.At.Equal(since) && order(move.Alert.Key, after) > 0
		if later && len(found) < limit {
			found = append(found, move)
		}
	}
	return found, m.broken
}

func low(account string) billwatch.Alert {
	a := billwatch.Alert{
		Key:    billwatch.AlertKey{Rule: "Low", Account: billwatch.AccountKey{Source: "blues", ID: account}},
		State:  billwatch.Firing,
		Labels: billwatch.Labels{"alertname": "Low", "account": account, "severity": "warning"}, StartsAt: time.Now(),
	}
	a.Fingerprint = a.Labels.Fingerprint()
	return a
}

func (m *memory) fire(alerts ...billwatch.Alert) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.firing = append(m.firing, alerts...)
}

func (m *memory) end(a billwatch.Alert) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.firing = slices.DeleteFunc(m.firing, func(b billwatch.Alert) bool { return b.Key == a.Key })
	a.State, a.EndsAt = billwatch.Resolved, time.Now()
	m.ended = append(m.ended, billwatch.Transition{Alert: a, From: billwatch.Firing, To: billwatch.Resolved, At: a.EndsAt})
}

// told runs a feeder over boards while the story is told.
func told(t *testing.T, m *memory, change func(*notify.Integration), all boards, story func(*notify.Feeder)) (pushed []notify.Pushed, log string) {
	t.Helper()
	in := notify.Integration{Name: "am/alertmanager/0", Receiver: "am", Type: "alertmanager", SendResolved: true, Notifier: all}
	if change != nil {
		change(&in)
	}
	receivers := integrations("ops")
	receivers["am"] = []notify.Integration{in}
	var mu sync.Mutex
	var out strings.Builder
	f := notify.NewFeeder(notify.FeederConfig{
		Store: m, Router: router(t, with(route("am"), route("ops", `severity="critical"`)), receivers), Fallback: "am", Now: time.Now,
		Log: slog.New(slog.NewTextHandler(&out, nil)),
		Pushed: func(p notify.Pushed) {
			mu.Lock()
			defer mu.Unlock()
			pushed = append(pushed, p)
		},
	})
	for _, b := range all {
		b.start = time.Now()
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := f.Run(ctx); err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
	}()
	synctest.Wait()
	story(f)
	synctest.Wait()
	cancel()
	<-ended
	return pushed, out.String()
}

func TestAFeedIsToldEachMinuteAndWhenSomethingMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, b := &memory{}, &board{name: "am:9093"}
		m.fire(low("1"))
		told(t, m, nil, boards{b}, func(f *notify.Feeder) {
			time.Sleep(90 * time.Second)
			m.fire(low("2"))
			f.Knock()
			f.Knock()
			synctest.Wait()
			if got := b.times(); !slices.Equal(got, []float64{0, 60, 90}) {
				t.Errorf("posts after %v seconds, want at the start, after a minute and at the change", got)
			}
			time.Sleep(200 * time.Millisecond)
			m.end(low("1"))
			f.Knock()
			time.Sleep(time.Second)
		})
		posts := b.got()
		want := []post{
			{0, []string{"Low/1 firing"}}, {time.Minute, []string{"Low/1 firing"}},
			{90 * time.Second, []string{"Low/1 firing", "Low/2 firing"}},
			{91 * time.Second, []string{"Low/2 firing", "Low/1 resolved"}},
		}
		if diff := gocmp.Diff(want, posts, gocmp.AllowUnexported(post{})); diff != "" {
			t.Errorf("posts (-want +got):\n%s", diff)
		}
	})
}

func TestAnAlertIsSaidToBeOverForAQuarterOfAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, b := &memory{}, &board{name: "am:9093"}
		m.fire(low("1"))
		told(t, m, nil, boards{b}, func(f *notify.Feeder) {
			time.Sleep(time.Second)
			m.end(low("1"))
			f.Knock()
			time.Sleep(40 * time.Minute)
		})
		posts := b.got()
		last := posts[len(posts)-1]
		if last.at < 14*time.Minute || last.at > 16*time.Minute || last.alerts[0] != "Low/1 resolved" {
			t.Errorf("the last of %d posts is %+v, want that it ended, a quarter of an hour after it did", len(posts), last)
		}
	})
}

func TestWhatFiresAgainIsNotSaidToBeOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, b := &memory{}, &board{name: "am:9093"}
		told(t, m, nil, boards{b}, func(f *notify.Feeder) {
			m.end(low("1"))
			m.fire(low("1"))
			renamed := low("2")
			m.end(renamed)
			renamed.Labels = billwatch.Labels{"alertname": "Low", "account": "2", "team": "iot"} // its rule changed
			renamed.Fingerprint = renamed.Labels.Fingerprint()
			m.fire(renamed)
			f.Knock()
			time.Sleep(time.Second)
		})
		if got, want := b.got()[0].alerts, []string{"Low/1 firing", "Low/2 firing", "Low/2 resolved"}; !slices.Equal(got, want) {
			t.Errorf("told %v, want %v: the old labels of 2 are another alert there", got, want)
		}
	})
}

func TestOnlyWhatRoutesThereIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, b := &memory{}, &board{name: "am:9093"}
		critical, over := low("1"), low("3")
		critical.Labels = billwatch.Labels{"severity": "critical"}
		over.Labels = billwatch.Labels{"severity": "critical"}
		down := billwatch.Alert{Key: billwatch.AlertKey{Rule: billwatch.RuleReceiverDown}, State: billwatch.Firing, Fingerprint: "1", Labels: critical.Labels}
		m.fire(critical, low("2"), down)
		m.end(over)
		told(t, m, nil, boards{b}, func(*notify.Feeder) {})
		if got := b.got()[0].alerts; !slices.Equal(got, []string{"ReceiverDown/ firing", "Low/2 firing"}) {
			t.Errorf("told %v, want what routes there, that another receiver is down, and nothing else", got)
		}
	})
}

func TestWhoeverWantsNoEndsHearsOfNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, b := &memory{}, &board{name: "am:9093"}
		m.end(low("1"))
		m.fire(low("2"))
		told(t, m, func(in *notify.Integration) { in.SendResolved = false }, boards{b}, func(*notify.Feeder) {})
		if got := b.got()[0].alerts; !slices.Equal(got, []string{"Low/2 firing"}) {
			t.Errorf("told %v, want only what fires", got)
		}
	})
}

func TestTenThousandAlertsGoInTenPosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, b := &memory{}, &board{name: "am:9093"}
		for i := range 10_000 {
			m.firing = append(m.firing, low(fmt.Sprintf("%05d", i)))
		}
		pushed, _ := told(t, m, nil, boards{b}, func(*notify.Feeder) {})
		seen := map[string]bool{}
		for _, p := range b.got() {
			if len(p.alerts) != 1000 {
				t.Errorf("a post of %d alerts, want 1000", len(p.alerts))
			}
			for _, a := range p.alerts {
				seen[a] = true
			}
		}
		if len(b.got()) != 10 || len(seen) != 10_000 || pushed[0].Alerts != 10_000 {
			t.Errorf("%d alerts in %d posts, %d counted; want 10000 in 10", len(seen), len(b.got()), pushed[0].Alerts)
		}
	})
}

func TestAllThatEndedIsSaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, b := &memory{}, &board{name: "am:9093"}
		for i := range 2500 { // the later, the earlier by its key
			m.end(low(fmt.Sprintf("%05d", 9999-i)))
			time.Sleep(time.Millisecond)
		}
		told(t, m, nil, boards{b}, func(*notify.Feeder) {})
		seen := map[string]int{}
		for _, p := range b.got() {
			for _, a := range p.alerts {
				seen[a]++
			}
		}
		if len(seen) != 2500 || len(b.got()) != 3 {
			t.Errorf("%d alerts in %d posts, want 2500 in 3", len(seen), len(b.got()))
		}
	})
}

func TestThatAReceiverIsDownGoesElsewhereByTheRoutesAlone(t *testing.T) {
	m, b := &memory{}, &board{name: "am:9093"}
	m.fire(billwatch.Alert{Key: billwatch.AlertKey{Rule: billwatch.RuleReceiverDown}, Labels: billwatch.Labels{"severity": "critical"}})
	all := integrations("ops")
	all["am"] = []notify.Integration{{Name: "am/alertmanager/0", Receiver: "am", SendResolved: true, Notifier: boards{b}}}
	f := notify.NewFeeder(notify.FeederConfig{
		Store: m, Router: router(t, with(route("am"), route("ops", `severity="critical"`)), all), Fallback: "ops",
		Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	if err := f.Once(t.Context()); err != nil || len(b.got()) != 0 {
		t.Errorf("Once = %v after %d posts, want none", err, len(b.got()))
	}
}

func TestAFeedThatFailsIsTriedAgainAndHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		for i := range 1500 {
			m.fire(low(fmt.Sprintf("%04d", i)))
		}
		hangs := &board{name: "hangs", answer: func(ctx context.Context, _ int) error { <-ctx.Done(); return ctx.Err() }}
		picky := &board{name: "picky", answer: func(_ context.Context, n int) error {
			if n%2 == 1 {
				return notify.Permanent(errors.New("400"))
			}
			return nil
		}}
		breaks := &board{name: "breaks", answer: func(context.Context, int) error { panic("broke") }}
		well := &board{name: "well"}
		pushed, log := told(t, m, nil, boards{hangs, picky, breaks, well}, func(*notify.Feeder) { time.Sleep(150 * time.Second) })
		if got := well.times(); !slices.Equal(got, []float64{0, 0, 60, 60, 120, 120}) {
			t.Errorf("the sound one was told after %v seconds, want each minute", got)
		}
		if got := picky.times(); !slices.Equal(got, []float64{0, 0, 60, 60, 120, 120}) {
			t.Errorf("one that refuses the first thousand was told after %v seconds, want the rest too", got)
		}
		for _, b := range []*board{hangs, breaks} {
			if got := b.times(); !slices.Equal(got, []float64{0, 60, 120}) {
				t.Errorf("%s was told after %v seconds, want once each minute: the rest would fail alike", b.name, got)
			}
		}
		for _, p := range pushed {
			if want := p.Feed != "well"; (p.Err != nil) != want {
				t.Errorf("%s ended with %v, want an error: %v", p.Feed, p.Err, want)
			}
			if p.Feed == "picky" && p.Alerts != 500 {
				t.Errorf("the picky one took %d, want 500", p.Alerts)
			}
		}
		if got := strings.Count(log, "cannot be pushed"); got != 3 {
			t.Errorf("the trouble was logged %d times, want once for each feed:\n%s", got, log)
		}
	})
}

func TestTroubleOfTheStoreIsSaidAndItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, b := &memory{broken: errors.New("away")}, &board{name: "am:9093"}
		m.fire(low("1"))
		_, log := told(t, m, nil, boards{b}, func(*notify.Feeder) {
			time.Sleep(70 * time.Second)
			m.mu.Lock()
			m.broken = nil
			m.mu.Unlock()
			time.Sleep(70 * time.Second)
		})
		if !strings.Contains(log, "away") || !strings.Contains(log, "pushed again") || len(b.got()) != 1 {
			t.Errorf("%d posts, log:\n%s", len(b.got()), log)
		}
	})
}

func TestNoGroupGoesThroughAFeed(t *testing.T) {
	receivers := integrations("ops")
	receivers["ops"] = append(receivers["ops"], notify.Integration{Name: "ops/alertmanager/0", Receiver: "ops", Notifier: boards{}})
	r := router(t, route("ops"), receivers)
	due := r.Due(low("1"), time.Now())
	if fed := r.Fed(low("1").Labels); len(fed) != 1 || fed[0].Name != "ops/alertmanager/0" {
		t.Errorf("pushed to %+v, want the feed alone", fed)
	}
	if len(due) != 1 || due[0].Integration != "ops/webhook/0" {
		t.Errorf("due: %+v, want the webhook alone", due)
	}
}

func TestOneRoundIsMadeWhereNobodyStays(t *testing.T) {
	m := &memory{}
	m.fire(low("1"))
	refuses := &board{name: "refuses", answer: func(context.Context, int) error { return notify.Permanent(errors.New("400 no")) }}
	well := &board{name: "well"}
	in := notify.Integration{Name: "am/alertmanager/0", Receiver: "am", SendResolved: true, Notifier: boards{refuses, well}}
	f := notify.NewFeeder(notify.FeederConfig{
		Store: m, Router: router(t, route("am"), map[string][]notify.Integration{"am": {in}}), Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	if err := f.Once(t.Context()); err == nil || !strings.Contains(err.Error(), "400 no") || len(well.got()) != 1 {
		t.Errorf("Once = %v after %d posts to the sound one, want the other's error after 1", err, len(well.got()))
	}
}
