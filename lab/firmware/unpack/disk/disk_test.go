package disk

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"assay/lab/firmware/image"
	"assay/lab/firmware/unpack/trial"
	"assay/lab/labtest"
)

// sfdisk makes a disk whose bytes are all noise but for its tables.
func sfdisk(t testing.TB, size int, script string, args ...string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(out, trial.Noise(size, 4), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(labtest.Tool(t, "sfdisk"), append(args, "-q", "--no-reread", "--no-tell-kernel", "-w", "never", out)...)
	cmd.Stdin = strings.NewReader(script)
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	return trial.Image(t, out)
}

func streams(p *image.Part) (list []string) {
	for _, s := range p.Streams {
		list = append(list, fmt.Sprintf("%s %d+%d", s.Name, s.Offset, s.Size))
	}
	return list
}

// covered checks that streams stand in order and are the bytes that stand there.
func covered(t *testing.T, b []byte, p *image.Part) {
	t.Helper()
	at := int64(0)
	for _, s := range p.Streams {
		if s.Offset < at || !bytes.Equal(s.Data, b[s.Offset:s.Offset+s.Size]) {
			t.Errorf("stream %s at %d, behind %d", s.Name, s.Offset, at)
		}
		at = s.Offset + s.Size
	}
}

const mbrScript = `label: dos
start=64, size=100, type=c, bootable
start=200, size=50, type=83
start=300, size=400, type=5
start=310, size=40, type=83
start=360, size=30, type=82
start=400, size=100, type=83
`

func TestMBR(t *testing.T) {
	b := sfdisk(t, 1<<20, mbrScript)
	p := trial.Whole(t, Formats[0], b)
	covered(t, b, p)
	want := "between-0x200 512+32256|partition-1 32768+51200|between-0x14800 83968+18432|partition-2 102400+25600|between-0x1f400 128000+25600|" +
		"between-0x25a00 154112+4608|partition-5 158720+20480|"
	if got := strings.Join(streams(p), "|"); !strings.HasPrefix(got, want) || !strings.Contains(got, "partition-6 184320+15360") || !strings.HasSuffix(got, "partition-7 204800+51200") {
		t.Errorf("%s", got)
	}
	if p.Size != 500*512 || p.Get("table") != "mbr" || p.Get("partition") != "partition-1, type 0x0c, from 0x8000 on, 51200 bytes" {
		t.Error(p.Size, p.Details)
	}
}

const gptScript = `label: gpt
first-lba: 34
start=64, size=100, name="boot"
start=200, size=50, name="rootfs größe"
start=400, size=100, name="boot"
`

func TestGPT(t *testing.T) {
	b := sfdisk(t, 1<<20, gptScript)
	p := trial.Whole(t, Formats[0], append(b[:len(b):len(b)], trial.Noise(1000, 7)...))
	covered(t, b, p)
	want := []string{"between-0x4400 17408+15360", "boot 32768+51200", "between-0x14800 83968+18432", "rootfs größe 102400+25600", "between-0x1f400 128000+76800", "partition-3 204800+51200"}
	if got := streams(p); !slices.Equal(got[:len(want)], want) {
		t.Errorf("%q", got)
	}
	if p.Size != int64(len(b)) || p.Get("table") != "gpt" || !strings.Contains(p.Get("partition"), "type 0fc63daf-8483-4772-8e79-3d69d8477de4,") {
		t.Error(p.Size, p.Details)
	}
	// The copy at the end counts where the first is damaged.
	for _, at := range []int{512 + 20, 512 + 60, 1024 + 300} {
		c := bytes.Clone(b)
		c[at] ^= 1
		p, err := Formats[0].Open(c, trial.Budget(t))
		if err != nil || p.State != image.Damaged || !strings.Contains(p.Problem, "at the beginning is damaged") {
			t.Fatalf("%d: %+v, %v", at, p, err)
		}
		for _, w := range want {
			if strings.HasPrefix(w, "between") {
				continue
			}
			if !slices.Contains(streams(p), w) {
				t.Errorf("%d: %s is lost: %q", at, w, streams(p))
			}
		}
	}
}

// Sectors of 4 KiB, for which sfdisk needs such a disk: written by hand.
func TestLarge(t *testing.T) {
	const size = 4096
	b := trial.Noise(40*size, 5)
	entries := make([]byte, 4*entrySize)
	copy(entries, "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10")
	le.PutUint64(entries[32:], 10)
	le.PutUint64(entries[40:], 19)
	copy(entries[56:], "b\x00o\x00o\x00t\x00")
	copy(b[2*size:], entries)
	h := make([]byte, headerSize)
	copy(h, gptMagic+"\x00\x00\x01\x00\x5c")
	for at, v := range map[int]uint64{24: 1, 32: 39, 40: 6, 48: 33, 72: 2} {
		le.PutUint64(h[at:], v)
	}
	le.PutUint32(h[80:], 4)
	le.PutUint32(h[84:], entrySize)
	le.PutUint32(h[88:], crc32.ChecksumIEEE(entries))
	le.PutUint32(h[16:], crc32.ChecksumIEEE(h))
	copy(b[size:], h)
	p := trial.Whole(t, Formats[0], b)
	covered(t, b, p)
	if got := strings.Join(streams(p), "|"); got != "between-0x2200 8704+32256|boot 40960+40960|between-0x14000 81920+77824" || p.Size != 40*size {
		t.Error(got, p.Size)
	}
	if !strings.Contains(p.Get("partition"), "type 04030201-0605-0807-090a-0b0c0d0e0f10,") {
		t.Error(p.Details)
	}
}

func TestDamaged(t *testing.T) {
	base := sfdisk(t, 1<<20, mbrScript)
	for name, c := range map[string]struct {
		change func(b []byte) []byte
		want   string
	}{
		"overlap": {func(b []byte) []byte { le.PutUint32(b[446+16+8:], 70); return b }, "partition partition-2 from 0x8c00 on begins before"},
		"chain":   {func(b []byte) []byte { copy(b[300*512+446+16+8:], "\x00\x00\x00\x00"); return b }, "comes back to 0x25800"},
		"outside": {func(b []byte) []byte { b[300*512+446+16+9] = 0xff; return b }, "there is no table of a logical partition"},
		"beyond":  {func(b []byte) []byte { le.PutUint32(b[446+12:], 1<<30); return b }, "cut off: 1048576 bytes of 549755846656"},
		"cut":     {func(b []byte) []byte { return b[:80*512] }, "there is no table of a logical partition"},
	} {
		p := trial.Survive(t, Formats[0], c.change(bytes.Clone(base)))
		if p == nil || p.State != image.Damaged || !strings.Contains(p.Problem, c.want) {
			t.Errorf("%s: %+v", name, p)
		} else if !slices.ContainsFunc(streams(p), func(s string) bool { return strings.HasPrefix(s, "partition-1 32768") }) {
			t.Errorf("%s: %q", name, streams(p))
		}
	}
}

// A boot sector's magic alone is no disk.
func TestNot(t *testing.T) {
	for name, change := range map[string]func(b []byte){
		"noise":   func(b []byte) { copy(b, trial.Noise(510, 3)) },
		"empty":   func([]byte) {},
		"no size": func(b []byte) { b[446+4] = 0x83; b[446+8] = 1 },
		"fat": func(b []byte) {
			copy(b, "\xeb\x3c\x90mkfs.fat\x00\x02\x04\x01\x00\x02\x00\x02\x00\x00\xf8")
			b[446+4], b[446+8], b[446+12] = 1, 1, 1
		},
	} {
		b := make([]byte, 4096)
		b[510], b[511] = 0x55, 0xaa
		change(b)
		if p, err := Formats[0].Open(b, trial.Budget(t)); err != image.ErrNot {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

func TestHurt(t *testing.T) {
	for _, script := range []string{mbrScript, gptScript} {
		b := sfdisk(t, 400<<10, script)
		end := int(trial.Whole(t, Formats[0], b).Size)
		trial.Truncate(t, Formats[0], b, end)
		trial.Flip(t, Formats[0], b, 100, 0.3)
	}
}

func FuzzDisk(f *testing.F) {
	for _, script := range []string{mbrScript, gptScript} {
		f.Add(sfdisk(f, 400<<10, script))
	}
	f.Fuzz(func(t *testing.T, b []byte) { trial.Survive(t, Formats[0], b) })
}
