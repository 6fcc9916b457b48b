package attest

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"assay/assess"
	"assay/bundle"
	"assay/civil"
	"assay/evidence"
	"assay/exchange/cyclonedx"
	"assay/exchange/intake"
	"assay/scheme"
)

// gateway is a whole bundle, assessed in every scheme.
func gateway(t testing.TB) (*scheme.Catalog, *evidence.Evidence, []assess.Result) {
	t.Helper()
	c := embedded(t)
	b, err := bundle.Open("../../testdata/gateway")
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := assess.Compile(c)
	if err != nil {
		t.Fatal(err)
	}
	return c, b.Evidence, assess.Assess(compiled, b.Evidence, "", civil.MustDate("2026-10-01"))
}

func declared(t testing.TB, c *scheme.Catalog, ev *evidence.Evidence, rs []assess.Result) (*BOM, []byte) {
	t.Helper()
	b, err := Declare(c, ev, rs)
	if err != nil {
		t.Fatal(err)
	}
	text, err := b.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b, text
}

// said are the verdicts on requirements as a whole, REQUIREMENT VERDICT.
func verdicts(ev *evidence.Evidence, asked map[scheme.RequirementRef]bool) map[string]bool {
	set := map[string]bool{}
	put := func(rs []evidence.Ref, v evidence.Verdict) {
		for _, r := range rs {
			if asked[scheme.RequirementRef(r)] {
				set[fmt.Sprint(r, " ", v)] = true
			}
		}
	}
	for _, c := range ev.Claims {
		put(c.Requirements, c.Verdict)
	}
	for _, s := range ev.ICS {
		for id, e := range s.Entries {
			if v := map[evidence.Supported]evidence.Verdict{evidence.SupportedYes: evidence.Pass, evidence.SupportedNo: evidence.Fail, evidence.SupportedNA: evidence.NotApplicable}[e.Support]; v != "" {
				put([]evidence.Ref{{Standard: s.Standard, Edition: s.Edition, Requirement: id}}, v)
			}
		}
	}
	for i := range ev.Reports {
		for _, x := range ev.Reports[i].Report().Results {
			put(x.Requirements, x.Verdict)
		}
	}
	return set
}

// What is declared is all that the evidence says of requirements as a whole,
// nothing else, and every reference leads somewhere.
func TestDeclarations(t *testing.T) {
	c, ev, rs := gateway(t)
	b, text := declared(t, c, ev, rs)
	if _, again := declared(t, c, ev, rs); !bytes.Equal(text, again) {
		t.Error("it comes out differently the second time")
	}
	refs := map[string]bool{}
	see := func(ref string) {
		if ref == "" || refs[ref] {
			t.Errorf("the bom-ref %q stands there twice or is none", ref)
		}
		refs[ref] = true
	}
	asked := map[scheme.RequirementRef]bool{}
	for _, s := range b.Definitions.Standards {
		see(s.BOMRef)
		for _, r := range s.Requirements {
			see(r.BOMRef)
		}
		for _, l := range s.Levels {
			see(l.BOMRef)
		}
	}
	for _, r := range rs {
		for _, o := range r.Outcomes {
			asked[o.Requirement] = true
			if o.Mapping != nil {
				for _, ref := range o.Mapping.From {
					asked[ref] = true
				}
			}
		}
	}
	d := b.Declarations
	claims := map[string]Claim{}
	for _, x := range d.Targets.Components {
		see(x.BOMRef)
	}
	for _, x := range d.Evidence {
		see(x.BOMRef)
	}
	for _, x := range d.Claims {
		see(x.BOMRef)
		claims[x.BOMRef] = x
		for _, r := range append(slices.Clone(x.Evidence), x.Target) {
			if !refs[r] {
				t.Errorf("claim %s names %s, which is not there", x.BOMRef, r)
			}
		}
	}
	third := map[string]bool{}
	for _, x := range d.Assessors {
		see(x.BOMRef)
		third[x.BOMRef] = x.ThirdParty
	}
	got := map[string]bool{}
	for _, a := range d.Attestations {
		if !refs[a.Assessor] {
			t.Errorf("no assessor %s", a.Assessor)
		}
		for _, m := range a.Map {
			if !refs[m.Requirement] || len(m.Claims) == 0 {
				t.Errorf("%+v", m)
			}
			for _, k := range m.Claims {
				verdict, _, _ := strings.Cut(claims[k].Predicate, " ")
				got[m.Requirement+" "+verdict] = true
				score := map[string]string{"pass": "1", "fail": "0", "inconclusive": "0.5", "not-applicable": "none"}[verdict]
				have := "none"
				if m.Conformance.Score != nil {
					have = fmt.Sprint(*m.Conformance.Score)
				}
				if score != have {
					t.Errorf("%s: %s with the score %s", m.Requirement, verdict, have)
				}
			}
		}
	}
	want := verdicts(ev, asked)
	if len(want) < 20 || !maps.Equal(got, want) {
		t.Errorf("declared\n%v\nwant\n%v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
	if len(d.Assessors) < 2 || third["assessor/maker/"+ev.Product.Holder] {
		t.Errorf("%+v", d.Assessors)
	}
	levels := 0
	for _, p := range b.Metadata.Properties {
		if strings.HasPrefix(p.Name, "assay:shown:sg-cls-iot@1.4/") {
			levels++
		}
	}
	if levels != 4 {
		t.Errorf("%d levels of a scheme with four", levels)
	}
	if _, err := Declare(c, &evidence.Evidence{}, rs); err == nil {
		t.Error("nothing was declared")
	}
}

// The reader of attestations takes them back as the same verdicts, as far as
// the format has a number for them, and as declarations only.
func TestDeclarationsComeBack(t *testing.T) {
	c, ev, rs := gateway(t)
	_, text := declared(t, c, ev, rs)
	f, err := intake.Read("x.cdx.json", bytes.NewReader(text), intake.Standard)
	if err != nil {
		t.Fatal(err)
	}
	r, err := cyclonedx.Read(f, intake.Options{Holder: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	asked := map[scheme.RequirementRef]bool{}
	for _, x := range rs {
		for _, o := range x.Outcomes {
			asked[o.Requirement] = true
			if o.Mapping != nil {
				for _, ref := range o.Mapping.From {
					asked[ref] = true
				}
			}
		}
	}
	want := verdicts(ev, asked)
	maps.DeleteFunc(want, func(k string, _ bool) bool { return strings.HasSuffix(k, " "+string(evidence.NotApplicable)) })
	got := map[string]bool{}
	for _, k := range r.Claims {
		if k.Method != scheme.Declared || k.By.Kind != scheme.Maker {
			t.Errorf("%+v is more than a declaration", k)
		}
		got[fmt.Sprint(k.Requirements[0], " ", k.Verdict)] = true
	}
	if !maps.Equal(got, want) {
		t.Errorf("came back as\n%v\nwant\n%v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
}
