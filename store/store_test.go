package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"assay/store"
	"assay/store/storetest"
)

var ctx = context.Background()

// schema makes the tables of these tests.
func schema(t testing.TB, db *store.DB) {
	t.Helper()
	update(t, db, func(tx *store.Tx) error {
		for _, s := range []string{
			`CREATE TABLE things (id {{int}} PRIMARY KEY, name {{text}} UNIQUE, body {{bytes}}) {{strict}}`,
			`CREATE TABLE parts (thing {{int}} NOT NULL REFERENCES things (id), n {{int}} NOT NULL) {{strict}}`,
		} {
			if _, err := tx.Exec(s); err != nil {
				return err
			}
		}
		return nil
	})
}

func update(t testing.TB, db *store.DB, fn func(*store.Tx) error) {
	t.Helper()
	if err := db.Update(ctx, fn); err != nil {
		t.Fatal(err)
	}
}

func view(t testing.TB, db *store.DB, fn func(*store.Tx) error) {
	t.Helper()
	if err := db.View(ctx, fn); err != nil {
		t.Fatal(err)
	}
}

func count(t testing.TB, db *store.DB, table string) (n int) {
	t.Helper()
	view(t, db, func(tx *store.Tx) error { return tx.QueryRow(`SELECT count(*) FROM ` + table).Scan(&n) })
	return n
}

func insert(id int) func(*store.Tx) error {
	return func(tx *store.Tx) error {
		_, err := tx.Exec(`INSERT INTO things (id, name) VALUES ($1, $2)`, id, fmt.Sprint("thing ", id))
		return err
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, url := range []string{"", "office.db", "mysql://user:secret@host/db", "sqlite:", "sqlite::memory:", "sqlite:/no/such/folder/x.db",
		"postgres://assay:secret@127.0.0.1:1/x?connect_timeout=1", "postgres://assay:secret@127.0.0.1:port/"} {
		db, err := store.Open(ctx, url)
		if err == nil {
			db.Close()
			t.Errorf("%q was opened", url)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("the password is in the error: %v", err)
		}
	}
}

func TestAnyPath(t *testing.T) {
	for _, name := range []string{"plain.db", "with space.db", "100%.db", "a?b#c.db", "대장.db", "%20.db"} {
		path := filepath.Join(t.TempDir(), name)
		db := storetest.Open(t, "sqlite:"+path)
		schema(t, db)
		if found, _ := filepath.Glob(filepath.Dir(path) + "/*.db"); !slices.Equal(found, []string{path}) {
			t.Errorf("%s: files %q", name, found)
		}
		if n := count(t, db, "things"); n != 0 { // the readers find it too
			t.Errorf("%s: %d rows", name, n)
		}
	}
}

func TestServerSettings(t *testing.T) {
	storetest.EachEmpty(t, func(t *testing.T, url string) {
		if !strings.HasPrefix(url, "postgres") {
			t.Skip("no server")
		}
		if db, err := store.Open(ctx, url+"&synchronous_commit=off"); !errors.Is(err, store.ErrSettings) {
			t.Errorf("a server that forgets commits: %v, %v", db, err)
		}
	})
}

type name string

func TestValues(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		schema(t, db)
		digest := [32]byte{0, 1, 31: 9}
		big := bytes.Repeat([]byte{0, 1, 2, 255}, 1<<16)
		update(t, db, func(tx *store.Tx) error {
			for i, row := range [][]any{
				{int64(math.MinInt64), "안녕, Grüße", []byte("a\x00\xff")},
				{uint64(math.MaxInt64), name("named"), digest},
				{true, nil, []byte{}},
				{int32(7), (*string)(nil), big},
			} {
				if n, err := tx.Exec(`INSERT INTO things (id, name, body) VALUES ($1, $2, $3)`, row...); err != nil || n != 1 {
					return fmt.Errorf("row %d: %d changed, %w", i, n, err)
				}
			}
			return nil
		})
		view(t, db, func(tx *store.Tx) error {
			rows, err := tx.Query(`SELECT id, name, body FROM things ORDER BY id`)
			if err != nil {
				return err
			}
			defer rows.Close()
			for _, want := range []struct {
				id   int64
				name string
				body []byte
			}{
				{math.MinInt64, "안녕, Grüße", []byte("a\x00\xff")}, {1, "", nil}, {7, "", big}, {math.MaxInt64, "named", digest[:]},
			} {
				var id int64
				var name *string
				var body []byte
				if !rows.Next() {
					t.Fatal("too few rows")
				}
				if err := rows.Scan(&id, &name, &body); err != nil {
					return err
				}
				if id != want.id || (name == nil) != (want.name == "") || name != nil && *name != want.name || !bytes.Equal(body, want.body) {
					t.Errorf("got %d %v %.8x, want %d %s %.8x", id, name, body, want.id, want.name, want.body)
				}
			}
			return rows.Err()
		})
		for _, bad := range []any{1.5, time.Now(), "a\x00b", "\xff", uint64(math.MaxInt64) + 1, struct{}{}, []string{"a"}} {
			err := db.Update(ctx, func(tx *store.Tx) error {
				_, err := tx.Exec(`UPDATE things SET name = $1`, bad)
				return err
			})
			if !errors.Is(err, store.ErrArgument) {
				t.Errorf("%T %v: %v", bad, bad, err)
			}
		}
		for column, bad := range map[string]any{"id": "text", "body": 5} {
			if err := db.Update(ctx, func(tx *store.Tx) error {
				_, err := tx.Exec(`UPDATE things SET `+column+` = $1 WHERE name = 'named'`, bad)
				return err
			}); err == nil {
				t.Errorf("%s took a %T", column, bad)
			}
		}
	})
}

