package peer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"assay/keys"
	"assay/statement"
)

// TestFollow: every entry arrives once, in order, verified, for logs of sizes
// around the edges of tiles and for growth between rounds.
func TestFollow(t *testing.T) {
	o := newOffice(t, "kr")
	b := newShelf(o)
	f := newTestFollower(b)
	total := 0
	for _, n := range []int{1, 1, 253, 1, 1, 254, 2, 600, 0, 300} {
		o.grants(n)
		total += n
		step(t, f, "kr")
		p := b.positions["kr"]
		if p.Applied != int64(total) || p.Verified.Size != int64(total) {
			t.Fatalf("after %d entries the position is %d applied, %d verified", total, p.Applied, p.Verified.Size)
		}
	}
	for i, it := range b.items["kr"] {
		if it.Err != nil || !bytes.Equal(it.Body, o.entries[i]) || it.Statement.Subject != fmt.Sprintf("kr-cic-%d", i) {
			t.Fatalf("item %d: %v, subject %v", i, it.Err, it.Statement)
		}
	}
	if len(b.trouble["kr"])+len(b.forks["kr"]) != 0 || b.heard["kr"] != 10 {
		t.Errorf("trouble %v, forks %d, heard %d times of 10", b.trouble["kr"], len(b.forks["kr"]), b.heard["kr"])
	}
}

// TestEmptyLog: a log without entries is followed, not refused.
func TestEmptyLog(t *testing.T) {
	o := newOffice(t, "kr")
	b := newShelf(o)
	f := newTestFollower(b)
	step(t, f, "kr")
	if b.heard["kr"] != 1 {
		t.Error("not heard")
	}
	o.grants(3)
	step(t, f, "kr")
	if b.positions["kr"].Applied != 3 {
		t.Errorf("applied %d of 3", b.positions["kr"].Applied)
	}
}

// TestResume: a follower that dies between two batches leaves the books so that
// the next one goes on where it stopped, with nothing lost or doubled.
func TestResume(t *testing.T) {
	o := newOffice(t, "kr")
	o.grants(1000)
	b := newShelf(o)
	died := errors.New("died")
	b.onApply = func(_ string, batch Batch) error {
		if batch.From >= 256 {
			return died
		}
		return nil
	}
	if err := newTestFollower(b).Step(context.Background(), "kr"); !errors.Is(err, died) {
		t.Fatalf("got %v", err)
	}
	if p := b.positions["kr"]; p.Verified.Size != 1000 || p.Applied != 256 {
		t.Fatalf("stopped at %d of %d, want 256 of 1000", p.Applied, p.Verified.Size)
	}
	if got := b.trouble["kr"]; len(got) != 1 || got[0] != Internal {
		t.Errorf("trouble %v, want %s", got, Internal)
	}
	b.onApply = nil
	o.grants(100)
	step(t, newTestFollower(b), "kr")
	if got := len(b.items["kr"]); got != 1100 {
		t.Errorf("%d items of 1100", got)
	}
}

