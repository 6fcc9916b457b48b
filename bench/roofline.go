package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"assay/statement"
	"assay/store"
)

// terms are what an entry that gives a designation cannot do without, each
// measured alone: verify and sign on one core, insert as the one writer that
// the store has.
type terms struct {
	verify, sign, insert time.Duration
	cpu                  time.Duration // of the three together, for one entry
}

// crypto measures the two signatures: one entry of the source's log verified,
// one designation signed over as many bytes.
func (t *terms) crypto(ctx context.Context, source, receiver *site) error {
	var bodies [][]byte
	err := source.db.View(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(`SELECT body FROM log_entries WHERE kind = $1 ORDER BY idx LIMIT 2000`, string(statement.Grant))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var b []byte
			if err := rows.Scan(&b); err != nil {
				return err
			}
			bodies = append(bodies, b)
		}
		return rows.Err()
	})
	if err != nil {
		return err
	}
	sts := make([]*statement.Statement, len(bodies))
	for i, b := range bodies {
		if sts[i], err = statement.Parse(b); err != nil {
			return err
		}
	}
	now := time.Now().UnixMicro()
	used, start := cpu(), time.Now()
	for _, s := range sts {
		if err := s.Verify(source.ring.Statement.Record, now); err != nil {
			return err
		}
	}
	t.verify = each(time.Since(start), len(sts))
	start = time.Now()
	for _, b := range bodies {
		if _, err := receiver.ring.Statement.Sign(b); err != nil {
			return err
		}
	}
	t.sign = each(time.Since(start), len(bodies))
	t.cpu = each(cpu()-used, len(bodies))
	return nil
}

// made are the rows of a table that following n entries makes. Each has its
// share of n: 1, or less for tiles and sampled cases.
type made struct {
	table, columns, where string
	args                  []any
}

// insert copies the rows that the receiver's database got into an empty one:
// the same tables and bytes, in batches of the same size, with nothing
// beside. A batch takes two durable transactions, as following does: one
// for what came, one for what was designated.
func (t *terms) insertRows(ctx context.Context, receiver *site, source string, n, batch int, url string) (perEntry float64, err error) {
	own := receiver.Office.Office
	const certificates = "office id number scheme edition level holder product functions granted expires src_office src_id clause state body leaf log_index received backdated reasons"
	groups := [2][]made{{
		{"subjects", "office subject seq digest doubt", `office = $1 AND subject LIKE '%-1_______' ORDER BY subject`, []any{source}},
		{"certificates", certificates, `office = $1 ORDER BY log_index`, []any{source}},
	}, {
		{"log_entries", "idx leaf_hash kind issuer subject seq at body", `kind = $1 ORDER BY idx`, []any{string(statement.Designation)}},
		{"log_tiles", "level n hash", `level >= $1 ORDER BY level, n`, []any{1}},
		{"subjects", "office subject seq digest doubt", `office = $1 AND subject LIKE $2 ORDER BY subject`, []any{own, receiver.Scheme + "-%"}},
		{"certificates", certificates, `office = $1 AND src_office = $2 ORDER BY log_index`, []any{own, source}},
		{"blobs", "digest kind public body", `kind = $1 ORDER BY digest`, []any{"outcome"}},
		{"arrivals", "office id at summary reasons outcome", `office = $1 ORDER BY id`, []any{source}},
		{"cases", "id kind state office source clause scheme level why outcome subject decision act created version", `office = $1 ORDER BY created`, []any{source}},
		{"due", "office id at priority", `office = $1 ORDER BY id`, []any{source}},
	}}
	rows := [2][][][]any{}
	total := 0
	for g := range groups {
		for _, m := range groups[g] {
			rs, err := read(ctx, receiver.db, &m)
			if err != nil {
				return 0, err
			}
			if len(rs) > n {
				rs = rs[:n]
			}
			total += len(rs)
			rows[g] = append(rows[g], rs)
		}
	}
	db, err := store.Open(ctx, url)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	if err := db.Migrate(ctx, store.Migrations()); err != nil {
		return 0, err
	}
	used, start := cpu(), time.Now()
	for from := 0; from < n; from += batch {
		for g := range groups {
			err := db.Update(ctx, func(tx *store.Tx) error {
				for i, m := range groups[g] {
					// The same share of each table, so that the last batch takes its last row.
					all := rows[g][i]
					part := all[len(all)*from/n : len(all)*min(from+batch, n)/n]
					if err := tx.InsertMany(m.table, strings.Fields(m.columns), part); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return 0, err
			}
		}
	}
	t.insert = each(time.Since(start), n)
	t.cpu += each(cpu()-used, n)
	return float64(total) / float64(n), nil
}

// read reads the rows of a table.
func read(ctx context.Context, db *store.DB, m *made) (out [][]any, err error) {
	columns := strings.Fields(m.columns)
	err = db.View(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(`SELECT `+strings.Join(columns, ", ")+` FROM `+m.table+` WHERE `+m.where, m.args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			row, at := make([]any, len(columns)), make([]any, len(columns))
			for i := range row {
				at[i] = &row[i]
			}
			if err := rows.Scan(at...); err != nil {
				return err
			}
			for i := range row {
				if b, is := row[i].([]byte); is && b == nil { // an empty one, which is not NULL
					row[i] = []byte{}
				}
			}
			out = append(out, row)
		}
		return rows.Err()
	})
	if err == nil && len(out) == 0 && m.table != "log_tiles" && m.table != "cases" && m.table != "due" {
		err = fmt.Errorf("following made no rows in %s: the roofline would be too high", m.table)
	}
	return out, err
}
