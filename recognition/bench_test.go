package recognition_test

import (
	"testing"
	"time"

	"assay/catalog"
	"assay/certificate"
	"assay/civil"
	"assay/recognition"
	"assay/scheme"
)

// One German label against every clause that takes one, in all offices.
func BenchmarkDecideEmbedded(b *testing.B) {
	cat, err := catalog.Embedded()
	if err != nil {
		b.Fatal(err)
	}
	e, err := recognition.Compile(cat)
	if err != nil {
		b.Fatal(err)
	}
	now := time.Date(2026, 11, 24, 1, 0, 0, 0, time.UTC).UnixMicro()
	in := &recognition.Input{
		Source: recognition.Source{Received: now, Certificate: &certificate.Certificate{
			ID: "de-it-sik-1", Office: "bsi", Scheme: "de-it-sik", Edition: "2025-08", Level: "label", Attestation: scheme.Declaration,
			Basis:   []scheme.StandardRef{{Standard: "en-303-645", Edition: "2.1.1"}},
			Product: certificate.Product{Models: []certificate.Model{{ID: "D-1"}, {ID: "D-2"}}, Functions: []string{"consumer/speaker"}},
			Granted: civil.MustDate("2026-11-20"), Effective: now - 1e9, Decided: now - 1e9, Expires: civil.MustDate("2028-11-20"), SupportEnd: civil.MustDate("2031-01-01"),
			Requests: []certificate.Request{{Scheme: "sg-cls-iot", Declaration: true}, {Scheme: "kr-cic"}},
		}},
		Adopted: func(string) bool { return true },
		Now:     now,
	}
	n := len(e.Decide(in).Tried)
	if n < 4 {
		b.Fatalf("%d clauses tried", n)
	}
	b.ReportAllocs()
	for b.Loop() {
		e.Decide(in)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/clause")
}
