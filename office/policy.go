package office

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"assay/catalog"
	"assay/certificate"
	"assay/civil"
	"assay/recognition"
	"assay/scheme"
	"assay/statement"
	"assay/store"
)

func (w *work) ownClause(id string) (*scheme.Clause, error) {
	_, c := w.r.cat.Clause(id)
	if c == nil {
		return nil, fail(Invalid, "clause", "`assay catalog list` names the clauses", "the catalog in force has no clause %q", clip(id))
	}
	s := w.r.cat.Scheme(c.To.Scheme)
	if s == nil || !slices.Contains(w.info.Authorities, s.Authority) {
		return nil, fail(Invalid, "clause", "a policy is set by the office that designates", "the clause %s leads to %s, which is not this office's", id, c.To.Scheme)
	}
	return c, nil
}

func checkPolicy(w *work, _ *Person, a *Act, body any) error {
	b := body.(*PolicyBody)
	a.Subject = "policy/" + b.Clause
	c, err := w.ownClause(b.Clause)
	if err != nil {
		return err
	}
	switch recognition.PolicyKind(b.Kind) {
	case recognition.Review, recognition.ByRequest:
	case recognition.AfterDays:
		if b.Days < 1 || b.Days > 250 {
			return fail(Invalid, "days", "1 to 250 working days", "%d working days cannot be waited for", b.Days)
		}
	case recognition.Automatic:
		return checkStanding(w, c, b)
	default:
		return fail(Invalid, "kind", "review, after-days, on-request or automatic", "%q is no policy", clip(b.Kind))
	}
	return nil
}

// checkStanding holds a standing decision against what one must say: its
// legal basis, an end, budgets, the share drawn for checking, and the digest
// of the catalog that it was made for.
func checkStanding(w *work, c *scheme.Clause, b *PolicyBody) error {
	today := civil.DateAt(w.now, w.zone)
	exp, err := civil.ParseDate(b.Expires)
	switch {
	case !c.Legal.Found:
		return fail(Conflict, "clause", "use review", "no legal ground is known on which this office could act by itself under %s", b.Clause)
	case b.LegalBasis == "":
		return fail(Invalid, "legal_basis", "name the law and section", "a standing decision names its legal basis")
	case err != nil:
		return fail(Invalid, "expires", "", "a standing decision ends: %v", err)
	case exp <= today || exp > today.AddYears(1):
		return fail(Invalid, "expires", "at most twelve months from today", "%s is not within twelve months", exp)
	case b.PerHour < 1 || b.PerDay < b.PerHour:
		return fail(Invalid, "per_hour", "for example 50 and 200", "a standing decision has a budget per hour and a larger one per day")
	case b.Share < 1 || b.Share > 100:
		return fail(Invalid, "share_percent", "1 to 100", "a share of what is designated is drawn for later checking")
	}
	if b.Catalog == "" {
		b.Catalog = w.r.digest
	}
	if b.Catalog != w.r.digest {
		return fail(Conflict, "catalog", "read the catalog in force", "it was made for another catalog than the one in force")
	}
	return nil
}

// digestLike is the digest of the body with the catalog that old was filled with.
func (b *PolicyBody) digestLike(old *Act) (certificate.Digest, error) {
	var before PolicyBody
	if err := json.Unmarshal(old.Body, &before); err != nil {
		return certificate.Digest{}, err
	}
	again := *b
	if again.Catalog == "" {
		again.Catalog = before.Catalog
	}
	body, err := json.Marshal(again)
	return digestOf(old.Kind, body), err
}

func planPolicy(w *work, a *Act, body any) ([]draft, error) {
	b := body.(*PolicyBody)
	if err := checkPolicy(w, nil, a, b); err != nil {
		return nil, err
	}
	p := ActPayload{What: string(a.Kind), Key: b.Clause, Act: a.Digest, From: w.now, Policy: b.Kind, Recorded: w.now, Digest: certificate.Digest(w.r.clause[b.Clause])}
	if b.Kind == string(recognition.Automatic) {
		p.Expires = civil.MustDate(b.Expires).End(w.zone)
	}
	d, err := w.draft(statement.Act, a.Subject, p)
	return []draft{d}, err
}

