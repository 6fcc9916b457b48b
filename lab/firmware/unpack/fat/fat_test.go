package fat

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"assay/lab/firmware/image"
	"assay/lab/firmware/unpack/trial"
	"assay/lab/labtest"
)

// source is a tree of what FAT can keep: directories and files.
func source(t testing.TB, size trial.Size) string {
	t.Helper()
	dir := trial.Source(t, size)
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !d.Type().IsRegular() {
			err = os.Remove(p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"README.TXT", "lower.txt", "UPPER.low", "MiXeD", "a.b.c", ".hidden", "thirteen.name", "twentysix characters long_"} {
		if err := os.WriteFile(filepath.Join(dir, "etc", name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func mkfs(t testing.TB, dir string, kib int, args ...string) []byte {
	t.Helper()
	t.Setenv("LC_ALL", "C.UTF-8") // mtools takes names for what it says
	t.Setenv("MTOOLS_SKIP_CHECK", "1")
	img := filepath.Join(t.TempDir(), "fat")
	trial.Run(t, labtest.Tool(t, "mkfs.fat"), append(args, "-C", img, fmt.Sprint(kib))...)
	entries, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	trial.Run(t, labtest.Tool(t, "mcopy"), append([]string{"-i", img, "-s", "-Q"}, append(entries, "::")...)...)
	return trial.Image(t, img)
}

func TestMkfs(t *testing.T) {
	dir := source(t, trial.Full)
	want := trial.Read(t, dir)
	for _, c := range []struct {
		kib           int
		args, version string
	}{
		{4000, "-F 12", "FAT12"}, {4000, "-F 12 -s 4 -f 1", "FAT12"}, {16000, "-F 16 -n TRIAL", "FAT16"}, {40000, "-F 32 -s 1", "FAT32"}, {40000, "-F 32 -s 1 -S 512 -R 64 -f 1", "FAT32"},
		{32000, "-F 16 -S 2048 -s 1", "FAT16"}, {20000, "-F 16 -r 1024", "FAT16"},
	} {
		t.Run(c.args, func(t *testing.T) {
			b := mkfs(t, dir, c.kib, strings.Fields(c.args)...)
			p := trial.Whole(t, Formats[0], b)
			trial.Same(t, p.Tree, want, trial.Keeps{})
			if p.Size != int64(len(b)) || p.Get("version") != c.version {
				t.Errorf("%d bytes of %d, %s", p.Size, len(b), p.Get("version"))
			}
			if (p.Get("name") == "TRIAL") != strings.Contains(c.args, "TRIAL") {
				t.Error(p.Get("name"))
			}
		})
	}
}

// Files are deleted and others take their place, in pieces.
func TestUsed(t *testing.T) {
	dir := source(t, trial.Small)
	img := filepath.Join(t.TempDir(), "fat")
	if err := os.WriteFile(img, mkfs(t, dir, 600, "-F", "12", "-s", "1"), 0o600); err != nil {
		t.Fatal(err)
	}
	tool := func(name string, args ...string) {
		t.Helper()
		trial.Run(t, labtest.Tool(t, name), append([]string{"-i", img}, args...)...)
	}
	big := filepath.Join(t.TempDir(), "a file that stands in pieces")
	if err := os.WriteFile(big, trial.Noise(430_000, 9), 0o600); err != nil {
		t.Fatal(err)
	}
	tool("mdel", "::etc/page", "::lib/holes", "::bin/ls")
	tool("mcopy", big, "::")
	tool("mmd", "::late")
	tool("mmove", "::etc/one", "::late")
	tool("mattrib", "+r", "::late/one")
	tool("mdeltree", "::a")
	tree := trial.Whole(t, Formats[0], trial.Image(t, img)).Tree
	for _, gone := range []string{"/etc/page", "/lib/holes", "/bin/ls", "/etc/one", "/a"} {
		if _, err := tree.Lookup(gone); err == nil {
			t.Errorf("%s is still there", gone)
		}
	}
	n, err := tree.Lookup("/a file that stands in pieces")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := n.Data(); err != nil || !bytes.Equal(b, trial.Noise(430_000, 9)) {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	if n, err = tree.Lookup("/late/one"); err != nil || n.Perm != 0o555 {
		t.Error(n, err)
	}
}

// small is a FAT12 with one entry for each given, and the table as given.
func small(table []uint16, entries ...string) []byte {
	b := make([]byte, 512*40)
	copy(b, "\xeb\x3c\x90mkfs.fat\x00\x02\x01\x01\x00\x01\x10\x00\x28\x00\xf8\x01\x00")
	b[510], b[511] = 0x55, 0xaa
	for c, v := range append([]uint16{0xff8, 0xfff}, table...) {
		at := 512 + c + c/2
		le.PutUint16(b[at:], le.Uint16(b[at:])|v<<(c%2*4))
	}
	copy(b[1024:], strings.Join(entries, ""))
	for i := range 37 { // the clusters
		copy(b[1536+512*i:], fmt.Sprintf("cluster %d", i+2))
	}
	return b
}

// entry is one of a directory.
func entry(name string, attr byte, cluster, size int) string {
	b := make([]byte, 32)
	copy(b, name)
	b[11] = attr
	le.PutUint16(b[26:], uint16(cluster))
	le.PutUint32(b[28:], uint32(size))
	return string(b)
}

func TestShortNames(t *testing.T) {
	lower := []byte(entry("LOWER   TXT", 0, 0, 0))
	lower[12] = lowerBase | lowerExt
	// Pieces of a long name that belong to nothing: another sum, another order.
	orphan := "\x41o\x00r\x00p\x00h\x00a\x00\x0f\x00\x77n\x00\x00\x00" + strings.Repeat("\xff", 8) + "\x00\x00" + "\xff\xff\xff\xff"
	b := small(nil, entry("\x05BC     D  ", 0, 0, 0), string(lower), entry("GR\x99\xe1E      ", 0, 0, 0), orphan, entry("SHORT      ", 0, 0, 0), entry("\xe5ELETED    ", 0, 0, 0), entry("LABEL      ", attrLabel, 0, 0))
	p := trial.Whole(t, Formats[0], b)
	var names []string
	for _, n := range p.Tree.Root.Children {
		names = append(names, n.Name)
	}
	if got := strings.Join(names, "|"); got != "GRÖßE|SHORT|lower.txt|σBC.D" || p.Get("name") != "LABEL" {
		t.Error(got, p.Details)
	}
}

func TestDamaged(t *testing.T) {
	ok := entry("OK         ", 0, 30, 10)
	ends := func(table ...uint16) []uint16 {
		for len(table) < 37 {
			table = append(table, 0)
		}
		table[28] = 0xfff
		return table
	}
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"cycle":     {small(ends(3, 2), ok, entry("X          ", 0, 2, 5000)), "/X: its chain leads to cluster 0x2, which belongs to another file or"},
		"itself":    {small(ends(2), ok, entry("X          ", 0, 2, 5000)), "/X: its chain leads to cluster 0x2, which"},
		"shared":    {small(ends(3, 0xfff), ok, entry("X          ", 0, 2, 1000), entry("Y          ", 0, 3, 100)), "/Y: its chain leads to cluster 0x3, which belongs to another file"},
		"free":      {small(ends(0), ok, entry("X          ", 0, 2, 1000)), "/X: its chain leads to cluster 0x0 of 0x27"},
		"outside":   {small(ends(0x800), ok, entry("X          ", 0, 2, 1000)), "/X: its chain leads to cluster 0x800"},
		"short":     {small(ends(0xfff), ok, entry("X          ", 0, 2, 1000)), "/X: its chain ends 488 bytes before its size"},
		"nothing":   {small(ends(), ok, entry("X          ", 0, 0, 1000)), "/X: its chain leads to cluster 0x0"},
		"huge":      {small(ends(0xfff), ok, entry("X          ", 0, 2, 1<<32-1)), "/X: its chain ends 4294966783 bytes before"},
		"dir cycle": {small(ends(0xfff), ok, entry("X          ", attrDir, 30, 0), entry("Y          ", attrDir, 30, 0)), "which belongs to another file"},
		"twice":     {small(ends(), ok, entry("OK         ", 0, 0, 0)), "/OK: two entries of one name"},
		"bad name":  {small(ends(), ok, entry("A/B        ", 0, 0, 0)), "no name for a file: \"A/B\""},
	} {
		p := trial.Survive(t, Formats[0], c.b)
		if p == nil || p.State != image.Damaged || !strings.Contains(p.Problem, c.want) {
			t.Errorf("%s: %+v", name, p)
			continue
		}
		if got, _ := trial.Drain(t, p); name != "dir cycle" && got["/OK"] != "cluster 30" {
			t.Errorf("%s: the file beside is lost: %q", name, got)
		}
	}
	// A chain that goes on behind the file is told, no more.
	p, err := Formats[0].Open(small(ends(3, 0xfff), entry("X          ", 0, 2, 10)), trial.Budget(t))
	if err != nil || p.State != image.Understood || len(p.Tree.Notes) != 1 {
		t.Error(p, err)
	} else if got, _ := trial.Drain(t, p); got["/X"] != "cluster 2\x00" {
		t.Errorf("%q", got)
	}
	two := mkfs(t, source(t, trial.Small), 600, "-F", "12")
	two[512*2+100] ^= 1
	if p, err := Formats[0].Open(two, trial.Budget(t)); err != nil || p.State != image.Damaged {
		t.Error(p, err)
	}
}

func TestHurt(t *testing.T) {
	dir := source(t, trial.Small)
	b := mkfs(t, dir, 200, "-F", "12", "-s", "1")
	trial.Truncate(t, Formats[0], b, len(b))
	trial.Flip(t, Formats[0], b, 300, 0.9)
	trial.Flip(t, Formats[0], mkfs(t, dir, 34000, "-F", "32", "-s", "1"), 20, 0.9)
}

func TestNot(t *testing.T) {
	b := make([]byte, 1024)
	b[510], b[511] = 0x55, 0xaa
	exfat := bytes.Clone(b)
	copy(exfat, "\xeb\x76\x90EXFAT   ")
	for _, b := range [][]byte{nil, b, b[:512], exfat, append(trial.Noise(510, 8), 0x55, 0xaa)} {
		if p, err := Formats[0].Open(b, trial.Budget(t)); err != image.ErrNot {
			t.Errorf("%+v, %v", p, err)
		}
	}
}

func FuzzFAT(f *testing.F) {
	f.Add(small([]uint16{3, 0xfff, 0xfff, 0xfff}, entry("FILE       ", 0, 2, 1000), entry("DIR        ", attrDir, 4, 0)))
	b := small(nil)
	le.PutUint16(b[17:], 0)
	le.PutUint16(b[22:], 0)
	le.PutUint32(b[36:], 1)
	le.PutUint32(b[44:], 2)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) { trial.Survive(t, Formats[0], b) })
}
