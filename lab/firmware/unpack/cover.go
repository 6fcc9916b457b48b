package unpack

import (
	"math/bits"

	"assay/lab/firmware/image"
)

// Coverage says how much of an image was understood, in bytes of the image. What
// is packed counts as its content does: a sound wrapper around unknown bytes is
// unknown, but for the wrapper's own bytes.
type Coverage struct {
	Understood int64 `json:"understood"`
	Padding    int64 `json:"padding"`
	Unknown    int64 `json:"unknown"`
	Damaged    int64 `json:"damaged"`
}

// Bytes is the image's size.
func (c Coverage) Bytes() int64 { return c.Understood + c.Padding + c.Unknown + c.Damaged }

// weigh gives each part its weight: the share of weight that its size is of all.
func weigh(parts []*image.Part, weight int64) {
	var size int64
	for _, p := range parts {
		size += p.Size
	}
	left, leftSize := weight, size
	for _, p := range parts {
		p.Weight = share(left, p.Size, leftSize)
		left -= p.Weight
		leftSize -= p.Size
		weighInside(p)
	}
}

func weighInside(p *image.Part) {
	var in, out []*image.Part
	var inSize, outSize int64
	for _, c := range p.Parts {
		if c.Out {
			out = append(out, c)
			outSize += c.Size
		} else {
			in = append(in, c)
			inSize += c.Size
		}
	}
	inWeight := share(p.Weight, min(inSize, p.Size), p.Size)
	weigh(in, inWeight)
	outWeight := p.Weight - inWeight
	if outSize < p.Size/2 { // not what it was packed from: a few files out of a kernel
		outWeight = share(outWeight, outSize, p.Size)
	}
	weigh(out, outWeight)
	if p.Tree == nil || len(p.Parts) > 0 {
		return
	}
	var size int64
	files(p.Tree, func(n *image.Node) { size += n.Size })
	left, leftSize := p.Weight, size
	files(p.Tree, func(n *image.Node) {
		w := share(left, n.Size, leftSize)
		left -= w
		leftSize -= n.Size
		if n.Inner != nil {
			n.Inner.Weight = w
			weighInside(n.Inner)
		}
	})
}

// files calls f for each regular file that has a size.
func files(t *image.Tree, f func(*image.Node)) {
	t.Walk(func(_ string, n *image.Node) error {
		if n.Kind == image.File && n.Size > 0 {
			f(n)
		}
		return nil
	})
}

// share is weight*size/all without overflow; all of it for the last one.
func share(weight, size, all int64) int64 {
	if size <= 0 || weight <= 0 {
		return 0
	}
	if size >= all {
		return weight
	}
	hi, lo := bits.Mul64(uint64(weight), uint64(size))
	q, _ := bits.Div64(hi, lo, uint64(all))
	return int64(q)
}

func cover(parts []*image.Part) Coverage {
	var c Coverage
	for _, p := range parts {
		c.add(p)
	}
	return c
}

func (c *Coverage) add(p *image.Part) {
	own := p.Weight
	inner := func(k *image.Part) {
		own -= k.Weight
		c.add(k)
	}
	for _, k := range p.Parts {
		inner(k)
	}
	if p.Tree != nil && len(p.Parts) == 0 {
		files(p.Tree, func(n *image.Node) {
			if n.Inner != nil {
				inner(n.Inner)
			}
		})
	}
	switch p.State {
	case image.Padding:
		c.Padding += own
	case image.Unknown:
		c.Unknown += own
	case image.Damaged:
		c.Damaged += own
	default:
		c.Understood += own
	}
}
