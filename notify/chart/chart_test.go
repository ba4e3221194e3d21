package chart_test

import (
	"bytes"
	"errors"
	"flag"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify/chart"
)

var pictures = flag.String("pictures", "", "a folder into which all pictures are written, to be looked at")

func draw(t testing.TB, in chart.Input) []byte {
	t.Helper()
	picture, err := chart.Draw(in)
	if err != nil {
		t.Fatal(err)
	}
	return picture
}

func decode(t testing.TB, picture []byte) image.Image {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestEveryAccountHasAPicture(t *testing.T) {
	for name, in := range inputs(t) {
		t.Run(name, func(t *testing.T) {
			picture := draw(t, in)
			if *pictures != "" {
				if err := os.WriteFile(filepath.Join(*pictures, name+".png"), picture, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if len(picture) > billwatch.MaxChart {
				t.Errorf("%d bytes, at most %d are kept", len(picture), billwatch.MaxChart)
			}
			img := decode(t, picture)
			if size := img.Bounds().Size(); size != (image.Point{X: chart.Width, Y: chart.Height}) {
				t.Errorf("the picture is %v", size)
			}
			nothingCut(t, img)
		})
	}
}

func TestWithoutABalanceThereIsNothingToDraw(t *testing.T) {
	for name, in := range map[string]chart.Input{
		"nothing":                {},
		"a moment":               {Now: now},
		"a threshold alone":      {Now: now, Threshold: new(float64)},
		"a balance of no moment": {Now: now, Current: billwatch.Snapshot{Balance: billwatch.Known(billwatch.DecimalOf(1))}},
		"a balance to come":      {Now: now, Current: billwatch.Snapshot{At: now.Add(time.Hour), Balance: billwatch.Known(billwatch.DecimalOf(1))}},
	} {
		if picture, err := chart.Draw(in); !errors.Is(err, chart.ErrNothing) || picture != nil {
			t.Errorf("%s: %d bytes, %v", name, len(picture), err)
		}
	}
}

func TestTheSameInputGivesTheSamePicture(t *testing.T) {
	in := lives()["topups"].input(t)
	if !bytes.Equal(draw(t, in), draw(t, in)) {
		t.Error("the same input gave another picture")
	}
}

func BenchmarkDraw(b *testing.B) {
	in := steady().input(b)
	for b.Loop() {
		draw(b, in)
	}
}
