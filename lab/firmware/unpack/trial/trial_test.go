package trial

import (
	"testing"

	"assay/lab/firmware/image"
)

// The tree has what readers are tested with, and reading it twice is the same.
func TestSource(t *testing.T) {
	dir := Source(t, Full)
	tree := Read(t, dir)
	Same(t, tree, Read(t, dir), Keeps{true, true, true})
	kinds := map[image.Kind]int{}
	check(t, tree.Walk(func(_ string, n *image.Node) error { kinds[n.Kind]++; return nil }))
	if kinds[image.File] < 300 || kinds[image.Symlink] != 2 || kinds[image.FIFO] != 1 || kinds[image.Dir] < 15 {
		t.Error(kinds)
	}
	if n, err := tree.Lookup("/bin/sh"); err != nil || n.Size != 14000 || n.Perm != 0o4755 {
		t.Error(n, err)
	}
}
