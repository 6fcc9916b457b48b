package disclosure

import (
	"regexp"
	"strings"
)

// Kinds of statements.
const (
	Contact        = "contact"        // where reports go
	Acknowledgment = "acknowledgment" // when receipt is acknowledged
	Status         = "status"         // when news of the state is given
	Fix            = "fix"            // until when it is mended
)

// Statement is what a document says, with the sentence that says so.
type Statement struct {
	Kind string `json:"kind"`
	// Value is the address, or the time as it is written; "" where a sentence is about it and
	// gives no time.
	Value    string `json:"value,omitempty"`
	Quote    string `json:"quote"`
	Line     int    `json:"line,omitempty"`
	Language string `json:"language,omitempty"` // of the words that it was found by
	// Denied: the sentence has a negation, so that a person has to read it.
	Denied bool `json:"denied,omitempty"`
}

// words are what a language says a thing with, as parts of lower-case texts.
type words struct {
	language       string
	topic          *regexp.Regexp // flaws and their reporting
	kinds          map[string]*regexp.Regexp
	span           *regexp.Regexp // a length of time
	often          *regexp.Regexp // a frequency in one word
	not, notReally *regexp.Regexp // a negation, and what only looks like one
	form           *regexp.Regexp // a form for reports
	until          *regexp.Regexp // up to when, which promises nothing of that
}

func re(s string) *regexp.Regexp { return regexp.MustCompile(`(?i)` + s) }

const (
	enNumber = `(?:\d{1,3}|an?|one|two|three|four|five|six|seven|eight|nine|ten|fourteen|fifteen|twenty|thirty|forty[- ]five|sixty|ninety)`
	deNumber = `(?:\d{1,3}|eine[rnms]?|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|vierzehn|dreißig|sechzig|neunzig)`
	fiNumber = `(?:\d{1,3}|yhden|yksi|kahden|kaksi|kolmen|kolme|neljän|neljä|viiden|viisi|kuuden|kuusi|seitsemän|kahdeksan|yhdeksän|kymmenen|neljäntoista|kolmenkymmenen|yhdeksänkymmenen)`
	koNumber = `(?:\d{1,3}|한|두|세|네|다섯|일곱|열)`
)

