//go:build pkcs11

package keys

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"strings"

	"github.com/miekg/pkcs11"
)

// sessions is how many signatures a token may make at once.
const sessions = 4

// Of PKCS #11 v3.0 §2.3, which the binding does not name yet.
const (
	ckkEdwards    = 0x40   // CKK_EC_EDWARDS
	ckmEdwardsGen = 0x1055 // CKM_EC_EDWARDS_KEY_PAIR_GEN
	ckmEdDSA      = 0x1057 // CKM_EDDSA
)

// maxPIN bounds a PIN file, in bytes.
const maxPIN = 1 << 10

// token is an open token. Its sessions are lent by a channel: a session does
// one thing at a time.
type token struct {
	ctx  *pkcs11.Ctx
	free chan pkcs11.SessionHandle
}

// OpenPKCS11 makes a ring of keys in a hardware module: one pair, private and
// public object, under each label. Roles without a label are taken from rest,
// which may be nil where every role has one. Each key signs once before it is
// returned, so that a pair that does not belong together shows here and not in
// the log. The function returned closes the sessions; the ring is of no use
// afterwards.
func OpenPKCS11(p PKCS11, rest *Ring) (ring *Ring, end func() error, err error) {
	t, err := openToken(p)
	if err != nil {
		return nil, nil, fmt.Errorf("keys: token %q of %s: %w", p.Token, p.Module, err)
	}
	defer func() {
		if err != nil {
			t.close()
		}
	}()
	ring = new(Ring)
	for _, role := range Roles {
		label := p.Labels[role]
		if label == "" {
			if rest == nil {
				return nil, nil, fmt.Errorf("keys: token %q: %w: no label is given for the %s key", p.Token, ErrToken, role)
			}
			*ring.slot(role) = *rest.slot(role)
			continue
		}
		s, err := t.key(role, label)
		if err != nil {
			return nil, nil, fmt.Errorf("keys: token %q: %s key labeled %q: %w", p.Token, role, label, err)
		}
		*ring.slot(role) = s
	}
	return ring, t.close, nil
}

func openToken(p PKCS11) (*token, error) {
	pin, err := readPIN(p.PINFile)
	if err != nil {
		return nil, err
	}
	ctx := pkcs11.New(p.Module)
	if ctx == nil {
		return nil, fmt.Errorf("%w: the library cannot be loaded", ErrToken)
	}
	// A module is initialized once for a process, and never finalized: another
	// ring may be using it.
	if err := ctx.Initialize(); err != nil && !errors.Is(err, pkcs11.Error(pkcs11.CKR_CRYPTOKI_ALREADY_INITIALIZED)) {
		return nil, err
	}
	slots, err := ctx.GetSlotList(true)
	if err != nil {
		return nil, err
	}
	for _, slot := range slots {
		info, err := ctx.GetTokenInfo(slot)
		if err != nil || strings.TrimRight(info.Label, " \x00") != p.Token {
			continue
		}
		t := &token{ctx: ctx, free: make(chan pkcs11.SessionHandle, sessions)}
		for i := range sessions {
			s, err := ctx.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION)
			if err == nil && i == 0 {
				if err = ctx.Login(s, pkcs11.CKU_USER, pin); errors.Is(err, pkcs11.Error(pkcs11.CKR_USER_ALREADY_LOGGED_IN)) {
					err = nil
				}
			}
			if err != nil {
				t.close()
				return nil, err
			}
			t.free <- s
		}
		return t, nil
	}
	return nil, fmt.Errorf("%w: no token has that label", ErrToken)
}

