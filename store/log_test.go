package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"assay/keys"
	"assay/ledger"
	"assay/store"
	"assay/store/storetest"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const origin = "office.example/log/specimen"

func entries(from, n int) []ledger.Entry {
	es := make([]ledger.Entry, n)
	for i := range es {
		es[i] = ledger.Entry{Kind: "grant", Issuer: "office.example", Subject: fmt.Sprint("SPECIMEN-", from+i), Sequence: 1,
			Body: fmt.Appendf(nil, "entry %d", from+i)}
	}
	return es
}

// appending is the shape of every transaction that logs: head, then time.
func appending(es []ledger.Entry) func(*store.Tx) error {
	return func(tx *store.Tx) error {
		if _, err := tx.LockHead(ctx); err != nil {
			return err
		}
		_, err := ledger.Append(ctx, tx, tx.Now(), es)
		return err
	}
}

func head(t testing.TB, db *store.DB) (h ledger.Head) {
	t.Helper()
	view(t, db, func(tx *store.Tx) (err error) { h, err = tx.Head(); return err })
	return h
}

func checkpointKey(t testing.TB) (keys.Signer, note.Verifier) {
	t.Helper()
	s, err := keys.Generate(keys.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	v, err := s.NoteVerifier(origin)
	if err != nil {
		t.Fatal(err)
	}
	return s, v
}

// publish stores a checkpoint of the head and reports whether it was larger.
func publish(t testing.TB, db *store.DB, s keys.Signer, h ledger.Head) (stored bool) {
	t.Helper()
	b, err := ledger.Checkpoint(origin, h, s)
	if err != nil {
		t.Fatal(err)
	}
	update(t, db, func(tx *store.Tx) (err error) { stored, err = tx.StoreCheckpoint(h, b); return err })
	return stored
}

// fsck publishes the head and checks the whole log against it.
func fsck(t testing.TB, db *store.DB) error {
	t.Helper()
	s, v := checkpointKey(t)
	h := head(t, db)
	if !publish(t, db, s, h) {
		t.Fatal("checkpoint was not stored")
	}
	tree, err := ledger.Fsck(ctx, ledger.Local(db.Log()), origin, v, nil)
	if err == nil && (tree.N != h.Size || tree.Hash != h.Root) {
		t.Errorf("fsck saw %d %v, the head is %d %x", tree.N, tree.Hash, h.Size, h.Root)
	}
	return err
}

func TestLog(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		if h := head(t, db); h.Size != 0 || h.Root != ledger.EmptyHead().Root {
			t.Fatalf("a new log has head %+v", h)
		}
		log := db.Log()
		if _, _, err := log.Published(ctx); !errors.Is(err, ledger.ErrNotFound) {
			t.Errorf("before the first checkpoint: %v", err)
		}
		size := 0
		for _, n := range []int{1, 2, 253, 1, 300, 0, 500, 43} { // 256 is reached exactly, then passed
			update(t, db, appending(entries(size, n)))
			size += n
			if h := head(t, db); h.Size != int64(size) || h.Check() != nil {
				t.Fatalf("after %d entries: size %d, %v", size, h.Size, h.Check())
			}
		}
		root, err := ledger.RootAt(ctx, log, 1100)
		if err != nil || root != tlog.Hash(head(t, db).Root) {
			t.Errorf("root from the tiles: %v", err)
		}
		p, err := ledger.InclusionProof(ctx, log, 700, 1100)
		if err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckRecord(p, 1100, root, 700, ledger.LeafHash([]byte("entry 700"))); err != nil {
			t.Error(err)
		}
		for _, bad := range []ledger.Tile{
			{Level: 0, N: 4, Width: 77},
			{Level: 0, N: 5, Width: 1},
			{Level: 1, N: 0, Width: 5},
			{Level: 2, N: 0, Width: 1},
			{Level: ledger.Entries, N: 4, Width: 77},
			{Level: 0, N: 0, Width: 0},
			{Level: 0, N: -1, Width: 1},
			{Level: 0, N: 1 << 60, Width: 1},
			{Level: 0, N: 0, Width: 257},
			{Level: -2, N: 0, Width: 1},
		} {
			if _, err := log.Tile(ctx, bad); !errors.Is(err, ledger.ErrNotFound) {
				t.Errorf("%+v: %v", bad, err)
			}
		}
		full := ledger.Tile{Level: 0, N: 1, Width: 256}
		one, err1 := log.Tile(ctx, full)
		two, err2 := log.Tile(ctx, full) // from the cache
		if err1 != nil || err2 != nil || !bytes.Equal(one, two) || len(one) != 8192 {
			t.Errorf("tile of %d, then %d bytes (%v, %v)", len(one), len(two), err1, err2)
		}
		if err := fsck(t, db); err != nil {
			t.Error(err)
		}
	})
}

