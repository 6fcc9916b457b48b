package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sampleOf copies a file that a tool wrote into the user's folder.
func (u *user) sampleOf(name string) {
	u.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "exchange", "testdata", name))
	if err != nil {
		u.Fatal(err)
	}
	u.write(name, string(b))
}

func TestEvidenceImport(t *testing.T) {
	u := newUser(t)
	u.bundled("b")
	u.write("b/ixit/log-intf.yaml", "rows:\n  - {id: LogIntf-1, description: Repair shell, ports: 12222/tcp, access: network, status: disabled, debug-interface: no}\n"+
		"  - {id: LogIntf-2, description: Web page, ports: 18443/tcp, access: network, status: enabled, justification: settings, debug-interface: no}\n"+
		"  - {id: LogIntf-3, description: Cloud, ports: 18999/tcp, access: network, status: enabled, justification: updates, debug-interface: no}\n")
	for _, f := range []string{"nmap-services.xml", "nmap-killed.xml", "npm.cdx.json", "attestation.cdx.json"} {
		u.sampleOf(f)
	}
	out, errs := u.run(exitFailed, "evidence", "import", "--bundle", "b", "nmap-services.xml", "nmap-killed.xml", "attestation.cdx.json")
	for _, want := range []string{
		"nmap-services.xml: nmap, 3 services, 1 issues -> imports/nmap-services.xml.yaml\n",
		"note: ports that are closed or filtered, left out: 1\n",
		"attestation.cdx.json: cyclonedx, 5 declarations -> imports/attestation.cdx.json.yaml\n",
		"declared and observed differ: 4, notes: 0\n",
		"b/imports/nmap-services.xml.yaml:16: 12222/tcp (ssh) answers at 127.0.0.1 in nmap-services.xml, and row LogIntf-1 of log-intf says that it is off: ",
		"b/imports/nmap-services.xml.yaml:23: 18080/tcp answers at 127.0.0.1 in nmap-services.xml, and no row of log-intf or soft-serv declares it: ",
		"b/ixit/log-intf.yaml:4: row LogIntf-3 of log-intf says that 18999/tcp is on, and nothing answered there in nmap-services.xml: ",
		"b/imports/attestation.cdx.json.yaml:6: attestation.cdx.json is about an image ",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	if !strings.Contains(errs, "nmap-killed.xml, line 7 (/nmaprun): the XML ends in the middle") {
		t.Errorf("got %s", errs)
	}
	// It holds together, and check says the same of it.
	out, _ = u.run(exitFailed, "evidence", "check", "--at", "2026-11-24", "b")
	if !strings.Contains(out, "b/imports/nmap-services.xml.yaml:23: 18080/tcp answers") || !strings.Contains(out, "to correct: 4,") {
		t.Errorf("got %s", out)
	}
	if out, _ := u.run(exitOK, "evidence", "import", "--bundle", "b", "nmap-services.xml"); !strings.Contains(out, "there already as imports/nmap-services.xml.yaml; nothing changed") {
		t.Errorf("again: %s", out)
	}
	u.write("b/ixit/soft-comp.yaml", "rows:\n  - {id: SoftComp-1, description: debug 4.4.2, updatable: yes}\n")
	out, _ = u.run(exitOK, "evidence", "import", "--bundle", "b", "--json", "npm.cdx.json")
	var got struct {
		Files []struct {
			Import     string
			Added      bool
			Format     string
			Components int
		}
		Differ []struct {
			File string
			Note bool
		}
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || len(got.Files) != 1 || !got.Files[0].Added || got.Files[0].Components != 2 || len(got.Differ) != 6 ||
		got.Differ[0].Note || !got.Differ[5].Note || got.Differ[5].File != "imports/npm.cdx.json.yaml" {
		t.Errorf("%v: %s", err, out)
	}
}

// What a component definition states fills the answers that are open.
func TestEvidenceImportAnswers(t *testing.T) {
	u := newUser(t)
	u.bundled("b")
	u.write("b/ics.yaml", "ics:\n  - standard: en-303-645\n    edition: \"2.1.1\"\n    date: 2026-05-01\n    entries:\n      5.1-1: \"\" # open\n      5.2-1: yes\n")
	u.sampleOf("oscal-component-definition.json")
	u.sampleOf("oscal-results.json")
	out, _ := u.run(exitOK, "evidence", "import", "--bundle", "b", "oscal-component-definition.json", "oscal-results.json")
	for _, want := range []string{"answers -> imports/oscal-component-definition.json.yaml", "left as it is: en-303-645@2.1.1/5.2-1: the file says no, ics.yaml says yes", "declarations -> imports/oscal-results.json.yaml"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	b, err := os.ReadFile(u.path("b/ics.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if s := string(b); !strings.Contains(s, "# open\n      5.1-1:") || !strings.Contains(s, "Set by the user.") || !strings.Contains(s, `passwords: "yes"`) {
		t.Errorf("got %s", s)
	}
}

func TestEvidenceImportPrint(t *testing.T) {
	u := newUser(t)
	u.sampleOf("npm.cdx.json")
	out, _ := u.run(exitOK, "evidence", "import", "--print", "npm.cdx.json")
	if !strings.Contains(out, "purl: pkg:npm/debug@4.4.3\n") {
		t.Errorf("got %s", out)
	}
	u.refused(exitFailed, "no bundle", "evidence", "import", "npm.cdx.json")
	u.refused(exitFailed, "no such file", "evidence", "import", "--print", "none.json")
	u.write("x.json", "{\"x\": 1}\n")
	u.refused(exitFailed, "x.json: JSON of no format known here", "evidence", "import", "--print", "x.json")
	u.refused(exitUsage, "usage: assay evidence import", "evidence", "import")
}
