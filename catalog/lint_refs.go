package catalog

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"assay/scheme"
)

func (l *linter) danglingReference() {
	authorities := map[string]bool{}
	for _, s := range l.c.Schemes {
		authorities[s.Authority] = true
	}
	features := map[string]bool{}
	for _, s := range l.c.Standards {
		for _, f := range s.Features {
			features[f.ID] = true
		}
	}
	l.walk(func(n node) {
		switch n.v.Interface().(type) {
		case scheme.Category:
			c, _ := of[scheme.Category](n)
			if c.Parent != "" {
				l.category(n.path, c.Parent)
			}
		case scheme.Word:
			w, _ := of[scheme.Word](n)
			l.schemeRef(n.path, w.Scheme)
		case scheme.InCategory:
			in, _ := of[scheme.InCategory](n)
			l.category(n.path, in.Category)
		case scheme.StandardRef:
			r, _ := of[scheme.StandardRef](n)
			if strings.HasPrefix(n.path, "laboratories/") && l.isTest(r) {
				return // a laboratory is accredited for how it tests, too
			}
			l.standardRef(n.path, r)
		case scheme.LabScope:
			s, _ := of[scheme.LabScope](n)
			for _, id := range s.Schemes {
				l.schemeRef(n.path+"/schemes", id)
			}
		case scheme.RequirementRef:
			r, _ := of[scheme.RequirementRef](n)
			if e := l.standardRef(n.path, scheme.StandardRef{Standard: r.Standard, Edition: r.Edition}); e != nil && e.Requirement(r.Requirement) == nil {
				l.add(n.path, fmt.Sprintf("there is no requirement %s", r))
			}
		case scheme.Adds:
			a, _ := of[scheme.Adds](n)
			l.requirements(n.path, a)
		case scheme.Condition:
			c, _ := of[scheme.Condition](n)
			if c.Feature != "" && !features[c.Feature] {
				l.add(n.path, fmt.Sprintf("no standard has a feature %q", clip(c.Feature)))
			}
		case scheme.Arrangement:
			a, _ := of[scheme.Arrangement](n)
			for _, p := range a.Parties {
				if !authorities[p] {
					l.add(n.path+"parties", fmt.Sprintf("no scheme has the authority %q", clip(p)))
				}
			}
		case scheme.Clause:
			c, _ := of[scheme.Clause](n)
			l.clauseRefs(n.path, c)
		case scheme.MarketRule:
			r, _ := of[scheme.MarketRule](n)
			l.levels(n.path, r.Scheme, nil, r.Levels)
		}
	})
	for i := range l.c.Standards {
		l.areas(&l.c.Standards[i])
	}
	l.eachEdition(func(s *scheme.Scheme, e *scheme.Edition) {
		for _, f := range e.Fees {
			if f.Level != "" && e.Level(f.Level) == nil {
				l.add(editionPath(s, e)+"/fees", fmt.Sprintf("there is no level %q", clip(f.Level)))
			}
		}
	})
}

// areas wants the area of every requirement to have a title, once one has.
func (l *linter) areas(s *scheme.Standard) {
	if len(s.Areas) == 0 {
		return
	}
	for _, e := range s.Editions {
		for _, r := range e.Requirements {
			if s.Area(r.Area) == nil {
				l.add("standards/"+s.ID+".yaml: editions/"+e.ID+"/requirements/"+r.ID, fmt.Sprintf("the standard's areas have no %q", clip(r.Area)))
			}
		}
	}
}

func (l *linter) category(path, id string) {
	if !l.tax.Known(id) {
		l.add(path, fmt.Sprintf("there is no category %q", clip(id)))
	}
}

func (l *linter) schemeRef(path, id string) *scheme.Scheme {
	s := l.c.Scheme(id)
	if s == nil {
		l.add(path, fmt.Sprintf("there is no scheme %q", clip(id)))
	}
	return s
}

func (l *linter) standardRef(path string, r scheme.StandardRef) *scheme.StandardEdition {
	s := l.c.Standard(r.Standard)
	if s == nil {
		l.add(path, fmt.Sprintf("there is no standard %q", clip(r.Standard)))
		return nil
	}
	e := s.Edition(r.Edition)
	if e == nil && r.Edition != "" {
		l.add(path, fmt.Sprintf("%s has no edition %q", r.Standard, clip(r.Edition)))
	}
	return e
}

// isTest reports whether r names a test specification.
func (l *linter) isTest(r scheme.StandardRef) bool {
	return slices.ContainsFunc(l.c.Tests, func(t scheme.TestSpec) bool {
		return t.ID == r.Standard && (r.Edition == "" || r.Edition == t.Edition)
	})
}

