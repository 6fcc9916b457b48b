package rtsp

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"net/textproto"
	"slices"
	"strings"
	"testing"

	"assay/lab"
	"assay/lab/device/probe"
	"assay/lab/device/wire"
)

// camera is a server that shows its stream to anybody, or to admin:12345.
func camera(t *testing.T, open bool) *probe.Env {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				r := textproto.NewReader(bufio.NewReader(c))
				line, err := r.ReadLine()
				if err != nil {
					return
				}
				h, err := r.ReadMIMEHeader()
				if err != nil {
					return
				}
				switch {
				case strings.HasPrefix(line, "OPTIONS"):
					fmt.Fprint(c, "RTSP/1.0 200 OK\r\nCSeq: 1\r\nServer: SpecimenCam/1.2\r\nPublic: OPTIONS, DESCRIBE\r\n\r\n")
				case !strings.Contains(line, "/live "):
					fmt.Fprint(c, "RTSP/1.0 404 Not Found\r\nCSeq: 1\r\n\r\n")
				case open || h.Get("Authorization") == "Basic YWRtaW46MTIzNDU=":
					fmt.Fprint(c, "RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 5\r\n\r\nv=0\r\n")
				default:
					fmt.Fprint(c, "RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\nWWW-Authenticate: Basic realm=\"cam\"\r\n\r\n")
				}
			}()
		}
	}()
	link, err := wire.New(netip.MustParseAddr("127.0.0.1"), wire.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &probe.Env{Link: link, Host: "127.0.0.1", Port: wire.Port{Transport: wire.TCP, Number: uint16(l.Addr().(*net.TCPAddr).Port)}}
}

func TestTwins(t *testing.T) {
	has := func(o *probe.Observation, rule string) bool {
		return slices.ContainsFunc(o.Findings, func(f lab.Finding) bool { return f.Rule == rule })
	}
	e := camera(t, true)
	o, err := look(t.Context(), e)
	if err != nil || o.Auth != probe.AuthNone || !has(o, "device.no-authentication") || o.Product != "SpecimenCam" {
		t.Errorf("open: %+v, %v", o, err)
	}
	e = camera(t, false)
	if o, err = look(t.Context(), e); err != nil || o.Auth != probe.AuthRequired || has(o, "device.no-authentication") || !has(o, "device.clear-text") {
		t.Errorf("closed: %+v, %v", o, err)
	}
	for password, want := range map[string]probe.Outcome{"12345": probe.Accepted, "wrong": probe.Refused} {
		if got, err := signIn(t.Context(), e, probe.Credential{User: "admin", Password: password}); got != want || err != nil {
			t.Errorf("%s: %v, %v", password, got, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("RTSP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nv=0")
	f.Fuzz(func(t *testing.T, s string) {
		if r, err := read(strings.NewReader(s)); err == nil && len(r.body) > len(s) {
			t.Error("more than there is")
		}
	})
}
