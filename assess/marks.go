package assess

import (
	"cmp"
	"slices"

	"assay/civil"
	"assay/evidence"
	"assay/scheme"
)

// mark is one thing that an evidence file says of one requirement: a claim, an
// entry of an ICS, a result in a report, or a test group rolled up.
type mark struct {
	strength
	verdict  evidence.Verdict
	date     civil.Date // of a group the newest that it rests on
	oldest   civil.Date // of a group the oldest; else date
	until    civil.Date
	grounded bool   // says why
	rule     string // why a pass does not count whatever is asked; "" where it does
	report   int32  // index of the report that it stands in; -1 for none
	from     origin
}

// origin is where a mark stands in the evidence.
type origin struct {
	kind originKind
	i, j int32
}

type originKind uint8

const (
	fromNothing originKind = iota
	fromClaim
	fromICS
	fromResult
	fromGroup
)

// place is the JSON pointer (RFC 6901) to an origin; of a group that to its
// requirement's test specification, written as the group's name.
func (o origin) place(c *Compiled, req int32) string {
	switch o.kind {
	case fromClaim:
		return evidence.Pointer("claims", o.i)
	case fromICS:
		return evidence.Pointer("ics", o.i, "entries", c.reqs[req].ref.Requirement)
	case fromResult:
		return evidence.Pointer("reports", o.i, "body", "results", o.j)
	case fromGroup:
		return c.reqs[req].group.spec.spec.Name() + "/" + c.reqs[req].ref.Requirement
	}
	return ""
}

// evidenceMarks are the marks that stand in the file as such; groups are
// rolled up when they are asked for.
func (w *walk) evidenceMarks() {
	put := func(ref evidence.Ref, m mark) {
		n, ok := w.c.index[scheme.RequirementRef(ref)]
		if !ok {
			return
		}
		if m.oldest == 0 {
			m.oldest = m.date
		}
		if w.marks[n] == nil && m.report < 0 {
			w.marks[n] = w.room(1)
		}
		w.marks[n] = append(w.marks[n], m)
	}
	for i := range w.ev.Claims {
		c := &w.ev.Claims[i]
		st, ok := strengthOf(c.Method, c.By.Kind)
		if !ok {
			continue
		}
		m := mark{strength: st, verdict: c.Verdict, date: c.Date, until: c.Until, grounded: c.Ground != "", report: -1, from: origin{fromClaim, int32(i), 0}}
		switch {
		case !w.firmware(c.Firmware):
			m.rule = RuleOtherFirmware
		case !w.hardware(c.Hardware):
			m.rule = RuleOtherHardware
		case w.lacksFile(c.Artifacts):
			m.rule = RuleIncomplete
		case c.By.Kind == scheme.Laboratory:
			m.rule = RuleUnsigned // what a laboratory says stands in its own signed report
		}
		for _, r := range c.Requirements {
			put(r, m)
		}
	}
	for i := range w.ev.ICS {
		s := &w.ev.ICS[i]
		for id := range s.Entries {
			e := s.Entries[id]
			m := mark{strength: strength{methodRank[scheme.Declared], byRank[scheme.Maker]}, date: s.Date, grounded: e.Detail != "", report: -1, from: origin{fromICS, int32(i), 0}}
			switch e.Support {
			case evidence.SupportedYes:
				m.verdict = evidence.Pass
				if len(e.Artifacts) > 0 && !w.lacksFile(e.Artifacts) {
					m.method = methodRank[scheme.Document]
				}
			case evidence.SupportedNo:
				m.verdict = evidence.Fail
			case evidence.SupportedNA:
				m.verdict = evidence.NotApplicable
			default:
				continue
			}
			put(evidence.Ref{Standard: s.Standard, Edition: s.Edition, Requirement: id}, m)
		}
	}
	for i := range w.ev.Reports {
		r := w.ev.Reports[i].Report()
		if r == nil {
			continue
		}
		for j := range r.Results {
			x := &r.Results[j]
			st, ok := strengthOf(x.Method, r.By.Kind)
			if !ok {
				continue
			}
			m := mark{strength: st, verdict: x.Verdict, date: r.Day(x.Date), until: r.Until, grounded: x.Ground != "", report: int32(i), from: origin{fromResult, int32(i), int32(j)}}
			if m.rule = w.sample(r, x.Sample, x.Method == scheme.Test); m.rule == "" && w.lacksFile(x.Artifacts) {
				m.rule = RuleIncomplete
			}
			for _, ref := range x.Requirements {
				put(ref, m)
			}
		}
	}
}

