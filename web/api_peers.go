package web

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"assay/office"
	"assay/scheme"
)

func (s *site) peerAPI(api huma.API) {
	operation(s, api, get("/arrivals", "arrivals", "List what came from partners and what became of it"),
		func(ctx context.Context, in *struct {
			Listing
			Site string `query:"site" maxLength:"128" doc:"Only from this partner"`
		}) (*pageOut[office.Arrival], error) {
			as, next, err := s.office.Arrivals(ctx, in.Site, in.After, in.Limit)
			return page(as, next), err
		})
	operation(s, api, get("/peers", "peers", "List partners and how they stand"),
		func(ctx context.Context, _ *struct{}) (*pageOut[office.PeerStatus], error) {
			ps, err := s.office.Peers(ctx)
			return page(ps, ""), err
		})
	operation(s, api, get("/peers/{site}/evidence", "evidence", "List what a partner signed against itself"),
		func(ctx context.Context, in *struct {
			Site string `path:"site" maxLength:"128"`
		}) (*pageOut[json.RawMessage], error) {
			es, err := s.office.PeerEvidence(ctx, in.Site)
			return page(es, ""), err
		})
}

// Offer is a catalog that an act may adopt.
type Offer struct {
	Archive []byte `json:"archive" doc:"The catalog's archive, as assay catalog makes it" maxLength:"6000000"`
}

// Offered is the digest under which an act adopts it.
type Offered struct {
	Digest string `json:"digest"`
}

func (s *site) catalogAPI(api huma.API) {
	operation(s, api, secured(http.MethodPut, "/catalogs/{digest}", "offer", "Offer a catalog, which changes nothing until an act adopts it"),
		func(ctx context.Context, in *struct {
			Digest string `path:"digest" pattern:"^[0-9a-f]{64}$"`
			Body   Offer
		}) (*struct{ Body Offered }, error) {
			d, err := s.office.OfferCatalog(ctx, person(ctx), in.Digest, in.Body.Archive)
			return &struct{ Body Offered }{Offered{d}}, err
		})
	operation(s, api, get("/catalogs/{digest}", "archive", "Read the archive of a catalog that this office adopted or was offered"),
		func(ctx context.Context, in *struct {
			Digest string `path:"digest" pattern:"^[0-9a-f]{64}$"`
		}) (*struct{ Body Offer }, error) {
			b, err := s.office.CatalogArchive(ctx, in.Digest)
			return &struct{ Body Offer }{Offer{b}}, err
		})
	operation(s, api, secured(http.MethodPost, "/alarms/{id}/clear", "clear", "Say that an alarm was seen to"),
		func(ctx context.Context, in *struct {
			ID int64 `path:"id" minimum:"1"`
		}) (*struct{}, error) {
			return nil, s.office.ClearAlarm(ctx, person(ctx), in.ID)
		})
}

// parseFacts reads name=yes, name=no, name=undetermined.
func parseFacts(pairs []string) (map[string]scheme.Answer, error) {
	if len(pairs) == 0 {
		return nil, nil
	}
	facts := make(map[string]scheme.Answer, len(pairs))
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		var a scheme.Answer
		if err := a.UnmarshalText([]byte(value)); err != nil || name == "" {
			return nil, &office.Error{Code: office.Invalid, Message: "a fact is a name, =, and yes, no or undetermined", Field: "query.fact", Hint: "write fact=registered=yes"}
		}
		if _, twice := facts[name]; twice {
			return nil, &office.Error{Code: office.Invalid, Message: "the same fact is stated twice", Field: "query.fact", Hint: "state each fact once"}
		}
		facts[name] = a
	}
	return facts, nil
}
