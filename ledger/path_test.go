package ledger

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
)

func TestPath(t *testing.T) {
	for path, want := range map[string]Tile{
		"tile/0/000":                               {0, 0, 256},
		"tile/0/x001/234.p/5":                      {0, 1234, 5},
		"tile/1/x001/x234/067":                     {1, 1234067, 256},
		"tile/63/999.p/255":                        {63, 999, 255},
		"tile/entries/x001/000.p/1":                {Entries, 1000, 1},
		"tile/entries/007":                         {Entries, 7, 256},
		"tile/0/x009/x223/x372/x036/x854/x775/807": {0, math.MaxInt64, 256},
	} {
		got, err := ParsePath(path)
		if err != nil || got != want || want.Path() != path {
			t.Errorf("%s: parsed as %+v (%v), %+v is written %s", path, got, err, want, want.Path())
		}
	}
	for _, path := range []string{
		"", "checkpoint", "tile", "tile/", "tile/0", "tile/0/", "/tile/0/000", "tile/0/000/", "tile//000",
		"tile/00/000", "tile/+1/000", "tile/-1/000", "tile/64/000", "tile/x/000", "tile/Entries/000",
		"tile/0/0", "tile/0/00", "tile/0/0000", "tile/0/x000/001", "tile/0/001/001", "tile/0/x001", "tile/0/x001/x001", "tile/0/-01", "tile/0/+01", "tile/0/0x1",
		"tile/0/000.p", "tile/0/000.p/", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/1/", "tile/0/000.p/1.p/1", "tile/0/000.p/+1",
		"tile/0/x009/x223/x372/x036/x854/x775/808", "tile/0/" + strings.Repeat("x001/", 20) + "001", "tile/0/..", "tile/0/０００",
	} {
		if got, err := ParsePath(path); !errors.Is(err, ErrPath) {
			t.Errorf("%q: %+v, %v", path, got, err)
		}
	}
}

// The example of C2SP tlog-tiles, and the edges.
func TestAvailable(t *testing.T) {
	for _, c := range []struct {
		size  int64
		level int
		n     int64
		want  int64
	}{
		{70_000, 0, 272, 256}, {70_000, 0, 273, 112}, {70_000, 0, 274, 0}, {70_000, 1, 0, 256}, {70_000, 1, 1, 17},
		{70_000, 2, 0, 1}, {70_000, 3, 0, 0}, {256, 0, 0, 256}, {256, 0, 1, 0}, {256, 1, 0, 1}, {255, 1, 0, 0},
		{70_000, Entries, 273, 112}, {0, 0, 0, 0}, {5, 63, 0, 0}, {math.MaxInt64, 0, math.MaxInt64, 0}, {5, 0, -1, 0},
	} {
		if got := (Tile{Level: c.level, N: c.n}).available(c.size); got != c.want {
			t.Errorf("size %d, level %d, tile %d: %d, want %d", c.size, c.level, c.n, got, c.want)
		}
	}
}

func TestBundle(t *testing.T) {
	want := [][]byte{{1}, bytes.Repeat([]byte{2}, MaxEntry), []byte("three")}
	var b []byte
	for _, e := range want {
		var err error
		if b, err = AppendBundle(b, e); err != nil {
			t.Fatal(err)
		}
	}
	got, err := ParseBundle(b, 3)
	if err != nil || !bytes.Equal(bytes.Join(got, []byte("|")), bytes.Join(want, []byte("|"))) {
		t.Errorf("came back as %d entries, %v", len(got), err)
	}
	for name, c := range map[string]struct {
		b     []byte
		width int
	}{
		"fewer entries": {b, 4}, "more entries": {b, 2}, "cut": {b[:len(b)-1], 3}, "cut in a length": {[]byte{0}, 1}, "empty entry": {[]byte{0, 0}, 1},
		"nothing": {nil, 1}, "no width": {nil, 0}, "too wide": {nil, 257}, "endless": {make([]byte, 2*(2+MaxEntry)), 1},
	} {
		if _, err := ParseBundle(c.b, c.width); !errors.Is(err, ErrBundle) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bad := range [][]byte{nil, make([]byte, MaxEntry+1)} {
		if _, err := AppendBundle(nil, bad); !errors.Is(err, ErrEntrySize) {
			t.Errorf("entry of %d bytes: %v", len(bad), err)
		}
	}
}

func TestParseTile(t *testing.T) {
	b := append(bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)...)
	hs, err := ParseTile(b, 2)
	if err != nil || hs[0][31] != 1 || hs[1][0] != 2 {
		t.Errorf("%x, %v", hs, err)
	}
	for _, width := range []int{0, 1, 3, 257} {
		if _, err := ParseTile(b, width); err == nil {
			t.Errorf("64 bytes were taken as %d hashes", width)
		}
	}
}

func FuzzPath(f *testing.F) {
	f.Add("tile/0/x001/234.p/5")
	f.Add("tile/entries/000")
	f.Fuzz(func(t *testing.T, path string) {
		tile, err := ParsePath(path)
		if err != nil {
			return
		}
		if tile.Path() != path || tile.N < 0 || tile.Width < 1 || tile.Width > TileWidth || tile.MaxBytes() <= 0 {
			t.Errorf("%q is %+v, written %q", path, tile, tile.Path())
		}
	})
}

func FuzzBundle(f *testing.F) {
	f.Add([]byte{0, 1, 9, 0, 2, 8, 8}, 2)
	f.Add([]byte{255, 255}, 1)
	f.Fuzz(func(t *testing.T, b []byte, width int) {
		entries, err := ParseBundle(b, width)
		if err != nil {
			return
		}
		var again []byte
		for _, e := range entries {
			if again, err = AppendBundle(again, e); err != nil {
				t.Fatal(err)
			}
		}
		if len(entries) != width || !bytes.Equal(again, b) {
			t.Errorf("%d entries, encoded again as %x", len(entries), again)
		}
	})
}
