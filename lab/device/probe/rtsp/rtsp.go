// Package rtsp observes RTSP (RFC 2326, RFC 7826): whether a camera shows its
// picture to anybody.
package rtsp

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"

	"assay/lab"
	"assay/lab/device/probe"
	"assay/lab/device/wire"
)

// Probe is the probe.
var Probe = probe.Probe{Name: "rtsp", Transport: wire.TCP, Usual: []uint16{554, 8554, 10554}, Look: look, SignIn: signIn}

// paths that cameras serve their stream at, besides the root.
var paths = []string{"/", "/live", "/stream1", "/h264", "/ch0", "/onvif1", "/Streaming/Channels/1", "/cam/realmonitor"}

type reply struct {
	status int
	header textproto.MIMEHeader
	body   string
}

func ask(ctx context.Context, e *probe.Env, method, path, extra string) (*reply, error) {
	c, err := e.Dial(ctx, "rtsp "+method+" "+path)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	host, _, _ := strings.Cut(e.Host, "%") // a zone means something on this machine only
	u := "rtsp://" + net.JoinHostPort(host, strconv.Itoa(int(e.Port.Number))) + path
	if _, err := fmt.Fprintf(c, "%s %s RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: assay-lab\r\n%s\r\n", method, u, extra); err != nil {
		return nil, err
	}
	return read(c)
}

func read(r io.Reader) (*reply, error) {
	b := bufio.NewReader(io.LimitReader(r, 64<<10))
	first, err := b.Peek(5)
	if err != nil || string(first) != "RTSP/" {
		return nil, errors.Join(probe.ErrNot, err)
	}
	t := textproto.NewReader(b)
	line, err := t.ReadLine()
	if err != nil {
		return nil, err
	}
	f := strings.SplitN(line, " ", 3)
	if len(f) < 2 {
		return nil, probe.ErrNot
	}
	status, err := strconv.Atoi(f[1])
	if err != nil {
		return nil, probe.ErrNot
	}
	h, err := t.ReadMIMEHeader()
	if err != nil && len(h) == 0 {
		return nil, err
	}
	n, _ := strconv.Atoi(h.Get("Content-Length"))
	body := make([]byte, min(max(n, 0), 32<<10))
	got, _ := io.ReadFull(b, body)
	return &reply{status, h, string(body[:got])}, nil
}

var release = regexp.MustCompile(`^([A-Za-z][\w .-]*?)[/ ]v?(\d[\w.-]*)`)

func look(ctx context.Context, e *probe.Env) (*probe.Observation, error) {
	first, err := ask(ctx, e, "OPTIONS", "/", "")
	if err != nil {
		return nil, err
	}
	o := &probe.Observation{Protocol: "rtsp"}
	o.Looked = append(o.Looked, lab.Say("rtsp.looked", len(paths)))
	server := first.header.Get("Server")
	o.Tell("server", server)
	if m := release.FindStringSubmatch(server); m != nil {
		o.Product, o.Version = m[1], m[2]
		o.Findings = append(o.Findings, lab.Found("device.tells-version", lab.Claimed, e.Place(), "service", "rtsp", "text", server))
	}
	o.Detail("offered", first.header.Get("Public"))
	var open []string
	basic, asked := false, false
	for _, p := range paths {
		r, err := ask(ctx, e, "DESCRIBE", p, "Accept: application/sdp\r\n")
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			continue
		}
		switch {
		case r.status == 200 && strings.HasPrefix(r.body, "v=0"):
			open = append(open, p)
		case r.status == 401:
			asked = true
			for _, w := range r.header.Values("WWW-Authenticate") {
				basic = basic || strings.HasPrefix(strings.ToLower(w), "basic")
			}
		}
	}
	switch {
	case len(open) > 0:
		o.Auth = probe.AuthNone
		o.Findings = append(o.Findings, lab.Found("device.no-authentication", lab.Confirmed, e.Place(), "service", "rtsp", "path", strings.Join(open, " ")))
	case asked:
		o.Auth = probe.AuthRequired
	}
	if basic && e.Secure == nil {
		o.Findings = append(o.Findings, lab.Found("device.clear-text", lab.Confirmed, e.Place(), "service", "rtsp"))
	}
	return o, nil
}

func signIn(ctx context.Context, e *probe.Env, c probe.Credential) (probe.Outcome, error) {
	for _, p := range paths {
		r, err := ask(ctx, e, "DESCRIBE", p, "Accept: application/sdp\r\n")
		if err != nil {
			return 0, err
		}
		if r.status != 401 || !strings.HasPrefix(strings.ToLower(r.header.Get("WWW-Authenticate")), "basic") {
			continue
		}
		token := base64.StdEncoding.EncodeToString([]byte(c.User + ":" + c.Password))
		if r, err = ask(ctx, e, "DESCRIBE", p, "Accept: application/sdp\r\nAuthorization: Basic "+token+"\r\n"); err != nil {
			return 0, err
		}
		switch r.status {
		case 401, 403:
			return probe.Refused, nil
		case 453, 503:
			return probe.Locked, nil
		}
		return probe.Accepted, nil
	}
	return probe.NotOffered, nil
}
