package keys

import "errors"

// PKCS11 says where keys in a hardware module are (OASIS PKCS #11 v3.0).
type PKCS11 struct {
	Module  string          // path of the module's library
	Token   string          // label of the token in it
	PINFile string          // file with the user PIN; a newline at its end does not count
	Labels  map[Role]string // CKA_LABEL of each role's key pair; the other roles' keys are in a file
}

// Errors of a hardware module, wrapped with what was being done.
var (
	ErrNoPKCS11 = errors.New("this program was built without PKCS#11; build it with: CGO_ENABLED=1 go build -tags pkcs11 ./cmd/assay")
	ErrToken    = errors.New("hardware module does not hold what was asked for")
)
