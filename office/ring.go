package office

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"assay/keys"
	"assay/statement"
	"assay/store"
)

// What this office signs with. The log decides: its newest key statement names
// the keys in force, and whatever is signed by another is not logged, in this
// process or in one that shares the database.

// signing is a ring with what the log says of it.
type signing struct {
	ring    *keys.Ring
	named   []byte        // the row "keys" of office_meta that it belongs to
	records []keys.Record // decoded: in force, and ended
}

// rings are the rings at hand.
type rings struct {
	mu   sync.Mutex
	list []*keys.Ring
}

// handover is a checkpoint key that is replaced: row "handover" of office_meta.
type handover struct {
	Old   keys.Record `cbor:"1,keyasint"`
	Index int64       `cbor:"2,keyasint"` // the key statement
	Until int64       `cbor:"3,keyasint"` // µs UTC; 0: the first checkpoint over the statement is its last
}

// handoverDays is how long a replaced checkpoint key signs beside its
// successor for partners who have not read of that yet.
const handoverDays = 30

// errNoRing is wrapped where the log names, or would name, keys that this
// process cannot sign with.
var errNoRing = errors.New("no key ring at hand has the keys that the log names")

func keysInForce(recs []keys.Record) []keys.Record {
	return slices.DeleteFunc(slices.Clone(recs), func(k keys.Record) bool { return k.NotAfter != 0 })
}

// with finds the ring that can sign with every one of the records.
func (r *rings) with(recs []keys.Record) *keys.Ring {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.IndexFunc(r.list, func(ring *keys.Ring) bool { return ring.Has(recs) }); i >= 0 {
		return r.list[i]
	}
	return nil
}

// loadRings opens the rings at hand and reports whether one of them is new.
// It may take a second, so it never runs in a transaction.
func (o *Office) loadRings() bool {
	if o.opt.Rings == nil {
		return false
	}
	got, err := o.opt.Rings()
	if err != nil {
		o.log.Error("opening the other key rings failed", "err", err)
	}
	o.rings.mu.Lock()
	defer o.rings.mu.Unlock()
	n := len(o.rings.list)
	for _, ring := range got {
		if !slices.ContainsFunc(o.rings.list, func(r *keys.Ring) bool { return r.Has(ring.Records()) }) {
			o.rings.list = append(o.rings.list, ring)
		}
	}
	return len(o.rings.list) > n
}

// refreshSigning takes up the keys that the log names now. Where no ring at
// hand has them, it fails by name and nothing can be signed.
func (o *Office) refreshSigning(ctx context.Context) error {
	s := new(signing)
	if err := o.view(ctx, func(w *work) (err error) {
		s.named, s.records, err = w.namedKeys()
		return err
	}); err != nil {
		return err
	}
	old := o.signing.Load()
	if old != nil && bytes.Equal(old.named, s.named) {
		o.stale.Store(false)
		return nil
	}
	force := keysInForce(s.records)
	if s.ring = o.rings.with(force); s.ring == nil && o.loadRings() {
		s.ring = o.rings.with(force)
	}
	if s.ring == nil {
		return fmt.Errorf("%w: %s; open the office with the key ring that it was founded with, or the one that an act put in its place", errNoRing, o.missing(force))
	}
	if !o.signing.CompareAndSwap(old, s) { // somebody else was at it; what they read may be newer
		return o.refreshSigning(ctx)
	}
	o.stale.Store(false)
	o.doc.Lock()
	o.doc.body = nil
	o.doc.Unlock()
	if old != nil {
		o.log.Info("signing with other keys from now on", "statement", fmt.Sprintf("%x", s.ring.Statement.ID), "checkpoint", fmt.Sprintf("%x", s.ring.Checkpoint.ID))
	}
	if o.opt.OnKeys != nil {
		o.opt.OnKeys(s.ring)
	}
	return nil
}

// missing says which of the records the first ring at hand has not.
func (o *Office) missing(recs []keys.Record) string {
	o.rings.mu.Lock()
	defer o.rings.mu.Unlock()
	for _, k := range recs {
		if len(o.rings.list) > 0 && !o.rings.list[0].Has([]keys.Record{k}) {
			return fmt.Sprintf("the %s key of this one is not the one that the log names (%x)", k.Role, k.ID)
		}
	}
	return "the keys are in several rings"
}

// signer is what to sign with now.
func (o *Office) signer() (*signing, error) {
	if o.stale.Load() {
		// Not the caller's context: the answer is everybody's.
		if err := o.refreshSigning(context.Background()); err != nil {
			return nil, err
		}
	}
	return o.signing.Load(), nil
}

