// Package trial gives tests of readers a tree with every kind of file, compares
// what was read with it, and hurts images.
package trial

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"assay/lab/firmware/image"
	"assay/lab/firmware/unpack/unpacktest"
)

// Size of a source tree.
type Size int

// Sizes: a tree with large and many files, and one whose image is small enough to
// be read a thousand times.
const (
	Full Size = iota
	Small
)

// Noise is n bytes that no compressor makes shorter, and Text n bytes that each does.
func Noise(n int, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 0))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// Text is lines that differ.
func Text(n int) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "option name 'network %d'\n", i*i)
	}
	return b.Bytes()[:n]
}

// Source makes a tree of files in a new folder, with devices and owners where the test
// may make them, which root may.
func Source(t testing.TB, size Size) string {
	t.Helper()
	dir := t.TempDir()
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	at := func(p string) string { return filepath.Join(dir, p) }
	put := func(p string, b []byte, mode uint32) {
		t.Helper()
		do(os.MkdirAll(filepath.Dir(at(p)), 0o755))
		do(os.WriteFile(at(p), b, 0o600))
		do(syscall.Chmod(at(p), mode))
	}
	put("bin/busybox", append(Text(9000), Noise(5000, 1)...), 0o4755)
	put("etc/empty", nil, 0o644)
	put("etc/one", []byte{1}, 0o600)
	put("etc/page", Text(4096), 0o644)
	put("etc/page+1", Text(4097), 0o444)
	put("etc/größe 시험", []byte("names are UTF-8\n"), 0o644)
	put("etc/"+strings.Repeat("long-", 40), []byte("a long name\n"), 0o644)
	put("lib/noise", Noise(20000, 2), 0o644)
	put("lib/zeros", make([]byte, 30000), 0o644)
	put("lib/holes", append(append(Text(5000), make([]byte, 40000)...), Text(100)...), 0o644)
	put("a/b/c/d/e/f/g/h/i/j/deep", []byte("deep\n"), 0o644)
	do(os.MkdirAll(at("mnt/none"), 0o755))
	do(syscall.Chmod(at("mnt/none"), 0o1777))
	do(os.Symlink("busybox", at("bin/sh")))
	do(os.Symlink("../"+strings.Repeat("x/", 59)+"y", at("etc/to")))
	do(os.Link(at("bin/busybox"), at("bin/ls")))
	do(syscall.Mkfifo(at("etc/fifo"), 0o600))
	if size == Full {
		put("lib/large", append(Text(300000), Noise(300000, 3)...), 0o644)
		for i := range 300 {
			put(fmt.Sprintf("many/file-%03d-%s", i, strings.Repeat("n", i%40)), fmt.Appendf(nil, "%d\n", i), 0o644)
		}
	}
	if os.Getuid() == 0 {
		do(os.MkdirAll(at("dev"), 0o755))
		if err := syscall.Mknod(at("dev/null"), syscall.S_IFCHR|0o666, 1<<8|3); err == nil {
			do(syscall.Mknod(at("dev/mtdblock7"), syscall.S_IFBLK|0o640, 31<<8|7))
			do(os.Chmod(at("dev/null"), 0o666))
		}
		do(os.Lchown(at("etc/one"), 1000, 100))
		do(os.Lchown(at("bin/sh"), 7, 8))
		do(os.Lchown(at("mnt/none"), 65534, 65534))
	}
	return dir
}

