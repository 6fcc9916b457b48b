package compress

import (
	"encoding/binary"
	"fmt"
	"sync"
)

// The LZMA decoder. The format is the one of the LZMA specification by Igor
// Pavlov (lzma-specification.txt, 2015). The output is its own window: a match
// copies from what was written before, so nothing is moved twice.

// Props are the properties of LZMA: how many bits of the byte before (LC), of
// the position (LP) choose a literal's statistics, and how many of the position those
// of the rest (PB).
type Props struct{ LC, LP, PB uint8 }

// ParseProps splits the byte that headers carry.
func ParseProps(b byte) (Props, error) {
	if b >= 9*5*5 {
		return Props{}, corrupt("LZMA properties %#x", b)
	}
	return Props{b % 9, b / 9 % 5, b / 45}, nil
}

const (
	probInit = 1 << 10
	rcTop    = 1 << 24
	longest  = 32 // no symbol takes so many bytes
)

type prob = uint16

type lenProbs struct {
	choice, choice2 prob
	low, mid        [16][8]prob
	high            [256]prob
}

// lzmaProbs are all statistics but those of literals.
type lzmaProbs struct {
	match       [12][16]prob
	rep         [12]prob
	repG0       [12]prob
	repG1       [12]prob
	repG2       [12]prob
	rep0Long    [12][16]prob
	slot        [4][64]prob
	special     [128]prob
	align       [16]prob
	len, repLen lenProbs
}

// lzmaState is a decoder between two calls of run.
type lzmaState struct {
	p    lzmaProbs
	lit  [][0x300]prob
	used int // of lit, with the present properties

	props      Props
	state      uint32
	rep        [4]uint32
	rng, code  uint32
	pendingLen int // of a match that found no more room
	dict       uint32
	marker     bool // the end marker was read
	ended      bool // src was used up with the code at 0: it may end here
}

var lzmaStates = sync.Pool{New: func() any { return new(lzmaState) }}

// reset begins with fresh statistics.
func (d *lzmaState) reset(p Props) {
	d.props = p
	n := 1 << (p.LC + p.LP)
	if len(d.lit) < n {
		d.lit = make([][0x300]prob, n)
	}
	d.used = n
	for i := range d.lit[:n] {
		l := &d.lit[i]
		for j := range l {
			l[j] = probInit
		}
	}
	d.p.reset()
	d.state, d.rep = 0, [4]uint32{}
	d.pendingLen, d.marker, d.ended = 0, false, false
}

func (p *lzmaProbs) reset() {
	for i := range p.match {
		fill(p.match[i][:])
		fill(p.rep0Long[i][:])
	}
	fill(p.rep[:])
	fill(p.repG0[:])
	fill(p.repG1[:])
	fill(p.repG2[:])
	for i := range p.slot {
		fill(p.slot[i][:])
	}
	fill(p.special[:])
	fill(p.align[:])
	p.len.reset()
	p.repLen.reset()
}

func (l *lenProbs) reset() {
	l.choice, l.choice2 = probInit, probInit
	for i := range l.low {
		fill(l.low[i][:])
		fill(l.mid[i][:])
	}
	fill(l.high[:])
}

func fill(p []prob) {
	for i := range p {
		p[i] = probInit
	}
}

// start reads the first five bytes of the range coder: a zero and the code.
func (d *lzmaState) start(src []byte) error {
	if len(src) < 5 {
		return fmt.Errorf("LZMA: %w", ErrShort)
	}
	if src[0] != 0 {
		return corrupt("LZMA data begin with %#x, not with 0", src[0])
	}
	d.rng, d.code = 0xffffffff, binary.BigEndian.Uint32(src[1:])
	return nil
}

// Range coder: each function takes and gives back range, code and place, so
// that they stay in registers. Behind the end zeros are read; run compares the
// place with the end.

type rc struct {
	rng, code uint32
	in        int
}

// tree reads a symbol of n bits, the highest bit first.
func tree(p []prob, n uint, src []byte, c rc) (uint32, rc) {
	m := uint32(1)
	rng, code, in := c.rng, c.code, c.in
	for range n {
		pr := uint32(p[m])
		bound := (rng >> 11) * pr
		if code < bound {
			rng = bound
			p[m] = prob(pr + (2048-pr)>>5)
			m <<= 1
		} else {
			rng -= bound
			code -= bound
			p[m] = prob(pr - pr>>5)
			m = m<<1 | 1
		}
		if rng < rcTop {
			rng <<= 8
			code <<= 8
			if uint(in) < uint(len(src)) {
				code |= uint32(src[in])
			}
			in++
		}
	}
	return m - 1<<n, rc{rng, code, in}
}

// reverse reads a symbol of n bits, the lowest bit first.
func reverse(p []prob, n uint, src []byte, c rc) (uint32, rc) {
	m, sym := uint32(1), uint32(0)
	rng, code, in := c.rng, c.code, c.in
	for i := range n {
		pr := uint32(p[m])
		bound := (rng >> 11) * pr
		if code < bound {
			rng = bound
			p[m] = prob(pr + (2048-pr)>>5)
			m <<= 1
		} else {
			rng -= bound
			code -= bound
			p[m] = prob(pr - pr>>5)
			m = m<<1 | 1
			sym |= 1 << i
		}
		if rng < rcTop {
			rng <<= 8
			code <<= 8
			if uint(in) < uint(len(src)) {
				code |= uint32(src[in])
			}
			in++
		}
	}
	return sym, rc{rng, code, in}
}

