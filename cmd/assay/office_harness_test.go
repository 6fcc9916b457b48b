package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"assay/catalog"
	"assay/client"
	"assay/specimen"
)

// asCommand tells the test binary to be the command itself, so that tests run
// it as a user does, in processes that can be killed, without a second build.
const asCommand = "ASSAY_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	os.Exit(m.Run())
}

// user sits in an empty folder with nothing but the command.
type user struct {
	testing.TB
	dir string
	env []string
}

func newUser(t testing.TB) *user {
	u := &user{TB: t, dir: t.TempDir()}
	u.write("passphrase", "a horse, a battery, a staple\n")
	cat, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	lab, err := laboratory().File(cat)
	if err != nil {
		t.Fatal(err)
	}
	u.write("laboratory.yaml", string(lab))
	return u
}

// laboratory signs the reports of what is certified by hand.
var laboratory = sync.OnceValue(func() *specimen.Laboratory {
	l, err := specimen.New()
	if err != nil {
		panic(err)
	}
	return l
})

func (u *user) path(name string) string { return filepath.Join(u.dir, name) }

func (u *user) write(name, content string) {
	u.Helper()
	if err := os.WriteFile(u.path(name), []byte(content), 0o600); err != nil {
		u.Fatal(err)
	}
}

func (u *user) read(name string) string {
	u.Helper()
	b, err := os.ReadFile(u.path(name))
	if err != nil {
		u.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

func (u *user) command(args ...string) *exec.Cmd {
	c := exec.Command(os.Args[0], args...)
	c.Dir = u.dir
	c.Env = append([]string{asCommand + "=1", "PATH=" + os.Getenv("PATH"), "TMPDIR=" + u.TempDir()}, u.env...)
	return c
}

// run runs the command, which has to end with an exit code.
func (u *user) run(code int, args ...string) (stdout, stderr string) {
	u.Helper()
	var out, errs bytes.Buffer
	c := u.command(args...)
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	if got := c.ProcessState.ExitCode(); got != code {
		u.Fatalf("assay %s: exit %d (%v), want %d\n%s%s", strings.Join(args, " "), got, err, code, &out, &errs)
	}
	return out.String(), errs.String()
}

// answer runs a command that answers with JSON.
func answer[T any](u *user, args ...string) (v T) {
	u.Helper()
	out, _ := u.run(exitOK, append(args, "--json")...)
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		u.Fatalf("assay %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return v
}

// refused runs a command that has to fail, and say so in some words.
func (u *user) refused(code int, says string, args ...string) {
	u.Helper()
	if out, errs := u.run(code, args...); !strings.Contains(errs, says) {
		u.Errorf("assay %s says\n%s%swant %q", strings.Join(args, " "), out, errs, says)
	}
}

var specimens = map[string][]string{
	"kr": {"--name", "en=Specimen Korea", "--name", "ko=견본 사무소", "--territory", "KR", "--zone", "Asia/Seoul", "--authority", "kisa"},
	"sg": {"--name", "en=Specimen Singapore", "--territory", "SG", "--zone", "Asia/Singapore", "--authority", "csa"},
}

// initArgs founds the specimen office id with five persons. The passphrase
// is stretched little, so that starting it measures the office.
func initArgs(id string, more ...string) []string {
	args := append([]string{"init", id, "--id", id, "--ring", "specimen", "--origin", "assay.example/" + id, "--specimen",
		"--person", "ann:admin,officer", "--person", "bo:admin,officer", "--person", "cleo:registrar", "--person", "dan:evaluator",
		"--person", "maker:maker:kr:specimen-0001", "--passphrase-file", "passphrase", "--scrypt-work", "8", "--laboratory", "laboratory.yaml"}, specimens[id]...)
	return append(args, more...)
}

// served is a running office.
type served struct {
	u      *user
	id     string
	cmd    *exec.Cmd
	url    string
	print  string // fingerprint
	took   time.Duration
	stderr lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

var announced = regexp.MustCompile(`answers at (https?://\S+)\nfingerprint ([0-9a-f ]+)\n`)

// serve starts an office and returns when it answers. at is where it listens.
func (u *user) serve(id, at string, more ...string) *served {
	u.Helper()
	s := &served{u: u, id: id, cmd: u.command(append([]string{"serve", id, "--listen", at, "--passphrase-file", "passphrase", "--log-json"}, more...)...)}
	s.cmd.Stderr = &s.stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		u.Fatal(err)
	}
	start := time.Now()
	if err := s.cmd.Start(); err != nil {
		u.Fatal(err)
	}
	u.Cleanup(func() { s.cmd.Process.Kill(); s.cmd.Wait() })
	lines := bufio.NewReader(out)
	var said string
	for range 2 {
		line, err := lines.ReadString('\n')
		if err != nil {
			s.cmd.Wait()
			u.Fatalf("serving %s: %v\n%s", id, err, &s.stderr)
		}
		said += line
	}
	m := announced.FindStringSubmatch(said)
	if m == nil {
		u.Fatalf("serve says %q", said)
	}
	s.url, s.print = m[1], m[2]
	if strings.HasPrefix(s.url, "http:") {
		s.get("/readyz", "ready")
	}
	s.took = time.Since(start)
	return s
}

// address is where it listens.
func (s *served) address() string { _, a, _ := strings.Cut(s.url, "//"); return a }

// kill ends it as a power cut does, as far as a process can tell.
func (s *served) kill() {
	s.cmd.Process.Signal(syscall.SIGKILL)
	s.cmd.Wait()
}

// stop asks it to end.
func (s *served) stop() {
	s.u.Helper()
	s.cmd.Process.Signal(syscall.SIGTERM)
	if err := s.cmd.Wait(); err != nil {
		s.u.Fatalf("stopping %s: %v\n%s", s.id, err, &s.stderr)
	}
}

func (s *served) get(path, has string) string {
	s.u.Helper()
	res, err := http.Get(s.url + path)
	if err != nil {
		s.u.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(b), has) {
		s.u.Fatalf("GET %s: %s, %v\n%s\nwant %q", path, res.Status, err, b, has)
	}
	return string(b)
}

// by are the flags with which a person asks the office.
func (s *served) by(person string, args ...string) []string {
	return append(args, "--office", s.url, "--token-file", filepath.Join(s.id, "tokens", person))
}

// client is the same in this process, where a test needs many requests.
func (s *served) client(person string) *client.Client {
	s.u.Helper()
	c, err := client.New(s.url, client.Options{Token: s.u.read(filepath.Join(s.id, "tokens", person)), Attempts: 1})
	if err != nil {
		s.u.Fatal(err)
	}
	return c
}

// eventually asks until the answer is yes.
func eventually(t testing.TB, what string, yes func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if yes() {
			return
		}
	}
	t.Fatalf("not in 20 s: %s", what)
}
