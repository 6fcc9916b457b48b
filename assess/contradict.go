package assess

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"assay/evidence"
	"assay/scheme"
)

// Contradiction is a place at which what was stated contradicts itself. It is
// a finding and no verdict: the requirements that it touches cannot be
// concluded until the statement is corrected.
type Contradiction struct {
	ID           string                  `json:"id"`    // of the check
	Place        string                  `json:"place"` // JSON pointer (RFC 6901) into the evidence
	About        string                  `json:"about"` // row, feature or requirement
	Text         scheme.Text             `json:"text"`
	Remedy       scheme.Text             `json:"remedy"`
	Requirements []scheme.RequirementRef `json:"requirements"`

	reqs []int32
}

// Finding is the contradiction in one language.
func (x *Contradiction) Finding(langs ...string) evidence.Finding {
	return evidence.Finding{Place: x.Place, Problem: x.About + ": " + x.Text.In(langs...), Remedy: x.Remedy.In(langs...)}
}

// Contradictions holds what a maker states against itself: the checks of the
// test specifications, rows that name rows which are not there, tables that
// features make expected and that are empty, rows that show a feature which the
// product says it has not, and statements of conformance
// against the product's own features. They come in the order of their places.
func (c *Compiled) Contradictions(ev *evidence.Evidence) []Contradiction {
	return c.contradictions(ev, false)
}

// contradictions are the same; with silent, also rows that say something is
// not supported where the ICS says nothing of it. That is no contradiction yet,
// and the requirement is not concluded all the same: otherwise taking an answer
// out of the ICS would help.
func (c *Compiled) contradictions(ev *evidence.Evidence, silent bool) []Contradiction {
	f := finder{c: c, ev: ev, silent: silent, at: map[string]int{}, place: map[string]map[string]int{}}
	if len(ev.IXIT) > 0 {
		for _, name := range slices.Sorted(maps.Keys(c.specs)) {
			f.spec(c.specs[name])
		}
	}
	f.ics()
	for i := range f.found {
		x := &f.found[i]
		slices.Sort(x.reqs)
		x.reqs = slices.Compact(x.reqs)
		x.Requirements = make([]scheme.RequirementRef, 0, len(x.reqs))
		for _, n := range x.reqs {
			x.Requirements = append(x.Requirements, c.reqs[n].ref)
		}
	}
	slices.SortStableFunc(f.found, func(a, b Contradiction) int { return strings.Compare(a.Place, b.Place) })
	return f.found
}

type finder struct {
	c      *Compiled
	ev     *evidence.Evidence
	silent bool
	place  map[string]map[string]int // by table and row: where it stands
	found  []Contradiction
	at     map[string]int // by check and place: two editions of a specification find the same thing once
}

func (f *finder) add(id, place, about string, text, remedy scheme.Text, reqs []int32) {
	key := id + " " + place + " " + about
	i, ok := f.at[key]
	if !ok {
		i = len(f.found)
		f.at[key] = i
		f.found = append(f.found, Contradiction{ID: id, Place: place, About: about, Text: text, Remedy: remedy})
	}
	f.found[i].reqs = append(f.found[i].reqs, reqs...)
}

func (f *finder) reqs(s *spec, ids []string) (ns []int32) {
	for _, id := range ids {
		if n, ok := f.c.index[scheme.RequirementRef{Standard: s.spec.Assesses.Standard, Edition: s.spec.Assesses.Edition, Requirement: id}]; ok {
			ns = append(ns, n)
		}
	}
	return ns
}

func (f *finder) spec(s *spec) {
	over := s.over
	for i := range s.spec.Checks {
		f.check(s, &s.spec.Checks[i])
	}
	for i := range s.spec.Tables {
		t := &s.spec.Tables[i]
		rows := f.ev.IXIT[t.ID]
		f.references(t, rows, over[t.ID])
		f.expected(t, rows, over[t.ID])
		f.shown(t, rows)
		if t.Single && len(rows) > 1 {
			f.add("more-than-one-row", evidence.Pointer("ixit", t.ID), t.ID, textSingle, remedySingle, over[t.ID])
		}
	}
	if s.cyclic {
		f.circles(s, over)
	}
}

