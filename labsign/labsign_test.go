package labsign

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"assay/civil"
	"assay/evidence"
	"assay/keys"
	"assay/scheme"
	"assay/statement"
)

func key(t testing.TB) *keys.Laboratory {
	t.Helper()
	k, err := keys.NewLaboratory()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func sign(t testing.TB, k *keys.Laboratory, report string) string {
	t.Helper()
	s, err := Sign(k, []byte(report))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var day = civil.MustDate

func TestCheck(t *testing.T) {
	old, now, strange := key(t), key(t), key(t)
	cat := &scheme.Catalog{Laboratories: []scheme.Lab{
		{ID: "lab:7", Keys: []scheme.LabKey{
			{Public: Public(old.Public()), From: day("2024-01-01"), Until: day("2025-12-31")},
			{Public: Public(now.Public()), From: day("2026-01-01")},
			{Public: Public(old.Public()), From: day("2027-01-01"), Until: day("2027-06-30")}, // again in force
		}},
		{ID: "lab:none"},
		{ID: "lab:bad", Keys: []scheme.LabKey{{Public: "AAAA"}}},
	}}
	other, err := statement.SignDetached(now, "application/other", []byte("report"))
	if err != nil {
		t.Fatal(err)
	}
	wrapped := sign(t, now, "report")
	wrapped = wrapped[:60] + "\n" + wrapped[60:] + "\n"
	check := Check(cat)
	for _, c := range []struct {
		name, lab, day, sig string
		by                  *keys.Laboratory
		is                  error
	}{
		{"first day", "lab:7", "2024-01-01", sign(t, old, "report"), old, nil},
		{"last day", "lab:7", "2025-12-31", sign(t, old, "report"), old, nil},
		{"day after", "lab:7", "2026-01-01", sign(t, old, "report"), nil, ErrNotValid},
		{"in force again", "lab:7", "2027-06-30", sign(t, old, "report"), old, nil},
		{"open end", "lab:7", "2090-01-01", sign(t, now, "report"), now, nil},
		{"day before", "lab:7", "2025-12-31", sign(t, now, "report"), nil, ErrNotValid},
		{"in lines", "lab:7", "2026-01-01", wrapped, now, nil},
		{"another report", "lab:7", "2026-02-01", sign(t, now, "report "), nil, ErrFalse},
		{"another key", "lab:7", "2026-02-01", sign(t, strange, "report"), nil, ErrUnknown},
		{"another laboratory", "lab:8", "2026-02-01", sign(t, now, "report"), nil, ErrUnknown},
		{"a laboratory without keys", "lab:none", "2026-02-01", sign(t, now, "report"), nil, ErrUnknown},
		{"a catalog with no key in it", "lab:bad", "2026-02-01", sign(t, now, "report"), nil, ErrUnknown},
		{"another kind of file", "lab:7", "2026-02-01", base64.StdEncoding.EncodeToString(other), nil, ErrFalse},
		{"no signature", "lab:7", "2026-02-01", " \n", nil, ErrUnsigned},
		{"not base64", "lab:7", "2026-02-01", "%", nil, ErrFalse},
		{"not COSE", "lab:7", "2026-02-01", "AAAA", nil, ErrFalse},
		{"long", "lab:7", "2026-02-01", strings.Repeat("A", 5000), nil, ErrFalse},
	} {
		got, err := check(c.lab, day(c.day), []byte("report"), c.sig)
		want := ""
		if c.by != nil {
			want = c.by.Public().Fingerprint()
		}
		if got != want || !errors.Is(err, c.is) || (c.is == nil) != (err == nil) {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
}

// What a file says about its signer counts for nothing: evidence has a signer
// where the signature verifies, and only there.
func TestVerifyEvidence(t *testing.T) {
	k := key(t)
	const text = `number: R-1
by: {kind: laboratory, id: "lab:7"}
method: {standard: s, edition: "1"}
date: 2026-03-20
tested: {from: 2026-03-01, to: 2026-03-10}
product: {holder: "xx:0001", name: Hub, models: [H-1]}
`
	cat := &scheme.Catalog{Laboratories: []scheme.Lab{{ID: "lab:7", Keys: []scheme.LabKey{{Public: Public(k.Public()), From: day("2026-01-01")}}}}}
	good, err := evidence.NewSigned("a.yaml", []byte(text), sign(t, k, text))
	if err != nil {
		t.Fatal(err)
	}
	bad, err := evidence.NewSigned("b.yaml", []byte(strings.Replace(text, "R-1", "R-2", 1)), good.Signature)
	if err != nil {
		t.Fatal(err)
	}
	ev := &evidence.Evidence{Reports: []evidence.Signed{*good, *bad}}
	errs := ev.Verify(Check(cat))
	if errs[0] != nil || !errors.Is(errs[1], ErrFalse) {
		t.Errorf("got %v", errs)
	}
	if s := ev.Reports[0].Signer(); s == nil || s.Laboratory != "lab:7" || s.Key != k.Public().Fingerprint() {
		t.Errorf("signer %+v", s)
	}
	if ev.Reports[1].Signer() != nil {
		t.Error("an altered report has a signer")
	}
}

func FuzzCheck(f *testing.F) {
	k := key(f)
	cat := &scheme.Catalog{Laboratories: []scheme.Lab{{ID: "l", Keys: []scheme.LabKey{{Public: Public(k.Public())}}}}}
	check := Check(cat)
	f.Add("report", sign(f, k, "report"))
	f.Add("", "")
	f.Add("x", "0oRDoQEmoPZA")
	f.Fuzz(func(t *testing.T, report, sig string) {
		fp, err := check("l", day("2026-01-01"), []byte(report), sig)
		if (fp == "") == (err == nil) || (err == nil && report != "report") {
			t.Errorf("%q, %v", fp, err)
		}
	})
}
