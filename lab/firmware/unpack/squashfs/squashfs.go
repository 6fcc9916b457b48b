// Package squashfs reads squashfs images of versions 1 to 4 in both byte orders,
// with the compressions of the kernel and with what makers of devices did to them
// before the kernel had LZMA.
//
// The structures are those of the headers squashfs_fs.h that the versions of squashfs
// for Linux 2.4 to 2.6.28 carried (versions 1 to 3), and of Linux,
// fs/squashfs/squashfs_fs.h (version 4). What is known of the makers' variants is in public notes about
// sasquatch and binwalk, and about Fritz!Box images in those of Freetz.
package squashfs

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"assay/lab/firmware/image"
	"assay/lab/firmware/unpack/inode"
)

// Formats is squashfs. The first two magics are those of the kernel, little- and big-endian;
// then come sqlzma's, DD-WRT's and others'.
var Formats = []image.Format{{
	Name: "squashfs",
	Magic: []image.Magic{
		{Bytes: "hsqs"}, {Bytes: "sqsh"},
		{Bytes: "shsq"}, {Bytes: "qshs"},
		{Bytes: "hsqt"}, {Bytes: "tqsh"},
		{Bytes: "zlqs"}, {Bytes: "sqlz"},
	},
	Open: open,
}}

const (
	metaSize = 8192 // of a block of metadata, unpacked

	// Flags of the superblock.
	flagCheck = 1 << 2 // of versions 1 to 3: a byte 0xff stands before each block of metadata
)

// super is what the superblocks of all versions say.
type super struct {
	major, minor uint32
	blockSize    int64
	flags        uint32
	time         int64
	compression  uint32 // of version 4; 0 before
	root         uint64
	used         int64 // bytes of the image
	inodes, dirs int64 // where their tables stand
	fragments    int64 // how many
	fragmentAt   int64
	ids          int64 // of version 4: owners and groups
	idAt         int64
	uids, gids   int64 // before it
	uidAt, gidAt int64
}

type fs struct {
	*inode.Builder
	super
	b     []byte
	order binary.ByteOrder
	// headers is the order of the lengths of metadata blocks, which one maker left as
	// it was.
	headers binary.ByteOrder
	part    *image.Part

	codec, dataCodec *codec // what worked last, of metadata and of files
	searches         int    // for how many blocks everything was tried

	meta      map[int64]metaBlock // unpacked already, by their places
	owners    []uint32
	groups    []uint32 // before version 4
	fragCache []fragment
}

func open(b []byte, budget *image.Budget) (*image.Part, error) {
	f := &fs{Builder: inode.New(budget), b: b, meta: map[int64]metaBlock{}}
	if !f.readSuper() {
		return nil, image.ErrNot
	}
	p := &image.Part{Format: "squashfs", Size: f.extent()}
	f.part = p
	if f.used < int64(len(b)) {
		f.b = b[:f.used]
	}
	found, err := f.detect()
	if err != nil {
		return nil, err
	}
	f.describe(found)
	if f.used > int64(len(b)) {
		f.Wrong("cut off: %d bytes of %d are there", len(b), f.used)
	}
	if !found {
		f.Wrong("the root's inode at %#x: no compression that is known here unpacks it", f.inodes+int64(f.root>>16))
		return p, f.Finish(p)
	}
	f.readOwners()
	if err := f.Grow(f, f.root); err != nil {
		return nil, err
	}
	f.meta = nil // files know where their blocks are
	return p, f.Finish(p)
}

// readSuper reads the superblock, in the order in which its version is one.
func (f *fs) readSuper() bool {
	if len(f.b) < 51 {
		return false
	}
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		major := order.Uint16(f.b[28:])
		if major < 1 || major > 4 {
			continue
		}
		f.order, f.headers = order, order
		r := fields{b: f.b, order: order}
		f.major, f.minor = uint32(major), uint32(order.Uint16(f.b[30:]))
		size := 119
		switch f.major {
		case 1:
			size = 51
		case 2:
			size = 63
		case 4:
			size = 96
		}
		if len(f.b) < size {
			return false
		}
		if f.major == 4 {
			f.super4(r)
		} else {
			f.super3(r)
		}
		return f.plausible(int64(size))
	}
	return false
}

