package attest

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"assay/catalog"
	"assay/evidence"
	"assay/scheme"
)

func embedded(t testing.TB) *scheme.Catalog {
	t.Helper()
	c, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func export(t testing.TB, c *scheme.Catalog, only ...scheme.StandardRef) []File {
	t.Helper()
	files, err := Export(c, only)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestExportIsDeterministic(t *testing.T) {
	first, again := export(t, embedded(t)), export(t, embedded(t))
	if len(first) != len(again) || len(first) < 20 {
		t.Fatalf("%d and %d files", len(first), len(again))
	}
	serials := map[string]bool{}
	for i := range first {
		if first[i].Path != again[i].Path || !bytes.Equal(first[i].Body, again[i].Body) {
			t.Errorf("%s differs from %s", first[i].Path, again[i].Path)
		}
		var b BOM
		if err := json.Unmarshal(first[i].Body, &b); err != nil {
			t.Fatal(err)
		}
		if serials[b.SerialNumber] || !regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(b.SerialNumber) {
			t.Errorf("%s has the serial number %s", first[i].Path, b.SerialNumber)
		}
		serials[b.SerialNumber] = true
	}
}

// Every requirement and level of the catalog is there, and every reference
// leads to something in the same document.
func TestExportIsCompleteAndClosed(t *testing.T) {
	c := embedded(t)
	requirements, levels := map[string]bool{}, map[string]bool{}
	for _, f := range export(t, c) {
		var b BOM
		d := json.NewDecoder(bytes.NewReader(f.Body))
		d.DisallowUnknownFields()
		if err := d.Decode(&b); err != nil {
			t.Fatal(err)
		}
		refs := map[string]bool{}
		see := func(ref string) {
			if ref == "" || refs[ref] || strings.HasPrefix(ref, "urn:cdx:") {
				t.Errorf("%s: the bom-ref %q stands there twice or is none", f.Path, ref)
			}
			refs[ref] = true
		}
		for _, s := range b.Definitions.Standards {
			see(s.BOMRef)
			for _, r := range s.Requirements {
				see(r.BOMRef)
				if ref, err := evidence.ParseRef(r.Identifier); err == nil {
					q := c.Requirement(scheme.RequirementRef(ref))
					if q == nil || q.Text["en"] != r.Text || r.BOMRef != r.Identifier {
						t.Errorf("%s: %+v", f.Path, r)
					}
					requirements[r.Identifier] = true
				} else if r.Text != "" || r.Parent != "" {
					t.Errorf("%s: the area %+v", f.Path, r)
				}
			}
		}
		for _, s := range b.Definitions.Standards {
			for _, r := range s.Requirements {
				if r.Parent != "" && !refs[r.Parent] {
					t.Errorf("%s: %s has no parent %s", f.Path, r.BOMRef, r.Parent)
				}
			}
			for _, l := range s.Levels {
				see(l.BOMRef)
				levels[l.Identifier] = true
				for _, r := range l.Requirements {
					if !refs[r] {
						t.Errorf("%s: %s asks for %s, which is not there", f.Path, l.BOMRef, r)
					}
				}
			}
		}
	}
	for i := range c.Standards {
		for _, e := range c.Standards[i].Editions {
			for _, r := range e.Requirements {
				if ref := (scheme.RequirementRef{Standard: c.Standards[i].ID, Edition: e.ID, Requirement: r.ID}).String(); !requirements[ref] {
					t.Errorf("%s is missing", ref)
				}
			}
		}
	}
	for _, ref := range c.LevelRefs() {
		if !levels[ref.String()] {
			t.Errorf("level %s is missing", ref)
		}
	}
}

// A level contains what the levels below it ask for.
func TestLevelsAreCumulative(t *testing.T) {
	c := embedded(t)
	for _, f := range export(t, c) {
		var b BOM
		if err := json.Unmarshal(f.Body, &b); err != nil {
			t.Fatal(err)
		}
		for _, s := range b.Definitions.Standards {
			below := map[string][]string{} // by list: the edition's own or a profile's
			for _, l := range s.Levels {
				list := l.Identifier[:strings.LastIndexByte(l.Identifier, '/')]
				for _, r := range below[list] {
					if !slices.Contains(l.Requirements, r) {
						t.Errorf("%s has not %s of the level below", l.Identifier, r)
					}
				}
				below[list] = l.Requirements
			}
		}
	}
}

func TestExportOfOneStandard(t *testing.T) {
	c := embedded(t)
	for _, f := range export(t, c, scheme.StandardRef{Standard: "en-303-645", Edition: "2.1.1"}) {
		if strings.Contains(string(f.Body), `"bom-ref": "en-303-645@3.1.3"`) || strings.Contains(f.Path, "3.1.3") {
			t.Errorf("%s needs another standard", f.Path)
		}
	}
	if _, err := Export(c, []scheme.StandardRef{{Standard: "nothing", Edition: "1"}}); err == nil || !strings.Contains(err.Error(), "STANDARD@EDITION") {
		t.Errorf("%v", err)
	}
}

func BenchmarkExport(b *testing.B) {
	c := embedded(b)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, f := range export(b, c) {
			n += len(f.Body)
		}
		b.SetBytes(int64(n))
	}
}
