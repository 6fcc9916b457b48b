package secret

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"strconv"
	"strings"

	"github.com/openwall/yescrypt-go"
	"golang.org/x/crypto/bcrypt"
	//lint:ignore SA1019 hashes of NT passwords are made with it
	"golang.org/x/crypto/md4"
)

// Scheme is how a password is kept.
type Scheme string

// Schemes of hashes; the names are those of crypt(5) where it has one.
const (
	Plain       Scheme = "plain"
	DESCrypt    Scheme = "descrypt"
	BSDiCrypt   Scheme = "bsdicrypt"
	MD5Crypt    Scheme = "md5crypt"
	APR1        Scheme = "apr1"
	SHA256Crypt Scheme = "sha256crypt"
	SHA512Crypt Scheme = "sha512crypt"
	BCrypt      Scheme = "bcrypt"
	Yescrypt    Scheme = "yescrypt" // gost-yescrypt and scrypt are only recognized
	Scrypt      Scheme = "scrypt"
	NT          Scheme = "nt"
	SHA1        Scheme = "sha1"   // {SHA} of htpasswd
	Digest      Scheme = "digest" // MD5 of user:realm:password (RFC 7616)
	Hex         Scheme = "hex"    // MD5, SHA-1 or SHA-256 of the password alone, in hexadecimal
)

// weak are schemes that SP 800-131A and today's practice leave no use for: DES, MD4, MD5 and a
// single SHA-1.
var weak = map[Scheme]bool{DESCrypt: true, BSDiCrypt: true, MD5Crypt: true, APR1: true, NT: true, SHA1: true, Digest: true, Hex: true}

// cost is about how many microseconds one word takes, as measured on one core of
// 2020. It only divides the budget, so that the same words are tried on every machine.
func cost(s Scheme, h string) int {
	rounds := func(standard int) int {
		if _, r, ok := strings.Cut(h, "rounds="); ok {
			r, _, _ = strings.Cut(r, "$")
			if n, err := strconv.Atoi(r); err == nil {
				return min(max(n, 1000), 999_999_999)
			}
		}
		return standard
	}
	switch s {
	case DESCrypt:
		return 5
	case BSDiCrypt:
		n, _ := bsdiCount(h)
		return 5 + int(n)/6
	case MD5Crypt, APR1:
		return 110
	case SHA256Crypt:
		return 10 + rounds(5000)/12
	case SHA512Crypt:
		return 10 + rounds(5000)/4
	case BCrypt:
		if n, err := bcrypt.Cost([]byte(h)); err == nil {
			return 60 << min(n, 24)
		}
	case Yescrypt:
		return yescryptCost(h)
	case NT, SHA1, Digest, Hex:
		return 1
	}
	return never // nothing is tried
}

// never is what costs more than any budget, on machines of 32 bits too.
const never = 1 << 30

// yescryptCost is by the memory that the parameters ask for: N = 2^(digit) blocks of
// 128 r bytes. Anything beyond 16 MiB is not tried.
func yescryptCost(h string) int {
	f := strings.Split(h, "$") // "", y, parameters, salt, hash
	if len(f) != 5 || len(f[2]) != 3 {
		return never
	}
	n, r := int(atoi64[f[2][1]])+1, int(atoi64[f[2][2]])+1
	if n < 1 || r < 1 || n > 17 || 128*r<<n > 16<<20 {
		return never
	}
	return 1000 + 128*r<<n/600
}

