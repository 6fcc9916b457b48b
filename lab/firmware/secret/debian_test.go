package secret

import (
	"slices"
	"testing"
	"time"

	"assay/lab"
	"assay/lab/firmware/inspect/inspecttest"
	"assay/lab/labtest"
)

// Packages of real services, with their configuration, password files, certificates and programs, have
// nothing to be found but what is really there: a community that everybody knows, and the keys
// with which openssl measures its speed.
func TestDebian(t *testing.T) {
	dir := labtest.Unpacked(t, "base-passwd:mipsel", "ca-certificates:all", "hostapd:mipsel", "lighttpd:mipsel", "mosquitto:arm64", "nginx:arm64", "openssh-server:mipsel",
		"openssl:mipsel", "ppp:mipsel", "snmpd:mipsel", "tftpd-hpa:mipsel", "vsftpd:mipsel", "busybox-static:mipsel", "dropbear-bin:mipsel", "dnsmasq-base:mipsel")
	i := New(Options{At: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)})
	inspecttest.Show(t, i, nil, inspecttest.Folder(t, dir))
	r := i.Result()
	var got []string
	for _, f := range r.Findings {
		for _, p := range f.Where {
			p.Offset = 0 // they move with each build
			f.Where = []lab.Place{p}
			got = append(got, said([]lab.Finding{f}, "password", "bits", "access")...)
		}
	}
	slices.Sort(got)
	same(t, got,
		"credential.snmp-community confirmed /etc/snmp/snmpd.conf:71 public read",
		"credential.snmp-community confirmed /etc/snmp/snmpd.conf:72 public read",
		"secret.library-test-key confirmed /usr/bin/openssl 512", "secret.library-test-key confirmed /usr/bin/openssl 1024", "secret.library-test-key confirmed /usr/bin/openssl 2048",
		"secret.library-test-key confirmed /usr/bin/openssl 3072", "secret.library-test-key confirmed /usr/bin/openssl 4096", "secret.library-test-key confirmed /usr/bin/openssl 7680", "secret.library-test-key confirmed /usr/bin/openssl 15360",
		"secret.trust-store confirmed /usr/share/ca-certificates/mozilla",
	)
	if r.Files < 400 || len(r.Accounts) < 15 {
		t.Errorf("%d files, %d accounts", r.Files, len(r.Accounts))
	}
	for _, a := range r.Accounts {
		if a.Login != Locked {
			t.Errorf("%+v", a)
		}
	}
}
