package assess

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"assay/civil"
	"assay/evidence"
	"assay/scheme"
)

// softwareTable is the IXIT table of the software's parts (TS 103 701 SoftComp,
// the same id in every edition).
const softwareTable = "soft-comp"

// Difference is what a change of a product does to what was shown of it.
type Difference struct {
	At        civil.Date        `json:"at"`
	Changes   []evidence.Change `json:"changes"`
	Verdicts  int               `json:"verdicts"` // looked at: those that both states have
	Stale     []Stale           `json:"stale"`
	Standings []Standing        `json:"standings"` // of schemes in which a level was reached before
}

// Stale is a verdict, a result or a claim that was on the product as it was.
type Stale struct {
	Report  string           `json:"report,omitempty"` // its file; "" for a claim
	By      string           `json:"by"`
	Unit    string           `json:"unit,omitempty"`         // of a test specification
	About   []evidence.Ref   `json:"requirements,omitempty"` // what it is on
	Row     string           `json:"row,omitempty"`
	Sample  string           `json:"sample,omitempty"`
	Verdict evidence.Verdict `json:"verdict"`
	Why     []Cause          `json:"why"`
	Levels  []Step           `json:"levels"` // that ask for what it is on
}

// Cause is why a verdict is stale.
type Cause struct {
	Kind evidence.ChangeKind `json:"kind"`
	What string              `json:"what"`
}

// Standing is where the product stands in a scheme before and after.
type Standing struct {
	Scheme   string              `json:"scheme"`
	Edition  string              `json:"edition"`
	Before   string              `json:"before"`          // the highest level shown
	After    string              `json:"after,omitempty"` // the same without what is stale; "" for none
	Lost     []Lost              `json:"lost,omitempty"`
	Firmware scheme.FirmwareRule `json:"firmware"`        // which firmware a certificate of the scheme covers
	Scope    Scope               `json:"scope,omitempty"` // what that means for one that is in force; "" where no firmware changed
}

// Lost is a level that was shown and no longer is.
type Lost struct {
	Level        string                  `json:"level"`
	Requirements []scheme.RequirementRef `json:"requirements"` // met before, not now
}

// Scope is what new firmware means for a certificate in force.
type Scope string

// Scopes.
const (
	ScopeNotListed Scope = "not-listed"     // the new version is out of its scope until it is entered
	ScopeUpdates   Scope = "until-notified" // it covers security updates until a security-relevant change is notified
)

// Diff says which verdicts of old no longer hold for new, why, and which levels
// are no longer shown for that; the day is asked about in every scheme.
//
// A functional verdict is on the firmware and the hardware of its sample; any
// verdict of a test unit is on its row, and on all rows of a table that the unit
// reads as a whole. A changed component touches the rows that name it among the
// software's parts, and all of them where none does: nobody can tell. What is
// not a pass stays in the way even where it is stale: a change does not answer
// a fail. Signers are those that [evidence.Evidence.Verify] found before.
func Diff(c *Compiled, cat *scheme.Catalog, old, new *evidence.Evidence, at civil.Date) (*Difference, error) {
	changes, err := evidence.Compare(old, new)
	if err != nil {
		return nil, err
	}
	x := &differ{cat: cat, old: old, new: new, changes: changes}
	before := Assess(c, old, "", at)
	x.ask(before)
	d := &Difference{At: at, Changes: changes, Stale: []Stale{}, Standings: []Standing{}}
	type place struct{ report, i int }
	verdicts, results, claims := map[place]bool{}, map[place]bool{}, map[int]bool{}
	note := func(s Stale, why []Cause, drop func()) {
		d.Verdicts++
		if len(why) == 0 {
			return
		}
		s.Why, s.Levels = why, x.levels(s.About)
		d.Stale = append(d.Stale, s)
		if s.Verdict == evidence.Pass || s.Verdict == evidence.NotApplicable {
			drop()
		}
	}
	for i := range new.Reports {
		r := new.Reports[i].Report()
		if r == nil || !x.had(&new.Reports[i]) {
			continue // a new report is on the product as it is
		}
		spec := cat.TestSpec(r.Method.Standard + "@" + r.Method.Edition)
		for j := range r.Verdicts {
			v := &r.Verdicts[j]
			s := Stale{Report: new.Reports[i].Name, By: r.By.ID, Unit: v.Unit, Row: v.Row, Sample: v.Sample, Verdict: v.Verdict}
			note(s.on(spec), x.unit(spec, r, v), func() { verdicts[place{i, j}] = true })
		}
		for j := range r.Results {
			v := &r.Results[j]
			s := Stale{Report: new.Reports[i].Name, By: r.By.ID, About: v.Requirements, Sample: v.Sample, Verdict: v.Verdict}
			var why []Cause
			if v.Method == scheme.Test {
				why = x.sample(r, v.Sample)
			}
			note(s, why, func() { results[place{i, j}] = true })
		}
	}
	for i := range new.Claims {
		cl := &new.Claims[i]
		s := Stale{By: cl.By.ID, About: cl.Requirements, Verdict: cl.Verdict}
		note(s, x.claim(cl), func() { claims[i] = true })
	}
	left := new.Without(
		func(r, i int) bool { return verdicts[place{r, i}] },
		func(r, i int) bool { return results[place{r, i}] },
		func(i int) bool { return claims[i] })
	after := Assess(c, left, "", at)
	for i := range before {
		if s, ok := x.standing(&before[i], &after[i]); ok {
			d.Standings = append(d.Standings, s)
		}
	}
	return d, nil
}