func (l *linter) requirements(path string, a scheme.Adds) {
	if a.Edition == "" || len(a.Requirements) == 0 {
		l.add(path, "a level adds requirements of one edition of a standard; edition or requirements are missing")
		return
	}
	e := l.standardRef(path, scheme.StandardRef{Standard: a.Standard, Edition: a.Edition})
	if e == nil {
		return
	}
	for _, id := range a.Requirements {
		if e.Requirement(id) == nil {
			l.add(path, fmt.Sprintf("%s %s has no requirement %q", a.Standard, a.Edition, clip(id)))
		}
	}
}

func (l *linter) clauseRefs(path string, c scheme.Clause) {
	l.levels(join(path, "from"), c.From.Scheme, c.From.Editions, c.From.Levels)
	if c.To.Level != "" {
		l.levels(join(path, "to"), c.To.Scheme, nil, []string{c.To.Level})
	} else if c.Mode != scheme.Deemed {
		l.schemeRef(join(path, "to"), c.To.Scheme)
	}
}

// levels wants each level in at least one of the named editions (of all, if
// none is named).
func (l *linter) levels(path, id string, editions, levels []string) {
	s := l.schemeRef(path, id)
	if s == nil {
		return
	}
	if len(levels) == 0 {
		l.add(path, "no level is named; a clause never means all of them")
	}
	for _, e := range editions {
		if s.Edition(e) == nil {
			l.add(path, fmt.Sprintf("%s has no edition %q", id, clip(e)))
		}
	}
	for _, level := range levels {
		if !slices.ContainsFunc(s.Editions, func(e scheme.Edition) bool {
			return e.Level(level) != nil && (len(editions) == 0 || slices.Contains(editions, e.ID))
		}) {
			l.add(path, fmt.Sprintf("%s has no level %q", id, clip(level)))
		}
	}
}

// featureConflict keeps the meaning of a feature one: evidence answers it
// once for all standards.
func (l *linter) featureConflict() {
	first := map[string]scheme.Text{}
	for _, s := range l.c.Standards {
		for _, f := range s.Features {
			if q, is := first[f.ID]; is && !maps.Equal(q, f.Question) {
				l.add("standards/"+s.ID+".yaml: features/"+f.ID, "another standard asks something else under this id")
			} else if !is {
				first[f.ID] = f.Question
			}
		}
	}
}

func (l *linter) categoryCycle() {
	parent := map[string]string{}
	for _, c := range l.c.Categories {
		parent[c.ID] = c.Parent
	}
	for _, c := range l.c.Categories {
		depth := 0
		for id := c.ID; id != "" && depth <= 16; id = parent[id] {
			depth++
		}
		if depth > 16 {
			l.add("categories.yaml: "+c.ID, "its parents come back to itself, or lie more than 16 deep")
		}
	}
}

func (l *linter) requirementTwice() {
	l.eachLevels(func(path string, levels []scheme.Level) {
		seen := map[string]string{}
		for _, level := range levels {
			for _, a := range level.Adds {
				for _, id := range a.Requirements {
					key := scheme.RequirementRef{Standard: a.Standard, Edition: a.Edition, Requirement: id}.String() + " " + string(a.Method) + " " + string(a.By)
					if below, is := seen[key]; is && a.When == nil {
						l.add(join(path, level.ID), fmt.Sprintf("level %s asks for %s already", below, key))
					}
					seen[key] = level.ID
				}
			}
		}
	})
}

func (l *linter) recommendation() {
	l.eachLevels(func(path string, levels []scheme.Level) {
		for _, level := range levels {
			for _, a := range level.Adds {
				s := l.c.Standard(a.Standard)
				if s == nil || s.Edition(a.Edition) == nil || a.Binding {
					continue
				}
				for _, id := range a.Requirements {
					if r := s.Edition(a.Edition).Requirement(id); r != nil && r.Status == scheme.Recommended {
						l.add(join(path, level.ID), fmt.Sprintf("%s is a recommendation of its standard: the level asks for it and it does not bind", id))
					}
				}
			}
		}
	})
}

// eachLevels calls f for the levels of every edition and of every profile.
func (l *linter) eachLevels(f func(path string, levels []scheme.Level)) {
	l.eachEdition(func(s *scheme.Scheme, e *scheme.Edition) {
		f(editionPath(s, e)+"/levels", e.Levels)
		for _, p := range e.Profiles {
			f(editionPath(s, e)+"/profiles/"+p.ID+"/levels", p.Levels)
		}
	})
}

// guidanceForm wants advice that some product can follow.
func (l *linter) guidanceForm() {
	l.eachEdition(func(s *scheme.Scheme, e *scheme.Edition) {
		for i, a := range e.Guidance {
			path := fmt.Sprintf("%s/guidance/%d", editionPath(s, e), i)
			if e.Level(a.Level) == nil {
				l.add(path, fmt.Sprintf("there is no level %q", clip(a.Level)))
			}
			if len(a.Categories) > 0 && !l.touch(a.Categories, e.Categories) {
				l.add(path, "the edition takes none of these categories")
			}
		}
	})
}
