package catalog

import "testing"

func TestEmbedded(t *testing.T) {
	c, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Schemes) < 10 || len(c.Arrangements) < 11 || len(c.Markets) < 7 || len(c.Digest) != 64 {
		t.Errorf("%d schemes, %d arrangements, %d markets, digest %q", len(c.Schemes), len(c.Arrangements), len(c.Markets), c.Digest)
	}
}

func TestEmbeddedLintsClean(t *testing.T) {
	c, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range Lint(c) {
		if f.Severity != Note {
			t.Errorf("%s %s: %s: %s", f.Severity, f.Rule, f.Path, f.Message)
		} else {
			t.Logf("%s %s: %s", f.Rule, f.Path, f.Message)
		}
	}
}
