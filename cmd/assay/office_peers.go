package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"assay/client"
	"assay/ledger"
	"assay/office"
	"assay/peer"
	"assay/store"
)

// peerHas is how much of an office's log a partner has seen.
type peerHas struct {
	Site    string `json:"site,omitempty"`
	URL     string `json:"url"`
	Applied int64  `json:"applied"` // as its signed receipt says
	Seen    int64  `json:"seen"`    // head it verified, as its list of partners says, unsigned
	Safe    bool   `json:"safe"`
	Says    string `json:"says"`
}

// askFor bounds the questions to one partner.
const askFor = 20 * time.Second

// checkRestore checks the log in a database and asks its partners, and
// whoever answers at the further addresses, how much of it they have seen.
func checkRestore(ctx context.Context, where string, also []string, progress func(done, size int64)) (_ *restored, err error) {
	s, err := openLog(ctx, where, logPin{})
	if err != nil {
		return nil, err
	}
	if s.db == nil {
		return nil, fmt.Errorf("%s is no backup but a server", where)
	}
	defer closing(s.db, &err)
	out := &restored{Backup: where, Peers: []peerHas{}}
	log, err := s.check(ctx, progress)
	if err != nil {
		return nil, err
	}
	out.checkedLog = *log
	// What was logged and not published yet is still the office's own secret;
	// nobody can have seen it, so the head counts and not the checkpoint.
	var head ledger.Head
	if err := s.db.View(ctx, func(tx *store.Tx) (err error) { head, err = tx.Head(); return err }); err != nil {
		return nil, err
	}
	sites, err := office.Partners(ctx, s.db)
	if err != nil {
		return nil, err
	}
	for _, u := range also {
		sites = append(sites, peer.Site{BaseURL: u})
	}
	for i := range sites {
		out.Peers = append(out.Peers, s.ask(ctx, &sites[i], head.Size))
	}
	return out, nil
}

// ask asks one partner. The receipt is signed, so it binds; the head in its
// list is not, but it runs ahead of the receipt, and to believe it costs no
// more than a second look.
func (s *logSource) ask(ctx context.Context, site *peer.Site, size int64) peerHas {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	p := peerHas{Site: site.ID, URL: site.BaseURL}
	c, err := client.New(site.BaseURL, client.Options{Attempts: 2})
	if err != nil {
		p.Says = err.Error()
		return p
	}
	peers, err := c.Peers(ctx)
	if err != nil {
		p.Says = "cannot be asked: " + err.Error()
		return p
	}
	for _, of := range peers {
		if of.Origin == s.origin {
			p.Seen = max(p.Seen, of.Size, of.Applied)
		}
	}
	if site.ID != "" {
		if err := s.receipt(ctx, c, site, &p, size); err != nil {
			p.Says = err.Error()
			return p
		}
	}
	if most := max(p.Seen, p.Applied); most > size {
		p.Says = fmt.Sprintf("has seen %d entries, this log has %d", most, size)
		return p
	}
	p.Safe, p.Says = true, fmt.Sprintf("has seen %d entries, no more than are here", max(p.Seen, p.Applied))
	return p
}

// receipt holds a partner's signed receipt against the log at hand.
func (s *logSource) receipt(ctx context.Context, c *client.Client, site *peer.Site, p *peerHas, size int64) error {
	note, err := c.ReceiptFor(ctx, s.office)
	var problem *client.Problem
	if errors.As(err, &problem) && problem.Status == 404 {
		return nil // it applied nothing of this log
	}
	if err != nil {
		return fmt.Errorf("cannot be asked: %w", err)
	}
	r, err := peer.ParseReceipt(note, *site, time.Now().UnixMicro())
	if err != nil {
		return err
	}
	if p.Applied = r.Size; r.Origin != s.origin {
		return fmt.Errorf("its receipt is about the log %s", r.Origin)
	}
	// Of a partner that is catching up the root is that of the head it verified.
	at := max(r.Size, p.Seen)
	if at > size || at == 0 {
		return nil
	}
	root, err := ledger.RootAt(ctx, s.db.Log(), at)
	if err != nil {
		return err
	}
	if root != r.Root {
		return fmt.Errorf("its receipt for %d entries has root %s, this log has %s there: not the same history, or it is just moving; ask again",
			at, base64.StdEncoding.EncodeToString(r.Root[:]), base64.StdEncoding.EncodeToString(root[:]))
	}
	return nil
}
