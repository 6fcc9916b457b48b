package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// The programs start themselves as children; under test that is this binary.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && children[os.Args[1]] != nil {
		if err := children[os.Args[1]](context.Background(), os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Every program runs, small, and leaves no file behind. What it measures is
// not judged: a test says nothing about speed.
func TestPrograms(t *testing.T) {
	t.Setenv(postgresEnv, "")
	t.Setenv("TMPDIR", t.TempDir())
	want := map[string][]string{ // a term that must be there and more than nothing
		"decide":   {"of which answered yes", "allocations per clause tried"},
		"assess":   {"requirements answered, each with its reason"},
		"follow":   {"designations", "verify one entry", "sign one designation", "insert the rows of one entry, batches of 512", "roofline"},
		"revoke":   {"median", "longest"},
		"grant":    {"grants", "bare durable inserts of as many bytes", "database growth per grant, its application with it"},
		"squashfs": {"unpacked", "unsquashfs, writing to memory"},
		"lookup":   {"empty handler: processor time of a request", "designations, with their reasons: bytes of an answer"},
		"firmware": {"image", "unpacked", "assay: found", "unsquashfs: found"},
	}
	reports := map[string]int{"decide": 2, "assess": 4, "follow": 1, "revoke": 2, "grant": 1, "lookup": 1, "squashfs": 6, "firmware": 2}
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			args := []string{p.name, "--json", "-entries", "600", "-backlog", "300", "-revocations", "6", "-per-second", "50", "-certificates", "300", "-grants", "5", "-requests", "200", "-megabytes", "2", "-timeout", "2m"}
			if code := run(t.Context(), args, &out, &errs); code != 0 {
				t.Fatalf("exit %d: %s", code, &errs)
			}
			d := json.NewDecoder(&out)
			n := 0
			for ; d.More(); n++ {
				var r Report
				if err := d.Decode(&r); err != nil {
					t.Fatal(err)
				}
				if r.Name != p.name || r.N == 0 || !(r.Ratio > 0) || r.Machine == nil || r.Machine.Fsync <= 0 {
					t.Errorf("%+v", r)
				}
				for _, name := range want[p.name] {
					if !(term(&r, name) > 0) {
						t.Errorf("%s: the term %q is missing in %+v", r.What, name, r.Terms)
					}
				}
			}
			if n != reports[p.name] {
				t.Errorf("%d reports, want %d", n, reports[p.name])
			}
		})
	}
	left, err := filepath.Glob(filepath.Join(os.Getenv("TMPDIR"), "assay-bench*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}

// What is wrong with an image that somebody names is said.
func TestNoImage(t *testing.T) {
	for _, program := range []string{"firmware", "squashfs"} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), []string{program, "-image", filepath.Join(t.TempDir(), "nothing")}, &out, &errs); code != 1 || !strings.Contains(errs.String(), "no such file") || strings.Contains(errs.String(), "canceled") {
			t.Errorf("%s: exit %d, %s", program, code, &errs)
		}
	}
}

// What children of children take is counted, and what this process has is not.
func TestOnOneCore(t *testing.T) {
	ours := make([]byte, 300<<20)
	for i := range ours {
		ours[i] = 1
	}
	small, err := onOneCore(t.Context(), nil, "sleep", "0.1")
	if err != nil {
		t.Fatal(err)
	}
	runtime.KeepAlive(ours)
	if small.Largest <= 0 || small.Largest > 20<<20 || small.Wall <= 0 {
		t.Errorf("%+v", small)
	}
	// tail keeps the last bytes of a pipe in memory.
	large, err := onOneCore(t.Context(), []string{"N=150000000"}, "sh", "-c", `head -c $N /dev/zero | (tail -c $N; sleep 0.1) >/dev/null; true`)
	if err != nil {
		t.Fatal(err)
	}
	if large.Largest < 150e6 || large.Together < 140e6 || large.CPU <= small.CPU || large.Wall < 100*time.Millisecond {
		t.Errorf("%+v after %+v", large, small)
	}
	if _, err := onOneCore(t.Context(), nil, "sh", "-c", "echo it is broken >&2; exit 3"); err == nil || !strings.Contains(err.Error(), "it is broken") {
		t.Error(err)
	}
	if b := small.best(large); b.Largest != large.Largest || b.CPU != small.CPU {
		t.Errorf("%+v", b)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{nil, {"nothing"}, {"decide", "assess"}, {"-no-such-flag"}} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), args, &out, &errs); code != 2 || out.Len() > 0 || errs.Len() == 0 {
			t.Errorf("%q: exit %d, %s", args, code, &errs)
		}
	}
}

func TestBest(t *testing.T) {
	for _, atLeast := range []bool{true, false} {
		ratios, i := []float64{0.5, 0.9, 0.7}, 0
		p := program{"x", func(context.Context, sizes) ([]*Report, error) {
			r := &Report{Name: "x", Target: 0.8, AtLeast: atLeast}
			r.judge(ratios[i])
			i++
			return []*Report{r}, nil
		}}
		rs, err := best(t.Context(), p, sizes{}, 3, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		want := 0.5
		if atLeast {
			want = 0.9
		}
		if rs[0].Ratio != want || !rs[0].Met || fmt.Sprint(rs[0].Ratios) != fmt.Sprint(ratios) {
			t.Errorf("at least %v: %+v", atLeast, rs[0])
		}
	}
}

func TestReport(t *testing.T) {
	r := &Report{Name: "x", What: "a thing", N: 3, Unit: "times", Of: "a limit", Target: 2}
	r.term("size", 12.345, "B")
	r.judge(2.5)
	if s := r.String(); !strings.Contains(s, "MISSED") || !strings.Contains(s, "at most 2") || !strings.Contains(s, "12.35 B") {
		t.Error(s)
	}
	for v, want := range map[float64]string{0: "0", 0.01234: "0.0123", 1: "1.000", 999: "999.0", 123456: "123456"} {
		if got := number(v); got != want {
			t.Errorf("number(%v) = %s, want %s", v, got, want)
		}
	}
}

func TestQuantile(t *testing.T) {
	ds := make([]time.Duration, 0, 100)
	for i := 100; i > 0; i-- {
		ds = append(ds, time.Duration(i))
	}
	for q, want := range map[float64]time.Duration{0.5: 51, 0.99: 100, 1: 100, 0: 1} {
		if got := quantile(ds, q); got != want {
			t.Errorf("quantile %v is %d, want %d", q, got, want)
		}
	}
}
