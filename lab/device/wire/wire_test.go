package wire

import (
	"bytes"
	"context"
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
	for _, o := range []Options{{Rate: -1}, {Rate: 1e6}, {Open: -1}, {Timeout: -1}} {
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
