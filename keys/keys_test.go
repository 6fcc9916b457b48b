package keys

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/json"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
)

func generate(t testing.TB, role Role) Signer {
	t.Helper()
	s, err := Generate(role)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSignVerify(t *testing.T) {
	for _, role := range Roles {
		t.Run(string(role), func(t *testing.T) {
			s := generate(t, role)
			want := ES256
			if role == Checkpoint {
				want = Ed25519
			}
			if s.Algorithm != want || len(s.ID) != 16 {
				t.Fatalf("algorithm %s, id of %d bytes; want %s, 16", s.Algorithm, len(s.ID), want)
			}
			msg := []byte("a statement")
			sig, err := s.Sign(msg)
			if err != nil || len(sig) != SignatureSize {
				t.Fatalf("Sign: %d bytes, %v", len(sig), err)
			}
			if err := s.Verify(msg, sig); err != nil {
				t.Fatal(err)
			}
			for i := range sig {
				bad := slices.Clone(sig)
				bad[i] ^= 1
				if err := s.Verify(msg, bad); !errors.Is(err, ErrBadSignature) {
					t.Fatalf("byte %d changed: %v", i, err)
				}
			}
			for _, bad := range [][]byte{nil, sig[:63], append(slices.Clone(sig), 0), make([]byte, 64)} {
				if err := s.Verify(msg, bad); !errors.Is(err, ErrBadSignature) {
					t.Errorf("signature of %d bytes: %v", len(bad), err)
				}
			}
			if err := s.Verify([]byte("another"), sig); !errors.Is(err, ErrBadSignature) {
				t.Errorf("another message: %v", err)
			}
			if err := generate(t, role).Verify(msg, sig); !errors.Is(err, ErrBadSignature) {
				t.Errorf("another key: %v", err)
			}
		})
	}
	if _, err := Generate("witness"); !errors.Is(err, ErrRole) {
		t.Errorf("unknown role: %v", err)
	}
}

func TestRecordCheck(t *testing.T) {
	good := generate(t, Statement).Record
	other := generate(t, Checkpoint).Record
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	if _, err := NewRecord(Statement, p384.Public()); !errors.Is(err, ErrRecord) {
		t.Errorf("P-384: %v", err)
	}
	for name, change := range map[string]func(*Record){
		"role of another algorithm": func(r *Record) { r.Role = Checkpoint },
		"unknown role":              func(r *Record) { r.Role = "root" },
		"algorithm not the role's":  func(r *Record) { r.Algorithm = Ed25519 },
		"no algorithm":              func(r *Record) { r.Algorithm = "" },
		"id of another key":         func(r *Record) { r.ID = other.ID },
		"short id":                  func(r *Record) { r.ID = r.ID[:15] },
		"no key":                    func(r *Record) { r.Public = nil },
		"endless key":               func(r *Record) { r.Public = make([]byte, 1<<20) },
		"times the wrong way round": func(r *Record) { r.NotBefore, r.NotAfter = 10, 9 },
		"negative time":             func(r *Record) { r.NotBefore = -1 },
		"key of another algorithm":  func(r *Record) { r.ID, r.Public = other.ID, other.Public },
		"no SPKI": func(r *Record) {
			r.Public = []byte("not DER")
			sum := sha256.Sum256(r.Public)
			r.ID = sum[:16]
		},
	} {
		r := good
		change(&r)
		if err := r.Check(); !errors.Is(err, ErrRecord) {
			t.Errorf("%s: %v", name, err)
		}
		if err := r.Verify([]byte("m"), make([]byte, 64)); !errors.Is(err, ErrRecord) {
			t.Errorf("%s: Verify: %v", name, err)
		}
	}
}

func TestValidAt(t *testing.T) {
	r := Record{NotBefore: 5, NotAfter: 9}
	for at, want := range map[int64]bool{4: false, 5: true, 9: true, 10: false} {
		if r.ValidAt(at) != want {
			t.Errorf("at %d: %v", at, !want)
		}
	}
	if !(Record{}).ValidAt(1 << 60) {
		t.Error("an open record ended")
	}
}

func TestFingerprint(t *testing.T) {
	r := Record{Public: []byte("abc")} // the test vector of FIPS 180-4
	want := "ba78 16bf 8f01 cfea 4141 40de 5dae 2223 b003 61a3 9617 7a9c b410 ff61 f200 15ad"
	if got := r.Fingerprint(); got != want {
		t.Errorf("got %s", got)
	}
}

func TestFixedRefusesWhatIsNotASignature(t *testing.T) {
	der := func(r, s *big.Int) []byte {
		b, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	one, wide := big.NewInt(1), new(big.Int).Lsh(big.NewInt(1), 256)
	if b, err := fixed(der(one, one)); err != nil || b[31] != 1 || b[63] != 1 {
		t.Errorf("padding: %x, %v", b, err)
	}
	for name, b := range map[string][]byte{
		"empty": nil, "trailing": append(der(one, one), 0), "zero": der(big.NewInt(0), one),
		"negative": der(one, big.NewInt(-1)), "too wide": der(wide, one),
	} {
		if _, err := fixed(b); !errors.Is(err, ErrBadSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A note signed here must open with the x/mod implementation, given only the
// verifier key.
func TestNote(t *testing.T) {
	const name = "office.example/log"
	s := generate(t, Checkpoint)
	signer, err := s.NoteSigner(name)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := note.Sign(&note.Note{Text: name + "\n1\nAAAA\n"}, signer)
	if err != nil {
		t.Fatal(err)
	}
	key, err := s.VerifierKey(name)
	if err != nil {
		t.Fatal(err)
	}
	v, err := note.NewVerifier(key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := note.Open(signed, note.VerifierList(v)); err != nil {
		t.Error(err)
	}
	own, err := s.NoteVerifier(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := note.Open(signed, note.VerifierList(own)); err != nil {
		t.Error(err)
	}
	other, err := generate(t, Checkpoint).NoteVerifier(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := note.Open(signed, note.VerifierList(other)); err == nil {
		t.Error("opened with another key of the same name")
	}
	if _, err := generate(t, Statement).NoteSigner(name); !errors.Is(err, ErrRole) {
		t.Errorf("statement key as note signer: %v", err)
	}
	if _, err := s.NoteSigner("two words"); err == nil {
		t.Error("a name with a space was taken")
	}
}

func FuzzRecord(f *testing.F) {
	good, err := json.Marshal(generate(f, Checkpoint).Record)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"id":"AA==","role":"label","algorithm":"ES256","public":"MA=="}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var r Record
		if json.Unmarshal(b, &r) != nil || r.Check() != nil {
			return
		}
		if strings.Count(r.Fingerprint(), " ") != 15 {
			t.Error("fingerprint is not 16 groups")
		}
		if err := r.Verify(b, make([]byte, SignatureSize)); !errors.Is(err, ErrBadSignature) {
			t.Errorf("zero signature: %v", err)
		}
	})
}

func BenchmarkVerifyES256(b *testing.B) {
	s := generate(b, Statement)
	msg := make([]byte, 700)
	sig, err := s.Sign(msg)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := s.Verify(msg, sig); err != nil {
			b.Fatal(err)
		}
	}
}
