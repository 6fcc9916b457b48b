package office

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"assay/keys"
	"assay/peer"
	"assay/statement"
	"assay/store"
)

// What a database says of its office without the office's keys: for the
// commands that check, compare and restore.

// Describe reads who was founded in a database, and the keys that it signs
// with. Without an office it is [ErrNotFounded].
func Describe(ctx context.Context, db *store.DB) (info Info, ks []keys.Record, err error) {
	err = db.View(ctx, func(tx *store.Tx) error {
		for _, m := range []struct {
			name   string
			decode func([]byte) error
		}{
			{"info", func(b []byte) error { return json.Unmarshal(b, &info) }},
			{"keys", func(b []byte) error { return statement.Decode(b, &ks) }},
		} {
			var b []byte
			err := tx.QueryRow(`SELECT value FROM office_meta WHERE name = $1`, m.name).Scan(&b)
			if errors.Is(err, store.ErrNoRows) {
				return ErrNotFounded
			}
			if err == nil {
				err = m.decode(b)
			}
			if err != nil {
				return fmt.Errorf("office_meta %s: %w", m.name, err)
			}
		}
		return nil
	})
	return info, ks, err
}

// Adopted is the archive of the catalog in force.
func Adopted(ctx context.Context, db *store.DB) (archive []byte, err error) {
	err = db.View(ctx, func(tx *store.Tx) error {
		var digest string
		err := tx.QueryRow(`SELECT digest FROM adoptions WHERE since <= $1 ORDER BY since DESC, at DESC LIMIT 1`, tx.Now()).Scan(&digest)
		if err != nil {
			return err
		}
		return tx.QueryRow(`SELECT value FROM office_meta WHERE name = $1`, "catalog/"+digest).Scan(&archive)
	})
	return archive, err
}

// Partners are the peers that a database names, with their pinned keys.
func Partners(ctx context.Context, db *store.DB) (sites []peer.Site, err error) {
	info, _, err := Describe(ctx, db)
	if err != nil {
		return nil, err
	}
	err = db.View(ctx, func(tx *store.Tx) error {
		sites, err = readSites(tx, info.Ring)
		return err
	})
	return sites, err
}

func readSites(tx *store.Tx, ring string) ([]peer.Site, error) {
	rows, err := tx.Query(`SELECT body, keys, origin FROM peers WHERE ended = 0 ORDER BY site`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := []peer.Site{}
	for rows.Next() {
		var body, ks []byte
		var origin string
		if err := rows.Scan(&body, &ks, &origin); err != nil {
			return nil, err
		}
		s, err := site(body, ks, origin, ring)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, rows.Err()
}
