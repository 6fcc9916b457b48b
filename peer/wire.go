package peer

import (
	"encoding/binary"
	"fmt"
	"strings"

	fmtlog "github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"assay/keys"
	"assay/ledger"
)

// maxSize bounds the size that a checkpoint may claim: beyond it, indexes of
// stored hashes no longer fit in an int64.
const maxSize = 1 << 48

// splitBundle cuts a bundle (C2SP tlog-tiles) of exactly width entries, which
// share b's memory. Where [ledger.ParseBundle] refuses an empty entry, which this
// office would not log, it is taken here: a peer that logged one has an entry to
// reject, and the cursor moves on.
func splitBundle(b []byte, width int) ([][]byte, error) {
	out := make([][]byte, 0, width)
	for i := range width {
		if len(b) < 2 {
			return nil, fmt.Errorf("ends before entry %d of %d", i, width)
		}
		n := int(binary.BigEndian.Uint16(b))
		if b = b[2:]; len(b) < n {
			return nil, fmt.Errorf("entry %d of %d claims %d bytes, %d are left", i, width, n, len(b))
		}
		out = append(out, b[:n:n])
		b = b[n:]
	}
	if len(b) != 0 {
		return nil, fmt.Errorf("%d bytes after entry %d", len(b), width)
	}
	return out, nil
}

// parseCheckpoint reads a signed checkpoint of a site's log and proves that a
// checkpoint key of the site, valid at an instant (µs UTC), signed it.
// Error codes: [TooLarge], [WrongKey], [WrongOrigin], [Malformed].
func parseCheckpoint(s Site, b []byte, at int64) (Head, error) {
	const path = "/" + ledger.CheckpointPath
	if len(b) > ledger.MaxCheckpoint {
		return Head{}, fail(TooLarge, s.ID, path, "%d bytes, at most %d", len(b), ledger.MaxCheckpoint)
	}
	n, err := openNote(s, b, at)
	if err != nil {
		return Head{}, located(WrongKey, s, path, err)
	}
	return headIn(s, n.Text, b)
}

// headIn reads the text of the checkpoint b of a site's log. It proves nothing
// about who signed it.
func headIn(s Site, text string, b []byte) (Head, error) {
	const path = "/" + ledger.CheckpointPath
	var cp fmtlog.Checkpoint
	if _, err := cp.Unmarshal([]byte(text)); err != nil {
		return Head{}, fail(Malformed, s.ID, path, "%w", err)
	}
	switch {
	case !strings.HasPrefix(text, string(cp.Marshal())):
		return Head{}, fail(Malformed, s.ID, path, "not in its one form")
	case cp.Origin != s.Origin:
		return Head{}, fail(WrongOrigin, s.ID, path, "origin %.80q, the peer's is %q", cp.Origin, s.Origin)
	case cp.Size > maxSize || len(cp.Hash) != tlog.HashSize:
		return Head{}, fail(Malformed, s.ID, path, "size %d with a root of %d bytes", cp.Size, len(cp.Hash))
	case cp.Size == 0 && tlog.Hash(cp.Hash) != emptyRoot:
		return Head{}, fail(Malformed, s.ID, path, "size 0 with a root that is not the empty one")
	}
	return Head{Size: int64(cp.Size), Root: [32]byte(cp.Hash), Note: b}, nil
}

// emptyRoot is the root of no entries, SHA-256 of nothing (RFC 6962 §2.1).
var emptyRoot, _ = tlog.TreeHash(0, nil)

// openNote opens a note that a pinned checkpoint key of the site must have
// signed under the site's origin.
func openNote(s Site, b []byte, at int64) (*note.Note, error) {
	var vs []note.Verifier
	for _, r := range s.Keys {
		if r.Role != keys.Checkpoint || !r.ValidAt(at) {
			continue
		}
		v, err := r.NoteVerifier(s.Origin)
		if err != nil {
			return nil, err
		}
		vs = append(vs, v)
	}
	n, err := note.Open(b, note.VerifierList(vs...))
	if err != nil {
		return nil, fmt.Errorf("no signature by any of the %d checkpoint keys pinned for %s: %w", len(vs), s.Origin, err)
	}
	return n, nil
}
