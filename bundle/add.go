package bundle

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"assay/evidence"
)

// Add copies a file into the artifacts of a bundle's folder, under its hash
// and its ending, and returns how evidence names it. A file that is there
// already is left as it is. The copy is complete and durable, or not there.
func Add(dir, file string) (evidence.Artifact, error) {
	var none evidence.Artifact
	if _, err := os.Stat(filepath.Join(dir, productFile)); err != nil {
		return none, fmt.Errorf("%w: %s is no folder with a %s: `assay evidence init` makes one", ErrNoBundle, dir, productFile)
	}
	switch info, err := os.Stat(file); { // before it is opened: a pipe would keep us waiting
	case err != nil:
		return none, err
	case !info.Mode().IsRegular():
		return none, fmt.Errorf("%w: %s is no plain file", ErrUnsafe, file)
	case info.Size() == 0:
		return none, fmt.Errorf("%w: %s is empty: an artifact has bytes", ErrNoBundle, file)
	}
	src, err := os.Open(file)
	if err != nil {
		return none, err
	}
	defer src.Close()
	to := filepath.Join(dir, artifacts)
	if err := os.Mkdir(to, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return none, err
	}
	temp, err := os.MkdirTemp(dir, ".bundle-*")
	if err != nil {
		return none, err
	}
	defer os.RemoveAll(temp)
	copied, err := os.OpenFile(filepath.Join(temp, "file"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return none, err
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(copied, h), io.LimitReader(src, MaxArtifact+1))
	if err == nil && n > MaxArtifact {
		err = fmt.Errorf("%w: %s has more than %d bytes: keep it elsewhere and name the report on it", ErrTooLarge, file, MaxArtifact)
	}
	if err := finish(copied, err); err != nil {
		return none, err
	}
	a := evidence.Artifact{Name: filepath.Base(file), SHA256: evidence.Hash(h.Sum(nil)), Size: n}
	if there, err := filepath.Glob(filepath.Join(to, a.SHA256.String()+"*")); err != nil || len(there) > 0 {
		return a, err
	}
	name := filepath.Join(to, a.SHA256.String()+ending(file))
	if err := os.Rename(copied.Name(), name); err != nil {
		return none, err
	}
	return a, syncDir(to)
}

// ending is a file's ending, for programs that go by it; "" where it is no
// plain one.
func ending(file string) string {
	e := strings.ToLower(filepath.Ext(file))
	if len(e) < 2 || len(e) > 10 || !portable(e[1:]) {
		return ""
	}
	return e
}

// Line is an artifact as a line of YAML, to be pasted into a list of artifacts.
func Line(a evidence.Artifact) string {
	name := a.Name
	if !portable(name) {
		b, err := json.Marshal(name)
		if err != nil {
			return ""
		}
		name = string(b)
	}
	s := fmt.Sprintf("- {name: %s, sha256: %s, size: %d", name, a.SHA256, a.Size)
	if len(a.Shows) > 0 {
		s += ", shows: [" + strings.Join(a.Shows, ", ") + "]"
	}
	return s + "}"
}

// Problems are the errors of files that cannot be parsed, as findings; nil
// where err is something else.
func Problems(err error) []Finding {
	errs := []error{err}
	if many, is := err.(interface{ Unwrap() []error }); is {
		errs = many.Unwrap()
	}
	var found []Finding
	for _, err := range errs {
		e, is := err.(*evidence.Error)
		if !is {
			return nil
		}
		what, remedy, _ := strings.Cut(e.Problem, ": ")
		found = append(found, Finding{File: e.File, Line: e.Line, Problem: what, Remedy: remedy})
	}
	return found
}
