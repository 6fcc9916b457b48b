// Package corpus has conformance cases for recognition and runs them: what an
// implementation must answer for a certificate, its history, an office's own
// record and a clock, with the clause and the source that say so. The format
// is for anyone's implementation; corpus/README.md and case.schema.json
// describe it.
package corpus

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"assay/recognition"
	"assay/scheme"
)

//go:embed cases case.schema.json
var embedded embed.FS

// Embedded is the folder of cases in this binary.
func Embedded() fs.FS { return embedded }

// Report is what a run found.
type Report struct {
	Cases    int       `json:"cases"`
	Failures []Failure `json:"failures"`
}

// Failure is a case that answers otherwise than it says.
type Failure struct {
	Case string   `json:"case"`
	File string   `json:"file"`
	What []string `json:"what"`
}

// ErrNoCases is returned for a folder that has none: an empty run proves nothing.
var ErrNoCases = errors.New("no cases: the folder needs cases/*.json")

// Run holds every case of fsys against this implementation. Cases that name
// no catalog of the folder are decided with cat. The error says which file
// cannot be read; a case that fails is no error.
func Run(fsys fs.FS, cat *scheme.Catalog) (Report, error) {
	s, err := load(fsys, cat)
	if err != nil {
		return Report{}, err
	}
	r := Report{Cases: len(s.cases), Failures: []Failure{}}
	engines := map[string]*recognition.Engine{}
	for name, c := range s.catalogs {
		if engines[name], err = recognition.Compile(c); err != nil {
			return Report{}, fmt.Errorf("catalog %s: %w", name, err)
		}
	}
	for i := range s.cases {
		c := &s.cases[i]
		if what := c.check(engines[c.Catalog], s.catalogs[c.Catalog]); len(what) > 0 {
			r.Failures = append(r.Failures, Failure{c.ID, c.file, what})
		}
	}
	return r, nil
}

// suite is a folder of cases, read.
type suite struct {
	cases    []Case
	catalogs map[string]*scheme.Catalog
}

func load(fsys fs.FS, cat *scheme.Catalog) (*suite, error) {
	s := &suite{catalogs: map[string]*scheme.Catalog{embeddedCatalog: cat}}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".json" || !strings.HasPrefix(name, "cases/") {
			return err
		}
		b, err := readBounded(fsys, name)
		if err != nil {
			return err
		}
		cs, err := Parse(name, b)
		s.cases = append(s.cases, cs...)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(s.cases) == 0 {
		return nil, ErrNoCases
	}
	seen := map[string]string{}
	for i := range s.cases {
		c := &s.cases[i]
		if other, twice := seen[c.ID]; twice {
			return nil, fmt.Errorf("%s: case %s is in %s too: give it an id of its own", c.file, c.ID, other)
		}
		seen[c.ID] = c.file
		if err := s.catalog(fsys, c); err != nil {
			return nil, err
		}
		if err := cited(s.catalogs[c.Catalog], c); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// catalog reads the catalog that c names, once.
func (s *suite) catalog(fsys fs.FS, c *Case) error {
	if s.catalogs[c.Catalog] != nil {
		return nil
	}
	if c.Catalog == embeddedCatalog {
		return fmt.Errorf("%s: case %s: no catalog was given to decide with", c.file, c.ID)
	}
	if !fs.ValidPath(c.Catalog) || !strings.HasPrefix(c.Catalog, "catalogs/") {
		return fmt.Errorf("%s: case %s: catalog %q is neither embedded nor a file in catalogs/", c.file, c.ID, c.Catalog)
	}
	b, err := readBounded(fsys, c.Catalog)
	if err != nil {
		return fmt.Errorf("%s: case %s: %w", c.file, c.ID, err)
	}
	var cat scheme.Catalog
	if err := strict(b, &cat); err != nil {
		return fmt.Errorf("%s: %w", c.Catalog, err)
	}
	s.catalogs[c.Catalog] = &cat
	return nil
}

// cited holds a case's ground against the catalog, so that a case cannot
// rest on a clause or a source that nobody can look up.
func cited(cat *scheme.Catalog, c *Case) error {
	if _, cl := cat.Clause(c.Cites.Clause); cl == nil {
		return fmt.Errorf("%s: case %s cites clause %q, which catalog %s does not have", c.file, c.ID, c.Cites.Clause, c.Catalog)
	}
	if _, ok := cat.Sources[c.Cites.Source]; !ok {
		return fmt.Errorf("%s: case %s cites source %q, which catalog %s does not have", c.file, c.ID, c.Cites.Source, c.Catalog)
	}
	return nil
}

// names lists the catalogs of a suite, the embedded one first.
func (s *suite) names() []string {
	names := make([]string, 0, len(s.catalogs))
	for n := range s.catalogs {
		if slices.ContainsFunc(s.cases, func(c Case) bool { return c.Catalog == n }) {
			names = append(names, n)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		switch embeddedCatalog {
		case a:
			return -1
		case b:
			return 1
		}
		return strings.Compare(a, b)
	})
	return names
}
