package unpack

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"strings"
	"testing"

	"assay/lab/firmware/image"
)

// box is a format of these tests: "BOX", a kind, a length of four bytes, the
// content, its CRC-32. Kinds: s a stream that stands in it, o one that came out,
// t a tree of lines NAME=content, n a tree with one file of boxes, p panics.
const boxHead, boxTail = 8, 4

func box(kind byte, content []byte) []byte {
	b := append([]byte("BOX"), kind)
	b = binary.BigEndian.AppendUint32(b, uint32(len(content)))
	b = append(b, content...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(content))
}

func openBox(b []byte, budget *image.Budget) (*image.Part, error) {
	if len(b) < boxHead+boxTail {
		return nil, image.ErrNot
	}
	n := int(binary.BigEndian.Uint32(b[4:]))
	p := &image.Part{Format: "box", State: image.Understood}
	if n > len(b)-boxHead-boxTail {
		n = len(b) - boxHead - boxTail
		p.State, p.Problem = image.Damaged, "cut off"
	}
	content := b[boxHead : boxHead+n]
	p.Size = int64(boxHead + n + boxTail)
	if p.State == image.Understood && crc32.ChecksumIEEE(content) != binary.BigEndian.Uint32(b[boxHead+n:]) {
		p.State, p.Problem = image.Damaged, "checksum"
	}
	switch b[3] {
	case 's':
		p.Streams = []image.Stream{{Name: "data", Offset: boxHead, Size: int64(n), Data: content}}
	case 'o':
		if err := budget.Bytes(int64(n), int64(n)); err != nil {
			return nil, err
		}
		p.Unpacked = int64(n)
		p.Streams = []image.Stream{{Name: "data", Data: bytes.Clone(content)}}
	case 't':
		p.Tree = image.NewTree()
		for line := range bytes.SplitSeq(content, []byte("\n")) {
			name, text, ok := bytes.Cut(line, []byte("="))
			if !ok {
				continue
			}
			if err := p.Tree.Put(string(name), &image.Node{Kind: image.File, Size: int64(len(text)), Open: func() ([]byte, error) {
				if string(text) == "unreadable" {
					return nil, errors.New("lost")
				}
				if string(text) == "panics" {
					panic("in a file")
				}
				return text, nil
			}}); err != nil {
				p.Tree.Note("%v", err)
			}
		}
	case 'n':
		p.Tree = image.NewTree()
		p.Tree.Root.Children = []*image.Node{{Name: "inner.box", Kind: image.File, Size: int64(n), Open: func() ([]byte, error) { return content, nil }}}
	case 'p':
		_ = content[n]
	case 'e':
		return nil, budget.Bytes(1<<62, 1)
	default:
		return nil, image.ErrNot
	}
	return p, nil
}

// weak has a magic of two bytes, and takes all that follows until a zero, which it says
// is damaged unless the last byte is a dot.
func openWeak(b []byte, _ *image.Budget) (*image.Part, error) {
	n := bytes.IndexByte(b, 0)
	if n < 0 {
		n = len(b)
	}
	if b[n-1] == '.' {
		return &image.Part{Size: int64(n), Format: "weak", State: image.Understood}, nil
	}
	return &image.Part{Size: int64(n), Format: "weak", State: image.Damaged, Problem: "no end"}, nil
}

var testFormats = []image.Format{
	{Name: "box", Magic: []image.Magic{{Bytes: "BOXs"}, {Bytes: "BOXo"}, {Bytes: "BOXt"}, {Bytes: "BOXn"}, {Bytes: "BOXp"}, {Bytes: "BOXe"}}, Open: openBox},
	{Name: "weak", Magic: []image.Magic{{Bytes: "wk"}}, Open: openWeak},
	{Name: "late", Magic: []image.Magic{{Offset: 300, Bytes: "late"}}, Open: func(b []byte, _ *image.Budget) (*image.Part, error) {
		return &image.Part{Size: min(600, int64(len(b))), Format: "late", State: image.Understood}, nil
	}},
	{Name: "bare", Open: func(b []byte, _ *image.Budget) (*image.Part, error) {
		if !bytes.HasPrefix(b, []byte("12345\x00bare")) {
			return nil, image.ErrNot
		}
		return &image.Part{Size: int64(len(b)), Format: "bare", State: image.Understood}, nil
	}},
	{Name: "unsure", Unsure: true, Open: func(b []byte, _ *image.Budget) (*image.Part, error) {
		n := bytes.IndexByte(b, '!') + 1
		if n == 0 {
			return nil, image.ErrNot
		}
		return &image.Part{Size: int64(n), Unpacked: int64(n), Format: "unsure", State: image.Understood}, nil
	}},
}

