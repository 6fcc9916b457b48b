package component

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"assay/lab"
	"assay/lab/firmware/image"
	"assay/lab/labtest"
)

// The corpus: programs and libraries of Debian, mostly for MIPS and ARM. The truth is the
// package's version. The rules were written from the armhf packages of the same
// release, from images of OpenWrt and from upstream sources; most packages here are of
// other machines, where compilers lay strings out in other ways.
var corpus = []struct {
	deb, family string
}{
	{"busybox-static:armhf", "busybox"},
	{"busybox-static:mipsel", "busybox"},
	{"dropbear-bin:mipsel", "dropbear"},
	{"dropbear-bin:armhf", "dropbear"},
	{"dnsmasq-base:arm64", "dnsmasq"},
	{"dnsmasq-base:mipsel", "dnsmasq"},
	{"libcjson1:mipsel", "cjson"},
	{"libminiupnpc17:arm64", "miniupnpc"},
	{"conntrack:mipsel", "conntrack-tools"},
	{"libjansson4:armhf", "jansson"},
	{"libsrtp2-1:mipsel", "libsrtp"},
	{"igmpproxy:arm64", "igmpproxy"},
	{"tinyproxy-bin:mipsel", "tinyproxy"},
	{"netcat-openbsd:arm64", "openbsd-netcat"},
	{"libjson-c5:mipsel", "json-c"},
	{"mini-httpd:arm64", "mini_httpd"},
	{"libtasn1-6:mipsel", "libtasn1"},
	{"libbz2-1.0:mipsel", "bzip2"},
	{"libyaml-0-2:arm64", "libyaml"},
	{"liblz4-1:mipsel", "lz4"},
	{"libpsl5:arm64", "libpsl"},
	{"atftpd:mipsel", "atftp"},
	{"tftpd-hpa:mipsel", "tftp-hpa"},
	{"libnghttp2-14:mipsel", "nghttp2"},
	{"radvd:mipsel", "radvd"},
	{"nftables:arm64", "nftables"},
	{"pppoe:mipsel", "rp-pppoe"},
	{"zlib1g:mipsel", "zlib"},
	{"libcivetweb1:mipsel", "civetweb"},
	{"avahi-daemon:mipsel", "avahi"},
	{"xl2tpd:arm64", "xl2tpd"},
	{"i2c-tools:mipsel", "i2c-tools"},
	{"ebtables:mipsel", "ebtables"},
	{"libexpat1:arm64", "expat"},
	{"pptpd:arm64", "pptpd"},
	{"lua5.1:mipsel", "lua"},
	{"libmosquitto1:mipsel", "mosquitto"},
	{"miniupnpd-nftables:mipsel", "miniupnpd"},
	{"liblua5.1-0:arm64", "lua"},
	{"wireguard-tools:mipsel", "wireguard-tools"},
	{"libc-ares2:mipsel", "c-ares"},
	{"inetutils-telnetd:mipsel", "inetutils"},
	{"libfuse2:arm64", "fuse"},
	{"libmicrohttpd12:mipsel", "libmicrohttpd"},
	{"libevent-core-2.1-7:mipsel", "libevent"},
	{"libuv1:arm64", "libuv"},
	{"mount:mipsel", "util-linux"},
	{"vsftpd:mipsel", "vsftpd"},
	{"libsodium23:arm64", "libsodium"},
	{"libpcap0.8:mipsel", "libpcap"},
	{"minidlna:mipsel", "minidlna"},
	{"libjpeg62-turbo:mipsel", "libjpeg-turbo"},
	{"libssh-4:mipsel", "libssh"},
	{"libssh2-1:arm64", "libssh2"},
	{"pure-ftpd:mipsel", "pure-ftpd"},
	{"libwebsockets17:mipsel", "libwebsockets"},
	{"squashfs-tools:arm64", "squashfs-tools"},
	{"dhcpcd-base:mipsel", "dhcpcd"},
	{"libdbus-1-3:mipsel", "dbus"},
	{"libext2fs2:arm64", "e2fsprogs"},
	{"liblzma5:mipsel", "xz"},
	{"tinc:arm64", "tinc"},
	{"stunnel4:mipsel", "stunnel"},
	{"strongswan-starter:mipsel", "strongswan"},
	{"libcoap3:mipsel", "libcoap"},
	{"lldpd:arm64", "lldpd"},
	{"libpcre2-8-0:mipsel", "pcre2"},
	{"mtd-utils:mipsel", "mtd-utils"},
	{"bind9:arm64", "bind"},
	{"libgsoap-2.8.124:mipsel", "gsoap"},
	{"libmbedcrypto7:mipsel", "mbedtls"},
	{"libzstd1:arm64", "zstd"},
	{"libpng16-16:mipsel", "libpng"},
	{"chrony:mipsel", "chrony"},
	{"libtiff6:arm64", "tiff"},
	{"libarchive13:mipsel", "libarchive"},
	{"libasound2:mipsel", "alsa-lib"},
	{"curl:mipsel", "curl"},
	{"libcurl4:arm64", "curl"},
	{"lighttpd:mipsel", "lighttpd"},
	{"gdbserver:mipsel", "gdb"},
	{"ppp:mipsel", "pppd"},
	{"ppp:arm64", "pppd"},
	{"iptables:mipsel", "iptables"},
	{"iptables:arm64", "iptables"},
	{"gpsd:arm64", "gpsd"},
	{"socat:mipsel", "socat"},
	{"mosquitto:arm64", "mosquitto"},
	{"musl:mipsel", "musl"},
	{"musl:arm64", "musl"},
	{"tcpdump:arm64", "tcpdump"},
	{"openssh-server:mipsel", "openssh"},
	{"nginx:arm64", "nginx"},
	{"libxml2:mipsel", "libxml2"},
	{"openvpn:mipsel", "openvpn"},
	{"bird:arm64", "bird"},
	{"libsqlite3-0:mipsel", "sqlite"},
	{"hostapd:mipsel", "hostapd"},
	{"wpasupplicant:arm64", "wpa_supplicant"},
	{"libwolfssl35:mipsel", "wolfssl"},
	{"iproute2:arm64", "iproute2"},
	{"isc-dhcp-client:mipsel", "isc-dhcp"},
	{"libgnutls30:mipsel", "gnutls"},
	{"libssl3:mipsel", "openssl"},
	{"libsnmp40:mipsel", "net-snmp"},
	{"libc6:mipsel", "glibc"},
	{"wget:arm64", "wget"},
	{"python3.11-minimal:arm64", "python"},
	{"libavutil57:mipsel", "ffmpeg"},
	{"libgstreamer1.0-0:mipsel", "gstreamer"},
	{"u-boot-qemu:all", "u-boot"},
	{"iw:arm64", "iw"},
}

