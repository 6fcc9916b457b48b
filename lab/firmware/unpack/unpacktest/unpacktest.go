// Package unpacktest holds readers of images to what every one of them has to
// stand: any bytes at all.
package unpacktest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"assay/lab/firmware/image"
)

// Bounds for samples: what a reader makes of a broken one stays in the memory of a test.
var Bounds = image.Bounds{Bytes: 256 << 20, Files: 100_000, Depth: 12, Ratio: 2000}

// Slow is how long one reading of a sample may take.
const Slow = 10 * time.Second

// FlipBytes reads the sample as it is, which must be understood, and then again
// with bytes changed at places spread over all of it and drawn by seed, n times: no
// reading may panic, take long, or give back what an image.Part cannot be.
func FlipBytes(t testing.TB, f image.Format, sample []byte, n int, seed uint64) {
	t.Helper()
	sound(t, f, sample)
	r := rand.New(rand.NewPCG(seed, uint64(len(sample))))
	for i := range n {
		b := append([]byte(nil), sample...)
		var what string
		for range 1 + r.IntN(3) {
			at := place(r, len(b))
			old := b[at]
			switch r.IntN(5) {
			case 0:
				b[at] = 0
			case 1:
				b[at] = 0xff
			case 2:
				b[at] ^= 1 << r.IntN(8)
			case 3: // a length or an offset that is off by little
				b[at] += byte(1 - 2*r.IntN(2))
			default:
				b[at] = byte(r.Uint32())
			}
			what += fmt.Sprintf(" %#x: %#02x→%#02x", at, old, b[at])
		}
		Read(t, f, b, fmt.Sprintf("seed %d, flip %d:%s", seed, i, what))
	}
}

// place draws a place, every other time near the beginning or the end, where headers
// and tables are.
func place(r *rand.Rand, n int) int {
	switch near := min(n, 512); r.IntN(4) {
	case 0:
		return r.IntN(near)
	case 1:
		return n - 1 - r.IntN(near)
	}
	return r.IntN(n)
}

// Truncate reads the sample cut off at every hundredth of it.
func Truncate(t testing.TB, f image.Format, sample []byte) {
	t.Helper()
	sound(t, f, sample)
	for i := range 100 {
		n := len(sample) * i / 100
		Read(t, f, sample[:n:n], fmt.Sprintf("cut off at %d %%", i))
	}
}

// sound refuses a sample that is none.
func sound(t testing.TB, f image.Format, sample []byte) {
	t.Helper()
	p, _ := Read(t, f, sample, "the sample")
	if p == nil || p.State != image.Understood {
		t.Fatalf("%s: the sample is not understood: %+v", f.Name, p)
	}
}

// Read opens b, reads all files of what it gives, and checks it. what says in a failure
// what b is. The part is nil where b is of another format or beyond the bounds.
func Read(t testing.TB, f image.Format, b []byte, what string) (p *image.Part, err error) {
	t.Helper()
	start := time.Now()
	defer func() {
		if r := recover(); r != nil {
			t.Fatalf("%s: %s: it panics: %v", f.Name, what, r)
		}
		if d := time.Since(start); d > Slow {
			t.Errorf("%s: %s: it took %s", f.Name, what, d)
		}
	}()
	p, err = f.Open(b, image.NewBudget(t.Context(), Bounds))
	switch {
	case errors.Is(err, image.ErrNot) || errors.Is(err, image.ErrBounds):
		if p != nil {
			t.Errorf("%s: %s: a part and an error: %v", f.Name, what, err)
		}
		return nil, err
	case err != nil:
		t.Errorf("%s: %s: an error that is neither ErrNot nor the budget's: %v", f.Name, what, err)
		return nil, err
	case p == nil:
		t.Fatalf("%s: %s: neither a part nor an error", f.Name, what)
	}
	if problem := Check(p, int64(len(b))); problem != "" {
		t.Errorf("%s: %s: %s", f.Name, what, problem)
	}
	return p, nil
}

// Check says what is wrong with a reader's part of size bytes at most; "" is right.
func Check(p *image.Part, size int64) string {
	switch {
	case p.Size <= 0 || p.Size > size:
		return fmt.Sprintf("a part of %d bytes in %d", p.Size, size)
	case p.State != image.Understood && p.State != image.Damaged:
		return fmt.Sprintf("state %q", p.State)
	case (p.State == image.Damaged) != (p.Problem != ""):
		return fmt.Sprintf("%s, and the problem is %q", p.State, p.Problem)
	case p.Format == "":
		return "no format"
	}
	for _, s := range p.Streams {
		if s.Size != 0 && (s.Offset < 0 || s.Size < 0 || s.Offset+s.Size > p.Size || int64(len(s.Data)) != s.Size) {
			return fmt.Sprintf("stream %s of %d bytes at %d, with %d of data, in a part of %d", s.Name, s.Size, s.Offset, len(s.Data), p.Size)
		}
	}
	if p.Tree == nil {
		return ""
	}
	if err := p.Tree.Finish(); err != nil {
		return err.Error()
	}
	var read int64
	wrong := ""
	err := p.Tree.Walk(func(path string, n *image.Node) error {
		switch {
		case n.Kind != image.File:
		case n.Size < 0:
			wrong = fmt.Sprintf("%s has %d bytes", path, n.Size)
		case n.Size+read > Bounds.Bytes: // charged again and again for one content
		default:
			b, err := n.Data()
			read += n.Size
			if err == nil && int64(len(b)) != n.Size {
				wrong = fmt.Sprintf("%s has %d bytes instead of %d", path, len(b), n.Size)
			}
		}
		return nil
	})
	if err != nil {
		return err.Error()
	}
	return wrong
}

// Named finds the reader of a format.
func Named(t testing.TB, formats []image.Format, name string) image.Format {
	t.Helper()
	for _, f := range formats {
		if f.Name == name {
			return f
		}
	}
	t.Fatal("no format " + name)
	return image.Format{}
}
