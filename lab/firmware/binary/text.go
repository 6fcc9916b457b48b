package binary

import "iter"

// printable are the characters of strings: ASCII from space to tilde, and tab.
var printable = func() (t [256]bool) {
	for c := ' '; c <= '~'; c++ {
		t[c] = true
	}
	t['\t'] = true
	return t
}()

// Strings are the runs of at least n printable ASCII characters, each with its
// offset, as strings(1) finds them. The bytes are those of b.
func Strings(b []byte, n int) iter.Seq2[int, []byte] {
	n = max(n, 1)
	return func(yield func(int, []byte) bool) {
		for at := 0; at+n <= len(b); {
			// Looked at from its end, a stretch without a string costs one look.
			bad := n - 1
			for bad >= 0 && printable[b[at+bad]] {
				bad--
			}
			if bad >= 0 {
				at += bad + 1
				continue
			}
			end := at + n
			for end < len(b) && printable[b[end]] {
				end++
			}
			if !yield(at, b[at:end]) {
				return
			}
			at = end + 1
		}
	}
}
