package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"time"

	"assay/assess"
	"assay/catalog"
	"assay/certificate"
	"assay/civil"
	"assay/evidence"
	"assay/recognition"
	"assay/scheme"
)

// runDecide holds certificates against clauses: those of the embedded catalog,
// and a thousand of one scheme.
func runDecide(context.Context, sizes) ([]*Report, error) {
	cat, err := catalog.Embedded()
	if err != nil {
		return nil, err
	}
	embedded, err := decide(cat, "all clauses of the embedded catalog, each with a certificate that it was made for")
	if err != nil {
		return nil, err
	}
	many, err := decide(synthetic(cat, 1000), "1000 clauses that take one certificate")
	return []*Report{embedded, many}, err
}

// synthetic is a catalog whose arrangements are n copies of one clause.
func synthetic(cat *scheme.Catalog, n int) *scheme.Catalog {
	c := *cat
	a := cat.Arrangements[0]
	of := a.Clauses[0]
	a.ID, a.Clauses = "synthetic", nil
	for i := range n {
		of.ID = fmt.Sprintf("synthetic/%d", i)
		a.Clauses = append(a.Clauses, of)
	}
	c.Arrangements = []scheme.Arrangement{a}
	return &c
}

func decide(cat *scheme.Catalog, what string) (*Report, error) {
	engine, err := recognition.Compile(cat)
	if err != nil {
		return nil, err
	}
	var inputs []*recognition.Input
	seen := map[string]bool{}
	for i := range cat.Arrangements {
		for j := range cat.Arrangements[i].Clauses {
			c := &cat.Arrangements[i].Clauses[j]
			key := fmt.Sprint(c.From.Scheme, c.From.Levels, c.Categories[0].Category)
			if seen[key] {
				continue // the same certificate would be held against the same clauses again
			}
			seen[key] = true
			in, err := madeFor(cat, c)
			if err != nil {
				return nil, err
			}
			inputs = append(inputs, in)
		}
	}
	tried, yes := 0, 0
	for _, in := range inputs {
		out := engine.Decide(in)
		tried += len(out.Tried)
		for _, t := range out.Tried {
			if t.Answer == scheme.Yes {
				yes++
			}
		}
	}
	if tried == 0 {
		return nil, fmt.Errorf("no clause was tried")
	}
	b := measure(func() {
		for _, in := range inputs {
			engine.Decide(in)
		}
	})
	r := &Report{Name: "decide", What: what, N: b.n, Unit: "rounds", Of: "the limit of 1 µs of processor time per clause tried, reasons included", Target: 1}
	ns := b.cpu / float64(tried)
	r.term("certificates", float64(len(inputs)), "")
	r.term("clauses tried in a round", float64(tried), "")
	r.term("of which answered yes", float64(yes), "")
	r.term("processor time per clause tried, garbage collection with it", ns, "ns")
	r.term("elapsed time per clause tried", b.wall/float64(tried), "ns")
	r.term("allocations per clause tried", b.allocs/float64(tried), "")
	r.term("bytes allocated per clause tried", b.bytes/float64(tried), "B")
	r.judge(ns / 1000)
	return r, nil
}

