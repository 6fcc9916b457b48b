package store

import (
	"context"
	"errors"
	"fmt"
)

// Get reads the one row that a key names, without a transaction around it: a
// single statement sees a single snapshot anyway, and for a lookup beginning
// and ending a view costs as much as the reading. Without a row it returns
// [ErrNoRows].
//
// It is not interrupted when ctx ends while it runs, so the query has to find
// its row by an index.
func (db *DB) Get(ctx context.Context, query string, args []any, dest ...any) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	args, err := values(args)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	// A context that can end would cost a goroutine here and one in the driver.
	err = db.read.QueryRowContext(context.WithoutCancel(ctx), db.dialect(query), args...).Scan(dest...)
	if err != nil && !errors.Is(err, ErrNoRows) {
		err = fmt.Errorf("store: %w", classify(err))
	}
	return err
}