func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	r.Read(b)
	return b
}

func unpack(t *testing.T, b []byte, o Options) *Result {
	t.Helper()
	if o.Bounds.Bytes == 0 {
		o.Bounds = image.Standard
	}
	if o.Formats == nil {
		o.Formats = testFormats
	}
	before := sha256.Sum256(b)
	r := Unpack(t.Context(), b, o)
	if sha256.Sum256(b) != before {
		t.Error("the image was changed")
	}
	if err := Check(r, int64(len(b))); err != nil {
		t.Error(err)
	}
	return r
}

// outline says what parts there are.
func outline(parts []*image.Part) string {
	var all []string
	for _, p := range parts {
		s := fmt.Sprintf("%s@%d+%d", p.Format, p.Offset, p.Size)
		if p.State == image.Damaged {
			s += "!"
		}
		if len(p.Parts) > 0 {
			s += "(" + outline(p.Parts) + ")"
		}
		if p.Tree != nil {
			p.Tree.Walk(func(path string, n *image.Node) error {
				if n.Inner != nil {
					s += " " + path + "(" + outline([]*image.Part{n.Inner}) + ")"
				}
				return nil
			})
		}
		all = append(all, s)
	}
	return strings.Join(all, " ")
}

func join(bs ...[]byte) []byte { return bytes.Join(bs, nil) }

func fill(c byte, n int) []byte { return bytes.Repeat([]byte{c}, n) }

func TestOutline(t *testing.T) {
	hello := box('t', []byte("f=hello"))
	late := join(noise(300), []byte("late"), noise(296))
	for what, c := range map[string]struct {
		b    []byte
		want string
	}{
		"empty":                            {nil, ""},
		"padding":                          {fill(0xff, 100), "padding@0+100"},
		"unknown":                          {noise(100), "unknown@0+100"},
		"one":                              {hello, "box@0+19"},
		"between":                          {join(fill(0xff, 64), hello, noise(5), fill(0, 64)), "padding@0+64 box@64+19 unknown@83+5 padding@88+64"},
		"end mark":                         {join(hello, fill(0xff, 45), []byte("\xde\xad\xc0\xde"), fill(0xff, 60)), "box@0+19 padding@19+45 padding@64+4 padding@68+60"},
		"side":                             {join(hello, hello), "box@0+19 box@19+19"},
		"in place":                         {box('s', join(fill(0, 32), hello)), "box@0+63(padding@8+32 box@40+19)"},
		"out of it":                        {box('o', join(fill(0, 32), hello)), "box@0+63(padding@0+32 box@32+19)"},
		"magic that stands later":          {join(fill(0, 100), late, fill(0, 100)), "padding@0+100 late@100+600 padding@700+100"},
		"magic before the image":           {late[100:], "unknown@0+500"},
		"no magic, at a beginning":         {box('s', []byte("12345\x00bare")), "box@0+22(bare@8+10)"},
		"no magic, in the middle":          {join(hello, []byte("12345\x00bare")), "box@0+19 unknown@19+10"},
		"a guess, all of a stream":         {box('s', []byte("guess !\x00\x00\x00\x00")), "box@0+23(unsure@8+7 padding@15+4)"},
		"a guess, not all of a stream":     {box('s', []byte("guess ! and more")), "box@0+28(unknown@8+16)"},
		"a guess, where nothing is inside": {[]byte("guess !"), "unknown@0+7"},
		"an accident":                      {join(noise(20), []byte("wk broken\x00"), hello), "unknown@0+30 box@30+19"},
		"over a sound one":                 {join(noise(20), []byte("wk"), hello), "unknown@0+22 box@22+19"},
		"cut off":                          {box('s', noise(9000))[:5000], "box@0+5000!(unknown@8+4988)"},
		"cut off, a sound one in it":       {join([]byte("BOXt\x00\x0f\x00\x00"), fill(7, 40), hello), "box@0+48! box@48+19"},
	} {
		if got := outline(unpack(t, c.b, Options{}).Parts); got != c.want {
			t.Errorf("%s: %s; want %s", what, got, c.want)
		}
	}
}

