package keys

import (
	"crypto/ed25519"
	"fmt"

	"golang.org/x/mod/sumdb/note"
)

// VerifierKey is the key in the form that C2SP signed-note tools take
// (name+hash+key). Only a checkpoint key has one.
func (r Record) VerifierKey(name string) (string, error) {
	pub, err := r.key()
	if err != nil {
		return "", err
	}
	k, ok := pub.(ed25519.PublicKey)
	if !ok {
		return "", fmt.Errorf("keys: %s key %x cannot sign a note: %w: want %s", r.Role, r.ID, ErrRole, Checkpoint)
	}
	v, err := note.NewEd25519VerifierKey(name, k)
	if err != nil {
		return "", fmt.Errorf("keys: note key named %q: %w", name, err)
	}
	return v, nil
}

// NoteVerifier verifies notes that the checkpoint key of a log signed under
// name, its origin (C2SP signed-note).
func (r Record) NoteVerifier(name string) (note.Verifier, error) {
	k, err := r.VerifierKey(name)
	if err != nil {
		return nil, err
	}
	v, err := note.NewVerifier(k)
	if err != nil {
		return nil, fmt.Errorf("keys: note key named %q: %w", name, err)
	}
	return v, nil
}

// NoteSigner signs notes under name, the origin of the log.
func (s Signer) NoteSigner(name string) (note.Signer, error) {
	v, err := s.NoteVerifier(name)
	if err != nil {
		return nil, err
	}
	return noteSigner{v.Name(), v.KeyHash(), s}, nil
}

// noteSigner is what note.NewSigner makes, but over a key that need not be in
// memory.
type noteSigner struct {
	name string
	hash uint32
	key  Signer
}

func (s noteSigner) Name() string                     { return s.name }
func (s noteSigner) KeyHash() uint32                  { return s.hash }
func (s noteSigner) Sign(text []byte) ([]byte, error) { return s.key.Sign(text) }
