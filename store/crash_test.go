package store_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"assay/store"
	"assay/store/storetest"
)

// crashURL names the database that a child process of TestKill writes to.
const crashURL = "ASSAY_CRASH_TEST_URL"

func TestMain(m *testing.M) {
	if url := os.Getenv(crashURL); url != "" {
		writeUntilKilled(url)
	}
	os.Exit(m.Run())
}

// writeUntilKilled commits groups of rows, each with a log entry, and prints the number of each group
// that was committed.
func writeUntilKilled(url string) {
	db, err := store.Open(context.Background(), url)
	if err != nil {
		panic(err)
	}
	for n := 0; ; n++ {
		if err := db.Update(ctx, func(tx *store.Tx) error {
			if err := tx.QueryRow(`SELECT count(*) / $1 FROM things`, group).Scan(&n); err != nil {
				return err
			}
			for i := range group {
				if _, err := tx.Exec(`INSERT INTO things (id, body) VALUES ($1, $2)`, n*group+i, make([]byte, 3000)); err != nil {
					return err
				}
			}
			return appending(entries(n, 1))(tx)
		}); err != nil {
			panic(err)
		}
		fmt.Println(n)
	}
}

const group = 7

// Killed in the middle of writing, a process leaves whole transactions, among
// them every one that it was told was committed.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	storetest.EachEmpty(t, func(t *testing.T, url string) {
		db := storetest.Open(t, url)
		if err := db.Migrate(ctx, store.Migrations()); err != nil {
			t.Fatal(err)
		}
		schema(t, db)
		acknowledged := -1
		for round := range 4 {
			child := exec.Command(os.Args[0])
			child.Env = append(os.Environ(), crashURL+"="+url)
			child.Stderr = os.Stderr
			out, err := child.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			// The first line shows that it writes; from then on any moment may be the one.
			lines := bufio.NewScanner(out)
			for first := true; lines.Scan(); first = false {
				if acknowledged, err = strconv.Atoi(lines.Text()); err != nil {
					t.Fatal(err)
				}
				if first {
					time.AfterFunc(time.Duration(5+7*round)*time.Millisecond, func() { child.Process.Kill() })
				}
			}
			child.Wait()
			// On PostgreSQL the server may still finish what it had been sent: wait for the head.
			var n int
			update(t, db, func(tx *store.Tx) error {
				if _, err := tx.LockHead(ctx); err != nil {
					return err
				}
				return tx.QueryRow(`SELECT count(*) FROM things`).Scan(&n)
			})
			if n%group != 0 || n < (acknowledged+1)*group {
				t.Fatalf("%d rows: not whole groups of %d, or fewer than the %d groups acknowledged", n, group, acknowledged+1)
			}
			if h := head(t, db); h.Size != int64(n/group) || h.Check() != nil {
				t.Fatalf("%d groups, the log has %d entries (%v)", n/group, h.Size, h.Check())
			}
		}
		if err := fsck(t, db); err != nil {
			t.Error(err)
		}
		if !db.Postgres() {
			view(t, db, func(tx *store.Tx) error {
				var verdict string
				err := tx.QueryRow(`PRAGMA integrity_check`).Scan(&verdict)
				if verdict != "ok" {
					t.Errorf("integrity: %s", verdict)
				}
				return err
			})
		}
	})
}
