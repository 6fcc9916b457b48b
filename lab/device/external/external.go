// Package external runs other people's programs on a device, where they are
// installed: nmap, testssl.sh and ssh-audit. They are no part of this one. Each runs
// as a process of its own, against the one address of the operator, with bounds of
// time and output and nothing of this process's environment; what it writes is
// foreign bytes that somebody else reads.
package external

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"assay/lab/device/wire"
)

// Names of the programs. NmapUDP is nmap with ports of UDP, which only root may ask; it
// is run where it is named, and never by itself.
const (
	Nmap     = "nmap"
	NmapUDP  = "nmap-udp"
	Testssl  = "testssl"
	SSHAudit = "ssh-audit"
)

// Names are those of all programs that are run unless others are named.
func Names() []string { return []string{Nmap, Testssl, SSHAudit} }

// Bounds of a run, unless Options has others.
const (
	MaxTime  = 3 * time.Minute // of one program at one port; nmap has all ports at once
	MaxBytes = 16 << 20        // of what it writes
	MaxPorts = 4               // that testssl and ssh-audit are run on, each
)

// Program is one that is installed.
type Program struct{ Name, Path string }

// Parse reads a list of names as in nmap,testssl.
func Parse(s string) ([]string, error) {
	var names []string
	for w := range strings.SplitSeq(s, ",") {
		w = strings.TrimSuffix(strings.TrimSpace(w), ".sh")
		if !slices.Contains(append(Names(), NmapUDP), w) {
			return nil, fmt.Errorf("%.40q is no program that is known: write %s, %s", w, strings.Join(Names(), ", "), NmapUDP)
		}
		if !slices.Contains(names, w) {
			names = append(names, w)
		}
	}
	if slices.Contains(names, NmapUDP) { // it scans TCP as well
		names = slices.DeleteFunc(names, func(n string) bool { return n == Nmap })
	}
	return names, nil
}

// Find looks which programs are installed.
func Find(names []string) (found []Program, absent []string) {
	files := map[string][]string{Nmap: {"nmap"}, NmapUDP: {"nmap"}, Testssl: {"testssl", "testssl.sh"}, SSHAudit: {"ssh-audit", "ssh-audit.py"}}
	for _, n := range names {
		path := ""
		for _, f := range files[n] {
			if p, err := exec.LookPath(f); err == nil {
				if path, err = filepath.Abs(p); err == nil {
					break
				}
			}
		}
		if path == "" {
			absent = append(absent, n)
			continue
		}
		found = append(found, Program{n, path})
	}
	return found, absent
}

// Options of a run.
type Options struct {
	Programs []Program
	Addr     netip.Addr // the device
	TCP      []uint16   // open ports
	UDP      []uint16   // open and silent ports, for NmapUDP
	TLS, SSH []uint16   // open ports that speak them
	// Flaws has testssl.sh send what a right device refuses: its tests for known flaws.
	Flaws    bool
	Progress func(program string, done, all int) // may be nil
	Time     time.Duration                       // instead of MaxTime
	Bytes    int64                               // instead of MaxBytes
	Temp     string                              // where private folders are made; "": the system's place
}

// Output is what one run of a program wrote.
type Output struct {
	Program string
	Ports   string // as in 22/tcp
	Version string // of the program, as it says; nmap's stands in its output
	File    string // name for it, as in testssl-443.json
	Text    []byte // nil where there is a problem
	Problem string // why there is no output
}

// job is one run.
type job struct {
	Program
	ports, file string
	args        []string
	writes      string // file in the folder that it writes; "": it writes to its output
}

