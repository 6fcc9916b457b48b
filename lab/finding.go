// Package lab has what all automated tests of a laboratory have in common: the
// rules that they find things by, what they find, and verdicts that say what was
// looked at and what was not.
package lab

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"sync"

	"go.yaml.in/yaml/v3"

	"assay/scheme"
)

// Severity of a finding, in the words of evidence.Issue.
type Severity string

// Severities from the least.
const (
	None     Severity = "none" // a fact worth showing, nothing wrong
	Low      Severity = "low"
	Medium   Severity = "medium"
	High     Severity = "high"
	Critical Severity = "critical"
)

var severities = []Severity{None, Low, Medium, High, Critical}

// Rank orders severities, the least first; -1 for what is none.
func (s Severity) Rank() int { return slices.Index(severities, s) }

// Certainty is how much stands behind a finding or a version.
type Certainty string

// Certainties.
const (
	Claimed   Certainty = "claimed"   // one observation, which may be a lie or an accident: a banner, a file's name
	Confirmed Certainty = "confirmed" // two observations that do not depend on each other, or the thing itself
)

// Rule is what something is found by. Its version rises whenever it may find
// something else in the same bytes.
type Rule struct {
	ID       string      `yaml:"id" json:"id"` // AREA.NAME in lower case: credential.empty-password
	Version  int         `yaml:"version" json:"version"`
	Severity Severity    `yaml:"severity" json:"severity"` // as a rule; a finding may have another
	CWE      []string    `yaml:"cwe,omitempty" json:"cwe,omitempty"`
	Title    scheme.Text `yaml:"title" json:"title"`           // what is wrong, one line
	Remedy   scheme.Text `yaml:"remedy" json:"remedy"`         // what the maker does about it, one or two sentences
	About    []string    `yaml:"about" json:"about"`           // STANDARD/REQUIREMENT of the catalog that it bears on: en-303-645/5.1-1
	Source   string      `yaml:"source" json:"source"`         // where it comes from: a standard and clause, a measured fact
	Fails    bool        `yaml:"fails,omitempty" json:"fails"` // a confirmed finding alone fails the requirements that it is about
}

//go:embed rules/*.yaml
var ruleFiles embed.FS

var ruleID = regexp.MustCompile(`^[a-z]+(-[a-z]+)*\.[a-z0-9]+(-[a-z0-9]+)*$`)

// Rules are all rules by id, read once from rules/AREA.yaml.
var Rules = sync.OnceValues(func() (map[string]Rule, error) { return readRules(ruleFiles) })

func readRules(files fs.FS) (map[string]Rule, error) {
	names, err := fs.Glob(files, "rules/*.yaml")
	if err != nil {
		return nil, err
	}
	all := map[string]Rule{}
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		d := yaml.NewDecoder(bytes.NewReader(text))
		d.KnownFields(true)
		var list []Rule
		if err := d.Decode(&list); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, r := range list {
			if err := r.check(); err != nil {
				return nil, fmt.Errorf("%s: rule %q: %w", name, r.ID, err)
			}
			if _, twice := all[r.ID]; twice {
				return nil, fmt.Errorf("%s: rule %q is there twice", name, r.ID)
			}
			all[r.ID] = r
		}
	}
	return all, nil
}

func (r *Rule) check() error {
	switch {
	case !ruleID.MatchString(r.ID):
		return fmt.Errorf("the id is not AREA.NAME in lower case")
	case r.Version < 1:
		return fmt.Errorf("the version is less than 1")
	case r.Severity.Rank() < 0:
		return fmt.Errorf("%q is no severity", r.Severity)
	case r.Source == "":
		return fmt.Errorf("no source")
	case r.Severity != None && len(r.About) == 0:
		return fmt.Errorf("it is about no requirement")
	}
	return nil
}

// MustRule is a rule that the program itself names; that it exists is tested.
func MustRule(id string) Rule {
	all, err := Rules()
	if err != nil {
		panic(err)
	}
	r, ok := all[id]
	if !ok {
		panic("no rule " + id)
	}
	return r
}

// Place is where something was found. Which fields are set depends on what was
// looked at; all of them empty is the product as a whole.
type Place struct {
	Part    string `json:"part,omitempty"`    // id of the part of the image
	Path    string `json:"path,omitempty"`    // in its tree
	Line    int    `json:"line,omitempty"`    // of a text, from 1
	Offset  int64  `json:"offset,omitempty"`  // in the file or, without a path, in the part
	Address string `json:"address,omitempty"` // host:port/transport of a device, or a URL
}

// Property is one thing known of a finding. Names are of a fixed vocabulary, with
// a word in every language (words/); values are shown as they are.
type Property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Finding is one thing that a rule found.
type Finding struct {
	Rule      string     `json:"rule"`
	Version   int        `json:"version"` // of the rule
	Severity  Severity   `json:"severity"`
	Certainty Certainty  `json:"certainty"`
	Where     []Place    `json:"where,omitempty"`
	Known     []Property `json:"known,omitempty"`
}

// Found makes a finding by a rule of this program. known are names and values in turn.
func Found(rule string, c Certainty, at Place, known ...string) Finding {
	r := MustRule(rule)
	f := Finding{Rule: r.ID, Version: r.Version, Severity: r.Severity, Certainty: c, Where: []Place{at}}
	for i := 0; i+1 < len(known); i += 2 {
		if known[i+1] != "" {
			f.Known = append(f.Known, Known(known[i], known[i+1]))
		}
	}
	return f
}

// Known makes a property; the value is made printable and bounded.
func Known(name, value string) Property { return Property{name, clean(value)} }

// Get is a property's value, "" where there is none.
func (f *Finding) Get(name string) string {
	for _, p := range f.Known {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

// MaxFindings bounds what one run reports of one rule; what is beyond is counted.
const MaxFindings = 500

// Sort puts findings in the one order that they are shown and written in: the
// worst first, then by rule, place and properties, so that equal inputs give
// equal bytes. It merges those that differ in nothing but their places, and keeps
// the first MaxFindings of each rule; left counts the others by rule.
func Sort(fs []Finding) (kept []Finding, left map[string]int) {
	at := map[string]int{}
	for _, f := range fs {
		k := f
		k.Where = nil
		b, err := json.Marshal(k)
		if err != nil {
			panic(err) // strings and numbers
		}
		i, ok := at[string(b)]
		if !ok {
			at[string(b)] = len(kept)
			f.Where = slices.Clone(f.Where)
			kept = append(kept, f)
			continue
		}
		kept[i].Where = append(kept[i].Where, f.Where...)
	}
	for i := range kept {
		slices.SortFunc(kept[i].Where, ComparePlaces)
		kept[i].Where = slices.Compact(kept[i].Where)
	}
	slices.SortFunc(kept, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(b.Severity.Rank(), a.Severity.Rank()),
			cmp.Compare(a.Rule, b.Rule),
			slices.CompareFunc(a.Where, b.Where, ComparePlaces),
			slices.CompareFunc(a.Known, b.Known, func(a, b Property) int {
				return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Value, b.Value))
			}),
			cmp.Compare(a.Certainty, b.Certainty),
		)
	})
	n := map[string]int{}
	kept = slices.DeleteFunc(kept, func(f Finding) bool {
		if n[f.Rule]++; n[f.Rule] <= MaxFindings {
			return false
		}
		if left == nil {
			left = map[string]int{}
		}
		left[f.Rule]++
		return true
	})
	return kept, left
}

// ComparePlaces orders places.
func ComparePlaces(a, b Place) int {
	return cmp.Or(cmp.Compare(a.Part, b.Part), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Address, b.Address), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Offset, b.Offset))
}
