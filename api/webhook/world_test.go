package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ficha/api/bucket/buckettest"
	"ficha/api/feed"
	"ficha/events"
	"ficha/projections"
	"ficha/projections/changes"
	"ficha/projections/golden"
	"ficha/projections/projectionstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var day0 = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// world is a hub with an outbox, a bucket, a clock and a desk.
type world struct {
	t      *testing.T
	store  *projectionstest.Memory
	bucket *buckettest.Memory
	desk   *Desk
	logged *strings.Builder

	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
	n     int
	grown chan struct{}
}

func newWorld(t *testing.T, change func(*Config)) *world {
	t.Helper()
	w := &world{t: t, store: projectionstest.NewMemory(), bucket: &buckettest.Memory{}, now: day0, grown: make(chan struct{}), logged: &strings.Builder{}}
	w.open(change)
	return w
}

// open makes a desk on what is kept, as a restart does.
func (w *world) open(change func(*Config)) {
	w.t.Helper()
	reader, err := feed.NewReader(feed.ReaderConfig{Store: w.store, Runner: "test", Wait: w.wait, End: w.end})
	if err != nil {
		w.t.Fatal(err)
	}
	inside, err := ParseGuard([]string{"127.0.0.0/8", "::1/128"})
	if err != nil {
		w.t.Fatal(err)
	}
	cfg := Config{
		Bucket: w.bucket, Reader: reader, Secret: make([]byte, 32), Guard: inside, Timeout: 2 * time.Second,
		Clock: w.clock, Sleep: w.sleep, Jitter: func() float64 { return 0.5 }, SaveEvery: time.Nanosecond,
		Logger: slog.New(slog.NewTextHandler(&guarded{w: w.logged}, nil)),
	}
	if change != nil {
		change(&cfg)
	}
	if w.desk, err = New(cfg); err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	if err := w.desk.Start(ctx); err != nil {
		w.t.Fatal(err)
	}
	desk := w.desk
	w.t.Cleanup(func() { cancel(); desk.Stop() })
}

type guarded struct {
	mu sync.Mutex
	w  io.Writer
}

func (g *guarded) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.w.Write(b)
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(time.Microsecond)
	return w.now
}

// sleep moves the clock on.
func (w *world) sleep(ctx context.Context, d time.Duration) error {
	w.mu.Lock()
	w.now = w.now.Add(d)
	w.slept = append(w.slept, d)
	w.mu.Unlock()
	return ctx.Err()
}

func (w *world) end(context.Context) (events.Position, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return events.Position(w.n), nil
}

func (w *world) wait(ctx context.Context, p events.Position) error {
	for {
		w.mu.Lock()
		at, grown := events.Position(w.n), w.grown
		w.mu.Unlock()
		if at >= p {
			return nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// record has n changes happen, by turns created and changed.
func (w *world) record(n int) {
	w.t.Helper()
	var evs []events.Envelope
	for i := w.n; i < w.n+n; i++ {
		evs = append(evs, events.Envelope{ID: fmt.Sprint("e", i), Source: "/crm", SpecVersion: "1.0", Type: events.CustomerRecordedV1, Time: day0,
			Data: json.RawMessage(fmt.Sprintf(`{"record":{"source":"/crm","id":"%d"},"kind":"person","segment":"s%d"}`, i/2, i))})
	}
	projectionstest.Fold(w.t, w.store, []projections.Fold{golden.New(), changes.New()}, evs...)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.n += n
	close(w.grown)
	w.grown = make(chan struct{})
}

// receiver is somebody who is sent webhooks.
type receiver struct {
	*httptest.Server
	mu      sync.Mutex
	got     []string // ids of changes, in order of arrival
	kinds   []string
	heads   []http.Header
	bodies  [][]byte
	answers []int            // of the next requests; then 204
	serve   http.HandlerFunc // instead
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(r.take))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) take(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	var m struct {
		Type string `json:"type"`
		Data struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	_ = json.Unmarshal(body, &m)
	r.mu.Lock()
	r.got, r.kinds = append(r.got, m.Data.ID), append(r.kinds, m.Type)
	r.heads, r.bodies = append(r.heads, req.Header.Clone()), append(r.bodies, body)
	answer, serve := http.StatusNoContent, r.serve
	if len(r.answers) > 0 {
		answer, r.answers = r.answers[0], r.answers[1:]
	}
	r.mu.Unlock()
	if serve != nil {
		serve(w, req)
		return
	}
	w.WriteHeader(answer)
}

func (r *receiver) answer(statuses ...int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answers = statuses
}

func (r *receiver) taken() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// heard gives what came: types, headers and bodies.
func (r *receiver) heard() (kinds []string, heads []http.Header, bodies [][]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.kinds), slices.Clone(r.heads), slices.Clone(r.bodies)
}

func (w *world) pauses() []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.slept)
}

// await waits until the receiver was sent n requests.
func (w *world) await(r *receiver, n int) []string {
	w.t.Helper()
	for range 3000 {
		if got := r.taken(); len(got) >= n {
			return got
		}
		time.Sleep(time.Millisecond)
	}
	w.t.Fatalf("%d requests came, want %d", len(r.taken()), n)
	return nil
}

func (w *world) create(url string, kinds ...changes.Kind) Created {
	w.t.Helper()
	c, err := w.desk.Create(w.t.Context(), Settings{URL: url, Kinds: kinds}, changes.ID{}, "")
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// settled waits until a view of the endpoint is as wished.
func (w *world) settled(id string, as func(View) bool) View {
	w.t.Helper()
	var v View
	for range 3000 {
		var err error
		if v, err = w.desk.Get(w.t.Context(), id); err != nil {
			w.t.Fatal(err)
		}
		if as(v) {
			return v
		}
		time.Sleep(time.Millisecond)
	}
	w.t.Fatalf("the endpoint stays as %+v", v)
	return v
}
