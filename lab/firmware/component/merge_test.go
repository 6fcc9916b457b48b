package component

import (
	"bytes"
	enc "encoding/binary"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"assay/lab"
	"assay/lab/firmware/image"
	"assay/lab/labtest"
)

// program is enough of a program for the rules: the magic and texts between NULs.
func program(texts ...string) string {
	return "\x7fELF\x01\x01\x01\x00\x00" + strings.Join(texts, "\x00") + "\x00"
}

// What confirms a version, and what does not.
func TestConfirmed(t *testing.T) {
	status := func(pkg, version string) string {
		return "Package: " + pkg + "\nVersion: " + version + "\nStatus: install user installed\n"
	}
	for name, c := range map[string]struct {
		files  map[string]string
		family string
		want   lab.Certainty
	}{
		"one string":                {map[string]string{"usr/sbin/httpd": program("deflate 1.1.4 Copyright 1995-2002 Jean-loup Gailly")}, "zlib 1.1.4", lab.Claimed},
		"two of one kind in a file": {map[string]string{"usr/sbin/httpd": program("deflate 1.1.4 Copyright 1995-2002 Jean-loup Gailly", "inflate 1.1.4 Copyright 1995-2002 Mark Adler")}, "zlib 1.1.4", lab.Claimed},
		"two programs":              {map[string]string{"bin/a": program("deflate 1.1.4 Copyright 1995-2002 Jean-loup Gailly"), "bin/b": program("x", "deflate 1.1.4 Copyright 1995-2002 Jean-loup Gailly")}, "zlib 1.1.4", lab.Confirmed},
		"one program twice":         {map[string]string{"bin/a": program("deflate 1.1.4 Copyright 1995-2002 Jean-loup Gailly"), "bin/b": program("deflate 1.1.4 Copyright 1995-2002 Jean-loup Gailly")}, "zlib 1.1.4", lab.Claimed},
		"string and name":           {map[string]string{"lib/libz.so.1.2.13": program("deflate 1.2.13 Copyright 1995-2022 Jean-loup Gailly and Mark Adler")}, "zlib 1.2.13", lab.Confirmed},
		"name alone":                {map[string]string{"lib/libz.so.1.2.13": program("x")}, "zlib 1.2.13", lab.Claimed},
		"two names":                 {map[string]string{"lib/libuClibc-0.9.33.2.so": program("x"), "lib/ld-uClibc-0.9.33.2.so": program("y")}, "uclibc 0.9.33.2", lab.Claimed},
		"string and banner":         {map[string]string{"usr/sbin/dropbear": program("SSH-2.0-dropbear_2012.55", "Dropbear server v%s", "2012.55")}, "dropbear 2012.55", lab.Confirmed},
		"database and string":       {map[string]string{"usr/lib/opkg/status": status("dnsmasq", "2.78-1"), "usr/sbin/dnsmasq": program("dnsmasq: %s", "2.78")}, "dnsmasq 2.78", lab.Confirmed},
		"database twice":            {map[string]string{"usr/lib/opkg/status": status("dnsmasq", "2.78-1"), "usr/lib/opkg/info/dnsmasq.control": "Package: dnsmasq\nVersion: 2.78-1\n"}, "dnsmasq 2.78", lab.Claimed},
		"coarse ones":               {map[string]string{"bin/a": program("User-Agent: gSOAP/2.7"), "bin/b": program("Server: gSOAP/2.7")}, "gsoap 2.7", lab.Claimed},
	} {
		t.Run(name, func(t *testing.T) {
			cs, _ := look(t, map[string]*image.Tree{"0x0": files(t, c.files)})
			family, version, _ := strings.Cut(c.family, " ")
			if len(cs) != 1 || cs[0].Family != family || cs[0].Version != version || cs[0].Certainty != c.want {
				t.Errorf("%+v", cs)
			}
		})
	}
}

