package page

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"assay/evidence"
	"assay/lab"
	"assay/lab/firmware"
	"assay/lab/firmware/image"
	"assay/lab/firmware/secret"
	"assay/lab/firmware/service"
	"assay/lab/firmware/unpack"
	"assay/lab/record"
	"assay/lab/vulnerability"
	"assay/locale"
)

func content() *Content {
	f := &firmware.Facts{
		Size: 1000, Coverage: unpack.Coverage{Understood: 700, Unknown: 200, Padding: 100},
		Parts: []*image.Part{
			{ID: "0x0", Size: 700, Weight: 700, Format: "squashfs", State: image.Understood},
			{ID: "0x2bc", Size: 200, Weight: 200, Format: "unknown", State: image.Unknown, Entropy: 7.9},
			{ID: "0x384", Size: 100, Weight: 100, Format: "padding", State: image.Padding},
		},
		Systems: []firmware.System{{Part: "0x0", Root: true, Bytes: 3000, Files: []firmware.File{
			{Path: "/etc/shadow", Kind: image.File, Size: 1000}, {Path: "/etc/<b>", Kind: image.File, Size: 500}, {Path: "/bin/busybox", Kind: image.File, Size: 1500},
		}}},
	}
	found, _ := lab.Sort([]lab.Finding{
		lab.Found("device.default-credential", lab.Confirmed, lab.Place{Part: "0x0", Path: "/etc/shadow", Line: 1}, "account", "root", "password", "<script>alert(1)</script>"),
		lab.Found("image.not-understood", lab.Confirmed, lab.Place{Part: "0x2bc"}),
	})
	return &Content{
		Run: &record.Run{
			Kind: "firmware", Tool: "assay test", At: time.Date(2026, 11, 24, 1, 2, 3, 0, time.UTC), Operator: "t1", Input: record.Input{Name: "a<b>.bin", SHA256: evidence.Hash{1}, Size: 1000},
			Data: []record.Data{{Source: "kev", Date: "2026-01-01", SHA256: "00", Records: 7}}, Findings: found, Left: map[string]int{"x": 3},
			Judgments: []lab.Judgment{
				{Requirement: "en-303-645/5.1-1", Verdict: evidence.Fail, Ground: []lab.Phrase{lab.Say("device.opened", 1)}, Looked: []lab.Phrase{lab.Say("device.row-ports", 1)}},
				{Requirement: "en-303-645/5.6-1", Unit: "5.6-1-2/c", Row: "log-intf/a", Verdict: evidence.Inconclusive, Ground: []lab.Phrase{lab.Say("device.all-declared", 1)}, Looked: []lab.Phrase{lab.Say("device.row-ports", 1)},
					Task: &lab.Task{ID: "T1", Method: []lab.Phrase{lab.Say("device.task-rest")}, Passes: lab.Say("device.passes-declared")}},
			},
		},
		Product: "SPECIMEN hub", Specimen: true, Map: Map(f, found), Facts: []Fact{{"fact.coverage", "70 %"}},
		Covered: []Share{{"understood", 700}, {"unknown", 200}, {"padding", 100}},
		Tables:  []Table{{ID: "components", Heads: []string{"head.component", "head.version"}, Rows: [][]string{{"busybox", "1.2"}}, More: 2}, {ID: "vulnerabilities", Intro: "intro.vulnerabilities", Heads: []string{"head.id"}}},
		Notes:   []string{"a note"},
	}
}

var script = regexp.MustCompile(`(?i)<script|javascript:|\son\w+=|https?://`)

func TestHTML(t *testing.T) {
	for _, lang := range locale.Languages {
		var b bytes.Buffer
		if err := HTML(&b, lang, content()); err != nil {
			t.Fatal(err)
		}
		s := b.String()
		for _, want := range []string{`lang="` + lang + `"`, "SPECIMEN hub", "&lt;script&gt;alert(1)", "/etc/shadow:1", "busybox", `id="vulnerabilities"`, "<title>shadow: 1000 B"} {
			if !strings.Contains(s, want) {
				t.Errorf("%s: no %q", lang, want)
			}
		}
		if m := script.FindString(s); m != "" {
			t.Errorf("%s: %q in the page", lang, m)
		}
		if strings.Contains(s, "{n}") || strings.Contains(s, "{{") {
			t.Errorf("%s: something was not filled in", lang)
		}
	}
	if err := HTML(&bytes.Buffer{}, "fr", content()); err == nil {
		t.Error("a language that is not there")
	}
}