// lacksFile reports whether one of the files that something rests on is not there.
func (w *walk) lacksFile(as []evidence.Artifact) bool {
	return slices.ContainsFunc(as, func(a evidence.Artifact) bool { return w.ev.Missing(a.SHA256) })
}

// room hands out space for n marks from a chunk, since most requirements have one.
func (w *walk) room(n int) []mark {
	if len(w.chunk) < n {
		w.chunk = make([]mark, max(256, n))
	}
	ms := w.chunk[:0:n]
	w.chunk = w.chunk[n:]
	return ms
}

// firmware reports whether what was shown of these images is about the
// product's own; none named is about no image.
func (w *walk) firmware(of []evidence.Hash) bool {
	return len(of) == 0 || slices.ContainsFunc(of, w.ownFirmware)
}

func (w *walk) ownFirmware(h evidence.Hash) bool {
	if w.of.image != nil {
		return h == *w.of.image
	}
	if w.images == nil {
		w.images = make(map[evidence.Hash]bool, len(w.ev.Firmware))
		for _, f := range w.ev.Firmware {
			w.images[f.SHA256] = true
		}
	}
	return w.images[h]
}

func (w *walk) hardware(of []string) bool {
	return len(of) == 0 || slices.ContainsFunc(of, w.ownHardware)
}

// ownHardware reports whether the product has a revision; one that lists none
// makes no difference between them.
func (w *walk) ownHardware(rev string) bool {
	listed := false
	for i := range w.ev.Product.Models {
		m := &w.ev.Product.Models[i]
		listed = listed || len(m.Hardware) > 0
		if slices.Contains(m.Hardware, rev) {
			return true
		}
		for j := range m.Variants {
			listed = listed || len(m.Variants[j].Hardware) > 0
			if slices.Contains(m.Variants[j].Hardware, rev) {
				return true
			}
		}
	}
	return !listed
}

// sample says why what was found on a sample of a report does not count, ""
// where it does. needed: it was a test, which is done on something.
func (w *walk) sample(r *evidence.Report, id string, needed bool) string {
	if id == "" {
		if needed {
			return RuleNoSample
		}
		return ""
	}
	if w.samples == nil {
		w.samples = map[*evidence.Report]map[string]string{}
	}
	of := w.samples[r]
	if of == nil {
		of = make(map[string]string, len(r.Samples))
		for i := range r.Samples {
			of[r.Samples[i].ID] = w.sampleWhy(r, &r.Samples[i])
		}
		w.samples[r] = of
	}
	if why, ok := of[id]; ok {
		return why
	}
	return RuleNoSample
}

func (w *walk) sampleWhy(r *evidence.Report, s *evidence.Sample) string {
	switch {
	case !w.ownFirmware(s.Firmware):
		return RuleOtherFirmware
	case s.Hardware != evidence.ImageFile && !w.ownHardware(s.Hardware):
		return RuleOtherHardware
	case !slices.Contains(r.Product.Models, s.Model):
		return RuleOtherProduct
	}
	return ""
}

// shown is what the marks say of one requirement on one day, whatever a level
// asks for. Marks are held as index + 1, zero is none.
//
// A fail stands until a later pass that is at least as strong answers it:
// neither the end of its validity nor a maker's word undoes a laboratory's
// fail. So a further pass can only help, and the order of marks is nothing.
type shown struct {
	marks  []mark
	pass   [methods][bodies]int32 // the latest that counts on the day
	unsure [methods][bodies]int32 // inconclusive and not answered
	fail   int32                  // not answered
	na     int32                  // not applicable, with its ground: it takes no part where a feature decides
	ground int32                  // why it is not met or does not apply, by anyone
	hint   int32                  // a pass that does not count
	why    string                 // and why
	lacks  [bodies][]string       // contents that no artifact of a body, or of a stronger one, covers
}

