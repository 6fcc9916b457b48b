package disclosure

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"assay/evidence"
	"assay/lab"
	"assay/locale"
)

var at = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

const goodTxt = `# Our security address
Contact: mailto:security@example.com
Contact: https://example.com/report
Expires: 2027-06-30T10:00:00Z
Policy: POLICY
Preferred-Languages: en, ko
Canonical: CANONICAL
Encryption: openpgp4fpr:5f2de5521c63a801ab59ccb603d49de44b29100f
Acknowledgments: https://example.com/thanks
Hiring: https://example.com/jobs
CSAF: https://example.com/.well-known/csaf/provider-metadata.json
X-Other: is ignored
`

// policies of the same content in all languages.
var policies = map[string]string{
	"en": `<!doctype html><html><head><title>x</title><script>"acknowledge within 1 day"</script></head><body><h1>Vulnerability disclosure policy</h1>
<p>Please report security vulnerabilities in our products to
<a href="mailto:psirt@example.com">our team</a>.</p>
<p>We acknowledge receipt of your report within <b>3 business days</b>, and send you status updates at least every two weeks until the issue is resolved.</p>
<p>We aim to fix confirmed vulnerabilities within 90 days.</p></body></html>`,
	"ko": `<html><body><h1>취약점 공개 정책</h1><p>제품의 보안 취약점은 psirt@example.com 으로 신고해 주십시오.</p>
<ul><li>신고가 접수되면 3영업일 이내에 접수 확인 메일을 보냅니다.</li><li>처리가 끝날 때까지 2주마다 진행 상황을 알려 드립니다.</li><li>확인된 취약점은 90일 이내에 수정합니다.</li></ul></body></html>`,
	"de": `<html><body><h1>Umgang mit Schwachstellen</h1><p>Melden Sie Sicherheitslücken bitte an psirt@example.com.</p>
<p>Wir bestätigen den Eingang innerhalb von drei Arbeitstagen. Alle zwei Wochen informieren wir Sie über den Stand der Bearbeitung.</p><p>Schwachstellen beheben wir binnen 90 Tagen.</p></body></html>`,
	"fi": `<html><body><h1>Haavoittuvuuksien ilmoittaminen</h1><p>Ilmoita haavoittuvuudesta osoitteeseen psirt@example.com.</p>
<p>Kuittaamme ilmoituksen kolmen arkipäivän kuluessa. Kerromme tilanteesta kahden viikon välein. Haavoittuvuudet korjataan 90 päivän kuluessa.</p></body></html>`,
}

var times = map[string][3]string{
	"en": {"3 business days", "two weeks", "90 days"}, "ko": {"3영업일 이내", "2주마다", "90일 이내"}, "de": {"drei Arbeitstagen", "zwei Wochen", "90 Tagen"}, "fi": {"kolmen arkipäivän", "kahden viikon", "90 päivän"},
}

// serve is a server with pages, over TLS.
func serve(t *testing.T, pages map[string]http.HandlerFunc) (s *httptest.Server, roots *x509.CertPool) {
	t.Helper()
	s = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f := pages[r.URL.Path]; f != nil {
			f(w, r)
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(s.Close)
	roots = x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return s, roots
}

func body(kind, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		fmt.Fprint(w, text)
	}
}