// Versions of the source that Debian counts on from: a day of a repository, a level of patches.
var counted = map[string]string{"tftpd-hpa": "5.2"}

// Floors, measured; they are in the docs. Whoever makes a rule looser or loses one falls below.
const (
	recallFloor    = 0.98
	precisionFloor = 1.00
	confirmedFloor = 0.36
)

type score struct{ packages, found, confirmed, said, right int }

// TestCorpus measures recall and precision over real binaries, without package
// databases.
func TestCorpus(t *testing.T) {
	scores := map[string]*score{}
	get := func(family string) *score {
		if scores[family] == nil {
			scores[family] = &score{}
		}
		return scores[family]
	}
	for _, c := range corpus {
		name, _, _ := strings.Cut(c.deb, ":")
		truth, _ := Split("dpkg", labtest.Version(labtest.Deb(t, c.deb)))
		if v := counted[name]; v != "" && strings.HasPrefix(truth, v) {
			truth = v
		}
		found, _ := look(t, map[string]*image.Tree{"0x0": folder(t, labtest.Unpacked(t, c.deb))})
		of := get(c.family)
		of.packages++
		hit := false
		for _, f := range found {
			// Several versions of one family in one package are each counted.
			s := get(f.Family)
			s.said++
			if f.Family == c.family && f.Version == truth {
				s.right++
				hit = true
				if f.Certainty == lab.Confirmed {
					of.confirmed++
				}
			} else {
				t.Logf("%s %s: false %s %s: %v", filepath.Base(c.deb), truth, f.Family, f.Version, rulesOf(f))
			}
		}
		if hit {
			of.found++
		} else {
			t.Logf("%s: %s %s is not found", c.deb, c.family, truth)
		}
	}
	all := score{}
	for _, family := range slices.Sorted(maps.Keys(scores)) {
		s := scores[family]
		all = score{all.packages + s.packages, all.found + s.found, all.confirmed + s.confirmed, all.said + s.said, all.right + s.right}
		t.Logf("%-18s recall %s precision %s confirmed %d", family, ratio(s.found, s.packages), ratio(s.right, s.said), s.confirmed)
	}
	recall, precision, confirmed := float64(all.found)/float64(all.packages), float64(all.right)/float64(all.said), float64(all.confirmed)/float64(all.found)
	t.Logf("%d packages, %d families: recall %.3f, precision %.3f, of those found %.3f confirmed", all.packages, len(scores), recall, precision, confirmed)
	if recall < recallFloor || precision < precisionFloor || confirmed < confirmedFloor {
		t.Errorf("below the floors: recall %.2f, precision %.2f, confirmed %.2f", recallFloor, precisionFloor, confirmedFloor)
	}
}

func ratio(n, of int) string {
	if of == 0 {
		return "-"
	}
	return fmt.Sprintf("%d/%d", n, of)
}
