package office

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"assay/certificate"
	"assay/peer"
	"assay/recognition"
	"assay/scheme"
	"assay/statement"
	"assay/store"
)

// entryOf makes a line of the register from a history, at t as known at k.
func (w *work) entryOf(h *history, t, k int64) Entry {
	c := h.Certificate
	return Entry{Certificate: c, Standing: certificate.At(c, h.Events, w.r.zoneOf(c.Scheme), t, k), Index: h.Ref.Index, Leaf: h.Ref.Leaf, Stage: w.stage(h.Ref.Index)}
}

// restsOnSilence reports whether a designation's source office is silent past
// its bound or in doubt: answers that rest on it say so.
func (p *planner) restsOnSilence(c *certificate.Certificate) (bool, error) {
	if c.Derived == nil {
		return false, nil
	}
	q, err := p.peer(c.Derived.Source.Office)
	return q.Degraded != "" || q.SilentAfter > 0 && p.now-q.Heard > q.SilentAfter, err
}

// Register lists this office's own register, newest last.
func (o *Office) Register(ctx context.Context, q Query) ([]Entry, string, error) {
	return paged(q.After, q.Limit, func(c cursor, n int) (out []Entry, err error) {
		err = o.view(ctx, func(w *work) error {
			where, args := []string{"office = $1", "log_index > $2"}, []any{o.info.Office, c.At, n}
			add := func(cond string, v any) {
				args = append(args, v)
				where = append(where, strings.ReplaceAll(cond, "?", "$"+itoa(len(args))))
			}
			if q.Scheme != "" {
				add("scheme = ?", q.Scheme)
			}
			if q.Level != "" {
				add("level = ?", q.Level)
			}
			if q.Holder != "" {
				add("holder = ?", q.Holder)
			}
			switch q.Office {
			case "":
			case "-":
				where = append(where, "src_office = ''")
			default:
				add("src_office = ?", q.Office)
			}
			if q.Text != "" {
				for word := range strings.FieldsSeq(fold(q.Text)) {
					add(`(product LIKE ? ESCAPE '!' OR LOWER(number) LIKE ? ESCAPE '!')`, "%"+escapeLike(word)+"%")
				}
			}
			today := int64(w.today())
			switch q.State {
			case "":
			case certificate.Valid:
				add("state = 'valid' AND (expires = 0 OR expires >= ?)", today)
			case certificate.Expired:
				add("(state = 'expired' OR state = 'valid' AND expires <> 0 AND expires < ?)", today)
			default:
				add("state = ?", string(q.State))
			}
			ids, err := w.strings(`SELECT id FROM certificates WHERE `+strings.Join(where, " AND ")+` ORDER BY log_index LIMIT $3`, args...)
			if err != nil {
				return err
			}
			hs, err := w.histories(o.info.Office, ids)
			if err != nil {
				return err
			}
			p := &planner{work: w, peers: map[string]recognition.Peer{}}
			for _, id := range ids {
				e := w.entryOf(hs[id], w.now, w.now)
				if e.Stale, err = p.restsOnSilence(hs[id].Certificate); err != nil {
					return err
				}
				out = append(out, e)
			}
			return nil
		})
		return out, err
	}, func(e *Entry) cursor { return cursor{At: e.Index} })
}

func escapeLike(s string) string {
	return strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(s)
}

// found is what one statement tells of a certificate of this office.
type found struct {
	*history
	outcome  []byte
	heard    int64 // when the peer of its source was; below 0: there is none
	degraded string
	rests    int64 // 1: a partner has something that rests on it
}

const foundQuery = `SELECT ` + historyColumns + `, b.body, COALESCE(p.heard, -1), COALESCE(p.degraded, ''),
	CASE WHEN EXISTS (SELECT 1 FROM certificates r WHERE r.src_office = c.office AND r.src_office <> '' AND r.src_id = c.id) THEN 1 ELSE 0 END
	FROM certificates c JOIN subjects s ON s.office = c.office AND s.subject = c.id
	LEFT JOIN blobs b ON b.digest = c.reasons AND b.public = 1
	LEFT JOIN peers p ON p.site = c.src_office AND p.ended = 0
	WHERE c.office = $1 AND c.id = $2`

