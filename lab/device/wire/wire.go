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

// sessionTimes is how many times its time for an answer a connection may last, unless
// the options say how long: a device that sends a byte now and then would hold a probe
// for days.
const sessionTimes = 10

// maxRead bounds the bytes that are read from one connection.
const maxRead = 4 << 20

// Ends of a connection that the device makes too long.
var (
	ErrLong = errors.New("the connection lasted longer than one may")
	ErrMuch = errors.New("the device sent more on one connection than is read")
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
	session time.Duration // of one connection
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
	Timeout time.Duration // of an answer
	Session time.Duration // of a whole connection; default: ten times Timeout
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
	if o.Session == 0 {
		o.Session = sessionTimes * o.Timeout
	}
	if o.Open == 0 {
		o.Open = DefaultOpen
	}
	if o.Rate < 1 || o.Rate > 100_000 || o.Open < 1 || o.Open > 4096 || o.Timeout < time.Millisecond || o.Session < o.Timeout {
		return nil, errors.New("a rate of 1 to 100,000 a second, 1 to 4,096 connections at once, and a time of at least a millisecond for an answer")
	}
	return &Link{addr: a, timeout: o.Timeout, session: o.Session, slots: make(chan struct{}, o.Open), gap: time.Second / time.Duration(o.Rate), now: time.Now}, nil
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
// fails, and so does what is read beyond the bounds of a connection. Closing it
// gives the slot back.
func (l *Link) Dial(ctx context.Context, p Port, purpose string) (*Session, error) {
	c, err := l.connect(ctx, func(ctx context.Context) (net.Conn, error) {
		return l.dial.DialContext(ctx, string(p.Transport), netip.AddrPortFrom(l.addr, p.Number).String())
	})
	if err != nil {
		return nil, err
	}
	return l.begin(c, p, purpose), nil
}

// DialAny is Dial for a protocol of UDP whose server answers from a port of its own
// choice. What comes from another address is not read; what is written after an
// answer goes where that came from.
func (l *Link) DialAny(ctx context.Context, port uint16, purpose string) (*Session, error) {
	p := Port{UDP, port}
	to := netip.AddrPortFrom(l.addr, port)
	c, err := l.connect(ctx, func(context.Context) (net.Conn, error) {
		c, err := net.ListenUDP("udp", nil)
		if err != nil {
			return nil, err
		}
		return &anyPort{UDPConn: c, addr: l.addr, to: to}, nil
	})
	if err != nil {
		return nil, err
	}
	return l.begin(c, p, purpose), nil
}

func (l *Link) begin(c net.Conn, p Port, purpose string) *Session {
	s := &Session{Conn: c, Port: p, Purpose: purpose, Begin: l.now(), end: time.Now().Add(l.session), link: l}
	l.mu.Lock()
	l.sessions = append(l.sessions, s)
	l.mu.Unlock()
	return s
}

// anyPort is a socket that hears one address, whatever the port.
type anyPort struct {
	*net.UDPConn
	addr netip.Addr
	to   netip.AddrPort
}

// maxStrangers bounds how many datagrams of others are passed over in one read.
const maxStrangers = 64

func (a *anyPort) Read(b []byte) (int, error) {
	for range maxStrangers {
		n, from, err := a.ReadFromUDPAddrPort(b)
		if err != nil {
			return 0, err
		}
		if from.Addr().Unmap().WithZone("") == a.addr.WithZone("") {
			a.to = netip.AddrPortFrom(a.addr, from.Port())
			return n, nil
		}
	}
	return 0, errors.New("answers came from other addresses only")
}

func (a *anyPort) Write(b []byte) (int, error) { return a.WriteToUDPAddrPort(b, a.to) }

// Try opens and closes a TCP connection, and records nothing but the count.
// The error is that of connecting.
func (l *Link) Try(ctx context.Context, port uint16) error {
	c, err := l.connect(ctx, func(ctx context.Context) (net.Conn, error) {
		return l.dial.DialContext(ctx, "tcp", netip.AddrPortFrom(l.addr, port).String())
	})
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

func (l *Link) connect(ctx context.Context, open func(context.Context) (net.Conn, error)) (net.Conn, error) {
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
	c, err := open(ctx)
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

	end    time.Time // no read or write goes on after it
	link   *Link
	once   sync.Once
	mu     sync.Mutex
	read   int
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
func (s *Session) Read(b []byte) (int, error) { return s.ReadWithin(b, s.link.timeout) }

// ReadWithin is Read with another time. Its errors are also ErrLong and ErrMuch.
func (s *Session) ReadWithin(b []byte, d time.Duration) (int, error) {
	until, err := s.deadline(d)
	if err != nil {
		return 0, err
	}
	if s.read >= maxRead { // one goroutine reads at a time
		return 0, ErrMuch
	}
	if err := s.Conn.SetReadDeadline(until); err != nil {
		return 0, err
	}
	n, err := s.Conn.Read(b[:min(len(b), maxRead-s.read)])
	s.read += n
	s.keep(false, b[:n])
	return n, err
}

// deadline is in d, or at the connection's end.
func (s *Session) deadline(d time.Duration) (time.Time, error) {
	now := time.Now()
	if !now.Before(s.end) {
		return time.Time{}, ErrLong
	}
	if until := now.Add(d); until.Before(s.end) {
		return until, nil
	}
	return s.end, nil
}

// Write writes within the link's time, and records; a datagram waits for the rate.
func (s *Session) Write(b []byte) (int, error) {
	if s.Port.Transport == UDP {
		if err := s.link.Wait(context.Background()); err != nil {
			return 0, err
		}
	}
	until, err := s.deadline(s.link.timeout)
	if err != nil {
		return 0, err
	}
	if err := s.Conn.SetWriteDeadline(until); err != nil {
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

// Hide replaces a secret in what was recorded by asterisks of the same length, also
// where it came in pieces.
func (s *Session) Hide(secret string) {
	if secret == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sent := range []bool{true, false} {
		var all []byte
		for _, c := range s.record {
			if c.Sent == sent {
				all = append(all, c.Data...)
			}
		}
		if !hide(all, secret) {
			continue
		}
		for i := range s.record {
			if c := &s.record[i]; c.Sent == sent {
				all = all[copy(c.Data, all):]
			}
		}
	}
}

func hide(b []byte, secret string) (found bool) {
	for i := 0; i+len(secret) <= len(b); i++ {
		if string(b[i:i+len(secret)]) == secret {
			for j := range len(secret) {
				b[i+j] = '*'
			}
			i += len(secret) - 1
			found = true
		}
	}
	return found
}
