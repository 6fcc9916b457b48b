package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash"
	"strconv"
	"strings"
	"time"

	"assay/office"
)

// maxAge bounds how long an answer of the register may be reused unasked. A
// revocation comes without notice, so it is short; a change known to the
// calendar makes it shorter.
const maxAge = 5 * time.Second

// cacheFor allows reuse until the next change known, at most maxAge.
func cacheFor(now, nextChange int64) string {
	age := int64(maxAge / time.Second)
	if nextChange != 0 {
		age = min(age, max(0, (nextChange-now)/int64(time.Second/time.Microsecond)))
	}
	return "public, max-age=" + strconv.FormatInt(age, 10)
}

// fresh reports whether an If-None-Match holds tag, compared weakly (RFC 9110,
// section 13.1.2).
func fresh(ifNoneMatch, tag string) bool {
	if ifNoneMatch == "" {
		return false
	}
	if strings.TrimSpace(ifNoneMatch) == "*" {
		return true
	}
	for one := range strings.SplitSeq(ifNoneMatch, ",") {
		if strings.TrimPrefix(strings.TrimSpace(one), "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

// weakTag names a content: two answers with one tag say the same, although
// their as_of may differ.
func weakTag(h hash.Hash) string {
	var sum [sha256.Size]byte
	return `W/"` + base64.RawURLEncoding.EncodeToString(h.Sum(sum[:0])[:12]) + `"`
}

// answerTag names what an answer says. History is only added to, so the place
// reached in it stands for all of it; what can change without an event (stage,
// silence of the peer, what rests on it abroad) is named beside.
func answerTag(a *office.Answer) string {
	h := sha256.New()
	var b [8]byte
	number := func(vs ...int64) {
		for _, v := range vs {
			binary.BigEndian.PutUint64(b[:], uint64(v))
			h.Write(b[:])
		}
	}
	text := func(ss ...string) {
		for _, s := range ss {
			number(int64(len(s)))
			h.Write([]byte(s))
		}
	}
	h.Write(a.Leaf[:])
	number(a.Index, a.NextChange, a.Standing.Since, int64(len(a.Events)))
	if n := len(a.Events); n > 0 {
		e := &a.Events[n-1]
		number(int64(e.Sequence), e.Index, e.Recorded, e.Received)
	}
	text(a.Certificate.ID, string(a.Standing.State), string(a.Stage), strconv.FormatBool(a.Stale))
	for i := range a.Rests {
		r := &a.Rests[i]
		text(r.Office, r.ID, r.Number, r.Level, string(r.State))
	}
	return weakTag(h)
}

// encode is the JSON of v as /v1 writes it.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}
