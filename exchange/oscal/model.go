package oscal

// Version is an OSCAL release that documents can be written for.
type Version string

// Releases that can be written. Mapping collections came with 1.2; how one
// states its confidence was changed with 1.2.1.
const (
	V113 Version = "1.1.3"
	V120 Version = "1.2.0"
	V123 Version = "1.2.3"
)

// Versions are the releases that can be written, oldest first; the last is
// the default.
var Versions = []Version{V113, V120, V123}

// Namespaces of properties and parts.
const (
	Namespace    = "urn:assay:ns:oscal:1"        // what OSCAL has no name for
	namespaceRMF = "http://csrc.nist.gov/ns/rmf" // NIST's name of assessment methods
	schemeAssay  = "urn:assay:id"                // document-ids: STANDARD@EDITION, SCHEME@EDITION/LEVEL and the like
)

// Document is one OSCAL file. Exactly one of its fields is set.
type Document struct {
	Catalog             *Catalog             `json:"catalog,omitempty"`
	Profile             *Profile             `json:"profile,omitempty"`
	MappingCollection   *MappingCollection   `json:"mapping-collection,omitempty"`
	ComponentDefinition *ComponentDefinition `json:"component-definition,omitempty"`
	AssessmentPlan      *AssessmentPlan      `json:"assessment-plan,omitempty"`
	AssessmentResults   *AssessmentResults   `json:"assessment-results,omitempty"`
}

// Metadata of a document.
type Metadata struct {
	Title        string             `json:"title"`
	LastModified string             `json:"last-modified"`
	Version      string             `json:"version"`
	OSCALVersion Version            `json:"oscal-version"`
	DocumentIDs  []DocumentID       `json:"document-ids,omitempty"`
	Props        []Prop             `json:"props,omitempty"`
	Links        []Link             `json:"links,omitempty"`
	Roles        []Role             `json:"roles,omitempty"`
	Parties      []Party            `json:"parties,omitempty"`
	Responsible  []ResponsibleParty `json:"responsible-parties,omitempty"`
	Remarks      string             `json:"remarks,omitempty"`
}

// DocumentID names a document across its versions.
type DocumentID struct {
	Scheme     string `json:"scheme,omitempty"`
	Identifier string `json:"identifier"`
}

// Role of a party.
type Role struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// Party is an organization.
type Party struct {
	UUID      string `json:"uuid"`
	Type      string `json:"type"`
	Name      string `json:"name,omitempty"`
	ShortName string `json:"short-name,omitempty"`
	Props     []Prop `json:"props,omitempty"`
	Remarks   string `json:"remarks,omitempty"`
}

// ResponsibleParty says who has a role.
type ResponsibleParty struct {
	RoleID     string   `json:"role-id"`
	PartyUUIDs []string `json:"party-uuids"`
}

// Prop is a named value.
type Prop struct {
	Name    string `json:"name"`
	NS      string `json:"ns,omitempty"`
	Value   string `json:"value"`
	Class   string `json:"class,omitempty"`
	Group   string `json:"group,omitempty"`
	Remarks string `json:"remarks,omitempty"`
}

// Link points at something; "#UUID" is a resource of the back matter and
// "#ID" a part of the document.
type Link struct {
	Href string `json:"href"`
	Rel  string `json:"rel,omitempty"`
	Text string `json:"text,omitempty"`
}

// BackMatter has the resources that a document points at.
type BackMatter struct {
	Resources []Resource `json:"resources,omitempty"`
}

// Resource is a document that facts rest on, or another OSCAL file.
type Resource struct {
	UUID        string       `json:"uuid"`
	Title       string       `json:"title,omitempty"`
	Description string       `json:"description,omitempty"`
	Props       []Prop       `json:"props,omitempty"`
	DocumentIDs []DocumentID `json:"document-ids,omitempty"`
	Citation    *Citation    `json:"citation,omitempty"`
	RLinks      []RLink      `json:"rlinks,omitempty"`
	Remarks     string       `json:"remarks,omitempty"`
}

// Citation is how a resource is cited.
type Citation struct {
	Text string `json:"text"`
}

// RLink is where a resource can be had.
type RLink struct {
	Href      string `json:"href"`
	MediaType string `json:"media-type,omitempty"`
	Hashes    []Hash `json:"hashes,omitempty"`
}

// Hash of a resource.
type Hash struct {
	Algorithm string `json:"algorithm"` // SHA-256
	Value     string `json:"value"`
}

