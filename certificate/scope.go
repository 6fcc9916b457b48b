package certificate

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"assay/scheme"
)

// Covers is the answer about one model, variant and firmware version: not in
// scope, then the state of the certificate, then firmware not stated. An
// empty variant or firmware asks about all of them.
func (s *Standing) Covers(model, variant, firmware string) State {
	a := s.Amended.Covers(model, variant, firmware)
	if a == NotInScope || s.State == Valid {
		return a
	}
	return s.State
}

// Covers tells whether a model, variant and firmware version is what was
// certified: Valid, NotInScope, or FirmwareNotStated where a version may be
// a security update that nobody has named.
func (c *Certificate) Covers(model, variant, firmware string) State {
	i := slices.IndexFunc(c.Product.Models, func(m Model) bool { return m.ID == model })
	if i < 0 || variant != "" && !slices.Contains(c.Product.Models[i].Variants, variant) {
		return NotInScope
	}
	if firmware == "" {
		return Valid
	}
	return c.Firmware.covers(firmware)
}

func (f *Firmware) covers(v string) State {
	if slices.Contains(f.Versions, v) {
		return Valid
	}
	if f.From != "" || f.To != "" {
		lo, ok1 := compareVersions(f.From, v)
		hi, ok2 := compareVersions(v, f.To)
		switch {
		case (f.From == "" || ok1 && lo <= 0) && (f.To == "" || ok2 && hi <= 0):
			return Valid
		case f.From != "" && !ok1 || f.To != "" && !ok2:
			return FirmwareNotStated // versions that cannot be compared
		}
	}
	stated := len(f.Versions) > 0 || f.From != "" || f.To != ""
	if !stated || f.Rule == scheme.FirmwareOpenSecurity {
		return FirmwareNotStated
	}
	return NotInScope
}

// Within reports whether f is nowhere wider than g.
func (f *Firmware) Within(g *Firmware) bool {
	if f.Rule == scheme.FirmwareOpenSecurity && g.Rule != scheme.FirmwareOpenSecurity {
		return false
	}
	if f.From != g.From || f.To != g.To {
		if f.From == "" && f.To == "" && len(f.Versions) == 0 {
			return false
		}
		if f.From != "" || f.To != "" {
			if f.From == "" || f.To == "" || g.covers(f.From) != Valid || g.covers(f.To) != Valid {
				return false
			}
		}
	}
	for _, v := range f.Versions {
		if g.covers(v) != Valid {
			return false
		}
	}
	return true
}

// compareVersions compares dotted numbers; ok is false where a part is none.
func compareVersions(a, b string) (order int, ok bool) {
	for a != "" || b != "" {
		var x, y string
		x, a, _ = strings.Cut(a, ".")
		y, b, _ = strings.Cut(b, ".")
		m, err1 := strconv.ParseUint(cmp.Or(x, "0"), 10, 63)
		n, err2 := strconv.ParseUint(cmp.Or(y, "0"), 10, 63)
		if err1 != nil || err2 != nil {
			return 0, false
		}
		if m != n {
			return cmp.Compare(m, n), true
		}
	}
	return 0, true
}
