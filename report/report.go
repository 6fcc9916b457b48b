// Package report writes an assessment as a report that a person likes to read:
// what was assessed, the findings first, which level of which scheme is
// reached, a picture for each scheme, what is missing and what to do about it,
// requirement by requirement where the evidence is, and what is in doubt. It
// comes as one HTML file without anything from outside, and as PDF; both are
// set from the same document, in English, Korean, German or Finnish.
package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"assay/assess"
	"assay/civil"
	"assay/evidence"
	"assay/locale"
	"assay/scheme"
)

// Options says how a report is written.
type Options struct {
	Lang   string                    // one of [locale.Languages]
	Title  string                    // "": says what is assessed, in Lang
	By     string                    // who assessed; "": nobody is named
	Now    civil.Date                // day on which the report is made; zero leaves it out
	Faults []Fault                   // what is wrong in the maker's files themselves
	Where  func(place string) string // where a JSON pointer (RFC 6901) into the evidence leads in the maker's files, as in ixit/auth-mech.yaml:12; nil: the pointer itself
}

// Fault is something in the maker's files that is not filled in yet, or wrong.
// It is told in English, as the program tells it.
type Fault struct{ Where, Problem, Remedy string }

// Report is what there is to say, in no language yet.
type Report struct {
	Catalog  string // digest
	Specimen bool   // the evidence calls itself a specimen
	Findings []Finding
	Schemes  []Scheme
	Missing  []assess.Missing // what stands in the way of most levels first
	Doubts   []Doubt

	cat   *scheme.Catalog
	c     *assess.Compiled
	ev    *evidence.Evidence
	opt   Options
	lang  *locale.Locale
	given map[string][]given // by SPEC@EDITION/REQUIREMENT: the verdicts on its test group
}

// Scheme is what one scheme says.
type Scheme struct {
	Scheme   *scheme.Scheme
	Edition  *scheme.Edition // nil: none had begun
	Profiles []*scheme.Profile
	Result   *assess.Result
	Levels   []Level // lowest first
	Areas    []Area  // of all that the highest level asks for, in the order of the standards
}

// Level is one level of a scheme.
type Level struct {
	Level   *scheme.Level
	Result  *assess.LevelResult
	State   State
	Missing int               // requirements in the way, of this level and those below it
	Asked   int               // requirements that this level adds
	Shown   int               // of these
	Adds    []*assess.Outcome // these
}

// State is the answer for one level in one word.
type State string

// States. Reached is the only one with which a level may be granted that day.
const (
	Reached  State = "reached"
	Shown    State = "shown"    // by the evidence, but the scheme does not grant: it is closed, or no edition is in force
	Open     State = "open"     // shown by the evidence; whether the scheme takes such a product or grants is not known
	Lacking  State = "lacking"  // some requirements are not shown
	Unsure   State = "unsure"   // some requirements cannot be concluded
	Excluded State = "excluded" // the scheme takes no such product
)

// Area is how much is shown of what is asked for in one part of a standard.
type Area struct {
	Standard *scheme.Standard
	ID       string      // as scheme.Requirement.Area; "": the standard has no areas
	Title    scheme.Text // of the area, or of the standard
	Asked    int         // requirements that apply, or may
	Shown    int
	Free     int // requirements that do not apply to the product
}

// Doubt is a fact below official on which answers rest.
type Doubt struct {
	Fact  scheme.Fact
	About []string // requirements, levels, editions, mappings, gates
	By    []string // ids of the schemes whose answers rest on it
}

// New brings an assessment into the form of a report. rs are the results of
// [assess.Assess] with c for ev, whose reports were verified; c was compiled
// from cat. It fails where a language is not there, or a result is of a scheme
// that the catalog has not.
func New(cat *scheme.Catalog, c *assess.Compiled, ev *evidence.Evidence, rs []assess.Result, opt Options) (*Report, error) {
	i := slices.Index(locale.Languages, opt.Lang)
	if i < 0 {
		return nil, fmt.Errorf("no report in language %.20q: there is %s", opt.Lang, strings.Join(locale.Languages, ", "))
	}
	if opt.Where == nil {
		opt.Where = func(place string) string { return place }
	}
	r := &Report{Catalog: cat.Digest, Specimen: specimen(ev), Missing: assess.Gather(rs), cat: cat, c: c, ev: ev, opt: opt, lang: locales[i]}
	for i := range rs {
		s, err := r.scheme(&rs[i])
		if err != nil {
			return nil, err
		}
		r.Schemes = append(r.Schemes, s)
	}
	r.verdicts()
	r.find()
	r.doubts()
	return r, nil
}

// specimen reports whether the evidence calls itself one.
func specimen(ev *evidence.Evidence) bool {
	words := []string{ev.Product.Name, ev.Product.Brand, ev.Product.Holder}
	for i := range ev.Reports {
		if b := ev.Reports[i].Report(); b != nil {
			words = append(words, b.Number, b.By.ID)
		}
	}
	return slices.ContainsFunc(words, func(s string) bool { return strings.Contains(strings.ToUpper(s), "SPECIMEN") })
}

