package record

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"assay/bundle"
	"assay/catalog"
	"assay/evidence"
	"assay/lab"
	"assay/scheme"
)

func basis(t *testing.T) Basis {
	t.Helper()
	cat, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	b, err := bundle.Open("../../testdata/gateway")
	if err != nil {
		t.Fatal(err)
	}
	image := b.Evidence.Firmware[0].SHA256
	return Basis{
		Catalog: cat, Evidence: b.Evidence, By: evidence.Body{Kind: scheme.Maker, ID: b.Evidence.Product.Holder}, Number: "LAB-1",
		Artifacts: []evidence.Artifact{{Name: "run.json", SHA256: evidence.Hash{1}, Size: 10}},
		Sample:    evidence.Sample{ID: "I1", Chosen: "image file", Serial: "none", Model: b.Evidence.Product.Models[0].ID, Hardware: "none", Firmware: image, Received: b.Evidence.ICS[0].Date},
	}
}

func TestReports(t *testing.T) {
	b := basis(t)
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	looked := []lab.Phrase{lab.Say("device.ports", 5, "TCP", "x")}
	task := &lab.Task{Method: []lab.Phrase{lab.Say("device.task-rest")}, Passes: lab.Say("device.passes-declared")}
	r := &Run{Kind: "device", Tool: "assay test", At: at, Judgments: []lab.Judgment{
		{Requirement: "en-303-645/5.6-1", Unit: "5.6-1-2/c", Verdict: evidence.Inconclusive, Ground: []lab.Phrase{lab.Say("device.all-declared", 3)}, Looked: looked, Task: task},
		{Requirement: "en-303-645/5.6-1", Unit: "5.6-1-2/d", Row: "log-intf/log-https", Verdict: evidence.Pass, Ground: []lab.Phrase{lab.Say("device.row-answers", "443/tcp")}, Looked: looked},
		{Requirement: "en-303-645/5.5-4", Unit: "5.5-4-2/a", Row: "soft-serv/srv-web", Verdict: evidence.Pass, Ground: []lab.Phrase{lab.Say("device.access-asked", "a", "b")}, Looked: looked},
		{Requirement: "en-303-645/5.4-3", Verdict: evidence.Pass, Ground: []lab.Phrase{lab.Say("device.tells-nothing")}, Looked: looked},
		{Requirement: "cls-iot-assurance/malware-firmware", Verdict: evidence.Pass, Ground: []lab.Phrase{lab.Say("device.tells-nothing")}, Looked: looked},
	}}
	named, err := r.Reports(b)
	if err != nil {
		t.Fatal(err)
	}
	statements := 0
	for _, x := range b.Evidence.ICS {
		if x.Standard == "en-303-645" {
			statements++
		}
	}
	if len(named) != 1+statements || statements < 2 {
		t.Errorf("%d reports for %d statements", len(named), statements)
	}
	for _, n := range named {
		x := n.Report
		if x.Method.Standard == "cls-iot-assurance" {
			if len(x.Results) != 1 || x.Results[0].Verdict != evidence.Pass {
				t.Errorf("%+v", x.Results)
			}
			continue
		}
		want := map[string]evidence.Verdict{"5.6-1-2/d": evidence.Pass}
		for _, v := range x.Verdicts {
			if want[v.Unit] != v.Verdict {
				t.Errorf("%s %s: %s", n.Name, v.Unit, v.Verdict)
			}
			delete(want, v.Unit)
		}
		var tasks []string
		for _, y := range x.Tasks {
			name := y.Unit
			if y.Requirement != nil {
				name = y.Requirement.Requirement
			}
			tasks = append(tasks, name+" "+y.Row)
		}
		slices.Sort(tasks)
		if len(want) > 0 || strings.Join(tasks, ",") != "5.4-3 ,5.5-4-2/a srv-web,5.6-1-2/c " || len(x.Results) != 0 {
			t.Errorf("%s: %v left, %q", n.Name, want, tasks)
		}
		if got := x.Rows["log-intf/log-https"]; got != b.Evidence.FindRow("log-intf", "log-https").Digest() || len(x.Rows) != 1 {
			t.Errorf("rows %v", x.Rows)
		}
	}
	// A bundle takes them, and the same run gives the same bytes.
	var before []byte
	for range 2 {
		named, err := r.Reports(b)
		if err != nil {
			t.Fatal(err)
		}
		var all []byte
		ev := *b.Evidence
		for _, n := range named {
			text, err := yaml.Marshal(n.Report)
			if err != nil {
				t.Fatal(err)
			}
			s, err := evidence.NewSigned(n.Name, text, "")
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			ev.Reports = append(ev.Reports[:len(ev.Reports):len(ev.Reports)], *s)
			all = append(all, text...)
		}
		for _, f := range ev.Validate() {
			t.Errorf("%s: %s", f.Place, f.Problem)
		}
		if before != nil && !bytes.Equal(before, all) {
			t.Error("not the same twice")
		}
		before = all
	}
}

func TestRefuses(t *testing.T) {
	b := basis(t)
	r := &Run{Judgments: []lab.Judgment{{Requirement: "5.1-1"}}}
	if _, err := r.Reports(b); err == nil {
		t.Error("a requirement without its standard was taken")
	}
	r.Judgments[0].Requirement = "no-such/thing"
	if n, err := r.Reports(b); err != nil || len(n) != 0 {
		t.Error(n, err)
	}
}
