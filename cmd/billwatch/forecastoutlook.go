package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/rules"
	"github.com/billwatch/billwatch/rules/forecast"
)

// outlook is what is expected of one account.
type outlook struct {
	Series   string              `json:"series"`
	Records  int                 `json:"records"`
	At       time.Time           `json:"at"` // the moment from which days are counted
	Balance  float64             `json:"balance"`
	Unit     string              `json:"unit"`
	Forecast *billwatch.Forecast `json:"forecast"` // nil where there is too little history
	Sentence string              `json:"sentence"`
}

func outlookOf(b *balances, unit string, now time.Time) outlook {
	history, balance, at := b.upTo(b.len()-1, now)
	o := outlook{Series: b.id, Records: b.len(), At: at, Balance: balance, Unit: unit}
	m := forecast.New(history)
	if m == nil {
		o.Sentence = fmt.Sprintf("%s of history: a forecast needs 3.", plural(history.Days(), "whole day"))
		return o
	}
	o.Forecast = rules.Outlook(m, balance, at)
	o.Sentence = rules.Sentence(m, balance, unit, at)
	return o
}

// outlookJSON prints all accounts as one JSON document.
type outlookJSON struct {
	out  io.Writer
	now  time.Time
	unit string
	all  []outlook
}

func (p *outlookJSON) account(b *balances) error {
	p.all = append(p.all, outlookOf(b, p.unit, p.now))
	return nil
}

func (p *outlookJSON) end() error {
	encoder := json.NewEncoder(p.out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		Version string    `json:"version"`
		Series  []outlook `json:"series"`
	}{"1", p.all})
}

// outlookTable prints a row an account, then a sentence an account.
type outlookTable struct {
	out       io.Writer
	now       time.Time
	unit      string
	rows      [][]string
	sentences []string
}

func (p *outlookTable) account(b *balances) error {
	o := outlookOf(b, p.unit, p.now)
	p.rows = append(p.rows, o.row())
	p.sentences = append(p.sentences, plain(o.Series)+": "+o.Sentence)
	return nil
}

func (o outlook) row() []string {
	balance := shortNumber(o.Balance)
	if o.Forecast == nil {
		return []string{o.Series, balance, "–", "–", "–", "–", "–"}
	}
	f := o.Forecast
	ends := "never"
	if !f.ExhaustAt.IsZero() {
		ends = f.ExhaustAt.Format(time.DateOnly)
	}
	return []string{
		o.Series, balance, shortNumber(f.BurnRate),
		shortDays(f.Runway.P10), shortDays(f.Runway.P50), shortDays(f.Runway.P90), ends,
	}
}

func (p *outlookTable) end() error {
	header := []string{"SERIES", "LEFT", "USED A DAY", "DAYS P10", "P50", "P90", "RUNS OUT"}
	if err := table(p.out, header, p.rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(p.out, "\n%s\n", strings.Join(p.sentences, "\n"))
	return err
}

// shortNumber shows an amount, with two decimals where it is small.
func shortNumber(f float64) string {
	digits := 2
	if cents := f * 100; math.Abs(f) >= 1000 || math.Abs(cents-math.Round(f)*100) < 0.5 {
		digits = 0
	}
	return grouped(strconv.FormatFloat(f, 'f', digits, 64))
}

func shortDays(days float64) string {
	if math.IsInf(days, 1) {
		return "never"
	}
	return grouped(strconv.FormatFloat(days, 'f', 1, 64))
}
