package recognition

import (
	"cmp"
	"math"
	"slices"
	"time"

	"assay/certificate"
	"assay/civil"
	"assay/scheme"
)

// decision is the working state of one Decide.
type decision struct {
	*Engine
	in        *Input
	src       certificate.Standing
	cert      *certificate.Certificate // as amended by now
	from      *target                  // the source's scheme; nil: not in the catalog
	edNow     *scheme.Edition          // of the source's scheme, in force today there
	granted   string                   // as shown
	expires   string
	state     string
	basis     string
	effective civil.Date // day of its effect, in its own zone
	groups    []group
	reasons   []Reason // one arena for all explanations
	oks       []bool   // one arena: per clause and group, whether it holds
	next      int64

	shownDay civil.Date
	shownAs  string
	dayZone  *time.Location
	dayNow   civil.Date
}

// group is the models of a product that have the same functions.
type group struct {
	named     []string // the functions, as the product names them
	functions []function
	models    []string
}

// candidate is a clause that holds for at least one group.
type candidate struct {
	*clause
	tried int
	ok    []bool // by group
	rank  int
	gate  gate
	term  Term
}

// Decide returns the wanted state of every designation that rests on the
// source. It is idempotent: once what it wants is recorded it wants nothing
// more. It reads no clock and changes nothing of in.
func (e *Engine) Decide(in *Input) Outcome {
	d := &decision{Engine: e, in: in, next: math.MaxInt64}
	out := Outcome{Catalog: e.Digest, Source: in.Source.Ref, At: in.Now, Tried: []Tried{}, Wanted: []Wanted{}}
	if in.Source.Certificate == nil {
		return out
	}
	d.read()
	clauses := e.bySource[d.cert.Scheme]
	n := 0
	for _, cl := range clauses {
		if cl.leadsTo(in.Target) {
			n++
		}
	}
	d.oks = make([]bool, 0, n*len(d.groups))
	out.Tried = make([]Tried, 0, n)

	for i := range in.Existing {
		out.Wanted = d.follow(out.Wanted, &in.Existing[i])
	}
	var cs []candidate
	for _, cl := range clauses {
		if !cl.leadsTo(in.Target) {
			continue
		}
		if cap(d.reasons)-len(d.reasons) < reasonsMost { // a new arena: what was told stays where it is
			d.reasons = make([]Reason, 0, (n-len(out.Tried)-1)*reasonsUsual+reasonsMost)
		}
		t, c := d.try(cl)
		c.tried = len(out.Tried)
		out.Tried = append(out.Tried, t)
		if t.Answer == scheme.Yes {
			if cs == nil { // most certificates have none
				cs = make([]candidate, 0, n-c.tried)
			}
			cs = append(cs, c)
		}
	}
	out.Wanted = d.choose(out.Wanted, out.Tried, cs)
	d.later(d.src.Next)
	if d.next != math.MaxInt64 {
		out.Next = d.next
	}
	return out
}

// How many reasons a clause has, about: fewer with a no or an open question, more
// with a yes. Being wrong costs an allocation.
const reasonsUsual, reasonsMost = 14, 20

// leadsTo reports whether a clause gives something that the authority would
// enter; empty: any authority.
func (c *clause) leadsTo(authority string) bool {
	return authority == "" || c.to != nil && c.to.Authority == authority
}

// later notes that the answer may change at an instant after now.
func (d *decision) later(at int64) {
	if at > d.in.Now && at < d.next {
		d.next = at
	}
}

// starts notes that the answer may change when day begins at the target.
func (d *decision) starts(day civil.Date, t *target) {
	if day > d.day(t) { // most dates of a catalog have passed, and a zone's midnight costs more than all else
		d.later(day.Start(t.zone))
	}
}

// read works out once what every clause asks about the source.
func (d *decision) read() {
	c := d.in.Source.Certificate
	zone := utc
	if d.from = d.schemes[c.Scheme]; d.from != nil {
		zone = d.from.zone
		today := civil.DateAt(d.in.Now, zone)
		d.edNow = d.from.EditionOn(today)
		d.editionChanges(d.from, today)
	}
	d.src = certificate.At(c, d.in.Source.Events, zone, d.in.Now, d.in.Now)
	d.cert = d.src.Amended
	d.granted, d.expires, d.state = c.Granted.String(), d.cert.Expires.String(), string(d.src.State)
	d.effective = civil.DateAt(d.cert.Effective, zone)
	d.basis = refs(d.cert.Basis)
	d.group(&d.cert.Product)
}

