package campaign

import (
	"context"
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"assay/keys"
	"assay/ledger"
	"assay/store"
)

var (
	seed    = flag.Uint64("seed", 1, "what the rounds are made from")
	minutes = flag.Float64("minutes", 0, "how long each campaign runs; 0: a small slice")
	only    = flag.Int("round", -1, "run this round alone")
)

// rounds runs fn until the campaign's time is over, or for a slice of rounds.
func rounds(t *testing.T, slice int, fn func(t *testing.T, r *rand.Rand)) {
	t.Helper()
	if testing.Short() {
		t.Skip("a campaign")
	}
	name := fnv.New64a()
	name.Write([]byte(t.Name()))
	end := time.Now().Add(time.Duration(*minutes * float64(time.Minute)))
	for n := 0; !t.Failed(); n++ {
		switch {
		case *only >= 0 && n > *only, *only < 0 && *minutes == 0 && n == slice, *only < 0 && *minutes > 0 && time.Now().After(end):
			t.Logf("%d rounds of seed %d", n, *seed)
			return
		case *only >= 0 && n != *only:
			continue
		}
		if !t.Run(fmt.Sprint(n), func(t *testing.T) {
			fn(t, rand.New(rand.NewPCG(*seed, name.Sum64()+uint64(n))))
		}) {
			t.Logf("again: go test ./campaign -run '^%s$' -args -seed %d -round %d", t.Name(), *seed, n)
		}
	}
}

// The variables of a child process that is there to be killed.
const (
	envChild    = "ASSAY_CAMPAIGN_CHILD" // which one
	envDatabase = "ASSAY_CAMPAIGN_DATABASE"
	envRing     = "ASSAY_CAMPAIGN_RING"
)

const passphrase = "specimen"

var children = map[string]func(ctx context.Context, database string, ring *keys.Ring) error{
	"append": appendUntilKilled,
	"follow": followUntilKilled,
}

func TestMain(m *testing.M) {
	if child := children[os.Getenv(envChild)]; child != nil {
		ring, err := keys.Open(os.Getenv(envRing), passphrase)
		if err == nil {
			err = child(context.Background(), os.Getenv(envDatabase), ring)
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// child is a process that does one thing until it is killed.
func child(t *testing.T, name, database, ring string) *exec.Cmd {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), envChild+"="+name, envDatabase+"="+database, envRing+"="+ring)
	c.Stderr = os.Stderr
	return c
}

// watcher is what another office remembers of a log.
type watcher struct {
	origin string
	v      note.Verifier
	seen   tlog.Tree
}

// see takes a checkpoint that was shown, and fails where it is not the
// continuation of the one before.
func (w *watcher) see(t *testing.T, checkpoint []byte, s ledger.TileSource) {
	t.Helper()
	tree, err := ledger.ParseCheckpoint(checkpoint, w.origin, w.v)
	if err != nil {
		t.Fatal(err)
	}
	if tree.N < w.seen.N {
		t.Fatalf("a checkpoint of %d entries was shown, now one of %d", w.seen.N, tree.N)
	}
	if w.seen.N > 0 {
		p, err := ledger.ConsistencyProof(t.Context(), s, w.seen.N, tree.N)
		if err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckTree(p, tree.N, tree.Hash, w.seen.N, w.seen.Hash); err != nil {
			t.Fatalf("from %d to %d entries: %v", w.seen.N, tree.N, err)
		}
	}
	w.seen = tree
}

// fsck checks the whole log and that the watcher's view is its beginning.
func (w *watcher) fsck(t *testing.T, db *store.DB) {
	t.Helper()
	log := db.Log()
	checkpoint, _, err := log.Published(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.see(t, checkpoint, log)
	if _, err := ledger.Fsck(t.Context(), ledger.Local(log), w.origin, w.v, nil); err != nil {
		t.Fatal(err)
	}
}

// ringFile makes keys that a child can open.
func ringFile(t *testing.T) (string, *keys.Ring) {
	t.Helper()
	path := t.TempDir() + "/ring"
	ring, err := keys.Create(path, passphrase, 1)
	if err != nil {
		t.Fatal(err)
	}
	return path, ring
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
