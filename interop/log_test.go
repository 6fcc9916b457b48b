package interop

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
	"k8s.io/klog/v2"

	"assay/keys"
	"assay/ledger"
	"assay/statement"
	"assay/store"
)

const origin = "demo.example/office"

func TestMain(m *testing.M) {
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard) // fsck says there what its error says again
	os.Exit(m.Run())
}

// office is a log in SQLite, served over HTTP.
type office struct {
	t    *testing.T
	ring *keys.Ring
	db   *store.DB
	size int
	url  string
	// damage, if set, changes what is served; it is asked with each path.
	damage atomic.Pointer[func(path string, body []byte)]
}

func newOffice(t *testing.T) *office {
	t.Helper()
	ring, err := keys.NewRing()
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	db, err := store.Open(ctx, "sqlite:"+filepath.Join(t.TempDir(), "office.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate(ctx, store.Migrations()); err != nil {
		t.Fatal(err)
	}
	o := &office{t: t, ring: ring, db: db}
	inner := ledger.Handler(db.Log())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		damage := o.damage.Load()
		if damage == nil {
			inner.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		inner.ServeHTTP(answer, r)
		body := answer.Body.Bytes()
		(*damage)(r.URL.Path, body)
		w.WriteHeader(answer.Code)
		w.Write(body)
	}))
	t.Cleanup(server.Close)
	o.url = server.URL + "/"
	return o
}

// statement makes the n-th statement of the office.
func (o *office) statement(n int) []byte {
	o.t.Helper()
	payload, err := statement.Encode(map[string]any{"n": n, "pad": strings.Repeat("x", n%100)})
	if err != nil {
		o.t.Fatal(err)
	}
	body, err := statement.Sign(o.ring.Statement, statement.Header{
		Kind: statement.Grant, Issuer: "office", Origin: origin, Subject: fmt.Sprintf("scheme-%d", n), Sequence: 1,
	}, payload)
	if err != nil {
		o.t.Fatal(err)
	}
	return body
}

// grow appends statements until the log has size entries, and publishes it.
func (o *office) grow(size int) {
	o.t.Helper()
	ctx := o.t.Context()
	var head ledger.Head
	for o.size < size {
		var es []ledger.Entry
		for ; o.size < size && len(es) < 4000; o.size++ {
			es = append(es, ledger.Entry{Kind: "grant", Issuer: "office", Subject: fmt.Sprintf("scheme-%d", o.size),
				Sequence: 1, Body: o.statement(o.size)})
		}
		if err := o.db.Update(ctx, func(tx *store.Tx) (err error) {
			if _, err = tx.LockHead(ctx); err == nil {
				head, err = ledger.Append(ctx, tx, tx.Now(), es)
			}
			return err
		}); err != nil {
			o.t.Fatal(err)
		}
	}
	signed, err := ledger.Checkpoint(origin, head, o.ring.Checkpoint)
	if err != nil {
		o.t.Fatal(err)
	}
	if err := o.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.StoreCheckpoint(head, signed)
		return err
	}); err != nil {
		o.t.Fatal(err)
	}
}

// verifier is x/mod's own, made from the key's text form alone.
func (o *office) verifier() note.Verifier {
	o.t.Helper()
	key, err := o.ring.Checkpoint.VerifierKey(origin)
	if err != nil {
		o.t.Fatal(err)
	}
	v, err := note.NewVerifier(key)
	if err != nil {
		o.t.Fatal(err)
	}
	return v
}

func (o *office) fetcher() *client.HTTPFetcher {
	o.t.Helper()
	u, err := url.Parse(o.url)
	if err != nil {
		o.t.Fatal(err)
	}
	f, err := client.NewHTTPFetcher(u, nil)
	if err != nil {
		o.t.Fatal(err)
	}
	return f
}

func leaves(bundle []byte) ([][]byte, error) {
	var b api.EntryBundle
	if err := b.UnmarshalText(bundle); err != nil {
		return nil, err
	}
	var out [][]byte
	for _, e := range b.Entries {
		out = append(out, rfc6962.DefaultHasher.HashLeaf(e))
	}
	return out, nil
}

// fsck is Tessera's. Each of its workers ends at the first tile that differs,
// and without one left it waits forever: one flipped bit makes three differ.
func (o *office) fsck(ctx context.Context) error {
	return fsck.New(origin, o.verifier(), o.fetcher(), leaves, fsck.Opts{N: 8}).Check(ctx)
}

// large is beyond 256·256, so that a tile of level 2 exists, and leaves every
// level with a partial tile.
const large = 256*256 + 3*256 + 97

