package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"ficha/api/jobs"
	"ficha/events"
	"ficha/projections"
	"ficha/projections/contact"
	"ficha/projections/golden"
	"ficha/projections/holdings"
	"ficha/projections/insight"
	"ficha/projections/letters"
	"ficha/projections/pebblestore"
	"ficha/projections/rebuild"
	"ficha/projections/review"
	"ficha/projections/runner"
	"ficha/projections/switchable"
	"ficha/projections/timeline"
	"ficha/projections/witness"
)

// rebuilds is how the hub makes its rows anew, and how fast it folds.
type rebuilds struct {
	*rebuild.Rebuilder
	desk   *jobs.Desk        // runs them, when the hub runs
	speeds map[string]*speed // by runner
}

// openRows opens the rows that answers are read from: those of the space that was
// promoted last.
func (h *hub) openRows(ctx context.Context) error {
	live, err := h.db.Live(ctx)
	if err != nil {
		return err
	}
	rows, err := h.db.Store(live)
	if err != nil {
		return err
	}
	h.store = switchable.New(rows)
	return nil
}

// watched has a runner's speed measured.
func (r *rebuilds) watched(cfg runner.Config) runner.Config {
	if r.speeds == nil {
		r.speeds = map[string]*speed{}
	}
	s := &speed{}
	r.speeds[cfg.Name] = s
	cfg.Observer.Committed = func(c runner.Committed) { s.add(time.Now(), c.Events) }
	return cfg
}

// openRebuilds makes what rebuilds, given the runners of the live rows in the
// order of runnerConfigs.
func (h *hub) openRebuilds(_ context.Context, live ...rebuild.Live) error {
	key, err := h.secrets.key(forRows)
	if err != nil {
		return err
	}
	cfg := rebuild.Config{
		Spaces: spaces{h.db}, Store: h.store, Carry: witness.Carry, Apart: []projections.Table{witness.Epochs},
		Content: contents(), Pace: h.giveWay, Key: key, Clock: time.Now, Logger: h.cfg.Logger,
	}
	for i, c := range h.runnerConfigs() {
		cfg.Runners = append(cfg.Runners, rebuild.Runner{Config: c, Live: live[i]})
	}
	h.rebuilds.Rebuilder, err = rebuild.New(cfg)
	return err
}

// contents says of which projections the content can be told apart from the rows.
func contents() map[string]func(context.Context, projections.Reader) ([]string, error) {
	return map[string]func(context.Context, projections.Reader) ([]string, error){
		golden.New().Name(): golden.Content, timeline.New().Name(): timeline.Content, contact.Name: contact.Content,
		review.New().Name(): review.Content, holdings.New().Name(): holdings.Content, insight.New().Name(): insight.Content,
		letters.Fold{}.Name(): letters.Content,
	}
}

// spaces is the database as rebuilds want it.
type spaces struct{ *pebblestore.DB }

// Open gives the rows of a space.
func (s spaces) Open(space string, bulk bool) (projections.Store, error) {
	store, err := s.Store(space)
	if err == nil && bulk {
		return store.Unsynced(), nil
	}
	return store, err
}

const (
	tooLate     = time.Second // so much the live rows may lag before a rebuild gives way
	giveWayStep = 50 * time.Millisecond
	giveWayMost = 5 * time.Second // a batch: a rebuild that always waited would never end
)

// giveWay holds a rebuild back while the live rows lag and get on.
func (h *hub) giveWay(ctx context.Context) {
	if h.main == nil { // nobody is served
		return
	}
	step := time.NewTicker(giveWayStep)
	defer step.Stop()
	for until := time.Now().Add(giveWayMost); time.Now().Before(until) && h.lags(ctx); {
		select {
		case <-ctx.Done():
			return
		case <-step.C:
		}
	}
}

// lags says whether a runner that works is late.
func (h *hub) lags(ctx context.Context) bool {
	end, err := h.log.End(ctx)
	if err != nil {
		return false
	}
	late := func(s float64) bool { return s > tooLate.Seconds() }
	return h.main.Err() == nil && late(h.projection(mainRunner, h.main, end).LagSeconds) ||
		h.contact.Err() == nil && late(h.contactProjection(ctx).LagSeconds)
}

// openStopped readies a hub that does not run for rebuilding: its live rows move
// when somebody waits for them.
func (h *hub) openStopped(ctx context.Context) error {
	var live []rebuild.Live
	for _, cfg := range h.runnerConfigs() {
		s := &stopped{cfg: cfg}
		snap, err := h.store.Snapshot(ctx)
		if err != nil {
			return err
		}
		at, err := snap.Position(ctx, cfg.Name)
		snap.Close()
		if err != nil {
			return fmt.Errorf("read position of %s: %w", cfg.Name, err)
		}
		s.at.Store(uint64(at))
		live = append(live, s)
	}
	return h.openRebuilds(ctx, live...)
}

// stopped is a runner that folds only when it is waited for.
type stopped struct {
	cfg runner.Config
	at  atomic.Uint64
}

// Position is that of the last event in the rows.
func (s *stopped) Position() events.Position { return events.Position(s.at.Load()) }

// Wait folds up to p.
func (s *stopped) Wait(ctx context.Context, p events.Position) error {
	if p <= s.Position() {
		return nil
	}
	at, err := runner.CatchUp(ctx, s.cfg, p, nil)
	s.at.Store(uint64(at))
	return err
}

// Hold does nothing: a runner that does not run stands still.
func (*stopped) Hold(context.Context) (func(), error) { return func() {}, nil }
