package compress

import (
	"encoding/binary"
	"fmt"
	"hash/adler32"
	"hash/crc32"
)

// lzoBlock unpacks an LZO1X block. The format is the one that the Linux
// kernel's Documentation/staging/lzo.rst describes.
func lzoBlock(dst, src []byte) (int, error) {
	n, _, err := lzo(dst, src)
	return n, err
}

// lzo returns how many bytes it made and took.
func lzo(dst, src []byte) (n, in int, err error) {
	short := func() (int, int, error) { return n, len(src), fmt.Errorf("lzo: %w", ErrShort) }
	// more is a length that goes on in further bytes: 255 for each zero.
	more := func(base int) (int, bool) {
		for in < len(src) && src[in] == 0 {
			base += 255
			in++
		}
		if in >= len(src) {
			return 0, false
		}
		base += int(src[in])
		in++
		return base, true
	}
	state, literals := 0, 0 // state: literals behind the last instruction, 4 for more
	if len(src) > 0 && src[0] > 17 {
		literals = int(src[0]) - 17
		in = 1
		state = min(literals, 4)
	}
	for {
		if literals > 0 {
			if literals > len(src)-in {
				return short()
			}
			if literals > len(dst)-n {
				return n, in, fmt.Errorf("lzo: %w", ErrLong)
			}
			n += copy(dst[n:], src[in:in+literals])
			in += literals
			literals = 0
		}
		if in >= len(src) {
			return short()
		}
		t := int(src[in])
		in++
		var length, back int
		if t < 16 && state == 0 {
			literals = t + 3
			if t == 0 {
				var ok bool
				if literals, ok = more(15 + 3); !ok {
					return short()
				}
			}
			state = 4
			continue
		}
		switch {
		case t < 16:
			if in >= len(src) {
				return short()
			}
			back, length = int(src[in])<<2+t>>2+1, 2
			if state == 4 {
				back, length = back+2048, 3
			}
			in++
			state = t & 3
		case t < 64:
			base, mask := 7+2, 7 // the short field of the length, and what is added behind it
			if t >= 32 {
				base, mask = 31+2, 31
			}
			length = t&mask + 2
			if t&mask == 0 {
				var ok bool
				if length, ok = more(base); !ok {
					return short()
				}
			}
			if len(src)-in < 2 {
				return short()
			}
			d := int(binary.LittleEndian.Uint16(src[in:]))
			in += 2
			back, state = d>>2+1, d&3
			if t < 32 {
				back += 16384 - 1 + (t&8)<<11
				if back == 16384 {
					if length != 3 {
						return n, in, corrupt("lzo: an end of the wrong form at byte %d", in-3)
					}
					return n, in, nil
				}
			}
		default:
			if in >= len(src) {
				return short()
			}
			back, length = int(src[in])<<3+t>>2&7+1, t>>5+1
			in++
			if t < 128 {
				length = 3 + t>>5&1
			}
			state = t & 3
		}
		if back > n {
			return n, in, corrupt("lzo: a match %d bytes back after %d", back, n)
		}
		if length > len(dst)-n {
			return n, in, fmt.Errorf("lzo: %w", ErrLong)
		}
		if back >= length {
			n += copy(dst[n:n+length], dst[n-back:])
		} else {
			for range length {
				dst[n] = dst[n-back]
				n++
			}
		}
		literals = state
	}
}

const lzopMagic = "\x89LZO\x00\r\n\x1a\n"

// Flags of lzop 1.04's header.
const (
	lzopAdler32D   = 1 << 0
	lzopAdler32C   = 1 << 1
	lzopExtra      = 1 << 6
	lzopCRC32D     = 1 << 8
	lzopCRC32C     = 1 << 9
	lzopMultipart  = 1 << 10
	lzopFilter     = 1 << 11
	lzopHeaderCRC  = 1 << 12
	lzopBlock      = 64 << 20 // the most that lzop makes
	lzopWithFilter = 0x0940
)