// editionChanges notes when another edition of t comes into force.
func (d *decision) editionChanges(t *target, today civil.Date) {
	for i := range t.Editions {
		ed := &t.Editions[i]
		if ed.From > today {
			d.starts(ed.From, t)
		}
		if ed.Until != 0 && ed.Until >= today {
			d.starts(ed.Until+1, t)
		}
	}
	if t.Closed > today {
		d.starts(t.Closed, t)
	}
}

// group puts models with the same functions together: most products have one
// group, however many models.
func (d *decision) group(p *certificate.Product) {
	for i := range p.Models {
		m := &p.Models[i]
		fs := m.Functions
		if len(fs) == 0 {
			fs = p.Functions
		}
		at := slices.IndexFunc(d.groups, func(g group) bool { return slices.Equal(g.named, fs) })
		if at < 0 {
			at = len(d.groups)
			d.groups = append(d.groups, group{named: fs, functions: d.tree.functions(fs), models: make([]string, 0, len(p.Models)-i)})
		}
		d.groups[at].models = append(d.groups[at].models, m.ID)
	}
	if len(d.groups) == 0 { // a product without models is asked about as a whole
		d.groups = []group{{functions: d.tree.functions(p.Functions)}}
	}
}

// choose turns clauses that hold into wanted designations: for every scheme
// and model the clause that leads highest, then the one that gets furthest
// by itself, then the first by id.
func (d *decision) choose(ws []Wanted, tried []Tried, all []candidate) []Wanted {
	cs := make([]*candidate, len(all))
	for i := range all {
		cs[i] = &all[i]
	}
	slices.SortFunc(cs, func(a, b *candidate) int {
		return cmp.Or(cmp.Compare(b.rank, a.rank), cmp.Compare(reach(b.gate.action), reach(a.gate.action)), cmp.Compare(a.ID, b.ID))
	})
	schemes := make([]string, 0, 8)
	for i := range tried {
		if s := tried[i].Scheme; !slices.Contains(schemes, s) {
			schemes = append(schemes, s)
		}
	}
	ws = slices.Grow(ws, len(schemes))
	for _, s := range schemes {
		before := len(ws)
		covered := map[string]*candidate{}
		for _, c := range cs {
			if c.To.Scheme != s {
				continue
			}
			ws = d.want(ws, &tried[c.tried], c, covered)
		}
		if len(ws) == before && !d.exists(s) {
			ws = append(ws, refuse(tried, s))
		}
	}
	return ws
}

// reach orders actions by how far they get without anybody.
func reach(a Action) int {
	switch a {
	case Designate:
		return 5
	case Deem:
		return 4
	case Wait:
		return 3
	case Prepare:
		return 2
	case ToReview:
		return 1
	}
	return 0
}

// want adds what one clause that holds leads to, for the models that no
// better clause and no designation has yet.
func (d *decision) want(ws []Wanted, t *Tried, c *candidate, covered map[string]*candidate) []Wanted {
	w := Wanted{
		Action: c.gate.action, Rule: c.gate.rule, Clause: c.ID, Arrangement: c.arr.ID, Scheme: c.To.Scheme, Edition: c.gate.edition,
		Level: c.To.Level, Mode: c.Mode, Term: c.term, NotBefore: c.gate.notBefore, Policy: c.gate.policy, PolicyID: c.gate.policy.ID,
		Confidence: t.Confidence, Reasons: t.Reasons,
	}
	var higher *candidate
	var held *Existing
	free := false
	for g := range d.groups {
		if !c.ok[g] {
			continue
		}
		ids := d.groups[g].models
		if ids == nil {
			ids = wholeProduct
		}
		for _, m := range ids {
			if m != "" && len(c.gate.models) > 0 && !slices.Contains(c.gate.models, m) {
				continue
			}
			if by := covered[m]; by != nil {
				higher = by
				continue
			}
			covered[m] = c
			if x := d.covering(c.To.Scheme, m); x != nil {
				held = x
				continue
			}
			free = true
			if m != "" {
				w.Models = append(w.Models, m)
			}
		}
	}
	switch {
	case !free && held != nil:
		return d.again(ws, w, c, held)
	case !free:
		if higher != nil {
			t.Reasons = append(t.Reasons, Reason{Rule: ChoiceHigher, Answer: scheme.No, Got: c.ID, Wanted: higher.ID})
		}
		return ws
	}
	if x := d.under(c.ID); x != nil && w.Action != Offer {
		// One designation per clause: more models of it are a person's decision.
		w.Action, w.Rule, w.Designation = ToReview, ExistingModels, x.Certificate.ID
		w.Reasons = append(w.Reasons, Reason{Rule: ExistingModels, Answer: scheme.Undetermined, Got: x.Certificate.ID})
	}
	return append(ws, w)
}

