package secret

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"path"
	"strconv"
	"strings"

	"assay/lab"
	"assay/lab/firmware/inspect"
)

// Key is a private key that was read, or one that is locked by a password.
type Key struct {
	Container   string    `json:"container"` // pem, der, openssh, dropbear, putty, pkcs12, pgp, jks
	Algorithm   string    `json:"algorithm,omitempty"`
	Bits        int       `json:"bits,omitempty"`
	Locked      bool      `json:"locked"`                // encrypted, and its password was not found
	Password    string    `json:"password,omitempty"`    // that opens it
	Fingerprint string    `json:"fingerprint,omitempty"` // SHA-256 over the SubjectPublicKeyInfo; of PGP its own
	Use         string    `json:"use,omitempty"`         // ssh-host, tls, library-test
	Certificate string    `json:"certificate,omitempty"` // subject of the certificate in the image that belongs to it
	Where       lab.Place `json:"where"`
}

// sealed is an encrypted key whose password is still to be guessed.
type sealed struct {
	key  int // in the list of keys
	open func(password string) (Key, bool)
	cost int
}

// maxKey bounds a key or certificate, in bytes.
const maxKey = 64 << 10

// maxKeys bounds the keys and the certificates of one file.
const maxKeys = 1000

var errKey = errors.New("no private key")

// fingerprint is SHA-256 over the SubjectPublicKeyInfo (RFC 5280 section 4.1), "" where the key cannot
// be written as one.
func fingerprint(public crypto.PublicKey) string {
	b, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return ""
	}
	return sum256(b)
}

