package external

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"assay/lab/labtest"
)

var loopback = netip.MustParseAddr("127.0.0.1")

func TestParse(t *testing.T) {
	for in, want := range map[string]string{"nmap": "nmap", "testssl.sh, ssh-audit": "testssl ssh-audit", "nmap,nmap-udp": "nmap-udp", "nmap,nmap": "nmap"} {
		if got, err := Parse(in); err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "all", "nmap,", "/bin/sh", "nmap -A"} {
		if got, err := Parse(in); err == nil {
			t.Errorf("%q: %v", in, got)
		}
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	if err := os.WriteFile(filepath.Join(dir, "testssl.sh"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	found, absent := Find(Names())
	if len(found) != 1 || found[0].Path != filepath.Join(dir, "testssl.sh") || strings.Join(absent, " ") != "nmap ssh-audit" {
		t.Errorf("%v, %v", found, absent)
	}
}

// The arguments name the one address, and nothing of them is a shell's.
func TestJobs(t *testing.T) {
	o := Options{Addr: netip.MustParseAddr("fe80::1%eth0"), TCP: []uint16{22, 443}, UDP: []uint16{161}, TLS: []uint16{443, 1, 2, 3, 4, 5}, SSH: []uint16{22}, Time: time.Minute, Bytes: MaxBytes, Temp: t.TempDir()}
	o.Programs = []Program{{NmapUDP, "nmap"}, {Testssl, "testssl"}, {SSHAudit, "/nonexistent"}}
	jobs := o.jobs(t.Context())
	if len(jobs) != 1+MaxPorts+1 {
		t.Fatalf("%d runs", len(jobs))
	}
	if got := strings.Join(jobs[0].args, " "); got != "-Pn -n -sV --version-light -oX - -sT -sU -6 -p T:22,443,U:161 fe80::1%eth0" || jobs[0].ports != "22,443/tcp, 161/udp" {
		t.Errorf("nmap: %s; %s", got, jobs[0].ports)
	}
	if got := jobs[1].args; strings.Join(got[len(got)-4:], " ") != "-6 --ip fe80::1%eth0 [fe80::1%eth0]:443" || slices.Contains(got, "-U") || jobs[1].file != "testssl-443.json" {
		t.Errorf("testssl: %q", got)
	}
	if got := strings.Join(jobs[5].args, " "); got != "-j -n -t 10 -6 -p 22 fe80::1%eth0" {
		t.Errorf("ssh-audit: %s", got)
	}
	o.Flaws, o.Addr, o.Programs = true, loopback, o.Programs[1:2]
	if jobs := o.jobs(t.Context()); !slices.Contains(jobs[0].args, "-U") || slices.Contains(jobs[0].args, "-6") {
		t.Errorf("testssl: %q", jobs[0].args)
	}
	o.Programs, o.TCP, o.UDP = []Program{{Nmap, "nmap"}}, nil, []uint16{161}
	if jobs := o.jobs(t.Context()); len(jobs) != 0 {
		t.Errorf("nmap without ports: %v", jobs)
	}
}

// fake is a program of a few lines.
func fake(t *testing.T, name, script string) Program {
	t.Helper()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no shell here")
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return Program{name, path}
}

// Whatever a program does, the run ends in time, keeps no more than its bound, and
// leaves no file and no process.
func TestFakes(t *testing.T) {
	pids := filepath.Join(t.TempDir(), "pid")
	for _, x := range []struct{ name, program, script, problem, text string }{
		{"works", Nmap, `echo "<nmaprun>$#"`, "", "<nmaprun>10\n"},
		{"finds and fails", SSHAudit, `case $1 in --help) ;; *) echo '{"banner":{}}'; exit 3;; esac`, "", "{\"banner\":{}}\n"},
		{"hangs", Nmap, "sleep 600 & echo $! >" + pids + "; wait", "it was ended after 400ms", ""},
		{"hangs without hearing", Nmap, "trap '' TERM INT HUP; while :; do sleep 1; done", "it was ended after 400ms", ""},
		{"leaves a child with its output", Nmap, "sleep 600 & echo $! >" + pids + "; echo '<nmaprun>'", "", "<nmaprun>\n"},
		{"says nothing", Nmap, "echo what to do >&2; exit 2", "it wrote nothing; it ended with exit status 2: what to do", ""},
		{"dies", Nmap, "kill -9 $$", "it wrote nothing; it ended with signal: killed", ""},
		{"a gigabyte to its output", Nmap, "yes aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa | head -c 1000000000", "it wrote more than is read", ""},
		{"a gigabyte of complaints", Nmap, "yes complaint | head -c 100000000 >&2; echo '<nmaprun>'", "", "<nmaprun>\n"},
		{"a gigabyte to a file", Testssl, "head -c 1000000000 /dev/zero >out.json; sleep 600", "it wrote more than is read", ""},
		{"a gigabyte to another file", Testssl, "mkdir a; head -c 1000000000 /dev/zero >a/b; sleep 600", "it wrote more than is read", ""},
		{"a link", Testssl, "ln -s /etc/passwd out.json", "it wrote no file: what it wrote is no plain file; it ended well", ""},
		{"a pipe", Testssl, "mkfifo out.json", "it wrote no file: what it wrote is no plain file; it ended well", ""},
		{"no file", Testssl, `printf '\033[31mno\033[0m openssl\n'; exit 5`, "it wrote no file: there is none; it ended with exit status 5: [31mno [0m openssl", ""},
		{"its environment", Nmap, `echo "$SECRET$NMAP_PRIVILEGED|$LC_ALL"; [ "$HOME" = "$PWD" ] && echo own; cat`, "", "|C\nown\n"},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Setenv("SECRET", "s3cret")
			temp := t.TempDir()
			most := 400 * time.Millisecond
			if !strings.Contains(x.problem, "ended after") {
				most = 20 * time.Second
			}
			begin := time.Now()
			outs, err := Run(t.Context(), Options{Programs: []Program{fake(t, x.program, x.script)}, Addr: loopback, TCP: []uint16{22}, TLS: []uint16{443}, SSH: []uint16{22}, Time: most, Bytes: 1 << 20, Temp: temp})
			if err != nil || len(outs) != 1 {
				t.Fatalf("%v, %v", outs, err)
			}
			if o := outs[0]; o.Problem != x.problem || string(o.Text) != x.text || o.File == "" || o.Ports == "" {
				t.Errorf("%q, %.100q; want %q, %q", o.Problem, o.Text, x.problem, x.text)
			}
			if took := time.Since(begin); took > 15*time.Second {
				t.Errorf("took %v", took)
			}
			if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
				t.Errorf("left %v, %v", left, err)
			}
			if b, err := os.ReadFile(pids); err == nil {
				gone(t, strings.TrimSpace(string(b)))
				os.Remove(pids)
			}
		})
	}
}

