// Package wire is the only way from the laboratory to a device: connections to
// the one address that the operator named, at a bounded rate, each of them
// recorded. Nothing that a device says leads to another address.
package wire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Transport of a port.
type Transport string

// Transports.
const (
	TCP Transport = "tcp"
	UDP Transport = "udp"
)

// Port of a device.
type Port struct {
	Transport Transport
	Number    uint16
}

// String is as in 443/tcp.
func (p Port) String() string { return fmt.Sprintf("%d/%s", p.Number, p.Transport) }

// Defaults of a link.
const (
	DefaultRate    = 500 // new connections or datagrams a second
	DefaultTimeout = 2 * time.Second
	DefaultOpen    = 64 // connections at once
)

// Bounds of what is recorded.
const (
	maxRecord   = 64 << 10 // bytes of one connection, both ways together
	maxRecorded = 16 << 20 // of all
)

// Link is the way to one device.
type Link struct {
	addr    netip.Addr
	timeout time.Duration
	dial    net.Dialer
	slots   chan struct{}
	now     func() time.Time

	mu       sync.Mutex
	gap      time.Duration // between two new connections
	next     time.Time
	opened   int
	refused  int
	bytes    int
	sessions []*Session
}

// Options of a link; zero values are the defaults.
type Options struct {
	Rate    int
	Timeout time.Duration
	Open    int
}

// Resolve finds the one address of what the operator named: an address or a
// host name. Of several it takes the first that the resolver gives and says so in
// others.
func Resolve(ctx context.Context, name string) (a netip.Addr, others []netip.Addr, err error) {
	if a, err := netip.ParseAddr(name); err == nil {
		return a.Unmap(), nil, nil
	}
	all, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	if err != nil {
		return netip.Addr{}, nil, fmt.Errorf("no address of %q: %w; give the device's address", name, err)
	}
	if len(all) == 0 {
		return netip.Addr{}, nil, fmt.Errorf("%q has no address; give the device's address", name)
	}
	for i := range all {
		all[i] = all[i].Unmap()
	}
	return all[0], all[1:], nil
}

// New makes the link to an address. Unspecified, multicast and broadcast addresses are refused:
// they are no single device.
func New(a netip.Addr, o Options) (*Link, error) {
	a = a.Unmap()
	if !a.IsValid() || a.IsUnspecified() || a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return nil, fmt.Errorf("%s is not the address of one device", a)
	}
	if o.Rate == 0 {
		o.Rate = DefaultRate
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Open == 0 {
		o.Open = DefaultOpen
	}
	if o.Rate < 1 || o.Rate > 100_000 || o.Open < 1 || o.Open > 4096 || o.Timeout < time.Millisecond {
		return nil, errors.New("a rate of 1 to 100,000 a second, 1 to 4,096 connections at once, and a time of at least a millisecond")
	}
	return &Link{addr: a, timeout: o.Timeout, slots: make(chan struct{}, o.Open), gap: time.Second / time.Duration(o.Rate), now: time.Now}, nil
}

// Addr is the device's address.
func (l *Link) Addr() netip.Addr { return l.addr }

// Timeout is how long an answer is waited for.
func (l *Link) Timeout() time.Duration { return l.timeout }

// Wait holds until the rate allows another connection or datagram.
func (l *Link) Wait(ctx context.Context) error {
	l.mu.Lock()
	now := l.now()
	if l.next.Before(now) {
		l.next = now
	}
	wait := l.next.Sub(now)
	l.next = l.next.Add(l.gap)
	l.mu.Unlock()
	if wait <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Dial opens a connection to a port of the device. purpose says in the record
// what it was for. Every read and write that takes longer than the link's time
// fails. Closing it gives the slot back.
func (l *Link) Dial(ctx context.Context, p Port, purpose string) (*Session, error) {
	c, err := l.connect(ctx, p)
	if err != nil {
		return nil, err
	}
	s := &Session{Conn: c, Port: p, Purpose: purpose, Begin: l.now(), link: l}
	l.mu.Lock()
	l.sessions = append(l.sessions, s)
	l.mu.Unlock()
	return s, nil
}

// Try opens and closes a TCP connection, and records nothing but the count.
// The error is that of connecting.
func (l *Link) Try(ctx context.Context, port uint16) error {
	c, err := l.connect(ctx, Port{TCP, port})
	if err != nil {
		return err
	}
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0) // the device need not keep the ended connection
	}
	err = c.Close()
	<-l.slots
	return err
}

