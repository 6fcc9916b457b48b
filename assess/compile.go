// Package assess holds a maker's evidence against the schemes of a catalog:
// which level is reached on a day, why, and what is missing for the next.
//
// Compile turns a catalog into the form that is walked; Assess walks it. An
// answer is yes, no or undetermined, it names every fact that it rests on,
// and it is as sure as the least of them.
package assess

import (
	"errors"
	"fmt"
	"slices"

	"assay/civil"
	"assay/scheme"
)

// Compiled is a catalog ready to assess with. It keeps pointers into the
// catalog, which must not change afterwards, and may be used concurrently.
type Compiled struct {
	digest   string
	tax      *scheme.Taxonomy
	index    map[scheme.RequirementRef]int32
	reqs     []requirement
	features map[string]bool
	schemes  []compiledScheme
	specs    map[string]*spec // by ID@EDITION
	labs     map[string]*scheme.Lab
}

type requirement struct {
	ref       scheme.RequirementRef
	name      string // ref as text
	req       *scheme.Requirement
	sure      scheme.Confidence // of the requirement and its edition
	elsewhere []int32           // the requirement of the same id in the standard's other editions
	group     *group            // the test group that assesses it; nil: none
	mapped    []mapped          // what was shown of other standards, and carries over or does not
	contents  int               // how many of its contents evidence must have
}

type compiledScheme struct {
	scheme   *scheme.Scheme
	shut     civil.Date // a closed scheme whose first closed day is not known: the day on which its source knew it closed
	editions []compiledEdition
}

type compiledEdition struct {
	edition *scheme.Edition
	lists   []list // the general one first, then one for each profile
}

// list is what the levels ask for: demands[rank] is what level rank adds.
type list struct {
	profile *scheme.Profile // nil: the general list
	levels  []*scheme.Level // by rank; nil where a profile says nothing of it
	demands [][]demand
}

// demand is one requirement as a level asks for it.
type demand struct {
	req   int32
	need  strength
	duty  bool // not met by saying why it is not met
	adds  *scheme.Adds
	level string
	fact  *scheme.Fact      // the least sure one of adds and requirement
	sure  scheme.Confidence // of fact
}

// strength is how and by whom something is shown: at least as strong is both
// at least as strong.
type strength struct{ method, by uint8 }

const (
	methods = 3
	bodies  = 2
)

var (
	methodRank = map[scheme.Method]uint8{scheme.Declared: 0, scheme.Document: 1, scheme.Test: 2}
	byRank     = map[scheme.By]uint8{scheme.Maker: 0, scheme.Laboratory: 1}
)

