package assess_test

import (
	"strings"
	"testing"

	"assay/assess"
	"assay/civil"
)

func TestFindCategory(t *testing.T) {
	cat, _ := embedded(t)
	for _, c := range []struct{ word, want, says string }{
		{"camera", "consumer/camera", ""},
		{"Camera", "consumer/camera", ""},
		{"consumer/camera", "consumer/camera", ""},
		{"IP 카메라", "consumer/camera", ""},
		{"Smart door lock", "consumer/door-lock", ""},
		{"소비자용 기기", "consumer", ""},
		{"submarine", "", "no category"},
		{"detector", "consumer/detector", ""},
		{"smarte Sicherheitstechnik", "", "can be"},
		{"detect", "", "consumer/fire-detector"}, // among the choices
		{"", "", "no category"},
	} {
		got, err := assess.FindCategory(cat, c.word)
		if got != c.want || (err == nil) != (c.says == "") || (err != nil && !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%q: %q, %v", c.word, got, err)
		}
	}
}

func TestFindLevel(t *testing.T) {
	cat, c := embedded(t)
	at := civil.MustDate("2026-11-24")
	for _, x := range []struct{ word, function, scheme, level, says string }{
		{"kr-cic:basic", "consumer/camera", "kr-cic", "basic", ""},
		{"kr:Basic", "consumer/camera", "kr-cic", "basic", ""},
		{"kr-cic:베이직", "consumer/camera", "kr-cic", "basic", ""},
		{"sg-cls:3", "consumer/camera", "sg-cls-iot", "3", ""},
		{"SG-CLS:Level 3", "consumer/camera", "sg-cls-iot", "3", ""},
		{"sg-cls-iot:3", "medical", "sg-cls-iot", "3", ""}, // named in full it is meant, whatever it takes
		{"sg-cls:9", "consumer/camera", "", "", "1, 2, 3, 4"},
		{"sg-cls", "consumer/camera", "", "", "SCHEME:LEVEL"},
		{":3", "consumer/camera", "", "", "SCHEME:LEVEL"},
		{"xx:1", "consumer/camera", "", "", "kr-cic"},
		{"sg:1", "consumer/router", "", "", "can be"},
		{"sg-cls-i:1", "medical", "", "", "no such product is taken by sg-cls-iot"},
	} {
		s, l, err := assess.FindLevel(c, cat, x.word, []string{x.function}, at)
		if s != x.scheme || l != x.level || (err == nil) != (x.says == "") || (err != nil && !strings.Contains(err.Error(), x.says)) {
			t.Errorf("%q: %s:%s, %v", x.word, s, l, err)
		}
	}
}
