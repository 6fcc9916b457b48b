package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"assay/bundle"
	"assay/catalog"
	"assay/civil"
	"assay/scheme"
)

// evidenceCommands are the parts of `assay evidence`.
func evidenceCommands() []command {
	return []command{
		{"init", "DIR", "begin one: what the levels ask, with guidance", runEvidenceInit},
		{"check", "BUNDLE", "say where it is wrong, with file and line", runEvidenceCheck},
		{"workbook", "[BUNDLE] FILE.xlsx", "the questions as a workbook, and back with --into DIR", runEvidenceWorkbook},
		{"add", "DIR FILE…", "take files into the artifacts, and print the lines that name them", runEvidenceAdd},
		{"import", "FILE…", "take in SBOMs, scans and results of tools; say where they contradict what is declared", runEvidenceImport},
		{"plan", "BUNDLE", "what has to be looked at for a level: requirements, test units, rows", runEvidencePlan},
		{"diff", "OLD NEW", "which verdicts a change makes stale, and for which labels", runEvidenceDiff},
		{"sign", "REPORT.yaml", "sign a report with the laboratory's key", runEvidenceSign},
		{"keygen", "FILE", "make a laboratory's key, and print its entry in the catalog", runEvidenceKeygen},
		{"pack", "DIR FILE.zip", "make one file of it, the same bytes every time", runEvidencePack},
		{"unpack", "FILE DIR", "make a folder of a zip or of one evidence file", runEvidenceUnpack},
	}
}

// runEvidence is the verb "evidence".
func runEvidence(ctx context.Context, args []string, std stdio) int {
	if len(args) > 0 {
		switch args[0] {
		case "help", "-h", "-help", "--help":
			helpEvidence(std.out)
			return exitOK
		}
		for _, c := range evidenceCommands() {
			if c.name == args[0] {
				return c.run(ctx, args[1:], std)
			}
		}
		fmt.Fprintf(std.err, "assay evidence: %q is no part of it\n", clip(args[0]))
	}
	helpEvidence(std.err)
	return exitUsage
}

func helpEvidence(w io.Writer) {
	fmt.Fprint(w, "usage: assay evidence COMMAND [flags] [arguments]\n\nA maker's evidence for one product: a folder, a zip of it, or one YAML or JSON file.\n\n")
	for _, c := range evidenceCommands() {
		fmt.Fprintf(w, "  %-30s %s\n", strings.TrimSpace(c.name+" "+c.args), c.short)
	}
	fmt.Fprint(w, "\n`assay evidence COMMAND -h` tells more of one.\nexit: 0 done, 1 found something wrong or failed, 2 usage\n")
}

// loadCatalog is the catalog in a folder, or the one in this program.
func loadCatalog(dir string, laboratories ...string) (*scheme.Catalog, error) {
	if len(laboratories) > 0 {
		c, err := readCatalog(dir, laboratories)
		if err != nil {
			return nil, fmt.Errorf("catalog: %w", err)
		}
		return c, nil
	}
	c, err := catalog.Embedded()
	if dir != "" {
		c, err = catalog.LoadDir(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("catalog: %w", err)
	}
	return c, nil
}

// dayOf reads a day from a flag; without one it is today here.
func dayOf(at string) (civil.Date, error) {
	if at == "" {
		return civil.DateAt(time.Now().UnixMicro(), time.Local), nil
	}
	d, err := civil.ParseDate(at)
	if err != nil {
		return 0, fmt.Errorf("--at %w", err)
	}
	return d, nil
}

// begun is the day that has begun somewhere: what is dated today in the east
// is not from the future.
func begun() string {
	return civil.DateAt(time.Now().Add(14*time.Hour).UnixMicro(), time.UTC).String()
}

// printFindings prints what was found, each with a place that an editor can go
// to.
func printFindings(w io.Writer, path string, found []bundle.Finding) {
	for _, f := range found {
		if info, err := os.Stat(path); err == nil && info.IsDir() && f.File != "" {
			f.File = filepath.Join(path, filepath.FromSlash(f.File))
		} else if f.File == "" {
			f.File = path
		} else if f.File != path {
			f.File = path + ": " + f.File
		}
		fmt.Fprintln(w, f)
	}
}

const evidenceAddUsage = `usage: assay evidence add DIR FILE…

Copies each FILE into DIR/artifacts under its SHA-256, and prints the line that
names it in a list of artifacts. A file that is there already is not copied.
`

func runEvidenceAdd(_ context.Context, args []string, std stdio) int {
	v := newLocalVerb(std, "evidence add", evidenceAddUsage)
	rest, code, ok := v.parse(args, 2, 1000)
	if !ok {
		return code
	}
	for _, file := range rest[1:] {
		a, err := bundle.Add(rest[0], file)
		if err != nil {
			return v.fail(err)
		}
		fmt.Fprintln(std.out, bundle.Line(a))
	}
	return exitOK
}

const evidencePackUsage = `usage: assay evidence pack DIR FILE.zip

Makes a zip of the bundle in DIR. The same files give the same bytes. An existing
file is never overwritten. What is no file of a bundle is refused, so that nothing
is left behind.
`

func runEvidencePack(ctx context.Context, args []string, std stdio) int {
	v := newLocalVerb(std, "evidence pack", evidencePackUsage)
	rest, code, ok := v.parse(args, 2, 2)
	if !ok {
		return code
	}
	if err := bundle.Pack(ctx, rest[0], rest[1]); err != nil {
		return v.failBundle(rest[0], err)
	}
	return exitOK
}

const evidenceUnpackUsage = `usage: assay evidence unpack FILE DIR

Makes the new folder DIR of a zip, or of one evidence file (YAML or JSON), which
has no artifacts in it. A zip is read by a process that can do nothing else.
`

func runEvidenceUnpack(ctx context.Context, args []string, std stdio) int {
	v := newLocalVerb(std, "evidence unpack", evidenceUnpackUsage)
	rest, code, ok := v.parse(args, 2, 2)
	if !ok {
		return code
	}
	if err := bundle.Unpack(ctx, rest[0], rest[1]); err != nil {
		return v.failBundle(rest[0], err)
	}
	return exitOK
}

// failBundle says why a bundle could not be opened, file by file.
func (v *verb) failBundle(path string, err error) int {
	found := bundle.Problems(err)
	if found == nil {
		return v.fail(err)
	}
	printFindings(v.std.err, path, found)
	return v.fail(errors.New("not readable"))
}
