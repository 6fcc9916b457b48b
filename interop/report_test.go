package interop

import (
	"crypto/x509"
	"encoding/base64"
	"io"
	"testing"

	"github.com/veraison/go-cose"

	"assay/civil"
	"assay/keys"
	"assay/labsign"
	"assay/scheme"
)

// signer is a laboratory's key for go-cose.
type signer struct{ k *keys.Laboratory }

func (s signer) Algorithm() cose.Algorithm                        { return cose.AlgorithmES256 }
func (s signer) Sign(_ io.Reader, message []byte) ([]byte, error) { return s.k.Sign(message) }

// go-cose verifies a laboratory's signature over a report that stays where it
// is, and the other way round.
func TestCOSEAndReports(t *testing.T) {
	k, err := keys.NewLaboratory()
	if err != nil {
		t.Fatal(err)
	}
	report := []byte("number: R-1\n")
	text, err := labsign.Sign(k, report)
	if err != nil {
		t.Fatal(err)
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	pub, err := x509.ParsePKIXPublicKey(k.Public().DER)
	if err != nil {
		t.Fatal(err)
	}
	v, err := cose.NewVerifier(cose.AlgorithmES256, pub)
	if err != nil {
		t.Fatal(err)
	}
	var m cose.Sign1Message
	if err := m.UnmarshalCBOR(b); err != nil {
		t.Fatal(err)
	}
	if m.Payload != nil {
		t.Errorf("the payload is not detached: %q", m.Payload)
	}
	if typ := m.Headers.Protected[cose.HeaderLabelType]; typ != labsign.MediaType {
		t.Errorf("typ %v", typ)
	}
	if m.Payload = report; m.Verify(nil, v) != nil {
		t.Error("go-cose does not verify it")
	}
	if m.Payload = []byte("number: R-2\n"); m.Verify(nil, v) == nil {
		t.Error("go-cose verifies another report")
	}

	theirs := cose.NewSign1Message()
	theirs.Headers.Protected = cose.ProtectedHeader{
		cose.HeaderLabelAlgorithm: cose.AlgorithmES256, cose.HeaderLabelKeyID: k.Public().ID(), cose.HeaderLabelType: labsign.MediaType,
	}
	theirs.Payload = report
	if err := theirs.Sign(nil, nil, signer{k}); err != nil {
		t.Fatal(err)
	}
	theirs.Payload = nil
	if b, err = theirs.MarshalCBOR(); err != nil {
		t.Fatal(err)
	}
	cat := &scheme.Catalog{Laboratories: []scheme.Lab{{ID: "lab:7", Keys: []scheme.LabKey{{Public: labsign.Public(k.Public())}}}}}
	if _, err := labsign.Check(cat)("lab:7", civil.MustDate("2026-01-01"), report, base64.StdEncoding.EncodeToString(b)); err != nil {
		t.Error(err)
	}
}