// find runs foundQuery by way of scan.
func (o *Office) find(scan func(dest ...any) error) (f found, err error) {
	f.history, err = scanHistory(func(dest ...any) error {
		return scan(append(dest, &f.outcome, &f.heard, &f.degraded, &f.rests)...)
	}, o.info.Office, o.info.Origin)
	return f, err
}

// Certificate answers for one certificate of this office: its state at an
// instant as known at an instant, where 0 is now. Most have no history beyond
// their grant, and nothing that rests on them: they take one statement.
func (o *Office) Certificate(ctx context.Context, id string, at, known int64) (*Answer, error) {
	w := &work{Office: o, r: o.rules.Load(), now: o.now()}
	key := []any{o.info.Office, id}
	var rests []Link
	var abroad []certificate.Event
	f, err := o.find(func(dest ...any) error { return o.db.Get(ctx, foundQuery, key, dest...) })
	if err == nil && (f.Sequence > 1 || f.rests != 0) { // what is read beside has to be of the same instant
		err = o.view(ctx, func(v *work) (err error) {
			w = v
			if f, err = o.find(func(dest ...any) error { return v.tx.QueryRow(foundQuery, key...).Scan(dest...) }); err != nil {
				return err
			}
			if f.Events, err = v.events(o.info.Office, id); err != nil {
				return err
			}
			if d := f.Certificate.Derived; d != nil {
				if abroad, err = v.events(d.Source.Office, d.Certificate); err != nil {
					return err
				}
			}
			rests, err = v.rests(id)
			return err
		})
	}
	if errors.Is(err, store.ErrNoRows) {
		return nil, fail(NotFound, "id", "an unknown number is not a refused or an expired one: compare the number, and the authority, on the label", "no certificate %q is known here", clip(id))
	}
	if err != nil {
		return nil, err
	}
	if at == 0 {
		at = w.now
	}
	if known == 0 {
		known = w.now
	}
	a := &Answer{Entry: w.entryOf(f.history, at, known), At: at, Known: known, AsOf: w.now, Outcome: f.outcome, Abroad: abroad, Rests: rests}
	a.NextChange = a.Standing.Next
	for _, e := range f.Events {
		if e.Known() <= known {
			a.Events = append(a.Events, e)
		}
	}
	a.Stale, err = o.silent(ctx, &f, w.now)
	return a, err
}

// silent is restsOnSilence for what was found, without reading the peer again.
func (o *Office) silent(ctx context.Context, f *found, now int64) (bool, error) {
	d := f.Certificate.Derived
	if d == nil {
		return false, nil
	}
	if f.heard < 0 || f.degraded != "" {
		return true, nil
	}
	sites, err := o.Sites(ctx)
	if err != nil {
		return false, err
	}
	i := slices.IndexFunc(sites, func(s peer.Site) bool { return s.ID == d.Source.Office })
	return i >= 0 && sites[i].SilentAfter > 0 && now-f.heard > sites[i].SilentAfter.Microseconds(), nil
}

