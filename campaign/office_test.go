package campaign

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"assay/civil"
	"assay/keys"
	"assay/ledger"
	"assay/office"
	"assay/peer"
	"assay/scheme"
	"assay/specimen"
	"assay/store"
)

// authority is an office whose loops are run by hand.
type authority struct {
	*office.Office
	t        *testing.T
	db       *store.DB
	ring     *keys.Ring
	people   map[string]*office.Person
	url      string
	follower *peer.Follower
}

var infos = map[string]office.Info{
	"kr": {Office: "kr", Territory: "KR", Zone: "Asia/Seoul", Languages: []string{"ko", "en"}, Authorities: []string{"kisa"}},
	"sg": {Office: "sg", Territory: "SG", Zone: "Asia/Singapore", Languages: []string{"en"}, Authorities: []string{"csa"}},
}

const (
	source = "kr-cic"
	target = "sg-cls-iot"
	clause = "sg-kr-2024/kr-basic-to-cls3"
)

// laboratory signs the reports of all that is certified.
var laboratory = sync.OnceValue(func() *specimen.Laboratory {
	l, err := specimen.New()
	if err != nil {
		panic(err)
	}
	return l
})

// found makes an office in an empty database and opens it.
func found(t *testing.T, db *store.DB, ring *keys.Ring, id string) *authority {
	t.Helper()
	archive, err := laboratory().Catalog()
	must(t, err)
	info := infos[id]
	info.Name, info.Ring, info.Origin, info.Specimen = scheme.Text{"en": "Specimen office " + id}, "test", "campaign.example/"+id, true
	f := office.Founding{Info: info, Catalog: archive}
	tokens := map[string]string{}
	for _, p := range []office.Person{
		{ID: "admin-1", Roles: []office.Role{office.RoleAdmin}}, {ID: "admin-2", Roles: []office.Role{office.RoleAdmin}},
		{ID: "registrar", Roles: []office.Role{office.RoleRegistrar}}, {ID: "evaluator", Roles: []office.Role{office.RoleEvaluator}},
		{ID: "officer-1", Roles: []office.Role{office.RoleOfficer}}, {ID: "officer-2", Roles: []office.Role{office.RoleOfficer}},
		{ID: "maker", Roles: []office.Role{office.RoleMaker}, Entity: "kr:specimen-0001"},
	} {
		p.Pseudonym = id + "-" + p.ID
		token, hash := office.NewToken()
		tokens[p.ID] = token
		f.Persons = append(f.Persons, office.PersonBody{Person: p, TokenHash: hex.EncodeToString(hash[:])})
	}
	must(t, office.Found(t.Context(), db, ring, f))
	a := open(t, db, ring)
	for p, token := range tokens {
		a.people[p], err = a.Authenticate(t.Context(), token)
		must(t, err)
	}
	log := httptest.NewServer(ledger.Handler(db.Log()))
	t.Cleanup(log.Close)
	a.url = log.URL
	return a
}

// open opens a founded office, as after a restart.
func open(t *testing.T, db *store.DB, ring *keys.Ring) *authority {
	t.Helper()
	o, err := office.Open(t.Context(), db, ring, office.Options{})
	must(t, err)
	return &authority{Office: o, t: t, db: db, ring: ring, people: map[string]*office.Person{},
		follower: peer.NewFollower(o, peer.Options{Now: db.Clock})}
}

// act is an act of two persons.
func (a *authority) act(kind office.ActKind, body any, by ...string) {
	a.t.Helper()
	b, err := json.Marshal(body)
	must(a.t, err)
	p, err := a.Propose(a.t.Context(), a.people[by[0]], uuid.NewString(), kind, b)
	must(a.t, err)
	_, err = a.Approve(a.t.Context(), a.people[by[1]], p.ID, p.Version)
	must(a.t, err)
}

// believe makes a follow other, and the clause act by itself until a day.
func (a *authority) believe(other *authority) {
	a.t.Helper()
	a.act(office.ActPeer, office.PeerBody{Site: other.ID().Office, URL: other.url, Fingerprint: other.Fingerprint(), Schemes: []string{source},
		Kinds: []string{"grant", "status", "act", "key", "peer"}, Private: true, PollMillis: 100, SilentHours: 48, Document: string(other.Document())}, "admin-1", "admin-2")
	a.act(office.ActReading, office.ReadingBody{Clause: clause, Ground: "Read as published: it ends with its source."}, "admin-1", "admin-2")
	a.renew()
}

