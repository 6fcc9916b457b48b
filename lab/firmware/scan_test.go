package firmware

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"assay/confine"
	"assay/lab"
	"assay/lab/firmware/image"
	"assay/lab/firmware/inspect"
)

type entry struct {
	name, body, link string
	mode             int64
}

func archive(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: e.mode, Size: int64(len(e.body)), Typeflag: tar.TypeReg, Linkname: e.link, ModTime: time.Unix(1e9, 0)}
		if e.link != "" {
			h.Typeflag = tar.TypeSymlink
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func packed(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func onDisk(t testing.TB, b []byte) *os.File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(name, b, 0o666); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func sample(t testing.TB) []byte {
	inner := archive(t, entry{name: "deep.txt", body: "inside"})
	root := archive(t,
		entry{name: "etc/passwd", body: "root::0:0:root:/root:/bin/sh\n", mode: 0o644},
		entry{name: "bin/sh", link: "busybox"},
		entry{name: "bin/busybox", body: "#!/bin/true\n", mode: 0o4755},
		entry{name: "lib/odd-\xff\n\u202e", body: "x", mode: 0o600},
		entry{name: "usr/share/more.tar.gz", body: string(packed(t, inner)), mode: 0o644},
	)
	return append(append(packed(t, root), bytes.Repeat([]byte{0xff}, 5000)...), bytes.Repeat([]byte("not known to anybody. "), 100)...)
}

func scan(t testing.TB, b []byte, o Options) *Facts {
	t.Helper()
	facts, err := Scan(t.Context(), onDisk(t, b), o)
	if err != nil {
		t.Fatal(err)
	}
	return facts
}

func TestScan(t *testing.T) {
	b := sample(t)
	told := 0
	f := scan(t, b, Options{Reduced: true, Progress: func(p Progress) { told++ }})
	sum := sha256.Sum256(b)
	if f.SHA256 != hex.EncodeToString(sum[:]) || f.Size != int64(len(b)) || len(f.Problems) > 0 || told == 0 {
		t.Errorf("%s %d %v, told %d times", f.SHA256, f.Size, f.Problems, told)
	}
	if len(f.Parts) != 3 || f.Parts[0].Format != "gzip" || f.Coverage.Padding != 5000 || f.Coverage.Unknown != 2200 || f.Coverage.Understood != int64(len(b))-7200 {
		t.Errorf("%+v, %d parts", f.Coverage, len(f.Parts))
	}
	if len(f.Systems) != 2 || !f.Systems[0].Root || f.Systems[1].Root {
		t.Fatalf("%+v", f.Systems)
	}
	files := map[string]File{}
	for _, s := range f.Systems {
		for _, n := range s.Files {
			files[n.Path] = n
		}
	}
	if n := files["/bin/busybox"]; n.Perm != 0o4755 || n.Size != 12 || n.Time != 1e9 || n.SHA256 != sumOf("#!/bin/true\n") {
		t.Errorf("%+v", n)
	}
	if n := files["/bin/sh"]; n.Kind != image.Symlink || n.Target != "busybox" || n.SHA256 != "" {
		t.Errorf("%+v", n)
	}
	if n := files[`/lib/odd-\xff\n\u202e`]; n.Size != 1 {
		t.Errorf("%+v", files)
	}
	if n := files["/usr/share/more.tar.gz"]; n.Inner == nil || n.Inner.Format != "gzip" || files["/deep.txt"].Size != 6 {
		t.Errorf("%+v", n)
	}
	rules := map[string]bool{}
	for _, found := range f.Findings {
		rules[found.Rule] = true
	}
	if !rules["image.not-understood"] || f.Secrets == nil || len(f.Secrets.Accounts) != 1 || f.Hardening == nil || f.Services == nil || f.Malware == nil {
		t.Errorf("%v %+v", rules, f.Results)
	}
}

func sumOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// The same image gives the same bytes.
func TestScanTwice(t *testing.T) {
	var first []byte
	for range 3 {
		b, err := json.Marshal(scan(t, sample(t), Options{Reduced: true}))
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = b
		}
		if !bytes.Equal(b, first) {
			t.Errorf("%s\nand then\n%s", first, b)
		}
	}
}

func TestScanRefuses(t *testing.T) {
	dir, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	for what, f := range map[string]*os.File{"a folder": dir, "an empty file": onDisk(t, nil)} {
		if _, err := Scan(t.Context(), f, Options{Reduced: true}); !errors.Is(err, ErrFile) {
			t.Errorf("%s: %v", what, err)
		}
	}
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	if _, err := Scan(ctx, onDisk(t, sample(t)), Options{Reduced: true}); !errors.Is(err, gone) {
		t.Errorf("canceled: %v", err)
	}
}

// Where a layer is missing nothing is read, unless the operator says so; then the
// facts do.
func TestScanLayers(t *testing.T) {
	for _, layer := range []string{"landlock", "seccomp"} {
		_, err := Scan(t.Context(), onDisk(t, sample(t)), Options{without: layer})
		if !errors.Is(err, confine.ErrMissing) || !strings.Contains(err.Error(), layer) || !strings.Contains(err.Error(), "--confinement=reduced") {
			t.Errorf("without %s: %v", layer, err)
		}
		f := scan(t, sample(t), Options{without: layer, Reduced: true})
		if missing := f.Layers.Missing(); len(missing) == 0 || !strings.Contains(strings.Join(missing, " "), layer) {
			t.Errorf("without %s: %v", layer, f.Layers)
		}
	}
}

// Bounds hold in the process: what is beyond is damaged, and the rest is there.
func TestScanBounds(t *testing.T) {
	b := append(archive(t, entry{name: "f", body: "x"}), packed(t, make([]byte, 1<<20))...)
	f := scan(t, b, Options{Reduced: true, bounds: image.Bounds{Bytes: 100_000, Files: 100, Depth: 12, Ratio: 2000}})
	if f.Coverage.Damaged == 0 || len(f.Systems) != 1 || !slicesHas(f.Findings, "image.damaged") {
		t.Errorf("%+v %+v", f.Coverage, f.Findings)
	}
}

// What unpacks to more than the process may have leaves a damaged part, and the rest is
// looked at.
func TestScanBombs(t *testing.T) {
	var file bytes.Buffer
	w := zip.NewWriter(&file)
	f, err := w.Create("zeros")
	if err != nil {
		t.Fatal(err)
	}
	piece := make([]byte, 16<<20)
	for range 40 {
		if _, err := f.Write(piece); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	good := archive(t, entry{name: "f", body: "x"})
	for what, b := range map[string][]byte{
		"a stream":     bytes.Repeat(packed(t, make([]byte, 128<<20)), 4),
		"a file":       file.Bytes(),
		"many streams": bytes.Repeat(append(packed(t, make([]byte, 128<<20)), "no more"...), 18),
	} {
		f := scan(t, append(bytes.Clone(good), b...), Options{Reduced: true})
		if f.Coverage.Damaged == 0 || len(f.Systems) == 0 || len(f.Systems[0].Files) != 1 || f.Systems[0].Files[0].SHA256 != sumOf("x") || !slicesHas(f.Findings, "image.damaged") {
			t.Errorf("%s: %+v, %d systems, %.300v", what, f.Coverage, len(f.Systems), f.Findings)
		}
	}
}

func slicesHas(fs []lab.Finding, rule string) bool {
	for _, f := range fs {
		if f.Rule == rule {
			return true
		}
	}
	return false
}

// What the process says is not believed where it cannot be.
func TestValidate(t *testing.T) {
	good := scan(t, sample(t), Options{Reduced: true})
	if err := validate(good, image.Standard); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(good)
	if err != nil {
		t.Fatal(err)
	}
	for what, lie := range map[string]func(*Facts){
		"hole":               func(f *Facts) { f.Parts = f.Parts[1:] },
		"overlap":            func(f *Facts) { f.Parts[1].Offset-- },
		"coverage":           func(f *Facts) { f.Coverage.Unknown = 0 },
		"less than nothing":  func(f *Facts) { f.Coverage.Understood, f.Coverage.Unknown = f.Size+1, f.Coverage.Unknown-1-f.Size },
		"state":              func(f *Facts) { f.Parts[0].State = "good" },
		"weight":             func(f *Facts) { f.Parts[0].Parts[0].Weight++ },
		"id twice":           func(f *Facts) { f.Parts[1].ID = f.Parts[0].ID },
		"entropy":            func(f *Facts) { f.Parts[0].Entropy = 9 },
		"control":            func(f *Facts) { f.Parts[0].Format = "gzip\x1b[31m" },
		"long detail":        func(f *Facts) { f.Parts[0].Details = []image.Property{{Name: "x", Value: strings.Repeat("x", 2000)}} },
		"details":            func(f *Facts) { f.Parts[0].Details = make([]image.Property, 1000) },
		"relative path":      func(f *Facts) { f.Systems[0].Files[0].Path = "../../etc" },
		"right to left":      func(f *Facts) { f.Systems[0].Files[0].Path = "/a\u202e" },
		"kind":               func(f *Facts) { f.Systems[0].Files[0].Kind = "door" },
		"size":               func(f *Facts) { f.Systems[0].Bytes++ },
		"negative":           func(f *Facts) { f.Systems[0].Files[0].Size = -1 },
		"sum":                func(f *Facts) { f.Systems[0].Files[0].SHA256 = "00" },
		"permissions":        func(f *Facts) { f.Systems[0].Files[0].Perm = 0o10000 },
		"nodes":              func(f *Facts) { f.Systems[0].Nodes++ },
		"rule":               func(f *Facts) { f.Findings[0].Rule = "no.rule" },
		"version of rule":    func(f *Facts) { f.Findings[0].Version = 99 },
		"severity":           func(f *Facts) { f.Findings[0].Severity = "fatal" },
		"certainty":          func(f *Facts) { f.Findings[0].Certainty = "sure" },
		"address":            func(f *Facts) { f.Findings[0].Where[0].Address = "192.0.2.1:80/tcp" },
		"left":               func(f *Facts) { f.Left = map[string]int{"image.damaged": -1} },
		"long result":        func(f *Facts) { f.Secrets.Accounts[0].Name = strings.Repeat("x", 1<<20) },
		"too many problems":  func(f *Facts) { f.Problems = make([]string, 1000) },
		"problem of 2 lines": func(f *Facts) { f.Problems = []string{"a\nb"} },
	} {
		var f Facts
		if err := json.Unmarshal(text, &f); err != nil {
			t.Fatal(err)
		}
		lie(&f)
		if err := validate(&f, image.Standard); err == nil {
			t.Errorf("%s: believed", what)
		}
	}
	var f Facts
	if err := json.Unmarshal(text, &f); err != nil || !reflect.DeepEqual(f.Coverage, good.Coverage) {
		t.Error(err)
	}
}

func TestListen(t *testing.T) {
	n := 0
	f, err := listen(strings.NewReader(`{"progress":{"done":1,"size":2,"part":"0\u001bx"}}`+"\n"+`{"facts":{"sha256":"x"}}`), func(p Progress) {
		if n++; p.Part != `0\x1bx` {
			t.Errorf("%+v", p)
		}
	})
	if err != nil || f.SHA256 != "x" || n != 1 {
		t.Errorf("%+v, %v", f, err)
	}
	for _, s := range []string{"", "{}", "nonsense", `{"facts":{"unknown":1}}`, `{"progress":{"done":1}}`, `{"facts":{"size":"x"}}`} {
		if _, err := listen(strings.NewReader(s), func(Progress) {}); err == nil {
			t.Errorf("%q was taken", s)
		}
	}
}

type faulty struct{ files int }

func (f *faulty) File(*inspect.File) {
	if f.files++; f.files == 2 {
		panic("the second")
	}
}
func (f *faulty) Done([]*inspect.System, []*image.Part) { panic("not reached") }

// An inspector that fails does not take the others along, and the facts say so.
func TestInspectorFails(t *testing.T) {
	x := &examination{facts: &Facts{}, systems: map[*image.Part]*inspect.System{}, sums: map[*image.Node][32]byte{}}
	bad := &faulty{}
	x.inspectors = []*inspector{{name: "faulty", Inspector: bad}}
	p := &image.Part{ID: "0x0", Tree: image.NewTree()}
	for range 3 {
		x.file(p, "/f", &image.Node{}, nil, [32]byte{}, nil)
	}
	if bad.files != 2 || x.inspectors[0].failed == "" || len(x.facts.Problems) == 0 || !strings.Contains(x.facts.Problems[0], "the second") {
		t.Errorf("%d files, %v", bad.files, x.facts.Problems)
	}
}

func TestPrintable(t *testing.T) {
	for s, want := range map[string]string{
		"/etc/passwd": "/etc/passwd", "/a\xff": `/a\xff`, "/a\\xff": `/a\\xff`, "/a\nb": `/a\nb`, "/한": "/한", `/"q"`: `/"q"`, "/\"\x01": `/"\x01`,
	} {
		if got := printable(s); got != want {
			t.Errorf("%q: %s; want %s", s, got, want)
		}
	}
	if n := len(line(strings.Repeat("é", 2000))); n > maxLinesLen {
		t.Errorf("%d bytes", n)
	}
}