// Part is a piece of prose with its own parts.
type Part struct {
	ID    string `json:"id,omitempty"`
	Name  string `json:"name"`
	NS    string `json:"ns,omitempty"`
	Class string `json:"class,omitempty"`
	Title string `json:"title,omitempty"`
	Props []Prop `json:"props,omitempty"`
	Prose string `json:"prose,omitempty"`
	Parts []Part `json:"parts,omitempty"`
	Links []Link `json:"links,omitempty"`
}

// Param is a value that a control leaves open.
type Param struct {
	ID     string  `json:"id"`
	Props  []Prop  `json:"props,omitempty"`
	Links  []Link  `json:"links,omitempty"`
	Label  string  `json:"label,omitempty"`
	Usage  string  `json:"usage,omitempty"`
	Select *Select `json:"select,omitempty"`
}

// Select lists the values of a parameter.
type Select struct {
	HowMany string   `json:"how-many,omitempty"`
	Choice  []string `json:"choice,omitempty"`
}

// Catalog is an edition of a standard.
type Catalog struct {
	UUID       string      `json:"uuid"`
	Metadata   Metadata    `json:"metadata"`
	Params     []Param     `json:"params,omitempty"`
	Groups     []Group     `json:"groups,omitempty"`
	BackMatter *BackMatter `json:"back-matter,omitempty"`
}

// Group of controls.
type Group struct {
	ID       string    `json:"id,omitempty"`
	Class    string    `json:"class,omitempty"`
	Title    string    `json:"title"`
	Props    []Prop    `json:"props,omitempty"`
	Parts    []Part    `json:"parts,omitempty"`
	Controls []Control `json:"controls,omitempty"`
}

// Control is a requirement.
type Control struct {
	ID    string `json:"id"`
	Class string `json:"class,omitempty"`
	Title string `json:"title"`
	Props []Prop `json:"props,omitempty"`
	Links []Link `json:"links,omitempty"`
	Parts []Part `json:"parts,omitempty"`
}

// Profile is what a level of a scheme asks for.
type Profile struct {
	UUID       string          `json:"uuid"`
	Metadata   Metadata        `json:"metadata"`
	Imports    []ProfileImport `json:"imports"`
	Merge      *Merge          `json:"merge,omitempty"`
	Modify     *Modify         `json:"modify,omitempty"`
	BackMatter *BackMatter     `json:"back-matter,omitempty"`
}

// ProfileImport takes controls from a catalog.
type ProfileImport struct {
	Href    string       `json:"href"`
	Include []SelectByID `json:"include-controls"`
}

// SelectByID selects controls.
type SelectByID struct {
	WithIDs []string `json:"with-ids"`
}

// Merge says how the imported controls are put together.
type Merge struct {
	AsIs bool `json:"as-is"`
}

// Modify changes imported controls.
type Modify struct {
	Alters []Alter `json:"alters"`
}

// Alter changes one control.
type Alter struct {
	ControlID string `json:"control-id"`
	Adds      []Add  `json:"adds"`
}

// Add adds to a control.
type Add struct {
	Position string `json:"position"`
	Props    []Prop `json:"props,omitempty"`
	Links    []Link `json:"links,omitempty"`
}

// MappingCollection is one mapping of the catalog, with who made it.
type MappingCollection struct {
	UUID       string      `json:"uuid"`
	Metadata   Metadata    `json:"metadata"`
	Provenance Provenance  `json:"provenance"`
	Mappings   []Mapping   `json:"mappings"`
	BackMatter *BackMatter `json:"back-matter,omitempty"`
}

// Provenance of a mapping collection.
type Provenance struct {
	Method      string             `json:"method"`
	Rationale   string             `json:"matching-rationale"`
	Status      string             `json:"status"`
	Confidence  *ConfidenceScore   `json:"confidence-score,omitempty"`
	Description string             `json:"mapping-description"`
	Responsible []ResponsibleParty `json:"responsible-parties,omitempty"`
}

// ConfidenceScore is how sure a mapping is. 1.2.0 wants Value, later
// releases want Category alone.
type ConfidenceScore struct {
	Category string `json:"category,omitempty"`
	Value    string `json:"STRVALUE,omitempty"`
}

// Mapping relates the controls of two catalogs.
type Mapping struct {
	UUID      string      `json:"uuid"`
	Source    MapResource `json:"source-resource"`
	Target    MapResource `json:"target-resource"`
	Maps      []Map       `json:"maps"`
	SourceGap *GapSummary `json:"source-gap-summary,omitempty"`
	TargetGap *GapSummary `json:"target-gap-summary,omitempty"`
}

