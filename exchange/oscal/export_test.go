package oscal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"assay/assess"
	"assay/catalog"
	"assay/civil"
	"assay/scheme"
)

// rich is the embedded catalog with a standard that has everything a catalog
// can have, a scheme that asks for it and a mapping with every relation.
func rich(t testing.TB) *scheme.Catalog {
	t.Helper()
	c, err := catalog.Load(catalog.EmbeddedFS())
	if err != nil {
		t.Fatal(err)
	}
	text := func(s string) scheme.Text {
		return scheme.Text{"en": s, "ko": "가 " + s, "de": "der " + s, "fi": "se " + s}
	}
	f := scheme.Fact{Source: "assay-reading", Confidence: scheme.Inferred, Note: " two\n lines "}
	where := []scheme.Where{{Field: "state", Is: []string{"*", "", "on"}}, {Field: "kind", Is: []string{"x"}}}
	passwords, wireless := scheme.Condition{Feature: "rich-a"}, scheme.Condition{Feature: "rich-b"}
	c.Standards = append(c.Standards, scheme.Standard{
		ID: "9rich", Title: text("Rich: a standard"), Publisher: "Someone", Fact: f,
		Features: []scheme.Feature{{ID: "rich-a", Question: text("A?"), Fact: f}, {ID: "rich-b", Question: text("B?"), Fact: f}},
		Editions: []scheme.StandardEdition{{ID: "1", Fact: f, Published: civil.MustDate("2024-02-29"), Requirements: []scheme.Requirement{
			{ID: "R.10-2", Status: scheme.Recommended, Text: text("one"), Area: "no title here", Fact: f,
				When:     &scheme.Condition{Not: &scheme.Condition{Any: []scheme.Condition{passwords, {All: []scheme.Condition{wireless, {Not: &passwords}}}}}},
				Contents: []scheme.Content{{ID: "plan", Text: text("a plan"), Fact: f}, {ID: "log", Text: text("a log"), Optional: true, Fact: f}}},
			{ID: "R.9", Status: scheme.Mandatory, Text: text("two"), Fact: f},
		}}},
	})
	c.Tests = append(c.Tests, scheme.TestSpec{
		ID: "rich-tests", Edition: "1", Title: text("Rich tests: how"), Publisher: "Someone", Fact: f,
		Assesses: scheme.StandardRef{Standard: "9rich", Edition: "1"},
		Tables: []scheme.Table{
			{ID: "a", Name: "A", Number: 1, Title: text("A"), Help: text("Put A."), Single: true, When: &wireless, Fact: f, Fields: []scheme.Field{
				{ID: "state", Title: text("State"), Kind: scheme.FieldChoice, Choices: []scheme.Choice{{ID: "on", Name: text("on")}}},
				{ID: "kind", Title: text("Kind"), Kind: scheme.FieldText, Optional: true, Help: text("Say.")},
			}},
			{ID: "b", Name: "B", Number: 2, Title: text("B"), Fact: f, Fields: []scheme.Field{{ID: "as", Title: text("As"), Kind: scheme.FieldRows, Table: "a"}}},
		},
		Groups: []scheme.TestGroup{{Requirement: "R.10-2", Fact: f, Cases: []scheme.TestCase{
			{Number: 1, Kind: scheme.Conceptual, Purpose: text("look"), Units: []scheme.TestUnit{
				{ID: "a", Text: text("see"), Automation: scheme.Manual, Over: &scheme.Over{Table: "a", Where: where, Via: &scheme.Via{Table: "b", Field: "as", Where: where}}},
				{ID: "b", Text: text("see all"), Automation: scheme.Assisted, Reuses: "R.10-2-1/a", Reads: []string{"b"}},
			}},
			{Number: 2, Kind: scheme.Functional, Purpose: text("try"), Units: []scheme.TestUnit{{ID: "a", Text: text("push"), Automation: scheme.Automatic, Over: &scheme.Over{Table: "b"}}}},
		}}},
		Checks: []scheme.Check{{ID: "twisted", Table: "a", Requirements: []string{"R.9", "R.10-2"}, Text: text("twisted"), Remedy: text("straighten"), Fact: f}},
	})
	c.Schemes = append(c.Schemes, scheme.Scheme{
		ID: "rich-label", Name: text("Rich label"), Authority: "rich", AuthorityIn: text("Rich office"), Territory: "XX", Zone: "UTC", Disclaimer: text("Nothing."), State: scheme.Open, Fact: f,
		Editions: []scheme.Edition{{ID: "1", From: civil.MustDate("2024-01-01"), Until: civil.MustDate("2024-12-31"), Fact: f, Levels: []scheme.Level{
			{ID: "none", Name: text("None"), Attestation: scheme.Declaration, Fact: f},
			{ID: "low", Name: text("Low"), Attestation: scheme.Declaration, Fact: f, Adds: []scheme.Adds{
				{Standard: "9rich", Edition: "1", Requirements: []string{"R.10-2", "R.9"}, Method: scheme.Declared, By: scheme.Maker, When: &wireless, Fact: f}}},
			{ID: "high", Name: text("High"), Attestation: scheme.ThirdParty, Fact: f, Adds: []scheme.Adds{
				{Standard: "9rich", Edition: "1", Requirements: []string{"R.10-2"}, Method: scheme.Test, By: scheme.Laboratory, Binding: true, MaxAge: 12, Fact: f}}},
		}}},
	})
	c.Mappings = append(c.Mappings, scheme.Mapping{
		ID: "rich/back", Title: text("Rich, from itself"), Author: "someone", Fact: f,
		From: scheme.StandardRef{Standard: "9rich", Edition: "1"}, To: scheme.StandardRef{Standard: "9rich", Edition: "1"},
		Rows: []scheme.MappingRow{
			{From: []string{"R.9"}, To: "R.9", Relation: scheme.Equal, Fact: scheme.Fact{Source: "assay-reading", Confidence: scheme.Official}},
			{From: []string{"R.9", "R.10-2"}, To: "R.9", Relation: scheme.Superset, Fact: scheme.Fact{Source: "assay-reading", Confidence: scheme.Mirror}},
			{From: []string{"R.9"}, To: "R.10-2", Relation: scheme.Subset, Fact: f},
			{From: []string{"R.10-2"}, To: "R.9", Relation: scheme.Intersects, Fact: f},
		},
	})
	return c
}

