package chart

import (
	"image"
	"image/color"
	imagedraw "image/draw"
	"math"
	"time"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// The picture has a ground of its own, so that it reads the same on a dark
// screen and a light one.
var (
	ground  = color.RGBA{255, 255, 255, 255}
	edge    = color.RGBA{208, 215, 222, 255}
	grid    = color.RGBA{232, 236, 240, 255}
	ink     = color.RGBA{31, 35, 40, 255}
	faint   = color.RGBA{89, 99, 110, 255}
	blue    = color.RGBA{9, 105, 218, 255}
	paleish = color.RGBA{205, 225, 250, 255}
	red     = color.RGBA{207, 34, 46, 255}
	green   = color.RGBA{26, 127, 55, 255}
)

// A point is two pixels, so that sizes are those on a phone's screen.
const (
	dpi    = 144
	wide   = vg.Length(Width) / 2
	high   = vg.Length(Height) / 2
	margin = vg.Length(9)
	head   = vg.Length(50) // of the words above the axes
)

// text is a style of letters.
func text(size vg.Length, bold bool, c color.Color, x draw.XAlignment, y draw.YAlignment) draw.TextStyle {
	face := font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
	if bold {
		face.Weight = xfont.WeightBold
	}
	return draw.TextStyle{Color: c, Font: face, XAlign: x, YAlign: y, Handler: plot.DefaultTextHandler}
}

// paint draws the view, layer over layer.
func paint(v view) *image.RGBA {
	canvas := vgimg.NewWith(vgimg.UseWH(wide, high), vgimg.UseDPI(dpi), vgimg.UseBackgroundColor(ground))
	c := draw.New(canvas)
	frameOf(c)
	inner := draw.Crop(c, margin, -margin, margin*0.8, -margin*0.8)
	words(inner, v)
	p := axes(v)
	for _, layer := range []func(draw.Canvas, scaleOf, view){lines, band, past, limit, tops, end} {
		p.Add(layered{layer, v})
	}
	p.Draw(draw.Crop(inner, 0, 0, 0, -head))
	if picture, ok := canvas.Image().(*image.RGBA); ok {
		return picture
	}
	picture := image.NewRGBA(canvas.Image().Bounds())
	imagedraw.Draw(picture, picture.Bounds(), canvas.Image(), image.Point{}, imagedraw.Src)
	return picture
}

// layered makes a plotter of a layer.
type layered struct {
	layer func(draw.Canvas, scaleOf, view)
	view  view
}

// Plot implements plot.Plotter.
func (l layered) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	l.layer(c, scaleOf{l.view.from, x, y}, l.view)
}

// scaleOf places moments and amounts on the canvas.
type scaleOf struct {
	from time.Time
	x, y func(float64) vg.Length
}

func (s scaleOf) at(t time.Time, value float64) vg.Point {
	return vg.Point{X: s.x(t.Sub(s.from).Hours()), Y: s.y(value)}
}

func frameOf(c draw.Canvas) {
	c.StrokeLines(draw.LineStyle{Color: edge, Width: 1}, []vg.Point{
		{X: c.Min.X, Y: c.Min.Y}, {X: c.Max.X, Y: c.Min.Y}, {X: c.Max.X, Y: c.Max.Y}, {X: c.Min.X, Y: c.Max.Y}, {X: c.Min.X, Y: c.Min.Y},
	})
}

// words writes what the picture says above it.
func words(c draw.Canvas, v view) {
	colour := color.Color(ink)
	if suspended, ok := v.in.Current.Suspended.Get(); v.balance() <= 0 || ok && suspended {
		colour = red
	}
	y := c.Max.Y
	for i, line := range append([]string{title(v.in.Account)}, v.said()...) {
		style := text(11.5, false, colour, draw.XLeft, draw.YTop)
		switch i {
		case 0:
			style = text(13, true, ink, draw.XLeft, draw.YTop)
		case 2:
			style = text(10, false, faint, draw.XLeft, draw.YTop)
		}
		c.FillText(style, vg.Point{X: c.Min.X, Y: y}, fitting(style, line, c.Max.X-c.Min.X))
		y -= style.Font.Size * 1.28
	}
}

