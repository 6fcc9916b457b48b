// Package ubi puts the volumes of UBI images together (Linux,
// drivers/mtd/ubi/ubi-media.h): each erase block says in its headers which
// block of which volume it has.
package ubi

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"

	"assay/lab/firmware/image"
)

// Formats is ubi.
var Formats = []image.Format{{Name: "ubi", Magic: []image.Magic{{Bytes: ecMagic + "\x01"}}, Open: open}}

const (
	ecMagic  = "UBI#"
	vidMagic = "UBI!"
	header   = 64

	static = 2

	internal    = 0x7fffefff // the number of the volume that has the table; larger ones are the fastmap's
	recordSize  = 172
	maxVolumes  = 128
	leastBlock  = 4 << 10
	mostBlock   = 16 << 20
	maxForeign  = 64 // erase blocks in a row that may be none of the image's
	holes, free = 8, 256
)

var be = binary.BigEndian

// crc is CRC-32 without the inversion at its end.
func crc(b []byte) uint32 { return ^crc32.ChecksumIEEE(b) }

// block is where a logical block stands.
type block struct {
	at       int64 // of its erase block
	volume   uint32
	number   uint32
	static   bool
	copy     bool // it was moved; only whole if its CRC is right
	size     uint32
	used     uint32 // blocks of a static volume
	pad      uint32
	crc      uint32
	sequence uint64
}

// volume is a record of the table with the blocks that there are.
type volume struct {
	name     string
	reserved uint32
	pad      uint32
	static   bool
	updating bool // an update of it was begun and not ended
	known    bool // it stands in the table
	blocks   map[uint32]block
}

type reader struct {
	b      []byte
	budget *image.Budget
	part   *image.Part
	wrong  []string
	count  int64 // erase blocks
	size   int64 // of one
	vid    int64 // where its second header stands
	data   int64 // where its data begin
	seq    uint32
	all    map[uint32]*volume
}

// bad records what is wrong.
func (r *reader) bad(format string, a ...any) {
	if len(r.wrong) < 100 {
		r.wrong = append(r.wrong, fmt.Sprintf(format, a...))
	}
}

func open(b []byte, budget *image.Budget) (*image.Part, error) {
	r := &reader{b: b, budget: budget, all: map[uint32]*volume{}, part: &image.Part{Format: "ubi"}}
	vid, data, seq, ok := eraseHeader(b)
	if !ok {
		return nil, image.ErrNot
	}
	r.vid, r.data, r.seq = int64(vid), int64(data), seq
	if err := r.measure(); err != nil {
		return nil, err
	}
	if err := r.scan(); err != nil {
		return nil, err
	}
	r.part.Size = min(r.count*r.size, int64(len(b)))
	r.part.Detail("eraseblock", "%d", r.size)
	r.part.Detail("eraseblocks", "%d", r.count)
	r.table()
	if err := r.volumes(); err != nil {
		return nil, err
	}
	r.part.State = image.Understood
	if len(r.wrong) > 0 {
		r.part.State, r.part.Problem = image.Damaged, r.wrong[0]
		if n := len(r.wrong) - 1; n > 0 {
			r.part.Problem += fmt.Sprintf("; and %d more", n)
		}
	}
	return r.part, nil
}

// eraseHeader reads the first header of an erase block.
func eraseHeader(b []byte) (vid, data, seq uint32, ok bool) {
	if len(b) < header || string(b[:4]) != ecMagic || b[4] != 1 || crc(b[:60]) != be.Uint32(b[60:]) {
		return 0, 0, 0, false
	}
	vid, data = be.Uint32(b[16:]), be.Uint32(b[20:])
	return vid, data, be.Uint32(b[24:]), vid >= header && data >= vid+header && data < mostBlock
}

