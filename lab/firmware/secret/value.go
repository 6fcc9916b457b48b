package secret

import (
	"path"
	"strings"
)

// standIns are texts that stand where a password belongs and are none, compared without case.
var standIns = map[string]bool{
	"xxx": true, "xxxx": true, "xxxxx": true, "xxxxxx": true, "xxxxxxx": true, "xxxxxxxx": true, "...": true, "null": true, "nil": true, "none": true, "undefined": true,
	"true": true, "false": true, "yes": true, "no": true, "on": true, "off": true, "enable": true, "enabled": true, "disable": true, "disabled": true,
	"string": true, "text": true, "file": true, "optional": true, "required": true, "todo": true, "tbd": true, "n/a": true, "empty": true,
	"yourpassword": true, "your_password": true, "your-password": true, "mypassword": true, "your_secret": true, "yoursecret": true, "yourpass": true, "insert_password_here": true,
	"(null)": true, "uint8": true, "username": true, "not_set": true, "unset": true,
	"prompt": true, "ask": true, "plain": true, "plaintext": true, "hidden": true, "redacted": true,
}

// isLiteral reports whether a text can be a password as it stands: no variable, no call,
// no mark that something is put in there.
func isLiteral(s string) bool {
	if s == "" || len(s) > 128 || standIns[strings.ToLower(s)] {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	stars := strings.Trim(s, "*")
	switch {
	case stars == "", strings.Trim(s, "#") == "", strings.Trim(s, "?") == "", strings.Trim(s, "-") == "", strings.Trim(s, "_") == "", strings.Trim(s, ".") == "":
		return false
	case strings.HasPrefix(s, "$"), strings.Contains(s, "${"), strings.Contains(s, "$("), strings.HasPrefix(s, "`"):
		return false
	case strings.ContainsRune(s, '%') && hasVerb(s):
		return false
	case strings.HasPrefix(s, "<"), strings.HasPrefix(s, "{{"), strings.HasPrefix(s, "{%"), strings.HasPrefix(s, "[["), strings.HasPrefix(s, "&"):
		return false
	case len(s) > 2 && s[0] == '@' && s[len(s)-1] == '@', len(s) > 2 && s[0] == '[' && s[len(s)-1] == ']', len(s) > 2 && s[0] == '{' && s[len(s)-1] == '}':
		return false
	case strings.HasSuffix(s, "()"), strings.HasPrefix(s, "/"), strings.HasPrefix(s, "./"), strings.Contains(s, "://"):
		return false
	case strings.HasPrefix(strings.ToLower(s), "your"), strings.HasPrefix(strings.ToLower(s), "enter"), strings.HasPrefix(strings.ToLower(s), "example"):
		return false
	}
	return true
}

// hasVerb reports whether a text has a printf verb in it.
func hasVerb(s string) bool {
	for i := 0; i+1 < len(s); i++ {
		if s[i] == '%' && strings.IndexByte("sdxXuciplq0123456789%{@", s[i+1]) >= 0 {
			return true
		}
	}
	return false
}

// passes and not are the words of a key's name that say that its value is a
// password, and those that say that it is something about one.
var (
	passes = wordSet(`pass passwd password passphrase passwort pwd pw psk passkey secret pword passcode pswd userpass adminpass userpasswd userpassword adminpassword adminpasswd rootpass rootpasswd rootpassword webpass webpassword wpapsk wpakey
		wifipassword telnetpasswd telnetpassword loginpassword loginpass sshpassword ftppassword httppassword httppasswd adminpwd userpwd syspassword defaultpassword defaultpasswd sharedsecret presharedkey`)
	not = wordSet(`file path dir length len min max maximum minimum expire expires expired age auth authentication prompt label hint enable enabled disable change changed policy reset strength title msg message error
		err invalid field input type id confirm retry retries encoding encrypted crypt method url uri mode timeout through by if for is has need needs require required allow allowed show hide visible check valid validate forgot forgotten lost empty blank
		count num number history warn warning days inactive attempts delay interval size format regex pattern style class text description desc help command cmd program script hook hash hashed algorithm digest salt scheme storage store db database table
		column level via set get to from rule rules module reuse protect protected quality generator update verify verification match mismatch failed fail success`)
)

func wordSet(s string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(s) {
		m[w] = true
	}
	return m
}

// keyWords takes a key's name apart at signs and at capitals: adminUserPassword,
// http_passwd, wl0_wpa_psk.
func keyWords(name string) (all []string) {
	start := 0
	cut := func(i int) {
		if i > start {
			all = append(all, strings.ToLower(name[start:i]))
		}
	}
	for i := range len(name) {
		c := name[i]
		switch {
		case c >= '0' && c <= '9', !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'):
			cut(i)
			start = i + 1
		case c >= 'A' && c <= 'Z' && i > start && name[i-1] >= 'a' && name[i-1] <= 'z':
			cut(i)
			start = i
		}
	}
	cut(len(name))
	return all
}

// isPasswordKey reports whether a key's name says that its value is a password.
func isPasswordKey(name string) bool {
	yes := false
	for _, w := range keyWords(name) {
		if not[w] {
			return false
		}
		yes = yes || passes[w]
	}
	return yes
}

// isWirelessKey reports whether a name is that of the key of a wireless network.
func isWirelessKey(name string) bool {
	ws := keyWords(name)
	has := func(list ...string) bool {
		for _, w := range ws {
			for _, l := range list {
				if w == l {
					return true
				}
			}
		}
		return false
	}
	for _, w := range ws {
		if not[w] {
			return false
		}
	}
	return has("wpa", "wep", "wifi", "wlan", "wl", "ssid", "wpapsk", "wireless") && has("psk", "key", "passphrase", "password", "pass", "passwd") || has("wpapsk", "wpakey", "psk") && !has("ipsec", "tls", "vpn")
}

var userWords = wordSet(`user username usr login account loginname userid uname adminname adminuser administrator loginuser`)

// isUserKey reports whether a key's name says that its value is an account's name.
func isUserKey(name string) bool {
	ws := keyWords(name)
	for i, w := range ws {
		if not[w] && w != "id" || passes[w] || w == "group" || w == "agent" {
			return false
		}
		if userWords[w] && i == len(ws)-1 || w == "user" && i == len(ws)-2 && (ws[i+1] == "name" || ws[i+1] == "id") || w == "login" && i == len(ws)-2 && ws[i+1] == "name" {
			return true
		}
	}
	return false
}

// isDocument reports whether a path is that of documentation, of an example or a
// test: what stands there is used by nobody.
func isDocument(p string) bool {
	p = strings.ToLower(p)
	for e := range strings.SplitSeq(path.Dir(p), "/") {
		switch e {
		case "doc", "docs", "man", "info", "example", "examples", "sample", "samples", "test", "tests", "testing", "testdata", "test-data", "demo", "demos", "locale", "i18n", "licenses", "help", "bug", "lintian", "vim", "bash-completion", "completions", "zoneinfo", "perl", "perl5", "python3", "mime", "include":
			return true
		}
	}
	base := path.Base(p)
	switch path.Ext(base) {
	case ".md", ".rst", ".po", ".pot", ".mo", ".lmo", ".tex", ".texi", ".example", ".sample", ".css", ".svg", ".h", ".hpp", ".rules", ".dist-info", ".ucode-doc":
		return true
	}
	return strings.HasPrefix(base, "readme") || strings.HasPrefix(base, "changelog") || strings.HasPrefix(base, "copyright") || strings.HasPrefix(base, "license") || strings.Contains(base, "example") || strings.HasPrefix(base, "sample")
}

// packedDocument reports whether a part came out of a file that is documentation, as manuals
// in gzip do. A part in a file is named PART:FILE/OFFSET.
func packedDocument(part string) bool {
	_, files, _ := strings.Cut(part, ":")
	for files != "" {
		var p string
		p, files, _ = strings.Cut(files, ":")
		if p, _, _ = strings.Cut(p, "/0x"); isDocument(p) {
			return true
		}
	}
	return false
}

// Hide shows a secret so that it can be told from others and not used: its first
// and last four characters.
func Hide(s string) string {
	if len(s) < 16 {
		return strings.Repeat("*", len(s))
	}
	return s[:4] + "…" + s[len(s)-4:]
}
