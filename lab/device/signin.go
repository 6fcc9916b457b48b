package device

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"assay/lab"
	"assay/lab/device/probe"
)

// maxTries bounds the credentials that are tried at one service.
const maxTries = 60

// SignIn is what trying credentials showed.
type SignIn struct {
	Tried    int      `json:"tried"`
	Accepted []string `json:"accepted,omitempty"` // user names
	Locked   bool     `json:"locked,omitempty"`   // the device stopped taking tries
	Problem  string   `json:"problem,omitempty"`
}

// signIn tries the candidates at every service that has a way of signing in, one
// after the other. It stops at a service that locks.
func (r *Result) signIn(ctx context.Context, o *Options, say func(string, int, int)) error {
	for i := range r.Services {
		s := &r.Services[i]
		if s.probe == nil || s.probe.SignIn == nil || s.Is.Auth == probe.AuthNone {
			continue
		}
		s.SignIn = &SignIn{}
		todo := candidates(o.Candidates, s.probe.AnyUser)
		failed := 0
		for n, c := range todo {
			say("sign-in "+s.At, n, len(todo))
			out, err := o.try(ctx, s, c)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil {
				s.SignIn.Problem = lab.Known("", err.Error()).Value
				if failed++; failed == 3 {
					break
				}
				continue
			}
			failed = 0
			s.SignIn.Tried++
			if out == probe.Accepted {
				s.SignIn.Accepted = append(s.SignIn.Accepted, c.User)
				s.Is.Findings = append(s.Is.Findings, lab.Found(accepted(c), lab.Confirmed, s.env.Place(),
					"service", s.Is.Protocol, "account", c.User, "password", shown(c.Password), "origin", c.From))
			}
			if out == probe.Locked {
				s.SignIn.Locked = true
				break
			}
			if out == probe.NotOffered {
				break
			}
		}
	}
	return nil
}

// try tries one credential within the patience. What the operator gave is taken out of
// the record of connections, unless it opens the device: then it is a finding.
func (o *Options) try(ctx context.Context, s *Service, c probe.Credential) (probe.Outcome, error) {
	before := len(s.env.Link.Sessions())
	within, cancel := context.WithTimeoutCause(ctx, o.Patience, errPatience)
	defer cancel()
	out, err := s.probe.SignIn(within, s.env, c)
	if within.Err() != nil && err == nil {
		err = context.Cause(within)
	}
	if c.From != "list" && (err != nil || out != probe.Accepted) {
		for _, x := range s.env.Link.Sessions()[before:] {
			x.Hide(c.Password)
			x.Hide(base64.StdEncoding.EncodeToString([]byte(c.User + ":" + c.Password))) // HTTP, RTSP (RFC 7617)
		}
	}
	return out, err
}

// accepted is the rule by which an accepted credential is found.
func accepted(c probe.Credential) string {
	switch {
	case c.Password == "":
		return "device.empty-password"
	case c.From == "firmware":
		return "device.firmware-credential"
	}
	return "device.default-credential"
}

// shown is a password for a report. One that everybody has is no secret; the empty
// one needs a word.
func shown(p string) string {
	if p == "" {
		return `""`
	}
	return p
}

// candidates are the ones to try, those from the firmware first; for a protocol
// without users each password once.
func candidates(all []probe.Credential, anyUser bool) (out []probe.Credential) {
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b probe.Credential) int { return rank(a) - rank(b) })
	seen := map[[2]string]bool{}
	for _, c := range sorted {
		if anyUser {
			c.User = ""
		}
		k := [2]string{c.User, c.Password}
		if seen[k] || len(out) == maxTries {
			continue
		}
		seen[k] = true
		out = append(out, c)
	}
	return out
}

func rank(c probe.Credential) int {
	return slices.Index([]string{"firmware", "operator", "list"}, c.From)
}

