package workbook

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"assay/evidence"
	"assay/scheme"
)

// book is a workbook that was written with base and then says now.
func bookOf(t testing.TB, base, now *evidence.Evidence) *Content {
	t.Helper()
	c := &Content{base: values(base), now: values(now), cells: map[leaf]Place{}, tabs: map[string]string{}}
	for _, s := range c.base { // as in a file, where sheets and columns stay
		n := findSheet(c.now, s.ID)
		if n == nil {
			c.now = append(c.now, sheet{ID: s.ID, Cols: s.Cols})
			continue
		}
		for _, col := range s.Cols {
			n.Cols = once(n.Cols, col)
		}
	}
	for _, s := range c.now {
		c.tabs[s.ID] = "tab " + s.ID
		for _, r := range s.Rows {
			for i, col := range s.Cols {
				c.cells[leaf{s.ID, r.Key, col}] = Place{"tab " + s.ID, cell(i+2, 9)}
			}
		}
	}
	return c
}

func with(ev *evidence.Evidence, change func(*evidence.Evidence)) *evidence.Evidence {
	change(ev)
	return ev
}

func TestMerge(t *testing.T) {
	type ev = evidence.Evidence
	detail := func(req, s string) func(*ev) {
		return func(e *ev) {
			x := e.ICS[0].Entries[req]
			x.Detail = s
			e.ICS[0].Entries[req] = x
		}
	}
	row := func(e *ev, id string) evidence.Row { return e.FindRow("auth-mech", id) }
	none := func(*ev) {}
	remove := func(id string) func(*ev) {
		return func(e *ev) {
			e.IXIT["auth-mech"] = slices.DeleteFunc(e.IXIT["auth-mech"], func(r evidence.Row) bool { return r.ID() == id })
		}
	}
	both := func(fs ...func(*ev)) func(*ev) {
		return func(e *ev) {
			for _, f := range fs {
				f(e)
			}
		}
	}
	for _, c := range []struct {
		name         string
		book, bundle func(*ev)
		prefer       Prefer
		want         func(*ev)
		conflict     string
	}{
		{"nothing", none, none, Neither, none, ""},
		{"only here", detail("5.1-1", "new"), none, Neither, detail("5.1-1", "new"), ""},
		{"only there", none, detail("5.1-1", "new"), Neither, detail("5.1-1", "new"), ""},
		{"both, different places", detail("5.1-1", "a"), detail("5.2-1", "b"), Neither, both(detail("5.1-1", "a"), detail("5.2-1", "b")), ""},
		{"both, the same", detail("5.1-1", "new"), detail("5.1-1", "new"), Neither, detail("5.1-1", "new"), ""},
		{"both, different", detail("5.1-1", "a"), detail("5.1-1", "b"), Neither, nil, `it was "unique", is now "b" in the bundle and "a" in the workbook`},
		{"the workbook counts", detail("5.1-1", "a"), detail("5.1-1", "b"), PreferBook, detail("5.1-1", "a"), ""},
		{"the bundle counts", detail("5.1-1", "a"), detail("5.1-1", "b"), PreferBundle, detail("5.1-1", "b"), ""},
		{"an answer taken back", detail("5.1-1", ""), none, Neither, detail("5.1-1", ""), ""},
		{"taken back and changed", detail("5.1-1", ""), detail("5.1-1", "b"), Neither, nil, `"" in the workbook`},
		{"a row added here", func(e *ev) { e.IXIT["auth-mech"] = append(e.IXIT["auth-mech"], evidence.Row{"id": {"a3"}}) }, detail("5.1-1", "b"), Neither,
			both(func(e *ev) { e.IXIT["auth-mech"] = append(e.IXIT["auth-mech"], evidence.Row{"id": {"a3"}}) }, detail("5.1-1", "b")), ""},
		{"rows added on both sides", func(e *ev) { e.IXIT["auth-mech"] = append(e.IXIT["auth-mech"], evidence.Row{"id": {"a3"}}) }, func(e *ev) {
			e.IXIT["auth-mech"] = append(e.IXIT["auth-mech"], evidence.Row{"id": {"b3"}})
		}, Neither,
			func(e *ev) {
				e.IXIT["auth-mech"] = append(e.IXIT["auth-mech"], evidence.Row{"id": {"b3"}}, evidence.Row{"id": {"a3"}})
			}, ""},
		{"one row added twice, the same", func(e *ev) {
			e.IXIT["auth-mech"] = append(e.IXIT["auth-mech"], evidence.Row{"id": {"a3"}, "description": {"x"}})
		}, func(e *ev) {
			e.IXIT["auth-mech"] = append(e.IXIT["auth-mech"], evidence.Row{"id": {"a3"}, "description": {"y"}})
		}, Neither, nil, `"y" in the bundle and "x" in the workbook`},
		{"a row removed here", remove("a1"), detail("5.1-1", "b"), Neither, both(remove("a1"), detail("5.1-1", "b")), ""},
		{"a row removed there", detail("5.1-1", "b"), remove("a1"), Neither, both(remove("a1"), detail("5.1-1", "b")), ""},
		{"a row removed on both sides", remove("a1"), remove("a1"), Neither, remove("a1"), ""},
		{"removed here, changed there", remove("a1"), func(e *ev) { row(e, "a1")["description"] = evidence.Cell{"x"} }, Neither, nil, "removed from the workbook and changed in the bundle"},
		{"removed here, changed there, the workbook counts", remove("a1"), func(e *ev) { row(e, "a1")["description"] = evidence.Cell{"x"} }, PreferBook, remove("a1"), ""},
		{"removed here, changed there, the bundle counts", remove("a1"), func(e *ev) { row(e, "a1")["description"] = evidence.Cell{"x"} }, PreferBundle, func(e *ev) { row(e, "a1")["description"] = evidence.Cell{"x"} }, ""},
		{"changed here, removed there", func(e *ev) { row(e, "a1")["description"] = evidence.Cell{"x"} }, remove("a1"), Neither, nil, "removed from the bundle and changed in the workbook"},
		{"changed here, removed there, the workbook counts", func(e *ev) { row(e, "a1")["description"] = evidence.Cell{"x"} }, remove("a1"), PreferBook, func(e *ev) { row(e, "a1")["description"] = evidence.Cell{"x"} }, ""},
		{"changed here, removed there, the bundle counts", func(e *ev) { row(e, "a1")["description"] = evidence.Cell{"x"} }, remove("a1"), PreferBundle, remove("a1"), ""},
		{"a field that the workbook has not got", detail("5.1-1", "a"), func(e *ev) { row(e, "a1")["own"] = evidence.Cell{"x"} }, Neither, both(detail("5.1-1", "a"), func(e *ev) { row(e, "a1")["own"] = evidence.Cell{"x"} }), ""},
		{"a table and a statement that the workbook has not got", detail("5.1-1", "a"), func(e *ev) {
			e.IXIT["intf"] = []evidence.Row{{"id": {"i"}}}
			e.ICS = append(e.ICS, evidence.ICS{Standard: "x", Edition: "1", Entries: map[string]evidence.ICSEntry{"1": {Support: "yes"}}})
		}, Neither, both(detail("5.1-1", "a"), func(e *ev) {
			e.IXIT["intf"] = []evidence.Row{{"id": {"i"}}}
			e.ICS = append(e.ICS, evidence.ICS{Standard: "x", Edition: "1", Entries: map[string]evidence.ICSEntry{"1": {Support: "yes"}}})
		}), ""},
		{"models, functions, dates", func(e *ev) {
			e.Product.Models[0].Variants[0].Differs = "black"
			e.Support.End = 22_000
			e.Declaration = &evidence.Declaration{By: "maker", Date: 21_000}
		}, func(e *ev) {
			e.Product.Models = append(e.Product.Models, evidence.Model{ID: "C-2"})
			e.Product.Functions = append(e.Product.Functions, "consumer/plug")
			e.Firmware = append(e.Firmware, evidence.Firmware{Version: "2", SHA256: sha(9)})
		}, Neither, func(e *ev) {
			e.Product.Models[0].Variants[0].Differs = "black"
			e.Support.End = 22_000
			e.Declaration = &evidence.Declaration{By: "maker", Date: 21_000}
			e.Product.Models = append(e.Product.Models, evidence.Model{ID: "C-2"})
			e.Product.Functions = append(e.Product.Functions, "consumer/plug")
			e.Firmware = append(e.Firmware, evidence.Firmware{Version: "2", SHA256: sha(9)})
		}, ""},
		{"order there", none, func(e *ev) { slices.Reverse(e.IXIT["auth-mech"]) }, Neither, func(e *ev) { slices.Reverse(e.IXIT["auth-mech"]) }, ""},
		{"order here", func(e *ev) { slices.Reverse(e.IXIT["auth-mech"]) }, none, Neither, func(e *ev) { slices.Reverse(e.IXIT["auth-mech"]) }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			content := bookOf(t, small(), with(small(), c.book))
			into := with(small(), c.bundle)
			into.Claims = []evidence.Claim{{Ground: "kept"}}
			out, changes, found := Merge(into, content, c.prefer)
			equal(t, into, with(small(), c.bundle)) // is not changed
			if c.conflict != "" {
				if out != nil || changes != nil || len(found) != 1 || !strings.Contains(found[0].Problem, c.conflict) || found[0].Sheet == "" || found[0].Warning || !strings.Contains(found[0].Remedy, "--prefer") {
					t.Errorf("%v %v", changes, found)
				}
				return
			}
			if out == nil {
				t.Fatal(found)
			}
			equal(t, out, with(small(), c.want))
			if len(out.Claims) != 1 {
				t.Error("claims are gone")
			}
			if same := reflect.DeepEqual(canon(out), canon(into)); same != (len(changes) == 0) && c.name != "order here" {
				t.Errorf("changes: %v", changes)
			}
		})
	}
}

