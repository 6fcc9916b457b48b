package archive

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"

	"assay/lab/firmware/image"
)

// cpioEntry is a header of any of the forms of cpio (cpio(5); newc and crc as in
// the kernel's Documentation/driver-api/early-userspace/buffer-format.rst).
type cpioEntry struct {
	dev, ino         uint64
	mode, nlink      uint32
	uid, gid         uint32
	major, minor     uint32 // of a device
	time, size       int64
	sum              uint32
	checked          bool // sum counts
	nameAt, nameSize int
	data             int // where the content begins
	next             int // where the next header begins
}

const (
	cpioTrailer = "TRAILER!!!"
	cpioMaxName = 4096 + 1
	// cpioGap is how many zeros may stand between two archives of one file: what
	// tools write are blocks of 512 up to 10240.
	cpioGap = 1 << 16
)

// cpioForm tells the form of a header; "" is none.
func cpioForm(b []byte) string {
	switch {
	case bytes.HasPrefix(b, []byte("070701")):
		return "newc"
	case bytes.HasPrefix(b, []byte("070702")):
		return "crc"
	case bytes.HasPrefix(b, []byte("070707")):
		return "odc"
	case bytes.HasPrefix(b, []byte{0xc7, 0x71}):
		return "binary little-endian"
	case bytes.HasPrefix(b, []byte{0x71, 0xc7}):
		return "binary big-endian"
	}
	return ""
}

func openCPIO(b []byte, budget *image.Budget) (*image.Part, error) {
	form := cpioForm(b)
	if form == "" {
		return nil, image.ErrNot
	}
	first, err := cpioHeader(b, 0)
	if err != nil {
		return nil, image.ErrNot
	}
	// Two magic bytes and plain digits also stand elsewhere: they count where a second header follows.
	if form != "newc" && form != "crc" && cpioName(b, first) != cpioTrailer {
		if _, err := cpioHeader(b, first.next); err != nil {
			return nil, image.ErrNot
		}
	}
	t := newBuilder(budget)
	end, archives := 0, 0
	for {
		after, err := t.cpio(b, end)
		archives++
		if err != nil {
			if strict := len(form) > 4; strict && isBroken(err) && archives == 1 {
				return nil, image.ErrNot // nothing but two bytes speaks for it
			}
			p, err := t.part("cpio", after, err)
			return cpioDetails(p, form, archives), err
		}
		zeros := 0
		for after+zeros < len(b) && zeros < cpioGap && b[after+zeros] == 0 {
			zeros++
		}
		next := after + zeros
		if next > after && cpioForm(b[next:]) == "" || next == len(b) || zeros == cpioGap {
			end = after + min(zeros, pad(after, 512))
			break
		}
		if _, err := cpioHeader(b, next); err != nil || !cpioText(b[next:]) {
			end = after + min(zeros, pad(after, 512))
			break
		}
		end = next
	}
	p, err := t.part("cpio", end, nil)
	return cpioDetails(p, form, archives), err
}

func isBroken(err error) bool {
	_, ok := err.(*errBroken)
	return ok
}

// cpioText says that a header's magic is one of six characters.
func cpioText(b []byte) bool { return bytes.HasPrefix(b, []byte("0707")) }

func cpioDetails(p *image.Part, form string, archives int) *image.Part {
	if p != nil {
		p.Detail("version", "%s", form)
		if archives > 1 {
			p.Detail("archives", "%d", archives)
		}
	}
	return p
}

// pad is how many bytes lead to the next multiple.
func pad(n, of int) int { return (of - n%of) % of }

// cpioID is a file that several names link to.
type cpioID struct{ dev, ino uint64 }

// cpio reads one archive up to its trailer; end is where it ends, or where it broke.
func (t *builder) cpio(b []byte, start int) (end int, err error) {
	links := map[cpioID][]linked{}
	var order []cpioID
	at := start
	for {
		e, err := cpioHeader(b, at)
		if err != nil {
			if linked := t.cpioLinks(links, order); linked != nil {
				return at, linked
			}
			return min(max(at, start+1), len(b)), err
		}
		name := cpioName(b, e)
		if name == cpioTrailer && e.next <= len(b) {
			return e.next, t.cpioLinks(links, order)
		}
		if e.next > len(b) || e.data+int(e.size) > len(b) {
			if linked := t.cpioLinks(links, order); linked != nil {
				return at, linked
			}
			return len(b), broken(at, "the content of %.80q has %d bytes and %d are left", name, e.size, max(0, len(b)-e.data))
		}
		data := b[e.data : e.data+int(e.size)]
		n := &image.Node{Kind: kinds[e.mode&modeType], Perm: e.mode & modePerm, UID: e.uid, GID: e.gid, Time: e.time}
		switch n.Kind {
		case image.File:
			id := cpioID{e.dev, e.ino}
			if e.nlink > 1 {
				if links[id] == nil {
					order = append(order, id)
				}
				links[id] = append(links[id], linked{name, n})
			}
			if err := t.content(n, data); err != nil {
				return at, err
			}
			if e.checked && cpioSum(data) != e.sum {
				t.lose(name, n, fmt.Errorf("its sum is %08x and %08x stands in its header", cpioSum(data), e.sum))
			}
		case image.Symlink:
			t.target(name, n, string(data))
		case image.Char, image.Block:
			n.Major, n.Minor = e.major, e.minor
		}
		if err := t.put(name, n); err != nil {
			return at, err
		}
		at = e.next
	}
}

