package squashfs

import (
	"assay/lab/firmware/image"
	"assay/lab/firmware/unpack/inode"
)

// Types of inodes. Versions 2 and 3 have those up to largeFile; version 1 numbers its own.
const (
	typeDir = iota + 1
	typeFile
	typeSymlink
	typeBlock
	typeChar
	typeFIFO
	typeSocket
	typeLargeDir
	typeLargeFile
	typeLargeSymlink
	typeLargeBlock
	typeLargeChar
	typeLargeFIFO
	typeLargeSocket
)

var kinds = [...]image.Kind{
	typeDir: image.Dir, typeFile: image.File, typeSymlink: image.Symlink, typeBlock: image.Block, typeChar: image.Char,
	typeFIFO: image.FIFO, typeSocket: image.Socket, typeLargeDir: image.Dir, typeLargeFile: image.File,
	typeLargeSymlink: image.Symlink, typeLargeBlock: image.Block, typeLargeChar: image.Char,
	typeLargeFIFO: image.FIFO, typeLargeSocket: image.Socket,
}

// raw is an inode of any version, as it is stored.
type raw struct {
	kind     image.Kind
	perm     uint32
	uid, gid uint32
	time     int64

	dev    uint32 // of a device
	target int    // bytes of a link's target, which stand at rest
	dir    listing

	size     int64 // of a file
	start    int64 // of its blocks
	fragment uint32
	offset   uint32 // in the fragment
	rest     cursor
}

// listing is where the entries of a directory stand.
type listing struct {
	block  uint32
	offset uint32
	size   int64
}

const noFragment = 0xffffffff

// Inode gives the file of an inode; its number is the place in the table.
func (f *fs) Inode(ref uint64) (*image.Node, error) {
	r, err := f.raw(ref)
	if err != nil {
		return nil, err
	}
	n := &image.Node{Kind: r.kind, Perm: r.perm, UID: r.uid, GID: r.gid, Time: r.time}
	switch r.kind {
	case image.Char, image.Block:
		if n.Major, n.Minor = inode.New32(r.dev); f.major < 4 {
			n.Major, n.Minor = inode.Old16(r.dev)
		}
	case image.Symlink:
		if r.target > image.MaxTarget {
			return n, inode.Damaged("a link whose target has %d bytes", r.target)
		}
		b, err := f.read(&r.rest, r.target)
		if err != nil {
			if !inode.IsDamage(err) {
				return nil, err
			}
			return n, inode.Damaged("the target of the link: %v", err)
		}
		n.Target = string(b)
	case image.File:
		return n, f.file(n, r)
	}
	return n, nil
}

// raw reads an inode.
func (f *fs) raw(ref uint64) (r raw, err error) {
	c := cursor{f.inodes + int64(ref>>16), int(ref & 0xffff)}
	switch f.major {
	case 4:
		return f.raw4(c)
	case 1:
		return f.raw1(c)
	}
	return f.raw23(c)
}

// structure reads the next n bytes of a table.
func (f *fs) structure(c *cursor, n int) (fields, error) {
	b, err := f.read(c, n)
	return fields{b, f.order}, err
}

func (f *fs) raw4(c cursor) (r raw, err error) {
	h, err := f.structure(&c, 16)
	if err != nil {
		return r, err
	}
	t := int(h.u16(0))
	if t < typeDir || t > typeLargeSocket {
		return r, inode.Damaged("an inode of type %d", t)
	}
	r = raw{kind: kinds[t], perm: uint32(h.u16(2)) & 0o7777, uid: pick(f.owners, uint64(h.u16(4))), gid: pick(f.owners, uint64(h.u16(6))), time: int64(h.u32(8)), fragment: noFragment}
	sizes := [...]int{typeDir: 16, typeFile: 16, typeSymlink: 8, typeBlock: 8, typeChar: 8, typeFIFO: 4, typeSocket: 4,
		typeLargeDir: 24, typeLargeFile: 40, typeLargeSymlink: 8, typeLargeBlock: 12, typeLargeChar: 12, typeLargeFIFO: 8, typeLargeSocket: 8}
	s, err := f.structure(&c, sizes[t])
	if err != nil {
		return r, err
	}
	r.rest = c
	switch t {
	case typeDir:
		r.dir = listing{s.u32(0), uint32(s.u16(10)), int64(s.u16(8))}
	case typeLargeDir:
		r.dir = listing{s.u32(8), uint32(s.u16(18)), int64(s.u32(4))}
	case typeFile:
		r.start, r.fragment, r.offset, r.size = int64(s.u32(0)), s.u32(4), s.u32(8), int64(s.u32(12))
	case typeLargeFile:
		r.start, r.size, r.fragment, r.offset = int64(s.u64(0)), int64(s.u64(8)), s.u32(28), s.u32(32)
	case typeSymlink, typeLargeSymlink:
		r.target = int(s.u32(4))
	case typeBlock, typeChar, typeLargeBlock, typeLargeChar:
		r.dev = s.u32(4)
	}
	return r, nil
}

