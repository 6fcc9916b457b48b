// Package disk cuts disks with a partition table into their partitions: MBR with
// logical partitions, and GPT (UEFI Specification 2.10, chapter 5).
package disk

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/bits"
	"slices"
	"strings"
	"unicode/utf16"

	"assay/lab/firmware/image"
)

// Formats is disk.
var Formats = []image.Format{{
	Name: "disk",
	Magic: []image.Magic{
		{Offset: 510, Bytes: "\x55\xaa"},
		{Offset: 512, Bytes: gptMagic}, {Offset: 4096, Bytes: gptMagic},
	},
	Open: open,
}}

const (
	gptMagic   = "EFI PART"
	headerSize = 92
	entrySize  = 128
	maxEntries = 1024
	maxLogical = 128
	protective = 0xee // type of the entry in an MBR before a GPT
)

var le = binary.LittleEndian

// partition is a stretch of the disk, in bytes.
type partition struct {
	name     string
	kind     string
	from, to int64
}

type reader struct {
	b      []byte
	budget *image.Budget
	part   *image.Part
	list   []partition
	own    []partition // tables
	wrong  []string
}

func (r *reader) bad(format string, a ...any) { r.wrong = append(r.wrong, fmt.Sprintf(format, a...)) }

func open(b []byte, budget *image.Budget) (*image.Part, error) {
	r := &reader{b: b, budget: budget, part: &image.Part{Format: "disk", State: image.Understood}}
	if ok, err := r.gpt(); err != nil {
		return nil, err
	} else if !ok {
		if ok, err = r.mbr(); err != nil || !ok {
			return nil, cmp.Or(err, image.ErrNot)
		}
	}
	r.cut()
	if len(r.wrong) > 0 {
		r.part.State, r.part.Problem = image.Damaged, strings.Join(r.wrong[:min(len(r.wrong), 10)], "; ")
	}
	return r.part, nil
}

// cut makes streams of the partitions and of what stands between them: boot loaders
// have no partition, often.
func (r *reader) cut() {
	end := int64(0)
	for _, p := range slices.Concat(r.list, r.own) {
		end = max(end, p.to)
	}
	if end > int64(len(r.b)) {
		r.bad("cut off: %d bytes of %d are there", len(r.b), end)
		end = int64(len(r.b))
	}
	r.part.Size = end
	slices.SortStableFunc(r.list, func(a, b partition) int { return cmp.Compare(a.from, b.from) })
	all := slices.Concat(r.own, r.list)
	slices.SortStableFunc(all, func(a, b partition) int { return cmp.Compare(a.from, b.from) })
	at := int64(0)
	for _, p := range all {
		to := min(p.to, end)
		switch {
		case p.kind != "" && p.from < at:
			r.bad("partition %s from %#x on begins before the one before ends", p.name, p.from)
			continue
		case p.from >= end:
			continue
		}
		if p.from > at {
			r.stream(fmt.Sprintf("between-%#x", at), at, p.from)
		}
		if p.kind != "" {
			r.part.Detail("partition", "%s, type %s, from %#x on, %d bytes", p.name, p.kind, p.from, p.to-p.from)
			r.stream(p.name, p.from, to)
		}
		at = max(at, to)
	}
	if at < end {
		r.stream(fmt.Sprintf("between-%#x", at), at, end)
	}
}

func (r *reader) stream(name string, from, to int64) {
	r.part.Streams = append(r.part.Streams, image.Stream{Name: name, Offset: from, Size: to - from, Data: r.b[from:to:to]})
	r.part.Unpacked += to - from
}

const sector = 512

// mbr reads the older table. Its magic of two bytes stands at the end of every boot
// sector, so all of it must be possible.
func (r *reader) mbr() (bool, error) {
	if len(r.b) < 2*sector || !signed(r.b) || bootSector(r.b) {
		return false, nil
	}
	r.own = append(r.own, partition{from: 0, to: sector})
	for i := range 4 {
		e := r.b[446+16*i:]
		kind, from, count := e[4], int64(le.Uint32(e[8:])), int64(le.Uint32(e[12:]))
		switch {
		case e[0]&0x7f != 0 || kind == 0 && (from != 0 || count != 0):
			return false, nil
		case kind == 0 || kind == protective:
			continue
		case from == 0 || count == 0:
			return false, nil
		}
		if extended(kind) {
			if err := r.logical(from, from+count); err != nil {
				return false, err
			}
			continue
		}
		r.list = append(r.list, partition{fmt.Sprintf("partition-%d", i+1), fmt.Sprintf("%#02x", kind), from * sector, (from + count) * sector})
	}
	first := int64(len(r.b))
	for _, p := range r.list {
		first = min(first, p.from)
	}
	r.part.Detail("table", "mbr")
	return len(r.list) > 0 && first < int64(len(r.b)), nil
}

func signed(b []byte) bool { return b[510] == 0x55 && b[511] == 0xaa }

func extended(kind byte) bool { return kind == 0x05 || kind == 0x0f || kind == 0x85 }

// bootSector tells whether a sector begins a FAT or NTFS file system.
func bootSector(b []byte) bool {
	size := le.Uint16(b[11:])
	return (b[0] == 0xeb || b[0] == 0xe9) && size >= 512 && size <= 4096 && bits.OnesCount16(size) == 1 && bits.OnesCount8(b[13]) == 1 && (b[21] >= 0xf8 || b[21] == 0xf0)
}

