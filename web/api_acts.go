package web

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"assay/office"
)

// Proposal is an act that one person proposes.
type Proposal struct {
	Kind office.ActKind  `json:"kind" enum:"grant,refuse,suspend,reinstate,revoke,annul,surrender,correct,extend,hold,release,earlier,case,peer,policy,reading,catalog,person,key"`
	Body json.RawMessage `json:"body" doc:"What the act does; its shape depends on the kind"`
}

type actOut struct {
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Body         *office.Act
}

func actAnswer(a *office.Act, err error) (*actOut, error) {
	if err != nil {
		return nil, err
	}
	return &actOut{versionTag(a.Version), "no-store", a}, nil
}

func (s *site) actAPI(api huma.API) {
	operation(s, api, secured(http.MethodPut, "/acts/{id}", "propose", "Propose an act"),
		func(ctx context.Context, in *struct {
			ID   string `path:"id" format:"uuid"`
			Body Proposal
		}) (*actOut, error) {
			return actAnswer(s.office.Propose(ctx, person(ctx), in.ID, in.Body.Kind, in.Body.Body))
		})
	operation(s, api, secured(http.MethodPost, "/acts/{id}/approve", "approve", "Approve an act as the second person"),
		func(ctx context.Context, in *Transition) (*actOut, error) {
			match, err := in.match()
			if err != nil {
				return nil, err
			}
			act, err := s.office.Approve(ctx, person(ctx), in.ID, match)
			if err == nil && s.published(ctx, in.Waiting, act.Index) {
				act.Stage = office.Published
			}
			return actAnswer(act, err)
		})
	operation(s, api, secured(http.MethodPost, "/acts/{id}/reject", "reject", "Reject a proposed act"),
		func(ctx context.Context, in *struct {
			Transition
			Body struct {
				Reason string `json:"reason" minLength:"1" maxLength:"128" doc:"Coded"`
			}
		}) (*actOut, error) {
			match, err := in.match()
			if err != nil {
				return nil, err
			}
			return actAnswer(s.office.Reject(ctx, person(ctx), in.ID, match, in.Body.Reason))
		})
	operation(s, api, secured(http.MethodGet, "/acts", "acts", "List acts"),
		func(ctx context.Context, in *struct {
			Listing
			State string `query:"state" enum:"proposed,approved,done,rejected"`
		}) (*pageOut[office.Act], error) {
			as, next, err := s.office.Acts(ctx, person(ctx), in.State, in.After, in.Limit)
			return page(as, next), err
		})
	operation(s, api, secured(http.MethodGet, "/acts/{id}", "act", "Read an act"),
		func(ctx context.Context, in *struct {
			ID string `path:"id" maxLength:"128"`
		}) (*actOut, error) {
			return actAnswer(s.office.Act(ctx, person(ctx), in.ID))
		})
	operation(s, api, secured(http.MethodGet, "/acts/{id}/letter", "letter", "Read the decision letter of an act"),
		func(ctx context.Context, in *struct {
			ID   string `path:"id" maxLength:"128"`
			Lang string `query:"lang" maxLength:"16" doc:"Language besides the office's; empty: the holder's"`
		}) (*struct {
			CacheControl string `header:"Cache-Control"`
			Body         *office.Letter
		}, error) {
			l, err := s.office.Letter(ctx, person(ctx), in.ID, in.Lang)
			return &struct {
				CacheControl string `header:"Cache-Control"`
				Body         *office.Letter
			}{"no-store", l}, err
		})
	operation(s, api, secured(http.MethodGet, "/cases", "cases", "List what lies on the desk"),
		func(ctx context.Context, in *struct {
			Listing
			State string `query:"state" enum:"open,decided,moot"`
		}) (*pageOut[office.Case], error) {
			cs, next, err := s.office.Cases(ctx, person(ctx), in.State, in.After, in.Limit)
			return page(cs, next), err
		})
	operation(s, api, secured(http.MethodGet, "/alarms", "alarms", "List alarms"),
		func(ctx context.Context, in *Listing) (*pageOut[office.Alarm], error) {
			as, next, err := s.office.Alarms(ctx, person(ctx), in.After, in.Limit)
			return page(as, next), err
		})
	operation(s, api, secured(http.MethodGet, "/me", "me", "Read who the token speaks for"),
		func(ctx context.Context, _ *struct{}) (*struct {
			CacheControl string `header:"Cache-Control"`
			Body         *office.Person
		}, error) {
			return &struct {
				CacheControl string `header:"Cache-Control"`
				Body         *office.Person
			}{"no-store", person(ctx)}, nil
		})
}
