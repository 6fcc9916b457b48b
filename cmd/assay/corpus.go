package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"

	"assay/catalog"
	"assay/corpus"
	"assay/scheme"
)

// runCorpus runs conformance cases: exit 0 when all pass (and, with --mutate,
// no mutant survives), 1 when not or when they cannot be read, 2 used wrongly.
func runCorpus(args []string, stdout, stderr io.Writer) int {
	const usage = "Usage: assay corpus run [--mutate] [--json] [--catalog DIR] [DIR]\n\nRuns the cases of DIR (cases/*.json and catalogs/, as corpus/README.md says), or those in this binary.\n"
	if len(args) > 0 && (args[0] == "-h" || args[0] == "--help" || args[0] == "help") {
		fmt.Fprint(stdout, usage)
		return 0
	}
	if len(args) == 0 || args[0] != "run" {
		fmt.Fprint(stderr, usage)
		return 2
	}
	fl := flag.NewFlagSet("corpus run", flag.ContinueOnError)
	fl.SetOutput(stderr)
	fl.Usage = func() { fmt.Fprint(stderr, usage); fl.PrintDefaults() }
	mutate := fl.Bool("mutate", false, "change every clause field in turn; each change must turn a case red")
	asJSON := fl.Bool("json", false, "print one JSON object")
	dir := fl.String("catalog", "", "decide with the catalog in this folder, not the embedded one")
	// The folder may stand before the flags too.
	rest := args[1:]
	var folders []string
	for len(rest) > 0 {
		if err := fl.Parse(rest); err != nil {
			if err == flag.ErrHelp {
				return 0
			}
			return 2
		}
		if rest = fl.Args(); len(rest) > 0 {
			folders, rest = append(folders, rest[0]), rest[1:]
		}
	}
	if len(folders) > 1 {
		fmt.Fprint(stderr, usage)
		return 2
	}
	fsys := corpus.Embedded()
	if len(folders) == 1 {
		if _, err := os.ReadDir(folders[0]); err != nil { // the file system below it does not name the folder
			fmt.Fprintf(stderr, "assay corpus: %v\n", err)
			return 1
		}
		fsys = os.DirFS(folders[0])
	}
	ok, err := corpusReport(fsys, *dir, *mutate, *asJSON, stdout)
	if err != nil {
		fmt.Fprintf(stderr, "assay corpus: %v\n", err)
	}
	if err != nil || !ok {
		return 1
	}
	return 0
}

func corpusReport(fsys fs.FS, dir string, mutate, asJSON bool, w io.Writer) (ok bool, err error) {
	var cat *scheme.Catalog
	if dir != "" {
		cat, err = catalog.LoadDir(dir)
	} else {
		cat, err = catalog.Embedded()
	}
	if err != nil {
		return false, err
	}
	var out struct {
		corpus.Report
		Mutation *corpus.Mutation `json:"mutation,omitempty"`
	}
	if out.Report, err = corpus.Run(fsys, cat); err != nil {
		return false, err
	}
	ok = len(out.Failures) == 0
	if mutate && ok { // a suite that fails already kills everything and proves nothing
		m, err := corpus.Mutate(fsys, cat)
		if err != nil {
			return false, err
		}
		out.Mutation, ok = &m, len(m.Survivors) == 0
	}
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return ok, enc.Encode(out)
	}
	for _, f := range out.Failures {
		fmt.Fprintf(w, "FAIL %s (%s)\n", f.Case, f.File)
		for _, what := range f.What {
			fmt.Fprintf(w, "     %s\n", what)
		}
	}
	fmt.Fprintf(w, "%d cases, %d failed\n", out.Cases, len(out.Failures))
	if m := out.Mutation; m != nil {
		for _, s := range m.Survivors {
			fmt.Fprintf(w, "SURVIVED %s\n", s)
		}
		fmt.Fprintf(w, "%d mutants, %d survived\n", m.Mutants, len(m.Survivors))
	} else if mutate {
		fmt.Fprintln(w, "no mutants tried: make the cases pass first")
	}
	return ok, nil
}
