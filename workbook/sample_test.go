package workbook

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"assay/assess"
	"assay/catalog"
	"assay/civil"
	"assay/evidence"
	"assay/scheme"
)

var embedded = sync.OnceValues(catalog.Embedded)

// testCatalog is the embedded catalog, with contents for one requirement.
func testCatalog(t testing.TB) *scheme.Catalog {
	t.Helper()
	c, err := embedded()
	if err != nil {
		t.Fatal(err)
	}
	own := *c
	own.Standards = slices.Clone(c.Standards)
	for i := range own.Standards {
		s := &own.Standards[i]
		if s.ID != "en-303-645" {
			continue
		}
		s.Editions = slices.Clone(s.Editions)
		e := s.Edition("2.1.1")
		e.Requirements = slices.Clone(e.Requirements)
		e.Requirement("5.2-1").Contents = []scheme.Content{
			{ID: "policy", Text: scheme.Text{"en": "The policy itself", "ko": "정책 문서"}},
			{ID: "contact", Text: scheme.Text{"en": "How to reach the maker"}, Optional: true},
		}
	}
	return &own
}

// testQuestions is what several levels ask of a camera.
func testQuestions(t testing.TB, cat *scheme.Catalog) Questions {
	t.Helper()
	c, err := assess.Compile(cat)
	if err != nil {
		t.Fatal(err)
	}
	var asked []*assess.Asked
	at := civil.MustDate("2026-11-24")
	for i := range cat.Schemes {
		s := &cat.Schemes[i]
		e := s.EditionOn(at)
		if e == nil || len(e.Levels) == 0 {
			continue
		}
		a, err := assess.Asks(c, cat, s.ID, e.Levels[len(e.Levels)-1].ID, []string{"consumer/camera"}, at)
		if err == nil {
			asked = append(asked, a)
		}
	}
	if len(asked) < 3 {
		t.Fatalf("only %d schemes ask something of a camera", len(asked))
	}
	return Ask([]string{"consumer/camera"}, asked...)
}

func sha(n int) (h evidence.Hash) {
	copy(h[:], fmt.Sprintf("%032d", n))
	return h
}

// nasty are texts that spreadsheets like to change.
var nasty = []string{
	"00123", "1.10", "1e5", "=1+1", "+49 30 123", "-2", "@SUM(A1)", "2026-11-24", "11/24/2026", "TRUE", "#REF!", "'quoted", `"quoted"`,
	"two\nlines", " spaces around ", "\ttab", "trailing newline\n", "한글 자모와 ᄒ", "ä ö ü ß Å", "emoji 🐱‍💻", "<b>&amp;</b>", "_x0041_ and _x000D_", "_x0041_x0042_ _x005F_x00", "_x+123_", "a;b,c",
	"¶ a list?", "\\¶ x", "{{template}}", "]]>", "%s%d", "Ａ１", "\u00a0nbsp\u00a0", "yes", "Nein", "\u202eright to left", "0x10", "١٢٣", "𝟏",
}

func nastyText(i int) string { return nasty[i%len(nasty)] }

