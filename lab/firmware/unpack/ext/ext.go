// Package ext reads ext2, ext3 and ext4 (kernel documentation,
// Documentation/filesystems/ext4/). It does not replay the journal.
package ext

import (
	"slices"

	"assay/lab/firmware/image"
	"assay/lab/firmware/unpack/inode"
)

// Formats is ext.
var Formats = []image.Format{{Name: "ext", Magic: []image.Magic{{Offset: superAt + 56, Bytes: superMagic}}, Open: open}}

// Flags of an inode.
const (
	flagEncrypt = 0x800
	flagExtents = 0x80000
	flagVerity  = 0x100000
	flagInline  = 0x10000000
)

type fs struct {
	*inode.Builder
	super
	b    []byte
	meta *uint64 // blocks of maps and directories that may still be read while the tree is made
}

func open(b []byte, budget *image.Budget) (*image.Part, error) {
	s, err := readSuper(b)
	if err != nil && !inode.IsDamage(err) {
		return nil, err
	}
	meta := 4*uint64(int64(len(b))/s.block) + 64
	f := fs{inode.New(budget), s, b, &meta}
	size := int64(s.blocks) * s.block
	p := &image.Part{Format: "ext", Size: min(size, int64(len(b)))}
	f.b = b[:p.Size]
	s.describe(p)
	if err != nil {
		f.Wrong("%v", err)
	}
	if size > p.Size {
		f.Wrong("cut off: %d bytes of %d are there", p.Size, size)
	}
	notes, wrong := s.doubts(b[superAt:])
	for _, n := range notes {
		f.Tree.Note("%s", n)
	}
	for _, w := range wrong {
		f.Wrong("%s", w)
	}
	if err := f.Grow(f, rootInode); err != nil {
		return nil, err
	}
	return p, f.Finish(p)
}

// node is an inode as it is stored.
type node struct {
	raw    []byte
	number uint64
	mode   uint32
	size   int64
	flags  uint32
	links  uint16
}

// body is the 60 bytes for pointers, extents or content.
func (n *node) body() []byte { return n.raw[40:100] }

func (f fs) read(number uint64) (n node, err error) {
	if number == 0 || number > f.inodes {
		return n, inode.Damaged("there is no inode %d", number)
	}
	group := (number - 1) / f.inodesPerGroup
	d, err := f.bytes(f.descriptor(group), f.descSize)
	if err != nil {
		return n, inode.Damaged("the descriptor of group %d: %v", group, err)
	}
	table := uint64(le.Uint32(d[8:]))
	if f.descSize >= 64 {
		table |= uint64(le.Uint32(d[40:])) << 32
	}
	if table == 0 || table >= f.blocks {
		return n, inode.Damaged("group %d has its inodes at block %d of %d", group, table, f.blocks)
	}
	at := int64(table)*f.block + int64((number-1)%f.inodesPerGroup)*f.inodeSize
	raw, err := f.bytes(at, f.inodeSize)
	if err != nil {
		return n, inode.Damaged("inode %d: %v", number, err)
	}
	n = node{
		raw: raw, number: number, mode: uint32(le.Uint16(raw)), flags: le.Uint32(raw[32:]), links: le.Uint16(raw[26:]),
		size: int64(le.Uint32(raw[4:])),
	}
	if kind := n.mode & 0o170000; kind == 0o100000 || kind == 0o040000 && f.incompat&incompatLargeDir != 0 {
		n.size |= int64(le.Uint32(raw[108:])) << 32
	}
	if n.size < 0 || n.size > 1<<50 {
		return n, inode.Damaged("inode %d says that it has %d bytes", number, n.size)
	}
	return n, nil
}

// extra is how many bytes behind the first 128 are fields of the inode.
func (n *node) extra() int {
	if len(n.raw) <= 128 {
		return 0
	}
	return min(int(le.Uint16(n.raw[128:])), len(n.raw)-128)
}

// sound holds an inode against its checksum, where it has one.
func (f fs) sound(n *node) bool {
	if f.ro&roCompatMetadataCsum == 0 {
		return true
	}
	raw := slices.Clone(n.raw)
	want, mask := uint32(le.Uint16(raw[124:])), uint32(0xffff)
	raw[124], raw[125] = 0, 0
	if n.extra() >= 4 {
		want, mask = want|uint32(le.Uint16(raw[130:]))<<16, ^uint32(0)
		raw[130], raw[131] = 0, 0
	}
	crc := castagnoli(f.seed, le.AppendUint32(nil, uint32(n.number)))
	crc = castagnoli(crc, raw[100:104]) // generation
	return castagnoli(crc, raw)&mask == want
}

