package office_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/note"

	"assay/certificate"
	"assay/keys"
	"assay/ledger"
	"assay/office"
	"assay/peer"
	"assay/scheme"
	"assay/specimen"
	"assay/store"
	"assay/store/storetest"
)

// node is an office on an engine, with its log served over real HTTP and its
// loops run by hand, so that every test decides what happens when.
type node struct {
	*office.Office
	t        testing.TB
	db       *store.DB
	ring     *keys.Ring
	others   []*keys.Ring // at hand beside it
	clock    *storetest.Clock
	server   *httptest.Server
	follower *peer.Follower
	people   map[string]*office.Person
	tokens   map[string]string
}

var archive = func() []byte {
	b, err := laboratory.Catalog()
	if err != nil {
		panic(err)
	}
	return b
}()

// laboratory signs the reports of the evidence that tests apply with.
var laboratory = func() *specimen.Laboratory {
	l, err := specimen.New()
	if err != nil {
		panic(err)
	}
	return l
}()

// start is a working day on which everything in the embedded catalog is in force.
var start = time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC)

var offices = map[string]office.Info{
	"kr": {Office: "kr", Territory: "KR", Zone: "Asia/Seoul", Languages: []string{"ko", "en"}, Authorities: []string{"kisa"}},
	"sg": {Office: "sg", Territory: "SG", Zone: "Asia/Singapore", Languages: []string{"en"}, Authorities: []string{"csa"}},
	"de": {Office: "de", Territory: "DE", Zone: "Europe/Berlin", Languages: []string{"de", "en"}, Authorities: []string{"bsi"}},
	"uk": {Office: "uk", Territory: "GB", Zone: "Europe/London", Languages: []string{"en"}, Authorities: []string{"dsit"}},
	"fi": {Office: "fi", Territory: "FI", Zone: "Europe/Helsinki", Languages: []string{"fi", "en"}, Authorities: []string{"traficom"}},
}

func newNode(t testing.TB, db *store.DB, id string, clock *storetest.Clock) *node {
	t.Helper()
	ring, err := keys.NewRing()
	if err != nil {
		t.Fatal(err)
	}
	return newNodeWith(t, db, id, clock, ring)
}

func newNodeWith(t testing.TB, db *store.DB, id string, clock *storetest.Clock, ring *keys.Ring) *node {
	t.Helper()
	info := offices[id]
	info.Name, info.Ring, info.Origin, info.Specimen = scheme.Text{"en": "Specimen office " + id}, "test", "assay.example/"+id+"/test", true
	n := &node{t: t, db: db, ring: ring, clock: clock, people: map[string]*office.Person{}}
	db.Clock = clock.Now
	f := office.Founding{Info: info, Catalog: archive}
	tokens := map[string]string{}
	for _, p := range []office.Person{
		{ID: "admin-1", Roles: []office.Role{office.RoleAdmin}}, {ID: "admin-2", Roles: []office.Role{office.RoleAdmin}},
		{ID: "registrar", Roles: []office.Role{office.RoleRegistrar}}, {ID: "evaluator", Roles: []office.Role{office.RoleEvaluator, office.RoleOfficer}},
		{ID: "officer-1", Roles: []office.Role{office.RoleOfficer}}, {ID: "officer-2", Roles: []office.Role{office.RoleOfficer}},
		{ID: "maker", Roles: []office.Role{office.RoleMaker}, Entity: "kr:specimen-0001"},
		{ID: "maker-2", Roles: []office.Role{office.RoleMaker}, Entity: "kr:specimen-0002"},
		{ID: "maker-3", Roles: []office.Role{office.RoleMaker}, Entity: "de:specimen-0003"},
	} {
		p.Pseudonym = id + "-" + p.ID
		token, hash := office.NewToken()
		tokens[p.ID] = token
		f.Persons = append(f.Persons, office.PersonBody{Person: p, TokenHash: hex.EncodeToString(hash[:])})
	}
	if err := office.Found(t.Context(), db, ring, f); err != nil {
		t.Fatal(err)
	}
	n.open()
	n.tokens = tokens
	for k, tok := range tokens {
		p, err := n.Authenticate(t.Context(), tok)
		n.must(err)
		n.people[k] = p
	}
	return n
}