// lzopStream unpacks the file format of lzop(1), all numbers of which are big-endian.
func lzopStream(out *sink, src []byte) (int, error) {
	short := func(what string) (int, error) { return len(src), fmt.Errorf("lzop: %s: %w", what, ErrShort) }
	if len(src) < 38 || string(src[:9]) != lzopMagic {
		return 0, corrupt("lzop: no header")
	}
	at := 9
	version := binary.BigEndian.Uint16(src[at:])
	at += 4 // and the library's version
	extract := uint16(0)
	if version >= lzopWithFilter {
		extract = binary.BigEndian.Uint16(src[at:])
		at += 2
	}
	method := src[at]
	at++
	if version >= lzopWithFilter {
		at++ // the level
	}
	flags := binary.BigEndian.Uint32(src[at:])
	at += 4
	if flags&lzopFilter != 0 || flags&lzopMultipart != 0 || method < 1 || method > 3 || extract > 0x1040 {
		return at, fmt.Errorf("lzop: method %d, flags %#x, version %#x: %w", method, flags, extract, ErrKind)
	}
	at += 8 // mode and time
	if version >= lzopWithFilter {
		at += 4
	}
	if at >= len(src) || at+1+int(src[at])+4 > len(src) {
		return short("header")
	}
	at += 1 + int(src[at])
	sum := adler32.Checksum(src[9:at])
	if flags&lzopHeaderCRC != 0 {
		sum = crc32.ChecksumIEEE(src[9:at])
	}
	if said := binary.BigEndian.Uint32(src[at:]); said != sum {
		return at, corrupt("lzop: the header's checksum is %#x and not %#x", sum, said)
	}
	at += 4
	if flags&lzopExtra != 0 {
		if at+4 > len(src) {
			return short("extra field")
		}
		n := int64(binary.BigEndian.Uint32(src[at:]))
		if n > int64(len(src)-at-8) {
			return short("extra field")
		}
		at += 8 + int(n)
	}
	for {
		if at+4 > len(src) {
			return short("no end")
		}
		size := int64(binary.BigEndian.Uint32(src[at:]))
		at += 4
		if size == 0 {
			return at, nil
		}
		if size > lzopBlock {
			return at, corrupt("lzop: a block of %d bytes at byte %d", size, at-4)
		}
		n, err := lzopData(out, src, at, int(size), flags)
		if err != nil {
			return n, err
		}
		at = n
	}
}

// lzopData unpacks one block; at is behind its length, what is returned behind it.
func lzopData(out *sink, src []byte, at, size int, flags uint32) (int, error) {
	word := func() (v uint32, ok bool) {
		if at+4 > len(src) {
			return 0, false
		}
		at += 4
		return binary.BigEndian.Uint32(src[at-4:]), true
	}
	packed, ok := word()
	var sums [4]uint32 // of what comes out, Adler-32 and CRC-32, and of what goes in
	for i, flag := range []uint32{lzopAdler32D, lzopCRC32D, lzopAdler32C, lzopCRC32C} {
		if flags&flag == 0 || i >= 2 && int(packed) == size {
			continue
		}
		if ok {
			sums[i], ok = word()
		}
	}
	if !ok || int64(packed) > int64(len(src)-at) {
		return len(src), fmt.Errorf("lzop: a block of %d bytes: %w", packed, ErrShort)
	}
	if int64(packed) > int64(size) || packed == 0 {
		return at, corrupt("lzop: a block of %d bytes packs to %d, at byte %d", size, packed, at)
	}
	data := src[at : at+int(packed)]
	at += int(packed)
	if int64(size) > 256*int64(packed)+64 {
		return at, corrupt("lzop: %d bytes cannot come out of %d", size, packed)
	}
	block := data
	if int(packed) < size {
		block = make([]byte, size)
		n, used, err := lzo(block, data)
		if err == nil && (n != size || used != len(data)) {
			err = corrupt("lzop: %d bytes come out of %d, and not %d out of %d", n, used, size, len(data))
		}
		if err != nil {
			return at, err
		}
	}
	for _, c := range []struct {
		flag uint32
		said uint32
		sum  func([]byte) uint32
	}{{lzopAdler32D, sums[0], adler32.Checksum}, {lzopCRC32D, sums[1], crc32.ChecksumIEEE}} {
		if flags&c.flag != 0 && c.said != c.sum(block) {
			return at, corrupt("lzop: the checksum of the block before byte %d is false", at)
		}
	}
	return at, out.append(block, at)
}
