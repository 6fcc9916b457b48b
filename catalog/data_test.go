package catalog

import (
	"slices"
	"testing"

	"assay/scheme"
)

// What the texts say of single products, and what they leave open. A product
// that no text names must stay undetermined whoever edits the taxonomy.
func TestClauseScopes(t *testing.T) {
	c, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	tax := scheme.NewTaxonomy(c.Categories)
	for _, x := range []struct {
		clause, product string
		want            scheme.Answer
		confidence      scheme.Confidence
	}{
		{"sg-kr-2024/kr-basic-to-cls3", "consumer/smart-home-hub", scheme.Yes, scheme.Official},
		{"sg-kr-2024/kr-basic-to-cls3", "consumer/alarm-system", scheme.Yes, scheme.Official},
		{"sg-kr-2024/kr-basic-to-cls3", "consumer/refrigerator", scheme.Yes, scheme.Secondary},
		{"sg-kr-2024/kr-basic-to-cls3", "consumer/router", scheme.Undetermined, 0},
		{"sg-kr-2024/kr-basic-to-cls3", "consumer/door-lock", scheme.Undetermined, 0},
		{"sg-kr-2024/kr-basic-to-cls3", "medical/infusion-pump", scheme.Undetermined, 0},
		{"sg-kr-2024/cls3-to-kr-basic", "consumer/router", scheme.Undetermined, 0},
		{"sg-de-2022/de-label-to-cls2", "consumer/robot-vacuum", scheme.Yes, scheme.Official},
		{"sg-de-2022/de-label-to-cls2", "consumer/door-lock", scheme.No, scheme.Official},
		{"sg-de-2022/cls2-to-de-label", "consumer/fire-detector", scheme.No, scheme.Official},
		{"sg-de-2022/cls2-to-de-label", "general-computing/phone", scheme.No, scheme.Official},
		{"sg-de-2022/de-label-to-cls2", "consumer/router", scheme.Undetermined, 0},
		{"sg-de-2024/de-router-to-cls2", "consumer/router", scheme.Yes, scheme.Official},
		{"sg-de-2024/de-router-to-cls2", "consumer/tv", scheme.Undetermined, 0},
		{"kr-de-2025/kr-basic-to-de-label", "consumer/robot-vacuum", scheme.Yes, scheme.Secondary},
		{"kr-de-2025/kr-basic-to-de-label", "consumer/door-lock", scheme.Undetermined, 0},
		{"kr-de-2025/de-label-to-kr-lite", "consumer/speaker", scheme.Yes, scheme.Secondary},
		{"sg-fi-2021/fi-label-to-cls3", "consumer/camera", scheme.Yes, scheme.Official},
		{"uk-2025/cls-to-psti", "consumer/toy", scheme.Yes, scheme.Secondary},
		{"uk-2025/star1-to-psti", "general-computing/phone", scheme.Undetermined, 0},
		{"sg-uk-2025/psti-to-cls1", "consumer/smart-home-hub", scheme.Yes, scheme.Official},
		{"sg-uk-2025/psti-to-cls1", "consumer/router", scheme.Undetermined, 0},
		{"sg-uk-2025/psti-to-cls1", "consumer/toy", scheme.Undetermined, 0},
		{"uk-jp-2025/psti-to-star1", "consumer/camera", scheme.Yes, scheme.Secondary},
		{"sg-jp-2026/cls-to-star1", "consumer/router", scheme.Yes, scheme.Secondary},
		{"sg-jp-2026/star-to-cls1", "manufacturing", scheme.Undetermined, 0},
		{"sg-imda-2021/registration-to-cls1", "consumer/router", scheme.Yes, scheme.Secondary},
		{"sg-imda-2021/registration-to-cls1", "consumer/smart-home-hub", scheme.Undetermined, 0}, // the clause is exhaustive, so there it is a no
		{"sg-alliance-2024/psv-to-cls", "consumer/lighting", scheme.Yes, scheme.Official},
	} {
		_, cl := c.Clause(x.clause)
		if cl == nil {
			t.Errorf("there is no clause %s", x.clause)
			continue
		}
		got, fact, _ := tax.Scope([]string{x.product}, cl.Categories, cl.Except)
		if got != x.want || (fact != nil && fact.Confidence != x.confidence) {
			t.Errorf("%s for %s: %s (%v), want %s (%s)", x.clause, x.product, got, fact, x.want, x.confidence)
		}
	}
	// What the British regime takes out stands at the scheme, once for both labels that count there.
	uk := c.Scheme("uk-psti").Edition("2024")
	for product, want := range map[string]scheme.Answer{
		"consumer/charge-point": scheme.No, "consumer/meter": scheme.No, "medical/infusion-pump": scheme.No, "general-computing/computer": scheme.No,
		"general-computing/phone": scheme.Yes, "general-computing/tablet": scheme.Undetermined, "consumer/toy": scheme.Yes,
	} {
		if got, _, _ := tax.Scope([]string{product}, uk.Categories, uk.Except); got != want {
			t.Errorf("%s in the United Kingdom: %s, want %s", product, got, want)
		}
	}
	sg := c.Scheme("sg-cls-iot").Edition("1.4")
	if got, _, _ := tax.Scope([]string{"medical/infusion-pump"}, sg.Categories, sg.Except); got != scheme.No {
		t.Errorf("a medical device in %s: %s", sg.ID, got)
	}
	for product, want := range map[string]scheme.Answer{"medical/infusion-pump": scheme.Yes, "consumer/camera": scheme.No} {
		if got, _, _ := c.Scheme("sg-cls-md").Editions[0].Takes(tax, []string{product}); got != want {
			t.Errorf("%s in the medical scheme: %s, want %s", product, got, want)
		}
	}
}

