package inspect

import (
	"fmt"
	"strings"
	"testing"

	"assay/lab/firmware/image"
)

func TestText(t *testing.T) {
	for s, want := range map[string]bool{"": false, "#!/bin/sh\n": true, "root::0:0\n": true, "\x7fELF\x01": false, "Gr\xfc\xdfe aus dem Router\n": true, "\xff\xfe\xfd\xfc": false, "안녕하세요": true, strings.Repeat("한", 30_000): true} {
		if got := NewFile(nil, "/f", nil, []byte(s), [32]byte{}).Text(); got != want {
			t.Errorf("%q: %v", s, got)
		}
	}
}

func TestELF(t *testing.T) {
	if NewFile(nil, "/f", nil, []byte("\x7fELF, and no more"), [32]byte{}).ELF() != nil {
		t.Error("a program out of nothing")
	}
}

func TestOutside(t *testing.T) {
	raw := []byte("HEADkernelGAPsquashEND")
	inner := &image.Part{ID: "k", Offset: 4, Size: 6, State: image.Understood, Raw: raw[4:10]}
	tree := &image.Part{ID: "t", Offset: 13, Size: 6, Tree: image.NewTree(), Raw: raw[13:19]}
	outer := &image.Part{ID: "o", Raw: raw, Parts: []*image.Part{inner, tree}}
	stream := &image.Part{ID: "z", Raw: []byte("packed"), Streams: []image.Stream{{Data: []byte("plain")}}, Parts: []*image.Part{{ID: "z/0", Out: true, Raw: []byte("plain")}}}
	pad := &image.Part{ID: "p", State: image.Padding, Raw: []byte("....")}
	var got []string
	Outside([]*image.Part{outer, stream, pad}, func(p *image.Part, offset int64, b []byte) {
		got = append(got, fmt.Sprintf("%s+%d=%s", p.ID, offset, b))
	})
	if s := strings.Join(got, " "); s != "k+0=kernel o+0=HEAD o+10=GAP o+19=END z/0+0=plain" {
		t.Error(s)
	}
}
