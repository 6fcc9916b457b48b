package office

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"assay/keys"
	"assay/peer"
	"assay/scheme"
	"assay/statement"
	"assay/store"
)

// The office is the books of its followers: it keeps how far each peer was
// read, and applies what was verified.

var _ peer.Books = (*Office)(nil)

// Sites lists the peers to follow.
func (o *Office) Sites(ctx context.Context) ([]peer.Site, error) {
	o.sites.mu.Lock()
	defer o.sites.mu.Unlock()
	if o.sites.list != nil && o.now()-o.sites.at < int64(time.Second/time.Microsecond) {
		return o.sites.list, nil
	}
	var list []peer.Site
	names := map[string]scheme.Text{o.info.Office: o.info.Name}
	err := o.view(ctx, func(w *work) (err error) {
		if list, err = readSites(w.tx, o.info.Ring); err != nil {
			return err
		}
		rows, err := w.tx.Query(`SELECT site, document FROM peers`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id string
			var document []byte
			if err := rows.Scan(&id, &document); err != nil {
				return err
			}
			names[id] = nameIn(document)
		}
		return rows.Err()
	})
	if err == nil {
		o.sites.list, o.sites.names, o.sites.at = list, names, o.now()
	}
	return list, err
}

// Names are the names of this office and its partners, as their documents gave
// them when two persons here took them as peers.
func (o *Office) Names(ctx context.Context) (map[string]scheme.Text, error) {
	if _, err := o.Sites(ctx); err != nil {
		return nil, err
	}
	o.sites.mu.Lock()
	defer o.sites.mu.Unlock()
	return o.sites.names, nil
}

// nameIn reads the name in an office document that was verified when it came.
func nameIn(document []byte) scheme.Text {
	var jws struct{ Payload string }
	var d struct{ Name scheme.Text }
	if json.Unmarshal(document, &jws) != nil {
		return nil
	}
	b, err := base64.RawURLEncoding.DecodeString(jws.Payload)
	if err != nil || json.Unmarshal(b, &d) != nil {
		return nil
	}
	return d.Name
}

func site(body, ks []byte, origin, ring string) (peer.Site, error) {
	var b PeerBody
	if err := json.Unmarshal(body, &b); err != nil {
		return peer.Site{}, err
	}
	s := peer.Site{ID: b.Site, BaseURL: b.URL, Origin: origin, Ring: ring, Schemes: b.Schemes, Private: b.Private,
		Poll: time.Duration(b.PollMillis) * time.Millisecond, SilentAfter: time.Duration(b.SilentHours) * time.Hour}
	for _, k := range b.Kinds {
		s.Kinds = append(s.Kinds, statement.Kind(k))
	}
	return s, statement.Decode(ks, &s.Keys)
}

// forgetSites makes the next reader of Sites look again.
func (o *Office) forgetSites() {
	o.sites.mu.Lock()
	o.sites.list = nil
	o.sites.mu.Unlock()
	if o.opt.OnPeers != nil {
		o.opt.OnPeers()
	}
}

// Position reads how far a site was followed.
func (o *Office) Position(ctx context.Context, site string) (p peer.Position, err error) {
	err = o.view(ctx, func(w *work) error {
		var root []byte
		err := w.tx.QueryRow(`SELECT size, root, note, applied FROM peers WHERE site = $1`, site).Scan(&p.Verified.Size, &root, &p.Verified.Note, &p.Applied)
		copy(p.Verified.Root[:], root)
		return err
	})
	return p, err
}

// Verified stores a head before anything under it is applied.
func (o *Office) Verified(ctx context.Context, site string, old int64, head peer.Head) error {
	run := o.gate.first
	if head.Size-old <= batchUrgent { // few: what follows may be a change of status
		run = o.gate.chain
	}
	return run(func() error {
		return o.update(ctx, func(w *work) error {
			if err := w.heardAgain(site); err != nil {
				return err
			}
			n, err := w.tx.Exec(`UPDATE peers SET size = $3, root = $4, note = $5, previous = CASE WHEN size = 0 THEN 0 ELSE heard END, heard = $6, trouble = '', silent = 0
				WHERE site = $1 AND size = $2`, site, old, head.Size, head.Root, head.Note, w.now)
			if err == nil && n == 0 {
				err = peer.ErrMoved
			}
			return err
		})
	})
}

// heardEvery is how often an unchanged checkpoint is written down.
const heardEvery = int64(time.Second / time.Microsecond)

