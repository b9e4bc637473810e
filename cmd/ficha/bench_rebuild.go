package main

import (
	"context"
	"fmt"
	"iter"
	"runtime"
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

// logStream is the stream that a hub's log is, by its default name.
const logStream = "FICHA_LOG"

// rebuild is B7.
type rebuild struct {
	bed    benchBed
	door   *benchHub
	log    *probe.Stream
	end    events.Position
	spaces int
}

func openRebuild(ctx context.Context, bed benchBed) (_ *rebuild, err error) {
	c := &rebuild{bed: bed}
	if c.door, err = bed.openHub(ctx); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	// A town has about eleven events a person; decisions about identity come on top.
	t, err := town.Generate(town.Config{People: max(50, bed.size.rebuilt/11), Now: townNow(time.Now())})
	if err != nil {
		return nil, err
	}
	if err := c.door.seedFrom(ctx, first(t.Events(), bed.size.rebuilt)); err != nil {
		return nil, err
	}
	if c.end, err = c.door.hub.log.End(ctx); err != nil {
		return nil, err
	}
	c.log, err = probe.OpenStream(ctx, c.door.server.Conn(), logStream)
	return c, err
}

func (c *rebuild) close() { c.door.close() }

// first yields at most n events.
func first(all iter.Seq[events.Envelope], n int) iter.Seq[events.Envelope] {
	return func(yield func(events.Envelope) bool) {
		left := n
		for e := range all {
			if left--; left < 0 || !yield(e) {
				return
			}
		}
	}
}

// raw reads the same log through an ordered consumer and decodes it on all
// processors, as the runner does.
func (c *rebuild) raw(ctx context.Context) ([]float64, error) {
	start := time.Now()
	chunks := make(chan []stored, 16)
	read := make(chan error, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer close(chunks)
		read <- c.read(ctx, chunks)
	}()
	err := sideBySide(ctx, runtime.GOMAXPROCS(0), runtime.GOMAXPROCS(0), func(context.Context, int) error {
		for chunk := range chunks {
			for _, s := range chunk {
				if _, err := decodeWhole(s.position, s.bytes); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	took := time.Since(start)
	return []float64{perSecond(int(c.end), took)}, <-read
}

// stored is an event as the log holds it.
type stored struct {
	position events.Position
	bytes    []byte
}

func (c *rebuild) read(ctx context.Context, to chan<- []stored) error {
	chunk := make([]stored, 0, 128)
	return c.log.Consume(ctx, 0, uint64(c.end), func(seq uint64, data []byte) error {
		p := events.Position(seq)
		if chunk = append(chunk, stored{p, data}); len(chunk) < cap(chunk) && p < c.end {
			return nil
		}
		select {
		case to <- chunk:
		case <-ctx.Done():
			return ctx.Err()
		}
		chunk = make([]stored, 0, cap(chunk))
		return nil
	})
}

// hub folds the log into a space of its own, beside the live one, and drops it.
func (c *rebuild) hub(ctx context.Context) ([]float64, error) {
	c.spaces++
	space := fmt.Sprint("bench_", c.spaces)
	scratch, err := c.door.db.Store(space)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	reached, err := runner.Rebuild(ctx, runner.Config{
		Name: "bench", Log: c.door.hub.log, Store: scratch, Upcast: upcast, Logger: c.bed.logger,
		Folds: []projections.Fold{golden.New(), timeline.New(), contact.NewFold()},
	}, c.end, nil)
	took := time.Since(start)
	if err == nil && reached != c.end {
		err = fmt.Errorf("reached position %d of %d", reached, c.end)
	}
	if err != nil {
		return nil, err
	}
	return []float64{perSecond(int(c.end), took)}, c.door.db.Drop(ctx, space)
}
