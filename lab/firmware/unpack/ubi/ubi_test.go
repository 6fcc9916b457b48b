package ubi

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"assay/lab/firmware/image"
	"assay/lab/firmware/unpack/trial"
	"assay/lab/labtest"
)

const (
	peb  = 32 << 10
	page = 512
	leb  = peb - 2*page
)

// make two volumes: one static, one dynamic.
func ubinize(t testing.TB, static, dynamic []byte, args ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	put := func(name string, b []byte) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	config := put("config", fmt.Appendf(nil, `[a]
mode=ubi
image=%s
vol_id=3
vol_type=static
vol_name=kernel
[b]
mode=ubi
image=%s
vol_id=1
vol_size=%d
vol_type=dynamic
vol_name=rootfs
vol_flags=autoresize
`, put("static", static), put("dynamic", dynamic), 40*leb))
	out := filepath.Join(dir, "ubi")
	if args == nil {
		args = []string{"-p", fmt.Sprint(peb), "-m", fmt.Sprint(page)}
	}
	trial.Run(t, labtest.Tool(t, "ubinize"), append(args, "-Q", "77", "-o", out, config)...)
	return trial.Image(t, out)
}

// padded is what a dynamic volume reads as: whole blocks.
func padded(b []byte, size int) []byte {
	n := (len(b) + size - 1) / size * size
	return append(b[:len(b):len(b)], bytes.Repeat([]byte{0xff}, n-len(b))...)
}

func volumes(t *testing.T, p *image.Part, kernel, rootfs []byte) {
	t.Helper()
	got, _ := trial.Drain(t, p)
	if len(got) != 2 || got["kernel"] != string(kernel) || got["rootfs"] != string(rootfs) {
		t.Errorf("%d volumes, %d and %d bytes instead of %d and %d", len(got), len(got["kernel"]), len(got["rootfs"]), len(kernel), len(rootfs))
	}
}

func TestUbinize(t *testing.T) {
	kernel, rootfs := trial.Noise(100_000, 1), trial.Text(5*leb+100)
	for _, c := range []struct {
		args string
		size int // of a logical block
	}{{"-p 32KiB -m 512", leb}, {"-p 128KiB -m 2048 -s 512 -O 512", 128<<10 - 2048}, {"-p 16KiB -m 1", 16<<10 - 128}, {"-p 256KiB -m 4096", 248 << 10}, {"-p 124KiB -m 2048", 120 << 10}} {
		b := ubinize(t, kernel, rootfs, strings.Fields(c.args)...)
		p := trial.Whole(t, Formats[0], append(b[:len(b):len(b)], "what follows"...))
		volumes(t, p, kernel, padded(rootfs, c.size))
		if p.Size != int64(len(b)) {
			t.Errorf("%s: %d bytes of %d", c.args, p.Size, len(b))
		}
	}
}

// peb cuts an image into its erase blocks.
func pebs(b []byte) (list [][]byte) {
	for ; len(b) > 0; b = b[peb:] {
		list = append(list, b[:peb:peb])
	}
	return list
}

// seal makes the CRCs of an erase block's headers right.
func seal(b []byte) {
	be.PutUint32(b[60:], crc(b[:60]))
	v := b[page:]
	be.PutUint32(v[60:], crc(v[:60]))
}

// As flash looks after a while: blocks in any order, erased and bad ones between
// them, old copies, and copies that were not finished.
func TestUsed(t *testing.T) {
	kernel, rootfs := trial.Noise(100_000, 1), trial.Text(5*leb)
	list := pebs(ubinize(t, kernel, rootfs))
	find := func(volume, number uint32) []byte {
		for _, b := range list {
			if v := b[page:]; be.Uint32(v[8:]) == volume && be.Uint32(v[12:]) == number && string(v[:4]) == vidMagic {
				return b
			}
		}
		t.Fatalf("there is no block %d of volume %d", number, volume)
		return nil
	}
	// A copy that counts, one that is older, one that was not finished.
	change := func(volume, number uint32, sequence uint64, moved byte, text string, damaged bool) []byte {
		b := bytes.Clone(find(volume, number))
		d := b[2*page:]
		copy(d, text)
		v := b[page:]
		v[6] = moved
		be.PutUint64(v[40:], sequence)
		if moved != 0 {
			be.PutUint32(v[20:], leb)
			be.PutUint32(v[32:], crc(d))
		}
		if damaged {
			d[100] ^= 1
		}
		seal(b)
		return b
	}
	newer, moved := change(1, 2, 1000, 0, "NEWER", false), change(1, 3, 1001, 1, "MOVED", false)
	unfinished := change(1, 4, 1002, 1, "UNFINISHED", true)
	for i, b := range list { // those with sequence 0 would be of one age
		v := b[page:]
		if string(v[:4]) == vidMagic {
			be.PutUint64(v[40:], uint64(10+i))
			seal(b)
		}
	}
	older := change(1, 1, 5, 0, "OLDER", false)
	erased := bytes.Repeat([]byte{0xff}, peb)
	empty := append(list[0][:page:page], erased[page:]...)
	list = append(list, newer, moved, unfinished, older, erased, erased, empty)
	want := bytes.Clone(rootfs)
	copy(want[2*leb:], "NEWER")
	copy(want[3*leb:], "MOVED")
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		b := bytes.Join(list, nil)
		for blank(b[:header]) { // it does not begin with an erased one
			b = b[peb:]
		}
		volumes(t, trial.Whole(t, Formats[0], b), kernel, want)
	}
}

