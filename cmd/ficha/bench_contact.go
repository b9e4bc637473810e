package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"ficha/api"
	"ficha/events"
	"ficha/internal/contactpoint"
	"ficha/projections"
	"ficha/projections/contact"
	"ficha/town"
)

// contactWorkload is B5: how many may-we-contact questions are answered while
// people opt out.
func contactWorkload() workload {
	return workload{
		name: "B5", about: "contact checks over HTTP, each fresh, while 50 opt-outs a second flow",
		lines: []benchLine{{
			what: "checked in batches of 1,000", limit: "point reads", unit: "/s", budget: budget{value: 20_000, unit: "/s"},
		}, {
			what: "checked one a request", limit: "JSON echoes", unit: "/s", budget: budget{value: 8_000, unit: "/s"},
		}, {
			what: "checked one a request, p99", limit: "JSON echo", unit: " ms", budget: budget{atMost: true, value: 5, unit: " ms"},
		}},
		open: func(ctx context.Context, bed benchBed) (contest, error) { return openContacts(ctx, bed) },
	}
}

const (
	optOutPause      = time.Second / 50
	checkConnections = 8       // that ask one check a request
	checkBatches     = 2       // connections that ask in batches
	checksABatch     = 1000    // checks a batch
	mostAskedAbout   = 100_000 // records that questions are about
)

// contacts is B5. Opt-outs flow while either side is measured.
type contacts struct {
	bed     benchBed
	door    *benchHub
	people  []reachable
	singles [][]byte // bodies of one check
	batches [][]byte // bodies of many
	rows    [][]byte // keys of rows to read
	echo    *listening
	optOuts *flow
}

// reachable is a source record with a number of its person.
type reachable struct {
	record events.RecordKey
	phone  string // E.164
}

// checkedTable is one that every check by telephone number reads.
const checkedTable projections.Table = "contact_points"

func openContacts(ctx context.Context, bed benchBed) (_ *contacts, err error) {
	c := &contacts{bed: bed}
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	if c.door, err = bed.openHub(ctx); err != nil {
		return nil, err
	}
	if err := c.settleTown(ctx); err != nil {
		return nil, err
	}
	if c.rows, err = c.someRows(ctx); err != nil {
		return nil, err
	}
	c.writeQuestions()
	if c.echo, err = listen(settings{Listen: "127.0.0.1:0"}, http.HandlerFunc(echoJSON)); err != nil {
		return nil, err
	}
	at := time.Now().UTC().Add(-time.Hour).Truncate(time.Second)
	c.optOuts = startFlow(ctx, optOutPause, func(ctx context.Context, i int) error {
		_, err := c.door.post(ctx, events.FormatEvent, 1, encoded(c.optOut(i, at)))
		return err
	})
	return c, nil
}

func (c *contacts) close() {
	if c.optOuts != nil {
		if _, err := c.optOuts.stop(); err != nil {
			c.bed.logger.Error("opt-outs ended", "error", err)
		}
	}
	if c.echo != nil {
		if err := c.echo.stop(); err != nil {
			c.bed.logger.Error("stop echo", "error", err)
		}
	}
	if c.door != nil {
		c.door.close()
	}
}

// settleTown brings the records and wishes of a town into the hub; what people
// did does not matter here.
func (c *contacts) settleTown(ctx context.Context) error {
	t, err := town.Generate(town.Config{People: c.bed.size.contacts, Now: townNow(time.Now())})
	if err != nil {
		return err
	}
	every := max(1, t.Records()/mostAskedAbout)
	seen := 0
	said := func(yield func(events.Envelope) bool) {
		for e := range t.Events() {
			if f := e.Type.Family(); f != "customer" && f != "contact" {
				continue
			}
			if r, ok := reachableBy(e); ok {
				if seen++; seen%every == 0 {
					c.people = append(c.people, r)
				}
			}
			if !yield(e) {
				return
			}
		}
	}
	return c.door.seedFrom(ctx, said)
}

// reachableBy gives the record and the first number of a statement that has one.
func reachableBy(e events.Envelope) (reachable, bool) {
	var x events.CustomerRecorded
	if e.Type != events.CustomerRecordedV1 || json.Unmarshal(e.Data, &x) != nil || len(x.Phones) == 0 {
		return reachable{}, false
	}
	p, ok := contactpoint.Phone(x.Phones[0].Value, x.Phones[0].Region)
	return reachable{record: x.Record.RecordKey, phone: p.Value}, ok && p.Readable
}