// The same catalog gives the same bytes, whatever the clock and the order of
// maps are; another catalog gives documents with other UUIDs.
func TestExportIsDeterministic(t *testing.T) {
	first, err := Export(rich(t), V123, nil)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Export(rich(t), V123, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(first) != len(again) || len(first) < 30 {
		t.Fatalf("%d and %d files", len(first), len(again))
	}
	for i := range first {
		if first[i].Path != again[i].Path || !bytes.Equal(first[i].Body, again[i].Body) {
			t.Errorf("%s differs from %s", first[i].Path, again[i].Path)
		}
	}
	other := rich(t)
	other.Digest = strings.Repeat("ab", 32)
	third, err := Export(other, V123, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range first {
		if a, b := documentUUID(t, first[i].Body), documentUUID(t, third[i].Body); a == b {
			t.Errorf("%s keeps its UUID in another catalog", first[i].Path)
		}
	}
}

func documentUUID(t *testing.T, body []byte) string {
	t.Helper()
	var d map[string]struct{ UUID string }
	if err := json.Unmarshal(body, &d); err != nil {
		t.Fatal(err)
	}
	for _, v := range d {
		return v.UUID
	}
	return ""
}

// Every requirement, unit and table of the catalog is in the export, under the
// name that the catalog has for it.
func TestExportIsComplete(t *testing.T) {
	c := rich(t)
	for i := range c.Standards {
		for j := range c.Standards[i].Editions {
			s, e := &c.Standards[i], &c.Standards[i].Editions[j]
			if len(e.Requirements) == 0 {
				continue
			}
			d, err := NewCatalog(c, scheme.StandardRef{Standard: s.ID, Edition: e.ID}, V113)
			if err != nil {
				t.Fatal(err)
			}
			controls := map[string]Control{}
			groups := map[string]string{}
			for _, g := range d.Catalog.Groups {
				for _, k := range g.Controls {
					controls[value(k.Props, "alt-identifier")] = k
					groups[k.ID] = g.Title
				}
			}
			if len(controls) != len(e.Requirements) {
				t.Errorf("%s@%s: %d controls for %d requirements", s.ID, e.ID, len(controls), len(e.Requirements))
			}
			for _, r := range e.Requirements {
				k, has := controls[scheme.RequirementRef{Standard: s.ID, Edition: e.ID, Requirement: r.ID}.String()]
				if !has || value(k.Props, "label") != r.ID || value(k.Props, "confidence") != r.Confidence.String() || value(k.Props, "status") != string(r.Status) {
					t.Errorf("%s@%s/%s: %+v", s.ID, e.ID, r.ID, k.Props)
				}
				if a := s.Area(r.Area); a != nil && groups[k.ID] != a.Title["en"] {
					t.Errorf("%s stands in %q", k.ID, groups[k.ID])
				}
				smt := k.Parts[0]
				if smt.Prose != r.Text["en"] || len(smt.Parts) != len(r.Text)-1 {
					t.Errorf("%s: statement %+v", k.ID, smt)
				}
				for _, p := range smt.Parts {
					if lang := value(p.Props, "lang"); p.Prose != r.Text[lang] {
						t.Errorf("%s in %s: %q", k.ID, lang, p.Prose)
					}
				}
				if got, want := value(k.Props, "applies-when") != "", r.When != nil; got != want {
					t.Errorf("%s applies on condition: %v, want %v", k.ID, got, want)
				}
			}
		}
	}
	d, err := NewCatalog(c, scheme.StandardRef{Standard: "9rich", Edition: "1"}, V113)
	if err != nil {
		t.Fatal(err)
	}
	labels := map[string]string{} // of parts, to the over property
	eachPart(d.Catalog, func(p *Part) {
		if l := value(p.Props, "label"); l != "" {
			labels[l] = value(p.Props, "over")
		}
	})
	for label, over := range map[string]string{
		"R.10-2-1": "", "R.10-2-1/a": "a[state: any|none|on; kind: x] named in as of b[state: any|none|on; kind: x]", "R.10-2-1/b": "",
		"R.10-2-2/a": "b", "IXIT 1-A": "", "state": "", "on": "", "plan": "", "twisted": "",
	} {
		if got, has := labels[label]; !has || got != over {
			t.Errorf("part %s: over %q, want %q (there: %v)", label, got, over, has)
		}
	}
}

func value(ps []Prop, name string) string {
	for _, p := range ps {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

func eachPart(c *Catalog, f func(*Part)) {
	var walk func([]Part)
	walk = func(ps []Part) {
		for i := range ps {
			f(&ps[i])
			walk(ps[i].Parts)
		}
	}
	for _, g := range c.Groups {
		walk(g.Parts)
		for _, k := range g.Controls {
			walk(k.Parts)
		}
	}
}

// A profile selects what the assessment asks a product of that kind for.
func TestProfilesAskForWhatAssessmentsAsk(t *testing.T) {
	c := rich(t)
	compiled, err := assess.Compile(c)
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, ref := range c.LevelRefs() {
		l, err := c.Demands(ref)
		if err != nil {
			t.Fatal(err)
		}
		categories := l.Categories()
		if len(categories) == 0 {
			continue
		}
		a, err := assess.Asks(compiled, c, ref.Scheme, ref.Level, []string{categories[0].Category}, l.Edition.From)
		if err != nil || a.Edition != l.Edition {
			continue // another edition or profile takes that category
		}
		d, err := NewProfile(c, ref, V113, func(scheme.StandardRef) Reference { return Reference{Href: "x.json"} })
		if err != nil {
			t.Fatal(err)
		}
		want, got := map[string]bool{}, map[string]bool{}
		for _, q := range a.Requirements {
			want[ControlID(q.Ref)+" "+q.Level+" "+string(q.Method)+" "+string(q.By)+" "+yesNo(q.Duty)] = true
		}
		for _, alter := range d.Profile.Modify.Alters {
			demands := map[string]map[string]string{}
			for _, p := range alter.Adds[0].Props {
				if demands[p.Group] == nil {
					demands[p.Group] = map[string]string{}
				}
				demands[p.Group][p.Name] = p.Value
			}
			for _, d := range demands {
				got[alter.ControlID+" "+d["level"]+" "+d["method"]+" "+d["by"]+" "+d["duty"]] = true
			}
		}
		tried++
		if fmt.Sprint(want) != fmt.Sprint(got) {
			t.Errorf("%s: the profile has %v,\nthe assessment asks for %v", ref, got, want)
		}
		n := 0
		for _, i := range d.Profile.Imports {
			n += len(i.Include[0].WithIDs)
		}
		if n != len(d.Profile.Modify.Alters) {
			t.Errorf("%s: %d controls imported, %d altered", ref, n, len(d.Profile.Modify.Alters))
		}
	}
	if tried < 10 {
		t.Errorf("%d levels compared", tried)
	}
}

// All that is written keeps the rules of OSCAL that no JSON Schema says.
func TestDocumentsKeepTheRules(t *testing.T) {
	for _, v := range Versions {
		files, err := Export(rich(t), v, nil)
		if err != nil {
			t.Fatal(err)
		}
		paths := map[string]*File{}
		ids := map[string]map[string]bool{}
		for i := range files {
			paths[files[i].Path] = &files[i]
			r := checkRules(t, string(v)+" "+files[i].Path, files[i].Body)
			ids[files[i].Path] = r.ids
			if want := `"oscal-version": "` + string(v) + `"`; !strings.Contains(string(files[i].Body), want) {
				t.Errorf("%s has not %s", files[i].Path, want)
			}
		}
		mappings := 0
		for i := range files {
			var d Document
			dec := json.NewDecoder(bytes.NewReader(files[i].Body))
			dec.DisallowUnknownFields()
			if err := dec.Decode(&d); err != nil {
				t.Fatal(err)
			}
			// What a document takes from a catalog is there, and the catalog is the one meant.
			target := func(href string, m *BackMatter) map[string]bool {
				j := slices.IndexFunc(m.Resources, func(r Resource) bool { return "#"+r.UUID == href })
				if j < 0 {
					t.Errorf("%s: no resource %s", files[i].Path, href)
					return nil
				}
				l := m.Resources[j].RLinks[0]
				f := paths[path.Join(path.Dir(files[i].Path), l.Href)]
				if f == nil || l.Hashes[0].Value != f.SHA256 {
					t.Errorf("%s: %s is no file of the export with that hash", files[i].Path, l.Href)
					return nil
				}
				return ids[f.Path]
			}
			want := func(in map[string]bool, id string) {
				if !in[id] {
					t.Errorf("%s: no control %s", files[i].Path, id)
				}
			}
			if p := d.Profile; p != nil {
				imported := map[string]bool{}
				for _, imp := range p.Imports {
					in := target(imp.Href, p.BackMatter)
					for _, id := range imp.Include[0].WithIDs {
						want(in, id)
						imported[id] = true
					}
				}
				for _, a := range p.Modify.Alters {
					want(imported, a.ControlID)
				}
			}
			if mc := d.MappingCollection; mc != nil {
				mappings++
				for _, m := range mc.Mappings {
					from, to := target(m.Source.Href, mc.BackMatter), target(m.Target.Href, mc.BackMatter)
					named, gaps := map[string]bool{}, map[string]bool{}
					for _, e := range m.Maps {
						for _, s := range e.Sources {
							want(from, s.IDRef)
							named[s.IDRef] = true
						}
						for _, s := range e.Targets {
							want(to, s.IDRef)
						}
						if e.Relationship == "" || (v == V120) != (e.Confidence.Value != "") {
							t.Errorf("%s: %+v", files[i].Path, e)
						}
					}
					if m.SourceGap != nil {
						for _, id := range m.SourceGap.Unmapped[0].WithIDs {
							want(from, id)
							gaps[id] = true
						}
					}
					for id := range named {
						if gaps[id] {
							t.Errorf("%s: %s is mapped and a gap", files[i].Path, id)
						}
					}
				}
			}
		}
		if (mappings > 0) != (v != V113) {
			t.Errorf("%s: %d mapping collections", v, mappings)
		}
	}
}

var (
	tokenRule = regexp.MustCompile(`^(\p{L}|_)(\p{L}|\p{N}|[.\-_])*$`)
	uuidRule  = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
)

// nistProps are the names that OSCAL gives properties without a namespace, in
// the places where they are written here.
var nistProps = []string{"label", "sort-id", "alt-identifier", "published"}

// nistParts are OSCAL's own names of parts.
var nistParts = []string{"statement", "guidance", "assessment-objective", "assessment-method", "assessment-objects",
	"methodology", "assumptions", "assessment-exclusions"}

type rules struct {
	t                   *testing.T
	name                string
	ids, uuids, roles   map[string]bool
	links, refs, rolled []string
}

// checkRules walks a document as any program would, without our types.
func checkRules(t *testing.T, name string, body []byte) *rules {
	t.Helper()
	r := &rules{t: t, name: name, ids: map[string]bool{}, uuids: map[string]bool{}, roles: map[string]bool{}}
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	r.walk("", v)
	for _, l := range r.links {
		if !r.ids[l] && !r.uuids[l] {
			t.Errorf("%s: nothing is called #%s", name, l)
		}
	}
	for _, u := range r.refs {
		if !r.uuids[u] {
			t.Errorf("%s: nothing has the UUID %s", name, u)
		}
	}
	for _, id := range r.rolled {
		if !r.roles[id] {
			t.Errorf("%s: there is no role %s", name, id)
		}
	}
	return r
}

func (r *rules) walk(key string, v any) {
	switch v := v.(type) {
	case []any:
		if len(v) == 0 {
			r.t.Errorf("%s: an empty list %s", r.name, key)
		}
		for _, e := range v {
			r.walk(key, e)
		}
	case map[string]any:
		r.object(key, v)
		for k, e := range v {
			r.walk(k, e)
		}
	case string:
		if v == "" || strings.TrimSpace(v) != v {
			r.t.Errorf("%s: %s is %q", r.name, key, v)
		}
		switch key {
		case "title", "value", "label", "text", "identifier", "name", "class", "id":
			if strings.Contains(v, "\n") {
				r.t.Errorf("%s: %s has several lines: %q", r.name, key, v)
			}
		}
		switch {
		case key == "id" || key == "name" && tokenRule.MatchString(v) || key == "class" || key == "with-ids" || key == "control-id" || key == "group" || key == "role-id":
			if !tokenRule.MatchString(v) {
				r.t.Errorf("%s: %s %q is no token", r.name, key, v)
			}
		case key == "uuid" || strings.HasSuffix(key, "-uuid") || key == "party-uuids":
			if !uuidRule.MatchString(v) {
				r.t.Errorf("%s: %s %q", r.name, key, v)
			}
		}
		switch {
		case key == "href" && strings.HasPrefix(v, "#"):
			r.links = append(r.links, v[1:])
		case key == "party-uuids" || strings.HasSuffix(key, "-uuid"):
			r.refs = append(r.refs, v)
		case key == "role-id":
			r.rolled = append(r.rolled, v)
		}
	}
}

func (r *rules) object(key string, m map[string]any) {
	if id, is := m["id"].(string); is {
		if key == "roles" {
			r.roles[id] = true
		} else if r.ids[id] {
			r.t.Errorf("%s: the id %s stands there twice", r.name, id)
		}
		r.ids[id] = true
	}
	if u, is := m["uuid"].(string); is {
		if r.uuids[u] {
			r.t.Errorf("%s: the UUID %s stands there twice", r.name, u)
		}
		r.uuids[u] = true
	}
	name, _ := m["name"].(string)
	_, ns := m["ns"]
	switch key {
	case "props":
		if !ns && !slices.Contains(nistProps, name) {
			r.t.Errorf("%s: OSCAL has no property %s", r.name, name)
		}
	case "parts":
		if !ns && !slices.Contains(nistParts, name) {
			r.t.Errorf("%s: OSCAL has no part %s", r.name, name)
		}
		if name == "assessment-method" {
			methods := 0
			for _, p := range m["props"].([]any) {
				if p.(map[string]any)["name"] == "method" {
					methods++
				}
			}
			if methods != 1 || m["parts"] == nil {
				r.t.Errorf("%s: a method with %d method properties", r.name, methods)
			}
		}
	case "controls":
		if m["parts"].([]any)[0].(map[string]any)["name"] != "statement" {
			r.t.Errorf("%s: %s has no statement", r.name, m["id"])
		}
	}
}

func TestExportOfOneStandard(t *testing.T) {
	c := rich(t)
	paths := func(refs ...scheme.StandardRef) (ps []string) {
		files, err := Export(c, V123, refs)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			ps = append(ps, f.Path)
		}
		return ps
	}
	got := paths(scheme.StandardRef{Standard: "9rich", Edition: "1"})
	want := []string{"catalogs/n9rich_1.json", "profiles/rich-label_1_low.json", "profiles/rich-label_1_high.json", "mappings/rich-back.json"}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for _, p := range paths(scheme.StandardRef{Standard: "en-303-645", Edition: "3.1.3"}) {
		if strings.HasPrefix(p, "mappings/") || strings.Contains(p, "2.1.1") {
			t.Errorf("%s needs another standard", p)
		}
	}
	for _, ref := range []scheme.StandardRef{{Standard: "nothing", Edition: "1"}, {Standard: "9rich", Edition: "2"}, {Standard: "9rich"}} {
		if _, err := Export(c, V123, []scheme.StandardRef{ref}); err == nil || !strings.Contains(err.Error(), "STANDARD@EDITION") {
			t.Errorf("%v: %v", ref, err)
		}
	}
	if _, err := Export(c, "1.0.4", nil); err == nil || !strings.Contains(err.Error(), "1.1.3") {
		t.Errorf("OSCAL 1.0.4: %v", err)
	}
	if _, err := NewMapping(c, &c.Mappings[0], V113, nil); err == nil {
		t.Error("OSCAL 1.1.3 has mappings")
	}
	for _, ref := range []scheme.LevelRef{{Scheme: "none"}, {Scheme: "rich-label", Edition: "1", Level: "top"},
		{Scheme: "rich-label", Edition: "1", Profile: "routers", Level: "low"}, {Scheme: "rich-label", Edition: "1", Level: "none"}} {
		if _, err := NewProfile(c, ref, V123, nil); err == nil {
			t.Errorf("%v is a profile", ref)
		}
	}
}

func TestConditionText(t *testing.T) {
	a, b := scheme.Condition{Feature: "a"}, scheme.Condition{Feature: "b"}
	q := func(f string) scheme.Text {
		return scheme.Text{"en": strings.ToUpper(f) + "?", "de": "De " + f + "?"}
	}
	for _, c := range []struct {
		c        scheme.Condition
		expr, en string
	}{
		{a, "a", "“A?” yes"},
		{scheme.Condition{Not: &a}, "not(a)", "“A?” no"},
		{scheme.Condition{All: []scheme.Condition{a, {Not: &b}}}, "all(a, not(b))", "“A?” yes and “B?” no"},
		{scheme.Condition{Not: &scheme.Condition{Any: []scheme.Condition{a, b}}}, "not(any(a, b))", "“A?” no and “B?” no"},
		{scheme.Condition{Any: []scheme.Condition{b, {All: []scheme.Condition{a, {Not: &b}}}}}, "any(b, all(a, not(b)))", "“B?” yes or (“A?” yes and “B?” no)"},
		{scheme.Condition{Not: &scheme.Condition{All: []scheme.Condition{a, {Any: []scheme.Condition{a, b}}}}}, "not(all(a, any(a, b)))", "“A?” no or (“A?” no and “B?” no)"},
	} {
		if got := c.c.String(); got != c.expr {
			t.Errorf("%s, want %s", got, c.expr)
		}
		got := conditionText(&c.c, q)
		if want := phrases["en"].applies + c.en + "."; got["en"] != want {
			t.Errorf("%s, want %s", got["en"], want)
		}
		if !strings.Contains(got["de"], "„De a?“ ") || len(got) != len(catalog.Languages) {
			t.Errorf("%v", got)
		}
	}
}

func TestIdentifiers(t *testing.T) {
	for ref, want := range map[scheme.RequirementRef]string{
		{Standard: "en-303-645", Edition: "2.1.1", Requirement: "5.1-1"}: "en-303-645_2.1.1_5.1-1",
		{Standard: "8x/y", Edition: "1", Requirement: "A"}:               "n8x-y_1_A",
	} {
		if got := ControlID(ref); got != want || !tokenRule.MatchString(got) {
			t.Errorf("%s, want %s", got, want)
		}
	}
	sorted := []string{"5.1-1", "5.1-2", "5.1-2A", "5.1-10", "5.9-1", "5.10-1"}
	for i := 1; i < len(sorted); i++ {
		if sortID(sorted[i-1]) >= sortID(sorted[i]) {
			t.Errorf("%s sorts after %s", sorted[i-1], sorted[i])
		}
	}
}

func BenchmarkExport(b *testing.B) {
	c, err := catalog.Embedded()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		files, err := Export(c, V123, nil)
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for _, f := range files {
			n += len(f.Body)
		}
		b.SetBytes(int64(n))
	}
}
