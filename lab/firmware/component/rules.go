package component

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

// Family is a project whose programs and libraries devices carry, with the rules
// that its versions are read by (rules/*.yaml).
type Family struct {
	ID    string `yaml:"family"` // in lower case, as lab.Component.Family has it
	Title string `yaml:"title"`  // as the project writes itself
	Kind  string `yaml:"kind"`   // of lab.Component: program, library, kernel, boot-loader, firmware
	// CPE are VENDOR:PRODUCT as the National Vulnerability Database writes them, the usual one
	// first; "o:VENDOR:PRODUCT" is an operating system. None: the database has no name for it.
	CPE []string `yaml:"cpe"`
	// Packages are names of packages in databases, with * for any text; Sources are
	// names of source packages, the family's own id where there are none.
	Packages []string `yaml:"packages"`
	Sources  []string `yaml:"sources"`
	// Own are names of files that are the family and not only carry it, with *.
	Own  []string `yaml:"own"`
	Look []Look   `yaml:"look"`
}

// Look is one rule: where a version stands. Exactly one of Match, Alone, Name and Soname
// is set. The pattern's first group is the version; without a group it says only
// that the family is there.
type Look struct {
	Rule    string `yaml:"rule"`    // its id, FAMILY-WORD
	Version int    `yaml:"version"` // rises whenever it may find something else
	// Kind of the observation: string (a constant of a library or program), banner (what it tells
	// others: a greeting, a user agent, a help text). The kinds of names are filename and symbol.
	Kind string `yaml:"kind"`

	// Match is searched in each line of printable characters that has one of the anchors in it, or,
	// with Span, in that many bytes around the anchor as they are.
	Anchors []string `yaml:"anchors"`
	Match   string   `yaml:"match"`
	Span    int      `yaml:"span"`

	// Alone is searched in the texts that are nothing but a version, between two NULs, as
	// compilers leave them of a constant that is put into others. It needs With. A file in which
	// it finds two different versions says nothing.
	Alone string `yaml:"alone"`

	Name   string `yaml:"name"`   // pattern of a file's name, for programs and libraries
	Soname string `yaml:"soname"` // pattern of the name that a library has inside

	// In is where it looks: elf (programs and libraries), module (of a kernel), blob (parts that stand
	// outside of trees: kernels, boot loaders, systems without files), text. None: elf.
	In    []string `yaml:"in"`
	Files []string `yaml:"files"` // only in files of these names, with *
	With  []string `yaml:"with"`  // texts that must stand in the same file, all of them
	// Coarse says that what stands there is only the front of the version: 2.8 of 2.8.124. It
	// agrees with any that begins so, and confirms none.
	Coarse bool   `yaml:"coarse"`
	Not    string `yaml:"not"` // pattern of what Match must not be near: of the line, or the span

	Test []Sample `yaml:"test"`
	Miss []Sample `yaml:"miss"`

	family *Family
	match  *regexp.Regexp
	not    *regexp.Regexp
	in     place
}

// Sample is a text that a rule must read, or must pass over.
type Sample struct {
	Of   string `yaml:"of"`   // where it comes from: a package and its version, or a source; of a miss: why
	Text string `yaml:"text"` // the bytes, a file's name or a soname
	Says string `yaml:"says"` // the version
	File string `yaml:"file"` // name of the file that it stands in, where the rule asks for it
}

// place is a set of kinds of places.
type place uint8

const (
	inELF place = 1 << iota
	inModule
	inBlob
	inText
)

var places = map[string]place{"elf": inELF, "module": inModule, "blob": inBlob, "text": inText}

//go:embed rules/*.yaml
var ruleFiles embed.FS

// Families are all families by id, sorted; read once.
var Families = sync.OnceValues(func() ([]*Family, error) { return readFamilies(ruleFiles) })

