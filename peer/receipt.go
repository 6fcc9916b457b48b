package peer

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"assay/keys"
)

// Receipt is what one office says to another about its log: applied through
// Size under Root at Time. It is cumulative: the newest replaces the others.
type Receipt struct {
	Receiver string   // office id of the one who applied
	Origin   string   // the source's log
	Size     int64    // entries applied
	Root     [32]byte // of the log at Size or, while it catches up, of the verified head
	Time     int64    // µs UTC
	Held     [32]byte // SHA-256 of the list of held or rejected entries, as their office keeps it
}

const (
	receiptTitle = "assay receipt v1"
	receiptTime  = "2006-01-02T15:04:05.000000Z" // RFC 3339, UTC, always six digits
	maxName      = 255                           // bytes of an office id or origin
)

// Text is the receipt as it is signed: seven lines, title first.
func (r Receipt) Text() string {
	return strings.Join([]string{
		receiptTitle, r.Receiver, r.Origin, strconv.FormatInt(r.Size, 10),
		base64.StdEncoding.EncodeToString(r.Root[:]),
		time.UnixMicro(r.Time).UTC().Format(receiptTime),
		hex.EncodeToString(r.Held[:]), "",
	}, "\n")
}

// parseReceiptText reads what [Receipt.Text] writes, and nothing else.
func parseReceiptText(text string) (Receipt, error) {
	bad := func(what string) (Receipt, error) {
		return Receipt{}, &Error{Code: Malformed, Err: errors.New("receipt: " + what)}
	}
	if len(text) > maxReceipt {
		return bad("too long")
	}
	l := strings.Split(text, "\n")
	if len(l) != 8 || l[0] != receiptTitle {
		return bad("not the seven lines that begin with " + strconv.Quote(receiptTitle))
	}
	r := Receipt{Receiver: l[1], Origin: l[2]}
	for _, v := range l[1:3] {
		if !name(v, maxName) {
			return bad("office id or origin is not a name")
		}
	}
	var err error
	if r.Size, err = strconv.ParseInt(l[3], 10, 64); err != nil || r.Size < 0 || r.Size > maxSize {
		return bad("size is no size of a log")
	}
	root, err := base64.StdEncoding.DecodeString(l[4])
	if err != nil || len(root) != len(r.Root) {
		return bad("root is no hash")
	}
	r.Root = [32]byte(root)
	t, err := time.Parse(receiptTime, l[5])
	if err != nil {
		return bad("time is not in UTC with six digits")
	}
	r.Time = t.UnixMicro()
	held, err := hex.DecodeString(l[6])
	if err != nil || len(held) != len(r.Held) {
		return bad("digest of the held or rejected entries is no hash")
	}
	r.Held = [32]byte(held)
	if r.Text() != text {
		return bad("a line is not in its one form")
	}
	return r, nil
}

// SignReceipt signs a receipt as a C2SP signed note with the receiver's
// checkpoint key, under the origin of the receiver's own log.
func SignReceipt(r Receipt, s keys.Signer, origin string) ([]byte, error) {
	return SignReceiptText(r.Text(), s, origin)
}

// SignReceiptText is [SignReceipt] for text from [Receipt.Text]; it signs
// nothing else. The signature is deterministic, the note for a text is one.
func SignReceiptText(text string, s keys.Signer, origin string) ([]byte, error) {
	signer, err := s.NoteSigner(origin)
	if err != nil {
		return nil, err
	}
	_, b, err := signReceipt(text, signer)
	return b, err
}

func signReceipt(text string, signer note.Signer) (Receipt, []byte, error) {
	r, err := parseReceiptText(text)
	if err != nil {
		return Receipt{}, nil, fmt.Errorf("peer: signing a receipt: %w", errText(err))
	}
	b, err := note.Sign(&note.Note{Text: text}, signer)
	if err != nil {
		return Receipt{}, nil, fmt.Errorf("peer: signing a receipt: %w", err)
	}
	return r, b, nil
}

