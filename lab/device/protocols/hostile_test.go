package protocols

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"assay/lab/device"
	"assay/lab/device/probe"
	"assay/lab/device/probe/tls"
	"assay/lab/device/scan"
	"assay/lab/device/wire"
)

// Times of the link to a hostile server: an answer, and a whole connection.
const (
	answerTime  = 40 * time.Millisecond
	sessionTime = 160 * time.Millisecond
)

// Bounds of one look: the most connections that a probe makes are those of TLS, which
// asks for each version and suite; and what a socket's buffers take beyond what is read.
const (
	maxLook     = 20 * time.Second // on a machine that has much else to do
	maxSentEach = 12 << 20
)

// begins are how each protocol's answers begin, so that a probe gets beyond its first
// check; giants are lengths that nobody has.
var begins = map[string]string{
	"http": "HTTP/1.1 200 OK\r\nServer: x\r\n\r\n", "rtsp": "RTSP/1.0 200 OK\r\nPublic: x\r\n\r\n", "ssh": "SSH-2.0-x\r\n", "ftp": "220 x\r\n", "telnet": "login: ",
	"mqtt": "\x20\x02\x00\x00", "dns": "\x01\x00\x53\x53\x80\x00", "tls": "\x16\x03\x03\x00\x40\x02\x00\x00\x3c\x03\x03",
}

var giants = map[string]string{
	"http": "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\n", "rtsp": "RTSP/1.0 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\n",
	"ssh": "SSH-2.0-x\r\n\xff\xff\xff\xff\x00\x14", "ftp": "220-" + strings.Repeat("x", 1<<16), "telnet": "\xff\xfa" + strings.Repeat("x", 1<<16),
	"mqtt": "\x20\xff\xff\xff\xff\xff", "dns": "\xff\xff", "tls": "\x16\x03\x03\xff\xff\x02\xff\xff\xff",
}

// A hostile is what a server does with a connection; begin is how the protocol's answers
// begin, and other an address that it would send its client to.
type hostile struct {
	name string
	do   func(c net.Conn, begin, giant, other string)
}

var hostiles = []hostile{
	{"endless", func(c net.Conn, begin, _, _ string) { endless(c, begin, []byte(strings.Repeat("A", 4096))) }},
	{"endless lines", func(c net.Conn, begin, _, _ string) { endless(c, begin, []byte(strings.Repeat("220-x: y\r\n", 400))) }},
	{"endless commands", func(c net.Conn, begin, _, _ string) { endless(c, begin, bytes.Repeat([]byte{255, 253, 1}, 1000)) }},
	{"drip", func(c net.Conn, begin, _, _ string) {
		for _, x := range []byte(begin + strings.Repeat("A", 100_000)) {
			if _, err := c.Write([]byte{x}); err != nil {
				return
			}
			time.Sleep(answerTime / 4)
		}
	}},
	{"closes", func(net.Conn, string, string, string) {}},
	{"begins and closes", func(c net.Conn, begin, _, _ string) { ask(c); io.WriteString(c, begin) }},
	{"random", func(c net.Conn, begin, _, _ string) {
		r := rand.NewChaCha8([32]byte{1})
		b := make([]byte, 2000)
		r.Read(b)
		io.WriteString(c, begin)
		c.Write(b)
		ask(c)
	}},
	{"giant", func(c net.Conn, _, giant, _ string) { ask(c); io.WriteString(c, giant); hold(c) }},
	{"elsewhere", func(c net.Conn, _, _, other string) {
		ask(c)
		fmt.Fprintf(c, "HTTP/1.1 302 Found\r\nLocation: http://%[1]s/\r\nLink: <http://%[1]s/>; rel=next\r\nRefresh: 0; url=http://%[1]s/\r\nContent-Length: 0\r\n\r\n", other)
	}},
	{"elsewhere, RTSP", func(c net.Conn, _, _, other string) {
		ask(c)
		fmt.Fprintf(c, "RTSP/1.0 302 Found\r\nLocation: rtsp://%s/\r\nContent-Length: 0\r\n\r\n", other)
	}},
	{"reset", func(c net.Conn, _, _, _ string) {
		ask(c)
		_ = c.(*net.TCPConn).SetLinger(0)
	}},
	{"silent", func(c net.Conn, _, _, _ string) { hold(c) }},
}

