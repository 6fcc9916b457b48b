package office

import (
	"context"
	"encoding/json"
	"errors"

	"assay/certificate"
	"assay/store"
)

// alarm raises an alarm. One that is open already is counted, so that a night
// of ten thousand of a kind is one line and not ten thousand.
func (w *work) alarm(kind, site, subject string, data map[string]string) error {
	body, err := json.Marshal(data)
	if err != nil {
		return err
	}
	n, err := w.tx.Exec(`UPDATE alarms SET n = n + 1, at = $5, data = $4 WHERE kind = $1 AND site = $2 AND subject = $3 AND cleared = 0`, kind, site, subject, body, w.now)
	if err != nil || n > 0 {
		return err
	}
	for n == 0 && err == nil { // another process may take the number first
		n, err = w.tx.Exec(`INSERT INTO alarms (id, at, kind, site, subject, data, n, cleared) SELECT COALESCE(MAX(id), 0) + 1, $1, $2, $3, $4, $5, 1, 0 FROM alarms WHERE true
			ON CONFLICT (id) DO NOTHING`, w.now, kind, site, subject, body)
	}
	return err
}

// Alarms lists alarms, oldest first, cleared ones too.
func (o *Office) Alarms(ctx context.Context, by *Person, after string, limit int) ([]Alarm, string, error) {
	if err := need(by, staff...); err != nil {
		return nil, "", err
	}
	return paged(after, limit, func(c cursor, n int) (out []Alarm, err error) {
		err = o.view(ctx, func(w *work) error {
			rows, err := w.tx.Query(`SELECT id, at, kind, site, subject, data, n, cleared FROM alarms WHERE id > $1 ORDER BY id LIMIT $2`, c.At, n)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				var a Alarm
				var data []byte
				if err := rows.Scan(&a.ID, &a.At, &a.Kind, &a.Site, &a.Subject, &data, &a.Count, &a.Cleared); err != nil {
					return err
				}
				if err := json.Unmarshal(data, &a.Data); err != nil {
					return err
				}
				out = append(out, a)
			}
			return rows.Err()
		})
		return out, err
	}, func(a *Alarm) cursor { return cursor{At: a.ID} })
}

// ClearAlarm says that somebody has seen to an alarm.
func (o *Office) ClearAlarm(ctx context.Context, by *Person, id int64) error {
	if err := need(by, RoleOfficer, RoleAdmin); err != nil {
		return err
	}
	return o.update(ctx, func(w *work) error {
		n, err := w.tx.Exec(`UPDATE alarms SET cleared = $2 WHERE id = $1 AND cleared = 0`, id, w.now)
		if err == nil && n == 0 {
			err = fail(NotFound, "id", "", "no open alarm %d here", id)
		}
		return err
	})
}

// PeerEvidence is what is held against a peer: signed by itself.
func (o *Office) PeerEvidence(ctx context.Context, site string) ([]json.RawMessage, error) {
	var out []json.RawMessage
	err := o.view(ctx, func(w *work) error {
		rows, err := w.tx.Query(`SELECT body FROM evidence_of_misbehavior WHERE site = $1 ORDER BY at, digest`, site)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var b []byte
			if err := rows.Scan(&b); err != nil {
				return err
			}
			out = append(out, b)
		}
		return rows.Err()
	})
	return out, err
}

// Blob reads a public larger thing by its SHA-256 in lower-case hex.
func (o *Office) Blob(ctx context.Context, hexDigest string) ([]byte, error) {
	var digest certificate.Digest
	if err := digest.UnmarshalText([]byte(hexDigest)); err != nil {
		return nil, fail(Invalid, "digest", "64 hex digits", "%v", err)
	}
	var b []byte
	err := o.view(ctx, func(w *work) error {
		return w.tx.QueryRow(`SELECT body FROM blobs WHERE digest = $1 AND public = 1`, digest[:]).Scan(&b)
	})
	if errors.Is(err, store.ErrNoRows) {
		return nil, fail(NotFound, "digest", "", "nothing public has this digest here")
	}
	return b, err
}
