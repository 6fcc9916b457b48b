package store

import (
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Errors, wrapped with the engine's own. Test with [errors.Is].
var (
	ErrNoRows     = sql.ErrNoRows // the only error that leaves a transaction alive
	ErrTxDead     = errors.New("transaction ended by an earlier error")
	ErrRowsOpen   = errors.New("statement while rows are open: close or read them all first")
	ErrArgument   = errors.New("argument of a type that is not kept")
	ErrUnique     = errors.New("it exists already")
	ErrForeignKey = errors.New("what it refers to does not exist")
	ErrFull       = errors.New("disk or database is full")
	ErrBusy       = errors.New("database is locked by another process")
	ErrReadOnly   = errors.New("write in a read-only transaction")
	ErrSettings   = errors.New("server settings do not do: want synchronous_commit other than off, and encoding UTF8")
	ErrRetry      = errors.New("transaction met another one and was rolled back")
	// ErrUnknown says that the connection broke during a commit: it may have
	// happened. Read the state again before doing anything else.
	ErrUnknown = errors.New("outcome of the commit is unknown")
)

// IsUnique reports a violated unique or primary key, on either engine.
func IsUnique(err error) bool { return errors.Is(err, ErrUnique) }

// IsForeignKey reports a violated foreign key, on either engine.
func IsForeignKey(err error) bool { return errors.Is(err, ErrForeignKey) }

// classify adds the name of this package to an engine's error. It goes by
// codes: messages depend on version and language.
func classify(err error) error {
	var name error
	var lite *sqlite.Error
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &lite):
		name = sqliteName(lite.Code())
	case errors.As(err, &pg):
		name = postgresName(pg.Code)
	}
	if name == nil || errors.Is(err, name) {
		return err
	}
	return fmt.Errorf("%w: %w", name, err)
}

// answered reports whether PostgreSQL itself said why a commit failed, which
// means that it was rolled back.
func answered(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) || errors.Is(err, pgx.ErrTxCommitRollback) || errors.Is(err, sql.ErrTxDone)
}

func sqliteName(code int) error {
	switch code {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
		return ErrUnique
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return ErrForeignKey
	}
	switch code & 0xff { // the primary result code
	case sqlite3.SQLITE_FULL:
		return ErrFull
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return ErrBusy
	case sqlite3.SQLITE_READONLY:
		return ErrReadOnly
	}
	return nil
}

func postgresName(code string) error {
	switch code {
	case "23505": // unique_violation
		return ErrUnique
	case "23503": // foreign_key_violation
		return ErrForeignKey
	case "53100": // disk_full
		return ErrFull
	case "55P03": // lock_not_available
		return ErrBusy
	case "25006": // read_only_sql_transaction
		return ErrReadOnly
	case "40001", "40P01": // serialization_failure, deadlock_detected
		return ErrRetry
	}
	return nil
}