// signerFor is the key that signs a kind of statement.
func signerFor(ring *keys.Ring, kind statement.Kind) keys.Signer {
	if kind.Role() == keys.Identity {
		return ring.Identity
	}
	return ring.Statement
}

// namedKeys reads which keys the log names.
func (w *work) namedKeys() (raw []byte, recs []keys.Record, err error) {
	if err := w.tx.QueryRow(`SELECT value FROM office_meta WHERE name = $1`, "keys").Scan(&raw); err != nil {
		return nil, nil, fmt.Errorf("office_meta keys: %w", err)
	}
	if err := statement.Decode(raw, &recs); err != nil {
		return nil, nil, fmt.Errorf("office_meta keys: %w", err)
	}
	return raw, recs, nil
}

// keysHold refuses to log what a key signed that is no longer in force: with
// the head locked, no key statement can come in between. The caller signs anew.
func (w *work) keysHold(ps []placed) error {
	var raw []byte
	if err := w.tx.QueryRow(`SELECT value FROM office_meta WHERE name = $1`, "keys").Scan(&raw); err != nil {
		return fmt.Errorf("office_meta keys: %w", err)
	}
	s := w.signing.Load()
	if !bytes.Equal(raw, s.named) {
		w.stale.Store(true)
		return errMoved
	}
	for i := range ps {
		if !bytes.Equal(ps[i].key, signerFor(s.ring, ps[i].Kind).ID) {
			return errMoved
		}
	}
	return nil
}

// checkpointSigners are the keys that sign a checkpoint larger than the one of
// size have: the one in force and, while partners learn of it from the log,
// the one before. errMoved: the keys at hand are not those of this head.
func (w *work) checkpointSigners(have int64) ([]keys.Signer, error) {
	raw, _, err := w.namedKeys()
	if err != nil {
		return nil, err
	}
	s := w.signing.Load()
	if !bytes.Equal(raw, s.named) {
		return nil, errMoved
	}
	by := []keys.Signer{s.ring.Checkpoint}
	old, err := w.leaving(have)
	if err != nil || old == nil {
		return by, err
	}
	if ring := w.rings.with([]keys.Record{*old}); ring != nil { // after a loss there is none
		by = append(by, ring.Checkpoint)
	}
	return by, nil
}

// leaving is the replaced checkpoint key that still signs what is larger than
// the checkpoint of size have; nil: none.
func (w *work) leaving(have int64) (*keys.Record, error) {
	var raw []byte
	var h handover
	err := w.tx.QueryRow(`SELECT value FROM office_meta WHERE name = $1`, "handover").Scan(&raw)
	if errors.Is(err, store.ErrNoRows) {
		return nil, nil
	}
	if err == nil {
		err = statement.Decode(raw, &h)
	}
	if err != nil {
		return nil, fmt.Errorf("office_meta handover: %w", err)
	}
	if have <= h.Index { // no checkpoint that both signed is out
		return &h.Old, nil
	}
	if w.now >= h.Until {
		return nil, nil
	}
	var behind int64
	if err := w.tx.QueryRow(`SELECT COUNT(*) FROM peers WHERE ended = 0 AND receipt_size <= $1`, h.Index).Scan(&behind); err != nil || behind == 0 {
		return nil, err
	}
	return &h.Old, nil
}

// fetchLeaving opens the other rings at a start in the middle of a handover.
func (o *Office) fetchLeaving(ctx context.Context) error {
	var old *keys.Record
	err := o.view(ctx, func(w *work) error {
		have, err := w.tx.CheckpointSize()
		if err == nil {
			old, err = w.leaving(have)
		}
		return err
	})
	if err == nil && old != nil && o.rings.with([]keys.Record{*old}) == nil {
		o.loadRings()
	}
	return err
}

// KeyResult is what came of replacing keys.
type KeyResult struct {
	Result
	From  int64 `json:"from,omitempty"`  // compromised: the first entry in doubt
	Doubt int64 `json:"doubt,omitempty"` // and how many are
}

const keySubject = "key"

