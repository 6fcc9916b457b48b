// Package cramfs reads cramfs images in both byte orders (Linux,
// Documentation/filesystems/cramfs.rst and include/uapi/linux/cramfs_fs.h).
package cramfs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"assay/lab/firmware/image"
	"assay/lab/firmware/unpack/compress"
	"assay/lab/firmware/unpack/inode"
)

// Formats is cramfs.
var Formats = []image.Format{{
	Name: "cramfs",
	Magic: []image.Magic{
		{Bytes: "\x45\x3d\xcd\x28"}, {Bytes: "\x28\xcd\x3d\x45"},
		{Offset: boot, Bytes: "\x45\x3d\xcd\x28"}, {Offset: boot, Bytes: "\x28\xcd\x3d\x45"},
	},
	Open: open,
}}

const (
	magic     = 0x28cd3d45
	signature = "Compressed ROMFS"
	superSize = 76
	inodeSize = 12
	boot      = 512 // bytes that may precede the superblock; all places are counted from before them

	// Flags of the superblock.
	version2    = 0x001 // the size and the CRC are true
	shiftedRoot = 0x400 // something else, such as a boot sector, precedes the root
	pointers    = 0x800 // block pointers carry flags
	known       = version2 | 0x002 | 0x100 | 0x200 | shiftedRoot | pointers

	// Flags of a block pointer.
	stored = 1 << 31 // not compressed
	direct = 1 << 30 // where the block begins, in words, and not where it ends
)

type fs struct {
	*inode.Builder
	b     []byte
	super []byte // the superblock
	order binary.ByteOrder
	flags uint32
	block int64 // bytes of a block
}

func open(b []byte, budget *image.Budget) (*image.Part, error) {
	f := fs{Builder: inode.New(budget), b: b, block: blockSizes[0]}
	root := uint64(superSize - inodeSize)
	if !f.begins(0) {
		if root += boot; !f.begins(boot) {
			return nil, image.ErrNot
		}
	}
	f.flags = f.order.Uint32(f.super[8:])
	size := int64(f.order.Uint32(f.super[4:]))
	if f.flags&version2 == 0 { // then the size means nothing
		var err error
		if size, err = f.extent(root); err != nil {
			return nil, err
		}
	}
	if size < int64(root) {
		return nil, image.ErrNot
	}
	p := &image.Part{Format: "cramfs", Size: min(size, int64(len(b)))}
	f.b = b[:p.Size]
	f.describe(p, size, int64(root)+inodeSize-superSize)
	if err := f.measure(root); err != nil {
		return nil, err
	}
	if err := f.Grow(f, root); err != nil {
		return nil, err
	}
	return p, f.Finish(p)
}

// begins finds the superblock at a place. Very old images have no signature;
// the magic of four bytes alone is too little to go by.
func (f *fs) begins(at int) bool {
	if len(f.b) < at+superSize {
		return false
	}
	f.super = f.b[at : at+superSize]
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		if f.order = order; order.Uint32(f.super) == magic && string(f.super[16:32]) == signature {
			root, err := f.entry(uint64(at + superSize - inodeSize))
			if err != nil || root.mode&0o170000 != 0o040000 {
				return false
			}
			// What stands behind a boot sector counts from before it.
			before := root.size > 0 && root.offset == boot+superSize && f.order.Uint32(f.super[8:])&(shiftedRoot|version2) == version2
			return !before || at == boot
		}
	}
	return false
}

func (f *fs) describe(p *image.Part, size, from int64) {
	p.Detail("order", "%s", map[bool]string{true: "little-endian", false: "big-endian"}[f.order == binary.LittleEndian])
	if name := bytes.TrimRight(f.super[48:64], "\x00 "); len(name) > 0 && string(name) != "Compressed" {
		p.Detail("name", "%s", bytes.ToValidUTF8(name, []byte("?")))
	}
	switch {
	case f.flags&^uint32(known) != 0:
		f.Wrong("flags %#x that nobody here knows", f.flags&^uint32(known))
	case size > p.Size:
		f.Wrong("cut off: %d bytes of %d are there", p.Size, size)
	case f.flags&version2 != 0 && f.order.Uint32(f.super[32:]) != crc(f.b[from:]):
		f.Wrong("the checksum of the image is wrong")
	}
}

// crc is the CRC-32 of an image with the place of the CRC itself empty.
func crc(b []byte) uint32 {
	c := crc32.ChecksumIEEE(b[:32])
	c = crc32.Update(c, crc32.IEEETable, make([]byte, 4))
	return crc32.Update(c, crc32.IEEETable, b[36:])
}

// blockSizes are those of the machines that images are made for, the usual
// one first.
var blockSizes = []int64{4096, 8192, 16384, 32768, 65536, 2048, 1024, 512}

var errOverlap = errors.New("directories overlap")

