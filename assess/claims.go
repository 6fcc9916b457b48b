package assess

import (
	"assay/civil"
	"assay/evidence"
	"assay/scheme"
)

// shown is what an evidence file's claims say of one requirement on one day,
// whatever a level asks for. Claims are held as index + 1, zero is none.
//
// A fail stands until a later pass that is at least as strong answers it:
// neither the end of its validity nor a maker's word undoes a laboratory's
// fail. So a further pass can only help, and the order of claims is nothing.
type shown struct {
	pass    [methods][bodies]int32 // the latest that counts on the day
	unsure  [methods][bodies]int32 // inconclusive and not answered
	fail    int32                  // not answered
	na      int32                  // not applicable, with its ground: it takes no part where a feature decides
	ground  int32                  // why it is not met or does not apply, by anyone
	expired int32                  // passes that do not count, and why
	future  int32
	lapsed  int32
}

// claimsOf reads the claims on one requirement.
func claimsOf(ev *evidence.Evidence, claims []int32, at civil.Date) (s shown) {
	var passed [methods][bodies]civil.Date
	for _, i := range claims {
		c := &ev.Claims[i]
		st, ok := strengthOf(c)
		if !ok {
			continue
		}
		p := &s.pass[st.method][st.by]
		switch {
		case c.Date.IsZero() || c.Date > at:
			s.future = i + 1
		case c.Verdict == evidence.Fail:
			if c.Ground != "" {
				s.ground = i + 1
			}
		case !c.Until.IsZero() && at > c.Until:
			s.expired = i + 1
		case st.by == byRank[scheme.Laboratory] && !c.By.Accredited.IsZero() && c.By.Accredited < c.Date:
			s.lapsed = i + 1
		case c.Verdict == evidence.Pass && (*p == 0 || c.Date > passed[st.method][st.by]):
			*p, passed[st.method][st.by] = i+1, c.Date
		case c.Verdict == evidence.NotApplicable && c.Ground != "":
			s.na, s.ground = i+1, i+1
		}
	}
	// Only now are all passes known that may answer a fail.
	for _, i := range claims {
		c := &ev.Claims[i]
		st, ok := strengthOf(c)
		if !ok || c.Date > at || (c.Verdict != evidence.Fail && c.Verdict != evidence.Inconclusive) {
			continue
		}
		answered := false
		for m := st.method; m < methods; m++ {
			for b := st.by; b < bodies; b++ {
				answered = answered || (s.pass[m][b] != 0 && passed[m][b] > c.Date)
			}
		}
		if answered {
			continue
		}
		if c.Verdict == evidence.Fail {
			s.fail = i + 1
		} else {
			s.unsure[st.method][st.by] = i + 1
		}
	}
	return s
}

func strengthOf(c *evidence.Claim) (strength, bool) {
	m, ok := methodRank[c.Method]
	b, ok2 := byRank[c.By.Kind]
	return strength{m, b}, ok && ok2
}

// atLeast finds a claim at least as strong as need.
func atLeast(t *[methods][bodies]int32, need strength) int32 {
	for m := need.method; m < methods; m++ {
		for b := need.by; b < bodies; b++ {
			if t[m][b] != 0 {
				return t[m][b]
			}
		}
	}
	return 0
}

// Rules of outcomes: what decided about a requirement.
const (
	RuleShown        = "shown"           // a pass, by an admissible method and body
	RuleDoesNotApply = "does-not-apply"  // its condition is not met
	RuleJustified    = "justified"       // a recommendation, and a ground why it is not met
	RuleFailed       = "failed"          // a fail that no later pass of its strength answers
	RuleInconclusive = "inconclusive"    // tried and not decided
	RuleFeature      = "feature-unknown" // whether it applies hangs on features that nobody stated
	RuleTooWeak      = "too-weak"        // passed, by a weaker method or body than is asked for
	RuleExpired      = "expired"         // claimed, and no longer valid
	RuleFuture       = "future"          // claimed with a day after the one asked about
	RuleUnaccredited = "not-accredited"  // by a laboratory after its accreditation had ended
	RuleContradicted = "contradicted"    // called not applicable against the product's own features
	RuleOtherEdition = "other-edition"   // shown for another edition of the standard, and no mapping carries that over
	RuleNotShown     = "not-shown"       // nobody claims it
)

// judge decides whether a requirement is met as d asks for it. applies is
// its condition over the features, which alone decides about that: a claim
// of not applicable beside an unknown feature leaves the question open.
func (s *shown) judge(d *demand, applies scheme.Answer) (a scheme.Answer, rule string, claim int32) {
	if applies == scheme.No {
		return scheme.Yes, RuleDoesNotApply, 0
	}
	pass, unsure := atLeast(&s.pass, d.need), atLeast(&s.unsure, strength{})
	// What makes it met comes first, each way on its own, so that a further
	// pass never takes away another way.
	if pass != 0 && unsure == 0 && s.fail == 0 {
		return scheme.Yes, RuleShown, pass
	}
	if !d.duty && s.ground != 0 {
		return scheme.Yes, RuleJustified, s.ground
	}
	switch {
	case s.fail != 0:
		return applies.Not(), RuleFailed, s.fail // undetermined while it is open whether it applies
	case pass != 0:
		return scheme.Undetermined, RuleInconclusive, unsure
	case applies == scheme.Undetermined:
		return scheme.Undetermined, RuleFeature, 0
	}
	if u := atLeast(&s.unsure, d.need); u != 0 {
		return scheme.Undetermined, RuleInconclusive, u
	}
	for _, hint := range [...]struct {
		claim int32
		rule  string
	}{
		{atLeast(&s.pass, strength{}), RuleTooWeak},
		{s.na, RuleContradicted},
		{s.expired, RuleExpired},
		{s.lapsed, RuleUnaccredited},
		{s.future, RuleFuture},
	} {
		if hint.claim != 0 {
			return scheme.No, hint.rule, hint.claim
		}
	}
	return scheme.No, RuleNotShown, 0
}
