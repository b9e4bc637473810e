package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"ficha/events"
)

// Run is one turn of a job, as its kind sees it. One goroutine uses it, but for
// Cancelled.
type Run struct {
	desk     *Desk
	row      row
	revision uint64
	stop     chan struct{}
	until    time.Time // when the turn is over, if others wait
}

// ID is the job's id.
func (r *Run) ID() string { return r.row.ID }

// By is who asked for the job.
func (r *Run) By() string { return r.row.By }

// Undoes is the job that this one takes back; "": none.
func (r *Run) Undoes() string { return r.row.Undoes }

// Progress is how far the job was at its last save.
func (r *Run) Progress() Progress { return r.row.Progress }

// Params reads what the job was asked to do.
func (r *Run) Params(into any) error {
	if err := json.Unmarshal(r.row.Params, into); err != nil {
		return fmt.Errorf("read params of job: %w", events.ErrInvalid)
	}
	return nil
}

// Chunks is how many parts the plan has.
func (r *Run) Chunks() int { return r.row.Chunks }

// Chunk reads a part of the plan, from 0.
func (r *Run) Chunk(ctx context.Context, n int, into any) error {
	b, _, err := r.desk.cfg.Bucket.Get(ctx, planKey(r.row.ID, n))
	if err != nil {
		return fmt.Errorf("read plan of job: %w", err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("read plan of job: %w", events.ErrInvalid)
	}
	return nil
}

// Checkpoint reads what the last save kept. False: the job begins.
func (r *Run) Checkpoint(into any) (bool, error) {
	if len(r.row.Checkpoint) == 0 {
		return false, nil
	}
	if err := json.Unmarshal(r.row.Checkpoint, into); err != nil {
		return false, fmt.Errorf("read checkpoint of job: %w", events.ErrInvalid)
	}
	return true, nil
}

// Cancelled is closed when somebody cancels the job, for a kind that is far from
// its next save.
func (r *Run) Cancelled() <-chan struct{} { return r.stop }

// Save keeps progress and checkpoint, in one write. Whatever error it gives ends
// the turn: return it.
func (r *Run) Save(ctx context.Context, p Progress, checkpoint any) error {
	b, err := json.Marshal(checkpoint)
	if err != nil {
		return fmt.Errorf("encode checkpoint of job: %w", err)
	}
	r.row.Progress, r.row.Checkpoint = p, b
	if err := r.write(ctx); err != nil {
		return err
	}
	if r.row.Stopping {
		return ErrCancelled
	}
	if time.Now().After(r.until) && r.desk.rows[r.row.Kind].someoneWaits() {
		return errTurn
	}
	return nil
}

// write stores the row of a job that this process runs. Who cancels writes too;
// that is taken over.
func (r *Run) write(ctx context.Context) error {
	for {
		rev, err := r.desk.store(ctx, &r.row, r.revision)
		if err == nil {
			r.revision = rev
			return nil
		}
		if !errors.Is(err, events.ErrConflict) {
			return err
		}
		there, rev, err := r.desk.load(ctx, r.row.ID)
		if errors.Is(err, events.ErrNotFound) {
			return errTaken
		}
		if err != nil {
			return err
		}
		if there.Owner != r.desk.owner || there.State != Running {
			return errTaken
		}
		r.revision, r.row.Stopping = rev, there.Stopping
	}
}