// A hole of a dynamic volume reads as erased.
func TestHole(t *testing.T) {
	rootfs := trial.Text(5 * leb)
	list := pebs(ubinize(t, []byte("x"), rootfs))
	var kept [][]byte
	for _, b := range list {
		if v := b[page:]; be.Uint32(v[8:]) == 1 && be.Uint32(v[12:]) == 2 {
			continue
		}
		kept = append(kept, b)
	}
	erase(rootfs[2*leb : 3*leb])
	volumes(t, trial.Whole(t, Formats[0], bytes.Join(kept, nil)), []byte("x"), rootfs)
}

func TestDamaged(t *testing.T) {
	kernel, rootfs := trial.Noise(100_000, 1), trial.Text(5*leb)
	for name, c := range map[string]struct {
		change func(list [][]byte) [][]byte
		want   string
		lost   string // the volume that is not as it was
	}{
		"table once":   {func(l [][]byte) [][]byte { l[0][2*page] ^= 1; return l }, "", ""},
		"table":        {func(l [][]byte) [][]byte { l[0][2*page] ^= 1; l[1][2*page+200] ^= 1; return l }, "the volume table is damaged", "both"},
		"no table":     {func(l [][]byte) [][]byte { return l[2:] }, "there is no volume table", "both"},
		"static":       {func(l [][]byte) [][]byte { l[3][2*page+9] ^= 1; return l }, "volume kernel: block 1 has a wrong checksum", "kernel"},
		"missing":      {func(l [][]byte) [][]byte { return append(l[:3:3], l[4:]...) }, "volume kernel: the blocks from 1 on are missing", "kernel"},
		"missing end":  {func(l [][]byte) [][]byte { return append(l[:5:5], l[6:]...) }, "volume kernel: the blocks from 3 on are missing", "kernel"},
		"header":       {func(l [][]byte) [][]byte { l[7][page+10] ^= 1; return l }, "the header of the block at 0x38000 is damaged", "rootfs"},
		"first header": {func(l [][]byte) [][]byte { l[7][10] ^= 1; return l }, "the erase block at 0x38000 has no header", "rootfs"},
		"far": {func(l [][]byte) [][]byte {
			be.PutUint32(l[10][page+12:], 1<<30)
			seal(l[10])
			return l
		}, "it has a block 1073741824", "rootfs"},
		"volume": {func(l [][]byte) [][]byte {
			be.PutUint32(l[10][page+8:], 1<<30)
			seal(l[10])
			return l
		}, "blocks of a volume 1073741824", "rootfs"},
		"updating": {func(l [][]byte) [][]byte {
			for _, b := range l[:2] {
				e := b[2*page+recordSize:]
				e[13] = 1
				be.PutUint32(e[168:], crc(e[:168]))
			}
			return l
		}, "volume rootfs: its last update was not finished", ""},
		"cut off": {func(l [][]byte) [][]byte { l[10] = l[10][:peb/2]; return l }, "cut off in the erase block", "rootfs"},
	} {
		list := pebs(ubinize(t, kernel, rootfs))
		if len(list) != 11 {
			t.Fatalf("%d erase blocks", len(list))
		}
		p := trial.Survive(t, Formats[0], bytes.Join(c.change(list), nil))
		if p == nil || !strings.Contains(p.Problem, c.want) || (p.State == image.Damaged) != (c.want != "") {
			t.Errorf("%s: %+v", name, p)
			continue
		}
		got, _ := trial.Drain(t, p)
		if c.lost != "both" && ((got["kernel"] == string(kernel)) != (c.lost != "kernel") || (got["rootfs"] == string(rootfs)) != (c.lost != "rootfs")) {
			t.Errorf("%s: another volume is lost", name)
		}
		if c.lost == "both" && (got["volume-3"] != string(kernel) || got["volume-1"] != string(rootfs)) {
			t.Errorf("%s: the volumes are lost", name)
		}
	}
}