var wholeProduct = []string{""}

// again is a clause that holds where a designation is there already: only a
// higher level, or one that ran out, asks for a person.
func (d *decision) again(ws []Wanted, w Wanted, c *candidate, x *Existing) []Wanted {
	if w.Action == Offer || w.Action == Wait {
		return ws
	}
	st := d.standing(x)
	w.Designation, w.Models = x.Certificate.ID, nil
	switch {
	case st.State == certificate.Expired && st.Open[0].By == nil:
		w.Rule = ExistingExpired
	case st.State.Ended():
		return ws
	case c.to.rank(d.day(c.to), st.Amended.Level) < c.rank:
		w.Rule = ExistingLevel
	default:
		return ws
	}
	w.Action = ToReview
	w.Reasons = append(w.Reasons, Reason{Rule: w.Rule, Answer: scheme.Undetermined, Got: st.Amended.Level, Wanted: w.Level})
	return append(ws, w)
}

// refuse says why a scheme cannot be reached: undetermined where any clause
// is, by the clause that leads highest in the catalog's order.
func refuse(tried []Tried, s string) Wanted {
	var best *Tried
	for i := range tried {
		t := &tried[i]
		if t.Scheme == s && (best == nil || t.Answer == scheme.Undetermined && best.Answer == scheme.No) {
			best = t
		}
	}
	w := Wanted{
		Action: Refuse, Rule: best.Rule, Clause: best.Clause, Arrangement: best.Arrangement, Scheme: best.Scheme, Level: best.Level,
		Mode: best.Mode, Confidence: best.Confidence, Reasons: best.Reasons,
	}
	if best.Answer != scheme.No {
		w.Action = Unclear
	}
	return w
}

// covering finds the designation here that has the model: one in force
// before one that has ended.
func (d *decision) covering(s, model string) *Existing {
	var found *Existing
	for i := range d.in.Existing {
		x := &d.in.Existing[i]
		if !d.rests(x) || x.Certificate.Scheme != s {
			continue
		}
		st := d.standing(x)
		if model != "" && !slices.ContainsFunc(st.Amended.Product.Models, func(m certificate.Model) bool { return m.ID == model }) {
			continue
		}
		if !st.State.Ended() {
			return x
		}
		if found == nil {
			found = x
		}
	}
	return found
}

func (d *decision) under(clause string) *Existing {
	for i := range d.in.Existing {
		if x := &d.in.Existing[i]; d.rests(x) && x.Certificate.Derived.Clause == clause {
			return x
		}
	}
	return nil
}

func (d *decision) exists(s string) bool {
	return slices.ContainsFunc(d.in.Existing, func(x Existing) bool { return d.rests(&x) && x.Certificate.Scheme == s })
}

// rests reports whether x is a designation that rests on the source.
func (d *decision) rests(x *Existing) bool {
	return x.Certificate != nil && x.Certificate.Derived != nil && x.Certificate.Derived.Certificate == d.cert.ID
}

func (d *decision) standing(x *Existing) certificate.Standing {
	zone := utc
	if t := d.schemes[x.Certificate.Scheme]; t != nil {
		zone = t.zone
	}
	return certificate.At(x.Certificate, x.Events, zone, d.in.Now, d.in.Now)
}
