package inode

import (
	"errors"
	"strings"
	"testing"

	"assay/lab/firmware/image"
)

// fake is a file system that is a table.
type fake struct {
	nodes map[uint64]image.Node
	dirs  map[uint64][]Entry
	fatal error

	budget *image.Budget
}

func (f fake) Inode(n uint64) (*image.Node, error) {
	if node, ok := f.nodes[n]; ok {
		return &node, nil
	}
	return nil, Damaged("there is no inode %d", n)
}

func (f fake) Entries(n uint64) ([]Entry, error) {
	if n == 66 {
		return f.dirs[n], f.fatal
	}
	for range f.dirs[n] {
		if err := f.budget.Node(); err != nil {
			return nil, err
		}
	}
	return f.dirs[n], nil
}

func grow(t *testing.T, f fake) (*image.Part, error) {
	t.Helper()
	b := New(image.NewBudget(t.Context(), image.Bounds{Bytes: 1 << 20, Files: 200, Depth: 1, Ratio: 10}))
	f.budget = b.Budget
	if err := b.Grow(f, 1); err != nil {
		return nil, err
	}
	p := &image.Part{}
	return p, b.Finish(p)
}

var (
	dir  = image.Node{Kind: image.Dir}
	file = image.Node{Kind: image.File, Size: 3, Open: func() ([]byte, error) { return []byte("abc"), nil }}
)

