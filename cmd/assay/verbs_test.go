package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// told is what an office was asked by the command.
type told struct {
	line, body, match, auth string
}

// stub is an office that answers each "METHOD /path" with fixed JSON and
// everything else with a refusal.
func stub(t *testing.T, answers map[string]string) (url string, asked *[]told) {
	t.Helper()
	asked = new([]told)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		line := r.Method + " " + r.URL.RequestURI()
		*asked = append(*asked, told{line, string(b), r.Header.Get("If-Match"), r.Header.Get("Authorization")})
		for _, pattern := range []string{line, r.Method + " " + r.URL.Path, r.Method + " " + r.URL.Path[:strings.LastIndexByte(r.URL.Path, '/')+1]} {
			if a, ok := answers[pattern]; ok {
				fmt.Fprint(w, a)
				return
			}
		}
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"code":"not-found","detail":"no such thing here","hint":"look again"}`)
	}))
	t.Cleanup(srv.Close)
	return srv.URL, asked
}

// assay runs the command and returns its exit code and outputs.
func assay(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(context.Background(), args, strings.NewReader(stdin), &out, &errs)
	return code, out.String(), errs.String()
}

const (
	anAct    = `{"id":"a1","kind":"suspend","state":"done","stage":"published","subject":"kr-1","proposer":"officer-1","approver":"officer-2","version":3,"index":7,"result":{"index":7}}`
	anApp    = `{"id":"p1","scheme":"kr-cic","level":"basic","state":"complete","version":2}`
	anAnswer = `{"certificate":{"id":"sg-1","number":"CSA/1/1","scheme":"sg","level":"3","product":{"brand":"B","name":"Hub","models":[{"id":"H1"}]},
		"derived":{"source":{"office":"kr","index":4},"number":"CIC-1","clause":"c/1","mode":"equivalent","policy":"automatic","confidence":"official"}},
		"standing":{"state":"suspended","since":1795500000000000,"open":[{"id":"src-2","kind":"source","state":"suspended"}]},"index":9,"stage":"published",
		"events":[{"kind":"suspended","reason":"vulnerability-unfixed"}],"rests":[{"office":"de","id":"de-1","scheme":"de","state":"valid"}],"at":1795500000000000,"known":1795500000000000}`
)

func TestVerbsAskTheOffice(t *testing.T) {
	answers := map[string]string{
		"GET /v1/applications/p1": anApp, "PUT /v1/applications/": anApp, "GET /v1/applications": `{"items":[` + anApp + `],"next":"n2"}`,
		"POST /v1/applications/p1/complete": anApp, "POST /v1/applications/p1/return": anApp, "POST /v1/applications/p1/withdraw": anApp,
		"POST /v1/applications/p1/evaluation": `{"application":` + anApp + `,"act":` + anAct + `}`,
		"PUT /v1/acts/":                       anAct, "GET /v1/acts/a1": anAct, "GET /v1/acts": `{"items":[` + anAct + `]}`, "POST /v1/acts/a1/approve": anAct, "POST /v1/acts/a1/reject": anAct,
		"GET /v1/acts/a1/letter":    `{"act":"a1","decision":"grant","date":"2026-11-24","text":{"ko":{"decision":"결정"}}}`,
		"GET /v1/cases":             `{"items":[{"id":"c1","kind":"review","state":"open","office":"kr","source":"kr-1"}]}`,
		"GET /v1/alarms":            `{"items":[{"id":1,"kind":"brake","data":{"clause":"c/1"}}]}`,
		"GET /v1/peers":             `{"items":[{"site":"kr","url":"https://kr.example","size":9,"applied":8,"silent":true}]}`,
		"GET /v1/arrivals":          `{"items":[{"office":"kr","id":"kr-1","number":"CIC-1","scheme":"kr-cic","level":"basic","product":{"name":"Hub"},"state":"valid","summary":"refuse","here":[{"office":"sg","id":"sg-1","number":"CSA/1/1"}]}]}`,
		"GET /v1/catalog":           `{"digest":"d1"}`,
		"GET /v1/certificates":      `{"items":[{"certificate":{"id":"sg-1","number":"CSA/1/1","scheme":"sg","product":{"name":"Hub"}},"standing":{"state":"valid"}}]}`,
		"GET /v1/certificates/sg-1": anAnswer, "GET /v1/lookup": anAnswer,
		"PUT /v1/requests/kr/kr-1": "", "GET /v1/markets/sg/certificates/sg-1": `{"market":"sg","day":"2026-11-24","answer":"yes","confidence":"official","rules":[{"rule":"r","answer":"yes","since":"2021-04-13","text":{"en":"level 1"}}]}`,
		"GET /v1/certificates/sg-1/who": `{"certificate":"sg-1","acts":[{"what":"grant","office":"sg","act":{"id":"a1","proposer":"officer-1"}}]}`,
	}
	body := filepath.Join(t.TempDir(), "body.json")
	if err := os.WriteFile(body, []byte(`{"x":1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args  string
		line  string // of the last request; a trailing * is any rest
		match string
		body  string // what its body has
		out   string // what is printed
	}{
		{"apply demodata/hub.yaml --scheme kr-cic --level basic --request sg-cls-iot:H1,H2 --accept-declaration --share-file", "PUT /v1/applications/*", "", `"requests":[{"scheme":"sg-cls-iot","models":["H1","H2"],"declaration_accepted":true,"share_file":true}]`, "complete"},
		{"application list --state complete --limit 3", "GET /v1/applications?limit=3&state=complete", "", "", "more: --after n2"},
		{"application show p1", "GET /v1/applications/p1", "", "", "kr-cic basic"},
		{"application complete p1", "POST /v1/applications/p1/complete", `"2"`, "", "version"},
		{"application complete --version 1 p1", "POST /v1/applications/p1/complete", `"1"`, "", "version"},
		{"application return p1 --missing support-end", "POST /v1/applications/p1/return", `"2"`, `["support-end"]`, "version"},
		{"application withdraw p1", "POST /v1/applications/p1/withdraw", `"2"`, "", "version"},
		{"evaluate p1 --recommend grant --reason requirements-met", "POST /v1/applications/p1/evaluation", `"2"`, `"recommend":"grant"`, "a1"},
		{"decide a1", "POST /v1/acts/a1/approve?wait=published", `"3"`, "", "published"},
		{"decide a1 --wait=false", "POST /v1/acts/a1/approve", `"3"`, "", "officer-2"},
		{"reject a1 --reason no", "POST /v1/acts/a1/reject", `"3"`, `"reason":"no"`, "a1"},
		{"propose hold --body " + body, "PUT /v1/acts/*", "", `{"kind":"hold","body":{"x":1}}`, "a1"},
		{"propose hold --body - --id 11111111-1111-4111-8111-111111111111", "PUT /v1/acts/11111111-1111-4111-8111-111111111111", "", `{"kind":"hold","body":{"in":2}}`, "a1"},
		{"suspend kr-1 --reason vulnerability-unfixed --effective 2026-12-01T00:00:00+09:00", "PUT /v1/acts/*", "", `{"kind":"suspend","body":{"certificate":"kr-1","reason":"vulnerability-unfixed","effective":1796050800000000}}`, "a1"},
		{"reinstate --reason vulnerability-fixed --cause act-1 kr-1", "PUT /v1/acts/*", "", `"cause":"act-1"`, "a1"},
		{"revoke kr-1 --reason r", "PUT /v1/acts/*", "", `{"kind":"revoke"`, "a1"},
		{"annul kr-1 --reason appeal-upheld --cause act-2", "PUT /v1/acts/*", "", `"cause":"act-2"`, "a1"},
		{"surrender kr-1 --reason holder-request", "PUT /v1/acts/*", "", `{"kind":"surrender"`, "a1"},
		{"extend kr-1 --reason r --expires 2030-01-31", "PUT /v1/acts/*", "", `"amend":{"expires":"2030-01-31"}`, "a1"},
		{"hold kr-1 --reason r", "PUT /v1/acts/*", "", `{"kind":"hold"`, "a1"},
		{"release kr-1 --reason r", "PUT /v1/acts/*", "", `{"kind":"release"`, "a1"},
		{"acts --state proposed", "GET /v1/acts?limit=50&state=proposed", "", "", "officer-1"},
		{"acts a1", "GET /v1/acts/a1", "", "", "digest"},
		{"cases", "GET /v1/cases?limit=50&state=open", "", "", "c1"},
		{"cases --state=", "GET /v1/cases?limit=50", "", "", "c1"},
		{"ask kr kr-1 --scheme sg --models H1,H2 --accept-declaration --share-file", "PUT /v1/requests/kr/kr-1", "", `{"scheme":"sg","models":["H1","H2"],"declaration_accepted":true,"share_file":true}`, "asked"},
		{"market sg sg-1 --day 2026-11-24 --fact imda-registration=yes", "GET /v1/markets/sg/certificates/sg-1?day=2026-11-24&fact=imda-registration%3Dyes", "", "", "level 1"},
		{"case decide c1 --decide designate --reason r", "PUT /v1/acts/*", "", `{"kind":"case","body":{"case":"c1","decide":"designate","reason":"r"}}`, "a1"},
		{"alarms", "GET /v1/alarms?limit=50", "", "", "clause=c/1"},
		{"letter a1 --lang ko", "GET /v1/acts/a1/letter?lang=ko", "", "", "결정"},
		{"peer list", "GET /v1/peers", "", "", "8 of 9 applied"},
		{"arrivals --site kr", "GET /v1/arrivals?limit=50&site=kr", "", "", "→ CSA/1/1"},
		{"policy set c/1 --kind automatic --legal-basis law --expires 2027-01-01 --per-hour 5 --per-day 9 --share 10", "PUT /v1/acts/*", "", `"catalog":"d1"`, "a1"},
		{"policy set c/1 --kind review", "PUT /v1/acts/*", "", `{"kind":"policy","body":{"clause":"c/1","kind":"review"}}`, "a1"},
		{"search hub --scheme sg --from kr", "GET /v1/certificates?limit=50&office=kr&scheme=sg&text=hub", "", "", "CSA/1/1"},
		{"show sg-1 --at 2026-11-24T15:00:00+09:00", "GET /v1/certificates/sg-1?at=2026-11-24T06%3A00%3A00Z", "", "", "CIC-1 of kr (entry 4)"},
		{"show CSA/1/1", "GET /v1/lookup?number=CSA%2F1%2F1", "", "", "src-2: suspended (source)"},
		{"show CIC-9", "GET /v1/lookup?number=CIC-9", "", "", "de-1 of de, de: valid"},
		{"who sg-1", "GET /v1/certificates/sg-1/who", "", "", "officer-1"},
	} {
		url, asked := stub(t, answers)
		t.Setenv("ASSAY_OFFICE", url)
		t.Setenv("ASSAY_TOKEN", "tok")
		code, out, errs := assay(t, `{"in":2}`, strings.Fields(c.args)...)
		if code != exitOK || errs != "" {
			t.Errorf("%s: exit %d: %s", c.args, code, errs)
			continue
		}
		last := (*asked)[len(*asked)-1]
		if prefix, any := strings.CutSuffix(c.line, "*"); last.line != c.line && !(any && strings.HasPrefix(last.line, prefix)) {
			t.Errorf("%s: asked %q, want %q", c.args, last.line, c.line)
		}
		if last.match != c.match || last.auth != "Bearer tok" || !strings.Contains(last.body, c.body) {
			t.Errorf("%s: If-Match %q, authorization %q, body %s", c.args, last.match, last.auth, last.body)
		}
		if !strings.Contains(out, c.out) {
			t.Errorf("%s: printed\n%s\nwithout %q", c.args, out, c.out)
		}
		code, out, _ = assay(t, `{"in":2}`, append(strings.Fields(c.args), "--json")...)
		if code != exitOK || !json.Valid([]byte(out)) {
			t.Errorf("%s --json: exit %d\n%s", c.args, code, out)
		}
	}
}

