// Package assay is the root of the module. It holds no code, only the tests
// that keep the layout:
//
//	civil scheme evidence assess certificate recognition market
//	                  the core: no input or output, no clock
//	catalog corpus    the rules as data, and cases that prove them
//	keys statement ledger
//	                  what is signed, how it is logged
//	store peer        adapters: the database, other offices' logs
//	office            an authority's use cases; the only place that writes
//	web client        pages and /v1; its client
//	node              wires the parts to a running office
//	cmd/assay         the command
//	campaign          long random tests
//	interop bench     modules of their own, for other people's libraries
//
// docs/architecture.md has the picture.
package assay
