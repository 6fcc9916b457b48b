package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"assay/certificate"
	"assay/civil"
	"assay/office"
	"assay/scheme"
)

// Apply is what a maker hands in.
type Apply struct {
	Scheme    string                   `json:"scheme"`
	Level     string                   `json:"level"`
	Evidence  json.RawMessage          `json:"evidence"` // the evidence file as JSON
	Requests  []office.StandingRequest `json:"requests,omitempty"`
	Entity    string                   `json:"entity,omitempty"`
	Language  string                   `json:"language,omitempty"`
	PublishAt int64                    `json:"publish_at,omitempty"` // µs UTC
}

// Page is one page of a list; Next is empty on the last.
type Page[T any] struct {
	AsOf       int64  `json:"as_of,omitempty"`       // register: µs UTC
	NextChange int64  `json:"next_change,omitempty"` // register: next change by the calendar
	Items      []T    `json:"items"`
	Next       string `json:"next,omitempty"`
}

// List selects a page of a list.
type List struct {
	State string
	Site  string // arrivals only
	After string // Next of the page before
	Limit int    // 1 to 200; 0: 50
}

func (l List) query() url.Values {
	v := url.Values{}
	set(v, "state", l.State)
	set(v, "site", l.Site)
	set(v, "after", l.After)
	if l.Limit != 0 {
		v.Set("limit", strconv.Itoa(l.Limit))
	}
	return v
}

func set(v url.Values, name, value string) {
	if value != "" {
		v.Set(name, value)
	}
}

// path builds /v1/… from segments, each escaped.
func path(segments ...string) string {
	p := "/v1"
	for _, s := range segments {
		p += "/" + url.PathEscape(s)
	}
	return p
}

func read[T any](ctx context.Context, c *Client, v url.Values, segments ...string) (*T, error) {
	out := new(T)
	if err := c.do(ctx, call{method: http.MethodGet, path: path(segments...), query: v}, out); err != nil {
		return nil, err
	}
	return out, nil
}

func put[T any](ctx context.Context, c *Client, body any, segments ...string) (*T, error) {
	out := new(T)
	if err := c.do(ctx, call{method: http.MethodPut, path: path(segments...), body: body}, out); err != nil {
		return nil, err
	}
	return out, nil
}

func post[T any](ctx context.Context, c *Client, match int64, v url.Values, body any, segments ...string) (*T, error) {
	out := new(T)
	if err := c.do(ctx, call{method: http.MethodPost, path: path(segments...), query: v, body: body, match: match, matched: true}, out); err != nil {
		return nil, err
	}
	return out, nil
}

// Office says who the office is.
func (c *Client) Office(ctx context.Context) (*office.Info, error) {
	return read[office.Info](ctx, c, nil, "office")
}

// Document is the office's self-signed document, unverified.
func (c *Client) Document(ctx context.Context) ([]byte, error) {
	return c.bytes(ctx, call{method: http.MethodGet, path: "/.well-known/assay/office.json"})
}

// Blob is a public document by its SHA-256; the caller compares the digest.
func (c *Client) Blob(ctx context.Context, digest string) ([]byte, error) {
	return c.bytes(ctx, call{method: http.MethodGet, path: "/blobs/" + url.PathEscape(digest)})
}

// ReceiptFor is the note that this office signed for site's log, unverified.
func (c *Client) ReceiptFor(ctx context.Context, site string) ([]byte, error) {
	return c.bytes(ctx, call{method: http.MethodGet, path: "/receipts/" + url.PathEscape(site)})
}

// Me is the person that the token speaks for.
func (c *Client) Me(ctx context.Context) (*office.Person, error) {
	return read[office.Person](ctx, c, nil, "me")
}

// Apply hands in an application under id, see [NewID].
func (c *Client) Apply(ctx context.Context, id string, a Apply) (*office.Application, error) {
	return put[office.Application](ctx, c, a, "applications", id)
}

// Application reads an application.
func (c *Client) Application(ctx context.Context, id string) (*office.Application, error) {
	return read[office.Application](ctx, c, nil, "applications", id)
}

// Applications lists applications.
func (c *Client) Applications(ctx context.Context, l List) (*Page[office.Application], error) {
	return read[Page[office.Application]](ctx, c, l.query(), "applications")
}

// Complete confirms that the application seen at version match is complete.
func (c *Client) Complete(ctx context.Context, id string, match int64) (*office.Application, error) {
	return post[office.Application](ctx, c, match, nil, nil, "applications", id, "complete")
}

