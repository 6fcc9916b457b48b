package interop

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/spdx/tools-golang/convert"
	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx/v2/v2_3"
	"github.com/spdx/tools-golang/spdx/v3/v3_0"
	"github.com/spdx/tools-golang/tagvalue"

	"assay/evidence"
	"assay/exchange"
	"assay/exchange/intake"
)

// moduleDir is where a module's files are, its tests' data among them.
func moduleDir(t *testing.T, module string) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func readBoth(t *testing.T, path string) ([]byte, *intake.Result) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := exchange.Read(path, bytes.NewReader(text), intake.Options{Holder: "xx:0001"})
	if err != nil {
		t.Errorf("%s: %v", filepath.Base(path), err)
		return text, nil
	}
	ev := evidence.Evidence{Imports: []evidence.Import{r.Import}, Claims: r.Claims}
	for _, f := range ev.Validate() {
		if strings.HasPrefix(f.Place, "/imports") || strings.HasPrefix(f.Place, "/claims") {
			t.Errorf("%s: %s", filepath.Base(path), f)
		}
	}
	return text, r
}

// Every valid example of CycloneDX's own library, of every version and in both
// forms, is read, with the components and vulnerabilities that the library sees.
func TestReadsCycloneDXExamples(t *testing.T) {
	dir := filepath.Join(moduleDir(t, "github.com/CycloneDX/cyclonedx-go"), "testdata")
	var files []string
	for _, p := range []string{"valid-*", "snapshots/*EncodeVersion*", "snapshots/*RoundTrip*"} {
		more, err := filepath.Glob(filepath.Join(dir, p))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, more...)
	}
	if len(files) < 150 {
		t.Fatalf("%d files: the library has moved its examples", len(files))
	}
	for _, path := range files {
		text, r := readBoth(t, path)
		if r == nil {
			continue
		}
		format := cdx.BOMFileFormatXML
		if bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
			format = cdx.BOMFileFormatJSON
		}
		var bom cdx.BOM
		if err := cdx.NewBOMDecoder(bytes.NewReader(text), format).Decode(&bom); err != nil {
			t.Fatalf("%s: the library itself: %v", filepath.Base(path), err)
		}
		want := map[evidence.Component]bool{}
		count(bom.Components, want)
		if got := len(r.Import.Components); got != len(want) {
			t.Errorf("%s: %d components, the library has %d", filepath.Base(path), got, len(want))
		}
		ids := map[string]bool{}
		for _, i := range r.Import.Issues {
			ids[i.ID] = true
		}
		if bom.Vulnerabilities != nil {
			for _, v := range *bom.Vulnerabilities {
				if v.ID != "" && !ids[v.ID] {
					t.Errorf("%s: %s is missing", filepath.Base(path), v.ID)
				}
			}
		}
	}
}

// count finds the distinct components that are software.
func count(list *[]cdx.Component, into map[evidence.Component]bool) {
	if list == nil {
		return
	}
	for _, c := range *list {
		switch c.Type {
		case cdx.ComponentTypeFile, cdx.ComponentTypeData, cdx.ComponentTypeDevice, cdx.ComponentTypeCryptographicAsset:
		default:
			k := evidence.Component{Name: c.Group + "/" + c.Name, Version: c.Version, PURL: c.PackageURL, CPE: c.CPE}
			if c.Supplier != nil {
				k.Supplier = c.Supplier.Name
			}
			if c.Licenses != nil && len(*c.Licenses) > 0 {
				l := (*c.Licenses)[0]
				if k.License = l.Expression; l.License != nil {
					k.License = l.License.ID + l.License.Name
				}
			}
			into[k] = true
		}
		count(c.Components, into)
	}
}

// names are name and version of each component, sorted.
func names(r *intake.Result) (out []string) {
	for _, c := range r.Import.Components {
		out = append(out, c.Name+" "+c.Version+" "+c.PURL+" "+c.SHA256.String())
	}
	slices.Sort(out)
	return out
}

