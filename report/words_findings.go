package report

import (
	"fmt"
	"slices"
	"strings"

	"assay/civil"
	"assay/evidence"
	"assay/scheme"
)

// findings come first.
func (w *writer) findings() *section {
	s := &section{ID: "findings", Title: w.t("findings.title")}
	if len(w.r.Findings) == 0 {
		s.Parts = []part{{Text: &text{mark(good, w.t("findings.none")), plain}}}
		return s
	}
	s.Parts = []part{{Text: &text{say(w.t("findings.lead")), quiet}}}
	t := &table{Caption: w.t("findings.caption"), Heads: []head{{w.t("findings.what"), .44}, {w.t("findings.where"), .26}, {w.t("findings.todo"), .3}}}
	told, more := map[FindingKind]int{}, 0
	for i := range w.r.Findings {
		f := &w.r.Findings[i]
		if told[f.Kind]++; told[f.Kind] > maxFindings {
			more++
			continue
		}
		t.Rows = append(t.Rows, row{Cells: []cell{w.found(f), w.places(f), w.remedy(f)}})
	}
	s.Parts = append(s.Parts, part{Table: t})
	if more > 0 {
		s.Parts = append(s.Parts, part{Text: &text{mark(care, w.n("findings.more", more)), plain}})
	}
	return s
}

func (w *writer) found(f *Finding) cell {
	look := bad
	if f.Kind == FoundInconclusive || f.Kind == FoundSupport {
		look = care
	}
	c := one(look, w.t("kind."+string(f.Kind)))
	switch {
	case f.Kind == FoundObserved || f.Kind == FoundFault:
		c = c.with(foreign("en", clean(f.Text.In("en"))))
	case f.Kind == FoundContradiction:
		about := clean(f.About)
		if ref, err := evidence.ParseRef(f.About); err == nil {
			about = w.name(scheme.RequirementRef(ref))
		}
		c = c.with(line{{Kind: strong, Text: about}, {Text: ": " + w.in(f.Text)}})
	case len(f.Requirements) == 1:
		ref := f.Requirements[0]
		c = c.with(line{{Kind: strong, Text: w.name(ref)}, {Text: " " + w.requirement(ref)}}, mark(quiet, w.t("found."+string(f.Kind))))
	default:
		c = c.with(say(w.coded("found."+string(f.Kind), f.Args)))
	}
	if f.Kind == FoundContradiction && len(f.Requirements) > 0 {
		c = c.with(mark(quiet, w.t("findings.bears", "requirements", w.refs(f.Requirements))))
	}
	if len(f.Schemes) > 0 {
		c = c.with(mark(quiet, w.t("findings.schemes", "schemes", w.schemeNames(f.Schemes))))
	}
	return c
}

// coded fills a text with what a finding says; where there is a number it
// chooses the form.
func (w *writer) coded(key string, args []any) string {
	var pairs []any
	n := -1
	for i := 0; i+1 < len(args); i += 2 {
		switch v := args[i+1].(type) {
		case int:
			n = v
		case civil.Date:
			pairs = append(pairs, args[i], w.l.Day(v))
		case string:
			if args[i] == "laboratory" {
				v = w.laboratory(v)
			}
			pairs = append(pairs, args[i], clean(v))
		}
	}
	if n >= 0 {
		return w.n(key, n, pairs...)
	}
	return w.t(key, pairs...)
}

func (w *writer) places(f *Finding) (c cell) {
	const shown = 5
	if f.File != "" {
		return one(code, clean(f.File))
	}
	var seen []string
	for _, p := range f.Places {
		for _, l := range w.place(p, f.Kind == FoundFail || f.Kind == FoundInconclusive) {
			if s := fmt.Sprint(l); !slices.Contains(seen, s) {
				seen = append(seen, s)
				c = append(c, l)
			}
		}
	}
	if n := len(c) - shown; n > 1 {
		c = c[:shown].with(mark(quiet, w.n("findings.places", n)))
	}
	return c
}

// place says where a place leads: a file of the maker's, or a test group with
// the reports that give verdicts on it (bad: only those that are no pass).
func (w *writer) place(p string, bad bool) (ls []line) {
	if p == "" {
		return nil
	}
	if strings.HasPrefix(p, "/") {
		return []line{mark(code, clean(w.r.opt.Where(p)))}
	}
	spec, group, _ := strings.Cut(p, "/")
	name := spec
	if t := w.r.cat.TestSpec(spec); t != nil {
		name = short(w.in(t.Title)) + " " + t.Edition
	}
	ls = []line{say(w.t("reqs.group", "group", group, "spec", name))}
	for _, g := range w.r.given[p] {
		if bad && !g.bad {
			continue
		}
		if l := mark(code, clean(w.r.ev.Reports[g.report].Name)); !slices.ContainsFunc(ls, func(o line) bool { return slices.Equal(o, l) }) {
			ls = append(ls, l)
		}
	}
	return ls
}

func (w *writer) remedy(f *Finding) cell {
	switch f.Kind {
	case FoundObserved, FoundFault:
		return cell{foreign("en", clean(f.Remedy.In("en")))}
	case FoundContradiction:
		return cell{say(w.in(f.Remedy))}
	}
	return cell{say(w.t("mend." + string(f.Kind)))}
}
