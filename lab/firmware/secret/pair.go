package secret

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"assay/lab"
	"assay/lab/firmware/inspect"
	"assay/lab/firmware/shell"
)

// pair is a key with its value in a text.
type pair struct {
	line       int
	key, value string
	quoted     bool
}

// maxPairText bounds the texts in which pairs are looked for.
const maxPairText = 1 << 20

// kindOfText says how much a pair in a text is worth: configuration is read by
// programs, code may be anything.
func kindOfText(f *inspect.File) string {
	if !f.Text() || len(f.Data) > maxPairText {
		return ""
	}
	if shell.IsScript(f.Path, f.Data) {
		return "script"
	}
	base := strings.ToLower(path.Base(f.Path))
	switch strings.ToLower(path.Ext(base)) {
	case ".lua", ".php", ".cgi", ".asp", ".aspx", ".js", ".htm", ".html", ".py", ".pl", ".pm", ".tcl", ".rb", ".shtml", ".jsp", ".ts":
		return "code"
	case ".conf", ".cfg", ".cnf", ".ini", ".xml", ".json", ".yaml", ".yml", ".default", ".defaults", ".nvram", ".dat", ".env", ".properties", ".config", ".toml", ".save", ".bak", ".def":
		return "configuration"
	}
	if bytes.HasPrefix(f.Data, []byte("#!")) || bytes.HasPrefix(f.Data, []byte("<?php")) {
		return "code"
	}
	for e := range strings.SplitSeq(strings.ToLower(path.Dir(f.Path)), "/") {
		if strings.HasPrefix(e, "etc") || e == "config" || e == "nvram" || e == "default" || e == "defaults" || e == "factory" || e == "mnt" || e == "romfile" {
			return "configuration"
		}
	}
	if path.Ext(base) == "" && (strings.Contains(base, "nvram") || strings.Contains(base, "default") || strings.Contains(base, "config")) {
		return "configuration"
	}
	return ""
}

// blank makes comments empty and keeps their lines.
func blank(b []byte, begin, end string) []byte {
	out := bytes.Clone(b)
	for at := 0; ; {
		k := bytes.Index(out[at:], []byte(begin))
		if k < 0 {
			return out
		}
		k += at
		stop := len(out)
		if e := bytes.Index(out[k+len(begin):], []byte(end)); e >= 0 {
			stop = k + len(begin) + e + len(end)
		}
		for n := k; n < stop; n++ {
			if out[n] != '\n' {
				out[n] = ' '
			}
		}
		at = stop
	}
}

// notSettings are files with words like passwords in them that set none.
var notSettings = wordSet(`nsswitch.conf openssl.cnf login.defs deluser.conf adduser.conf services protocols rpc mime.types magic debconf.conf pam.conf ucitrack profile bash.bashrc inputrc locale.alias nanorc vimrc screenrc securetty`)

func notSetting(p string) bool {
	base := path.Base(p)
	return notSettings[base] || strings.Contains(p, "/pam.d/") || strings.Contains(p, "/apparmor") || strings.Contains(p, "/dbus-1/") || strings.Contains(p, "/polkit") || strings.Contains(p, "/opkg/info/") || strings.Contains(p, "/dpkg/info/") || strings.Contains(p, "/sysctl") || strings.Contains(p, "/logcheck/") || strings.Contains(p, "/udev/") || strings.Contains(p, "/lintian/")
}

// pairsIn reads the pairs of a text whose keys are about passwords or accounts.
func pairsIn(b []byte, kind string) (all []pair) {
	for n := 1; len(b) > 0; n++ {
		line, rest, _ := bytes.Cut(b, []byte("\n"))
		b = rest
		if len(line) > 16<<10 {
			line = line[:16<<10] // configuration on one line: what follows is not read
		}
		s := strings.TrimSpace(string(line))
		if s == "" || strings.HasPrefix(s, "#") || strings.HasPrefix(s, ";") || strings.HasPrefix(s, "//") || strings.HasPrefix(s, "--") || strings.HasPrefix(s, "*") || strings.HasPrefix(s, "<!--") || strings.HasPrefix(s, "!") {
			continue
		}
		all = linePairs(all, s, n, kind)
		if len(all) > 5000 {
			return all
		}
	}
	return all
}

func isKeyByte(c byte) bool { return isWordByte(c) || c == '_' || c == '-' || c == '.' }

