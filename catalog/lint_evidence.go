package catalog

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"

	"assay/scheme"
)

// mappingForm wants every row to relate requirements that both editions have.
// Relating one twice would let the wider of two relations carry evidence that
// the narrower one holds back.
func (l *linter) mappingForm() {
	for i := range l.c.Mappings {
		m := &l.c.Mappings[i]
		path := "mappings/" + m.ID + ".yaml: "
		if m.Author == "" {
			l.add(path+"author", "nobody stands for the mapping")
		}
		if m.From == m.To {
			l.add(path+"to", "an edition is mapped to itself")
		}
		from, to := l.edition(m.From), l.edition(m.To)
		if m.From.Edition == "" || m.To.Edition == "" {
			l.add(path+"from", "a mapping is between one edition and another; one of the two names none")
		}
		if len(m.Rows) == 0 {
			l.add(path+"rows", "the mapping relates nothing")
		}
		seen := map[string]bool{}
		for j, r := range m.Rows {
			at := fmt.Sprintf("%srows/%d", path, j)
			if to != nil && to.Requirement(r.To) == nil {
				l.add(at, fmt.Sprintf("%s %s has no requirement %q", m.To.Standard, m.To.Edition, clip(r.To)))
			}
			if len(r.From) == 0 {
				l.add(at, "the row relates nothing to "+clip(r.To))
			}
			for k, id := range r.From {
				if from != nil && from.Requirement(id) == nil {
					l.add(at, fmt.Sprintf("%s %s has no requirement %q", m.From.Standard, m.From.Edition, clip(id)))
				}
				if slices.Contains(r.From[:k], id) {
					l.add(at, fmt.Sprintf("%s stands in the row twice", clip(id)))
				}
			}
			sorted := slices.Sorted(slices.Values(r.From))
			if key := fmt.Sprint(sorted, r.To); seen[key] {
				l.add(at, fmt.Sprintf("%v is related to %s twice", sorted, clip(r.To)))
			} else {
				seen[key] = true
			}
		}
	}
}

// mappingWeak finds rows that would carry too much: what was shown can be left
// out with a ground, what is asked cannot.
func (l *linter) mappingWeak() {
	for i := range l.c.Mappings {
		m := &l.c.Mappings[i]
		from, to := l.edition(m.From), l.edition(m.To)
		if from == nil || to == nil {
			continue
		}
		for j, r := range m.Rows {
			asked := to.Requirement(r.To)
			if !r.Relation.Carries() || asked == nil {
				continue
			}
			for _, id := range r.From {
				if shown := from.Requirement(id); shown != nil && shown.Status == scheme.Recommended && asked.Status == scheme.Mandatory {
					l.add(fmt.Sprintf("mappings/%s.yaml: rows/%d", m.ID, j),
						fmt.Sprintf("%s is a recommendation and %s a duty: a stated ground for leaving it out would count as meeting it", id, r.To))
				}
			}
		}
	}
}

// edition of a standard; nil where the catalog has none.
func (l *linter) edition(r scheme.StandardRef) *scheme.StandardEdition {
	if s := l.c.Standard(r.Standard); s != nil {
		return s.Edition(r.Edition)
	}
	return nil
}

var territory = regexp.MustCompile(`^[A-Z]{2}$`)

func (l *linter) laboratoryForm() {
	for i := range l.c.Laboratories {
		lab := &l.c.Laboratories[i]
		path := "laboratories/" + lab.ID + ".yaml: "
		if !territory.MatchString(lab.Territory) {
			l.add(path+"territory", fmt.Sprintf("%q is no country code of two capital letters", clip(lab.Territory)))
		}
		if len(lab.Scopes) == 0 {
			l.add(path+"scopes", "the laboratory may test nothing")
		}
		for j, k := range lab.Keys {
			at := fmt.Sprintf("%skeys/%d", path, j)
			if err := labKey(k.Public); err != nil {
				l.add(at, err.Error())
			}
			if k.From == 0 || (k.Until != 0 && k.Until < k.From) {
				l.add(at, fmt.Sprintf("the key signs from %q to %q", k.From, k.Until))
			}
			for n := range j {
				if lab.Keys[n].Public == k.Public {
					l.add(at, fmt.Sprintf("the key is key %d again; give one entry the whole time", n))
				}
			}
		}
		for j, s := range lab.Scopes {
			at := fmt.Sprintf("%sscopes/%d", path, j)
			if s.By == "" {
				l.add(at, "nobody gave the scope")
			}
			if s.From == 0 || (s.Until != 0 && s.Until < s.From) {
				l.add(at, fmt.Sprintf("the scope runs from %q to %q", s.From, s.Until))
			}
			if len(s.Methods) == 0 && len(s.Schemes) == 0 {
				l.add(at, "the scope names neither a method nor a scheme")
			}
		}
	}
}

// labKey reads a key as the evidence's signatures are checked with it.
func labKey(public string) error {
	der, err := base64.StdEncoding.DecodeString(public)
	if err != nil {
		return fmt.Errorf("the key is not base64: %v", err)
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return fmt.Errorf("the key is no SubjectPublicKeyInfo: %v", err)
	}
	if k, is := key.(*ecdsa.PublicKey); !is || k.Curve != elliptic.P256() {
		return fmt.Errorf("the key is a %T, not ECDSA on P-256", key)
	}
	return nil
}

// noLaboratory tells of schemes that count approved laboratories only, while
// the catalog knows none: whoever decides by it can take no result.
func (l *linter) noLaboratory() {
	for i := range l.c.Schemes {
		s := &l.c.Schemes[i]
		if s.Approves && !slices.ContainsFunc(l.c.Laboratories, func(lab scheme.Lab) bool {
			return slices.ContainsFunc(lab.Scopes, func(sc scheme.LabScope) bool { return slices.Contains(sc.Schemes, s.ID) })
		}) {
			l.add(schemePath(s)+": approves_laboratories", "no laboratory in the catalog is approved")
		}
	}
}
