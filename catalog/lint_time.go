package catalog

import (
	"fmt"
	"regexp"
	"slices"
	"time"

	"assay/civil"
	"assay/scheme"
)

func (l *linter) unknownZone() {
	check := func(path, zone string) {
		// "" and "Local" load, and mean whatever machine one is on.
		if _, err := time.LoadLocation(zone); err != nil || zone == "" || zone == "Local" {
			l.add(path, fmt.Sprintf("%q is no time zone", clip(zone)))
		}
	}
	for i := range l.c.Schemes {
		check(schemePath(&l.c.Schemes[i])+": zone", l.c.Schemes[i].Zone)
	}
	for _, m := range l.c.Markets {
		check("markets/"+m.ID+".yaml: zone", m.Zone)
	}
}

func (l *linter) dateOrder() {
	order := func(path, what string, first, last civil.Date) {
		if first != 0 && last != 0 && last < first {
			l.add(path, fmt.Sprintf("%s: %s comes before %s", what, last, first))
		}
	}
	l.eachEdition(func(s *scheme.Scheme, e *scheme.Edition) {
		if e.From == 0 {
			l.add(editionPath(s, e), "the edition has no first day")
		}
		order(editionPath(s, e), "the last day of the edition", e.From, e.Until)
	})
	for i := range l.c.Schemes {
		s := &l.c.Schemes[i]
		if s.State == scheme.Open && s.Closed != 0 {
			l.add(schemePath(s)+": closed", "an open scheme has a day of closing")
		}
	}
	for _, a := range l.c.Arrangements {
		path := "arrangements/" + a.ID + ".yaml"
		order(path, "the day of effect", a.Signed, a.Effective)
		order(path, "the end of the arrangement", a.Effective, a.Ended)
	}
	l.eachClause(func(a *scheme.Arrangement, c *scheme.Clause) {
		path := clausePath(a, c)
		if c.Dates.From == 0 {
			l.add(path+"/dates", "the clause has no first day")
		}
		order(path+"/dates", "the last day of the clause", c.Dates.From, c.Dates.Until)
		order(path+"/dates", "the first day of the clause", a.Effective, c.Dates.From)
	})
}

func (l *linter) editionOverlap() {
	for i := range l.c.Schemes {
		s := &l.c.Schemes[i]
		if len(s.Editions) == 0 {
			l.add(schemePath(s), "the scheme has no edition")
		}
		for j := 1; j < len(s.Editions); j++ {
			e, next := &s.Editions[j-1], &s.Editions[j]
			switch {
			case next.From <= e.From:
				l.add(editionPath(s, next), fmt.Sprintf("the edition starts on %s, not after %s before it", next.From, e.ID))
			case e.Until == 0 || e.Until >= next.From:
				l.add(editionPath(s, next), fmt.Sprintf("the edition starts on %s, when %s is in force still", next.From, e.ID))
			case e.Until+1 < next.From:
				l.addAs(Note, editionPath(s, next), fmt.Sprintf("between %s and %s no edition is in force", e.Until, next.From))
			}
		}
	}
}

func (l *linter) termBounds() {
	l.eachEdition(func(s *scheme.Scheme, e *scheme.Edition) {
		path := editionPath(s, e) + "/term"
		l.bounds(path, e.Term)
		for _, b := range e.Term {
			if b.Kind == scheme.SourceExpiry {
				l.add(path, "a scheme's own certificate has no source to expire")
			}
		}
	})
	l.eachClause(func(a *scheme.Arrangement, c *scheme.Clause) {
		if c.Mode != scheme.Deemed { // what is deemed has no term of its own
			l.bounds(clausePath(a, c)+"/term", c.Term.Bounds)
		}
	})
}

func (l *linter) bounds(path string, bs []scheme.Bound) {
	if len(bs) == 0 {
		l.add(path, "nothing ends the term")
	}
	for i, b := range bs {
		at := join(path, fmt.Sprint(i))
		if (b.Kind == scheme.YearsFromStart) != (b.Years != 0) || b.Years < 0 || b.Years > 50 {
			l.add(at, fmt.Sprintf("a bound of kind %s with %d years", b.Kind, b.Years))
		}
		if (b.Kind == scheme.OnDate) != (b.Date != 0) {
			l.add(at, fmt.Sprintf("a bound of kind %s with the date %q", b.Kind, b.Date))
		}
	}
}

