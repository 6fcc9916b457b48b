package office

import (
	"assay/certificate"
	"assay/statement"
)

// What statements of kinds other than grant, designation (both:
// certificate.Certificate) and status (certificate.Event) say.

// ActPayload says that an act is in force: a catalog, a policy with its
// standing decision, a reading. Subject: what it is about, so that the newest
// statement of the subject is the one in force.
type ActPayload struct {
	What     string             `cbor:"1,keyasint" json:"what"` // act kind
	Key      string             `cbor:"2,keyasint" json:"key"`  // clause, or catalog
	Act      certificate.Digest `cbor:"3,keyasint" json:"act"`
	From     int64              `cbor:"4,keyasint" json:"from"`
	Expires  int64              `cbor:"5,keyasint,omitempty" json:"expires,omitempty"`
	Digest   certificate.Digest `cbor:"6,keyasint,omitempty" json:"digest,omitzero"` // of a larger thing, served by digest
	Policy   string             `cbor:"7,keyasint,omitempty" json:"policy,omitempty"`
	Recorded int64              `cbor:"8,keyasint" json:"recorded"`
}

// KeyPayload lists the keys in force, and those they replace. Subject: "key".
type KeyPayload = statement.KeyPayload

// PeerPayload says for what a peer is believed.
type PeerPayload struct {
	Site        string             `cbor:"1,keyasint" json:"site"`
	Fingerprint string             `cbor:"2,keyasint" json:"fingerprint"`
	Schemes     []string           `cbor:"3,keyasint,omitempty" json:"schemes"`
	Kinds       []string           `cbor:"4,keyasint,omitempty" json:"kinds"`
	End         bool               `cbor:"5,keyasint,omitempty" json:"end,omitempty"`
	Act         certificate.Digest `cbor:"6,keyasint" json:"act"`
	Recorded    int64              `cbor:"7,keyasint" json:"recorded"`
}

// MisbehaviorPayload names stored evidence against a peer.
type MisbehaviorPayload struct {
	Site     string             `cbor:"1,keyasint" json:"site"`
	Kind     string             `cbor:"2,keyasint" json:"kind"`
	Digest   certificate.Digest `cbor:"3,keyasint" json:"digest"`
	Recorded int64              `cbor:"4,keyasint" json:"recorded"`
}
