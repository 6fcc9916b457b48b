package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrPath marks a path that names nothing in a log.
var ErrPath = errors.New("not a path of a log")

// CheckpointPath is where the checkpoint is served, relative to the log's prefix.
const CheckpointPath = "checkpoint"

// Entries as the Level of a [Tile] means an entry bundle.
const Entries = -1

// Tile names a tile of hashes or, with level [Entries], a bundle of entries.
// Its path form is that of C2SP tlog-tiles: tile/0/x001/234 or
// tile/entries/x001/234.p/5.
type Tile struct {
	Level int   // 0 to 63, or [Entries]
	N     int64 // from 0, within the level
	Width int   // 1 to 256; 256 is full
}

const (
	maxLevel = 63
	maxPath  = 64 // bytes; the longest valid one has 46
)

// Path is the tile's path relative to the log's prefix.
func (t Tile) Path() string {
	level := "entries"
	if t.Level != Entries {
		level = strconv.Itoa(t.Level)
	}
	n := fmt.Sprintf("%03d", t.N%1000)
	for rest := t.N / 1000; rest > 0; rest /= 1000 {
		n = fmt.Sprintf("x%03d/%s", rest%1000, n)
	}
	if t.Width == TileWidth {
		return "tile/" + level + "/" + n
	}
	return "tile/" + level + "/" + n + ".p/" + strconv.Itoa(t.Width)
}

// ParsePath reads a tile's path. Every tile has one path only, the one that
// [Tile.Path] gives. The error wraps [ErrPath].
func ParsePath(path string) (Tile, error) {
	bad := func(why string) (Tile, error) {
		if len(path) > maxPath {
			path = path[:maxPath] + "…"
		}
		return Tile{}, fmt.Errorf("ledger: path %q: %w: %s", path, ErrPath, why)
	}
	if len(path) > maxPath {
		return bad("too long")
	}
	rest, ok := strings.CutPrefix(path, "tile/")
	level, rest, ok2 := strings.Cut(rest, "/")
	if !ok || !ok2 {
		return bad("want tile/LEVEL/INDEX")
	}
	t := Tile{Level: Entries, Width: TileWidth}
	var err error
	if level != "entries" {
		if t.Level, err = strconv.Atoi(level); err != nil || t.Level < 0 || t.Level > maxLevel {
			return bad("level is not 0 to 63")
		}
	}
	if index, width, partial := strings.Cut(rest, ".p/"); partial {
		rest = index
		if t.Width, err = strconv.Atoi(width); err != nil || t.Width < 1 || t.Width >= TileWidth {
			return bad("width is not 1 to 255")
		}
	}
	if t.N, err = strconv.ParseInt(strings.NewReplacer("/", "", "x", "").Replace(rest), 10, 64); err != nil || t.N < 0 {
		return bad("index is no number")
	}
	if t.Path() != path {
		return bad("not in its one form")
	}
	return t, nil
}

// within reports whether a tree of a size has the tile in this width.
func (t Tile) within(size int64) bool {
	available := t.available(size)
	return t.Width >= 1 && int64(t.Width) <= available
}

// available is the width that the tile has in a tree of a size, 0 if none.
func (t Tile) available(size int64) int64 {
	if shift := 8 * t.Level; t.Level > 0 {
		if shift >= 63 {
			return 0
		}
		size >>= shift
	}
	if t.N < 0 || t.N > size/TileWidth {
		return 0
	}
	return min(TileWidth, size-t.N*TileWidth)
}

// MaxBytes bounds the encoded tile or bundle.
func (t Tile) MaxBytes() int {
	if t.Level == Entries {
		return t.Width * (2 + MaxEntry)
	}
	return t.Width * HashSize
}

// ErrBundle marks bytes that are not an entry bundle.
var ErrBundle = errors.New("not an entry bundle")

// AppendBundle appends an entry of 1 to [MaxEntry] bytes to an encoded bundle.
func AppendBundle(bundle, entry []byte) ([]byte, error) {
	if len(entry) == 0 || len(entry) > MaxEntry {
		return nil, fmt.Errorf("ledger: %w: %d bytes, want 1 to %d", ErrEntrySize, len(entry), MaxEntry)
	}
	return append(binary.BigEndian.AppendUint16(bundle, uint16(len(entry))), entry...), nil
}

// ParseBundle splits a bundle into exactly width entries, which share its
// memory. The error wraps [ErrBundle].
func ParseBundle(b []byte, width int) ([][]byte, error) {
	if width < 1 || width > TileWidth || len(b) > width*(2+MaxEntry) {
		return nil, fmt.Errorf("ledger: %w: %d bytes for %d entries", ErrBundle, len(b), width)
	}
	entries := make([][]byte, width)
	for i := range entries {
		if len(b) < 2 {
			return nil, fmt.Errorf("ledger: %w: ends before entry %d of %d", ErrBundle, i, width)
		}
		n := int(binary.BigEndian.Uint16(b))
		if b = b[2:]; n == 0 || n > len(b) {
			return nil, fmt.Errorf("ledger: %w: entry %d claims %d bytes, %d are left", ErrBundle, i, n, len(b))
		}
		entries[i], b = b[:n:n], b[n:]
	}
	if len(b) != 0 {
		return nil, fmt.Errorf("ledger: %w: %d bytes after entry %d", ErrBundle, len(b), width)
	}
	return entries, nil
}

// ParseTile splits a tile into exactly width hashes.
func ParseTile(b []byte, width int) ([][HashSize]byte, error) {
	if width < 1 || width > TileWidth || len(b) != width*HashSize {
		return nil, fmt.Errorf("ledger: tile of %d bytes, want %d hashes of %d", len(b), width, HashSize)
	}
	hashes := make([][HashSize]byte, width)
	for i := range hashes {
		hashes[i] = [HashSize]byte(b[i*HashSize:])
	}
	return hashes, nil
}
