package events

import (
	"context"
	"time"
)

// Gateway is the only door to the log: it validates what a principal submits,
// appends what is valid, and answers each event by itself. Safe for concurrent use.
type Gateway interface {
	// Submit reads body (format says how), validates each event and appends the
	// valid ones. One bad event never rejects the rest. The results stand in the
	// order of the body. An error concerns the whole body: it is not a batch at
	// all (*Problem), or the log is unavailable (ErrUnavailable, ErrDamaged).
	Submit(ctx context.Context, who Principal, format Format, body []byte) (SubmitResult, error)

	// Validate answers the same and appends nothing; valid events have status "valid".
	Validate(ctx context.Context, who Principal, format Format, body []byte) (SubmitResult, error)

	// Publish submits events that the hub builds itself (an agent's click, an
	// import); they pass the same validation.
	Publish(ctx context.Context, who Principal, events []Envelope) (SubmitResult, error)
}

// Format is how a body holds events.
type Format string

// The formats: one structured CloudEvent, a JSON array of them, or one a line.
const (
	FormatEvent  Format = "application/cloudevents+json"
	FormatBatch  Format = "application/cloudevents-batch+json"
	FormatNDJSON Format = "application/x-ndjson"
)

// Principal is who submits: what the gateway needs to know of a key.
type Principal struct {
	Name    string   // of the key or user, for audit
	Sources []string // sources that it may publish for, each with everything below it; "*" means all
	Hub     bool     // the hub itself: may use HubSource
}

// Status is what became of one submitted event.
type Status string

// The statuses.
const (
	StatusAppended  Status = "appended"
	StatusDuplicate Status = "duplicate"
	StatusRejected  Status = "rejected"
	StatusValid     Status = "valid"
)

// SubmitResult answers a body.
type SubmitResult struct {
	Results  []EventResult `json:"results"`
	Position Position      `json:"position"` // the highest of the results'; zero if nothing was appended
	Rejected int           `json:"-"`
}

// EventResult answers one event.
type EventResult struct {
	Source       string    `json:"source,omitempty"`
	ID           string    `json:"id,omitempty"`
	Status       Status    `json:"status"`
	Position     Position  `json:"position,omitempty"`
	RecordedTime time.Time `json:"-"`
	Statement    string    `json:"statement,omitempty"` // folio, for contact.stated
	Errors       []Problem `json:"errors,omitempty"`
	Warnings     []Problem `json:"warnings,omitempty"`
}

// Problem is one thing wrong with an event: a stable code, where (JSON pointer
// into the event), what is wrong and what to do about it. It never quotes a value.
type Problem struct {
	Code    string `json:"code"` // invalid_json, schema, unknown_type, future_time, id_reused, source_not_allowed, too_large, too_deep, duplicate_key …
	Pointer string `json:"pointer,omitempty"`
	Detail  string `json:"detail"`
	Remedy  string `json:"remedy,omitempty"`
}

func (p *Problem) Error() string {
	if p.Pointer == "" {
		return p.Code + ": " + p.Detail
	}
	return p.Code + " at " + p.Pointer + ": " + p.Detail
}

// Is makes a *Problem an ErrInvalid.
func (p *Problem) Is(target error) bool { return target == ErrInvalid }
