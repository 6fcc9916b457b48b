package compress

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"assay/lab/firmware/image"
	"assay/lab/firmware/unpack/unpacktest"
)

// samples are contents of every kind: what packs well, badly and not at all,
// and code, for the filters of branches.
func samples(t testing.TB) map[string][]byte {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 70_000)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	var text strings.Builder
	for i := range 4000 {
		fmt.Fprintf(&text, "option %d 'lan%d' %x\n", i%17, i/40, random.Uint32()>>uint(i%24))
	}
	code, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	code = code[len(code)/4:][:250_000]
	return map[string][]byte{
		"one":   {'x'},
		"zeros": make([]byte, 100_000),
		"noise": noise,
		"text":  []byte(text.String()),
		"code":  code,
		"mixed": bytes.Join([][]byte{noise[:5000], make([]byte, 9000), code[:100_000], noise[:40_000]}, nil),
	}
}

// tool runs a program of Debian over data; the test is skipped where it is absent.
func tool(t testing.TB, data []byte, name string, args ...string) []byte {
	t.Helper()
	p, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("%s is not installed", name)
	}
	cmd := exec.Command(p, args...)
	cmd.Stdin = bytes.NewReader(data)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v: %s", name, args, err, &errs)
	}
	return out
}

func budget(t testing.TB) *image.Budget { return image.NewBudget(t.Context(), image.Standard) }

// peers are all the ways in which others write the formats.
var peers = []struct {
	a    Algorithm
	tool string
	args string
}{
	{Gzip, "gzip", "-1c"}, {Gzip, "gzip", "-9c"},
	{Bzip2, "bzip2", "-1c"}, {Bzip2, "bzip2", "-9c"},
	{XZ, "xz", "-0c"}, {XZ, "xz", "-9ec --check=crc32"}, {XZ, "xz", "-c --check=none"}, {XZ, "xz", "-c --check=sha256 --block-size=50000"},
	{XZ, "xz", "-c --x86 --lzma2=preset=6,lc=0,lp=2,pb=0"}, {XZ, "xz", "-c --x86=start=4096 --lzma2"}, {XZ, "xz", "-c --arm --lzma2"}, {XZ, "xz", "-c --armthumb --lzma2"},
	{XZ, "xz", "-c --arm64 --lzma2"}, {XZ, "xz", "-c --powerpc --lzma2"}, {XZ, "xz", "-c --sparc --lzma2"}, {XZ, "xz", "-c --ia64 --lzma2"},
	{XZ, "xz", "-c --delta=dist=4 --x86 --lzma2=dict=4KiB"}, {XZ, "xz", "-cT2 --block-size=65536"},
	{LZMA, "xz", "-c --format=lzma -6"}, {LZMA, "xz", "-c --format=lzma --lzma1=lc=1,lp=3,pb=4,dict=8KiB"}, {LZMA, "xz", "-c --format=lzma -0"},
	{Zstd, "zstd", "-c1"}, {Zstd, "zstd", "-c19 --no-check"}, {Zstd, "zstd", "-c --ultra -22"},
	{LZ4, "lz4", "-c1"}, {LZ4, "lz4", "-c9 -BD"}, {LZ4, "lz4", "-cB4 --no-frame-crc -BX"}, {LZ4, "lz4", "-cl"}, {LZ4, "lz4", "-c --content-size"},
	{LZO, "lzop", "-c1"}, {LZO, "lzop", "-c9"}, {LZO, "lzop", "-cF"}, {LZO, "lzop", "-c --crc32 --no-name"},
}

// Everything that the tools write comes back as it was, whatever follows on it.
func TestPeers(t *testing.T) {
	data := samples(t)
	for _, p := range peers {
		t.Run(p.tool+" "+p.args, func(t *testing.T) {
			for name, want := range data {
				packed := tool(t, want, p.tool, strings.Fields(p.args)...)
				for _, after := range []string{"", "\x00", strings.Repeat("\x00", 64), strings.Repeat("\xff", 40), "hsqs and the rest of the flash"} {
					if p.args == "-cl" && after != "" && len(want)%legacyBlock == 0 {
						continue
					}
					out, used, err := Stream(p.a, append(packed[:len(packed):len(packed)], after...), budget(t))
					if err != nil || used != len(packed) || !bytes.Equal(out, want) {
						t.Fatalf("%s and %.8q: %d bytes of %d out of %d of %d: %v", name, after, len(out), len(want), used, len(packed), err)
					}
				}
				if p.a == LZ4 || p.a == LZO {
					continue // as blocks they have no frame
				}
				dst := make([]byte, len(want))
				if n, err := Block(p.a, dst, packed); err != nil || n != len(want) || !bytes.Equal(dst, want) {
					t.Fatalf("%s as a block: %d bytes: %v", name, n, err)
				}
				if _, err := Block(p.a, dst[:len(dst)-1], packed); err == nil && p.a != LZMA { // xz does not say the length
					t.Fatalf("%s as a block: goes into too little room", name)
				}
			}
		})
	}
}

