package office

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"assay/keys"
	"assay/peer"
	"assay/statement"
	"assay/store"
)

// A partner's keys are pinned when two persons pair with it, and change
// through its log only.

func (w *work) pinned(site string) (recs []keys.Record, err error) {
	var b []byte
	if err := w.tx.QueryRow(`SELECT keys FROM peers WHERE site = $1`, site).Scan(&b); err != nil {
		return nil, err
	}
	return recs, statement.Decode(b, &recs)
}

// pinnedBy are the keys to pin from a document that two persons trust. A
// statement key that has ended still has to vouch for what it signed, up to the
// place in the log that ends it, which is read later; where it was read
// already, it stays ended.
func (w *work) pinnedBy(d *peer.Document) ([]byte, error) {
	old, err := w.pinned(d.Office)
	if err != nil && !errors.Is(err, store.ErrNoRows) {
		return nil, err
	}
	ks := slices.Clone(d.Keys)
	for i := range ks {
		k := &ks[i]
		k.NotBefore = min(k.NotBefore, w.now)
		if k.Role == keys.Statement {
			k.NotAfter = 0
		}
		for _, o := range old { // also where the document is older than the log: what has ended does not come back
			if o.Role == k.Role && string(o.ID) == string(k.ID) && (k.Role == keys.Statement || o.NotAfter != 0) {
				k.NotAfter = o.NotAfter
			}
		}
	}
	return statement.Encode(ks)
}

// rekeyed is what a partner's key statement, verified with its identity key,
// changes.
type rekeyed struct {
	KeyPayload
	pinned []keys.Record
}

// rekey reads a partner's key statement before anything is written; nil: it
// contradicts itself, or the keys that are pinned.
func (w *work) rekey(site string, s *statement.Statement) (*rekeyed, error) {
	old, err := w.pinned(site)
	if err != nil {
		return nil, err
	}
	r := new(rekeyed)
	if s.Subject != keySubject || statement.Decode(s.Payload, &r.KeyPayload) != nil {
		return nil, nil
	}
	if r.pinned, err = r.After(old, w.now); err != nil {
		return nil, nil
	}
	return r, nil
}

// pin takes the keys that a partner's log names from entry index on.
func (w *work) pin(site string, r *rekeyed, index int64) error {
	b, err := statement.Encode(r.pinned)
	if err != nil {
		return err
	}
	if _, err := w.tx.Exec(`UPDATE peers SET keys = $2 WHERE site = $1`, site, b); err != nil {
		return err
	}
	if r.Reason == statement.Compromised && r.Replaces(keys.Statement) {
		return w.inDoubt(site, r.From, index)
	}
	return nil
}

// keyDoubt begins the doubt about what a compromised key may have signed. The
// rest of it is the entry that says so.
const keyDoubt = "key-compromised"

// keyDoubtIn is what of a doubt is about compromised keys. Where a statement
// was rejected too, that stands before it.
func keyDoubtIn(doubt string) string {
	if i := strings.Index(doubt, keyDoubt+"-"); i >= 0 {
		return doubt[i:]
	}
	return ""
}

// inDoubt puts every certificate in doubt of which the entries from to to-1 of
// a partner's log say anything: somebody else may have. What rests on them
// follows the clause's effect of a compromised key, nothing new designates,
// and each lies on the desk until two persons have looked.
func (w *work) inDoubt(site string, from, to int64) error {
	_, err := w.tx.Exec(`INSERT INTO key_doubts (site, first, past) VALUES ($1, $2, $3) ON CONFLICT (site, first, past) DO NOTHING`, site, from, to)
	if err != nil {
		return err
	}
	return w.doubtEntries(site, from, to, to)
}

// lateDoubt is inDoubt for an entry that was rejected when the doubt began,
// and is taken now.
func (w *work) lateDoubt(site string, index int64) error {
	var said int64 // by the newest entry that puts it in doubt
	err := w.tx.QueryRow(`SELECT COALESCE(MAX(past), -1) FROM key_doubts WHERE site = $1 AND first <= $2 AND past > $2`, site, index).Scan(&said)
	if err != nil || said < 0 {
		return err
	}
	return w.doubtEntries(site, index, index+1, said)
}

// doubtEntries puts in doubt what the entries from to to-1 touch; said is the
// entry that says so.
func (w *work) doubtEntries(site string, from, to, said int64) error {
	if err := w.flush(); err != nil { // they may stand in the same batch
		return err
	}
	const touched = `(SELECT id FROM certificates WHERE office = $1 AND log_index >= $2 AND log_index < $3
		UNION SELECT id FROM events WHERE office = $1 AND log_index >= $2 AND log_index < $3)`
	n, err := w.tx.Exec(`UPDATE subjects SET doubt = CASE WHEN doubt = '' THEN '' ELSE doubt || ':' END || $4 WHERE office = $1 AND subject IN `+touched, site, from, to, fmt.Sprintf("%s-%d", keyDoubt, said))
	if err != nil {
		return err
	}
	_, err = w.tx.Exec(`INSERT INTO due (office, id, at, priority) SELECT $1, t.id, $4, 0 FROM `+touched+` t WHERE TRUE
		ON CONFLICT (office, id) DO UPDATE SET at = excluded.at, priority = 0`, site, from, to, w.now)
	if err != nil {
		return err
	}
	// In place of the cases of other doubts, as in doubtCase.
	_, err = w.tx.Exec(`UPDATE cases SET state = 'moot', version = version + 1 WHERE office = $1 AND kind = 'doubt' AND state = 'open' AND source IN `+touched, site, from, to)
	if err != nil {
		return err
	}
	ids, err := w.strings(`SELECT t.id FROM `+touched+` t ORDER BY t.id`, site, from, to)
	if err != nil {
		return err
	}
	rows := make([][]any, len(ids))
	for i, id := range ids {
		rows[i] = caseRow(Case{Kind: "doubt", Office: site, Source: id, Why: keyDoubt}, []byte{}, w.now)
	}
	if err := w.tx.InsertMany("cases", caseInsert, rows); err != nil {
		return err
	}
	return w.alarm(keyDoubt, site, keySubject, map[string]string{"from": fmt.Sprint(from), "entry": fmt.Sprint(said), "certificates": fmt.Sprint(n)})
}
