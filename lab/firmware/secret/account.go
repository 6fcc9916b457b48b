package secret

import (
	"bytes"
	"path"
	"strconv"
	"strings"

	"assay/lab"
)

// Login says whether an account can be signed in to.
type Login string

// Answers to whether an account can be signed in to.
const (
	Open    Login = "open"     // without a password
	Keyed   Login = "password" // with the password
	Locked  Login = "locked"   // there is no password that fits
	NoShell Login = "no-shell" // password or none, and a shell that lets nobody in
)

// Account is a line of a password file.
type Account struct {
	Name     string    `json:"name"`
	UID      int       `json:"uid"` // -1: not known (a shadow file alone)
	Shell    string    `json:"shell,omitempty"`
	Scheme   Scheme    `json:"scheme,omitempty"` // of its hash
	Hash     string    `json:"-"`
	Realm    string    `json:"realm,omitempty"` // of a digest file
	File     string    `json:"file"`            // kind of file: passwd, shadow, group, smbpasswd, htpasswd, htdigest, httpd
	Login    Login     `json:"login"`
	Password string    `json:"password,omitempty"` // where it was found out
	Known    bool      `json:"known"`              // Password is known, which may be empty
	Where    lab.Place `json:"where"`
}

// maxAccounts bounds what one file may list.
const maxAccounts = 2000

// isLocked reports whether a field of a password file fits no password (shadow(5)).
func isLocked(field string) bool {
	return strings.HasPrefix(field, "*") || strings.HasPrefix(field, "!") || field == "x" || field == "NP" || field == "LK"
}

// isName reports whether a text can be an account's name.
func isName(s string) bool {
	if s == "" || len(s) > 32 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '.' || c == '$' && i > 0 || c == '-' && i > 0) {
			return false
		}
	}
	return true
}

func isNumber(s string) bool {
	_, err := strconv.ParseUint(s, 10, 32)
	return err == nil
}

// nobodyHere are shells that let nobody in.
func nobodyHere(shell string) bool {
	switch path.Base(shell) {
	case "nologin", "false", "sync", "halt", "shutdown", "null", "noshell", "true":
		return true
	}
	return false
}

// lines calls f for each line that is neither empty nor a comment of "#", with its number.
func lines(b []byte, f func(n int, line string)) {
	for n := 1; len(b) > 0; n++ {
		line, rest, _ := bytes.Cut(b, []byte("\n"))
		b = rest
		line = bytes.TrimRight(line, "\r")
		if s := string(line); len(s) <= 4096 && strings.TrimSpace(s) != "" && !strings.HasPrefix(strings.TrimSpace(s), "#") {
			f(n, s)
		}
	}
}

// passwdLine reads a line of passwd(5).
func passwdLine(s string) (a Account, ok bool) {
	f := strings.Split(strings.TrimSpace(s), ":")
	if len(f) != 7 || !isName(f[0]) || !isNumber(f[2]) || !isNumber(f[3]) || strings.ContainsAny(f[1], " \t/") && !strings.HasPrefix(f[1], "$") {
		return a, false
	}
	uid, _ := strconv.Atoi(f[2])
	a = Account{Name: f[0], UID: uid, Shell: f[6], File: "passwd", Hash: f[1]}
	if f[5] != "" && !strings.HasPrefix(f[5], "/") {
		return a, false // a home is an absolute path
	}
	return a, true
}

// shadowLine reads a line of shadow(5): nine fields, those after the second numbers
// or empty; some builders leave out the last ones.
func shadowLine(s string) (a Account, ok bool) {
	f := strings.Split(strings.TrimSpace(s), ":")
	if len(f) < 3 || len(f) > 9 || !isName(f[0]) {
		return a, false
	}
	for _, n := range f[2:] {
		if n != "" && !isNumber(n) {
			return a, false
		}
	}
	if f[1] != "" && !isLocked(f[1]) && Recognize(f[1]) == "" {
		return a, false
	}
	return Account{Name: f[0], UID: -1, File: "shadow", Hash: f[1]}, true
}

// smbLine reads a line of smbpasswd(5): name, number, LM hash, NT hash, flags.
func smbLine(s string) (a Account, ok bool) {
	f := strings.Split(strings.TrimSpace(s), ":")
	if len(f) < 5 || f[0] == "" || !isNumber(f[1]) || len(f[2]) != 32 || len(f[3]) != 32 || !strings.HasPrefix(f[4], "[") {
		return a, false
	}
	uid, _ := strconv.Atoi(f[1])
	a = Account{Name: f[0], UID: uid, File: "smbpasswd", Hash: strings.ToLower(f[3])}
	switch {
	case strings.Contains(f[4], "N"):
		a.Hash = ""
	case strings.Contains(f[4], "D") || !isHex(f[3]):
		a.Hash = "*"
	}
	return a, true
}

func isHex(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		if !(s[i] >= '0' && s[i] <= '9' || c >= 'a' && c <= 'f') {
			return false
		}
	}
	return s != ""
}

// digestLine reads user:realm:MD5 of htdigest.
func digestLine(s string) (a Account, ok bool) {
	f := strings.Split(strings.TrimSpace(s), ":")
	if len(f) != 3 || f[0] == "" || f[1] == "" || len(f[2]) != 32 || !isHex(f[2]) {
		return a, false
	}
	return Account{Name: f[0], Realm: f[1], UID: -1, File: "htdigest", Hash: f[2]}, true
}

