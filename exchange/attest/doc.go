// Package attest writes CycloneDX 1.6 (ECMA-424, 2nd edition) attestations as
// JSON: what a catalog knows as standards with requirements and levels, and
// what an assessment found as declarations about a product.
//
// The bom-ref and the identifier of a requirement are
// STANDARD@EDITION/REQUIREMENT, as in en-303-645@2.1.1/5.1-1; those of a level
// are SCHEME@EDITION/LEVEL. The same input gives the same bytes.
package attest
