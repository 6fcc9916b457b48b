package office

import (
	"context"
	"errors"
	"time"

	"assay/keys"
	"assay/ledger"
	"assay/store"
)

// waiters are those who wait for a checkpoint. A new one replaces it at each.
type waiters struct {
	size int64
	next chan struct{} // closed when a larger checkpoint is stored
}

func newWaiters(size int64) *waiters { return &waiters{size, make(chan struct{})} }

// Publish signs the head, stores the checkpoint if it is larger than the last
// one stored, and only then tells anybody. A crash before the store leaves the
// old checkpoint; the entries are logged and the next start publishes them.
func (o *Office) Publish(ctx context.Context) error {
	var head ledger.Head
	var have int64
	var by []keys.Signer
	read := func(w *work) (err error) { // the keys that the log names under this very head
		if head, err = w.tx.Head(); err != nil {
			return err
		}
		if have, err = w.tx.CheckpointSize(); err != nil || head.Size <= have {
			return err
		}
		by, err = w.checkpointSigners(have)
		return err
	}
	err := o.view(ctx, read)
	if errors.Is(err, errMoved) {
		if err = o.refreshSigning(ctx); err == nil {
			err = o.view(ctx, read)
		}
	}
	if err != nil || head.Size == 0 {
		return err
	}
	if head.Size > have {
		note, err := ledger.Checkpoint(o.info.Origin, head, by...)
		if err != nil {
			return err
		}
		err = o.db.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.StoreCheckpoint(head, note)
			return err
		})
		if err != nil {
			return err
		}
		if o.opt.OnPublish != nil {
			o.opt.OnPublish(note)
		}
	}
	o.tell(head.Size)
	return nil
}

func (o *Office) tell(size int64) {
	for {
		old := o.published.Load()
		if size <= old.size {
			return
		}
		if o.published.CompareAndSwap(old, newWaiters(size)) {
			close(old.next)
			return
		}
	}
}

// WaitPublished returns when a checkpoint covers the entry at index.
func (o *Office) WaitPublished(ctx context.Context, index int64) error {
	for {
		w := o.published.Load()
		if w.size > index {
			return nil
		}
		select {
		case <-w.next:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// publishLoop publishes at once after a quiet time, and otherwise gathers for
// as long as Options.Coalesce, so that a busy office signs few checkpoints.
func (o *Office) publishLoop(ctx context.Context) {
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-o.publishc:
		}
		if wait := o.opt.Coalesce - time.Since(last); wait > 0 {
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			}
		}
		last = time.Now()
		if err := o.Publish(ctx); err != nil && ctx.Err() == nil {
			o.log.Error("publishing failed; trying again", "err", err)
			wake(o.publishc)
			time.Sleep(o.opt.Coalesce)
		}
	}
}