// Recognize says which scheme a text is a hash of, "" where it is none.
func Recognize(h string) Scheme {
	// digits reports whether s is n digits, the last of which is below most: the
	// bits of a hash do not fill it.
	digits := func(s string, n int, most int8) bool {
		if len(s) != n || atoi64[s[n-1]] >= most {
			return false
		}
		for i := range n {
			if atoi64[s[i]] < 0 {
				return false
			}
		}
		return true
	}
	// after takes "SALT$DIGITS", the salt of up to most characters.
	after := func(prefix string, most, n int, last int8) bool {
		rest, ok := strings.CutPrefix(h, prefix)
		if !ok {
			return false
		}
		if r, ok := strings.CutPrefix(rest, "rounds="); ok && n > 22 {
			count, r, _ := strings.Cut(r, "$")
			if _, err := strconv.ParseUint(count, 10, 32); err != nil {
				return false
			}
			rest = r
		}
		salt, sum, ok := strings.Cut(rest, "$")
		return ok && len(salt) <= most && !strings.ContainsAny(salt, ":\n ") && digits(sum, n, last)
	}
	switch {
	case after("$1$", 8, 22, 4):
		return MD5Crypt
	case after("$apr1$", 8, 22, 4):
		return APR1
	case after("$5$", 16, 43, 16):
		return SHA256Crypt
	case after("$6$", 16, 86, 4):
		return SHA512Crypt
	case len(h) == 60 && (strings.HasPrefix(h, "$2a$") || strings.HasPrefix(h, "$2b$") || strings.HasPrefix(h, "$2y$") || strings.HasPrefix(h, "$2x$")):
		if _, err := bcrypt.Cost([]byte(h)); err == nil && digits(h[7:], 53, 64) {
			return BCrypt
		}
	case strings.HasPrefix(h, "$y$") || strings.HasPrefix(h, "$gy$") || strings.HasPrefix(h, "$7$"):
		f := strings.Split(h, "$") // "", y, parameters, salt, hash; of scrypt the parameters and the salt are one
		if len(f) < 4 || len(f) > 5 || len(f[2]) < 3 || len(f[2]) > 100 || len(f[3]) > 86 || !digits(f[len(f)-1], 43, 64) || !digits(f[2], len(f[2]), 64) {
			return ""
		}
		if f[1] == "y" && len(f) == 5 {
			return Yescrypt
		}
		return Scrypt
	case strings.HasPrefix(h, "{SHA}"):
		if b, err := base64.StdEncoding.DecodeString(h[5:]); err == nil && len(b) == sha1.Size {
			return SHA1
		}
	case len(h) == 20 && h[0] == '_' && digits(h[1:], 19, 64) && atoi64[h[19]]&3 == 0:
		return BSDiCrypt
	case digits(h, 13, 64) && atoi64[h[12]]&3 == 0:
		return DESCrypt
	}
	return ""
}

// matches reports whether a password belongs to a hash. User is the account, and realm
// what a digest was made with.
func matches(s Scheme, h, user, realm, password string) bool {
	switch s {
	case Plain:
		return h == password
	case DESCrypt:
		return desCrypt(password, h) == h
	case BSDiCrypt:
		return bsdiCrypt(password, h) == h
	case MD5Crypt, APR1:
		return md5Crypt(password, h) == h
	case SHA256Crypt, SHA512Crypt:
		return shaCrypt(password, h) == h
	case BCrypt:
		return bcrypt.CompareHashAndPassword([]byte(h), []byte(password)) == nil
	case Yescrypt:
		if yescryptCost(h) >= never {
			return false
		}
		b, err := yescrypt.Hash([]byte(password), []byte(h))
		return err == nil && string(b) == h
	case NT:
		return strings.EqualFold(ntHash(password), h)
	case SHA1:
		sum := sha1.Sum([]byte(password))
		return h == "{SHA}"+base64.StdEncoding.EncodeToString(sum[:])
	case Digest:
		sum := md5.Sum([]byte(user + ":" + realm + ":" + password))
		return strings.EqualFold(hex.EncodeToString(sum[:]), h)
	case Hex:
		switch p := []byte(password); len(h) {
		case 32:
			return fmt.Sprintf("%x", md5.Sum(p)) == h
		case 40:
			return fmt.Sprintf("%x", sha1.Sum(p)) == h
		case 64:
			return fmt.Sprintf("%x", sha256.Sum256(p)) == h
		}
	}
	return false
}

// ntHash is MD4 over the password in UTF-16, little-endian. Characters outside of
// Latin-1 do not occur in the word list.
func ntHash(password string) string {
	h := md4.New()
	for _, r := range password {
		h.Write([]byte{byte(r), byte(r >> 8)})
	}
	return hex.EncodeToString(h.Sum(nil))
}

// crypt64 writes three bytes, the first the most significant, as n digits, the least first.
func crypt64(out []byte, a, b, c byte, n int) []byte {
	v := uint32(a)<<16 | uint32(b)<<8 | uint32(c)
	for range n {
		out = append(out, itoa64[v&63])
		v >>= 6
	}
	return out
}

