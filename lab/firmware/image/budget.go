package image

import (
	"context"
	"errors"
	"fmt"
)

// Bounds of what one image may unpack to.
type Bounds struct {
	Bytes int64 // that come out of all streams and files, unpacked
	Files int   // nodes of all trees
	Depth int   // of parts in parts
	Ratio int64 // unpacked to packed bytes of one stream; small streams are free of it
}

// MaxDepth is how deep directories may be.
const MaxDepth = 64

// Standard are the bounds of the laboratory: no image that a maker hands in comes
// near to them.
var Standard = Bounds{Bytes: 4 << 30, Files: 500_000, Depth: 12, Ratio: 2000}

// MaxStream is how many bytes may come out of one stream, or be in one file: it is held
// in memory.
const MaxStream = 256 << 20

// Errors that are about the whole image, not about one part.
var (
	ErrNot    = errors.New("not of this format")
	ErrBounds = errors.New("more than an image may unpack to")
)

// freeOfRatio is how many bytes a stream may always unpack to: a few zeros pack
// into nothing.
const freeOfRatio = 16 << 20

// Budget is what is left for one image. It is for one goroutine.
//
// A reader charges it before it allocates: Bytes for each byte that it
// unpacks for the first time, Files for each node. Reading a file's content again
// through Node.Open costs nothing, but must allocate no more than Node.Size,
// which was charged when the tree was made.
type Budget struct {
	ctx    context.Context
	bounds Bounds
	bytes  int64
	files  int
	ticks  int
}

// NewBudget begins a budget. The context's end is an end of the work.
func NewBudget(ctx context.Context, b Bounds) *Budget { return &Budget{ctx: ctx, bounds: b} }

// Bytes charges n bytes that come out of packed bytes; packed is 0 where nothing
// was packed.
func (b *Budget) Bytes(n, packed int64) error {
	if n < 0 || packed < 0 {
		return fmt.Errorf("%w: a negative length", ErrBounds)
	}
	if n > b.bounds.Bytes-b.bytes {
		return fmt.Errorf("%w: %d bytes", ErrBounds, b.bounds.Bytes)
	}
	if packed > 0 && n > MaxStream {
		return fmt.Errorf("%w: %d bytes out of one stream, and %d is the most", ErrBounds, n, MaxStream)
	}
	if packed > 0 && n > freeOfRatio && n/packed > b.bounds.Ratio {
		return fmt.Errorf("%w: %d bytes out of %d, and %d for one is the most", ErrBounds, n, packed, b.bounds.Ratio)
	}
	b.bytes += n
	return b.Tick()
}

// Node charges a node of a tree.
func (b *Budget) Node() error {
	if b.files++; b.files > b.bounds.Files {
		return fmt.Errorf("%w: %d files", ErrBounds, b.bounds.Files)
	}
	return b.Tick()
}

// Room is the most that may come out of a stream of packed bytes. Who does not know
// how much will come out makes room piece by piece, never more than this, and
// charges it with Bytes in the end.
func (b *Budget) Room(packed int64) int64 {
	if packed > b.bounds.Bytes/max(1, b.bounds.Ratio) {
		return min(b.Left(), MaxStream)
	}
	return min(b.Left(), MaxStream, max(freeOfRatio, packed*b.bounds.Ratio))
}

// Left is how many bytes may still come out.
func (b *Budget) Left() int64 { return b.bounds.Bytes - b.bytes }

// Depth refuses parts that are too deep in parts.
func (b *Budget) Depth(depth int) error {
	if depth > b.bounds.Depth {
		return fmt.Errorf("%w: parts in parts, %d deep", ErrBounds, b.bounds.Depth)
	}
	return nil
}

// Tick is called in every loop that a file's bytes decide the length of. Its
// error is the context's.
func (b *Budget) Tick() error {
	if b.ticks++; b.ticks%64 == 0 && b.ctx.Err() != nil {
		return context.Cause(b.ctx)
	}
	return nil
}

// Used is what was unpacked so far.
func (b *Budget) Used() (bytes int64, files int) { return b.bytes, b.files }
