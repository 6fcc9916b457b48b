package peer

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// HintHandler takes hints: signed checkpoints of peers' logs. One that a pinned
// key signed and that is larger than the verified head wakes the follower, which
// then asks the address that the peer's act set; nothing in a hint chooses an
// address. Every other is dropped, with the same answer whatever the reason
// (204; 202 for one that is acted on).
//
// A head of the verified size with another root is half of a fork and the
// books hold the other half: it is stored as evidence at once.
func HintHandler(b Books, f *Follower) http.Handler {
	return &inbox{limit: newLimiter(inboxRate, inboxBurst), max: maxHint, now: f.now,
		take: func(ctx context.Context, body []byte, at int64) (bool, int, error) {
			taken, err := takeHint(ctx, b, f, body, at)
			if taken {
				return true, http.StatusAccepted, err
			}
			return false, http.StatusNoContent, err
		}}
}

func takeHint(ctx context.Context, b Books, f *Follower, body []byte, at int64) (bool, error) {
	origin, _, ok := strings.Cut(string(body), "\n")
	if !ok {
		return false, nil
	}
	sites, err := b.Sites(ctx)
	if err != nil {
		return false, err
	}
	s, ok := find(sites, func(s Site) bool { return s.Origin == origin })
	if !ok {
		return false, nil
	}
	head, err := parseCheckpoint(s, body, at)
	if err != nil {
		return false, nil
	}
	p, err := b.Position(ctx, s.ID)
	if err != nil {
		return false, err
	}
	switch held := p.Verified; {
	case head.Size > held.Size:
		f.Hint(s.ID)
		return true, nil
	case head.Size == held.Size && head.Size > 0 && head.Root != held.Root:
		return true, b.Fork(ctx, s.ID, Evidence{Kind: Fork, Held: held, Got: head,
			Err: fmt.Sprintf("peer %s: two signed heads of size %d", s.ID, head.Size)})
	}
	return false, nil
}

func find(sites []Site, is func(Site) bool) (Site, bool) {
	for _, s := range sites {
		if is(s) {
			return s, true
		}
	}
	return Site{}, false
}