// Return returns an application with what is missing, coded.
func (c *Client) Return(ctx context.Context, id string, match int64, missing []string) (*office.Application, error) {
	return post[office.Application](ctx, c, match, nil, map[string]any{"missing": missing}, "applications", id, "return")
}

// Withdraw withdraws an application.
func (c *Client) Withdraw(ctx context.Context, id string, match int64) (*office.Application, error) {
	return post[office.Application](ctx, c, match, nil, nil, "applications", id, "withdraw")
}

// Evaluate evaluates an application and proposes the act that decides it.
func (c *Client) Evaluate(ctx context.Context, id string, match int64, e office.Evaluation) (*office.Application, *office.Act, error) {
	out, err := post[struct {
		Application *office.Application `json:"application"`
		Act         *office.Act         `json:"act"`
	}](ctx, c, match, nil, e, "applications", id, "evaluation")
	if err != nil {
		return nil, nil, err
	}
	return out.Application, out.Act, nil
}

// Propose proposes an act under id; body is one of office's …Body types.
func (c *Client) Propose(ctx context.Context, id string, kind office.ActKind, body any) (*office.Act, error) {
	return put[office.Act](ctx, c, struct {
		Kind office.ActKind `json:"kind"`
		Body any            `json:"body"`
	}{kind, body}, "acts", id)
}

// Wait says how long an approval waits.
type Wait string

// Waits.
const (
	NoWait    Wait = ""          // for the office's decision only
	Published Wait = "published" // at most five seconds more, until a checkpoint covers it; the act's stage says whether one does
)

// Approve approves the act seen at version match, as the second person.
func (c *Client) Approve(ctx context.Context, id string, match int64, w Wait) (*office.Act, error) {
	v := url.Values{}
	set(v, "wait", string(w))
	return post[office.Act](ctx, c, match, v, nil, "acts", id, "approve")
}

// Reject rejects a proposed act; reason is coded.
func (c *Client) Reject(ctx context.Context, id string, match int64, reason string) (*office.Act, error) {
	return post[office.Act](ctx, c, match, nil, map[string]any{"reason": reason}, "acts", id, "reject")
}

// WaitPublished asks until the act's entry stands under a published
// checkpoint, or ctx ends. An act without entry is an error at once.
func (c *Client) WaitPublished(ctx context.Context, act string) (*office.Act, error) {
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		a, err := c.Act(ctx, act)
		switch {
		case err != nil:
			return nil, err
		case a.Stage == office.Published:
			return a, nil
		case a.State == office.ActRejected || a.State == office.ActProposed:
			return a, fmt.Errorf("act %s is %s: it has nothing to publish", act, a.State)
		}
		select {
		case <-ctx.Done():
			return a, ctx.Err()
		case <-time.After(pause):
		}
	}
}

// Act reads an act.
func (c *Client) Act(ctx context.Context, id string) (*office.Act, error) {
	return read[office.Act](ctx, c, nil, "acts", id)
}

// Acts lists acts.
func (c *Client) Acts(ctx context.Context, l List) (*Page[office.Act], error) {
	return read[Page[office.Act]](ctx, c, l.query(), "acts")
}

// Letter reads the decision letter of an act; an empty lang is the holder's.
func (c *Client) Letter(ctx context.Context, act, lang string) (*office.Letter, error) {
	v := url.Values{}
	set(v, "lang", lang)
	return read[office.Letter](ctx, c, v, "acts", act, "letter")
}

// Cases lists what lies on the desk.
func (c *Client) Cases(ctx context.Context, l List) (*Page[office.Case], error) {
	return read[Page[office.Case]](ctx, c, l.query(), "cases")
}

// Alarms lists alarms.
func (c *Client) Alarms(ctx context.Context, l List) (*Page[office.Alarm], error) {
	return read[Page[office.Alarm]](ctx, c, l.query(), "alarms")
}

// Search searches the register; q.After is Next of the page before.
func (c *Client) Search(ctx context.Context, q office.Query) (*Page[office.Entry], error) {
	v := List{State: string(q.State), After: q.After, Limit: q.Limit}.query()
	set(v, "text", q.Text)
	set(v, "scheme", q.Scheme)
	set(v, "level", q.Level)
	set(v, "holder", q.Holder)
	set(v, "office", q.Office)
	p, err := read[Page[office.Entry]](ctx, c, v, "certificates")
	if err != nil {
		return nil, err
	}
	for i := range p.Items {
		whole(&p.Items[i])
	}
	return p, nil
}

