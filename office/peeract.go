package office

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"assay/peer"
	"assay/statement"
	"assay/store"
)

func checkPeer(w *work, _ *Person, a *Act, body any) error {
	b := body.(*PeerBody)
	a.Subject = "peer/" + b.Site
	if !plain(b.Site, 64) || b.Site == w.info.Office {
		return fail(Invalid, "site", "name the other office's id", "%q is no other office", clip(b.Site))
	}
	if b.End {
		var ended int64
		err := w.tx.QueryRow(`SELECT ended FROM peers WHERE site = $1`, b.Site).Scan(&ended)
		if errors.Is(err, store.ErrNoRows) || err == nil && ended != 0 {
			return fail(NotFound, "site", "see: assay peer list", "%q is no peer of this office", b.Site)
		}
		return err
	}
	if _, err := peer.ParseBaseURL(b.URL, b.Private); err != nil {
		return &Error{Code: Invalid, Field: "url", Message: err.Error(), Err: err}
	}
	for _, k := range b.Kinds {
		if !statement.Kind(k).Known() {
			return fail(Invalid, "kinds", "for example grant, designation, status, key", "%q is no kind of statement", clip(k))
		}
	}
	if len(b.Schemes) == 0 || len(b.Kinds) == 0 {
		return fail(Invalid, "schemes", "list them", "a peer is believed for the schemes and kinds that its act lists; this one lists none")
	}
	if b.PollMillis < 0 || b.PollMillis > 86_400_000 || b.SilentHours < 0 || b.SilentHours > 24*366 {
		return fail(Invalid, "poll_ms", "", "poll interval or silence bound is out of range")
	}
	_, err := peerDocument(w, b)
	return err
}

// peerDocument holds the fetched document against the fingerprint that was
// compared out of band.
func peerDocument(w *work, b *PeerBody) (peer.Document, error) {
	if b.Document == "" {
		return peer.Document{}, fail(Invalid, "document", "fetch it first: assay peer add does", "the other office's document is missing")
	}
	d, err := peer.ParseDocument([]byte(b.Document), b.Fingerprint)
	if err != nil {
		return d, &Error{Code: Invalid, Field: "document", Message: err.Error(), Hint: "compare the fingerprint with the other office once more, by another way than this network", Err: err}
	}
	if err := d.Current(time.UnixMicro(w.now), 0); err != nil {
		return d, &Error{Code: Invalid, Field: "document", Message: err.Error(), Err: err}
	}
	switch {
	case d.Office != b.Site:
		return d, fail(Invalid, "site", "", "the document is of office %s", clip(d.Office))
	case d.Ring != w.info.Ring:
		return d, fail(Invalid, "document", "one ring never speaks to another", "the office is in ring %q, this one in %q", clip(d.Ring), w.info.Ring)
	}
	for _, s := range b.Schemes {
		c := w.r.cat.Scheme(s)
		if c == nil {
			return d, fail(Invalid, "schemes", "see: assay catalog list schemes", "%q is no scheme", clip(s))
		}
		if !slices.Contains(d.Authorities, c.Authority) {
			return d, fail(Invalid, "schemes", "a peer speaks for itself only", "the scheme %s is not one of that office's authorities", s)
		}
	}
	return d, nil
}

func planPeer(w *work, a *Act, body any) ([]draft, error) {
	b := body.(*PeerBody)
	if err := checkPeer(w, nil, a, b); err != nil {
		return nil, err
	}
	d, err := w.draft(statement.Peer, a.Subject, PeerPayload{Site: b.Site, Fingerprint: b.Fingerprint, Schemes: b.Schemes, Kinds: b.Kinds, End: b.End, Act: a.Digest, Recorded: w.now})
	return []draft{d}, err
}

func donePeer(w *work, a *Act, body any, ps []placed) (any, error) {
	b := body.(*PeerBody)
	res := Result{Index: ps[0].Index, Leaf: ps[0].Leaf}
	if b.End {
		n, err := w.tx.Exec(`UPDATE peers SET ended = $2 WHERE site = $1`, b.Site, w.now)
		if err == nil && n == 0 {
			err = fail(NotFound, "site", "", "no peer %q here", b.Site)
		}
		if err != nil {
			return nil, err
		}
		return res, w.dueForOffice(b.Site)
	}
	d, err := peerDocument(w, b)
	if err != nil {
		return nil, err
	}
	ks, err := w.pinnedBy(&d)
	if err != nil {
		return nil, err
	}
	_, err = w.tx.Exec(`INSERT INTO peers (site, body, document, keys, origin, size, root, note, applied, heard, previous, degraded, trouble, rejected, silent, receipt, receipt_at, receipt_size, ended)
		VALUES ($1, $2, $3, $4, $5, 0, $6, $6, 0, $7, 0, '', '', 0, 0, $6, 0, 0, 0)
		ON CONFLICT (site) DO UPDATE SET body = excluded.body, document = excluded.document, keys = excluded.keys, degraded = '', ended = 0`,
		b.Site, []byte(a.Body), []byte(b.Document), ks, d.Origin, []byte{}, w.now)
	if err != nil {
		return nil, err
	}
	return res, w.dueForOffice(b.Site)
}

