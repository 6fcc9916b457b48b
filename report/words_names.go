package report

import (
	"slices"
	"strings"

	"assay/scheme"
)

// short is the designation of a standard: its title up to a colon.
func short(title string) string {
	s, _, _ := strings.Cut(title, ":")
	return s
}

// standard is the designation of an edition of a standard.
func (w *writer) standard(id, edition string) string {
	if s := w.r.cat.Standard(id); s != nil {
		return short(w.in(s.Title)) + " " + edition
	}
	return clean(id + " " + edition)
}

// name is a requirement's own id with its standard.
func (w *writer) name(ref scheme.RequirementRef) string {
	return ref.Requirement + " " + w.standard(ref.Standard, ref.Edition)
}

// requirement is its text.
func (w *writer) requirement(ref scheme.RequirementRef) string {
	if q := w.r.cat.Requirement(ref); q != nil {
		return w.in(q.Text)
	}
	return ""
}

// refs lists requirements by standard.
func (w *writer) refs(refs []scheme.RequirementRef) string {
	var standards []scheme.StandardRef
	ids := map[scheme.StandardRef][]string{}
	for _, x := range refs {
		s := scheme.StandardRef{Standard: x.Standard, Edition: x.Edition}
		if ids[s] == nil {
			standards = append(standards, s)
		}
		if !slices.Contains(ids[s], x.Requirement) {
			ids[s] = append(ids[s], x.Requirement)
		}
	}
	var out []string
	for _, s := range standards {
		out = append(out, w.standard(s.Standard, s.Edition)+": "+clean(strings.Join(ids[s], ", ")))
	}
	return strings.Join(out, "; ")
}

func (w *writer) schemeNames(ids []string) string {
	var names []string
	for _, id := range ids {
		names = append(names, w.schemeName(id))
	}
	return strings.Join(names, "; ")
}

func (w *writer) schemeName(id string) string {
	if s := w.r.cat.Scheme(id); s != nil {
		return w.in(s.Name)
	}
	return clean(id)
}
