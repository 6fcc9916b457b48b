package scheme

// Category is a class of products in the common taxonomy onto which each
// scheme's own words map.
type Category struct {
	ID     string `yaml:"id" json:"id"`
	Parent string `yaml:"parent,omitempty" json:"parent,omitempty"`
	Name   Text   `yaml:"name" json:"name"`
	Words  []Word `yaml:"words,omitempty" json:"words,omitempty"`
	Fact   `yaml:",inline"`
}

// Word is how a scheme calls a category.
type Word struct {
	Scheme string `yaml:"scheme" json:"scheme"`
	Word   string `yaml:"word" json:"word"`
	Fact   `yaml:",inline"`
}

// InCategory names a category and all below it, with the fact that it is
// meant: named in the text is official, by reading is inferred.
type InCategory struct {
	Category string `yaml:"category" json:"category"`
	Fact     `yaml:",inline"`
}

// Taxonomy answers which category lies below which.
type Taxonomy struct{ parent map[string]string }

// NewTaxonomy indexes categories.
func NewTaxonomy(cs []Category) *Taxonomy {
	t := &Taxonomy{parent: make(map[string]string, len(cs))}
	for _, c := range cs {
		t.parent[c.ID] = c.Parent
	}
	return t
}

// Known reports whether the taxonomy has the category.
func (t *Taxonomy) Known(id string) bool { _, ok := t.parent[id]; return ok }

// Within reports whether category is ancestor or lies below it. It walks at
// most 16 steps, so that a cycle that the linter missed cannot hang it.
func (t *Taxonomy) Within(category, ancestor string) bool {
	for i := 0; i < 16 && category != ""; i++ {
		if category == ancestor {
			return true
		}
		category = t.parent[category]
	}
	return false
}

// Scope decides whether a product with these functions is within in and
// outside except. A product is out if any of its functions is, and in only
// if all of them are: one that nobody named makes it undetermined. fact is
// the one that decided: the exclusion that hit, or the weakest inclusion.
func (t *Taxonomy) Scope(functions []string, in, except []InCategory) (a Answer, fact *Fact, hit string) {
	for _, f := range functions {
		for i := range except {
			if t.Within(f, except[i].Category) {
				return No, &except[i].Fact, except[i].Category
			}
		}
	}
	if len(functions) == 0 {
		return Undetermined, nil, ""
	}
	for _, f := range functions {
		var best *InCategory
		for i := range in {
			if t.Within(f, in[i].Category) && (best == nil || in[i].Confidence > best.Confidence) {
				best = &in[i]
			}
		}
		if best == nil {
			return Undetermined, nil, f
		}
		if fact == nil || best.Confidence < fact.Confidence {
			fact, hit = &best.Fact, best.Category
		}
	}
	return Yes, fact, hit
}
