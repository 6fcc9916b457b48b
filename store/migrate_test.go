package store_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"assay/store"
	"assay/store/storetest"
)

var steps = []store.Migration{
	{Number: 1, Name: "0001_one", SQL: `CREATE TABLE one (id {{int}}); CREATE TABLE uno (id {{int}}); INSERT INTO one VALUES (1)`},
	{Number: 2, Name: "0002_two", SQL: `ALTER TABLE one ADD COLUMN body {{bytes}}`},
}

func TestMigrate(t *testing.T) {
	storetest.EachEmpty(t, func(t *testing.T, url string) {
		db := storetest.Open(t, url)
		for range 2 {
			if err := db.Migrate(ctx, steps[:1]); err != nil {
				t.Fatal(err)
			}
		}
		if n := count(t, db, "one"); n != 1 {
			t.Errorf("applied %d times", n)
		}
		count(t, db, "uno")

		broken := append(steps[:1:1], store.Migration{Number: 2, Name: "0002_bad", SQL: `CREATE TABLE half (id {{int}}); CREATE TABLE one (id {{int}})`})
		if err := db.Migrate(ctx, broken); err == nil || !strings.Contains(err.Error(), "0002_bad") {
			t.Errorf("a step that fails: %v", err)
		}
		if err := db.View(ctx, func(tx *store.Tx) error { _, err := tx.Query(`SELECT id FROM half`); return err }); err == nil {
			t.Error("half of a failed step stayed")
		}

		if err := db.Migrate(ctx, steps); err != nil {
			t.Fatal(err)
		}
		if err := db.Migrate(ctx, steps[:1]); !errors.Is(err, store.ErrNewerSchema) || !strings.Contains(err.Error(), "0002_two") {
			t.Errorf("an older binary: %v", err)
		}
		edited := append(steps[:1:1], store.Migration{Number: 2, Name: "0002_two", SQL: `SELECT 1`})
		if err := db.Migrate(ctx, edited); !errors.Is(err, store.ErrMigrationEdit) {
			t.Errorf("an edited step: %v", err)
		}
	})
}

func TestMigrateTogether(t *testing.T) {
	storetest.EachEmpty(t, func(t *testing.T, url string) {
		var wg sync.WaitGroup
		for range 4 {
			db := storetest.Open(t, url)
			wg.Go(func() {
				if err := db.Migrate(ctx, steps); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := count(t, storetest.Open(t, url), "one"); n != 1 {
			t.Errorf("applied %d times", n)
		}
	})
}

func TestMisnamedMigrations(t *testing.T) {
	for name, files := range map[string][]string{
		"a gap":        {"0001_a", "0003_b"},
		"not from one": {"0002_a"},
		"twice":        {"0001_a", "0001_b"},
		"no number":    {"first"},
		"short number": {"1_a"},
	} {
		fsys := fstest.MapFS{}
		for _, f := range files {
			fsys["migrations/"+f+".sql"] = &fstest.MapFile{}
		}
		if ms, err := store.ReadMigrations(fsys); err == nil {
			t.Errorf("%s: read %d steps", name, len(ms))
		}
	}
}

func TestMigrationsOfThisVersion(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ms := store.Migrations()
		if len(ms) == 0 || ms[0].Name != "0001_log" {
			t.Fatalf("%d steps, not from 0001_log", len(ms))
		}
		if n := count(t, db, "migrations"); n != len(ms) {
			t.Errorf("%d of %d applied", n, len(ms))
		}
	})
}
