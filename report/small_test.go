package report

import (
	"errors"
	"testing"

	"assay/assess"
	"assay/civil"
	"assay/evidence"
	"assay/scheme"
)

func date(s string) civil.Date { return civil.MustDate(s) }

func tx(en, ko, de, fi string) scheme.Text {
	return scheme.Text{"en": en, "ko": ko, "de": de, "fi": fi}
}

var official = scheme.Fact{Source: "law", Confidence: scheme.Official}

func facts(source string, c scheme.Confidence, note string) scheme.Fact {
	return scheme.Fact{Source: source, Confidence: c, Note: note}
}

func in(ids ...string) (cs []scheme.InCategory) {
	for _, id := range ids {
		cs = append(cs, scheme.InCategory{Category: id, Fact: official})
	}
	return cs
}

// smallCatalog has a scheme for each kind of answer: alpha grants its lower
// level and lacks something for the upper one, beta is closed, gamma takes
// other products, delta does not say whether it takes this one, of epsilon
// nothing is in force yet.
func smallCatalog() *scheme.Catalog {
	req := func(id, area string, st scheme.Status, when *scheme.Condition, f scheme.Fact, text scheme.Text) scheme.Requirement {
		return scheme.Requirement{ID: id, Area: area, Status: st, When: when, Text: text, Fact: f}
	}
	has := func(f string) *scheme.Condition { return &scheme.Condition{Feature: f} }
	reqs := []scheme.Requirement{
		req("1-1", "1", scheme.Mandatory, nil, official, tx("No password is the same on two devices", "기기마다 비밀번호가 다르다", "Kein Passwort ist auf zwei Geräten gleich", "Mikään salasana ei ole sama kahdessa laitteessa")),
		req("1-2", "1", scheme.Mandatory, has("radio"), official, tx("Signing in over the air is guarded", "무선 로그인을 보호한다", "Die Anmeldung über Funk ist geschützt", "Kirjautuminen radioitse on suojattu")),
		req("1-3", "1", scheme.Mandatory, has("camera"), official, tx("The lens can be covered", "렌즈를 가릴 수 있다", "Die Linse lässt sich abdecken", "Linssin voi peittää")),
		req("2-1", "2", scheme.Mandatory, nil, facts("press", scheme.Secondary, "Known from a press release."), tx("Flaws can be reported", "취약점을 신고할 수 있다", "Schwachstellen können gemeldet werden", "Haavoittuvuuksista voi ilmoittaa")),
		req("2-2", "2", scheme.Recommended, nil, official, tx("Reports are answered within a week", "신고에 일주일 안에 답한다", "Meldungen werden binnen einer Woche beantwortet", "Ilmoituksiin vastataan viikossa")),
		req("3-1", "3", scheme.Mandatory, nil, official, tx("Software parts can be updated", "소프트웨어를 업데이트할 수 있다", "Softwareteile sind aktualisierbar", "Ohjelmiston osat voi päivittää")),
		req("4-1", "4", scheme.Mandatory, nil, official, tx("Threats were modeled", "위협을 모델링했다", "Bedrohungen wurden modelliert", "Uhat on mallinnettu")),
		req("5-1", "5", scheme.Mandatory, nil, facts("reading", scheme.Unverified, ""), tx("Personal data is erased on request", "요청 시 개인정보를 지운다", "Persönliche Daten werden auf Wunsch gelöscht", "Henkilötiedot poistetaan pyynnöstä")),
	}
	reqs[6].Contents = []scheme.Content{
		{ID: "model", Text: tx("the model", "모델", "das Modell", "malli"), Fact: official},
		{ID: "review", Text: tx("its review", "검토 기록", "die Durchsicht", "sen katselmus"), Fact: official},
	}
	adds := func(m scheme.Method, by scheme.By, ids ...string) scheme.Adds {
		return scheme.Adds{Standard: "std", Edition: "1", Requirements: ids, Method: m, By: by, Fact: official}
	}
	level := func(id string, name scheme.Text, as ...scheme.Adds) scheme.Level {
		return scheme.Level{ID: id, Name: name, Adds: as, Fact: official}
	}
	basic := tx("Basic", "기본", "Basis", "Perus")
	full := tx("Full", "전체", "Voll", "Täysi")
	edition := func(id, from string, categories []scheme.InCategory, levels ...scheme.Level) scheme.Edition {
		return scheme.Edition{ID: id, From: date(from), Categories: categories, Levels: levels, Fact: official}
	}
	one := func(id string, name scheme.Text, es ...scheme.Edition) scheme.Scheme {
		return scheme.Scheme{
			ID: id, Name: name, AuthorityIn: tx("Authority of Examples", "예시청", "Behörde der Beispiele", "Esimerkkien virasto"), Noun: tx("label", "라벨", "Kennzeichen", "merkki"),
			Disclaimer: tx("The label does not say that there is no flaw.", "취약점이 없음을 뜻하지 않습니다.", "Das Kennzeichen besagt nicht, dass es keine Fehler gibt.", "Merkki ei tarkoita, ettei vikoja ole."),
			State:      scheme.Open, Editions: es, Fact: official,
		}
	}
	lower := level("1", basic, adds(scheme.Declared, scheme.Maker, "1-1", "1-2", "1-3", "2-2"))
	alpha := one("alpha", tx("Alpha Label", "알파 라벨", "Alpha-Kennzeichen", "Alfa-merkki"),
		edition("2026", "2026-01-01", in("home"), lower, level("2", full, adds(scheme.Test, scheme.Laboratory, "3-1", "5-1"), adds(scheme.Document, scheme.Laboratory, "2-1", "4-1"))))
	beta := one("beta", tx("Beta Seal", "베타 인장", "Beta-Siegel", "Beeta-sinetti"), edition("1", "2020-01-01", in("home"), lower))
	beta.State, beta.Closed = scheme.Closed, date("2026-06-01")
	delta := one("delta", tx("Delta Mark", "델타 마크", "Delta-Zeichen", "Delta-merkki"), edition("1", "2020-01-01", in("home/door"), lower))
	return &scheme.Catalog{
		Digest: "5f2d1c0b9a897867564534231201f0e1d2c3b4a5968778695a4b3c2d1e0f0a0b",
		Sources: map[string]scheme.Source{
			"law": {Title: "Act on Examples", Date: date("2025-03-01")}, "press": {Title: "Press release 7", URL: "https://press.example/7", Read: date("2026-11-01")}, "reading": {Title: "A reading"},
		},
		Categories: []scheme.Category{
			{ID: "home", Name: tx("Home", "가정", "Haushalt", "Koti")}, {ID: "home/hub", Parent: "home", Name: tx("Hub", "허브", "Zentrale", "Keskitin")},
			{ID: "home/door", Parent: "home", Name: tx("Door lock", "도어락", "Türschloss", "Ovilukko")}, {ID: "pump", Name: tx("Pump", "펌프", "Pumpe", "Pumppu")},
		},
		Standards: []scheme.Standard{
			{
				ID: "std", Title: tx("STD: Example requirements", "STD: 예시 요구사항", "STD: Beispielanforderungen", "STD: Esimerkkivaatimukset"), Fact: official,
				Features: []scheme.Feature{{ID: "radio", Question: tx("Has it a radio?", "무선 기능이 있습니까?", "Hat es Funk?", "Onko siinä radio?")}, {ID: "camera", Question: tx("Has it a camera?", "카메라가 있습니까?", "Hat es eine Kamera?", "Onko siinä kamera?")}},
				Areas: []scheme.Area{
					{ID: "1", Title: tx("Signing in", "로그인", "Anmeldung", "Kirjautuminen")}, {ID: "2", Title: tx("Reports", "신고", "Meldungen", "Ilmoitukset")}, {ID: "3", Title: tx("Updates", "업데이트", "Aktualisierungen", "Päivitykset")},
					{ID: "4", Title: tx("Design", "설계", "Entwurf", "Suunnittelu")}, {ID: "5", Title: tx("Data", "데이터", "Daten", "Tiedot")},
				},
				Editions: []scheme.StandardEdition{{ID: "1", Requirements: reqs, Fact: official}},
			},
			{
				ID: "old", Title: tx("OLD: Former requirements", "OLD: 이전 요구사항", "OLD: Frühere Anforderungen", "OLD: Aiemmat vaatimukset"), Fact: official,
				Editions: []scheme.StandardEdition{{ID: "1", Requirements: []scheme.Requirement{req("a", "", scheme.Mandatory, nil, official, tx("A", "A", "A", "A"))}, Fact: official}},
			},
		},
		Tests: []scheme.TestSpec{{
			ID: "ts", Edition: "1", Title: tx("TS: Tests of the example", "TS: 예시 시험", "TS: Prüfungen zum Beispiel", "TS: Esimerkin testit"), Assesses: scheme.StandardRef{Standard: "std", Edition: "1"}, Fact: official,
			Tables: []scheme.Table{{ID: "parts", Name: "Parts", Fields: []scheme.Field{{ID: "id", Kind: scheme.FieldText}, {ID: "update", Kind: scheme.FieldRows, Table: "updates"}}, Fact: official}, {ID: "updates", Name: "Updates", Fields: []scheme.Field{{ID: "id", Kind: scheme.FieldText}}, Fact: official}},
			Groups: []scheme.TestGroup{{Requirement: "3-1", Fact: official, Cases: []scheme.TestCase{{Number: 1, Kind: scheme.Functional, Units: []scheme.TestUnit{{ID: "a", Text: tx("a", "a", "a", "a"), Over: &scheme.Over{Table: "parts"}}}}}}},
		}},
		Mappings: []scheme.Mapping{{
			ID: "old-to-std", Title: tx("OLD beside STD", "OLD와 STD", "OLD neben STD", "OLD ja STD"), Author: "mapper", From: scheme.StandardRef{Standard: "old", Edition: "1"}, To: scheme.StandardRef{Standard: "std", Edition: "1"},
			Rows: []scheme.MappingRow{
				{From: []string{"a"}, To: "2-1", Relation: scheme.Superset, Fact: facts("reading", scheme.Inferred, "")},
				{From: []string{"a"}, To: "5-1", Relation: scheme.Intersects, Fact: facts("reading", scheme.Inferred, "")},
			}, Fact: official,
		}},
		Laboratories: []scheme.Lab{{
			ID: "lab", Name: tx("SPECIMEN Laboratory", "SPECIMEN 시험기관", "SPECIMEN-Labor", "SPECIMEN-laboratorio"), Keys: []scheme.LabKey{{Public: "k", From: date("2020-01-01")}},
			Scopes: []scheme.LabScope{{Methods: []scheme.StandardRef{{Standard: "ts"}, {Standard: "std"}, {Standard: "old"}}, From: date("2020-01-01"), Fact: official}}, Fact: official,
		}},
		Schemes: []scheme.Scheme{
			alpha, beta, delta,
			one("epsilon", tx("Epsilon Label", "엡실론 라벨", "Epsilon-Kennzeichen", "Epsilon-merkki"), edition("2027", "2027-01-01", in("home"), lower)),
			one("gamma", tx("Gamma Label", "감마 라벨", "Gamma-Kennzeichen", "Gamma-merkki"), scheme.Edition{ID: "1", From: date("2020-01-01"), Categories: in("pump"), Except: in("home"), Levels: []scheme.Level{lower}, Fact: official}),
		},
	}
}

