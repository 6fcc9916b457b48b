package recognition

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"assay/certificate"
	"assay/civil"
	"assay/scheme"
)

var utc = time.UTC

// explained collects the reasons of one clause.
type explained struct {
	*decision
	start int
	a     scheme.Answer
	rule  Rule // of the first no, else of the first undetermined
	conf  scheme.Confidence
}

func (x *explained) say(r Rule, a scheme.Answer, got, wanted string, f *scheme.Fact) {
	x.reasons = append(x.reasons, Reason{r, a, got, wanted, f})
	if a == scheme.No && x.a != scheme.No || a == scheme.Undetermined && x.a == scheme.Yes {
		x.rule = r
	}
	x.a = x.a.And(a)
}

// day is today at the target. Most clauses of a catalog share few zones, so
// the last one is kept.
func (d *decision) day(t *target) civil.Date {
	zone := utc
	if t != nil {
		zone = t.zone
	}
	if zone != d.dayZone {
		d.dayZone, d.dayNow = zone, civil.DateAt(d.in.Now, zone)
	}
	return d.dayNow
}

func answer(b bool) scheme.Answer {
	if b {
		return scheme.Yes
	}
	return scheme.No
}

// try holds one clause against the source. All conditions are tried, so that
// whoever reads a no sees everything that stands against it.
func (d *decision) try(cl *clause) (Tried, candidate) {
	x := &explained{decision: d, start: len(d.reasons), a: scheme.Yes, rule: ClauseMet, conf: cl.weakest.Confidence}
	t := Tried{Clause: cl.ID, Arrangement: cl.arr.ID, Scheme: cl.To.Scheme, Level: cl.To.Level, Mode: cl.Mode}
	c := candidate{clause: cl}
	today := d.day(cl.to)
	x.arrangement(cl, today)
	x.source(cl)
	ed := x.target(cl, today)
	c.ok = x.scope(cl, ed)
	ask := x.dates(cl, today)
	x.delta(cl)
	c.term = x.term(cl, today)
	if x.a == scheme.Yes {
		if ed != nil {
			c.rank = ed.Rank(cl.To.Level) // -1: no level, below any
			c.gate.edition = ed.ID
		}
		x.reasons = append(x.reasons, Reason{Rule: ClauseMet, Answer: scheme.Yes, Got: cl.ID, Fact: &cl.Fact})
		d.gate(&c, x.conf, ask)
	}
	end := len(d.reasons)
	d.reasons = append(d.reasons, Reason{}) // room for one more, see want
	t.Answer, t.Rule, t.Confidence, t.Reasons = x.a, x.rule, x.conf, d.reasons[x.start:end:end+1]
	return t, c
}

// source is what a clause accepts.
func (x *explained) source(cl *clause) {
	f, c := &cl.From, x.cert
	kind := x.in.Source.Kind
	if kind == "" {
		kind = scheme.Registered
	}
	x.say(FromKind, answer(kind == cl.kind), string(kind), string(cl.kind), &cl.Fact)
	if f.Mapping != "" {
		x.say(FromMapping, scheme.Undetermined, f.Mapping, "", &cl.Fact)
	}
	x.edition(cl)
	switch {
	case len(f.Levels) > 0:
		x.say(FromLevel, answer(slices.Contains(f.Levels, c.Level)), c.Level, cl.levels, &cl.Fact)
	case c.Level != "":
		x.say(FromLevel, scheme.Undetermined, c.Level, "", &cl.Fact) // the clause names no level: nobody said that any will do
	}
	if f.Attestation != "" {
		x.say(FromAttestation, answer(c.Attestation == f.Attestation), string(c.Attestation), string(f.Attestation), &cl.Fact)
	}
	if len(f.Basis) > 0 {
		a := scheme.Undetermined // a certificate that does not say what it rests on
		if len(c.Basis) > 0 {
			a = answer(slices.ContainsFunc(f.Basis, func(want scheme.StandardRef) bool {
				return slices.ContainsFunc(c.Basis, func(got scheme.StandardRef) bool {
					return got.Standard == want.Standard && (want.Edition == "" || got.Edition == want.Edition)
				})
			}))
		}
		x.say(FromBasis, a, x.basis, cl.basis, &cl.Fact)
	}
	if dv := c.Derived; dv != nil {
		x.say(ChainGranted, answer(cl.Basis == scheme.GrantedOrRecognized), dv.Scheme, string(cl.Basis), &cl.Fact)
		if cl.to != nil {
			loop := dv.Source.Office == cl.to.Authority || slices.Contains(dv.Chain, cl.to.Authority)
			x.say(ChainLoop, answer(!loop), dv.Source.Office, cl.to.Authority, nil)
		}
	}
	// Not yet valid is a matter of waiting, see gate; anything else is none of it.
	x.say(SourceState, answer(x.src.State == certificate.Valid || x.src.State == certificate.NotYetValid), x.state, string(certificate.Valid), nil)
}

