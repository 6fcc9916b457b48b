// Command report reads the events of `go test -json` from standard input and
// prints what a person wants to see: the output of what failed and a line for
// each package while the tests run; in the end the slowest tests, the packages
// over their budget, and the count. It exits 1 where anything failed or
// nothing ran.
//
//	go test -json ./... | go run .ci/report.go [-budgets FILE] [-o FILE]
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

// event is a line of test2json.
type event struct {
	Action, Package, ImportPath, Test, Output string
	Elapsed                                   float64 // seconds
}

type result struct {
	name    string
	seconds float64
}

func main() {
	budgets := flag.String("budgets", "", "file of lines `seconds package`; the package * is every other one")
	out := flag.String("o", "", "file that gets the closing lines too")
	flag.Parse()
	budget, err := readBudgets(*budgets)
	if err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(2)
	}
	var closing strings.Builder
	ok := report(os.Stdin, os.Stdout, &closing, budget)
	fmt.Print(closing.String())
	if *out != "" {
		if err := os.WriteFile(*out, []byte(closing.String()), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "report:", err)
			os.Exit(2)
		}
	}
	if !ok {
		os.Exit(1)
	}
}

func report(in io.Reader, live, closing io.Writer, budget map[string]float64) bool {
	var tests, packages []result
	var lines []string // of the packages, as go test prints them
	output := map[string][]string{}
	count := map[string]int{}
	inTest := map[string]bool{} // packages with a failed test
	failed := false
	scanner := bufio.NewScanner(in)
	scanner.Buffer(nil, 16<<20)
	for scanner.Scan() {
		var e event
		if json.Unmarshal(scanner.Bytes(), &e) != nil {
			fmt.Fprintln(live, scanner.Text())
			continue
		}
		key := e.Package + " " + e.Test
		switch e.Action {
		case "output":
			output[key] = append(output[key], e.Output)
		case "build-output":
			fmt.Fprint(live, e.Output)
		case "build-fail":
			failed = true
		case "pass", "fail", "skip":
			if e.Action == "fail" {
				failed = true
				for _, o := range output[key] {
					if !isLine(o) {
						fmt.Fprint(live, o)
					}
				}
			}
			if e.Test != "" {
				count[e.Action]++
				inTest[e.Package] = inTest[e.Package] || e.Action == "fail"
				tests = append(tests, result{key, e.Elapsed})
			} else {
				if e.Action == "fail" && !inTest[e.Package] { // it did not build, or ended outside a test
					count["fail"]++
				}
				packages = append(packages, result{e.Package, e.Elapsed})
				for _, o := range output[key] {
					if isLine(o) {
						lines = append(lines, strings.TrimSpace(o))
						fmt.Fprint(live, o)
					}
				}
			}
			delete(output, key)
		}
	}
	if err := scanner.Err(); err != nil {
		fmt.Fprintln(live, "report:", err)
		failed = true
	}
	slowest := func(rs []result) {
		slices.SortFunc(rs, func(a, b result) int { return cmp.Compare(b.seconds, a.seconds) })
	}
	slowest(tests)
	slowest(packages)
	fmt.Fprintln(closing, "\nSlowest tests (seconds; a test counts its subtests):")
	for _, r := range tests[:min(20, len(tests))] {
		fmt.Fprintf(closing, "%8.2f  %s\n", r.seconds, r.name)
	}
	for _, r := range packages {
		limit, ok := budget[r.name]
		if !ok {
			limit = budget["*"]
		}
		if limit > 0 && r.seconds > limit {
			fmt.Fprintf(closing, "WARNING: %s took %.0f s, its budget is %.0f s\n", r.name, r.seconds, limit)
		}
	}
	fmt.Fprintln(closing)
	for _, l := range lines {
		fmt.Fprintln(closing, l)
	}
	if count["pass"] == 0 {
		failed = true
	}
	fmt.Fprintf(closing, "%d passed, %d failed, %d skipped\n", count["pass"], count["fail"], count["skip"])
	return !failed
}

// isLine reports whether go test says with it how a package ended.
func isLine(output string) bool {
	return strings.HasPrefix(output, "ok  \t") || strings.HasPrefix(output, "FAIL\t")
}

func readBudgets(path string) (map[string]float64, error) {
	out := map[string]float64{}
	if path == "" {
		return out, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for i, l := range strings.Split(string(b), "\n") {
		f := strings.Fields(l)
		if len(f) == 0 || strings.HasPrefix(f[0], "#") {
			continue
		}
		if len(f) != 2 {
			return nil, fmt.Errorf("%s:%d: want: seconds package", path, i+1)
		}
		s, err := strconv.ParseFloat(f[0], 64)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, i+1, err)
		}
		out[f[1]] = s
	}
	return out, nil
}
