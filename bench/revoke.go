package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"assay/certificate"
	"assay/office"
	"assay/store"
)

// runRevoke takes the time from a revocation in one office to its effect in
// another: under load with hints, and idle without.
func runRevoke(ctx context.Context, s sizes) ([]*Report, error) {
	hinted, err := revokeUnderLoad(ctx, s)
	if err != nil {
		return nil, err
	}
	polled, err := revokeWithoutHints(ctx, min(20, s.revocations))
	return []*Report{hinted, polled}, err
}

// grantsPerSecond are granted by the receiver itself meanwhile.
const grantsPerSecond = 50

func revokeUnderLoad(ctx context.Context, s sizes) (*Report, error) {
	w, err := newWorld()
	if err != nil {
		return nil, err
	}
	defer w.close()
	source, receiver, err := w.pair(ctx, true, time.Hour)
	if err != nil {
		return nil, err
	}
	other, err := w.found(ctx, w.Other, "")
	if err != nil {
		return nil, err
	}
	if err := other.serve(ctx, answering); err != nil {
		return nil, err
	}
	if err := errors.Join(receiver.follow(ctx, other, time.Hour), receiver.automatic(ctx, other.Clause), other.follow(ctx, receiver, time.Hour), other.office.Publish(ctx)); err != nil {
		return nil, err
	}
	targets, err := w.designated(ctx, source, receiver, s.revocations)
	if err != nil {
		return nil, err
	}
	if err := other.grants(ctx, 0, s.backlog, receiver.Scheme, false); err != nil {
		return nil, err
	}
	// Decisions ready to be made: a grant is its approval.
	seconds := s.revocations/s.perSecond + 5
	var acts []*office.Act
	for i := range seconds * grantsPerSecond {
		a, err := receiver.evaluated(ctx, fmt.Sprintf("R-%d", i))
		if err != nil {
			return nil, err
		}
		acts = append(acts, a)
	}

	receiver.node.Follower.Hint(other.Office.Office)
	if err := until(ctx, 5*time.Millisecond, "the backlog to move", func() (bool, error) {
		n, err := receiver.applied(ctx, other.Office.Office)
		return n > min(1000, int64(s.backlog)/4), err
	}); err != nil {
		return nil, err
	}
	load, stop := context.WithCancel(ctx)
	var granting sync.WaitGroup
	granted, grantErr := 0, error(nil)
	granting.Go(func() {
		tick := time.NewTicker(time.Second / grantsPerSecond)
		defer tick.Stop()
		for _, a := range acts {
			if _, err := receiver.office.Approve(ctx, receiver.people["officer-1"], a.ID, a.Version); err != nil {
				grantErr = err
				return
			}
			granted++
			select {
			case <-load.Done():
				return
			case <-tick.C:
			}
		}
	})
	before := time.Now()
	stage, err := revokeAll(ctx, source, receiver, targets, time.Second/time.Duration(s.perSecond))
	wall := time.Since(before)
	left, lerr := receiver.applied(ctx, other.Office.Office)
	stop()
	granting.Wait()
	if err := errors.Join(err, lerr, grantErr); err != nil {
		return nil, err
	}
	looked, err := count(ctx, receiver.db, `SELECT COUNT(*) FROM arrivals WHERE office = $1`, other.Office.Office)
	if err != nil {
		return nil, err
	}
	took := stage[refused]
	r := &Report{Name: "revoke", What: "revoked here, refused there, with hints, while the partner catches up on another peer and grants", N: len(took), Unit: "revocations",
		Of: "the limit of 100 ms for the 99th percentile", Target: 1}
	r.term("median", millis(quantile(took, 0.5)), "ms")
	r.term("90th percentile", millis(quantile(took, 0.9)), "ms")
	r.term("99th percentile", millis(quantile(took, 0.99)), "ms")
	r.term("longest", millis(quantile(took, 1)), "ms")
	for i := range stages - 1 {
		r.term("median until "+stageNames[i], millis(quantile(stage[i], 0.5)), "ms")
	}
	r.term("revocations", float64(len(took))/wall.Seconds(), "per second")
	r.term("granted by the partner meanwhile", float64(granted)/wall.Seconds(), "per second")
	r.term("backlog at the start", float64(s.backlog), "entries")
	r.term("not applied when the last revocation acted", float64(max(0, int64(s.backlog)-left)), "entries")
	r.term("not decided on then", float64(max(0, int64(s.backlog)-looked)), "entries")
	r.note("from the call that approves the revocation to the row that says so in the partner's database, asked for every 2 ms; all three offices share the cores of this machine")
	if left >= int64(s.backlog) && looked >= int64(s.backlog) {
		r.note("the backlog ended first: take a larger one")
	}
	r.judge(millis(quantile(took, 0.99)) / 100)
	return r, nil
}

