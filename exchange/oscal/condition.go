package oscal

import (
	"strings"

	"assay/scheme"
)

// phrases are what generated prose is made of, by language.
var phrases = map[string]struct {
	applies, open, close, yes, no, and, or string
	whether                                string // before a requirement that no test specification takes apart
	ics, ixit, device                      string // what is looked at
}{
	"en": {"Applies where these answers are given: ", "“", "”", "yes", "no", " and ", " or ",
		"Determine whether this holds: ", "implementation conformance statement", "IXIT table", "the device under test, held against the statements"},
	"ko": {"다음과 같이 답할 때 적용된다: ", "“", "”", "예", "아니요", " 그리고 ", " 또는 ",
		"다음이 충족되는지 판정한다: ", "구현 적합성 명세(ICS)", "IXIT 표", "명세와 대조하는 시험 대상 기기"},
	"de": {"Gilt bei diesen Antworten: ", "„", "“", "ja", "nein", " und ", " oder ",
		"Festzustellen ist, ob dies zutrifft: ", "Konformitätserklärung der Umsetzung (ICS)", "IXIT-Tabelle", "das Prüfmuster, verglichen mit den Angaben"},
	"fi": {"Sovelletaan näillä vastauksilla: ", "”", "”", "kyllä", "ei", " ja ", " tai ",
		"Selvitettävä, pitääkö tämä paikkansa: ", "toteutuksen vaatimustenmukaisuuslausuma (ICS)", "IXIT-taulukko", "testattava laite verrattuna ilmoitettuun"},
}

// conditionText writes a condition for people, by the questions that the
// features stand for.
func conditionText(c *scheme.Condition, question func(feature string) scheme.Text) scheme.Text {
	t := scheme.Text{}
	for lang := range phrases {
		t[lang] = phrases[lang].applies + clause(c, lang, question, false, false) + "."
	}
	return t
}

// clause is the text of a condition, or of its opposite: a not is drawn in to
// the answers (De Morgan), which no answer of three-valued logic changes.
func clause(c *scheme.Condition, lang string, question func(string) scheme.Text, opposite, inner bool) string {
	w := phrases[lang]
	if c.Feature != "" {
		q := question(c.Feature).In(lang)
		if q == "" {
			q = c.Feature
		}
		if opposite {
			return w.open + q + w.close + " " + w.no
		}
		return w.open + q + w.close + " " + w.yes
	}
	if c.Not != nil {
		return clause(c.Not, lang, question, !opposite, inner)
	}
	cs, word := c.All, w.and
	if c.Any != nil {
		cs, word = c.Any, w.or
	}
	if opposite {
		word = map[string]string{w.and: w.or, w.or: w.and}[word]
	}
	parts := make([]string, len(cs))
	for i := range cs {
		parts[i] = clause(&cs[i], lang, question, opposite, len(cs) > 1)
	}
	s := strings.Join(parts, word)
	if inner && len(cs) > 1 {
		return "(" + s + ")"
	}
	return s
}
