package store

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// copyFrom is the number of rows from which PostgreSQL's COPY, which asks for
// the column types first, is faster than one statement.
const copyFrom = 16

// InsertMany inserts rows of the same columns, in order. Table and columns are
// names in the program, never input.
func (tx *Tx) InsertMany(table string, cols []string, rows [][]any) error {
	if err := tx.ready(); err != nil {
		return err
	}
	for i, row := range rows {
		if len(row) != len(cols) {
			return tx.fail(fmt.Errorf("%w: row %d of %s has %d values for %d columns", ErrArgument, i, table, len(row), len(cols)))
		}
	}
	var err error
	switch {
	case len(rows) == 0:
		return nil
	case !tx.db.postgres:
		err = tx.insertEach(table, cols, rows)
	case len(rows) < copyFrom:
		err = tx.insertOnce(table, cols, rows)
	default:
		err = tx.copyIn(table, cols, rows)
	}
	if err != nil {
		return fmt.Errorf("inserting into %s: %w", table, err)
	}
	return nil
}

// UpsertMany inserts rows of the same columns or, where a row with the same
// key is there, replaces its other columns. No key may stand twice in rows.
func (tx *Tx) UpsertMany(table string, cols, key []string, rows [][]any) error {
	var set []string
	for _, c := range cols {
		if !slices.Contains(key, c) {
			set = append(set, c+" = excluded."+c)
		}
	}
	tail := " ON CONFLICT (" + strings.Join(key, ", ") + ") DO UPDATE SET " + strings.Join(set, ", ")
	if len(set) == 0 {
		tail = " ON CONFLICT (" + strings.Join(key, ", ") + ") DO NOTHING"
	}
	at := 1
	if tx.db.postgres {
		at = upsertRows
	}
	for len(rows) > 0 {
		if len(rows) < at {
			at = 1
		}
		args := make([]any, 0, at*len(cols))
		for i, row := range rows[:at] {
			if len(row) != len(cols) {
				return tx.fail(fmt.Errorf("%w: row %d of %s has %d values for %d columns", ErrArgument, i, table, len(row), len(cols)))
			}
			args = append(args, row...)
		}
		if _, err := tx.Exec(insertSQL(table, cols, at)+tail, args...); err != nil {
			return fmt.Errorf("inserting into %s: %w", table, err)
		}
		rows = rows[at:]
	}
	return nil
}

// upsertRows is how many rows one statement of PostgreSQL's takes: few
// enough for its parameters, and always as many, so that it is prepared once.
const upsertRows = 64

// insertEach repeats one prepared statement: SQLite has no network between.
func (tx *Tx) insertEach(table string, cols []string, rows [][]any) error {
	query := insertSQL(table, cols, 1)
	for _, row := range rows {
		if _, err := tx.Exec(query, row...); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) insertOnce(table string, cols []string, rows [][]any) error {
	args := make([]any, 0, len(rows)*len(cols))
	for _, row := range rows {
		args = append(args, row...)
	}
	_, err := tx.Exec(insertSQL(table, cols, len(rows)), args...)
	return err
}

func (tx *Tx) copyIn(table string, cols []string, rows [][]any) error {
	// Before the copy starts: an error from within it comes back without its cause.
	kept := make([][]any, len(rows))
	for i, row := range rows {
		var err error
		if kept[i], err = values(row); err != nil {
			return tx.fail(fmt.Errorf("row %d: %w", i, err))
		}
	}
	return tx.fail(tx.conn.Raw(func(c any) error {
		_, err := c.(*stdlib.Conn).Conn().CopyFrom(tx.ctx, pgx.Identifier{table}, cols, pgx.CopyFromRows(kept))
		return err
	}))
}

// insertSQL is INSERT INTO table (cols) VALUES ($1, …), (…), … for n rows.
func insertSQL(table string, cols []string, n int) string {
	var b strings.Builder
	b.WriteString("INSERT INTO " + table + " (" + strings.Join(cols, ", ") + ") VALUES ")
	for i := range n * len(cols) {
		switch {
		case i == 0:
			b.WriteString("(")
		case i%len(cols) == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(i+1))
	}
	return b.String() + ")"
}
