//go:build pkcs11

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"assay/certificate"
	"assay/keys"
)

// TestModuleByHand moves a running office's statement key into a hardware
// module, as the manual says, and starts it again from there.
func TestModuleByHand(t *testing.T) {
	const module = "/usr/lib/softhsm/libsofthsm2.so"
	if _, err := os.Stat(module); err != nil {
		t.Skip("libsofthsm2.so is not installed (Debian: softhsm2)")
	}
	kr, sg := pairByHand(t)
	u := kr.u
	u.write("softhsm2.conf", "directories.tokendir = "+u.dir+"\nobjectstore.backend = file\nlog.level = ERROR\n")
	u.write("pin", "4321\n")
	u.env = append(u.env, "SOFTHSM2_CONF="+u.path("softhsm2.conf"))
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	u.write("key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	for _, args := range [][]string{
		{"--init-token", "--free", "--label", "office", "--so-pin", "12345678", "--pin", "4321"},
		{"--import", "key.pem", "--token", "office", "--label", "statement-2027", "--id", "01", "--pin", "4321"},
	} {
		c := exec.Command("softhsm2-util", args...)
		c.Dir, c.Env = u.dir, append(os.Environ(), u.env...)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("softhsm2-util %v: %v\n%s", args, err, out)
		}
	}
	hub := kr.certify()
	d := designation(sg, hub)
	in := []string{"--pkcs11-module", module, "--pkcs11-token", "office", "--pin-file", "pin"}
	next := append(in, "--pkcs11-next-label", "statement=statement-2027")

	kr.stop()
	*kr = *u.serve("kr", kr.address(), next...)
	body, _ := u.run(exitOK, append([]string{"keys", "act", "kr", "--reason", "scheduled", "--passphrase-file", "passphrase"}, next...)...)
	u.write("key.json", body)
	kr.together("propose", "key", "--body", "key.json")
	kr.together("suspend", hub, "--reason", "vulnerability-unfixed")
	kr.stop()
	u.refused(exitFailed, "not the one that the log names", "serve", "kr", "--listen", "127.0.0.1:0", "--passphrase-file", "passphrase")
	now := append(in, "--pkcs11-label", "statement=statement-2027")
	*kr = *u.serve("kr", kr.address(), now...)
	kr.together("revoke", hub, "--reason", "below-criteria")
	eventually(t, "the partner follows the module's key", func() bool {
		a := designation(sg, hub)
		return a.Certificate.ID == d.Certificate.ID && a.Standing.State == certificate.Lapsed
	})
	for _, l := range answer[[]keyLine](u, append([]string{"keys", "show", "kr", "--passphrase-file", "passphrase"}, now...)...) {
		if l.Role == keys.Statement && l.State == "in force" && (len(l.At) != 1 || l.At[0] != "module") {
			t.Errorf("the statement key is said to be at %v", l.At)
		}
	}
	if c := answer[checkedLog](u, "log", "fsck", filepath.Join("kr", databaseFile)); !c.Whole {
		t.Errorf("%+v", c)
	}
}
