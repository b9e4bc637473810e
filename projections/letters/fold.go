package letters

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"ficha/events"
	"ficha/projections"
)

// Source is the source of what is stated about dead letters. Only the hub may
// publish it.
const Source = events.HubSource + "/deadletters"

const (
	tableSettled projections.Table = "letters_settled"
	tableCounts  projections.Table = "letters_counts"
)

// Action is what was done about a dead letter.
type Action string

// The actions.
const (
	Retried   Action = "retried"   // sent again, and in the log now
	Discarded Action = "discarded" // given up, with a reason
)

// Settled is what became of a dead letter.
type Settled struct {
	Action Action    `json:"action" enum:"retried,discarded"`
	By     string    `json:"by,omitempty" doc:"Name of the key"`
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at"`
}

// Fold implements [projections.Fold]. The zero value is ready.
type Fold struct{}

var _ projections.Fold = Fold{}

// Name is "letters".
func (Fold) Name() string { return "letters" }

// Version is that of the rows' shape.
func (Fold) Version() int { return 1 }

// Tables lists the tables.
func (Fold) Tables() []projections.Table { return []projections.Table{tableSettled, tableCounts} }

// Apply notes a decision about a dead letter. ErrInvalid: its id is none.
func (Fold) Apply(w projections.Work, e events.Decoded) error {
	if e.Type != events.DeadLetterRetriedV1 && e.Type != events.DeadLetterDiscardedV1 || e.Source != Source {
		return nil
	}
	said, ok := e.Payload.(*events.DeadLetterSettled)
	if !ok {
		return fmt.Errorf("fold %s: no such data: %w", e.Type, events.ErrInvalid)
	}
	name, err := Parse(said.Letter)
	if err != nil {
		return fmt.Errorf("fold %s: %w", e.Type, err)
	}
	settled := Settled{Action: Discarded, By: said.By, Reason: said.Reason, At: e.Time.UTC()}
	if e.Type == events.DeadLetterRetriedV1 {
		settled.Action = Retried
	}
	return settle(w, name, settled)
}

func settle(w projections.Work, name Name, s Settled) error {
	key := []byte(name.String())
	_, known := w.Get(tableSettled, key)
	if known && s.Action == Discarded {
		return nil // it was retried, or this is said again
	}
	row, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("fold dead letter: %w: %w", err, events.ErrInvalid)
	}
	w.Put(tableSettled, key, row)
	if !known {
		count(w, name.Kind)
	}
	return nil
}

func count(w projections.Work, k Kind) {
	var n uint64
	if row, ok := w.Get(tableCounts, []byte(k)); ok && len(row) == 8 {
		n = binary.BigEndian.Uint64(row)
	}
	w.Put(tableCounts, []byte(k), binary.BigEndian.AppendUint64(nil, n+1))
}
