// Package ledger is an append-only log in the form of C2SP tlog-tiles
// (https://c2sp.org/tlog-tiles), a Merkle tree as in RFC 6962 §2.1, kept
// wherever an [Appender] puts it.
//
// What it trusts: the head that the Appender locks. It appends by hashing from
// the right edge of the tree alone, so one entry costs the same in a log of
// ten and of ten million. A reader trusts nothing but the verifier of the
// checkpoint's signature: [Fsck] follows every byte back to it.
package ledger

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// Errors, wrapped with the place. Test with [errors.Is].
var (
	ErrClockBack = errors.New("time is earlier than the log's newest entry")
	ErrEntrySize = errors.New("entry size out of bounds")
	ErrHead      = errors.New("log head is inconsistent")
	ErrNotFound  = errors.New("not in the log")
)

const (
	// TileWidth is the number of hashes of a full tile and of entries of a
	// full bundle.
	TileWidth = 256
	// MaxEntry bounds an entry in bytes; its length is 16 bits on the wire.
	MaxEntry = 1<<16 - 1
	// HashSize is the length of a hash in bytes.
	HashSize = sha256.Size
)

// Head is the state of the log from which it grows. Its zero value with the
// root of [EmptyHead] is an empty log.
type Head struct {
	Size int64            // number of entries
	Root [HashSize]byte   // Merkle tree hash over all of them
	Edge [][HashSize]byte // roots of the perfect subtrees, left (largest) to right
	At   int64            // µs UTC of the newest entry
}

// EmptyHead is the head of a log without entries.
func EmptyHead() Head { return Head{Root: sha256.Sum256(nil)} }

// Check reports whether edge, root and size agree; a head that does not was
// damaged, and nothing may be appended to it. The error wraps [ErrHead].
func (h Head) Check() error {
	if h.Size < 0 || len(h.Edge) != bits.OnesCount64(uint64(h.Size)) {
		return fmt.Errorf("ledger: %w: %d subtrees for %d entries; restore it from a backup", ErrHead, len(h.Edge), h.Size)
	}
	if root(h.Edge) != h.Root {
		return fmt.Errorf("ledger: %w: root of size %d is not that of its edge; restore it from a backup", ErrHead, h.Size)
	}
	return nil
}

// Entry is what is appended. Only Body is hashed; the rest is what the keeper
// finds it by.
type Entry struct {
	Kind, Issuer, Subject string
	Sequence              uint64
	Body                  []byte // 1 to [MaxEntry] bytes
}

// Row is an entry in its place.
type Row struct {
	Index    int64 // from 0
	LeafHash [HashSize]byte
	At       int64 // µs UTC
	Entry
}

// TileRow is hash number N of tile level Level ≥ 1: the root of the full
// subtree over the entries from N·256^Level. Level 0 is the leaf hashes of the rows.
type TileRow struct {
	Level int
	N     int64
	Hash  [HashSize]byte
}

// Appender is all that [Append] sees of the database.
//
// LockHead must keep every other writer, of any process, from appending until
// the transaction ends. Store must make the head, the rows and the tile hashes
// true together or not at all, and durable when the transaction commits.
type Appender interface {
	LockHead(ctx context.Context) (Head, error)
	Store(ctx context.Context, head Head, rows []Row, tiles []TileRow) error
}

// Append adds entries at an instant (µs UTC) and returns the new head. It locks
// the head before anything else. A time before the head's is [ErrClockBack]:
// entries are in the order of their times. What it appends is not published
// until a checkpoint covers it.
func Append(ctx context.Context, a Appender, at int64, es []Entry) (Head, error) {
	head, err := a.LockHead(ctx)
	if err != nil {
		return Head{}, err
	}
	if err := head.Check(); err != nil {
		return Head{}, err
	}
	if at < head.At {
		return Head{}, fmt.Errorf("ledger: %w: %d µs, the newest entry is of %d µs; set the clock", ErrClockBack, at, head.At)
	}
	if len(es) == 0 {
		return head, nil
	}
	t := tree{size: head.Size, edge: append(make([][HashSize]byte, 0, 64), head.Edge...)}
	rows := make([]Row, len(es))
	for i, e := range es {
		if len(e.Body) == 0 || len(e.Body) > MaxEntry {
			return Head{}, fmt.Errorf("ledger: %s of %q: %w: %d bytes, want 1 to %d", e.Kind, e.Subject, ErrEntrySize, len(e.Body), MaxEntry)
		}
		rows[i] = Row{Index: t.size, LeafHash: LeafHash(e.Body), At: at, Entry: e}
		t.add(rows[i].LeafHash)
	}
	head = Head{Size: t.size, Root: root(t.edge), Edge: t.edge, At: at}
	return head, a.Store(ctx, head, rows, t.tiles)
}

// LeafHash is the hash of an entry in the tree (RFC 6962 §2.1).
func LeafHash(body []byte) [HashSize]byte { return tlog.RecordHash(body) }

// tree grows from its right edge and collects the tile hashes that complete.
type tree struct {
	size  int64
	edge  [][HashSize]byte
	tiles []TileRow
}

func (t *tree) add(leaf [HashSize]byte) {
	// Each one at the end of size is a perfect subtree that the leaf completes
	// to one of twice the size.
	hash, index := leaf, t.size
	for height := 1; index&1 == 1; height++ {
		last := len(t.edge) - 1
		hash = tlog.NodeHash(t.edge[last], hash)
		t.edge = t.edge[:last]
		index >>= 1
		if height%8 == 0 {
			t.tiles = append(t.tiles, TileRow{Level: height / 8, N: index, Hash: hash})
		}
	}
	t.edge = append(t.edge, hash)
	t.size++
}

// root folds the perfect subtrees from right to left.
func root(edge [][HashSize]byte) [HashSize]byte {
	if len(edge) == 0 {
		return EmptyHead().Root
	}
	last := len(edge) - 1
	hash := tlog.Hash(edge[last])
	for i := last - 1; i >= 0; i-- {
		hash = tlog.NodeHash(edge[i], hash)
	}
	return hash
}
