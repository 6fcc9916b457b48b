package squashfs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"assay/lab/firmware/image"
	"assay/lab/firmware/unpack/trial"
	"assay/lab/labtest"
)

var (
	format = Formats[0]
	all    = trial.Keeps{Perm: true, Owner: true, Time: true}
)

// source is a tree with what squashfs can hold and others cannot: sockets, files
// of many blocks, holes, long files that are alike but for their end.
func source(t testing.TB, size trial.Size) string {
	t.Helper()
	dir := trial.Source(t, size)
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	if size == trial.Full {
		f, err := os.Create(filepath.Join(dir, "lib/sparse"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte("the end"), 1<<20+5); err != nil {
			t.Fatal(err)
		}
		f.Close()
		code, err := os.ReadFile(os.Args[0])
		if err != nil {
			t.Fatal(err)
		}
		for name, b := range map[string][]byte{"code": code[len(code)/4:][:400_000], "exact": trial.Text(1 << 18), "exact2": trial.Text(1 << 19)} {
			if err := os.WriteFile(filepath.Join(dir, "lib", name), b, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

// read is trial.Read with sockets.
func read(t testing.TB, dir string) *image.Tree {
	t.Helper()
	tree := trial.Read(t, dir)
	if n, err := tree.Lookup("/s"); err != nil {
		t.Fatal(err)
	} else if n.Kind == "" {
		n.Kind = image.Socket
	}
	return tree
}

func mksquashfs(t testing.TB, dir string, args ...string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "squashfs")
	trial.Run(t, labtest.Tool(t, "mksquashfs"), append([]string{dir, out, "-no-progress", "-quiet", "-noappend", "-processors", "1"}, args...)...)
	return trial.Image(t, out)
}

// Whatever mksquashfs can make comes back file by file.
func TestMksquashfs(t *testing.T) {
	dir := source(t, trial.Full)
	want := read(t, dir)
	for _, args := range []string{
		"-comp gzip", "-comp gzip -b 4096", "-comp gzip -b 1M -Xcompression-level 1 -Xstrategy huffman_only,fixed",
		"-comp lzma", "-comp lzma -b 8K -no-fragments",
		"-comp lzo", "-comp lzo -Xalgorithm lzo1x_1 -b 65536",
		"-comp xz", "-comp xz -b 256K -no-xattrs -Xbcj x86,arm,powerpc", "-comp xz -Xdict-size 8192 -b 8192 -always-use-fragments",
		"-comp lz4", "-comp lz4 -Xhc -b 16K",
		"-comp zstd", "-comp zstd -Xcompression-level 19 -b 1M",
		"-noI", "-noD", "-noF", "-noI -noD -noF -noX", "-comp xz -noI", "-comp lzma -noI -noId", "-no-exports -no-duplicates -no-tailends", "-nopad", "-no-sparse",
		"-comp lzo -noI -b 128K",
	} {
		t.Run(args, func(t *testing.T) {
			b := mksquashfs(t, dir, strings.Fields(args)...)
			for _, after := range []string{"", strings.Repeat("\xff", 5000), strings.Repeat("\x00", 100_000), "\xde\xad\xc0\xde"} {
				p := trial.Whole(t, format, append(b[:len(b):len(b)], after...))
				if int64(len(b)) != p.Size && !strings.Contains(args, "-nopad") {
					t.Errorf("%d bytes of %d with %.4q behind", p.Size, len(b), after)
				}
				if after != "" {
					continue
				}
				trial.Same(t, p.Tree, want, all)
				comp, _, _ := strings.Cut(strings.TrimPrefix(args, "-comp "), " ")
				if strings.HasPrefix(comp, "-") {
					comp = "gzip"
				}
				if p.Get("compression") != comp || p.Get("version") != "4.0" || p.Get("order") != "little-endian" {
					t.Errorf("%+v", p.Details)
				}
			}
		})
	}
}

// Files of one content, and directories with more entries than one head has room for.
func TestManyFiles(t *testing.T) {
	dir := source(t, trial.Small)
	for i := range 3000 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("etc/n%05d-%s", i, strings.Repeat("x", i%90))), []byte{byte(i)}, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p := trial.Whole(t, format, mksquashfs(t, dir, "-comp", "zstd"))
	trial.Same(t, p.Tree, read(t, dir), all)
}

// kept is what a version keeps of a tree: before version 3 only files and directories
// have a time of their own, and a device number has 16 bits.
func kept(tree *image.Tree, major int) *image.Tree {
	err := tree.Walk(func(_ string, n *image.Node) error {
		if major < 3 && n.Kind != image.File && n.Kind != image.Dir {
			n.Time = 1_300_000_000
		}
		return nil
	})
	if err != nil {
		panic(err)
	}
	return tree
}

// Versions before 4 in both byte orders, with all that they know.
func TestVersions(t *testing.T) {
	dir := source(t, trial.Full)
	for _, w := range []writer{
		{major: 1, block: 32768}, {major: 1, block: 4096, check: true}, {major: 1, block: 32768, storeInodes: true},
		{major: 2, block: 65536}, {major: 2, minor: 1, block: 4096, check: true, large: true}, {major: 2, block: 65536, noFragments: true},
		{major: 3, block: 65536}, {major: 3, minor: 1, block: 131072, check: true, large: true}, {major: 3, block: 1 << 20, noFragments: true}, {major: 3, block: 65536, storeInodes: true},
		{major: 4, block: 131072, compression: 1}, {major: 4, block: 8192, large: true, compression: 1}, {major: 4, block: 1 << 20, large: true, noFragments: true, storeInodes: true, compression: 1},
	} {
		for _, big := range []bool{false, true} {
			w := w
			w.big, w.pack = big, deflate
			t.Run(fmt.Sprintf("%d.%d block %d big %v check %v large %v stored %v", w.major, w.minor, w.block, big, w.check, w.large, w.storeInodes), func(t *testing.T) {
				want := read(t, dir)
				b := w.image(t, want)
				p := trial.Whole(t, format, b)
				trial.Same(t, p.Tree, kept(want, w.major), all)
				if p.Size != int64(len(b)) || p.Get("version") != fmt.Sprintf("%d.%d", w.major, w.minor) || (p.Get("order") == "big-endian") != big || p.Get("compression") != "gzip" {
					t.Errorf("%d bytes of %d, %+v", p.Size, len(b), p.Details)
				}
			})
		}
	}
}

// unsquashfs must read what the writer makes, or the test above would prove little.
func TestWriter(t *testing.T) {
	dir := source(t, trial.Full)
	want := read(t, dir)
	for _, w := range []writer{
		{major: 1, block: 32768}, {major: 2, block: 65536, large: true}, {major: 3, block: 65536, minor: 1}, {major: 3, block: 65536, large: true, check: true},
		{major: 1, block: 32768, big: true}, {major: 2, block: 65536, big: true, check: true}, {major: 3, block: 65536, minor: 1, large: true, big: true},
		{major: 4, block: 131072, compression: 1, large: true},
	} {
		w := w
		w.pack = deflate
		b := w.image(t, want)
		in, out := filepath.Join(t.TempDir(), "image"), filepath.Join(t.TempDir(), "out")
		if err := os.WriteFile(in, b, 0o600); err != nil {
			t.Fatal(err)
		}
		trial.Run(t, labtest.Tool(t, "unsquashfs"), "-no-progress", "-quiet", "-processors", "1", "-dest", out, in)
		got, err := read(t, out).Digest()
		if err != nil {
			t.Fatal(err)
		}
		if d, err := want.Digest(); err != nil || d != got {
			t.Errorf("version %d, big %v: unsquashfs reads another tree, %v", w.major, w.big, err)
		}
	}
}

// Makers had other magics, gave LZMA other headers or none, and named no compression or
// a false one.
func TestVariants(t *testing.T) {
	dir := source(t, trial.Small)
	const usual = "\x5d\x00\x00\x80\x00"
	length := func(b []byte) string { return string(binary.LittleEndian.AppendUint64(nil, uint64(len(b)))) }
	marked := func(lc, lp, pb int, header string) func([]byte) []byte {
		return func(b []byte) []byte { return lzma(t, b, lc, lp, pb, header) }
	}
	with13 := func(b []byte) []byte { return append([]byte(usual+length(b)), literals(b, 3, 0, 2)...) }
	bare := func(lc, lp, pb int, header string) func([]byte) []byte {
		return func(b []byte) []byte { return append([]byte(header), literals(b, lc, lp, pb)...) }
	}
	xz := func(b []byte) []byte { return tool(t, b, "xz", "-c", "--check=crc32", "--lzma2=dict=8KiB") }
	i := 0
	for name, c := range map[string]struct {
		w           writer
		pack        func([]byte) []byte
		compression string
	}{
		"3, LZMA":                           {writer{major: 3}, with13, "lzma"},
		"3, sqlzma":                         {writer{major: 3, magic: "shsq"}, with13, "lzma"},
		"3, sqlzma, big":                    {writer{major: 3, magic: "qshs", big: true}, with13, "lzma"},
		"3, DD-WRT":                         {writer{major: 3, magic: "hsqt"}, bare(3, 0, 2, ""), "lzma, raw at 0 with lc=3 lp=0 pb=2"},
		"3, DD-WRT, big":                    {writer{major: 3, magic: "tqsh", big: true}, bare(0, 2, 2, ""), "lzma, raw at 0 with lc=0 lp=2 pb=2"},
		"3, sqlz, big":                      {writer{major: 3, magic: "sqlz", big: true}, marked(3, 0, 2, usual), "lzma, headers of 5 bytes"},
		"2, LZMA, big":                      {writer{major: 2, big: true}, with13, "lzma"},
		"2, headers of 5 bytes, big":        {writer{major: 2, big: true}, bare(3, 0, 2, usual), "lzma, headers of 5 bytes"},
		"1, behind 4 bytes":                 {writer{major: 1}, bare(3, 0, 2, "\x12\x34\x56\x78"+usual), "lzma behind 4 bytes, headers of 5 bytes"},
		"1, raw, big":                       {writer{major: 1, big: true}, bare(0, 0, 2, ""), "lzma, raw at 0 with lc=0 lp=0 pb=2"},
		"4, headers of 5 bytes":             {writer{major: 4, compression: 2}, bare(3, 0, 2, usual), "lzma, headers of 5 bytes"},
		"4, headers of 5 bytes and markers": {writer{major: 4, compression: 2}, marked(3, 0, 2, usual), "lzma, headers of 5 bytes"},
		"4, 5 bytes, odd properties":        {writer{major: 4, compression: 2}, marked(1, 2, 3, "\x9a\x00\x00\x10\x00"), "lzma, headers of 5 bytes"},
		"4, LZMA named gzip":                {writer{major: 4, compression: 1}, with13, "lzma"},
		"4, LZMA of 5 bytes named gzip":     {writer{major: 4, compression: 1}, bare(3, 0, 2, usual), "lzma, headers of 5 bytes"},
		"4, LZMA named xz":                  {writer{major: 4, compression: 4}, with13, "lzma"},
		"4, LZMA named nothing":             {writer{major: 4, compression: 0}, with13, "lzma"},
		"4, LZMA named 99":                  {writer{major: 4, compression: 99}, with13, "lzma"},
		"4, a length of -1":                 {writer{major: 4, compression: 2}, marked(3, 0, 2, usual+strings.Repeat("\xff", 8)), "lzma"},
		"4, no header, markers":             {writer{major: 4, compression: 2}, marked(3, 0, 2, ""), "lzma, raw at 0 with lc=3 lp=0 pb=2"},
		"4, no header, odd properties":      {writer{major: 4, compression: 2}, bare(2, 1, 1, ""), "lzma, raw at 0 with lc=2 lp=1 pb=1"},
		"4, properties in 4 bytes":          {writer{major: 4, compression: 2}, bare(0, 0, 4, "\x00\x00\x04\xff"), "lzma, raw at 4 with lc=0 lp=0 pb=4"},
		"2, headers of 9 bytes, big": {writer{major: 2, big: true}, func(b []byte) []byte {
			return append([]byte(usual+length(b)[:4]), literals(b, 3, 0, 2)...)
		}, "lzma, headers of 9 bytes"},
		"2, metadata gzip, files LZMA":                   {writer{major: 2, big: true, packData: with13}, deflate, "gzip"},
		"2, metadata gzip, files LZMA without headers":   {writer{major: 2, big: true, packData: bare(3, 0, 2, "")}, deflate, "gzip"},
		"2, metadata gzip, files LZMA of odd properties": {writer{major: 2, big: true, packData: bare(1, 1, 3, "\x00\x12\x34\x56\x78")}, deflate, "gzip"},
		"3, metadata stored, files LZMA without headers": {writer{major: 3, storeInodes: true, packData: marked(3, 0, 2, "")}, deflate, ""},
		"4, big with lengths in little, xz":              {writer{major: 4, compression: 4, big: true, littleHeads: true}, xz, "xz"},
		"4, inodes stored, LZMA of 5 bytes":              {writer{major: 4, compression: 1, storeInodes: true}, bare(3, 0, 2, usual), ""},
		"3, each block in the way it is short": {writer{major: 3, magic: "shsq"}, func(b []byte) []byte {
			if i++; i%2 == 0 {
				return deflate(b)
			}
			return with13(b)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			want := read(t, dir)
			w := c.w
			w.block, w.pack = 32768, c.pack
			b := w.image(t, want)
			p := trial.Whole(t, format, b)
			trial.Same(t, p.Tree, kept(want, w.major), all)
			if c.compression != "" && p.Get("compression") != c.compression || w.magic != "" && p.Get("magic") != fmt.Sprintf("%q", w.magic) || w.littleHeads && p.Get("variant") == "" {
				t.Errorf("%+v", p.Details)
			}
		})
	}
}

// What makers' tools left in superblocks: a minor version that is a letter, no use of
// the table of groups, a version 2 in the structure of 3.
func TestSuperblocks(t *testing.T) {
	dir := source(t, trial.Small)
	for name, c := range map[string]struct {
		w    writer
		edit func([]byte)
	}{
		"minor L":           {writer{major: 2, minor: 'L', big: true}, func([]byte) {}},
		"false places":      {writer{major: 2}, func(b []byte) { copy(b[16:], "\xff\xff\xff\xff"); b[38] = 9 }},
		"no narrow fields":  {writer{major: 3}, func(b []byte) { clear(b[8:28]) }},
		"only narrow ones":  {writer{major: 2, wideToo: true}, func([]byte) {}},
		"no block log":      {writer{major: 3}, func(b []byte) { clear(b[34:36]) }},
		"a false count":     {writer{major: 4, compression: 1}, func(b []byte) { copy(b[4:], "\xff\xff\xff\xff") }},
		"no time, no flags": {writer{major: 4, compression: 1}, func(b []byte) { clear(b[8:12]); copy(b[24:], "\xff\xfb") }},
	} {
		want := read(t, dir)
		w := c.w
		w.block, w.pack = 32768, deflate
		b := w.image(t, want)
		c.edit(b)
		p, err := format.Open(b, trial.Budget(t))
		if err != nil || p.State != image.Understood || len(p.Tree.Notes) > 0 != (name == "false places") {
			t.Errorf("%s: %+v, %v", name, p, err)
			continue
		}
		trial.Same(t, p.Tree, kept(want, w.major), trial.Keeps{Perm: true, Owner: name != "false places", Time: true})
	}
}

// Images are filled up to 4 KiB, or 1 KiB, or not at all.
func TestExtent(t *testing.T) {
	w := writer{major: 4, compression: 1, block: 4096, pack: deflate}
	b := w.image(t, read(t, source(t, trial.Small)))
	used := int(binary.LittleEndian.Uint64(b[40:]))
	k1, k4 := (used+1023)/1024*1024, (used+4095)/4096*4096
	for after, want := range map[string]int{
		strings.Repeat("\x00", 9000): k4, strings.Repeat("\x00", k1-used) + "x" + strings.Repeat("\x00", 9000): k1, "x": used, "": used,
		strings.Repeat("\x00", k1-used-1): k1 - 1,
	} {
		p := trial.Whole(t, format, append(b[:used:used], after...))
		if k1 == k4 && want == k1 {
			continue
		}
		if p.Size != int64(want) {
			t.Errorf("%d zeros and %d bytes behind %d: %d", strings.Count(after, "\x00"), len(after), used, p.Size)
		}
	}
}

// An image may be cut off, or have bytes changed.
func TestHurt(t *testing.T) {
	dir := source(t, trial.Small)
	for _, args := range []string{"-comp gzip -b 4096", "-comp lzma -b 8192", "-comp lzo", "-comp xz -b 4096", "-comp lz4 -b 4096", "-comp zstd", "-noI -noD -noF"} {
		b := mksquashfs(t, dir, strings.Fields(args)...)
		used := int(binary.LittleEndian.Uint64(b[40:]))
		trial.Truncate(t, format, b, used)
		// A third of such an image is metadata, all of which can be lost with one byte.
		trial.Flip(t, format, b[:used], 60, 0.7)
	}
}

// A file whose block is damaged is said to be so, by the part too, and the others are read.
func TestDamagedBlock(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b", "c"} {
		if err := os.WriteFile(filepath.Join(dir, name), append([]byte(name), trial.Text(200_000)...), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b := mksquashfs(t, dir, "-comp", "gzip", "-no-fragments", "-no-duplicates")
	clear(b[200:220]) // of the first block of a
	p, err := format.Open(b, trial.Budget(t))
	if err != nil || p.State != image.Understood {
		t.Fatalf("%+v, %v", p, err)
	}
	got, failed := trial.Drain(t, p)
	if failed != 1 || len(got) != 2 || got["/b"] != "b"+string(trial.Text(200_000)) {
		t.Errorf("%d failed, %d read", failed, len(got))
	}
	if p.State != image.Damaged || !strings.Contains(p.Problem, "block 0 of the file, the block at 0x60") || len(p.Tree.Notes) != 1 {
		t.Errorf("%s %q %q", p.State, p.Problem, p.Tree.Notes)
	}
}

func TestNot(t *testing.T) {
	for name, b := range map[string][]byte{
		"empty":        {},
		"text":         []byte("hsqs is how it begins, and then comes a text that is longer than a superblock of any version of it, whatever it says"),
		"zeros":        append([]byte("hsqs"), make([]byte, 300)...),
		"version 5":    append([]byte("hsqs"), append(make([]byte, 24), append([]byte{5, 0, 0, 0}, make([]byte, 300)...)...)...),
		"superblock":   append([]byte("sqsh"), append(make([]byte, 24), 0, 4, 0, 0)...),
		"ones":         append([]byte("hsqs"), bytes.Repeat([]byte{1}, 300)...),
		"another name": append([]byte("hsqs"), bytes.Repeat([]byte{0xff}, 300)...),
	} {
		if p, err := format.Open(b, trial.Budget(t)); !errors.Is(err, image.ErrNot) {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

// What unpacks to more than an image may have is refused before it is unpacked.
func TestBomb(t *testing.T) {
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "hole"))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(200 << 20); err != nil {
		t.Fatal(err)
	}
	f.Close()
	p, err := format.Open(mksquashfs(t, dir, "-comp", "gzip"), trial.Budget(t))
	if err != nil || p.State != image.Damaged || !strings.Contains(p.Problem, "/hole: ") {
		t.Errorf("a hole of 200 MiB: %+v, %v", p, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "hole"), trial.Text(3<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	small := image.NewBudget(t.Context(), image.Bounds{Bytes: 2 << 20, Files: 10, Depth: 3, Ratio: 1 << 30})
	if _, err := format.Open(mksquashfs(t, dir), small); !errors.Is(err, image.ErrBounds) {
		t.Errorf("3 MiB where 2 may be: %v", err)
	}
}

func FuzzSquashfs(f *testing.F) {
	tree := image.NewTree()
	for name, content := range map[string]string{"a/one": "1", "a/text": string(trial.Text(9000)), "holes": strings.Repeat("\x00", 9000), "noise": string(trial.Noise(5000, 1))} {
		n := &image.Node{Kind: image.File, Perm: 0o644, UID: 7, GID: 8, Size: int64(len(content)), Open: func() ([]byte, error) { return []byte(content), nil }}
		if err := tree.Put(name, n); err != nil {
			f.Fatal(err)
		}
	}
	for name, n := range map[string]*image.Node{"dev/null": {Kind: image.Char, Major: 1, Minor: 3}, "dev/b": {Kind: image.Block}, "fifo": {Kind: image.FIFO}, "s": {Kind: image.Socket}, "a/l": {Kind: image.Symlink, Target: "../dev"}} {
		if err := tree.Put(name, n); err != nil {
			f.Fatal(err)
		}
	}
	if err := tree.Finish(); err != nil {
		f.Fatal(err)
	}
	for i := range 16 {
		w := writer{major: i%4 + 1, big: i&4 != 0, large: i&8 != 0, check: i&8 != 0 && i%4 != 3, block: 4096, compression: 2, pack: deflate}
		if i%3 == 0 {
			w.pack = func(b []byte) []byte { return append([]byte("\x5d\x00\x00\x80\x00"), literals(b, 3, 0, 2)...) }
		}
		b := w.image(f, tree)
		if p := trial.Survive(f, format, b); p == nil || p.State != image.Understood {
			f.Fatalf("seed %d: %+v", i, p)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) { trial.Survive(t, format, b) })
}
