package recognition

// Rule identifies one step of a decision; its text form is the key under
// which pages explain it in each language.
type Rule uint8
