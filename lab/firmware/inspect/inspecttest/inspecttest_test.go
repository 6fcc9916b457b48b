package inspecttest

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"assay/lab/firmware/image"
	"assay/lab/firmware/inspect"
)

type recorder struct {
	seen []string
	done int
}

func (r *recorder) File(f *inspect.File)                      { r.seen = append(r.seen, f.Path+"="+string(f.Data)) }
func (r *recorder) Done(s []*inspect.System, _ []*image.Part) { r.done += len(s) }

func TestShow(t *testing.T) {
	s := System(t, map[string]string{"etc/b": "two", "a": "one", "l": "-> a", "var/": ""})
	r := &recorder{}
	Show(t, r, nil, s)
	if !slices.Equal(r.seen, []string{"/a=one", "/etc/b=two"}) || r.done != 1 || !s.Root || s.Tree.Root.Child("var").Kind != image.Dir {
		t.Errorf("%+v", r)
	}
	if n, err := s.Tree.Lookup("/l"); err != nil || n.Size != 3 {
		t.Error(err)
	}
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "etc", "x"), []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("x", filepath.Join(dir, "etc", "l")); err != nil {
		t.Fatal(err)
	}
	s := Folder(t, dir)
	n, err := s.Tree.Lookup("/etc/l")
	if err != nil || n.Perm != 0o600 || !s.Root {
		t.Fatalf("%+v %v", n, err)
	}
	if b, err := n.Data(); err != nil || string(b) != "one" {
		t.Errorf("%q %v", b, err)
	}
}
