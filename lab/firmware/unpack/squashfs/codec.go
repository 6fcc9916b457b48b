package squashfs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"assay/lab/firmware/image"
	"assay/lab/firmware/unpack/compress"
	"assay/lab/firmware/unpack/inode"
)

// proof says how sure it is that a block was unpacked in the right way.
type proof int

const (
	unproven proof = iota // something came out
	likely                // and it took the bytes that there are
	certain               // and a checksum, or the state in which the decoder ended, is right
)

// codec is one way in which blocks are packed.
type codec struct {
	name   string
	decode func(dst, src []byte) (n int, p proof, err error)
}

// plain is a compression with a framing of its own; p is what its success proves.
func plain(name string, a compress.Algorithm, p proof) *codec {
	return &codec{name, func(dst, src []byte) (int, proof, error) {
		n, err := compress.Block(a, dst, src)
		return n, p, err
	}}
}

// slack is how many bytes may be left behind LZMA data: an end marker, or what fills up.
const slack = 8

func lzmaProof(left int, exact bool) proof {
	switch {
	case exact && left == 0:
		return certain
	case left <= slack:
		return likely
	}
	return unproven
}

// lzmaBehind is LZMA behind skipped bytes and a header: of 5 bytes, properties and
// dictionary, of 9, with a length of 32 bits, or of 13, with one of 64.
func lzmaBehind(name string, skip, header int) *codec {
	return &codec{name, func(dst, src []byte) (int, proof, error) {
		if len(src) < skip+header+5 {
			return 0, unproven, compress.ErrShort
		}
		src = src[skip:]
		props, err := compress.ParseProps(src[0])
		if err != nil {
			return 0, unproven, err
		}
		said, known := uint64(0), false
		switch header {
		case 9:
			known = true
			if said = uint64(binary.LittleEndian.Uint32(src[5:])); said > uint64(len(dst)) {
				said = uint64(binary.BigEndian.Uint32(src[5:]))
			}
		case 13:
			said = binary.LittleEndian.Uint64(src[5:])
			known = said != 1<<64-1
		}
		if known {
			if said == 0 || said > uint64(len(dst)) {
				return 0, unproven, errHeader
			}
			dst = dst[:said]
		}
		n, used, exact, err := compress.LZMARaw(props, dst, src[header:])
		p := lzmaProof(len(src)-header-used, exact)
		if err == nil && known {
			if n < len(dst) {
				err = compress.ErrShort
			} else if p == likely {
				p = certain // the length is right, and only an end marker can be left
			}
		}
		return n, p, err
	}}
}

// lzmaRaw is LZMA behind skipped bytes, with properties that only the kernel of the
// device knew.
func lzmaRaw(skip int, p compress.Props) *codec {
	name := fmt.Sprintf("lzma, raw at %d with lc=%d lp=%d pb=%d", skip, p.LC, p.LP, p.PB)
	return &codec{name, func(dst, src []byte) (int, proof, error) {
		if len(src) < skip+5 {
			return 0, unproven, compress.ErrShort
		}
		n, used, exact, err := compress.LZMARaw(p, dst, src[skip:])
		return n, lzmaProof(len(src)-skip-used, exact), err
	}}
}

// try unpacks with a codec and asks for proof. Where dst became full before LZMA's
// end marker came, the proof is one byte further on.
func (c *codec) try(dst, src []byte) (n int, p proof, err error) {
	n, p, err = c.decode(dst, src)
	if err == nil && p == likely && n == len(dst) {
		if m, q, err := c.decode(make([]byte, n+1), src); err == nil && q == certain && m == n {
			p = certain
		}
	}
	return n, p, err
}

var (
	zlibCodec = plain("gzip", compress.Zlib, certain)
	xzCodec   = plain("xz", compress.XZ, certain)
	lzma13    = lzmaBehind("lzma", 0, 13)

	// kernel are the compressions by their numbers in version 4.
	kernel = map[uint32]*codec{
		1: zlibCodec, 2: lzma13, 3: plain("lzo", compress.LZO, likely), 4: xzCodec,
		5: plain("lz4", compress.LZ4, likely), 6: plain("zstd", compress.Zstd, likely),
	}
	kernelNames = map[uint32]string{1: "gzip", 2: "lzma", 3: "lzo", 4: "xz", 5: "lz4", 6: "zstd"}

	// framed are those that say themselves what they are.
	framed = []*codec{
		zlibCodec, xzCodec, lzma13,
		lzmaBehind("lzma, headers of 5 bytes", 0, 5),
		lzmaBehind("lzma, headers of 9 bytes", 0, 9),
		lzmaBehind("lzma behind 4 bytes", 4, 13),
		lzmaBehind("lzma behind 4 bytes, headers of 5 bytes", 4, 5),
		plain("gzip with its own header", compress.Gzip, certain),
		plain("bzip2", compress.Bzip2, certain),
	}

	errHeader = errors.New("no header of LZMA")
	errSize   = errors.New("not as many bytes as it should have")
)

