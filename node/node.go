// Package node runs one office: its database, its followers, and its face to
// the network, wired together.
package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"assay/keys"
	"assay/ledger"
	"assay/office"
	"assay/peer"
	"assay/store"
	"assay/web"
)

// Config of a node.
type Config struct {
	Database string        // "sqlite:PATH" or "postgres://…"
	Ring     *keys.Ring    // the keys that the log names
	Listen   string        // host:port; port 0 picks a free one
	TLS      *tls.Config   // nil: plain HTTP, for loopback or behind a proxy that speaks TLS
	Log      *slog.Logger  // nil: silent
	Timeouts peer.Timeouts // of requests to peers
	Clock    func() time.Time

	Rings  func() ([]*keys.Ring, error) // opens the other rings at hand: the next, the previous; see [office.Options]
	OnKeys func(*keys.Ring)             // called when the office signs with another ring, also at the start
}

// Node is a running office.
type Node struct {
	Office   *office.Office
	DB       *store.DB
	Follower *peer.Follower
	URL      string // where it answers

	held   *os.File // the lock of an embedded database
	client *peer.Client
	server *http.Server
	failed chan error
	log    *slog.Logger
	cancel context.CancelFunc
	done   sync.WaitGroup
	once   sync.Once
}

// Start opens the office and serves it until Close. What a crash left
// recorded is finished before the first request is answered.
func Start(ctx context.Context, c Config) (*Node, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	var held *os.File
	if path, embedded := strings.CutPrefix(c.Database, "sqlite:"); embedded {
		var err error
		if held, err = lock(path + ".lock"); err != nil {
			return nil, err
		}
	}
	db, err := store.Open(ctx, c.Database)
	if err != nil {
		release(held)
		return nil, err
	}
	if c.Clock != nil {
		db.Clock = c.Clock
	}
	n := &Node{DB: db, held: held, log: c.Log, failed: make(chan error, 1), client: peer.NewClient(c.Timeouts)}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	n.cancel = cancel
	fail := func(err error) (*Node, error) {
		cancel()
		release(held)
		return nil, errors.Join(err, db.Close())
	}
	hints := make(chan []byte, 1)
	var ring *keys.Ring // that the log names, known when the office is open
	if n.Office, err = office.Open(ctx, db, c.Ring, office.Options{Log: c.Log, Rings: c.Rings,
		OnKeys: func(r *keys.Ring) {
			if ring = r; n.Follower != nil {
				n.signReceipts(r)
			}
			if c.OnKeys != nil {
				c.OnKeys(r)
			}
		},
		OnPublish: func(note []byte) { offer(hints, note) },
		OnPeers: func() {
			if n.Follower != nil { // while opening there is none yet; it reads the peers when it starts
				n.Follower.Reload()
			}
		}}); err != nil {
		return fail(err)
	}
	n.Follower = peer.NewFollower(n.Office, peer.Options{Client: n.client, Log: c.Log, Now: db.Clock})
	n.signReceipts(ring)
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fail(fmt.Errorf("cannot listen on %s: %w", c.Listen, err))
	}
	n.URL = "http://" + listener.Addr().String()
	if c.TLS != nil {
		n.URL = "https://" + listener.Addr().String()
		listener = tls.NewListener(listener, c.TLS)
	}
	n.server = web.NewServer(web.New(n.Office, web.Options{Ledger: ledger.Handler(db.Log()), Peer: n.peers(), Log: c.Log, Now: db.Clock}))
	// A crash may have come between storing the newest checkpoint and telling
	// of it, and no other may follow for hours.
	if note, _, err := db.Log().Published(ctx); err == nil {
		offer(hints, note)
	}
	n.server.ErrorLog = slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug)
	n.done.Go(func() {
		if err := n.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			n.failed <- err
		}
	})
	n.done.Go(func() { n.Office.Run(run) })
	n.done.Go(func() { n.Follower.Run(run) })
	n.done.Go(func() { n.hint(run, hints) })
	return n, nil
}

// signReceipts makes the follower sign receipts with a ring's checkpoint key.
func (n *Node) signReceipts(r *keys.Ring) {
	s, err := r.Checkpoint.NoteSigner(n.Office.ID().Origin)
	if err != nil {
		n.log.Error("receipts cannot be signed", "err", err)
		return
	}
	n.Follower.SetSigner(s)
}

// Failed gives the error that ended serving, where that was not [Node.Close].
func (n *Node) Failed() <-chan error { return n.failed }

// ErrServed is wrapped by the error of starting a second process on an
// embedded database.
var ErrServed = errors.New("another process serves the office in this database")

func release(f *os.File) {
	if f != nil {
		f.Close()
	}
}

// peers is what partners post to.
func (n *Node) peers() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /peer/hint", peer.HintHandler(n.Office, n.Follower))
	mux.Handle("POST /peer/receipt", peer.ReceiptHandler(n.Office, n.Office, n.Office.ID().Origin, n.DB.Clock))
	return mux
}

// offer keeps only the newest: a hint is a checkpoint, and the newest says all.
func offer(c chan []byte, note []byte) {
	for {
		select {
		case c <- note:
			return
		default:
		}
		select {
		case <-c:
		default:
		}
	}
}

// hint tells every peer of a new checkpoint, each at its own pace: one that
// does not answer keeps nobody else waiting. A lost hint costs one poll
// interval.
func (n *Node) hint(ctx context.Context, notes <-chan []byte) {
	type lane chan []byte
	lanes := map[string]lane{}
	for {
		var note []byte
		select {
		case <-ctx.Done():
			return
		case note = <-notes:
		}
		sites, err := n.Office.Sites(ctx)
		if err != nil {
			continue
		}
		for _, s := range sites {
			l := lanes[s.ID]
			if l == nil {
				l = make(lane, 1)
				lanes[s.ID] = l
				n.done.Go(func() { n.hintSite(ctx, s.ID, l) })
			}
			offer(l, note)
		}
	}
}

func (n *Node) hintSite(ctx context.Context, id string, notes <-chan []byte) {
	for {
		var note []byte
		select {
		case <-ctx.Done():
			return
		case note = <-notes:
		}
		sites, err := n.Office.Sites(ctx)
		if err != nil {
			continue
		}
		for _, s := range sites {
			if s.ID != id {
				continue
			}
			if err := n.client.SendHint(ctx, s, note); err != nil && ctx.Err() == nil {
				n.log.Debug("a hint was not taken", "site", id, "err", err)
			}
		}
	}
}

// Close stops taking requests, finishes those under way for a moment, and
// closes the database. What was answered as logged is on disk already.
func (n *Node) Close() error {
	var err error
	n.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		if n.server.Shutdown(ctx) != nil {
			n.server.Close()
		}
		n.cancel()
		n.done.Wait()
		n.client.Close()
		err = n.DB.Close()
		release(n.held)
	})
	return err
}
