package cramfs

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"assay/lab/firmware/image"
	"assay/lab/firmware/unpack/trial"
	"assay/lab/firmware/unpack/unpacktest"
	"assay/lab/labtest"
)

func mkfs(t testing.TB, dir string, args ...string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "cramfs")
	trial.Run(t, labtest.Tool(t, "mkfs.cramfs"), append(args, dir, out)...)
	return trial.Image(t, out)
}

// owners makes those of a tree such as cramfs keeps: 8 bits of a group.
func owners(tree *image.Tree) *image.Tree {
	tree.Root.GID &= 0xff
	if err := tree.Walk(func(_ string, n *image.Node) error { n.GID &= 0xff; return nil }); err != nil {
		panic(err)
	}
	return tree
}

func TestMkfs(t *testing.T) {
	dir := trial.Source(t, trial.Full)
	want := owners(trial.Read(t, dir))
	for _, args := range [][]string{{"-N", "little"}, {"-N", "big"}, {"-N", "big", "-z"}, {"-z", "-n", "trial"}, {"-b", "8192"}, {"-b", "65536"}} {
		b := mkfs(t, dir, args...)
		p := trial.Whole(t, Formats[0], b)
		trial.Same(t, p.Tree, want, trial.Keeps{Perm: true, Owner: true})
		if p.Size != int64(len(b)) {
			t.Errorf("%q: %d bytes of %d", args, p.Size, len(b))
		}
	}
}

// A boot sector or an image of something else may precede it.
func TestShifted(t *testing.T) {
	dir := trial.Source(t, trial.Small)
	want := owners(trial.Read(t, dir))
	other := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(other, trial.Noise(5000, 9), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"-p"}, {"-i", other}, {"-p", "-i", other}} {
		b := mkfs(t, dir, args...)
		p := trial.Whole(t, Formats[0], b)
		trial.Same(t, p.Tree, want, trial.Keeps{Perm: true, Owner: true})
		if p.Size != int64(len(b)) {
			t.Errorf("%q: %d bytes of %d", args, p.Size, len(b))
		}
		if len(args) == 1 {
			if _, err := Formats[0].Open(b[512:], trial.Budget(t)); err != image.ErrNot {
				t.Errorf("%q: without what precedes it: %v", args, err)
			}
		}
	}
}

func TestHurt(t *testing.T) {
	b := mkfs(t, trial.Source(t, trial.Small))
	trial.Truncate(t, Formats[0], b, len(b))
	trial.Flip(t, Formats[0], b, 300, 0.7)
}

// word3 packs an inode, little-endian.
func word3(b []byte, mode, size, name, offset uint32) {
	binary.LittleEndian.PutUint32(b, mode)
	binary.LittleEndian.PutUint32(b[4:], size)
	binary.LittleEndian.PutUint32(b[8:], name/4|offset/4<<6)
}

// single is an image with one file "file", whose pointers and blocks are given:
// they stand at 96.
func single(flags, size uint32, content []byte) []byte {
	b := make([]byte, 96)
	binary.LittleEndian.PutUint32(b, magic)
	binary.LittleEndian.PutUint32(b[8:], flags)
	copy(b[16:], signature)
	word3(b[64:], 0o040755, 16, 0, 76)
	word3(b[76:], 0o100644, size, 4, 96)
	copy(b[88:], "file")
	b = append(b, content...)
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)))
	binary.LittleEndian.PutUint32(b[32:], crc32.ChecksumIEEE(append(append(b[:32:32], 0, 0, 0, 0), b[36:]...)))
	return b
}

func packed(s string) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	w.Write([]byte(s))
	w.Close()
	return b.Bytes()
}

