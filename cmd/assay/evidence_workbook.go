package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"assay/assess"
	"assay/bundle"
	"assay/civil"
	"assay/evidence"
	"assay/scheme"
	"assay/workbook"
)

const evidenceWorkbookUsage = `usage: assay evidence workbook --category CATEGORY --for SCHEME:LEVEL[,…] [flags] OUT.xlsx
       assay evidence workbook [--for SCHEME:LEVEL[,…]] [flags] BUNDLE OUT.xlsx
       assay evidence workbook --into DIR [--prefer workbook|bundle] [--dry-run] [flags] IN.xlsx

The questions of a bundle as a workbook for any spreadsheet program: those that
levels ask, as in init, or those of a bundle with its answers filled in, or both.
With --into, back again: what people changed in the workbook goes into the bundle's
product.yaml, ics.yaml and ixit/*.yaml, and what was changed there in the meantime
stays. Sheets may be renamed, and columns and rows moved. Either the whole workbook
is taken over, or nothing is and each problem is named with its sheet and cell.

  --category, --for, --ixit, --at
                            as for init
  --lang en|ko|de|fi        language of the workbook; default: en
  --into DIR                the bundle's folder
  --prefer SIDE             whose answer counts where both were changed; without it
                            that is a problem
  --dry-run                 say what would change, and change nothing
  --json                    findings and changes as JSON
  --dir CATALOG             another catalog than the one in this program

exit: 0 done, 1 refused or failed, 2 usage
`

func runEvidenceWorkbook(ctx context.Context, args []string, std stdio) int {
	v := newLocalVerb(std, "evidence workbook", evidenceWorkbookUsage)
	category := v.String("category", "", "")
	levels := v.String("for", "", "")
	ixit := v.Bool("ixit", false, "")
	lang := v.String("lang", workbook.Languages[0], "")
	at := v.String("at", "", "")
	dir := v.String("dir", "", "")
	into := v.String("into", "", "")
	prefer := v.String("prefer", "", "")
	dry := v.Bool("dry-run", false, "")
	asJSON := v.Bool("json", false, "")
	rest, code, ok := v.parse(args, 1, 2)
	if !ok {
		return code
	}
	day, err := dayOf(*at)
	if err != nil {
		return v.misuse("%v", err)
	}
	switch {
	case *into != "" && (*category != "" || *levels != "" || *ixit || len(rest) != 1):
		return v.misuse("--into takes one workbook, and neither --category nor --for")
	case *into == "" && (*prefer != "" || *dry || *asJSON):
		return v.misuse("--prefer, --dry-run and --json go with --into")
	case !slices.Contains([]workbook.Prefer{workbook.Neither, workbook.PreferBook, workbook.PreferBundle}, workbook.Prefer(*prefer)):
		return v.misuse("--prefer %.20q: workbook or bundle", *prefer)
	case !slices.Contains(workbook.Languages, *lang):
		return v.misuse("--lang %.20q: there is %s", *lang, strings.Join(workbook.Languages, ", "))
	case *into == "" && len(rest) == 1 && (*category == "" || *levels == ""):
		return v.misuse("say what the product is with --category and what it is for with --for, or name a bundle")
	case len(rest) == 2 && *category != "":
		return v.misuse("the bundle says what the product is: leave --category out")
	}
	cat, err := loadCatalog(*dir)
	if err != nil {
		return v.fail(err)
	}
	if *into != "" {
		t := &takeOver{v: v, cat: cat, dir: *into, file: rest[0], prefer: workbook.Prefer(*prefer), dry: *dry, json: *asJSON}
		return t.run(ctx)
	}
	ev := &evidence.Evidence{}
	if len(rest) == 2 {
		b, err := bundle.OpenContext(ctx, rest[0])
		if err != nil {
			return v.failBundle(rest[0], err)
		}
		ev = b.Evidence
	}
	q, code, ok := v.questions(cat, ev, *category, *levels, *ixit, day)
	if !ok {
		return code
	}
	var file bytes.Buffer
	if err := workbook.Write(&file, cat, ev, q, *lang); err != nil {
		return v.fail(err)
	}
	out := rest[len(rest)-1]
	if err := writeNew(out, file.Bytes()); err != nil {
		return v.fail(err)
	}
	fmt.Fprintf(std.out, "%s: %d bytes\n", out, file.Len())
	return exitOK
}

