package disclosure

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Bounds of fetching.
const (
	maxHops   = 5
	fetchTime = 30 * time.Second
)

// Hop is one answer that sent us on.
type Hop struct {
	Status int    `json:"status"`
	From   string `json:"from"`
	To     string `json:"to"`
}

// TLS is what an encrypted connection was.
type TLS struct {
	Version string `json:"version"`
	Suite   string `json:"suite"`
	Subject string `json:"subject"`
	Issuer  string `json:"issuer"`
	Expires string `json:"expires"` // RFC 3339
}

// Why a document was not fetched.
const (
	reasonGone      = "gone"        // the server says that it is not there
	reasonAccount   = "account"     // the server wants an account
	reasonOtherHost = "other-host"  // it is on another host, which nobody named
	reasonClear     = "downgrade"   // it is sent on from https to http
	reasonTrust     = "trust"       // the certificate is not trusted
	reasonFailed    = "unreachable" // anything that may be better the next time
)

// fetched is an answer.
type fetched struct {
	doc    Document
	body   []byte
	reason string // "" where it was fetched
}

// client fetches, and remembers nothing between two requests.
type client struct {
	http *http.Client
}

func newClient(roots *x509.CertPool) *client {
	t := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true,
		TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: 20 * time.Second, MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true,
	}
	return &client{&http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// ParseURL reads an address that an operator gives.
func ParseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%.200q is no address: %v", s, err)
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return nil, fmt.Errorf("%.200q is no address of the web: begin it with https://", s)
	case u.User != nil:
		return nil, fmt.Errorf("%.200q has a name or password in it: what only an account reaches is not public", u.Redacted())
	}
	u.Fragment = ""
	return u, nil
}

// get fetches one address. It follows at most five redirects, on the same host, never from
// https to http; each is kept.
func (c *client) get(ctx context.Context, address string) fetched {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	f := fetched{doc: Document{Address: address}}
	fail := func(reason, format string, a ...any) fetched {
		f.reason, f.doc.Problem = reason, clip(fmt.Sprintf(format, a...))
		return f
	}
	at, err := url.Parse(address)
	if err != nil {
		return fail(reasonFailed, "%v", err)
	}
	for {
		f.doc.Final = at.String()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
		if err != nil {
			return fail(reasonFailed, "%v", err)
		}
		req.Header.Set("User-Agent", "assay-lab-disclosure")
		req.Header.Set("Accept", "text/html, text/plain, text/markdown;q=0.9, */*;q=0.1")
		res, err := c.http.Do(req)
		if err != nil {
			var bad *tls.CertificateVerificationError
			if errors.As(err, &bad) {
				return fail(reasonTrust, "%v", bad.Err)
			}
			return fail(reasonFailed, "%v", err)
		}
		f.doc.Status = res.StatusCode
		f.doc.TLS = seenTLS(res.TLS)
		if to := res.Header.Get("Location"); to != "" && res.StatusCode >= 300 && res.StatusCode < 400 {
			res.Body.Close()
			next, err := at.Parse(to)
			if err != nil {
				return fail(reasonFailed, "it sends us to %q", to)
			}
			next.Fragment = ""
			f.doc.Hops = append(f.doc.Hops, Hop{res.StatusCode, at.String(), clip(next.String())})
			switch {
			case next.Scheme != "https" && next.Scheme != "http":
				return fail(reasonFailed, "it sends us to %q", to)
			case !sameHost(at, next):
				return fail(reasonOtherHost, "%s", next)
			case at.Scheme == "https" && next.Scheme == "http":
				return fail(reasonClear, "%s", next)
			case len(f.doc.Hops) > maxHops:
				return fail(reasonFailed, "it sends us on more than %d times", maxHops)
			}
			at = next
			continue
		}
		f.doc.ContentType = clip(res.Header.Get("Content-Type"))
		f.body, err = io.ReadAll(io.LimitReader(res.Body, maxDocument+1))
		res.Body.Close()
		switch s := res.StatusCode; {
		case s == http.StatusUnauthorized || s == http.StatusForbidden || s == http.StatusProxyAuthRequired:
			return fail(reasonAccount, "status %d", s)
		case s == http.StatusNotFound || s == http.StatusGone:
			return fail(reasonGone, "status %d", s)
		case s != http.StatusOK:
			return fail(reasonFailed, "status %d", s)
		case err != nil:
			return fail(reasonFailed, "%v", err)
		case len(f.body) > maxDocument:
			return fail(reasonFailed, "more than %d bytes", maxDocument)
		}
		return f
	}
}

// sameHost says whether two addresses are on one host. A name with and without www. is one;
// another port is another host, but for https instead of http.
func sameHost(a, b *url.URL) bool {
	bare := func(u *url.URL) string { return strings.TrimPrefix(strings.ToLower(u.Hostname()), "www.") }
	if bare(a) != bare(b) {
		return false
	}
	return port(a) == port(b) || port(a) == "80" && port(b) == "443" || port(a) == "443" && port(b) == "80"
}

func port(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "http":
		return "80"
	}
	return "443"
}

func seenTLS(s *tls.ConnectionState) *TLS {
	if s == nil || len(s.PeerCertificates) == 0 {
		return nil
	}
	c := s.PeerCertificates[0]
	return &TLS{tls.VersionName(s.Version), tls.CipherSuiteName(s.CipherSuite), clip(c.Subject.String()), clip(c.Issuer.String()), c.NotAfter.UTC().Format(time.RFC3339)}
}
