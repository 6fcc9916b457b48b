package office_test

import (
	"fmt"
	"slices"
	"testing"

	"assay/certificate"
	"assay/civil"
	"assay/office"
	"assay/store"
)

// A number entered by hand may lie in a block that was reserved before: it is
// never given again.
func TestNumberWithinABlock(t *testing.T) {
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr, sg := pair(t, open)
		manyGrants(t, kr, 0, 40) // enough for a block
		sg.sync(kr)
		es, _, err := sg.Register(t.Context(), office.Query{Office: "kr", Limit: 200})
		sg.must(err)
		if len(es) != 40 {
			t.Fatalf("%d designations, want 40", len(es))
		}
		last := es[len(es)-1].Certificate
		var serial int
		if _, err := fmt.Sscanf(last.Number[len("CSA/241129/"):], "%d", &serial); err != nil {
			t.Fatal(err)
		}
		next := fmt.Sprintf("%s%d", last.Number[:len("CSA/241129/")], serial+1)
		sg.act(office.ActEarlier, office.EarlierBody{Number: next, Scheme: "sg-cls-iot", Level: "2",
			Product:  certificate.Product{Holder: "sg:old", Brand: "Old", Name: "Old", Models: []certificate.Model{{ID: "O-1"}}, Functions: []string{"consumer/camera"}},
			Firmware: []string{"1"}, Granted: civil.MustDate("2026-01-05"), Expires: civil.MustDate("2028-01-05"), SupportEnd: civil.MustDate("2028-01-05")})
		manyGrants(t, kr, 40, 5)
		sg.sync(kr)
		es, _, err = sg.Register(t.Context(), office.Query{Limit: 200})
		sg.must(err)
		var numbers []string
		for _, e := range es {
			numbers = append(numbers, e.Certificate.Number)
		}
		slices.Sort(numbers)
		if all := len(numbers); all != 46 || len(slices.Compact(numbers)) != all {
			t.Errorf("%d entries, their numbers: %v", all, numbers)
		}
	})
}
