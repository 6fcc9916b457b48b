// Package image is what was found inside a firmware image: the parts of its
// bytes, and trees of files that exist only in memory. No name or link in it is
// ever a path of the host.
package image

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Kind of a node.
type Kind string

// Kinds of nodes (POSIX.1-2017, sys/stat.h).
const (
	Dir     Kind = "dir"
	File    Kind = "file"
	Symlink Kind = "symlink"
	Char    Kind = "char"
	Block   Kind = "block"
	FIFO    Kind = "fifo"
	Socket  Kind = "socket"
)

// Node is one entry of a tree.
type Node struct {
	Name     string // one element of a path, "" for the root
	Kind     Kind
	Perm     uint32 // permission bits with set-uid, set-gid and sticky, 07777
	UID, GID uint32
	Size     int64  // bytes of a regular file, as its format says
	Time     int64  // last change, seconds since 1970; 0 where the format has none
	Target   string // of a symlink
	Major    uint32 // of a device
	Minor    uint32
	Children []*Node // of a directory, by name once the tree is finished

	// Open gives a regular file's content, Size bytes. It may read and unpack anew
	// each time, so whoever needs it twice keeps it. nil: the file is empty. It
	// charges the budget only on what [Budget] says of reading again.
	Open func() ([]byte, error)

	// Inner is what the content of the file was recognized as, nil for a plain file.
	Inner *Part

	index   map[string]*Node // of a large directory's first indexed entries
	indexed int
}

// large is from how many entries on a directory is searched by an index.
const large = 32

// Data is the content of a regular file. Its error says why it cannot be read.
func (n *Node) Data() ([]byte, error) {
	if n.Kind != File {
		return nil, fmt.Errorf("a %s has no content", n.Kind)
	}
	if n.Open == nil {
		return nil, nil
	}
	b, err := n.Open()
	if err == nil && int64(len(b)) != n.Size {
		err = fmt.Errorf("%d bytes instead of the %d that its entry says", len(b), n.Size)
	}
	return b, err
}