// raw23 reads an inode of version 2 or 3, whose fields are bit fields.
func (f *fs) raw23(c cursor) (r raw, err error) {
	base := 4
	if f.major == 3 {
		base = 12 // and time and number
	}
	h, err := f.structure(&c, base)
	if err != nil {
		return r, err
	}
	t := int(h.bits(0, 4))
	if t < typeDir || t > typeLargeFile || f.major == 2 && t == typeLargeFile {
		return r, inode.Damaged("an inode of type %d", t)
	}
	r = raw{kind: kinds[t], perm: uint32(h.bits(4, 12)), uid: pick(f.owners, h.bits(16, 8)), time: f.time, fragment: noFragment}
	if g := h.bits(24, 8); g == 255 {
		r.gid = r.uid
	} else {
		r.gid = pick(f.groups, g)
	}
	if f.major == 2 {
		return f.raw2(c, t, r)
	}
	r.time = int64(h.u32(4))
	sizes := [...]int{typeDir: 16, typeFile: 20, typeSymlink: 6, typeBlock: 6, typeChar: 6, typeFIFO: 4, typeSocket: 4, typeLargeDir: 19, typeLargeFile: 28}
	s, err := f.structure(&c, sizes[t])
	if err != nil {
		return r, err
	}
	r.rest = c
	switch t {
	case typeDir:
		r.dir = listing{s.u32(8), uint32(s.bits(32+19, 13)), int64(s.bits(32, 19))}
	case typeLargeDir:
		r.dir = listing{s.u32(9), uint32(s.bits(32+27, 13)), int64(s.bits(32, 27))}
	case typeFile:
		r.start, r.fragment, r.offset, r.size = int64(s.u64(0)), s.u32(8), s.u32(12), int64(s.u32(16))
	case typeLargeFile:
		r.start, r.fragment, r.offset, r.size = int64(s.u64(4)), s.u32(12), s.u32(16), int64(s.u64(20))
	case typeSymlink:
		r.target = int(s.u16(4))
	case typeBlock, typeChar:
		r.dev = uint32(s.u16(4))
	}
	return r, nil
}

func (f *fs) raw2(c cursor, t int, r raw) (raw, error) {
	sizes := [...]int{typeDir: 11, typeFile: 20, typeSymlink: 2, typeBlock: 2, typeChar: 2, typeFIFO: 0, typeSocket: 0, typeLargeDir: 14}
	s, err := f.structure(&c, sizes[t])
	if err != nil {
		return r, err
	}
	r.rest = c
	switch t {
	case typeDir:
		r.dir = listing{uint32(s.bits(64, 24)), uint32(s.bits(19, 13)), int64(s.bits(0, 19))}
		r.time = int64(s.u32(4))
	case typeLargeDir:
		r.dir = listing{uint32(s.bits(72, 24)), uint32(s.bits(27, 13)), int64(s.bits(0, 27))}
		r.time = int64(s.u32(5))
	case typeFile:
		r.time, r.start, r.fragment, r.offset, r.size = int64(s.u32(0)), int64(s.u32(4)), s.u32(8), s.u32(12), int64(s.u32(16))
	case typeSymlink:
		r.target = int(s.u16(0))
	case typeBlock, typeChar:
		r.dev = uint32(s.u16(0))
	}
	return r, nil
}

