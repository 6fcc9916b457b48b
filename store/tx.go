package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"assay/ledger"
)

// Tx is one transaction. It is used by one goroutine, and not after the
// function it was given to has returned.
type Tx struct {
	db   *DB
	ctx  context.Context
	run  context.Context // what statements run under
	conn *sql.Conn
	tx   *sql.Tx
	now  int64        // 0 until asked for
	err  error        // what ended it
	open bool         // rows are being read
	head *ledger.Head // locked
}

// Update runs fn in a writing transaction and commits what it did; any error,
// also one that fn dropped, and any panic rolls all of it back.
//
// On SQLite updates run one after the other. On PostgreSQL they run side by
// side (READ COMMITTED): lock the row that the decision rests on first, with
// {{lock}} or [Tx.LockHead]. Where PostgreSQL asks for a repetition fn is
// called again, so it must not leave traces outside the transaction. Do not
// call Update within fn.
//
// When Update returns nil the change survives a crash of process and machine.
// [ErrUnknown] means that the connection broke during the commit.
func (db *DB) Update(ctx context.Context, fn func(*Tx) error) error {
	body := fn
	for attempt := 1; ; attempt++ {
		err := db.run(ctx, db.write, nil, body)
		if !errors.Is(err, ErrRetry) || attempt == maxAttempts {
			return err
		}
		if errors.Is(err, errEarlyTime) { // now it is known that fn logs: it cannot come too early again
			body = func(tx *Tx) error {
				if _, err := tx.LockHead(ctx); err != nil {
					return err
				}
				return fn(tx)
			}
		}
		// Two that met must not meet again in step.
		pause := time.Duration(attempt) * time.Millisecond
		select {
		case <-time.After(pause + rand.N(pause)):
		case <-ctx.Done():
			return err
		}
	}
}

// View runs fn on a snapshot that starts with its first statement. Nothing can
// be written in it.
func (db *DB) View(ctx context.Context, fn func(*Tx) error) error {
	return db.run(ctx, db.read, &sql.TxOptions{ReadOnly: true, Isolation: db.snapshot()}, fn)
}

// snapshot is the isolation of views; SQLite has only one and takes no name.
func (db *DB) snapshot() sql.IsolationLevel {
	if db.postgres {
		return sql.LevelRepeatableRead
	}
	return sql.LevelDefault
}

func (db *DB) run(ctx context.Context, pool *sql.DB, opts *sql.TxOptions, fn func(*Tx) error) error {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return fmt.Errorf("store: %w", classify(err))
	}
	defer conn.Close()
	begun, err := conn.BeginTx(ctx, opts)
	if err != nil {
		return fmt.Errorf("store: beginning a transaction: %w", classify(err))
	}
	defer begun.Rollback() // of errors and panics; after a commit it does nothing
	tx := &Tx{db: db, ctx: ctx, run: ctx, conn: conn, tx: begun}
	if opts == nil && !db.postgres {
		// The driver starts a goroutine for each statement that could be
		// canceled. Those of an update are short; ready asks before each.
		tx.run = context.WithoutCancel(ctx)
	}
	err = fn(tx)
	if err != nil && !errors.Is(tx.err, ErrRetry) {
		return err
	}
	if tx.err != nil {
		return tx.err
	}
	if tx.open {
		return fmt.Errorf("store: commit: %w", ErrRowsOpen)
	}
	if opts != nil { // a view has nothing to commit
		return nil
	}
	// After this an ended context can mean that the commit was on its way.
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("store: rolled back: %w", err)
	}
	if err := begun.Commit(); err != nil {
		if err = classify(err); db.postgres && !answered(err) {
			err = fmt.Errorf("%w: %w", ErrUnknown, err)
		}
		return fmt.Errorf("store: commit: %w", err)
	}
	return nil
}

// Now is the time of the transaction in µs UTC, the same for all of it. It is
// taken at the first call. In a transaction that logs call [Tx.LockHead] before
// it; otherwise, where another process logs in between, Update has to repeat.
func (tx *Tx) Now() int64 {
	if tx.now == 0 {
		tx.now = tx.db.Clock().UnixMicro()
	}
	return tx.now
}

// Context is that of the transaction.
func (tx *Tx) Context() context.Context { return tx.ctx }

// Postgres reports which engine this is.
func (tx *Tx) Postgres() bool { return tx.db.postgres }

// fail ends the transaction, because PostgreSQL would refuse everything after
// an error and SQLite would go on with half of the change.
func (tx *Tx) fail(err error) error {
	if err == nil || errors.Is(err, ErrNoRows) {
		return err
	}
	err = classify(err)
	if tx.err == nil {
		tx.err = fmt.Errorf("store: %w: %w", ErrTxDead, err)
	}
	return fmt.Errorf("store: %w", err)
}

