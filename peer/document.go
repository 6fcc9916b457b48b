package peer

import (
	"bytes"
	"crypto/subtle"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"

	"assay/keys"
)

// Document is what an office says of itself at [DocumentPath]. It serves
// pairing: two officers compare the fingerprint of its identity key by voice, and
// acts on both sides pin its keys. It has no address, and none would be believed.
type Document struct {
	Office      string            `json:"office"`      // office id
	Name        map[string]string `json:"name"`        // by language tag
	Territory   string            `json:"territory"`   // where its acts have effect
	Authorities []string          `json:"authorities"` // ids of the authorities it acts for
	Schemes     []string          `json:"schemes"`     // ids of the schemes it grants under
	Ring        string            `json:"ring"`
	Origin      string            `json:"origin"` // of its log
	Keys        []keys.Record     `json:"keys"`   // in force and retired; exactly one identity key
	Serial      uint64            `json:"serial"` // rises with every change
	Issued      time.Time         `json:"issued"`
	Expires     time.Time         `json:"expires"`
}

// Errors of an office document, wrapped with what is wrong.
var (
	ErrDocument    = errors.New("office document is not valid")
	ErrFingerprint = errors.New("fingerprint is not the one compared")
	ErrExpired     = errors.New("office document is not in force")
	ErrSerial      = errors.New("office document is older than the one known")
)

// documentType is the JWS type header (RFC 7515 §4.1.9).
const documentType = "assay-office+json"

// Bounds of a document's lists and of a name in a language.
const (
	maxKeys  = 64
	maxList  = 256
	maxLabel = 1024
)

// SignDocument signs a document with the identity key it names: flattened JWS
// JSON (RFC 7515 §7.2.2), ES256.
func SignDocument(d Document, identity keys.Signer) ([]byte, error) {
	d.Issued, d.Expires = d.Issued.UTC(), d.Expires.UTC()
	id, err := d.identity()
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(id.ID, identity.ID) || identity.Role != keys.Identity {
		return nil, fmt.Errorf("peer: signing the office document: %w: its identity key is %x, the signer %s %x",
			ErrDocument, id.ID, identity.Role, identity.ID)
	}
	payload, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("peer: signing the office document: %w", err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jwsKey{identity}},
		(&jose.SignerOptions{}).WithType(documentType))
	if err != nil {
		return nil, fmt.Errorf("peer: signing the office document: %w", err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		return nil, fmt.Errorf("peer: signing the office document: %w", err)
	}
	out := []byte(jws.FullSerialize())
	if len(out) > maxDocument {
		return nil, fmt.Errorf("peer: signing the office document: %w: %d bytes, at most %d", ErrDocument, len(out), maxDocument)
	}
	return out, nil
}

// jwsKey lets go-jose sign with a key that need not be in memory.
type jwsKey struct{ keys.Signer }

func (k jwsKey) Public() *jose.JSONWebKey        { return &jose.JSONWebKey{Key: k.Signer.Signer.Public()} }
func (k jwsKey) Algs() []jose.SignatureAlgorithm { return []jose.SignatureAlgorithm{jose.ES256} }
func (k jwsKey) SignPayload(b []byte, alg jose.SignatureAlgorithm) ([]byte, error) {
	if alg != jose.ES256 {
		return nil, jose.ErrUnsupportedAlgorithm
	}
	return k.Sign(b)
}

// ReadDocument reads a document and proves that the identity key inside signed
// it, which says nothing about whose key that is: use it to show
// [Document.Fingerprint] to the officer who compares it.
//
// Members that this version does not know are ignored: a newer office may say more.
func ReadDocument(b []byte) (Document, error) {
	bad := func(format string, args ...any) (Document, error) {
		return Document{}, fmt.Errorf("peer: %w: "+format, append([]any{ErrDocument}, args...)...)
	}
	if len(b) > maxDocument {
		return bad("%d bytes, at most %d", len(b), maxDocument)
	}
	// go-jose also reads unprotected headers and several signatures; there is nothing to say in either.
	var form struct{ Payload, Protected, Signature string }
	strict := json.NewDecoder(bytes.NewReader(b))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&form); err != nil {
		return bad("not a flattened JWS: %w", err)
	}
	jws, err := jose.ParseSignedJSON(string(b), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return bad("%w", err)
	}
	if len(jws.Signatures) != 1 || jws.Signatures[0].Protected.ExtraHeaders[jose.HeaderType] != documentType {
		return bad("type is not %q under one signature", documentType)
	}
	var d Document
	if err := json.Unmarshal(jws.UnsafePayloadWithoutVerification(), &d); err != nil {
		return bad("%w", err)
	}
	id, err := d.identity()
	if err != nil {
		return Document{}, err
	}
	key, err := x509.ParsePKIXPublicKey(id.Public)
	if err != nil {
		return bad("identity key: %w", err)
	}
	if _, err := jws.Verify(key); err != nil {
		return bad("not signed by the identity key that it names: %w", err)
	}
	return d, nil
}

