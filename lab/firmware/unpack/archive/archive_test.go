package archive

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"assay/lab/firmware/image"
	"assay/lab/firmware/unpack/unpacktest"
	"assay/lab/labtest"
)

func budget(t testing.TB) *image.Budget {
	return image.NewBudget(context.Background(), image.Bounds{Bytes: 1 << 30, Files: 100_000, Depth: 12, Ratio: 2000})
}

// sample makes a tree on the disk with all kinds of entries that need no rights, and the
// same tree as a reader should give it.
func sample(t testing.TB) (dir string, want *image.Tree) {
	t.Helper()
	dir = t.TempDir()
	want = image.NewTree()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	long := strings.Repeat("long-name-", 12) + "/" + strings.Repeat("and-deeper-", 15)
	files := map[string]string{
		"bin/busybox": strings.Repeat("\x7fELF program ", 5000), "etc/passwd": "root::0:0::/:/bin/sh\n", "etc/empty": "", "etc/한글 파일": "utf-8",
		long: "a path of more than 255 characters", "odd": "1", "TRAILER": strings.Repeat("070701", 100),
	}
	for name, text := range files {
		must(os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		must(os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
		must(want.Put(name, &image.Node{Kind: image.File, Size: int64(len(text)), Open: func() ([]byte, error) { return []byte(text), nil }}))
	}
	for _, name := range []string{"bin/sh", "bin/ls"} { // hard links
		must(os.Link(filepath.Join(dir, "bin/busybox"), filepath.Join(dir, name)))
		text := files["bin/busybox"]
		must(want.Put(name, &image.Node{Kind: image.File, Size: int64(len(text)), Open: func() ([]byte, error) { return []byte(text), nil }}))
	}
	must(os.MkdirAll(filepath.Join(dir, "var/empty"), 0o700))
	must(want.Put("var/empty", &image.Node{Kind: image.Dir}))
	for name, target := range map[string]string{"etc/resolv.conf": "/tmp/resolv.conf", "lib": "../../outside", "bin/self": "self"} {
		must(os.Symlink(target, filepath.Join(dir, name)))
		must(want.Put(name, &image.Node{Kind: image.Symlink, Target: target}))
	}
	must(want.Finish())
	return dir, want
}

// shell runs a command in a folder and gives its output.
func shell(t testing.TB, dir, command string, tools ...string) []byte {
	t.Helper()
	for _, tool := range tools {
		labtest.Tool(t, tool)
	}
	cmd := exec.Command("sh", "-ec", `zipped() { options=$1; shift; rm -f ../z.zip; zip $options ../z.zip "$@" </dev/null >&2; cat ../z.zip; rm ../z.zip; }
`+command)
	cmd.Dir = dir
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, &said)
	}
	return out
}

