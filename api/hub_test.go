package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"ficha/api/apikey"
	"ficha/api/jobs"
	"ficha/events"
	"ficha/events/eventstest"
	"ficha/events/gateway"

	"ficha/projections/correlation"
	"ficha/projections/projectionstest"
	"ficha/schemas"
)

// hub is a whole hub in memory, folding each event before it is acknowledged
// unless told to lag, with one key per role.
type hub struct {
	t       testing.TB
	at      time.Time // what the clock says
	log     *eventstest.Log
	store   *projectionstest.Memory
	letters *eventstest.DeadLetters
	gateway *door
	fresh   *freshness
	keys    map[apikey.Role]string
	logged  *bytes.Buffer
	status  func(context.Context) (Status, error)
	ready   func(context.Context) error
	config  Config
	handler http.Handler
}

// start is when the tests take place.
var start = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

func newHub(t testing.TB, change ...func(*Config)) *hub {
	t.Helper()
	h := &hub{
		t: t, at: start, store: projectionstest.NewMemory(),
		letters: &eventstest.DeadLetters{}, keys: map[apikey.Role]string{}, logged: &bytes.Buffer{},
		status: func(context.Context) (Status, error) { return exampleStatus(), nil },
		ready:  func(context.Context) error { return nil },
	}
	h.log = eventstest.NewLog(h.now)
	h.fresh = &freshness{}
	h.gateway = newDoor(h)
	keys, err := apikey.New(apikey.Config{Store: &bucket{rows: map[string][]byte{}}, ServerKey: bytes.Repeat([]byte{1}, 32), Clock: h.now})
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range apikey.Roles() {
		key, _, err := keys.Create(t.Context(), "the "+string(role), []apikey.Role{role}, []string{"/crm/bank"})
		if err != nil {
			t.Fatal(err)
		}
		h.keys[role] = key
	}
	cfg := Config{
		Gateway: h.gateway, Log: h.log, IDs: ids{h.log}, Correlations: correlation.Index{}, DeadLetters: h.letters, Store: h.store, Runner: "test",
		Freshness: h.fresh, Checker: h.checker(), Keys: keys, Secret: bytes.Repeat([]byte{2}, 16),
		Status: func(ctx context.Context) (Status, error) { return h.status(ctx) },
		Verify: func(context.Context) (Verification, error) {
			return Verification{OK: true, Digests: []DigestCheck{}, Findings: []string{}}, nil
		},
		Ready: func(ctx context.Context) error { return h.ready(ctx) },
		Build: Build{Version: "0.0.0-test"}, Clock: h.now, Webhooks: h.webhooks(), Closing: hasClosed(), Matcher: strangers{}, Projections: &rowsDesk{jobs: map[string]jobs.Job{}},
		Logger: slog.New(slog.NewTextHandler(h.logged, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, f := range change {
		f(&cfg)
	}
	h.config = cfg
	if h.handler, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	return h
}

// rebuild makes the handler anew, as a restart does.
func (h *hub) rebuild() {
	h.t.Helper()
	var err error
	if h.handler, err = New(h.config); err != nil {
		h.t.Fatal(err)
	}
}

func (h *hub) now() time.Time { return h.at }

// call sends a request with the key of a role ("": none) and gives the answer.
func (h *hub) call(role apikey.Role, method, path string, body any, headers ...string) *httptest.ResponseRecorder {
	h.t.Helper()
	r := httptest.NewRequest(method, path, bytes.NewReader(bodyOf(h.t, body)))
	r.RemoteAddr = "192.0.2.7:4711"
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if role != "" {
		r.Header.Set("Authorization", "Bearer "+h.keys[role])
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	return w
}

func bodyOf(t testing.TB, body any) []byte {
	t.Helper()
	switch b := body.(type) {
	case nil:
		return nil
	case string:
		return []byte(b)
	case []byte:
		return b
	}
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// ask is call for an answer that must be 200, decoded.
func ask[T any](h *hub, role apikey.Role, method, path string, body any, headers ...string) T {
	h.t.Helper()
	w := h.call(role, method, path, body, headers...)
	var out T
	if w.Code != http.StatusOK {
		h.t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		h.t.Fatalf("%s %s: %v in %s", method, path, err, w.Body)
	}
	return out
}

// wantProblem checks that an answer is a well-formed problem and gives it.
func wantProblem(t testing.TB, w *httptest.ResponseRecorder, status int, code string) Problem {
	t.Helper()
	var p Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("no problem: %d %s", w.Code, w.Body)
	}
	if w.Code != status || p.Status != status || p.Code != code {
		t.Errorf("got %d %s, want %d %s: %s", w.Code, p.Code, status, code, w.Body)
	}
	if ct := w.Header().Get("Content-Type"); ct != "application/problem+json" {
		t.Errorf("content type %q", ct)
	}
	if len(p.TraceID) != 32 || p.TraceID != w.Header().Get("Ficha-Trace") || p.Title == "" || p.Type == "" {
		t.Errorf("incomplete problem: %s", w.Body)
	}
	return p
}

// event builds an envelope of /crm/bank.
func event(id string, typ events.Type, at time.Time, data any) events.Envelope {
	b, err := json.Marshal(data)
	if err != nil {
		panic(err) // the tests' own structs
	}
	return events.Envelope{ID: id, Source: "/crm/bank", SpecVersion: "1.0", Type: typ, Time: at, Data: b}
}

// tell appends and folds events.
func (h *hub) tell(evs ...events.Envelope) events.Position {
	h.t.Helper()
	res, err := h.gateway.Publish(h.t.Context(), events.Principal{Name: "test", Hub: true}, evs)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, r := range res.Results {
		if r.Status == events.StatusRejected {
			h.t.Fatalf("event %s was rejected: %+v", r.ID, r.Errors)
		}
	}
	return res.Position
}

// door is the real gateway. It remembers what it was given, can be told to fail,
// and lets the projections catch up before it answers.
type door struct {
	hub *hub
	*gateway.Gateway

	mu     sync.Mutex
	who    events.Principal
	format events.Format
	body   []byte
	fail   error
	lag    bool // do not fold
}

var _ events.Gateway = (*door)(nil)

func newDoor(h *hub) *door {
	h.t.Helper()
	registry, err := schemas.New()
	if err != nil {
		h.t.Fatal(err)
	}
	g, err := gateway.New(gateway.Config{
		Log: h.log, Health: h.log, DeadLetters: h.letters, Schemas: registry, Key: make([]byte, 16), Clock: h.now, Door: h.log,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return &door{hub: h, Gateway: g}
}

func (d *door) Submit(ctx context.Context, who events.Principal, format events.Format, body []byte) (events.SubmitResult, error) {
	d.note(who, format, body)
	return d.then(d.Gateway.Submit(ctx, who, format, body))
}

func (d *door) Publish(ctx context.Context, who events.Principal, evs []events.Envelope) (events.SubmitResult, error) {
	d.note(who, "", nil)
	return d.then(d.Gateway.Publish(ctx, who, evs))
}

func (d *door) note(who events.Principal, format events.Format, body []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.who, d.format, d.body = who, format, body
}

func (d *door) then(res events.SubmitResult, err error) (events.SubmitResult, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil {
		return events.SubmitResult{}, d.fail
	}
	if !d.lag {
		d.hub.catchUp()
	}
	return res, err
}

// catchUp folds what the log has and the projections have not.
func (h *hub) catchUp() {
	for s, err := range h.log.Read(h.t.Context(), events.ReadOptions{After: h.fresh.Position()}) {
		if err != nil {
			h.t.Fatal(err)
		}
		projectionstest.TryFold(h.t, h.store, folds(), s.Envelope)
		h.fresh.reached(s.Position)
	}
}

// freshness is a [Freshness] that is told how far the projections are.
type freshness struct {
	mu       sync.Mutex
	at       events.Position
	resolved events.Position
}

func (f *freshness) reached(p events.Position) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at, f.resolved = p, p
}

func (f *freshness) Position() events.Position {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.at
}

func (f *freshness) Resolved() events.Position {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.resolved
}

func (f *freshness) Wait(ctx context.Context, p events.Position) error {
	for f.Position() < p {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for position: %w", ctx.Err())
		case <-time.After(time.Millisecond):
		}
	}
	return nil
}

// ids finds events in the log in memory the slow way.
type ids struct{ log *eventstest.Log }

func (x ids) Lookup(ctx context.Context, hashes []events.IDHash) ([]events.IDEntry, error) {
	found := make([]events.IDEntry, len(hashes))
	for s, err := range x.log.Read(ctx, events.ReadOptions{}) {
		if err != nil {
			return nil, err
		}
		if i := slices.Index(hashes, events.HashID(s.Source, s.ID)); i >= 0 {
			found[i] = events.IDEntry{Hash: hashes[i], Position: s.Position}
		}
	}
	return found, nil
}

// bucket is an apikey.Store in a map.
type bucket struct {
	mu   sync.Mutex
	rows map[string][]byte
}

func (b *bucket) Get(_ context.Context, key string) ([]byte, uint64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if v, ok := b.rows[key]; ok {
		return v, 1, nil
	}
	return nil, 0, events.ErrNotFound
}

func (b *bucket) Put(_ context.Context, key string, value []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rows[key] = value
	return nil
}

func (b *bucket) Delete(_ context.Context, key string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.rows, key)
	return nil
}

func (b *bucket) Keys(context.Context) ([]string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Collect(maps.Keys(b.rows)), nil
}
