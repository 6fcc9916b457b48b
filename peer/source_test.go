package peer

import (
	"context"
	"crypto/elliptic"
	"encoding/binary"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"assay/keys"
	"assay/statement"

	fmtlog "github.com/transparency-dev/formats/log"
)

// office is a source in memory, made so that it can lie.
type office struct {
	t      testing.TB
	id     string
	origin string
	ring   *keys.Ring

	mu      sync.Mutex
	entries [][]byte
	hashes  []tlog.Hash // stored hashes, in tlog's order
	lie     func(w http.ResponseWriter, r *http.Request) bool
	size    int64 // published; 0: all
	asked   map[string]int
	seq     map[string]uint64
	prev    map[string][32]byte
	server  *httptest.Server
}

func newOffice(t testing.TB, id string) *office {
	ring, err := keys.NewRing()
	if err != nil {
		t.Fatal(err)
	}
	o := &office{t: t, id: id, origin: id + ".example/demo", ring: ring, asked: map[string]int{},
		seq: map[string]uint64{}, prev: map[string][32]byte{}}
	o.server = httptest.NewServer(o)
	t.Cleanup(o.server.Close)
	return o
}

// site is how another office has pinned it.
func (o *office) site() Site {
	return Site{
		ID: o.id, BaseURL: o.server.URL, Origin: o.origin, Ring: "demo", Keys: o.ring.Records(),
		Schemes: []string{"kr-cic"}, Kinds: []statement.Kind{statement.Grant, statement.Status, statement.Key},
		Private: true, Poll: time.Hour,
	}
}

func (o *office) header(kind statement.Kind, subject string) statement.Header {
	return statement.Header{Kind: kind, Issuer: o.id, Origin: o.origin, Subject: subject,
		Sequence: o.seq[subject] + 1, Previous: o.prev[subject]}
}

func sign(t testing.TB, s keys.Signer, h statement.Header) []byte {
	t.Helper()
	payload, err := statement.Encode(map[string]string{"of": h.Subject})
	if err != nil {
		t.Fatal(err)
	}
	b, err := statement.Sign(s, h, payload)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// grant logs a statement about a subject with the office's own key.
func (o *office) grant(subject string) []byte {
	o.t.Helper()
	h := o.header(statement.Grant, subject)
	b := sign(o.t, o.ring.Statement, h)
	st, err := statement.Parse(b)
	if err != nil {
		o.t.Fatal(err)
	}
	o.seq[subject], o.prev[subject] = h.Sequence, st.Digest()
	o.append(b)
	return b
}

func (o *office) grants(n int) {
	for range n {
		o.grant(fmt.Sprintf("kr-cic-%d", len(o.entries)))
	}
}

func (o *office) append(b []byte) {
	o.t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	hs, err := tlog.StoredHashes(int64(len(o.entries)), b, o.reader())
	if err != nil {
		o.t.Fatal(err)
	}
	o.hashes = append(o.hashes, hs...)
	o.entries = append(o.entries, b)
}

func (o *office) reader() tlog.HashReaderFunc {
	return func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			out[i] = o.hashes[x]
		}
		return out, nil
	}
}

// fork is an office with the same name and keys and the first n entries.
func (o *office) fork(n int) *office {
	f := newOffice(o.t, o.id)
	f.ring = o.ring
	for _, b := range o.entries[:n] {
		f.append(b)
	}
	return f
}

func (o *office) checkpoint(size int64) []byte {
	root, err := tlog.TreeHash(size, o.reader())
	if err != nil {
		o.t.Error(err)
	}
	return signCheckpoint(o.t, o.ring.Checkpoint, o.origin, size, root)
}

