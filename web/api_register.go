package web

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"assay/certificate"
	"assay/civil"
	"assay/office"
	"assay/scheme"
)

// RegisterPage is a page of the register as of an instant. NextChange is the
// next instant at which the calendar alone changes one of its entries.
type RegisterPage struct {
	AsOf       int64           `json:"as_of"`
	NextChange int64           `json:"next_change,omitempty"`
	Items      json.RawMessage `json:"items"`
	Next       string          `json:"next,omitempty"`
}

// registerPageDoc is RegisterPage as it is described.
type registerPageDoc struct {
	AsOf       int64          `json:"as_of"`
	NextChange int64          `json:"next_change,omitempty"`
	Items      []office.Entry `json:"items"`
	Next       string         `json:"next,omitempty"`
}

// raw is an answer encoded once, for which the ETag is known.
type raw struct {
	Status       int
	ContentType  string `header:"Content-Type"`
	Length       string `header:"Content-Length"` // without it the body goes out in chunks
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Body         []byte
}

func encoded(tag, cache string, b []byte) *raw {
	return &raw{http.StatusOK, "application/json", strconv.Itoa(len(b)), tag, cache, b}
}

func notModified(tag, cache string) *raw {
	return &raw{Status: http.StatusNotModified, ETag: tag, CacheControl: cache}
}

// describes sets the type that a raw operation answers with.
func describes[T any](api huma.API, op huma.Operation) huma.Operation {
	schema := api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[T](), true, op.OperationID+"Response")
	op.Responses = map[string]*huma.Response{
		"200": {Description: http.StatusText(http.StatusOK), Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}},
		"304": {Description: http.StatusText(http.StatusNotModified)},
	}
	op.Errors = []int{http.StatusBadRequest, http.StatusNotFound, http.StatusUnprocessableEntity}
	return op
}

// Instants are the T and K of a question.
type Instants struct {
	At          string `query:"at" format:"date-time" doc:"State at this instant; empty: now"`
	Known       string `query:"known" format:"date-time" doc:"As known at this instant; empty: now"`
	IfNoneMatch string `header:"If-None-Match"`
}

func (t *Instants) parse() (at, known int64, err error) {
	if at, err = instant("query.at", t.At); err != nil {
		return 0, 0, err
	}
	known, err = instant("query.known", t.Known)
	return at, known, err
}

func instant(field, s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.UnixMicro() <= 0 {
		p := newProblem(http.StatusUnprocessableEntity, "this is no instant after 1970", "write it like 2026-11-24T09:30:00+09:00 (RFC 3339)")
		p.Field = field
		return 0, p
	}
	return t.UnixMicro(), nil
}

func (s *site) registerAPI(api huma.API) {
	operation(s, api, describes[office.Info](api, get("/office", "office", "Read who this office is")),
		func(ctx context.Context, in *struct {
			IfNoneMatch string `header:"If-None-Match"`
		}) (*raw, error) {
			return s.rawJSON(in.IfNoneMatch, "public, max-age=60", s.office.ID())
		})
	operation(s, api, describes[registerPageDoc](api, get("/certificates", "register", "Search the register")), s.search)
	operation(s, api, describes[office.Answer](api, get("/certificates/{id}", "certificate", "Read a certificate: state at T as known at K")),
		func(ctx context.Context, in *struct {
			ID string `path:"id" maxLength:"128"`
			Instants
		}) (*raw, error) {
			return s.answer(ctx, in.ID, &in.Instants)
		})
	operation(s, api, describes[office.Answer](api, get("/lookup", "lookup", "Read the certificate that has a number")),
		func(ctx context.Context, in *struct {
			Number string `query:"number" required:"true" minLength:"1" maxLength:"128" doc:"As printed on the label"`
			Instants
		}) (*raw, error) {
			id, err := s.office.ByNumber(ctx, in.Number)
			if err != nil {
				return nil, err
			}
			return s.answer(ctx, id, &in.Instants)
		})
	operation(s, api, get("/certificates/{id}/who", "who", "Read who allowed a certificate and its state"),
		func(ctx context.Context, in *struct {
			ID string `path:"id" maxLength:"128"`
		}) (*struct {
			CacheControl string `header:"Cache-Control"`
			Body         *office.Who
		}, error) {
			w, err := s.office.Who(ctx, person(ctx), in.ID)
			return &struct {
				CacheControl string `header:"Cache-Control"`
				Body         *office.Who
			}{"no-store", w}, err
		})
	operation(s, api, secured(http.MethodPut, "/requests/{office}/{id}", "request", "Ask for a designation on a partner's certificate"),
		func(ctx context.Context, in *struct {
			Office string `path:"office" maxLength:"128"`
			ID     string `path:"id" maxLength:"128"`
			Body   office.StandingRequest
		}) (*struct{}, error) {
			return nil, s.office.Request(ctx, person(ctx), in.Office, in.ID, in.Body)
		})
	operation(s, api, describes[scheme.Catalog](api, get("/catalog", "catalog", "Read the catalog in force")),
		func(ctx context.Context, in *struct {
			IfNoneMatch string `header:"If-None-Match"`
		}) (*raw, error) {
			c, err := s.office.Catalog(ctx)
			if err != nil {
				return nil, err
			}
			tag := `"` + c.Digest + `"`
			if fresh(in.IfNoneMatch, tag) {
				return notModified(tag, "public, max-age=60"), nil
			}
			b, err := encode(c)
			return encoded(tag, "public, max-age=60", b), err
		})
	operation(s, api, get("/markets/{market}/certificates/{id}", "market", "Ask whether a product may be sold in a market on a day"), s.market)
}