// open opens (or, after a simulated crash, opens again) the office.
func (n *node) open() {
	n.t.Helper()
	o, err := office.Open(n.t.Context(), n.db, n.ring, office.Options{
		Rings: func() ([]*keys.Ring, error) { return n.others, nil },
		OnKeys: func(r *keys.Ring) {
			if n.Office != nil { // not while it opens
				n.follower.SetSigner(n.receiptSigner(r))
			}
		}})
	if err != nil {
		n.t.Fatal(err)
	}
	n.Office = o
	if n.server == nil {
		mux := http.NewServeMux()
		mux.Handle("/", ledger.Handler(n.db.Log()))
		mux.Handle("POST /peer/receipt", peer.ReceiptHandler(o, o, o.ID().Origin, n.db.Clock))
		n.server = httptest.NewServer(mux)
		n.t.Cleanup(n.server.Close)
	}
	n.follower = peer.NewFollower(o, peer.Options{Signer: n.receiptSigner(n.ring), Now: n.db.Clock})
}

func (n *node) receiptSigner(r *keys.Ring) note.Signer {
	n.t.Helper()
	s, err := r.Checkpoint.NoteSigner(n.ID().Origin)
	n.must(err)
	return s
}

func (n *node) must(err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
}

// act proposes and approves an act by two persons.
func (n *node) act(kind office.ActKind, body any, by ...string) *office.Act {
	n.t.Helper()
	a, err := n.tryAct(kind, body, by...)
	n.must(err)
	return a
}

func (n *node) tryAct(kind office.ActKind, body any, by ...string) (*office.Act, error) {
	if len(by) == 0 {
		by = []string{"officer-1", "officer-2"}
	}
	b, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	a, err := n.Propose(n.t.Context(), n.people[by[0]], uuid.NewString(), kind, b)
	if err != nil {
		return nil, err
	}
	return n.Approve(n.t.Context(), n.people[by[1]], a.ID, a.Version)
}

func (n *node) admin(kind office.ActKind, body any) *office.Act {
	n.t.Helper()
	return n.act(kind, body, "admin-1", "admin-2")
}

var kinds = []string{"grant", "designation", "status", "key", "act", "peer", "misbehavior"}

// follow makes n a peer of other.
func (n *node) follow(other *node, schemes ...string) {
	n.t.Helper()
	n.admin(office.ActPeer, office.PeerBody{Site: other.ID().Office, URL: other.server.URL, Fingerprint: other.Fingerprint(), Schemes: schemes, Kinds: kinds,
		Private: true, SilentHours: 48, Document: string(other.Document())})
}

// sync publishes other's log, follows it, and reconciles until nothing is due.
func (n *node) sync(others ...*node) {
	n.t.Helper()
	for _, o := range others {
		n.must(o.Publish(n.t.Context()))
		n.must(n.follower.Step(n.t.Context(), o.ID().Office))
	}
	n.settle()
}

func (n *node) settle() {
	n.t.Helper()
	for range 1000 {
		k, err := n.ReconcileDue(n.t.Context())
		n.must(err)
		if k == 0 {
			n.must(n.Publish(n.t.Context()))
			return
		}
		n.clock.Advance(time.Millisecond)
	}
	n.t.Fatal("reconciling does not come to an end")
}