func check(t *testing.T, o Options) *Result {
	t.Helper()
	o.At = at
	r, err := Check(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for i := range r.Judgments {
		j := &r.Judgments[i]
		for _, l := range locale.Languages {
			if why := j.Why(l) + j.Scope(l); strings.Contains(why, "disclosure.") || strings.Contains(why, "%1") {
				t.Errorf("%s in %s: %s", j.Unit, l, why)
			}
		}
		if j.Verdict == evidence.Inconclusive && j.Task == nil {
			t.Errorf("%s is inconclusive without a task", j.Unit)
		}
		if j.Task != nil {
			for _, p := range append(j.Task.Method, j.Task.Passes) {
				if strings.HasPrefix(p.String(), "disclosure.") {
					t.Errorf("%s: no phrase %s", j.Unit, p.ID)
				}
			}
		}
		for _, f := range j.Findings {
			if f < 0 || f >= len(r.Findings) {
				t.Errorf("%s rests on finding %d of %d", j.Unit, f, len(r.Findings))
			}
		}
	}
	return r
}

func verdicts(r *Result) string {
	var all []string
	for _, j := range r.Judgments {
		all = append(all, j.Unit+"="+string(j.Verdict))
	}
	return strings.Join(all, " ")
}

// rules are those of findings that are wrong, with their lines.
func rules(r *Result) string {
	var all []string
	for _, f := range r.Findings {
		if f.Severity != lab.None {
			for _, w := range f.Where {
				all = append(all, fmt.Sprintf("%s:%d", strings.TrimPrefix(f.Rule, "disclosure."), w.Line))
			}
		}
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func grounds(r *Result, unit string) string {
	for i := range r.Judgments {
		if r.Judgments[i].Unit == unit {
			return r.Judgments[i].Why("en")
		}
	}
	return ""
}

// ids are the phrases of a unit's ground.
func ids(r *Result, unit string) string {
	var all []string
	for i := range r.Judgments {
		for _, p := range r.Judgments[i].Ground {
			if r.Judgments[i].Unit == unit {
				all = append(all, strings.TrimPrefix(p.ID, "disclosure."))
			}
		}
	}
	return strings.Join(all, " ")
}

func TestPolicies(t *testing.T) {
	for lang, text := range policies {
		s, roots := serve(t, map[string]http.HandlerFunc{"/policy": body("text/html; charset=utf-8", text)})
		r := check(t, Options{Target: s.URL + "/policy", Roots: roots})
		if got := verdicts(r); got != "5.2-1-1/a=inconclusive 5.2-1-2/a=pass 5.2-1-2/b=inconclusive" {
			t.Errorf("%s: %s", lang, got)
		}
		if got := ids(r, unitSays); got != "contact acknowledgment status fix" {
			t.Errorf("%s: %s\n%s", lang, got, grounds(r, unitSays))
		}
		for i, kind := range []string{Acknowledgment, Status, Fix} {
			if s, ok := r.first(kind); !ok || s.Value != times[lang][i] || s.Language != lang || s.Line < 2 || !strings.Contains(s.Quote, s.Value) {
				t.Errorf("%s: %s: %+v", lang, kind, s)
			}
		}
		if s, _ := r.first(Contact); s.Value != "mailto:psirt@example.com" {
			t.Errorf("%s: %+v", lang, s)
		}
		d := r.Documents[0]
		if d.Status != 200 || d.TLS == nil || d.TLS.Version != "TLS 1.3" || d.SHA256 == "" || d.Size != int64(len(text)) || rules(r) != "" {
			t.Errorf("%s: %+v %s", lang, d, rules(r))
		}
		// The same in Markdown, from a file.
		plain := regexpTags.ReplaceAllString(strings.NewReplacer("<h1>", "\n# ", "</h1>", "\n", "<p>", "\n", "<li>", "\n- ", `<a href="mailto:psirt@example.com">our team</a>`, "psirt [at] example [dot] com").Replace(text[strings.Index(text, "<h1>"):]), "")
		name := filepath.Join(t.TempDir(), "policy.md")
		if err := os.WriteFile(name, []byte(plain), 0o644); err != nil {
			t.Fatal(err)
		}
		r = check(t, Options{Target: name})
		if got := verdicts(r); got != "5.2-1-1/a=inconclusive 5.2-1-2/a=inconclusive 5.2-1-2/b=inconclusive" {
			t.Errorf("%s: %s", lang, got)
		}
		if got := ids(r, unitSays); got != "contact acknowledgment status fix" {
			t.Errorf("%s, Markdown: %s\n%s\n%s", lang, got, grounds(r, unitSays), plain)
		}
		if s, _ := r.first(Contact); s.Value != "mailto:psirt@example.com" {
			t.Errorf("%s: %+v", lang, s)
		}
	}
}

func TestSecurityTxt(t *testing.T) {
	pages := map[string]http.HandlerFunc{}
	s, roots := serve(t, pages)
	text := strings.NewReplacer("POLICY", s.URL+"/policy", "CANONICAL", s.URL+wellKnown).Replace(goodTxt)
	pages[wellKnown] = body("text/plain; charset=utf-8", text)
	pages["/policy"] = body("text/html", policies["en"])
	r := check(t, Options{Target: s.URL, Roots: roots})
	if got := verdicts(r); got != "5.2-1-1/a=inconclusive 5.2-1-2/a=pass 5.2-1-2/b=inconclusive" || rules(r) != "" {
		t.Errorf("%s; %s", got, rules(r))
	}
	if got := ids(r, unitSays); got != "contact acknowledgment-not-found status-not-found" {
		t.Error(got)
	}
	if j := r.Judgments[2]; !strings.Contains(j.Scope("en"), "not looked at the policy at "+s.URL+"/policy") || len(j.Task.Method) != 4 {
		t.Error(j.Scope("en"), j.Task)
	}
	if d := r.Documents[0]; d.Kind != SecurityTxt || len(d.Fields) != 10 || d.Fields[0].Line != 2 || len(r.Documents) != 1 {
		t.Errorf("%+v", r.Documents)
	}
	// One step further, where the operator says so.
	r = check(t, Options{Target: s.URL, Roots: roots, Follow: true})
	if got := ids(r, unitSays); got != "contact acknowledgment status fix" || len(r.Documents) != 2 || r.Documents[1].Named != "policy" {
		t.Errorf("%s %d", got, len(r.Documents))
	}
	r = check(t, Options{Target: s.URL + "/policy", Roots: roots, Follow: true})
	if len(r.Documents) != 3 || r.Documents[1].Kind != SecurityTxt {
		t.Errorf("%d documents", len(r.Documents))
	}
}

// Each thing that is wrong is found, at its line.
func TestSecurityTxtViolations(t *testing.T) {
	pages := map[string]http.HandlerFunc{}
	s, roots := serve(t, pages)
	for _, c := range []struct{ name, text, want string }{
		{"no contact", "Expires: 2027-06-30T10:00:00Z\nPolicy: https://example.com/p\n", "no-contact:0"},
		{"no expiry", "Contact: mailto:a@example.com\n", "no-expiry:0"},
		{"bad expiry", "Contact: mailto:a@example.com\nExpires: next year\n", "no-expiry:2"},
		{"two expiries", "Contact: mailto:a@example.com\nExpires: 2027-06-30T10:00:00Z\nExpires: 2027-07-30T10:00:00Z\n", "twice:3"},
		{"expired", "Contact: mailto:a@example.com\nExpires: 2026-11-24T12:00:00Z\n", "expired:2"},
		{"far", "Contact: mailto:a@example.com\nExpires: 2029-11-24T12:00:00Z\n", "expires-far:2"},
		{"no URI", "Contact: a@example.com\nExpires: 2027-06-30T10:00:00+09:00\n", "no-uri:1"},
		{"http", "Contact: mailto:a@example.com\nExpires: 2027-06-30T10:00:00Z\nPolicy: http://example.com/p\n", "not-https:3"},
		{"two languages", "Contact: mailto:a@example.com\nExpires: 2027-06-30T10:00:00Z\nPreferred-Languages: en\nPreferred-Languages: fi\n", "twice:4"},
		{"language", "Contact: mailto:a@example.com\nExpires: 2027-06-30T10:00:00Z\nPreferred-Languages: en, english language\n", "syntax:3"},
		{"no field", "Contact: mailto:a@example.com\nExpires: 2027-06-30T10:00:00Z\nhello there\n", "syntax:3"},
		{"no space", "Contact:mailto:a@example.com\nExpires: 2027-06-30T10:00:00Z\n", "syntax:1"},
		{"not UTF-8", "Contact: mailto:a@example.com\nExpires: 2027-06-30T10:00:00Z\n# \xff\n", "syntax:0"},
		{"canonical", "Contact: mailto:a@example.com\nExpires: 2027-06-30T10:00:00Z\nCanonical: https://example.com/.well-known/security.txt\n", "canonical:0"},
		{"signature", "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nContact: mailto:a@example.com\nExpires: 2027-06-30T10:00:00Z\n", "no-canonical:0 signature:1"},
		{"good", "contact: mailto:a@example.com\r\nEXPIRES: 2027-06-30T10:00:00Z\r\n\r\n", ""},
	} {
		pages[wellKnown] = body("text/plain", c.text)
		r := check(t, Options{Target: s.URL + "/", Roots: roots})
		if got := rules(r); got != c.want {
			t.Errorf("%s: %s", c.name, got)
		}
		want := "5.2-1-1/a=inconclusive 5.2-1-2/a=pass 5.2-1-2/b=inconclusive"
		if c.name == "no contact" {
			want = "=fail 5.2-1-1/a=inconclusive 5.2-1-2/a=pass 5.2-1-2/b=fail"
		}
		if got := verdicts(r); got != want {
			t.Errorf("%s: %s", c.name, got)
		}
	}
	pages[wellKnown] = nil
	pages["/security.txt"] = body("text/html", "Contact: mailto:a@example.com\nExpires: 2027-06-30T10:00:00Z\n")
	if r := check(t, Options{Target: s.URL, Roots: roots}); r.Documents[0].Final != s.URL+"/security.txt" {
		t.Errorf("%+v", r.Documents[0])
	}
	pages["/security.txt"] = body("text/plain", "Contact: mailto:a@example.com\nExpires: 2027-06-30T10:00:00Z\n")
	if r := check(t, Options{Target: s.URL, Roots: roots}); rules(r) != "location:0" {
		t.Error(rules(r))
	}
}

const signedTxt = `-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA512

# signed
- - comment
Contact: mailto:a@example.com
Expires: 2027-06-30T10:00:00Z
Canonical: https://example.com/.well-known/security.txt
-----BEGIN PGP SIGNATURE-----

iQEzBAEBCgAdFiEEIGluYWwgbm90IGEga2V5IDEyMzQFAmVUAAAACgkQMTIz
NDU2Nzgu
=CRC4
-----END PGP SIGNATURE-----
`

func TestSigned(t *testing.T) {
	var packed string
	for _, l := range strings.Split(signedTxt, "\n")[10:12] {
		packed += l
	}
	raw, err := decodeBase64(packed)
	if err != nil {
		t.Fatal(err)
	}
	good := strings.Replace(signedTxt, "=CRC4", "="+crc24(raw), 1)
	for text, want := range map[string]string{
		good: "syntax", // the comment that was escaped is no field
		strings.Replace(good, "- - comment\n", "", 1):                                              "",
		strings.Replace(strings.Replace(good, "- - comment\n", "", 1), "="+crc24(raw), "=AAAA", 1): "signature",
		strings.Replace(strings.Replace(good, "- - comment\n", "", 1), "iQEz", "!!!!", 1):          "signature",
		"Contact: mailto:evil@example.com\n" + strings.Replace(good, "- - comment\n", "", 1):       "signature",
		strings.Replace(good, "- - comment\n", "", 1) + "Contact: mailto:evil@example.com\n":       "signature",
	} {
		s := parseSecurityTxt([]byte(text))
		got := ""
		for _, p := range s.problems {
			got = strings.TrimPrefix(p.Rule, "disclosure.")
		}
		if got != want || !s.signed {
			t.Errorf("%q and not %q: %+v", got, want, s.problems)
		}
		if c := values(s.fields, "Contact"); len(c) != 1 || c[0] != "mailto:a@example.com" {
			t.Errorf("what is not signed counts: %v", c)
		}
	}
	if got := crc24([]byte("123456789")); got != "Ic8C" { // the check value 0x21cf02
		t.Error(got)
	}
}

// What a server may answer, good and bad.
func TestServers(t *testing.T) {
	other := httptest.NewServer(body("text/html", policies["en"]))
	t.Cleanup(other.Close)
	elsewhere := strings.Replace(other.URL, "127.0.0.1", "localhost", 1)
	s, roots := serve(t, map[string]http.HandlerFunc{
		"/policy": body("text/html", policies["en"]),
		"/moved":  func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/policy", http.StatusFound) },
		"/loop":   func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) },
		"/other":  func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere, http.StatusFound) },
		"/file": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		},
		"/secret":  func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
		"/broken":  func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"/large":   func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, maxDocument+1)) },
		"/pdf":     body("application/pdf", "%PDF-1.7\n..."),
		"/sign-in": body("text/html", `<html><form><input name=u><input type=password></form> contact: info@example.com</html>`),
		"/nothing": body("text/html", `<html><p>About our company. Call us: 123. mail@example.com</p></html>`),
		"/mute":    body("text/html", `<html><p>We take vulnerabilities seriously and fix them.</p></html>`),
	})
	const open, inconclusive = "5.2-1-1/a=inconclusive 5.2-1-2/a=pass ", "5.2-1-1/a=inconclusive 5.2-1-2/a=inconclusive "
	for path, want := range map[string]string{
		"/policy": open + "5.2-1-2/b=inconclusive", "/moved": open + "5.2-1-2/b=inconclusive",
		"/gone":   "=fail 5.2-1-1/a=fail 5.2-1-2/a=fail 5.2-1-2/b=inconclusive",
		"/secret": "=fail 5.2-1-1/a=fail 5.2-1-2/a=fail 5.2-1-2/b=inconclusive",
		"/loop":   inconclusive + "5.2-1-2/b=inconclusive", "/other": inconclusive + "5.2-1-2/b=inconclusive", "/file": inconclusive + "5.2-1-2/b=inconclusive",
		"/broken": inconclusive + "5.2-1-2/b=inconclusive", "/large": inconclusive + "5.2-1-2/b=inconclusive", "/pdf": inconclusive + "5.2-1-2/b=inconclusive",
		"/sign-in": inconclusive + "5.2-1-2/b=inconclusive", "/nothing": inconclusive + "5.2-1-2/b=inconclusive", "/mute": "=fail " + open + "5.2-1-2/b=fail",
	} {
		r := check(t, Options{Target: s.URL + path, Roots: roots})
		if got := verdicts(r); got != want {
			t.Errorf("%s: %s\n%s", path, got, grounds(r, unitSays))
		}
		switch d := r.Documents[0]; path {
		case "/moved":
			if len(d.Hops) != 1 || d.Final != s.URL+"/policy" || d.Address != s.URL+"/moved" {
				t.Errorf("%+v", d)
			}
		case "/other":
			if rules(r) != "other-host:0" || d.Size != 0 || d.Kind != "" {
				t.Errorf("%s %+v", rules(r), d)
			}
		}
	}
	// A certificate that nobody knows, no encryption, nobody there, a password in the address.
	r := check(t, Options{Target: s.URL + "/policy", Roots: x509.NewCertPool()})
	if got := verdicts(r); got != inconclusive+"5.2-1-2/b=inconclusive" || rules(r) != "certificate:0" {
		t.Errorf("%s %s %+v", got, rules(r), r.Documents)
	}
	if r = check(t, Options{Target: other.URL}); rules(r) != "clear:0" && !strings.Contains(rules(r), "clear:0") {
		t.Error(rules(r))
	}
	other.Close()
	if r = check(t, Options{Target: other.URL + "/x"}); verdicts(r) != inconclusive+"5.2-1-2/b=inconclusive" {
		t.Error(verdicts(r))
	}
	for _, bad := range []string{"https://user:secret@example.com/", "ftp://example.com/", "https://", "://"} {
		if _, err := Check(t.Context(), Options{Target: bad, At: at}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if _, err := Check(t.Context(), Options{Target: filepath.Join(t.TempDir(), "none"), At: at}); err == nil {
		t.Error("no file is taken")
	}
}

// Sentences, one at a time: what they promise, and what only looks like it.
func TestSentences(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"You will receive an acknowledgement within 24 hours.", "acknowledgment=24 hours"},
		{"Our response time is 2-5 working days.", "acknowledgment=2-5 working days"},
		{"We will respond to your report no later than five (5) business days after we received it.", "acknowledgment=five (5) business days"},
		{"We will keep you informed of our progress every week.", "status=every week"},
		{"Acknowledgement: 3 days", "acknowledgment=3 days"},
		{"| Status update | every 14 days |", "status=14 days"},
		{"We publish security updates for 5 years and products are supported for 36 months.", "fix=36 months"},
		{"We do not acknowledge reports within 3 days.", "acknowledgment!=3 days"},
		{"Reports are acknowledged.", "acknowledgment="},
		{"If you have not received a reply to your report, wait 30 days.", "acknowledgment=30 days"},
		{"Within 10 days we confirm the receipt of the report, and within 30 days we give you a status update.", "acknowledgment=10 days status=30 days"},
		{"The warranty is 24 months.", ""},
		{"Sie erhalten spätestens nach 48 Stunden eine Eingangsbestätigung und wöchentlich einen Zwischenstand.", "acknowledgment=48 Stunden status=wöchentlich"},
		{"Der Eingang wird nicht später als nach 5 Werktagen bestätigt.", "acknowledgment=5 Werktagen"},
		{"Vastaanotto vahvistetaan 2 työpäivän kuluessa ja tilanteesta tiedotetaan viikoittain.", "acknowledgment=2 työpäivän status=viikoittain"},
		{"접수 후 24시간 이내에 회신하고, 매주 진행 상황을 공유합니다.", "acknowledgment=24시간 이내 status=매주"},
		{"신고에는 회신하지 않습니다.", "acknowledgment!="},
	} {
		r := readPolicy(readText([]byte("About vulnerabilities\n\n" + c.text)))
		var got []string
		for _, s := range r.said {
			eq := "="
			if s.Denied {
				eq = "!="
			}
			got = append(got, s.Kind+eq+s.Value)
		}
		if g := strings.Join(got, " "); g != c.want {
			t.Errorf("%s\n  %s\n  %s", c.text, g, c.want)
		}
	}
	// A heading above says what a sentence is about.
	r := readPolicy(readHTML([]byte("<h2>Acknowledgement of receipt</h2>\n<p>Within three days.</p><h2>Contact</h2><form action=/r><p>Report a vulnerability with this form</p></form><p hidden>mail hidden@example.com</p>")))
	if len(r.said) != 2 || r.said[0].Value != "three days" || r.said[0].Line != 2 || r.said[1].Value != "form" {
		t.Errorf("%+v", r.said)
	}
}

