package bundle

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"assay/confine"
)

// zipped makes a zip of files in the order of their paths, after spoil has
// had each header.
func zipped(t testing.TB, files map[string]string, spoil func(*zip.FileHeader)) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, p := range sorted(files) {
		h := &zip.FileHeader{Name: p, Method: zip.Deflate}
		if spoil != nil {
			spoil(h)
		}
		w, err := z.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, files[p]); err != nil && !strings.HasSuffix(p, "/") {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func save(t testing.TB, b []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "b.zip")
	if err := os.WriteFile(name, b, 0o666); err != nil {
		t.Fatal(err)
	}
	return name
}

// collected is what expand gives.
type collected struct {
	got  map[string]string
	last string
}

func (c *collected) file(p string) error {
	if c.got == nil {
		c.got = map[string]string{}
	}
	c.last, c.got[p] = p, ""
	return nil
}

func (c *collected) Write(b []byte) (int, error) {
	c.got[c.last] += string(b)
	return len(b), nil
}

func TestZip(t *testing.T) {
	inside, within := sample(), map[string]string{"__MACOSX/hub/._product.yaml": "x"}
	for p, text := range sample() {
		within["hub/"+p] = text
	}
	for name, files := range map[string]map[string]string{"at the top": inside, "in a folder": within} {
		b := open(t, save(t, zipped(t, files, nil)))
		if found := b.Findings(); len(found) != 0 {
			t.Errorf("%s: %v", name, found)
		}
		to := filepath.Join(t.TempDir(), "out")
		if err := b.Save(to); err != nil {
			t.Fatal(err)
		}
		if got := contents(t, to); !reflect.DeepEqual(got, sample()) {
			t.Errorf("%s: got %v", name, sorted(got))
		}
	}
}

// Packed, unpacked and packed again it is the same, byte for byte, and the
// other implementation at hand reads it.
func TestPackUnpack(t *testing.T) {
	dir := lay(t, sample())
	tmp := t.TempDir()
	one, two, out := filepath.Join(tmp, "1.zip"), filepath.Join(tmp, "2.zip"), filepath.Join(tmp, "out")
	ctx := t.Context()
	if err := errors.Join(Pack(ctx, dir, one), Unpack(ctx, one, out), Pack(ctx, out, two)); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, out); !reflect.DeepEqual(got, sample()) {
		t.Errorf("got %v", sorted(got))
	}
	a, err := os.ReadFile(one)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(two); err != nil || !bytes.Equal(a, b) {
		t.Errorf("packed twice it differs: %v", err)
	}
	if x, y := open(t, dir), open(t, one); !reflect.DeepEqual(x.Evidence, y.Evidence) || !reflect.DeepEqual(x.Artifacts, y.Artifacts) {
		t.Error("folder and zip differ")
	}
	for _, err := range []error{Pack(ctx, dir, one), Unpack(ctx, one, out)} {
		if !errors.Is(err, ErrExists) {
			t.Errorf("overwritten: %v", err)
		}
	}
	if err := Pack(ctx, one, filepath.Join(tmp, "3.zip")); !errors.Is(err, ErrNoBundle) {
		t.Errorf("packed a zip: %v", err)
	}
	if es, _ := os.ReadDir(tmp); len(es) != 3 {
		t.Errorf("left behind: %v", es)
	}
	if unzip, err := exec.LookPath("unzip"); err == nil {
		if said, err := exec.Command(unzip, "-tq", one).CombinedOutput(); err != nil {
			t.Errorf("unzip: %v: %s", err, said)
		}
	}
}

