package rebuild

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/runner"
	"ficha/projections/switchable"
)

// Sentinels.
var (
	// ErrBusy: another of Build, Compare, Switch and Drop is in progress.
	ErrBusy = fmt.Errorf("a rebuild, a comparison or a switch is in progress: %w", events.ErrConflict)
	// ErrUnfinished: the space beside the live one is not filled yet.
	ErrUnfinished = fmt.Errorf("the space beside the live one is not finished; go on with the rebuild or drop it: %w", events.ErrConflict)
	// ErrNoSpace: there is no space beside the live one.
	ErrNoSpace = fmt.Errorf("there is no space beside the live one; rebuild first: %w", events.ErrNotFound)
	// ErrTooBusy: the log grows faster than the space catches up.
	ErrTooBusy = fmt.Errorf("too much is being written to catch up now; try again later: %w", events.ErrUnavailable)
	// errPositions: a runner moved although it was held.
	errPositions = errors.New("the spaces do not stand at the same positions")
)

// Spaces are the sets of rows of one database; package pebblestore's DB is one,
// but for the types of its stores.
type Spaces interface {
	// Live names the space that answers are read from.
	Live(ctx context.Context) (string, error)
	// Spaces lists the spaces that hold rows or positions.
	Spaces(ctx context.Context) ([]string, error)
	// Unfinished names the space that is being filled, "" for none;
	// SetUnfinished notes it durably, with all that was committed before.
	Unfinished(ctx context.Context) (string, error)
	SetUnfinished(ctx context.Context, space string) error
	// Promote makes a space the live one, durably, with all that was committed before.
	Promote(ctx context.Context, space string) error
	// Drop removes a space; the live one is an events.ErrConflict.
	Drop(ctx context.Context, space string) error
	// Open gives the rows of a space; with bulk, commits do not wait for the disk.
	Open(space string, bulk bool) (projections.Store, error)
}

// Live is a runner of the live space; *runner.Runner is one.
type Live interface {
	// Position is that of the last event that the rows reflect.
	Position() events.Position
	// Wait returns once Position is at or beyond p.
	Wait(ctx context.Context, p events.Position) error
	// Hold makes Position stand still until release is called.
	Hold(ctx context.Context) (release func(), err error)
}

// Runner is one runner of the hub, as it runs and as it is done again.
type Runner struct {
	// Config is that of the live runner: name, lane, log, folds, upcasting. Store,
	// batch size, pace and observer are this package's to set.
	Config runner.Config
	Live   Live
}

// Config is what a [Rebuilder] needs. All fields are required unless they say otherwise.
type Config struct {
	Spaces Spaces
	// Store is what everybody reads and writes; its present store is the live space.
	Store *switchable.Store
	// Runners are all runners of the live space.
	Runners []Runner
	// Carry brings what is in the live rows and in no log into a space that is
	// about to become the live one, and refuses (events.ErrDamaged) when the two
	// were folded from different logs. Both stand still meanwhile. Optional.
	Carry func(ctx context.Context, from projections.Reader, to projections.Store) error
	// Apart are tables that are in no rebuild and are not compared.
	Apart []projections.Table
	// Content gives the content lines of a projection by its name, see
	// projections.ContentDigest. Optional.
	Content map[string]func(context.Context, projections.Reader) ([]string, error)
	// Pace is called before every batch of a Build and may take its time. Optional.
	Pace func(context.Context)
	// Key keys the hashes by which differing rows are named, at least 16 bytes.
	Key []byte
	// MaxHold is how long runners may be held while a space catches up for the last
	// time. Default: 200 ms, less than a contact check waits for the latest events.
	MaxHold time.Duration
	Clock   func() time.Time
	// Logger hears of spaces begun, dropped and promoted. Optional.
	Logger *slog.Logger
}

// Validate fills in defaults and says with an ErrInvalid what is missing.
func (c *Config) Validate() error {
	for name, missing := range map[string]bool{
		"Spaces": c.Spaces == nil, "Store": c.Store == nil, "Runners": len(c.Runners) == 0, "Clock": c.Clock == nil, "Key of 16 bytes": len(c.Key) < 16,
	} {
		if missing {
			return fmt.Errorf("configure rebuilds: %s is missing: %w", name, events.ErrInvalid)
		}
	}
	for _, r := range c.Runners {
		if r.Live == nil {
			return fmt.Errorf("configure rebuilds: runner %s: Live is missing: %w", r.Config.Name, events.ErrInvalid)
		}
	}
	if c.Carry == nil {
		c.Carry = func(context.Context, projections.Reader, projections.Store) error { return nil }
	}
	if c.MaxHold <= 0 {
		c.MaxHold = 200 * time.Millisecond
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}
