package events

import (
	"context"
	"iter"
	"time"
)

// Log is the one log. Implementations are safe for concurrent use and are held
// to package eventstest.
type Log interface {
	// Append takes events in order and answers each at the same index. It
	// returns when every appended event is on disk. An event whose (source, id)
	// is in the log with the same type and data is Duplicate with the first
	// one's position; with others it is Reused. Appends from several goroutines
	// are grouped into one write. The events must be valid already.
	//
	// An error means that the fate of none of the events is known; appending the
	// same events again is safe. ErrDamaged: the log refuses all writes.
	Append(ctx context.Context, events []Envelope) ([]Appended, error)

	// Read yields events after a position, in order, without gaps among the
	// events asked for. With Follow it waits for more until ctx ends, else it
	// ends at what was the end when it began. A gap or an undecodable event
	// yields ErrDamaged and ends. The Stored value and its bytes stay valid.
	Read(ctx context.Context, opts ReadOptions) iter.Seq2[Stored, error]

	// Get gives the event at a position, or ErrNotFound.
	Get(ctx context.Context, p Position) (Stored, error)

	// End is the position of the last event, LaneEnd that of the last event of a
	// lane (zero: none). Both include every event acknowledged before the call.
	End(ctx context.Context) (Position, error)
	LaneEnd(ctx context.Context, lane Lane) (Position, error)

	// Door is the appender's running count; it includes every answer given
	// before the call and survives a restart.
	Door(ctx context.Context) (Door, error)

	// Info says what the log's storage states about itself.
	Info(ctx context.Context) (LogInfo, error)
}

// ReadOptions say what to read.
type ReadOptions struct {
	After  Position
	Lane   Lane // "": all lanes
	Follow bool
}

// Outcome says what became of an event given to [Log.Append].
type Outcome string

// The outcomes.
const (
	OutcomeAppended  Outcome = "appended"
	OutcomeDuplicate Outcome = "duplicate"
	OutcomeReused    Outcome = "id_reused" // (source, id) is taken by another event; not taken
)

// Appended is the answer for one event.
type Appended struct {
	Outcome      Outcome
	Position     Position // of the event, or of the first one with its id
	RecordedTime time.Time
}

// LogInfo describes the log's storage.
type LogInfo struct {
	Epoch      time.Time // when the storage was created; another epoch is another log
	First      Position
	Last       Position
	Messages   uint64 // Last-First+1 unless there are holes
	Durability string // power-safe: fsync before ack; process-safe: survives a kill only
	Bytes      uint64
}

// Health knows whether the log still holds what was acknowledged. Gateway,
// contact checks and readiness ask it before they answer.
type Health interface {
	// Damage is nil while the log is sound, else an error that wraps ErrDamaged
	// and says what was found, without personal data.
	Damage() error
}

// DeadLetter is an event that could not be taken from the inbox, or was refused
// although it may bind as a deny: original bytes and the reason.
type DeadLetter struct {
	Number   uint64 // its place among the dead letters, from 1; set by whoever keeps them
	Source   string // the inbox subject's source, or the envelope's
	ID       string // the envelope's, where readable
	Bytes    []byte
	Reason   string // codes and pointers, no values
	Recorded time.Time
	Via      Way // how it came
	// Provisional is the id of the statement of the gateway that binds in its
	// place, "" where it does not read as a deny.
	Provisional string
}

// Way is how an event came to the hub.
type Way string

// The ways.
const (
	WayInbox   Way = "inbox"   // left in the inbox: nobody waited for an answer
	WayRequest Way = "request" // submitted: its sender was told that it was rejected
)

// LetterRange says which dead letters to read. The zero value means all.
type LetterRange struct {
	After  uint64 // only those with a higher number
	Source string // only those of this very source; "": of all
}

// DeadLetters keeps what could not be taken. Safe for concurrent use.
type DeadLetters interface {
	// Bury stores a dead letter durably before it returns.
	Bury(ctx context.Context, d DeadLetter) error
	// List yields the dead letters of a range that there are now, oldest first.
	List(ctx context.Context, r LetterRange) iter.Seq2[DeadLetter, error]
	// Get gives one by its number, or ErrNotFound.
	Get(ctx context.Context, number uint64) (DeadLetter, error)
	// Count is how many there are.
	Count(ctx context.Context) (uint64, error)
}
