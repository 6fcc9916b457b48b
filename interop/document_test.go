package interop

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jws"

	"assay/keys"
	"assay/peer"
)

func document(t *testing.T) (peer.Document, *keys.Ring) {
	t.Helper()
	ring, err := keys.NewRing()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	return peer.Document{
		Office: "office", Name: map[string]string{"en": "An office", "ko": "사무소"}, Territory: "XX",
		Authorities: []string{"authority"}, Schemes: []string{"scheme"}, Ring: "demo", Origin: origin,
		Keys: ring.Records(), Serial: 7, Issued: now, Expires: now.AddDate(0, 1, 0),
	}, ring
}

// jwx verifies the office document with the identity key that stands in it.
func TestJOSEReadsOfficeDocument(t *testing.T) {
	d, ring := document(t)
	b, err := peer.SignDocument(d, ring.Identity)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.ParsePKIXPublicKey(ring.Identity.Public)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := jws.Verify(b, jws.WithKey(jwa.ES256(), key))
	if err != nil {
		t.Fatal(err)
	}
	var got peer.Document
	if err := json.Unmarshal(payload, &got); err != nil {
		t.Fatal(err)
	}
	if got.Fingerprint() != ring.Identity.Fingerprint() || got.Serial != d.Serial || got.Name["ko"] != d.Name["ko"] {
		t.Errorf("read %+v", got)
	}
	other, err := x509.ParsePKIXPublicKey(ring.Statement.Public)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jws.Verify(b, jws.WithKey(jwa.ES256(), other)); err == nil {
		t.Error("another key verifies it")
	}
	var form struct{ Payload, Protected, Signature string }
	if err := json.Unmarshal(b, &form); err != nil {
		t.Fatal(err)
	}
	changed := []byte(form.Payload)
	changed[len(changed)/2] ^= 1
	form.Payload = string(changed)
	bad, err := json.Marshal(map[string]string{"payload": form.Payload, "protected": form.Protected, "signature": form.Signature})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jws.Verify(bad, jws.WithKey(jwa.ES256(), key)); err == nil {
		t.Error("a changed payload verifies")
	}
}

// A document that another implementation signs is read, if its type says that
// it is one.
func TestOfficeDocumentFromJOSE(t *testing.T) {
	d, ring := document(t)
	payload, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	for typ, want := range map[string]error{"assay-office+json": nil, "JWT": peer.ErrDocument} {
		h := jws.NewHeaders()
		if err := h.Set(jws.TypeKey, typ); err != nil {
			t.Fatal(err)
		}
		b, err := jws.Sign(payload, jws.WithJSON(), jws.WithKey(jwa.ES256(), ring.Identity.Signer, jws.WithProtectedHeaders(h)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := peer.ParseDocument(b, ring.Identity.Fingerprint())
		if !errors.Is(err, want) {
			t.Errorf("type %q: %v, want %v", typ, err, want)
		}
		if want == nil && got.Serial != d.Serial {
			t.Errorf("serial %d", got.Serial)
		}
	}
}