func TestLogRefuses(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		clock := storetest.NewClock(time.Unix(1_800_000_000, 0))
		db.Clock = clock.Now
		update(t, db, appending(entries(0, 300)))
		before := head(t, db)
		boom := errors.New("boom")
		for name, c := range map[string]struct {
			fn   func(*store.Tx) error
			want error
		}{
			"a subject's number twice": {appending(entries(299, 2)), store.ErrUnique},
			"an error after it":        {func(tx *store.Tx) error { return errors.Join(appending(entries(300, 300))(tx), boom) }, boom},
			"an endless entry":         {appending([]ledger.Entry{{Body: make([]byte, ledger.MaxEntry+1)}}), ledger.ErrEntrySize},
			"a subject with NUL":       {appending([]ledger.Entry{{Kind: "grant", Issuer: "i", Subject: "a\x00", Sequence: 1, Body: []byte("b")}}), store.ErrArgument},
			"a head out of nowhere":    {func(tx *store.Tx) error { return tx.Store(ctx, ledger.Head{Size: 301}, nil, nil) }, nil},
			"a clock that went back": {func(tx *store.Tx) error {
				clock.Advance(-time.Microsecond)
				defer clock.Advance(time.Microsecond)
				return appending(entries(300, 1))(tx)
			}, ledger.ErrClockBack},
		} {
			if err := db.Update(ctx, c.fn); err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", name, err, c.want)
			}
			if h := head(t, db); h.Size != before.Size || h.Root != before.Root {
				t.Fatalf("%s: the head moved", name)
			}
		}
		if n := count(t, db, "log_entries"); n != 300 {
			t.Errorf("%d entries", n)
		}
		update(t, db, func(tx *store.Tx) error { // twice in one transaction
			return errors.Join(appending(entries(300, 1))(tx), appending(entries(301, 250))(tx))
		})
		if err := fsck(t, db); err != nil {
			t.Error(err)
		}
	})
}

// What is damaged in the database is found, and nothing is built on it.
func TestLogDamage(t *testing.T) {
	for damage, want := range map[string]string{
		`UPDATE log_entries SET leaf_hash = (SELECT leaf_hash FROM log_entries WHERE idx = 1) WHERE idx = 5`: "tile/0/000:",
		`UPDATE log_entries SET body = (SELECT body FROM log_entries WHERE idx = 1) WHERE idx = 270`:         "tile/0/001.p/44:",
		`UPDATE log_tiles SET hash = (SELECT leaf_hash FROM log_entries WHERE idx = 1)`:                      "tile/1/000.p/1:",
		`DELETE FROM log_entries WHERE idx = 3`:                                                              "tile/entries/000:",
		`UPDATE log_head SET root = (SELECT leaf_hash FROM log_entries WHERE idx = 1)`:                       "checkpoint:",
		`UPDATE log_checkpoints SET note = (SELECT leaf_hash FROM log_entries WHERE idx = 1)`:                "checkpoint:",
	} {
		storetest.Each(t, func(t *testing.T, db *store.DB) {
			update(t, db, appending(entries(0, 300)))
			s, v := checkpointKey(t)
			change := func(tx *store.Tx) error { _, err := tx.Exec(damage); return err }
			if strings.Contains(damage, "log_head") {
				update(t, db, change)
				if err := db.Update(ctx, appending(entries(300, 1))); !errors.Is(err, ledger.ErrHead) {
					t.Errorf("appended to a damaged head: %v", err)
				}
				publish(t, db, s, head(t, db))
			} else {
				publish(t, db, s, head(t, db))
				update(t, db, change)
			}
			if _, err := ledger.Fsck(ctx, ledger.Local(db.Log()), origin, v, nil); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %s", damage, err, want)
			}
		})
	}
}

