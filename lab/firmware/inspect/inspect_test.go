package inspect

import (
	"strings"
	"testing"
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