// tables are the requirements whose units run over each table, and whether
// rows of the tables can name each other in a circle.
func (s *spec) tables() (m map[string][]int32, cyclic bool) {
	m = map[string][]int32{}
	put := func(table string, n int32) {
		if !slices.Contains(m[table], n) {
			m[table] = append(m[table], n)
		}
	}
	for _, g := range s.groups {
		for _, u := range g.units {
			if o := u.unit.Over; o != nil {
				put(o.Table, g.req)
				if o.Via != nil {
					put(o.Via.Table, g.req)
				}
			}
		}
	}
	var reaches func(from, to string, seen map[string]bool) bool
	reaches = func(from, to string, seen map[string]bool) bool {
		t := s.spec.Table(from)
		if t == nil || seen[from] {
			return false
		}
		seen[from] = true
		return slices.ContainsFunc(t.Fields, func(d scheme.Field) bool {
			return d.Kind == scheme.FieldRows && (d.Table == to || reaches(d.Table, to, seen))
		})
	}
	return m, slices.ContainsFunc(s.spec.Tables, func(t scheme.Table) bool { return reaches(t.ID, t.ID, map[string]bool{}) })
}

// check runs one check of a specification. A row that says something is not
// supported cannot be concluded, unless the ICS says the same.
func (f *finder) check(s *spec, k *scheme.Check) {
	o := &scheme.Over{Table: k.Table, Where: k.Where, Via: k.Via}
	hits := f.ev.Over(o)
	if len(hits) == 0 {
		return
	}
	ids := k.Requirements
	if len(k.Supported) > 0 && !slices.ContainsFunc(k.Supported, func(id string) bool { return f.claimed(s, id) }) {
		return
	}
	for _, r := range hits {
		if blank(r) {
			continue // not filled in yet: what is missing says so
		}
		if len(k.Needs) > 0 && r.Meets(k.Needs) {
			continue
		}
		f.add(k.ID, f.rowPlace(k.Table, r), about(k.Table, r), k.Text, k.Remedy, f.reqs(s, ids))
	}
}

func blank(r evidence.Row) bool {
	for f, v := range r {
		if f != "id" && !v.Empty() {
			return false
		}
	}
	return true
}

// claimed reports whether an ICS says that a requirement is met, or, with
// silent, does not say that it is not.
func (f *finder) claimed(s *spec, id string) bool {
	for i := range f.ev.ICS {
		x := &f.ev.ICS[i]
		if x.Standard == s.spec.Assesses.Standard && x.Edition == s.spec.Assesses.Edition {
			s := x.Entries[id].Support
			return s == evidence.SupportedYes || (f.silent && s == evidence.SupportedTBD)
		}
	}
	return f.silent
}

func about(table string, r evidence.Row) string {
	if id := r.ID(); id != "" {
		return table + "/" + id
	}
	return table
}

func (f *finder) rowPlace(table string, r evidence.Row) string {
	if f.place[table] == nil {
		m := make(map[string]int, len(f.ev.IXIT[table]))
		for i, row := range f.ev.IXIT[table] {
			m[row.ID()] = i
		}
		f.place[table] = m
	}
	if i, ok := f.place[table][r.ID()]; ok {
		return evidence.Pointer("ixit", table, i)
	}
	return evidence.Pointer("ixit", table)
}

// references looks for rows that name rows which are not there.
func (f *finder) references(t *scheme.Table, rows []evidence.Row, reqs []int32) {
	for j := range t.Fields {
		d := &t.Fields[j]
		if d.Kind != scheme.FieldRows {
			continue
		}
		var ids map[string]bool
		for i, r := range rows {
			for _, id := range r[d.ID] {
				if strings.TrimSpace(id) == "" {
					continue
				}
				if ids == nil {
					ids = map[string]bool{}
					for _, o := range f.ev.IXIT[d.Table] {
						ids[o.ID()] = true
					}
				}
				if !ids[id] {
					f.add("missing-row", evidence.Pointer("ixit", t.ID, i, d.ID), fmt.Sprintf("%s → %s/%.60s", about(t.ID, r), d.Table, id), textMissing, remedyMissing, reqs)
				}
			}
		}
	}
}

// expected holds a table against the features that its rows hang on.
func (f *finder) expected(t *scheme.Table, rows []evidence.Row, reqs []int32) {
	if t.When == nil {
		return
	}
	a, _ := t.When.Eval(func(id string) scheme.Answer { return f.ev.Features[id].Answer }, nil)
	filled := slices.ContainsFunc(rows, func(r evidence.Row) bool { return !blank(r) })
	switch {
	case a == scheme.Yes && !filled:
		f.add("empty-table", evidence.Pointer("ixit", t.ID), t.ID, textEmpty, remedyEmpty, reqs)
	case a == scheme.No && filled:
		t.When.Features(func(id string) { reqs = append(reqs, f.hanging(id)...) })
		f.add("unexpected-rows", evidence.Pointer("ixit", t.ID), t.ID, textUnexpected, remedyUnexpected, reqs)
	}
}

