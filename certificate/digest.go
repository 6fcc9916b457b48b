package certificate

import (
	"encoding/hex"
	"fmt"
)

// Digest is a SHA-256. Its text form is lower-case hex.
type Digest [32]byte

func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// IsZero reports whether d is no digest.
func (d Digest) IsZero() bool { return d == Digest{} }

// MarshalText writes hex.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads 64 hex digits.
func (d *Digest) UnmarshalText(b []byte) error {
	if len(b) != 64 {
		return fmt.Errorf("a digest has 64 hex digits, this has %d characters", len(b))
	}
	_, err := hex.Decode(d[:], b)
	return err
}
