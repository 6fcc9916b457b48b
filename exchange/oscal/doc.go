// Package oscal speaks OSCAL, NIST's Open Security Controls Assessment
// Language, as JSON: it writes what a catalog knows as OSCAL catalogs,
// profiles and mapping collections, what a product states as a component
// definition, what is to be done as an assessment plan and what came out as
// assessment results; and it reads the results and component definitions of
// others as evidence.
//
// A requirement keeps its name everywhere: the alt-identifier of its control
// is STANDARD@EDITION/REQUIREMENT, as in en-303-645@2.1.1/5.1-1. Identifiers
// of parts follow NIST's own content: _smt is the statement, _gdn guidance,
// _obj the assessment objective. The same catalog gives the same bytes: UUIDs
// are of version 5 and no clock is read.
//
// The structs here have what is written and read, no more of the models.
package oscal
