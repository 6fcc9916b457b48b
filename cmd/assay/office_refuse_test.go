package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"assay/office"
	"assay/store/storetest"
)

func TestInitRefuses(t *testing.T) {
	u := newUser(t)
	u.write("short", "hush")
	u.write("empty", "")
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{exitUsage, "usage: assay init", []string{"init"}},
		{exitUsage, "--id --name --territory --zone --authority --ring --origin --person", []string{"init", "x"}},
		{exitUsage, "LANG=NAME", []string{"init", "x", "y"}},
		{exitUsage, "--name", initArgs("kr", "--name", "Korea")},
		{exitUsage, "--name", initArgs("kr", "--name", "en=Twice")},
		{exitUsage, "Europe/Helsinki", initArgs("kr", "--zone", "Asia/Atlantis")},
		{exitUsage, "roles with commas", initArgs("kr", "--person", "eve")},
		{exitUsage, "roles with commas", initArgs("kr", "--person", "../eve:admin")},
		{exitUsage, "stands twice", initArgs("kr", "--person", "ann:auditor")},
		{exitFailed, "the catalog has bsi, csa, csa-iot, dsit", initArgs("kr", "--authority", "nobody")},
		{exitFailed, `"king" is no role`, initArgs("kr", "--person", "eve:king")},
		{exitFailed, "belongs to an entity", initArgs("kr", "--person", "eve:maker")},
		{exitFailed, "not plain", initArgs("kr", "--origin", "two words")},
		{exitFailed, "fewer than 12", initArgs("kr", "--passphrase-file", "short")},
		{exitFailed, "is empty", initArgs("kr", "--passphrase-file", "empty")},
		{exitFailed, "nowhere", initArgs("kr", "--passphrase-file", "nowhere")},
		{exitFailed, "--passphrase-file", initArgs("kr", "--passphrase-file", "")}, // and no terminal to ask at
		{exitFailed, "work factor", initArgs("kr", "--scrypt-work", "40")},
		{exitFailed, "catalog", initArgs("kr", "--catalog", "nowhere")},
		{exitFailed, "postgres://", initArgs("kr", "--database", "mysql://x")},
		{exitFailed, "two persons", []string{"init", "kr", "--id", "kr", "--name", "en=x", "--territory", "KR", "--zone", "Asia/Seoul", "--authority", "kisa",
			"--ring", "r", "--origin", "o", "--person", "ann:admin", "--person", "bo:officer", "--passphrase-file", "passphrase", "--scrypt-work", "8"}},
	} {
		u.refused(c.code, c.says, c.args...)
	}
	// None of these left anything behind.
	es, err := os.ReadDir(u.dir)
	if err != nil || len(es) != 4 {
		t.Errorf("left behind: %v (%v)", es, err)
	}
}

func TestInitOnce(t *testing.T) {
	u := newUser(t)
	if err := os.Mkdir(u.path("kr.half-done"), 0o700); err != nil {
		t.Fatal(err)
	}
	u.refused(exitFailed, "Remove kr.half-done", initArgs("kr")...)
	if err := os.Remove(u.path("kr.half-done")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(u.path("kr"), 0o700); err != nil { // an empty folder is no obstacle
		t.Fatal(err)
	}
	out, errs := u.run(exitOK, initArgs("kr", "--json")...)
	again, _ := u.run(exitOK, initArgs("sg")...)
	for _, secret := range []string{u.read("passphrase"), u.read("kr/tokens/ann"), u.read("sg/tokens/bo")} {
		if strings.Contains(out+errs+again, secret) {
			t.Error("init prints a secret")
		}
	}
	if !strings.Contains(again, "assay serve sg --passphrase-file passphrase") {
		t.Errorf("init does not say what to do next:\n%s", again)
	}
	for _, name := range []string{"kr", "kr/office.db", "kr/keys.age", "kr/tokens", "kr/tokens/ann"} {
		if info, err := os.Stat(u.path(name)); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v; want nobody else to read it", name, info, err)
		}
	}
	before := u.read("kr/office.db")
	u.refused(exitFailed, "holds an office already", initArgs("kr")...)
	if u.read("kr/office.db") != before {
		t.Error("a second init touched the first one's database")
	}
	if err := os.Mkdir(u.path("full"), 0o700); err != nil {
		t.Fatal(err)
	}
	u.write("full/thing", "")
	u.refused(exitFailed, "not empty", append([]string{"init", "full"}, initArgs("kr")[2:]...)...)
}

