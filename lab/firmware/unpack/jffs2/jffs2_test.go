package jffs2

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"assay/lab/firmware/image"
	"assay/lab/firmware/unpack/trial"
	"assay/lab/labtest"
)

func mkfs(t testing.TB, dir string, args ...string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "jffs2")
	trial.Run(t, labtest.Tool(t, "mkfs.jffs2"), append([]string{"-d", dir, "-o", out}, args...)...)
	return trial.Image(t, out)
}

func TestMkfs(t *testing.T) {
	dir := trial.Source(t, trial.Full)
	want := trial.Read(t, dir)
	for _, c := range []struct{ args, compression string }{
		{"-l", "zlib"}, {"-b", "zlib"}, {"-b -m none -e 128KiB -c 20", ""}, {"-l -x zlib -x rtime -X lzo", "lzo"}, {"-b -x zlib -X rtime", "rtime"}, {"-l -m size -X lzo", "rtime zlib lzo"},
		{"-l -n -p -s 65536 -e 256KiB", "zlib"}, {"-b -p0x200000", "zlib"},
	} {
		t.Run(c.args, func(t *testing.T) {
			b := mkfs(t, dir, strings.Fields(c.args)...)
			p := trial.Whole(t, Formats[0], append(b[:len(b):len(b)], "\xde\xad\xc0\xde what follows"...))
			trial.Same(t, p.Tree, want, trial.Keeps{Perm: true, Owner: true, Time: true})
			if p.Size > int64(len(b)) || p.Size < int64(len(bytes.TrimRight(b, "\xff"))) {
				t.Errorf("%d bytes of %d", p.Size, len(b))
			}
			if got := p.Get("compression"); got != c.compression {
				t.Errorf("compression %q", got)
			}
			if order := p.Get("order"); order[0] != c.args[1] {
				t.Error(order)
			}
		})
	}
}

// With sumtool's nodes, each erase block ends in a summary.
func TestSummary(t *testing.T) {
	dir := trial.Source(t, trial.Full)
	in, out := filepath.Join(t.TempDir(), "in"), filepath.Join(t.TempDir(), "out")
	if err := os.WriteFile(in, mkfs(t, dir, "-l", "-e", "128KiB"), 0o600); err != nil {
		t.Fatal(err)
	}
	trial.Run(t, labtest.Tool(t, "sumtool"), "-l", "-e", "128KiB", "-i", in, "-o", out)
	p := trial.Whole(t, Formats[0], trial.Image(t, out))
	trial.Same(t, p.Tree, trial.Read(t, dir), trial.Keeps{Perm: true, Owner: true})
}

func TestHurt(t *testing.T) {
	b := mkfs(t, trial.Source(t, trial.Small), "-b", "-X", "lzo")
	trial.Truncate(t, Formats[0], b, 0)
	trial.Flip(t, Formats[0], b, 300, 0.8)
}

// A cut inside of a node is seen; one between two nodes leaves a sound image, as
// nothing says how many there are.
func TestCut(t *testing.T) {
	b := bytes.TrimRight(mkfs(t, trial.Source(t, trial.Small), "-l", "-n"), "\xff")
	for cut := 1; cut < 40; cut++ {
		if p := trial.Survive(t, Formats[0], b[:len(b)-cut]); p.State != image.Damaged || !strings.Contains(p.Problem, "cut off in the node") {
			t.Errorf("%d bytes less: %s %q", cut, p.State, p.Problem)
		}
	}
}

// writer writes nodes.
type writer struct {
	b     []byte
	order binary.ByteOrder
}

func (w *writer) node(kind uint16, body []byte) (at int) {
	for len(w.b)%4 != 0 {
		w.b = append(w.b, 0xff)
	}
	at = len(w.b)
	h := make([]byte, 12)
	w.order.PutUint16(h, magic)
	w.order.PutUint16(h[2:], kind)
	w.order.PutUint32(h[4:], uint32(12+len(body)))
	w.order.PutUint32(h[8:], crc(h[:8]))
	w.b = append(append(w.b, h...), body...)
	return at
}

func (w *writer) words(b []byte, at int, words ...uint32) {
	for i, v := range words {
		w.order.PutUint32(b[at-12+4*i:], v)
	}
}

