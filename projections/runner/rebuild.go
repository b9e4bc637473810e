package runner

import (
	"context"
	"fmt"
	"time"

	"ficha/events"
)

// Defaults of Config for a rebuild: nobody waits for single events, and larger
// commits cost less each.
const (
	rebuildBatch  = 8000
	rebuildLinger = time.Second // for a batch to be full; the last one does not wait
)

// Rebuild clears cfg.Store (a space beside the live one, as a rule) of the folds'
// rows and folds the log into it from the first event up to the one at until;
// zero means the log's present end. progress (may be nil) is told the position
// after every commit. It gives the position reached: a Runner with the same name
// and store goes on from there. Any error ends it; until beyond the end of the
// log is an ErrInvalid.
func Rebuild(ctx context.Context, cfg Config, until events.Position, progress func(events.Position)) (events.Position, error) {
	return foldUntil(ctx, cfg, until, progress, (*Runner).clear)
}

// CatchUp is Rebuild without the clearing: it goes on from where the store stands,
// and does nothing where that is at or beyond until. Rows of other versions of the
// folds are cleared and folded from the first event all the same.
func CatchUp(ctx context.Context, cfg Config, until events.Position, progress func(events.Position)) (events.Position, error) {
	return foldUntil(ctx, cfg, until, progress, func(r *Runner, ctx context.Context) error {
		_, err := r.settle(ctx)
		return err
	})
}

func foldUntil(ctx context.Context, cfg Config, until events.Position, progress func(events.Position), begin func(*Runner, context.Context) error) (events.Position, error) {
	if cfg.BatchEvents == 0 {
		cfg.BatchEvents = rebuildBatch
	}
	if cfg.Linger == 0 {
		cfg.Linger = rebuildLinger
	}
	cfg.Observer.Committed = andThen(cfg.Observer.Committed, progress)
	r, err := New(cfg)
	if err != nil {
		return 0, err
	}
	if err := r.foldUntil(ctx, until, begin); err != nil {
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

func (r *Runner) foldUntil(ctx context.Context, until events.Position, begin func(*Runner, context.Context) error) error {
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
	if err := begin(r, ctx); err != nil || until <= r.Position() {
		return err
	}
	return r.session(ctx, until)
}

// clear drops what the folds have written, whatever their versions.
func (r *Runner) clear(ctx context.Context) error {
	_, stored, err := r.look(ctx)
	if err != nil {
		return err
	}
	return r.startOver(ctx, stored)
}
