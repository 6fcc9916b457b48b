package secret

import (
	"bytes"
	//lint:ignore SA1019 old devices have such keys
	"crypto/dsa"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"golang.org/x/crypto/pkcs12"
	"golang.org/x/crypto/ssh"
)

// checkRSA reports whether numbers are an RSA key: n = pq, and d undoes e.
func checkRSA(n, e, d, p, q *big.Int) (Key, error) {
	one := big.NewInt(1)
	if n.BitLen() > 16384 || n.BitLen() < 64 || p.Cmp(one) <= 0 || q.Cmp(one) <= 0 || e.Sign() <= 0 || d.Sign() <= 0 || e.BitLen() > 256 || d.BitLen() > n.BitLen()+1 {
		return Key{}, errKey
	}
	if new(big.Int).Mul(p, q).Cmp(n) != 0 {
		return Key{}, errKey
	}
	ed := new(big.Int).Mul(e, d)
	ed.Sub(ed, one)
	for _, f := range []*big.Int{p, q} {
		if new(big.Int).Mod(ed, new(big.Int).Sub(f, one)).Sign() != 0 {
			return Key{}, errKey
		}
	}
	k := Key{Algorithm: "RSA", Bits: n.BitLen()}
	if e.IsInt64() && e.Int64() <= 1<<31-1 {
		k.Fingerprint = fingerprint(&rsa.PublicKey{N: n, E: int(e.Int64())})
	}
	return k, nil
}

// parsePKCS1 reads an RSA private key (RFC 8017 appendix A.1.2). rest is what follows.
func parsePKCS1(der []byte) (k Key, rest []byte, err error) {
	var s struct {
		Version                int
		N, E, D, P, Q, X, Y, Z *big.Int
	}
	if rest, err = asn1.Unmarshal(der, &s); err != nil {
		return k, nil, err
	}
	k, err = checkRSA(s.N, s.E, s.D, s.P, s.Q)
	return k, rest, err
}

// parseDSA reads OpenSSL's form of a DSA key.
func parseDSA(der []byte) (Key, error) {
	var s struct {
		Version       int
		P, Q, G, Y, X *big.Int
	}
	if _, err := asn1.Unmarshal(der, &s); err != nil {
		return Key{}, err
	}
	return checkDSA(s.P, s.Q, s.G, s.Y, s.X)
}

var oidDSA = asn1.ObjectIdentifier{1, 2, 840, 10040, 4, 1}

func checkDSA(p, q, g, y, x *big.Int) (Key, error) {
	if p.BitLen() > 8192 || p.BitLen() < 256 || q.Sign() <= 0 || q.BitLen() > p.BitLen() || x.Sign() <= 0 || x.BitLen() > q.BitLen() || new(big.Int).Exp(g, x, p).Cmp(y) != 0 {
		return Key{}, errKey
	}
	type parameters struct{ P, Q, G *big.Int }
	type algorithm struct {
		ID asn1.ObjectIdentifier
		P  parameters
	}
	yb, err := asn1.Marshal(y)
	if err != nil {
		return Key{}, err
	}
	b, err := asn1.Marshal(struct {
		A algorithm
		Y asn1.BitString
	}{algorithm{oidDSA, parameters{p, q, g}}, asn1.BitString{Bytes: yb, BitLength: 8 * len(yb)}})
	if err != nil {
		return Key{}, err
	}
	return Key{Algorithm: "DSA", Bits: p.BitLen(), Fingerprint: sum256(b)}, nil
}

// parseEC reads an EC private key (RFC 5915); curves that the standard library
// lacks are taken when the public point is there.
func parseEC(der []byte) (Key, error) {
	if p, err := x509.ParseECPrivateKey(der); err == nil {
		return goKey(p)
	}
	var s struct {
		Version int
		D       []byte
		Curve   asn1.ObjectIdentifier `asn1:"optional,explicit,tag:0"`
		Public  asn1.BitString        `asn1:"optional,explicit,tag:1"`
	}
	if _, err := asn1.Unmarshal(der, &s); err != nil {
		return Key{}, err
	}
	if s.Version != 1 || len(s.Curve) < 4 || len(s.D) < 14 || len(s.D) > 72 || len(s.Public.Bytes) != 2*len(s.D)+1 || s.Public.Bytes[0] != 4 {
		return Key{}, errKey
	}
	return Key{Algorithm: "EC " + s.Curve.String(), Bits: 8 * len(s.D)}, nil
}

