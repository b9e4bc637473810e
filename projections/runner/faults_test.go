package runner_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ficha/events"
	"ficha/events/eventstest"
	"ficha/projections"
	"ficha/projections/projectionstest"
	"ficha/projections/runner"
)

// faultyStore fails commits and reads as long as it is told to.
type faultyStore struct {
	projections.Store
	commitErr, readErr atomic.Pointer[error]
	commits            atomic.Int64
}

func (s *faultyStore) Commit(ctx context.Context, c projections.Commit) error {
	s.commits.Add(1)
	if err := s.commitErr.Load(); err != nil {
		return *err
	}
	return s.Store.Commit(ctx, c)
}

func (s *faultyStore) Snapshot(ctx context.Context) (projections.Snapshot, error) {
	snap, err := s.Store.Snapshot(ctx)
	return faultySnapshot{Snapshot: snap, store: s}, err
}

type faultySnapshot struct {
	projections.Snapshot
	store *faultyStore
}

func (s faultySnapshot) Get(ctx context.Context, t projections.Table, key []byte) ([]byte, bool, error) {
	if err := s.store.readErr.Load(); err != nil && t == "a" {
		return nil, false, *err
	}
	return s.Snapshot.Get(ctx, t, key)
}

// faultyLog ends reads with an error at a position.
type faultyLog struct {
	events.Log
	at    events.Position
	err   error
	reads atomic.Int64
}

func (l *faultyLog) Read(ctx context.Context, opts events.ReadOptions) iter.Seq2[events.Stored, error] {
	l.reads.Add(1)
	return func(yield func(events.Stored, error) bool) {
		for s, err := range l.Log.Read(ctx, opts) {
			if err == nil && s.Position == l.at {
				yield(events.Stored{}, l.err)
				return
			}
			if !yield(s, err) {
				return
			}
		}
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not: %s", what)
		}
	}
}

func TestTransientErrorsAreRetried(t *testing.T) {
	for _, what := range []string{"commit", "read"} {
		t.Run(what, func(t *testing.T) {
			log := eventstest.NewLog(nil)
			store := &faultyStore{Store: projectionstest.NewMemory()}
			r := start(t, runner.Config{Log: log, Store: store, Folds: []projections.Fold{fold("a")}})
			wait(t, r, appendAll(t, log, records(0, 1)...))
			full := fmt.Errorf("disk full: %w", events.ErrUnavailable)
			fault := &store.commitErr
			if what == "read" {
				fault = &store.readErr
			}
			fault.Store(&full)
			last := appendAll(t, log, records(1, 100)...)
			eventually(t, "Err tells the reason", func() bool { return errors.Is(r.Err(), full) })
			if r.Position() != 1 {
				t.Errorf("position %d moved without a commit", r.Position())
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			if err := r.Wait(ctx, last); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Wait gave %v, want its context's end", err)
			}
			fault.Store(nil)
			wait(t, r, last)
			eventually(t, "Err is clear again", func() bool { return r.Err() == nil })
			if got := value(t, store.Store, "a", "type customer.withdrawn.v1"); got != "100" {
				t.Errorf("%s events were counted, want 100", got)
			}
			if d := deadLetters(t, store.Store, ""); len(d) != 0 {
				t.Errorf("a failing store made dead letters: %v", d)
			}
		})
	}
}

func TestErrClearsWhenNothingIsLeftToFold(t *testing.T) {
	log := eventstest.NewLog(nil)
	appendAll(t, log, records(0, 3)...)
	broken := &faultyLog{Log: log, at: 3, err: events.ErrUnavailable}
	store := projectionstest.NewMemory()
	r := start(t, runner.Config{Log: broken, Store: store, Folds: []projections.Fold{fold("a")}})
	eventually(t, "the read fails", func() bool { return errors.Is(r.Err(), events.ErrUnavailable) })
	// Somebody else folds the rest, so that this runner has nothing to do.
	other := start(t, runner.Config{Log: log, Store: store, Folds: []projections.Fold{fold("a")}})
	wait(t, other, 3)
	wait(t, r, 3)
	eventually(t, "Err is clear again", func() bool { return r.Err() == nil })
}

func TestDamageHalts(t *testing.T) {
	log := eventstest.NewLog(nil)
	appendAll(t, log, records(0, 500)...)
	damage := fmt.Errorf("hole at 300: %w", events.ErrDamaged)
	broken := &faultyLog{Log: log, at: 300, err: damage}
	store := projectionstest.NewMemory()
	marked := make(chan error, 10)
	r := start(t, runner.Config{Log: broken, Store: store, Folds: []projections.Fold{fold("a")}, MarkDamaged: func(err error) { marked <- err }})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := r.Wait(ctx, 500); !errors.Is(err, events.ErrDamaged) {
		t.Fatalf("Wait gave %v, want the damage", err)
	}
	if err := <-marked; !errors.Is(err, damage) {
		t.Errorf("marked with %v", err)
	}
	if r.Position() != 299 || !errors.Is(r.Err(), damage) {
		t.Errorf("position %d, error %v; want everything before the damage and the damage", r.Position(), r.Err())
	}
	time.Sleep(30 * time.Millisecond)
	if n := broken.reads.Load(); n != 1 {
		t.Errorf("the damaged log was read %d times", n)
	}
	r.Stop()
}

// watchFold finds the log damaged at one position, as the witness may.
type watchFold struct {
	testFold
	at events.Position
}

