package testssl

import (
	"strings"
	"testing"

	"assay/civil"
	"assay/evidence"
)

func TestFlat(t *testing.T) {
	m := file(t, "testssl-flat.json").Import
	same(t, "services", m.Services, []evidence.Service{{Address: "127.0.0.1", Transport: "tcp", Port: 18443, State: "open", Name: "tls/http"}})
	want := map[string]evidence.Issue{
		"TLS1":             {ID: "TLS1", Severity: "low", Text: "offered (deprecated)", Where: "127.0.0.1:18443"},
		"cipherlist_aNULL": {ID: "cipherlist_aNULL", Severity: "critical", Text: "offered", Where: "127.0.0.1:18443", CWE: []string{"CWE-327"}},
	}
	for _, i := range m.Issues {
		if w, ok := want[i.ID]; ok {
			same(t, i.ID, i, w)
			delete(want, i.ID)
		}
		if i.ID == "BEAST_CBC_TLS1" && !strings.Contains(i.Text, "CVE-2011-3389") {
			t.Errorf("the CVE is missing: %q", i.Text)
		}
		if i.Severity == "none" || i.ID == "engine_problem" || i.ID == "SSLv2" {
			t.Errorf("what is fine came out as an issue: %+v", i)
		}
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
}

func TestPretty(t *testing.T) {
	r := file(t, "testssl-pretty.json")
	m := r.Import
	if m.Version != "3.0.8" || m.Date != civil.MustDate("2026-11-24") || m.Target != "127.0.0.1:18443" {
		t.Errorf("got %+v", m)
	}
	same(t, "services", m.Services, []evidence.Service{{Address: "127.0.0.1", Transport: "tcp", Port: 18443, State: "open", Name: "tls/http"}})
	n := 0
	for _, i := range m.Issues {
		if i.ID == "TLS1" || i.ID == "TLS1_1" {
			n++
		}
	}
	if n != 2 {
		t.Errorf("old protocols: %d of 2 in %+v", n, m.Issues)
	}
	again := file(t, "testssl-pretty.json")
	same(t, "read again", again, r)
}

func TestRefuses(t *testing.T) {
	for _, c := range []struct{ name, in, place, says string }{
		{"nobody answered", string(text(t, "testssl-unreachable.json")), "", "Can't connect"},
		{"nothing", `{"scanResult": []}`, "", "no server was tested"},
		{"no id", `[{"id": "a", "severity": "OK", "finding": "x", "ip": "h/1.2.3.4", "port": "1"}, {"x": 1}]`, "/1", "no severity"},
		{"no id", `[{"severity": "LOW", "finding": "x", "ip": "h/1.2.3.4", "port": "1"}]`, "/0", "no id"},
		{"no id in a section", `{"scanResult": [{"targetHost": "h", "port": "1", "protocols": [{"id": "\u0001", "severity": "LOW"}]}]}`, "/scanResult/0/protocols/0", "no id"},
		{"severity", `[{"id": "a", "severity": "BAD", "finding": "x", "ip": "h/1.2.3.4", "port": "1"}]`, "/0/severity", "BAD"},
		{"port", `[{"id": "a", "severity": "LOW", "finding": "x", "ip": "h/1.2.3.4", "port": "https"}]`, "/0/port", "no port"},
		{"section", `{"scanResult": [{"targetHost": "h", "port": "1", "protocols": [1]}]}`, "/scanResult/0/protocols", "no list of findings"},
	} {
		_, err := parse("x.json", []byte(c.in))
		refused(t, c.name, err, 0, c.place, c.says)
	}
	_, err := parse("x.json", []byte("[{\"id\": \"a\",\n\"severity\": 1}]"))
	refused(t, "type", err, 2, "/0/severity", "a number where a text belongs")
}

// One server of two could not be reached: the other counts, and it is said.
func TestPartly(t *testing.T) {
	r, err := parse("x.json", []byte(`{"scanResult": [{"id": "scanProblem", "severity": "FATAL", "finding": "no route"},
		{"targetHost": "dev.example", "ip": "192.0.2.7", "port": "443", "service": "HTTP", "protocols": [
			{"id": "SSLv3", "severity": "WARN", "finding": "could not test"}, {"id": "TLS1", "severity": "OK", "finding": "not offered"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	noted(t, r, "no route")
	noted(t, r, "could not be done: 1, the first is SSLv3")
	if len(r.Import.Services) != 1 || len(r.Import.Issues) != 0 {
		t.Errorf("got %+v", r.Import)
	}
}
