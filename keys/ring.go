package keys

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"filippo.io/age"
)

// Errors of the ring file.
var (
	ErrExists     = errors.New("key file exists and is never overwritten")
	ErrPassphrase = errors.New("passphrase is wrong, or the key file is damaged")
	ErrFile       = errors.New("key file is not readable")
)

// DefaultWork is the scrypt work factor (log₂ N) of a ring file: about one
// second per guess on the machine of an office.
const DefaultWork = 18

// maxWork bounds what a file may make [Open] spend: about eight seconds.
const maxWork = 21

// maxFile bounds a ring file; one needs about two kilobytes.
const maxFile = 64 << 10

// Ring is the four signers of one office.
type Ring struct {
	Identity, Statement, Label, Checkpoint Signer
}

// NewRing makes four fresh keys.
func NewRing() (*Ring, error) {
	ring := new(Ring)
	for _, role := range Roles {
		s, err := Generate(role)
		if err != nil {
			return nil, err
		}
		*ring.slot(role) = s
	}
	return ring, nil
}

// slot is where the signer of a role stands, nil for an unknown role.
func (r *Ring) slot(role Role) *Signer {
	switch role {
	case Identity:
		return &r.Identity
	case Statement:
		return &r.Statement
	case Label:
		return &r.Label
	case Checkpoint:
		return &r.Checkpoint
	}
	return nil
}

// Records are the public halves, in the order of [Roles].
func (r *Ring) Records() []Record {
	out := make([]Record, len(Roles))
	for i, role := range Roles {
		out[i] = r.slot(role).Record
	}
	return out
}

// Create makes a ring and keeps it at path, encrypted to the passphrase with
// age (scrypt, work factor log₂ N; 0 means [DefaultWork]), readable by its owner only.
// An existing file is [ErrExists]: a lost ring is a lost office.
//
// The file is complete and durable when Create returns. A crash before that
// leaves either nothing or a temporary file beside path, which is ciphertext
// and may be removed.
func Create(path, passphrase string, work int) (*Ring, error) {
	ring, err := NewRing()
	if err != nil {
		return nil, err
	}
	if err := ring.Save(path, passphrase, work); err != nil {
		return nil, err
	}
	return ring, nil
}

// Save keeps a ring as [Create] does, with the same errors.
func (r *Ring) Save(path, passphrase string, work int) error {
	if work == 0 {
		work = DefaultWork
	}
	sealed, err := r.seal(passphrase, work)
	if err != nil {
		return fmt.Errorf("keys: sealing %s: %w", path, err)
	}
	if err := writeNew(path, sealed); err != nil {
		return fmt.Errorf("keys: writing %s: %w", path, err)
	}
	return nil
}

// Open reads a ring that [Create] made. A wrong passphrase is [ErrPassphrase].
func Open(path, passphrase string) (*Ring, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	defer f.Close()
	sealed, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("keys: reading %s: %w", path, err)
	}
	ring, err := unseal(sealed, passphrase)
	if err != nil {
		return nil, fmt.Errorf("keys: opening %s: %w", path, err)
	}
	return ring, nil
}

// ringFile is the plaintext. The version changes when an older binary would
// misread it.
type ringFile struct {
	Version int        `json:"version"`
	Keys    []keyEntry `json:"keys"`
}

type keyEntry struct {
	Record  Record `json:"record"`
	Private []byte `json:"private"` // PKCS #8, DER
}

func (r *Ring) seal(passphrase string, work int) ([]byte, error) {
	file := ringFile{Version: 1}
	for _, role := range Roles {
		s := r.slot(role)
		der, err := x509.MarshalPKCS8PrivateKey(s.Signer)
		if err != nil {
			return nil, err
		}
		file.Keys = append(file.Keys, keyEntry{s.Record, der})
	}
	plain, err := json.Marshal(file)
	if err != nil {
		return nil, err
	}
	return encrypt(plain, passphrase, work)
}

func encrypt(plain []byte, passphrase string, work int) ([]byte, error) {
	if work < 1 || work > maxWork {
		return nil, fmt.Errorf("work factor %d: want 1 to %d", work, maxWork)
	}
	to, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, err
	}
	to.SetWorkFactor(work)
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(plain); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func unseal(sealed []byte, passphrase string) (*Ring, error) {
	plain, err := decrypt(sealed, passphrase)
	if err != nil {
		return nil, err
	}
	return parseRing(plain)
}

func decrypt(sealed []byte, passphrase string) ([]byte, error) {
	if len(sealed) > maxFile {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrFile, maxFile)
	}
	id, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, err
	}
	id.SetMaxWorkFactor(maxWork)
	r, err := age.Decrypt(bytes.NewReader(sealed), id)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrPassphrase, err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrPassphrase, err)
	}
	return plain, nil
}

// parseRing reads the plaintext: exactly one key per role, each agreeing with
// its record.
func parseRing(plain []byte) (*Ring, error) {
	if len(plain) > maxFile {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrFile, maxFile)
	}
	dec := json.NewDecoder(bytes.NewReader(plain))
	dec.DisallowUnknownFields()
	var file ringFile
	if err := dec.Decode(&file); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrFile, err)
	}
	if file.Version != 1 {
		return nil, fmt.Errorf("%w: version %d, this program reads version 1", ErrFile, file.Version)
	}
	ring := new(Ring)
	for i, e := range file.Keys {
		slot := ring.slot(e.Record.Role)
		if slot == nil || slot.Signer != nil {
			return nil, fmt.Errorf("%w: key %d: role %q unknown or there twice", ErrFile, i, e.Record.Role)
		}
		k, err := x509.ParsePKCS8PrivateKey(e.Private)
		if err != nil {
			return nil, fmt.Errorf("%w: key %d: %v", ErrFile, i, err)
		}
		signer, ok := k.(crypto.Signer)
		if !ok {
			return nil, fmt.Errorf("%w: key %d: %T cannot sign", ErrFile, i, k)
		}
		if err := e.Record.Check(); err != nil {
			return nil, fmt.Errorf("%w: key %d: %w", ErrFile, i, err)
		}
		own, err := NewRecord(e.Record.Role, signer.Public())
		if err != nil || !bytes.Equal(own.Public, e.Record.Public) {
			return nil, fmt.Errorf("%w: key %d: private key is not the record's", ErrFile, i)
		}
		*slot = Signer{Record: e.Record, Signer: signer}
	}
	if len(file.Keys) != len(Roles) {
		return nil, fmt.Errorf("%w: %d keys, want one for each of %v", ErrFile, len(file.Keys), Roles)
	}
	return ring, nil
}

// writeNew puts a complete, durable file at path or nothing. The last step is
// a link and not a rename, because a rename would replace a file that
// another process made in the meantime.
func writeNew(path string, data []byte) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".ring-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil {
		if errors.Is(err, os.ErrExist) {
			return ErrExists
		}
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync() // without it the name may be lost with the power
}