// fitting cuts a text to a width.
func fitting(style draw.TextStyle, line string, width vg.Length) string {
	runes := []rune(line)
	runes = runes[:min(len(runes), 200)]
	cut := len(runes) < len([]rune(line))
	for len(runes) > 0 {
		shown := string(runes)
		if cut {
			shown += "…"
		}
		if style.Width(shown) <= width {
			return shown
		}
		runes, cut = runes[:len(runes)-1], true
	}
	return ""
}

// axes returns the plot without its layers.
func axes(v view) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	p.X.Min, p.X.Max = 0, v.to.Sub(v.from).Hours()
	p.Y.Min, p.Y.Max = v.low, v.high
	p.X.Padding, p.Y.Padding = 0, 2
	p.X.Width, p.Y.Width = 0, 0
	p.X.Tick.Width, p.Y.Tick.Width = 0, 0
	p.X.Tick.Length, p.Y.Tick.Length = 3, 2
	p.X.Tick.Label = text(10, false, faint, draw.XCenter, draw.YTop)
	p.Y.Tick.Label = text(10, false, faint, draw.XRight, draw.YCenter)
	p.X.Tick.Marker = plot.ConstantTicks(v.days())
	p.Y.Tick.Marker = plot.ConstantTicks(v.amounts())
	return p
}

// lines draws the grid, empty, and now.
func lines(c draw.Canvas, s scaleOf, v view) {
	for _, tick := range v.amounts() {
		y := s.y(tick.Value)
		c.StrokeLine2(draw.LineStyle{Color: grid, Width: 0.75}, c.Min.X, y, c.Max.X, y)
	}
	c.StrokeLine2(draw.LineStyle{Color: faint, Width: 0.75}, c.Min.X, s.y(0), c.Max.X, s.y(0))
	x := s.at(v.in.Now, 0).X
	c.StrokeLine2(draw.LineStyle{Color: edge, Width: 1}, x, c.Min.Y, x, c.Max.Y)
}

// band draws the days ahead: where the balance is in eight cases of ten, and its
// middle.
func band(c draw.Canvas, s scaleOf, v view) {
	if len(v.ahead) == 0 {
		return
	}
	start := s.at(v.in.Now, v.balance())
	area, middle := []vg.Point{start}, []vg.Point{start}
	for _, e := range v.ahead {
		area = append(area, s.at(e.At, e.High))
		if len(middle) == 1 || s.y(0) < middle[len(middle)-1].Y { // what is empty stays so
			middle = append(middle, s.at(e.At, e.Mid))
		}
	}
	for i := len(v.ahead) - 1; i >= 0; i-- {
		area = append(area, s.at(v.ahead[i].At, v.ahead[i].Low))
	}
	c.FillPolygon(paleish, c.ClipPolygonXY(area))
	dashes := draw.LineStyle{Color: blue, Width: 1.75, Dashes: []vg.Length{4, 3}}
	c.StrokeLines(dashes, c.ClipLinesXY(middle)...)
}

func past(c draw.Canvas, s scaleOf, v view) {
	line := make([]vg.Point, len(v.past))
	for i, p := range v.past {
		line[i] = s.at(p.at, p.value)
	}
	c.StrokeLines(draw.LineStyle{Color: blue, Width: 2.25}, c.ClipLinesXY(line)...)
	dot(c, s.at(v.in.Now, v.balance()), blue, 3.5)
}

func dot(c draw.Canvas, at vg.Point, colour color.Color, size vg.Length) {
	c.DrawGlyphNoClip(draw.GlyphStyle{Color: ground, Radius: size + 1, Shape: draw.CircleGlyph{}}, at)
	c.DrawGlyphNoClip(draw.GlyphStyle{Color: colour, Radius: size, Shape: draw.CircleGlyph{}}, at)
}

