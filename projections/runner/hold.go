package runner

import (
	"context"
	"fmt"

	"ficha/events"
)

// inFlight is how many batches may be between their first read and the end of
// their commit: one that is folded, and the one before, which is committed.
const inFlight = 2

// turn is had by whoever uses the store: by batches, or alone by a session that
// looks where it stands, and by who holds the runner. Those who wait get it in the
// order in which they came, as good as.
type turn struct {
	batches chan struct{} // of inFlight
	alone   chan struct{} // of one
}

func newTurn() turn {
	return turn{batches: make(chan struct{}, inFlight), alone: make(chan struct{}, 1)}
}

// take waits for a batch's turn.
func (t turn) take(ctx context.Context) error { return enter(ctx, t.batches) }

func (t turn) leave() { <-t.batches }

// takeAlone waits until no batch has its turn, and lets none have it.
func (t turn) takeAlone(ctx context.Context) error {
	if err := enter(ctx, t.alone); err != nil {
		return err
	}
	for n := range inFlight {
		if err := enter(ctx, t.batches); err != nil {
			for range n {
				<-t.batches
			}
			<-t.alone
			return err
		}
	}
	return nil
}

func (t turn) leaveAlone() {
	for range inFlight {
		<-t.batches
	}
	<-t.alone
}

func enter(ctx context.Context, room chan<- struct{}) error {
	select {
	case room <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Hold waits until no batch is between its first read and its commit, and keeps
// the next one from beginning until release is called, once. Meanwhile Position
// stands still and Wait waits. Who holds all runners of a store may exchange its
// rows for others of the same positions. The only error is that of ctx; a runner
// that does not run can be held too.
func (r *Runner) Hold(ctx context.Context) (release func(), err error) {
	if err := r.turn.takeAlone(ctx); err != nil {
		return nil, fmt.Errorf("hold runner %s: %w", r.cfg.Name, err)
	}
	return r.turn.leaveAlone, nil
}

// settle brings the store to where folding can go on and takes note of the
// position.
func (r *Runner) settle(ctx context.Context) (events.Position, error) {
	if err := r.turn.takeAlone(ctx); err != nil {
		return 0, err
	}
	defer r.turn.leaveAlone()
	at, err := r.prepare(ctx)
	if err != nil {
		return 0, err
	}
	r.moveTo(at)
	return at, nil
}
