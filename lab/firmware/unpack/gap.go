package unpack

import (
	"math"

	"assay/lab/firmware/image"
)

// How the bytes between parts are cut. A stretch of one byte value is padding if
// it stands alone in its gap, at a gap's end, or is long; the rest is unknown, and
// cut where its entropy changes for good.
const (
	endPadding   = 16       // bytes at a gap's beginning or end
	innerPadding = 32 << 10 // bytes in the middle of unknown ones
	window       = 4 << 10  // bytes whose entropy is taken together
	steady       = 4        // windows that a change must last
)

// endMark is what OpenWrt puts behind the root file system, so that the rest of
// the flash is taken for an empty JFFS2.
const endMark = "\xde\xad\xc0\xde"

// gap gives the parts of b, which no reader takes: padding and unknown ones, without
// holes, their offsets from the beginning of b.
func gap(b []byte) []*image.Part {
	var parts []*image.Part
	unknown := func(from, to int) {
		if string(b[from:to]) == endMark {
			p := &image.Part{Offset: int64(from), Size: int64(to - from), Format: "padding", State: image.Padding}
			p.Detail("name", "end mark")
			parts = append(parts, p)
			return
		}
		for _, cut := range changes(b[from:to]) {
			parts = append(parts, &image.Part{
				Offset: int64(from + cut.from), Size: int64(cut.to - cut.from), Format: "unknown", State: image.Unknown,
				Entropy: entropy(b[from+cut.from : from+cut.to]),
			})
		}
	}
	from := 0
	for i := 0; i < len(b); {
		n := run(b[i:])
		atEnd := i == 0 || i+n == len(b)
		if n == len(b) || n >= innerPadding || atEnd && n >= endPadding {
			unknown(from, i)
			p := &image.Part{Offset: int64(i), Size: int64(n), Format: "padding", State: image.Padding}
			p.Detail("byte", "0x%02x", b[i])
			parts = append(parts, p)
			from = i + n
		}
		i += n
	}
	unknown(from, len(b))
	return parts
}

// run is how often the first byte is repeated.
func run(b []byte) int {
	n := 1
	for n < len(b) && b[n] == b[0] {
		n++
	}
	return n
}

type stretch struct{ from, to int }

// Kinds of unknown bytes by their entropy in bits per byte: sparse tables, text and
// programs, packed or encrypted bytes. Windows of 4096 random bytes have 7.95.
func kind(e float64) int {
	switch {
	case e < 2.5:
		return 0
	case e < 7.3:
		return 1
	}
	return 2
}

// changes cuts b where the kind of its entropy changes for at least steady windows.
func changes(b []byte) []stretch {
	if len(b) == 0 {
		return nil
	}
	var kinds []int
	for i := 0; i < len(b); i += window {
		kinds = append(kinds, kind(entropy(b[i:min(len(b), i+window)])))
	}
	cuts := []stretch{{0, len(b)}}
	now := -1 // the kind of the last that was steady
	for i, lasts := 0, 0; i < len(kinds); i += lasts {
		for lasts = 1; i+lasts < len(kinds) && kinds[i+lasts] == kinds[i]; lasts++ {
		}
		if kinds[i] == now || lasts < steady {
			continue
		}
		if now >= 0 {
			cuts[len(cuts)-1].to = i * window
			cuts = append(cuts, stretch{i * window, len(b)})
		}
		now = kinds[i]
	}
	return cuts
}

// entropy is that of Shannon over the bytes, in bits per byte, rounded to 1/100.
func entropy(b []byte) float64 {
	if len(b) == 0 {
		return 0
	}
	var counts [256]int
	for _, c := range b {
		counts[c]++
	}
	e := 0.0
	for _, n := range counts {
		if n > 0 {
			p := float64(n) / float64(len(b))
			e -= p * math.Log2(p)
		}
	}
	return math.Round(math.Abs(e)*100) / 100
}
