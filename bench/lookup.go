package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"sync"
	"time"

	"assay/certificate"
	"assay/recognition"
	"assay/web"
)

// runLookup reads certificates by random keys from a server in a process of
// its own, and compares the processor time of a request with that of an empty
// handler behind the same middleware.
func runLookup(ctx context.Context, s sizes) ([]*Report, error) {
	server, err := startServer(ctx, s.certs, s.profile)
	if err != nil {
		return nil, err
	}
	defer server.stop()
	random := func(kind int) func() string { // even numbers are grants, odd ones designations
		return func() string {
			i := rand.IntN(s.certs)
			if kind >= 0 {
				i = i/2*2 + kind
			}
			return fmt.Sprintf("/v1/certificates/%s-%d", server.Scheme, firstSerial+i)
		}
	}
	kinds := []struct {
		name string
		path func() string
		used time.Duration
		wall time.Duration
		size int64
	}{
		{"empty handler", func() string { return "/checkpoint" }, 0, 0, 0},
		{"certificates, grants and designations", random(-1), 0, 0, 0},
		{"grants", random(0), 0, 0, 0},
		{"designations, with their reasons", random(1), 0, 0, 0},
	}
	const turns = 5
	n := max(1, s.requests/turns)
	for turn := -1; turn < turns; turn++ { // the first to warm up
		for i := range kinds {
			k := &kinds[i]
			c0, err := server.cpu()
			if err != nil {
				return nil, err
			}
			start := time.Now()
			size, err := server.load(ctx, n, k.path)
			if err != nil {
				return nil, err
			}
			wall := time.Since(start)
			c1, err := server.cpu()
			if err != nil {
				return nil, err
			}
			if turn >= 0 {
				k.used, k.wall, k.size = k.used+c1-c0, k.wall+wall, k.size+size
			}
		}
	}
	n *= turns
	r := &Report{Name: "lookup", What: fmt.Sprintf("GET /v1/certificates/{id} for random keys among %d, half of them designations, no response cache", s.certs), N: n, Unit: "requests",
		Of: "the processor time of an empty handler behind the same middleware", Target: 2}
	for _, k := range kinds {
		r.term(k.name+": processor time of a request", micros(each(k.used, n)), "µs")
		if k.size > 0 {
			r.term(k.name+": bytes of an answer", float64(k.size)/float64(n), "B")
		}
	}
	for _, k := range kinds[2:] {
		r.term(k.name+": beside the empty handler", float64(k.used)/float64(kinds[0].used), "")
	}
	r.note("user and system time of the server's process, which has one core, over %d connections from another process on the same machine", connections)
	r.judge(float64(kinds[1].used) / float64(kinds[0].used))
	return []*Report{r}, nil
}

const connections = 4

// server is the process that answers.
type server struct {
	URL, Scheme string
	in          io.WriteCloser
	out         *bufio.Scanner
	cmd         *exec.Cmd
	http        *http.Client
}

func startServer(ctx context.Context, n int, profile string) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &server{cmd: exec.CommandContext(ctx, self, "lookup-server", "-certificates", strconv.Itoa(n), "-profile", profile),
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections, DisableCompression: true}, Timeout: 10 * time.Second}}
	s.cmd.Stderr = os.Stderr
	s.cmd.Env = append(os.Environ(), "GOMAXPROCS=1")    // see measure
	s.cmd.Cancel = func() error { return s.in.Close() } // it removes what it wrote
	s.cmd.WaitDelay = 10 * time.Second
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	s.out = bufio.NewScanner(out)
	if !s.out.Scan() {
		return nil, errors.Join(errors.New("the server did not start"), s.out.Err(), s.cmd.Wait())
	}
	return s, json.Unmarshal(s.out.Bytes(), s)
}

func (s *server) stop() {
	s.in.Close()
	s.http.CloseIdleConnections()
	s.cmd.Wait()
}

// cpu asks the server for the processor time that it has used.
func (s *server) cpu() (time.Duration, error) {
	if _, err := io.WriteString(s.in, "cpu\n"); err != nil {
		return 0, err
	}
	if !s.out.Scan() {
		return 0, errors.Join(errors.New("the server has ended"), s.out.Err())
	}
	n, err := strconv.ParseInt(s.out.Text(), 10, 64)
	return time.Duration(n), err
}

