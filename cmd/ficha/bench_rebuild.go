package main

import (
	"context"
	"fmt"
	"time"

	"ficha/events"
	"ficha/events/natslog/probe"
	"ficha/projections"
	"ficha/projections/contact"
	"ficha/projections/golden"
	"ficha/projections/runner"
	"ficha/projections/timeline"
	"ficha/town"
)

// rebuildWorkload is B7: how fast the rows can be made again from the log.
func rebuildWorkload() workload {
	return workload{
		name: "B7", about: "rebuild of golden records, timelines and contact statements from a town's log",
		lines: []benchLine{{
			what: "events folded anew", limit: "consume + decode", unit: "/s", budget: budget{ratio: true, value: 0.4},
		}},
		open: func(ctx context.Context, bed benchBed) (contest, error) { return openRebuild(ctx, bed) },
	}
}

// eventsOfTen is how many events ten people of a town make, about; decisions
// about identity come on top.
const eventsOfTen = 127

// logStream is the stream that a hub's log is, by its default name.
const logStream = "FICHA_LOG"

// rebuildContest is B7.
type rebuildContest struct {
	bed    benchBed
	door   *benchHub
	log    *probe.Stream
	end    events.Position
	spaces int
}

func openRebuild(ctx context.Context, bed benchBed) (_ *rebuildContest, err error) {
	c := &rebuildContest{bed: bed}
	if c.door, err = bed.openHub(ctx); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	t, err := town.Generate(town.Config{People: max(1, bed.size.rebuilt*10/eventsOfTen), Now: townNow(time.Now())})
	if err != nil {
		return nil, err
	}
	if err := c.door.seedFrom(ctx, t.Events()); err != nil {
		return nil, err
	}
	if c.end, err = c.door.hub.log.End(ctx); err != nil {
		return nil, err
	}
	c.log, err = probe.OpenStream(ctx, c.door.server.Conn(), logStream)
	return c, err
}

func (c *rebuildContest) close() { c.door.close() }

// raw reads the same log through an ordered consumer and decodes each event.
func (c *rebuildContest) raw(ctx context.Context) ([]float64, error) {
	start := time.Now()
	err := c.log.Consume(ctx, 0, uint64(c.end), func(seq uint64, data []byte) error {
		_, err := decodeWhole(events.Position(seq), data)
		return err
	})
	return []float64{perSecond(int(c.end), time.Since(start))}, err
}

// hub folds the log into a space of its own, beside the live one, and drops it.
func (c *rebuildContest) hub(ctx context.Context) ([]float64, error) {
	c.spaces++
	space := fmt.Sprint("bench_", c.spaces)
	scratch, err := spaces{c.door.db}.Open(space, true)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	reached, err := runner.Rebuild(ctx, runner.Config{
		Name: "bench", Log: c.door.hub.log, Store: scratch, Upcast: upcast, Logger: c.bed.logger,
		Folds: []projections.Fold{golden.New(), timeline.New(), contact.NewFold()},
	}, c.end, nil)
	if err == nil {
		err = c.door.db.SetUnfinished(ctx, "") // all of it is on disk with this, as at a rebuild's end
	}
	took := time.Since(start)
	if err == nil && reached != c.end {
		err = fmt.Errorf("reached position %d of %d", reached, c.end)
	}
	if err != nil {
		return nil, err
	}
	return []float64{perSecond(int(c.end), took)}, c.door.db.Drop(ctx, space)
}
