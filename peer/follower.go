package peer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// Follower follows every site of its books. Several processes may do so on
// the same books at once. Make one with [NewFollower].
type Follower struct {
	books  Books
	client *Client
	signer atomic.Pointer[note.Signer]
	log    *slog.Logger
	now    func() time.Time

	mu      sync.Mutex
	sites   map[string]*follow // by office id; one for each site ever stepped or hinted
	changed chan struct{}
}

// follow is what one process remembers of a site. All of it may be lost.
type follow struct {
	step      sync.Mutex    // one round at a time
	wake      chan struct{} // holds one hint
	cache     tileCache
	batch     batchSize
	delivered Receipt // newest that the site took, without its time
}

// Options of a [Follower]. The zero value of each field has a default.
type Options struct {
	Client *Client          // NewClient(Timeouts{})
	Signer note.Signer      // this office's checkpoint key; without it no receipt is sent
	Log    *slog.Logger     // silent
	Now    func() time.Time // time.Now; against it pinned keys are valid or not
}

// NewFollower makes a follower. It does nothing before [Follower.Run] or
// [Follower.Step].
func NewFollower(b Books, o Options) *Follower {
	if o.Client == nil {
		o.Client = NewClient(Timeouts{})
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	f := &Follower{
		books: b, client: o.Client, log: o.Log, now: o.Now,
		sites: make(map[string]*follow), changed: make(chan struct{}, 1),
	}
	f.SetSigner(o.Signer)
	return f
}

// SetSigner makes another checkpoint key of this office sign its receipts from
// now on; nil: none is sent.
func (f *Follower) SetSigner(s note.Signer) {
	if s == nil {
		f.signer.Store(nil)
		return
	}
	f.signer.Store(&s)
}

// of returns the memory of a site.
func (f *Follower) of(site string) *follow {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.sites[site]
	if s == nil {
		s = &follow{wake: make(chan struct{}, 1)}
		f.sites[site] = s
	}
	return s
}

// Hint wakes the follower of a site before its poll interval ends. It never
// blocks; hints that come while one waits are the same hint. site must be one
// of the books': memory is kept for it.
func (f *Follower) Hint(site string) { wake(f.of(site).wake) }

// Reload makes [Follower.Run] read the list of sites again.
func (f *Follower) Reload() { wake(f.changed) }

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// reloadEvery is how often Run looks for sites that another process added.
const reloadEvery = 10 * time.Second

// Run follows every site, each in a goroutine of its own, until ctx ends, and
// returns when all have stopped. Sites added and removed meanwhile are noticed
// after [Follower.Reload], or within seconds.
func (f *Follower) Run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	running := make(map[string]context.CancelFunc)
	tick := time.NewTicker(reloadEvery)
	defer tick.Stop()
	for {
		sites, err := f.books.Sites(ctx)
		if err != nil && ctx.Err() == nil {
			f.log.Error("sites to follow cannot be read; those known are followed on", "err", err)
		}
		if err == nil {
			listed := make(map[string]bool, len(sites))
			for _, s := range sites {
				listed[s.ID] = true
				if running[s.ID] != nil {
					continue
				}
				siteCtx, cancel := context.WithCancel(ctx)
				running[s.ID] = cancel
				wg.Go(func() { f.follow(siteCtx, s.ID) })
			}
			for id, cancel := range running {
				if !listed[id] {
					cancel()
					delete(running, id)
				}
			}
		}
		select {
		case <-ctx.Done():
			for _, cancel := range running {
				cancel()
			}
			return
		case <-tick.C:
		case <-f.changed:
		}
	}
}

// retryAfter is how soon a round that failed is tried again, then twice as
// long each time up to the poll interval: a source that was away for a moment
// sends no hint for what it had published before, which may be a revocation.
const retryAfter = time.Second

// follow steps one site for ever. What goes wrong is in the books by then.
func (f *Follower) follow(ctx context.Context, id string) {
	memory := f.of(id)
	failed := 0
	for ctx.Err() == nil {
		poll := DefaultPoll
		if s, err := f.site(ctx, id); err == nil && s.Poll > 0 {
			poll = s.Poll
		}
		if err := f.Step(ctx, id); err != nil && ctx.Err() == nil {
			f.log.Warn("following a peer", "site", id, "code", Code(err), "err", err)
			poll = min(poll, retryAfter<<min(failed, 16))
			failed++
		} else {
			failed = 0
		}
		// ± 10 %, so that offices started together do not ask together for ever.
		timer := time.NewTimer(time.Duration(float64(poll) * (0.9 + 0.2*rand.Float64())))
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-memory.wake:
		}
		timer.Stop()
	}
}