// madeFor is a certificate that a clause takes, as far as its scheme has one
// today, with all that an office asks for besides.
func madeFor(cat *scheme.Catalog, cl *scheme.Clause) (*recognition.Input, error) {
	now := time.Now().UnixMicro()
	today := civil.DateAt(now, time.UTC)
	s := cat.Scheme(cl.From.Scheme)
	if s == nil {
		return nil, fmt.Errorf("%s takes the scheme %s, which is not there", cl.ID, cl.From.Scheme)
	}
	e := s.EditionOn(today)
	if e == nil { // closed since
		e = &s.Editions[len(s.Editions)-1]
	}
	c := &certificate.Certificate{ID: s.ID + "-1", Number: "SPECIMEN-1", Office: "source", Scheme: s.ID, Edition: e.ID, Level: cl.From.Levels[0], Basis: cl.From.Basis,
		Product: certificate.Product{Holder: maker, Brand: "SPECIMEN", Name: "SPECIMEN", Models: []certificate.Model{{ID: "M-1"}, {ID: "M-2"}}, Functions: []string{cl.Categories[0].Category}},
		Granted: today, Decided: now, Effective: now, Expires: today.AddYears(2), SupportEnd: today.AddYears(4)}
	if c.Basis == nil {
		c.Basis = e.Bases
	}
	if l := e.Level(c.Level); l != nil {
		c.Attestation = l.Attestation
	}
	for i := range cat.Schemes {
		c.Requests = append(c.Requests, certificate.Request{Scheme: cat.Schemes[i].ID, Declaration: true, Fee: true, Consent: true})
	}
	return &recognition.Input{
		Source: recognition.Source{Certificate: c, Received: now, Ref: certificate.Ref{Office: "source", Origin: "assay.example/source"}},
		Policies: func(string) recognition.Policy {
			return recognition.Policy{Kind: recognition.Automatic, ID: "policy", From: now, Expires: now + int64(300*24*time.Hour/time.Microsecond), Catalog: cat.Digest}
		},
		Adopted: func(string) bool { return true },
		Peer:    recognition.Peer{Heard: now},
		Now:     now,
	}, nil
}

// evidenceFile is that of the demo's smart-home hub.
const evidenceFile = "../cmd/assay/demodata/hub.yaml"

// hubEvidence is the evidence file as JSON, signed by its laboratory.
func hubEvidence(name string, models ...string) ([]byte, error) {
	b, err := os.ReadFile(evidenceFile)
	if err != nil {
		return nil, fmt.Errorf("run this in the folder bench of the source: %w", err)
	}
	return laboratory().Evidence(b, name, models)
}

// runAssess holds one product against every scheme.
func runAssess(context.Context, sizes) ([]*Report, error) {
	cat, err := catalog.Embedded()
	if err != nil {
		return nil, err
	}
	c, err := assess.Compile(cat)
	if err != nil {
		return nil, err
	}
	file, err := hubEvidence("")
	if err != nil {
		return nil, err
	}
	ev, err := evidence.Parse(file)
	if err != nil {
		return nil, err
	}
	day := civil.DateAt(time.Now().UnixMicro(), time.UTC)
	first := assess.Assess(c, ev, "", day)
	outcomes := 0
	for _, r := range first {
		outcomes += len(r.Outcomes)
	}
	b := measure(func() { assess.Assess(c, ev, "", day) })
	r := &Report{Name: "assess", What: "one product against every scheme of the embedded catalog", N: b.n, Unit: "assessments", Of: "the limit of 200 µs of processor time", Target: 1}
	us := b.cpu / 1000
	r.term("schemes", float64(len(first)), "")
	r.term("requirements answered, each with its reason", float64(outcomes), "")
	r.term("processor time, garbage collection with it", us, "µs")
	r.term("elapsed time", b.wall/1000, "µs")
	r.term("allocations", b.allocs, "")
	r.term("bytes allocated", b.bytes, "B")
	r.judge(us / 200)
	big, err := assessGateway(day)
	return append([]*Report{r}, big...), err
}

// cost is what one call costs, in nanoseconds, allocations and bytes.
type cost struct {
	n                        int
	cpu, wall, allocs, bytes float64
}

// measure calls fn for about a second. The processor time is that of the whole
// process, with its garbage collection; unlike the elapsed time it does not
// count what else runs on the machine. It is taken on one core: the collector
// uses cores that are idle for more than it needs.
func measure(fn func()) cost {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for range 100 {
		fn()
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n, used, start := 0, cpu(), time.Now()
	for time.Since(start) < time.Second {
		for range 10 {
			fn()
		}
		n += 10
	}
	used, wall := cpu()-used, time.Since(start)
	runtime.ReadMemStats(&after)
	per := func(v float64) float64 { return v / float64(n) }
	return cost{n, per(float64(used)), per(float64(wall)), per(float64(after.Mallocs - before.Mallocs)), per(float64(after.TotalAlloc - before.TotalAlloc))}
}