// The same files in another order, and again, give the same bytes.
func TestSameBytes(t *testing.T) {
	texts := map[string]string{
		"usr/lib/opkg/status": opkgStatus, "bin/busybox": program("BusyBox v1.25.1 () multi-call binary.", "udhcp 1.25.1"), "bin/sh": "→busybox", "bin/ls": "→/bin/busybox",
		"lib/libz.so.1.2.13": program("deflate 1.2.13 Copyright 1995-2022 Jean-loup Gailly"), "usr/sbin/x": program("deflate 1.2.11 Copyright 1995-2017 Jean-loup Gailly"),
	}
	var first []byte
	for range 5 {
		cs, fs := look(t, map[string]*image.Tree{"0x0": files(t, texts), "0x1": files(t, texts)})
		b, err := json.Marshal([]any{cs, fs})
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = b
		}
		if !bytes.Equal(first, b) {
			t.Fatalf("%s\n%s", first, b)
		}
		if b := get(t, cs, "busybox", "1.25.1"); b.Certainty != lab.Confirmed || !slices.Equal(b.Parts.Applets, []string{"ls", "sh"}) || !slices.Equal(rulesOf(b), []string{"busybox-banner", "busybox-udhcp", "opkg"}) {
			t.Errorf("%+v", b)
		}
		if n := len(fs); n != 0 {
			t.Errorf("libraries of different age are no contradiction: %v", fs)
		}
	}
}

// Both versions stay, and the file is named.
func TestDisagree(t *testing.T) {
	cs, fs := look(t, map[string]*image.Tree{"0x0": files(t, map[string]string{
		"usr/lib/opkg/status":             "Package: dropbear\nVersion: 2017.75-1\nStatus: install user installed\n",
		"usr/lib/opkg/info/dropbear.list": "/usr/sbin/dropbear\n",
		"usr/sbin/dropbear":               program("SSH-2.0-dropbear_2012.55"),
		"lib/libz.so.1.2.11":              program("deflate 1.2.8 Copyright 1995-2013 Jean-loup Gailly and Mark Adler"),
	})})
	get(t, cs, "dropbear", "2017.75")
	get(t, cs, "dropbear", "2012.55")
	get(t, cs, "libz.so.1.2.11", "1.2.8")
	get(t, cs, "libz.so.1.2.11", "1.2.11")
	if len(fs) != 2 || fs[0].Get("versions") != "2012.55, 2017.75" || fs[0].Where[0].Path != "/usr/sbin/dropbear" || fs[1].Get("versions") != "1.2.11, 1.2.8" || fs[1].Get("component") != "zlib" {
		t.Errorf("%+v", fs)
	}
}

// A list of versions is no version.
func TestTable(t *testing.T) {
	cs, _ := look(t, map[string]*image.Tree{"0x0": files(t, map[string]string{
		"bin/scanner": program("SSH-2.0-dropbear_0.52", "SSH-2.0-dropbear_2012.55", "SSH-2.0-dropbear_2016.74"),
	})})
	if len(cs) != 0 {
		t.Errorf("%+v", cs)
	}
	s, err := ready()
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, f := range s.families {
		for _, l := range f.Look {
			if l.Match != "" && l.Files == nil && l.With == nil && l.in&inELF != 0 {
				texts = append(texts, l.Test[0].Text)
			}
		}
	}
	if cs, _ = look(t, map[string]*image.Tree{"0x0": files(t, map[string]string{"bin/busybox": program(texts...)})}); len(cs) == 0 || slices.ContainsFunc(cs, func(c lab.Component) bool { return c.Family != "busybox" }) {
		t.Errorf("%d components in a scanner with %d texts: %+v", len(cs), len(texts), cs)
	}
}

// A version that is only the front of one that is known belongs to it; one without a
// version goes where one is known.
func TestCoarse(t *testing.T) {
	cs, fs := look(t, map[string]*image.Tree{"0x0": files(t, map[string]string{
		"usr/lib/libgsoap-2.8.124.so": program("Server: gSOAP/2.8"),
		"bin/httpd":                   program(`<a href="http://www.acme.com/software/micro_httpd/">micro_httpd</a>`),
	})})
	g := get(t, cs, "libgsoap-2.8.124.so", "2.8.124")
	if len(cs) != 2 || len(g.Seen) != 2 || g.Certainty != lab.Claimed || len(fs) != 0 {
		t.Errorf("%+v %v", cs, fs)
	}
	if m := get(t, cs, "micro_httpd", ""); m.CPE != "cpe:2.3:a:acme:micro_httpd:*:*:*:*:*:*:*:*" || m.Certainty != lab.Claimed {
		t.Errorf("%+v", m)
	}
}