// visit shows every directory, file and link once, as far as they can be read.
func (f *fs) visit(root uint64, see func(e entry)) error {
	seen := map[int64]bool{}
	dirs := []uint64{root}
	left := len(f.b) / inodeSize // entries that there is room for, if none stands in two directories
	charge := func() error {
		if left--; left < 0 {
			return errOverlap
		}
		return f.Budget.Tick()
	}
	for len(dirs) > 0 {
		list, err := f.list(dirs[0], charge)
		if err == errOverlap {
			return nil // the tree will tell
		}
		if err != nil && !inode.IsDamage(err) {
			return err
		}
		dirs = dirs[1:]
		for _, l := range list {
			e, err := f.entry(l.Inode)
			if kind := e.kind(); err != nil || seen[e.offset] || kind != image.Dir && kind != image.File && kind != image.Symlink {
				continue
			}
			seen[e.offset] = true
			if e.kind() == image.Dir {
				dirs = append(dirs, l.Inode)
			}
			see(e)
		}
	}
	return nil
}

func (e entry) kind() image.Kind {
	kind, _, err := inode.Mode(e.mode)
	if err != nil {
		return ""
	}
	return kind
}

// measure finds out the size of blocks, which is not written down, from how many
// there are in all, which is.
func (f *fs) measure(root uint64) error {
	if f.flags&version2 == 0 {
		return nil
	}
	sizes := make([]int64, len(blockSizes))
	err := f.visit(root, func(e entry) {
		if e.kind() == image.Dir {
			return
		}
		for i, s := range blockSizes {
			sizes[i] += e.blocks(s)
		}
	})
	if i := slices.Index(sizes, int64(f.order.Uint32(f.super[40:]))); i > 0 {
		f.block = blockSizes[i]
	}
	return err
}

// extent finds out where an image ends that does not say it: behind the last block,
// and the zeros that fill up a page.
func (f *fs) extent(root uint64) (end int64, err error) {
	end = int64(root) + inodeSize
	if e, err := f.entry(root); err == nil {
		end = max(end, e.offset+int64(e.size))
	}
	err = f.visit(root, func(e entry) {
		last := e.offset + int64(e.size)
		if e.kind() != image.Dir {
			last = e.offset + 4*e.blocks(f.block)
			if w, err := f.word(last - 4); err == nil && e.size > 0 {
				last = max(last, int64(w))
			}
		}
		end = max(end, last)
	})
	end = min((end+3)&^3, int64(len(f.b)))
	page := min((end+4095)&^4095, int64(len(f.b)))
	if len(bytes.TrimLeft(f.b[end:page], "\x00")) == 0 {
		end = page
	}
	return end, err
}

// entry is an inode as it is stored, which is also the head of a directory entry.
type entry struct {
	mode, uid, size, gid uint32
	name                 int64 // bytes of it
	offset               int64 // of the content, 0 for an empty file
}

func (f fs) entry(at uint64) (e entry, err error) {
	if at+inodeSize > uint64(len(f.b)) {
		return e, inode.Damaged("an entry at %#x, behind the end of the image", at)
	}
	w := [3]uint32{f.order.Uint32(f.b[at:]), f.order.Uint32(f.b[at+4:]), f.order.Uint32(f.b[at+8:])}
	// The compiler lays out bit fields from the end that is first in memory.
	if f.order == binary.BigEndian {
		return entry{w[0] >> 16, w[0] & 0xffff, w[1] >> 8, w[1] & 0xff, int64(w[2]>>26) * 4, int64(w[2]&0x3ffffff) * 4}, nil
	}
	return entry{w[0] & 0xffff, w[0] >> 16, w[1] & 0xffffff, w[1] >> 24, int64(w[2]&0x3f) * 4, int64(w[2]>>6) * 4}, nil
}

// Entries lists a directory.
func (f fs) Entries(dir uint64) (list []inode.Entry, err error) {
	return f.list(dir, f.Budget.Node)
}

// list reads a directory: inodes, each with its name behind it. An inode's number
// is the place where it stands.
func (f fs) list(dir uint64, charge func() error) (list []inode.Entry, err error) {
	d, err := f.entry(dir)
	if err != nil {
		return nil, err
	}
	at, end := d.offset, d.offset+int64(d.size)
	if end > int64(len(f.b)) {
		err = inode.Damaged("%d bytes from %#x on, which is more than the image has", d.size, d.offset)
		end = int64(len(f.b))
	}
	for at < end {
		if err := charge(); err != nil {
			return list, err
		}
		e, bad := f.entry(uint64(at))
		if bad != nil {
			return list, bad
		}
		if e.name == 0 || at+inodeSize+e.name > end {
			return list, inode.Damaged("the entry at %#x has no name", at)
		}
		name := bytes.TrimRight(f.b[at+inodeSize:at+inodeSize+e.name], "\x00")
		list = append(list, inode.Entry{Name: string(name), Inode: uint64(at)})
		at += inodeSize + e.name
	}
	return list, err
}

