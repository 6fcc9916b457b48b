package assess

import (
	"slices"

	"assay/civil"
	"assay/evidence"
	"assay/scheme"
)

// Advised is one piece of a scheme's guidance held against a product: whether
// it speaks of such a product, and what it says then. It is advice, never a
// gate: what a level asks is what [Assess] says.
type Advised struct {
	Scheme  string        `json:"scheme"`
	Edition string        `json:"edition"`
	Level   string        `json:"level"`
	Least   bool          `json:"least,omitempty"` // no lower level will do; else the level suits
	Answer  scheme.Answer `json:"answer"`          // does it speak of the product
	Reasons []Reason      `json:"reasons"`         // what decided Answer
	Unknown []string      `json:"unknown,omitempty"`
	Text    scheme.Text   `json:"text"`
	Fact    *scheme.Fact  `json:"fact"` // of the advice
}

// Rules of reasons of advice, beside RuleScope: does the scheme take the product.
const (
	RuleAdviceCategory = "advice-category"
	RuleAdviceFeature  = "advice-feature"
)

// Advise answers which guidance of the scheme with this id speaks of the
// product, for every scheme where the id is "", in the order of the catalog;
// guidance is that of the edition in force on the day, which is one of the
// scheme's own zone. It reads the product's functions and features and
// nothing else of the evidence. A scheme without an edition in force, or
// without guidance, gives nothing.
func Advise(c *Compiled, ev *evidence.Evidence, schemeID string, at civil.Date) []Advised {
	var out []Advised
	for i := range c.schemes {
		s := &c.schemes[i]
		if schemeID != "" && s.scheme.ID != schemeID {
			continue
		}
		e := s.scheme.EditionOn(at)
		if e == nil {
			continue
		}
		scope := Reason{Rule: RuleScope, Data: "the product states no function"}
		if a, fact, hit := e.Takes(c.tax, ev.Product.Functions); hit != "" {
			scope = Reason{RuleScope, a, hit, fact}
		}
		for j := range e.Guidance {
			out = append(out, advise(c, ev, s.scheme, e, &e.Guidance[j], scope))
		}
	}
	return out
}

func advise(c *Compiled, ev *evidence.Evidence, s *scheme.Scheme, e *scheme.Edition, a *scheme.Advice, scope Reason) Advised {
	d := Advised{Scheme: s.ID, Edition: e.ID, Level: a.Level, Least: a.Least, Answer: scope.Answer, Reasons: []Reason{scope}, Text: a.Text, Fact: &a.Fact}
	if len(a.Categories) > 0 {
		r := named(c.tax, ev.Product.Functions, a.Categories)
		d.Reasons, d.Answer = append(d.Reasons, r), d.Answer.And(r.Answer)
	}
	if a.When != nil {
		r := Reason{Rule: RuleAdviceFeature, Fact: &a.Fact}
		r.Answer, d.Unknown = a.When.Eval(func(f string) scheme.Answer { return ev.Features[f].Answer }, nil)
		d.Reasons, d.Answer = append(d.Reasons, r), d.Answer.And(r.Answer)
	}
	if d.Answer != scheme.Undetermined {
		d.Unknown = nil // decided without them
	}
	return d
}

// named says whether one of the functions lies in one of the categories. A
// function that is wider than a category leaves that open.
func named(tax *scheme.Taxonomy, functions []string, cs []scheme.InCategory) Reason {
	r := Reason{Rule: RuleAdviceCategory, Answer: scheme.No}
	if len(functions) == 0 {
		return Reason{Rule: RuleAdviceCategory, Data: "the product states no function"}
	}
	for _, f := range functions {
		for i := range cs {
			switch in := &cs[i]; {
			case tax.Within(f, in.Category):
				return Reason{RuleAdviceCategory, scheme.Yes, in.Category, &in.Fact}
			case tax.Within(in.Category, f):
				r = Reason{RuleAdviceCategory, scheme.Undetermined, f, &in.Fact}
			}
		}
	}
	return r
}

// Counsel is what the guidance of one scheme comes to for a product.
type Counsel struct {
	Scheme  string   `json:"scheme"`
	Edition string   `json:"edition"`
	Least   string   `json:"least,omitempty"`   // the highest level below which nothing will do; "" where nothing says so
	Suits   []string `json:"suits,omitempty"`   // levels at or above Least that suit, lowest first
	Open    bool     `json:"open,omitempty"`    // advice whose answer is not known could raise Least or add to Suits
	Unknown []string `json:"unknown,omitempty"` // features that would tell
	Lifted  []string `json:"lifted,omitempty"`  // levels that would suit and lie below Least
}

// Weigh brings the advice of each scheme together, in the order given: where
// one text suits a product to a level and another sets a higher least, the
// least wins.
func Weigh(c *Compiled, as []Advised) []Counsel {
	var out []Counsel
	for i := range as {
		a := &as[i]
		if n := len(out); n == 0 || out[n-1].Scheme != a.Scheme {
			out = append(out, Counsel{Scheme: a.Scheme, Edition: a.Edition})
		}
	}
	for i := range out {
		out[i].weigh(c.levels(out[i].Scheme, out[i].Edition), as)
	}
	return out
}

func (o *Counsel) weigh(levels []scheme.Level, as []Advised) {
	rank := func(id string) int {
		return slices.IndexFunc(levels, func(l scheme.Level) bool { return l.ID == id })
	}
	least, suits := -1, make([]bool, len(levels))
	for i := range as {
		switch n := rank(as[i].Level); {
		case as[i].Scheme != o.Scheme || n < 0 || as[i].Answer != scheme.Yes:
		case as[i].Least:
			least = max(least, n)
		default:
			suits[n] = true
		}
	}
	for i := range as {
		a := &as[i]
		n := rank(a.Level)
		if a.Scheme != o.Scheme || n < 0 || a.Answer != scheme.Undetermined || n < least || (a.Least && n == least) || (!a.Least && suits[n]) {
			continue // whatever the answer is, it changes nothing
		}
		o.Open = true
		for _, f := range a.Unknown {
			if !slices.Contains(o.Unknown, f) {
				o.Unknown = append(o.Unknown, f)
			}
		}
	}
	if least >= 0 {
		o.Least = levels[least].ID
	}
	for n, s := range suits {
		switch {
		case s && n < least:
			o.Lifted = append(o.Lifted, levels[n].ID)
		case s:
			o.Suits = append(o.Suits, levels[n].ID)
		}
	}
}

// levels of an edition, lowest first; none where the catalog has no such edition.
func (c *Compiled) levels(schemeID, edition string) []scheme.Level {
	for i := range c.schemes {
		if s := c.schemes[i].scheme; s.ID == schemeID {
			if e := s.Edition(edition); e != nil {
				return e.Levels
			}
		}
	}
	return nil
}
