package update

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"assay/lab"
	"assay/lab/firmware/image"
	"assay/lab/firmware/inspect"
	"assay/lab/firmware/inspect/inspecttest"
)

const elf = "\x7fELF\x01\x01\x01\x00"

func run(t testing.TB, files map[string]string, parts ...*image.Part) Result {
	t.Helper()
	i := New()
	inspecttest.Show(t, i, parts, inspecttest.System(t, files))
	return i.Result()
}

func said(r Result) (all []string) {
	for _, f := range r.Findings {
		s := fmt.Sprintf("%s %s %s", f.Rule, f.Certainty, strings.TrimPrefix(f.Where[0].String(), inspecttest.Part+":"))
		for _, n := range []string{"kind", "url", "text", "program"} {
			if v := f.Get(n); v != "" {
				s += " " + v
			}
		}
		all = append(all, s)
	}
	slices.Sort(all)
	return all
}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// A maker's script that fetches without encryption and compares a checksum.
func TestChecksumOnly(t *testing.T) {
	r := run(t, map[string]string{
		"usr/sbin/fw_upgrade.sh": "#!/bin/sh\nSERVER=http://fw.maker.example.kr/dl\nwget -O /tmp/fw.bin $SERVER/fw.bin\n[ \"$(md5sum /tmp/fw.bin | cut -c1-32)\" = \"$2\" ] || exit 1\nmtd -r write /tmp/fw.bin firmware\n",
		"usr/bin/other.sh":       "#!/bin/sh\ncurl -sk https://stat.maker.example.kr/ping\ncurl -sSf https://ok.example.kr/firmware/list\nwget http://127.0.0.1/x\n",
	})
	same(t, said(r),
		"update.mechanism confirmed /usr/sbin/fw_upgrade.sh script",
		"update.checksum-only claimed /usr/sbin/fw_upgrade.sh md5sum",
		"update.clear-text confirmed /usr/sbin/fw_upgrade.sh:2 firmware http://fw.maker.example.kr/dl",
		"update.clear-text confirmed /usr/sbin/fw_upgrade.sh:3 firmware http://fw.maker.example.kr/dl/fw.bin",
		"update.certificate-unchecked confirmed /usr/bin/other.sh:2",
	)
	if len(r.Updaters) != 1 || len(r.Updaters[0].Fetches) != 1 || len(r.Updaters[0].Writes) != 1 {
		t.Errorf("%+v", r.Updaters)
	}
}

// Its good twin.
func TestSignedUpdate(t *testing.T) {
	r := run(t, map[string]string{
		"usr/sbin/fw_upgrade.sh": "#!/bin/sh\ncurl -fo /tmp/fw.bin https://fw.maker.example.kr/firmware.bin\nusign -V -m /tmp/fw.bin -p /etc/fw.pub || exit 1\n[ \"$(version_compare $new $old)\" = older ] && exit 1\nmtd write /tmp/fw.bin inactive_partition\n",
		"etc/fw.pub":             "untrusted comment: maker\nRWQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
		"etc/up.pub":             "untrusted comment: maker\nRWRRUfaUIMPyCAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
		"etc/no.sig":             "untrusted comment: signature\nRWRRUfaU\n",
	})
	got := slices.DeleteFunc(said(r), func(s string) bool { return strings.HasPrefix(s, "update.key") })
	same(t, got,
		"update.mechanism confirmed /usr/sbin/fw_upgrade.sh script",
		"update.signature-check claimed /usr/sbin/fw_upgrade.sh usign",
		"update.rollback claimed /usr/sbin/fw_upgrade.sh",
		"update.two-banks claimed /usr/sbin/fw_upgrade.sh",
	)
	if len(r.Keys) != 2 || r.Keys[1].Kind != "usign" || r.Keys[1].Fingerprint != "5151f69420c3f208" {
		t.Errorf("%+v", r.Keys)
	}
}

