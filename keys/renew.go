package keys

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// Renew makes the ring that follows r: the same identity, fresh keys for the
// roles named (none: all others), r's own for the rest. The identity key names
// the office to its peers and is never renewed: asking for it is [ErrRole].
func (r *Ring) Renew(roles ...Role) (*Ring, error) {
	if len(roles) == 0 {
		roles = []Role{Statement, Label, Checkpoint}
	}
	next := *r
	for _, role := range roles {
		if role == Identity {
			return nil, fmt.Errorf("keys: %w: the identity key is the office; a new one is a new pairing with every peer", ErrRole)
		}
		s, err := Generate(role)
		if err != nil {
			return nil, err
		}
		*next.slot(role) = s
	}
	return &next, nil
}

// Has reports whether the ring can sign with every one of the records.
func (r *Ring) Has(recs []Record) bool {
	own := r.Records()
	return !slices.ContainsFunc(recs, func(k Record) bool {
		return !slices.ContainsFunc(own, func(o Record) bool { return o.Role == k.Role && string(o.ID) == string(k.ID) })
	})
}

// Promote makes the ring file next the current one, and keeps the current one
// as previous, replacing an older one there. All three lie in one folder.
//
// At every instant a whole ring file is at current: a crash leaves the old
// one, or the new one, or the old one under both names, and Promote can be
// repeated.
func Promote(next, current, previous string) error {
	fail := func(err error) error { return fmt.Errorf("keys: making %s the key file: %w", next, err) }
	if _, err := os.Stat(next); err != nil {
		return fail(err)
	}
	if err := os.Remove(previous); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fail(err)
	}
	if err := os.Link(current, previous); err != nil {
		return fail(err)
	}
	if err := os.Rename(next, current); err != nil {
		return fail(err)
	}
	d, err := os.Open(filepath.Dir(current))
	if err != nil {
		return fail(err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fail(err)
	}
	return nil
}
