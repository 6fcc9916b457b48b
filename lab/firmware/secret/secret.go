// Package secret finds what an image gives away: accounts and their passwords,
// private keys, certificates and tokens.
package secret

import (
	"bytes"
	"cmp"
	"path"
	"slices"
	"strings"
	"time"

	"assay/lab"
	"assay/lab/firmware/image"
	"assay/lab/firmware/inspect"
)

// Options of the inspection.
type Options struct {
	// At is the instant at which certificates must be valid; the zero time asks for none.
	At time.Time
	// Words are tried first, besides those of this package: names of the product, its
	// maker, what the label says.
	Words []string
	// Work bounds the guessing, in units of about a microsecond; 0 is Standard, less than 0 none.
	Work int
}

// Standard is the work of guessing on one image: less than half a second.
const Standard = 350_000

// Inspector looks for secrets.
type Inspector struct {
	o        Options
	found    []lab.Finding
	files    []passwordFile
	loose    []Account // hashes that stand in other files
	names    []string
	looked   int
	texts    int
	creds    []Credential
	keys     []Key
	sealed   []sealed
	certs    []Certificate
	publics  map[string]string // fingerprint of a public key in the image: its certificate's subject
	tried    []Attempt
	accounts []Account
	words    int
}

type passwordFile struct {
	system   *inspect.System
	dir      string
	accounts []Account
}

// Credential is a name and a password that the image gives away, for whoever
// tries them on a device.
type Credential struct {
	User     string    `json:"user,omitempty"`
	Password string    `json:"password"`
	Use      string    `json:"use"` // account, telnet, http, wireless, snmp, ppp, configuration
	Where    lab.Place `json:"where"`
}

// Attempt is what was tried on the hashes of one scheme.
type Attempt struct {
	Scheme Scheme `json:"scheme"`
	Hashes int    `json:"hashes"` // that differ
	Found  int    `json:"found"`
	Words  int    `json:"words"` // tried in all on those hashes
	Fewest int    `json:"fewest"`
}

// Result is what was found.
type Result struct {
	Findings     []lab.Finding `json:"findings"`
	Accounts     []Account     `json:"accounts,omitempty"`
	Credentials  []Credential  `json:"credentials,omitempty"`
	Keys         []Key         `json:"keys,omitempty"`
	Certificates []Certificate `json:"certificates,omitempty"`
	Files        int           `json:"files"`    // looked at
	Texts        int           `json:"texts"`    // of them read as text
	Words        int           `json:"words"`    // in the list that was tried on hashes
	Attempts     []Attempt     `json:"attempts"` // by scheme
}

// New makes an inspector for one image.
func New(o Options) *Inspector { return &Inspector{o: o, publics: map[string]string{}} }

// Result is what was found, after Done.
func (i *Inspector) Result() Result {
	return Result{
		Findings: i.found, Accounts: i.accounts, Credentials: i.creds, Keys: i.keys, Certificates: i.certs,
		Files: i.looked, Texts: i.texts, Words: i.words, Attempts: i.tried,
	}
}

func (i *Inspector) find(f lab.Finding) { i.found = append(i.found, f) }

// File looks at one file.
func (i *Inspector) File(f *inspect.File) {
	i.looked++
	at := func(line int) lab.Place { return lab.Place{Part: f.System.Part, Path: f.Path, Line: line} }
	text := f.Text()
	if text {
		i.texts++
	}
	if isDocument(f.Path) || packedDocument(f.System.Part) {
		return
	}
	kind := ""
	if text {
		if kind = fileKind(f.Path, f.Data); kind != "" {
			if as := readAccounts(kind, f.Data, at); len(as) > 0 {
				i.files = append(i.files, passwordFile{f.System, path.Dir(f.Path), as})
			}
		}
		i.collectNames(f)
	}
	if kind == "" {
		i.looseHashes(f)
	}
	i.keysIn(f)
	i.tokensIn(f)
	i.authorized(f)
	if kind == "" {
		i.settings(f)
		i.openRoot(f)
	}
	if !text {
		i.settingsIn(f)
	}
	if f.ELF() != nil {
		i.programStrings(f)
		i.pairs(f)
	}
}

// packedAt is the entropy, in bits per byte, from which on bytes are taken for packed or encrypted: nothing is
// to be read in them.
const packedAt = 7.5

