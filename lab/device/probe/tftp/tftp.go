// Package tftp observes TFTP (RFC 1350), which never asks who one is: which files
// it hands out, and with consent whether it takes one.
package tftp

import (
	"context"
	"encoding/binary"
	"errors"
	"strings"

	"assay/lab"
	"assay/lab/device/probe"
	"assay/lab/device/wire"
)

// Probe is the probe.
var Probe = probe.Probe{Name: "tftp", Transport: wire.UDP, Usual: []uint16{69}, Look: look}

// names of files that say much about a device. The first exists nowhere: its refusal
// shows the protocol.
var names = []string{"assay-lab-no-such-file", "config", "config.bin", "firmware.bin", "startup-config", "pxelinux.0", "../../../../etc/passwd", "/etc/passwd"}

// Operations.
const (
	opRead  = 1
	opWrite = 2
	opData  = 3
	opAck   = 4
	opError = 5
)

func request(op uint16, name string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, op), name+"\x00octet\x00"...)
}

// ask makes one request. Answers come from a port of the server's own choice
// (RFC 1350, 4).
func ask(ctx context.Context, e *probe.Env, op uint16, name string) (got uint16, err error) {
	c, err := e.Link.DialAny(ctx, e.Port.Number, "tftp "+name)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	defer c.CloseOn(ctx)()
	if _, err := c.Write(request(op, name)); err != nil {
		return 0, err
	}
	b := make([]byte, 1024)
	n, err := c.Read(b)
	if err != nil {
		return 0, err
	}
	if n < 4 {
		return 0, probe.ErrNot
	}
	got = binary.BigEndian.Uint16(b)
	if got == opData || got == opAck { // ends the transfer: nothing is taken or left
		_, _ = c.Write([]byte("\x00\x05\x00\x00enough\x00"))
	}
	return got, nil
}

func look(ctx context.Context, e *probe.Env) (*probe.Observation, error) {
	o := &probe.Observation{Protocol: "tftp", Auth: probe.AuthNone}
	var open []string
	for i, name := range names {
		got, err := ask(ctx, e, opRead, name)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if i == 0 && (err != nil || got != opError) {
			return nil, errors.Join(probe.ErrNot, err)
		}
		if err == nil && got == opData {
			open = append(open, name)
		}
	}
	o.Looked = append(o.Looked, lab.Say("tftp.looked", len(names)))
	o.Findings = append(o.Findings, lab.Found("tftp.offered", lab.Confirmed, e.Place()))
	if len(open) > 0 {
		o.Tell("paths", strings.Join(open, " "))
		o.Findings = append(o.Findings, lab.Found("device.no-authentication", lab.Confirmed, e.Place(), "service", "tftp", "path", strings.Join(open, " ")))
	}
	if !e.Consent.Write {
		o.NotLooked = append(o.NotLooked, lab.Say("probe.no-write"))
		return o, nil
	}
	if got, err := ask(ctx, e, opWrite, "assay-lab-test"); err == nil && got == opAck {
		o.Findings = append(o.Findings, lab.Found("device.no-authentication", lab.Confirmed, e.Place(), "service", "tftp", "command", "write"))
		o.Detail("left", "assay-lab-test")
	}
	return o, nil
}
