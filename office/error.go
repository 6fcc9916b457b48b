package office

import (
	"errors"
	"fmt"
)

// Code says what kind of failure it was; programs act on it.
type Code string

// Codes.
const (
	Invalid       Code = "invalid"         // the input is wrong; Field says where
	NotFound      Code = "not-found"       // no such thing here
	Conflict      Code = "conflict"        // the thing is in another state, or the same id carries another body
	Changed       Code = "changed"         // If-Match does not hold any more: read again
	Forbidden     Code = "forbidden"       // the person's roles do not allow it
	SamePerson    Code = "same-person"     // two persons are needed
	OwnEvaluation Code = "own-evaluation"  // nobody decides what they evaluated
	Unsigned      Code = "unauthenticated" // no or an unknown token
	Spent         Code = "token-spent"     // a single-use token was used before
	ClockBack     Code = "clock-back"      // time is earlier than the log's head
	LintFailed    Code = "lint"            // what would be signed breaks a rule
	Unavailable   Code = "unavailable"     // try again later
	Full          Code = "storage-full"    // the disk is full: nothing was half done
)

// Error is what every use case returns for a failure that its caller can do
// something about. Anything else is an internal error.
type Error struct {
	Code    Code
	Message string // what is wrong, for people
	Field   string // where, as a JSON path or a name; may be empty
	Hint    string // what to do; may be empty
	Err     error  // cause, not shown to strangers
}

func (e *Error) Error() string {
	s := string(e.Code) + ": " + e.Message
	if e.Field != "" {
		s += " (at " + e.Field + ")"
	}
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the code of an *Error in err's chain, or "".
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func fail(c Code, field, hint, format string, args ...any) *Error {
	return &Error{Code: c, Field: field, Hint: hint, Message: fmt.Sprintf(format, args...)}
}
