package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"assay/bundle"
	"assay/evidence"
	"assay/lab/device/probe"
	"assay/lab/firmware"
	"assay/lab/record"
)

// tarImage is an image of text files.
func tarImage(t *testing.T, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i+1 < len(files); i += 2 {
		if err := w.WriteHeader(&tar.Header{Name: files[i], Mode: 0o644, Size: int64(len(files[i+1])), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// An image with an empty password: the bundle gets the verdicts, the tasks and the bill of
// materials, everything can be read again, and the same run gives the same bytes.
func TestLabFirmware(t *testing.T) {
	image := tarImage(t, "etc/passwd", "root:x:0:0:root:/root:/bin/sh\n", "etc/shadow", "root::10933:0:99999:7:::\n", "bin/sh", "#!/bin/false\n",
		"usr/lib/opkg/status", "Package: dropbear\nVersion: 2012.55-1\nStatus: install ok installed\nArchitecture: mips\n\n")
	file := filepath.Join(t.TempDir(), "hub.bin")
	if err := os.WriteFile(file, image, 0o666); err != nil {
		t.Fatal(err)
	}
	dir := labBundle(t, image, map[string]string{"ics.yaml": "ics:\n  - {standard: en-303-645, edition: 2.1.1, date: 2026-11-01, entries: {5.1-1: yes}}\n"})
	var before map[string]string
	for _, lang := range []string{"en", "en", "ko"} {
		out := filepath.Join(t.TempDir(), "out")
		var stdout, stderr bytes.Buffer
		args := []string{"--bundle", dir, "--out", out, "--at", "2026-11-24T10:00:00Z", "--operator", "tester-1", "--no-scanners", "--confinement", "reduced", "--lang", lang, file}
		if before != nil {
			args = append([]string{"--no-add"}, args...)
		}
		if code := runLabFirmware(t.Context(), args, stdio{nil, &stdout, &stderr}); code != exitOK {
			t.Fatalf("exit %d: %s%s", code, stdout.String(), stderr.String())
		}
		files := map[string]string{}
		for _, name := range []string{"report.html", "run.json", "lab-sbom.cdx.json", "findings.sarif", "facts.json", "vulnerabilities.json"} {
			b, err := os.ReadFile(filepath.Join(out, name))
			if err != nil {
				t.Fatal(err)
			}
			files[name] = string(b)
		}
		if before != nil && lang == "en" {
			for name, text := range files {
				if text != before[name] {
					t.Errorf("%s is not the same in the second run", name)
				}
			}
		}
		if lang == "ko" {
			if files["run.json"] != before["run.json"] || files["report.html"] == before["report.html"] {
				t.Error("the language changes the record, or not the page")
			}
			continue
		}
		before = files
	}
	b, err := bundle.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range b.Findings() {
		if !f.Note {
			t.Errorf("%s", f)
		}
	}
	if len(b.Evidence.Reports) != 2 || len(b.Evidence.Imports) != 1 || len(b.Evidence.Imports[0].Components) == 0 || b.Evidence.Imports[0].Firmware != evidence.Digest(image) {
		t.Fatalf("%d reports, %+v", len(b.Evidence.Reports), b.Evidence.Imports)
	}
	failed, tasks := false, 0
	for i := range b.Evidence.Reports {
		r := b.Evidence.Reports[i].Report()
		tasks += len(r.Tasks)
		for _, x := range r.Results {
			failed = failed || x.Verdict == evidence.Fail && x.Requirements[0].String() == "en-303-645@2.1.1/5.1-1" && strings.Contains(x.Ground, "Scope: looked at")
			if x.Verdict == evidence.Pass && x.Requirements[0].Standard == "en-303-645" {
				t.Errorf("an image passed %v", x.Requirements)
			}
		}
	}
	if !failed || tasks == 0 {
		t.Errorf("the empty password does not fail 5.1-1, or there is no task (%d)", tasks)
	}
}

func TestLabFirmwareRefuses(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{nil, exitUsage, "usage"},
		{[]string{"--lang", "fr", empty}, exitUsage, "fr"},
		{[]string{"--confinement", "none", empty}, exitUsage, "reduced"},
		{[]string{"--out", filepath.Join(dir, "a"), filepath.Join(dir, "nothing")}, exitFailed, "no such file"},
		{[]string{"--out", filepath.Join(dir, "b"), dir}, exitFailed, "no plain file"},
		{[]string{"--out", filepath.Join(dir, "c"), empty}, exitFailed, "empty"},
		{[]string{"--out", filepath.Join(dir, "e"), "--yara", filepath.Join(dir, "none.yar"), dir}, exitFailed, "none.yar"},
		{[]string{"--out", filepath.Join(dir, "d"), "--snapshot", empty, empty}, exitFailed, "empty"},
	} {
		var stdout, stderr bytes.Buffer
		if code := runLabFirmware(t.Context(), c.args, stdio{nil, &stdout, &stderr}); code != c.code || !strings.Contains(stderr.String(), c.says) {
			t.Errorf("%v: exit %d: %s", c.args, code, stderr.String())
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("something was left: %v", left)
	}
}

// What a program cannot tell takes nothing away from what testers found: the tasks
// of a run change no level.
func TestLabTakesNothingAway(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gateway")
	if err := os.CopyFS(dir, os.DirFS("../../testdata/gateway")); err != nil {
		t.Fatal(err)
	}
	assess := func() string {
		var stdout, stderr bytes.Buffer
		runAssess(t.Context(), []string{"--laboratory", "../../testdata/gateway-lab/specimen-lab.yaml", "--at", "2026-11-25", dir}, stdio{nil, &stdout, &stderr})
		return stdout.String()
	}
	before := assess()
	image, err := filepath.Glob(filepath.Join(dir, "artifacts", "c0ac2d38*.bin"))
	if err != nil || len(image) != 1 {
		t.Fatal(image, err)
	}
	var stdout, stderr bytes.Buffer
	if code := runLabFirmware(t.Context(), []string{"--bundle", dir, "--out", filepath.Join(t.TempDir(), "out"), "--at", "2026-11-24T10:00:00Z", "--no-scanners", "--confinement", "reduced", image[0]}, stdio{nil, &stdout, &stderr}); code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr.String())
	}
	if !strings.Contains(stdout.String(), "verdicts/lab-firmware-ts-103-701-") {
		t.Errorf("no task in the bundle:\n%s", stdout.String())
	}
	if after := assess(); after != before || !strings.Contains(before, "reached") {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

// What an image shows holds for every revision of the hardware that it runs on, and a
// report on requirements as a whole is signed with the others.
func TestLabFirmwareCounts(t *testing.T) {
	image, err := os.ReadFile("../../testdata/hub/hub-1.0.bin")
	if err != nil {
		t.Fatal(err)
	}
	dir := labBundle(t, image, map[string]string{"ics.yaml": "ics:\n  - {standard: en-303-645, edition: 2.1.1, date: 2026-11-01, entries: {5.1-1: yes}}\n"})
	name := filepath.Join(dir, "product.yaml")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	listed := bytes.Replace(text, []byte("[{id: H-1}]"), []byte("[{id: H-1, hardware: [A]}]"), 1)
	if bytes.Equal(listed, text) {
		t.Fatalf("%s", text)
	}
	if err := os.WriteFile(name, listed, 0o644); err != nil {
		t.Fatal(err)
	}
	run := func(f func(context.Context, []string, stdio) int, code int, args ...string) string {
		t.Helper()
		var stdout, stderr bytes.Buffer
		if got := f(t.Context(), args, stdio{strings.NewReader("specimen"), &stdout, &stderr}); got != code {
			t.Fatalf("%v: exit %d: %s%s", args, got, stdout.String(), stderr.String())
		}
		return stdout.String() + stderr.String()
	}
	run(runLabFirmware, exitOK, "--bundle", dir, "--by", "specimen-lab", "--out", filepath.Join(t.TempDir(), "out"), "--at", "2026-11-24T10:00:00Z", "--no-scanners", "--confinement", "reduced", "../../testdata/hub/hub-1.0.bin")
	reports, err := filepath.Glob(filepath.Join(dir, "verdicts", "lab-*.yaml"))
	if err != nil || len(reports) != 2 {
		t.Fatal(reports, err)
	}
	key := filepath.Join(t.TempDir(), "key")
	pem, err := os.ReadFile("../../testdata/gateway-lab/specimen-lab.key")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, pem, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, r := range reports {
		run(runEvidence, exitOK, "sign", "--rows", "--key", key, "--passphrase-file", "-", r)
	}
	said := run(runAssess, exitFailed, "--at", "2026-11-24", "--laboratory", "../../testdata/gateway-lab/specimen-lab.yaml", "--scheme", "sg-cls-iot", "--explain", "5.1-1", dir)
	if !strings.Contains(said, "fail, test by laboratory on 2026-11-24") || strings.Contains(said, "does not count") {
		t.Error(said)
	}
}

// Progress begins at nothing and ends at all, and the files are most of it.
func TestPercent(t *testing.T) {
	for _, c := range []struct {
		p    firmware.Progress
		want int64
	}{
		{firmware.Progress{Size: 10}, 0}, {firmware.Progress{Size: 10, Done: 10}, 20}, {firmware.Progress{Size: 10, Done: 10, Read: 5, ToRead: 10}, 60},
		{firmware.Progress{Size: 10, Done: 10, Read: 10, ToRead: 10}, 100}, {firmware.Progress{Size: 10, Done: 12, Read: 11, ToRead: 10}, 100},
	} {
		if got := percent(c.p); got != c.want {
			t.Errorf("%+v: %d, not %d", c.p, got, c.want)
		}
	}
}

// The image that the README shows has what it says.
func TestLabFirmwareHub(t *testing.T) {
	var stdout, stderr bytes.Buffer
	out := filepath.Join(t.TempDir(), "out")
	if code := runLabFirmware(t.Context(), []string{"--json", "--out", out, "--no-scanners", "--confinement", "reduced", "../../testdata/hub/hub-1.0.bin"}, stdio{nil, &stdout, &stderr}); code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr.String())
	}
	var run record.Run
	if err := json.Unmarshal(stdout.Bytes(), &run); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for i := range run.Findings {
		f := &run.Findings[i]
		got[f.Rule+" "+f.Get("account")] = f.Get("password")
	}
	for rule, password := range map[string]string{
		"credential.back-door Specimenworks": "specimen_hub_h1", "credential.known-password root": "sohoadmin", "credential.empty-password support": "", "service.console-without-login ": "", "update.checksum-only ": "",
	} {
		if p, ok := got[rule]; !ok || p != password {
			t.Errorf("%s: %q, %v; there is %v", rule, p, ok, got)
		}
	}
	// The credentials of the image are tried on the device.
	cs, err := candidates(filepath.Join(out, "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(cs, probe.Credential{User: "Specimenworks", Password: "specimen_hub_h1", From: "firmware"}) || !slices.Contains(cs, probe.Credential{User: "support", From: "firmware"}) {
		t.Errorf("%+v", cs)
	}
}

// What archives in files hold is no file system of the image.
func TestFileSystems(t *testing.T) {
	f := &firmware.Facts{Systems: []firmware.System{{Part: "0x0/rootfs/0x0"}, {Part: "0x0/rootfs/0x0:/usr/share/doc/x.gz/0x0"}, {Part: "0x0:/root.tar/0x0"}}}
	f.Systems[2].Root = true
	if n := fileSystems(f); n != 2 {
		t.Error(n)
	}
}
