package corpus

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strconv"

	"assay/civil"
	"assay/recognition"
	"assay/scheme"
)

// Mutation is what Mutate found. A survivor is a change of the law that no
// case would notice.
type Mutation struct {
	Mutants   int      `json:"mutants"`
	Survivors []Mutant `json:"survivors"`
}

// Mutant is one field of a clause, an arrangement or a scheme, changed.
type Mutant struct {
	Catalog string `json:"catalog"`
	Of      string `json:"of"` // clause, arrangement or scheme
	Field   string `json:"field"`
	Change  string `json:"change"`

	apply func(*scheme.Catalog)
}

func (m Mutant) String() string { return m.Catalog + ": " + m.Of + ": " + m.Field + ": " + m.Change }

// Mutate changes every field that decides, one at a time, in every catalog
// that cases use, and lists the changes under which all cases still pass.
func Mutate(fsys fs.FS, cat *scheme.Catalog) (Mutation, error) {
	s, err := load(fsys, cat)
	if err != nil {
		return Mutation{}, err
	}
	r := Mutation{Survivors: []Mutant{}}
	for _, name := range s.names() {
		ms := mutants(s.catalogs[name])
		r.Mutants += len(ms)
		for _, m := range ms {
			m.Catalog = name
			if !s.kills(&m) {
				r.Survivors = append(r.Survivors, m)
			}
		}
	}
	return r, nil
}

// kills reports whether any case turns red under m.
func (s *suite) kills(m *Mutant) bool {
	orig := s.catalogs[m.Catalog]
	c := *orig
	c.Arrangements, c.Schemes = slices.Clone(orig.Arrangements), slices.Clone(orig.Schemes)
	m.apply(&c)
	e, err := recognition.Compile(&c)
	if err != nil {
		return true
	}
	for i := range s.cases {
		if s.cases[i].Catalog == m.Catalog && len(s.cases[i].check(e, &c)) > 0 {
			return true
		}
	}
	return false
}

func mutants(cat *scheme.Catalog) []Mutant {
	var ms []Mutant
	used, target := map[string]bool{}, map[string]bool{}
	for i := range cat.Arrangements {
		a := &cat.Arrangements[i]
		ms = append(ms, ofArrangement(i, a)...)
		for j := range a.Clauses {
			c := &a.Clauses[j]
			used[c.From.Scheme], used[c.To.Scheme], target[c.To.Scheme] = true, true, true
			for _, ed := range edits(cat, c) {
				ms = append(ms, Mutant{Of: c.ID, Field: ed.field, Change: ed.change, apply: func(m *scheme.Catalog) {
					cs := slices.Clone(m.Arrangements[i].Clauses)
					cs[j] = deep(&cs[j])
					ed.do(&cs[j])
					m.Arrangements[i].Clauses = cs
				}})
			}
		}
	}
	for i := range cat.Schemes {
		if s := &cat.Schemes[i]; used[s.ID] {
			ms = append(ms, ofScheme(i, s, target[s.ID])...)
		}
	}
	return ms
}

func ofArrangement(i int, a *scheme.Arrangement) []Mutant {
	date := func(field, change string, do func(*scheme.Arrangement)) Mutant {
		return Mutant{Of: a.ID, Field: field, Change: change, apply: func(m *scheme.Catalog) { do(&m.Arrangements[i]) }}
	}
	ms := []Mutant{date("ended", "on its first day", func(a *scheme.Arrangement) { a.Ended = max(a.Effective, 1) })}
	for _, n := range []int{-1, 1} {
		if a.Effective != 0 {
			ms = append(ms, date("effective", days(n), func(a *scheme.Arrangement) { a.Effective = a.Effective.AddDays(n) }))
		}
		if a.Ended != 0 {
			ms = append(ms, date("ended", days(n), func(a *scheme.Arrangement) { a.Ended = a.Ended.AddDays(n) }))
		}
	}
	if a.Effective == 0 {
		ms = append(ms, date("effective", "when signed", func(a *scheme.Arrangement) { a.Effective = max(a.Signed, 1) }))
		for _, n := range []int{-1, 1} {
			ms = append(ms, date("signed", days(n), func(a *scheme.Arrangement) { a.Signed = a.Signed.AddDays(n) }))
		}
	}
	return ms
}

