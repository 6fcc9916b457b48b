package binary

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"assay/lab/labtest"
)

// checksec(7) judges the same in the programs of every architecture, where it
// can judge: it says "no" of everything that it does not see in a static program.
func TestHardeningAsChecksec(t *testing.T) {
	checksec := labtest.Tool(t, "checksec")
	words := map[string]Verdict{
		"Full RELRO": Yes, "Partial RELRO": Partial, "No RELRO": No, "Canary found": Yes, "No Canary found": No,
		"NX enabled": Yes, "NX disabled": No, "PIE enabled": Yes, "No PIE": No, "DSO": Never,
		"No RPATH": Yes, "No RUNPATH": Yes, "Yes": Yes, "No": No,
	}
	all := programs(t)
	for _, arch := range []string{"amd64", "armhf", "arm64", "mipsel"} {
		all[arch+" busybox"] = labtest.Unpacked(t, "busybox-static:"+arch) + "/bin/busybox"
	}
	for name, path := range all {
		out, err := exec.Command(checksec, "--format=csv", "--file="+path).Output()
		if err != nil {
			t.Fatal(name, err)
		}
		w := strings.Split(strings.TrimSpace(string(out)), ",")
		if len(w) < 10 {
			t.Fatalf("%s: %s", name, out)
		}
		f, err := Read(read(t, path))
		if err != nil {
			t.Fatal(name, err)
		}
		h := f.Hardening()
		want := map[string]string{"relro": w[0], "nx": w[2], "pie": w[3], "search-path": w[4]}
		if !f.Static {
			want["canary"] = w[1]
			if !strings.HasPrefix(name, "ppc64el ") { // there it takes another column of readelf's for the name
				want["fortify"] = w[7]
			}
		}
		for property, word := range want {
			if v, ok := words[word]; !ok || h[property].Verdict != v {
				t.Errorf("%s: %s %+v, and checksec says %s", name, property, h[property], word)
			}
		}
	}
}

func TestHardening(t *testing.T) {
	const plain = `#include <string.h>
	#include <stdio.h>
	int main(int c, char **v) { char b[20]; strcpy(b, v[0]); puts(b); return 0; }`
	for _, c := range []struct {
		how  string
		want map[string]string // property: verdict reason
	}{
		{"-O2 -fstack-protector-all -D_FORTIFY_SOURCE=2 -pie -fPIE -Wl,-z,relro,-z,now,-z,separate-code", map[string]string{
			"nx": "yes stack-header", "pie": "yes any-address", "relro": "yes relro-now", "canary": "yes canary-imported", "fortify": "yes fortified",
			"text-relocations": "yes no-text-relocations", "separate-code": "yes code-apart", "search-path": "yes no-search-path",
		}},
		{"-O2 -fno-stack-protector -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=0 -no-pie -z execstack -Wl,-z,norelro,-z,noseparate-code,-rpath,/tmp/lib", map[string]string{
			"nx": "no stack-header-executable", "pie": "no fixed-address", "relro": "no no-relro", "canary": "no canary-none", "fortify": "no only-unprotected",
			"separate-code": "partial code-with-data", "search-path": "no search-path-writable",
		}},
		{"-Wl,-z,relro,-z,lazy,-rpath,/usr/lib/x:lib -fno-stack-protector", map[string]string{"relro": "partial relro-lazy", "search-path": "no search-path-relative"}},
		{"-Wl,-rpath,$ORIGIN/../lib", map[string]string{"search-path": "partial search-path-origin"}},
		{"-Wl,-rpath,/usr/lib/x", map[string]string{"search-path": "yes search-path-fixed"}},
		{"-static -Wl,-N -nostdlib -e main -Wl,--unresolved-symbols=ignore-all", map[string]string{"separate-code": "no writable-code"}},
		{"-shared -fPIC -fno-stack-protector", map[string]string{"pie": "not-applicable library", "canary": "no canary-none"}},
		{"-c -fno-stack-protector", map[string]string{"pie": "not-applicable object", "nx": "not-applicable object", "canary": "no canary-none"}},
		{"-c -fstack-protector-all", map[string]string{"canary": "yes canary-imported"}},
		{"-static", map[string]string{"pie": "no fixed-address", "canary": "yes canary-symbol", "fortify": "unknown not-dynamic"}},
		{"-static -s", map[string]string{"canary": "yes canary-text"}},
		{"-static-pie", map[string]string{"pie": "yes any-address"}},
		{"-static -s -nostdlib -fno-stack-protector -O2 -e main -Wl,--unresolved-symbols=ignore-all", map[string]string{"canary": "unknown static-stripped"}},
	} {
		b := compile(t, plain, strings.Fields(c.how)...)
		f, err := Read(b)
		if err != nil {
			t.Fatal(err)
		}
		h := f.Hardening()
		for property, want := range c.want {
			if got := string(h[property].Verdict) + " " + h[property].Reason; got != want {
				t.Errorf("%s: %s %s, not %s", c.how, property, got, want)
			}
		}
		for _, p := range Properties {
			if !slices.Contains(Reasons, h[p].Reason) {
				t.Errorf("%s: %s without a reason: %+v", c.how, p, h[p])
			}
		}
		if len(h) != len(Properties) {
			t.Errorf("%v", h)
		}
	}
}

// Without the header of the stack the machine decides.
func TestNXWithoutHeader(t *testing.T) {
	for machine, want := range map[byte]Verdict{em386: No, emMIPS: No, emARM: No, emAArch64: Unknown, emRISCV: Unknown, emX8664: Unknown} {
		b := append([]byte("\x7fELF\x01\x01\x01"+strings.Repeat("\x00", 9)), 2, 0, machine, 0)
		f, err := Read(append(b, make([]byte, 100)...))
		if err != nil || f.Hardening()["nx"].Verdict != want {
			t.Errorf("%d: %+v, %v", machine, f, err)
		}
	}
}

func TestUses(t *testing.T) {
	f, err := Read(compile(t, `int system(const char*); int strcpy(char*,char*); int puts(const char*); int scanf(const char*, ...);
	int main(int c, char**v){ char b[9]; strcpy(b, v[0]); scanf(b); return system(b)+puts(b); }`, "-fno-builtin"))
	if err != nil || !slices.Equal(f.Uses(), []string{"scanf", "strcpy", "system"}) {
		t.Errorf("%v, %v", f.Uses(), err)
	}
}
