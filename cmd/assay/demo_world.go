package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"assay/certificate"
	"assay/client"
	"assay/keys"
	"assay/node"
	"assay/office"
	"assay/scheme"
	"assay/store"
)

// nation is one office of the demo with its persons.
type nation struct {
	id       string
	info     office.Info
	ring     *keys.Ring
	database string
	node     *node.Node
	wire     *wire
	as       map[string]*client.Client // by person
}

// URL is where other offices reach it: through a wire that can be cut.
func (n *nation) URL() string { return "http://" + n.wire.addr }

func (n *nation) close() {
	if n.wire != nil {
		n.wire.close()
	}
	if n.node != nil {
		n.node.Close()
	}
}

// makers are the demo's fictional holders.
var makers = map[string]string{"hanbit": "kr:specimen-0001", "mirinae": "kr:specimen-0002", "klangwerk": "de:specimen-0003", "merlion": "sg:specimen-0004", "waldnetz": "de:specimen-0005", "sampo": "fi:specimen-0006"}

func people() []office.Person {
	ps := []office.Person{
		{ID: "admin-1", Roles: []office.Role{office.RoleAdmin}},
		{ID: "admin-2", Roles: []office.Role{office.RoleAdmin}},
		{ID: "registrar", Roles: []office.Role{office.RoleRegistrar}},
		{ID: "evaluator", Roles: []office.Role{office.RoleEvaluator}},
		{ID: "officer-1", Roles: []office.Role{office.RoleOfficer}},
		{ID: "officer-2", Roles: []office.Role{office.RoleOfficer}},
	}
	for id, entity := range makers {
		ps = append(ps, office.Person{ID: id, Roles: []office.Role{office.RoleMaker}, Entity: entity})
	}
	return ps
}

// newNation founds an office in an empty database, as `assay init` does, and
// starts it, as `assay serve` does.
func (d *demo) newNation(ctx context.Context, info office.Info) (*nation, error) {
	n := &nation{id: info.Office, as: map[string]*client.Client{}}
	info.Ring, info.Origin, info.Specimen = "specimen", "assay.example/"+info.Office+"/specimen", true
	n.info = info
	dir := filepath.Join(d.dir, info.Office)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	n.database = "sqlite:" + filepath.Join(dir, "office.db")
	var err error
	if n.ring, err = keys.NewRing(); err != nil {
		return nil, err
	}
	archive, err := d.lab.Catalog()
	if err != nil {
		return nil, err
	}
	f := office.Founding{Info: info, Catalog: archive}
	tokens := map[string]string{}
	for _, p := range people() {
		token, hash := office.NewToken()
		tokens[p.ID] = token
		p.Pseudonym = info.Office + "-" + p.ID
		f.Persons = append(f.Persons, office.PersonBody{Person: p, TokenHash: hex.EncodeToString(hash[:])})
		if err := os.WriteFile(filepath.Join(dir, p.ID+".token"), []byte(token+"\n"), 0o600); err != nil {
			return nil, err
		}
	}
	db, err := store.Open(ctx, n.database)
	if err != nil {
		return nil, err
	}
	if err := office.Found(ctx, db, n.ring, f); err != nil {
		db.Close()
		return nil, err
	}
	if err := db.Close(); err != nil {
		return nil, err
	}
	if n.node, err = node.Start(ctx, node.Config{Database: n.database, Ring: n.ring, Listen: "127.0.0.1:0"}); err != nil {
		return nil, err
	}
	if n.wire, err = newWire(n.node.URL[len("http://"):]); err != nil {
		return nil, err
	}
	base, err := client.New(n.node.URL, client.Options{})
	if err != nil {
		return nil, err
	}
	for id, t := range tokens {
		n.as[id] = base.As(t)
	}
	return n, nil
}

// act is an act of two persons, through /v1; it returns when the act's entry
// stands under a published checkpoint.
func (n *nation) act(ctx context.Context, kind office.ActKind, body any, by ...string) (*office.Act, *office.Result, error) {
	if len(by) == 0 {
		by = []string{"officer-1", "officer-2"}
	}
	a, err := n.as[by[0]].Propose(ctx, client.NewID(), kind, body)
	if err != nil {
		return nil, nil, fmt.Errorf("%s proposes %s: %w", by[0], kind, err)
	}
	if a, err = n.as[by[1]].Approve(ctx, a.ID, a.Version, client.Published); err != nil {
		return nil, nil, fmt.Errorf("%s approves %s: %w", by[1], kind, err)
	}
	r := &office.Result{Index: -1}
	if len(a.Result) > 0 {
		err = json.Unmarshal(a.Result, r)
	}
	return a, r, err
}

func (n *nation) admin(ctx context.Context, kind office.ActKind, body any) error {
	_, _, err := n.act(ctx, kind, body, "admin-1", "admin-2")
	return err
}

// pair makes n believe other for its own schemes, after the fingerprints were
// compared.
func (n *nation) pair(ctx context.Context, other *nation) error {
	doc, err := other.as["admin-1"].Document(ctx)
	if err != nil {
		return err
	}
	var schemes []string
	cat, err := other.as["admin-1"].Catalog(ctx)
	if err != nil {
		return err
	}
	for _, s := range cat.Schemes {
		if slices.Contains(other.info.Authorities, s.Authority) {
			schemes = append(schemes, s.ID)
		}
	}
	return n.admin(ctx, office.ActPeer, office.PeerBody{Site: other.id, URL: other.URL(), Fingerprint: other.node.Office.Fingerprint(), Schemes: schemes,
		Kinds: []string{"grant", "designation", "status", "act", "key", "peer", "misbehavior"}, Private: true, PollMillis: 2000, SilentHours: 24, Document: string(doc)})
}

