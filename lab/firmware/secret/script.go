package secret

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"assay/lab"
	"assay/lab/firmware/image"
	"assay/lab/firmware/inspect"
	"assay/lab/firmware/shell"
)

// reader reads small files of a tree for a script's $(cat FILE).
func reader(t *image.Tree) func(string) (string, bool) {
	return func(p string) (string, bool) {
		n, err := t.Lookup(p)
		if err != nil || n.Kind != image.File || n.Size > 64<<10 {
			return "", false
		}
		b, err := n.Data()
		return string(b), err == nil
	}
}

// script finds passwords in the commands of a script. base is added to its
// line numbers; certainty is less than confirmed where the script is a string in a program.
func (i *Inspector) script(text []byte, at func(line int) lab.Place, read func(string) (string, bool), c lab.Certainty) {
	env := shell.Env{Read: read}
	cs := shell.Parse(text)
	for n := range cs {
		s := &cs[n]
		i.assigned(s, &env, at, c)
		env.Run(s)
		if len(s.Words) == 0 {
			continue
		}
		name, args := s.Name(), env.Arguments(s)
		if name == "busybox" && len(args) > 0 {
			name, args = args[0], args[1:]
		}
		place := at(s.Line)
		switch name {
		case "chpasswd":
			for l := range strings.SplitSeq(i.input(cs, s, &env), "\n") {
				if user, password, ok := strings.Cut(strings.TrimSpace(l), ":"); ok && isName(user) && isLiteral(password) && Recognize(password) == "" {
					i.set(c, place, user, password, "chpasswd")
				}
			}
		case "passwd":
			user := "root"
			for _, a := range args {
				if !strings.HasPrefix(a, "-") {
					user = a
				}
			}
			if !isName(user) {
				break
			}
			for _, a := range args {
				if a == "-d" || a == "--delete" {
					i.set(c, place, user, "", "passwd -d")
				}
			}
			if l, _, _ := strings.Cut(strings.TrimLeft(i.input(cs, s, &env), "\n"), "\n"); isLiteral(strings.TrimSpace(l)) && !strings.Contains(l, ":") {
				i.set(c, place, user, strings.TrimSpace(l), "passwd")
			}
		case "telnetd", "utelnetd", "login":
			i.telnetLogin(place, name, args, c)
		case "echo", "printf", "cat", "tee":
			i.writesAccounts(s, &env, place, args, c)
		case "sed":
			i.editsAccounts(place, args, c)
		case "htpasswd", "mosquitto_passwd":
			if len(args) >= 4 && strings.HasPrefix(args[0], "-") && strings.Contains(args[0], "b") && isLiteral(args[2]) && isLiteral(args[3]) {
				i.set(c, place, args[2], args[3], name)
			}
		case "nvram", "nvram_set", "nvram_default", "uci", "cfg", "config", "fw_setenv", "flash", "xmldbc", "cfgcmd", "tcapi", "syscfg", "cdb":
			i.configured(place, name, args, c)
		case "curl", "wget", "ftpget", "ftpput", "sshpass", "openssl", "wpa_passphrase", "smbclient", "mysql", "mosquitto_pub", "mosquitto_sub", "snmpset", "snmpget":
			i.toldTo(place, name, args, c)
		}
	}
}

// assigned finds NAME=VALUE of a password.
func (i *Inspector) assigned(s *shell.Simple, env *shell.Env, at func(int) lab.Place, c lab.Certainty) {
	for _, a := range s.Set {
		if !isPasswordKey(a.Name) && !isWirelessKey(a.Name) {
			continue
		}
		for _, p := range a.Value {
			if p.Kind != shell.Literal {
				return
			}
		}
		v := a.Value.String()
		if !plausible(v) || strings.EqualFold(v, a.Name) {
			continue
		}
		i.find(lab.Found("credential.in-script", c, at(s.Line), "key", a.Name, "password", v))
		i.creds = append(i.creds, Credential{Password: v, Use: "script", Where: at(s.Line)})
	}
}

