package main

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"

	"assay/certificate"
	"assay/civil"
	"assay/ledger"
	"assay/statement"
	"assay/store"
)

// firstSerial is that of the certificates which are made without an
// application; those with one count from 1.
const firstSerial = 10_000_000

// certificate is number i that m grants, with a standing request for the
// scheme of target, if any.
func (w *world) certificate(m *member, i int, target string) (*certificate.Certificate, error) {
	s := w.catalog.Scheme(m.Scheme)
	if s == nil {
		return nil, fmt.Errorf("the catalog has no scheme %s", m.Scheme)
	}
	zone, err := time.LoadLocation(s.Zone)
	if err != nil {
		return nil, err
	}
	now := time.Now().UnixMicro()
	today := civil.DateAt(now, zone)
	e := s.EditionOn(today)
	if e == nil || e.Level(m.Level) == nil {
		return nil, fmt.Errorf("%s has no level %s today", m.Scheme, m.Level)
	}
	c := &certificate.Certificate{ID: fmt.Sprintf("%s-%d", m.Scheme, firstSerial+i), Number: fmt.Sprintf("SPECIMEN-%d", firstSerial+i), Office: m.Office.Office, Scheme: s.ID, Edition: e.ID, Level: m.Level,
		Attestation: e.Level(m.Level).Attestation, Basis: e.Bases,
		Product:  certificate.Product{Holder: "xx:specimen-many", Brand: "SPECIMEN", Name: fmt.Sprintf("SPECIMEN Many %d", i%97), Models: []certificate.Model{{ID: fmt.Sprintf("M-%d", i)}}, Functions: []string{m.Function}},
		Firmware: certificate.Firmware{Rule: e.Firmware, Versions: []string{"1.0.4"}}, Granted: today, Decided: now, Effective: now,
		Expires: today.AddYears(2), SupportEnd: today.AddYears(4), Act: certificate.Digest{1}, Catalog: w.catalog.Digest}
	if target != "" {
		c.Requests = []certificate.Request{{Scheme: target, Declaration: true, Fee: true, Consent: true}}
	}
	return c, nil
}

// signed is a certificate with its statement.
type signed struct {
	*certificate.Certificate
	payload, body []byte
}

// sign makes statements on all cores.
func (s *site) sign(cs []*certificate.Certificate) ([]signed, error) {
	out := make([]signed, len(cs))
	errs := make([]error, runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for k := range errs {
		wg.Go(func() {
			for i := k; i < len(cs) && errs[k] == nil; i += len(errs) {
				kind := statement.Grant
				if cs[i].Derived != nil {
					kind = statement.Designation
				}
				out[i].Certificate = cs[i]
				if out[i].payload, errs[k] = statement.Encode(cs[i]); errs[k] == nil {
					out[i].body, errs[k] = statement.Sign(s.ring.Statement, statement.Header{Kind: kind, Issuer: s.Office.Office, Origin: s.office.ID().Origin, Subject: cs[i].ID, Sequence: 1}, out[i].payload)
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// grants appends certificates number first to last-1 to the log of s, as its
// office signs them, and publishes. With registered they also stand in its
// register, as if each had been decided there.
func (s *site) grants(ctx context.Context, first, last int, target string, registered bool) error {
	return s.fill(ctx, first, last, registered, func(i int) (*certificate.Certificate, []byte, error) {
		c, err := s.world.certificate(&s.member, i, target)
		return c, nil, err
	})
}

// fill does so for the certificates of a function, which may give an outcome
// to stand beside each.
func (s *site) fill(ctx context.Context, first, last int, registered bool, of func(int) (*certificate.Certificate, []byte, error)) error {
	const batch = 1000
	for ; first < last; first += batch {
		var cs []*certificate.Certificate
		var outcomes [][]byte
		for i := first; i < min(first+batch, last); i++ {
			c, outcome, err := of(i)
			if err != nil {
				return err
			}
			cs, outcomes = append(cs, c), append(outcomes, outcome)
		}
		ss, err := s.sign(cs)
		if err != nil {
			return err
		}
		err = s.db.Update(ctx, func(tx *store.Tx) error {
			head, err := tx.LockHead(ctx)
			if err != nil {
				return err
			}
			es := make([]ledger.Entry, len(ss))
			for i := range ss {
				kind := statement.Grant
				if ss[i].Derived != nil {
					kind = statement.Designation
				}
				es[i] = ledger.Entry{Kind: string(kind), Issuer: s.Office.Office, Subject: ss[i].ID, Sequence: 1, Body: ss[i].body}
			}
			if _, err := ledger.Append(ctx, tx, tx.Now(), es); err != nil || !registered {
				return err
			}
			return register(tx, ss, outcomes, head.Size)
		})
		if err != nil {
			return err
		}
	}
	return s.office.Publish(ctx)
}

// register enters certificates that were just logged, as the office's own
// projection does.
func register(tx *store.Tx, ss []signed, outcomes [][]byte, at int64) error {
	var certificates, subjects, blobs [][]any
	for i := range ss {
		c := &ss[i]
		st, err := statement.Parse(c.body)
		if err != nil {
			return err
		}
		var office, id, clause string
		reasons := []byte{}
		if d := c.Derived; d != nil {
			office, id, clause, reasons = d.Source.Office, d.Certificate, d.Clause, d.Reasons[:]
			blobs = append(blobs, []any{reasons, "outcome", 1, outcomes[i]})
		}
		subjects = append(subjects, []any{c.Office, c.ID, 1, st.Digest(), ""})
		certificates = append(certificates, []any{c.Office, c.ID, c.Number, c.Scheme, c.Edition, c.Level, c.Product.Holder,
			strings.ToLower(c.Product.Brand + " " + c.Product.Name + " " + c.Product.Models[0].ID), c.Product.Functions[0], int64(c.Granted), int64(c.Expires),
			office, id, clause, string(certificate.Valid), c.payload, ledger.LeafHash(c.body), at + int64(i), 0, 0, reasons})
	}
	for _, t := range []struct {
		name, columns string
		rows          [][]any
	}{
		{"subjects", "office subject seq digest doubt", subjects},
		{"certificates", "office id number scheme edition level holder product functions granted expires src_office src_id clause state body leaf log_index received backdated reasons", certificates},
		{"blobs", "digest kind public body", blobs},
	} {
		if err := tx.InsertMany(t.name, strings.Fields(t.columns), t.rows); err != nil {
			return err
		}
	}
	return nil
}