func endless(c net.Conn, begin string, block []byte) {
	io.WriteString(c, begin)
	for {
		if _, err := c.Write(block); err != nil {
			return
		}
	}
}

// ask waits for the client's first words.
func ask(c net.Conn) {
	_ = c.SetReadDeadline(time.Now().Add(answerTime / 2))
	_, _ = c.Read(make([]byte, 4096))
}

// hold waits for the client to go.
func hold(c net.Conn) {
	_ = c.SetReadDeadline(time.Time{})
	_, _ = io.Copy(io.Discard, c)
}

// counted counts what a server sends.
type counted struct {
	net.Conn
	sent *atomic.Int64
}

func (c counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.sent.Add(int64(n))
	return n, err
}

// peer is a hostile server.
type peer struct {
	port     uint16
	sent     atomic.Int64
	accepted atomic.Int64
	stop     func()
}

func tcpPeer(t *testing.T, h hostile, begin, giant, other string) *peer {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{port: uint16(l.Addr().(*net.TCPAddr).Port)}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.accepted.Add(1)
			wg.Go(func() {
				defer c.Close()
				if h.name == "reset" {
					h.do(c, begin, giant, other)
					return
				}
				h.do(counted{c, &p.sent}, begin, giant, other)
			})
		}
	})
	p.stop = func() { l.Close(); wg.Wait() }
	return p
}

// The same of UDP: what a datagram is answered with.
var datagrams = []struct {
	name string
	do   func(c net.PacketConn, from net.Addr, asked []byte, other string)
}{
	{"random", func(c net.PacketConn, from net.Addr, asked []byte, _ string) {
		r := rand.NewChaCha8([32]byte{2})
		b := make([]byte, 1200)
		for range 50 {
			r.Read(b)
			copy(b, asked[:min(4, len(asked))])
			c.WriteTo(b, from)
		}
	}},
	{"mirror", func(c net.PacketConn, from net.Addr, asked []byte, _ string) { c.WriteTo(asked, from) }},
	{"mirror as answer", func(c net.PacketConn, from net.Addr, asked []byte, _ string) {
		if len(asked) > 2 {
			asked[2] |= 0x80
		}
		c.WriteTo(asked, from)
	}},
	{"flood", func(c net.PacketConn, from net.Addr, asked []byte, _ string) {
		b := append(bytes.Clone(asked[:min(len(asked), 4)]), make([]byte, 60_000)...)
		for range 300 {
			c.WriteTo(b, from)
		}
	}},
	{"drip", func(c net.PacketConn, from net.Addr, asked []byte, _ string) {
		for range 100 {
			c.WriteTo(asked[:min(1, len(asked))], from)
			time.Sleep(answerTime / 4)
		}
	}},
	{"drip of answers", func(c net.PacketConn, from net.Addr, _ []byte, other string) {
		for i := range 100 {
			fmt.Fprintf(writer{c, from}, "HTTP/1.1 200 OK\r\nST: x%d\r\nLOCATION: http://%s/\r\n\r\n", i, other)
			time.Sleep(answerTime / 4)
		}
	}},
	{"empty", func(c net.PacketConn, from net.Addr, _ []byte, _ string) { c.WriteTo(nil, from) }},
	{"silent", func(net.PacketConn, net.Addr, []byte, string) {}},
	{"elsewhere", func(c net.PacketConn, from net.Addr, asked []byte, other string) {
		link := fmt.Sprintf("<coap://%[1]s/a>,<//%[1]s/b>,</../../c>", other)
		if len(asked) > 4 && asked[0] == 0x40 { // CoAP: 2.05
			c.WriteTo(append([]byte{0x60, 0x45, asked[2], asked[3], 0xff}, link...), from)
			return
		}
		fmt.Fprintf(writer{c, from}, "HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nUSN: uuid:x\r\nLOCATION: http://%s/desc.xml\r\n\r\n", other)
	}},
}

type writer struct {
	c  net.PacketConn
	to net.Addr
}

func (w writer) Write(b []byte) (int, error) { return w.c.WriteTo(b, w.to) }

func udpPeer(t *testing.T, do func(net.PacketConn, net.Addr, []byte, string), other string) *peer {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{port: uint16(c.LocalAddr().(*net.UDPAddr).Port)}
	var wg sync.WaitGroup
	wg.Go(func() {
		b := make([]byte, 65536)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			p.accepted.Add(1)
			asked := bytes.Clone(b[:n])
			wg.Go(func() { do(c, from, asked, other) })
		}
	})
	p.stop = func() { c.Close(); wg.Wait() }
	return p
}

