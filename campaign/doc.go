// Package campaign holds long random tests: processes killed at any moment,
// bytes flipped anywhere, years that pass. Each round is made from a seed, a
// name and a number alone, and says on failure how to run it again:
//
//	go test ./campaign -run Append -args -seed 1 -round 17
//
// What is tried is the same again; at which instruction a killed process stops
// is not. Without flags each campaign runs a small fixed slice, which is part of the
// ordinary tests. With -minutes M each runs rounds for M minutes; .ci/long does
// that. With ASSAY_TEST_POSTGRES set the same happens there too.
package campaign
