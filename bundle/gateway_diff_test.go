package bundle_test

import (
	"fmt"
	"slices"
	"testing"

	"assay/assess"
	"assay/civil"
	"assay/evidence"
	"assay/labsign"
	"assay/scheme"
)

// New firmware makes exactly the functional verdicts and the tests of the
// specimen stale; a changed row exactly the verdicts over it; and the levels that
// a laboratory tests for are lost until it tests again, those that are declared
// are not.
func TestGatewayDiff(t *testing.T) {
	cat := specimen(t)
	c, err := assess.Compile(cat)
	if err != nil {
		t.Fatal(err)
	}
	day := civil.MustDate("2026-11-24")
	state := func(change func(*evidence.Evidence)) *evidence.Evidence {
		ev := openGateway(t).Evidence
		for i, err := range ev.Verify(labsign.Check(cat)) {
			if err != nil {
				t.Fatalf("%s: %v", ev.Reports[i].Name, err)
			}
		}
		change(ev)
		return ev
	}
	old := state(func(*evidence.Evidence) {})
	diff := func(new *evidence.Evidence) *assess.Difference {
		d, err := assess.Diff(c, cat, old, new, day)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if d := diff(state(func(*evidence.Evidence) {})); len(d.Stale)+len(d.Changes) != 0 || d.Verdicts < 900 {
		t.Errorf("the same: %d verdicts, changes %v, stale %v", d.Verdicts, d.Changes, d.Stale)
	}

	d := diff(state(func(ev *evidence.Evidence) { ev.Firmware[0].SHA256[0] ^= 0xff }))
	want := map[string]int{}
	on := func(report, unit, row string) string { return fmt.Sprint(report, " ", unit, " ", row) }
	for i := range old.Reports {
		r := old.Reports[i].Report()
		spec := cat.TestSpec(r.Method.Standard + "@" + r.Method.Edition)
		for _, v := range r.Verdicts {
			if _, tc, _ := spec.Unit(v.Unit); tc.Kind == scheme.Functional {
				want[on(old.Reports[i].Name, v.Unit, v.Row)]++
			}
		}
		for _, v := range r.Results {
			if v.Method == scheme.Test {
				want[on(old.Reports[i].Name, "", "")]++
			}
		}
	}
	for _, cl := range old.Claims {
		if len(cl.Firmware) > 0 {
			want[on("", "", "")]++
		}
	}
	for i := range d.Stale {
		want[on(d.Stale[i].Report, d.Stale[i].Unit, d.Stale[i].Row)]--
	}
	for what, n := range want {
		if n != 0 {
			t.Errorf("new firmware: %q is off by %d", what, n)
		}
	}
	lost := map[string]string{}
	for _, s := range d.Standings {
		lost[s.Scheme] = s.Before + ">" + s.After
		if (s.Scope == "") != (s.Firmware == "") {
			t.Errorf("%s: scope %q with the rule %q", s.Scheme, s.Scope, s.Firmware)
		}
	}
	for id, want := range map[string]string{"fi-label": "label>", "sg-cls-iot": "4>2", "de-it-sik": "label>label", "uk-psti": "compliant>compliant"} {
		if lost[id] != want {
			t.Errorf("%s: %s, want %s", id, lost[id], want)
		}
	}

	const table = "auth-mech"
	row := old.IXIT[table][0].ID()
	d = diff(state(func(ev *evidence.Evidence) {
		ev.IXIT[table][0]["description"] = evidence.Cell{"Something else."}
	}))
	if len(d.Stale) == 0 {
		t.Error("no verdict hangs on the row")
	}
	spec := cat.TestSpec("ts-103-701@1.1.1")
	for i := range d.Stale {
		s := &d.Stale[i]
		_, _, u := spec.Unit(s.Unit)
		over := u.Over != nil && u.Over.Table == table && s.Row == row
		if !over && !slices.Contains(u.Reads, table) {
			t.Errorf("%s %s does not hang on %s", s.Unit, s.Row, row)
		}
		if s.Why[0] != (assess.Cause{Kind: evidence.ChangedRow, What: table + "/" + row}) {
			t.Errorf("%s %s: %v", s.Unit, s.Row, s.Why)
		}
	}
}
