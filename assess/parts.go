package assess

import (
	"slices"

	"assay/evidence"
	"assay/scheme"
)

// part is the product as far as evidence tells it apart: with one of its images,
// and as one of its models. What was shown of one says nothing of the other, so
// a level is reached where every part reaches it. The zero part is the whole of
// a product that has one image and one model, or whose evidence is on all alike.
type part struct {
	image *evidence.Hash
	model *evidence.Model
}

// maxParts bounds the work. Parts beyond it are taken for one that nobody looked
// at.
const maxParts = 64

// parts are those of a product that differ in what was shown of them.
func parts(ev *evidence.Evidence) []part {
	images, models := imagesApart(ev), modelsApart(ev)
	if len(images)*len(models) > maxParts {
		none, nobody := evidence.Hash{}, evidence.Model{}
		images, models = []*evidence.Hash{&none}, []*evidence.Model{&nobody}
	}
	ps := make([]part, 0, len(images)*len(models))
	for _, h := range images {
		for _, m := range models {
			ps = append(ps, part{h, m})
		}
	}
	return ps
}

// imagesApart are the images that evidence is on, and one of those that none is on.
func imagesApart(ev *evidence.Evidence) []*evidence.Hash {
	if len(ev.Firmware) < 2 {
		return []*evidence.Hash{nil}
	}
	on := map[evidence.Hash]bool{}
	for i := range ev.Claims {
		for _, h := range ev.Claims[i].Firmware {
			on[h] = true
		}
	}
	for i := range ev.Reports {
		if r := ev.Reports[i].Report(); r != nil {
			for j := range r.Samples {
				on[r.Samples[j].Firmware] = true
			}
		}
	}
	var apart []*evidence.Hash
	unseen := false
	seen := map[evidence.Hash]bool{}
	for i := range ev.Firmware {
		h := &ev.Firmware[i].SHA256
		if seen[*h] || !on[*h] && unseen {
			continue
		}
		unseen = unseen || !on[*h]
		seen[*h] = true
		apart = append(apart, h)
	}
	return apart
}

// modelsApart are the models that reports tell apart, one of those that the same
// reports are on.
func modelsApart(ev *evidence.Evidence) []*evidence.Model {
	if len(ev.Product.Models) < 2 {
		return []*evidence.Model{nil}
	}
	var apart []*evidence.Model
	seen := map[string]bool{}
	for i := range ev.Product.Models {
		m := &ev.Product.Models[i]
		by := make([]byte, len(ev.Reports))
		for j := range ev.Reports {
			if r := ev.Reports[j].Report(); r != nil && covers(r, m) {
				by[j] = 1
			}
		}
		if !seen[string(by)] {
			seen[string(by)] = true
			apart = append(apart, m)
		}
	}
	return apart
}

// covers reports whether a report is on a model: it names it or one of its
// variants, which differ in nothing that a requirement asks about.
func covers(r *evidence.Report, m *evidence.Model) bool {
	return slices.Contains(r.Product.Models, m.ID) ||
		slices.ContainsFunc(m.Variants, func(v evidence.Variant) bool { return slices.Contains(r.Product.Models, v.ID) })
}

// join takes into a what is worse in b: the same schemes on the same day, for
// another part of the product.
func join(a, b []Result) {
	for i := range a {
		r, s := &a[i], &b[i]
		for j := range r.Outcomes {
			if fits[s.Outcomes[j].Answer] < fits[r.Outcomes[j].Answer] {
				r.Outcomes[j] = s.Outcomes[j]
			}
		}
		for j := range r.Levels {
			l, m := &r.Levels[j], &s.Levels[j]
			switch {
			case fits[m.Answer] < fits[l.Answer], m.Answer == l.Answer && (m.Confidence < l.Confidence) == (m.Answer != scheme.No):
				l.Answer, l.Confidence, l.Doubts = m.Answer, m.Confidence, m.Doubts
			}
			l.Shown = l.Shown.And(m.Shown)
		}
		r.Missing = Gather(a[i : i+1])
	}
}
