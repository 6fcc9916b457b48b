package unpack_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"assay/lab/firmware/image"
	"assay/lab/firmware/unpack"
	"assay/lab/firmware/unpack/trial"
	"assay/lab/labtest"
)

// source is a tree of programs for three machines, as Debian packs them, with links.
// plain has none, for file systems that cannot keep them.
func source(t testing.TB) (dir, plain string) {
	t.Helper()
	dir = labtest.Unpacked(t, "busybox-static:mipsel", "dropbear-bin:armhf", "dnsmasq-base:arm64")
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	do(os.MkdirAll(filepath.Join(dir, "bin"), 0o755))
	do(os.Symlink("busybox", filepath.Join(dir, "bin/sh")))
	do(os.Symlink("/bin/busybox", filepath.Join(dir, "init")))
	do(os.Symlink("../../../nowhere", filepath.Join(dir, "bin/gone")))
	do(os.MkdirAll(filepath.Join(dir, "etc"), 0o755))
	do(os.WriteFile(filepath.Join(dir, "etc/passwd"), []byte("root:x:0:0:root:/root:/bin/sh\n"), 0o644))
	do(os.WriteFile(filepath.Join(dir, "etc/empty"), nil, 0o600))
	do(os.WriteFile(filepath.Join(dir, "etc/firmware.bin"), trial.Noise(70_001, 9), 0o600))
	do(os.MkdirAll(filepath.Join(dir, "mnt/a/b/c"), 0o755))
	plain = filepath.Join(t.TempDir(), "plain")
	do(os.CopyFS(plain, os.DirFS(dir)))
	do(filepath.WalkDir(plain, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.Type() == fs.ModeSymlink {
			err = os.Remove(p)
		}
		return err
	}))
	return dir, plain
}

func digest(t testing.TB, tree *image.Tree) string {
	t.Helper()
	d, err := tree.Digest()
	if err != nil {
		t.Error(err)
	}
	return d
}

// One tree in every container and every compression gives one digest, whatever
// stands around it, and all bytes are accounted for.
func TestContainers(t *testing.T) {
	dir, plain := source(t)
	want := map[bool]string{false: digest(t, trial.Read(t, dir)), true: digest(t, trial.Read(t, plain))}
	for _, c := range trial.Containers() {
		t.Run(c.Name, func(t *testing.T) {
			from := dir
			if c.Plain {
				from = plain
			}
			out := filepath.Join(t.TempDir(), "image")
			c.Make(t, from, out)
			b, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			found(t, b, want[c.Plain], 0)
			// The same in flash: something before it, padding to the next block behind it.
			flash := append(bytes.Repeat([]byte("a boot loader "), 10_000)[:128<<10], b...)
			flash = append(flash, bytes.Repeat([]byte{0xff}, 64<<10)...)
			found(t, flash, want[c.Plain], 128<<10)
		})
	}
}

// found wants a tree of that digest in the image, no damage, and no more than so many
// unknown bytes.
func found(t *testing.T, b []byte, digestOf string, unknown int64) {
	t.Helper()
	r := unpack.Unpack(t.Context(), b, unpack.Options{Bounds: image.Standard})
	if err := unpack.Check(r, int64(len(b))); err != nil {
		t.Error(err)
	}
	if len(r.Panics) > 0 || r.Err != nil {
		t.Errorf("%v %v", r.Panics, r.Err)
	}
	got := map[string]string{}
	for _, p := range r.Trees {
		d := digest(t, p.Tree)
		got[d] = p.ID + " " + p.Format
		if d == digestOf && len(p.Tree.Notes) > 0 {
			t.Errorf("%s: notes %q", p.ID, p.Tree.Notes)
		}
	}
	if got[digestOf] == "" {
		t.Errorf("the tree is not found; there are %v in %.300s", got, sketch(r.Parts))
	}
	// What is noise in the tree counts as unknown where the tree is an archive.
	if c := r.Coverage; c.Damaged != 0 || c.Unknown > unknown+c.Understood/50 {
		t.Errorf("%+v: %.300s", c, sketch(r.Parts))
	}
}

func sketch(parts []*image.Part) string {
	var all []string
	for i, p := range parts {
		if i == 10 {
			all = append(all, "…")
			break
		}
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %s+%d %s %s", p.ID, p.State, p.Format, p.Size, p.Problem, sketch(p.Parts))))
	}
	return "[" + strings.Join(all, "; ") + "]"
}

// Every container cut off at every hundredth of it: what is left is read as far as it
// goes, by the readers behind the one that was cut too, and accounted for.
func TestCutOff(t *testing.T) {
	if testing.Short() {
		t.Skip("5000 images")
	}
	dir := t.TempDir()
	for name, b := range map[string][]byte{"etc/passwd": []byte("root::0:0::/:/bin/sh\n"), "bin/busybox": append(trial.Text(9000), trial.Noise(9000, 1)...), "etc/text": trial.Text(30_000)} {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range trial.Containers() {
		t.Run(c.Name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "image")
			c.Make(t, dir, out)
			b := trial.Image(t, out)
			for i := range 100 {
				n := len(b) * i / 100
				r := unpack.Unpack(t.Context(), b[:n:n], unpack.Options{Bounds: image.Standard})
				if err := unpack.Check(r, int64(n)); err != nil || len(r.Panics) > 0 || r.Err != nil {
					t.Errorf("%d %%: %v %v %v", i, err, r.Panics, r.Err)
				}
			}
		})
	}
}

func BenchmarkUnpackUnknown(b *testing.B) {
	data := trial.Noise(32<<20, 5)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		unpack.Unpack(b.Context(), data, unpack.Options{Bounds: image.Standard})
	}
}
