package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ficha/events"
)

// Start takes up again what was running and what was planned, and runs jobs until
// Stop or until ctx ends. It is called once.
func (d *Desk) Start(ctx context.Context) error {
	if err := d.sweep(ctx); err != nil {
		return err
	}
	ids, err := d.ids(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		r, _, err := d.load(ctx, id)
		if err != nil {
			return err
		}
		if !r.State.Ended() {
			d.enqueue(r.Kind, id, 0)
		}
	}
	ctx, d.cancel = context.WithCancel(ctx)
	for _, k := range d.cfg.Kinds {
		d.tasks.Go(func() { d.work(ctx, k) })
	}
	return nil
}

// Stop ends the workers and waits for them. What runs is taken up by the next Start.
func (d *Desk) Stop() {
	if d.cancel != nil {
		d.cancel()
	}
	d.tasks.Wait()
}

func (d *Desk) enqueue(kind, id string, pause time.Duration) {
	if l := d.rows[kind]; l != nil { // of a kind that a later version brought: it waits for that one
		l.add(id, pause)
	}
}

func (d *Desk) work(ctx context.Context, k Kind) {
	for {
		id, ok := d.rows[k.Name].take(ctx)
		if !ok {
			return
		}
		if err := d.turn(ctx, k, id); err != nil && ctx.Err() == nil {
			d.cfg.Logger.Error("job waits", "job", id, "kind", k.Name, "error", err)
			d.enqueue(k.Name, id, d.cfg.Retry)
		}
	}
}

// turn runs a job until it ends or its turn is over. An error means that its state
// could not be stored.
func (d *Desk) turn(ctx context.Context, k Kind, id string) error {
	stop := make(chan struct{})
	d.mu.Lock()
	d.stops[id] = stop // before the job says that it runs: who cancels it then is heard
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		delete(d.stops, id)
		d.mu.Unlock()
	}()
	r, err := d.begin(ctx, id, stop)
	if errors.Is(err, events.ErrNotFound) || r == nil && err == nil {
		return nil // ended by somebody else
	}
	if err != nil {
		return err
	}
	if r.row.Stopping {
		return d.end(ctx, r, ErrCancelled)
	}
	return d.end(ctx, r, runSafely(ctx, k, r))
}

// begin makes a job this process's. Nil: it has ended.
func (d *Desk) begin(ctx context.Context, id string, stop chan struct{}) (*Run, error) {
	for {
		there, rev, err := d.load(ctx, id)
		if err != nil {
			return nil, err
		}
		if there.State.Ended() {
			return nil, nil
		}
		r := &Run{desk: d, row: there, stop: stop, until: time.Now().Add(d.cfg.Slice)}
		r.row.State, r.row.Owner, r.row.Error = Running, d.owner, ""
		r.revision, err = d.store(ctx, &r.row, rev)
		if !errors.Is(err, events.ErrConflict) {
			return r, err
		}
	}
}

// runSafely turns a panic of a kind into a failed job: the hub has other work.
func runSafely(ctx context.Context, k Kind, r *Run) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("run %s: it panicked (%T)", k.Name, p) // its text may quote a customer
		}
	}()
	return k.Run(ctx, r)
}

// end stores what became of a turn.
func (d *Desk) end(ctx context.Context, r *Run, err error) error {
	state, pause := Done, time.Duration(-1)
	switch {
	case err == nil:
	case errors.Is(err, errTaken):
		return nil
	case errors.Is(err, errTurn):
		d.enqueue(r.row.Kind, r.row.ID, 0)
		return nil
	case errors.Is(err, ErrCancelled):
		state = Cancelled
	case ctx.Err() != nil:
		return nil // stays running: the next start takes it up
	case errors.Is(err, events.ErrUnavailable):
		state, pause, r.row.Error = Paused, d.cfg.Retry, err.Error()
	default:
		state, r.row.Error = Failed, err.Error()
		d.cfg.Logger.Error("job failed", "job", r.row.ID, "kind", r.row.Kind, "error", err)
	}
	if err := d.settle(ctx, r, state); err != nil {
		return err
	}
	if pause >= 0 {
		d.enqueue(r.row.Kind, r.row.ID, pause)
	}
	return nil
}

// settle writes the state of a turn's end, and drops the plan of what is done.
func (d *Desk) settle(ctx context.Context, r *Run, state State) error {
	for {
		r.row.State = state
		if r.row.Stopping && state == Paused {
			r.row.State = Cancelled
		}
		stopping := r.row.Stopping
		r.row.Stopping = false
		rev, err := d.store(ctx, &r.row, r.revision)
		if err == nil {
			r.revision = rev
			break
		}
		if !errors.Is(err, events.ErrConflict) {
			return err
		}
		there, rev, err := d.load(ctx, r.row.ID)
		if err != nil {
			return err
		}
		if there.Owner != d.owner || there.State != Running {
			return nil // another hub's
		}
		r.revision, r.row.Stopping = rev, stopping || there.Stopping
	}
	if r.row.State == Done {
		return d.dropPlan(ctx, r.row.ID, r.row.Chunks)
	}
	return nil
}