func TestPackages(t *testing.T) {
	feed := map[string]string{"bin/opkg": elf, "etc/opkg.conf": "dest root /\noption check_signature 1\n", "etc/opkg/distfeeds.conf": "src/gz base http://dl.example.fi/base\nsrc/gz safe https://dl.example.fi/safe\n# src/gz x http://no\n"}
	r := run(t, feed)
	same(t, said(r), "update.mechanism confirmed /bin/opkg opkg", "update.clear-text confirmed /etc/opkg/distfeeds.conf:1 packages http://dl.example.fi/base")
	if r.Findings[1].Severity != lab.Low || !slices.Equal(r.Systems, []string{"opkg"}) {
		t.Errorf("%+v", r)
	}
	feed["etc/opkg.conf"] = "dest root /\n"
	r = run(t, feed)
	same(t, said(r), "update.mechanism confirmed /bin/opkg opkg", "update.clear-text confirmed /etc/opkg/distfeeds.conf:1 packages http://dl.example.fi/base",
		"update.signature-check-off confirmed /etc/opkg.conf opkg.conf has no option check_signature")
	for _, f := range r.Findings {
		if f.Rule == "update.clear-text" && f.Severity != lab.High {
			t.Errorf("%+v", f)
		}
	}
	feed["etc/opkg.conf"] = "option check_signature 0\n"
	if got := said(run(t, feed)); !slices.Contains(got, "update.signature-check-off confirmed /etc/opkg.conf:1 option check_signature 0") {
		t.Error(got)
	}
	same(t, said(run(t, map[string]string{"etc/apt/sources.list": "deb [trusted=yes] https://deb.example.fi stable main\n"})), "update.signature-check-off confirmed /etc/apt/sources.list:1 deb [trusted=yes] https://deb.example.fi stable main")
}

func TestPrograms(t *testing.T) {
	r := run(t, map[string]string{
		"usr/bin/otad":       elf + "http://ota.maker.example.kr/firmware/check\x00http://www.w3.org/2001/update\x00http://%s/firmware\x00anti_rollback\x00",
		"usr/lib/libfoo.so":  elf + "https://x.example.kr/firmware.bin\x00",
		"usr/bin/unrelated":  elf + "http://www.maker.example.kr/support\x00",
		"etc/cloud.conf":     "ota_url=http://ota.maker.example.kr/ota/v1\nhome=http://maker.example.kr/\n",
		"usr/share/doc/x.sh": "#!/bin/sh\nmtd write x firmware\n",
	})
	same(t, said(r),
		"update.clear-text claimed /usr/bin/otad+0x8 firmware http://ota.maker.example.kr/firmware/check",
		"update.clear-text confirmed /etc/cloud.conf:1 firmware http://ota.maker.example.kr/ota/v1",
		"update.rollback claimed /usr/bin/otad",
		"update.mechanism claimed /usr/bin/otad program",
	)
	if len(r.Addresses) != 3 {
		t.Errorf("%+v", r.Addresses)
	}
}

func TestWrappers(t *testing.T) {
	unsigned := &image.Part{ID: "0x0", Format: "tplink", Details: []image.Property{{Name: "checksum", Value: "MD5 holds"}, {Name: "signature", Value: "none"}}}
	signed := &image.Part{ID: "0x40", Format: "fwtool", Details: []image.Property{{Name: "signature", Value: "usign, 100 bytes, not verified"}}}
	r := run(t, map[string]string{"etc/x": ""}, unsigned)
	same(t, said(r), "update.image-unsigned claimed 0x0 checksum")
	if r.Signed != "none" || !r.Checksum {
		t.Errorf("%+v", r)
	}
	unsigned.Parts = []*image.Part{signed}
	r = run(t, map[string]string{"etc/x": ""}, unsigned)
	same(t, said(r), "update.image-signature claimed 0x40")
	if r.Signed != "signature" {
		t.Errorf("%+v", r)
	}
}

func FuzzUpdate(f *testing.F) {
	for _, s := range []string{"#!/bin/sh\nwget --no-check-certificate http://a.b/fw\nmtd write a b\n", "option check_signature 0\n", "src/gz a http://b/c\n", "untrusted comment: x\nRWQ=\n", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", elf + "http://a.b.c/firmware", "curl -k"} {
		f.Add("etc/opkg/x.conf", s)
		f.Add("usr/bin/upgrade.sh", s)
		f.Add("usr/sbin/otad", s)
	}
	f.Fuzz(func(t *testing.T, p, s string) {
		i := New()
		i.File(inspect.NewFile(&inspect.System{Part: "p"}, "/"+p, &image.Node{Kind: image.File}, []byte(s), [32]byte{}))
		i.Done(nil, nil)
		for _, a := range i.Result().Addresses {
			if !strings.Contains(a.URL, "://") || a.Where.Path == "" {
				t.Errorf("%+v", a)
			}
		}
	})
}