// whole gives an entry the amended certificate, which is not sent where
// nothing is amended.
func whole(e *office.Entry) {
	if e.Standing.Amended == nil {
		e.Standing.Amended = e.Certificate
	}
}

func answer(ctx context.Context, c *Client, v url.Values, segments ...string) (*office.Answer, error) {
	a, err := read[office.Answer](ctx, c, v, segments...)
	if err != nil {
		return nil, err
	}
	whole(&a.Entry)
	return a, nil
}

// Certificate answers for the state at instant at as known at instant known,
// both µs UTC; 0 is now.
func (c *Client) Certificate(ctx context.Context, id string, at, known int64) (*office.Answer, error) {
	return answer(ctx, c, instants(at, known), "certificates", id)
}

// Lookup answers for the certificate that has a number.
func (c *Client) Lookup(ctx context.Context, number string, at, known int64) (*office.Answer, error) {
	v := instants(at, known)
	v.Set("number", number)
	return answer(ctx, c, v, "lookup")
}

func instants(at, known int64) url.Values {
	v := url.Values{}
	for name, t := range map[string]int64{"at": at, "known": known} {
		if t != 0 {
			v.Set(name, time.UnixMicro(t).UTC().Format(time.RFC3339Nano))
		}
	}
	return v
}

// Who says who allowed a certificate and its state.
func (c *Client) Who(ctx context.Context, id string) (*office.Who, error) {
	return read[office.Who](ctx, c, nil, "certificates", id, "who")
}

// Request asks this office for a designation on certificate id of source.
func (c *Client) Request(ctx context.Context, source, id string, r office.StandingRequest) error {
	return c.do(ctx, call{method: http.MethodPut, path: path("requests", source, id), body: r}, nil)
}

// Arrivals lists what came from partners and what became of it.
func (c *Client) Arrivals(ctx context.Context, l List) (*Page[office.Arrival], error) {
	return read[Page[office.Arrival]](ctx, c, l.query(), "arrivals")
}

// Peers lists partners and how they stand.
func (c *Client) Peers(ctx context.Context) ([]office.PeerStatus, error) {
	p, err := read[Page[office.PeerStatus]](ctx, c, nil, "peers")
	if err != nil {
		return nil, err
	}
	return p.Items, nil
}

// Evidence lists what a partner signed against itself.
func (c *Client) Evidence(ctx context.Context, site string) ([]json.RawMessage, error) {
	p, err := read[Page[json.RawMessage]](ctx, c, nil, "peers", site, "evidence")
	if err != nil {
		return nil, err
	}
	return p.Items, nil
}

// Catalog is the catalog in force.
func (c *Client) Catalog(ctx context.Context) (*scheme.Catalog, error) {
	return read[scheme.Catalog](ctx, c, nil, "catalog")
}

// OfferCatalog hands in a catalog's archive, so that an act can adopt it.
func (c *Client) OfferCatalog(ctx context.Context, digest string, archive []byte) error {
	return c.do(ctx, call{method: http.MethodPut, path: path("catalogs", digest), body: map[string]any{"archive": archive}}, nil)
}

// CatalogArchive reads the archive of a catalog, unverified.
func (c *Client) CatalogArchive(ctx context.Context, digest string) ([]byte, error) {
	out, err := read[struct {
		Archive []byte `json:"archive"`
	}](ctx, c, nil, "catalogs", digest)
	if err != nil {
		return nil, err
	}
	return out.Archive, nil
}

// ClearAlarm says that an alarm was seen to.
func (c *Client) ClearAlarm(ctx context.Context, id int64) error {
	return c.do(ctx, call{method: http.MethodPost, path: path("alarms", strconv.FormatInt(id, 10), "clear")}, nil)
}

// Market asks whether the product of a certificate may be sold in a market on
// a day (zero: today), given facts, and returns the answer's JSON.
func (c *Client) Market(ctx context.Context, market, id string, day civil.Date, facts map[string]scheme.Answer) (json.RawMessage, error) {
	v := url.Values{}
	set(v, "day", day.String())
	for name, a := range facts {
		v.Add("fact", name+"="+a.String())
	}
	return c.bytes(ctx, call{method: http.MethodGet, path: path("markets", market, "certificates", id), query: v})
}

// States lists every state that a search may select.
var States = []certificate.State{
	certificate.Valid, certificate.NotYetValid, certificate.Held, certificate.Suspended, certificate.Lapsed,
	certificate.Revoked, certificate.Annulled, certificate.Surrendered, certificate.Superseded, certificate.Expired,
}