// bit reads one bit.
func bit(p *prob, src []byte, c rc) (bool, rc) {
	pr := uint32(*p)
	bound := (c.rng >> 11) * pr
	one := c.code >= bound
	if !one {
		c.rng = bound
		*p = prob(pr + (2048-pr)>>5)
	} else {
		c.rng -= bound
		c.code -= bound
		*p = prob(pr - pr>>5)
	}
	if c.rng < rcTop {
		c.rng <<= 8
		c.code <<= 8
		if uint(c.in) < uint(len(src)) {
			c.code |= uint32(src[c.in])
		}
		c.in++
	}
	return one, c
}

// direct reads n bits of even chance.
func direct(n uint32, src []byte, c rc) (uint32, rc) {
	v := uint32(0)
	rng, code, in := c.rng, c.code, c.in
	for range n {
		rng >>= 1
		code -= rng
		t := -(code >> 31) // all ones where the bit is 0
		code += rng & t
		v = v<<1 + t + 1
		if rng < rcTop {
			rng <<= 8
			code <<= 8
			if uint(in) < uint(len(src)) {
				code |= uint32(src[in])
			}
			in++
		}
	}
	return v, rc{rng, code, in}
}

// length reads the length of a match, 2 to 273.
func (l *lenProbs) length(posState uint32, src []byte, c rc) (int, rc) {
	var one bool
	var n uint32
	if one, c = bit(&l.choice, src, c); !one {
		n, c = tree(l.low[posState&15][:], 3, src, c)
		return int(n) + 2, c
	}
	if one, c = bit(&l.choice2, src, c); !one {
		n, c = tree(l.mid[posState&15][:], 3, src, c)
		return int(n) + 10, c
	}
	n, c = tree(l.high[:], 8, src, c)
	return int(n) + 18, c
}

// distance reads the distance of a match of that length, less 1.
func (d *lzmaState) distance(length int, src []byte, c rc) (uint32, rc) {
	var slot, low uint32
	slot, c = tree(d.p.slot[min(length-2, 3)][:], 6, src, c)
	if slot < 4 {
		return slot, c
	}
	n := slot>>1 - 1
	dist := (2 | slot&1) << n
	if slot < 14 {
		low, c = reverse(d.p.special[dist-slot:], uint(n), src, c)
		return dist + low, c
	}
	low, c = direct(n-4, src, c)
	dist += low << 4
	low, c = reverse(d.p.align[:], 4, src, c)
	return dist + low, c
}

// The state that follows on each state.
var (
	afterLiteral = [12]uint8{0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 4, 5}
	afterMatch   = [12]uint8{7, 7, 7, 7, 7, 7, 7, 10, 10, 10, 10, 10}
	afterRep     = [12]uint8{8, 8, 8, 8, 8, 8, 8, 11, 11, 11, 11, 11}
	afterShort   = [12]uint8{9, 9, 9, 9, 9, 9, 9, 11, 11, 11, 11, 11}
)

func tooFar(rep0 uint32, have int, dict uint32) error {
	return corrupt("LZMA: a match %d bytes back after %d, with a dictionary of %d", uint64(rep0)+1, have, dict)
}