// super4 reads the superblock of version 4.
func (f *fs) super4(r fields) {
	f.time = int64(r.u32(8))
	f.blockSize = size(r.u32(12), r.u16(22))
	f.fragments = int64(r.u32(16))
	f.compression = uint32(r.u16(20))
	f.flags = uint32(r.u16(24))
	f.ids = int64(r.u16(26))
	f.root = r.u64(32)
	f.used = int64(r.u64(40))
	f.idAt = int64(r.u64(48))
	f.inodes, f.dirs = int64(r.u64(64)), int64(r.u64(72))
	f.fragmentAt = int64(r.u64(80))
}

// super3 reads the superblocks before that: each version added to the end, and version 3
// repeated with 64 bits what it had to be wider.
func (f *fs) super3(r fields) {
	f.used = int64(r.u32(8))
	f.uidAt, f.gidAt = int64(r.u32(12)), int64(r.u32(16))
	f.inodes, f.dirs = int64(r.u32(20)), int64(r.u32(24))
	if f.blockSize = size(uint32(r.u16(32)), r.u16(34)); f.major >= 2 {
		f.blockSize = size(r.u32(51), r.u16(34))
	}
	f.flags = uint32(f.b[36])
	f.uids, f.gids = int64(f.b[37]), int64(f.b[38])
	f.time = int64(r.u32(39))
	f.root = r.u64(43)
	if f.major >= 2 {
		f.fragments, f.fragmentAt = int64(r.u32(55)), int64(r.u32(59))
	}
	if f.wide(r) {
		f.used = int64(r.u64(63))
		f.uidAt, f.gidAt = int64(r.u64(71)), int64(r.u64(79))
		f.inodes, f.dirs = int64(r.u64(87)), int64(r.u64(95))
		f.fragmentAt = int64(r.u64(103))
	}
}

// wide reports whether the fields of version 3 with 64 bits count. The tools of some
// makers said version 2 and filled in those of 3.
func (f *fs) wide(r fields) bool {
	if len(f.b) < 119 || f.major == 1 {
		return false
	}
	used := r.u64(63)
	sound := used > 119 && used < 1<<40 && r.u64(87) < used && r.u64(95) <= used
	return sound && (f.major == 3 || f.used == 0)
}

// size is that of blocks, which is said twice.
func size(n uint32, log uint16) int64 {
	if n >= 1<<12 && n <= 1<<20 && n&(n-1) == 0 {
		return int64(n)
	}
	return 1 << min(log, 31)
}

// plausible tells a superblock from a text that begins with the magic.
func (f *fs) plausible(size int64) bool {
	s := f.super
	return s.blockSize >= 1<<12 && s.blockSize <= 1<<20 &&
		s.used > size && s.used < 1<<40 &&
		s.inodes >= size && s.inodes < s.used && s.dirs >= size && s.dirs <= s.used &&
		int64(s.root>>16) < s.used && s.root&0xffff < metaSize
}

// extent is how much of b the image takes: what is used, and zeros behind it up to
// a size to which tools fill up.
func (f *fs) extent() int64 {
	n := int64(len(f.b))
	if f.used >= n {
		return n
	}
	for _, unit := range []int64{4096, 1024} {
		end := min((f.used+unit-1)/unit*unit, n)
		if len(bytes.TrimLeft(f.b[f.used:end], "\x00")) == 0 {
			return end
		}
	}
	return f.used
}

