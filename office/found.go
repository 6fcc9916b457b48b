package office

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"assay/certificate"
	"assay/keys"
	"assay/ledger"
	"assay/statement"
	"assay/store"
)

// Founding is what an office begins with.
type Founding struct {
	Info    Info
	Catalog []byte       // catalog archive, adopted as the first act
	Persons []PersonBody // at least two with role admin: the founders
}

// Found makes an office in an empty database: its keys stand in the first
// entry of its log, the catalog it decides with in the second. Both are one
// deed of two persons. It refuses a database that has an office, so that no
// command run twice forks a log.
func Found(ctx context.Context, db *store.DB, ring *keys.Ring, f Founding) error {
	if err := checkFounding(&f); err != nil {
		return err
	}
	if err := Migrate(ctx, db); err != nil {
		return err
	}
	o := newOffice(db, Options{})
	o.info = f.Info
	err := db.View(ctx, func(tx *store.Tx) error {
		var b []byte
		err := tx.QueryRow(`SELECT value FROM office_meta WHERE name = $1`, "info").Scan(&b)
		if err == nil {
			return fail(Conflict, "database", "open it, or name another database", "there is an office in this database already")
		}
		if errors.Is(err, store.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	digest, err := o.storeCatalog(ctx, f.Catalog)
	if err != nil {
		return err
	}
	var founders []Person
	for _, p := range f.Persons {
		if p.Person.Has(RoleAdmin) {
			founders = append(founders, p.Person)
		}
	}
	now := o.now()
	body, err := json.Marshal(CatalogBody{Digest: digest})
	if err != nil {
		return err
	}
	act := digestOf(ActCatalog, body)
	cat, _ := hex.DecodeString(digest)
	drafts, err := foundingDrafts(ring, act, certificate.Digest(cat), now)
	if err != nil {
		return err
	}
	recs, err := statement.Encode(ring.Records())
	if err != nil {
		return err
	}
	o.signing.Store(&signing{ring: ring, named: recs, records: ring.Records()})
	ps, err := o.sign(drafts)
	if err != nil {
		return err
	}
	info, err := json.Marshal(f.Info)
	if err != nil {
		return err
	}
	err = o.update(ctx, func(w *work) error {
		if _, err := w.tx.Exec(`INSERT INTO office_meta (name, value) VALUES ($1, $2), ($3, $4)`, "info", info, "keys", recs); err != nil {
			return err
		}
		for i := range f.Persons {
			if err := putPerson(w.tx, &f.Persons[i]); err != nil {
				return err
			}
		}
		if err := w.append(ps); err != nil {
			return err
		}
		id := uuid.NewString()
		_, err := w.tx.Exec(`INSERT INTO acts (id, kind, body, digest, subject, proposer, proposed_at, approver, approved_at, state, result, version, log_index)
			VALUES ($1, $2, $3, $4, 'catalog', $5, $6, $7, $6, 'done', $8, 2, $9)`, id, string(ActCatalog), body, act[:], founders[0].ID, w.now, founders[1].ID, []byte{}, ps[1].Index)
		if err != nil {
			return err
		}
		_, err = w.tx.Exec(`INSERT INTO adoptions (act, digest, since, at) VALUES ($1, $2, $3, $3)`, id, digest, now)
		return err
	})
	if err != nil {
		return err
	}
	return o.Publish(ctx)
}

func foundingDrafts(ring *keys.Ring, act, catalog certificate.Digest, now int64) ([]draft, error) {
	ks, err := statement.Encode(KeyPayload{Keys: ring.Records(), Recorded: now})
	if err != nil {
		return nil, err
	}
	ad, err := statement.Encode(ActPayload{What: string(ActCatalog), Key: "catalog", Act: act, From: now, Recorded: now, Digest: catalog})
	if err != nil {
		return nil, err
	}
	return []draft{{Kind: statement.Key, Subject: keySubject, Sequence: 1, Payload: ks}, {Kind: statement.Act, Subject: "catalog", Sequence: 1, Payload: ad}}, nil
}

func checkFounding(f *Founding) error {
	i := &f.Info
	switch {
	case !plain(i.Office, 64) || !plain(i.Ring, 64) || !plain(i.Origin, 255):
		return fail(Invalid, "info", "use letters, digits, hyphens, dots and slashes", "office id, ring or origin is missing or not plain")
	case len(i.Authorities) == 0:
		return fail(Invalid, "authorities", "name the authority ids of the catalog that it acts as", "an office acts as an authority")
	case len(i.Languages) == 0 || i.Name.In("en") == "":
		return fail(Invalid, "name", "", "an office has a name and languages")
	}
	admins := 0
	for j := range f.Persons {
		if err := checkPerson(&f.Persons[j]); err != nil {
			return err
		}
		if f.Persons[j].Person.Has(RoleAdmin) {
			admins++
		}
	}
	if admins < 2 {
		return fail(Invalid, "persons", "name two with the role admin", "an office is founded by two persons, this names %d", admins)
	}
	return nil
}

// Rebuilt is what Rebuild made.
type Rebuilt struct {
	Entries      int64 `json:"entries"`
	Certificates int64 `json:"certificates"`
	Events       int64 `json:"events"`
}

// Rebuild makes the public register of one office from its log alone, in an
// empty database: what anybody with the log can do, and what the tests hold
// the office's own register against. It verifies every statement with the
// keys that the log itself names; first is the identity key to begin with.
func Rebuild(ctx context.Context, db *store.DB, officeID, origin string, first keys.Record, cat []byte, entries func(yield func(index int64, body []byte) error) error) (*Rebuilt, error) {
	if err := Migrate(ctx, db); err != nil {
		return nil, err
	}
	o := newOffice(db, Options{})
	o.info = Info{Office: officeID, Origin: origin, Zone: "UTC"}
	c, err := catalogOf(cat)
	if err != nil {
		return nil, err
	}
	o.rules.Store(c)
	known := []keys.Record{first}
	out := new(Rebuilt)
	var batch []placed
	flush := func() error {
		err := o.update(ctx, func(w *work) error {
			for i := range batch {
				p := &batch[i]
				if err := w.advance(officeID, p.Subject, p.Sequence, p.Previous, p.digest); err != nil {
					return fmt.Errorf("entry %d: %w", p.Index, err)
				}
			}
			return w.projectAll(officeID, batch)
		})
		batch = batch[:0]
		return err
	}
	err = entries(func(index int64, body []byte) error {
		s, err := statement.Parse(body)
		if err != nil {
			return fmt.Errorf("entry %d: %w", index, err)
		}
		i := slices.IndexFunc(known, func(k keys.Record) bool {
			return string(k.ID) == string(s.KeyID) && k.Role == s.Kind.Role() && k.NotAfter == 0
		})
		if i < 0 {
			return fmt.Errorf("entry %d: %w: no key that the log names there", index, statement.ErrWrongKey)
		}
		if err := s.Verify(known[i], known[i].NotBefore); err != nil {
			return fmt.Errorf("entry %d: %w", index, err)
		}
		if s.Issuer != officeID || s.Origin != origin {
			return fmt.Errorf("entry %d is of %s in %s, not of %s in %s", index, s.Issuer, s.Origin, officeID, origin)
		}
		if s.Kind == statement.Key {
			var p KeyPayload
			if err := statement.Decode(s.Payload, &p); err != nil {
				return fmt.Errorf("entry %d: %w", index, err)
			}
			if known, err = p.After(known, p.Recorded); err != nil {
				return fmt.Errorf("entry %d: %w", index, err)
			}
		}
		out.Entries++
		switch s.Kind {
		case statement.Grant, statement.Designation:
			out.Certificates++
		case statement.Status:
			out.Events++
		}
		batch = append(batch, placed{draft: draft{Kind: s.Kind, Subject: s.Subject, Sequence: s.Sequence, Previous: s.Previous, Payload: s.Payload}, body: body, digest: s.Digest(), Index: index, Leaf: ledger.LeafHash(body)})
		if len(batch) == 512 {
			return flush()
		}
		return nil
	})
	if err == nil {
		err = flush()
	}
	return out, err
}

// LogEntries reads a log's entries in order from its own database.
func LogEntries(ctx context.Context, db *store.DB) func(yield func(index int64, body []byte) error) error {
	return func(yield func(int64, []byte) error) error {
		for from := int64(0); ; {
			type entry struct {
				index int64
				body  []byte
			}
			var page []entry
			err := db.View(ctx, func(tx *store.Tx) error {
				rows, err := tx.Query(`SELECT idx, body FROM log_entries WHERE idx >= $1 ORDER BY idx LIMIT 1024`, from)
				if err != nil {
					return err
				}
				defer rows.Close()
				for rows.Next() {
					var e entry
					if err := rows.Scan(&e.index, &e.body); err != nil {
						return err
					}
					page = append(page, e)
				}
				return rows.Err()
			})
			if err != nil || len(page) == 0 {
				return err
			}
			for _, e := range page {
				if err := yield(e.index, e.body); err != nil {
					return err
				}
			}
			from = page[len(page)-1].index + 1
		}
	}
}