type differ struct {
	cat      *scheme.Catalog
	old, new *evidence.Evidence
	changes  []evidence.Change
	asks     map[scheme.RequirementRef][]Step
}

// ask notes which levels ask for a requirement, where the scheme takes such
// a product.
func (x *differ) ask(rs []Result) {
	x.asks = map[scheme.RequirementRef][]Step{}
	for i := range rs {
		r := &rs[i]
		if slices.ContainsFunc(r.Gates, func(g Reason) bool { return g.Rule == RuleScope && g.Answer == scheme.No }) {
			continue
		}
		for _, l := range r.Levels {
			step := Step{r.Scheme, l.Level}
			for j := range r.Outcomes[:l.Asks] {
				ref := r.Outcomes[j].Requirement
				if !slices.Contains(x.asks[ref], step) {
					x.asks[ref] = append(x.asks[ref], step)
				}
			}
		}
	}
}

// levels are those that ask for one of the requirements, or for one to which a
// mapping carries it.
func (x *differ) levels(refs []evidence.Ref) []Step {
	steps := []Step{}
	add := func(ref scheme.RequirementRef) {
		for _, s := range x.asks[ref] {
			if !slices.Contains(steps, s) {
				steps = append(steps, s)
			}
		}
	}
	for _, r := range refs {
		add(scheme.RequirementRef(r))
		for i := range x.cat.Mappings {
			m := &x.cat.Mappings[i]
			if m.From.Standard != r.Standard || m.From.Edition != r.Edition {
				continue
			}
			for _, row := range m.Rows {
				if row.Relation.Carries() && slices.Contains(row.From, r.Requirement) {
					add(scheme.RequirementRef{Standard: m.To.Standard, Edition: m.To.Edition, Requirement: row.To})
				}
			}
		}
	}
	return steps
}

// had reports whether the old state has the report, word for word.
func (x *differ) had(s *evidence.Signed) bool {
	return slices.ContainsFunc(x.old.Reports, func(o evidence.Signed) bool { return o.Body == s.Body })
}

// on fills in what a unit's verdict is on.
func (s Stale) on(spec *scheme.TestSpec) Stale {
	if spec != nil {
		if g, _, _ := spec.Unit(s.Unit); g != nil {
			s.About = []evidence.Ref{{Standard: spec.Assesses.Standard, Edition: spec.Assesses.Edition, Requirement: g.Requirement}}
		}
	}
	return s
}