// run decodes from src[in:] behind dst[pos:], until dst[:end] is full, the end
// marker was read, or src is at its end. from is where the window begins. It
// returns the place behind what it read and behind what it wrote.
//
// A place behind the end of src means that src was too short.
func (d *lzmaState) run(dst []byte, from, pos, end int, src []byte, in int) (int, int, error) {
	dst = dst[:end:end]
	c := rc{d.rng, d.code, in}
	state := d.state
	rep0, rep1, rep2, rep3 := d.rep[0], d.rep[1], d.rep[2], d.rep[3]
	lpMask, pbMask := uint32(1)<<d.props.LP-1, uint32(1)<<d.props.PB-1
	lc, lit := d.props.LC, d.lit[:d.used]
	dict := max(d.dict, 4096)
	length := d.pendingLen
	var err error
	begin, nearEnd := pos, len(src)-longest
	for err == nil {
		if c.in >= nearEnd {
			if c.in > len(src) {
				pos = begin // the last symbol was made of bytes that are not there
				break
			}
			begin = pos
			d.ended = d.ended || c.in == len(src) && c.code == 0 && length == 0
		}
		if length == 0 {
			if pos >= len(dst) {
				break
			}
			at := uint32(pos - from)
			posState := at & pbMask & 15
			// Is it a match?
			m := &d.p.match[state][posState]
			pr := uint32(*m)
			bound := (c.rng >> 11) * pr
			if c.code < bound {
				*m = prob(pr + (2048-pr)>>5)
				rng, code, next := bound, c.code, c.in
				if rng < rcTop {
					rng <<= 8
					code <<= 8
					if uint(next) < uint(len(src)) {
						code |= uint32(src[next])
					}
					next++
				}
				before := uint32(0)
				if pos > from {
					before = uint32(dst[pos-1])
				}
				p := &lit[(at&lpMask)<<lc+before>>(8-lc)]
				sym := uint32(1)
				if state >= 7 {
					if uint64(rep0) >= uint64(pos-from) {
						err = tooFar(rep0, pos-from, dict)
						break
					}
					like := uint32(dst[pos-int(rep0)-1])
					for {
						like <<= 1
						b := like & 0x100
						q := &p[0x100+b+sym]
						pr := uint32(*q)
						bound := (rng >> 11) * pr
						var got uint32
						if code < bound {
							rng = bound
							*q = prob(pr + (2048-pr)>>5)
							sym <<= 1
						} else {
							rng -= bound
							code -= bound
							*q = prob(pr - pr>>5)
							sym = sym<<1 | 1
							got = 0x100
						}
						if rng < rcTop {
							rng <<= 8
							code <<= 8
							if uint(next) < uint(len(src)) {
								code |= uint32(src[next])
							}
							next++
						}
						if got != b || sym >= 0x100 {
							break
						}
					}
				}
				for sym < 0x100 {
					pr := uint32(p[sym])
					bound := (rng >> 11) * pr
					if code < bound {
						rng = bound
						p[sym] = prob(pr + (2048-pr)>>5)
						sym <<= 1
					} else {
						rng -= bound
						code -= bound
						p[sym] = prob(pr - pr>>5)
						sym = sym<<1 | 1
					}
					if rng < rcTop {
						rng <<= 8
						code <<= 8
						if uint(next) < uint(len(src)) {
							code |= uint32(src[next])
						}
						next++
					}
				}
				c = rc{rng, code, next}
				dst[pos] = byte(sym)
				pos++
				state = uint32(afterLiteral[state])
				continue
			}
			c.rng -= bound
			c.code -= bound
			*m = prob(pr - pr>>5)
			if c.rng < rcTop {
				c.rng <<= 8
				c.code <<= 8
				if uint(c.in) < uint(len(src)) {
					c.code |= uint32(src[c.in])
				}
				c.in++
			}
			var one bool
			if one, c = bit(&d.p.rep[state], src, c); !one { // a new distance
				rep3, rep2, rep1 = rep2, rep1, rep0
				length, c = d.p.len.length(posState, src, c)
				rep0, c = d.distance(length, src, c)
				state = uint32(afterMatch[state])
				if rep0 == 0xffffffff {
					length, d.marker = 0, true
					break
				}
			} else if one, c = bit(&d.p.repG0[state], src, c); !one {
				if one, c = bit(&d.p.rep0Long[state][posState], src, c); !one {
					length, state = 1, uint32(afterShort[state])
				}
			} else if one, c = bit(&d.p.repG1[state], src, c); !one {
				rep0, rep1 = rep1, rep0
			} else if one, c = bit(&d.p.repG2[state], src, c); !one {
				rep0, rep1, rep2 = rep2, rep0, rep1
			} else {
				rep0, rep1, rep2, rep3 = rep3, rep0, rep1, rep2
			}
			if length == 0 { // of a repeated distance
				length, c = d.p.repLen.length(posState, src, c)
				state = uint32(afterRep[state])
			}
		}
		if uint64(rep0) >= uint64(pos-from) || rep0 >= dict {
			err, length = tooFar(rep0, pos-from, dict), 0
			break
		}
		back := pos - int(rep0) - 1
		n := min(length, len(dst)-pos)
		length -= n
		if int(rep0) >= n {
			copy(dst[pos:pos+n], dst[back:back+n])
			pos += n
		} else {
			for range n {
				dst[pos] = dst[back]
				pos++
				back++
			}
		}
		if length > 0 {
			break // no more room
		}
	}
	d.rng, d.code, d.state, d.pendingLen = c.rng, c.code, state, length
	d.rep = [4]uint32{rep0, rep1, rep2, rep3}
	return c.in, pos, err
}

// LZMARaw unpacks LZMA data without a header into dst, which they fill unless an
// end marker, or the end of src, comes before. What the file system says about the
// length decides whether that was all: without a marker there may be a few bytes too
// many. used is how many bytes it took; exact says that the range coder came to the state
// that an encoder leaves behind, which random bytes do not.
func LZMARaw(p Props, dst, src []byte) (n, used int, exact bool, err error) {
	if p.LC > 8 || p.LP > 4 || p.PB > 4 {
		return 0, 0, false, corrupt("LZMA properties %+v", p)
	}
	d := lzmaStates.Get().(*lzmaState)
	defer lzmaStates.Put(d)
	d.reset(p)
	d.dict = 0xffffffff
	if err := d.start(src); err != nil {
		return 0, 0, false, err
	}
	used, n, err = d.run(dst, 0, 0, len(dst), src, 5)
	if d.ended || used > len(src) { // what failed, if anything, came after the end
		return n, min(used, len(src)), d.ended, nil
	}
	return n, used, err == nil && d.code == 0 && d.pendingLen == 0, err
}
