package office

import (
	"sync"
	"time"
)

// gate lets what is urgent go before what is bulky: suspensions and
// revocations do not stand behind a partner's backlog for the one writer. It
// orders the writers of one process; what another process writes it cannot see.
type gate struct {
	mu     sync.Mutex
	urgent int
	free   *sync.Cond
	ended  time.Time // of the last urgent piece
	hold   time.Time // until then bulk waits for the next step of an urgent chain
}

// linger is how long bulk waits for the next step of a chain: a change abroad
// is a head, a batch and a designation's event here, each in its own
// transaction, with fetching, verifying and signing between them.
const linger = 8 * time.Millisecond

// calm is how long after something urgent the bulk goes in small pieces.
const calm = 2 * time.Second

func (g *gate) init() { g.free = sync.NewCond(&g.mu) }

// first runs fn with precedence.
func (g *gate) first(fn func() error) error { return g.run(fn, 0) }

// chain runs fn with precedence, and keeps bulk away for the step after it.
func (g *gate) chain(fn func() error) error { return g.run(fn, linger) }

func (g *gate) run(fn func() error, more time.Duration) error {
	g.mu.Lock()
	g.urgent++
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		g.urgent--
		g.ended = time.Now()
		if more > 0 {
			g.hold = g.ended.Add(more)
		}
		if g.urgent == 0 {
			g.free.Broadcast()
		}
		g.mu.Unlock()
	}()
	return fn()
}

// bulk runs fn when nothing urgent is under way or about to be.
func (g *gate) bulk(fn func() error) error {
	g.mu.Lock()
	for {
		for g.urgent > 0 {
			g.free.Wait()
		}
		wait := time.Until(g.hold)
		if wait <= 0 {
			break
		}
		g.mu.Unlock()
		time.Sleep(wait)
		g.mu.Lock()
	}
	g.mu.Unlock()
	return fn()
}

// busy reports whether something urgent was there a moment ago.
func (g *gate) busy() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.urgent > 0 || time.Since(g.ended) < calm
}
