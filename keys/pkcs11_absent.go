//go:build !pkcs11

package keys

// OpenPKCS11 fails with [ErrNoPKCS11]: this program was built without it.
func OpenPKCS11(PKCS11, *Ring) (*Ring, func() error, error) { return nil, nil, ErrNoPKCS11 }
