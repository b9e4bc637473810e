package api

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections/golden"
)

// SearchRequest looks for customers by whatever the caller has.
type SearchRequest struct {
	Query       string        `json:"q" minLength:"1" maxLength:"512" doc:"Names, part of a telephone number, e-mail address, document, id"`
	Filters     SearchFilters `json:"filters,omitzero"`
	Limit       int           `json:"limit,omitempty" minimum:"1" maximum:"200" doc:"Default 20"`
	MinPosition uint64        `json:"min_position,omitempty" doc:"As the query parameter elsewhere"`
}

// SearchFilters narrow a search; what is left out does not.
type SearchFilters struct {
	Kind      events.Kind `json:"kind,omitempty" enum:"person,organization"`
	Withdrawn bool        `json:"withdrawn,omitempty" doc:"Also customers whose sources withdrew every record"`
}

// SearchAnswer are the customers found, best first.
type SearchAnswer struct {
	AsOf
	Data      []SearchHit `json:"data"`
	Truncated bool        `json:"truncated" doc:"There may be more; say more about whom you look for"`
}

// SearchHit is a customer that a search found.
type SearchHit struct {
	ID          uuid.UUID    `json:"id" format:"uuid"`
	Kind        events.Kind  `json:"kind,omitempty"`
	DisplayName string       `json:"display_name"`
	Live        bool         `json:"live"`
	Found       golden.Found `json:"found" doc:"By what" example:"name"`
}

type searchInput struct {
	Header uint64 `header:"Ficha-Position" doc:"Same as min_position"`
	Body   SearchRequest
}

type searchOutput struct{ Body SearchAnswer }

func (s *server) search(ctx context.Context, in *searchInput) (*searchOutput, error) {
	q := in.Body
	v, err := s.view(ctx, events.Position(max(in.Header, q.MinPosition)))
	if err != nil {
		return nil, err
	}
	defer v.Close()
	// Filters apply to what was found: the most is asked for, so that they cannot
	// hide a customer behind others that they drop.
	hits, err := golden.Search(ctx, v, q.Query, golden.MaxHits)
	if err != nil {
		return nil, fmt.Errorf("search customers: %w", err)
	}
	full := len(hits) == golden.MaxHits
	hits = slices.DeleteFunc(hits, func(h golden.Hit) bool {
		return q.Filters.Kind != "" && h.Kind != q.Filters.Kind || !h.Live && !q.Filters.Withdrawn
	})
	limit := orElse(q.Limit, 20)
	out := SearchAnswer{AsOf: v.asOf, Data: []SearchHit{}, Truncated: full || len(hits) > limit}
	for _, h := range hits[:min(len(hits), limit)] {
		out.Data = append(out.Data, SearchHit{ID: h.ID, Kind: h.Kind, DisplayName: h.DisplayName, Live: h.Live, Found: h.Found})
	}
	return &searchOutput{Body: out}, nil
}

func exampleSearch() SearchAnswer {
	return SearchAnswer{
		AsOf: AsOf{Position: 812, ResolvedPosition: 812},
		Data: []SearchHit{{ID: exampleCustomer(), Kind: events.Person, DisplayName: "María José Núñez García", Live: true, Found: golden.FoundName}},
	}
}
