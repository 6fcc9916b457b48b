package office

import (
	"encoding/base64"
	"encoding/json"
)

// cursor is where a page ends. Outside it is opaque.
type cursor struct {
	At int64  `json:"a"`
	ID string `json:"i"`
}

func (c cursor) String() string {
	b, _ := json.Marshal(c)
	return base64.RawURLEncoding.EncodeToString(b)
}

func parseCursor(s string) (c cursor, err error) {
	if s == "" {
		return cursor{At: -1 << 62}, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil && len(b) <= 512 {
		err = json.Unmarshal(b, &c)
	}
	if err != nil || len(b) > 512 {
		return c, fail(Invalid, "after", "use the cursor of the page before as it is", "this is no cursor of this list")
	}
	return c, nil
}

// paged reads one page: fetch gives up to n items after (at, id).
func paged[T any](after string, limit int, fetch func(c cursor, n int) ([]T, error), key func(*T) cursor) ([]T, string, error) {
	c, err := parseCursor(after)
	if err != nil {
		return nil, "", err
	}
	switch {
	case limit == 0:
		limit = 50
	case limit < 0 || limit > 200:
		return nil, "", fail(Invalid, "limit", "ask for 1 to 200", "a page of %d cannot be had", limit)
	}
	items, err := fetch(c, limit+1)
	if err != nil || len(items) <= limit {
		return items, "", err
	}
	items = items[:limit]
	return items, key(&items[limit-1]).String(), nil
}
