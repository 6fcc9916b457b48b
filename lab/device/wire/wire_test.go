package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

var loopback = netip.MustParseAddr("127.0.0.1")

func echo(t *testing.T) uint16 {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); io.Copy(c, c) }()
		}
	}()
	return uint16(l.Addr().(*net.TCPAddr).Port)
}

func TestSession(t *testing.T) {
	l, err := New(loopback, Options{Timeout: 200 * time.Millisecond, Open: 1})
	if err != nil {
		t.Fatal(err)
	}
	port := echo(t)
	s, err := l.Dial(t.Context(), Port{TCP, port}, "say hello")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write([]byte("user secret!")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	n, err := s.Read(b)
	if err != nil || string(b[:n]) != "user secret!" {
		t.Errorf("%q, %v", b[:n], err)
	}
	if _, err := s.Read(b); err == nil {
		t.Error("read without an answer did not end")
	}
	// The one slot is taken.
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := l.Try(ctx, port); err == nil {
		t.Error("two at once")
	}
	s.Hide("secret!")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err == nil {
		t.Error("closed twice") // would give a slot back that it has not
	}
	if err := l.Try(t.Context(), port); err != nil {
		t.Error(err)
	}
	chunks, cut := l.Sessions()[0].Record()
	if len(chunks) != 2 || cut || !chunks[0].Sent || string(chunks[1].Data) != "user *******" {
		t.Errorf("%+v %v", chunks, cut)
	}
	if opened, _ := l.Count(); opened != 2 {
		t.Error(opened)
	}
}

func TestRecordIsBounded(t *testing.T) {
	l, err := New(loopback, Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Dial(t.Context(), Port{TCP, echo(t)}, "much")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Write(bytes.Repeat([]byte("x"), maxRecord+1)); err != nil {
		t.Fatal(err)
	}
	if chunks, cut := s.Record(); !cut || len(chunks) != 1 || len(chunks[0].Data) != maxRecord {
		t.Errorf("%d %v", len(chunks), cut)
	}
}

// A device that sends a byte now and then, or without end, does not hold a connection.
func TestSessionEnds(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for fast := false; ; fast = true {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				b := []byte("x")
				if fast {
					b = make([]byte, 64<<10)
				}
				for {
					if _, err := c.Write(b); err != nil {
						return
					}
					if !fast {
						time.Sleep(10 * time.Millisecond)
					}
				}
			}()
		}
	}()
	link, err := New(loopback, Options{Timeout: 200 * time.Millisecond, Session: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	port := Port{TCP, uint16(l.Addr().(*net.TCPAddr).Port)}
	slow, err := link.Dial(t.Context(), port, "slow")
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	if n, err := io.Copy(io.Discard, slow); err == nil || n == 0 {
		t.Errorf("%d bytes, %v", n, err)
	}
	if _, err := slow.Write([]byte("x")); !errors.Is(err, ErrLong) {
		t.Errorf("wrote after the end: %v", err)
	}
	if link, err = New(loopback, Options{Timeout: 10 * time.Second}); err != nil {
		t.Fatal(err)
	}
	fast, err := link.Dial(t.Context(), port, "fast")
	if err != nil {
		t.Fatal(err)
	}
	defer fast.Close()
	if n, err := io.Copy(io.Discard, fast); n != maxRead || !errors.Is(err, ErrMuch) {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// A server of UDP may answer from another port, never from another address.
func TestDialAny(t *testing.T) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	other, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	link, err := New(loopback, Options{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	s, err := link.DialAny(t.Context(), uint16(server.LocalAddr().(*net.UDPAddr).Port), "any")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Write([]byte("ask")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	_, from, err := server.ReadFrom(b)
	if err != nil {
		t.Fatal(err)
	}
	if stranger, err := net.ListenPacket("udp", "127.0.0.2:0"); err == nil { // Linux has all of 127/8
		defer stranger.Close()
		if _, err := stranger.WriteTo([]byte("stranger"), from); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := other.WriteTo([]byte("answer"), from); err != nil {
		t.Fatal(err)
	}
	n, err := s.Read(b)
	if err != nil || string(b[:n]) != "answer" {
		t.Errorf("%q, %v", b[:n], err)
	}
	if _, err := s.Write([]byte("enough")); err != nil {
		t.Fatal(err)
	}
	n, _, err = other.ReadFrom(b)
	if err != nil || string(b[:n]) != "enough" {
		t.Errorf("%q, %v", b[:n], err)
	}
	if chunks, _ := link.Sessions()[0].Record(); len(chunks) != 3 {
		t.Errorf("%d chunks recorded", len(chunks))
	}
}

func TestHide(t *testing.T) {
	s := &Session{record: []Chunk{{true, []byte("pass")}, {false, []byte("pa")}, {true, []byte("word\r\n")}, {false, []byte("ssword, password")}}}
	s.Hide("password")
	s.Hide("")
	want := []string{"****", "**", "****\r\n", "******, ********"}
	for i, c := range s.record {
		if string(c.Data) != want[i] {
			t.Errorf("%d: %q", i, c.Data)
		}
	}
}

// The rate holds: with a clock that stands still each connection waits longer.
func TestRate(t *testing.T) {
	l, err := New(loopback, Options{Rate: 100})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	l.now = func() time.Time { return now }
	for range 5 {
		if err := l.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := l.next.Sub(now); got != 50*time.Millisecond {
		t.Error(got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l.next = now.Add(time.Hour)
	if err := l.Wait(ctx); err == nil {
		t.Error("waited after the end")
	}
}

func TestRefuses(t *testing.T) {
	for _, a := range []string{"0.0.0.0", "224.0.0.251", "255.255.255.255", "ff02::fb", "::"} {
		if _, err := New(netip.MustParseAddr(a), Options{}); err == nil {
			t.Errorf("%s was taken", a)
		}
	}
	for _, o := range []Options{{Rate: -1}, {Rate: 1e6}, {Open: -1}, {Timeout: -1}, {Timeout: time.Second, Session: time.Millisecond}} {
		if _, err := New(loopback, o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
	if _, _, err := Resolve(t.Context(), "no such host.invalid"); err == nil || !strings.Contains(err.Error(), "give the device's address") {
		t.Error(err)
	}
	if a, _, err := Resolve(t.Context(), "::ffff:127.0.0.1"); err != nil || a != loopback {
		t.Error(a, err)
	}
}
