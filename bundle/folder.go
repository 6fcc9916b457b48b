package bundle

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// folder is a bundle on disk.
type folder string

// walk gives the files in the order of their paths. Links and special files
// are refused: what they lead to is not in the folder.
func (dir folder) walk(ctx context.Context, sink func(string, io.Reader) error) error {
	root, err := os.OpenRoot(string(dir))
	if err != nil {
		return err
	}
	defer root.Close()
	v := newInventory()
	return fs.WalkDir(root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case p == ".":
			return nil
		}
		most, err := v.add(p)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			return nil
		case !d.Type().IsRegular():
			return fmt.Errorf("%w: %.80q is no plain file: put the file itself there, no link", ErrUnsafe, p)
		}
		f, err := root.Open(p)
		if err != nil {
			return err
		}
		defer f.Close()
		if info, err := f.Stat(); err != nil {
			return err
		} else if !info.Mode().IsRegular() { // it was replaced since
			return fmt.Errorf("%w: %.80q is no plain file", ErrUnsafe, p)
		}
		return sink(p, &metered{r: f, v: v, path: p, most: most})
	})
}

// metered counts what is read against the bounds.
type metered struct {
	r        io.Reader
	v        *inventory
	path     string
	so, most int64
}

func (m *metered) Read(b []byte) (int, error) {
	n, err := m.r.Read(b)
	if e := m.v.grow(m.path, m.so, int64(n), m.most); e != nil {
		return 0, e
	}
	m.so += int64(n)
	return n, err
}
