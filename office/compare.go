package office

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"strings"

	"assay/certificate"
	"assay/store"
)

// registerTables is the public register of an office, in order. The first
// columns of each name a row.
var registerTables = []struct {
	name    string
	columns string
	key     int // so many columns
}{
	{"certificates", "id, number, scheme, edition, level, holder, product, functions, granted, expires, src_office, src_id, clause, state, body, leaf, log_index, reasons", 1},
	{"events", "id, seq, kind, body, leaf, log_index", 2},
	{"subjects", "subject, seq, digest", 1},
}

// registerRow is a row of the register as text, which is the same on both
// engines.
type registerRow struct {
	table  int
	values []string
}

func (r *registerRow) key() string {
	return strings.Join(r.values[:registerTables[r.table].key], " ")
}

// registerRows walks an office's register, each table in the order of its key.
func registerRows(ctx context.Context, db *store.DB, officeID string) iter.Seq2[*registerRow, error] {
	return func(yield func(*registerRow, error) bool) {
		stop := errors.New("the reader has seen enough")
		err := db.View(ctx, func(tx *store.Tx) error {
			for i, t := range registerTables {
				columns := strings.Split(t.columns, ", ")
				rows, err := tx.Query(`SELECT `+t.columns+` FROM `+t.name+` WHERE office = $1 ORDER BY `+strings.Join(columns[:t.key], ", "), officeID)
				if err != nil {
					return err
				}
				row, ptr := make([]any, len(columns)), make([]any, len(columns))
				for j := range row {
					ptr[j] = &row[j]
				}
				for rows.Next() {
					if err := rows.Scan(ptr...); err != nil {
						rows.Close()
						return err
					}
					r := &registerRow{i, make([]string, len(row))}
					for j, v := range row {
						if b, is := v.([]byte); is {
							r.values[j] = fmt.Sprintf("%x", b)
						} else {
							r.values[j] = fmt.Sprint(v)
						}
					}
					if !yield(r, nil) {
						rows.Close()
						return stop
					}
				}
				if err := rows.Err(); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil && !errors.Is(err, stop) {
			yield(nil, err)
		}
	}
}

// RegisterDigest is SHA-256 over the public register of an office, in order:
// two databases with the same digest hold the same register.
func RegisterDigest(ctx context.Context, db *store.DB, officeID string) (certificate.Digest, error) {
	h := sha256.New()
	for r, err := range registerRows(ctx, db, officeID) {
		if err != nil {
			return certificate.Digest{}, err
		}
		for _, v := range r.values {
			fmt.Fprintf(h, "%d:%s", len(v), v)
		}
		h.Write([]byte{'\n'})
	}
	return certificate.Digest(h.Sum(nil)), nil
}

// RegisterDifference says in which row two registers of an office differ
// first; it is empty where they do not.
func RegisterDifference(ctx context.Context, a, b *store.DB, officeID string) (string, error) {
	nextB, stop := iter.Pull2(registerRows(ctx, b, officeID))
	defer stop()
	only := func(r *registerRow, which string) string {
		return fmt.Sprintf("%s %s is only in the %s", registerTables[r.table].name, r.key(), which)
	}
	for ra, err := range registerRows(ctx, a, officeID) {
		if err != nil {
			return "", err
		}
		rb, err, more := nextB()
		switch {
		case err != nil:
			return "", err
		case !more || ra.table < rb.table || ra.table == rb.table && ra.before(rb):
			return only(ra, "first"), nil
		case rb.table < ra.table || rb.before(ra):
			return only(rb, "second"), nil
		}
		columns := strings.Split(registerTables[ra.table].columns, ", ")
		for i := range columns {
			if ra.values[i] != rb.values[i] {
				return fmt.Sprintf("%s %s differs in %s: %s, and %s in the second", registerTables[ra.table].name, ra.key(), columns[i], clip(ra.values[i]), clip(rb.values[i])), nil
			}
		}
	}
	rb, err, more := nextB()
	if err != nil || !more {
		return "", err
	}
	return only(rb, "second"), nil
}

// before reports whether r comes first in its table. Sequence numbers are few
// digits and compared as numbers: the shorter is the smaller.
func (r *registerRow) before(s *registerRow) bool {
	if r.values[0] != s.values[0] || registerTables[r.table].key == 1 {
		return r.values[0] < s.values[0]
	}
	a, b := r.values[1], s.values[1]
	return len(a) < len(b) || len(a) == len(b) && a < b
}