// goKey describes a key of the standard library.
func goKey(private any) (Key, error) {
	switch k := private.(type) {
	case *rsa.PrivateKey:
		if len(k.Primes) != 2 {
			return Key{Algorithm: "RSA", Bits: k.N.BitLen(), Fingerprint: fingerprint(&k.PublicKey)}, nil
		}
		return checkRSA(k.N, big.NewInt(int64(k.E)), k.D, k.Primes[0], k.Primes[1])
	case *ecdsa.PrivateKey:
		return Key{Algorithm: "ECDSA " + k.Curve.Params().Name, Bits: k.Curve.Params().BitSize, Fingerprint: fingerprint(&k.PublicKey)}, nil
	case ed25519.PrivateKey:
		return Key{Algorithm: "Ed25519", Bits: 256, Fingerprint: fingerprint(k.Public())}, nil
	case *ed25519.PrivateKey:
		return goKey(*k)
	case *ecdh.PrivateKey:
		return Key{Algorithm: fmt.Sprint(k.Curve()), Bits: 8 * len(k.Bytes()), Fingerprint: fingerprint(k.PublicKey())}, nil
	case *dsa.PrivateKey:
		return checkDSA(k.P, k.Q, k.G, k.Y, k.X)
	}
	return Key{}, errKey
}

// parsePKCS8 reads a PrivateKeyInfo (RFC 5208).
func parsePKCS8(der []byte) (Key, error) {
	var s struct {
		Version   int
		Algorithm struct {
			ID         asn1.ObjectIdentifier
			Parameters asn1.RawValue `asn1:"optional"`
		}
		Key []byte
	}
	if _, err := asn1.Unmarshal(der, &s); err != nil {
		return Key{}, err
	}
	if s.Algorithm.ID.Equal(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}) { // small keys, too
		k, _, err := parsePKCS1(s.Key)
		return k, err
	}
	if s.Algorithm.ID.Equal(oidDSA) {
		var g struct{ P, Q, G *big.Int }
		x := new(big.Int)
		if _, err := asn1.Unmarshal(s.Algorithm.Parameters.FullBytes, &g); err != nil {
			return Key{}, err
		}
		if _, err := asn1.Unmarshal(s.Key, &x); err != nil {
			return Key{}, err
		}
		if g.P.Sign() <= 0 || g.P.BitLen() > 8192 || x.BitLen() > g.P.BitLen() || x.Sign() <= 0 {
			return Key{}, errKey
		}
		return checkDSA(g.P, g.Q, g.G, new(big.Int).Exp(g.G, x, g.P), x)
	}
	p, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return Key{}, err
	}
	return goKey(p)
}

// parseDER reads any of the forms of an unencrypted key.
func parseDER(der []byte) (Key, error) {
	if k, _, err := parsePKCS1(der); err == nil {
		return k, nil
	}
	if k, err := parsePKCS8(der); err == nil {
		return k, nil
	}
	if k, err := parseEC(der); err == nil {
		return k, nil
	}
	return parseDSA(der)
}

// parsePEM reads a block that calls itself a private key. open is set where it is encrypted.
func parsePEM(b *pem.Block) (k Key, open func(string) (Key, bool), err error) {
	switch b.Type {
	case "OPENSSH PRIVATE KEY":
		text := pem.EncodeToMemory(b)
		p, err := ssh.ParseRawPrivateKey(text)
		var missing *ssh.PassphraseMissingError
		if errors.As(err, &missing) {
			k = Key{Container: "openssh", Locked: true}
			if missing.PublicKey != nil {
				k.Algorithm = missing.PublicKey.Type()
				if c, ok := missing.PublicKey.(ssh.CryptoPublicKey); ok {
					k.Fingerprint = fingerprint(c.CryptoPublicKey())
				}
			}
			return k, nil, nil // bcrypt-pbkdf is made to be slow: nothing is guessed
		}
		if err != nil {
			return k, nil, err
		}
		k, err = goKey(p)
		k.Container = "openssh"
		return k, nil, err
	case "ENCRYPTED PRIVATE KEY":
		var s struct {
			Algorithm struct {
				ID         asn1.ObjectIdentifier
				Parameters asn1.RawValue `asn1:"optional"`
			}
			Data []byte
		}
		if _, err := asn1.Unmarshal(b.Bytes, &s); err != nil {
			return k, nil, err
		}
		if len(s.Data) < 32 {
			return k, nil, errKey
		}
		return Key{Container: "pem", Locked: true}, nil, nil
	}
	//lint:ignore SA1019 old devices have such keys
	if x509.IsEncryptedPEMBlock(b) {
		if len(b.Bytes) < 32 || len(b.Bytes)%8 != 0 {
			return k, nil, errKey
		}
		return Key{Container: "pem", Locked: true, Algorithm: strings.TrimSuffix(b.Type, " PRIVATE KEY")}, func(password string) (Key, bool) {
			//lint:ignore SA1019 as above
			der, err := x509.DecryptPEMBlock(b, []byte(password))
			if err != nil {
				return Key{}, false
			}
			k, err := parseDER(der)
			k.Container = "pem"
			return k, err == nil
		}, nil
	}
	switch b.Type {
	case "RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY":
		k, err = parseDER(b.Bytes)
		k.Container = "pem"
		return k, nil, err
	}
	return k, nil, errKey
}

