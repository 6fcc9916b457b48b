package verdict

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"assay/evidence"
	"assay/lab"
	"assay/lab/firmware"
	"assay/lab/firmware/image"
	"assay/lab/firmware/malware"
	"assay/lab/firmware/unpack"
	"assay/lab/labtest"
	"assay/lab/vulnerability"
	"assay/lab/vulnerability/snapshot"
)

// pack makes an image of a few files and a real program of a device.
func pack(t *testing.T, files map[string]string, more []byte) *firmware.Facts {
	t.Helper()
	busybox, err := os.ReadFile(filepath.Join(labtest.Unpacked(t, "busybox-static:armhf"), "bin/busybox"))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	add := func(name string, mode int64, text []byte) {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: mode, Size: int64(len(text)), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(text); err != nil {
			t.Fatal(err)
		}
	}
	add("bin/busybox", 0o755, busybox)
	var names []string
	for n := range files {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		add(n, 0o644, []byte(files[n]))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(name, append(b.Bytes(), more...), 0o666); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	facts, err := firmware.Scan(t.Context(), f, firmware.Options{Reduced: true})
	if err != nil {
		t.Fatal(err)
	}
	return facts
}

func verdicts(o Output) map[string]evidence.Verdict {
	m := map[string]evidence.Verdict{}
	for _, j := range o.Judgments {
		m[strings.TrimPrefix(j.Requirement, standard)] = j.Verdict
	}
	return m
}

var (
	good = map[string]string{"etc/passwd": "root:x:0:0:root:/root:/bin/sh\n", "etc/shadow": "root:*:0:0:99999:7:::\n", "etc/inittab": "::sysinit:/etc/init.d/rcS\n"}
	bad  = map[string]string{"etc/passwd": "root:x:0:0:root:/root:/bin/sh\n", "etc/shadow": "root::0:0:99999:7:::\n", "etc/inittab": "::sysinit:/etc/init.d/rcS\nttyS0::respawn:/bin/sh\n"}
)

func TestTwins(t *testing.T) {
	clean := &malware.Scan{Engines: []malware.Engine{{Name: "clamav", Version: "ClamAV 1.4", State: malware.Used, Sources: []malware.Source{{Name: "daily", Count: 2_000_000, SHA256: strings.Repeat("0", 64)}}}}, Files: 4}
	known := &vulnerability.Report{Snapshots: []snapshot.About{{Source: "nvd", Title: "NVD"}}, Reconciled: &vulnerability.Reconciliation{Same: 1}, Parts: []vulnerability.Part{{Family: "busybox", Version: "1.35.0"}}}
	noise := make([]byte, 300_000) // what nobody understands
	x := uint32(1)
	for i := range noise {
		x = x*1664525 + 1013904223
		noise[i] = byte(x >> 24)
	}
	for _, c := range []struct {
		name  string
		files map[string]string
		more  []byte
		known *vulnerability.Report
		scan  *malware.Scan
		want  map[string]evidence.Verdict
	}{
		{"good", good, nil, known, clean, map[string]evidence.Verdict{
			"5.1-1": evidence.Inconclusive, "5.4-3": evidence.Inconclusive,
			"cls-iot-assurance/malware-firmware": evidence.Pass, "cls-iot-assurance/known-vulnerabilities-firmware": evidence.Pass,
		}},
		{"bad", bad, nil, known, clean, map[string]evidence.Verdict{
			"5.1-1": evidence.Fail, "cls-iot-assurance/software-errors-firmware": evidence.Fail, "cls-iot-assurance/malware-firmware": evidence.Pass,
		}},
		{"good, and a part that nobody understands", good, noise, known, clean, map[string]evidence.Verdict{
			"5.1-1": evidence.Inconclusive, "cls-iot-assurance/malware-firmware": evidence.Inconclusive, "cls-iot-assurance/known-vulnerabilities-firmware": evidence.Inconclusive,
		}},
		{"bad, and a part that nobody understands", bad, noise, known, clean, map[string]evidence.Verdict{"5.1-1": evidence.Fail}},
		{"good, without scanner and data", good, nil, nil, nil, map[string]evidence.Verdict{
			"cls-iot-assurance/malware-firmware": evidence.Inconclusive, "cls-iot-assurance/known-vulnerabilities-firmware": evidence.Inconclusive,
		}},
	} {
		facts := pack(t, c.files, c.more)
		o := Judge(Input{Facts: facts, Scan: c.scan, Known: c.known})
		got := verdicts(o)
		for r, want := range c.want {
			if got[r] != want {
				t.Errorf("%s: %s: %q, not %s; coverage %+v, findings %v", c.name, r, got[r], want, facts.Coverage, o.Findings)
			}
		}
		for _, j := range o.Judgments {
			if len(j.Ground) == 0 || len(j.Looked) == 0 || j.Verdict == evidence.Inconclusive && j.Task == nil {
				t.Errorf("%s: %+v", c.name, j)
			}
			for _, i := range j.Findings {
				if i < 0 || i >= len(o.Findings) {
					t.Errorf("%s: finding %d of %d", c.name, i, len(o.Findings))
				}
			}
			if strings.HasPrefix(j.Requirement, standard) && j.Verdict == evidence.Pass {
				t.Errorf("%s: an image passed %s", c.name, j.Requirement)
			}
		}
		a, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := json.Marshal(Judge(Input{Facts: facts, Scan: c.scan, Known: c.known})); err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s: not the same twice", c.name)
		}
	}
}

