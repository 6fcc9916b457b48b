package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"assay/store"
)

const backupUsage = `usage: assay backup DIR|DATABASE FILE

Writes the database of an office to the new file FILE, as it stands at one
instant, and checks the log in it. The office may go on serving. The keys are
not in it: they never change, so keep one copy of DIR/keys.age elsewhere.

  --json   prints the result as JSON

A PostgreSQL database is backed up with pg_dump, which is consistent too.

exit: 0 written and whole, 1 not, 2 usage, or PostgreSQL
`

// runBackup is the verb "backup".
func runBackup(ctx context.Context, args []string, std stdio) int {
	v := newLocalVerb(std, "backup", backupUsage)
	v.BoolVar(&v.json, "json", false, "")
	rest, code, ok := v.parse(args, 2, 2)
	if !ok {
		return code
	}
	url, err := databaseURL(rest[0])
	if err != nil {
		return v.fail(err)
	}
	if postgres(url) {
		return v.misuse("%v: pg_dump --format=custom --file %s, and later pg_restore into an empty database, then `assay restore --check` on it", store.ErrNoBackup, rest[1])
	}
	c, err := backup(ctx, url, rest[1], showProgress(std.err))
	if err != nil {
		return v.fail(err)
	}
	return printed(v, c, func(w io.Writer, c *checkedLog) {
		fmt.Fprintf(w, "backup\t%s\nlog\t%s, %d entries, whole\n", rest[1], c.Origin, c.Entries)
	})
}

func backup(ctx context.Context, url, path string, progress func(done, size int64)) (*checkedLog, error) {
	db, err := store.Open(ctx, url)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	if err := db.Backup(ctx, path); err != nil {
		return nil, err
	}
	c, err := checkDatabase(ctx, path, progress)
	if err != nil {
		return nil, fmt.Errorf("the backup is written, but it is no good: %w", err)
	}
	return c, nil
}

// checkDatabase checks the log in a database.
func checkDatabase(ctx context.Context, where string, progress func(done, size int64)) (_ *checkedLog, err error) {
	s, err := openLog(ctx, where, logPin{})
	if err != nil {
		return nil, err
	}
	defer closing(s.db, &err)
	return s.check(ctx, progress)
}

const restoreUsage = `usage: assay restore FILE DIR [flags]
       assay restore --check FILE|DIR|DATABASE [flags]

Puts a backup back as the database of an office in DIR, which must have none,
and keys.age beside it if --keys is given. Before that it checks the log in the
backup and asks every partner that the backup knows how much of the log it has.

A log that goes on from an older state than partners saw contradicts what the
office signed before: partners then refuse it for ever, with evidence. So what
any partner has more of, or what cannot be asked, is not restored.

  --keys FILE        copy of the office's keys.age
  --check            checks and asks, and writes nothing; for a database that
                     was restored with other tools
  --check-peer URL   asks there too; may stand again
  --may-fork         restores even so: for reading, not for serving
  --json             prints the result as JSON

exit: 0 restored or may be, 1 refused, 2 usage
`

// restored is what restore found.
type restored struct {
	checkedLog
	Backup   string    `json:"backup"`
	Database string    `json:"database,omitempty"` // where it was put
	Peers    []peerHas `json:"peers"`
}

// runRestore is the verb "restore".
func runRestore(ctx context.Context, args []string, std stdio) int {
	v := newLocalVerb(std, "restore", restoreUsage)
	var also list
	keyFile := v.String("keys", "", "")
	onlyCheck := v.Bool("check", false, "")
	v.Var(&also, "check-peer", "")
	mayFork := v.Bool("may-fork", false, "")
	v.BoolVar(&v.json, "json", false, "")
	rest, code, ok := v.parse(args, 1, 2)
	if !ok {
		return code
	}
	if *onlyCheck != (len(rest) == 1) {
		return v.misuse("say where to: assay restore FILE DIR, or only check: assay restore --check FILE")
	}
	out, err := checkRestore(ctx, rest[0], also, showProgress(std.err))
	if err != nil {
		return v.fail(err)
	}
	safe := !out.unsafe()
	if !*onlyCheck && (safe || *mayFork) {
		if out.Database, err = putBack(ctx, rest[0], rest[1], *keyFile); err != nil {
			return v.fail(err)
		}
	}
	code = printed(v, out, printRestored)
	if !safe && !(*mayFork && !*onlyCheck) {
		return v.fail(errors.New("this log must not go on: partners have seen more of it than the backup holds, or could not be asked. Take a newer backup, or wait until they answer"))
	}
	return code
}

func printRestored(w io.Writer, r *restored) {
	fmt.Fprintf(w, "backup\t%s\nlog\t%s, %d entries, whole\n", r.Backup, r.Origin, r.Entries)
	for _, p := range r.Peers {
		fmt.Fprintf(w, "partner\t%s\t%s\t%s\n", or(p.Site, "(not in the backup)"), p.URL, p.Says)
	}
	if len(r.Peers) == 0 {
		fmt.Fprintln(w, "partners\tnone in the backup. If anybody has seen more of the log than it holds, do not serve it")
	}
	if r.Database != "" {
		fmt.Fprintf(w, "restored\t%s\n", r.Database)
	}
}

// unsafe reports whether going on from this backup could contradict what
// somebody has seen.
func (r *restored) unsafe() bool {
	for _, p := range r.Peers {
		if !p.Safe {
			return true
		}
	}
	return false
}

// putBack writes the backup into the folder as a new database. It goes through
// SQLite, since what is named as a backup may be a database in use, whose
// newest entries are in a file beside it.
func putBack(ctx context.Context, file, dir, keyFile string) (string, error) {
	url, err := databaseURL(file)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	path := filepath.Join(dir, databaseFile)
	if err := noDatabase(path); err != nil {
		return "", err
	}
	if keyFile != "" {
		if err := copyNew(keyFile, filepath.Join(dir, keysFile)); err != nil {
			return "", err
		}
	}
	db, err := store.Open(ctx, url)
	if err != nil {
		return "", err
	}
	return path, errors.Join(db.Backup(ctx, path), db.Close())
}

// copyNew copies a file to a new one, whole and on the disk or not at all.
func copyNew(from, to string) (err error) {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	part := to + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	w, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(part)
	_, err = io.Copy(w, r)
	if err = errors.Join(err, w.Sync(), w.Close()); err != nil {
		return err
	}
	return os.Link(part, to) // fails where the name is taken
}
