package assess

import (
	"fmt"
	"slices"
	"strings"

	"assay/civil"
	"assay/evidence"
	"assay/scheme"
)

// Asked is what one level of a scheme asks of a kind of product.
type Asked struct {
	Scheme       *scheme.Scheme
	Edition      *scheme.Edition
	Level        *scheme.Level
	At           civil.Date
	Gates        []Reason     // what no evidence helps against: read those that are not yes
	Requirements []Ask        // the lowest level's first
	Tables       []AskedTable // IXIT, in the order of the test specification
}

// Ask is one requirement as one level asks for it.
type Ask struct {
	Ref         scheme.RequirementRef
	Requirement *scheme.Requirement // with its Contents
	Level       string              // that adds it
	Method      scheme.Method
	By          scheme.By
	Duty        bool              // false: a recommendation, met also by saying why it is not met
	Features    []string          // on which it hangs whether the requirement applies; none: it always does
	When        *scheme.Condition // of the level, beside the requirement's own
	MaxAge      int               // months after which evidence no longer counts; 0: no bound
	Spec        *scheme.TestSpec  // that assesses it; nil: none in the catalog, or nothing is to be examined
	Group       *scheme.TestGroup
}

// AskedTable is an IXIT table to be filled in, for the requirements whose test
// units run over its rows, directly or through rows that name rows of it.
type AskedTable struct {
	Spec  *scheme.TestSpec
	Table *scheme.Table
	For   []scheme.RequirementRef
}

// Asks says what a level asks of a product with these functions (category
// ids) on a day of the scheme's own zone: with the edition, the profile and the
// lower levels that [Assess] goes by. A table is asked for where a requirement
// has to be shown by document or test: a declaration is the statement alone.
//
// It fails where the scheme or the level is unknown, no edition is in force, or
// the scheme takes no such product.
func Asks(c *Compiled, cat *scheme.Catalog, schemeID, level string, functions []string, at civil.Date) (*Asked, error) {
	s := cat.Scheme(schemeID)
	if s == nil {
		return nil, fmt.Errorf("the catalog has no scheme %.60q", schemeID)
	}
	ev := &evidence.Evidence{Product: evidence.Product{Functions: functions}}
	rs := Assess(c, ev, schemeID, at)
	if len(rs) != 1 {
		return nil, fmt.Errorf("scheme %s was not compiled", schemeID)
	}
	r := &rs[0]
	for _, g := range r.Gates {
		if g.Answer == scheme.No && g.Rule != RuleOpen {
			return nil, fmt.Errorf("scheme %s on %s: %s is no: %s", schemeID, at, g.Rule, g.Data)
		}
	}
	e := s.Edition(r.Edition)
	rank := slices.IndexFunc(r.Levels, func(l LevelResult) bool { return l.Level == level })
	if e == nil || rank < 0 {
		return nil, fmt.Errorf("scheme %s has no level %.40q on %s: it has %s", schemeID, level, at, strings.Join(levelsOf(r), ", "))
	}
	a := &Asked{Scheme: s, Edition: e, Level: e.Level(level), At: at, Gates: r.Gates}
	for i := range r.Outcomes[:r.Levels[rank].Asks] {
		o := &r.Outcomes[i]
		q := Ask{
			Ref: o.Requirement, Requirement: requirementOf(cat, o.Requirement), Level: o.Level,
			Method: o.Method, By: o.By, Duty: o.Duty, Features: o.Unknown,
		}
		if adds := addsOf(e, r.Profiles, o); adds != nil {
			q.MaxAge, q.When = adds.MaxAge, adds.When
		}
		if spec := cat.TestSpecOf(q.Ref.Standard, q.Ref.Edition); spec != nil && q.Method != scheme.Declared {
			if q.Group = spec.Group(q.Ref.Requirement); q.Group != nil {
				q.Spec = spec
			}
		}
		a.Requirements = append(a.Requirements, q)
	}
	a.Tables = tablesFor(a.Requirements)
	return a, nil
}