// Text sorts by bytes on both engines, whatever the machine's language.
func TestTextOrder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		schema(t, db)
		want := []string{"B", "Z", "_", "a", "b", "ä", "가", "한"}
		update(t, db, func(tx *store.Tx) error {
			for i, s := range want {
				if _, err := tx.Exec(`INSERT INTO things (id, name) VALUES ($1, $2)`, (i*5)%8, s); err != nil {
					return err
				}
			}
			return nil
		})
		var got []string
		view(t, db, func(tx *store.Tx) error {
			rows, err := tx.Query(`SELECT name FROM things WHERE name > $1 OR name = $1 ORDER BY name`, "B")
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				var s string
				if err := rows.Scan(&s); err != nil {
					return err
				}
				got = append(got, s)
			}
			return rows.Err()
		})
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestRollback(t *testing.T) {
	boom := errors.New("boom")
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		schema(t, db)
		for name, fn := range map[string]func(*store.Tx) error{
			"an error": func(tx *store.Tx) error { return errors.Join(insert(1)(tx), boom) },
			"an error that was dropped": func(tx *store.Tx) error {
				insert(1)(tx)
				insert(1)(tx)
				return nil
			},
			"a statement after an error": func(tx *store.Tx) error {
				insert(1)(tx)
				tx.Exec(`SELECT no_such_thing`)
				if err := insert(2)(tx); !errors.Is(err, store.ErrTxDead) {
					t.Errorf("after an error: %v", err)
				}
				return nil
			},
			"rows left open": func(tx *store.Tx) error {
				insert(1)(tx)
				_, err := tx.Query(`SELECT id FROM things`)
				return err
			},
			"a statement among rows": func(tx *store.Tx) error {
				insert(1)(tx)
				if _, err := tx.Query(`SELECT id FROM things`); err != nil {
					return err
				}
				if err := insert(2)(tx); !errors.Is(err, store.ErrRowsOpen) {
					t.Errorf("with rows open: %v", err)
				}
				return nil
			},
			"a column that does not fit": func(tx *store.Tx) error {
				insert(1)(tx)
				var n int
				tx.QueryRow(`SELECT name FROM things`).Scan(&n)
				return nil
			},
		} {
			if err := db.Update(ctx, fn); err == nil {
				t.Errorf("%s: committed", name)
			}
			if n := count(t, db, "things"); n != 0 {
				t.Fatalf("%s: %d rows stayed", name, n)
			}
		}

		func() {
			defer func() {
				if recover() != "panic" {
					t.Error("the panic did not come through")
				}
			}()
			db.Update(ctx, func(tx *store.Tx) error {
				insert(1)(tx)
				panic("panic")
			})
		}()
		canceled, cancel := context.WithCancel(ctx)
		if err := db.Update(canceled, func(tx *store.Tx) error {
			defer cancel()
			return insert(1)(tx)
		}); !errors.Is(err, context.Canceled) {
			t.Errorf("canceled: %v", err)
		}
		if n := count(t, db, "things"); n != 0 {
			t.Errorf("%d rows stayed", n)
		}
		update(t, db, insert(1)) // and the office keeps serving
	})
}

func TestErrorsByCode(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		schema(t, db)
		update(t, db, insert(1))
		if err := db.Update(ctx, insert(1)); !store.IsUnique(err) {
			t.Errorf("primary key: %v", err)
		}
		if err := db.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(`INSERT INTO things (id, name) VALUES (2, 'thing 1')`)
			return err
		}); !store.IsUnique(err) || store.IsForeignKey(err) {
			t.Errorf("unique: %v", err)
		}
		if err := db.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(`INSERT INTO parts (thing, n) VALUES (9, 1)`)
			return err
		}); !store.IsForeignKey(err) || store.IsUnique(err) {
			t.Errorf("foreign key: %v", err)
		}
		if err := db.View(ctx, insert(2)); !errors.Is(err, store.ErrReadOnly) {
			t.Errorf("write in a view: %v", err)
		}
		update(t, db, func(tx *store.Tx) error { // an absent row leaves the transaction alive
			var id int
			if err := tx.QueryRow(`SELECT id FROM things WHERE id = $1`, 5).Scan(&id); !errors.Is(err, store.ErrNoRows) {
				t.Errorf("no row: %v", err)
			}
			return insert(5)(tx)
		})
	})
}