// Members and frames that follow on each other are one stream.
func TestSeveral(t *testing.T) {
	for _, p := range []struct {
		a    Algorithm
		tool string
		args string
		gap  string
	}{{Gzip, "gzip", "-c", ""}, {Bzip2, "bzip2", "-c", ""}, {XZ, "xz", "-c", "\x00\x00\x00\x00\x00\x00\x00\x00"}, {Zstd, "zstd", "-c", "\x50\x2a\x4d\x18\x03\x00\x00\x00abc"}, {LZ4, "lz4", "-c", ""}} {
		t.Run(p.tool, func(t *testing.T) {
			one, two := tool(t, []byte("first "), p.tool, p.args), tool(t, bytes.Repeat([]byte("second"), 9000), p.tool, p.args)
			packed := slicesJoin(one, []byte(p.gap), two)
			out, used, err := Stream(p.a, slicesJoin(packed, []byte("rest of it")), budget(t))
			if err != nil || used != len(packed) || len(out) != 6+54000 || !strings.HasPrefix(string(out), "first second") {
				t.Errorf("%d bytes out of %d of %d: %v", len(out), used, len(packed), err)
			}
		})
	}
}

func slicesJoin(bs ...[]byte) []byte { return bytes.Join(bs, nil) }

// The headers of the vendors: LZMA with a length, without one, and with nothing.
func TestLZMAHeaders(t *testing.T) {
	for name, want := range samples(t) {
		packed := tool(t, want, "xz", "-c", "--format=raw", "--lzma1=lc=1,lp=2,pb=2,dict=64KiB") // ends with the marker
		props := byte(2*45 + 2*9 + 1)
		dict := []byte{0, 0, 1, 0}
		n := len(want)
		long := slicesJoin([]byte{props}, dict, []byte{byte(n), byte(n >> 8), byte(n >> 16), 0, 0, 0, 0, 0}, packed)
		open := slicesJoin([]byte{props}, dict, bytes.Repeat([]byte{0xff}, 8), packed)
		short := slicesJoin([]byte{props}, dict, packed)
		for form, c := range map[string]struct {
			a Algorithm
			b []byte
		}{"long": {LZMA, long}, "open": {LZMA, open}, "short": {LZMAShort, short}} {
			dst := make([]byte, n+10)
			m, err := Block(c.a, dst, c.b)
			if err != nil || !bytes.Equal(dst[:m], want) {
				t.Errorf("%s, %s: %d of %d bytes: %v", name, form, m, n, err)
			}
			out, used, err := Stream(c.a, slicesJoin(c.b, []byte("xyz")), budget(t))
			if err != nil || used != len(c.b) || !bytes.Equal(out, want) {
				t.Errorf("%s, %s as a stream: %d of %d bytes, %d of %d: %v", name, form, len(out), n, used, len(c.b), err)
			}
		}
		dst := make([]byte, n)
		if m, _, _, err := LZMARaw(Props{1, 2, 2}, dst, packed); err != nil || m != n || !bytes.Equal(dst, want) {
			t.Errorf("%s, raw: %d of %d bytes: %v", name, m, n, err)
		}
	}
}

// xz(1) cannot write LZMA that ends at its length alone, as the SDK's encoder
// does; what it wrote with a marker says the same up to there.
func TestLZMAWithoutMarker(t *testing.T) {
	// "abcabcabc…" of 300 bytes, by the encoder of the LZMA SDK: `lzma e -d16`, which
	// gives no marker where the length is known. Made by our own encoder below.
	want := bytes.Repeat([]byte("abc"), 100)
	packed := encodeLiterals(want)
	header := []byte{0, 0, 0, 1, 0, byte(len(want)), byte(len(want) >> 8), 0, 0, 0, 0, 0, 0}
	out, used, err := Stream(LZMA, slicesJoin(header, packed, []byte("more")), budget(t))
	if err != nil || used != len(header)+len(packed) || !bytes.Equal(out, want) {
		t.Errorf("%d bytes, %d of %d: %v", len(out), used, len(packed)+13, err)
	}
	header[5]-- // a length that is false by one
	if _, _, err := Stream(LZMA, slicesJoin(header, packed), budget(t)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a false length: %v", err)
	}
}