// sum reads the marks on one requirement. report says why the passes of a
// report do not count; months is how old evidence may be, 0 for any age.
func (w *walk) sum(n int32, marks []mark, report func(int32) string, months int) *shown {
	s := &shown{marks: marks}
	var passed [methods][bodies]civil.Date
	if w.c.reqs[n].contents > 0 {
		s.lacks = w.lacking(n, marks, report)
	}
	hint := func(i int, why string) {
		if s.hint != 0 {
			a, b := &marks[i], &marks[s.hint-1]
			if cmp.Or(cmp.Compare(rank(why), rank(s.why)), cmp.Compare(a.method, b.method), cmp.Compare(a.by, b.by)) <= 0 {
				return
			}
		}
		s.hint, s.why = int32(i)+1, why
	}
	for i := range marks {
		m := &marks[i]
		why := w.counts(m, report, months)
		switch {
		case why == RuleFuture:
			hint(i, why)
		case m.verdict == evidence.Fail:
			if m.grounded && m.from.kind != fromGroup && m.from.kind != fromResult {
				s.ground = int32(i) + 1
			}
		case m.verdict == evidence.NotApplicable && m.grounded && why == "":
			s.na, s.ground = int32(i)+1, int32(i)+1
		case m.verdict != evidence.Pass:
		case why != "":
			hint(i, why)
		default:
			// What a maker's artifact shows does not make up for what is not in a
			// laboratory's: then its pass is worth no more than a maker's.
			by := int(m.by)
			for by >= 0 && len(s.lacks[by]) > 0 {
				by--
			}
			if by < int(m.by) {
				hint(i, RuleIncomplete)
			}
			if by < 0 {
				break
			}
			if p := &s.pass[m.method][by]; *p == 0 || m.date > passed[m.method][by] {
				*p, passed[m.method][by] = int32(i)+1, m.date
			}
		}
	}
	// Only now are all passes known that may answer a fail.
	for i := range marks {
		m := &marks[i]
		if m.date == 0 || m.date > w.at || (m.verdict != evidence.Fail && m.verdict != evidence.Inconclusive) || elsewhere(m.rule) || (m.report >= 0 && report(m.report) == RuleOtherProduct) {
			continue
		}
		answered := false
		for a := m.method; a < methods; a++ {
			for b := m.by; b < bodies; b++ {
				answered = answered || (s.pass[a][b] != 0 && passed[a][b] > m.date)
			}
		}
		switch {
		case answered:
		case m.verdict == evidence.Fail:
			s.fail = int32(i) + 1
		default:
			s.unsure[m.method][m.by] = int32(i) + 1
		}
	}
	return s
}

// elsewhere reports whether a mark is about another product: its fails, too,
// say nothing here. A fail on older firmware does: a new version answers it by
// a new pass, not by being new.
func elsewhere(rule string) bool { return rule == RuleOtherProduct }

// counts says why a mark does not count on the day, "" where it does.
func (w *walk) counts(m *mark, report func(int32) string, months int) string {
	switch {
	case m.date == 0 || m.date > w.at:
		return RuleFuture
	case m.rule != "":
		return m.rule
	case m.until != 0 && w.at > m.until:
		return RuleExpired
	case months > 0 && m.oldest.AddMonths(months) < w.at:
		return RuleAged
	case m.report >= 0:
		return report(m.report)
	}
	return ""
}

// rank orders the reasons why passes do not count: the one nearest to counting
// is what a maker is told.
func rank(why string) int {
	return slices.Index([]string{RuleFuture, RuleOtherProduct, RuleOtherHardware, RuleOtherFirmware, RuleRowGone, RuleRowChanged, RuleNoSample, RuleUnsigned, RuleOutOfScope, RuleNotApproved, RuleExpired, RuleAged, RulePartial, RuleIncomplete}, why)
}

// lacking are the contents that evidence for a requirement must have and that
// no artifact of a counted pass by each body, or by a stronger one, covers.
func (w *walk) lacking(n int32, marks []mark, report func(int32) string) (lacks [bodies][]string) {
	var have [bodies]map[string]bool
	for b := range have {
		have[b] = map[string]bool{}
	}
	for i := range marks {
		m := &marks[i]
		if m.verdict != evidence.Pass || w.counts(m, report, 0) != "" {
			continue
		}
		for _, a := range w.artifacts(n, m.from) {
			if w.ev.Missing(a.SHA256) {
				continue
			}
			for _, id := range a.Shows {
				for b := range have[:m.by+1] {
					have[b][id] = true
				}
			}
		}
	}
	for _, x := range w.c.reqs[n].req.Contents {
		for b := range have {
			if !x.Optional && !have[b][x.ID] {
				lacks[b] = append(lacks[b], x.ID)
			}
		}
	}
	return lacks
}

// artifacts are the files that a mark names.
func (w *walk) artifacts(n int32, o origin) []evidence.Artifact {
	switch o.kind {
	case fromClaim:
		return w.ev.Claims[o.i].Artifacts
	case fromICS:
		return w.ev.ICS[o.i].Entries[w.c.reqs[n].ref.Requirement].Artifacts
	case fromResult:
		return w.ev.Reports[o.i].Report().Results[o.j].Artifacts
	}
	return nil
}

func strengthOf(method scheme.Method, by scheme.By) (strength, bool) {
	m, ok := methodRank[method]
	b, ok2 := byRank[by]
	return strength{m, b}, ok && ok2
}

