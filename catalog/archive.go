package catalog

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"assay/scheme"
)

type file struct {
	path string
	body []byte
}

// read collects the files of a catalog in order of their paths. What lies
// beside them is left alone, but in the catalog's own folders nothing is
// passed over: a misspelled name would otherwise be a missing rule.
func read(fsys fs.FS) ([]file, error) {
	names := []string{"categories.yaml", "sources.yaml"}
	for _, dir := range folders {
		es, err := fs.ReadDir(fsys, dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("reading the catalog: %w", err)
		}
		for _, e := range es {
			if e.IsDir() || path.Ext(e.Name()) != ".yaml" {
				return nil, fmt.Errorf("%w: %s/%s: only files named ID.yaml belong here", ErrMalformed, dir, e.Name())
			}
			names = append(names, dir+"/"+e.Name())
		}
	}
	if len(names) > MaxFiles {
		return nil, fmt.Errorf("%w: %d files, at most %d", ErrTooLarge, len(names), MaxFiles)
	}
	slices.Sort(names)
	files := make([]file, 0, len(names))
	total := 0
	for _, name := range names {
		b, err := readFile(fsys, name)
		if err != nil {
			return nil, err
		}
		if total += len(b); total > MaxTotal {
			return nil, fmt.Errorf("%w: more than %d bytes in all", ErrTooLarge, MaxTotal)
		}
		files = append(files, file{name, b})
	}
	return files, nil
}

func readFile(fsys fs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrMalformed, name, err)
	}
	if len(b) > MaxFile {
		return nil, fmt.Errorf("%w: %s: more than %d bytes", ErrTooLarge, name, MaxFile)
	}
	return b, nil
}

// Digest names a catalog: lower-case hex SHA-256 over the listing of its
// files, one line "PATH SP hex(SHA-256) LF" each, sorted by path. Anyone can
// recompute it with sha256sum and sort.
func Digest(fsys fs.FS) (string, error) {
	files, err := read(fsys)
	if err != nil {
		return "", err
	}
	return digest(files), nil
}

func digest(files []file) string {
	var list strings.Builder
	for _, f := range files {
		fmt.Fprintf(&list, "%s %x\n", f.path, sha256.Sum256(f.body))
	}
	sum := sha256.Sum256([]byte(list.String()))
	return hex.EncodeToString(sum[:])
}

// Archive packs a catalog's files, the same files to the same bytes: an
// uncompressed zip without times. An office keeps and serves the archive it
// adopted under its Digest and decides from these bytes only.
func Archive(fsys fs.FS) ([]byte, error) {
	files, err := read(fsys)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		e, err := w.CreateHeader(&zip.FileHeader{Name: f.path, Method: zip.Store})
		if err == nil {
			_, err = e.Write(f.body)
		}
		if err != nil {
			return nil, fmt.Errorf("packing %s: %w", f.path, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("packing the catalog: %w", err)
	}
	return b.Bytes(), nil
}

// OpenArchive is the folder in an archive. It takes only what Archive writes,
// bit for bit, so that two archives of one digest cannot differ.
func OpenArchive(b []byte) (fs.FS, error) {
	if len(b) > MaxTotal+MaxFiles*512 {
		return nil, fmt.Errorf("%w: an archive of %d bytes", ErrTooLarge, len(b))
	}
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	for _, f := range z.File {
		if f.Method != zip.Store {
			return nil, fmt.Errorf("%w: %q is compressed; make the archive with this program", ErrMalformed, clip(f.Name))
		}
	}
	again, err := Archive(z)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, b) {
		return nil, fmt.Errorf("%w: the archive is not in its one form; make it with this program", ErrMalformed)
	}
	return z, nil
}

// FromArchive reads the catalog in an archive.
func FromArchive(b []byte) (*scheme.Catalog, error) {
	fsys, err := OpenArchive(b)
	if err != nil {
		return nil, err
	}
	return Load(fsys)
}
