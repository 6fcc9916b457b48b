// Package fat reads FAT12, FAT16 and FAT32 with long names (Microsoft, FAT32 File
// System Specification, 1.03; ECMA-107).
package fat

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"time"

	"assay/lab/firmware/image"
	"assay/lab/firmware/unpack/inode"
)

// Formats is fat.
var Formats = []image.Format{{
	Name: "fat",
	Magic: []image.Magic{
		{Offset: 54, Bytes: "FAT12   "}, {Offset: 54, Bytes: "FAT16   "}, {Offset: 82, Bytes: "FAT32   "}, // what mkfs writes and nobody reads
		{Offset: 510, Bytes: "\x55\xaa"},
	},
	Open: open,
}}

var le = binary.LittleEndian

const (
	entrySize = 32
	root      = 1          // number of the root; others are where their entries stand
	longest   = 65536 * 32 // bytes of a directory
	first     = 2          // cluster that the content begins with
	maxFAT12  = 4085       // clusters from which on it is FAT16
	fat32Mask = 1<<28 - 1  // of an entry of 32 bits
	attrRead  = 0x01       // attributes of an entry
	attrLabel = 0x08       //
	attrDir   = 0x10       //
	attrLong  = 0x0f       // all of these: a piece of a long name
	attrMask  = 0x3f       //
	free      = 0xe5       // first byte of an entry that is not used
	lowerBase = 0x08       // the name, or its extension, is in lower case
	lowerExt  = 0x10       //
)

// volume is what the boot sector says, in bytes.
type volume struct {
	bits            uint  // of an entry of the table
	size            int64 // of all
	table, tables   int64 // where the first begins, and how many there are
	tableSize       int64
	rootAt, rootEnd int64  // of the root directory; FAT32 has it in a cluster
	rootCluster     uint32 // of FAT32
	data            int64  // where the clusters begin
	cluster         int64  // bytes of one
	clusters        uint32
	active          int64 // the table that counts
}

type fs struct {
	*inode.Builder
	volume
	b     []byte
	taken []uint64 // clusters that belong to a file already
}

func open(b []byte, budget *image.Budget) (*image.Part, error) {
	v, ok := boot(b)
	if !ok {
		return nil, image.ErrNot
	}
	p := &image.Part{Format: "fat", Size: min(v.size, int64(len(b)))}
	f := &fs{Builder: inode.New(budget), volume: v, b: b[:p.Size]}
	p.Detail("version", "FAT%d", v.bits)
	p.Detail("cluster", "%d", v.cluster)
	if v.size > p.Size {
		f.Wrong("cut off: %d bytes of %d are there", p.Size, v.size)
	}
	f.copies()
	f.taken = make([]uint64, f.tableEntries()/64+1)
	if label := f.label(); label != "" {
		p.Detail("name", "%s", label)
	}
	if err := f.Grow(f, root); err != nil {
		return nil, err
	}
	return p, f.Finish(p)
}

// boot reads the boot sector, if all of it can be: its magic of two bytes says
// little.
func boot(b []byte) (v volume, ok bool) {
	if len(b) < 512 || string(b[510:512]) != "\x55\xaa" || b[0] != 0xeb && b[0] != 0xe9 {
		return v, false
	}
	sector, perCluster, reserved := int64(le.Uint16(b[11:])), int64(b[13]), int64(le.Uint16(b[14:]))
	total := int64(le.Uint16(b[19:]))
	if total == 0 {
		total = int64(le.Uint32(b[32:]))
	}
	tableSectors := int64(le.Uint16(b[22:]))
	entries := int64(le.Uint16(b[17:]))
	v.tables = int64(b[16])
	if sector < 512 || sector > 4096 || bits.OnesCount64(uint64(sector)) != 1 || bits.OnesCount8(b[13]) != 1 ||
		reserved == 0 || v.tables < 1 || v.tables > 2 || b[21] < 0xf8 && b[21] != 0xf0 {
		return v, false
	}
	v.bits = 16
	if tableSectors == 0 {
		v.bits, tableSectors, v.rootCluster = 32, int64(le.Uint32(b[36:])), le.Uint32(b[44:])
		if le.Uint16(b[42:]) != 0 || entries != 0 || v.rootCluster < first {
			return v, false
		}
		if flags := b[40]; flags&0x80 != 0 { // not all tables are kept alike
			v.active = int64(flags & 0x0f)
		}
	} else if entries == 0 {
		return v, false
	}
	v.size, v.cluster = total*sector, perCluster*sector
	v.table, v.tableSize = reserved*sector, tableSectors*sector
	v.rootAt = v.table + v.tables*v.tableSize
	v.rootEnd = v.rootAt + entries*entrySize
	v.data = (v.rootEnd + sector - 1) / sector * sector
	if v.data >= v.size || v.active >= v.tables {
		return v, false
	}
	count := (v.size - v.data) / v.cluster
	if v.bits == 16 && count < maxFAT12 {
		v.bits = 12
	}
	v.clusters = uint32(min(count, fat32Mask))
	return v, count > 0 && v.tableSize*8 >= (count+first)*int64(v.bits) && int64(v.rootCluster) < count+first
}

// tableEntries is how many entries of the table are there.
func (f *fs) tableEntries() int64 {
	bytes := min(f.tableSize, max(0, int64(len(f.b))-f.table-f.active*f.tableSize))
	return min(int64(f.clusters)+first, bytes*8/int64(f.bits))
}