// What a page has from the data is in its language, too, and what is in English only
// says so.
func TestFirmwareLanguages(t *testing.T) {
	known := &vulnerability.Report{
		Parts: []vulnerability.Part{{Family: "busybox", Version: "1.2"}}, Notes: []lab.Phrase{lab.Say("vulnerability.not-general")},
		Hits: []vulnerability.Hit{{ID: "CVE-2099-1", State: vulnerability.UnderInvestigation, Severity: lab.None, Why: []lab.Phrase{lab.Say("vulnerability.no-version")}}},
	}
	facts := &firmware.Facts{Size: 3, Coverage: unpack.Coverage{Understood: 1, Unknown: 2}, Results: firmware.Results{Components: []lab.Component{{Name: "busybox", Version: "1.2", Kind: "package", Certainty: lab.Claimed}}}}
	run := content().Run
	run.Conditions = []string{"confinement reduced"}
	for lang, want := range map[string][]string{
		"en": {"<dd>confinement reduced", "under investigation", "33.3 %", "<td>—</td>"},
		"de": {`<dd lang="en">confinement reduced`, "in Untersuchung", "die Quelle nennt keine Version", "33,3 %", "behauptet: eine Beobachtung", "Es wurde keine Quelle gegeben"},
		"ko": {`<dd lang="en">confinement reduced`, "조사 중", "출처가 버전을 밝히지 않음", "33.3 %"},
	} {
		var b bytes.Buffer
		if err := HTML(&b, lang, Firmware(lang, run, facts, known, "")); err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(b.String(), w) {
				t.Errorf("%s: no %q", lang, w)
			}
		}
		tables, named := strings.Count(b.String(), "<table>"), strings.Count(b.String(), "<table><caption>")
		if tables == 0 || tables != named {
			t.Errorf("%s: %d tables, %d with a caption", lang, tables, named)
		}
		last := 0
		for _, h := range heading.FindAllStringSubmatch(b.String(), -1) {
			if n := int(h[1][0] - '0'); n > last+1 {
				t.Errorf("%s: heading %d after %d", lang, n, last)
			} else {
				last = n
			}
		}
	}
}

var heading = regexp.MustCompile(`<h([1-6])>`)

// Every language has the same words, and every word that is asked for is there.
func TestWords(t *testing.T) {
	used := regexp.MustCompile(`\bT "([a-z.-]+)"`)
	text, err := files.ReadFile("page.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range words {
		if got, want := strings.Join(l.Keys(), " "), strings.Join(words[0].Keys(), " "); got != want {
			t.Errorf("%s has other words than English", l.Code)
		}
		for _, m := range used.FindAllStringSubmatch(string(text), -1) {
			if !l.Has(m[1]) {
				t.Errorf("%s: no %s", l.Code, m[1])
			}
		}
	}
}

// What comes of a fixed list is said in the reader's language.
func TestValues(t *testing.T) {
	lists := map[string][]string{
		"kind.":    {"package", "program", "library", "kernel", "module", "boot-loader", "firmware"},
		"login.":   {string(service.NoLogin), string(service.WithPassword), string(service.WithKey), string(service.Unknown)},
		"starts.":  {string(service.Enabled), string(service.Conditional), string(service.Disabled)},
		"account.": {string(secret.Open), string(secret.Keyed), string(secret.Locked), string(secret.NoShell)},
	}
	for list, values := range lists {
		for _, v := range values {
			for _, l := range words {
				if !l.Has(list + v) {
					t.Errorf("%s: no word for %s%s", l.Code, list, v)
				}
			}
		}
	}
	if got := value("de", "starts.", string(service.Enabled)); got != "startet" {
		t.Error(got)
	}
	if got := value("ko", "kind.", "other"); got != "other" {
		t.Error(got)
	}
	for a, want := range map[secret.Account]string{
		{Login: secret.Open}: "keines nötig", {Login: secret.Keyed, Scheme: "md5crypt"}: "md5crypt", {Login: secret.Locked}: "gesperrt", {Login: secret.NoShell, Scheme: "md5crypt"}: "keine Shell",
	} {
		if got := kept("de", &a); got != want {
			t.Errorf("%+v: %q", a, got)
		}
	}
}