func digest(t testing.TB, tree *image.Tree) string {
	t.Helper()
	d, err := tree.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// format is the reader of a name.
func format(t testing.TB, name string) image.Format {
	for _, f := range Formats {
		if f.Name == name {
			return f
		}
	}
	t.Fatal("no format " + name)
	return image.Format{}
}

// begins says whether a magic of the format is where it should be.
func begins(f image.Format, b []byte) bool {
	for _, m := range f.Magic {
		if len(b) >= m.Offset+len(m.Bytes) && string(b[m.Offset:m.Offset+len(m.Bytes)]) == m.Bytes {
			return true
		}
	}
	return false
}

// Archives of the real tools, in all of their forms, give the tree that they were made of, with
// whatever follows behind them.
func TestTools(t *testing.T) {
	dir, want := sample(t)
	const list = `find . -mindepth 1 ! -name lost+found | LC_ALL=C sort | `
	for _, c := range []struct {
		name, format, command, version string
		short                          bool // has no long names: they are left out before
		tools                          []string
	}{
		{"newc", "cpio", list + "cpio -o -H newc --quiet", "newc", false, []string{"cpio"}},
		{"crc", "cpio", list + "cpio -o -H crc --quiet", "crc", false, []string{"cpio"}},
		{"odc", "cpio", list + "cpio -o -H odc --quiet", "odc", false, []string{"cpio"}},
		{"bin", "cpio", list + "cpio -o -H bin --quiet", "binary little-endian", false, []string{"cpio"}},
		{"reproducible", "cpio", list + "cpio -o -H newc --reproducible --quiet", "newc", false, []string{"cpio"}},
		{"gnu", "tar", "tar --format=gnu -cf - --exclude=./lost+found .", "gnu", false, []string{"tar"}},
		{"oldgnu", "tar", "tar --format=oldgnu -cf - .", "gnu", false, []string{"tar"}},
		{"pax", "tar", "tar --format=pax -cf - .", "pax", false, []string{"tar"}},
		{"ustar", "tar", "tar --format=ustar -cf - .", "ustar", true, []string{"tar"}},
		{"v7", "tar", "tar --format=v7 -cf - .", "v7", true, []string{"tar"}},
		{"b1", "tar", "tar --format=gnu -b1 -cf - .", "gnu", false, []string{"tar"}},
		{"deflate", "zip", "zipped -qry .", "", false, []string{"zip"}},
		{"stored", "zip", "zipped -0qry .", "", false, []string{"zip"}},
		{"zip64", "zip", "zipped '-qry -fz' .", "", false, []string{"zip"}},
		{"bzip2", "zip", "zipped '-qry -Z bzip2' .", "", false, []string{"zip"}},
	} {
		t.Run(c.format+"/"+c.name, func(t *testing.T) {
			want, dir := want, dir
			if c.short {
				dir, want = sampleShort(t, dir)
			}
			b := shell(t, dir, c.command, c.tools...)
			f := format(t, c.format)
			if !begins(f, b) {
				t.Fatalf("no magic: % x", b[:16])
			}
			for _, tail := range []string{"", "hsqs and more than a few bytes that are something else" + strings.Repeat("x", 600), strings.Repeat("\xff", 5000)} {
				p, err := f.Open(append(bytes.Clone(b), tail...), budget(t))
				if err != nil {
					t.Fatal(err)
				}
				if p.State != image.Understood || p.Problem != "" {
					t.Fatalf("%s %s", p.State, p.Problem)
				}
				if p.Size != int64(len(b)) {
					t.Errorf("%d bytes of %d, with %d behind them", p.Size, len(b), len(tail))
				}
				if p.Get("version") != c.version {
					t.Errorf("version %q", p.Get("version"))
				}
				if got := digest(t, p.Tree); got != digest(t, want) {
					t.Errorf("another tree:\n%s\n%s", dump(p.Tree), dump(want))
				}
			}
		})
	}
}

// sampleShort copies a sample without what old formats cannot hold.
func sampleShort(t testing.TB, from string) (string, *image.Tree) {
	t.Helper()
	dir := t.TempDir()
	shell(t, dir, "cp -a "+from+"/. . && rm -rf long-name-*")
	want := image.NewTree()
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		n := &image.Node{Kind: image.Dir}
		switch {
		case d.Type().IsRegular():
			text, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			n = &image.Node{Kind: image.File, Size: int64(len(text)), Open: func() ([]byte, error) { return text, nil }}
		case d.Type()&os.ModeSymlink != 0:
			target, err := os.Readlink(p)
			if err != nil {
				return err
			}
			n = &image.Node{Kind: image.Symlink, Target: target}
		}
		return want.Put(strings.TrimPrefix(p, dir), n)
	})
	if err == nil {
		err = want.Finish()
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir, want
}

func dump(tree *image.Tree) string {
	var b strings.Builder
	tree.Walk(func(p string, n *image.Node) error {
		fmt.Fprintf(&b, "%s %.60s %d %s %d,%d\n", n.Kind, p, n.Size, n.Target, n.Major, n.Minor)
		return nil
	})
	for _, n := range tree.Notes {
		b.WriteString("note: " + n + "\n")
	}
	return b.String()
}