func readFamilies(files fs.FS) ([]*Family, error) {
	names, err := fs.Glob(files, "rules/*.yaml")
	if err != nil {
		return nil, err
	}
	var all []*Family
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		d := yaml.NewDecoder(bytes.NewReader(text))
		d.KnownFields(true)
		var list []*Family
		if err := d.Decode(&list); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, f := range list {
			if err := f.prepare(); err != nil {
				return nil, fmt.Errorf("%s: family %q: %w", name, f.ID, err)
			}
		}
		all = append(all, list...)
	}
	slices.SortFunc(all, func(a, b *Family) int { return strings.Compare(a.ID, b.ID) })
	rules := map[string]bool{}
	for i, f := range all {
		if i > 0 && all[i-1].ID == f.ID {
			return nil, fmt.Errorf("family %q is there twice", f.ID)
		}
		for _, l := range f.Look {
			if rules[l.Rule] {
				return nil, fmt.Errorf("rule %q is there twice", l.Rule)
			}
			rules[l.Rule] = true
		}
	}
	return all, nil
}

var (
	familyID   = regexp.MustCompile(`^[a-z0-9][a-z0-9._+-]*$`)
	familyKind = []string{"program", "library", "kernel", "boot-loader", "firmware"}
)

func (f *Family) prepare() error {
	switch {
	case !familyID.MatchString(f.ID):
		return fmt.Errorf("the id is not in lower case")
	case f.Title == "":
		return fmt.Errorf("no title")
	case !slices.Contains(familyKind, f.Kind):
		return fmt.Errorf("%q is no kind", f.Kind)
	}
	for _, c := range f.CPE {
		if n := strings.Count(strings.TrimPrefix(c, "o:"), ":"); n != 1 {
			return fmt.Errorf("%q is not VENDOR:PRODUCT", c)
		}
	}
	for _, globs := range [][]string{f.Packages, f.Sources, f.Own} {
		if err := checkGlobs(globs); err != nil {
			return err
		}
	}
	if f.Sources == nil {
		f.Sources = []string{f.ID}
	}
	for i := range f.Look {
		f.Look[i].family = f
		if err := f.Look[i].prepare(); err != nil {
			return fmt.Errorf("rule %q: %w", f.Look[i].Rule, err)
		}
	}
	return nil
}

func checkGlobs(globs []string) error {
	for _, g := range globs {
		if _, err := path.Match(g, ""); err != nil || g == "*" || g == "" {
			return fmt.Errorf("%q is no pattern of names", g)
		}
	}
	return nil
}

// minAnchor is how long a text must be that is looked for in every byte; shorter ones
// are everywhere.
const minAnchor = 3

func (l *Look) prepare() error {
	patterns := 0
	for _, p := range []string{l.Match, l.Alone, l.Name, l.Soname} {
		if p != "" {
			patterns++
		}
	}
	switch {
	case l.Rule == "" || !strings.HasPrefix(l.Rule, l.family.ID+"-"):
		return fmt.Errorf("the id is not FAMILY-WORD")
	case l.Version < 1:
		return fmt.Errorf("the version is less than 1")
	case patterns != 1:
		return fmt.Errorf("it needs one of match, alone, name and soname")
	case (l.Match != "") != (len(l.Anchors) > 0):
		return fmt.Errorf("match and anchors go together")
	case l.Alone != "" && len(l.With) == 0 || len(l.With) > 32:
		return fmt.Errorf("a version alone says nothing: it needs with, up to 32")
	case l.Match != "" && len(l.Miss) == 0:
		return fmt.Errorf("no near miss")
	case len(l.Test) == 0:
		return fmt.Errorf("no test")
	case l.Span < 0 || l.Span > 4096:
		return fmt.Errorf("a span of %d bytes", l.Span)
	}
	switch {
	case l.Name != "" && l.Kind == "":
		l.Kind = "filename"
	case l.Soname != "" && l.Kind == "":
		l.Kind = "symbol"
	case l.Alone != "" && l.Kind == "":
		l.Kind = "string"
	case l.Name != "" || l.Soname != "" || l.Kind != "string" && l.Kind != "banner":
		return fmt.Errorf("%q is no kind of observation for it", l.Kind)
	}
	for _, a := range slices.Concat(l.Anchors, l.With) {
		if len(a) < minAnchor {
			return fmt.Errorf("the anchor %q is too short", a)
		}
	}
	if err := checkGlobs(l.Files); err != nil {
		return err
	}
	if l.In == nil {
		l.In = []string{"elf"}
	}
	for _, in := range l.In {
		if places[in] == 0 {
			return fmt.Errorf("%q is no place", in)
		}
		l.in |= places[in]
	}
	var err error
	if l.match, err = regexp.Compile(l.Match + l.Alone + l.Name + l.Soname); err != nil {
		return err
	}
	if l.match.NumSubexp() > 1 {
		return fmt.Errorf("more than one group")
	}
	if l.Not != "" {
		if l.not, err = regexp.Compile(l.Not); err != nil {
			return err
		}
	}
	return nil
}

