package main

import (
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"assay/catalog"
	"assay/exchange/attest"
	"assay/exchange/oscal"
	"assay/scheme"
)

// exportList is the file that names the others of an export by their hashes,
// in the form that sha256sum -c reads.
const exportList = "SHA256SUMS"

// exportFile is one document of an export.
type exportFile struct {
	Path   string `json:"path"`
	Title  string `json:"title"`
	Size   int    `json:"size"`
	SHA256 string `json:"sha256"`
	body   []byte
}

// exported is what `catalog export` says that it did.
type exported struct {
	Catalog string       `json:"catalog"`
	Format  string       `json:"format"`
	Version string       `json:"version"`
	Out     string       `json:"out,omitempty"` // empty: nothing was written
	Files   []exportFile `json:"files"`
	Left    []string     `json:"left_out,omitempty"` // of what was asked for, and why
}

// exportCatalog is the verb "catalog export".
func exportCatalog(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("catalog export", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { io.WriteString(stderr, catalogUsage) }
	dir := flags.String("dir", "", "")
	format := flags.String("format", "oscal", "")
	version := flags.String("version", "", "")
	only := flags.String("standard", "", "")
	out := flags.String("out", "", "")
	force := flags.Bool("force", false, "")
	asJSON := flags.Bool("json", false, "")
	if err := flags.Parse(args); err != nil {
		return exitUsage
	}
	refuse := func(code int, err error) int {
		fmt.Fprintf(stderr, "assay catalog export: %v\n", err)
		return code
	}
	if flags.NArg() != 0 {
		flags.Usage()
		return exitUsage
	}
	refs, err := standardRefs(*only)
	if err != nil {
		return refuse(exitUsage, err)
	}
	fsys := catalog.EmbeddedFS()
	if *dir != "" {
		fsys = os.DirFS(*dir)
	}
	c, err := catalog.Load(fsys)
	if err != nil {
		return refuse(exitFailed, err)
	}
	x, err := exportOf(c, *format, *version, refs)
	if err != nil {
		return refuse(exitUsage, err)
	}
	if *out != "" {
		if err := writeExport(*out, x.Files, *force); err != nil {
			return refuse(exitFailed, err)
		}
		x.Out = *out
	}
	if *asJSON {
		err = writeJSON(stdout, x)
	} else {
		err = printExport(stdout, x)
	}
	if err != nil {
		return refuse(exitFailed, err)
	}
	return exitOK
}

// standardRefs reads STANDARD@EDITION, several separated by commas; "" is nil.
func standardRefs(s string) (refs []scheme.StandardRef, err error) {
	if s == "" {
		return nil, nil
	}
	for _, name := range strings.Split(s, ",") {
		id, edition, ok := strings.Cut(name, "@")
		if !ok || id == "" || edition == "" {
			return nil, fmt.Errorf("--standard %.80q: write STANDARD@EDITION, as in en-303-645@2.1.1", name)
		}
		refs = append(refs, scheme.StandardRef{Standard: id, Edition: edition})
	}
	return refs, nil
}

// exportOf makes the documents. Its errors are about what was asked for.
func exportOf(c *scheme.Catalog, format, version string, only []scheme.StandardRef) (*exported, error) {
	x := &exported{Catalog: c.Digest, Format: format}
	switch format {
	case "oscal":
		v := oscal.Versions[len(oscal.Versions)-1]
		if version != "" {
			v = oscal.Version(version)
		}
		files, err := oscal.Export(c, v, only)
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			x.Files = append(x.Files, exportFile{f.Path, f.Title, f.Size, f.SHA256, f.Body})
		}
		if x.Version = string(v); v == oscal.V113 && len(c.Mappings) > 0 {
			x.Left = append(x.Left, fmt.Sprintf("%d mappings: OSCAL %s has no model of them; ask for --version %s", len(c.Mappings), v, oscal.V123))
		}
	case "cyclonedx":
		if x.Version = attest.SpecVersion; version != "" && version != x.Version {
			return nil, fmt.Errorf("--version %.20q: CycloneDX is written as %s", version, x.Version)
		}
		files, err := attest.Export(c, only)
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			x.Files = append(x.Files, exportFile{f.Path, f.Title, f.Size, f.SHA256, f.Body})
		}
		if n := len(c.Mappings); n > 0 {
			x.Left = append(x.Left, fmt.Sprintf("%d mappings: CycloneDX has no place for them", n))
		}
	default:
		return nil, fmt.Errorf("--format %.20q is none of oscal, cyclonedx", format)
	}
	for i := range c.Standards {
		for j := range c.Standards[i].Editions {
			if e := &c.Standards[i].Editions[j]; len(e.Requirements) == 0 {
				x.Left = append(x.Left, fmt.Sprintf("%s@%s: the catalog has no requirements of it", c.Standards[i].ID, e.ID))
			}
		}
	}
	if x.Files == nil {
		x.Files = []exportFile{}
	}
	return x, nil
}

