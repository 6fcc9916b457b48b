package evidence

import (
	"fmt"
	"strings"
	"testing"

	"assay/civil"
	"assay/scheme"
)

func TestCompare(t *testing.T) {
	old := parsed(t)
	if cs, err := Compare(old, parsed(t)); err != nil || len(cs) != 0 {
		t.Errorf("itself: %v, %v", cs, err)
	}
	new := parsed(t)
	new.Firmware = []Firmware{{"1.10", Hash{9}}, {"1.11", Hash{8}}}
	new.Product.Models[0].Hardware = []string{"A", "B"}
	new.Product.Models[0].Variants[0].Hardware = []string{"C"}
	new.Features["radio"] = Feature{Answer: scheme.Yes}
	delete(new.Features, "sensors")
	new.IXIT = map[string][]Row{"conf": {{"x": {"1"}}}}
	new.Imports = []Import{{Components: []Component{{Name: "a", Version: "2"}, {Name: "a", Version: "1"}, {Name: "b"}}}}
	cs, err := Compare(old, new)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range cs {
		short := func(s string) string { return s[:min(len(s), 4)] }
		got = append(got, fmt.Sprintf("%s %s %s>%s", c.Kind, c.What, short(c.Old), short(c.New)))
	}
	want := "firmware 1.10 0000>0900, firmware 1.11 >0800, hardware H-1 1.10 1.10>, hardware H-1 B >B, hardware H-1W C >C, " +
		"row conf/ >" + new.IXIT["conf"][0].Digest().String()[:4] + ", component a >1, 2, component b >?, feature radio unde>yes, feature sensors no>"
	if g := strings.Join(got, ", "); g != want {
		t.Errorf("got  %s\nwant %s", g, want)
	}
	if cs, _ := Compare(new, old); cs[6].What != AllComponents || cs[6].Old != "2" {
		t.Errorf("no list any more: %v", cs)
	}
	new.Product.Holder = "xx:0002"
	if _, err := Compare(old, new); err == nil {
		t.Error("two holders' products were compared")
	}
}

// What is left out is gone from the copy only, and who signed a report is not
// forgotten: assess would take nothing in it otherwise.
func TestWithout(t *testing.T) {
	r := &Report{By: Body{Kind: scheme.Laboratory, ID: "lab:7"}, Date: civil.MustDate("2026-01-01"),
		Verdicts: []UnitVerdict{{Unit: "a"}, {Unit: "b"}, {Unit: "c"}}, Results: []Result{{Ground: "x"}, {Ground: "y"}}}
	e := &Evidence{Reports: []Signed{{Name: "r", report: r}, {Name: "unread"}}, Claims: []Claim{{Ground: "p"}, {Ground: "q"}}}
	e.Verify(func(string, civil.Date, []byte, string) (string, error) { return "key", nil })
	less := e.Without(
		func(r, i int) bool { return r == 0 && i == 1 },
		func(r, i int) bool { return i == 0 },
		func(i int) bool { return i == 1 })
	left := less.Reports[0].Report()
	if len(left.Verdicts) != 2 || left.Verdicts[1].Unit != "c" || len(left.Results) != 1 || left.Results[0].Ground != "y" || len(less.Claims) != 1 || less.Claims[0].Ground != "p" {
		t.Errorf("left: %+v, %+v", left, less.Claims)
	}
	if s := less.Reports[0].Signer(); s == nil || s.Key != "key" {
		t.Error("the signer is forgotten")
	}
	if len(r.Verdicts) != 3 || len(r.Results) != 2 || len(e.Claims) != 2 || e.Reports[0].Report() != r {
		t.Error("the evidence itself was changed")
	}
}