func revokeWithoutHints(ctx context.Context, n int) (*Report, error) {
	w, err := newWorld()
	if err != nil {
		return nil, err
	}
	defer w.close()
	const poll = 500 * time.Millisecond
	source, receiver, err := w.pair(ctx, false, poll)
	if err != nil {
		return nil, err
	}
	targets, err := w.designated(ctx, source, receiver, n)
	if err != nil {
		return nil, err
	}
	stage, err := revokeAll(ctx, source, receiver, targets, 7*poll/10)
	if err != nil {
		return nil, err
	}
	took := stage[refused]
	r := &Report{Name: "revoke", What: "the same on an idle partner without hints, polling every 500 ms", N: len(took), Unit: "revocations",
		Of: "one poll interval (at most 550 ms, it varies by a tenth) and 100 ms, for the longest", Target: 1}
	r.term("median", millis(quantile(took, 0.5)), "ms")
	r.term("longest", millis(quantile(took, 1)), "ms")
	r.judge(millis(quantile(took, 1)) / 650)
	return r, nil
}

// pair is a source and a receiver that follow each other, with the clause
// between them automatic. Without hints the source tells nobody.
func (w *world) pair(ctx context.Context, hints bool, poll time.Duration) (source, receiver *site, err error) {
	if source, err = w.found(ctx, w.Source, ""); err != nil {
		return nil, nil, err
	}
	if receiver, err = w.found(ctx, w.Receiver, ""); err != nil {
		return nil, nil, err
	}
	does := publishing
	if hints {
		does = hinting
	}
	if err = source.serve(ctx, does); err == nil {
		err = receiver.start(ctx)
	}
	if err == nil {
		err = receiver.follow(ctx, source, poll)
	}
	if err == nil {
		err = receiver.automatic(ctx, source.Clause)
	}
	if err == nil {
		err = source.follow(ctx, receiver, time.Hour)
	}
	return source, receiver, err
}

// target is a certificate in its office and the designation that rests on it.
type target struct{ source, here string }

// designated makes n certificates in the source that stand designated in the
// receiver.
func (w *world) designated(ctx context.Context, source, receiver *site, n int) (out []target, err error) {
	if err := source.grants(ctx, 0, n, receiver.Scheme, true); err != nil {
		return nil, err
	}
	receiver.node.Follower.Hint(source.Office.Office)
	err = until(ctx, 10*time.Millisecond, "the designations", func() (bool, error) {
		out = out[:0]
		err := receiver.db.View(ctx, func(tx *store.Tx) error {
			rows, err := tx.Query(`SELECT src_id, id FROM certificates WHERE office = $1 AND src_office = $2`, receiver.Office.Office, source.Office.Office)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				var t target
				if err := rows.Scan(&t.source, &t.here); err != nil {
					return err
				}
				out = append(out, t)
			}
			return rows.Err()
		})
		return len(out) == n, err
	})
	return out, err
}

// stages of a revocation on its way, each the time since its approval began.
const (
	logged    = iota // here, durably
	published        // here, under a checkpoint
	headThere        // the partner has verified that checkpoint
	applied          // and entered the statement
	refused          // and ended what rests on it
	stages
)

var stageNames = [stages]string{"logged here", "published here", "checkpoint verified there", "applied there", "refused there"}

// revokeAll revokes each target at a source, one every so often and at no
// fixed phase, and gives the times of its stages, one list for each.
func revokeAll(ctx context.Context, source, receiver *site, targets []target, every time.Duration) ([stages][]time.Duration, error) {
	took := make([][stages]time.Duration, len(targets))
	errs := make([]error, len(targets))
	var out [stages][]time.Duration
	var wg sync.WaitGroup
	for i, t := range targets {
		select {
		case <-ctx.Done():
			return out, context.Cause(ctx)
		case <-time.After(every/2 + rand.N(every)):
		}
		wg.Go(func() { took[i], errs[i] = revokeOne(ctx, source, receiver, t) })
	}
	wg.Wait()
	for _, t := range took {
		for i, d := range t {
			out[i] = append(out[i], d)
		}
	}
	return out, errors.Join(errs...)
}

func revokeOne(ctx context.Context, source, receiver *site, t target) (took [stages]time.Duration, err error) {
	a, err := source.propose(ctx, office.ActRevoke, office.MeasureBody{Certificate: t.source, Reason: "below-criteria"}, "officer-1")
	if err != nil {
		return took, err
	}
	start := time.Now()
	if a, err = source.office.Approve(ctx, source.people["officer-2"], a.ID, a.Version); err != nil {
		return took, err
	}
	took[logged] = time.Since(start)
	if err := source.office.WaitPublished(ctx, a.Index); err != nil {
		return took, err
	}
	took[published] = time.Since(start)
	err = until(ctx, 2*time.Millisecond, t.here+" to be refused", func() (bool, error) {
		var state string
		var size, done int64
		err := receiver.db.Get(ctx, `SELECT c.state, p.size, p.applied FROM certificates c JOIN peers p ON p.site = c.src_office WHERE c.office = $1 AND c.id = $2`,
			[]any{receiver.Office.Office, t.here}, &state, &size, &done)
		if err != nil {
			return false, err
		}
		now := time.Since(start)
		for i, reached := range map[int]bool{headThere: size > a.Index, applied: done > a.Index, refused: state == string(certificate.Lapsed)} {
			if reached && took[i] == 0 {
				took[i] = now
			}
		}
		return took[refused] > 0, nil
	})
	return took, err
}
