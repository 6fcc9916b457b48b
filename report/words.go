package report

import (
	"embed"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"assay/assess"
	"assay/civil"
	"assay/evidence"
	"assay/locale"
	"assay/scheme"
)

//go:embed locale/*.json
var localeFiles embed.FS

// locales are in the order of [locale.Languages].
var locales = locale.MustLoad(localeFiles, "locale")

// maxFindings bounds how many findings of one kind are told: beyond that a
// machine has to sort them.
const maxFindings = 40

// clean makes a foreign text fit to be shown: composed, without line breaks,
// and with characters that would act on the text around them (directions,
// joiners, controls) written out by their number.
func clean(s string) string {
	s = norm.NFC.String(strings.ToValidUTF8(s, "\uFFFD"))
	if !strings.ContainsFunc(s, acts) {
		return s
	}
	var b strings.Builder
	for _, c := range s {
		switch {
		case c == '\u00AD': // a hyphen that shows only where a line breaks
		case c == '\n' || c == '\t' || c == '\r':
			b.WriteByte(' ')
		case acts(c):
			fmt.Fprintf(&b, "‹U+%04X›", c)
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

func acts(c rune) bool {
	return unicode.IsControl(c) || unicode.Is(unicode.Cf, c) || unicode.Is(unicode.Zl, c) || unicode.Is(unicode.Zp, c)
}

// document sets the report in its language.
func (r *Report) document() *document {
	w := &writer{r: r, l: r.lang}
	product := clean(r.ev.Product.Name)
	d := &document{
		Lang:     r.lang.Code,
		Kicker:   w.t("doc.kicker"),
		Title:    product,
		Contents: w.t("doc.contents"),
		Skip:     w.t("doc.skip"),
		Page:     w.t("doc.page"),
		Facts:    w.facts(),
		Tiles:    w.tiles(),
		Footer:   []string{w.t("doc.footer"), w.t("doc.footer-catalog")},
	}
	if product == "" {
		d.Title = w.t("doc.kicker")
	}
	if r.opt.Title != "" {
		d.Kicker, d.Title = d.Title, clean(r.opt.Title)
	}
	if r.Specimen {
		d.Specimen = w.t("doc.specimen")
	}
	d.Sections = []*section{w.findings(), w.matrix(), w.schemes(), w.missing(), w.requirements(), w.doubts(), w.notes()}
	return d
}

// writer puts a report into the words of a language.
type writer struct {
	r *Report
	l *locale.Locale
}

func (w *writer) t(key string, pairs ...any) string        { return w.l.T(key, pairs...) }
func (w *writer) n(key string, n int, pairs ...any) string { return w.l.N(key, n, pairs...) }
func (w *writer) in(t scheme.Text) string                  { return clean(w.l.In(t)) }
func (w *writer) number(n int) string                      { return w.l.Number(int64(n)) }

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

// short is the designation of a standard: its title up to a colon.
func short(title string) string {
	s, _, _ := strings.Cut(title, ":")
	return s
}

// standard is the designation of an edition of a standard.
func (w *writer) standard(id, edition string) string {
	if s := w.r.cat.Standard(id); s != nil {
		return short(w.in(s.Title)) + " " + edition
	}
	return clean(id + " " + edition)
}

// name is a requirement's own id with its standard.
func (w *writer) name(ref scheme.RequirementRef) string {
	return ref.Requirement + " " + w.standard(ref.Standard, ref.Edition)
}

// requirement is its text.
func (w *writer) requirement(ref scheme.RequirementRef) string {
	if q := w.r.cat.Requirement(ref); q != nil {
		return w.in(q.Text)
	}
	return ""
}

// refs lists requirements by standard.
func (w *writer) refs(refs []scheme.RequirementRef) string {
	var standards []scheme.StandardRef
	ids := map[scheme.StandardRef][]string{}
	for _, x := range refs {
		s := scheme.StandardRef{Standard: x.Standard, Edition: x.Edition}
		if ids[s] == nil {
			standards = append(standards, s)
		}
		if !slices.Contains(ids[s], x.Requirement) {
			ids[s] = append(ids[s], x.Requirement)
		}
	}
	var out []string
	for _, s := range standards {
		out = append(out, w.standard(s.Standard, s.Edition)+": "+clean(strings.Join(ids[s], ", ")))
	}
	return strings.Join(out, "; ")
}

func (w *writer) schemeNames(ids []string) string {
	var names []string
	for _, id := range ids {
		names = append(names, w.schemeName(id))
	}
	return strings.Join(names, "; ")
}

func (w *writer) schemeName(id string) string {
	if s := w.r.cat.Scheme(id); s != nil {
		return w.in(s.Name)
	}
	return clean(id)
}

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