// A zip by the usual program opens, from inside and from outside of the folder.
func TestRealZip(t *testing.T) {
	prog, err := exec.LookPath("zip")
	if err != nil {
		t.Skip("no zip program here")
	}
	dir := lay(t, sample())
	for _, c := range []struct{ in, what string }{{dir, "."}, {filepath.Dir(dir), filepath.Base(dir)}} {
		file := filepath.Join(t.TempDir(), "b.zip")
		cmd := exec.Command(prog, "-qr", file, c.what)
		cmd.Dir = c.in
		if said, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, said)
		}
		if b := open(t, file); len(b.Findings()) != 0 || len(b.Artifacts) != 2 {
			t.Errorf("%s: %v", c.what, b.Findings())
		}
	}
	link := lay(t, sample())
	if err := os.Symlink("../product.yaml", filepath.Join(link, "ixit", "x.yaml")); err != nil {
		t.Skip(err)
	}
	for _, c := range []struct {
		says string
		args []string
	}{{"no plain file", []string{"-qry"}}, {"encrypted", []string{"-qr", "-P", "secret"}}} {
		file := filepath.Join(t.TempDir(), "b.zip")
		cmd := exec.Command(prog, append(c.args, file, ".")...)
		cmd.Dir = link
		if said, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, said)
		}
		if _, err := Open(file); !errors.Is(err, ErrUnsafe) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.says, err)
		}
	}
}

func TestZipRefuses(t *testing.T) {
	with := func(p, text string) map[string]string {
		files := sample()
		files[p] = text
		return files
	}
	header := func(p string, change func(*zip.FileHeader)) func(*zip.FileHeader) {
		return func(h *zip.FileHeader) {
			if h.Name == p {
				change(h)
			}
		}
	}
	many := map[string]string{}
	for i := range MaxFiles + 1 {
		many[fmt.Sprintf("ixit/t%d.yaml", i)] = ""
	}
	empty := "artifacts/" + sum("")
	for _, c := range []struct {
		name string
		zip  []byte
		is   error
		says string
	}{
		{"climbs", zipped(t, with("../x", ""), nil), ErrUnsafe, `"../x" leads elsewhere`},
		{"all of it climbs", zipped(t, map[string]string{"../product.yaml": "", "../ics.yaml": ""}, nil), ErrUnsafe, "leads elsewhere"},
		{"climbs in the middle", zipped(t, with("ixit/../../x", ""), nil), ErrUnsafe, "leads elsewhere"},
		{"absolute", zipped(t, with("/etc/passwd", ""), nil), ErrUnsafe, "absolute"},
		{"all of it absolute", zipped(t, map[string]string{"/product.yaml": ""}, nil), ErrUnsafe, "absolute"},
		{"drive", zipped(t, with("C:x", ""), nil), ErrUnsafe, "absolute"},
		{"backslash", zipped(t, with(`ixit\x.yaml`, ""), nil), ErrUnsafe, "backslash"},
		{"not UTF-8", zipped(t, with("ixit/\xff.yaml", ""), nil), ErrUnsafe, "not UTF-8"},
		{"control character", zipped(t, with("ixit/\x1b[2J.yaml", ""), nil), ErrUnsafe, "control character"},
		{"long name", zipped(t, with("ixit/"+strings.Repeat("x", maxPath)+".yaml", ""), nil), ErrUnsafe, "longer than"},
		{"deep", zipped(t, with("a/b/c/d/e", ""), nil), ErrUnsafe, "deeper"},
		{"link", zipped(t, with("ixit/x.yaml", "../product.yaml"), header("ixit/x.yaml", func(h *zip.FileHeader) { h.SetMode(fs.ModeSymlink | 0o777) })), ErrUnsafe, "no plain file"},
		{"device", zipped(t, with("ixit/x.yaml", ""), header("ixit/x.yaml", func(h *zip.FileHeader) { h.SetMode(fs.ModeDevice | 0o666) })), ErrUnsafe, "no plain file"},
		{"encrypted", zipped(t, sample(), header("ics.yaml", func(h *zip.FileHeader) { h.Flags |= 1 })), ErrUnsafe, "without a password"},
		{"other method", method(t, 14), ErrUnsafe, "method 14"},
		{"twice", twice(t, "ics.yaml", "ics.yaml"), ErrUnsafe, "twice"},
		{"twice but for case", twice(t, "ics.yaml", "ICS.yaml"), ErrUnsafe, "differ in case"},
		{"many", zipped(t, many, nil), ErrTooLarge, "10000 files"},
		{"large text", zipped(t, with("claims.yaml", strings.Repeat("#", MaxText+1)), nil), ErrTooLarge, "claims.yaml"},
		{"bomb", zipped(t, with(empty, strings.Repeat("\x00", 64<<20)), nil), ErrTooLarge, "grows from"},
		{"bomb that says it is small", lying(t, empty, strings.Repeat("\x00", 8<<20), 1000), ErrNoBundle, empty},
		{"shared bytes", shared(t), ErrUnsafe, "share their bytes"},
		{"damaged", damaged(t), ErrNoBundle, "checksum"},
		{"folder with bytes", folderWithBytes(t), ErrUnsafe, "bytes of its own"},
		{"no zip", []byte("PK\x03\x04 not really"), ErrNoBundle, "not a valid zip"},
		{"cut off", zipped(t, sample(), nil)[:700], ErrNoBundle, "not a valid zip"},
		{"nothing", zipped(t, nil, nil), ErrNoBundle, "no product.yaml"},
		{"two products", zipped(t, map[string]string{"a/product.yaml": "", "b/product.yaml": ""}, nil), ErrNoBundle, "several products"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Open(save(t, c.zip))
			if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
		})
	}
	large := filepath.Join(t.TempDir(), "large.zip")
	if err := os.WriteFile(large, []byte("PK\x03\x04"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, MaxArchive+1); err == nil {
		if _, err := Open(large); !errors.Is(err, ErrTooLarge) {
			t.Errorf("large file: %v", err)
		}
	}
}

