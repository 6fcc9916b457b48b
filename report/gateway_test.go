package report

import (
	"os"
	"sync"
	"testing"

	"assay/assess"
	"assay/bundle"
	"assay/catalog"
	"assay/civil"
	"assay/evidence"
	"assay/labsign"
	"assay/scheme"
)

var testDay = civil.MustDate("2026-11-24")

// world is the embedded catalog with the specimen laboratory.
var world = sync.OnceValues(func() (*scheme.Catalog, error) {
	archive, err := catalog.Archive(catalog.EmbeddedFS())
	if err != nil {
		return nil, err
	}
	file, err := os.ReadFile("../testdata/gateway-lab/specimen-lab.yaml")
	if err != nil {
		return nil, err
	}
	if archive, err = catalog.AddLaboratory(archive, file); err != nil {
		return nil, err
	}
	return catalog.FromArchive(archive)
})

var compiled = sync.OnceValues(func() (*assess.Compiled, error) {
	cat, err := world()
	if err != nil {
		return nil, err
	}
	return assess.Compile(cat)
})

// gateway is the specimen gateway of the module's testdata, its reports verified.
func gateway(t testing.TB) (*scheme.Catalog, *assess.Compiled, *bundle.Bundle) {
	t.Helper()
	cat, err := world()
	if err != nil {
		t.Fatal(err)
	}
	c, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	b, err := bundle.Open("../testdata/gateway")
	if err != nil {
		t.Fatal(err)
	}
	b.Evidence.Verify(labsign.Check(cat))
	return cat, c, b
}

// assessed is the report on evidence in every scheme.
func assessed(t testing.TB, cat *scheme.Catalog, c *assess.Compiled, ev *evidence.Evidence, opt Options) *Report {
	t.Helper()
	r, err := New(cat, c, ev, assess.Assess(c, ev, "", testDay), opt)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// flawed is the gateway with what goes wrong in practice: the second report came
// without its signature, two statements were changed after the tests, and the
// end of support was forgotten.
func flawed(t testing.TB, ev *evidence.Evidence) {
	t.Helper()
	f := &ev.Reports[1]
	s, err := evidence.NewSigned(f.Name, []byte(f.Body), "")
	if err != nil {
		t.Fatal(err)
	}
	*f = *s
	for _, table := range []string{"auth-mech", "upd-mech"} {
		r := ev.IXIT[table][1]
		if r["description"] == nil {
			t.Fatalf("table %s has no description", table)
		}
		r["description"] = evidence.Cell{"something else than was tested"}
	}
	ev.Support = evidence.Support{}
}
