package peer

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func TestCheckAddr(t *testing.T) {
	for _, test := range []struct {
		addr            string
		public, private bool // allowed without and with the ring's flag
	}{
		{"8.8.8.8", true, true},
		{"2a00:1450:4001:81b::200e", true, true},
		{"127.0.0.1", false, true},
		{"127.255.0.9", false, true},
		{"::1", false, true},
		{"10.1.2.3", false, true},
		{"172.16.0.1", false, true},
		{"192.168.1.1", false, true},
		{"fd00::1", false, true},
		{"::ffff:127.0.0.1", false, true},
		{"::ffff:8.8.8.8", true, true},
		{"169.254.169.254", false, false}, // a cloud's metadata service
		{"fe80::1", false, false},
		{"fe80::1%eth0", false, false},
		{"224.0.0.1", false, false},
		{"ff02::1", false, false},
		{"255.255.255.255", false, false},
		{"0.0.0.0", false, false},
		{"0.1.2.3", false, false},
		{"::", false, false},
		{"100.64.0.1", false, false},
		{"198.18.0.1", false, false},
		{"203.0.113.7", false, false},
		{"240.0.0.1", false, false},
		{"64:ff9b::7f00:1", false, false},  // NAT64 of 127.0.0.1
		{"64:ff9b:1::a00:1", false, false}, // local NAT64 of 10.0.0.1
		{"2002:7f00:1::1", false, false},   // 6to4 of 127.0.0.1
		{"2001:0:7f00:1::1", false, false}, // Teredo
		{"::127.0.0.1", false, false},      // IPv4-compatible
		{"2001:db8::1", false, false},
	} {
		a := netip.MustParseAddr(test.addr)
		if err := checkAddr(a, false); (err == nil) != test.public {
			t.Errorf("%s: %v, want allowed %v", a, err, test.public)
		}
		if err := checkAddr(a, true); (err == nil) != test.private {
			t.Errorf("%s with the flag: %v, want allowed %v", a, err, test.private)
		}
	}
}

func TestParseBaseURL(t *testing.T) {
	for _, test := range []struct {
		url             string
		public, private bool
	}{
		{"https://office.example", true, true},
		{"https://office.example/", true, true},
		{"https://office.example:8443/assay", true, true},
		{"http://office.example", false, true},
		{"http://127.0.0.1:8080", false, true},
		{"https://127.0.0.1:8080", false, true},
		{"https://[::1]:8080", false, true},
		{"https://169.254.169.254", false, false},
		{"https://user:secret@office.example", false, false},
		{"https://office.example?x=1", false, false},
		{"https://office.example?", false, false},
		{"https://office.example#x", false, false},
		{"https://office.example/../x", false, false},
		{"https://office.example/a//b", false, false},
		{"https://office.example/%2e%2e", false, false},
		{"https://", false, false},
		{"https://:443", false, false},
		{"file:///etc/passwd", false, false},
		{"ftp://office.example", false, false},
		{"office.example", false, false},
		{"", false, false},
		{"https://office.example/" + strings.Repeat("a", maxURL), false, false},
		{"https://office.example/\x00", false, false},
	} {
		for _, private := range []bool{false, true} {
			want := test.public
			if private {
				want = test.private
			}
			if _, err := ParseBaseURL(test.url, private); (err == nil) != want || err != nil && Code(err) != Address {
				t.Errorf("%q, private %v: %v, want allowed %v", test.url, private, err, want)
			}
		}
	}
}

// TestNameThatPointsInside: a name is no way around the rule for addresses; the
// server behind it is not spoken to.
func TestNameThatPointsInside(t *testing.T) {
	asked := false
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer server.Close()
	_, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "https://"), ":")
	o := newOffice(t, "kr")
	o.grants(1)
	b := newShelf(o)
	b.sites[0].BaseURL, b.sites[0].Private = "https://localhost:"+port, false
	err := newTestFollower(b).Step(context.Background(), "kr")
	if Code(err) != Address || asked {
		t.Errorf("got %v, server asked: %v", err, asked)
	}
	var e *Error
	if !errors.As(err, &e) || e.Site != "kr" || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("the error does not say what is wrong where: %v", err)
	}
	if got := b.trouble["kr"]; len(got) != 1 || got[0] != Address {
		t.Errorf("trouble %v", got)
	}
}

// TestNoProxy: an environment does not choose where a peer is asked.
func TestNoProxy(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	c := NewClient(impatient)
	for _, h := range []*http.Client{c.public, c.private} {
		if h.Transport.(*http.Transport).Proxy != nil || h.Jar != nil {
			t.Error("a proxy or a cookie jar is set")
		}
	}
}
