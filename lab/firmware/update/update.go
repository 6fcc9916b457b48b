// Package update gathers what an image shows of the way in which it is updated: what fetches and
// writes new firmware, what of it is checked, with which keys. It draws no verdict: how an update
// really goes, only a device shows.
package update

import (
	"bytes"
	"cmp"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"assay/lab"
	"assay/lab/firmware/image"
	"assay/lab/firmware/inspect"
	"assay/lab/firmware/shell"
)

// Updater is a program or script that has to do with updates.
type Updater struct {
	Path       string    `json:"path"`
	Kind       string    `json:"kind"`                 // script, program, tool (of a known update system)
	Writes     []string  `json:"writes,omitempty"`     // commands that write flash, as they stand
	Fetches    []string  `json:"fetches,omitempty"`    // commands that fetch something
	Signatures []string  `json:"signatures,omitempty"` // commands or imported functions that verify signatures
	Checksums  []string  `json:"checksums,omitempty"`  // commands or imported functions of checksums
	Rollback   []string  `json:"rollback,omitempty"`   // words that speak of older versions
	Where      lab.Place `json:"where"`
}

// Address is where updates come from.
type Address struct {
	URL     string    `json:"url"`
	Purpose string    `json:"purpose"` // firmware, packages
	Where   lab.Place `json:"where"`
}

// PublicKey is a key that updates or packages may be verified with.
type PublicKey struct {
	Kind        string    `json:"kind"` // usign, pem, pgp, apk
	Fingerprint string    `json:"fingerprint"`
	Where       lab.Place `json:"where"`
}

// Result is what was found.
type Result struct {
	Findings  []lab.Finding `json:"findings"`
	Updaters  []Updater     `json:"updaters"`
	Addresses []Address     `json:"addresses"`
	Keys      []PublicKey   `json:"keys"`
	// Systems are update systems that are there: sysupgrade, swupdate, rauc, mender, ostree, opkg,
	// apt, apk, fwupd, tr069.
	Systems []string `json:"systems"`
	// Signed says what the image itself carries: "signature", "none" or, where no wrapper
	// is known, "".
	Signed   string `json:"signed"`
	Checksum bool   `json:"checksum"` // a wrapper of the image has a checksum
	TwoBanks bool   `json:"two_banks"`
	Scripts  int    `json:"scripts"`  // that were read
	Programs int    `json:"programs"` // whose imports were looked at
}

// Inspector looks for the update path.
type Inspector struct {
	r       Result
	systems map[string]lab.Place
	banks   []lab.Place
	off     []lab.Finding // checks that are turned off
	feeds   bool          // packages are fetched with opkg
	checked bool          // opkg checks signatures
	opkg    lab.Place
}

// New makes an inspector for one image.
func New() *Inspector { return &Inspector{systems: map[string]lab.Place{}} }

// Result is what was found, after Done.
func (i *Inspector) Result() Result { return i.r }

func (i *Inspector) find(f lab.Finding) { i.r.Findings = append(i.r.Findings, f) }

// known are programs of update systems.
var known = map[string]string{
	"sysupgrade": "sysupgrade", "swupdate": "swupdate", "rauc": "rauc", "mender": "mender", "mender-update": "mender", "ostree": "ostree",
	"opkg": "opkg", "opkg-cl": "opkg", "apt-get": "apt", "apk": "apk", "fwupd": "fwupd", "cwmpd": "tr069", "tr069c": "tr069", "cwmpclient": "tr069", "update_engine": "update_engine", "balena": "balena",
}

// about says that a path is that of something about firmware updates.
var about = regexp.MustCompile(`(?i)(fw|firm|sys|auto|img|image|soft|web|remote|online|dev|local)?[-_]?upgrade|firmware|fw_?up(date)?|\bfota\b|fota|\bota[-_d.]|[-_]ota\b|\bota$|autoupdate|auto_update|fwdl|sysupdate|update_?(fw|firm|image|server|check)|flash_?(image|write|fw)|swupdate|\brauc\b`)

// aboutFirmware says that an address is one of firmware.
var aboutFirmware = regexp.MustCompile(`(?i)firmware|fota|/ota/|[/._-]ota[/._-]|upgrade|update|fwdl|/fw/|[-_.]fw[-_./]|\.(bin|img|trx|chk|fwu|swu|raucb|mender|ipk)(\?|$)`)