// someRows gives keys of rows all over the table that checks read.
func (c *contacts) someRows(ctx context.Context) ([][]byte, error) {
	snap, err := c.door.store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	every, n := max(1, 3*c.bed.size.contacts/mostAskedAbout), 0
	var keys [][]byte
	for row, err := range snap.Scan(ctx, checkedTable, projections.Range{}) {
		if err != nil {
			return nil, err
		}
		if n++; n%every == 0 {
			keys = append(keys, bytes.Clone(row.Key))
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("table %s is empty: %w", checkedTable, events.ErrNotFound)
	}
	return keys, nil
}

// writeQuestions writes the bodies beforehand. Six questions of ten are by
// number, the others by a record, as a dialler and a desk would ask.
func (c *contacts) writeQuestions() {
	order := rand.New(rand.NewPCG(1, 2)).Perm(len(c.people))
	products := [...]string{"credit-card", "savings", "", "extra-financing"}
	all := make([]contact.Request, len(order))
	for i, at := range order {
		p := c.people[at]
		r := contact.Request{Who: contact.Who{Phone: p.phone}, Channel: "voice", Purpose: "marketing", Product: products[i%len(products)]}
		if i%10 >= 6 {
			r.Who = contact.Who{Record: &p.record}
		}
		all[i] = r
	}
	for i := range min(len(all), 20_000) {
		c.singles = append(c.singles, encoded(api.ChecksRequest{Checks: all[i : i+1]}))
	}
	for batch := range slices.Chunk(all, checksABatch) {
		c.batches = append(c.batches, encoded(api.ChecksRequest{Checks: batch}))
	}
}

// optOut is somebody who does not want to be called by us again.
func (c *contacts) optOut(i int, at time.Time) events.Envelope {
	p := c.people[i*7919%len(c.people)]
	return events.Envelope{
		ID: fmt.Sprint("optout-", i), Source: benchPBX, SpecVersion: "1.0", Type: events.ContactStatedV1, Time: at,
		Data: encoded(events.ContactStated{
			Choice: events.Deny, Records: []events.RecordKey{p.record}, ContactPoints: []events.ContactPoint{{Phone: p.phone}},
			Scope: events.Scope{Channels: []string{"voice"}}, StatedAt: at.Format(time.RFC3339),
		}),
	}
}

// raw reads single rows of a table that checks read, as fast as the store gives
// them, and then has a handler that knows nothing repeat the same requests.
func (c *contacts) raw(ctx context.Context) ([]float64, error) {
	snap, err := c.door.store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	reads, err := hammer(ctx, runtime.GOMAXPROCS(0), c.bed.size.asking, func(ctx context.Context, i int) error {
		_, found, err := snap.Get(ctx, checkedTable, c.rows[i*7919%len(c.rows)])
		if err == nil && !found {
			err = events.ErrNotFound
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read rows: %w", err)
	}
	echoes, err := c.ask(ctx, c.echo.url, checkConnections, c.singles)
	if err != nil {
		return nil, err
	}
	return []float64{reads.perSecond(), echoes.perSecond(), percentile(echoes.each, 0.99)}, nil
}

func (c *contacts) hub(ctx context.Context) ([]float64, error) {
	batches, err := c.ask(ctx, c.door.at.url, checkBatches, c.batches)
	if err != nil {
		return nil, err
	}
	singles, err := c.ask(ctx, c.door.at.url, checkConnections, c.singles)
	if err != nil {
		return nil, err
	}
	checks := float64(len(batches.each)) * float64(min(checksABatch, len(c.people))) / batches.took.Seconds()
	return []float64{checks, singles.perSecond(), percentile(singles.each, 0.99)}, nil
}

// ask posts bodies to the route of checks of the hub or of the echo, over kept
// connections.
func (c *contacts) ask(ctx context.Context, url string, connections int, bodies [][]byte) (hammered, error) {
	client := keepAlive()
	defer client.CloseIdleConnections()
	return hammer(ctx, connections, c.bed.size.asking, func(ctx context.Context, i int) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/contact-checks", bytes.NewReader(bodies[i%len(bodies)]))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+c.door.key)
		resp, err := client.Do(req)
		if err != nil {
			return fmt.Errorf("ask: %w", err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("ask: answered with status %d", resp.StatusCode)
		}
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	})
}

// echoJSON reads a body as JSON and writes it again.
func echoJSON(w http.ResponseWriter, r *http.Request) {
	var body any
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body) // the client may be gone
}

// hammered is what came of asking without pause.
type hammered struct {
	each []time.Duration // how long each call took
	took time.Duration   // all of it
}

func (h hammered) perSecond() float64 { return perSecond(len(h.each), h.took) }

// hammer calls do from so many goroutines, each as soon as its last call has
// ended, for a time.
func hammer(ctx context.Context, callers int, lasts time.Duration, do func(ctx context.Context, i int) error) (hammered, error) {
	var next atomic.Int64
	var mu sync.Mutex
	var all []time.Duration
	start := time.Now()
	err := sideBySide(ctx, callers, callers, func(ctx context.Context, _ int) error {
		var each []time.Duration
		for began := start; began.Sub(start) < lasts; {
			if err := do(ctx, int(next.Add(1))-1); err != nil {
				return err
			}
			now := time.Now()
			each = append(each, now.Sub(began))
			began = now
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, each...)
		return nil
	})
	return hammered{each: all, took: time.Since(start)}, err
}