func (x *explained) edition(cl *clause) {
	if x.from == nil {
		x.say(FromEdition, scheme.Undetermined, x.cert.Scheme, cl.editions, nil)
		return
	}
	ed := x.from.Edition(x.cert.Edition)
	got := x.cert.Edition
	if cl.EditionTested == scheme.EditionNow {
		ed, got = x.edNow, ""
		if ed != nil {
			got = ed.ID
		}
	}
	switch {
	case len(cl.From.Editions) > 0 && got != "":
		x.say(FromEdition, answer(slices.Contains(cl.From.Editions, got)), got, cl.editions, &cl.Fact)
	case ed == nil: // what its levels mean is not known here
		x.say(FromEdition, scheme.Undetermined, got, cl.editions, nil)
	default:
		x.say(FromEdition, scheme.Yes, got, "", &ed.Fact)
	}
}

func (x *explained) arrangement(cl *clause, today civil.Date) {
	a := cl.arr
	from := cmp.Or(a.Effective, a.Signed)
	in := answer(today >= from && (a.Ended == 0 || today < a.Ended))
	if in == scheme.Yes && a.Effective == 0 {
		in = scheme.Undetermined // nobody knows since when, or whether
	}
	x.say(ArrangementInForce, in, a.ID, "", &a.Fact)
	if cl.to != nil {
		x.starts(from, cl.to)
		x.starts(a.Ended, cl.to)
	}
}

// target is whether there is something to designate into; nil: no edition.
func (x *explained) target(cl *clause, today civil.Date) *edition {
	t := cl.to
	if t == nil {
		x.say(TargetScheme, scheme.Undetermined, cl.To.Scheme, "", nil)
		return nil
	}
	closed := t.State == scheme.Closed && (t.Closed == 0 || today >= t.Closed)
	x.say(TargetClosed, answer(!closed), t.ID, string(scheme.Open), &t.Fact)
	x.editionChanges(t, today)
	i := slices.IndexFunc(t.editions, func(e edition) bool { return e.InForce(today) })
	if i < 0 {
		x.say(TargetEdition, scheme.No, t.ID, "", &t.Fact)
		return nil
	}
	ed := &t.editions[i]
	x.say(TargetEdition, scheme.Yes, ed.ID, "", &ed.Fact)
	if cl.To.Level != "" {
		x.say(TargetLevel, answer(ed.Rank(cl.To.Level) >= 0), cl.To.Level, ed.ID, &ed.Fact)
	}
	return ed
}

// scope holds the clause's and the target's categories against every group of
// models. One group that is in suffices: the designation names its models.
func (x *explained) scope(cl *clause, ed *edition) []bool {
	at := len(x.oks)
	var best explained
	for i := range x.groups {
		g := &x.groups[i]
		y := explained{decision: x.decision, a: scheme.Yes, conf: scheme.Official}
		if ed != nil {
			y.category(TargetCategory, TargetCategory, g, ed.in, ed.except, false, ed.ID)
		}
		y.category(ScopeNamed, ScopeExcepted, g, cl.in, cl.except, cl.Exhaustive, "")
		x.oks = append(x.oks, y.a == scheme.Yes)
		switch {
		case i == 0 || y.a != best.a && y.a.Or(best.a) == y.a:
			best = y
		case y.a == best.a:
			best.conf = min(best.conf, y.conf)
		}
	}
	if best.a == scheme.No && x.a != scheme.No || best.a == scheme.Undetermined && x.a == scheme.Yes {
		x.rule = best.rule
	}
	x.a, x.conf = x.a.And(best.a), min(x.conf, best.conf)
	return x.oks[at:len(x.oks):len(x.oks)]
}