func sum256(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// keysIn looks for private keys in a file.
func (i *Inspector) keysIn(f *inspect.File) {
	b := f.Data
	count := &lineCount{b: b}
	add := func(k Key, offset int, open func(string) (Key, bool), cost int) {
		k.Where = lab.Place{Part: f.System.Part, Path: f.Path}
		if f.Text() {
			k.Where.Line = count.of(offset)
		} else {
			k.Where.Offset = int64(offset)
		}
		k.Use = keyUse(f)
		switch {
		case k.Container == "dropbear":
			k.Use = "ssh-host"
		case k.Container == "der" && !f.Text() && bytes.Contains(b, []byte(kernelTests)):
			k.Use = "library-test"
		}
		if len(i.keys) < maxKeys {
			i.keys = append(i.keys, k)
			if open != nil {
				i.sealed = append(i.sealed, sealed{len(i.keys) - 1, open, cost})
			}
		}
	}
	for from, n := 0, 0; n < maxKeys; n++ {
		k := bytes.Index(b[from:], []byte("-----BEGIN "))
		if k < 0 {
			break
		}
		start := from + k
		from = start + 11
		chunk := b[start:min(len(b), start+maxKey)]
		label, _, _ := bytes.Cut(chunk[11:min(len(chunk), 60)], []byte("-----"))
		switch {
		case bytes.Equal(label, []byte("PGP PRIVATE KEY BLOCK")):
			if k, err := parsePGP(chunk); err == nil {
				add(k, start, nil, 0)
			}
		case bytes.HasSuffix(label, []byte("PRIVATE KEY")):
			if block := pemBlock(chunk); block != nil {
				if k, open, err := parsePEM(block); err == nil {
					add(k, start, open, 5)
				}
			}
		case bytes.Equal(label, []byte("CERTIFICATE")) || bytes.Equal(label, []byte("TRUSTED CERTIFICATE")) || bytes.Equal(label, []byte("X509 CERTIFICATE")):
			if block := pemBlock(chunk); block != nil {
				i.certificate(f, block.Bytes, start, count)
			}
		}
	}
	ext := strings.ToLower(path.Ext(f.Path))
	if len(b) <= maxKey && len(b) > 32 {
		switch {
		case b[0] == 0x30 && isPKCS12(b):
			add(Key{Container: "pkcs12", Locked: true}, 0, func(password string) (Key, bool) { return openPKCS12(b, password) }, 1500)
			return
		case b[0] == 0x30 && (b[1] == 0x82 || b[1] == 0x81 || ext == ".der" || ext == ".key"):
			if k, err := parseDER(b); err == nil {
				k.Container = "der"
				add(k, 0, nil, 0)
				return
			}
			i.certificate(f, b, 0, count)
		case bytes.HasPrefix(b, []byte("PuTTY-User-Key-File-")):
			if k, err := parsePuTTY(b); err == nil {
				add(k, 0, nil, 0)
			}
		case bytes.HasPrefix(b, []byte("\xfe\xed\xfe\xed\x00\x00\x00\x02")) && binary.BigEndian.Uint32(b[8:]) > 0 && binary.BigEndian.Uint32(b[12:]) == 1:
			add(Key{Container: "jks", Locked: true}, 0, nil, 0)
		default:
			if k, err := parseDropbear(b); err == nil {
				add(k, 0, nil, 0)
			}
		}
	}
	if !f.Text() {
		i.embedded(b, add)
	}
}

// embedded looks for keys in DER that stand in other bytes, by how they begin. Their
// numbers are held against each other, so no other bytes are taken for one.
func (i *Inspector) embedded(b []byte, add func(Key, int, func(string) (Key, bool), int)) {
	// The version, and the length of the modulus: of 2048 bits and more, of 1024, of 512.
	for _, begins := range []string{"\x02\x01\x00\x02\x82", "\x02\x01\x00\x02\x81\x81", "\x02\x01\x00\x02\x41\x00"} {
		for from, n := 0, 0; n < 1000; n++ {
			k := bytes.Index(b[from:], []byte(begins))
			if k < 0 {
				break
			}
			at := from + k
			from = at + 1
			if at < 4 || b[at-4] != 0x30 || b[at-3] != 0x82 {
				continue
			}
			if key, _, err := parsePKCS1(b[at-4 : min(len(b), at-4+maxKey)]); err == nil {
				key.Container = "der"
				add(key, at-4, nil, 0)
			}
		}
	}
	for from, n := 0, 0; n < 1000; n++ {
		k := bytes.Index(b[from:], []byte("\x30\x77\x02\x01\x01\x04\x20"))
		if k < 0 {
			break
		}
		at := from + k
		from = at + 1
		if at+0x79 > len(b) {
			break
		}
		p, err := x509.ParseECPrivateKey(b[at : at+0x79])
		if err != nil {
			continue
		}
		if public, err := p.PublicKey.Bytes(); err == nil && bytes.HasSuffix(b[at:at+0x79], public) {
			if key, err := goKey(p); err == nil {
				key.Container = "der"
				add(key, at, nil, 0)
			}
		}
	}
}

// testLibraries carry keys for their own tests, which the whole world knows.
var testLibraries = []string{"libmbed", "libpolarssl", "libwolfssl", "libcyassl", "libmatrixssl", "libaxtls", "libgnutls"}

// kernelTests is a message of Linux's tests of its own cryptography (crypto/testmgr.c), which
// have RSA keys among their vectors.
const kernelTests = "alg: self-tests for %s"

func keyUse(f *inspect.File) string {
	base := strings.ToLower(path.Base(f.Path))
	if !f.Text() {
		for _, l := range testLibraries {
			if strings.HasPrefix(base, l) {
				return "library-test"
			}
		}
		if base == "openssl" { // the keys that openssl speed measures with
			return "library-test"
		}
	}
	dir := strings.ToLower(path.Dir(f.Path))
	switch {
	case strings.Contains(base, "host_key") || strings.Contains(base, "hostkey"):
		return "ssh-host"
	case strings.HasPrefix(base, "id_"):
		return "ssh-user"
	case strings.Contains(base, "httpd") || strings.Contains(base, "server") || strings.Contains(dir, "ssl") || strings.Contains(dir, "http") || strings.Contains(base, "https"):
		return "tls"
	case strings.Contains(dir, "openvpn") || strings.Contains(dir, "ipsec") || strings.Contains(dir, "strongswan"):
		return "vpn"
	}
	return ""
}

// guessKeys tries words on encrypted keys.
func (i *Inspector) guessKeys(list []string) {
	work := Standard / 4
	if i.o.Work != 0 {
		work = max(i.o.Work/4, 0)
	}
	for n, s := range i.sealed {
		most := work / (len(i.sealed) - n) / s.cost
		for _, w := range append([]string{""}, list...)[:min(most, len(list)+1)] {
			work -= s.cost
			k, ok := s.open(w)
			if !ok {
				continue
			}
			was := &i.keys[s.key]
			was.Locked, was.Password = false, w
			was.Algorithm, was.Bits, was.Fingerprint = k.Algorithm, k.Bits, k.Fingerprint
			break
		}
	}
}

// reportKeys turns keys into findings.
func (i *Inspector) reportKeys() {
	for n := range i.keys {
		k := &i.keys[n]
		k.Certificate = i.publics[k.Fingerprint]
		bits := ""
		if k.Bits > 0 {
			bits = strconv.Itoa(k.Bits)
		}
		known := []string{"algorithm", k.Algorithm, "bits", bits, "container", k.Container, "use", k.Use, "fingerprint", k.Fingerprint, "certificate", k.Certificate, "password", k.Password}
		switch {
		case k.Use == "library-test":
			i.find(lab.Found("secret.library-test-key", lab.Confirmed, k.Where, known...))
			continue
		case k.Locked:
			i.find(lab.Found("secret.locked-key", lab.Confirmed, k.Where, known...))
		default:
			i.find(lab.Found("secret.private-key", lab.Confirmed, k.Where, known...))
		}
		if (k.Algorithm == "RSA" && k.Bits < 2048 || k.Algorithm == "DSA") && k.Bits > 0 {
			i.find(lab.Found("secret.weak-key", lab.Confirmed, k.Where, "algorithm", k.Algorithm, "bits", bits, "fingerprint", k.Fingerprint))
		}
	}
}