func (f *fs) describe(found bool) {
	p := f.part
	p.Detail("version", "%d.%d", f.major, f.minor)
	order := "little-endian"
	if f.order == binary.BigEndian {
		order = "big-endian"
	}
	p.Detail("order", "%s", order)
	if m := string(f.b[:4]); m != "hsqs" && m != "sqsh" {
		p.Detail("magic", "%q", m)
	}
	if found {
		p.Detail("compression", "%s", f.codec.name)
	}
	if name := kernelNames[f.compression]; f.major == 4 && found && name != "" && !strings.HasPrefix(f.codec.name, name) {
		p.Detail("compression said", "%s", name)
	}
	p.Detail("block size", "%d", f.blockSize)
	if f.headers != f.order {
		p.Detail("variant", "lengths of metadata in the other byte order")
	}
	if f.time > 0 && f.time != f.used {
		p.Detail("time", "%d", f.time)
	}
}

// fields reads numbers of an order from fixed places.
type fields struct {
	b     []byte
	order binary.ByteOrder
}

func (r fields) u16(at int) uint16 { return r.order.Uint16(r.b[at:]) }
func (r fields) u32(at int) uint32 { return r.order.Uint32(r.b[at:]) }
func (r fields) u64(at int) uint64 { return r.order.Uint64(r.b[at:]) }

// bits reads n bits from bit at on, as a C compiler of that byte order packs bit
// fields: from the lowest bit of the first byte, or from its highest.
func (r fields) bits(at, n int) uint64 {
	var v uint64
	if r.order == binary.LittleEndian {
		for i := n - 1; i >= 0; i-- {
			bit := at + i
			v = v<<1 | uint64(r.b[bit/8]>>(bit%8)&1)
		}
		return v
	}
	for i := range n {
		bit := at + i
		v = v<<1 | uint64(r.b[bit/8]>>(7-bit%8)&1)
	}
	return v
}

// metaBlock is an unpacked block of metadata.
type metaBlock struct {
	data []byte
	next int64 // where the one behind it begins
}

// maxMeta is how many blocks of metadata are kept: 32 MiB, more than images have.
const maxMeta = 4096

// metadata gives the block at a place of the image.
func (f *fs) metadata(at int64) (metaBlock, error) {
	if m, ok := f.meta[at]; ok {
		return m, nil
	}
	packed, stored, next, err := f.metaBytes(at, f.headers)
	if err != nil {
		return metaBlock{}, err
	}
	if err := f.Budget.Bytes(metaSize, int64(len(packed))); err != nil {
		return metaBlock{}, err
	}
	m := metaBlock{packed, next}
	if !stored {
		if f.codec == nil {
			return metaBlock{}, inode.Damaged("metadata at %#x: packed, and nothing says how", at)
		}
		dst := make([]byte, metaSize)
		n, err := f.unpack(&f.codec, dst, packed, 0)
		if err != nil {
			return metaBlock{}, inode.Damaged("metadata at %#x: %v", at, err)
		}
		m.data = dst[:n]
	}
	if len(f.meta) >= maxMeta {
		clear(f.meta)
	}
	f.meta[at] = m
	return m, nil
}

// metaBytes finds the bytes of a block of metadata behind its length.
func (f *fs) metaBytes(at int64, order binary.ByteOrder) (packed []byte, stored bool, next int64, err error) {
	head := int64(2)
	if f.major < 4 && f.flags&flagCheck != 0 {
		head = 3
	}
	if at < 0 || at+head > int64(len(f.b)) {
		return nil, false, 0, inode.Damaged("metadata at %#x, and the image ends at %#x", at, len(f.b))
	}
	n := order.Uint16(f.b[at:])
	stored = n&0x8000 != 0
	size := int64(n & 0x7fff)
	if size == 0 {
		size = 0x8000
	}
	if size > metaSize && stored || size > metaSize+512 {
		return nil, false, 0, inode.Damaged("metadata at %#x has %d bytes", at, size)
	}
	at += head
	if at+size > int64(len(f.b)) {
		return nil, false, 0, inode.Damaged("metadata at %#x goes beyond the end at %#x", at, len(f.b))
	}
	return f.b[at : at+size], stored, at + size, nil
}

// cursor is a place in a table of metadata.
type cursor struct {
	block int64 // of the image
	at    int   // in the unpacked block
}

