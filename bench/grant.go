package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"assay/office"
	"assay/store"
)

// propose records an act by its first person.
func (s *site) propose(ctx context.Context, kind office.ActKind, body any, by string) (*office.Act, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return s.office.Propose(ctx, s.people[by], uuid.NewString(), kind, b)
}

// evaluated takes an application for a model up to the decision, which it
// gives as proposed.
func (s *site) evaluated(ctx context.Context, model string) (*office.Act, error) {
	ev, err := evidenceOf(model)
	if err != nil {
		return nil, err
	}
	a, err := s.office.Submit(ctx, s.people["maker"], office.Application{ID: uuid.NewString(), Scheme: s.Scheme, Level: s.Level, Evidence: ev, Language: "en"})
	if err != nil {
		return nil, err
	}
	if a, err = s.office.Complete(ctx, s.people["registrar"], a.ID, a.Version); err != nil {
		return nil, err
	}
	_, act, err := s.office.Evaluate(ctx, s.people["evaluator"], a.ID, a.Version, office.Evaluation{Recommend: "grant", Reason: "requirements-met"})
	return act, err
}

// evidenceOf is the hub's evidence file with another name and model.
func evidenceOf(model string) (json.RawMessage, error) {
	return hubEvidence("SPECIMEN "+model, model)
}

// runGrant measures grants at a register of 10^4 certificates and at each
// power of ten up to the largest.
func runGrant(ctx context.Context, s sizes) ([]*Report, error) {
	w, err := newWorld()
	if err != nil {
		return nil, err
	}
	defer w.close()
	o, err := w.found(ctx, w.Source, "")
	if err != nil {
		return nil, err
	}
	var out []*Report
	have := 0
	for size := min(10_000, s.certs); ; size = min(10*size, s.certs) {
		if err := o.serve(ctx, answering); err != nil {
			return nil, err
		}
		err := o.grants(ctx, have, size, "", true)
		o.close() // moves the write-ahead log into the file, so that its size counts
		if err != nil {
			return nil, err
		}
		have = size
		r, err := grantsAt(ctx, o, size, s.grants)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
		if size == s.certs {
			break
		}
	}
	for _, r := range out[1:] {
		r.note("approving takes %.2f of the time that it takes at %s", term(r, "approve: median")/term(out[0], "approve: median"), out[0].What)
	}
	return out, countFsyncs(ctx, out[0])
}

func term(r *Report, name string) float64 {
	for _, t := range r.Terms {
		if t.Name == name {
			return t.Value
		}
	}
	return 0
}

// grantsAt takes n applications to the grant, and makes as many bare durable
// inserts in turn, so that both see the same disk.
func grantsAt(ctx context.Context, o *site, size, n int) (*Report, error) {
	file := strings.TrimPrefix(o.database, "sqlite:")
	before, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if err := o.serve(ctx, publishing); err != nil {
		return nil, err
	}
	defer o.close()
	bare, err := newBare(ctx, o)
	if err != nil {
		return nil, err
	}
	defer bare.db.Close()
	var inserts, approvals, wholes []time.Duration
	var written int64
	for i := 0; i < n; {
		const turn = 20
		var acts []*office.Act
		w0 := writtenBytes()
		begun := make([]time.Duration, 0, turn)
		for j := i; j < min(n, i+turn); j++ {
			start := time.Now()
			a, err := o.evaluated(ctx, fmt.Sprintf("G-%d-%d", size, j))
			if err != nil {
				return nil, err
			}
			acts, begun = append(acts, a), append(begun, time.Since(start))
		}
		for j, a := range acts {
			start := time.Now()
			if _, err := o.office.Approve(ctx, o.people["officer-1"], a.ID, a.Version); err != nil {
				return nil, err
			}
			d := time.Since(start)
			approvals, wholes = append(approvals, d), append(wholes, begun[j]+d)
		}
		written += writtenBytes() - w0
		for range acts {
			d, err := bare.insert(ctx)
			if err != nil {
				return nil, err
			}
			inserts = append(inserts, d)
		}
		i += len(acts)
	}
	o.close()
	after, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	sum := func(ds []time.Duration) (t time.Duration) {
		for _, d := range ds {
			t += d
		}
		return each(t, len(ds))
	}
	r := &Report{Name: "grant", What: fmt.Sprintf("one decision after the other in a register of %d", size), N: n, Unit: "grants",
		Of: "bare durable inserts per second", Target: 0.5, AtLeast: true}
	rate, bareRate := 1/sum(approvals).Seconds(), 1/sum(inserts).Seconds()
	r.term("grants", rate, "per second")
	r.term("bare durable inserts of as many bytes", bareRate, "per second")
	r.term("beside two bare inserts, for it is recorded, then logged", 2*rate/bareRate, "")
	r.term("approve: median", micros(quantile(approvals, 0.5)), "µs")
	r.term("approve: 99th percentile", micros(quantile(approvals, 0.99)), "µs")
	r.term("bare insert: median", micros(quantile(inserts, 0.5)), "µs")
	r.term("submit to grant, four calls: median", micros(quantile(wholes, 0.5)), "µs")
	r.term("submit to grant, beside bare inserts", 1/sum(wholes).Seconds()/bareRate, "")
	r.term("database growth per grant, its application with it", float64(after.Size()-before.Size())/float64(n), "B")
	if written > 0 {
		r.term("written to the disk per grant, application with it", float64(written)/float64(n), "B")
	}
	r.judge(rate / bareRate)
	return r, nil
}

