package evidence

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Change is a difference between two states of the evidence on one product on
// which a verdict may hang.
type Change struct {
	Kind ChangeKind `json:"kind"`
	What string     `json:"what"`          // version, MODEL REVISION, TABLE/ROW, component, feature, or report
	Old  string     `json:"old,omitempty"` // what it was; "" where it is new
	New  string     `json:"new,omitempty"` // what it is; "" where it is gone
}

// ChangeKind is what changed.
type ChangeKind string

// Kinds of changes.
const (
	ChangedFirmware  ChangeKind = "firmware"  // Old and New are the image's SHA-256
	ChangedHardware  ChangeKind = "hardware"  // a revision of a model
	ChangedRow       ChangeKind = "row"       // of an IXIT table; Old and New are digests
	ChangedComponent ChangeKind = "component" // of the software; Old and New are its versions
	ChangedFeature   ChangeKind = "feature"   // Old and New are answers
	ChangedReport    ChangeKind = "report"    // Old and New are digests of its text
)

// AllComponents is the What of a change by which there is no list of
// components any more, and nobody can tell what changed.
const AllComponents = "*"

// Compare lists what changed from one state of the evidence on a product to the
// next, by kind and name. It fails where they are on two products.
func Compare(old, new *Evidence) ([]Change, error) {
	if o, n := old.Product, new.Product; o.Holder != n.Holder || o.Name != n.Name {
		return nil, fmt.Errorf("two products: %.60q of %.60s and %.60q of %.60s", o.Name, o.Holder, n.Name, n.Holder)
	}
	cs := []Change{}
	for _, k := range []struct {
		kind ChangeKind
		of   func(*Evidence) map[string]string
	}{
		{ChangedFirmware, images}, {ChangedHardware, revisions}, {ChangedRow, rowDigests},
		{ChangedComponent, components}, {ChangedFeature, answers}, {ChangedReport, texts},
	} {
		cs = append(cs, differ(k.kind, k.of(old), k.of(new))...)
	}
	return cs, nil
}

func differ(kind ChangeKind, old, new map[string]string) []Change {
	if kind == ChangedComponent && len(old) > 0 && len(new) == 0 {
		return []Change{{Kind: kind, What: AllComponents, Old: fmt.Sprint(len(old))}}
	}
	var cs []Change
	for what, o := range old {
		if n := new[what]; n != o {
			cs = append(cs, Change{kind, what, o, n})
		}
	}
	for what, n := range new {
		if _, known := old[what]; !known {
			cs = append(cs, Change{kind, what, "", n})
		}
	}
	slices.SortFunc(cs, func(a, b Change) int { return cmp.Compare(a.What, b.What) })
	return cs
}

// images by version; a version that stands for several images names each.
func images(e *Evidence) map[string]string {
	m := map[string]string{}
	for _, f := range e.Firmware {
		v := f.Version
		if _, twice := m[v]; twice {
			v += " " + f.SHA256.String()
		}
		m[v] = f.SHA256.String()
	}
	return m
}

func revisions(e *Evidence) map[string]string {
	m := map[string]string{}
	for _, d := range e.Product.Models {
		for _, r := range d.Hardware {
			m[d.ID+" "+r] = r
		}
		for _, v := range d.Variants {
			for _, r := range v.Hardware {
				m[v.ID+" "+r] = r
			}
		}
	}
	return m
}

func rowDigests(e *Evidence) map[string]string {
	m := map[string]string{}
	for table, rows := range e.IXIT {
		for _, r := range rows {
			m[table+"/"+r.ID()] = r.Digest().String()
		}
	}
	return m
}

// components by name, with all versions that a tool saw.
func components(e *Evidence) map[string]string {
	versions := map[string][]string{}
	for i := range e.Imports {
		for _, c := range e.Imports[i].Components {
			v := cmp.Or(c.Version, "?")
			if !slices.Contains(versions[c.Name], v) {
				versions[c.Name] = append(versions[c.Name], v)
			}
		}
	}
	m := map[string]string{}
	for name, vs := range versions {
		slices.Sort(vs)
		m[name] = strings.Join(vs, ", ")
	}
	return m
}

func answers(e *Evidence) map[string]string {
	m := map[string]string{}
	for f, a := range e.Features {
		m[f] = a.Answer.String()
	}
	return m
}

func texts(e *Evidence) map[string]string {
	m := map[string]string{}
	for i := range e.Reports {
		m[e.Reports[i].Name] = Digest([]byte(e.Reports[i].Body)).String()
	}
	return m
}

// Without is the evidence less the verdicts, results and claims that drop
// names: of a verdict or result the report's index and its own, of a claim its
// own. It is for deciding with: the reports keep their text and their signers,
// and no longer say all that is in it.
func (e *Evidence) Without(verdict, result func(report, i int) bool, claim func(i int) bool) *Evidence {
	out := *e
	out.Reports = slices.Clone(e.Reports)
	for i := range out.Reports {
		r := out.Reports[i].report
		if r == nil {
			continue
		}
		less := *r
		less.Verdicts = keep(r.Verdicts, func(j int) bool { return !verdict(i, j) })
		less.Results = keep(r.Results, func(j int) bool { return !result(i, j) })
		out.Reports[i].report = &less
	}
	out.Claims = keep(e.Claims, func(i int) bool { return !claim(i) })
	return &out
}

func keep[T any](all []T, wanted func(int) bool) []T {
	var out []T
	for i := range all {
		if wanted(i) {
			out = append(out, all[i])
		}
	}
	return out
}
