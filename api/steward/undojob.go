package steward

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"ficha/api/jobs"
	"ficha/events"
	"ficha/projections"
	"ficha/projections/review"
)

// UndoOf is the id of the job that undoes another one: there is one at most.
func UndoOf(job string) (string, error) {
	id, err := uuid.Parse(job)
	if err != nil {
		return "", fmt.Errorf("undo job: %w", events.ErrNotFound)
	}
	return uuid.NewSHA1(id, []byte("undo")).String(), nil
}

// UndoJob has a job take back every verdict of another one. jobs.ErrState: that one
// still runs; ErrNotUndoable: it is of a kind that gives no verdicts.
func (d *Desk) UndoJob(ctx context.Context, board *jobs.Desk, job, by, reason string) (jobs.Job, error) {
	j, err := board.Get(ctx, job)
	if err != nil {
		return j, err
	}
	if j.Kind != KindDecide && j.Kind != KindImport {
		return j, ErrNotUndoable
	}
	if !j.State.Ended() {
		return j, fmt.Errorf("undo job that is %s: %w", j.State, jobs.ErrState)
	}
	id, err := UndoOf(job)
	if err != nil {
		return j, err
	}
	return board.Plan(ctx, jobs.Order{Kind: KindUndo, By: by, ID: id, Undoes: job, Total: j.Done, Params: undoParams{Job: job, Reason: reason}})
}

// undoParams is what a job that undoes another one is told.
type undoParams struct {
	Job    string `json:"job"`
	Reason string `json:"reason,omitempty"`
}

// UndoKind is the kind of job that takes verdicts of a job back.
func (d *Desk) UndoKind() jobs.Kind { return jobs.Kind{Name: KindUndo, Run: d.runUndo} }

// ImportKind is the kind of job of an import, which is done when it is planned.
func (d *Desk) ImportKind() jobs.Kind {
	return jobs.Kind{Name: KindImport, Run: func(context.Context, *jobs.Run) error { return nil }}
}

// runUndo needs no checkpoint: what is withdrawn says so itself.
func (d *Desk) runUndo(ctx context.Context, r *jobs.Run) error {
	var p undoParams
	if err := r.Params(&p); err != nil {
		return err
	}
	if err := d.upToNow(ctx); err != nil {
		return err
	}
	left, all, err := d.verdictsLeft(ctx, p.Job)
	if err != nil {
		return err
	}
	done := r.Progress()
	done.Total, done.Done = uint64(all), uint64(all-len(left))
	for chunk := range slices.Chunk(left, bulkChunk) {
		if err := d.withdrawAll(ctx, chunk, r, p.Reason, &done); err != nil {
			return err
		}
		if err := r.Save(ctx, done, place{}); err != nil {
			return err
		}
	}
	if err := r.Save(ctx, done, place{}); err != nil {
		return err
	}
	d.regrouped(ctx, done.Position)
	return nil
}

// verdictsLeft lists the verdicts of a job that are not taken back, and says how
// many there are in all.
func (d *Desk) verdictsLeft(ctx context.Context, job string) (left []events.EventID, all int, err error) {
	err = d.snapshot(ctx, func(s projections.Snapshot) error {
		for j, err := range review.ByJob(ctx, s, job) {
			if err != nil {
				return fmt.Errorf("read verdicts of job: %w", err)
			}
			if all++; j.Withdrawn == nil {
				left = append(left, j.Event)
			}
		}
		return nil
	})
	return left, all, err
}

func (d *Desk) withdrawAll(ctx context.Context, verdicts []events.EventID, r *jobs.Run, reason string, done *jobs.Progress) error {
	all := make([]statement, len(verdicts))
	for i, e := range verdicts {
		all[i] = withdrawal(e, r.By(), reason)
	}
	evs, err := envelopes(all, d.now(), "job-"+r.ID(), func(n int) string { return undoID(verdicts[n]) })
	if err != nil {
		return err
	}
	res, err := d.cfg.Publisher.Publish(ctx, events.Principal{Name: r.By(), Hub: true}, evs)
	if err != nil {
		return fmt.Errorf("publish withdrawals: %w", err)
	}
	for _, one := range res.Results {
		if one.Status == events.StatusRejected && !errors.Is(refusal(one.Errors), errTaken) {
			done.Failed++
			continue
		}
		done.Done++ // where somebody else took it back at this moment, too
		done.Position = max(done.Position, one.Position)
	}
	return nil
}
