package recognition

import "assay/scheme"

// DefaultEffects is what an event abroad does to a designation here where the
// clause does not say. The rule behind it: what takes validity away acts at
// once, what gives more is a new decision, and where the text leaves it open
// a person looks.
var DefaultEffects = map[scheme.EventKind]scheme.Effect{
	scheme.Suspended: scheme.Suspend, // the source is not valid; neither is what rests on it
	scheme.Held:      scheme.Hold,    // the source is in doubt abroad
	scheme.Revoked:   scheme.Lapse,   // granted on the condition that it ends with its source
	scheme.Annulled:  scheme.Lapse,   // of the certificate; here it ends from now: acting back is this office's own decision
	scheme.Lapsed:    scheme.Lapse,   // the source was itself a designation, and ended

	// The holder's own wish abroad and the calendar abroad end the source, and so the designation.
	scheme.Surrendered: scheme.Lapse,
	scheme.Expired:     scheme.Lapse,

	// The old certificate is worth nothing abroad, so an answer that rests on
	// it would be false. Its successor is a grant of its own, with its own
	// request and, under an automatic policy, its designation a second later.
	scheme.Superseded: scheme.Lapse,

	scheme.Reinstated: scheme.Follow, // closes what that suspension opened here, and nothing else
	scheme.Released:   scheme.Follow, // the same for a hold

	// More than what was designated: a longer term, a higher level, more
	// models, another holder. Told; giving it here is a new decision. A level
	// that the clause does not list holds.
	scheme.Extended:    scheme.Notice,
	scheme.Renewed:     scheme.Notice,
	scheme.LevelUp:     scheme.Notice,
	scheme.ScopeGrown:  scheme.Notice,
	scheme.Transferred: scheme.Notice,

	scheme.LevelDown: scheme.Hold,   // below the clause's levels; where the clause still lists the new level, a notice
	scheme.ScopeCut:  scheme.Follow, // a designation is never wider than its source
	scheme.Corrected: scheme.Notice, // a correction that narrows still narrows; one that moves the product out of scope holds

	// What was recognized lawfully runs out by itself; nothing new comes.
	scheme.SchemeClosed:     scheme.KeepUntilExpiry,
	scheme.ArrangementEnded: scheme.KeepUntilExpiry,

	scheme.KeyCompromised: scheme.Hold,   // anybody may have signed it
	scheme.Silence:        scheme.Notice, // changes no state: it stops new designations and marks answers
}
