package office

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"assay/certificate"
	"assay/statement"
	"assay/store"
)

// Projecting a statement into the register is the same for this office's own
// entries, for its peers', and for rebuild, which has nothing but the log.

// arrival says how a statement came here; zero for this office's own.
type arrival struct {
	received  int64 // µs; 0: own
	backdated bool
}

// said is a statement with its payload decoded once. Kinds without a place in
// the register have neither certificate nor event.
type said struct {
	kind     statement.Kind
	subject  string
	sequence uint64
	payload  []byte
	cert     *certificate.Certificate
	event    *certificate.Event
}

func hear(kind statement.Kind, subject string, seq uint64, payload []byte) (*said, error) {
	s := &said{kind: kind, subject: subject, sequence: seq, payload: payload}
	switch kind {
	case statement.Grant, statement.Designation:
		s.cert = new(certificate.Certificate)
		return s, statement.Decode(payload, s.cert)
	case statement.Status:
		s.event = new(certificate.Event)
		return s, statement.Decode(payload, s.event)
	}
	return s, nil
}

func (w *work) projectAll(office string, ps []placed) error {
	for i := range ps {
		p := &ps[i]
		s, err := p.said, error(nil)
		if s == nil {
			s, err = hear(p.Kind, p.Subject, p.Sequence, p.Payload)
		}
		if err == nil && s.cert != nil {
			err = fitsHeader(s, office)
		}
		if err == nil {
			err = w.project(office, s, p.Index, p.Leaf, arrival{})
		}
		if err != nil {
			return fmt.Errorf("%s %s: %w", p.Kind, p.Subject, err)
		}
	}
	return nil
}

// errPayload is wrapped by what a statement says wrongly.
var errPayload = errors.New("the statement's payload does not fit its header")

// project enters a verified statement that fits its header.
func (w *work) project(office string, s *said, index int64, leaf [32]byte, a arrival) error {
	switch {
	case s.cert != nil:
		return w.enter(s.cert, s.payload, index, leaf, a)
	case s.event != nil:
		return w.happen(office, s.subject, s.sequence, s.event, s.payload, index, leaf, a)
	}
	return nil
}

func fitsHeader(s *said, office string) error {
	switch c := s.cert; {
	case c.ID != s.subject || c.Office != office:
		return fmt.Errorf("%w: it speaks of %s of %s", errPayload, clip(c.ID), clip(c.Office))
	case s.sequence != 1:
		return fmt.Errorf("%w: a grant is a subject's first statement, this is number %d", errPayload, s.sequence)
	case (s.kind == statement.Designation) != (c.Derived != nil):
		return fmt.Errorf("%w: a designation, and only one, names what it rests on", errPayload)
	case !strings.HasPrefix(c.ID, c.Scheme+"-"):
		return fmt.Errorf("%w: the id %s is not one of scheme %s", errPayload, clip(c.ID), clip(c.Scheme))
	}
	return nil
}

func (w *work) enter(c *certificate.Certificate, body []byte, index int64, leaf [32]byte, a arrival) error {
	var srcOffice, srcID, clause string
	reasons := []byte{}
	if d := c.Derived; d != nil {
		srcOffice, srcID, clause, reasons = d.Source.Office, d.Certificate, d.Clause, d.Reasons[:]
	}
	row := []any{c.Office, c.ID, c.Number, c.Scheme, c.Edition, c.Level, c.Product.Holder, foldProduct(&c.Product), strings.Join(c.Product.Functions, " "),
		int64(c.Granted), int64(c.Expires), srcOffice, srcID, clause, string(certificate.Valid), body, leaf, index, a.received, a.backdated, reasons}
	if w.fresh != nil {
		w.fresh.certificates = append(w.fresh.certificates, row)
		return nil
	}
	return w.tx.InsertMany("certificates", certificateColumns, [][]any{row})
}

