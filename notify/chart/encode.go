package chart

import (
	"bytes"
	"cmp"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"slices"

	"github.com/billwatch/billwatch"
)

// encode writes the picture with the colours that it has most of: some two
// hundred of them are enough for smooth edges, and a third of the bytes.
func encode(picture *image.RGBA) ([]byte, error) {
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&out, reduced(picture)); err != nil {
		return nil, fmt.Errorf("encode chart: %w", err)
	}
	if out.Len() > billwatch.MaxChart {
		return nil, fmt.Errorf("chart has %d bytes, at most %d are kept", out.Len(), billwatch.MaxChart)
	}
	return out.Bytes(), nil
}

// reduced returns the picture with a palette. The same picture always gives the
// same one.
func reduced(picture *image.RGBA) *image.Paletted {
	bounds := picture.Bounds()
	count := map[color.RGBA]int{}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			count[roughly(picture.RGBAAt(x, y))]++
		}
	}
	palette, index := paletteOf(count)
	out := image.NewPaletted(bounds, palette)
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			c := roughly(picture.RGBAAt(x, y))
			i, ok := index[c]
			if !ok {
				i = uint8(palette.Index(c)) //nolint:gosec // a palette has at most 256 colours
				index[c] = i
			}
			out.SetColorIndex(x, y, i)
		}
	}
	return out
}

// roughly returns the colour to five bits, as many as the edges of letters need.
func roughly(c color.RGBA) color.RGBA { return color.RGBA{c.R &^ 7, c.G &^ 7, c.B &^ 7, 255} }

// paletteOf returns the colours that there are most of, and where each stands.
func paletteOf(count map[color.RGBA]int) (color.Palette, map[color.RGBA]uint8) {
	colours := slices.Collect(maps.Keys(count))
	value := func(c color.RGBA) int { return int(c.R)<<16 | int(c.G)<<8 | int(c.B) }
	slices.SortFunc(colours, func(a, b color.RGBA) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(value(a), value(b)))
	})
	palette, index := make(color.Palette, 0, 256), map[color.RGBA]uint8{}
	for i, c := range colours[:min(len(colours), 256)] {
		index[c] = uint8(i)                                //nolint:gosec // as above
		c.R, c.G, c.B = c.R|c.R>>5, c.G|c.G>>5, c.B|c.B>>5 // white stays white
		palette = append(palette, c)
	}
	return palette, index
}
