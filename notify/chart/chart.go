// Package chart draws an account's balance as a picture that is legible in a
// message on a phone: the past, its top-ups, the expected days with their
// uncertainty, and the line below which the rule alerts.
//
// It is pure: what it draws, and of which moment, it is told. Data comes from
// providers and may be anything; what cannot be drawn is left out. To add a mark
// give it a layer in paint.go.
package chart

import (
	"errors"
	"time"

	"github.com/billwatch/billwatch"
)

// Input is what a picture shows.
type Input struct {
	Account   billwatch.Account
	Records   []billwatch.Record   // of the time before Snapshots begin; in any order
	Snapshots []billwatch.Snapshot // each from when it was first seen
	Current   billwatch.Snapshot   // what the message speaks of
	Forecast  *billwatch.Forecast  // nil where none can be made
	Ahead     []Expected           // the days to come; empty without a forecast
	Threshold *float64             // below which the rule alerts; nil where it has no such number
	Zone      *time.Location       // of dates; UTC where nil
	Now       time.Time
}

// Expected is the balance at a moment to come: in one case of ten it is below
// Low, in one of ten above High.
type Expected struct {
	At             time.Time
	Low, Mid, High float64
}

// Width and Height of a picture in pixels: twice what a phone has room for, so
// that it is sharp there.
const (
	Width  = 760
	Height = 460
)

// ErrNothing says that there is no balance to draw.
var ErrNothing = errors.New("no balance is known")

// Draw returns the picture as a PNG of at most billwatch.MaxChart bytes.
func Draw(in Input) ([]byte, error) {
	if in.Zone == nil {
		in.Zone = time.UTC
	}
	v := viewOf(in)
	if len(v.past) == 0 {
		return nil, ErrNothing
	}
	return encode(paint(v))
}
