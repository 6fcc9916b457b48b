package peer

import (
	"errors"
	"fmt"
)

// Error is what went wrong with a peer, by code.
type Error struct {
	Code string // a constant of this package
	Site string // office id, where known
	Path string // below the base URL, where one was asked for
	Err  error
}

func (e *Error) Error() string {
	switch {
	case e.Site != "" && e.Path != "":
		return fmt.Sprintf("peer %s: %s: %s: %v", e.Site, e.Path, e.Code, e.Err)
	case e.Site != "":
		return fmt.Sprintf("peer %s: %s: %v", e.Site, e.Code, e.Err)
	}
	return fmt.Sprintf("peer: %s: %v", e.Code, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// fail makes an Error with a place.
func fail(code, site, path, format string, args ...any) *Error {
	return &Error{Code: code, Site: site, Path: path, Err: fmt.Errorf(format, args...)}
}

// Code is the code of an error of this package: of a round that failed, or of
// [Item.Err]. Any other error is [Internal]; nil is "".
func Code(err error) string {
	var e *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Code
	}
	return Internal
}

// errText keeps what an error says and drops its code.
func errText(err error) error { return errors.New(err.Error()) }
