package workbook

import (
	"fmt"
	"strings"

	"github.com/xuri/excelize/v2"

	"assay/evidence"
	"assay/scheme"
)

const guideSteps = 8

// guide writes the first sheet: what is asked for whom, how to fill it in, and
// what each sheet is for.
func (w *writer) guide(cat *scheme.Catalog, ev *evidence.Evidence, q Questions, all []view) {
	tab := w.l.T("guide.tab")
	w.try(w.f.SetSheetName("Sheet1", tab))
	w.try(w.str(tab, "A1", marker+guideSheet))
	w.try(w.f.SetColVisible(tab, "A", false))
	w.try(w.f.SetRowVisible(tab, 1, false))
	w.try(w.f.SetColWidth(tab, "B", "B", 30))
	w.try(w.f.SetColWidth(tab, "C", "C", 96))
	off := false
	w.try(w.f.SetSheetView(tab, 0, &excelize.ViewOptions{ShowGridLines: &off}))
	n := 2
	put := func(style int, texts ...string) {
		for i, s := range texts {
			w.set(tab, i+2, n, style, s)
		}
		n++
	}
	put(w.title, w.l.T("guide.title"))
	w.try(w.f.SetRowHeight(tab, 2, 28))
	wide := func(style int, s string) {
		w.set(tab, 2, n, style, s)
		w.try(w.f.SetCellStyle(tab, cell(2, n), cell(3, n), style))
		w.try(w.f.MergeCell(tab, cell(2, n), cell(3, n)))
		w.grows(tab, n, linesIn(s, 118))
		n++
	}
	wide(w.plain, w.l.T("guide.intro"))
	n++
	p := &ev.Product
	name := p.Name
	if !strings.HasPrefix(name, p.Brand) {
		name = p.Brand + " " + name
	}
	if name = strings.TrimSpace(name); name != "" {
		put(w.plain, w.l.T("guide.product"), name)
		w.try(w.f.SetCellStyle(tab, cell(2, n-1), cell(2, n-1), w.bold))
	}
	for i, l := range q.Levels {
		first := ""
		if i == 0 {
			first = w.l.T("guide.for")
		}
		w.set(tab, 2, n, w.bold, first)
		s := w.levelName(cat, l)
		w.set(tab, 3, n, w.plain, s)
		w.grows(tab, n, linesIn(s, 96))
		n++
	}
	n++
	put(w.bold, w.l.T("guide.steps"))
	tabs := []any{"product", w.tabs[productSheet], "features", w.tabs[featuresSheet], "ics", w.tabs[icsSheet], "documents", w.tabs[documentSheet]}
	for i := 1; i <= guideSteps; i++ {
		wide(w.plain, fmt.Sprintf("%d. %s", i, w.l.T(fmt.Sprintf("guide.step.%d", i), tabs...)))
	}
	n++
	put(w.bold, w.l.T("guide.colors"))
	for _, c := range []struct {
		style int
		key   string
	}{{w.input, "input"}, {w.seen, "locked"}, {w.strong, "mandatory"}, {w.headIn, "head"}} {
		w.set(tab, 2, n, c.style, w.l.T("guide.color."+c.key))
		w.set(tab, 3, n, w.plain, w.l.T("guide.color."+c.key+".text"))
		if c.style == w.input {
			w.try(w.f.SetCellStyle(tab, cell(2, n), cell(2, n), w.sample()))
		}
		n++
	}
	n++
	put(w.bold, w.l.T("guide.sheets"))
	for i := range all {
		v := &all[i]
		w.set(tab, 2, n, w.link, v.tab)
		w.try(w.f.SetCellHyperLink(tab, cell(2, n), quotedLink(v.tab)+"!B2", "Location"))
		s := v.title
		if v.help != "" && !strings.HasPrefix(v.id, ixitPrefix) && !strings.HasPrefix(v.id, formPrefix) {
			s = strings.SplitN(v.help, "\n", 2)[0]
		}
		w.set(tab, 3, n, w.plain, s)
		w.grows(tab, n, linesIn(s, 96))
		n++
	}
	w.protect(tab, false)
	w.print(tab, w.l.T("guide.title"), 0, 131)
}

// sample is the look of a cell to be filled in, locked.
func (w *writer) sample() int {
	s, err := w.f.GetStyle(w.input)
	if err != nil {
		w.try(err)
		return 0
	}
	s.Protection = nil
	return w.style(*s)
}

func quotedLink(tab string) string { return "'" + strings.ReplaceAll(tab, "'", "''") + "'" }

// levelName is a level in words, with the day for which it was asked.
func (w *writer) levelName(cat *scheme.Catalog, l Level) string {
	s := l.String()
	if sch := cat.Scheme(l.Scheme); sch != nil {
		name := l.Level
		if e := sch.EditionOn(l.At); e != nil && e.Level(l.Level) != nil {
			name = w.l.In(e.Level(l.Level).Name)
		}
		s = fmt.Sprintf("%s: %s (%s)", w.l.In(sch.Name), name, s)
	}
	if !l.At.IsZero() {
		s += ", " + l.At.String()
	}
	return s
}