// bytes are n bytes of the file system.
func (f fs) bytes(at, n int64) ([]byte, error) {
	if at < 0 || n < 0 || at > int64(len(f.b))-n {
		return nil, inode.Damaged("%d bytes at %#x are not there", n, at)
	}
	return f.b[at : at+n : at+n], nil
}

// Inode gives a file.
func (f fs) Inode(number uint64) (*image.Node, error) {
	n, err := f.read(number)
	if err != nil {
		return nil, err
	}
	if !f.sound(&n) { // it may be wrong in what does not matter here
		f.Wrong("inode %d has a wrong checksum", number)
	}
	raw := n.raw
	out := &image.Node{
		UID:  uint32(le.Uint16(raw[2:])) | uint32(le.Uint16(raw[120:]))<<16,
		GID:  uint32(le.Uint16(raw[24:])) | uint32(le.Uint16(raw[122:]))<<16,
		Time: int64(int32(le.Uint32(raw[16:]))),
	}
	if n.extra() >= 12 {
		out.Time += int64(le.Uint32(raw[136:])&3) << 32
	}
	if out.Kind, out.Perm, err = inode.Mode(n.mode); err != nil {
		return nil, err
	}
	switch out.Kind {
	case image.Char, image.Block:
		if old := le.Uint32(n.body()); old != 0 {
			out.Major, out.Minor = inode.Old16(old)
		} else {
			out.Major, out.Minor = inode.New32(le.Uint32(n.body()[4:]))
		}
	case image.Symlink:
		out.Target, err = f.target(&n)
	case image.File:
		err = f.file(&n, out)
	}
	return out, err
}

// target reads a link. Short ones stand where others have their pointers.
func (f fs) target(n *node) (string, error) {
	switch {
	case n.size > image.MaxTarget:
		return "", inode.Damaged("a link whose target has %d bytes", n.size)
	case n.flags&flagEncrypt != 0:
		f.Tree.Note("inode %d is an encrypted link", n.number)
		return "", nil
	case n.size < 60 && n.flags&(flagExtents|flagInline) == 0:
		return string(n.body()[:n.size]), nil
	}
	b, err := f.content(n)
	return string(b), err
}

// file makes the content of a regular file.
func (f fs) file(n *node, out *image.Node) error {
	out.Size = n.size
	if n.size == 0 {
		return nil
	}
	stored := int64(60)
	if n.flags&flagInline == 0 {
		_, blocks, err := f.blockMap(n, f.meta)
		if err != nil {
			return err
		}
		stored = int64(blocks) * f.block
	}
	if err := f.Charge(n.size, stored); err != nil {
		return err
	}
	if n.flags&flagEncrypt != 0 {
		f.Tree.Note("inode %d: its content is encrypted", n.number)
		out.Open = func() ([]byte, error) {
			return nil, inode.Damaged("the content is encrypted, with a key that is not in the image")
		}
		return nil
	}
	if n.flags&flagVerity != 0 {
		f.Tree.Note("inode %d: sealed with fs-verity, which is not checked", n.number)
	}
	out.Open = func() ([]byte, error) { return f.content(n) }
	return nil
}

// content reads a file, a link or a directory.
func (f fs) content(n *node) ([]byte, error) {
	if n.flags&flagInline != 0 {
		return f.inline(n)
	}
	m, _, err := f.blockMap(n, nil)
	if err != nil {
		return nil, err
	}
	if len(m) == 1 && m[0].logical == 0 && int64(m[0].count)*f.block >= n.size { // most files
		return f.bytes(int64(m[0].physical)*f.block, n.size)
	}
	out := make([]byte, n.size)
	for _, r := range m {
		from := int64(r.logical) * f.block
		if from >= n.size {
			break
		}
		to := min(from+int64(r.count)*f.block, n.size)
		b, err := f.bytes(int64(r.physical)*f.block, to-from)
		if err != nil {
			return nil, inode.Damaged("at byte %d of the file: %v", from, err)
		}
		copy(out[from:to], b)
	}
	return out, nil
}