// The blocks of a map fill it, lie in it and not on each other.
func TestSquarify(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var bs []*Block
		var all float64
		for range 1 + rng.IntN(30) {
			w := math.Exp(8 * rng.Float64())
			all += w
			bs = append(bs, &Block{Weight: w})
		}
		rs := squarify(bs, 10, 20, 300, 200)
		var area float64
		for i, r := range rs {
			area += r.W * r.H
			if want := r.B.Weight / all * 300 * 200; math.Abs(r.W*r.H-want) > 1e-6*want+1e-6 {
				t.Fatalf("a block of %g has %g", want, r.W*r.H)
			}
			if r.X < 10-1e-6 || r.Y < 20-1e-6 || r.X+r.W > 310+1e-6 || r.Y+r.H > 220+1e-6 {
				t.Fatalf("outside: %+v", r)
			}
			for _, o := range rs[:i] {
				if r.X+1e-6 < o.X+o.W && o.X+1e-6 < r.X+r.W && r.Y+1e-6 < o.Y+o.H && o.Y+1e-6 < r.Y+r.H {
					t.Fatalf("%+v on %+v", r, o)
				}
			}
		}
		if math.Abs(area-300*200) > 1e-3 {
			t.Fatalf("area %g", area)
		}
	}
	if rs := squarify(nil, 0, 0, 1, 1); rs != nil {
		t.Error(rs)
	}
	if rs := squarify([]*Block{{Weight: 0}, {Weight: -1}}, 0, 0, 1, 1); len(rs) != 0 {
		t.Error(rs)
	}
}

func TestMap(t *testing.T) {
	m := content().Map
	if m.Worst != lab.Critical || len(m.Children) != 3 {
		t.Fatalf("%+v", m)
	}
	fs := m.Children[0]
	if len(fs.Children) != 2 || math.Abs(fs.Children[0].Weight-350) > 0.01 || fs.Children[0].Name != "etc" || fs.Children[0].Worst != lab.Critical || fs.Children[1].Worst == lab.Critical {
		t.Errorf("%+v %+v", fs.Children[0], fs.Children[1])
	}
	var sum float64
	for _, c := range fs.Children {
		sum += c.Weight
	}
	if math.Abs(sum-fs.Weight) > 0.01 {
		t.Errorf("%g of %g", sum, fs.Weight)
	}
}

// What stands in a small place of a block does not fill it.
func TestOwnRoom(t *testing.T) {
	small := &Block{Name: "cpio", Weight: 250}
	root := &Block{Weight: 1000, Children: []*Block{{Name: "linux", Weight: 1000, Children: []*Block{small}}}}
	for _, r := range layout(root) {
		if share := r.W * r.H / (mapWidth * mapHeight); math.Abs(share-r.B.Weight/1000) > 0.02 {
			t.Errorf("%s has %.3f of the map", r.B.Name, share)
		}
	}
	if n := len(layout(root)); n != 2 {
		t.Errorf("%d blocks", n)
	}
}

// An account is told once, by the file that has its password.
func TestAccounts(t *testing.T) {
	at := func(file string) lab.Place { return lab.Place{Part: "0x0", Path: "/etc/" + file, Line: 1} }
	f := &firmware.Facts{Results: firmware.Results{Secrets: &secret.Result{Accounts: []secret.Account{
		{Name: "root", File: "passwd", Login: secret.Locked, Where: at("passwd")}, {Name: "root", File: "shadow", Login: secret.Open, Where: at("shadow")},
		{Name: "old", File: "passwd", Login: secret.Locked, Where: at("passwd")},
	}}}}
	for _, table := range Firmware("en", &record.Run{}, f, &vulnerability.Report{NoData: true}, "").Tables {
		if table.ID == "accounts" {
			if got := fmt.Sprint(table.Rows); got != "[[root none needed 0x0:/etc/shadow:1] [old locked 0x0:/etc/passwd:1]]" {
				t.Error(got)
			}
			return
		}
	}
	t.Error("no table of accounts")
}