// languages are read all at once: a page may have more than one.
var languages = []words{
	{
		language: "en",
		topic:    re(`vulnerabilit|security (?:issue|flaw|bug|report|researcher|problem|concern)|coordinated disclosure|responsible disclosure|bug bounty`),
		kinds: map[string]*regexp.Regexp{
			Acknowledgment: re(`acknowledg|confirm(?:s|ed|ing|ation)?\b.{0,40}\b(?:receipt|received|report|submission)|\breceipt\b|(?:initial|first) (?:response|reply|answer|contact)|(?:respond|reply|answer|get back) to (?:you|your|the|each|every|all)|response time`),
			Status:         re(`status|progress|(?:keep|kept) (?:you |reporters? |researchers? |the reporters? )?(?:informed|updated|posted)|updates? (?:on|about|regarding|to the reporter|to you|until)|(?:update|inform) (?:you|the reporter|reporters|researchers)|follow[- ]up`),
			Fix:            re(`\bfix|remediat|\bresol(?:v|ution)|\bpatch|mitigat|\bmend|security updates?\b|correct(?:ed|ion)`),
		},
		span:      re(`\b` + enNumber + `(?:\s*\(\d{1,3}\))?(?:\s*(?:-|–|to)\s*\d{1,3})?[\s-]+(?:(?:business|working|calendar|week)[\s-]*)?(?:hours?|days?|weeks?|months?)\b|\bnext (?:business|working) day\b`),
		often:     re(`\b(?:daily|weekly|bi-?weekly|fortnightly|monthly)\b|\bevery (?:day|week|month|other week)\b`),
		not:       re(`\bnot\b|n't\b|\bno\b|cannot|\bnever\b|unable`),
		notReally: re(`\b(?:no|not) (?:later|longer|more) than\b|\bnot only\b|if you (?:have|do) not|have not (?:heard|received)|do(?:es)? not hear|no longer`),
		until:     re(`\buntil\b[^,;.|]{0,80}`),
		form:      re(`report.{0,40}(?:vulnerab|security|form|issue)|vulnerab.{0,40}report|submit.{0,30}(?:report|vulnerab)|disclos.{0,30}form|(?:web|contact|online) form`),
	},
	{
		language: "de",
		topic:    re(`schwachstell|sicherheitslück|sicherheitsproblem|verwundbarkeit`),
		kinds: map[string]*regexp.Regexp{
			Acknowledgment: re(`eingang|empfangsbestätig|bestätig|erste (?:antwort|rückmeldung|reaktion)|antworten|rückmeldung`),
			Status:         re(`\bstand\b|status|fortschritt|auf dem laufenden|zwischenstand|bearbeitungsstand|fortgang`),
			Fix:            re(`beheb|behob|schließ|patch|korrigier|sicherheitsupdate|sicherheitsaktualisierung|beseitig|abhilfe|lösung`),
		},
		span:      re(`\b` + deNumber + `(?:\s*\(\d{1,3}\))?(?:\s*(?:-|–|bis)\s*\d{1,3})?\s+(?:(?:arbeits|werk|kalender)?tage?n?|stunden?|wochen?|monate?n?)\b|\bnächsten (?:arbeits|werk)tag`),
		often:     re(`\b(?:täglich|wöchentlich|zweiwöchentlich|monatlich)|\bjede (?:woche|zweite woche)\b|\bjeden (?:tag|monat)\b`),
		not:       re(`\bnicht\b|\bkeine?[nrms]?\b|\bnie\b`),
		notReally: re(`\bnicht (?:später|länger) als\b|\bnicht nur\b|\b(?:falls|wenn|sollten) sie (?:keine|nicht)`),
		until:     re(`\bbis\s+(?:zu[rm]?|die|das|der|sie|es|eine?)\b[^,;.|]{0,80}`),
		form:      re(`(?:melde|kontakt|web|online)-?formular|schwachstelle.{0,30}melden|sicherheitslücke.{0,30}melden`),
	},
	{
		language: "fi",
		topic:    re(`haavoittuvuu|tietoturva-?(?:ongelm|aukko|aukon|ilmoitu|puute|puutte)`),
		kinds: map[string]*regexp.Regexp{
			Acknowledgment: re(`kuittaa|kuittau|kuitata|vahvist|vastaanot|ensimmäi\S+ vastau|vastaamme|vastataan`),
			Status:         re(`tilanne|tilante|tilasta|edisty|etenem|etenee|ajan tasalla|väliaikatie`),
			Fix:            re(`korja|paikkau|paikka(?:amme|taan)|tietoturvapäivity|ratkais|ratkaist`),
		},
		span:      re(`\b` + fiNumber + `(?:\s*(?:-|–)\s*\d{1,3})?\s+(?:(?:arki|työ|kalenteri)?päiv(?:än|ää|ässä|ien|ä)|tun(?:nin|tia|nissa|ti)|vuorokau(?:den|tta|dessa|si)|viik(?:koa|ko|on|ossa)|kuukau(?:den|tta|dessa|si))|seuraava\S* (?:arki|työ)päiv`),
		often:     re(`päivittäin|viikoittain|kuukausittain|joka (?:viikko|kuukausi)`),
		not:       re(`\bei\b|\bemme\b|\beivät\b|\bälä\b`),
		notReally: re(`\b(?:ei|emme) myöhemmin kuin\b|\bei vain\b|jos et\b|jos ette\b`),
		until:     re(`\bkunnes\b[^,;.|]{0,80}|\S+\s(?:asti|saakka)\b`),
		form:      re(`(?:ilmoitus|yhteys|yhteydenotto|verkko)lomak|haavoittuvuu\S*.{0,30}ilmoi`),
	},
	{
		language: "ko",
		topic:    re(`취약점|취약성|보안 ?(?:결함|문제|이슈|약점)`),
		kinds: map[string]*regexp.Regexp{
			Acknowledgment: re(`접수|수신 ?확인|회신|답변|응답`),
			Status:         re(`진행 ?(?:상황|상태|현황|경과)|처리 ?(?:상황|상태|현황|경과|결과)|경과를|상태를`),
			Fix:            re(`수정|패치|조치|해결|보완|보안 ?업데이트`),
		},
		span:      re(koNumber + `\s*(?:~\s*\d{1,3}\s*)?(?:영업일|근무일|업무일|평일|시간|주일?|개월|달|일)(?:\s*\(\d{1,3}\S{0,3}\))?\s*(?:이내|내에?|안에|마다|간격|후|동안)`),
		often:     re(`매일|매주|격주|매월|매달|주 ?1회|월 ?1회|주간|월간`),
		not:       re(`않|못하|못한|없습니다|없다|아닙니다`),
		notReally: re(`늦지 않|받지 못|없는 경우|않은 경우|않는 경우|뿐만 아니라|뿐 아니라`),
		until:     re(`\S+(?:\s\S+)?\s때까지|\S+까지`),
		form:      re(`(?:신고|제보|문의|접수) ?(?:양식|폼|페이지|창구)|취약점.{0,20}(?:신고|제보)`),
	},
}

