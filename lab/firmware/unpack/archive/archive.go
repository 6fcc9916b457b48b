// Package archive reads archives of files: cpio, tar, zip, ar and the packages
// made of it. What they hold stays in the image; a name that leads out of the tree is
// left out and noted.
package archive

import (
	"errors"
	"fmt"

	"assay/lab/firmware/image"
)

// Formats are the readers of this package.
var Formats = []image.Format{
	{Name: "cpio", Magic: []image.Magic{{Bytes: "070701"}, {Bytes: "070702"}, {Bytes: "070707"}, {Bytes: "\xc7\x71"}, {Bytes: "\x71\xc7"}}, Open: openCPIO},
	{Name: "tar", Magic: tarMagic, Open: openTar},
	{Name: "zip", Magic: []image.Magic{{Bytes: "PK\x03\x04"}, {Bytes: "PK\x05\x06"}}, Open: openZip},
	{Name: "ar", Magic: []image.Magic{{Bytes: arMagic}}, Open: openAr},
}

// Bits of a mode (POSIX.1-2017, sys/stat.h; the numbers are those that all of these
// formats write).
const (
	modeType    = 0o170000
	modeSocket  = 0o140000
	modeSymlink = 0o120000
	modeFile    = 0o100000
	modeBlock   = 0o060000
	modeDir     = 0o040000
	modeChar    = 0o020000
	modeFIFO    = 0o010000
	modePerm    = 0o007777
)

var kinds = map[uint32]image.Kind{
	modeSocket: image.Socket, modeSymlink: image.Symlink, modeFile: image.File, modeBlock: image.Block,
	modeDir: image.Dir, modeChar: image.Char, modeFIFO: image.FIFO,
}

// errBroken is the reason that a reading stopped at.
type errBroken struct {
	at  int
	why string
}

func (e *errBroken) Error() string { return fmt.Sprintf("%s at byte %d", e.why, e.at) }

func broken(at int, format string, a ...any) error {
	return &errBroken{at, fmt.Sprintf(format, a...)}
}

// builder makes the tree of an archive. The first error of the budget stays.
type builder struct {
	tree   *image.Tree
	budget *image.Budget
	lost   int    // entries whose content cannot be read
	first  string // the first of them, and why
}

func newBuilder(b *image.Budget) *builder { return &builder{tree: image.NewTree(), budget: b} }

// put adds an entry; what the tree refuses is noted. Its error is the budget's.
func (t *builder) put(path string, n *image.Node) error {
	if err := t.budget.Node(); err != nil {
		return err
	}
	if err := t.tree.Put(path, n); err != nil {
		t.tree.Note("left out: %v", err)
	}
	return nil
}

// content charges the bytes of a file as they are and gives them to it.
func (t *builder) content(n *image.Node, data []byte) error {
	if err := t.budget.Bytes(int64(len(data)), 0); err != nil {
		return err
	}
	n.Size = int64(len(data))
	if len(data) > 0 {
		n.Open = func() ([]byte, error) { return data, nil }
	}
	return nil
}

// lose makes a file's content unreadable, and says why.
func (t *builder) lose(path string, n *image.Node, why error) {
	n.Open = func() ([]byte, error) { return nil, why }
	if t.lost++; t.lost == 1 {
		t.first = fmt.Sprintf("%.100q: %v", path, why)
	}
}

// part ends the reading: err is nil, an errBroken, or an error that nothing can be made of.
func (t *builder) part(format string, size int, err error) (*image.Part, error) {
	p := &image.Part{Format: format, Size: int64(size), State: image.Understood, Tree: t.tree}
	var b *errBroken
	switch {
	case errors.As(err, &b):
		p.State, p.Problem = image.Damaged, b.Error()
	case err != nil:
		return nil, err
	case t.lost > 0:
		p.State, p.Problem = image.Damaged, fmt.Sprintf("%d of its files cannot be read: %s", t.lost, t.first)
	}
	if err := t.tree.Finish(); err != nil { // Put has refused what Finish would, but for a link's target
		p.State, p.Problem, p.Tree = image.Damaged, err.Error(), nil
	}
	return p, nil
}

// link makes a symlink's node; a target that cannot be is noted and cut off.
func (t *builder) target(path string, n *image.Node, target string) {
	for i := range len(target) {
		if target[i] == 0 {
			target = target[:i]
			break
		}
	}
	if len(target) > image.MaxTarget {
		t.tree.Note("%.80q: the target of the link has %d bytes and is cut", path, len(target))
		target = target[:image.MaxTarget]
	}
	n.Target = target
}