// raw1 reads an inode of version 1. Its type says which sixteen users the field of the
// owner chooses from, too; pipes and sockets, type 0, have a byte for both.
func (f *fs) raw1(c cursor) (r raw, err error) {
	h, err := f.structure(&c, 3)
	if err != nil {
		return r, err
	}
	t, uid := int(h.bits(0, 4)), h.bits(16, 4)
	r = raw{perm: uint32(h.bits(4, 12)), time: f.time, fragment: noFragment}
	var s fields
	if t == 0 {
		if s, err = f.structure(&c, 1); err != nil {
			return r, err
		}
		if t = int(s.bits(0, 4)); t != typeFIFO && t != typeSocket {
			return r, inode.Damaged("an inode of type 0 and %d", t)
		}
		uid += s.bits(4, 4) * 16
	} else {
		uid += uint64(t-1) / 5 * 16
		t = (t-1)%5 + 1
		sizes := [...]int{typeDir: 11, typeFile: 12, typeSymlink: 2, typeBlock: 2, typeChar: 2}
		if s, err = f.structure(&c, sizes[t]); err != nil {
			return r, err
		}
	}
	r.kind, r.uid = kinds[t], pick(f.owners, uid)
	if g := h.bits(20, 4); g == 15 {
		r.gid = r.uid
	} else {
		r.gid = pick(f.groups, g)
	}
	r.rest = c
	switch t {
	case typeDir:
		r.dir = listing{uint32(s.bits(64, 24)), uint32(s.bits(19, 13)), int64(s.bits(0, 19))}
		r.time = int64(s.u32(4))
	case typeFile:
		r.time, r.start, r.size = int64(s.u32(0)), int64(s.u32(4)), int64(s.u32(8))
	case typeSymlink:
		r.target = int(s.u16(0))
	case typeBlock, typeChar:
		r.dev = uint32(s.u16(0))
	}
	return r, nil
}

// Entries lists a directory: groups of entries, each behind a head that says in
// which block of the table of inodes theirs are. From version 3 on the size counts
// three bytes more than there are.
func (f *fs) Entries(ref uint64) (list []inode.Entry, err error) {
	r, err := f.raw(ref)
	if err != nil {
		return nil, err
	}
	head, entry := 4, 3
	switch f.major {
	case 3:
		head, entry = 9, 5
	case 4:
		head, entry = 12, 8
	}
	c, left := cursor{f.dirs + int64(r.dir.block), int(r.dir.offset)}, r.dir.size
	for left > int64(head+entry) {
		h, err := f.structure(&c, head)
		if err != nil {
			return list, err
		}
		left -= int64(head)
		var count int64
		var block uint64
		switch f.major {
		case 4:
			count, block = int64(h.u32(0))+1, uint64(h.u32(4))
		case 3:
			count, block = int64(h.bits(0, 8))+1, h.bits(8, 32)
		default:
			count, block = int64(h.bits(0, 8))+1, h.bits(8, 24)
		}
		if count > 256 {
			return list, inode.Damaged("a head of %d entries", count)
		}
		for range count {
			if err := f.Budget.Tick(); err != nil {
				return list, err
			}
			e, err := f.structure(&c, entry)
			if err != nil {
				return list, err
			}
			var offset uint64
			var length int
			if f.major == 4 {
				offset, length = uint64(e.u16(0)), int(e.u16(6))+1
			} else {
				offset, length = e.bits(0, 13), int(e.bits(16, 8))+1
			}
			if left -= int64(entry + length); length > 256 || left < 0 {
				return list, inode.Damaged("an entry of %d bytes goes beyond the directory's %d", length, r.dir.size)
			}
			name, err := f.read(&c, length)
			if err != nil {
				return list, err
			}
			list = append(list, inode.Entry{Name: string(name), Inode: block<<16 | offset})
		}
	}
	return list, nil
}

// file gives a file its content: the list of its blocks, and the fragment with the
// rest of it.
func (f *fs) file(n *image.Node, r raw) error {
	n.Size = r.size
	if r.size < 0 || r.size > 16<<20 && r.size/1000 > int64(len(f.b)) {
		n.Size = 0
		return inode.Damaged("a file of %d bytes, and the image has %d", r.size, len(f.b))
	}
	if r.size > f.Budget.Left() {
		return f.Budget.Bytes(r.size, 0) // which is an error
	}
	count, tail := r.size/f.blockSize, r.size%f.blockSize
	if tail > 0 && r.fragment == noFragment {
		count, tail = count+1, 0
	}
	blocks, stored, err := f.blockList(r, count)
	if err != nil {
		return err
	}
	var frag dataBlock
	if tail > 0 {
		start, size, err := f.fragmentEntry(r.fragment)
		if err != nil {
			return err
		}
		if frag, err = f.block(start, size); err != nil {
			return err
		}
		stored += int64(frag.size)
	}
	if err := f.Charge(r.size, stored); err != nil {
		return err
	}
	if r.size > 0 {
		n.Open = func() ([]byte, error) {
			b, err := f.content(r, blocks, frag)
			if err != nil {
				f.damaged(err)
			}
			return b, err
		}
	}
	return nil
}