// Devices, owners and modes are kept.
func TestDevices(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "su"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "su"), 0o755|os.ModeSetuid); err != nil {
		t.Fatal(err)
	}
	devices := syscall.Mknod(filepath.Join(dir, "ttyS1"), syscall.S_IFCHR|0o600, 4<<8|65) == nil && syscall.Mknod(filepath.Join(dir, "sda"), syscall.S_IFBLK|0o600, 8<<8) == nil
	for name, command := range map[string]string{
		"cpio": "find . -mindepth 1 | cpio -o -H newc --quiet",
		"tar":  "tar --numeric-owner --owner=12 --group=34 -cf - .",
	} {
		b := shell(t, dir, command, name)
		p, err := format(t, name).Open(b, budget(t))
		if err != nil {
			t.Fatal(err)
		}
		su := p.Tree.Root.Child("su")
		if su == nil || su.Perm != 0o4755 || su.Size != 1 || name == "tar" && (su.UID != 12 || su.GID != 34) {
			t.Errorf("%s: %+v", name, su)
		}
		if n := p.Tree.Root.Child("fifo"); n == nil || n.Kind != image.FIFO {
			t.Errorf("%s: %+v", name, n)
		}
		if !devices {
			continue
		}
		if n := p.Tree.Root.Child("ttyS1"); n == nil || n.Kind != image.Char || n.Major != 4 || n.Minor != 65 {
			t.Errorf("%s: %+v", name, n)
		}
		if n := p.Tree.Root.Child("sda"); n == nil || n.Kind != image.Block || n.Major != 8 || n.Minor != 0 {
			t.Errorf("%s: %+v", name, n)
		}
	}
}

func TestConcatenatedCPIO(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{one + "/a": "first", one + "/b": "first", two + "/b": "second"} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const make = "find . -mindepth 1 | cpio -o -H newc --quiet"
	a, b := shell(t, one, make, "cpio"), shell(t, two, make, "cpio")
	p, err := openCPIO(append(bytes.Clone(a), b...), budget(t))
	if err != nil || p.State != image.Understood || p.Size != int64(len(a)+len(b)) || p.Get("archives") != "2" {
		t.Fatalf("%+v, %v", p, err)
	}
	if text, err := p.Tree.Root.Child("b").Data(); string(text) != "second" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	// The other order of bytes is the same archive with its words swapped.
	old := shell(t, one, "find . -mindepth 1 | cpio -o -H bin --quiet")
	if p, err = openCPIO(swapHeaders(t, old), budget(t)); err != nil || p.Get("version") != "binary big-endian" || len(p.Tree.Root.Children) != 2 {
		t.Errorf("%+v, %v", p, err)
	}
	// A changed byte is found by the sum of the form that has one.
	sum := shell(t, one, "find . -mindepth 1 | cpio -o -H crc --quiet")
	sum[bytes.Index(sum, []byte("first"))] ^= 1
	if p, err = openCPIO(sum, budget(t)); err != nil || p.State != image.Damaged || !strings.Contains(p.Problem, "1 of its files") {
		t.Errorf("%+v, %v", p, err)
	}
}

// swapHeaders swaps the bytes of each word of the headers of an archive of the old form.
func swapHeaders(t *testing.T, b []byte) []byte {
	b = bytes.Clone(b)
	for at := 0; ; {
		e, err := cpioHeader(b, at)
		if err != nil {
			t.Fatal(err)
		}
		name := cpioName(b, e)
		for i := at; i < at+26; i += 2 {
			b[i], b[i+1] = b[i+1], b[i]
		}
		if at = e.next; name == cpioTrailer {
			return b
		}
	}
}

