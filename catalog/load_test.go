package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"assay/scheme"
)

func TestLoadRefuses(t *testing.T) {
	const kr = "schemes/kr-cic.yaml"
	for _, c := range []struct{ name, file, old, new, want string }{
		{"unknown field", kr, "territory: KR", "territory: KR\ncolor: red", kr + ":16: field color not found"},
		{"doubled key", kr, "territory: KR", "territory: KR\nterritory: SG", kr + ":16: mapping key \"territory\" already defined"},
		{"second document", kr, "confidence: official\nnote: \"Act", "---\nconfidence: official\nnote: \"Act", "more than one document"},
		{"alias", kr, "territory: KR\nzone: Asia/Seoul", "territory: &a KR\nzone: *a", kr + ":15: an anchor or alias"},
		{"no such day", kr, "from: 2017-11-27", "from: 2017-02-29", kr + `:44: "2017-02-29": not a date`},
		{"no such confidence", "sources.yaml", "read: 2026-11-23", "read: today", `sources.yaml:6: "today"`},
		{"unknown confidence", "categories.yaml", "confidence: inferred", "confidence: certain", `"certain" is none of`},
		{"other id", kr, "id: kr-cic\n", "id: kr-other\n", `holds "kr-other"`},
		{"not YAML", kr, "territory: KR", "territory: [", kr + ":"},
		{"edition of nothing", "standards/kr-cic-criteria.yaml", "id: kr-cic-criteria", "id: kr-cic-criteria2", `an edition of "kr-cic-criteria"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load(changed(t, c.file, c.old, c.new))
			if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v\nwant an error with %q", err, c.want)
			}
		})
	}
}

func TestLoadRefusesStrayFiles(t *testing.T) {
	for _, name := range []string{"schemes/kr-cic.yml", "schemes/old/kr-cic.yaml"} {
		m := changed(t, "sources.yaml", "", "")
		m[name] = &fstest.MapFile{Data: []byte("id: x")}
		if _, err := Load(m); !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), "only files named") {
			t.Errorf("%s: %v", name, err)
		}
	}
	m := changed(t, "sources.yaml", "", "")
	delete(m, "sources.yaml")
	if _, err := Load(m); !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), "sources.yaml") {
		t.Errorf("without sources.yaml: %v", err)
	}
}

func TestBounds(t *testing.T) {
	m := changed(t, "sources.yaml", "", "")
	m["schemes/big.yaml"] = &fstest.MapFile{Data: make([]byte, MaxFile+1)}
	if _, err := Load(m); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a file too large: %v", err)
	}
	m = fstest.MapFS{}
	for i := range MaxFiles + 1 {
		m[fmt.Sprintf("schemes/x%d.yaml", i)] = &fstest.MapFile{}
	}
	if _, err := Load(m); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too many files: %v", err)
	}
	m = changed(t, "sources.yaml", "", "")
	for i := range MaxTotal/MaxFile + 1 {
		m[fmt.Sprintf("schemes/x%d.yaml", i)] = &fstest.MapFile{Data: make([]byte, MaxFile)}
	}
	if _, err := Load(m); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too many bytes: %v", err)
	}
}

// An edition in a file of its own takes its place in the standard.
func TestEditionFiles(t *testing.T) {
	c, err := Load(embedded)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string][2]int{} // requirements, mandatory ones
	for _, s := range c.Standards {
		for _, e := range s.Editions {
			n := counts[s.ID+"@"+e.ID]
			for _, r := range e.Requirements {
				n[0]++
				if r.Status == scheme.Mandatory {
					n[1]++
				}
			}
			counts[s.ID+"@"+e.ID] = n
		}
	}
	if counts["en-303-645@2.1.1"] != [2]int{68, 33} || counts["en-303-645@3.1.3"] != [2]int{78, 36} {
		t.Errorf("EN 303 645 has %v", counts)
	}
}

func TestDigestNamesTheBytes(t *testing.T) {
	c, err := Load(embedded)
	if err != nil {
		t.Fatal(err)
	}
	d, err := Digest(embedded)
	if err != nil || d != c.Digest {
		t.Fatalf("Digest %s (%v), Load %s", d, err, c.Digest)
	}
	// A file beside the catalog changes nothing, a space in it does.
	m := changed(t, "sources.yaml", "", "")
	m["README.md"] = &fstest.MapFile{Data: []byte("beside")}
	if same, err := Digest(m); err != nil || same != d {
		t.Errorf("with a file beside it: %s (%v)", same, err)
	}
	if other, err := Digest(changed(t, "markets/kr.yaml", "rules: []", "rules:  []")); err != nil || other == d {
		t.Errorf("with a space more: %s (%v)", other, err)
	}
}

func TestArchive(t *testing.T) {
	b, err := Archive(embedded)
	if err != nil {
		t.Fatal(err)
	}
	c, err := FromArchive(b)
	if err != nil {
		t.Fatal(err)
	}
	outside, err := Load(embedded)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(c, outside) {
		t.Errorf("what the archive holds is not the catalog; digest %s in it, %s outside", c.Digest, outside.Digest)
	}
	const least = "categories.yaml 2\n[]\nsources.yaml 2\n{}\n"
	if _, err := FromArchive([]byte(archiveHead + least)); err != nil {
		t.Errorf("the least archive: %v", err)
	}
	for name, bad := range map[string][]byte{
		"cut off":               b[:len(b)-1],
		"more behind it":        append(bytes.Clone(b), 0),
		"first line":            flip(b, 1),
		"a size turned":         flip(b, len(archiveHead)+len("arrangements/kr-de-2025.yaml ")),
		"empty":                 {},
		"nothing in it":         []byte(archiveHead),
		"too large":             make([]byte, MaxTotal+MaxFiles*128+1),
		"twice":                 []byte(archiveHead + least + least),
		"a file of no catalog":  []byte(archiveHead + least + "zebra.yaml 0\n\n"),
		"a way out":             []byte(archiveHead + "../sources.yaml 0\n\n" + least),
		"a zero before":         []byte(archiveHead + "categories.yaml 02\n[]\nsources.yaml 2\n{}\n"),
		"a sign":                []byte(archiveHead + "categories.yaml -2\n[]\nsources.yaml 2\n{}\n"),
		"a size past the end":   []byte(archiveHead + "categories.yaml 2\n[]\nsources.yaml 3\n{}\n"),
		"a size past all sense": []byte(archiveHead + "categories.yaml 9223372036854775808\n[]\n"),
		"a line without end":    []byte(archiveHead + strings.Repeat("x", 1000)),
	} {
		if _, err := FromArchive(bad); !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func flip(b []byte, i int) []byte {
	c := bytes.Clone(b)
	c[i] ^= 1
	return c
}

func FuzzFromArchive(f *testing.F) {
	f.Add([]byte(archiveHead + "categories.yaml 2\n[]\nsources.yaml 14\na: {title: A}\n\n"))
	f.Add([]byte(archiveHead + "categories.yaml 2\n[]\nmarkets/a.yaml 3\n{}\n\nsources.yaml 2\n{}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		files, err := unpack(b)
		if err != nil {
			if _, err := FromArchive(b); err == nil {
				t.Fatal("a damaged archive was read")
			}
			return
		}
		m := fstest.MapFS{}
		for _, f := range files {
			m[f.path] = &fstest.MapFile{Data: f.body}
		}
		if again, err := Archive(m); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("an archive was taken that is not in its one form (%v)", err)
		}
		_, _ = parse(files)
	})
}

// Whatever a scheme file holds, reading and linting it end in findings.
func FuzzLint(f *testing.F) {
	fixed := fstest.MapFS{ // small, so that the fuzzer gets through many
		"sources.yaml":            {Data: []byte("a: {title: A}")},
		"categories.yaml":         {Data: []byte("[{id: consumer, name: {en: A}, source: a, confidence: official}]")},
		"standards/vds-6063.yaml": {},
	}
	for _, name := range []string{"standards/vds-6063.yaml", "schemes/fi-label.yaml", "arrangements/sg-fi-2021.yaml", "markets/sg.yaml"} {
		b, err := embedded.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(name, b)
		if fixed[name] != nil {
			fixed[name].Data = b
		}
	}
	f.Fuzz(func(t *testing.T, name string, body []byte) {
		m := fstest.MapFS{}
		for k, v := range fixed {
			m[k] = v
		}
		m[name] = &fstest.MapFile{Data: body}
		_, _ = LintFS(m)
	})
}
