package report

import (
	"slices"
	"strings"

	"assay/assess"
	"assay/scheme"
)

var stateLooks = map[State]kind{Reached: good, Shown: held, Open: care, Lacking: bad, Unsure: care, Excluded: out}

func (w *writer) state(l *Level) string {
	switch l.State {
	case Lacking, Unsure:
		return w.n("state."+string(l.State), l.Missing)
	}
	return w.t("state." + string(l.State))
}

// matrix is scheme × level.
func (w *writer) matrix() *section {
	s := &section{ID: "levels", Title: w.t("matrix.title")}
	steps := 1
	for i := range w.r.Schemes {
		steps = max(steps, len(w.r.Schemes[i].Levels))
	}
	t := &table{Caption: w.t("matrix.caption"), Class: "matrix", Heads: []head{{w.t("matrix.scheme"), .26}}}
	for i := range steps {
		title := w.t("matrix.step", "n", i+1)
		if i == 0 {
			title = w.t("matrix.lowest")
		}
		t.Heads = append(t.Heads, head{title, .74 / float64(steps)})
	}
	for i := range w.r.Schemes {
		x := &w.r.Schemes[i]
		first := cell{{{Kind: strong, Text: w.in(x.Scheme.Name), To: "scheme-" + x.Scheme.ID}}}
		if x.Edition != nil {
			first = first.with(mark(quiet, w.t("matrix.on", "edition", clean(x.Edition.ID), "date", w.l.Day(x.Result.At))))
		} else {
			first = first.with(mark(quiet, w.t("matrix.no-edition", "date", w.l.Day(x.Result.At))))
		}
		for j := range x.Result.Gates {
			if g := &x.Result.Gates[j]; g.Rule == assess.RuleOpen && g.Answer != scheme.Yes {
				first = first.with(mark(gateLook(g), w.gate(x, g)))
			}
		}
		r := row{Cells: []cell{first}}
		for j := range steps {
			if j >= len(x.Levels) {
				r.Cells = append(r.Cells, nil)
				continue
			}
			l := &x.Levels[j]
			c := one(strong, w.in(l.Level.Name)).with(mark(stateLooks[l.State], w.state(l)))
			if l.State != Excluded {
				c = c.with(mark(quiet, w.sure("matrix.sure", l.Result.Confidence)))
			}
			r.Cells = append(r.Cells, c)
		}
		t.Rows = append(t.Rows, r)
	}
	s.Parts = []part{{Table: t}}
	return s
}

func (w *writer) sure(key string, c scheme.Confidence) string {
	return w.t(key, "confidence", w.t("confidence."+c.String()))
}

// schemes has a picture for each scheme, and what stands in its way beside the
// evidence.
func (w *writer) schemes() *section {
	s := &section{ID: "schemes", Title: w.t("schemes.title")}
	for i := range w.r.Schemes {
		s.Sections = append(s.Sections, w.oneScheme(&w.r.Schemes[i]))
	}
	return s
}

func (w *writer) oneScheme(x *Scheme) *section {
	s := &section{ID: "scheme-" + x.Scheme.ID, Title: w.in(x.Scheme.Name)}
	add := func(l line, k kind) { s.Parts = append(s.Parts, part{Text: &text{l, k}}) }
	if x.Edition != nil {
		s.Under = w.t("schemes.under", "authority", w.in(x.Scheme.AuthorityIn), "edition", clean(x.Edition.ID))
	} else {
		s.Under = w.in(x.Scheme.AuthorityIn)
	}
	for _, p := range x.Profiles {
		var names []string
		for _, c := range p.Categories {
			names = append(names, w.category(c.Category))
		}
		s.Under += "; " + w.t("schemes.profile", "categories", strings.Join(names, ", "))
	}
	excluded := len(x.Levels) > 0 && x.Levels[0].State == Excluded
	for i := range x.Result.Gates {
		if g := &x.Result.Gates[i]; g.Answer != scheme.Yes {
			l := mark(gateLook(g), w.gate(x, g))
			if g.Fact != nil {
				l = append(l, span{Kind: quiet, Text: " " + w.t("schemes.source", "source", w.source(g.Fact.Source), "confidence", w.t("confidence."+g.Fact.Confidence.String()))})
			}
			add(l, plain)
		}
	}
	if excluded || len(x.Levels) == 0 {
		return s
	}
	add(w.verdict(x), plain)
	figs := []*figure{w.ladder(x)}
	if f := w.radar(x); f != nil {
		figs = append(figs, f)
	}
	s.Parts = append(s.Parts, part{Figures: figs}, part{Table: w.areas(x)})
	add(say(w.t("schemes.issues", "noun", w.in(x.Scheme.Noun))+" "+w.t("schemes.disclaimer", "text", w.in(x.Scheme.Disclaimer))), quiet)
	return s
}

