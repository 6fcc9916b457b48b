package workbook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"assay/evidence"
	"assay/scheme"
)

// equal holds two evidences against each other, without what says nothing.
func equal(t testing.TB, got, want *evidence.Evidence) {
	t.Helper()
	got, want = canon(got), canon(want)
	if reflect.DeepEqual(got, want) {
		return
	}
	a, _ := json.MarshalIndent(got, "", " ")
	b, _ := json.MarshalIndent(want, "", " ")
	al, bl := strings.Split(string(a), "\n"), strings.Split(string(b), "\n")
	for i := range min(len(al), len(bl)) {
		if al[i] != bl[i] {
			t.Fatalf("differs at line %d:\n got %s\nwant %s", i, strings.Join(al[max(0, i-4):min(len(al), i+3)], "\n     "), strings.Join(bl[max(0, i-4):min(len(bl), i+3)], "\n     "))
		}
	}
	t.Fatalf("differs in what JSON does not show:\n%#v\n%#v", got, want)
}

func refusals2(found []Finding) (out []string) {
	for _, f := range found {
		if !f.Warning {
			out = append(out, f.String())
		}
	}
	return out
}

func TestRoundTrip(t *testing.T) {
	cat := testCatalog(t)
	for i := range cat.Tests {
		spec := &cat.Tests[i]
		ev := fullEvidence(cat, spec.Name())
		if len(ev.IXIT) != 29 {
			t.Fatalf("%s has %d tables", spec.Name(), len(ev.IXIT))
		}
		for _, lang := range Languages {
			c, found, err := Read(write(t, cat, ev, Questions{}, lang), cat)
			if err != nil {
				t.Fatal(err)
			}
			if bad := refusals2(found); len(bad) > 0 {
				t.Fatalf("%s %s: %s", spec.Name(), lang, strings.Join(bad, "\n"))
			}
			equal(t, c.Evidence, ev)
			if c.Lang != lang || c.Catalog != cat.Digest {
				t.Errorf("language %s, catalog %s", c.Lang, c.Catalog)
			}
			out, changes, found := Merge(ev, c, Neither)
			if len(changes)+len(found) != 0 {
				t.Errorf("nothing was changed: %v %v", changes, found)
			}
			equal(t, out, ev)
		}
	}
}

func TestRoundTripOfQuestions(t *testing.T) {
	cat := testCatalog(t)
	q := testQuestions(t, cat)
	for _, lang := range Languages {
		c, found, err := Read(write(t, cat, &evidence.Evidence{}, q, lang), cat)
		if err != nil {
			t.Fatal(err)
		}
		if bad := refusals2(found); len(bad) > 0 {
			t.Fatal(strings.Join(bad, "\n"))
		}
		ev := c.Evidence
		if len(ev.Product.Functions) != 1 || ev.Product.Functions[0] != "consumer/camera" {
			t.Errorf("functions %v", ev.Product.Functions)
		}
		entries := 0
		for _, s := range ev.ICS {
			entries += len(s.Entries)
		}
		if entries != len(q.Requirements) || len(ev.Features) != len(q.Features) || len(ev.IXIT) != len(tableIDs(q)) {
			t.Errorf("%d requirements of %d, %d features of %d, %d tables of %d", entries, len(q.Requirements), len(ev.Features), len(q.Features), len(ev.IXIT), len(tableIDs(q)))
		}
		for id, f := range ev.Features {
			if f.Answer != scheme.Undetermined || f.Ground != "" {
				t.Errorf("feature %s is answered: %v", id, f)
			}
		}
	}
}

func tableIDs(q Questions) map[string]bool {
	ids := map[string]bool{}
	for _, t := range q.Tables {
		ids[t.ID] = true
	}
	return ids
}

// Whatever a bundle holds, valid or not, comes back.
func TestRandomRoundTrip(t *testing.T) {
	cat := testCatalog(t)
	n := 60
	if testing.Short() {
		n = 10
	}
	for seed := range n {
		r := rand.New(rand.NewPCG(uint64(seed), 1))
		ev := randomEvidence(r, cat)
		lang := Languages[r.IntN(len(Languages))]
		c, found, err := Read(write(t, cat, ev, Questions{}, lang), cat)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if bad := refusals2(found); len(bad) > 0 {
			t.Fatalf("seed %d %s: %s", seed, lang, strings.Join(bad, "\n"))
		}
		out, changes, found := Merge(ev, c, Neither)
		if len(changes)+len(found) != 0 {
			t.Fatalf("seed %d: nothing was changed: %v %v", seed, changes, found)
		}
		equal(t, c.Evidence, ev)
		equal(t, out, ev)
	}
}

