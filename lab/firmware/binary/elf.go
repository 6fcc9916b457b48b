package binary

import (
	"bytes"
	enc "encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// ErrNot is what is no ELF file at all.
var ErrNot = errors.New("no program or library (ELF)")

// Bounds of what one file is read for. No real file comes near to them.
const (
	maxSymbols = 1 << 20
	maxDynamic = 4096
	maxName    = 4096 // bytes of a symbol's name; longer ones are left out
	maxNotes   = 256
	maxLoads   = 64 // segments that are mapped; two to five are usual
)

// Numbers of the System V ABI and its GNU extensions that are used here, under
// their own names.
const (
	etRel, etExec, etDyn, etCore = 1, 2, 3, 4

	ptLoad, ptDynamic, ptInterp, ptNote = 1, 2, 3, 4
	ptGNUStack, ptGNURelro              = 0x6474e551, 0x6474e552

	pfX, pfW = 1, 2

	shtSymtab, shtDynamic, shtNote, shtNobits, shtDynsym = 2, 6, 7, 8, 11

	dtNeeded, dtHash, dtStrtab, dtSymtab, dtStrsz, dtSyment = 1, 4, 5, 6, 10, 11
	dtSoname, dtRpath, dtDebug, dtTextrel, dtJmprel         = 14, 15, 21, 22, 23
	dtBindNow, dtRunpath, dtFlags, dtRela, dtRel            = 24, 29, 30, 7, 17
	dtVersym, dtVerdef, dtVerneed                           = 0x6ffffff0, 0x6ffffffc, 0x6ffffffe
	dtGNUHash, dtFlags1, dtMIPSSymtabno, dtMIPSRldMapRel    = 0x6ffffef5, 0x6ffffffb, 0x70000011, 0x70000035

	dfTextrel, dfBindNow = 4, 8
	df1Now, df1Pie       = 1, 0x08000000
)

// segment is a program header.
type segment struct {
	typ, flags                uint32
	off, addr, size, inMemory uint64
}

// section is a section header.
type section struct {
	name            string
	typ             uint32
	off, addr, size uint64
	link            uint32
}

// object is an ELF file with its tables, each of them as far as it is there. Its
// methods answer with zeros or nothing where they would read outside of the file.
type object struct {
	b        []byte
	order    enc.ByteOrder
	wide     bool // 64 bits
	typ      uint16
	machine  uint16
	flags    uint32
	segments []segment
	loads    []segment // those that are mapped
	sections []section
	headers  uint64      // where the program headers end
	dynamic  [][2]uint64 // tag and value
	cut      bool        // a table or a segment ends behind the end of the file
}

func (o *object) u16(at uint64) uint16 {
	if s := o.slice(at, 2); s != nil {
		return o.order.Uint16(s)
	}
	return 0
}

func (o *object) u32(at uint64) uint32 {
	if s := o.slice(at, 4); s != nil {
		return o.order.Uint32(s)
	}
	return 0
}

func (o *object) u64(at uint64) uint64 {
	if s := o.slice(at, 8); s != nil {
		return o.order.Uint64(s)
	}
	return 0
}

// word is an address or offset.
func (o *object) word(at uint64) uint64 {
	if o.wide {
		return o.u64(at)
	}
	return uint64(o.u32(at))
}

// slice is a stretch of the file, nil where it is not all there.
func (o *object) slice(at, n uint64) []byte {
	if at > uint64(len(o.b)) || n > uint64(len(o.b))-at {
		return nil
	}
	return o.b[at : at+n]
}

// upTo is a stretch of the file as far as it is there.
func (o *object) upTo(at, n uint64) []byte {
	if at > uint64(len(o.b)) {
		return nil
	}
	return o.b[at : at+min(n, uint64(len(o.b))-at)]
}

// open reads the header and the tables.
func open(b []byte) (*object, error) {
	if !bytes.HasPrefix(b, []byte("\x7fELF")) || len(b) < 20 {
		return nil, ErrNot
	}
	o := &object{b: b}
	switch b[4] {
	case 1:
	case 2:
		o.wide = true
	default:
		return nil, fmt.Errorf("%w: class %d at byte 4", ErrNot, b[4])
	}
	switch b[5] {
	case 1:
		o.order = enc.LittleEndian
	case 2:
		o.order = enc.BigEndian
	default:
		return nil, fmt.Errorf("%w: byte order %d at byte 5", ErrNot, b[5])
	}
	o.typ, o.machine = o.u16(16), o.u16(18)
	var phoff, shoff, rest uint64
	if o.wide {
		phoff, shoff, o.flags, rest = o.u64(32), o.u64(40), o.u32(48), 54
	} else {
		phoff, shoff, o.flags, rest = uint64(o.u32(28)), uint64(o.u32(32)), o.u32(36), 42
	}
	phsize, phnum := uint64(o.u16(rest)), uint64(o.u16(rest+2))
	shsize, shnum, shstr := uint64(o.u16(rest+4)), uint64(o.u16(rest+6)), uint64(o.u16(rest+8))
	o.readSections(shoff, shsize, shnum, shstr)
	o.readSegments(phoff, phsize, phnum)
	o.readDynamic()
	return o, nil
}

func (o *object) readSegments(off, each, n uint64) {
	want := uint64(32)
	if o.wide {
		want = 56
	}
	if off == 0 || n == 0 || n == 0xffff || each < want {
		return
	}
	o.headers = off + n*each
	for i := range n {
		at := off + i*each
		if o.slice(at, want) == nil {
			o.cut = true
			return
		}
		s := segment{typ: o.u32(at)}
		if o.wide {
			s.flags, s.off, s.addr, s.size, s.inMemory = o.u32(at+4), o.u64(at+8), o.u64(at+16), o.u64(at+32), o.u64(at+40)
		} else {
			s.off, s.addr, s.size, s.inMemory, s.flags = uint64(o.u32(at+4)), uint64(o.u32(at+8)), uint64(o.u32(at+16)), uint64(o.u32(at+20)), o.u32(at+24)
		}
		if s.typ == ptLoad {
			o.cut = o.cut || o.slice(s.off, s.size) == nil
			if len(o.loads) < maxLoads {
				o.loads = append(o.loads, s)
			}
		}
		o.segments = append(o.segments, s)
	}
}

func (o *object) readSections(off, each, n, names uint64) {
	want := uint64(40)
	if o.wide {
		want = 64
	}
	if off == 0 || each < want {
		return
	}
	if o.slice(off, want) == nil {
		o.cut = true
		return
	}
	read := func(at uint64) (s section, name uint32) {
		name, s.typ = o.u32(at), o.u32(at+4)
		if o.wide {
			s.addr, s.off, s.size, s.link = o.u64(at+16), o.u64(at+24), o.u64(at+32), o.u32(at+40)
		} else {
			s.addr, s.off, s.size, s.link = uint64(o.u32(at+12)), uint64(o.u32(at+16)), uint64(o.u32(at+20)), o.u32(at+24)
		}
		return s, name
	}
	if first, _ := read(off); n == 0 { // 0xff00 and more are counted in the first one
		n = min(first.size, uint64(len(o.b))/each)
		if names == 0xffff {
			names = uint64(first.link)
		}
	}
	var at []uint32
	for i := range n {
		if o.slice(off+i*each, want) == nil {
			o.cut = true
			break
		}
		s, name := read(off + i*each)
		o.sections, at = append(o.sections, s), append(at, name)
	}
	if names >= uint64(len(o.sections)) {
		return
	}
	table := o.upTo(o.sections[names].off, o.sections[names].size)
	for i := range o.sections {
		o.sections[i].name = text(table, uint64(at[i]), 64)
	}
}

// text is the string that begins in a table, at most limit bytes long; "" where
// it does not end.
func text(table []byte, at uint64, limit int) string {
	if at >= uint64(len(table)) {
		return ""
	}
	t := table[at:min(at+uint64(limit)+1, uint64(len(table)))]
	n := bytes.IndexByte(t, 0)
	if n < 0 {
		return ""
	}
	return string(t[:n])
}

// symtab is the symbol table for the linker, with its names; false where there
// is none. A file has one at most.
func (o *object) symtab() (s section, names []byte, ok bool) {
	for _, s := range o.sections {
		if s.typ == shtSymtab {
			if uint64(s.link) < uint64(len(o.sections)) {
				names = o.content(o.sections[s.link])
			}
			return s, names, true
		}
	}
	return section{}, nil, false
}

func (o *object) section(name string) (section, bool) {
	i := slices.IndexFunc(o.sections, func(s section) bool { return s.name == name })
	if i < 0 {
		return section{}, false
	}
	return o.sections[i], true
}

// content of a section, as far as it is there.
func (o *object) content(s section) []byte {
	if s.typ == shtNobits {
		return nil
	}
	return o.upTo(s.off, s.size)
}

func (o *object) segment(typ uint32) (segment, bool) {
	i := slices.IndexFunc(o.segments, func(s segment) bool { return s.typ == typ })
	if i < 0 {
		return segment{}, false
	}
	return o.segments[i], true
}

func (o *object) readDynamic() {
	var at, n uint64
	if s, ok := o.segment(ptDynamic); ok {
		at, n = s.off, s.size
	} else if i := slices.IndexFunc(o.sections, func(s section) bool { return s.typ == shtDynamic }); i >= 0 {
		at, n = o.sections[i].off, o.sections[i].size
	}
	each := uint64(8)
	if o.wide {
		each = 16
	}
	have := uint64(len(o.upTo(at, n)))
	o.cut = o.cut || have < n
	for i := range min(have/each, maxDynamic) {
		tag, value := o.word(at+i*each), o.word(at+i*each+each/2)
		if tag == 0 {
			return
		}
		o.dynamic = append(o.dynamic, [2]uint64{tag, value})
	}
}

// tag is the first value of a dynamic tag.
func (o *object) tag(tag uint64) (uint64, bool) {
	for _, d := range o.dynamic {
		if d[0] == tag {
			return d[1], true
		}
	}
	return 0, false
}

// offset is where an address of the running program stands in the file, with
// how many bytes of its segment follow.
func (o *object) offset(addr uint64) (at, left uint64, ok bool) {
	for _, s := range o.loads {
		if addr >= s.addr && addr-s.addr < s.size {
			at = s.off + (addr - s.addr)
			if at < s.off || at >= uint64(len(o.b)) {
				return 0, 0, false
			}
			return at, min(s.size-(addr-s.addr), uint64(len(o.b))-at), true
		}
	}
	return 0, 0, false
}

// dynamicStrings is the table that the dynamic section's names stand in.
func (o *object) dynamicStrings() []byte {
	addr, ok := o.tag(dtStrtab)
	if !ok {
		return nil
	}
	at, left, ok := o.offset(addr)
	if !ok {
		return nil
	}
	if n, ok := o.tag(dtStrsz); ok {
		left = min(left, n)
	}
	return o.upTo(at, left)
}

// symbol is an entry of a symbol table.
type symbol struct {
	name      string
	undefined bool
	local     bool
	kind      byte // STT_…
}

// symbols of a table of n entries at an offset.
func (o *object) symbols(at, n uint64, names []byte) []symbol {
	each := o.symbolSize()
	if at > uint64(len(o.b)) {
		return nil
	}
	n = min(n, maxSymbols, (uint64(len(o.b))-at)/each)
	all := make([]symbol, 0, n)
	shared := string(names) // one copy, of which all names are parts
	for i := range n {
		e := o.b[at+i*each:][:each]
		var info byte
		var index uint16
		if o.wide {
			info, index = e[4], o.order.Uint16(e[6:])
		} else {
			info, index = e[12], o.order.Uint16(e[14:])
		}
		start := uint64(o.order.Uint32(e))
		if start == 0 || start >= uint64(len(shared)) {
			continue
		}
		end := bytes.IndexByte(names[start:min(start+maxName, uint64(len(names)))], 0)
		if end <= 0 {
			continue
		}
		all = append(all, symbol{shared[start : start+uint64(end)], index == 0, info>>4 == 0, info & 15})
	}
	return all
}

func (o *object) symbolSize() uint64 {
	if o.wide {
		return 24
	}
	return 16
}

// dynamicSymbols are those by which the file is bound to others. How many there
// are is said in one of several places, none of which every file has.
func (o *object) dynamicSymbols() []symbol {
	addr, ok := o.tag(dtSymtab)
	if !ok {
		return nil
	}
	at, left, ok := o.offset(addr)
	if !ok {
		return nil
	}
	if each, ok := o.tag(dtSyment); ok && each != o.symbolSize() {
		o.cut = true
		return nil
	}
	return o.symbols(at, min(o.symbolCount(addr), left/o.symbolSize()), o.dynamicStrings())
}

func (o *object) symbolCount(symtab uint64) uint64 {
	if n, ok := o.tag(dtMIPSSymtabno); ok && o.machine == emMIPS {
		return n
	}
	if addr, ok := o.tag(dtHash); ok {
		if at, left, ok := o.offset(addr); ok && left >= 8 {
			return uint64(o.u32(at + 4))
		}
	}
	if addr, ok := o.tag(dtGNUHash); ok {
		if at, left, ok := o.offset(addr); ok {
			if n, ok := o.gnuHashCount(at, left); ok {
				return n
			}
		}
	}
	for _, s := range o.sections {
		if s.typ == shtDynsym {
			return s.size / o.symbolSize()
		}
	}
	// The symbols end before the next table that the dynamic section speaks of.
	end := uint64(0)
	for _, d := range o.dynamic {
		if slices.Contains(tables, d[0]) && d[1] > symtab && (end == 0 || d[1] < end) {
			end = d[1]
		}
	}
	return (max(end, symtab) - symtab) / o.symbolSize()
}

// tables are the tags whose value is the address of a table: hashes, names,
// relocations, versions.
var tables = []uint64{dtHash, dtGNUHash, dtStrtab, dtRel, dtRela, dtJmprel, dtVersym, dtVerneed, dtVerdef}

// gnuHashCount finds the last symbol that a GNU hash table knows; those before
// its first one are not in it.
func (o *object) gnuHashCount(at, left uint64) (uint64, bool) {
	if left < 16 {
		return 0, false
	}
	buckets, first, bloom := uint64(o.u32(at)), uint64(o.u32(at+4)), uint64(o.u32(at+8))
	word := uint64(4)
	if o.wide {
		word = 8
	}
	begin := 16 + bloom*word
	chains := begin + buckets*4
	if chains > left || buckets > maxSymbols {
		return 0, false
	}
	last := uint64(0)
	for i := range buckets {
		last = max(last, uint64(o.u32(at+begin+4*i)))
	}
	if last < first { // nothing is offered: then some linkers count the others, and some write 1
		return first, first > 1
	}
	for ; last < maxSymbols; last++ {
		c := chains + 4*(last-first)
		if c+4 > left {
			return 0, false
		}
		if o.u32(at+c)&1 == 1 {
			return last + 1, true
		}
	}
	return 0, false
}

// note is an entry of a note section or segment.
type note struct {
	name string
	typ  uint32
	data []byte
}

func (o *object) notes() []note {
	var all []note
	read := func(b []byte, align uint64) {
		for at := uint64(0); at+12 <= uint64(len(b)) && len(all) < maxNotes; {
			n, d := uint64(o.order.Uint32(b[at:])), uint64(o.order.Uint32(b[at+4:]))
			typ := o.order.Uint32(b[at+8:])
			name := at + 12
			data := up(name+n, align)
			end := data + d
			if end > uint64(len(b)) {
				return
			}
			all = append(all, note{string(bytes.TrimRight(b[name:name+n], "\x00")), typ, b[data:end]})
			at = up(end, align)
		}
	}
	for _, s := range o.segments {
		if s.typ == ptNote {
			read(o.upTo(s.off, s.size), 4)
		}
	}
	if len(all) == 0 {
		for _, s := range o.sections {
			if s.typ == shtNote {
				read(o.content(s), 4)
			}
		}
	}
	return all
}

func up(n, align uint64) uint64 { return (n + align - 1) &^ (align - 1) }
