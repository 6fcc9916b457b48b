package service

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"assay/lab/firmware/inspect/inspecttest"
	"assay/lab/labtest"
)

// Real units and scripts, with the configuration that Debian ships.
func TestDebian(t *testing.T) {
	dir := labtest.Unpacked(t, "lighttpd:mipsel", "mosquitto:arm64", "nginx:arm64", "openssh-server:mipsel", "snmpd:mipsel", "tftpd-hpa:mipsel", "vsftpd:mipsel", "hostapd:mipsel", "ppp:mipsel", "dropbear-bin:mipsel")
	i := New()
	inspecttest.Show(t, i, nil, inspecttest.Folder(t, dir))
	// Nothing enables them: that happens when packages are installed.
	want := []string{
		"ftp 21/tcp disabled password claimed systemd /lib/systemd/system/vsftpd.service:7",
		"http 80/tcp disabled unknown claimed systemd /lib/systemd/system/lighttpd.service:9",
		"mqtt 1883/tcp disabled unknown claimed systemd /lib/systemd/system/mosquitto.service:10",
		"snmp 161/udp disabled password claimed systemd at 127.0.0.1 /lib/systemd/system/snmpd.service:9",
		"snmp 161/udp disabled password claimed systemd at ::1 /lib/systemd/system/snmpd.service:9",
		"ssh 22/tcp disabled password claimed systemd /lib/systemd/system/ssh.service:10",
		"tftp 69/udp disabled none claimed upstart /etc/init/tftpd-hpa.conf:50",
	}
	same(t, "listeners", said(i.Result()), want...)
	same(t, "findings", rules(i.Result()))

	// What dpkg does when it installs them: a unit is wanted, a start link is made, settings are written.
	for p, target := range map[string]string{
		"etc/systemd/system/multi-user.target.wants/vsftpd.service":    "/lib/systemd/system/vsftpd.service",
		"etc/systemd/system/multi-user.target.wants/mosquitto.service": "/lib/systemd/system/mosquitto.service",
		"etc/rc2.d/S01tftpd-hpa": "../init.d/tftpd-hpa",
	} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(p)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(dir, p)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "etc/default"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "etc/default/tftpd-hpa"), []byte("TFTP_USERNAME=\"tftp\"\nTFTP_ADDRESS=\":6969\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	i = New()
	inspecttest.Show(t, i, nil, inspecttest.Folder(t, dir))
	enabled := slices.DeleteFunc(said(i.Result()), func(s string) bool { return strings.Contains(s, " disabled ") })
	same(t, "enabled", enabled,
		"ftp 21/tcp enabled password confirmed systemd /lib/systemd/system/vsftpd.service:7",
		"mqtt 1883/tcp enabled unknown confirmed systemd /lib/systemd/system/mosquitto.service:10",
		"tftp 6969/udp enabled none confirmed script /etc/init.d/tftpd-hpa:55",
	)
	same(t, "findings", rules(i.Result()),
		"service.as-root claimed /lib/systemd/system/vsftpd.service:7",
		"service.clear-text confirmed /etc/init.d/tftpd-hpa:55",
		"service.clear-text confirmed /lib/systemd/system/vsftpd.service:7",
	)
}
