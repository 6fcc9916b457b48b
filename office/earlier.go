package office

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"assay/certificate"
	"assay/civil"
	"assay/recognition"
	"assay/scheme"
	"assay/statement"
	"assay/store"
)

// EarlierBody enters a certificate that the authority granted before it kept
// this register. What is entered is what was granted then, with its own
// number; partners see that its grant lies before its entry.
type EarlierBody struct {
	Number     string                `json:"number"`
	Scheme     string                `json:"scheme"`
	Level      string                `json:"level"`
	Basis      []scheme.StandardRef  `json:"basis,omitempty"` // default: the edition's
	Product    certificate.Product   `json:"product"`
	Firmware   []string              `json:"firmware"`
	Granted    civil.Date            `json:"granted"`
	Expires    civil.Date            `json:"expires,omitzero"` // default: as the edition of the day says
	SupportEnd civil.Date            `json:"support_end,omitzero"`
	Requests   []certificate.Request `json:"requests,omitempty"`
}

func checkEarlier(w *work, _ *Person, a *Act, body any) error {
	b := body.(*EarlierBody)
	a.Subject = "earlier/" + b.Scheme
	if !clean(b.Number) || b.Number == "" {
		return fail(Invalid, "number", "copy it from the old register", "a certificate granted earlier has a number")
	}
	_, err := w.earlier(a, b)
	return err
}

func (w *work) earlier(a *Act, b *EarlierBody) (*certificate.Certificate, error) {
	s := w.r.cat.Scheme(b.Scheme)
	if s == nil || !slices.Contains(w.info.Authorities, s.Authority) {
		return nil, fail(Invalid, "scheme", "this office takes: "+strings.Join(w.schemes(w.r), ", "), "%q is no scheme of this office", clip(b.Scheme))
	}
	e := s.EditionOn(b.Granted)
	if e == nil || e.Level(b.Level) == nil {
		return nil, fail(Invalid, "level", "", "no edition of %s with level %q was in force on %s", s.ID, clip(b.Level), b.Granted)
	}
	if b.Granted >= civil.DateAt(w.now, w.r.zoneOf(s.ID)) {
		return nil, fail(Invalid, "granted", "take an application for it", "only what was granted before today is entered so")
	}
	start := b.Granted.Start(w.r.zoneOf(s.ID))
	c := &certificate.Certificate{Number: b.Number, Office: w.info.Office, Scheme: s.ID, Edition: e.ID, Level: b.Level, Attestation: e.Level(b.Level).Attestation,
		Basis: b.Basis, Product: b.Product, Firmware: certificate.Firmware{Rule: e.Firmware, Versions: b.Firmware}, Granted: b.Granted, Decided: start, Effective: start,
		Expires: b.Expires, SupportEnd: b.SupportEnd, Requests: b.Requests, Act: a.Digest, Catalog: w.r.digest}
	if len(c.Basis) == 0 {
		c.Basis = e.Bases
	}
	if c.Expires.IsZero() {
		t := recognition.Limit(b.Granted, e.Term, b.SupportEnd, 0)
		if t.Needs != "" {
			return nil, fail(Invalid, "expires", "state it", "the term cannot be told: the %s is missing", t.Needs)
		}
		c.Expires = t.End
	}
	return c, nil
}

func planEarlier(w *work, a *Act, body any) ([]draft, error) {
	b := body.(*EarlierBody)
	c, err := w.earlier(a, b)
	if err != nil {
		return nil, err
	}
	n, err := w.serial(c.Scheme, 1)
	if err != nil {
		return nil, err
	}
	c.ID, _ = numbered(w.r.cat.Scheme(c.Scheme), c, n)
	if err := w.numberFree(c.Number, ""); err != nil {
		return nil, err
	}
	if err := w.skipSerial(w.r.cat.Scheme(c.Scheme), c.Number); err != nil {
		return nil, err
	}
	if err := w.lint(c); err != nil {
		return nil, err
	}
	d, err := w.draft(statement.Grant, c.ID, c)
	return []draft{d}, err
}

// numberFree refuses a number that a certificate of this office has already,
// other than the one named.
func (w *work) numberFree(number, except string) error {
	var id string
	err := w.tx.QueryRow(`SELECT id FROM certificates WHERE number = $1 AND office = $2 AND id <> $3 LIMIT 1`, number, w.info.Office, except).Scan(&id)
	if errors.Is(err, store.ErrNoRows) { // not now; it may have been somebody's before
		var before []byte
		if err = w.tx.QueryRow(`SELECT value FROM office_meta WHERE name = $1 AND value <> $2`, "number/"+number, []byte(except)).Scan(&before); errors.Is(err, store.ErrNoRows) {
			return nil
		}
		id = string(before)
	}
	if err == nil {
		err = fail(Conflict, "number", "compare it with the old register", "the number %s is that of %s: numbers are never used twice", clip(number), id)
	}
	return err
}

// skipSerial moves the scheme's counter past a number that did not come from
// it, so that the counter never gives the same number again.
func (w *work) skipSerial(s *scheme.Scheme, number string) error {
	pattern := regexp.QuoteMeta(s.Number.Format)
	for part, re := range map[string]string{"{serial}": `0*([0-9]{1,12})`, "{year}": `[0-9]{4}`, "{level}": `.{1,20}`, "{expiry:DDMMYY}": `[0-9]{6}`} {
		pattern = strings.ReplaceAll(pattern, regexp.QuoteMeta(part), re)
	}
	re, err := regexp.Compile("^" + pattern + "$")
	if err != nil {
		return fmt.Errorf("number format of %s: %w", s.ID, err)
	}
	m := re.FindStringSubmatch(number)
	if len(m) < 2 { // of another form: it cannot come back
		return nil
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return err
	}
	_, err = w.tx.Exec(`UPDATE numbers SET last = $2 WHERE scheme = $1 AND last < $2`, s.ID, n)
	return err
}

func doneEarlier(_ *work, _ *Act, _ any, ps []placed) (any, error) {
	var c certificate.Certificate
	if err := statement.Decode(ps[0].Payload, &c); err != nil {
		return nil, err
	}
	return Result{Certificate: c.ID, Number: c.Number, Index: ps[0].Index, Leaf: ps[0].Leaf}, nil
}

// enteredLate reports whether a certificate was granted before the day it is
// signed on: the scheme had to issue then, not today.
func enteredLate(c *certificate.Certificate, now int64, zone *time.Location) bool {
	return c.Derived == nil && c.Granted < civil.DateAt(now, zone)
}
