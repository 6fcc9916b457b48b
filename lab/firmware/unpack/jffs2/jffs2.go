// Package jffs2 reads JFFS2 in both byte orders (Linux, include/uapi/linux/jffs2.h).
//
// JFFS2 is a log: nodes stand anywhere in the flash, each is a name or a stretch of
// a file's content, and what counts is the node with the highest version.
package jffs2

import (
	"encoding/binary"
	"hash/crc32"
	"maps"
	"slices"
	"strings"

	"assay/lab/firmware/image"
	"assay/lab/firmware/unpack/inode"
)

// Formats is jffs2.
var Formats = []image.Format{{Name: "jffs2", Magic: magics(), Open: open}}

const (
	magic    = 0x1985
	accurate = 0x2000 // a bit of the type that is cleared when the node counts no more

	dirent      = 0xe001
	inodeNode   = 0xe002
	cleanmarker = 0x2003
	padding     = 0x2004
	summary     = 0x2006
	xattr       = 0xe008
	xref        = 0xe009
	compat      = 0xc000 // bits of the type: what to do with one that is unknown
	incompat    = 0xc000

	headerSize = 12
	direntSize = 40
	inodeSize  = 68

	root = 1
)

// magics are the first bytes of nodes that an image may begin with.
func magics() (list []image.Magic) {
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		for _, kind := range []uint16{dirent, inodeNode, cleanmarker, padding, summary, xattr} {
			list = append(list, image.Magic{Bytes: string(order.AppendUint16(order.AppendUint16(nil, magic), kind))})
		}
	}
	return list
}

// crc is the CRC-32 of the format: without the inversion at its beginning and end.
func crc(b []byte) uint32 { return ^crc32.Update(^uint32(0), crc32.IEEETable, b) }

// piece is a stretch of a file's content.
type piece struct {
	version      uint32
	offset, size uint32 // in the file, unpacked
	at           int64  // of the bytes in the image
	packed       uint32
	compression  byte
}

// file is what the nodes of an inode say together.
type file struct {
	version              uint32 // of what follows
	mode, uid, gid       uint32
	size, time           uint32
	pieces               []piece
	stored, sum, largest int64 // bytes of the pieces, packed and unpacked
}

// name is a directory entry; inode 0 means that it was deleted.
type name struct{ version, inode uint32 }

type fs struct {
	*inode.Builder
	b     []byte
	order binary.ByteOrder
	files map[uint32]*file
	dirs  map[uint32]map[string]name
	used  [256]bool // compressions
	end   int64     // of the last node
	mark  int64     // end of the node before the last cleanmarker
	seen  map[key]uint32
}

// key is what no two nodes of a file system share, if they are not copies.
type key struct {
	kind           uint16
	inode, version uint32
}

func open(b []byte, budget *image.Budget) (*image.Part, error) {
	f := &fs{
		Builder: inode.New(budget), b: b, order: binary.LittleEndian,
		files: map[uint32]*file{}, dirs: map[uint32]map[string]name{}, seen: map[key]uint32{},
	}
	if len(b) < headerSize {
		return nil, image.ErrNot
	}
	if f.order.Uint16(b) != magic {
		f.order = binary.BigEndian
	}
	if _, _, ok := f.header(0); !ok {
		return nil, image.ErrNot
	}
	if err := f.scan(); err != nil {
		return nil, err
	}
	if f.files[root] == nil {
		f.files[root] = &file{mode: 0o040755} // mkfs need not write one
	}
	if err := f.Grow(f, root); err != nil {
		return nil, err
	}
	p := &image.Part{Format: "jffs2", Size: f.extent()}
	f.describe(p)
	return p, f.Finish(p)
}

func (f *fs) describe(p *image.Part) {
	p.Detail("order", "%s", map[bool]string{true: "little-endian", false: "big-endian"}[f.order == binary.LittleEndian])
	var names []string
	for i, n := range compressions {
		if f.used[i] && i != stored && i != zero && i != copied {
			names = append(names, n)
		}
	}
	if len(names) > 0 {
		p.Detail("compression", "%s", strings.Join(names, " "))
	}
}

// block is the least size of an erase block in NOR flash that is common.
const block = 64 << 10

// extent is where the file system ends: behind its last node, and what is erased
// behind it to the end of the block, whose true size nobody wrote down.
func (f *fs) extent() int64 {
	end := min((f.end+3)&^3, int64(len(f.b)))
	limit := min((end+block-1)/block*block, int64(len(f.b)))
	at := end
	for at < limit && f.b[at] == 0xff {
		at++
	}
	if at == limit {
		return limit
	}
	return end
}