// measure finds out the size of erase blocks, which stands nowhere: the least
// distance of two headers.
func (r *reader) measure() error {
	at, last := int64(0), int64(0)
	for range 256 {
		if err := r.budget.Tick(); err != nil {
			return err
		}
		if at+header > int64(len(r.b)) {
			break
		}
		next := bytes.Index(r.b[at+header:], []byte(ecMagic))
		if next < 0 {
			break
		}
		at += header + int64(next)
		vid, data, seq, ok := eraseHeader(r.b[at:])
		if !ok || int64(vid) != r.vid || int64(data) != r.data || seq != r.seq { // perhaps of an image in a volume
			continue
		}
		if d := at - last; d >= max(leastBlock, r.data) && d <= mostBlock && (r.size == 0 || d < r.size) {
			r.size = d
		}
		last = at
	}
	if r.size == 0 {
		r.size = min(int64(len(r.b)), mostBlock)
		if r.size <= r.data {
			return image.ErrNot
		}
		r.bad("there is one erase block only, and no volume is without two")
	}
	return nil
}

// scan reads the headers of all erase blocks.
func (r *reader) scan() error {
	var foreign []int64
	for at := int64(0); at+header <= int64(len(r.b)) && len(foreign) <= maxForeign; at += r.size {
		if err := r.budget.Tick(); err != nil {
			return err
		}
		vid, data, seq, ok := eraseHeader(r.b[at:])
		if !ok || int64(vid) != r.vid || int64(data) != r.data {
			foreign = append(foreign, at)
			continue
		}
		if seq != r.seq && seq != 0 && r.seq != 0 { // another image
			break
		}
		for _, f := range foreign {
			if !blank(r.b[f : f+header]) {
				r.bad("the erase block at %#x has no header", f)
			}
		}
		foreign = nil
		r.count = at/r.size + 1
		r.block(at)
	}
	if r.count*r.size > int64(len(r.b)) {
		r.bad("cut off in the erase block at %#x", (r.count-1)*r.size)
	}
	return nil
}

func blank(b []byte) bool { return len(bytes.TrimLeft(b, "\xff")) == 0 }

// block reads the second header of an erase block, which an empty one has not.
func (r *reader) block(at int64) {
	if at+r.data > int64(len(r.b)) {
		return
	}
	h := r.b[at+r.vid : at+r.vid+header]
	if blank(h) {
		return
	}
	if string(h[:4]) != vidMagic || crc(h[:60]) != be.Uint32(h[60:]) {
		r.bad("the header of the block at %#x is damaged", at)
		return
	}
	n := block{
		at: at, volume: be.Uint32(h[8:]), number: be.Uint32(h[12:]), static: h[5] == static, copy: h[6] != 0,
		size: be.Uint32(h[20:]), used: be.Uint32(h[24:]), pad: be.Uint32(h[28:]), crc: be.Uint32(h[32:]), sequence: be.Uint64(h[40:]),
	}
	v := r.all[n.volume]
	if v == nil {
		v = &volume{static: n.static, pad: n.pad, blocks: map[uint32]block{}}
		r.all[n.volume] = v
	}
	if old, ok := v.blocks[n.number]; !ok || r.newer(n, old) {
		v.blocks[n.number] = n
	}
}

// newer tells which of two copies of a block counts: the later one, unless it
// is one that could not be finished.
func (r *reader) newer(a, b block) bool {
	if a.sequence < b.sequence {
		return !r.newer(b, a)
	}
	return !a.copy || r.whole(a)
}

// whole holds a block against the CRC in its header.
func (r *reader) whole(n block) bool {
	d := r.content(n)
	return int64(n.size) <= int64(len(d)) && crc(d[:n.size]) == n.crc
}

// content is what an erase block has for its volume, as far as it is there.
func (r *reader) content(n block) []byte {
	from := min(n.at+r.data, int64(len(r.b)))
	return r.b[from:min(n.at+r.size, int64(len(r.b)))]
}

// table reads the volume table. It is there twice.
func (r *reader) table() {
	v := r.all[internal]
	if v == nil {
		r.bad("there is no volume table")
		return
	}
	for _, number := range slices.Sorted(maps.Keys(v.blocks)) {
		if r.records(r.content(v.blocks[number])) {
			return
		}
	}
	r.bad("the volume table is damaged")
}

