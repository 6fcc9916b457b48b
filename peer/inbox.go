package peer

import (
	"context"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// What strangers may cost: an inbox verifies at most so many messages a second,
// about 5 % of a core. The rest is told to come later, and loses nothing:
// a hint only shortens the poll, a receipt is replaced by the next.
const (
	inboxRate  = 500
	inboxBurst = 1000
)

// inbox is an endpoint to which anyone may post a small signed note.
type inbox struct {
	limit *limiter
	max   int64
	now   func() time.Time
	take  func(ctx context.Context, body []byte, at int64) (taken bool, status int, err error)

	taken, dropped, refused atomic.Int64
}

func (in *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "post a signed note", http.StatusMethodNotAllowed)
		return
	}
	now := time.Now
	if in.now != nil {
		now = in.now
	}
	at := now()
	if !in.limit.allow(at) {
		in.refused.Add(1)
		w.Header().Set("Retry-After", "1")
		http.Error(w, "too many notes; come again", http.StatusTooManyRequests)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, in.max))
	if err != nil {
		in.dropped.Add(1)
		http.Error(w, "the note is larger than it may be, or did not arrive", http.StatusRequestEntityTooLarge)
		return
	}
	taken, status, err := in.take(r.Context(), body, at.UnixMicro())
	if err != nil {
		http.Error(w, "not taken: this office has trouble of its own; come again", http.StatusServiceUnavailable)
		return
	}
	if taken {
		in.taken.Add(1)
	} else {
		in.dropped.Add(1)
	}
	w.WriteHeader(status)
}

// Counts are what an inbox has done since it was made.
type Counts struct {
	Taken   int64 // acted on
	Dropped int64 // read and of no use
	Refused int64 // not read: too many at once
}

// Count reads the counts of a handler of this package; others give zeros.
func Count(h http.Handler) Counts {
	in, ok := h.(*inbox)
	if !ok {
		return Counts{}
	}
	return Counts{in.taken.Load(), in.dropped.Load(), in.refused.Load()}
}

// limiter is a token bucket.
type limiter struct {
	mu          sync.Mutex
	rate, burst float64 // tokens per second, tokens at most
	tokens      float64
	last        time.Time
}

func newLimiter(rate, burst float64) *limiter {
	return &limiter{rate: rate, burst: burst, tokens: burst}
}

func (l *limiter) allow(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if d := now.Sub(l.last).Seconds(); d > 0 {
		l.tokens = min(l.burst, l.tokens+d*l.rate)
		l.last = now
	}
	if l.tokens < 1 {
		return false
	}
	l.tokens--
	return true
}