func TestGrow(t *testing.T) {
	p, err := grow(t, fake{
		nodes: map[uint64]image.Node{1: dir, 2: dir, 3: file},
		dirs:  map[uint64][]Entry{1: {{"b", 3}, {"d", 2}}, 2: {{"a", 3}}},
	})
	if err != nil || p.State != image.Understood || p.Problem != "" || p.Unpacked != 6 {
		t.Fatal(p, err)
	}
	for _, name := range []string{"/b", "/d/a"} {
		n, err := p.Tree.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := n.Data(); string(b) != "abc" || err != nil {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
}

// Each of these is left out with a note, and the file beside it is there.
func TestDamage(t *testing.T) {
	deep := fake{nodes: map[uint64]image.Node{1: dir, 3: file}, dirs: map[uint64][]Entry{1: {{"ok", 3}, {"d", 100}}}}
	for i := uint64(100); i < 170; i++ {
		deep.nodes[i], deep.dirs[i] = dir, []Entry{{"d", i + 1}}
	}
	for name, c := range map[string]struct {
		fs   fake
		want string
	}{
		"root in itself": {fake{nodes: map[uint64]image.Node{1: dir}, dirs: map[uint64][]Entry{1: {{"x", 1}, {"ok", 3}}}}, "/x: directory 1 is elsewhere"},
		"cycle": {fake{nodes: map[uint64]image.Node{1: dir, 2: dir}, dirs: map[uint64][]Entry{1: {{"x", 2}, {"ok", 3}}, 2: {{"y", 2}}}},
			"/x/y: directory 2 is elsewhere"},
		"twice":     {fake{nodes: map[uint64]image.Node{1: dir}, dirs: map[uint64][]Entry{1: {{"ok", 3}, {"ok", 3}}}}, "/ok: two entries of one name"},
		"bad name":  {fake{nodes: map[uint64]image.Node{1: dir}, dirs: map[uint64][]Entry{1: {{"..", 3}, {"ok", 3}, {"a/b", 3}}}}, "no name for a file"},
		"no inode":  {fake{nodes: map[uint64]image.Node{1: dir}, dirs: map[uint64][]Entry{1: {{"gone", 9}, {"ok", 3}}}}, "/gone: there is no inode 9"},
		"no root":   {fake{dirs: map[uint64][]Entry{1: {{"ok", 3}}}, nodes: map[uint64]image.Node{}}, "the root: there is no inode 1"},
		"bad links": {fake{nodes: map[uint64]image.Node{1: dir, 4: {Kind: image.Symlink, Target: "a\x00b"}}, dirs: map[uint64][]Entry{1: {{"l", 4}, {"ok", 3}}}}, "/l: a link whose target"},
		"deep":      {deep, "directories deeper than 64"},
	} {
		c.fs.nodes[3] = file
		p, err := grow(t, c.fs)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if p.State != image.Damaged || !strings.Contains(p.Problem, c.want) || len(p.Tree.Notes) == 0 {
			t.Errorf("%s: %s %q", name, p.State, p.Problem)
		}
		if n := p.Tree.Root.Child("ok"); n == nil || n.Kind != image.File {
			t.Errorf("%s: the file beside is lost", name)
		}
	}
}

// half is a file system whose second file is damaged, whose third is of a size that
// cannot be.
type half struct{ fake }

func (h half) Inode(n uint64) (*image.Node, error) {
	node, err := h.fake.Inode(n)
	if n >= 4 {
		err = Damaged("torn")
	}
	return node, err
}

// A damaged file stays in the tree, and says why it has no content.
func TestDamagedFile(t *testing.T) {
	b := New(image.NewBudget(t.Context(), image.Standard))
	h := half{fake{nodes: map[uint64]image.Node{1: dir, 3: file, 4: file, 5: {Kind: image.File, Size: 1 << 40}}, dirs: map[uint64][]Entry{1: {{"a", 3}, {"b", 4}, {"c", 4}, {"d", 5}}}, budget: b.Budget}}
	if err := b.Grow(h, 1); err != nil {
		t.Fatal(err)
	}
	p := &image.Part{}
	if err := b.Finish(p); err != nil || p.State != image.Damaged || p.Problem != "/b: torn; and 1 more" || p.Unpacked != 9 {
		t.Errorf("%+v, %v", p, err)
	}
	for _, name := range []string{"b", "c", "d"} {
		if _, err := p.Tree.Root.Child(name).Data(); !IsDamage(err) || err.Error() != "torn" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if used, _ := b.Budget.Used(); used != 3 {
		t.Errorf("%d bytes were charged", used)
	}
}

func TestFatal(t *testing.T) {
	broken := errors.New("broken")
	if _, err := grow(t, fake{nodes: map[uint64]image.Node{1: dir, 66: dir}, dirs: map[uint64][]Entry{1: {{"x", 66}}}, fatal: broken}); !errors.Is(err, broken) {
		t.Error(err)
	}
	many := fake{nodes: map[uint64]image.Node{1: dir, 3: file}, dirs: map[uint64][]Entry{}}
	for i := range 300 {
		many.dirs[1] = append(many.dirs[1], Entry{strings.Repeat("x", i%200+1), 3})
	}
	if _, err := grow(t, many); !errors.Is(err, image.ErrBounds) {
		t.Error(err)
	}
}

// A size that the image's bytes cannot amount to concerns the file alone.
func TestCharge(t *testing.T) {
	b := New(image.NewBudget(t.Context(), image.Standard))
	if err := b.Charge(15<<20, 0); err != nil {
		t.Error(err)
	}
	for _, size := range []int64{-1, 17 << 20, 1 << 62} {
		if err := b.Charge(size, 10); !IsDamage(err) {
			t.Errorf("%d: %v", size, err)
		}
	}
	if err := b.Charge(5<<30, 1<<30); !errors.Is(err, image.ErrBounds) || IsDamage(err) {
		t.Error(err)
	}
}

func TestMode(t *testing.T) {
	if k, p, err := Mode(0o104755); k != image.File || p != 0o4755 || err != nil {
		t.Error(k, p, err)
	}
	if _, _, err := Mode(0o755); !IsDamage(err) {
		t.Error(err)
	}
	if a, b := New32(0xabcdef12); a != 0xdef || b != 0xabc12 {
		t.Errorf("%x %x", a, b)
	}
	if a, b := Old16(0x1f07); a != 31 || b != 7 {
		t.Errorf("%d %d", a, b)
	}
}
