package catalog

import (
	"fmt"
	"slices"
	"testing"

	"assay/scheme"
)

// No level is reached by showing nothing: each adds something, and the lowest
// of every list has a duty that no feature of the product takes away.
func TestEveryLevelAsks(t *testing.T) {
	c, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	always := func(a scheme.Adds) bool {
		e := c.Standard(a.Standard).Edition(a.Edition)
		return a.When == nil && slices.ContainsFunc(a.Requirements, func(id string) bool {
			r := e.Requirement(id)
			return r.When == nil && (r.Status == scheme.Mandatory || a.Binding)
		})
	}
	n := 0
	(&linter{c: c}).eachLevels(func(path string, levels []scheme.Level) {
		for rank, l := range levels {
			n++
			if len(l.Adds) == 0 {
				t.Errorf("%s/%s adds nothing", path, l.ID)
			}
			if rank == 0 && !slices.ContainsFunc(l.Adds, always) {
				t.Errorf("%s/%s: every duty hangs on a feature", path, l.ID)
			}
		}
	})
	if n < 40 {
		t.Errorf("only %d levels were looked at", n)
	}
}

// The schemes that the catalog is to hold, with their editions and levels.
func TestSchemes(t *testing.T) {
	c, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	cic, cls := []string{"lite", "basic", "standard"}, []string{"1", "2", "3", "4"}
	for _, x := range []struct {
		scheme, edition string
		levels          []string
		approves        bool
	}{
		{"kr-cic", "2017", []string{"lite", "standard"}, true},
		{"kr-cic", "2018", cic, true},
		{"kr-cic", "2021", cic, true},
		{"sg-cls-iot", "2020", cls, true},
		{"sg-cls-iot", "1.4", cls, true},
		{"sg-cls-md", "2024", cls, true},
		{"sg-imda-rg", "2021", []string{"registered"}, false},
		{"fi-label", "1", []string{"label"}, false},
		{"de-it-sik", "2025-08", []string{"label"}, false},
		{"uk-psti", "2024", []string{"compliant"}, false},
		{"jp-jc-star", "2024r1", []string{"star-1", "star-2", "star-3", "star-4"}, false},
		{"us-cyber-trust-mark", "2024", []string{"label"}, false},
		{"alliance-psv", "1.0", []string{"verified"}, true},
	} {
		s := c.Scheme(x.scheme)
		if s == nil || s.Edition(x.edition) == nil {
			t.Errorf("there is no edition %s of %s", x.edition, x.scheme)
			continue
		}
		var got []string
		for _, l := range s.Edition(x.edition).Levels {
			got = append(got, l.ID)
		}
		if !slices.Equal(got, x.levels) || s.Approves != x.approves {
			t.Errorf("%s %s: levels %v, approves laboratories: %t", x.scheme, x.edition, got, s.Approves)
		}
	}
}

// Counts that the sources state, and what of them is only a number.
func TestKnownCriteria(t *testing.T) {
	c, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	count := func(standard, edition string, least scheme.Confidence) (n int) {
		for _, r := range c.Standard(standard).Edition(edition).Requirements {
			if r.Confidence >= least {
				n++
			}
		}
		return n
	}
	for _, x := range []struct {
		standard, edition string
		known             int // with a source
	}{
		{"kr-cic-criteria", "2017", 12},
		{"kr-cic-criteria", "2018", 0},
		{"kr-cic-criteria", "2021", 9},
		{"jc-star-criteria", "2024r1", 6},
		{"nistir-8425", "2022", 4},
		{"uk-psti-requirements", "2023", 4},
		{"cls-md-clauses", "2024", 7},
	} {
		if got := count(x.standard, x.edition, scheme.Inferred); got != x.known {
			t.Errorf("%s %s: %d requirements have a source, want %d", x.standard, x.edition, got, x.known)
		}
	}
	star := 0
	for _, a := range c.Scheme("jp-jc-star").Edition("2024r1").Level("star-1").Adds {
		star += len(a.Requirements)
	}
	if star != 16 {
		t.Errorf("STAR-1 asks for %d, want 16", star)
	}
}

