package office

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"assay/certificate"
	"assay/keys"
	"assay/peer"
	"assay/statement"
	"assay/store"
)

// What a peer's log holds and this office could not take. It is kept whole,
// what rests on its subject is held, and it is read again when this program
// or the catalog has become newer. Where that does not help, two persons
// disregard it: by the case of kind doubt that lies on the desk for each
// subject in doubt.

// rejection codes given here, besides those of package peer.
const (
	rejReplayed = "replayed"     // the subject has this statement already
	rejEquivoc  = "equivocation" // two statements with one sequence number
	rejGap      = "out-of-sequence"
	rejPayload  = "payload"
	rejKeyEnded = "key-ended" // signed by a key after the log itself ended it
)

// keyEnded reports whether a statement is signed by a key that the log ended
// before it: the order of the log is the one clock that a thief cannot set.
func keyEnded(pinned []keys.Record, s *statement.Statement, now int64) bool {
	return slices.ContainsFunc(pinned, func(k keys.Record) bool {
		return k.Role == s.Kind.Role() && string(k.ID) == string(s.KeyID) && k.NotAfter != 0 && k.NotAfter <= now
	})
}

// fits checks what a statement says against its header and the history it
// would join. It is found here, before anything is written: an error later
// would end the transaction, and with it the batch.
func (w *work) fits(site string, s *said) (string, error) {
	switch {
	case s.cert != nil:
		if fitsHeader(s, site) != nil || !wellFormed(s.cert) {
			return rejPayload, nil
		}
	case s.event != nil:
		if err := w.flush(); err != nil { // its grant may stand in the same batch
			return "", err
		}
		h, err := w.history(site, s.subject)
		if errors.Is(err, store.ErrNoRows) {
			return rejGap, nil
		}
		if err != nil {
			return "", err
		}
		e := *s.event
		e.Sequence = s.sequence
		if err := certificate.Check(h.Certificate, h.Events, &e); err != nil {
			return rejPayload, nil
		}
	}
	return "", nil
}

// wellFormed bounds what a foreign certificate says before any of it reaches
// an index, a page or a designation.
func wellFormed(c *certificate.Certificate) bool {
	texts := []string{c.Number, c.Scheme, c.Edition, c.Level, c.Product.Brand, c.Product.Name, c.Supersedes}
	for _, m := range c.Product.Models {
		if m.ID == "" {
			return false
		}
		texts = append(append(append(texts, m.ID, m.Hardware), m.Variants...), m.Functions...)
	}
	if d := c.Derived; d != nil {
		texts = append(append(texts, d.Source.Office, d.Source.Origin, d.Certificate, d.Number, d.Scheme, d.Level, d.Arrangement, d.Clause, string(d.Mode), d.Policy), d.Chain...)
	}
	return !c.Granted.IsZero() && plain(c.Product.Holder, 64) && len(c.Product.Models) <= 1000 &&
		!slices.ContainsFunc(append(texts, c.Product.Functions...), func(s string) bool { return !clean(s) })
}