func TestVulnerabilities(t *testing.T) {
	facts := &firmware.Facts{Systems: []firmware.System{{Root: true}}, Coverage: unpack.Coverage{Understood: 1000}}
	part := []vulnerability.Part{{Family: "dropbear", Version: "2012.55", Certainty: lab.Confirmed}}
	hit := func(s vulnerability.State, exploited, accounted bool) vulnerability.Hit {
		h := vulnerability.Hit{ID: "CVE-2099-1", State: s, Severity: lab.High}
		if exploited {
			h.Exploited = &exploitedDay
		}
		if accounted {
			h.Maker = &vulnerability.Word{State: vulnerability.NotAffected, File: "vex.json"}
		}
		return h
	}
	same := &vulnerability.Reconciliation{Same: 1}
	general := []snapshot.About{{Source: "nvd", Title: "NVD"}}
	for name, c := range map[string]struct {
		k    vulnerability.Report
		want evidence.Verdict
	}{
		"no data":    {vulnerability.Report{NoData: true}, evidence.Inconclusive},
		"none":       {vulnerability.Report{Parts: part, Reconciled: same}, evidence.Pass},
		"undeclared": {vulnerability.Report{Parts: part}, evidence.Inconclusive},
		"differs":    {vulnerability.Report{Parts: part, Reconciled: &vulnerability.Reconciliation{FoundOnly: 1}}, evidence.Inconclusive},
		"open":       {vulnerability.Report{Parts: part, Reconciled: same, Hits: []vulnerability.Hit{hit(vulnerability.UnderInvestigation, false, false)}, Counts: vulnerability.Counts{Open: 1}}, evidence.Inconclusive},
		"exploited":  {vulnerability.Report{Parts: part, Reconciled: same, Hits: []vulnerability.Hit{hit(vulnerability.Affected, true, false)}, Counts: vulnerability.Counts{Open: 1, Exploited: 1}}, evidence.Fail},
		"perhaps":    {vulnerability.Report{Parts: part, Reconciled: same, Hits: []vulnerability.Hit{hit(vulnerability.UnderInvestigation, true, false)}, Counts: vulnerability.Counts{Open: 1, Exploited: 1}}, evidence.Inconclusive},
		"affected":   {vulnerability.Report{Parts: part, Reconciled: same, Hits: []vulnerability.Hit{hit(vulnerability.Affected, false, false)}, Counts: vulnerability.Counts{Open: 1}}, evidence.Fail},
		"accounted":  {vulnerability.Report{Parts: part, Reconciled: same, Hits: []vulnerability.Hit{hit(vulnerability.Affected, false, true)}, Counts: vulnerability.Counts{Accounted: 1}}, evidence.Inconclusive},
		"special":    {vulnerability.Report{Snapshots: []snapshot.About{{Source: "openssl"}}, Parts: part, Reconciled: same}, evidence.Inconclusive},
	} {
		if c.k.Snapshots == nil && !c.k.NoData {
			c.k.Snapshots = general
		}
		o := Judge(Input{Facts: facts, Known: &c.k})
		if got := verdicts(o)["cls-iot-assurance/known-vulnerabilities-firmware"]; got != c.want {
			t.Errorf("%s: %s, not %s", name, got, c.want)
		}
	}
}

// What keeps a clean report from passing is said as it is.
func TestGrounds(t *testing.T) {
	facts := pack(t, map[string]string{"etc/motd": "hello"}, nil)
	k := vulnerability.Report{Snapshots: []snapshot.About{{Source: "nvd", Title: "NVD"}}, Parts: []vulnerability.Part{{Family: "busybox", Version: "1.35.0"}}}
	ground := func() string {
		for _, j := range Judge(Input{Facts: facts, Known: &k}).Judgments {
			if j.Requirement == asked().Vulnerabilities {
				return j.Ground[0].ID
			}
		}
		return ""
	}
	if got := ground(); got != "firmware.no-list" {
		t.Errorf("nothing declared: %s", got)
	}
	facts.Coverage.Unknown += facts.Coverage.Understood
	if got := ground(); got != "firmware.too-little" {
		t.Errorf("not understood: %s", got)
	}
}