// Life cycle, binary analysis and penetration test are shown by documents that
// hold what they must.
func TestContents(t *testing.T) {
	c, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	for _, ref := range []scheme.StandardRef{{Standard: "imda-iot-cyber-security-guide", Edition: "2020"}, {Standard: "cls-iot-assurance", Edition: "1.3"}} {
		for _, r := range c.Standard(ref.Standard).Edition(ref.Edition).Requirements {
			if len(r.Contents) < 2 {
				t.Errorf("%s: evidence must hold %d things", r.ID, len(r.Contents))
			}
		}
	}
	for id, want := range map[string][]string{
		"CK-LP-02": {"development-practice", "testing-method"},
		"CK-LP-05": {"hardening-procedure", "port-scan", "debug-code", "debug-ports"},
		"CK-LP-06": {"software-parts", "hardware-parts"},
		"CK-LP-08": {"rating", "handling", "suppliers"},
	} {
		r := c.Standard("imda-iot-cyber-security-guide").Edition("2020").Requirement(id)
		for _, w := range want {
			if !slices.ContainsFunc(r.Contents, func(k scheme.Content) bool { return k.ID == w && !k.Optional }) {
				t.Errorf("%s does not ask for %s", id, w)
			}
		}
	}
	fields := c.Standard("us-label-rules").Edition("2024").Requirement("registry-information").Contents
	if len(fields) != 11 {
		t.Errorf("the registry has %d fields, want 11", len(fields))
	}
}

// The two editions of EN 303 645 against each other: every older provision is
// related, what is new is related to nothing, and the two directions agree.
func TestEditionMappings(t *testing.T) {
	c, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	up, down := mapping(c, v2to3), mapping(c, "en-303-645-3.1.3-to-2.1.1")
	older, newer := c.Standard("en-303-645").Edition("2.1.1"), c.Standard("en-303-645").Edition("3.1.3")
	relation := map[string]scheme.Relation{}
	from, to := map[string]bool{}, map[string]bool{}
	for _, r := range up.Rows {
		relation[fmt.Sprint(r.From, r.To)] = r.Relation
		from[r.From[0]], to[r.To] = true, true
	}
	for _, r := range older.Requirements {
		if !from[r.ID] {
			t.Errorf("%s of the older edition is related to nothing", r.ID)
		}
		if !slices.ContainsFunc(down.Rows, func(row scheme.MappingRow) bool { return row.To == r.ID }) {
			t.Errorf("nothing of the later edition is related to %s", r.ID)
		}
	}
	fresh := []string{"5.1-2A", "5.6-4B", "6-3B", "6-6", "6-7", "6-8"}
	for _, r := range newer.Requirements {
		if to[r.ID] == slices.Contains(fresh, r.ID) {
			t.Errorf("%s of the later edition is related: %t", r.ID, to[r.ID])
		}
	}
	inverse := map[scheme.Relation]scheme.Relation{scheme.Equal: scheme.Equal, scheme.Superset: scheme.Subset, scheme.Subset: scheme.Superset, scheme.Intersects: scheme.Intersects}
	n := 0
	for _, r := range down.Rows {
		if len(r.From) > 1 {
			continue
		}
		n++
		if there := relation[fmt.Sprint([]string{r.To}, r.From[0])]; inverse[there] != r.Relation {
			t.Errorf("%s to %s is %s, and %q the other way", r.From[0], r.To, r.Relation, there)
		}
	}
	if n != 64 {
		t.Errorf("%d single rows were compared, want 64", n)
	}
	// What was widened or newly worded needs a look of its own.
	for _, id := range []string{"5.1-1", "5.1-2", "5.1-3", "5.3-16", "5.5-3", "5.5-8", "5.6-4", "5.11-1", "5.12-3", "6-1", "6-2"} {
		for _, r := range up.Rows {
			if r.From[0] == id && r.Relation.Carries() {
				t.Errorf("%s carries over to %s", id, r.To)
			}
		}
	}
}

// Mappings to other criteria: the law's own carry, seeds by subject never do.
func TestOtherMappings(t *testing.T) {
	c, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]int{
		"en-303-645-to-uk-psti": 3, "iso-29147-to-uk-psti": 0,
		"en-303-645-to-jc-star": 0, "en-303-645-to-nistir-8425": 0, "en-303-645-to-kr-cic": 0,
	} {
		got := 0
		for _, r := range mapping(c, id).Rows {
			if r.Relation.Carries() {
				got++
			}
		}
		if got != want {
			t.Errorf("%s: %d rows carry evidence, want %d", id, got, want)
		}
	}
}