// input is what a command reads: a here-document, or what echo and printf write.
func (i *Inspector) input(cs []shell.Simple, s *shell.Simple, env *shell.Env) string {
	for _, r := range s.To {
		if r.Op == "<<" {
			v, _ := env.Expand(r.Word)
			return v
		}
	}
	if s.From < 0 || s.From >= len(cs) {
		return ""
	}
	from := &cs[s.From]
	args := env.Arguments(from)
	switch from.Name() {
	case "echo":
		for len(args) > 0 && (args[0] == "-e" || args[0] == "-n" || args[0] == "-ne" || args[0] == "-en") {
			args = args[1:]
		}
		return strings.ReplaceAll(strings.Join(args, " "), `\n`, "\n")
	case "printf":
		if len(args) == 0 {
			return ""
		}
		out := args[0]
		for _, a := range args[1:] {
			out = strings.Replace(out, "%s", a, 1)
		}
		return strings.ReplaceAll(out, `\n`, "\n")
	case "cat":
		if len(args) == 1 && env.Read != nil {
			v, _ := env.Read(args[0])
			return v[:min(len(v), 4096)]
		}
	}
	return ""
}

func (i *Inspector) set(c lab.Certainty, at lab.Place, user, password, command string) {
	shown := password
	if shown == "" {
		shown = `""`
	}
	i.find(lab.Found("credential.set-by-script", c, at, "account", user, "password", shown, "command", command))
	i.creds = append(i.creds, Credential{User: user, Password: password, Use: "account", Where: at})
}

// telnetLogin reads -u USER:PASSWORD, with which some makers' telnetd and login let in whoever knows it.
func (i *Inspector) telnetLogin(at lab.Place, name string, args []string, c lab.Certainty) {
	for n, a := range args {
		v := ""
		switch {
		case a == "-u" && n+1 < len(args):
			v = args[n+1]
		case strings.HasPrefix(a, "-u") && len(a) > 2:
			v = a[2:]
		}
		user, password, ok := strings.Cut(v, ":")
		if !ok || user == "" || !isName(user) || strings.ContainsAny(password, " %") || password == "" {
			continue
		}
		if !isLiteral(password) {
			// The account is fixed; where its password comes from could not be told.
			i.find(lab.Found("credential.back-door", lab.Claimed, at, "account", user, "command", name+" "+strings.Join(args, " ")))
			continue
		}
		i.find(lab.Found("credential.back-door", c, at, "account", user, "password", password, "command", name+" "+strings.Join(args, " ")))
		i.creds = append(i.creds, Credential{User: user, Password: password, Use: "telnet", Where: at})
	}
}

// accountFile reports whether a path is that of the system's password files.
func accountFile(p string) bool {
	return strings.HasSuffix(p, "/passwd") || strings.HasSuffix(p, "/shadow") || strings.HasSuffix(p, "/passwd-") || strings.HasSuffix(p, "/shadow-")
}

// writesAccounts finds lines of password files that a script writes.
func (i *Inspector) writesAccounts(s *shell.Simple, env *shell.Env, at lab.Place, args []string, c lab.Certainty) {
	to, body := "", ""
	for _, r := range s.To {
		switch v, _ := env.Expand(r.Word); r.Op {
		case ">", ">>":
			if accountFile(v) {
				to = v
			}
		case "<<":
			body = v
		}
	}
	if s.Name() == "tee" && len(args) > 0 && accountFile(args[len(args)-1]) {
		to = args[len(args)-1]
	}
	if to == "" {
		return
	}
	if body == "" {
		body = strings.ReplaceAll(strings.Join(args, " "), `\n`, "\n")
	}
	for l := range strings.SplitSeq(body, "\n") {
		l = strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(l), "-e "), "-n ")
		a, ok := passwdLine(l)
		if !ok {
			a, ok = shadowLine(l)
			ok = ok && strings.Count(l, ":") >= 6
		}
		if ok && a.Hash == "" && !nobodyHere(a.Shell) {
			i.set(c, at, a.Name, "", s.Name()+" > "+to)
		}
	}
}

// emptied is root's line with nothing where its password belongs.
var emptied = regexp.MustCompile(`^\^?(root|admin|support|user)::`)

// editsAccounts finds sed commands that empty a password: what stands in the second half of s/…/…/.
func (i *Inspector) editsAccounts(at lab.Place, args []string, c lab.Certainty) {
	touches := false
	for _, a := range args {
		touches = touches || accountFile(a)
	}
	if !touches {
		return
	}
	for _, a := range args {
		if len(a) < 4 || a[0] != 's' || strings.IndexByte("/|,#@!", a[1]) < 0 {
			continue
		}
		f := strings.Split(a[2:], a[1:2])
		if len(f) >= 2 {
			if m := emptied.FindStringSubmatch(f[1]); m != nil {
				i.set(c, at, m[1], "", "sed")
			}
		}
	}
}

