package web

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"assay/office"
)

// Problem is every failure of the API: RFC 9457 problem details with the
// extension members code, field, hint and errors. Detail and hint are English;
// code is stable and is what programs act on.
type Problem struct {
	Title  string       `json:"title" doc:"The HTTP status in words"`
	Status int          `json:"status" doc:"The HTTP status"`
	Code   string       `json:"code" doc:"Stable name of the kind of failure"`
	Detail string       `json:"detail,omitempty" doc:"What is wrong"`
	Field  string       `json:"field,omitempty" doc:"Where: a JSON path or a name"`
	Hint   string       `json:"hint,omitempty" doc:"What to do"`
	Errors []FieldError `json:"errors,omitempty" doc:"Every place that is wrong, where there are several"`
}

// FieldError is one wrong place of an input.
type FieldError struct {
	Field  string `json:"field,omitempty"`
	Detail string `json:"detail"`
}

// Error makes a Problem an error.
func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus is the HTTP status, for huma.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is application/problem+json (RFC 9457, section 3), for huma.
func (p *Problem) ContentType(string) string { return problemType }

// GetHeaders are what a status owes its reader (RFC 9110, sections 11.6.1 and
// 10.2.3), and that no failure is ever cached.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{"Cache-Control": {"no-store"}}
	switch p.Status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="assay"`)
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", "1")
	}
	return h
}

const problemType = "application/problem+json"

// status maps an office's codes; a code without a row is an internal error.
var status = map[office.Code]int{
	office.Invalid:       http.StatusUnprocessableEntity,
	office.NotFound:      http.StatusNotFound,
	office.Conflict:      http.StatusConflict,
	office.Changed:       http.StatusPreconditionFailed,
	office.Forbidden:     http.StatusForbidden,
	office.SamePerson:    http.StatusForbidden,
	office.OwnEvaluation: http.StatusForbidden,
	office.Unsigned:      http.StatusUnauthorized,
	office.Spent:         http.StatusConflict,
	office.ClockBack:     http.StatusServiceUnavailable,
	office.LintFailed:    http.StatusUnprocessableEntity,
	office.Unavailable:   http.StatusServiceUnavailable,
	office.Full:          http.StatusInsufficientStorage,
}

// Codes of failures that arise before the office is asked.
const (
	codeMalformed    = "malformed"
	codeInternal     = "internal"
	codeNoMatch      = "precondition-required"
	codeMethod       = "method-not-allowed"
	codeTooLarge     = "too-large"
	codeMediaType    = "unsupported-media-type"
	codeCrossOrigin  = "cross-origin"
	codeTimeout      = "timeout"
	codeUnacceptable = "not-acceptable"
)

var codes = map[int]string{
	http.StatusBadRequest:            codeMalformed,
	http.StatusUnauthorized:          string(office.Unsigned),
	http.StatusForbidden:             string(office.Forbidden),
	http.StatusNotFound:              string(office.NotFound),
	http.StatusMethodNotAllowed:      codeMethod,
	http.StatusNotAcceptable:         codeUnacceptable,
	http.StatusRequestTimeout:        codeTimeout,
	http.StatusConflict:              string(office.Conflict),
	http.StatusPreconditionFailed:    string(office.Changed),
	http.StatusRequestEntityTooLarge: codeTooLarge,
	http.StatusRequestURITooLong:     codeTooLarge,
	http.StatusUnsupportedMediaType:  codeMediaType,
	http.StatusUnprocessableEntity:   string(office.Invalid),
	http.StatusPreconditionRequired:  codeNoMatch,
	http.StatusServiceUnavailable:    string(office.Unavailable),
}

func newProblem(status int, detail, hint string) *Problem {
	code := codes[status]
	if code == "" {
		code = codeInternal
	}
	return &Problem{Title: http.StatusText(status), Status: status, Code: code, Detail: detail, Hint: hint}
}

func internalProblem() *Problem {
	return newProblem(http.StatusInternalServerError, "something went wrong in the office", "try again; if it stays, tell the office when it happened")
}

// problemOf turns a failure into what a stranger may read of it. Causes of
// internal errors go to the log and nowhere else.
func problemOf(ctx context.Context, log *slog.Logger, err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	var e *office.Error
	if errors.As(err, &e) {
		if s := status[e.Code]; s != 0 {
			p := newProblem(s, e.Message, e.Hint)
			p.Code, p.Field = string(e.Code), e.Field
			if s >= http.StatusInternalServerError {
				log.LogAttrs(ctx, slog.LevelWarn, "request refused", slog.Any("error", err))
			}
			return p
		}
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return newProblem(http.StatusServiceUnavailable, "the office did not answer in time", "ask again")
	}
	log.LogAttrs(ctx, slog.LevelError, "internal error", slog.Any("error", err))
	return internalProblem()
}

func init() {
	// huma keeps the shape of errors in package variables. Values that were
	// wrong are left out: they may be large, and they may be secrets.
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		if status >= http.StatusInternalServerError {
			return internalProblem()
		}
		p := newProblem(status, msg, "")
		for _, err := range errs {
			var d huma.ErrorDetailer
			switch {
			case err == nil:
			case errors.As(err, &d):
				e := d.ErrorDetail()
				p.Errors = append(p.Errors, FieldError{e.Location, e.Message})
			default:
				p.Errors = append(p.Errors, FieldError{Detail: err.Error()})
			}
		}
		if len(p.Errors) > 0 {
			p.Field, p.Detail = p.Errors[0].Field, p.Errors[0].Detail
		}
		if len(p.Errors) == 1 {
			p.Errors = nil
		}
		return p
	}
}

// write sends p over plain net/http.
func (p *Problem) write(w http.ResponseWriter) {
	h := w.Header()
	for k, v := range p.GetHeaders() {
		h[k] = v
	}
	h.Del("ETag")
	h.Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // a reader who left is no failure of ours
}
