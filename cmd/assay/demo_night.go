package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"assay/certificate"
	"assay/civil"
	"assay/client"
	"assay/ledger"
	"assay/office"
	"assay/recognition"
	"assay/scheme"
	"assay/statement"
	"assay/store"
)

func (d *demo) badNight(ctx context.Context) error {
	for _, f := range []func(context.Context) error{d.refusedOnce, d.thief, d.cutOff, d.fork} {
		if err := f(ctx); err != nil {
			return err
		}
	}
	return nil
}

// refusedOnce: what Singapore once refused arrives as a Korean grant.
func (d *demo) refusedOnce(ctx context.Context) error {
	ev, err := d.product(hubFile, "SPECIMEN Hanbit Hub Zero", "HB-900", "consumer/smart-home-hub")
	if err != nil {
		return err
	}
	id := client.NewID()
	sg := d.sg
	a, err := sg.as["hanbit"].Apply(ctx, id, client.Apply{Scheme: cls, Level: "1", Evidence: ev})
	if err != nil {
		return err
	}
	if a, err = sg.as["registrar"].Complete(ctx, id, a.Version); err != nil {
		return err
	}
	_, act, err := sg.as["evaluator"].Evaluate(ctx, id, a.Version, office.Evaluation{Recommend: "refuse", Reason: "declaration-false"})
	if err != nil {
		return err
	}
	if _, err = sg.as["officer-2"].Approve(ctx, act.ID, act.Version, client.NoWait); err != nil {
		return err
	}
	_, r, err := d.kr.apply(ctx, "hanbit", ev, cic, "basic", ask(cls, makers["hanbit"]))
	if err != nil {
		return err
	}
	arr, err := sg.arrival(ctx, d.kr, r.Certificate)
	if err != nil {
		return err
	}
	w, err := outcomeOf(&arr, cls, recognition.ToReview, "own.record")
	if err != nil {
		return err
	}
	d.say("A product that Singapore once refused arrives as Korean grant %s: review. %s", r.Number, because(w))
	return nil
}

// thief: somebody in the Korean office, with its statement key and its
// database, signs thousands of grants in a night. An honest suspension stands
// behind them in the same log.
func (d *demo) thief(ctx context.Context) error {
	ev, err := d.product(hubFile, "SPECIMEN Hanbit Hub Mini", "HB-301", "consumer/smart-home-hub")
	if err != nil {
		return err
	}
	_, mini, err := d.kr.apply(ctx, "hanbit", ev, cic, "basic", ask(cls, makers["hanbit"]))
	if err != nil {
		return err
	}
	e, err := d.sg.designation(ctx, mini.Certificate)
	if err != nil {
		return err
	}
	from := time.Now()
	if err := d.flood(ctx); err != nil {
		return err
	}
	signed := took(from)
	from = time.Now()
	act, _, err := d.kr.act(ctx, office.ActSuspend, office.MeasureBody{Certificate: mini.Certificate, Reason: "vulnerability-unfixed"})
	if err != nil {
		return err
	}
	a, err := d.sg.stateIs(ctx, e.Certificate.ID, certificate.Suspended)
	if err != nil {
		return err
	}
	known := millis(a.Events[len(a.Events)-1].Recorded - act.ApprovedAt)
	waiting, braked, err := d.backlog(ctx)
	if err != nil {
		return err
	}
	d.say("A night: %d grants signed with Korea's key in %s, an honest suspension behind them in the same log", d.night, signed)
	d.say("The suspension acts in Singapore after %.0f ms, while %d of the grants still wait to be looked at", known, waiting)
	for waiting > 0 {
		time.Sleep(100 * time.Millisecond)
		if waiting, braked, err = d.backlog(ctx); err != nil {
			return err
		}
	}
	n, err := d.night0(ctx)
	if err != nil {
		return err
	}
	if n > 50 || braked == 0 {
		return fmt.Errorf("the brake let %d through (%d stopped)", n, braked)
	}
	d.say("The brake: %d designated, then %d stopped for review with an alarm (%s in all)", n, braked, took(from))
	return nil
}

