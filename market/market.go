// Package market answers whether a product may be sold in a market on a day,
// as far as labels decide that: which rule asks for which level since when,
// what lies beside the label, and what is announced.
package market

import (
	"slices"

	"assay/civil"
	"assay/scheme"
)

// Compiled is a catalog's markets ready to check with. It keeps pointers into
// the catalog, which must not change afterwards, and may be used concurrently.
type Compiled struct {
	digest  string
	tax     *scheme.Taxonomy
	markets map[string]*scheme.Market
}

// Compile indexes the markets of a catalog.
func Compile(cat *scheme.Catalog) *Compiled {
	c := &Compiled{digest: cat.Digest, tax: scheme.NewTaxonomy(cat.Categories), markets: make(map[string]*scheme.Market, len(cat.Markets))}
	for i := range cat.Markets {
		c.markets[cat.Markets[i].ID] = &cat.Markets[i]
	}
	return c
}

// Product is what is to be sold.
type Product struct {
	Functions []string                 `json:"functions"`           // category ids: all of them
	Approved  civil.Date               `json:"approved,omitzero"`   // when the model was first approved for this market; zero: not stated
	Approvals map[string]scheme.Answer `json:"approvals,omitempty"` // by Beside id: is it there; absent is not stated
	Labels    []Label                  `json:"labels,omitempty"`
}

// Label is a certificate or label held, own or designated.
type Label struct {
	Scheme string        `json:"scheme"`
	Level  string        `json:"level"` // "" where the scheme's duty only counts as met
	Number string        `json:"number,omitempty"`
	State  string        `json:"state"` // in the register's word, to be shown
	Valid  scheme.Answer `json:"valid"` // on the day asked about; undetermined where its office is silent or holds it
}

// Answer is whether the product may be sold there that day. A rule that is
// only announced, or not in force yet, stands in the outlook and decides nothing.
type Answer struct {
	Catalog    string            `json:"catalog"` // digest of the catalog used
	Market     string            `json:"market"`
	Day        civil.Date        `json:"day"` // of the market's own zone
	Answer     scheme.Answer     `json:"answer"`
	Confidence scheme.Confidence `json:"confidence"` // the least sure fact that Answer rests on; of a no, the surest ground
	Rules      []Ruling          `json:"rules,omitempty"`
	Outlook    []Ruling          `json:"outlook,omitempty"`
	Reasons    []Reason          `json:"reasons"`
}

// Ruling is what one rule says of the product.
type Ruling struct {
	Rule      string        `json:"rule"`
	Since     civil.Date    `json:"since"`
	Until     civil.Date    `json:"until,omitzero"`
	Announced bool          `json:"announced,omitempty"` // no instrument in force yet
	Scheme    string        `json:"scheme"`
	Levels    []string      `json:"levels"` // any of them will do
	Text      scheme.Text   `json:"text"`
	Answer    scheme.Answer `json:"answer"` // met; in the outlook: would be met by what is held today
	Reasons   []Reason      `json:"reasons"`
}

// Reason is one thing that decided.
type Reason struct {
	Rule   string        `json:"rule"`
	Answer scheme.Answer `json:"answer"`
	Data   string        `json:"data,omitempty"`
	Text   scheme.Text   `json:"text,omitempty"`
	Fact   *scheme.Fact  `json:"fact,omitempty"`
}

// Rules of reasons.
const (
	RuleMarketUnknown = "market-unknown" // the catalog has no such market
	RuleNoRules       = "no-rules-known" // nothing is known of it, which is no leave to sell
	RuleNoneApplies   = "no-rule-applies"
	RuleCategory      = "category" // does the duty fall on such a product
	RuleLabel         = "label"
	RuleSellThrough   = "sell-through"
	RuleBeside        = "beside"
)

// Check answers for the market with this id. An unknown market, one without
// a known rule, and a product of unknown function are undetermined.
func Check(c *Compiled, marketID string, p *Product, day civil.Date) Answer {
	a := Answer{Catalog: c.digest, Market: marketID, Day: day}
	m := c.markets[marketID]
	if m == nil {
		a.Reasons = []Reason{{Rule: RuleMarketUnknown, Data: marketID}}
		return a
	}
	if len(m.Rules) == 0 {
		a.Reasons = []Reason{{Rule: RuleNoRules, Data: marketID}}
		return a
	}
	all := sum{scheme.Yes, scheme.Official}
	for i := range m.Rules {
		rule := &m.Rules[i]
		if !rule.Until.IsZero() && day > rule.Until {
			continue
		}
		applies := c.applies(rule, p)
		if applies.Answer == scheme.No {
			continue
		}
		r, s := decide(rule, p, max(day, rule.From), applies)
		if rule.Announced || day < rule.From {
			a.Outlook = append(a.Outlook, r)
			continue
		}
		a.Rules = append(a.Rules, r)
		all.and(s.answer, s.sure)
	}
	if len(a.Rules) == 0 {
		a.Reasons = []Reason{{Rule: RuleNoneApplies, Answer: scheme.Yes, Data: marketID}}
		all.sure = scheme.Inferred // that no rule was missed is a reading of the catalog
	}
	a.Answer, a.Confidence = all.answer, all.sure
	for i := range a.Rules {
		r := &a.Rules[i]
		a.Reasons = append(a.Reasons, Reason{Rule: r.Rule, Answer: r.Answer, Text: r.Text})
	}
	return a
}