// moduleFile makes a relocatable ELF file with a .modinfo section (32 bits, least
// significant byte first).
func moduleFile(pairs ...string) string {
	info := strings.Join(pairs, "\x00") + "\x00"
	names := "\x00.modinfo\x00.shstrtab\x00"
	var b bytes.Buffer
	le := func(v ...any) {
		for _, x := range v {
			enc.Write(&b, enc.LittleEndian, x)
		}
	}
	u32, u16 := func(n int) uint32 { return uint32(n) }, func(n int) uint16 { return uint16(n) }
	b.WriteString("\x7fELF\x01\x01\x01" + strings.Repeat("\x00", 9))
	sections := 52 + len(info) + len(names)
	le(u16(1), u16(8), u32(1), u32(0), u32(0), u32(sections), u32(0), u16(52), u16(0), u16(0), u16(40), u16(3), u16(2))
	b.WriteString(info + names)
	le([10]uint32{})
	le([10]uint32{1, 1, 2, 0, 52, u32(len(info)), 0, 0, 1, 0})
	le([10]uint32{10, 3, 0, 0, u32(52 + len(info)), u32(len(names)), 0, 0, 1, 0})
	return b.String()
}

const kernelConfig = "#\n# Automatically generated file; DO NOT EDIT.\n# Linux/mips 4.4.92 Kernel Configuration\n#\nCONFIG_MIPS=y\nCONFIG_USB=m\n# CONFIG_BPF_SYSCALL is not set\nCONFIG_CMDLINE=\"console=ttyS0\"\nCONFIG_BAD KEY=1\n"

func TestKernel(t *testing.T) {
	banner := "Linux version 4.4.92 (buildbot@x) (gcc version 5.4.0 (LEDE GCC 5.4.0) ) #0 Tue Oct 17 17:46:20 2017\n"
	config := &image.Part{ID: "0x0/k/0x0/config/0x0", Format: "kernel-config", State: image.Understood, Raw: []byte(kernelConfig), Out: true}
	gz := &image.Part{ID: "0x0/k/0x40", Format: "gzip", State: image.Understood, Offset: 40, Size: 20, Raw: make([]byte, 20), Parts: []*image.Part{config}, Streams: []image.Stream{{Name: "data", Data: []byte(kernelConfig)}}}
	raw := append(append(make([]byte, 40), make([]byte, 20)...), banner...)
	kernel := &image.Part{ID: "0x0/k/0x0", Format: "linux", State: image.Understood, Raw: raw, Size: int64(len(raw)), Out: true, Parts: []*image.Part{gz}}
	wrapper := &image.Part{ID: "0x0", Format: "uimage", State: image.Understood, Raw: []byte("packed"), Size: 6, Parts: []*image.Part{kernel}, Streams: []image.Stream{{Name: "data", Data: raw}}}
	wrapper.Detail("name", "%s", "MIPS OpenWrt Linux-4.4.92")
	cs, fs := look(t, map[string]*image.Tree{"0x9": files(t, map[string]string{
		"lib/modules/4.4.92/ath.ko":      moduleFile("license=GPL", "vermagic=4.4.92 SMP mod_unload MIPS32_R2 32BIT ", "intree=Y"),
		"lib/modules/4.4.92/art.ko":      moduleFile("license=Proprietary", "version=9.2.0_U10.1020", "vermagic=4.4.92 mod_unload "),
		"lib/modules/4.4.92/stripd.ko":   moduleFile("license=GPL", "intree=Y"),
		"lib/modules/4.4.92/modules.dep": "ath.ko:\n",
	})}, wrapper)
	if len(cs) != 2 || len(fs) != 0 {
		t.Fatalf("%+v %v", cs, fs)
	}
	k := get(t, cs, "linux", "4.4.92")
	if k.Kind != "kernel" || k.Certainty != lab.Confirmed || !slices.Equal(k.Parts.Modules, []string{"art", "ath", "stripd"}) || k.CPE != "cpe:2.3:o:linux:linux_kernel:4.4.92:*:*:*:*:*:*:*" {
		t.Errorf("%+v", k)
	}
	if o := k.Parts.Options; len(o) != 4 || o["MIPS"] != "y" || o["USB"] != "m" || o["BPF_SYSCALL"] != "n" || o["CMDLINE"] != "console=ttyS0" {
		t.Errorf("%v", o)
	}
	if r := rulesOf(k); !slices.Equal(r, []string{"linux-banner", "linux-config", "linux-modules", "linux-uimage", "linux-vermagic"}) {
		t.Errorf("%v", r)
	}
	for _, o := range k.Seen {
		if o.Rule == "linux-banner" && o.Where != (lab.Place{Part: "0x0/k/0x0", Offset: 60}) {
			t.Errorf("%+v", o)
		}
	}
	if a := get(t, cs, "art", "9.2.0_U10.1020"); a.Kind != "module" || a.License != "Proprietary" || a.Family != "art" || a.SHA256 == "" {
		t.Errorf("%+v", a)
	}
}

