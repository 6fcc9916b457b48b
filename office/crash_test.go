package office_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"assay/certificate"
	"assay/keys"
	"assay/ledger"
	"assay/office"
	"assay/peer"
	"assay/store"
	"assay/store/storetest"
)

// crashJob, in the environment, makes this test program a child that works in
// an office until it is killed.
const crashJob = "ASSAY_OFFICE_CRASH_JOB"

// job is what such a child works with.
type job struct {
	URL, Ring, Round string
	Start            time.Time
	Tokens           map[string]string
	Evidence         json.RawMessage
}

const crashPassphrase = "specimen"

func TestMain(m *testing.M) {
	if s := os.Getenv(crashJob); s != "" {
		if err := workUntilKilled(s); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// workUntilKilled grants, suspends and follows a partner, all at once, and
// prints the id of each certificate whose grant was answered.
func workUntilKilled(s string) error {
	var j job
	if err := json.Unmarshal([]byte(s), &j); err != nil {
		return err
	}
	ctx := context.Background()
	ring, err := keys.Open(j.Ring, crashPassphrase)
	if err != nil {
		return err
	}
	db, err := store.Open(ctx, j.URL)
	if err != nil {
		return err
	}
	began := time.Now()
	db.Clock = func() time.Time { return j.Start.Add(time.Since(began)) }
	o, err := office.Open(ctx, db, ring, office.Options{Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))})
	if err != nil {
		return err
	}
	people := map[string]*office.Person{}
	for who, token := range j.Tokens {
		if people[who], err = o.Authenticate(ctx, token); err != nil {
			return err
		}
	}
	go o.Run(ctx)
	follower := peer.NewFollower(o, peer.Options{Now: db.Clock})
	go func() {
		for {
			follower.Step(ctx, "kr") // what goes wrong in it is in the books; the parent looks
		}
	}()
	for n := 0; ; n++ {
		ev := bytes.ReplaceAll(j.Evidence, []byte("HB-300"), fmt.Appendf(nil, "HB-%s%03d", j.Round, n))
		id, err := grantAll(ctx, o, people, ev)
		if err != nil {
			return err
		}
		fmt.Println(id)
	}
}

func grantAll(ctx context.Context, o *office.Office, people map[string]*office.Person, ev json.RawMessage) (string, error) {
	a, err := o.Submit(ctx, people["maker"], office.Application{ID: uuid.NewString(), Scheme: "sg-cls-iot", Level: "1", Evidence: ev})
	if err != nil {
		return "", err
	}
	if a, err = o.Complete(ctx, people["registrar"], a.ID, a.Version); err != nil {
		return "", err
	}
	_, act, err := o.Evaluate(ctx, people["evaluator"], a.ID, a.Version, office.Evaluation{Recommend: "grant", Reason: "as-assessed"})
	if err != nil {
		return "", err
	}
	if act, err = o.Approve(ctx, people["officer-1"], act.ID, act.Version); err != nil {
		return "", err
	}
	var r office.Result
	if err := json.Unmarshal(act.Result, &r); err != nil {
		return "", fmt.Errorf("%s: %w", act.Result, err)
	}
	b, err := json.Marshal(office.MeasureBody{Certificate: r.Certificate, Reason: "own-finding"})
	if err != nil {
		return "", err
	}
	if act, err = o.Propose(ctx, people["officer-1"], uuid.NewString(), office.ActSuspend, b); err != nil {
		return "", err
	}
	_, err = o.Approve(ctx, people["officer-2"], act.ID, act.Version)
	return r.Certificate, err
}

// Killed at any moment, an office opens again with a sound log, every act
// either proposed or done, every answered grant there, no number twice, and a
// register that is the one of its log.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("ASSAY_TEST_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("ASSAY_TEST_SEED=%d", seed)
	storetest.EachEmpty(t, func(t *testing.T, url string) {
		random := rand.New(rand.NewPCG(seed, 1))
		clock := storetest.NewClock(start)
		path := filepath.Join(t.TempDir(), "ring")
		ring, err := keys.Create(path, crashPassphrase, 2)
		if err != nil {
			t.Fatal(err)
		}
		kr := newNode(t, storetest.SQLite(t), "kr", clock)
		sg := newNodeWith(t, storetest.Open(t, url), "sg", clock, ring)
		sg.follow(kr, "kr-cic")
		kr.follow(sg, "sg-cls-iot")
		sg.automatic(krToSG, 1000)
		j := job{URL: url, Ring: path, Tokens: sg.tokens, Evidence: evidenceFile(t, "hub.yaml")}
		var sources []string
		acknowledged := map[string]bool{}
		for round := range 4 {
			clock.Advance(time.Minute)
			for range 15 {
				sources = append(sources, kr.grantEvidence(product(t, "hub.yaml", "HB-300", fmt.Sprintf("HK-%03d", len(sources))), "kr-cic", "basic", toSG))
			}
			kr.must(kr.Publish(t.Context()))
			clock.Advance(time.Minute)
			j.Round, j.Start = strconv.Itoa(round), clock.Now()
			for _, id := range killed(t, j, time.Duration(random.Int64N(int64(150*time.Millisecond)))) {
				acknowledged[id] = true
			}
			clock.Advance(time.Hour) // later than anything that the child wrote
			sg.open()
			checkSound(t, sg, acknowledged)
		}
		sg.sync(kr)
		for _, id := range sources {
			if n := len(sg.designations(id)); n != 1 {
				t.Errorf("%d designations of %s", n, id)
			}
		}
		checkSound(t, sg, acknowledged)
	})
}

