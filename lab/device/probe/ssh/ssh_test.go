package ssh

import (
	"bytes"
	"strings"
	"testing"
)

func TestLine(t *testing.T) {
	if got, err := line(strings.NewReader("hello\r\nSSH-2.0-dropbear_2012.55\r\n")); err != nil || got != "SSH-2.0-dropbear_2012.55" {
		t.Error(got, err)
	}
	for _, s := range []string{"", "HTTP/1.0\r\n", strings.Repeat("x\n", 30), strings.Repeat("x", 5000)} {
		if _, err := line(strings.NewReader(s)); err == nil {
			t.Errorf("%.20q was taken", s)
		}
	}
}

func FuzzOffer(f *testing.F) {
	list := func(s string) string { return string([]byte{0, 0, 0, byte(len(s))}) + s }
	body := "\x14" + strings.Repeat("c", 16) + list("curve25519-sha256,diffie-hellman-group1-sha1") + strings.Repeat(list("x"), 9) + "\x00\x00\x00\x00\x00"
	f.Add([]byte("\x00\x00\x00" + string([]byte{byte(len(body) + 5), 4}) + body + "pad!"))
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := readOffer(bytes.NewReader(b))
		if err == nil && o == nil {
			t.Error("neither")
		}
	})
}