// MapResource is one of the two catalogs.
type MapResource struct {
	Type string `json:"type"`
	Href string `json:"href"`
}

// Map is one relation.
type Map struct {
	UUID         string           `json:"uuid"`
	Relationship string           `json:"relationship"`
	Sources      []MapItem        `json:"sources"`
	Targets      []MapItem        `json:"targets"`
	Qualifiers   []Qualifier      `json:"qualifiers,omitempty"`
	Confidence   *ConfidenceScore `json:"confidence-score,omitempty"`
	Props        []Prop           `json:"props,omitempty"`
	Links        []Link           `json:"links,omitempty"`
	Remarks      string           `json:"remarks,omitempty"`
}

// MapItem is a control in a relation.
type MapItem struct {
	Type  string `json:"type"`
	IDRef string `json:"id-ref"`
}

// Qualifier says what a relation leaves open.
type Qualifier struct {
	Subject     string `json:"subject"`
	Predicate   string `json:"predicate"`
	Category    string `json:"category"`
	Description string `json:"description"`
}

// GapSummary lists the controls that no relation names.
type GapSummary struct {
	UUID     string       `json:"uuid"`
	Unmapped []SelectByID `json:"unmapped-controls"`
}

// ComponentDefinition is what a maker states of a product.
type ComponentDefinition struct {
	UUID       string             `json:"uuid"`
	Metadata   Metadata           `json:"metadata"`
	Components []DefinedComponent `json:"components,omitempty"`
	BackMatter *BackMatter        `json:"back-matter,omitempty"`
}

// DefinedComponent is a product, or a part of one.
type DefinedComponent struct {
	UUID            string                  `json:"uuid"`
	Type            string                  `json:"type"`
	Title           string                  `json:"title"`
	Description     string                  `json:"description"`
	Props           []Prop                  `json:"props,omitempty"`
	Links           []Link                  `json:"links,omitempty"`
	Responsible     []ResponsibleRole       `json:"responsible-roles,omitempty"`
	Implementations []ControlImplementation `json:"control-implementations,omitempty"`
}

// ResponsibleRole says who has a role for a component.
type ResponsibleRole struct {
	RoleID     string   `json:"role-id"`
	PartyUUIDs []string `json:"party-uuids,omitempty"`
}

// ControlImplementation is a statement on the controls of one catalog.
type ControlImplementation struct {
	UUID          string                   `json:"uuid"`
	Source        string                   `json:"source"`
	Description   string                   `json:"description"`
	Props         []Prop                   `json:"props,omitempty"`
	SetParameters []SetParameter           `json:"set-parameters,omitempty"`
	Requirements  []ImplementedRequirement `json:"implemented-requirements"`
}

// SetParameter gives a parameter its values.
type SetParameter struct {
	ParamID string   `json:"param-id"`
	Values  []string `json:"values"`
	Remarks string   `json:"remarks,omitempty"`
}

// ImplementedRequirement is a statement on one control.
type ImplementedRequirement struct {
	UUID        string `json:"uuid"`
	ControlID   string `json:"control-id"`
	Description string `json:"description"`
	Props       []Prop `json:"props,omitempty"`
	Links       []Link `json:"links,omitempty"`
	Remarks     string `json:"remarks,omitempty"`
}

// AssessmentPlan is what is to be looked at.
type AssessmentPlan struct {
	UUID             string            `json:"uuid"`
	Metadata         Metadata          `json:"metadata"`
	ImportSSP        Import            `json:"import-ssp"`
	LocalDefinitions *LocalDefinitions `json:"local-definitions,omitempty"`
	Terms            *Terms            `json:"terms-and-conditions,omitempty"`
	Reviewed         Reviewed          `json:"reviewed-controls"`
	Subjects         []Subject         `json:"assessment-subjects,omitempty"`
	Tasks            []Task            `json:"tasks,omitempty"`
	BackMatter       *BackMatter       `json:"back-matter,omitempty"`
}

// Import points at the document that another rests on.
type Import struct {
	Href    string `json:"href"`
	Remarks string `json:"remarks,omitempty"`
}

// LocalDefinitions are things that a plan or a result speaks of and no other
// document defines.
type LocalDefinitions struct {
	Components     []SystemComponent `json:"components,omitempty"`
	InventoryItems []InventoryItem   `json:"inventory-items,omitempty"`
	Activities     []Activity        `json:"activities,omitempty"`
	Assets         *AssessmentAssets `json:"assessment-assets,omitempty"`
}

