package report

import (
	"slices"
	"strings"

	"assay/evidence"
	"assay/scheme"
)

// doubts are the facts below official.
func (w *writer) doubts() *section {
	s := &section{ID: "doubts", Title: w.t("doubts.title")}
	if len(w.r.Doubts) == 0 {
		s.Parts = []part{{Text: &text{mark(good, w.t("doubts.none")), plain}}}
		return s
	}
	t := &table{
		Caption: w.t("doubts.caption"),
		Heads:   []head{{w.t("doubts.source"), .27}, {w.t("doubts.sure"), .11}, {w.t("doubts.note"), .33}, {w.t("doubts.about"), .29}},
	}
	for i := range w.r.Doubts {
		d := &w.r.Doubts[i]
		first := one(strong, w.source(d.Fact.Source))
		if x, ok := w.r.cat.Sources[d.Fact.Source]; ok {
			if !x.Date.IsZero() {
				first = first.with(mark(quiet, w.t("doubts.dated", "date", w.l.Day(x.Date))))
			} else if !x.Read.IsZero() {
				first = first.with(mark(quiet, w.t("doubts.read", "date", w.l.Day(x.Read))))
			}
			if x.URL != "" {
				first = first.with(mark(code, clean(x.URL)))
			}
		}
		var note cell
		if d.Fact.Note != "" {
			note = cell{foreign("en", clean(d.Fact.Note))}
		}
		t.Rows = append(t.Rows, row{Cells: []cell{first, {say(w.t("confidence." + d.Fact.Confidence.String()))}, note, w.rests(d)}})
	}
	s.Parts = []part{{Text: &text{say(w.t("doubts.lead")), quiet}}, {Table: t}}
	return s
}

// rests says what rests on a fact: whose answers, and which requirements,
// levels, editions and gates.
func (w *writer) rests(d *Doubt) cell {
	c := one(strong, w.schemeNames(d.By))
	var refs []scheme.RequirementRef
	var others []string
	for _, about := range d.About {
		if ref, err := evidence.ParseRef(about); err == nil {
			refs = append(refs, scheme.RequirementRef(ref))
			continue
		}
		if s := w.about(about, d.By); !slices.Contains(others, s) {
			others = append(others, s)
		}
	}
	if len(others) > 0 {
		c = c.with(say(strings.Join(others, ", ")))
	}
	if len(refs) > 0 {
		c = c.with(say(w.refs(refs)))
	}
	return c
}

func (w *writer) about(id string, schemes []string) string {
	if w.l.Has("gate." + id) {
		return w.t("gate." + id)
	}
	for i := range w.r.cat.Mappings {
		if m := &w.r.cat.Mappings[i]; m.ID == id {
			return w.in(m.Title)
		}
	}
	for i := range w.r.Schemes {
		x := &w.r.Schemes[i]
		if x.Edition == nil || !slices.Contains(schemes, x.Scheme.ID) {
			continue
		}
		if x.Edition.ID == id {
			return w.t("doubts.edition", "edition", clean(id))
		}
		if l := x.Edition.Level(id); l != nil {
			return w.in(l.Name)
		}
		for _, p := range x.Profiles {
			if p.ID == id {
				return w.t("doubts.profile", "profile", clean(id))
			}
		}
	}
	return clean(id)
}

// notes say how to read the words.
func (w *writer) notes() *section {
	s := &section{ID: "notes", Title: w.t("notes.title")}
	note := func(k kind, key string) cell { // its word up to the colon has the look
		word, rest, _ := strings.Cut(w.t(key), ":")
		return cell{{{Kind: k, Text: word + ":"}, {Text: rest}}}
	}
	s.Parts = []part{{List: []cell{
		note(good, "notes.reached"), note(bad, "notes.lacking"), note(care, "notes.unsure"), note(strong, "notes.basis"), {say(w.t("notes.words"))},
	}}}
	return s
}
