package recognition

import "fmt"

// Rule identifies one step of a decision; its text form is the key under
// which pages explain it in each language.
type Rule uint8

// Rules of a clause, in the order in which they are tried.
const (
	NoRule             Rule = iota
	ArrangementInForce      // the arrangement is in force today
	FromKind                // the kind of thing the clause takes
	FromMapping             // the level correspondence is public
	FromEdition             // the edition that the clause pins
	FromLevel               // the levels that it lists
	FromAttestation         // declaration or third party
	FromBasis               // the standard that the certificate rests on
	ChainGranted            // a designation is no input unless the clause says so
	ChainLoop               // and never one that leads back here
	SourceState             // the certificate is valid now
	TargetScheme            // the catalog has the scheme
	TargetClosed            // the scheme issues
	TargetEdition           // an edition is in force today
	TargetLevel             // with that level
	TargetCategory          // that takes this category
	ScopeExcepted           // the clause takes the category out
	ScopeNamed              // the clause names the category
	DatesFrom               // the clause has begun
	DatesUntil              // the tested date does not lie after its end
	DatesBackfill           // certificates granted before it
	DeltaShown              // the extra requirements are shown
	TermEnd                 // how long a designation would run
	TermNeeds               // what is missing to know that
	ClauseMet               // all of it holds

	// What to do about a clause that holds.
	SourcePending     // the certificate takes effect later
	SourceDoubt       // a statement about it was rejected or unreadable
	SourceBackdated   // granted before what was published, logged only now
	PeerDegraded      // its office is in doubt
	PeerSilent        // its office was not heard in time
	RequestStanding   // the holder asked
	RequestBackfill   // asked since the clause began
	RequestModels     // for these models
	NeedApplication   // an application comes first
	NeedFee           // a payer is named
	NeedDeclaration   // the declaration of conformity is accepted
	NeedHearing       // a hearing comes first
	LegalFound        // a ground to act on is known
	FactDoubt         // every fact is official, or adopted
	OfficeRecord      // the office has an own record of the product
	ModeSimplified    // a person decides the application
	PolicyReview      // the office lets a person decide
	PolicyAfterDays   // unless an officer objects in time
	PolicyOnRequest   // once it is asked for here
	PolicyUnknown     // a policy that this program does not know
	DecisionStanding  // automatic, under a standing decision
	DecisionTerm      // which runs, twelve months at most
	DecisionCatalog   // made for this catalog
	DecisionClause    // and this clause
	DecisionBudget    // with budget left
	ChoiceHigher      // another clause leads higher, or more directly
	ExistingCovers    // is there already
	ExistingModels    // is there for other models
	ExistingLevel     // is there at a lower level
	ExistingExpired   // was there, and ran out
	ExistingOwn       // own grants are never touched by a source event
	ExistingEnded     // has ended
	ExistingUnchanged // nothing happened abroad that acts here

	// What an event abroad does here.
	EffectNotice
	EffectHold
	EffectSuspend
	EffectLapse
	EffectFollow
	EffectKeep
	EffectEndOnDate
	EffectNarrowed // never wider than its source
	SourceClosed   // the cause abroad was closed
	SourceUndone   // the cause abroad was annulled
	endOfRules
)

var ruleNames = [endOfRules]string{
	"none", "arrangement.in-force", "from.kind", "from.mapping", "from.edition", "from.level", "from.attestation", "from.basis",
	"chain.granted", "chain.loop", "source.state", "target.scheme", "target.closed", "target.edition", "target.level",
	"target.category", "scope.excepted", "scope.named", "dates.from", "dates.until", "dates.backfill", "delta.shown", "term.end",
	"term.needs", "clause.met",
	"source.pending", "source.doubt", "source.backdated", "peer.degraded", "peer.silent", "request.standing", "request.backfill",
	"request.models", "need.application", "need.fee", "need.declaration", "need.hearing", "legal.found", "fact.doubt",
	"own.record", "mode.simplified", "policy.review", "policy.after-days", "policy.on-request", "policy.unknown",
	"decision.standing", "decision.term", "decision.catalog", "decision.clause", "decision.budget", "choice.higher",
	"existing.covers", "existing.models", "existing.level", "existing.expired", "existing.own", "existing.ended",
	"existing.unchanged",
	"effect.notice", "effect.hold", "effect.suspend", "effect.lapse", "effect.follow", "effect.keep-until-expiry",
	"effect.end-on-date", "effect.narrowed", "source.closed", "source.undone",
}

// Rules lists every rule, in the order in which they are tried.
func Rules() []Rule {
	all := make([]Rule, 0, endOfRules-1)
	for r := NoRule + 1; r < endOfRules; r++ {
		all = append(all, r)
	}
	return all
}

func (r Rule) String() string {
	if r >= endOfRules {
		return fmt.Sprintf("rule-%d", uint8(r))
	}
	return ruleNames[r]
}

// MarshalText writes the rule's id.
func (r Rule) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads a rule's id.
func (r *Rule) UnmarshalText(b []byte) error {
	for i, n := range ruleNames {
		if n == string(b) {
			*r = Rule(i)
			return nil
		}
	}
	return fmt.Errorf("%.40q is no rule of recognition: see Rules for all of them", b)
}