// gone waits until a process is no more, or only its entry is left.
func gone(t *testing.T, pid string) {
	t.Helper()
	for range 100 {
		b, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil || bytes.Contains(b, []byte(") Z ")) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("process %s is still there", pid)
}

func TestVersion(t *testing.T) {
	for _, x := range []struct{ name, script, want string }{
		{SSHAudit, `case $1 in --help) echo '# ssh-audit v3.3.0, https://x';; *) echo '{}';; esac`, "3.3.0"},
		{SSHAudit, `case $1 in --help) sleep 600;; *) echo '{}';; esac`, ""},
		{Testssl, `case $1 in --version) printf '\n###\n    testssl.sh version 3\n    testssl.sh       3.2rc3 from https://testssl.sh/dev/\n';; *) echo '[]' >out.json;; esac`, "3.2rc3"},
	} {
		outs, err := Run(t.Context(), Options{Programs: []Program{fake(t, x.name, x.script)}, Addr: loopback, TLS: []uint16{443}, SSH: []uint16{22}, Time: 2 * time.Second})
		if err != nil || len(outs) != 1 || outs[0].Version != x.want || outs[0].Problem != "" {
			t.Errorf("%s: %+v, %v", x.name, outs, err)
		}
	}
}

func TestRunEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(200*time.Millisecond, cancel)
	begin := time.Now()
	if _, err := Run(ctx, Options{Programs: []Program{fake(t, Nmap, "sleep 600")}, Addr: loopback, TCP: []uint16{1}}); !errors.Is(err, context.Canceled) || time.Since(begin) > 10*time.Second {
		t.Errorf("%v after %v", err, time.Since(begin))
	}
	outs, err := Run(t.Context(), Options{Programs: []Program{{Nmap, "/nonexistent/nmap"}}, Addr: loopback, TCP: []uint16{1}})
	if err != nil || len(outs) != 1 || !strings.Contains(outs[0].Problem, "no such file") {
		t.Errorf("%v, %v", outs, err)
	}
}

