package cyclonedx

import (
	"strings"
	"testing"

	"assay/civil"
	"assay/evidence"
	"assay/exchange/intake"
	"assay/scheme"
)

func TestReadNPM(t *testing.T) {
	m := file(t, "npm.cdx.json").Import
	same(t, "components", m.Components, []evidence.Component{
		{Name: "debug", Version: "4.4.3", PURL: "pkg:npm/debug@4.4.3", License: "MIT"},
		{Name: "ms", Version: "2.1.3", PURL: "pkg:npm/ms@2.1.3", License: "MIT"},
	})
	if m.Target != "app 1.0.0" || m.Tool != "cli" || m.Version != "11.19.1" || m.Date != civil.MustDate("2026-11-24") {
		t.Errorf("got %+v", m)
	}
}

func TestReadXML(t *testing.T) {
	m := file(t, "gomod.cdx.xml").Import
	var h evidence.Hash
	if err := h.UnmarshalText([]byte("348bda24330eb231c0f27d630212d2833ac0cf2d4782bfa136b6f9edefbde05d")); err != nil {
		t.Fatal(err)
	}
	same(t, "component", m.Components[0], evidence.Component{Name: "github.com/google/uuid", Version: "v1.6.0",
		PURL: "pkg:golang/github.com/google/uuid@v1.6.0?goarch=amd64&goos=linux&type=module", License: "BSD-3-Clause", SHA256: h})
	if len(m.Components) != 2 || m.Tool != "cyclonedx-gomod" || m.Version != "v1.10.0" || m.Target != "device.example/panel" {
		t.Errorf("got %+v", m)
	}
}

func TestVEX(t *testing.T) {
	r := file(t, "vex.cdx.json")
	m := r.Import
	same(t, "components", m.Components, []evidence.Component{
		{Name: "Linux", Version: "5.15.148", CPE: "cpe:2.3:o:linux:linux_kernel:5.15.148:*:*:*:*:*:*:*"},
		{Name: "busybox", Version: "1.36.1", PURL: "pkg:generic/busybox@1.36.1", Supplier: "BusyBox project", License: "GPL-2.0-only"},
		{Name: "org.example/tinytls", Version: "3.5.1", License: "(Apache-2.0 OR GPL-2.0-or-later) AND LicenseRef-House-rules--v2", SHA256: evidence.Hash{31: 0xbb}},
	})
	same(t, "issues", m.Issues, []evidence.Issue{
		{ID: "CVE-2099-0001", Severity: "critical", Text: "A heap overflow. [exploitable] [Reached over the LAN.]", Where: "busybox 1.36.1", CWE: []string{"CWE-787"}, State: "affected"},
		{ID: "CVE-2099-0001", Severity: "critical", Text: "A heap overflow. [exploitable] [Reached over the LAN.]", Where: "org.example/tinytls 3.5.1", CWE: []string{"CWE-787"}, State: "affected"},
		{ID: "CVE-2099-0002", Severity: "none", Text: "Not compiled in. [code_not_present]", Where: "Linux 5.15.148", State: "not_affected"},
		{ID: "CVE-2099-0003", Severity: "unknown", Text: "Being looked at. [in_triage]", State: "under_investigation"},
		{ID: "CVE-2099-0004", Severity: "unknown", Text: "[resolved]", Where: "gone", State: "fixed"},
	})
	if m.Firmware != (evidence.Hash{31: 0xaa}) || m.Date != civil.MustDate("2026-05-04") || m.Tool != "fwsbom" || m.Version != "2.1" {
		t.Errorf("got %+v", m)
	}
	noted(t, r, "hardware, left out: 1")
	noted(t, r, "nobody observed, left out: 1")
	noted(t, r, "repetitions of components, left out: 1")
}