// SystemComponent is the product under assessment.
type SystemComponent struct {
	UUID        string `json:"uuid"`
	Type        string `json:"type"`
	Title       string `json:"title"`
	Description string `json:"description"`
	Props       []Prop `json:"props,omitempty"`
	Status      State  `json:"status"`
}

// State of something.
type State struct {
	State   string `json:"state"`
	Reason  string `json:"reason,omitempty"`
	Remarks string `json:"remarks,omitempty"`
}

// InventoryItem is a row of an IXIT table, or a sample.
type InventoryItem struct {
	UUID        string            `json:"uuid"`
	Description string            `json:"description"`
	Props       []Prop            `json:"props,omitempty"`
	Implements  []ItemOfComponent `json:"implemented-components,omitempty"`
	Remarks     string            `json:"remarks,omitempty"`
}

// ItemOfComponent says which component an item belongs to.
type ItemOfComponent struct {
	ComponentUUID string `json:"component-uuid"`
}

// Activity is a test case with its units as steps.
type Activity struct {
	UUID        string    `json:"uuid"`
	Title       string    `json:"title,omitempty"`
	Description string    `json:"description"`
	Props       []Prop    `json:"props,omitempty"`
	Steps       []Step    `json:"steps,omitempty"`
	Related     *Reviewed `json:"related-controls,omitempty"`
}

// Step is a test unit.
type Step struct {
	UUID        string `json:"uuid"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description"`
	Props       []Prop `json:"props,omitempty"`
}

// Terms are what a plan has to say for people.
type Terms struct {
	Parts []AssessmentPart `json:"parts"`
}

// AssessmentPart is a piece of prose of a plan or a result.
type AssessmentPart struct {
	UUID  string `json:"uuid,omitempty"`
	Name  string `json:"name"`
	NS    string `json:"ns,omitempty"`
	Title string `json:"title,omitempty"`
	Prose string `json:"prose,omitempty"`
	Props []Prop `json:"props,omitempty"`
}

// Reviewed says which controls and objectives are assessed.
type Reviewed struct {
	Description string               `json:"description,omitempty"`
	Links       []Link               `json:"links,omitempty"`
	Controls    []ControlSelection   `json:"control-selections"`
	Objectives  []ObjectiveSelection `json:"control-objective-selections,omitempty"`
}

// ControlSelection selects controls.
type ControlSelection struct {
	Description string          `json:"description,omitempty"`
	Props       []Prop          `json:"props,omitempty"`
	IncludeAll  *struct{}       `json:"include-all,omitempty"`
	Include     []SelectControl `json:"include-controls,omitempty"`
}

// SelectControl selects one control.
type SelectControl struct {
	ControlID string `json:"control-id"`
}

// ObjectiveSelection selects objectives.
type ObjectiveSelection struct {
	Include []SelectObjective `json:"include-objectives"`
}

// SelectObjective selects one objective.
type SelectObjective struct {
	ObjectiveID string `json:"objective-id"`
}

// Subject selects what is assessed.
type Subject struct {
	Type        string          `json:"type"`
	Description string          `json:"description,omitempty"`
	IncludeAll  *struct{}       `json:"include-all,omitempty"`
	Include     []SelectSubject `json:"include-subjects,omitempty"`
}

// SelectSubject selects one thing; it is a reference in an observation too.
type SelectSubject struct {
	SubjectUUID string `json:"subject-uuid"`
	Type        string `json:"type"`
	Title       string `json:"title,omitempty"`
}

// Task is something to be done.
type Task struct {
	UUID        string               `json:"uuid"`
	Type        string               `json:"type"`
	Title       string               `json:"title"`
	Description string               `json:"description,omitempty"`
	Props       []Prop               `json:"props,omitempty"`
	Links       []Link               `json:"links,omitempty"`
	Tasks       []Task               `json:"tasks,omitempty"`
	Activities  []AssociatedActivity `json:"associated-activities,omitempty"`
}

// AssociatedActivity is an activity done in a task, with what it is done on.
type AssociatedActivity struct {
	ActivityUUID string    `json:"activity-uuid"`
	Props        []Prop    `json:"props,omitempty"`
	Subjects     []Subject `json:"subjects"`
	Remarks      string    `json:"remarks,omitempty"`
}

