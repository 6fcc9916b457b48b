package peer

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
)

// special are the blocks that no office can be reached at from the outside
// (IANA special-purpose registries, RFC 6890), beyond those netip.Addr names.
// The last four carry an IPv4 address in disguise, which could be any of them.
var special = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24",
	"203.0.113.0/24", "240.0.0.0/4", "100::/64", "2001:db8::/32", "3fff::/20", "fec0::/10",
	"::/96", "64:ff9b::/32", "2001::/23", "2002::/16",
)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// checkAddr refuses an address that a peer must not be at. private is the
// ring's flag: with it, loopback and private addresses pass.
func checkAddr(a netip.Addr, private bool) error {
	a = a.Unmap()
	bad := func(what string) error {
		return fmt.Errorf("%s is %s; a peer must have a public address (a ring for tests may allow private ones)", a, what)
	}
	switch {
	case !a.IsValid() || a.IsUnspecified():
		return bad("no address")
	case a.IsMulticast():
		return bad("a multicast address")
	case private && (a.IsLoopback() || a.IsPrivate()):
		return nil
	case a.IsLoopback():
		return bad("a loopback address")
	case a.IsPrivate():
		return bad("a private address")
	case a.IsLinkLocalUnicast():
		return bad("a link-local address")
	}
	a = a.WithZone("")
	for _, p := range special {
		if p.Contains(a) {
			return bad("in the special block " + p.String())
		}
	}
	return nil
}

// control is a [net.Dialer] hook. It sees the address that is about to be
// dialed, after the name was resolved: a name that points inside, or changes
// where it points between two look-ups, gets no further than a literal address.
func control(private bool) func(network, address string, _ syscall.RawConn) error {
	return func(network, address string, _ syscall.RawConn) error {
		if network != "tcp4" && network != "tcp6" {
			return &Error{Code: Address, Err: fmt.Errorf("network %s; only TCP is spoken", network)}
		}
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return &Error{Code: Address, Err: err}
		}
		a, err := netip.ParseAddr(host)
		if err == nil {
			err = checkAddr(a, private)
		}
		if err != nil {
			return &Error{Code: Address, Err: err}
		}
		return nil
	}
}

// maxURL bounds a base URL, in bytes.
const maxURL = 512

// ParseBaseURL reads the address that a peer act sets: https (http too where
// private is set), a host, perhaps a path, and nothing else. The error says
// what to change and has code [Address].
func ParseBaseURL(raw string, private bool) (*url.URL, error) {
	bad := func(format string, args ...any) error {
		return &Error{Code: Address, Err: fmt.Errorf("base URL %.80q: "+format, append([]any{raw}, args...)...)}
	}
	if len(raw) > maxURL {
		return nil, bad("%d bytes, at most %d", len(raw), maxURL)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, bad("%w", err)
	}
	switch {
	case u.Scheme != "https" && !(private && u.Scheme == "http"):
		return nil, bad("scheme must be https; --private allows http for tests")
	case u.Host == "" || u.Hostname() == "":
		return nil, bad("names no host")
	case u.User != nil, u.RawQuery != "", u.ForceQuery, u.Fragment != "":
		return nil, bad("must be scheme, host and path only")
	case strings.Contains(u.Path, "//"), strings.Contains(u.EscapedPath(), "%"), strings.Contains(u.Path, "/."):
		return nil, bad("path must be plain")
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil {
		if err := checkAddr(a, private); err != nil {
			return nil, bad("%w", err)
		}
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	return u, nil
}