// outside looks at bytes that stand in no file: settings in flash, a boot loader, a kernel.
func (i *Inspector) outside(p *image.Part, offset int64, b []byte) {
	if p.Entropy > packedAt {
		return
	}
	f := inspect.NewFile(&inspect.System{Part: p.ID, Tree: image.NewTree()}, "", &image.Node{Kind: image.File}, b, [32]byte{})
	found, loose, keys, certs, creds := len(i.found), len(i.loose), len(i.keys), len(i.certs), len(i.creds)
	i.looseHashes(f)
	i.keysIn(f)
	i.tokensIn(f)
	i.openRoot(f)
	i.settingsIn(f)
	place := func(at *lab.Place) { at.Offset, at.Line = at.Offset+offset, 0 }
	for n := found; n < len(i.found); n++ {
		place(&i.found[n].Where[0])
	}
	for n := loose; n < len(i.loose); n++ {
		place(&i.loose[n].Where)
	}
	for n := keys; n < len(i.keys); n++ {
		place(&i.keys[n].Where)
	}
	for n := certs; n < len(i.certs); n++ {
		place(&i.certs[n].Where)
	}
	for n := creds; n < len(i.creds); n++ {
		place(&i.creds[n].Where)
	}
}

// lineCount tells lines of a text by offsets that mostly rise, without counting from its begin each time.
type lineCount struct {
	b        []byte
	at, line int
}

func (c *lineCount) of(offset int) int {
	if offset < c.at {
		c.at, c.line = 0, 0
	}
	c.line += bytes.Count(c.b[c.at:offset], []byte("\n"))
	c.at = offset
	return c.line + 1
}

// prefixes of hashes that can be told from other text.
var prefixes = []string{"$1$", "$5$", "$6$", "$2a$", "$2b$", "$2y$", "$apr1$", "$y$"}

// looseHashes finds hashes in scripts, programs and databases.
func (i *Inspector) looseHashes(f *inspect.File) {
	n := 0
	count := lineCount{b: f.Data}
	for _, p := range prefixes {
		for from := 0; ; {
			k := bytes.Index(f.Data[from:], []byte(p))
			if k < 0 {
				break
			}
			k += from
			from = k + 1
			h := hashText(f.Data[k:min(len(f.Data), k+200)])
			if Recognize(h) == "" || selfTest(h) || strings.Count(h[max(0, len(h)-20):], h[len(h)-1:]) > 15 {
				continue
			}
			if n++; n > 100 {
				return
			}
			a := Account{Name: nameBefore(f.Data[:k]), UID: -1, File: "text", Hash: h, Scheme: Recognize(h), Login: Keyed}
			a.Where = lab.Place{Part: f.System.Part, Path: f.Path}
			if f.Text() {
				a.Where.Line = count.of(k)
			} else {
				a.Where.Offset = int64(k)
			}
			i.loose = append(i.loose, a)
		}
	}
}

// selfTest reports whether a hash is one with which musl's crypt tests itself.
func selfTest(h string) bool {
	return strings.HasPrefix(h, "$1$abcd0123$") || strings.Contains(h, "$rounds=1234$abc0123456789$")
}

// hashText is the hash that begins a text.
func hashText(b []byte) string {
	n := 0
	for n < len(b) && (atoi64[b[n]] >= 0 || b[n] == '$' || b[n] == '=') {
		n++
	}
	return string(b[:n])
}

// nameBefore is the account that stands before a hash as NAME:.
func nameBefore(b []byte) string {
	if len(b) == 0 || b[len(b)-1] != ':' {
		return ""
	}
	b = b[:len(b)-1]
	n := len(b)
	for n > 0 && len(b)-n < 32 && (atoi64[b[n-1]] >= 0 || b[n-1] == '_' || b[n-1] == '-') && b[n-1] != '/' {
		n--
	}
	if s := string(b[n:]); isName(s) {
		return s
	}
	return ""
}

// nameFiles have names of the product and its maker.
var nameFiles = wordSet(`hostname banner issue issue.net os-release openwrt_release openwrt_version device_info version product model vendor hosts system motd image_sign version.txt release lsb-release hwid product_name model_name oem`)

// maxNames bounds the names that are taken out of an image.
const maxNames = 150