// Heard records that a verified checkpoint arrived, even an unchanged one.
func (o *Office) Heard(ctx context.Context, site string) error {
	var heard int64
	var trouble string
	err := o.view(ctx, func(w *work) error {
		return w.tx.QueryRow(`SELECT heard, trouble FROM peers WHERE site = $1`, site).Scan(&heard, &trouble)
	})
	if err != nil || trouble == "" && o.now()-heard < heardEvery {
		return err
	}
	return o.gate.bulk(func() error {
		return o.update(ctx, func(w *work) error {
			if err := w.heardAgain(site); err != nil {
				return err
			}
			_, err := w.tx.Exec(`UPDATE peers SET heard = $2, trouble = '', silent = 0 WHERE site = $1`, site, w.now)
			return err
		})
	})
}

// heardAgain lets go on what waited for a silent peer. It is called before
// the peer's time is moved.
func (w *work) heardAgain(site string) error {
	var body []byte
	var heard, silent int64
	err := w.tx.QueryRow(`SELECT body, heard, silent FROM peers WHERE site = $1 {{lock}}`, site).Scan(&body, &heard, &silent)
	if err != nil {
		return err
	}
	var b PeerBody
	if err := json.Unmarshal(body, &b); err != nil {
		return err
	}
	if silent == 0 && !b.silent(heard, w.now) { // no calendar may have ticked in between
		return nil
	}
	w.wakeReconcilers()
	return w.dueForOffice(site)
}

// silent reports whether a peer heard at an instant is past its bound now.
func (b *PeerBody) silent(heard, now int64) bool {
	return b.SilentHours > 0 && now-heard > b.SilentHours*int64(time.Hour/time.Microsecond)
}

func (w *work) dueForOffice(office string) error {
	_, err := w.tx.Exec(`INSERT INTO due (office, id, at, priority) SELECT office, id, $1, 2 FROM certificates WHERE office = $2
		ON CONFLICT (office, id) DO UPDATE SET at = CASE WHEN due.at < excluded.at THEN due.at ELSE excluded.at END`, w.now, office)
	return err
}

// Trouble records why a round failed.
func (o *Office) Trouble(ctx context.Context, site string, code string, cause error) error {
	o.log.Warn("following failed", "site", site, "code", code, "err", cause)
	return o.update(ctx, func(w *work) error {
		var old string
		err := w.tx.QueryRow(`SELECT trouble FROM peers WHERE site = $1 {{lock}}`, site).Scan(&old)
		if err != nil || old == code {
			return err
		}
		if _, err := w.tx.Exec(`UPDATE peers SET trouble = $2 WHERE site = $1`, site, code); err != nil {
			return err
		}
		if code == peer.Unreachable || code == peer.Undelivered { // a network, or a partner that has not paired yet; silence past the bound is told by the calendar
			return nil
		}
		return w.alarm("peer-"+code, site, "", map[string]string{"error": clip(cause.Error())})
	})
}

// Fork stores evidence against a site, raises the alarm, and stops taking
// anything new from it until a person has acted.
func (o *Office) Fork(ctx context.Context, site string, e peer.Evidence) error {
	type head struct {
		Size int64  `json:"size"`
		Root string `json:"root"`
		Note string `json:"note"`
	}
	ev := struct {
		Site  string   `json:"site"`
		Kind  string   `json:"kind"`
		Held  head     `json:"held"`
		Got   head     `json:"got"`
		Proof []string `json:"proof,omitempty"`
		Error string   `json:"error"`
	}{site, e.Kind, head{e.Held.Size, hex.EncodeToString(e.Held.Root[:]), string(e.Held.Note)}, head{e.Got.Size, hex.EncodeToString(e.Got.Root[:]), string(e.Got.Note)}, nil, e.Err}
	for _, h := range e.Proof {
		ev.Proof = append(ev.Proof, hex.EncodeToString(h[:]))
	}
	body, err := json.Marshal(ev)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(body)
	for range 4 { // the subject may get another statement while this one is signed
		err = o.accuse(ctx, accusation{site: site, kind: e.Kind, text: e.Err, digest: digest, body: body, degrades: true})
		if !errors.Is(err, errMoved) {
			break
		}
	}
	return err
}

// accusation is evidence against a peer, signed by itself. Two histories put
// all that it says in doubt; two statements of one subject only that subject,
// which the rejected one holds already.
type accusation struct {
	site, kind, subject, text string
	digest                    [32]byte
	body                      []byte
	degrades                  bool
}

