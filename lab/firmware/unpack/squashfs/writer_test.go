package squashfs

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"os/exec"
	"slices"
	"testing"

	"assay/lab/firmware/image"
	"assay/lab/labtest"
)

// writer writes images of all versions in both byte orders, packed in any way: no
// tool that can be had does. It follows the structures of squashfs_fs.h as they were published
// with versions 1.3 to 3.4 and with Linux 2.6.29, and shares nothing with the reader: every
// structure is a list of fields with their widths in bits, in the order of the
// header, laid out as a compiler of the byte order does it.
type writer struct {
	major, minor int
	big          bool
	littleHeads  bool // lengths of metadata blocks are little-endian anyway
	check        bool // a byte 0xff before each block of metadata
	block        int
	noFragments  bool
	magic        string
	compression  uint64 // of version 4
	large        bool   // the large forms of inodes
	wideToo      bool   // version 2 in the superblock of version 3
	storeInodes  bool   // metadata as it is
	pack         func([]byte) []byte
	packData     func([]byte) []byte // of files, where it is another

	out       []byte // from the end of the superblock on
	frag      []byte
	fragments [][2]uint64 // start, length
	inodes    table
	dirs      table
	ids, gids []uint64
	number    uint64
}

// field is a number of so many bits.
type field struct {
	bits  int
	value uint64
}

// lay lays out fields.
func (w *writer) lay(fs ...field) []byte {
	n := 0
	for _, f := range fs {
		n += f.bits
	}
	if n%8 != 0 {
		panic("a structure that is no whole number of bytes")
	}
	out := make([]byte, n/8)
	at := 0
	for _, f := range fs {
		if f.bits < 64 && f.value>>f.bits != 0 {
			panic(fmt.Sprintf("%d in %d bits", f.value, f.bits))
		}
		for i := range f.bits {
			bit := f.value >> i & 1
			if w.big {
				bit = f.value >> (f.bits - 1 - i) & 1
				out[at/8] |= byte(bit << (7 - at%8))
			} else {
				out[at/8] |= byte(bit << (at % 8))
			}
			at++
		}
	}
	return out
}

// table is a stream of blocks of metadata.
type table struct {
	w      *writer
	stored bool
	out    []byte
	buf    []byte
	starts []int
}

func (t *table) write(b []byte) {
	for len(b) > 0 {
		n := min(len(b), 8192-len(t.buf))
		t.buf, b = append(t.buf, b[:n]...), b[n:]
		if len(t.buf) == 8192 {
			t.flush()
		}
	}
}

// place is where the next byte goes: the block, and the place in it.
func (t *table) place() (block, offset uint64) { return uint64(len(t.out)), uint64(len(t.buf)) }

func (t *table) flush() {
	if len(t.buf) == 0 {
		return
	}
	t.starts = append(t.starts, len(t.out))
	packed, flag := t.w.pack(t.buf), 0
	if t.stored || len(packed) >= len(t.buf) {
		packed, flag = t.buf, 0x8000
	}
	n := len(packed) | flag
	head := []byte{byte(n), byte(n >> 8)}
	if t.w.big && !t.w.littleHeads {
		head = []byte{byte(n >> 8), byte(n)}
	}
	if t.w.check {
		head = append(head, 0xff)
	}
	t.out = append(append(t.out, head...), packed...)
	t.buf = t.buf[:0]
}

func (w *writer) superSize() int {
	if w.wideToo {
		return 119
	}
	return map[int]int{1: 51, 2: 63, 3: 119, 4: 96}[w.major]
}