type linked struct {
	path string
	node *image.Node
}

// cpioLinks gives the content that stands with one of a file's names to all of
// them: newc writes it once, with the last.
func (t *builder) cpioLinks(links map[cpioID][]linked, order []cpioID) error {
	for _, id := range order {
		var full *image.Node
		for _, l := range links[id] {
			if l.node.Size > 0 {
				full = l.node
			}
		}
		if full == nil {
			continue
		}
		for _, l := range links[id] {
			if l.node.Size > 0 {
				continue
			}
			if err := t.budget.Bytes(full.Size, 0); err != nil {
				return err
			}
			// The tree may hold a copy of the node, where a name came twice.
			n := *l.node
			n.Size, n.Open = full.Size, full.Open
			if err := t.tree.Put(l.path, &n); err != nil {
				t.tree.Note("left out: %v", err)
			}
		}
	}
	return nil
}

func cpioSum(b []byte) (sum uint32) {
	for _, c := range b {
		sum += uint32(c)
	}
	return sum
}

func cpioName(b []byte, e *cpioEntry) string { return string(b[e.nameAt : e.nameAt+e.nameSize-1]) }

// cpioHeader reads the header at a place and its name, and refuses what no tool writes.
func cpioHeader(b []byte, at int) (*cpioEntry, error) {
	if at >= len(b) {
		return nil, broken(at, "the archive ends without its trailer")
	}
	var e cpioEntry
	h := b[at:]
	var align int
	var ok bool
	switch cpioForm(h) {
	case "newc", "crc":
		e.nameAt, align = at+110, 4
		ok = e.newc(h)
	case "odc":
		e.nameAt, align = at+76, 1
		ok = e.odc(h)
	case "binary little-endian":
		e.nameAt, align = at+26, 2
		ok = e.binary(h, binary.LittleEndian)
	case "binary big-endian":
		e.nameAt, align = at+26, 2
		ok = e.binary(h, binary.BigEndian)
	default:
		return nil, broken(at, "no header of an entry")
	}
	end := e.nameAt + e.nameSize
	switch {
	case !ok:
		return nil, broken(at, "the header of an entry cannot be read")
	case e.nameSize < 1 || e.nameSize > cpioMaxName || end > len(b):
		return nil, broken(at, "the name of an entry has %d bytes", e.nameSize)
	case b[end-1] != 0 || bytes.IndexByte(b[e.nameAt:end-1], 0) >= 0:
		return nil, broken(at, "the name of an entry does not end where its header says")
	case kinds[e.mode&modeType] == "" && cpioName(b, &e) != cpioTrailer:
		return nil, broken(at, "the entry %.80q has the mode %o, which no file has", cpioName(b, &e), e.mode)
	}
	e.data = end + pad(end-at, align)
	if e.size < 0 || e.size > int64(len(b)) {
		e.next = len(b) + 1
		e.size = min(max(e.size, 0), int64(len(b))+1)
		return &e, nil
	}
	e.next = e.data + int(e.size) + pad(int(e.size), align)
	if missing := e.next - len(b); missing > 0 && missing < align && e.data+int(e.size) <= len(b) {
		e.next = len(b) // only the padding behind the last entry
	}
	return &e, nil
}

func (e *cpioEntry) newc(h []byte) bool {
	if len(h) < 110 {
		return false
	}
	var f [13]uint64
	for i := range f {
		v, err := strconv.ParseUint(string(h[6+8*i:14+8*i]), 16, 32)
		if err != nil {
			return false
		}
		f[i] = v
	}
	e.ino, e.mode, e.uid, e.gid, e.nlink = f[0], uint32(f[1]), uint32(f[2]), uint32(f[3]), uint32(f[4])
	e.time, e.size, e.dev = int64(f[5]), int64(f[6]), f[7]<<32|f[8]
	e.major, e.minor, e.nameSize, e.sum = uint32(f[9]), uint32(f[10]), int(f[11]), uint32(f[12])
	e.checked = h[5] == '2'
	return true
}

func (e *cpioEntry) odc(h []byte) bool {
	if len(h) < 76 {
		return false
	}
	at, ok := 6, true
	next := func(n int) uint64 {
		v, err := strconv.ParseUint(string(h[at:at+n]), 8, 64)
		at, ok = at+n, ok && err == nil
		return v
	}
	e.dev, e.ino, e.mode, e.uid, e.gid, e.nlink = next(6), next(6), uint32(next(6)), uint32(next(6)), uint32(next(6)), uint32(next(6))
	e.device(next(6))
	e.time, e.nameSize, e.size = int64(next(11)), int(next(6)), int64(next(11))
	return ok
}

func (e *cpioEntry) binary(h []byte, order binary.ByteOrder) bool {
	if len(h) < 26 {
		return false
	}
	word := func(i int) uint64 { return uint64(order.Uint16(h[2*i:])) }
	long := func(i int) int64 { return int64(word(i)<<16 | word(i+1)) } // the high word first in both orders
	e.dev, e.ino, e.mode, e.uid, e.gid, e.nlink = word(1), word(2), uint32(word(3)), uint32(word(4)), uint32(word(5)), uint32(word(6))
	e.device(word(7))
	e.time, e.nameSize, e.size = long(8), int(word(10)), long(11)
	return true
}

func (e *cpioEntry) device(n uint64) { e.major, e.minor = uint32(n>>8), uint32(n&0xff) }