// copies compares the tables, which are written alike.
func (f *fs) copies() {
	if end := f.table + 2*f.tableSize; f.tables == 2 && f.active == 0 && end <= int64(len(f.b)) {
		// Of the last sector, only what has clusters.
		n := min(f.tableSize, (int64(f.clusters)+first)*int64(f.bits)/8)
		if !bytes.Equal(f.b[f.table:f.table+n], f.b[f.table+f.tableSize:f.table+f.tableSize+n]) {
			f.Wrong("the two tables differ; the first is read")
		}
	}
}

// next is the cluster behind a cluster.
func (f *fs) next(c uint32) (next uint32, end bool) {
	t := f.b[f.table+f.active*f.tableSize:]
	last := uint32(1)<<f.bits - 8
	switch f.bits {
	case 12:
		next = uint32(le.Uint16(t[c+c/2:])) >> (c % 2 * 4) & 0xfff
	case 16:
		next = uint32(le.Uint16(t[2*c:]))
	default:
		next = le.Uint32(t[4*c:]) & fat32Mask
		last = fat32Mask - 7
	}
	return next, next >= last
}

var errLonger = inode.Damaged("its chain is longer than it is")

// run is clusters one behind the other.
type run struct{ first, count uint32 }

// chain follows the clusters of a file from its first one, and takes them. None
// is taken twice, so chains have an end, and all of them together take as long as
// there are clusters.
func (f *fs) chain(c uint32, most int64) (runs []run, err error) {
	entries := f.tableEntries()
	for n := int64(0); ; n++ {
		if err := f.Budget.Tick(); err != nil {
			return runs, err
		}
		switch {
		case c < first || int64(c) >= entries:
			return runs, inode.Damaged("its chain leads to cluster %#x of %#x", c, entries)
		case f.taken[c/64]>>(c%64)&1 != 0:
			return runs, inode.Damaged("its chain leads to cluster %#x, which belongs to another file or stands in the chain before", c)
		case n == most:
			return runs, errLonger
		}
		f.taken[c/64] |= 1 << (c % 64)
		if k := len(runs) - 1; k >= 0 && runs[k].first+runs[k].count == c {
			runs[k].count++
		} else {
			runs = append(runs, run{c, 1})
		}
		next, end := f.next(c)
		if end {
			return runs, nil
		}
		c = next
	}
}

// bytes are those of a run, n at most.
func (f *fs) bytes(r run, n int64) ([]byte, error) {
	from := f.data + int64(r.first-first)*f.cluster
	n = min(n, int64(r.count)*f.cluster)
	if from+n > int64(len(f.b)) {
		return nil, inode.Damaged("cluster %#x is behind the end of the image", r.first)
	}
	return f.b[from : from+n], nil
}

// at is the entry of a number.
func (f *fs) at(number uint64) []byte { return f.b[number : number+entrySize] }

func (f *fs) start(e []byte) uint32 {
	c := uint32(le.Uint16(e[26:]))
	if f.bits == 32 {
		c |= uint32(le.Uint16(e[20:])) << 16
	}
	return c
}

// Inode gives what an entry stands for. The modes are those that Linux shows.
func (f *fs) Inode(number uint64) (*image.Node, error) {
	if number == root {
		return &image.Node{Kind: image.Dir, Perm: 0o755}, nil
	}
	e := f.at(number)
	n := &image.Node{Kind: image.File, Perm: 0o755, Time: stamp(le.Uint16(e[24:]), le.Uint16(e[22:]))}
	if e[11]&attrRead != 0 {
		n.Perm = 0o555
	}
	if e[11]&attrDir != 0 {
		n.Kind = image.Dir
		return n, nil
	}
	n.Size = int64(le.Uint32(e[28:]))
	if n.Size == 0 {
		return n, nil
	}
	need := (n.Size + f.cluster - 1) / f.cluster
	runs, err := f.chain(f.start(e), need)
	if err == errLonger { // written in advance, or cut off; the content is there
		f.Tree.Note("the file with the entry at %#x: %v", number, err)
		err = nil
	}
	if err != nil {
		return n, err
	}
	left := n.Size
	for _, r := range runs {
		b, err := f.bytes(r, left)
		if err != nil {
			return n, err
		}
		left -= int64(len(b))
	}
	if left > 0 {
		return n, inode.Damaged("its chain ends %d bytes before its size", left)
	}
	n.Open = func() ([]byte, error) { return f.content(runs, n.Size) }
	return n, f.Charge(n.Size, n.Size)
}

func (f *fs) content(runs []run, size int64) ([]byte, error) {
	if len(runs) == 1 {
		return f.bytes(runs[0], size)
	}
	out := make([]byte, 0, size)
	for _, r := range runs {
		b, err := f.bytes(r, size-int64(len(out)))
		if err != nil {
			return nil, err
		}
		out = append(out, b...)
	}
	return out, nil
}

// stamp makes a time of a date and a time of day. They are local ones of an unknown
// place, and taken for UTC.
func stamp(date, clock uint16) int64 {
	if date == 0 {
		return 0
	}
	return time.Date(1980+int(date>>9), time.Month(date>>5&15), int(date&31), int(clock>>11), int(clock>>5&63), int(clock&31)*2, 0, time.UTC).Unix()
}
