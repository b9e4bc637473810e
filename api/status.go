package api

import (
	"time"

	"ficha/events"
)

// Status is how the hub is: what GET /v1/status answers.
type Status struct {
	Position         events.Position    `json:"position" doc:"Of the last event in the log"`
	ResolvedPosition events.Position    `json:"resolved_position" doc:"Up to where matching has decided"`
	Durability       string             `json:"durability" doc:"power-safe: fsync before every acknowledgement; process-safe: survives a kill only" example:"power-safe"`
	Log              LogStatus          `json:"log"`
	Epoch            time.Time          `json:"epoch" doc:"When the log's storage was created"`
	Equation         Equation           `json:"equation"`
	Projections      []ProjectionStatus `json:"projections"`
	Policy           string             `json:"policy" doc:"Version of the contact policy; none: statements, registries and restrictions only" example:"none"`
	Warnings         []string           `json:"warnings" doc:"Settings that are unsafe or unfinished, in plain words"`
	Counts           Counts             `json:"counts"`
	Build            Build              `json:"build"`
}

// LogStatus says whether the log holds what was acknowledged.
type LogStatus struct {
	OK     bool   `json:"ok"`
	Reason string `json:"reason,omitempty" doc:"What was found, when not ok"`
	Bytes  uint64 `json:"bytes,omitempty"`
}

// Equation is promise P1 in numbers: taken = folded + duplicate + dead + refused + pending.
type Equation struct {
	Taken     uint64 `json:"taken" doc:"Counted at the door"`
	Folded    uint64 `json:"folded" doc:"Counted by the witness"`
	Duplicate uint64 `json:"duplicate"`
	Dead      uint64 `json:"dead"`
	Refused   uint64 `json:"refused"`
	Pending   uint64 `json:"pending" doc:"Appended and not folded yet"`
	Balanced  bool   `json:"balanced"`
}

// ProjectionStatus is how far one projection has come.
type ProjectionStatus struct {
	Name       string          `json:"name" example:"golden"`
	Position   events.Position `json:"position"`
	LagSeconds float64         `json:"lag_seconds"`
	Error      string          `json:"error,omitempty"`
}

// Counts are sizes worth seeing.
type Counts struct {
	SourceRecords    uint64 `json:"source_records"`
	GoldenRecords    uint64 `json:"golden_records"`
	PotentialMatches uint64 `json:"potential_matches"`
	Statements       uint64 `json:"statements"`
	DeadLetters      uint64 `json:"dead_letters"`
}
