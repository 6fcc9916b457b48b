package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// postgresEnv names a PostgreSQL whose user may create databases, as the
// tests want it.
const postgresEnv = "ASSAY_TEST_POSTGRES"

// runFollow follows a log whose every entry gives a designation, on SQLite
// and, where one is there, on PostgreSQL.
func runFollow(ctx context.Context, s sizes) ([]*Report, error) {
	r, err := follow(ctx, s.entries, "SQLite", func() (string, func(), error) { return "", func() {}, nil })
	if err != nil || os.Getenv(postgresEnv) == "" {
		return []*Report{r}, err
	}
	p, err := follow(ctx, s.entries, "PostgreSQL", func() (string, func(), error) { return postgresDatabase(ctx, os.Getenv(postgresEnv)) })
	return []*Report{r, p}, err
}

// postgresDatabase makes an empty database, and gives its URL.
func postgresDatabase(ctx context.Context, server string) (string, func(), error) {
	name := "assay_bench_" + strings.ToLower(rand.Text())
	do := func(ctx context.Context, q string) error {
		c, err := pgx.Connect(ctx, server)
		if err != nil {
			return err
		}
		defer c.Close(ctx)
		_, err = c.Exec(ctx, q)
		return err
	}
	u, err := url.Parse(server)
	if err != nil {
		return "", nil, err
	}
	u.Path = "/" + name
	return u.String(), func() { do(context.WithoutCancel(ctx), "DROP DATABASE "+name+" WITH (FORCE)") }, do(ctx, "CREATE DATABASE "+name)
}

// reconcileBatch is the batch in which an office makes designations of a
// backlog; the bare insert takes the same.
const reconcileBatch = 512

func follow(ctx context.Context, n int, engine string, database func() (string, func(), error)) (*Report, error) {
	w, err := newWorld()
	if err != nil {
		return nil, err
	}
	dsn, drop, err := database()
	if err != nil {
		return nil, err
	}
	defer drop()
	defer w.close()
	source, err := w.found(ctx, w.Source, "")
	if err != nil {
		return nil, err
	}
	receiver, err := w.found(ctx, w.Receiver, dsn)
	if err != nil {
		return nil, err
	}
	if err := source.serve(ctx, answering); err != nil {
		return nil, err
	}
	if err := receiver.start(ctx); err != nil {
		return nil, err
	}
	if err := receiver.follow(ctx, source, time.Hour); err != nil {
		return nil, err
	}
	if err := receiver.automatic(ctx, source.Clause); err != nil {
		return nil, err
	}
	if err := source.follow(ctx, receiver, time.Hour); err != nil { // takes receipts; it follows nobody
		return nil, err
	}
	if err := source.office.Publish(ctx); err != nil {
		return nil, err
	}
	receiver.node.Follower.Hint(source.Office.Office)
	if err := receiver.caughtUp(ctx, source); err != nil {
		return nil, err
	}
	if err := source.grants(ctx, 0, n, receiver.Scheme, false); err != nil {
		return nil, err
	}
	base, err := count(ctx, receiver.db, `SELECT size FROM log_head`)
	if err != nil {
		return nil, err
	}
	runtime.GC()

	used, start := cpu(), time.Now()
	receiver.node.Follower.Hint(source.Office.Office)
	err = until(ctx, 10*time.Millisecond, "the designations", func() (bool, error) {
		size, err := count(ctx, receiver.db, `SELECT size FROM log_head`)
		return size-base >= int64(n), err
	})
	if err != nil {
		return nil, err
	}
	took := time.Since(start)
	used = cpu() - used
	designated, err := count(ctx, receiver.db, `SELECT COUNT(*) FROM log_entries WHERE kind = 'designation'`)
	if err != nil {
		return nil, err
	}
	if designated != int64(n) {
		return nil, fmt.Errorf("%d designations of %d entries", designated, n)
	}

	var t terms
	if err := t.crypto(ctx, source, receiver); err != nil {
		return nil, err
	}
	scratch, dropScratch, err := database()
	if err != nil {
		return nil, err
	}
	defer dropScratch()
	if scratch == "" {
		scratch = "sqlite:" + filepath.Join(w.dir, "bare.db")
	}
	rows, err := t.insertRows(ctx, receiver, source.Office.Office, n, reconcileBatch, scratch)
	if err != nil {
		return nil, err
	}
	cores := runtime.GOMAXPROCS(0)
	roofline := float64(cores) / (t.verify + t.sign + t.insert).Seconds()
	rate := float64(n) / took.Seconds()
	r := &Report{Name: "follow", What: "a peer's log over HTTP, every entry giving a designation, on " + engine, N: n, Unit: "entries",
		Of: "the roofline, cores ÷ (verify + sign + insert)", Target: 0.7, AtLeast: true}
	r.term("designations", rate, "per second")
	r.term("verify one entry", micros(t.verify), "µs")
	r.term("sign one designation", micros(t.sign), "µs")
	r.term("insert the rows of one entry, batches of 512", micros(t.insert), "µs")
	r.term("rows of one entry", rows, "")
	r.term("cores", float64(cores), "")
	r.term("roofline", roofline, "per second")
	r.term("one writer alone, 1 ÷ insert", 1/t.insert.Seconds(), "per second")
	r.term("processor time of an entry, all of this process", micros(each(used, n)), "µs")
	r.term("of which verify, sign and insert alone take", float64(t.cpu)/float64(each(used, n)), "")
	r.note("the source runs in the same process: reading and serving its log is within the measured time, not within the roofline")
	r.judge(rate / roofline)
	return r, nil
}
