package office

import (
	"context"

	"assay/certificate"
	"assay/civil"
	"assay/market"
	"assay/recognition"
	"assay/scheme"
)

// Market answers whether the product of a certificate of this office may be
// sold in a market on a day: with all labels that this register holds for the
// product's holder and models, and what the asker states besides.
func (o *Office) Market(ctx context.Context, marketID, id string, day civil.Date, facts map[string]scheme.Answer) (any, error) {
	var out market.Answer
	err := o.view(ctx, func(w *work) error {
		h, err := w.own(id)
		if err != nil {
			return err
		}
		peers := &planner{work: w, peers: map[string]recognition.Peer{}}
		p := &market.Product{Functions: h.Certificate.Product.Functions, Approvals: facts}
		ids, err := w.strings(`SELECT id FROM certificates WHERE office = $1 AND holder = $2 ORDER BY log_index`, o.info.Office, h.Certificate.Product.Holder)
		if err != nil {
			return err
		}
		for _, x := range ids {
			g, err := w.own(x)
			if err != nil {
				return err
			}
			if !sharesModel(g.Certificate, h.Certificate) {
				continue
			}
			zone := w.r.zoneOf(g.Certificate.Scheme)
			s := certificate.At(g.Certificate, g.Events, zone, max(w.now, day.End(zone)-1), w.now)
			stale, err := peers.restsOnSilence(g.Certificate)
			if err != nil {
				return err
			}
			valid := scheme.No
			switch {
			case s.State == certificate.Valid && !stale:
				valid = scheme.Yes
			case s.State == certificate.Valid, s.State == certificate.Held:
				valid = scheme.Undetermined
			}
			p.Labels = append(p.Labels, market.Label{Scheme: g.Certificate.Scheme, Level: s.Amended.Level, Number: s.Amended.Number, State: string(s.State), Valid: valid})
		}
		out = market.Check(w.r.market, marketID, p, day)
		return nil
	})
	return out, err
}

func sharesModel(a, b *certificate.Certificate) bool {
	for _, m := range a.Product.Models {
		for _, n := range b.Product.Models {
			if m.ID == n.ID {
				return true
			}
		}
	}
	return false
}