func TestNow(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		clock := storetest.NewClock(time.UnixMicro(1_700_000_000_000_001))
		db.Clock = clock.Now
		update(t, db, func(tx *store.Tx) error {
			at := tx.Now()
			clock.Advance(time.Hour)
			if at != 1_700_000_000_000_001 || tx.Now() != at {
				t.Errorf("first %d, then %d", at, tx.Now())
			}
			return nil
		})
	})
}

func TestInsertMany(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		schema(t, db)
		cols, next := []string{"id", "name", "body"}, 0
		make := func(n int) (rows [][]any) {
			for range n {
				rows = append(rows, []any{next, fmt.Sprint("n", next), []byte{byte(next)}})
				next++
			}
			return rows
		}
		for _, n := range []int{0, 1, 15, 16, 1000} {
			update(t, db, func(tx *store.Tx) error {
				if err := tx.InsertMany("things", cols, make(n)); err != nil {
					return err
				}
				var got int
				err := tx.QueryRow(`SELECT count(*) FROM things`).Scan(&got) // COPY leaves the connection usable
				if got != next {
					t.Errorf("%d rows, want %d", got, next)
				}
				return err
			})
		}
		view(t, db, func(tx *store.Tx) error {
			var body []byte
			err := tx.QueryRow(`SELECT body FROM things WHERE name = $1`, "n500").Scan(&body)
			if !bytes.Equal(body, []byte{500 & 255}) {
				t.Errorf("body %x", body)
			}
			return err
		})
		for _, n := range []int{2, 40} {
			rows := make(n)
			rows[n-1] = rows[0]
			if err := db.Update(ctx, func(tx *store.Tx) error { return tx.InsertMany("things", cols, rows) }); !store.IsUnique(err) {
				t.Errorf("a row twice among %d: %v", n, err)
			}
			rows = make(n)
			rows[n-1][1] = "\xff"
			if err := db.Update(ctx, func(tx *store.Tx) error { return tx.InsertMany("things", cols, rows) }); !errors.Is(err, store.ErrArgument) {
				t.Errorf("bad text among %d: %v", n, err)
			}
			rows[n-1] = rows[n-1][:2]
			if err := db.Update(ctx, func(tx *store.Tx) error { return tx.InsertMany("things", cols, rows) }); !errors.Is(err, store.ErrArgument) {
				t.Errorf("a short row among %d: %v", n, err)
			}
		}
		if n := count(t, db, "things"); n != 1032 {
			t.Errorf("%d rows, want 1032", n)
		}
	})
}

// More statement texts than a connection keeps.
func TestManyStatements(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		view(t, db, func(tx *store.Tx) error {
			for i := range 700 {
				var n int
				if err := tx.QueryRow(fmt.Sprintf(`SELECT %d`, i%350)).Scan(&n); err != nil || n != i%350 {
					t.Fatalf("%d: got %d, %v", i%350, n, err)
				}
			}
			return nil
		})
	})
}

func TestDiskFull(t *testing.T) {
	db := storetest.SQLite(t)
	schema(t, db)
	update(t, db, func(tx *store.Tx) error {
		var pages int
		if err := tx.QueryRow(`PRAGMA page_count`).Scan(&pages); err != nil {
			return err
		}
		return tx.QueryRow(fmt.Sprintf(`PRAGMA max_page_count = %d`, pages+20)).Scan(&pages)
	})
	var err error
	kept := 0
	for ; err == nil && kept < 1000; kept++ {
		err = db.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(`INSERT INTO things (id, body) VALUES ($1, $2)`, kept, make([]byte, 4000))
			return err
		})
	}
	kept-- // the one that failed
	if !errors.Is(err, store.ErrFull) || kept < 1 {
		t.Fatalf("after %d rows: %v", kept, err)
	}
	if n := count(t, db, "things"); n != kept {
		t.Errorf("%d rows, %d were committed", n, kept)
	}
	update(t, db, func(tx *store.Tx) error { _, err := tx.Exec(`DELETE FROM things`); return err })
	update(t, db, insert(1))
}

// What durability rests on must be in force on the connections that are used,
// not only in the text that opens them.
func TestSQLiteSettings(t *testing.T) {
	db := storetest.SQLite(t)
	read := func(tx *store.Tx, want map[string]string) error {
		for pragma, want := range want {
			var got string
			if err := tx.QueryRow(`PRAGMA ` + pragma).Scan(&got); err != nil || got != want {
				t.Errorf("%s is %s, want %s (%v)", pragma, got, want, err)
			}
		}
		return nil
	}
	update(t, db, func(tx *store.Tx) error {
		return read(tx, map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "10000", "query_only": "0"})
	})
	view(t, db, func(tx *store.Tx) error {
		return read(tx, map[string]string{"journal_mode": "wal", "foreign_keys": "1", "query_only": "1"})
	})
}
