// Package device tests a device over the network: it scans the one address
// that the operator named, asks each service what anybody may ask, and holds
// what it saw against what the maker declared.
package device

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"assay/evidence"
	"assay/lab"
	"assay/lab/device/probe"
	"assay/lab/device/scan"
	"assay/lab/device/wire"
)

// Options of a run.
type Options struct {
	Name       string // of the device, as the operator gave it: an address or a host name
	Addr       netip.Addr
	TCP, UDP   scan.Ports
	Link       wire.Options
	Consent    probe.Consent
	Sides      bool // this is the only network side of the device
	Candidates []probe.Credential
	Probes     []probe.Probe
	TLS        TLS
	Guess      GuessLimits
	Patience   time.Duration      // with one probe at one port; default two minutes
	Evidence   *evidence.Evidence // what the maker declared; nil: nothing
	Now        func() time.Time
	Progress   func(step string, done, all int) // may be nil
	// Others asks other people's programs, when all else was seen; may be nil. Its error ends the run.
	Others func(ctx context.Context, r *Result) (Others, error)
}

// TLS finds out whether a port speaks TLS, and how well.
type TLS interface {
	// Look answers probe.ErrNot where the port does not speak TLS or DTLS.
	Look(ctx context.Context, e *probe.Env) (*probe.Observation, error)
	// Secure is for probe.Env: a connection that does not judge the certificate.
	Secure(ctx context.Context, c net.Conn, host string) (net.Conn, error)
}

// Service is what is known of one open port.
type Service struct {
	Port wire.Port `json:"-"`
	// Text of Port, as in 443/tcp.
	At  string             `json:"port"`
	Is  probe.Observation  `json:"is"`
	TLS *probe.Observation `json:"tls,omitempty"`
	// Problem says why the observation is not complete.
	Problem string   `json:"problem,omitempty"`
	SignIn  *SignIn  `json:"sign_in,omitempty"`
	Guess   *Guessed `json:"guess,omitempty"`

	probe *probe.Probe
	env   *probe.Env
}

// Result of a run.
type Result struct {
	Name     string                   `json:"name"`
	Addr     string                   `json:"address"`
	Begin    time.Time                `json:"begin"`
	End      time.Time                `json:"end"`
	Scanned  map[string]string        `json:"scanned"`  // ports by transport
	Counts   map[string]int           `json:"counts"`   // of states, as in tcp/open
	Services []Service                `json:"services"` // open ports, TCP first
	Unsure   []string                 `json:"unsure"`   // ports of UDP that were silent
	Consent  probe.Consent            `json:"consent"`
	Findings []lab.Finding            `json:"findings"`
	Left     map[string]int           `json:"findings_left_out,omitempty"`
	Judged   []lab.Judgment           `json:"judgments"`
	Opened   int                      `json:"connections"`
	Sessions []*wire.Session          `json:"-"`
	Others   Others                   `json:"-"`
	states   map[wire.Port]scan.State // of all that was scanned
	onlySide bool
}

// Run tests the device. An error means that there is no result: the device is out of
// reach, or the context ended.
func Run(ctx context.Context, o Options) (*Result, error) {
	l, err := wire.New(o.Addr, o.Link)
	if err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	say := func(step string, done, all int) {
		if o.Progress != nil {
			o.Progress(step, done, all)
		}
	}
	if o.Patience == 0 {
		o.Patience = patience
	}
	began := time.Now() // the clock of the run may be another, or jump
	r := &Result{Name: o.Name, Addr: o.Addr.String(), Begin: o.Now().UTC(), Consent: o.Consent, onlySide: o.Sides}
	scanned, err := scan.Scan(ctx, l, scan.Options{TCP: o.TCP, UDP: o.UDP, Progress: func(done, all int) { say("scan", done, all) }})
	if err != nil {
		return nil, err
	}
	r.take(scanned)
	if err := r.observe(ctx, l, &o, say); err != nil {
		return nil, err
	}
	if err := r.silent(ctx, l, &o, scanned); err != nil {
		return nil, err
	}
	if o.Consent.SignIn {
		if err := r.signIn(ctx, &o, say); err != nil {
			return nil, err
		}
	}
	if o.Consent.Guess {
		if err := r.guess(ctx, &o, say); err != nil {
			return nil, err
		}
	}
	if err := r.askOthers(ctx, &o); err != nil {
		return nil, err
	}
	r.End = r.Begin.Add(time.Since(began))
	r.Opened, _ = l.Count()
	r.Sessions = l.Sessions()
	r.judge(o.Evidence)
	return r, nil
}

