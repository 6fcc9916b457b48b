// Package ubifs reads UBIFS (Linux, fs/ubifs/ubifs-media.h), from a UBI volume or
// as mkfs writes it.
//
// UBIFS keeps an index of its nodes in a tree, and what was written since the
// last commit in a journal. Both are read; where the index is damaged, nodes are
// looked for everywhere.
package ubifs

import (
	"encoding/binary"
	"hash/crc32"
	"maps"
	"slices"
	"strings"

	"assay/lab/firmware/image"
	"assay/lab/firmware/unpack/compress"
	"assay/lab/firmware/unpack/inode"
)

// Formats is ubifs.
var Formats = []image.Format{{Name: "ubifs", Magic: []image.Magic{{Bytes: "\x31\x18\x10\x06"}}, Open: open}}

// Types of nodes.
const (
	inoNode = iota
	dataNode
	dentNode
	xentNode
	trunNode
	padNode
	superNode
	masterNode
	refNode
	indexNode
	commitNode
	orphNode
	kinds
)

const (
	magic      = 0x06101831
	headerSize = 24
	keyAt      = headerSize
	root       = 1

	// Flags of the superblock, of an inode, of the master.
	doubleHash    = 0x08
	encryption    = 0x10
	authenticated = 0x20
	xattrInode    = 0x20
	encrypted     = 0x40
	dirty         = 0x01
)

// least is how long a node of each type is, with its header.
var least = [kinds]int{inoNode: 160, dataNode: 48, dentNode: 57, xentNode: 57, trunNode: 56, padNode: 28, superNode: 4096, masterNode: 512, refNode: 64, indexNode: 28, commitNode: 32, orphNode: 32}

var le = binary.LittleEndian

// crc is CRC-32 without the inversion at its end.
func crc(b []byte) uint32 { return ^crc32.ChecksumIEEE(b) }

// node is one node in the image.
type node struct {
	kind     byte
	group    byte // 1: in a group of nodes, 2: the last of it
	sequence uint64
	b        []byte // with its header
	at       int64
}

// key is what the index is sorted by: inode, and type with block or hash.
type key struct{ inode, rest uint32 }

func (n *node) key() key { return key{le.Uint32(n.b[keyAt:]), le.Uint32(n.b[keyAt+4:])} }

func (k key) less(o key) bool { return k.inode < o.inode || k.inode == o.inode && k.rest < o.rest }

// number is the block or the hash of a key.
func (k key) number() uint32 { return k.rest & (1<<29 - 1) }

// file is an inode: its node, and those of its content by block.
type file struct {
	node   node
	blocks map[uint32]node
}

type fs struct {
	*inode.Builder
	b    []byte
	leb  int64 // bytes of a block of the volume
	all  int64 // blocks; the last ones may be missing if nothing was written to them
	log  int64 // blocks of the log, which begins at block 3
	main int64 // block that the nodes begin at

	files map[uint32]*file
	dirs  map[uint32]map[string]uint64
	used  map[uint16]bool // compressions
}

// Blocks of a volume that have a fixed place.
const (
	masterBlock = 1
	logBlock    = 3
)

func open(b []byte, budget *image.Budget) (*image.Part, error) {
	f := &fs{Builder: inode.New(budget), b: b, files: map[uint32]*file{}, dirs: map[uint32]map[string]uint64{}, used: map[uint16]bool{}}
	p := &image.Part{Format: "ubifs"}
	if !f.super(p) {
		return nil, image.ErrNot
	}
	if err := f.load(); err != nil {
		return nil, err
	}
	if err := f.Grow(f, root); err != nil {
		return nil, err
	}
	var names []string
	for _, c := range slices.Sorted(maps.Keys(f.used)) {
		if c > 0 && int(c) < len(compressions) {
			names = append(names, compressions[c])
		}
	}
	if len(names) > 0 {
		p.Detail("compression", "%s", strings.Join(names, " "))
	}
	return p, f.Finish(p)
}

