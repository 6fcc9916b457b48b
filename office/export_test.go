package office

import (
	"context"
	"slices"

	"assay/certificate"
)

// ApproveOnly approves an act up to the transaction that records its intent:
// what a crash right after it leaves behind.
func (o *Office) ApproveOnly(ctx context.Context, by *Person, id string, match int64) error {
	return o.update(ctx, func(w *work) error {
		_, err := w.approve(by, id, match)
		return err
	})
}

// Prepared signs what an act is about to log. Each call of what it returns
// tries to carry the act out with the same single-use token.
func (o *Office) Prepared(ctx context.Context, id string) (func() error, error) {
	token, drafts, _, err := o.intentOf(ctx, id)
	if err != nil {
		return nil, err
	}
	ps, err := o.sign(drafts)
	return func() error {
		return o.update(ctx, func(w *work) error { return w.carryOut(id, token, slices.Clone(ps)) })
	}, err
}

// Finish is what both the normal path and the recovery do with an approved act.
func (o *Office) Finish(ctx context.Context, id string) error { return o.finish(ctx, id) }

// Replan drafts an act anew, as a process does that found its subject moved.
func (o *Office) Replan(ctx context.Context, id, token string) error {
	return o.replan(ctx, id, token, nil)
}

// Token is the unspent token of an act.
func (o *Office) Token(ctx context.Context, id string) (string, error) {
	token, _, _, err := o.intentOf(ctx, id)
	return token, err
}

// ErrMoved is what carrying out meets when a subject has got another statement.
var ErrMoved = errMoved

// LintRules lists the rules.
func LintRules() []string {
	var ids []string
	for _, r := range lintRules {
		ids = append(ids, r.id)
	}
	return ids
}

// Lint holds a certificate, and the certificate that it rests on, against the
// rules in force and gives the error with which an office refuses to sign.
func (o *Office) Lint(ctx context.Context, c *certificate.Certificate, source *certificate.Certificate, leaf certificate.Digest) error {
	return o.view(ctx, func(w *work) error {
		if source == nil {
			return w.lint(c)
		}
		h := &history{Certificate: source}
		h.Ref.Leaf = leaf
		return w.lintDerived(c, h)
	})
}

// LintEvent is the same for a status change.
func LintEvent(c *certificate.Certificate, e *certificate.Event) error { return lintEvent(c, e) }

// ErrNoRing is wrapped where no ring at hand has the keys that the log names.
var ErrNoRing = errNoRing

// LoadRings opens the rings at hand.
func (o *Office) LoadRings() bool { return o.loadRings() }

// RefreshSigning takes up the keys that the log names now.
func (o *Office) RefreshSigning(ctx context.Context) error { return o.refreshSigning(ctx) }
