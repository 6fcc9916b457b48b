package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"assay/client"
	"assay/office"
	"assay/peer"
	"assay/statement"
)

func peerCommands() []command {
	return []command{
		{"peer", "list|fingerprint|add", "know and pair with partner offices", verbs("peer", map[string]func(context.Context, []string, stdio) int{
			"list": peerList, "fingerprint": peerFingerprint, "add": peerAdd,
		}, "list", "fingerprint", "add")},
		{"policy", "set CLAUSE", "propose how a clause acts here", verbs("policy", map[string]func(context.Context, []string, stdio) int{"set": policySet}, "set")},
		{"arrivals", "", "list what came from partners, and what became of it", arrivals},
		{"token", "new --out FILE", "make a bearer token; the office gets its SHA-256 only", verbs("token", map[string]func(context.Context, []string, stdio) int{"new": tokenNew}, "new")},
	}
}

func peerList(ctx context.Context, args []string, std stdio) int {
	v := newVerb(std, "peer list", "")
	if _, code, ok := v.parse(args, 0, 0); !ok {
		return code
	}
	return consult(v, func(c *client.Client) ([]office.PeerStatus, error) { return c.Peers(ctx) }, func(w io.Writer, ps []office.PeerStatus) {
		for _, p := range ps {
			state := or(p.Degraded, p.Trouble, "in order")
			if p.Silent {
				state = "silent"
			}
			fmt.Fprintf(w, "%s\t%s\t%d of %d applied\t%d rejected\t%s\theard %s\n", p.Site, p.URL, p.Applied, p.Size, p.Rejected, state, when(p.Heard))
		}
	})
}

// fetched is a partner's document as it was read, with what two officers
// compare.
type fetched struct {
	peer.Document
	Fingerprint string `json:"fingerprint"`
}

// fetch reads the document of the office at url. It goes where the person
// said and nowhere else.
func fetch(ctx context.Context, url string, private bool) ([]byte, fetched, error) {
	c := peer.NewClient(peer.DefaultTimeouts)
	defer c.Close()
	b, err := c.FetchDocument(ctx, url, private)
	if err != nil {
		return nil, fetched{}, err
	}
	d, err := peer.ReadDocument(b)
	return b, fetched{d, d.Fingerprint()}, err
}

func peerFingerprint(ctx context.Context, args []string, std stdio) int {
	v := newVerb(std, "peer fingerprint", "URL")
	private := v.Bool("private", false, "allow a loopback or private address")
	rest, code, ok := v.parse(args, 1, 1)
	if !ok {
		return code
	}
	_, d, err := fetch(ctx, rest[0], *private)
	if err != nil {
		return v.fail(err)
	}
	return printed(v, d, func(w io.Writer, d fetched) {
		fmt.Fprintf(w, "office\t%s\norigin\t%s\nring\t%s\nschemes\t%s\nfingerprint\t%s\n\nRead the fingerprint to the other office by telephone before pairing.\n",
			d.Office, d.Origin, d.Ring, strings.Join(d.Schemes, ", "), d.Fingerprint)
	})
}

func peerAdd(ctx context.Context, args []string, std stdio) int {
	v := newVerb(std, "peer add", "URL")
	id := v.actID()
	var b office.PeerBody
	var schemes, kinds list
	v.StringVar(&b.Fingerprint, "fingerprint", "", "`FINGERPRINT` of the identity key, as the other office read it to you")
	v.Var(&schemes, "scheme", "`SCHEME` it may speak about; may stand several times; none: those it names")
	v.Var(&kinds, "kind", "`KIND` of statement it may log; may stand several times; none: all that an office logs")
	v.BoolVar(&b.Private, "private", false, "allow a loopback or private address")
	v.Int64Var(&b.PollMillis, "poll", 0, "`MS` between two rounds without a hint")
	v.Int64Var(&b.SilentHours, "silent", 0, "`HOURS` of silence after which answers are marked")
	rest, code, ok := v.parse(args, 1, 1)
	if !ok {
		return code
	}
	if b.Fingerprint == "" {
		return v.misuse("--fingerprint is what the other office read to you; `assay peer fingerprint URL` shows what is served")
	}
	document, d, err := fetch(ctx, rest[0], b.Private)
	if err != nil {
		return v.fail(err)
	}
	if _, err := peer.ParseDocument(document, b.Fingerprint); err != nil {
		return v.fail(err)
	}
	b.Site, b.URL, b.Document, b.Schemes, b.Kinds = d.Office, strings.TrimSuffix(rest[0], "/"), string(document), schemes, kinds
	if len(b.Schemes) == 0 {
		b.Schemes = d.Schemes
	}
	if len(b.Kinds) == 0 {
		for _, k := range []statement.Kind{statement.Grant, statement.Designation, statement.Status, statement.Key, statement.Act, statement.Peer, statement.Misbehavior} {
			b.Kinds = append(b.Kinds, string(k))
		}
	}
	return proposes(ctx, v, *id, office.ActPeer, b)
}