// A zip among the artifacts is a file like any other.
func TestNestedZipStaysShut(t *testing.T) {
	inner := string(zipped(t, map[string]string{"../evil": "x"}, nil))
	files := sample()
	files["artifacts/"+sum(inner)+".zip"] = inner
	b := open(t, save(t, zipped(t, files, nil)))
	if len(b.Artifacts) != 3 {
		t.Errorf("artifacts: %v", b.Artifacts)
	}
}

// raw makes a zip of two files whose headers change has had once more.
func raw(t testing.TB, add func(*zip.Writer) error) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	if err := errors.Join(add(z), z.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func method(t testing.TB, m uint16) []byte {
	return raw(t, func(z *zip.Writer) error {
		w, err := z.CreateRaw(&zip.FileHeader{Name: "product.yaml", Method: m, CompressedSize64: 1, UncompressedSize64: 1})
		if err == nil {
			_, err = w.Write([]byte{0})
		}
		return err
	})
}

func twice(t testing.TB, a, b string) []byte {
	return raw(t, func(z *zip.Writer) error {
		_, err := z.Create(a)
		_, err2 := z.Create(b)
		return errors.Join(err, err2)
	})
}

// lying is a file whose header says that it unpacks to fewer bytes.
func lying(t testing.TB, name, text string, says uint64) []byte {
	honest := zipped(t, map[string]string{name: text}, nil)
	z, err := zip.NewReader(bytes.NewReader(honest), int64(len(honest)))
	if err != nil {
		t.Fatal(err)
	}
	f := z.File[0]
	at, err := f.DataOffset()
	if err != nil {
		t.Fatal(err)
	}
	return raw(t, func(z *zip.Writer) error {
		w, err := z.CreateRaw(&zip.FileHeader{Name: name, Method: zip.Deflate, CRC32: f.CRC32, CompressedSize64: f.CompressedSize64, UncompressedSize64: says})
		if err == nil {
			_, err = w.Write(honest[at : uint64(at)+f.CompressedSize64])
		}
		return err
	})
}

// shared is a zip whose second directory entry points at the first file's bytes.
func shared(t testing.TB) []byte {
	b := zipped(t, map[string]string{"ics.yaml": "x", "ixi.yaml": "x"}, nil)
	sig := []byte("PK\x01\x02")
	first := bytes.Index(b, sig)
	second := first + 4 + bytes.Index(b[first+4:], sig)
	copy(b[second+42:second+46], b[first+42:first+46]) // relative offset of the local header (APPNOTE 4.3.12)
	return b
}

func damaged(t testing.TB) []byte {
	return raw(t, func(z *zip.Writer) error {
		w, err := z.CreateRaw(&zip.FileHeader{Name: "product.yaml", Method: zip.Store, CRC32: crc32.ChecksumIEEE([]byte("a")), CompressedSize64: 1, UncompressedSize64: 1})
		if err == nil {
			_, err = w.Write([]byte("b"))
		}
		return err
	})
}

func folderWithBytes(t testing.TB) []byte {
	b := zipped(t, map[string]string{"ixitX": "b"}, func(h *zip.FileHeader) { h.Method = zip.Store })
	return bytes.ReplaceAll(b, []byte("ixitX"), []byte("ixit/"))
}

// What a worker says is not believed.
func TestStreamIsChecked(t *testing.T) {
	frames := func(parts ...any) []byte {
		var out []byte
		for i := 0; i < len(parts); i += 2 {
			body := []byte(parts[i+1].(string))
			out = append(out, byte(parts[i].(rune)))
			out = binary.BigEndian.AppendUint32(out, uint32(len(body)))
			out = append(out, body...)
		}
		return out
	}
	var over []any
	over = append(over, 'F', "ics.yaml")
	for range MaxText/maxFrame + 1 {
		over = append(over, 'D', strings.Repeat("x", maxFrame))
	}
	for _, c := range []struct {
		name string
		in   []byte
		is   error
	}{
		{"good", frames('F', "ics.yaml", 'D', "a", 'D', "", 'D', "b", 'F', "claims.yaml", 'Z', ""), nil},
		{"nothing", nil, io.ErrUnexpectedEOF},
		{"no end", frames('F', "ics.yaml", 'D', "a"), io.ErrUnexpectedEOF},
		{"half a frame", frames('F', "ics.yaml", 'D', "abc")[:20], io.ErrUnexpectedEOF},
		{"bytes before a file", frames('D', "a", 'Z', ""), errStream},
		{"after the end", append(frames('Z', ""), 0), errStream},
		{"an end with bytes", frames('Z', "x"), errStream},
		{"unknown frame", frames('X', ""), errStream},
		{"climbs", frames('F', "../x", 'Z', ""), ErrUnsafe},
		{"a file twice", frames('F', "ics.yaml", 'F', "ICS.yaml", 'Z', ""), ErrUnsafe},
		{"long path", frames('F', strings.Repeat("x", maxPath+1), 'Z', ""), errStream},
		{"too much text", frames(over...), ErrTooLarge},
		{"endless frame", []byte{'D', 255, 255, 255, 255}, errStream},
		{"refused", frames('E', "\x01because"), ErrUnsafe},
		{"refused for no error", frames('E', "\x07because"), errStream},
		{"refused for nothing", frames('E', ""), errStream},
	} {
		err := readStream(bytes.NewReader(c.in), func(_ string, r io.Reader) error {
			_, err := io.Copy(io.Discard, r)
			return err
		})
		if !errors.Is(err, c.is) || (c.is == nil) != (err == nil) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	err := readStream(bytes.NewReader(frames('E', "\x02\x1b[2Jgone")), nil)
	if err == nil || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("a terminal would do what it says: %q", err)
	}
}

func TestOpenEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	cancel(enough)
	for _, path := range []string{save(t, zipped(t, sample(), nil)), lay(t, sample())} {
		if _, err := OpenContext(ctx, path); !errors.Is(err, enough) {
			t.Errorf("got %v", err)
		}
	}
	if errors.Is(enough, confine.ErrTime) {
		t.Error("the test proves nothing")
	}
}

