package assess

import (
	"cmp"
	"slices"

	"assay/evidence"
	"assay/scheme"
)

// Missing is one thing that stands between the product and one level or more.
type Missing struct {
	Kind        MissingKind `json:"kind"`
	About       string      `json:"about"` // requirement, feature or category
	Requirement *Outcome    `json:"requirement,omitempty"`
	Levels      []Step      `json:"levels"` // that it stands in the way of; never without it, maybe with more
}

// MissingKind is what kind of thing is missing.
type MissingKind string

// Kinds of missing things.
const (
	MissingRequirement MissingKind = "requirement" // to be shown
	MissingFeature     MissingKind = "feature"     // to be stated
	MissingScope       MissingKind = "scope"       // the authority has to say whether it takes such a product
)

// Step is one level of one scheme.
type Step struct {
	Scheme string `json:"scheme"`
	Level  string `json:"level"`
}

// Gather lists what is missing over several results, what stands in the way
// of most levels first. Where a scheme cannot grant whatever is shown (it is
// closed, or takes no such product) nothing is missing: no work would help.
func Gather(rs []Result) []Missing {
	type key struct {
		kind  MissingKind
		about scheme.RequirementRef
		need  strength
	}
	at := map[key]int{}
	ms := []Missing{}
	add := func(k key, about string, o *Outcome, steps []Step) {
		i, ok := at[k]
		if !ok {
			i = len(ms)
			at[k] = i
			ms = append(ms, Missing{Kind: k.kind, About: about, Requirement: o})
		}
		switch m := &ms[i]; {
		case len(m.Levels) == 0:
			m.Levels = steps[:len(steps):len(steps)]
		case !slices.Contains(m.Levels, steps[0]): // a lower level of the same scheme has it already
			m.Levels = append(m.Levels, steps...)
		}
	}
	for i := range rs {
		r := &rs[i]
		if len(r.Levels) == 0 || slices.ContainsFunc(r.Gates, func(g Reason) bool { return g.Answer == scheme.No }) {
			continue
		}
		steps := make([]Step, len(r.Levels))
		for j := range r.Levels {
			steps[j] = Step{r.Scheme, r.Levels[j].Level}
		}
		for j := range r.Gates {
			if g := &r.Gates[j]; g.Rule == RuleScope && g.Answer == scheme.Undetermined {
				add(key{kind: MissingScope, about: scheme.RequirementRef{Standard: r.Scheme, Requirement: g.Data}}, g.Data, nil, steps)
			}
		}
		rank := 0
		for j := range r.Outcomes {
			for j >= r.Levels[rank].Asks {
				rank++
			}
			o := &r.Outcomes[j]
			switch {
			case o.Answer == scheme.Yes:
			case o.Rule == RuleFeature || o.Rule == RuleNoGround:
				for _, f := range o.Unknown {
					add(key{kind: MissingFeature, about: scheme.RequirementRef{Requirement: f}}, f, nil, steps[rank:])
				}
			default:
				add(key{MissingRequirement, o.Requirement, strength{methodRank[o.Method], byRank[o.By]}}, o.Requirement.String(), o, steps[rank:])
			}
		}
	}
	slices.SortStableFunc(ms, func(a, b Missing) int {
		return cmp.Or(
			cmp.Compare(len(b.Levels), len(a.Levels)),
			cmp.Compare(a.Kind, b.Kind),
			cmp.Compare(a.About, b.About),
		)
	})
	return ms
}

// Check names the words of the evidence that the catalog does not know: a
// misspelled feature would otherwise pass for one that nobody stated. What the
// statements say against each other is for Contradictions.
func (c *Compiled) Check(ev *evidence.Evidence) []evidence.Finding {
	var found []evidence.Finding
	for i, f := range ev.Product.Functions {
		if !c.tax.Known(f) {
			found = append(found, evidence.Finding{Place: evidence.Pointer("product", "functions", i), Problem: "category " + f + " is not in the catalog", Remedy: "take one of the catalog's categories"})
		}
	}
	var unknown []string
	for f := range ev.Features {
		if !c.features[f] {
			unknown = append(unknown, f)
		}
	}
	slices.Sort(unknown)
	for _, f := range unknown {
		found = append(found, evidence.Finding{Place: evidence.Pointer("features", f), Problem: "feature " + f + " is not in the catalog", Remedy: "take one of a standard's features"})
	}
	for i := range ev.Claims {
		for j, r := range ev.Claims[i].Requirements {
			if _, ok := c.index[scheme.RequirementRef(r)]; !ok {
				found = append(found, evidence.Finding{Place: evidence.Pointer("claims", i, "requirements", j), Problem: "requirement " + r.String() + " is not in the catalog", Remedy: "name standard, edition and requirement as the catalog does"})
			}
		}
	}
	return append(found, c.CheckParts(ev)...)
}