func (w *writer) name(parent, version, number uint32, name string) (at int) {
	b := append(make([]byte, 28), name...)
	w.words(b, 12, parent, version, number, 1000)
	b[16] = byte(len(name))
	at = w.node(dirent, b)
	n := w.b[at:]
	w.order.PutUint32(n[32:], crc(n[:32]))
	w.order.PutUint32(n[36:], crc(n[40:40+len(name)]))
	return at
}

func (w *writer) data(number, version, mode, size, offset uint32, compression byte, unpacked uint32, data string) (at int) {
	b := append(make([]byte, 56), data...)
	w.words(b, 12, number, version, mode)
	w.words(b, 28, size, 1, 2, 3, offset, uint32(len(data)), unpacked)
	b[44] = compression
	at = w.node(inodeNode, b)
	n := w.b[at:]
	w.order.PutUint32(n[60:], crc(n[68:]))
	w.order.PutUint32(n[64:], crc(n[:60]))
	return at
}

func (w *writer) file(number, version uint32, data string) int {
	return w.data(number, version, 0o100644, uint32(len(data)), 0, stored, uint32(len(data)), data)
}

func opened(t *testing.T, b []byte) map[string]string {
	t.Helper()
	got, failed := trial.Drain(t, trial.Whole(t, Formats[0], b))
	if failed > 0 {
		t.Errorf("%d files cannot be read", failed)
	}
	return got
}

// What happens to files on a running device, in nodes.
func TestVersions(t *testing.T) {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		w := &writer{order: order}
		w.node(cleanmarker, nil)
		// Written, deleted, and written again with a new inode, the nodes out of order.
		w.name(1, 3, 12, "again")
		w.file(12, 1, "new")
		w.name(1, 1, 10, "again")
		w.name(1, 2, 0, "again")
		w.file(10, 1, "old")
		// Deleted for good; moved away.
		w.name(1, 4, 11, "gone")
		w.name(1, 5, 0, "gone")
		w.name(1, 6, 13, "from")
		w.file(13, 1, "moved")
		w.name(1, 7, 13, "to")
		w.name(1, 8, 0, "from")
		// Overwritten in the middle by a later version that stands first.
		w.name(1, 9, 14, "middle")
		w.data(14, 2, 0o100600, 10, 3, stored, 4, "XXXX")
		w.data(14, 1, 0o100644, 10, 0, stored, 10, "0123456789")
		// Cut to 4 and grown to 8 with a hole.
		w.name(1, 10, 15, "cut")
		w.file(15, 1, "abcdefgh")
		w.data(15, 2, 0o100644, 4, 4, stored, 0, "")
		w.data(15, 3, 0o100644, 8, 4, zero, 4, "")
		// Cut off, with a piece that goes beyond.
		w.name(1, 11, 16, "short")
		w.data(16, 1, 0o100644, 10, 0, rtime, 10, "a\x00b\x00c\x00d\x00e\x00f\x00g\x00h\x00i\x00j\x00")
		w.data(16, 2, 0o100644, 3, 3, stored, 0, "")
		// A node that was made obsolete, as NOR flash can.
		w.name(1, 12, 17, "obsolete")
		w.file(17, 1, "kept")
		at := w.file(17, 2, "obsolete")
		order.PutUint16(w.b[at+2:], inodeNode&^accurate)
		// Only nothing.
		w.name(1, 13, 18, "empty")
		w.data(18, 1, 0o100644, 0, 0, stored, 0, "")
		got := opened(t, w.b)
		want := map[string]string{"/again": "new", "/to": "moved", "/middle": "012XXXX789", "/cut": "abcd\x00\x00\x00\x00", "/short": "abc", "/obsolete": "kept", "/empty": ""}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%v: %q", order, got)
		}
	}
}

// Devices with numbers of both sizes.
func TestDevices(t *testing.T) {
	w := &writer{order: binary.BigEndian}
	w.name(1, 1, 2, "old")
	w.data(2, 1, 0o020600, 0, 0, stored, 2, "\x05\x01")
	w.name(1, 2, 3, "new")
	w.data(3, 1, 0o060600, 0, 0, stored, 4, "\x11\x11\x03\x70")
	tree := trial.Whole(t, Formats[0], w.b).Tree
	if n, err := tree.Lookup("/old"); err != nil || n.Kind != image.Char || n.Major != 5 || n.Minor != 1 {
		t.Error(n, err)
	}
	if n, err := tree.Lookup("/new"); err != nil || n.Kind != image.Block || n.Major != 0x103 || n.Minor != 70000 {
		t.Error(n, err)
	}
}

