package secret

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"strconv"
	"strings"
	"time"

	"assay/lab"
	"assay/lab/firmware/inspect"
)

// Certificate is an X.509 certificate that was read.
type Certificate struct {
	Subject    string    `json:"subject"`
	Issuer     string    `json:"issuer"`
	From       time.Time `json:"from"`
	Until      time.Time `json:"until"`
	Signature  string    `json:"signature"`
	Algorithm  string    `json:"algorithm"`
	Bits       int       `json:"bits,omitempty"`
	CA         bool      `json:"ca"`
	SelfSigned bool      `json:"self_signed"`
	SHA256     string    `json:"sha256"` // of the certificate
	Public     string    `json:"public"` // SHA-256 of its SubjectPublicKeyInfo
	Where      lab.Place `json:"where"`
}

// maxCertificates bounds the certificates of an image that are listed.
const maxCertificates = 5000

// certificate reads a certificate that stands in a file.
func (i *Inspector) certificate(f *inspect.File, der []byte, offset int, count *lineCount) {
	c, err := x509.ParseCertificate(der)
	if err != nil || len(i.certs) >= maxCertificates {
		return
	}
	k := Certificate{
		Subject: short(c.Subject.String()), Issuer: short(c.Issuer.String()), From: c.NotBefore.UTC(), Until: c.NotAfter.UTC(),
		Signature: c.SignatureAlgorithm.String(), Algorithm: c.PublicKeyAlgorithm.String(), CA: c.IsCA, SHA256: sum256(c.Raw), Public: sum256(c.RawSubjectPublicKeyInfo),
		SelfSigned: bytes.Equal(c.RawIssuer, c.RawSubject),
		Where:      lab.Place{Part: f.System.Part, Path: f.Path},
	}
	switch p := c.PublicKey.(type) {
	case *rsa.PublicKey:
		k.Bits = p.N.BitLen()
	case *ecdsa.PublicKey:
		k.Bits = p.Curve.Params().BitSize
	}
	if f.Text() {
		k.Where.Line = count.of(offset)
	} else {
		k.Where.Offset = int64(offset)
	}
	i.certs = append(i.certs, k)
	i.publics[k.Public] = k.Subject
}

// short bounds a name that is told.
func short(s string) string {
	if len(s) <= 500 {
		return s
	}
	return strings.ToValidUTF8(s[:500], "") + "…"
}

// few is how many certificates a file has that is no store of trusted ones.
const few = 8

// reportCertificates tells of certificates that are past their time or too weak. Stores of
// authorities are told of as a whole.
func (i *Inspector) reportCertificates() {
	stores := map[string]int{}
	for _, c := range i.certs {
		stores[storeOf(c)]++
	}
	type sum struct {
		at                 lab.Place
		all, expired, weak int
	}
	var order []string
	sums := map[string]*sum{}
	for _, c := range i.certs {
		expired := !i.o.At.IsZero() && i.o.At.After(c.Until)
		why := ""
		switch {
		case c.Bits > 0 && c.Bits < 2048 && c.Algorithm == "RSA", c.Algorithm == "DSA":
			why = c.Algorithm + " " + strconv.Itoa(c.Bits)
		case !c.SelfSigned && (strings.Contains(c.Signature, "MD5") || strings.Contains(c.Signature, "MD2") || strings.Contains(c.Signature, "SHA1")):
			why = c.Signature // what signs itself is trusted as it is, not by its signature
		}
		if s := storeOf(c); stores[s] > few {
			if sums[s] == nil {
				place := c.Where
				place.Line, place.Offset = 0, 0
				if strings.HasSuffix(s, "/") {
					place.Path = strings.TrimSuffix(strings.TrimPrefix(s, c.Where.Part+":"), "/")
				}
				sums[s] = &sum{at: place}
				order = append(order, s)
			}
			sums[s].all++
			if expired {
				sums[s].expired++
			}
			if why != "" {
				sums[s].weak++
			}
			continue
		}
		if expired {
			i.find(lab.Found("secret.certificate-expired", lab.Confirmed, c.Where, "subject", c.Subject, "until", c.Until.Format(time.DateOnly), "fingerprint", c.SHA256))
		}
		if why != "" {
			i.find(lab.Found("secret.certificate-weak", lab.Confirmed, c.Where, "subject", c.Subject, "algorithm", why, "fingerprint", c.SHA256))
		}
	}
	for _, s := range order {
		n := sums[s]
		i.find(lab.Found("secret.trust-store", lab.Confirmed, n.at, "count", strconv.Itoa(n.all), "expired", strconv.Itoa(n.expired), "weak", strconv.Itoa(n.weak)))
	}
}

// storeOf is the file of a certificate, or its folder where that is one of
// single certificates of authorities.
func storeOf(c Certificate) string {
	p := c.Where.Path
	if strings.Contains(p, "/certs/") || strings.Contains(p, "/ca-certificates/") {
		return c.Where.Part + ":" + p[:strings.LastIndex(p, "/")+1]
	}
	return c.Where.Part + ":" + p
}
