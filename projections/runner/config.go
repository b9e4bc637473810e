package runner

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"ficha/events"
	"ficha/projections"
)

// Config says what a runner reads, folds and writes.
type Config struct {
	// Name is the runner's name: its position is stored under it.
	Name string
	// Log is read from the stored position on.
	Log events.Log
	// Lane is the lane to read. Default: all lanes.
	Lane events.Lane
	// Store takes rows and position.
	Store projections.Store
	// Folds are applied to each event in this order. No two share a table.
	Folds []projections.Fold
	// Upcast turns an event of an old version into its newest one before it is
	// decoded; an error makes it a dead letter. It must be pure, and is called
	// from several goroutines. Default: events stay as they are.
	Upcast func(events.Stored) (events.Stored, error)
	// BatchEvents is how many events one commit may take. Default: 1000.
	BatchEvents int
	// Linger is how long a batch waits for more events once the first is there.
	// Default: not at all; a millisecond or two trade freshness for fewer fsyncs.
	Linger time.Duration
	// Pace is called before every batch and may take its time: a rebuild gives way
	// to who is served first. Default: no pauses.
	Pace func(context.Context)
	// Workers is how many goroutines decode. Default: GOMAXPROCS.
	Workers int
	// Clock times the steps for Observer. Default: time.Now.
	Clock func() time.Time
	// Logger hears of replays, dead letters (without data) and errors. Default: none.
	Logger *slog.Logger
	// Observer is told what happens. Default: nobody.
	Observer Observer
	// MarkDamaged is told when the log turns out to be damaged. Default: nobody.
	MarkDamaged func(error)
}

// Observer is a set of optional functions that hear what a runner does. They are
// called one at a time, in the order of the commits, and must be quick.
type Observer struct {
	// Committed: a batch is in the store.
	Committed func(Committed)
	// DeadLetter: a fold refused an event; said when it is in the store.
	DeadLetter func(DeadLetter)
	// Retrying: a session ended with err; the next one begins after the pause.
	Retrying func(err error, pause time.Duration)
}

// Committed describes one commit.
type Committed struct {
	Runner      string
	Position    events.Position
	Recorded    time.Time // RecordedTime of the last event: freshness of the rows
	Events      int
	Unknown     int // events of types that this build does not know
	DeadLetters int
	Changes     int // rows written or deleted
	Folding     time.Duration
	Committing  time.Duration
}

// Validate says with an ErrInvalid what is wrong with the configuration.
func (c Config) Validate() error {
	wrong := func(what string, args ...any) error {
		return fmt.Errorf("check configuration of runner %q: %s: %w", c.Name, fmt.Sprintf(what, args...), events.ErrInvalid)
	}
	switch {
	case c.Name == "":
		return wrong("no name")
	case c.Log == nil:
		return wrong("no log")
	case c.Store == nil:
		return wrong("no store")
	case len(c.Folds) == 0:
		return wrong("no folds")
	case c.BatchEvents < 0 || c.Linger < 0 || c.Workers < 0:
		return wrong("BatchEvents, Linger and Workers must not be negative")
	}
	names := map[string]bool{}
	owners := map[projections.Table]string{DeadLettersTable: "the runner", countsTable: "the runner", versionsTable: "the runner"}
	for _, f := range c.Folds {
		if names[f.Name()] || f.Name() == "" {
			return wrong("fold name %q is empty or taken", f.Name())
		}
		names[f.Name()] = true
		for _, t := range f.Tables() {
			if !t.Valid() {
				return wrong("fold %s: table %q: bad name", f.Name(), t)
			}
			if owner, taken := owners[t]; taken {
				return wrong("table %s belongs to %s and to %s", t, owner, f.Name())
			}
			owners[t] = f.Name()
		}
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.BatchEvents == 0 {
		c.BatchEvents = 1000
	}
	if c.Workers == 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Pace == nil {
		c.Pace = func(context.Context) {}
	}
	if c.MarkDamaged == nil {
		c.MarkDamaged = func(error) {}
	}
	return c
}
