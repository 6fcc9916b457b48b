package sshaudit

import (
	"slices"
	"testing"

	"assay/evidence"
	"assay/exchange/intake"
)

func find(r *intake.Result, id string) *evidence.Issue {
	if i := slices.IndexFunc(r.Import.Issues, func(i evidence.Issue) bool { return i.ID == id }); i >= 0 {
		return &r.Import.Issues[i]
	}
	return nil
}

// Version 2 says nothing of an algorithm; our own list does.
func TestVersion2(t *testing.T) {
	r := file(t, "ssh-audit-2.5.json")
	var ids []string
	for _, i := range r.Import.Issues {
		ids = append(ids, i.ID+" "+i.Severity)
	}
	same(t, "issues", ids, []string{"kex:diffie-hellman-group14-sha1 medium", "key:rsa-sha2-256 high", "key:ssh-rsa high", "key:ssh-rsa high", "mac:hmac-sha1 low"})
	if len(r.Import.Services) != 0 {
		t.Errorf("the file has no port, and came out with %+v", r.Import.Services)
	}
	noted(t, r, "on which port")
	if m := file(t, "ssh-audit-2.5-targets.json").Import; m.Target != "2 targets" || find(&intake.Result{Import: m}, "enc:3des-cbc") == nil {
		t.Errorf("got %+v", m)
	}
}

// Version 3 says of each algorithm what it thinks; that counts, not our list.
func TestVersion3(t *testing.T) {
	r := file(t, "ssh-audit-3.3.json")
	same(t, "services", r.Import.Services, []evidence.Service{{Address: "192.0.2.7", Transport: "tcp", Port: 2222, State: "open", Name: "ssh", Product: "dropbear", Version: "2022.83"}})
	same(t, "issues", r.Import.Issues, []evidence.Issue{
		{ID: "kex:diffie-hellman-group14-sha1", Severity: "high", Text: "using broken SHA-1 hash algorithm", Where: "192.0.2.7:2222"},
		{ID: "key:ssh-rsa", Severity: "high", Text: "using broken SHA-1 hash algorithm; using small 1024-bit modulus", Where: "192.0.2.7:2222"},
		{ID: "enc:chacha20-poly1305@openssh.com", Severity: "medium", Text: "vulnerable to the Terrapin attack", Where: "192.0.2.7:2222"},
		{ID: "mac:hmac-sha1", Severity: "high", Text: "using broken SHA-1 hash algorithm", Where: "192.0.2.7:2222"},
		{ID: "CVE-2023-48795", Severity: "medium", Text: "prefix truncation [told from the version in the banner]", Where: "192.0.2.7:2222"},
	})
}

func TestPolicy(t *testing.T) {
	r := file(t, "ssh-audit-3.3-policy.json")
	same(t, "issues", r.Import.Issues, []evidence.Issue{{ID: "policy:Host key (rsa-sha2-256) sizes", Severity: "unknown",
		Text: "Hardened OpenSSH Server v8.0 (version 4) asks for 4096; there is 3072", Where: "192.0.2.7:22"}})
	if n := len(file(t, "ssh-audit-2.5-policy.json").Import.Issues); n != 5 {
		t.Errorf("%d deviations of 5", n)
	}
	r, err := parse("x.json", []byte(`{"host": "h", "port": 22, "passed": true, "policy": "P", "errors": []}`))
	if err != nil {
		t.Fatal(err)
	}
	noted(t, r, "h:22 meets the policy P")
}

func TestRefuses(t *testing.T) {
	for _, c := range []struct{ name, in, place, says string }{
		{"nothing", `[]`, "", "no target"},
		{"no algorithms", `[{"banner": {}, "kex": []}]`, "/0", "no algorithms"},
		{"a name is missing", `{"banner": {}, "kex": ["a", {"keysize": 1}]}`, "/kex/1", "without a name"},
		{"no reason", `{"host": "h", "passed": false, "policy": "P", "errors": []}`, "/errors", "no error says why"},
		{"no outcome", `{"host": "h", "policy": "P"}`, "", "without passed"},
	} {
		_, err := parse("x.json", []byte(c.in))
		refused(t, c.name, err, 0, c.place, c.says)
	}
	_, err := parse("x.json", []byte("{\"kex\": [\n5]}"))
	refused(t, "type", err, 2, "/kex/0", "number")
}

// Our list names each algorithm once at most, and no sound one.
func TestWeak(t *testing.T) {
	var w weakList
	if err := evidence.ParseFile("weak.yaml", weakText, &w); err != nil {
		t.Fatal(err)
	}
	found := func(kind, name string) string {
		for _, a := range w.Algorithms {
			if a.Kind == kind && matches(a.Names, name) {
				return a.Severity
			}
		}
		return ""
	}
	for in, want := range map[[2]string]string{
		{"kex", "curve25519-sha256"}: "", {"kex", "diffie-hellman-group14-sha256"}: "", {"kex", "diffie-hellman-group1-sha1"}: "high",
		{"kex", "mlkem768x25519-sha256"}: "", {"key", "ssh-ed25519"}: "", {"key", "rsa-sha2-512"}: "", {"key", "ssh-dss"}: "high",
		{"key", "ssh-rsa-cert-v01@openssh.com"}: "high", {"enc", "aes256-gcm@openssh.com"}: "", {"enc", "chacha20-poly1305@openssh.com"}: "",
		{"enc", "aes128-cbc"}: "medium", {"enc", "3des-cbc"}: "high", {"enc", "none"}: "critical", {"mac", "hmac-sha2-256"}: "",
		{"mac", "umac-128-etm@openssh.com"}: "", {"mac", "hmac-md5-96-etm@openssh.com"}: "medium", {"mac", "hmac-sha1"}: "low",
	} {
		if got := found(in[0], in[1]); got != want {
			t.Errorf("%s %s: %q, want %q", in[0], in[1], got, want)
		}
	}
}
