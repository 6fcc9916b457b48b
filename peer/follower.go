package peer

import "context"

// Follower follows every site of its books.
type Follower struct {
	books Books
}

// Hint wakes the follower of a site before its poll interval ends.
func (f *Follower) Hint(site string) {}

// Step does one round for a site and returns when nothing of it is left.
func (f *Follower) Step(ctx context.Context, site string) error { return nil }
