package simulate

import (
	"slices"
	"time"
)

// A step is how often use is charged; before the day on which the story begins
// it is once a day, so that a ledger fills no hundred pages.
const (
	step         = 10 * time.Minute
	stepsPerHour = int64(time.Hour / step)
	stepsPerDay  = 24 * stepsPerHour
	tryAgain     = stepsPerHour / 2 // steps between two attempts to recharge
	bought       = "Credit added"
)

// rental is a tenant on its clock. What was before the story is worked out
// once; each answer is worked out from there.
type rental struct {
	tenant
	seed  uint64
	start time.Time // of the story
	epoch time.Time // midnight, 90 days before it

	purchases map[int64]micros // by step, before the story
	monthly   micros           // the month's limit since the story began; 0 for none
	told      int64            // the first step of the story
	before    books            // at that step
}

// books is what an account has been through until a moment.
type books struct {
	next    int64 // the step that has not ended
	entries []entry
	balance micros
	rate    micros // an hour, now
	month   time.Month
	spent   micros // this month
	due     micros // used and not yet charged
	unpaid  bool   // suspended until somebody pays
	payment *payment
	tried   int64 // the step of the last attempt to recharge
}

// entry is a line of the ledger.
type entry struct {
	at     time.Time
	amount micros
	text   string
}

// payment is the last attempt to recharge.
type payment struct {
	at        time.Time
	amount    micros
	succeeded bool
}

func newRental(t tenant, c Config, index int) *rental {
	start := c.Start.UTC()
	r := &rental{
		tenant: t, seed: mix(c.Seed ^ mix(uint64(index)+0x6B0)), start: start,
		epoch: start.Truncate(day).Add(-historyDays * day),
	}
	r.told = int64(start.Sub(r.epoch) / step)
	r.buy()
	r.before.tried = -tryAgain
	r.live(&r.before, r.at(r.told))
	if r.nearMonthly {
		r.monthly = max(50*dollar, (r.before.spent * 100 / 88).floor())
	}
	return r
}

// at is when a step begins.
func (r *rental) at(i int64) time.Time { return r.epoch.Add(time.Duration(i) * step) }

// buy works out what was bought before the story: each time about what was used
// until the next time, so that the story begins with the balance that it should.
func (r *rental) buy() {
	r.purchases = make(map[int64]micros)
	if r.invoiced {
		return
	}
	period := int64(r.lasts) * stepsPerDay
	opening := r.balance
	for from := int64(0); from < r.told; from += period {
		var used micros
		for i := from; i < min(from+period, r.told); i++ {
			used += r.wanted(i) / micros(stepsPerHour)
		}
		opening += used
		if from > 0 {
			r.purchases[from] = used.floor()
			opening -= used.floor()
		}
	}
	r.purchases[0] = opening
}

// wanted is the price an hour of the machines that run in a step, unless
// something stops them.
func (r *rental) wanted(i int64) micros {
	var sum micros
	since := r.at(i).Sub(r.start)
	if r.purged > 0 && since >= r.deleted {
		return 0
	}
	hour := int(i / stepsPerHour % 24)
	weekday := (int64(r.epoch.Weekday()) + i/stepsPerDay) % 7
	for n, m := range r.machines {
		switch {
		case m.story != nil && !covers(m.story, since):
		case m.weekdays && (weekday == 0 || weekday == 6):
		case !within(hour, m.from, m.to):
		case m.share > 0 && mix(r.seed^uint64(n+1)^mix(uint64(i/(2*stepsPerHour))))%100 >= m.share:
		default:
			sum += m.hourly
		}
	}
	return sum
}

// within says whether an hour of the day lies between two others, over midnight
// where the first is the later one; equal ones are the whole day.
func within(hour, from, to int) bool {
	switch {
	case from < to:
		return hour >= from && hour < to
	case from > to:
		return hour >= from || hour < to
	}
	return true
}

// run returns the books at a moment. Whatever happens: balance = sum of the
// ledger. The entries are those since the story began, or all before it.
func (r *rental) run(now time.Time) books {
	b := r.before
	b.entries = nil
	if now.Before(r.at(r.told)) {
		b = books{tried: -tryAgain}
	}
	r.live(&b, now)
	r.begin(&b, now)
	return b
}

// live goes through the steps that have ended.
func (r *rental) live(b *books, now time.Time) {
	for end := r.at(b.next + 1); !end.After(now); end = r.at(b.next + 1) {
		r.begin(b, now)
		r.charge(b, end)
		r.recharge(b, end)
		b.unpaid = b.unpaid || !r.invoiced && b.balance == 0
		b.next++
	}
}

// begin sets the machines of the next step going and adds what is bought in it,
// as far as that has come.
func (r *rental) begin(b *books, now time.Time) {
	from, end := r.at(b.next), r.at(b.next+1)
	if b.next%stepsPerDay == 0 {
		if month := from.Month(); month != b.month {
			b.month, b.spent = month, 0
		}
		b.add(from, r.purchases[b.next], bought)
	}
	b.rate = r.rate(b, from)
	for _, c := range r.credits {
		if at := r.start.Add(c.at); !at.Before(from) && at.Before(end) && !at.After(now) {
			b.add(at, c.amount, bought)
		}
	}
}

// rate is what the machines cost an hour that run in the next step.
func (r *rental) rate(b *books, from time.Time) micros {
	wanted := r.wanted(b.next)
	limited := r.monthly > 0 && b.next >= r.told && b.spent+wanted/micros(stepsPerHour) > r.monthly
	if b.unpaid || limited || covers(r.abuse, from.Sub(r.start)) {
		return 0
	}
	return wanted
}

// charge takes a step's price. What is not there cannot be taken.
func (r *rental) charge(b *books, end time.Time) {
	price := b.rate / micros(stepsPerHour)
	if !r.invoiced {
		price = min(price, b.balance-b.due)
		b.due += price
	}
	b.spent += price
	if b.next >= historyDays*stepsPerDay || (b.next+1)%stepsPerDay == 0 {
		b.add(end.Add(-time.Second), -b.due, "Usage") // it belongs to the day that ends
		b.due = 0
	}
}

// recharge fills the balance up where it is low, or tries to.
func (r *rental) recharge(b *books, end time.Time) {
	if b.balance >= r.low || r.high == 0 || b.next-b.tried < tryAgain {
		return
	}
	b.tried = b.next
	b.payment = &payment{at: end, amount: r.high - b.balance, succeeded: !covers(r.declined, end.Sub(r.start))}
	if b.payment.succeeded {
		b.add(end, b.payment.amount, "Automatic credit recharge")
	}
}

func (b *books) add(at time.Time, amount micros, text string) {
	if amount == 0 {
		return
	}
	b.entries = append(b.entries, entry{at, amount, text})
	b.balance += amount
	b.unpaid = b.unpaid && b.balance == 0
}

// ledger returns all entries until now, oldest first.
func (r *rental) ledger(now time.Time) []entry {
	entries := r.run(now).entries
	if now.Before(r.at(r.told)) {
		return entries
	}
	return slices.Concat(r.before.entries, entries)
}
