package catalog

import "testing"

func TestEmbedded(t *testing.T) {
	c, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Schemes) < 4 || len(c.Arrangements) < 5 || len(c.Markets) < 4 || len(c.Digest) != 64 {
		t.Errorf("%d schemes, %d arrangements, %d markets, digest %q", len(c.Schemes), len(c.Arrangements), len(c.Markets), c.Digest)
	}
}
