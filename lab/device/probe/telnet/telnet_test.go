package telnet

import (
	"bytes"
	"testing"
)

func TestPlain(t *testing.T) {
	for _, c := range []struct{ in, text, reply, rest string }{
		{"hello", "hello", "", ""},
		{"\xff\xfd\x01\xff\xfb\x03login: ", "login: ", "\xff\xfc\x01\xff\xfe\x03", ""},
		{"a\xff\xffb", "a\xffb", "", ""},
		{"x\xff\xfa\x18\x01\xff\xf0y", "xy", "", ""},
		{"x\xff", "x", "", "\xff"},
		{"x\xff\xfd", "x", "", "\xff\xfd"},
		{"x\xff\xfa\x18", "x", "", "\xff\xfa\x18"},
	} {
		text, reply, rest := plain([]byte(c.in))
		if string(text) != c.text || string(reply) != c.reply || string(rest) != c.rest {
			t.Errorf("%q: %q %q %q", c.in, text, reply, rest)
		}
	}
}

func TestGreets(t *testing.T) {
	for s, want := range map[string]bool{
		"\xff\xfd\x01": true, "\r\nrouter login: ": true, "BusyBox v1.35\r\n\r\n# ": true, "SSH-2.0-x\r\n": false, "220 ftp ready\r\n": false, "Password: ": true, "* OK IMAP\r\n": false,
	} {
		if got := Probe.Greets([]byte(s)); got != want {
			t.Errorf("%q: %v", s, got)
		}
	}
}

// However the bytes are cut, the text is the same.
func FuzzPlain(f *testing.F) {
	f.Add([]byte("a\xff\xfd\x01b\xff\xfa\x18\x00\xff\xf0c\xff\xffd"), 3)
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		if len(b) > 900 {
			return
		}
		whole, _, _ := plain(b)
		cut = max(0, min(cut, len(b)))
		first, _, rest := plain(b[:cut])
		second, _, _ := plain(append(rest, b[cut:]...))
		if !bytes.Equal(whole, append(first, second...)) {
			t.Errorf("%q cut at %d", b, cut)
		}
	})
}
