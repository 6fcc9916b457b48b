package evidence

import "crypto/sha256"

// Digest is the SHA-256 of a file as it was handed in. It names the file
// among those who may read it. It is not for publication: who can guess the
// bytes can confirm the guess.
func Digest(b []byte) Hash { return sha256.Sum256(b) }

// Salt hides what a commitment is to. Its length is fixed, so that no bytes
// can move between salt and artifact. Draw 32 random bytes for each artifact
// and keep them with it: erasing both leaves a commitment that says nothing.
type Salt [32]byte

// Commit is SHA-256(salt || artifact), the only thing about an artifact that
// goes into a public log.
func Commit(salt Salt, artifact []byte) Hash {
	h := sha256.New()
	h.Write(salt[:])
	h.Write(artifact)
	return Hash(h.Sum(nil))
}