func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func linePairs(all []pair, s string, n int, kind string) []pair {
	// option KEY VALUE of UCI; set stands before a dotted name in its batch files.
	if f := strings.Fields(s); len(f) >= 3 && f[0] == "option" {
		v := strings.TrimSpace(s[strings.Index(s, f[1])+len(f[1]):])
		value, quoted := unquote(v)
		return append(all, pair{n, strings.Trim(f[1], `'"`), value, quoted})
	}
	for i := 0; i < len(s); {
		if !isKeyByte(s[i]) {
			i++
			continue
		}
		start := i
		for i < len(s) && isKeyByte(s[i]) {
			i++
		}
		key := strings.Trim(s[start:i], ".-")
		if i-start > 80 || !isPasswordKey(key) && !isUserKey(key) && !isWirelessKey(key) && !isCommunity(key) {
			continue
		}
		// <KEY>VALUE</KEY>
		if start > 0 && s[start-1] == '<' {
			if end := strings.IndexByte(s[i:], '>'); end >= 0 && end < 80 && !strings.Contains(s[i:i+end], "=") && !strings.HasSuffix(s[i:i+end], "/") {
				from := i + end + 1
				if stop := strings.Index(s[from:], "</"); stop >= 0 {
					v := strings.TrimSpace(s[from : from+stop])
					if c, ok := strings.CutPrefix(v, "<![CDATA["); ok {
						v = strings.TrimSuffix(c, "]]>")
					}
					all = append(all, pair{n, key, v, true})
					i = from + stop
					continue
				}
			}
		}
		// name="KEY" … value="VALUE"
		if named := string(lower([]byte(s[max(0, start-7):start]))); strings.HasSuffix(named, `name="`) || strings.HasSuffix(named, `name='`) || strings.HasSuffix(named, `id="`) {
			if kind != "code" {
				low := string(lower([]byte(s[i:min(len(s), i+140)])))
				for _, mark := range []string{`value="`, `val="`, `default="`} {
					if v := strings.Index(low, mark); v >= 0 && v < 120 {
						value, _ := unquote(s[i+v+len(mark)-1:])
						all = append(all, pair{n, key, value, true})
						break
					}
				}
			}
			continue
		}
		at := i
		if kind == "json" && (start == 0 || s[start-1] != '"' || at >= len(s) || s[at] != '"') {
			continue // words in a text
		}
		for at < len(s) && strings.IndexByte("\"'])", s[at]) >= 0 {
			at++
		}
		for at < len(s) && (s[at] == ' ' || s[at] == '\t') {
			at++
		}
		define := strings.HasSuffix(strings.ToLower(strings.TrimRight(s[max(0, start-20):start], `"' `)), "define(")
		switch {
		case strings.HasPrefix(s[at:], "=="), strings.HasPrefix(s[at:], "=~"):
			continue // compared, not set
		case kind == "code" && strings.HasPrefix(s[at:], "=") && strings.HasSuffix(strings.TrimRight(s[:start], " \t$"), ","):
			continue // a, b = …: which is whose is not followed
		case strings.HasPrefix(s[at:], "=>"), strings.HasPrefix(s[at:], ":="):
			at += 2
		case at < len(s) && (s[at] == '=' || s[at] == ':'), at < len(s) && s[at] == ',' && define:
			at++
		default:
			continue
		}
		for at < len(s) && (s[at] == ' ' || s[at] == '\t') {
			at++
		}
		if at >= len(s) {
			all = append(all, pair{n, key, "", false})
			break
		}
		value, quoted := unquote(s[at:])
		all = append(all, pair{n, key, value, quoted})
		if quoted {
			i = min(len(s), at+len(value)+2)
		} else {
			i = min(len(s), at+len(value))
		}
	}
	return all
}

// unquote reads a value up to its closing quote, or up to a sign that ends it.
func unquote(s string) (value string, quoted bool) {
	if s == "" {
		return "", false
	}
	if s[0] == '"' || s[0] == '\'' {
		if end := strings.IndexByte(s[1:], s[0]); end >= 0 {
			return s[1 : 1+end], true
		}
		return "", true
	}
	if end := strings.IndexAny(s, " \t;,&<>\"'){}"); end >= 0 {
		return s[:end], false
	}
	return s, false
}

// values that are how passwords are kept, not passwords.
var mechanisms = wordSet(`md5 sha1 sha256 sha512 crypt des blowfish yescrypt pam files shadow ldap db compat systemd winbind sss plain plaintext cleartext digest basic ntlm mschap chap pap sasl gssapi tls ssl file env stdin fd int integer char varchar boolean bool object array function varchar2 nis dns radius anonymous select input submit hidden checkbox`)

// plausible reports whether a value can be a password by itself.
func plausible(v string) bool {
	if !isLiteral(v) || len(v) < 2 || mechanisms[strings.ToLower(v)] || Recognize(v) != "" && v[0] == '$' {
		return false
	}
	if isNumber(v) && len(v) < 3 {
		return false
	}
	if strings.Count(v, "/") > 1 || strings.Contains(v, ".*") || strings.Contains(v, ".+") {
		return false // paths and patterns
	}
	return !strings.ContainsAny(v, "(){}[]|<>\\`\"") && !strings.HasSuffix(v, ":") && !strings.HasSuffix(v, ",")
}

