package web

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"assay/office"
)

// Apply is what a maker hands in.
type Apply struct {
	Scheme    string                   `json:"scheme" maxLength:"64" minLength:"1"`
	Level     string                   `json:"level" maxLength:"64" minLength:"1"`
	Evidence  json.RawMessage          `json:"evidence" doc:"The evidence file as JSON"`
	Requests  []office.StandingRequest `json:"requests,omitempty" maxItems:"32" doc:"Designations asked for in other schemes"`
	Entity    string                   `json:"entity,omitempty" maxLength:"128" doc:"The holder; empty: whom the person speaks for"`
	Language  string                   `json:"language,omitempty" maxLength:"16"`
	PublishAt int64                    `json:"publish_at,omitempty" minimum:"0"`
}

// Evaluated is an evaluation with the act that it proposed.
type Evaluated struct {
	Application *office.Application `json:"application"`
	Act         *office.Act         `json:"act"`
}

type applicationOut struct {
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Body         *office.Application
}

func applicationAnswer(a *office.Application, err error) (*applicationOut, error) {
	if err != nil {
		return nil, err
	}
	return &applicationOut{versionTag(a.Version), "no-store", a}, nil
}

func (s *site) applicationAPI(api huma.API) {
	operation(s, api, secured(http.MethodPut, "/applications/{id}", "apply", "Hand in an application"),
		func(ctx context.Context, in *struct {
			ID   string `path:"id" format:"uuid"`
			Body Apply
		}) (*applicationOut, error) {
			b := &in.Body
			return applicationAnswer(s.office.Submit(ctx, person(ctx), office.Application{
				ID: in.ID, Entity: b.Entity, Scheme: b.Scheme, Level: b.Level, Evidence: b.Evidence,
				Requests: b.Requests, Language: b.Language, PublishAt: b.PublishAt,
			}))
		})
	operation(s, api, secured(http.MethodGet, "/applications", "applications", "List applications"),
		func(ctx context.Context, in *struct {
			Listing
			State string `query:"state" enum:"submitted,returned,complete,evaluated,granted,refused,withdrawn"`
		}) (*pageOut[office.Application], error) {
			as, next, err := s.office.Applications(ctx, person(ctx), in.State, in.After, in.Limit)
			return page(as, next), err
		})
	operation(s, api, secured(http.MethodGet, "/applications/{id}", "application", "Read an application"),
		func(ctx context.Context, in *struct {
			ID string `path:"id" maxLength:"128"`
		}) (*applicationOut, error) {
			return applicationAnswer(s.office.Application(ctx, person(ctx), in.ID))
		})
	operation(s, api, secured(http.MethodPost, "/applications/{id}/complete", "complete", "Confirm that an application is complete"),
		func(ctx context.Context, in *Transition) (*applicationOut, error) {
			match, err := in.match()
			if err != nil {
				return nil, err
			}
			return applicationAnswer(s.office.Complete(ctx, person(ctx), in.ID, match))
		})
	operation(s, api, secured(http.MethodPost, "/applications/{id}/return", "return", "Return an incomplete application"),
		func(ctx context.Context, in *struct {
			Transition
			Body struct {
				Missing []string `json:"missing" minItems:"1" maxItems:"64" doc:"Coded: what is missing"`
			}
		}) (*applicationOut, error) {
			match, err := in.match()
			if err != nil {
				return nil, err
			}
			return applicationAnswer(s.office.Return(ctx, person(ctx), in.ID, match, in.Body.Missing))
		})
	operation(s, api, secured(http.MethodPost, "/applications/{id}/withdraw", "withdraw", "Withdraw an application"),
		func(ctx context.Context, in *Transition) (*applicationOut, error) {
			match, err := in.match()
			if err != nil {
				return nil, err
			}
			return applicationAnswer(s.office.Withdraw(ctx, person(ctx), in.ID, match))
		})
	operation(s, api, secured(http.MethodPost, "/applications/{id}/evaluation", "evaluate", "Evaluate an application and propose its decision"),
		func(ctx context.Context, in *struct {
			Transition
			Body office.Evaluation
		}) (*struct {
			ETag         string `header:"ETag" doc:"Of the application"`
			CacheControl string `header:"Cache-Control"`
			Body         Evaluated
		}, error) {
			match, err := in.match()
			if err != nil {
				return nil, err
			}
			a, act, err := s.office.Evaluate(ctx, person(ctx), in.ID, match, in.Body)
			if err != nil {
				return nil, err
			}
			return &struct {
				ETag         string `header:"ETag" doc:"Of the application"`
				CacheControl string `header:"Cache-Control"`
				Body         Evaluated
			}{versionTag(a.Version), "no-store", Evaluated{a, act}}, nil
		})
}
