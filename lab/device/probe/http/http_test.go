package http

import (
	"net/http"
	"strings"
	"testing"

	"assay/lab/device/probe"
)

// The example of RFC 7616, 3.9.1, without its cnonce: qop is left out, so that the answer
// depends on nothing random (RFC 2617 computes it so).
func TestDigest(t *testing.T) {
	h := http.Header{"Www-Authenticate": {`Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"`}}
	got, err := authorization(h, "/dir/index.html", probe.Credential{User: "Mufasa", Password: "Circle Of Life"})
	if err != nil || !strings.Contains(got, `response="670fd8c2df070c60b045671b8b24ff02"`) {
		t.Errorf("%s, %v", got, err)
	}
	if got, err := authorization(http.Header{"Www-Authenticate": {"Negotiate"}}, "/", probe.Credential{}); got != "" || err != nil {
		t.Error(got, err)
	}
}

func TestIdentity(t *testing.T) {
	for body, want := range map[string]int{"<td>Serial Number:</td><td>SPL0042X9": 1, "MAC 00:11:22:aa:bb:cc": 1, "serial port settings": 0, "": 0} {
		o := &probe.Observation{}
		identity(o, &probe.Env{}, "/", &reply{status: 200, body: []byte(body)})
		if len(o.Findings) != want {
			t.Errorf("%q: %d", body, len(o.Findings))
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("HTTP/1.1 200 OK\r\nServer: x/1.0\r\nContent-Length: 3\r\n\r\nabc")
	f.Add("HTTP/1.0 401 No\r\nWWW-Authenticate: Digest realm=\"a\", nonce=b, qop=\"auth\"\r\n\r\n")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := read(strings.NewReader(s))
		if err != nil {
			return
		}
		observe(&probe.Observation{}, &probe.Env{}, map[string]*reply{"/": r, "/info": r})
		if _, err := authorization(r.header, "/", probe.Credential{User: "u", Password: "p"}); err != nil {
			t.Error(err)
		}
	})
}
