package notify

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/billwatch/billwatch"
)

const (
	groupBatch   = 500              // groups that are claimed together
	lookSlowly   = 30 * time.Second // where nothing is known to be due
	lookAgain    = time.Second      // where something due could not be taken
	storeTimeout = 5 * time.Second  // of one call
	sweepTimeout = time.Minute      // of looking at every member
	afterEnd     = 5 * time.Second  // how long marks are tried once the dispatcher is to end
)

// LongestAttempt is how long one attempt to deliver a message may take, whatever
// its integration would allow: a claim does not last for ever.
const LongestAttempt = 15 * time.Second

// DispatcherConfig is what a Dispatcher is made from. Numbers left zero have
// the defaults named.
type DispatcherConfig struct {
	Store     Store
	Waker     Waker
	Quiet     Quieter // nil where neither silences nor inhibition are kept
	Router    *Router
	Templates *Templates
	Down      Down
	Storms    StormStore       // nil where nothing becomes a digest
	Holder    string           // the replica's name
	Now       func() time.Time // the time that the store's clocks run by
	Speed     float64          // how fast that time runs; 1 where zero
	Log       *slog.Logger
	Settled   func(billwatch.Settlement) // told of every stored settlement, by several goroutines; may be nil
	Untold    func(alerts int)           // told how many came and went before anybody was told; may be nil
	Miswrote  func(integration string)   // told of every message of which a template failed; may be nil

	// Chart draws what goes with a notification, as a PNG; nil, or a nil picture,
	// for none. It is called outside of any transaction.
	Chart func(context.Context, billwatch.Notification) ([]byte, error)

	Parallel int           // messages on their way through one integration at once: 4
	Lease    time.Duration // how long a claim lasts: 30 s
	Margin   time.Duration // before a claim's end from which on it is not trusted: 5 s
	Timeout  time.Duration // of one attempt: 15 s
}

// Dispatcher flushes due groups into notifications and delivers these. Each
// integration has a sender of its own, so that a slow one holds up nobody else.
type Dispatcher struct {
	c        DispatcherConfig
	names    []string
	senders  map[string]*sender
	quiet    *sweeper
	again    chan struct{}   // what is due has changed
	miswrite map[string]bool // integrations whose templates were said to fail; of the one who flushes
	unmarked atomic.Int64    // attempts whose end could not be stored yet
}

// NewDispatcher returns a dispatcher for the router's integrations.
func NewDispatcher(c DispatcherConfig) (*Dispatcher, error) {
	if c.Store == nil || c.Waker == nil || c.Router == nil || c.Templates == nil || c.Now == nil || c.Log == nil {
		return nil, errors.New("dispatcher: store, waker, router, templates, now and log are needed")
	}
	if c.Holder == "" {
		return nil, errors.New("dispatcher: holder is empty")
	}
	orElse(&c.Parallel, 4)
	orElse(&c.Lease, 30*time.Second)
	orElse(&c.Margin, 5*time.Second)
	orElse(&c.Timeout, LongestAttempt)
	if c.Margin >= c.Lease {
		return nil, errors.New("dispatcher: margin must be shorter than lease")
	}
	if c.Speed <= 0 {
		c.Speed = 1
	}
	d := &Dispatcher{c: c, senders: map[string]*sender{}, again: make(chan struct{}, 1), miswrite: map[string]bool{}}
	d.quiet = &sweeper{store: c.Quiet, router: c.Router, now: c.Now}
	for _, in := range c.Router.Integrations() {
		d.names = append(d.names, in.Name)
		d.senders[in.Name] = newSender(d, in)
	}
	return d, nil
}

func orElse[T int | time.Duration](value *T, standard T) {
	if *value <= 0 {
		*value = standard
	}
}

