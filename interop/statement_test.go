package interop

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"testing"

	"github.com/veraison/go-cose"

	"assay/keys"
	"assay/statement"
)

// go-cose reads what Assay signs, and sees each byte that changes.
func TestCOSEReadsStatements(t *testing.T) {
	ring, err := keys.NewRing()
	if err != nil {
		t.Fatal(err)
	}
	payload, err := statement.Encode(map[string]any{"certificate": "EX-1", "level": 3})
	if err != nil {
		t.Fatal(err)
	}
	h := statement.Header{Kind: statement.Status, Issuer: "office", Origin: origin, Subject: "scheme-1", Sequence: 2, Previous: [32]byte{1}}
	body, err := statement.Sign(ring.Statement, h, payload)
	if err != nil {
		t.Fatal(err)
	}
	verifier := coseVerifier(t, ring.Statement.Record)
	var m cose.Sign1Message
	if err := m.UnmarshalCBOR(body); err != nil {
		t.Fatal(err)
	}
	if err := m.Verify(nil, verifier); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(m.Payload, payload) {
		t.Error("payload differs")
	}
	p := m.Headers.Protected
	claims, _ := p[cose.HeaderLabelCWTClaims].(map[any]any)
	for name, pair := range map[string][2]any{
		"typ":      {p[cose.HeaderLabelType], statement.MediaType},
		"issuer":   {claims[cose.CWTClaimIssuer], "office"},
		"subject":  {claims[cose.CWTClaimSubject], "scheme-1"},
		"kind":     {p[int64(-70001)], "status"},
		"origin":   {p[int64(-70002)], origin},
		"sequence": {p[int64(-70003)], int64(2)},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %v (%T), want %v", name, pair[0], pair[0], pair[1])
		}
	}
	if alg, err := p.Algorithm(); err != nil || alg != cose.AlgorithmES256 {
		t.Errorf("algorithm %v, %v", alg, err)
	}
	if kid, _ := p[cose.HeaderLabelKeyID].([]byte); !bytes.Equal(kid, ring.Statement.ID) {
		t.Errorf("kid %x, want %x", kid, ring.Statement.ID)
	}
	for i := range body {
		bad := bytes.Clone(body)
		bad[i] ^= 1
		var m cose.Sign1Message
		if m.UnmarshalCBOR(bad) == nil && m.Verify(nil, verifier) == nil {
			t.Errorf("byte %d changed: go-cose verifies it", i)
		}
	}
	if m.Verify(nil, coseVerifier(t, ring.Label.Record)) == nil {
		t.Error("another key verifies it")
	}
}

func coseVerifier(t *testing.T, r keys.Record) cose.Verifier {
	t.Helper()
	pub, err := x509.ParsePKIXPublicKey(r.Public)
	if err != nil {
		t.Fatal(err)
	}
	v, err := cose.NewVerifier(cose.AlgorithmES256, pub)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// What another implementation signs in this shape is a statement; with one
// header more it is none.
func TestStatementsFromCOSE(t *testing.T) {
	ring, err := keys.NewRing()
	if err != nil {
		t.Fatal(err)
	}
	payload, err := statement.Encode([]string{"a", "b"})
	if err != nil {
		t.Fatal(err)
	}
	signer, err := cose.NewSigner(cose.AlgorithmES256, ring.Statement.Signer)
	if err != nil {
		t.Fatal(err)
	}
	headers := func() cose.Headers {
		return cose.Headers{Protected: cose.ProtectedHeader{
			cose.HeaderLabelAlgorithm: cose.AlgorithmES256,
			cose.HeaderLabelKeyID:     ring.Statement.ID,
			cose.HeaderLabelType:      statement.MediaType,
			cose.HeaderLabelCWTClaims: map[any]any{cose.CWTClaimIssuer: "office", cose.CWTClaimSubject: "scheme-1"},
			int64(-70001):             "grant",
			int64(-70002):             origin,
			int64(-70003):             uint64(1),
		}}
	}
	body, err := cose.Sign1(rand.Reader, signer, headers(), payload, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := statement.Parse(body)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(ring.Statement.Record, 0); err != nil {
		t.Error(err)
	}
	if s.Kind != statement.Grant || s.Issuer != "office" || s.Sequence != 1 {
		t.Errorf("read as %+v", s.Header)
	}
	for name, c := range map[string]struct {
		change func(*cose.Headers)
		want   error
	}{
		"a critical header":     {func(h *cose.Headers) { h.Protected[cose.HeaderLabelCritical] = []any{int64(-70001)} }, statement.ErrMalformed},
		"one more header":       {func(h *cose.Headers) { h.Protected[int64(-70009)] = "x" }, statement.ErrMalformed},
		"an unprotected header": {func(h *cose.Headers) { h.Unprotected = cose.UnprotectedHeader{int64(99): "x"} }, statement.ErrMalformed},
		"no kind":               {func(h *cose.Headers) { delete(h.Protected, int64(-70001)) }, statement.ErrMalformed},
		"sequence 0":            {func(h *cose.Headers) { h.Protected[int64(-70003)] = uint64(0) }, statement.ErrHeader},
	} {
		h := headers()
		c.change(&h)
		body, err := cose.Sign1(rand.Reader, signer, h, payload, nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := statement.Parse(body); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
