package ledger

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// TileSource gives the bytes of tiles of hashes and of bundles. A tile that
// the log does not have is [ErrNotFound].
type TileSource interface {
	Tile(ctx context.Context, t Tile) ([]byte, error)
}

// InclusionProof shows that the entry at index is in the tree of a size
// (RFC 6962 §2.1.1). It is checked with tlog.CheckRecord.
func InclusionProof(ctx context.Context, s TileSource, index, size int64) (tlog.RecordProof, error) {
	if index < 0 || index >= size {
		return nil, fmt.Errorf("ledger: inclusion of entry %d in size %d: %w", index, size, ErrNotFound)
	}
	p, err := tlog.ProveRecord(size, index, hashReader(ctx, s, size))
	if err != nil {
		return nil, fmt.Errorf("ledger: inclusion of entry %d in size %d: %w", index, size, err)
	}
	return p, nil
}

// ConsistencyProof shows that the tree of size a is the beginning of that of
// size b (RFC 6962 §2.1.2). It is checked with tlog.CheckTree.
func ConsistencyProof(ctx context.Context, s TileSource, a, b int64) (tlog.TreeProof, error) {
	if a < 1 || a > b {
		return nil, fmt.Errorf("ledger: consistency of sizes %d and %d: want 1 or more, in order", a, b)
	}
	p, err := tlog.ProveTree(b, a, hashReader(ctx, s, b))
	if err != nil {
		return nil, fmt.Errorf("ledger: consistency of sizes %d and %d: %w", a, b, err)
	}
	return p, nil
}

// RootAt is the root of the tree of a size.
func RootAt(ctx context.Context, s TileSource, size int64) (tlog.Hash, error) {
	h, err := tlog.TreeHash(size, hashReader(ctx, s, size))
	if err != nil {
		return tlog.Hash{}, fmt.Errorf("ledger: root of size %d: %w", size, err)
	}
	return h, nil
}

// hashReader finds stored hashes in the tiles of a tree of a size, reading
// each tile once, in the width it has there.
func hashReader(ctx context.Context, s TileSource, size int64) tlog.HashReader {
	read := map[Tile][]byte{}
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			at := tlog.TileForIndex(8, index)
			t := Tile{Level: at.L, N: at.N}
			t.Width = int(t.available(size))
			data, ok := read[t]
			if !ok {
				var err error
				if data, err = s.Tile(ctx, t); err != nil {
					return nil, err
				}
				read[t] = data
			}
			at.W = t.Width
			var err error
			if out[i], err = tlog.HashFromTile(at, data, index); err != nil {
				return nil, fmt.Errorf("%s: %w", t.Path(), err)
			}
		}
		return out, nil
	})
}