func donePolicy(w *work, a *Act, body any, ps []placed) (any, error) {
	b := body.(*PolicyBody)
	var p ActPayload
	if err := statement.Decode(ps[0].Payload, &p); err != nil {
		return nil, err
	}
	_, err := w.tx.Exec(`INSERT INTO policies (clause, body, act, digest, since, expires, pinned) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (clause) DO UPDATE SET body = excluded.body, act = excluded.act, digest = excluded.digest, since = excluded.since, expires = excluded.expires, pinned = excluded.pinned`,
		b.Clause, []byte(a.Body), a.ID, a.Digest[:], p.From, p.Expires, p.Digest[:])
	if err != nil {
		return nil, err
	}
	return Result{Index: ps[0].Index, Leaf: ps[0].Leaf}, w.dueForClause(b.Clause)
}

func checkReading(w *work, _ *Person, a *Act, body any) error {
	b := body.(*ReadingBody)
	a.Subject = "reading/" + b.Clause
	if len(b.Ground) < 10 || len(b.Ground) > 2000 {
		return fail(Invalid, "ground", "say in 10 to 2000 bytes why the office reads it so", "a reading has a ground")
	}
	_, err := w.ownClause(b.Clause)
	return err
}

func planReading(w *work, a *Act, body any) ([]draft, error) {
	b := body.(*ReadingBody)
	if _, err := w.ownClause(b.Clause); err != nil {
		return nil, err
	}
	d, err := w.draft(statement.Act, a.Subject, ActPayload{What: string(a.Kind), Key: b.Clause, Act: a.Digest, From: w.now, Recorded: w.now, Digest: certificate.Digest(w.r.clause[b.Clause])})
	return []draft{d}, err
}

func doneReading(w *work, a *Act, body any, ps []placed) (any, error) {
	b := body.(*ReadingBody)
	d := w.r.clause[b.Clause]
	_, err := w.tx.Exec(`INSERT INTO readings (clause, act, pinned) VALUES ($1, $2, $3) ON CONFLICT (clause) DO UPDATE SET act = excluded.act, pinned = excluded.pinned`,
		b.Clause, a.ID, d)
	if err != nil {
		return nil, err
	}
	return Result{Index: ps[0].Index, Leaf: ps[0].Leaf}, w.dueForClause(b.Clause)
}

// dueForClause puts every source of the clause's scheme on the list to be
// looked at again.
func (w *work) dueForClause(id string) error {
	_, c := w.r.cat.Clause(id)
	if c == nil {
		return nil
	}
	return w.dueForScheme(c.From.Scheme)
}

func (w *work) dueForScheme(schemeID string) error {
	_, err := w.tx.Exec(`INSERT INTO due (office, id, at, priority) SELECT office, id, $1, 2 FROM certificates WHERE scheme = $2 AND office <> $3
		ON CONFLICT (office, id) DO UPDATE SET at = CASE WHEN due.at < excluded.at THEN due.at ELSE excluded.at END`, w.now, schemeID, w.info.Office)
	return err
}

// OfferCatalog stores a catalog so that an act can adopt it by digest. It
// changes nothing by itself.
func (o *Office) OfferCatalog(ctx context.Context, by *Person, digest string, archive []byte) (string, error) {
	if err := need(by, RoleAdmin); err != nil {
		return "", err
	}
	cat, err := catalog.FromArchive(archive)
	if err != nil {
		return "", &Error{Code: Invalid, Field: "archive", Message: err.Error(), Err: err}
	}
	if cat.Digest != digest {
		return "", fail(Invalid, "digest", "name the digest that assay catalog list prints", "the archive's digest is %s, not %s", cat.Digest, clip(digest))
	}
	for _, f := range catalog.Lint(cat) {
		if f.Severity == catalog.Error {
			return "", fail(Invalid, f.Path, f.Hint, "%s: %s", f.Rule, f.Message)
		}
	}
	return o.storeCatalog(ctx, archive)
}

