package peer

import (
	"context"

	"golang.org/x/mod/sumdb/tlog"

	"assay/ledger"
)

// compare decides what a newly signed head is to the one held: nothing new, an
// extension, smaller, or proof of a fork.
//
// It returns nil where got extends held or equals it. Otherwise the error has a
// code: [Fork] with evidence; [Shrunk] for a smaller head that is not proven
// to be of another history, which a stale copy gives as well; [Tiles] or a code
// of the network where the source could not show its tiles, so that nothing is
// proven. Only signatures make evidence: a damaged tile convicts nobody.
func (s source) compare(ctx context.Context, held, got Head) (*Evidence, error) {
	small, big := held, got
	if got.Size < held.Size {
		small, big = got, held
	}
	proof, err := s.consistency(ctx, small, big)
	forked := Code(err) == Fork
	switch {
	case forked:
		return &Evidence{Kind: Fork, Held: held, Got: got, Proof: proof, Err: err.Error()}, err
	case got.Size < held.Size && err != nil:
		return nil, fail(Shrunk, s.site.ID, "/"+ledger.CheckpointPath, "size %d, it signed %d before, and does not show that they agree: %w",
			got.Size, held.Size, errText(err))
	case got.Size < held.Size:
		return nil, fail(Shrunk, s.site.ID, "/"+ledger.CheckpointPath, "size %d, it signed %d before", got.Size, held.Size)
	}
	return nil, err
}

// consistency makes the proof (RFC 6962 §2.1.2) that small is a prefix of big
// from the source's tiles under big, and checks it. Where the tiles hash to
// big's root and the proof still fails, the two heads have no common history: the
// error has code [Fork], and the proof, which leads to big's root from another
// root of small's size, goes with it.
func (s source) consistency(ctx context.Context, small, big Head) ([][32]byte, error) {
	if small.Size == 0 {
		return nil, nil
	}
	forked := func() error {
		return fail(Fork, s.site.ID, "/"+ledger.CheckpointPath, "heads of size %d (root %x) and %d (root %x) have no common history",
			small.Size, small.Root, big.Size, big.Root)
	}
	if small.Size == big.Size {
		if small.Root != big.Root {
			return nil, forked()
		}
		return nil, nil
	}
	// Tiles of a head that may yet prove forked must not mix with the others,
	// in either direction, before the answer is known.
	apart := s
	apart.cache = new(tileCache)
	proof, err := tlog.ProveTree(big.Size, small.Size, apart.hashes(ctx, big))
	if err != nil {
		return nil, err
	}
	if tlog.CheckTree(proof, big.Size, big.Root, small.Size, small.Root) != nil {
		out := make([][32]byte, len(proof))
		for i, h := range proof {
			out[i] = h
		}
		return out, forked()
	}
	s.cache.merge(apart.cache)
	return nil, nil
}