// site reads a site's description anew: an act may have changed it.
func (f *Follower) site(ctx context.Context, id string) (Site, error) {
	sites, err := f.books.Sites(ctx)
	if err != nil {
		return Site{}, fmt.Errorf("peer %s: reading the sites: %w", id, err)
	}
	for _, s := range sites {
		if s.ID == id {
			return s, nil
		}
	}
	return Site{}, fmt.Errorf("peer %s: %w", id, errGone)
}

// errGone ends a round of a site that an act removed meanwhile.
var errGone = errors.New("is not among the sites to follow")

// Step does one round for a site: fetch the head, verify it, apply all that is
// under it, deliver the receipt. It returns when nothing of the round is left, or the
// first error, which is then in the books: by [Books.Fork] for a fork, by
// [Books.Trouble] for anything else. [Code] tells which.
func (f *Follower) Step(ctx context.Context, id string) error {
	memory := f.of(id)
	memory.step.Lock()
	defer memory.step.Unlock()

	err := f.rounds(ctx, id, memory)
	if err == nil || ctx.Err() != nil || errors.Is(err, errGone) {
		return err // being told to stop is no trouble of the peer's
	}
	code := Code(err)
	if code == Fork {
		return err
	}
	if e := f.books.Trouble(ctx, id, code, err); e != nil {
		err = errors.Join(err, fmt.Errorf("peer %s: recording trouble: %w", id, e))
	}
	return err
}

// rounds repeats the round until it was not overtaken. Being overtaken by a
// process that moved the position is progress; anything else would repeat for
// ever and is an error.
func (f *Follower) rounds(ctx context.Context, id string, memory *follow) error {
	last := Position{Applied: -1}
	for {
		s, err := f.site(ctx, id)
		if err != nil {
			return err
		}
		p, err := f.books.Position(ctx, id)
		if err != nil {
			return fmt.Errorf("peer %s: reading the position: %w", id, err)
		}
		if p.Applied <= last.Applied && p.Verified.Size <= last.Verified.Size {
			return fmt.Errorf("peer %s: %w, but it still stands at %d of %d", id, ErrMoved, p.Applied, p.Verified.Size)
		}
		last = p
		if err := f.round(ctx, s, p, memory); !errors.Is(err, ErrMoved) {
			return err
		}
	}
}

func (f *Follower) round(ctx context.Context, s Site, p Position, memory *follow) error {
	src := source{client: f.client, site: s, cache: &memory.cache}
	now := f.now().UnixMicro()
	head, err := src.checkpoint(ctx, p.Applied, now)
	if err != nil {
		return err
	}
	if evidence, err := src.compare(ctx, p.Verified, head); err != nil {
		if evidence != nil {
			if e := f.books.Fork(ctx, s.ID, *evidence); e != nil {
				err = errors.Join(err, fmt.Errorf("peer %s: storing evidence: %w", s.ID, e))
			}
		}
		return err
	}
	if head.Size > p.Verified.Size {
		if err := f.books.Verified(ctx, s.ID, p.Verified.Size, head); err != nil {
			return fmt.Errorf("peer %s: storing the head of size %d: %w", s.ID, head.Size, err)
		}
	}
	if err := f.books.Heard(ctx, s.ID); err != nil {
		return fmt.Errorf("peer %s: recording that it was heard: %w", s.ID, err)
	}
	if err := f.apply(ctx, src, head, p.Applied, memory, now); err != nil {
		return err
	}
	return f.deliver(ctx, s, memory)
}

// deliver sends the receipt where it says something new. One that is lost is
// replaced by the next: receipts are cumulative.
func (f *Follower) deliver(ctx context.Context, s Site, memory *follow) error {
	signer := f.signer.Load()
	if signer == nil {
		return nil
	}
	text, ok, err := f.books.Receipt(ctx, s.ID)
	if err != nil || !ok {
		return err
	}
	r, signed, err := signReceipt(text, *signer)
	if err != nil {
		return fmt.Errorf("peer %s: this office's own receipt: %w", s.ID, err)
	}
	r.Time = 0
	if r == memory.delivered {
		return nil
	}
	if err := f.client.SendReceipt(ctx, s, signed); err != nil {
		return fail(Undelivered, s.ID, ReceiptPath, "%w", errText(err))
	}
	memory.delivered = r
	return nil
}
