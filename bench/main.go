// Command bench measures what Assay has to reach (docs/performance.md): each
// program prints a ratio against a limit or a peer that it measured in the
// same run, on the same machine, with every term of it.
//
//	go run . [--json] [--runs 3] decide | assess | follow | revoke | grant | lookup | squashfs | firmware | all
//
// Everything runs on loopback in temporary folders that are removed in the
// end. It is a module of its own: it measures the office from outside.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strings"
	"time"
)

// sizes are how much a program does.
type sizes struct {
	entries     int // follow: of the peer's log
	backlog     int // revoke: entries of the other peer
	revocations int
	perSecond   int    // revoke: revocations per second
	certs       int    // grant, lookup: how many certificates the register grows to
	grants      int    // grant: measured at each size
	requests    int    // lookup
	megabytes   int    // squashfs: of the tree that images are made of
	image       string // squashfs, firmware: this one instead
	syft        bool   // firmware: build syft where it is missing
	profile     string
}

type program struct {
	name string
	run  func(context.Context, sizes) ([]*Report, error)
}

var programs = []program{
	{"decide", runDecide}, {"assess", runAssess}, {"follow", runFollow},
	{"revoke", runRevoke}, {"grant", runGrant}, {"lookup", runLookup},
	{"squashfs", runSquashfs}, {"firmware", runFirmware},
}

// children are programs that run as processes of their own, so that what they
// use can be counted.
var children = map[string]func(context.Context, []string) error{"lookup-server": lookupServer, "grant-child": grantChild, "squashfs-child": squashfsChild, "usage-child": usageChild}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(300) // as the command does
	}
	if len(os.Args) > 1 && children[os.Args[1]] != nil {
		if err := children[os.Args[1]](ctx, os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(stderr)
	var s sizes
	asJSON := fs.Bool("json", false, "print one JSON object for each report")
	runs := fs.Int("runs", 1, "repeat, and show the best run with the ratios of all")
	fs.StringVar(&s.profile, "profile", "", "write a profile of the processor to this file; of lookup it is the server's, of squashfs the reader's")
	limit := fs.Duration("timeout", 10*time.Minute, "for each run of a program")
	fs.IntVar(&s.entries, "entries", 20_000, "follow: entries of the peer's log")
	fs.IntVar(&s.backlog, "backlog", 50_000, "revoke: entries of the other peer to catch up on")
	fs.IntVar(&s.revocations, "revocations", 200, "revoke: how many")
	fs.IntVar(&s.perSecond, "per-second", 20, "revoke: revocations per second")
	fs.IntVar(&s.certs, "certificates", 100_000, "grant, lookup: size of the register")
	fs.IntVar(&s.grants, "grants", 200, "grant: measured at each size")
	fs.IntVar(&s.requests, "requests", 20_000, "lookup: how many")
	fs.IntVar(&s.megabytes, "megabytes", 32, "squashfs: size of the tree that images are made of")
	fs.StringVar(&s.image, "image", "", "squashfs, firmware: read this image instead")
	fs.BoolVar(&s.syft, "build-syft", false, "firmware: build syft into the cache folder where it is missing: minutes, and a GB of downloads")
	// Flags may stand before or behind the name.
	name := ""
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	}
	if err := fs.Parse(args); err != nil {
		return 2
	}
	if name == "" && fs.NArg() == 1 {
		name = fs.Arg(0)
	} else if fs.NArg() > 0 {
		name = ""
	}
	if name != "all" && !slices.ContainsFunc(programs, func(p program) bool { return p.name == name }) {
		fmt.Fprintln(stderr, "usage: bench [flags] decide | assess | follow | revoke | grant | lookup | squashfs | firmware | all")
		fs.PrintDefaults()
		return 2
	}
	if s.profile != "" && name != "lookup" && name != "squashfs" {
		f, err := os.Create(s.profile)
		if err == nil {
			err = pprof.StartCPUProfile(f)
		}
		if err != nil {
			fmt.Fprintln(stderr, "bench:", err)
			return 1
		}
		defer f.Close()
		defer pprof.StopCPUProfile()
	}
	m, err := thisMachine()
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 1
	}
	if !*asJSON {
		fmt.Fprintf(stdout, "%s\n", m)
	}
	for _, p := range programs {
		if name != "all" && name != p.name {
			continue
		}
		reports, err := best(ctx, p, s, max(1, *runs), *limit)
		if err != nil {
			fmt.Fprintf(stderr, "bench: %s: %v\n", p.name, err)
			return 1
		}
		for _, r := range reports {
			r.Machine = m
			if !*asJSON {
				fmt.Fprintf(stdout, "\n%s", r)
			} else if err := json.NewEncoder(stdout).Encode(r); err != nil {
				fmt.Fprintln(stderr, "bench:", err)
				return 1
			}
		}
	}
	return 0
}

// best repeats a program and keeps the best run of each of its reports: what
// else runs on a machine can only make a run worse.
func best(ctx context.Context, p program, s sizes, runs int, limit time.Duration) ([]*Report, error) {
	var kept []*Report
	for range runs {
		ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not done in %s", limit))
		rs, err := p.run(ctx, s)
		cause := context.Cause(ctx)
		cancel()
		if err != nil {
			return nil, errors.Join(cause, err)
		}
		if kept == nil {
			kept = rs
		}
		for i, r := range rs {
			r.Ratios = append(slices.Clone(kept[i].Ratios), r.Ratio)
			if r.margin() > kept[i].margin() {
				kept[i] = r
			}
			kept[i].Ratios = r.Ratios
		}
	}
	return kept, nil
}