// bare is a database into which one row is inserted durably at a time: the
// row that a grant's certificate is.
type bare struct {
	db   *store.DB
	cols []string
	row  []any
	n    int
}

func newBare(ctx context.Context, o *site) (*bare, error) {
	m := made{"log_entries", "idx leaf_hash kind issuer subject seq at body", `kind = 'grant' ORDER BY idx LIMIT 1`, nil}
	rows, err := read(ctx, o.db, &m)
	if err != nil {
		return nil, err
	}
	b := &bare{cols: strings.Fields(m.columns), row: rows[0]}
	if b.db, err = store.Open(ctx, "sqlite:"+filepath.Join(o.world.dir, uuid.NewString()+".db")); err != nil {
		return nil, err
	}
	return b, b.db.Migrate(ctx, store.Migrations())
}

func (b *bare) insert(ctx context.Context) (time.Duration, error) {
	b.n++
	b.row[0], b.row[4] = int64(b.n), "bare-"+strconv.Itoa(b.n)
	start := time.Now()
	err := b.db.Update(ctx, func(tx *store.Tx) error { return tx.InsertMany("log_entries", b.cols, [][]any{b.row}) })
	return time.Since(start), err
}

// writtenBytes is what this process had the system write to disks so far; 0
// where the system does not count it.
func writtenBytes() int64 {
	f, err := os.Open("/proc/self/io")
	if err != nil {
		return 0
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if v, ok := strings.CutPrefix(s.Text(), "write_bytes: "); ok {
			n, _ := strconv.ParseInt(v, 10, 64)
			return n
		}
	}
	return 0
}

// countFsyncs has strace count the system calls that wait for the disk, in a
// process of its own: the difference between two runs is the grants'.
func countFsyncs(ctx context.Context, r *Report) error {
	strace, err := exec.LookPath("strace")
	if err != nil {
		r.note("fsyncs were not counted: strace is not installed")
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "assay-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	counted := func(prepare, approve int) (float64, error) {
		file := filepath.Join(dir, "count")
		c := exec.CommandContext(ctx, strace, "-f", "-c", "-e", "trace=fsync,fdatasync", "-o", file,
			self, "grant-child", "-prepare", strconv.Itoa(prepare), "-approve", strconv.Itoa(approve))
		if out, err := c.CombinedOutput(); err != nil {
			return 0, fmt.Errorf("counting fsyncs: %w: %s", err, out)
		}
		b, err := os.ReadFile(file)
		if err != nil {
			return 0, err
		}
		n := 0.0
		for l := range strings.Lines(string(b)) { // % time, seconds, usecs/call, calls, (errors,) syscall
			if f := strings.Fields(l); len(f) >= 5 && (f[len(f)-1] == "fsync" || f[len(f)-1] == "fdatasync") {
				calls, err := strconv.ParseFloat(f[3], 64)
				if err != nil {
					return 0, fmt.Errorf("reading strace's table: %w", err)
				}
				n += calls
			}
		}
		return n, nil
	}
	const n = 100
	none, err1 := counted(0, 0)
	prepared, err2 := counted(n, 0)
	granted, err3 := counted(n, n)
	if err := errors.Join(err1, err2, err3); err != nil {
		r.note("fsyncs were not counted: %v", err)
		return nil
	}
	r.term("fsyncs per approval, checkpoints of log and database with it", (granted-prepared)/n, "")
	r.term("fsyncs per application up to the decision", (prepared-none)/n, "")
	return nil
}

// grantChild takes applications to the decision and approves some, for strace
// to count.
func grantChild(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("grant-child", flag.ContinueOnError)
	prepare, approve := fs.Int("prepare", 0, "applications"), fs.Int("approve", 0, "of which are approved")
	if err := fs.Parse(args); err != nil {
		return err
	}
	w, err := newWorld()
	if err != nil {
		return err
	}
	defer w.close()
	o, err := w.found(ctx, w.Source, "")
	if err != nil {
		return err
	}
	if err := o.serve(ctx, publishing); err != nil {
		return err
	}
	for i := range *prepare {
		a, err := o.evaluated(ctx, fmt.Sprintf("C-%d", i))
		if err != nil {
			return err
		}
		if i >= *approve {
			continue
		}
		if _, err := o.office.Approve(ctx, o.people["officer-1"], a.ID, a.Version); err != nil {
			return err
		}
	}
	return nil
}
