package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"ficha/events"
)

type submitOutput struct {
	Rejected string `header:"Ficha-Rejected" doc:"How many events were rejected"`
	Applied  string `header:"Preference-Applied" doc:"wait=N when the projections reached the position within the wait asked for"`
	Body     events.SubmitResult
}

// eventsInput is a body of events as it came, and the wish to wait.
type eventsInput struct {
	Prefer string `header:"Prefer" doc:"wait=N: answer when reads show the events, after N seconds at the latest" example:"wait=5"`

	raw rawEvents
}

// Resolve implements [huma.Resolver].
func (in *eventsInput) Resolve(ctx huma.Context) []error { in.raw.read(ctx); return nil }

type validateInput struct{ raw rawEvents }

// Resolve implements [huma.Resolver].
func (in *validateInput) Resolve(ctx huma.Context) []error { in.raw.read(ctx); return nil }

func (s *server) eventRoutes() {
	register(s, route{
		id: opEventsSubmit, method: http.MethodPost, path: "/v1/events", tag: "events",
		summary: "Submit one event or a batch",
		text: "One CloudEvent (structured, or binary with `ce-` headers), a JSON array of them, or one a line. " +
			"Each event is answered by itself, in the order of the body; one that is bad never rejects the rest. " +
			"An answer `appended` means: on disk. Sending the same events again is safe, they are `duplicate`.",
		body: s.eventsBody(), limit: s.cfg.MaxBody, response: exampleSubmitted(),
	}, s.submitEvents)
	register(s, route{
		id: opEventsValidate, method: http.MethodPost, path: "/v1/events:validate", tag: "events",
		summary: "Say what would be wrong with events", text: "Answers as POST /v1/events and appends nothing; good events are `valid`.",
		body: s.eventsBody(), limit: s.cfg.MaxBody,
		response: events.SubmitResult{Results: []events.EventResult{{Source: "/crm/bank", ID: "crm-1-7", Status: events.StatusValid}}},
	}, s.validateEvents)
	register(s, route{
		id: opEventsStatus, method: http.MethodPost, path: "/v1/events:status", tag: "events",
		summary: "What became of events",
		text: "By (source, id) or by correlation id: appended where, folded yet, which customers they are about, dead and why. " +
			"A publisher sees its own sources; of others it learns `unknown`.",
		request: exampleStatusRequest(), response: exampleStatusAnswer(), problems: readProblems,
	}, s.eventsStatus)
}

func (s *server) submitEvents(ctx context.Context, in *eventsInput) (*submitOutput, error) {
	if in.raw.err != nil {
		return nil, in.raw.err
	}
	res, err := s.cfg.Gateway.Submit(ctx, publisher(callOf(ctx).principal), in.raw.format, in.raw.bytes)
	if err != nil {
		return nil, err
	}
	s.metrics.submitted(res.Results)
	applied := s.waitAsPreferred(ctx, in.Prefer, res.Position)
	return answerSubmitted(res, applied), nil
}

func (s *server) validateEvents(ctx context.Context, in *validateInput) (*submitOutput, error) {
	if in.raw.err != nil {
		return nil, in.raw.err
	}
	res, err := s.cfg.Gateway.Validate(ctx, publisher(callOf(ctx).principal), in.raw.format, in.raw.bytes)
	if err != nil {
		return nil, err
	}
	return answerSubmitted(res, ""), nil
}

func answerSubmitted(res events.SubmitResult, applied string) *submitOutput {
	if res.Results == nil {
		res.Results = []events.EventResult{}
	}
	rejected := 0
	for _, r := range res.Results {
		if r.Status == events.StatusRejected {
			rejected++
		}
	}
	return &submitOutput{Rejected: itoa(rejected), Applied: applied, Body: res}
}

// eventsBody documents what rawEvents reads. The schemas of the events' data are
// package schemas'; here an event is an object.
func (s *server) eventsBody() *huma.RequestBody {
	event := &huma.Schema{
		Type: huma.TypeObject, Description: "A CloudEvent 1.0, see docs/events.md",
		Required: []string{"specversion", "id", "source", "type", "time", "data"},
		Properties: map[string]*huma.Schema{
			"specversion":     {Type: huma.TypeString, Enum: []any{"1.0"}},
			"id":              {Type: huma.TypeString, Description: "Unique within source, for ever; no personal data"},
			"source":          {Type: huma.TypeString, Description: "The sending system, such as /crm/bank"},
			"type":            {Type: huma.TypeString, Description: "Such as customer.recorded.v1"},
			"time":            {Type: huma.TypeString, Format: "date-time"},
			"subject":         {Type: huma.TypeString},
			"datacontenttype": {Type: huma.TypeString},
			"correlationid":   {Type: huma.TypeString},
			"causationid":     {Type: huma.TypeString},
			"mapname":         {Type: huma.TypeString},
			"maprev":          {Type: huma.TypeString},
			"data":            {Type: huma.TypeObject, AdditionalProperties: true},
		},
	}
	s.api.OpenAPI().Components.Schemas.Map()["Event"] = event
	ref := &huma.Schema{Ref: "#/components/schemas/Event"}
	batch := &huma.Schema{Type: huma.TypeArray, Items: ref}
	return &huma.RequestBody{
		Required: true,
		Content: map[string]*huma.MediaType{
			string(events.FormatEvent):  {Schema: ref, Example: exampleEvent()},
			string(events.FormatBatch):  {Schema: batch, Example: []any{exampleEvent()}},
			string(events.FormatNDJSON): {Schema: &huma.Schema{Type: huma.TypeString, Description: "One event a line"}},
			"application/json":          {Schema: &huma.Schema{OneOf: []*huma.Schema{ref, batch}, Description: "An event, an array of events, or with ce- headers an event's data"}},
		},
	}
}

func exampleEvent() map[string]any {
	return map[string]any{
		"specversion": "1.0", "id": "crm-1-7", "source": "/crm/bank", "type": "customer.recorded.v1", "time": "2026-03-02T09:15:00Z",
		"data": map[string]any{
			"record": map[string]any{"source": "/crm/bank", "stream": "customer", "id": "1"},
			"kind":   "person",
			"names":  []any{map[string]any{"given": "María José", "family": "Núñez", "family2": "García"}},
			"phones": []any{map[string]any{"value": "+502 5512 3456"}},
		},
	}
}

func exampleSubmitted() events.SubmitResult {
	return events.SubmitResult{
		Results:  []events.EventResult{{Source: "/crm/bank", ID: "crm-1-7", Status: events.StatusAppended, Position: 41}},
		Position: 41,
	}
}
