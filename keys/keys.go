// Package keys holds the signing keys of an office, one per [Role], and the
// public [Record] by which others know them.
//
// What it trusts: a Record that the caller got from an act or from its own
// ring. The algorithm is read from that record and never from the message that
// is being checked, so a message cannot choose how it is verified. Private
// keys stay behind [crypto.Signer]; a hardware module needs no change here.
package keys

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// Errors of this package, wrapped with what was being done. Test with [errors.Is].
var (
	ErrRecord       = errors.New("key record is inconsistent")
	ErrRole         = errors.New("key has another role")
	ErrAlgorithm    = errors.New("algorithm is not the key's")
	ErrNotValid     = errors.New("key is not valid at that time")
	ErrBadSignature = errors.New("signature is false")
)

// Role is the one thing a key may sign.
type Role string

// The four roles of an office.
const (
	Identity   Role = "identity"   // names the office to its peers: the office document and key statements
	Statement  Role = "statement"  // what is logged
	Label      Role = "label"      // labels and credentials
	Checkpoint Role = "checkpoint" // heads of the log
)

// Roles lists every role, in the order of a ring.
var Roles = []Role{Identity, Statement, Label, Checkpoint}

// Names of the algorithms. Both make signatures of [SignatureSize] bytes.
const (
	ES256   = "ES256"   // ECDSA on P-256 with SHA-256, signature r‖s (RFC 9053 §2.1)
	Ed25519 = "Ed25519" // RFC 8032
)

// SignatureSize is the length in bytes of a signature of either algorithm.
const SignatureSize = 64

// algorithm is the algorithm of a role. Public logs must carry an Ed25519
// signature on the checkpoint (C2SP tlog-tiles); the rest is verified in
// browsers, all of which know ES256.
func (r Role) algorithm() (string, error) {
	switch r {
	case Identity, Statement, Label:
		return ES256, nil
	case Checkpoint:
		return Ed25519, nil
	}
	return "", fmt.Errorf("keys: role %q: %w: want one of %v", string(r), ErrRole, Roles)
}

// Record is what others know of a key. Its integer keys are fixed: records
// stand in logged statements.
type Record struct {
	ID        []byte `cbor:"1,keyasint" json:"id"`                             // kid: the first 16 bytes of SHA-256 over Public
	Role      Role   `cbor:"2,keyasint" json:"role"`                           //
	Algorithm string `cbor:"3,keyasint" json:"algorithm"`                      // [ES256] or [Ed25519], as the role demands
	Public    []byte `cbor:"4,keyasint" json:"public"`                         // SubjectPublicKeyInfo, DER (RFC 5280 §4.1.2.7)
	NotBefore int64  `cbor:"5,keyasint,omitempty" json:"not_before,omitempty"` // first µs UTC of validity, 0 = open
	NotAfter  int64  `cbor:"6,keyasint,omitempty" json:"not_after,omitempty"`  // last µs UTC of validity, 0 = open
}

// maxPublic bounds the SPKI; P-256 needs 91 bytes, Ed25519 44.
const maxPublic = 128

// NewRecord describes pub as the key of a role, valid without end. It fails
// where the key is not of the role's algorithm.
func NewRecord(role Role, pub crypto.PublicKey) (Record, error) {
	alg, err := role.algorithm()
	if err != nil {
		return Record{}, err
	}
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return Record{}, fmt.Errorf("keys: %s key: %w", role, err)
	}
	sum := sha256.Sum256(der)
	r := Record{ID: sum[:16], Role: role, Algorithm: alg, Public: der}
	return r, r.Check()
}

// Check reports whether the record agrees with itself: id and key, role and
// algorithm, algorithm and key, and the order of its times. A record from
// outside must pass it before it is stored. The error wraps [ErrRecord].
func (r Record) Check() error {
	_, err := r.key()
	return err
}

// key returns the public key of a consistent record:
// *ecdsa.PublicKey or ed25519.PublicKey.
func (r Record) key() (crypto.PublicKey, error) {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("keys: %s key %x: %w: %s", r.Role, r.ID, ErrRecord, fmt.Sprintf(format, args...))
	}
	alg, err := r.Role.algorithm()
	switch {
	case err != nil:
		return nil, bad("unknown role %q", string(r.Role))
	case r.Algorithm != alg:
		return nil, bad("algorithm %q, the role demands %s", r.Algorithm, alg)
	case len(r.Public) > maxPublic:
		return nil, bad("public key of %d bytes, at most %d", len(r.Public), maxPublic)
	case r.NotBefore < 0 || r.NotAfter < 0 || r.NotAfter != 0 && r.NotAfter < r.NotBefore:
		return nil, bad("validity from %d to %d", r.NotBefore, r.NotAfter)
	}
	if sum := sha256.Sum256(r.Public); !bytes.Equal(r.ID, sum[:16]) {
		return nil, bad("the id of this public key is %x", sum[:16])
	}
	pub, err := x509.ParsePKIXPublicKey(r.Public)
	if err != nil {
		return nil, bad("%v", err)
	}
	switch k := pub.(type) {
	case *ecdsa.PublicKey:
		if alg == ES256 && k.Curve == elliptic.P256() {
			return k, nil
		}
	case ed25519.PublicKey:
		if alg == Ed25519 {
			return k, nil
		}
	}
	return nil, bad("public key is %T, the algorithm is %s", pub, alg)
}