func evidenceFile(t testing.TB, name string) json.RawMessage {
	t.Helper()
	b, err := os.ReadFile("../cmd/assay/demodata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	j, err := laboratory.Evidence(b, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// grant takes an application through to a certificate and returns its id.
func (n *node) grant(file, schemeID, level string, requests ...office.StandingRequest) string {
	n.t.Helper()
	return n.grantEvidence(evidenceFile(n.t, file), schemeID, level, requests...)
}

func (n *node) grantEvidence(ev json.RawMessage, schemeID, level string, requests ...office.StandingRequest) string {
	n.t.Helper()
	ctx := n.t.Context()
	maker := n.people["maker"]
	for _, p := range n.people {
		var who struct{ Product struct{ Holder string } }
		n.must(json.Unmarshal(ev, &who))
		if p.Has(office.RoleMaker) && p.Entity == who.Product.Holder {
			maker = p
		}
	}
	a, err := n.Submit(ctx, maker, office.Application{ID: uuid.NewString(), Scheme: schemeID, Level: level, Evidence: ev, Requests: requests, Language: "ko"})
	n.must(err)
	a, err = n.Complete(ctx, n.people["registrar"], a.ID, a.Version)
	n.must(err)
	_, act, err := n.Evaluate(ctx, n.people["evaluator"], a.ID, a.Version, office.Evaluation{Recommend: "grant", Reason: "requirements-met"})
	n.must(err)
	act, err = n.Approve(ctx, n.people["officer-1"], act.ID, act.Version)
	n.must(err)
	var r office.Result
	n.must(json.Unmarshal(act.Result, &r))
	return r.Certificate
}

// here finds the designations of a source in n's register.
func (n *node) here(source string) []office.Entry {
	n.t.Helper()
	es, _, err := n.Register(n.t.Context(), office.Query{Limit: 200})
	n.must(err)
	var out []office.Entry
	for _, e := range es {
		if e.Certificate.Derived != nil && e.Certificate.Derived.Certificate == source {
			out = append(out, e)
		}
	}
	return out
}

func (n *node) state(id string) certificate.State {
	n.t.Helper()
	a, err := n.Certificate(n.t.Context(), id, 0, 0)
	n.must(err)
	return a.Standing.State
}

const krToSG = "sg-kr-2024/kr-basic-to-cls3"

// automatic makes n's two admins decide that a clause acts by itself.
func (n *node) automatic(clause string, perHour int) {
	n.t.Helper()
	n.admin(office.ActReading, office.ReadingBody{Clause: clause, Ground: "The office reads the clause as published and takes the shorter term."})
	n.admin(office.ActPolicy, office.PolicyBody{Clause: clause, Kind: "automatic", LegalBasis: "specimen act, section 1", Expires: "2027-11-01", PerHour: perHour, PerDay: 4 * perHour, Share: 10})
}

var toSG = office.StandingRequest{Scheme: "sg-cls-iot", Declaration: true, Consent: true, Contact: "desk 4", Payer: "kr:specimen-0001"}

// partners is Korea and Singapore, each other's peer, without any policy.
func partners(t *testing.T, open func(testing.TB) *store.DB) (kr, sg *node) {
	t.Helper()
	clock := storetest.NewClock(start)
	kr, sg = newNode(t, open(t), "kr", clock), newNode(t, open(t), "sg", clock)
	sg.follow(kr, "kr-cic")
	kr.follow(sg, "sg-cls-iot")
	return kr, sg
}

// pair is partners with the clause automatic.
func pair(t *testing.T, open func(testing.TB) *store.DB) (kr, sg *node) {
	t.Helper()
	kr, sg = partners(t, open)
	sg.automatic(krToSG, 1000)
	return kr, sg
}

// engines runs a test on SQLite and, where one is given, on PostgreSQL.
func engines(t *testing.T, fn func(t *testing.T, open func(testing.TB) *store.DB)) {
	for name, open := range map[string]func(testing.TB) *store.DB{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // with the other engine, and with other tests
			fn(t, open)
		})
	}
}

