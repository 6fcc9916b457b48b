// Package office is an authority's node: its use cases, and the only place
// that writes. Everything it does to its register goes one way: an act of two
// persons (or a standing decision that two persons made) leads to drafts,
// drafts are signed outside any transaction, and one transaction appends them
// to the log, spends the intent, and projects them into the register.
//
// What it trusts: its database, its key ring, and the bearer tokens of its
// persons. What partners say is believed only as far as their peer act goes.
package office

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"assay/assess"
	"assay/evidence"
	"assay/keys"
	"assay/labsign"
	"assay/market"
	"assay/peer"
	"assay/recognition"
	"assay/scheme"
	"assay/store"
)

// Info is who an office is. It is fixed when the office is created.
type Info struct {
	Office      string      `json:"office"` // issuer id in statements
	Name        scheme.Text `json:"name"`
	Territory   string      `json:"territory"`
	Zone        string      `json:"zone"`
	Languages   []string    `json:"languages"`
	Authorities []string    `json:"authorities"` // authority ids of the catalog that it acts as
	Ring        string      `json:"ring"`
	Origin      string      `json:"origin"`
	Specimen    bool        `json:"specimen"`
}

// Options of an open office.
type Options struct {
	Log       *slog.Logger
	OnPublish func(note []byte) // called after each stored checkpoint, without waiting
	OnPeers   func()            // called when peers may have changed

	// Rings opens the rings at hand besides the one in use: the next, the
	// previous. It is asked when the log names keys that no ring known has.
	Rings  func() ([]*keys.Ring, error)
	OnKeys func(*keys.Ring) // called when the office signs with another ring from now on; must not call back

	Coalesce time.Duration // how long the publisher gathers, at most 50 ms; 0: 20 ms
}

// Office is an open office. Its methods are safe for concurrent use.
type Office struct {
	info Info
	db   *store.DB
	opt  Options
	log  *slog.Logger
	zone *time.Location

	rules   atomic.Pointer[rules]   // the catalog in force, compiled
	signing atomic.Pointer[signing] // the keys in force; nil where nothing is signed
	stale   atomic.Bool             // they may no longer be
	rings   rings

	publishc   chan struct{}           // something was logged
	urgentc    chan struct{}           // something may be due in the urgent lane
	bulkc      chan struct{}           // and in the other
	published  atomic.Pointer[waiters] // replaced at each checkpoint
	urgentLock sync.Mutex              // one of each lane per process
	bulkLock   sync.Mutex
	gate       gate
	sites      siteCache
	serials    serials
	doc        struct {
		sync.Mutex
		body  []byte
		renew time.Time
	}
}

// rules is an adopted catalog, ready to decide with.
type rules struct {
	digest string
	cat    *scheme.Catalog
	engine *recognition.Engine
	assess *assess.Compiled
	market *market.Compiled
	tax    *scheme.Taxonomy
	zones  map[string]*time.Location // by scheme
	clause map[string][32]byte       // digest of each clause's content
}

func compileRules(cat *scheme.Catalog) (*rules, error) {
	r := &rules{digest: cat.Digest, cat: cat, market: market.Compile(cat), tax: scheme.NewTaxonomy(cat.Categories), zones: map[string]*time.Location{}, clause: map[string][32]byte{}}
	var err error
	if r.engine, err = recognition.Compile(cat); err != nil {
		return nil, err
	}
	if r.assess, err = assess.Compile(cat); err != nil {
		return nil, err
	}
	for i := range cat.Schemes {
		s := &cat.Schemes[i]
		if r.zones[s.ID], err = time.LoadLocation(s.Zone); err != nil {
			return nil, fmt.Errorf("scheme %s: %w", s.ID, err)
		}
	}
	for i := range cat.Arrangements {
		for j := range cat.Arrangements[i].Clauses {
			c := &cat.Arrangements[i].Clauses[j]
			r.clause[c.ID] = recognition.ClauseDigest(&cat.Arrangements[i], c)
		}
	}
	return r, nil
}

