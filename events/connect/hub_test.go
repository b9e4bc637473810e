package connect

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ficha/events"
	"ficha/schemas"
)

// hub is a sink that answers as the gateway does: it validates against the
// schemas, knows duplicates, and refuses an id that is used for something else.
type hub struct {
	mu      sync.Mutex
	reg     *schemas.Registry
	held    map[events.EventID]events.Envelope
	log     []events.Envelope
	calls   int
	failAt  int // the call that fails; 0: none
	failure error
}

func newHub(t testing.TB) *hub {
	t.Helper()
	reg, err := schemas.New()
	if err != nil {
		t.Fatal(err)
	}
	return &hub{reg: reg, held: make(map[events.EventID]events.Envelope)}
}

func (h *hub) Submit(ctx context.Context, batch []events.Envelope) (events.SubmitResult, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return events.SubmitResult{}, err
	}
	if h.calls++; h.calls == h.failAt {
		return events.SubmitResult{}, h.failure
	}
	var out events.SubmitResult
	for _, e := range batch {
		out.Results = append(out.Results, h.take(e))
	}
	return out, nil
}

func (h *hub) take(e events.Envelope) events.EventResult {
	r := events.EventResult{Source: e.Source, ID: e.ID, Status: events.StatusAppended}
	reject := func(code, pointer string) events.EventResult {
		r.Status, r.Errors = events.StatusRejected, []events.Problem{{Code: code, Pointer: pointer, Detail: "not as it should be"}}
		return r
	}
	if e.ID == "" || e.Source == "" || e.Time.IsZero() || len(e.ID) > 256 {
		return reject("envelope", "")
	}
	var v any
	dec := json.NewDecoder(bytes.NewReader(e.Data))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return reject("invalid_json", "/data")
	}
	if bad := h.reg.Validate(string(e.Type), v); len(bad) > 0 {
		return reject(bad[0].Code, bad[0].Pointer)
	}
	key := events.EventID{Source: e.Source, ID: e.ID}
	if was, ok := h.held[key]; ok {
		if was.Type != e.Type || !bytes.Equal(was.Data, e.Data) {
			return reject("id_reused", "/id")
		}
		r.Status = events.StatusDuplicate
		return r
	}
	h.held[key] = e
	h.log = append(h.log, e)
	return r
}

// of gives the events of a type in the order in which they came.
func (h *hub) of(t events.Type) []events.Envelope {
	var out []events.Envelope
	for _, e := range h.log {
		if e.Type == t {
			out = append(out, e)
		}
	}
	return out
}

// records gives what the customer.recorded events say.
func (h *hub) records(t testing.TB) []events.CustomerRecorded {
	t.Helper()
	var out []events.CustomerRecorded
	for _, e := range h.of(events.CustomerRecordedV1) {
		var c events.CustomerRecorded
		if err := json.Unmarshal(e.Data, &c); err != nil {
			t.Fatal(err)
		}
		out = append(out, c)
	}
	return out
}

var (
	testKey  = []byte("0123456789abcdef0123456789abcdef")
	testTime = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
)

func config(sink Sink) Config {
	return Config{Source: "/crm/test", Sink: sink, Key: testKey, Run: "run-1", Time: testTime, Clock: func() time.Time { return testTime.Add(time.Hour) }}
}

// importText imports a text and fails the test where the import does.
func importText(t testing.TB, cfg Config, text string) Summary {
	t.Helper()
	s, err := Import(t.Context(), cfg, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if s.Rows != s.Appended+s.Unchanged+s.Duplicate+s.Rejected {
		t.Fatalf("the counts do not add up: %+v", s.Counts)
	}
	return s
}

// one imports a text that has one good row.
func one(t testing.TB, mapping Mapping, text string) (events.CustomerRecorded, *hub) {
	t.Helper()
	h := newHub(t)
	cfg := config(h)
	cfg.Mapping = mapping
	s := importText(t, cfg, text)
	got := h.records(t)
	if len(got) != 1 || s.Appended != 1 {
		t.Fatalf("%d records, %+v", len(got), s)
	}
	return got[0], h
}

func first[T any](t testing.TB, list []T) T {
	t.Helper()
	if len(list) == 0 {
		t.Fatal("none")
	}
	return list[0]
}

// rejected reads a rejects file: row, result, code, pointer.
func rejected(t testing.TB, b *bytes.Buffer) []string {
	t.Helper()
	r := csv.NewReader(b)
	r.FieldsPerRecord = -1
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, row := range rows[1:] {
		out = append(out, strings.Join(row[:4], " "))
	}
	return out
}

func equal[T comparable](t testing.TB, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

var errDown = errors.New("down")

// onlyReader hides that a reader can seek.
type onlyReader struct{ io.Reader }

// counting is a sink that takes everything.
type counting struct {
	ids    []string
	events []events.Envelope
}

func (c *counting) Submit(_ context.Context, batch []events.Envelope) (events.SubmitResult, error) {
	out := events.SubmitResult{Results: make([]events.EventResult, len(batch))}
	for i, e := range batch {
		c.ids = append(c.ids, e.ID)
		c.events = append(c.events, e)
		out.Results[i].Status = events.StatusValid
	}
	return out, nil
}

// discard is a sink that takes everything and keeps nothing.
type discard struct{}

func (discard) Submit(_ context.Context, batch []events.Envelope) (events.SubmitResult, error) {
	out := events.SubmitResult{Results: make([]events.EventResult, len(batch))}
	for i := range out.Results {
		out.Results[i].Status = events.StatusValid
	}
	return out, nil
}