func ofScheme(i int, s *scheme.Scheme, target bool) []Mutant {
	change := func(field, change string, do func(*scheme.Scheme)) Mutant {
		return Mutant{Of: s.ID, Field: field, Change: change, apply: func(m *scheme.Catalog) { do(&m.Schemes[i]) }}
	}
	var ms []Mutant
	if target { // what only ever came from a scheme stays as it is when that closes
		flip := scheme.Closed
		if s.State == flip {
			flip = scheme.Open
		}
		ms = append(ms, change("state", string(flip), func(s *scheme.Scheme) { s.State = flip }))
	}
	for _, z := range []string{"Pacific/Kiritimati", "Pacific/Pago_Pago"} { // the first and the last to reach a day
		ms = append(ms, change("zone", z, func(s *scheme.Scheme) { s.Zone = z }))
	}
	return ms
}

// edit is one change of a clause.
type edit struct {
	field, change string
	do            func(*scheme.Clause)
}

func edits(cat *scheme.Catalog, c *scheme.Clause) []edit {
	var es []edit
	add := func(field, change string, do func(*scheme.Clause)) { es = append(es, edit{field, change, do}) }
	es = append(es, accepts(cat, c)...)
	es = append(es, gives(cat, c)...)
	for i := range c.Categories {
		add("categories", "without "+c.Categories[i].Category, func(c *scheme.Clause) { c.Categories = slices.Delete(c.Categories, i, i+1) })
	}
	for i := range c.Except {
		add("except", "without "+c.Except[i].Category, func(c *scheme.Clause) { c.Except = slices.Delete(c.Except, i, i+1) })
	}
	add("exhaustive", strconv.FormatBool(!c.Exhaustive), func(c *scheme.Clause) { c.Exhaustive = !c.Exhaustive })
	es = append(es, times(cat, c)...)
	es = append(es, grounds(cat, c)...)
	es = append(es, terms(c)...)
	if c.From.Mapping == "" { // else no designation can rest on it
		es = append(es, effects(c)...)
	}
	return es
}

// accepts changes what a clause takes.
func accepts(cat *scheme.Catalog, c *scheme.Clause) []edit {
	var es []edit
	add := func(field, change string, do func(*scheme.Clause)) { es = append(es, edit{field, change, do}) }
	for _, l := range levelsOf(cat, c.From.Scheme) {
		if i := slices.Index(c.From.Levels, l); i >= 0 {
			add("from.levels", "without "+l, func(c *scheme.Clause) { c.From.Levels = slices.Delete(c.From.Levels, i, i+1) })
		} else {
			add("from.levels", "with "+l, func(c *scheme.Clause) { c.From.Levels = append(c.From.Levels, l) })
		}
	}
	for i, p := range c.From.Editions {
		add("from.editions", "without "+p, func(c *scheme.Clause) { c.From.Editions = slices.Delete(c.From.Editions, i, i+1) })
	}
	if len(c.From.Editions) > 0 {
		add("from.editions", "not pinned", func(c *scheme.Clause) { c.From.Editions = nil })
	} else {
		add("from.editions", "pinned to another", func(c *scheme.Clause) { c.From.Editions = []string{"another"} })
	}
	if s := cat.Scheme(c.From.Scheme); s != nil && len(s.Editions) > 1 {
		for i := range s.Editions {
			ed := s.Editions[i].ID
			if !slices.Contains(c.From.Editions, ed) {
				add("from.editions", "with "+ed, func(c *scheme.Clause) { c.From.Editions = append(c.From.Editions, ed) })
			}
		}
		if len(c.From.Editions) > 0 {
			flip := scheme.EditionNow
			if c.EditionTested == flip {
				flip = scheme.EditionAtGrant
			}
			add("edition_tested", string(flip), func(c *scheme.Clause) { c.EditionTested = flip })
		}
	}
	for _, a := range []scheme.Attestation{scheme.Declaration, scheme.ThirdParty, ""} {
		// Dropping one, or adding the one that every certificate of the scheme has, changes nothing.
		if a != c.From.Attestation && (c.From.Attestation != "" || a != attested(cat, c)) {
			add("from.attestation", strconv.Quote(string(a)), func(c *scheme.Clause) { c.From.Attestation = a })
		}
	}
	for i := range c.From.Basis {
		add("from.basis", "without "+c.From.Basis[i].Standard, func(c *scheme.Clause) { c.From.Basis = slices.Delete(c.From.Basis, i, i+1) })
	}
	add("from.basis", "another", func(c *scheme.Clause) { c.From.Basis = []scheme.StandardRef{{Standard: "another"}} })
	for _, k := range []scheme.SourceKind{scheme.Registered, scheme.DeclaredBy, scheme.Private} {
		if k != c.From.Kind {
			add("from.kind", string(k), func(c *scheme.Clause) { c.From.Kind = k })
		}
	}
	if c.From.Mapping == "" {
		add("from.mapping", "unknown", func(c *scheme.Clause) { c.From.Mapping = "unknown" })
	} else {
		add("from.mapping", "known", func(c *scheme.Clause) { c.From.Mapping = "" })
	}
	flip := scheme.GrantedOrRecognized
	if c.Basis == flip {
		flip = scheme.Granted
	}
	add("basis", string(flip), func(c *scheme.Clause) { c.Basis = flip })
	return es
}

