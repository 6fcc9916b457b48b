package office

import (
	"strings"
	"testing"
)

func TestReasonCodes(t *testing.T) {
	codes := ReasonCodes()
	if len(codes) == 0 {
		t.Fatal("no code has words")
	}
	for _, code := range codes {
		if err := checkReason(code); err != nil {
			t.Errorf("%s: %v", code, err)
		}
		words := map[string]bool{}
		for lang := range letters {
			s, ok := ReasonText(lang, code)
			if !ok || s == "" || s == code || strings.ContainsAny(s, "{}") {
				t.Errorf("%s in %s: %q, %v", code, lang, s, ok)
			}
			words[s] = true
		}
		if len(words) != len(letters) {
			t.Errorf("%s: %d texts in %d languages", code, len(words), len(letters))
		}
	}
	if s, ok := ReasonText("en", "nobody-wrote-this"); ok {
		t.Errorf("words for an unknown code: %q", s)
	}
	for _, bad := range []string{"", "Somebody lied", "tel:+65 1", strings.Repeat("x", 65), "이유"} {
		if err := checkReason(bad); err == nil || !strings.Contains(err.Error(), codes[0]) {
			t.Errorf("%q: %v; the error names the codes there are", bad, err)
		}
	}
}