func (x *explained) category(named, excepted Rule, g *group, in, except []place, whole bool, where string) {
	a, f, hit := scope(g.functions, in, except)
	if len(x.groups) > 1 {
		hit += " (" + strings.Join(g.models, ", ") + ")"
	}
	switch {
	case a == scheme.No:
		named = excepted
	case a == scheme.Undetermined && whole && len(g.functions) > 0:
		a = scheme.No // what is not on a whole list is out
	}
	x.say(named, a, hit, where, f)
	if f != nil {
		x.conf = min(x.conf, f.Confidence)
	}
}

// dates holds the tested date against the clause's time. Where the text tests
// a date abroad that lies before the clause began, backfill says what becomes
// of it; ask tells that the holder has to have asked since.
func (x *explained) dates(cl *clause, today civil.Date) (ask bool) {
	d := &cl.Dates
	if cl.to != nil {
		x.starts(d.From, cl.to)
		if d.Until != 0 {
			x.starts(d.Until+1, cl.to)
		}
	}
	x.say(DatesFrom, answer(today >= d.From), x.today(today), cl.from, &d.Fact)
	tested, shown := today, x.shownAs
	switch d.Tests {
	case scheme.SourceGrant:
		tested, shown = x.cert.Granted, x.granted
	case scheme.SourceEffect:
		tested, shown = x.effective, x.effective.String()
	}
	if d.Until != 0 {
		x.say(DatesUntil, answer(tested <= d.Until), shown, d.Until.String(), &d.Fact)
	}
	if tested >= d.From || today < d.From {
		return false
	}
	switch d.Backfill {
	case scheme.BackfillAll:
		x.say(DatesBackfill, scheme.Yes, shown, string(d.Backfill), &d.Fact)
	case scheme.BackfillNone:
		x.say(DatesBackfill, scheme.No, shown, string(d.Backfill), &d.Fact)
	default: // a silent instrument too
		x.say(DatesBackfill, scheme.Yes, shown, string(scheme.OnRequest), &d.Fact)
		return true
	}
	return false
}

// delta is what has to be shown besides.
func (x *explained) delta(cl *clause) {
	if cl.Mode != scheme.DeltaMode {
		return
	}
	var f *scheme.Fact
	a, missing := scheme.Undetermined, ""
	if dl := cl.Delta; dl != nil {
		f = &dl.Fact
		if !dl.Unknown && len(dl.Requirements) > 0 {
			a = scheme.Yes
			for _, r := range dl.Requirements {
				if !slices.Contains(x.in.Shown, r) {
					a, missing = scheme.Undetermined, r.String()
					break
				}
			}
		}
	}
	if x.in.DeltaMet {
		a, missing = scheme.Yes, ""
	}
	x.say(DeltaShown, a, "", missing, f)
}

// term is how long a designation from today would run. It ends with its
// source, unless the clause lets it stay after that has expired.
func (x *explained) term(cl *clause, today civil.Date) Term {
	start := today
	if cl.Term.Start == scheme.FromSourceGrant {
		start = x.cert.Granted
	}
	t := Limit(start, cl.Term.Bounds, x.cert.SupportEnd, x.cert.Expires)
	if cl.capped {
		t.cap(x.cert.Expires, scheme.SourceExpiry)
		if t.Needs == "bounds" && t.End != 0 {
			t.Needs = ""
		}
	}
	x.say(TermEnd, answer(t.End == 0 || t.End >= today), x.end(t.End), string(t.By), &cl.Term.Fact)
	return t
}

// today and end show dates that most clauses share without making them anew.
func (x *explained) today(day civil.Date) string {
	if day != x.shownDay {
		x.shownDay, x.shownAs = day, day.String()
	}
	return x.shownAs
}

func (x *explained) end(day civil.Date) string {
	if day == x.cert.Expires {
		return x.expires
	}
	return day.String()
}
