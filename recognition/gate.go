package recognition

import (
	"slices"
	"strconv"

	"assay/certificate"
	"assay/civil"
	"assay/scheme"
)

// gate is what may be done about a clause that holds, and which rule said so.
type gate struct {
	action    Action
	rule      Rule
	notBefore int64
	edition   string
	policy    Policy
	models    []string // asked for; empty: all
}

// request is what the holder asked for in one scheme.
type request struct {
	found, since             bool // since: asked here, or added to the certificate after its grant
	declaration, fee, anyAll bool
	models                   []string
}

// request joins the standing requests in the certificate and those made here.
func (d *decision) request(s string) request {
	var r request
	add := func(qs []certificate.Request, since bool) {
		for i := range qs {
			q := &qs[i]
			if q.Scheme != s {
				continue
			}
			r.found, r.since = true, r.since || since
			r.declaration, r.fee = r.declaration || q.Declaration, r.fee || q.Fee
			r.anyAll = r.anyAll || len(q.Models) == 0
			r.models = append(r.models, q.Models...)
		}
	}
	at := func(qs []certificate.Request) bool {
		return slices.ContainsFunc(qs, func(q certificate.Request) bool { return q.Scheme == s })
	}
	add(d.cert.Requests, !at(d.in.Source.Certificate.Requests))
	add(d.in.Asked, true)
	if r.anyAll {
		r.models = nil
	}
	return r
}

// here reports whether the holder asked at this office.
func (d *decision) here(s string) bool {
	return slices.ContainsFunc(d.in.Asked, func(q certificate.Request) bool { return q.Scheme == s })
}

// gate decides how far a clause that holds gets: what stops everything new
// first, then what only the holder can give, then what a person decides, and
// last the office's policy.
func (d *decision) gate(c *candidate, conf scheme.Confidence, ask bool) {
	g := &c.gate
	say := func(r Rule, a scheme.Answer, got, wanted string, f *scheme.Fact) {
		d.reasons = append(d.reasons, Reason{r, a, got, wanted, f})
	}
	stop := func(a Action, r Rule) {
		if g.action == "" {
			g.action, g.rule = a, r
		}
	}
	d.wait(say, stop, g)
	d.holder(c, ask, say, stop)

	application := c.Mode == scheme.Simplified || slices.Contains(c.Legal.NeedsFirst, scheme.NeedApplication)
	review := func(r Rule, got, wanted string, f *scheme.Fact) {
		say(r, scheme.Undetermined, got, wanted, f)
		stop(ToReview, r)
	}
	for i := range d.in.Own {
		if o := &d.in.Own[i]; o.Scheme == "" || o.Scheme == c.To.Scheme {
			review(OfficeRecord, o.Kind, o.ID, nil)
		}
	}
	if d.in.Source.Backdated {
		review(SourceBackdated, d.granted, "", nil)
	}
	if !c.Legal.Found {
		review(LegalFound, "", "", &c.Legal.Fact)
	}
	if slices.Contains(c.Legal.NeedsFirst, scheme.NeedHearing) {
		review(NeedHearing, "", "", &c.Legal.Fact)
	}
	if c.term.Needs != "" {
		review(TermNeeds, "", c.term.Needs, &c.Term.Fact)
	}
	if conf < scheme.Official {
		switch {
		case d.in.Adopted != nil && d.in.Adopted(c.ID):
			say(FactDoubt, scheme.Yes, conf.String(), "adopted", c.weakest)
		case application: // a person decides this case anyway
			say(FactDoubt, scheme.Undetermined, conf.String(), scheme.Official.String(), c.weakest)
		default:
			review(FactDoubt, conf.String(), scheme.Official.String(), c.weakest)
		}
	}
	if application {
		r := NeedApplication
		f := &c.Legal.Fact
		if c.Mode == scheme.Simplified {
			r, f = ModeSimplified, &c.ModeFact
		}
		say(r, scheme.Undetermined, string(c.Mode), "", f)
		stop(Prepare, r)
	}
	d.policy(c, say, stop)
	if c.Mode == scheme.Deemed && g.action == Designate {
		g.action = Deem
	}
}

type (
	sayFunc  func(r Rule, a scheme.Answer, got, wanted string, f *scheme.Fact)
	stopFunc func(a Action, r Rule)
)

// wait is doubt about the source or its office: nothing new until it is gone.
func (d *decision) wait(say sayFunc, stop stopFunc, g *gate) {
	if s := &d.in.Source; s.Doubt != "" {
		say(SourceDoubt, scheme.Undetermined, s.Doubt, "", nil)
		stop(Wait, SourceDoubt)
	}
	p := &d.in.Peer
	if p.Degraded != "" {
		say(PeerDegraded, scheme.Undetermined, p.Degraded, "", nil)
		stop(Wait, PeerDegraded)
	}
	if p.SilentAfter > 0 {
		if d.in.Now-p.Heard > p.SilentAfter {
			say(PeerSilent, scheme.Undetermined, strconv.FormatInt(p.Heard, 10), strconv.FormatInt(p.SilentAfter, 10), nil)
			stop(Wait, PeerSilent)
		} else {
			d.later(p.Heard + p.SilentAfter + 1)
		}
	}
	if d.src.State == certificate.NotYetValid {
		say(SourcePending, scheme.Undetermined, d.state, "", nil)
		if g.action == "" {
			g.notBefore = d.cert.Effective
		}
		stop(Wait, SourcePending)
	}
}