// lookers is how many services are observed at once: most of a look is waiting for a
// port that does not answer what it does not know.
const lookers = 4

// observe looks at all open ports.
func (r *Result) observe(ctx context.Context, l *wire.Link, o *Options, say func(string, int, int)) error {
	var mu sync.Mutex
	var wg sync.WaitGroup
	var failed error
	slots := make(chan struct{}, lookers)
	done := 0
	for i := range r.Services {
		s := &r.Services[i]
		s.env = &probe.Env{Link: l, Port: s.Port, Consent: o.Consent, Host: o.Name, At: r.Begin}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			err := o.look(ctx, s)
			mu.Lock()
			defer mu.Unlock()
			failed = cmp.Or(failed, err)
			done++
			say("services", done, len(r.Services))
		})
	}
	wg.Wait()
	return failed
}

// silent asks the ports of UDP that did not answer the scan, and where a protocol
// mostly lives, in that protocol's own way.
func (r *Result) silent(ctx context.Context, l *wire.Link, o *Options, scanned *scan.Result) error {
	for _, n := range scanned.With(wire.UDP, scan.OpenFiltered) {
		port := wire.Port{Transport: wire.UDP, Number: n}
		if !slices.ContainsFunc(o.Probes, func(p probe.Probe) bool { return p.Transport == wire.UDP && slices.Contains(p.Usual, n) }) {
			continue
		}
		s := Service{Port: port, At: port.String(), env: &probe.Env{Link: l, Port: port, Consent: o.Consent, Host: o.Name, At: o.Now()}}
		if err := o.look(ctx, &s); err != nil {
			return err
		}
		if s.probe == nil {
			continue
		}
		r.states[port] = scan.Open
		r.Counts["udp/open"]++
		if r.Counts["udp/open|filtered"]--; r.Counts["udp/open|filtered"] == 0 {
			delete(r.Counts, "udp/open|filtered")
		}
		r.Unsure = slices.DeleteFunc(r.Unsure, func(p string) bool { return p == s.At })
		r.Services = append(r.Services, s)
	}
	slices.SortStableFunc(r.Services, func(a, b Service) int {
		return cmp.Or(cmp.Compare(a.Port.Transport, b.Port.Transport), cmp.Compare(a.Port.Number, b.Port.Number))
	})
	return nil
}

// take keeps what a scan found.
func (r *Result) take(s *scan.Result) {
	r.states = s.States
	r.Scanned, r.Counts = map[string]string{}, map[string]int{}
	for t, ps := range s.Scanned {
		if len(ps) > 0 {
			r.Scanned[string(t)] = ps.String()
		}
	}
	for t, by := range s.Counts {
		for state, n := range by {
			r.Counts[string(t)+"/"+string(state)] = n
		}
	}
	for _, t := range []wire.Transport{wire.TCP, wire.UDP} {
		for _, p := range s.With(t, scan.Open) {
			port := wire.Port{Transport: t, Number: p}
			r.Services = append(r.Services, Service{Port: port, At: port.String()})
		}
	}
	for _, p := range s.With(wire.UDP, scan.OpenFiltered) {
		r.Unsure = append(r.Unsure, wire.Port{Transport: wire.UDP, Number: p}.String())
	}
}

// greetingTime is how long a port may take to speak first.
const greetingTime = 1500 * time.Millisecond

// patience is how long one probe may take at one port. A slow device is asked for
// each suite of TLS within it; one that holds its asker is left.
const patience = 2 * time.Minute

// errPatience is said of a service that was not observed to the end.
var errPatience = errors.New("the port held the probe for longer than is waited")