// rests lists what partners' logs say rests on a certificate of this office.
func (w *work) rests(id string) ([]Link, error) {
	rows, err := w.tx.Query(`SELECT office, id, number, scheme, level, state FROM certificates WHERE src_office = $1 AND src_office <> '' AND src_id = $2 ORDER BY office, id`, w.info.Office, id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Link
	for rows.Next() {
		var l Link
		var state string
		if err := rows.Scan(&l.Office, &l.ID, &l.Number, &l.Scheme, &l.Level, &state); err != nil {
			return nil, err
		}
		l.State = certificate.State(state)
		out = append(out, l)
	}
	return out, rows.Err()
}

// ByNumber finds the certificate with a printed number. Where a correction
// changed the number, the old one still finds it.
func (o *Office) ByNumber(ctx context.Context, number string) (string, error) {
	var id string
	err := o.view(ctx, func(w *work) error {
		err := w.tx.QueryRow(`SELECT id FROM certificates WHERE number = $1 AND office = $2 ORDER BY log_index DESC LIMIT 1`, clip(number), o.info.Office).Scan(&id)
		if errors.Is(err, store.ErrNoRows) {
			var b []byte
			err = w.tx.QueryRow(`SELECT value FROM office_meta WHERE name = $1`, "number/"+clip(number)).Scan(&b)
			id = string(b)
		}
		return err
	})
	if errors.Is(err, store.ErrNoRows) {
		return "", fail(NotFound, "number", "compare the number with the label", "no number %q is known here", clip(number))
	}
	return id, err
}

// Arrival is a partner's certificate with what it led to here.
type Arrival struct {
	Office   string               `json:"office"`
	ID       string               `json:"id"`
	Number   string               `json:"number,omitempty"`
	Scheme   string               `json:"scheme"`
	Level    string               `json:"level,omitempty"`
	Product  certificate.Product  `json:"product"`
	State    certificate.State    `json:"state"`
	Received int64                `json:"received"`
	At       int64                `json:"at"` // when it was last decided on
	Summary  string               `json:"summary"`
	Outcome  *recognition.Outcome `json:"outcome,omitempty"`
	Here     []Link               `json:"here,omitempty"` // designations here that rest on it
}

// Arrivals lists what came from a partner (or all, with site ""), the newest
// first, with what it led to: also what was refused, offered or left open, and
// why.
func (o *Office) Arrivals(ctx context.Context, site, after string, limit int) ([]Arrival, string, error) {
	return paged(after, limit, func(c cursor, n int) (out []Arrival, err error) {
		if after == "" {
			c.At = 1<<63 - 1
		}
		err = o.view(ctx, func(w *work) error {
			q, args := `SELECT c.office, c.id, c.number, c.scheme, c.level, c.body, c.state, c.received, COALESCE(a.at, 0), COALESCE(a.summary, ''), COALESCE(b.body, a.outcome)
				FROM certificates c LEFT JOIN arrivals a ON a.office = c.office AND a.id = c.id LEFT JOIN blobs b ON b.digest = a.reasons
				WHERE c.office <> $1 AND c.received > 0 AND c.received <= $2 AND (c.received < $2 OR c.id < $3)`, []any{o.info.Office, c.At, c.ID, n}
			if site != "" {
				q, args = q+` AND c.office = $5`, append(args, site)
			}
			rows, err := w.tx.Query(q+` ORDER BY c.received DESC, c.id DESC LIMIT $4`, args...)
			if err != nil {
				return err
			}
			for rows.Next() {
				var a Arrival
				var body, outcome []byte
				var state string
				if err := rows.Scan(&a.Office, &a.ID, &a.Number, &a.Scheme, &a.Level, &body, &state, &a.Received, &a.At, &a.Summary, &outcome); err != nil {
					rows.Close()
					return err
				}
				var cert certificate.Certificate
				if err := statement.Read(body, &cert); err != nil {
					rows.Close()
					return err
				}
				a.Product, a.State = cert.Product, certificate.State(state)
				if len(outcome) > 0 {
					a.Outcome = new(recognition.Outcome)
					if err := json.Unmarshal(outcome, a.Outcome); err != nil {
						rows.Close()
						return err
					}
				}
				out = append(out, a)
			}
			if err := rows.Err(); err != nil {
				return err
			}
			for i := range out {
				hs, err := w.resting(sourceKey{out[i].Office, out[i].ID})
				if err != nil {
					return err
				}
				for _, h := range hs {
					e := w.entryOf(h, w.now, w.now)
					out[i].Here = append(out[i].Here, Link{o.info.Office, h.Certificate.ID, e.Standing.Amended.Number, h.Certificate.Scheme, e.Standing.Amended.Level, e.Standing.State})
				}
			}
			return nil
		})
		return out, err
	}, func(a *Arrival) cursor { return cursor{a.Received, a.ID} })
}

// Who answers "who allowed this?": the acts on the way to a certificate, with
// their persons. Strangers see who acted by pseudonym, and when; the office's
// staff see the bodies too.
func (o *Office) Who(ctx context.Context, by *Person, id string) (*Who, error) {
	out := &Who{Certificate: id}
	err := o.view(ctx, func(w *work) error {
		h, err := w.own(id)
		if err != nil {
			return err
		}
		digests := []certificate.Digest{h.Certificate.Act}
		for _, e := range h.Events {
			if !e.Act.IsZero() && !slices.Contains(digests, e.Act) {
				digests = append(digests, e.Act)
			}
		}
		add := func(what string, a *Act, err error) error {
			if errors.Is(err, store.ErrNoRows) {
				return nil
			}
			if err != nil {
				return err
			}
			a.Stage = o.stage(a.Index)
			if !by.Has(staff...) {
				a.Body, a.Result = nil, nil
			}
			out.Acts = append(out.Acts, WhoAct{What: what, Act: *a, Office: o.info.Office})
			return nil
		}
		if d := h.Certificate.Derived; d != nil {
			out.Source = &d.Source
			src, err := w.history(d.Source.Office, d.Certificate)
			if err == nil {
				out.Request = slices.DeleteFunc(slices.Clone(src.Certificate.Requests), func(q certificate.Request) bool { return q.Scheme != h.Certificate.Scheme })
			} else if !errors.Is(err, store.ErrNoRows) {
				return err
			}
			for _, x := range []struct{ what, subject string }{{"peer", "peer/" + d.Source.Office}, {"reading", "reading/" + d.Clause}} {
				a, err := w.actBefore(x.subject, d.At)
				if err := add(x.what, a, err); err != nil {
					return err
				}
			}
		}
		a, err := w.adoptedBefore(h.Certificate.Catalog, h.Certificate.Decided)
		if err := add("catalog", a, err); err != nil {
			return err
		}
		for _, d := range digests {
			a, err := scanAct(w.tx.QueryRow(`SELECT `+actColumns+actTables+`WHERE a.digest = $1 AND a.state = 'done' ORDER BY a.approved_at DESC LIMIT 1`, d[:]))
			what := ""
			if err == nil {
				if what = string(a.Kind); a.Kind == ActPolicy {
					what = "standing-decision"
				}
			}
			if err := add(what, a, err); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

func (w *work) actBefore(subject string, at int64) (*Act, error) {
	return scanAct(w.tx.QueryRow(`SELECT `+actColumns+actTables+`WHERE a.subject = $1 AND a.state = 'done' AND a.approved_at <= $2 ORDER BY a.approved_at DESC LIMIT 1`, subject, at))
}

func (w *work) adoptedBefore(digest string, at int64) (*Act, error) {
	return scanAct(w.tx.QueryRow(`SELECT `+actColumns+actTables+`JOIN adoptions d ON d.act = a.id WHERE d.digest = $1 AND d.since <= $2 ORDER BY d.since DESC LIMIT 1`, digest, at))
}

// SourceLink tells the address of a partner's page, from its peer act only.
func (o *Office) SourceLink(ctx context.Context, site string) string {
	sites, err := o.Sites(ctx)
	if err != nil {
		return ""
	}
	for _, s := range sites {
		if s.ID == site {
			return s.BaseURL
		}
	}
	return ""
}

// Scheme finds a scheme in the catalog in force.
func (o *Office) Scheme(id string) *scheme.Scheme { return o.rules.Load().cat.Scheme(id) }
