package feed_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"ficha/api/feed"
	"ficha/events"
	"ficha/projections"
	"ficha/projections/changes"
	"ficha/projections/golden"
	"ficha/projections/projectionstest"
)

var day0 = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// hub is a store with an outbox that grows.
type hub struct {
	t     testing.TB
	store *projectionstest.Memory
	evs   []events.Envelope

	mu    sync.Mutex
	at    events.Position
	grown chan struct{}
}

func newHub(t testing.TB) *hub {
	return &hub{t: t, store: projectionstest.NewMemory(), grown: make(chan struct{})}
}

func folds() []projections.Fold { return []projections.Fold{golden.New(), changes.New()} }

// record has records stated, by turns created and changed.
func (h *hub) record(n int) {
	h.t.Helper()
	var evs []events.Envelope
	for range n {
		i := len(h.evs) + len(evs)
		evs = append(evs, events.Envelope{ID: fmt.Sprint("e", i), Source: "/crm", SpecVersion: "1.0", Type: events.CustomerRecordedV1, Time: day0.Add(time.Duration(i) * time.Second),
			Data: json.RawMessage(fmt.Sprintf(`{"record":{"source":"/crm","id":"%d"},"kind":"person","segment":"s%d"}`, i/2, i))})
	}
	h.mu.Lock()
	h.evs = append(h.evs, evs...)
	h.mu.Unlock()
	at := projectionstest.Fold(h.t, h.store, folds(), evs...)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at = at
	close(h.grown)
	h.grown = make(chan struct{})
}