// A distribution's release is a series, no version; the banner says which one it is.
func TestSeries(t *testing.T) {
	for release, want := range map[string]string{"6.1.0-37-armmp": "", "5.15.0-91-generic": "", "4.4.92": "4.4.92", "2.6.31--LSDK-9.2.0.312": "2.6.31", "5.10.0": "5.10.0", "4.14.90-rt5": "4.14.90", "3.0-rc2": "3.0-rc2", "x": ""} {
		if got := kernelVersion(release); got != want {
			t.Errorf("%s: %q, want %q", release, got, want)
		}
	}
	modules := map[string]string{"lib/modules/6.1.0-37-armmp/kernel/a.ko": moduleFile("license=GPL", "vermagic=6.1.0-37-armmp SMP ", "intree=Y")}
	cs, _ := look(t, map[string]*image.Tree{"0x0": files(t, modules)})
	if k := get(t, cs, "linux", ""); len(k.Seen) != 2 || k.Seen[0].Text != "6.1.0-37-armmp SMP " || k.Certainty != lab.Claimed {
		t.Errorf("%+v", k)
	}
	cs, _ = look(t, map[string]*image.Tree{"0x0": files(t, map[string]string{
		"lib/modules/6.1.0-37-armmp/kernel/a.ko": moduleFile("license=GPL", "vermagic=6.1.0-37-armmp SMP ", "intree=Y"),
		"boot/vmlinux":                           program("Linux version 6.1.0-37-armmp (debian-kernel@lists.debian.org) (arm-linux-gnueabihf-gcc-12 (Debian 12.2.0-14) 12.2.0) #1 SMP Debian 6.1.140-1 (2025-05-22)"),
	})})
	if k := get(t, cs, "linux", "6.1.140"); len(cs) != 1 || !slices.Equal(k.Parts.Modules, []string{"a"}) {
		t.Errorf("%+v", cs)
	}
}

// What real files have built in.
func TestBuiltIn(t *testing.T) {
	cs, _ := look(t, map[string]*image.Tree{"0x0": folder(t, labtest.Unpacked(t, "busybox-static:mipsel", "zlib1g:mipsel"))})
	for _, c := range cs {
		switch {
		case c.Family == "busybox" && (len(c.Parts.Applets) < 200 || !slices.Contains(c.Parts.Applets, "udhcpc")):
			t.Errorf("applets: %v", c.Parts.Applets)
		case c.Family == "zlib" && (!slices.Contains(c.Parts.Symbols, "inflateGetHeader") || c.SHA256 == "" || !strings.HasPrefix(c.Name, "libz.so.1.")):
			t.Errorf("%+v", c)
		}
	}
	if len(cs) != 2 {
		t.Errorf("%+v", cs)
	}
}

// What stands in a part without files is found where it stands.
func TestBlob(t *testing.T) {
	p := &image.Part{ID: "0x100", Format: "unknown", State: image.Unknown, Raw: []byte("\x00\x00U-Boot 1.1.4 (Aug 21 2013 - 11:34:32)\x00 deflate 1.1.4 Copyright 1995-2002 Jean-loup Gailly \x00BusyBox v1.01 (2013)\x00")}
	p.Size = int64(len(p.Raw))
	cs, _ := look(t, nil, p)
	if u := get(t, cs, "u-boot", "1.1.4"); u.Kind != "boot-loader" || u.Seen[0].Where != (lab.Place{Part: "0x100", Offset: 2}) {
		t.Errorf("%+v", u)
	}
	get(t, cs, "zlib", "1.1.4")
	if len(cs) != 2 {
		t.Errorf("%+v", cs)
	}
}
