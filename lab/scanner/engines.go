package scanner

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"assay/lab"
	"assay/lab/firmware/malware"
)

// yara runs YARA with the operator's rules.
func (s *Scanner) yara(ctx context.Context, w *Collection) (malware.Engine, []lab.Finding) {
	e := malware.Engine{Name: "yara", State: malware.Absent}
	if s.Yara == "" {
		return e, nil
	}
	e.Version = s.version(ctx, w, s.Yara)
	if e.State = malware.NoSignatures; len(s.Rules) == 0 {
		return e, nil
	}
	var err error
	if e.Sources, err = sources(s.Rules); err != nil {
		return failed(e, err.Error()), nil
	}
	// -e: with the name space, which keeps rules of one name apart. The list is read line by line.
	args := []string{"--no-warnings", "--print-namespace", "--no-follow-symlinks", "--scan-list"}
	for i, r := range s.Rules {
		args = append(args, fmt.Sprintf("r%d:%s", i+1, r))
	}
	out, problem, code, err := s.run(ctx, w, s.Yara, append(args, w.list)...)
	h := hits{w: w, rule: "malware.yara", tool: e.Tool()}
	for line := range strings.Lines(out) {
		name, path, ok := strings.Cut(strings.TrimSpace(line), " ")
		if _, rule, spaced := strings.Cut(name, ":"); ok && spaced {
			h.add(rule, path)
		}
	}
	e.State, e.Hits = malware.Used, len(h.all)
	var said strings.Builder
	for line := range strings.Lines(problem) {
		if rest, ok := strings.CutPrefix(line, "error scanning "); ok {
			if path, _, ok := strings.Cut(rest, ": "); ok {
				if _, ours := w.place(path); ours {
					e.Incomplete++
					continue
				}
			}
		}
		said.WriteString(line)
	}
	switch {
	case err != nil:
		e = failed(e, err.Error())
	case code != 0 && e.Incomplete == 0:
		e = failed(e, fmt.Sprintf("it ended with code %d: %s", code, w.first(said.String())))
	}
	return e, h.all
}

// limits is how ClamAV names the files that it did not read to their end, told to do so.
const limits = "Heuristics.Limits.Exceeded"

// clam runs ClamAV.
func (s *Scanner) clam(ctx context.Context, w *Collection) (malware.Engine, []lab.Finding) {
	e := malware.Engine{Name: "clamav", State: malware.Absent}
	if s.Clam == "" {
		return e, nil
	}
	e.Version, _, _ = strings.Cut(s.version(ctx, w, s.Clam), "/") // behind it its own signatures, not those that are used here
	files := signatureFiles(s.Database)
	if e.State = malware.NoSignatures; len(files) == 0 {
		return e, nil
	}
	var err error
	if e.Sources, err = sources(files); err != nil {
		return failed(e, err.Error()), nil
	}
	out, problem, code, err := s.run(ctx, w, s.Clam,
		"--stdout", "--no-summary", "--infected", "--alert-exceeds-max=yes", "--max-scantime=120000",
		fmt.Sprintf("--max-filesize=%d", malware.MaxContent), fmt.Sprintf("--max-scansize=%d", 2*malware.MaxContent),
		"--tempdir="+filepath.Join(w.dir, "own"), "--database="+s.Database, "--file-list="+w.list)
	h := hits{w: w, rule: "malware.clamav", tool: e.Tool()}
	var said strings.Builder
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		path, rest, ok := strings.Cut(line, ": ")
		_, ours := w.place(path)
		name, found := strings.CutSuffix(rest, " FOUND")
		switch {
		case !ok || !ours:
			said.WriteString(line + "\n")
		case found && strings.HasPrefix(name, limits), strings.HasSuffix(rest, " ERROR"):
			e.Incomplete++
		case found:
			h.add(name, path)
		}
	}
	e.State, e.Hits = malware.Used, len(h.all)
	switch {
	case err != nil:
		e = failed(e, err.Error())
	case code > 1 && e.Incomplete == 0:
		e = failed(e, fmt.Sprintf("it ended with code %d: %s", code, w.first(problem+said.String())))
	}
	return e, h.all
}

func failed(e malware.Engine, why string) malware.Engine {
	e.State, e.Problem = malware.Failed, printable(why, 400)
	return e
}

// Kinds of files that ClamAV reads signatures from: its containers, and those
// with one signature on each line.
var (
	containers     = []string{".cvd", ".cld", ".cud", ".cbc"}
	lineSignatures = []string{".ndb", ".ndu", ".hdb", ".hdu", ".hsb", ".hsu", ".mdb", ".mdu", ".msb", ".msu", ".ldb", ".ldu", ".idb", ".fp", ".sfp", ".cdb", ".db", ".zmd", ".rmd", ".ftm", ".pdb", ".wdb"}
)

// signatureFiles are the files that ClamAV would read at a path.
func signatureFiles(path string) []string {
	info, err := os.Stat(path)
	if path == "" || err != nil {
		return nil
	}
	is := func(name string) bool {
		ext := filepath.Ext(name)
		return slices.Contains(containers, ext) || slices.Contains(lineSignatures, ext)
	}
	if info.Mode().IsRegular() {
		if is(path) {
			return []string{path}
		}
		return nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil
	}
	var all []string
	for _, f := range entries {
		if f.Type().IsRegular() && is(f.Name()) {
			all = append(all, filepath.Join(path, f.Name()))
		}
	}
	return all
}