// header reads the first 12 bytes of a node, which have their own CRC. An
// obsolete node has it from when it was not.
func (f *fs) header(at int64) (kind uint16, size int64, ok bool) {
	b := f.b[at:]
	if len(b) < headerSize || f.order.Uint16(b) != magic {
		return 0, 0, false
	}
	kind = f.order.Uint16(b[2:])
	var h [8]byte
	copy(h[:], b)
	f.order.PutUint16(h[2:], kind|accurate)
	size = int64(f.order.Uint32(b[4:]))
	return kind, size, crc(h[:]) == f.order.Uint32(b[8:]) && size >= headerSize
}

// lost is how many bytes that are neither nodes nor erased may stand between nodes.
const lost = 1 << 20

// scan reads all nodes up to where the file system ends.
func (f *fs) scan() error {
	gap := int64(0) // bytes since the last node that are something else
	from := int64(0)
	for at := int64(0); at+headerSize <= int64(len(f.b)) && gap < lost; {
		if f.b[at] == 0xff && f.b[at+1] == 0xff {
			at += erased(f.b[at:])
			continue
		}
		kind, size, ok := f.header(at)
		if !ok {
			if gap == 0 {
				from = at
			}
			gap += 4
			at += 4
			if err := f.Budget.Tick(); err != nil {
				return err
			}
			continue
		}
		if gap > 0 {
			f.Wrong("%d bytes from %#x on are no nodes", gap, from)
			gap = 0
		}
		if size > int64(len(f.b))-at {
			f.Wrong("cut off in the node at %#x, which has %d bytes", at, size)
			f.end = int64(len(f.b))
			return nil
		}
		other, err := f.node(kind, at, f.b[at:at+size])
		if err != nil || other {
			return err
		}
		f.end = at + size
		at = (at + size + 3) &^ 3
	}
	// A header that is cut off is nothing by itself.
	if rest := f.b[min((f.end+3)&^3, int64(len(f.b))):]; len(rest) > 0 && len(rest) < headerSize && len(rest) >= 2 && f.order.Uint16(rest) == magic {
		f.Wrong("cut off in the node at %#x", f.end)
		f.end = int64(len(f.b))
	}
	return nil
}

// erased is how many bytes of 0xff begin b, whole words.
func erased(b []byte) int64 {
	n := 0
	for n+8 <= len(b) && binary.LittleEndian.Uint64(b[n:]) == 1<<64-1 {
		n += 8
	}
	for n < len(b) && b[n] == 0xff {
		n++
	}
	return max(int64(n)&^3, 4)
}

// node takes a node. other means that another file system begins here.
func (f *fs) node(kind uint16, at int64, b []byte) (other bool, err error) {
	if kind&accurate == 0 {
		return false, nil
	}
	switch kind {
	case dirent, inodeNode:
	case cleanmarker:
		f.mark = f.end
		return false, nil
	case padding, summary, xattr, xref:
		return false, nil
	default:
		if kind&compat == incompat {
			f.Wrong("the node at %#x is of type %#x, which nobody here knows", at, kind)
		}
		return false, nil
	}
	size, sumAt := int64(direntSize), 32
	if kind == inodeNode {
		size, sumAt = inodeSize, 64
	}
	if int64(len(b)) < size || crc(b[:size-8]) != f.order.Uint32(b[sumAt:]) {
		f.Wrong("the node at %#x has a wrong checksum", at)
		return false, nil
	}
	k := key{kind, f.order.Uint32(b[12:]), f.order.Uint32(b[16:])}
	sum := crc(b[:size])
	if old, ok := f.seen[k]; ok && old != sum && f.begins(at) {
		if at%least != 0 {
			f.end = f.mark
		}
		return true, nil
	}
	f.seen[k] = sum
	if kind == dirent {
		return false, f.dirent(at, b)
	}
	return false, f.piece(at, b)
}

const least = 4 << 10 // bytes of an erase block

// begins tells whether a node is the first of an erase block. Two partitions next
// to each other look like one; but a version stands twice then.
func (f *fs) begins(at int64) bool {
	if at%least == 0 {
		return true
	}
	kind, size, ok := f.header(at / least * least)
	return ok && kind == cleanmarker && at%least == (size+3)&^3
}

// dirent takes a name.
func (f *fs) dirent(at int64, b []byte) error {
	size := int(b[28])
	if direntSize+size > len(b) || crc(b[direntSize:direntSize+size]) != f.order.Uint32(b[36:]) {
		f.Wrong("the name in the node at %#x has a wrong checksum", at)
		return nil
	}
	parent := f.order.Uint32(b[12:])
	if f.dirs[parent] == nil {
		f.dirs[parent] = map[string]name{}
	}
	n := name{f.order.Uint32(b[16:]), f.order.Uint32(b[20:])}
	text := string(b[direntSize : direntSize+size])
	old, ok := f.dirs[parent][text]
	if !ok {
		if err := f.Budget.Node(); err != nil {
			return err
		}
	}
	if !ok || n.version >= old.version {
		f.dirs[parent][text] = n
	}
	return f.Budget.Tick()
}

