package spdx

import (
	"slices"
	"strings"
	"testing"

	"assay/civil"
	"assay/evidence"
	"assay/exchange/intake"
)

var firmware = evidence.Hash{31: 0xaa}

// The same document in two forms, by hand.
func TestGateway(t *testing.T) {
	want := []evidence.Component{
		{Name: "dropbear", Version: "2022.83", PURL: "pkg:generic/dropbear@2022.83", CPE: "cpe:2.3:a:dropbear_ssh_project:dropbear_ssh:2022.83:*:*:*:*:*:*:*", Supplier: "Dropbear project", License: "MIT"},
		{Name: "zlib", License: "Zlib"},
	}
	for _, name := range []string{"gateway.spdx", "gateway.spdx3.json"} {
		r := file(t, name)
		m := r.Import
		same(t, name, m.Components, want)
		if m.Target != "gateway firmware 1.10" || m.Firmware != firmware || m.Date != civil.MustDate("2026-04-30") || m.Tool != "fwscan" {
			t.Errorf("%s: got %+v", name, m)
		}
		noted(t, r, "listed one by one, left out: 1")
	}
	noted(t, file(t, "gateway.spdx"), "SHA-256 of zlib is none")
	same(t, "issues", file(t, "gateway.spdx3.json").Import.Issues, []evidence.Issue{{ID: "CVE-2099-0005", Severity: "medium",
		Text: "Prefix truncation. [vulnerableCodeNotPresent]", Where: "dropbear 2022.83", State: "not_affected"}})
}

func TestReadNPM(t *testing.T) {
	m := file(t, "npm.spdx.json").Import
	same(t, "components", m.Components, []evidence.Component{
		{Name: "debug", Version: "4.4.3", PURL: "pkg:npm/debug@4.4.3", License: "MIT"},
		{Name: "ms", Version: "2.1.3", PURL: "pkg:npm/ms@2.1.3", License: "MIT"},
	})
	if m.Target != "app 1.0.0" || m.Tool != "npm/cli" || m.Version != "11.19.1" {
		t.Errorf("got %+v", m)
	}
}

func TestFilesOnly(t *testing.T) {
	r := file(t, "reuse.spdx")
	if len(r.Import.Components) != 0 {
		t.Errorf("got %+v", r.Import.Components)
	}
	noted(t, r, "left out: 5")
	noted(t, r, "no component")
}

// A document about several packages is a list of them; one about one package
// alone is about that, too.
func TestDescribed(t *testing.T) {
	const two = `{"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "documentDescribes": [DESC], "packages": [
		{"name": "a", "SPDXID": "SPDXRef-a"}, {"name": "b", "SPDXID": "SPDXRef-b", "versionInfo": "1"}]}`
	for desc, want := range map[string][]string{``: {"", "a", "b"}, `"SPDXRef-a"`: {"a", "b"}, `"SPDXRef-a", "SPDXRef-b"`: {"", "a", "b"}} {
		r, err := parse("x.json", []byte(strings.Replace(two, "DESC", desc, 1)))
		if err != nil {
			t.Fatal(err)
		}
		got := []string{r.Import.Target}
		for _, c := range r.Import.Components {
			got = append(got, c.Name)
		}
		same(t, desc, got, want)
	}
	r, err := parse("x.spdx", []byte("SPDXVersion: SPDX-2.2\nPackageName: a\nSPDXID: SPDXRef-a\nRelationship: SPDXRef-a DESCRIBED_BY SPDXRef-DOCUMENT\n"))
	if err != nil || r.Import.Target != "a" || len(r.Import.Components) != 1 {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestRefuses(t *testing.T) {
	ld := func(s string) string {
		return `{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": [` + s + `]}`
	}
	for _, c := range []struct {
		name, in    string
		line        int
		place, says string
	}{
		{"version", `{"spdxVersion": "SPDX-4.0"}`, 0, "", "SPDX-4.0"},
		{"null in a list", `{"spdxVersion": "SPDX-2.3", "packages": [null]}`, 0, "/packages/0", "without a name"},
		{"type", "{\"spdxVersion\": \"SPDX-2.3\",\n\"packages\": [{\"name\": 5}]}", 2, "/packages/0/name", "a text belongs"},
		{"tags, version", "SPDXVersion: SPDX-9\n", 1, "", "SPDX-9"},
		{"tags, version late", "\nPackageName: a\nSPDXVersion: SPDX-2.3\n", 2, "", "does not come first"},
		{"tags, no colon", "SPDXVersion: SPDX-2.3\n\nnonsense\n", 3, "", "no tag with a value"},
		{"tags, text", "SPDXVersion: SPDX-2.3\n\nPackageComment: <text>a\nb\n", 3, "", "no </text>"},
		{"tags, no name", "SPDXVersion: SPDX-2.3\nPackageName:\n", 2, "", "without a name"},
		{"tags, relationship", "SPDXVersion: SPDX-2.3\nRelationship: a b\n", 2, "", "three words"},
		{"tags, reference", "SPDXVersion: SPDX-2.3\nPackageName: a\nExternalRef: purl\n", 3, "", "CATEGORY TYPE LOCATOR"},
		{"tags, checksum", "SPDXVersion: SPDX-2.3\nPackageName: a\nPackageChecksum: 00\n", 3, "", "ALGORITHM"},
		{"another context", `{"@context": "https://schema.org", "@graph": []}`, 0, "", "not SPDX 3's"},
		{"expanded", `[{"@id": "x"}]`, 0, "", "write it compact"},
		{"no type", ld(`{"spdxId": "x"}`), 0, "/@graph/0", "without a type"},
		{"no name", ld(`{"type": "software_Package"}`), 0, "/@graph/0", "without a name"},
	} {
		_, err := parse("x", []byte(c.in))
		refused(t, c.name, err, c.line, c.place, c.says)
	}
}

// Collections that hold each other end.
func TestCircle(t *testing.T) {
	r, err := parse("x.json", []byte(`{"@context": ["https://spdx.org/rdf/3.0.0/spdx-context.jsonld"], "@graph": [
		{"type": "SpdxDocument", "spdxId": "d", "rootElement": "s", "creationInfo": {"created": "2026-01-02T00:00:00Z"}},
		{"type": "software_Sbom", "spdxId": "s", "rootElement": ["d", "s"]}]}`))
	if err != nil || r.Import.Date != civil.MustDate("2026-01-02") {
		t.Errorf("got %+v, %v", r, err)
	}
}

// A text over several lines hides no tags, and lines are counted on.
func TestTags(t *testing.T) {
	f, err := intake.Read("x", strings.NewReader("A: 1\r\n# B: 2\n\nC: <text>x\nD: 3\ny</text>\nE: <text>z</text>\nF:4:5"), intake.Standard)
	if err != nil {
		t.Fatal(err)
	}
	type tv struct {
		line       int
		tag, value string
	}
	var got []tv
	if err := tags(f, func(line int, tag, value string) error { got = append(got, tv{line, tag, value}); return nil }); err != nil {
		t.Fatal(err)
	}
	want := []tv{{1, "A", "1"}, {4, "C", "x\nD: 3\ny"}, {7, "E", "z"}, {8, "F", "4:5"}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