// applies says whether a rule falls on the product: a duty falls on it if it
// does on any of its functions, the other way round than what a scheme takes.
// A function wider than the rule's category leaves that open.
func (c *Compiled) applies(rule *scheme.MarketRule, p *Product) Reason {
	r := Reason{Rule: RuleCategory, Answer: scheme.No}
	if len(p.Functions) == 0 {
		r.Answer, r.Data = scheme.Undetermined, "the product states no function"
	}
	for _, f := range p.Functions {
		if !c.tax.Known(f) && r.Answer == scheme.No {
			r.Answer, r.Data = scheme.Undetermined, f
		}
		for i := range rule.Categories {
			in := &rule.Categories[i]
			switch {
			case c.tax.Within(f, in.Category):
				if r.Answer != scheme.Yes || in.Confidence > r.Fact.Confidence {
					r = Reason{Rule: RuleCategory, Answer: scheme.Yes, Data: in.Category, Fact: &in.Fact}
				}
			case r.Answer == scheme.No && c.tax.Within(in.Category, f):
				r = Reason{Rule: RuleCategory, Data: f, Fact: &in.Fact}
			}
		}
	}
	if r.Answer != scheme.No {
		r = c.exempt(rule, p, r)
	}
	return r
}

// exempt says whether one of the product's functions takes the duty off it. A
// function wider than an exempt category leaves that open.
func (c *Compiled) exempt(rule *scheme.MarketRule, p *Product, r Reason) Reason {
	for _, f := range p.Functions {
		for i := range rule.Except {
			ex := &rule.Except[i]
			switch {
			case c.tax.Within(f, ex.Category):
				return Reason{Rule: RuleCategory, Answer: scheme.No, Data: ex.Category, Fact: &ex.Fact}
			case f != ex.Category && c.tax.Within(ex.Category, f):
				r = Reason{Rule: RuleCategory, Data: f, Fact: &ex.Fact}
			}
		}
	}
	return r
}

func decide(rule *scheme.MarketRule, p *Product, day civil.Date, applies Reason) (Ruling, sum) {
	r := Ruling{
		Rule: rule.ID, Since: rule.From, Until: rule.Until, Announced: rule.Announced,
		Scheme: rule.Scheme, Levels: rule.Levels, Text: rule.Text,
	}
	label := held(rule, p)
	r.Reasons = append(r.Reasons, applies, label)
	met := sum{label.Answer, rule.Confidence}
	if st := rule.SellThrough; st != nil && met.answer != scheme.Yes {
		old := older(st, p, day)
		r.Reasons = append(r.Reasons, old)
		met.answer = met.answer.Or(old.Answer)
		if old.Answer != scheme.No {
			met.sure = min(met.sure, st.Confidence)
		}
	}
	for i := range rule.Beside {
		b := &rule.Beside[i]
		have := p.Approvals[b.ID]
		r.Reasons = append(r.Reasons, Reason{Rule: RuleBeside, Answer: have, Data: b.ID, Text: b.Text, Fact: &b.Fact})
		met.and(have, min(b.Confidence, rule.Confidence))
	}
	// Where it is open whether the duty falls on the product, what fails it
	// leaves the answer open, and what meets it meets it either way.
	if applies.Answer == scheme.Undetermined && met.answer == scheme.No {
		met.answer = scheme.Undetermined
	}
	if applies.Fact != nil {
		met.sure = min(met.sure, applies.Fact.Confidence)
	} else if met.answer == scheme.Undetermined {
		met.sure = scheme.Unverified
	}
	r.Answer = met.answer
	return r, met
}

// held finds the best label that the rule takes.
func held(rule *scheme.MarketRule, p *Product) Reason {
	r := Reason{Rule: RuleLabel, Answer: scheme.No, Data: "none of " + rule.Scheme, Fact: &rule.Fact}
	for i := range p.Labels {
		l := &p.Labels[i]
		if l.Scheme != rule.Scheme {
			continue
		}
		a, data := l.Valid, l.Scheme+" "+l.Level+" "+l.State
		if deemed := l.Level == ""; deemed && !rule.Deemed || !deemed && !slices.Contains(rule.Levels, l.Level) {
			a = scheme.No
		}
		if i == 0 || r.Data == "none of "+rule.Scheme || a.Or(r.Answer) != r.Answer {
			r.Answer, r.Data = a, data
		}
	}
	return r
}

// older says whether the model may still be sold as one approved before the rule.
func older(st *scheme.SellThrough, p *Product, day civil.Date) Reason {
	r := Reason{Rule: RuleSellThrough, Answer: scheme.No, Data: "until " + st.Until.String(), Fact: &st.Fact}
	switch {
	case day > st.Until:
	case p.Approved.IsZero():
		r.Answer, r.Data = scheme.Undetermined, "first approval not stated"
	case p.Approved < st.ApprovedBefore:
		r.Answer = scheme.Yes
	}
	return r
}

// sum is an answer and how sure it is: a yes as its least sure part, a no as
// its surest ground.
type sum struct {
	answer scheme.Answer
	sure   scheme.Confidence
}

func (s *sum) and(a scheme.Answer, sure scheme.Confidence) {
	was := s.answer
	switch s.answer = was.And(a); {
	case s.answer != scheme.No:
		s.sure = min(s.sure, sure)
	case was != scheme.No:
		s.sure = sure
	case a == scheme.No:
		s.sure = max(s.sure, sure)
	}
}