// The levels that each clause takes and gives, as the releases state them.
func TestClauseLevels(t *testing.T) {
	c, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, x := range []struct {
		clause string
		from   []string
		to     string
		mode   scheme.Mode
		since  string
	}{
		{"sg-fi-2021/fi-label-to-cls3", []string{"label"}, "3", scheme.Equivalent, "2021-10-06"},
		{"sg-fi-2021/cls3-to-fi-label", []string{"3", "4"}, "label", scheme.Equivalent, "2021-10-06"},
		{"sg-de-2022/de-label-to-cls2", []string{"label"}, "2", scheme.Equivalent, "2022-10-20"},
		{"sg-de-2022/cls2-to-de-label", []string{"2", "3", "4"}, "label", scheme.Simplified, "2022-10-20"},
		{"sg-de-2024/de-router-to-cls2", []string{"label"}, "2", scheme.Equivalent, "2024-10-16"},
		{"sg-de-2024/cls2-router-to-de-label", []string{"2", "3", "4"}, "label", scheme.Simplified, "2024-10-16"},
		{"sg-kr-2024/kr-basic-to-cls3", []string{"basic", "standard"}, "3", scheme.Equivalent, "2025-01-01"},
		{"sg-kr-2024/cls3-to-kr-basic", []string{"3", "4"}, "basic", scheme.Equivalent, "2025-01-01"},
		{"kr-de-2025/kr-basic-to-de-label", []string{"basic", "standard"}, "label", scheme.Equivalent, "2025-09-08"},
		{"kr-de-2025/de-label-to-kr-lite", []string{"label"}, "lite", scheme.Equivalent, "2025-09-08"},
		{"kr-de-2025/de-label-to-kr-basic", []string{"label"}, "basic", scheme.DeltaMode, "2025-09-08"},
		{"uk-2025/cls-to-psti", []string{"1", "2", "3", "4"}, "", scheme.Deemed, "2025-12-04"},
		{"uk-2025/star1-to-psti", []string{"star-1"}, "", scheme.Deemed, "2025-12-04"},
		{"sg-uk-2025/psti-to-cls1", []string{"compliant"}, "1", scheme.Simplified, "2026-01-01"},
		{"uk-jp-2025/psti-to-star1", []string{"compliant"}, "star-1", scheme.Simplified, "2026-01-31"},
		{"sg-jp-2026/cls-to-star1", []string{"1", "2", "3", "4"}, "star-1", scheme.Simplified, "2026-06-01"},
		{"sg-jp-2026/star-to-cls1", []string{"star-1", "star-2", "star-3", "star-4"}, "1", scheme.Simplified, "2026-06-01"},
		{"sg-imda-2021/registration-to-cls1", []string{"registered"}, "1", scheme.Equivalent, "2021-04-13"},
		{"sg-alliance-2024/psv-to-cls", []string{"verified"}, "", scheme.Simplified, "2024-03-19"}, // its level is not public
	} {
		n++
		_, cl := c.Clause(x.clause)
		if cl == nil || !slices.Equal(cl.From.Levels, x.from) || cl.To.Level != x.to || cl.Mode != x.mode || cl.Dates.From != day(x.since) {
			t.Errorf("%s is %+v", x.clause, cl)
			continue
		}
		if cl.Basis != scheme.Granted || cl.Dates.Backfill == scheme.BackfillAll {
			t.Errorf("%s: a silent text is read as wider than it is", x.clause)
		}
		if silent := cl.To.Scheme == "kr-cic" || cl.To.Scheme == "fi-label" || cl.From.Mapping != ""; silent == cl.Legal.Found {
			t.Errorf("%s: a legal ground is found: %t", x.clause, cl.Legal.Found)
		}
		applied := cl.To.Scheme == "de-it-sik" || cl.Mode == scheme.Simplified && cl.From.Mapping == ""
		if applied != slices.Contains(cl.Legal.NeedsFirst, scheme.NeedApplication) {
			t.Errorf("%s needs first %v", x.clause, cl.Legal.NeedsFirst)
		}
	}
	total := 0
	for _, a := range c.Arrangements {
		total += len(a.Clauses)
	}
	if total != n {
		t.Errorf("%d clauses in the catalog, %d here", total, n)
	}
}

