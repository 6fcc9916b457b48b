package specimen_test

import (
	"bytes"
	"testing"

	"assay/catalog"
	"assay/evidence"
	"assay/labsign"
	"assay/specimen"
)

const file = `product: {holder: h, brand: b, name: n, functions: [consumer], models: [{id: M, hardware: [B]}]}
firmware: [{version: "1", sha256: f4cd521a4299a9c9cd6832093225c11e31e762a9dba2a746ccef5a51f7e7a125}]
claims:
  - {requirements: [std@1/a], verdict: pass, method: declaration, by: {kind: maker, id: h}, date: 2026-01-02, ground: so}
  - {requirements: [std@1/b], verdict: pass, method: test, by: {kind: laboratory, id: specimen-lab-1}, date: 2026-01-03}
`

// What the laboratory claims becomes its signed report; a catalog with its file
// knows the signature, another laboratory's does not.
func TestEvidence(t *testing.T) {
	lab, other := laboratory(t), laboratory(t)
	j, err := lab.Evidence([]byte(file), "other", []string{"X-1"}, "consumer/router")
	if err != nil {
		t.Fatal(err)
	}
	ev, err := evidence.Parse(j)
	if err != nil {
		t.Fatal(err)
	}
	if len(ev.Claims) != 1 || len(ev.Reports) != 1 || ev.Product.Name != "other" || ev.Product.Functions[0] != "consumer/router" {
		t.Fatalf("%d claims, %d reports, %+v", len(ev.Claims), len(ev.Reports), ev.Product)
	}
	if fs := ev.Validate(); len(fs) > 0 {
		t.Errorf("findings: %v", fs)
	}
	if r := ev.Reports[0].Report(); r.Product.Models[0] != "X-1" || r.Samples[0].Model != "X-1" || r.Samples[0].Firmware != ev.Firmware[0].SHA256 {
		t.Errorf("report %+v", r)
	}
	for l, good := range map[*specimen.Laboratory]bool{lab: true, other: false} {
		b, err := l.Catalog()
		if err != nil {
			t.Fatal(err)
		}
		cat, err := catalog.FromArchive(b)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range catalog.Lint(cat) {
			if f.Severity == catalog.Error {
				t.Errorf("%s: %s", f.Path, f.Message)
			}
		}
		if err := ev.Verify(labsign.Check(cat))[0]; (err == nil) != good {
			t.Errorf("verified: %v, want %v", err, good)
		}
	}
	if _, err := lab.Evidence(bytes.Replace([]byte(file), []byte("firmware: ["), []byte("firmware_: ["), 1), "", nil); err == nil {
		t.Error("a file with an unknown field was taken")
	}
}

func laboratory(t *testing.T) *specimen.Laboratory {
	t.Helper()
	l, err := specimen.New()
	if err != nil {
		t.Fatal(err)
	}
	return l
}
