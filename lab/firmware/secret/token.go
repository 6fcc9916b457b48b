package secret

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"hash/crc32"
	"regexp"
	"strings"

	"golang.org/x/crypto/ssh"

	"assay/lab"
	"assay/lab/firmware/inspect"
)

// publicKey reads a line of authorized_keys.
func publicKey(line string) Key {
	p, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		return Key{}
	}
	k := Key{Algorithm: p.Type()}
	if c, ok := p.(ssh.CryptoPublicKey); ok {
		k.Fingerprint = fingerprint(c.CryptoPublicKey())
	}
	return k
}

// token is a form of secret that a service gives out.
type token struct {
	kind   string
	mark   string         // stands in it, so that the pattern is tried there only
	back   int            // how far before the mark the pattern may begin
	form   *regexp.Regexp // the secret is its last group
	real   func(s string) bool
	proven bool // the check is one that no accident passes
}

var tokens = []token{
	{kind: "github", mark: "ghp_", form: regexp.MustCompile(`^(ghp_[A-Za-z0-9]{36})\b`), real: sumFits, proven: true},
	{kind: "github", mark: "gho_", form: regexp.MustCompile(`^(gho_[A-Za-z0-9]{36})\b`), real: sumFits, proven: true},
	{kind: "github", mark: "ghs_", form: regexp.MustCompile(`^(ghs_[A-Za-z0-9]{36})\b`), real: sumFits, proven: true},
	{kind: "github", mark: "ghr_", form: regexp.MustCompile(`^(ghr_[A-Za-z0-9]{36})\b`), real: sumFits, proven: true},
	{kind: "npm", mark: "npm_", form: regexp.MustCompile(`^(npm_[A-Za-z0-9]{36})\b`), real: sumFits, proven: true},
	{kind: "github", mark: "github_pat_", form: regexp.MustCompile(`^(github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})\b`), real: mixed},
	{kind: "gitlab", mark: "glpat-", form: regexp.MustCompile(`^(glpat-[A-Za-z0-9_-]{20})\b`), real: mixed},
	{kind: "aws", mark: "AKIA", form: regexp.MustCompile(`^(AKIA[A-Z2-7]{16})\b`), real: func(s string) bool { return mixed(s) && !strings.Contains(s, "EXAMPLE") }},
	{kind: "slack", mark: "xoxb-", form: regexp.MustCompile(`^(xoxb-[0-9]{10,13}-[0-9]{10,13}-[A-Za-z0-9]{24})\b`), real: mixed},
	{kind: "slack", mark: "hooks.slack.com/services/", form: regexp.MustCompile(`^hooks\.slack\.com/services/(T[A-Z0-9]{8,12}/B[A-Z0-9]{8,12}/[A-Za-z0-9]{24})\b`), real: mixed},
	{kind: "google", mark: "AIza", form: regexp.MustCompile(`^(AIza[0-9A-Za-z_-]{35})(?:[^0-9A-Za-z_-]|$)`), real: mixed},
	{kind: "stripe", mark: "sk_live_", form: regexp.MustCompile(`^(sk_live_[0-9A-Za-z]{24,99})\b`), real: mixed},
	{kind: "azure-storage", mark: "AccountKey=", form: regexp.MustCompile(`^AccountKey=([A-Za-z0-9+/]{86}==)`), real: func(s string) bool { return decodes(s, 64) && !strings.HasPrefix(s, "Eby8vdM02xNOcqFl") }, proven: true},
	{kind: "azure-iot", mark: "SharedAccessKey=", form: regexp.MustCompile(`^SharedAccessKey=([A-Za-z0-9+/]{43}=)`), real: func(s string) bool { return decodes(s, 32) }, proven: true},
	{kind: "telegram", mark: ":AA", back: 10, form: regexp.MustCompile(`(?:^|[^0-9])([0-9]{8,10}:AA[A-Za-z0-9_-]{33})(?:[^0-9A-Za-z_-]|$)`), real: mixed},
	{kind: "jwt", mark: "eyJ", form: regexp.MustCompile(`^(eyJ[A-Za-z0-9_-]{8,1000}\.eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{16,1000})(?:[^0-9A-Za-z_-]|$)`), real: isJWT, proven: true},
}

// sumFits checks the last six digits, which are the CRC-32 of those before them in base 62.
func sumFits(s string) bool {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	body := s[4 : len(s)-6]
	n := crc32.ChecksumIEEE([]byte(body))
	var want [6]byte
	for i := 5; i >= 0; i-- {
		want[i] = digits[n%62]
		n /= 62
	}
	return string(want[:]) == s[len(s)-6:]
}

// mixed refuses what was made up: one character again and again, or a row of them.
func mixed(s string) bool {
	seen := map[byte]bool{}
	for i := range len(s) {
		seen[s[i]] = true
	}
	low := strings.ToLower(s)
	return len(seen) >= 10 && !strings.Contains(low, "xxxx") && !strings.Contains(low, "abcdefgh") && !strings.Contains(low, "0123456") && !strings.Contains(low, "1234567890")
}

func decodes(s string, n int) bool {
	b, err := base64.StdEncoding.DecodeString(s)
	return err == nil && len(b) == n && mixed(s)
}

// isJWT reads header and claims (RFC 7519); the token that every tutorial shows is none.
func isJWT(s string) bool {
	f := strings.Split(s, ".")
	var head struct {
		Alg string `json:"alg"`
	}
	var claims map[string]any
	for i, v := range []any{&head, &claims} {
		b, err := base64.RawURLEncoding.DecodeString(f[i])
		if err != nil || json.Unmarshal(b, v) != nil {
			return false
		}
	}
	if sub, ok := claims["sub"].(string); ok && sub == "1234567890" {
		return false
	}
	return head.Alg != "" && len(claims) > 0
}

// tokensIn looks for tokens of services.
func (i *Inspector) tokensIn(f *inspect.File) {
	count := lineCount{b: f.Data}
	for _, t := range tokens {
		for from, n := 0, 0; n < 2000; n++ {
			k := bytes.Index(f.Data[from:], []byte(t.mark))
			if k < 0 {
				break
			}
			k += from
			from = k + len(t.mark)
			if t.back == 0 && k > 0 && isWordByte(f.Data[k-1]) {
				continue
			}
			start := max(0, k-t.back-1)
			if t.back == 0 {
				start = k
			}
			m := t.form.FindSubmatch(f.Data[start:min(len(f.Data), k+16<<10)])
			if m == nil || !t.real(string(m[1])) {
				continue
			}
			c := lab.Claimed
			if t.proven {
				c = lab.Confirmed
			}
			at := lab.Place{Part: f.System.Part, Path: f.Path}
			if f.Text() {
				at.Line = count.of(k)
			} else {
				at.Offset = int64(k)
			}
			i.find(lab.Found("secret.token", c, at, "kind", t.kind, "text", Hide(string(m[1])), "fingerprint", sum256(m[1])))
			from = start + len(m[0])
		}
	}
}
