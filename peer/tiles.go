package peer

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"
)

// source reads one site's log. Nothing it returns is believed before it
// hashes to a signed root; [tlog.TileHashReader] sees to that for tiles.
type source struct {
	client *Client
	site   Site
	cache  *tileCache
}

// checkpoint fetches and verifies the signed head; at is µs UTC.
func (s source) checkpoint(ctx context.Context, at int64) (Head, error) {
	b, err := s.client.get(ctx, s.site, LogPath+"/checkpoint", maxCheckpoint)
	if err != nil {
		return Head{}, err
	}
	return parseCheckpoint(s.site, b, at)
}

// bundle fetches the entries of bundle n, of which width exist. A source may
// drop a partial bundle once the full one exists, so that is asked for next.
func (s source) bundle(ctx context.Context, n int64, width int) ([][]byte, error) {
	path := LogPath + bundlePath(n)
	b, err := s.client.get(ctx, s.site, path+partial(width), maxBundle)
	if width < bundleWidth && errors.Is(err, errNotFound) {
		if b, err = s.client.get(ctx, s.site, path, maxBundle); err == nil {
			all, err := splitBundle(b, bundleWidth)
			if err != nil {
				return nil, fail(Malformed, s.site.ID, path, "%w", err)
			}
			return all[:width], nil
		}
	}
	if err != nil {
		return nil, err
	}
	entries, err := splitBundle(b, width)
	if err != nil {
		return nil, fail(Malformed, s.site.ID, path, "%w", err)
	}
	return entries, nil
}

// tile fetches the hashes of one tile, with the same second try.
func (s source) tile(ctx context.Context, t tlog.Tile) ([]byte, error) {
	path := LogPath + tilePath(t.L, t.N)
	want := t.W * tlog.HashSize
	b, err := s.client.get(ctx, s.site, path+partial(t.W), int64(want))
	if t.W < bundleWidth && errors.Is(err, errNotFound) {
		if b, err = s.client.get(ctx, s.site, path, maxTile); err == nil && len(b) == maxTile {
			b = b[:want]
		}
	}
	if err != nil {
		return nil, err
	}
	if len(b) != want {
		return nil, fail(Malformed, s.site.ID, path, "%d bytes, want %d hashes", len(b), t.W)
	}
	return b, nil
}

// hashes gives hashes of the tree under head, authenticated by its root. An
// error of the network keeps its code; what does not hash to the root is [Tiles].
func (s source) hashes(ctx context.Context, head Head) tlog.HashReaderFunc {
	return func(indexes []int64) ([]tlog.Hash, error) {
		r := &tileReader{ctx: ctx, source: s}
		out, err := tlog.TileHashReader(tlog.Tree{N: head.Size, Hash: head.Root}, r).ReadHashes(indexes)
		if err != nil && r.err == nil {
			err = fail(Tiles, s.site.ID, LogPath+"/tile", "under the head of size %d: %w", head.Size, err)
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

func (r *tileReader) Height() int { return tileHeight }

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
		if t.L == 0 && t.W == bundleWidth {
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
