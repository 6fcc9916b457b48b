package squashfs_test

import (
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"assay/lab/firmware/image"
	"assay/lab/firmware/unpack"
	"assay/lab/firmware/unpack/squashfs"
	"assay/lab/firmware/unpack/trial"
	"assay/lab/labtest"
)

// router is a flash image as makers of routers hand it out: a header with the sum
// over all, a kernel in LZMA, and a root file system.
func router(kernel, rootfs []byte, size int) []byte {
	b := bytes.Repeat([]byte{0xff}, size)
	clear(b[:0x200])
	be := binary.BigEndian
	be.PutUint32(b, 1<<24)
	copy(b[4:], "TP-LINK Technologies")
	copy(b[0x1c:], "ver. 1.0")
	be.PutUint32(b[0x40:], 0x08410008)
	be.PutUint32(b[0x44:], 1)
	rootAt := (0x200 + len(kernel) + 0xffff) &^ 0xffff
	for i, v := range []int{0x80002000, 0x80002000, size, 0x200, len(kernel), rootAt, len(rootfs), 0, 0} {
		be.PutUint32(b[0x74+4*i:], uint32(v))
	}
	copy(b[0x200:], kernel)
	copy(b[rootAt:], rootfs)
	copy(b[0x4c:], "\xdc\xd7\x3a\xa5\xc3\x95\x98\xfb\xdd\xf9\xe7\xf4\x0e\xae\x47\x38")
	sum := md5.Sum(b)
	copy(b[0x4c:], sum[:])
	return b
}

// A whole image of a router with LZMA of short headers, by itself, in a zip as makers
// distribute it, and in flash behind a boot loader, gives the tree that went in.
func TestNestedInRouter(t *testing.T) {
	dir := labtest.Unpacked(t, "busybox-static:mipsel")
	if err := os.Symlink("busybox", filepath.Join(dir, "bin/sh")); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	tree := trial.Read(t, dir)
	want, err := tree.Digest()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(labtest.Tool(t, "xz"), "--format=lzma", "-c")
	cmd.Stdin = bytes.NewReader(trial.Text(900_000))
	kernel, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, markers := range []bool{true, false} {
		rootfs := squashfs.ShortHeaders(t, tree, markers)
		flash := router(kernel, rootfs, (len(rootfs)+len(kernel)+0x30000)&^0xffff)
		at := t.TempDir()
		if err := os.WriteFile(filepath.Join(at, "up_boot.bin"), flash, 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(at, "how to.txt"), trial.Text(2000), 0o666); err != nil {
			t.Fatal(err)
		}
		zip := exec.Command(labtest.Tool(t, "zip"), "-q", "router.zip", "up_boot.bin", "how to.txt")
		zip.Dir = at
		if out, err := zip.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		boot := append(trial.Text(128<<10), flash...)
		for what, b := range map[string][]byte{"alone": flash, "zip": trial.Image(t, filepath.Join(at, "router.zip")), "flash": boot} {
			r := unpack.Unpack(t.Context(), b, unpack.Options{Bounds: image.Standard})
			if err := unpack.Check(r, int64(len(b))); err != nil || len(r.Panics) > 0 || r.Err != nil {
				t.Errorf("%s: %v %v %v", what, err, r.Panics, r.Err)
			}
			have := ""
			for _, p := range r.Trees {
				d, err := p.Tree.Digest()
				if err != nil {
					t.Errorf("%s: %v", what, err)
				}
				if d == want {
					have = p.ID
				}
			}
			if have == "" {
				t.Errorf("%s, markers %v: the tree is not there: %s", what, markers, parts(r.Parts))
			}
			if r.Coverage.Damaged > 0 {
				t.Errorf("%s: %+v: %s", what, r.Coverage, parts(r.Parts))
			}
		}
	}
}

func parts(ps []*image.Part) (s string) {
	for _, p := range ps {
		s += fmt.Sprintf(" %s %s %s+%d %s (%s)", p.ID, p.State, p.Format, p.Size, p.Problem, parts(p.Parts))
	}
	return s
}