// Block pointers with flags, which no packaged tool writes: for execution in
// place (the kernel's cramfs_fs.h).
func TestPointers(t *testing.T) {
	pages := make([]string, 6)
	for i := range pages {
		pages[i] = strings.Repeat(string(rune('a'+i)), 4096)
	}
	pages[3] = strings.Repeat("\x00", 4096)
	pages[5] = "the end"
	c := make([]byte, 24) // the table
	point := func(i int, flags uint32, at int) { binary.LittleEndian.PutUint32(c[4*i:], flags|uint32(at)) }
	// 0 and 1 without direct: stored, then compressed.
	c = append(c, pages[0]...)
	point(0, stored, 96+len(c))
	c = append(c, packed(pages[1])...)
	point(1, 0, 96+len(c))
	for len(c)%4 != 0 {
		c = append(c, 0)
	}
	// 2 direct and compressed, its length before it; 3 a hole behind it.
	at := 96 + len(c)
	p := packed(pages[2])
	c = append(binary.LittleEndian.AppendUint16(c, uint16(len(p))), p...)
	point(2, direct, at>>2)
	point(3, 0, 96+len(c))
	for len(c)%4 != 0 {
		c = append(c, 0)
	}
	// 4 direct and stored; 5, short, behind it.
	point(4, stored|direct, (96+len(c))>>2)
	c = append(c, pages[4]...)
	c = append(c, packed(pages[5])...)
	point(5, 0, 96+len(c))
	b := single(version2|pointers, 5*4096+7, c)
	part := trial.Whole(t, Formats[0], b)
	n, err := part.Tree.Lookup("/file")
	if err != nil {
		t.Fatal(err)
	}
	got, err := n.Data()
	if err != nil || string(got) != strings.Join(pages, "") {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// What a damaged image says is told, with its place.
func TestDamaged(t *testing.T) {
	table := func(p ...uint32) (b []byte) {
		for _, v := range p {
			b = binary.LittleEndian.AppendUint32(b, v)
		}
		return b
	}
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"backwards": {single(version2, 10, table(50)), "block 0: it is said to stand from 0x64 to 0x32"},
		"outside":   {single(version2, 10, table(5000)), "from 0x64 to 0x1388"},
		"garbage":   {single(version2, 10, append(table(108), "xxxxxxxx"...)), "block 0 at 0x64: corrupt data"},
		"short":     {single(version2, 10, append(table(100+uint32(len(packed("abc")))), packed("abc")...)), "3 bytes come out of it instead of 10"},
		"long":      {single(version2, 2, append(table(100+uint32(len(packed("abc")))), packed("abc")...)), "more comes out"},
	} {
		p, err := Formats[0].Open(c.b, trial.Budget(t))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := p.Tree.Root.Child("file").Data(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	b := single(version2, 0, nil)
	b[len(b)-1] ^= 1
	if p, err := Formats[0].Open(b, trial.Budget(t)); err != nil || p.State != image.Damaged || !strings.Contains(p.Problem, "checksum") {
		t.Error(p, err)
	}
	b = single(version2|0x1000, 0, nil)
	if p, err := Formats[0].Open(b, trial.Budget(t)); err != nil || p.State != image.Damaged || !strings.Contains(p.Problem, "0x1000") {
		t.Error(p, err)
	}
}

// Images of before the second version do not say how long they are.
func TestFirstVersion(t *testing.T) {
	dir := trial.Source(t, trial.Full)
	b := mkfs(t, dir)
	copy(b[4:16], make([]byte, 12))
	copy(b[32:48], make([]byte, 16))
	p := trial.Whole(t, Formats[0], append(b[:len(b):len(b)], trial.Noise(100_000, 3)...))
	trial.Same(t, p.Tree, owners(trial.Read(t, dir)), trial.Keeps{Perm: true, Owner: true})
	if p.Size != int64(len(b)) {
		t.Errorf("%d bytes of %d", p.Size, len(b))
	}
}

// Directories that stand in each other, a million names over and over: it ends soon.
func TestOverlap(t *testing.T) {
	b := make([]byte, 8<<20)
	copy(b, single(version2, 0, nil))
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)))
	word3(b[64:], 0o040755, 1<<24-1, 0, 76)
	for at := 76; at+16 <= len(b); at += 16 {
		word3(b[at:], 0o040755, 1<<24-1, 4, uint32(at))
		copy(b[at+12:], fmt.Sprintf("%04x", at>>4&0xffff))
	}
	if p, err := unpacktest.Read(t, Formats[0], b, "overlapping directories"); err == nil && p.State != image.Damaged {
		t.Errorf("%+v", p)
	}
}

func FuzzCramfs(f *testing.F) {
	f.Add(single(version2, 3, append(binary.LittleEndian.AppendUint32(nil, 100+uint32(len(packed("abc")))), packed("abc")...)))
	f.Add(single(version2|pointers, 4096, binary.LittleEndian.AppendUint32(nil, direct|stored|3)))
	f.Add(single(0, 0, nil))
	f.Fuzz(func(t *testing.T, b []byte) { trial.Survive(t, Formats[0], b) })
}