// verdict says what is reached, and what comes next.
func (w *writer) verdict(x *Scheme) line {
	level := func(id string) string { return w.in(x.Edition.Level(id).Name) }
	l := mark(strong, w.t("schemes.nothing"))
	switch may, shown := x.Result.Grantable(), x.Result.Reached(); {
	case may != "":
		l = mark(strong, w.t("schemes.grantable", "level", level(may)))
	case shown != "" && slices.ContainsFunc(x.Levels, func(l Level) bool { return l.State == Open }):
		l = mark(strong, w.t("schemes.open", "level", level(shown)))
	case shown != "":
		l = mark(strong, w.t("schemes.shown", "level", level(shown)))
	}
	for i := range x.Levels {
		if n := &x.Levels[i]; n.Result.Shown != scheme.Yes {
			return append(l, span{Text: " " + w.t("schemes.next", "level", w.in(n.Level.Name), "state", w.state(n))})
		}
	}
	return l
}

// gate is a gate that is not passed, in words of its own: the data beside it
// is for machines.
func (w *writer) gate(x *Scheme, g *assess.Reason) string {
	day := w.l.Day(x.Result.At)
	switch g.Rule {
	case assess.RuleEdition:
		if x.Edition == nil {
			return w.t("gate.none-begun", "date", day)
		}
		return w.t("gate.ended", "edition", clean(x.Edition.ID), "date", w.l.Day(x.Edition.Until))
	case assess.RuleOpen:
		switch {
		case !x.Scheme.Closed.IsZero():
			return w.t("gate.closed", "date", w.l.Day(x.Scheme.Closed))
		case g.Answer == scheme.No:
			return w.t("gate.closed-undated")
		}
		return w.t("gate.closed-unknown")
	}
	if len(w.r.ev.Product.Functions) == 0 {
		return w.t("gate.no-function")
	}
	if g.Answer == scheme.No {
		return w.t("gate.out", "category", w.category(g.Data))
	}
	return w.t("gate.unnamed", "category", w.category(g.Data))
}

func gateLook(g *assess.Reason) kind {
	if g.Answer == scheme.No {
		return out
	}
	return care
}

func (w *writer) source(key string) string {
	if s, ok := w.r.cat.Sources[key]; ok {
		return clean(s.Title)
	}
	return clean(key)
}

// areas is the table beside the radar.
func (w *writer) areas(x *Scheme) *table {
	t := &table{
		Class:   "areas",
		Caption: w.t("areas.caption", "scheme", w.in(x.Scheme.Name)),
		Heads:   []head{{w.t("areas.number"), .07}, {w.t("areas.area"), .53}, {w.t("areas.shown"), .4}},
	}
	last := ""
	for i := range x.Areas {
		a := &x.Areas[i]
		if a.Standard.ID != last {
			last = a.Standard.ID
			if a.ID == "" {
				last = "" // the only area of its standard is titled like it
			} else {
				t.Rows = append(t.Rows, row{Group: true, Cells: []cell{one(strong, w.in(a.Standard.Title))}})
			}
		}
		c := cell{{{Kind: quiet, Text: w.t("areas.none")}}}
		if a.Asked > 0 {
			c = cell{{{Kind: bar, Part: float64(a.Shown) / float64(a.Asked)}, {Text: w.t("areas.of", "shown", w.number(a.Shown), "asked", w.number(a.Asked))}}}
		}
		if a.Free > 0 {
			c = c.with(mark(quiet, w.n("areas.free", a.Free)))
		}
		t.Rows = append(t.Rows, row{Cells: []cell{one(strong, areaLabel(x.Areas, i)), {say(w.in(a.Title))}, c}})
	}
	return t
}

// areaLabel is what an area is called on an axis: its own number, or a letter
// where it has none.
func areaLabel(as []Area, i int) string {
	letter := 'A'
	for k := range as {
		if id := as[k].ID; len(id) > 6 || !strings.ContainsAny(id, "0123456789") {
			if k == i {
				return string(letter)
			}
			letter++
		} else if k == i {
			return clean(id)
		}
	}
	return ""
}
