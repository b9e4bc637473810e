package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections/golden"
)

// InteractionRequest is a conversation or attempt that an agent notes.
type InteractionRequest struct {
	Record       *events.RecordKey    `json:"record,omitempty" doc:"Which of the customer's source records it belongs to; default the first live one"`
	ContactPoint *events.ContactPoint `json:"contact_point,omitempty" doc:"The number or address that was used"`
	Channel      string               `json:"channel" enum:"voice,sms,whatsapp,email,chat,social,review,letter,visit,branch,web,app,push,fax,meeting"`
	Direction    string               `json:"direction" enum:"inbound,outbound,internal"`
	StartedAt    *time.Time           `json:"started_at,omitempty" doc:"Default now"`
	EndedAt      *time.Time           `json:"ended_at,omitempty"`
	DurationS    *int64               `json:"duration_s,omitempty" minimum:"0" doc:"Whole seconds"`
	Purpose      string               `json:"purpose,omitempty" maxLength:"100"`
	Product      string               `json:"product,omitempty" maxLength:"100"`
	Brand        string               `json:"brand,omitempty" maxLength:"100"`
	Outcome      string               `json:"outcome,omitempty" maxLength:"100" doc:"See the schema interaction.recorded.v1"`
	OutcomeRaw   string               `json:"outcome_raw,omitempty" maxLength:"1000"`
	Subject      string               `json:"subject,omitempty" maxLength:"1000"`
	Text         string               `json:"text,omitempty" maxLength:"65536"`
	Language     string               `json:"language,omitempty" maxLength:"35"`
	Queue        string               `json:"queue,omitempty" maxLength:"256"`
	Campaign     string               `json:"campaign,omitempty" maxLength:"256"`
	Case         string               `json:"case,omitempty" maxLength:"256"`
	Reservation  string               `json:"reservation,omitempty" maxLength:"256"`
	DecisionID   string               `json:"decision_id,omitempty" maxLength:"1000" doc:"Of the contact check that allowed it"`
	Visibility   string               `json:"visibility,omitempty" enum:"public,private"`
}

// InteractionAnswer names the interaction.
type InteractionAnswer struct {
	ID     uuid.UUID        `json:"id" format:"uuid" doc:"Of the interaction, as the timeline gives it"`
	Record events.RecordKey `json:"record" doc:"The interaction's own record"`
	WriteAnswer
}

type interactionInput struct {
	ID string `path:"id" maxLength:"64" doc:"Customer id"`
	Repeatable
	Body InteractionRequest
}

type interactionOutput struct {
	Applied string `header:"Preference-Applied"`
	Body    InteractionAnswer
}

func (s *server) interactionRoutes() {
	key := events.RecordKey{Source: deskSource, Stream: interactionStream, ID: "key-1"}
	register(s, route{
		id: opInteraction, method: http.MethodPost, path: "/v1/customers/{id}/interactions", tag: "customers",
		summary:  "Note a conversation or an attempt",
		text:     "Stands in the customer's timeline as soon as the projections have it; the agent is the key's name.",
		problems: append(readProblems, http.StatusNotFound),
		request:  InteractionRequest{Channel: "voice", Direction: "inbound", Outcome: "resolved", Subject: "asked for the balance"},
		response: InteractionAnswer{ID: key.UUID(), Record: key, WriteAnswer: WriteAnswer{Status: events.StatusAppended, Position: 44}},
	}, s.recordInteraction)
	s.assignRoute()
}

const interactionStream = "interaction"

func (s *server) recordInteraction(ctx context.Context, in *interactionInput) (*interactionOutput, error) {
	c, err := s.currentCustomer(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	who := callOf(ctx).principal
	click, err := s.newClick(who, opInteraction+"/"+in.ID, in.Key, in.Body)
	if err != nil {
		return nil, err
	}
	customer, err := recordFor(c, in.Body.Record)
	if err != nil {
		return nil, err
	}
	key := events.RecordKey{Source: deskSource, Stream: interactionStream, ID: click.id}
	data := s.interaction(in.Body, key, customer)
	data.Agent = &events.Agent{ID: who.Name}
	e, err := s.envelope(click, click.id, events.InteractionRecordedV1, data)
	if err != nil {
		return nil, err
	}
	e.Subject = interactionStream + ":" + click.id
	written, err := s.publish(ctx, click, []events.Envelope{e})
	if err != nil {
		return nil, err
	}
	applied := s.waitAsPreferred(ctx, in.Prefer, written.Position)
	return &interactionOutput{Applied: applied, Body: InteractionAnswer{ID: key.UUID(), Record: key, WriteAnswer: written}}, nil
}

func (s *server) interaction(q InteractionRequest, key, customer events.RecordKey) events.InteractionRecorded {
	data := events.InteractionRecorded{
		Record: events.Record{RecordKey: key}, Customer: &customer, Channel: q.Channel, Direction: q.Direction,
		StartedAt: s.momentOr(q.StartedAt), EndedAt: moment(q.EndedAt), DurationS: q.DurationS,
		Purpose: q.Purpose, Product: q.Product, Brand: q.Brand, Outcome: q.Outcome, OutcomeRaw: q.OutcomeRaw,
		Subject: q.Subject, Text: q.Text, Language: q.Language, Queue: q.Queue, Campaign: q.Campaign, Case: q.Case,
		Reservation: q.Reservation, DecisionID: q.DecisionID, Visibility: q.Visibility,
	}
	if q.ContactPoint != nil {
		data.ContactPoints = []events.ContactPoint{*q.ContactPoint}
	}
	return data
}

// recordFor gives the record that an interaction belongs to: the one named, which
// must be the customer's, else the first live one.
func recordFor(c golden.Customer, named *events.RecordKey) (events.RecordKey, error) {
	if named != nil {
		if !slices.ContainsFunc(c.Records, func(m golden.Member) bool { return m.Normal() == named.Normal() }) {
			return events.RecordKey{}, invalid("/record", "is none of this customer's records", "see records of the customer")
		}
		return named.Normal(), nil
	}
	for _, m := range c.Records {
		if m.Live {
			return m.Normal(), nil
		}
	}
	return c.Records[0].Normal(), nil // a tombstone has records too
}