// Compile resolves every reference of the catalog's schemes. Its error joins
// all that are wrong, each with its place.
func Compile(cat *scheme.Catalog) (*Compiled, error) {
	c := &Compiled{
		digest:   cat.Digest,
		tax:      scheme.NewTaxonomy(cat.Categories),
		index:    map[scheme.RequirementRef]int32{},
		features: map[string]bool{},
		specs:    map[string]*spec{},
		labs:     map[string]*scheme.Lab{},
	}
	type family struct{ standard, requirement string }
	families := map[family][]int32{}
	for i := range cat.Standards {
		s := &cat.Standards[i]
		for _, f := range s.Features {
			c.features[f.ID] = true
		}
		for j := range s.Editions {
			e := &s.Editions[j]
			for k := range e.Requirements {
				r := &e.Requirements[k]
				ref := scheme.RequirementRef{Standard: s.ID, Edition: e.ID, Requirement: r.ID}
				n := int32(len(c.reqs))
				c.index[ref] = n
				q := requirement{ref: ref, name: ref.String(), req: r, sure: min(r.Confidence, e.Confidence)}
				for _, x := range r.Contents {
					if !x.Optional {
						q.contents++
					}
				}
				c.reqs = append(c.reqs, q)
				f := family{s.ID, r.ID}
				families[f] = append(families[f], n)
			}
		}
	}
	for i := range c.reqs {
		r := &c.reqs[i]
		for _, n := range families[family{r.ref.Standard, r.ref.Requirement}] {
			if n != int32(i) {
				r.elsewhere = append(r.elsewhere, n)
			}
		}
	}
	for i := range cat.Laboratories {
		c.labs[cat.Laboratories[i].ID] = &cat.Laboratories[i]
	}
	var errs []error
	for i := range cat.Tests {
		errs = append(errs, c.spec(&cat.Tests[i]))
	}
	for i := range cat.Mappings {
		errs = append(errs, c.mapping(&cat.Mappings[i]))
	}
	for i := range cat.Schemes {
		s := &cat.Schemes[i]
		cs := compiledScheme{scheme: s}
		if src := cat.Sources[s.Source]; s.State == scheme.Closed && s.Closed.IsZero() {
			cs.shut = civil.Earliest(src.Date, src.Read)
		}
		for j := range s.Editions {
			e := &s.Editions[j]
			ce, err := c.edition(e)
			if err != nil {
				errs = append(errs, fmt.Errorf("scheme %s, edition %s: %w", s.ID, e.ID, err))
			}
			cs.editions = append(cs.editions, ce)
		}
		c.schemes = append(c.schemes, cs)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Compiled) edition(e *scheme.Edition) (compiledEdition, error) {
	var errs []error
	for _, in := range slices.Concat(e.Categories, e.Except) {
		if !c.tax.Known(in.Category) {
			errs = append(errs, fmt.Errorf("category %s is not in the taxonomy", in.Category))
		}
	}
	ce := compiledEdition{edition: e}
	general, err := c.list(e, e.Levels)
	errs = append(errs, err)
	ce.lists = append(ce.lists, general)
	for i := range e.Profiles {
		p := &e.Profiles[i]
		l, err := c.list(e, p.Levels)
		if err != nil {
			errs = append(errs, fmt.Errorf("profile %s: %w", p.ID, err))
		}
		for _, in := range p.Categories {
			if !c.tax.Known(in.Category) {
				errs = append(errs, fmt.Errorf("profile %s: category %s is not in the taxonomy", p.ID, in.Category))
			}
		}
		l.profile = p
		ce.lists = append(ce.lists, l)
	}
	return ce, errors.Join(errs...)
}

func (c *Compiled) list(e *scheme.Edition, levels []scheme.Level) (list, error) {
	l := list{levels: make([]*scheme.Level, len(e.Levels)), demands: make([][]demand, len(e.Levels))}
	var errs []error
	for i := range levels {
		level := &levels[i]
		rank := e.Rank(level.ID)
		if rank < 0 {
			errs = append(errs, fmt.Errorf("level %s is not one of the edition's", level.ID))
			continue
		}
		l.levels[rank] = level
		for j := range level.Adds {
			ds, err := c.demands(level, &level.Adds[j])
			if err != nil {
				errs = append(errs, fmt.Errorf("level %s, group %d: %w", level.ID, j+1, err))
			}
			l.demands[rank] = append(l.demands[rank], ds...)
		}
	}
	return l, errors.Join(errs...)
}

func (c *Compiled) demands(level *scheme.Level, a *scheme.Adds) ([]demand, error) {
	m, ok := methodRank[a.Method]
	if !ok {
		return nil, fmt.Errorf("method %q is none of declaration, document, test", a.Method)
	}
	b, ok := byRank[a.By]
	if !ok {
		return nil, fmt.Errorf("by %q is none of maker, laboratory", a.By)
	}
	var errs []error
	ds := make([]demand, 0, len(a.Requirements))
	for _, id := range a.Requirements {
		n, ok := c.index[scheme.RequirementRef{Standard: a.Standard, Edition: a.Edition, Requirement: id}]
		if !ok {
			errs = append(errs, fmt.Errorf("no standard has the requirement %s@%s/%s", a.Standard, a.Edition, id))
			continue
		}
		r := &c.reqs[n]
		d := demand{req: n, need: strength{m, b}, duty: a.Binding || r.req.Status != scheme.Recommended, adds: a, level: level.ID, fact: &a.Fact, sure: a.Confidence}
		if r.sure < d.sure {
			d.fact, d.sure = &r.req.Fact, r.sure
		}
		if level.Confidence < d.sure {
			d.fact, d.sure = &level.Fact, level.Confidence
		}
		ds = append(ds, d)
	}
	return ds, errors.Join(errs...)
}
