// Package snmp observes SNMP (RFC 1157, RFC 3416): which communities read, and
// with consent whether they write.
package snmp

import (
	"context"
	"encoding/asn1"
	"errors"
	"fmt"
	"regexp"

	"assay/lab"
	"assay/lab/device/probe"
	"assay/lab/device/wire"
)

// Probe is the probe.
var Probe = probe.Probe{Name: "snmp", Transport: wire.UDP, Usual: []uint16{161}, Look: look, SignIn: signIn, AnyUser: true}

// Objects of the system group (RFC 3418).
var (
	sysDescr    = asn1.ObjectIdentifier{1, 3, 6, 1, 2, 1, 1, 1, 0}
	sysName     = asn1.ObjectIdentifier{1, 3, 6, 1, 2, 1, 1, 5, 0}
	sysLocation = asn1.ObjectIdentifier{1, 3, 6, 1, 2, 1, 1, 6, 0}
)

// Kinds of requests.
const (
	getRequest  = 0
	getResponse = 2
	setRequest  = 3
)

type binding struct {
	Name  asn1.ObjectIdentifier
	Value asn1.RawValue
}

type pdu struct {
	ID       int
	Status   int
	Index    int
	Bindings []binding
}

type message struct {
	Version   int
	Community []byte
	PDU       asn1.RawValue
}

// request builds a message of version 1 (0) or 2c (1); value nil asks.
func request(version int, community string, kind, id int, name asn1.ObjectIdentifier, value []byte) ([]byte, error) {
	v := asn1.RawValue{Tag: asn1.TagNull}
	if value != nil {
		v = asn1.RawValue{Tag: asn1.TagOctetString, Bytes: value}
	}
	body, err := asn1.Marshal(pdu{ID: id, Bindings: []binding{{name, v}}})
	if err != nil {
		return nil, err
	}
	var seq asn1.RawValue
	if _, err := asn1.Unmarshal(body, &seq); err != nil {
		return nil, err
	}
	return asn1.Marshal(message{version, []byte(community), asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: kind, IsCompound: true, Bytes: seq.Bytes}})
}

var errMessage = errors.New("no answer of SNMP")

// response reads an answer's status and its one value.
func response(b []byte, id int) (status int, value []byte, err error) {
	var m message
	if _, err := asn1.Unmarshal(b, &m); err != nil {
		return 0, nil, errors.Join(errMessage, err)
	}
	if m.PDU.Class != asn1.ClassContextSpecific || m.PDU.Tag != getResponse {
		return 0, nil, errMessage
	}
	seq, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: m.PDU.Bytes})
	if err != nil {
		return 0, nil, errors.Join(errMessage, err)
	}
	var p pdu
	if _, err := asn1.Unmarshal(seq, &p); err != nil {
		return 0, nil, errors.Join(errMessage, err)
	}
	if p.ID != id || len(p.Bindings) != 1 {
		return 0, nil, errMessage
	}
	v := p.Bindings[0].Value
	if v.Class != asn1.ClassUniversal || v.Tag != asn1.TagOctetString {
		return p.Status, nil, nil
	}
	return p.Status, v.Bytes, nil
}

func ask(ctx context.Context, e *probe.Env, version int, community string, kind int, name asn1.ObjectIdentifier, value []byte) (int, []byte, error) {
	const id = 0x4c41
	q, err := request(version, community, kind, id, name, value)
	if err != nil {
		return 0, nil, err
	}
	c, err := e.Dial(ctx, fmt.Sprintf("snmp v%d %v", version+1, name))
	if err != nil {
		return 0, nil, err
	}
	defer c.Close()
	if _, err := c.Write(q); err != nil {
		return 0, nil, err
	}
	b := make([]byte, 4096)
	n, err := c.Read(b)
	if err != nil {
		return 0, nil, err
	}
	return response(b[:n], id)
}

// openCommunity is asked without consent: it is what SNMP has in place of no
// password, and asking it is what every manager does first.
const openCommunity = "public"

var release = regexp.MustCompile(`(?i)\b(linux|net-snmp|openwrt|routeros)\b\D{0,12}(\d+\.[\w.-]*)`)

func look(ctx context.Context, e *probe.Env) (*probe.Observation, error) {
	o := &probe.Observation{Protocol: "snmp"}
	o.Looked = append(o.Looked, lab.Say("snmp.looked"))
	answered := false
	for version, name := range []string{"1", "2c"} {
		_, descr, err := ask(ctx, e, version, openCommunity, getRequest, sysDescr, nil)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			continue
		}
		if !answered {
			o.Tell("text", string(descr))
			if m := release.FindSubmatch(descr); m != nil {
				o.Findings = append(o.Findings, lab.Found("device.tells-version", lab.Claimed, e.Place(), "service", "snmp", "text", string(m[0])))
			}
			if _, n, err := ask(ctx, e, version, openCommunity, getRequest, sysName, nil); err == nil {
				o.Tell("name", string(n))
			}
		}
		answered = true
		o.Detail("version", name)
		o.Findings = append(o.Findings, lab.Found("snmp.community", lab.Confirmed, e.Place(), "community", openCommunity, "version", name))
	}
	if !answered {
		return nil, probe.ErrNot
	}
	o.Auth = probe.AuthNone
	if e.Consent.Write {
		writes(ctx, e, o)
	} else {
		o.NotLooked = append(o.NotLooked, lab.Say("probe.no-write"))
	}
	return o, nil
}

// writes sets sysLocation to what it is.
func writes(ctx context.Context, e *probe.Env, o *probe.Observation) {
	for _, community := range []string{openCommunity, "private"} {
		status, now, err := ask(ctx, e, 1, community, getRequest, sysLocation, nil)
		if err != nil || status != 0 {
			continue
		}
		if now == nil {
			now = []byte{}
		}
		if status, _, err := ask(ctx, e, 1, community, setRequest, sysLocation, now); err == nil && status == 0 {
			o.Findings = append(o.Findings, lab.Found("snmp.write", lab.Confirmed, e.Place(), "community", community))
		}
	}
}

// signIn tries a community; SNMP has no user names.
func signIn(ctx context.Context, e *probe.Env, c probe.Credential) (probe.Outcome, error) {
	if c.Password == "" {
		return probe.NotOffered, nil
	}
	_, _, err := ask(ctx, e, 1, c.Password, getRequest, sysDescr, nil)
	switch {
	case err == nil:
		return probe.Accepted, nil
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	}
	return probe.Refused, nil // a wrong community gets no answer
}
