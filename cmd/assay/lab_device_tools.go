package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"assay/evidence"
	"assay/exchange"
	"assay/exchange/intake"
	"assay/lab"
	"assay/lab/device"
	"assay/lab/device/external"
	"assay/lab/device/scan"
	link "assay/lab/device/wire"
)

// deviceTools are other people's programs that look at a device.
type deviceTools struct {
	programs []external.Program
	notes    []lab.Phrase // what is not run
	out      *output
	firmware evidence.Hash
}

// findTools finds what is installed of the programs that are wanted; names is the flag, ""
// the usual ones. A program that is named and not installed is an error.
func findTools(names string, off bool) (*deviceTools, error) {
	t := &deviceTools{}
	if off {
		if names != "" {
			return nil, errors.New("--tools and --no-tools exclude each other")
		}
		t.notes = []lab.Phrase{lab.Say("device.tool-off", strings.Join(external.Names(), ", "))}
		return t, nil
	}
	wanted := external.Names()
	if names != "" {
		var err error
		if wanted, err = external.Parse(names); err != nil {
			return nil, fmt.Errorf("--tools: %w", err)
		}
		if slices.Contains(wanted, external.NmapUDP) && os.Geteuid() != 0 {
			return nil, fmt.Errorf("--tools: only root may run %s", external.NmapUDP)
		}
	}
	var absent []string
	t.programs, absent = external.Find(wanted)
	if len(absent) > 0 {
		if names != "" {
			return nil, fmt.Errorf("--tools: %s: not installed", strings.Join(absent, ", "))
		}
		t.notes = []lab.Phrase{lab.Say("device.tool-absent", strings.Join(absent, ", "))}
	}
	return t, nil
}

// maxSilent bounds the silent ports of UDP that nmap is asked about.
const maxSilent = 30

// ask runs the programs on what answers, writes what they wrote into the folder, and
// reads it back as any import.
func (t *deviceTools) ask(ctx context.Context, res *device.Result, o *device.Options) (device.Others, error) {
	x := device.Others{NotLooked: t.notes}
	e := external.Options{Programs: t.programs, Addr: o.Addr, Flaws: o.Consent.Write}
	if o.Progress != nil {
		e.Progress = o.Progress
	}
	for i := range res.Services {
		s := &res.Services[i]
		if s.Port.Transport == link.UDP {
			e.UDP = append(e.UDP, s.Port.Number)
			continue
		}
		e.TCP = append(e.TCP, s.Port.Number)
		if s.TLS != nil {
			e.TLS = append(e.TLS, s.Port.Number)
		}
		if s.Is.Protocol == "ssh" {
			e.SSH = append(e.SSH, s.Port.Number)
		}
	}
	for _, p := range res.Unsure[:min(len(res.Unsure), maxSilent)] {
		if ps, err := scan.ParsePorts(strings.TrimSuffix(p, "/udp")); err == nil {
			e.UDP = append(e.UDP, ps...)
		}
	}
	outs, err := external.Run(ctx, e)
	if err != nil {
		return x, err
	}
	for _, out := range outs {
		m, problem, err := t.take(ctx, out)
		switch {
		case err != nil:
			return x, err
		case problem != "":
			x.NotLooked = append(x.NotLooked, lab.Say("device.tool-failed", out.Program, out.Ports, problem))
		default:
			x.Looked = append(x.Looked, lab.Say("device.tool-looked", strings.TrimSpace(m.Tool+" "+m.Version), out.Ports))
			x.Imports = append(x.Imports, *m)
		}
	}
	return x, nil
}

// take writes and reads one output. What cannot be read is not kept: nobody could tell
// what it is.
func (t *deviceTools) take(ctx context.Context, out external.Output) (m *evidence.Import, problem string, err error) {
	if out.Problem != "" {
		return nil, out.Problem, nil
	}
	if err := t.out.write(out.File, out.Text); err != nil {
		return nil, "", err
	}
	r, err := exchange.Take(ctx, t.out.path(out.File), intake.Options{})
	if err == nil {
		if r.Import.Version == "" {
			r.Import.Version = out.Version
		}
		if r.Import.Firmware.IsZero() {
			r.Import.Firmware = t.firmware
		}
		return &r.Import, "", nil
	}
	if ctx.Err() != nil {
		return nil, "", context.Cause(ctx)
	}
	if gone := t.out.remove(out.File); gone != nil {
		return nil, "", gone
	}
	return nil, "what it wrote cannot be read: " + lab.Known("", err.Error()).Value, nil
}
