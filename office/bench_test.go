package office_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"assay/certificate"
	"assay/civil"
	"assay/ledger"
	"assay/office"
	"assay/scheme"
	"assay/statement"
	"assay/store"
	"assay/store/storetest"
)

// manyGrants appends n grants to a node's log, as its office would sign them,
// each asking for a designation in Singapore.
func manyGrants(t testing.TB, n *node, first, count int) {
	t.Helper()
	now := n.clock.Now().UnixMicro()
	today := civil.DateAt(now, time.UTC)
	for from := first; from < first+count; from += 500 {
		var es []ledger.Entry
		for i := from; i < min(from+500, first+count); i++ {
			c := certificate.Certificate{ID: fmt.Sprintf("kr-cic-%d", 1_000_000+i), Number: fmt.Sprintf("CIC-B-%d", i), Office: "kr", Scheme: "kr-cic", Edition: "2021", Level: "basic",
				Attestation: scheme.ThirdParty, Product: certificate.Product{Holder: "kr:many", Brand: "SPECIMEN", Name: "Many", Models: []certificate.Model{{ID: fmt.Sprintf("M-%d", i)}}, Functions: []string{"consumer/smart-home-hub"}},
				Firmware: certificate.Firmware{Rule: scheme.FirmwareOpenSecurity, Versions: []string{"1"}}, Granted: today, Decided: now, Effective: now, Expires: today.AddYears(3), SupportEnd: today.AddYears(4),
				Requests: []certificate.Request{{Scheme: "sg-cls-iot", Declaration: true, Fee: true, Consent: true}}, Act: certificate.Digest{1}, Catalog: fmt.Sprintf("%064d", 1)}
			payload, err := statement.Encode(c)
			if err != nil {
				t.Fatal(err)
			}
			body, err := statement.Sign(n.ring.Statement, statement.Header{Kind: statement.Grant, Issuer: "kr", Origin: n.ID().Origin, Subject: c.ID, Sequence: 1}, payload)
			if err != nil {
				t.Fatal(err)
			}
			es = append(es, ledger.Entry{Kind: "grant", Issuer: "kr", Subject: c.ID, Sequence: 1, Body: body})
		}
		err := n.db.Update(context.Background(), func(tx *store.Tx) error {
			if _, err := tx.LockHead(context.Background()); err != nil {
				return err
			}
			_, err := ledger.Append(context.Background(), tx, tx.Now(), es)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	n.must(n.Publish(context.Background()))
}

// BenchmarkFollow: one entry fetched, verified, applied, decided on, signed
// and logged as a designation here.
func BenchmarkFollow(b *testing.B) {
	clock := storetest.NewClock(start)
	kr, sg := newNode(b, storetest.SQLite(b), "kr", clock), newNode(b, storetest.SQLite(b), "sg", clock)
	sg.follow(kr, "kr-cic")
	sg.automatic(krToSG, 100_000_000)
	kr.follow(sg, "sg-cls-iot")
	sg.sync(kr)
	manyGrants(b, kr, 0, b.N)
	clock.Advance(time.Second)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	b.ResetTimer()
	go func() { sg.Run(ctx); close(done) }()
	sg.must(sg.follower.Step(context.Background(), "kr"))
	for left := int64(1); left > 0; time.Sleep(time.Millisecond) {
		sg.must(sg.db.View(ctx, func(tx *store.Tx) error {
			return tx.QueryRow(`SELECT COUNT(*) FROM due WHERE priority < 2`).Scan(&left)
		}))
	}
	b.StopTimer()
	stop()
	<-done
	es, _, err := sg.Register(context.Background(), office.Query{Office: "kr", Limit: 1})
	if err != nil || len(es) == 0 {
		b.Fatalf("nothing was designated (%v)", err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "designations/s")
}