// A short part that is an accident gives way to a longer one that begins in it.
func TestLongestWins(t *testing.T) {
	inner := box('t', join([]byte("f="), noiseWithout(0, 3000)))
	inner = bytes.Replace(inner, []byte{'\n'}, []byte{'x'}, -1)
	inner = box('t', inner[boxHead:len(inner)-boxTail])
	b := join(noise(20), []byte("wk"), inner)
	end := bytes.IndexByte(b[20:], 0) + 20
	b[end-1] = '.' // in the box's head, before its length: spoils the magic unless the weak part is longer
	if got := outline(unpack(t, b, Options{}).Parts); !strings.Contains(got, "weak") {
		t.Errorf("without a longer one: %s", got)
	}
	weak := image.Format{Name: "weak", Magic: []image.Magic{{Bytes: "wk"}}, Open: func(b []byte, _ *image.Budget) (*image.Part, error) {
		return &image.Part{Size: 30, Format: "weak", State: image.Understood}, nil
	}}
	got := outline(unpack(t, join(noise(20), []byte("wk"), inner), Options{Formats: []image.Format{weak, testFormats[0]}}).Parts)
	if want := fmt.Sprintf("unknown@0+22 box@22+%d", len(inner)); got != want {
		t.Errorf("%s; want %s", got, want)
	}
}

func noiseWithout(c byte, n int) []byte {
	return bytes.Map(func(r rune) rune { return r%200 + 33 }, bytes.ToValidUTF8(noise(n), []byte("x")))
}

func TestFiles(t *testing.T) {
	hello := box('t', []byte("f=hello"))
	packed := box('o', []byte("a module\x00"))
	var seen []string
	o := Options{File: func(p *image.Part, path string, n *image.Node, data []byte, sum [32]byte, err error) {
		if err == nil && sum != sha256.Sum256(data) {
			t.Errorf("%s: another sum", path)
		}
		seen = append(seen, fmt.Sprintf("%s %s %q %v", p.ID, path, data, err))
	}}
	r := unpack(t, join(box('n', box('n', hello)), box('n', packed), box('t', []byte("a=1\nb=unreadable\nc=panics\nd=2"))), o)
	want := []string{
		`0x0 /inner.box "` + "" + string(quoted(box('n', hello))) + `" <nil>`,
		`0x2b /inner.box "` + string(quoted(packed)) + `" <nil>`,
		`0x4c /a "1" <nil>`, `0x4c /b "" lost`, `0x4c /c "" the reader failed: in a file`, `0x4c /d "2" <nil>`,
		`0x0:/inner.box/0x0 /inner.box "` + string(quoted(hello)) + `" <nil>`,
		`0x2b:/inner.box/0x0 /inner "a module\x00" <nil>`,
		`0x0:/inner.box/0x0:/inner.box/0x0 /f "hello" <nil>`,
	}
	if got := strings.Join(seen, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	if len(r.Panics) != 1 || r.Coverage.Damaged == 0 {
		t.Errorf("%v, %+v", r.Panics, r.Coverage)
	}
}

func quoted(b []byte) string {
	s := fmt.Sprintf("%q", b)
	return s[1 : len(s)-1]
}

// In an archive that is no root of a system, images are found inside of files, and what
// is packed or encrypted is unknown.
func TestArchiveOfImages(t *testing.T) {
	firmware := join(fill(0xff, 5000), box('s', bytes.Repeat([]byte("text "), 100)), fill(0, 100))
	r := unpack(t, box('n', firmware), Options{})
	if got, want := outline(r.Parts), "box@0+5624 /inner.box(parts@0+5612(padding@0+5000 box@5000+512(unknown@8+500) padding@5512+100))"; got != want {
		t.Errorf("%s; want %s", got, want)
	}
	r = unpack(t, box('n', noise(10000)), Options{})
	if c := r.Coverage; c.Unknown < 9900 {
		t.Errorf("%s: %+v", outline(r.Parts), c)
	}
	r = unpack(t, box('n', append([]byte("\x89PNG\r\n\x1a\n"), noise(10000)...)), Options{})
	if c := r.Coverage; c.Unknown != 0 {
		t.Errorf("%s: %+v", outline(r.Parts), c)
	}
}

func TestCoverage(t *testing.T) {
	hello := box('t', []byte("f="+strings.Repeat("x", 988)))
	for what, c := range map[string]struct {
		b    []byte
		want Coverage
	}{
		"understood":            {hello, Coverage{Understood: 1002}},
		"half":                  {join(hello, noise(1002)), Coverage{Understood: 1002, Unknown: 1002}},
		"unknown in a wrapper":  {box('s', noise(1000)), Coverage{Understood: 12, Unknown: 1000}},
		"unknown that came out": {box('o', noise(1000)), Coverage{Unknown: 1012}},
		"half of what came out": {box('o', join(hello, noise(1002))), Coverage{Understood: 1008, Unknown: 1008}},
		"damaged":               {box('t', []byte("f="+strings.Repeat("x", 988)))[:900], Coverage{Damaged: 900}},
		"padding in a wrapper":  {box('s', fill(0xff, 1000)), Coverage{Understood: 12, Padding: 1000}},
	} {
		if got := unpack(t, c.b, Options{}).Coverage; got != c.want {
			t.Errorf("%s: %+v; want %+v", what, got, c.want)
		}
	}
}

// A part in itself ends at the bound of depth, and a bomb at the bound of bytes, with
// what could be read.
func TestBounds(t *testing.T) {
	b := []byte("the end")
	for range 40 {
		b = box('o', b)
	}
	r := unpack(t, b, Options{})
	deep := 0
	for p := r.Parts[0]; ; p = p.Parts[0] {
		if deep++; len(p.Parts) == 0 {
			if p.State != image.Damaged || !strings.Contains(p.Problem, "parts in parts") {
				t.Errorf("%+v", p)
			}
			break
		}
	}
	if deep != image.Standard.Depth+1 {
		t.Errorf("%d deep", deep)
	}
	b = box('n', []byte("the end, at last"))
	for range 40 {
		b = box('n', b)
	}
	if r = unpack(t, b, Options{}); strings.Count(outline(r.Parts), "inner") != image.Standard.Depth {
		t.Error(outline(r.Parts))
	}
	bounds := image.Standard
	bounds.Bytes = 10_000
	r = unpack(t, join(box('o', noise(9000)), box('o', noise(9000)), box('t', []byte("f=x"))), Options{Bounds: bounds})
	if got := outline(r.Parts); got != "box@0+9012(unknown@0+9000) box@9012+9012! box@18024+15" {
		t.Error(got)
	}
	if r = unpack(t, join([]byte("BOXe"), noise(100)), Options{}); r.Parts[0].State != image.Damaged || !strings.Contains(r.Parts[0].Problem, "unpack") {
		t.Errorf("%+v", r.Parts[0])
	}
}

func TestPanics(t *testing.T) {
	r := unpack(t, join(box('p', nil)[:8], box('t', []byte("f=1"))), Options{})
	if len(r.Panics) == 0 || outline(r.Parts) != "box@0+8! box@8+15" || !strings.Contains(r.Parts[0].Problem, "failed") {
		t.Errorf("%v %s", r.Panics, outline(r.Parts))
	}
}

func TestStops(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	late := errors.New("late")
	n := 0
	o := Options{Bounds: image.Standard, Formats: testFormats, File: func(*image.Part, string, *image.Node, []byte, [32]byte, error) {
		if n++; n == 2 {
			cancel(late)
		}
	}}
	var lines strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&lines, "%d=x\n", i)
	}
	if r := Unpack(ctx, box('t', []byte(lines.String())), o); !errors.Is(r.Err, late) || n > 70 {
		t.Errorf("%v after %d", r.Err, n)
	}
	r := Unpack(ctx, noise(100), o)
	if err := Check(r, 100); err != nil {
		t.Error(err)
	}
}