// evidence reads an application's evidence and finds out which laboratory of
// the catalog in force signed each of its reports.
func (r *rules) evidence(file []byte) (*evidence.Evidence, error) {
	ev, err := evidence.Read(file)
	if err != nil {
		return nil, err
	}
	ev.Verify(labsign.Check(r.cat)) // an unsigned report counts for nothing, and the assessment says so
	return ev, nil
}

// zoneOf is the zone in which a scheme's terms run; UTC for one unknown here.
func (r *rules) zoneOf(schemeID string) *time.Location {
	if r != nil {
		if z := r.zones[schemeID]; z != nil {
			return z
		}
	}
	return time.UTC
}

// ErrNotFounded is returned by Open for a database without an office in it.
var ErrNotFounded = errors.New("no office was founded in this database; found one first")

// Open opens a founded office and finishes what a crash left: acts that were
// recorded and not logged are logged now, entries that were logged and not
// published are published. It runs nothing in the background; see Run.
func Open(ctx context.Context, db *store.DB, ring *keys.Ring, opt Options) (*Office, error) {
	if err := Migrate(ctx, db); err != nil {
		return nil, err
	}
	o := newOffice(db, opt)
	var info []byte
	err := db.View(ctx, func(tx *store.Tx) error {
		err := tx.QueryRow(`SELECT value FROM office_meta WHERE name = $1`, "info").Scan(&info)
		if errors.Is(err, store.ErrNoRows) {
			return ErrNotFounded
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(info, &o.info); err != nil {
		return nil, fmt.Errorf("office_meta info: %w", err)
	}
	if o.zone, err = time.LoadLocation(o.info.Zone); err != nil {
		return nil, err
	}
	o.rings.list = []*keys.Ring{ring}
	if err := o.refreshSigning(ctx); err != nil {
		return nil, err
	}
	if err := o.fetchLeaving(ctx); err != nil {
		return nil, err
	}
	if err := o.refreshRules(ctx); err != nil {
		return nil, err
	}
	switch err := o.resume(ctx); {
	case CodeOf(err) == ClockBack: // nothing is lost: the calendar tries again, and readers are served meanwhile
		o.log.Error("the clock went back: what was recorded before waits", "err", err)
	case err != nil:
		return nil, fmt.Errorf("finishing what was recorded before: %w", err)
	}
	if err := o.Publish(ctx); err != nil {
		return nil, err
	}
	return o, nil
}

// Migrate brings the database to this program's schema.
func Migrate(ctx context.Context, db *store.DB) error {
	return db.Migrate(ctx, store.Migrations())
}

func newOffice(db *store.DB, opt Options) *Office {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Coalesce == 0 {
		opt.Coalesce = 20 * time.Millisecond
	}
	o := &Office{db: db, opt: opt, log: opt.Log,
		publishc: make(chan struct{}, 1), urgentc: make(chan struct{}, 1), bulkc: make(chan struct{}, 1)}
	o.published.Store(newWaiters(0))
	o.gate.init()
	return o
}

// ID says who this office is.
func (o *Office) ID() Info { return o.info }

// DB is the office's database, for backup and measurement.
func (o *Office) DB() *store.DB { return o.db }

// now is the time outside transactions, from the database's clock.
func (o *Office) now() int64 { return o.db.Clock().UnixMicro() }

// Run publishes, reconciles and watches the calendar until ctx ends.
func (o *Office) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, loop := range []func(context.Context){o.publishLoop, o.urgentLane, o.bulkLane, o.calendarLoop} {
		wg.Go(func() { loop(ctx) })
	}
	wg.Wait()
	return context.Cause(ctx)
}

// siteCache keeps peers' sites for a moment, since followers ask often.
type siteCache struct {
	mu    sync.Mutex
	at    int64
	list  []peer.Site
	names map[string]scheme.Text // ended peers too: their entries stay in the register
}

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
