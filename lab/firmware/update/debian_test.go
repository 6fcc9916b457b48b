package update

import (
	"testing"

	"assay/lab/firmware/inspect/inspecttest"
	"assay/lab/labtest"
)

// Packages that have nothing to do with updates have none of it, for all their scripts and addresses.
func TestDebian(t *testing.T) {
	dir := labtest.Unpacked(t, "base-passwd:mipsel", "ca-certificates:all", "hostapd:mipsel", "lighttpd:mipsel", "mosquitto:arm64", "openssh-server:mipsel", "openssl:mipsel", "ppp:mipsel",
		"snmpd:mipsel", "vsftpd:mipsel", "busybox-static:mipsel", "dropbear-bin:mipsel", "dnsmasq-base:mipsel")
	i := New()
	inspecttest.Show(t, i, nil, inspecttest.Folder(t, dir))
	r := i.Result()
	same(t, said(r))
	if r.Scripts < 10 {
		t.Errorf("%d scripts", r.Scripts)
	}
}