// apply takes an application from the maker's file to the published grant.
func (n *nation) apply(ctx context.Context, maker string, ev json.RawMessage, schemeID, level string, reqs ...office.StandingRequest) (*office.Act, *office.Result, error) {
	id := client.NewID()
	a, err := n.as[maker].Apply(ctx, id, client.Apply{Scheme: schemeID, Level: level, Evidence: ev, Requests: reqs, Language: n.info.Languages[0]})
	if err != nil {
		return nil, nil, fmt.Errorf("applying: %w", err)
	}
	if a, err = n.as["registrar"].Complete(ctx, id, a.Version); err != nil {
		return nil, nil, fmt.Errorf("taking in: %w", err)
	}
	_, act, err := n.as["evaluator"].Evaluate(ctx, id, a.Version, office.Evaluation{Recommend: "grant", Reason: "requirements-met"})
	if err != nil {
		return nil, nil, fmt.Errorf("evaluating: %w", err)
	}
	act, err = n.as["officer-1"].Approve(ctx, act.ID, act.Version, client.Published)
	if err != nil {
		return nil, nil, fmt.Errorf("deciding: %w", err)
	}
	r := new(office.Result)
	return act, r, json.Unmarshal(act.Result, r)
}

// earlier enters what an office granted before its register began.
func (n *nation) earlier(ctx context.Context, b office.EarlierBody) (string, error) {
	_, r, err := n.act(ctx, office.ActEarlier, b)
	if err != nil {
		return "", err
	}
	return r.Certificate, nil
}

// await asks again until ok or the patience is gone.
func await[T any](ctx context.Context, what string, ask func() (T, bool, error)) (T, error) {
	ctx, stop := context.WithTimeout(ctx, 60*time.Second)
	defer stop()
	for {
		v, ok, err := ask()
		if err != nil || ok {
			return v, err
		}
		select {
		case <-ctx.Done():
			return v, fmt.Errorf("waited in vain for %s", what)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// arrival waits until n has decided on another office's certificate.
func (n *nation) arrival(ctx context.Context, from *nation, id string) (office.Arrival, error) {
	return await(ctx, "the arrival of "+id+" in "+n.id, func() (office.Arrival, bool, error) {
		after := ""
		for {
			p, err := n.as["officer-1"].Arrivals(ctx, client.List{Site: from.id, After: after, Limit: 200})
			if err != nil {
				return office.Arrival{}, false, err
			}
			for _, a := range p.Items {
				if a.ID == id && a.At != 0 {
					return a, true, nil
				}
			}
			if after = p.Next; after == "" {
				return office.Arrival{}, false, nil
			}
		}
	})
}

// stateIs waits for a state and returns the answer that shows it.
func (n *nation) stateIs(ctx context.Context, id string, want certificate.State) (*office.Answer, error) {
	return await(ctx, id+" to be "+string(want)+" in "+n.id, func() (*office.Answer, bool, error) {
		a, err := n.as["officer-1"].Certificate(ctx, id, 0, 0)
		return a, err == nil && a.Standing.State == want, err
	})
}

// wire is the network between an office and the others: it can be cut.
type wire struct {
	addr, to string
	listener net.Listener
	mu       sync.Mutex
	cutoff   bool
	conns    map[net.Conn]bool
	done     sync.WaitGroup
}

func newWire(to string) (*wire, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w := &wire{addr: l.Addr().String(), to: to, listener: l, conns: map[net.Conn]bool{}}
	w.done.Go(w.serve)
	return w, nil
}

func (w *wire) serve() {
	for {
		c, err := w.listener.Accept()
		if err != nil {
			return
		}
		w.done.Go(func() { w.carry(c) })
	}
}

func (w *wire) carry(in net.Conn) {
	defer in.Close()
	out, err := net.Dial("tcp", w.to)
	if err != nil || !w.hold(in, out) {
		if out != nil {
			out.Close()
		}
		return
	}
	defer w.drop(in, out)
	both := make(chan struct{}, 2)
	for _, p := range [][2]net.Conn{{in, out}, {out, in}} {
		go func() {
			io.Copy(p[0], p[1])
			p[0].Close()
			both <- struct{}{}
		}()
	}
	<-both
	<-both
}

func (w *wire) hold(cs ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cutoff {
		return false
	}
	for _, c := range cs {
		w.conns[c] = true
	}
	return true
}

func (w *wire) drop(cs ...net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range cs {
		c.Close()
		delete(w.conns, c)
	}
}

// cut breaks every connection and lets no new one through, until mended.
func (w *wire) cut(off bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cutoff = off; off {
		for c := range w.conns {
			c.Close()
		}
	}
}

func (w *wire) close() {
	w.listener.Close()
	w.cut(true)
	w.done.Wait()
}

//go:embed demodata/hub.yaml
var hubFile []byte

//go:embed demodata/vacuum.yaml
var vacuumFile []byte

//go:embed demodata/speaker.yaml
var speakerFile []byte

// product is an evidence file with another product in it, its laboratory's
// reports signed. Without a name it is the file's own.
func (d *demo) product(file []byte, name, model string, functions ...string) (json.RawMessage, error) {
	var models []string
	if model != "" {
		models = []string{model}
	}
	return d.lab.Evidence(file, name, models, functions...)
}

func specimenName(name scheme.Text) scheme.Text {
	out := scheme.Text{}
	for l, s := range name {
		out[l] = "SPECIMEN " + s
	}
	return out
}

// post sends a note as a stranger would.
func post(ctx context.Context, url string, body []byte) error {
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	q.Header.Set("Content-Type", "text/plain; charset=utf-8")
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		return err
	}
	io.Copy(io.Discard, r.Body)
	return r.Body.Close()
}
