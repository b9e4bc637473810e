package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections/golden"
	"ficha/projections/timeline"
)

// TimelineAnswer is a page of a customer's timeline, newest first.
type TimelineAnswer struct {
	AsOf
	Data       []timeline.Entry `json:"data"`
	NextCursor *string          `json:"next_cursor" doc:"null at the end"`
}

type timelineInput struct {
	ID string `path:"id" maxLength:"64" doc:"Customer id"`
	AtLeast
	Limit     int       `query:"limit" minimum:"1" maximum:"500" doc:"Default 50"`
	Cursor    string    `query:"cursor" maxLength:"200" doc:"next_cursor of the page before"`
	Channel   []string  `query:"channel" doc:"Only these, separated by commas: voice, email …"`
	Direction []string  `query:"direction" doc:"Only these: inbound, outbound, internal"`
	From      time.Time `query:"from" doc:"Not before this time"`
	To        time.Time `query:"to" doc:"Before this time"`
}

type timelineOutput struct{ Body TimelineAnswer }

func (s *server) timelineRoutes() {
	register(s, route{
		id: opTimeline, method: http.MethodGet, path: "/v1/customers/{id}/timeline", tag: "customers",
		summary: "What happened with a customer",
		text: "Interactions of all source records of the customer, newest first; also those that name only a contact point, where this " +
			"customer alone held it at that time. Pages stay put while new interactions arrive.",
		problems: append(readProblems, http.StatusNotFound), response: exampleTimeline(),
	}, s.getTimeline)
}

func (s *server) getTimeline(ctx context.Context, in *timelineInput) (*timelineOutput, error) {
	v, err := s.view(ctx, in.position())
	if err != nil {
		return nil, err
	}
	defer v.Close()
	id, err := existing(ctx, v, in.ID)
	if err != nil {
		return nil, err
	}
	page, err := timeline.Read(ctx, v, timeline.Query{
		Customer: id, Cursor: in.Cursor, Limit: in.Limit,
		Filter: timeline.Filter{Channels: in.Channel, Directions: in.Direction, From: in.From, To: in.To},
	})
	if errors.Is(err, events.ErrInvalid) {
		return nil, invalid("#query/cursor", "is no cursor of this list", "give next_cursor of the page before")
	}
	if err != nil {
		return nil, fmt.Errorf("read timeline: %w", err)
	}
	out := TimelineAnswer{AsOf: v.asOf, Data: page.Entries}
	if out.Data == nil {
		out.Data = []timeline.Entry{}
	}
	if page.Next != "" {
		out.NextCursor = &page.Next
	}
	return &timelineOutput{Body: out}, nil
}

// existing gives the customer that an id leads to, without reading its document.
func existing(ctx context.Context, v *view, id string) (uuid.UUID, error) {
	u, err := uuid.Parse(id)
	if err != nil {
		return uuid.Nil, notFound("customer")
	}
	customer, ok, err := golden.CustomerOf(ctx, v, u)
	if err != nil {
		return uuid.Nil, fmt.Errorf("read customer: %w", err)
	}
	if !ok {
		return uuid.Nil, notFound("customer")
	}
	return customer, nil
}

// recentContacts is how far addContacts looks back: who has been in touch more
// often than that since yesterday rang among them.
const recentContacts = 50

// addContacts adds what the timeline knows of a caller.
func (s *server) addContacts(ctx context.Context, v *view, customer uuid.UUID, r *Routing) error {
	page, err := timeline.Read(ctx, v, timeline.Query{Customer: customer, Limit: recentContacts})
	if err != nil {
		return fmt.Errorf("read last contacts: %w", err)
	}
	yesterday := s.now().Add(-24 * time.Hour)
	for _, e := range page.Entries {
		if e.At.After(s.now()) || e.Direction == "internal" {
			continue
		}
		if r.LastContactAt == nil {
			at := e.At
			r.LastContactAt = &at
		}
		if r.LastAgent == "" {
			r.LastAgent = agentOf(e)
		}
		if e.Channel == "voice" && e.Direction == "inbound" && e.At.After(yesterday) {
			r.CalledBefore24h = true
		}
	}
	return nil
}

func agentOf(e timeline.Entry) string {
	var said struct {
		Agent events.Agent `json:"agent"`
	}
	if json.Unmarshal(e.Data, &said) != nil {
		return "" // valid when it was taken; a missing agent is no reason to fail a look-up
	}
	return said.Agent.ID
}

// potentialMatches gives the pairs with other customers, heaviest first.
func potentialMatches(ctx context.Context, v *view, c golden.Customer) ([]PotentialMatch, error) {
	best := map[uuid.UUID]PotentialMatch{}
	for _, m := range c.Records {
		links, err := golden.PotentialMatches(ctx, v, m.ID)
		if err != nil {
			return nil, fmt.Errorf("read potential matches: %w", err)
		}
		for _, l := range links {
			other := l.A
			if other == m.ID {
				other = l.B
			}
			customer, ok, err := golden.CustomerOf(ctx, v, other)
			if err != nil {
				return nil, fmt.Errorf("read potential matches: %w", err)
			}
			if held, seen := best[customer]; ok && customer != c.ID && (!seen || l.Weight > held.Weight) {
				best[customer] = PotentialMatch{Customer: customer, Weight: l.Weight, Levels: l.Levels}
			}
		}
	}
	return byWeight(best), nil
}