// wire reads strings and numbers of SSH (RFC 4251 section 5).
type wire struct {
	b   []byte
	bad bool
}

func (w *wire) text() []byte {
	if len(w.b) < 4 {
		w.bad = true
		return nil
	}
	n := binary.BigEndian.Uint32(w.b)
	if int64(n) > int64(len(w.b)-4) {
		w.bad = true
		return nil
	}
	s := w.b[4 : 4+n]
	w.b = w.b[4+n:]
	return s
}

func (w *wire) number() *big.Int { return new(big.Int).SetBytes(w.text()) }

// parseDropbear reads a host key as Dropbear keeps it: the name of the kind, and
// the numbers; nothing may follow.
func parseDropbear(b []byte) (Key, error) {
	if len(b) < 32 || len(b) > maxKey || b[0] != 0 || b[1] != 0 || b[2] != 0 {
		return Key{}, errKey
	}
	w := &wire{b: b}
	var k Key
	var err error
	switch name := string(w.text()); name {
	case "ssh-rsa":
		e, n, d, p, q := w.number(), w.number(), w.number(), w.number(), w.number()
		if w.bad || len(w.b) > 0 {
			return k, errKey
		}
		k, err = checkRSA(n, e, d, p, q)
	case "ssh-dss":
		p, q, g, y, x := w.number(), w.number(), w.number(), w.number(), w.number()
		if w.bad || len(w.b) > 0 {
			return k, errKey
		}
		k, err = checkDSA(p, q, g, y, x)
	case "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521":
		curve := map[string]elliptic.Curve{"256": elliptic.P256(), "384": elliptic.P384(), "521": elliptic.P521()}[name[len(name)-3:]]
		w.text()
		point, d := w.text(), w.text()
		size := (curve.Params().BitSize + 7) / 8
		d = bytes.TrimLeft(d, "\x00")
		if w.bad || len(w.b) > 0 || len(d) > size {
			return k, errKey
		}
		private, perr := ecdsa.ParseRawPrivateKey(curve, append(make([]byte, size-len(d)), d...))
		if perr != nil {
			return k, perr
		}
		if public, perr := private.PublicKey.Bytes(); perr != nil || !bytes.Equal(public, point) {
			return k, errKey
		}
		k, err = goKey(private)
	case "ssh-ed25519":
		// The seed and the public key after it, as in OpenSSH.
		both := w.text()
		if w.bad || len(w.b) > 0 || len(both) != ed25519.PrivateKeySize {
			return k, errKey
		}
		private := ed25519.NewKeyFromSeed(both[:32])
		if !bytes.Equal(private, both) {
			return k, errKey
		}
		k, err = goKey(private)
	default:
		return k, errKey
	}
	k.Container = "dropbear"
	return k, err
}

// parsePuTTY reads a key file of PuTTY, versions 2 and 3.
func parsePuTTY(b []byte) (Key, error) {
	var k Key
	ls := strings.Split(strings.ReplaceAll(string(b), "\r", ""), "\n")
	if len(ls) < 6 || !strings.HasPrefix(ls[0], "PuTTY-User-Key-File-") {
		return k, errKey
	}
	var public []byte
	private := false
	for n := 0; n < len(ls); n++ {
		name, value, ok := strings.Cut(ls[n], ": ")
		if !ok {
			continue
		}
		switch name {
		case "Encryption":
			k.Locked = value != "none"
		case "Public-Lines", "Private-Lines":
			count, err := strconv.Atoi(value)
			if err != nil || count < 1 || count > 1000 || n+count >= len(ls) {
				return k, errKey
			}
			data, err := base64.StdEncoding.DecodeString(strings.Join(ls[n+1:n+1+count], ""))
			if err != nil {
				return k, errKey
			}
			if name == "Public-Lines" {
				public = data
			} else {
				private = len(data) >= 16
			}
			n += count
		}
	}
	p, err := ssh.ParsePublicKey(public)
	if err != nil || !private {
		return k, errKey
	}
	k.Container, k.Algorithm = "putty", p.Type()
	if c, ok := p.(ssh.CryptoPublicKey); ok {
		k.Fingerprint = fingerprint(c.CryptoPublicKey())
		if r, ok := c.CryptoPublicKey().(*rsa.PublicKey); ok {
			k.Bits = r.N.BitLen()
		}
	}
	return k, nil
}