// configured finds passwords that a script writes to the device's configuration.
func (i *Inspector) configured(at lab.Place, name string, args []string, c lab.Certainty) {
	for n, a := range args {
		key, v, ok := strings.Cut(a, "=")
		if !ok && n+1 < len(args) && n > 0 && !strings.HasPrefix(a, "-") {
			key, v, ok = a, args[n+1], !strings.HasPrefix(args[n+1], "-")
		}
		v = strings.Trim(v, `'"`)
		switch {
		case !ok || !plausible(v):
		case isWirelessKey(key) && wirelessKey(v):
			i.wireless(at, key, v, c)
		case isPasswordKey(key):
			i.find(lab.Found("credential.in-configuration", c, at, "key", key, "password", v, "command", name))
			i.creds = append(i.creds, Credential{Password: v, Use: "configuration", Where: at})
		case isCommunity(key):
			i.community(at, v, "", c)
		}
	}
}

// toldTo finds passwords among the arguments of programs that sign in somewhere or encrypt.
func (i *Inspector) toldTo(at lab.Place, name string, args []string, c lab.Certainty) {
	told := func(user, password string) {
		if plausible(password) {
			i.find(lab.Found("credential.in-script", c, at, "account", user, "password", password, "command", name))
			i.creds = append(i.creds, Credential{User: user, Password: password, Use: "script", Where: at})
		}
	}
	for n, a := range args {
		after := ""
		if n+1 < len(args) {
			after = args[n+1]
		}
		switch name {
		case "curl":
			if a == "-u" || a == "--user" {
				if u, p, ok := strings.Cut(after, ":"); ok && isLiteral(u) {
					told(u, p)
				}
			}
		case "wget":
			for _, o := range []string{"--password=", "--http-password=", "--ftp-password=", "--proxy-password="} {
				if v, ok := strings.CutPrefix(a, o); ok {
					told("", v)
				}
			}
		case "sshpass":
			if a == "-p" {
				told("", after)
			} else if v, ok := strings.CutPrefix(a, "-p"); ok && n == 0 {
				told("", v)
			}
		case "ftpget", "ftpput", "mosquitto_pub", "mosquitto_sub":
			if a == "-p" && name[0] == 'f' || a == "-P" && name[0] == 'm' {
				told("", after)
			}
		case "openssl":
			switch {
			case (a == "-pass" || a == "-passin" || a == "-passout") && strings.HasPrefix(after, "pass:"):
				told("", after[5:])
			case a == "-k" && len(args) > 0 && (args[0] == "enc" || strings.HasPrefix(args[0], "aes") || strings.HasPrefix(args[0], "des")):
				told("", after)
			case (a == "-K") && len(after) >= 16 && isHex(after):
				told("", after)
			}
		case "wpa_passphrase":
			if n == 1 && wirelessKey(a) && isLiteral(a) {
				i.wireless(at, "wpa_passphrase", a, c)
			}
		case "mysql":
			if v, ok := strings.CutPrefix(a, "-p"); ok && v != "" {
				told("", v)
			}
		case "snmpset", "snmpget":
			if a == "-c" && isLiteral(after) {
				i.community(at, after, "", c)
			}
		}
	}
}

// telling are words that a string in a program has when it is a command
// with a password.
var telling = [][]byte{[]byte("telnetd "), []byte("chpasswd"), []byte("/etc/passwd"), []byte("/etc/shadow"), []byte("htpasswd -"), []byte("|passwd"), []byte("| passwd"), []byte("passwd -d"), []byte("openssl enc"), []byte("openssl aes")}

// programStrings reads the commands that stand in a program as texts. Who runs them, and whether, cannot
// be seen: they are claims.
func (i *Inspector) programStrings(f *inspect.File) {
	seen := map[int]bool{}
	for _, w := range telling {
		for from, n := 0, 0; n < 200; n++ {
			k := bytes.Index(f.Data[from:], w)
			if k < 0 {
				break
			}
			k += from
			from = k + len(w)
			a, b := k, k
			for a > 0 && k-a < 400 && printable(f.Data[a-1]) {
				a--
			}
			for b < len(f.Data) && b-k < 400 && printable(f.Data[b]) {
				b++
			}
			if seen[a] {
				continue
			}
			seen[a] = true
			i.script(f.Data[a:b], func(int) lab.Place {
				return lab.Place{Part: f.System.Part, Path: f.Path, Offset: int64(a)}
			}, nil, lab.Claimed)
		}
	}
}

func printable(c byte) bool { return c >= ' ' && c < 0x7f || c == '\n' || c == '\t' }

