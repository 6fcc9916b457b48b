package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"assay/civil"
	"assay/evidence"
)

// Artifacts of the sample.
const (
	reportPDF = "%PDF-1.7 a laboratory's report\n"
	sbomJSON  = `{"bomFormat": "CycloneDX"}` + "\n"
)

func sum(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) }

// sample is a small bundle without findings: path to text.
func sample() map[string]string {
	pdf, sbom := sum(reportPDF), sum(sbomJSON)
	return map[string]string{
		"product.yaml": `# SPECIMEN
product:
  holder: xx:0001
  brand: SPECIMEN
  name: Hub
  functions: [consumer/smart-home-hub]
  models:
    - {id: H-1, hardware: [A]}
firmware:
  - {version: 1.10, sha256: 0000000000000000000000000000000000000000000000000000000000000001}
support: {end: 2031-12-31}
declaration: {by: "xx:0001", date: 2026-04-01}
`,
		"ics.yaml": `features:
  passwords: yes
  companion-app: {answer: no, ground: has none}
ics:
  - standard: en-303-645
    edition: "2.1.1"
    date: 2026-02-01
    entries:
      5.1-1: yes
      5.2-3:
        support: yes
        detail: Weekly.
        artifacts:
          - {name: report.pdf, sha256: ` + pdf + `, size: ` + fmt.Sprint(len(reportPDF)) + `}
`,
		"ixit/vuln-mon.yaml": `rows:
  - id: VulnMon-1
    description: Feeds are read weekly.
  - id: VulnMon-2
    description: [a, b]
`,
		"verdicts/lab.yaml": `number: R-1
by: {kind: laboratory, id: "lab:7"}
method: {standard: ts-103-701, edition: "1.1.1"}
date: 2026-03-20
tested: {from: 2026-03-01, to: 2026-03-10}
product: {holder: "xx:0001", name: Hub, models: [H-1]}
samples:
  - id: S1
    chosen: bought
    serial: "17"
    model: H-1
    hardware: A
    firmware: 0000000000000000000000000000000000000000000000000000000000000001
    received: 2026-02-20
verdicts:
  - unit: 5.2-3-1/a
    row: VulnMon-1
    verdict: pass
    artifacts: [{name: report.pdf, sha256: ` + pdf + `, size: ` + fmt.Sprint(len(reportPDF)) + `}]
`,
		"verdicts/lab.yaml.sig": "AAAA\n",
		"imports/sbom.yaml": `name: sbom.yaml
format: cyclonedx
artifact: {name: sbom.json, sha256: ` + sbom + `, size: ` + fmt.Sprint(len(sbomJSON)) + `}
components:
  - {name: openssl, version: 3.5.0}
`,
		"claims.yaml": `claims:
  - requirements: [imda-iot-cyber-security-guide@2020/CK-LP-01]
    verdict: pass
    method: declaration
    by: {kind: maker, id: "xx:0001"}
    date: 2026-03-01
    ground: See the manual.
`,
		"artifacts/" + pdf + ".pdf": reportPDF,
		"artifacts/" + sbom:         sbomJSON,
	}
}

