package update

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"path"
	"strings"

	"assay/lab"
	"assay/lab/firmware/inspect"
)

// maxKeys bounds the keys that are told of.
const maxKeys = 200

// publicKey notes keys that lie where those of updates and packages do.
func (i *Inspector) publicKey(f *inspect.File, at lab.Place) {
	if len(f.Data) > 64<<10 || len(i.r.Keys) >= maxKeys {
		return
	}
	kind, sum := readPublic(f.Data)
	switch {
	case kind == "":
		return
	case kind == "usign":
	case strings.Contains(f.Path, "/keys/") || strings.Contains(f.Path, "/keyrings/") || strings.Contains(f.Path, "trusted.gpg.d") || strings.HasSuffix(path.Base(f.Path), ".pub") || about.MatchString(f.Path) || strings.Contains(strings.ToLower(path.Base(f.Path)), "sign") || strings.Contains(strings.ToLower(path.Base(f.Path)), "public"):
	default:
		return
	}
	i.r.Keys = append(i.r.Keys, PublicKey{Kind: kind, Fingerprint: sum, Where: at})
}

// readPublic reads a public key: of usign, signify and minisign, PEM, or OpenPGP.
func readPublic(b []byte) (kind, fingerprint string) {
	sum := func(b []byte) string {
		s := sha256.Sum256(b)
		return hex.EncodeToString(s[:])
	}
	switch {
	case bytes.HasPrefix(b, []byte("untrusted comment:")):
		_, rest, _ := bytes.Cut(b, []byte("\n"))
		line, _, _ := bytes.Cut(rest, []byte("\n"))
		// "Ed", the number of the key, the key of Ed25519; signatures are longer.
		k, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(line)))
		if err == nil && len(k) == 42 && string(k[:2]) == "Ed" {
			return "usign", hex.EncodeToString(k[2:10])
		}
	case bytes.Contains(b, []byte("-----BEGIN PUBLIC KEY-----")):
		if p, _ := pem.Decode(b); p != nil && p.Type == "PUBLIC KEY" {
			if _, err := x509.ParsePKIXPublicKey(p.Bytes); err == nil {
				return "pem", sum(p.Bytes)
			}
		}
	case bytes.Contains(b, []byte("-----BEGIN RSA PUBLIC KEY-----")):
		if p, _ := pem.Decode(b); p != nil && p.Type == "RSA PUBLIC KEY" {
			if k, err := x509.ParsePKCS1PublicKey(p.Bytes); err == nil {
				if der, err := x509.MarshalPKIXPublicKey(k); err == nil {
					return "pem", sum(der)
				}
			}
		}
	case bytes.HasPrefix(b, []byte("-----BEGIN PGP PUBLIC KEY BLOCK-----")), len(b) > 100 && (b[0] == 0x99 || b[0] == 0x98 || b[0] == 0xc6) && (b[3] == 4 || b[2] == 4):
		return "pgp", sum(b)
	}
	return "", ""
}
