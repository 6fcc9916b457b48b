package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestAdviseVerb(t *testing.T) {
	u := newUser(t)
	u.bundled("b")
	u.run(exitOK, "evidence", "pack", "b", "b.zip")

	out, _ := u.run(exitOK, "advise", "--at", "2026-11-24", "--category", "consumer/water-detector", "--feature", "simple-sensor=yes", "--feature", "personal-data=yes",
		"--feature", "low-end-os=no", "--feature", "large-appliance=no", "--scheme", "kr-cic")
	for _, want := range []string{"the product (consumer/water-detector)", "kr-cic  2021     basic     -      -", "kr-cic lite would suit, but nothing below basic will do", "kr-press-2025-personal, secondary"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	// From evidence, whatever form it has; what it does not say is asked in the reader's language.
	for _, file := range []string{"b", "b.zip", abs(t, "demodata/vacuum.yaml")} {
		out, _ = u.run(exitOK, "advise", "--at", "2026-11-24", "--lang", "ko", file)
		if !strings.Contains(out, "kr-cic") || !strings.Contains(out, "not known: simple-sensor - 센서") || !strings.Contains(out, "연결 가능한 소비자 제품은") {
			t.Errorf("%s:\n%s", file, out)
		}
	}
	// A flag wins over the bundle, in what it says and in leaving it open.
	u.write("b/ics.yaml", "features:\n  personal-data: no\n")
	for flag, want := range map[string]string{"personal-data=yes": "basic", "personal-data=no": "", "personal-data=unknown": ""} {
		out, _ = u.run(exitOK, "advise", "--at", "2026-11-24", "--scheme", "kr-cic", "--feature", flag, "--json", "b")
		var a advice
		if err := json.Unmarshal([]byte(out), &a); err != nil {
			t.Fatal(err)
		}
		if len(a.Schemes) != 1 || a.Schemes[0].Least != want || len(a.Catalog) != 64 || a.Product != "Camera" {
			t.Errorf("%s: %+v", flag, a.Schemes)
		}
		if slices.Contains(a.Schemes[0].Unknown, "personal-data") != strings.HasSuffix(flag, "unknown") {
			t.Errorf("%s: asks for %v", flag, a.Schemes[0].Unknown)
		}
	}
	// The day decides the edition.
	if out, _ = u.run(exitOK, "advise", "--at", "2019-06-01", "--scheme", "kr-cic", "--category", "consumer/plug", "--feature", "low-end-os=yes"); !strings.Contains(out, "kr-cic  2018     -         basic") {
		t.Errorf("in 2019:\n%s", out)
	}
	if out, _ = u.run(exitOK, "advise", "--at", "2016-01-01", "--category", "consumer/plug"); !strings.Contains(out, "no scheme has guidance") {
		t.Errorf("before all:\n%s", out)
	}
	if out, _ = u.run(exitOK, "advise", "--category", "consumer/router"); !strings.Contains(out, "sg-cls-iot") { // today
		t.Errorf("today:\n%s", out)
	}
}

func TestAdviseRefuses(t *testing.T) {
	u := newUser(t)
	u.bundled("b")
	u.refused(exitUsage, "evidence, or --category", "advise")
	u.refused(exitUsage, "usage:", "advise", "b", "c")
	u.refused(exitUsage, "the catalog has no category", "advise", "--category", "consumer/x")
	u.refused(exitUsage, "feature wings is not in the catalog", "advise", "--category", "consumer", "--feature", "wings=yes")
	u.refused(exitUsage, "NAME=yes", "advise", "--category", "consumer", "--feature", "wings")
	u.refused(exitUsage, "write yes, no or unknown", "advise", "--category", "consumer", "--feature", "passwords=perhaps")
	u.refused(exitUsage, "said twice", "advise", "--category", "consumer", "--feature", "passwords=yes", "--feature", "passwords=no")
	u.refused(exitUsage, "the catalog has alliance-psv, ", "advise", "--category", "consumer", "--scheme", "xx")
	u.refused(exitUsage, "one of en, ko, de, fi", "advise", "--category", "consumer", "--lang", "xx")
	u.refused(exitUsage, "YYYY-MM-DD", "advise", "--category", "consumer", "--at", "soon")
	u.refused(exitFailed, "catalog:", "advise", "--category", "consumer", "--dir", u.path("b"))
	u.refused(exitFailed, "none.zip", "advise", "none.zip")
	u.write("b/ics.yaml", "features:\n  telemetrie: yes\n")
	u.refused(exitFailed, "b/ics.yaml:2: ", "advise", "b")
	u.write("b/ics.yaml", "features:\n  telemetry: perhaps\n")
	u.refused(exitFailed, "b/ics.yaml:2: ", "advise", "b")
}

func abs(t *testing.T, name string) string {
	t.Helper()
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(wd, name)
}
