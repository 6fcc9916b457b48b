package catalog

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

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
			if e.IsDir() || !inFolder(dir+"/"+e.Name()) {
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
// files, one line "PATH SP hex(SHA-256) LF" each, sorted by path, so that
// anyone can recompute it with common tools.
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

const archiveHead = "assay-catalog/1\n"

// Archive packs a catalog's files, the same files to the same bytes. An office
// keeps and serves the archive it adopted under its Digest and decides from
// these bytes only, for as long as its log lasts; so the form is as plain as
// can be: a first line, then for each file, sorted by path, a line "PATH SP
// SIZE LF", its bytes, and LF.
func Archive(fsys fs.FS) ([]byte, error) {
	files, err := read(fsys)
	if err != nil {
		return nil, err
	}
	return pack(files), nil
}

// FromArchive reads the catalog in an archive. It takes only what Archive
// writes, byte for byte, so that two archives of one digest cannot differ.
//
// Reading a megabyte of YAML takes a quarter of a second, and an office reads
// the catalogs that it adopted again and again, so the last few are kept. All
// callers share one value and must not change it.
func FromArchive(b []byte) (*scheme.Catalog, error) {
	key := sha256.Sum256(b)
	if c := recent.get(key); c != nil {
		return c, nil
	}
	files, err := unpack(b)
	if err != nil {
		return nil, err
	}
	c, err := parse(files)
	if err != nil {
		return nil, err
	}
	recent.put(key, c)
	return c, nil
}

// kept has the catalogs that were read last, by the SHA-256 of their archive.
type kept struct {
	sync.Mutex
	keys     [8][sha256.Size]byte
	catalogs [8]*scheme.Catalog
	next     int
}

var recent kept

func (k *kept) get(key [sha256.Size]byte) *scheme.Catalog {
	k.Lock()
	defer k.Unlock()
	for i, c := range k.catalogs {
		if c != nil && k.keys[i] == key {
			return c
		}
	}
	return nil
}

func (k *kept) put(key [sha256.Size]byte, c *scheme.Catalog) {
	k.Lock()
	defer k.Unlock()
	k.keys[k.next], k.catalogs[k.next] = key, c
	k.next = (k.next + 1) % len(k.catalogs)
}

func unpack(b []byte) ([]file, error) {
	if len(b) > MaxTotal+MaxFiles*128 {
		return nil, fmt.Errorf("%w: an archive of %d bytes", ErrTooLarge, len(b))
	}
	rest, ok := bytes.CutPrefix(b, []byte(archiveHead))
	if !ok {
		return nil, fmt.Errorf("%w: an archive starts with %q", ErrMalformed, archiveHead)
	}
	var files []file
	total := 0
	need := map[string]bool{"categories.yaml": true, "sources.yaml": true}
	for len(rest) > 0 {
		bad := fmt.Errorf("%w: the archive is damaged at byte %d", ErrMalformed, len(b)-len(rest))
		line, after, _ := bytes.Cut(rest, []byte("\n"))
		name, digits, _ := strings.Cut(string(line[:min(len(line), 128)]), " ")
		size, err := strconv.Atoi(digits)
		switch {
		case err != nil || strconv.Itoa(size) != digits || size < 0 || size >= len(after) || after[size] != '\n':
			return nil, bad
		case !need[name] && !inFolder(name):
			return nil, fmt.Errorf("%w: %q is no file of a catalog", bad, clip(name))
		case len(files) > 0 && name <= files[len(files)-1].path:
			return nil, fmt.Errorf("%w: %q is out of order", bad, clip(name))
		case len(files) == MaxFiles || size > MaxFile || total+size > MaxTotal:
			return nil, fmt.Errorf("%w: %q, file %d, has %d bytes", ErrTooLarge, clip(name), len(files)+1, size)
		}
		files = append(files, file{name, after[:size:size]})
		total += size
		rest = after[size+1:]
		delete(need, name)
	}
	if len(need) > 0 {
		return nil, fmt.Errorf("%w: the archive lacks sources.yaml or categories.yaml", ErrMalformed)
	}
	return files, nil
}

// inFolder reports whether name is FOLDER/ID.yaml.
func inFolder(name string) bool {
	dir, base := path.Split(name)
	return slices.Contains(folders, strings.TrimSuffix(dir, "/")) && strings.Count(name, "/") == 1 &&
		path.Ext(base) == ".yaml" && fs.ValidPath(name) && len(name) <= 100 && !strings.ContainsAny(name, " \n")
}

// pack writes files in the form of an archive.
func pack(files []file) []byte {
	b := []byte(archiveHead)
	for _, f := range files {
		b = fmt.Appendf(b, "%s %d\n", f.path, len(f.body))
		b = append(append(b, f.body...), '\n')
	}
	return b
}

// AddLaboratory puts a laboratory's file into a catalog's archive, or replaces
// the one with its id: that is how an office that adopts the embedded catalog
// comes to know the keys of the laboratories in its own country.
func AddLaboratory(archive, body []byte) ([]byte, error) {
	files, err := unpack(archive)
	if err != nil {
		return nil, err
	}
	var l scheme.Lab
	f := file{"laboratories/new.yaml", body}
	if err := decode(f, &l); err != nil {
		return nil, err
	}
	f.path = "laboratories/" + l.ID + ".yaml"
	if !inFolder(f.path) || len(body) > MaxFile {
		return nil, fmt.Errorf("%w: %q is no id of a laboratory, or its file is larger than %d bytes", ErrMalformed, clip(l.ID), MaxFile)
	}
	files = slices.DeleteFunc(files, func(o file) bool { return o.path == f.path })
	files = append(files, f)
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.path, b.path) })
	if _, err := parse(files); err != nil {
		return nil, err
	}
	return pack(files), nil
}