func policySet(ctx context.Context, args []string, std stdio) int {
	v := newVerb(std, "policy set", "CLAUSE")
	id := v.actID()
	var b office.PolicyBody
	v.StringVar(&b.Kind, "kind", "", "review, after-days, on-request or automatic")
	v.IntVar(&b.Days, "days", 0, "after-days: working days")
	v.StringVar(&b.LegalBasis, "legal-basis", "", "automatic: law and section")
	v.StringVar(&b.Expires, "expires", "", "automatic: last `DAY`, at most twelve months on")
	v.IntVar(&b.PerHour, "per-hour", 0, "automatic: budget per hour")
	v.IntVar(&b.PerDay, "per-day", 0, "automatic: budget per day")
	v.IntVar(&b.Share, "share", 0, "automatic: percent drawn for later checking")
	v.StringVar(&b.Note, "note", "", "why")
	v.StringVar(&b.Catalog, "catalog", "", "automatic: `DIGEST` that it is made for; empty: the catalog in force")
	rest, code, ok := v.parse(args, 1, 1)
	if !ok {
		return code
	}
	if b.Kind == "" {
		return v.misuse("--kind says how the clause acts")
	}
	b.Clause = rest[0]
	if *id == "" {
		*id = client.NewID()
	}
	return consult(v, func(c *client.Client) (*office.Act, error) {
		if b.Kind == "automatic" && b.Catalog == "" {
			cat, err := c.Catalog(ctx)
			if err != nil {
				return nil, err
			}
			b.Catalog = cat.Digest
		}
		return c.Propose(ctx, *id, office.ActPolicy, b)
	}, showAct)
}

func arrivals(ctx context.Context, args []string, std stdio) int {
	v := newVerb(std, "arrivals", "")
	l := v.paging("")
	v.StringVar(&l.Site, "site", "", "only from this `OFFICE`")
	if _, code, ok := v.parse(args, 0, 0); !ok {
		return code
	}
	return consult(v, func(c *client.Client) (*client.Page[office.Arrival], error) { return c.Arrivals(ctx, *l) }, func(w io.Writer, p *client.Page[office.Arrival]) {
		for _, a := range p.Items {
			fmt.Fprintf(w, "%s\t%s\t%s %s\t%s\t%s\t%s\n", when(a.Received), or(a.Number, a.ID), a.Scheme, a.Level, a.Product.Name, a.State, or(a.Summary))
			for _, h := range a.Here {
				fmt.Fprintf(w, "\t→ %s\t%s %s\t\t%s\n", or(h.Number, h.ID), h.Scheme, h.Level, h.State)
			}
		}
		more(w, p)
	})
}

// minted is what the office is told of a token.
type minted struct {
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
}

// tokenNew writes a new token to a file that only its person can read. It is
// never printed, and an existing file is never replaced.
func tokenNew(_ context.Context, args []string, std stdio) int {
	v := newVerb(std, "token new", "--out FILE")
	out := v.String("out", "", "new `FILE` for the token, readable by you only")
	if _, code, ok := v.parse(args, 0, 0); !ok {
		return code
	}
	if *out == "" {
		return v.misuse("--out names the file for the token")
	}
	token, hash := office.NewToken()
	f, err := os.OpenFile(*out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return v.fail(err)
	}
	_, err = f.WriteString(token + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return v.fail(errors.Join(err, os.Remove(*out))) // half a token is none
	}
	return printed(v, minted{*out, hex.EncodeToString(hash[:])}, func(w io.Writer, m minted) {
		fmt.Fprintf(w, "token in\t%s\nSHA-256\t%s\n\nGive the SHA-256 to an administrator of the office, and the token to nobody.\n", m.File, m.SHA256)
	})
}
