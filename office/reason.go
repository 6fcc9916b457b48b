package office

import (
	"maps"
	"slices"
	"strings"
)

// reasonPrefix marks the sentences of coded reasons among those of letters.
const reasonPrefix = "code."

// ReasonText is a coded reason in words, where there are any in the language.
// Codes are open, since schemes have their own: one without words is shown as
// it is.
func ReasonText(lang, code string) (string, bool) {
	s, ok := letters[lang][reasonPrefix+code]
	return s, ok
}

// ReasonCodes lists, sorted, the codes that have words.
func ReasonCodes() []string {
	var codes []string
	for _, key := range slices.Sorted(maps.Keys(letters["en"])) {
		if code, ok := strings.CutPrefix(key, reasonPrefix); ok {
			codes = append(codes, code)
		}
	}
	return codes
}

// checkReason refuses what is no code: reasons are logged for ever, and a
// sentence in one could name a person or a flaw that is not public.
func checkReason(code string) error {
	hint := "one word, joined by hyphens; those with words in letters: " + strings.Join(ReasonCodes(), ", ")
	switch {
	case code == "":
		return fail(Invalid, "reason", hint, "a decision gives a reason")
	case !plain(code, 64):
		return fail(Invalid, "reason", hint, "%q is no reason code", clip(code))
	}
	return nil
}
