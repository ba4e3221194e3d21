package poller_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
	"pgregory.net/rapid"
)

var midnight = time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)

// book derives records from one snapshot after another, as the road does.
type book struct {
	t       testing.TB
	last    *billwatch.Snapshot
	records []billwatch.Record
}

func decimal(t testing.TB, text string) billwatch.Decimal {
	t.Helper()
	d, err := billwatch.ParseDecimal(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// reads takes a reading; a balance of "?" is not sent, "suspended" behind one
// says that the account is.
func (b *book) reads(at time.Time, reading, unit string) {
	b.t.Helper()
	balance, state, _ := strings.Cut(reading, " ")
	s := billwatch.Snapshot{At: at, Unit: unit, Suspended: billwatch.Known(state == "suspended"), Balance: billwatch.NotSent[billwatch.Decimal]()}
	if balance != "?" {
		s.Balance = billwatch.Known(decimal(b.t, balance))
	}
	for _, r := range poller.Derive(b.records, b.last, s) {
		b.put(r)
	}
	b.last = &s
}

func (b *book) put(r billwatch.Record) {
	if n := len(b.records); n > 0 && b.records[n-1].Period.Equal(r.Period) {
		b.records[n-1] = r
		return
	}
	for i := range b.records {
		if b.records[i].Period.Equal(r.Period) {
			b.records[i] = r
			return
		}
	}
	b.records = append(b.records, r)
}

func (b *book) String() string {
	var words []string
	for _, r := range b.records {
		words = append(words, fmt.Sprintf("%s %s left %s", r.Period.Format("02"), r.Used, r.Remaining))
	}
	return strings.Join(words, ", ")
}

func TestDerivedRecords(t *testing.T) {
	for _, c := range []struct {
		what     string
		readings string // hour since midnight of the 24th = balance
		want     string
	}{
		{"a first snapshot makes no record", "0=100", ""},
		{"a fall is use, on a day that is watched from its beginning", "0=100, 5=90", "24 10 left 90"},
		{"a day that is not has no record", "5=100, 8=90", ""},
		{"the running day's record is replaced as it goes on", "0=100, 5=90, 6=90, 7=85.5", "24 14.5 left 85.5"},
		{"a rise is a top-up and no use", "0=100, 5=90, 6=590, 7=580", "24 20 left 580"},
		{"a balance of 0 that is filled up, too", "0=50, 5=0, 6=50", "24 50 left 50"},
		{"below zero it goes on falling", "0=5, 5=-3", "24 8 left -3"},
		{"a fall over midnight is shared by elapsed time", "0=100, 18=100, 30=88", "24 6 left 94, 25 6 left 88"},
		{"one over several days, too", "12=100, 84=28", "25 24 left 64, 26 24 left 40, 27 12 left 28"},
		{"it is rounded as the balance is, and nothing of it gets lost", "0=10, 72=0", "24 3 left 7, 25 4 left 3, 26 3 left 0, 27 0 left 0"},
		{"money keeps its digits", "0=0.30, 20=0.30, 28=0.10", "24 0.1 left 0.2, 25 0.1 left 0.1"},
		{"a top-up over midnight belongs to the later day", "0=10, 23=5, 25=100", "24 5 left 5, 25 0 left 100"},
		{"a day without use has a record that says so", "0=10, 25=10, 50=10", "24 0 left 10, 25 0 left 10, 26 0 left 10"},
		{"an unknown balance says nothing", "0=10, 1=?, 2=5, 3=4", ""},
		{"and takes nothing from what is known", "0=10, 1=9, 2=?, 3=5, 4=4", "24 2 left 4"},
		{"a suspended account's says nothing", "0=10, 1=9, 2=0 suspended, 3=0 suspended", "24 1 left 9"},
		{"a clock set back takes nothing away", "0=10, 5=9, 4=8, 6=7", "24 3 left 7"},
	} {
		t.Run(c.what, func(t *testing.T) {
			b := &book{t: t}
			for reading := range strings.SplitSeq(c.readings, ", ") {
				var hour int
				at, balance, _ := strings.Cut(reading, "=")
				if _, err := fmt.Sscan(at, &hour); err != nil {
					t.Fatal(err)
				}
				b.reads(midnight.Add(time.Duration(hour)*time.Hour), balance, "USD")
			}
			if got := b.String(); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestAnotherUnitStartsAnew(t *testing.T) {
	b := &book{t: t}
	b.reads(midnight, "100", "USD")
	b.reads(midnight.Add(time.Hour), "90", "USD")
	b.reads(midnight.Add(2*time.Hour), "80", "EUR")
	if got := b.String(); got != "24 10 left 90" {
		t.Errorf("got %s: dollars are not euros", got)
	}
}

func TestWhatDidNotChangeIsNoNewRecord(t *testing.T) {
	b := &book{t: t}
	b.reads(midnight, "100", "USD")
	b.reads(midnight.Add(time.Hour), "90", "USD")
	again := *b.last
	again.At = midnight.Add(2 * time.Hour)
	if got := poller.Derive(b.records, b.last, again); len(got) > 0 {
		t.Errorf("got %v of a balance that stands still", got)
	}
}

// TestDerivedUseIsTheTrueUse burns a balance at rates that change by the hour,
// reads it every five minutes with pauses, and tops it up now and then.
func TestDerivedUseIsTheTrueUse(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 11)) //nolint:gosec // repeatable
	b := &book{t: t}
	truth := map[time.Time]float64{}
	cents, rate := int64(5_000_00), int64(0)
	fraction := func(c int64) string { return big.NewRat(c, 100).FloatString(2) }
	pause := 0
	for minute := 0; minute < 21*24*60; minute++ {
		at := midnight.Add(time.Duration(minute) * time.Minute)
		if minute%60 == 0 {
			rate = random.Int64N(40)
		}
		if minute%5 == 0 {
			if pause--; pause < 0 {
				b.reads(at, fraction(cents), "USD")
				if random.IntN(200) == 0 {
					pause = random.IntN(100) // up to 8 hours
				}
				if random.IntN(500) == 0 {
					cents += random.Int64N(1000_00) // at once after a reading
					b.reads(at, fraction(cents), "USD")
				}
			}
		}
		cents -= rate
		truth[at.Truncate(24*time.Hour)] += float64(rate) / 100
	}
	total, truly := 0.0, 0.0
	for i, r := range b.records[:len(b.records)-1] {
		want, got := truth[r.Period], r.Used.Float64()
		total, truly = total+got, truly+want
		// A pause over midnight leaves open on which side of it the use was.
		if off := got - want; off > 60 || off < -60 {
			t.Errorf("day %d: derived %.2f, truly %.2f", i, got, want)
		}
	}
	if off := total - truly; len(b.records) != 21 || off > 30 || off < -30 {
		t.Errorf("%d days, derived %.2f in all, truly %.2f", len(b.records), total, truly)
	}
}

func TestWithoutPausesDerivedUseIsExact(t *testing.T) {
	b := &book{t: t}
	cents := int64(10_000_00)
	truth := map[string]int64{}
	for n := 0; n <= 5*288; n++ { // a reading on each midnight
		at := midnight.Add(time.Duration(n) * 5 * time.Minute)
		b.reads(at, big.NewRat(cents, 100).FloatString(2), "USD")
		use := int64(n*n%97 + 1)
		cents -= use
		truth[at.Format("02")] += use
	}
	for _, r := range b.records[:5] {
		if want := decimal(t, big.NewRat(truth[r.Period.Format("02")], 100).FloatString(2)); r.Used.Float64() != want.Float64() {
			t.Errorf("day %s: derived %s, truly %s", r.Period.Format("02"), r.Used, want)
		}
	}
}

func TestNoTopUpMakesNegativeUse(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := &book{t: t}
		at, fell := midnight, new(big.Rat)
		steps := rapid.SliceOfN(rapid.IntRange(-1_000_000_000, 1_000_000_000), 1, 30).Draw(rt, "steps")
		gaps := rapid.SliceOfN(rapid.IntRange(1, 5000), len(steps), len(steps)).Draw(rt, "minutes between")
		balance := int64(0)
		b.reads(at, "0", "events")
		for i, step := range steps {
			at = at.Add(time.Duration(gaps[i]) * time.Minute)
			balance += int64(step)
			if step < 0 {
				fell.Sub(fell, big.NewRat(int64(step), 1))
			}
			b.reads(at, fmt.Sprint(balance), "events")
		}
		sum := new(big.Rat)
		for i, r := range b.records {
			used, _ := new(big.Rat).SetString(r.Used.String())
			if used.Sign() < 0 {
				rt.Fatalf("negative use %s", r.Used)
			}
			sum.Add(sum, used)
			if want := midnight.AddDate(0, 0, i); !r.Period.Equal(want) {
				rt.Fatalf("record %d is of %s, want a day after another", i, r.Period)
			}
		}
		if sum.Cmp(fell) != 0 {
			rt.Fatalf("the days' use is %s in all, the balance fell by %s", sum.FloatString(2), fell.FloatString(2))
		}
	})
}

func TestALongPauseMakesABoundedHistory(t *testing.T) {
	b := &book{t: t}
	b.reads(midnight, "1000000", "events")
	b.reads(midnight.AddDate(30, 0, 0), "0", "events")
	if n := len(b.records); n < 90 || n > 93 {
		t.Errorf("%d records of a pause of thirty years", n)
	}
}
