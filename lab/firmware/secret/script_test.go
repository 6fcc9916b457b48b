package secret

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"slices"
	"strings"
	"testing"

	"assay/lab"
	"assay/lab/firmware/image"
	"assay/lab/firmware/inspect"
	"assay/lab/firmware/inspect/inspecttest"
)

// A back door as it is on stock firmware: the password stands in another file.
func TestBackDoor(t *testing.T) {
	r := run(t, map[string]string{
		"etc/init0.d/S80telnetd.sh": `#!/bin/sh
echo [$0]: $1 ... > /dev/console
if [ "$1" = "start" ]; then
	if [ -f "/usr/sbin/login" ]; then
		image_sign=` + "`cat /etc/config/image_sign`" + `
		telnetd -l "/usr/sbin/login" -u Alphanetworks:$image_sign -i br0 &
	else
		telnetd &
	fi
fi
`,
		"etc/config/image_sign": "wrgn80_trendnet_tew733gr\n",
		"etc/init.d/unknown":    "#!/bin/sh\ntelnetd -u Maker:$(secret_of_device) &\n",
		"usr/bin/cfg":           "\x7fELF\x01\x01\x01\x00" + "\x00telnetd -l /bin/login -u vendor:letmein2 &\x00telnetd -u %s:%s\x00",
	})
	same(t, said(r.Findings, "account", "password"),
		"credential.back-door confirmed /etc/init0.d/S80telnetd.sh:6 Alphanetworks wrgn80_trendnet_tew733gr",
		"credential.back-door claimed /etc/init.d/unknown:2 Maker",
		"credential.back-door claimed /usr/bin/cfg+0x9 vendor letmein2",
	)
	if !slices.ContainsFunc(r.Credentials, func(c Credential) bool {
		return c.User == "Alphanetworks" && c.Password == "wrgn80_trendnet_tew733gr" && c.Use == "telnet"
	}) {
		t.Errorf("%+v", r.Credentials)
	}
}

func TestSetByScript(t *testing.T) {
	r := run(t, map[string]string{
		"etc/init.d/rcS": `#!/bin/sh
echo "root:vendor99" | chpasswd
echo -e "hunter22\nhunter22" | passwd admin
passwd -d guest
chpasswd <<EOF
ops:0perator
me:$PASS
EOF
echo 'root::0:0:root:/:/bin/sh' > /etc/passwd
sed -i 's/^root:[^:]*:/root::/' /etc/shadow
sed -i -e "s:^root\:[^\:]*\::root\:x\::" /etc/passwd
ROOTPASS="admin"
PASSWORD=$1
PASS_FILE=/etc/pw
htpasswd -bc /etc/web webmaster s3same
nvram set http_passwd=adm1n
uci set wireless.@wifi-iface[0].key=ignored
nvram set wl0_wpa_psk=Station12345
openssl enc -d -aes-256-cbc -in fw.bin -k Vend0rKey
curl -u update:Upd8ter http://fw.example.org/x
printf 'dev:%s\n' "$X" | chpasswd
(echo $ROOTPASS; sleep 1; echo $ROOTPASS) | passwd root >/dev/null 2>&1
`,
		"usr/share/doc/x/install.sh": "#!/bin/sh\necho root:root | chpasswd\n",
	})
	same(t, said(r.Findings, "account", "key", "password", "command"),
		"credential.set-by-script confirmed /etc/init.d/rcS:2 root vendor99 chpasswd",
		"credential.set-by-script confirmed /etc/init.d/rcS:3 admin hunter22 passwd",
		`credential.set-by-script confirmed /etc/init.d/rcS:4 guest "" passwd -d`,
		"credential.set-by-script confirmed /etc/init.d/rcS:5 ops 0perator chpasswd",
		`credential.set-by-script confirmed /etc/init.d/rcS:9 root "" echo > /etc/passwd`,
		`credential.set-by-script confirmed /etc/init.d/rcS:10 root "" sed`,
		"credential.in-script confirmed /etc/init.d/rcS:12 ROOTPASS admin",
		"credential.set-by-script confirmed /etc/init.d/rcS:15 webmaster s3same htpasswd",
		"credential.in-configuration confirmed /etc/init.d/rcS:16 http_passwd adm1n nvram",
		"credential.wireless-key confirmed /etc/init.d/rcS:18 wl0_wpa_psk Station12345",
		"credential.in-script confirmed /etc/init.d/rcS:19 Vend0rKey openssl",
		"credential.in-script confirmed /etc/init.d/rcS:20 update Upd8ter curl",
		"credential.set-by-script confirmed /etc/init.d/rcS:22 root admin passwd",
	)
}

