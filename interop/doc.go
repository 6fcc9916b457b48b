// Package interop holds tests that let libraries nobody here wrote judge what
// an office serves: Tessera's client and fsck read its log, go-cose its
// statements, jwx its office document, x/mod's note its checkpoint; and NIST's,
// CycloneDX's and SARIF's schemas what is written in their formats. The examples of CycloneDX's and
// SPDX's own libraries have to be read as those read them. It is a module of its own
// so that none of them is a dependency of Assay.
package interop
