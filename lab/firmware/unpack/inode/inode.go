// Package inode grows a tree out of file systems that keep names apart from
// what they name: directories list numbers, and the numbers are files. It holds
// off what damaged and hostile ones do with that: directories inside
// themselves, names that are none, one name twice.
package inode

import (
	"errors"
	"fmt"
	"strings"

	"assay/lab/firmware/image"
)

// Entry is a name in a directory.
type Entry struct {
	Name  string
	Inode uint64
}

// FS is what a reader knows. An error that [Damaged] made concerns one file or
// directory and is noted; any other ends the reading, as those of the budget do.
type FS interface {
	// Inode gives what a number stands for, without name and children. It is asked
	// once for each number, and charges the content of a file. A node that comes with
	// a damage stays in the tree without its content.
	Inode(n uint64) (*image.Node, error)

	// Entries lists a directory without "." and "..", and charges a node for each entry
	// before it keeps it. What comes with an error counts too.
	Entries(dir uint64) ([]Entry, error)
}

// damage is what is wrong at one place.
type damage string

func (d damage) Error() string { return string(d) }

// Damaged makes an error about one place of a file system whose rest can be read.
func Damaged(format string, a ...any) error { return damage(fmt.Sprintf(format, a...)) }

// IsDamage tells whether an error concerns one place only.
func IsDamage(err error) bool {
	var d damage
	return errors.As(err, &d)
}

// Builder makes the part of a file system.
type Builder struct {
	Tree   *image.Tree
	Budget *image.Budget

	first string // of what is wrong
	wrong int
	nodes map[uint64]*image.Node
}

// New begins a tree.
func New(budget *image.Budget) *Builder {
	return &Builder{Tree: image.NewTree(), Budget: budget, nodes: map[uint64]*image.Node{}}
}

// Wrong records a damage: the part will not be understood.
func (b *Builder) Wrong(format string, a ...any) {
	if b.wrong++; b.wrong == 1 {
		b.first = fmt.Sprintf(format, a...)
	}
	b.Tree.Note(format, a...)
}

// Whole tells whether nothing was wrong so far.
func (b *Builder) Whole() bool { return b.wrong == 0 }

// sparse is how many bytes of a file may come out of one stored byte before
// its size is taken for damage; free is the size that is never.
const (
	sparse = 1000
	free   = 16 << 20
)

// Charge charges a file's content by the bytes that the image has of it. A size
// that those cannot amount to is the damage of this file, so one flipped bit in
// a size does not use up what all files share.
func (b *Builder) Charge(size, stored int64) error {
	if size < 0 || size > free && size/sparse > max(stored, 1) {
		return Damaged("%d bytes, and the image has %d of them", size, stored)
	}
	return b.Budget.Bytes(size, stored)
}

// Grow fills the tree from the root's number on. Files that have several names
// become several nodes with one content.
func (b *Builder) Grow(fs FS, root uint64) error {
	n, err := fs.Inode(root)
	if err != nil {
		if !IsDamage(err) {
			return err
		}
		b.Wrong("the root: %v", err)
	}
	if n != nil {
		if n.Kind != image.Dir {
			b.Wrong("the root is a %s", n.Kind)
			return nil
		}
		n.Name, n.Children = "", nil
		b.Tree.Root = n
	}
	b.nodes[root] = b.Tree.Root
	return b.grow(fs, root, b.Tree.Root, "", 0)
}

func (b *Builder) grow(fs FS, number uint64, dir *image.Node, path string, depth int) error {
	entries, err := fs.Entries(number)
	if err != nil {
		if !IsDamage(err) {
			return err
		}
		b.Wrong("%s/: %v", path, err)
	}
	if depth == image.MaxDepth && len(entries) > 0 {
		b.Wrong("%s: directories deeper than %d are left out", path, image.MaxDepth)
		return nil
	}
	names := make(map[string]bool, len(entries))
	for _, e := range entries {
		if err := b.Budget.Tick(); err != nil {
			return err
		}
		at := path + "/" + e.Name
		if err := image.CheckName(e.Name); err != nil {
			b.Wrong("%s/: %v", path, err)
			continue
		}
		if names[e.Name] {
			b.Wrong("%s: %v; the second is left out", at, image.ErrTwice)
			continue
		}
		n, err := b.node(fs, e)
		if err != nil && !IsDamage(err) {
			return err
		}
		if err != nil {
			b.Wrong("%s: %v", at, err)
		}
		if n == nil {
			continue
		}
		names[e.Name] = true
		dir.Children = append(dir.Children, n)
		if n.Kind == image.Dir {
			if err := b.grow(fs, e.Inode, n, at, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// node is the inode of an entry as a node of its own.
func (b *Builder) node(fs FS, e Entry) (*image.Node, error) {
	if n := b.nodes[e.Inode]; n != nil {
		if n.Kind == image.Dir {
			return nil, Damaged("directory %d is elsewhere in the tree already", e.Inode)
		}
		link := *n
		link.Name = e.Name
		return &link, nil
	}
	n, err := fs.Inode(e.Inode)
	if n == nil || err != nil && !IsDamage(err) {
		return nil, err
	}
	if n.Kind == image.Symlink && (len(n.Target) > image.MaxTarget || strings.Contains(n.Target, "\x00")) {
		n.Target = ""
		err = Damaged("a link whose target cannot be")
	}
	if n.Kind == image.File && err != nil {
		damage := err
		n.Open = func() ([]byte, error) { return nil, damage }
		if n.Size > free {
			n.Size = 0
		}
		if err := b.Budget.Bytes(n.Size, 0); err != nil {
			return nil, err
		}
	}
	b.nodes[e.Inode] = n
	n.Name = e.Name
	return n, err
}

// Finish gives the tree to a part and says how it went.
func (b *Builder) Finish(p *image.Part) error {
	if err := b.Tree.Finish(); err != nil {
		return err
	}
	p.Tree, p.State = b.Tree, image.Understood
	switch {
	case b.wrong == 1:
		p.State, p.Problem = image.Damaged, b.first
	case b.wrong > 1:
		p.State, p.Problem = image.Damaged, fmt.Sprintf("%s; and %d more", b.first, b.wrong-1)
	}
	return b.Tree.Walk(func(_ string, n *image.Node) error {
		p.Unpacked += n.Size
		return b.Budget.Tick()
	})
}

// Mode takes apart the mode of a file (POSIX.1-2017, sys/stat.h, with the
// numbers that all systems use).
func Mode(mode uint32) (kind image.Kind, perm uint32, err error) {
	switch mode & 0o170000 {
	case 0o010000:
		kind = image.FIFO
	case 0o020000:
		kind = image.Char
	case 0o040000:
		kind = image.Dir
	case 0o060000:
		kind = image.Block
	case 0o100000:
		kind = image.File
	case 0o120000:
		kind = image.Symlink
	case 0o140000:
		kind = image.Socket
	default:
		return "", 0, Damaged("mode %#o is of no kind of file", mode)
	}
	return kind, mode & 0o7777, nil
}

// Old16 takes apart a device number of 16 bits.
func Old16(dev uint32) (major, minor uint32) { return dev >> 8 & 0xff, dev & 0xff }

// New32 takes apart a device number of 32 bits: 12 bits major, 20 bits minor, the
// minor's upper bits on top.
func New32(dev uint32) (major, minor uint32) { return dev >> 8 & 0xfff, dev&0xff | dev>>12&0xfff00 }