// accuse keeps evidence against a site and logs its digest in one transaction:
// a crash leaves both or neither.
func (o *Office) accuse(ctx context.Context, a accusation) error {
	var d draft
	known := false
	err := o.view(ctx, func(w *work) error {
		var at int64
		err := w.tx.QueryRow(`SELECT at FROM evidence_of_misbehavior WHERE digest = $1`, a.digest).Scan(&at)
		if !errors.Is(err, store.ErrNoRows) {
			known = true
			return err
		}
		d, err = w.draft(statement.Misbehavior, "misbehavior/"+a.site, MisbehaviorPayload{Site: a.site, Kind: a.kind, Digest: a.digest, Recorded: w.now})
		return err
	})
	if err != nil || known {
		return err
	}
	ps, err := o.sign([]draft{d})
	if err != nil {
		return err
	}
	err = o.update(ctx, func(w *work) error {
		if err := w.append(ps); err != nil {
			return err
		}
		_, err := w.tx.Exec(`INSERT INTO evidence_of_misbehavior (digest, site, kind, body, at) VALUES ($1, $2, $3, $4, $5)`, a.digest, a.site, a.kind, a.body, w.now)
		if err != nil {
			return err
		}
		if _, err := w.blob("misbehavior", true, a.body); err != nil {
			return err
		}
		if err := w.alarm(a.kind, a.site, a.subject, map[string]string{"kind": a.kind, "evidence": hex.EncodeToString(a.digest[:]), "error": clip(a.text)}); err != nil || !a.degrades {
			return err
		}
		if _, err := w.tx.Exec(`UPDATE peers SET degraded = $2 WHERE site = $1`, a.site, a.kind); err != nil {
			return err
		}
		return w.dueForOffice(a.site)
	})
	if err == nil {
		wake(o.publishc)
		o.wakeReconcilers()
	}
	return err
}

// Apply enters a batch of a peer's statements and moves the applied index in
// the same transaction. What cannot be taken is kept with its reason; where
// its subject can be read, what rests on it is held until somebody has looked.
func (o *Office) Apply(ctx context.Context, site string, b peer.Batch) error {
	urgent := slices.ContainsFunc(b.Items, func(i peer.Item) bool { return i.Statement != nil && i.Statement.Kind == statement.Status })
	run := o.gate.bulk
	if urgent && len(b.Items) <= batchUrgent {
		run = o.gate.chain
	}
	err := run(func() error { return o.update(ctx, func(w *work) error { return w.applyBatch(site, b) }) })
	if err == nil {
		if slices.ContainsFunc(b.Items, func(i peer.Item) bool { return i.Statement != nil && i.Statement.Kind == statement.Key }) {
			o.forgetSites()
		}
		o.wakeReconcilers()
		// Afterwards: a crash before it leaves the rejected entries, which the next start accuses by.
		if aerr := o.accuseEquivocal(ctx, site, b.From); aerr != nil {
			o.log.Error("logging evidence of two statements under one number failed; tried again at the next start", "site", site, "err", aerr)
		}
	}
	return err
}

func (w *work) applyBatch(site string, b peer.Batch) error {
	var applied, previous, rejected int64
	var held []byte
	err := w.tx.QueryRow(`SELECT applied, previous, rejected, keys FROM peers WHERE site = $1 {{lock}}`, site).Scan(&applied, &previous, &rejected, &held)
	if err != nil {
		return err
	}
	var pinned []keys.Record
	if err := statement.Decode(held, &pinned); err != nil {
		return err
	}
	if applied != b.From {
		return peer.ErrMoved
	}
	var subjects []string
	for i := range b.Items {
		if st := b.Items[i].Statement; st != nil && b.Items[i].Err == nil {
			subjects = append(subjects, st.Subject)
		}
	}
	known, err := w.heads(site, subjects)
	if err != nil {
		return err
	}
	w.fresh = new(fresh)
	defer func() { w.fresh = nil }()
	for i := range b.Items {
		it := &b.Items[i]
		code, subject := "", ""
		if it.Statement != nil {
			subject = it.Statement.Subject
		}
		if it.Err != nil {
			code = peer.Code(it.Err)
		} else if keyEnded(pinned, it.Statement, w.now) {
			code = rejKeyEnded
		} else if code, err = w.take(site, it, previous, known); err != nil {
			return err
		} else if it.Statement.Kind == statement.Key { // what follows is judged by the keys of its place in the log
			if pinned, err = w.pinned(site); err != nil {
				return err
			}
		}
		if code != "" {
			if err := w.reject(site, it, code, subject); err != nil {
				return err
			}
			rejected++
		}
	}
	if err := w.flush(); err != nil {
		return err
	}
	_, err = w.tx.Exec(`UPDATE peers SET applied = $2, rejected = $3 WHERE site = $1`, site, b.To, rejected)
	return err
}

