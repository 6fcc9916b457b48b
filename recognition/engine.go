package recognition

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"assay/certificate"
	"assay/civil"
	"assay/scheme"
)

// Engine holds a catalog in the form in which it is decided with. It is
// read-only and safe for concurrent use.
type Engine struct {
	Digest   string // of the catalog
	schemes  map[string]*target
	bySource map[string][]*clause
	byID     map[string]*clause
	tree     tree
}

// target is a scheme with its zone and the categories of its editions.
type target struct {
	*scheme.Scheme
	zone     *time.Location
	editions []edition
}

type edition struct {
	*scheme.Edition
	in, except []place
}

// clause is a clause with what can be worked out before any certificate.
type clause struct {
	*scheme.Clause
	arr        *scheme.Arrangement
	to         *target // nil: the catalog has no such scheme
	kind       scheme.SourceKind
	in, except []place
	levels     string       // the list as shown in reasons
	editions   string       // likewise
	basis      string       // likewise
	from       string       // Dates.From as shown
	weakest    *scheme.Fact // of the facts that a yes always needs
	capped     bool         // ends with its source
	effects    map[scheme.EventKind]*scheme.EffectOn
	digest     certificate.Digest
}

// Compile prepares a catalog. It refuses what would make decisions guess:
// a zone that is none, a clause id used twice. Everything else that a linter
// would find ends as undetermined.
func Compile(c *scheme.Catalog) (*Engine, error) {
	e := &Engine{
		Digest:   c.Digest,
		schemes:  make(map[string]*target, len(c.Schemes)),
		bySource: map[string][]*clause{},
		byID:     map[string]*clause{},
		tree:     newTree(c.Categories),
	}
	for i := range c.Schemes {
		s := &c.Schemes[i]
		zone, err := time.LoadLocation(s.Zone)
		if err != nil || s.Zone == "" || s.Zone == "Local" {
			return nil, fmt.Errorf("scheme %s: %q is no IANA time zone: set zone to that of its authority", s.ID, s.Zone)
		}
		if e.schemes[s.ID] != nil {
			return nil, fmt.Errorf("scheme %s is in the catalog twice: rename or remove one", s.ID)
		}
		t := &target{Scheme: s, zone: zone}
		for j := range s.Editions {
			ed := &s.Editions[j]
			t.editions = append(t.editions, edition{ed, e.tree.places(ed.Categories), e.tree.places(ed.Except)})
		}
		e.schemes[s.ID] = t
	}
	for i := range c.Arrangements {
		a := &c.Arrangements[i]
		for j := range a.Clauses {
			cl := e.clause(a, &a.Clauses[j])
			if e.byID[cl.ID] != nil {
				return nil, fmt.Errorf("arrangement %s: clause %s is in the catalog twice: rename or remove one", a.ID, cl.ID)
			}
			e.byID[cl.ID] = cl
			e.bySource[cl.From.Scheme] = append(e.bySource[cl.From.Scheme], cl)
		}
	}
	return e, nil
}

func (e *Engine) clause(a *scheme.Arrangement, c *scheme.Clause) *clause {
	cl := &clause{
		Clause: c, arr: a, to: e.schemes[c.To.Scheme],
		kind: cmp.Or(c.From.Kind, scheme.Registered),
		in:   e.tree.places(c.Categories), except: e.tree.places(c.Except),
		levels: strings.Join(c.From.Levels, ", "), editions: strings.Join(c.From.Editions, ", "), basis: refs(c.From.Basis),
		from: c.Dates.From.String(), capped: true,
		effects: map[scheme.EventKind]*scheme.EffectOn{},
		digest:  ClauseDigest(a, c),
	}
	for i := range c.Effects {
		cl.effects[c.Effects[i].On] = &c.Effects[i]
	}
	switch ef, _ := cl.effect(scheme.Expired); ef {
	case scheme.KeepUntilExpiry, scheme.Notice, scheme.EndOnDate:
		cl.capped = false // the clause itself lets a designation outlive its source
	}
	facts := []*scheme.Fact{&a.Fact, &c.Fact, &c.ModeFact, &c.Dates.Fact, &c.Term.Fact}
	if c.Legal.Found {
		facts = append(facts, &c.Legal.Fact)
	}
	if c.Delta != nil {
		facts = append(facts, &c.Delta.Fact)
	}
	for i := range c.Term.Bounds {
		facts = append(facts, &c.Term.Bounds[i].Fact)
	}
	cl.weakest = slices.MinFunc(facts, func(x, y *scheme.Fact) int { return cmp.Compare(x.Confidence, y.Confidence) })
	return cl
}

// effect is what an event of that kind does, by the clause or by default.
// An event that nobody has a row for holds: doubt fails closed.
func (c *clause) effect(on scheme.EventKind) (scheme.Effect, *scheme.EffectOn) {
	if c != nil {
		if row := c.effects[on]; row != nil {
			return row.Effect, row
		}
	}
	return cmp.Or(DefaultEffects[on], scheme.Hold), nil
}

// ClauseDigest is what a standing decision pins a clause by: SHA-256 of its
// JSON and of what its arrangement says about time and parties.
func ClauseDigest(a *scheme.Arrangement, c *scheme.Clause) certificate.Digest {
	b, err := json.Marshal(struct {
		Arrangement                string
		Parties                    []string
		Signed, Effective, Entered civil.Date
		Clause                     *scheme.Clause
	}{a.ID, a.Parties, a.Signed, a.Effective, a.Ended, c})
	if err != nil {
		return certificate.Digest{} // only text and numbers: cannot happen, and zero pins nothing
	}
	return sha256.Sum256(b)
}

// Clauses lists the ids of all clauses that take certificates of a scheme.
func (e *Engine) Clauses(from string) []string {
	ids := make([]string, 0, len(e.bySource[from]))
	for _, c := range e.bySource[from] {
		ids = append(ids, c.ID)
	}
	return ids
}

func refs(rs []scheme.StandardRef) string {
	var b strings.Builder
	for i, r := range rs {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(r.Standard)
		if r.Edition != "" {
			b.WriteString("@" + r.Edition)
		}
	}
	return b.String()
}