func TestExitCodes(t *testing.T) {
	url, asked := stub(t, map[string]string{"GET /v1/acts/a1": anAct, "POST /v1/acts/a1/approve": strings.Replace(anAct, `{"index":7}`, `{"index":-1,"failed":"lint: number"}`, 1)})
	t.Setenv("ASSAY_TOKEN", "")
	for _, c := range []struct {
		args   string
		office string
		code   int
		errs   string
	}{
		{"", url, exitUsage, "Usage"},
		{"help", url, exitOK, ""},
		{"nonsense", url, exitUsage, "no command"},
		{"show", url, exitUsage, "usage: assay show"},
		{"show a b", url, exitUsage, "usage: assay show"},
		{"show -h", url, exitOK, "usage: assay show"},
		{"suspend -h", url, exitOK, "propose to suspend a certificate"},
		{"suspend -h", url, exitOK, "vulnerability-unfixed"},
		{"show x --at yesterday", url, exitUsage, "2026-11-24T09:30:00+09:00"},
		{"show x --token tok", url, exitUsage, "not defined"}, // a token is never an argument
		{"show x", "", exitUsage, "ASSAY_OFFICE"},
		{"show x", "office.example", exitUsage, "no address"},
		{"show x", url, exitFailed, "not-found: no such thing here; look again"},
		{"show x --token-file /no/such/file", url, exitUsage, "/no/such/file"},
		{"suspend kr-1", url, exitUsage, "--reason"},
		{"extend kr-1 --reason r --expires soon", url, exitUsage, "--expires"},
		{"evaluate p1", url, exitUsage, "--recommend"},
		{"apply nowhere.yaml --scheme s --level l", url, exitFailed, "nowhere.yaml"},
		{"apply demodata/hub.yaml", url, exitUsage, "--scheme"},
		{"apply verbs.go --scheme s --level l", url, exitFailed, "verbs.go"},
		{"propose hold", url, exitUsage, "--body"},
		{"propose hold --body verbs.go", url, exitFailed, "not JSON"},
		{"decide a1", url, exitFailed, "not carried out: lint: number"},
		{"peer", url, exitUsage, "list|fingerprint|add"},
		{"peer -h", url, exitOK, ""},
		{"peer add https://x.example", url, exitUsage, "--fingerprint"},
		{"peer fingerprint " + url, url, exitFailed, ""}, // a loopback address without --private
		{"peer fingerprint --private " + url, url, exitFailed, "404"},
		{"policy set c/1", url, exitUsage, "--kind"},
		{"token new", url, exitUsage, "--out"},
	} {
		t.Setenv("ASSAY_OFFICE", c.office)
		code, _, errs := assay(t, "", strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(errs, c.errs) {
			t.Errorf("%q: exit %d, want %d: %s", c.args, code, c.code, errs)
		}
	}
	for _, a := range *asked {
		if a.auth != "" {
			t.Errorf("%s was asked with %q", a.line, a.auth)
		}
	}
}

func TestTokenIsForItsPersonOnly(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	code, out, errs := assay(t, "", "token", "new", "--out", file)
	if code != exitOK {
		t.Fatal(code, errs)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Error(err, info.Mode())
	}
	token := strings.TrimSpace(string(b))
	sum := sha256.Sum256([]byte(token))
	if len(token) < 40 || strings.Contains(out+errs, token) || !strings.Contains(out, hex.EncodeToString(sum[:])) {
		t.Errorf("printed %s", out)
	}
	if code, _, _ := assay(t, "", "token", "new", "--out", file); code != exitFailed {
		t.Errorf("a token file is replaced: exit %d", code)
	}
	if again, err := os.ReadFile(file); err != nil || string(again) != string(b) {
		t.Error("the old token is gone")
	}

	url, asked := stub(t, map[string]string{"GET /v1/alarms": `{"items":[]}`})
	if code, _, errs := assay(t, "", "alarms", "--office", url, "--token-file", file); code != exitOK || (*asked)[0].auth != "Bearer "+token {
		t.Errorf("exit %d %s, asked %+v", code, errs, *asked)
	}
}

func TestHelpNamesEveryVerb(t *testing.T) {
	_, out, _ := assay(t, "", "help")
	seen := map[string]bool{}
	for _, g := range groups() {
		for _, c := range g.commands {
			if seen[c.name] {
				t.Errorf("%s stands twice", c.name)
			}
			seen[c.name] = true
			if c.short == "" || c.run == nil || !strings.Contains(out, c.short) {
				t.Errorf("help does not tell of %s", c.name)
			}
		}
	}
}