// keyPayload is the key statement that an act leads to.
func (w *work) keyPayload(a *Act, b *KeyBody) (*KeyPayload, []keys.Record, error) {
	_, named, err := w.namedKeys()
	if err != nil {
		return nil, nil, err
	}
	p := &KeyPayload{Act: a.Digest, Recorded: w.now, Reason: b.Reason, Since: b.Since}
	if len(b.Keys) == 0 || b.Reason == "" {
		return nil, nil, fail(Invalid, "keys", "make them: assay keys new", "name the new keys, and say whether it is %s, %s or %s", statement.Scheduled, statement.Compromised, statement.Lost)
	}
	for _, k := range b.Keys {
		switch {
		case k.Role == keys.Identity:
			return nil, nil, fail(Invalid, "keys", "found a new office and pair again", "the identity key is never replaced: another one is another office to every partner")
		case k.NotBefore != 0 || k.NotAfter != 0:
			return nil, nil, fail(Invalid, "keys", "leave its times out", "when the %s key begins and ends is what the log says", k.Role)
		case slices.ContainsFunc(named, func(n keys.Record) bool { return string(n.ID) == string(k.ID) }):
			return nil, nil, fail(Invalid, "keys", "make a fresh one: assay keys new", "the %s key %x is or was one of this office's", k.Role, k.ID)
		}
		k.NotBefore = w.now
		p.Keys = append(p.Keys, k)
	}
	fresh := len(p.Keys)
	for _, k := range keysInForce(named) {
		if slices.ContainsFunc(p.Keys[:fresh], func(n keys.Record) bool { return n.Role == k.Role }) {
			k.NotAfter = max(w.now, k.NotBefore)
		}
		p.Keys = append(p.Keys, k)
	}
	if b.Since != 0 {
		// The instant is the office's to say; the entries follow from its own
		// clock and its own log, so that no partner has to ask its clock.
		err := w.tx.QueryRow(`SELECT (SELECT COUNT(*) FROM log_entries WHERE at < $1),
			(SELECT COALESCE(MAX(idx), 0) + 1 FROM log_entries WHERE issuer = $2 AND subject = $3)`, b.Since, w.info.Office, keySubject).Scan(&p.From, &fresh)
		if err != nil {
			return nil, nil, err
		}
		p.From = max(p.From, int64(fresh)) // what an earlier key signed is not in doubt
	}
	after, err := p.After(named, w.now)
	if err != nil {
		return nil, nil, &Error{Code: Invalid, Field: "keys", Message: err.Error(), Hint: "compare with: assay keys show", Err: err}
	}
	return p, after, nil
}

func checkKey(w *work, _ *Person, a *Act, body any) error {
	a.Subject = keySubject
	_, _, err := w.keyPayload(a, body.(*KeyBody))
	return err
}

func planKey(w *work, a *Act, body any) ([]draft, error) {
	p, after, err := w.keyPayload(a, body.(*KeyBody))
	if err != nil {
		return nil, err
	}
	if err := w.atHand(after); err != nil {
		return nil, err
	}
	d, err := w.draft(statement.Key, keySubject, p)
	return []draft{d}, err
}

// atHand refuses keys that this process could not go on with.
func (w *work) atHand(recs []keys.Record) error {
	if w.rings.with(keysInForce(recs)) != nil {
		return nil
	}
	return &Error{Code: Conflict, Field: "keys", Message: "no key ring at hand has all keys that would be in force, so nothing could be signed any more",
		Hint: "put the ring that `assay keys new` made beside the office's, on every machine that serves it", Err: errNoRing}
}

// doneKey puts the keys in force in the transaction that logs the statement.
// What other processes signed meanwhile with the old ones they sign anew.
func doneKey(w *work, a *Act, _ any, ps []placed) (any, error) {
	var p KeyPayload
	if err := statement.Decode(ps[0].Payload, &p); err != nil {
		return nil, err
	}
	_, named, err := w.namedKeys()
	if err != nil {
		return nil, err
	}
	after, err := p.After(named, w.now)
	if err == nil {
		err = w.atHand(after)
	}
	if err != nil {
		return nil, err
	}
	if err := w.setMeta("keys", after); err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(p.Keys, func(k keys.Record) bool { return k.Role == keys.Checkpoint && k.NotAfter != 0 }); i >= 0 {
		h := handover{Old: p.Keys[i], Index: ps[0].Index}
		if p.Reason == statement.Scheduled {
			h.Until = w.now + handoverDays*int64(24*time.Hour/time.Microsecond)
		}
		if err := w.setMeta("handover", h); err != nil {
			return nil, err
		}
	}
	w.stale.Store(true) // also where the transaction fails: looking again costs nothing
	res := KeyResult{Result: Result{Index: ps[0].Index, Leaf: ps[0].Leaf}}
	if p.Reason == statement.Compromised {
		if p.Replaces(keys.Statement) {
			res.From, res.Doubt = p.From, max(0, ps[0].Index-p.From)
		}
		err = w.alarm("key-compromised", w.info.Office, keySubject, map[string]string{"from": fmt.Sprint(p.From), "entry": fmt.Sprint(ps[0].Index), "act": a.ID})
	}
	return res, err
}

func (w *work) setMeta(name string, v any) error {
	b, err := statement.Encode(v)
	if err != nil {
		return err
	}
	_, err = w.tx.Exec(`INSERT INTO office_meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, b)
	return err
}
