package scheme

import (
	"encoding/json"
	"slices"
	"testing"
)

var answers = []Answer{No, Undetermined, Yes}

// Kleene's strong tables, row by row in the order no, undetermined, yes.
func TestTruthTables(t *testing.T) {
	and := [3][3]Answer{{No, No, No}, {No, Undetermined, Undetermined}, {No, Undetermined, Yes}}
	or := [3][3]Answer{{No, Undetermined, Yes}, {Undetermined, Undetermined, Yes}, {Yes, Yes, Yes}}
	not := [3]Answer{Yes, Undetermined, No}
	for i, a := range answers {
		if a.Not() != not[i] {
			t.Errorf("not %s is %s", a, a.Not())
		}
		for j, b := range answers {
			if a.And(b) != and[i][j] {
				t.Errorf("%s and %s is %s, want %s", a, b, a.And(b), and[i][j])
			}
			if a.Or(b) != or[i][j] {
				t.Errorf("%s or %s is %s, want %s", a, b, a.Or(b), or[i][j])
			}
		}
	}
}

func feature(f string) Condition { return Condition{Feature: f} }

func TestEval(t *testing.T) {
	has := func(f string) Answer {
		switch f {
		case "y":
			return Yes
		case "n":
			return No
		}
		return Undetermined
	}
	y, n, u, v := feature("y"), feature("n"), feature("u"), feature("v")
	for _, c := range []struct {
		name    string
		cond    *Condition
		want    Answer
		missing []string
	}{
		{"nil applies to all", nil, Yes, nil},
		{"yes", &y, Yes, nil},
		{"no", &n, No, nil},
		{"unknown asks", &u, Undetermined, []string{"u"}},
		{"not yes", &Condition{Not: &y}, No, nil},
		{"not unknown asks", &Condition{Not: &u}, Undetermined, []string{"u"}},
		{"all", &Condition{All: []Condition{y, y}}, Yes, nil},
		{"all with a no asks nothing", &Condition{All: []Condition{u, n, v}}, No, nil},
		{"all with unknowns asks each once", &Condition{All: []Condition{u, y, v, u}}, Undetermined, []string{"u", "v"}},
		{"any with a yes asks nothing", &Condition{Any: []Condition{u, y}}, Yes, nil},
		{"any without a yes asks", &Condition{Any: []Condition{n, v}}, Undetermined, []string{"v"}},
		{"any of no", &Condition{Any: []Condition{n, n}}, No, nil},
		{"all of nothing", &Condition{All: []Condition{}}, Yes, nil},
		{"any of nothing", &Condition{Any: []Condition{}}, No, nil},
		{"decided part below an open one asks only what is open",
			&Condition{All: []Condition{{Any: []Condition{u, y}}, {Not: &v}}}, Undetermined, []string{"v"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, missing := c.cond.Eval(has, nil)
			if got != c.want || !slices.Equal(missing, c.missing) {
				t.Errorf("%s, missing %v; want %s, missing %v", got, missing, c.want, c.missing)
			}
		})
	}
	if _, missing := u.Eval(has, []string{"before"}); !slices.Equal(missing, []string{"before", "u"}) {
		t.Errorf("what was missing before is lost: %v", missing)
	}
}

// Whatever the unknown features turn out to be, an answer that was decided
// without them stands, and one that was open depends on what it asked for.
func TestEvalIsHonest(t *testing.T) {
	u, v, w := feature("u"), feature("v"), feature("w")
	leaves := []Condition{u, v, w, {Not: &u}, {Not: &v}}
	var trees []Condition
	for _, a := range leaves {
		for _, b := range leaves {
			for _, c := range leaves {
				trees = append(trees, Condition{All: []Condition{a, {Any: []Condition{b, c}}}}, Condition{Any: []Condition{a, {All: []Condition{b, c}}}})
			}
		}
	}
	names := []string{"u", "v", "w"}
	for i := range trees {
		for known := range 27 {
			vals := map[string]Answer{"u": answers[known%3], "v": answers[known/3%3], "w": answers[known/9]}
			got, missing := trees[i].Eval(func(f string) Answer { return vals[f] }, nil)
			for full := range 8 {
				sure := map[string]Answer{}
				for k, f := range names {
					sure[f] = vals[f]
					if vals[f] == Undetermined {
						sure[f] = answers[full>>k&1*2]
					}
				}
				final, rest := trees[i].Eval(func(f string) Answer { return sure[f] }, nil)
				if final == Undetermined || rest != nil {
					t.Fatalf("all is known and %+v is still %s", trees[i], final)
				}
				if got != Undetermined && final != got {
					t.Fatalf("%+v: %s with %v, but %s with %v", trees[i], got, vals, final, sure)
				}
			}
			if (got == Undetermined) != (len(missing) > 0) {
				t.Fatalf("%+v with %v: %s and missing %v", trees[i], vals, got, missing)
			}
		}
	}
}

func TestNames(t *testing.T) {
	for _, a := range answers {
		var b Answer
		j, err := json.Marshal(a)
		if err != nil || json.Unmarshal(j, &b) != nil || a != b {
			t.Errorf("%s becomes %s by %s (%v)", a, b, j, err)
		}
	}
	for c := Unverified; c <= Official; c++ {
		var d Confidence
		j, err := json.Marshal(c)
		if err != nil || json.Unmarshal(j, &d) != nil || c != d {
			t.Errorf("%s becomes %s by %s (%v)", c, d, j, err)
		}
	}
	var a Answer
	if a.UnmarshalText([]byte("maybe")) == nil || a.UnmarshalText([]byte("unknown")) != nil || a != Undetermined {
		t.Error("maybe is taken, or unknown is not undetermined")
	}
	var c Confidence
	if c.UnmarshalText([]byte("sure")) == nil {
		t.Error("sure is a confidence")
	}
	for i, c := range []Confidence{Unverified, Inferred, Mirror, Secondary, Official} {
		if int(c) != i {
			t.Errorf("%s is not the %d. worst: a chain takes its least one by order", c, i+1)
		}
	}
}

func TestTextIn(t *testing.T) {
	text := Text{"en": "label", "de": "Kennzeichen", "fi": ""}
	for _, c := range []struct {
		langs []string
		want  string
	}{{[]string{"de", "en"}, "Kennzeichen"}, {[]string{"ko"}, "label"}, {[]string{"fi"}, "label"}, {nil, "label"}} {
		if got := text.In(c.langs...); got != c.want {
			t.Errorf("in %v: %q, want %q", c.langs, got, c.want)
		}
	}
	if got := (Text{"ko": "라벨"}).In("fi"); got != "라벨" {
		t.Errorf("the only language is not taken: %q", got)
	}
	if got := (Text)(nil).In("en"); got != "" {
		t.Errorf("no text is %q", got)
	}
}
