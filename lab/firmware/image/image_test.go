package image

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func file(s string) *Node {
	return &Node{Kind: File, Size: int64(len(s)), Open: func() ([]byte, error) { return []byte(s), nil }}
}

func put(t *testing.T, tree *Tree, p string, n *Node) {
	t.Helper()
	if err := tree.Put(p, n); err != nil {
		t.Fatal(err)
	}
}

func TestTree(t *testing.T) {
	tree := NewTree()
	put(t, tree, "./bin/busybox", file("box"))
	put(t, tree, "/bin/sh", &Node{Kind: Symlink, Target: "busybox"})
	put(t, tree, "etc", &Node{Kind: Dir, Perm: 0o700})
	put(t, tree, "etc/passwd", &Node{Kind: Symlink, Target: "/tmp/../var/passwd"})
	put(t, tree, "var/passwd", file("root::0:0::/:/bin/sh\n"))
	put(t, tree, "a", &Node{Kind: Symlink, Target: "b"})
	put(t, tree, "b", &Node{Kind: Symlink, Target: "a"})
	put(t, tree, "up", &Node{Kind: Symlink, Target: "../../../bin"})
	if err := tree.Finish(); err != nil {
		t.Fatal(err)
	}
	for p, want := range map[string]string{"/bin/sh": "box", "bin/sh": "box", "/etc/passwd": "root::0:0::/:/bin/sh\n", "/up/sh": "box", "/../bin/./sh": "box"} {
		n, err := tree.Lookup(p)
		if err != nil {
			t.Errorf("%s: %v", p, err)
			continue
		}
		if b, err := n.Data(); err != nil || string(b) != want {
			t.Errorf("%s: %q, %v", p, b, err)
		}
	}
	if _, err := tree.Lookup("/a"); !errors.Is(err, ErrLoop) {
		t.Errorf("a loop: %v", err)
	}
	if _, err := tree.Lookup("/etc/shadow"); !errors.Is(err, ErrNoFile) {
		t.Errorf("nothing: %v", err)
	}
	var walked []string
	if err := tree.Walk(func(p string, n *Node) error { walked = append(walked, p); return nil }); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(walked, " "); got != "/a /b /bin /bin/busybox /bin/sh /etc /etc/passwd /up /var /var/passwd" {
		t.Error(got)
	}
}

func TestPutRefuses(t *testing.T) {
	tree := NewTree()
	put(t, tree, "dir/file", file(""))
	for _, p := range []string{"../x", "a/../../x", "dir", "dir/file/x", "", "a/" + strings.Repeat("x", 256), "nul\x00", strings.Repeat("d/", 65) + "x"} {
		if err := tree.Put(p, file("")); err == nil {
			t.Errorf("%.40q was taken", p)
		}
	}
	if n, err := tree.Lookup("/dir/file"); err != nil || n.Kind != File {
		t.Errorf("lost: %v", err)
	}
}

// What some formats cannot keep changes nothing, what all keep does.
func TestDigest(t *testing.T) {
	digest := func(change func(*Tree)) string {
		tree := NewTree()
		put(t, tree, "x/f", file("one"))
		put(t, tree, "x.d", &Node{Kind: Dir})
		put(t, tree, "l", &Node{Kind: Symlink, Target: "x"})
		change(tree)
		if err := tree.Finish(); err != nil {
			t.Fatal(err)
		}
		d, err := tree.Digest()
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	base := digest(func(*Tree) {})
	for name, same := range map[string]func(*Tree){
		"mode":       func(tree *Tree) { tree.Root.Child("x").Perm = 0 },
		"lost+found": func(tree *Tree) { put(t, tree, "lost+found", &Node{Kind: Dir}) },
	} {
		if digest(same) != base {
			t.Errorf("%s changes it", name)
		}
	}
	for name, other := range map[string]func(*Tree){
		"content": func(tree *Tree) { put(t, tree, "x/f", file("two")) },
		"target":  func(tree *Tree) { put(t, tree, "l", &Node{Kind: Symlink, Target: "y"}) },
		"empty":   func(tree *Tree) { put(t, tree, "e", &Node{Kind: Dir}) },
		"name":    func(tree *Tree) { tree.Root.Child("x").Name = "z" },
	} {
		if digest(other) == base {
			t.Errorf("%s does not change it", name)
		}
	}
}

func TestBudget(t *testing.T) {
	b := NewBudget(t.Context(), Bounds{Bytes: 100 << 20, Files: 2, Depth: 1, Ratio: 10})
	if err := b.Bytes(10<<20, 1); err != nil {
		t.Errorf("small: %v", err)
	}
	for what, err := range map[string]error{"ratio": b.Bytes(20<<20, 1<<20), "bytes": b.Bytes(95<<20, 0), "negative": b.Bytes(-1, 0), "depth": b.Depth(2)} {
		if !errors.Is(err, ErrBounds) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := errors.Join(b.Node(), b.Node(), b.Depth(1)); err != nil {
		t.Error(err)
	}
	if err := b.Node(); !errors.Is(err, ErrBounds) {
		t.Errorf("files: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	late := errors.New("late")
	cancel(late)
	b = NewBudget(ctx, Standard)
	var err error
	for range 64 {
		err = b.Tick()
	}
	if !errors.Is(err, late) {
		t.Errorf("time: %v", err)
	}
}

// A directory of many files is made and searched in no time.
func TestManyFiles(t *testing.T) {
	const n = 200_000
	tree := NewTree()
	for i := range n {
		put(t, tree, fmt.Sprintf("d/%d", n-i), &Node{Kind: File})
	}
	put(t, tree, "d/7", &Node{Kind: Symlink, Target: "8"})
	if err := tree.Finish(); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if c, err := tree.Lookup(fmt.Sprintf("/d/%d", i+1)); err != nil || c.Name == "7" {
			t.Fatalf("%d: %v", i, err)
		}
	}
	if _, err := tree.Lookup("/d/none"); !errors.Is(err, ErrNoFile) {
		t.Error(err)
	}
	if d := tree.Root.Child("d"); len(d.Children) != n || d.Children[0].Name != "1" || d.Child("7").Kind != Symlink {
		t.Errorf("%d entries", len(d.Children))
	}
}