// encodeLiterals is the smallest LZMA encoder: literals only, lc=lp=pb=0, no marker.
func encodeLiterals(data []byte) []byte {
	var out []byte
	low, rng, cache, size := uint64(0), uint32(0xffffffff), byte(0), 1
	shift := func() {
		if low < 0xff000000 || low>>32 != 0 {
			for ; size > 0; size-- {
				out = append(out, cache+byte(low>>32))
				cache = 0xff
			}
			cache = byte(low >> 24)
		}
		size++
		low = low & 0xffffff << 8
	}
	encode := func(p *prob, bit int) {
		bound := rng >> 11 * uint32(*p)
		if bit == 0 {
			rng = bound
			*p += (2048 - *p) >> 5
		} else {
			low += uint64(bound)
			rng -= bound
			*p -= *p >> 5
		}
		for rng < rcTop {
			rng <<= 8
			shift()
		}
	}
	match, lit := prob(probInit), [0x300]prob{}
	fill(lit[:])
	for _, b := range data {
		encode(&match, 0)
		for m, i := 1, 7; i >= 0; i-- {
			bit := int(b >> i & 1)
			encode(&lit[m], bit)
			m = m<<1 | bit
		}
	}
	for range 5 {
		shift()
	}
	return out
}

func TestZlibAndDeflate(t *testing.T) {
	for name, want := range samples(t) {
		var z, f bytes.Buffer
		w := zlib.NewWriter(&z)
		w.Write(want)
		w.Close()
		d, err := flate.NewWriter(&f, 9)
		if err != nil {
			t.Fatal(err)
		}
		d.Write(want)
		d.Close()
		for a, packed := range map[Algorithm][]byte{Zlib: z.Bytes(), Deflate: f.Bytes()} {
			out, used, err := Stream(a, slicesJoin(packed, []byte("tail")), budget(t))
			if err != nil || used != len(packed) || !bytes.Equal(out, want) {
				t.Errorf("%s, %s: %d bytes, %d of %d: %v", name, a, len(out), used, len(packed), err)
			}
			dst := make([]byte, len(want))
			if n, err := Block(a, dst, packed); err != nil || n != len(want) || !bytes.Equal(dst, want) {
				t.Errorf("%s, %s: %d bytes: %v", name, a, n, err)
			}
			if _, err := Block(a, dst[:len(dst)-1], packed); !errors.Is(err, ErrLong) {
				t.Errorf("%s, %s: too little room: %v", name, a, err)
			}
			if a == Zlib {
				packed = bytes.Clone(packed)
				packed[len(packed)-1] ^= 1
				if _, err := Block(a, dst, packed); !errors.Is(err, ErrCorrupt) {
					t.Errorf("%s, %s: a false sum: %v", name, a, err)
				}
			}
		}
	}
}

// Blocks without a frame are taken out of the frames that the tools write.
func TestRawBlocks(t *testing.T) {
	for name, want := range samples(t) {
		if name == "one" || name == "noise" {
			continue // are kept as they are
		}
		want = want[:60_000]
		frame := tool(t, want, "lz4", "-c9", "--no-frame-crc")
		packed := frame[11 : len(frame)-4]
		dst := make([]byte, len(want))
		if n, err := Block(LZ4, dst, packed); err != nil || n != len(want) || !bytes.Equal(dst, want) {
			t.Errorf("%s, lz4: %d bytes: %v", name, n, err)
		}
		if _, err := Block(LZ4, dst[:len(dst)-1], packed); err == nil {
			t.Errorf("%s, lz4: goes into too little room", name)
		}
	}
}

// A stream that is cut off anywhere is an error, and what came before is right.
func TestTruncated(t *testing.T) {
	want := samples(t)["mixed"]
	for _, p := range []int{0, 2, 4, 12, 18, 21, 24, 27, 29} {
		p := peers[p]
		packed := tool(t, want, p.tool, strings.Fields(p.args)...)
		for i := range 100 {
			cut := packed[:len(packed)*i/100]
			out, used, err := Stream(p.a, cut, budget(t))
			right := out[:max(0, len(out)-16)] // a filter may not know the last instruction
			if err == nil || used > len(cut) || !bytes.HasPrefix(want, right) {
				t.Errorf("%s %s: %d %%: %d bytes, %d of %d: %v", p.tool, p.args, i, len(out), used, len(cut), err)
			}
		}
	}
}

