package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/term"

	"assay/catalog"
	"assay/scheme"
	"assay/store"
)

// What the commands have in common that stand beside an office's database and
// keys rather than before its API.

// Names in an office's folder.
const (
	databaseFile = "office.db"
	keysFile     = "keys.age"
	tokensFolder = "tokens"
)

// newLocalVerb makes a verb that asks no office. usage is its whole help.
func newLocalVerb(std stdio, name, usage string) *verb {
	v := &verb{FlagSet: flag.NewFlagSet(name, flag.ContinueOnError), std: std}
	v.SetOutput(std.err)
	v.Usage = func() { io.WriteString(std.err, usage) }
	return v
}

// databaseURL is where the database of an office is: a database URL as it is,
// the database in a folder, or a database file. A file has to exist, since
// opening would make an empty one.
func databaseURL(where string) (string, error) {
	if postgres(where) {
		return where, nil
	}
	where = strings.TrimPrefix(where, "sqlite:")
	info, err := os.Stat(where)
	if err == nil && info.IsDir() {
		where = filepath.Join(where, databaseFile)
		if info, err = os.Stat(where); errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("%s is not there; `assay init` founds an office, and one in PostgreSQL is named with its postgres:// URL", where)
		}
	}
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is no file", where)
	}
	return "sqlite:" + where, nil
}

// openDatabase opens the database of an office that exists.
func openDatabase(ctx context.Context, where string) (*store.DB, error) {
	url, err := databaseURL(where)
	if err != nil {
		return nil, err
	}
	return store.Open(ctx, url)
}

// newDatabase opens a database that is to be filled: a new file, or a
// PostgreSQL database that the caller has made. discard takes back what was
// written, as far as it can be.
func newDatabase(ctx context.Context, where string) (db *store.DB, discard func(), err error) {
	if postgres(where) {
		db, err = store.Open(ctx, where)
		return db, func() {}, err
	}
	path := strings.TrimPrefix(where, "sqlite:")
	if err := noDatabase(path); err != nil {
		return nil, nil, err
	}
	db, err = store.Open(ctx, "sqlite:"+path)
	return db, func() { removeDatabase(path) }, err
}

// noDatabase refuses a path where a database is, or the companions of one:
// SQLite would replay a left-over -wal file into the new database.
func noDatabase(path string) error {
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if _, err := os.Lstat(path + suffix); err == nil {
			return fmt.Errorf("%s exists and is not replaced; move it away or choose another place", path+suffix)
		} else if !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

func removeDatabase(path string) {
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		os.Remove(path + suffix)
	}
}

const (
	minPassphrase = 12 // characters
	maxPassphrase = 1 << 10
)

// passphrase reads the passphrase of a key ring from a file, from stdin for
// "-", or from the terminal, where it is asked for twice when it is a new one.
// It never is an argument or a variable, which other programs can read.
func (v *verb) passphrase(ctx context.Context, file string, fresh bool) (string, error) {
	return v.passphraseOf(ctx, "the office's keys", file, fresh)
}

// passphraseOf is passphrase for other keys than an office's.
func (v *verb) passphraseOf(ctx context.Context, whose, file string, fresh bool) (string, error) {
	if file != "" {
		b, err := readBounded(file, v.std.in, maxPassphrase)
		if err != nil {
			return "", fmt.Errorf("passphrase: %w", err)
		}
		p := strings.TrimRight(string(b), "\r\n")
		return p, checkPassphrase(p, fresh)
	}
	f, is := v.std.in.(*os.File)
	if !is || !term.IsTerminal(int(f.Fd())) {
		return "", errors.New("no passphrase: name a file that holds it with --passphrase-file (- is the standard input), or run this on a terminal")
	}
	p, err := v.askUnseen(ctx, int(f.Fd()), "Passphrase of "+whose+": ")
	if err != nil {
		return "", fmt.Errorf("passphrase: %w", err)
	}
	if err := checkPassphrase(p, fresh); err != nil || !fresh {
		return p, err
	}
	again, err := v.askUnseen(ctx, int(f.Fd()), "Once more: ")
	if err == nil && again != p {
		err = errors.New("the two differ")
	}
	return p, err
}

// askUnseen reads a line from a terminal without showing it. Reading cannot be
// interrupted, so an interrupt leaves the reader behind and gives the terminal
// its echo back.
func (v *verb) askUnseen(ctx context.Context, fd int, prompt string) (string, error) {
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	type line struct {
		b   []byte
		err error
	}
	read := make(chan line, 1)
	fmt.Fprint(v.std.err, prompt)
	defer fmt.Fprintln(v.std.err)
	go func() {
		b, err := term.ReadPassword(fd)
		read <- line{b, err}
	}()
	select {
	case l := <-read:
		return string(l.b), l.err
	case <-ctx.Done():
		return "", errors.Join(context.Cause(ctx), term.Restore(fd, before))
	}
}

func checkPassphrase(p string, fresh bool) error {
	switch {
	case p == "":
		return errors.New("the passphrase is empty")
	case fresh && len([]rune(p)) < minPassphrase:
		return fmt.Errorf("the passphrase has fewer than %d characters; whoever gets the key file can try them all", minPassphrase)
	}
	return nil
}

// catalogArchive packs the catalog in a folder, or the one in this program,
// with the laboratories in files added to it.
func catalogArchive(dir string, laboratories ...string) ([]byte, error) {
	fsys := catalog.EmbeddedFS()
	if dir != "" {
		fsys = os.DirFS(dir)
	}
	archive, err := catalog.Archive(fsys)
	if err != nil {
		return nil, err
	}
	for _, name := range laboratories {
		b, err := readBounded(name, nil, catalog.MaxFile)
		if err != nil {
			return nil, err
		}
		if archive, err = catalog.AddLaboratory(archive, b); err != nil {
			return nil, fmt.Errorf("--laboratory %s: %w", name, err)
		}
	}
	return archive, nil
}

// readCatalog is the catalog that catalogArchive packs.
func readCatalog(dir string, laboratories []string) (*scheme.Catalog, error) {
	archive, err := catalogArchive(dir, laboratories...)
	if err != nil {
		return nil, err
	}
	return catalog.FromArchive(archive)
}

// onTerminal reports whether somebody watches what is written to w.
func onTerminal(w io.Writer) bool {
	f, is := w.(*os.File)
	return is && term.IsTerminal(int(f.Fd()))
}

// showProgress is a progress function for a walk over a log, nil where nobody
// watches.
func showProgress(w io.Writer) func(done, size int64) {
	if !onTerminal(w) {
		return nil
	}
	return func(done, size int64) {
		if done == size {
			fmt.Fprint(w, "\r\x1b[K")
		} else if done%(64*256) == 0 {
			fmt.Fprintf(w, "\r%d of %d entries", done, size)
		}
	}
}

// syncFolder makes new names in a folder last through a power cut.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// closing closes a database and keeps the first error.
func closing(db *store.DB, err *error) {
	*err = errors.Join(*err, db.Close())
}

func postgres(url string) bool {
	return strings.HasPrefix(url, "postgres:") || strings.HasPrefix(url, "postgresql:")
}