// A log is followed from its first entry to one with three levels of tiles by
// Tessera's tracker, which proves each growth; what it proves, x/mod and this
// project's own proofs say as well; and damage of any part is seen.
func TestTesseraReadsTheLog(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 66,000 statements")
	}
	ctx := t.Context()
	o := newOffice(t)
	o.grow(1)
	f := o.fetcher()
	tracker, err := client.NewLogStateTracker(ctx, f.ReadTile, nil, o.verifier(), origin, client.UnilateralConsensus(f.ReadCheckpoint))
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{2, 255, 256, 257, 700, 256 * 256, large} {
		o.grow(size)
		before := tracker.Latest()
		_, consistency, _, err := tracker.Update(ctx)
		if err != nil {
			t.Fatalf("growing from %d to %d: %v", before.Size, size, err)
		}
		if got := tracker.Latest(); got.Size != uint64(size) {
			t.Fatalf("the tracker is at %d, want %d", got.Size, size)
		}
		own, err := ledger.ConsistencyProof(ctx, o.db.Log(), int64(before.Size), int64(size))
		if err != nil {
			t.Fatal(err)
		}
		var hashes [][]byte
		for _, h := range own {
			hashes = append(hashes, h[:])
		}
		if !slices.EqualFunc(consistency, hashes, bytes.Equal) {
			t.Errorf("from %d to %d: Tessera's proof is not the project's own", before.Size, size)
		}
		if err := o.fsck(ctx); err != nil {
			t.Fatalf("fsck at %d: %v", size, err)
		}
	}
	latest := tracker.Latest()
	t.Run("checkpoint", func(t *testing.T) {
		raw, err := f.ReadCheckpoint(ctx)
		if err != nil {
			t.Fatal(err)
		}
		n, err := note.Open(raw, note.VerifierList(o.verifier()))
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("%s\n%d\n", origin, large); !strings.HasPrefix(n.Text, want) {
			t.Errorf("note %q, want it to begin %q", n.Text, want)
		}
	})
	t.Run("inclusion", func(t *testing.T) { o.inclusion(t, latest.Size, latest.Hash) })
	t.Run("damage", func(t *testing.T) { o.damages(t) })
}

func (o *office) inclusion(t *testing.T, size uint64, root []byte) {
	ctx := t.Context()
	f := o.fetcher()
	builder, err := client.NewProofBuilder(ctx, size, f.ReadTile)
	if err != nil {
		t.Fatal(err)
	}
	for _, index := range []uint64{0, 1, 255, 256, 65535, 65536, size - 97, size - 1} {
		bundle, err := client.GetEntryBundle(ctx, f.ReadEntryBundle, index/256, size)
		if err != nil {
			t.Fatal(err)
		}
		entry := bundle.Entries[index%256]
		s, err := statement.Parse(entry)
		if err != nil || s.Subject != fmt.Sprintf("scheme-%d", index) {
			t.Fatalf("entry %d: %v", index, err)
		}
		leaf := rfc6962.DefaultHasher.HashLeaf(entry)
		theirs, err := builder.InclusionProof(ctx, index)
		if err != nil {
			t.Fatal(err)
		}
		own, err := ledger.InclusionProof(ctx, o.db.Log(), int64(index), int64(size))
		if err != nil {
			t.Fatal(err)
		}
		var hashes [][]byte
		for _, h := range own {
			hashes = append(hashes, h[:])
		}
		for name, p := range map[string][][]byte{"Tessera's": theirs, "own": hashes} {
			if err := proof.VerifyInclusion(rfc6962.DefaultHasher, index, size, leaf, p, root); err != nil {
				t.Errorf("entry %d, %s proof: %v", index, name, err)
			}
			p[0] = bytes.Clone(p[0])
			p[0][0] ^= 1
			if proof.VerifyInclusion(rfc6962.DefaultHasher, index, size, leaf, p, root) == nil {
				t.Errorf("entry %d: a changed %s proof passes", index, name)
			}
		}
	}
}

// damages flips one bit in each kind of resource; both fscks must see it.
func (o *office) damages(t *testing.T) {
	for _, path := range []string{
		"/checkpoint", "/tile/entries/000", "/tile/entries/259.p/97", "/tile/0/100", "/tile/0/259.p/97",
		"/tile/1/000", "/tile/1/001.p/3", "/tile/2/000.p/1",
	} {
		t.Run(strings.ReplaceAll(path[1:], "/", "_"), func(t *testing.T) {
			hit := new(atomic.Bool)
			flip := func(at string, body []byte) {
				if at == path {
					hit.Store(true)
					body[len(body)/2] ^= 1
				}
			}
			o.damage.Store(&flip)
			defer o.damage.Store(nil)
			if err := o.fsck(t.Context()); err == nil {
				t.Error("Tessera's fsck sees nothing")
			}
			if _, err := ledger.Fsck(t.Context(), ledger.HTTP(o.url), origin, o.verifier(), nil); err == nil {
				t.Error("the project's fsck sees nothing")
			}
			if !hit.Load() {
				t.Error("nobody read it")
			}
		})
	}
}

// A log that takes back what it published does not get past the tracker.
func TestTesseraRefusesAnotherHistory(t *testing.T) {
	ctx := t.Context()
	honest, liar := newOffice(t), newOffice(t)
	liar.ring = honest.ring
	honest.grow(300)
	f := honest.fetcher()
	first, err := f.ReadCheckpoint(ctx)
	if err != nil {
		t.Fatal(err)
	}
	liar.grow(400) // the same subjects, signed again: other bytes
	g := liar.fetcher()
	tracker, err := client.NewLogStateTracker(ctx, g.ReadTile, first, honest.verifier(), origin, client.UnilateralConsensus(g.ReadCheckpoint))
	if err != nil {
		t.Fatal(err)
	}
	_, _, _, err = tracker.Update(ctx)
	if bad, ok := err.(client.ErrInconsistency); !ok || len(bad.Proof) == 0 {
		t.Fatalf("got %v, want an inconsistency with its proof", err)
	}
}
