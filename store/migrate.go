package store

import (
	"context"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// Errors of [DB.Migrate].
var (
	ErrNewerSchema   = errors.New("database was made by a newer version of the program")
	ErrMigrationEdit = errors.New("migration was changed after it was applied")
)

// Migration is one forward step of the schema. Numbers start at 1 and have no
// gaps; a step that was released is never edited.
type Migration struct {
	Number int
	Name   string
	SQL    string // one or more statements, with dialect tokens
}

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are those of this version, in order.
func Migrations() []Migration {
	ms, err := readMigrations(migrations)
	if err != nil {
		panic(err) // a misnamed file in this folder; no test passes with one
	}
	return ms
}

func readMigrations(files fs.FS) ([]Migration, error) {
	names, err := fs.Glob(files, "migrations/*.sql") // sorted
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	var out []Migration
	for _, path := range names {
		name := strings.TrimSuffix(strings.TrimPrefix(path, "migrations/"), ".sql")
		digits, _, _ := strings.Cut(name, "_")
		n, err := strconv.Atoi(digits)
		if err != nil || n != len(out)+1 || len(digits) != 4 {
			return nil, fmt.Errorf("store: migration %s: want number %04d next", path, len(out)+1)
		}
		text, err := fs.ReadFile(files, path)
		if err != nil {
			return nil, fmt.Errorf("store: %w", err)
		}
		out = append(out, Migration{n, name, string(text)})
	}
	return out, nil
}

// advisoryKey names the migration lock among the advisory locks of a
// PostgreSQL database: "assay" in ASCII.
const advisoryKey = 0x6173736179

// Migrate brings the schema up to the last of ms, all of it in one
// transaction under a lock: of several processes that start together one
// migrates and the others find it done, and a crash leaves the old schema.
//
// A schema with a step that ms does not know is [ErrNewerSchema], named by
// that step; an applied step whose text differs is [ErrMigrationEdit].
func (db *DB) Migrate(ctx context.Context, ms []Migration) error {
	return db.Update(ctx, func(tx *Tx) error {
		if db.postgres {
			if _, err := tx.Exec(`SELECT pg_advisory_xact_lock($1)`, int64(advisoryKey)); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(`CREATE TABLE IF NOT EXISTS migrations (
			number {{int}} PRIMARY KEY, name {{text}} NOT NULL, digest {{bytes}} NOT NULL, at {{int}} NOT NULL) {{strict}}`); err != nil {
			return err
		}
		applied, err := tx.applied(ms)
		if err != nil {
			return err
		}
		for _, m := range ms[applied:] {
			if _, err := tx.tx.ExecContext(ctx, db.dialect(m.SQL)); err != nil {
				return fmt.Errorf("migration %s: %w", m.Name, tx.fail(err))
			}
			if _, err := tx.Exec(`INSERT INTO migrations (number, name, digest, at) VALUES ($1, $2, $3, $4)`,
				m.Number, m.Name, m.digest(), tx.Now()); err != nil {
				return err
			}
		}
		return nil
	})
}

// digest tells whether the text is still the one that was applied.
func (m Migration) digest() [32]byte { return sha256.Sum256([]byte(m.SQL)) }

// applied counts the steps that the schema has, and checks that they are ours.
func (tx *Tx) applied(ms []Migration) (int, error) {
	rows, err := tx.Query(`SELECT number, name, digest FROM migrations ORDER BY number`)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	n := 0
	for ; rows.Next(); n++ {
		var number int
		var name string
		var digest []byte
		if err := rows.Scan(&number, &name, &digest); err != nil {
			return 0, err
		}
		if n >= len(ms) {
			return 0, fmt.Errorf("store: %w: it has step %s, this program ends at %04d; install the newer version", ErrNewerSchema, name, len(ms))
		}
		if own := ms[n].digest(); number != ms[n].Number || string(digest) != string(own[:]) {
			return 0, fmt.Errorf("store: %w: %s, now %s", ErrMigrationEdit, name, ms[n].Name)
		}
	}
	return n, rows.Err()
}