// bystander is a server that nobody may be led to.
func bystander(t *testing.T) (addr string, visits *atomic.Int64, stop func()) {
	visits = &atomic.Int64{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u, err := net.ListenPacket("udp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			visits.Add(1)
			c.Close()
		}
	})
	wg.Go(func() {
		for {
			if _, _, err := u.ReadFrom(make([]byte, 1)); err != nil {
				return
			}
			visits.Add(1)
		}
	})
	return l.Addr().String(), visits, func() { l.Close(); u.Close(); wg.Wait() }
}

// No server holds a probe, fills its memory, leads it elsewhere or makes it panic.
func TestHostile(t *testing.T) {
	before := runtime.NumGoroutine()
	other, visits, stop := bystander(t)
	all := append(All(), probe.Probe{Name: "tls", Transport: wire.TCP, Look: tls.TLS{}.Look})
	var wg sync.WaitGroup
	slots := make(chan struct{}, 24) // they wait more than they work
	look := func(p probe.Probe, name string, s *peer) {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			defer s.stop()
			l, err := wire.New(netip.MustParseAddr("127.0.0.1"), wire.Options{Rate: 10_000, Timeout: answerTime, Session: sessionTime})
			if err != nil {
				t.Error(err)
				return
			}
			e := &probe.Env{Link: l, Port: wire.Port{Transport: p.Transport, Number: s.port}, Host: "127.0.0.1", At: time.Now()}
			begin := time.Now()
			o, err := p.Look(t.Context(), e)
			if took := time.Since(begin); took > maxLook {
				t.Errorf("%s, %s: took %v", p.Name, name, took)
			}
			if o == nil && err == nil {
				t.Errorf("%s, %s: neither observation nor error", p.Name, name)
			}
			if n, most := s.sent.Load(), maxSentEach*max(1, s.accepted.Load()); n > most {
				t.Errorf("%s, %s: took %d bytes on %d connections", p.Name, name, n, s.accepted.Load())
			}
			for _, x := range l.Sessions() {
				if x.Port != e.Port {
					t.Errorf("%s, %s: went to %s", p.Name, name, x.Port)
				}
			}
		})
	}
	for _, p := range all {
		if p.Transport == wire.UDP {
			for _, d := range datagrams {
				look(p, d.name, udpPeer(t, d.do, other))
			}
			continue
		}
		for _, h := range hostiles {
			look(p, h.name, tcpPeer(t, h, "", giants[p.Name], other))
			look(p, h.name+", well begun", tcpPeer(t, h, begins[p.Name], giants[p.Name], other))
		}
	}
	wg.Wait()
	stop()
	if n := visits.Load(); n > 0 {
		t.Errorf("%d times somebody was led elsewhere", n)
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	stack := make([]byte, 1<<20)
	t.Errorf("%d goroutines are left over, of %d:\n%s", runtime.NumGoroutine()-before, before, stack[:runtime.Stack(stack, true)])
}

// A whole run against a port that holds whoever comes ends, and says so.
func TestHeld(t *testing.T) {
	var drip hostile
	for _, h := range hostiles {
		if h.name == "drip" {
			drip = h
		}
	}
	s := tcpPeer(t, drip, begins["http"], "", "")
	defer s.stop()
	begin := time.Now()
	r, err := device.Run(t.Context(), device.Options{
		Name: "127.0.0.1", Addr: netip.MustParseAddr("127.0.0.1"), Probes: []probe.Probe{{
			Name: "held", Transport: wire.TCP,
			Greets: func([]byte) bool { return true },
			Look: func(ctx context.Context, e *probe.Env) (*probe.Observation, error) {
				c, err := e.Dial(ctx, "held")
				if err != nil {
					return nil, err
				}
				defer c.Close()
				_, err = io.Copy(io.Discard, c)
				return nil, err
			},
		}},
		TCP: scan.Ports{s.port}, Link: wire.Options{Timeout: time.Second, Session: time.Minute}, Patience: 300 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took > 15*time.Second || len(r.Services) != 1 || !strings.Contains(r.Services[0].Problem, "longer than is waited") {
		t.Errorf("%v: %+v", took, r.Services)
	}
	if r.End.Before(r.Begin) {
		t.Error("it ended before it began")
	}
}