// No stream is taken for one that is none, and broken ones are said to be so.
func TestFormats(t *testing.T) {
	data := samples(t)
	formats := map[string]image.Format{}
	for _, f := range Formats {
		formats[f.Name] = f
	}
	for _, p := range peers {
		name := string(p.a)
		if p.a == LZO {
			name = "lzop"
		}
		f := formats[name]
		if strings.Contains(p.args, "lc=1,lp=3,pb=4") {
			continue // properties that nobody uses
		}
		packed := tool(t, data["code"], p.tool, strings.Fields(p.args)...)
		begins := false
		for _, m := range f.Magic {
			begins = begins || bytes.HasPrefix(packed[m.Offset:], []byte(m.Bytes))
		}
		if !begins {
			t.Errorf("%s %s begins with % x, which is no magic of %s", p.tool, p.args, packed[:8], f.Name)
		}
		part, err := f.Open(slicesJoin(packed, data["noise"]), budget(t))
		if err != nil || part.State != image.Understood || part.Size != int64(len(packed)) || part.Format != f.Name || part.Unpacked != int64(len(data["code"])) ||
			len(part.Streams) != 1 || !bytes.Equal(part.Streams[0].Data, data["code"]) {
			t.Errorf("%s %s: %+v, %v", p.tool, p.args, part, err)
			continue
		}
		part, err = f.Open(packed[:len(packed)*2/3], budget(t))
		if err != nil || part.State != image.Damaged || part.Problem == "" || len(part.Streams) != 1 {
			t.Errorf("%s %s, two thirds of it: %+v, %v", p.tool, p.args, part, err)
		}
	}
}

