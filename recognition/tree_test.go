package recognition

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"assay/scheme"
)

// The bit tests answer as scheme.Taxonomy does, cycles and strangers included.
func TestScopeAsTaxonomy(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	name := func(n int) string { return "c" + strconv.Itoa(r.IntN(n)) }
	for range 2000 {
		var cs []scheme.Category
		n := 1 + r.IntN(90)
		for i := range n {
			cs = append(cs, scheme.Category{ID: "c" + strconv.Itoa(i), Parent: name(n + 3)})
		}
		pick := func(max int) (ps []scheme.InCategory) {
			for range r.IntN(max) {
				ps = append(ps, scheme.InCategory{Category: name(n + 2), Fact: scheme.Fact{Confidence: scheme.Confidence(r.IntN(5))}})
			}
			return ps
		}
		var fs []string
		for range r.IntN(4) {
			fs = append(fs, name(n+2))
		}
		ins, exc := pick(5), pick(3)
		tax, tr := scheme.NewTaxonomy(cs), newTree(cs)
		a1, f1, h1 := tax.Scope(fs, ins, exc)
		a2, f2, h2 := scope(tr.functions(fs), tr.places(ins), tr.places(exc))
		if a1 != a2 || f1 != f2 || h1 != h2 {
			t.Fatalf("%v in %v: %s %q, the taxonomy says %s %q", fs, ins, a2, h2, a1, h1)
		}
	}
}

func TestRuleNames(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Rules() {
		b, _ := r.MarshalText()
		var back Rule
		if err := back.UnmarshalText(b); err != nil || back != r || len(b) < 3 || seen[string(b)] {
			t.Errorf("rule %d is %q: %v", r, b, err)
		}
		seen[string(b)] = true
	}
	if err := new(Rule).UnmarshalText([]byte("from.nowhere")); err == nil {
		t.Error("an unknown rule was read")
	}
}

func TestCompileRefuses(t *testing.T) {
	for _, change := range []func(*scheme.Catalog){
		func(c *scheme.Catalog) { c.Schemes[0].Zone = "Asia/Nowhere" },
		func(c *scheme.Catalog) { c.Schemes[0].Zone = "" },
		func(c *scheme.Catalog) { c.Schemes[1].ID = c.Schemes[0].ID },
		func(c *scheme.Catalog) { c.Arrangements[0].Clauses[1].ID = c.Arrangements[0].Clauses[0].ID },
	} {
		c := world()
		change(c)
		if _, err := Compile(c); err == nil {
			t.Error("compiled")
		}
	}
}

// A thousand clauses that all take the source's scheme; half of them hold.
func BenchmarkDecide1000(b *testing.B) {
	c := world()
	proto := c.Arrangements[0].Clauses
	var cs []scheme.Clause
	for i := range 1000 {
		cl := proto[i%2]
		cl.ID += "-" + strconv.Itoa(i)
		if i%4 == 0 {
			cl.From.Levels = []string{"lite"}
		}
		cs = append(cs, cl)
	}
	c.Arrangements[0].Clauses = cs
	e := compile(c)
	in := input()
	in.Source.Certificate.Product.Functions = []string{"home-hub", "router"}
	bench(b, e, in)
}

func bench(b *testing.B, e *Engine, in *Input) {
	n := len(e.Decide(in).Tried)
	b.ReportAllocs()
	for b.Loop() {
		e.Decide(in)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/clause")
}