// lay writes a folder of files.
func lay(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "b")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for p, text := range files {
		name := filepath.Join(dir, filepath.FromSlash(p))
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// contents reads a folder back.
func contents(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(p)
		rel, rerr := filepath.Rel(dir, p)
		files[filepath.ToSlash(rel)] = string(b)
		return errors.Join(err, rerr)
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func open(t testing.TB, path string) *Bundle {
	t.Helper()
	b, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOpenFolder(t *testing.T) {
	b := open(t, lay(t, sample()))
	if found := b.Findings(); len(found) != 0 {
		t.Errorf("findings: %v", found)
	}
	ev := b.Evidence
	if ev.Firmware[0].Version != "1.10" || ev.Features["companion-app"].Ground != "has none" || ev.ICS[0].Entries["5.1-1"].Support != evidence.SupportedYes {
		t.Errorf("product or ICS: %+v", ev)
	}
	if rows := ev.IXIT["vuln-mon"]; len(rows) != 2 || rows[1]["description"].String() != "a, b" {
		t.Errorf("rows: %v", rows)
	}
	if r := ev.Reports[0]; r.Name != "lab.yaml" || r.Signature != "AAAA" || r.Report().Number != "R-1" || r.Body != sample()["verdicts/lab.yaml"] {
		t.Errorf("report: %+v", r)
	}
	if len(ev.Imports) != 1 || len(ev.Claims) != 1 || ev.Declaration == nil || len(b.Artifacts) != 2 {
		t.Errorf("imports %v, claims %v, declaration %v, artifacts %v", ev.Imports, ev.Claims, ev.Declaration, b.Artifacts)
	}
}

// A bundle as one file reads back as the same evidence, and taken apart again
// gives the same evidence once more.
func TestOneFileAndBack(t *testing.T) {
	b := open(t, lay(t, sample()))
	j, err := b.JSON()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Read("evidence.json", j)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(back.Evidence, b.Evidence) {
		t.Errorf("got  %+v\nwant %+v", back.Evidence, b.Evidence)
	}
	again, err := Split(back.Evidence)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(again.Evidence, b.Evidence) {
		t.Errorf("split: got  %+v\nwant %+v", again.Evidence, b.Evidence)
	}
	for _, p := range []string{"verdicts/lab.yaml", "verdicts/lab.yaml.sig"} {
		if want := sample()[p]; string(again.Text(p)) != want {
			t.Errorf("%s: got %q, want %q", p, again.Text(p), want)
		}
	}
	if want := "rows:\n  - description: Feeds are read weekly.\n    id: VulnMon-1\n"; !strings.HasPrefix(string(again.Text("ixit/vuln-mon.yaml")), want) {
		t.Errorf("a row is not written as people write it:\n%s", again.Text("ixit/vuln-mon.yaml"))
	}
	var once, twice bytes.Buffer
	for _, p := range again.Texts() {
		fmt.Fprintf(&once, "%s %q\n", p, again.Text(p))
	}
	third, err := Split(again.Evidence)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range third.Texts() {
		fmt.Fprintf(&twice, "%s %q\n", p, third.Text(p))
	}
	if once.String() != twice.String() {
		t.Error("split twice gives other files")
	}
}

func TestSave(t *testing.T) {
	dir := lay(t, sample())
	b := open(t, dir)
	to := filepath.Join(t.TempDir(), "new", "copy")
	if err := b.Save(to); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, to); !reflect.DeepEqual(got, sample()) {
		t.Errorf("got %v", sorted(got))
	}
	if err := b.Save(to); !errors.Is(err, ErrExists) {
		t.Errorf("saved over itself: %v", err)
	}
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := b.Save(file); !errors.Is(err, ErrExists) {
		t.Errorf("saved over a file: %v", err)
	}
}

// What cannot be finished leaves nothing.
func TestSaveLeavesNothingHalf(t *testing.T) {
	dir := lay(t, sample())
	b := open(t, dir)
	if err := os.Remove(filepath.Join(dir, "artifacts", sum(sbomJSON))); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/full", filepath.Join(dir, "artifacts", sum(sbomJSON))); err != nil {
		t.Skip("no symbolic links here")
	}
	parent := t.TempDir()
	if err := b.Save(filepath.Join(parent, "copy")); !errors.Is(err, ErrUnsafe) {
		t.Errorf("got %v", err)
	}
	if es, _ := os.ReadDir(parent); len(es) != 0 {
		t.Errorf("left behind: %v", es)
	}
}

func TestFindings(t *testing.T) {
	pdf, sbom := sum(reportPDF), sum(sbomJSON)
	for _, c := range []struct {
		name  string
		spoil func(map[string]string)
		file  string
		line  int
		says  string
		note  bool
	}{
		{"missing artifact", func(f map[string]string) { delete(f, "artifacts/"+sbom) }, "imports/sbom.yaml", 3, "missing", false},
		{"altered artifact", func(f map[string]string) { f["artifacts/"+sbom] += " " }, "artifacts/" + sbom, 0, "altered: the SHA-256", false},
		{"unreferenced artifact", func(f map[string]string) { f["artifacts/"+sum("x")] = "x" }, "artifacts/" + sum("x"), 0, "nothing names", true},
		{"artifact twice", func(f map[string]string) { f["artifacts/"+pdf] = reportPDF }, "artifacts/" + pdf + ".pdf", 0, "the same file", true},
		{"size", func(f map[string]string) {
			f["imports/sbom.yaml"] = strings.Replace(f["imports/sbom.yaml"], "size: 2", "size: 3", 1)
		}, "imports/sbom.yaml", 3, "has 27 bytes", false},
		{"artifact by another name", func(f map[string]string) { f["artifacts/report.pdf"] = "x" }, "artifacts/report.pdf", 0, "not named by its SHA-256", false},
		{"hash in capitals", func(f map[string]string) { f["artifacts/"+strings.ToUpper(sum("x"))] = "x" }, "artifacts/" + strings.ToUpper(sum("x")), 0, "not named by its SHA-256", false},
		{"second product", func(f map[string]string) { f["ixit/product.yaml"] = f["product.yaml"] }, "ixit/product.yaml", 0, "a second product", false},
		{"second product in a folder", func(f map[string]string) { f["other/product.yaml"] = f["product.yaml"] }, "other/product.yaml", 0, "a second product", false},
		{"unknown file", func(f map[string]string) { f["notes.txt"] = "" }, "notes.txt", 0, "no file of a bundle", false},
		{"unknown file in a folder", func(f map[string]string) { f["ixit/a b.yaml"] = "" }, "ixit/a b.yaml", 0, "no file of a bundle", false},
		{"signature alone", func(f map[string]string) { f["verdicts/x.yaml.sig"] = "" }, "verdicts/x.yaml.sig", 0, "without its report", false},
		{"report on another product", func(f map[string]string) {
			f["verdicts/lab.yaml"] = strings.Replace(f["verdicts/lab.yaml"], "models: [H-1]", "models: [H-2]", 1)
		}, "verdicts/lab.yaml", 6, "none of the product's", false},
		{"report on another's product", func(f map[string]string) {
			f["verdicts/lab.yaml"] = strings.Replace(f["verdicts/lab.yaml"], "xx:0001", "xx:0002", 1)
		}, "verdicts/lab.yaml", 6, "product of xx:0002", false},
		{"row twice", func(f map[string]string) {
			f["ixit/vuln-mon.yaml"] = strings.Replace(f["ixit/vuln-mon.yaml"], "VulnMon-2", "VulnMon-1", 1)
		}, "ixit/vuln-mon.yaml", 4, "comes twice", false},
		{"brand", func(f map[string]string) {
			f["product.yaml"] = strings.Replace(f["product.yaml"], "brand: SPECIMEN", `brand: ""`, 1)
		}, "product.yaml", 4, "empty", false},
		{"statement without a day", func(f map[string]string) {
			f["ics.yaml"] = strings.Replace(f["ics.yaml"], "date: 2026-02-01", `date: ""`, 1)
		}, "ics.yaml", 7, "no date", false},
		{"claim without ground", func(f map[string]string) {
			f["claims.yaml"] = strings.Replace(f["claims.yaml"], "See the manual.", `""`, 1)
		}, "claims.yaml", 7, "no ground", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := sample()
			c.spoil(files)
			b, err := Open(lay(t, files))
			var e *evidence.Error
			if errors.As(err, &e) {
				if e.File != c.file || e.Line != c.line || !strings.Contains(e.Problem, c.says) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range b.Findings() {
				if f.File == c.file && f.Line == c.line && strings.Contains(f.Problem, c.says) && f.Note == c.note && f.Remedy != "" {
					return
				}
			}
			t.Errorf("no such finding in %v", b.Findings())
		})
	}
}

// Each broken file is named, with its line, not the first only.
func TestOpenNamesEveryBrokenFile(t *testing.T) {
	files := sample()
	files["ics.yaml"] = "features:\n  passwords: maybe\n"
	files["ixit/vuln-mon.yaml"] = "rows:\n- id: \xff\n"
	files["verdicts/lab.yaml"] += "colour: blue\n"
	_, err := Open(lay(t, files))
	for _, want := range []string{"ics.yaml, line 2 (/features/passwords)", "ixit/vuln-mon.yaml: not UTF-8", "verdicts/lab.yaml, line 20: unknown field"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	link := func(dir string) error { return os.Symlink("/etc/hostname", filepath.Join(dir, "verdicts", "x.yaml")) }
	for _, c := range []struct {
		name  string
		spoil func(dir string) error
		is    error
		says  string
	}{
		{"link", link, ErrUnsafe, "no plain file"},
		{"link to a folder", func(dir string) error { return os.Symlink("verdicts", filepath.Join(dir, "imports2")) }, ErrUnsafe, "no plain file"},
		{"case", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "Product.yaml"), []byte("x"), 0o666)
		}, ErrUnsafe, "differ in case"},
		{"too deep", func(dir string) error { return os.MkdirAll(filepath.Join(dir, "a/b/c/d/e"), 0o777) }, ErrUnsafe, "deeper"},
		{"name that is not UTF-8", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "a\xff"), nil, 0o666)
		}, ErrUnsafe, "not UTF-8"},
		{"backslash", func(dir string) error { return os.WriteFile(filepath.Join(dir, `ixit\x.yaml`), nil, 0o666) }, ErrUnsafe, "backslash"},
		{"large text", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "claims.yaml"), bytes.Repeat([]byte{'#'}, MaxText+1), 0o666)
		}, ErrTooLarge, "claims.yaml"},
		{"large artifact", func(dir string) error { // a hole: it takes no room
			p := filepath.Join(dir, "artifacts", sum("large"))
			if err := os.WriteFile(p, nil, 0o666); err != nil {
				return err
			}
			return os.Truncate(p, MaxArtifact+1)
		}, ErrTooLarge, sum("large")[:40]},
		{"no product", func(dir string) error { return os.Remove(filepath.Join(dir, "product.yaml")) }, ErrNoBundle, "no product.yaml"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := lay(t, sample())
			if err := c.spoil(dir); err != nil {
				t.Skip(err)
			}
			if _, err := Open(dir); !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
		})
	}
	if _, err := Open(os.DevNull); !errors.Is(err, ErrNoBundle) {
		t.Errorf("a device: %v", err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nothing: %v", err)
	}
}