func TestConfiguration(t *testing.T) {
	r := run(t, map[string]string{
		"etc/nvram.default":         "http_username=admin\nhttp_passwd=admin\nwan_ppp_passwd=\nlan_ifname=br0\nwl_wpa_psk=12345678\npassword_length=8\n",
		"etc/config/app":            "config user\n\toption username 'service'\n\toption password 'Svc-2020'\n\toption passwordfile '/etc/x'\n# option password 'no'\n\toption PasswordAuth 'on'\n",
		"etc/config/wireless":       "config wifi-iface\n\toption ssid 'Dev'\n\toption encryption 'psk2'\n\toption key 'CommonKey1'\n",
		"etc/config/rpcd":           "config login\n\toption username 'root'\n\toption password '$p$root'\n",
		"etc/hostapd.conf":          "ssid=x\nwpa_passphrase=open sesame\nwpa_passphrase=opensesame\n",
		"etc/cfg/device.xml":        "<User>\n<Name>admin</Name>\n<UserName>adm</UserName>\n<Password>zx81zx</Password>\n<PasswordHint>none</PasswordHint>\n</User>\n<param name=\"LoginPassword\" value=\"par4m\"/>\n<Account user=\"sam\" password=\"att12\"/>\n<Password>%s</Password>\n",
		"etc/cloud.json":            `{"user": "iot", "password": "pl4in", "nested": {"passwordMinLength": 8, "secret": "{{secret}}"}}` + "\n",
		"etc/ppp/chap-secrets":      "#USERNAME  PROVIDER  PASSWORD  IPADDRESS\nclient server \"s e c\" *\ndial * di4lin *\n* * \"\" *\n",
		"etc/snmp/snmpd.conf":       "rocommunity public\nrwcommunity private 10.0.0.0/8\n#rocommunity no\n",
		"etc/quagga/zebra.conf":     "hostname z\npassword zebra\n",
		"etc/nsswitch.conf":         "passwd: files\n",
		"etc/hashes.conf":           "admin_password=5f4dcc3b5aa765d61d8327deb882cf99\nother_password=00112233445566778899aabbccddeeff\n",
		"www/login.php":             "<?php\n$password = 'Zte521';\n$label = 'Password';\n$passwd = $_POST['passwd'];\n$pass = \"txt_pass\";\n",
		"usr/lib/lua/luci/x.lua":    "local pass = luci.http.formvalue('password')\npassword.rmempty = true\nlocal user, pw = \"root\", nil\n",
		"www/app.js":                "var cfg = {user: 'cam', password: 'c4mera9'}; password: 'Password'; if (pwd == '1234') x();\n",
		"root/.ssh/authorized_keys": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJpD0RMEpbOzCLSKCm3ZQRZyb4rnnJWFpS9sNZHJ3yV0 maker\nnot a key\n",
		"usr/bin/camd":              "\x7fELF\x01\x01\x01\x00" + "...." + "\x00root\x00xc3511\x00\x00\x00admin\x00settings\x00",
	})
	same(t, said(r.Findings, "account", "key", "password"),
		"credential.in-configuration confirmed /etc/nvram.default:2 admin http_passwd admin",
		"credential.wireless-key confirmed /etc/nvram.default:5 wl_wpa_psk 12345678",
		"credential.in-configuration confirmed /etc/config/app:3 service password Svc-2020",
		"credential.wireless-key confirmed /etc/config/wireless:4 key CommonKey1",
		"credential.wireless-key confirmed /etc/hostapd.conf:3 wpa_passphrase opensesame",
		"credential.in-configuration confirmed /etc/cfg/device.xml:4 adm Password zx81zx",
		"credential.in-configuration confirmed /etc/cfg/device.xml:7 sam LoginPassword par4m",
		"credential.in-configuration confirmed /etc/cfg/device.xml:8 sam password att12",
		"credential.in-configuration confirmed /etc/cloud.json:1 iot password pl4in",
		"credential.in-configuration confirmed /etc/ppp/chap-secrets:3 dial secret di4lin",
		"credential.snmp-community confirmed /etc/snmp/snmpd.conf:1 public",
		"credential.snmp-community confirmed /etc/snmp/snmpd.conf:2 private",
		"credential.in-configuration confirmed /etc/quagga/zebra.conf:2 password zebra",
		"credential.known-password claimed /etc/hashes.conf:1 password",
		"credential.in-code claimed /www/login.php:2 password Zte521",
		"credential.in-code claimed /www/app.js:1 cam password c4mera9",
		"credential.authorized-key confirmed /root/.ssh/authorized_keys:1",
		"credential.in-program claimed /usr/bin/camd+0x12 root xc3511",
	)
}

