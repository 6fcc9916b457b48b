package assess

import "assay/scheme"

// carried looks for a mapping by which other requirements, shown as strongly
// as d asks, show this one; or else for one that says why they do not. It takes
// one step: what was itself carried over carries nothing on.
func (w *walk) carried(d *demand, q *requirement) (by, narrow *mapped) {
	for i := range q.mapped {
		m := &q.mapped[i]
		if !w.all(m, d) {
			continue
		}
		switch {
		case !m.row.Relation.Carries():
			if narrow == nil || m.sure > narrow.sure {
				narrow = m
			}
		case by == nil || m.sure > by.sure:
			by = m
		}
	}
	return by, narrow
}

// all reports whether everything that a mapping starts from is shown as d asks.
// What does not apply to the product is not in the way, but something must have
// been shown.
func (w *walk) all(m *mapped, d *demand) bool {
	some := false
	for _, n := range m.from {
		a, _ := w.c.reqs[n].req.When.Eval(w.grounded, nil)
		if a == scheme.No && !w.blocked[n] {
			continue
		}
		s := w.shown(n, d.adds.MaxAge)
		if atLeast(&s.pass, d.need) == 0 || s.fail != 0 || atLeast(&s.unsure, strength{}) != 0 || w.blocked[n] {
			return false
		}
		some = true
	}
	return some
}

// fact is the less sure one of a mapping and its row.
func (m *mapped) fact() *scheme.Fact {
	if m.row.Confidence < m.mapping.Confidence {
		return &m.row.Fact
	}
	return &m.mapping.Fact
}

func (m *mapped) carried(c *Compiled) *Carried {
	x := &Carried{Mapping: m.mapping.ID, Author: m.mapping.Author, Relation: m.row.Relation, Confidence: m.sure}
	for _, n := range m.from {
		x.From = append(x.From, c.reqs[n].ref)
	}
	return x
}
