package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"assay/office"
)

// api is the JSON API under /v1 with its OpenAPI 3.1 description.
func (s *site) api() http.Handler {
	mux := http.NewServeMux()
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title:       "Assay",
				Version:     "1",
				Description: apiDescription,
			},
			Components: &huma.Components{
				Schemas:         huma.NewMapRegistry("#/components/schemas/", schemaName),
				SecuritySchemes: map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer"}},
			},
		},
		Formats:       map[string]huma.Format{"application/json": strictJSON, "json": strictJSON},
		DefaultFormat: "application/json",
	}
	api := humago.New(mux, config)
	api.UseMiddleware(s.authenticate)
	s.registerAPI(api)
	s.applicationAPI(api)
	s.actAPI(api)
	s.peerAPI(api)
	s.catalogAPI(api)

	spec, err := json.Marshal(api.OpenAPI())
	if err != nil {
		panic(err) // the description is made of constants
	}
	mux.HandleFunc("GET /v1/openapi.json", func(w http.ResponseWriter, r *http.Request) {
		send(w, "application/openapi+json", "public, max-age=300", spec)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mux.ServeHTTP(&plainErrors{ResponseWriter: w}, r)
	})
}

const apiDescription = "An authority's office: its register, applications, acts and partners. " +
	"Creation is PUT with a UUID that the client chooses: the same body again gives the first answer, another body 409. " +
	"Transitions are POST with If-Match: 428 without it, 412 when the thing changed. " +
	"Lists page by an opaque cursor. Answers name the stage that was reached (recorded, logged, published); " +
	"`wait=published` waits for the last up to five seconds. Instants are µs since 1970-01-01 UTC."

// schemaName tells types of the same name in different packages apart.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	name := huma.DefaultSchemaNamer(t, hint)
	if pkg := path.Base(t.PkgPath()); t.Name() != "" && pkg != "web" && pkg != "office" && pkg != "." {
		name = strings.ToUpper(pkg[:1]) + pkg[1:] + name
	}
	return name
}

// operation registers a handler, with its errors made problems.
func operation[I, O any](s *site, api huma.API, op huma.Operation, h func(context.Context, *I) (*O, error)) {
	if op.MaxBodyBytes == 0 {
		op.MaxBodyBytes = MaxBody
	}
	huma.Register(api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := h(ctx, in)
		if err != nil {
			return nil, problemOf(ctx, s.log, err)
		}
		return out, nil
	})
}

func get(path, id, summary string) huma.Operation {
	return huma.Operation{Method: http.MethodGet, Path: "/v1" + path, OperationID: id, Summary: summary}
}

var needsToken = []map[string][]string{{"token": {}}}

// secured operations need a person.
func secured(method, path, id, summary string) huma.Operation {
	return huma.Operation{Method: method, Path: "/v1" + path, OperationID: id, Summary: summary, Security: needsToken}
}

type personKey struct{}

// person is who asks; nil for the public.
func person(ctx context.Context) *office.Person {
	p, _ := ctx.Value(personKey{}).(*office.Person)
	return p
}

// authenticate knows persons by their bearer token (RFC 6750, header only). A
// token that is wrong is refused even where none is needed, so that nobody
// takes the public answer for their own.
func (s *site) authenticate(ctx huma.Context, next func(huma.Context)) {
	header := ctx.Header("Authorization")
	if header == "" {
		if len(ctx.Operation().Security) > 0 {
			writeProblem(ctx, newProblem(http.StatusUnauthorized, "this needs a person", "send Authorization: Bearer with your token"))
			return
		}
		next(ctx)
		return
	}
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" || len(token) > 512 || !clean(token) {
		writeProblem(ctx, newProblem(http.StatusUnauthorized, "the Authorization header has no bearer token", "send Authorization: Bearer with your token"))
		return
	}
	p, err := s.office.Authenticate(ctx.Context(), token)
	if err != nil {
		writeProblem(ctx, problemOf(ctx.Context(), s.log, err))
		return
	}
	next(huma.WithValue(ctx, personKey{}, p))
}

func writeProblem(ctx huma.Context, p *Problem) {
	_, w := humago.Unwrap(ctx)
	p.write(w)
}

// Listing is how every list is asked for.
type Listing struct {
	After string `query:"after" maxLength:"1024" doc:"Cursor: next of the page before"`
	Limit int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

// Page is one page of a list. Next is the cursor of the page after it, absent
// on the last.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
}

type pageOut[T any] struct {
	CacheControl string `header:"Cache-Control"`
	Body         Page[T]
}

func page[T any](items []T, next string) *pageOut[T] {
	if items == nil {
		items = []T{}
	}
	return &pageOut[T]{"no-store", Page[T]{items, next}}
}

// Transition names a thing and the version of it that the caller has seen.
type Transition struct {
	ID      string `path:"id" maxLength:"128"`
	IfMatch string `header:"If-Match" doc:"The ETag that you have seen; without it 428"`
	Waiting
}

// match is the version that If-Match names (RFC 9110, section 13.1.1).
func (t *Transition) match() (int64, error) {
	if t.IfMatch == "" {
		p := newProblem(http.StatusPreconditionRequired, "this changes something that others change too", "read it, and send its ETag as If-Match")
		p.Field = "header.If-Match"
		return 0, p
	}
	v, err := strconv.ParseInt(strings.Trim(t.IfMatch, `"`), 10, 64)
	if err != nil || v < 0 || t.IfMatch != versionTag(v) {
		p := newProblem(http.StatusPreconditionFailed, fmt.Sprintf("%.40q is no version of it", t.IfMatch), "read it again, and send its ETag as If-Match")
		p.Field = "header.If-Match"
		return 0, p
	}
	return v, nil
}

func versionTag(v int64) string { return `"` + strconv.FormatInt(v, 10) + `"` }

// Waiting lets a caller ask for a later stage.
type Waiting struct {
	Wait string `query:"wait" enum:"published" doc:"Wait up to five seconds until a checkpoint covers it"`
}

const waitTime = 5 * time.Second

// published reports whether entry index is under a stored checkpoint, having
// waited for it where the caller asked to.
func (s *site) published(ctx context.Context, w Waiting, index int64) bool {
	if w.Wait == "" || index < 0 {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, waitTime)
	defer cancel()
	return s.office.WaitPublished(ctx, index) == nil
}