// wirelessKey reports whether a text can be the key of a wireless network:
// 8 to 63 characters or 64 hexadecimal digits for WPA, the lengths of WEP.
func wirelessKey(v string) bool {
	switch n := len(v); {
	case n == 64:
		return isHex(v)
	case n >= 8 && n <= 63:
		return true
	default:
		return n == 5
	}
}

func isCommunity(key string) bool {
	ws := keyWords(key)
	return slices.ContainsFunc(ws, func(w string) bool {
		return w == "community" || w == "rocommunity" || w == "rwcommunity"
	}) && !slices.ContainsFunc(ws, func(w string) bool { return not[w] })
}

// settings looks for passwords in configuration and code.
func (i *Inspector) settings(f *inspect.File) {
	kind := kindOfText(f)
	at := func(line int) lab.Place { return lab.Place{Part: f.System.Part, Path: f.Path, Line: line} }
	switch {
	case kind == "script":
		i.script(f.Data, at, reader(f.System.Tree), lab.Confirmed)
		return
	case kind == "" || notSetting(f.Path):
		return
	}
	base := path.Base(f.Path)
	switch {
	case base == "chap-secrets" || base == "pap-secrets":
		i.pppSecrets(f, at)
		return
	case strings.HasPrefix(base, "snmpd") && kind == "configuration":
		i.snmpConf(f, at)
	case base == "zebra.conf" || base == "bgpd.conf" || base == "ospfd.conf" || base == "ripd.conf" || strings.Contains(f.Path, "/ppp/peers/"):
		lines(f.Data, func(n int, s string) {
			w := strings.Fields(s)
			if k := len(w); k >= 2 && w[k-2] == "password" && k <= 3 {
				if v, _ := unquote(w[k-1]); plausible(v) {
					i.configurationFinding(at(n), "password", v, "", lab.Confirmed)
				}
			}
		})
	}
	text := f.Data
	if bytes.Contains(text, []byte("<!--")) {
		text = blank(text, "<!--", "-->")
	}
	if kind == "code" && bytes.Contains(text, []byte("/*")) {
		text = blank(text, "/*", "*/")
	}
	if path.Ext(base) == ".json" {
		kind = "json"
	}
	ps := pairsIn(text, kind)
	wireless := base == "wireless" || strings.HasPrefix(base, "hostapd") || strings.HasPrefix(base, "wpa_supplicant")
	if wireless { // option key, key1 of UCI and wep_key0 are keys there and nowhere else
		lines(f.Data, func(n int, s string) {
			w := strings.Fields(s)
			if len(w) >= 3 && w[0] == "option" && (w[1] == "key" || w[1] == "key1") {
				if v, _ := unquote(strings.Join(w[2:], " ")); isLiteral(v) && wirelessKey(v) {
					i.wireless(at(n), "key", v, lab.Confirmed)
				}
			}
		})
	}
	users := slices.DeleteFunc(slices.Clone(ps), func(p pair) bool { return !isUserKey(p.key) || !isLiteral(p.value) || len(p.value) > 40 })
	near := func(line int) (user string) {
		best := 6
		for _, u := range users {
			if d := max(u.line-line, line-u.line); d < best {
				best, user = d, u.value
			}
		}
		return user
	}
	// beside is an account of a device's own that stands on the line before or after; "" where it
	// is any other name: a client's empty password is none of the device.
	beside := func(line int) string {
		for _, u := range users {
			if d := u.line - line; d >= -1 && d <= 1 && accountNames[u.value] {
				return u.value
			}
		}
		return ""
	}
	n := 0
	for _, p := range ps {
		c := lab.Confirmed
		if kind == "code" {
			c = lab.Claimed
		}
		switch {
		case isCommunity(p.key):
			if isLiteral(p.value) && plausible(p.value) && (kind != "code" || p.quoted && p.value == "public" || p.value == "private") {
				i.community(at(p.line), p.value, "", c)
			}
			continue
		case p.value == "" && kind != "code" && isPasswordKey(p.key) && !isWirelessKey(p.key):
			if user := beside(p.line); user != "" {
				i.find(lab.Found("credential.empty-default", lab.Claimed, at(p.line), "key", p.key, "account", user))
				i.creds = append(i.creds, Credential{User: user, Use: "configuration", Where: at(p.line)})
			}
			continue
		case isUserKey(p.key) || !plausible(p.value) || strings.EqualFold(p.value, p.key):
			continue
		case (isWirelessKey(p.key) || wireless && isPasswordKey(p.key)) && kind != "code":
			if wirelessKey(p.value) {
				i.wireless(at(p.line), p.key, p.value, c)
			}
			continue
		case !isPasswordKey(p.key):
			continue
		case isHex(p.value) && (len(p.value) == 32 || len(p.value) == 40 || len(p.value) == 64):
			a := Account{Name: near(p.line), UID: -1, File: "text", Hash: strings.ToLower(p.value), Scheme: Hex, Login: Keyed, Where: at(p.line)}
			i.loose = append(i.loose, a)
			continue
		}
		if n++; n > 50 {
			return
		}
		user := near(p.line)
		if kind == "code" {
			if !p.quoted || !inCode(p.value, user) {
				continue
			}
			i.find(lab.Found("credential.in-code", c, at(p.line), "key", p.key, "account", user, "password", p.value))
			i.creds = append(i.creds, Credential{User: user, Password: p.value, Use: "code", Where: at(p.line)})
			continue
		}
		i.configurationFinding(at(p.line), p.key, p.value, user, c)
	}
}

