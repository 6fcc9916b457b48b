package assess

import (
	"slices"

	"assay/civil"
	"assay/evidence"
	"assay/scheme"
)

// Result is what one product reaches in one scheme on one day.
type Result struct {
	Catalog  string        `json:"catalog"` // digest of the catalog used
	Scheme   string        `json:"scheme"`
	Edition  string        `json:"edition,omitempty"` // the one in force, or the last one where none is
	Profiles []string      `json:"profiles,omitempty"`
	At       civil.Date    `json:"at"`
	Gates    []Reason      `json:"gates"`    // what has to be yes before any level can be
	Levels   []LevelResult `json:"levels"`   // lowest first
	Outcomes []Outcome     `json:"outcomes"` // requirement by requirement, the lowest level's first
	Missing  []Missing     `json:"missing,omitempty"`
}

// LevelResult is the answer for one level, with all below it.
type LevelResult struct {
	Level      string            `json:"level"`
	Answer     scheme.Answer     `json:"answer"`           // may it be granted that day
	Shown      scheme.Answer     `json:"shown"`            // does the evidence show what the level asks, whatever the gates say
	Confidence scheme.Confidence `json:"confidence"`       // of Answer: its least sure fact; of a no, the surest ground
	Doubts     []Doubt           `json:"doubts,omitempty"` // the facts below official that Answer rests on; empty where it rests on none
	Asks       int               `json:"asks"`             // Result.Outcomes[:Asks] are what the level asks
}

// Reason is one thing that decided.
type Reason struct {
	Rule   string        `json:"rule"`
	Answer scheme.Answer `json:"answer"`
	Data   string        `json:"data,omitempty"` // what it was decided on
	Fact   *scheme.Fact  `json:"fact,omitempty"` // nil: nothing in the catalog says anything of it
}

// Rules of gates.
const (
	RuleEdition = "edition-in-force"
	RuleOpen    = "scheme-open"
	RuleScope   = "category-in-scope"
)

// Outcome is one requirement as one level asks for it.
type Outcome struct {
	Requirement scheme.RequirementRef `json:"requirement"`
	Level       string                `json:"level"` // that adds it
	Method      scheme.Method         `json:"method"`
	By          scheme.By             `json:"by"`
	Duty        bool                  `json:"duty"` // false: a recommendation, met also by saying why it is not met
	Applies     scheme.Answer         `json:"applies"`
	Answer      scheme.Answer         `json:"answer"` // met
	Rule        string                `json:"rule"`
	Claim       int                   `json:"claim"`             // index of the claim that decided; -1 for none
	Unknown     []string              `json:"unknown,omitempty"` // features that would have to be known
	Fact        *scheme.Fact          `json:"fact"`              // the least sure one that it rests on
}

// Doubt is a fact below official that an answer rests on.
type Doubt struct {
	About string       `json:"about"`
	Fact  *scheme.Fact `json:"fact"`
}

// Assess answers for the scheme with this id, or for every scheme where it
// is "", in the order of the catalog; an id that the catalog has not gives
// nothing. The day is one of the scheme's own zone. BenchmarkAssess measures
// it against the target of 200 µs for one product and every scheme.
func Assess(c *Compiled, ev *evidence.Evidence, schemeID string, at civil.Date) []Result {
	w := walk{
		c: c, ev: ev, at: at,
		claims: make([][]int32, len(c.reqs)),
		shown:  make([]*shown, len(c.reqs)),
		has:    func(f string) scheme.Answer { return ev.Features[f].Answer },
	}
	for i := range ev.Claims {
		for _, r := range ev.Claims[i].Requirements {
			if n, ok := c.index[scheme.RequirementRef(r)]; ok {
				w.claims[n] = append(w.claims[n], int32(i))
			}
		}
	}
	var rs []Result
	for i := range c.schemes {
		if s := &c.schemes[i]; schemeID == "" || s.scheme.ID == schemeID {
			rs = append(rs, w.scheme(s))
		}
	}
	return rs
}

// walk is one assessment: what is read from the evidence once for all schemes.
type walk struct {
	c      *Compiled
	ev     *evidence.Evidence
	at     civil.Date
	claims [][]int32 // by requirement: indexes of claims
	shown  []*shown  // by requirement, made when first asked for
	has    func(string) scheme.Answer
}