// unit says why a verdict of a test unit is stale.
func (x *differ) unit(spec *scheme.TestSpec, r *evidence.Report, v *evidence.UnitVerdict) (why []Cause) {
	if spec == nil {
		return nil
	}
	_, tc, u := spec.Unit(v.Unit)
	if u == nil {
		return nil
	}
	if tc.Kind == scheme.Functional {
		why = x.sample(r, v.Sample)
	}
	if u.Over != nil {
		why = append(why, x.row(r, u.Over.Table, v.Row)...)
	}
	for _, c := range x.changes {
		if c.Kind != evidence.ChangedRow {
			continue
		}
		if table, _, _ := strings.Cut(c.What, "/"); slices.Contains(u.Reads, table) {
			why = append(why, Cause{c.Kind, c.What})
		}
	}
	return append(why, x.software(u, v.Row)...)
}

// sample says why what was seen on a sample is stale. Without a sample it was
// seen on one of the report's; without any, on whatever there was.
func (x *differ) sample(r *evidence.Report, id string) (why []Cause) {
	samples := r.Samples
	if s := r.Sample(id); s != nil {
		samples = []evidence.Sample{*s}
	}
	if len(samples) == 0 {
		for _, f := range x.old.Firmware {
			if !runs(x.new, f.SHA256) {
				why = append(why, Cause{evidence.ChangedFirmware, version(x.old, f.SHA256)})
			}
		}
		return why
	}
	for i := range samples {
		var of []Cause
		if s := &samples[i]; runs(x.old, s.Firmware) && !runs(x.new, s.Firmware) {
			of = append(of, Cause{evidence.ChangedFirmware, version(x.old, s.Firmware)})
		}
		if s := &samples[i]; built(x.old, s) && !built(x.new, s) {
			of = append(of, Cause{evidence.ChangedHardware, s.Model + " " + s.Hardware})
		}
		if of == nil {
			return nil // it holds for this one
		}
		for _, c := range of {
			if !slices.Contains(why, c) {
				why = append(why, c)
			}
		}
	}
	return why
}

func runs(e *evidence.Evidence, image evidence.Hash) bool {
	return slices.ContainsFunc(e.Firmware, func(f evidence.Firmware) bool { return f.SHA256 == image })
}

func version(e *evidence.Evidence, image evidence.Hash) string {
	for _, f := range e.Firmware {
		if f.SHA256 == image {
			return f.Version
		}
	}
	return image.String()
}

// built reports whether the product is still made as a sample was.
func built(e *evidence.Evidence, s *evidence.Sample) bool {
	for _, m := range e.Product.Models {
		if m.ID == s.Model && slices.Contains(m.Hardware, s.Hardware) {
			return true
		}
		for _, v := range m.Variants {
			if v.ID == s.Model && (slices.Contains(v.Hardware, s.Hardware) || slices.Contains(m.Hardware, s.Hardware)) {
				return true
			}
		}
	}
	return false
}

