package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Report is the outcome of one program.
type Report struct {
	Name    string    `json:"name"`
	What    string    `json:"what"`
	N       int       `json:"n"`
	Unit    string    `json:"unit"` // of which N were measured
	Ratio   float64   `json:"ratio"`
	Of      string    `json:"of"` // what Ratio is a share or a multiple of
	Target  float64   `json:"target"`
	AtLeast bool      `json:"at_least"` // Target is a floor; otherwise a ceiling
	Met     bool      `json:"met"`
	Ratios  []float64 `json:"ratios,omitempty"` // of all runs, in order
	Terms   []Term    `json:"terms"`
	Notes   []string  `json:"notes,omitempty"`
	At      time.Time `json:"at"`
	Machine *machine  `json:"machine,omitempty"`
}

// Term is something that was measured on the way.
type Term struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
}

func (r *Report) term(name string, v float64, unit string) {
	r.Terms = append(r.Terms, Term{name, v, unit})
}

func (r *Report) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// judge sets the ratio and holds it against the target.
func (r *Report) judge(ratio float64) {
	r.Ratio, r.At = ratio, time.Now().UTC()
	r.Met = r.margin() >= 1
}

// margin is how many times the target is reached; 1 is just.
func (r *Report) margin() float64 {
	if r.AtLeast {
		return r.Ratio / r.Target
	}
	return r.Target / r.Ratio
}

func (r *Report) String() string {
	var b strings.Builder
	bound, met := "at most", "MISSED"
	if r.AtLeast {
		bound = "at least"
	}
	if r.Met {
		met = "met"
	}
	fmt.Fprintf(&b, "%s: %s, %d %s\n", r.Name, r.What, r.N, r.Unit)
	fmt.Fprintf(&b, "  %.3g of %s; target %s %.3g: %s\n", r.Ratio, r.Of, bound, r.Target, met)
	if len(r.Ratios) > 1 {
		fmt.Fprintf(&b, "  best of %d runs: %.3g\n", len(r.Ratios), r.Ratios)
	}
	for _, t := range r.Terms {
		fmt.Fprintf(&b, "  %-48s %s %s\n", t.Name, number(t.Value), t.Unit)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "  note: %s\n", n)
	}
	return b.String()
}

// number is v with four digits that count, and no exponent.
func number(v float64) string {
	digits := 0
	for x := max(v, -v); x > 0 && x < 1000 && digits < 4; x *= 10 {
		digits++
	}
	return fmt.Sprintf("%.*f", digits, v)
}

// quantile of values, which it sorts.
func quantile(vs []time.Duration, q float64) time.Duration {
	slices.Sort(vs)
	return vs[min(len(vs)-1, int(q*float64(len(vs))))]
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// each is the time of one of n.
func each(d time.Duration, n int) time.Duration { return d / time.Duration(max(1, n)) }
