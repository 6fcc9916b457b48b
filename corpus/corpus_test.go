package corpus

import (
	"testing"

	"assay/catalog"
	"assay/scheme"
)

func embeddedCat(t testing.TB) *scheme.Catalog {
	t.Helper()
	cat, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return cat
}

func TestCases(t *testing.T) {
	r, err := Run(Embedded(), embeddedCat(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Failures {
		for _, w := range f.What {
			t.Errorf("%s: %s: %s", f.File, f.Case, w)
		}
	}
	t.Logf("%d cases", r.Cases)
}

// Every change of what decides turns a case red.
func TestMutants(t *testing.T) {
	r, err := Mutate(Embedded(), embeddedCat(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range r.Survivors {
		t.Errorf("no case notices %s", m)
	}
	t.Logf("%d mutants", r.Mutants)
}