var (
	email   = regexp.MustCompile(`[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@[A-Za-z0-9][A-Za-z0-9.-]{0,200}\.[A-Za-z]{2,24}`)
	masked  = regexp.MustCompile(`(?i)([A-Za-z0-9][A-Za-z0-9._%+-]{0,63})\s?(?:\[\s?at\s?\]|\(\s?at\s?\)|\{\s?at\s?\}|\(\s?a\s?\)|\[\s?ät\s?\])\s?([A-Za-z0-9-]{1,60}(?:\s?(?:\.|\[\s?dot\s?\]|\(\s?dot\s?\)|\[\s?punkt\s?\]|\(\s?piste\s?\))\s?[A-Za-z0-9-]{1,60}){1,5})`)
	dot     = regexp.MustCompile(`(?i)\s?(?:\[\s?(?:dot|punkt)\s?\]|\(\s?(?:dot|piste)\s?\)|\.)\s?`)
	clauses = regexp.MustCompile(`[,;:|]|\s(?:and|und|sowie|ja|sekä|그리고)\s|(?:하고|하며|되며|고,|며,)\s`)
	desks   = regexp.MustCompile(`(?i)^https?://(?:[a-z0-9-]+\.)?(?:hackerone\.com|bugcrowd\.com|intigriti\.com|yeswehack\.com)/`)
)

// maxStatements bounds what one document says of one kind.
const maxStatements = 50

// reading is what is found in a page.
type reading struct {
	said  []Statement
	topic map[string]int // how often each language speaks of flaws
	count map[string]int
}

func (r *reading) add(s Statement) {
	if r.count[s.Kind]++; r.count[s.Kind] <= maxStatements {
		s.Quote, s.Value = clip(s.Quote), clip(s.Value)
		r.said = append(r.said, s)
	}
}

// readPolicy looks for what a policy has to say.
func readPolicy(p page) *reading {
	r := &reading{topic: map[string]int{}, count: map[string]int{}}
	for _, b := range p.blocks {
		for _, w := range languages {
			r.topic[w.language] += len(w.topic.FindAllStringIndex(b.text, 100))
		}
	}
	for i, b := range p.blocks {
		r.contacts(b)
		if i > 0 && label(p.blocks[i-1]) && p.blocks[i-1].heading == b.heading {
			b.heading = p.blocks[i-1].text
		}
		if label(b) && i+1 < len(p.blocks) && timed(p.blocks[i+1].text) {
			continue
		}
		for _, s := range sentences(b.text) {
			r.sentence(s, b)
		}
	}
	r.addresses(p)
	return r
}

// label says whether a block is the name of what stands in the next one, as tables and
// cards have them: a few words on receipt or state, no sentence and no time.
func label(b block) bool {
	if len([]rune(b.text)) > 50 || strings.ContainsAny(b.text, ".!?。") {
		return false
	}
	kinds := 0
	for _, w := range languages {
		if w.span.MatchString(b.text) {
			return false
		}
		kinds += len(w.kindsIn(b.text))
	}
	return kinds > 0
}

// timed says whether a text has a time in any language.
func timed(s string) bool {
	for _, w := range languages {
		if w.span.MatchString(s) || w.often.MatchString(s) {
			return true
		}
	}
	return false
}

// contacts finds addresses for mail in a text.
func (r *reading) contacts(b block) {
	for _, s := range sentences(b.text) {
		for _, a := range email.FindAllString(s, 20) {
			r.add(Statement{Kind: Contact, Value: "mailto:" + strings.TrimRight(a, "."), Quote: s, Line: b.line})
		}
		for _, m := range masked.FindAllStringSubmatch(s, 20) {
			r.add(Statement{Kind: Contact, Value: "mailto:" + m[1] + "@" + dot.ReplaceAllString(m[2], "."), Quote: s, Line: b.line})
		}
	}
}