// questions is what levels ask; none where none are given.
func (v *verb) questions(cat *scheme.Catalog, ev *evidence.Evidence, category, levels string, ixit bool, day civil.Date) (q workbook.Questions, code int, ok bool) {
	if levels == "" {
		return q, exitOK, true
	}
	c, err := assess.Compile(cat)
	if err != nil {
		return q, v.fail(fmt.Errorf("catalog: %w", err)), false
	}
	functions := ev.Product.Functions
	if category != "" {
		if functions, err = categoriesOf(cat, category); err != nil {
			return q, v.misuse("--category: %v", err), false
		}
	}
	asked, err := asksOf(v.std.err, c, cat, levels, functions, day)
	if err != nil {
		return q, v.misuse("--for: %v", err), false
	}
	if ixit {
		for _, a := range asked {
			a.Tested(cat)
		}
	}
	return workbook.Ask(functions, asked...), exitOK, true
}

// writeNew writes a file that must not exist: complete, or not at all.
func writeNew(name string, b []byte) (err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s exists and is never overwritten: choose another name", name)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		os.Remove(name)
	}
	return err
}

// takeOver is the way of a workbook into a bundle.
type takeOver struct {
	v         *verb
	cat       *scheme.Catalog
	dir, file string
	prefer    workbook.Prefer
	dry, json bool
}

// takenOver is what came of it, as JSON.
type takenOver struct {
	Findings []workbook.Finding `json:"findings"`
	Changes  []workbook.Change  `json:"changes"`
	Files    []string           `json:"files"`   // of the bundle
	Written  bool               `json:"written"` // false: nothing was changed
}

func (t *takeOver) run(ctx context.Context) int {
	if info, err := os.Stat(t.dir); err == nil && !info.IsDir() {
		return t.v.fail(fmt.Errorf("%s is no folder: `assay evidence unpack` makes one of it", t.dir))
	}
	b, err := bundle.OpenContext(ctx, t.dir)
	if err != nil {
		return t.v.failBundle(t.dir, err)
	}
	content, found, err := workbook.ReadFile(ctx, t.file, t.cat)
	if err != nil {
		return t.v.fail(err)
	}
	if content == nil {
		return t.end(takenOver{Findings: found}, errors.New("nothing was taken over: correct what is named, and do it again"))
	}
	ev, changes, more := workbook.Merge(b.Evidence, content, t.prefer)
	res := takenOver{Findings: append(found, more...), Changes: changes}
	if ev == nil {
		return t.end(res, errors.New("nothing was taken over: workbook and bundle were both changed"))
	}
	before := map[string][]byte{}
	for _, p := range b.Texts() {
		before[p] = b.Text(p)
	}
	if res.Files, err = b.Update(ev); err != nil {
		return t.v.fail(err)
	}
	if len(res.Files) > 0 && !t.dry {
		if err := b.Rewrite(t.dir, before, res.Files...); err != nil {
			return t.v.fail(err)
		}
		res.Written = true
	}
	return t.end(res, nil)
}

// end prints what came of it.
func (t *takeOver) end(res takenOver, why error) int {
	out := t.v.std.out
	if t.json {
		if res.Findings == nil {
			res.Findings = []workbook.Finding{}
		}
		if res.Changes == nil {
			res.Changes = []workbook.Change{}
		}
		if res.Files == nil {
			res.Files = []string{}
		}
		if err := writeJSON(out, res); err != nil {
			return t.v.fail(err)
		}
	} else {
		for _, f := range res.Findings {
			fmt.Fprintf(t.v.std.err, "%s: %s\n", t.file, f)
		}
		printChanges(out, res.Changes)
		switch {
		case why != nil:
		case len(res.Files) == 0:
			fmt.Fprintf(out, "%s says what %s says already\n", t.dir, t.file)
		default:
			done := "changed"
			if t.dry {
				done = "would change"
			}
			fmt.Fprintf(out, "%s: %s\n", done, strings.Join(inDir(t.dir, res.Files), ", "))
		}
	}
	if why != nil {
		return t.v.fail(why)
	}
	return exitOK
}

func inDir(dir string, paths []string) (out []string) {
	for _, p := range paths {
		out = append(out, filepath.Join(dir, filepath.FromSlash(p)))
	}
	return out
}

// printChanges prints a line for each value.
func printChanges(w io.Writer, changes []workbook.Change) {
	short := func(s string) string {
		rs := []rune(strings.ReplaceAll(s, "\n", " ⏎ "))
		if len(rs) > 60 {
			rs = append(rs[:60], '…')
		}
		return string(rs)
	}
	for _, c := range changes {
		at := c.Place.Sheet
		if c.Place.Cell != "" {
			at += "!" + c.Place.Cell
		}
		fmt.Fprintf(w, "%s: %s %s: %q → %q\n", at, short(c.Key), c.Column, short(c.Was), short(c.Is))
	}
}
