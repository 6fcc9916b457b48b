// Package statement encodes, signs, parses and verifies what offices log: a
// COSE_Sign1 message (RFC 9052 §4.2) in the shape of a SCITT signed statement
// (RFC 9943), all of it deterministic CBOR.
//
// What it trusts: nothing in the bytes. [Parse] proves form only; a statement
// means something after [Statement.Verify] with a key record that the
// caller already trusts.
//
// The protected header holds exactly these, and a message with more is refused,
// so that one message has one meaning (a critical header, label 2, is therefore
// never accepted):
//
//	 1       alg        -7 (ES256)
//	 4       kid        16 bytes
//	15       CWT claims {1: issuer, 2: subject} (RFC 9597)
//	16       typ        "application/assay-statement+cbor" (RFC 9596)
//	-70001   kind
//	-70002   origin of the log the statement was made for
//	-70003   sequence of the statement among those of its subject, from 1
//	-70004   digest of the statement before it; absent in the first
//
// The unprotected header is empty: it could be changed without a key.
package statement

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"assay/keys"
)

// MaxSize bounds an encoded statement, in bytes. Larger things are logged by
// digest.
const MaxSize = 16 << 10

// MediaType is the typ header of every statement.
const MediaType = "application/assay-statement+cbor"

// maxName bounds issuer, origin and subject, in bytes.
const maxName = 255

// Errors, always wrapped with the place they were found at. Test with [errors.Is].
var (
	ErrTooLarge     = errors.New("too large")
	ErrMalformed    = errors.New("malformed")
	ErrNotCanonical = errors.New("not in deterministic form")
	ErrHeader       = errors.New("header out of bounds")
	ErrWrongKey     = errors.New("signed with another key")
	ErrKeyNotValid  = keys.ErrNotValid
	ErrAlgorithm    = keys.ErrAlgorithm
	ErrBadSignature = keys.ErrBadSignature
)

// Kind says what a statement is about. A reader that does not know a kind
// still reads the subject, and holds what rests on it.
type Kind string

// The kinds that this version writes.
const (
	Grant       Kind = "grant"       // a certificate
	Status      Kind = "status"      // a change of a certificate's state
	Designation Kind = "designation" // a certificate that exists because of another office's
	Act         Kind = "act"         // an act in force: standing decision, catalog, arrangement
	Key         Kind = "key"         // a key comes or goes
	Peer        Kind = "peer"        // a peer comes or goes
	Misbehavior Kind = "misbehavior" // evidence against a peer, by digest
)

// Known reports whether this version writes the kind.
func (k Kind) Known() bool {
	switch k {
	case Grant, Status, Designation, Act, Key, Peer, Misbehavior:
		return true
	}
	return false
}

// Role is the role of the key that must sign the kind. A key statement takes
// the identity key, the one that peers compared by voice: whoever steals the
// statement key cannot replace it with another.
func (k Kind) Role() keys.Role {
	if k == Key {
		return keys.Identity
	}
	return keys.Statement
}

// Header is the protected header without what is the same everywhere.
type Header struct {
	Kind     Kind
	Issuer   string   // the office
	Origin   string   // its log, as in the checkpoint's first line; the ring is part of it
	Subject  string   // what the statement is about
	Sequence uint64   // 1 for the first statement about the subject
	Previous [32]byte // [Statement.Digest] of the one before; zero for the first
	KeyID    []byte   // 16 bytes, [keys.Record].ID; filled in by [Sign]
}

// check reports a header that must be neither signed nor believed.
func (h Header) check() error {
	for _, f := range []struct {
		name, value string
		max         int
	}{
		{"kind", string(h.Kind), 32}, {"issuer", h.Issuer, maxName},
		{"origin", h.Origin, maxName}, {"subject", h.Subject, maxName},
	} {
		if f.value == "" || len(f.value) > f.max || !utf8.ValidString(f.value) || strings.ContainsFunc(f.value, isControl) {
			return fmt.Errorf("%w: %s must be 1 to %d bytes of UTF-8 without control characters", ErrHeader, f.name, f.max)
		}
	}
	switch {
	case h.Sequence == 0 || h.Sequence > maxSequence:
		return fmt.Errorf("%w: sequence %d, want 1 to %d", ErrHeader, h.Sequence, uint64(maxSequence))
	case (h.Sequence == 1) != (h.Previous == [32]byte{}):
		return fmt.Errorf("%w: sequence %d: the first statement names no previous one, every other does", ErrHeader, h.Sequence)
	case len(h.KeyID) != 16:
		return fmt.Errorf("%w: key id of %d bytes, want 16", ErrHeader, len(h.KeyID))
	}
	return nil
}