func (r *Report) scheme(x *assess.Result) (Scheme, error) {
	s := Scheme{Scheme: r.cat.Scheme(x.Scheme), Result: x}
	if s.Scheme == nil {
		return s, fmt.Errorf("the catalog has no scheme %.60q, which was assessed", x.Scheme)
	}
	s.Edition = s.Scheme.Edition(x.Edition)
	if s.Edition == nil {
		return s, nil
	}
	for i := range s.Edition.Profiles {
		if p := &s.Edition.Profiles[i]; slices.Contains(x.Profiles, p.ID) {
			s.Profiles = append(s.Profiles, p)
		}
	}
	from := 0
	for i := range x.Levels {
		lr := &x.Levels[i]
		l := Level{Level: s.Edition.Level(lr.Level), Result: lr, State: stateOf(x, lr), Missing: lr.Missing(x)}
		if l.Level == nil {
			return s, fmt.Errorf("scheme %s, edition %s: there is no level %.40q, which was assessed", x.Scheme, x.Edition, lr.Level)
		}
		for ; from < lr.Asks; from++ {
			o := &x.Outcomes[from]
			l.Adds = append(l.Adds, o)
			l.Asked++
			if o.Answer == scheme.Yes {
				l.Shown++
			}
		}
		s.Levels = append(s.Levels, l)
	}
	s.Areas = r.areas(x)
	return s, nil
}

func stateOf(x *assess.Result, l *assess.LevelResult) State {
	for _, g := range x.Gates {
		if g.Rule == assess.RuleScope && g.Answer == scheme.No {
			return Excluded
		}
	}
	switch {
	case l.Shown == scheme.No:
		return Lacking
	case l.Shown == scheme.Undetermined:
		return Unsure
	case l.Answer == scheme.Yes:
		return Reached
	case l.Answer == scheme.No:
		return Shown
	}
	return Open
}

// areas counts what the highest level asks for, each requirement once: one
// that is asked for in several ways is shown if it is in all of them.
func (r *Report) areas(x *assess.Result) (as []Area) {
	type key struct{ standard, area string }
	at := map[key]int{}
	met := map[scheme.RequirementRef]bool{}
	free := map[scheme.RequirementRef]bool{}
	var order []scheme.RequirementRef
	for i := range x.Outcomes {
		o := &x.Outcomes[i]
		was, seen := met[o.Requirement]
		if !seen {
			order = append(order, o.Requirement)
		}
		met[o.Requirement] = o.Answer == scheme.Yes && (was || !seen)
		free[o.Requirement] = o.Applies == scheme.No
	}
	for _, ref := range order {
		s, q := r.cat.Standard(ref.Standard), r.cat.Requirement(ref)
		if s == nil || q == nil {
			continue
		}
		k := key{s.ID, q.Area}
		i, ok := at[k]
		if !ok {
			i = len(as)
			at[k] = i
			a := Area{Standard: s, ID: q.Area, Title: s.Title}
			if t := s.Area(q.Area); t != nil {
				a.Title = t.Title
			} else if q.Area != "" {
				a.Title = scheme.Text{"en": q.Area}
			}
			as = append(as, a)
		}
		switch {
		case free[ref]:
			as[i].Free++
		default:
			as[i].Asked++
			if met[ref] {
				as[i].Shown++
			}
		}
	}
	rank := func(a *Area) int {
		return slices.IndexFunc(a.Standard.Areas, func(b scheme.Area) bool { return b.ID == a.ID })
	}
	first := map[string]int{} // standards in the order in which they are asked for
	for i := range as {
		if _, ok := first[as[i].Standard.ID]; !ok {
			first[as[i].Standard.ID] = i
		}
	}
	slices.SortStableFunc(as, func(a, b Area) int {
		return cmp.Or(cmp.Compare(first[a.Standard.ID], first[b.Standard.ID]), cmp.Compare(rank(&a), rank(&b)))
	})
	return as
}

// doubts gathers the facts below official that answers rest on, one entry for
// each fact, the least sure first.
func (r *Report) doubts() {
	at := map[scheme.Fact]int{}
	for i := range r.Schemes {
		for j := range r.Schemes[i].Levels {
			for _, d := range r.Schemes[i].Levels[j].Result.Doubts {
				k, ok := at[*d.Fact]
				if !ok {
					k = len(r.Doubts)
					at[*d.Fact] = k
					r.Doubts = append(r.Doubts, Doubt{Fact: *d.Fact})
				}
				x := &r.Doubts[k]
				if !slices.Contains(x.About, d.About) {
					x.About = append(x.About, d.About)
				}
				if id := r.Schemes[i].Scheme.ID; !slices.Contains(x.By, id) {
					x.By = append(x.By, id)
				}
			}
		}
	}
	slices.SortStableFunc(r.Doubts, func(a, b Doubt) int {
		return cmp.Or(cmp.Compare(a.Fact.Confidence, b.Fact.Confidence), cmp.Compare(a.Fact.Source, b.Fact.Source), cmp.Compare(a.Fact.Note, b.Fact.Note))
	})
}

// given is a verdict that a report gives on a test group.
type given struct {
	report int
	bad    bool // it is no pass
}

// verdicts notes which reports say something of which test group.
func (r *Report) verdicts() {
	r.given = map[string][]given{}
	for i := range r.ev.Reports {
		b := r.ev.Reports[i].Report()
		if b == nil {
			continue
		}
		for j := range b.Verdicts {
			v := &b.Verdicts[j]
			testCase, _, _ := strings.Cut(v.Unit, "/")
			cut := strings.LastIndexByte(testCase, '-')
			if cut < 0 {
				continue
			}
			key := b.Method.Standard + "@" + b.Method.Edition + "/" + testCase[:cut]
			g := given{i, v.Verdict != evidence.Pass}
			if !slices.Contains(r.given[key], g) {
				r.given[key] = append(r.given[key], g)
			}
		}
	}
}