// atLeast finds a mark at least as strong as need.
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
	RuleShown         = "shown"             // a pass, by an admissible method and body
	RuleDoesNotApply  = "does-not-apply"    // its condition is not met
	RuleJustified     = "justified"         // a recommendation, and a ground why it is not met
	RuleMapped        = "mapped"            // shown for another standard, and a mapping carries it over
	RuleFailed        = "failed"            // a fail that no later pass of its strength answers
	RuleInconclusive  = "inconclusive"      // tried and not decided
	RuleFeature       = "feature-unknown"   // whether it applies hangs on features that nobody stated
	RuleNoGround      = "no-ground"         // it would not apply by features that do not say why they are so
	RuleContradiction = "contradiction"     // what was stated contradicts itself: see Contradictions
	RuleTooWeak       = "too-weak"          // passed, by a weaker method or body than is asked for
	RulePartial       = "partly-tested"     // some units or rows of its test group have no verdict
	RuleIncomplete    = "incomplete"        // evidence lacks some of the contents that it must have, or a file that it names
	RuleExpired       = "expired"           // claimed, and no longer valid
	RuleAged          = "aged"              // older than the level lets evidence be
	RuleFuture        = "future"            // claimed with a day after the one asked about
	RuleUnsigned      = "unsigned"          // a laboratory's word without its signature under a report
	RuleOutOfScope    = "out-of-scope"      // by a laboratory whose accreditation did not cover the method on the day of the test
	RuleNotApproved   = "not-approved"      // by a laboratory that the scheme had not approved on the day of the test
	RuleNoSample      = "no-sample"         // a test that does not say on what it was done
	RuleOtherFirmware = "other-firmware"    // shown for an image that is none of the product's, or for one of several only
	RuleOtherHardware = "other-hardware"    // shown for a revision that is none of the product's
	RuleOtherProduct  = "other-product"     // a report on another product, or not on all of its models
	RuleRowChanged    = "row-changed"       // a verdict on a row that says something else now
	RuleRowGone       = "row-gone"          // a report that saw a row which the table no longer has
	RuleContradicted  = "contradicted"      // called not applicable against the product's own features
	RuleOtherEdition  = "other-edition"     // shown for another edition of the standard, and no mapping carries that over
	RuleTooNarrow     = "mapped-too-narrow" // shown for another standard, which asks for less or for something else
	RuleNotShown      = "not-shown"         // nobody claims it
)

// judge decides whether a requirement is met as d asks for it. applies is
// its condition over the features, which alone decides about that: a claim
// of not applicable beside an unknown feature leaves the question open.
// blocked: the statements about it contradict each other.
func (s *shown) judge(d *demand, applies scheme.Answer, blocked bool) (a scheme.Answer, rule string, mark int32) {
	if applies == scheme.No && !blocked {
		return scheme.Yes, RuleDoesNotApply, 0
	}
	pass, unsure := atLeast(&s.pass, d.need), atLeast(&s.unsure, strength{})
	// What makes it met comes first, each way on its own, so that a further
	// pass never takes away another way.
	if pass != 0 && unsure == 0 && s.fail == 0 && !blocked {
		return scheme.Yes, RuleShown, pass
	}
	if !d.duty && s.ground != 0 {
		return scheme.Yes, RuleJustified, s.ground
	}
	switch {
	case applies == scheme.No: // and something that was stated says otherwise
		return scheme.Undetermined, RuleContradiction, pass
	case s.fail != 0:
		return applies.Not(), RuleFailed, s.fail // undetermined while it is open whether it applies
	case blocked && len(s.marks) > 0:
		return scheme.Undetermined, RuleContradiction, pass
	case pass != 0:
		return scheme.Undetermined, RuleInconclusive, unsure
	case applies == scheme.Undetermined:
		return scheme.Undetermined, RuleFeature, 0
	}
	if u := atLeast(&s.unsure, d.need); u != 0 {
		return scheme.Undetermined, RuleInconclusive, u
	}
	switch weak := atLeast(&s.pass, strength{}); {
	case s.hint != 0 && s.atLeast(s.hint, d.need):
		return scheme.No, s.why, s.hint
	case weak != 0:
		return scheme.No, RuleTooWeak, weak
	case s.na != 0:
		return scheme.No, RuleContradicted, s.na
	case s.hint != 0:
		return scheme.No, s.why, s.hint
	}
	return scheme.No, RuleNotShown, 0
}

// atLeast reports whether a mark would be strong enough if it counted.
func (s *shown) atLeast(m int32, need strength) bool {
	k := &s.marks[m-1]
	return k.method >= need.method && k.by >= need.by
}