// A gzip file says what it was called, and when it was written.
func TestGzipName(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rootfs.cpio")
	if err := os.WriteFile(file, bytes.Repeat([]byte("070701"), 100), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(file, time.Unix(1_300_000_000, 0), time.Unix(1_300_000_000, 0)); err != nil {
		t.Fatal(err)
	}
	p, err := Formats[0].Open(tool(t, nil, "gzip", "-c", file), budget(t))
	if err != nil || p.Get("name") != "rootfs.cpio" || p.Get("time") != "1300000000" {
		t.Errorf("%+v, %v", p, err)
	}
}

// Random bytes behind any magic are nothing; neither are zeros.
func TestNoise(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, f := range Formats {
		if f.Name == "bzip2" || len(f.Magic) == 0 {
			continue
		}
		for _, m := range f.Magic {
			for i := range 300 {
				b := make([]byte, 4000)
				for j := range b {
					b[j] = byte(random.Uint32())
				}
				switch i % 3 {
				case 1:
					clear(b[:40])
				case 2:
					for j := range b[:40] {
						b[j] = 0xff
					}
				}
				copy(b[m.Offset:], m.Bytes)
				if f.Name == "lzma" {
					clear(b[9:14])
				}
				if part, err := f.Open(b, budget(t)); !errors.Is(err, image.ErrNot) {
					t.Fatalf("%s %x: %+v, %v", f.Name, b[:20], part, err)
				}
			}
			b := make([]byte, 1<<20)
			copy(b[m.Offset:], m.Bytes)
			if part, err := f.Open(b, budget(t)); !errors.Is(err, image.ErrNot) {
				t.Errorf("%s and zeros: %+v, %v", f.Name, part, err)
			}
		}
	}
}

// A bomb ends at the budget.
func TestBombs(t *testing.T) {
	zeros := make([]byte, 18<<20)
	seen := map[string]bool{}
	for _, p := range peers {
		if id := string(p.a) + strings.TrimLeft(p.args, "-c019"); seen[id] || strings.Contains(p.args, "--lzma") || strings.Contains(p.args, "22") {
			continue
		} else {
			seen[id] = true
		}
		packed := tool(t, zeros, p.tool, strings.Fields(p.args)...)
		b := image.NewBudget(t.Context(), image.Bounds{Bytes: 17 << 20, Files: 10, Depth: 3, Ratio: 1 << 20})
		if _, _, err := Stream(p.a, packed, b); !errors.Is(err, image.ErrBounds) {
			t.Errorf("%s %s: %v", p.tool, p.args, err)
		}
		if len(packed) > len(zeros)/1000 {
			continue
		}
		b = image.NewBudget(t.Context(), image.Bounds{Bytes: 1 << 30, Files: 10, Depth: 3, Ratio: 500})
		if _, _, err := Stream(p.a, packed, b); !errors.Is(err, image.ErrBounds) {
			t.Errorf("%s %s: ratio: %v", p.tool, p.args, err)
		}
	}
}

// Any bytes may be changed, anywhere.
func TestFlips(t *testing.T) {
	formats := map[string]image.Format{}
	for _, f := range Formats {
		formats[f.Name] = f
	}
	files, err := filepath.Glob("testdata/*")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, file := range files {
		name, _, _ := strings.Cut(filepath.Base(file), ".")
		f, ok := formats[strings.Replace(name, "lzo", "lzop", 1)]
		if !ok {
			continue
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		unpacktest.FlipBytes(t, f, b, 500, 5)
		unpacktest.Truncate(t, f, b)
		n++
	}
	if n < 10 {
		t.Errorf("%d files", n)
	}
}

func FuzzStream(f *testing.F) {
	all := []Algorithm{Deflate, Zlib, Gzip, Bzip2, XZ, LZMA, LZMAShort, LZ4, LZO, Zstd}
	seed(f, func(a Algorithm, b []byte) {
		for i, x := range all {
			if x == a {
				f.Add(byte(i), b)
			}
		}
	})
	f.Fuzz(func(t *testing.T, which byte, b []byte) {
		a := all[int(which)%len(all)]
		bounds := image.Bounds{Bytes: 32 << 20, Files: 10, Depth: 3, Ratio: 2000}
		out, used, err := Stream(a, b, image.NewBudget(t.Context(), bounds))
		if used < 0 || used > len(b) || len(out) > 32<<20 {
			t.Fatalf("%s: %d bytes, %d of %d: %v", a, len(out), used, len(b), err)
		}
		if err == nil {
			again, n, err := Stream(a, b[:used:used], image.NewBudget(t.Context(), bounds))
			if err != nil || n != used || !bytes.Equal(again, out) {
				t.Fatalf("%s: the %d bytes that it took unpack to %d of %d: %v", a, used, len(again), len(out), err)
			}
		}
	})
}

func FuzzBlock(f *testing.F) {
	all := []Algorithm{Deflate, Zlib, Gzip, Bzip2, XZ, LZMA, LZMAShort, LZ4, LZO, Zstd}
	seed(f, func(a Algorithm, b []byte) {
		for i, x := range all {
			if x == a {
				f.Add(byte(i), uint16(9000), b)
			}
		}
	})
	f.Fuzz(func(t *testing.T, which byte, size uint16, b []byte) {
		dst := bytes.Repeat([]byte{0xa5}, int(size)+16)
		n, err := Block(all[int(which)%len(all)], dst[:size:size], b)
		if n < 0 || n > int(size) {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if string(dst[size:]) != strings.Repeat("\xa5", 16) {
			t.Fatal("bytes behind the room were written")
		}
	})
}

// seed adds small streams of every algorithm, from testdata: they were written by the tools.
func seed(f *testing.F, add func(Algorithm, []byte)) {
	f.Helper()
	files, err := filepath.Glob("testdata/*")
	if err != nil {
		f.Fatal(err)
	}
	n := 0
	for _, file := range files {
		kind, _, ok := strings.Cut(filepath.Base(file), ".")
		if !ok {
			continue
		}
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		add(Algorithm(kind), b)
		n++
	}
	if n < 10 {
		f.Fatalf("%d seeds", n)
	}
}

func BenchmarkLZMA(b *testing.B) {
	want := samples(b)["code"]
	packed := tool(b, want, "xz", "-c", "--format=lzma", "-6")
	dst := make([]byte, len(want))
	b.SetBytes(int64(len(want)))
	for b.Loop() {
		if _, err := Block(LZMA, dst, packed); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkZlib(b *testing.B) {
	want := samples(b)["code"]
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	w.Write(want)
	w.Close()
	dst := make([]byte, len(want))
	b.SetBytes(int64(len(want)))
	for b.Loop() {
		if _, err := Block(Zlib, dst, z.Bytes()); err != nil {
			b.Fatal(err)
		}
	}
}
