package assess

import (
	"slices"

	"assay/evidence"
	"assay/scheme"
)

// admission says for one scheme why the passes of each report do not count, ""
// where they do. Schemes that admit the same reports share one, and with it
// all that was summed under it.
type admission struct {
	why  []string
	sums []*shown // by requirement, made when first asked for
}

func (a *admission) report(i int32) string { return a.why[i] }

// admit finds the admission of a scheme.
func (w *walk) admit(s *scheme.Scheme) *admission {
	why := make([]string, len(w.ev.Reports))
	for i := range w.ev.Reports {
		why[i] = w.report(&w.ev.Reports[i], s)
	}
	if i := slices.IndexFunc(w.admissions, func(a *admission) bool { return slices.Equal(a.why, why) }); i >= 0 {
		return w.admissions[i]
	}
	a := &admission{why: why, sums: make([]*shown, len(w.c.reqs))}
	w.admissions = append(w.admissions, a)
	return a
}

// report says why what a report passes does not count in a scheme. A
// laboratory must be one of the catalog's, have signed with its key, and on the
// days of the test have had the method in a scope of its accreditation, or the
// scheme's approval. Where the scheme takes approved laboratories only, that.
func (w *walk) report(f *evidence.Signed, s *scheme.Scheme) string {
	r := f.Report()
	switch {
	case r == nil:
		return RuleUnsigned
	case r.Date == 0 || r.Date > w.at:
		return RuleFuture
	case r.Product.Holder != w.ev.Product.Holder || slices.ContainsFunc(r.Product.Models, func(m string) bool { return !w.ev.Product.Has(m) }):
		return RuleOtherProduct
	case w.of.model != nil && !covers(r, w.of.model):
		return RuleOtherProduct
	case r.Until != 0 && w.at > r.Until:
		return RuleExpired
	case r.By.Kind != scheme.Laboratory:
		return ""
	case f.Signer() == nil || f.Signer().Laboratory != r.By.ID:
		return RuleUnsigned
	}
	lab := w.c.labs[r.By.ID]
	if lab == nil {
		return RuleUnsigned
	}
	method := scheme.StandardRef{Standard: r.Method.Standard, Edition: r.Method.Edition}
	covered, approved := false, false
	for i := range lab.Scopes {
		x := &lab.Scopes[i]
		covered = covered || (x.Covers(method, r.Tested.From) && x.Covers(method, r.Tested.To))
		approved = approved || (x.Approved(s.ID, r.Tested.From) && x.Approved(s.ID, r.Tested.To))
	}
	switch {
	case s.Approves && !approved:
		return RuleNotApproved
	case !covered && !approved:
		return RuleOutOfScope
	}
	return ""
}