func TestServeRefuses(t *testing.T) {
	u := newUser(t)
	u.run(exitOK, initArgs("kr")...)
	u.run(exitOK, initArgs("sg")...)
	u.write("wrong", "another passphrase\n")
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{exitUsage, "usage: assay serve", nil},
		{exitUsage, "belong together", []string{"kr", "--tls-cert", "x"}},
		{exitUsage, "nowhere", []string{"kr", "--tls-cert", "nowhere", "--tls-key", "nowhere"}},
		{exitFailed, "no such file", []string{"nowhere"}},
		{exitFailed, "postgres://", []string{"kr/tokens"}}, // a folder without an office
		{exitFailed, "passphrase is wrong", []string{"kr", "--passphrase-file", "wrong"}},
		{exitFailed, "cannot listen", []string{"kr", "--passphrase-file", "passphrase", "--listen", busy.Addr().String()}},
		{exitFailed, "not the one that the log names", []string{"kr", "--passphrase-file", "passphrase", "--database", "sqlite:sg/office.db"}},
	} {
		u.refused(c.code, c.says, append([]string{"serve"}, c.args...)...)
	}
	if err := os.Rename(u.path("kr/keys.age"), u.path("keys.age")); err != nil {
		t.Fatal(err)
	}
	u.refused(exitFailed, "nobody can go on with its log", "serve", "kr", "--passphrase-file", "passphrase")
	u.write("empty.db", "")
	u.refused(exitFailed, "no such table", "backup", "empty.db", "b.db")
}

