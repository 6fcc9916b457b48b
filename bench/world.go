package main

import (
	"context"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"

	"assay/catalog"
	"assay/keys"
	"assay/ledger"
	"assay/node"
	"assay/office"
	"assay/peer"
	"assay/scheme"
	"assay/specimen"
	"assay/store"
	"assay/web"
)

// member is an office of the measured world, and what it grants there. Clause
// is the one by which the receiver takes it.
type member struct {
	Office                          office.Info
	Scheme, Level, Function, Clause string
}

//go:embed world.json
var worldFile []byte

// world is the offices that the programs run between.
type world struct {
	Source, Other, Receiver member

	dir     string
	catalog *scheme.Catalog
	archive []byte
	sites   []*site
}

// laboratory signs the reports of all that is certified.
var laboratory = sync.OnceValue(func() *specimen.Laboratory {
	l, err := specimen.New()
	if err != nil {
		panic(err)
	}
	return l
})

// newWorld reads the offices; none is there before it is founded.
func newWorld() (*world, error) {
	w := new(world)
	err := json.Unmarshal(worldFile, w)
	if err != nil {
		return nil, err
	}
	if w.archive, err = laboratory().Catalog(); err != nil {
		return nil, err
	}
	if w.catalog, err = catalog.FromArchive(w.archive); err != nil {
		return nil, err
	}
	w.dir, err = os.MkdirTemp("", "assay-bench")
	return w, err
}

// close ends every office and removes all that they wrote.
func (w *world) close() {
	for _, s := range w.sites {
		s.close()
	}
	os.RemoveAll(w.dir)
}

// site is one office of a world.
type site struct {
	member
	world    *world
	ring     *keys.Ring
	database string
	tokens   map[string]string
	people   map[string]*office.Person

	// Of a running office.
	office *office.Office
	db     *store.DB
	node   *node.Node
	url    string
	stop   []func()
}

// maker is the holder for whom the measured applications are made, as the
// evidence file names it.
const maker = "kr:specimen-0001"

func persons() []office.Person {
	return []office.Person{
		{ID: "admin-1", Roles: []office.Role{office.RoleAdmin}}, {ID: "admin-2", Roles: []office.Role{office.RoleAdmin}},
		{ID: "registrar", Roles: []office.Role{office.RoleRegistrar}}, {ID: "evaluator", Roles: []office.Role{office.RoleEvaluator}},
		{ID: "officer-1", Roles: []office.Role{office.RoleOfficer}}, {ID: "officer-2", Roles: []office.Role{office.RoleOfficer}},
		{ID: "maker", Roles: []office.Role{office.RoleMaker}, Entity: maker},
	}
}

// found founds an office in an empty database: SQLite in the world's folder,
// or the one at url.
func (w *world) found(ctx context.Context, m member, url string) (*site, error) {
	m.Office.Ring, m.Office.Origin, m.Office.Specimen = "bench", "assay.example/"+m.Office.Office+"/bench", true
	s := &site{member: m, world: w, database: url, tokens: map[string]string{}, people: map[string]*office.Person{}}
	if url == "" {
		s.database = "sqlite:" + filepath.Join(w.dir, m.Office.Office+".db")
	}
	var err error
	if s.ring, err = keys.NewRing(); err != nil {
		return nil, err
	}
	f := office.Founding{Info: m.Office, Catalog: w.archive}
	for _, p := range persons() {
		token, hash := office.NewToken()
		s.tokens[p.ID] = token
		p.Pseudonym = m.Office.Office + "-" + p.ID
		f.Persons = append(f.Persons, office.PersonBody{Person: p, TokenHash: hex.EncodeToString(hash[:])})
	}
	db, err := store.Open(ctx, s.database)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(office.Found(ctx, db, s.ring, f), db.Close()); err != nil {
		return nil, err
	}
	w.sites = append(w.sites, s)
	return s, nil
}

// start runs the office as a node runs: it publishes, reconciles, follows,
// and hints its peers.
func (s *site) start(ctx context.Context) (err error) {
	if s.node, err = node.Start(ctx, node.Config{Database: s.database, Ring: s.ring, Listen: "127.0.0.1:0"}); err != nil {
		return err
	}
	s.office, s.db, s.url = s.node.Office, s.node.DB, s.node.URL
	s.stop = append(s.stop, func() { s.node.Close() })
	return s.signIn(ctx)
}

// How much an office does that follows nobody: it answers partners, it
// publishes what it logs besides, or hints its peers of that, too.
const (
	answering = iota
	publishing
	hinting
)

