package office_test

import (
	"encoding/hex"
	"testing"

	"assay/office"
	"assay/store/storetest"
)

// A person who was disabled comes back by an act of two admins, with a new
// token; the old one stays dead.
func TestPersonComesBack(t *testing.T) {
	n := newNode(t, storetest.SQLite(t), "kr", storetest.NewClock(start))
	first, hash := office.NewToken()
	p := office.Person{ID: "lee", Pseudonym: "kr-lee", Roles: []office.Role{office.RoleOfficer}}
	n.admin(office.ActPerson, office.PersonBody{Person: p, TokenHash: hex.EncodeToString(hash[:])})
	if _, err := n.Authenticate(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	n.admin(office.ActPerson, office.PersonBody{Person: p, Disable: true})
	_, err := n.Authenticate(t.Context(), first)
	want(t, "disabled", err, office.Unsigned)
	second, hash := office.NewToken()
	n.admin(office.ActPerson, office.PersonBody{Person: p, TokenHash: hex.EncodeToString(hash[:])})
	if got, err := n.Authenticate(t.Context(), second); err != nil || got.Pseudonym != "kr-lee" {
		t.Errorf("back as %+v (%v)", got, err)
	}
	_, err = n.Authenticate(t.Context(), first)
	want(t, "the old token", err, office.Unsigned)
}
