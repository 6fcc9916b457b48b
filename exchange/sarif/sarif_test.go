package sarif

import (
	"strings"
	"testing"

	"assay/civil"
	"assay/evidence"
)

func TestReadGosec(t *testing.T) {
	m := file(t, "gosec.sarif").Import
	got := map[string]evidence.Issue{}
	for _, i := range m.Issues {
		got[i.ID] = i
	}
	// gosec leaves ruleIndex 0 out, and gives two rules the index of another.
	same(t, "G101", got["G101"], evidence.Issue{ID: "G101", Severity: "high", Text: "Potential hardcoded credentials", Where: "main.go:11", CWE: []string{"CWE-798"}})
	same(t, "G204", got["G204"], evidence.Issue{ID: "G204", Severity: "high", Text: "Subprocess launched with a potential tainted input or cmd arguments", Where: "main.go:16", CWE: []string{"CWE-78"}})
	same(t, "G114", got["G114"].CWE, []string{"CWE-676"})
	if m.Tool != "gosec" || len(m.Issues) != 7 {
		t.Errorf("got %+v", m)
	}
}

func TestReadESLint(t *testing.T) {
	m := file(t, "eslint.sarif").Import
	var got []string
	for _, i := range m.Issues {
		got = append(got, i.ID+" "+i.Severity+" "+i.Where)
	}
	const at = " /src/device/app/a.js:1"
	same(t, "issues", got, []string{"no-unused-vars medium" + at, "no-cond-assign medium" + at, "no-unused-vars medium" + at, "no-eval high" + at, "no-debugger high" + at})
	if m.Tool != "ESLint" || m.Version != "9.39.5" {
		t.Errorf("got %+v", m)
	}
}

const one = `{"version": "2.1.0", "runs": [{
	"tool": {"driver": {"name": "T", "semanticVersion": "1.2", "rules": [
		{"id": "A", "shortDescription": {"text": "about A"}, "defaultConfiguration": {"level": "note"}, "messageStrings": {"m": {"text": "{1} of {0} {7}"}},
			"properties": {"security-severity": "9.1", "tags": ["security", "external/cwe/cwe-079", "CWE-0798: Hard-coded"]}},
		{"id": "B", "relationships": [{"target": {"id": "327", "toolComponent": {"name": "CWE"}}}], "properties": "none"}]},
		"extensions": [{"name": "E", "rules": [{"id": "X", "defaultConfiguration": {"level": "error"}}]}]},
	"invocations": [{"executionSuccessful": false, "endTimeUtc": "2026-02-03T04:05:06Z"}],
	"artifacts": [{"location": {"uri": "src/a%20b.c"}}],
	"externalPropertyFileReferences": {"results": []},
	"results": [RESULTS]}]}`

func TestForms(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     evidence.Issue
	}{
		{"rule by index, message by id", `{"ruleIndex": 0, "message": {"id": "m", "arguments": ["{1}", "two"]}}`,
			evidence.Issue{ID: "A", Severity: "critical", Text: "two of {1} {7}", CWE: []string{"CWE-79", "CWE-798"}}},
		{"below a rule", `{"ruleId": "B/7", "level": "note", "message": {"text": "x"}, "locations": [{"physicalLocation": {"artifactLocation": {"index": 0}, "region": {"startLine": 4}}}]}`,
			evidence.Issue{ID: "B/7", Severity: "low", Text: "x", Where: "src/a b.c:4", CWE: []string{"CWE-327"}}},
		{"of an extension", `{"rule": {"index": 0, "toolComponent": {"index": 0}}, "message": {"text": "x"}, "locations": [{"logicalLocations": [{"fullyQualifiedName": "f.g"}]}]}`,
			evidence.Issue{ID: "X", Severity: "high", Text: "x", Where: "f.g"}},
		{"no rule, no level", `{"message": {"text": "x"}}`, evidence.Issue{ID: "T", Severity: "medium", Text: "x"}},
		{"its own score", `{"ruleId": "B", "level": "note", "message": {"text": "x"}, "properties": {"security-severity": 4.5}, "taxa": [{"id": "CWE-22", "toolComponent": {"name": "cwe"}}]}`,
			evidence.Issue{ID: "B", Severity: "medium", Text: "x", CWE: []string{"CWE-22", "CWE-327"}}},
	} {
		r, err := parse("x.sarif", []byte(strings.Replace(one, "RESULTS", c.in, 1)))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		same(t, c.name, r.Import.Issues, []evidence.Issue{c.want})
		noted(t, r, "did not come to its end")
		noted(t, r, "not opened")
		if m := r.Import; m.Version != "1.2" || m.Date != civil.MustDate("2026-02-03") {
			t.Errorf("%s: got %+v", c.name, m)
		}
	}
}

func TestLeftOut(t *testing.T) {
	r, err := parse("x.sarif", []byte(strings.Replace(one, "RESULTS", `{"kind": "pass", "message": {"text": "fine"}},
		{"ruleId": "A", "baselineState": "absent", "message": {"text": "gone"}},
		{"ruleId": "A", "suppressions": [{"kind": "inSource"}], "message": {"text": "quiet"}},
		{"ruleId": "A", "suppressions": [{"kind": "external", "status": "rejected"}], "message": {"text": "kept"}}`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Import.Issues) != 1 || r.Import.Issues[0].Text != "kept" {
		t.Errorf("got %+v", r.Import.Issues)
	}
	noted(t, r, "no complaints")
	noted(t, r, "since the baseline, left out: 1")
	noted(t, r, "suppressed")
}

func TestRefuses(t *testing.T) {
	for _, c := range []struct{ name, in, place, says string }{
		{"version", `{"version": "2.0.0", "runs": [{}]}`, "", "2.0.0"},
		{"no run", `{"version": "2.1.0", "runs": []}`, "", "no run"},
		{"no name", `{"version": "2.1.0", "runs": [{}]}`, "/runs/0/tool/driver", "no name"},
		{"kind", strings.Replace(one, "RESULTS", `{"kind": "bad"}`, 1), "/runs/0/results/0/kind", "none of SARIF"},
		{"level", strings.Replace(one, "RESULTS", `{"ruleId": "B", "level": "fatal"}`, 1), "/runs/0/results/0/level", "fatal"},
		{"index", strings.Replace(one, "RESULTS", `{"ruleIndex": 2}`, 1), "/runs/0/results/0", "ruleIndex 2"},
		{"extension", strings.Replace(one, "RESULTS", `{"rule": {"toolComponent": {"index": 1}}}`, 1), "/runs/0/results/0", "index 1"},
	} {
		_, err := parse("x.sarif", []byte(c.in))
		refused(t, c.name, err, 0, c.place, c.says)
	}
}