// happen adds an event to a certificate's history and keeps the columns that
// lists are made from.
func (w *work) happen(office, id string, seq uint64, e *certificate.Event, body []byte, index int64, leaf [32]byte, a arrival) error {
	if err := w.flush(); err != nil { // its certificate may be among what was gathered
		return err
	}
	_, err := w.tx.Exec(`INSERT INTO events (office, id, seq, kind, body, leaf, log_index, received) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		office, id, int64(seq), string(e.Kind), body, leaf, index, a.received)
	if err != nil {
		return err
	}
	h, err := w.history(office, id)
	if err != nil {
		return err
	}
	// The newest word on it, whenever it acts; the calendar is added when somebody asks.
	const end = 1<<63 - 1
	c := *h.Certificate
	c.Expires = 0
	evs := make([]certificate.Event, len(h.Events))
	copy(evs, h.Events)
	for i := range evs {
		if evs[i].Amend != nil {
			am := *evs[i].Amend
			am.Expires = 0
			evs[i].Amend = &am
		}
	}
	state := certificate.At(&c, evs, w.r.zoneOf(c.Scheme), end, end).State
	now := certificate.At(h.Certificate, h.Events, w.r.zoneOf(c.Scheme), end, end).Amended
	if e.Amend != nil && e.Amend.Number != "" && office == w.info.Office {
		if err := w.rememberNumber(id); err != nil {
			return err
		}
	}
	_, err = w.tx.Exec(`UPDATE certificates SET state = $3, expires = $4, level = $5, number = $6, holder = $7, product = $8, functions = $9 WHERE office = $1 AND id = $2`,
		office, id, string(state), int64(now.Expires), now.Level, now.Number, now.Product.Holder, foldProduct(&now.Product), strings.Join(now.Product.Functions, " "))
	return err
}

// rememberNumber lets the number that a certificate has now find it also when
// it has another: it stands on labels that were sold.
func (w *work) rememberNumber(id string) error {
	_, err := w.tx.Exec(`INSERT INTO office_meta (name, value) SELECT 'number/' || number, CAST($3 AS {{bytes}}) FROM certificates WHERE office = $1 AND id = $2
		ON CONFLICT (name) DO NOTHING`, w.info.Office, id, []byte(id))
	return err
}

// history is a certificate with all that happened to it, as the register has it.
type history struct {
	Certificate *certificate.Certificate
	Events      []certificate.Event
	Ref         certificate.Ref
	Received    int64
	Backdated   bool
	Reasons     []byte
	Doubt       string
	Sequence    uint64 // of the newest statement
}

// history loads one certificate; store.ErrNoRows where there is none.
func (w *work) history(office, id string) (*history, error) {
	hs, err := w.histories(office, []string{id})
	if err == nil && hs[id] == nil {
		err = store.ErrNoRows
	}
	return hs[id], err
}

const historyColumns = `c.body, c.leaf, c.log_index, c.received, c.backdated, c.reasons, s.doubt, s.seq`

func scanHistory(scan func(...any) error, office, origin string) (*history, error) {
	h := new(history)
	var body, leaf []byte
	var backdated, seq int64
	if err := scan(&body, &leaf, &h.Ref.Index, &h.Received, &backdated, &h.Reasons, &h.Doubt, &seq); err != nil {
		return nil, err
	}
	h.Backdated, h.Sequence = backdated != 0, uint64(seq)
	h.Certificate = new(certificate.Certificate)
	if err := statement.Read(body, h.Certificate); err != nil {
		return nil, fmt.Errorf("a certificate of %s: %w", office, err)
	}
	h.Ref.Office, h.Ref.Origin, h.Ref.Leaf = office, origin, certificate.Digest(leaf)
	return h, nil
}

func (w *work) events(office, id string) ([]certificate.Event, error) {
	rows, err := w.tx.Query(`SELECT seq, body, leaf, log_index, received FROM events WHERE office = $1 AND id = $2 ORDER BY seq`, office, id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var evs []certificate.Event
	for rows.Next() {
		var e certificate.Event
		var seq int64
		var body, leaf []byte
		if err := rows.Scan(&seq, &body, &leaf, &e.Index, &e.Received); err != nil {
			return nil, err
		}
		if err := statement.Read(body, &e); err != nil { // leaves what is not in the statement alone
			return nil, fmt.Errorf("event %d of %s of %s: %w", seq, id, office, err)
		}
		e.Sequence, e.Leaf = uint64(seq), certificate.Digest(leaf)
		evs = append(evs, e)
	}
	return evs, rows.Err()
}

// origin is the log origin of this office or of a peer.
func (w *work) origin(office string) (string, error) {
	if office == w.info.Office {
		return w.info.Origin, nil
	}
	var s string
	err := w.tx.QueryRow(`SELECT origin FROM peers WHERE site = $1`, office).Scan(&s)
	if errors.Is(err, store.ErrNoRows) {
		return "", nil
	}
	return s, err
}

var folder = cases.Fold()

// fold makes text comparable: compatibility forms composed, case folded.
func fold(s string) string { return folder.String(norm.NFKC.String(s)) }

func foldProduct(p *certificate.Product) string {
	var b strings.Builder
	b.WriteString(p.Brand)
	b.WriteByte(' ')
	b.WriteString(p.Name)
	for _, m := range p.Models {
		b.WriteByte(' ')
		b.WriteString(m.ID)
	}
	return fold(b.String())
}

func clip(s string) string {
	if len(s) > 80 {
		return strings.ToValidUTF8(s[:80], "") + "…"
	}
	return s
}