// shown looks for rows that show a feature which the product says it has not.
// What hangs on the feature is not concluded: a no must not make a
// requirement go away that the maker's own papers show to apply.
func (f *finder) shown(t *scheme.Table, rows []evidence.Row) {
	for i := range t.Shows {
		x := &t.Shows[i]
		if f.ev.Features[x.Feature].Answer != scheme.No {
			continue
		}
		first, more := -1, 0
		for j, r := range rows {
			switch {
			case !r.Meets(x.Where):
			case first < 0:
				first = j
			default:
				more++
			}
		}
		if first < 0 {
			continue
		}
		what := about(t.ID, rows[first])
		if more > 0 {
			what += fmt.Sprintf(" (+%d)", more)
		}
		f.add("feature-denied", evidence.Pointer("ixit", t.ID, first), what+" → "+x.Feature, textDenied, remedyUnexpected, f.hanging(x.Feature))
	}
}

// hanging are the requirements whose conditions ask about a feature, but for
// those that apply whatever is so with it.
func (f *finder) hanging(feature string) (ns []int32) {
	has := func(id string) scheme.Answer { return f.ev.Features[id].Answer }
	for i := range f.c.reqs {
		when := f.c.reqs[i].req.When
		if a, _ := when.Eval(has, nil); a == scheme.Yes {
			continue
		}
		when.Features(func(id string) {
			if id == feature {
				ns = append(ns, int32(i))
			}
		})
	}
	return ns
}

// circles looks for rows that rest on each other in a circle.
func (f *finder) circles(s *spec, over map[string][]int32) {
	type node struct{ table, id string }
	next := map[node][]node{}
	var order []node
	for i := range s.spec.Tables {
		t := &s.spec.Tables[i]
		for _, r := range f.ev.IXIT[t.ID] {
			n := node{t.ID, r.ID()}
			for j := range t.Fields {
				if d := &t.Fields[j]; d.Kind == scheme.FieldRows {
					for _, id := range r[d.ID] {
						next[n] = append(next[n], node{d.Table, id})
					}
				}
			}
			if next[n] != nil {
				order = append(order, n)
			}
		}
	}
	const open, done = 1, 2
	state := map[node]int{}
	for _, start := range order {
		type frame struct {
			n node
			i int
		}
		stack := []frame{{n: start}}
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			if top.i == 0 {
				if state[top.n] == done {
					stack = stack[:len(stack)-1]
					continue
				}
				state[top.n] = open
			}
			if top.i == len(next[top.n]) {
				state[top.n] = done
				stack = stack[:len(stack)-1]
				continue
			}
			to := next[top.n][top.i]
			top.i++
			switch state[to] {
			case open:
				row := evidence.Row{"id": evidence.Cell{top.n.id}}
				f.add("circle", f.rowPlace(top.n.table, row), fmt.Sprintf("%s/%s → %s/%s", top.n.table, top.n.id, to.table, to.id), textCircle, remedyCircle, over[top.n.table])
			case 0:
				if next[to] != nil {
					stack = append(stack, frame{n: to})
				}
			}
		}
	}
}

// ics holds statements of conformance against the product's own features.
func (f *finder) ics() {
	has := func(id string) scheme.Answer { return f.ev.Features[id].Answer }
	for i := range f.ev.ICS {
		s := &f.ev.ICS[i]
		for _, id := range slices.Sorted(maps.Keys(s.Entries)) {
			n, ok := f.c.index[scheme.RequirementRef{Standard: s.Standard, Edition: s.Edition, Requirement: id}]
			if !ok || f.c.reqs[n].req.When == nil && s.Entries[id].Support != evidence.SupportedNA {
				continue
			}
			q := f.c.reqs[n].req
			applies, _ := q.When.Eval(has, nil)
			place := evidence.Pointer("ics", i, "entries", id)
			switch sup := s.Entries[id].Support; {
			case sup == evidence.SupportedNA && applies == scheme.Yes && q.Status != scheme.Recommended:
				f.add("not-applicable-but-applies", place, f.c.reqs[n].name, textApplies, remedyApplies, nil)
			case sup == evidence.SupportedYes && applies == scheme.No:
				f.add("supported-but-does-not-apply", place, f.c.reqs[n].name, textNotApplies, remedyNotApplies, nil)
			}
		}
	}
}