// What makers leave empty, or keep in programs and blocks of defaults.
func TestDefaults(t *testing.T) {
	r := run(t, map[string]string{
		"etc/config/defnode.xml":   "<account>\n<entry>\n<username>admin</username>\n<password></password>\n</entry>\n</account>\n<pppoe><username></username><password></password></pppoe>\n<ftp><user>jane</user>\n<password></password></ftp>\n",
		"etc/nvram.conf":           "http_username=admin\nhttp_passwd=\nwan_pppoe_passwd=\n",
		"etc/templates/passwd.php": "<?php fwrite($f, \"root::0:0:root:/:/bin/sh\\n\"); fwrite($f, \"nobody::0:0:x:/:/sbin/nologin\"); ?>\n",
		"usr/sbin/rc":              "\x7fELF\x01\x01\x01\x00\x00admin::0:0:Admin:/:/bin/sh\n\x00root:%s:0:0:\x00",
		"etc/default.bin":          "\x01\x02\x00http_passwd=admin\x00wan_passwd=%s\x00user_password=hellothere9\x00x http_passwd=admin\x00telnet_pwd=Zte521\x00\x00",
	})
	same(t, said(r.Findings, "account", "key", "password"),
		"credential.empty-default claimed /etc/config/defnode.xml:4 admin password",
		"credential.empty-default claimed /etc/nvram.conf:2 admin http_passwd",
		`credential.set-by-script claimed /etc/templates/passwd.php:1 root ""`,
		`credential.set-by-script claimed /usr/sbin/rc+0x9 admin ""`,
		"credential.in-program claimed /etc/default.bin+0x3 http_passwd admin",
		"credential.in-program claimed /etc/default.bin+0x51 telnet_pwd Zte521",
	)
}

// Settings in flash stand in no file.
func TestOutside(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	raw := append([]byte("\x00http_passwd=admin\x00\xff\xff"), "root:"+md5Crypt("vizxv", "$1$ab$")+":0:0\x00"...)
	raw = append(raw, x509.MarshalPKCS1PrivateKey(key)...)
	whole := append([]byte("header of the image."), raw...)
	part := &image.Part{ID: "0x40", Raw: whole, Parts: []*image.Part{{ID: "0x40/head", Offset: 0, Size: 20, Raw: whole[:20]}}}
	packed := &image.Part{ID: "0x90", Raw: raw, Entropy: 7.9}
	i := New(Options{})
	inspecttest.Show(t, i, []*image.Part{part, packed}, inspecttest.System(t, nil))
	same(t, said(i.Result().Findings, "key", "account", "password", "bits"),
		"credential.in-program claimed 0x40+0x15 http_passwd admin",
		"credential.known-password confirmed 0x40+0x2e root vizxv",
		"secret.private-key confirmed 0x40+0x4f 2048",
	)
}

// A kernel that tests its cryptography has keys for that, which open nothing.
func TestKernelTests(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der := x509.MarshalPKCS1PrivateKey(key)
	kernel := append([]byte("Linux version 6.1.0\x00\x016alg: self-tests for %s (%s) passed\n\x00"), der...)
	other := append([]byte("Linux version 6.1.0\x00\x01"), der...)
	i := New(Options{})
	inspecttest.Show(t, i, []*image.Part{{ID: "tests", Raw: kernel}, {ID: "none", Raw: other}}, inspecttest.System(t, map[string]string{"/lib/modules/cryptomgr.ko": "\x7f" + string(kernel)}))
	same(t, said(i.Result().Findings, "bits"),
		"secret.library-test-key confirmed tests+0x3a 2048",
		"secret.private-key confirmed none+0x15 2048",
		"secret.library-test-key confirmed /lib/modules/cryptomgr.ko+0x3b 2048",
	)
}