// Pages as they are found: labels and values apart, hidden addresses, other words.
func TestPages(t *testing.T) {
	masked := func(s string) string {
		out := "2a"
		for _, c := range []byte(s) {
			out += fmt.Sprintf("%02x", c^0x2a)
		}
		return out
	}
	for name, c := range map[string]struct{ page, want string }{
		"cards": {`<h2>Report a vulnerability</h2><div>Email</div><div>psirt@example.com</div><div><div>Acknowledgment</div><div>5 business days</div></div><div><div>Status updates</div><div>every 30 days</div></div><div><div>Default disclosure window</div><div>90 days</div></div>`,
			"contact=mailto:psirt@example.com acknowledgment=5 business days status=30 days"},
		"hidden address": {`<p>Report a vulnerability to <a href="/cdn-cgi/l/email-protection" data-cfemail="` + masked("cert@example.nl") + `">[email&#160;protected]</a>.</p><p>We will confirm receipt of the report within one week and will give you progress updates regarding the resolution.</p>`,
			"contact=mailto:cert@example.nl acknowledgment=one week status="},
		"list": {`<p>Haavoittuvuudesta ilmoitetaan: cert (at) example (piste) fi</p><ul><li>Lupaamme kuitata raportin vastaanotetuksi kolmen työpäivän kuluessa.</li><li>Käsittelemme raportit luottamuksellisesti.</li></ul>`,
			"contact=mailto:cert@example.fi acknowledgment=kolmen työpäivän"},
		"steps": {`<p>취약점을 발견하시면 psirt@example.com 으로 알려 주세요.</p><ol><li>담당자가 72시간 이내에 접수 결과를 회신합니다.</li><li>해결될 때까지 주간 진행 상황을 제공합니다.</li></ol>`,
			"contact=mailto:psirt@example.com acknowledgment=72시간 이내 status=주간"},
		"desk":  {`<p>We run our vulnerability program at <a href="https://hackerone.com/example">this desk</a>.</p>`, "contact=https://hackerone.com/example"},
		"table": {`<p>Vulnerabilities</p><table><tr><th>Step</th><th>Time</th></tr><tr><td>Acknowledgement</td><td>2 working days</td></tr><tr><td>Progress report</td><td>monthly</td></tr></table>`, "acknowledgment=2 working days status=monthly"},
	} {
		var got []string
		for _, s := range readPolicy(readHTML([]byte(c.page))).said {
			got = append(got, s.Kind+"="+s.Value)
		}
		if g := strings.Join(got, " "); g != c.want {
			t.Errorf("%s\n  %s\n  %s", name, g, c.want)
		}
	}
}

