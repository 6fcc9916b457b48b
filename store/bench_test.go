package store_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"assay/store"
	"assay/store/storetest"
)

// One row by its key among 10,000, in a view of its own: what a page or an
// API answer costs at the least.
func BenchmarkLookup(b *testing.B) {
	for engine, open := range map[string]func(testing.TB) *store.DB{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		b.Run(engine, func(b *testing.B) {
			db := open(b)
			schema(b, db)
			const n = 10_000
			rows := make([][]any, n)
			for i := range rows {
				rows[i] = []any{i, nil, make([]byte, 700)}
			}
			update(b, db, func(tx *store.Tx) error { return tx.InsertMany("things", []string{"id", "name", "body"}, rows) })
			ctx, cancel := context.WithCancel(context.Background()) // as a request's is
			defer cancel()
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(p *testing.PB) {
				var body []byte
				for p.Next() {
					if err := db.View(ctx, func(tx *store.Tx) error {
						return tx.QueryRow(`SELECT body FROM things WHERE id = $1`, rand.IntN(n)).Scan(&body)
					}); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}
