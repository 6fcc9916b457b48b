package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"assay/lab/vulnerability"
	"assay/lab/vulnerability/snapshot"
)

// specimenOf copies a file of a source into the user's folder.
func (u *user) specimenOf(name string) {
	u.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "lab", "vulnerability", "source", "testdata", name))
	if err != nil {
		u.Fatal(err)
	}
	u.write(name, string(b))
}

const widgetBill = `{"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "metadata": {"component": {"type": "firmware", "name": "SPECIMEN", "bom-ref": "f"}},
 "components": [{"type": "library", "name": "widget", "version": "1.3", "bom-ref": "w", "cpe": "cpe:2.3:a:specimen:widget:1.3:*:*:*:*:*:*:*"}, {"type": "library", "name": "busybox", "version": "1.25.1", "bom-ref": "b"}],
 "vulnerabilities": [{"id": "CVE-2099-0001", "analysis": {"state": "not_affected", "justification": "code_not_reachable", "detail": "SPECIMEN detail"}, "affects": [{"ref": "w"}]}]}`

func TestLabVulnerabilities(t *testing.T) {
	u := newUser(t)
	for _, name := range []string{"nvd-feed.json", "kev.csv", "CVEs.txt", "stream_fixes.json"} {
		u.specimenOf(name)
	}
	imports := []string{"lab", "vulnerabilities", "import", "--from"}
	out, _ := u.run(exitOK, append(imports, "nvd", "--into", "nvd.vuln", "nvd-feed.json")...)
	for _, want := range []string{"nvd.vuln: NVD (National Vulnerability Database) of 2024-05-06, 2 records\n", "rejected or withdrawn, left out: 1\n", "made from 1 files"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	out, _ = u.run(exitOK, append(imports, "kev", "--into", "kev.vuln", "--json", "kev.csv")...)
	var about snapshot.About
	if err := json.Unmarshal([]byte(out), &about); err != nil || about.Records != 1 || len(about.Digest) != 64 || about.Tool != tool() {
		t.Errorf("%+v, %v", about, err)
	}
	if _, errs := u.run(exitFailed, append(imports, "linux", "--into", "linux.vuln", "CVEs.txt")...); !strings.Contains(errs, "give --date") {
		t.Error(errs)
	}
	u.run(exitOK, append(imports, "linux", "--into", "linux.vuln", "--date", "2024-04-09", "CVEs.txt", "stream_fixes.json")...)
	if _, errs := u.run(exitFailed, append(imports, "nvd", "--into", "bad.vuln", "kev.csv")...); !strings.Contains(errs, "kev.csv: no JSON object") {
		t.Error(errs)
	}
	for what, args := range map[string][]string{
		"no source": append(imports, "x", "--into", "y", "kev.csv"), "no target": append(imports, "kev", "kev.csv"), "no day": append(imports, "kev", "--into", "y", "--date", "May", "kev.csv"),
		"no file": append(imports, "kev", "--into", "y"), "no command": {"lab", "vulnerabilities", "fetch"}, "nothing": {"lab", "vulnerabilities"},
		"no language": {"lab", "vulnerabilities", "match", "--lang", "sv", "a@1"}, "no time": {"lab", "vulnerabilities", "match", "--at", "now", "a@1"}, "no kind": {"lab", "vulnerabilities", "match", "--fail-on", "x", "a@1"},
	} {
		if _, errs := u.run(exitUsage, args...); errs == "" {
			t.Errorf("%s: nothing said", what)
		}
	}

	out, _ = u.run(exitOK, "lab", "vulnerabilities", "show", "nvd.vuln", "CVE-2099-0001")
	var r snapshot.Record
	if err := json.Unmarshal([]byte(out), &r); err != nil || r.ID != "CVE-2099-0001" {
		t.Errorf("%+v, %v", r, err)
	}
	if out, _ := u.run(exitOK, "lab", "vulnerabilities", "show", "nvd.vuln"); !strings.Contains(out, "2 records") {
		t.Error(out)
	}
	u.run(exitFailed, "lab", "vulnerabilities", "show", "nvd.vuln", "CVE-2099-9999")
	u.run(exitFailed, "lab", "vulnerabilities", "show", "kev.csv")

	match := []string{"lab", "vulnerabilities", "match", "--at", "2024-06-01T00:00:00Z"}
	with := append(match, "--snapshot", "nvd.vuln", "--snapshot", "kev.vuln", "--snapshot", "linux.vuln")
	if out, _ := u.run(exitFailed, append(match, "busybox@1.25.1")...); !strings.Contains(out, "nothing is known, and nothing passes") {
		t.Error(out)
	}
	out, _ = u.run(exitFailed, append(with, "linux@4.4.49", "widget@1.3")...)
	for _, want := range []string{"Catalog of 2024-05-05, 1 records (SHA-256 " + about.Digest, "CVE-2099-1001  linux 4.4.49: under investigation\n", "linux: >= 2.6.12-rc2 < 4.9-rc3; ", "CVE-2099-0001  widget 1.3: under investigation [critical 9.8]\n", "used in attacks since 2024-05-05", "by name alone"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	if strings.Index(out, "CVE-2099-0001") > strings.Index(out, "CVE-2099-1001") {
		t.Error("what is used in attacks does not come first:", out)
	}
	u.write("one.json", `{"id": "CVE-2099-0007", "sourceIdentifier": "specimen@example.org", "published": "2024-01-02T03:04:05.000", "lastModified": "2024-05-01T00:00:00.000", "vulnStatus": "Analyzed", "descriptions": [{"lang": "en", "value": "SPECIMEN"}], "references": [],
 "configurations": [{"nodes": [{"operator": "OR", "negate": false, "cpeMatch": [{"vulnerable": true, "criteria": "cpe:2.3:a:openssl:openssl:*:*:*:*:*:*:*:*", "versionEndExcluding": "1.0.2", "matchCriteriaId": "00000000-0000-0000-0000-000000000007"}]}]}]}`)
	u.run(exitOK, append(imports, "nvd", "--into", "one.vuln", "one.json")...)
	u.run(exitFailed, append(match, "--snapshot", "one.vuln", "--fail-on", "affected", "openssl@1.0.1")...)
	u.run(exitOK, append(match, "--snapshot", "one.vuln", "--fail-on", "affected", "openssl@1.0.2")...)
	u.run(exitOK, append(with, "--fail-on", "affected", "linux@4.4.49")...) // which files have it nobody says

	// The maker's word accounts for the hit; closed ones are shown when asked for.
	u.write("bill.json", widgetBill)
	out, _ = u.run(exitOK, append(with, "--all", "--lang", "fi", "bill.json")...)
	for _, want := range []string{"valmistaja sanoo tiedostossa bill.json: ei haavoittuva [code_not_reachable] [SPECIMEN detail]", "0 avoinna", "2 ilmoitettu muttei löydetty"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	u.write("found.json", strings.Replace(strings.Replace(widgetBill, `"busybox", "version": "1.25.1"`, `"busybox", "version": "1.26.0"`, 1), `"not_affected"`, `"in_triage"`, 1))
	out, _ = u.run(exitOK, append(with, "--json", "--found", "found.json", "bill.json")...)
	var m struct {
		At   string         `json:"at"`
		Days map[string]int `json:"days_old"`
		vulnerability.Report
	}
	if err := json.Unmarshal([]byte(out), &m); err != nil {
		t.Fatal(err)
	}
	if m.At != "2024-06-01T00:00:00Z" || m.Days["nvd.vuln"] != 26 || len(m.Snapshots) != 3 || m.Snapshots[0].Digest == "" || m.Reconciled == nil || m.Reconciled.Versions != 1 || m.Reconciled.Same != 1 || len(m.Hits) != 1 || m.Hits[0].Maker == nil {
		t.Errorf("%s", out)
	}
	again, _ := u.run(exitOK, append(with, "--json", "--found", "found.json", "bill.json")...)
	if again != out {
		t.Error("the same input, two answers")
	}

	// A bundle stands for the bills that were imported into it.
	u.bundled("b")
	if _, errs := u.run(exitFailed, append(with, "b")...); !strings.Contains(errs, "no bill of materials in it") {
		t.Error(errs)
	}
	u.run(exitOK, "evidence", "import", "--bundle", "b", "bill.json")
	if out, _ := u.run(exitOK, append(with, "--all", "b")...); !strings.Contains(out, "CVE-2099-0001  widget 1.3") {
		t.Error(out)
	}
	if _, errs := u.run(exitFailed, append(with, "nothing-there")...); !strings.Contains(errs, "NAME@VERSION") {
		t.Error(errs)
	}
}
