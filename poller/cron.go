package poller

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// searchBack is how far back a schedule's last due time is looked for.
const searchBack = 9 * 366 * day // two leap days may lie eight years apart

// Cron is a compiled schedule of five fields, in UTC unless it begins with
// CRON_TZ=. A time that a change of clocks leaves out is due when the clocks
// have changed, and one that comes twice is due once; a schedule for every hour
// simply goes on through both.
type Cron struct {
	schedule *cron.SpecSchedule
	zone     *time.Location
	hourly   bool
}

// ParseCron reads a schedule such as "*/10 * * * *", "@daily" or
// "CRON_TZ=Europe/Berlin 30 2 * * *".
func ParseCron(text string) (*Cron, error) {
	c := &Cron{zone: time.UTC}
	text = strings.TrimSpace(text)
	if rest, found := strings.CutPrefix(text, "CRON_TZ="); found {
		name, fields, _ := strings.Cut(rest, " ")
		zone, err := time.LoadLocation(name)
		if err != nil || name == "" || name == "Local" {
			return nil, fmt.Errorf("time zone %q is not known", name)
		}
		c.zone, text = zone, strings.TrimSpace(fields)
	}
	if strings.HasPrefix(text, "TZ=") || strings.HasPrefix(text, "@every") || text == "" {
		return nil, errors.New("must be five fields, such as */10 * * * *")
	}
	// A schedule that is not for every hour is asked about wall clocks, written
	// as if they were UTC: so it meets each wall time once.
	wall, err := cron.ParseStandard("CRON_TZ=UTC " + text)
	if err != nil {
		return nil, err
	}
	fields, ok := wall.(*cron.SpecSchedule)
	if !ok {
		return nil, errors.New("must be five fields, such as */10 * * * *")
	}
	const everyHour = 1<<24 - 1
	if c.hourly = fields.Hour&everyHour == everyHour; c.hourly {
		fields.Location = c.zone
	}
	c.schedule = fields
	if fields.Next(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return nil, errors.New("is never due")
	}
	return c, nil
}

// around returns the last due time before or at now, and the next one after
// it. A due time that a change of clocks left out may be returned as one that
// is a little after now; it is always the same one.
func (c *Cron) around(now time.Time) (begin, next time.Time) {
	if c.hourly {
		return c.lastDue(now).UTC(), c.schedule.Next(now).UTC()
	}
	wall := c.wall(now)
	begin = c.instant(c.lastDue(wall))
	following := c.schedule.Next(wall)
	next = now.Add(following.Sub(wall))
	if !c.wall(next).Equal(following) { // the clocks change in between
		next = c.instant(following)
	}
	if !next.After(now) {
		next = now.Add(time.Minute) // look again
	}
	return begin, next.UTC()
}

// wall returns what the zone's clocks show at t, as if it were UTC.
func (c *Cron) wall(t time.Time) time.Time {
	_, offset := t.In(c.zone).Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// instant returns the time at which the zone's clocks show wall.
func (c *Cron) instant(wall time.Time) time.Time {
	return time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, c.zone).UTC()
}

// lastDue looks back in ever longer strides for a due time, and walks forward
// from it to the last one.
func (c *Cron) lastDue(t time.Time) time.Time {
	for stride := 2 * time.Minute; stride < 2*searchBack; stride *= 2 {
		due := c.schedule.Next(t.Add(-stride))
		if due.IsZero() || due.After(t) {
			continue
		}
		for {
			next := c.schedule.Next(due)
			if next.IsZero() || next.After(t) {
				return due
			}
			due = next
		}
	}
	return time.Unix(0, 0).UTC()
}
