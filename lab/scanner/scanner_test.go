package scanner

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"assay/lab"
	"assay/lab/firmware/inspect/inspecttest"
	"assay/lab/firmware/malware"
	"assay/lab/labtest"
)

const rulesText = `rule Marked { strings: $a = "a mark that nothing else has" condition: $a }
rule Long { condition: filesize > 200 }
`

// signature is the mark as ClamAV has it: name, kind of file, place, bytes.
var signature = "Trial.Mark:0:*:" + hex.EncodeToString([]byte("a mark that nothing else has")) + "\n"

// scanner is one with rules and signatures of this test.
func scanner(t *testing.T) *Scanner {
	t.Helper()
	labtest.Tool(t, "yara")
	labtest.Tool(t, "clamscan")
	dir := t.TempDir()
	write(t, filepath.Join(dir, "trial.yar"), rulesText)
	write(t, filepath.Join(dir, "db", "trial.ndb"), signature)
	s, err := Find([]string{filepath.Join(dir, "trial.yar")}, filepath.Join(dir, "db"))
	if err != nil {
		t.Fatal(err)
	}
	s.Temp, s.At = t.TempDir(), time.Unix(1e9, 0).UTC()
	return s
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
}

// contents are files by path, through the stream.
func contents(t *testing.T, files map[string]string) iter.Seq2[malware.Content, error] {
	t.Helper()
	var b bytes.Buffer
	e := malware.NewExporter(&b)
	inspecttest.Show(t, e, nil, inspecttest.System(t, files))
	if err := e.Result(); err != nil {
		t.Fatal(err)
	}
	return malware.Contents(&b)
}

func TestScan(t *testing.T) {
	s := scanner(t)
	marked := "#!/bin/sh\n# a mark that nothing else has\n"
	files := map[string]string{
		"/bin/good": "#!/bin/sh\n", "/bin/bad": marked, "/usr/bin/bad too": marked, "/etc/-rf": "x", "/etc/$(reboot)": "y",
		"/usr/share/" + strings.Repeat("n", 200): strings.Repeat("long ", 50), "/etc/eicar": eicar, "/etc/empty": "",
	}
	scan, err := s.Scan(t.Context(), contents(t, files))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range scan.Findings {
		for _, p := range f.Where {
			got = append(got, fmt.Sprintf("%s %s %.20s", f.Get("signature"), f.Severity, p.Path))
		}
		if f.Certainty != lab.Claimed || f.Get("scanner") == "" {
			t.Errorf("%+v", f)
		}
	}
	slices.Sort(got)
	want := []string{"Long high /usr/share/nnnnnnnnn", "Marked high /bin/bad", "Marked high /usr/bin/bad too", "Trial.Mark.UNOFFICIAL high /bin/bad", "Trial.Mark.UNOFFICIAL high /usr/bin/bad too"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if scan.Files != 7 || !scan.At.Equal(s.At) || scan.Left != 0 || len(scan.Engines) != 2 {
		t.Errorf("%+v", scan)
	}
	for i, e := range scan.Engines {
		sum := sha256.Sum256([]byte([]string{rulesText, signature}[i]))
		if e.State != malware.Used || e.Version == "" || len(e.Sources) != 1 || e.Sources[0].SHA256 != hex.EncodeToString(sum[:]) || e.Hits != 2-i || e.Incomplete != 0 {
			t.Errorf("%+v", e)
		}
	}
	if n := scan.Engines[1].Sources[0].Count; n != 1 {
		t.Errorf("%d signatures", n)
	}
	if left, err := os.ReadDir(s.Temp); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	again, err := s.Scan(t.Context(), contents(t, files))
	if err != nil || fmt.Sprint(again) != fmt.Sprint(scan) {
		t.Errorf("the second time\n%v\n%v, %v", again, scan, err)
	}
}

// eicar is the test file of virus scanners, in two parts, so that this program is none.
const eicar = `X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-` + `ANTIVIRUS-TEST-FILE!$H+H*`

// What the scanner's own test files are for.
func TestClamAVTestFiles(t *testing.T) {
	s := scanner(t)
	s.Yara = ""
	found, err := filepath.Glob("/usr/share/clamav-testfiles/clam.e*")
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		labtest.Lack(t, "the package clamav-testfiles")
	}
	b, err := os.ReadFile("/usr/share/clamav-testfiles/clam.exe")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	write(t, filepath.Join(s.Database, "t.hsb"), fmt.Sprintf("%x:%d:Clamav.Test.File\n", sum, len(b)))
	files := map[string]string{"/opt/clam.exe": string(b), "/opt/other": "other"}
	zip, err := os.ReadFile("/usr/share/clamav-testfiles/clam.zip")
	if err != nil {
		t.Fatal(err)
	}
	files["/opt/clam.zip"] = string(zip)
	scan, err := s.Scan(t.Context(), contents(t, files))
	if err != nil {
		t.Fatal(err)
	}
	if len(scan.Findings) != 1 || len(scan.Findings[0].Where) != 2 || scan.Engines[0].State != malware.Absent {
		t.Errorf("%+v", scan)
	}
}

func TestFind(t *testing.T) {
	if _, err := Find([]string{"no-such.yar"}, ""); err == nil || !strings.Contains(err.Error(), "no-such.yar") {
		t.Error(err)
	}
	if _, err := Find(nil, t.TempDir()); err == nil || !strings.Contains(err.Error(), "signatures") {
		t.Error(err)
	}
	if s, err := Find(nil, ""); err != nil || s.Rules != nil {
		t.Error(s, err)
	}
}

