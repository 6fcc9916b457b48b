package compress

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"assay/lab/firmware/image"
)

// aloneHeader is what stands before LZMA data: a byte of properties, the size of
// the dictionary and, in the long form, the length of what comes out, little-endian.
type aloneHeader struct {
	props Props
	dict  uint32
	size  uint64 // unknownSize where it is not said
}

const unknownSize = 1<<64 - 1

func parseAlone(src []byte, header int) (h aloneHeader, err error) {
	if len(src) < header+5 {
		return h, fmt.Errorf("LZMA: %w", ErrShort)
	}
	if h.props, err = ParseProps(src[0]); err != nil {
		return h, err
	}
	h.dict, h.size = binary.LittleEndian.Uint32(src[1:]), unknownSize
	if header == 13 {
		h.size = binary.LittleEndian.Uint64(src[5:])
	}
	return h, nil
}

// lzmaBlock unpacks a block behind a header. A length that is said must be
// reached. The short form, and the length −1, leave open what comes out: it ends with
// the end marker, with dst or with src, whichever comes first.
func lzmaBlock(dst, src []byte, header int) (int, error) {
	h, err := parseAlone(src, header)
	if err != nil {
		return 0, err
	}
	if h.size != unknownSize {
		if h.size > uint64(len(dst)) {
			return 0, fmt.Errorf("LZMA: %d bytes: %w", h.size, ErrLong)
		}
		dst = dst[:h.size]
	}
	n, used, exact, err := LZMARaw(h.props, dst, src[header:])
	switch {
	case err != nil:
		return n, err
	case h.size != unknownSize && n < len(dst):
		return n, fmt.Errorf("LZMA: %d of %d bytes: %w", n, len(dst), ErrShort)
	case h.size == unknownSize && n < len(dst) && !exact && used < len(src)-header:
		return n, corrupt("LZMA: ends after %d bytes without an end marker", n)
	}
	return n, nil
}

// aloneStream unpacks the format of lzma(1), or the short form of it. It is over
// at the length that the header says, or else at the end marker; both leave the range
// coder at 0, which random bytes do not.
func aloneStream(out *sink, src []byte, header int) (int, error) {
	h, err := parseAlone(src, header)
	if err != nil {
		return 0, err
	}
	d := lzmaStates.Get().(*lzmaState)
	defer lzmaStates.Put(d)
	d.reset(h.props)
	d.dict = h.dict
	if err := d.start(src[header:]); err != nil {
		return header, err
	}
	in := header + 5
	most := min(h.size, 1<<62)
	for !d.marker && uint64(len(out.buf)) < most {
		if err := out.grow(in, int64(most)+1); err != nil { // a byte more, see below
			return in, err
		}
		pos := len(out.buf)
		in, pos, err = d.run(out.buf[:cap(out.buf)], 0, pos, int(min(uint64(cap(out.buf)), most)), src, in)
		out.buf = out.buf[:pos]
		if err != nil {
			return in, err
		}
		if in > len(src) {
			return len(src), fmt.Errorf("LZMA: %d bytes came out: %w", pos, ErrShort)
		}
	}
	n := len(out.buf)
	switch {
	case d.pendingLen > 0:
		return in, corrupt("LZMA: a match goes beyond the %d bytes that the header says", h.size)
	case d.marker && h.size != unknownSize && uint64(n) < h.size:
		return in, corrupt("LZMA: the end marker comes after %d of %d bytes", n, h.size)
	case !d.marker && d.code != 0:
		// An end marker may follow on the length: decode one symbol more.
		if err := out.grow(in, int64(n)+1); err != nil {
			return in, err
		}
		in, _, err = d.run(out.buf[:n+1], 0, n, n+1, src, in)
		if err != nil || !d.marker {
			return in, corrupt("LZMA: more follows on the %d bytes that the header says", n)
		}
	}
	if d.code != 0 || in > len(src) {
		return min(in, len(src)), corrupt("LZMA: the range coder ends at %#x and not at 0", d.code)
	}
	return in, nil
}

// lzmaMagics are how the streams of known encoders begin: the properties that
// are in use and a dictionary of a power of two, from 64 KiB on or, with the usual
// properties, from 4 KiB on.
func lzmaMagics() []image.Magic {
	var ms []image.Magic
	for _, props := range []byte{0x5d, 0x6d, 0x6c, 0x5e, 0x5c, 0x51, 0x2c, 0x66} {
		for bit := 12; bit <= 27; bit++ {
			if bit >= 16 || props == 0x5d {
				ms = append(ms, image.Magic{Bytes: string(binary.LittleEndian.AppendUint32([]byte{props}, 1<<bit))})
			}
		}
	}
	return ms
}

// openLZMA reads LZMA streams that begin anywhere. Nothing in the format is a
// signature, so it has to prove itself: the first byte of the data is 0, the
// dictionary is of a usual size, the code is not 0 (or zeros would be a long stream of
// zeros), and the stream ends as the format says.
func openLZMA(b []byte, budget *image.Budget) (*image.Part, error) {
	h, err := parseAlone(b, 13)
	if err != nil || b[13] != 0 || binary.LittleEndian.Uint32(b[14:]) == 0 || h.props.LC+h.props.LP > 4 || h.size == 0 || h.size != unknownSize && h.size > 1<<38 {
		return nil, image.ErrNot
	}
	if n := bits.OnesCount32(h.dict); n != 1 && n != 2 || h.dict < 1<<12 {
		return nil, image.ErrNot
	}
	p, err := open(LZMA, b, budget)
	if err != nil {
		return nil, err
	}
	p.Detail("properties", "lc=%d lp=%d pb=%d", h.props.LC, h.props.LP, h.props.PB)
	p.Detail("dictionary", "%d", h.dict)
	return p, nil
}