// Two partitions next to each other are two, though nothing stands between them.
func TestNeighbors(t *testing.T) {
	dir := trial.Source(t, trial.Small)
	for _, args := range [][]string{{"-l", "-p"}, {"-l", "-p", "-n"}} {
		first := mkfs(t, dir, args...)
		other := t.TempDir()
		if err := os.WriteFile(filepath.Join(other, "config"), []byte("x=1\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		second := mkfs(t, other, args...)
		p := trial.Whole(t, Formats[0], append(first[:len(first):len(first)], second...))
		trial.Same(t, p.Tree, trial.Read(t, dir), trial.Keeps{Perm: true})
		if p.Size != int64(len(first)) {
			t.Errorf("%q: %d bytes of %d", args, p.Size, len(first))
		}
	}
}

// encode is the coder that Linux does not use any more.
func encode(data []byte, whole uint32, ones [8]uint32) []byte {
	var out []byte
	n := 0
	push := func(bit uint32) {
		if n%8 == 0 {
			out = append(out, 0)
		}
		out[n/8] |= byte(bit) << (7 - n%8)
		n++
	}
	low, width := uint32(0), uint32(1<<16)
	for _, b := range data {
		for place := range 8 {
			for low >= 1<<15 || low+width <= 1<<15 {
				push(low >> 15)
				low, width = low&0x7fff<<1, width<<1
			}
			zeros := min(max((whole-ones[place])*width/whole, 1), width-1)
			if b>>place&1 == 0 {
				width = zeros
			} else {
				low, width = low+zeros, width-zeros
			}
		}
	}
	for range 16 {
		push(low >> 15)
		low = low & 0x7fff << 1
	}
	return out
}

func TestCompressions(t *testing.T) {
	text := string(trial.Text(4000))
	lzmaText, err := func() ([]byte, error) {
		cmd := exec.Command(labtest.Tool(t, "xz"), "--format=raw", "--lzma1=lc=0,lp=0,pb=0,dict=8192", "-c")
		cmd.Stdin = strings.NewReader(text)
		return cmd.Output()
	}()
	if err != nil {
		t.Fatal(err)
	}
	ones := [8]uint32{100, 60, 120, 110, 70, 200, 180, 1}
	dyn := make([]byte, 8)
	for i, v := range ones {
		dyn[i] = byte(v)
	}
	dyn = append(dyn, encode([]byte(text), 256, ones)...)
	fixed := encode([]byte(text), 1043, [8]uint32{277, 249, 290, 267, 229, 341, 212, 241})
	w := &writer{order: binary.LittleEndian}
	add := func(number uint32, name string, compression byte, data []byte) {
		w.name(1, number, number, name)
		w.data(number, 1, 0o100644, uint32(len(text)), 0, compression, uint32(len(text)), string(data))
	}
	add(2, "lzma", lzma, lzmaText)
	add(3, "dyn3", rubinMIPS, dyn)
	add(4, "dyn5", dynRubin, dyn)
	add(5, "fixed", rubinMIPS, fixed)
	add(6, "copy", copied, []byte(text))
	for name, got := range opened(t, w.b) {
		if got != text {
			t.Errorf("%s: %.40q", name, got)
		}
	}
}

// Each damage is told with its place, and leaves the file beside.
func TestDamaged(t *testing.T) {
	for name, c := range map[string]struct {
		make func(w *writer)
		want string
	}{
		"header":   {func(w *writer) { w.b[w.file(9, 1, "x")+1] ^= 1; w.file(10, 1, "") }, "72 bytes from 0x74 on are no nodes"},
		"node":     {func(w *writer) { w.b[w.file(9, 1, "x")+20] ^= 1 }, "the node at 0x74 has a wrong checksum"},
		"data":     {func(w *writer) { w.b[w.file(9, 1, "x")+68] ^= 1 }, "the content in the node at 0x74, of inode 9, has"},
		"name":     {func(w *writer) { w.b[w.name(1, 9, 9, "x")+40] ^= 1 }, "the name in the node at"},
		"no inode": {func(w *writer) { w.name(1, 9, 9, "x") }, "/x: there is no node of inode 9"},
		"mode":     {func(w *writer) { w.name(1, 9, 9, "x"); w.data(9, 1, 0, 0, 0, 0, 0, "") }, "/x: mode 0 is of no kind"},
		"cycle": {func(w *writer) {
			w.name(1, 9, 9, "d")
			w.name(9, 1, 9, "x")
			w.data(9, 1, 0o040755, 0, 0, 0, 0, "")
		}, "/d/x: directory 9 is elsewhere"},
		"huge":    {func(w *writer) { w.name(1, 9, 9, "x"); w.data(9, 1, 0o100644, 1<<31, 0, zero, 1<<31, "") }, "/x: 2147483648 bytes, and the image has 0"},
		"unknown": {func(w *writer) { w.node(0xe00a, nil) }, "is of type 0xe00a"},
		"link":    {func(w *writer) { w.name(1, 9, 9, "x"); w.data(9, 1, 0o120777, 5000, 0, zero, 5000, "") }, "/x: a link whose target has 5000"},
		"device":  {func(w *writer) { w.name(1, 9, 9, "x"); w.data(9, 1, 0o020777, 0, 0, 0, 0, "") }, "/x: a device without a number"},
	} {
		w := &writer{order: binary.LittleEndian}
		w.name(1, 1, 2, "ok")
		w.file(2, 1, "abc")
		c.make(w)
		p := trial.Survive(t, Formats[0], w.b)
		if p == nil || p.State != image.Damaged || !strings.Contains(p.Problem, c.want) {
			t.Errorf("%s: %+v", name, p)
			continue
		}
		if got, _ := trial.Drain(t, p); got["/ok"] != "abc" {
			t.Errorf("%s: the file beside is lost", name)
		}
	}
	for what, packed := range map[string]string{"garbage": "\xff\xff\xff", "short": "x\x9c\x03\x00\x00\x00\x00\x01"} {
		for compression := range byte(12) {
			if compression == zero {
				continue
			}
			w := &writer{order: binary.LittleEndian}
			w.name(1, 1, 2, "x")
			w.data(2, 1, 0o100644, 100, 0, compression, 100, packed)
			p := trial.Whole(t, Formats[0], w.b)
			if _, err := p.Tree.Root.Child("x").Data(); err == nil || !strings.Contains(err.Error(), "the node at 0x2c") {
				t.Errorf("%s, compression %d: %v", what, compression, err)
			}
		}
	}
}

func FuzzJFFS2(f *testing.F) {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		w := &writer{order: order}
		w.node(cleanmarker, nil)
		w.name(1, 1, 2, "d")
		w.data(2, 1, 0o040755, 0, 0, 0, 0, "")
		w.name(2, 1, 3, "f")
		w.data(3, 1, 0o100644, 4, 0, rtime, 4, "a\x01a\x01")
		w.data(3, 2, 0o100644, 8, 4, zlib, 4, "x\x9cKLJN\x01\x00\x03\xd8\x01\x8b")
		f.Add(w.b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = bytes.Clone(b)
		trial.Survive(t, Formats[0], b)
		// CRCs would keep all that is changed away from what is behind them.
		for at := 0; at+headerSize <= len(b); at += 4 {
			for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
				n := b[at:]
				if order.Uint16(n) != magic {
					continue
				}
				order.PutUint32(n[8:], crc(n[:8]))
				switch kind := order.Uint16(n[2:]); {
				case kind == dirent && len(n) >= direntSize:
					order.PutUint32(n[32:], crc(n[:32]))
					order.PutUint32(n[36:], crc(n[40:min(40+int(n[28]), len(n))]))
				case kind == inodeNode && len(n) >= inodeSize:
					order.PutUint32(n[60:], crc(n[68:min(68+int64(order.Uint32(n[48:])), int64(len(n)))]))
					order.PutUint32(n[64:], crc(n[:60]))
				}
			}
		}
		trial.Survive(t, Formats[0], b)
	})
}

func FuzzUnpack(f *testing.F) {
	f.Add(byte(rtime), 4, []byte("a\x01a\x01"))
	f.Add(byte(dynRubin), 100, append([]byte{1, 2, 3, 4, 5, 6, 7, 8}, "abcdefgh"...))
	f.Add(byte(lzma), 10, []byte{0, 1, 2, 3})
	f.Fuzz(func(t *testing.T, compression byte, size int, src []byte) {
		if size < 0 || size > 1<<16 {
			return
		}
		_ = unpack(compression%10, make([]byte, size), src)
	})
}
