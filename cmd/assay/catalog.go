package main

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"text/tabwriter"

	"assay/catalog"
	"assay/scheme"

	"go.yaml.in/yaml/v3"
)

const catalogUsage = `usage: assay catalog list [--dir CATALOG] [--json]
       assay catalog show [--dir CATALOG] [--json] ID
       assay catalog lint [--dir CATALOG] [--json]
       assay catalog export [--format oscal|cyclonedx] [--version V] [--standard ID@ED,…]
                            [--out DIR [--force]] [--dir CATALOG] [--json]

list names what the catalog holds, show prints one part with the documents its
facts point at, lint holds the data against the schemas and against each other.
ID is that of a scheme, standard, arrangement, clause, market, category or source.
Without --dir it is the catalog in this program.
export writes it in open formats: OSCAL 1.1.3, 1.2.0 or 1.2.3 (catalogs, a profile
for each level, mapping collections from 1.2.0 on) or CycloneDX 1.6 standards.
Without --out it only says what it would write. The same catalog gives the same
bytes; SHA256SUMS beside the files has their hashes.

exit: 0 done, 1 not found, not readable or writable, or lint has errors or warnings,
2 usage
`

// runCatalog is the verb "catalog".
func runCatalog(args []string, stdout, stderr io.Writer) int {
	usage := func() int { io.WriteString(stderr, catalogUsage); return 2 }
	if len(args) == 0 {
		return usage()
	}
	if args[0] == "export" {
		return exportCatalog(args[1:], stdout, stderr)
	}
	flags := flag.NewFlagSet("catalog "+args[0], flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { usage() }
	dir := flags.String("dir", "", "")
	asJSON := flags.Bool("json", false, "")
	if args[0] == "-h" || args[0] == "--help" || args[0] == "help" {
		io.WriteString(stdout, catalogUsage)
		return 0
	}
	if err := flags.Parse(args[1:]); err != nil {
		return 2
	}
	fsys := catalog.EmbeddedFS()
	if *dir != "" {
		fsys = os.DirFS(*dir)
	}
	var err error
	code := 0
	switch verb := args[0]; {
	case verb == "list" && flags.NArg() == 0:
		err = listCatalog(stdout, fsys, *asJSON)
	case verb == "show" && flags.NArg() == 1:
		err = showCatalog(stdout, fsys, flags.Arg(0), *asJSON)
	case verb == "lint" && flags.NArg() == 0:
		code, err = lintCatalog(stdout, fsys, *asJSON)
	default:
		return usage()
	}
	if err != nil {
		fmt.Fprintf(stderr, "assay catalog %s: %v\n", args[0], err)
		return 1
	}
	return code
}

// catalogPart is a line of `catalog list`.
type catalogPart struct {
	Kind  string `json:"kind"`
	ID    string `json:"id"`
	Title string `json:"title"`
	Holds string `json:"holds"`
}

func listCatalog(w io.Writer, fsys fs.FS, asJSON bool) error {
	c, err := catalog.Load(fsys)
	if err != nil {
		return err
	}
	var parts []catalogPart
	for _, s := range c.Schemes {
		holds := fmt.Sprintf("%s, editions: %d", s.State, len(s.Editions))
		if n := len(s.Editions); n > 0 {
			ids := make([]string, len(s.Editions[n-1].Levels))
			for i, l := range s.Editions[n-1].Levels {
				ids[i] = l.ID
			}
			holds += ", levels " + strings.Join(ids, " ")
		}
		parts = append(parts, catalogPart{"scheme", s.ID, s.Name.In("en"), holds})
	}
	for _, a := range c.Arrangements {
		effect := fmt.Sprintf("in effect %s", a.Effective)
		if a.Effective == 0 {
			effect = fmt.Sprintf("signed %s, day of effect not known", a.Signed)
		}
		parts = append(parts, catalogPart{"arrangement", a.ID, a.Title.In("en"), effect})
		for _, cl := range a.Clauses {
			gives := cmp.Or(cl.To.Level, strings.Join(cl.To.Duties, ", "), "level not known")
			parts = append(parts, catalogPart{"clause", cl.ID,
				fmt.Sprintf("%s %s → %s %s", cl.From.Scheme, strings.Join(cl.From.Levels, ", "), cl.To.Scheme, gives),
				fmt.Sprintf("%s, from %s, %s", cl.Mode, cl.Dates.From, cl.Confidence)})
		}
	}
	for _, s := range c.Standards {
		holds := make([]string, len(s.Editions))
		for i, e := range s.Editions {
			holds[i] = fmt.Sprintf("%s (%d)", e.ID, len(e.Requirements))
		}
		parts = append(parts, catalogPart{"standard", s.ID, s.Title.In("en"), strings.Join(holds, ", ")})
	}
	for _, m := range c.Markets {
		parts = append(parts, catalogPart{"market", m.ID, m.Name.In("en"), fmt.Sprintf("rules: %d", len(m.Rules))})
	}
	if asJSON {
		return writeJSON(w, map[string]any{"digest": c.Digest, "parts": parts})
	}
	fmt.Fprintf(w, "catalog %s\n%d categories, %d sources\n\n", c.Digest, len(c.Categories), len(c.Sources))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, p := range parts {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", p.Kind, p.ID, p.Title, p.Holds)
	}
	return t.Flush()
}

func showCatalog(w io.Writer, fsys fs.FS, id string, asJSON bool) error {
	c, err := catalog.Load(fsys)
	if err != nil {
		return err
	}
	part := catalogByID(c, id)
	if part == nil {
		return fmt.Errorf("the catalog has nothing called %.80q; `assay catalog list` names what it has", id)
	}
	sources := map[string]scheme.Source{}
	collectSources(c, reflect.ValueOf(part), sources)
	if asJSON {
		return writeJSON(w, map[string]any{"part": part, "sources": sources})
	}
	e := yaml.NewEncoder(w)
	e.SetIndent(2)
	if err := e.Encode(part); err != nil {
		return err
	}
	fmt.Fprint(w, "\n# Sources\n")
	for _, key := range slices.Sorted(maps.Keys(sources)) {
		fmt.Fprintf(w, "# %s: %s %s\n", key, sources[key].Title, sources[key].URL)
	}
	return nil
}

// catalogByID is a pointer to the part with that id; nil where there is none.
func catalogByID(c *scheme.Catalog, id string) any {
	if s := c.Scheme(id); s != nil {
		return s
	}
	if _, cl := c.Clause(id); cl != nil {
		return cl
	}
	for i := range c.Arrangements {
		if c.Arrangements[i].ID == id {
			return &c.Arrangements[i]
		}
	}
	for i := range c.Standards {
		if c.Standards[i].ID == id {
			return &c.Standards[i]
		}
	}
	for i := range c.Markets {
		if c.Markets[i].ID == id {
			return &c.Markets[i]
		}
	}
	for i := range c.Categories {
		if c.Categories[i].ID == id {
			return &c.Categories[i]
		}
	}
	if s, ok := c.Sources[id]; ok {
		return &s
	}
	return nil
}

// collectSources finds the documents that facts below v point at.
func collectSources(c *scheme.Catalog, v reflect.Value, into map[string]scheme.Source) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			collectSources(c, v.Elem(), into)
		}
	case reflect.Slice:
		for i := range v.Len() {
			collectSources(c, v.Index(i), into)
		}
	case reflect.Struct:
		if f, is := v.Interface().(scheme.Fact); is {
			if s, known := c.Sources[f.Source]; known {
				into[f.Source] = s
			}
			return
		}
		for i := range v.NumField() {
			collectSources(c, v.Field(i), into)
		}
	}
}

func lintCatalog(w io.Writer, fsys fs.FS, asJSON bool) (code int, err error) {
	found, err := catalog.LintFS(fsys)
	if err != nil {
		return 1, err
	}
	if worst := catalog.Worst(found); worst == catalog.Error || worst == catalog.Warning {
		code = 1
	}
	if asJSON {
		if found == nil {
			found = []catalog.Finding{}
		}
		return code, writeJSON(w, found)
	}
	count := map[catalog.Severity]int{}
	for _, f := range found {
		count[f.Severity]++
		fmt.Fprintf(w, "%s: %s: %s\n  %s\n", f.Severity, f.Rule, strings.TrimPrefix(f.Path+": "+f.Message, ": "), f.Hint)
	}
	fmt.Fprintf(w, "%d errors, %d warnings, %d notes\n", count[catalog.Error], count[catalog.Warning], count[catalog.Note])
	return code, nil
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