func TestLongTexts(t *testing.T) {
	cat := testCatalog(t)
	for _, c := range []struct {
		text string
		ok   bool
	}{
		{strings.Repeat("x", MaxCell), true},
		{strings.Repeat("x", MaxCell+1), false},
		{strings.Repeat("한", MaxCell), true},
		{strings.Repeat("한", MaxCell+1), false},
		{strings.Repeat("🐱", MaxCell/2), true},
		{strings.Repeat("🐱", MaxCell/2+1), false},
		{"bell \a", false},
		{"carriage\rreturn", false},
		{"broken \xff", false},
		{"replacement \uFFFD", false},
	} {
		ev := &evidence.Evidence{IXIT: map[string][]evidence.Row{"vuln-mon": {{"id": {"a"}, "description": {c.text}}}}}
		var b strings.Builder
		err := Write(&b, cat, ev, Questions{}, "en")
		if (err == nil) != c.ok {
			t.Errorf("%.20q of %d bytes: %v", c.text, len(c.text), err)
			continue
		}
		if err != nil {
			if b.Len() != 0 || !strings.Contains(err.Error(), "vuln-mon") || !strings.Contains(err.Error(), "description") {
				t.Errorf("%d bytes written, %v", b.Len(), err)
			}
			continue
		}
		got, found, err := Read([]byte(b.String()), cat)
		if err != nil || Refused(found) {
			t.Fatalf("%.20q: %v %v", c.text, err, found)
		}
		equal(t, got.Evidence, ev)
	}
}

func TestWriteRefuses(t *testing.T) {
	cat := testCatalog(t)
	rows := make([]evidence.Row, MaxRows+1)
	for i := range rows {
		rows[i] = evidence.Row{"id": {fmt.Sprint("r", i)}}
	}
	ics := func(standard, id string) *evidence.Evidence {
		return &evidence.Evidence{ICS: []evidence.ICS{{Standard: standard, Edition: "1", Entries: map[string]evidence.ICSEntry{id: {}}}}}
	}
	for name, ev := range map[string]*evidence.Evidence{
		"too many rows":     {IXIT: map[string][]evidence.Row{"vuln-mon": rows}},
		"id of two lines":   {IXIT: map[string][]evidence.Row{"vuln-mon": {{"id": {"a\nb"}}}}},
		"two ids":           {IXIT: map[string][]evidence.Row{"vuln-mon": {{"id": {"a", "b"}}}}},
		"space before":      {Firmware: []evidence.Firmware{{Version: " 1.0"}}},
		"standard with @":   ics("a@b", "1"),
		"requirement with#": ics("a", "1#x"),
	} {
		var b strings.Builder
		if err := Write(&b, cat, ev, Questions{}, "en"); err == nil || b.Len() > 0 {
			t.Errorf("%s: %v, %d bytes", name, err, b.Len())
		}
	}
	if err := Write(&strings.Builder{}, cat, &evidence.Evidence{}, Questions{}, "tlh"); err == nil || !strings.Contains(err.Error(), "en, ko, de, fi") {
		t.Errorf("unknown language: %v", err)
	}
}

// The library that wrote a workbook reads in it what is read here.
func TestLibraryReadsTheSame(t *testing.T) {
	cat := testCatalog(t)
	file := write(t, cat, fullEvidence(cat, cat.Tests[0].Name()), testQuestions(t, cat), "de")
	k, err := parse(file)
	if err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	cells := 0
	for _, g := range k.Sheets {
		rows, err := f.GetRows(g.Name, excelize.Options{RawCellValue: true})
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range rows {
			for j, want := range r {
				got := ""
				if c := g.row(i + 1).cell(j + 1); c != nil {
					got = c.Val
				} else if id, _, _ := marked(g); id == metaSheet && strings.HasPrefix(r[0], "base") {
					continue // is unpacked at once
				}
				if got != want {
					t.Fatalf("'%s'!%s is %q here, %q there", g.Name, cell(j+1, i+1), got, want)
				}
				if want != "" {
					cells++
				}
			}
		}
	}
	if cells < 2000 {
		t.Errorf("only %d cells", cells)
	}
}

// The same questions give the same bytes, but for nothing.
func TestWriteIsStable(t *testing.T) {
	cat := testCatalog(t)
	ev := fullEvidence(cat, cat.Tests[0].Name())
	a, b := write(t, cat, ev, Questions{}, "ko"), write(t, cat, ev, Questions{}, "ko")
	if string(a) != string(b) {
		t.Error("two writings differ")
	}
}