func (s *site) search(ctx context.Context, in *struct {
	Listing
	Text        string            `query:"text" maxLength:"200"`
	Scheme      string            `query:"scheme" maxLength:"64"`
	Level       string            `query:"level" maxLength:"64"`
	State       certificate.State `query:"state" enum:"valid,not-yet-valid,held,suspended,lapsed,revoked,annulled,surrendered,superseded,expired"`
	Holder      string            `query:"holder" maxLength:"128"`
	Office      string            `query:"office" maxLength:"128" doc:"Designations that rest on this office; - for own grants"`
	IfNoneMatch string            `header:"If-None-Match"`
}) (*raw, error) {
	now := s.now().UnixMicro()
	es, next, err := s.office.Register(ctx, office.Query{
		Text: in.Text, Scheme: in.Scheme, Level: in.Level, State: in.State,
		Holder: in.Holder, Office: in.Office, After: in.After, Limit: in.Limit,
	})
	if err != nil {
		return nil, err
	}
	sent := make([]office.Entry, len(es))
	for i := range es {
		sent[i] = once(es[i])
	}
	items, err := encode(sent)
	if err != nil {
		return nil, err
	}
	p := RegisterPage{AsOf: now, Items: items, Next: next}
	for i := range es {
		if n := es[i].Standing.Next; n != 0 && (p.NextChange == 0 || n < p.NextChange) {
			p.NextChange = n
		}
	}
	h := sha256.New()
	h.Write(items)
	h.Write([]byte(p.Next))
	tag, cache := weakTag(h), cacheFor(now, p.NextChange)
	if fresh(in.IfNoneMatch, tag) {
		return notModified(tag, cache), nil
	}
	b, err := encode(p)
	return encoded(tag, cache, b), err
}

func (s *site) answer(ctx context.Context, id string, t *Instants) (*raw, error) {
	at, known, err := t.parse()
	if err != nil {
		return nil, err
	}
	a, err := s.office.Certificate(ctx, id, at, known)
	if err != nil {
		return nil, err
	}
	tag, cache := answerTag(a), cacheFor(a.AsOf, a.NextChange)
	if fresh(t.IfNoneMatch, tag) {
		return notModified(tag, cache), nil
	}
	a.Entry = once(a.Entry)
	// The outcome is most of the answer, and stands as JSON in the database;
	// the encoder would read it through once more to compact what is compact.
	outcome := a.Outcome
	a.Outcome = nil
	b, err := encode(a)
	if err == nil && len(outcome) > 0 {
		b = append(append(append(b[:len(b)-len("}\n")], `,"outcome":`...), outcome...), "}\n"...)
	}
	return encoded(tag, cache, b), err
}

// once leaves the amended certificate away where nothing is amended: it would
// say the same a second time, in every answer.
func once(e office.Entry) office.Entry {
	if e.Standing.Amended == e.Certificate {
		e.Standing.Amended = nil
	}
	return e
}

func (s *site) rawJSON(ifNoneMatch, cache string, v any) (*raw, error) {
	b, err := encode(v)
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	h.Write(b)
	tag := weakTag(h)
	if fresh(ifNoneMatch, tag) {
		return notModified(tag, cache), nil
	}
	return encoded(tag, cache, b), nil
}

func (s *site) market(ctx context.Context, in *struct {
	Market string   `path:"market" maxLength:"64"`
	ID     string   `path:"id" maxLength:"128"`
	Day    string   `query:"day" format:"date" doc:"Civil date in the market's zone; empty: today in UTC"`
	Fact   []string `query:"fact,explode" maxItems:"32" doc:"What is known besides: name=yes, name=no; what is not said is unknown"`
}) (*struct {
	CacheControl string `header:"Cache-Control"`
	Body         any
}, error) {
	day := civil.DateAt(s.now().UnixMicro(), time.UTC)
	if in.Day != "" {
		var err error
		if day, err = civil.ParseDate(in.Day); err != nil {
			return nil, &office.Error{Code: office.Invalid, Message: err.Error(), Field: "query.day", Hint: "write it like 2026-11-24"}
		}
	}
	facts, err := parseFacts(in.Fact)
	if err != nil {
		return nil, err
	}
	v, err := s.office.Market(ctx, in.Market, in.ID, day, facts)
	return &struct {
		CacheControl string `header:"Cache-Control"`
		Body         any
	}{"no-store", v}, err
}