// Whoever assessed, and whatever the score: what comes out is the maker's
// declaration and no more.
func TestAttestation(t *testing.T) {
	r := file(t, "attestation.cdx.json")
	byRef := map[string]evidence.Claim{}
	for _, c := range r.Claims {
		byRef[c.Requirements[0].String()] = c
		if c.Method != scheme.Declared || c.By != (evidence.Body{Kind: scheme.Maker, ID: "xx:0001"}) || c.Date != civil.MustDate("2026-05-04") {
			t.Errorf("%v is more than a declaration: %+v", c.Requirements, c)
		}
		if len(c.Artifacts) != 1 || c.Artifacts[0].SHA256 != r.Import.Artifact.SHA256 {
			t.Errorf("%v does not rest on the file", c.Requirements)
		}
	}
	const std = "en-303-645@3.1.3/"
	want := map[string]struct {
		verdict evidence.Verdict
		says    string
	}{
		std + "5.1-1":  {evidence.Pass, "first party SPECIMEN Ltd"},
		std + "5.2-1":  {evidence.Inconclusive, "No time for acknowledgement"},
		std + "5.5-1":  {evidence.Inconclusive, "With counter-evidence"},
		std + "5.6-1":  {evidence.Fail, "Unsigned statement of a third party Testing House"},
		std + "5.3-13": {evidence.Pass, "counts as a declaration"},
	}
	if len(byRef) != len(want) || len(r.Claims) != len(want) {
		t.Errorf("%d claims, want %d: %+v", len(r.Claims), len(want), r.Claims)
	}
	for ref, w := range want {
		if c := byRef[ref]; c.Verdict != w.verdict || !strings.Contains(c.Ground, w.says) {
			t.Errorf("%s: got %s, %q; want %s, saying %q", ref, c.Verdict, c.Ground, w.verdict, w.says)
		}
	}
	if c := byRef[std+"5.1-1"]; c.Until != civil.MustDate("2027-05-04") || len(c.Firmware) != 1 || c.Firmware[0] != (evidence.Hash{31: 0xaa}) {
		t.Errorf("the first expiry or the image is missing: %+v", c)
	}
	noted(t, r, `"asvs-1" was left out`)
	noted(t, r, "5.8-2 was left out: it has no conformance score")
	noted(t, r, `"c9", which is not in the file`)
}

func TestAttestationLeftOut(t *testing.T) {
	in := string(text(t, "attestation.cdx.json"))
	f, err := intake.Read("x", strings.NewReader(in), intake.Standard)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Read(f, intake.Options{}) // nobody knows for whose product
	if err != nil || len(r.Claims) != 0 {
		t.Errorf("got %v, %v", r.Claims, err)
	}
	noted(t, r, "for whose product")
	for old, says := range map[string]string{`"timestamp": "2026-05-04T10:00:00Z", `: "undated", `"2027-05-04T00:00:00Z"`: "expired on 2020-01-01"} {
		with := ""
		if says != "undated" {
			with = `"2020-01-01T00:00:00Z"`
		}
		r, err := parse("x", []byte(strings.Replace(in, old, with, 1)))
		if err != nil {
			t.Fatal(err)
		}
		noted(t, r, says)
	}
	r, err = parse("x", []byte(strings.Replace(in, `"conformance": {"score": 1, "rationale": "Met"}`, `"counterClaims": ["c2"], "conformance": {"score": 1, "rationale": "Met"}`, 1)))
	if err != nil || r.Claims[0].Verdict != evidence.Inconclusive {
		t.Errorf("a counter-claim speaks against it: %+v, %v", r.Claims[0], err)
	}
	r, err = parse("x", []byte(strings.Replace(in, `"score": 1, "rationale": "Met"`, `"score": 1.5`, 1)))
	if err != nil || len(r.Claims) != 4 {
		t.Errorf("a score of 1.5: %+v, %v", r.Claims, err)
	}
}

func TestRefuses(t *testing.T) {
	bill := func(s string) string { return `{"bomFormat": "CycloneDX", "specVersion": "1.6", ` + s + `}` }
	for _, c := range []struct {
		name, in    string
		line        int
		place, says string
	}{
		{"format", `{"bomFormat": "SPDX", "specVersion": "1.6"}`, 0, "", "not CycloneDX"},
		{"version", `{"bomFormat": "CycloneDX", "specVersion": "2.0"}`, 0, "", "2.0"},
		{"version of JSON", `{"bomFormat": "CycloneDX", "specVersion": "1.1"}`, 0, "", "1.1"},
		{"no version", `{"bomFormat": "CycloneDX"}`, 0, "", "version \"\""},
		{"no name", bill(`"components": [{"type": "library", "name": "a", "components": [{"type": "library"}]}]`), 0, "/components/0/components/0", "without a name"},
		{"null", bill(`"components": [null]`), 0, "/components/0", "without a name"},
		{"type", bill("\n" + `"components": {}`), 2, "/components", "a list belongs"},
		{"XML, another root", `<bom xmlns="http://example.org/"/>`, 0, "", "no CycloneDX bill"},
		{"XML, version", `<bom xmlns="http://cyclonedx.org/schema/bom/2.0"/>`, 0, "", "2.0"},
		{"XML, truncated", "<bom xmlns=\"http://cyclonedx.org/schema/bom/1.4\">\n<components>", 2, "/bom/components", "truncated"},
		{"XML, number", "<bom xmlns=\"http://cyclonedx.org/schema/bom/1.4\"\n version=\"x\"/>", 2, "/bom", "no XML"},
		{"XML, two", "<bom xmlns=\"http://cyclonedx.org/schema/bom/1.4\" version=\"1\"/>\n<bom/>", 2, "", "second document"},
	} {
		_, err := parse("x", []byte(c.in))
		refused(t, c.name, err, c.line, c.place, c.says)
	}
}