// bare are LZMA without a header that says the properties: those that were in use,
// then all.
var bare = sync.OnceValue(func() (all []*codec) {
	seen := map[string]bool{}
	add := func(skip int, p compress.Props) {
		if c := lzmaRaw(skip, p); !seen[c.name] {
			seen[c.name] = true
			all = append(all, c)
		}
	}
	for _, skip := range []int{0, 4, 5, 9, 1, 2, 3, 6, 7, 8, 10, 13} {
		for _, p := range []compress.Props{{LC: 3, LP: 0, PB: 2}, {LC: 0, LP: 0, PB: 2}, {LC: 0, LP: 2, PB: 2}, {LC: 3, LP: 0, PB: 0}, {LC: 0, LP: 0, PB: 0}} {
			add(skip, p)
		}
	}
	for _, skip := range []int{0, 4, 5, 9} {
		for lc := range uint8(5) {
			for lp := range uint8(5) {
				for pb := range uint8(5) {
					add(skip, compress.Props{LC: lc, LP: lp, PB: pb})
				}
			}
		}
	}
	return all
})

// candidates are the codecs to be tried on an image, the likeliest first.
func (f *fs) candidates() []*codec {
	var all []*codec
	if c := kernel[f.compression]; f.major == 4 && c != nil {
		all = append(all, c)
	}
	all = append(all, framed...)
	all = append(all, kernel[6], kernel[3], kernel[5])
	return append(all, bare()...)
}

// detect finds the codec with which the root's inode is a directory, and the byte
// order of the lengths of metadata, and reports whether there is one.
func (f *fs) detect() (bool, error) {
	at := f.inodes + int64(f.root>>16)
	orders := []binary.ByteOrder{f.order}
	if f.major == 4 && f.order == binary.BigEndian {
		orders = append(orders, binary.LittleEndian)
	}
	for _, order := range orders {
		packed, stored, next, err := f.metaBytes(at, order)
		if err != nil {
			continue
		}
		f.headers = order
		if stored {
			f.meta[at] = metaBlock{packed, next}
			if f.rootIsDir() {
				return true, f.detectStored()
			}
			delete(f.meta, at)
			continue
		}
		c, err := f.tryAll(at, packed, next)
		if c != nil || err != nil {
			f.codec, f.dataCodec = c, c
			return c != nil, err
		}
	}
	return false, nil
}

// tryAll tries the candidates on the block of the root: the first whose result
// proves itself, or else the first that only looks right.
func (f *fs) tryAll(at int64, packed []byte, next int64) (*codec, error) {
	dst := make([]byte, metaSize)
	var second *codec
	for _, c := range f.candidates() {
		if err := f.Budget.Tick(); err != nil {
			return nil, err
		}
		n, p, err := c.try(dst, packed)
		if err != nil || n == 0 || p != certain && second != nil {
			continue
		}
		// The inode may go on in the next block, which is packed alike.
		f.codec = c
		f.meta[at] = metaBlock{dst[:n], next}
		right := f.rootIsDir()
		clear(f.meta)
		f.codec = nil
		if !right {
			continue
		}
		if p == certain || kernel[f.compression] == c {
			return c, nil
		}
		second = c
	}
	return second, nil
}

// rootIsDir looks at the root's inode with what was unpacked for it.
func (f *fs) rootIsDir() bool {
	r, err := f.raw(f.root)
	return err == nil && r.kind == image.Dir && int64(r.dir.block) <= f.used-f.dirs && r.dir.offset < metaSize
}

// detectStored is for images whose table of inodes is not compressed: the directory of
// the root decides, if it is; or else the codec that the superblock names is where
// to begin.
func (f *fs) detectStored() error {
	f.codec = zlibCodec
	if c := kernel[f.compression]; f.major == 4 && c != nil {
		f.codec = c
	}
	f.dataCodec = f.codec
	r, err := f.raw(f.root)
	if err != nil {
		return err
	}
	packed, stored, _, err := f.metaBytes(f.dirs+int64(r.dir.block), f.headers)
	if err != nil || stored {
		return nil
	}
	dst := make([]byte, metaSize)
	for _, c := range f.candidates() {
		if err := f.Budget.Tick(); err != nil {
			return err
		}
		if n, p, err := c.try(dst, packed); err == nil && n > int(r.dir.offset) && (p == certain || c == f.codec) {
			f.codec, f.dataCodec = c, c
			break
		}
	}
	return nil
}

// maxSearches is for how many blocks all codecs are tried that have no header of their own.
const maxSearches = 4

// unpack unpacks a block with the codec that worked last or, where that fails, with
// another that proves itself: the tool sqlzma packed each block in the way that was shorter,
// and others packed metadata and files in different ways. want is how many bytes must
// come out; 0 is not known.
func (f *fs) unpack(last **codec, dst, src []byte, want int) (int, error) {
	n, _, err := (*last).decode(dst, src)
	if err == nil && n > 0 && (want == 0 || n == want) {
		return n, nil
	}
	if err == nil {
		err = fmt.Errorf("%d bytes come out: %w", n, errSize)
	}
	second, have := (*codec)(nil), 0
	for _, list := range [][]*codec{framed, bare()} {
		if len(list) > len(framed) {
			if f.searches >= maxSearches {
				break
			}
			f.searches++
		}
		for _, c := range list {
			if c == *last {
				continue
			}
			m, p, e := c.try(dst, src)
			switch {
			case e != nil || m == 0 || want > 0 && m != want:
			case p == certain:
				if len(list) > len(framed) {
					*last = c
				}
				return m, nil
			case p == likely && want >= 1024 && second == nil:
				second, have = c, m
			}
		}
	}
	if second != nil {
		if m, _, e := second.decode(dst, src); e == nil && m == have {
			*last = second
			return m, nil
		}
	}
	clear(dst)
	return 0, inode.Damaged("%s: %v", (*last).name, err)
}