// What the checks that no specification states say.
var (
	textMissing    = scheme.Text{"en": "names a row that is not there", "ko": "없는 행을 가리킨다", "de": "nennt eine Zeile, die es nicht gibt", "fi": "viittaa riviin, jota ei ole"}
	remedyMissing  = scheme.Text{"en": "add the row, or correct the reference", "ko": "행을 추가하거나 참조를 고친다", "de": "die Zeile ergänzen oder den Verweis berichtigen", "fi": "lisää rivi tai korjaa viittaus"}
	textEmpty      = scheme.Text{"en": "the features say that there is something of the kind, and the table is empty", "ko": "기능 선언에 따르면 해당 항목이 있어야 하는데 표가 비어 있다", "de": "nach den Merkmalen gibt es so etwas, die Tabelle ist aber leer", "fi": "ominaisuuksien mukaan tällaista on, mutta taulukko on tyhjä"}
	remedyEmpty    = scheme.Text{"en": "fill in a row for each, or correct the feature", "ko": "각각의 행을 채우거나 기능 선언을 고친다", "de": "je eine Zeile ausfüllen oder das Merkmal berichtigen", "fi": "täytä rivi kustakin tai korjaa ominaisuus"}
	textUnexpected = scheme.Text{"en": "the features say that there is nothing of the kind, and the table has rows", "ko": "기능 선언에 따르면 해당 항목이 없는데 표에 행이 있다", "de": "nach den Merkmalen gibt es so etwas nicht, die Tabelle hat aber Zeilen", "fi": "ominaisuuksien mukaan tällaista ei ole, mutta taulukossa on rivejä"}
	textDenied     = scheme.Text{"en": "by the features the product has no such thing, and the row shows that it has", "ko": "기능 선언에 따르면 해당 기능이 없는데 행에는 있는 것으로 되어 있다", "de": "nach den Merkmalen hat das Produkt so etwas nicht, nach der Zeile doch", "fi": "ominaisuuksien mukaan tuotteessa ei ole tällaista, mutta rivin mukaan on"}

	remedyUnexpected = scheme.Text{"en": "correct the feature, or take the rows out", "ko": "기능 선언을 고치거나 행을 지운다", "de": "das Merkmal berichtigen oder die Zeilen entfernen", "fi": "korjaa ominaisuus tai poista rivit"}
	textSingle       = scheme.Text{"en": "more than one row in a table that has one", "ko": "한 행만 있는 표에 행이 여러 개 있다", "de": "mehr als eine Zeile in einer Tabelle mit einer", "fi": "useampi rivi taulukossa, jossa on yksi"}
	remedySingle     = scheme.Text{"en": "put what they say into one row", "ko": "한 행으로 합친다", "de": "die Angaben in einer Zeile zusammenfassen", "fi": "kokoa tiedot yhdelle riville"}
	textCircle       = scheme.Text{"en": "rows rest on each other in a circle", "ko": "행이 서로를 순환해 가리킨다", "de": "Zeilen verweisen im Kreis aufeinander", "fi": "rivit viittaavat toisiinsa kehässä"}
	remedyCircle     = scheme.Text{"en": "take one of the references out", "ko": "참조 하나를 지운다", "de": "einen der Verweise entfernen", "fi": "poista yksi viittauksista"}
	textApplies      = scheme.Text{"en": "called not applicable, but by the product's features it applies", "ko": "해당 없음이라고 했지만 제품 기능에 따르면 적용된다", "de": "als nicht anwendbar bezeichnet, nach den Merkmalen aber anwendbar", "fi": "merkitty soveltumattomaksi, mutta ominaisuuksien mukaan soveltuu"}
	remedyApplies    = scheme.Text{"en": "correct the answer, or the feature it hangs on", "ko": "답 또는 근거가 되는 기능 선언을 고친다", "de": "die Antwort oder das Merkmal berichtigen, an dem sie hängt", "fi": "korjaa vastaus tai ominaisuus, josta se riippuu"}
	textNotApplies   = scheme.Text{"en": "called supported, but by the product's features it does not apply", "ko": "지원한다고 했지만 제품 기능에 따르면 적용되지 않는다", "de": "als erfüllt bezeichnet, nach den Merkmalen aber nicht anwendbar", "fi": "merkitty tuetuksi, mutta ominaisuuksien mukaan ei sovellu"}
	remedyNotApplies = remedyApplies
)
