package web

import (
	"context"
	"encoding/json"

	"assay/civil"
	"assay/office"
	"assay/scheme"
)

// Office is what the web needs of an authority's node. Failures that the
// caller can do something about are *office.Error; anything else is shown to
// strangers as an internal error and nothing more.
//
// by is the authenticated person. Times are µs since 1970-01-01 UTC.
type Office interface {
	ID() office.Info
	// Document is the self-signed description of the office.
	Document() []byte
	Authenticate(ctx context.Context, token string) (*office.Person, error)

	// Submit keeps an application under the id that its maker chose. The same
	// body again gives the same answer, another body is a Conflict.
	Submit(ctx context.Context, by *office.Person, a office.Application) (*office.Application, error)
	Complete(ctx context.Context, by *office.Person, id string, match int64) (*office.Application, error)
	Return(ctx context.Context, by *office.Person, id string, match int64, missing []string) (*office.Application, error)
	Withdraw(ctx context.Context, by *office.Person, id string, match int64) (*office.Application, error)
	Evaluate(ctx context.Context, by *office.Person, id string, match int64, e office.Evaluation) (*office.Application, *office.Act, error)
	Application(ctx context.Context, by *office.Person, id string) (*office.Application, error)
	Applications(ctx context.Context, by *office.Person, state, after string, limit int) (as []office.Application, next string, err error)

	Propose(ctx context.Context, by *office.Person, id string, kind office.ActKind, body json.RawMessage) (*office.Act, error)
	Approve(ctx context.Context, by *office.Person, id string, match int64) (*office.Act, error)
	Reject(ctx context.Context, by *office.Person, id string, match int64, reason string) (*office.Act, error)
	Act(ctx context.Context, by *office.Person, id string) (*office.Act, error)
	Acts(ctx context.Context, by *office.Person, state, after string, limit int) (as []office.Act, next string, err error)
	Letter(ctx context.Context, by *office.Person, act, lang string) (*office.Letter, error)

	Cases(ctx context.Context, by *office.Person, state, after string, limit int) (cs []office.Case, next string, err error)
	Alarms(ctx context.Context, by *office.Person, after string, limit int) (as []office.Alarm, next string, err error)

	Register(ctx context.Context, q office.Query) (es []office.Entry, next string, err error)
	// Certificate answers for instant at as known at instant known; 0 is now.
	Certificate(ctx context.Context, id string, at, known int64) (*office.Answer, error)
	ByNumber(ctx context.Context, number string) (id string, err error)
	// Who answers with pseudonyms only where by is nil.
	Who(ctx context.Context, by *office.Person, id string) (*office.Who, error)
	// Request asks for a designation on a certificate of a partner.
	Request(ctx context.Context, by *office.Person, source, id string, r office.StandingRequest) error

	// SourceLink is the address of a partner, as the act that added it says;
	// empty where there is none.
	SourceLink(ctx context.Context, site string) string

	// Arrivals lists what came from partners and what became of it.
	Arrivals(ctx context.Context, site, after string, limit int) (as []office.Arrival, next string, err error)
	Peers(ctx context.Context) ([]office.PeerStatus, error)
	// Names are the names of this office and its partners, by office id.
	Names(ctx context.Context) (map[string]scheme.Text, error)
	SignedReceipt(ctx context.Context, site string) (note []byte, err error)
	PeerEvidence(ctx context.Context, site string) ([]json.RawMessage, error)

	// OfferCatalog keeps a catalog so that an act can adopt it; its digest must be the one named.
	OfferCatalog(ctx context.Context, by *office.Person, digest string, archive []byte) (string, error)
	CatalogArchive(ctx context.Context, digest string) ([]byte, error)
	ClearAlarm(ctx context.Context, by *office.Person, id int64) error

	// Catalog is the one in force.
	Catalog(ctx context.Context) (*scheme.Catalog, error)
	// Blob is a public document by its SHA-256 in lower-case hex.
	Blob(ctx context.Context, digest string) ([]byte, error)
	// Market answers whether the product of a certificate may be sold in a
	// market on a day; facts are what the asker states besides. The answer is
	// of a JSON-able type.
	Market(ctx context.Context, market, certificate string, day civil.Date, facts map[string]scheme.Answer) (any, error)

	// WaitPublished returns when a stored checkpoint covers the entry, or with
	// ctx's error.
	WaitPublished(ctx context.Context, index int64) error
}