// limit draws the line below which the rule alerts, with its label where the
// balance is farther from it.
func limit(c draw.Canvas, s scaleOf, v view) {
	if v.threshold == nil {
		return
	}
	y := s.y(*v.threshold)
	c.StrokeLine2(draw.LineStyle{Color: red, Width: 1.25, Dashes: []vg.Length{6, 3}}, c.Min.X, y, c.Max.X, y)
	style := text(9.5, false, red, draw.XLeft, draw.YBottom)
	label := "alerts below " + amount(*v.threshold, v.in.Current.Unit)
	at := vg.Point{X: c.Min.X + 3, Y: y + 3}
	if right := c.Max.X - 3 - style.Width(label); v.room(s, right, c.Max.X, y) > v.room(s, c.Min.X, at.X+style.Width(label), y) {
		at.X = right
	}
	if at.Y+style.Font.Size > c.Max.Y {
		at.Y, style.YAlign = y-3, draw.YTop
	}
	written(c, style, at, label)
}

// room returns how far the balance stays from a height within some columns.
func (v view) room(s scaleOf, left, right, y vg.Length) vg.Length {
	room := vg.Length(math.Inf(1))
	look := func(p vg.Point) {
		if p.X >= left && p.X <= right {
			room = min(room, vg.Length(math.Abs(float64(p.Y-y-5))))
		}
	}
	for _, p := range v.past {
		look(s.at(p.at, p.value))
	}
	for _, e := range v.ahead {
		look(s.at(e.At, e.Mid))
	}
	return room
}

// written writes a label on a ground of its own, so that no line crosses it.
func written(c draw.Canvas, style draw.TextStyle, at vg.Point, label string) {
	box := style.Rectangle(label)
	c.FillPolygon(color.NRGBA{255, 255, 255, 225}, []vg.Point{
		{X: at.X + box.Min.X - 1, Y: at.Y + box.Min.Y}, {X: at.X + box.Max.X + 1, Y: at.Y + box.Min.Y},
		{X: at.X + box.Max.X + 1, Y: at.Y + box.Max.Y}, {X: at.X + box.Min.X - 1, Y: at.Y + box.Max.Y},
	})
	c.FillText(style, at, label)
}

// tops marks what was topped up, the largest three with their amount.
func tops(c draw.Canvas, s scaleOf, v view) {
	var labelled []vg.Length
	for _, u := range v.ups {
		at := s.at(u.at, u.value)
		c.DrawGlyphNoClip(draw.GlyphStyle{Color: ground, Radius: 6, Shape: draw.PyramidGlyph{}}, at)
		c.DrawGlyphNoClip(draw.GlyphStyle{Color: green, Radius: 4.5, Shape: draw.PyramidGlyph{}}, at)
		label := "+" + short(u.amount, 1e6)
		style := text(9.5, true, green, draw.XCenter, draw.YBottom)
		half := style.Width(label) / 2
		x := min(max(at.X, c.Min.X+half), c.Max.X-half)
		if len(labelled) == 3 || crowded(labelled, x, 2*half+6) || at.X > c.Max.X {
			continue
		}
		labelled = append(labelled, x)
		y := at.Y + 7
		if y+style.Font.Size > c.Max.Y+6 {
			y = c.Max.Y + 6 - style.Font.Size
			x = min(x+half+8, c.Max.X-half)
		}
		written(c, style, vg.Point{X: x, Y: y}, label)
	}
}

func crowded(taken []vg.Length, x, width vg.Length) bool {
	for _, t := range taken {
		if vg.Length(math.Abs(float64(t-x))) < width {
			return true
		}
	}
	return false
}

// end marks the day on which it runs out.
func end(c draw.Canvas, s scaleOf, v view) {
	if v.runsOut.IsZero() {
		return
	}
	at := s.at(v.runsOut, 0)
	style := text(10.5, true, red, draw.XCenter, draw.YBottom)
	label := v.date(v.runsOut)
	half := style.Width(label) / 2
	dot(c, at, red, 4)
	at.X = min(max(at.X, c.Min.X+half), c.Max.X-half)
	at.Y += 7
	if v.threshold != nil { // not over its label
		if y := s.y(*v.threshold); y > at.Y-2 && y < at.Y+style.Font.Size {
			at.Y = y + 3
		}
	}
	written(c, style, at, label)
}