// Run works until ctx is done, then claims nothing more, waits for the sends in
// hand and returns nil.
func (d *Dispatcher) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, s := range d.senders {
		wg.Go(func() { s.run(ctx) })
	}
	quiet := false // the store's trouble has been logged
	for ctx.Err() == nil {
		wait, err := d.turn(ctx)
		if err != nil && ctx.Err() == nil && !quiet {
			d.c.Log.Warn("notifications cannot be read", "err", err)
		}
		quiet = err != nil
		d.rest(ctx, wait)
	}
	wg.Wait()
	return nil
}

func (d *Dispatcher) rest(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-d.c.Waker.Wake():
	case <-d.again:
	}
}

// turn flushes what is due, knocks at the senders and says how long there is
// nothing more to do.
func (d *Dispatcher) turn(ctx context.Context) (time.Duration, error) {
	if len(d.names) == 0 {
		return lookSlowly, nil
	}
	if d.blocked() {
		return lookAgain, nil
	}
	err := errors.Join(d.sweep(ctx), d.flush(ctx))
	for _, s := range d.senders {
		s.knock()
	}
	if err != nil {
		return lookAgain, err
	}
	due, err := d.nextDue(ctx)
	switch wait := due.Sub(d.c.Now()); {
	case err != nil:
		return lookAgain, err
	case due.IsZero():
		return lookSlowly, nil
	case wait <= 0: // just frozen, or all its sender's hands are full
		return lookAgain, nil
	default:
		return min(time.Duration(float64(wait)/d.c.Speed), lookSlowly), nil
	}
}

// blocked says whether nothing may be claimed: a store that cannot take marks
// would have us send again what was sent.
func (d *Dispatcher) blocked() bool { return d.unmarked.Load() > 0 }

func (d *Dispatcher) nextDue(ctx context.Context) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	due, err := d.c.Waker.NextDue(ctx, d.names)
	return sooner(due, d.quiet.due()), err
}

// sweep makes due what is no longer muted as it was, or newly is.
func (d *Dispatcher) sweep(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sweepTimeout)
	defer cancel()
	return d.quiet.sweep(ctx)
}

// flush looks at all due groups, a batch at a time.
func (d *Dispatcher) flush(ctx context.Context) error {
	for ctx.Err() == nil {
		n, err := d.flushBatch(ctx)
		if err != nil || n < groupBatch {
			return err
		}
	}
	return nil
}

// flushBatch finishes what it has begun, whether or not ctx is done meanwhile.
func (d *Dispatcher) flushBatch(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.c.Lease-d.c.Margin) // each call has less
	defer cancel()
	if err := d.quiet.read(ctx); err != nil {
		return 0, err
	}
	now := d.c.Now()
	groups, err := d.c.Store.ClaimGroups(ctx, d.claim(d.names, groupBatch, now))
	if err != nil || len(groups) == 0 {
		return 0, err
	}
	byIntegration := map[string][]billwatch.Flush{}
	for _, g := range groups {
		if s, ok := d.senders[g.Integration]; ok { // one that was asked for
			byIntegration[g.Integration] = append(byIntegration[g.Integration], Decide(g, d.plan(g, s.in, now), now))
		}
	}
	var flushes []billwatch.Flush
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(byIntegration)) {
		left, err := d.storm(ctx, d.senders[name].in, byIntegration[name], len(groups) == groupBatch, now)
		flushes, problems = append(flushes, left...), append(problems, err)
	}
	draw := d.drawing()
	for _, f := range flushes {
		if f.Notification != nil {
			in := d.senders[f.Group.Integration].in
			d.miswrote(in, d.c.Templates.write(f.Notification, in.Overrides))
			draw.chart(ctx, in, f.Notification)
		}
	}
	return len(groups), errors.Join(append(problems, d.freeze(ctx, flushes))...)
}

