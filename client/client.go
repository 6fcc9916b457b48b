// Package client is the typed client of an office's /v1 API.
//
// Reading and creating (GET and PUT) are repeated after a lost connection or
// an answer that says try again: creation carries an id that the caller
// chose, so a repeat changes nothing. A transition (POST) is sent once; after
// a lost answer, read the thing again.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Options of a client. The zero Options reads as the public.
type Options struct {
	Token    string        // bearer token of a person
	HTTP     *http.Client  // nil: one with a 30 s timeout; redirects are never followed
	Attempts int           // tries of a GET or PUT; 0: 4
	Pause    time.Duration // before the second try, doubled before each further one; 0: 100 ms
}

// Client speaks to one office. It is safe for concurrent use.
type Client struct {
	base string
	opt  Options
	http http.Client
}

// maxAnswer bounds what is read of an answer, in bytes; a whole catalog is
// the largest.
const maxAnswer = 64 << 20

// New is a client of the office at base, e.g. https://office.example.
func New(base string, opt Options) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf("%.100q is no address of an office; write it like https://office.example", base)
	}
	c := &Client{base: strings.TrimSuffix(u.String(), "/"), opt: opt}
	if opt.HTTP != nil {
		c.http = *opt.HTTP
	} else {
		c.http.Timeout = 30 * time.Second
	}
	// A token goes to the address that was given and to no other.
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if c.opt.Attempts <= 0 {
		c.opt.Attempts = 4
	}
	if c.opt.Pause <= 0 {
		c.opt.Pause = 100 * time.Millisecond
	}
	return c, nil
}

// Base is the address of the office, without a slash at the end.
func (c *Client) Base() string { return c.base }

// As is the same client speaking for another person.
func (c *Client) As(token string) *Client {
	d := *c
	d.opt.Token = token
	return &d
}

// NewID makes an id for a creation: a random UUID (RFC 9562, version 4).
func NewID() string { return uuid.NewString() }

// Problem is a failure that the office states (RFC 9457).
type Problem struct {
	Title  string       `json:"title"`
	Status int          `json:"status"`
	Code   string       `json:"code"`
	Detail string       `json:"detail"`
	Field  string       `json:"field"`
	Hint   string       `json:"hint"`
	Errors []FieldError `json:"errors"`
}

// FieldError is one wrong place of an input.
type FieldError struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

func (p *Problem) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", p.Code, p.Detail)
	if p.Field != "" {
		fmt.Fprintf(&b, " (at %s)", p.Field)
	}
	if p.Hint != "" {
		fmt.Fprintf(&b, "; %s", p.Hint)
	}
	for _, e := range p.Errors {
		fmt.Fprintf(&b, "\n  %s: %s", e.Field, e.Detail)
	}
	return b.String()
}

// CodeOf is the code of a *Problem in err's chain, or "".
func CodeOf(err error) string {
	var p *Problem
	if errors.As(err, &p) {
		return p.Code
	}
	return ""
}

// call is one request.
type call struct {
	method  string
	path    string // escaped, from /v1 on
	query   url.Values
	body    any   // nil: none
	match   int64 // sent as If-Match where matched
	matched bool
}

// do sends q and decodes the answer into out, unless out is nil.
func (c *Client) do(ctx context.Context, q call, out any) error {
	b, err := c.bytes(ctx, q)
	if err != nil || out == nil || len(b) == 0 {
		return err
	}
	if err := json.Unmarshal(b, out); err != nil {
		return fmt.Errorf("%s %s: the answer is not what this client knows: %w", q.method, q.path, err)
	}
	return nil
}

func (c *Client) bytes(ctx context.Context, q call) ([]byte, error) {
	var body []byte
	if q.body != nil {
		var err error
		if body, err = json.Marshal(q.body); err != nil {
			return nil, fmt.Errorf("%s %s: %w", q.method, q.path, err)
		}
	}
	attempts := 1
	if q.method == http.MethodGet || q.method == http.MethodPut {
		attempts = c.opt.Attempts
	}
	for n := 1; ; n++ {
		b, again, err := c.once(ctx, q, body)
		if err == nil || !again || n >= attempts || ctx.Err() != nil {
			return b, err
		}
		pause := c.opt.Pause << (n - 1)
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(pause/2 + rand.N(pause)):
		}
	}
}

// once sends the request once; again reports whether the failure may pass.
func (c *Client) once(ctx context.Context, q call, body []byte) (b []byte, again bool, err error) {
	where := c.base + q.path
	if len(q.query) > 0 {
		where += "?" + q.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, q.method, where, bytes.NewReader(body))
	if err != nil {
		return nil, false, err
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.opt.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.opt.Token)
	}
	if q.matched {
		req.Header.Set("If-Match", `"`+strconv.FormatInt(q.match, 10)+`"`)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, true, err
	}
	defer res.Body.Close()
	b, err = io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, true, fmt.Errorf("%s %s: %w", q.method, q.path, err)
	case len(b) > maxAnswer:
		return nil, false, fmt.Errorf("%s %s: the answer is larger than %d bytes", q.method, q.path, maxAnswer)
	case res.StatusCode/100 == 2:
		return b, false, nil
	}
	again = res.StatusCode >= http.StatusBadGateway && res.StatusCode <= http.StatusGatewayTimeout
	return nil, again, problemOf(res, b)
}

func problemOf(res *http.Response, b []byte) error {
	p := &Problem{}
	if json.Unmarshal(b, p) != nil || p.Code == "" {
		p = &Problem{Code: "http", Detail: "the office, or something before it, answered " + res.Status}
	}
	p.Status = res.StatusCode
	return p
}