func (h *hub) wait(ctx context.Context, p events.Position) error {
	for {
		h.mu.Lock()
		at, grown := h.at, h.grown
		h.mu.Unlock()
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

func (h *hub) end(context.Context) (events.Position, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return events.Position(len(h.evs)), nil
}

func (h *hub) reader() *feed.Reader {
	h.t.Helper()
	r, err := feed.NewReader(feed.ReaderConfig{Store: h.store, Runner: "test", Wait: h.wait, End: h.end})
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

func ids(entries []changes.Entry) []string {
	out := []string{}
	for _, e := range entries {
		out = append(out, e.ID.String())
	}
	return out
}

func page(t *testing.T, r *feed.Reader, q feed.Query) feed.Page {
	t.Helper()
	p, err := r.Page(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPages(t *testing.T) {
	h := newHub(t)
	h.record(10)
	r := h.reader()
	for name, c := range map[string]struct {
		q       feed.Query
		want    []string
		through string
		more    bool
	}{
		"all":         {feed.Query{}, []string{"1.0", "2.0", "3.0", "4.0", "5.0", "6.0", "7.0", "8.0", "9.0", "10.0"}, "10", false},
		"two":         {feed.Query{Limit: 2}, []string{"1.0", "2.0"}, "2.0", true},
		"behind":      {feed.Query{After: changes.ID{Position: 8}}, []string{"9.0", "10.0"}, "10", false},
		"behind all":  {feed.Query{After: changes.Through(10)}, []string{}, "10", false},
		"of a kind":   {feed.Query{Kinds: []changes.Kind{changes.Changed}, Limit: 3}, []string{"2.0", "4.0", "6.0"}, "6.0", true},
		"the last":    {feed.Query{Kinds: []changes.Kind{changes.Changed}, After: changes.Through(6)}, []string{"8.0", "10.0"}, "10", false},
		"of no kind":  {feed.Query{Kinds: []changes.Kind{changes.Merged}}, []string{}, "10", false},
		"two kinds":   {feed.Query{Kinds: []changes.Kind{changes.Merged, changes.Created}, After: changes.Through(6)}, []string{"7.0", "9.0"}, "10", false},
		"exactly all": {feed.Query{Limit: 10}, []string{"1.0", "2.0", "3.0", "4.0", "5.0", "6.0", "7.0", "8.0", "9.0", "10.0"}, "10.0", true},
	} {
		t.Run(name, func(t *testing.T) {
			p := page(t, r, c.q)
			if !slices.Equal(ids(p.Changes), c.want) || p.Through.String() != c.through || p.More != c.more || p.Position != 10 {
				t.Errorf("got %v through %s, more %v, position %d", ids(p.Changes), p.Through, p.More, p.Position)
			}
		})
	}
	if now, err := r.Now(t.Context()); err != nil || now != changes.Through(10) {
		t.Errorf("now is %s, %v", now, err)
	}
}

func TestGoneAndFuture(t *testing.T) {
	h := newHub(t)
	h.record(70)
	h.evs = append(h.evs, events.Envelope{}) // in the log, and not folded yet
	r := h.reader()
	if _, err := r.Page(t.Context(), feed.Query{After: changes.ID{Position: 72}}); !errors.Is(err, feed.ErrFuture) || !errors.Is(err, events.ErrInvalid) {
		t.Errorf("beyond the log: %v", err)
	}
	if p := page(t, r, feed.Query{After: changes.Through(71)}); len(p.Changes) > 0 || p.Through != changes.Through(71) || p.Position != 70 {
		t.Errorf("not folded yet: %+v", p)
	}
	h = newHub(t)
	h.record(70)
	late := day0.Add(changes.Kept + time.Minute) // events of the first minute are too old
	e := h.evs[0]
	for i := range 60 {
		e.ID, e.Time, e.RecordedTime = fmt.Sprint("late", i), late.Add(time.Duration(i)), late
		projectionstest.Fold(t, h.store, folds(), e)
		h.evs = append(h.evs, e)
	}
	r = h.reader()
	for _, after := range []changes.ID{{Position: 3}, changes.Through(59)} {
		if _, err := r.Page(t.Context(), feed.Query{After: after}); !errors.Is(err, feed.ErrGone) {
			t.Errorf("after %s: %v, want ErrGone", after, err)
		}
	}
	if p := page(t, r, feed.Query{After: changes.ID{Position: 60}, Limit: 1}); !slices.Equal(ids(p.Changes), []string{"61.0"}) {
		t.Errorf("behind the last that was dropped: %v", ids(p.Changes))
	}
	if p := page(t, r, feed.Query{Limit: 1}); !slices.Equal(ids(p.Changes), []string{"61.0"}) {
		t.Errorf("from the beginning of what is kept: %v", ids(p.Changes))
	}
}

// stream is a [feed.Stream] in memory, fenced, that fails now and then.
type stream struct {
	mu       sync.Mutex
	messages []feed.Message
	expired  int           // of the first ones
	fail     func() string // "": works; "lost": written, and the answer is lost; else not written
}

func (s *stream) End(context.Context) (feed.End, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	end := feed.End{Sequence: uint64(len(s.messages))}
	if n := len(s.messages); n > s.expired {
		end.ID = s.messages[n-1].ID
	}
	return end, nil
}

func (s *stream) Publish(_ context.Context, after uint64, batch []feed.Message) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if after != uint64(len(s.messages)) {
		return 0, fmt.Errorf("wrong last sequence: %w", events.ErrConflict)
	}
	fate := ""
	if s.fail != nil {
		fate = s.fail()
	}
	if fate != "" && fate != "lost" {
		batch = batch[:len(batch)/2] // some of it
	}
	s.messages = append(s.messages, batch...)
	if fate != "" {
		return 0, events.ErrUnavailable
	}
	return uint64(len(s.messages)), nil
}

func (s *stream) ids() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []string{}
	for _, m := range s.messages {
		out = append(out, m.ID)
	}
	return out
}

// publish runs a publisher; stop ends it.
func (h *hub) publish(s *stream, now time.Time) (p *feed.Publisher, stop func()) {
	h.t.Helper()
	p, err := feed.NewPublisher(feed.PublisherConfig{Reader: h.reader(), Stream: s, Linger: time.Microsecond, Retry: time.Microsecond, Clock: func() time.Time { return now }})
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(h.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); p.Run(ctx) }()
	return p, func() { cancel(); <-done }
}

func (h *hub) await(p *feed.Publisher) {
	h.t.Helper()
	for range 5000 {
		if p.Position() >= events.Position(len(h.evs)) {
			return
		}
		time.Sleep(time.Millisecond)
	}
	h.t.Fatalf("the publisher is at %d of %d", p.Position(), len(h.evs))
}

// TestPublishedOnce: publishers that fail, are killed and race write every change
// once, in order; a rebuild writes none.
func TestPublishedOnce(t *testing.T) {
	h, s := newHub(t), &stream{}
	rng := rand.New(rand.NewPCG(3, 3))
	fates := rand.New(rand.NewPCG(4, 4)) // asked under the stream's lock
	s.fail = func() string { return []string{"", "", "lost", "half"}[fates.IntN(4)] }
	for range 30 {
		h.record(1 + rng.IntN(20))
		a, stopA := h.publish(s, day0)
		b, stopB := h.publish(s, day0)
		if rng.IntN(2) == 0 {
			h.await(a)
			h.await(b)
		}
		stopA()
		stopB()
	}
	p, stop := h.publish(s, day0)
	h.await(p)
	stop()
	want := ids(page(t, h.reader(), feed.Query{}).Changes)
	if got := s.ids(); !slices.Equal(got, want) {
		t.Fatalf("published %v, want %v", got, want)
	}
	again := newHub(t)
	projectionstest.Fold(t, again.store, folds(), h.evs...)
	again.evs, again.at = h.evs, events.Position(len(h.evs))
	p, stop = again.publish(s, day0)
	again.await(p)
	stop()
	if got := s.ids(); !slices.Equal(got, want) {
		t.Errorf("after a rebuild there are %d messages, want %d", len(got), len(want))
	}
}

// TestPublisherWaitsForARebuild: rows that are made anew are behind the stream for
// a while.
func TestPublisherWaitsForARebuild(t *testing.T) {
	h, s := newHub(t), &stream{}
	h.record(20)
	p, stop := h.publish(s, day0)
	h.await(p)
	stop()
	anew := newHub(t)
	anew.evs = h.evs
	projectionstest.Fold(t, anew.store, folds(), h.evs[:5]...)
	anew.at = 5
	p, stop = anew.publish(s, day0)
	defer stop()
	time.Sleep(5 * time.Millisecond)
	if n := len(s.ids()); n != 20 {
		t.Fatalf("%d messages while rows are made anew, want 20", n)
	}
	projectionstest.Fold(t, anew.store, folds(), h.evs[5:]...)
	anew.record(1)
	anew.await(p)
	if got := s.ids(); len(got) != 21 || got[20] != "21.0" {
		t.Errorf("published %v", got)
	}
}

// TestPublisherAfterSilence: where all messages of the stream have expired, what
// was in it is not published again.
func TestPublisherAfterSilence(t *testing.T) {
	h, s := newHub(t), &stream{}
	h.record(20)
	p, stop := h.publish(s, day0)
	h.await(p)
	stop()
	s.expired = 20
	p, stop = h.publish(s, day0.Add(changes.Kept+15*time.Second)) // the last five are younger than that
	h.await(p)
	stop()
	if got := s.ids()[20:]; !slices.Equal(got, []string{"16.0", "17.0", "18.0", "19.0", "20.0"}) {
		t.Errorf("published %v", got)
	}
}

func TestPublishersNeedBothSides(t *testing.T) {
	h := newHub(t)
	if _, err := feed.NewPublisher(feed.PublisherConfig{Reader: h.reader()}); !errors.Is(err, events.ErrInvalid) {
		t.Errorf("no stream: %v", err)
	}
	if _, err := feed.NewReader(feed.ReaderConfig{Store: h.store}); !errors.Is(err, events.ErrInvalid) {
		t.Errorf("no runner: %v", err)
	}
}
