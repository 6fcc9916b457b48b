package campaign

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"assay/keys"
	"assay/ledger"
	"assay/store"
	"assay/store/storetest"
)

const origin = "campaign.example/log"

// appendUntilKilled appends entries in batches of many sizes and publishes as
// an office does: sign the head, store the checkpoint, only then show it. It
// prints each size that was committed and each checkpoint that was stored.
func appendUntilKilled(ctx context.Context, database string, ring *keys.Ring) error {
	db, err := store.Open(ctx, database)
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		var head ledger.Head
		if err := db.Update(ctx, func(tx *store.Tx) error {
			before, err := tx.LockHead(ctx)
			if err != nil {
				return err
			}
			es := make([]ledger.Entry, 1+rand.IntN(40))
			for i := range es {
				at := before.Size + int64(i)
				es[i] = ledger.Entry{Kind: "grant", Issuer: "o", Subject: strconv.FormatInt(at, 10), Sequence: 1, Body: entry(at)}
			}
			head, err = ledger.Append(ctx, tx, tx.Now(), es)
			return err
		}); err != nil {
			return err
		}
		fmt.Println("logged", head.Size)
		if n%3 != 0 {
			continue
		}
		note, err := ledger.Checkpoint(origin, head, ring.Checkpoint)
		if err != nil {
			return err
		}
		if err := db.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.StoreCheckpoint(head, note)
			return err
		}); err != nil {
			return err
		}
		fmt.Println("published", base64.StdEncoding.EncodeToString(note))
	}
}

// entry is the body of an entry; its length goes up and down.
func entry(at int64) []byte {
	return fmt.Appendf(nil, "%d %s", at, strings.Repeat("x", int(at*at%3000)))
}

// TestAppend kills a process that appends, again and again. Whatever it said
// was logged is there, whatever it showed is the beginning of what comes
// after, and the log is whole.
func TestAppend(t *testing.T) {
	rounds(t, 2, func(t *testing.T, r *rand.Rand) {
		storetest.EachEmpty(t, func(t *testing.T, url string) {
			ringPath, ring := ringFile(t)
			db := storetest.Open(t, url)
			must(t, db.Migrate(t.Context(), store.Migrations()))
			v, err := ring.Checkpoint.NoteVerifier(origin)
			must(t, err)
			w := &watcher{origin: origin, v: v}
			for range 3 + r.IntN(5) {
				logged, shown := killed(t, url, ringPath, time.Duration(r.IntN(60_000))*time.Microsecond)
				log := db.Log()
				for _, c := range shown {
					w.see(t, c, log)
				}
				var head ledger.Head
				must(t, db.Update(t.Context(), func(tx *store.Tx) (err error) { // the lock waits for what PostgreSQL still finishes
					head, err = tx.LockHead(t.Context())
					return err
				}))
				must(t, head.Check())
				if head.Size < logged {
					t.Fatalf("%d entries were said to be logged, %d are there", logged, head.Size)
				}
			}
			w.fsck(t, db)
			bodies(t, db, w.seen.N)
		})
	})
}

// killed starts the appending child, kills it some time after its first line,
// and returns what it said.
func killed(t *testing.T, database, ring string, after time.Duration) (logged int64, shown [][]byte) {
	t.Helper()
	c := child(t, "append", database, ring)
	out, err := c.StdoutPipe()
	must(t, err)
	must(t, c.Start())
	lines := bufio.NewScanner(out)
	for first := true; lines.Scan(); first = false {
		if first {
			time.AfterFunc(after, func() { c.Process.Kill() })
		}
		switch what, rest, _ := strings.Cut(lines.Text(), " "); what {
		case "logged":
			logged, err = strconv.ParseInt(rest, 10, 64)
			must(t, err)
		case "published":
			b, err := base64.StdEncoding.DecodeString(rest)
			must(t, err)
			shown = append(shown, b)
		}
	}
	c.Wait()
	if logged == 0 {
		t.Fatal("the child logged nothing before it ended")
	}
	return logged, shown
}

// bodies compares every entry with what was appended.
func bodies(t *testing.T, db *store.DB, size int64) {
	t.Helper()
	for at := int64(0); at < size; {
		tile := ledger.Tile{Level: ledger.Entries, N: at / ledger.TileWidth, Width: int(min(ledger.TileWidth, size-at))}
		b, err := db.Log().Tile(t.Context(), tile)
		must(t, err)
		es, err := ledger.ParseBundle(b, tile.Width)
		must(t, err)
		for _, e := range es {
			if string(e) != string(entry(at)) {
				t.Fatalf("entry %d is %.30q", at, e)
			}
			at++
		}
	}
}
