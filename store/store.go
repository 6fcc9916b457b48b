// Package store keeps an office's data in SQLite (embedded) or PostgreSQL,
// with one SQL text for both.
//
// What it trusts: the database. Whoever can write it can change the office;
// the log and the peers that follow it make such a change visible.
//
// Rules for the SQL of this module: $1 placeholders; integers, byte strings
// and text are the only types; times are µs UTC; foreign bytes are byte
// strings until they are proven to be UTF-8 without NUL; optional filters are
// built in Go; SUM is cast to {{int}} because PostgreSQL widens it.
package store

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"runtime"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"
)

// DB is an open database. It is safe for concurrent use.
type DB struct {
	// Clock gives the time of transactions. Set it before the first use.
	Clock func() time.Time

	postgres    bool
	write, read *sql.DB // the same pool on PostgreSQL
}

const (
	busyTimeout   = 10 * time.Second // how long SQLite waits for the writer of another process
	postgresConns = 16
	maxAttempts   = 10 // of a transaction that PostgreSQL asks to repeat
)

// Open opens "sqlite:PATH", which is created when it does not exist, or a
// "postgres://…" URL, whose database must exist. It does not migrate.
//
// On SQLite a transaction that was committed is on the disk (WAL with
// synchronous=FULL); there is one writer, and a pool of readers that never
// wait for it.
func Open(ctx context.Context, url string) (*DB, error) {
	db := &DB{Clock: time.Now}
	var err error
	switch scheme, rest, _ := strings.Cut(url, ":"); scheme {
	case "sqlite":
		err = db.openSQLite(rest)
	case "postgres", "postgresql":
		err = db.openPostgres(url)
	default:
		// Not the URL itself: it may hold a password.
		err = fmt.Errorf("a database URL starts with sqlite: or postgres://, not with %q", scheme)
	}
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if err = db.write.PingContext(ctx); err == nil && db.postgres {
		err = db.checkServer(ctx)
	}
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("store: opening the database: %w", classify(err))
	}
	return db, nil
}

// checkServer refuses a PostgreSQL whose settings would break what [DB.Update]
// promises or change what is kept.
func (db *DB) checkServer(ctx context.Context) error {
	for setting, ok := range map[string]func(string) bool{
		"synchronous_commit": func(v string) bool { return v != "off" },
		"server_encoding":    func(v string) bool { return v == "UTF8" },
	} {
		var v string
		if err := db.read.QueryRowContext(ctx, "SHOW "+setting).Scan(&v); err != nil {
			return err
		}
		if !ok(v) {
			return fmt.Errorf("%w: %s is %s", ErrSettings, setting, v)
		}
	}
	return nil
}

func (db *DB) openSQLite(path string) error {
	if path == "" || strings.Contains(path, ":memory:") {
		return fmt.Errorf("sqlite:%s: want the path of a file", path)
	}
	open := func(options ...string) (*sql.DB, error) {
		q := url.Values{"_pragma": append([]string{
			fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()),
			"foreign_keys(1)", "wal_autocheckpoint(8000)", "cache_size(-16384)", // KiB
		}, options...)}
		q.Set("_txlock", "immediate")
		c, err := sqlite.NewConnector((&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}).String())
		if err != nil {
			return nil, err
		}
		return sql.OpenDB(cachingConnector{c}), nil
	}
	var err error
	if db.write, err = open("journal_mode(WAL)", "synchronous(FULL)"); err != nil {
		return err
	}
	db.write.SetMaxOpenConns(1)
	if db.read, err = open("query_only(1)"); err != nil {
		return err
	}
	n := max(4, 2*runtime.GOMAXPROCS(0))
	db.read.SetMaxOpenConns(n)
	db.read.SetMaxIdleConns(n)
	return nil
}

func (db *DB) openPostgres(url string) error {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return err // pgx redacts the password
	}
	// A plan made once for all parameters reads whole tables where statements
	// ask for few keys of a large one.
	config.RuntimeParams["plan_cache_mode"] = "force_custom_plan"
	db.postgres = true
	db.write = stdlib.OpenDB(*config)
	db.write.SetMaxOpenConns(postgresConns)
	db.write.SetMaxIdleConns(postgresConns)
	db.read = db.write
	return nil
}

// Close waits for running transactions and closes the database.
func (db *DB) Close() error {
	err := db.write.Close()
	if db.read != nil && db.read != db.write {
		if rerr := db.read.Close(); err == nil {
			err = rerr
		}
	}
	return err
}

// Postgres reports which engine this is, for the few places where it
// matters, such as full-text search and backup.
func (db *DB) Postgres() bool { return db.postgres }

// dialect fills in the tokens in which the engines differ: {{int}},
// {{bytes}} and {{text}} as types, {{strict}} after a table, or {{keyed}} after one of short rows by key, which has SQLite
// check types as PostgreSQL does, and {{lock}} after a SELECT.
func (db *DB) dialect(sql string) string {
	if db.postgres {
		return postgresTokens.Replace(sql)
	}
	return sqliteTokens.Replace(sql)
}

var (
	sqliteTokens   = strings.NewReplacer("{{int}}", "INTEGER", "{{bytes}}", "BLOB", "{{text}}", "TEXT COLLATE BINARY", "{{lock}}", "", "{{strict}}", "STRICT", "{{keyed}}", "STRICT, WITHOUT ROWID")
	postgresTokens = strings.NewReplacer("{{int}}", "BIGINT", "{{bytes}}", "BYTEA", "{{text}}", `TEXT COLLATE "C"`, "{{lock}}", "FOR UPDATE", "{{strict}}", "", "{{keyed}}", "")
)
