package store_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"assay/store"
	"assay/store/storetest"
)

func TestBackup(t *testing.T) {
	ctx := t.Context()
	db := storetest.SQLite(t)
	count := func(db *store.DB) (n int64) {
		t.Helper()
		if err := db.View(ctx, func(tx *store.Tx) error { return tx.QueryRow(`SELECT COUNT(*) FROM numbers`).Scan(&n) }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	put := func(scheme string) {
		t.Helper()
		err := db.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(`INSERT INTO numbers (scheme, last) VALUES ($1, 1)`, scheme)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	put("aa")
	dir := t.TempDir()
	path := filepath.Join(dir, "b'ack up.db")
	if err := os.WriteFile(path+".part", []byte("left by a crash"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := db.Backup(ctx, path); err != nil {
		t.Fatal(err)
	}
	put("bb")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v; want a file for its owner only", info, err)
	}
	if es, err := os.ReadDir(dir); err != nil || len(es) != 1 {
		t.Errorf("%v beside it (%v)", es, err)
	}
	if n := count(storetest.Open(t, "sqlite:"+path)); n != 1 {
		t.Errorf("the backup holds %d rows, want the one there was", n)
	}
	if n := count(db); n != 2 {
		t.Errorf("the database holds %d rows afterwards, want 2", n)
	}
	if err := db.Backup(ctx, path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over an existing file: %v", err)
	}
	if err := db.Backup(ctx, filepath.Join(dir, "nowhere", "x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("into no folder: %v", err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if err := db.Backup(ended, path+"2"); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	if _, err := os.Stat(path + "2"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a canceled backup left a file (%v)", err)
	}
}

func TestBackupOfPostgres(t *testing.T) {
	if err := storetest.Postgres(t).Backup(t.Context(), filepath.Join(t.TempDir(), "x")); !errors.Is(err, store.ErrNoBackup) {
		t.Errorf("got %v", err)
	}
}
