package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"math"

	"assay/keys"

	f_log "github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// ErrCheckpoint marks a note that is not a checkpoint of the log that was
// asked for, or that its key did not sign.
var ErrCheckpoint = errors.New("not a checkpoint of this log")

// MaxCheckpoint bounds a checkpoint with its cosignatures, in bytes.
const MaxCheckpoint = 64 << 10

// Checkpoint signs the head as a C2SP tlog-checkpoint whose first line is
// origin. It must be stored before anybody sees it. More than one key signs
// while the log moves from one to the next.
func Checkpoint(origin string, head Head, by ...keys.Signer) ([]byte, error) {
	signers := make([]note.Signer, len(by))
	for i, s := range by {
		var err error
		if signers[i], err = s.NoteSigner(origin); err != nil {
			return nil, fmt.Errorf("ledger: checkpoint of %q: %w", origin, err)
		}
	}
	text := f_log.Checkpoint{Origin: origin, Size: uint64(head.Size), Hash: head.Root[:]}.Marshal()
	signed, err := note.Sign(&note.Note{Text: string(text)}, signers...)
	if err != nil {
		return nil, fmt.Errorf("ledger: checkpoint of %q: %w", origin, err)
	}
	return signed, nil
}

// ParseCheckpoint reads a checkpoint of the log named origin that v's key
// signed; signatures of others are ignored. The error wraps [ErrCheckpoint].
func ParseCheckpoint(b []byte, origin string, v note.Verifier) (tlog.Tree, error) {
	bad := func(err error) (tlog.Tree, error) {
		return tlog.Tree{}, fmt.Errorf("ledger: checkpoint of %q: %w: %w", origin, ErrCheckpoint, err)
	}
	if len(b) > MaxCheckpoint {
		return bad(fmt.Errorf("%d bytes, at most %d", len(b), MaxCheckpoint))
	}
	c, _, n, err := f_log.ParseCheckpoint(b, origin, v)
	if err != nil {
		return bad(err)
	}
	if len(c.Hash) != HashSize || c.Size > math.MaxInt64 {
		return bad(fmt.Errorf("size %d, root of %d bytes", c.Size, len(c.Hash)))
	}
	// Numbers with leading zeros and loose base64 would give one tree several texts.
	if !bytes.HasPrefix([]byte(n.Text), c.Marshal()) {
		return bad(errors.New("not in its one form"))
	}
	return tlog.Tree{N: int64(c.Size), Hash: tlog.Hash(c.Hash)}, nil
}
