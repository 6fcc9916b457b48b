package compress

import (
	"bytes"
	"context"
	"errors"

	"assay/lab/firmware/image"
)

// Formats are the compressed streams that are recognized by how they begin.
// The short form of LZMA and raw deflate have no beginning of their own: only a
// wrapper can say that they are there.
var Formats = []image.Format{
	{Name: "gzip", Magic: []image.Magic{{Bytes: "\x1f\x8b\x08"}}, Open: opener(Gzip)},
	{Name: "zlib", Magic: []image.Magic{{Bytes: "\x78\x01"}, {Bytes: "\x78\x5e"}, {Bytes: "\x78\x9c"}, {Bytes: "\x78\xda"}}, Open: opener(Zlib)},
	{Name: "xz", Magic: []image.Magic{{Bytes: xzMagic}}, Open: opener(XZ)},
	{Name: "bzip2", Magic: []image.Magic{{Bytes: "BZh"}}, Open: opener(Bzip2)},
	{Name: "zstd", Magic: []image.Magic{{Bytes: zstdMagic}}, Open: opener(Zstd)},
	{Name: "lz4", Magic: []image.Magic{{Bytes: lz4Magic}, {Bytes: lz4Legacy}}, Open: opener(LZ4)},
	{Name: "lzop", Magic: []image.Magic{{Bytes: lzopMagic}}, Open: opener(LZO)},
	{Name: "lzma", Magic: lzmaMagics(), Open: openLZMA},
	{Name: "lzma-short", Unsure: true, Open: opener(LZMAShort)},
	{Name: "deflate", Unsure: true, Open: opener(Deflate)},
}

func opener(a Algorithm) func([]byte, *image.Budget) (*image.Part, error) {
	return func(b []byte, budget *image.Budget) (*image.Part, error) { return open(a, b, budget) }
}

// sure is from how many decoded bytes on a broken stream is taken for one, and
// not for bytes that only begin like one.
// Formats that begin with a checksum, or with ten bytes that never change, need none.
var sure = map[Algorithm]int{Gzip: 1 << 10, Bzip2: 0, XZ: 0, Zstd: 1 << 10, LZ4: 1 << 10, LZO: 0, Zlib: 32 << 10, LZMA: 64 << 10, LZMAShort: 64 << 10, Deflate: 64 << 10}

// begun says whether the beginning of a stream was whole: where not, it is none.
func begun(a Algorithm, b []byte, used int) bool {
	switch a {
	case XZ:
		return used >= 12
	case LZO:
		return used > 38
	case Bzip2:
		return used >= 10
	}
	return true
}

// open makes a part of a stream: what came out of it is its one stream.
func open(a Algorithm, b []byte, budget *image.Budget) (*image.Part, error) {
	out, used, err := Stream(a, b, budget)
	switch {
	case errors.Is(err, image.ErrBounds), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return nil, err
	case err != nil && !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrShort) && !errors.Is(err, ErrKind) && !errors.Is(err, ErrLong):
		return nil, err // the budget's
	case err != nil && (len(out) < sure[a] || !begun(a, b, used) || oneByte(out)):
		return nil, image.ErrNot
	case err == nil && weak(a) && (len(out) < 16 || oneByte(out)):
		return nil, image.ErrNot // a few zeros decode as almost anything
	}
	p := &image.Part{Size: int64(used), Format: string(a), State: image.Understood, Unpacked: int64(len(out))}
	if a == LZO {
		p.Format = "lzop"
	}
	if a == Gzip {
		describeGzip(p, b)
	}
	if err != nil {
		p.State, p.Problem = image.Damaged, err.Error()
	}
	p.Streams = []image.Stream{{Name: "data", Data: out}}
	return p, nil
}

// weak are formats without a signature and a sum over the content.
func weak(a Algorithm) bool { return a == LZMA || a == LZMAShort || a == Deflate }

func oneByte(b []byte) bool {
	return len(b) > 0 && len(bytes.TrimLeft(b, string(b[:1]))) == 0
}
