package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

var ctx = context.Background()

// memory is a log in memory.
type memory struct {
	head   Head
	rows   []Row
	hashes map[int][][HashSize]byte // by tile level
	note   []byte
	size   int64 // of the note
}

func newMemory() *memory { return &memory{head: EmptyHead(), hashes: map[int][][HashSize]byte{}} }

func (m *memory) LockHead(context.Context) (Head, error) { return m.head, nil }

func (m *memory) Store(_ context.Context, head Head, rows []Row, tiles []TileRow) error {
	for _, r := range rows {
		if r.Index != int64(len(m.rows)) {
			return fmt.Errorf("row %d in place %d", r.Index, len(m.rows))
		}
		m.rows = append(m.rows, r)
		m.hashes[0] = append(m.hashes[0], r.LeafHash)
	}
	for _, t := range tiles {
		if t.N != int64(len(m.hashes[t.Level])) {
			return fmt.Errorf("level %d: hash %d in place %d", t.Level, t.N, len(m.hashes[t.Level]))
		}
		m.hashes[t.Level] = append(m.hashes[t.Level], t.Hash)
	}
	m.head = head
	return nil
}

func (m *memory) Published(context.Context) ([]byte, int64, error) {
	if m.note == nil {
		return nil, 0, ErrNotFound
	}
	return m.note, m.size, nil
}

func (m *memory) Tile(_ context.Context, t Tile) ([]byte, error) {
	if !t.within(m.head.Size) {
		return nil, ErrNotFound
	}
	var out []byte
	for i := t.N * TileWidth; i < t.N*TileWidth+int64(t.Width); i++ {
		if t.Level != Entries {
			out = append(out, m.hashes[t.Level][i][:]...)
			continue
		}
		var err error
		if out, err = AppendBundle(out, m.rows[i].Body); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func entry(i int64) Entry {
	return Entry{Kind: "grant", Issuer: "office.example", Subject: fmt.Sprint("SPECIMEN-", i), Sequence: 1,
		Body: fmt.Appendf(nil, "entry %d", i)}
}

// grow appends entries in chunks up to a size.
func grow(t testing.TB, m *memory, size int64, chunk func() int64) {
	t.Helper()
	for m.head.Size < size {
		es := make([]Entry, min(chunk(), size-m.head.Size))
		for i := range es {
			es[i] = entry(m.head.Size + int64(i))
		}
		head, err := Append(ctx, m, m.head.At+1, es)
		if err != nil {
			t.Fatal(err)
		}
		if head.Size != m.head.Size || head.Root != m.head.Root {
			t.Fatal("the head returned is not the head stored")
		}
	}
}

func by(n int64) func() int64 { return func() int64 { return n } }

// reference is the same log by x/mod's own bookkeeping: every stored hash.
type reference []tlog.Hash

func (r *reference) add(t testing.TB, i int64) {
	t.Helper()
	hs, err := tlog.StoredHashes(i, entry(i).Body, r.reader())
	if err != nil {
		t.Fatal(err)
	}
	*r = append(*r, hs...)
}

func (r *reference) reader() tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			out[i] = (*r)[x]
		}
		return out, nil
	})
}

func TestAgainstTlog(t *testing.T) {
	m := newMemory()
	var r reference
	for size := int64(1); size <= 1100; size++ {
		grow(t, m, size, by(1))
		r.add(t, size-1)
		want, err := tlog.TreeHash(size, r.reader())
		if err != nil {
			t.Fatal(err)
		}
		if m.head.Root != want {
			t.Fatalf("root of size %d differs", size)
		}
		if err := m.head.Check(); err != nil {
			t.Fatal(err)
		}
	}
	for level, hashes := range m.hashes {
		if want := 1100 >> (8 * level); len(hashes) != want {
			t.Errorf("level %d has %d hashes, want %d", level, len(hashes), want)
		}
		for n, h := range hashes {
			if h != r[tlog.StoredHashIndex(8*level, int64(n))] {
				t.Errorf("level %d, hash %d differs", level, n)
			}
		}
	}
	if empty, err := tlog.TreeHash(0, r.reader()); err != nil || EmptyHead().Root != empty {
		t.Errorf("root of the empty log, %v", err)
	}
}

// Property: in whatever chunks entries come, the log is the same.
func TestChunking(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		size := 1 + rng.Int64N(70_000)
		one, any := newMemory(), newMemory()
		grow(t, one, size, by(size))
		grow(t, any, size, func() int64 { return 1 + rng.Int64N(1+rng.Int64N(2000)) })
		if one.head.Root != any.head.Root || !slices.Equal(one.head.Edge, any.head.Edge) {
			t.Fatalf("heads of size %d differ", size)
		}
		for level := range one.hashes {
			if !slices.Equal(one.hashes[level], any.hashes[level]) {
				t.Fatalf("level %d of size %d differs", level, size)
			}
		}
	}
}

