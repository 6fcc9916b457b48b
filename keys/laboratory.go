package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Laboratory is a test laboratory's own key, which signs its reports (ES256).
// It has no role: an office neither has such a key nor takes one for its own.
type Laboratory struct{ signer crypto.Signer }

// NewLaboratory makes a fresh key.
func NewLaboratory() (*Laboratory, error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("keys: generating a laboratory's key: %w", err)
	}
	return &Laboratory{k}, nil
}

// Public is the public half.
func (l *Laboratory) Public() LaboratoryPublic {
	p, err := newLaboratoryPublic(l.signer.Public())
	if err != nil {
		panic(err) // no constructor takes such a key
	}
	return p
}

// Sign signs message and returns [SignatureSize] bytes, r‖s.
func (l *Laboratory) Sign(message []byte) ([]byte, error) {
	sig, err := signES256(l.signer, message)
	if err != nil {
		return nil, fmt.Errorf("keys: signing with laboratory key %x: %w", l.Public().ID(), err)
	}
	return sig, nil
}

// LaboratoryPublic is the public half of a laboratory's key.
type LaboratoryPublic struct {
	DER []byte // SubjectPublicKeyInfo (RFC 5280 §4.1.2.7)
	key *ecdsa.PublicKey
}

// ParseLaboratoryPublic reads a SubjectPublicKeyInfo, DER. Any other key than
// one on P-256, and any other form of it, is refused: a key has one fingerprint.
func ParseLaboratoryPublic(der []byte) (LaboratoryPublic, error) {
	if len(der) > maxPublic {
		return LaboratoryPublic{}, fmt.Errorf("keys: public key of %d bytes, at most %d", len(der), maxPublic)
	}
	pub, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return LaboratoryPublic{}, fmt.Errorf("keys: public key: %w", err)
	}
	p, err := newLaboratoryPublic(pub)
	if err == nil && string(p.DER) != string(der) {
		err = errors.New("keys: public key is not in its usual form")
	}
	return p, err
}

func newLaboratoryPublic(pub crypto.PublicKey) (LaboratoryPublic, error) {
	k, ok := pub.(*ecdsa.PublicKey)
	if !ok || k.Curve != elliptic.P256() {
		return LaboratoryPublic{}, fmt.Errorf("keys: public key is %T, want ECDSA on P-256", pub)
	}
	der, err := x509.MarshalPKIXPublicKey(k)
	if err != nil {
		return LaboratoryPublic{}, fmt.Errorf("keys: public key: %w", err)
	}
	return LaboratoryPublic{der, k}, nil
}

// ID is the key's kid: the first 16 bytes of SHA-256 over DER.
func (p LaboratoryPublic) ID() []byte {
	sum := sha256.Sum256(p.DER)
	return sum[:16]
}

// Fingerprint is SHA-256 over DER, 64 hexadecimal digits.
func (p LaboratoryPublic) Fingerprint() string {
	sum := sha256.Sum256(p.DER)
	return hex.EncodeToString(sum[:])
}

// Verify checks a signature made by [Laboratory.Sign]; a false one is
// [ErrBadSignature].
func (p LaboratoryPublic) Verify(message, signature []byte) error {
	if p.key == nil || !verifyES256(p.key, message, signature) {
		return fmt.Errorf("keys: laboratory key %x: %w", p.ID(), ErrBadSignature)
	}
	return nil
}

// laboratoryFile is the plaintext of a laboratory's key file.
type laboratoryFile struct {
	Version int    `json:"version"`
	Private []byte `json:"private"` // PKCS #8, DER
}

// Save keeps the key at path as a ring is kept, with the same errors:
// encrypted with age (work as in [Create]), durable, never over another file.
func (l *Laboratory) Save(path, passphrase string, work int) error {
	if work == 0 {
		work = DefaultWork
	}
	der, err := x509.MarshalPKCS8PrivateKey(l.signer)
	if err != nil {
		return fmt.Errorf("keys: sealing %s: %w", path, err)
	}
	plain, err := json.Marshal(laboratoryFile{1, der})
	if err != nil {
		return fmt.Errorf("keys: sealing %s: %w", path, err)
	}
	sealed, err := encrypt(plain, passphrase, work)
	if err != nil {
		return fmt.Errorf("keys: sealing %s: %w", path, err)
	}
	if err := writeNew(path, sealed); err != nil {
		return fmt.Errorf("keys: writing %s: %w", path, err)
	}
	return nil
}

// OpenLaboratory reads a key file: one that [Laboratory.Save] made, for which
// passphrase is asked, or a PEM file with a PKCS #8 private key on P-256
// ("PRIVATE KEY", as openssl writes it), which has none and which nobody but
// its owner may be able to read.
func OpenLaboratory(path string, passphrase func() (string, error)) (*Laboratory, error) {
	b, mode, err := readKeyFile(path)
	if err != nil {
		return nil, fmt.Errorf("keys: reading %s: %w", path, err)
	}
	var der []byte
	if block, _ := pem.Decode(b); block != nil {
		switch {
		case block.Type != "PRIVATE KEY":
			return nil, fmt.Errorf("keys: %s: %w: it holds %.40q; take an unencrypted PKCS #8 PRIVATE KEY, or make a key here", path, ErrFile, block.Type)
		case mode.Perm()&0o077 != 0:
			return nil, fmt.Errorf("keys: %s: %w: others may read it (mode %04o); take that away from them (0600)", path, ErrFile, mode.Perm())
		}
		der = block.Bytes
	} else {
		phrase, err := passphrase()
		if err != nil {
			return nil, err
		}
		plain, err := decrypt(b, phrase)
		if err != nil {
			return nil, fmt.Errorf("keys: opening %s: %w", path, err)
		}
		var f laboratoryFile
		if err := json.Unmarshal(plain, &f); err != nil || f.Version != 1 {
			return nil, fmt.Errorf("keys: %s: %w: it is no laboratory's key", path, ErrFile)
		}
		der = f.Private
	}
	k, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("keys: %s: %w: %v", path, ErrFile, err)
	}
	signer, ok := k.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("keys: %s: %w: %T, want ECDSA on P-256", path, ErrFile, k)
	}
	if _, err := newLaboratoryPublic(signer.Public()); err != nil {
		return nil, fmt.Errorf("keys: %s: %w: %v", path, ErrFile, err)
	}
	return &Laboratory{signer}, nil
}

func readKeyFile(path string) ([]byte, fs.FileMode, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = fmt.Errorf("%w: more than %d bytes", ErrFile, maxFile)
	}
	return b, info.Mode(), err
}