// damaged records that a file cannot be unpacked, which comes to light only when it
// is read.
func (f *fs) damaged(err error) {
	if f.part.Tree == nil {
		return
	}
	if f.part.State == image.Understood {
		f.part.State, f.part.Problem = image.Damaged, err.Error()
	}
	f.part.Tree.Note("content: %v", err)
}

func (f *fs) listSize() int {
	if f.major == 1 {
		return 2
	}
	return 4
}

// blockList reads the lengths of a file's blocks, which stand one behind the other.
func (f *fs) blockList(r raw, count int64) (blocks []dataBlock, stored int64, err error) {
	at := r.start
	for count > 0 {
		n := min(count, 1024)
		s, err := f.structure(&r.rest, int(n)*f.listSize())
		if err != nil {
			return nil, 0, err
		}
		for i := range int(n) {
			size := uint32(0)
			if f.major == 1 {
				// 15 bits, and none of them for 32768.
				v := uint32(s.u16(2 * i))
				if size = v & 0x7fff; size == 0 {
					size = 0x8000
				}
				size |= v & 0x8000 << 9
			} else {
				size = s.u32(4 * i)
			}
			d, err := f.block(at, size)
			if err != nil {
				return nil, 0, err
			}
			blocks = append(blocks, d)
			at += int64(d.size)
			stored += int64(d.size)
		}
		count -= n
	}
	return blocks, stored, nil
}

// block checks where a block stands. Bit 24 of its length says that it is stored as it is.
func (f *fs) block(at int64, size uint32) (dataBlock, error) {
	d := dataBlock{at, size & (1<<24 - 1), size>>24&1 == 1}
	if size>>25 != 0 || at < 0 || int64(d.size) > int64(len(f.b)) || at > int64(len(f.b))-int64(d.size) {
		return d, inode.Damaged("%v, and the image ends at %#x", d, len(f.b))
	}
	if int64(d.size) > 2*f.blockSize {
		return d, inode.Damaged("%v, and blocks have %d", d, f.blockSize)
	}
	return d, nil
}

// content unpacks a file.
func (f *fs) content(r raw, blocks []dataBlock, frag dataBlock) ([]byte, error) {
	out := make([]byte, r.size)
	to := out
	for i, d := range blocks {
		n := min(f.blockSize, int64(len(to)))
		if err := f.fill(to[:n], d); err != nil {
			return nil, inode.Damaged("block %d of the file, %v: %v", i, d, err)
		}
		to = to[n:]
	}
	if len(to) == 0 {
		return out, nil
	}
	b, err := f.fragmentData(frag)
	if err != nil {
		return nil, inode.Damaged("the fragment, %v: %v", frag, err)
	}
	if int64(r.offset)+int64(len(to)) > int64(len(b)) {
		return nil, inode.Damaged("the fragment, %v, has %d bytes, and the file ends at %d", frag, len(b), int64(r.offset)+int64(len(to)))
	}
	copy(to, b[r.offset:])
	return out, nil
}

// fill unpacks a block that fills dst.
func (f *fs) fill(dst []byte, d dataBlock) error {
	if d.size == 0 {
		return nil // a hole
	}
	src := f.b[d.at : d.at+int64(d.size)]
	if d.stored {
		if len(src) != len(dst) {
			return errSize
		}
		copy(dst, src)
		return nil
	}
	n, err := f.unpack(&f.dataCodec, dst, src, len(dst))
	if err == nil && n != len(dst) {
		err = errSize
	}
	return err
}

// fragment is an unpacked block of fragments.
type fragment struct {
	at   int64
	data []byte
}

// maxFragments is how many are kept: files of one directory are mostly in the same.
const maxFragments = 4

func (f *fs) fragmentData(d dataBlock) ([]byte, error) {
	src := f.b[d.at : d.at+int64(d.size)]
	if d.stored {
		return src, nil
	}
	for i, c := range f.fragCache {
		if c.at == d.at {
			copy(f.fragCache[1:], f.fragCache[:i])
			f.fragCache[0] = c
			return c.data, nil
		}
	}
	var dst []byte
	if len(f.fragCache) == maxFragments {
		dst = f.fragCache[maxFragments-1].data[:f.blockSize]
	} else {
		dst = make([]byte, f.blockSize)
		f.fragCache = append(f.fragCache, fragment{})
	}
	copy(f.fragCache[1:], f.fragCache)
	n, err := f.unpack(&f.dataCodec, dst, src, 0)
	if err != nil {
		n = 0
		f.fragCache[0] = fragment{-1, dst[:0]}
		return nil, err
	}
	f.fragCache[0] = fragment{d.at, dst[:n]}
	return dst[:n], nil
}