// notFirmware are addresses that are names of formats or of documentation.
var notFirmware = regexp.MustCompile(`(?i)w3\.org|xmlsoap|schemas|\.dtd|\.xsd|gnu\.org|bugs?\b|github\.com|wiki|docs?\b|openwrt\.org/?$|copyright|licen[sc]e|localhost|127\.0\.0\.1|example\.(com|org|net)`)

// rollback are words with which updaters speak of older versions.
var rollback = regexp.MustCompile(`(?i)anti[-_ ]?rollback|rollback[-_ ]?(index|protect|counter)|downgrad\w*|min(imum|imal)?[-_]?(fw|firmware)?[-_]?version|compat_version|version[-_]?compare|compare[-_]?version`)

// twoBanks are words of systems with two copies of the firmware.
var twoBanks = regexp.MustCompile(`(?i)\b(firmware2|kernel2|rootfs2|rootfs_[ab]\b|kernel_[ab]\b|boot_?slot|slot_suffix|BOOT_ORDER|altbootcmd|dual[-_ ]?(boot|image|bank|firmware)|bootpartition|boot_part(ition)?|active_?(bank|slot|partition)|inactive_?(bank|slot|partition))`)

// File looks at one file.
func (i *Inspector) File(f *inspect.File) {
	base := path.Base(f.Path)
	at := lab.Place{Part: f.System.Part, Path: f.Path}
	if strings.Contains(f.Path, "/usr/share/doc/") || strings.Contains(f.Path, "/usr/share/man/") || strings.Contains(f.Path, "/bash-completion/") {
		return
	}
	if name := known[base]; name != "" && inBin(f.Path) && (f.ELF() != nil || shell.IsScript(f.Path, f.Data) || bytes.HasPrefix(f.Data, []byte("\x7fELF"))) {
		if _, twice := i.systems[name]; !twice {
			i.systems[name] = at
		}
	}
	switch {
	case bytes.HasPrefix(f.Data, []byte("\x7fELF")):
		i.program(f, at)
	case !f.Text() || len(f.Data) > 512<<10:
	case shell.IsScript(f.Path, f.Data) || strings.Contains(f.Path, "/lib/upgrade/"):
		i.script(f)
	default:
		i.configuration(f, at)
	}
	i.publicKey(f, at)
}

func inBin(p string) bool {
	d := path.Dir(p)
	return strings.HasSuffix(d, "bin") || strings.HasSuffix(d, "sbin") || strings.HasSuffix(d, "/lib/fwupd") || strings.HasSuffix(d, "libexec/fwupd")
}

// writers are commands that write the firmware of a device; dd and cp only to devices.
var writers = map[string]bool{"mtd": true, "mtd_write": true, "flashcp": true, "nandwrite": true, "ubiupdatevol": true, "flash_erase": true, "flash_eraseall": true, "flashw": true, "write_mtd": true, "mtd_debug": true, "fwupgrade": true, "sysupgrade": true, "ubiformat": true, "flashrom": true, "imgwrite": true, "nand_upgrade_tar": true, "default_do_upgrade": true}

// fetchers are commands that fetch files.
var fetchers = map[string]bool{"wget": true, "curl": true, "uclient-fetch": true, "tftp": true, "ftpget": true, "aria2c": true, "scp": true, "rsync": true}

// verifies reports whether a command verifies a signature.
func verifies(name string, args []string) bool {
	has := func(options ...string) bool {
		return slices.ContainsFunc(args, func(a string) bool { return slices.Contains(options, a) })
	}
	switch name {
	case "usign", "signify", "minisign", "ucert":
		return has("-V", "-Vm", "--verify")
	case "openssl":
		return has("-verify", "-prverify", "verify", "-verifyrecover") || len(args) > 1 && (args[0] == "cms" || args[0] == "smime") && has("-verify")
	case "gpg", "gpg2", "gpgv", "gpgv2":
		return has("--verify") || strings.HasPrefix(name, "gpgv")
	case "rauc":
		return has("install", "bundle")
	case "swupdate":
		return has("-k", "--key")
	case "cosign":
		return has("verify", "verify-blob")
	case "fwtool_check_signature", "signature_check", "verify_signature", "check_signature":
		return true
	}
	return false
}

