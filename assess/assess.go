package assess

import (
	"slices"
	"strings"

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

// Missing counts the requirements that stand in the way of a level of r: what
// it asks for and is not shown, each once.
func (l *LevelResult) Missing(r *Result) int {
	open := map[scheme.RequirementRef]bool{}
	for i := range r.Outcomes[:l.Asks] {
		if o := &r.Outcomes[i]; o.Answer != scheme.Yes {
			open[o.Requirement] = true
		}
	}
	return len(open)
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
	From        string                `json:"from,omitempty"`    // what decided: a JSON pointer into the evidence, or SPEC@EDITION/REQUIREMENT for a test group; "" for nothing
	Mapping     *Carried              `json:"mapping,omitempty"` // rules mapped and mapped-too-narrow
	Lacks       []string              `json:"lacks,omitempty"`   // contents that the evidence must have and has not
	Unknown     []string              `json:"unknown,omitempty"` // features that would have to be known
	Fact        *scheme.Fact          `json:"fact"`              // the least sure one that it rests on
}

// Carried says by which mapping what was shown for another standard bears on a
// requirement, who made it, and how well it is known.
type Carried struct {
	Mapping    string                  `json:"mapping"`
	Author     string                  `json:"author"`
	Relation   scheme.Relation         `json:"relation"`
	From       []scheme.RequirementRef `json:"from"`
	Confidence scheme.Confidence       `json:"confidence"`
}

// Doubt is a fact below official that an answer rests on.
type Doubt struct {
	About string       `json:"about"`
	Fact  *scheme.Fact `json:"fact"`
}

// Assess answers for the scheme with this id, or for every scheme where it
// is "", in the order of the catalog; an id that the catalog has not gives
// nothing. A product with several images or models reaches what it reaches with
// each of them. The day is one of the scheme's own zone. BenchmarkAssess measures
// it against the target of 200 µs for one product and every scheme.
func Assess(c *Compiled, ev *evidence.Evidence, schemeID string, at civil.Date) []Result {
	var all []Result
	for k, p := range parts(ev) {
		w := newWalk(c, ev, p, at)
		var rs []Result
		for i := range c.schemes {
			if s := &c.schemes[i]; schemeID == "" || s.scheme.ID == schemeID {
				rs = append(rs, w.scheme(s))
			}
		}
		if k == 0 {
			all = rs
		} else {
			join(all, rs)
		}
	}
	return all
}

// walk is one assessment: what is read from the evidence once for all schemes.
type walk struct {
	c          *Compiled
	ev         *evidence.Evidence
	of         part
	at         civil.Date
	marks      [][]mark // by requirement: what the file says as such
	chunk      []mark
	sheets     map[*group]*sheet
	rows       map[string]map[string]evidence.Row // by table and id
	images     map[evidence.Hash]bool             // of the product's firmware
	samples    map[*evidence.Report]map[string]string
	bound      []bound
	blocked    map[int32]bool // requirements about which the statements contradict each other
	admissions []*admission
	admission  *admission // of the scheme being assessed
	has        func(string) scheme.Answer
}

func newWalk(c *Compiled, ev *evidence.Evidence, of part, at civil.Date) *walk {
	w := &walk{
		c: c, ev: ev, of: of, at: at,
		marks: make([][]mark, len(c.reqs)),
		has:   func(f string) scheme.Answer { return ev.Features[f].Answer },
	}
	w.evidenceMarks()
	w.collect()
	for _, x := range c.contradictions(ev, true) {
		for _, n := range x.reqs {
			if w.blocked == nil {
				w.blocked = map[int32]bool{}
			}
			w.blocked[n] = true
		}
	}
	return w
}

func (w *walk) scheme(s *compiledScheme) Result {
	r := Result{Catalog: w.c.digest, Scheme: s.scheme.ID, At: w.at, Levels: []LevelResult{}, Outcomes: []Outcome{}}
	e, scope := w.edition(s, &r)
	if e == nil {
		return r
	}
	r.Gates = append(r.Gates, w.open(s), scope)
	r.Edition = e.edition.ID
	w.admission = w.admit(s.scheme)
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
				o, by := w.outcome(d)
				r.Outcomes = append(r.Outcomes, o)
				shown = shown.And(o.Answer)
				sure := d.sure
				if d.sure < scheme.Official {
					doubts = append(doubts, Doubt{w.c.reqs[d.req].name, d.fact})
				}
				if by != nil { // an answer that rests on a mapping is no surer than it
					sure = min(sure, by.sure)
					if by.sure < scheme.Official {
						doubts = append(doubts, Doubt{by.mapping.ID, by.fact()})
					}
				}
				all.add(o.Answer, min(sure, base))
			}
		}
		lr := LevelResult{Level: level.ID, Answer: all.answer, Shown: shown, Confidence: all.confidence(), Asks: len(r.Outcomes)}
		if lr.Confidence < scheme.Official {
			lr.Doubts = doubts[:len(doubts):len(doubts)]
		}
		r.Levels = append(r.Levels, lr)
	}
}