// Tested adds the tables that a test by the standards' own specifications
// would need, for requirements of which the level takes a word or a document.
func (a *Asked) Tested(cat *scheme.Catalog) {
	for i := range a.Requirements {
		q := &a.Requirements[i]
		if spec := cat.TestSpecOf(q.Ref.Standard, q.Ref.Edition); spec != nil && q.Group == nil {
			if q.Group = spec.Group(q.Ref.Requirement); q.Group != nil {
				q.Spec = spec
			}
		}
	}
	a.Tables = tablesFor(a.Requirements)
}

func levelsOf(r *Result) (ids []string) {
	for _, l := range r.Levels {
		ids = append(ids, l.Level)
	}
	return ids
}

func requirementOf(cat *scheme.Catalog, ref scheme.RequirementRef) *scheme.Requirement {
	if s := cat.Standard(ref.Standard); s != nil {
		if e := s.Edition(ref.Edition); e != nil {
			return e.Requirement(ref.Requirement)
		}
	}
	return nil
}

// addsOf finds the group in which a level asks for an outcome's requirement;
// of several the one with the shortest age, which evidence has to satisfy.
func addsOf(e *scheme.Edition, profiles []string, o *Outcome) *scheme.Adds {
	var best *scheme.Adds
	look := func(levels []scheme.Level) {
		for i := range levels {
			if levels[i].ID != o.Level {
				continue
			}
			for j := range levels[i].Adds {
				a := &levels[i].Adds[j]
				same := a.Standard == o.Requirement.Standard && a.Edition == o.Requirement.Edition && a.Method == o.Method && a.By == o.By
				if same && slices.Contains(a.Requirements, o.Requirement.Requirement) &&
					(best == nil || (a.MaxAge != 0 && (best.MaxAge == 0 || a.MaxAge < best.MaxAge))) {
					best = a
				}
			}
		}
	}
	for i := range e.Profiles {
		if slices.Contains(profiles, e.Profiles[i].ID) {
			look(e.Profiles[i].Levels)
		}
	}
	if best == nil {
		look(e.Levels)
	}
	return best
}

// tablesFor are the tables that the test units of the requirements run over,
// with those whose rows these name.
func tablesFor(asks []Ask) []AskedTable {
	type key struct {
		spec  *scheme.TestSpec
		table string
	}
	uses := map[key][]scheme.RequirementRef{}
	var specs []*scheme.TestSpec
	for i := range asks {
		q := &asks[i]
		if q.Group == nil {
			continue
		}
		if !slices.Contains(specs, q.Spec) {
			specs = append(specs, q.Spec)
		}
		for _, t := range tablesOf(q.Spec, q.Group) {
			if k := (key{q.Spec, t}); !slices.Contains(uses[k], q.Ref) {
				uses[k] = append(uses[k], q.Ref)
			}
		}
	}
	var out []AskedTable
	for _, s := range specs {
		for i := range s.Tables {
			t := &s.Tables[i]
			if refs := uses[key{s, t.ID}]; refs != nil {
				out = append(out, AskedTable{s, t, refs})
			}
		}
	}
	return out
}

// tablesOf are the ids of the tables that a group needs.
func tablesOf(s *scheme.TestSpec, g *scheme.TestGroup) []string {
	var ids []string
	var need func(id string)
	need = func(id string) {
		t := s.Table(id)
		if t == nil || slices.Contains(ids, id) {
			return
		}
		ids = append(ids, id)
		for _, f := range t.Fields {
			if f.Kind == scheme.FieldRows {
				need(f.Table)
			}
		}
	}
	over := func(u *scheme.TestUnit) {
		for _, id := range u.Reads {
			need(id)
		}
		if u.Over == nil {
			return
		}
		need(u.Over.Table)
		if u.Over.Via != nil {
			need(u.Over.Via.Table)
		}
	}
	for i := range g.Cases {
		for j := range g.Cases[i].Units {
			u := &g.Cases[i].Units[j]
			over(u)
			if _, _, other := s.Unit(u.Reuses); other != nil {
				over(other)
			}
		}
	}
	return ids
}

// Features are the features on which it hangs what applies, each once, in the
// order in which they are met.
func (a *Asked) Features() []string {
	var ids []string
	for i := range a.Requirements {
		for _, f := range a.Requirements[i].Features {
			if !slices.Contains(ids, f) {
				ids = append(ids, f)
			}
		}
	}
	return ids
}