// Manuals have hashes to show what hashes are, in gzip too.
func TestPackedDocument(t *testing.T) {
	for part, want := range map[string]bool{
		"0x0:/usr/share/man/man1/openssl-passwd.1ssl.gz/0x0": true, "0x0/rootfs/0x0:/etc/default.gz/0x0:/doc/x.tar/0x0": true,
		"0x0/rootfs/0x0": false, "0x0/test/0x0": false, "0x0/info/0x0:/etc/default.tar.gz/0x0": false, "": false,
	} {
		if packedDocument(part) != want {
			t.Errorf("%s: %v", part, !want)
		}
	}
	s := inspecttest.System(t, map[string]string{"/openssl-passwd.1ssl": "openssl passwd -1 -salt xxxxxxxx password\nroot:" + md5Crypt("password", "$1$xxxxxxxx$") + ":\n"})
	s.Part = "0x0:/usr/share/man/man1/openssl-passwd.1ssl.gz/0x0"
	i := New(Options{})
	inspecttest.Show(t, i, nil, s)
	same(t, said(i.Result().Findings, "password"))
	s.Part = "0x0:/etc/default.gz/0x0"
	i = New(Options{})
	inspecttest.Show(t, i, nil, s)
	if len(i.Result().Findings) == 0 {
		t.Error("nothing where it is no manual")
	}
}

func TestLiteral(t *testing.T) {
	for _, s := range []string{"admin", "changeme", "P@ss%word", "a$b", "12345", "wrgn80_trendnet_tew733gr", "hdipc%No"} {
		if !isLiteral(s) {
			t.Errorf("%q is a password", s)
		}
	}
	for _, s := range []string{"", "<password>", "%s", "$PASS", "${x}", "$(x)", "`x`", "xxxx", "XXXXXXXX", "{{pw}}", "@PASSWORD@", "****", "yourpassword", "a b", "/etc/passwd", "get()", "[password]", "null"} {
		if isLiteral(s) {
			t.Errorf("%q is no password", s)
		}
	}
}

func TestPasswordKeys(t *testing.T) {
	for _, s := range []string{"password", "http_passwd", "ROOTPASS", "adminUserPassword", "wl0_wpa_psk", "secret", "PASSWD", "loginPwd", "x.y.password"} {
		if !isPasswordKey(s) {
			t.Errorf("%q is a password's", s)
		}
	}
	for _, s := range []string{"PasswordAuth", "passwordfile", "password_length", "bypass", "passive", "PASS_MAX_DAYS", "compass", "passwordHint", "secret_file", "pass_through", "RootPasswordAuth"} {
		if isPasswordKey(s) {
			t.Errorf("%q is no password's", s)
		}
	}
}

func FuzzSettings(f *testing.F) {
	for _, s := range []string{"http_passwd=admin\n", "option password 'x1y2'\n", "<Password>zx81</Password>", `<a name="password" value="v1v2"/>`, `{"password": "pl4in"}`, "define('PASSWORD', 'a1b2c3')", "rocommunity public", "\"a b\" * \"c", "password", "password=\"", "<password>"} {
		for _, p := range []string{"/etc/x.conf", "/etc/ppp/chap-secrets", "/www/x.php", "/etc/snmpd.conf", "/etc/config/wireless"} {
			f.Add(p, s)
		}
	}
	f.Fuzz(func(t *testing.T, p, s string) {
		i := New(Options{Work: -1})
		i.settings(inspect.NewFile(&inspect.System{}, p, nil, []byte(s), [32]byte{}))
		for _, x := range i.found {
			if v := x.Get("password"); v == "" || x.Where[0].Line < 1 || x.Where[0].Line > 1+strings.Count(s, "\n") {
				t.Errorf("%+v", x)
			}
		}
	})
}

func FuzzScript(f *testing.F) {
	for _, s := range []string{"echo root:a1 | chpasswd", "telnetd -u a:b1", "passwd -d", "sed -i s/a/root::/ /etc/passwd", "openssl enc -k", "curl -u", "uci set a=b c", "printf %s%s a | passwd"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		i := New(Options{Work: -1})
		i.script([]byte(s), func(n int) lab.Place { return lab.Place{Line: n} }, nil, lab.Confirmed)
	})
}
