package report

import (
	"slices"
	"strings"

	"assay/civil"
	"assay/scheme"
)

// facts are what was assessed, when and by what.
func (w *writer) facts() (fs []fact) {
	p := &w.r.ev.Product
	add := func(key string, lines ...line) { fs = append(fs, fact{w.t(key), lines}) }
	add("fact.assessed", w.days()...)
	if w.r.opt.By != "" {
		add("fact.by", say(clean(w.r.opt.By)))
	}
	if !w.r.opt.Now.IsZero() {
		add("fact.made", say(w.l.Day(w.r.opt.Now)))
	}
	maker := say(clean(p.Holder))
	if p.Brand != "" {
		maker = line{{Text: clean(p.Brand)}, {Kind: quiet, Text: " " + clean(p.Holder)}}
	}
	add("fact.holder", maker)
	add("fact.functions", w.functions()...)
	add("fact.models", w.models()...)
	add("fact.firmware", w.firmware()...)
	if end := w.r.ev.Support.End; end.IsZero() {
		add("fact.support", mark(care, w.t("fact.support-none")))
	} else {
		add("fact.support", say(w.l.Day(end)))
	}
	add("fact.reports", w.reports()...)
	add("fact.catalog", mark(code, w.r.Catalog))
	return fs
}

func (w *writer) days() (ls []line) {
	var seen []civil.Date
	for i := range w.r.Schemes {
		if at := w.r.Schemes[i].Result.At; !slices.Contains(seen, at) {
			seen = append(seen, at)
		}
	}
	slices.Sort(seen)
	for _, d := range seen {
		ls = append(ls, mark(strong, w.l.Day(d)))
	}
	return ls
}

// some keeps a list short enough to head a report; none stands for an empty one.
func (w *writer) some(ls []line, none line) []line {
	const shown = 24
	if len(ls) == 0 {
		return []line{none}
	}
	if n := len(ls) - shown; n > 1 {
		return append(ls[:shown:shown], mark(quiet, w.n("fact.more", n)))
	}
	return ls
}

func (w *writer) functions() (ls []line) {
	for _, f := range w.r.ev.Product.Functions {
		ls = append(ls, say(w.category(f)))
	}
	return w.some(ls, mark(care, w.t("fact.functions-none")))
}

func (w *writer) category(id string) string {
	for i := range w.r.cat.Categories {
		if c := &w.r.cat.Categories[i]; c.ID == id {
			return w.in(c.Name)
		}
	}
	return clean(id)
}

func (w *writer) models() (ls []line) {
	for i := range w.r.ev.Product.Models {
		m := &w.r.ev.Product.Models[i]
		l := say(clean(m.ID))
		var more []string
		if len(m.Hardware) > 0 {
			more = append(more, w.t("fact.hardware", "revisions", clean(strings.Join(m.Hardware, ", "))))
		}
		var vs []string
		for _, v := range m.Variants {
			vs = append(vs, clean(v.ID))
		}
		if len(vs) > 0 {
			more = append(more, w.t("fact.variants", "variants", strings.Join(vs, ", ")))
		}
		if len(more) > 0 {
			l = append(l, span{Kind: quiet, Text: " " + strings.Join(more, "; ")})
		}
		ls = append(ls, l)
	}
	return w.some(ls, mark(care, "–"))
}

func (w *writer) firmware() (ls []line) {
	for _, f := range w.r.ev.Firmware {
		ls = append(ls, line{{Text: clean(f.Version) + " "}, {Kind: code, Text: f.SHA256.String()}})
	}
	return w.some(ls, mark(care, w.t("fact.firmware-none")))
}

func (w *writer) reports() (ls []line) {
	for i := range w.r.ev.Reports {
		f := &w.r.ev.Reports[i]
		b := f.Report()
		if b == nil {
			continue
		}
		ls = append(ls, say(w.t("fact.report", "number", clean(b.Number), "body", w.laboratory(b.By.ID), "date", w.l.Day(b.Date))))
		switch {
		case b.By.Kind != scheme.Laboratory:
			ls = append(ls, mark(quiet, w.t("fact.own")))
		case f.Signer() != nil && f.Signer().Laboratory == b.By.ID:
			ls = append(ls, mark(good, w.t("fact.signed")))
		default:
			ls = append(ls, mark(bad, w.t("fact.unsigned")))
		}
	}
	return w.some(ls, mark(quiet, w.t("fact.reports-none")))
}

// laboratory is the name of one, or its id where the catalog has none.
func (w *writer) laboratory(id string) string {
	if lab := w.r.cat.Lab(id); lab != nil {
		return w.in(lab.Name)
	}
	return clean(id)
}

// tiles sum the report up in four numbers.
func (w *writer) tiles() []tile {
	reached, all := 0, 0
	for i := range w.r.Schemes {
		for _, l := range w.r.Schemes[i].Levels {
			all++
			if l.State == Reached {
				reached++
			}
		}
	}
	few := func(n int, k kind) kind {
		if n == 0 {
			return good
		}
		return k
	}
	f, m, d := len(w.r.Findings), len(w.r.Missing), len(w.r.Doubts)
	return []tile{
		{w.number(reached), w.t("tile.of", "n", w.number(all)), w.n("tile.levels", reached), plain},
		{w.number(f), "", w.n("tile.findings", f), few(f, bad)},
		{w.number(m), "", w.n("tile.missing", m), few(m, care)},
		{w.number(d), "", w.n("tile.doubts", d), few(d, care)},
	}
}