// miswrote says that templates failed: aloud once for each integration, and
// counted each time. The message goes nonetheless.
func (d *Dispatcher) miswrote(in Integration, problems []error) {
	if len(problems) == 0 {
		return
	}
	if !d.miswrite[in.Name] {
		d.miswrite[in.Name] = true
		d.c.Log.Warn("a template failed; the default one was used", "receiver", in.Receiver, "integration", in.Name, "err", errors.Join(problems...))
	}
	if d.c.Miswrote != nil {
		d.c.Miswrote(in.Name)
	}
}

func (d *Dispatcher) plan(g billwatch.Group, in Integration, now time.Time) Plan {
	return Plan{Timing: d.c.Router.Timing(g), SendResolved: in.SendResolved, Quiet: d.quiet.quiet, Hold: d.c.Router.Hold(g, now), MaxAlerts: in.maxAlerts()}
}

// freeze stores flushes together, or, where that fails, each on its own: one
// that cannot be stored must not keep the others back. To store one a second
// time changes nothing.
func (d *Dispatcher) freeze(ctx context.Context, flushes []billwatch.Flush) error {
	if len(flushes) == 0 {
		return nil
	}
	err := d.store(ctx, flushes)
	if err == nil || len(flushes) == 1 {
		return err
	}
	var problems []error
	for i := range flushes {
		if err := d.store(ctx, flushes[i:i+1]); err != nil {
			problems = append(problems, err)
		}
		if len(problems) == 3 { // it is the store, not the flush
			break
		}
	}
	return errors.Join(problems...)
}

// store stores flushes, and counts what by them nobody will hear of.
func (d *Dispatcher) store(ctx context.Context, flushes []billwatch.Flush) error {
	if err := d.c.Store.Freeze(ctx, flushes); err != nil {
		return err
	}
	untold := 0
	for _, f := range flushes {
		untold += f.Untold
	}
	if untold > 0 && d.c.Untold != nil {
		d.c.Untold(untold)
	}
	return nil
}

func (d *Dispatcher) claim(integrations []string, limit int, now time.Time) billwatch.Claim {
	c := billwatch.Claim{
		Holder: d.c.Holder, Integrations: integrations, Limit: limit,
		Now: now, Until: now.Add(time.Duration(float64(d.c.Lease) * d.c.Speed)),
	}
	for _, name := range integrations {
		if to, ok := d.senders[name].in.Notifier.(Addressed); ok {
			if c.Destinations == nil {
				c.Destinations = map[string]string{}
			}
			c.Destinations[name] = to.Destination()
		}
	}
	return c
}

// mark stores how an attempt ended. It does not give up while the store is
// away, and keeps everybody from claiming more meanwhile; only once ctx is done
// the trying is bounded. What stays unmarked is sent again with the same id.
func (d *Dispatcher) mark(ctx context.Context, s billwatch.Settlement, log *slog.Logger) bool {
	ctx, cancel := outlive(ctx, afterEnd)
	defer cancel()
	err := d.settleOnce(ctx, s)
	if err == nil || errors.Is(err, billwatch.ErrLeaseLost) {
		return err == nil
	}
	log.Warn("attempt cannot be marked, nothing more is sent", "err", err)
	d.unmarked.Add(1)
	defer d.marked()
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		select {
		case <-ctx.Done():
			log.Error("attempt stays unmarked and may be sent again", "err", err)
			return false
		case <-time.After(wait):
		}
		if err = d.settleOnce(ctx, s); err == nil || errors.Is(err, billwatch.ErrLeaseLost) {
			return err == nil
		}
	}
}

func (d *Dispatcher) settleOnce(ctx context.Context, s billwatch.Settlement) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	return d.c.Store.Settle(ctx, s)
}

func (d *Dispatcher) marked() {
	d.unmarked.Add(-1)
	d.look()
}

// look ends the dispatcher's rest; it never waits.
func (d *Dispatcher) look() {
	select {
	case d.again <- struct{}{}:
	default:
	}
}

// outlive returns a context that ends a while after ctx does.
func outlive(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	return longer, func() { stop(); cancel() }
}
