package peer

import (
	"context"
	"errors"

	"golang.org/x/mod/sumdb/note"

	"assay/keys"
	"assay/ledger"
	"assay/statement"
)

// maxBlind bounds how many entries are read under a head that no pinned key
// signed. A log that has grown by more since it was last read has to be paired
// with again.
const maxBlind = 1 << 20

// rekeyed reads a checkpoint that no pinned key signed, for one reason only:
// the log may have named another key since it was last read, and the one
// before no longer signs. The identity key, which is pinned, signs key
// statements, so they are believed under any head. The head is returned where
// the entries under it, from applied on, name the key that signed it. It is
// then held against the head before it like any other.
func (s source) rekeyed(ctx context.Context, b []byte, applied, at int64) (Head, bool) {
	_, err := openNote(s.site, b, at)
	var unverified *note.UnverifiedNoteError
	if !errors.As(err, &unverified) {
		return Head{}, false
	}
	head, err := headIn(s.site, unverified.Note.Text, b)
	if err != nil || head.Size <= applied || head.Size-applied > maxBlind {
		return Head{}, false
	}
	s.cache = new(tileCache) // nothing of this head mixes with the others before it is believed
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for r := range s.read(ctx, head, applied, at) {
		got := <-r
		if got.err != nil {
			return Head{}, false
		}
		for _, it := range got.items {
			if it.Err != nil || it.Statement.Kind != statement.Key {
				continue
			}
			named, err := namedIn(it.Statement, s.site.Keys, at)
			if err != nil {
				continue // kept as rejected when it is applied
			}
			s.site.Keys = named
			if _, err := openNote(s.site, b, at); err == nil {
				return head, true
			}
		}
	}
	return Head{}, false
}

// namedIn gives the keys to believe after a verified key statement.
func namedIn(st *statement.Statement, old []keys.Record, at int64) ([]keys.Record, error) {
	var p statement.KeyPayload
	if err := statement.Decode(st.Payload, &p); err != nil {
		return nil, err
	}
	return p.After(old, at)
}

// checkpoint fetches and verifies the signed head of a log that is applied up
// to an index; at is µs UTC.
func (s source) checkpoint(ctx context.Context, applied, at int64) (Head, error) {
	b, err := s.client.get(ctx, s.site, "/"+ledger.CheckpointPath, ledger.MaxCheckpoint)
	if err != nil {
		return Head{}, err
	}
	head, err := parseCheckpoint(s.site, b, at)
	if Code(err) == WrongKey {
		if head, ok := s.rekeyed(ctx, b, applied, at); ok {
			return head, nil
		}
	}
	return head, err
}
