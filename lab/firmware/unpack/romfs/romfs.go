// Package romfs reads romfs images (Linux, Documentation/filesystems/romfs.rst).
package romfs

import (
	"bytes"
	"encoding/binary"

	"assay/lab/firmware/image"
	"assay/lab/firmware/unpack/inode"
)

// Formats is romfs.
var Formats = []image.Format{{Name: "romfs", Magic: []image.Magic{{Bytes: "-rom1fs-"}}, Open: open}}

// Types in the lower bits of a header's first word.
const (
	hardLink = iota
	directory
	regular
	symlink
	blockDevice
	charDevice
	socket
	fifo
	typeMask   = 7
	executable = 8
	alignment  = 16
)

type fs struct {
	*inode.Builder
	b []byte // of the file system, as far as they are there
}

func open(b []byte, budget *image.Budget) (*image.Part, error) {
	if len(b) < 32 || !bytes.HasPrefix(b, []byte("-rom1fs-")) {
		return nil, image.ErrNot
	}
	size := int64(binary.BigEndian.Uint32(b[8:]))
	if size < 32 {
		return nil, image.ErrNot
	}
	p := &image.Part{Format: "romfs", Size: min(size, int64(len(b)))}
	f := fs{inode.New(budget), b[:p.Size]}
	name, root, ok := text(f.b, 16)
	if !ok {
		return nil, image.ErrNot
	}
	// Programs have the magic among their strings. A root tells what it is.
	if h, err := f.header(uint64(root)); err != nil || !h.sound || h.kind&typeMask != directory {
		return nil, image.ErrNot
	}
	if size > p.Size {
		f.Wrong("cut off: %d bytes of %d are there", p.Size, size)
	} else if !sumsToZero(f.b[:min(size, 512)]) {
		f.Wrong("the checksum of the first 512 bytes is wrong")
	}
	if name != "" {
		p.Detail("name", "%s", name)
	}
	if err := f.Grow(f, uint64(root)); err != nil {
		return nil, err
	}
	return p, f.Finish(p)
}

// text reads a NUL-terminated string and says where the padding behind it ends.
func text(b []byte, at int64) (s string, next int64, ok bool) {
	rest := b[at:]
	n := bytes.IndexByte(rest[:min(len(rest), 4096)], 0)
	if n < 0 {
		return "", 0, false
	}
	next = (at + int64(n) + alignment) &^ (alignment - 1)
	return string(rest[:n]), next, true
}

// sumsToZero is the checksum of the format: all words together are 0.
func sumsToZero(b []byte) bool {
	var sum uint32
	for ; len(b) >= 4; b = b[4:] {
		sum += binary.BigEndian.Uint32(b)
	}
	return sum == 0
}

// header is what stands before each file.
type header struct {
	next, spec, size uint32
	kind             uint32
	name             string
	data             int64 // where the content begins
	sound            bool  // its checksum is right
}

func (f fs) header(at uint64) (h header, err error) {
	if at%alignment != 0 || at+16 >= uint64(len(f.b)) {
		return h, inode.Damaged("a header at %#x, which is not in the image", at)
	}
	b := f.b[at:]
	next := binary.BigEndian.Uint32(b)
	h = header{next: next &^ (alignment - 1), kind: next & (alignment - 1), spec: binary.BigEndian.Uint32(b[4:]), size: binary.BigEndian.Uint32(b[8:])}
	var ok bool
	if h.name, h.data, ok = text(f.b, int64(at)+16); !ok || h.data > int64(len(f.b)) {
		return h, inode.Damaged("the name at %#x has no end", at)
	}
	h.sound = sumsToZero(f.b[at:h.data])
	return h, nil
}

// Entries follows the chain of a directory's headers.
func (f fs) Entries(dir uint64) (list []inode.Entry, err error) {
	h, err := f.header(dir)
	if err != nil {
		return nil, err
	}
	seen := map[uint64]bool{}
	sound := true
	for at := uint64(h.spec) &^ (alignment - 1); at != 0; at = uint64(h.next) {
		if err := f.Budget.Node(); err != nil {
			return list, err
		}
		if seen[at] {
			return list, inode.Damaged("the list of its entries comes back to %#x", at)
		}
		seen[at] = true
		if h, err = f.header(at); err != nil {
			return list, err
		}
		// One header may be wrong in what does not matter here; behind two of them
		// the way is lost.
		if !h.sound {
			f.Wrong("the header at %#x has a wrong checksum", at)
			if !sound {
				return list, inode.Damaged("the list of its entries ends at %#x", at)
			}
		}
		sound = h.sound
		if h.name == "." || h.name == ".." {
			continue
		}
		number := at
		if h.kind&typeMask == hardLink {
			number = uint64(h.spec) &^ (alignment - 1)
		}
		list = append(list, inode.Entry{Name: h.name, Inode: number})
	}
	return list, nil
}

// Inode gives the file whose header stands at a place. romfs keeps one bit
// of modes, and Linux shows the rest as here.
func (f fs) Inode(at uint64) (*image.Node, error) {
	h, err := f.header(at)
	if err != nil {
		return nil, err
	}
	n := &image.Node{Perm: 0o644}
	if h.kind&executable != 0 {
		n.Perm = 0o755
	}
	switch h.kind & typeMask {
	case directory:
		n.Kind, n.Perm = image.Dir, 0o755
	case regular:
		n.Kind, n.Size = image.File, int64(h.size)
		content, bad := f.content(h)
		if bad != nil {
			return n, bad
		}
		n.Open = func() ([]byte, error) { return content, nil }
		err = f.Charge(n.Size, n.Size)
	case symlink:
		n.Kind, n.Perm = image.Symlink, 0o777
		content, bad := f.content(h)
		if bad != nil {
			return n, bad
		}
		n.Target = string(content[:min(len(content), image.MaxTarget+1)])
	case blockDevice, charDevice:
		n.Kind, n.Perm, n.Major, n.Minor = image.Char, 0o600, h.spec>>16, h.spec&0xffff
		if h.kind&typeMask == blockDevice {
			n.Kind = image.Block
		}
	case socket:
		n.Kind = image.Socket
	case fifo:
		n.Kind = image.FIFO
	default:
		return nil, inode.Damaged("a hard link to the hard link at %#x", at)
	}
	return n, err
}

// content is what stands behind a header.
func (f fs) content(h header) ([]byte, error) {
	end := h.data + int64(h.size)
	if end > int64(len(f.b)) {
		return nil, inode.Damaged("%d bytes from %#x on, which is more than the image has", h.size, h.data)
	}
	return f.b[h.data:end:end], nil
}