// ValidAt reports whether the key may sign at an instant (µs UTC); both
// bounds belong to the validity.
func (r Record) ValidAt(at int64) bool {
	return at >= r.NotBefore && (r.NotAfter == 0 || at <= r.NotAfter)
}

// Fingerprint is SHA-256 over the public key in hexadecimal, in groups of four
// digits: what two persons read to each other before their offices pair.
func (r Record) Fingerprint() string {
	sum := sha256.Sum256(r.Public)
	digits := hex.EncodeToString(sum[:])
	groups := make([]string, 0, len(digits)/4)
	for ; digits != ""; digits = digits[4:] {
		groups = append(groups, digits[:4])
	}
	return strings.Join(groups, " ")
}

// Verify checks a signature made by [Signer.Sign] with the record's
// algorithm. It does not look at the key's times: the caller knows which
// instant counts. A false signature gives [ErrBadSignature].
//
// An ES256 signature (r, s) has a twin (r, n−s) that verifies as well; never
// tell messages apart by their signatures.
func (r Record) Verify(message, signature []byte) error {
	pub, err := r.key()
	if err != nil {
		return err
	}
	ok := false
	switch k := pub.(type) {
	case *ecdsa.PublicKey:
		ok = verifyES256(k, message, signature)
	case ed25519.PublicKey:
		ok = ed25519.Verify(k, message, signature)
	}
	if !ok {
		return fmt.Errorf("keys: %s key %x: %w", r.Role, r.ID, ErrBadSignature)
	}
	return nil
}

func verifyES256(k *ecdsa.PublicKey, message, signature []byte) bool {
	if len(signature) != SignatureSize {
		return false
	}
	digest := sha256.Sum256(message)
	return ecdsa.Verify(k, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
}

// Signer is a private key and its record.
type Signer struct {
	Record
	Signer crypto.Signer
}

// Generate makes a fresh key for a role: ES256, or Ed25519 for checkpoints.
func Generate(role Role) (Signer, error) {
	alg, err := role.algorithm()
	if err != nil {
		return Signer{}, err
	}
	var k crypto.Signer
	if alg == Ed25519 {
		_, k, err = ed25519.GenerateKey(rand.Reader)
	} else {
		k, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		return Signer{}, fmt.Errorf("keys: generating a %s key: %w", role, err)
	}
	r, err := NewRecord(role, k.Public())
	return Signer{Record: r, Signer: k}, err
}

// Sign signs message with the record's algorithm and returns [SignatureSize]
// bytes.
func (s Signer) Sign(message []byte) ([]byte, error) {
	var sig []byte
	var err error
	switch s.Algorithm {
	case Ed25519:
		sig, err = s.Signer.Sign(rand.Reader, message, crypto.Hash(0))
	case ES256:
		sig, err = signES256(s.Signer, message)
	default:
		err = ErrAlgorithm
	}
	if err != nil {
		return nil, fmt.Errorf("keys: signing with %s key %x: %w", s.Role, s.ID, err)
	}
	return sig, nil
}

func signES256(k crypto.Signer, message []byte) ([]byte, error) {
	digest := sha256.Sum256(message)
	sig, err := k.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	return fixed(sig)
}

// fixed turns the DER form that every crypto.Signer gives for ECDSA into the
// fixed-size r‖s of COSE and JOSE.
func fixed(der []byte) ([]byte, error) {
	var sig struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &sig); err != nil || len(rest) != 0 {
		return nil, fmt.Errorf("%w: not DER (%v, %d bytes left over)", ErrBadSignature, err, len(rest))
	}
	if sig.R.Sign() <= 0 || sig.S.Sign() <= 0 || sig.R.BitLen() > 256 || sig.S.BitLen() > 256 {
		return nil, fmt.Errorf("%w: out of range", ErrBadSignature)
	}
	out := make([]byte, SignatureSize)
	sig.R.FillBytes(out[:32])
	sig.S.FillBytes(out[32:])
	return out, nil
}
