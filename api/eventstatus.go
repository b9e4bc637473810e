package api

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections/golden"
	"ficha/projections/letters"
)

// EventsStatusRequest asks what became of events.
type EventsStatusRequest struct {
	IDs           []events.EventID `json:"ids,omitempty" maxItems:"1000" doc:"Events by source and id"`
	CorrelationID string           `json:"correlation_id,omitempty" maxLength:"256" doc:"Instead of ids: all events of an import run or a request"`
	Limit         int              `json:"limit,omitempty" minimum:"1" maximum:"1000" doc:"With correlation_id: at most so many; default 100"`
	Cursor        string           `json:"cursor,omitempty" doc:"With correlation_id: next_cursor of the page before"`
}

// EventsStatusAnswer says what became of events, in the order of the request.
type EventsStatusAnswer struct {
	AsOf
	Results    []EventStatus `json:"results"`
	NextCursor *string       `json:"next_cursor"`
}

// EventStatus is what became of one event.
type EventStatus struct {
	Source       string           `json:"source"`
	ID           string           `json:"id"`
	Status       string           `json:"status" enum:"appended,dead,unknown" doc:"dead: it could not be read, or a projection could not fold it; unknown: not in the log, or not yours"`
	Position     *events.Position `json:"position,omitempty"`
	RecordedTime *time.Time       `json:"recorded_time,omitempty"`
	Type         events.Type      `json:"type,omitempty"`
	Statement    string           `json:"statement,omitempty" doc:"Folio, of contact.stated"`
	Folded       bool             `json:"folded" doc:"Reads show it"`
	Resolved     bool             `json:"resolved" doc:"Matching has taken it into account"`
	Customers    []uuid.UUID      `json:"customers,omitempty" doc:"Whom it is about, now"`
	Dead         []DeadReason     `json:"dead,omitempty"`
}

// DeadReason says who could not take an event, and why; codes and pointers, no values.
type DeadReason struct {
	Where   string         `json:"where" doc:"A projection; or how it came: inbox, request" example:"golden"`
	Reason  string         `json:"reason"`
	Letter  string         `json:"letter" doc:"Id of the dead letter, see GET /v1/deadletters" example:"fold-golden-41"`
	Settled letters.Action `json:"settled,omitempty" enum:"retried,discarded" doc:"What somebody did about it"`
}

type eventsStatusInput struct{ Body EventsStatusRequest }

type eventsStatusOutput struct{ Body EventsStatusAnswer }