// Whatever stands in the image, its parts have no holes, do not overlap and
// have weights that add up.
func FuzzUnpack(f *testing.F) {
	f.Add(box('s', join(fill(0, 32), box('t', []byte("f=hello")), noise(64))))
	f.Add(box('n', box('o', box('n', []byte("x")))))
	f.Fuzz(func(t *testing.T, b []byte) {
		bounds := image.Bounds{Bytes: 1 << 20, Files: 1000, Depth: 12, Ratio: 100}
		r := Unpack(t.Context(), b, Options{Bounds: bounds, Formats: testFormats})
		if err := Check(r, int64(len(b))); err != nil {
			t.Fatal(err)
		}
	})
}

func TestMatcher(t *testing.T) {
	m := newMatcher([]image.Format{{Name: "zeros", Magic: []image.Magic{{Bytes: "\x00\x00\x01\x00"}}}, {Name: "later", Magic: []image.Magic{{Offset: 3, Bytes: "ab"}, {Offset: 0, Bytes: "xyz"}}}})
	got := m.find([]byte("xyzab\x00\x00\x01\x00ab"), 100)
	if fmt.Sprint(got) != "[{0 1} {5 0} {6 1}]" {
		t.Error(got)
	}
	if n := len(m.find(bytes.Repeat([]byte("xyz"), 1000), 10)); n != 10 {
		t.Errorf("%d candidates", n)
	}
}

func BenchmarkFind(b *testing.B) {
	m := newMatcher(Formats())
	data := noise(16 << 20)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		m.find(data, freeTries+len(data)/bytesPerTry)
	}
}
