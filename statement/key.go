package statement

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"assay/keys"
)

// ErrKeys marks a key statement that must not change which keys are believed.
var ErrKeys = errors.New("key statement contradicts itself or the keys before it")

// Reasons why keys are replaced, in [KeyPayload].
const (
	Scheduled   = "scheduled"   // by the calendar: both keys were always the office's alone
	Compromised = "compromised" // somebody else may have signed with it, from [KeyPayload].Since on
	Lost        = "lost"        // nobody can sign with it any more
)

// MaxKeys bounds the records of a key statement, and those kept of one office.
const MaxKeys = 64

// KeyPayload is what a key statement says: the keys in force from its place in
// the log on, and those that it replaces, which have a NotAfter. The identity
// key signs it and is always among them: another identity is another office to
// its peers, and a new pairing.
type KeyPayload struct {
	Keys     []keys.Record `cbor:"1,keyasint" json:"keys"`
	Act      [32]byte      `cbor:"2,keyasint,omitempty" json:"act,omitzero"` // digest; zero in the first
	Recorded int64         `cbor:"3,keyasint" json:"recorded"`               // µs UTC
	Reason   string        `cbor:"4,keyasint,omitempty" json:"reason,omitempty"`
	Since    int64         `cbor:"5,keyasint,omitempty" json:"since,omitempty"` // compromised: µs UTC from which its signatures are in doubt
	From     int64         `cbor:"6,keyasint,omitempty" json:"from,omitempty"`  // the first entry logged since then
}

// Replaces reports whether the statement ends a key of the role.
func (p *KeyPayload) Replaces(role keys.Role) bool {
	return slices.ContainsFunc(p.Keys, func(k keys.Record) bool { return k.Role == role && k.NotAfter != 0 })
}

// check reports a statement that contradicts itself.
func (p *KeyPayload) check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("statement: %w: %s", ErrKeys, fmt.Sprintf(format, args...))
	}
	if len(p.Keys) > MaxKeys {
		return bad("%d keys, at most %d", len(p.Keys), MaxKeys)
	}
	force := map[keys.Role]int{}
	for i, k := range p.Keys {
		if err := k.Check(); err != nil {
			return fmt.Errorf("statement: %w: %w", ErrKeys, err)
		}
		if find(p.Keys[:i], k) != nil {
			return bad("%s key %x stands twice", k.Role, k.ID)
		}
		if k.NotAfter == 0 {
			force[k.Role]++
		} else if k.Role == keys.Identity {
			return bad("it ends an identity key; a new identity is a new pairing")
		}
	}
	for _, role := range keys.Roles {
		if force[role] != 1 {
			return bad("%d %s keys in force, want one", force[role], role)
		}
	}
	switch {
	case p.Recorded <= 0:
		return bad("it has no time")
	case p.Reason != "" && p.Reason != Scheduled && p.Reason != Compromised && p.Reason != Lost:
		return bad("reason %.80q", p.Reason)
	case (p.Reason == Compromised) != (p.Since != 0), p.Since < 0, p.Since > p.Recorded, p.From < 0, p.From != 0 && p.Since == 0:
		return bad("in doubt since %d, from entry %d, for the reason %q", p.Since, p.From, p.Reason)
	}
	return nil
}

// After gives the keys to believe after this statement, which was read at an
// instant (µs UTC) and verified with the identity key among old.
//
// The order of the log is what counts, not the clocks of two offices: a key
// that it names is valid from now on at the latest, one that it replaces or
// leaves out has ended now at the latest, and an ended one never comes back.
// A key of old that begins only later in the log, known from an office
// document, stays as it is. Errors wrap [ErrKeys]; old is not changed.
func (p *KeyPayload) After(old []keys.Record, at int64) ([]keys.Record, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	out := make([]keys.Record, 0, len(p.Keys)+len(old))
	for _, k := range p.Keys {
		have := find(old, k)
		switch {
		case have == nil && k.Role == keys.Identity:
			return nil, fmt.Errorf("statement: %w: identity key %x is not the one that is known; a new identity is a new pairing", ErrKeys, k.ID)
		case have == nil:
			k.NotBefore = min(k.NotBefore, at)
		case have.NotAfter != 0 && k.NotAfter == 0 && p.Recorded >= have.NotAfter:
			return nil, fmt.Errorf("statement: %w: %s key %x has ended and does not come back", ErrKeys, k.Role, k.ID)
		case have.NotAfter != 0 && k.NotAfter == 0: // history, read late: its end is known already
			k = *have
		default:
			k.NotBefore = have.NotBefore
		}
		if k.NotAfter != 0 {
			k.NotAfter = end(k, at)
			if have != nil && have.NotAfter != 0 {
				k.NotAfter = min(k.NotAfter, have.NotAfter)
			}
		}
		out = append(out, k)
	}
	for _, k := range old {
		if find(p.Keys, k) != nil {
			continue
		}
		if k.NotBefore <= p.Recorded {
			k.NotAfter = end(k, at)
		}
		out = append(out, k)
	}
	if len(out) > MaxKeys {
		return nil, fmt.Errorf("statement: %w: %d keys with those before, at most %d", ErrKeys, len(out), MaxKeys)
	}
	return out, nil
}

// end is when a key has ended that has ended at an instant at the latest.
func end(k keys.Record, at int64) int64 {
	if k.NotAfter != 0 {
		at = min(at, k.NotAfter)
	}
	return max(at, k.NotBefore, 1)
}

func find(in []keys.Record, k keys.Record) *keys.Record {
	i := slices.IndexFunc(in, func(r keys.Record) bool { return r.Role == k.Role && bytes.Equal(r.ID, k.ID) })
	if i < 0 {
		return nil
	}
	return &in[i]
}
