package romfs

import (
	"bytes"
	"encoding/binary"
	"path/filepath"
	"strings"
	"testing"

	"assay/lab/firmware/image"
	"assay/lab/firmware/unpack/trial"
	"assay/lab/labtest"
)

func mkfs(t testing.TB, dir string, args ...string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "romfs")
	trial.Run(t, labtest.Tool(t, "genromfs"), append([]string{"-d", dir, "-f", out}, args...)...)
	return trial.Image(t, out)
}

func TestGenromfs(t *testing.T) {
	dir := trial.Source(t, trial.Full)
	want := trial.Read(t, dir)
	for _, args := range [][]string{nil, {"-V", "trial"}, {"-a", "4096"}} {
		b := mkfs(t, dir, args...)
		p := trial.Whole(t, Formats[0], append(b, 1, 2, 3))
		trial.Same(t, p.Tree, want, trial.Keeps{})
		if p.Size > int64(len(b)) || p.Size < int64(len(b))-1024 {
			t.Errorf("%d bytes of %d", p.Size, len(b))
		}
	}
	p := trial.Whole(t, Formats[0], mkfs(t, dir, "-V", "trial"))
	if p.Get("name") != "trial" {
		t.Error(p.Details)
	}
	if n, err := p.Tree.Lookup("/bin/busybox"); err != nil || n.Perm != 0o755 {
		t.Error(n, err)
	}
	if n, err := p.Tree.Lookup("/etc/page"); err != nil || n.Perm != 0o644 {
		t.Error(n, err)
	}
}

func TestHurt(t *testing.T) {
	b := mkfs(t, trial.Source(t, trial.Small))
	trial.Truncate(t, Formats[0], b, int(binary.BigEndian.Uint32(b[8:])))
	trial.Flip(t, Formats[0], b, 300, 0.75)
}

// entry makes a header with the right checksum.
func entry(next, spec, size uint32, name, content string) []byte {
	b := make([]byte, 16, 64)
	for i, v := range []uint32{next, spec, size} {
		binary.BigEndian.PutUint32(b[4*i:], v)
	}
	pad := func() {
		b = append(b, 0)
		for len(b)%16 != 0 {
			b = append(b, 0)
		}
	}
	b = append(b, name...)
	pad()
	binary.BigEndian.PutUint32(b[12:], -sum(b))
	if content != "" {
		b = append(b, content...)
		pad()
	}
	return b
}

func sum(b []byte) (s uint32) {
	for ; len(b) >= 4; b = b[4:] {
		s += binary.BigEndian.Uint32(b)
	}
	return s
}

func volume(entries ...[]byte) []byte {
	b := append([]byte("-rom1fs-\x00\x00\x00\x00\x00\x00\x00\x00"), make([]byte, 16)...)
	for _, e := range entries {
		b = append(b, e...)
	}
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)))
	binary.BigEndian.PutUint32(b[12:], -sum(b[:min(512, len(b))]))
	return b
}

// A directory may not contain itself, nor a list of entries itself.
func TestCycles(t *testing.T) {
	root := entry(9, 64, 0, ".", "")
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"chain":     {volume(root, entry(64|2, 0, 3, "f", "abc")), "comes back to 0x40"},
		"directory": {volume(root, entry(96|9, 64, 0, "d", ""), entry(2, 0, 3, "f", "abc")), "/d/d: directory 64 is elsewhere"},
		"link":      {volume(root, entry(96, 64, 0, "l", ""), entry(2, 0, 3, "f", "abc")), "a hard link to the hard link"},
		"outside":   {volume(root, entry(96|2, 0, 4000, "x", ""), entry(2, 0, 3, "f", "abc")), "more than the image has"},
		"nowhere":   {volume(root, entry(5000|2, 0, 3, "f", "abc")), "a header at 0x1380"},
	} {
		p := trial.Survive(t, Formats[0], c.b)
		if p == nil || p.State != image.Damaged || !strings.Contains(p.Problem, c.want) {
			t.Errorf("%s: %+v", name, p)
			continue
		}
		if got, _ := trial.Drain(t, p); !strings.HasPrefix(got["/f"], "abc") {
			t.Errorf("%s: the file is lost: %q", name, got)
		}
	}
}

// A wrong checksum is told, and what stands behind the header is read all the
// same, unless the next one is wrong too.
func TestChecksum(t *testing.T) {
	files := func(bad ...int) *image.Part {
		b := volume(entry(9, 64, 0, ".", ""), entry(112|2, 0, 3, "f", "abc"), entry(160|2, 0, 3, "g", "def"), entry(2, 0, 3, "h", "ghi"))
		for _, at := range bad {
			b[at+12] ^= 1
		}
		binary.BigEndian.PutUint32(b[12:], 0)
		binary.BigEndian.PutUint32(b[12:], -sum(b[:min(512, len(b))]))
		return trial.Survive(t, Formats[0], b)
	}
	p := files(64)
	if got, _ := trial.Drain(t, p); len(got) != 3 || got["/f"] != "abc" || p.State != image.Damaged || !strings.Contains(p.Problem, "the header at 0x40 has a wrong") {
		t.Errorf("%q, %+v", got, p)
	}
	p = files(64, 112)
	if got, _ := trial.Drain(t, p); len(got) != 1 || !strings.Contains(p.Problem, "and 2 more") {
		t.Errorf("%q, %+v", got, p)
	}
}

func TestNot(t *testing.T) {
	for _, b := range []string{"", "-rom1fs-", "-rom1fs-" + strings.Repeat("\xff", 100), strings.Repeat("\x00", 100)} {
		if _, err := Formats[0].Open([]byte(b), trial.Budget(t)); err != image.ErrNot {
			t.Errorf("%q: %v", b, err)
		}
	}
}

func FuzzRomfs(f *testing.F) {
	f.Add(volume(entry(9, 64, 0, ".", ""), entry(96|9, 64, 0, "d", ""), entry(144|2, 0, 3, "f", "abc"), entry(3, 0, 1, "l", "f")))
	f.Add([]byte("-rom1fs-"))
	f.Fuzz(func(t *testing.T, b []byte) {
		b = bytes.Clone(b)
		trial.Survive(t, Formats[0], b)
		// Checksums would keep all that is changed away from what is behind them.
		for at := 16; at+32 <= len(b); at += 16 {
			if _, end, ok := text(b, int64(at)+16); ok && end <= int64(len(b)) {
				copy(b[at+12:at+16], "\x00\x00\x00\x00")
				binary.BigEndian.PutUint32(b[at+12:], -sum(b[at:end]))
			}
		}
		trial.Survive(t, Formats[0], b)
	})
}
