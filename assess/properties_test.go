package assess

import (
	"cmp"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"assay/evidence"
	"assay/scheme"
)

// random is evidence drawn from few words, so that claims meet and clash.
func random(rng *rand.Rand) *evidence.Evidence {
	pick := func(ss ...string) string { return ss[rng.IntN(len(ss))] }
	ev := &evidence.Evidence{Features: map[string]evidence.Feature{}}
	for range rng.IntN(3) {
		ev.Product.Functions = append(ev.Product.Functions, pick("hub", "hub", "gateway", "lock", "pump"))
	}
	for _, f := range []string{"radio", "cable", "app"} {
		ev.Features[f] = evidence.Feature{Answer: scheme.Answer(rng.IntN(3))}
	}
	for range rng.IntN(14) {
		c := claim(evidence.Verdict(pick("pass", "pass", "pass", "fail", "inconclusive", "not-applicable")),
			scheme.Method(pick("declaration", "document", "test", "test")), scheme.By(pick("maker", "laboratory")),
			pick("2025-06-01", "2025-06-02", "2025-06-03", "2025-07-02"), pick("m", "c", "r", "g"), pick("m", "c", "r", "g"))
		c.Ground = pick("", "because")
		if rng.IntN(6) == 0 {
			c.Until = day("2025-06-30")
		}
		ev.Claims = append(ev.Claims, c)
	}
	return ev
}

var worth = [...]int{scheme.No: 0, scheme.Undetermined: 1, scheme.Yes: 2}

func levels(c *Compiled, ev *evidence.Evidence) (as []scheme.Answer) {
	for _, r := range Assess(c, signed(ev), "", day("2025-07-01")) {
		for _, l := range r.Levels {
			as = append(as, l.Answer, l.Shown)
		}
	}
	return as
}

// A further pass never lowers an answer; taking a pass away, which is the
// same seen from behind, never raises one; the order of claims is nothing;
// levels never rise; and knowing less about a feature never decides.
func TestProperties(t *testing.T) {
	c := compiled(t, catalog())
	rng := rand.New(rand.NewPCG(1, 2))
	changed := 0
	for range 20_000 {
		ev := random(rng)
		before := levels(c, ev)
		if len(ev.Claims) > 0 {
			i := rng.IntN(len(ev.Claims))
			if ev.Claims[i].Verdict == evidence.Pass {
				less := *ev
				less.Claims = slices.Delete(slices.Clone(ev.Claims), i, i+1)
				for k, a := range levels(c, &less) {
					if worth[a] > worth[before[k]] {
						t.Fatalf("without pass %+v: %s became %s\n%+v", ev.Claims[i], before[k], a, ev)
					}
					if a != before[k] {
						changed++
					}
				}
			}
			mixed := *ev
			mixed.Claims = slices.Clone(ev.Claims)
			rng.Shuffle(len(mixed.Claims), func(i, j int) { mixed.Claims[i], mixed.Claims[j] = mixed.Claims[j], mixed.Claims[i] })
			a, b := Assess(c, signed(ev), "", day("2025-07-01")), Assess(c, signed(&mixed), "", day("2025-07-01"))
			if x, y := anonymous(a), anonymous(b); !reflect.DeepEqual(x, y) {
				t.Fatalf("in another order:\n%+v\n%+v", x, y)
			}
		}
		for _, r := range Assess(c, signed(ev), "", day("2025-07-01")) {
			if !slices.IsSortedFunc(r.Levels, func(a, b LevelResult) int { return cmp.Compare(worth[b.Shown], worth[a.Shown]) }) {
				t.Fatalf("a higher level is reached without the one below: %s", show(r))
			}
		}
		ev.Features["radio"] = evidence.Feature{}
		for k, a := range levels(c, ev) {
			if a != before[k] && a != scheme.Undetermined {
				t.Fatalf("with a feature unknown, %s became %s", before[k], a)
			}
		}
	}
	if changed < 100 {
		t.Errorf("only %d answers hung on a pass: the draw shows nothing", changed)
	}
}

// anonymous takes out which of several equal claims decided.
func anonymous(rs []Result) []Result {
	for i := range rs {
		for j := range rs[i].Outcomes {
			rs[i].Outcomes[j].From = ""
		}
		for j := range rs[i].Missing {
			rs[i].Missing[j].Requirement = nil
		}
	}
	return rs
}
