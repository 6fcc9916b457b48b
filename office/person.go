package office

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"assay/store"
)

// NewToken makes a bearer token of 256 random bits and its SHA-256, which is
// all that an office keeps of it.
func NewToken() (token string, hash [32]byte) {
	var b [32]byte
	rand.Read(b[:])
	token = "assay_" + base64.RawURLEncoding.EncodeToString(b[:])
	return token, sha256.Sum256([]byte(token))
}

// Authenticate finds the person whose token this is. The database is asked by
// hash, so the time it takes says nothing about other tokens.
func (o *Office) Authenticate(ctx context.Context, token string) (*Person, error) {
	if len(token) > 256 || !strings.HasPrefix(token, "assay_") {
		return nil, fail(Unsigned, "", "ask your office for a token", "this is no token of an office")
	}
	hash := sha256.Sum256([]byte(token))
	var p *Person
	err := o.db.View(ctx, func(tx *store.Tx) error {
		var stored []byte
		var roles string
		var disabled int64
		var q Person
		err := tx.QueryRow(`SELECT id, pseudonym, name, roles, entity, token_hash, disabled FROM persons WHERE token_hash = $1`, hash).
			Scan(&q.ID, &q.Pseudonym, &q.Name, &roles, &q.Entity, &stored, &disabled)
		if err != nil {
			return err
		}
		if disabled != 0 || subtle.ConstantTimeCompare(stored, hash[:]) != 1 {
			return store.ErrNoRows
		}
		q.Roles = splitRoles(roles)
		p = &q
		return nil
	})
	if errors.Is(err, store.ErrNoRows) {
		return nil, fail(Unsigned, "", "ask your office for a new one", "the token is not known here, or its person was disabled")
	}
	return p, err
}

// Has reports whether the person has one of the roles.
func (p *Person) Has(roles ...Role) bool {
	return p != nil && slices.ContainsFunc(roles, func(r Role) bool { return slices.Contains(p.Roles, r) })
}

// staff is whoever works for the office rather than applies to it.
var staff = []Role{RoleRegistrar, RoleEvaluator, RoleOfficer, RoleAdmin, RoleAuditor}

func need(p *Person, roles ...Role) error {
	if p == nil {
		return fail(Unsigned, "", "send a bearer token", "nobody is signed in")
	}
	if !p.Has(roles...) {
		return fail(Forbidden, "", "ask somebody with one of these roles: "+joinRoles(roles), "%s may not do this", p.Pseudonym)
	}
	return nil
}

func splitRoles(s string) []Role {
	var rs []Role
	for r := range strings.SplitSeq(s, ",") {
		if r != "" {
			rs = append(rs, Role(r))
		}
	}
	return rs
}

func joinRoles(rs []Role) string {
	ss := make([]string, len(rs))
	for i, r := range rs {
		ss[i] = string(r)
	}
	slices.Sort(ss)
	return strings.Join(slices.Compact(ss), ",")
}

var knownRoles = []Role{RoleMaker, RoleRegistrar, RoleEvaluator, RoleOfficer, RoleAdmin, RoleAuditor}

func checkPerson(b *PersonBody) error {
	p := &b.Person
	switch {
	case !plain(p.ID, 64) || !plain(p.Pseudonym, 64):
		return fail(Invalid, "person.id", "use letters, digits, hyphens and dots", "a person needs an id and a pseudonym")
	case len(p.Roles) == 0 && !b.Disable:
		return fail(Invalid, "person.roles", "name at least one role", "a person without a role can do nothing")
	case p.Has(RoleMaker) && p.Entity == "":
		return fail(Invalid, "person.entity", "name the entity that the person speaks for", "a maker's person belongs to an entity")
	case p.Has(RoleMaker) && p.Has(staff...):
		return fail(Invalid, "person.roles", "give the second role to another person", "nobody both applies to the office and works for it")
	}
	for _, r := range p.Roles {
		if !slices.Contains(knownRoles, r) {
			return fail(Invalid, "person.roles", "known roles: "+joinRoles(knownRoles), "%q is no role", r)
		}
	}
	if !b.Disable {
		if h, err := hex.DecodeString(b.TokenHash); err != nil || len(h) != 32 {
			return fail(Invalid, "token_hash", "make one with: assay token new", "the token's hash has to be 64 hex digits")
		}
	}
	return nil
}

func putPerson(tx *store.Tx, b *PersonBody) error {
	if b.Disable {
		n, err := tx.Exec(`UPDATE persons SET disabled = 1 WHERE id = $1`, b.Person.ID)
		if err == nil && n == 0 {
			err = fail(NotFound, "person.id", "", "no person %q here", b.Person.ID)
		}
		return err
	}
	hash, err := hex.DecodeString(b.TokenHash)
	if err != nil {
		return err
	}
	p := b.Person
	_, err = tx.Exec(`INSERT INTO persons (id, pseudonym, name, roles, entity, token_hash, disabled) VALUES ($1, $2, $3, $4, $5, $6, 0)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, roles = excluded.roles, entity = excluded.entity, token_hash = excluded.token_hash, disabled = 0`,
		p.ID, p.Pseudonym, p.Name, joinRoles(p.Roles), p.Entity, hash)
	if store.IsUnique(err) {
		return fail(Conflict, "person", "choose another pseudonym or token", "another person has this pseudonym or token")
	}
	return err
}

// plain reports whether s is a short identifier without surprises.
func plain(s string, most int) bool {
	if s == "" || len(s) > most {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' && c != '/' && c != ':' {
			return false
		}
	}
	return true
}