// writeExport writes all or nothing into a new folder; into one that is there
// it writes each file whole, and only with force replaces any. What an earlier
// export left there, and nobody has changed since, goes where it is not of this
// one.
func writeExport(out string, files []exportFile, force bool) error {
	var sums strings.Builder
	for _, f := range files {
		fmt.Fprintf(&sums, "%s  %s\n", f.SHA256, f.Path)
	}
	all := append(slices.Clip(files), exportFile{Path: exportList, body: []byte(sums.String())})
	info, err := os.Stat(out)
	fresh := errors.Is(err, fs.ErrNotExist)
	switch {
	case err != nil && !fresh:
		return err
	case !fresh && !info.IsDir():
		return fmt.Errorf("%s is a file: choose another --out", out)
	case !fresh && !force:
		for _, f := range all {
			if at := inFolder(out, f.Path); exists(at) {
				return fmt.Errorf("%s is there already: choose another --out, or replace it with --force", at)
			}
		}
	}
	near := out // the same file system
	if fresh {
		near = filepath.Dir(filepath.Clean(out))
		if err := os.MkdirAll(near, 0o755); err != nil {
			return err
		}
	}
	stage, err := os.MkdirTemp(near, ".export-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(stage)
	for _, f := range all {
		if err := os.MkdirAll(filepath.Dir(inFolder(stage, f.Path)), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(inFolder(stage, f.Path), f.body, 0o644); err != nil {
			return err
		}
	}
	if fresh {
		if err := os.Chmod(stage, 0o755); err != nil {
			return err
		}
		return os.Rename(stage, out)
	}
	dropOld(out, all)
	for _, f := range all { // the list comes last: it never names what is not there
		at := inFolder(out, f.Path)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			return err
		}
		if err := os.Rename(inFolder(stage, f.Path), at); err != nil {
			return err
		}
	}
	return nil
}

func inFolder(dir, path string) string { return filepath.Join(dir, filepath.FromSlash(path)) }

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// dropOld removes what the list of an earlier export names and is still as it
// was written, unless it is written again.
func dropOld(out string, now []exportFile) {
	b, err := os.ReadFile(inFolder(out, exportList))
	if err != nil {
		return
	}
	for _, l := range strings.Split(string(b), "\n") {
		sum, path, ok := strings.Cut(l, "  ")
		if !ok || !filepath.IsLocal(filepath.FromSlash(path)) || slices.ContainsFunc(now, func(f exportFile) bool { return f.Path == path }) {
			continue
		}
		if old, err := os.ReadFile(inFolder(out, path)); err == nil && fmt.Sprintf("%x", sha256.Sum256(old)) == sum {
			os.Remove(inFolder(out, path)) // what stays is no part of the new list
		}
	}
}

func printExport(w io.Writer, x *exported) error {
	fmt.Fprintf(w, "catalog %s as %s %s\n\n", x.Catalog, x.Format, x.Version)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	size := 0
	for _, f := range x.Files {
		fmt.Fprintf(t, "%s\t%s\t%s\n", f.SHA256, f.Path, f.Title)
		size += f.Size
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, l := range x.Left {
		fmt.Fprintf(w, "left out: %s\n", l)
	}
	if x.Out == "" {
		_, err := fmt.Fprintf(w, "\n%d files, %d bytes; nothing was written: name a folder with --out\n", len(x.Files), size)
		return err
	}
	_, err := fmt.Fprintf(w, "\n%d files, %d bytes, written to %s with their hashes in %s\n", len(x.Files), size, x.Out, exportList)
	return err
}
