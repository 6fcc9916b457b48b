package unpacktest

import (
	"bytes"
	"testing"

	"assay/lab/firmware/image"
)

// A reader of a length and as many bytes; naive trusts the length.
func reader(naive bool) image.Format {
	return image.Format{Name: "counted", Magic: []image.Magic{{Bytes: "cnt"}}, Open: func(b []byte, _ *image.Budget) (*image.Part, error) {
		if !bytes.HasPrefix(b, []byte("cnt")) || len(b) < 4 {
			return nil, image.ErrNot
		}
		p := &image.Part{Format: "counted", State: image.Understood, Size: 4 + int64(b[3])}
		if p.Size > int64(len(b)) {
			if naive {
				_ = b[p.Size]
			}
			p.State, p.Problem, p.Size = image.Damaged, "cut off", int64(len(b))
		}
		return p, nil
	}}
}

// fails runs f with a test of its own that may fail.
func fails(f func(t testing.TB)) bool {
	seen := &seen{}
	done := make(chan bool)
	go func() {
		defer close(done)
		f(seen)
	}()
	<-done
	return seen.failed
}

func TestHolds(t *testing.T) {
	sample := append([]byte("cnt\x20"), make([]byte, 32)...)
	FlipBytes(t, reader(false), sample, 200, 1)
	Truncate(t, reader(false), sample)
	for what, f := range map[string]func(testing.TB){
		"flips":         func(t testing.TB) { FlipBytes(t, reader(true), sample, 200, 1) },
		"truncation":    func(t testing.TB) { Truncate(t, reader(true), sample) },
		"a bad sample":  func(t testing.TB) { Truncate(t, reader(false), sample[:9]) },
		"another thing": func(t testing.TB) { Truncate(t, reader(false), []byte("something else")) },
	} {
		if !fails(f) {
			t.Errorf("%s: passed", what)
		}
	}
}

func TestCheck(t *testing.T) {
	tree := func(n *image.Node) *image.Part {
		tree := image.NewTree()
		tree.Root.Children = []*image.Node{n}
		return &image.Part{Size: 1, State: image.Understood, Format: "x", Tree: tree}
	}
	for what, p := range map[string]*image.Part{
		"size":   {Size: 11, State: image.Understood, Format: "x"},
		"state":  {Size: 1, Format: "x"},
		"silent": {Size: 1, State: image.Damaged, Format: "x"},
		"format": {Size: 1, State: image.Understood},
		"stream": {Size: 1, State: image.Understood, Format: "x", Streams: []image.Stream{{Offset: 1, Size: 1, Data: []byte("x")}}},
		"name":   tree(&image.Node{Name: "a/b", Kind: image.File}),
		"bytes":  tree(&image.Node{Name: "a", Kind: image.File, Size: -1}),
	} {
		if Check(p, 10) == "" {
			t.Errorf("%s: passed", what)
		}
	}
	if problem := Check(tree(&image.Node{Name: "a", Kind: image.File}), 10); problem != "" {
		t.Error(problem)
	}
}