func (s *server) eventsStatus(ctx context.Context, in *eventsStatusInput) (*eventsStatusOutput, error) {
	v, err := s.view(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	out := EventsStatusAnswer{AsOf: v.asOf, Results: []EventStatus{}}
	if in.Body.CorrelationID != "" {
		err = s.statusByCorrelation(ctx, v, in.Body, &out)
	} else {
		err = s.statusByID(ctx, v, in.Body.IDs, &out)
	}
	if err != nil {
		return nil, err
	}
	return &eventsStatusOutput{Body: out}, nil
}

// statusByID answers the ids in order.
func (s *server) statusByID(ctx context.Context, v *view, ids []events.EventID, out *EventsStatusAnswer) error {
	if len(ids) == 0 {
		return invalid("/ids", "neither ids nor correlation_id are given", "give one of them")
	}
	hashes := make([]events.IDHash, len(ids))
	for i, id := range ids {
		hashes[i] = events.HashID(id.Source, id.ID)
	}
	entries, err := s.cfg.IDs.Lookup(ctx, hashes)
	if err != nil {
		return fmt.Errorf("look up ids of events: %w", err)
	}
	who := callOf(ctx).principal
	var unread []int // of results
	for i, id := range ids {
		st := EventStatus{Source: id.Source, ID: id.ID, Status: "unknown"}
		switch {
		case !maySee(who, id.Source):
		case entries[i].Position == 0:
			unread = append(unread, i)
		default:
			if st, err = s.statusAt(ctx, v, entries[i].Position); err != nil {
				return err
			}
		}
		out.Results = append(out.Results, st)
	}
	return s.addBuried(ctx, v, unread, out.Results)
}

// statusByCorrelation answers a page of the events of one correlation id.
func (s *server) statusByCorrelation(ctx context.Context, v *view, q EventsStatusRequest, out *EventsStatusAnswer) error {
	if s.cfg.Correlations == nil || len(q.IDs) > 0 {
		return invalid("/correlation_id", "correlation_id cannot be used here", "give ids instead")
	}
	after, err := events.ParsePosition(orElse(q.Cursor, "0"))
	if err != nil {
		return invalid("/cursor", "not a cursor of this list", "give next_cursor of the page before")
	}
	limit := orElse(q.Limit, 100)
	positions, err := s.cfg.Correlations.Positions(ctx, v, q.CorrelationID, after, limit)
	if err != nil {
		return fmt.Errorf("look up correlation id: %w", err)
	}
	who := callOf(ctx).principal
	for _, p := range positions {
		st, err := s.statusAt(ctx, v, p)
		if err != nil {
			return err
		}
		if maySee(who, st.Source) {
			out.Results = append(out.Results, st)
		}
	}
	if len(positions) == limit {
		next := positions[len(positions)-1].String()
		out.NextCursor = &next
	}
	return nil
}

// statusAt says what became of the event at a position.
func (s *server) statusAt(ctx context.Context, v *view, p events.Position) (EventStatus, error) {
	stored, err := s.cfg.Log.Get(ctx, p)
	if err != nil {
		return EventStatus{}, fmt.Errorf("read event: %w", err)
	}
	recorded := stored.RecordedTime
	st := EventStatus{
		Source: stored.Source, ID: stored.ID, Status: "appended", Position: &p, RecordedTime: &recorded, Type: stored.Type,
		Folded: p <= v.asOf.Position, Resolved: p <= v.asOf.ResolvedPosition,
	}
	if stored.Type == events.ContactStatedV1 {
		st.Statement = events.StatementID(stored.Source, stored.ID)
	}
	if st.Customers, err = customersOf(ctx, v, stored); err != nil {
		return EventStatus{}, err
	}
	if st.Dead, err = deadReasons(ctx, v, p); err != nil {
		return EventStatus{}, err
	}
	if len(st.Dead) > 0 {
		st.Status = "dead"
	}
	return st, nil
}

// customersOf gives the customers that an event's records belong to now, sorted.
func customersOf(ctx context.Context, v *view, stored events.Stored) ([]uuid.UUID, error) {
	d, err := events.Decode(stored)
	if err != nil {
		return nil, nil // a dead letter says so
	}
	var found []uuid.UUID
	for _, k := range recordsOf(d) {
		id, ok, err := golden.CustomerOf(ctx, v, k.UUID())
		if err != nil {
			return nil, fmt.Errorf("read customer of event: %w", err)
		}
		if ok && !slices.Contains(found, id) {
			found = append(found, id)
		}
	}
	slices.SortFunc(found, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	return found, nil
}

// addBuried marks those of the unknown events that lie among the dead letters.
func (s *server) addBuried(ctx context.Context, v *view, unread []int, results []EventStatus) error {
	if s.cfg.DeadLetters == nil || len(unread) == 0 {
		return nil
	}
	if err := s.buried.catchUp(ctx); err != nil {
		return err
	}
	for _, i := range unread {
		kept, err := s.buried.of(ctx, events.EventID{Source: results[i].Source, ID: results[i].ID})
		if err != nil {
			return err
		}
		for _, d := range kept {
			name := letters.OfInbox(d.Number)
			settled, _, err := letters.Find(ctx, v, name)
			if err != nil {
				return err
			}
			results[i].Status = "dead"
			results[i].Dead = append(results[i].Dead, DeadReason{Where: string(d.Via), Reason: d.Reason, Letter: name.String(), Settled: settled.Action})
		}
	}
	return nil
}

// orElse gives v, or other when v is zero.
func orElse[T comparable](v, other T) T {
	var zero T
	if v == zero {
		return other
	}
	return v
}

func exampleStatusRequest() EventsStatusRequest {
	return EventsStatusRequest{IDs: []events.EventID{{Source: "/crm/bank", ID: "crm-1-7"}}}
}

func exampleStatusAnswer() EventsStatusAnswer {
	p := events.Position(41)
	at := time.Date(2026, 3, 2, 9, 15, 1, 0, time.UTC)
	return EventsStatusAnswer{
		AsOf: AsOf{Position: 812, ResolvedPosition: 812},
		Results: []EventStatus{{
			Source: "/crm/bank", ID: "crm-1-7", Status: "appended", Position: &p, RecordedTime: &at, Type: events.CustomerRecordedV1,
			Folded: true, Resolved: true, Customers: []uuid.UUID{exampleCustomer()},
		}},
	}
}