// image writes a tree.
func (w *writer) image(t testing.TB, tree *image.Tree) []byte {
	t.Helper()
	w.inodes, w.dirs = table{w: w, stored: w.storeInodes}, table{w: w, stored: w.storeInodes}
	if w.major == 1 {
		w.noFragments = true
	}
	root := w.node(t, tree.Root)
	w.flushFragment()
	w.inodes.flush()
	w.dirs.flush()
	at := func() uint64 { return uint64(w.superSize() + len(w.out)) }
	inodes := at()
	w.out = append(w.out, w.inodes.out...)
	dirs := at()
	w.out = append(w.out, w.dirs.out...)
	frags := w.fragmentTable()
	ids := at()
	gids := uint64(0)
	if w.major == 4 {
		list := table{w: w}
		for _, id := range w.ids {
			list.write(w.lay(field{32, id}))
		}
		list.flush()
		w.out = append(w.out, list.out...)
		first := ids
		ids = at()
		for _, s := range list.starts {
			w.out = append(w.out, w.lay(field{64, first + uint64(s)})...)
		}
	} else {
		for _, id := range w.ids {
			w.out = append(w.out, w.lay(field{32, id})...)
		}
		if len(w.gids) > 0 {
			gids = at()
		}
		for _, id := range w.gids {
			w.out = append(w.out, w.lay(field{32, id})...)
		}
	}
	log := uint64(0)
	for 1<<log < w.block {
		log++
	}
	flags := uint64(0)
	if w.check {
		flags |= 1 << 2
	}
	const created = 1_300_000_000
	none := uint64(1<<64 - 1)
	magic := uint64(binary.LittleEndian.Uint32([]byte("hsqs")))
	var super []byte
	if w.major == 4 {
		super = w.lay(field{32, magic}, field{32, w.number}, field{32, created}, field{32, uint64(w.block)}, field{32, uint64(len(w.fragments))},
			field{16, w.compression}, field{16, log}, field{16, flags}, field{16, uint64(len(w.ids))}, field{16, 4}, field{16, 0},
			field{64, root}, field{64, at()}, field{64, ids}, field{64, none}, field{64, inodes}, field{64, dirs}, field{64, frags}, field{64, none})
	} else {
		narrow := func(v uint64) field {
			if w.major == 3 || w.wideToo {
				v = 0
			}
			return field{32, v}
		}
		small := uint64(w.block)
		if w.major > 1 {
			small = 0
		}
		fields := []field{{32, magic}, {32, w.number}, narrow(at()), narrow(ids), narrow(gids), narrow(inodes), narrow(dirs),
			{16, uint64(w.major)}, {16, uint64(w.minor)}, {16, small}, {16, log}, {8, flags}, {8, uint64(len(w.ids))}, {8, uint64(len(w.gids))},
			{32, created}, {64, root}}
		if w.major >= 2 {
			fields = append(fields, field{32, uint64(w.block)}, field{32, uint64(len(w.fragments))}, narrow(frags))
		}
		if w.major == 3 || w.wideToo {
			fields = append(fields, field{64, at()}, field{64, ids}, field{64, gids}, field{64, inodes}, field{64, dirs}, field{64, frags}, field{64, none})
		}
		super = w.lay(fields...)
	}
	if len(super) != w.superSize() {
		t.Fatalf("a superblock of %d bytes", len(super))
	}
	if w.magic != "" {
		copy(super, w.magic)
	}
	b := append(super, w.out...)
	return append(b, make([]byte, (4096-len(b)%4096)%4096)...)
}

// data writes a block of a file and gives its length as the lists say it.
func (w *writer) data(b []byte) uint64 {
	if w.major >= 3 && len(bytes.Trim(b, "\x00")) == 0 {
		return 0 // a hole
	}
	return w.packed(b)
}

func (w *writer) packed(b []byte) uint64 {
	pack := w.pack
	if w.packData != nil {
		pack = w.packData
	}
	packed, flag := pack(b), uint64(0)
	if len(packed) >= len(b) {
		packed, flag = b, 1<<24
		if w.major == 1 {
			flag = 1 << 15
		}
	}
	w.out = append(w.out, packed...)
	n := uint64(len(packed))
	if w.major == 1 {
		n &= 0x7fff
	}
	return n | flag
}

func (w *writer) flushFragment() {
	if len(w.frag) > 0 {
		start := uint64(w.superSize() + len(w.out))
		w.fragments = append(w.fragments, [2]uint64{start, w.packed(w.frag)})
		w.frag = nil
	}
}

// fragmentTable writes the table and gives the place of its index.
func (w *writer) fragmentTable() uint64 {
	list := table{w: w}
	for _, f := range w.fragments {
		if w.major == 2 {
			list.write(w.lay(field{32, f[0]}, field{32, f[1]}))
		} else {
			list.write(w.lay(field{64, f[0]}, field{32, f[1]}, field{32, 0}))
		}
	}
	list.flush()
	first := uint64(w.superSize() + len(w.out))
	w.out = append(w.out, list.out...)
	at := uint64(w.superSize() + len(w.out))
	for _, s := range list.starts {
		if w.major == 2 {
			w.out = append(w.out, w.lay(field{32, first + uint64(s)})...)
		} else {
			w.out = append(w.out, w.lay(field{64, first + uint64(s)})...)
		}
	}
	return at
}

// index is the place of an id in a table, to which it is added.
func index(ids *[]uint64, id uint32) uint64 {
	i := slices.Index(*ids, uint64(id))
	if i < 0 {
		i = len(*ids)
		*ids = append(*ids, uint64(id))
	}
	return uint64(i)
}

// entry is a child of a directory.
type entry struct {
	name              string
	kind, ref, number uint64
}

