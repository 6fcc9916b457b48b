package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"assay/bundle"
	"assay/evidence"
	"assay/exchange"
	"assay/exchange/intake"
)

const evidenceImportUsage = `usage: assay evidence import [--bundle DIR] [--print] [--json] FILE…

Takes what laboratories have into the bundle in DIR (here): bills of materials and
attestations in CycloneDX (JSON, XML), bills in SPDX (JSON, tag-value), results in
SARIF 2.1.0, nmap's XML (-oX), JSON of testssl.sh and of ssh-audit. The content
tells the format; OSCAL assessment results and component definitions are read, too.
Each FILE becomes an artifact, and what it says a file in imports. Attestations and
assessment results become declarations in claims.yaml, and a component definition
answers what ics.yaml leaves open. A FILE that is there already changes nothing. Then it says where what was declared and what was
observed differ.

--print writes what a file says to the standard output, and nothing else.
Archives are not opened. A FILE is read by a process that can do nothing else.

exit: 0 done, 1 a FILE was refused, 2 usage
`

// imported is what `assay evidence import --json` says of a file.
type imported struct {
	File       string   `json:"file"`
	Error      string   `json:"error,omitempty"`
	Import     string   `json:"import,omitempty"` // path in the bundle
	Added      bool     `json:"added"`
	Format     string   `json:"format,omitempty"`
	Components int      `json:"components"`
	Services   int      `json:"services"`
	Issues     int      `json:"issues"`
	Claims     int      `json:"claims"`
	Answers    int      `json:"answers"` // of an ICS
	Notes      []string `json:"notes,omitempty"`
	Differ     []string `json:"differ,omitempty"` // answers that ics.yaml gives otherwise
}

func runEvidenceImport(ctx context.Context, args []string, std stdio) int {
	v := newLocalVerb(std, "evidence import", evidenceImportUsage)
	dir := v.String("bundle", ".", "")
	asText := v.Bool("print", false, "")
	asJSON := v.Bool("json", false, "")
	files, code, ok := v.parse(args, 1, 1000)
	if !ok {
		return code
	}
	if *asText {
		return v.printImports(ctx, files)
	}
	code = exitOK
	all := []imported{}
	for _, file := range files {
		b, err := bundle.OpenContext(ctx, *dir) // again, with what the last one added
		if err != nil {
			return v.failBundle(*dir, err)
		}
		x, err := importFile(ctx, b, *dir, file)
		if err != nil {
			code, x.Error = exitFailed, err.Error()
			fmt.Fprintf(std.err, "assay evidence import: %v\n", err)
		} else if !*asJSON {
			fmt.Fprintln(std.out, x)
		}
		all = append(all, x)
	}
	b, err := bundle.OpenContext(ctx, *dir)
	if err != nil {
		return v.failBundle(*dir, err)
	}
	found := append(b.Locate(evidence.Reconcile(b.Evidence)...), gaps(b)...)
	if *asJSON {
		if found == nil {
			found = []bundle.Finding{}
		}
		if err := writeJSON(std.out, struct {
			Files  []imported       `json:"files"`
			Differ []bundle.Finding `json:"differ"`
		}{all, found}); err != nil {
			return v.fail(err)
		}
		return code
	}
	if len(found) > 0 {
		notes := 0
		for _, f := range found {
			if f.Note {
				notes++
			}
		}
		fmt.Fprintf(std.out, "\ndeclared and observed differ: %d, notes: %d\n", len(found)-notes, notes)
		printFindings(std.out, *dir, found)
	}
	return code
}

// importFile takes one file into a bundle.
func importFile(ctx context.Context, b *bundle.Bundle, dir, file string) (imported, error) {
	x := imported{File: file}
	r, err := exchange.Take(ctx, file, intake.Options{Holder: b.Evidence.Product.Holder})
	if err != nil {
		return x, inFile(file, err)
	}
	m := &r.Import
	x.Format, x.Components, x.Services, x.Issues, x.Claims, x.Notes = m.Format, len(m.Components), len(m.Services), len(m.Issues), len(r.Claims), m.Notes
	for i := range r.ICS {
		x.Answers += len(r.ICS[i].Entries)
	}
	x.Answers += len(r.Features)
	a, err := b.AddImport(dir, file, bundle.Imported{Import: *m, Claims: r.Claims, ICS: r.ICS, Features: r.Features})
	x.Import, x.Added, x.Differ = a.Path, a.New, a.Differ
	return x, err
}

// inFile names a refused file as the user did.
func inFile(file string, err error) error {
	var e *evidence.Error
	if errors.As(err, &e) {
		e.File = file
	}
	return err
}

// String is a line for people, with the notes below it.
func (x imported) String() string {
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{x.Components, "components"}, {x.Services, "services"}, {x.Issues, "issues"}, {x.Claims, "declarations"}, {x.Answers, "answers"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	if len(parts) == 0 {
		parts = []string{"nothing"}
	}
	if !x.Added {
		return fmt.Sprintf("%s: there already as %s; nothing changed", x.File, x.Import)
	}
	s := fmt.Sprintf("%s: %s, %s -> %s", x.File, x.Format, strings.Join(parts, ", "), x.Import)
	for _, d := range x.Differ {
		s += "\n  left as it is: " + d
	}
	for _, n := range x.Notes {
		s += "\n  note: " + n
	}
	return s
}

// printImports writes what files say and leaves everything as it is.
func (v *verb) printImports(ctx context.Context, files []string) int {
	code := exitOK
	for _, file := range files {
		r, err := exchange.Take(ctx, file, intake.Options{})
		if err != nil {
			fmt.Fprintf(v.std.err, "assay evidence import: %v\n", inFile(file, err))
			code = exitFailed
			continue
		}
		text, err := bundle.ImportText(r.Import)
		if err != nil {
			return v.fail(err)
		}
		if len(files) > 1 {
			fmt.Fprintln(v.std.out, "---")
		}
		if _, err := v.std.out.Write(text); err != nil {
			return v.fail(err)
		}
	}
	return code
}
