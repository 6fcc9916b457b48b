// Package scanner runs other people's programs that look for malware, on the files
// of an image: YARA with the operator's rules and ClamAV with the operator's
// signatures, where they are installed.
package scanner

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"assay/lab"
	"assay/lab/firmware/malware"
)

// Bounds of a scan, unless the Scanner has others.
const (
	MaxBytes = 4 << 30          // of all files together; what is beyond is left out
	MaxTime  = 15 * time.Minute // of each program
)

// maxSaid bounds what a program may write; more than it is an error.
const maxSaid = 32 << 20

// Scanner runs programs that look for malware, which are no part of this one.
// They get the files under numbers, in a folder that only this account may enter
// and that is removed after; what they write is read as foreign bytes.
type Scanner struct {
	Yara     string        // path of yara(1); "" leaves it out
	Rules    []string      // files of YARA rules; without them YARA is not run
	Clam     string        // path of clamscan(1); "" leaves it out
	Database string        // file or folder of ClamAV's signatures; without it ClamAV is not run
	At       time.Time     // instant of the run, by which signatures are too old or not; zero: not asked
	Temp     string        // where the private folder is made, "" is the system's place
	Bytes    int64         // instead of MaxBytes
	Time     time.Duration // instead of MaxTime
}

// databases are where ClamAV keeps its signatures, by the systems it is installed on.
var databases = []string{"/var/lib/clamav", "/usr/local/share/clamav", "/usr/local/var/lib/clamav", "/opt/homebrew/var/lib/clamav"}

// Find makes a scanner of what is installed. rules are the operator's files of
// YARA rules; database is the operator's file or folder of signatures, "" is
// where ClamAV keeps them. Its error says which of the files given is not there.
func Find(rules []string, database string) (*Scanner, error) {
	s := &Scanner{Database: database}
	for _, r := range rules {
		abs, err := filepath.Abs(r)
		if err != nil {
			return nil, fmt.Errorf("YARA rules: %w", err)
		}
		if info, err := os.Stat(abs); err != nil || !info.Mode().IsRegular() {
			return nil, fmt.Errorf("YARA rules %s: no such file; give a file of rules as text", r)
		}
		s.Rules = append(s.Rules, abs)
	}
	s.Yara, _ = exec.LookPath("yara")
	s.Clam, _ = exec.LookPath("clamscan")
	if database != "" {
		abs, err := filepath.Abs(database)
		if err != nil {
			return nil, fmt.Errorf("ClamAV signatures: %w", err)
		}
		if len(signatureFiles(abs)) == 0 {
			return nil, fmt.Errorf("ClamAV signatures %s: no file of signatures there; give a folder or file of them (.cvd, .cld, .ndb, .hdb, …)", database)
		}
		s.Database = abs
		return s, nil
	}
	for _, d := range databases {
		if len(signatureFiles(d)) > 0 {
			s.Database = d
			break
		}
	}
	return s, nil
}

// Ready reports whether any program has something to look with.
func (s *Scanner) Ready() bool {
	return s.Yara != "" && len(s.Rules) > 0 || s.Clam != "" && len(signatureFiles(s.Database)) > 0
}

// Scan gives files to the programs. Its errors are those of the files and of
// the folder; that a program is missing or fails stands in the result.
func (s *Scanner) Scan(ctx context.Context, files iter.Seq2[malware.Content, error]) (_ *malware.Scan, err error) {
	c, err := s.Collect(ctx, files)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	return c.Scan(ctx)
}

// Collection are the files of an image in a private folder, each content once and
// under a number.
type Collection struct {
	s       *Scanner
	dir     string
	list    string                 // file with their paths
	places  map[string][]lab.Place // by number
	numbers map[string]string      // by digest
	scan    malware.Scan
}