// node writes a node, below it first, and gives the place of its inode.
func (w *writer) node(t testing.TB, n *image.Node) uint64 {
	t.Helper()
	var list []entry
	for _, c := range n.Children {
		ref := w.node(t, c)
		list = append(list, entry{c.Name, w.kind(c), ref, w.number})
	}
	var body []field
	var tail []byte
	large := w.large && (w.major >= 4 || w.major == 3 && (n.Kind == image.Dir || n.Kind == image.File) || w.major == 2 && n.Kind == image.Dir)
	time := field{32, uint64(n.Time)}
	links := field{32, 1}
	switch n.Kind {
	case image.Dir:
		block, offset := w.dirs.place()
		size := uint64(w.list(list))
		start, parent := field{32, block}, field{32, w.number + 2}
		if w.major >= 3 {
			size += 3
		}
		switch {
		case w.major == 4 && large:
			body = []field{links, {32, size}, start, parent, {16, 1}, {16, offset}, {32, 0xffffffff}}
			tail = append(w.lay(field{32, 0}, field{32, block}, field{32, 4}), "index"...)
		case w.major == 4:
			body = []field{start, links, {16, size}, {16, offset}, parent}
		case w.major == 3 && large:
			body = []field{links, {27, size}, {13, offset}, start, {16, 1}, parent}
			tail = append(w.lay(field{32, 0}, field{32, block}, field{8, 4}), "index"...)
		case w.major == 3:
			body = []field{links, {19, size}, {13, offset}, start, parent}
		case large:
			body = []field{{27, size}, {13, offset}, time, {24, block}, {16, 1}}
			tail = append(w.lay(field{27, 0}, field{29, block}, field{8, 4}), "index"...)
		default:
			body = []field{{19, size}, {13, offset}, time, {24, block}}
		}
	case image.File:
		b, err := n.Data()
		if err != nil {
			t.Fatal(err)
		}
		start := uint64(w.superSize() + len(w.out))
		size := uint64(len(b))
		frag, offset := uint64(0xffffffff), uint64(0)
		for len(b) > 0 {
			k := min(len(b), w.block)
			if k < w.block && !w.noFragments {
				break
			}
			width := 32
			if w.major == 1 {
				width = 16
			}
			tail = append(tail, w.lay(field{width, w.data(b[:k])})...)
			b = b[k:]
		}
		if len(b) > 0 {
			if len(w.frag)+len(b) > w.block {
				w.flushFragment()
			}
			frag, offset = uint64(len(w.fragments)), uint64(len(w.frag))
			w.frag = append(w.frag, b...)
		}
		switch {
		case w.major == 4 && large:
			body = []field{{64, start}, {64, size}, {64, 0}, links, {32, frag}, {32, offset}, {32, 0xffffffff}}
		case w.major == 4:
			body = []field{{32, start}, {32, frag}, {32, offset}, {32, size}}
		case w.major == 3 && large:
			body = []field{links, {64, start}, {32, frag}, {32, offset}, {64, size}}
		case w.major == 3:
			body = []field{{64, start}, {32, frag}, {32, offset}, {32, size}}
		case w.major == 2:
			body = []field{time, {32, start}, {32, frag}, {32, offset}, {32, size}}
		default:
			body = []field{time, {32, start}, {32, size}}
		}
	case image.Symlink:
		switch tail = []byte(n.Target); w.major {
		case 4:
			body = []field{links, {32, uint64(len(tail))}}
			if large {
				tail = append(tail, 0xff, 0xff, 0xff, 0xff)
			}
		case 3:
			body = []field{links, {16, uint64(len(tail))}}
		default:
			body = []field{{16, uint64(len(tail))}}
		}
	case image.Char, image.Block:
		dev := uint64(n.Major<<8 | n.Minor)
		switch w.major {
		case 4:
			body = []field{links, {32, uint64(n.Major)<<8 | uint64(n.Minor&0xff) | uint64(n.Minor>>8)<<20}}
		case 3:
			body = []field{links, {16, dev}}
		default:
			body = []field{{16, dev}}
		}
	case image.FIFO, image.Socket:
		if w.major >= 3 {
			body = []field{links}
		}
	}
	if large && w.major == 4 && n.Kind != image.Dir && n.Kind != image.File && n.Kind != image.Symlink {
		body = append(body, field{32, 0xffffffff})
	}
	block, offset := w.inodes.place()
	w.number++
	w.inodes.write(append(w.lay(append(w.head(n, large), body...)...), tail...))
	return block<<16 | offset
}

func (w *writer) kind(n *image.Node) uint64 {
	return map[image.Kind]uint64{image.Dir: 1, image.File: 2, image.Symlink: 3, image.Block: 4, image.Char: 5, image.FIFO: 6, image.Socket: 7}[n.Kind]
}

