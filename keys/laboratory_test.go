package keys

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func said(phrase string) func() (string, error) { return func() (string, error) { return phrase, nil } }

func noPhrase() (string, error) { return "", errors.New("asked for a passphrase") }

func TestLaboratory(t *testing.T) {
	k, err := NewLaboratory()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "lab.age")
	if err := k.Save(path, "passphrase", work); err != nil {
		t.Fatal(err)
	}
	if err := k.Save(path, "passphrase", work); !errors.Is(err, ErrExists) {
		t.Errorf("saved over itself: %v", err)
	}
	got, err := OpenLaboratory(path, said("passphrase"))
	if err != nil {
		t.Fatal(err)
	}
	sig, err := got.Sign([]byte("report"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := ParseLaboratoryPublic(k.Public().DER)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Verify([]byte("report"), sig); err != nil {
		t.Error(err)
	}
	if err := p.Verify([]byte("another"), sig); !errors.Is(err, ErrBadSignature) {
		t.Errorf("another message: %v", err)
	}
	if len(p.ID()) != 16 || len(p.Fingerprint()) != 64 {
		t.Errorf("id %x, fingerprint %s", p.ID(), p.Fingerprint())
	}
	if _, err := OpenLaboratory(path, said("wrong")); !errors.Is(err, ErrPassphrase) {
		t.Errorf("wrong passphrase: %v", err)
	}
	ring := filepath.Join(t.TempDir(), "ring.age")
	if _, err := Create(ring, "passphrase", work); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenLaboratory(ring, said("passphrase")); !errors.Is(err, ErrFile) {
		t.Errorf("an office's ring: %v", err)
	}
	if _, err := Open(path, "passphrase"); !errors.Is(err, ErrFile) {
		t.Errorf("a laboratory's key as a ring: %v", err)
	}
}

func TestLaboratoryPEM(t *testing.T) {
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(typ string, k any) []byte {
		der, err := x509.MarshalPKCS8PrivateKey(k)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: typ, Bytes: der})
	}
	for _, c := range []struct {
		name string
		file []byte
		mode os.FileMode
		is   error
		says string
	}{
		{"good", encode("PRIVATE KEY", p256), 0o600, nil, ""},
		{"readable by others", encode("PRIVATE KEY", p256), 0o640, ErrFile, "others may read"},
		{"encrypted", encode("ENCRYPTED PRIVATE KEY", p256), 0o600, ErrFile, "ENCRYPTED"},
		{"another curve", encode("PRIVATE KEY", p384), 0o600, ErrFile, "P-256"},
		{"another algorithm", encode("PRIVATE KEY", ed), 0o600, ErrFile, "ed25519"},
		{"no key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}), 0o600, ErrFile, "asn1"},
		{"large", make([]byte, maxFile+1), 0o600, ErrFile, "more than"},
	} {
		path := filepath.Join(t.TempDir(), "key.pem")
		if err := os.WriteFile(path, c.file, c.mode); err != nil {
			t.Fatal(err)
		}
		k, err := OpenLaboratory(path, noPhrase)
		if !errors.Is(err, c.is) || (err != nil && !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v", c.name, err)
		}
		if err == nil && !p256.PublicKey.Equal(k.Public().key) {
			t.Errorf("%s: another key", c.name)
		}
	}
	for name, der := range map[string][]byte{"nothing": nil, "large": make([]byte, maxPublic+1), "not DER": []byte("x")} {
		if _, err := ParseLaboratoryPublic(der); err == nil {
			t.Errorf("public key: %s was taken", name)
		}
	}
	other, err := x509.MarshalPKIXPublicKey(p384.Public())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseLaboratoryPublic(other); err == nil {
		t.Error("a public key on another curve was taken")
	}
}
