package campaign

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"testing"
	"time"

	"assay/certificate"
	"assay/keys"
	"assay/node"
	"assay/office"
	"assay/store"
	"assay/store/storetest"
)

// followUntilKilled runs a whole office until it is killed.
func followUntilKilled(ctx context.Context, database string, ring *keys.Ring) error {
	n, err := node.Start(ctx, node.Config{Database: database, Ring: ring, Listen: "127.0.0.1:0"})
	if err != nil {
		return err
	}
	fmt.Println(n.URL)
	return <-n.Failed()
}

// TestFollow kills an office while it follows another one, designates and
// publishes; on PostgreSQL two processes of it run side by side. At the end
// every certificate of the source has one designation, which goes where its
// source went, and what the office ever published is the beginning of its log.
func TestFollow(t *testing.T) {
	rounds(t, 1, func(t *testing.T, r *rand.Rand) {
		storetest.EachEmpty(t, func(t *testing.T, url string) { followed(t, r, url) })
	})
}

func followed(t *testing.T, r *rand.Rand, url string) {
	ctx := t.Context()
	kr := found(t, storetest.SQLite(t), newRing(t), "kr")
	ringPath, ring := ringFile(t)
	db := storetest.Open(t, url)
	must(t, db.Migrate(ctx, store.Migrations()))
	sg := found(t, db, ring, "sg")
	sg.believe(kr)
	watch := sg.watch()
	look := func() {
		note, _, err := db.Log().Published(ctx)
		must(t, err)
		watch.see(t, note, db.Log())
	}
	look()
	start := watch.seen.N
	processes := 1
	if db.Postgres() {
		processes = 2
	}

	want := map[string]certificate.State{} // of the designation, by source
	var ids []string
	for range 4 + r.IntN(4) {
		var running []*exec.Cmd
		for range processes {
			running = append(running, victim(t, url, ringPath, time.Duration(r.IntN(700))*time.Millisecond))
		}
		for range 1 + r.IntN(6) {
			ids = kr.happen(r, ids, want)
		}
		for _, c := range running {
			c.Wait()
		}
		look()
	}
	if watch.seen.N == start {
		t.Error("no office published anything before it was killed")
	}
	sg = open(t, db, ring)
	sg.settle("kr")
	watch.fsck(t, db)
	have := sg.designations()
	for id, state := range want {
		switch ds := have[id]; {
		case len(ds) == 0 && state != certificate.Valid: // it went while nobody looked
		case len(ds) != 1:
			t.Errorf("%s has %d designations, want one that is %s: %s", id, len(ds), state, sg.arrival("kr", id))
		case ds[0].Standing.State != state:
			t.Errorf("%s is %s, want %s", id, ds[0].Standing.State, state)
		}
	}
	if len(have) == 0 {
		t.Error("nothing was designated")
	}
	for id := range have {
		if _, ok := want[id]; !ok {
			t.Errorf("a designation rests on %s, which nobody granted", id)
		}
	}
}

// victim starts a process of the office and kills it some time after it is
// ready.
func victim(t *testing.T, url, ring string, after time.Duration) *exec.Cmd {
	t.Helper()
	c := child(t, "follow", url, ring)
	out, err := c.StdoutPipe()
	must(t, err)
	must(t, c.Start())
	if !bufio.NewScanner(out).Scan() {
		c.Wait()
		t.Fatal("the office does not start again")
	}
	time.AfterFunc(after, func() { c.Process.Kill() })
	return c
}

// happen grants something or changes the status of something granted before,
// and says in want what it should come to abroad.
func (a *authority) happen(r *rand.Rand, ids []string, want map[string]certificate.State) []string {
	a.t.Helper()
	n := r.IntN(4)
	if n < 2 || len(ids) == 0 {
		id := a.grant(len(ids))
		want[id] = certificate.Valid
		return append(ids, id)
	}
	id := ids[r.IntN(len(ids))]
	switch {
	case want[id] == certificate.Lapsed:
	case n == 2 && want[id] == certificate.Suspended:
		a.measure(office.ActReinstate, id, "vulnerability-fixed")
		want[id] = certificate.Valid
	case n == 2:
		a.measure(office.ActSuspend, id, "vulnerability-unfixed")
		want[id] = certificate.Suspended
	default:
		a.measure(office.ActRevoke, id, "below-criteria")
		want[id] = certificate.Lapsed
	}
	return ids
}

func newRing(t *testing.T) *keys.Ring {
	t.Helper()
	ring, err := keys.NewRing()
	must(t, err)
	return ring
}
