package bundle

import (
	"archive/zip"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"assay/confine"
)

// Bounds of a zip beside those of a bundle. Text and a flash image's unused
// parts shrink a hundredfold at most; deflate could do a thousand.
const (
	maxRatio  = 200
	ratioFrom = 1 << 20 // bytes unpacked, below which the ratio says nothing
)

// archive is a bundle in a zip file.
type archive string

// unzip reads a zip in a process that can only compute.
var unzip = confine.New("unzip", func(in *os.File, out io.Writer) error {
	info, err := in.Stat()
	if err != nil {
		return err
	}
	s := newStreamWriter(out)
	return s.end(expand(in, info.Size(), s))
})

// walk gives the files in the order of the zip's directory.
func (name archive) walk(ctx context.Context, sink func(string, io.Reader) error) error {
	f, err := os.Open(string(name))
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() > MaxArchive {
		return fmt.Errorf("%w: %s has %d bytes, at most %d", ErrTooLarge, name, info.Size(), MaxArchive)
	}
	err = unzip.Run(ctx, f, func(r io.Reader) error { return readStream(r, sink) })
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// files takes what a zip holds: a path, and then its bytes.
type files interface {
	file(path string) error
	io.Writer
}

// expand checks a zip's directory and unpacks its files. It refuses the whole
// before it gives the first file, but for what shows in a file's bytes only.
func expand(r io.ReaderAt, size int64, to files) error {
	z, err := zip.NewReader(r, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // safe says that, and which
		return fmt.Errorf("%w: %w: pack the folder again", ErrNoBundle, err)
	}
	v := newInventory()
	top := topFolder(z.File)
	var ends []extent
	var entries []entry
	for _, f := range z.File {
		p := strings.TrimPrefix(f.Name, top)
		if p == "" || junk(f.Name) {
			continue
		}
		dir := strings.HasSuffix(p, "/")
		p = strings.TrimSuffix(p, "/")
		most, err := v.add(p)
		if err != nil {
			return err
		}
		if err := plainEntry(f, dir, most); err != nil {
			return err
		}
		at, err := f.DataOffset()
		if err != nil {
			return fmt.Errorf("%w: %.80q: %w: pack the folder again", ErrNoBundle, p, err)
		}
		ends = append(ends, extent{at - int64(30+len(f.Name)), at + int64(f.CompressedSize64)})
		if !dir {
			entries = append(entries, entry{f, p, most})
		}
	}
	slices.SortFunc(ends, func(a, b extent) int { return cmp.Compare(a.from, b.from) })
	for i := 1; i < len(ends); i++ {
		if ends[i].from < ends[i-1].to {
			return fmt.Errorf("%w: files in the zip share their bytes: it was made to mislead", ErrUnsafe)
		}
	}
	for _, e := range entries {
		if err := e.unpack(v, to); err != nil {
			return err
		}
	}
	return nil
}

type extent struct{ from, to int64 }

// entry is a file in a zip that may be unpacked.
type entry struct {
	*zip.File
	path string
	most int64
}

func (e *entry) unpack(v *inventory, to files) error {
	if err := to.file(e.path); err != nil {
		return err
	}
	r, err := e.Open()
	if err != nil {
		return fmt.Errorf("%w: %.80q: %w: pack the folder again", ErrNoBundle, e.path, err)
	}
	defer r.Close()
	m := &metered{r: r, v: v, path: e.path, most: min(e.most, int64(e.UncompressedSize64))}
	buf := make([]byte, maxFrame)
	for {
		n, err := m.Read(buf)
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case errors.Is(err, ErrTooLarge):
			return err
		case err != nil:
			return fmt.Errorf("%w: %.80q is damaged: %w: pack the folder again", ErrNoBundle, e.path, err)
		}
	}
}

// plainEntry refuses what is no plain file or folder, and what the directory
// itself says to be out of bounds.
func plainEntry(f *zip.File, dir bool, most int64) error {
	const encrypted, strong, masked = 1 << 0, 1 << 6, 1 << 13 // APPNOTE 4.4.4
	mode := f.Mode()
	switch {
	case f.Flags&(encrypted|strong|masked) != 0:
		return fmt.Errorf("%w: %.80q is encrypted: pack it without a password", ErrUnsafe, f.Name)
	case f.Method != zip.Store && f.Method != zip.Deflate:
		return fmt.Errorf("%w: %.80q is packed by method %d: pack it stored or deflated", ErrUnsafe, f.Name, f.Method)
	case mode&fs.ModeType != 0 && (!dir || mode&fs.ModeType != fs.ModeDir):
		return fmt.Errorf("%w: %.80q is no plain file: pack the file itself, no link", ErrUnsafe, f.Name)
	case dir && f.UncompressedSize64 != 0:
		return fmt.Errorf("%w: the folder %.80q has bytes of its own", ErrUnsafe, f.Name)
	case f.UncompressedSize64 > uint64(most):
		return fmt.Errorf("%w: %.80q has %d bytes, at most %d", ErrTooLarge, f.Name, f.UncompressedSize64, most)
	case f.UncompressedSize64 > ratioFrom && f.UncompressedSize64/maxRatio > f.CompressedSize64:
		return fmt.Errorf("%w: %.80q grows from %d to %d bytes: put it in stored, without compression", ErrTooLarge, f.Name, f.CompressedSize64, f.UncompressedSize64)
	}
	return nil
}

// topFolder is the folder, with its slash, that the whole bundle lies in: what
// is packed from outside of it. "" where the files lie at the top.
func topFolder(fs []*zip.File) string {
	top := ""
	for _, f := range fs {
		if junk(f.Name) {
			continue
		}
		dir, _, ok := strings.Cut(f.Name, "/")
		if !ok || (top != "" && dir+"/" != top) || slices.Contains(folders, dir) || !portable(dir) {
			return ""
		}
		top = dir + "/"
	}
	return top
}

// junk is what one desktop puts into every zip.
func junk(name string) bool { return strings.HasPrefix(name, "__MACOSX/") }