var exploitedDay = snapshot.Exploited{Added: "2026-01-01"}

// An image without a program shows nothing of what runs on the device.
func TestNoProgram(t *testing.T) {
	facts := pack(t, map[string]string{"etc/motd": "hello"}, nil)
	if got := verdicts(Judge(Input{Facts: facts}))[asked().Errors]; got != evidence.Pass {
		t.Fatalf("with a program: %s", got)
	}
	facts.Hardening.Programs = nil
	for _, j := range Judge(Input{Facts: facts}).Judgments {
		if j.Requirement == asked().Errors && (j.Verdict != evidence.Inconclusive || j.Task == nil) {
			t.Errorf("without: %+v", j)
		}
	}
}

func TestWhole(t *testing.T) {
	for _, c := range []struct {
		f    firmware.Facts
		want bool
	}{
		{firmware.Facts{Systems: []firmware.System{{}}, Coverage: unpack.Coverage{Understood: 990, Unknown: 10}}, true},
		{firmware.Facts{Systems: []firmware.System{{}}, Coverage: unpack.Coverage{Understood: 989, Unknown: 5, Damaged: 6}}, false},
		{firmware.Facts{Systems: []firmware.System{{}}, Coverage: unpack.Coverage{Understood: 100, Unknown: 10, Padding: 890}}, false},
		{firmware.Facts{Systems: []firmware.System{{}}, Coverage: unpack.Coverage{Understood: 1000}, Problems: []string{"late"}}, false},
		{firmware.Facts{Coverage: unpack.Coverage{Understood: 1000}}, false},
	} {
		if Whole(&c.f) != c.want {
			t.Errorf("%+v", c.f)
		}
	}
}

func TestUndeclared(t *testing.T) {
	facts := pack(t, map[string]string{"etc/passwd": "root:x:0:0::/:/bin/sh\n", "etc/inittab": "::respawn:/bin/busybox telnetd -F -p 2323\n"}, nil)
	has := func(row evidence.Row) bool {
		o := Judge(Input{Facts: facts, Evidence: &evidence.Evidence{IXIT: map[string][]evidence.Row{"log-intf": {row}}}})
		return slices.ContainsFunc(o.Findings, func(f lab.Finding) bool { return f.Rule == "firmware.undeclared-listener" })
	}
	if !has(evidence.Row{"ports": {"80/tcp"}}) {
		t.Errorf("nothing found: %+v", facts.Services.Listeners)
	}
	if has(evidence.Row{"ports": {"2323/tcp"}}) {
		t.Error("a declared one was found")
	}
}

func TestParts(t *testing.T) {
	fs := parts([]*image.Part{{ID: "a", State: image.Unknown, Size: 9000, Entropy: 7.99}, {ID: "b", State: image.Unknown, Size: 10}, {ID: "c", State: image.Understood, Parts: []*image.Part{{ID: "d", State: image.Damaged, Problem: "x"}}}})
	if len(fs) != 2 || fs[0].Rule != "image.not-understood" || fs[1].Where[0].Part != "d" {
		t.Errorf("%+v", fs)
	}
}

// Both directions of the bill of materials are findings, each with its rule.
func TestDiffer(t *testing.T) {
	k := &vulnerability.Report{
		Snapshots: []snapshot.About{{Source: "nvd"}},
		Parts:     []vulnerability.Part{{Family: "busybox", Version: "1.2", Found: []int{0}, Where: []lab.Place{{Path: "/bin/busybox"}}}},
		Reconciled: &vulnerability.Reconciliation{Versions: 1, FoundOnly: 1, DeclaredOnly: 1, Rows: []vulnerability.Row{
			{Family: "busybox", Result: vulnerability.VersionsVary, Declared: []string{"1.3"}, Found: []string{"1.2"}, Parts: []int{0}},
			{Family: "zlib", Result: vulnerability.FoundOnly, Found: []string{"1.1.4"}, Claimed: true}, {Family: "curl", Result: vulnerability.DeclaredOnly, Declared: []string{"8"}}, {Family: "lua", Result: vulnerability.Same},
		}},
	}
	o := Judge(Input{Facts: &firmware.Facts{Systems: []firmware.System{{Root: true}}, Coverage: unpack.Coverage{Understood: 1000}}, Known: k})
	got := map[string]lab.Certainty{}
	for _, f := range o.Findings {
		got[f.Rule+" "+f.Get("component")] = f.Certainty
	}
	want := map[string]lab.Certainty{"sbom.version-differs busybox": lab.Confirmed, "sbom.not-declared zlib": lab.Claimed, "sbom.not-found curl": lab.Claimed}
	for k, c := range want {
		if got[k] != c {
			t.Errorf("%s: %q in %v", k, got[k], got)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%v", got)
	}
}