// designations counts by the database, since the register has many pages.
func (n *node) designations(source string) (ids []string) {
	n.t.Helper()
	n.must(n.db.View(n.t.Context(), func(tx *store.Tx) error {
		rows, err := tx.Query(`SELECT id FROM certificates WHERE office = $1 AND src_id = $2`, n.ID().Office, source)
		if err != nil {
			return err
		}
		for rows.Next() {
			var id string
			if err := rows.Scan(&id); err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return rows.Err()
	}))
	return ids
}

// killed runs a child and kills it a while after its first line. It returns
// what the child was answered.
func killed(t *testing.T, j job, after time.Duration) (ids []string) {
	t.Helper()
	b, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashJob+"="+string(b))
	var said bytes.Buffer
	child.Stderr = &said
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if len(ids) == 0 {
			time.AfterFunc(after, func() { child.Process.Kill() })
		}
		ids = append(ids, lines.Text())
	}
	if err := child.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the child ended by itself: %v\n%s", err, said.String())
	}
	if said.Len() > 0 {
		t.Errorf("the child had trouble: %s", said.String())
	}
	return ids
}

// checkSound holds an office that was just opened against its own log.
func checkSound(t *testing.T, n *node, acknowledged map[string]bool) {
	t.Helper()
	ctx := t.Context()
	n.must(n.Publish(ctx))
	verifier, err := n.ring.Checkpoint.Record.NoteVerifier(n.ID().Origin)
	n.must(err)
	if _, err := ledger.Fsck(ctx, ledger.Local(n.db.Log()), n.ID().Origin, verifier, nil); err != nil {
		t.Errorf("the log: %v", err)
	}
	for _, c := range []struct{ what, query string }{
		{"acts neither proposed nor done", `SELECT COUNT(*) FROM acts WHERE state NOT IN ('proposed', 'done')`},
		{"intents that were not carried out", `SELECT COUNT(*) FROM intents WHERE state = 'recorded'`},
		{"numbers given twice", `SELECT COUNT(*) FROM (SELECT number FROM certificates WHERE office = 'sg' GROUP BY number HAVING COUNT(*) > 1) AS twice`},
		{"sources designated twice", `SELECT COUNT(*) FROM (SELECT src_id FROM certificates WHERE office = 'sg' AND src_id <> '' GROUP BY src_id HAVING COUNT(*) > 1) AS twice`},
		{"done acts that are not in the log", `SELECT COUNT(*) FROM acts WHERE state = 'done' AND log_index >= (SELECT size FROM log_head)`},
		{"granted applications without their certificate", `SELECT COUNT(*) FROM applications a WHERE state = 'granted' AND NOT EXISTS (SELECT 1 FROM certificates c WHERE c.office = 'sg' AND c.id = a.certificate)`},
	} {
		if k := n.count(c.query); k != 0 {
			t.Errorf("%d %s", k, c.what)
		}
	}
	for id := range acknowledged {
		if _, err := n.Certificate(ctx, id, 0, 0); err != nil {
			t.Errorf("%s was answered, and is gone: %v", id, err)
		}
	}
	checkRebuild(t, n)
}

// A full disk ends in a named error, nothing is half applied, readers are
// served, and all goes on when there is room.
func TestDiskFull(t *testing.T) {
	clock := storetest.NewClock(start)
	kr, sg := newNode(t, storetest.SQLite(t), "kr", clock), newNode(t, storetest.SQLite(t), "sg", clock)
	sg.follow(kr, "kr-cic")
	kr.follow(sg, "sg-cls-iot")
	sg.automatic(krToSG, 1000)
	ctx := t.Context()
	own, err := grantAll(ctx, sg.Office, sg.people, evidenceFile(t, "hub.yaml"))
	sg.must(err)
	var sources []string
	for i := range 40 {
		sources = append(sources, kr.grantEvidence(product(t, "hub.yaml", "HB-300", fmt.Sprintf("HK-%03d", i)), "kr-cic", "basic", toSG))
	}
	kr.must(kr.Publish(ctx))
	limit := func(pages int64) {
		sg.must(sg.db.Update(ctx, func(tx *store.Tx) error {
			var have int64
			if err := tx.QueryRow(`PRAGMA page_count`).Scan(&have); err != nil {
				return err
			}
			return tx.QueryRow(fmt.Sprintf(`PRAGMA max_page_count = %d`, have+pages)).Scan(&have)
		}))
	}
	full := map[string]bool{}
	for pages := range int64(12) { // it fills up at another place each time
		limit(pages)
		clock.Advance(time.Minute)
		if _, err := grantAll(ctx, sg.Office, sg.people, product(t, "hub.yaml", "HB-300", fmt.Sprintf("HB-F%02d", pages))); err != nil {
			if office.CodeOf(err) != office.Full || !errors.Is(err, store.ErrFull) {
				t.Fatalf("with %d pages left: %v", pages, err)
			}
			full["granting"] = true
		}
		if err := sg.follower.Step(ctx, "kr"); err != nil {
			if !errors.Is(err, store.ErrFull) {
				t.Fatalf("following with %d pages left: %v", pages, err)
			}
			full["following"] = true
		}
		if _, err := sg.ReconcileDue(ctx); err != nil {
			if !errors.Is(err, store.ErrFull) {
				t.Fatalf("reconciling with %d pages left: %v", pages, err)
			}
			full["reconciling"] = true
		}
		if s := sg.state(own); s != certificate.Suspended {
			t.Fatalf("a reader is told %s", s)
		}
	}
	if !full["granting"] || !full["following"] {
		t.Errorf("it was full while %v only", full)
	}
	limit(1 << 20)
	clock.Advance(time.Minute)
	sg.must(sg.Tick(ctx)) // what was recorded before there was no room
	sg.sync(kr)
	for _, id := range sources {
		if n := len(sg.designations(id)); n != 1 {
			t.Errorf("%d designations of %s", n, id)
		}
	}
	checkSound(t, sg, map[string]bool{own: true})
}