// head is how an inode begins.
func (w *writer) head(n *image.Node, large bool) []field {
	kind, perm := w.kind(n), uint64(n.Perm)
	if w.major == 4 {
		if large {
			kind += 7
		}
		return []field{{16, kind}, {16, perm}, {16, index(&w.ids, n.UID)}, {16, index(&w.ids, n.GID)}, {32, uint64(n.Time)}, {32, w.number}}
	}
	uid, same := index(&w.ids, n.UID), uint64(255)
	if w.major == 1 {
		same = 15
	}
	gid := same
	if n.GID != n.UID {
		gid = index(&w.gids, n.GID)
	}
	switch {
	case w.major == 1 && kind >= 6:
		return []field{{4, 0}, {12, perm}, {4, uid % 16}, {4, gid}, {4, kind}, {4, uid / 16}}
	case w.major == 1:
		return []field{{4, kind + uid/16*5}, {12, perm}, {4, uid % 16}, {4, gid}}
	}
	if large {
		kind += 7
	}
	h := []field{{4, kind}, {12, perm}, {8, uid}, {8, gid}}
	if w.major == 3 {
		h = append(h, field{32, uint64(n.Time)}, field{32, w.number})
	}
	return h
}

// list writes a directory and gives its length.
func (w *writer) list(entries []entry) (size int) {
	for len(entries) > 0 {
		block, first := entries[0].ref>>16, entries[0].number
		n := 0
		for n < len(entries) && n < 256 && entries[n].ref>>16 == block {
			n++
		}
		var b []byte
		switch w.major {
		case 4:
			b = w.lay(field{32, uint64(n - 1)}, field{32, block}, field{32, first})
		case 3:
			b = w.lay(field{8, uint64(n - 1)}, field{32, block}, field{32, first})
		default:
			b = w.lay(field{8, uint64(n - 1)}, field{24, block})
		}
		for _, e := range entries[:n] {
			length, offset, number := uint64(len(e.name)-1), e.ref&0xffff, uint64(uint16(e.number-first))
			switch w.major {
			case 4:
				b = append(b, w.lay(field{16, offset}, field{16, number}, field{16, e.kind}, field{16, length})...)
			case 3:
				b = append(b, w.lay(field{13, offset}, field{3, e.kind}, field{8, length}, field{16, number})...)
			default:
				b = append(b, w.lay(field{13, offset}, field{3, e.kind}, field{8, length})...)
			}
			b = append(b, e.name...)
		}
		w.dirs.write(b)
		size += len(b)
		entries = entries[n:]
	}
	return size
}

// deflate packs as zlib does.
func deflate(b []byte) []byte {
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	w.Write(b)
	w.Close()
	return z.Bytes()
}

// lzma packs as LZMA of given properties, with an end marker, behind a header.
func lzma(t testing.TB, b []byte, lc, lp, pb int, header string) []byte {
	t.Helper()
	return append([]byte(header), tool(t, b, "xz", "-c", "--format=raw", fmt.Sprintf("--lzma1=preset=6,lc=%d,lp=%d,pb=%d,dict=1MiB", lc, lp, pb))...)
}

func tool(t testing.TB, b []byte, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(labtest.Tool(t, name), args...)
	cmd.Stdin = bytes.NewReader(b)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// literals packs as LZMA without matches and without an end marker, as old encoders
// that were told the length left it out.
func literals(b []byte, lc, lp, pb int) []byte {
	var out []byte
	low, rng, cache, held := uint64(0), uint32(0xffffffff), byte(0), 1
	shift := func() {
		if low < 0xff000000 || low>>32 != 0 {
			for ; held > 0; held-- {
				out = append(out, cache+byte(low>>32))
				cache = 0xff
			}
			cache = byte(low >> 24)
		}
		held++
		low = low & 0xffffff << 8
	}
	probs := map[[2]int]uint32{}
	encode := func(key [2]int, bit int) {
		p, ok := probs[key]
		if !ok {
			p = 1024
		}
		bound := rng >> 11 * p
		if bit == 0 {
			rng = bound
			p += (2048 - p) >> 5
		} else {
			low, rng = low+uint64(bound), rng-bound
			p -= p >> 5
		}
		probs[key] = p
		for rng < 1<<24 {
			rng <<= 8
			shift()
		}
	}
	before := 0
	for i, x := range b {
		encode([2]int{-1, i & (1<<pb - 1)}, 0)
		context := i&(1<<lp-1)<<lc + before>>(8-lc)
		for m, k := 1, 7; k >= 0; k-- {
			bit := int(x >> k & 1)
			encode([2]int{context, m}, bit)
			m = m<<1 | bit
		}
		before = int(x)
	}
	for range 5 {
		shift()
	}
	return out
}