// ready is asked before every statement.
func (tx *Tx) ready() error {
	if tx.err != nil {
		return tx.err
	}
	if tx.open {
		return tx.fail(ErrRowsOpen)
	}
	if err := tx.ctx.Err(); err != nil {
		return tx.fail(err)
	}
	return nil
}

// Exec runs a statement and returns the number of rows it changed.
func (tx *Tx) Exec(query string, args ...any) (int64, error) {
	if err := tx.ready(); err != nil {
		return 0, err
	}
	args, err := values(args)
	if err != nil {
		return 0, tx.fail(err)
	}
	res, err := tx.tx.ExecContext(tx.run, tx.db.dialect(query), args...)
	if err != nil {
		return 0, tx.fail(err)
	}
	n, err := res.RowsAffected()
	return n, tx.fail(err)
}

// Query runs a statement that gives rows. They must be closed, or read to
// their end, before the next statement.
func (tx *Tx) Query(query string, args ...any) (*Rows, error) {
	if err := tx.ready(); err != nil {
		return nil, err
	}
	args, err := values(args)
	if err != nil {
		return nil, tx.fail(err)
	}
	rows, err := tx.tx.QueryContext(tx.run, tx.db.dialect(query), args...)
	if err != nil {
		return nil, tx.fail(err)
	}
	tx.open = true
	return &Rows{rows, tx}, nil
}

// QueryRow runs a statement that gives at most one row; without one Scan
// returns [ErrNoRows], which does not end the transaction.
func (tx *Tx) QueryRow(query string, args ...any) *Row {
	rows, err := tx.Query(query, args...)
	return &Row{rows, err}
}

// Rows are read as [sql.Rows] are.
type Rows struct {
	rows *sql.Rows
	tx   *Tx
}

// Next goes to the next row. After the last one the rows are closed.
func (r *Rows) Next() bool {
	if r.rows.Next() {
		return true
	}
	r.tx.open = false
	return false
}

// Scan copies the columns of the row. Its failure ends the transaction.
func (r *Rows) Scan(dest ...any) error { return r.tx.fail(r.rows.Scan(dest...)) }

// Err is the error that ended the rows, if one did.
func (r *Rows) Err() error { return r.tx.fail(r.rows.Err()) }

// Close ends the rows. It may be called twice.
func (r *Rows) Close() error {
	r.tx.open = false
	return r.tx.fail(r.rows.Close())
}

// Row is the result of [Tx.QueryRow].
type Row struct {
	rows *Rows
	err  error
}

// Scan copies the columns of the one row.
func (r *Row) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return ErrNoRows
	}
	if err := r.rows.Scan(dest...); err != nil {
		return err
	}
	return r.rows.Close()
}

// values turns arguments into the three kinds that both engines keep alike
// (and NULL), so that what works on one does on the other. A bool is 0 or 1.
func values(args []any) ([]any, error) {
	out := make([]any, len(args))
	for i, a := range args {
		v, err := value(a)
		if err != nil {
			return nil, fmt.Errorf("$%d: %w", i+1, err)
		}
		out[i] = v
	}
	return out, nil
}

func value(a any) (any, error) {
	switch v := a.(type) {
	case nil, int64:
		return a, nil
	case int:
		return int64(v), nil
	case []byte:
		if v == nil {
			return nil, nil
		}
		return v, nil
	case string:
		return text(v)
	case [32]byte:
		return v[:], nil
	case driver.Valuer:
		w, err := v.Value()
		if err != nil {
			return nil, fmt.Errorf("%w: %T: %w", ErrArgument, a, err)
		}
		if _, again := w.(driver.Valuer); again {
			return nil, fmt.Errorf("%w: %T", ErrArgument, a)
		}
		return value(w)
	}
	switch v := reflect.ValueOf(a); v.Kind() {
	case reflect.Bool:
		if v.Bool() {
			return int64(1), nil
		}
		return int64(0), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int(), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if v.Uint() > math.MaxInt64 {
			return nil, fmt.Errorf("%w: %d is beyond 63 bits", ErrArgument, v.Uint())
		}
		return int64(v.Uint()), nil
	case reflect.String:
		return text(v.String())
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return value(v.Bytes())
		}
	case reflect.Pointer:
		if v.IsNil() {
			return nil, nil
		}
		return value(v.Elem().Interface())
	}
	return nil, fmt.Errorf("%w: %T", ErrArgument, a)
}

// text refuses what PostgreSQL cannot keep and SQLite would.
func text(s string) (any, error) {
	if !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
		return nil, fmt.Errorf("%w: text that is not UTF-8 or has a NUL; keep it as bytes", ErrArgument)
	}
	return s, nil
}