// md5Crypt is the crypt of FreeBSD, and that of Apache (apr1), which differs in its name. The
// salt may be empty.
func md5Crypt(password, setting string) string {
	magic := "$1$"
	if strings.HasPrefix(setting, "$apr1$") {
		magic = "$apr1$"
	}
	salt, _, _ := strings.Cut(strings.TrimPrefix(setting, magic), "$")
	salt = salt[:min(len(salt), 8)]

	alt := md5.Sum([]byte(password + salt + password))
	b := append(make([]byte, 0, 128), password+magic+salt...)
	for n := len(password); n > 0; n -= 16 {
		b = append(b, alt[:min(n, 16)]...)
	}
	for n := len(password); n > 0; n >>= 1 {
		if n&1 == 1 {
			b = append(b, 0)
		} else {
			b = append(b, password[0])
		}
	}
	sum := md5.Sum(b)
	for i := range 1000 {
		b = b[:0]
		if i&1 == 1 {
			b = append(b, password...)
		} else {
			b = append(b, sum[:]...)
		}
		if i%3 != 0 {
			b = append(b, salt...)
		}
		if i%7 != 0 {
			b = append(b, password...)
		}
		if i&1 == 1 {
			b = append(b, sum[:]...)
		} else {
			b = append(b, password...)
		}
		sum = md5.Sum(b)
	}
	out := []byte(magic + salt + "$")
	for i := range 5 {
		k := i + 12
		if k == 16 {
			k = 5
		}
		out = crypt64(out, sum[i], sum[i+6], sum[k], 4)
	}
	return string(crypt64(out, 0, 0, sum[11], 2))
}

// shaCrypt is SHA-crypt with SHA-256 or SHA-512, after its author's
// specification of 2007.
func shaCrypt(password, setting string) string {
	magic := setting[:3]
	var h, h2 hash.Hash
	if magic == "$6$" {
		h, h2 = sha512.New(), sha512.New()
	} else {
		h, h2 = sha256.New(), sha256.New()
	}
	size := h.Size()
	rest := setting[3:]
	rounds, said := 5000, ""
	if r, ok := strings.CutPrefix(rest, "rounds="); ok {
		count, after, _ := strings.Cut(r, "$")
		n, err := strconv.ParseUint(count, 10, 32)
		if err != nil {
			return ""
		}
		rounds, rest = int(min(max(n, 1000), 999_999_999)), after
		said = "rounds=" + strconv.Itoa(rounds) + "$"
	}
	salt, _, _ := strings.Cut(rest, "$")
	salt = salt[:min(len(salt), 16)]
	p, s := []byte(password), []byte(salt)

	write := func(to hash.Hash, sum []byte, n int) {
		for ; n > 0; n -= size {
			to.Write(sum[:min(n, size)])
		}
	}
	stretch := func(sum []byte, n int) []byte {
		var b []byte
		for ; n > 0; n -= size {
			b = append(b, sum[:min(n, size)]...)
		}
		return b
	}
	h2.Write(p)
	h2.Write(s)
	h2.Write(p)
	alt := h2.Sum(nil)
	h.Write(p)
	h.Write(s)
	write(h, alt, len(p))
	for n := len(p); n > 0; n >>= 1 {
		if n&1 == 1 {
			h.Write(alt)
		} else {
			h.Write(p)
		}
	}
	sum := h.Sum(nil)
	h.Reset()
	for range p {
		h.Write(p)
	}
	ps := stretch(h.Sum(nil), len(p))
	h.Reset()
	for range 16 + int(sum[0]) {
		h.Write(s)
	}
	ss := stretch(h.Sum(nil), len(s))
	for i := range rounds {
		h.Reset()
		if i&1 == 1 {
			h.Write(ps)
		} else {
			h.Write(sum)
		}
		if i%3 != 0 {
			h.Write(ss)
		}
		if i%7 != 0 {
			h.Write(ps)
		}
		if i&1 == 1 {
			h.Write(sum)
		} else {
			h.Write(ps)
		}
		sum = h.Sum(sum[:0])
	}
	out := []byte(magic + said + salt + "$")
	// The bytes are taken a third of the whole apart; who comes first turns with each group.
	third := size / 3
	for i := range third {
		a, b, c := sum[i], sum[i+third], sum[i+2*third]
		turn := i % 3
		if size == sha256.Size {
			turn = (3 - turn) % 3
		}
		switch turn {
		case 0:
			out = crypt64(out, a, b, c, 4)
		case 1:
			out = crypt64(out, b, c, a, 4)
		case 2:
			out = crypt64(out, c, a, b, 4)
		}
	}
	if size == sha512.Size {
		return string(crypt64(out, 0, 0, sum[63], 2))
	}
	return string(crypt64(out, 0, sum[31], sum[30], 3))
}