// maxSequence is what a database integer holds.
const maxSequence = 1<<63 - 1

func isControl(r rune) bool { return r < 0x20 || r == 0x7f }

// Statement is a parsed statement. Only [Parse] makes one.
type Statement struct {
	Header
	Payload []byte // deterministic CBOR; read with [Decode]

	algorithm int64
	signed    []byte // Sig_structure
	signature []byte
}

// es256 is the COSE name of ES256 (RFC 9053 §2.1).
const es256 = -7

// envelope is COSE_Sign1 without its tag.
type envelope struct {
	_           struct{} `cbor:",toarray"`
	Protected   []byte
	Unprotected struct{} // any member is an unknown field and refused
	Payload     []byte
	Signature   []byte
}

// tag18 is the head of the COSE_Sign1 tag.
const tag18 = 0xd2

type protected struct {
	Algorithm int64  `cbor:"1,keyasint"`
	KeyID     []byte `cbor:"4,keyasint"`
	Claims    claims `cbor:"15,keyasint"`
	Type      string `cbor:"16,keyasint"`
	Kind      Kind   `cbor:"-70001,keyasint"`
	Origin    string `cbor:"-70002,keyasint"`
	Sequence  uint64 `cbor:"-70003,keyasint"`
	Previous  []byte `cbor:"-70004,keyasint,omitempty"`
}

type claims struct {
	Issuer  string `cbor:"1,keyasint"`
	Subject string `cbor:"2,keyasint"`
}

// sigStructure is what is signed (RFC 9052 §4.4).
type sigStructure struct {
	_         struct{} `cbor:",toarray"`
	Context   string
	Protected []byte
	External  []byte
	Payload   []byte
}

func toBeSigned(protected, payload []byte) ([]byte, error) {
	return encoder.Marshal(sigStructure{Context: "Signature1", Protected: protected, Payload: payload})
}

// Sign makes an encoded statement over payload, which is deterministic CBOR
// from [Encode]. The key must have the role that the kind asks for. It refuses
// what [Parse] would refuse; h.KeyID is taken from the signer.
func Sign(s keys.Signer, h Header, payload []byte) ([]byte, error) {
	body, _, err := SignDigest(s, h, payload)
	return body, err
}

// SignDigest is [Sign] with the statement's [Statement.Digest], which the next
// statement of the subject names.
func SignDigest(s keys.Signer, h Header, payload []byte) (body []byte, digest [32]byte, err error) {
	body, err = seal(s, h, payload, &digest)
	return body, digest, err
}

func seal(s keys.Signer, h Header, payload []byte, digest *[32]byte) ([]byte, error) {
	place := fmt.Sprintf("statement: signing %s of %q", h.Kind, h.Subject)
	h.KeyID = s.ID
	if err := h.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", place, err)
	}
	if !h.Kind.Known() {
		return nil, fmt.Errorf("%s: %w: unknown kind", place, ErrHeader)
	}
	if s.Role != h.Kind.Role() {
		return nil, fmt.Errorf("%s: %w: the key's role is %s, want %s", place, ErrWrongKey, s.Role, h.Kind.Role())
	}
	if s.Algorithm != keys.ES256 {
		return nil, fmt.Errorf("%s: %w: %s", place, ErrAlgorithm, s.Algorithm)
	}
	if err := canonical(payload); err != nil {
		return nil, fmt.Errorf("%s: payload: %w", place, err)
	}
	p := protected{
		Algorithm: es256, KeyID: h.KeyID, Claims: claims{h.Issuer, h.Subject}, Type: MediaType,
		Kind: h.Kind, Origin: h.Origin, Sequence: h.Sequence,
	}
	if h.Sequence > 1 {
		p.Previous = h.Previous[:]
	}
	head, err := encoder.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", place, err)
	}
	message, err := toBeSigned(head, payload)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", place, err)
	}
	*digest = sha256.Sum256(message)
	signature, err := s.Sign(message)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", place, err)
	}
	body, err := encoder.Marshal(envelope{Protected: head, Payload: payload, Signature: signature})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", place, err)
	}
	if 1+len(body) > MaxSize {
		return nil, fmt.Errorf("%s: %w: %d bytes, at most %d; log the payload by digest", place, ErrTooLarge, 1+len(body), MaxSize)
	}
	return append([]byte{tag18}, body...), nil
}

