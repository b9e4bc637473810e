package events

import (
	"encoding/json"

	"github.com/google/uuid"
)

// IdentityResolved is the data of identity.resolved.v1: which records are one
// customer. It is closed: the union of its groups equals the union of the groups
// that they replace, new records included; a fold refuses anything else. It
// replaces all groups and open potentials of its records.
type IdentityResolved struct {
	Cause     Position        `json:"cause"` // the last event that the decision took into account
	Model     string          `json:"model"`
	Engine    string          `json:"engine"`
	Groups    []IdentityGroup `json:"groups"`
	Links     []IdentityLink  `json:"links,omitempty"`     // spanning forest plus verdict links: at most n-1 a group
	Potential []IdentityLink  `json:"potential,omitempty"` // at most 10 a record
}

// IdentityGroup is one customer's records, sorted by uuid. Withdrawn records stay
// in a group as tombstones, so that every id keeps its answer.
type IdentityGroup []GroupMember

// GroupMember is one record in a group.
type GroupMember struct {
	Record   uuid.UUID `json:"record"`
	Position Position  `json:"position"` // up to which event about this record the decision looked
}

// IdentityLink is evidence between two records. Weight is in millibits (log2 of
// the likelihood ratio, times 1000), so that every processor sums the same.
type IdentityLink struct {
	A         uuid.UUID `json:"a"`
	B         uuid.UUID `json:"b"`
	Weight    int64     `json:"weight"`
	Levels    []string  `json:"levels,omitempty"` // comparison=level
	Rule      string    `json:"rule,omitempty"`   // score, stated (by a source), verdict
	RefusedBy string    `json:"refused_by,omitempty"`
}

// Verdict is a steward's decision about records.
type Verdict string

// The verdicts.
const (
	VerdictSame      Verdict = "same"
	VerdictDifferent Verdict = "different"
	VerdictUnsure    Verdict = "unsure"
)

// IdentityJudged is the data of identity.judged.v1: same means all records of
// one set, different means across sets.
type IdentityJudged struct {
	Sets    [][]uuid.UUID `json:"sets"`
	Verdict Verdict       `json:"verdict"`
	By      string        `json:"by,omitempty"`
	Reason  string        `json:"reason,omitempty"`
	Job     string        `json:"job,omitempty"`
}

// IdentityJudgementWithdrawn is the data of identity.withdrawn.v1: a verdict taken back.
type IdentityJudgementWithdrawn struct {
	Judgement EventID `json:"judgement"`
	By        string  `json:"by,omitempty"`
	Reason    string  `json:"reason,omitempty"`
}

// ValuePinned is the data of value.pinned.v1: a steward says what an attribute of
// the customer that Record belongs to is. It outranks every rule of survivorship
// until it is unpinned; of several pins of an attribute the latest by Stamp counts.
type ValuePinned struct {
	Record    RecordKey       `json:"record"` // whose value it is, else the customer's anchor
	Attribute string          `json:"attribute"`
	Value     json.RawMessage `json:"value"` // as customer.recorded.v1 writes one value of the attribute
	By        string          `json:"by,omitempty"`
	Reason    string          `json:"reason,omitempty"`
}

// ValueUnpinned is the data of value.unpinned.v1: the pins of an attribute that
// were made on Record before it (by Stamp) hold no more.
type ValueUnpinned struct {
	Record    RecordKey `json:"record"`
	Attribute string    `json:"attribute"`
	By        string    `json:"by,omitempty"`
	Reason    string    `json:"reason,omitempty"`
}