// inline reads content that stands in the inode: in the place of the pointers, and
// what is more of it as the extended attribute system.data.
func (f fs) inline(n *node) ([]byte, error) {
	out := make([]byte, n.size)
	copy(out, n.body())
	if n.size <= 60 {
		return out, nil
	}
	b, err := n.attribute(7, "data")
	if err != nil {
		return nil, err
	}
	copy(out[60:], b) // what is missing is a hole
	return out, nil
}

// attribute finds an extended attribute inside of the inode, nil where there is none.
func (n *node) attribute(index byte, name string) ([]byte, error) {
	at := 128 + n.extra()
	if n.extra() == 0 || at+4 > len(n.raw) || le.Uint32(n.raw[at:]) != 0xea020000 {
		return nil, nil
	}
	values := n.raw[at+4:]
	for e := values; len(e) >= 16 && le.Uint32(e) != 0; {
		end := 16 + int(e[0])
		if end > len(e) {
			return nil, inode.Damaged("inode %d has attributes that are longer than itself", n.number)
		}
		if e[1] == index && string(e[16:end]) == name {
			from, size := int64(le.Uint16(e[2:])), int64(le.Uint32(e[8:]))
			if le.Uint32(e[4:]) != 0 || from+size > int64(len(values)) {
				return nil, inode.Damaged("inode %d has the rest of its content outside of itself", n.number)
			}
			return values[from : from+size], nil
		}
		e = e[min((end+3)&^3, len(e)):]
	}
	return nil, nil
}

// Entries reads a directory from one end to the other, also a hashed one: what
// belongs to the hash looks like unused entries.
func (f fs) Entries(number uint64) ([]inode.Entry, error) {
	n, err := f.read(number)
	if err != nil {
		return nil, err
	}
	if n.flags&flagEncrypt != 0 {
		f.Tree.Note("inode %d is an encrypted directory; its names are not read", number)
		return nil, nil
	}
	if n.flags&flagInline != 0 {
		if n.size < 4 || n.size > int64(len(n.raw)) {
			return nil, inode.Damaged("a directory of %d bytes in its inode", n.size)
		}
		b, err := f.inline(&n)
		if err != nil {
			return nil, err
		}
		// The number of the directory above stands first, in place of "." and "..".
		split := min(len(b), 60)
		list, err1 := f.entries(nil, b[4:split])
		list, err2 := f.entries(list, b[split:])
		return list, firstOf(err1, err2)
	}
	m, _, err := f.blockMap(&n, f.meta)
	var list []inode.Entry
	for _, r := range m {
		for i := range r.count {
			if int64(r.logical+i)*f.block >= n.size {
				break
			}
			if *f.meta == 0 {
				return list, inode.Damaged("directories that are longer than the image")
			}
			*f.meta--
			b, bad := f.bytes(int64(r.physical+i)*f.block, f.block)
			if bad == nil {
				list, bad = f.entries(list, b)
			}
			if bad != nil && !inode.IsDamage(bad) {
				return list, bad
			}
			err = firstOf(err, bad)
		}
	}
	return list, err
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// entries reads one block of a directory.
func (f fs) entries(list []inode.Entry, b []byte) ([]inode.Entry, error) {
	for at := 0; at+8 <= len(b); {
		if err := f.Budget.Tick(); err != nil {
			return list, err
		}
		size := int(le.Uint16(b[at+4:]))
		switch {
		case len(b) < 1<<16:
		case size == 0 || size == 1<<16-1:
			size = len(b)
		default: // a multiple of 4, whose lowest bits are its highest
			size = size&^3 | size&3<<16
		}
		name := int(b[at+6])
		if f.incompat&incompatFiletype == 0 {
			name = int(le.Uint16(b[at+6:]))
		}
		number := uint64(le.Uint32(b[at:]))
		if size < 8 || size%4 != 0 || at+size > len(b) || number != 0 && name > size-8 {
			return list, inode.Damaged("the entry at byte %d of a block of the directory has %d bytes and a name of %d", at, size, name)
		}
		if s := string(b[at+8 : at+8+min(name, size-8)]); number != 0 && s != "." && s != ".." {
			if err := f.Budget.Node(); err != nil {
				return list, err
			}
			list = append(list, inode.Entry{Name: s, Inode: number})
		}
		at += size
	}
	return list, nil
}