// Collect writes files into a private folder, for a Scan that takes longer than
// what gives the files may. The Collection must be closed.
func (s *Scanner) Collect(ctx context.Context, files iter.Seq2[malware.Content, error]) (*Collection, error) {
	dir, err := os.MkdirTemp(s.Temp, "assay-scan-")
	if err != nil {
		return nil, fmt.Errorf("a folder for the scanners: %w", err)
	}
	c := &Collection{s: s, dir: dir, scan: malware.Scan{At: s.At}, places: map[string][]lab.Place{}, numbers: map[string]string{}}
	if c.dir, err = filepath.Abs(dir); err == nil {
		err = c.write(ctx, files)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return c, nil
}

// Close removes the folder.
func (c *Collection) Close() error { return os.RemoveAll(c.dir) }

// Scan runs the programs on the files.
func (c *Collection) Scan(ctx context.Context) (*malware.Scan, error) {
	scan := c.scan
	for _, run := range []func(context.Context, *Collection) (malware.Engine, []lab.Finding){c.s.yara, c.s.clam} {
		e, fs := run(ctx, c)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		scan.Engines = append(scan.Engines, e)
		scan.Findings = append(scan.Findings, fs...)
	}
	scan.Findings, _ = lab.Sort(scan.Findings) // the programs look at several files at once
	return &scan, nil
}

func (c *Collection) write(ctx context.Context, files iter.Seq2[malware.Content, error]) error {
	in := filepath.Join(c.dir, "files")
	if err := errors.Join(os.Mkdir(in, 0o700), os.Mkdir(filepath.Join(c.dir, "own"), 0o700)); err != nil {
		return err
	}
	most := cmp.Or(c.s.Bytes, MaxBytes)
	var list strings.Builder
	for f, err := range files {
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		c.scan.Left += f.Left
		if f.SHA256 == "" {
			continue
		}
		if n, ok := c.numbers[f.SHA256]; ok {
			c.places[n] = append(c.places[n], f.Where)
			continue
		}
		if f.Data == nil || c.scan.Bytes+int64(len(f.Data)) > most {
			c.scan.Left++
			continue
		}
		n := fmt.Sprintf("%06d", c.scan.Files+1)
		p := filepath.Join(in, n)
		if err := writeNew(p, f.Data); err != nil {
			return fmt.Errorf("a file for the scanners: %w", err)
		}
		c.scan.Files++
		c.scan.Bytes += int64(len(f.Data))
		c.numbers[f.SHA256], c.places[n] = n, []lab.Place{f.Where}
		list.WriteString(p + "\n")
	}
	c.list = filepath.Join(c.dir, "list")
	return writeNew(c.list, []byte(list.String()))
}

func writeNew(p string, b []byte) error {
	f, err := os.OpenFile(p, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Close())
}

// place gives the places of a file by what a program calls it; false for what
// is none of ours.
func (w *Collection) place(path string) ([]lab.Place, bool) {
	if filepath.Dir(path) != filepath.Join(w.dir, "files") {
		return nil, false
	}
	p, ok := w.places[filepath.Base(path)]
	return p, ok
}

// bounded is a buffer that refuses more than maxSaid. It holds the buffer and does not
// embed it: a Buffer's ReadFrom would pass Write by.
type bounded struct {
	b    bytes.Buffer
	over bool
}

var errSaid = fmt.Errorf("it writes more than %d bytes", maxSaid)

func (b *bounded) Write(p []byte) (int, error) {
	if b.over = b.over || b.b.Len()+len(p) > maxSaid; b.over {
		return 0, errSaid
	}
	return b.b.Write(p)
}

func (b *bounded) String() string { return b.b.String() }

// run runs a program in the folder, without the environment of this one. code is
// -1 where it did not end by itself; err says why.
func (s *Scanner) run(ctx context.Context, w *Collection, program string, args ...string) (stdout, stderr string, code int, err error) {
	limit := cmp.Or(s.Time, MaxTime)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not done after %v", limit))
	defer cancel()
	own := filepath.Join(w.dir, "own")
	c := exec.CommandContext(ctx, program, args...)
	c.Dir = own
	c.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C", "TZ=UTC", "HOME=" + own, "TMPDIR=" + own}
	c.WaitDelay = 5 * time.Second
	var out, problem bounded
	c.Stdout, c.Stderr = &out, &problem
	err = c.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return out.String(), problem.String(), -1, context.Cause(ctx)
	case out.over || problem.over:
		return out.String(), problem.String(), -1, errSaid
	case err == nil:
		return out.String(), problem.String(), 0, nil
	case errors.As(err, &exit) && exit.Exited():
		return out.String(), problem.String(), exit.ExitCode(), nil
	}
	return out.String(), problem.String(), -1, err
}

