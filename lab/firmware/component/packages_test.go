package component

import (
	"os"
	"runtime"
	"strings"
	"testing"

	"assay/lab"
	"assay/lab/firmware/image"
)

func TestSplit(t *testing.T) {
	for in, want := range map[string]string{
		"opkg 1.25.1-4":              "1.25.1 4",
		"opkg 2017.75-5.1":           "2017.75 5.1",
		"opkg 2.80test3-1":           "2.80test3 1",
		"opkg 2017-02-24-96305a3c-1": "2017-02-24-96305a3c 1",
		"opkg 2017-02-24-96305a3c":   "2017-02-24-96305a3c ",
		"opkg 2018-04-16-12345678":   "2018-04-16-12345678 ",
		"opkg 2018-04-16":            "2018-04-16 ",
		"opkg 192-r7352-9ac7eb4":     "192-r7352-9ac7eb4 ",
		"opkg 23":                    "23 ",
		"opkg 3.0.8-r9":              "3.0.8 r9",
		"dpkg 1:1.35.0-4+deb12u1+b1": "1.35.0 1:4+deb12u1+b1",
		"dpkg 2.0.10-4+deb13u2":      "2.0.10 4+deb13u2",
		"dpkg 1:1.2.13.dfsg-1":       "1.2.13 1:.dfsg-1",
		"dpkg 5.9.3+dfsg-2":          "5.9.3 +dfsg-2",
		"dpkg 2.1.12-stable-8":       "2.1.12 -stable-8",
		"dpkg 9.2p1-2":               "9.2p1 2",
		"dpkg 1.2.0+really1.1.1-3":   "1.1.1 1.2.0+really-3",
		"dpkg 4.4.3-P1-2":            "4.4.3-P1 2",
		"dpkg 252.39-1~deb12u2":      "252.39 1~deb12u2",
		"dpkg 20230101":              "20230101 ",
		"dpkg 3.0.20-1~deb12u2":      "3.0.20 1~deb12u2",
		"apk 1.36.1-r19":             "1.36.1 r19",
		"apk 3.3.2_git20240101-r0":   "3.3.2_git20240101 r0",
		"apk 2023.10.10~12cb6be8-r1": "2023.10.10~12cb6be8 r1",
	} {
		database, version, _ := strings.Cut(in, " ")
		up, rev := Split(database, version)
		if got := up + " " + rev; got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}

const opkgStatus = `Package: busybox
Version: 1.25.1-4
Status: install user installed
Architecture: mips_24kc
Conffiles:
 /etc/syslog.conf 123
Installed-Time: 1508262380

Package: gone
Version: 1.0-1
Status: deinstall user not-installed
Architecture: mips_24kc

Package: kernel
Version: 4.4.92-1-45d282495a15974d60f8edb091d0e2a9
Status: install ok installed
Architecture: mips_24kc

Package: kmod-ath9k
Version: 4.4.92+2017-01-31-3
Status: install user unpacked
Architecture: mips_24kc

Package: libc
Version: 1.1.16-1
Status: install hold installed
Essential: yes

Package: busybox
Version: 1.25.1-4
Status: install user installed
Architecture: mips_24kc

Package: ../../evil
Version: 1
Status: install user installed
`

const busyboxControl = `Package: busybox
Version: 1.25.1-4
Source: package/utils/busybox
License: GPL-2.0
Maintainer: Felix Fietkau <nbd@nbd.name>
Architecture: mips_24kc
Description:  The Swiss Army Knife of embedded Linux.
 It slices.
`

func TestOpkg(t *testing.T) {
	cs, fs := look(t, map[string]*image.Tree{"0x0": files(t, map[string]string{
		"usr/lib/opkg/status":                opkgStatus,
		"usr/lib/opkg/info/busybox.control":  busyboxControl,
		"usr/lib/opkg/info/leftover.control": "Package: leftover\nVersion: 1\n",
		"etc/openwrt_release":                "DISTRIB_ID='LEDE'\nDISTRIB_RELEASE='17.01.4'\n",
		"etc/os-release":                     "→../usr/lib/os-release",
		"usr/lib/os-release":                 "ID=lede\nNAME=LEDE\nVERSION_ID=\"17.01.4\"\n",
	})})
	if len(cs) != 5 || len(fs) != 0 {
		t.Errorf("%d components, %v", len(cs), fs)
	}
	b := get(t, cs, "busybox", "1.25.1")
	if b.Family != "busybox" || b.Revision != "4" || b.License != "GPL-2.0" || b.Source != "package/utils/busybox" || b.Kind != "package" ||
		b.PURL != "pkg:opkg/openwrt/busybox@1.25.1-4?arch=mips_24kc&distro=openwrt-17.01.4" || b.CPE != "cpe:2.3:a:busybox:busybox:1.25.1:*:*:*:*:*:*:*" ||
		b.Certainty != lab.Claimed || len(b.Seen) != 1 || b.Seen[0].Where != (lab.Place{Part: "0x0", Path: "/usr/lib/opkg/status", Line: 1}) || b.Seen[0].Rule != "opkg" {
		t.Errorf("%+v", b)
	}
	if k := get(t, cs, "kernel", "4.4.92"); k.Family != "linux" || k.Kind != "kernel" || k.Revision != "1-45d282495a15974d60f8edb091d0e2a9" {
		t.Errorf("%+v", k)
	}
	if k := get(t, cs, "kmod-ath9k", "2017-01-31"); k.Kind != "module" || k.Revision != "4.4.92-3" || !strings.Contains(k.PURL, "@4.4.92%2B2017-01-31-3?") {
		t.Errorf("%+v", k)
	}
	if o := get(t, cs, "LEDE", "17.01.4"); o.Family != "openwrt" || o.Kind != "firmware" || o.Certainty != lab.Confirmed {
		t.Errorf("%+v", o)
	}
}

// Without a status the control files are what there is.
func TestLooseControls(t *testing.T) {
	cs, _ := look(t, map[string]*image.Tree{"0x0": files(t, map[string]string{
		"usr/lib/ipkg/info/busybox.control": busyboxControl,
		"opt/data/info/other.control":       "Package: other\nVersion: 1\n",
	})})
	if len(cs) != 1 || cs[0].Name != "busybox" || cs[0].Seen[0].Where.Path != "/usr/lib/ipkg/info/busybox.control" || cs[0].PURL != "pkg:opkg/busybox@1.25.1-4?arch=mips_24kc" {
		t.Errorf("%+v", cs)
	}
}

func TestDpkg(t *testing.T) {
	cs, _ := look(t, map[string]*image.Tree{"0x0": files(t, map[string]string{
		"var/lib/dpkg/status": "Package: libssl3\nStatus: install ok unpacked\nArchitecture: armhf\nSource: openssl (3.0.1-1)\nVersion: 3.0.20-1~deb12u2\nMaintainer: A\n\n" +
			"Package: tool\nStatus: deinstall ok config-files\nVersion: 1\n\n" +
			"Package: bad\nStatus: installed\nVersion: 1\n\nPackage: half\nStatus: install ok half-installed\nVersion: 1\n",
		"var/lib/dpkg/status.d/base":         "Package: base-files\nVersion: 12.4\nArchitecture: amd64\n",
		"var/lib/dpkg/status.d/base.md5sums": "d41d8cd98f00b204e9800998ecf8427e  etc/x\n",
		"etc/os-release":                     "ID=debian\nVERSION_ID=\"12\"\n",
	})})
	if len(cs) != 3 {
		t.Errorf("%+v", cs)
	}
	s := get(t, cs, "libssl3", "3.0.20")
	if s.Family != "openssl" || s.Source != "openssl" || s.Revision != "1~deb12u2" || s.PURL != "pkg:deb/debian/libssl3@3.0.20-1~deb12u2?arch=armhf&distro=debian-12" || s.Supplier != "A" {
		t.Errorf("%+v", s)
	}
	if b := get(t, cs, "base-files", "12.4"); b.Family != "base-files" || b.Seen[0].Rule != "dpkg" || b.CPE != "" {
		t.Errorf("%+v", b)
	}
}

func TestAPK(t *testing.T) {
	cs, _ := look(t, map[string]*image.Tree{"0x0": files(t, map[string]string{
		"lib/apk/db/installed":     "C:Q1abc=\nP:musl\nV:1.2.4-r2\nA:aarch64\nL:MIT\no:musl\nm:Timo <x@y>\nF:lib\nR:ld-musl-aarch64.so.1\na:0:0:755\n\nP:\nV:1\n\nP:busybox-binsh\nV:1.36.1-r19\nA:aarch64\no:busybox\n",
		"etc/os-release":           "ID=alpine\nVERSION_ID=3.19.1\n",
		"lib/ld-musl-aarch64.so.1": "\x7fELFmusl libc (aarch64)\x00Version %s\n\x001.2.4\x00",
	})})
	m := get(t, cs, "musl", "1.2.4")
	if m.Family != "musl" || m.License != "MIT" || m.Revision != "r2" || m.PURL != "pkg:apk/alpine/musl@1.2.4-r2?arch=aarch64&distro=alpine-3.19.1" || m.Certainty != lab.Confirmed || len(m.Seen) != 2 {
		t.Errorf("%+v", m)
	}
	if b := get(t, cs, "busybox-binsh", "1.36.1"); b.Family != "busybox" || b.Source != "busybox" {
		t.Errorf("%+v", b)
	}
}

// Two systems with the same package have one component with two places.
func TestTwoSystems(t *testing.T) {
	tree := func() *image.Tree { return files(t, map[string]string{"usr/lib/opkg/status": opkgStatus}) }
	cs, _ := look(t, map[string]*image.Tree{"0x10": tree(), "0x20": tree()})
	if b := get(t, cs, "busybox", "1.25.1"); len(b.Seen) != 2 || b.Certainty != lab.Claimed {
		t.Errorf("%+v", b)
	}
}

func TestManifests(t *testing.T) {
	cs, _ := look(t, map[string]*image.Tree{"0x0": files(t, map[string]string{
		"usr/lib/python3/site-packages/Foo_Bar-1.2.dist-info/METADATA":  "Metadata-Version: 2.1\r\nName: Foo_Bar\r\nVersion: 1.2\r\nLicense: MIT\r\n\r\nName: other\n",
		"usr/lib/python2.7/six.egg-info":                                "Metadata-Version: 1.1\nName: six\nVersion: 1.10.0\n",
		"www/node_modules/@scope/pkg/package.json":                      `{"name":"@scope/pkg","version":"3.4.5","license":"ISC"}`,
		"www/node_modules/dep/package.json":                             `{"name":"dep","version":"1.0.0","license":{"type":"MIT"}}`,
		"www/node_modules/dep/test/package.json":                        `{"name":"inner","version":"1.0.0"}`,
		"www/package.json":                                              `{"name":"app","version":"9"}`,
		"www/node_modules/bad/package.json":                             `{"name":`,
		"usr/lib/lua/luarocks/rocks/lpeg/1.0.2-1/lpeg-1.0.2-1.rockspec": "package = 'lpeg'\n",
	})})
	want := map[string]string{
		"pypi/foo-bar": "pkg:pypi/foo-bar@1.2", "pypi/six": "pkg:pypi/six@1.10.0", "npm/@scope/pkg": "pkg:npm/%40scope/pkg@3.4.5", "npm/dep": "pkg:npm/dep@1.0.0", "luarocks/lpeg": "pkg:luarocks/lpeg@1.0.2-1",
	}
	if len(cs) != len(want) {
		t.Errorf("%+v", cs)
	}
	for _, c := range cs {
		if want[c.Family] != c.PURL {
			t.Errorf("%s: %s, want %s", c.Family, c.PURL, want[c.Family])
		}
	}
}

func TestPurlEscape(t *testing.T) {
	if got := purlEscape("a+b c@1~2:3/é"); got != "a%2Bb%20c%401~2:3%2F%C3%A9" {
		t.Error(got)
	}
}

// Which family a package is of, and which it is not although its name looks so.
func TestByPackage(t *testing.T) {
	s, err := ready()
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{
		"libssl3 openssl": "openssl", "libopenssl package/libs/openssl": "openssl", "libustream-openssl package/libs/ustream-ssl": "", "wpad-mini package/network/services/hostapd": "hostapd",
		"kernel package/kernel/linux": "linux", "kmod-usb-core package/kernel/linux": "", "linux-image-6.1.0-37-armmp linux": "linux", "linux-libc-dev linux": "", "uboot-envtools package/boot/uboot-envtools": "",
		"python3.11-minimal python3.11": "python", "python3-requests requests": "", "python3-requests ": "", "libnl-tiny package/libs/libnl-tiny": "", "ppp-mod-pptp package/network/services/ppp": "pppd",
		"openvpn-easy-rsa feeds/packages/net/openvpn-easy-rsa": "", "cups-filters cups-filters": "", "lua-socket lua-socket": "", "libblkid1 util-linux": "util-linux", "busybox-binsh busybox": "busybox", "libpcre2-8-0 pcre2": "pcre2",
	} {
		name, source, _ := strings.Cut(in, " ")
		got := ""
		if f := s.byPackage(name, source); f != nil {
			got = f.ID
		}
		if got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}

// The test itself is a program in Go.
func TestGo(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	if !isELF(b) {
		t.Skip("programs here are not ELF")
	}
	cs, _ := look(t, map[string]*image.Tree{"0x0": files(t, map[string]string{"usr/bin/app": string(b)})})
	version := strings.TrimPrefix(strings.Fields(runtime.Version())[0], "go")
	if c := get(t, cs, "stdlib", version); c.Family != "golang/stdlib" || c.PURL != "pkg:golang/stdlib@"+version || c.Kind != "library" {
		t.Errorf("%+v", c)
	}
	// Its texts name half of the families, and none of them is in it.
	if len(cs) != 1 {
		t.Errorf("%d components", len(cs))
	}
}
