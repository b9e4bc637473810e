package golden

import (
	"encoding/json"

	"github.com/google/uuid"

	"ficha/events"
)

// Rule names what chose a value.
type Rule string

// The rules of survivorship.
const (
	RuleOnly     Rule = "only"     // one record states the attribute
	RuleAgreed   Rule = "agreed"   // all that state it say the same
	RuleVerified Rule = "verified" // the source has verified it
	RuleComplete Rule = "complete" // it says more
	RuleRecent   Rule = "recent"   // it was stated last
	RuleFrequent Rule = "frequent" // more records state it
	RuleTie      Rule = "tie"      // nothing tells them apart; a fixed order decides
	RulePinned   Rule = "pinned"   // a steward said so
)

// Source is one record's word on an attribute.
type Source[T any] struct {
	Value  T                `json:"value"`
	Record events.RecordKey `json:"record"`
}

// Value is a surviving value: which record it comes from, which rule chose it,
// and what the other records say. A pinned one is of the record that the pin hangs
// on, whatever that record says itself.
type Value[T any] struct {
	Value  T                `json:"value"`
	Record events.RecordKey `json:"record"`
	Rule   Rule             `json:"rule"`
	Also   []Source[T]      `json:"also"`
	*PinNote
}

// Phone is a surviving phone. Its value is E.164, or as written where it cannot
// be read; Raw is what the record wrote where that differs.
type Phone struct {
	Value[string]
	Raw       string `json:"raw,omitempty"`
	Extension string `json:"extension,omitempty"`
	Use       string `json:"use,omitempty"`
}

// Email is a surviving e-mail address, lower case.
type Email struct {
	Value[string]
	Use      string `json:"use,omitempty"`
	Verified bool   `json:"verified,omitzero"`
}

// Member is one source record of a customer.
type Member struct {
	events.RecordKey
	ID        uuid.UUID       `json:"record_uuid"`
	Live      bool            `json:"live"`
	FirstSeen events.Position `json:"first_seen"`
}

// Customer is a golden record. Lists are in order of preference; a single value
// that no live record states is nil.
type Customer struct {
	ID             uuid.UUID `json:"id"`
	RedirectedFrom uuid.UUID `json:"redirected_from,omitzero"`
	// Live is false for a tombstone: all records are withdrawn, and there are no values.
	Live         bool                              `json:"live"`
	Kind         events.Kind                       `json:"kind,omitempty"`
	DisplayName  string                            `json:"display_name"`
	Names        []Value[events.Name]              `json:"names"`
	BirthDate    *Value[string]                    `json:"birth_date,omitempty"`
	DeathDate    *Value[string]                    `json:"death_date,omitempty"`
	Gender       *Value[string]                    `json:"gender,omitempty"`
	Documents    []Value[events.Document]          `json:"documents"`
	Phones       []Phone                           `json:"phones"`
	Emails       []Email                           `json:"emails"`
	Addresses    []Value[events.Address]           `json:"addresses"`
	Handles      []Value[events.Handle]            `json:"handles"`
	Language     *Value[string]                    `json:"language,omitempty"`
	Nationality  *Value[string]                    `json:"nationality,omitempty"`
	Preferences  *Value[json.RawMessage]           `json:"preferences,omitempty"`
	Lifecycle    *Value[string]                    `json:"lifecycle,omitempty"`
	Segment      *Value[string]                    `json:"segment,omitempty"`
	Tier         *Value[string]                    `json:"tier,omitempty"`
	VIP          *Value[bool]                      `json:"vip,omitempty"`
	Tags         []Value[string]                   `json:"tags"`
	Organization *Value[string]                    `json:"organization,omitempty"`
	Relations    []Value[events.Relation]          `json:"relations"`
	Attributes   map[string]Value[json.RawMessage] `json:"attributes,omitempty"`
	Records      []Member                          `json:"records"` // by key
	// Version counts the changes of this customer; Position is that of the event
	// that made the last one. Both are zero in an as-of answer.
	Version  uint64          `json:"version,omitzero"`
	Position events.Position `json:"position,omitzero"`
}