// CatalogArchive is a catalog as it was offered here, for whoever recomputes.
func (o *Office) CatalogArchive(ctx context.Context, digest string) ([]byte, error) {
	var b []byte
	err := o.view(ctx, func(w *work) (err error) {
		b, err = w.catalogBytes(digest)
		return err
	})
	if errors.Is(err, store.ErrNoRows) {
		return nil, fail(NotFound, "digest", "", "no catalog %q is known here", clip(digest))
	}
	return b, err
}

func (o *Office) storeCatalog(ctx context.Context, archive []byte) (string, error) {
	cat, err := catalog.FromArchive(archive)
	if err != nil {
		return "", &Error{Code: Invalid, Field: "catalog", Message: err.Error(), Err: err}
	}
	if _, err := compileRules(cat); err != nil {
		return "", &Error{Code: Invalid, Field: "catalog", Message: err.Error(), Err: err}
	}
	err = o.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(`INSERT INTO office_meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`, "catalog/"+cat.Digest, archive)
		return err
	})
	return cat.Digest, err
}

func checkCatalog(w *work, _ *Person, a *Act, body any) error {
	b := body.(*CatalogBody)
	a.Subject = "catalog"
	if b.From != "" {
		if _, err := civil.ParseDate(b.From); err != nil {
			return fail(Invalid, "from", "", "%v", err)
		}
	}
	_, err := w.catalogBytes(b.Digest)
	if errors.Is(err, store.ErrNoRows) {
		return fail(Invalid, "digest", "offer the catalog first", "no catalog with digest %q was offered here", clip(b.Digest))
	}
	return err
}

func (w *work) catalogBytes(digest string) ([]byte, error) {
	var b []byte
	err := w.tx.QueryRow(`SELECT value FROM office_meta WHERE name = $1`, "catalog/"+digest).Scan(&b)
	return b, err
}

func planCatalog(w *work, a *Act, body any) ([]draft, error) {
	b := body.(*CatalogBody)
	p := ActPayload{What: string(a.Kind), Key: "catalog", Act: a.Digest, From: w.catalogFrom(b), Recorded: w.now}
	if err := p.Digest.UnmarshalText([]byte(b.Digest)); err != nil {
		return nil, fail(Invalid, "digest", "", "%v", err)
	}
	d, err := w.draft(statement.Act, "catalog", p)
	return []draft{d}, err
}

func (w *work) catalogFrom(b *CatalogBody) int64 {
	if b.From == "" {
		return w.now
	}
	return max(w.now, civil.MustDate(b.From).Start(w.zone))
}

func doneCatalog(w *work, a *Act, body any, ps []placed) (any, error) {
	b := body.(*CatalogBody)
	if _, err := w.tx.Exec(`INSERT INTO adoptions (act, digest, since, at) VALUES ($1, $2, $3, $4)`, a.ID, b.Digest, w.catalogFrom(b), w.now); err != nil {
		return nil, err
	}
	return Result{Index: ps[0].Index, Leaf: ps[0].Leaf}, nil
}

