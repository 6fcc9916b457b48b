package tls

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"assay/lab/device/probe"
)

// Version of the protocol, as on the wire.
type Version uint16

// Versions.
const (
	SSL3  Version = 0x0300
	TLS10 Version = 0x0301
	TLS11 Version = 0x0302
	TLS12 Version = 0x0303
	TLS13 Version = 0x0304
)

// Versions from the oldest. SSL 2 has other messages, and no device of today
// speaks it alone.
var versions = []Version{SSL3, TLS10, TLS11, TLS12, TLS13}

// String is as people write it.
func (v Version) String() string {
	switch v {
	case SSL3:
		return "SSL 3.0"
	case TLS10:
		return "TLS 1.0"
	case TLS11:
		return "TLS 1.1"
	case TLS12:
		return "TLS 1.2"
	case TLS13:
		return "TLS 1.3"
	}
	return fmt.Sprintf("version 0x%04x", uint16(v))
}

// answer is what a server said to a first message.
type answer struct {
	version     Version
	suite       uint16
	compression byte
	chain       [][]byte // certificates in DER, up to TLS 1.2
	dhBits      int      // of the prime in a DHE key exchange
	group       uint16   // named group of ECDHE, or of TLS 1.3
}

// errRefused means that the server speaks TLS and does not take what was offered.
var errRefused = errors.New("refused")

// Bounds of what is read.
const (
	maxRecord    = 18 << 10
	maxHandshake = 128 << 10
	maxChain     = 20
)

// ask offers a version with suites, and reads until the server's part of the key
// exchange is known. Errors: errRefused, probe.ErrNot where what comes is no TLS.
func ask(ctx context.Context, e *probe.Env, v Version, suites []uint16, compress bool) (*answer, error) {
	c, err := e.Link.Dial(ctx, e.Port, "tls "+v.String())
	if err != nil {
		return nil, err
	}
	defer c.Close()
	defer c.CloseOn(ctx)()
	hello, err := clientHello(v, suites, e.Host, compress)
	if err != nil {
		return nil, err
	}
	if _, err := c.Write(hello); err != nil {
		return nil, err
	}
	return readAnswer(c)
}

// clientHello builds a first message (RFC 5246, 7.4.1.2; RFC 8446, 4.1.2).
func clientHello(v Version, suites []uint16, host string, compress bool) ([]byte, error) {
	var random [64]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, err
	}
	legacy := min(v, TLS12)
	b := binary.BigEndian.AppendUint16(nil, uint16(legacy))
	b = append(b, random[:32]...)
	if v == TLS13 {
		b = append(b, 32)
		b = append(b, random[32:]...)
	} else {
		b = append(b, 0)
	}
	b = binary.BigEndian.AppendUint16(b, uint16(2*len(suites)))
	for _, s := range suites {
		b = binary.BigEndian.AppendUint16(b, s)
	}
	if compress {
		b = append(b, 2, 1, 0) // DEFLATE (RFC 3749), none
	} else {
		b = append(b, 1, 0)
	}
	if v > SSL3 {
		ext, err := extensions(v, host)
		if err != nil {
			return nil, err
		}
		b = binary.BigEndian.AppendUint16(b, uint16(len(ext)))
		b = append(b, ext...)
	}
	msg := append([]byte{1, byte(len(b) >> 16), byte(len(b) >> 8), byte(len(b))}, b...)
	rec := []byte{22, 3, 1}
	if v == SSL3 {
		rec[2] = 0
	}
	rec = binary.BigEndian.AppendUint16(rec, uint16(len(msg)))
	return append(rec, msg...), nil
}

// groups that are offered, by IANA's numbers: x25519, P-256, P-384, P-521, x448,
// the Brainpool curves, small curves that no one should take, ffdhe2048.
var groups = []uint16{29, 23, 24, 25, 30, 26, 27, 28, 22, 19, 21, 256}

func extensions(v Version, host string) ([]byte, error) {
	var b []byte
	put := func(id uint16, body []byte) {
		b = binary.BigEndian.AppendUint16(b, id)
		b = binary.BigEndian.AppendUint16(b, uint16(len(body)))
		b = append(b, body...)
	}
	list := func(xs []uint16) []byte {
		l := binary.BigEndian.AppendUint16(nil, uint16(2*len(xs)))
		for _, x := range xs {
			l = binary.BigEndian.AppendUint16(l, x)
		}
		return l
	}
	if isName(host) {
		name := binary.BigEndian.AppendUint16([]byte{0}, uint16(len(host)))
		name = append(name, host...)
		put(0, append(binary.BigEndian.AppendUint16(nil, uint16(len(name))), name...))
	}
	put(10, list(groups))
	put(11, []byte{1, 0})
	put(13, list([]uint16{0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201, 0x0202, 0x0101}))
	if v == TLS13 {
		put(43, []byte{2, 3, 4})
		share, err := keyShare()
		if err != nil {
			return nil, err
		}
		put(51, share)
		put(45, []byte{1, 1})
	}
	return b, nil
}

