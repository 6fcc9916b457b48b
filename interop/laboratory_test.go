package interop

import (
	"bytes"
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	gosarif "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"assay/evidence"
	"assay/lab"
	"assay/lab/firmware"
	"assay/lab/firmware/verdict"
	"assay/lab/labtest"
	"assay/lab/record"
	"assay/lab/sarif"
	"assay/lab/sbom"
	"assay/lab/vulnerability"
	"assay/lab/vulnerability/snapshot"
	"assay/lab/vulnerability/source"
)

// sarifSchema is OASIS's JSON Schema of SARIF 2.1.0, which go-sarif has as a constant
// that it does not show. Its own check is of what it would write again, which has empty
// lists that the schema refuses.
var sarifSchema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/owenrumney/go-sarif/v3").Output()
	if err != nil {
		return nil, err
	}
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(strings.TrimSpace(string(dir)), "pkg/report/v210/sarif/schema.go"), nil, 0)
	if err != nil {
		return nil, err
	}
	text := ""
	ast.Inspect(f, func(n ast.Node) bool {
		if v, ok := n.(*ast.BasicLit); ok && v.Kind == token.STRING && len(v.Value) > len(text) {
			text = v.Value
		}
		return true
	})
	if text, err = strconv.Unquote(text); err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	return compileSchema("sarif-schema-2.1.0.json", doc)
})

// tested is what a test of the laboratory ends with.
type tested struct {
	run        *record.Run
	components []lab.Component
	known      *vulnerability.Report
}

// everything has all that can be written: each rule at each kind of place, each kind of
// component, each state of a vulnerability.
func everything(t *testing.T) tested {
	t.Helper()
	rules, err := lab.Rules()
	if err != nil {
		t.Fatal(err)
	}
	places := []lab.Place{
		{Part: "0x20000"}, {Part: "0x20000", Offset: 77}, {Part: "0x0/rootfs/0x0", Path: "/etc/a b#?%:ä.conf", Line: 3}, {Part: "0x0", Path: "/bin/\\xff", Offset: 9},
		{Path: "c:/x"}, {Address: "192.0.2.1:80/tcp"}, {Address: "[2001:db8::1]:53/udp"}, {Address: "https://example.org/.well-known/security.txt", Line: 2},
	}
	var findings []lab.Finding
	for id := range rules {
		for i, p := range places {
			f := lab.Found(id, []lab.Certainty{lab.Claimed, lab.Confirmed}[i%2], p, "account", "admin", "problem", "x \"y\" <z>")
			findings = append(findings, f)
		}
	}
	for k := range 60 { // more than a result has
		findings[0].Where = append(findings[0].Where, lab.Place{Part: "0x0", Path: fmt.Sprintf("/x/%d", k)})
	}
	findings, _ = lab.Sort(findings)
	run := &record.Run{
		Kind: "firmware", Tool: "assay v1.2.3", At: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC), Findings: findings,
		Input: record.Input{Name: "a b:c.bin", SHA256: evidence.Hash{1, 2}, Size: 9},
	}
	seen := []lab.Observation{}
	for _, kind := range []string{"string", "filename", "database", "symbol", "banner"} {
		seen = append(seen, lab.Observation{Rule: "x", Version: 1, Where: places[2], Text: "busybox 1.25.1", Claims: "1.25.1", Kind: kind})
	}
	var parts []lab.Component
	for _, kind := range []string{"package", "program", "library", "kernel", "module", "boot-loader", "firmware", "what is to come"} {
		for _, c := range []lab.Certainty{lab.Claimed, lab.Confirmed} {
			parts = append(parts, lab.Component{
				Family: "busybox", Name: "busybox", Version: "1.25.1", Revision: "2", Kind: kind, Certainty: c, Seen: seen, PURL: "pkg:opkg/busybox@1.25.1-2?arch=mips_24kc",
				CPE: "cpe:2.3:a:busybox:busybox:1.25.1:*:*:*:*:*:*:*", License: "GPL-2.0 and others", Supplier: "somebody <x@example.org>", SHA256: strings.Repeat("ab", 32),
			}, lab.Component{Family: "zlib", Kind: kind, Certainty: c})
		}
	}
	known := &vulnerability.Report{
		Snapshots: []snapshot.About{{Source: "nvd"}},
		Parts:     []vulnerability.Part{{Family: "busybox", Version: "1.25.1", Found: []int{0, 2}}, {Family: "curl"}},
	}
	for i, state := range []vulnerability.State{vulnerability.Affected, vulnerability.NotAffected, vulnerability.Fixed, vulnerability.UnderInvestigation} {
		for k, version := range []string{"", "2.0", "3.0", "3.1", "4.0"} {
			h := vulnerability.Hit{
				ID: fmt.Sprintf("CVE-2099-%d%d", i, k), Part: k % 2, State: state, Severity: []lab.Severity{lab.None, lab.Low, lab.Medium, lab.High, lab.Critical}[k],
				CWE: []string{"CWE-787", "NVD-CWE-noinfo"}, Summary: "SPECIMEN", Reach: "network", Exploited: &snapshot.Exploited{Added: "2024-01-02"},
				Says: []vulnerability.Said{{Record: "x", Ranges: "< 2", Verdict: vulnerability.Verdict("in range")}},
			}
			if version != "" {
				h.Score = &snapshot.Score{Version: version, Base: 9.8, Vector: "V", By: "specimen@example.org"}
			}
			if state == vulnerability.NotAffected {
				h.Justification = []vulnerability.Justification{vulnerability.CodeNotPresent, vulnerability.RequiresEnvironment}[k%2]
			}
			if k == 4 {
				h.Maker = &vulnerability.Word{State: vulnerability.NotAffected, Text: "not built", File: "vex.json"}
			}
			known.Hits = append(known.Hits, h)
		}
	}
	return tested{run, parts, known}
}

