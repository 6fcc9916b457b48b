package office

import (
	"errors"
	"strings"

	"assay/certificate"
	"assay/recognition"
	"assay/store"
)

// A partner's backlog comes in batches. What a batch reads is read with few
// statements, and what it adds is added with few: the same rows, in the same
// transaction, as one by one.

// fresh is rows of subjects that were not there before.
type fresh struct {
	subjects, certificates, due [][]any
}

// flush writes what was gathered. A subject that another process entered
// meanwhile makes the whole transaction fail as errMoved.
func (w *work) flush() error {
	f := w.fresh
	if f == nil {
		return nil
	}
	for _, t := range []struct {
		table string
		cols  []string
		rows  *[][]any
	}{{"subjects", subjectColumns, &f.subjects}, {"certificates", certificateColumns, &f.certificates}, {"due", dueColumns, &f.due}} {
		if err := w.tx.InsertMany(t.table, t.cols, *t.rows); err != nil {
			if store.IsUnique(err) {
				return errors.Join(errMoved, err)
			}
			return err
		}
		*t.rows = (*t.rows)[:0]
	}
	return nil
}

var (
	subjectColumns     = []string{"office", "subject", "seq", "digest", "doubt"}
	certificateColumns = []string{"office", "id", "number", "scheme", "edition", "level", "holder", "product", "functions", "granted", "expires",
		"src_office", "src_id", "clause", "state", "body", "leaf", "log_index", "received", "backdated", "reasons"}
	dueColumns = []string{"office", "id", "at", "priority"}
)

// chunk is how many keys one statement asks for. It is fixed, so that the
// statement is prepared once; a shorter list repeats its last key.
const chunk = 64

// in runs a query whose last condition is "… IN (%)" over keys, args first.
func (w *work) in(query string, keys []string, scan func(*store.Rows) error, args ...any) error {
	for len(keys) > 0 {
		n, width := min(len(keys), chunk), chunk
		if n == 1 {
			width = 1
		}
		all := append(make([]any, 0, len(args)+width), args...)
		var list strings.Builder
		for i := range width {
			if i > 0 {
				list.WriteByte(',')
			}
			list.WriteString("$" + itoa(len(all)+1))
			all = append(all, keys[min(i, n-1)])
		}
		keys = keys[n:]
		rows, err := w.tx.Query(strings.Replace(query, "%", list.String(), 1), all...)
		if err != nil {
			return err
		}
		for rows.Next() {
			if err := scan(rows); err != nil {
				rows.Close()
				return err
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
	}
	return nil
}

// head is the newest statement of a subject.
type subjectHead struct {
	seq    int64
	digest [32]byte
}

func (w *work) heads(office string, subjects []string) (map[string]subjectHead, error) {
	out := make(map[string]subjectHead, len(subjects))
	err := w.in(`SELECT subject, seq, digest FROM subjects WHERE office = $1 AND subject IN (%)`, subjects, func(r *store.Rows) error {
		var s string
		var h subjectHead
		var d []byte
		if err := r.Scan(&s, &h.seq, &d); err != nil {
			return err
		}
		copy(h.digest[:], d)
		out[s] = h
		return nil
	}, office)
	return out, err
}

// prefetched is what a batch of sources of one office needs to be decided on.
type prefetched struct {
	sources map[string]*history
	resting map[string][]*history
	asked   map[string][]certificate.Request
	deltas  map[string]bool
}

func (p *planner) prefetch(keys []sourceKey) error {
	byOffice := map[string][]string{}
	for _, k := range keys {
		byOffice[k.Office] = append(byOffice[k.Office], k.ID)
	}
	p.ready = map[string]*prefetched{}
	for office, ids := range byOffice {
		f := &prefetched{resting: map[string][]*history{}, asked: map[string][]certificate.Request{}, deltas: map[string]bool{}}
		var err error
		if f.sources, err = p.histories(office, ids); err != nil {
			return err
		}
		var here []string
		restsOn := map[string]string{}
		err = p.in(`SELECT id, src_id FROM certificates WHERE src_office = $1 AND src_office <> '' AND office = $2 AND src_id IN (%)`, ids, func(r *store.Rows) error {
			var id, src string
			if err := r.Scan(&id, &src); err != nil {
				return err
			}
			if restsOn[id] == "" { // the last key may be asked for more than once
				here = append(here, id)
			}
			restsOn[id] = src
			return nil
		}, office, p.info.Office)
		if err != nil {
			return err
		}
		own, err := p.histories(p.info.Office, here)
		if err != nil {
			return err
		}
		for _, id := range here {
			f.resting[restsOn[id]] = append(f.resting[restsOn[id]], own[id])
		}
		err = p.in(`SELECT id, body FROM requests WHERE office = $1 AND id IN (%) ORDER BY scheme`, ids, func(r *store.Rows) error {
			var id string
			var b []byte
			if err := r.Scan(&id, &b); err != nil {
				return err
			}
			q, err := requestOf(b)
			if err == nil && !asksAlready(f.asked[id], q) {
				f.asked[id] = append(f.asked[id], q)
			}
			return err
		}, office)
		if err != nil {
			return err
		}
		err = p.in(`SELECT id FROM deltas WHERE office = $1 AND id IN (%)`, ids, func(r *store.Rows) error {
			var id string
			err := r.Scan(&id)
			f.deltas[id] = true
			return err
		}, office)
		if err != nil {
			return err
		}
		p.ready[office] = f
	}
	return nil
}

func asksAlready(qs []certificate.Request, q certificate.Request) bool {
	for _, x := range qs {
		if x.Scheme == q.Scheme {
			return true
		}
	}
	return false
}

// histories loads several certificates of one office.
func (w *work) histories(office string, ids []string) (map[string]*history, error) {
	out := make(map[string]*history, len(ids))
	if len(ids) == 0 {
		return out, nil
	}
	origin, err := w.origin(office)
	if err != nil {
		return nil, err
	}
	var more []string
	err = w.in(`SELECT c.id, `+historyColumns+` FROM certificates c JOIN subjects s ON s.office = c.office AND s.subject = c.id WHERE c.office = $1 AND c.id IN (%)`, ids, func(r *store.Rows) error {
		var id string
		h, err := scanHistory(func(dest ...any) error { return r.Scan(append([]any{&id}, dest...)...) }, office, origin)
		if err != nil {
			return err
		}
		if out[id] == nil && h.Sequence > 1 {
			more = append(more, id)
		}
		out[id] = h
		return nil
	}, office)
	if err != nil {
		return nil, err
	}
	for _, id := range more {
		if out[id].Events, err = w.events(office, id); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// ownRecordsOf reads what this office has on a holder, once for a batch.
func (p *planner) ownRecordsOf(c *certificate.Certificate) ([]recognition.OwnRecord, error) {
	rs, ok := p.records[c.Product.Holder]
	if !ok {
		var err error
		if rs, err = p.recordsOf(c.Product.Holder); err != nil {
			return nil, err
		}
		if p.records == nil {
			p.records = map[string][]modelRecord{}
		}
		p.records[c.Product.Holder] = rs
	}
	return matching(rs, c), nil
}
