package chart_test

import (
	"image"
	"image/color"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify/chart"
)

// share returns how many pixels of ten thousand are near a colour, within a part
// of the picture given in percent.
func share(t *testing.T, img image.Image, want color.RGBA, left, top, right, bottom int) int {
	t.Helper()
	near, all := 0, 0
	for y := chart.Height * top / 100; y < chart.Height*bottom/100; y++ {
		for x := chart.Width * left / 100; x < chart.Width*right/100; x++ {
			r, g, b, a := img.At(x, y).RGBA()
			if a != 0xffff {
				t.Fatalf("the pixel at %d, %d lets the ground shine through", x, y)
			}
			off := abs(int(r>>8)-int(want.R)) + abs(int(g>>8)-int(want.G)) + abs(int(b>>8)-int(want.B))
			if all++; off < 40 {
				near++
			}
		}
	}
	return near * 10_000 / all
}

func abs(n int) int { return max(n, -n) }

var (
	blue  = color.RGBA{9, 105, 218, 255}
	pale  = color.RGBA{205, 225, 250, 255}
	red   = color.RGBA{207, 34, 46, 255}
	green = color.RGBA{26, 127, 55, 255}
	white = color.RGBA{255, 255, 255, 255}
)

func TestWhatAPictureShows(t *testing.T) {
	of := func(name string) chart.Input { return lives()[name].input(t) }
	noForecast := func(in chart.Input) chart.Input {
		in.Ahead, in.Forecast = nil, nil
		return in
	}
	noThreshold := func(in chart.Input) chart.Input {
		in.Threshold = nil
		return in
	}
	for _, c := range []struct {
		name   string
		in     chart.Input
		colour color.RGBA
		shown  bool
	}{
		{"the past is a blue line", noThreshold(noForecast(of("steady"))), blue, true},
		{"the days ahead are a pale band", of("steady"), pale, true},
		{"without a forecast there is no band", noForecast(of("steady")), pale, false},
		{"an account that is empty has no days ahead", of("empty"), pale, false},
		{"a threshold is red", noForecast(of("steady")), red, true},
		{"without threshold and end nothing is red", noThreshold(noForecast(of("steady"))), red, false},
		{"the day it runs out is red", noThreshold(of("steady")), red, true},
		{"what lasts long has no such day", noThreshold(of("slow")), red, false},
		{"what nobody uses neither", noThreshold(of("nouse")), red, false},
		{"top-ups are green", of("topups"), green, true},
		{"without any nothing is green", of("nouse"), green, false},
		{"a correction of a cent is no top-up", of("steady"), green, false},
		{"being suspended is said in red", noThreshold(noForecast(inputs(t)["suspended"])), red, true},
		{"being empty too", noThreshold(of("empty")), red, true},
	} {
		some := 3
		if c.colour == pale { // as the edges of what is blue
			some = 40
		}
		if got := share(t, decode(t, draw(t, c.in)), c.colour, 0, 0, 100, 100); got > some != c.shown {
			t.Errorf("%s: %d pixels of 10,000 have the colour, want some: %v", c.name, got, c.shown)
		}
	}
}

// nothingCut says whether something reaches an edge of the picture.
func nothingCut(t *testing.T, img image.Image) {
	t.Helper()
	if r, g, b, _ := img.At(8, 8).RGBA(); r != 0xffff || g != 0xffff || b != 0xffff {
		t.Errorf("the ground is %x %x %x, want white", r, g, b)
	}
	for edge, part := range map[string][4]int{"left": {1, 2, 2, 98}, "right": {98, 2, 99, 98}, "top": {1, 1, 99, 2}, "bottom": {1, 98, 99, 99}} {
		if got := share(t, img, white, part[0], part[1], part[2], part[3]); got < 9_980 {
			t.Errorf("something reaches the %s edge (%d of 10,000 are white)", edge, got)
		}
	}
}

func TestOldSnapshotsOfAnotherUnitAreLeftOut(t *testing.T) {
	in := steady().input(t)
	want := draw(t, in)
	in.Snapshots = []billwatch.Snapshot{{At: now.Add(-time.Hour), Unit: "USD", Balance: billwatch.Known(billwatch.DecimalOf(1_000_000))}}
	if got := draw(t, in); string(got) != string(want) {
		t.Error("an amount in another unit is drawn")
	}
}