func (i *Inspector) collectNames(f *inspect.File) {
	if len(i.names) >= maxNames || len(f.Data) > 64<<10 {
		return
	}
	base := path.Base(f.Path)
	if strings.Contains(f.Path, "/etc") {
		i.names = append(i.names, addresses(f.Data, 4)...)
	}
	switch {
	case (nameFiles[base] || strings.HasSuffix(base, "-release")) && strings.Contains(f.Path, "etc"):
		n := 0
		lines(f.Data, func(_ int, s string) {
			if n++; n <= 30 {
				i.names = append(i.names, split(s)...)
			}
		})
	case strings.HasSuffix(base, ".htm") || strings.HasSuffix(base, ".html") || strings.HasSuffix(base, ".asp") || strings.HasSuffix(base, ".php"):
		low := lower(f.Data)
		if a := bytes.Index(low, []byte("<title>")); a >= 0 {
			if b := bytes.Index(low[a:], []byte("</title>")); b > 7 && b < 200 {
				i.names = append(i.names, split(string(f.Data[a+7:a+b]))...)
			}
		}
	}
}

// addresses are the MAC addresses of a text, without their colons, and their last halves: makers make
// passwords of them.
func addresses(b []byte, most int) (all []string) {
	for at := 2; at+15 <= len(b) && most > 0; at++ {
		k := bytes.IndexByte(b[at:], ':')
		if k < 0 {
			break
		}
		at += k
		if at+15 > len(b) {
			break
		}
		a := b[at-2 : at+15] // 00:11:22:33:44:55
		if a[5] != ':' || a[8] != ':' || a[11] != ':' || a[14] != ':' {
			continue
		}
		bare := strings.ReplaceAll(string(a), ":", "")
		if len(bare) == 12 && isHex(bare) && strings.Trim(bare, "0") != "" && strings.Trim(strings.ToLower(bare), "f") != "" {
			most--
			at += 15
			all = append(all, strings.ToLower(bare), strings.ToUpper(bare), strings.ToLower(bare[6:]), strings.ToUpper(bare[6:]))
		}
	}
	return all
}

// lower makes Latin capitals small; unlike bytes.ToLower it keeps the length of whatever it is given.
func lower(b []byte) []byte {
	out := bytes.Clone(b)
	for i, c := range out {
		if c >= 'A' && c <= 'Z' {
			out[i] = c + 'a' - 'A'
		}
	}
	return out
}

// Done puts together what was found.
func (i *Inspector) Done(systems []*inspect.System, parts []*image.Part) {
	inspect.Outside(parts, i.outside)
	i.join()
	i.guess()
	i.report()
	i.reportKeys()
	i.reportCertificates()
}

// join gives the accounts of a shadow file the shells and numbers that the
// passwd file beside it has.
func (i *Inspector) join() {
	for _, pf := range i.files {
		for _, a := range pf.accounts {
			if a.File == "shadow" {
				for _, other := range i.files {
					if other.system != pf.system || other.dir != pf.dir {
						continue
					}
					for _, b := range other.accounts {
						if b.File == "passwd" && b.Name == a.Name && a.UID < 0 {
							a.UID, a.Shell = b.UID, b.Shell
							a.settle()
						}
					}
				}
			}
			i.accounts = append(i.accounts, a)
		}
	}
	i.accounts = append(i.accounts, i.loose...)
}

