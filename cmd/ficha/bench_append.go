package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"ficha/events"
	"ficha/internal/strictjson"
	"ficha/schemas"
)

// appendWorkload is B1: how fast the door takes events in.
func appendWorkload() workload {
	return workload{
		name: "B1", about: "the door alone: events of 587 bytes through HTTP in batches of 1,000, validated, durable",
		lines: []benchLine{{
			what: "appended over HTTP", limit: "validate + atomic batches", unit: "/s", budget: budget{ratio: true, value: 0.5},
		}},
		open: func(ctx context.Context, bed benchBed) (contest, error) { return openAppends(ctx, bed) },
	}
}

// appends is B1. Its hub's projections and resolver are stopped, as nobody reads
// the raw log either; what they cost is in B2.
type appends struct {
	bed      benchBed
	door     *benchHub
	log      *rawLog
	registry *schemas.Registry
	maker    *eventMaker
}

func openAppends(ctx context.Context, bed benchBed) (_ *appends, err error) {
	c := &appends{bed: bed, maker: newEventMaker(bed.size.customers)}
	if c.registry, err = schemas.New(); err != nil {
		return nil, err
	}
	if c.log, err = bed.openRawLog(ctx); err != nil {
		return nil, err
	}
	if c.door, err = bed.openHub(ctx); err != nil {
		c.log.close()
		return nil, err
	}
	if err := c.door.seed(ctx, c.maker.everyone()); err != nil {
		c.close()
		return nil, err
	}
	c.door.main.Stop()
	c.door.contact.Stop()
	c.door.resolver.Stop()
	return c, nil
}

func (c *appends) close() {
	c.door.close()
	c.log.close()
}

// raw validates on all processors and feeds one publisher of atomic batches.
func (c *appends) raw(ctx context.Context) ([]float64, error) {
	load, err := rawOf(c.maker.interactions(c.bed.size.appends))
	if err != nil {
		return nil, err
	}
	sent, stored := inBatches(load.sent), inBatches(load.stored)
	start := time.Now()
	valid := make(chan [][]byte, len(sent)) // has room for all: nobody waits in vain when publishing fails
	judged := make(chan error, 1)
	go func() {
		defer close(valid)
		judged <- sideBySide(ctx, runtime.GOMAXPROCS(0), len(sent), func(_ context.Context, i int) error {
			err := c.validate(sent[i])
			valid <- stored[i]
			return err
		})
	}()
	for batch := range valid {
		if err == nil {
			_, err = c.log.PublishAtomic(ctx, batch)
		}
	}
	took := time.Since(start)
	return []float64{perSecond(len(load.sent), took)}, errors.Join(err, <-judged)
}

// validate reads events as the door does, and holds their data to the schema.
func (c *appends) validate(batch [][]byte) error {
	r := strictjson.NewReader(strictjson.Limits{})
	for _, b := range batch {
		doc, err := r.Read(b, "data")
		if err != nil {
			return err
		}
		top, _ := doc.Tree.(map[string]any)
		if wrong := c.registry.Validate(string(events.InteractionRecordedV1), top["data"]); len(wrong) > 0 {
			return fmt.Errorf("validate: %s at %s", wrong[0].Code, wrong[0].Pointer)
		}
	}
	return nil
}

func (c *appends) hub(ctx context.Context) ([]float64, error) {
	bodies := batchBodies(c.maker.interactions(c.bed.size.appends))
	start := time.Now()
	if err := c.door.postAll(ctx, bodies); err != nil {
		return nil, err
	}
	return []float64{perSecond(c.bed.size.appends, time.Since(start))}, nil
}
