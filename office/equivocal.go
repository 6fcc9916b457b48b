package office

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"

	"assay/certificate"
	"assay/ledger"
	"assay/statement"
	"assay/store"
)

// equivocal is the evidence of two statements that one office signed under one
// number of a subject. Both stand in its own log; the second is here whole,
// and the first is named by its place, where anybody finds it.
type equivocal struct {
	Site     string           `json:"site"`
	Kind     string           `json:"kind"`
	Subject  string           `json:"subject"`
	Sequence uint64           `json:"sequence"`
	First    *certificate.Ref `json:"first,omitempty"` // absent for kinds that have no place in the register
	Second   certificate.Ref  `json:"second"`
	Body     []byte           `json:"statement"` // the second, as logged
}

// accuseEquivocal logs evidence for what was rejected as equivocation from an
// index on. It may be called again: the same evidence is logged once.
func (o *Office) accuseEquivocal(ctx context.Context, site string, from int64) error {
	var as []accusation
	err := o.view(ctx, func(w *work) error {
		rows, err := w.tx.Query(`SELECT log_index, body FROM rejects WHERE site = $1 AND log_index >= $2 AND code = $3 ORDER BY log_index LIMIT 1000`, site, from, rejEquivoc)
		if err != nil {
			return err
		}
		var second []certificate.Ref
		var bodies [][]byte
		for rows.Next() {
			r := certificate.Ref{Office: site}
			var body []byte
			if err := rows.Scan(&r.Index, &body); err != nil {
				rows.Close()
				return err
			}
			second, bodies = append(second, r), append(bodies, body)
		}
		if err := rows.Err(); err != nil || len(bodies) == 0 {
			return err
		}
		origin, err := w.origin(site)
		if err != nil {
			return err
		}
		for i := range bodies {
			s, err := statement.Parse(bodies[i])
			if err != nil { // it was read when it was rejected
				return err
			}
			second[i].Origin, second[i].Leaf = origin, ledger.LeafHash(bodies[i])
			e := equivocal{Site: site, Kind: rejEquivoc, Subject: s.Subject, Sequence: s.Sequence, Second: second[i], Body: bodies[i]}
			if e.First, err = w.placeOf(site, origin, s); err != nil {
				return err
			}
			body, err := json.Marshal(e)
			if err != nil {
				return err
			}
			as = append(as, accusation{site: site, kind: rejEquivoc, subject: printable(s.Subject), text: "two statements under one number", digest: sha256.Sum256(body), body: body})
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, a := range as {
		for range 4 { // the subject may get another statement while this one is signed
			if err = o.accuse(ctx, a); !errors.Is(err, errMoved) {
				break
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// placeOf is where the statement stands that was taken under the number of s.
func (w *work) placeOf(site, origin string, s *statement.Statement) (*certificate.Ref, error) {
	r := &certificate.Ref{Office: site, Origin: origin}
	var leaf []byte
	q, args := `SELECT log_index, leaf FROM events WHERE office = $1 AND id = $2 AND seq = $3`, []any{site, s.Subject, int64(s.Sequence)}
	if s.Sequence == 1 {
		q, args = `SELECT log_index, leaf FROM certificates WHERE office = $1 AND id = $2`, args[:2]
	}
	err := w.tx.QueryRow(q, args...).Scan(&r.Index, &leaf)
	if errors.Is(err, store.ErrNoRows) {
		return nil, nil
	}
	r.Leaf = certificate.Digest(leaf)
	return r, err
}
