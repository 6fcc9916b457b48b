package office

import (
	"context"
	"sync"
)

// serials are blocks of serial numbers that this process reserved and has not
// used up. A backlog takes its numbers from a block, so that it need not wait
// for the writer before it is signed. What a process has left of a block when
// it ends is never given to anything.
type serials struct {
	mu     sync.Mutex
	blocks map[string]block
}

type block struct{ next, end int64 } // next to end-1 are free

// blockOf is how many numbers a block has; fewer than blockFrom at a time are
// reserved one by one, so that an office without a backlog leaves no gaps.
const (
	blockOf   = 4096
	blockFrom = 32
)

// reserve gives count[s] serials of each scheme s, and returns the first of each.
func (o *Office) reserve(ctx context.Context, count map[string]int, run func(func() error) error) (map[string]int64, error) {
	o.serials.mu.Lock()
	defer o.serials.mu.Unlock()
	first, more := map[string]int64{}, map[string]int{}
	for s, n := range count {
		b := o.serials.blocks[s]
		if b.end-b.next < int64(n) {
			more[s] = n
			continue
		}
		first[s] = b.next
		b.next += int64(n)
		o.serials.blocks[s] = b
	}
	if len(more) == 0 {
		return first, nil
	}
	fresh := map[string]int64{}
	err := run(func() error {
		return o.update(ctx, func(w *work) error {
			for s, n := range more {
				var err error
				if fresh[s], err = w.serial(s, blockSize(n)); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	for s, n := range more {
		first[s] = fresh[s]
		if size := blockSize(n); size > n {
			if o.serials.blocks == nil {
				o.serials.blocks = map[string]block{}
			}
			o.serials.blocks[s] = block{fresh[s] + int64(n), fresh[s] + int64(size)}
		}
	}
	return first, nil
}

func blockSize(n int) int {
	if n < blockFrom {
		return n
	}
	return max(n, blockOf)
}
