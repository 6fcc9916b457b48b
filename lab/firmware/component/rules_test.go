package component

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// sample reads a rule's sample as a file would be read, and gives what each rule says.
func (s *set) sample(l *Look, x Sample) (own []string, others []string) {
	var found []reading
	tries := maxTried
	switch {
	case l.Name != "":
		found = s.readNames(x.Text, "")
	case l.Soname != "":
		found = s.readNames("", x.Text)
	default:
		found = s.read([]byte("\x00"+x.Text+"\x00"), x.File, l.in, &tries)
	}
	for _, r := range found {
		if r.look == l {
			own = append(own, r.version)
		} else if r.look.family != l.family {
			others = append(others, r.look.Rule)
		}
	}
	return own, others
}

// Each rule reads its own samples, passes over its near misses, and no rule of
// another family takes them for its own.
func TestSamples(t *testing.T) {
	s, err := ready()
	if err != nil {
		t.Fatal(err)
	}
	// Samples that have a second component in them.
	both := []string{"goahead-server", "matrixssl-goahead"}
	samples := 0
	for _, f := range s.families {
		for i := range f.Look {
			l := &f.Look[i]
			for _, x := range l.Test {
				samples++
				own, others := s.sample(l, x)
				if len(own) != 1 || own[0] != x.Says {
					t.Errorf("%s: %q says %q, want %q", l.Rule, x.Text, own, x.Says)
				}
				if len(others) > 0 && !slices.Contains(both, l.Rule) {
					t.Errorf("%s: %q is also taken by %v", l.Rule, x.Text, others)
				}
				if x.Of == "" {
					t.Errorf("%s: %q comes from nowhere", l.Rule, x.Text)
				}
			}
			for _, x := range l.Miss {
				samples++
				if own, _ := s.sample(l, x); len(own) > 0 {
					t.Errorf("%s: %q says %q, and is none: %s", l.Rule, x.Text, own, x.Of)
				}
			}
		}
	}
	rules := 0
	for _, f := range s.families {
		rules += len(f.Look)
	}
	t.Logf("%d families, %d rules, %d samples, %d words to look for", len(s.families), rules, samples, len(s.anchors.lengths))
	if len(s.families) < 100 {
		t.Errorf("%d families: the work asks for 100", len(s.families))
	}
}

func TestRefusedRules(t *testing.T) {
	const good = `- {family: a, title: A, kind: program, look: [{rule: a-x, version: 1, kind: string, anchors: [abc], match: 'abc (\d)', test: [{of: x, text: abc 1, says: "1"}], miss: [{of: y, text: abc}]}]}`
	if _, err := readFamilies(fstest.MapFS{"rules/a.yaml": {Data: []byte(good)}}); err != nil {
		t.Fatal(err)
	}
	for change, want := range map[string]string{
		"family: a→family: A":                                 "lower case",
		"title: A→title: ''":                                  "no title",
		"kind: program→kind: thing":                           "no kind",
		"kind: program→cpe: [a], kind: program":               "VENDOR:PRODUCT",
		"kind: program→own: ['*'], kind: program":             "no pattern of names",
		"rule: a-x→rule: x":                                   "FAMILY-WORD",
		"version: 1→version: 0":                               "version is less",
		"kind: string→kind: filename":                         "no kind of observation",
		"anchors: [abc]→anchors: [ab]":                        "too short",
		"anchors: [abc]→with: [abcd]":                         "go together",
		"anchors: [abc], match→alone":                         "needs with",
		"anchors: [abc]→name: x, anchors: [abc]":              "one of",
		`abc (\d)→abc (\d)(x)`:                                "more than one group",
		`abc (\d)→abc (\d`:                                    "missing closing",
		"test: [{of: x, text: abc 1, says: \"1\"}]→in: [elf]": "no test",
		"miss: [{of: y, text: abc}]→in: [elf]":                "no near miss",
		"kind: string→kind: string, in: [sky]":                "no place",
		"kind: string→kind: string, colour: red":              "colour",
	} {
		from, to, _ := strings.Cut(change, "→")
		text := strings.Replace(good, from, to, 1)
		if text == good {
			t.Fatalf("%q changes nothing", change)
		}
		if _, err := readFamilies(fstest.MapFS{"rules/a.yaml": {Data: []byte(text)}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", change, err)
		}
	}
	if _, err := readFamilies(fstest.MapFS{"rules/a.yaml": {Data: []byte(good)}, "rules/b.yaml": {Data: []byte(good)}}); err == nil {
		t.Error("a family twice")
	}
}