// take enters one verified statement; code is why it is not taken. previous is
// when the head before this one was last seen to be the peer's newest.
func (w *work) take(site string, it *peer.Item, previous int64, known map[string]subjectHead) (code string, err error) {
	s := it.Statement
	digest := s.Digest()
	last := known[s.Subject]
	switch {
	case int64(s.Sequence) == last.seq && last.digest == digest:
		return rejReplayed, nil
	case int64(s.Sequence) <= last.seq:
		if err := w.flush(); err != nil {
			return "", err
		}
		return w.olderOrEquivocal(site, s, int64(s.Sequence) == last.seq)
	case int64(s.Sequence) != last.seq+1, last.seq > 0 && last.digest != s.Previous:
		return rejGap, nil
	}
	said, err := hear(s.Kind, s.Subject, s.Sequence, s.Payload)
	if err != nil {
		return rejPayload, nil
	}
	if code, err := w.fits(site, said); code != "" || err != nil {
		return code, err
	}
	var rekey *rekeyed
	if s.Kind == statement.Key {
		if rekey, err = w.rekey(site, s); rekey == nil || err != nil {
			return rejPayload, err
		}
	}
	a := arrival{received: w.now}
	a.backdated = w.backdated(said, previous)
	if err := w.advance(site, s.Subject, s.Sequence, s.Previous, digest); err != nil {
		return "", err
	}
	known[s.Subject] = subjectHead{int64(s.Sequence), digest}
	if err := w.project(site, said, it.Index, it.Leaf, a); err != nil {
		return "", err
	}
	switch s.Kind {
	case statement.Grant, statement.Designation:
		w.fresh.due = append(w.fresh.due, []any{site, s.Subject, w.now, 1})
	case statement.Status:
		err = w.due(site, s.Subject, w.now, 0)
	case statement.Key:
		err = w.pin(site, rekey, it.Index)
	}
	return "", err
}

// olderOrEquivocal tells a replay from two statements under one number. The
// digests of older statements are not kept; their bodies are, as events.
func (w *work) olderOrEquivocal(site string, s *statement.Statement, current bool) (string, error) {
	var body []byte
	var err error
	if s.Sequence == 1 {
		err = w.tx.QueryRow(`SELECT body FROM certificates WHERE office = $1 AND id = $2`, site, s.Subject).Scan(&body)
	} else {
		err = w.tx.QueryRow(`SELECT body FROM events WHERE office = $1 AND id = $2 AND seq = $3`, site, s.Subject, int64(s.Sequence)).Scan(&body)
	}
	switch {
	case errors.Is(err, store.ErrNoRows) && current: // a kind whose bodies are not kept: the digest told them apart
		return rejEquivoc, nil
	case errors.Is(err, store.ErrNoRows), err == nil && string(body) == string(s.Payload):
		return rejReplayed, nil
	}
	return rejEquivoc, err
}

// backdated reports whether a grant is dated before what its office had
// published already: by this office's own observation, whatever the other's
// statements say of time.
func (w *work) backdated(s *said, previous int64) bool {
	if s.cert == nil || previous == 0 {
		return false
	}
	// An office decides, records and publishes within moments; a day is more
	// than any of it takes, and less than a back-dater needs.
	const day = int64(24 * time.Hour / time.Microsecond)
	// What lay under an embargo was decided long before, and takes effect now.
	dated := min(s.cert.Effective, s.cert.Granted.End(w.r.zoneOf(s.cert.Scheme)))
	return dated < previous-day
}

// due puts a source on the list to be looked at. The earlier time and the
// more urgent priority win.
func (w *work) due(office, id string, at int64, priority int) error {
	_, err := w.tx.Exec(`INSERT INTO due (office, id, at, priority) VALUES ($1, $2, $3, $4) ON CONFLICT (office, id) DO UPDATE SET
		at = CASE WHEN due.at < excluded.at THEN due.at ELSE excluded.at END,
		priority = CASE WHEN due.priority < excluded.priority THEN due.priority ELSE excluded.priority END`, office, id, at, int64(priority))
	return err
}

// Receipt gives the text of what this office has applied of a site's log.
func (o *Office) Receipt(ctx context.Context, site string) (string, bool, error) {
	r, err := o.receipt(ctx, site)
	if err != nil || r.Size == 0 {
		return "", false, err
	}
	return r.Text(), true, nil
}

func (o *Office) receipt(ctx context.Context, site string) (r peer.Receipt, err error) {
	err = o.view(ctx, func(w *work) error {
		var root []byte
		var size int64
		err := w.tx.QueryRow(`SELECT origin, applied, size, root FROM peers WHERE site = $1`, site).Scan(&r.Origin, &r.Size, &size, &root)
		if err != nil {
			return err
		}
		if r.Size != size { // the root is that of the head; between two heads there is no receipt
			r.Size = 0
			return nil
		}
		copy(r.Root[:], root)
		r.Receiver, r.Time = o.info.Office, w.now
		h := sha256.New()
		rows, err := w.tx.Query(`SELECT log_index, code FROM rejects WHERE site = $1 ORDER BY log_index`, site)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var i int64
			var code string
			if err := rows.Scan(&i, &code); err != nil {
				return err
			}
			fmt.Fprintf(h, "%d %s\n", i, code)
		}
		h.Sum(r.Held[:0])
		return rows.Err()
	})
	return r, err
}