// attested is how the levels that a clause takes are attested, where they agree.
func attested(cat *scheme.Catalog, c *scheme.Clause) (a scheme.Attestation) {
	s := cat.Scheme(c.From.Scheme)
	if s == nil {
		return ""
	}
	for i := range s.Editions {
		for _, id := range c.From.Levels {
			if l := s.Editions[i].Level(id); l != nil {
				if a != "" && a != l.Attestation {
					return ""
				}
				a = l.Attestation
			}
		}
	}
	return a
}

// gives changes what a clause leads to and how.
func gives(cat *scheme.Catalog, c *scheme.Clause) []edit {
	var es []edit
	ls := levelsOf(cat, c.To.Scheme)
	at := slices.Index(ls, c.To.Level)
	for _, n := range []int{at - 1, at + 1} {
		l := "no such level"
		if n >= 0 && n < len(ls) {
			l = ls[n]
		}
		es = append(es, edit{"to.level", l, func(c *scheme.Clause) { c.To.Level = l }})
	}
	for _, m := range []scheme.Mode{scheme.Deemed, scheme.Equivalent, scheme.Simplified, scheme.DeltaMode} {
		if m != c.Mode {
			es = append(es, edit{"mode", string(m), func(c *scheme.Clause) { c.Mode = m }})
		}
	}
	return es
}

func times(cat *scheme.Catalog, c *scheme.Clause) []edit {
	var es []edit
	add := func(field, change string, do func(*scheme.Clause)) { es = append(es, edit{field, change, do}) }
	for _, n := range []int{-1, 1} {
		add("dates.from", days(n), func(c *scheme.Clause) { c.Dates.From = c.Dates.From.AddDays(n) })
		if c.Dates.Until != 0 {
			add("dates.until", days(n), func(c *scheme.Clause) { c.Dates.Until = c.Dates.Until.AddDays(n) })
		}
	}
	if c.Dates.Until != 0 {
		add("dates.until", "dropped", func(c *scheme.Clause) { c.Dates.Until = 0 })
	} else {
		add("dates.until", "the first day", func(c *scheme.Clause) { c.Dates.Until = c.Dates.From })
	}
	for _, t := range []scheme.DateTest{scheme.SourceGrant, scheme.SourceEffect, scheme.Designation} {
		if t != c.Dates.Tests && (t != scheme.Designation || c.Dates.Tests != scheme.RequestHere) {
			add("dates.tests", string(t), func(c *scheme.Clause) { c.Dates.Tests = t })
		}
	}
	if c.Dates.Tests == scheme.SourceGrant || c.Dates.Tests == scheme.SourceEffect {
		for _, b := range []scheme.Backfill{scheme.BackfillNone, scheme.OnRequest, scheme.BackfillAll} {
			if idle(cat, c) && b != scheme.BackfillNone {
				continue // asked for or not, nothing is given
			}
			if b != c.Dates.Backfill && (b != scheme.OnRequest || c.Dates.Backfill != "") {
				add("dates.backfill", string(b), func(c *scheme.Clause) { c.Dates.Backfill = b })
			}
		}
	}
	return es
}

// grounds changes what the office acts on. By a clause that is idle nothing is
// given, on whatever ground.
func grounds(cat *scheme.Catalog, c *scheme.Clause) []edit {
	if idle(cat, c) {
		return nil
	}
	var es []edit
	add := func(field, change string, do func(*scheme.Clause)) { es = append(es, edit{field, change, do}) }
	add("legal.found", strconv.FormatBool(!c.Legal.Found), func(c *scheme.Clause) { c.Legal.Found = !c.Legal.Found })
	for _, n := range []scheme.Need{scheme.NeedApplication, scheme.NeedFee, scheme.NeedDeclaration, scheme.NeedHearing} {
		i := slices.Index(c.Legal.NeedsFirst, n)
		switch {
		case n == scheme.NeedApplication && c.Mode == scheme.Simplified:
			continue // a simplified application is one
		case i < 0 && !c.Legal.Found && (n == scheme.NeedApplication || n == scheme.NeedHearing):
			continue // without a ground a person decides, with or without them
		case i >= 0:
			add("legal.needs_first", "without "+string(n), func(c *scheme.Clause) { c.Legal.NeedsFirst = slices.Delete(c.Legal.NeedsFirst, i, i+1) })
		case c.Mode != scheme.Deemed || n == scheme.NeedHearing:
			add("legal.needs_first", "with "+string(n), func(c *scheme.Clause) { c.Legal.NeedsFirst = append(c.Legal.NeedsFirst, n) })
		}
	}
	return es
}

