package peer

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"assay/ledger"
	"assay/statement"
)

// Bounds of a round's memory: at most maxWindow bundles are fetched or
// verified ahead of the one being applied, and a batch is cut at maxBytes.
const (
	maxWindow = 16
	maxBytes  = 8 << 20
)

// window is how many bundles are worked on at once: enough that the cores
// verify while the network answers.
func window() int { return min(max(4, 2*runtime.GOMAXPROCS(0)), maxWindow) }

// apply brings the books from entry from up to head. Bundles are fetched and
// verified side by side, and applied in order, one batch at a time.
//
// A key statement ends a batch: what follows it is judged by the keys that the
// books have afterwards, so apply then returns [ErrMoved] to start over.
func (f *Follower) apply(ctx context.Context, src source, head Head, from int64, memory *follow, now int64) error {
	if from >= head.Size {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	batch := Batch{From: from, To: from, Head: head}
	bytes := 0
	flush := func() error {
		if batch.From == batch.To {
			return nil
		}
		start := time.Now()
		if err := f.books.Apply(ctx, src.site.ID, batch); err != nil {
			return fmt.Errorf("peer %s: applying entries %d to %d: %w", src.site.ID, batch.From, batch.To-1, err)
		}
		memory.batch.took(len(batch.Items), time.Since(start))
		batch = Batch{From: batch.To, To: batch.To, Head: head}
		bytes = 0
		return nil
	}
	for r := range src.read(ctx, head, from, now) {
		got := <-r
		if got.err != nil {
			// What came before it is good and is kept.
			if err := flush(); err != nil {
				return err
			}
			return got.err
		}
		for _, it := range got.items {
			batch.Items = append(batch.Items, it)
			batch.To++
			bytes += len(it.Body)
			rekeyed := it.Err == nil && it.Statement.Kind == statement.Key
			if rekeyed || len(batch.Items) >= memory.batch.next() || bytes >= maxBytes {
				if err := flush(); err != nil {
					return err
				}
			}
			if rekeyed && batch.To < head.Size {
				return fmt.Errorf("peer %s: keys changed at entry %d: %w", src.site.ID, it.Index, ErrMoved)
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	if batch.To < head.Size {
		return context.Cause(ctx) // reading stops short for no other reason
	}
	return nil
}

// read works on bundles side by side and yields their results in order. The
// channel of results closes after the last, or when ctx ends.
func (s source) read(ctx context.Context, head Head, from, now int64) <-chan chan result {
	ordered := make(chan chan result, window()-1)
	go func() {
		defer close(ordered)
		for from < head.Size {
			n := from / ledger.TileWidth
			to := min((n+1)*ledger.TileWidth, head.Size)
			r := make(chan result, 1)
			select {
			case ordered <- r:
			case <-ctx.Done():
				return
			}
			go func(from int64) {
				items, err := s.items(ctx, head, from, to, now)
				r <- result{items, err}
			}(from)
			from = to
		}
	}()
	return ordered
}

type result struct {
	items []Item
	err   error
}

// items reads the entries from to to-1, which lie in one bundle, and judges
// them. Their bytes hash to leaves that the head authenticates, or the error has
// code [Tiles].
func (s source) items(ctx context.Context, head Head, from, to, now int64) ([]Item, error) {
	n := from / ledger.TileWidth
	first := n * ledger.TileWidth
	entries, err := s.bundle(ctx, n, int(min(ledger.TileWidth, head.Size-first)))
	if err != nil {
		return nil, err
	}
	entries = entries[from-first : to-first]
	indexes := make([]int64, len(entries))
	for i := range indexes {
		indexes[i] = tlog.StoredHashIndex(0, from+int64(i))
	}
	leaves, err := s.hashes(ctx, head)(indexes)
	if err != nil {
		return nil, err
	}
	items := make([]Item, len(entries))
	for i, body := range entries {
		leaf := tlog.RecordHash(body)
		if leaf != leaves[i] {
			return nil, fail(Tiles, s.site.ID, "/tile/entries", "entry %d has leaf hash %v, the tile says %v",
				from+int64(i), leaf, leaves[i])
		}
		items[i] = judge(&s.site, from+int64(i), leaf, body, now)
		if i%8 == 7 { // a bundle takes longer than a turn on a core: a change of status must not wait for it
			runtime.Gosched()
		}
	}
	return items, nil
}

// batchSize adapts how many entries a batch has, so that applying it holds the
// writer for at most holdAtMost while other work waits for it.
type batchSize struct{ n int }

const (
	batchStart = 256
	batchMax   = 2048
	batchMin   = 64
	holdAtMost = 10 * time.Millisecond
)

func (b *batchSize) next() int {
	if b.n == 0 {
		b.n = batchStart
	}
	return b.n
}

// took learns from a batch of n entries. Waiting for the writer counts, which
// makes way for others when it is busy. It aims below the bound, so that the next
// batch, a little slower, still keeps it; a small fast batch teaches nothing.
func (b *batchSize) took(n int, d time.Duration) {
	switch {
	case d > holdAtMost*4/5:
		b.n = max(batchMin, int(int64(n)*int64(holdAtMost/2)/int64(d)))
	case n >= b.next() && d < holdAtMost/3:
		b.n = min(batchMax, 2*n)
	}
}