// Two images one behind the other, as on a chip with two partitions.
func TestNeighbors(t *testing.T) {
	kernel, rootfs := trial.Noise(1000, 1), trial.Text(leb)
	a := ubinize(t, kernel, rootfs)
	list := pebs(ubinize(t, []byte("other"), trial.Text(2*leb)))
	for _, b := range list {
		be.PutUint32(b[24:], 78)
		seal(b)
	}
	p := trial.Whole(t, Formats[0], append(a[:len(a):len(a)], bytes.Join(list, nil)...))
	volumes(t, p, kernel, rootfs)
	if p.Size != int64(len(a)) {
		t.Errorf("%d bytes of %d", p.Size, len(a))
	}
}

// An image in a volume of another has headers too.
func TestNested(t *testing.T) {
	inner := ubinize(t, []byte("inner"), trial.Text(leb))
	for _, b := range pebs(inner) {
		be.PutUint32(b[24:], 78)
		seal(b)
	}
	rootfs := trial.Text(leb)
	volumes(t, trial.Whole(t, Formats[0], ubinize(t, inner, rootfs)), inner, rootfs)
}

func TestHurt(t *testing.T) {
	b := ubinize(t, trial.Noise(50_000, 1), trial.Text(2*leb))
	trial.Truncate(t, Formats[0], b, 2*peb) // what is behind the table may not be there yet
	trial.Flip(t, Formats[0], b, 200, 0.3)
}

func FuzzUBI(f *testing.F) {
	b := make([]byte, 3*leastBlock)
	for i, volume := range []uint32{internal, 0, 5} {
		e := b[i*leastBlock:]
		copy(e, ecMagic+"\x01")
		be.PutUint32(e[16:], page)
		be.PutUint32(e[20:], 2*page)
		v := e[page:]
		copy(v, vidMagic+"\x01\x01")
		be.PutUint32(v[8:], volume)
		seal(e)
	}
	e := b[2*page:]
	for i := range (leastBlock - 2*page) / recordSize {
		copy(e[i*recordSize:], "\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x01\x00\x00\x01a")
		be.PutUint32(e[i*recordSize+168:], crc(e[i*recordSize:i*recordSize+168]))
	}
	f.Add(b)
	f.Add(append(b[:len(b):len(b)], ecMagic...)) // a magic at the very end
	f.Fuzz(func(t *testing.T, b []byte) {
		b = bytes.Clone(b)
		trial.Survive(t, Formats[0], b)
		// CRCs would keep all that is changed away from what is behind them.
		for at := 0; at+header <= len(b); at += 4 {
			if string(b[at:at+4]) != ecMagic {
				continue
			}
			be.PutUint32(b[at+60:], crc(b[at:at+60]))
			vid, data := at+int(be.Uint16(b[at+18:])), at+int(be.Uint16(b[at+22:]))
			if vid+header > len(b) {
				continue
			}
			be.PutUint32(b[vid+60:], crc(b[vid:vid+60]))
			if be.Uint32(b[vid+8:]) == internal {
				for e := b[min(data, len(b)):]; len(e) >= recordSize && string(e[:4]) != ecMagic; e = e[recordSize:] {
					be.PutUint32(e[168:], crc(e[:168]))
				}
			}
		}
		trial.Survive(t, Formats[0], b)
	})
}

// An image that is cut off in the first header of an erase block.
func TestCutInHeader(t *testing.T) {
	first := make([]byte, 64)
	copy(first, ecMagic+"\x01")
	be.PutUint32(first[16:], 64)
	be.PutUint32(first[20:], 128)
	be.PutUint32(first[60:], crc(first[:60]))
	b := append(first, make([]byte, leastBlock*2)...)
	copy(b[leastBlock:], first)
	for n := range 80 {
		trial.Survive(t, Formats[0], b[:leastBlock+n:leastBlock+n])
	}
}
