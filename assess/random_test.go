package assess

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"assay/civil"
	"assay/evidence"
	"assay/scheme"
)

// randomReports is a product with rows, images, models and reports drawn from
// few words: rows that reports saw and that changed or went, samples of one image
// or model only, retests, forged signatures, late and undated verdicts.
func randomReports(rng *rand.Rand) *evidence.Evidence {
	pick := func(ss ...string) string { return ss[rng.IntN(len(ss))] }
	ev := tried()
	for range rng.IntN(3) {
		ev.IXIT["t"] = append(ev.IXIT["t"], row(fmt.Sprint("t", len(ev.IXIT["t"])+1), "on", pick("yes", "no"), "kind", pick("a", "b")))
	}
	then := map[string]evidence.Hash{} // as the reports saw the rows
	for table, rows := range ev.IXIT {
		for _, r := range rows {
			then[table+"/"+r.ID()] = r.Digest()
		}
	}
	if rng.IntN(3) == 0 {
		ev.IXIT["t"][rng.IntN(len(ev.IXIT["t"]))]["on"] = evidence.Cell{pick("yes", "no")}
	}
	if rng.IntN(4) == 0 {
		ev.IXIT["t"] = slices.Delete(ev.IXIT["t"], 1, 2)
	}
	if rng.IntN(3) == 0 {
		ev.Firmware = append(ev.Firmware, evidence.Firmware{Version: "2", SHA256: evidence.Hash{2}})
	}
	if rng.IntN(3) == 0 {
		ev.Product.Models = append(ev.Product.Models, evidence.Model{ID: "N", Hardware: []string{"A"}})
	}
	var rs []*evidence.Report
	for k := range 1 + rng.IntN(3) {
		r := labReport()
		r.Number, r.Verdicts = fmt.Sprint("R", k), nil
		r.Samples[1].Firmware = evidence.Hash{byte(1 + rng.IntN(2))}
		if rng.IntN(4) > 0 {
			r.Product.Models = []string{"M"}
			if len(ev.Product.Models) > 1 {
				r.Product.Models = append(r.Product.Models, "N")
			}
		}
		if rng.IntN(2) == 0 {
			r.Rows = then
		}
		if rng.IntN(6) == 0 {
			r.By = evidence.Body{Kind: scheme.Maker, ID: "h"}
		}
		for _, unit := range []string{"m-1/a", "m-2/a", "m-2/b"} {
			for i := range 4 {
				if rng.IntN(12) == 0 || unit == "m-2/b" && i > 0 {
					continue
				}
				v := evidence.UnitVerdict{Unit: unit, Row: fmt.Sprint("t", i+1), Sample: pick("S1", "S1", "S2"), Verdict: evidence.Pass,
					Date: day(pick("2025-06-01", "2025-06-05", "2025-06-10"))}
				if rng.IntN(20) == 0 {
					v.Verdict = evidence.Verdict(pick("fail", "inconclusive"))
				}
				if unit == "m-2/b" {
					v.Row = ""
				}
				r.Verdicts = append(r.Verdicts, v)
			}
		}
		rs = append(rs, r)
	}
	return with(ev, rs...)
}

// Over reports, rows, images and models too: a pass taken away never raises an
// answer, which seen from behind is that one more never lowers one; a
// signature taken away raises none; and no order means anything. A pass that
// answers an inconclusive verdict may turn "cannot say" into "not reached", where
// other rows have no verdict: neither is a level.
func TestReportProperties(t *testing.T) {
	c := compiled(t, labCatalog())
	at := day("2025-07-01")
	answers := func(ev *evidence.Evidence) (as []scheme.Answer) {
		for _, r := range Assess(c, ev, "", at) {
			for _, l := range r.Levels {
				as = append(as, l.Answer, l.Shown)
			}
		}
		return as
	}
	rng := rand.New(rand.NewPCG(3, 5))
	fell, reached := 0, 0
	for range 6_000 {
		ev := randomReports(rng)
		before := answers(ev)
		if slices.Contains(before, scheme.Yes) {
			reached++
		}
		var rs []*evidence.Report
		for i := range ev.Reports {
			r := *ev.Reports[i].Report()
			r.Verdicts = slices.Clone(r.Verdicts)
			rs = append(rs, &r)
		}
		r := rs[rng.IntN(len(rs))]
		if i := slices.IndexFunc(r.Verdicts, func(v evidence.UnitVerdict) bool { return v.Verdict == evidence.Pass }); i >= 0 {
			gone := r.Verdicts[i]
			r.Verdicts = slices.Delete(r.Verdicts, i, i+1)
			for k, a := range answers(with(ev, rs...)) {
				if a == scheme.Yes && before[k] != scheme.Yes {
					t.Fatalf("without the pass of %s %s in %s: %s became %s", gone.Unit, gone.Row, r.Number, before[k], a)
				}
				if a != before[k] {
					fell++
				}
			}
			r.Verdicts = append(r.Verdicts, gone)
		}
		for _, r := range rs {
			rng.Shuffle(len(r.Verdicts), func(i, j int) { r.Verdicts[i], r.Verdicts[j] = r.Verdicts[j], r.Verdicts[i] })
		}
		rng.Shuffle(len(rs), func(i, j int) { rs[i], rs[j] = rs[j], rs[i] })
		mixed := with(ev, rs...)
		for table, rows := range mixed.IXIT {
			rows = slices.Clone(rows)
			rng.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
			mixed.IXIT[table] = rows
		}
		slices.Reverse(mixed.Firmware)
		slices.Reverse(mixed.Product.Models)
		if after := answers(mixed); !slices.Equal(after, before) {
			t.Fatalf("in another order: %v became %v", before, after)
		}
		mixed.Verify(func(string, civil.Date, []byte, string) (string, error) { return "", errors.New("forged") })
		for k, a := range answers(mixed) {
			if a == scheme.Yes && before[k] != scheme.Yes {
				t.Fatalf("without signatures %s became %s", before[k], a)
			}
		}
	}
	if fell < 100 || reached < 100 {
		t.Errorf("only %d answers hung on a pass, and %d products reached something: the draw shows nothing", fell, reached)
	}
}
