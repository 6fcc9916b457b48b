package node_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"assay/catalog"
	"assay/keys"
	"assay/node"
	"assay/office"
	"assay/scheme"
	"assay/store"
)

// founded is an office in a database of its own, and its two admins' tokens.
type founded struct {
	config node.Config
	tokens [2]string
}

func found(t *testing.T, id, territory, authority string) *founded {
	t.Helper()
	archive, err := catalog.Archive(catalog.EmbeddedFS())
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keys.NewRing()
	if err != nil {
		t.Fatal(err)
	}
	f := &founded{config: node.Config{Database: "sqlite:" + filepath.Join(t.TempDir(), id+".db"), Ring: ring, Listen: "127.0.0.1:0"}}
	founding := office.Founding{Catalog: archive, Info: office.Info{Office: id, Name: scheme.Text{"en": "Specimen " + id}, Territory: territory, Zone: "UTC",
		Languages: []string{"en"}, Authorities: []string{authority}, Ring: "test", Origin: "assay.example/" + id, Specimen: true}}
	for i, name := range []string{"ann", "bo"} {
		token, hash := office.NewToken()
		f.tokens[i] = token
		founding.Persons = append(founding.Persons, office.PersonBody{Person: office.Person{ID: name, Pseudonym: id + "-" + name, Roles: []office.Role{office.RoleAdmin}}, TokenHash: hex.EncodeToString(hash[:])})
	}
	db, err := store.Open(t.Context(), f.config.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := office.Found(t.Context(), db, ring, founding); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *founded) start(t *testing.T) *node.Node {
	t.Helper()
	n, err := node.Start(t.Context(), f.config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

// act does an act of the two admins.
func (f *founded) act(t *testing.T, o *office.Office, kind office.ActKind, body any) {
	t.Helper()
	var by [2]*office.Person
	for i, token := range f.tokens {
		var err error
		if by[i], err = o.Authenticate(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	a, err := o.Propose(t.Context(), by[0], uuid.NewString(), kind, b)
	if err == nil {
		_, err = o.Approve(t.Context(), by[1], a.ID, a.Version)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// followed waits until n has applied as many entries of its only peer.
func followed(t *testing.T, n *node.Node, entries int64) {
	t.Helper()
	var at int64
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		ps, err := n.Office.Peers(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if at = ps[0].Applied; at == entries {
			return
		}
	}
	t.Fatalf("%d entries applied, want %d", at, entries)
}

func entries(t *testing.T, n *node.Node) int64 {
	t.Helper()
	_, size, err := n.DB.Log().Published(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return size
}

// TestHints lets an office follow another that it would ask only once an hour.
func TestHints(t *testing.T) {
	a, b := found(t, "kr", "KR", "kisa"), found(t, "sg", "SG", "csa")
	na, nb := a.start(t), b.start(t)
	pair := func(f *founded, n, other *node.Node, schemeID string) {
		t.Helper()
		f.act(t, n.Office, office.ActPeer, office.PeerBody{Site: other.Office.ID().Office, URL: other.URL, Fingerprint: other.Office.Fingerprint(),
			Schemes: []string{schemeID}, Kinds: []string{"grant", "status", "key", "act", "peer"}, Private: true, PollMillis: 3_600_000, Document: string(other.Office.Document())})
	}
	pair(a, na, nb, "sg-cls-iot")
	pair(b, nb, na, "kr-cic")
	var own string
	cat, err := na.Office.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, ar := range cat.Arrangements {
		for _, c := range ar.Clauses {
			if c.To.Scheme == "kr-cic" {
				own = c.ID
			}
		}
	}
	reading := office.ReadingBody{Clause: own, Ground: "The office reads the clause as published."}
	a.act(t, na.Office, office.ActReading, reading)
	if err := na.Office.WaitPublished(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	followed(t, nb, entries(t, na))

	// The office ends, and what it logs last is published without a word.
	a.config.Listen = strings.TrimPrefix(na.URL, "http://")
	if err := na.Close(); err != nil {
		t.Fatal(err)
	}
	if err := na.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	db, err := store.Open(t.Context(), a.config.Database)
	if err != nil {
		t.Fatal(err)
	}
	silent, err := office.Open(t.Context(), db, a.config.Ring, office.Options{})
	if err != nil {
		t.Fatal(err)
	}
	reading.Ground += " Still."
	a.act(t, silent, office.ActReading, reading)
	if err := silent.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	na = a.start(t)
	followed(t, nb, entries(t, na))
}

func TestStartRefuses(t *testing.T) {
	f := found(t, "kr", "KR", "kisa")
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	other, err := keys.NewRing()
	if err != nil {
		t.Fatal(err)
	}
	for says, change := range map[string]func(*node.Config){
		"cannot listen":                  func(c *node.Config) { c.Listen = busy.Addr().String() },
		"not the one that the log names": func(c *node.Config) { c.Ring = other },
		"no office was founded":          func(c *node.Config) { c.Database = "sqlite:" + filepath.Join(t.TempDir(), "empty.db") },
		"a database URL starts with":     func(c *node.Config) { c.Database = "office.db" },
	} {
		c := f.config
		change(&c)
		if n, err := node.Start(t.Context(), c); err == nil || !strings.Contains(err.Error(), says) {
			if n != nil {
				n.Close()
			}
			t.Errorf("got %v, want %q", err, says)
		}
	}
	f.start(t) // none of them kept anything of it
}

// TestStartOutlivesItsContext: a node ends when it is closed, not when the
// caller's deadline for the start has passed.
func TestStartOutlivesItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	n, err := node.Start(ctx, found(t, "kr", "KR", "kisa").config)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	res, err := http.Get(n.URL + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("answers %s", res.Status)
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	select {
	case err := <-n.Failed():
		t.Errorf("closing counts as a failure: %v", err)
	default:
	}
	if _, err := http.Get(n.URL + "/readyz"); err == nil {
		t.Error("it answers after Close")
	}
}

// A second process on an embedded database would publish and follow beside
// the first without knowing of it.
func TestOneProcess(t *testing.T) {
	f := found(t, "kr", "KR", "kisa")
	n, err := node.Start(t.Context(), f.config)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := node.Start(t.Context(), f.config); !errors.Is(err, node.ErrServed) {
		if second != nil {
			second.Close()
		}
		t.Errorf("a second one: %v, want %v", err, node.ErrServed)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	n, err = node.Start(t.Context(), f.config)
	if err != nil {
		t.Fatalf("after the first has ended: %v", err)
	}
	n.Close()
}
