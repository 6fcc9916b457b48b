package scan

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"assay/lab/device/wire"
)

func TestPorts(t *testing.T) {
	for s, want := range map[string]string{"80,22,81": "22,80-81", "1-3,2-5": "1-5", "all": "1-65535", "65535": "65535"} {
		ps, err := ParsePorts(s)
		if err != nil || ps.String() != want {
			t.Errorf("%s: %s, %v", s, ps, err)
		}
	}
	for _, s := range []string{"", "0", "65536", "5-2", "x", "1,,2", "-1"} {
		if _, err := ParsePorts(s); err == nil {
			t.Errorf("%q was taken", s)
		}
	}
}

func FuzzParsePorts(f *testing.F) {
	f.Add("22,80-90")
	f.Fuzz(func(t *testing.T, s string) {
		ps, err := ParsePorts(s)
		if err != nil {
			return
		}
		again, err := ParsePorts(ps.String())
		if err != nil || !slices.Equal(ps, again) {
			t.Errorf("%q: %s", s, ps)
		}
	})
}

func TestScan(t *testing.T) {
	open, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	answers, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer answers.Close()
	go func() {
		b := make([]byte, 2000)
		for {
			_, from, err := answers.ReadFrom(b)
			if err != nil {
				return
			}
			answers.WriteTo([]byte("yes"), from)
		}
	}()
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	tcp := func(l net.Listener) uint16 { return uint16(l.Addr().(*net.TCPAddr).Port) }
	udp := func(c net.PacketConn) uint16 { return uint16(c.LocalAddr().(*net.UDPAddr).Port) }

	l, err := wire.New(netip.MustParseAddr("127.0.0.1"), wire.Options{Timeout: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	r, err := Scan(t.Context(), l, Options{
		TCP:      Ports{tcp(gone), tcp(open)},
		UDP:      Ports{udp(answers), udp(silent), 9},
		Progress: func(done, all int) { calls++ },
	})
	if err != nil {
		t.Fatal(err)
	}
	for p, want := range map[wire.Port]State{
		{Transport: wire.TCP, Number: tcp(open)}:    Open,
		{Transport: wire.TCP, Number: tcp(gone)}:    Closed,
		{Transport: wire.UDP, Number: udp(answers)}: Open,
		{Transport: wire.UDP, Number: udp(silent)}:  OpenFiltered,
		{Transport: wire.UDP, Number: 9}:            Closed,
	} {
		if r.States[p] != want {
			t.Errorf("%s: %s, not %s", p, r.States[p], want)
		}
	}
	if calls != 5 || r.Counts[wire.UDP][Closed] != 1 || r.With(wire.TCP, Open).String() != (Ports{tcp(open)}).String() {
		t.Errorf("%d %v", calls, r.Counts)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Scan(ctx, l, Options{TCP: Ports{1, 2, 3}}); !errors.Is(err, context.Canceled) {
		t.Errorf("ended: %v", err)
	}
}

// Every question is one datagram, and the ports that have one are scanned.
func TestQuestions(t *testing.T) {
	ps := UDPPorts()
	for p, q := range questions {
		if len(q) == 0 || len(q) > 1200 || !slices.Contains(ps, p) {
			t.Errorf("port %d", p)
		}
	}
	if !slices.IsSorted(ps) || len(ps) < 30 {
		t.Error(ps)
	}
}