// Parse reads an encoded statement and proves its form: size, deterministic
// encoding of all its parts, exactly the known headers, bounds. It proves
// nothing about who made it.
func Parse(b []byte) (*Statement, error) {
	if len(b) > MaxSize {
		return nil, fmt.Errorf("statement: %w: %d bytes, at most %d", ErrTooLarge, len(b), MaxSize)
	}
	if len(b) == 0 || b[0] != tag18 {
		return nil, fmt.Errorf("statement: %w: not a tagged COSE_Sign1", ErrMalformed)
	}
	if err := canonical(b[1:]); err != nil {
		return nil, fmt.Errorf("statement: %w", err)
	}
	var e envelope
	if err := decoder.Unmarshal(b[1:], &e); err != nil {
		return nil, fmt.Errorf("statement: %w: %w", ErrMalformed, err)
	}
	if len(e.Signature) != keys.SignatureSize {
		return nil, fmt.Errorf("statement: %w: signature of %d bytes, want %d", ErrMalformed, len(e.Signature), keys.SignatureSize)
	}
	if err := canonical(e.Payload); err != nil {
		return nil, fmt.Errorf("statement: payload: %w", err)
	}
	if err := canonical(e.Protected); err != nil {
		return nil, fmt.Errorf("statement: protected header: %w", err)
	}
	var p protected
	if err := decoder.Unmarshal(e.Protected, &p); err != nil {
		return nil, fmt.Errorf("statement: protected header: %w: %w", ErrMalformed, err)
	}
	// A label that is absent, or a value in another of the forms the decoder
	// accepts (null for a string, say), does not come back the same.
	again, err := encoder.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("statement: protected header: %w: %w", ErrMalformed, err)
	}
	if !bytes.Equal(again, e.Protected) {
		return nil, fmt.Errorf("statement: protected header: %w: a label is missing or has a value of another type", ErrMalformed)
	}
	if p.Type != MediaType {
		return nil, fmt.Errorf("statement: protected header: %w: typ %q, want %q", ErrMalformed, p.Type, MediaType)
	}
	s := &Statement{
		Header: Header{
			Kind: p.Kind, Issuer: p.Claims.Issuer, Origin: p.Origin, Subject: p.Claims.Subject,
			Sequence: p.Sequence, KeyID: p.KeyID,
		},
		Payload:   e.Payload,
		algorithm: p.Algorithm,
		signature: e.Signature,
	}
	// A first statement with an explicit zero digest would otherwise be a second encoding of the same header.
	if want := previousSize(p.Sequence); len(p.Previous) != want {
		return nil, fmt.Errorf("statement: protected header: %w: previous digest of %d bytes in statement %d, want %d",
			ErrHeader, len(p.Previous), p.Sequence, want)
	}
	copy(s.Previous[:], p.Previous)
	if err := s.Header.check(); err != nil {
		return nil, fmt.Errorf("statement: protected header: %w", err)
	}
	if s.signed, err = toBeSigned(e.Protected, e.Payload); err != nil {
		return nil, fmt.Errorf("statement: %w: %w", ErrMalformed, err)
	}
	return s, nil
}

// previousSize is the length of the previous digest: the first statement
// about a subject has none.
func previousSize(sequence uint64) int {
	if sequence <= 1 {
		return 0
	}
	return sha256.Size
}

// Verify reports whether the key of r, valid at an instant (µs UTC), made the
// statement. The record decides the algorithm and the header must agree with
// it. What the statement is about, whether its issuer may say it, and its
// place in the log are the caller's to judge.
func (s *Statement) Verify(r keys.Record, at int64) error {
	place := fmt.Sprintf("statement: %s of %q, sequence %d", s.Kind, s.Subject, s.Sequence)
	switch {
	case !bytes.Equal(s.KeyID, r.ID):
		return fmt.Errorf("%s: %w: %x, the trusted one is %x", place, ErrWrongKey, s.KeyID, r.ID)
	case r.Role != s.Kind.Role():
		return fmt.Errorf("%s: %w: the key's role is %s, want %s", place, ErrWrongKey, r.Role, s.Kind.Role())
	case r.Algorithm != keys.ES256 || s.algorithm != es256:
		return fmt.Errorf("%s: %w: header %d, key record %s", place, ErrAlgorithm, s.algorithm, r.Algorithm)
	case !r.ValidAt(at):
		return fmt.Errorf("%s: %w: at %d, valid from %d to %d", place, ErrKeyNotValid, at, r.NotBefore, r.NotAfter)
	}
	if err := r.Verify(s.signed, s.signature); err != nil {
		return fmt.Errorf("%s: %w", place, err)
	}
	return nil
}

// Digest is SHA-256 over what is signed (the Sig_structure of RFC 9052 §4.4).
// The signature is not in it: an ES256 signature can be mirrored by anyone,
// and the statement stays the same.
func (s *Statement) Digest() [32]byte { return sha256.Sum256(s.signed) }
