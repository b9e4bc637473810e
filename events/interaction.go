package events

import "encoding/json"

// Agent is who acted for the company.
type Agent struct {
	ID        string `json:"id,omitempty"`
	Team      string `json:"team,omitempty"`
	Extension string `json:"extension,omitempty"`
}

// ContactPoint is one way to reach somebody, as a source writes it: exactly one
// of the fields is set, Handle together with Network. Normal forms are computed
// (package internal/contactpoint), never sent.
type ContactPoint struct {
	Phone   string   `json:"phone,omitempty"`
	Email   string   `json:"email,omitempty"`
	Handle  string   `json:"handle,omitempty"`
	Network string   `json:"network,omitempty"`
	Address *Address `json:"address,omitempty"`
}

// InteractionRecorded is the data of interaction.recorded.v1. It states the
// whole interaction: a later statement about the same record (by Stamp) replaces
// an earlier one. Fields that no fold reads are not listed; the stored bytes keep them.
type InteractionRecorded struct {
	Record        Record         `json:"record"`             // the activity's own record in its system; stream is not "customer"
	Customer      *RecordKey     `json:"customer,omitempty"` // whose interaction it is, where the source knows
	ContactPoints []ContactPoint `json:"contact_points,omitempty"`
	Channel       string         `json:"channel"`
	Direction     string         `json:"direction"`
	StartedAt     string         `json:"started_at"`
	EndedAt       string         `json:"ended_at,omitempty"`
	DurationS     *int64         `json:"duration_s,omitempty"`
	Purpose       string         `json:"purpose,omitempty"`
	Product       string         `json:"product,omitempty"`
	Brand         string         `json:"brand,omitempty"`
	Outcome       string         `json:"outcome,omitempty"`
	OutcomeRaw    string         `json:"outcome_raw,omitempty"`
	Subject       string         `json:"subject,omitempty"`
	Text          string         `json:"text,omitempty"`
	Language      string         `json:"language,omitempty"`
	Sentiment     *float64       `json:"sentiment,omitempty"`
	Agent         *Agent         `json:"agent,omitempty"`
	Queue         string         `json:"queue,omitempty"`
	Thread        string         `json:"thread,omitempty"`
	Campaign      string         `json:"campaign,omitempty"`
	Case          string         `json:"case,omitempty"`
	Reservation   string         `json:"reservation,omitempty"`
	DecisionID    string         `json:"decision_id,omitempty"`
	Order         string         `json:"order,omitempty"`
	Visibility    string         `json:"visibility,omitempty"`
}

// InteractionAssigned is the data of interaction.assigned.v1: somebody says whose
// interaction it is. A later assignment (by Stamp) replaces an earlier one; one
// with no customer undoes.
type InteractionAssigned struct {
	Interaction RecordKey  `json:"interaction"`
	Customer    *RecordKey `json:"customer,omitempty"`
	By          string     `json:"by,omitempty"`
	Reason      string     `json:"reason,omitempty"`
}

// InteractionWithdrawn is the data of interaction.withdrawn.v1: removed at the source.
type InteractionWithdrawn struct {
	Record Record `json:"record"`
	Reason string `json:"reason,omitempty"`
}

// ImportRun is the data of import.started, .completed and .failed: counts and a
// file hash, nothing of the rows.
type ImportRun struct {
	Run       string          `json:"run"`
	FileHash  string          `json:"file_hash,omitempty"`
	Mapping   string          `json:"mapping,omitempty"`
	Rows      int64           `json:"rows,omitempty"`
	Appended  int64           `json:"appended,omitempty"`
	Unchanged int64           `json:"unchanged,omitempty"`
	Duplicate int64           `json:"duplicate,omitempty"`
	Rejected  int64           `json:"rejected,omitempty"`
	Error     string          `json:"error,omitempty"`
	Ext       json.RawMessage `json:"ext,omitempty"`
}