func readPIN(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("PIN: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxPIN+1))
	pin := strings.TrimRight(string(b), "\r\n")
	if err != nil || len(b) > maxPIN || pin == "" {
		return "", fmt.Errorf("PIN: %w: %s is empty, too long, or not readable (%v)", ErrFile, path, err)
	}
	return pin, nil
}

// close ends the sessions that are not in use.
func (t *token) close() error {
	var errs []error
	for {
		select {
		case s := <-t.free:
			errs = append(errs, t.ctx.CloseSession(s))
		default:
			return errors.Join(errs...)
		}
	}
}

// key is the pair with a label, proven to belong together.
func (t *token) key(role Role, label string) (Signer, error) {
	alg, err := role.algorithm()
	if err != nil {
		return Signer{}, err
	}
	k := &tokenKey{token: t, mechanism: pkcs11.CKM_ECDSA}
	kind := uint(pkcs11.CKK_EC)
	if alg == Ed25519 {
		k.mechanism, kind = ckmEdDSA, ckkEdwards
	}
	if k.private, err = t.find(pkcs11.CKO_PRIVATE_KEY, kind, label); err != nil {
		return Signer{}, err
	}
	public, err := t.find(pkcs11.CKO_PUBLIC_KEY, kind, label)
	if err != nil {
		return Signer{}, err
	}
	if k.public, err = t.publicKey(public, alg); err != nil {
		return Signer{}, err
	}
	r, err := NewRecord(role, k.public)
	if err != nil {
		return Signer{}, err
	}
	s := Signer{Record: r, Signer: k}
	proof := []byte("assay: proof that a pair in a token belongs together")
	sig, err := s.Sign(proof)
	if err == nil {
		err = s.Verify(proof, sig)
	}
	return s, err
}

// find gives the one object of a class with a label.
func (t *token) find(class, kind uint, label string) (pkcs11.ObjectHandle, error) {
	s := <-t.free
	defer func() { t.free <- s }()
	if err := t.ctx.FindObjectsInit(s, []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, class), pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, kind), pkcs11.NewAttribute(pkcs11.CKA_LABEL, label),
	}); err != nil {
		return 0, err
	}
	found, _, err := t.ctx.FindObjects(s, 2)
	if err = errors.Join(err, t.ctx.FindObjectsFinal(s)); err != nil {
		return 0, err
	}
	if len(found) != 1 {
		what := "private"
		if class == pkcs11.CKO_PUBLIC_KEY {
			what = "public"
		}
		return 0, fmt.Errorf("%w: %d %s keys of its algorithm have the label, want one (more may be hidden behind the PIN)", ErrToken, len(found), what)
	}
	return found[0], nil
}

// publicKey reads a public key's point: inside a DER OCTET STRING (PKCS #11
// v3.0 §2.3.3), or bare as some modules give it.
func (t *token) publicKey(h pkcs11.ObjectHandle, alg string) (crypto.PublicKey, error) {
	s := <-t.free
	defer func() { t.free <- s }()
	as, err := t.ctx.GetAttributeValue(s, h, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_EC_POINT, nil)})
	if err != nil {
		return nil, err
	}
	point := as[0].Value
	var inner []byte
	if rest, err := asn1.Unmarshal(point, &inner); err == nil && len(rest) == 0 {
		point = inner
	}
	if alg == Ed25519 {
		if len(point) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("%w: an Ed25519 point of %d bytes", ErrToken, len(point))
		}
		return ed25519.PublicKey(bytes.Clone(point)), nil
	}
	pub, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return nil, fmt.Errorf("%w: its point is not on P-256: %w", ErrToken, err)
	}
	return pub, nil
}

// tokenKey is a private key that never leaves its token.
type tokenKey struct {
	*token
	private   pkcs11.ObjectHandle
	public    crypto.PublicKey
	mechanism uint
}

func (k *tokenKey) Public() crypto.PublicKey { return k.public }

// Sign signs a digest with ECDSA, giving DER as [crypto.Signer] has it where
// PKCS #11 has r‖s, or a whole message with Ed25519.
func (k *tokenKey) Sign(_ io.Reader, message []byte, o crypto.SignerOpts) ([]byte, error) {
	if k.mechanism == pkcs11.CKM_ECDSA && len(message) != o.HashFunc().Size() || k.mechanism == ckmEdDSA && o.HashFunc() != 0 {
		return nil, fmt.Errorf("%w: ECDSA signs a digest, Ed25519 a message", ErrAlgorithm)
	}
	s := <-k.free
	defer func() { k.free <- s }()
	if err := k.ctx.SignInit(s, []*pkcs11.Mechanism{pkcs11.NewMechanism(k.mechanism, nil)}, k.private); err != nil {
		return nil, err
	}
	sig, err := k.ctx.Sign(s, message)
	if err != nil || k.mechanism == ckmEdDSA {
		return sig, err
	}
	if len(sig) != SignatureSize {
		return nil, fmt.Errorf("%w: %d bytes from the token, want %d", ErrBadSignature, len(sig), SignatureSize)
	}
	return asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])})
}