// logical follows the chain of tables in an extended partition.
func (r *reader) logical(base, end int64) error {
	seen := map[int64]bool{}
	for at, number := base, 5; ; number++ {
		if err := r.budget.Tick(); err != nil {
			return err
		}
		if seen[at] || number > 4+maxLogical {
			r.bad("the chain of logical partitions comes back to %#x", at*sector)
			return nil
		}
		seen[at] = true
		if at < base || at >= end || (at+1)*sector > int64(len(r.b)) || !signed(r.b[at*sector:]) {
			r.bad("there is no table of a logical partition at %#x", at*sector)
			return nil
		}
		r.own = append(r.own, partition{from: at * sector, to: (at + 1) * sector})
		t := r.b[at*sector+446:]
		if kind, from, count := t[4], int64(le.Uint32(t[8:])), int64(le.Uint32(t[12:])); kind != 0 && from != 0 && count != 0 {
			r.list = append(r.list, partition{fmt.Sprintf("partition-%d", number), fmt.Sprintf("%#02x", kind), (at + from) * sector, (at + from + count) * sector})
		}
		if t = t[16:]; !extended(t[4]) {
			return nil
		}
		at = base + int64(le.Uint32(t[8:]))
	}
}

// header is that of a GPT.
type header struct {
	sector         int64
	at, other      int64 // sectors of this header and of the other one
	table          int64 // sector of the entries
	count, size    int64 // of the entries
	sum            uint32
	firstUse, last int64
}

// gpt reads the newer table. It stands twice; the copy counts where the first is
// damaged.
func (r *reader) gpt() (bool, error) {
	for _, size := range []int64{512, 4096} {
		if int64(len(r.b)) < 2*size || string(r.b[size:size+8]) != gptMagic {
			continue
		}
		h, ok := r.header(size, size)
		entries := []byte(nil)
		if ok {
			entries, ok = r.entries(h)
		}
		if !ok {
			r.bad("the partition table at the beginning is damaged")
			if h, entries, ok = r.backup(size); !ok {
				r.part.Detail("table", "gpt")
				r.own = append(r.own, partition{from: 0, to: 2 * size})
				return true, nil
			}
		}
		r.part.Detail("table", "gpt")
		r.own = append(r.own, partition{from: 0, to: 2 * size}, partition{from: h.table * size, to: h.table*size + int64(len(entries))})
		for _, at := range []int64{h.at, h.other} {
			if at > 0 && at < 1<<40 {
				r.own = append(r.own, partition{from: at * size, to: (at + 1) * size})
			}
		}
		return true, r.take(h, entries)
	}
	return false, nil
}

// header reads a header at a place.
func (r *reader) header(at, size int64) (h header, ok bool) {
	if at < 0 || at+size > int64(len(r.b)) || string(r.b[at:at+8]) != gptMagic {
		return h, false
	}
	b := r.b[at : at+size]
	n := int64(le.Uint32(b[12:]))
	if n < headerSize || n > size {
		return h, false
	}
	clean := bytes.Clone(b[:n])
	copy(clean[16:20], "\x00\x00\x00\x00")
	h = header{
		sector: size, at: int64(le.Uint64(b[24:])), other: int64(le.Uint64(b[32:])), firstUse: int64(le.Uint64(b[40:])), last: int64(le.Uint64(b[48:])),
		table: int64(le.Uint64(b[72:])), count: int64(le.Uint32(b[80:])), size: int64(le.Uint32(b[84:])), sum: le.Uint32(b[88:]),
	}
	return h, crc32.ChecksumIEEE(clean) == le.Uint32(b[16:]) && h.at == at/size
}

// entries finds the entries of a header.
func (r *reader) entries(h header) ([]byte, bool) {
	if h.size < entrySize || h.size > 4096 || h.count > maxEntries || h.table < 2 && h.at == 1 || h.table > 1<<40 || h.table < 0 {
		return nil, false
	}
	from, n := h.table*h.sector, h.count*h.size
	if from+n > int64(len(r.b)) {
		return nil, false
	}
	b := r.b[from : from+n]
	return b, crc32.ChecksumIEEE(b) == h.sum
}

// backup looks for the copy: where the damaged header says that it is, or at the
// end.
func (r *reader) backup(size int64) (h header, entries []byte, ok bool) {
	said := int64(le.Uint64(r.b[size+32:]))
	for _, at := range []int64{said, int64(len(r.b))/size - 1} {
		if at < 2 || at > 1<<40 {
			continue
		}
		if h, ok = r.header(at*size, size); ok {
			if entries, ok = r.entries(h); ok {
				return h, entries, true
			}
		}
	}
	return h, nil, false
}

// take makes partitions of entries.
func (r *reader) take(h header, b []byte) error {
	names := map[string]bool{}
	for i := int64(0); i < h.count; i++ {
		if err := r.budget.Tick(); err != nil {
			return err
		}
		e := b[i*h.size : (i+1)*h.size]
		if len(bytes.Trim(e[:16], "\x00")) == 0 {
			continue
		}
		from, last := int64(le.Uint64(e[32:])), int64(le.Uint64(e[40:]))
		if from < h.firstUse || last < from || last > h.last || last > 1<<40 {
			r.bad("partition %d from sector %d to %d, of those from %d to %d", i+1, from, last, h.firstUse, h.last)
			continue
		}
		units := make([]uint16, 36)
		for k := range units {
			units[k] = le.Uint16(e[56+2*k:])
		}
		name := strings.TrimRight(string(utf16.Decode(units)), "\x00")
		if image.CheckName(name) != nil || names[name] {
			name = fmt.Sprintf("partition-%d", i+1)
		}
		names[name] = true
		r.list = append(r.list, partition{name, guid(e[:16]), from * h.sector, (last + 1) * h.sector})
	}
	return nil
}

// guid writes a GUID, whose first three fields are little-endian.
func guid(b []byte) string {
	return fmt.Sprintf("%08x-%04x-%04x-%x-%x", le.Uint32(b), le.Uint16(b[4:]), le.Uint16(b[6:]), b[8:10], b[10:16])
}