// addresses finds contacts in links and forms.
func (r *reading) addresses(p page) {
	seen := map[string]bool{}
	for _, s := range r.said {
		seen[strings.ToLower(s.Value)] = true
	}
	for _, l := range p.links {
		to := l.to
		switch lower := strings.ToLower(to); {
		case strings.HasPrefix(lower, "mailto:"):
			to, _, _ = strings.Cut(to, "?")
			if !email.MatchString(to) {
				continue
			}
		case strings.HasPrefix(lower, "tel:"):
		case desks.MatchString(to):
		case strings.HasPrefix(lower, "https://") || strings.HasPrefix(lower, "http://") || strings.HasPrefix(lower, "/"):
			if !formText(l.text) {
				continue
			}
		default:
			continue
		}
		if seen[strings.ToLower(to)] {
			continue
		}
		seen[strings.ToLower(to)] = true
		quote := l.text
		if quote == "" {
			quote = to
		}
		r.add(Statement{Kind: Contact, Value: to, Quote: quote, Line: l.line})
	}
	if len(p.forms) > 0 && p.signIn == 0 {
		for _, b := range p.blocks {
			if formText(b.text) {
				r.add(Statement{Kind: Contact, Value: "form", Quote: b.text, Line: p.forms[0]})
				return
			}
		}
	}
}

func formText(s string) bool {
	for _, w := range languages {
		if w.form.MatchString(s) {
			return true
		}
	}
	return false
}

// sentences cuts a text behind the marks that end one.
func sentences(s string) (all []string) {
	start := 0
	rs := []rune(s)
	for i, c := range rs {
		end := c == '。' || c == '!' || c == '?' || c == '.' && (i+1 == len(rs) || rs[i+1] == ' ') && !(i > 0 && rs[i-1] >= '0' && rs[i-1] <= '9') && !abbreviation(rs[start:i])
		if end {
			if t := strings.TrimSpace(string(rs[start : i+1])); t != "" {
				all = append(all, t)
			}
			start = i + 1
		}
	}
	if t := strings.TrimSpace(string(rs[start:])); t != "" {
		all = append(all, t)
	}
	return all
}

// abbreviation says whether a point behind it ends no sentence.
func abbreviation(rs []rune) bool {
	s := string(rs[max(0, len(rs)-6):])
	for _, a := range []string{"e.g", "i.e", "z.B", "ca", "bzw", "esim", "approx", "no", "vs"} {
		if s == a || strings.HasSuffix(s, " "+a) {
			return true
		}
	}
	return false
}

// sentence finds times in a sentence. A time belongs to what its own clause is about;
// in a clause about nothing to what the sentence, or the heading above, is about.
func (r *reading) sentence(s string, b block) {
	if b.title {
		return
	}
	said := map[string]Statement{} // one of a kind, with a time if any language finds one
	for _, w := range languages {
		about := w.kindsIn(s)
		headed := false
		if len(about) == 0 && b.heading != "" {
			about, headed = w.kindsIn(b.heading), true
		}
		if len(about) == 0 {
			continue
		}
		denied := w.not.MatchString(w.notReally.ReplaceAllString(s, " "))
		times := map[string]string{}
		last := []string(nil) // of the clause before
		loose := ""
		for _, c := range cut(s) {
			in := w.kindsIn(c)
			if headed {
				in = about
			}
			t := w.span.FindString(c)
			if t == "" {
				t = w.often.FindString(c)
			}
			if len(in) == 0 {
				if t != "" && loose == "" && last == nil {
					loose = t // before anything is named: it is for what comes
					continue
				}
				in = last
			}
			if t == "" && loose != "" && len(in) > 0 {
				t, loose = loose, ""
			}
			if t != "" {
				for _, k := range in {
					if times[k] == "" {
						times[k] = t
					}
				}
			}
			if len(in) > 0 {
				last = in
			}
		}
		quote := s
		if headed {
			quote = b.heading + ": " + s
		}
		for _, k := range []string{Acknowledgment, Status, Fix} {
			for _, x := range about {
				if x == k && (times[k] != "" || !headed && k != Fix) && said[k].Value == "" {
					said[k] = Statement{Kind: k, Value: strings.TrimSpace(times[k]), Quote: quote, Line: b.line, Language: w.language, Denied: denied}
				}
			}
		}
	}
	for _, k := range []string{Acknowledgment, Status, Fix} {
		if x, ok := said[k]; ok {
			r.add(x)
		}
	}
}

func (w *words) kindsIn(s string) (all []string) {
	for _, k := range []string{Acknowledgment, Status, Fix} {
		t := s
		if k == Fix {
			t = w.until.ReplaceAllString(s, " ")
		}
		if w.kinds[k].MatchString(t) {
			all = append(all, k)
		}
	}
	return all
}

// cut makes clauses of a sentence.
func cut(s string) (all []string) {
	at := 0
	for _, m := range clauses.FindAllStringIndex(s, 100) {
		all = append(all, s[at:m[1]])
		at = m[1]
	}
	return append(all, s[at:])
}