// Names that lead out of the tree are left out and noted, whatever the format.
func TestTraversal(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "in")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{top + "/evil", dir + "/good"} {
		if err := os.WriteFile(p, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, command := range map[string]string{
		"cpio": "printf '../evil\ngood\n' | cpio -o -H newc --quiet",
		"tar":  "tar -P -cf - ../evil good",
		"zip":  "zipped -q ../evil good",
	} {
		p, err := format(t, name).Open(shell(t, dir, command, name), budget(t))
		if err != nil || p.State != image.Understood {
			t.Fatalf("%s: %+v, %v", name, p, err)
		}
		if len(p.Tree.Root.Children) != 1 || p.Tree.Root.Children[0].Name != "good" || len(p.Tree.Notes) != 1 || !strings.Contains(p.Tree.Notes[0], "evil") {
			t.Errorf("%s: %s", name, dump(p.Tree))
		}
	}
}

func TestSparseTar(t *testing.T) {
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "holes"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte("end"), 1<<20); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "then"), []byte("next"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{"--format=gnu", "--format=pax --sparse-version=0.0", "--format=pax --sparse-version=0.1", "--format=pax --sparse-version=1.0"} {
		b := shell(t, dir, "tar -S "+form+" -cf - holes then", "tar")
		if len(b) > 100_000 {
			t.Skip("this file system keeps no holes")
		}
		p, err := openTar(b, budget(t))
		if err != nil || p.State != image.Understood || p.Size != int64(len(b)) {
			t.Fatalf("%s: %+v, %v", form, p, err)
		}
		data, err := p.Tree.Root.Child("holes").Data()
		if err != nil || len(data) != 1<<20+3 || string(data[1<<20:]) != "end" || data[5] != 0 {
			t.Errorf("%s: %d bytes, %v", form, len(data), err)
		}
		if data, err := p.Tree.Root.Child("then").Data(); err != nil || string(data) != "next" {
			t.Errorf("%s: %q, %v", form, data, err)
		}
		small := image.NewBudget(t.Context(), image.Bounds{Bytes: 1 << 19, Files: 10, Ratio: 10})
		if _, err := openTar(b, small); !errors.Is(err, image.ErrBounds) {
			t.Errorf("%s: %v", form, err)
		}
	}
}