// feed is NVD's, with made vulnerabilities of real programs.
const feed = `{"format": "NVD_CVE", "version": "2.0", "timestamp": "2024-05-06T07:08:09.123", "vulnerabilities": [%s]}`

const vulnerable = `{"cve": {"id": "%s", "sourceIdentifier": "specimen@example.org", "published": "2024-01-02T03:04:05.000", "lastModified": "2024-05-01T00:00:00.000", "vulnStatus": "Analyzed",
 "descriptions": [{"lang": "en", "value": "SPECIMEN. Nothing of this exists."}],
 "metrics": {"cvssMetricV31": [{"source": "specimen@example.org", "type": "Primary", "cvssData": {"version": "3.1", "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "baseScore": 9.8, "baseSeverity": "CRITICAL"}, "exploitabilityScore": 3.9, "impactScore": 5.9}]},
 "weaknesses": [{"source": "specimen@example.org", "type": "Primary", "description": [{"lang": "en", "value": "CWE-787"}]}],
 "configurations": [{"nodes": [{"operator": "OR", "negate": false, "cpeMatch": [{"vulnerable": true, "criteria": "cpe:2.3:a:%s:*:*:*:*:*:*:*:*", "versionEndExcluding": "%s", "matchCriteriaId": "00000000-0000-0000-0000-000000000001"}]}]}]}}`