// parsePGP reads the first packet of an armored secret key (RFC 9580 section 5.5.3),
// of version 4.
func parsePGP(text []byte) (Key, error) {
	var k Key
	_, body, ok := bytes.Cut(bytes.ReplaceAll(text, []byte("\r"), nil), []byte("\n\n"))
	if !ok {
		return k, errKey
	}
	body, _, _ = bytes.Cut(body, []byte("\n="))
	body, _, _ = bytes.Cut(body, []byte("-----END"))
	b, err := base64.StdEncoding.DecodeString(string(bytes.ReplaceAll(body, []byte("\n"), nil)))
	if err != nil || len(b) < 20 || b[0]&0x80 == 0 {
		return k, errKey
	}
	var tag, n, head int
	if b[0]&0x40 != 0 {
		tag = int(b[0] & 0x3f)
		switch {
		case b[1] < 192:
			n, head = int(b[1]), 2
		case b[1] < 224:
			n, head = (int(b[1])-192)<<8+int(b[2])+192, 3
		case b[1] == 255:
			n, head = int(binary.BigEndian.Uint32(b[2:])), 6
		default:
			return k, errKey
		}
	} else {
		tag = int(b[0] >> 2 & 15)
		switch b[0] & 3 {
		case 0:
			n, head = int(b[1]), 2
		case 1:
			n, head = int(binary.BigEndian.Uint16(b[1:])), 3
		case 2:
			n, head = int(binary.BigEndian.Uint32(b[1:])), 5
		default:
			return k, errKey
		}
	}
	if tag != 5 || n < 8 || n > len(b)-head || b[head] != 4 {
		return k, errKey
	}
	p := b[head : head+n]
	mpis, at := 0, 6
	switch p[5] {
	case 1, 2, 3:
		mpis, k.Algorithm = 2, "RSA"
	case 16:
		mpis, k.Algorithm = 3, "ElGamal"
	case 17:
		mpis, k.Algorithm = 4, "DSA"
	case 18, 19, 22:
		k.Algorithm = map[byte]string{18: "ECDH", 19: "ECDSA", 22: "EdDSA"}[p[5]]
		at += 1 + int(p[6])
		mpis = 1
	default:
		return k, errKey
	}
	for i := range mpis {
		if at+2 > len(p) {
			return k, errKey
		}
		bits := int(binary.BigEndian.Uint16(p[at:]))
		if i == 0 && k.Algorithm[0] != 'E' {
			k.Bits = bits
		}
		at += 2 + (bits+7)/8
	}
	if p[5] == 18 && at < len(p) {
		at += 1 + int(p[at])
	}
	if at >= len(p) {
		return k, errKey
	}
	h := sha1.New()
	h.Write([]byte{0x99, byte(at >> 8), byte(at)})
	h.Write(p[:at])
	k.Container, k.Fingerprint, k.Locked = "pgp", hex.EncodeToString(h.Sum(nil)), p[at] != 0
	return k, nil
}

// isPKCS12 reports whether bytes are a PFX (RFC 7292), which is all of the file.
func isPKCS12(b []byte) bool {
	var s struct {
		Version int
		Safe    struct {
			Type    asn1.ObjectIdentifier
			Content asn1.RawValue `asn1:"explicit,tag:0,optional"`
		}
		MAC asn1.RawValue `asn1:"optional"`
	}
	rest, err := asn1.Unmarshal(b, &s)
	return err == nil && len(rest) == 0 && s.Version == 3 && s.Safe.Type.String() == "1.2.840.113549.1.7.1"
}

// pemBlock reads the block that begins a text; the ends of its lines may be written as
// \n, as in a program's source.
func pemBlock(chunk []byte) *pem.Block {
	if end := bytes.Index(chunk, []byte("-----END ")); end >= 0 {
		stop := bytes.Index(chunk[end+9:], []byte("-----"))
		if stop < 0 || stop > 60 {
			return nil
		}
		chunk = chunk[:end+9+stop+5]
	} else {
		return nil
	}
	if bytes.Contains(chunk, []byte(`\n`)) {
		s := strings.NewReplacer(`\r`, "", `\n`, "\n", `"`, "", "\\\n", "\n", "\r", "").Replace(string(chunk))
		var ls []string
		for l := range strings.SplitSeq(s, "\n") {
			if l = strings.TrimSpace(l); l != "" {
				ls = append(ls, l)
			}
		}
		chunk = []byte(strings.Join(ls, "\n"))
	}
	block, _ := pem.Decode(append(bytes.Clone(chunk), '\n'))
	return block
}

func openPKCS12(b []byte, password string) (Key, bool) {
	blocks, err := pkcs12.ToPEM(b, password)
	if err != nil {
		return Key{}, false
	}
	for _, p := range blocks {
		if p.Type == "PRIVATE KEY" {
			if k, err := parseDER(p.Bytes); err == nil {
				k.Container = "pkcs12"
				return k, true
			}
		}
	}
	return Key{}, false
}