func TestZip(t *testing.T) {
	dir, _ := sample(t)
	open := func(b []byte) *image.Part {
		t.Helper()
		p, err := openZip(b, budget(t))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := open(shell(t, dir, "zipped '-qry -P secret' bin etc", "zip"))
	if p.State != image.Damaged || !strings.Contains(p.Problem, "encrypted") || p.Get("encryption") == "" || p.Tree.Root.Child("bin") == nil {
		t.Errorf("encrypted: %+v", p)
	}
	// Another archive inside, stored, does not end the outer one.
	inner := t.TempDir()
	shell(t, dir, "zip -qry "+inner+"/in.zip etc </dev/null")
	outer := shell(t, inner, "zipped -0q in.zip")
	if p = open(outer); p.State != image.Understood || len(p.Tree.Root.Children) != 1 || p.Size != int64(len(outer)) {
		t.Errorf("nested: %+v", p)
	}
	// Offsets are counted from the beginning of what stood before.
	before := shell(t, dir, "(head -c 1000 /dev/zero; zipped -qry etc) > ../sfx.zip; zip -qA ../sfx.zip >&2; cat ../sfx.zip")
	if p = open(before[1000:]); p.State != image.Understood || p.Tree.Root.Child("etc") == nil {
		t.Errorf("data before: %+v", p)
	}
	// Cut: the local headers are read.
	whole := shell(t, dir, "zipped -qr etc bin")
	if p = open(whole[:len(whole)-30]); p.State != image.Damaged || p.Tree.Root.Child("etc") == nil || p.Tree.Root.Child("bin") == nil {
		t.Errorf("cut: %+v", p)
	}
	streamed := streamedZip(t, "bin/busybox", "etc/passwd")
	if p = open(streamed[:len(streamed)-30]); p.State != image.Damaged || p.Tree.Root.Child("bin") == nil || p.Tree.Root.Child("etc") == nil {
		t.Errorf("streamed and cut: %+v %s", p, dump(p.Tree))
	}
	// One entry over another: the second is not unpacked.
	over := bytes.Clone(whole)
	d, ok := zipEndAt(over, bytes.LastIndex(over, []byte(zipEnd)))
	if !ok {
		t.Fatal("no end")
	}
	second := d.at + zipCentralLen + int(over[d.at+28]) + int(over[d.at+30])
	copy(over[second+42:second+46], over[d.at+42:d.at+46])
	if p = open(over); p.State != image.Damaged || !strings.Contains(p.Problem, "of its files cannot be read") {
		t.Errorf("overlapping: %+v", p)
	}
	if p = open(streamedZip(t, "META-INF/CERT.RSA", "META-INF/MANIFEST.MF", "app")); p.Get("signature") != "META-INF/CERT.RSA, not verified" {
		t.Errorf("signed: %v", p.Details)
	}
	// A byte of the content changed.
	bad := bytes.Clone(whole)
	entries, _ := zipCentrals(whole, d)
	if last := &entries[len(entries)-1]; last.locate(whole, d.base) != nil || last.packed < 10 {
		t.Fatalf("%+v", last)
	} else {
		bad[last.data+5] ^= 0x10
	}
	if p = open(bad); p.State != image.Damaged {
		t.Errorf("changed: %+v", p)
	}
}

// streamedZip is an archive whose sizes stand behind each content.
func streamedZip(t testing.TB, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range names {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write([]byte(strings.Repeat(name+" ", 1000)))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A bomb of zeros comes to the bound and not into memory.
func TestBomb(t *testing.T) {
	b := shell(t, t.TempDir(), "head -c 200000000 /dev/zero > z; zipped -q z", "zip")
	if _, err := openZip(b, image.NewBudget(t.Context(), image.Bounds{Bytes: 1 << 30, Files: 10, Ratio: 100})); !errors.Is(err, image.ErrBounds) {
		t.Errorf("%v", err)
	}
}

func TestPackages(t *testing.T) {
	deb := labtest.Deb(t, "busybox-static:armhf")
	b, err := os.ReadFile(deb)
	if err != nil {
		t.Fatal(err)
	}
	p, err := openAr(append(bytes.Clone(b), "something else, of more than sixty characters, follows behind it ..."...), budget(t))
	if err != nil || p.Format != "deb" || p.State != image.Understood || p.Get("version") != "2.0" || len(p.Streams) != 2 || p.Size != int64(len(b)) {
		t.Fatalf("%+v, %v", p, err)
	}
	for i, name := range []string{"control.tar.xz", "data.tar.xz"} {
		if s := p.Streams[i]; s.Name != name || !bytes.HasPrefix(s.Data, []byte("\xfd7zXZ")) || !bytes.Equal(s.Data, b[s.Offset:s.Offset+s.Size]) {
			t.Errorf("%s: %d bytes", s.Name, len(s.Data))
		}
	}
	// The members of a plain archive, with short and long names.
	dir := t.TempDir()
	shell(t, dir, "echo one > a.o; echo twoo > a-name-that-has-more-than-sixteen-characters.o; ar rc x.a *.o; ar rcU y.a *.o", "ar")
	for _, name := range []string{"x.a", "y.a"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		p, err := openAr(b, budget(t))
		if err != nil || p.Format != "ar" || p.State != image.Understood || p.Size != int64(len(b)) || len(p.Tree.Root.Children) != 2 {
			t.Fatalf("%+v, %v", p, err)
		}
		if text, err := p.Tree.Root.Child("a-name-that-has-more-than-sixteen-characters.o").Data(); err != nil || string(text) != "twoo\n" {
			t.Errorf("%q, %v", text, err)
		}
	}
	// The other form of ipk, and OpenWrt's updates, are tar.
	shell(t, dir, "mkdir ipk sysupgrade-some,board; echo 2.0 > ipk/debian-binary; echo x > ipk/control.tar.gz; echo y > ipk/data.tar.gz; printf 'BOARD=some,board\n' > sysupgrade-some,board/CONTROL; echo k > sysupgrade-some,board/kernel")
	if p, err := openTar(shell(t, dir+"/ipk", "tar -cf - ."), budget(t)); err != nil || p.Get("package") != "ipk" {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err := openTar(shell(t, dir, "tar -cf - sysupgrade-some,board"), budget(t)); err != nil || p.Get("product") != "some,board" {
		t.Errorf("%+v, %v", p, err)
	}
}

// samples are archives of all formats with their readers.
func samples(t testing.TB) map[string][]byte {
	dir, _ := sample(t)
	shell(t, dir, "rm -rf long-name-*; head -c 3000 bin/busybox > small; rm -f bin/*; mv small bin/busybox")
	all := map[string][]byte{}
	const list = `find . -mindepth 1 | LC_ALL=C sort | `
	for name, c := range map[string]string{
		"cpio newc": list + "cpio -o -H newc --quiet", "cpio crc": list + "cpio -o -H crc --quiet", "cpio odc": list + "cpio -o -H odc --quiet", "cpio bin": list + "cpio -o -H bin --quiet",
		"tar gnu": "tar --format=gnu -b1 -cf - .", "tar pax": "tar --format=pax -b1 -cf - .", "tar v7": "tar --format=v7 -b1 -cf - .",
		"zip": "zipped -qry .", "zip stored": "zipped -0qry .",
		"ar": "ar rc ../z.a etc/passwd etc/empty; cat ../z.a; rm ../z.a",
	} {
		all[name] = shell(t, dir, c, strings.Fields(name)[0])
	}
	all["zip streamed"] = streamedZip(t, "a/b", "c")
	return all
}

// Cut at every hundredth and with bytes changed, a reader gives what is left, a
// damaged part or says that it is something else.
func TestHurt(t *testing.T) {
	for name, b := range samples(t) {
		f := format(t, strings.Fields(name)[0])
		p, err := f.Open(b, budget(t))
		if err != nil || p.State != image.Understood {
			t.Fatalf("%s: %+v, %v", name, p, err)
		}
		for i := range 100 {
			cut := b[:len(b)*i/100]
			p, err := f.Open(cut, budget(t))
			if err != nil && !errors.Is(err, image.ErrNot) {
				t.Errorf("%s cut at %d%%: %v", name, i, err)
			}
			if err == nil {
				check(t, fmt.Sprintf("%s cut at %d%%", name, i), p, cut)
			}
			if err == nil && p.State == image.Understood && i < 40 && name != "ar" && !strings.HasPrefix(name, "tar") {
				t.Errorf("%s cut at %d%% is understood", name, i)
			}
		}
		unpacktest.FlipBytes(t, f, b, 200, 3)
		for i := range len(b) {
			if i > 3000 && i%7 > 0 {
				continue
			}
			bad := bytes.Clone(b)
			bad[i] ^= byte(1 << (i % 8))
			if p, err := f.Open(bad, budget(t)); err == nil {
				check(t, fmt.Sprintf("%s changed at %d", name, i), p, bad)
			}
		}
	}
}

// check holds what is true of every part.
func check(t testing.TB, what string, p *image.Part, b []byte) {
	t.Helper()
	if p.Size <= 0 || p.Size > int64(len(b)) {
		t.Errorf("%s: a size of %d of %d", what, p.Size, len(b))
	}
	if (p.State == image.Damaged) != (p.Problem != "") {
		t.Errorf("%s: %s %q", what, p.State, p.Problem)
	}
	for _, s := range p.Streams {
		if s.Size > 0 && (s.Offset < 0 || s.Offset+s.Size > p.Size || !bytes.Equal(s.Data, b[s.Offset:s.Offset+s.Size])) {
			t.Errorf("%s: the stream %s is not where it says", what, s.Name)
		}
	}
	if p.Tree == nil {
		return
	}
	p.Tree.Walk(func(path string, n *image.Node) error {
		if n.Kind == image.File {
			if _, err := n.Data(); err != nil && p.State != image.Damaged {
				t.Errorf("%s: %s: %v", what, path, err)
			}
		}
		return nil
	})
}

func fuzz(f *testing.F, name string) {
	for n, b := range samples(f) {
		if strings.Fields(n)[0] == name {
			f.Add(b)
			f.Add(b[:len(b)/2])
		}
	}
	r := format(f, name)
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := r.Open(b, image.NewBudget(t.Context(), image.Bounds{Bytes: 64 << 20, Files: 1000, Ratio: 2000}))
		if err == nil {
			check(t, name, p, b)
		}
	})
}

func FuzzCPIO(f *testing.F) { fuzz(f, "cpio") }
func FuzzTar(f *testing.F)  { fuzz(f, "tar") }
func FuzzZip(f *testing.F)  { fuzz(f, "zip") }
func FuzzAr(f *testing.F)   { fuzz(f, "ar") }
