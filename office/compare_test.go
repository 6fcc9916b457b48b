package office_test

import (
	"testing"

	"assay/office"
	"assay/store"
	"assay/store/storetest"
)

func TestRegisterDifference(t *testing.T) {
	ctx := t.Context()
	change := func(t *testing.T, db *store.DB, sql string) {
		t.Helper()
		err := db.Update(ctx, func(tx *store.Tx) error { _, err := tx.Exec(sql); return err })
		if err != nil {
			t.Fatal(err)
		}
	}
	const event = `INSERT INTO events (office, id, seq, kind, body, leaf, log_index, received) VALUES `
	const subject = `INSERT INTO subjects (office, subject, seq, digest, doubt) VALUES `
	for _, c := range []struct{ name, a, b, want string }{
		{"the same", "", "", ""},
		{"another office's rows do not count", subject + `('bb', 'x-1', 1, x'', '')`, "", ""},
		{"only in the first", event + `('aa', 'x-1', 10, 'k', x'', x'', 7, 0)`, "", "events x-1 10 is only in the first"},
		{"only in the second", "", event + `('aa', 'x-1', 10, 'k', x'', x'', 7, 0)`, "events x-1 10 is only in the second"},
		{"in the middle", event + `('aa', 'x-1', 5, 'k', x'', x'', 7, 0)`, event + `('aa', 'x-1', 4, 'k', x'', x'', 7, 0)`, "events x-1 4 is only in the second"},
		{"one table ends early", event + `('aa', 'x-9', 1, 'k', x'', x'', 7, 0)`, subject + `('aa', 'a-1', 1, x'', '')`, "events x-9 1 is only in the first"},
		{"a later column", event + `('aa', 'x-1', 10, 'k', x'', x'', 7, 0)`, event + `('aa', 'x-1', 10, 'k', x'', x'', 8, 0)`, "events x-1 10 differs in log_index: 7, and 8 in the second"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := storetest.SQLite(t), storetest.SQLite(t)
			for _, db := range []*store.DB{a, b} {
				change(t, db, event+`('aa', 'x-1', 9, 'k', x'', x'', 3, 0)`)
				change(t, db, subject+`('aa', 'x-1', 9, x'', '')`)
			}
			if c.a != "" {
				change(t, a, c.a)
			}
			if c.b != "" {
				change(t, b, c.b)
			}
			got, err := office.RegisterDifference(ctx, a, b, "aa")
			if err != nil || got != c.want {
				t.Errorf("%q, %v; want %q", got, err, c.want)
			}
			da, err := office.RegisterDigest(ctx, a, "aa")
			if err != nil {
				t.Fatal(err)
			}
			if db, err := office.RegisterDigest(ctx, b, "aa"); err != nil || (da == db) != (c.want == "") {
				t.Errorf("digests %s and %s, %v", da, db, err)
			}
		})
	}
}

func TestDescribeNothing(t *testing.T) {
	db := storetest.SQLite(t)
	if _, _, err := office.Describe(t.Context(), db); err != office.ErrNotFounded {
		t.Errorf("got %v", err)
	}
	if _, err := office.Partners(t.Context(), db); err != office.ErrNotFounded {
		t.Errorf("got %v", err)
	}
}