// guess tries words on the hashes.
func (i *Inspector) guess() {
	work := i.o.Work
	if work == 0 {
		work = Standard
	}
	var plain, names []string
	for _, a := range i.accounts {
		if a.Known && a.Password != "" {
			plain = append(plain, a.Password)
		}
		if a.Name != "" {
			names = append(names, a.Name)
		}
	}
	for _, c := range i.creds {
		plain = append(plain, c.Password)
	}
	list := words(append(slices.Clone(i.o.Words), plain...), names, append(slices.Clone(i.o.Words), i.names...))
	i.words = len(list)
	i.guessKeys(list)

	// Equal hashes are tried once, and the cheap ones first, so that what they leave of
	// the budget goes to the dear ones.
	type target struct {
		scheme            Scheme
		hash, user, realm string
	}
	who := map[target][]int{}
	var all []target
	for n, a := range i.accounts {
		if a.Known || a.Scheme == "" || a.Scheme == Plain || isLocked(a.Hash) {
			continue
		}
		t := target{scheme: a.Scheme, hash: a.Hash}
		if a.Scheme == Digest {
			t.user, t.realm = a.Name, a.Realm
		}
		if who[t] == nil {
			all = append(all, t)
		}
		who[t] = append(who[t], n)
	}
	slices.SortFunc(all, func(a, b target) int {
		return cmp.Or(cmp.Compare(cost(a.scheme, a.hash), cost(b.scheme, b.hash)), cmp.Compare(a.hash, b.hash), cmp.Compare(a.user, b.user), cmp.Compare(a.realm, b.realm))
	})
	by := map[Scheme]*Attempt{}
	for n, t := range all {
		at := by[t.scheme]
		if at == nil {
			at = &Attempt{Scheme: t.scheme, Fewest: -1}
			by[t.scheme] = at
		}
		at.Hashes++
		one := cost(t.scheme, t.hash)
		most := max(work, 0) / (len(all) - n) / one
		var l wordlist
		for _, k := range who[t] {
			l.add(i.accounts[k].Name)
		}
		l.add(list...)
		tried, hit := 0, -1
		for k, w := range l.words[:min(most, len(l.words))] {
			tried++
			if matches(t.scheme, t.hash, t.user, t.realm, w) {
				hit = k
				break
			}
		}
		if hit < 0 && most > len(l.words) && matches(t.scheme, t.hash, t.user, t.realm, "") {
			tried++
			hit = -2 // a hash of the empty password
		}
		work -= tried * one
		at.Words += tried
		if hit != -1 {
			at.Found++
			for _, k := range who[t] {
				i.accounts[k].Known = true
				if hit >= 0 {
					i.accounts[k].Password = l.words[hit]
				}
			}
		} else if at.Fewest < 0 || tried < at.Fewest {
			at.Fewest = tried
		}
	}
	for _, s := range []Scheme{DESCrypt, BSDiCrypt, MD5Crypt, APR1, SHA256Crypt, SHA512Crypt, BCrypt, Yescrypt, Scrypt, NT, SHA1, Digest, Hex} {
		if a := by[s]; a != nil {
			a.Fewest = max(a.Fewest, 0)
			i.tried = append(i.tried, *a)
		}
	}
}

// report turns accounts into findings.
func (i *Inspector) report() {
	weakSeen := map[string]bool{}
	for _, a := range i.accounts {
		if a.Login == Locked {
			continue
		}
		kind := a.File
		switch {
		case a.Login == NoShell:
			if a.Known && a.Scheme != "" {
				i.find(lab.Found("credential.without-login", lab.Confirmed, a.Where, "account", a.Name, "password", a.Password, "scheme", string(a.Scheme), "shell", a.Shell))
			}
		case a.Login == Open:
			f := lab.Found("credential.empty-password", lab.Confirmed, a.Where, "account", a.Name, "shell", a.Shell, "file", kind)
			if a.UID > 0 {
				f.Severity = lab.High
			}
			i.find(f)
			i.creds = append(i.creds, Credential{User: a.Name, Use: "account", Where: a.Where})
		case a.Known && a.Scheme != "":
			c := lab.Confirmed
			if kind == "text" && a.Name == "" {
				c = lab.Claimed // a hash without an account may be anything's
			}
			password := a.Password
			if password == "" {
				password = `""`
			}
			i.find(lab.Found("credential.known-password", c, a.Where, "account", a.Name, "password", password, "scheme", string(a.Scheme), "file", kind))
			i.creds = append(i.creds, Credential{User: a.Name, Password: a.Password, Use: "account", Where: a.Where})
		case a.Scheme == Hex: // may be the sum of anything, as long as no word fits
		case a.Scheme != "":
			c := lab.Confirmed
			if kind == "text" && a.Name == "" {
				c = lab.Claimed
			}
			i.find(lab.Found("credential.fixed-password", c, a.Where, "account", a.Name, "scheme", string(a.Scheme), "file", kind))
		}
		if key := string(a.Scheme) + a.Where.String(); weak[a.Scheme] && a.Login == Keyed && kind != "text" && !weakSeen[key] {
			weakSeen[key] = true
			i.find(lab.Found("credential.weak-hash", lab.Confirmed, a.Where, "account", a.Name, "scheme", string(a.Scheme)))
		}
		if (a.File == "passwd" || a.File == "shadow") && a.UID == 0 && a.Name != "root" && a.Login != NoShell {
			i.find(lab.Found("credential.second-root", lab.Confirmed, a.Where, "account", a.Name, "shell", a.Shell))
		}
	}
}
