package witness_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ficha/events"
	"ficha/events/eventstest"
	"ficha/projections"
	"ficha/projections/projectionstest"
	"ficha/projections/witness"
)

var day0 = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func clock() time.Time { return day0 }

// hub is a log and a store that folds it.
type hub struct {
	log    *tampered
	store  *projectionstest.Memory
	guard  *witness.Guard
	mu     sync.Mutex
	marked []error
}

// marks gives what the log was told.
func (h *hub) marks() []error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.marked)
}

func (h *hub) markDamaged(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.marked = append(h.marked, err)
}

// tampered is a log whose answers can be changed, as damage would.
type tampered struct {
	*eventstest.Log
	info func(*events.LogInfo)
	get  func(events.Position, *events.Stored) error
	skip events.Position // left out of reads
}

func (l *tampered) Info(ctx context.Context) (events.LogInfo, error) {
	i, err := l.Log.Info(ctx)
	if l.info != nil {
		l.info(&i)
	}
	return i, err
}

func (l *tampered) Get(ctx context.Context, p events.Position) (events.Stored, error) {
	e, err := l.Log.Get(ctx, p)
	if err == nil && l.get != nil {
		err = l.get(p, &e)
	}
	return e, err
}

func (l *tampered) Read(ctx context.Context, o events.ReadOptions) iter.Seq2[events.Stored, error] {
	return func(yield func(events.Stored, error) bool) {
		for e, err := range l.Log.Read(ctx, o) {
			if err == nil && e.Position == l.skip {
				continue
			}
			if err == nil && l.get != nil {
				err = l.get(e.Position, &e)
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

func newHub(t *testing.T) *hub {
	t.Helper()
	h := &hub{log: &tampered{Log: eventstest.NewLog(clock)}, store: projectionstest.NewMemory()}
	g, err := witness.NewGuard(witness.Config{Log: h.log, Store: h.store, MarkDamaged: h.markDamaged})
	if err != nil {
		t.Fatal(err)
	}
	h.guard = g
	return h
}

func (h *hub) append(t *testing.T, n int) {
	t.Helper()
	end, err := h.log.End(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	batch := make([]events.Envelope, n)
	for i := range batch {
		typ := [...]events.Type{events.InteractionRecordedV1, events.ContactStatedV1, events.CustomerRecordedV1}[i%3]
		batch[i] = events.Envelope{ID: fmt.Sprint("e", int(end)+i), Source: "/crm", SpecVersion: "1.0", Type: typ, Time: day0, Data: json.RawMessage(`{}`)}
	}
	if _, err := h.log.Append(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
}

// fold folds what the log has more than the store, except what skip says.
func (h *hub) fold(t *testing.T, skip func(events.Position) bool) {
	t.Helper()
	ctx := t.Context()
	snap, err := h.store.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	at, err := snap.Position(ctx, "main")
	if err != nil {
		t.Fatal(err)
	}
	w, to := projections.NewWork(ctx, snap), at
	for e, err := range h.log.Log.Read(ctx, events.ReadOptions{After: at}) {
		if err != nil {
			t.Fatal(err)
		}
		if to = e.Position; skip != nil && skip(to) {
			continue
		}
		if err := w.Apply(witness.New(), events.Decoded{Stored: e}); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.store.Commit(ctx, projections.Commit{Runner: "main", At: at, To: to, Changes: w.Changes()}); err != nil {
		t.Fatal(err)
	}
}

// wantDamage checks that err says so, and that the log was told.
func (h *hub) wantDamage(t *testing.T, err error, says string) {
	t.Helper()
	if !errors.Is(err, events.ErrDamaged) || !strings.Contains(err.Error(), says) {
		t.Errorf("got %v, want damage that says %q", err, says)
	}
	if marks := h.marks(); len(marks) == 0 || !errors.Is(marks[len(marks)-1], events.ErrDamaged) {
		t.Errorf("the log was not marked damaged: %v", marks)
	}
}

func (h *hub) wantSound(t *testing.T) {
	t.Helper()
	if err := h.guard.Check(t.Context()); err != nil {
		t.Errorf("check: %v", err)
	}
	if err := h.guard.Verify(t.Context()); err != nil {
		t.Errorf("verify: %v", err)
	}
	if len(h.marks()) > 0 {
		t.Errorf("marked damaged: %v", h.marks())
	}
}

func TestSoundLog(t *testing.T) {
	h := newHub(t)
	h.wantSound(t)
	h.append(t, 10)
	h.wantSound(t) // nothing folded yet
	h.fold(t, nil)
	h.wantSound(t)
	h.append(t, 5)
	h.wantSound(t) // some not folded
	h.append(t, 9000)
	h.fold(t, nil)
	h.wantSound(t) // over two checkpoints
}

func TestCheckFindsDamage(t *testing.T) {
	for name, c := range map[string]struct {
		harm func(*tampered)
		says string
	}{
		"another log":   {func(l *tampered) { l.info = func(i *events.LogInfo) { i.Epoch = i.Epoch.Add(time.Second) } }, "was created at"},
		"rewound":       {func(l *tampered) { l.info = func(i *events.LogInfo) { i.Last, i.Messages = 7, 7 } }, "ends at position 7, but 10 was folded"},
		"begins late":   {func(l *tampered) { l.info = func(i *events.LogInfo) { i.First = 3; i.Messages -= 2 } }, "begins at position 3"},
		"hole":          {func(l *tampered) { l.info = func(i *events.LogInfo) { i.Messages-- } }, "holds 9 events up to position 10"},
		"emptied":       {func(l *tampered) { l.info = func(i *events.LogInfo) { i.First, i.Last, i.Messages = 0, 0, 0 } }, "ends at position 0"},
		"event gone":    {func(l *tampered) { l.get = func(events.Position, *events.Stored) error { return events.ErrNotFound } }, "is gone"},
		"event changed": {func(l *tampered) { l.get = changeBytes(10) }, "is another one than was folded"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t)
			h.append(t, 10)
			h.fold(t, nil)
			h.wantSound(t)
			c.harm(h.log)
			h.wantDamage(t, h.guard.Check(t.Context()), c.says)
		})
	}
}

// changeBytes flips a bit of one event.
func changeBytes(at events.Position) func(events.Position, *events.Stored) error {
	return func(p events.Position, e *events.Stored) error {
		if p == at {
			e.Bytes = append([]byte(nil), e.Bytes...)
			e.Bytes[len(e.Bytes)/2] ^= 1
		}
		return nil
	}
}

func TestVerifyFindsDamageInTheMiddle(t *testing.T) {
	for name, c := range map[string]struct {
		harm func(*tampered)
		says string
	}{
		"before a checkpoint": {func(l *tampered) { l.get = changeBytes(100) }, "between positions 1 and 4096"},
		"after a checkpoint":  {func(l *tampered) { l.get = changeBytes(4500) }, "between positions 4097 and 5000"},
		"left out":            {func(l *tampered) { l.skip = 77 }, "hole after position 76"},
		"last left out":       {func(l *tampered) { l.skip = 5000 }, "ends at position 4999"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t)
			h.append(t, 5000)
			h.fold(t, nil)
			h.wantSound(t)
			c.harm(h.log)
			h.wantDamage(t, h.guard.Verify(t.Context()), c.says)
		})
	}
}

// What a full verification found is not forgotten by a restart, and is taken back
// by one that finds nothing.
func TestWhatVerifyFoundStays(t *testing.T) {
	h := newHub(t)
	h.append(t, 200)
	h.fold(t, nil)
	h.wantSound(t)
	h.log.get = changeBytes(100)
	h.wantDamage(t, h.guard.Verify(t.Context()), "between positions 1 and 200")
	h.wantDamage(t, h.guard.Check(t.Context()), "found by a full check earlier: an event between positions 1 and 200")
	again, err := witness.NewGuard(witness.Config{Log: h.log, Store: h.store, MarkDamaged: h.markDamaged})
	if err != nil {
		t.Fatal(err)
	}
	h.wantDamage(t, again.Check(t.Context()), "found by a full check earlier")
	h.log.get = func(events.Position, *events.Stored) error { return events.ErrUnavailable }
	if err := again.Verify(t.Context()); err == nil {
		t.Fatal("verified a log that does not answer")
	}
	h.log.get = nil
	h.wantDamage(t, again.Check(t.Context()), "found by a full check earlier")
	if err := errors.Join(again.Verify(t.Context()), again.Check(t.Context()), h.guard.Check(t.Context())); err != nil {
		t.Fatal(err)
	}
}

// A check that cannot be made is no damage.
func TestUnreachableLogIsNotDamaged(t *testing.T) {
	h := newHub(t)
	h.append(t, 3)
	h.fold(t, nil)
	h.log.get = func(events.Position, *events.Stored) error { return events.ErrUnavailable }
	if err := h.guard.Check(t.Context()); err == nil || errors.Is(err, events.ErrDamaged) || len(h.marks()) > 0 {
		t.Errorf("check: %v, marked %v; want an error that is no damage", err, h.marks())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.guard.Verify(ctx); err == nil || len(h.marks()) > 0 {
		t.Errorf("verify: %v, marked %v", err, h.marks())
	}
}

func TestEquation(t *testing.T) {
	h := newHub(t)
	h.append(t, 10)
	want := func(what string, want witness.Equation) {
		t.Helper()
		got, err := h.guard.Equation(t.Context())
		if err != nil || got != want {
			t.Errorf("%s: %+v (%v), want %+v", what, got, err, want)
		}
	}
	want("none folded", witness.Equation{Taken: 10, Pending: 10, Balanced: true})
	h.fold(t, nil)
	if _, err := h.log.Append(t.Context(), []events.Envelope{{ID: "e0", Source: "/crm", SpecVersion: "1.0", Type: events.InteractionRecordedV1, Time: day0, Data: json.RawMessage(`{}`)}}); err != nil {
		t.Fatal(err)
	}
	h.append(t, 2)
	want("one twice, two to come", witness.Equation{Taken: 13, Folded: 10, Duplicate: 1, Pending: 2, Balanced: true})
	h.fold(t, func(p events.Position) bool { return p == 11 })
	want("one dropped in silence", witness.Equation{Taken: 13, Folded: 11, Duplicate: 1})
	h.append(t, 1)
	h.fold(t, nil)
	want("and still seen later", witness.Equation{Taken: 14, Folded: 12, Duplicate: 1})
}

func TestCountsByLaneAndType(t *testing.T) {
	h := newHub(t)
	h.append(t, 7)
	h.fold(t, nil)
	snap, err := h.store.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	n, err := witness.ReadCounts(t.Context(), snap)
	if err != nil {
		t.Fatal(err)
	}
	if n.Position != 7 || n.Lanes[events.LaneInteraction] != 3 || n.Lanes[events.LaneContact] != 2 || n.Types[events.CustomerRecordedV1] != 2 || len(n.Types) != 3 {
		t.Errorf("counts %+v", n)
	}
}

func TestRefusesAnEventTwice(t *testing.T) {
	h := newHub(t)
	h.append(t, 2)
	h.fold(t, nil)
	snap, err := h.store.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	e, err := h.log.Get(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := projections.NewWork(t.Context(), snap).Apply(witness.New(), events.Decoded{Stored: e}); !errors.Is(err, events.ErrDamaged) {
		t.Errorf("got %v, want ErrDamaged", err)
	}
}

func TestRunChecksEveryMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		h.append(t, 3)
		h.fold(t, nil)
		var harmed atomic.Bool
		h.log.get = func(p events.Position, e *events.Stored) error {
			if harmed.Load() {
				return changeBytes(3)(p, e)
			}
			return nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- h.guard.Run(ctx) }()
		synctest.Wait()
		harmed.Store(true)
		time.Sleep(59 * time.Second)
		synctest.Wait()
		if len(h.marks()) != 0 {
			t.Errorf("marked before the next check: %v", h.marks())
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if len(h.marks()) != 1 {
			t.Errorf("marked %d times after the next check, want 1", len(h.marks()))
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("run ended with %v", err)
		}
	})
}

func TestRunVerifiesEveryDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		h.append(t, 300)
		h.fold(t, nil)
		h.log.get = changeBytes(100) // where the check of each minute does not look
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- h.guard.Run(ctx) }()
		time.Sleep(24*time.Hour - time.Second)
		synctest.Wait()
		if n := len(h.marks()); n != 0 {
			t.Errorf("marked %d times before the day was over", n)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if len(h.marks()) == 0 {
			t.Error("the day is over, and nothing was found")
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("run ended with %v", err)
		}
	})
}

func TestConfigNeedsItsParts(t *testing.T) {
	if _, err := witness.NewGuard(witness.Config{}); !errors.Is(err, events.ErrInvalid) {
		t.Errorf("got %v, want ErrInvalid", err)
	}
}

func BenchmarkFold(b *testing.B) {
	var evs []events.Envelope
	for i := range 1000 {
		evs = append(evs, events.Envelope{ID: fmt.Sprint(i), Source: "/crm", Type: events.InteractionRecordedV1, Time: day0, Data: json.RawMessage(`{"x":"` + strings.Repeat("y", 500) + `"}`)})
	}
	stored := projectionstest.Stored(b, 0, evs...)
	snap, err := projectionstest.NewMemory().Snapshot(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer snap.Close()
	folded := 0
	b.ReportAllocs()
	for b.Loop() {
		w := projections.NewWork(b.Context(), snap)
		for _, e := range stored {
			if err := w.Apply(witness.New(), events.Decoded{Stored: e}); err != nil {
				b.Fatal(err)
			}
		}
		folded += len(stored)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(folded), "ns/event")
}
