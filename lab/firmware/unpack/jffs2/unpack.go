package jffs2

import (
	"errors"
	"fmt"

	"assay/lab/firmware/unpack/compress"
)

// Compressions of a node.
const (
	stored = iota
	zero
	rtime
	rubinMIPS
	copied
	dynRubin
	zlib
	lzo
	lzma // OpenWrt's
)

var compressions = []string{stored: "none", zero: "zero", rtime: "rtime", rubinMIPS: "rubinmips", copied: "copy", dynRubin: "dynrubin", zlib: "zlib", lzo: "lzo", lzma: "lzma"}

// lzmaHeader are the properties that OpenWrt's patch has in its code and not in the
// image: lc, lp and pb 0, a dictionary of 8 KiB.
var lzmaHeader = []byte{0, 0, 0x20, 0, 0}

var errShort = errors.New("its packed bytes end too early")

// unpack fills dst.
func unpack(compression byte, dst, src []byte) error {
	var n int
	var err error
	switch compression {
	case rtime:
		return unpackRtime(dst, src)
	case rubinMIPS, dynRubin:
		return unpackRubin(dst, src)
	case zlib:
		n, err = compress.Block(compress.Zlib, dst, src)
	case lzo:
		n, err = compress.Block(compress.LZO, dst, src)
	case lzma:
		n, err = compress.Block(compress.LZMAShort, dst, append(lzmaHeader[:5:5], src...))
	default:
		return fmt.Errorf("compression %d, which nobody here knows", compression)
	}
	if err == nil && n < len(dst) {
		err = fmt.Errorf("%d bytes come out of it instead of %d", n, len(dst))
	}
	return err
}

// unpackRtime is the simplest one: a byte, and how many of those follow that
// followed where it stood last.
func unpackRtime(dst, src []byte) error {
	var last [256]int
	for at := 0; at < len(dst); {
		if len(src) < 2 {
			return errShort
		}
		value, repeat := src[0], int(src[1])
		src = src[2:]
		from := last[value]
		dst[at] = value
		at++
		last[value] = at
		for range repeat {
			if at == len(dst) {
				return errors.New("a repetition goes beyond its end")
			}
			dst[at] = dst[from]
			at++
			from++
		}
	}
	return nil
}

// unpackRubin is for both of the arithmetic coders. The kernels disagree which number
// means which, and none writes the one with fixed probabilities; but a wrong one
// takes another number of bits.
func unpackRubin(dst, src []byte) error {
	if len(src) >= 8 {
		r := rubin{src: src[8:], whole: 256}
		for i := range r.ones {
			r.ones[i] = uint32(src[i])
		}
		if r.fill(dst) {
			return nil
		}
	}
	r := rubin{src: src, whole: 1043, ones: [8]uint32{277, 249, 290, 267, 229, 341, 212, 241}}
	if r.fill(dst) {
		return nil
	}
	return errors.New("its packed bytes are not as long as what comes out of them")
}

// rubin decodes bits, each of which has its own probability by its place in the
// byte: ones[place] of whole.
type rubin struct {
	src   []byte
	bits  int // of src that were taken
	whole uint32
	ones  [8]uint32

	low, width, code uint32
}

const half = 1 << 15 // of the range of the coder, whose registers have 16 bits

func (r *rubin) shift() {
	bit := uint32(0)
	if r.bits < 8*len(r.src) {
		bit = uint32(r.src[r.bits/8]>>(7-r.bits%8)) & 1
	}
	r.bits++
	r.code = (r.code&(half-1))<<1 | bit
}

// fill decodes all of dst and tells whether that took src.
func (r *rubin) fill(dst []byte) bool {
	r.width = 2 * half
	for range 16 {
		r.shift()
	}
	for i := range dst {
		b := byte(0)
		for place := range 8 {
			b |= r.bit(r.ones[place]) << place
		}
		dst[i] = b
		if r.bits > 8*len(r.src)+8 {
			return false
		}
	}
	return (r.bits+7)/8 == len(r.src)
}

func (r *rubin) bit(ones uint32) byte {
	for r.low >= half || r.low+r.width <= half {
		r.low = (r.low & (half - 1)) << 1
		r.width <<= 1
		r.shift()
	}
	zeros := (r.whole - ones) * r.width / r.whole
	zeros = min(max(zeros, 1), r.width-1)
	if r.code < r.low+zeros {
		r.width = zeros
		return 0
	}
	r.low += zeros
	r.width -= zeros
	return 1
}