// load makes n requests and reads every answer whole. It returns their bytes.
func (s *server) load(ctx context.Context, n int, path func() string) (int64, error) {
	sizes, errs := make([]int64, connections), make([]error, connections)
	var wg sync.WaitGroup
	for k := range connections {
		wg.Go(func() {
			for range (n + k) / connections {
				q, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+path(), nil)
				if err != nil {
					errs[k] = err
					return
				}
				res, err := s.http.Do(q)
				if err != nil {
					errs[k] = err
					return
				}
				size, err := io.Copy(io.Discard, res.Body)
				res.Body.Close()
				if err != nil || res.StatusCode != http.StatusOK {
					errs[k] = errors.Join(fmt.Errorf("%s answers %s", q.URL, res.Status), err)
					return
				}
				sizes[k] += size
			}
		})
	}
	wg.Wait()
	total := int64(0)
	for _, n := range sizes {
		total += n
	}
	return total, errors.Join(errs...)
}

// lookupServer fills a register, half with grants and half with designations,
// serves it, and tells its processor time when asked to, until its input ends.
func lookupServer(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("lookup-server", flag.ContinueOnError)
	n := fs.Int("certificates", 1000, "in the register")
	profile := fs.String("profile", "", "file for a profile of the processor while serving")
	if err := fs.Parse(args); err != nil {
		return err
	}
	w, err := newWorld()
	if err != nil {
		return err
	}
	defer w.close()
	partner, err := w.found(ctx, w.Source, "")
	if err != nil {
		return err
	}
	o, err := w.found(ctx, w.Receiver, "")
	if err != nil {
		return err
	}
	if err := errors.Join(partner.serve(ctx, answering), o.serve(ctx, answering)); err != nil {
		return err
	}
	if err := o.follow(ctx, partner, time.Hour); err != nil {
		return err
	}
	engine, err := recognition.Compile(w.catalog)
	if err != nil {
		return err
	}
	err = o.fill(ctx, 0, *n, true, func(i int) (*certificate.Certificate, []byte, error) {
		c, err := w.certificate(&o.member, i, "")
		if err != nil || i%2 == 0 {
			return c, nil, err
		}
		outcome, err := w.derive(engine, c, i)
		return c, outcome, err
	})
	if err != nil {
		return err
	}
	// The empty handler stands where the log's does: behind the same guard.
	empty := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	srv := web.NewServer(web.New(o.office, web.Options{Ledger: empty}))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer srv.Close()
	go srv.Serve(l)
	debug.FreeOSMemory()
	if err := json.NewEncoder(os.Stdout).Encode(map[string]string{"URL": "http://" + l.Addr().String(), "Scheme": o.Scheme}); err != nil {
		return err
	}
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		fmt.Println(int64(cpu()))
	}
	return nil
}

// derive makes c the designation of number i of the source, and gives the
// outcome that led to it.
func (w *world) derive(engine *recognition.Engine, c *certificate.Certificate, i int) ([]byte, error) {
	src, err := w.certificate(&w.Source, i, c.Scheme)
	if err != nil {
		return nil, err
	}
	arr, clause := w.catalog.Clause(w.Source.Clause)
	if clause == nil {
		return nil, fmt.Errorf("the catalog has no clause %s", w.Source.Clause)
	}
	in, err := madeFor(w.catalog, clause)
	if err != nil {
		return nil, err
	}
	in.Source.Certificate, in.Target = src, w.Receiver.Office.Authorities[0]
	out := engine.Decide(in)
	b, err := json.Marshal(out)
	if err != nil {
		return nil, err
	}
	c.Level, c.Derived = clause.To.Level, &certificate.Derived{Source: in.Source.Ref, Certificate: src.ID, Number: src.Number, Scheme: src.Scheme, Level: src.Level,
		Arrangement: arr.ID, Clause: clause.ID, Mode: clause.Mode, Policy: "policy", At: in.Now, Reasons: sha256.Sum256(b), LastEvent: 1, Confidence: out.Wanted[0].Confidence}
	c.Derived.Source.Office = w.Source.Office.Office
	return b, nil
}