// super reads the superblock.
func (f *fs) super(p *image.Part) bool {
	if len(f.b) < 4096 || le.Uint32(f.b) != magic || f.b[20] != superNode || le.Uint32(f.b[16:]) != 4096 {
		return false
	}
	sb := f.b[:4096]
	f.leb = int64(le.Uint32(sb[36:]))
	f.all = int64(le.Uint32(sb[40:]))
	f.log = int64(le.Uint32(sb[56:]))
	f.main = logBlock + f.log + int64(le.Uint32(sb[60:])) + int64(le.Uint32(sb[64:]))
	// 15 KiB is what Linux takes at least.
	if f.leb < 15<<10 || f.leb > 16<<20 || f.leb%8 != 0 || f.all < 8 || f.main >= f.all || f.log < 1 {
		return false
	}
	p.Size = min(f.all*f.leb, int64(len(f.b)))
	f.b = f.b[:p.Size]
	p.Detail("version", "%d", le.Uint32(sb[80:]))
	p.Detail("eraseblock", "%d", f.leb)
	if crc(sb[8:]) != le.Uint32(sb[4:]) {
		f.Wrong("the superblock has a wrong checksum")
	}
	if sb[27] != 0 {
		f.Wrong("keys of format %d, which nobody here knows", sb[27])
	}
	flags := le.Uint32(sb[28:])
	var features []string
	for _, x := range []struct {
		flag uint32
		name string
	}{{encryption, "encryption"}, {authenticated, "authentication"}, {doubleHash, "double_hash"}} {
		if flags&x.flag != 0 {
			features = append(features, x.name)
		}
	}
	if len(features) > 0 {
		p.Detail("features", "%s", strings.Join(features, " "))
	}
	return true
}

// read takes the node at a place of a block.
func (f *fs) read(block, offset int64) (n node, err error) {
	if block < 0 || offset < 0 || offset >= f.leb || block > int64(len(f.b))/f.leb {
		return n, inode.Damaged("block %d, offset %#x: not in the image", block, offset)
	}
	n.at = block*f.leb + offset
	end := min((block+1)*f.leb, int64(len(f.b)))
	if n.at+headerSize > end || le.Uint32(f.b[n.at:]) != magic {
		return n, inode.Damaged("there is no node at %#x", n.at)
	}
	b := f.b[n.at:end]
	size := int64(le.Uint32(b[16:]))
	n.kind, n.group, n.sequence = b[20], b[21], le.Uint64(b[8:])
	switch {
	case size < headerSize || size > int64(len(b)):
		return n, inode.Damaged("the node at %#x has %d bytes", n.at, size)
	case crc(b[8:size]) != le.Uint32(b[4:]):
		return n, inode.Damaged("the node at %#x has a wrong checksum", n.at)
	case n.kind < kinds && size < int64(least[n.kind]):
		return n, inode.Damaged("the node at %#x has %d bytes", n.at, size)
	}
	n.b = b[:size:size]
	return n, nil
}

// next is where the node behind n begins.
func (n *node) next() int64 {
	size := int64(len(n.b))
	if n.kind == padNode {
		size += int64(le.Uint32(n.b[24:]))
	}
	return n.at + (size+7)&^7
}

// compressions by their numbers.
var compressions = []string{"none", "lzo", "zlib", "zstd"}

var algorithms = []compress.Algorithm{1: compress.LZO, 2: compress.Deflate, 3: compress.Zstd}

// blockSize is what a node of data unpacks to at most.
const blockSize = 4096