func (f watchFold) Apply(w projections.Work, e events.Decoded) error {
	if e.Position == f.at {
		return fmt.Errorf("watch event at %d: seen before: %w", e.Position, events.ErrDamaged)
	}
	return f.testFold.Apply(w, e)
}

func TestDamageFoundByAFoldHalts(t *testing.T) {
	log, store := eventstest.NewLog(nil), projectionstest.NewMemory()
	appendAll(t, log, records(0, 40)...)
	marked := make(chan error, 1)
	r := start(t, runner.Config{
		Log: log, Store: store, BatchEvents: 10, MarkDamaged: func(err error) { marked <- err },
		Folds: []projections.Fold{fold("a"), watchFold{testFold: fold("watch"), at: 25}},
	})
	if err := r.Wait(t.Context(), 40); !errors.Is(err, events.ErrDamaged) {
		t.Fatalf("Wait gave %v, want the damage", err)
	}
	if err := <-marked; !errors.Is(err, events.ErrDamaged) {
		t.Errorf("marked with %v", err)
	}
	if r.Position() >= 25 || len(deadLetters(t, store, "")) != 0 {
		t.Errorf("position %d, dead letters %v; want neither the event nor a dead letter", r.Position(), deadLetters(t, store, ""))
	}
}

func TestStrayWritesHalt(t *testing.T) {
	log, store := eventstest.NewLog(nil), projectionstest.NewMemory()
	appendAll(t, log, records(0, 3)...)
	stray := testFold{name: "undeclared", version: 1, tables: []projections.Table{"declared"}}
	r := start(t, runner.Config{Log: log, Store: store, Folds: []projections.Fold{stray}})
	if err := r.Wait(t.Context(), 3); err == nil || !strings.Contains(err.Error(), "undeclared") {
		t.Fatalf("Wait gave %v, want the stray table named", err)
	}
	if dump := projectionstest.Dump(t, store, "undeclared", "declared"); dump != "" {
		t.Errorf("rows:\n%s", dump)
	}
}

func TestClosedStoreHalts(t *testing.T) {
	log, store := eventstest.NewLog(nil), projectionstest.NewMemory()
	r := start(t, runner.Config{Log: log, Store: store, Folds: []projections.Fold{fold("a")}})
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	appendAll(t, log, records(0, 1)...)
	if err := r.Wait(t.Context(), 1); !errors.Is(err, projections.ErrClosed) {
		t.Errorf("Wait gave %v, want ErrClosed", err)
	}
}

func TestStartFailsOnABrokenStore(t *testing.T) {
	store := projectionstest.NewMemory()
	store.Close()
	r, err := runner.New(runner.Config{Name: "test", Log: eventstest.NewLog(nil), Store: store, Folds: []projections.Fold{fold("a")}})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Start(t.Context()); !errors.Is(err, projections.ErrClosed) {
		t.Errorf("Start gave %v, want ErrClosed", err)
	}
	r.Stop() // harmless
}

func TestStartAndStopStress(t *testing.T) {
	log, store := eventstest.NewLog(nil), projectionstest.NewMemory()
	appendAll(t, log, records(0, 200)...)
	r, err := runner.New(runner.Config{Name: "test", Log: log, Store: store, Folds: []projections.Fold{fold("a")}, BatchEvents: 10})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 40 {
				switch i % 4 {
				case 0:
					if err := r.Start(t.Context()); err != nil && !errors.Is(err, events.ErrConflict) {
						t.Errorf("start: %v", err)
					}
				case 1:
					r.Stop()
				case 2:
					ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
					err := r.Wait(ctx, 10_000)
					cancel()
					if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, events.ErrClosed) {
						t.Errorf("wait: %v", err)
					}
				case 3:
					_, _ = r.Position(), r.Err()
				}
			}
		})
	}
	wg.Wait()
	r.Stop()
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	wait(t, r, 200)
	r.Stop()
	r.Stop()
	if err := r.Wait(t.Context(), 10_000); !errors.Is(err, events.ErrClosed) {
		t.Errorf("Wait after Stop gave %v, want ErrClosed", err)
	}
	if got := value(t, store, "a", "type customer.withdrawn.v1"); got != "200" {
		t.Errorf("%s events were counted, want 200", got)
	}
}

func TestEndOfContextStops(t *testing.T) {
	log, store := eventstest.NewLog(nil), projectionstest.NewMemory()
	r, err := runner.New(runner.Config{Name: "test", Log: log, Store: store, Folds: []projections.Fold{fold("a")}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := r.Start(ctx); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := r.Wait(t.Context(), 1); !errors.Is(err, events.ErrClosed) {
		t.Errorf("Wait gave %v, want ErrClosed", err)
	}
	r.Stop()
}

func TestWaitersAreWokenInTheirTurn(t *testing.T) {
	log, store := eventstest.NewLog(nil), projectionstest.NewMemory()
	r := start(t, runner.Config{Log: log, Store: store, Folds: []projections.Fold{fold("a")}})
	var wg sync.WaitGroup
	for p := range events.Position(200) {
		wg.Go(func() {
			if err := r.Wait(t.Context(), p); err != nil || r.Position() < p {
				t.Errorf("Wait(%d) gave %v at %d", p, err, r.Position())
			}
		})
	}
	for i := range 200 {
		appendAll(t, log, records(i, i+1)...)
	}
	wg.Wait()
}
