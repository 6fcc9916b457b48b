package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"assay/certificate"
	"assay/keys"
	"assay/office"
)

// TestKeysByHand replaces the keys of a running office as the manual says,
// with a partner that follows, and starts it again with the new ones.
func TestKeysByHand(t *testing.T) {
	kr, sg := pairByHand(t)
	u := kr.u
	hub := kr.certify()
	d := designation(sg, hub)
	phrase := []string{"--passphrase-file", "passphrase"}
	inForce := func() map[keys.Role]keyLine {
		out := map[keys.Role]keyLine{}
		for _, l := range answer[[]keyLine](u, append([]string{"keys", "show", "kr"}, phrase...)...) {
			if l.State == "in force" {
				out[l.Role] = l
			}
		}
		return out
	}
	before := inForce()
	u.refused(exitFailed, "assay keys new", append([]string{"keys", "act", "kr", "--reason", "scheduled"}, phrase...)...)
	u.refused(exitFailed, "identity key is the office", append([]string{"keys", "new", "kr", "--role", "identity"}, phrase...)...)
	u.run(exitOK, append([]string{"keys", "new", "kr", "--scrypt-work", "8"}, phrase...)...)
	u.refused(exitFailed, "never overwritten", append([]string{"keys", "new", "kr"}, phrase...)...)
	u.refused(exitFailed, "two admins put it in force first", append([]string{"keys", "use", "kr"}, phrase...)...)
	u.refused(exitUsage, "--since", append([]string{"keys", "act", "kr", "--reason", "compromised"}, phrase...)...)
	old := u.read("kr/" + keysFile)

	body, _ := u.run(exitOK, append([]string{"keys", "act", "kr", "--reason", "compromised", "--since", time.Now().Add(-time.Minute).Format(time.RFC3339)}, phrase...)...)
	u.write("key.json", body)
	act := kr.together("propose", "key", "--body", "key.json")
	var r office.KeyResult
	if err := json.Unmarshal(act.Result, &r); err != nil || r.Doubt == 0 {
		t.Errorf("result %s (%v): the minute has the grant in it", act.Result, err)
	}
	eventually(t, "the key file has the new keys", func() bool {
		_, err := os.Stat(u.path("kr/" + nextKeysFile))
		return os.IsNotExist(err) && u.read("kr/"+keysFile) != old && u.read("kr/"+previousKeysFile) == old
	})
	after := inForce()
	for _, role := range keys.Roles {
		if same := after[role].ID == before[role].ID; same != (role == keys.Identity) || len(after[role].At) == 0 || after[role].At[0] != keysFile {
			t.Errorf("%s: %+v, before %+v", role, after[role], before[role])
		}
	}
	state := func(want certificate.State) func() bool {
		return func() bool {
			return answer[office.Answer](u, "show", d.Certificate.ID, "--office", sg.url).Standing.State == want
		}
	}
	eventually(t, "what the stolen key signed is held abroad", state(certificate.Held))

	kr.kill()
	*kr = *u.serve("kr", kr.address())
	kr.together("revoke", hub, "--reason", "below-criteria")
	eventually(t, "the partner follows the new keys", state(certificate.Lapsed))
	if c := answer[checkedLog](u, "log", "fsck", kr.url, "--fingerprint", kr.print); !c.Whole || !c.Pinned {
		t.Errorf("fsck: %+v", c)
	}
	if r := answer[rebuilt](u, "rebuild", kr.url, "--into", "rebuilt.db", "--compare", "kr", "--fingerprint", kr.print); r.Compared != r.Digest {
		t.Errorf("%+v", r)
	}
	kr.stop()
	// Another machine that did not serve meanwhile: the old file, the next beside it.
	for _, move := range [][2]string{{keysFile, nextKeysFile}, {previousKeysFile, keysFile}} {
		if err := os.Rename(u.path(filepath.Join("kr", move[0])), u.path(filepath.Join("kr", move[1]))); err != nil {
			t.Fatal(err)
		}
	}
	u.run(exitOK, append([]string{"keys", "use", "kr"}, phrase...)...)
	u.serve("kr", "127.0.0.1:0").stop()
	if err := os.Rename(u.path("kr/"+previousKeysFile), u.path("kr/"+keysFile)); err != nil {
		t.Fatal(err)
	}
	u.refused(exitFailed, "not the one that the log names", "serve", "kr", "--listen", "127.0.0.1:0", "--passphrase-file", "passphrase")
}

// TestModuleFlags: without the build tag the command says how to get it.
func TestModuleFlags(t *testing.T) {
	u := newUser(t)
	u.run(exitOK, initArgs("kr")...)
	serve := []string{"serve", "kr", "--listen", "127.0.0.1:0", "--passphrase-file", "passphrase"}
	u.refused(exitUsage, "belong together", append(serve, "--pkcs11-module", "x.so")...)
	u.refused(exitUsage, "write a role", append(serve, "--pkcs11-label", "king=x")...)
	u.write("pin", "4321")
	says := "-tags pkcs11"
	if _, _, err := keys.OpenPKCS11(keys.PKCS11{}, nil); !strings.Contains(err.Error(), says) {
		says = "cannot be loaded"
	}
	u.refused(exitFailed, says, append(serve, "--pkcs11-module", "x.so", "--pkcs11-token", "t", "--pin-file", "pin", "--pkcs11-label", "statement=s")...)
}
