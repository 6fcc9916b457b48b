package report

import (
	"fmt"
	"strings"

	"assay/assess"
	"assay/evidence"
	"assay/scheme"
)

func (w *writer) asked(o *assess.Outcome) string {
	return w.t("asked." + string(o.Method) + "." + string(o.By))
}

func (w *writer) duty(o *assess.Outcome) cell {
	if o.Duty {
		return nil
	}
	return one(quiet, w.t("duty.no"))
}

func answerLook(o *assess.Outcome) kind {
	switch {
	case o.Rule == assess.RuleDoesNotApply:
		return out
	case o.Answer == scheme.Yes:
		return good
	case o.Answer == scheme.No:
		return bad
	}
	return care
}

// details are what an outcome lacks, what would have to be known, and the
// mapping that carried it or did not.
func (w *writer) details(o *assess.Outcome) (c cell) {
	if len(o.Lacks) > 0 {
		q := w.r.cat.Requirement(o.Requirement)
		var names []string
		for _, id := range o.Lacks {
			name := clean(id)
			if q != nil {
				for i := range q.Contents {
					if q.Contents[i].ID == id {
						name = w.in(q.Contents[i].Text)
					}
				}
			}
			names = append(names, name)
		}
		c = c.with(mark(quiet, w.t("reqs.lacks", "contents", strings.Join(names, "; "))))
	}
	if o.Applies == scheme.Undetermined && len(o.Unknown) > 0 {
		var names []string
		for _, id := range o.Unknown {
			names = append(names, w.feature(id))
		}
		c = c.with(mark(quiet, w.t("reqs.unknown", "features", strings.Join(names, "; "))))
	}
	if m := o.Mapping; m != nil {
		title := clean(m.Mapping)
		for i := range w.r.cat.Mappings {
			if w.r.cat.Mappings[i].ID == m.Mapping {
				title = w.in(w.r.cat.Mappings[i].Title)
			}
		}
		c = c.with(mark(quiet, w.t("reqs.carried", "mapping", title, "author", clean(m.Author), "relation", w.t("relation."+string(m.Relation)),
			"confidence", w.t("confidence."+m.Confidence.String()), "from", w.refs(m.From))))
	}
	return c
}

// requirements lists all that is asked for, level by level.
func (w *writer) requirements() *section {
	s := &section{ID: "requirements", Title: w.t("reqs.title"), Break: true, Parts: []part{{Text: &text{say(w.t("reqs.lead")), quiet}}}}
	for i := range w.r.Schemes {
		x := &w.r.Schemes[i]
		if len(x.Levels) == 0 {
			continue
		}
		if x.Levels[0].State == Excluded {
			s.Parts = append(s.Parts, part{Text: &text{mark(out, w.t("reqs.excluded", "scheme", w.in(x.Scheme.Name))), plain}})
			continue
		}
		sub := &section{ID: "requirements-" + x.Scheme.ID, Title: w.in(x.Scheme.Name)}
		for j := range x.Levels {
			l := &x.Levels[j]
			if l.Asked == 0 {
				sub.Parts = append(sub.Parts, part{Text: &text{say(w.t("reqs.nothing", "level", w.in(l.Level.Name))), quiet}})
				continue
			}
			sub.Parts = append(sub.Parts, part{Table: w.outcomes(x, l)})
		}
		s.Sections = append(s.Sections, sub)
	}
	return s
}

func (w *writer) outcomes(x *Scheme, l *Level) *table {
	t := &table{
		Caption: w.t("reqs.caption", "scheme", w.in(x.Scheme.Name), "level", w.in(l.Level.Name), "shown", w.number(l.Shown), "asked", w.number(l.Asked)),
		Heads:   []head{{w.t("reqs.requirement"), .34}, {w.t("reqs.asked"), .16}, {w.t("reqs.outcome"), .24}, {w.t("reqs.evidence"), .26}},
	}
	last := scheme.StandardRef{}
	for _, o := range l.Adds {
		if s := (scheme.StandardRef{Standard: o.Requirement.Standard, Edition: o.Requirement.Edition}); s != last {
			last = s
			title := clean(s.Standard)
			if st := w.r.cat.Standard(s.Standard); st != nil {
				title = w.in(st.Title)
			}
			t.Rows = append(t.Rows, row{Group: true, Cells: []cell{one(strong, title+" ("+clean(s.Edition)+")")}})
		}
		result := one(answerLook(o), w.t("rule."+o.Rule)).with(w.details(o)...)
		if o.Fact != nil && o.Fact.Confidence < scheme.Official {
			result = result.with(mark(quiet, w.sure("reqs.sure", o.Fact.Confidence)))
		}
		t.Rows = append(t.Rows, row{Cells: []cell{
			one(strong, clean(o.Requirement.Requirement)).with(say(w.requirement(o.Requirement))),
			cell{say(w.asked(o))}.with(w.duty(o)...), result, w.proof(o),
		}})
	}
	return t
}

// proof says where the evidence for an outcome is, and which files it names.
func (w *writer) proof(o *assess.Outcome) cell {
	const shown = 3
	c := cell(w.place(o.From, o.Rule == assess.RuleFailed || o.Rule == assess.RuleInconclusive))
	files := w.artifacts(o)
	for _, f := range files[:min(shown, len(files))] {
		c = c.with(mark(quiet, clean(f)))
	}
	if n := len(files) - shown; n > 0 {
		c = c.with(mark(quiet, w.n("reqs.artifacts", n)))
	}
	return c
}

// artifacts are the names of the files behind what decided.
func (w *writer) artifacts(o *assess.Outcome) (names []string) {
	steps := strings.Split(strings.TrimPrefix(o.From, "/"), "/")
	at := func(i, n int) int {
		k := -1
		if i < len(steps) {
			fmt.Sscanf(steps[i], "%d", &k)
		}
		if k >= n {
			return -1
		}
		return k
	}
	var as []evidence.Artifact
	ev := w.r.ev
	switch {
	case !strings.HasPrefix(o.From, "/"):
	case steps[0] == "claims":
		if i := at(1, len(ev.Claims)); i >= 0 {
			as = ev.Claims[i].Artifacts
		}
	case steps[0] == "ics":
		if i := at(1, len(ev.ICS)); i >= 0 {
			as = ev.ICS[i].Entries[o.Requirement.Requirement].Artifacts
		}
	case steps[0] == "reports":
		if i := at(1, len(ev.Reports)); i >= 0 && ev.Reports[i].Report() != nil {
			if j := at(4, len(ev.Reports[i].Report().Results)); j >= 0 {
				as = ev.Reports[i].Report().Results[j].Artifacts
			}
		}
	}
	for _, a := range as {
		names = append(names, a.Name)
	}
	return names
}