// AssessmentResults is what came out.
type AssessmentResults struct {
	UUID       string      `json:"uuid"`
	Metadata   Metadata    `json:"metadata"`
	ImportAP   Import      `json:"import-ap"`
	Results    []Result    `json:"results"`
	BackMatter *BackMatter `json:"back-matter,omitempty"`
}

// Result is what came out at one time.
type Result struct {
	UUID             string            `json:"uuid"`
	Title            string            `json:"title"`
	Description      string            `json:"description"`
	Start            string            `json:"start"`
	End              string            `json:"end,omitempty"`
	Props            []Prop            `json:"props,omitempty"`
	LocalDefinitions *LocalDefinitions `json:"local-definitions,omitempty"`
	Reviewed         Reviewed          `json:"reviewed-controls"`
	Attestations     []Attestation     `json:"attestations,omitempty"`
	Observations     []Observation     `json:"observations,omitempty"`
	Risks            []Risk            `json:"risks,omitempty"`
	Findings         []Finding         `json:"findings,omitempty"`
	Remarks          string            `json:"remarks,omitempty"`
}

// Attestation is a statement about a result.
type Attestation struct {
	Responsible []ResponsibleParty `json:"responsible-parties,omitempty"`
	Parts       []AssessmentPart   `json:"parts"`
}

// Observation is something that somebody found or stated.
type Observation struct {
	UUID        string          `json:"uuid"`
	Title       string          `json:"title,omitempty"`
	Description string          `json:"description"`
	Props       []Prop          `json:"props,omitempty"`
	Methods     []string        `json:"methods"`
	Types       []string        `json:"types,omitempty"`
	Origins     []Origin        `json:"origins,omitempty"`
	Subjects    []SelectSubject `json:"subjects,omitempty"`
	Evidence    []Relevant      `json:"relevant-evidence,omitempty"`
	Collected   string          `json:"collected"`
	Expires     string          `json:"expires,omitempty"`
	Remarks     string          `json:"remarks,omitempty"`
}

// Origin says who something is from.
type Origin struct {
	Actors []Actor `json:"actors"`
}

// Actor is a party or a tool.
type Actor struct {
	Type      string `json:"type"`
	ActorUUID string `json:"actor-uuid"`
	RoleID    string `json:"role-id,omitempty"`
}

// Relevant is a document that an observation rests on.
type Relevant struct {
	Href        string `json:"href,omitempty"`
	Description string `json:"description"`
}

// Finding is a conclusion about a control.
type Finding struct {
	UUID         string           `json:"uuid"`
	Title        string           `json:"title"`
	Description  string           `json:"description"`
	Props        []Prop           `json:"props,omitempty"`
	Links        []Link           `json:"links,omitempty"`
	Origins      []Origin         `json:"origins,omitempty"`
	Target       Target           `json:"target"`
	Observations []RelObservation `json:"related-observations,omitempty"`
	Risks        []RelRisk        `json:"related-risks,omitempty"`
	Remarks      string           `json:"remarks,omitempty"`
}

// Target is what a finding is about.
type Target struct {
	Type           string `json:"type"`
	TargetID       string `json:"target-id"`
	Title          string `json:"title,omitempty"`
	Description    string `json:"description,omitempty"`
	Props          []Prop `json:"props,omitempty"`
	Status         State  `json:"status"`
	Implementation *State `json:"implementation-status,omitempty"`
}

// RelObservation names an observation.
type RelObservation struct {
	ObservationUUID string `json:"observation-uuid"`
}

// RelRisk names a risk.
type RelRisk struct {
	RiskUUID string `json:"risk-uuid"`
}

// Risk is something that stands in the way.
type Risk struct {
	UUID         string           `json:"uuid"`
	Title        string           `json:"title"`
	Description  string           `json:"description"`
	Statement    string           `json:"statement"`
	Props        []Prop           `json:"props,omitempty"`
	Status       string           `json:"status"`
	Observations []RelObservation `json:"related-observations,omitempty"`
}

// AssessmentAssets are what an assessment is done with.
type AssessmentAssets struct {
	Components []SystemComponent    `json:"components,omitempty"`
	Platforms  []AssessmentPlatform `json:"assessment-platforms"`
}

// AssessmentPlatform is a set of tools.
type AssessmentPlatform struct {
	UUID  string          `json:"uuid"`
	Title string          `json:"title,omitempty"`
	Uses  []UsesComponent `json:"uses-components,omitempty"`
}

// UsesComponent names a tool.
type UsesComponent struct {
	ComponentUUID string `json:"component-uuid"`
}
