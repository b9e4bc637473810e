package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"ficha/events"
)

// oneEventWorkload is B4: what somebody who sends one event waits for.
func oneEventWorkload() workload {
	return workload{
		name: "B4", about: "one event: acknowledged while nothing else goes on; seen in the golden record while 2,000 events/s flow",
		lines: []benchLine{{
			what: "acknowledged over HTTP, p50", limit: "single publish", unit: " ms", budget: budget{ratio: true, atMost: true, value: 3},
		}, {
			what: "seen in the golden record, p99", unit: " ms", budget: budget{atMost: true, value: 250, unit: " ms"},
		}},
		open: func(ctx context.Context, bed benchBed) (contest, error) { return openOneEvent(ctx, bed) },
	}
}

const (
	// idlePause lets what an event sets off (folds, commits) end before the next
	// one comes: who sends one event finds the hub idle.
	idlePause = 4 * time.Millisecond

	trafficRate  = 2000 // events a second
	trafficBatch = 20   // events a request
	// trafficLeast is the share of the rate below which a round is void: a hub
	// that is not under load proves nothing.
	trafficLeast = 0.9
)

// oneEvent is B4.
type oneEvent struct {
	bed   benchBed
	door  *benchHub
	log   *rawLog
	maker *eventMaker
	next  int // customer to change
}

func openOneEvent(ctx context.Context, bed benchBed) (_ *oneEvent, err error) {
	c := &oneEvent{bed: bed, maker: newEventMaker(bed.size.customers)}
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
	return c, nil
}

func (c *oneEvent) close() {
	c.door.close()
	c.log.close()
}

func (c *oneEvent) raw(ctx context.Context) ([]float64, error) {
	load, err := rawOf(c.maker.interactions(c.bed.size.singles))
	if err != nil {
		return nil, err
	}
	acks := make([]time.Duration, len(load.stored))
	for i, b := range load.stored {
		time.Sleep(idlePause)
		start := time.Now()
		if _, err := c.log.PublishSingle(ctx, b); err != nil {
			return nil, err
		}
		acks[i] = time.Since(start)
	}
	return []float64{percentile(acks, 0.5), absent()}, nil
}

func (c *oneEvent) hub(ctx context.Context) ([]float64, error) {
	acks := make([]time.Duration, c.bed.size.singles)
	for i, e := range c.maker.interactions(len(acks)) {
		body := encoded(e)
		time.Sleep(idlePause)
		start := time.Now()
		if _, err := c.door.post(ctx, events.FormatEvent, 1, body); err != nil {
			return nil, err
		}
		acks[i] = time.Since(start)
	}
	if err := c.door.settle(ctx); err != nil {
		return nil, err
	}
	seen, err := c.sightings(ctx)
	if err != nil {
		return nil, err
	}
	return []float64{percentile(acks, 0.5), percentile(seen, 0.99)}, c.door.settle(ctx)
}

// sightings changes customers one after the other while other events flow, and
// gives how long each change took to be seen. None if too little flowed.
func (c *oneEvent) sightings(ctx context.Context) ([]time.Duration, error) {
	flow := startFlow(ctx, time.Second*trafficBatch/trafficRate, func(ctx context.Context, _ int) error {
		_, err := c.door.post(ctx, events.FormatBatch, trafficBatch, encoded(c.maker.interactions(trafficBatch)))
		return err
	})
	seen := make([]time.Duration, c.bed.size.sightings)
	var err error
	for i := range seen {
		if seen[i], err = c.sighting(ctx); err != nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	requests, flowed := flow.stop()
	if err := errors.Join(err, flowed); err != nil {
		return nil, err
	}
	if rate := requests * trafficBatch; rate < trafficLeast*trafficRate {
		c.bed.logger.Warn("round is void: too little flowed", "events_per_second", int(rate))
		return nil, nil
	}
	return seen, nil
}

// sighting changes one customer and reads it until the change shows.
func (c *oneEvent) sighting(ctx context.Context) (time.Duration, error) {
	who := c.next % c.maker.customers
	c.next++
	e, segment := c.maker.change(who)
	body := encoded(e)
	start := time.Now()
	p, err := c.door.post(ctx, events.FormatEvent, 1, body)
	if err != nil {
		return 0, err
	}
	path := fmt.Sprintf("/v1/customers/%s?min_position=%d", customerKey(who).UUID(), p)
	for {
		shown, err := c.segment(ctx, path)
		switch {
		case err == nil && shown == segment:
			return time.Since(start), nil
		case err == nil:
			return 0, fmt.Errorf("golden record at position %d does not show the event at it", p)
		case !errors.Is(err, events.ErrConflict): // a conflict is a read that waited a second in vain
			return 0, err
		}
	}
}

func (c *oneEvent) segment(ctx context.Context, path string) (string, error) {
	var body []byte
	if err := c.door.client.Do(ctx, http.MethodGet, path, nil, &body); err != nil {
		return "", err
	}
	var shown struct {
		Segment struct {
			Value string `json:"value"`
		} `json:"segment"`
	}
	err := json.Unmarshal(body, &shown)
	return shown.Segment.Value, err
}