// version is what a text says, ok where the rule matches.
func (l *Look) version(text string) (version string, ok bool) {
	m := l.match.FindStringSubmatch(text)
	if m == nil || l.not != nil && l.not.MatchString(text) {
		return "", false
	}
	if len(m) == 2 {
		return m[1], m[1] != ""
	}
	return "", true
}

// named reports whether a name is one of a list with stars.
func named(globs []string, name string) bool {
	for _, g := range globs {
		if ok, _ := path.Match(g, name); ok {
			return true
		}
	}
	return false
}

// byPackage is the family of a package by its name, its source package and where
// that is a folder (package/utils/busybox), the folder's name; nil where no rule knows it.
func (s *set) byPackage(name, source string) *Family {
	if i := strings.LastIndexByte(source, '/'); i >= 0 {
		source = source[i+1:]
	}
	if f, ok := s.packages[name]; ok {
		return f
	}
	for _, g := range s.packageGlobs {
		if named([]string{g.glob}, name) {
			return g.family
		}
	}
	if source == "" {
		source = name
	}
	return s.sources[source]
}

type glob struct {
	glob   string
	family *Family
}

// set is all families in the form in which they are used.
type set struct {
	families     []*Family
	byID         map[string]*Family
	packages     map[string]*Family
	packageGlobs []glob
	sources      map[string]*Family

	names   []*Look // rules about names of files
	sonames []*Look
	anchors *machine
	at      [][]user // by index of an anchor in the machine
}

// user is a rule that an anchor is for.
type user struct {
	look *Look
	rule int // number of it among all, of those with Match
	with int // bit of Look.With that the anchor is, -1: it is one of Anchors
}

var ready = sync.OnceValues(func() (*set, error) {
	all, err := Families()
	if err != nil {
		return nil, err
	}
	return newSet(all), nil
})

func newSet(all []*Family) *set {
	s := &set{families: all, byID: map[string]*Family{}, packages: map[string]*Family{}, sources: map[string]*Family{}}
	index := map[string]int{}
	var words []string
	word := func(w string, u user) {
		i, ok := index[w]
		if !ok {
			i = len(words)
			index[w] = i
			words = append(words, w)
			s.at = append(s.at, nil)
		}
		s.at[i] = append(s.at[i], u)
	}
	rule := 0
	for _, f := range all {
		s.byID[f.ID] = f
		for _, p := range f.Packages {
			if strings.ContainsAny(p, "*?[") {
				s.packageGlobs = append(s.packageGlobs, glob{p, f})
			} else {
				s.packages[p] = f
			}
		}
		for _, p := range f.Sources {
			s.sources[p] = f
		}
		for i := range f.Look {
			l := &f.Look[i]
			switch {
			case l.Name != "":
				s.names = append(s.names, l)
			case l.Soname != "":
				s.sonames = append(s.sonames, l)
			default:
				for _, a := range l.Anchors {
					word(a, user{l, rule, -1})
				}
				for bit, a := range l.With {
					word(a, user{l, rule, bit})
				}
				rule++
			}
		}
	}
	s.anchors = newMachine(words)
	return s
}