// telltale are passwords that are nothing else: where one stands in a program after an account's name, the
// two are taken for a pair.
var telltale = wordSet(`vizxv xc3511 juantech anko jvbzd klv123 klv1234 7ujMko0admin 7ujMko0vizxv zlxx. Zte521 hi3518 hslwificam ikwb
	dreambox xmhdipc tlJwpbo6 I5fgvTg2 GM8182 cat1029 hdipc%No 059AnkJ S2fGqNFs OxhlwSG8 nmgx_wapia 2601hx 1001chin sohoadmin
	nE7jA%5m admintelecom telecomadmin wrgn80_trendnet_tew733gr oelinux123 founder88 gvt12345 vnptftth megacable2 klv12345 hik12345
	xc12345 7654321 smcadmin meinsm tellabs#1 hichiphx ROOT500 epicrouter conexant zhone`)

// pairs finds the names of accounts with well-known passwords after them in a program that compares texts.
func (i *Inspector) pairs(f *inspect.File) {
	b := f.Data
	start, before := 0, ""
	n := 0
	for k := 0; k <= len(b); k++ {
		if k < len(b) && b[k] > ' ' && b[k] < 0x7f {
			continue
		}
		s := b[start:k]
		start = k + 1
		if k < len(b) && b[k] != 0 || len(s) > 32 {
			before = ""
			continue
		}
		if len(s) == 0 {
			continue // strings are padded to four bytes
		}
		if before != "" && telltale[string(s)] {
			if n++; n <= 20 {
				at := lab.Place{Part: f.System.Part, Path: f.Path, Offset: int64(k - len(s))}
				i.find(lab.Found("credential.in-program", lab.Claimed, at, "account", before, "password", string(s)))
				i.creds = append(i.creds, Credential{User: before, Password: string(s), Use: "program", Where: at})
			}
		}
		before = ""
		if accountNames[string(s)] {
			before = string(s)
		}
	}
}

var accountNames = wordSet(`root admin administrator Admin Administrator user support guest service supervisor telecomadmin default tech operator debug ubnt`)

// openRoot finds lines of a password file without a password that stand in programs and templates:
// root::0:0:, which someone writes when the device runs. Scripts are read as such.
func (i *Inspector) openRoot(f *inspect.File) {
	if shell.IsScript(f.Path, f.Data) {
		return
	}
	for from, n := 0, 0; n < 50; n++ {
		k := bytes.Index(f.Data[from:], []byte("::0:0:"))
		if k < 0 {
			return
		}
		k += from
		from = k + 6
		user := nameBefore(f.Data[:k+1])
		line := f.Data[k-len(user) : min(len(f.Data), k+200)]
		if end := bytes.IndexFunc(line, func(r rune) bool { return r < ' ' || r == '"' || r == '\'' || r == '\\' || r == '<' || r == '>' }); end >= 0 {
			line = line[:end]
		}
		a, ok := passwdLine(strings.TrimSpace(string(line)))
		if !ok || user == "" || nobodyHere(a.Shell) || a.Shell == "" {
			continue
		}
		at := lab.Place{Part: f.System.Part, Path: f.Path}
		if f.Text() {
			at.Line = 1 + bytes.Count(f.Data[:k], []byte("\n"))
		} else {
			at.Offset = int64(k - len(user))
		}
		i.set(lab.Claimed, at, user, "", "text")
	}
}

// settingsIn finds KEY=VALUE of well-known passwords in programs and in blocks of settings that are no
// text: makers' defaults, each ended by NUL.
func (i *Inspector) settingsIn(f *inspect.File) {
	told := 0
	for _, mark := range []string{"passwd=", "password=", "Password=", "passwd_1=", "_pwd=", "_psk=", "_pass="} {
		for from := 0; told < 20; {
			k := bytes.Index(f.Data[from:], []byte(mark))
			if k < 0 {
				break
			}
			k += from
			value := k + len(mark)
			from = value
			start := k
			for start > 0 && k-start < 60 && isKeyByte(f.Data[start-1]) {
				start--
			}
			end := bytes.IndexByte(f.Data[value:min(len(f.Data), value+65)], 0)
			if end < 2 || start > 0 && f.Data[start-1] != 0 && f.Data[start-1] != 0xff {
				continue
			}
			key, v := string(f.Data[start:value-1]), string(f.Data[value:value+end])
			if !isPasswordKey(key) || !plausible(v) || !slices.Contains(defaults, v) {
				continue
			}
			told++
			at := lab.Place{Part: f.System.Part, Path: f.Path, Offset: int64(start)}
			i.find(lab.Found("credential.in-program", lab.Claimed, at, "key", key, "password", v))
			i.creds = append(i.creds, Credential{Password: v, Use: "program", Where: at})
		}
	}
}