// Programs that say what they like.
func TestHostilePrograms(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "r.yar"), rulesText)
	write(t, filepath.Join(dir, "t.ndb"), signature)
	for what, c := range map[string]struct {
		script  string
		state   malware.State
		problem string
		hits    int
	}{
		"other files":  {`echo "r1:X /etc/passwd"; echo "r1:Y ../../etc/passwd"; echo "r1:Z $(dirname $PWD)/files/000099"; echo nonsense`, malware.Used, "", 0},
		"our file":     {`echo "r1:A $(dirname $PWD)/files/000001"; echo "r1:A $(dirname $PWD)/files/000001"; printf 'r1:B\377 %s\n' "$(dirname $PWD)/files/000001"`, malware.Used, "", 2},
		"a wrong code": {`echo "error: no such rule" >&2; exit 3`, malware.Failed, "it ended with code 3: error: no such rule", 0},
		"a crash":      {`kill -SEGV $$`, malware.Failed, "segmentation fault", 0},
		"too much":     {`yes r1:X`, malware.Failed, "it writes more than", 0},
		"no end":       {`exec sleep 60`, malware.Failed, "not done after 1s", 0},
		"environment":  {`[ -z "$SECRET" ] && [ "$HOME" = "$PWD" ] || exit 7`, malware.Used, "", 0},
	} {
		program := filepath.Join(dir, strings.ReplaceAll(what, " ", "-"))
		write(t, program, "#!/bin/sh\n[ \"$1\" = --version ] && { echo 1.2; exit; }\n"+c.script+"\n")
		t.Setenv("SECRET", "x")
		s := &Scanner{Yara: program, Rules: []string{filepath.Join(dir, "r.yar")}, Temp: t.TempDir(), Time: time.Second}
		if what == "too much" {
			s.Time = time.Minute
		}
		scan, err := s.Scan(t.Context(), contents(t, map[string]string{"/a": "a"}))
		if err != nil {
			t.Fatal(what, err)
		}
		if e := scan.Engines[0]; e.State != c.state || !strings.Contains(e.Problem, c.problem) || e.Hits != c.hits || len(scan.Findings) != c.hits || e.Version != "1.2" {
			t.Errorf("%s: %+v, %+v", what, e, scan.Findings)
		}
		if left, err := os.ReadDir(s.Temp); err != nil || len(left) != 0 {
			t.Errorf("%s: left behind: %v, %v", what, left, err)
		}
	}
	// ClamAV's way of saying that it did not read all, and that it has nothing to read with.
	program := filepath.Join(dir, "clam")
	write(t, program, "#!/bin/sh\nf=$(dirname $PWD)/files/00000\necho \"${f}1: Heuristics.Limits.Exceeded.MaxFileSize FOUND\"; echo \"${f}2: Can't open file ERROR\"; echo \"${f}3: X: Y FOUND\"; exit 2\n")
	s := &Scanner{Clam: program, Database: filepath.Join(dir, "t.ndb"), Temp: t.TempDir()}
	scan, err := s.Scan(t.Context(), contents(t, map[string]string{"/a": "a", "/b": "b", "/c": "c"}))
	if err != nil || scan.Engines[1].Incomplete != 2 || len(scan.Findings) != 1 || scan.Findings[0].Get("signature") != "X: Y" {
		t.Errorf("%+v, %v", scan, err)
	}
}

func TestScanBounds(t *testing.T) {
	s := &Scanner{Temp: t.TempDir(), Bytes: 10}
	scan, err := s.Scan(t.Context(), contents(t, map[string]string{"/a": "12345678", "/b": "123456789", "/c": "1", "/d": "12345678"}))
	if err != nil || scan.Files != 2 || scan.Left != 1 || scan.Bytes != 9 {
		t.Errorf("%+v, %v", scan, err)
	}
	var b bytes.Buffer
	e := malware.NewExporter(&b)
	e.Missed(3)
	e.Done(nil, nil)
	if scan, err := s.Scan(t.Context(), malware.Contents(&b)); err != nil || scan.Left != 3 || scan.Files != 0 || s.Ready() {
		t.Errorf("%+v, %v", scan, err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	cancel(stop)
	if _, err := s.Scan(ctx, contents(t, map[string]string{"/a": "1"})); !errors.Is(err, stop) {
		t.Error(err)
	}
	if _, err := s.Scan(t.Context(), malware.Contents(strings.NewReader("\x00\x00"))); !errors.Is(err, malware.ErrStream) {
		t.Error(err)
	}
}

// A private folder is private.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "look")
	write(t, filepath.Join(dir, "r.yar"), rulesText)
	write(t, program, "#!/bin/sh\n[ \"$1\" = --version ] || stat -c '%a %n' .. ../files ../files/* ../list >&2; exit 1\n")
	if _, err := exec.LookPath("stat"); err != nil {
		labtest.Lack(t, "the program stat")
	}
	s := &Scanner{Yara: program, Rules: []string{filepath.Join(dir, "r.yar")}, Temp: t.TempDir()}
	scan, err := s.Scan(t.Context(), contents(t, map[string]string{"/etc/shadow": "root::"}))
	if err != nil || !strings.HasSuffix(scan.Engines[0].Problem, ": 700 ..") {
		t.Errorf("%+v, %v", scan, err)
	}
}