// The editions that the British law names, and what it takes as met; no other
// clause is pinned. The one level that is not public is named nowhere.
func TestPinsAndDuties(t *testing.T) {
	c, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	pins := map[string]string{"uk-2025/cls-to-psti": "1.4", "uk-2025/star1-to-psti": "2024r1"}
	for _, a := range c.Arrangements {
		for _, cl := range a.Clauses {
			pin, pinned := pins[cl.ID]
			if pinned != slices.Equal(cl.From.Editions, []string{pin}) || !pinned && len(cl.From.Editions) != 0 {
				t.Errorf("%s takes the editions %v", cl.ID, cl.From.Editions)
			}
			if met := slices.Equal(cl.To.Duties, []string{"passwords", "reporting", "update-period", "statement"}); pinned != met {
				t.Errorf("%s takes as met %v", cl.ID, cl.To.Duties)
			}
			if unknown := cl.ID == "sg-alliance-2024/psv-to-cls"; unknown != (cl.From.Mapping == "unknown") || unknown != (a.Effective == 0) {
				t.Errorf("%s: mapping %q, in effect from %q", cl.ID, cl.From.Mapping, a.Effective)
			}
		}
	}
	requirements := c.Standard("uk-psti-requirements").Edition("2023")
	_, cl := c.Clause("uk-2025/cls-to-psti")
	for _, d := range cl.To.Duties {
		if requirements.Requirement(d) == nil {
			t.Errorf("the regime has no duty %q", d)
		}
	}
}

// Counts that the sources state or that follow from their lists.
func TestLevelLists(t *testing.T) {
	c, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	asked := func(l *scheme.Level, standard string) (n int) {
		for _, a := range l.Adds {
			if a.Standard == standard {
				n += len(a.Requirements)
			}
		}
		return n
	}
	sg := c.Scheme("sg-cls-iot")
	now, old := sg.Edition("1.4"), sg.Edition("2020")
	gateway := now.Profiles[0].Levels
	for _, x := range []struct {
		name     string
		level    *scheme.Level
		standard string
		want     int
	}{
		{"CLS 1", now.Level("1"), "en-303-645", 13},
		{"CLS 2", now.Level("2"), "en-303-645", 19},
		{"CLS 2", now.Level("2"), "imda-iot-cyber-security-guide", 0},
		{"CLS 3", now.Level("3"), "imda-iot-cyber-security-guide", 8},
		{"CLS 3", now.Level("3"), "cls-iot-assurance", 6},
		{"CLS 4", now.Level("4"), "cls-iot-assurance", 1},
		{"CLS 2 of 2020", old.Level("2"), "imda-iot-cyber-security-guide", 8},
		{"CLS 3 of 2020", old.Level("3"), "imda-iot-cyber-security-guide", 0},
		{"gateway 1", &gateway[0], "en-303-645", 16},
		{"gateway 1", &gateway[0], "ts-103-848", 4},
		{"gateway 2", &gateway[1], "en-303-645", 16 + 5},
		{"gateway 2", &gateway[1], "ts-103-848", 10},
		{"Finnish label", c.Scheme("fi-label").Editions[0].Level("label"), "en-303-645", 18},
		{"German label", c.Scheme("de-it-sik").Edition("2025-08").Level("label"), "en-303-645", 33},
	} {
		if got := asked(x.level, x.standard); got != x.want {
			t.Errorf("%s asks for %d of %s, want %d", x.name, got, x.standard, x.want)
		}
	}
}

// A level that has a rule of the standard's own mandatory provisions names
// all of them.
func TestMandatoryProvisions(t *testing.T) {
	c, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, r := range c.Standard("en-303-645").Edition("2.1.1").Requirements {
		if r.Status == scheme.Mandatory {
			want = append(want, r.ID)
		}
	}
	for name, levels := range map[string][]scheme.Level{
		"de-it-sik":         c.Scheme("de-it-sik").Edition("2025-08").Levels,
		"sg-cls-iot, 1 + 2": c.Scheme("sg-cls-iot").Edition("1.4").Levels[:2],
	} {
		var got []string
		for _, l := range levels {
			for _, a := range l.Adds {
				if a.Standard == "en-303-645" {
					got = append(got, a.Requirements...)
				}
			}
		}
		for _, id := range want {
			// Reporting on recommendations is the declaration itself in Singapore.
			if !slices.Contains(got, id) && !(id == "4-1" && name != "de-it-sik") {
				t.Errorf("%s does not ask for %s", name, id)
			}
		}
	}
}

// What the catalog reads into a text is never more than inferred.
func TestOwnReadingsAreMarked(t *testing.T) {
	c, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	l := &linter{c: c}
	n := 0
	l.walk(func(at node) {
		if f, is := of[scheme.Fact](at); is && f.Source == "assay-reading" {
			n++
			if f.Confidence > scheme.Inferred {
				t.Errorf("%s: our own reading is given as %s", at.path, f.Confidence)
			}
		}
	})
	if n == 0 {
		t.Error("no reading of our own is marked as one")
	}
}
