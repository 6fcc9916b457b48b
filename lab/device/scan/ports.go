// Package scan finds the ports of a device that answer.
package scan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"assay/lab/device/wire"
)

// Ports is a set of ports in ascending order.
type Ports []uint16

// ParsePorts reads a list as nmap does: 22,80,8000-8100; "all" is 1-65535.
func ParsePorts(s string) (Ports, error) {
	if s == "all" {
		s = "1-65535"
	}
	var set [65536]bool
	for part := range strings.SplitSeq(s, ",") {
		from, to, wide := strings.Cut(strings.TrimSpace(part), "-")
		a, err := strconv.ParseUint(from, 10, 16)
		b := a
		if wide && err == nil {
			b, err = strconv.ParseUint(to, 10, 16)
		}
		if err != nil || b < a || a == 0 {
			return nil, fmt.Errorf("%.40q is no port and no range of ports: write 22,80,8000-8100, or all", part)
		}
		for p := a; p <= b; p++ {
			set[p] = true
		}
	}
	var ps Ports
	for p, in := range set {
		if in {
			ps = append(ps, uint16(p))
		}
	}
	return ps, nil
}

// String writes the shortest list.
func (ps Ports) String() string {
	var b strings.Builder
	for i := 0; i < len(ps); {
		j := i
		for j+1 < len(ps) && ps[j+1] == ps[j]+1 {
			j++
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		fmt.Fprint(&b, ps[i])
		if j > i {
			fmt.Fprintf(&b, "-%d", ps[j])
		}
		i = j + 1
	}
	return b.String()
}

// State of a port, in nmap's words.
type State string

// States.
const (
	Open         State = "open"
	Closed       State = "closed"        // the device refused
	Filtered     State = "filtered"      // no answer at all
	OpenFiltered State = "open|filtered" // UDP: silence, which proves nothing
)

// Result of a scan.
type Result struct {
	Scanned map[wire.Transport]Ports `json:"scanned"`
	States  map[wire.Port]State      `json:"-"`
	Counts  map[wire.Transport]map[State]int
}

// With lists the ports of a transport that have a state, ascending.
func (r *Result) With(t wire.Transport, states ...State) Ports {
	var ps Ports
	for p, s := range r.States {
		if p.Transport == t && slices.Contains(states, s) {
			ps = append(ps, p.Number)
		}
	}
	slices.Sort(ps)
	return ps
}
