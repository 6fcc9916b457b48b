// Package peer follows the logs of other offices: it fetches, verifies, and
// hands verified batches to whoever keeps the [Books].
//
// What it trusts: the [Site] that an act of this office describes, which is
// where the peer is, by which keys it signs, and what it may say. Nothing that
// arrives over the wire widens that. An address inside a document is never
// used, a redirect never followed, a size never believed.
//
// A follower keeps two positions. The verified head is stored before anything
// under it is applied, so a source can never take back what was acted on
// without the fork being seen; the applied index moves in the transaction that
// applies. A crash between the two is harmless: the next round resumes at the
// applied index under the verified head.
package peer

import (
	"context"
	"errors"
	"strings"
	"time"

	"assay/keys"
	"assay/statement"
)

// Site is a peer as this office's acts describe it.
type Site struct {
	ID      string           // the office: issuer of every statement it may log
	BaseURL string           // the only address it is asked at; every path is derived
	Origin  string           // first line of its checkpoints, the ring included
	Ring    string           // live, test, demo…; compared when pairing, and by Origin ever after
	Keys    []keys.Record    // pinned, then changed through the log only
	Schemes []string         // schemes it may speak about; see [SubjectScheme]
	Kinds   []statement.Kind // kinds it may log; others are rejected, not applied
	Private bool             // ring flag: loopback and private addresses allowed

	Poll        time.Duration // between two rounds without a hint; 0 means [DefaultPoll]
	SilentAfter time.Duration // without a verified checkpoint; judged by the books' keeper
}

// DefaultPoll is the poll interval of a site that states none.
const DefaultPoll = 30 * time.Second

// Head is the head of a log under the source's signature.
type Head struct {
	Size int64
	Root [32]byte
	Note []byte // the signed checkpoint as it arrived (C2SP tlog-checkpoint)
}

// Position is how far a site has been followed. The zero Position is a site
// never heard from.
type Position struct {
	Verified Head  // consistent with every head before it
	Applied  int64 // entries 0 to Applied-1 are applied or kept as rejected
}

// Item is one entry whose leaf hash stands under the verified head.
type Item struct {
	Index     int64
	Leaf      [32]byte             // RFC 6962 leaf hash of Body
	Body      []byte               // as logged
	Statement *statement.Statement // nil where unreadable
	Err       error                // why it is rejected, see [Code]; nil where verified
}

// Batch is the entries From to To-1, all of them, in order.
type Batch struct {
	From, To int64
	Items    []Item
	Head     Head // the verified head they stand under
}

// Evidence is what a source signed against itself. It stands by its own: with
// the source's public key anyone can check it.
type Evidence struct {
	Kind      string     // [Fork]
	Held, Got Head       // two signed notes; one key signed both, so neither can be denied
	Proof     [][32]byte // the consistency proof that its own tiles give; none for equal sizes
	Err       string     // what failed, in words
}

// Codes of what can be wrong with a peer's log as a whole. Fork comes with
// evidence; the others may also be the work of a network.
const (
	Fork        = "fork"               // two signed heads that no one history has
	Shrunk      = "shrunk"             // a signed head smaller than one signed before
	Tiles       = "inconsistent-tiles" // tiles or entries that do not hash to the signed root
	Malformed   = "malformed"          // a checkpoint, tile or bundle that does not parse
	WrongKey    = "wrong-key"          // signed by no pinned key
	WrongOrigin = "wrong-origin"       // of another log or ring
	Unreachable = "unreachable"        // no answer, or none in time
	Refused     = "refused"            // an answer other than 200
	Redirect    = "redirect"           // an answer that sends elsewhere; never followed
	TooLarge    = "too-large"          // more bytes than the path may have
	Address     = "address"            // an address that the ring does not allow
	Undelivered = "undelivered"        // all is applied, but the receipt could not be delivered
	Internal    = "internal"           // this office's own side failed
)

// Codes of a rejected item, beside [WrongKey] and [WrongOrigin].
const (
	Unreadable   = "unreadable"    // no statement; its subject is not known
	BadSignature = "bad-signature" // names a pinned key, which did not sign it
	OtherOffice  = "other-office"  // issued by, or claiming to be, another office
	OtherKind    = "other-kind"    // a kind that the peer act does not list, or that is not known here
	OtherScheme  = "other-scheme"  // a scheme that the peer act does not list
)

// Books is what a follower keeps. Its methods are called from several
// goroutines and, where offices run several processes, from several of those.
type Books interface {
	// Sites lists the peers to follow.
	Sites(ctx context.Context) ([]Site, error)
	// Position reads how far a site has been followed.
	Position(ctx context.Context, site string) (Position, error)
	// Verified stores a head, before anything of it is applied. It succeeds
	// only while the stored size is old; otherwise it returns [ErrMoved].
	Verified(ctx context.Context, site string, old int64, head Head) error
	// Apply applies a batch and moves the applied index from b.From to b.To in
	// the same transaction, or returns [ErrMoved]. Rejected items are kept and
	// counted; they never stop the index.
	Apply(ctx context.Context, site string, b Batch) error
	// Heard records that a verified checkpoint arrived, even an unchanged one.
	Heard(ctx context.Context, site string) error
	// Trouble records why a round failed; code is a constant of this package.
	Trouble(ctx context.Context, site string, code string, err error) error
	// Fork stores evidence against a site and raises the alarm. Nothing of the
	// other history is applied. It is called in every round for as long as the
	// source insists; the same evidence twice is no news.
	Fork(ctx context.Context, site string, e Evidence) error
	// Receipt gives the text to sign for a site and deliver to it, from
	// [Receipt.Text] over what is applied; ok is false where there is none.
	Receipt(ctx context.Context, site string) (text string, ok bool, err error)
}

// SubjectScheme is the scheme that a certificate's statements are about: their
// subject is the scheme id, a hyphen, and a serial without hyphens. It is empty
// where the subject has not that form.
func SubjectScheme(subject string) string {
	i := strings.LastIndexByte(subject, '-')
	if i < 0 || i == len(subject)-1 {
		return ""
	}
	return subject[:i]
}

// ErrMoved is returned by [Books] when another process was faster. The
// follower reads the position again; nothing is lost and nothing is doubled.
var ErrMoved = errors.New("position moved by another process")