// A questionnaire without answers takes nothing away.
func TestMergeOfQuestions(t *testing.T) {
	cat := testCatalog(t)
	q := testQuestions(t, cat)
	c, found, err := Read(write(t, cat, &evidence.Evidence{}, q, "fi"), cat)
	if err != nil || c == nil {
		t.Fatal(err, found)
	}
	out, changes, found := Merge(small(), c, Neither)
	if out == nil || len(changes) != 0 {
		t.Fatal(changes, found)
	}
	equal(t, out, small())
}

func TestMergeFindsDocuments(t *testing.T) {
	now := small()
	e := now.ICS[0].Entries["5.1-1"]
	e.Artifacts = []evidence.Artifact{{Name: "policy.pdf"}, {Name: "new.pdf"}, {Name: "other.pdf"}, {Name: "two.pdf"}}
	now.ICS[0].Entries["5.1-1"] = e
	now.Declaration = &evidence.Declaration{By: "maker", Document: &evidence.Artifact{Name: "new.pdf"}}
	have := []evidence.Artifact{{Name: "new.pdf", SHA256: sha(7), Size: 70}, {Name: "two.pdf", SHA256: sha(8), Size: 1}, {Name: "two.pdf", SHA256: sha(9), Size: 2}}
	into := small()
	into.Claims = []evidence.Claim{{Artifacts: have}}
	out, _, found := Merge(into, bookOf(t, small(), now), Neither)
	if out == nil {
		t.Fatal(found)
	}
	as := out.ICS[0].Entries["5.1-1"].Artifacts
	want := []evidence.Artifact{{Name: "policy.pdf", SHA256: sha(2), Size: 9}, have[0], {Name: "other.pdf"}, {Name: "two.pdf"}}
	if !reflect.DeepEqual(as, want) {
		t.Errorf("got %v", as)
	}
	if d := out.Declaration.Document; d == nil || d.SHA256 != sha(7) {
		t.Errorf("declaration %v", d)
	}
	// The order of what a document shows, and cells that wait for an answer, stay.
	into = small()
	x := into.ICS[0].Entries["5.2-1"]
	x.Artifacts[0].Shows = []string{"policy", "contact", "about"}
	into.ICS[0].Entries["5.2-1"] = x
	into.IXIT["vuln-mon"][0]["own"] = evidence.Cell{""}
	out, changes, _ := Merge(into, bookOf(t, into, into), Neither)
	if len(changes) != 0 || !slices.Equal(out.ICS[0].Entries["5.2-1"].Artifacts[0].Shows, x.Artifacts[0].Shows) || out.IXIT["vuln-mon"][0]["own"] == nil {
		t.Errorf("%v %v", changes, out)
	}
}