var checksums = map[string]bool{"md5sum": true, "sha1sum": true, "sha256sum": true, "sha512sum": true, "cksum": true, "crc32": true, "sum": true}

// maxAddresses bounds the addresses of an image that are told.
const maxAddresses = 500

// maxTold bounds what is told of one updater.
const maxTold = 20

func told(list []string, s string) []string {
	if len(list) >= maxTold || slices.Contains(list, s) {
		return list
	}
	if len(s) > 200 {
		s = s[:200]
	}
	return append(list, s)
}

// script reads a script's commands.
func (i *Inspector) script(f *inspect.File) {
	i.r.Scripts++
	at := func(n int) lab.Place { return lab.Place{Part: f.System.Part, Path: f.Path, Line: n} }
	u := Updater{Path: f.Path, Kind: "script", Where: at(0)}
	named := about.MatchString(f.Path)
	env := shell.Env{}
	cs := shell.Parse(f.Data)
	for n := range cs {
		c := &cs[n]
		env.Run(c)
		for _, a := range c.Set {
			if v, ok := env.Expand(a.Value); ok {
				i.address(v, named, at(c.Line))
			}
			if v := strings.Trim(a.Value.String(), `"'`); (a.Name == "REQUIRE_IMAGE_SIGNATURE" || a.Name == "CHECK_SIGNATURE") && v == "0" {
				i.turnedOff(at(c.Line), a.Name+"=0")
			}
		}
		if len(c.Words) == 0 {
			continue
		}
		name, args := c.Name(), env.Arguments(c)
		if name == "busybox" && len(args) > 0 {
			name, args = args[0], args[1:]
		}
		line := strings.Join(append([]string{name}, args...), " ")
		switch {
		case name == "mtd" && len(args) > 0 && !slices.ContainsFunc(args, func(a string) bool { return a == "write" }):
			// erase, verify, fixtrx, jffs2write: no new firmware is written
		case writers[name], name == "dd" && slices.ContainsFunc(args, func(a string) bool {
			return strings.HasPrefix(a, "of=/dev/mtd") || strings.HasPrefix(a, "of=/dev/mmcblk")
		}):
			u.Writes = told(u.Writes, line)
		case fetchers[name]:
			u.Fetches = told(u.Fetches, line)
			i.fetch(name, args, named, line, at(c.Line))
		case verifies(name, args):
			u.Signatures = told(u.Signatures, line)
		case checksums[name]:
			u.Checksums = told(u.Checksums, name)
		case name == "opkg" || name == "apk" || name == "apt-get" || name == "dpkg":
			for _, a := range args {
				switch a {
				case "--force-signature", "--no-check-signature", "--allow-untrusted", "--allow-unauthenticated", "--no-check-certificate":
					i.turnedOff(at(c.Line), line)
				}
			}
		case name == "swupdate" && !verifies(name, args):
			u.Writes = told(u.Writes, line)
		}
	}
	if named || len(u.Writes) > 0 {
		for _, m := range rollback.FindAll(f.Data, maxTold) {
			u.Rollback = told(u.Rollback, string(m))
		}
		if twoBanks.Match(f.Data) {
			i.banks = append(i.banks, at(0))
		}
	}
	if len(u.Writes) > 0 || named && (len(u.Fetches) > 0 || len(u.Signatures) > 0 || len(u.Checksums) > 0) {
		i.r.Updaters = append(i.r.Updaters, u)
	}
}

// fetch looks at how something is fetched.
func (i *Inspector) fetch(name string, args []string, named bool, line string, at lab.Place) {
	unchecked, clear := false, ""
	for _, a := range args {
		switch {
		case name == "curl" && (a == "-k" || a == "--insecure" || strings.HasPrefix(a, "-") && !strings.HasPrefix(a, "--") && len(a) < 6 && strings.HasSuffix(a, "k") && strings.Trim(a[1:], "fsSLkO") == ""),
			(name == "wget" || name == "uclient-fetch") && a == "--no-check-certificate":
			unchecked = true
		}
		i.address(a, named, at)
		if strings.HasPrefix(a, "http://") {
			clear = a
		}
	}
	if unchecked && clear == "" {
		i.find(lab.Found("update.certificate-unchecked", lab.Confirmed, at, "command", line))
	}
}