// within runs one look within the patience. The context's own end is an error of its own.
func (o *Options) within(ctx context.Context, e *probe.Env, look func(context.Context, *probe.Env) (*probe.Observation, error)) (obs *probe.Observation, err, ended error) {
	within, cancel := context.WithTimeoutCause(ctx, o.Patience, errPatience)
	defer cancel()
	obs, err = look(within, e)
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	if within.Err() != nil {
		err = errPatience
	}
	return obs, err, nil
}

// look finds out what a port speaks, and observes it. Its error is the context's.
func (o *Options) look(ctx context.Context, s *Service) error {
	e := s.env
	if e.Port.Transport == wire.TCP {
		e.Greeting = greeting(ctx, e)
		if len(e.Greeting) == 0 && o.TLS != nil {
			obs, err, ended := o.within(ctx, e, o.TLS.Look)
			if ended != nil {
				return ended
			}
			if obs != nil && !errors.Is(err, probe.ErrNot) {
				s.TLS = obs
				s.say(err)
				e.Secure = func(ctx context.Context, c net.Conn) (net.Conn, error) { return o.TLS.Secure(ctx, c, e.Host) }
			}
		}
	}
	if s.TLS != nil && s.TLS.Auth == probe.AuthRequired { // nothing gets behind it
		s.Is = probe.Observation{TLS: true, Auth: probe.AuthRequired, NotLooked: []lab.Phrase{lab.Say("device.behind-certificate")}}
		return nil
	}
	held := 0
	for _, p := range o.order(e) {
		obs, err, ended := o.within(ctx, e, p.Look)
		if ended != nil {
			return ended
		}
		if obs == nil || errors.Is(err, probe.ErrNot) {
			if errors.Is(err, errPatience) {
				s.say(err)
				if held++; held == 2 { // it holds whoever comes
					break
				}
			}
			continue
		}
		s.Is, s.probe = *obs, p
		s.Is.TLS = s.Is.TLS || s.TLS != nil
		s.say(err)
		return nil
	}
	s.Is.TLS = s.TLS != nil
	s.Is.Tell("greeting", string(e.Greeting))
	return nil
}

// say keeps why an observation is not complete; the first reason stays.
func (s *Service) say(err error) {
	if err != nil && s.Problem == "" {
		s.Problem = lab.Known("", err.Error()).Value
	}
}

// greeting is what a port says before it is asked.
func greeting(ctx context.Context, e *probe.Env) []byte {
	c, err := e.Link.Dial(ctx, e.Port, "greeting")
	if err != nil {
		return nil
	}
	defer c.Close()
	defer c.CloseOn(ctx)()
	b := make([]byte, 1024)
	n, err := c.ReadWithin(b, greetingTime)
	if err != nil && n == 0 {
		return nil
	}
	return b[:n]
}

// order are the probes for a port, the likely ones first. A port that spoke first gets
// only those that know its greeting; a silent one all those whose client begins.
func (o *Options) order(e *probe.Env) (ps []*probe.Probe) {
	for i := range o.Probes {
		p := &o.Probes[i]
		switch {
		case p.Transport != e.Port.Transport:
		case p.Transport == wire.UDP:
			if slices.Contains(p.Usual, e.Port.Number) {
				ps = append(ps, p)
			}
		case len(e.Greeting) > 0 && p.Greets != nil && p.Greets(e.Greeting), len(e.Greeting) == 0 && p.Greets == nil:
			ps = append(ps, p)
		}
	}
	if len(ps) == 0 && e.Port.Transport == wire.UDP {
		for i := range o.Probes {
			if o.Probes[i].Transport == wire.UDP {
				ps = append(ps, &o.Probes[i])
			}
		}
	}
	slices.SortStableFunc(ps, func(a, b *probe.Probe) int {
		usual := func(p *probe.Probe) int {
			if slices.Contains(p.Usual, e.Port.Number) {
				return 0
			}
			return 1
		}
		return cmp.Compare(usual(a), usual(b))
	})
	return ps
}