// Run runs the programs one after the other. Its error is the context's; what goes wrong
// with a program stands in its output.
func Run(ctx context.Context, o Options) ([]Output, error) {
	if o.Time == 0 {
		o.Time = MaxTime
	}
	if o.Bytes == 0 {
		o.Bytes = MaxBytes
	}
	var outs []Output
	versions := map[string]string{}
	jobs := o.jobs(ctx)
	for i, j := range jobs {
		if o.Progress != nil {
			o.Progress(j.Name, i, len(jobs))
		}
		out := Output{Program: j.Name, Ports: j.ports, File: j.file}
		text, err := o.run(ctx, j)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if out.Text = text; err != nil {
			out.Text, out.Problem = nil, printable(err.Error())
		}
		if _, known := versions[j.Name]; !known && err == nil {
			versions[j.Name] = o.version(ctx, j.Program)
		}
		out.Version = versions[j.Name]
		outs = append(outs, out)
	}
	return outs, nil
}

// jobs are the runs, with arguments that are made here and of numbers and the address
// alone.
func (o *Options) jobs(ctx context.Context) (jobs []job) {
	six := o.Addr.Is6()
	for _, p := range o.Programs {
		switch p.Name {
		case Nmap, NmapUDP:
			if j, ok := o.nmap(p, six); ok {
				jobs = append(jobs, j)
			}
		case Testssl:
			for _, n := range o.TLS[:min(len(o.TLS), MaxPorts)] {
				args := []string{"--warnings", "off", "--color", "0", "--quiet", "--nodns", "none", "--jsonfile", "out.json", "-p", "-s", "-f", "-S"}
				if o.Flaws {
					args = append(args, "-U")
				}
				if six { // without --ip it takes the address for a name
					args = append(args, "-6", "--ip", o.Addr.String())
				}
				jobs = append(jobs, job{p, wire.Port{Transport: wire.TCP, Number: n}.String(), fmt.Sprintf("testssl-%d.json", n), append(args, netip.AddrPortFrom(o.Addr, n).String()), "out.json"})
			}
		case SSHAudit:
			args := []string{"-j", "-n", "-t", "10"}
			if six {
				args = append(args, "-6")
			}
			// Newer ones also measure how many connections a server takes before it falls over.
			if len(o.SSH) > 0 {
				if help, err := o.run(ctx, job{Program: p, args: []string{"--help"}}); err == nil && bytes.Contains(help, []byte("--skip-rate-test")) {
					args = append(args, "--skip-rate-test")
				}
			}
			for _, n := range o.SSH[:min(len(o.SSH), MaxPorts)] {
				jobs = append(jobs, job{p, wire.Port{Transport: wire.TCP, Number: n}.String(), fmt.Sprintf("ssh-audit-%d.json", n), append(slices.Clone(args), "-p", strconv.Itoa(int(n)), o.Addr.String()), ""})
			}
		}
	}
	return jobs
}

// nmap asks for the services at ports that are open: whole handshakes, no ping, no
// names, few probes.
func (o *Options) nmap(p Program, six bool) (job, bool) {
	list := func(ns []uint16) string {
		var all []string
		for _, n := range ns {
			all = append(all, strconv.Itoa(int(n)))
		}
		return strings.Join(all, ",")
	}
	args, ports, said := []string{"-Pn", "-n", "-sV", "--version-light", "-oX", "-"}, []string{}, []string{}
	if len(o.TCP) > 0 {
		args, ports, said = append(args, "-sT"), append(ports, "T:"+list(o.TCP)), append(said, list(o.TCP)+"/tcp")
	}
	if p.Name == NmapUDP && len(o.UDP) > 0 {
		args, ports, said = append(args, "-sU"), append(ports, "U:"+list(o.UDP)), append(said, list(o.UDP)+"/udp")
	}
	if len(ports) == 0 {
		return job{}, false
	}
	if six {
		args = append(args, "-6")
	}
	return job{p, strings.Join(said, ", "), "nmap.xml", append(args, "-p", strings.Join(ports, ","), o.Addr.String()), ""}, true
}

// telling is how a program is asked for its version, and where in its answer that is.
var telling = map[string]struct {
	arg  string
	text *regexp.Regexp
}{
	Testssl:  {"--version", regexp.MustCompile(`\btestssl(?:\.sh)?\s+v?(\d[\w.-]{0,30})`)},
	SSHAudit: {"--help", regexp.MustCompile(`\bssh-audit v?(\d[\w.-]{0,30})`)},
}

