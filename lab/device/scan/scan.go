package scan

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"syscall"

	"assay/lab/device/wire"
)

// Options of a scan.
type Options struct {
	TCP      Ports
	UDP      Ports
	Progress func(done, all int) // may be nil; called by one goroutine at a time
}

// Scan tries each port: of TCP with a whole handshake, of UDP with a question of the
// protocol that mostly lives there. A port without an answer is tried once more, since a
// datagram gets lost. The error is the context's, or that the device cannot be
// reached at all.
func Scan(ctx context.Context, l *wire.Link, o Options) (*Result, error) {
	r := &Result{
		Scanned: map[wire.Transport]Ports{wire.TCP: o.TCP, wire.UDP: o.UDP},
		States:  map[wire.Port]State{},
	}
	var all []wire.Port
	for _, p := range o.TCP {
		all = append(all, wire.Port{Transport: wire.TCP, Number: p})
	}
	for _, p := range o.UDP {
		all = append(all, wire.Port{Transport: wire.UDP, Number: p})
	}
	total := len(all)
	if err := r.pass(ctx, l, all, func(done int) {
		if o.Progress != nil {
			o.Progress(done, total)
		}
	}); err != nil {
		return nil, err
	}
	var silent []wire.Port
	for p, s := range r.States {
		if s == Filtered || s == OpenFiltered {
			silent = append(silent, p)
		}
	}
	// A device that drops everything would be asked all again for nothing.
	if len(silent) > 0 && len(silent) <= max(2000, total/10) {
		slices.SortFunc(silent, func(a, b wire.Port) int { return int(a.Number) - int(b.Number) })
		if err := r.pass(ctx, l, silent, func(int) {}); err != nil {
			return nil, err
		}
	}
	r.Counts = map[wire.Transport]map[State]int{}
	for p, s := range r.States {
		if r.Counts[p.Transport] == nil {
			r.Counts[p.Transport] = map[State]int{}
		}
		r.Counts[p.Transport][s]++
	}
	return r, nil
}

// workers of a pass. The link bounds what is open at once.
const workers = 128

func (r *Result) pass(ctx context.Context, l *wire.Link, ports []wire.Port, progress func(int)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	todo := make(chan wire.Port)
	var mu sync.Mutex
	var wg sync.WaitGroup
	done := 0
	for range min(workers, len(ports)) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for p := range todo {
				s, err := try(ctx, l, p)
				if err != nil {
					cancel(err)
					continue
				}
				mu.Lock()
				r.States[p] = s
				done++
				progress(done)
				mu.Unlock()
			}
		}()
	}
feed:
	for _, p := range ports {
		select {
		case todo <- p:
		case <-ctx.Done():
			break feed
		}
	}
	close(todo)
	wg.Wait()
	return context.Cause(ctx)
}

// ErrUnreachable means that there is no way to the device.
var ErrUnreachable = errors.New("the device cannot be reached")

func try(ctx context.Context, l *wire.Link, p wire.Port) (State, error) {
	if p.Transport == wire.UDP {
		return tryUDP(ctx, l, p)
	}
	return stateOf(ctx, l.Try(ctx, p.Number), Filtered)
}

// stateOf says what the error of connecting or reading means.
func stateOf(ctx context.Context, err error, silent State) (State, error) {
	var ne net.Error
	switch {
	case err == nil:
		return Open, nil
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ECONNRESET):
		return Closed, nil
	case errors.Is(err, syscall.ENETUNREACH):
		return "", errors.Join(ErrUnreachable, err)
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, context.DeadlineExceeded), errors.As(err, &ne) && ne.Timeout():
		return silent, nil
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.EADDRNOTAVAIL):
		return "", errors.Join(errors.New("this machine has no more connections; lower --open"), err)
	}
	return silent, nil
}

func tryUDP(ctx context.Context, l *wire.Link, p wire.Port) (State, error) {
	s, err := l.Dial(ctx, p, "scan")
	if err != nil {
		return stateOf(ctx, err, OpenFiltered)
	}
	defer s.Close()
	defer s.CloseOn(ctx)()
	if _, err := s.Write(Question(p.Number)); err != nil {
		return stateOf(ctx, err, OpenFiltered)
	}
	b := make([]byte, 2048)
	n, err := s.Read(b)
	if n > 0 {
		return Open, nil
	}
	return stateOf(ctx, err, OpenFiltered)
}