// ParseDocument reads a document of the office whose identity key has a
// fingerprint that was compared out of band ([keys.Record.Fingerprint]; case and
// spaces do not matter). Another gives [ErrFingerprint].
func ParseDocument(b []byte, fingerprint string) (Document, error) {
	d, err := ReadDocument(b)
	if err != nil {
		return Document{}, err
	}
	got, want := plain(d.Fingerprint()), plain(fingerprint)
	if subtle.ConstantTimeCompare([]byte(got), []byte(want)) != 1 {
		return Document{}, fmt.Errorf("peer: document of %q: %w; do not pair before both sides read the same", d.Office, ErrFingerprint)
	}
	return d, nil
}

// plain removes what people add to a fingerprint when they write it down.
func plain(fingerprint string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, fingerprint))
}

// Fingerprint is that of the identity key; empty where there is not exactly one.
func (d Document) Fingerprint() string {
	id, err := d.identity()
	if err != nil {
		return ""
	}
	return id.Fingerprint()
}

// Current reports whether the document may be acted on at an instant by someone
// who has seen serial (0: none): [ErrExpired] and [ErrSerial] where not.
func (d Document) Current(now time.Time, serial uint64) error {
	switch {
	case d.Serial < serial:
		return fmt.Errorf("peer: document of %q: %w: serial %d, known is %d", d.Office, ErrSerial, d.Serial, serial)
	case now.Before(d.Issued.Add(-maxSkew)), !now.Before(d.Expires):
		return fmt.Errorf("peer: document of %q: %w: issued %s, expires %s; ask the office for a new one", d.Office, ErrExpired,
			d.Issued.Format(time.RFC3339), d.Expires.Format(time.RFC3339))
	}
	return nil
}

// identity checks all that a document says and returns its one identity key.
func (d Document) identity() (keys.Record, error) {
	bad := func(format string, args ...any) (keys.Record, error) {
		return keys.Record{}, fmt.Errorf("peer: %w: "+format, append([]any{ErrDocument}, args...)...)
	}
	for what, v := range map[string]string{"office": d.Office, "territory": d.Territory, "ring": d.Ring, "origin": d.Origin} {
		if !name(v, maxName) {
			return bad("%s is missing or no name", what)
		}
	}
	for what, list := range map[string][]string{"authorities": d.Authorities, "schemes": d.Schemes} {
		if len(list) > maxList {
			return bad("%d %s, at most %d", len(list), what, maxList)
		}
		for _, v := range list {
			if !name(v, maxName) {
				return bad("%s: %.80q is no id", what, v)
			}
		}
	}
	if len(d.Name) == 0 || len(d.Name) > maxList {
		return bad("name in %d languages, want 1 to %d", len(d.Name), maxList)
	}
	for language, v := range d.Name {
		if !name(language, maxName) || !name(v, maxLabel) {
			return bad("name in language %.80q is no name", language)
		}
	}
	switch {
	case d.Serial == 0 || d.Serial > 1<<63-1:
		return bad("serial %d, want 1 to 2⁶³−1", d.Serial)
	case !d.Issued.Before(d.Expires):
		return bad("expires %s, issued %s", d.Expires.Format(time.RFC3339), d.Issued.Format(time.RFC3339))
	case len(d.Keys) > maxKeys:
		return bad("%d keys, at most %d", len(d.Keys), maxKeys)
	}
	var id keys.Record
	found := 0
	for _, k := range d.Keys {
		if err := k.Check(); err != nil {
			return bad("%w", err)
		}
		if k.Role == keys.Identity {
			id, found = k, found+1
		}
	}
	if found != 1 {
		return bad("%d identity keys, want one", found)
	}
	return id, nil
}

// name reports whether s can be shown and stored: 1 to max bytes of UTF-8
// without control characters.
func name(s string, max int) bool {
	return s != "" && len(s) <= max && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}