// Whoever merges first, two people who answered different questions get the
// same; and what a workbook was not changed in changes nothing.
func TestMergeOfTwoPeople(t *testing.T) {
	cat := testCatalog(t)
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 2))
		base := randomEvidence(r, cat)
		a, b := twist(base, r, 0), twist(base, r, 1)
		ab, _, found := Merge(a, bookOf(t, base, b), Neither)
		if ab == nil {
			t.Fatalf("seed %d: %v", seed, found)
		}
		ba, _, found := Merge(b, bookOf(t, base, a), Neither)
		if ba == nil {
			t.Fatalf("seed %d: %v", seed, found)
		}
		equal(t, ab, ba)
		none, changes, _ := Merge(a, bookOf(t, base, base), Neither)
		if len(changes) != 0 {
			t.Fatalf("seed %d: %v", seed, changes)
		}
		equal(t, none, a)
	}
}

// twist changes every second answer.
func twist(ev *evidence.Evidence, r *rand.Rand, which int) *evidence.Evidence {
	out, _ := build(values(ev))
	n := 0
	mine := func() bool { n++; return n%2 == which && r.IntN(3) == 0 }
	for _, id := range sortedKeys(out.Features) {
		if mine() {
			f := out.Features[id]
			f.Answer, f.Ground = scheme.Answer((int(f.Answer)+1)%3), f.Ground+"x"
			out.Features[id] = f
		}
	}
	for i := range out.ICS {
		for _, id := range sortedKeys(out.ICS[i].Entries) {
			if mine() {
				e := out.ICS[i].Entries[id]
				e.Detail = "changed"
				out.ICS[i].Entries[id] = e
			}
		}
	}
	for _, id := range sortedKeys(out.IXIT) {
		for _, row := range out.IXIT[id] {
			for _, f := range sortedKeys(row) {
				if f != "id" && mine() {
					row[f] = evidence.Cell{"changed"}
				}
			}
		}
	}
	return out
}
