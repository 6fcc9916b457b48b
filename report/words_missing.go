package report

import (
	"slices"
	"strings"

	"assay/assess"
)

// missing is what to do, in the order of how much it helps.
func (w *writer) missing() *section {
	s := &section{ID: "missing", Title: w.t("missing.title")}
	if len(w.r.Missing) == 0 {
		s.Parts = []part{{Text: &text{mark(good, w.t("missing.none")), plain}}}
		return s
	}
	t := &table{
		Caption: w.t("missing.caption"),
		Heads:   []head{{w.t("missing.what"), .42}, {w.t("missing.why"), .28}, {w.t("missing.todo"), .3}},
	}
	for _, same := range bySteps(w.r.Missing) {
		n := len(same[0].Levels)
		t.Rows = append(t.Rows, row{Group: true, Cells: []cell{{{{Kind: strong, Text: w.n("missing.unlocks", n)}, {Text: " " + w.steps(same[0].Levels)}}}}})
		for _, m := range same {
			t.Rows = append(t.Rows, row{Cells: w.lacks(m)})
		}
	}
	s.Parts = []part{{Text: &text{say(w.t("missing.lead")), quiet}}, {Table: t}}
	return s
}

// bySteps puts together what stands in the way of the same levels, without
// putting what helps less before what helps more.
func bySteps(ms []assess.Missing) (groups [][]*assess.Missing) {
	for i := range ms {
		m := &ms[i]
		k := slices.IndexFunc(groups, func(g []*assess.Missing) bool { return slices.Equal(g[0].Levels, m.Levels) })
		if k < 0 {
			k = len(groups)
			groups = append(groups, nil)
		}
		groups[k] = append(groups[k], m)
	}
	return groups
}

// lacks is one missing thing: what, why, and what to do.
func (w *writer) lacks(m *assess.Missing) []cell {
	switch m.Kind {
	case assess.MissingFeature:
		return []cell{{say(w.feature(m.About))}, one(care, w.t("missing.feature")), {say(w.t("missing.feature-todo"))}}
	case assess.MissingScope:
		return []cell{{say(w.category(m.About))}, one(care, w.t("missing.scope")), {say(w.t("missing.scope-todo"))}}
	}
	o := m.Requirement
	return []cell{
		one(strong, w.name(o.Requirement)).with(say(w.requirement(o.Requirement))),
		one(answerLook(o), w.t("rule."+o.Rule)).with(w.details(o)...),
		one(strong, w.asked(o)).with(say(w.t("todo." + o.Rule))).with(w.duty(o)...),
	}
}

// steps names levels, scheme by scheme.
func (w *writer) steps(steps []assess.Step) string {
	var order []string
	by := map[string][]string{}
	for _, s := range steps {
		if by[s.Scheme] == nil {
			order = append(order, s.Scheme)
		}
		by[s.Scheme] = append(by[s.Scheme], w.levelName(s))
	}
	for i, id := range order {
		order[i] = w.schemeName(id) + ": " + strings.Join(by[id], ", ")
	}
	return strings.Join(order, "; ")
}

func (w *writer) levelName(s assess.Step) string {
	for i := range w.r.Schemes {
		if x := &w.r.Schemes[i]; x.Scheme.ID == s.Scheme && x.Edition != nil {
			if l := x.Edition.Level(s.Level); l != nil {
				return w.in(l.Name)
			}
		}
	}
	return clean(s.Level)
}

// feature is the question whose answer is not known.
func (w *writer) feature(id string) string {
	for i := range w.r.cat.Standards {
		for _, f := range w.r.cat.Standards[i].Features {
			if f.ID == id {
				return w.in(f.Question)
			}
		}
	}
	return clean(id)
}