func (w *walk) scheme(s *compiledScheme) Result {
	r := Result{Catalog: w.c.digest, Scheme: s.scheme.ID, At: w.at, Levels: []LevelResult{}, Outcomes: []Outcome{}}
	e, scope := w.edition(s, &r)
	if e == nil {
		return r
	}
	r.Gates = append(r.Gates, w.open(s), scope)
	r.Edition = e.edition.ID
	w.levels(e, &r)
	r.Missing = Gather([]Result{r})
	return r
}

// edition picks the edition in force whose scope fits best. Where none is in
// force it is the last that was, so that the level reached can still be told.
func (w *walk) edition(s *compiledScheme, r *Result) (best *compiledEdition, scope Reason) {
	for i := range s.editions {
		e := &s.editions[i]
		if !e.edition.InForce(w.at) {
			continue
		}
		if sc := w.scope(e.edition); best == nil || fits[sc.Answer] > fits[scope.Answer] {
			best, scope = e, sc
		}
	}
	if best != nil {
		r.Gates = []Reason{{RuleEdition, scheme.Yes, best.edition.ID, dates(best.edition)}}
		return best, scope
	}
	for i := range s.editions {
		if e := &s.editions[i]; e.edition.From <= w.at && (best == nil || e.edition.From > best.edition.From) {
			best = e
		}
	}
	if best == nil {
		r.Gates = []Reason{{RuleEdition, scheme.No, "no edition had begun", &s.scheme.Fact}}
		return nil, scope
	}
	r.Gates = []Reason{{RuleEdition, scheme.No, best.edition.ID + " ended " + best.edition.Until.String(), dates(best.edition)}}
	return best, w.scope(best.edition)
}

// dates is the fact of when an edition is in force.
func dates(e *scheme.Edition) *scheme.Fact {
	if e.DatesFact != nil {
		return e.DatesFact
	}
	return &e.Fact
}

// fits orders answers by how well an edition's scope fits.
var fits = [...]int{scheme.No: 0, scheme.Undetermined: 1, scheme.Yes: 2}

func (w *walk) scope(e *scheme.Edition) Reason {
	a, fact, hit := e.Takes(w.c.tax, w.ev.Product.Functions)
	if hit == "" {
		hit = "the product states no function"
	}
	return Reason{RuleScope, a, hit, fact}
}

// open says whether the scheme issues. Of a closed one whose first closed day
// is not known it is open what it did before its source was written.
func (w *walk) open(s *compiledScheme) Reason {
	r := Reason{RuleOpen, scheme.Yes, string(s.scheme.State), &s.scheme.Fact}
	switch closed := s.scheme.Closed; {
	case !closed.IsZero():
		r.Data = "closed from " + closed.String()
		if w.at >= closed {
			r.Answer = scheme.No
		}
	case s.scheme.State != scheme.Closed:
	case w.at < s.shut:
		r.Answer, r.Data = scheme.Undetermined, "closed, the day is not known"
	default:
		r.Answer = scheme.No
	}
	return r
}

// lists are the requirement lists that the product falls under: a profile's
// in place of the general one. A product of several functions falls under
// every list that one of them does.
func (w *walk) lists(e *compiledEdition, r *Result) []*list {
	general := len(w.ev.Product.Functions) == 0
	in := make([]bool, len(e.lists))
	for _, f := range w.ev.Product.Functions {
		own := false
		for i := range e.lists[1:] {
			if slices.ContainsFunc(e.lists[i+1].profile.Categories, func(c scheme.InCategory) bool { return w.c.tax.Within(f, c.Category) }) {
				in[i+1], own = true, true
			}
		}
		general = general || !own
	}
	in[0] = general
	var ls []*list
	for i := range in {
		if in[i] {
			ls = append(ls, &e.lists[i])
			if p := e.lists[i].profile; p != nil {
				r.Profiles = append(r.Profiles, p.ID)
			}
		}
	}
	return ls
}

// tally is what an answer rests on so far.
type tally struct {
	answer scheme.Answer
	least  scheme.Confidence // of everything: what a yes is as sure as
	no     scheme.Confidence // of the surest single ground for a no
}

func (t *tally) add(a scheme.Answer, sure scheme.Confidence) {
	if a == scheme.No && (t.answer != scheme.No || sure > t.no) {
		t.no = sure
	}
	t.answer = t.answer.And(a)
	t.least = min(t.least, sure)
}

func (t *tally) confidence() scheme.Confidence {
	if t.answer == scheme.No {
		return t.no
	}
	return t.least
}

