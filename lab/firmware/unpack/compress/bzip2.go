package compress

import (
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
)

// bzip2Stream unpacks one bzip2 stream and all that follow on it at once.
func bzip2Stream(out *sink, src []byte) (int, error) {
	used := 0
	for {
		rest := src[used:]
		if len(rest) < 10 || string(rest[:3]) != "BZh" || rest[3] < '1' || rest[3] > '9' || !bzip2Block(rest[4:10]) {
			if used > 0 {
				return used, nil
			}
			return 0, corrupt("bzip2: no header")
		}
		r := &bzip2Reader{src: rest}
		z := bzip2.NewReader(r)
		for {
			if err := out.grow(used+r.at, 1<<62); err != nil {
				return used + r.at, err
			}
			n, err := z.Read(out.buf[len(out.buf):cap(out.buf)])
			out.buf = out.buf[:len(out.buf)+n]
			if err == io.EOF {
				break
			}
			if errors.Is(err, io.ErrUnexpectedEOF) {
				return used + r.at, fmt.Errorf("bzip2: %w", ErrShort)
			}
			if err != nil {
				return used + r.at, corrupt("%v, at byte %d", err, used+r.at)
			}
		}
		used += r.at
	}
}

const (
	bzip2Data = 0x314159265359 // begins a block
	bzip2End  = 0x177245385090 // and the end of the stream
)

func bzip2Block(b []byte) bool {
	var v uint64
	for _, x := range b {
		v = v<<8 | uint64(x)
	}
	return v == bzip2Data || v == bzip2End
}

// bzip2Reader ends where the stream does: 32 bits behind the mark of the end,
// which may begin at any bit, and up to the next whole byte. The library would
// read on and take what follows for a further stream.
type bzip2Reader struct {
	src    []byte
	at     int
	window uint64
	end    int
}

func (r *bzip2Reader) ReadByte() (byte, error) {
	if r.at >= len(r.src) || r.end > 0 && r.at >= r.end {
		return 0, io.EOF
	}
	b := r.src[r.at]
	r.at++
	r.window = r.window<<8 | uint64(b)
	if r.end == 0 {
		for shift := range 8 {
			if r.window>>shift&(1<<48-1) == bzip2End && r.at*8-shift >= 80 {
				r.end = (r.at*8 - shift + 32 + 7) / 8
			}
		}
	}
	return b, nil
}

func (r *bzip2Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	b, err := r.ReadByte()
	if err != nil {
		return 0, err
	}
	p[0] = b
	return 1, nil
}
