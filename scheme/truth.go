package scheme

import (
	"fmt"
	"slices"
	"strings"
)

// Answer is yes, no or undetermined. The zero value is Undetermined, so that
// what nobody has said is not taken for a no (or for a yes).
type Answer uint8

// Answers.
const (
	Undetermined Answer = iota
	No
	Yes
)

var answerNames = [...]string{"undetermined", "no", "yes"}

func (a Answer) String() string { return answerNames[a] }

// MarshalText writes yes, no or undetermined.
func (a Answer) MarshalText() ([]byte, error) { return []byte(answerNames[a]), nil }

// UnmarshalText reads yes, no, undetermined; "unknown" is undetermined.
func (a *Answer) UnmarshalText(b []byte) error {
	if string(b) == "unknown" {
		*a = Undetermined
		return nil
	}
	i := slices.Index(answerNames[:], string(b))
	if i < 0 {
		return fmt.Errorf("%.40q is no answer: write yes, no or unknown", b)
	}
	*a = Answer(i)
	return nil
}

// Not turns yes into no and back.
func (a Answer) Not() Answer {
	switch a {
	case Yes:
		return No
	case No:
		return Yes
	}
	return Undetermined
}

// And is the worse of two answers: no before undetermined before yes (Kleene).
func (a Answer) And(b Answer) Answer {
	if a == No || b == No {
		return No
	}
	if a == Undetermined || b == Undetermined {
		return Undetermined
	}
	return Yes
}

// Or is the better of two answers: yes before undetermined before no (Kleene).
func (a Answer) Or(b Answer) Answer { return a.Not().And(b.Not()).Not() }

var confidenceNames = [...]string{"unverified", "inferred", "mirror", "secondary", "official"}

func (c Confidence) String() string { return confidenceNames[c] }

// MarshalText writes the confidence's name.
func (c Confidence) MarshalText() ([]byte, error) { return []byte(confidenceNames[c]), nil }

// UnmarshalText reads the confidence's name.
func (c *Confidence) UnmarshalText(b []byte) error {
	i := slices.Index(confidenceNames[:], string(b))
	if i < 0 {
		return fmt.Errorf("%.40q is none of official, secondary, mirror, inferred, unverified", b)
	}
	*c = Confidence(i)
	return nil
}

// Condition is a three-valued tree over a product's features. Exactly one of
// its fields is set.
type Condition struct {
	All     []Condition `yaml:"all,omitempty" json:"all,omitempty"`
	Any     []Condition `yaml:"any,omitempty" json:"any,omitempty"`
	Not     *Condition  `yaml:"not,omitempty" json:"not,omitempty"`
	Feature string      `yaml:"feature,omitempty" json:"feature,omitempty"`
}

// Eval walks the tree. A nil condition is yes. Where the answer is
// undetermined, missing has the features that would have to be known: it is
// appended to and returned.
func (c *Condition) Eval(has func(feature string) Answer, missing []string) (Answer, []string) {
	switch {
	case c == nil:
		return Yes, missing
	case c.Feature != "":
		a := has(c.Feature)
		if a == Undetermined && !slices.Contains(missing, c.Feature) {
			missing = append(missing, c.Feature)
		}
		return a, missing
	case c.Not != nil:
		a, m := c.Not.Eval(has, missing)
		return a.Not(), m
	case c.Any != nil:
		return fold(c.Any, No, Answer.Or, has, missing)
	default:
		return fold(c.All, Yes, Answer.And, has, missing)
	}
}

func fold(cs []Condition, a Answer, op func(Answer, Answer) Answer, has func(string) Answer, missing []string) (Answer, []string) {
	m := missing
	for i := range cs {
		var b Answer
		b, m = cs[i].Eval(has, m)
		a = op(a, b)
	}
	if a != Undetermined {
		return a, missing // a decided tree asks nothing
	}
	return a, m
}

// String writes the tree in one line: a feature, or all(…), any(…), not(…) of
// trees; "" for nil.
func (c *Condition) String() string {
	list := func(name string, cs []Condition) string {
		parts := make([]string, len(cs))
		for i := range cs {
			parts[i] = cs[i].String()
		}
		return name + "(" + strings.Join(parts, ", ") + ")"
	}
	switch {
	case c == nil:
		return ""
	case c.Feature != "":
		return c.Feature
	case c.Not != nil:
		return "not(" + c.Not.String() + ")"
	case c.Any != nil:
		return list("any", c.Any)
	}
	return list("all", c.All)
}

// Features calls f for each feature that the tree asks about, as often as it
// stands there.
func (c *Condition) Features(f func(feature string)) {
	if c == nil {
		return
	}
	if c.Feature != "" {
		f(c.Feature)
	}
	c.Not.Features(f)
	for i := range c.All {
		c.All[i].Features(f)
	}
	for i := range c.Any {
		c.Any[i].Features(f)
	}
}