// The programs themselves, against services of Debian.
func TestReal(t *testing.T) {
	dir := t.TempDir()
	port := func() uint16 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return uint16(l.Addr().(*net.TCPAddr).Port)
	}
	start := func(p uint16, name string, args ...string) {
		cmd := exec.Command(labtest.Tool(t, name), args...)
		cmd.Dir = dir
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		for range 200 {
			if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", p)); err == nil {
				c.Close()
				return
			}
			time.Sleep(25 * time.Millisecond)
		}
		t.Fatalf("%s does not answer", name)
	}
	create := func(name string, args ...string) {
		cmd := exec.Command(labtest.Tool(t, name), args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", name, err, out)
		}
	}
	for _, n := range []string{"nmap", "testssl", "ssh-audit"} {
		labtest.Tool(t, n)
	}
	create("openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=SPECIMEN", "-keyout", "k.pem", "-out", "c.pem")
	create("dropbearkey", "-t", "ed25519", "-f", "hk")
	secure, shell := port(), port()
	start(secure, "openssl", "s_server", "-accept", fmt.Sprintf("127.0.0.1:%d", secure), "-key", "k.pem", "-cert", "c.pem", "-www", "-quiet")
	start(shell, "dropbear", "-F", "-E", "-r", "hk", "-p", fmt.Sprintf("127.0.0.1:%d", shell), "-P", filepath.Join(dir, "pid"))
	programs, absent := Find(Names())
	if len(absent) > 0 {
		t.Fatal(absent)
	}
	o := Options{Programs: programs, Addr: loopback, TCP: []uint16{secure, shell}, TLS: []uint16{secure}, SSH: []uint16{shell}, Temp: dir}
	jobs := o.jobs(t.Context())
	o.Time, o.Bytes = MaxTime, MaxBytes
	for _, j := range jobs {
		t.Run(j.Name, func(t *testing.T) {
			t.Parallel()
			if j.Name == Testssl { // the versions alone: all that is asked takes minutes on a busy machine
				j.args = slices.DeleteFunc(slices.Clone(j.args), func(a string) bool { return slices.Contains([]string{"-s", "-f", "-S"}, a) })
			}
			text, err := o.run(t.Context(), j)
			if err != nil {
				t.Fatal(err)
			}
			if v := o.version(t.Context(), j.Program); (v == "") != (j.Name == Nmap) {
				t.Errorf("version %q", v)
			}
			want := map[string][]string{
				Nmap:     {"<nmaprun", fmt.Sprintf(`portid="%d"`, shell), `name="ssh"`, `tunnel="ssl"`, `exit="success"`},
				Testssl:  {`"id"`, "TLS1_2"},
				SSHAudit: {`"banner"`, "dropbear"},
			}[j.Name]
			for _, w := range want {
				if !bytes.Contains(text, []byte(w)) {
					t.Errorf("no %s in %.2000s", w, text)
				}
			}
		})
	}
}
