package peer

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"testing"
	"time"

	"assay/keys"
	"assay/ledger"
	"assay/statement"
	"assay/store"
	"assay/store/storetest"
)

// ledgerOffice is a source as it is in earnest: statements in a database, served
// by package ledger.
type ledgerOffice struct {
	*office // its names, keys and statements; not its log
	db      *store.DB
	bodies  [][]byte
}

func newLedgerOffice(t testing.TB, id string) *ledgerOffice {
	o := &ledgerOffice{office: newOffice(t, id), db: storetest.SQLite(t)}
	o.server.Close()
	mux := http.NewServeMux()
	mux.Handle("/", ledger.Handler(o.db.Log()))
	o.server = httptest.NewServer(mux)
	t.Cleanup(o.server.Close)
	return o
}

// grants logs n statements in one transaction and publishes the head.
func (o *ledgerOffice) grants(n int) {
	o.t.Helper()
	ctx := context.Background()
	entries := make([]ledger.Entry, n)
	for i := range entries {
		h := o.header(statement.Grant, fmt.Sprintf("kr-cic-%d", len(o.bodies)))
		body := sign(o.t, o.ring.Statement, h)
		o.bodies = append(o.bodies, body)
		entries[i] = ledger.Entry{Kind: string(h.Kind), Issuer: h.Issuer, Subject: h.Subject, Sequence: h.Sequence, Body: body}
	}
	var head ledger.Head
	err := o.db.Update(ctx, func(tx *store.Tx) (err error) {
		if _, err = tx.LockHead(ctx); err != nil {
			return err
		}
		head, err = ledger.Append(ctx, tx, tx.Now(), entries)
		return err
	})
	if err != nil {
		o.t.Fatal(err)
	}
	signed, err := ledger.Checkpoint(o.origin, head, o.ring.Checkpoint)
	if err != nil {
		o.t.Fatal(err)
	}
	err = o.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.StoreCheckpoint(head, signed)
		return err
	})
	if err != nil {
		o.t.Fatal(err)
	}
}

// TestFollowLedger: the log that this project serves is one that it follows,
// sizes around the edges of tiles included.
func TestFollowLedger(t *testing.T) {
	o := newLedgerOffice(t, "kr")
	b := newShelf()
	b.sites = []Site{o.site()}
	f := newTestFollower(b)
	if err := f.Step(context.Background(), "kr"); Code(err) != Refused {
		t.Errorf("nothing published yet: %v", err)
	}
	for _, n := range []int{1, 254, 1, 1, 511, 3} {
		o.grants(n)
		step(t, f, "kr")
		if got := len(b.items["kr"]); got != len(o.bodies) {
			t.Fatalf("%d items of %d", got, len(o.bodies))
		}
	}
	for i, it := range b.items["kr"] {
		if it.Err != nil || string(it.Body) != string(o.bodies[i]) {
			t.Fatalf("item %d: %v", i, it.Err)
		}
	}
	root, err := ledger.RootAt(context.Background(), o.db.Log(), 771)
	if p := b.positions["kr"]; err != nil || p.Verified.Root != root || p.Applied != 771 {
		t.Errorf("verified root %x at %d, the log's is %x, %v", p.Verified.Root, p.Applied, root, err)
	}
}

// idle books take every batch at once: what is left is the follower's own cost.
type idle struct {
	*shelf
	position Position
}

func (s *idle) Position(context.Context, string) (Position, error) { return s.position, nil }
func (s *idle) Verified(_ context.Context, _ string, _ int64, h Head) error {
	s.position.Verified = h
	return nil
}
func (s *idle) Apply(_ context.Context, _ string, b Batch) error {
	for _, it := range b.Items {
		if it.Err != nil {
			return it.Err
		}
	}
	s.position.Applied = b.To
	return nil
}

// BenchmarkFollow follows a log of 20,000 entries over loopback, source and
// follower on the same cores, and beside it, in the same run, only parses and
// verifies the same entries on all cores. ratio is follow ÷ verify-only.
func BenchmarkFollow(b *testing.B) {
	const n = 20_000
	o := newLedgerOffice(b, "kr")
	for range n / 1000 {
		o.grants(1000)
	}
	var follow, verify time.Duration
	for b.Loop() {
		books := &idle{shelf: newShelf()}
		books.sites = []Site{o.site()}
		start := time.Now()
		step(b, NewFollower(books, Options{}), "kr")
		follow += time.Since(start)
		if books.position.Applied != n {
			b.Fatalf("applied %d of %d", books.position.Applied, n)
		}
		start = time.Now()
		verifyAll(b, o.ring.Statement.Record, o.bodies)
		verify += time.Since(start)
	}
	b.ReportMetric(n*float64(b.N)/follow.Seconds(), "followed/s")
	b.ReportMetric(n*float64(b.N)/verify.Seconds(), "verified/s")
	b.ReportMetric(verify.Seconds()/follow.Seconds(), "ratio")
}

func verifyAll(b *testing.B, key keys.Record, bodies [][]byte) {
	var wg sync.WaitGroup
	cores := runtime.GOMAXPROCS(0)
	for c := range cores {
		wg.Go(func() {
			for i := c; i < len(bodies); i += cores {
				st, err := statement.Parse(bodies[i])
				if err == nil {
					err = st.Verify(key, 1)
				}
				if err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkStep is one entry from the source's checkpoint to the books: what a
// revocation waits for after its hint.
func BenchmarkStep(b *testing.B) {
	o := newOffice(b, "kr")
	o.grants(2000)
	books := &idle{shelf: newShelf()}
	books.sites = []Site{o.site()}
	f := NewFollower(books, Options{})
	step(b, f, "kr")
	for b.Loop() {
		b.StopTimer()
		o.grants(1)
		b.StartTimer()
		step(b, f, "kr")
	}
}
