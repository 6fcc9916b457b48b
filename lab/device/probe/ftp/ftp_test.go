package ftp

import (
	"bufio"
	"strings"
	"testing"
)

func TestGreets(t *testing.T) {
	for s, want := range map[string]bool{"220 (vsFTPd 3.0.3)\r\n": true, "220-long\r\n220 end\r\n": true, "220 mail ESMTP Postfix\r\n": false, "SSH-2.0": false, "530 no\r\n": true} {
		if got := Probe.Greets([]byte(s)); got != want {
			t.Errorf("%q: %v", s, got)
		}
	}
	if got := oneLine("a\r\nDELE x"); strings.ContainsAny(got, "\r\n") {
		t.Error("a credential is two commands")
	}
}

func FuzzReply(f *testing.F) {
	f.Add("211-Features:\r\n AUTH TLS\r\n211 End\r\n")
	f.Fuzz(func(t *testing.T, s string) {
		k := &control{b: bufio.NewReader(strings.NewReader(s))}
		if r, err := k.reply(); err == nil && len(r) > len(s) {
			t.Errorf("%q is more than there is", r)
		}
	})
}
