package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ficha/api"
	"ficha/api/jobs"
	"ficha/events"
	"ficha/projections/rebuild"
	"ficha/projections/runner"
)

// projectionDesk answers the routes about projections; package api says what each
// function does.
type projectionDesk struct{ h *hub }

var _ api.Projections = projectionDesk{}

// List implements [api.Projections].
func (d projectionDesk) List(ctx context.Context) (api.ProjectionList, error) {
	h := d.h
	end, err := h.log.End(ctx)
	if err != nil {
		return api.ProjectionList{}, err
	}
	list := api.ProjectionList{Position: end, Data: []api.Projection{}}
	letters, err := h.deadByProjection(ctx)
	if err != nil {
		return list, err
	}
	for _, cfg := range h.runnerConfigs() {
		p, err := h.progressOf(ctx, cfg, end)
		if err != nil {
			return list, err
		}
		for _, f := range cfg.Folds {
			p.Name, p.Version, p.DeadLetters = f.Name(), f.Version(), letters[f.Name()]
			list.Data = append(list.Data, p)
		}
	}
	return list, d.addSpaces(ctx, &list)
}

// progressOf says how far a runner is; its projections share that.
func (h *hub) progressOf(ctx context.Context, cfg runner.Config, end events.Position) (api.Projection, error) {
	s := api.ProjectionStatus{Name: cfg.Name}
	switch {
	case h.main == nil: // the hub does not run
		at, err := h.storedPosition(ctx, cfg.Name)
		if err != nil {
			return api.Projection{}, err
		}
		s.Position = at
	case cfg.Name == mainRunner:
		s = h.projection(mainRunner, h.main, end)
	default:
		s = h.contactProjection(ctx)
	}
	done, total, err := rebuild.CountEvents(ctx, h.log, cfg.Lane, s.Position)
	if err != nil {
		return api.Projection{}, fmt.Errorf("count events of %s: %w", cfg.Name, err)
	}
	p := api.Projection{Runner: cfg.Name, Position: s.Position, LagSeconds: s.LagSeconds, Behind: total - done, Error: s.Error}
	if speed := h.rebuilds.speeds[cfg.Name]; speed != nil {
		p.PerSecond = speed.perSecond(time.Now())
	}
	return p, nil
}

func (h *hub) storedPosition(ctx context.Context, runner string) (events.Position, error) {
	snap, err := h.store.Snapshot(ctx)
	if err != nil {
		return 0, err
	}
	defer snap.Close()
	return snap.Position(ctx, runner)
}

func (h *hub) deadByProjection(ctx context.Context) (map[string]uint64, error) {
	snap, err := h.store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	return runner.CountDeadLetters(ctx, snap)
}

// addSpaces says what rows there are.
func (d projectionDesk) addSpaces(ctx context.Context, list *api.ProjectionList) error {
	s, err := d.h.rebuilds.State(ctx)
	if err != nil {
		return err
	}
	list.Space = s.Live
	if list.Bytes, err = d.h.db.Size(ctx, s.Live); err != nil || s.Beside == nil {
		return err
	}
	b := &api.SpaceBeside{Space: s.Beside.Space, State: s.Beside.State, Done: s.Beside.Done, Total: s.Beside.Total,
		PerSecond: s.Beside.PerSecond, LeftS: s.Beside.Left.Seconds(), Positions: s.Beside.Positions}
	list.Beside = b
	b.Bytes, err = d.h.db.Size(ctx, b.Space)
	return err
}

// Diff implements [api.Projections].
func (d projectionDesk) Diff(ctx context.Context) (api.ProjectionDiffs, error) {
	c, err := d.h.rebuilds.Compare(ctx)
	if err != nil {
		return api.ProjectionDiffs{}, err
	}
	out := api.ProjectionDiffs{Equal: c.Equal(), Live: c.Live, Beside: c.Beside, Positions: c.Positions,
		Projections: []api.ProjectionDiff{}, Other: tableDiffs(c.Other)}
	for _, p := range c.Projections {
		one := api.ProjectionDiff{Name: p.Name, Runner: p.Runner, Equal: p.Equal(), Rows: api.DigestPair(p.Rows), Tables: tableDiffs(p.Tables)}
		if p.Content != nil {
			content := api.DigestPair(*p.Content)
			one.Content = &content
		}
		out.Projections = append(out.Projections, one)
	}
	return out, nil
}

func tableDiffs(all []rebuild.TableDiff) []api.TableDiff {
	out := make([]api.TableDiff, len(all))
	for i, t := range all {
		out[i] = api.TableDiff{Table: string(t.Table), Same: t.Same, Different: t.Different, OnlyLive: t.OnlyLive, OnlyBeside: t.OnlyBeside,
			First: append([]string{}, t.First...)}
	}
	return out
}

// Switch implements [api.Projections].
func (d projectionDesk) Switch(ctx context.Context) (api.SwitchAnswer, error) {
	s, err := d.h.rebuilds.Switch(ctx)
	return api.SwitchAnswer{From: s.From, To: s.To, Positions: s.Positions, HeldMS: s.Held.Milliseconds()}, err
}

// Drop implements [api.Projections].
func (d projectionDesk) Drop(ctx context.Context) error { return d.h.rebuilds.Drop(ctx) }

// Rebuild implements [api.Projections].
func (d projectionDesk) Rebuild(ctx context.Context, by, id string, o api.RebuildOrder) (jobs.Job, error) {
	if d.h.rebuilds.desk == nil {
		return jobs.Job{}, fmt.Errorf("plan rebuild: this hub runs no jobs: %w", events.ErrUnavailable)
	}
	if id != "" {
		if job, err := d.h.rebuilds.desk.Get(ctx, id); !errors.Is(err, events.ErrNotFound) {
			return job, err
		}
	}
	busy, err := d.busy(ctx)
	if err != nil {
		return jobs.Job{}, err
	}
	if busy {
		return jobs.Job{}, rebuild.ErrBusy
	}
	return d.h.rebuilds.desk.Plan(ctx, jobs.Order{Kind: rebuildKind, By: by, ID: id, Params: o})
}

// busy says whether a rebuild is planned or runs.
func (d projectionDesk) busy(ctx context.Context) (bool, error) {
	for _, state := range []jobs.State{jobs.Planned, jobs.Running, jobs.Paused} {
		found, _, err := d.h.rebuilds.desk.List(ctx, jobs.Filter{Kind: rebuildKind, State: state}, "", 1)
		if err != nil || len(found) > 0 {
			return true, err
		}
	}
	return false, nil
}
