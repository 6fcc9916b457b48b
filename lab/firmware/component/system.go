package component

import (
	"bytes"
	"strings"

	"assay/lab"
	"assay/lab/firmware/image"
	"assay/lab/firmware/inspect"
)

// shellFile reads NAME=value lines (os-release(5)), with or without quotes; nil
// where there is no such file.
func shellFile(s *inspect.System, p string) map[string]string {
	if s.Tree == nil {
		return nil
	}
	n, err := s.Tree.Lookup(p)
	if err != nil || n.Kind != image.File || n.Size > 64<<10 {
		return nil
	}
	b, err := n.Data()
	if err != nil {
		return nil
	}
	values := map[string]string{}
	for l := range bytes.Lines(b) {
		if key, value, ok := strings.Cut(strings.TrimSpace(string(l)), "="); ok && len(values) < 100 {
			values[key] = short(strings.Trim(value, `"'`), 100)
		}
	}
	return values
}

// distributionOf is what a system says it is. LEDE is OpenWrt under the name it had
// for two years; its packages are OpenWrt's.
func distributionOf(s *inspect.System) distribution {
	d := distribution{}
	release := shellFile(s, "/etc/os-release")
	if release == nil {
		release = shellFile(s, "/usr/lib/os-release")
	}
	d.id, d.name, d.version = strings.ToLower(release["ID"]), release["NAME"], release["VERSION_ID"]
	if w := shellFile(s, "/etc/openwrt_release"); w != nil {
		d.id, d.name, d.version = "openwrt", w["DISTRIB_ID"], w["DISTRIB_RELEASE"]
	}
	if !familyID.MatchString(d.id) || !anyVersion.MatchString(d.version) && d.version != "" {
		return distribution{}
	}
	return d
}

// release makes a component of the system itself, from the files that say which it is.
func (m *merger) release(s *inspect.System) {
	d := distributionOf(s)
	if d.id == "" || d.version == "" {
		return
	}
	var x *item
	if all := m.byKey[key{d.id, d.version}]; len(all) > 0 {
		x = all[0]
	} else {
		x = m.item(d.id, m.i.set.byID[d.id], d.version)
		x.c.Kind, x.c.Name = "firmware", or(d.name, d.id)
	}
	for _, at := range []struct{ file, field, kind string }{
		{"/etc/openwrt_release", "DISTRIB_RELEASE", "banner"}, {"/etc/os-release", "VERSION_ID", "string"}, {"/usr/lib/os-release", "VERSION_ID", "string"},
	} {
		if v := shellFile(s, at.file)[at.field]; strings.EqualFold(v, d.version) {
			x.see(lab.Observation{
				Rule: "system-release", Version: 1, Kind: at.kind, Text: at.field + "=" + v, Claims: d.version, Where: lab.Place{Part: s.Part, Path: at.file},
			}, [32]byte{})
			if at.kind == "string" {
				break
			}
		}
	}
}