// refreshRules takes the newest adopted catalog whose time has come. A file
// swapped on disk or a new binary changes nothing here.
func (o *Office) refreshRules(ctx context.Context) error {
	var digest string
	var archive []byte
	err := o.db.View(ctx, func(tx *store.Tx) error {
		head, err := tx.Head()
		if err != nil {
			return err
		}
		// It is no earlier than the log's newest entry, whatever a clock says that went back.
		err = tx.QueryRow(`SELECT digest FROM adoptions WHERE since <= $1 ORDER BY since DESC, at DESC LIMIT 1`, max(tx.Now(), head.At)).Scan(&digest)
		if err != nil {
			return err
		}
		if r := o.rules.Load(); r != nil && r.digest == digest {
			return nil
		}
		return tx.QueryRow(`SELECT value FROM office_meta WHERE name = $1`, "catalog/"+digest).Scan(&archive)
	})
	if errors.Is(err, store.ErrNoRows) {
		return fmt.Errorf("the office has adopted no catalog")
	}
	if err != nil || archive == nil {
		return err
	}
	cat, err := catalog.FromArchive(archive)
	if err != nil {
		return err
	}
	if cat.Digest != digest {
		return fmt.Errorf("the stored catalog has digest %s, the adopted one is %s: the database was changed from outside", cat.Digest, digest)
	}
	r, err := compileRules(cat)
	if err != nil {
		return err
	}
	first := o.rules.Swap(r) == nil
	if first {
		return nil
	}
	// What was decided stays; everything that rests on a partner is asked again.
	err = o.update(ctx, func(w *work) error {
		for _, s := range r.cat.Schemes {
			if err := w.dueForScheme(s.ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		_, err = o.RejudgeRejects(ctx)
	}
	o.wakeReconcilers()
	return err
}

// Catalog is the one in force.
func (o *Office) Catalog(context.Context) (*scheme.Catalog, error) { return o.rules.Load().cat, nil }

// policy reads the policy for a clause, with what is left of its budget.
func (w *work) policy(clause string) (recognition.Policy, *PolicyBody, error) {
	var body, digest, pinned []byte
	var p recognition.Policy
	err := w.tx.QueryRow(`SELECT body, act, digest, since, expires, pinned FROM policies WHERE clause = $1`, clause).
		Scan(&body, &p.ID, &digest, &p.From, &p.Expires, &pinned)
	if errors.Is(err, store.ErrNoRows) {
		return recognition.Policy{}, nil, nil
	}
	if err != nil {
		return p, nil, err
	}
	b := new(PolicyBody)
	if err := json.Unmarshal(body, b); err != nil {
		return p, nil, err
	}
	p.Kind, p.Days, p.Catalog = recognition.PolicyKind(b.Kind), b.Days, b.Catalog
	p.Act, p.Clause = certificate.Digest(digest), certificate.Digest(pinned)
	return p, b, nil
}

// budget says how much of a standing decision is used in this hour and day.
func (w *work) budget(clause string) (hour, day int64, err error) {
	for _, s := range []struct {
		slot string
		n    *int64
	}{{hourSlot(w.now), &hour}, {daySlot(w.now, w), &day}} {
		err := w.tx.QueryRow(`SELECT n FROM budget_use WHERE clause = $1 AND slot = $2`, clause, s.slot).Scan(s.n)
		if err != nil && !errors.Is(err, store.ErrNoRows) {
			return 0, 0, err
		}
	}
	return hour, day, nil
}

func (w *work) useBudget(clause string, n int) error {
	for _, slot := range []string{hourSlot(w.now), daySlot(w.now, w)} {
		_, err := w.tx.Exec(`INSERT INTO budget_use (clause, slot, n) VALUES ($1, $2, $3) ON CONFLICT (clause, slot) DO UPDATE SET n = budget_use.n + $3`, clause, slot, int64(n))
		if err != nil {
			return err
		}
	}
	return nil
}

func hourSlot(at int64) string         { return fmt.Sprintf("h%d", at/3_600_000_000) }
func daySlot(at int64, w *work) string { return "d" + civil.DateAt(at, w.zone).String() }

func catalogOf(archive []byte) (*rules, error) {
	cat, err := catalog.FromArchive(archive)
	if err != nil {
		return nil, err
	}
	return compileRules(cat)
}

// today is the day in this office's zone.
func (w *work) today() civil.Date { return civil.DateAt(w.now, w.zone) }
