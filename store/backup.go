package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ErrNoBackup is returned by [DB.Backup] on PostgreSQL, whose own tools do it.
var ErrNoBackup = errors.New("a PostgreSQL database is backed up with pg_dump, which is consistent while offices write")

// Backup writes the whole database as it stood at one instant to a new file at
// path, which is complete and on the disk when it returns; a file that is
// there already is never replaced. Other processes go on writing meanwhile;
// this one does not, so call it from a process of its own.
//
// A crash leaves at most PATH.part, which the next call replaces.
func (db *DB) Backup(ctx context.Context, path string) error {
	if db.postgres {
		return fmt.Errorf("store: %w", ErrNoBackup)
	}
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("store: backup: %s: %w", path, os.ErrExist)
	}
	part := path + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("store: backup: %w", err)
	}
	defer os.Remove(part)
	// The file is made here for its mode; SQLite takes an empty one.
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("store: backup: %w", err)
	}
	defer f.Close()
	if _, err := db.write.ExecContext(ctx, `VACUUM INTO ?`, part); err != nil {
		return fmt.Errorf("store: backup to %s: %w", part, classify(err))
	}
	if err := f.Sync(); err != nil { // SQLite does not
		return fmt.Errorf("store: backup: %w", err)
	}
	if err := os.Link(part, path); err != nil { // a link, since a rename would replace
		return fmt.Errorf("store: backup: %w", err)
	}
	if err := os.Remove(part); err != nil {
		return fmt.Errorf("store: backup: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a new name in a folder last.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer d.Close()
	return d.Sync()
}