// inCode is stricter: most texts beside a password's name in code are labels and names of fields.
func inCode(v, user string) bool {
	if slices.Contains(defaults[:60], v) && v != "password" && v != "default" && v != "user" && v != "pass" && v != "guest" && v != "support" || telltale[v] {
		return true
	}
	digits, letters := 0, 0
	for i := range len(v) {
		switch c := v[i]; {
		case c >= '0' && c <= '9':
			digits++
		case isWordByte(c):
			letters++
		case strings.IndexByte("._-:/#", c) >= 0:
			return false // names of fields, elements and paths
		}
	}
	return user != "" && len(v) >= 6 && digits > 0 && letters > 0
}

func (i *Inspector) configurationFinding(at lab.Place, key, v, user string, c lab.Certainty) {
	i.find(lab.Found("credential.in-configuration", c, at, "key", key, "account", user, "password", v))
	i.creds = append(i.creds, Credential{User: user, Password: v, Use: "configuration", Where: at})
}

func (i *Inspector) wireless(at lab.Place, key, v string, c lab.Certainty) {
	i.find(lab.Found("credential.wireless-key", c, at, "key", key, "password", v))
	i.creds = append(i.creds, Credential{Password: v, Use: "wireless", Where: at})
}

func (i *Inspector) community(at lab.Place, v, access string, c lab.Certainty) {
	f := lab.Found("credential.snmp-community", c, at, "password", v, "access", access)
	if access == "write" {
		f.Severity = lab.Critical
	}
	i.find(f)
	i.creds = append(i.creds, Credential{Password: v, Use: "snmp", Where: at})
}

// snmpConf reads the communities of Net-SNMP (snmpd.conf(5)).
func (i *Inspector) snmpConf(f *inspect.File, at func(int) lab.Place) {
	lines(f.Data, func(n int, s string) {
		w := strings.Fields(s)
		v, access := "", ""
		switch {
		case len(w) >= 2 && (w[0] == "rocommunity" || w[0] == "rocommunity6"):
			v, access = w[1], "read"
		case len(w) >= 2 && (w[0] == "rwcommunity" || w[0] == "rwcommunity6"):
			v, access = w[1], "write"
		case len(w) >= 4 && (w[0] == "com2sec" || w[0] == "com2sec6"):
			v = w[len(w)-1]
		}
		if v, _ = unquote(v); isLiteral(v) {
			i.community(at(n), v, access, lab.Confirmed)
		}
	})
}

// pppSecrets reads chap-secrets and pap-secrets (pppd(8)): client, server, secret, addresses.
func (i *Inspector) pppSecrets(f *inspect.File, at func(int) lab.Place) {
	lines(f.Data, func(n int, s string) {
		var w []string
		for rest := strings.TrimSpace(s); rest != "" && len(w) < 4; rest = strings.TrimSpace(rest) {
			v, quoted := unquote(rest)
			if !quoted {
				v, _, _ = strings.Cut(strings.ReplaceAll(rest, "\t", " "), " ")
				rest = rest[len(v):]
			} else {
				rest = rest[min(len(rest), len(v)+2):]
			}
			w = append(w, v)
		}
		if len(w) >= 3 && w[2] != "*" && isLiteral(w[2]) {
			i.configurationFinding(at(n), "secret", w[2], strings.TrimPrefix(w[0], "*"), lab.Confirmed)
		}
	})
}

// authorized tells of keys that may sign in over SSH on every device.
func (i *Inspector) authorized(f *inspect.File) {
	base := path.Base(f.Path)
	if base != "authorized_keys" && base != "authorized_keys2" {
		return
	}
	lines(f.Data, func(n int, s string) {
		k := publicKey(s)
		if k.Fingerprint != "" {
			at := lab.Place{Part: f.System.Part, Path: f.Path, Line: n}
			i.find(lab.Found("credential.authorized-key", lab.Confirmed, at, "algorithm", k.Algorithm, "fingerprint", k.Fingerprint))
		}
	})
}
