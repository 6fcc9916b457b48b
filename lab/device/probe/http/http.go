// Package http observes web pages and programming interfaces of a device: what
// they tell anybody, and how they ask who one is.
package http

import (
	"bufio"
	"bytes"
	"context"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"assay/lab"
	"assay/lab/device/probe"
	"assay/lab/device/wire"
)

// Probe is the probe.
var Probe = probe.Probe{Name: "http", Transport: wire.TCP, Usual: []uint16{80, 443, 8000, 8008, 8080, 8081, 8443, 8888, 49152}, Look: look, SignIn: signIn}

// Bounds of an answer.
const (
	maxHeader = 64 << 10
	maxBody   = 256 << 10
)

// paths are asked for with GET, which changes nothing (RFC 9110, 9.2.1): the
// page, and places where devices tell about themselves.
var paths = []string{"/", "/robots.txt", "/.well-known/security.txt", "/rootDesc.xml", "/description.xml", "/api", "/status", "/info", "/config", "/HNAP1/", "/cgi-bin/", "/onvif/device_service"}

// reply is an answer, read within bounds.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// get asks for a path. Redirects are not followed.
func get(ctx context.Context, e *probe.Env, path, authorization string) (*reply, error) {
	c, err := e.Dial(ctx, "http GET "+path)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	u := &url.URL{Path: path}
	q := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: assay-lab\r\nAccept: */*\r\nConnection: close\r\n", u.EscapedPath(), hostOf(e))
	if authorization != "" {
		q += "Authorization: " + authorization + "\r\n"
	}
	_, err = io.WriteString(c, q+"\r\n")
	// A password can be guessed from the answer to a challenge, so that is not recorded.
	if m := response.FindStringSubmatch(authorization); m != nil {
		if r, ok := c.(interface{ Hide(string) }); ok {
			r.Hide(m[1])
		}
	}
	if err != nil {
		return nil, err
	}
	return read(c)
}

var response = regexp.MustCompile(`response="([0-9a-f]+)"`)

func hostOf(e *probe.Env) string {
	if strings.Contains(e.Host, ":") {
		host, _, _ := strings.Cut(e.Host, "%") // a zone means something on this machine only
		return net.JoinHostPort(host, fmt.Sprint(e.Port.Number))
	}
	if e.Port.Number == 80 || e.Port.Number == 443 {
		return e.Host
	}
	return net.JoinHostPort(e.Host, fmt.Sprint(e.Port.Number))
}

// read reads an answer; probe.ErrNot where it is no HTTP.
func read(c io.Reader) (*reply, error) {
	b := bufio.NewReader(io.LimitReader(c, maxHeader+maxBody))
	first, err := b.Peek(5)
	if err != nil {
		return nil, errors.Join(probe.ErrNot, err)
	}
	if string(first) != "HTTP/" {
		return nil, probe.ErrNot
	}
	r, err := http.ReadResponse(b, &http.Request{Method: "GET"})
	if err != nil {
		return nil, fmt.Errorf("an answer of HTTP that cannot be read: %w", err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil && len(body) == 0 && r.ContentLength > 0 {
		return nil, fmt.Errorf("the answer broke off: %w", err)
	}
	return &reply{r.StatusCode, r.Header, body}, nil
}

var (
	title    = regexp.MustCompile(`(?is)<title[^>]*>\s*([^<]{1,200}?)\s*</title>`)
	password = regexp.MustCompile(`(?is)<input[^>]+type\s*=\s*["']?password`)
	realm    = regexp.MustCompile(`(?i)realm="([^"]{0,200})"`)
	product  = regexp.MustCompile(`^([A-Za-z][\w .-]*?)[/ ]v?(\d[\w.+~-]*)`)
	mac      = regexp.MustCompile(`(?i)\b[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}\b`)
	serial   = regexp.MustCompile(`(?i)(?:serial(?:[ _-]?(?:number|no))|\bs/n)(?:<[^>]{0,40}>|[^A-Za-z0-9<>]){1,10}([A-Z0-9-]{6,30})`)
)

func look(ctx context.Context, e *probe.Env) (*probe.Observation, error) {
	first, err := get(ctx, e, "/", "")
	if err != nil {
		return nil, err
	}
	o := &probe.Observation{Protocol: "http"}
	o.Looked = append(o.Looked, lab.Say("http.looked", len(paths)))
	o.NotLooked = append(o.NotLooked, lab.Say("http.not-looked"))
	answers := map[string]*reply{"/": first}
	var problem error
	for _, p := range paths[1:] {
		r, err := get(ctx, e, p, "")
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			problem = err // one path that hangs is no reason to ask no other
			continue
		}
		answers[p] = r
	}
	observe(o, e, answers)
	return o, problem
}

// observe reads the answers.
func observe(o *probe.Observation, e *probe.Env, answers map[string]*reply) {
	first := answers["/"]
	server := first.header.Get("Server")
	o.Tell("server", server)
	if m := product.FindStringSubmatch(server); m != nil {
		o.Product, o.Version = m[1], m[2]
		o.Findings = append(o.Findings, lab.Found("device.tells-version", lab.Claimed, e.Place(), "service", "http", "text", server))
	}
	for _, h := range []string{"X-Powered-By", "X-Generator", "X-AspNet-Version"} {
		if v := first.header.Get(h); v != "" {
			o.Tell("header", h+": "+v)
		}
	}
	var open, forms []string
	basic, digest := false, false
	seen := map[string]bool{}
	for _, p := range paths {
		r := answers[p]
		if r == nil {
			continue
		}
		if m := title.FindSubmatch(r.body); m != nil && !seen[string(m[1])] {
			seen[string(m[1])] = true
			o.Tell("title", string(m[1]))
		}
		for _, w := range r.header.Values("WWW-Authenticate") {
			scheme, _, _ := strings.Cut(w, " ")
			basic = basic || strings.EqualFold(scheme, "basic")
			digest = digest || strings.EqualFold(scheme, "digest")
			if m := realm.FindStringSubmatch(w); m != nil && !seen["realm "+m[1]] {
				seen["realm "+m[1]] = true
				o.Tell("realm", m[1])
			}
		}
		if password.Match(r.body) {
			forms = append(forms, p)
		}
		if r.status == http.StatusOK && p != "/" && !sameBody(r, first) {
			open = append(open, p)
		}
		identity(o, e, p, r)
	}
	if len(open) > 0 {
		o.Tell("paths", strings.Join(open, " "))
	}
	location := first.header.Get("Location")
	secured := e.Secure == nil && first.status >= 300 && first.status < 400 && strings.HasPrefix(strings.ToLower(location), "https:")
	if location != "" {
		o.Detail("redirect", location)
	}
	var ways []string
	if basic {
		ways = append(ways, "Basic")
	}
	if digest {
		ways = append(ways, "Digest")
	}
	if len(forms) > 0 {
		ways = append(ways, "form")
	}
	o.Detail("sign-in", strings.Join(ways, ", "))
	switch {
	case len(ways) > 0:
		o.Auth = probe.AuthRequired
		if e.Secure == nil && (basic || len(forms) > 0) && !secured {
			o.Findings = append(o.Findings, lab.Found("device.clear-text", lab.Confirmed, e.Place(), "service", "http", "sign-in", strings.Join(ways, ", ")))
		}
	}
	if e.Secure == nil && digest && !basic && len(forms) == 0 {
		o.Findings = append(o.Findings, lab.Found("http.digest-in-clear", lab.Confirmed, e.Place()))
	}
	if len(forms) > 0 && !basic && !digest {
		o.NotLooked = append(o.NotLooked, lab.Say("http.form"))
	}
	if e.Secure == nil && !secured {
		o.Detail("transport", "clear")
	}
	for _, c := range first.header.Values("Set-Cookie") {
		if e.Secure != nil && !strings.Contains(strings.ToLower(c), "secure") || !strings.Contains(strings.ToLower(c), "httponly") {
			name, _, _ := strings.Cut(c, "=")
			o.Findings = append(o.Findings, lab.Found("http.cookie", lab.Confirmed, e.Place(), "name", name))
			break
		}
	}
	if bytes.Contains(first.body, []byte("Index of /")) && bytes.Contains(first.body, []byte("href=")) {
		o.Findings = append(o.Findings, lab.Found("http.listing", lab.Confirmed, e.Place(), "path", "/"))
	}
}

// sameBody is for servers that answer everything with one page.
func sameBody(a, b *reply) bool { return b.status == http.StatusOK && bytes.Equal(a.body, b.body) }

// identity finds addresses and serial numbers in a page.
func identity(o *probe.Observation, e *probe.Env, path string, r *reply) {
	if r.status != http.StatusOK {
		return
	}
	if m := mac.Find(r.body); m != nil {
		o.Findings = append(o.Findings, lab.Found("device.tells-identity", lab.Claimed, e.Place(), "path", path, "text", string(m)))
	}
	if m := serial.FindSubmatch(r.body); m != nil && bytes.ContainsAny(m[1], "0123456789") {
		o.Findings = append(o.Findings, lab.Found("device.tells-identity", lab.Claimed, e.Place(), "path", path, "text", string(m[1])))
	}
}

// signIn tries Basic or Digest (RFC 7617, RFC 7616) at the first path that asks
// for them. A form is not tried: what it does with a wrong word is not known.
func signIn(ctx context.Context, e *probe.Env, c probe.Credential) (probe.Outcome, error) {
	for _, p := range paths {
		asked, err := get(ctx, e, p, "")
		if err != nil {
			return 0, err
		}
		if asked.status == http.StatusTooManyRequests || asked.status == http.StatusServiceUnavailable {
			return probe.Locked, nil
		}
		if asked.status != http.StatusUnauthorized {
			continue
		}
		auth, err := authorization(asked.header, p, c)
		if err != nil || auth == "" {
			return probe.NotOffered, err
		}
		r, err := get(ctx, e, p, auth)
		if err != nil {
			return 0, err
		}
		switch {
		case r.status == http.StatusTooManyRequests, r.status == http.StatusServiceUnavailable, r.header.Get("Retry-After") != "":
			return probe.Locked, nil
		case r.status == http.StatusUnauthorized, r.status == http.StatusForbidden:
			return probe.Refused, nil
		}
		return probe.Accepted, nil
	}
	return probe.NotOffered, nil
}

// authorization answers a challenge; "" where it has no scheme that is known here.
func authorization(h http.Header, path string, c probe.Credential) (string, error) {
	for _, w := range h.Values("WWW-Authenticate") {
		scheme, rest, _ := strings.Cut(w, " ")
		switch strings.ToLower(scheme) {
		case "basic":
			r := &http.Request{Header: http.Header{}}
			r.SetBasicAuth(c.User, c.Password)
			return r.Header.Get("Authorization"), nil
		case "digest":
			return digestAnswer(parameters(rest), path, c)
		}
	}
	return "", nil
}

var parameter = regexp.MustCompile(`(\w+)\s*=\s*(?:"([^"]*)"|([^\s,]+))`)

func parameters(s string) map[string]string {
	m := map[string]string{}
	for _, x := range parameter.FindAllStringSubmatch(s, 40) {
		m[strings.ToLower(x[1])] = x[2] + x[3]
	}
	return m
}

// digestAnswer computes the response (RFC 7616, 3.4).
func digestAnswer(p map[string]string, path string, c probe.Credential) (string, error) {
	var sum func() hash.Hash
	switch alg := strings.ToUpper(p["algorithm"]); alg {
	case "", "MD5":
		sum = md5.New
	case "SHA-256":
		sum = sha256.New
	default:
		return "", nil
	}
	h := func(s string) string {
		x := sum()
		io.WriteString(x, s)
		return hex.EncodeToString(x.Sum(nil))
	}
	ha1, ha2 := h(c.User+":"+p["realm"]+":"+c.Password), h("GET:"+path)
	out := fmt.Sprintf(`Digest username=%q, realm=%q, nonce=%q, uri=%q`, c.User, p["realm"], p["nonce"], path)
	if strings.Contains(p["qop"], "auth") {
		var b [8]byte
		if _, err := rand.Read(b[:]); err != nil {
			return "", err
		}
		cnonce := hex.EncodeToString(b[:])
		out += fmt.Sprintf(`, qop=auth, nc=00000001, cnonce=%q, response=%q`, cnonce, h(strings.Join([]string{ha1, p["nonce"], "00000001", cnonce, "auth", ha2}, ":")))
	} else {
		out += fmt.Sprintf(`, response=%q`, h(ha1+":"+p["nonce"]+":"+ha2))
	}
	if p["algorithm"] != "" {
		out += ", algorithm=" + p["algorithm"]
	}
	if p["opaque"] != "" {
		out += fmt.Sprintf(`, opaque=%q`, p["opaque"])
	}
	return out, nil
}
