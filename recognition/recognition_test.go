package recognition

import (
	"time"

	"assay/certificate"
	"assay/civil"
	"assay/scheme"
)

// A small world for the tests: aa certifies at three levels in Seoul's zone,
// bb labels at four in Singapore's.

var official = scheme.Fact{Source: "s", Confidence: scheme.Official}

func in(ids ...string) (cs []scheme.InCategory) {
	for _, id := range ids {
		cs = append(cs, scheme.InCategory{Category: id, Fact: official})
	}
	return cs
}

func d(s string) civil.Date { return civil.MustDate(s) }

func at(s string) int64 {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t.UnixMicro()
}

func levels(ids ...string) (ls []scheme.Level) {
	for _, id := range ids {
		ls = append(ls, scheme.Level{ID: id, Fact: official})
	}
	return ls
}

func world() *scheme.Catalog {
	cat := func(id, parent string) scheme.Category { return scheme.Category{ID: id, Parent: parent} }
	return &scheme.Catalog{
		Digest:     "digest-1",
		Categories: []scheme.Category{cat("consumer", ""), cat("hub", "consumer"), cat("home-hub", "hub"), cat("lock", "consumer"), cat("router", "consumer"), cat("pump", "")},
		Schemes: []scheme.Scheme{
			{
				ID: "aa-cert", Authority: "aa", Zone: "Asia/Seoul", State: scheme.Open, Fact: official,
				Editions: []scheme.Edition{
					{ID: "2021", From: d("2021-01-01"), Until: d("2027-12-31"), Categories: in("consumer", "pump"), Levels: levels("lite", "basic", "standard"), Fact: official},
					{ID: "2028", From: d("2028-01-01"), Categories: in("consumer"), Levels: levels("lite", "basic", "standard"), Fact: official},
				},
			},
			{
				ID: "bb-label", Authority: "bb", Zone: "Asia/Singapore", State: scheme.Open, Fact: official,
				Editions: []scheme.Edition{{ID: "1.4", From: d("2020-01-01"), Categories: in("consumer"), Levels: levels("1", "2", "3", "4"), Fact: official}},
			},
		},
		Arrangements: []scheme.Arrangement{{
			ID: "aa-bb", Parties: []string{"aa", "bb"}, Effective: d("2025-01-01"), Fact: official,
			Clauses: []scheme.Clause{
				{
					ID:   "aa-bb/3",
					From: scheme.Accepts{Scheme: "aa-cert", Editions: []string{"2021"}, Levels: []string{"basic", "standard"}, Kind: scheme.Registered},
					To:   scheme.Gives{Scheme: "bb-label", Level: "3"}, Mode: scheme.Equivalent, ModeFact: official,
					Categories: in("hub"), Except: in("lock"),
					Dates: scheme.Dates{Tests: scheme.SourceGrant, From: d("2025-01-01"), Fact: official},
					Legal: scheme.Legal{Found: true, NeedsFirst: []scheme.Need{scheme.NeedDeclaration}, Fact: official},
					Term: scheme.ClauseTerm{Start: scheme.FromDesignation, Fact: official, Bounds: []scheme.Bound{
						{Kind: scheme.YearsFromStart, Years: 3, Fact: official}, {Kind: scheme.SupportEnd, Fact: official}, {Kind: scheme.SourceExpiry, Fact: official},
					}},
					Fact: official,
				},
				{
					ID:   "aa-bb/1",
					From: scheme.Accepts{Scheme: "aa-cert", Levels: []string{"lite", "basic", "standard"}, Kind: scheme.Registered},
					To:   scheme.Gives{Scheme: "bb-label", Level: "1"}, Mode: scheme.Simplified, ModeFact: official,
					Categories: in("consumer"),
					Dates:      scheme.Dates{Tests: scheme.SourceGrant, From: d("2025-01-01"), Backfill: scheme.BackfillAll, Fact: official},
					Legal:      scheme.Legal{Found: true, Fact: official},
					Term: scheme.ClauseTerm{Start: scheme.FromSourceGrant, Fact: official, Bounds: []scheme.Bound{
						{Kind: scheme.YearsFromStart, Years: 3, Fact: official},
					}},
					Fact: official,
				},
			},
		}},
	}
}

const (
	now = "2026-11-24T01:00:00Z"
	id3 = "aa-bb/3"
	id1 = "aa-bb/1"
)

func grant() *certificate.Certificate {
	return &certificate.Certificate{
		ID: "aa-cert-1", Office: "aa", Scheme: "aa-cert", Edition: "2021", Level: "basic", Attestation: scheme.ThirdParty,
		Product:  certificate.Product{Holder: "maker", Models: []certificate.Model{{ID: "H-1"}, {ID: "H-2"}}, Functions: []string{"home-hub"}},
		Firmware: certificate.Firmware{Rule: scheme.FirmwareListed, Versions: []string{"1.0"}},
		Granted:  d("2026-11-24"), Decided: at("2026-11-24T00:59:59Z"), Effective: at("2026-11-24T00:59:59Z"), Expires: d("2029-11-24"), SupportEnd: d("2031-01-01"),
		Requests: []certificate.Request{{Scheme: "bb-label", Declaration: true, Fee: true}},
	}
}

func automatic(clause string) Policy {
	return Policy{Kind: Automatic, ID: "sd-1", From: at("2026-10-01T00:00:00Z"), Expires: at("2027-09-30T00:00:00Z"), Catalog: "digest-1"}
}

func input() *Input {
	return &Input{
		Source: Source{Certificate: grant(), Ref: certificate.Ref{Office: "aa", Origin: "aa.test/log", Index: 7}, Received: at(now)},
		Target: "bb", Policies: automatic, Now: at(now),
	}
}

func compile(c *scheme.Catalog) *Engine {
	e, err := Compile(c)
	if err != nil {
		panic(err)
	}
	return e
}

// apply records what an outcome wants, as an office does: designations, and
// the events of those actions that change the register by themselves.
func apply(in *Input, o *Outcome) {
	for i := range o.Wanted {
		w := &o.Wanted[i]
		switch w.Action {
		case Designate, Deem:
			c := *in.Source.Certificate
			var models []certificate.Model
			for _, m := range c.Product.Models {
				for _, id := range w.Models {
					if id == m.ID {
						models = append(models, m)
					}
				}
			}
			last := uint64(1)
			for _, e := range in.Source.Events {
				last = max(last, e.Sequence)
			}
			c.Derived = &certificate.Derived{
				Source: in.Source.Ref, Certificate: in.Source.Certificate.ID, Scheme: c.Scheme, Level: c.Level, Arrangement: w.Arrangement,
				Clause: w.Clause, Mode: w.Mode, Policy: w.PolicyID, At: in.Now, LastEvent: last, Chain: in.Source.Certificate.Chain(),
			}
			c.ID, c.Office, c.Scheme, c.Edition, c.Level = "bb-"+w.Clause, "bb", w.Scheme, w.Edition, w.Level
			c.Product.Models, c.Expires, c.Effective, c.Decided, c.Requests = models, w.Term.End, in.Now, in.Now, nil
			in.Existing = append(in.Existing, Existing{Certificate: &c})
		case OpenCause, CloseCause, Amend, Note:
			for j := range in.Existing {
				x := &in.Existing[j]
				if x.Certificate.ID != w.Designation {
					continue
				}
				e := *w.Event
				e.Recorded, e.Sequence = in.Now, uint64(len(x.Events)+2)
				if err := certificate.Check(x.Certificate, x.Events, &e); err != nil {
					panic(err)
				}
				x.Events = append(x.Events, e)
			}
		}
	}
}
