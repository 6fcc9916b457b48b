package office_test

import (
	"encoding/json"
	"testing"

	"assay/certificate"
	"assay/ledger"
	"assay/office"
	"assay/statement"
	"assay/store"
)

// Two statements under one number are signed against their office: that is
// kept as evidence, logged by its digest, and logged once.
func TestEquivocationIsEvidence(t *testing.T) {
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr, sg := pair(t, open)
		hub := kr.grant("hub.yaml", "kr-cic", "basic", toSG)
		sg.sync(kr)
		first, s := kr.entry(hub, 1)
		var c certificate.Certificate
		kr.must(statement.Decode(s.Payload, &c))
		c.Level = "standard"
		second := kr.lie(statement.Grant, hub, c, nil)
		kr.log(second)
		sg.sync(kr)

		es, err := sg.PeerEvidence(t.Context(), "kr")
		sg.must(err)
		if len(es) != 1 {
			t.Fatalf("%d pieces of evidence, want 1", len(es))
		}
		var e struct {
			Kind      string
			Subject   string
			Sequence  int
			First     certificate.Ref
			Second    certificate.Ref
			Statement []byte
		}
		sg.must(json.Unmarshal(es[0], &e))
		if e.Kind != "equivocation" || e.Subject != hub || e.Sequence != 1 || string(e.Statement) != string(second) || e.First.Index == e.Second.Index || e.First.Leaf == e.Second.Leaf {
			t.Errorf("the evidence says %s", es[0])
		}
		if e.First.Leaf != ledger.LeafHash(first) || e.Second.Leaf != ledger.LeafHash(second) {
			t.Error("the evidence does not name the two entries")
		}
		body, m := sg.entry("misbehavior/kr", 1)
		var p office.MisbehaviorPayload
		sg.must(statement.Decode(m.Payload, &p))
		if p.Kind != "equivocation" || len(body) == 0 {
			t.Errorf("logged as %+v", p)
		}
		if b, err := sg.Blob(t.Context(), p.Digest.String()); err != nil || string(b) != string(es[0]) {
			t.Errorf("the digest does not lead to the evidence (%v)", err)
		}
		// The subject is held; the office as a whole still speaks.
		if d := status(t, sg, "kr").Degraded; d != "" {
			t.Errorf("the peer is degraded: %s", d)
		}
		size := sg.size()
		if _, err := sg.RejudgeRejects(t.Context()); err != nil || sg.size() != size {
			t.Errorf("it was logged again (%v)", err)
		}
	})
}
