package statement

import (
	"bytes"
	"fmt"

	"assay/keys"
)

// detachedSize bounds a detached signature; one takes about 130 bytes.
const detachedSize = 1 << 10

// detachedHeader is the protected header of a detached signature, all of it.
type detachedHeader struct {
	Algorithm int64  `cbor:"1,keyasint"`
	KeyID     []byte `cbor:"4,keyasint"`
	Type      string `cbor:"16,keyasint"`
}

// detachedEnvelope is COSE_Sign1 with its payload left out (RFC 9052 §4.1).
type detachedEnvelope struct {
	_           struct{} `cbor:",toarray"`
	Protected   []byte
	Unprotected struct{} // any member is an unknown field and refused
	Payload     *struct{}
	Signature   []byte
}

// SignDetached signs a file that stays where it is: a COSE_Sign1 whose payload
// is nil, with a laboratory's key. typ says what the file is (RFC 9596), so
// that a signature over one kind of file is none over another.
func SignDetached(k *keys.Laboratory, typ string, file []byte) ([]byte, error) {
	head, err := encoder.Marshal(detachedHeader{es256, k.Public().ID(), typ})
	if err != nil {
		return nil, fmt.Errorf("statement: signing %s: %w", typ, err)
	}
	message, err := toBeSigned(head, file)
	if err != nil {
		return nil, fmt.Errorf("statement: signing %s: %w", typ, err)
	}
	sig, err := k.Sign(message)
	if err != nil {
		return nil, fmt.Errorf("statement: signing %s: %w", typ, err)
	}
	body, err := encoder.Marshal(detachedEnvelope{Protected: head, Signature: sig})
	if err != nil {
		return nil, fmt.Errorf("statement: signing %s: %w", typ, err)
	}
	return append([]byte{tag18}, body...), nil
}

// Detached is a parsed detached signature. Only [ParseDetached] makes one.
type Detached struct {
	KeyID []byte // 16 bytes, [keys.LaboratoryPublic.ID]
	Type  string

	protected []byte
	signature []byte
}

// ParseDetached reads a detached signature and proves its form, as [Parse]
// does: deterministic encoding, exactly the header of [SignDetached]. It proves
// nothing about who made it, over what.
func ParseDetached(b []byte) (*Detached, error) {
	if len(b) > detachedSize {
		return nil, fmt.Errorf("statement: detached signature: %w: %d bytes, at most %d", ErrTooLarge, len(b), detachedSize)
	}
	if len(b) == 0 || b[0] != tag18 {
		return nil, fmt.Errorf("statement: detached signature: %w: not a tagged COSE_Sign1", ErrMalformed)
	}
	if err := canonical(b[1:]); err != nil {
		return nil, fmt.Errorf("statement: detached signature: %w", err)
	}
	var e detachedEnvelope
	if err := decoder.Unmarshal(b[1:], &e); err != nil {
		return nil, fmt.Errorf("statement: detached signature: %w: %w", ErrMalformed, err)
	}
	if err := canonical(e.Protected); err != nil {
		return nil, fmt.Errorf("statement: detached signature: protected header: %w", err)
	}
	var h detachedHeader
	if err := decoder.Unmarshal(e.Protected, &h); err != nil {
		return nil, fmt.Errorf("statement: detached signature: protected header: %w: %w", ErrMalformed, err)
	}
	// What is absent, or in another form that the decoder takes, does not come back the same.
	head, err := encoder.Marshal(h)
	if err == nil {
		e.Payload = nil
		var again []byte
		if again, err = encoder.Marshal(e); err == nil && (!bytes.Equal(head, e.Protected) || !bytes.Equal(again, b[1:])) {
			err = fmt.Errorf("%w: a label is missing or has a value of another type, or there is a payload", ErrMalformed)
		}
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("statement: detached signature: %w", err)
	case h.Algorithm != es256:
		return nil, fmt.Errorf("statement: detached signature: %w: %d, want %d", ErrAlgorithm, h.Algorithm, es256)
	case len(h.KeyID) != 16:
		return nil, fmt.Errorf("statement: detached signature: %w: key id of %d bytes, want 16", ErrHeader, len(h.KeyID))
	case len(e.Signature) != keys.SignatureSize:
		return nil, fmt.Errorf("statement: detached signature: %w: signature of %d bytes, want %d", ErrMalformed, len(e.Signature), keys.SignatureSize)
	}
	return &Detached{h.KeyID, h.Type, e.Protected, e.Signature}, nil
}

// Verify reports whether the key made the signature over file as a typ.
func (d *Detached) Verify(k keys.LaboratoryPublic, typ string, file []byte) error {
	switch {
	case d.Type != typ:
		return fmt.Errorf("statement: detached signature: %w: typ %.80q, want %q", ErrHeader, d.Type, typ)
	case !bytes.Equal(d.KeyID, k.ID()):
		return fmt.Errorf("statement: detached signature: %w: %x, the trusted one is %x", ErrWrongKey, d.KeyID, k.ID())
	}
	message, err := toBeSigned(d.protected, file)
	if err != nil {
		return fmt.Errorf("statement: detached signature: %w", err)
	}
	if err := k.Verify(message, d.signature); err != nil {
		return fmt.Errorf("statement: detached signature: %w", err)
	}
	return nil
}