// fullEvidence fills every table and every statement.
func fullEvidence(cat *scheme.Catalog, spec string) *evidence.Evidence {
	ev := &evidence.Evidence{
		Product: evidence.Product{
			Holder: "kr-maker.1", Brand: "=Brand", Name: "Gateway 게이트웨이 \"X\"", Functions: []string{"consumer/router", "consumer/camera", "consumer/iot-gateway", "consumer/smart-home-hub", "consumer/plug"},
			Models: []evidence.Model{
				{ID: "00123", Hardware: []string{"1.10", "rev. B, late"}, GTINs: []string{"4006381333931", "96385074"}, Variants: []evidence.Variant{{ID: "00123-W", Differs: "white\nEU plug", GTINs: []string{"00012345600012"}}, {ID: "1e5"}}},
				{ID: "=GW-2"},
			},
		},
		Firmware: []evidence.Firmware{{Version: "1.10", SHA256: sha(1)}, {Version: "1.1", SHA256: sha(2)}, {Version: "1.10", SHA256: sha(3)}},
		Features: map[string]evidence.Feature{},
		Support:  evidence.Support{End: civil.MustDate("2031-12-31"), Published: "https://example.com/support"},
		IXIT:     map[string][]evidence.Row{},
		Declaration: &evidence.Declaration{
			By: "kr-maker.1", Date: civil.MustDate("2026-11-01"), Document: &evidence.Artifact{Name: "doc.pdf", SHA256: sha(4), Size: 12345},
		},
	}
	s := cat.TestSpec(spec)
	std := cat.Standard(s.Assesses.Standard)
	for i, f := range std.Features {
		a := evidence.Feature{Answer: scheme.Answer(i % 3)}
		if i%2 == 0 {
			a.Ground = nastyText(i)
		}
		ev.Features[f.ID] = a
	}
	ics := evidence.ICS{Standard: std.ID, Edition: s.Assesses.Edition, Date: civil.MustDate("2026-10-31"), Entries: map[string]evidence.ICSEntry{}}
	for i, r := range std.Edition(ics.Edition).Requirements {
		e := evidence.ICSEntry{Support: []evidence.Supported{evidence.SupportedYes, evidence.SupportedNo, evidence.SupportedNA, evidence.SupportedTBD}[i%4], Detail: nastyText(i)}
		if i%5 == 0 {
			e.Artifacts = []evidence.Artifact{{Name: fmt.Sprintf("report %d.pdf", i%10), SHA256: sha(10 + i%10), Size: int64(1000 + i)}, {Name: "same.pdf", SHA256: sha(5), Size: 7}}
		}
		for _, c := range r.Contents {
			if len(e.Artifacts) == 0 {
				e.Artifacts = []evidence.Artifact{{Name: "same.pdf", SHA256: sha(5), Size: 7}}
			}
			e.Artifacts[0].Shows = append(e.Artifacts[0].Shows, c.ID)
		}
		ics.Entries[r.ID] = e
	}
	ev.ICS = []evidence.ICS{ics}
	n := 0
	for i := range s.Tables {
		t := &s.Tables[i]
		rows := 3
		if t.Single {
			rows = 1
		}
		for j := range rows {
			row := evidence.Row{}
			if !t.Single {
				row["id"] = evidence.Cell{fmt.Sprintf("%s-%d", t.ID, j+1)}
			}
			for _, f := range t.Fields {
				n++
				switch f.Kind {
				case scheme.FieldChoice:
					row[f.ID] = evidence.Cell{f.Choices[n%len(f.Choices)].ID}
				case scheme.FieldYesNo:
					row[f.ID] = evidence.Cell{[]string{"yes", "no"}[n%2]}
				case scheme.FieldDate:
					row[f.ID] = evidence.Cell{"2026-02-28"}
				case scheme.FieldRows:
					row[f.ID] = evidence.Cell{f.Table + "-1", f.Table + "-3"}[:1+n%2]
				default:
					row[f.ID] = evidence.Cell{nastyText(n)}
				}
			}
			ev.IXIT[t.ID] = append(ev.IXIT[t.ID], row)
		}
	}
	return ev
}

// canon is evidence without what says nothing, so that two can be compared.
func canon(ev *evidence.Evidence) *evidence.Evidence {
	c := *part(ev)
	c.Product.Functions = slices.DeleteFunc(slices.Clone(c.Product.Functions), func(s string) bool { return s == "" })
	c.Product.Functions = append([]string{}, c.Product.Functions...)
	c.Product.Models = append([]evidence.Model{}, c.Product.Models...)
	c.ICS = slices.Clone(c.ICS)
	for i := range c.ICS {
		if c.ICS[i].Entries == nil {
			c.ICS[i].Entries = map[string]evidence.ICSEntry{}
		}
	}
	if d := c.Declaration; d != nil && d.By == "" && d.Date.IsZero() && d.Document == nil {
		c.Declaration = nil
	}
	if len(c.Features) == 0 {
		c.Features = nil
	}
	if c.IXIT != nil {
		ixit := map[string][]evidence.Row{}
		for id, rows := range c.IXIT {
			ixit[id] = []evidence.Row{}
			for _, r := range rows {
				full := evidence.Row{}
				for f, v := range r {
					if !v.Empty() {
						full[f] = v
					}
				}
				if len(full) > 0 {
					ixit[id] = append(ixit[id], full)
				}
			}
		}
		c.IXIT = ixit
	}
	return &c
}

func write(t testing.TB, cat *scheme.Catalog, ev *evidence.Evidence, q Questions, lang string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, cat, ev, q, lang); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var letters = []rune("abcxXYZ0019 .,;:-__=+@\n'\"<&>가힣äß€🐱¶\\")

