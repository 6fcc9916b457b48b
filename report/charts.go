package report

import (
	"math"
	"strings"

	"assay/scheme"
)

// Sizes of the pictures, in their own units: about points on paper.
const (
	ladderWidth = 300
	rungHeight  = 54
	radarWidth  = 300
	radarHeight = 250
	radarRadius = 92
	minAxes     = 5 // of fewer the table says as much
	maxAxes     = 24
)

// ladder draws the levels as rungs, filled as far as they are shown.
func (w *writer) ladder(x *Scheme) *figure {
	n := len(x.Levels)
	f := &figure{ID: "ladder-" + x.Scheme.ID, Title: w.t("ladder.title", "scheme", w.in(x.Scheme.Name)), Width: ladderWidth, Height: float64(n*rungHeight) + 12}
	const left, right, top = 10.0, 82.0, 6.0
	reached := 0
	for reached < n && x.Levels[reached].State == Reached {
		reached++
	}
	bottom := f.Height - top
	rails := func(look look, from, to float64) {
		for _, at := range []float64{left, right} {
			f.Shapes = append(f.Shapes, shape{Kind: stroke, Look: look, X: at, Y: from, W: at, H: to})
		}
	}
	rails(lookRail, top, bottom)
	if reached > 0 {
		y := top + float64(n-reached)*rungHeight + rungHeight/2
		rails(lookGood, y, bottom)
	}
	next := true
	var said []string
	for i := range x.Levels {
		l := &x.Levels[i]
		y := top + float64(n-1-i)*rungHeight + rungHeight/2
		f.rung(l, left, right, y, next && l.State != Reached)
		next = next && l.State == Reached
		name, state := w.in(l.Level.Name), w.state(l)
		f.Shapes = append(f.Shapes,
			shape{Kind: lettering, Look: lookText, X: right + 38, Y: y - 9, Text: name, Size: 12, Bold: true, Anchor: "start"},
			shape{Kind: lettering, Look: stateText[l.State], X: right + 38, Y: y + 5, Text: state, Size: 10.5, Anchor: "start"})
		if l.Asked > 0 && l.State != Reached {
			f.Shapes = append(f.Shapes, shape{Kind: lettering, Look: lookQuiet, X: right + 38, Y: y + 18, Text: w.t("ladder.adds", "shown", w.number(l.Shown), "asked", w.number(l.Asked)), Size: 9, Anchor: "start"})
		}
		f.badge(stateLooks[l.State], right+20, y-2)
		said = append(said, name+": "+state+".")
	}
	f.Said = w.t("ladder.said", "levels", strings.Join(said, " "))
	return f
}

var stateText = map[State]look{Reached: lookGood, Shown: lookOut, Open: lookCare, Lacking: lookBad, Unsure: lookCare, Excluded: lookOut}

// rung is one level between the rails: what of it is shown is filled; the next
// one to reach has a dashed outline around it.
func (f *figure) rung(l *Level, left, right, y float64, next bool) {
	const h = 12
	wide := right - left
	if next {
		f.Shapes = append(f.Shapes, shape{Kind: rectangle, Look: lookDashed, X: left - 4, Y: y - h/2 - 4, W: wide + 8, H: h + 8})
	}
	f.Shapes = append(f.Shapes, shape{Kind: rectangle, Look: lookTrack, X: left, Y: y - h/2, W: wide, H: h})
	share := 1.0
	if l.Asked > 0 {
		share = float64(l.Shown) / float64(l.Asked)
	} else if l.Result.Shown != scheme.Yes {
		share = 0
	}
	if share > 0 {
		look := lookOut
		if l.State == Reached {
			look = lookGood
		}
		f.Shapes = append(f.Shapes, shape{Kind: rectangle, Look: look, X: left, Y: y - h/2, W: wide * share, H: h})
	}
}

// badge is the shape of an answer in a disk.
func (f *figure) badge(k kind, x, y float64) {
	looks := map[kind]look{good: lookGood, bad: lookBad, care: lookCare, out: lookOut, held: lookOut}
	f.Shapes = append(f.Shapes, shape{Kind: circle, Look: looks[k], X: x, Y: y, W: 8})
	for _, line := range glyph(k) {
		pts := make([]point, len(line))
		for i, p := range line {
			pts[i] = point{x + 8*p.X, y + 8*p.Y}
		}
		f.Shapes = append(f.Shapes, shape{Kind: polyline, Look: lookOn, Points: pts})
	}
}