var urlIn = regexp.MustCompile(`(?i)\b(https?|ftp|tftp)://[^\s"'<>()\\\x00-\x20]{4,200}`)

// address notes an address of firmware that stands in a text. named says that the text is about updates.
func (i *Inspector) address(text string, named bool, at lab.Place) {
	for _, m := range urlIn.FindAllString(text, 20) {
		m = strings.TrimRight(m, ".,;:")
		if !named && !aboutFirmware.MatchString(m) || notFirmware.MatchString(m) {
			continue
		}
		if host := strings.TrimLeft(m[strings.Index(m, "//")+2:], "["); host == "" || strings.HasPrefix(host, "*") || strings.HasPrefix(host, "%") || strings.HasPrefix(host, "$") {
			continue // the host is put in later
		}
		a := Address{URL: m, Purpose: "firmware", Where: at}
		if len(i.r.Addresses) < maxAddresses && !slices.Contains(i.r.Addresses, a) {
			i.r.Addresses = append(i.r.Addresses, a)
		}
	}
}

func (i *Inspector) turnedOff(at lab.Place, text string) {
	i.off = append(i.off, lab.Found("update.signature-check-off", lab.Confirmed, at, "text", text))
}

// configuration reads the settings of update systems, and addresses in settings about updates.
func (i *Inspector) configuration(f *inspect.File, at lab.Place) {
	base := path.Base(f.Path)
	dir := path.Dir(f.Path)
	opkg := base == "opkg.conf" || strings.Contains(dir, "/etc/opkg")
	inEtc := strings.Contains(f.Path, "/etc")
	packages := opkg || strings.HasSuffix(dir, "/etc/apt") || strings.HasSuffix(dir, "/etc/apt/sources.list.d") || strings.HasSuffix(f.Path, "/apk/repositories")
	if !packages && !inEtc && !about.MatchString(f.Path) {
		return
	}
	if base == "opkg.conf" {
		i.opkg = at
	}
	n := 0
	for l := range strings.SplitSeq(string(f.Data), "\n") {
		n++
		at.Line = n
		t := strings.TrimSpace(l)
		if t == "" || strings.HasPrefix(t, "#") || strings.HasPrefix(t, ";") || strings.HasPrefix(t, "//") || len(t) > 4096 {
			continue
		}
		w := strings.Fields(t)
		switch {
		case opkg && len(w) >= 2 && w[0] == "option" && w[1] == "check_signature":
			i.checked = len(w) < 3 || w[2] != "0"
			if !i.checked {
				i.turnedOff(at, t)
			}
		case packages && len(w) >= 2 && (strings.HasPrefix(w[0], "src") || w[0] == "deb" || w[0] == "URIs:" || strings.Contains(w[0], "://")):
			for _, x := range w {
				if strings.Contains(x, "://") {
					if x = strings.Trim(x, `"'`); len(x) <= 500 && len(i.r.Addresses) < maxAddresses {
						i.r.Addresses = append(i.r.Addresses, Address{URL: x, Purpose: "packages", Where: at})
					}
					i.feeds = i.feeds || opkg
				}
			}
			if strings.Contains(t, "trusted=yes") {
				i.turnedOff(at, t)
			}
		case strings.Contains(t, "AllowUnauthenticated") && strings.Contains(t, "true"), strings.HasPrefix(t, "gpg-verify=false") && strings.Contains(dir, "ostree"):
			i.turnedOff(at, t)
		case strings.Contains(f.Path, "/mender") && strings.Contains(t, "SkipVerify") && strings.Contains(t, "true"):
			i.find(lab.Found("update.certificate-unchecked", lab.Confirmed, at, "command", t))
		default:
			if strings.Contains(t, "://") {
				i.address(t, inEtc && about.MatchString(f.Path), at)
			}
		}
	}
}