// Read makes a tree of a folder.
func Read(t testing.TB, dir string) *image.Tree {
	t.Helper()
	tree := image.NewTree()
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(p)
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		n := &image.Node{Perm: st.Mode & 0o7777, UID: st.Uid, GID: st.Gid, Time: st.Mtim.Sec}
		switch st.Mode & syscall.S_IFMT {
		case syscall.S_IFDIR:
			n.Kind = image.Dir
		case syscall.S_IFREG:
			b, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			n.Kind, n.Size = image.File, int64(len(b))
			n.Open = func() ([]byte, error) { return b, nil }
		case syscall.S_IFLNK:
			n.Kind = image.Symlink
			if n.Target, err = os.Readlink(p); err != nil {
				return err
			}
		case syscall.S_IFIFO:
			n.Kind = image.FIFO
		case syscall.S_IFCHR, syscall.S_IFBLK:
			n.Kind = image.Char
			if st.Mode&syscall.S_IFMT == syscall.S_IFBLK {
				n.Kind = image.Block
			}
			n.Major, n.Minor = uint32(st.Rdev>>8&0xfff), uint32(st.Rdev&0xff|st.Rdev>>12&0xfff00)
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		return tree.Put(rel, n)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := tree.Finish(); err != nil {
		t.Fatal(err)
	}
	return tree
}

// Run runs a program. Its output is shown if it fails.
func Run(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// Image is a file that a program made.
func Image(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Budget is a new one with the bounds of the laboratory.
func Budget(t testing.TB) *image.Budget { return image.NewBudget(t.Context(), image.Standard) }

// Whole opens an image that has nothing wrong.
func Whole(t testing.TB, f image.Format, b []byte) *image.Part {
	t.Helper()
	p, err := f.Open(b, Budget(t))
	if err != nil {
		t.Fatalf("%s: %v", f.Name, err)
	}
	if p.State != image.Understood || p.Problem != "" {
		t.Errorf("%s: %s, %q", f.Name, p.State, p.Problem)
	}
	if p.Tree != nil && len(p.Tree.Notes) > 0 {
		t.Errorf("%s: notes %q", f.Name, p.Tree.Notes)
	}
	return p
}

// Keeps says what of a node a format keeps.
type Keeps struct{ Perm, Owner, Time bool }

// Same compares two trees.
func Same(t testing.TB, got, want *image.Tree, keeps Keeps) {
	t.Helper()
	g, err := got.Digest()
	if err != nil {
		t.Errorf("reading all: %v", err)
	}
	w, err := want.Digest()
	if err != nil {
		t.Fatal(err)
	}
	lines := func(tree *image.Tree) map[string]string {
		m := map[string]string{}
		check(t, tree.Walk(func(p string, n *image.Node) error {
			if p == "/lost+found" {
				return nil
			}
			l := fmt.Sprintf("%s %d %q %d,%d", n.Kind, n.Size, n.Target, n.Major, n.Minor)
			if keeps.Perm && n.Kind != image.Symlink {
				l += fmt.Sprintf(" %04o", n.Perm)
			}
			if keeps.Owner {
				l += fmt.Sprintf(" %d:%d", n.UID, n.GID)
			}
			if keeps.Time {
				l += fmt.Sprintf(" @%d", n.Time)
			}
			m[p] = l
			return nil
		}))
		return m
	}
	have, should := lines(got), lines(want)
	for p, l := range should {
		if have[p] != l {
			t.Errorf("%.60s is %q instead of %q", p, have[p], l)
		}
	}
	for p, l := range have {
		if _, ok := should[p]; !ok {
			t.Errorf("%.60s, a %q, should not be", p, l)
		}
	}
	if g != w && !t.Failed() {
		t.Error("the contents differ")
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Drain reads all files of a part and all its streams. It counts those that
// could be read and those that could not.
func Drain(t testing.TB, p *image.Part) (read map[string]string, failed int) {
	t.Helper()
	read = map[string]string{}
	for _, s := range p.Streams {
		read[s.Name] = string(s.Data)
	}
	if p.Tree == nil {
		return read, 0
	}
	check(t, p.Tree.Walk(func(path string, n *image.Node) error {
		if n.Kind != image.File {
			return nil
		}
		b, err := n.Data()
		if err != nil {
			failed++
			return nil
		}
		read[path] = string(b)
		return nil
	}))
	return read, failed
}

// Survive opens bytes that may be anything and reads all that comes out, as
// unpacktest.Read does. The part is nil where there is none.
func Survive(t testing.TB, f image.Format, b []byte) *image.Part {
	t.Helper()
	keep := bytes.Clone(b)
	p, err := unpacktest.Read(t, f, b, "a trial")
	if p != nil && p.Tree != nil {
		check(t, p.Tree.Finish())
	}
	if !bytes.Equal(b, keep) {
		t.Fatalf("%s changed the image, %v", f.Name, err)
	}
	return p
}

// Truncate cuts the image at every hundredth. Each must be damaged, or be nothing,
// if it was cut before end, where the last byte stands that is more than padding.
func Truncate(t testing.TB, f image.Format, b []byte, end int) {
	t.Helper()
	for i := range 100 {
		n := len(b) * i / 100
		p := Survive(t, f, b[:n:n])
		if p != nil && p.State == image.Understood && n < end {
			t.Errorf("%s cut to %d of %d bytes is understood", f.Name, n, len(b))
		}
	}
}

// Flip changes one to four bytes of the image, often. On average share of the files
// must be read as before.
func Flip(t testing.TB, f image.Format, b []byte, times int, share float64) {
	t.Helper()
	p, err := f.Open(b, Budget(t))
	check(t, err)
	want, failed := Drain(t, p)
	if failed > 0 {
		t.Fatalf("%d files cannot be read before anything is flipped", failed)
	}
	r := rand.New(rand.NewPCG(uint64(len(b)), 1))
	same, damaged := 0, 0
	for range times {
		c := bytes.Clone(b)
		for range 1 + r.IntN(4) {
			c[r.IntN(len(c))] ^= byte(1 + r.IntN(255))
		}
		p := Survive(t, f, c)
		if p == nil {
			continue
		}
		if p.State == image.Damaged {
			damaged++
		}
		got, _ := Drain(t, p)
		for path, content := range want {
			if is, ok := got[path]; ok && is == content {
				same++
			}
		}
	}
	all := float64(times * len(want))
	unpacktest.FlipBytes(t, f, b, times/2, 1)
	t.Logf("%s: %.2f %% of files as before, %d of %d images damaged", f.Name, 100*float64(same)/all, damaged, times)
	if float64(same) < share*all {
		t.Errorf("%s: only %.2f %% of files are as before", f.Name, 100*float64(same)/all)
	}
}
