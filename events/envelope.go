package events

import (
	"encoding/json"
	"time"
)

// Envelope is one event as a publisher states it: CloudEvents 1.0 attributes
// and the data. Times are UTC.
type Envelope struct {
	ID              string          `json:"id"`     // unique within Source, for ever; no personal data
	Source          string          `json:"source"` // URI reference of the sending system instance, e.g. /crm/bank
	SpecVersion     string          `json:"specversion"`
	Type            Type            `json:"type"`
	Subject         string          `json:"subject,omitempty"` // stream:native id
	Time            time.Time       `json:"time"`              // when it happened at the source
	RecordedTime    time.Time       `json:"recordedtime,omitzero"`
	DataContentType string          `json:"datacontenttype,omitempty"`
	DataSchema      string          `json:"dataschema,omitempty"` // set by the gateway
	CorrelationID   string          `json:"correlationid,omitempty"`
	CausationID     string          `json:"causationid,omitempty"`
	MapName         string          `json:"mapname,omitempty"`
	MapRev          string          `json:"maprev,omitempty"`
	Data            json.RawMessage `json:"data"` // compact JSON object, valid against the type's schema
}

// Stored is an event as the log holds it.
type Stored struct {
	Envelope
	Position Position
	Door     Door
	Bytes    []byte // exactly what the log holds: codec byte, door counters, envelope; read-only
}

// Door is the appender's running count up to and including one event, written
// into that event: the independent half of the equation of promise P1. What the
// folds counted must agree with it.
type Door struct {
	Taken     uint64 // appended + duplicate + refused + dead
	Appended  uint64 // events in the log; grows by one per event
	Duplicate uint64 // same id and content again
	Refused   uint64 // by policy
	Dead      uint64 // moved from the inbox to the dead letters
	InLane    uint64 // events of this event's lane so far; a reader of one lane sees a gap by it
}

// HubSource is the reserved source of events that the hub itself states:
// identity decisions, provisional denies, imports. Publishers may not use it,
// nor anything below it.
const HubSource = "/ficha"