// Child finds an entry of a directory; nil where there is none. Entries of large
// directories are found by the name that they had when they were looked for first.
func (n *Node) Child(name string) *Node {
	if len(n.Children) >= large {
		if n.indexed > len(n.Children) {
			n.index, n.indexed = nil, 0
		}
		if n.index == nil {
			n.index = make(map[string]*Node, len(n.Children))
		}
		for ; n.indexed < len(n.Children); n.indexed++ {
			c := n.Children[n.indexed]
			if n.index[c.Name] == nil {
				n.index[c.Name] = c
			}
		}
		return n.index[name]
	}
	for _, c := range n.Children {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Errors of names and links.
var (
	ErrName   = errors.New("no name for a file")
	ErrTwice  = errors.New("two entries of one name")
	ErrNoFile = errors.New("no such file in the image")
	ErrLoop   = errors.New("too many links, one behind the other")
)

// MaxName bounds one element of a path, and MaxTarget the text of a link, in bytes.
const (
	MaxName   = 255
	MaxTarget = 4096
)

// CheckName refuses what is no single element of a path: "", ".", "..", names
// with a slash or NUL, and longer ones than any file system has.
func CheckName(name string) error {
	if name == "" || name == "." || name == ".." || len(name) > MaxName || strings.ContainsAny(name, "/\x00") {
		return fmt.Errorf("%w: %.40q", ErrName, name)
	}
	return nil
}

// Tree is a file system or an archive as a tree.
type Tree struct {
	Root  *Node
	Notes []string // what was left out or read with a doubt, each with its place
}

// NewTree makes an empty tree.
func NewTree() *Tree { return &Tree{Root: &Node{Kind: Dir, Perm: 0o755}} }

// Note records what was left out or read with a doubt, up to 100 notes.
func (t *Tree) Note(format string, a ...any) {
	switch {
	case len(t.Notes) < 100:
		t.Notes = append(t.Notes, fmt.Sprintf(format, a...))
	case len(t.Notes) == 100:
		t.Notes = append(t.Notes, "more of the same kind follows")
	}
}

// Put adds a node at a path of an archive, making the directories above it. The
// path is cut at "/"; a leading "/" and "." elements are dropped; ".." is refused.
// An entry that is there already is replaced by a later one of the same kind
// (as in a tar that was appended to), a directory keeps its children.
func (t *Tree) Put(p string, n *Node) error {
	var elements []string
	for e := range strings.SplitSeq(p, "/") {
		if e == "" || e == "." {
			continue
		}
		if err := CheckName(e); err != nil {
			return fmt.Errorf("path %.80q: %w", p, err)
		}
		elements = append(elements, e)
	}
	if len(elements) > MaxDepth {
		return fmt.Errorf("path %.80q: deeper than %d", p, MaxDepth)
	}
	if len(elements) == 0 {
		if n.Kind != Dir {
			return fmt.Errorf("path %.80q: %w", p, ErrName)
		}
		t.Root.Perm, t.Root.UID, t.Root.GID, t.Root.Time = n.Perm, n.UID, n.GID, n.Time
		return nil
	}
	at := t.Root
	for _, e := range elements[:len(elements)-1] {
		next := at.Child(e)
		if next == nil {
			next = &Node{Name: e, Kind: Dir, Perm: 0o755}
			at.Children = append(at.Children, next)
		}
		if next.Kind != Dir {
			return fmt.Errorf("path %.80q: %q is a %s and not a directory", p, e, next.Kind)
		}
		at = next
	}
	n.Name = elements[len(elements)-1]
	if old := at.Child(n.Name); old != nil {
		if old.Kind == Dir && n.Kind != Dir {
			return fmt.Errorf("path %.80q: %w: a directory and a %s", p, ErrTwice, n.Kind)
		}
		if old.Kind == Dir {
			n.Children, n.index, n.indexed = old.Children, old.index, old.indexed
		}
		*old = *n
		return nil
	}
	at.Children = append(at.Children, n)
	return nil
}

// Finish sorts the entries and refuses names and links that cannot be. Every
// reader ends with it.
func (t *Tree) Finish() error { return finish(t.Root, 0) }

func finish(n *Node, depth int) error {
	if depth > MaxDepth {
		return fmt.Errorf("directories deeper than %d", MaxDepth)
	}
	n.index, n.indexed = nil, 0
	slices.SortStableFunc(n.Children, func(a, b *Node) int { return strings.Compare(a.Name, b.Name) })
	for i, c := range n.Children {
		if err := CheckName(c.Name); err != nil {
			return err
		}
		if i > 0 && n.Children[i-1].Name == c.Name {
			return fmt.Errorf("%w: %.80q", ErrTwice, c.Name)
		}
		if c.Kind == Symlink && (len(c.Target) > MaxTarget || strings.Contains(c.Target, "\x00")) {
			return fmt.Errorf("the link %.80q has a target that cannot be", c.Name)
		}
		if c.Kind == Dir {
			if err := finish(c, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// Walk calls f for each node below the root, parents first, with its absolute
// path inside the tree. An error of f ends it.
func (t *Tree) Walk(f func(path string, n *Node) error) error { return walk("", t.Root, f) }

func walk(at string, n *Node, f func(string, *Node) error) error {
	for _, c := range n.Children {
		p := at + "/" + c.Name
		if err := f(p, c); err != nil {
			return err
		}
		if c.Kind == Dir {
			if err := walk(p, c, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// maxLinks is how many links may lead to a file, as on Linux (path_resolution(7)).
const maxLinks = 40

// Lookup finds a file by its path, following links inside the tree as a
// process would that has the tree as its root. Errors: ErrNoFile, ErrLoop.
func (t *Tree) Lookup(p string) (*Node, error) {
	left := maxLinks
	return t.lookup("/", p, &left)
}

func (t *Tree) lookup(dir, p string, left *int) (*Node, error) {
	at := path.Clean("/" + p)
	if !strings.HasPrefix(p, "/") {
		at = path.Clean(dir + "/" + p)
	}
	n, done := t.Root, "/"
	elements := strings.Split(strings.Trim(at, "/"), "/")
	for i, e := range elements {
		if e == "" {
			continue
		}
		c := n.Child(e)
		if c == nil {
			return nil, fmt.Errorf("%w: %.200q", ErrNoFile, p)
		}
		if c.Kind == Symlink {
			if *left--; *left < 0 {
				return nil, fmt.Errorf("%w: %.200q", ErrLoop, p)
			}
			rest := append([]string{c.Target}, elements[i+1:]...)
			return t.lookup(done, strings.Join(rest, "/"), left)
		}
		n, done = c, path.Join(done, e)
	}
	return n, nil
}

// IsRoot reports whether the tree looks like the root of a system, /etc and
// one of /bin, /sbin, /lib, /usr, and not like an archive of data.
func (t *Tree) IsRoot() bool {
	if t.Root.Child("etc") == nil {
		return false
	}
	for _, name := range []string{"bin", "sbin", "lib", "usr"} {
		if t.Root.Child(name) != nil {
			return true
		}
	}
	return false
}

// Digest is what two readings of one tree have in common whatever held it:
// SHA-256 over one line for each node, in the order of paths as bytes: the kind,
// its path, and for a file size and SHA-256, for a link its target, for a device
// its numbers; each quoted as Go quotes strings. Owners, modes and times are not in it, which
// some formats lack, nor is an empty lost+found of the root, which others make.
func (t *Tree) Digest() (string, error) {
	type entry struct {
		path string
		n    *Node
	}
	var all []entry
	if err := t.Walk(func(p string, n *Node) error {
		if p == "/lost+found" && n.Kind == Dir && len(n.Children) == 0 {
			return nil
		}
		all = append(all, entry{p, n})
		return nil
	}); err != nil {
		return "", err
	}
	slices.SortFunc(all, func(a, b entry) int { return strings.Compare(a.path, b.path) })
	h := sha256.New()
	for _, e := range all {
		fmt.Fprintf(h, "%s %q", e.n.Kind, e.path)
		switch e.n.Kind {
		case File:
			b, err := e.n.Data()
			if err != nil {
				return "", fmt.Errorf("%s: %w", e.path, err)
			}
			fmt.Fprintf(h, " %d %x", len(b), sha256.Sum256(b))
		case Symlink:
			fmt.Fprintf(h, " %q", e.n.Target)
		case Char, Block:
			fmt.Fprintf(h, " %d %d", e.n.Major, e.n.Minor)
		}
		fmt.Fprintln(h)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
