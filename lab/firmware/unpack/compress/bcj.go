package compress

import (
	"encoding/binary"
	"fmt"
)

// Filters of xz. An encoder changes the relative addresses of jumps and calls
// into absolute ones, so that calls of one function look alike; here it is
// undone. Formats: The .xz File Format 5.3, and the filters of XZ Utils.

// undo undoes the filter in place, for the whole of a block.
func (f xzFilter) undo(b []byte) error {
	if f.id == 3 {
		if len(f.props) != 1 {
			return corrupt("xz: properties of the delta filter % x", f.props)
		}
		for i := int(f.props[0]) + 1; i < len(b); i++ {
			b[i] += b[i-int(f.props[0])-1]
		}
		return nil
	}
	undo, ok := branches[f.id]
	if !ok {
		return fmt.Errorf("xz: filter %#x: %w", f.id, ErrKind)
	}
	ip := uint32(0)
	switch len(f.props) {
	case 0:
	case 4:
		ip = binary.LittleEndian.Uint32(f.props)
	default:
		return corrupt("xz: properties of a branch filter % x", f.props)
	}
	undo(b, ip)
	return nil
}

// branches are the filters by their numbers. ip is the address of b[0].
var branches = map[uint64]func(b []byte, ip uint32){
	4: undoX86, 5: undoPowerPC, 6: undoIA64, 7: undoARM, 8: undoThumb, 9: undoSPARC, 10: undoARM64,
}

// undoX86 turns the operands of E8 (call) and E9 (jump) back. The encoder leaves
// those alone that look as if they stood in another operand: the filter remembers
// which of the last three bytes were such opcodes.
func undoX86(b []byte, ip uint32) {
	allowed := [8]bool{true, true, true, false, true}
	number := [8]uint{0, 1, 2, 2, 3, 3, 3, 3}
	edge := func(x byte) bool { return x == 0 || x == 0xff }
	mask, last := uint(0), -1
	for i := 0; i+4 < len(b); {
		if b[i]&0xfe != 0xe8 {
			i++
			continue
		}
		if gap := i - last; gap > 3 {
			mask = 0
		} else {
			mask = mask << (gap - 1) & 7
		}
		last = i
		if mask != 0 && (!allowed[mask] || edge(b[i+4-int(number[mask])])) || !edge(b[i+4]) {
			mask = mask<<1&7 | 1
			i++
			continue
		}
		v := binary.LittleEndian.Uint32(b[i+1:])
		for {
			v -= ip + uint32(i) + 5
			if mask == 0 {
				break
			}
			shift := number[mask] * 8
			if !edge(byte(v >> (24 - shift))) {
				break
			}
			v ^= 1<<(32-shift) - 1
		}
		v &= 1<<25 - 1
		if v&(1<<24) != 0 {
			v |= 0xff << 24
		}
		binary.LittleEndian.PutUint32(b[i+1:], v)
		i += 5
	}
}

func undoPowerPC(b []byte, ip uint32) {
	for i := 0; i+4 <= len(b); i += 4 {
		if v := binary.BigEndian.Uint32(b[i:]); v&0xfc000003 == 0x48000001 { // bl
			binary.BigEndian.PutUint32(b[i:], 0x48000001|(v&0x03fffffc-ip-uint32(i))&0x03fffffc)
		}
	}
}

func undoARM(b []byte, ip uint32) {
	for i := 0; i+4 <= len(b); i += 4 {
		if v := binary.LittleEndian.Uint32(b[i:]); v>>24 == 0xeb { // bl, always
			binary.LittleEndian.PutUint32(b[i:], 0xeb000000|(v-(ip+uint32(i)+8)>>2)&0x00ffffff)
		}
	}
}

func undoThumb(b []byte, ip uint32) {
	for i := 0; i+4 <= len(b); i += 2 {
		h, l := binary.LittleEndian.Uint16(b[i:]), binary.LittleEndian.Uint16(b[i+2:])
		if h>>11 != 0x1e || l>>11 != 0x1f { // bl in two halves
			continue
		}
		v := uint32(h&0x7ff)<<11 | uint32(l&0x7ff)
		v -= (ip + uint32(i) + 4) >> 1
		binary.LittleEndian.PutUint16(b[i:], 0xf000|uint16(v>>11&0x7ff))
		binary.LittleEndian.PutUint16(b[i+2:], 0xf800|uint16(v&0x7ff))
		i += 2
	}
}

func undoSPARC(b []byte, ip uint32) {
	for i := 0; i+4 <= len(b); i += 4 {
		v := binary.BigEndian.Uint32(b[i:])
		if top := v >> 22; top != 0x100 && top != 0x1ff { // call, near enough
			continue
		}
		v -= (ip + uint32(i)) >> 2
		v &= 1<<23 - 1
		if v&(1<<22) != 0 {
			v |= 0x3fc00000
		}
		binary.BigEndian.PutUint32(b[i:], v&0x3fffffff|0x40000000)
	}
}

func undoARM64(b []byte, ip uint32) {
	for i := 0; i+4 <= len(b); i += 4 {
		v, pc := binary.LittleEndian.Uint32(b[i:]), ip+uint32(i)
		switch {
		case v>>26 == 0x25: // bl
			v = 0x94000000 | (v-pc>>2)&0x03ffffff
		case v&0x9f000000 == 0x90000000: // adrp, within 512 MiB
			page := v>>29&3 | v>>3&0x1ffffc
			if (page+0x20000)&0x1c0000 != 0 {
				continue
			}
			page -= pc >> 12
			v = v&0x9000001f | page&3<<29 | page&0x3fffc<<3
			if page&0x20000 != 0 {
				v |= 0xe00000
			}
		default:
			continue
		}
		binary.LittleEndian.PutUint32(b[i:], v)
	}
}

func undoIA64(b []byte, ip uint32) {
	// Which of a bundle's three slots can be branches, by its template.
	slots := [32]byte{16: 4, 17: 4, 18: 6, 19: 6, 22: 7, 23: 7, 24: 4, 25: 4, 28: 4, 29: 4}
	for i := 0; i+16 <= len(b); i += 16 {
		for slot := range 3 {
			if slots[b[i]&31]>>slot&1 == 0 {
				continue
			}
			bit := 5 + 41*slot
			p := b[i+bit/8:]
			all := uint64(binary.LittleEndian.Uint32(p)) | uint64(binary.LittleEndian.Uint16(p[4:]))<<32
			v := all >> (bit % 8)
			if v>>37&15 != 5 || v>>9&7 != 0 {
				continue
			}
			to := uint32(v>>13&0xfffff|v>>36&1<<20)<<4 - ip - uint32(i)
			to >>= 4
			v = v&^(0x8fffff<<13) | uint64(to&0xfffff)<<13 | uint64(to&0x100000)<<16
			all = all&(1<<(bit%8)-1) | v<<(bit%8)
			binary.LittleEndian.PutUint32(p, uint32(all))
			binary.LittleEndian.PutUint16(p[4:], uint16(all>>32))
		}
	}
}
