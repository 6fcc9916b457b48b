package office

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/fxamacker/cbor/v2"

	"assay/keys"
	"assay/ledger"
	"assay/statement"
	"assay/store"
)

// draft is a statement before it is signed. Sequence and Previous are its
// preconditions: they are checked again in the transaction that logs it.
type draft struct {
	Kind     statement.Kind `cbor:"1,keyasint"`
	Subject  string         `cbor:"2,keyasint"`
	Sequence uint64         `cbor:"3,keyasint"`
	Previous [32]byte       `cbor:"4,keyasint"`
	Payload  []byte         `cbor:"5,keyasint"`

	said *said // what Payload says, where its maker still has it
}

// placed is a draft in the log.
type placed struct {
	draft
	body   []byte
	key    []byte // id of the key that signed it
	digest [32]byte
	Index  int64
	Leaf   [32]byte
}

// errMoved means that a subject has got another statement since the draft was
// made. The plan is made anew; nothing was logged.
var errMoved = errors.New("the subject has moved on since this was drafted")

// work is one transaction of a use case, with the rules that it decides by.
type work struct {
	*Office
	tx    *store.Tx
	r     *rules
	now   int64
	fresh *fresh // where set, rows of new subjects are gathered: flush writes them
}

func (o *Office) update(ctx context.Context, fn func(*work) error) error {
	err := o.db.Update(ctx, func(tx *store.Tx) error {
		return fn(&work{Office: o, tx: tx, r: o.rules.Load(), now: tx.Now()})
	})
	if errors.Is(err, store.ErrFull) {
		err = &Error{Code: Full, Message: "the office's disk is full", Hint: "make room and try again; nothing was half done", Err: err}
	}
	return err
}

func (o *Office) view(ctx context.Context, fn func(*work) error) error {
	return o.db.View(ctx, func(tx *store.Tx) error {
		return fn(&work{Office: o, tx: tx, r: o.rules.Load(), now: tx.Now()})
	})
}

// next gives the sequence number and the previous digest of a subject's next
// statement in this office's log.
func (w *work) next(subject string) (seq uint64, previous [32]byte, err error) {
	var n int64
	var d []byte
	err = w.tx.QueryRow(`SELECT seq, digest FROM subjects WHERE office = $1 AND subject = $2`, w.info.Office, subject).Scan(&n, &d)
	if errors.Is(err, store.ErrNoRows) {
		return 1, previous, nil
	}
	copy(previous[:], d)
	return uint64(n) + 1, previous, err
}

// maxPayload leaves room for the headers and the signature of a statement.
const maxPayload = statement.MaxSize - 1<<10

// encode refuses by name what does not fit a statement: found out only when it
// is signed, it would stop all that is signed with it, again and again.
func encode(payload any) ([]byte, error) {
	b, err := statement.Encode(payload)
	if err == nil && len(b) > maxPayload {
		err = fail(LintFailed, "size", "say it with fewer or shorter names", "what would be signed has %d bytes, a statement holds %d", len(b), maxPayload)
	}
	return b, err
}

// draft encodes a payload as the next statement of its subject.
func (w *work) draft(kind statement.Kind, subject string, payload any) (draft, error) {
	b, err := encode(payload)
	if err != nil {
		return draft{}, fmt.Errorf("%s %s: %w", kind, subject, err)
	}
	d := draft{Kind: kind, Subject: subject, Payload: b}
	d.Sequence, d.Previous, err = w.next(subject)
	return d, err
}

// sign signs drafts on all cores. It runs outside any transaction: an HSM may
// be slow, and a signature that is not logged is worth nothing.
func (o *Office) sign(drafts []draft) ([]placed, error) {
	s, err := o.signer()
	if err != nil {
		return nil, err
	}
	out := make([]placed, len(drafts))
	errs := make([]error, len(drafts))
	workers := min(runtime.GOMAXPROCS(0), len(drafts))
	var wg sync.WaitGroup
	for k := range workers {
		wg.Go(func() {
			for i := k; i < len(drafts); i += workers {
				runtime.Gosched() // a batch is longer than a turn on a core
				out[i], errs[i] = o.signOne(s.ring, drafts[i])
			}
		})
	}
	wg.Wait()
	return out, errors.Join(errs...)
}

