package coap

import "testing"

func TestParse(t *testing.T) {
	// 2.05, options Content-Format 40 and Block2 with more, then the payload.
	b := []byte("\x60\x45\x12\x34\xc1\x28\xb1\x0e\xff</a>;rt=\"x\"")
	m, err := parse(b, 0x1234)
	if err != nil || m.String() != "2.05" || string(m.payload) != `</a>;rt="x"` || !m.more {
		t.Errorf("%+v, %v", m, err)
	}
	for _, bad := range []string{"", "\x60\x45\x12\x35", "\x20\x45\x12\x34", "\x60\x45\x12\x34\xf1\x28", "\x60\x45\x12\x34\x15\x28", "\x69\x45\x12\x34"} {
		if _, err := parse([]byte(bad), 0x1234); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	if got := string(get(1, "/.well-known/core")); got != "\x40\x01\x00\x01\xbb.well-known\x04core" {
		t.Errorf("%q", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("\x60\x45\x12\x34\xc1\x28\xff</a>"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := parse(b, 0x1234); err == nil && len(m.payload) > len(b) {
			t.Error("more than there is")
		}
	})
}
