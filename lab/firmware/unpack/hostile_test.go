package unpack

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"assay/lab/firmware/image"
)

// hostile unpacks bytes that mean harm with all readers, in bounded time and memory.
func hostile(t *testing.T, b []byte, bounds image.Bounds) *Result {
	t.Helper()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	r := Unpack(t.Context(), b, Options{Bounds: bounds})
	took := time.Since(start)
	runtime.GC()
	runtime.ReadMemStats(&after)
	if len(r.Panics) > 0 {
		t.Errorf("panics: %v", r.Panics)
	}
	if err := Check(r, int64(len(b))); err != nil {
		t.Error(err)
	}
	if took > 30*time.Second {
		t.Errorf("it took %s", took)
	}
	if kept := int64(after.HeapAlloc) - int64(before.HeapAlloc); kept > bounds.Bytes+bounds.Bytes/2+(64<<20) {
		t.Errorf("%d MB are kept of at most %d", kept>>20, bounds.Bytes>>20)
	}
	return r
}

var narrow = image.Bounds{Bytes: 64 << 20, Files: 20_000, Depth: 12, Ratio: 2000}

func gz(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// zeros is a gzip stream of n zeros, without making them.
func zeros(t testing.TB, n int64) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := io.CopyN(w, endless{}, n); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

type endless struct{}

func (endless) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// damaged reports whether a damaged part of a format is anywhere.
func damaged(r *Result, problem string) bool {
	found := false
	var look func(p *image.Part)
	look = func(p *image.Part) {
		found = found || p.State == image.Damaged && strings.Contains(p.Problem, problem)
		for _, c := range p.Parts {
			look(c)
		}
		if p.Tree != nil {
			files(p.Tree, func(n *image.Node) {
				if n.Inner != nil {
					look(n.Inner)
				}
			})
		}
	}
	for _, p := range r.Parts {
		look(p)
	}
	return found
}

func TestBombs(t *testing.T) {
	one := zeros(t, 1<<30)
	t.Run("zeros", func(t *testing.T) {
		if r := hostile(t, one, narrow); !damaged(r, "unpack") {
			t.Error(outline(r.Parts))
		}
	})
	t.Run("packed again and again", func(t *testing.T) {
		b := one
		for range 5 {
			b = gz(t, bytes.Repeat(b, 3))
		}
		hostile(t, b, narrow)
	})
	t.Run("a tree of archives", func(t *testing.T) { // 16 in each, 5 deep: a million of the last
		b := zeros(t, 100<<20)
		for range 5 {
			var all []file
			for i := range 16 {
				all = append(all, file{name: fmt.Sprintf("lib %x.tgz", i), body: b})
			}
			b = gz(t, tarOf(t, all...))
		}
		hostile(t, b, narrow)
	})
	t.Run("entries over each other", func(t *testing.T) {
		if r := hostile(t, overlapping(t, 250, 1<<20), narrow); strings.Contains(outline(r.Parts), "zip@0") && !damaged(r, "") {
			_, total := 0, int64(0)
			for _, p := range r.Trees {
				files(p.Tree, func(n *image.Node) { total += n.Size })
			}
			if total > narrow.Bytes {
				t.Errorf("%d bytes came out", total)
			}
		}
	})
	t.Run("a million files", func(t *testing.T) {
		var b bytes.Buffer
		for i := range 1_000_000 {
			cpioEntry(&b, fmt.Sprintf("%07d", i), nil)
		}
		cpioEntry(&b, "TRAILER!!!", nil)
		bounds := image.Standard
		r := hostile(t, b.Bytes(), bounds)
		n := 0
		for _, p := range r.Trees {
			p.Tree.Walk(func(string, *image.Node) error { n++; return nil })
		}
		if n > bounds.Files {
			t.Errorf("%d files", n)
		}
	})
}

func cpioEntry(b *bytes.Buffer, name string, body []byte) {
	mode := 0o100644
	if name == "TRAILER!!!" {
		mode = 0
	}
	fmt.Fprintf(b, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00", 1, mode, 0, 0, 1, 0, len(body), 0, 0, 0, 0, len(name)+1, 0, name)
	for b.Len()%4 != 0 {
		b.WriteByte(0)
	}
	b.Write(body)
	for b.Len()%4 != 0 {
		b.WriteByte(0)
	}
}

// overlapping is a zip whose n entries all have one stream of size zeros.
func overlapping(t testing.TB, n int, size int) []byte {
	t.Helper()
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, 9)
	if err != nil {
		t.Fatal(err)
	}
	content := make([]byte, size)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	head := func(sign uint32, name string, at int) []byte {
		var b []byte
		le := binary.LittleEndian
		b = le.AppendUint32(b, sign)
		if sign == 0x02014b50 {
			b = le.AppendUint16(b, 20)
		}
		b = append(b, 20, 0, 0, 0, 8, 0, 0, 0, 0, 0)
		b = le.AppendUint32(b, crc32.ChecksumIEEE(content))
		b = le.AppendUint32(b, uint32(packed.Len()))
		b = le.AppendUint32(b, uint32(size))
		b = le.AppendUint16(b, uint16(len(name)))
		b = append(b, 0, 0)
		if sign == 0x02014b50 {
			b = append(b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
			b = le.AppendUint32(b, uint32(at))
		}
		return append(b, name...)
	}
	b := append(head(0x04034b50, "aaaa", 0), packed.Bytes()...)
	start := len(b)
	for i := range n {
		b = append(b, head(0x02014b50, fmt.Sprintf("%04d", i), 0)...)
	}
	le := binary.LittleEndian
	end := len(b)
	b = le.AppendUint32(b, 0x06054b50)
	b = append(b, 0, 0, 0, 0)
	b = le.AppendUint16(b, uint16(n))
	b = le.AppendUint16(b, uint16(n))
	b = le.AppendUint32(b, uint32(end-start))
	b = le.AppendUint32(b, uint32(start))
	return append(b, 0, 0)
}

type file struct {
	name, link string
	kind       byte
	body       []byte
}

func tarOf(t testing.TB, all ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range all {
		h := &tar.Header{Name: f.name, Linkname: f.link, Typeflag: f.kind, Mode: 0o644, Size: int64(len(f.body))}
		if f.kind == 0 {
			h.Typeflag = tar.TypeReg
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(f.body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipOf(t testing.TB, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, n := range names {
		f, err := w.CreateHeader(&zip.FileHeader{Name: n, Method: zip.Deflate})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, n); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Names and links that lead out of an archive, or round in it, lead nowhere: the tree
// has only names, and what is left out is noted.
func TestTraversal(t *testing.T) {
	out := []string{"../../outside", "/../outside", "a/../../outside", "a/./../..//outside", "..", "x/../.."}
	var all []file
	for _, n := range out {
		all = append(all, file{name: n, body: []byte("out")})
	}
	all = append(all,
		file{name: "/etc/passwd", body: []byte("in")},
		file{name: "kept", body: []byte("kept")},
		file{name: "up", link: "../../../../etc/shadow", kind: tar.TypeSymlink},
		file{name: "root", link: "/", kind: tar.TypeSymlink},
		file{name: "loop/self", link: "self", kind: tar.TypeSymlink},
		file{name: "loop/a", link: "b", kind: tar.TypeSymlink},
		file{name: "loop/b", link: "../loop/a", kind: tar.TypeSymlink},
		file{name: "up/under", body: []byte("through a link")},
		file{name: "hard", link: "../../outside", kind: tar.TypeLink},
		file{name: "hard-self", link: "hard-self", kind: tar.TypeLink},
		file{name: "hard-a", link: "hard-b", kind: tar.TypeLink},
		file{name: "hard-b", link: "hard-a", kind: tar.TypeLink},
		file{name: "hard-kept", link: "kept", kind: tar.TypeLink},
		file{name: "hard-link", link: "loop/a", kind: tar.TypeLink},
	)
	var cpio bytes.Buffer
	for _, n := range append(out, "/etc/passwd", "kept") {
		cpioEntry(&cpio, n, []byte("x"))
	}
	cpioEntry(&cpio, "TRAILER!!!", nil)
	for what, b := range map[string][]byte{"tar": tarOf(t, all...), "zip": zipOf(t, append(out, "/etc/passwd", "kept")...), "cpio": cpio.Bytes()} {
		r := hostile(t, b, narrow)
		if len(r.Trees) == 0 {
			t.Errorf("%s: %s", what, outline(r.Parts))
			continue
		}
		tree := r.Trees[0].Tree
		if len(tree.Notes) < 3 {
			t.Errorf("%s: nothing is said of what was left out: %q", what, tree.Notes)
		}
		if err := tree.Walk(func(p string, n *image.Node) error {
			if strings.Contains(p, "outside") || strings.Contains(p, "..") {
				t.Errorf("%s: %s is in the tree", what, p)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
		if n, err := tree.Lookup("/etc/passwd"); err != nil || n.Kind != image.File {
			t.Errorf("%s: %v", what, err)
		}
		if what != "tar" {
			continue
		}
		for _, p := range []string{"/up", "/loop/self", "/loop/a", "/hard", "/hard-self", "/hard-a", "/hard-link"} {
			if n, err := tree.Lookup(p); err == nil && n.Size > 0 {
				t.Errorf("%s leads to %d bytes", p, n.Size)
			}
		}
		if n, err := tree.Lookup("/root/root/root/kept"); err != nil || n.Size != 4 {
			t.Errorf("a link to the root of the archive: %v", err)
		}
		if n, err := tree.Lookup("/hard-kept"); err != nil || n.Size != 4 {
			t.Errorf("a hard link: %v", err)
		} else if b, err := n.Data(); err != nil || string(b) != "kept" {
			t.Errorf("a hard link: %q, %v", b, err)
		}
	}
}

// One large content that many names share is read within the bounds of all files.
func TestManyLinks(t *testing.T) {
	all := []file{{name: "large", body: bytes.Repeat([]byte("large "), 1<<20)}}
	for i := range 500 {
		all = append(all, file{name: fmt.Sprint(i), link: "large", kind: tar.TypeLink})
	}
	read := int64(0)
	r := Unpack(t.Context(), tarOf(t, all...), Options{Bounds: narrow, File: func(_ *image.Part, _ string, _ *image.Node, b []byte, _ [32]byte, _ error) { read += int64(len(b)) }})
	if read > narrow.Bytes {
		t.Errorf("%d bytes were read: %s", read, outline(r.Parts))
	}
}

// Magics without anything behind them, as many as fit.
func TestMagicsOnly(t *testing.T) {
	for _, f := range Formats() {
		for i, m := range f.Magic {
			if i > 3 {
				break
			}
			start := time.Now()
			b := bytes.Repeat([]byte(m.Bytes), (1<<20)/len(m.Bytes))
			r := Unpack(t.Context(), b, Options{Bounds: narrow})
			if err := Check(r, int64(len(b))); err != nil || len(r.Panics) > 0 {
				t.Errorf("%s: %v %v", f.Name, err, r.Panics)
			}
			if d := time.Since(start); d > 10*time.Second {
				t.Errorf("%s, magic %d: it took %s", f.Name, i, d)
			}
		}
	}
}
