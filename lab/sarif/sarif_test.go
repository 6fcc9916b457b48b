package sarif

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"assay/evidence"
	"assay/exchange"
	"assay/exchange/intake"
	"assay/lab"
	"assay/lab/record"
)

// What is written can be read: by the reader that takes other tools' files.
func TestReadAgain(t *testing.T) {
	r := &record.Run{
		Kind: "firmware", Tool: "assay v1.2.3", At: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC), Input: record.Input{Name: "a b:c.bin", SHA256: evidence.Hash{1}, Size: 9},
		Findings: []lab.Finding{
			lab.Found("device.default-credential", lab.Confirmed, lab.Place{Address: "192.0.2.1:80/tcp"}, "account", "admin"),
			lab.Found("image.damaged", lab.Confirmed, lab.Place{Part: "0x20", Path: "/etc/a b#?.conf", Line: 3}, "problem", "x"),
			lab.Found("image.not-understood", lab.Confirmed, lab.Place{Part: "0x40", Offset: 7}),
		},
	}
	for _, lang := range []string{"en", "ko", "de", "fi"} {
		b, err := Write(r, lang)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Write(r, lang)
		if err != nil || !bytes.Equal(b, again) {
			t.Error("not the same twice")
		}
		got, err := exchange.Read("x.sarif", bytes.NewReader(b), intake.Options{})
		if err != nil {
			t.Fatalf("%v\n%s", err, b)
		}
		m := got.Import
		if m.Format != "sarif" || len(m.Issues) != 3 || m.Date.String() != "2026-11-24" || m.Version != "v1.2.3" {
			t.Errorf("%+v", m)
		}
		var ids, places []string
		for _, i := range m.Issues {
			ids = append(ids, i.ID)
			places = append(places, i.Where)
		}
		if got := strings.Join(ids, " "); got != "device.default-credential image.damaged image.not-understood" {
			t.Error(got)
		}
		if !strings.Contains(places[1], "etc/a b#?.conf") || !strings.Contains(places[1], "3") {
			t.Error(places)
		}
	}
}
