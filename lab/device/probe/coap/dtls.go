package coap

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"assay/lab"
	"assay/lab/device/probe"
	"assay/lab/device/wire"
)

// Secure is CoAP over DTLS (RFC 7252, 9): whether the port speaks DTLS, and no more.
// Without the device's key there is nothing else to see.
var Secure = probe.Probe{Name: "coaps", Transport: wire.UDP, Usual: []uint16{5684}, Look: secured}

// Hello is a first message of DTLS 1.2 without a cookie (RFC 6347, 4.2.1). Its random
// bytes are the same each time: no key is ever made of them.
func Hello() []byte {
	suites := []uint16{0xc0ac, 0xc0ae, 0xc0a8, 0xc0a4, 0xc02b, 0xc02f, 0xc023, 0xc009, 0x00a8, 0x00ae, 0x009c, 0x002f} // RFC 7252, 9.1.3, and common ones
	b := []byte{0xfe, 0xfd}
	b = append(b, "assay-lab asks which DTLS it is."...)
	b = append(b, 0, 0) // no session, no cookie
	b = binary.BigEndian.AppendUint16(b, uint16(2*len(suites)))
	for _, s := range suites {
		b = binary.BigEndian.AppendUint16(b, s)
	}
	b = append(b, 1, 0)
	extensions := []byte{
		0, 10, 0, 6, 0, 4, 0, 23, 0, 29, // P-256, x25519
		0, 11, 0, 2, 1, 0, // uncompressed points
		0, 13, 0, 8, 0, 6, 4, 3, 4, 1, 5, 1, // ECDSA and RSA with SHA-256, RSA with SHA-384
		0, 19, 0, 3, 2, 2, 0, // server's certificate: raw key, X.509 (RFC 7250)
		0, 20, 0, 3, 2, 2, 0, // ours
	}
	b = binary.BigEndian.AppendUint16(b, uint16(len(extensions)))
	b = append(b, extensions...)
	n := len(b)
	message := append([]byte{1, 0, byte(n >> 8), byte(n), 0, 0, 0, 0, 0, 0, byte(n >> 8), byte(n)}, b...)
	record := []byte{22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0}
	record = binary.BigEndian.AppendUint16(record, uint16(len(message)))
	return append(record, message...)
}

// Contents of records, and messages (RFC 6347, 4.3.2).
const (
	recordAlert     = 21
	recordHandshake = 22
	serverHello     = 2
	helloVerify     = 3
)

var errRecord = errors.New("no record of DTLS")

// answered reads the first record of an answer; said is the version, or the alert.
func answered(b []byte) (said string, err error) {
	if len(b) < 13 || b[1] != 0xfe {
		return "", errRecord
	}
	body := b[13:]
	if n := int(binary.BigEndian.Uint16(b[11:])); n <= len(body) {
		body = body[:n]
	} else {
		return "", errRecord
	}
	switch b[0] {
	case recordAlert:
		if len(body) != 2 {
			return "", errRecord
		}
		return fmt.Sprintf("DTLS, alert %d", body[1]), nil
	case recordHandshake:
		if len(body) < 14 || body[0] != serverHello && body[0] != helloVerify {
			return "", errRecord
		}
		// HelloVerifyRequest mostly has DTLS 1.0, whatever is spoken after (RFC 6347, 4.2.1).
		if body[0] == helloVerify {
			return "DTLS", nil
		}
		switch binary.BigEndian.Uint16(body[12:]) {
		case 0xfeff:
			return "DTLS 1.0", nil
		case 0xfefd:
			return "DTLS 1.2", nil
		}
	}
	return "", errRecord
}

func secured(ctx context.Context, e *probe.Env) (*probe.Observation, error) {
	c, err := e.Dial(ctx, "coaps DTLS hello")
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if _, err := c.Write(Hello()); err != nil {
		return nil, err
	}
	b := make([]byte, 4096)
	n, err := c.Read(b)
	if err != nil {
		return nil, errors.Join(probe.ErrNot, err)
	}
	said, err := answered(b[:n])
	if err != nil {
		return nil, errors.Join(probe.ErrNot, err)
	}
	o := &probe.Observation{Protocol: "coaps", TLS: true}
	o.Detail("version", said)
	o.Looked = append(o.Looked, lab.Say("coap.dtls"))
	o.NotLooked = append(o.NotLooked, lab.Say("coap.dtls-not"))
	return o, nil
}
