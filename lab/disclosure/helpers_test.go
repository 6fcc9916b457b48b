package disclosure

import (
	"encoding/base64"
	"regexp"
)

var regexpTags = regexp.MustCompile(`<[^>]*>`)

func decodeBase64(s string) ([]byte, error) { return base64.StdEncoding.DecodeString(s) }
