package scheme

import (
	"fmt"
	"slices"

	"assay/civil"
)

// LevelRef names a level of an edition of a scheme, as one of the edition's
// profiles asks for it ("" is the general list).
type LevelRef struct{ Scheme, Edition, Profile, Level string }

// String is SCHEME@EDITION/LEVEL, or SCHEME@EDITION/PROFILE/LEVEL.
func (r LevelRef) String() string {
	if r.Profile != "" {
		return r.Scheme + "@" + r.Edition + "/" + r.Profile + "/" + r.Level
	}
	return r.Scheme + "@" + r.Edition + "/" + r.Level
}

// Demand is a requirement as one level asks for it.
type Demand struct {
	Ref   RequirementRef
	Level string // that adds it
	Adds  *Adds
}

// Demands is a level with all that it and the levels below it ask for.
type Demands struct {
	LevelRef
	Scheme  *Scheme
	Edition *Edition
	Profile *Profile // nil: the general list
	Level   *Level   // as the edition names it
	Rank    int      // lowest 0
	List    []Demand // the lowest level's first; one requirement may be asked for more than once, in different ways
}

// LevelRefs are all levels of the catalog that ask for something, with those
// below them, in the order of the catalog.
func (c *Catalog) LevelRefs() (refs []LevelRef) {
	for i := range c.Schemes {
		for j := range c.Schemes[i].Editions {
			e := &c.Schemes[i].Editions[j]
			add := func(profile string, levels []Level) {
				n := 0
				for _, l := range levels {
					if n += len(l.Adds); n > 0 {
						refs = append(refs, LevelRef{c.Schemes[i].ID, e.ID, profile, l.ID})
					}
				}
			}
			add("", e.Levels)
			for _, p := range e.Profiles {
				add(p.ID, p.Levels)
			}
		}
	}
	return refs
}

// Demands finds a level and what it asks for. It is an error if the catalog
// has no such level or it asks for nothing.
func (c *Catalog) Demands(r LevelRef) (*Demands, error) {
	d := &Demands{LevelRef: r, Scheme: c.Scheme(r.Scheme)}
	if d.Scheme != nil {
		d.Edition = d.Scheme.Edition(r.Edition)
	}
	if d.Edition == nil || d.Edition.Level(r.Level) == nil {
		return nil, fmt.Errorf("the catalog has no level %.80s; `assay catalog list` names schemes, editions and levels", r)
	}
	d.Level, d.Rank = d.Edition.Level(r.Level), d.Edition.Rank(r.Level)
	levels := d.Edition.Levels
	if r.Profile != "" {
		i := slices.IndexFunc(d.Edition.Profiles, func(p Profile) bool { return p.ID == r.Profile })
		if i < 0 {
			return nil, fmt.Errorf("edition %s of %s has no profile %.80q", r.Edition, r.Scheme, r.Profile)
		}
		d.Profile = &d.Edition.Profiles[i]
		levels = d.Profile.Levels
	}
	for i := range levels {
		for j := range levels[i].Adds {
			a := &levels[i].Adds[j]
			for _, id := range a.Requirements {
				d.List = append(d.List, Demand{RequirementRef{a.Standard, a.Edition, id}, levels[i].ID, a})
			}
		}
		if levels[i].ID == r.Level {
			break
		}
	}
	if len(d.List) == 0 {
		return nil, fmt.Errorf("level %s asks for nothing", r)
	}
	return d, nil
}

// Title names the level to people, scheme and edition first.
func (d *Demands) Title(langs ...string) string {
	s := d.Scheme.Name.In(langs...) + ", " + d.Edition.ID + ": " + d.Level.Name.In(langs...)
	if d.Profile != nil {
		s += " (" + d.Profile.ID + ")"
	}
	return s
}

// Standards are the editions that the requirements stand in, in the order in
// which they are first asked for.
func (d *Demands) Standards() (refs []StandardRef) {
	for _, q := range d.List {
		if r := (StandardRef{q.Ref.Standard, q.Ref.Edition}); !slices.Contains(refs, r) {
			refs = append(refs, r)
		}
	}
	return refs
}

// Categories are the products that the level is for.
func (d *Demands) Categories() []InCategory {
	if d.Profile != nil {
		return d.Profile.Categories
	}
	return d.Edition.Categories
}

// Duty reports whether a demand is a duty; else saying why it is not met will do.
func (c *Catalog) Duty(d *Demand) bool {
	r := c.Requirement(d.Ref)
	return d.Adds.Binding || r == nil || r.Status == Mandatory
}

// StandardEdition finds an edition of a standard; nil where the catalog has none.
func (c *Catalog) StandardEdition(r StandardRef) (*Standard, *StandardEdition) {
	s := c.Standard(r.Standard)
	if s == nil || s.Edition(r.Edition) == nil {
		return nil, nil
	}
	return s, s.Edition(r.Edition)
}

// Requirement finds a requirement; nil where the catalog has none.
func (c *Catalog) Requirement(r RequirementRef) *Requirement {
	_, e := c.StandardEdition(StandardRef{r.Standard, r.Edition})
	if e == nil {
		return nil
	}
	return e.Requirement(r.Requirement)
}

// AsOf is the day on which the newest source of the catalog was written or
// read: what is made from it is as of that day, whenever it is made.
func (c *Catalog) AsOf() (day civil.Date) {
	for _, s := range c.Sources {
		day = max(day, s.Date, s.Read)
	}
	return day
}
