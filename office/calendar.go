package office

import (
	"context"
	"fmt"
	"time"
)

// calendarLoop wakes the reconciler for what is due by the calendar, adopts a
// catalog whose day has come, logs what was under embargo, and tells of
// silence.
func (o *Office) calendarLoop(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	if _, err := o.RejudgeRejects(ctx); err != nil && ctx.Err() == nil { // this program may be newer than the one that rejected
		o.log.Error("reading rejected entries again failed", "err", err)
	}
	for {
		if err := o.Tick(ctx); err != nil && ctx.Err() == nil {
			o.log.Error("the calendar failed; trying again", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Tick does what the calendar asks for now.
func (o *Office) Tick(ctx context.Context) error {
	if err := o.refreshRules(ctx); err != nil {
		return err
	}
	if err := o.refreshSigning(ctx); err != nil { // another process may have replaced a key
		return err
	}
	if err := o.resume(ctx); err != nil && CodeOf(err) != ClockBack { // which the alarm below tells
		return err
	}
	if err := o.silence(ctx); err != nil {
		return err
	}
	if err := o.clockBack(ctx); err != nil {
		return err
	}
	o.wakeReconcilers()
	return nil
}

// clockBack raises an alarm while the clock is behind the newest entry of the
// log: nothing is logged until it has caught up or somebody has set it.
func (o *Office) clockBack(ctx context.Context) error {
	const slack = int64(time.Second / time.Microsecond) // processes on several machines
	var head, now int64
	err := o.view(ctx, func(w *work) error {
		h, err := w.tx.Head()
		head, now = h.At, w.now
		return err
	})
	if err != nil || now >= head-slack {
		return err
	}
	return o.update(ctx, func(w *work) error {
		return w.alarm("clock-back", "", "", map[string]string{"head": fmt.Sprint(head), "now": fmt.Sprint(now)})
	})
}

// silence raises an alarm once for each peer that was not heard in time.
func (o *Office) silence(ctx context.Context) error {
	peers, err := o.Peers(ctx)
	if err != nil {
		return err
	}
	for _, p := range peers {
		if !p.Silent || p.End {
			continue
		}
		err := o.update(ctx, func(w *work) error {
			n, err := w.tx.Exec(`UPDATE peers SET silent = 1 WHERE site = $1 AND silent = 0`, p.Site)
			if err != nil || n == 0 {
				return err
			}
			return w.alarm("silent", p.Site, "", map[string]string{"heard": fmt.Sprint(p.Heard)})
		})
		if err != nil {
			return err
		}
	}
	return nil
}