// ParseReceipt reads a receipt that a site signed, with a key valid at an
// instant (µs UTC). The codes of its errors are [TooLarge], [WrongKey],
// [Malformed], and [OtherOffice] where it speaks in another's name.
func ParseReceipt(b []byte, s Site, at int64) (Receipt, error) {
	if len(b) > maxReceipt {
		return Receipt{}, fail(TooLarge, s.ID, "", "receipt: %d bytes, at most %d", len(b), maxReceipt)
	}
	n, err := openNote(s, b, at)
	if err != nil {
		return Receipt{}, located(WrongKey, s, "", err)
	}
	r, err := parseReceiptText(n.Text)
	if err != nil {
		return Receipt{}, located(Malformed, s, "", err)
	}
	if r.Receiver != s.ID {
		return Receipt{}, fail(OtherOffice, s.ID, "", "receipt: in the name of %.80q", r.Receiver)
	}
	return r, nil
}

// Receipts is where the receipts that peers post are kept, one for each.
type Receipts interface {
	// LastReceipt is the newest kept of a site, of which Size and Time are
	// read; ok is false where there is none.
	LastReceipt(ctx context.Context, site string) (r Receipt, ok bool, err error)
	// KeepReceipt replaces it. Where several processes serve, it compares with
	// [Receipt.After] once more in its transaction.
	KeepReceipt(ctx context.Context, site string, r Receipt, note []byte) error
}

// After reports whether r may replace old: nothing that was applied is taken
// back, and an older one sent again is told by its time.
func (r Receipt) After(old Receipt) bool { return r.Size >= old.Size && r.Time > old.Time }

// ReceiptHandler takes the receipts of peers about the log of origin, this
// office's. What is not signed by a peer's pinned key, not about that log, or
// not after the one kept, is dropped.
func ReceiptHandler(b Books, keep Receipts, origin string, now func() time.Time) http.Handler {
	return &inbox{limit: newLimiter(inboxRate, inboxBurst), max: maxReceipt, now: now,
		take: func(ctx context.Context, body []byte, at int64) (bool, int, error) {
			status, err := takeReceipt(ctx, b, keep, origin, body, at)
			return status == http.StatusNoContent, status, err
		}}
}

func takeReceipt(ctx context.Context, b Books, keep Receipts, origin string, body []byte, at int64) (status int, err error) {
	// The name inside only selects whose keys must have signed.
	title, rest, _ := strings.Cut(string(body), "\n")
	id, _, _ := strings.Cut(rest, "\n")
	if title != receiptTitle {
		return http.StatusBadRequest, nil
	}
	sites, err := b.Sites(ctx)
	if err != nil {
		return 0, err
	}
	s, ok := find(sites, func(s Site) bool { return s.ID == id })
	if !ok {
		return http.StatusForbidden, nil
	}
	r, err := ParseReceipt(body, s, at)
	switch {
	case err != nil:
		return http.StatusForbidden, nil
	case r.Origin != origin:
		return http.StatusBadRequest, nil
	case r.Time > at+maxSkew.Microseconds():
		return http.StatusBadRequest, nil // one from the future would shut out all that follow
	}
	old, ok, err := keep.LastReceipt(ctx, s.ID)
	if err != nil {
		return 0, err
	}
	switch {
	case ok && r.Size == old.Size && r.Time == old.Time:
		return http.StatusNoContent, nil // our answer was lost
	case ok && !r.After(old):
		return http.StatusConflict, nil
	}
	if err := keep.KeepReceipt(ctx, s.ID, r, body); err != nil {
		return 0, fmt.Errorf("peer %s: keeping its receipt: %w", s.ID, err)
	}
	return http.StatusNoContent, nil
}

// maxSkew is how far a peer's clock may be ahead of ours.
const maxSkew = 5 * time.Minute
