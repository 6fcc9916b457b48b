package peer

import (
	"bytes"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"assay/keys"
	"assay/statement"
)

// verify judges one entry by itself: whether the site may say it, and said it.
// Its place among the statements of its subject, and the instant at which a
// key ended, are judged by whoever has the state ([Books.Apply]): a log has no
// clock, and a key that has ended since still vouches for what it signed.
func verify(s *Site, st *statement.Statement, now int64) error {
	place := func(code, format string, args ...any) error {
		return fail(code, s.ID, "", "%s of %.80q, sequence %d: "+format,
			append([]any{st.Kind, st.Subject, st.Sequence}, args...)...)
	}
	switch {
	case st.Issuer != s.ID:
		return place(OtherOffice, "issued by %.80q", st.Issuer)
	case st.Origin != s.Origin:
		return place(WrongOrigin, "made for the log %.80q, this one is %q", st.Origin, s.Origin)
	case !st.Kind.Known() || !slices.Contains(s.Kinds, st.Kind):
		return place(OtherKind, "kinds allowed: %v", s.Kinds)
	}
	if scheme := SubjectScheme(st.Subject); aboutScheme(st.Kind) && !slices.Contains(s.Schemes, scheme) {
		return place(OtherScheme, "scheme %.80q; allowed: %v", scheme, s.Schemes)
	}
	i := slices.IndexFunc(s.Keys, func(r keys.Record) bool {
		return r.Role == st.Kind.Role() && bytes.Equal(r.ID, st.KeyID)
	})
	if i < 0 {
		return place(WrongKey, "key %x is not pinned", st.KeyID)
	}
	at := now
	if end := s.Keys[i].NotAfter; end != 0 && end < at {
		at = end
	}
	if err := st.Verify(s.Keys[i], at); err != nil {
		return place(BadSignature, "%w", err)
	}
	return nil
}

// aboutScheme reports whether the subject of a kind is a certificate.
func aboutScheme(k statement.Kind) bool {
	switch k {
	case statement.Grant, statement.Status, statement.Designation:
		return true
	}
	return false
}

// Judge reads one entry of a site's log and says whether it is verified, and
// if not, why. The follower does so for what it fetches; a keeper of books does so
// again for what it kept as rejected, when the site's description or this
// program has become newer. now is µs UTC. It does no I/O.
func Judge(s *Site, index int64, body []byte, now int64) Item {
	return judge(s, index, tlog.RecordHash(body), body, now)
}

func judge(s *Site, index int64, leaf [32]byte, body []byte, now int64) Item {
	it := Item{Index: index, Leaf: leaf, Body: body}
	st, err := statement.Parse(body)
	if err != nil {
		it.Err = fail(Unreadable, s.ID, "", "entry %d: %w", index, err)
		return it
	}
	it.Statement = st
	it.Err = verify(s, st, now)
	return it
}
