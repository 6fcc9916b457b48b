package inspect

import "assay/lab/firmware/image"

// maxOutside bounds the bytes that Outside shows, and maxNested how deep parts in parts are followed.
const (
	maxOutside = 256 << 20
	maxNested  = 64
)

// Outside shows the bytes of parts that stand outside of trees: what no part inside takes,
// and what is not packed; of a boot loader, a kernel, a partition of settings. offset is in the
// part. Padding is left out.
func Outside(parts []*image.Part, f func(p *image.Part, offset int64, b []byte)) {
	left := int64(maxOutside)
	outside(parts, f, &left, 0)
}

func outside(parts []*image.Part, f func(*image.Part, int64, []byte), left *int64, deep int) {
	if deep > maxNested {
		return
	}
	for _, p := range parts {
		outside(p.Parts, f, left, deep+1)
		if p.Tree != nil || p.State == image.Padding || packed(p) {
			continue
		}
		at := int64(0)
		show := func(to int64) {
			if to = min(to, int64(len(p.Raw)), at+*left); at < to {
				*left -= to - at
				f(p, at, p.Raw[at:to])
			}
		}
		for _, c := range p.Parts {
			show(c.Offset)
			at = max(at, c.Offset+c.Size)
		}
		show(int64(len(p.Raw)))
	}
}

// packed reports whether something came out of a part, whose own bytes say nothing then.
func packed(p *image.Part) bool {
	for _, c := range p.Parts {
		if c.Out {
			return true
		}
	}
	for _, s := range p.Streams {
		if s.Size == 0 && len(s.Data) > 0 {
			return true
		}
	}
	return false
}