// read gives the next n bytes and goes behind them.
func (f *fs) read(c *cursor, n int) ([]byte, error) {
	var out []byte
	for {
		m, err := f.metadata(c.block)
		if err != nil {
			return nil, err
		}
		if c.at > len(m.data) || len(m.data) == 0 {
			return nil, inode.Damaged("place %d in %d bytes of metadata at %#x", c.at, len(m.data), c.block)
		}
		rest := m.data[c.at:]
		if len(rest) >= n-len(out) {
			k := n - len(out)
			c.at += k
			if out == nil {
				return rest[:k:k], nil
			}
			return append(out, rest[:k]...), nil
		}
		out = append(out, rest...)
		*c = cursor{block: m.next}
		if err := f.Budget.Tick(); err != nil {
			return nil, err
		}
	}
}

// readOwners reads the tables of users and groups. Without them files belong to
// root. Before version 4 there are makers whose tools filled in places that cannot be.
func (f *fs) readOwners() {
	if f.major < 4 {
		f.owners = f.rawTable(f.uidAt, f.uids, "users")
		f.groups = f.rawTable(f.gidAt, f.gids, "groups")
		return
	}
	r := fields{f.b, f.order}
	for i := int64(0); i < f.ids; i += metaSize / 4 {
		at := f.idAt + i/(metaSize/4)*8
		if at < 0 || at+8 > int64(len(f.b)) {
			f.Wrong("the table of owners at %#x is behind the end", at)
			return
		}
		c := cursor{block: int64(r.u64(int(at)))}
		b, err := f.read(&c, int(min(f.ids-i, metaSize/4))*4)
		if err != nil {
			f.Wrong("the table of owners: %v", err)
			return
		}
		for ; len(b) >= 4; b = b[4:] {
			f.owners = append(f.owners, f.order.Uint32(b))
		}
	}
}

func (f *fs) rawTable(at, n int64, what string) []uint32 {
	if n == 0 {
		return nil
	}
	if at < 0 || at+4*n > int64(len(f.b)) {
		f.Tree.Note("the table of %s at %#x is behind the end: who owns the files is not known", what, at)
		return nil
	}
	out := make([]uint32, n)
	for i := range out {
		out[i] = f.order.Uint32(f.b[at+4*int64(i):])
	}
	return out
}

func pick(table []uint32, i uint64) uint32 {
	if i < uint64(len(table)) {
		return table[i]
	}
	return 0
}

// fragmentEntry is where the block of a fragment stands, and its length with the flag.
func (f *fs) fragmentEntry(i uint32) (start int64, size uint32, err error) {
	if int64(i) >= f.fragments {
		return 0, 0, inode.Damaged("fragment %d of %d", i, f.fragments)
	}
	entry, pointer := int64(16), int64(8)
	if f.major == 2 {
		entry, pointer = 8, 4
	}
	at := f.fragmentAt + int64(i)*entry/metaSize*pointer
	if at < 0 || at+pointer > int64(len(f.b)) {
		return 0, 0, inode.Damaged("the table of fragments at %#x is behind the end", at)
	}
	r := fields{f.b, f.order}
	c := cursor{at: int(int64(i) * entry % metaSize)}
	if pointer == 8 {
		c.block = int64(r.u64(int(at)))
	} else {
		c.block = int64(r.u32(int(at)))
	}
	b, err := f.read(&c, int(entry))
	if err != nil {
		if inode.IsDamage(err) {
			err = inode.Damaged("fragment %d: %v", i, err)
		}
		return 0, 0, err
	}
	r.b = b
	if f.major == 2 {
		return int64(r.u32(0)), r.u32(4), nil
	}
	return int64(r.u64(0)), r.u32(8), nil
}

// dataBlock is a block of a file: its bytes in the image, and whether they are
// compressed. No bytes are a hole.
type dataBlock struct {
	at     int64
	size   uint32
	stored bool
}

func (d dataBlock) String() string { return fmt.Sprintf("the block at %#x, of %d bytes", d.at, d.size) }