// holder is what only the holder can give. Nobody has a foreign label imposed
// on them; a duty that counts as met is no label.
func (d *decision) holder(c *candidate, ask bool, say sayFunc, stop stopFunc) {
	if c.Mode == scheme.Deemed && !ask {
		return
	}
	r := d.request(c.To.Scheme)
	offer := func(rule Rule, ok bool, wanted string, f *scheme.Fact) {
		say(rule, answer(ok), "", wanted, f)
		if !ok {
			stop(Offer, rule)
		}
	}
	offer(RequestStanding, r.found, c.To.Scheme, nil)
	if !r.found {
		return
	}
	if ask {
		offer(RequestBackfill, r.since, c.from, &c.Dates.Fact)
	}
	if len(r.models) > 0 {
		c.gate.models = r.models
		some := false
		for i, g := range d.groups {
			some = some || c.ok[i] && slices.ContainsFunc(g.models, func(m string) bool { return slices.Contains(r.models, m) })
		}
		offer(RequestModels, some, r.models[0], nil)
		if !some {
			c.gate.models = nil // offered for the models that it could be
		}
	}
	for _, n := range c.Legal.NeedsFirst {
		switch n {
		case scheme.NeedFee:
			offer(NeedFee, r.fee, string(n), &c.Legal.Fact)
		case scheme.NeedDeclaration:
			offer(NeedDeclaration, r.declaration, string(n), &c.Legal.Fact)
		}
	}
}

// policy is how the office lets the clause act.
func (d *decision) policy(c *candidate, say sayFunc, stop stopFunc) {
	var p Policy
	if d.in.Policies != nil {
		p = d.in.Policies(c.ID)
	}
	g := &c.gate
	g.policy = p
	switch p.Kind {
	case "", Review:
		say(PolicyReview, scheme.Undetermined, p.ID, "", nil)
		stop(ToReview, PolicyReview)
	case AfterDays:
		due := d.due(c, p.Days)
		ok := d.in.Now >= due
		a := answer(ok)
		if !ok {
			a = scheme.Undetermined
		}
		say(PolicyAfterDays, a, p.ID, strconv.Itoa(p.Days), nil)
		if ok {
			stop(Designate, PolicyAfterDays)
			return
		}
		if g.action == "" {
			g.notBefore = due
			d.later(due)
		}
		stop(Wait, PolicyAfterDays)
	case ByRequest:
		ok := d.here(c.To.Scheme) || c.Mode == scheme.Deemed
		say(PolicyOnRequest, answer(ok), p.ID, "", nil)
		if ok {
			stop(Designate, PolicyOnRequest)
		}
		stop(Offer, PolicyOnRequest)
	case Automatic:
		d.standingDecision(c, &p, say, stop)
	default:
		say(PolicyUnknown, scheme.Undetermined, string(p.Kind), "", nil)
		stop(ToReview, PolicyUnknown)
	}
}

// maxDays bounds a number that an act set; no law waits ten years.
const maxDays = 10 * 366

// due is the end of the officers' time to object: Days working days after the
// source arrived, or after the clause began where that is later.
func (d *decision) due(c *candidate, days int) int64 {
	from := d.in.Source.Received
	if from == 0 {
		from = d.in.Now
	}
	zone := c.to.zone // a clause that holds has a target
	start := max(civil.DateAt(from, zone), c.Dates.From)
	return start.AddWorkingDays(min(max(days, 0), maxDays)).End(zone)
}

// standingDecision is the only way to act without a person: in force, twelve
// months at most, for this catalog and clause, with budget left.
func (d *decision) standingDecision(c *candidate, p *Policy, say sayFunc, stop stopFunc) {
	fail := func(r Rule, got, wanted string) {
		say(r, scheme.Undetermined, got, wanted, nil)
		stop(ToReview, r)
	}
	d.later(p.Expires)
	d.later(p.From)
	year := civil.DateAt(p.From, c.to.zone).AddYears(1).End(c.to.zone)
	switch {
	case p.ID == "":
		fail(DecisionStanding, "", "id")
	case p.From > d.in.Now || p.Expires <= d.in.Now || p.Expires > year:
		fail(DecisionTerm, strconv.FormatInt(p.Expires, 10), strconv.FormatInt(d.in.Now, 10))
	case p.Catalog != d.Digest:
		fail(DecisionCatalog, p.Catalog, d.Digest)
	case !p.Clause.IsZero() && p.Clause != c.digest:
		fail(DecisionClause, p.Clause.String(), c.digest.String())
	case p.Spent:
		fail(DecisionBudget, p.ID, "")
	default:
		say(DecisionStanding, scheme.Yes, p.ID, "", nil)
		stop(Designate, DecisionStanding)
	}
}

// rank is a level's place in the edition in force on day; -1 where it has none.
func (t *target) rank(day civil.Date, level string) int {
	if ed := t.EditionOn(day); ed != nil {
		return ed.Rank(level)
	}
	return -1
}
