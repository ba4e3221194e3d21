package main

import (
	"bufio"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/billwatch/billwatch/rules/forecast"
)

// dayPrinter prints what the forecast said on each day.
type dayPrinter struct {
	out   *bufio.Writer
	limit float64
	alert bool
	line  []byte
	err   error // of the first write that failed
}

func newDayPrinter(out *bufio.Writer, o forecastOptions) *dayPrinter {
	header := "series_id,day,p10,p50,p90"
	if o.alert {
		header += ",alert7,alert14"
	}
	_, err := out.WriteString(header + "\n")
	return &dayPrinter{out: out, limit: o.limit, alert: o.alert, err: err}
}

func (p *dayPrinter) account(b *balances) error {
	week, fortnight := standing{on: 7, off: 8}, standing{on: 14, off: 16}
	for i := range b.len() {
		history, balance, at := b.upTo(i, time.Unix(math.MaxInt32, 0)) // every day was a whole one
		m := forecast.New(history)
		if m == nil {
			continue
		}
		middle := m.Runway(balance, at, 0.5)
		p.line = append(p.line[:0], csvField(b.id)...)
		p.line = append(append(p.line, ','), b.days[i]...)
		for _, days := range [...]float64{m.Runway(balance, at, 0.1), middle, m.Runway(balance, at, 0.9)} {
			p.line = strconv.AppendFloat(append(p.line, ','), math.Min(days, p.limit), 'f', 3, 64)
		}
		if p.alert {
			p.line = append(append(p.line, ','), week.see(middle))
			p.line = append(append(p.line, ','), fortnight.see(middle))
		}
		if _, err := p.out.Write(append(p.line, '\n')); err != nil {
			return found(err)
		}
	}
	return nil
}

func (p *dayPrinter) end() error { return p.err }

// standing is an alert on the days left that ends only well above the point at
// which it begins, as in a rule with until.
type standing struct {
	on, off float64
	firing  bool
}

// see returns '1' while the alert is on.
func (s *standing) see(days float64) byte {
	s.firing = days <= s.on || s.firing && days <= s.off
	if s.firing {
		return '1'
	}
	return '0'
}

// csvField quotes what would not be one field as it stands.
func csvField(text string) string {
	if !strings.ContainsAny(text, ",\"\r\n") {
		return text
	}
	return `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
}
