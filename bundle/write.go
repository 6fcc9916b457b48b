package bundle

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"assay/evidence"
)

// Save writes the bundle's text files, and its artifacts where it was opened
// from somewhere, to a new folder. A folder that is not empty is [ErrExists].
// The folder is there complete and durable, or not at all.
func (b *Bundle) Save(dir string) error { return b.SaveContext(context.Background(), dir) }

// SaveContext is [Bundle.Save] for a caller that may want to end it early.
func (b *Bundle) SaveContext(ctx context.Context, dir string) error {
	if err := b.whole(); err != nil {
		return err
	}
	return newFolder(dir, func(root *os.Root) error {
		for _, p := range b.Texts() {
			if err := writeIn(root, p, bytes.NewReader(b.files[p])); err != nil {
				return err
			}
		}
		return b.copyArtifacts(ctx, func(a *Artifact, r io.Reader) error { return writeIn(root, a.Path, r) })
	})
}

// whole refuses to copy a bundle of which something would be left behind.
func (b *Bundle) whole() error {
	switch {
	case b.flat != "":
		return fmt.Errorf("%w: %s is one file of evidence; Split takes it apart", ErrNoBundle, b.flat)
	case len(b.strange) > 0:
		return fmt.Errorf("%w: %s", ErrNoBundle, strangeFile(b.strange[0]))
	}
	return nil
}

// copyArtifacts gives the artifacts' bytes to sink, in the order of their
// source, and fails where they are not those that were read before.
func (b *Bundle) copyArtifacts(ctx context.Context, sink func(*Artifact, io.Reader) error) error {
	if len(b.Artifacts) == 0 {
		return nil
	}
	copied := 0
	err := b.from.walk(ctx, func(p string, r io.Reader) error {
		i, ok := slices.BinarySearchFunc(b.Artifacts, p, func(a Artifact, p string) int { return strings.Compare(a.Path, p) })
		if !ok {
			return nil
		}
		a := &b.Artifacts[i]
		h := sha256.New()
		if err := sink(a, io.TeeReader(r, h)); err != nil {
			return err
		}
		if evidence.Hash(h.Sum(nil)) != a.SHA256 {
			return fmt.Errorf("%s changed while it was copied: try again", p)
		}
		copied++
		return nil
	})
	if err == nil && copied != len(b.Artifacts) {
		err = fmt.Errorf("%d artifacts vanished while they were copied: try again", len(b.Artifacts)-copied)
	}
	return err
}

// newFolder fills a folder beside the wanted one and renames it, so that
// whatever goes wrong leaves nothing half written.
func newFolder(dir string, fill func(*os.Root) error) error {
	dir = filepath.Clean(dir)
	if err := vacant(dir); err != nil {
		return err
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(parent, ".bundle-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	made := filepath.Join(temp, "bundle") // the folder itself gets the modes that the user's mask says
	if err := os.Mkdir(made, 0o777); err != nil {
		return err
	}
	root, err := os.OpenRoot(made)
	if err != nil {
		return err
	}
	if err := errors.Join(fill(root), root.Close()); err != nil {
		return err
	}
	for _, d := range append(existing(made), made) {
		if err := syncDir(d); err != nil {
			return err
		}
	}
	if err := os.Rename(made, dir); err != nil {
		if verr := vacant(dir); verr != nil { // somebody was faster
			return verr
		}
		return err
	}
	return syncDir(parent)
}

func existing(dir string) (out []string) {
	for _, f := range folders {
		if _, err := os.Stat(filepath.Join(dir, f)); err == nil {
			out = append(out, filepath.Join(dir, f))
		}
	}
	return out
}

// vacant reports whether a folder can be made at dir: nothing is there, or an
// empty folder.
func vacant(dir string) error {
	es, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		if _, serr := os.Lstat(dir); serr == nil {
			return fmt.Errorf("%w: %s: choose a new folder", ErrExists, dir)
		}
		return err
	case len(es) > 0:
		return fmt.Errorf("%w: %s is not empty: choose a new folder", ErrExists, dir)
	}
	return nil
}

// writeIn makes one file of a bundle, durable.
func writeIn(root *os.Root, p string, from io.Reader) error {
	if d := filepath.Dir(p); d != "." {
		if err := root.Mkdir(d, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	f, err := root.OpenFile(p, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	return finish(f, err)
}

// finish syncs and closes a file, and keeps the first error.
func finish(f *os.File, err error) error {
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// newFile writes a file beside the wanted one and links it, which replaces
// nothing that another process made in the meantime.
func newFile(name string, write func(*os.File) error) error {
	exists := fmt.Errorf("%w: %s: choose another name", ErrExists, name)
	if _, err := os.Lstat(name); err == nil {
		return exists
	}
	temp, err := os.MkdirTemp(filepath.Dir(name), ".bundle-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	f, err := os.OpenFile(filepath.Join(temp, "file"), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o666)
	if err != nil {
		return err
	}
	if err := finish(f, write(f)); err != nil {
		return err
	}
	switch err := os.Link(f.Name(), name); {
	case errors.Is(err, fs.ErrExist):
		return exists
	case err != nil: // a file system without links
		if _, lerr := os.Lstat(name); lerr == nil {
			return exists
		}
		if err := os.Rename(f.Name(), name); err != nil {
			return err
		}
	}
	return syncDir(filepath.Dir(name))
}

// syncDir makes the names in a folder last through a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	return errors.Join(err, d.Close())
}

// Replace writes a file in the place of another, or of none. What was there
// stays until the new one is complete and durable.
func Replace(name string, text []byte) error {
	temp, err := os.MkdirTemp(filepath.Dir(name), ".bundle-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	f, err := os.OpenFile(filepath.Join(temp, "file"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err := finish(f, err); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return err
	}
	return syncDir(filepath.Dir(name))
}
