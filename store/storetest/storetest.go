// Package storetest runs tests on both engines.
package storetest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/fnv"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"assay/store"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// EnvPostgres names the variable with the URL of a PostgreSQL cluster in which
// tests may create databases. Without it they run on SQLite only.
const EnvPostgres = "ASSAY_TEST_POSTGRES"

// Each runs fn on an empty database of each engine, migrated to the schema of
// this version.
func Each(t *testing.T, fn func(t *testing.T, db *store.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { fn(t, Postgres(t)) })
}

// EachEmpty runs fn with the URL of a database without any schema.
func EachEmpty(t *testing.T, fn func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, sqliteURL(t)) })
	t.Run("postgres", func(t *testing.T) { fn(t, createDatabase(t, "template0")) })
}

// SQLite opens a migrated database in a temporary file.
func SQLite(t testing.TB) *store.DB {
	t.Helper()
	db := Open(t, sqliteURL(t))
	migrate(t, db)
	return db
}

// Postgres opens a migrated database in the cluster of [EnvPostgres], and
// skips the test without one.
func Postgres(t testing.TB) *store.DB {
	t.Helper()
	return Open(t, createDatabase(t, template(t)))
}

// Open opens url and closes it with the test.
func Open(t testing.TB, url string) *store.DB {
	t.Helper()
	db, err := store.Open(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func sqliteURL(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "office.db") }

func migrate(t testing.TB, db *store.DB) {
	t.Helper()
	if err := db.Migrate(context.Background(), store.Migrations()); err != nil {
		t.Fatal(err)
	}
}

func cluster(t testing.TB) string {
	t.Helper()
	u := os.Getenv(EnvPostgres)
	if u == "" {
		t.Skipf("%s is not set", EnvPostgres)
	}
	return u
}

// admin runs fn on a connection to the database named in the cluster's URL.
func admin(t testing.TB, fn func(ctx context.Context, c *pgx.Conn) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := pgx.Connect(ctx, cluster(t))
	if err == nil {
		err = errors.Join(fn(ctx, c), c.Close(ctx))
	}
	if err != nil {
		t.Fatalf("PostgreSQL at $%s: %v", EnvPostgres, err)
	}
}

// database is the cluster's URL with another database.
func database(t testing.TB, name string) string {
	t.Helper()
	u, err := url.Parse(cluster(t))
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

// createDatabase copies a template into a new database that is dropped with
// the test, and returns its URL.
func createDatabase(t testing.TB, template string) string {
	t.Helper()
	name := "assay_test_" + strings.ToLower(rand.Text())
	admin(t, func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, "CREATE DATABASE "+name+" TEMPLATE "+template)
		return err
	})
	t.Cleanup(func() {
		admin(t, func(ctx context.Context, c *pgx.Conn) error {
			_, err := c.Exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)")
			return err
		})
	})
	return database(t, name)
}

var made struct {
	sync.Mutex
	template string
}

// template is a migrated database, made once for all test processes that have
// the same migrations. It gets its name when it is complete, so that a killed
// run leaves no half of it.
func template(t testing.TB) string {
	t.Helper()
	made.Lock()
	defer made.Unlock()
	if made.template != "" {
		return made.template
	}
	ms := store.Migrations()
	sum := sha256.New()
	for _, m := range ms {
		fmt.Fprintf(sum, "%s\x00%s\x00", m.Name, m.SQL)
	}
	name := fmt.Sprintf("assay_template_%x", sum.Sum(nil)[:8])
	lock := fnv.New64a()
	lock.Write([]byte(name))
	admin(t, func(ctx context.Context, c *pgx.Conn) error {
		if _, err := c.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(lock.Sum64())); err != nil {
			return err
		}
		var there bool
		if err := c.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&there); err != nil || there {
			return err
		}
		half := name + "_half"
		if _, err := c.Exec(ctx, "DROP DATABASE IF EXISTS "+half); err != nil {
			return err
		}
		if _, err := c.Exec(ctx, "CREATE DATABASE "+half+" TEMPLATE template0"); err != nil {
			return err
		}
		db, err := store.Open(ctx, database(t, half))
		if err != nil {
			return err
		}
		if err := errors.Join(db.Migrate(ctx, ms), db.Close()); err != nil {
			return err
		}
		return renameDatabase(ctx, c, half, name)
	})
	made.template = name
	return name
}

// renameDatabase waits for the sessions of a closed pool to be gone, which
// PostgreSQL sees a moment later than the client.
func renameDatabase(ctx context.Context, c *pgx.Conn, from, to string) error {
	for {
		_, err := c.Exec(ctx, "ALTER DATABASE "+from+" RENAME TO "+to)
		var pg *pgconn.PgError
		if !errors.As(err, &pg) || pg.Code != "55006" { // object_in_use
			return err
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

// Clock is a clock that stands until it is moved. Its zero value stands at
// the epoch; it is safe for concurrent use.
type Clock struct {
	mu sync.Mutex
	t  time.Time
}

// NewClock stands at an instant.
func NewClock(t time.Time) *Clock { return &Clock{t: t} }

// Now is the [store.DB].Clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

// Advance moves the clock by d, backwards if d is negative.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// Set moves the clock to t.
func (c *Clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = t
}
