package store_test

import (
	"context"
	"errors"
	"testing"

	"assay/store"
	"assay/store/storetest"
)

func TestGet(t *testing.T) {
	for name, open := range map[string]func(testing.TB) *store.DB{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			db := open(t)
			err := db.Update(t.Context(), func(tx *store.Tx) error {
				_, err := tx.Exec(`INSERT INTO office_meta (name, value) VALUES ($1, $2)`, "a", []byte("one"))
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			var v []byte
			get := func(ctx context.Context, key any) error {
				return db.Get(ctx, `SELECT value FROM office_meta WHERE name = $1`, []any{key}, &v)
			}
			if err := get(t.Context(), "a"); err != nil || string(v) != "one" {
				t.Errorf("got %q, %v", v, err)
			}
			if err := get(t.Context(), "b"); !errors.Is(err, store.ErrNoRows) {
				t.Errorf("no row: %v", err)
			}
			if err := get(t.Context(), "a\x00"); !errors.Is(err, store.ErrArgument) {
				t.Errorf("text that cannot be kept: %v", err)
			}
			if err := db.Get(t.Context(), `SELECT nothing FROM office_meta`, nil, &v); err == nil || errors.Is(err, store.ErrNoRows) {
				t.Errorf("no such column: %v", err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := get(ctx, "a"); !errors.Is(err, context.Canceled) {
				t.Errorf("after its context ended: %v", err)
			}
			if err := get(t.Context(), "a"); err != nil { // none of it kept a connection
				t.Error(err)
			}
		})
	}
}