// htpasswdLine reads user:hash; plain says that what is no hash is the password itself.
func htpasswdLine(s string, plain bool) (a Account, ok bool) {
	name, h, ok := strings.Cut(strings.TrimSpace(s), ":")
	if !ok || name == "" || strings.ContainsAny(name, " \t=/") || strings.ContainsAny(h, ": \t") {
		return a, false
	}
	if Recognize(h) == "" && (!plain || !isLiteral(h)) {
		return a, false
	}
	return Account{Name: name, UID: -1, File: "htpasswd", Hash: h}, true
}

// httpdLine reads /PATH:user:password of BusyBox httpd's configuration.
func httpdLine(s string) (a Account, ok bool) {
	f := strings.SplitN(strings.TrimSpace(s), ":", 3)
	if len(f) != 3 || !strings.HasPrefix(f[0], "/") || strings.ContainsAny(f[0], " \t") || f[1] == "" || strings.ContainsAny(f[1]+f[2], " \t") || f[2] == "*" {
		return a, false
	}
	// $p$root of uhttpd stands for the account's own password.
	if f[2] != "" && Recognize(f[2]) == "" && !isLiteral(f[2]) {
		return a, false
	}
	return Account{Name: f[1], UID: -1, File: "httpd", Hash: f[2]}, true
}

// fileKind says how a password file is read, by its name and what stands in it.
func fileKind(p string, b []byte) string {
	if len(b) == 0 || len(b) > 256<<10 {
		return ""
	}
	base := strings.ToLower(path.Base(p))
	for _, tail := range []string{"-", "~", ".bak", ".old", ".orig", ".default", ".master", ".template", ".sample", ".tmpl", ".org", ".new", ".save", ".opkg", ".tmp", ".base"} {
		base = strings.TrimSuffix(base, tail)
	}
	switch {
	case strings.Contains(base, "smbpasswd"):
		return "smbpasswd"
	case strings.Contains(base, "htdigest") || strings.HasSuffix(base, ".digest"):
		return "htdigest"
	case strings.Contains(base, "htpasswd") || base == "lighttpd.user" || base == ".webpasswd" || base == "lighttpd-plain.user":
		return "htpasswd"
	case base == "httpd.conf":
		return "httpd"
	case base == "group" || base == "gshadow":
		return base
	}
	// What stands there decides between passwd and shadow: templates have any name.
	passwd, shadow, other := 0, 0, 0
	lines(b[:min(len(b), 64<<10)], func(_ int, s string) {
		if _, ok := passwdLine(s); ok {
			passwd++
		} else if a, ok := shadowLine(s); ok && strings.Count(s, ":") >= 6 && a.Name != "" {
			shadow++
		} else if !strings.HasPrefix(s, "+") && !strings.HasPrefix(s, "-") { // NIS
			other++
		}
	})
	named := strings.Contains(base, "passwd") || strings.Contains(base, "shadow")
	switch {
	case other > 0 && !named, other > passwd+shadow:
		return ""
	case passwd > shadow:
		return "passwd"
	case shadow > 0:
		return "shadow"
	}
	return ""
}

// readAccounts reads a password file of a kind.
func readAccounts(kind string, b []byte, at func(line int) lab.Place) (all []Account) {
	lines(b, func(n int, s string) {
		if len(all) >= maxAccounts {
			return
		}
		var a Account
		ok := false
		switch kind {
		case "passwd":
			a, ok = passwdLine(s)
		case "shadow":
			a, ok = shadowLine(s)
		case "smbpasswd":
			a, ok = smbLine(s)
		case "htdigest":
			a, ok = digestLine(s)
		case "htpasswd":
			if a, ok = digestLine(s); !ok {
				a, ok = htpasswdLine(s, true)
			}
		case "httpd":
			a, ok = httpdLine(s)
		case "group", "gshadow":
			f := strings.Split(strings.TrimSpace(s), ":")
			if ok = len(f) == 4 && isName(f[0]) && Recognize(f[1]) != ""; ok {
				a = Account{Name: f[0], UID: -1, File: "group", Hash: f[1]}
			}
		}
		if !ok {
			return
		}
		a.Where = at(n)
		a.settle()
		all = append(all, a)
	})
	return all
}

// settle says what the hash is and whether the account is open.
func (a *Account) settle() {
	switch {
	case a.File == "smbpasswd" && a.Hash != "" && a.Hash != "*":
		a.Scheme, a.Login = NT, Keyed
	case a.File == "htdigest":
		a.Scheme, a.Login = Digest, Keyed
	case a.Hash == "":
		a.Login, a.Known = Open, true
	case isLocked(a.Hash):
		a.Login = Locked
	default:
		a.Login = Keyed
		if a.Scheme = Recognize(a.Hash); a.Scheme != "" {
			break
		}
		if a.File == "htpasswd" || a.File == "httpd" {
			a.Scheme, a.Password, a.Known = Plain, a.Hash, true
		} else {
			a.Login = Locked // no hash of any scheme: nothing fits it
		}
	}
	if nobodyHere(a.Shell) && (a.Login == Open || a.Login == Keyed) {
		a.Login = NoShell
	}
}
