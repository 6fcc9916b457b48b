package peer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// Paths below a peer's base URL. The log lies at the base URL itself, as C2SP
// tlog-tiles says: /checkpoint and /tile/….
const (
	DocumentPath = "/.well-known/assay/office.json"
	HintPath     = "/peer/hint"
	ReceiptPath  = "/peer/receipt"
)

// Bounds in bytes of what is read or sent, beside those of package ledger.
const (
	maxHint     = 4 << 10
	maxReceipt  = 4 << 10
	maxDocument = 64 << 10
	maxAnswer   = 4 << 10 // to a post; not read further than that
)

// Timeouts is how long a [Client] waits.
type Timeouts struct {
	Dial  time.Duration // connection, and TLS handshake after it
	Idle  time.Duration // for the next bytes, the first included
	Total time.Duration // for one whole request
}

// DefaultTimeouts are long enough for a full entry bundle over a slow line.
var DefaultTimeouts = Timeouts{Dial: 5 * time.Second, Idle: 10 * time.Second, Total: time.Minute}

// Client asks peers. It goes to the address of a [Site] and nowhere else: no
// redirect, no proxy from the environment, no cookie. What it returns is
// bounded in bytes and time, and proves nothing yet. Safe for concurrent use.
type Client struct {
	timeouts        Timeouts
	public, private *http.Client
}

// NewClient makes a client; a zero timeout takes its default.
func NewClient(t Timeouts) *Client {
	d := DefaultTimeouts
	if t.Dial == 0 {
		t.Dial = d.Dial
	}
	if t.Idle == 0 {
		t.Idle = d.Idle
	}
	if t.Total == 0 {
		t.Total = d.Total
	}
	return &Client{timeouts: t, public: httpClient(t, false), private: httpClient(t, true)}
}

func httpClient(t Timeouts, private bool) *http.Client {
	dialer := &net.Dialer{Timeout: t.Dial, Control: control(private)}
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  nil,
			DialContext:            dialer.DialContext,
			ForceAttemptHTTP2:      true,
			TLSHandshakeTimeout:    t.Dial,
			ResponseHeaderTimeout:  t.Idle,
			IdleConnTimeout:        90 * time.Second,
			MaxIdleConnsPerHost:    maxWindow,
			MaxResponseHeaderBytes: 16 << 10,
			DisableCompression:     true, // a few bytes must not become many
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Close drops idle connections.
func (c *Client) Close() {
	c.public.CloseIdleConnections()
	c.private.CloseIdleConnections()
}

// errNotFound is the one refusal that a caller may work around: a partial
// tile that the source has replaced by the full one.
var errNotFound = errors.New("404 Not Found")

// get reads what a path holds, at most limit bytes.
func (c *Client) get(ctx context.Context, s Site, path string, limit int64) ([]byte, error) {
	return c.do(ctx, s, http.MethodGet, path, "", nil, limit)
}

// post delivers body; the answer's body is of no interest.
func (c *Client) post(ctx context.Context, s Site, path, kind string, body []byte) error {
	_, err := c.do(ctx, s, http.MethodPost, path, kind, body, maxAnswer)
	return err
}

func (c *Client) do(ctx context.Context, s Site, method, path, kind string, body []byte, limit int64) ([]byte, error) {
	base, err := ParseBaseURL(s.BaseURL, s.Private)
	if err != nil {
		return nil, located(Address, s, path, err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeouts.Total, fmt.Errorf("not done in %v", c.timeouts.Total))
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)

	req, err := http.NewRequestWithContext(ctx, method, base.String()+path, bytes.NewReader(body))
	if err != nil {
		return nil, located(Address, s, path, err)
	}
	req.Header.Set("User-Agent", "assay")
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	client := c.public
	if s.Private {
		client = c.private
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, unreachable(ctx, s, path, err)
	}
	defer res.Body.Close()
	switch code := res.StatusCode; {
	case code >= 300 && code < 400:
		return nil, fail(Redirect, s.ID, path, "%d to %.120q; the address of a peer is set by an act and no other way",
			code, res.Header.Get("Location"))
	case code == http.StatusNotFound:
		return nil, &Error{Code: Refused, Site: s.ID, Path: path, Err: errNotFound}
	case code != http.StatusOK && !(method == http.MethodPost && code > 200 && code < 300):
		return nil, fail(Refused, s.ID, path, "%d %s", code, http.StatusText(code))
	case res.ContentLength > limit:
		return nil, fail(TooLarge, s.ID, path, "announces %d bytes, at most %d", res.ContentLength, limit)
	}

	idle := time.AfterFunc(c.timeouts.Idle, func() { stop(fmt.Errorf("no bytes for %v", c.timeouts.Idle)) })
	defer idle.Stop()
	b, err := io.ReadAll(io.LimitReader(&watched{res.Body, idle, c.timeouts.Idle}, limit+1))
	if err != nil {
		return nil, unreachable(ctx, s, path, err)
	}
	if int64(len(b)) > limit {
		return nil, fail(TooLarge, s.ID, path, "more than %d bytes", limit)
	}
	return b, nil
}

// watched puts off a timer whenever bytes arrive.
type watched struct {
	io.Reader
	idle  *time.Timer
	after time.Duration
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if n > 0 {
		w.idle.Reset(w.after)
	}
	return n, err
}

// unreachable names a failed exchange; a timeout says which one it was.
func unreachable(ctx context.Context, s Site, path string, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	return located(Unreachable, s, path, err)
}

// located gives an error its place. One that has a code keeps it: the refusal
// of an address comes up through the HTTP client that dialed.
func located(code string, s Site, path string, err error) error {
	var e *Error
	if errors.As(err, &e) {
		code, err = e.Code, e.Err
	}
	return &Error{Code: code, Site: s.ID, Path: path, Err: err}
}

// SendHint tells a peer that this office's log has grown; note is the signed
// checkpoint. A hint that is lost costs the peer one poll interval.
func (c *Client) SendHint(ctx context.Context, s Site, note []byte) error {
	return c.post(ctx, s, HintPath, textPlain, note)
}

// SendReceipt delivers a receipt from [SignReceipt].
func (c *Client) SendReceipt(ctx context.Context, s Site, note []byte) error {
	return c.post(ctx, s, ReceiptPath, textPlain, note)
}

const textPlain = "text/plain; charset=utf-8"

// FetchDocument reads the office document at a base URL that an officer typed.
// It is unverified bytes: show its fingerprint with [ReadDocument], compare it
// by voice, then [ParseDocument].
func (c *Client) FetchDocument(ctx context.Context, baseURL string, private bool) ([]byte, error) {
	return c.get(ctx, Site{BaseURL: strings.TrimSpace(baseURL), Private: private}, DocumentPath, maxDocument)
}