func (l *Link) connect(ctx context.Context, p Port) (net.Conn, error) {
	if err := l.Wait(ctx); err != nil {
		return nil, err
	}
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	c, err := l.dial.DialContext(ctx, string(p.Transport), netip.AddrPortFrom(l.addr, p.Number).String())
	l.mu.Lock()
	if err != nil {
		l.refused++
	} else {
		l.opened++
	}
	l.mu.Unlock()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return c, nil
}

// Count is how many connections were opened, and how many were not.
func (l *Link) Count() (opened, refused int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.opened, l.refused
}

// Sessions are the recorded connections so far, in the order of their beginning.
func (l *Link) Sessions() []*Session {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]*Session(nil), l.sessions...)
}

// Session is a recorded connection.
type Session struct {
	net.Conn
	Port    Port
	Purpose string
	Begin   time.Time

	link   *Link
	once   sync.Once
	mu     sync.Mutex
	record []Chunk
	kept   int
	cut    bool
}

// Chunk is what went one way at once.
type Chunk struct {
	Sent bool // to the device
	Data []byte
}

// Read reads within the link's time, and records.
func (s *Session) Read(b []byte) (int, error) {
	if err := s.Conn.SetReadDeadline(time.Now().Add(s.link.timeout)); err != nil {
		return 0, err
	}
	n, err := s.Conn.Read(b)
	s.keep(false, b[:n])
	return n, err
}

// ReadWithin is Read with another time.
func (s *Session) ReadWithin(b []byte, d time.Duration) (int, error) {
	if err := s.Conn.SetReadDeadline(time.Now().Add(d)); err != nil {
		return 0, err
	}
	n, err := s.Conn.Read(b)
	s.keep(false, b[:n])
	return n, err
}

// Write writes within the link's time, and records; a datagram waits for the rate.
func (s *Session) Write(b []byte) (int, error) {
	if s.Port.Transport == UDP {
		if err := s.link.Wait(context.Background()); err != nil {
			return 0, err
		}
	}
	if err := s.Conn.SetWriteDeadline(time.Now().Add(s.link.timeout)); err != nil {
		return 0, err
	}
	n, err := s.Conn.Write(b)
	s.keep(true, b[:n])
	return n, err
}

// SetDeadline and its kin do nothing: the link's time holds for each read and
// write, and the context's end closes the connection.
func (s *Session) SetDeadline(time.Time) error      { return nil }
func (s *Session) SetReadDeadline(time.Time) error  { return nil }
func (s *Session) SetWriteDeadline(time.Time) error { return nil }

// Close closes the connection and gives its slot back.
func (s *Session) Close() error {
	err := net.ErrClosed
	s.once.Do(func() {
		err = s.Conn.Close()
		<-s.link.slots
	})
	return err
}

// CloseOn closes the connection when the context ends, until stop is called.
func (s *Session) CloseOn(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() { _ = s.Conn.Close() })
}

func (s *Session) keep(sent bool, b []byte) {
	if len(b) == 0 {
		return
	}
	s.link.mu.Lock()
	n := min(len(b), maxRecorded-s.link.bytes)
	s.mu.Lock()
	n = max(0, min(n, maxRecord-s.kept))
	s.link.bytes += n
	s.link.mu.Unlock()
	defer s.mu.Unlock()
	s.kept += n
	s.cut = s.cut || n < len(b)
	if n > 0 {
		s.record = append(s.record, Chunk{sent, append([]byte(nil), b[:n]...)})
	}
}

// Record is what went over the connection, and whether some of it was left out.
func (s *Session) Record() (chunks []Chunk, cut bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Chunk(nil), s.record...), s.cut
}

// Hide replaces a secret in what was recorded by asterisks of the same length.
func (s *Session) Hide(secret string) {
	if secret == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.record {
		hide(s.record[i].Data, secret)
	}
}

func hide(b []byte, secret string) {
	for i := 0; i+len(secret) <= len(b); i++ {
		if string(b[i:i+len(secret)]) == secret {
			for j := range len(secret) {
				b[i+j] = '*'
			}
			i += len(secret) - 1
		}
	}
}
