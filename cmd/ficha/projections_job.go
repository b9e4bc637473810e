package main

import (
	"context"
	"errors"
	"fmt"

	"ficha/api"
	"ficha/api/jobs"
	"ficha/projections/rebuild"
)

// rebuildKind names the jobs that make rows anew.
const rebuildKind = "projections.rebuild"

// rebuildJobs is the kind of job that makes rows anew.
func (h *hub) rebuildJobs() jobs.Kind {
	return jobs.Kind{Name: rebuildKind, Run: func(ctx context.Context, r *jobs.Run) error {
		var o api.RebuildOrder
		if err := r.Params(&o); err != nil {
			return err
		}
		return rebuildJob{run: r, rows: h.rebuilds.Rebuilder}.do(ctx, o)
	}}
}

// jobRun is the part of a [jobs.Run] that a rebuild needs.
type jobRun interface {
	Cancelled() <-chan struct{}
	Checkpoint(into any) (bool, error)
	Progress() jobs.Progress
	Save(ctx context.Context, p jobs.Progress, checkpoint any) error
}

// rebuildJob is one turn of a job that makes rows anew.
type rebuildJob struct {
	run  jobRun
	rows *rebuild.Rebuilder
}

// rebuildPoint is what such a job has to know after an interruption: which space
// it fills. How far that is, the space knows.
type rebuildPoint struct {
	Space string `json:"space"`
}

// do makes the rows anew and, if asked to, the live ones. Each step that was taken
// before an interruption is left out. Who cancels wants the room back.
func (j rebuildJob) do(ctx context.Context, o api.RebuildOrder) error {
	building, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() {
		select {
		case <-j.run.Cancelled():
			stop(jobs.ErrCancelled)
		case <-building.Done():
		}
	}()
	err := j.steps(building, stop, o)
	if cause := context.Cause(building); err != nil && cause != nil {
		err = cause
	}
	if errors.Is(err, jobs.ErrCancelled) {
		if dropped := j.rows.Drop(ctx); dropped != nil && !errors.Is(dropped, rebuild.ErrNoSpace) {
			return fmt.Errorf("drop the space of a cancelled rebuild: %w", dropped)
		}
	}
	return err
}

func (j rebuildJob) steps(ctx context.Context, stop context.CancelCauseFunc, o api.RebuildOrder) error {
	var p rebuildPoint
	if _, err := j.run.Checkpoint(&p); err != nil {
		return err
	}
	s, err := j.rows.State(ctx)
	if err != nil {
		return err
	}
	switched := s.Live == p.Space
	filled := s.Beside != nil && s.Beside.Space == p.Space && s.Beside.State != rebuild.Unfinished
	if !switched && !filled {
		if err := j.build(ctx, stop); err != nil {
			return err
		}
	}
	if !o.Switch || switched {
		return nil
	}
	_, err = j.rows.Switch(ctx)
	return err
}

// build fills a space, and saves how far it is.
func (j rebuildJob) build(ctx context.Context, stop context.CancelCauseFunc) error {
	last := j.run.Progress()
	space, err := j.rows.Build(ctx, func(p rebuild.Progress) {
		last.Done, last.Total = p.Done, p.Total
		if err := j.run.Save(ctx, last, rebuildPoint{Space: p.Space}); err != nil {
			stop(err)
		}
	})
	if err != nil {
		return err
	}
	s, err := j.rows.State(ctx)
	if err != nil {
		return err
	}
	if s.Beside != nil {
		last.Done, last.Total = s.Beside.Done, s.Beside.Total
	}
	return j.run.Save(ctx, last, rebuildPoint{Space: space})
}
