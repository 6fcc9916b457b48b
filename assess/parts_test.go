package assess

import (
	"slices"
	"testing"

	"assay/evidence"
	"assay/scheme"
)

// What was shown of one image or one model says nothing of another that the
// product has as well: a level is reached with each of them, or not.
func TestParts(t *testing.T) {
	cat := labCatalog()
	cat.Laboratories[0].Scopes[0].Until = 0
	c := compiled(t, cat)
	second := func() *evidence.Report {
		r := labReport(allUnits...)
		r.Number, r.Tested, r.Date = "R2", evidence.Period{From: day("2025-06-25"), To: day("2025-06-25")}, day("2025-06-26")
		return r
	}
	image := func(e *evidence.Evidence, b byte) {
		e.Firmware = append(e.Firmware, evidence.Firmware{Version: "x", SHA256: evidence.Hash{b}})
	}
	const weak = "1=yes/yes 2=no/no 2:m:"
	for _, x := range []struct {
		name   string
		change func(*evidence.Evidence, *evidence.Report, *evidence.Report) []*evidence.Report
		want   string
	}{
		{"an image that nobody tested", func(e *evidence.Evidence, a, _ *evidence.Report) []*evidence.Report {
			image(e, 2)
			return []*evidence.Report{a}
		}, weak + "partly-tested"},
		{"a report for each image", func(e *evidence.Evidence, a, b *evidence.Report) []*evidence.Report {
			image(e, 2)
			b.Samples[0].Firmware = evidence.Hash{2}
			return []*evidence.Report{a, b}
		}, reached2},
		{"the image that failed beside the one that passed later", func(e *evidence.Evidence, a, b *evidence.Report) []*evidence.Report {
			image(e, 2)
			a.Verdicts[2].Verdict, a.Verdicts[2].Ground = evidence.Fail, "open"
			b.Samples[0].Firmware = evidence.Hash{2}
			return []*evidence.Report{a, b}
		}, "1=no/no 2=no/no 1:m:failed 2:m:failed"},
		{"the one that passed later, alone", func(e *evidence.Evidence, a, b *evidence.Report) []*evidence.Report {
			e.Firmware = []evidence.Firmware{{Version: "x", SHA256: evidence.Hash{2}}}
			a.Verdicts[2].Verdict, a.Verdicts[2].Ground = evidence.Fail, "open"
			b.Samples[0].Firmware = evidence.Hash{2}
			return []*evidence.Report{a, b}
		}, reached2},
		{"a model that no report is on", func(e *evidence.Evidence, a, _ *evidence.Report) []*evidence.Report {
			e.Product.Models = append(e.Product.Models, evidence.Model{ID: "N"})
			return []*evidence.Report{a}
		}, weak + "other-product 2:c:other-product"},
		{"a report for each model", func(e *evidence.Evidence, a, b *evidence.Report) []*evidence.Report {
			e.Product.Models = append(e.Product.Models, evidence.Model{ID: "N", Hardware: []string{"A"}})
			b.Product.Models, b.Samples[0].Model = []string{"N"}, "N"
			return []*evidence.Report{a, b}
		}, reached2},
		{"one model fails", func(e *evidence.Evidence, a, b *evidence.Report) []*evidence.Report {
			e.Product.Models = append(e.Product.Models, evidence.Model{ID: "N", Hardware: []string{"A"}})
			b.Product.Models, b.Samples[0].Model = []string{"N"}, "N"
			b.Verdicts[2].Verdict, b.Verdicts[2].Ground = evidence.Fail, "open"
			return []*evidence.Report{a, b}
		}, "1=no/no 2=no/no 1:m:failed 2:m:failed"},
		{"a report on a variant", func(e *evidence.Evidence, a, b *evidence.Report) []*evidence.Report {
			e.Product.Models = append(e.Product.Models, evidence.Model{ID: "N", Hardware: []string{"A"}, Variants: []evidence.Variant{{ID: "N-red"}}})
			a.Product.Models = []string{"M", "N-red"}
			return []*evidence.Report{a}
		}, reached2},
		{"more images than are told apart", func(e *evidence.Evidence, a, _ *evidence.Report) []*evidence.Report {
			for i := range 100 {
				image(e, byte(i+2))
				a.Samples = append(a.Samples, evidence.Sample{ID: "X", Model: "M", Hardware: "A", Firmware: evidence.Hash{byte(i + 2)}})
			}
			return []*evidence.Report{a}
		}, weak + "other-firmware 2:c:other-product"},
	} {
		t.Run(x.name, func(t *testing.T) {
			ev := tried()
			ev = with(ev, x.change(ev, labReport(allUnits...), second())...)
			r := Assess(c, ev, "open", day("2025-07-01"))[0]
			if got := show(r); got != x.want {
				t.Errorf("got  %s\nwant %s", got, x.want)
			}
			// The explanation is of the part that stands worst.
			e, err := Explain(c, ev, scheme.RequirementRef{Standard: "std", Edition: "1", Requirement: "m"}, "open", day("2025-07-01"))
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range r.Outcomes {
				if o.Requirement.Requirement == "m" && !slices.ContainsFunc(e.Asked, func(p Outcome) bool { return p.Level == o.Level && p.Rule == o.Rule }) {
					t.Errorf("level %s: %s, explained otherwise: %+v", o.Level, o.Rule, e.Asked)
				}
			}
		})
	}
}

// What rests on a file that is not there counts as little as the file.
func TestMissingFiles(t *testing.T) {
	c := compiled(t, labCatalog())
	at := func(h byte) []evidence.Artifact {
		return []evidence.Artifact{{Name: "f", SHA256: evidence.Hash{h}, Size: 1}}
	}
	for _, x := range []struct {
		name string
		gone byte
		want string
	}{
		{"all there", 9, reached2},
		{"a unit's record", 1, "1=yes/yes 2=no/no 2:m:partly-tested"},
		{"the maker's document", 2, "1=no/no 2=no/no 1:r:incomplete"},
	} {
		t.Run(x.name, func(t *testing.T) {
			ev, r := tried(), labReport(allUnits...)
			r.Verdicts[3].Artifacts = at(1)
			ev.Claims = append(ev.Claims[:0], says(evidence.Pass, "2025-06-01", "m", "c"), says(evidence.Pass, "2025-06-01", "r"))
			ev.Claims[1].Artifacts = at(2)
			ev = with(ev, r)
			ev.Miss(evidence.Hash{x.gone})
			if got := show(Assess(c, ev, "open", day("2025-07-01"))[0]); got != x.want {
				t.Errorf("got  %s\nwant %s", got, x.want)
			}
		})
	}
	// A fail needs no record to stand.
	ev, r := tried(), labReport(allUnits...)
	r.Verdicts[3].Verdict, r.Verdicts[3].Artifacts = evidence.Fail, at(1)
	ev = with(ev, r)
	ev.Miss(evidence.Hash{1})
	if got, want := show(Assess(c, ev, "open", day("2025-07-01"))[0]), "1=no/no 2=no/no 1:m:failed 2:m:failed"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