func TestCharset(t *testing.T) {
	page := "<html><head><meta charset=euc-kr></head><body>\xc3\xeb\xbe\xe0\xc1\xa1 a@example.com</body></html>" // 취약점
	a := readDocument([]byte(page), told{ContentType: "text/html"})
	if a.Topic["ko"] != 1 || len(a.Said) != 1 {
		t.Errorf("%+v", a)
	}
	for _, bad := range []string{"", "   ", "\x00\x01\x02", "%PDF-1.4"} {
		if a := readDocument([]byte(bad), told{}); a.Refused == "" {
			t.Errorf("%q is read", bad)
		}
	}
}

func TestSameBytes(t *testing.T) {
	name := filepath.Join(t.TempDir(), "p.html")
	if err := os.WriteFile(name, []byte(policies["en"]+policies["de"]), 0o644); err != nil {
		t.Fatal(err)
	}
	one, two := fmt.Sprintf("%+v", check(t, Options{Target: name}).Findings), fmt.Sprintf("%+v", check(t, Options{Target: name}).Findings)
	if one != two {
		t.Errorf("%s\n%s", one, two)
	}
}

func TestEnds(t *testing.T) {
	s, roots := serve(t, map[string]http.HandlerFunc{"/slow": func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := Check(ctx, Options{Target: s.URL + "/slow", Roots: roots, At: at}); err == nil {
		t.Error("a canceled check has a result")
	}
}

func FuzzDocument(f *testing.F) {
	f.Add([]byte(goodTxt), "text/plain", "security.txt")
	f.Add([]byte(signedTxt), "text/plain", "security.txt")
	for _, p := range policies {
		f.Add([]byte(p), "text/html", "policy")
		f.Add([]byte(p), "text/plain; charset=euc-kr", "policy.md")
	}
	f.Fuzz(func(t *testing.T, b []byte, kind, name string) {
		a := readDocument(b, told{Name: name, ContentType: kind})
		if err := a.check(); err != nil {
			t.Fatal(err)
		}
		d := Document{Address: "x", Kind: a.Kind, Fields: a.Fields, Said: a.Said, file: true}
		if a.Kind != "" {
			d.findings(at)
			found(a.Problems, "x")
		}
	})
}