// reject keeps what could not be taken, whole, and holds what rests on it.
func (w *work) reject(site string, it *peer.Item, code, subject string) error {
	if err := w.flush(); err != nil { // its subject may be among what was gathered
		return err
	}
	_, err := w.tx.Exec(`INSERT INTO rejects (site, log_index, code, subject, body, at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (site, log_index) DO NOTHING`,
		site, it.Index, code, printable(subject), it.Body, w.now)
	if err != nil {
		return err
	}
	if err := w.alarm("rejected", site, printable(subject), map[string]string{"code": code, "index": fmt.Sprint(it.Index)}); err != nil {
		return err
	}
	if code == rejReplayed { // nothing new was said
		return nil
	}
	if subject == "" {
		_, err := w.tx.Exec(`UPDATE peers SET degraded = CASE WHEN degraded = '' THEN 'unreadable' ELSE degraded END WHERE site = $1`, site)
		return err
	}
	was, err := w.doubt(site, subject)
	if errors.Is(err, store.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	// Each rejection is a doubt of its own: what a person released does not
	// cover the next one. What a stolen key may have signed stays in doubt beside it.
	doubt := fmt.Sprintf("%s-%d", code, it.Index)
	if k := keyDoubtIn(was); k != "" {
		doubt += ":" + k
	}
	if _, err := w.tx.Exec(`UPDATE subjects SET doubt = $3 WHERE office = $1 AND subject = $2`, site, subject, doubt); err != nil {
		return err
	}
	if err := w.doubtCase(site, subject, code); err != nil {
		return err
	}
	return w.due(site, subject, w.now, 0)
}

func printable(s string) string {
	if clean(s) {
		return s
	}
	return ""
}

func (w *work) doubt(site, subject string) (s string, err error) {
	err = w.tx.QueryRow(`SELECT doubt FROM subjects WHERE office = $1 AND subject = $2 {{lock}}`, site, subject).Scan(&s)
	return s, err
}

// doubtCase puts a subject in doubt on the desk, in place of the case of an
// earlier doubt: what was proposed about that was said without knowing of this.
func (w *work) doubtCase(site, subject, code string) error {
	_, err := w.tx.Exec(`UPDATE cases SET state = 'moot', version = version + 1 WHERE office = $1 AND source = $2 AND kind = 'doubt' AND state = 'open'`, site, subject)
	if err != nil {
		return err
	}
	return w.openCase(Case{Kind: "doubt", Office: site, Source: subject, Why: code}, []byte{})
}

// trusted ends the doubt about a subject; what was held for it is released by
// the next reconciliation.
func (w *work) trusted(site, subject string) error {
	n, err := w.tx.Exec(`UPDATE subjects SET doubt = '' WHERE office = $1 AND subject = $2 AND doubt <> ''`, site, subject)
	if err != nil || n == 0 {
		return err
	}
	return w.due(site, subject, w.now, 0)
}

// Reject is an entry of a peer's log that could not be taken.
type Reject struct {
	Site    string `json:"site"`
	Index   int64  `json:"index"`
	Code    string `json:"code"`
	Subject string `json:"subject,omitempty"`
	At      int64  `json:"at"`
	Body    []byte `json:"body"`
}

// Rejects lists what a site's log holds and could not be taken, in its order.
func (o *Office) Rejects(ctx context.Context, by *Person, site, after string, limit int) ([]Reject, string, error) {
	if err := need(by, staff...); err != nil {
		return nil, "", err
	}
	return paged(after, limit, func(c cursor, n int) (out []Reject, err error) {
		err = o.view(ctx, func(w *work) error {
			out, err = w.rejects(site, c.At, n)
			return err
		})
		return out, err
	}, func(r *Reject) cursor { return cursor{At: r.Index} })
}

func (w *work) rejects(site string, after int64, n int) ([]Reject, error) {
	rows, err := w.tx.Query(`SELECT log_index, code, subject, body, at FROM rejects WHERE site = $1 AND log_index > $2 ORDER BY log_index LIMIT $3`, site, after, n)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Reject
	for rows.Next() {
		r := Reject{Site: site}
		if err := rows.Scan(&r.Index, &r.Code, &r.Subject, &r.Body, &r.At); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// RejudgeRejects reads again what was rejected, in the order of each log, and
// takes what can be taken now. It returns how much that was. It is called
// when the catalog in force or what a peer may say changes, and when the
// program starts: a newer one of any of them may take more. Running it twice changes nothing.
func (o *Office) RejudgeRejects(ctx context.Context) (taken int, err error) {
	o.forgetSites()
	sites, err := o.Sites(ctx)
	if err != nil {
		return 0, err
	}
	for i := range sites {
		if err := o.accuseEquivocal(ctx, sites[i].ID, 0); err != nil {
			return taken, fmt.Errorf("logging evidence against %s: %w", sites[i].ID, err)
		}
		for after, more := int64(-1), true; more; {
			n, from := 0, after // the transaction may be repeated
			err := o.gate.bulk(func() error {
				return o.update(ctx, func(w *work) (err error) {
					after, more, n, err = w.rejudge(&sites[i], from)
					return err
				})
			})
			if err != nil {
				return taken, fmt.Errorf("reading the rejected entries of %s again: %w", sites[i].ID, err)
			}
			taken += n
		}
	}
	if taken > 0 {
		o.wakeReconcilers()
	}
	return taken, nil
}

// rejudge takes one page of a site's rejected entries after an index.
func (w *work) rejudge(s *peer.Site, from int64) (after int64, more bool, taken int, err error) {
	const page = 64
	var previous int64
	if err := w.tx.QueryRow(`SELECT previous FROM peers WHERE site = $1 {{lock}}`, s.ID).Scan(&previous); err != nil {
		return from, false, 0, err
	}
	rs, err := w.rejects(s.ID, from, page)
	if err != nil {
		return from, false, 0, err
	}
	w.fresh = new(fresh)
	defer func() { w.fresh = nil }()
	after = from
	for i := range rs {
		r := &rs[i]
		after = r.Index
		if r.Code == rejReplayed || r.Code == rejEquivoc || r.Code == rejKeyEnded { // no reader makes these better
			continue
		}
		it := peer.Judge(s, r.Index, r.Body, w.now)
		code, subject := peer.Code(it.Err), r.Subject
		if it.Statement != nil {
			subject = it.Statement.Subject
		}
		if it.Err == nil {
			pinned, err := w.pinned(s.ID)
			if err != nil {
				return after, false, taken, err
			}
			// The key statement ended the batch that it came in: what stood
			// before it in the log is kept with the same instant at the latest.
			if keyEnded(pinned, it.Statement, r.At-1) {
				continue
			}
			known, err := w.heads(s.ID, []string{subject})
			if err != nil {
				return after, false, taken, err
			}
			if code, err = w.take(s.ID, &it, min(previous, r.At), known); err != nil {
				return after, false, taken, err
			}
			if err := w.flush(); err != nil {
				return after, false, taken, err
			}
		}
		if code != "" {
			continue
		}
		taken++
		if _, err := w.tx.Exec(`DELETE FROM rejects WHERE site = $1 AND log_index = $2`, s.ID, r.Index); err != nil {
			return after, false, taken, err
		}
		if err := w.cleared(s.ID, subject); err != nil {
			return after, false, taken, err
		}
		if err := w.lateDoubt(s.ID, r.Index); err != nil {
			return after, false, taken, err
		}
	}
	return after, len(rs) == page, taken, nil
}

// cleared ends the doubt of a subject, and of the peer, once nothing of it is
// left rejected. Doubt about a stolen key only persons end.
func (w *work) cleared(site, subject string) error {
	var left, unread int64
	err := w.tx.QueryRow(`SELECT COUNT(*) FROM rejects WHERE site = $1 AND subject = $2 AND code <> $3`, site, subject, rejReplayed).Scan(&left)
	if err != nil {
		return err
	}
	was, err := w.doubt(site, subject)
	if err != nil && !errors.Is(err, store.ErrNoRows) {
		return err
	}
	if k := keyDoubtIn(was); left == 0 && k != "" {
		if _, err := w.tx.Exec(`UPDATE subjects SET doubt = $3 WHERE office = $1 AND subject = $2`, site, subject, k); err != nil {
			return err
		}
		if err := w.due(site, subject, w.now, 0); err != nil {
			return err
		}
	} else if left == 0 {
		if err := w.trusted(site, subject); err != nil {
			return err
		}
		_, err := w.tx.Exec(`UPDATE cases SET state = 'moot', version = version + 1 WHERE office = $1 AND source = $2 AND kind = 'doubt' AND state = 'open'`, site, subject)
		if err != nil {
			return err
		}
	}
	if err := w.tx.QueryRow(`SELECT COUNT(*) FROM rejects WHERE site = $1 AND subject = ''`, site).Scan(&unread); err != nil || unread > 0 {
		return err
	}
	n, err := w.tx.Exec(`UPDATE peers SET degraded = '' WHERE site = $1 AND degraded = 'unreadable'`, site)
	if err != nil || n == 0 {
		return err
	}
	return w.dueForOffice(site)
}