// version is the first line that a program says of its version.
func (s *Scanner) version(ctx context.Context, w *Collection, program string) string {
	out, _, _, err := s.run(ctx, w, program, "--version")
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(out, "\n")
	return printable(first, 100)
}

// printable is a foreign text as UTF-8 of a bounded length.
func printable(s string, most int) string {
	s = strings.TrimSpace(strings.ToValidUTF8(s, "?"))
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// first is the first line of a text that says something, without the folder,
// whose name is another one in each run.
func (w *Collection) first(s string) string {
	for line := range strings.Lines(s) {
		if line = strings.TrimSpace(strings.ReplaceAll(line, w.dir+string(filepath.Separator), "")); line != "" {
			return printable(line, 300)
		}
	}
	return ""
}

// source reads what is to be said of a file of rules or signatures.
func source(path string) (malware.Source, error) {
	f, err := os.Open(path)
	if err != nil {
		return malware.Source{}, err
	}
	defer f.Close()
	src := malware.Source{Name: filepath.Base(path)}
	h := sha256.New()
	begin := make([]byte, 512)
	n, err := io.ReadFull(f, begin)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return malware.Source{}, err
	}
	lines := &lineCounter{}
	out := io.MultiWriter(h, lines)
	if _, err := out.Write(begin[:n]); err != nil {
		return malware.Source{}, err
	}
	rest, err := io.Copy(out, f)
	if err != nil {
		return malware.Source{}, err
	}
	src.Size, src.SHA256 = int64(n)+rest, hex.EncodeToString(h.Sum(nil))
	// A container of ClamAV says what it is in its first 512 bytes: words between colons.
	if w := strings.Split(string(begin[:n]), ":"); len(w) > 4 && w[0] == "ClamAV-VDB" {
		src.Built, src.Version = printable(w[1], 40), printable(w[2], 20)
		src.Count, _ = strconv.Atoi(w[3])
	} else if slices.Contains(lineSignatures, filepath.Ext(path)) {
		src.Count = lines.n
	}
	return src, nil
}

// lineCounter counts the lines that are neither empty nor a comment.
type lineCounter struct {
	n       int
	started bool
}

func (l *lineCounter) Write(b []byte) (int, error) {
	for _, c := range b {
		switch {
		case c == '\n':
			l.started = false
		case !l.started && c != '\r' && c != ' ':
			l.started = true
			if c != '#' {
				l.n++
			}
		}
	}
	return len(b), nil
}

// sources reads files of rules or signatures in the order of their names.
func sources(paths []string) ([]malware.Source, error) {
	var all []malware.Source
	for _, p := range paths {
		src, err := source(p)
		if err != nil {
			return nil, err
		}
		all = append(all, src)
	}
	slices.SortFunc(all, func(a, b malware.Source) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.SHA256, b.SHA256))
	})
	return all, nil
}

// hits makes findings of what programs found: signature by file.
type hits struct {
	w     *Collection
	rule  string
	tool  string
	known map[[2]string]bool
	all   []lab.Finding
}

// add takes one hit; a name that no file of ours has is dropped.
func (h *hits) add(signature, path string) {
	places, ok := h.w.place(path)
	key := [2]string{signature, path}
	if !ok || h.known[key] {
		return
	}
	if h.known == nil {
		h.known = map[[2]string]bool{}
	}
	h.known[key] = true
	f := lab.Found(h.rule, lab.Claimed, places[0], "signature", printable(signature, 200), "scanner", h.tool)
	f.Where = slices.Clone(places)
	f.Severity = severity(signature, f.Severity)
	h.all = append(h.all, f)
}

// severity of a hit, by what ClamAV's names say: the test file is harmless, and
// what is only unwanted or a guess weighs less.
func severity(signature string, usual lab.Severity) lab.Severity {
	switch s := strings.ToLower(signature); {
	case strings.Contains(s, "eicar"):
		return lab.Low
	case strings.HasPrefix(s, "pua.") || strings.HasPrefix(s, "heuristics."):
		return lab.Medium
	}
	return usual
}
