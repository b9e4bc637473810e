package review

import (
	"time"

	"github.com/google/uuid"

	"ficha/events"
)

// Kind says what a steward is asked.
type Kind string

// The kinds.
const (
	KindPair    Kind = "pair"    // are these two customers one?
	KindGroup   Kind = "group"   // are these three to ten customers, joined by pairs, one?
	KindHold    Kind = "hold"    // does a deny stated on a record that was once grouped with this customer bind it?
	KindVerdict Kind = "verdict" // no question: a verdict, listed so that it can be taken back
)

// State says how far an item is.
type State string

// The states.
const (
	StateOpen      State = "open"      // waits for a person
	StateUnsure    State = "unsure"    // a person could not tell; open again when the evidence is another one
	StateDecided   State = "decided"   // a verdict or a confirmation in force answers it
	StateWithdrawn State = "withdrawn" // of kind verdict alone: it was taken back
)

// Codes of reasons. A pair that a rule refused to join has the rule's name
// instead, as identity.resolved gives it: mean, max_cluster, document, …
const (
	CodeReviewBand      = "review_band"      // the weight lies between "no match" and "match"
	CodeVerdictConflict = "verdict_conflict" // a verdict that newer ones contradict
	CodeHeldDeny        = "held_deny"        // a deny that binds because of a former group
)

// Item is something that waits, or waited, for a steward.
type Item struct {
	ID    uuid.UUID `json:"id"`
	Kind  Kind      `json:"kind"`
	State State     `json:"state"`
	// Customers are golden ids, sorted; of a hold the bound one first, then those
	// of the stating records. Sides are their records in the same order, each
	// sorted, withdrawn ones too; of a hold the records that are bound, and those
	// that stated; of a verdict its sets, without customers. They are as of the
	// last time that there was evidence.
	Customers []uuid.UUID   `json:"customers,omitempty"`
	Sides     [][]uuid.UUID `json:"sides"`
	Records   []uuid.UUID   `json:"records"` // of all sides, sorted
	// Live are the records of a pair or group that are there at their source. What
	// a verdict says of the others decides nothing, as for the resolver.
	Live    []uuid.UUID `json:"live,omitempty"`
	Sources []string    `json:"sources,omitempty"` // of the records, sorted, each once
	// Weight in millibits: of a pair its strongest evidence, of a group its weakest
	// pair, zero for the others.
	Weight  int64    `json:"weight"`
	Reasons []Reason `json:"reasons,omitempty"` // by A and B
	// Pattern names the kind of evidence of a pair's strongest reason, so that
	// pairs of one pattern can be decided together: its levels, after its code
	// where that is not review_band.
	Pattern string `json:"pattern,omitempty"`
	// Group is the item of kind group that an undecided pair belongs to.
	Group    uuid.UUID `json:"group,omitzero"`
	OpenedAt time.Time `json:"opened_at,omitzero"` // recorded time of the oldest evidence
	DueAt    time.Time `json:"due_at,omitzero"`
	// Version is the position of the event that changed the item last in what a
	// steward judges; it only grows. A changed Group is no change.
	Version  events.Position `json:"version"`
	Decision *Decision       `json:"decision,omitempty"` // nil while open
}

// Reason is one piece of evidence: a pair of records.
type Reason struct {
	Code   string    `json:"code"`
	A      uuid.UUID `json:"a"` // of a hold: the record that is bound
	B      uuid.UUID `json:"b"` // of a hold: the record that stated
	Weight int64     `json:"weight,omitzero"`
	Levels []string  `json:"levels,omitempty"` // comparison=level
	// Since is the recorded time from which on the evidence was there without a break.
	Since time.Time `json:"since"`
	// Cause is up to where the resolver had looked when it stated a conflict of
	// verdicts; zero for other evidence.
	Cause     events.Position `json:"cause,omitzero"`
	Statement string          `json:"statement,omitempty"` // folio of the deny
	Parted    events.Position `json:"parted,omitzero"`     // of the decision that parted A and B last
}

// Decision says who answered an item.
type Decision struct {
	Verdict events.Verdict `json:"verdict"` // of a confirmed hold: different
	By      string         `json:"by,omitempty"`
	Reason  string         `json:"reason,omitempty"`
	Job     string         `json:"job,omitempty"`
	At      time.Time      `json:"at"` // recorded time
	// Events are what to withdraw to undo the decision: verdicts, in their order.
	// A confirmation of a hold ([Decision.Final]) cannot be withdrawn.
	Events   []events.EventID `json:"events"`
	Position events.Position  `json:"position"` // of the last of them
	// Final says that the events are confirmations of a hold.
	Final bool `json:"final,omitzero"`
	// Withdrawn is there on an item of kind verdict that was taken back.
	Withdrawn *Withdrawal `json:"withdrawn,omitempty"`
}

// How long an item may wait.
const (
	dueAfter       = 7 * 24 * time.Hour
	dueAfterUrgent = 2 * 24 * time.Hour // conflicts of verdicts, holds
)

// schedule sets when the item was opened, by its evidence, and when it is due.
func (it *Item) schedule() {
	wait := dueAfter
	for i := range it.Reasons {
		r := &it.Reasons[i]
		if it.OpenedAt.IsZero() || r.Since.Before(it.OpenedAt) {
			it.OpenedAt = r.Since
		}
		if r.Code == CodeVerdictConflict || r.Code == CodeHeldDeny {
			wait = dueAfterUrgent
		}
	}
	it.DueAt = it.OpenedAt.Add(wait)
}

// asked gives the records that a verdict must be about to answer the item, side by
// side: of a hold all of them.
func (it *Item) asked() [][]uuid.UUID {
	if it.Kind == KindHold {
		return it.Sides
	}
	out := make([][]uuid.UUID, len(it.Sides))
	for i, side := range it.Sides {
		for _, id := range side {
			if contains(it.Live, id) {
				out[i] = append(out[i], id)
			}
		}
	}
	return out
}

// undecided says whether the item still is a question.
func (it *Item) undecided() bool { return it.State == StateOpen || it.State == StateUnsure }