func (w *walk) outcome(d *demand) (o Outcome, by *mapped) {
	q := &w.c.reqs[d.req]
	o = Outcome{Requirement: q.ref, Level: d.level, Method: d.adds.Method, By: d.adds.By, Duty: d.duty, Fact: d.fact}
	var groundless bool
	o.Applies, o.Unknown, groundless = w.applies(d)
	s := w.shown(d.req, d.adds.MaxAge)
	var m int32
	o.Answer, o.Rule, m = s.judge(d, o.Applies, w.blocked[d.req])
	if o.Rule == RuleFeature && groundless {
		o.Rule = RuleNoGround
	}
	if m != 0 {
		o.From = s.marks[m-1].from.place(w.c, d.req)
	}
	if o.Rule == RuleIncomplete {
		o.Lacks = s.lacks[d.need.by]
	}
	if o.Answer == scheme.Yes || s.fail != 0 || s.unsure != [methods][bodies]int32{} || w.blocked[d.req] {
		return o, nil
	}
	by, narrow := w.carried(d, q)
	switch {
	case by != nil:
		o.Answer, o.Rule, o.From, o.Lacks, o.Mapping = scheme.Yes, RuleMapped, "", nil, by.carried(w.c)
		return o, by
	case narrow != nil && o.Rule == RuleNotShown:
		o.Rule, o.Mapping = RuleTooNarrow, narrow.carried(w.c)
	case o.Rule == RuleNotShown:
		for _, n := range q.elsewhere {
			if len(w.marks[n]) > 0 || w.sheets[w.c.reqs[n].group] != nil {
				o.Rule = RuleOtherEdition
			}
		}
	}
	return o, nil
}

// applies is whether a level's demand applies to the product, and the features
// that would have to be known.
// A duty goes away by the standard's condition only where the features say why
// they are so; without their ground it is open whether it does, and they are
// what is unknown. What a level itself narrows is its own matter.
func (w *walk) applies(d *demand) (a scheme.Answer, unknown []string, groundless bool) {
	when := w.c.reqs[d.req].req.When
	a, unknown = when.Eval(w.has, nil)
	if a == scheme.No && d.duty {
		if b, lacking := when.Eval(w.grounded, nil); b != scheme.No {
			a, unknown, groundless = scheme.Undetermined, lacking, true
		}
	}
	if d.adds.When == nil {
		return a, unknown, groundless
	}
	narrow, more := d.adds.When.Eval(w.has, unknown)
	if a = a.And(narrow); a != scheme.Undetermined {
		return a, nil, false
	}
	return a, more, groundless
}

// grounded is a feature's answer if it says why, else undetermined.
func (w *walk) grounded(f string) scheme.Answer {
	if x := w.ev.Features[f]; strings.TrimSpace(x.Ground) != "" {
		return x.Answer
	}
	return scheme.Undetermined
}

// shown sums what is said of a requirement, for the scheme being assessed.
func (w *walk) shown(n int32, months int) *shown {
	a := w.admission
	if months == 0 && a.sums[n] != nil {
		return a.sums[n]
	}
	marks := w.marks[n]
	if g := w.c.reqs[n].group; g != nil && w.sheets != nil {
		marks = w.groupMarks(n, a.report, marks[:len(marks):len(marks)])
	}
	if len(marks) == 0 {
		return &nothing
	}
	s := w.sum(n, marks, a.report, months)
	if months == 0 {
		a.sums[n] = s
	}
	return s
}

var nothing shown

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
