package sbom

import (
	"bytes"
	"testing"
	"time"

	"assay/evidence"
	"assay/exchange"
	"assay/exchange/intake"
	"assay/lab"
	"assay/lab/record"
	"assay/lab/vulnerability"
)

// What is written is read by the reader that takes other tools' files.
func TestReadAgain(t *testing.T) {
	r := &record.Run{Kind: "firmware", Tool: "assay v1", At: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC), Input: record.Input{Name: "x.bin", SHA256: evidence.Hash{7}, Size: 4}}
	parts := []lab.Component{
		{Family: "busybox", Name: "busybox", Version: "1.25.1", Revision: "2", Kind: "package", Certainty: lab.Confirmed, PURL: "pkg:opkg/busybox@1.25.1-2", License: "GPL-2.0", Supplier: "somebody",
			Seen: []lab.Observation{{Rule: "opkg", Version: 1, Where: lab.Place{Path: "/usr/lib/opkg/status"}, Text: "busybox 1.25.1-2", Kind: "database"}}},
		{Family: "zlib", Name: "zlib", Version: "1.1.4", Kind: "library", Certainty: lab.Claimed, CPE: "cpe:2.3:a:zlib:zlib:1.1.4:*:*:*:*:*:*:*"},
		{Family: "zlib", Name: "zlib", Version: "1.1.4", Kind: "library", Certainty: lab.Claimed},
	}
	known := &vulnerability.Report{
		Parts: []vulnerability.Part{{Family: "zlib", Version: "1.1.4", Found: []int{1, 2}}, {Family: "curl", Version: "8"}},
		Hits: []vulnerability.Hit{
			{ID: "CVE-2005-1849", Part: 0, State: vulnerability.UnderInvestigation, Severity: lab.Medium, CWE: []string{"CWE-20"}},
			{ID: "CVE-2099-1", Part: 1, State: vulnerability.Affected, Maker: &vulnerability.Word{State: vulnerability.NotAffected, Text: "not built", File: "vex.json"}},
		},
	}
	b, err := Write(r, "hub", "1.0", parts, known)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Write(r, "hub", "1.0", parts, known); err != nil || !bytes.Equal(b, again) {
		t.Error("not the same twice")
	}
	got, err := exchange.Read("x.cdx.json", bytes.NewReader(b), intake.Options{})
	if err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	m := got.Import
	if m.Format != "cyclonedx" || m.Firmware != r.Input.SHA256 || len(m.Components) < 2 || m.Components[0].PURL != parts[0].PURL || m.Components[0].Version != "1.25.1-2" {
		t.Errorf("%+v", m)
	}
	states := map[string]string{}
	for _, i := range m.Issues {
		states[i.ID] = i.State
	}
	if states["CVE-2005-1849"] != "under_investigation" || states["CVE-2099-1"] != "not_affected" {
		t.Errorf("%+v", m.Issues)
	}
}