func TestTooLargeAsOneFile(t *testing.T) {
	files := sample()
	for i := range 3 {
		files[fmt.Sprintf("ixit/t%d.yaml", i)] = "rows:\n  - id: a\n    description: " + strings.Repeat("x", MaxText/2) + "\n"
	}
	b := open(t, lay(t, files))
	if _, err := b.JSON(); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

func TestFuture(t *testing.T) {
	b := open(t, lay(t, sample()))
	if found := Future(b.Evidence, civil.MustDate("2026-04-01")); len(found) != 0 {
		t.Errorf("on the last day: %v", found)
	}
	for day, want := range map[string]int{"2026-03-31": 1, "2026-03-19": 2, "2026-03-09": 3, "2026-02-28": 4, "2026-01-31": 5} {
		found := b.Locate(Future(b.Evidence, civil.MustDate(day))...)
		if len(found) != want {
			t.Errorf("on %s: %v", day, found)
		}
		for _, f := range found {
			if f.Line == 0 {
				t.Errorf("no line: %v", f)
			}
		}
	}
}

// Every finding of a file of evidence keeps its line there.
func TestReadOneFile(t *testing.T) {
	b, err := Read("x.yaml", []byte("product:\n  holder: ''\n"))
	if err != nil {
		t.Fatal(err)
	}
	found := b.Findings()
	if len(found) == 0 || found[0].File != "x.yaml" || found[0].Line == 0 {
		t.Errorf("found %v", found)
	}
	if _, err := Read("x.yaml", []byte("a: b")); err == nil || !strings.Contains(err.Error(), "x.yaml, line 1") {
		t.Errorf("got %v", err)
	}
	if err := b.Put("ics.yaml", nil); !errors.Is(err, ErrNoBundle) {
		t.Errorf("put: %v", err)
	}
}

func TestPut(t *testing.T) {
	b := New()
	for p, is := range map[string]error{
		"../product.yaml": ErrUnsafe, "notes.txt": ErrNoBundle, "artifacts/" + sum("x"): ErrNoBundle, "product.yaml": nil,
	} {
		if err := b.Put(p, []byte(sample()["product.yaml"])); !errors.Is(err, is) {
			t.Errorf("%s: %v", p, err)
		}
	}
	if err := b.Parse(); err != nil || b.Evidence.Product.Name != "Hub" {
		t.Errorf("%v, %+v", err, b.Evidence.Product)
	}
}

func TestFindingJSON(t *testing.T) {
	j, err := json.Marshal(Finding{File: "a", Line: 3, Problem: "p", Remedy: "r"})
	if err != nil || string(j) != `{"file":"a","line":3,"problem":"p","remedy":"r"}` {
		t.Errorf("%s, %v", j, err)
	}
}

// A table of a hundred thousand rows is an error with its file, at once.
func TestManyRows(t *testing.T) {
	files := sample()
	for n, says := range map[int]string{evidence.MaxRows + 1: "at most 5000", 100_000: "more than 200000 values"} {
		var rows strings.Builder
		rows.WriteString("rows:\n")
		for i := range n {
			fmt.Fprintf(&rows, "- {id: v-%d}\n", i)
		}
		files["ixit/vuln-mon.yaml"] = rows.String()
		b, err := Open(lay(t, files))
		said := fmt.Sprint(err)
		if err == nil {
			said = fmt.Sprint(b.Findings())
		}
		if !strings.Contains(said, "ixit/vuln-mon.yaml") || !strings.Contains(said, says) {
			t.Errorf("%d rows: %.300s", n, said)
		}
	}
}

// The specimen gateway, real-size, in each form in which it can lie there.
func BenchmarkOpen(b *testing.B) {
	const dir = "../testdata/gateway"
	file := filepath.Join(b.TempDir(), "gateway.zip")
	if err := Pack(b.Context(), dir, file); err != nil {
		b.Fatal(err)
	}
	j, err := open(b, dir).JSON()
	if err != nil {
		b.Fatal(err)
	}
	flat := filepath.Join(b.TempDir(), "gateway.json")
	if err := os.WriteFile(flat, j, 0o666); err != nil {
		b.Fatal(err)
	}
	for _, x := range [][2]string{{"folder", dir}, {"zip", file}, {"json", flat}} {
		path := x[1]
		b.Run(x[0], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				open(b, path)
			}
		})
	}
}

func TestAbsent(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../testdata/gateway")); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "artifacts", "*.csv"))
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	if err := errors.Join(os.Remove(files[0]), os.WriteFile(files[1], []byte("altered"), 0o600), os.WriteFile(files[2], nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	b, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, h := range b.Absent() {
		got = append(got, h.String()+".csv")
	}
	slices.Sort(got)
	for i, f := range files[:3] {
		if len(got) != 3 || got[i] != filepath.Base(f) {
			t.Fatalf("absent are %v, want %v", got, files[:3])
		}
	}
	if b, err = Open("../testdata/gateway"); err != nil || len(b.Absent()) > 0 {
		t.Errorf("of the whole bundle: %v, %v", b.Absent(), err)
	}
}