// flood signs the night's grants and appends them to Korea's log.
func (d *demo) flood(ctx context.Context) error {
	cat, err := d.kr.as["admin-1"].Catalog(ctx)
	if err != nil {
		return err
	}
	now := time.Now().UnixMicro()
	seoul, err := time.LoadLocation("Asia/Seoul")
	if err != nil {
		return err
	}
	today := civil.DateAt(now, seoul)
	edition := cat.Scheme(cic).EditionOn(today)
	const batch = 500
	for first := 0; first < d.night; first += batch {
		var es []ledger.Entry
		for i := first; i < min(first+batch, d.night); i++ {
			c := certificate.Certificate{ID: fmt.Sprintf("%s-%d", cic, 1_000_000+i), Number: fmt.Sprintf("CIC-NIGHT-%05d", i), Office: "kr", Scheme: cic, Edition: edition.ID, Level: "basic",
				Attestation: scheme.ThirdParty, Basis: edition.Bases,
				Product:  certificate.Product{Holder: "kr:nobody", Brand: "SPECIMEN", Name: "SPECIMEN Night", Models: []certificate.Model{{ID: fmt.Sprintf("N-%d", i)}}, Functions: []string{"consumer/smart-home-hub"}},
				Firmware: certificate.Firmware{Rule: edition.Firmware, Versions: []string{"1"}}, Granted: today, Decided: now, Effective: now,
				Expires: today.AddYears(3), SupportEnd: today.AddYears(5), Requests: asked(cls), Act: certificate.Digest{1}, Catalog: cat.Digest}
			payload, err := statement.Encode(c)
			if err != nil {
				return err
			}
			body, err := statement.Sign(d.kr.ring.Statement, statement.Header{Kind: statement.Grant, Issuer: "kr", Origin: d.kr.info.Origin, Subject: c.ID, Sequence: 1}, payload)
			if err != nil {
				return err
			}
			es = append(es, ledger.Entry{Kind: string(statement.Grant), Issuer: "kr", Subject: c.ID, Sequence: 1, Body: body})
		}
		err := d.kr.node.DB.Update(ctx, func(tx *store.Tx) error {
			if _, err := tx.LockHead(ctx); err != nil {
				return err
			}
			_, err := ledger.Append(ctx, tx, tx.Now(), es)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// backlog is how many of the night's grants Singapore has not looked at, and
// how many the brake stopped.
func (d *demo) backlog(ctx context.Context) (waiting, braked int, err error) {
	err = d.sg.node.DB.View(ctx, func(tx *store.Tx) error {
		var seen, stopped int64
		if err := tx.QueryRow(`SELECT COUNT(*) FROM arrivals WHERE office = $1 AND id LIKE $2`, "kr", cic+"-1______").Scan(&seen); err != nil {
			return err
		}
		if err := tx.QueryRow(`SELECT COALESCE(MAX(n), 0) FROM alarms WHERE kind = $1`, "brake").Scan(&stopped); err != nil {
			return err
		}
		waiting, braked = d.night-int(seen), int(stopped)
		return nil
	})
	return waiting, braked, err
}

// night0 counts the night's grants that were designated.
func (d *demo) night0(ctx context.Context) (n int, err error) {
	after := ""
	for {
		p, err := d.sg.as["officer-1"].Search(ctx, office.Query{Text: "night", After: after, Limit: 200})
		if err != nil {
			return 0, err
		}
		n += len(p.Items)
		if after = p.Next; after == "" {
			return n, nil
		}
	}
}

// cutOff: nobody can read Korea for a while; then everything is there.
func (d *demo) cutOff(ctx context.Context) error {
	d.kr.wire.cut(true)
	act, _, err := d.kr.act(ctx, office.ActSuspend, office.MeasureBody{Certificate: d.hub, Reason: "vulnerability-unfixed"})
	if err != nil {
		return err
	}
	time.Sleep(400 * time.Millisecond)
	a, err := d.sg.as["officer-1"].Certificate(ctx, d.hubSG, 0, 0)
	if err != nil {
		return err
	}
	if a.Standing.State != certificate.Valid {
		return fmt.Errorf("Singapore knows through a cut wire: %s", a.Standing.State)
	}
	peers, err := d.sg.as["officer-1"].Peers(ctx)
	if err != nil {
		return err
	}
	trouble := ""
	for _, p := range peers {
		if p.Site == "kr" {
			trouble = p.Trouble
		}
	}
	d.kr.wire.cut(false)
	from := time.Now()
	if _, err := d.sg.stateIs(ctx, d.hubSG, certificate.Suspended); err != nil {
		return err
	}
	d.say("Korea is cut off and suspends the hub meanwhile: Singapore shows the peer as %q; %s after the wire is mended the hub is suspended there", strings.TrimSpace(trouble), took(from))
	if _, _, err := d.kr.act(ctx, office.ActReinstate, office.MeasureBody{Certificate: d.hub, Reason: "vulnerability-fixed"}); err != nil {
		return err
	}
	_, err = d.sg.stateIs(ctx, d.hubSG, certificate.Valid)
	_ = act
	return err
}

// fork: with a stolen log key another history of the same size is signed and
// shown to Singapore.
func (d *demo) fork(ctx context.Context) error {
	head := ledger.Head{}
	var peers []office.PeerStatus
	peers, err := d.sg.as["officer-1"].Peers(ctx)
	if err != nil {
		return err
	}
	for _, p := range peers {
		if p.Site == "kr" {
			head.Size = p.Size
		}
	}
	head.Root = [32]byte{0xbd}
	note, err := ledger.Checkpoint(d.kr.info.Origin, head, d.kr.ring.Checkpoint)
	if err != nil {
		return err
	}
	if err := post(ctx, d.sg.node.URL+"/peer/hint", note); err != nil {
		return err
	}
	ev, err := await(ctx, "evidence of the fork", func() (office.PeerStatus, bool, error) {
		peers, err := d.sg.as["officer-1"].Peers(ctx)
		for _, p := range peers {
			if p.Site == "kr" && p.Degraded != "" {
				return p, true, err
			}
		}
		return office.PeerStatus{}, false, err
	})
	if err != nil {
		return err
	}
	es, err := d.sg.as["officer-1"].Evidence(ctx, "kr")
	if err != nil || len(es) == 0 {
		return fmt.Errorf("no evidence is shown (%w)", err)
	}
	d.say("A stolen log key signs another history of %d entries: Singapore holds both signed heads as evidence (%s, %d bytes), takes nothing new from Korea, and keeps what it has", head.Size, ev.Degraded, len(es[0]))
	a, err := d.sg.as["officer-1"].Certificate(ctx, d.hubSG, 0, 0)
	if err != nil {
		return err
	}
	if !a.Stale {
		return fmt.Errorf("the answer for %s does not show the doubt", d.hubSG)
	}
	d.say("Every answer that rests on Korea says so: %s, in doubt", a.Standing.State)
	return nil
}