func TestProofs(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	m := newMemory()
	grow(t, m, 66_000, by(5000)) // three levels of tiles
	sizes := []int64{1, 2, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 66_000}
	for range 40 {
		sizes = append(sizes, 1+rng.Int64N(66_000))
	}
	roots := map[int64]tlog.Hash{}
	for _, size := range sizes {
		small := newMemory()
		grow(t, small, size, by(size))
		roots[size] = small.head.Root
		if got, err := RootAt(ctx, m, size); err != nil || got != roots[size] {
			t.Fatalf("root of size %d: %v", size, err)
		}
	}
	for _, size := range sizes {
		for _, index := range []int64{0, size - 1, rng.Int64N(size)} {
			p, err := InclusionProof(ctx, m, index, size)
			if err != nil {
				t.Fatal(err)
			}
			if err := tlog.CheckRecord(p, size, roots[size], index, LeafHash(entry(index).Body)); err != nil {
				t.Errorf("entry %d of %d: %v", index, size, err)
			}
		}
		for _, older := range sizes {
			if older > size {
				continue
			}
			p, err := ConsistencyProof(ctx, m, older, size)
			if err != nil {
				t.Fatal(err)
			}
			if err := tlog.CheckTree(p, size, roots[size], older, roots[older]); err != nil {
				t.Errorf("%d in %d: %v", older, size, err)
			}
		}
	}
	for _, bad := range [][2]int64{{5, 5}, {-1, 5}, {0, 0}, {66_000, 66_001}, {0, 70_000}} {
		if _, err := InclusionProof(ctx, m, bad[0], bad[1]); !errors.Is(err, ErrNotFound) {
			t.Errorf("entry %d of %d: %v", bad[0], bad[1], err)
		}
	}
	for _, bad := range [][2]int64{{0, 5}, {6, 5}, {1, 70_000}} {
		if _, err := ConsistencyProof(ctx, m, bad[0], bad[1]); err == nil {
			t.Errorf("consistency of %d and %d was proven", bad[0], bad[1])
		}
	}
}

func TestAppendRefuses(t *testing.T) {
	start := func() *memory {
		m := newMemory()
		grow(t, m, 7, by(7))
		m.head.At = 100
		return m
	}
	good := []Entry{entry(7)}
	for name, c := range map[string]struct {
		damage func(*memory)
		at     int64
		es     []Entry
		want   error
	}{
		"a clock that went back": {func(*memory) {}, 99, good, ErrClockBack},
		"an empty entry":         {func(*memory) {}, 100, []Entry{entry(7), {}}, ErrEntrySize},
		"an entry too long":      {func(*memory) {}, 100, []Entry{{Body: make([]byte, MaxEntry+1)}}, ErrEntrySize},
		"an edge too short":      {func(m *memory) { m.head.Edge = m.head.Edge[1:] }, 100, good, ErrHead},
		"a false edge":           {func(m *memory) { m.head.Edge[1][0] ^= 1 }, 100, good, ErrHead},
		"a false root":           {func(m *memory) { m.head.Root[0] ^= 1 }, 100, good, ErrHead},
		"a false size":           {func(m *memory) { m.head.Size-- }, 100, good, ErrHead},
		"a negative size":        {func(m *memory) { m.head.Size = -1 }, 100, good, ErrHead},
		"nothing wrong":          {func(*memory) {}, 100, good, nil},
		"the longest entry":      {func(*memory) {}, 100, []Entry{{Body: make([]byte, MaxEntry)}}, nil},
	} {
		m := start()
		c.damage(m)
		before := len(m.rows)
		_, err := Append(ctx, m, c.at, c.es)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if err != nil && len(m.rows) != before {
			t.Errorf("%s: half of it stayed", name)
		}
	}
	m := start()
	if head, err := Append(ctx, m, 200, nil); err != nil || head.Size != 7 || m.head.At != 100 {
		t.Errorf("appending nothing: size %d at %d, %v", head.Size, m.head.At, err)
	}
}

// Appending must not write into the head that the keeper may still hold.
func TestAppendLeavesTheOldHead(t *testing.T) {
	m := newMemory()
	grow(t, m, 7, by(7))
	old := m.head
	grow(t, m, 1000, by(100))
	if err := old.Check(); err != nil {
		t.Error(err)
	}
}

func BenchmarkAdd(b *testing.B) {
	t := tree{edge: make([][HashSize]byte, 0, 64)}
	var leaf [HashSize]byte
	b.ReportAllocs()
	for b.Loop() {
		binary.BigEndian.PutUint64(leaf[:], uint64(t.size))
		t.add(leaf)
		t.tiles = t.tiles[:0]
	}
}
