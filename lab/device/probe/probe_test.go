package probe

import (
	"net"
	"net/netip"
	"testing"

	"assay/lab/device/wire"
)

func TestConsent(t *testing.T) {
	for s, want := range map[string]Consent{
		"": {}, "sign-in": {SignIn: true}, "guess": {SignIn: true, Guess: true}, "write, sign-in": {SignIn: true, Write: true},
	} {
		if got, err := ParseConsent(s); err != nil || got != want {
			t.Errorf("%q: %+v, %v", s, got, err)
		}
	}
	if _, err := ParseConsent("everything"); err == nil {
		t.Error("consent to what does not exist")
	}
}

// A connection that a probe closed gives back its slot, also behind TLS.
func TestDial(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	link, err := wire.New(netip.MustParseAddr("127.0.0.1"), wire.Options{Open: 1})
	if err != nil {
		t.Fatal(err)
	}
	e := &Env{Link: link, Port: wire.Port{Transport: wire.TCP, Number: uint16(l.Addr().(*net.TCPAddr).Port)}, Host: "::1"}
	for range 3 {
		c, err := e.Dial(t.Context(), "again")
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	if got := e.Place().Address; got != "[::1]:"+l.Addr().String()[len("127.0.0.1:"):]+"/tcp" {
		t.Error(got)
	}
}
