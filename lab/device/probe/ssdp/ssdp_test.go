package ssdp

import (
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"assay/lab"
	"assay/lab/device/probe"
	"assay/lab/device/wire"
)

func answering(t *testing.T, replies ...string) *probe.Env {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	go func() {
		b := make([]byte, 2000)
		for {
			_, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			for _, r := range replies {
				_, _ = c.WriteTo([]byte(r), from)
			}
		}
	}()
	link, err := wire.New(netip.MustParseAddr("127.0.0.1"), wire.Options{Timeout: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return &probe.Env{Link: link, Host: "127.0.0.1", Port: wire.Port{Transport: wire.UDP, Number: uint16(c.LocalAddr().(*net.UDPAddr).Port)}}
}

func TestTwins(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nSERVER: Linux/2.6 UPnP/1.0 MiniUPnPd/1.4\r\nLOCATION: http://192.0.2.1:5000/rootDesc.xml\r\nUSN: uuid:1234::x\r\nST: "
	for st, want := range map[string]bool{"urn:schemas-upnp-org:service:WANIPConnection:1": true, "upnp:rootdevice": false} {
		o, err := look(t.Context(), answering(t, head+st+"\r\n\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.ContainsFunc(o.Findings, func(f lab.Finding) bool { return f.Rule == "ssdp.port-mapping" }); got != want {
			t.Errorf("%s: %+v", st, o)
		}
		if o.Product == "" || !slices.ContainsFunc(o.Told, func(p lab.Property) bool { return p.Name == "location" }) {
			t.Errorf("%+v", o)
		}
	}
	if o, err := look(t.Context(), answering(t, "what?")); err == nil {
		t.Errorf("%+v", o)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nST: x\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := parse(b); err == nil && len(h) == 0 {
			t.Error("nothing was taken")
		}
	})
}