// serve opens an office that follows nobody: on one machine its following
// would be a load that in truth lies elsewhere.
func (s *site) serve(ctx context.Context, does int) (err error) {
	if s.db, err = store.Open(ctx, s.database); err != nil {
		return err
	}
	s.stop = append(s.stop, func() { s.db.Close() })
	hints := make(chan []byte, 64)
	if s.office, err = office.Open(ctx, s.db, s.ring, office.Options{OnPublish: func(note []byte) {
		select {
		case hints <- note:
		default:
		}
	}}); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.url = "http://" + l.Addr().String()
	receipts := http.NewServeMux()
	receipts.Handle("POST /peer/receipt", peer.ReceiptHandler(s.office, s.office, s.office.ID().Origin, s.db.Clock))
	server := web.NewServer(web.New(s.office, web.Options{Ledger: ledger.Handler(s.db.Log()), Peer: receipts}))
	var done sync.WaitGroup
	done.Go(func() { server.Serve(l) })
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	if does >= publishing {
		done.Go(func() { s.office.Run(run) })
	}
	if does == hinting {
		done.Go(func() { s.hint(run, hints) })
	}
	s.stop = append(s.stop, func() { cancel(); server.Close(); done.Wait() })
	return s.signIn(ctx)
}

// hint posts each new checkpoint to every peer.
func (s *site) hint(ctx context.Context, notes <-chan []byte) {
	client := peer.NewClient(peer.Timeouts{})
	defer client.Close()
	for {
		select {
		case <-ctx.Done():
			return
		case note := <-notes:
			sites, err := s.office.Sites(ctx)
			if err != nil {
				continue
			}
			for _, p := range sites {
				client.SendHint(ctx, p, note) // one that is lost shows in the measured times
			}
		}
	}
}

func (s *site) close() {
	for len(s.stop) > 0 {
		s.stop[len(s.stop)-1]()
		s.stop = s.stop[:len(s.stop)-1]
	}
}

func (s *site) signIn(ctx context.Context) error {
	for id, token := range s.tokens {
		p, err := s.office.Authenticate(ctx, token)
		if err != nil {
			return err
		}
		s.people[id] = p
	}
	return nil
}

// act does an act of two persons.
func (s *site) act(ctx context.Context, kind office.ActKind, body any, first, second string) (*office.Act, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	a, err := s.office.Propose(ctx, s.people[first], uuid.NewString(), kind, b)
	if err != nil {
		return nil, err
	}
	return s.office.Approve(ctx, s.people[second], a.ID, a.Version)
}

// follow makes s a peer of other, which it asks every so often.
func (s *site) follow(ctx context.Context, other *site, poll time.Duration) error {
	_, err := s.act(ctx, office.ActPeer, office.PeerBody{Site: other.Office.Office, URL: other.url, Fingerprint: other.office.Fingerprint(), Schemes: []string{other.Scheme},
		Kinds: []string{"grant", "designation", "status", "key", "act", "peer", "misbehavior"}, Private: true, PollMillis: poll.Milliseconds(), SilentHours: 48, Document: string(other.office.Document())}, "admin-1", "admin-2")
	return err
}

// automatic makes s designate by a clause under a standing decision.
func (s *site) automatic(ctx context.Context, clause string) error {
	if _, err := s.act(ctx, office.ActReading, office.ReadingBody{Clause: clause, Ground: "The office reads the clause as published and takes the shorter term."}, "admin-1", "admin-2"); err != nil {
		return err
	}
	_, err := s.act(ctx, office.ActPolicy, office.PolicyBody{Clause: clause, Kind: "automatic", LegalBasis: "specimen act, section 1",
		Expires: time.Now().AddDate(0, 11, 0).Format(time.DateOnly), PerHour: 100_000_000, PerDay: 100_000_000, Share: 1}, "admin-1", "admin-2")
	return err
}

// count asks for one number.
func count(ctx context.Context, db *store.DB, query string, args ...any) (n int64, err error) {
	err = db.View(ctx, func(tx *store.Tx) error { return tx.QueryRow(query, args...).Scan(&n) })
	return n, err
}

// until asks again every so often until ok.
func until(ctx context.Context, every time.Duration, what string, ok func() (bool, error)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		done, err := ok()
		if err != nil {
			return fmt.Errorf("waiting for %s: %w", what, err)
		}
		if done {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// applied is how many entries of a peer's log s has applied.
func (s *site) applied(ctx context.Context, peer string) (int64, error) {
	return count(ctx, s.db, `SELECT applied FROM peers WHERE site = $1`, peer)
}

// caughtUp waits until s has applied all that other has published.
func (s *site) caughtUp(ctx context.Context, other *site) error {
	_, size, err := other.db.Log().Published(ctx)
	if err != nil {
		return err
	}
	return until(ctx, 5*time.Millisecond, "the log of "+other.Office.Office, func() (bool, error) {
		n, err := s.applied(ctx, other.Office.Office)
		return n >= size, err
	})
}