// what the library sees in a document of version 2.3; the described package
// is left out where ours leaves it out.
func spdxNames(d *v2_3.Document, target string) (out []string) {
	for _, p := range d.Packages {
		if p.PackageName+" "+p.PackageVersion == target && len(d.Packages) > 1 {
			continue
		}
		purl, sum := "", ""
		for _, e := range p.PackageExternalReferences {
			if e.RefType == "purl" && purl == "" {
				purl = e.Locator
			}
		}
		for _, c := range p.PackageChecksums {
			if c.Algorithm == "SHA256" {
				sum = c.Value
			}
		}
		version := p.PackageVersion
		if version == "NOASSERTION" {
			version = ""
		}
		out = append(out, p.PackageName+" "+version+" "+purl+" "+sum)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Every example of SPDX's own library says the same here; and what that library
// converts to SPDX 3 does, too.
func TestReadsSPDXExamples(t *testing.T) {
	dir := moduleDir(t, "github.com/spdx/tools-golang")
	var files []string
	for _, p := range []string{"examples/sample-docs/json/*.json", "examples/sample-docs/tv/*.spdx", "json/test_fixtures/*.json", "spdx/v2/*/json/testdata/*.json"} {
		more, err := filepath.Glob(filepath.Join(dir, p))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, more...)
	}
	own, err := filepath.Glob("../exchange/testdata/*.spdx*")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range own {
		if !strings.Contains(p, "spdx3") && !strings.Contains(p, "reuse") && !strings.Contains(p, "gateway") { // the library takes less: see below
			files = append(files, p)
		}
	}
	if len(files) < 9 {
		t.Fatalf("%d files: the library has moved its examples: %v", len(files), files)
	}
	packages, converted := 0, 0
	for _, path := range files {
		text, r := readBoth(t, path)
		if r == nil {
			continue
		}
		var d v2_3.Document
		if bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
			err = spdxjson.ReadInto(bytes.NewReader(text), &d)
		} else {
			err = tagvalue.ReadInto(bytes.NewReader(text), &d)
		}
		if err != nil {
			t.Logf("%s: the library does not read its own example: %v", filepath.Base(path), err)
			continue
		}
		want := spdxNames(&d, r.Import.Target)
		packages += len(want)
		if got := names(r); !slices.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", filepath.Base(path), got, want)
		}
		var three v3_0.Document
		if err := convert.Document(d, &three); err != nil {
			t.Logf("%s: the library does not convert it: %v", filepath.Base(path), err)
			continue
		}
		var out bytes.Buffer
		if err := three.ToJSON(&out); err != nil {
			t.Logf("%s: the library does not write it as SPDX 3: %v", filepath.Base(path), err)
			continue
		}
		as3, err := exchange.Read("three.json", bytes.NewReader(out.Bytes()), intake.Options{})
		if err != nil {
			t.Errorf("%s as SPDX 3: %v", filepath.Base(path), err)
			continue
		}
		converted++
		for _, n := range want {
			if !slices.ContainsFunc(names(as3), func(m string) bool { return sameButHash(m, n) }) {
				t.Errorf("%s as SPDX 3 has not %q: %q", filepath.Base(path), n, names(as3))
			}
		}
	}
	if packages < 15 || converted < 5 {
		t.Errorf("%d packages were compared, %d documents as SPDX 3", packages, converted)
	}
}

func sameButHash(a, b string) bool {
	cut := func(s string) string { return s[:strings.LastIndexByte(s, ' ')] }
	return cut(a) == cut(b)
}

// The library's example of SPDX 3.
func TestReadsSPDX3Example(t *testing.T) {
	_, r := readBoth(t, filepath.Join(moduleDir(t, "github.com/spdx/tools-golang"), "spdx", "v3", "v3_0", "testdata", "test.json"))
	if r == nil || len(r.Import.Components) != 1 || r.Import.Components[0].Name != "my-package" || r.Import.Components[0].Version != "1.0.0" {
		t.Errorf("got %+v", r)
	}
}

// SPDX's library panics on a null in a list, which is why it is no dependency.
// Should it one day say what is wrong, it could be one.
func TestSPDXLibraryPanics(t *testing.T) {
	const text = `{"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "packages": [null]}`
	defer func() {
		if recover() == nil {
			t.Log("it panics no more")
		}
		if _, err := exchange.Read("x.json", strings.NewReader(text), intake.Options{}); err == nil || !strings.Contains(err.Error(), "/packages/0") {
			t.Errorf("got %v", err)
		}
	}()
	var d v2_3.Document
	_ = spdxjson.ReadInto(strings.NewReader(text), &d)
}
