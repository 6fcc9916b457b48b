// Package interop holds tests that let libraries nobody here wrote judge what
// an office serves: Tessera's client and fsck read its log, go-cose its
// statements, jwx its office document, x/mod's note its checkpoint. It is a
// module of its own so that none of them is a dependency of Assay.
package interop