func (w *walk) levels(e *compiledEdition, r *Result) {
	all, shown := tally{scheme.Yes, scheme.Official, 0}, scheme.Yes
	var doubts []Doubt
	for _, g := range r.Gates {
		if g.Fact == nil { // nothing is said, so nothing is sure
			all.add(g.Answer, scheme.Unverified)
			continue
		}
		all.add(g.Answer, g.Fact.Confidence)
		if g.Fact.Confidence < scheme.Official {
			doubts = append(doubts, Doubt{g.Rule, g.Fact})
		}
	}
	lists := w.lists(e, r)
	n, base := 0, e.edition.Confidence // what levels ask is no surer than the edition and the profile that say so
	all.least = min(all.least, base)
	if base < scheme.Official && e.edition.DatesFact != nil { // else it stands among the gates
		doubts = append(doubts, Doubt{e.edition.ID, &e.edition.Fact})
	}
	for _, l := range lists {
		for _, ds := range l.demands {
			n += len(ds)
		}
		if p := l.profile; p != nil {
			base = min(base, p.Confidence)
			all.least = min(all.least, base)
			if p.Confidence < scheme.Official {
				doubts = append(doubts, Doubt{p.ID, &p.Fact})
			}
		}
	}
	r.Outcomes = make([]Outcome, 0, n)
	r.Levels = make([]LevelResult, 0, len(e.edition.Levels))
	for rank := range e.edition.Levels {
		level := &e.edition.Levels[rank]
		all.least = min(all.least, level.Confidence)
		if level.Confidence < scheme.Official {
			doubts = append(doubts, Doubt{level.ID, &level.Fact})
		}
		for _, l := range lists {
			for i := range l.demands[rank] {
				d := &l.demands[rank][i]
				o := w.outcome(d)
				r.Outcomes = append(r.Outcomes, o)
				shown = shown.And(o.Answer)
				all.add(o.Answer, min(d.sure, base))
				if d.sure < scheme.Official {
					doubts = append(doubts, Doubt{w.c.reqs[d.req].name, d.fact})
				}
			}
		}
		lr := LevelResult{Level: level.ID, Answer: all.answer, Shown: shown, Confidence: all.confidence(), Asks: len(r.Outcomes)}
		if lr.Confidence < scheme.Official {
			lr.Doubts = doubts[:len(doubts):len(doubts)]
		}
		r.Levels = append(r.Levels, lr)
	}
}

func (w *walk) outcome(d *demand) Outcome {
	q := &w.c.reqs[d.req]
	o := Outcome{Requirement: q.ref, Level: d.level, Method: d.adds.Method, By: d.adds.By, Duty: d.duty, Fact: d.fact}
	o.Applies, o.Unknown = q.req.When.Eval(w.has, nil)
	if d.adds.When != nil {
		narrow, unknown := d.adds.When.Eval(w.has, o.Unknown)
		if o.Applies = o.Applies.And(narrow); o.Applies == scheme.Undetermined {
			o.Unknown = unknown
		} else {
			o.Unknown = nil
		}
	}
	s := w.shown[d.req]
	if s == nil {
		s = &noClaims
		if len(w.claims[d.req]) > 0 {
			v := claimsOf(w.ev, w.claims[d.req], w.at)
			s = &v
		}
		w.shown[d.req] = s
	}
	var claim int32
	o.Answer, o.Rule, claim = s.judge(d, o.Applies)
	o.Claim = int(claim) - 1
	if o.Rule == RuleNotShown {
		for _, n := range q.elsewhere {
			if len(w.claims[n]) > 0 {
				o.Rule = RuleOtherEdition
			}
		}
	}
	return o
}

var noClaims shown

// Reached is the highest level that the evidence shows, whether or not the
// scheme would grant it that day; "" for none.
func (r *Result) Reached() string {
	return highest(r.Levels, func(l *LevelResult) scheme.Answer { return l.Shown })
}

// Grantable is the highest level that may be granted that day; "" for none.
func (r *Result) Grantable() string {
	return highest(r.Levels, func(l *LevelResult) scheme.Answer { return l.Answer })
}

func highest(ls []LevelResult, answer func(*LevelResult) scheme.Answer) string {
	for i := len(ls) - 1; i >= 0; i-- {
		if answer(&ls[i]) == scheme.Yes {
			return ls[i].Level
		}
	}
	return ""
}