func (o *Office) signOne(ring *keys.Ring, d draft) (placed, error) {
	signer := signerFor(ring, d.Kind)
	body, digest, err := statement.SignDigest(signer, statement.Header{Kind: d.Kind, Issuer: o.info.Office, Origin: o.info.Origin,
		Subject: d.Subject, Sequence: d.Sequence, Previous: d.Previous}, d.Payload)
	return placed{draft: d, body: body, key: signer.ID, digest: digest}, err
}

// append logs signed statements: it locks the head first, checks each
// subject again, appends, and projects into the register. All of it is in the
// caller's transaction; a crash before its commit leaves nothing.
func (w *work) append(ps []placed) error {
	head, err := w.tx.LockHead(w.tx.Context())
	if err != nil {
		return err
	}
	if err := w.keysHold(ps); err != nil {
		return err
	}
	w.fresh = new(fresh)
	defer func() { w.fresh = nil }()
	entries := make([]ledger.Entry, len(ps))
	for i := range ps {
		p := &ps[i]
		if err := w.advance(w.info.Office, p.Subject, p.Sequence, p.Previous, p.digest); err != nil {
			return err
		}
		p.Index = head.Size + int64(i)
		p.Leaf = ledger.LeafHash(p.body)
		entries[i] = ledger.Entry{Kind: string(p.Kind), Issuer: w.info.Office, Subject: p.Subject, Sequence: p.Sequence, Body: p.body}
	}
	if _, err := ledger.Append(w.tx.Context(), w.tx, w.now, entries); err != nil {
		if errors.Is(err, ledger.ErrClockBack) {
			return &Error{Code: ClockBack, Message: "the clock is earlier than the log's newest entry", Hint: "set the clock; nothing was logged", Err: err}
		}
		return err
	}
	if err := w.projectAll(w.info.Office, ps); err != nil {
		return err
	}
	return w.flush()
}

// advance moves a subject to its next statement, or says errMoved.
func (w *work) advance(office, subject string, seq uint64, previous, digest [32]byte) error {
	var n int64
	var err error
	if seq == 1 && w.fresh != nil {
		w.fresh.subjects = append(w.fresh.subjects, []any{office, subject, 1, digest, ""})
		return nil
	}
	if seq == 1 {
		n, err = w.tx.Exec(`INSERT INTO subjects (office, subject, seq, digest, doubt) VALUES ($1, $2, 1, $3, '') ON CONFLICT (office, subject) DO NOTHING`,
			office, subject, digest)
	} else {
		n, err = w.tx.Exec(`UPDATE subjects SET seq = $3, digest = $4 WHERE office = $1 AND subject = $2 AND seq = $5 AND digest = $6`,
			office, subject, int64(seq), digest, int64(seq)-1, previous)
	}
	if err == nil && n == 0 {
		err = errMoved
	}
	return err
}

// intents are read by this program only, from its own database.
var (
	intentMode, _   = cbor.CoreDetEncOptions().EncMode()
	intentDecode, _ = cbor.DecOptions{}.DecMode()
)

// An intent is what an approved act is about to sign: durable before any
// signature exists, and spent once.
type intent struct {
	Drafts []draft `cbor:"1,keyasint"`
}

// record stores the intent of an act under a fresh single-use token. It is
// carried out at once or, under an embargo, at the instant at.
func (w *work) record(act string, drafts []draft, at int64) (token string, err error) {
	var b [16]byte
	rand.Read(b[:])
	token = hex.EncodeToString(b[:])
	body, err := intentMode.Marshal(intent{drafts})
	if err != nil {
		return "", err
	}
	_, err = w.tx.Exec(`INSERT INTO intents (token, act, body, state, at) VALUES ($1, $2, $3, 'recorded', $4)`, token, act, body, max(at, w.now))
	return token, err
}

// spend uses the token up. A second use is an error by name, on both engines.
func (w *work) spend(token string) error {
	n, err := w.tx.Exec(`UPDATE intents SET state = 'spent', body = $2 WHERE token = $1 AND state = 'recorded'`, token, []byte{})
	if err == nil && n == 0 {
		err = fail(Spent, "", "the act was already carried out; read it again", "the single-use token was spent before")
	}
	return err
}
