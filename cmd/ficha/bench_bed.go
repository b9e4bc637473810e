package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"ficha/api/apikey"
	"ficha/api/client"
	"ficha/events"
	"ficha/events/natslog"
	"ficha/events/natslog/probe"
	"ficha/projections/pebblestore"
)

// benchHub is a whole hub that listens on loopback, and a client with an
// administrator's key.
type benchHub struct {
	*hub
	bed    benchBed
	at     *listening
	key    string
	client *client.Client
}

// openHub opens a hub in the bed's directory, as `ficha serve` would.
func (b benchBed) openHub(ctx context.Context) (*benchHub, error) {
	h, err := openHub(ctx, hubConfig{Dir: filepath.Join(b.dir, "hub"), Logger: b.logger})
	if err != nil {
		return nil, err
	}
	r := &benchHub{hub: h, bed: b}
	if r.key, _, err = h.keys.Create(ctx, "bench", []apikey.Role{apikey.Admin}, []string{"*"}); err != nil {
		h.close(b.logger)
		return nil, err
	}
	if r.at, err = listen(settings{Listen: "127.0.0.1:0"}, h.handler()); err != nil {
		h.close(b.logger)
		return nil, err
	}
	r.client = &client.Client{BaseURL: r.at.url, Key: r.key, HTTP: keepAlive()}
	return r, nil
}

// keepAlive is a client whose connections are kept, however many there are.
func keepAlive() *http.Client {
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
}

func (h *benchHub) close() {
	h.client.HTTP.CloseIdleConnections()
	if err := h.at.stop(); err != nil {
		h.bed.logger.Error("stop serving", "error", err)
	}
	h.hub.close(h.bed.logger)
}

// post sends a body of n events, all of which must be appended, and gives the
// position that the answer names. The answer is looked through and not decoded:
// what is measured is the hub, and a sender's own machine would pay for that.
func (h *benchHub) post(ctx context.Context, format events.Format, n int, body []byte) (events.Position, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.at.url+"/v1/events", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", string(format))
	req.Header.Set("Authorization", "Bearer "+h.key)
	resp, err := h.client.HTTP.Do(req)
	if err != nil {
		return 0, fmt.Errorf("send events: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, fmt.Errorf("read answer: %w", err)
	}
	if appended := bytes.Count(answer, []byte(`"status":"appended"`)); resp.StatusCode != http.StatusOK || appended != n {
		return 0, fmt.Errorf("send events: status %d, %d of %d events appended", resp.StatusCode, appended, n)
	}
	return positionIn(answer)
}

// positionIn reads the position of an answer as a whole, which stands behind
// those of its events.
func positionIn(answer []byte) (events.Position, error) {
	const member = `"position":`
	at := bytes.LastIndex(answer, []byte(member))
	if at < 0 {
		return 0, fmt.Errorf("read answer: it names no position: %w", events.ErrInvalid)
	}
	digits := answer[at+len(member):]
	if end := bytes.IndexAny(digits, ",}"); end >= 0 {
		digits = digits[:end]
	}
	return events.ParsePosition(string(bytes.TrimSpace(digits)))
}

// seed brings events into the hub and waits until all is folded and matched.
func (h *benchHub) seed(ctx context.Context, all []events.Envelope) error {
	return h.seedFrom(ctx, slices.Values(all))
}

// seedFrom is seed for more events than fit into memory.
func (h *benchHub) seedFrom(ctx context.Context, all iter.Seq[events.Envelope]) error {
	for batch := range batchesOf(all) {
		if _, err := h.post(ctx, events.FormatBatch, len(batch), encoded(batch)); err != nil {
			return fmt.Errorf("seed hub: %w", err)
		}
	}
	return h.settle(ctx)
}

// postAll sends bodies from several clients at once.
func (h *benchHub) postAll(ctx context.Context, bodies []eventBody) error {
	return sideBySide(ctx, benchClients, len(bodies), func(ctx context.Context, i int) error {
		_, err := h.post(ctx, events.FormatBatch, bodies[i].events, bodies[i].bytes)
		return err
	})
}

// rawLog is a NATS server of its own, set up as the hub's, with one stream.
type rawLog struct {
	*probe.Stream
	server *natslog.Server
}

func (b benchBed) openRawLog(ctx context.Context) (*rawLog, error) {
	server, err := natslog.StartServer(natslog.ServerConfig{Dir: filepath.Join(b.dir, "raw-log"), Logger: b.logger})
	if err != nil {
		return nil, err
	}
	stream, err := probe.StartStream(ctx, server.Conn(), "PROBE")
	if err != nil {
		server.Stop()
		return nil, err
	}
	return &rawLog{Stream: stream, server: server}, nil
}

func (r *rawLog) close() { r.server.Stop() }

// openRawStore opens a database of its own, set up as the hub's.
func (b benchBed) openRawStore() (*pebblestore.DB, *pebblestore.Store, error) {
	db, err := pebblestore.Open(pebblestore.Config{Dir: filepath.Join(b.dir, "raw-store"), Logger: b.logger})
	if err != nil {
		return nil, nil, err
	}
	store, err := db.Store("toy")
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return db, store, nil
}

// sideBySide calls do for 0 … n-1 in so many goroutines. The first error ends
// it and is given.
func sideBySide(ctx context.Context, workers, n int, do func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				if err := do(ctx, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// flow is something that goes on at a steady rate while something else is measured.
type flow struct {
	cancel context.CancelFunc
	ended  chan error
	done   atomic.Int64
	began  time.Time
}

// startFlow calls do once every so often until stop, a few at a time. A call
// that is late is made up for.
func startFlow(ctx context.Context, every time.Duration, do func(ctx context.Context, i int) error) *flow {
	ctx, cancel := context.WithCancel(ctx)
	f := &flow{cancel: cancel, ended: make(chan error, 1), began: time.Now()}
	go func() {
		f.ended <- sideBySide(ctx, benchClients, math.MaxInt, func(ctx context.Context, i int) error {
			select {
			case <-time.After(time.Until(f.began.Add(time.Duration(i) * every))):
			case <-ctx.Done():
				return ctx.Err()
			}
			err := do(ctx, i)
			if err == nil {
				f.done.Add(1)
			}
			return err
		})
	}()
	return f
}

// stop ends the flow, waits for it, and gives how many calls a second were done.
func (f *flow) stop() (float64, error) {
	rate := perSecond(int(f.done.Load()), time.Since(f.began))
	f.cancel()
	err := <-f.ended
	if errors.Is(err, context.Canceled) {
		err = nil // that was stop
	}
	return rate, err
}
