package tftp

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"assay/lab/device/probe"
	"assay/lab/device/wire"
)

// A server that hands out one name from a port of its own.
func TestLook(t *testing.T) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go func() {
		b := make([]byte, 2000)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			other, err := net.ListenPacket("udp", "127.0.0.1:0")
			if err != nil {
				return
			}
			if string(b[:n]) == string(request(opRead, "config")) {
				_, _ = other.WriteTo([]byte("\x00\x03\x00\x01x"), from)
			} else {
				_, _ = other.WriteTo([]byte("\x00\x05\x00\x01no\x00"), from)
			}
			other.Close()
		}
	}()
	link, err := wire.New(netip.MustParseAddr("127.0.0.1"), wire.Options{Timeout: 500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	e := &probe.Env{Link: link, Host: "127.0.0.1", Port: wire.Port{Transport: wire.UDP, Number: uint16(c.LocalAddr().(*net.UDPAddr).Port)}}
	o, err := look(t.Context(), e)
	if err != nil || len(o.Told) != 1 || o.Told[0].Value != "config" || len(o.Findings) != 2 {
		t.Errorf("%+v, %v", o, err)
	}
}