// verifying and summing are functions of libraries that programs import to verify
// signatures and to make checksums.
var (
	verifying = wordSet(`RSA_verify EVP_VerifyFinal EVP_DigestVerifyFinal EVP_DigestVerify EVP_PKEY_verify ECDSA_verify ECDSA_do_verify DSA_verify RSA_public_decrypt mbedtls_pk_verify mbedtls_rsa_pkcs1_verify
		mbedtls_ecdsa_verify rsa_pkcs1_verify crypto_sign_verify_detached crypto_sign_ed25519_verify_detached crypto_sign_open ed25519_verify edsign_verify wc_RsaSSL_Verify wc_ed25519_verify_msg wc_ecc_verify_hash gnutls_pubkey_verify_data2 gpgme_op_verify CMS_verify PKCS7_verify`)
	summing = wordSet(`MD5_Init MD5_Update MD5_Final MD5Init MD5Update MD5Final MD5 md5_begin md5_end crc32 cksum SHA1_Init SHA1_Final SHA256_Init SHA256_Final`)
)

func wordSet(s string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(s) {
		m[w] = true
	}
	return m
}

// program looks at what a program about updates imports, and at the addresses in it.
func (i *Inspector) program(f *inspect.File, at lab.Place) {
	base := path.Base(f.Path)
	name := known[base]
	named := about.MatchString(base) || name != ""
	if strings.HasSuffix(base, ".ko") {
		return
	}
	if !named || name == "apt" || name == "apk" {
		i.addressesIn(f, at)
		return
	}
	kind := "program"
	if name != "" {
		kind = "tool"
	}
	u := Updater{Path: f.Path, Kind: kind, Where: at}
	if e := f.ELF(); e != nil {
		i.r.Programs++
		for _, s := range e.Imports {
			switch {
			case verifying[s]:
				u.Signatures = told(u.Signatures, s)
			case summing[s]:
				u.Checksums = told(u.Checksums, s)
			}
		}
	}
	for _, m := range rollback.FindAll(f.Data, maxTold) {
		u.Rollback = told(u.Rollback, string(m))
	}
	i.addressesIn(f, at)
	i.r.Updaters = append(i.r.Updaters, u)
}

// addressesIn looks for clear addresses of firmware in a program.
func (i *Inspector) addressesIn(f *inspect.File, at lab.Place) {
	for from, n := 0, 0; n < 500; n++ {
		k := bytes.Index(f.Data[from:], []byte("http"))
		if k < 0 {
			return
		}
		k += from
		from = k + 4
		s := f.Data[k:min(len(f.Data), k+200)]
		if !bytes.HasPrefix(s, []byte("http://")) && !bytes.HasPrefix(s, []byte("https://")) {
			continue
		}
		end := bytes.IndexFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' || r == '\'' || r == '<' })
		if end > 0 {
			s = s[:end]
		}
		at.Offset = int64(k)
		i.address(string(s), false, at)
	}
}

// Done puts together what was found.
func (i *Inspector) Done(systems []*inspect.System, parts []*image.Part) {
	for name := range i.systems {
		i.r.Systems = append(i.r.Systems, name)
	}
	slices.Sort(i.r.Systems)
	i.wrappers(parts)
	i.r.TwoBanks = len(i.banks) > 0
	i.report()
}

// wrappers looks at what the image's own wrappers carry.
func (i *Inspector) wrappers(parts []*image.Part) {
	none, signed := lab.Place{}, false
	any := false
	var walk func(ps []*image.Part, deep int)
	walk = func(ps []*image.Part, deep int) {
		if deep > 32 {
			return
		}
		for _, p := range ps {
			if s := p.Get("signature"); s != "" {
				if strings.HasPrefix(s, "none") || strings.Contains(s, "not signed") {
					if !any {
						none, any = lab.Place{Part: p.ID}, true
					}
				} else if !signed {
					signed = true
					i.find(lab.Found("update.image-signature", lab.Claimed, lab.Place{Part: p.ID}, "format", p.Format, "signature", s))
				}
			}
			if s := p.Get("checksum"); s != "" && !strings.HasPrefix(s, "none") {
				i.r.Checksum = true
			}
			walk(p.Parts, deep+1)
		}
	}
	walk(parts, 0)
	switch {
	case signed:
		i.r.Signed = "signature"
	case any:
		i.r.Signed = "none"
		has := ""
		if i.r.Checksum {
			has = "checksum"
		}
		i.find(lab.Found("update.image-unsigned", lab.Claimed, none, "text", has))
	}
}

