package projections

import "ficha/events"

// Fold turns events into rows of its own tables.
type Fold interface {
	// Name is the projection's name: golden, timeline, contact, witness …
	Name() string
	// Version grows when the rows' shape or meaning changes; the runner then
	// clears the tables and replays.
	Version() int
	// Tables lists the tables that the fold writes. No two folds share one.
	Tables() []Table
	// Apply folds one event. It is deterministic and touches the world through w
	// alone. An error means that this event cannot be applied by this fold (a
	// dead letter for this projection); w's changes since the call are undone.
	// Only an events.ErrDamaged, which says that the log itself is not what it
	// was, stops the folding of everything.
	Apply(w Work, e events.Decoded) error
}

// EnvelopeFold is a fold that looks at envelopes and stored bytes alone (the
// witness). It is also given events whose data could not be decoded, with a nil
// Payload; for every other fold these are dead letters.
type EnvelopeFold interface {
	Fold
	// FoldsEnvelopes does nothing; having it is the claim.
	FoldsEnvelopes()
}

// Work is a fold's view of its rows while a batch of events is folded: reads see
// the writes of earlier events of the batch. Keys and values passed in are kept
// and must not be changed afterwards; those handed out are read-only.
//
// A read that fails (disk, network) makes the runner give up the whole batch;
// the fold sees "no row" and need not care.
type Work interface {
	Get(t Table, key []byte) ([]byte, bool)
	// Scan calls yield for each row of r in order until yield returns false.
	Scan(t Table, r Range, yield func(Row) bool)
	Put(t Table, key, value []byte)
	Delete(t Table, key []byte)
}
