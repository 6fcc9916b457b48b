package scheme

// Mapping says how the requirements of one edition of a standard relate to
// those of another, who says so, and how well it is known. Only equal and
// superset carry evidence over, and the answer that rests on it says so.
type Mapping struct {
	ID     string       `yaml:"id" json:"id"`
	Title  Text         `yaml:"title" json:"title"`
	Author string       `yaml:"author" json:"author"` // who made it: an entity or a publisher
	From   StandardRef  `yaml:"from" json:"from"`     // what was shown
	To     StandardRef  `yaml:"to" json:"to"`         // what is asked
	Rows   []MappingRow `yaml:"rows" json:"rows"`
	Fact   `yaml:",inline"`
}

// MappingRow relates requirements of From, all of them together, to one of To.
type MappingRow struct {
	From     []string `yaml:"from" json:"from"`
	To       string   `yaml:"to" json:"to"`
	Relation Relation `yaml:"relation" json:"relation"`
	Fact     `yaml:",inline"`
}

// Relation of what was shown to what is asked (NIST IR 8477, set theory
// relationship mapping).
type Relation string

// Relations.
const (
	Equal      Relation = "equal"
	Superset   Relation = "superset"   // what was shown is wider than what is asked
	Subset     Relation = "subset"     // it is narrower: not enough
	Intersects Relation = "intersects" // they overlap: not enough
)

// Carries reports whether evidence may be carried over.
func (r Relation) Carries() bool { return r == Equal || r == Superset }
