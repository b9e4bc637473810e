package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections/golden"
	"ficha/projections/timeline"
)

// AssignRequest says whose interaction it is. Without customer and record it is
// nobody's any more: that undoes an assignment.
type AssignRequest struct {
	Customer *string           `json:"customer,omitempty" nullable:"true" maxLength:"64" doc:"Any id of the customer; null undoes"`
	Record   *events.RecordKey `json:"record,omitempty" doc:"Which source record; default the customer's first live one"`
	Reason   string            `json:"reason,omitempty" maxLength:"1000"`
}

type assignInput struct {
	ID string `path:"id" maxLength:"64" doc:"Id of the interaction, as the timeline gives it"`
	Repeatable
	Body AssignRequest
}

func (s *server) assignRoute() {
	key := events.RecordKey{Source: "/pbx/bank", Stream: "call", ID: "7"}
	customer := "3f1c52b3-9a0e-5c1e-8d43-0b6f5f4f2a11"
	register(s, route{
		id: opAssign, method: http.MethodPost, path: "/v1/interactions/{id}:assign", tag: "customers",
		summary:  "Say whose interaction it is",
		text:     "For calls and messages that name only a contact point, or the wrong customer. The last word counts; without customer and record it takes back what was said before.",
		problems: append(readProblems, http.StatusNotFound),
		request:  AssignRequest{Customer: &customer, Reason: "he said his name"},
		response: InteractionAnswer{ID: key.UUID(), Record: key, WriteAnswer: WriteAnswer{Status: events.StatusAppended, Position: 45}},
	}, s.assignInteraction)
}

func (s *server) assignInteraction(ctx context.Context, in *assignInput) (*interactionOutput, error) {
	found, v, err := s.findInteraction(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	to, err := assignee(ctx, v, in.Body)
	if err != nil {
		return nil, err
	}
	who := callOf(ctx).principal
	click, err := s.newClick(who, opAssign+"/"+in.ID, in.Key, in.Body)
	if err != nil {
		return nil, err
	}
	e, err := s.envelope(click, click.id, events.InteractionAssignedV1,
		events.InteractionAssigned{Interaction: found.Record, Customer: to, By: who.Name, Reason: in.Body.Reason})
	if err != nil {
		return nil, err
	}
	e.Time = after(e.Time, found.AssignedAt)
	written, err := s.publish(ctx, click, []events.Envelope{e})
	if err != nil {
		return nil, err
	}
	applied := s.waitAsPreferred(ctx, in.Prefer, written.Position)
	return &interactionOutput{Applied: applied, Body: InteractionAnswer{ID: found.ID, Record: found.Record, WriteAnswer: written}}, nil
}

// after gives t, or the next millisecond after what was said last: clicks that
// follow each other are ordered by their time.
func after(t, last time.Time) time.Time {
	if t.After(last) {
		return t
	}
	return last.Truncate(time.Millisecond).Add(time.Millisecond)
}

// findInteraction reads an interaction by its id, and the rows that it is in. It
// is often assigned right after it was noted, so what is not there yet is waited
// for. Close the view.
func (s *server) findInteraction(ctx context.Context, id string) (timeline.Found, *view, error) {
	u, err := uuid.Parse(id)
	if err != nil {
		return timeline.Found{}, nil, notFound("interaction")
	}
	found, v, err := s.readInteraction(ctx, u, 0)
	if errors.Is(err, events.ErrNotFound) {
		end, endErr := s.cfg.Log.End(ctx)
		if endErr != nil {
			return found, nil, endErr
		}
		found, v, err = s.readInteraction(ctx, u, end)
	}
	if errors.Is(err, events.ErrNotFound) {
		return found, nil, notFound("interaction")
	}
	return found, v, err
}

func (s *server) readInteraction(ctx context.Context, id uuid.UUID, least events.Position) (timeline.Found, *view, error) {
	v, err := s.view(ctx, least)
	if err != nil {
		return timeline.Found{}, nil, err
	}
	found, err := timeline.Find(ctx, v, id)
	if err != nil {
		return found, nil, errors.Join(err, v.Close())
	}
	return found, v, nil
}

// assignee gives the record that an interaction is assigned to, nil for nobody.
func assignee(ctx context.Context, v *view, q AssignRequest) (*events.RecordKey, error) {
	var c golden.Customer
	switch {
	case q.Customer != nil:
		var err error
		if c, err = customerAt(ctx, v, *q.Customer); err != nil {
			return nil, err
		}
	case q.Record != nil:
		_, known, err := golden.RecordByKey(ctx, v, *q.Record)
		if err != nil {
			return nil, fmt.Errorf("read record: %w", err)
		}
		if !known {
			return nil, invalid("/record", "is no record that was ever stated", "see records of the customer")
		}
		k := q.Record.Normal()
		return &k, nil
	default:
		return nil, nil
	}
	k, err := recordFor(c, q.Record)
	return &k, err
}