// piece takes a stretch of a file.
func (f *fs) piece(at int64, b []byte) error {
	u := func(at int) uint32 { return f.order.Uint32(b[at:]) }
	number := u(12)
	p := piece{version: u(16), offset: u(44), packed: u(48), size: u(52), at: at + inodeSize, compression: b[56]}
	if int64(p.packed) > int64(len(b))-inodeSize || crc(b[inodeSize:inodeSize+p.packed]) != u(60) {
		f.Wrong("the content in the node at %#x, of inode %d, has a wrong checksum", at, number)
		return nil
	}
	n := f.files[number]
	if n == nil {
		if err := f.Budget.Node(); err != nil {
			return err
		}
		n = &file{}
		f.files[number] = n
	}
	if p.version >= n.version {
		n.version, n.mode, n.size, n.time = p.version, u(20), u(28), u(36)
		n.uid, n.gid = uint32(f.order.Uint16(b[24:])), uint32(f.order.Uint16(b[26:]))
	}
	if p.size > 0 {
		n.pieces = append(n.pieces, p)
		n.stored += int64(p.packed)
		n.sum += int64(p.size)
		n.largest = max(n.largest, int64(p.size))
		f.used[p.compression] = true
	}
	return f.Budget.Tick()
}

// Entries lists the names that were not deleted. They were charged when their
// nodes were read.
func (f *fs) Entries(dir uint64) (list []inode.Entry, err error) {
	names := f.dirs[uint32(dir)]
	for _, text := range slices.Sorted(maps.Keys(names)) {
		if n := names[text]; n.inode != 0 {
			list = append(list, inode.Entry{Name: text, Inode: uint64(n.inode)})
		}
	}
	return list, nil
}

// Inode gives a file.
func (f *fs) Inode(number uint64) (n *image.Node, err error) {
	i := f.files[uint32(number)]
	if i == nil {
		return nil, inode.Damaged("there is no node of inode %d", number)
	}
	n = &image.Node{UID: i.uid, GID: i.gid, Time: int64(i.time)}
	if n.Kind, n.Perm, err = inode.Mode(i.mode); err != nil {
		return nil, err
	}
	slices.SortStableFunc(i.pieces, func(a, b piece) int { return int(int64(a.version) - int64(b.version)) })
	switch n.Kind {
	case image.File:
		n.Size = int64(i.size)
		// Each piece is unpacked, also those of which nothing is left.
		if err := f.Charge(max(n.Size, i.sum), i.stored); err != nil {
			return n, err
		}
		if n.Size > 0 {
			n.Open = func() ([]byte, error) { return f.content(i, n.Size) }
		}
	case image.Symlink:
		if i.sum > image.MaxTarget {
			return n, inode.Damaged("a link whose target has %d bytes", i.sum)
		}
		b, err := f.content(i, i.largest)
		n.Target = string(b)
		return n, err
	case image.Char, image.Block:
		if i.sum > 4 {
			return n, inode.Damaged("a device with a number of %d bytes", i.sum)
		}
		b, err := f.content(i, i.largest)
		switch len(b) {
		case 2:
			n.Major, n.Minor = inode.Old16(uint32(f.order.Uint16(b)))
		case 4:
			n.Major, n.Minor = inode.New32(f.order.Uint32(b))
		default:
			err = inode.Damaged("a device without a number")
		}
		return n, err
	}
	return n, nil
}

// most is how much one node unpacks to: Linux writes pages.
const most = 1 << 20

// content lays the pieces of a file over each other in the order of their versions.
// What none of them has is zeros.
func (f *fs) content(i *file, size int64) ([]byte, error) {
	out := make([]byte, size)
	for _, p := range i.pieces {
		from := int64(p.offset)
		if from >= size {
			continue
		}
		to := min(from+int64(p.size), size)
		dst := out[from:to:to]
		switch {
		case p.compression == zero:
			clear(dst)
			continue
		case p.compression == stored || p.compression == copied:
			if p.packed < p.size {
				return nil, inode.Damaged("the node at %#x has %d bytes of %d", p.at-inodeSize, p.packed, p.size)
			}
			copy(dst, f.b[p.at:])
			continue
		case p.size > most:
			return nil, inode.Damaged("the node at %#x unpacks to %d bytes", p.at-inodeSize, p.size)
		case len(dst) < int(p.size): // the end was cut off later
			dst = make([]byte, p.size)
		}
		if err := unpack(p.compression, dst, f.b[p.at:p.at+int64(p.packed)]); err != nil {
			return nil, inode.Damaged("the node at %#x: %v", p.at-inodeSize, err)
		}
		copy(out[from:to], dst)
	}
	return out, nil
}
