package mqtt

import (
	"bytes"
	"testing"
)

func TestPacket(t *testing.T) {
	for _, n := range []int{0, 1, 127, 128, 16_383, 16_384, 60_000} {
		kind, body, err := read(bytes.NewReader(packet(0x30, make([]byte, n))))
		if err != nil || kind != 0x30 || len(body) != n {
			t.Errorf("%d: %d, %v", n, len(body), err)
		}
	}
	if _, _, err := read(bytes.NewReader([]byte{0x30, 0xff, 0xff, 0xff, 0xff, 1})); err == nil {
		t.Error("a length without end was taken")
	}
	if _, _, err := read(bytes.NewReader(packet(0x30, make([]byte, maxPacket+1)))); err == nil {
		t.Error("too much was taken")
	}
}

func FuzzRead(f *testing.F) {
	f.Add(connect("u", "p", true))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, body, err := read(bytes.NewReader(b)); err == nil && len(body) > len(b) {
			t.Error("more than there is")
		}
	})
}