// Peers says how each partner stands.
func (o *Office) Peers(ctx context.Context) ([]PeerStatus, error) {
	var out []PeerStatus
	err := o.view(ctx, func(w *work) error {
		rows, err := w.tx.Query(`SELECT p.body, p.origin, p.size, p.applied, p.heard, p.degraded, p.trouble, p.rejected, p.receipt, p.receipt_size, p.receipt_at, p.ended,
			(SELECT COUNT(*) FROM evidence_of_misbehavior e WHERE e.site = p.site) FROM peers p ORDER BY p.site`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var s PeerStatus
			var body, receipt []byte
			var ended int64
			if err := rows.Scan(&body, &s.Origin, &s.Size, &s.Applied, &s.Heard, &s.Degraded, &s.Trouble, &s.Rejected, &receipt, &s.ReceiptSize, &s.ReceiptAt, &ended, &s.Evidence); err != nil {
				return err
			}
			if err := json.Unmarshal(body, &s.PeerBody); err != nil {
				return err
			}
			s.Document, s.End, s.Receipt = "", ended != 0, string(receipt)
			s.Silent = s.silent(s.Heard, w.now)
			out = append(out, s)
		}
		return rows.Err()
	})
	return out, err
}

// LastReceipt and KeepReceipt keep what partners say they applied of this log.
func (o *Office) LastReceipt(ctx context.Context, site string) (r peer.Receipt, ok bool, err error) {
	err = o.view(ctx, func(w *work) error {
		return w.tx.QueryRow(`SELECT receipt_size, receipt_at FROM peers WHERE site = $1`, site).Scan(&r.Size, &r.Time)
	})
	return r, err == nil && r.Time > 0, err
}

// KeepReceipt replaces a site's receipt by a newer one.
func (o *Office) KeepReceipt(ctx context.Context, site string, r peer.Receipt, note []byte) error {
	return o.gate.bulk(func() error {
		return o.update(ctx, func(w *work) error {
			_, err := w.tx.Exec(`UPDATE peers SET receipt = $2, receipt_size = $3, receipt_at = $4 WHERE site = $1 AND receipt_size <= $3 AND receipt_at < $4`, site, note, r.Size, r.Time)
			return err
		})
	})
}

// SignedReceipt is this office's receipt for a site, as served at a fixed path.
func (o *Office) SignedReceipt(ctx context.Context, site string) ([]byte, error) {
	r, err := o.receipt(ctx, site)
	if errors.Is(err, store.ErrNoRows) || err == nil && r.Size == 0 {
		return nil, fail(NotFound, "site", "", "nothing of %q is applied here", clip(site))
	}
	if err != nil {
		return nil, err
	}
	return peer.SignReceipt(r, o.signing.Load().ring.Checkpoint, o.info.Origin)
}

// Document is this office's self-signed description. Addresses are not in it.
func (o *Office) Document() []byte {
	o.doc.Lock()
	defer o.doc.Unlock()
	now := time.UnixMicro(o.now())
	if o.doc.body != nil && now.Before(o.doc.renew) {
		return o.doc.body
	}
	r, s := o.rules.Load(), o.signing.Load()
	d := peer.Document{Office: o.info.Office, Name: o.info.Name, Territory: o.info.Territory, Authorities: o.info.Authorities, Schemes: o.schemes(r),
		Ring: o.info.Ring, Origin: o.info.Origin, Keys: s.records, Serial: uint64(now.Unix()), Issued: now, Expires: now.AddDate(0, 0, 30)}
	b, err := peer.SignDocument(d, s.ring.Identity)
	if err != nil {
		o.log.Error("signing the office document failed", "err", err)
		return nil
	}
	o.doc.body, o.doc.renew = b, now.AddDate(0, 0, 1)
	return b
}

// Fingerprint is what two offices compare out of band.
func (o *Office) Fingerprint() string { return o.signing.Load().ring.Identity.Record.Fingerprint() }