// levelOrder wants the same order wherever two levels stand together, and no
// declaration above a level that a third party attests.
func (l *linter) levelOrder() {
	for i := range l.c.Schemes {
		s := &l.c.Schemes[i]
		before := map[[2]string]bool{} // lower, higher
		for j := range s.Editions {
			e := &s.Editions[j]
			path := editionPath(s, e) + "/levels"
			if len(e.Levels) == 0 {
				l.add(path, "the edition has no level")
			}
			for hi := range e.Levels {
				for lo := range hi {
					a, b := &e.Levels[lo], &e.Levels[hi]
					if before[[2]string{b.ID, a.ID}] {
						l.add(join(path, b.ID), fmt.Sprintf("%s stands above %s here and below it elsewhere", b.ID, a.ID))
					}
					before[[2]string{a.ID, b.ID}] = true
					if a.Attestation == scheme.ThirdParty && b.Attestation == scheme.Declaration {
						l.add(join(path, b.ID), fmt.Sprintf("a declaration stands above %s, which a third party attests", a.ID))
					}
				}
			}
			for _, p := range e.Profiles {
				if !slices.EqualFunc(p.Levels, e.Levels, func(a, b scheme.Level) bool { return a.ID == b.ID }) {
					l.add(editionPath(s, e)+"/profiles/"+p.ID, "the profile's levels are not the edition's, one by one")
				}
			}
		}
	}
}

var token = regexp.MustCompile(`\{[^}]*\}`)

func (l *linter) numberForm() {
	for i := range l.c.Schemes {
		s := &l.c.Schemes[i]
		ts := token.FindAllString(s.Number.Format, -1)
		if !slices.Contains(ts, "{serial}") {
			l.add(schemePath(s)+": number", fmt.Sprintf("%q has no {serial}, so that two certificates would share a number", clip(s.Number.Format)))
		}
		for _, t := range ts {
			if !slices.Contains([]string{"{serial}", "{year}", "{expiry:DDMMYY}", "{level}"}, t) {
				l.add(schemePath(s)+": number", fmt.Sprintf("unknown token %s", clip(t)))
			}
		}
		if s.Number.Width < 0 || s.Number.Width > 12 {
			l.add(schemePath(s)+": number", fmt.Sprintf("a serial of %d digits", s.Number.Width))
		}
	}
}

var (
	amount   = regexp.MustCompile(`^[0-9]{1,12}(\.[0-9]{1,3})?$`)
	currency = regexp.MustCompile(`^[A-Z]{3}$`)
)

func (l *linter) feeForm() {
	l.eachEdition(func(s *scheme.Scheme, e *scheme.Edition) {
		for i, f := range e.Fees {
			if f.Amount != "" && (!amount.MatchString(f.Amount) || !currency.MatchString(f.Currency)) {
				l.add(fmt.Sprintf("%s/fees/%d", editionPath(s, e), i), fmt.Sprintf("%q %q is no amount of money", clip(f.Amount), clip(f.Currency)))
			}
		}
	})
}

func (l *linter) marketForm() {
	for _, m := range l.c.Markets {
		for _, r := range m.Rules {
			path := "markets/" + m.ID + ".yaml: rules/" + r.ID
			if r.From == 0 || (r.Until != 0 && r.Until < r.From) {
				l.add(path, fmt.Sprintf("the rule runs from %q to %q", r.From, r.Until))
			}
			if len(r.Categories) == 0 {
				l.add(path, "the rule names no category")
			}
			for _, ex := range r.Except {
				if !l.touch(r.Categories, []scheme.InCategory{ex}) {
					l.add(path, fmt.Sprintf("%s is exempt from a duty that never falls on it", ex.Category))
				}
			}
			if t := r.SellThrough; t != nil && (t.ApprovedBefore == 0 || t.Until < t.ApprovedBefore) {
				l.add(path+"/sell_through", fmt.Sprintf("models approved before %q may be sold until %q", t.ApprovedBefore, t.Until))
			}
		}
	}
}
