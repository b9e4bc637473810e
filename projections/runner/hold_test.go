package runner_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ficha/events"
	"ficha/events/eventstest"
	"ficha/projections"
	"ficha/projections/projectionstest"
	"ficha/projections/runner"
	"ficha/projections/switchable"
)

func hold(t *testing.T, r *runner.Runner) (release func()) {
	t.Helper()
	release, err := r.Hold(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return release
}

func TestAHeldRunnerStandsStill(t *testing.T) {
	log, store := eventstest.NewLog(nil), projectionstest.NewMemory()
	r := start(t, runner.Config{Log: log, Store: store, Folds: []projections.Fold{fold("a")}})
	wait(t, r, appendAll(t, log, records(0, 10)...))
	release := hold(t, r)
	last := appendAll(t, log, records(10, 20)...)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if err := r.Wait(ctx, last); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Wait gave %v while the runner was held", err)
	}
	if _, err := r.Hold(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second Hold gave %v", err)
	}
	if r.Position() != 10 || position(t, store, "test") != 10 {
		t.Errorf("it moved to %d", r.Position())
	}
	release()
	wait(t, r, last)
	release = hold(t, r)
	r.Stop() // a held runner can be stopped
	release()
	hold(t, r)() // and a stopped one held
}

// TestRowsAreExchangedWhileHeld swaps the store's rows for others of the same
// position, again and again, under load: every event has its effect once.
func TestRowsAreExchangedWhileHeld(t *testing.T) {
	const swaps, each = 30, 40
	log := eventstest.NewLog(nil)
	store := switchable.New(projectionstest.NewMemory())
	cfg := runner.Config{Name: "test", Log: log, Store: store, Folds: []projections.Fold{fold("a")}, BatchEvents: 7}
	var retried atomic.Int64
	watched := cfg
	watched.Observer.Retrying = func(error, time.Duration) { retried.Add(1) }
	r := start(t, watched)
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range swaps * 10 {
			if _, err := log.Append(t.Context(), records(i*each, (i+1)*each)); err != nil {
				t.Error(err)
			}
			time.Sleep(200 * time.Microsecond)
		}
	})
	for range swaps {
		release := hold(t, r)
		at, next := r.Position(), projectionstest.NewMemory()
		if at > 0 {
			again := cfg
			again.Store = next
			if _, err := runner.CatchUp(t.Context(), again, at, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := store.Switch(next, func() error { return nil }); err != nil {
			t.Fatal(err)
		}
		release()
		time.Sleep(time.Millisecond)
	}
	wg.Wait()
	wait(t, r, swaps*10*each)
	fresh := cfg
	fresh.Store = projectionstest.NewMemory()
	if _, err := runner.Rebuild(t.Context(), fresh, 0, nil); err != nil {
		t.Fatal(err)
	}
	if projectionstest.Dump(t, store) != projectionstest.Dump(t, fresh.Store) {
		t.Error("the rows are not what the log gives")
	}
	if n := retried.Load(); n > 0 {
		t.Errorf("the runner lost %d batches: a commit was in progress while it was held", n)
	}
}

func TestCatchUpGoesOn(t *testing.T) {
	log, store := eventstest.NewLog(nil), projectionstest.NewMemory()
	appendAll(t, log, records(0, 500)...)
	folded := 0
	cfg := runner.Config{Name: "test", Log: log, Store: store, Folds: []projections.Fold{fold("a")}, Observer: runner.Observer{Committed: func(c runner.Committed) { folded += c.Events }}}
	for _, c := range []struct{ until, reached, folded int }{{200, 200, 200}, {100, 200, 0}, {500, 500, 300}, {500, 500, 0}} {
		folded = 0
		p, err := runner.CatchUp(t.Context(), cfg, events.Position(c.until), nil)
		if err != nil || int(p) != c.reached || folded != c.folded {
			t.Errorf("up to %d: reached %d by folding %d, %v; want %d by %d", c.until, p, folded, err, c.reached, c.folded)
		}
	}
	newer := fold("a")
	newer.version = 2
	cfg.Folds, folded = []projections.Fold{newer}, 0
	if p, err := runner.CatchUp(t.Context(), cfg, 300, nil); p != 300 || folded != 300 || err != nil {
		t.Errorf("rows of another version: reached %d by folding %d, %v", p, folded, err)
	}
}
