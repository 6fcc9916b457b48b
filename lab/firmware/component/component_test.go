package component

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"assay/lab"
	"assay/lab/firmware/image"
	"assay/lab/firmware/inspect"
	"assay/lab/firmware/inspect/inspecttest"
)

// folder makes a tree of a folder of the host.
func folder(t testing.TB, dir string) *image.Tree {
	t.Helper()
	tree := image.NewTree()
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		switch {
		case d.IsDir():
			return tree.Put(rel, &image.Node{Kind: image.Dir, Perm: 0o755})
		case d.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(p)
			if err != nil {
				return err
			}
			return tree.Put(rel, &image.Node{Kind: image.Symlink, Target: target})
		case !d.Type().IsRegular():
			return nil
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		return tree.Put(rel, &image.Node{Kind: image.File, Size: int64(len(b)), Open: func() ([]byte, error) { return b, nil }})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := tree.Finish(); err != nil {
		t.Fatal(err)
	}
	return tree
}

// files makes a tree of texts by path.
func files(t testing.TB, texts map[string]string) *image.Tree {
	t.Helper()
	tree := image.NewTree()
	for p, s := range texts {
		n := &image.Node{Kind: image.File, Size: int64(len(s)), Open: func() ([]byte, error) { return []byte(s), nil }}
		if target, ok := strings.CutPrefix(s, "→"); ok {
			n = &image.Node{Kind: image.Symlink, Target: target}
		}
		if err := tree.Put(p, n); err != nil {
			t.Fatal(err)
		}
	}
	if err := tree.Finish(); err != nil {
		t.Fatal(err)
	}
	return tree
}

// look shows trees and parts to an inspector, as a run does.
func look(t testing.TB, trees map[string]*image.Tree, parts ...*image.Part) ([]lab.Component, []lab.Finding) {
	t.Helper()
	i, err := New()
	if err != nil {
		t.Fatal(err)
	}
	var systems []*inspect.System
	for _, id := range sortedKeys(trees) {
		s := &inspect.System{Part: id, Tree: trees[id], Root: true}
		systems = append(systems, s)
	}
	inspecttest.Show(t, i, parts, systems...)
	return i.Result()
}

func get(t testing.TB, cs []lab.Component, name, version string) lab.Component {
	t.Helper()
	for _, c := range cs {
		if c.Name == name && c.Version == version {
			return c
		}
	}
	var all []string
	for _, c := range cs {
		all = append(all, c.Name+" "+c.Version)
	}
	t.Fatalf("no %s %s among %s", name, version, strings.Join(all, ", "))
	return lab.Component{}
}

func rulesOf(c lab.Component) []string {
	var all []string
	for _, o := range c.Seen {
		all = append(all, o.Rule)
	}
	return sortedSet(all)
}
