// Package probe is what every protocol's probe has in common. Each protocol
// has a folder of its own; a probe asks what anybody may ask, and changes
// nothing at the device unless the operator consented.
package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"assay/lab"
	"assay/lab/device/wire"
)

// Consent is what the operator allows beyond asking. Each can disturb a device
// or change it.
type Consent struct {
	SignIn bool // tries credentials: some devices lock accounts
	Guess  bool // measures how fast wrong passwords may be tried
	Write  bool // tries changes that a right device refuses: SNMP set, MQTT publish, TFTP and FTP upload of a small named file
}

// ParseConsent reads a list of sign-in, guess and write.
func ParseConsent(s string) (c Consent, err error) {
	for w := range strings.SplitSeq(s, ",") {
		switch strings.TrimSpace(w) {
		case "":
		case "sign-in":
			c.SignIn = true
		case "guess":
			c.SignIn, c.Guess = true, true
		case "write":
			c.Write = true
		default:
			return Consent{}, fmt.Errorf("%.40q is nothing to consent to: write sign-in, guess, write", w)
		}
	}
	return c, nil
}

// Credential is a user name and a password, and where it comes from.
type Credential struct {
	User, Password string
	From           string // list, firmware, operator
}

// ErrNot means that the port speaks another protocol.
var ErrNot = errors.New("another protocol")

// Env is what a probe works with: one port of one device.
type Env struct {
	Link    *wire.Link
	Port    wire.Port
	Consent Consent
	// Greeting is what the port said by itself, empty where it waits for the client.
	Greeting []byte
	// Secure opens TLS over a connection; nil where the port speaks in clear.
	Secure func(ctx context.Context, c net.Conn) (net.Conn, error)
	// Host is the name that the operator gave, for protocols that carry one; or the address.
	Host string
	At   time.Time // of the run
}

// Dial opens a connection for a purpose, over TLS where the port speaks it.
func (e *Env) Dial(ctx context.Context, purpose string) (net.Conn, error) {
	s, err := e.Link.Dial(ctx, e.Port, purpose)
	if err != nil {
		return nil, err
	}
	stop := s.CloseOn(ctx)
	if e.Secure == nil {
		return &ended{s, stop}, nil
	}
	c, err := e.Secure(ctx, s)
	if err != nil {
		stop()
		s.Close()
		return nil, err
	}
	return &ended{c, stop}, nil
}

// Hide takes a secret out of the record; over TLS there is nothing to hide.
func (e *ended) Hide(secret string) {
	if s, ok := e.Conn.(*wire.Session); ok {
		s.Hide(secret)
	}
}

// ended is a connection that no longer waits for the context's end once it is closed.
type ended struct {
	net.Conn
	stop func() bool
}

func (e *ended) Close() error {
	e.stop()
	return e.Conn.Close()
}

// Place is the port as a place of findings.
func (e *Env) Place() lab.Place {
	return lab.Place{Address: net.JoinHostPort(e.Host, fmt.Sprint(e.Port.Number)) + "/" + string(e.Port.Transport)}
}

// Auth says whether a service asks who one is.
type Auth string

// Kinds of asking.
const (
	AuthUnknown   Auth = ""
	AuthRequired  Auth = "required"  // refused without credentials
	AuthNone      Auth = "none"      // gives its function to anybody
	AuthAnonymous Auth = "anonymous" // asks, and takes an anonymous or empty name
)

// Observation is what a probe saw on one port.
type Observation struct {
	Protocol string         `json:"protocol"` // http, ssh, …; "" where no probe knows it
	TLS      bool           `json:"tls,omitempty"`
	Product  string         `json:"product,omitempty"` // as it claims before sign-in
	Version  string         `json:"version,omitempty"` // the same
	Auth     Auth           `json:"auth,omitempty"`
	Told     []lab.Property `json:"told,omitempty"`    // what anybody is told before sign-in: banner, model, serial, names, paths
	Details  []lab.Property `json:"details,omitempty"` // what was negotiated or offered: versions, suites, algorithms, methods, topics
	Findings []lab.Finding  `json:"findings,omitempty"`
	// Looked and NotLooked are the parts of the scope line.
	Looked    []lab.Phrase `json:"looked,omitempty"`
	NotLooked []lab.Phrase `json:"not_looked,omitempty"`
}

// Tell adds what anybody is told before sign-in.
func (o *Observation) Tell(name, value string) {
	if value != "" {
		o.Told = append(o.Told, lab.Known(name, value))
	}
}

// Detail adds what was negotiated or offered.
func (o *Observation) Detail(name, value string) {
	if value != "" {
		o.Details = append(o.Details, lab.Known(name, value))
	}
}

// Outcome of one try to sign in.
type Outcome int

// Outcomes.
const (
	Refused    Outcome = iota // the credentials are wrong
	Accepted                  // they open the device
	Locked                    // it takes no tries for now, or said to wait
	NotOffered                // this way of signing in is not there
)

// Probe is one protocol.
type Probe struct {
	Name      string
	Transport wire.Transport
	Usual     []uint16 // where it mostly lives
	// Greets reports whether a port's first words are this protocol's; nil where the
	// client speaks first.
	Greets func(greeting []byte) bool
	// Look observes the port. It answers ErrNot where the port speaks something else;
	// other errors mean that the observation is not complete, and come with what there is.
	Look func(ctx context.Context, e *Env) (*Observation, error)
	// SignIn tries one credential, on a connection of its own; nil where the protocol has
	// none. It leaves the device as it was: no commands, signed out again. It is called only
	// with consent.
	SignIn func(ctx context.Context, e *Env, c Credential) (Outcome, error)
	// AnyUser means that the protocol has a password without user names (SNMP's community).
	AnyUser bool
}