// report turns the update path into facts and findings.
func (i *Inspector) report() {
	slices.SortStableFunc(i.r.Updaters, func(a, b Updater) int { return lab.ComparePlaces(a.Where, b.Where) })
	slices.SortStableFunc(i.r.Addresses, func(a, b Address) int {
		return cmp.Or(lab.ComparePlaces(a.Where, b.Where), cmp.Compare(a.URL, b.URL))
	})
	for _, name := range i.r.Systems {
		i.find(lab.Found("update.mechanism", lab.Confirmed, i.systems[name], "kind", name))
	}
	i.r.Findings = append(i.r.Findings, i.off...)
	if i.feeds && !i.checked && len(i.off) == 0 && i.opkg.Path != "" {
		i.find(lab.Found("update.signature-check-off", lab.Confirmed, i.opkg, "text", "opkg.conf has no option check_signature"))
	}
	for _, a := range i.r.Addresses {
		if strings.HasPrefix(strings.ToLower(a.URL), "https://") {
			continue
		}
		c := lab.Confirmed
		if a.Where.Offset > 0 {
			c = lab.Claimed // a text in a program
		}
		f := lab.Found("update.clear-text", c, a.Where, "url", a.URL, "kind", a.Purpose)
		if a.Purpose == "packages" && (i.checked || !i.feeds) {
			f.Severity = lab.Low // what is fetched is checked by its signature
		}
		i.find(f)
	}
	// What checks stands in any of the scripts that belong to the writing ones: they call each other.
	writes, signs, sums, back := 0, []lab.Place{}, []string{}, []lab.Place{}
	var writer, signed lab.Place
	tools := map[string]bool{}
	for _, u := range i.r.Updaters {
		if len(u.Writes) > 0 {
			if writes == 0 {
				writer = u.Where
			}
			writes++
		}
		if len(u.Signatures) > 0 {
			if len(signs) == 0 {
				signed = u.Where
			}
			signs = append(signs, u.Where)
			for _, s := range u.Signatures {
				w, _, _ := strings.Cut(s, " ")
				tools[w] = true
			}
		}
		for _, s := range u.Checksums {
			if !slices.Contains(sums, s) {
				sums = append(sums, s)
			}
		}
		if len(u.Rollback) > 0 {
			back = append(back, u.Where)
		}
	}
	slices.Sort(sums)
	for _, u := range i.r.Updaters {
		if u.Kind == "program" { // by its name alone
			i.find(lab.Found("update.mechanism", lab.Claimed, u.Where, "kind", u.Kind))
		}
		if len(u.Writes) > 0 {
			i.find(lab.Found("update.mechanism", lab.Confirmed, u.Where, "kind", "script", "command", u.Writes[0]))
		}
	}
	if len(signs) > 0 {
		var names []string
		for t := range tools {
			names = append(names, t)
		}
		slices.Sort(names)
		f := lab.Found("update.signature-check", lab.Claimed, signed, "program", strings.Join(names, ", "))
		f.Where = signs
		i.find(f)
	}
	if writes > 0 && len(signs) == 0 {
		if len(sums) > 0 {
			i.find(lab.Found("update.checksum-only", lab.Claimed, writer, "count", strconv.Itoa(writes), "program", strings.Join(sums, ", ")))
		} else {
			i.find(lab.Found("update.unchecked", lab.Claimed, writer, "count", strconv.Itoa(writes)))
		}
	}
	for _, k := range i.r.Keys {
		i.find(lab.Found("update.key", lab.Confirmed, k.Where, "kind", k.Kind, "fingerprint", k.Fingerprint))
	}
	if len(back) > 0 {
		f := lab.Found("update.rollback", lab.Claimed, back[0])
		f.Where = back
		i.find(f)
	}
	if len(i.banks) > 0 {
		f := lab.Found("update.two-banks", lab.Claimed, i.banks[0])
		f.Where = i.banks
		i.find(f)
	}
}
