package peer

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"

	"assay/ledger"
)

// source reads one site's log. Nothing it returns is believed before it
// hashes to a signed root; [tlog.TileHashReader] sees to that for tiles.
type source struct {
	client *Client
	site   Site
	cache  *tileCache
}

// fetch reads a tile or bundle and gives it to parse. A source may drop a
// partial one when the full one exists, so that is asked for next; parse then
// gets the full width.
func (s source) fetch(ctx context.Context, t ledger.Tile, parse func(b []byte, width int) error) error {
	path := "/" + t.Path()
	b, err := s.client.get(ctx, s.site, path, int64(t.MaxBytes()))
	if errors.Is(err, errNotFound) && t.Width < ledger.TileWidth {
		t.Width = ledger.TileWidth
		path = "/" + t.Path()
		b, err = s.client.get(ctx, s.site, path, int64(t.MaxBytes()))
	}
	if err != nil {
		return err
	}
	if err := parse(b, t.Width); err != nil {
		return located(Malformed, s.site, path, err)
	}
	return nil
}

// bundle fetches the first width entries of bundle n.
func (s source) bundle(ctx context.Context, n int64, width int) (entries [][]byte, err error) {
	err = s.fetch(ctx, ledger.Tile{Level: ledger.Entries, N: n, Width: width}, func(b []byte, got int) error {
		all, err := splitBundle(b, got)
		if err == nil {
			entries = all[:width]
		}
		return err
	})
	return entries, err
}

// tile fetches the first t.W hashes of a tile.
func (s source) tile(ctx context.Context, t tlog.Tile) (hashes []byte, err error) {
	err = s.fetch(ctx, ledger.Tile{Level: t.L, N: t.N, Width: t.W}, func(b []byte, got int) error {
		if len(b) != got*ledger.HashSize {
			return fmt.Errorf("%d bytes, want %d hashes of %d", len(b), got, ledger.HashSize)
		}
		hashes = b[:t.W*ledger.HashSize]
		return nil
	})
	return hashes, err
}

// hashes gives hashes of the tree under head, authenticated by its root. An
// error of the network keeps its code; what does not hash to the root is [Tiles].
func (s source) hashes(ctx context.Context, head Head) tlog.HashReaderFunc {
	return func(indexes []int64) ([]tlog.Hash, error) {
		r := &tileReader{ctx: ctx, source: s}
		out, err := tlog.TileHashReader(tlog.Tree{N: head.Size, Hash: head.Root}, r).ReadHashes(indexes)
		if err != nil && r.err == nil {
			err = fail(Tiles, s.site.ID, "/tile", "under the head of size %d: %w", head.Size, err)
		}
		return out, err
	}
}

// tileReader is a [tlog.TileReader] over a source.
type tileReader struct {
	source
	ctx context.Context // of one call
	err error           // set where fetching failed, as opposed to hashing
}

func (r *tileReader) Height() int { return 8 } // 256 = 1<<8 hashes a tile

func (r *tileReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(tiles))
	g, ctx := errgroup.WithContext(r.ctx)
	g.SetLimit(maxWindow)
	for i, t := range tiles {
		if out[i] = r.cache.get(t); out[i] != nil {
			continue
		}
		g.Go(func() (err error) {
			out[i], err = r.tile(ctx, t)
			return err
		})
	}
	r.err = g.Wait()
	return out, r.err
}

func (r *tileReader) SaveTiles(tiles []tlog.Tile, data [][]byte) { r.cache.put(tiles, data) }

// tileCache keeps authenticated tiles, so that the right edge and the upper
// levels are fetched once for many bundles. A tile, its width included, never
// changes under a log that only grows; what a fork would change is never put in
// before its head was found consistent.
type tileCache struct {
	mu    sync.Mutex
	tiles map[tlog.Tile][]byte
}

// maxCached bounds a site's cache: 128 tiles are at most 1 MiB.
const maxCached = 128

func (c *tileCache) get(t tlog.Tile) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tiles[t]
}

func (c *tileCache) put(tiles []tlog.Tile, data [][]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tiles == nil {
		c.tiles = make(map[tlog.Tile][]byte)
	}
	for i, t := range tiles {
		if t.L == 0 && t.W == ledger.TileWidth {
			continue // read once, beside its bundle
		}
		if len(c.tiles) >= maxCached {
			for old := range c.tiles {
				delete(c.tiles, old)
				break
			}
		}
		c.tiles[t] = data[i]
	}
}

// merge takes over what another cache of the same history has.
func (c *tileCache) merge(from *tileCache) {
	from.mu.Lock()
	defer from.mu.Unlock()
	for t, data := range from.tiles {
		c.put([]tlog.Tile{t}, [][]byte{data})
	}
}