// idle: the clause can give nothing, since its correspondence of levels is not
// public, or since the scheme that it leads to is closed, nobody knows since when.
func idle(cat *scheme.Catalog, c *scheme.Clause) bool {
	s := cat.Scheme(c.To.Scheme)
	return c.From.Mapping != "" || s != nil && s.State == scheme.Closed && s.Closed == 0
}

func terms(c *scheme.Clause) []edit {
	var es []edit
	add := func(field, change string, do func(*scheme.Clause)) { es = append(es, edit{field, change, do}) }
	years := false
	for i, b := range c.Term.Bounds {
		if b.Kind == scheme.SourceExpiry && len(c.Term.Bounds) > 1 {
			continue // the source's last day bounds every designation, said or not
		}
		if b.Kind == scheme.SourceExpiry {
			add("term.bounds", "ends today", func(c *scheme.Clause) {
				c.Term.Bounds[i] = scheme.Bound{Kind: scheme.OnDate, Date: c.Dates.From, Fact: b.Fact}
			})
			continue
		}
		add("term.bounds", "without "+string(b.Kind), func(c *scheme.Clause) { c.Term.Bounds = slices.Delete(c.Term.Bounds, i, i+1) })
		for _, n := range []int{-1, 1} {
			switch b.Kind {
			case scheme.YearsFromStart:
				years = true
				add("term.years", strconv.Itoa(b.Years+n), func(c *scheme.Clause) { c.Term.Bounds[i].Years += n })
			case scheme.OnDate:
				add("term.date", days(n), func(c *scheme.Clause) { c.Term.Bounds[i].Date = c.Term.Bounds[i].Date.AddDays(n) })
			}
		}
	}
	if years {
		flip := scheme.FromSourceGrant
		if c.Term.Start == flip {
			flip = scheme.FromDesignation
		}
		add("term.start", string(flip), func(c *scheme.Clause) { c.Term.Start = flip })
	}
	return es
}

// effects changes each row, and adds rows against the defaults that matter most.
func effects(c *scheme.Clause) []edit {
	var es []edit
	set := func(on scheme.EventKind, ef scheme.Effect, date civil.Date) {
		es = append(es, edit{"effects." + string(on), string(ef), func(c *scheme.Clause) {
			c.Effects = append(slices.DeleteFunc(c.Effects, func(e scheme.EffectOn) bool { return e.On == on }), scheme.EffectOn{On: on, Effect: ef, Date: date})
		}})
	}
	said := map[scheme.EventKind]scheme.Effect{}
	for _, e := range c.Effects {
		said[e.On] = e.Effect
		if e.Date != 0 {
			set(e.On, e.Effect, e.Date+1)
		}
	}
	for _, on := range []scheme.EventKind{scheme.Suspended, scheme.Revoked} {
		if said[on] == "" {
			said[on] = recognition.DefaultEffects[on]
		}
	}
	for on, now := range said {
		for _, ef := range []scheme.Effect{scheme.Notice, scheme.Hold, scheme.Suspend, scheme.Lapse} {
			if ef != now && (ef != scheme.Notice || now != scheme.KeepUntilExpiry) {
				set(on, ef, 0)
			}
		}
	}
	slices.SortFunc(es, func(a, b edit) int { return slices.Compare([]string{a.field, a.change}, []string{b.field, b.change}) })
	firmware := "own"
	if c.Firmware == firmware {
		firmware = ""
	}
	return append(es, edit{"firmware", strconv.Quote(firmware), func(c *scheme.Clause) { c.Firmware = firmware }})
}

func levelsOf(cat *scheme.Catalog, id string) (ls []string) {
	if s := cat.Scheme(id); s != nil {
		for i := range s.Editions {
			for _, l := range s.Editions[i].Levels {
				if !slices.Contains(ls, l.ID) {
					ls = append(ls, l.ID)
				}
			}
		}
	}
	return ls
}

func days(n int) string { return fmt.Sprintf("%+d day", n) }

// deep copies a clause, so that a mutant shares nothing that it changes.
func deep(c *scheme.Clause) scheme.Clause {
	var n scheme.Clause
	b, err := json.Marshal(c)
	if err == nil {
		err = json.Unmarshal(b, &n)
	}
	if err != nil {
		return *c // text, numbers and dates: cannot happen
	}
	return n
}