// Processes that share a log: every entry has one place, in the order of time,
// also where a writer took its time before it waited for the head.
func TestLogWriters(t *testing.T) {
	storetest.EachEmpty(t, func(t *testing.T, url string) {
		dbs := []*store.DB{storetest.Open(t, url), storetest.Open(t, url)}
		if err := dbs[0].Migrate(ctx, store.Migrations()); err != nil {
			t.Fatal(err)
		}
		const writers, each = 8, 25
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					if err := dbs[w%2].Update(ctx, func(tx *store.Tx) error {
						if w%4 != 0 {
							tx.Now()
						}
						return appending(entries((w*each+i)*3, 3))(tx)
					}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if h := head(t, dbs[1]); h.Size != writers*each*3 {
			t.Errorf("size %d", h.Size)
		}
		var unordered int
		view(t, dbs[1], func(tx *store.Tx) error {
			return tx.QueryRow(`SELECT count(*) FROM log_entries a JOIN log_entries b ON b.idx = a.idx + 1 WHERE b.at < a.at`).Scan(&unordered)
		})
		if unordered != 0 {
			t.Errorf("%d entries are earlier than the one before", unordered)
		}
		if err := fsck(t, dbs[1]); err != nil {
			t.Error(err)
		}
	})
}

func TestStoreCheckpoint(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s, v := checkpointKey(t)
		update(t, db, appending(entries(0, 5)))
		five := head(t, db)
		update(t, db, appending(entries(5, 5)))
		ten := head(t, db)
		for i, c := range []struct {
			head ledger.Head
			want bool
		}{{five, true}, {five, false}, {ten, true}, {five, false}, {ten, false}} {
			if got := publish(t, db, s, c.head); got != c.want {
				t.Errorf("step %d, size %d: %v, want %v", i, c.head.Size, got, c.want)
			}
		}
		b, size, err := db.Log().Published(ctx)
		if err != nil || size != 10 {
			t.Fatalf("size %d, %v", size, err)
		}
		if tree, err := ledger.ParseCheckpoint(b, origin, v); err != nil || tree.N != 10 || tree.Hash != ten.Root {
			t.Errorf("published %+v, %v", tree, err)
		}
		update(t, db, appending(entries(10, 1)))
		beyond, forged := ten, head(t, db)
		beyond.Size, forged.Root = 12, ten.Root
		for name, h := range map[string]ledger.Head{"beyond the log": beyond, "of another root": forged} {
			if err := db.Update(ctx, func(tx *store.Tx) error { _, err := tx.StoreCheckpoint(h, b); return err }); !errors.Is(err, ledger.ErrHead) {
				t.Errorf("%s: %v", name, err)
			}
		}
		// Of publishers at the same time, each size is stored at most once and the largest is served.
		for i := range 20 {
			update(t, db, appending(entries(11+i, 1)))
		}
		var wg sync.WaitGroup
		last := head(t, db)
		note, err := ledger.Checkpoint(origin, last, s)
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		stored := 0
		for range 4 {
			wg.Go(func() {
				if err := db.Update(ctx, func(tx *store.Tx) error {
					ok, err := tx.StoreCheckpoint(last, note)
					if ok {
						mu.Lock()
						stored++
						mu.Unlock()
					}
					return err
				}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if stored != 1 {
			t.Errorf("stored %d times", stored)
		}
	})
}

// Durable appends beside bare durable inserts of the same bytes.
func BenchmarkAppend(b *testing.B) {
	for engine, open := range map[string]func(testing.TB) *store.DB{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		b.Run(engine, func(b *testing.B) {
			db := open(b)
			update(b, db, func(tx *store.Tx) error {
				_, err := tx.Exec(`CREATE TABLE bare (id {{int}} PRIMARY KEY, body {{bytes}} NOT NULL) {{strict}}`)
				return err
			})
			body := bytes.Repeat([]byte("x"), 700)
			next := 0
			for _, size := range []int{1, 500} {
				b.Run(fmt.Sprintf("bare/%d", size), func(b *testing.B) {
					for b.Loop() {
						rows := make([][]any, size)
						for i := range rows {
							rows[i] = []any{next, body}
							next++
						}
						update(b, db, func(tx *store.Tx) error { return tx.InsertMany("bare", []string{"id", "body"}, rows) })
					}
					b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "entries/s")
				})
				b.Run(fmt.Sprintf("log/%d", size), func(b *testing.B) {
					for b.Loop() {
						es := entries(next, size)
						next += size
						for i := range es {
							es[i].Body = body
						}
						update(b, db, appending(es))
					}
					b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "entries/s")
				})
			}
		})
	}
}

func BenchmarkTile(b *testing.B) {
	db := storetest.SQLite(b)
	update(b, db, appending(entries(0, 1024)))
	for name, tile := range map[string]ledger.Tile{
		"cached": {Level: 0, N: 1, Width: 256}, "partial": {Level: 0, N: 1, Width: 255}, "bundle": {Level: ledger.Entries, N: 1, Width: 256},
	} {
		b.Run(name, func(b *testing.B) {
			log := db.Log()
			for b.Loop() {
				if _, err := log.Tile(context.Background(), tile); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