// Many at once do not disturb each other.
func TestUnpackManyAtOnce(t *testing.T) {
	name, parent := save(t, zipped(t, sample(), nil)), t.TempDir()
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Add(1)
		go func() {
			defer wg.Done()
			errs[i] = Unpack(t.Context(), name, filepath.Join(parent, fmt.Sprint(i/2))) // two for each folder
		}()
	}
	wg.Wait()
	done := 0
	for _, err := range errs {
		if err == nil {
			done++
		} else if !errors.Is(err, ErrExists) {
			t.Error(err)
		}
	}
	es, err := os.ReadDir(parent)
	if err != nil || done != 4 || len(es) != 4 {
		t.Errorf("%d done, folders %v, %v", done, es, err)
	}
	for _, e := range es {
		if got := contents(t, filepath.Join(parent, e.Name())); !reflect.DeepEqual(got, sample()) {
			t.Errorf("%s: %v", e.Name(), sorted(got))
		}
	}
}

// Where the disk is full or nothing may be written, nothing is left.
func TestNoRoom(t *testing.T) {
	full := fullDisk(t)
	big := strings.Repeat("0123456789abcdef", 1<<17)
	files := sample()
	files["artifacts/"+sum(big)] = big
	dir := lay(t, files)
	zipName := filepath.Join(t.TempDir(), "b.zip")
	if err := Pack(t.Context(), dir, zipName); err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]func() error{
		"pack":   func() error { return Pack(t.Context(), dir, filepath.Join(full, "x.zip")) },
		"unpack": func() error { return Unpack(t.Context(), zipName, filepath.Join(full, "x")) },
	} {
		if err := f(); err == nil || !strings.Contains(err.Error(), "no space") {
			t.Errorf("%s: %v", name, err)
		}
		if es, err := os.ReadDir(full); err != nil || len(es) != 0 {
			t.Errorf("%s left %v, %v", name, es, err)
		}
	}
	readOnly(t, full)
	for name, err := range map[string]error{
		"pack":   Pack(t.Context(), dir, filepath.Join(full, "x.zip")),
		"unpack": Unpack(t.Context(), zipName, filepath.Join(full, "x")),
	} {
		if err == nil || !strings.Contains(err.Error(), "read-only") {
			t.Errorf("%s where nothing may be written: %v", name, err)
		}
	}
}

