package intake

import (
	"encoding/xml"
	"errors"
	"io"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"assay/civil"
	"assay/evidence"
)

func utf16text(s string, big, mark bool) string {
	units := utf16.Encode([]rune(s))
	if mark {
		units = append([]uint16{0xfeff}, units...)
	}
	var b strings.Builder
	for _, u := range units {
		if big {
			b.WriteByte(byte(u >> 8))
			b.WriteByte(byte(u))
		} else {
			b.WriteByte(byte(u))
			b.WriteByte(byte(u >> 8))
		}
	}
	return b.String()
}

func TestReadDecodes(t *testing.T) {
	const text = "{\"a\": \"한국 𝄞\"}\n"
	for name, in := range map[string]string{
		"UTF-8": text, "with a mark": "\ufeff" + text,
		"UTF-16 little": utf16text(text, false, true), "UTF-16 big": utf16text(text, true, true),
	} {
		f, err := Read("x.json", strings.NewReader(in), Standard)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if string(f.Text) != text {
			t.Errorf("%s: got %q", name, f.Text)
		}
		if f.Artifact.SHA256 != evidence.Digest([]byte(in)) || f.Artifact.Size != int64(len(in)) {
			t.Errorf("%s: the artifact is not the file as it was handed in", name)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	small := Bounds{Bytes: 5000, Depth: 10, Elements: 10}
	for _, c := range []struct {
		name, in string
		line     int
		says     string
	}{
		{"nothing", "", 0, "empty"},
		{"blanks", " \n\t", 0, "empty"},
		{"too large", strings.Repeat("x", 5001), 0, "more than 5000 bytes"},
		{"zip", "PK\x03\x04abc", 0, "zip"},
		{"gzip", "\x1f\x8b\x08", 0, "gzip"},
		{"tar", strings.Repeat("\x00", 257) + "ustar\x00", 0, "tar"},
		{"PDF", "%PDF-1.7", 0, "PDF"},
		{"Latin-1", "{\n\"a\": \"caf\xe9\"}", 2, "0xe9 is not UTF-8"},
		{"bad byte behind the first chunk", strings.Repeat("é\n", 1500) + "\xff", 1501, "0xff"},
		{"half a character at the end", "{\"a\": \"\xe2\x82", 1, "not UTF-8"},
		{"UTF-16 without a mark", utf16text(`{"abc": "é"}`, false, false), 0, "UTF-16 without"},
		{"UTF-32", "\xff\xfe\x00\x00{\x00\x00\x00", 0, "UTF-32"},
		{"UTF-16, odd", "\xff\xfe{\x00}", 0, "truncated"},
		{"UTF-16, half a pair", "\xff\xfe{\x00\n\x00\x00\xd8}\x00", 2, "surrogate"},
		{"UTF-16, NUL", "\xff\xfe{\x00\x00\x00", 1, "NUL"},
		{"NUL", "{\n\x00}", 2, "NUL"},
	} {
		_, err := Read("x", strings.NewReader(c.in), small)
		wants(t, c.name, err, c.line, "", c.says)
	}
	if _, err := Read("x", io.MultiReader(strings.NewReader("{"), broken{}), Standard); !errors.Is(err, errBroken) {
		t.Errorf("an error of the reader came back as %v", err)
	}
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errBroken }

func wants(t *testing.T, name string, err error, line int, place, says string) {
	t.Helper()
	var e *evidence.Error
	if !errors.As(err, &e) {
		t.Errorf("%s: got %v, want an *evidence.Error", name, err)
		return
	}
	if e.File == "" || e.Line != line || e.Place != place || !strings.Contains(e.Problem, says) {
		t.Errorf("%s: got line %d, place %q, %q; want line %d, place %q, saying %q", name, e.Line, e.Place, e.Problem, line, place, says)
	}
}

func TestHead(t *testing.T) {
	for in, want := range map[string]Head{
		`{"a": "x", "b": {"c": "no"}, "d": 1.10, "e": ["f"], "g": null}`: {Names: map[string]string{"a": "x", "b": "", "d": "1.10", "e": "", "g": ""}},
		`[{"a": "x", "b": {"z": 1}}, {"q": 1}]`:                          {List: true, Names: map[string]string{"a": "x", "b": ""}},
		`[]`:                                                             {List: true, Names: map[string]string{}},
		`[[{"a": 1}]]`:                                                   {List: true, Names: map[string]string{}},
		`[1, {"a": 1}]`:                                                  {List: true, Names: map[string]string{"a": "1"}},
	} {
		f, err := Read("x", strings.NewReader(in), Standard)
		if err != nil {
			t.Fatal(err)
		}
		got, err := f.Head()
		if err != nil || !reflect.DeepEqual(*got, want) {
			t.Errorf("%s: got %+v, %v; want %+v", in, got, err, want)
		}
	}
}

func TestJSONRefuses(t *testing.T) {
	type inner struct {
		N int64 `json:"n"`
	}
	type doc struct {
		A []inner `json:"a"`
		S string  `json:"s"`
	}
	for _, c := range []struct {
		name, in string
		line     int
		place    string
		says     string
	}{
		{"a text on top", `"x"`, 1, "", "neither an object nor a list"},
		{"truncated", "{\n\"a\": [\n{\"n\": 1", 3, "/a/0/n", "truncated"},
		{"truncated in a text", "{\"s\": \"abc", 1, "/s", "truncated"},
		{"name twice", "{\"a\": [],\n\"s\": \"\",\n\"a\": []}", 3, "/a", "comes twice"},
		{"name twice, written in another way", `{"s": "", "\u0073": ""}`, 1, "/s", "comes twice"},
		{"two documents", "{}\n{}", 2, "", "second JSON value"},
		{"rest", "{}\nx", 2, "", "no JSON"},
		{"comma", "{\"a\": [,]}", 1, "/a", "no JSON"},
		{"too deep", strings.Repeat("[", 11) + strings.Repeat("]", 11), 1, strings.Repeat("/0", 10), "nested more than 10"},
		{"too many", "[" + strings.Repeat("1,", 200) + "1]", 1, "/99", "more than 100 values"},
		{"a huge number", `{"a": [{"n": ` + strings.Repeat("9", 65) + `}]}`, 1, "/a/0/n", "more than 64 digits"},
		{"a large number", `{"a": [{"n": 99999999999999999999}]}`, 1, "/a/0/n", "whole number"},
		{"a fraction", `{"a": [{"n": 1.5}]}`, 1, "/a/0/n", "whole number"},
		{"a text for a number", "{\"a\": [\n{\"n\": \"1\"}]}", 2, "/a/0/n", "a text"},
		{"a list for a text", `{"s": []}`, 1, "/s", "a list where a text belongs"},
		{"an object for a list", `{"a": {}}`, 1, "/a", "an object where a list belongs"},
	} {
		f, err := Read("x", strings.NewReader(c.in), Bounds{Bytes: 5000, Depth: 10, Elements: 100})
		if err != nil {
			t.Fatal(err)
		}
		wants(t, c.name, f.JSON(new(doc)), c.line, c.place, c.says)
	}
}

// Names are matched exactly and others passed over.
func TestJSON(t *testing.T) {
	f, err := Read("x", strings.NewReader(`{"Name": "no", "other": {"deep": [1]}, "name": "yes"}`), Standard)
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Name string `json:"name"`
	}
	if err := f.JSON(&v); err != nil || v.Name != "yes" {
		t.Errorf("got %q, %v", v.Name, err)
	}
}

func TestXMLRefuses(t *testing.T) {
	attrs := ""
	for i := range 201 {
		attrs += " a" + strings.Repeat("b", i) + `="1"`
	}
	for _, c := range []struct {
		name, in string
		line     int
		place    string
		says     string
	}{
		{"truncated", "<a>\n<b>", 2, "/a/b", "truncated"},
		{"truncated in a tag", "<a>\n<b c=\"", 2, "/a", "truncated"},
		{"no element", "<!-- x -->\n", 2, "", "no XML element"},
		{"two roots", "<a/>\n<b/>", 2, "", "a second document"},
		{"text outside", "<a/>\nxyz", 2, "", "outside of any element"},
		{"wrong end", "<a>\n</b>", 2, "", "no XML"},
		{"attribute twice", "<a b=\"1\"\n b=\"2\"/>", 2, "/a", "comes twice"},
		{"too deep", strings.Repeat("<a>", 11), 1, strings.Repeat("/a", 11), "nested more than 10"},
		{"too many", "<a>" + strings.Repeat("<b/>", 400) + "</a>", 1, "/a/b", "more than 300"},
		{"too many attributes", "<a" + attrs + "/>", 1, "/a", "201 attributes"},
		{"entities", "<!DOCTYPE a [\n<!ENTITY x \"y\">\n]><a>&x;</a>", 3, "", "declarations of its own"},
		{"an entity without a declaration", "<a>\n&x;</a>", 2, "/a", "invalid character entity"},
		{"Latin-1", "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<a>é</a>", 1, "", "save the file as UTF-8"},
	} {
		f, err := Read("x", strings.NewReader(c.in), Bounds{Bytes: 50_000, Depth: 10, Elements: 300})
		if err != nil {
			t.Fatal(err)
		}
		x := f.XML()
		for err == nil {
			_, err = x.Token()
		}
		if !errors.Is(err, io.EOF) {
			err = x.Wrong(err)
		}
		wants(t, c.name, err, c.line, c.place, c.says)
	}
}

// nmap's document type names a file elsewhere; it is not looked for. A label of
// ASCII is no lie in UTF-8.
func TestXML(t *testing.T) {
	for _, in := range []string{
		`<?xml version="1.0"?><!DOCTYPE a SYSTEM "file:///etc/passwd"><a b="1">&lt;&#65;</a><!-- end -->`,
		`<?xml version="1.0" encoding="iso-8859-1"?><a b="1">&lt;A</a>`,
		utf16text(`<?xml version="1.0" encoding="utf-16"?><a b="1">&lt;A</a>`, false, true),
	} {
		f, err := Read("x", strings.NewReader(in), Standard)
		if err != nil {
			t.Fatal(err)
		}
		root, err := f.Root()
		if err != nil || root.Name.Local != "a" || Attribute(root, "b") != "1" {
			t.Errorf("root: %v, %v", root, err)
		}
		var v struct {
			XMLName xml.Name `xml:"a"`
			Text    string   `xml:",chardata"`
		}
		x := f.XML()
		if err := x.Decode(&v); err != nil || v.Text != "<A" {
			t.Errorf("%.40q: got %q, %v", in, v.Text, err)
		}
		if err := x.End(); err != nil {
			t.Error(err)
		}
	}
}

func TestLine(t *testing.T) {
	for in, want := range map[string]string{
		"":                                 "",
		"plain text":                       "plain text",
		"  two\n\tlines  ":                 "two lines",
		"\x1b[31mred\x1b[0m":               "[31mred [0m",
		"a\u202eb\u200bc":                  "a b c",
		"a\xffb":                           "a?b",
		"한국어":                              "한국어",
		strings.Repeat("한", maxLine+1):     strings.Repeat("한", maxLine-2) + "…",
		strings.Repeat("x", maxLine):       strings.Repeat("x", maxLine),
		strings.Repeat("x", maxLine) + "y": strings.Repeat("x", maxLine-2) + "…",
	} {
		if got := Line(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestSmallThings(t *testing.T) {
	for in, want := range map[string]civil.Date{"2026-05-04T10:00:00Z": civil.MustDate("2026-05-04"), "2026-05-04": civil.MustDate("2026-05-04"), "": 0, "yesterday, late": 0, "2026-13-01": 0} {
		if got := Day(in); got != want {
			t.Errorf("Day(%q) = %v", in, got)
		}
	}
	for in, want := range map[string]struct {
		host string
		port int64
	}{
		"192.0.2.1": {"192.0.2.1", -1}, "192.0.2.1:22": {"192.0.2.1", 22}, "[2001:db8::1]:22": {"2001:db8::1", 22},
		"2001:db8::1": {"2001:db8::1", -1}, "host.example": {"host.example", -1}, "host.example:70000": {"host.example:70000", -1},
	} {
		if h, p := HostPort(in); h != want.host || p != want.port {
			t.Errorf("HostPort(%q) = %q, %d", in, h, p)
		}
	}
	for in, want := range map[float64]string{0: "none", 0.1: "low", 3.9: "low", 4: "medium", 7: "high", 9: "critical", 10: "critical", -1: "unknown"} {
		if got := Severity(in); got != want {
			t.Errorf("Severity(%v) = %s", in, got)
		}
	}
	if Worse("low", "high") != "high" || Worse("medium", "none") != "medium" || Worse("nonsense", "none") != "none" || Worse("", "") != "unknown" {
		t.Error("Worse")
	}
	if got := LicenseRef("House rules, v2"); got != "LicenseRef-House-rules--v2" {
		t.Error(got)
	}
}

// A long list has one name for each part, the file has the other.
func TestLongLists(t *testing.T) {
	f := &File{Name: "x"}
	for n, want := range map[int]string{manyParts: "cpe:x", manyParts + 1: ""} {
		r := New(f, "spdx")
		for i := range n {
			r.Import.Components = append(r.Import.Components, evidence.Component{Name: strconv.Itoa(i), PURL: "pkg:x", CPE: "cpe:x"})
		}
		r.Import.Components[0].PURL = ""
		got, err := r.Finish(f)
		if err != nil || got.Import.Components[0].CPE != "cpe:x" || got.Import.Components[1].CPE != want || (len(got.Import.Notes) == 0) != (want != "") {
			t.Errorf("%d: %+v, %v", n, got.Import.Components[:2], err)
		}
	}
}

func TestFinish(t *testing.T) {
	f := &File{Name: "x"}
	r := New(f, "spdx")
	for range 2 {
		r.Import.Components = append(r.Import.Components, evidence.Component{Name: "a"}, evidence.Component{Name: "a", Version: "2"})
	}
	got, err := r.Finish(f)
	if err != nil || len(got.Import.Components) != 2 || len(got.Import.Notes) != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
	r.Import.Issues = make([]evidence.Issue, evidence.MaxEntries+1)
	for i := range r.Import.Issues {
		r.Import.Issues[i].Text = strconv.Itoa(i)
	}
	_, err = r.Finish(f)
	wants(t, "too many", err, 0, "", "10001 issues")
}