// Defaults are credentials that devices are known to come with, the most common
// first. They are few: trying many is guessing.
func Defaults() []probe.Credential {
	var out []probe.Credential
	for _, c := range [][2]string{
		{"admin", "admin"}, {"root", ""}, {"admin", ""}, {"root", "root"}, {"admin", "password"}, {"admin", "1234"}, {"root", "admin"},
		{"user", "user"}, {"admin", "12345"}, {"root", "12345"}, {"root", "password"}, {"root", "toor"}, {"guest", "guest"}, {"support", "support"},
		{"admin", "admin123"}, {"admin", "123456"}, {"root", "123456"}, {"root", "1234"}, {"admin", "changeme"}, {"ubnt", "ubnt"}, {"pi", "raspberry"},
		{"", "public"}, {"", "private"},
	} {
		out = append(out, probe.Credential{User: c[0], Password: c[1], From: "list"})
	}
	return out
}

// GuessLimits bound the measurement of guessing at one service.
type GuessLimits struct {
	Tries int           // wrong ones, default 20
	Time  time.Duration // default one minute
	User  string        // whose account; default admin
}

// Guessed is what the measurement showed.
type Guessed struct {
	Tries   int           `json:"tries"`
	Time    time.Duration `json:"nanoseconds"`
	Locked  bool          `json:"locked"`     // the device refused to take more
	First   time.Duration `json:"first_took"` // mean of the first three tries
	Last    time.Duration `json:"last_took"`  // mean of the last three
	PerDay  int64         `json:"per_day"`    // tries in 24 hours at the measured rate; 0 where it locked
	Problem string        `json:"problem,omitempty"`
}

// Slower reports whether the device made tries longer as they went on.
func (g *Guessed) Slower() bool { return g.Tries >= 6 && g.Last > 3*g.First && g.Last > time.Second }

// guess measures how fast wrong passwords may be tried.
func (r *Result) guess(ctx context.Context, o *Options, say func(string, int, int)) error {
	limits := o.Guess
	if limits.Tries == 0 {
		limits.Tries = 20
	}
	if limits.Time == 0 {
		limits.Time = time.Minute
	}
	if limits.User == "" {
		limits.User = "admin"
	}
	for i := range r.Services {
		s := &r.Services[i]
		if s.probe == nil || s.probe.SignIn == nil || s.Is.Auth == probe.AuthNone {
			continue
		}
		if s.SignIn != nil && s.SignIn.Locked {
			s.Guess = &Guessed{Locked: true, Tries: s.SignIn.Tried}
			continue
		}
		g, err := measure(ctx, s, limits, func(n int) { say("guess "+s.At, n, limits.Tries) })
		if err != nil {
			return err
		}
		s.Guess = g
		if g.Problem == "" && !g.Locked && g.Tries >= limits.Tries && g.PerDay > 0 && !g.Slower() {
			s.Is.Findings = append(s.Is.Findings, lab.Found("device.no-guessing-limit", lab.Confirmed, s.env.Place(),
				"service", s.Is.Protocol, "tries", fmt.Sprint(g.Tries), "per-day", fmt.Sprint(g.PerDay)))
		}
	}
	return nil
}

func measure(ctx context.Context, s *Service, limits GuessLimits, say func(int)) (*Guessed, error) {
	g := &Guessed{}
	begin := time.Now()
	var took []time.Duration
	for g.Tries < limits.Tries && time.Since(begin) < limits.Time {
		say(g.Tries)
		t := time.Now()
		out, err := s.probe.SignIn(ctx, s.env, probe.Credential{User: limits.User, Password: fmt.Sprintf("assay-wrong-%03d", g.Tries), From: "operator"})
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil || out == probe.Locked {
			// A port that stops answering after some tries is a lock, too; one that
			// never answered is a problem of ours.
			g.Locked = g.Tries > 0
			if err != nil && !g.Locked {
				g.Problem = lab.Known("", err.Error()).Value
			}
			break
		}
		if out == probe.NotOffered {
			g.Problem = "no password is asked for"
			break
		}
		took = append(took, time.Since(t))
		g.Tries++
	}
	g.Time = time.Since(begin)
	if len(took) >= 3 {
		g.First, g.Last = mean(took[:3]), mean(took[len(took)-3:])
	}
	if !g.Locked && g.Tries > 0 && g.Time > 0 {
		g.PerDay = int64(float64(g.Tries) * float64(24*time.Hour) / float64(g.Time))
	}
	return g, nil
}

func mean(ds []time.Duration) time.Duration {
	var sum time.Duration
	for _, d := range ds {
		sum += d
	}
	return sum / time.Duration(len(ds))
}
