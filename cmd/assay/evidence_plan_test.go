package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"assay/exchange/oscal"
)

func TestEvidencePlan(t *testing.T) {
	u := newUser(t)
	gateway, err := filepath.Abs(gatewayBundle)
	if err != nil {
		t.Fatal(err)
	}
	out, _ := u.run(exitOK, "evidence", "plan", "--for", "fi-label:label,sg-cls-iot:1", "--at", "2026-10-01", "--out", "plans", gateway)
	for _, want := range []string{
		"fi-label, edition 1, level label, on 2026-10-01: requirements: 18\n",
		"\nen-303-645@2.1.1/5.1-1: test by laboratory\n  5.1-1-1/a    auth-mech: auth-admin ",
		"\n  5.1-1-2/a    the device\n", "\n  5.2-1-1/a    user-info\n",
		"sg-cls-iot, edition 1.4, level 1,", "\nen-303-645@2.1.1/5.1-1: declaration by maker\n",
		"3 files written to plans with their hashes in SHA256SUMS\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %.3000s", want, out)
		}
	}
	read := func(name string) (d oscal.Document) {
		b, err := os.ReadFile(u.path("plans/" + name))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &d); err != nil {
			t.Fatal(err)
		}
		return d
	}
	plan, statement := read("assessment-plan_fi-label_label.json"), read("component-definition.json")
	if plan.AssessmentPlan == nil || statement.ComponentDefinition == nil || len(plan.AssessmentPlan.Tasks) != 18 {
		t.Fatalf("%+v", plan)
	}
	// The plan names the statement that it rests on by its bytes.
	sums, err := os.ReadFile(u.path("plans/SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range plan.AssessmentPlan.BackMatter.Resources {
		if "#"+r.UUID == plan.AssessmentPlan.ImportSSP.Href && !strings.Contains(string(sums), r.RLinks[0].Hashes[0].Value+"  component-definition.json\n") {
			t.Errorf("%+v is not of\n%s", r, sums)
		}
	}
	u.refused(exitFailed, "--force", "evidence", "plan", "--for", "fi-label:label", "--at", "2026-10-01", "--out", "plans", gateway)
	out, _ = u.run(exitOK, "evidence", "plan", "--for", "fi-label:label", "--at", "2026-10-01", "--json", gateway)
	var plans []planned
	if err := json.Unmarshal([]byte(out), &plans); err != nil || len(plans) != 1 || plans[0].Requirements[0].Units[0].Table != "auth-mech" || len(plans[0].Requirements[0].Units[0].Rows) < 2 {
		t.Errorf("%v: %.300s", err, out)
	}
	u.refused(exitUsage, "--for", "evidence", "plan", gateway)
	u.refused(exitUsage, "write SCHEME:LEVEL", "evidence", "plan", "--for", "label", gateway)
	u.refused(exitUsage, "1.1.3", "evidence", "plan", "--for", "fi-label:label", "--version", "0.9", gateway)
	u.refused(exitFailed, "no such file", "evidence", "plan", "--for", "fi-label:label", "nowhere")
}

func TestAssessWritesInterchange(t *testing.T) {
	u := newUser(t)
	gateway, err := filepath.Abs(gatewayBundle)
	if err != nil {
		t.Fatal(err)
	}
	u.run(exitOK, "assess", "--at", "2026-10-01", "--scheme", "sg-cls-iot", "--oscal", "ar.json", "--oscal-version", "1.1.3", "--attest", "a.cdx.json", gateway)
	var d oscal.Document
	b, err := os.ReadFile(u.path("ar.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &d); err != nil || d.AssessmentResults == nil || len(d.AssessmentResults.Results) != 1 || d.AssessmentResults.Metadata.OSCALVersion != oscal.V113 {
		t.Fatalf("%v: %.300s", err, b)
	}
	// What was written is taken in again, by a bundle of the same maker.
	u.bundled("b")
	out, _ := u.run(exitOK, "evidence", "import", "--bundle", "b", "ar.json", "a.cdx.json")
	for _, want := range []string{"ar.json: oscal, ", "a.cdx.json: cyclonedx, ", " declarations -> imports/ar.json.yaml\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	u.refused(exitFailed, "--oscal", "assess", "--at", "2026-10-01", "--oscal", "x.json", "--oscal-version", "3", gateway)
	u.refused(exitFailed, "no such file", "assess", "--at", "2026-10-01", "--oscal", "no/such/x.json", gateway)
	if _, err := os.Stat(u.path("x.json")); err == nil {
		t.Error("a refused document was written")
	}
}