// randomEvidence is one that a workbook can hold.
func randomEvidence(r *rand.Rand, cat *scheme.Catalog) *evidence.Evidence {
	word := func() string {
		switch r.IntN(4) {
		case 0:
			return nastyText(r.IntN(len(nasty)))
		case 1:
			return strings.Repeat(nastyText(r.IntN(len(nasty)))+"\n", r.IntN(4))
		}
		var b strings.Builder
		for range 1 + r.IntN(12) {
			b.WriteRune(letters[r.IntN(len(letters))])
		}
		return b.String()
	}
	id := func() string { return fmt.Sprintf("r%d.%x", r.IntN(1000), r.IntN(50)) }
	list := func(n int) (out []string) {
		for range r.IntN(n) {
			out = append(out, id())
		}
		return out
	}
	day := func() civil.Date {
		if r.IntN(4) == 0 {
			return 0
		}
		return civil.MustDate("2026-01-01").AddDays(r.IntN(3000))
	}
	ev := &evidence.Evidence{Product: evidence.Product{Holder: id(), Brand: word(), Name: word(), Functions: []string{}, Models: []evidence.Model{}}}
	for range r.IntN(4) {
		ev.Product.Functions = append(ev.Product.Functions, cat.Categories[r.IntN(len(cat.Categories))].ID)
	}
	for i := range r.IntN(4) {
		m := evidence.Model{ID: fmt.Sprintf("m%d", i), Hardware: list(3), GTINs: list(3)}
		for j := range r.IntN(3) {
			m.Variants = append(m.Variants, evidence.Variant{ID: fmt.Sprintf("v%d", j), Differs: word(), Hardware: list(2), GTINs: list(2)})
		}
		ev.Product.Models = append(ev.Product.Models, m)
	}
	for i := range r.IntN(4) {
		ev.Firmware = append(ev.Firmware, evidence.Firmware{Version: fmt.Sprintf("%d.%d0", i, r.IntN(20)), SHA256: sha(r.IntN(99))})
	}
	ev.Support = evidence.Support{End: day(), Published: word()}
	document := func() evidence.Artifact {
		return evidence.Artifact{Name: fmt.Sprintf("doc %d.pdf", r.IntN(5)), SHA256: sha(1 + r.IntN(5)), Size: int64(r.IntN(1e6))}
	}
	for i := range cat.Standards {
		std := &cat.Standards[i]
		if r.IntN(3) == 0 || len(std.Editions) == 0 {
			continue
		}
		for _, f := range std.Features {
			if r.IntN(2) == 0 {
				if ev.Features == nil {
					ev.Features = map[string]evidence.Feature{}
				}
				ev.Features[f.ID] = evidence.Feature{Answer: scheme.Answer(r.IntN(3)), Ground: word()}
			}
		}
		e := &std.Editions[r.IntN(len(std.Editions))]
		s := evidence.ICS{Standard: std.ID, Edition: e.ID, Date: day(), Entries: map[string]evidence.ICSEntry{}}
		for _, q := range e.Requirements {
			if r.IntN(3) == 0 {
				continue
			}
			entry := evidence.ICSEntry{Support: []evidence.Supported{"yes", "no", "not-applicable", ""}[r.IntN(4)], Detail: word()}
			for range r.IntN(3) {
				if a := document(); !slices.ContainsFunc(entry.Artifacts, func(o evidence.Artifact) bool {
					return o.Name == a.Name && o.SHA256 == a.SHA256 && o.Size == a.Size
				}) {
					entry.Artifacts = append(entry.Artifacts, a)
				}
			}
			s.Entries[q.ID] = entry
		}
		if r.IntN(4) == 0 {
			s.Entries["unknown-9"] = evidence.ICSEntry{Detail: word()}
		}
		ev.ICS = append(ev.ICS, s)
	}
	if r.IntN(2) == 0 {
		a := document()
		ev.Declaration = &evidence.Declaration{By: id(), Date: day(), Document: &a}
	}
	for i := range cat.Tests {
		for j := range cat.Tests[i].Tables {
			t := &cat.Tests[i].Tables[j]
			if r.IntN(3) == 0 {
				continue
			}
			if ev.IXIT == nil {
				ev.IXIT = map[string][]evidence.Row{}
			}
			rows := []evidence.Row{}
			for k := range r.IntN(4) {
				if t.Single && k == 1 {
					break
				}
				row := evidence.Row{}
				if !t.Single {
					row["id"] = evidence.Cell{fmt.Sprintf("%s.%d", t.ID, k)}
				}
				for _, f := range t.Fields {
					switch {
					case r.IntN(3) == 0:
					case r.IntN(8) == 0: // what the field's kind has no place for
						row[f.ID] = evidence.Cell{word(), word()}
					case f.Kind == scheme.FieldChoice:
						row[f.ID] = evidence.Cell{f.Choices[r.IntN(len(f.Choices))].ID}
					case f.Kind == scheme.FieldYesNo:
						row[f.ID] = evidence.Cell{"yes"}
					case f.Kind == scheme.FieldRows:
						row[f.ID] = append(evidence.Cell{id()}, list(3)...)
					case f.Kind == scheme.FieldDate:
						row[f.ID] = evidence.Cell{day().String()}
					default:
						row[f.ID] = evidence.Cell{word()}
					}
				}
				if r.IntN(10) == 0 {
					row["own-field"] = evidence.Cell{word()}
				}
				rows = append(rows, row)
			}
			ev.IXIT[t.ID] = rows
		}
	}
	if r.IntN(5) == 0 {
		if ev.IXIT == nil {
			ev.IXIT = map[string][]evidence.Row{}
		}
		ev.IXIT["own-table"] = []evidence.Row{{"id": {"a"}, "b": {word()}}}
	}
	return ev
}