func FuzzExpand(f *testing.F) {
	for _, b := range [][]byte{
		zipped(f, sample(), nil), shared(f), damaged(f), method(f, 14), twice(f, "a", "A"), folderWithBytes(f),
		lying(f, "ics.yaml", "some text", 3), zipped(f, map[string]string{"../x": ""}, nil),
	} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<16 {
			return
		}
		// Through the stream and back, what is given is what the checks allow.
		var wire bytes.Buffer
		s := newStreamWriter(&wire)
		why := expand(bytes.NewReader(b), int64(len(b)), s)
		if err := s.end(why); err != nil {
			t.Fatal(err)
		}
		got := &collected{}
		err := readStream(&wire, func(p string, r io.Reader) error {
			if safe(p) != nil {
				t.Errorf("unsafe path %q", p)
			}
			if err := got.file(p); err != nil {
				return err
			}
			_, err := io.Copy(got, r)
			return err
		})
		if (why == nil) != (err == nil) || (why != nil && !slices.ContainsFunc(refusals, func(e error) bool { return errors.Is(err, e) })) {
			t.Errorf("the zip was answered by %v, the stream by %v", why, err)
		}
		if why == nil {
			again := &collected{}
			if err := expand(bytes.NewReader(b), int64(len(b)), again); err != nil || !reflect.DeepEqual(again.got, got.got) {
				t.Errorf("the stream changed something: %v", err)
			}
		}
	})
}

func FuzzStream(f *testing.F) {
	var wire bytes.Buffer
	s := newStreamWriter(&wire)
	if err := errors.Join(s.file("ics.yaml"), s.file("ixit/a.yaml")); err != nil {
		f.Fatal(err)
	}
	fmt.Fprint(s, "rows: []")
	if err := s.end(nil); err != nil {
		f.Fatal(err)
	}
	f.Add(wire.Bytes())
	f.Add([]byte("E\x00\x00\x00\x02\x01x"))
	f.Add([]byte("Z\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		seen := map[string]bool{}
		err := readStream(bytes.NewReader(b), func(p string, r io.Reader) error {
			if seen[strings.ToLower(p)] || safe(p) != nil {
				t.Errorf("path %q", p)
			}
			seen[strings.ToLower(p)] = true
			n, err := io.Copy(io.Discard, io.LimitReader(r, 3)) // not to its end
			if n > 3 {
				t.Error("more than asked for")
			}
			return err
		})
		if err == nil && !bytes.HasSuffix(b, []byte("Z\x00\x00\x00\x00")) {
			t.Error("taken without its end")
		}
	})
}