// TestMainJob is the line through everything: certified in one nation,
// designated in the other by itself, and gone when the source goes.
func TestMainJob(t *testing.T) {
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr, sg := pair(t, open)
		hub := kr.grant("hub.yaml", "kr-cic", "basic", toSG)
		sg.sync(kr)

		es := sg.here(hub)
		if len(es) != 1 {
			as, _, err := sg.Arrivals(t.Context(), "kr", "", 10)
			b, _ := json.MarshalIndent(as, "", " ")
			t.Fatalf("%d designations, want 1 (%v)\n%s", len(es), err, b)
		}
		d := es[0].Certificate
		if d.Scheme != "sg-cls-iot" || d.Level != "3" || d.Derived.Clause != krToSG || es[0].Standing.State != certificate.Valid {
			t.Errorf("got %s level %s under %s, %s", d.Scheme, d.Level, d.Derived.Clause, es[0].Standing.State)
		}
		a, err := sg.Certificate(t.Context(), d.ID, 0, 0)
		if err != nil || len(a.Outcome) == 0 {
			t.Errorf("no reasons beside it (%v)", err)
		}

		kr.act(office.ActSuspend, office.MeasureBody{Certificate: hub, Reason: "vulnerability-unfixed"})
		sg.sync(kr)
		if s := sg.state(d.ID); s != certificate.Suspended {
			t.Fatalf("after the suspension abroad it is %s here", s)
		}
		if a, err = sg.Certificate(t.Context(), d.ID, 0, 0); err != nil || len(a.Abroad) != 1 || a.Abroad[0].Received == 0 || a.Events[0].Source.Sequence != a.Abroad[0].Sequence || a.Events[0].Source.Leaf != a.Abroad[0].Leaf {
			t.Errorf("the event does not tell what it follows, and when that was known here: %+v (%v)", a, err)
		}
		sg.act(office.ActSuspend, office.MeasureBody{Certificate: d.ID, Reason: "own-finding"})
		kr.act(office.ActReinstate, office.MeasureBody{Certificate: hub, Reason: "vulnerability-fixed"})
		sg.sync(kr)
		if s := sg.state(d.ID); s != certificate.Suspended {
			t.Fatalf("an own measure was lifted by a reinstatement abroad: %s", s)
		}
		sg.act(office.ActReinstate, office.MeasureBody{Certificate: d.ID, Reason: "own-finding-closed"})
		if s := sg.state(d.ID); s != certificate.Valid {
			t.Fatalf("after both ended it is %s", s)
		}
		rev := kr.act(office.ActRevoke, office.MeasureBody{Certificate: hub, Reason: "below-criteria"})
		sg.sync(kr)
		if s := sg.state(d.ID); s != certificate.Lapsed {
			t.Fatalf("after the revocation abroad it is %s here, want lapsed", s)
		}
		kr.act(office.ActAnnul, office.MeasureBody{Certificate: hub, Reason: "appeal", Cause: "act-" + rev.ID[:13]})
		sg.sync(kr)
		if s := kr.state(hub); s != certificate.Valid {
			t.Fatalf("with its revocation annulled it is %s", s)
		}
		if s := sg.state(d.ID); s != certificate.Lapsed {
			t.Fatalf("without a person's act it is %s here", s)
		}
		cs, _, err := sg.Cases(t.Context(), sg.people["officer-1"], "open", "", 50)
		kr.must(err)
		var restore string
		for _, c := range cs {
			if c.Kind == "restore" {
				restore = c.ID
			}
		}
		sg.act(office.ActCase, office.CaseBody{Case: restore, Decide: office.DecideRestore, Reason: "source-stands"})
		sg.settle()
		if s := sg.state(d.ID); s != certificate.Valid {
			t.Fatalf("restored it is %s", s)
		}
		who, err := sg.Who(t.Context(), sg.people["officer-1"], d.ID)
		kr.must(err)
		what := map[string]bool{}
		for _, x := range who.Acts {
			what[x.What] = true
			if x.Act.Proposer == x.Act.Approver {
				t.Errorf("act %s was done by one person", x.What)
			}
		}
		for _, w := range []string{"standing-decision", "reading", "peer", "catalog", "suspend", "reinstate", "case"} {
			if !what[w] {
				t.Errorf("who allowed this? %s is missing in %v", w, what)
			}
		}
		checkRebuild(t, kr)
		checkRebuild(t, sg)
	})
}

// checkRebuild makes the register again from the log alone, and compares.
func checkRebuild(t *testing.T, n *node) {
	t.Helper()
	ctx := context.Background()
	fresh := storetest.SQLite(t)
	_, err := office.Rebuild(ctx, fresh, n.ID().Office, n.ID().Origin, n.ring.Identity.Record, archive, office.LogEntries(ctx, n.db))
	n.must(err)
	want, err := office.RegisterDigest(ctx, n.db, n.ID().Office)
	n.must(err)
	got, err := office.RegisterDigest(ctx, fresh, n.ID().Office)
	n.must(err)
	if got != want {
		t.Errorf("the register of %s made from its log alone differs from its own", n.ID().Office)
	}
}