// keyShare offers an x25519 key that nobody keeps: any 32 bytes are one.
func keyShare() ([]byte, error) {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	entry := append([]byte{0, 29, 0, 32}, key...)
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(entry))), entry...), nil
}

func isName(host string) bool {
	letter := false
	for _, c := range host {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			letter = true
		} else if (c < '0' || c > '9') && c != '-' && c != '.' {
			return false
		}
	}
	return letter && len(host) < 254
}

// readAnswer reads a server's first messages in clear.
func readAnswer(r io.Reader) (*answer, error) {
	var shake []byte
	a := &answer{}
	for records := 0; records < 64; records++ {
		var head [5]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			if a.version != 0 {
				return a, nil
			}
			return nil, fmt.Errorf("%w: %w", errRefused, err)
		}
		n := int(binary.BigEndian.Uint16(head[3:]))
		if head[1] != 3 || head[0] < 20 || head[0] > 24 || n > maxRecord {
			return nil, probe.ErrNot
		}
		body := make([]byte, n)
		if _, err := io.ReadFull(r, body); err != nil {
			return nil, fmt.Errorf("%w: a record that breaks off", errRefused)
		}
		switch head[0] {
		case 21:
			if a.version != 0 {
				return a, nil
			}
			return nil, errRefused
		case 22:
		default: // of TLS 1.3, encrypted from here on
			if a.version != 0 {
				return a, nil
			}
			return nil, probe.ErrNot
		}
		if shake = append(shake, body...); len(shake) > maxHandshake {
			return nil, probe.ErrNot
		}
		for len(shake) >= 4 {
			n := int(shake[1])<<16 | int(shake[2])<<8 | int(shake[3])
			if n > maxHandshake {
				return nil, probe.ErrNot
			}
			if len(shake) < 4+n {
				break
			}
			done, err := a.message(shake[0], shake[4:4+n])
			if err != nil || done {
				return a, err
			}
			shake = shake[4+n:]
		}
	}
	return a, nil
}

// message takes one handshake message (RFC 5246, 7.4).
func (a *answer) message(kind byte, b []byte) (done bool, err error) {
	bad := errors.Join(probe.ErrNot, errors.New("a message that breaks off"))
	switch kind {
	case 2: // server_hello
		if len(b) < 38 || len(b) < 38+int(b[34]) {
			return false, bad
		}
		a.version = Version(binary.BigEndian.Uint16(b))
		rest := b[35+int(b[34]):]
		a.suite, a.compression = binary.BigEndian.Uint16(rest), rest[2]
		rest = rest[3:]
		if len(rest) >= 2 {
			rest = rest[2:]
		}
		for len(rest) >= 4 {
			id, n := binary.BigEndian.Uint16(rest), int(binary.BigEndian.Uint16(rest[2:]))
			if len(rest) < 4+n {
				return false, bad
			}
			body := rest[4 : 4+n]
			switch {
			case id == 43 && n == 2:
				a.version = Version(binary.BigEndian.Uint16(body))
			case id == 51 && n >= 2:
				a.group = binary.BigEndian.Uint16(body)
			}
			rest = rest[4+n:]
		}
		return a.version == TLS13, nil
	case 11: // certificate
		if len(b) < 3 {
			return false, bad
		}
		for b = b[3:]; len(b) >= 3 && len(a.chain) < maxChain; {
			n := int(b[0])<<16 | int(b[1])<<8 | int(b[2])
			if len(b) < 3+n {
				return false, bad
			}
			a.chain = append(a.chain, b[3:3+n])
			b = b[3+n:]
		}
	case 12: // server_key_exchange
		switch s := suiteOf(a.suite); {
		case s.exchange == "ECDHE" || s.exchange == "ECDH":
			if len(b) >= 3 && b[0] == 3 {
				a.group = binary.BigEndian.Uint16(b[1:])
			}
		case s.exchange == "DHE":
			if len(b) >= 2 {
				n := int(binary.BigEndian.Uint16(b))
				if len(b) >= 2+n {
					a.dhBits = bitLen(b[2 : 2+n])
				}
			}
		}
	case 14: // server_hello_done
		return true, nil
	}
	return false, nil
}

func bitLen(b []byte) int {
	for len(b) > 0 && b[0] == 0 {
		b = b[1:]
	}
	if len(b) == 0 {
		return 0
	}
	n := 8 * (len(b) - 1)
	for x := b[0]; x > 0; x >>= 1 {
		n++
	}
	return n
}
