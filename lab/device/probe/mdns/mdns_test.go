package mdns

import (
	"net"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"assay/lab/device/probe"
	"assay/lab/device/wire"
)

// A responder that announces one printer, and its address or not.
func responder(t *testing.T, txt string) *probe.Env {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	go func() {
		b := make([]byte, 2000)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			var q dnsmessage.Message
			if q.Unpack(b[:n]) != nil || len(q.Questions) != 1 {
				continue
			}
			name := q.Questions[0].Name
			head := dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET}
			m := dnsmessage.Message{Header: dnsmessage.Header{ID: q.ID, Response: true}}
			kind, instance := dnsmessage.MustNewName("_ipp._tcp.local."), dnsmessage.MustNewName("SPECIMEN._ipp._tcp.local.")
			if name.String() == "_services._dns-sd._udp.local." {
				m.Answers = []dnsmessage.Resource{{Header: head, Body: &dnsmessage.PTRResource{PTR: kind}}}
			} else {
				m.Answers = []dnsmessage.Resource{{Header: head, Body: &dnsmessage.PTRResource{PTR: instance}}}
				m.Additionals = []dnsmessage.Resource{
					{Header: dnsmessage.ResourceHeader{Name: instance, Class: dnsmessage.ClassINET}, Body: &dnsmessage.SRVResource{Port: 631, Target: dnsmessage.MustNewName("p.local.")}},
					{Header: dnsmessage.ResourceHeader{Name: instance, Class: dnsmessage.ClassINET}, Body: &dnsmessage.TXTResource{TXT: []string{txt}}},
				}
			}
			out, err := m.Pack()
			if err == nil {
				_, _ = c.WriteTo(out, from)
			}
		}
	}()
	link, err := wire.New(netip.MustParseAddr("127.0.0.1"), wire.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &probe.Env{Link: link, Host: "127.0.0.1", Port: wire.Port{Transport: wire.UDP, Number: uint16(c.LocalAddr().(*net.UDPAddr).Port)}}
}

func TestTwins(t *testing.T) {
	for txt, want := range map[string]int{"serial=SPL0042": 1, "mac=00:11:22:33:44:55": 1, "rp=printer": 0} {
		o, err := look(t.Context(), responder(t, txt))
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, p := range o.Told {
			told = append(told, p.Value)
		}
		if len(o.Findings) != want || !slices.Contains(told, "SPECIMEN._ipp._tcp.local.") || !slices.Contains(told, txt) {
			t.Errorf("%s: %v %v", txt, told, o.Findings)
		}
	}
}
