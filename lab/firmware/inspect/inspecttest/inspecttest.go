// Package inspecttest shows files that a test writes down to an inspector.
package inspecttest

import (
	"crypto/sha256"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"assay/lab/firmware/image"
	"assay/lab/firmware/inspect"
)

// Part is the id of the part that the files are shown as.
const Part = "0x100"

// System makes a system of paths and contents; a content "-> TARGET" is a link, a path
// that ends in "/" a directory.
func System(t testing.TB, files map[string]string) *inspect.System {
	t.Helper()
	tree := image.NewTree()
	for p, s := range files {
		n := &image.Node{Kind: image.File, Perm: 0o755, Size: int64(len(s)), Open: func() ([]byte, error) { return []byte(s), nil }}
		if target, ok := strings.CutPrefix(s, "-> "); ok {
			n = &image.Node{Kind: image.Symlink, Target: target}
		}
		if strings.HasSuffix(p, "/") {
			n = &image.Node{Kind: image.Dir, Perm: 0o755}
		}
		if err := tree.Put(p, n); err != nil {
			t.Fatal(err)
		}
	}
	if err := tree.Finish(); err != nil {
		t.Fatal(err)
	}
	return &inspect.System{Part: Part, Tree: tree, Root: tree.Root.Child("etc") != nil}
}

// Show shows all files of systems to an inspector, and ends it.
func Show(t testing.TB, i inspect.Inspector, parts []*image.Part, systems ...*inspect.System) {
	t.Helper()
	for _, s := range systems {
		if err := s.Tree.Walk(func(p string, n *image.Node) error {
			if n.Kind != image.File {
				return nil
			}
			b, err := n.Data()
			if err != nil {
				return err
			}
			i.File(inspect.NewFile(s, p, n, b, sha256.Sum256(b)))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	i.Done(systems, parts)
}

// Folder makes a system of a folder of the host, such as labtest.Unpacked gives.
func Folder(t testing.TB, dir string) *inspect.System {
	t.Helper()
	tree := image.NewTree()
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		n := &image.Node{Perm: uint32(info.Mode().Perm())}
		switch {
		case d.IsDir():
			n.Kind = image.Dir
		case info.Mode()&fs.ModeSymlink != 0:
			n.Kind = image.Symlink
			if n.Target, err = os.Readlink(p); err != nil {
				return err
			}
		case info.Mode().IsRegular():
			n.Kind, n.Size = image.File, info.Size()
			n.Open = func() ([]byte, error) { return os.ReadFile(p) }
		default:
			return nil
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		return tree.Put(filepath.ToSlash(rel), n)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := tree.Finish(); err != nil {
		t.Fatal(err)
	}
	return &inspect.System{Part: Part, Tree: tree, Root: tree.Root.Child("etc") != nil}
}
