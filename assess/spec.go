package assess

import (
	"errors"
	"fmt"
	"slices"

	"assay/scheme"
)

// spec is a test specification ready to roll verdicts up by.
type spec struct {
	spec   *scheme.TestSpec
	units  map[string]*unit // by name, 5.1-1-2/a
	groups []*group
	over   map[string][]int32 // by table: requirements whose units run over it
	cyclic bool               // rows can name each other in a circle
}

// group is the test group of one requirement.
type group struct {
	spec  *spec
	group *scheme.TestGroup
	req   int32
	units []*unit
}

// unit is a test unit with where it stands.
type unit struct {
	name   string
	kind   scheme.CaseKind
	number int // of its case
	unit   *scheme.TestUnit
	reuses *unit
	group  *group
	at     int // in group.units
}

func (c *Compiled) spec(s *scheme.TestSpec) error {
	cs := &spec{spec: s, units: map[string]*unit{}}
	var errs []error
	fail := func(format string, a ...any) {
		errs = append(errs, fmt.Errorf("test specification %s: "+format, append([]any{s.Name()}, a...)...))
	}
	for i := range s.Groups {
		g := &s.Groups[i]
		n, ok := c.index[scheme.RequirementRef{Standard: s.Assesses.Standard, Edition: s.Assesses.Edition, Requirement: g.Requirement}]
		if !ok {
			fail("group %s: no such requirement", g.Requirement)
			continue
		}
		cg := &group{spec: cs, group: g, req: n}
		for j := range g.Cases {
			k := &g.Cases[j]
			for l := range k.Units {
				u := &unit{name: scheme.UnitRef(g.Requirement, k.Number, k.Units[l].ID), kind: k.Kind, number: k.Number, unit: &k.Units[l], group: cg, at: len(cg.units)}
				if o := u.unit.Over; o != nil && (s.Table(o.Table) == nil || (o.Via != nil && s.Table(o.Via.Table) == nil)) {
					fail("unit %s runs over a table that it has not", u.name)
				}
				cg.units = append(cg.units, u)
				cs.units[u.name] = u
			}
		}
		if len(cg.units) > 0 {
			cs.groups = append(cs.groups, cg)
			c.reqs[n].group = cg
		}
	}
	for _, u := range cs.units {
		if r := u.unit.Reuses; r != "" {
			if u.reuses = cs.units[r]; u.reuses == nil {
				fail("unit %s reuses %s, which it has not", u.name, r)
			}
		}
	}
	cs.over, cs.cyclic = cs.tables()
	c.specs[s.Name()] = cs
	return errors.Join(errs...)
}

// mapped is one way in which what was shown of other requirements bears on one.
type mapped struct {
	from    []int32
	mapping *scheme.Mapping
	row     *scheme.MappingRow
	sure    scheme.Confidence
}

func (c *Compiled) mapping(m *scheme.Mapping) error {
	var errs []error
	find := func(s scheme.StandardRef, id string) int32 {
		n, ok := c.index[scheme.RequirementRef{Standard: s.Standard, Edition: s.Edition, Requirement: id}]
		if !ok {
			errs = append(errs, fmt.Errorf("mapping %s: there is no requirement %s@%s/%s", m.ID, s.Standard, s.Edition, id))
			return -1
		}
		return n
	}
	for i := range m.Rows {
		r := &m.Rows[i]
		to := find(m.To, r.To)
		x := mapped{mapping: m, row: r, sure: min(r.Confidence, m.Confidence)}
		for _, id := range r.From {
			x.from = append(x.from, find(m.From, id))
		}
		if to >= 0 && len(x.from) > 0 && !slices.Contains(x.from, -1) {
			c.reqs[to].mapped = append(c.reqs[to].mapped, x)
		}
	}
	return errors.Join(errs...)
}
