package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/pebblestore"
)

// endToEndWorkload is B2: how fast interactions get from the door into the rows
// that people read.
func endToEndWorkload() workload {
	return workload{
		name: "B2", about: "interactions end to end: from the first request until all projections are past the last event",
		lines: []benchLine{{
			what: "interactions folded", limit: "toy pipeline", unit: "/s", budget: budget{ratio: true, value: 0.4},
		}},
		open: func(ctx context.Context, bed benchBed) (contest, error) { return openEndToEnd(ctx, bed) },
	}
}

// endToEnd is B2. Its raw limit is a toy pipeline: atomic batches into a synced
// stream, an ordered consumer behind them, and four rows an event with the
// position, synced, in Pebble; no validation, no ids, no folds.
type endToEnd struct {
	bed   benchBed
	door  *benchHub
	log   *rawLog
	db    *pebblestore.DB
	store *pebblestore.Store
	maker *eventMaker
	at    events.Position // where the toy's rows are
}

func openEndToEnd(ctx context.Context, bed benchBed) (_ *endToEnd, err error) {
	c := &endToEnd{bed: bed, maker: newEventMaker(bed.size.customers)}
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	if c.log, err = bed.openRawLog(ctx); err != nil {
		return nil, err
	}
	if c.db, c.store, err = bed.openRawStore(); err != nil {
		return nil, err
	}
	if c.door, err = bed.openHub(ctx); err != nil {
		return nil, err
	}
	return c, c.door.seed(ctx, c.maker.everyone())
}

func (c *endToEnd) close() {
	if c.door != nil {
		c.door.close()
	}
	if c.db != nil {
		if err := c.db.Close(); err != nil {
			c.bed.logger.Error("close store", "error", err)
		}
	}
	if c.log != nil {
		c.log.close()
	}
}

func (c *endToEnd) hub(ctx context.Context) ([]float64, error) {
	bodies := batchBodies(c.maker.interactions(c.bed.size.appends))
	start := time.Now()
	if err := c.door.postAll(ctx, bodies); err != nil {
		return nil, err
	}
	end, err := c.door.log.End(ctx)
	if err != nil {
		return nil, err
	}
	if err := (freshness{c.door.hub}).Wait(ctx, end); err != nil {
		return nil, err
	}
	took := time.Since(start)
	return []float64{perSecond(c.bed.size.appends, took)}, c.door.settle(ctx)
}

func (c *endToEnd) raw(ctx context.Context) ([]float64, error) {
	load, err := rawOf(c.maker.interactions(c.bed.size.appends))
	if err != nil {
		return nil, err
	}
	batches := inBatches(load.stored)
	until := c.at + events.Position(len(load.stored))
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	start := time.Now()
	published := make(chan error, 1)
	go func() {
		err := c.publish(ctx, batches)
		if err != nil {
			cancel(err) // nothing more will come for the consumer
		}
		published <- err
	}()
	err = c.foldToy(ctx, until)
	took := time.Since(start)
	cancel(nil)
	return []float64{perSecond(len(load.stored), took)}, errors.Join(err, <-published)
}

func (c *endToEnd) publish(ctx context.Context, batches [][][]byte) error {
	for _, batch := range batches {
		if _, err := c.log.PublishAtomic(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

// foldToy commits what comes in batches as large as the runner's.
func (c *endToEnd) foldToy(ctx context.Context, until events.Position) error {
	batch := make([]events.Decoded, 0, benchBatch)
	return c.log.Consume(ctx, uint64(c.at), uint64(until), func(seq uint64, data []byte) error {
		e, err := decodeWhole(events.Position(seq), data)
		if err != nil {
			return err
		}
		if batch = append(batch, e); len(batch) < cap(batch) && e.Position < until {
			return nil
		}
		err = c.store.Commit(ctx, projections.Commit{Runner: "toy", At: c.at, To: e.Position, Changes: toyRows(batch)})
		c.at, batch = e.Position, batch[:0]
		return err
	})
}

// decodeWhole reads stored bytes and the data in them, as every reader of the
// log must.
func decodeWhole(p events.Position, b []byte) (events.Decoded, error) {
	s, err := events.DecodeStored(p, b)
	if err != nil {
		return events.Decoded{}, err
	}
	return events.Decode(s)
}

// toyRows are four rows an event: its bytes by position, and three that lead to
// it from its record, from the customer and from the number.
func toyRows(batch []events.Decoded) []projections.Change {
	changes := make([]projections.Change, 0, 4*len(batch))
	for _, e := range batch {
		x, ok := e.Payload.(*events.InteractionRecorded)
		if !ok || x.Customer == nil || len(x.ContactPoints) == 0 {
			continue
		}
		position := fmt.Appendf(nil, "%016x", uint64(e.Position))
		record, customer := x.Record.UUID(), x.Customer.UUID()
		changes = append(changes,
			projections.Change{Table: "toy_events", Key: position, Value: e.Bytes},
			projections.Change{Table: "toy_records", Key: record[:], Value: position},
			projections.Change{Table: "toy_customers", Key: append(customer[:], position...), Value: position},
			projections.Change{Table: "toy_points", Key: append([]byte(x.ContactPoints[0].Phone), position...), Value: position},
		)
	}
	slices.SortFunc(changes, func(a, b projections.Change) int {
		if a.Table != b.Table {
			return bytes.Compare([]byte(a.Table), []byte(b.Table))
		}
		return bytes.Compare(a.Key, b.Key)
	})
	return changes
}
