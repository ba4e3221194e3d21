package chart

import (
	"math"
	"time"

	"gonum.org/v1/plot"
)

const (
	labelsAcross = 5 // dates that have room side by side
	labelsUp     = 4
)

// days returns the dates along the axis, each at its midnight, and now.
func (v view) days() []plot.Tick {
	span := v.to.Sub(v.from)
	every := 1
	for _, every = range []int{1, 2, 3, 7, 14, 28, 56} {
		if int(span/day)/every <= labelsAcross {
			break
		}
	}
	var ticks []plot.Tick
	now := v.in.Now.In(v.in.Zone)
	first := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, v.in.Zone)
	for n := -int(v.in.Now.Sub(v.from)/day)/every - 1; n <= int(v.to.Sub(v.in.Now)/day)/every+1; n++ {
		at := first.AddDate(0, 0, n*every)
		label := at.Format("2 Jan")
		if n == 0 {
			at, label = now, "today"
		}
		place := float64(at.Sub(v.from)) / float64(span)
		if place < 0.04 || place > 0.96 { // its label would be cut
			continue
		}
		ticks = append(ticks, plot.Tick{Value: at.Sub(v.from).Hours(), Label: label})
	}
	return ticks
}

// amounts returns round amounts up the axis.
func (v view) amounts() []plot.Tick {
	span := v.high - v.low
	step := math.Pow(10, math.Floor(math.Log10(span/labelsUp)))
	for _, times := range []float64{1, 2, 5, 10} {
		if span/(step*times) <= labelsUp+0.5 {
			step *= times
			break
		}
	}
	var ticks []plot.Tick
	for n := math.Ceil(v.low / step); n*step <= v.high && len(ticks) < 12; n++ {
		value := n * step
		if n == 0 {
			value = 0 // and not minus nothing
		}
		ticks = append(ticks, plot.Tick{Value: value, Label: short(value, 1e6)})
	}
	return ticks
}