// TestSeveralProcesses: followers of the same books at the same time apply
// every entry once between them.
func TestSeveralProcesses(t *testing.T) {
	o := newOffice(t, "kr")
	o.grants(1500)
	b := newShelf(o)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := NewFollower(b, Options{}).Step(context.Background(), "kr"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i, it := range b.items["kr"] {
		if it.Index != int64(i) {
			t.Fatalf("item %d has index %d", i, it.Index)
		}
	}
	if got := len(b.items["kr"]); got != 1500 {
		t.Errorf("%d items of 1500", got)
	}
}

// TestMovedBooks: books that refuse for ever end the round instead of spinning.
func TestMovedBooks(t *testing.T) {
	o := newOffice(t, "kr")
	o.grants(1)
	b := newShelf(o)
	b.onApply = func(string, Batch) error { return ErrMoved }
	err := newTestFollower(b).Step(context.Background(), "kr")
	if !errors.Is(err, ErrMoved) || Code(err) != Internal {
		t.Errorf("got %v", err)
	}
}

// TestBatches: batches grow while the books are fast and shrink when they are
// slow, within their bounds.
func TestBatches(t *testing.T) {
	var b batchSize
	if b.next() != batchStart {
		t.Errorf("starts at %d", b.next())
	}
	for range 10 {
		b.took(b.next(), time.Millisecond)
	}
	if b.next() != batchMax {
		t.Errorf("fast books: %d, want %d", b.next(), batchMax)
	}
	b.took(3, time.Millisecond)
	if b.next() != batchMax {
		t.Errorf("a small batch changed the size to %d", b.next())
	}
	b.took(2048, 100*time.Millisecond)
	if want := max(batchMin, int(2048*(holdAtMost/2)/(100*time.Millisecond))); b.next() != want {
		t.Errorf("slow books: %d, want %d", b.next(), want)
	}
	for range 10 {
		b.took(b.next(), time.Hour)
	}
	if b.next() != batchMin {
		t.Errorf("stuck books: %d, want %d", b.next(), batchMin)
	}
}

// TestKeyChange: what follows a key statement is judged by the keys that the
// books have after applying it, in the same step.
func TestKeyChange(t *testing.T) {
	o := newOffice(t, "kr")
	b := newShelf(o)
	o.grants(10)
	o.append(sign(t, o.ring.Identity, o.header(statement.Key, "kr")))
	next, err := keys.Generate(keys.Statement)
	if err != nil {
		t.Fatal(err)
	}
	old := o.ring.Statement
	o.ring.Statement = next
	o.grants(300)
	b.sites[0].Keys = []keys.Record{o.ring.Identity.Record, old.Record, o.ring.Checkpoint.Record}
	b.onApply = func(_ string, batch Batch) error {
		for _, it := range batch.Items {
			if it.Statement.Kind == statement.Key && it.Err == nil {
				b.sites[0].Keys = append(b.sites[0].Keys, next.Record)
			}
		}
		return nil
	}
	step(t, newTestFollower(b), "kr")
	for _, it := range b.items["kr"] {
		if it.Err != nil {
			t.Fatal(it.Err)
		}
	}
	if got := len(b.items["kr"]); got != 311 {
		t.Errorf("%d items of 311", got)
	}
}

// TestRetiredKey: a statement key that has ended still vouches for what was
// logged; a checkpoint key that has ended signs no new head.
func TestRetiredKey(t *testing.T) {
	o := newOffice(t, "kr")
	o.grants(2)
	b := newShelf(o)
	for i := range b.sites[0].Keys {
		if k := &b.sites[0].Keys[i]; k.Role == keys.Statement {
			k.NotAfter = 1
		}
	}
	step(t, newTestFollower(b), "kr")
	for _, it := range b.items["kr"] {
		if it.Err != nil {
			t.Error(it.Err)
		}
	}
	for i := range b.sites[0].Keys {
		if k := &b.sites[0].Keys[i]; k.Role == keys.Checkpoint {
			k.NotAfter = 1
		}
	}
	if err := newTestFollower(b).Step(context.Background(), "kr"); Code(err) != WrongKey {
		t.Errorf("ended checkpoint key: %v", err)
	}
}

// TestPartialGone: a source may drop partial tiles and bundles that have
// become full since the head was signed.
func TestPartialGone(t *testing.T) {
	o := newOffice(t, "kr")
	o.grants(600)
	o.lie = func(w http.ResponseWriter, r *http.Request) bool {
		switch path := r.URL.Path; {
		case path == "/checkpoint":
			w.Write(o.checkpoint(300))
			return true
		case bytes.Contains([]byte(path), []byte(".p/44")): // 300 = 256 + 44
			http.NotFound(w, r)
			return true
		}
		return false
	}
	b := newShelf(o)
	step(t, newTestFollower(b), "kr")
	if got := len(b.items["kr"]); got != 300 {
		t.Errorf("%d items of 300", got)
	}
}

// TestCost: a round that brings one entry asks for little, and one that brings
// nothing asks for the checkpoint only.
func TestCost(t *testing.T) {
	o := newOffice(t, "kr")
	o.grants(1000)
	b := newShelf(o)
	f := newTestFollower(b)
	step(t, f, "kr")
	count := func() (n int) {
		o.mu.Lock()
		defer o.mu.Unlock()
		for _, k := range o.asked {
			n += k
		}
		clear(o.asked)
		return n
	}
	count()
	step(t, f, "kr")
	if got := count(); got != 1 {
		t.Errorf("nothing new: %d requests, want 1", got)
	}
	o.grants(1)
	step(t, f, "kr")
	// checkpoint, the two tiles of the right edge for the proof, the bundle.
	if got := count(); got > 5 {
		t.Errorf("one new entry: %d requests, want at most 5", got)
	}
}

// TestAwayForAMoment: a source that breaks off in mid-round and comes back sends
// no hint for what it had published, and is asked again long before the poll
// interval of an hour.
func TestAwayForAMoment(t *testing.T) {
	kr := newOffice(t, "kr")
	kr.grants(2)
	var asked atomic.Int32
	kr.lie = func(w http.ResponseWriter, r *http.Request) bool {
		if asked.Add(1) > 2 {
			return false
		}
		panic(http.ErrAbortHandler) // as a killed process does
	}
	b := newShelf(kr)
	f := newTestFollower(b)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { f.Run(ctx); close(done) }()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		b.mu.Lock()
		n := len(b.items["kr"])
		b.mu.Unlock()
		if n == 2 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("not asked again within ten seconds")
		}
	}
	cancel()
	<-done
	if len(b.trouble["kr"]) == 0 {
		t.Error("the trouble was not noted: the source was not away")
	}
}

// TestRun: sites are followed side by side, a hint wakes one, a site added
// later is taken up, a removed one left alone.
func TestRun(t *testing.T) {
	kr, sg := newOffice(t, "kr"), newOffice(t, "sg")
	kr.grants(2)
	sg.lie = func(w http.ResponseWriter, r *http.Request) bool { http.Error(w, "broken", 500); return true }
	b := newShelf(sg, kr)
	f := newTestFollower(b)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { f.Run(ctx); close(done) }()
	applied := func(site string) int {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.items[site])
	}
	wait := func(what string, is func() bool) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); !is(); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("waited in vain: " + what)
			}
		}
	}
	wait("the good site beside the broken one", func() bool { return applied("kr") == 2 })
	kr.grants(1)
	f.Hint("kr") // the poll interval is an hour
	wait("the hint", func() bool { return applied("kr") == 3 })

	fi := newOffice(t, "fi")
	fi.grants(1)
	b.mu.Lock()
	b.sites = []Site{fi.site()}
	b.mu.Unlock()
	f.Reload()
	wait("the new site", func() bool { return applied("fi") == 1 })
	kr.grants(1)
	f.Hint("kr")
	time.Sleep(50 * time.Millisecond)
	if applied("kr") != 3 {
		t.Error("a removed site is still followed")
	}
	cancel()
	<-done
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.trouble["sg"]) == 0 || b.trouble["sg"][0] != Refused {
		t.Errorf("trouble of the broken site: %v", b.trouble["sg"])
	}
	if len(b.trouble["kr"]) != 0 || len(b.trouble["fi"]) != 0 {
		t.Errorf("trouble where there is none: %v", b.trouble)
	}
}
