package peer

// Receipt is what one office says to another about its log: applied through
// Size under Root at Time. It is cumulative: the newest replaces the others.
type Receipt struct {
	Receiver string   // office id of the one who applied
	Origin   string   // the source's log
	Size     int64    // entries applied
	Root     [32]byte // the head they stand under
	Time     int64    // µs UTC
	Held     [32]byte // SHA-256 of the list of held or rejected entries, as their office keeps it
}
