package office

import (
	"context"
	"errors"
	"time"
)

// Reconciling runs in two lanes. The urgent one takes status changes: few, and
// never behind the others. The bulk one takes what is new and what the
// calendar brings; while one batch of it is written the next is prepared.
// Both check everything again in the transaction that writes, so a source
// that both lanes meet is planned anew by one of them.

// batchUrgent and batchBulk bound how many sources one transaction takes, so
// that it holds the writer for a moment only.
const (
	batchUrgent = 64
	batchBulk   = 256
	batchBeside = 64 // of the bulk, while there is something urgent
)

// prepared is a batch that is planned, numbered and signed.
type prepared struct {
	plans []plan
	ps    []placed
}

// underway counts the designations in it that use a standing decision.
func (p *prepared) underway() map[string]int {
	n := map[string]int{}
	for i := range p.plans {
		for _, g := range p.plans[i].grants {
			if g.auto {
				n[g.clause]++
			}
		}
	}
	return n
}

func (o *Office) wakeReconcilers() {
	wake(o.urgentc)
	wake(o.bulkc)
}

// lane runs one lane until ctx ends.
func (o *Office) lane(ctx context.Context, woken <-chan struct{}, again chan<- struct{}, round func(context.Context) error) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-woken:
		}
		if err := round(ctx); err != nil && ctx.Err() == nil {
			o.log.Error("reconciling failed; trying again", "err", err)
			time.Sleep(100 * time.Millisecond)
			select {
			case again <- struct{}{}:
			default:
			}
		}
	}
}

func (o *Office) urgentLane(ctx context.Context) {
	o.lane(ctx, o.urgentc, o.urgentc, func(ctx context.Context) error {
		for {
			if n, err := o.urgentRound(ctx); n == 0 || err != nil {
				return err
			}
		}
	})
}

func (o *Office) bulkLane(ctx context.Context) { o.lane(ctx, o.bulkc, o.bulkc, o.bulkRounds) }

func (o *Office) urgentRound(ctx context.Context) (int, error) {
	o.urgentLock.Lock()
	defer o.urgentLock.Unlock()
	keys, err := o.dueKeys(ctx, `SELECT office, id FROM due WHERE priority = 0 AND at <= $1 ORDER BY at LIMIT $2`, batchUrgent)
	if err != nil || len(keys) == 0 {
		return 0, err
	}
	return len(keys), o.reconcile(ctx, keys, o.gate.first)
}

// bulkRounds takes batches until nothing is due, one being written while the
// next is prepared.
func (o *Office) bulkRounds(ctx context.Context) error {
	o.bulkLock.Lock()
	defer o.bulkLock.Unlock()
	var before *prepared // being written
	var written chan error
	join := func() error {
		if before == nil {
			return nil
		}
		before = nil
		return <-written
	}
	for ctx.Err() == nil {
		keys, err := o.bulkKeys(ctx, before)
		if err != nil || len(keys) == 0 {
			if jerr := join(); err != nil || jerr != nil {
				return errors.Join(err, jerr)
			}
			if keys, err = o.bulkKeys(ctx, nil); err != nil || len(keys) == 0 { // what did not hold is due again
				return err
			}
		}
		var underway map[string]int
		if before != nil {
			underway = before.underway()
		}
		next, err := o.prepare(ctx, keys, underway, o.gate.bulk)
		if jerr := join(); err != nil || jerr != nil {
			return errors.Join(err, jerr)
		}
		before, written = next, make(chan error, 1)
		go func() { written <- o.write(ctx, next, o.gate.bulk) }()
	}
	return join()
}

// bulkKeys is the next batch that is due and not being written: mostly what is
// new, and always some of what the calendar brings, so that a flood of the one
// cannot keep the other waiting.
func (o *Office) bulkKeys(ctx context.Context, before *prepared) ([]sourceKey, error) {
	busy := map[sourceKey]bool{}
	if before != nil {
		for i := range before.plans {
			busy[before.plans[i].key] = true
		}
	}
	size := batchBulk
	if o.gate.busy() {
		size = batchBeside
	}
	var keys []sourceKey
	for _, q := range []struct {
		priority string
		most     int
	}{{"2", size / 4}, {"1", size}, {"2", size}} {
		if len(keys) == size {
			break
		}
		ks, err := o.dueKeys(ctx, `SELECT office, id FROM due WHERE priority = `+q.priority+` AND at <= $1 ORDER BY at LIMIT $2`, q.most+len(busy))
		if err != nil {
			return nil, err
		}
		for _, k := range ks {
			if q.most--; q.most < 0 || len(keys) == size {
				break
			}
			if !busy[k] {
				busy[k] = true
				keys = append(keys, k)
			}
		}
	}
	return keys, nil
}

func (o *Office) dueKeys(ctx context.Context, query string, most int) (keys []sourceKey, err error) {
	err = o.view(ctx, func(w *work) error {
		rows, err := w.tx.Query(query, w.now, most)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var k sourceKey
			if err := rows.Scan(&k.Office, &k.ID); err != nil {
				return err
			}
			keys = append(keys, k)
		}
		return rows.Err()
	})
	return keys, err
}

// ReconcileDue does what the lanes do, once, for callers without them: what is
// urgent first, then one batch. It returns how many sources it looked at.
func (o *Office) ReconcileDue(ctx context.Context) (int, error) {
	if n, err := o.urgentRound(ctx); n > 0 || err != nil {
		return n, err
	}
	o.bulkLock.Lock()
	defer o.bulkLock.Unlock()
	keys, err := o.bulkKeys(ctx, nil)
	if err != nil || len(keys) == 0 {
		return 0, err
	}
	return len(keys), o.reconcile(ctx, keys, o.gate.bulk)
}

// Reconcile makes the wanted state of every designation that rests on a
// source true. It and the lanes are the only makers of designations: called
// for a peer's entry, a due date, a changed clause or policy, and a person's act.
func (o *Office) Reconcile(ctx context.Context, office, id string) error {
	return o.reconcile(ctx, []sourceKey{{office, id}}, o.gate.first)
}

func (o *Office) reconcile(ctx context.Context, keys []sourceKey, run func(func() error) error) error {
	p, err := o.prepare(ctx, keys, nil, run)
	if err != nil {
		return err
	}
	return o.write(ctx, p, run)
}

// prepare plans, numbers and signs a batch. Nothing of it is in the log.
func (o *Office) prepare(ctx context.Context, keys []sourceKey, underway map[string]int, run func(func() error) error) (*prepared, error) {
	p := new(prepared)
	err := o.view(ctx, func(w *work) (err error) {
		p.plans, err = w.planSources(keys, underway)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := o.numberPlans(ctx, p.plans, run); err != nil {
		return nil, err
	}
	var drafts []draft
	for i := range p.plans {
		drafts = append(drafts, p.plans[i].drafts...)
	}
	p.ps, err = o.sign(drafts)
	return p, err
}

// write makes a prepared batch true.
func (o *Office) write(ctx context.Context, p *prepared, run func(func() error) error) error {
	err := run(func() error {
		return o.update(ctx, func(w *work) error { return w.settle(p.plans, p.ps) })
	})
	if errors.Is(err, errMoved) { // stays due; planned anew
		o.wakeReconcilers()
		return nil
	}
	if err == nil && len(p.ps) > 0 {
		wake(o.publishc)
	}
	return err
}
