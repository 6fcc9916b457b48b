package campaign

import (
	"math/rand/v2"
	"testing"
	"time"

	"assay/certificate"
	"assay/civil"
	"assay/office"
	"assay/peer"
	"assay/store/storetest"
)

// TestYears lets years pass in steps of hours to months between two offices
// that grant, suspend, revoke, and let terms end. After every step no
// designation is valid whose source is not, nothing is valid after its last
// day, and the logs are only ever longer. Once a year the offices restart.
func TestYears(t *testing.T) {
	rounds(t, 1, func(t *testing.T, r *rand.Rand) {
		ctx := t.Context()
		clock := storetest.NewClock(time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC))
		krDB, sgDB := storetest.SQLite(t), storetest.SQLite(t)
		krDB.Clock, sgDB.Clock = clock.Now, clock.Now
		kr, sg := found(t, krDB, newRing(t), "kr"), found(t, sgDB, newRing(t), "sg")
		sg.believe(kr)
		watch := map[*authority]*watcher{kr: kr.watch(), sg: sg.watch()}
		var ids []string
		ended, designated := 0, 0
		restart, renewal := clock.Now().AddDate(1, 0, 0), clock.Now().AddDate(0, 10, 0)
		for end := clock.Now().AddDate(7, 0, 0); clock.Now().Before(end); {
			clock.Advance(time.Duration(1+r.IntN(24*40)) * time.Hour)
			must(t, kr.Tick(ctx))
			must(t, sg.Tick(ctx))
			if clock.Now().After(renewal) {
				renewal = clock.Now().AddDate(0, 10, 0)
				sg.renew()
			}
			// The evidence of the specimen is of no use after its support ends.
			if clock.Now().Year() < 2029 && r.IntN(3) > 0 {
				ids = append(ids, kr.grant(len(ids)))
			}
			if len(ids) > 0 && r.IntN(4) == 0 {
				id := ids[r.IntN(len(ids))]
				a, err := kr.Certificate(ctx, id, 0, 0)
				must(t, err)
				switch a.Standing.State {
				case certificate.Valid:
					kr.measure([]office.ActKind{office.ActSuspend, office.ActRevoke}[r.IntN(2)], id, "below-criteria")
				case certificate.Suspended:
					kr.measure(office.ActReinstate, id, "vulnerability-fixed")
				}
			}
			clock.Advance(time.Second)
			kr.settleOwn()
			sg.settle("kr")
			ended, designated = sound(t, clock.Now(), kr, sg, ids)
			for a, w := range watch {
				note, _, err := a.db.Log().Published(ctx)
				must(t, err)
				w.see(t, note, a.db.Log())
			}
			if clock.Now().After(restart) {
				restart = clock.Now().AddDate(1, 0, 0)
				kr, sg = kr.restart(watch), sg.restart(watch)
			}
		}
		for a, w := range watch {
			w.fsck(t, a.db)
			// The document renews itself.
			d, err := peer.ParseDocument(a.Document(), a.Fingerprint())
			must(t, err)
			must(t, d.Current(clock.Now(), 0))
		}
		if len(ids) < 5 || ended < len(ids)/2 || designated < len(ids)/2 {
			t.Errorf("%d grants, of which %d ended and %d were designated: little was tried", len(ids), ended, designated)
		}
	})
}

// settleOwn does what is due in an office that follows nobody.
func (a *authority) settleOwn() {
	a.t.Helper()
	_, err := a.ReconcileDue(a.t.Context())
	must(a.t, err)
	must(a.t, a.Publish(a.t.Context()))
}

// restart opens the office again over the same database.
func (a *authority) restart(watch map[*authority]*watcher) *authority {
	a.t.Helper()
	b := open(a.t, a.db, a.ring)
	b.people, b.url = a.people, a.url
	watch[b] = watch[a]
	delete(watch, a)
	return b
}

// sound compares both registers at an instant, and counts the sources that
// ended and those with a designation.
func sound(t *testing.T, now time.Time, kr, sg *authority, ids []string) (ended, designated int) {
	t.Helper()
	designations := sg.designations()
	for _, id := range ids {
		a, err := kr.Certificate(t.Context(), id, 0, 0)
		must(t, err)
		if a.Standing.State.Ended() {
			ended++
		}
		over(t, now, kr, a.Certificate, a.Standing.State)
		ds := designations[id]
		if len(ds) > 1 {
			t.Errorf("%s: %s has %d designations", now, id, len(ds))
		}
		for _, d := range ds {
			designated++
			over(t, now, sg, d.Certificate, d.Standing.State)
			if d.Standing.State == certificate.Valid && a.Standing.State != certificate.Valid {
				t.Errorf("%s: the designation of %s is valid, its source is %s", now, id, a.Standing.State)
			}
		}
	}
	return ended, designated
}

// over fails for a certificate that is valid after its last day.
func over(t *testing.T, now time.Time, a *authority, c *certificate.Certificate, s certificate.State) {
	t.Helper()
	zone, err := time.LoadLocation(a.ID().Zone)
	must(t, err)
	if today := civil.DateAt(now.UnixMicro(), zone); s == certificate.Valid && !c.Expires.IsZero() && today > c.Expires {
		t.Errorf("%s in %s is valid on %s, its last day was %s", c.ID, a.ID().Office, today, c.Expires)
	}
}