// row says whether a row is no longer the one that the verdict was given on: by
// the digest in the report, or by what it was before. A verdict that was stale
// before is none that this change makes so. Where a row is gone that the report
// saw, its verdicts on the whole table are: what else it found there may be gone
// from sight with it.
func (x *differ) row(r *evidence.Report, table, id string) (why []Cause) {
	gone := func(id string) {
		c := Cause{evidence.ChangedRow, table + "/" + id}
		if x.old.FindRow(table, id) != nil && x.new.FindRow(table, id) == nil && !slices.Contains(why, c) {
			why = append(why, c)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(r.Rows)) {
		if t, id, _ := strings.Cut(key, "/"); t == table {
			gone(id)
		}
	}
	was := x.old.FindRow(table, id)
	if was == nil {
		return why
	}
	given, ok := r.Rows[table+"/"+id]
	if !ok {
		given = was.Digest()
	}
	switch is := x.new.FindRow(table, id); {
	case is == nil:
		gone(was.ID())
	case given == was.Digest() && is.Digest() != given:
		why = append(why, Cause{evidence.ChangedRow, table + "/" + was.ID()})
	}
	return why
}

// software says which changed components a unit over the software's parts
// is touched by.
func (x *differ) software(u *scheme.TestUnit, row string) (why []Cause) {
	over := u.Over != nil && u.Over.Table == softwareTable
	if !over && !slices.Contains(u.Reads, softwareTable) {
		return nil
	}
	for _, c := range x.changes {
		if c.Kind != evidence.ChangedComponent {
			continue
		}
		if named := x.rowsNaming(c.What); !over || len(named) == 0 || slices.Contains(named, row) {
			why = append(why, Cause{c.Kind, c.What})
		}
	}
	return why
}

// rowsNaming are the ids of the rows among the software's parts, before or
// after, that have a component's name in them.
func (x *differ) rowsNaming(component string) (ids []string) {
	for _, e := range []*evidence.Evidence{x.old, x.new} {
		for _, r := range e.IXIT[softwareTable] {
			for _, cell := range r {
				if slices.ContainsFunc(cell, func(s string) bool { return names(s, component) }) && !slices.Contains(ids, r.ID()) {
					ids = append(ids, r.ID())
				}
			}
		}
	}
	return ids
}

// names reports whether text has the name in it as a word, in capitals or not.
func names(text, name string) bool {
	text, name = strings.ToLower(text), strings.ToLower(name)
	if name == "" {
		return false
	}
	word := func(b byte) bool { return b >= 'a' && b <= 'z' || b >= '0' && b <= '9' }
	for at := 0; ; {
		i := strings.Index(text[at:], name)
		if i < 0 {
			return false
		}
		i += at
		end := i + len(name)
		if (i == 0 || !word(text[i-1])) && (end == len(text) || !word(text[end])) {
			return true
		}
		at = i + 1
	}
}

// claim says why a claim is stale: none of the images or revisions that it is
// about is the product's any more.
func (x *differ) claim(c *evidence.Claim) (why []Cause) {
	if some(c.Firmware, func(h evidence.Hash) bool { return runs(x.old, h) }) && !some(c.Firmware, func(h evidence.Hash) bool { return runs(x.new, h) }) {
		for _, h := range c.Firmware {
			why = append(why, Cause{evidence.ChangedFirmware, version(x.old, h)})
		}
	}
	made := func(e *evidence.Evidence) func(string) bool {
		return func(rev string) bool {
			return slices.ContainsFunc(e.Product.Models, func(m evidence.Model) bool {
				return slices.Contains(m.Hardware, rev) || slices.ContainsFunc(m.Variants, func(v evidence.Variant) bool { return slices.Contains(v.Hardware, rev) })
			})
		}
	}
	if some(c.Hardware, made(x.old)) && !some(c.Hardware, made(x.new)) {
		why = append(why, Cause{evidence.ChangedHardware, strings.Join(c.Hardware, ", ")})
	}
	return why
}

func some[T any](s []T, f func(T) bool) bool { return slices.ContainsFunc(s, f) }

// standing compares what is shown in a scheme.
func (x *differ) standing(before, after *Result) (Standing, bool) {
	s := Standing{Scheme: before.Scheme, Edition: before.Edition, Before: before.Reached(), After: after.Reached()}
	if s.Before == "" {
		return s, false
	}
	if sch := x.cat.Scheme(s.Scheme); sch != nil && sch.Edition(s.Edition) != nil {
		s.Firmware = sch.Edition(s.Edition).Firmware
	}
	if slices.ContainsFunc(x.changes, func(c evidence.Change) bool { return c.Kind == evidence.ChangedFirmware }) {
		switch s.Firmware {
		case scheme.FirmwareListed:
			s.Scope = ScopeNotListed
		case scheme.FirmwareOpenSecurity:
			s.Scope = ScopeUpdates
		}
	}
	met := map[string]bool{} // by requirement and level, whatever the order of the outcomes
	key := func(o *Outcome) string { return fmt.Sprint(o.Requirement, o.Level, o.Method, o.By) }
	for i := range before.Outcomes {
		if o := &before.Outcomes[i]; o.Answer == scheme.Yes {
			met[key(o)] = true
		}
	}
	for i, l := range before.Levels {
		if l.Shown != scheme.Yes || i >= len(after.Levels) || after.Levels[i].Shown == scheme.Yes {
			continue
		}
		lost := Lost{Level: l.Level}
		for j := range after.Outcomes[:after.Levels[i].Asks] {
			if o := &after.Outcomes[j]; o.Answer != scheme.Yes && met[key(o)] && !slices.Contains(lost.Requirements, o.Requirement) {
				lost.Requirements = append(lost.Requirements, o.Requirement)
			}
		}
		s.Lost = append(s.Lost, lost)
	}
	return s, true
}
