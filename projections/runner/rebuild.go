package runner

import (
	"context"
	"fmt"

	"ficha/events"
)

// rebuildBatch is the default of Config.BatchEvents for a rebuild: nobody waits
// for single events, and larger commits cost less each.
const rebuildBatch = 4000

// Rebuild clears cfg.Store (a space beside the live one, as a rule) of the folds'
// rows and folds the log into it from the first event up to the one at until;
// zero means the log's present end. progress (may be nil) is told the position
// after every commit. It gives the position reached: a Runner with the same name
// and store goes on from there. Any error ends it; until beyond the end of the
// log is an ErrInvalid.
func Rebuild(ctx context.Context, cfg Config, until events.Position, progress func(events.Position)) (events.Position, error) {
	if cfg.BatchEvents == 0 {
		cfg.BatchEvents = rebuildBatch
	}
	cfg.Observer.Committed = andThen(cfg.Observer.Committed, progress)
	r, err := New(cfg)
	if err != nil {
		return 0, err
	}
	if err := r.rebuild(ctx, until); err != nil {
		return r.Position(), fmt.Errorf("rebuild %s: %w", cfg.Name, err)
	}
	return r.Position(), nil
}

func andThen(first func(Committed), progress func(events.Position)) func(Committed) {
	return func(c Committed) {
		if first != nil {
			first(c)
		}
		if progress != nil {
			progress(c.Position)
		}
	}
}

func (r *Runner) rebuild(ctx context.Context, until events.Position) error {
	end, err := r.cfg.Log.End(ctx)
	if err != nil {
		return fmt.Errorf("ask for the log's end: %w", err)
	}
	if until == 0 {
		until = end
	}
	if until > end {
		return fmt.Errorf("fold up to %d: the log ends at %d: %w", until, end, events.ErrInvalid)
	}
	_, stored, err := r.look(ctx)
	if err != nil {
		return err
	}
	if err := r.startOver(ctx, stored); err != nil || until == 0 {
		return err
	}
	return r.session(ctx, until)
}
