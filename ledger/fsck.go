package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// ErrFsck marks a log whose parts do not belong together.
var ErrFsck = errors.New("differs from what the entries give")

// Fetcher reads what a log serves, by path relative to its prefix, at most max
// bytes.
type Fetcher interface {
	Fetch(ctx context.Context, path string, max int) ([]byte, error)
}

// Fsck checks a whole log: the checkpoint's signature, every bundle, every tile
// of every level, and the root. An error names the first path that is wrong.
// It reads the log once, in order, and holds no more than one tile per level.
// progress, if not nil, is called after each bundle with the entries done.
func Fsck(ctx context.Context, f Fetcher, origin string, v note.Verifier, progress func(done, size int64)) (tlog.Tree, error) {
	b, err := f.Fetch(ctx, CheckpointPath, MaxCheckpoint)
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("ledger: fsck: %s: %w", CheckpointPath, err)
	}
	signed, err := ParseCheckpoint(b, origin, v)
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("ledger: fsck: %s: %w", CheckpointPath, err)
	}
	c := checker{fetcher: f, size: signed.N}
	for n := int64(0); n*TileWidth < signed.N; n++ {
		if err := c.bundle(ctx, n); err != nil {
			return signed, fmt.Errorf("ledger: fsck: %w", err)
		}
		if progress != nil {
			progress(c.tree.size, signed.N)
		}
	}
	for level := range c.levels { // the partial tiles at the right edge
		if err := c.tile(ctx, level); err != nil {
			return signed, fmt.Errorf("ledger: fsck: %w", err)
		}
	}
	if own := root(c.tree.edge); own != signed.Hash {
		return signed, fmt.Errorf("ledger: fsck: %s: %w: root of %d entries", CheckpointPath, ErrFsck, signed.N)
	}
	return signed, nil
}

// checker grows the tree again from the entries.
type checker struct {
	fetcher Fetcher
	size    int64
	tree    tree
	levels  []level // what each level must hold, since its last full tile
}

type level struct {
	n      int64 // of the tile that is filling
	hashes []byte
}

func (c *checker) bundle(ctx context.Context, n int64) error {
	t := Tile{Level: Entries, N: n}
	t.Width = int(t.available(c.size))
	b, err := c.fetcher.Fetch(ctx, t.Path(), t.MaxBytes())
	if err != nil {
		return fmt.Errorf("%s: %w", t.Path(), err)
	}
	entries, err := ParseBundle(b, t.Width)
	if err != nil {
		return fmt.Errorf("%s: %w", t.Path(), err)
	}
	for _, e := range entries {
		leaf := LeafHash(e)
		c.tree.tiles = c.tree.tiles[:0]
		c.tree.add(leaf)
		if err := c.hash(ctx, 0, leaf); err != nil {
			return err
		}
		for _, r := range c.tree.tiles {
			if err := c.hash(ctx, r.Level, r.Hash); err != nil {
				return err
			}
		}
	}
	return nil
}

// hash puts the next hash of a level in its place and checks the tile it fills.
func (c *checker) hash(ctx context.Context, at int, h [HashSize]byte) error {
	if at == len(c.levels) {
		c.levels = append(c.levels, level{})
	}
	l := &c.levels[at]
	l.hashes = append(l.hashes, h[:]...)
	if len(l.hashes) < TileWidth*HashSize {
		return nil
	}
	return c.tile(ctx, at)
}

// tile compares the tile that a level has filled so far with the log's.
func (c *checker) tile(ctx context.Context, at int) error {
	l := &c.levels[at]
	if len(l.hashes) == 0 {
		return nil
	}
	t := Tile{Level: at, N: l.n, Width: len(l.hashes) / HashSize}
	b, err := c.fetcher.Fetch(ctx, t.Path(), t.MaxBytes())
	if err != nil {
		return fmt.Errorf("%s: %w", t.Path(), err)
	}
	if !bytes.Equal(b, l.hashes) {
		return fmt.Errorf("%s: %w", t.Path(), ErrFsck)
	}
	l.n++
	l.hashes = l.hashes[:0]
	return nil
}

// Local is the Fetcher of a log at hand.
func Local(r Reader) Fetcher { return local{r} }

type local struct{ r Reader }

func (l local) Fetch(ctx context.Context, path string, max int) ([]byte, error) {
	var b []byte
	var err error
	if path == CheckpointPath {
		b, _, err = l.r.Published(ctx)
	} else {
		var t Tile
		if t, err = ParsePath(path); err == nil {
			b, err = l.r.Tile(ctx, t)
		}
	}
	if err == nil && len(b) > max {
		err = fmt.Errorf("%d bytes, at most %d", len(b), max)
	}
	return b, err
}

// HTTP is the Fetcher of a log served under a URL prefix. It follows no
// redirect, reads no more than it was asked for, and gives up on a request
// after half a minute.
func HTTP(prefix string) Fetcher {
	return remote{
		prefix: strings.TrimSuffix(prefix, "/") + "/",
		client: &http.Client{
			Timeout:       30 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

type remote struct {
	prefix string
	client *http.Client
}

func (r remote) Fetch(ctx context.Context, path string, max int) ([]byte, error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, r.prefix+path, nil)
	if err != nil {
		return nil, err
	}
	a, err := r.client.Do(q)
	if err != nil {
		return nil, err
	}
	defer a.Body.Close()
	switch {
	case a.StatusCode == http.StatusNotFound:
		return nil, ErrNotFound
	case a.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("the server answers %s", a.Status)
	}
	b, err := io.ReadAll(io.LimitReader(a.Body, int64(max)+1))
	if err != nil {
		return nil, err
	}
	if len(b) > max {
		return nil, fmt.Errorf("more than %d bytes", max)
	}
	return b, nil
}