// version is what a program says its version is; "" where it does not.
func (o *Options) version(ctx context.Context, p Program) string {
	how, ok := telling[p.Name]
	if !ok {
		return ""
	}
	said, err := o.run(ctx, job{Program: p, args: []string{how.arg}})
	if err != nil {
		return ""
	}
	if m := how.text.FindSubmatch(said); m != nil {
		return string(m[1])
	}
	return ""
}

// errMuch means that a program wrote more than is read.
var errMuch = errors.New("it wrote more than is read")

// run runs a program in a folder of its own, and gives back what it wrote. That it ends
// with an error is no error here: the programs do so where they find something.
func (o *Options) run(ctx context.Context, j job) (text []byte, err error) {
	dir, err := os.MkdirTemp(o.Temp, "assay-tool-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	within, cancel := context.WithTimeoutCause(ctx, o.Time, fmt.Errorf("it was ended after %v", o.Time))
	defer cancel()
	within, stop := context.WithCancelCause(within)
	defer stop(nil)
	cmd := exec.CommandContext(within, j.Path, j.args...)
	cmd.Dir = dir
	// Its home is the folder, so that no settings of the account change what it does.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir, "LC_ALL=C", "TERM=dumb"}
	out, said := &bounded{most: o.Bytes, over: func() { stop(errMuch) }}, &bounded{most: 4 << 10}
	cmd.Stdout, cmd.Stderr = out, said
	cmd.WaitDelay = 2 * time.Second
	group(cmd)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	watched := make(chan struct{})
	go func() { // what it writes into its folder counts as well
		defer close(watched)
		for within.Err() == nil {
			if size(dir) > o.Bytes {
				stop(errMuch)
				return
			}
			select {
			case <-within.Done():
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	waited := cmd.Wait()
	sweep(cmd)
	cause := context.Cause(within)
	stop(nil)
	<-watched
	if cause != nil {
		return nil, cause
	}
	text = out.kept
	if j.writes != "" {
		if text, err = o.written(filepath.Join(dir, j.writes)); err != nil {
			return nil, fmt.Errorf("it wrote no file: %w; %s", err, ended(waited, said, out))
		}
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, errors.New("it wrote nothing; " + ended(waited, said, out))
	}
	return text, nil
}

// written reads the plain file that a program wrote.
func (o *Options) written(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return nil, errors.New("there is none")
	case !info.Mode().IsRegular():
		return nil, errors.New("what it wrote is no plain file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, o.Bytes+1))
	if int64(len(b)) > o.Bytes {
		return nil, errMuch
	}
	return b, err
}

// ended says how a program ended, in its own words.
func ended(err error, said, out *bounded) string {
	how := "it ended well"
	if err != nil {
		how = "it ended with " + err.Error()
	}
	text := bytes.TrimSpace(said.kept)
	if len(text) == 0 {
		text = bytes.TrimSpace(out.kept)
	}
	if len(text) == 0 {
		return how
	}
	return how + ": " + string(text[:min(len(text), 300)])
}

// size are the bytes of the plain files in a folder.
func size(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil // gone meanwhile, or no bytes here
		}
		if info, err := d.Info(); err == nil {
			n += info.Size()
		}
		return nil
	})
	return n
}

// bounded keeps the first bytes that are written to it.
type bounded struct {
	kept []byte // no Buffer: one that is embedded would be read into past the bound
	most int64
	over func() // called where there is more; nil: the rest is dropped
}

func (b *bounded) Write(p []byte) (int, error) {
	keep := min(int64(len(p)), b.most-int64(len(b.kept)))
	b.kept = append(b.kept, p[:keep]...)
	if keep < int64(len(p)) && b.over != nil {
		b.over()
		return int(keep), errMuch
	}
	return len(p), nil
}

// printable is one line of what a program said.
func printable(s string) string {
	s = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(s, " "))), " ")
	if r := []rune(s); len(r) > 300 {
		s = string(r[:299]) + "…"
	}
	return s
}
