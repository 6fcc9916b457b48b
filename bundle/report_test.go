package bundle_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"assay/bundle"
	"assay/civil"
	"assay/evidence"
	"assay/scheme"
)

// A tester's work on an earlier report stays, and the same report comes once.
func TestAddReport(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "b")
	b := bundle.New()
	if err := b.Put("product.yaml", []byte("product: {holder: fi:x, brand: B, name: P, functions: [camera], models: [{id: M}]}\n")); err != nil {
		t.Fatal(err)
	}
	if err := b.Parse(); err != nil {
		t.Fatal(err)
	}
	if err := b.Save(dir); err != nil {
		t.Fatal(err)
	}
	day := civil.MustDate("2026-11-24")
	r := evidence.Report{
		Number: "L-1", By: evidence.Body{Kind: scheme.Maker, ID: "fi:x"}, Method: evidence.Method{Standard: "s", Edition: "1"}, Date: day, Tested: evidence.Period{From: day, To: day},
		Product: evidence.Tested{Holder: "fi:x", Name: "P", Models: []string{"M"}},
		Tasks:   []evidence.Task{{ID: "T1", Unit: "5.6-1-2/c", Seen: "Ports.", Method: []string{"Scan."}, Passes: "None."}},
	}
	add := func(number string) bundle.Added {
		t.Helper()
		b, err := bundle.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		x := r
		x.Number = number
		a, err := b.AddReport(dir, "lab-device.yaml", &x)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	if a := add("L-1"); a.Path != "verdicts/lab-device.yaml" || !a.New {
		t.Errorf("%+v", a)
	}
	if a := add("L-1"); a.Path != "verdicts/lab-device.yaml" || a.New {
		t.Errorf("again: %+v", a)
	}
	before, err := os.ReadFile(filepath.Join(dir, "verdicts/lab-device.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if a := add("L-2"); a.Path != "verdicts/lab-device-2.yaml" || !a.New {
		t.Errorf("another: %+v", a)
	}
	after, err := os.ReadFile(filepath.Join(dir, "verdicts/lab-device.yaml"))
	if err != nil || string(before) != string(after) {
		t.Error("the first was changed")
	}
	if b, err = bundle.Open(dir); err != nil || len(b.Evidence.Reports) != 2 {
		t.Fatal(err)
	}
	left := 0
	for _, f := range b.Findings() {
		if !f.Note {
			t.Errorf("%s", f)
		}
		if f.Problem == "1 tasks are left to a tester" && f.Line > 1 && strings.HasPrefix(f.File, "verdicts/") {
			left++
		}
	}
	if left != 2 {
		t.Errorf("tasks of %d reports: %v", left, b.Findings())
	}
}