func signNote(t testing.TB, s keys.Signer, name, text string) []byte {
	t.Helper()
	signer, err := s.NoteSigner(name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := note.Sign(&note.Note{Text: text}, signer)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// mirror turns an ES256 signature (r, s) into (r, n−s), which verifies too.
func mirror(signature []byte) {
	s := new(big.Int).SetBytes(signature[32:])
	s.Sub(elliptic.P256().Params().N, s).FillBytes(signature[32:])
}

func signCheckpoint(t testing.TB, s keys.Signer, origin string, size int64, root [32]byte) []byte {
	text := fmtlog.Checkpoint{Origin: origin, Size: uint64(size), Hash: root[:]}.Marshal()
	return signNote(t, s, origin, string(text))
}

func (o *office) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked[r.URL.Path]++
	if o.lie != nil && o.lie(w, r) {
		return
	}
	o.answer(w, r)
}

// answer is the honest one.
func (o *office) answer(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	size := o.size
	if size == 0 {
		size = int64(len(o.entries))
	}
	if path == "/checkpoint" {
		w.Write(o.checkpoint(size))
		return
	}
	if rest, ok := strings.CutPrefix(path, "/tile/entries/"); ok {
		t, err := tlog.ParseTilePath("tile/8/0/" + rest)
		if err != nil || t.N*256+int64(t.W) > size {
			http.NotFound(w, r)
			return
		}
		w.Write(joinBundle(o.entries[t.N*256 : t.N*256+int64(t.W)]))
		return
	}
	t, err := tlog.ParseTilePath("tile/8" + strings.TrimPrefix(path, "/tile"))
	if err != nil || (t.N*256+int64(t.W))<<(8*t.L) > size {
		http.NotFound(w, r)
		return
	}
	b, err := tlog.ReadTileData(t, o.reader())
	if err != nil {
		o.t.Error(err)
	}
	w.Write(b)
}

func joinBundle(entries [][]byte) []byte {
	var b []byte
	for _, e := range entries {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(e))), e...)
	}
	return b
}

// shelf is Books in memory.
type shelf struct {
	mu        sync.Mutex
	sites     []Site
	positions map[string]Position
	items     map[string][]Item
	heard     map[string]int
	trouble   map[string][]string
	forks     map[string][]Evidence
	batches   []int
	receipt   func(site string) (string, bool, error)
	onApply   func(site string, b Batch) error
	took      map[string]Receipt
}

func newShelf(offices ...*office) *shelf {
	s := &shelf{positions: map[string]Position{}, items: map[string][]Item{}, heard: map[string]int{},
		trouble: map[string][]string{}, forks: map[string][]Evidence{}, took: map[string]Receipt{}}
	for _, o := range offices {
		s.sites = append(s.sites, o.site())
	}
	return s
}

func (s *shelf) Sites(context.Context) ([]Site, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sites), nil
}

func (s *shelf) Position(_ context.Context, site string) (Position, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.positions[site], nil
}

func (s *shelf) Verified(_ context.Context, site string, old int64, h Head) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.positions[site]
	if p.Verified.Size != old {
		return ErrMoved
	}
	p.Verified = h
	s.positions[site] = p
	return nil
}

func (s *shelf) Apply(_ context.Context, site string, b Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.positions[site]
	if p.Applied != b.From {
		return ErrMoved
	}
	if b.To > p.Verified.Size || int64(len(b.Items)) != b.To-b.From {
		return fmt.Errorf("batch %d to %d with %d items under a head of %d", b.From, b.To, len(b.Items), p.Verified.Size)
	}
	for i, it := range b.Items {
		if it.Index != b.From+int64(i) || it.Leaf != tlog.RecordHash(it.Body) || it.Err == nil && it.Statement == nil {
			return fmt.Errorf("item %d of batch at %d is not what it says", i, b.From)
		}
	}
	if s.onApply != nil {
		if err := s.onApply(site, b); err != nil {
			return err
		}
	}
	p.Applied = b.To
	s.positions[site] = p
	s.items[site] = append(s.items[site], b.Items...)
	s.batches = append(s.batches, len(b.Items))
	return nil
}

func (s *shelf) Heard(_ context.Context, site string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard[site]++
	return nil
}

func (s *shelf) Trouble(_ context.Context, site, code string, _ error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trouble[site] = append(s.trouble[site], code)
	return nil
}

func (s *shelf) Fork(_ context.Context, site string, e Evidence) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forks[site] = append(s.forks[site], e)
	return nil
}

func (s *shelf) Receipt(_ context.Context, site string) (string, bool, error) {
	if s.receipt == nil {
		return "", false, nil
	}
	return s.receipt(site)
}

func (s *shelf) LastReceipt(_ context.Context, site string) (Receipt, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.took[site]
	return r, ok, nil
}

func (s *shelf) KeepReceipt(_ context.Context, site string, r Receipt, _ []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took[site] = r
	return nil
}

// patience of tests: short, so that a hanging peer costs little.
var impatient = Timeouts{Dial: time.Second, Idle: 200 * time.Millisecond, Total: 2 * time.Second}

func newTestFollower(b Books) *Follower {
	return NewFollower(b, Options{Client: NewClient(impatient)})
}

func step(t testing.TB, f *Follower, site string) {
	t.Helper()
	if err := f.Step(context.Background(), site); err != nil {
		t.Fatal(err)
	}
}