// image is the test of a file system of Debian's programs for MIPS.
func image(t *testing.T) tested {
	t.Helper()
	mksquashfs := labtest.Tool(t, "mksquashfs")
	root := labtest.Unpacked(t, "busybox-static:mipsel", "dropbear-bin:mipsel", "dnsmasq-base:mipsel", "libssl3:mipsel")
	if err := os.MkdirAll(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"etc/passwd": "root:x:0:0:root:/root:/bin/sh\n", "etc/shadow": "root::10933:0:99999:7:::\n"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	file, in, vuln := filepath.Join(dir, "hub.bin"), filepath.Join(dir, "feed.json"), filepath.Join(dir, "x.vuln")
	if out, err := exec.Command(mksquashfs, root, file, "-comp", "xz", "-all-root", "-noappend", "-no-progress", "-quiet").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	records := []string{
		fmt.Sprintf(vulnerable, "CVE-2099-0001", "busybox:busybox", "9"), fmt.Sprintf(vulnerable, "CVE-2099-0002", "dropbear_ssh_project:dropbear_ssh", "2099.1"),
		fmt.Sprintf(vulnerable, "CVE-2099-0003", "thekelleys:dnsmasq", "9"), fmt.Sprintf(vulnerable, "CVE-2099-0004", "openssl:openssl", "1.0"),
	}
	if err := os.WriteFile(in, fmt.Appendf(nil, feed, strings.Join(records, ",\n")), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := source.Import(context.Background(), vuln, []string{in}, source.Options{From: "nvd"}); err != nil {
		t.Fatal(err)
	}
	s, err := snapshot.Open(vuln)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	facts, err := firmware.Scan(t.Context(), f, firmware.Options{At: at, Reduced: true})
	if err != nil {
		t.Fatal(err)
	}
	known, err := vulnerability.Match([]*snapshot.File{s}, facts.Components, vulnerability.Options{})
	if err != nil {
		t.Fatal(err)
	}
	judged := verdict.Judge(verdict.Input{Facts: facts, Known: &known})
	var sum evidence.Hash
	if err := sum.UnmarshalText([]byte(facts.SHA256)); err != nil {
		t.Fatal(err)
	}
	return tested{
		&record.Run{Kind: "firmware", Tool: "assay v1.2.3", At: at, Findings: judged.Findings, Judgments: judged.Judgments, Input: record.Input{Name: "hub.bin", SHA256: sum, Size: facts.Size}},
		facts.Components, &known,
	}
}

func eachTested(t *testing.T, check func(*testing.T, tested)) {
	t.Run("everything", func(t *testing.T) { check(t, everything(t)) })
	t.Run("image", func(t *testing.T) { check(t, image(t)) })
}

// The bills of materials hold to CycloneDX's schema, and its own library reads the same.
func TestLaboratoryBillsAreValid(t *testing.T) {
	schema, err := cycloneSchema()
	if err != nil {
		t.Fatal(err)
	}
	eachTested(t, func(t *testing.T, x tested) {
		b, err := sbom.Write(x.run, "hub", "1.0", x.components, x.known)
		if err != nil {
			t.Fatal(err)
		}
		checkSchema(t, schema, "bill", b)
		var bom cdx.BOM
		if err := cdx.NewBOMDecoder(bytes.NewReader(b), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
			t.Fatal(err)
		}
		if bom.Metadata.Component.Name != "hub" || len(*bom.Components) != len(x.components) || len(*bom.Components) < 3 || len(*bom.Vulnerabilities) != len(x.known.Hits) || len(x.known.Hits) < 3 {
			t.Errorf("read as %d components and %d vulnerabilities", len(*bom.Components), len(*bom.Vulnerabilities))
		}
		refs := map[string]bool{bom.Metadata.Component.BOMRef: true}
		for i, c := range *bom.Components {
			if refs[c.BOMRef] {
				t.Errorf("two are %s", c.BOMRef)
			}
			refs[c.BOMRef] = true
			if own := x.components[i]; !strings.HasPrefix(c.Version, own.Version) || c.CPE != own.CPE || c.PackageURL != own.PURL {
				t.Errorf("%+v read as %+v", own, c)
			}
		}
		states := []cdx.ImpactAnalysisState{cdx.IASExploitable, cdx.IASInTriage, cdx.IASNotAffected, cdx.IASResolved}
		for i, v := range *bom.Vulnerabilities {
			if v.ID != x.known.Hits[i].ID || !slices.Contains(states, v.Analysis.State) {
				t.Errorf("%s is %s", v.ID, v.Analysis.State)
			}
			for _, a := range *v.Affects {
				if !refs[a.Ref] {
					t.Errorf("%s affects %s, which is nothing", v.ID, a.Ref)
				}
			}
		}
		invalid(t, schema, b, [][2]string{{`"state": "`, `"state": "un`}, {`"technique": "`, `"technique": "un`}, {`"specVersion": "1.6"`, `"specVersion": "1.6", "more": 1`}})
	})
}

// The findings hold to OASIS's schema of SARIF, in every language, and go-sarif reads the same.
func TestLaboratoryFindingsAreValid(t *testing.T) {
	schema, err := sarifSchema()
	if err != nil {
		t.Fatal(err)
	}
	eachTested(t, func(t *testing.T, x tested) {
		shown := 0
		for _, f := range x.run.Findings {
			if f.Severity != lab.None {
				shown++
			}
		}
		for _, language := range []string{"en", "ko", "de", "fi"} {
			b, err := sarif.Write(x.run, language)
			if err != nil {
				t.Fatal(err)
			}
			checkSchema(t, schema, language, b)
			r, err := gosarif.FromBytes(b)
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Runs) != 1 || r.Runs[0].Language != language || len(r.Runs[0].Results) != shown || shown < 3 || *r.Runs[0].Tool.Driver.Name != "assay lab firmware" {
				t.Fatalf("go-sarif reads %d runs, want %d results", len(r.Runs), shown)
			}
			for _, got := range r.Runs[0].Results {
				if rule := r.Runs[0].Tool.Driver.Rules[got.RuleIndex]; *rule.ID != *got.RuleID || len(got.Locations) != 1 {
					t.Errorf("%s is rule %s at %d places", *got.RuleID, *rule.ID, len(got.Locations))
				}
			}
			invalid(t, schema, b, [][2]string{{`"version": "2.1.0"`, `"version": "2.1"`}, {`"level": "`, `"level": "un`}, {`"driver": {`, `"driver": {"more": 1, `}, {`"ruleIndex": `, `"ruleIndex": -2`}})
		}
	})
}

// invalid sees that a schema would show mistakes: a check that takes everything shows nothing.
func invalid(t *testing.T, s *jsonschema.Schema, body []byte, changes [][2]string) {
	t.Helper()
	for _, c := range changes {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(strings.Replace(string(body), c[0], c[1], 1)))
		if err != nil {
			t.Fatal(err)
		}
		if s.Validate(doc) == nil {
			t.Errorf("valid with %s", c[1])
		}
	}
}
