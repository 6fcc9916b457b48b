package report

import (
	"io"
	"testing"

	"assay/assess"
)

// The specimen gateway against every scheme: what it takes to bring the results
// into a report, and to write that.
func BenchmarkReport(b *testing.B) {
	cat, c, bun := gateway(b)
	rs := assess.Assess(c, bun.Evidence, "", testDay)
	for _, lang := range []string{"en", "ko"} {
		r, err := New(cat, c, bun.Evidence, rs, Options{Lang: lang})
		if err != nil {
			b.Fatal(err)
		}
		b.Run("HTML "+lang, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := r.HTML(io.Discard); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("PDF "+lang, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := r.PDF(io.Discard); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("New", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := New(cat, c, bun.Evidence, rs, Options{Lang: "en"}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