// renew makes the standing decision again: it lasts less than a year.
func (a *authority) renew() {
	a.t.Helper()
	until := civil.DateAt(a.db.Clock().UnixMicro(), time.UTC).AddMonths(11)
	a.act(office.ActPolicy, office.PolicyBody{Clause: clause, Kind: "automatic", LegalBasis: "specimen order, section 1",
		Expires: until.String(), PerHour: 10_000, PerDay: 10_000, Share: 5}, "admin-1", "admin-2")
}

// grant takes the n-th product through to a certificate and returns its id.
func (a *authority) grant(n int) string {
	a.t.Helper()
	ctx := a.t.Context()
	file, err := os.ReadFile("../cmd/assay/demodata/hub.yaml")
	must(a.t, err)
	file, err = laboratory().Evidence(file, fmt.Sprint("SPECIMEN Hub ", n), []string{fmt.Sprint("H-", n)})
	must(a.t, err)
	app, err := a.Submit(ctx, a.people["maker"], office.Application{ID: uuid.NewString(), Scheme: source, Level: "basic", Evidence: file, Language: "ko",
		Requests: []office.StandingRequest{{Scheme: target, Declaration: true, Consent: true, Contact: "desk", Payer: "kr:specimen-0001"}}})
	must(a.t, err)
	app, err = a.Complete(ctx, a.people["registrar"], app.ID, app.Version)
	must(a.t, err)
	_, act, err := a.Evaluate(ctx, a.people["evaluator"], app.ID, app.Version, office.Evaluation{Recommend: "grant", Reason: "requirements-met"})
	must(a.t, err)
	act, err = a.Approve(ctx, a.people["officer-1"], act.ID, act.Version)
	must(a.t, err)
	var r office.Result
	must(a.t, json.Unmarshal(act.Result, &r))
	must(a.t, a.Publish(ctx))
	return r.Certificate
}

// measure changes a certificate's status and publishes that.
func (a *authority) measure(kind office.ActKind, certificate, reason string) {
	a.t.Helper()
	a.act(kind, office.MeasureBody{Certificate: certificate, Reason: reason}, "officer-1", "officer-2")
	must(a.t, a.Publish(a.t.Context()))
}

// settle follows the source to its head and reconciles until nothing is due.
func (a *authority) settle(source string) {
	a.t.Helper()
	ctx := a.t.Context()
	must(a.t, a.follower.Step(ctx, source))
	for range 10_000 {
		n, err := a.ReconcileDue(ctx)
		must(a.t, err)
		if n == 0 {
			must(a.t, a.Publish(ctx))
			return
		}
	}
	a.t.Fatal("reconciling does not come to an end")
}

// designations finds what rests on each source certificate.
func (a *authority) designations() map[string][]office.Entry {
	a.t.Helper()
	out := map[string][]office.Entry{}
	for after := ""; ; {
		es, next, err := a.Register(a.t.Context(), office.Query{Limit: 200, After: after})
		must(a.t, err)
		for _, e := range es {
			if d := e.Certificate.Derived; d != nil {
				out[d.Certificate] = append(out[d.Certificate], e)
			}
		}
		if after = next; next == "" {
			return out
		}
	}
}

// arrival says what a source certificate led to here.
func (a *authority) arrival(site, id string) string {
	a.t.Helper()
	for after := ""; ; {
		as, next, err := a.Arrivals(a.t.Context(), site, after, 200)
		must(a.t, err)
		for _, x := range as {
			if x.ID == id {
				return x.Summary
			}
		}
		if after = next; next == "" {
			return "it never arrived"
		}
	}
}

// watch is another office's memory of a's log.
func (a *authority) watch() *watcher {
	a.t.Helper()
	v, err := a.ring.Checkpoint.NoteVerifier(a.ID().Origin)
	must(a.t, err)
	return &watcher{origin: a.ID().Origin, v: v}
}