// smallEvidence has a finding of each kind that a maker can cause.
func smallEvidence(t testing.TB) *evidence.Evidence {
	t.Helper()
	image, other := evidence.Hash{0xaa, 1}, evidence.Hash{0xbb, 2}
	row := evidence.Row{"id": {"P-1"}, "update": {"U-9"}}
	refs := func(standard string, ids ...string) (rs []evidence.Ref) {
		for _, id := range ids {
			rs = append(rs, evidence.Ref{Standard: standard, Edition: "1", Requirement: id})
		}
		return rs
	}
	ev := &evidence.Evidence{
		Product: evidence.Product{
			Holder: "xx:example", Brand: "SPECIMEN", Name: "Wohnzentrale Äther 뷁 <5>", Functions: []string{"home/hub"},
			Models: []evidence.Model{{ID: "H-1", Hardware: []string{"A", "B"}, Variants: []evidence.Variant{{ID: "H-1w"}}}},
		},
		Firmware: []evidence.Firmware{{Version: "1.2.0", SHA256: image}},
		Features: map[string]evidence.Feature{"radio": {Answer: scheme.No, Ground: "wired only"}, "camera": {Answer: scheme.No, Ground: "none is built in"}},
		ICS: []evidence.ICS{{Standard: "std", Edition: "1", Date: date("2026-10-01"), Entries: map[string]evidence.ICSEntry{
			"1-1": {Support: evidence.SupportedYes, Artifacts: []evidence.Artifact{{Name: "passwords.pdf", Size: 1, SHA256: image}}},
			"1-2": {Support: evidence.SupportedYes}, // against the feature
			"2-2": {Support: evidence.SupportedNo, Detail: "two weeks"},
		}}},
		IXIT: map[string][]evidence.Row{"parts": {row, {"id": {"P-2"}}}},
	}
	report := func(name string, r *evidence.Report, signature string) {
		r.By, r.Date, r.Tested = evidence.Body{Kind: scheme.Laboratory, ID: "lab"}, date("2026-10-20"), evidence.Period{From: date("2026-10-10"), To: date("2026-10-15")}
		r.Product = evidence.Tested{Holder: ev.Product.Holder, Name: ev.Product.Name, Models: []string{"H-1"}}
		s, err := evidence.FromReport(name, r, signature)
		if err != nil {
			t.Fatal(err)
		}
		ev.Reports = append(ev.Reports, *s)
	}
	sample := func(h evidence.Hash) []evidence.Sample {
		return []evidence.Sample{{ID: "S1", Chosen: "bought", Serial: "1", Model: "H-1", Hardware: "A", Firmware: h, Received: date("2026-10-01")}}
	}
	report("verdicts/units.yaml", &evidence.Report{
		Number: "L-1", Method: evidence.Method{Standard: "ts", Edition: "1"}, Samples: sample(image), Until: date("2027-10-20"),
		Rows: map[string]evidence.Hash{"parts/P-1": {1}, "parts/P-2": ev.IXIT["parts"][1].Digest()}, // P-1 was changed since
		Verdicts: []evidence.UnitVerdict{
			{Unit: "3-1-1/a", Row: "P-1", Sample: "S1", Verdict: evidence.Pass}, {Unit: "3-1-1/a", Row: "P-2", Sample: "S1", Verdict: evidence.Fail, Ground: "not updatable"},
		},
	}, "good")
	report("verdicts/old.yaml", &evidence.Report{
		Number: "L-2", Method: evidence.Method{Standard: "old", Edition: "1"}, Samples: sample(image),
		Results: []evidence.Result{{Requirements: refs("old", "a"), Verdict: evidence.Pass, Method: scheme.Test, Sample: "S1", Artifacts: []evidence.Artifact{{Name: "old.pdf", Size: 1, SHA256: image}}}},
	}, "good")
	report("verdicts/design.yaml", &evidence.Report{
		Number: "L-3", Method: evidence.Method{Standard: "std", Edition: "1"},
		Results: []evidence.Result{{Requirements: refs("std", "4-1"), Verdict: evidence.Pass, Method: scheme.Document, Artifacts: []evidence.Artifact{{Name: "threats.pdf", Size: 1, SHA256: image, Shows: []string{"model"}}}}},
	}, "good")
	report("verdicts/other.yaml", &evidence.Report{
		Number: "L-4", Method: evidence.Method{Standard: "std", Edition: "1"}, Samples: sample(other), Until: date("2026-11-01"),
		Results: []evidence.Result{{Requirements: refs("std", "5-1"), Verdict: evidence.Inconclusive, Method: scheme.Test, Sample: "S1", Ground: "no access"}},
	}, "")
	verify(ev)
	return ev
}

func verify(ev *evidence.Evidence) {
	ev.Verify(func(_ string, _ civil.Date, _ []byte, signature string) (string, error) {
		if signature != "good" {
			return "", errors.New("not signed")
		}
		return "key", nil
	})
}

// small is the report on the small evidence.
func small(t testing.TB, opt Options) *Report {
	t.Helper()
	return smallOf(t, smallCatalog(), smallEvidence(t), opt)
}

func smallOf(t testing.TB, cat *scheme.Catalog, ev *evidence.Evidence, opt Options) *Report {
	t.Helper()
	c, err := assess.Compile(cat)
	if err != nil {
		t.Fatal(err)
	}
	if opt.Lang == "" {
		opt.Lang = "en"
	}
	return assessed(t, cat, c, ev, opt)
}