// records takes a volume table if all of it is sound.
func (r *reader) records(b []byte) bool {
	b = b[:min(len(b), maxVolumes*recordSize)/recordSize*recordSize]
	if len(b) == 0 {
		return false
	}
	for e := b; len(e) > 0; e = e[recordSize:] {
		if crc(e[:168]) != be.Uint32(e[168:]) {
			return false
		}
	}
	for i := range len(b) / recordSize {
		e := b[i*recordSize:]
		reserved := be.Uint32(e)
		if reserved == 0 {
			continue
		}
		v := r.all[uint32(i)]
		if v == nil {
			v = &volume{blocks: map[uint32]block{}}
			r.all[uint32(i)] = v
		}
		v.known, v.reserved, v.pad, v.static, v.updating = true, reserved, be.Uint32(e[8:]), e[12] == static, e[13] != 0
		v.name = string(e[16 : 16+min(be.Uint16(e[14:]), 127)])
	}
	return true
}

// volumes makes a stream of each volume.
func (r *reader) volumes() error {
	names := map[string]bool{}
	for _, id := range slices.Sorted(maps.Keys(r.all)) {
		v := r.all[id]
		if id >= internal {
			continue
		}
		if id >= maxVolumes {
			r.bad("blocks of a volume %d", id)
			continue
		}
		if v.name == "" || names[v.name] || image.CheckName(v.name) != nil {
			v.name = fmt.Sprintf("volume-%d", id)
		}
		names[v.name] = true
		kind := "dynamic"
		if v.static {
			kind = "static"
		}
		r.part.Detail("volume", "%d %s %q", id, kind, v.name)
		if !v.known {
			r.bad("volume %d is not in the table", id)
		}
		if v.updating {
			r.bad("volume %s: its last update was not finished", v.name)
		}
		data, err := r.assemble(v)
		if err != nil {
			return err
		}
		if len(data) > 0 {
			r.part.Streams = append(r.part.Streams, image.Stream{Name: v.name, Data: data})
			r.part.Unpacked += int64(len(data))
		}
	}
	return nil
}

// assemble puts the blocks of a volume in order. One that is not there is
// erased: in a static volume that is damage.
func (r *reader) assemble(v *volume) ([]byte, error) {
	size := r.size - r.data - int64(v.pad)
	if size <= 0 || len(v.blocks) == 0 {
		if size <= 0 {
			r.bad("volume %s: its blocks have %d bytes", v.name, size)
		}
		return nil, nil
	}
	list := slices.SortedFunc(maps.Values(v.blocks), func(a, b block) int { return cmp.Compare(a.number, b.number) })
	// A volume may have holes, but a number that is far off is a damaged one.
	limit := r.count*holes + free
	if v.known {
		limit = min(limit, int64(v.reserved))
	}
	for len(list) > 0 && int64(list[len(list)-1].number) >= limit {
		r.bad("volume %s: it has a block %d", v.name, list[len(list)-1].number)
		list = list[:len(list)-1]
	}
	if len(list) == 0 {
		return nil, nil
	}
	total := (int64(list[len(list)-1].number) + 1) * size
	if err := r.budget.Bytes(total, int64(len(list))*size); err != nil {
		return nil, err
	}
	out := make([]byte, total)
	next, end := int64(0), total
	for _, n := range list {
		from := int64(n.number) * size
		erase(out[next:from])
		if v.static && next < from {
			r.bad("volume %s: the blocks from %d on are missing", v.name, next/size)
		}
		got := r.content(n)
		got = got[:min(int64(len(got)), size)]
		if v.static {
			if !r.whole(n) {
				r.bad("volume %s: block %d has a wrong checksum", v.name, n.number)
			}
			got = got[:min(int64(len(got)), int64(n.size))]
			end = from + int64(len(got))
		}
		copied := int64(copy(out[from:from+size], got))
		erase(out[from+copied : from+size])
		next = from + size
		if err := r.budget.Tick(); err != nil {
			return nil, err
		}
	}
	if last := list[len(list)-1]; v.static && int64(last.used) > int64(last.number)+1 {
		r.bad("volume %s: the blocks from %d on are missing", v.name, last.number+1)
	}
	return out[:end], nil
}

func erase(b []byte) {
	for i := range b {
		b[i] = 0xff
	}
}