// glyph is the drawing of an answer's shape in a disk of radius 1: no font has
// to have it.
func glyph(k kind) [][]point {
	switch k {
	case good:
		return [][]point{{{-.45, .02}, {-.12, .36}, {.48, -.34}}}
	case bad:
		return [][]point{{{-.36, -.36}, {.36, .36}}, {{-.36, .36}, {.36, -.36}}}
	case care:
		var hook []point
		for a := 180.0; a <= 400; a += 20 { // the bow of the question mark
			hook = append(hook, point{.28 * math.Cos(a*math.Pi/180), -.24 + .28*math.Sin(a*math.Pi/180)})
		}
		hook = append(hook, point{.02, .08}, point{0, .22})
		return [][]point{hook, {{0, .5}, {0, .54}}}
	case held:
		return [][]point{{{-.2, -.4}, {-.2, .4}}, {{.2, -.4}, {.2, .4}}}
	}
	return [][]point{{{-.42, 0}, {.42, 0}}}
}

// radar draws which share of each area is shown; nil where there are too few
// areas for a surface, or too many to tell apart.
func (w *writer) radar(x *Scheme) *figure {
	var axes []int
	for i := range x.Areas {
		if x.Areas[i].Asked > 0 {
			axes = append(axes, i)
		}
	}
	if len(axes) < minAxes || len(axes) > maxAxes {
		return nil
	}
	f := &figure{ID: "radar-" + x.Scheme.ID, Title: w.t("radar.title", "scheme", w.in(x.Scheme.Name)), Width: radarWidth, Height: radarHeight}
	at := func(i int, r float64) point {
		a := 2*math.Pi*float64(i)/float64(len(axes)) - math.Pi/2
		return point{radarWidth/2 + r*radarRadius*math.Cos(a), radarHeight/2 + r*radarRadius*math.Sin(a)}
	}
	for _, r := range []float64{.25, .5, .75, 1} {
		ring := make([]point, len(axes))
		for i := range axes {
			ring[i] = at(i, r)
		}
		f.Shapes = append(f.Shapes, shape{Kind: polygon, Look: lookGrid, Points: ring})
	}
	for i := range axes {
		c, e := point{radarWidth / 2, radarHeight / 2}, at(i, 1)
		f.Shapes = append(f.Shapes, shape{Kind: stroke, Look: lookGrid, X: c.X, Y: c.Y, W: e.X, H: e.Y})
	}
	surface := make([]point, len(axes))
	var said []string
	for i, k := range axes {
		a := &x.Areas[k]
		surface[i] = at(i, float64(a.Shown)/float64(a.Asked))
		said = append(said, areaLabel(x.Areas, k)+" "+w.in(a.Title)+": "+w.t("areas.of", "shown", w.number(a.Shown), "asked", w.number(a.Asked))+".")
	}
	f.Shapes = append(f.Shapes, shape{Kind: polygon, Look: lookArea, Points: surface})
	for i, k := range axes {
		a := &x.Areas[k]
		look := lookDot
		if a.Shown < a.Asked {
			look = lookBad
		}
		f.Shapes = append(f.Shapes, shape{Kind: circle, Look: look, X: surface[i].X, Y: surface[i].Y, W: 2.6})
		p := at(i, 1.14)
		anchor := "middle"
		switch {
		case p.X > radarWidth/2+6:
			anchor = "start"
		case p.X < radarWidth/2-6:
			anchor = "end"
		}
		s := shape{Kind: lettering, Look: lookQuiet, X: p.X, Y: p.Y + 3.5, Text: areaLabel(x.Areas, k), Size: 10, Anchor: anchor}
		if a.Shown < a.Asked {
			s.Look, s.Bold = lookText, true
		}
		f.Shapes = append(f.Shapes, s)
	}
	f.Said = w.t("radar.said", "areas", strings.Join(said, " "))
	return f
}
