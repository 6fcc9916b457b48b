package campaign

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"assay/keys"
	"assay/ledger"
	"assay/store"
	"assay/store/storetest"
)

// filled is a database with a published log, closed.
func filled(t *testing.T, size int) (path string, v note.Verifier) {
	t.Helper()
	ctx := t.Context()
	path = filepath.Join(t.TempDir(), "office.db")
	db, err := store.Open(ctx, "sqlite:"+path)
	must(t, err)
	must(t, db.Migrate(ctx, store.Migrations()))
	key, err := keys.Generate(keys.Checkpoint)
	must(t, err)
	es := make([]ledger.Entry, size)
	for i := range es {
		es[i] = ledger.Entry{Kind: "grant", Issuer: "o", Subject: strconv.Itoa(i), Sequence: 1, Body: entry(int64(i) % 50)}
	}
	must(t, db.Update(ctx, func(tx *store.Tx) error {
		head, err := ledger.Append(ctx, tx, tx.Now(), es)
		if err != nil {
			return err
		}
		note, err := ledger.Checkpoint(origin, head, key)
		if err != nil {
			return err
		}
		_, err = tx.StoreCheckpoint(head, note)
		return err
	}))
	must(t, db.Close()) // which moves the write-ahead log into the file
	v, err = key.NoteVerifier(origin)
	must(t, err)
	return path, v
}

// served is all that a log serves, in the order of a walk; the error is fsck's
// or of reading.
func served(ctx context.Context, path string, v note.Verifier) ([]byte, error) {
	db, err := store.Open(ctx, "sqlite:"+path)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	seen := &recorder{Fetcher: ledger.Local(db.Log())}
	_, err = ledger.Fsck(ctx, seen, origin, v, nil)
	return seen.all.Bytes(), err
}

// recorder keeps what passes through.
type recorder struct {
	ledger.Fetcher
	all bytes.Buffer
}

func (r *recorder) Fetch(ctx context.Context, path string, max int) ([]byte, error) {
	b, err := r.Fetcher.Fetch(ctx, path, max)
	fmt.Fprintf(&r.all, "%s %d\n", path, len(b))
	r.all.Write(b)
	return b, err
}

// TestFlipFile flips bytes of the database file. The log is then either the
// same to the last byte (the byte was of no meaning to it), or fsck or the
// database says that it is not.
func TestFlipFile(t *testing.T) {
	rounds(t, 1, func(t *testing.T, r *rand.Rand) {
		ctx := t.Context()
		path, v := filled(t, 300+r.IntN(500))
		want, err := served(ctx, path, v)
		must(t, err)
		file, err := os.ReadFile(path)
		must(t, err)
		noticed := 0
		const flips = 60
		for range flips {
			bad := bytes.Clone(file)
			for range 1 + r.IntN(3) {
				bad[r.IntN(len(bad))] ^= byte(1 + r.IntN(255))
			}
			damaged := filepath.Join(t.TempDir(), "damaged.db")
			must(t, os.WriteFile(damaged, bad, 0o600))
			got, err := served(ctx, damaged, v)
			if err == nil && !bytes.Equal(got, want) {
				t.Fatal("a damaged log passes fsck and is another one")
			}
			if err != nil {
				noticed++
			}
			must(t, os.Remove(damaged))
		}
		// Bodies and hashes fill most of the file.
		if noticed < flips/4 {
			t.Errorf("%d of %d flips were noticed: they miss the log", noticed, flips)
		}
	})
}

// columns are the places in the log's tables that the signature of the checkpoint
// covers.
var columns = []struct{ table, column, key string }{
	{"log_entries", "body", "idx"}, {"log_entries", "leaf_hash", "idx"}, {"log_tiles", "hash", "n"}, {"log_checkpoints", "note", "size"},
}

// TestFlipRow flips one bit of one signed value, as a person with the
// database's password could, on each engine: fsck always notices. A bit of
// the head lets nothing more be appended.
func TestFlipRow(t *testing.T) {
	rounds(t, 2, func(t *testing.T, r *rand.Rand) {
		storetest.Each(t, func(t *testing.T, db *store.DB) {
			ctx := t.Context()
			key, err := keys.Generate(keys.Checkpoint)
			must(t, err)
			v, err := key.NoteVerifier(origin)
			must(t, err)
			grow := func(n int) error {
				return db.Update(ctx, func(tx *store.Tx) error {
					head, err := tx.LockHead(ctx)
					if err != nil {
						return err
					}
					es := make([]ledger.Entry, n)
					for i := range es {
						es[i] = ledger.Entry{Kind: "grant", Issuer: "o", Subject: fmt.Sprint(head.Size, i), Sequence: 1, Body: entry(int64(r.IntN(90)))}
					}
					if head, err = ledger.Append(ctx, tx, tx.Now(), es); err != nil {
						return err
					}
					note, err := ledger.Checkpoint(origin, head, key)
					if err != nil {
						return err
					}
					_, err = tx.StoreCheckpoint(head, note)
					return err
				})
			}
			must(t, grow(512+r.IntN(400)))
			check := func() error {
				_, err := ledger.Fsck(ctx, ledger.Local(db.Log()), origin, v, nil)
				return err
			}
			must(t, check())
			for _, c := range columns {
				flip(t, r, db, c.table, c.column, c.key, func() {
					if check() == nil {
						t.Errorf("%s.%s: a flipped bit is not noticed", c.table, c.column)
					}
				})
			}
			must(t, check())
			for _, column := range []string{"root", "edge"} {
				flip(t, r, db, "log_head", column, "id", func() {
					if err := grow(1); !errors.Is(err, ledger.ErrHead) {
						t.Errorf("log_head.%s: appending to a damaged head: %v", column, err)
					}
				})
			}
			must(t, grow(1))
			must(t, check())
		})
	})
}

// flip changes one bit of one row, runs fn, and puts it back.
func flip(t *testing.T, r *rand.Rand, db *store.DB, table, column, key string, fn func()) {
	t.Helper()
	var id int64
	var good []byte
	must(t, db.Update(t.Context(), func(tx *store.Tx) error {
		var n int64
		if err := tx.QueryRow(`SELECT count(*) FROM ` + table).Scan(&n); err != nil {
			return err
		}
		return tx.QueryRow(fmt.Sprintf(`SELECT %s, %s FROM %s ORDER BY %s LIMIT 1 OFFSET $1`, key, column, table, key), r.Int64N(n)).Scan(&id, &good)
	}))
	set := func(b []byte) {
		must(t, db.Update(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(fmt.Sprintf(`UPDATE %s SET %s = $1 WHERE %s = $2`, table, column, key), b, id)
			return err
		}))
	}
	bad := bytes.Clone(good)
	bad[r.IntN(len(bad))] ^= 1 << r.IntN(8)
	set(bad)
	fn()
	set(good)
}