// Inode gives a file.
func (f *fs) Inode(number uint64) (n *image.Node, err error) {
	i := f.files[uint32(number)]
	if i == nil || i.node.b == nil {
		return nil, inode.Damaged("there is no node of inode %d", number)
	}
	b := i.node.b
	n = &image.Node{UID: le.Uint32(b[96:]), GID: le.Uint32(b[100:]), Time: int64(le.Uint64(b[72:]))}
	if n.Kind, n.Perm, err = inode.Mode(le.Uint32(b[104:])); err != nil {
		return nil, err
	}
	data := b[160:]
	if size := le.Uint32(b[112:]); int64(size) > int64(len(data)) {
		return n, inode.Damaged("inode %d has %d bytes of %d", number, len(data), size)
	}
	data = data[:le.Uint32(b[112:])]
	crypt := le.Uint32(b[108:])&encrypted != 0
	switch n.Kind {
	case image.Symlink:
		if crypt {
			f.Tree.Note("inode %d is an encrypted link", number)
			return n, nil
		}
		n.Target = string(data)
	case image.Char, image.Block:
		if len(data) != 4 && len(data) != 8 {
			return n, inode.Damaged("a device with a number of %d bytes", len(data))
		}
		n.Major, n.Minor = inode.New32(le.Uint32(data))
	case image.File:
		return n, f.file(number, i, n, crypt)
	}
	return n, nil
}

// file makes the content of a regular file.
func (f *fs) file(number uint64, i *file, n *image.Node, crypt bool) error {
	size := le.Uint64(i.node.b[48:])
	if size > 1<<50 {
		return inode.Damaged("it says that it has %d bytes", size)
	}
	n.Size = int64(size)
	stored := int64(0)
	for _, d := range i.blocks {
		stored += int64(len(d.b))
		f.used[le.Uint16(d.b[44:])] = true
	}
	if err := f.Charge(n.Size, stored); err != nil {
		return err
	}
	switch {
	case n.Size == 0:
	case crypt:
		f.Tree.Note("inode %d: its content is encrypted", number)
		n.Open = func() ([]byte, error) {
			return nil, inode.Damaged("the content is encrypted, with a key that is not in the image")
		}
	default:
		n.Open = func() ([]byte, error) { return content(i, n.Size) }
	}
	return nil
}

// content unpacks the blocks of a file. What has none is zeros.
func content(i *file, size int64) ([]byte, error) {
	out := make([]byte, size)
	for _, number := range slices.Sorted(maps.Keys(i.blocks)) {
		from := int64(number) * blockSize
		if from >= size {
			break
		}
		n := i.blocks[number]
		if err := unpack(out[from:min(from+blockSize, size)], n.b); err != nil {
			return nil, inode.Damaged("block %d, in the node at %#x: %v", number, n.at, err)
		}
	}
	return out, nil
}

// unpack fills dst from a node of data, which may have less, or more where the
// file was cut off since.
func unpack(dst, b []byte) error {
	size, compression := int(le.Uint32(b[40:])), int(le.Uint16(b[44:]))
	packed := b[48:]
	switch {
	case size > blockSize:
		return inode.Damaged("it says that %d bytes come out of it", size)
	case compression >= len(compressions):
		return inode.Damaged("compression %d, which nobody here knows", compression)
	case compression == 0:
		if len(packed) < size {
			return inode.Damaged("it has %d bytes of %d", len(packed), size)
		}
		copy(dst, packed[:size])
		return nil
	}
	to := dst
	if len(to) < size {
		to = make([]byte, size)
	}
	n, err := compress.Block(algorithms[compression], to[:size], packed)
	if err == nil && n < size {
		err = inode.Damaged("%d bytes come out of it instead of %d", n, size)
	}
	if err == nil && len(dst) < size {
		copy(dst, to)
	}
	return err
}

// Entries lists a directory. The names were charged when their nodes were read.
func (f *fs) Entries(dir uint64) (list []inode.Entry, err error) {
	if i := f.files[uint32(dir)]; i != nil && i.node.b != nil && le.Uint32(i.node.b[108:])&encrypted != 0 {
		f.Tree.Note("inode %d is an encrypted directory; its names are not read", dir)
		return nil, nil
	}
	names := f.dirs[uint32(dir)]
	for _, name := range slices.Sorted(maps.Keys(names)) {
		list = append(list, inode.Entry{Name: name, Inode: names[name]})
	}
	return list, nil
}