// Inode gives the file of an entry.
func (f fs) Inode(at uint64) (*image.Node, error) {
	e, err := f.entry(at)
	if err != nil {
		return nil, err
	}
	n := &image.Node{UID: e.uid, GID: e.gid}
	if n.Kind, n.Perm, err = inode.Mode(e.mode); err != nil {
		return nil, err
	}
	switch n.Kind {
	case image.Char, image.Block:
		n.Major, n.Minor = inode.Old16(e.size)
	case image.File:
		n.Size = int64(e.size)
		table := e.blocks(f.block) * 4
		if e.offset+table > int64(len(f.b)) {
			return n, inode.Damaged("its blocks are listed at %#x, behind the end of the image", e.offset)
		}
		if e.size > 0 {
			n.Open = func() ([]byte, error) { return f.content(e) }
		}
		err = f.Charge(n.Size, int64(len(f.b)))
	case image.Symlink:
		if e.size > image.MaxTarget {
			return n, inode.Damaged("a link whose target has %d bytes", e.size)
		}
		target, bad := f.content(e)
		if bad != nil {
			return n, inode.Damaged("the target of the link: %v", bad)
		}
		n.Target = string(target)
	}
	return n, err
}

func (e entry) blocks(size int64) int64 { return (int64(e.size) + size - 1) / size }

// content unpacks a file.
func (f fs) content(e entry) ([]byte, error) {
	out := make([]byte, e.size)
	for i := range e.blocks(f.block) {
		to := out[i*f.block : min((i+1)*f.block, int64(len(out)))]
		packed, compressed, err := f.locate(e, i, int64(len(to)))
		if err != nil {
			return nil, inode.Damaged("block %d: %v", i, err)
		}
		switch {
		case len(packed) == 0: // a hole
		case compressed:
			if err := inflate(packed, to); err != nil {
				return nil, inode.Damaged("block %d at %#x: %v", i, cap(f.b)-cap(packed), err)
			}
		default:
			copy(to, packed)
		}
	}
	return out, nil
}

// locate finds the bytes of a block, of which size come out.
func (f fs) locate(e entry, i, size int64) (packed []byte, compressed bool, err error) {
	pointer, err := f.word(e.offset + 4*i)
	if err != nil {
		return nil, false, err
	}
	compressed = true
	var from, to int64
	if f.flags&pointers == 0 {
		from, to, err = f.start(e, i), int64(pointer), nil
	} else {
		compressed = pointer&stored == 0
		if pointer&direct != 0 {
			from, to, err = f.at(pointer, size)
		} else {
			from, err = f.behind(e, i)
			to = int64(pointer &^ (stored | direct))
		}
	}
	if err != nil {
		return nil, false, err
	}
	if from > to || to > int64(len(f.b)) || to-from > 2*f.block {
		return nil, false, inode.Damaged("it is said to stand from %#x to %#x", from, to)
	}
	return f.b[from:to], compressed, nil
}

// start is where a block begins: behind the table, or behind the block before.
func (f fs) start(e entry, i int64) int64 {
	if i == 0 {
		return e.offset + 4*e.blocks(f.block)
	}
	return int64(f.order.Uint32(f.b[e.offset+4*(i-1):]))
}

// behind is start where pointers have flags: the block before may be a direct one.
func (f fs) behind(e entry, i int64) (int64, error) {
	p := f.start(e, i)
	if i == 0 || p&direct == 0 {
		return p &^ (stored | direct), nil
	}
	_, to, err := f.at(uint32(p), f.block)
	return to, err
}

// at is where the block of a direct pointer stands. A compressed one has its
// length in front.
func (f fs) at(pointer uint32, size int64) (from, to int64, err error) {
	from = int64(pointer&^(stored|direct)) << 2
	if pointer&stored != 0 {
		return from, from + size, nil
	}
	if from+2 > int64(len(f.b)) {
		return 0, 0, inode.Damaged("it begins at %#x, behind the end of the image", from)
	}
	return from + 2, from + 2 + int64(f.order.Uint16(f.b[from:])), nil
}

func (f fs) word(at int64) (uint32, error) {
	if at < 0 || at+4 > int64(len(f.b)) {
		return 0, inode.Damaged("its pointer at %#x is behind the end of the image", at)
	}
	return f.order.Uint32(f.b[at:]), nil
}

// inflate fills to with what packed unpacks to.
func inflate(packed, to []byte) error {
	n, err := compress.Block(compress.Zlib, to, packed)
	if err == nil && n < len(to) {
		err = fmt.Errorf("%d bytes come out of it instead of %d", n, len(to))
	}
	return err
}
