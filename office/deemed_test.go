package office_test

import (
	"testing"

	"assay/certificate"
	"assay/office"
	"assay/scheme"
	"assay/store/storetest"
)

// A nation whose law takes a foreign label as compliance enters that a duty is
// met: without a request, a number or a level, as long as the label is current.
func TestDutyMetByForeignLabel(t *testing.T) {
	const clause = "uk-2025/cls-to-psti"
	clock := storetest.NewClock(start)
	sg, uk := newNode(t, storetest.SQLite(t), "sg", clock), newNode(t, storetest.SQLite(t), "uk", clock)
	uk.follow(sg, "sg-cls-iot")
	sg.follow(uk, "uk-psti")
	uk.automatic(clause, 1000)

	label := sg.grant("hub.yaml", "sg-cls-iot", "1")
	uk.sync(sg)
	es := uk.here(label)
	if len(es) != 1 {
		t.Fatalf("%d entries, want 1: %s", len(es), uk.why(label, "uk-psti"))
	}
	d := es[0].Certificate
	src, err := sg.Certificate(t.Context(), label, 0, 0)
	uk.must(err)
	if d.Scheme != "uk-psti" || d.Level != "" || d.Number != "" || d.Derived.Mode != scheme.Deemed || d.Derived.Clause != clause || d.Expires != src.Certificate.Expires {
		t.Errorf("entered is %+v", d)
	}
	if s := uk.state(d.ID); s != certificate.Valid {
		t.Fatalf("it is %s", s)
	}
	uk.sync(sg)
	if n := len(uk.here(label)); n != 1 {
		t.Errorf("%d entries after deciding again", n)
	}

	longer := clone(t, d)
	longer.SupportEnd = d.Expires - 1
	if err := uk.Lint(t.Context(), longer, src.Certificate, src.Leaf); err != nil {
		t.Errorf("a label that its nation lets run past the maker's support is current all the same: %v", err)
	}

	sg.act(office.ActSuspend, office.MeasureBody{Certificate: label, Reason: "vulnerability-unfixed"})
	uk.sync(sg)
	if s := uk.state(d.ID); s != certificate.Suspended {
		t.Errorf("with the label suspended the duty is %s", s)
	}
	sg.act(office.ActReinstate, office.MeasureBody{Certificate: label, Reason: "vulnerability-fixed"})
	uk.sync(sg)
	if s := uk.state(d.ID); s != certificate.Valid {
		t.Errorf("with the label current again the duty is %s", s)
	}
	cs, _, err := uk.Cases(t.Context(), uk.people["officer-1"], "open", "", 50)
	uk.must(err)
	for _, c := range cs {
		if c.Kind != "sample" { // which the standing decision draws for later checking
			t.Errorf("somebody is asked: %+v", c)
		}
	}
	sg.act(office.ActRevoke, office.MeasureBody{Certificate: label, Reason: "below-criteria"})
	uk.sync(sg)
	if s := uk.state(d.ID); s != certificate.Lapsed {
		t.Errorf("without the label the duty is %s", s)
	}
	checkRebuild(t, uk)
}