// TestFsckFinds damages a database in ways that only the log's own hashes show.
func TestFsckFinds(t *testing.T) {
	u := newUser(t)
	u.run(exitOK, initArgs("kr")...)
	whole := answer[checkedLog](u, "log", "fsck", "kr")
	if !whole.Whole || whole.Pinned || whole.Entries != 2 {
		t.Errorf("%+v", whole)
	}
	u.refused(exitFailed, "--key", "log", "fsck", "kr", "--key", "nonsense")
	u.refused(exitFailed, "checkpoint", "log", "fsck", "kr", "--origin", "assay.example/other")
	u.refused(exitUsage, "usage: assay log", "log", "mend")
	u.refused(exitFailed, "no such file", "log", "fsck", "nowhere")
	u.refused(exitFailed, "whose log it is", "log", "fsck", "http://127.0.0.1:1") // nobody listens there
	for damage, says := range map[string]string{
		`UPDATE log_entries SET body = CAST(substr(body, 1, 60) || x'00' || substr(body, 62) AS BLOB) WHERE idx = 1`:                            "tile/0/000.p/2",
		`UPDATE log_entries SET leaf_hash = zeroblob(32) WHERE idx = 0`:                                                                         "tile/0/000.p/2",
		`DELETE FROM log_entries WHERE idx = 1`:                                                                                                 "tile/entries/000.p/2",
		`UPDATE log_checkpoints SET note = CAST(replace(CAST(note AS TEXT), char(10) || '2' || char(10), char(10) || '3' || char(10)) AS BLOB)`: "checkpoint",
	} {
		u.run(exitOK, "backup", "kr", "damaged.db")
		db, err := sql.Open("sqlite", u.path("damaged.db"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(damage); err != nil {
			t.Fatal(err)
		}
		db.Close()
		u.refused(exitFailed, says, "log", "fsck", "damaged.db")
		out, _ := u.run(exitFailed, "log", "fsck", "damaged.db", "--json")
		if !strings.Contains(out, `"whole": false`) || !strings.Contains(out, says) {
			t.Errorf("%s: %s", damage, out)
		}
		u.refused(exitFailed, says, "restore", "damaged.db", "elsewhere")
		u.refused(exitFailed, "fsck: ", "rebuild", "damaged.db", "--into", "half.db")
		if _, err := os.Stat(u.path("half.db")); err == nil {
			t.Error("rebuild left half a register")
		}
		removeDatabase(u.path("damaged.db"))
	}
}

func TestRebuildFindsDifference(t *testing.T) {
	u := newUser(t)
	u.run(exitOK, initArgs("kr")...)
	db, err := sql.Open("sqlite", u.path("kr/office.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`UPDATE subjects SET digest = zeroblob(32) WHERE subject = 'catalog'`); err != nil {
		t.Fatal(err)
	}
	out, _ := u.run(exitFailed, "rebuild", "kr", "--into", "r.db", "--compare", "kr")
	if !strings.Contains(out, "subjects catalog differs in digest") {
		t.Errorf("rebuild says\n%s", out)
	}
	u.refused(exitUsage, "--into", "rebuild", "kr")
	u.refused(exitFailed, "catalog", "rebuild", "kr", "--into", "r2.db", "--catalog", "nowhere")
}

func TestServeTLS(t *testing.T) {
	u := newUser(t)
	u.run(exitOK, initArgs("kr")...)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "specimen"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	u.write("cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	u.write("key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	s := u.serve("kr", "127.0.0.1:0", "--tls-cert", "cert.pem", "--tls-key", "key.pem")
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(u.read("cert.pem")))
	c := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: pool}}}
	res, err := c.Get(s.url + "/checkpoint")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK || res.ProtoMajor != 2 || res.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("%s over %s, %v", res.Status, res.Proto, res.Header)
	}
	s.stop()
	if log := s.stderr.String(); !strings.Contains(log, `"msg":"serving"`) || !strings.Contains(log, `"msg":"stopping"`) {
		t.Errorf("logged\n%s", log)
	}
}

// TestPostgres runs one office in two processes on one database, and kills one.
func TestPostgres(t *testing.T) {
	storetest.EachEmpty(t, func(t *testing.T, url string) {
		if !postgres(url) {
			t.Skip("SQLite has one process")
		}
		u := newUser(t)
		u.env = []string{"ASSAY_DATABASE=" + url}
		out, _ := u.run(exitOK, initArgs("kr")...)
		if strings.Contains(out, "office.db") {
			t.Errorf("init speaks of a file:\n%s", out)
		}
		if err := os.Rename(u.path("kr"), u.path("first")); err != nil {
			t.Fatal(err)
		}
		u.refused(exitFailed, "there is an office in this database already", initArgs("kr")...)
		if err := os.Rename(u.path("first"), u.path("kr")); err != nil {
			t.Fatal(err)
		}
		one, two := u.serve("kr", "127.0.0.1:0"), u.serve("kr", "127.0.0.1:0")
		hub := one.certify()
		two.together("suspend", hub, "--reason", "vulnerability-unfixed")
		one.kill()
		two.together("reinstate", hub, "--reason", "vulnerability-fixed")
		a, err := two.client("ann").Certificate(context.Background(), hub, 0, 0)
		if err != nil || len(a.Events) != 2 || a.Stage != office.Published {
			t.Errorf("%+v, %v", a, err)
		}
		answer[checkedLog](u, "log", "fsck", two.url, "--fingerprint", two.print)
		answer[checkedLog](u, "log", "fsck", url)
		if r := answer[rebuilt](u, "rebuild", two.url, "--into", "r.db", "--compare", url); r.Compared != r.Digest || r.Certificates != 1 {
			t.Errorf("%+v", r)
		}
		u.refused(exitUsage, "pg_dump", "backup", url, "b.db")
		if r := answer[restored](u, "restore", "--check", url); len(r.Peers) != 0 || r.Entries == 0 {
			t.Errorf("%+v", r)
		}
	})
}
