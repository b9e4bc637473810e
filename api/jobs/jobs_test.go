package jobs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ficha/api/bucket"
	"ficha/api/bucket/buckettest"
	"ficha/events"
)

// counting is a kind that walks its plan, chunk by chunk, and notes what it did.
type counting struct {
	name string

	mu     sync.Mutex
	did    []string // job id and thing, in order, repetitions too
	before func(r *Run, chunk int) error
}

type at struct{ Next int }

func (c *counting) kind() Kind { return Kind{Name: c.name, Run: c.run} }

func (c *counting) run(ctx context.Context, r *Run) error {
	var next at
	if _, err := r.Checkpoint(&next); err != nil {
		return err
	}
	p := r.Progress()
	for n := next.Next; n < r.Chunks(); n++ {
		if c.before != nil {
			if err := c.before(r, n); err != nil {
				return err
			}
		}
		var things []string
		if err := r.Chunk(ctx, n, &things); err != nil {
			return err
		}
		for _, thing := range things {
			c.mu.Lock()
			c.did = append(c.did, r.ID()+" "+thing)
			c.mu.Unlock()
		}
		p.Done += uint64(len(things))
		if err := r.Save(ctx, p, at{n + 1}); err != nil {
			return err
		}
	}
	return nil
}

func (c *counting) done() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.did)
}

func desk(t testing.TB, b bucket.Bucket, kinds ...Kind) *Desk {
	t.Helper()
	d, err := New(Config{
		Bucket: b, Kinds: kinds, Clock: time.Now, Rand: rand.NewChaCha8([32]byte{1, byte(time.Now().UnixNano())}),
		Logger: slog.New(slog.DiscardHandler), Retry: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// started gives a desk that works until the test ends.
func started(t testing.TB, b bucket.Bucket, kinds ...Kind) *Desk {
	t.Helper()
	d := desk(t, b, kinds...)
	if err := d.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Stop)
	return d
}

// plan makes a plan of n chunks of two things.
func planOf(n int) []any {
	chunks := make([]any, n)
	for i := range chunks {
		chunks[i] = []string{fmt.Sprintf("%d.a", i), fmt.Sprintf("%d.b", i)}
	}
	return chunks
}

func ordered(t testing.TB, d *Desk, kind string, chunks int) Job {
	t.Helper()
	j, err := d.Plan(t.Context(), Order{Kind: kind, By: "ana", Params: map[string]int{"n": chunks}, Total: uint64(2 * chunks), Chunks: planOf(chunks)})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func get(t testing.TB, d *Desk, id string) Job {
	t.Helper()
	j, err := d.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func wantState(t testing.TB, d *Desk, id string, state State, done uint64) {
	t.Helper()
	if j := get(t, d, id); j.State != state || j.Done != done || j.Stopping {
		t.Errorf("job is %s with %d done, stopping %v; want %s with %d", j.State, j.Done, j.Stopping, state, done)
	}
}

func TestJobRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, c := &buckettest.Memory{}, &counting{name: "count"}
		d := started(t, b, c.kind())
		j := ordered(t, d, "count", 3)
		if j.State != Planned || j.By != "ana" || j.Total != 6 || string(j.Params) != `{"n":3}` {
			t.Errorf("planned: %+v", j)
		}
		synctest.Wait()
		wantState(t, d, j.ID, Done, 6)
		if did := c.done(); len(did) != 6 {
			t.Errorf("it did %v", did)
		}
		keys, err := b.Keys(t.Context())
		if err != nil || !slices.Equal(keys, []string{"job." + j.ID}) {
			t.Errorf("it left %v behind, %v", keys, err)
		}
		if _, err := d.Get(t.Context(), "nonsense"); !errors.Is(err, events.ErrNotFound) {
			t.Errorf("no such job: %v", err)
		}
		if _, err := d.Plan(t.Context(), Order{Kind: "other"}); !errors.Is(err, ErrNoKind) {
			t.Errorf("no such kind: %v", err)
		}
		big := []any{strings.Repeat("x", bucket.MaxValue)}
		if _, err := d.Plan(t.Context(), Order{Kind: "count", Chunks: big}); !errors.Is(err, events.ErrTooLarge) {
			t.Errorf("a chunk too large: %v", err)
		}
	})
}

// TestTakenUpAgain stops the hub in the middle; the next one goes on from there.
func TestTakenUpAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, c := &buckettest.Memory{}, &counting{name: "count"}
		reached := make(chan struct{})
		ctx, kill := context.WithCancel(t.Context())
		blocked := &counting{name: "count", before: func(r *Run, chunk int) error {
			if chunk == 2 {
				close(reached)
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}}
		first := desk(t, b, blocked.kind())
		if err := first.Start(ctx); err != nil {
			t.Fatal(err)
		}
		j := ordered(t, first, "count", 4)
		<-reached
		kill()
		first.Stop()
		wantState(t, first, j.ID, Running, 4)
		second := started(t, b, c.kind())
		synctest.Wait()
		wantState(t, second, j.ID, Done, 8)
		if did := append(blocked.done(), c.done()...); len(did) != 8 {
			t.Errorf("the two did %v", did)
		}
	})
}

func TestCancelAndResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, gate := &counting{name: "count"}, make(chan struct{})
		c.before = func(r *Run, chunk int) error {
			if chunk == 1 {
				<-gate
			}
			return nil
		}
		d := started(t, &buckettest.Memory{}, c.kind())
		runs, waits := ordered(t, d, "count", 3), ordered(t, d, "count", 1)
		synctest.Wait()
		for range 2 { // twice is as good as once
			if j, err := d.Cancel(t.Context(), runs.ID); err != nil || !j.Stopping || j.State != Running {
				t.Errorf("cancel of what runs: %+v, %v", j, err)
			}
		}
		if j, err := d.Cancel(t.Context(), waits.ID); err != nil || j.State != Cancelled {
			t.Errorf("cancel of what waits: %+v, %v", j, err)
		}
		close(gate)
		synctest.Wait()
		wantState(t, d, runs.ID, Cancelled, 4)
		wantState(t, d, waits.ID, Cancelled, 0)
		if _, err := d.Cancel(t.Context(), runs.ID); !errors.Is(err, ErrState) {
			t.Errorf("cancel of what has ended: %v", err)
		}
		for id, done := range map[string]uint64{runs.ID: 6, waits.ID: 2} {
			if _, err := d.Resume(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			wantState(t, d, id, Done, done)
		}
		if _, err := d.Resume(t.Context(), runs.ID); !errors.Is(err, ErrState) {
			t.Errorf("resume of what is done: %v", err)
		}
		if did := c.done(); len(did) != 8 {
			t.Errorf("it did %v", did)
		}
	})
}

// TestCancelledIsTold: a kind far from its next save can look at a channel.
func TestCancelledIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := started(t, &buckettest.Memory{}, Kind{Name: "long", Run: func(ctx context.Context, r *Run) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-r.Cancelled():
				return fmt.Errorf("look around: %w", ErrCancelled)
			}
		}})
		j := ordered(t, d, "long", 0)
		synctest.Wait()
		wantState(t, d, j.ID, Running, 0)
		if _, err := d.Cancel(t.Context(), j.ID); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		wantState(t, d, j.ID, Cancelled, 0)
	})
}

// TestPausedGoesOn: while the log takes nothing the job waits; another error fails it.
func TestPausedGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fails atomic.Value // a func() error
		fail := func(err error) { fails.Store(func() error { return err }) }
		fail(fmt.Errorf("disk full: %w", events.ErrUnavailable))
		c := &counting{name: "count"}
		c.before = func(r *Run, chunk int) error {
			if chunk == 1 {
				return fails.Load().(func() error)()
			}
			return nil
		}
		d := started(t, &buckettest.Memory{}, c.kind())
		j := ordered(t, d, "count", 2)
		synctest.Wait()
		wantState(t, d, j.ID, Paused, 2)
		if j := get(t, d, j.ID); !strings.Contains(j.Error, "disk full") {
			t.Errorf("why: %q", j.Error)
		}
		time.Sleep(1500 * time.Millisecond)
		wantState(t, d, j.ID, Paused, 2)
		fail(events.ErrInvalid)
		time.Sleep(time.Second)
		wantState(t, d, j.ID, Failed, 2)
		fail(nil)
		if _, err := d.Resume(t.Context(), j.ID); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		wantState(t, d, j.ID, Done, 4)
		if j := get(t, d, j.ID); j.Error != "" {
			t.Errorf("the error stays: %q", j.Error)
		}
	})
}

func TestPanicFailsTheJobAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counting{name: "count"}
		d := started(t, &buckettest.Memory{}, c.kind(), Kind{Name: "wild", Run: func(context.Context, *Run) error { panic("María Núñez") }})
		wild, tame := ordered(t, d, "wild", 0), ordered(t, d, "count", 1)
		synctest.Wait()
		wantState(t, d, wild.ID, Failed, 0)
		wantState(t, d, tame.ID, Done, 2)
		if j := get(t, d, wild.ID); strings.Contains(j.Error, "María") || j.Error == "" {
			t.Errorf("the error says %q", j.Error)
		}
	})
}

// TestTurnsGoRound: a long job does not keep a short one of its kind waiting, and
// not at all one of another kind.
func TestTurnsGoRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &counting{name: "slow", before: func(*Run, int) error { time.Sleep(time.Second); return nil }}
		other := &counting{name: "other"}
		d := started(t, &buckettest.Memory{}, slow.kind(), other.kind())
		long, short, quick := ordered(t, d, "slow", 100), ordered(t, d, "slow", 1), ordered(t, d, "other", 1)
		time.Sleep(100 * time.Millisecond)
		wantState(t, d, quick.ID, Done, 2)
		time.Sleep(10 * time.Second)
		wantState(t, d, short.ID, Done, 2)
		if j := get(t, d, long.ID); j.State != Running || j.Done < 10 || j.Done > 20 {
			t.Errorf("the long one: %+v", j)
		}
		time.Sleep(100 * time.Second)
		wantState(t, d, long.ID, Done, 200)
		if did := slow.done(); len(did) != 202 {
			t.Errorf("%d things were done, want 202", len(did))
		}
	})
}

// TestPlanIsRepeatable: the same id is the same job.
func TestPlanIsRepeatable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counting{name: "count"}
		d := started(t, &buckettest.Memory{}, c.kind())
		o := Order{Kind: "count", ID: "9d9f6a0e-6f0f-5f0c-9b5e-0a8f0f6b7c11", By: "ana", Chunks: planOf(2), Undoes: "x"}
		for range 3 {
			j, err := d.Plan(t.Context(), o)
			if err != nil || j.ID != o.ID || j.Undoes != "x" {
				t.Fatalf("%+v, %v", j, err)
			}
			synctest.Wait()
		}
		if did := c.done(); len(did) != 4 {
			t.Errorf("it did %v", did)
		}
		o.ID = "no uuid"
		if _, err := d.Plan(t.Context(), o); !errors.Is(err, events.ErrInvalid) {
			t.Errorf("an id that is none: %v", err)
		}
	})
}

func TestListAndPrune(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counting{name: "count"}
		d := desk(t, &buckettest.Memory{}, c.kind(), (&counting{name: "other"}).kind())
		var ids []string
		for i := range 6 {
			ids = append([]string{ordered(t, d, map[bool]string{true: "other", false: "count"}[i == 3], 1).ID}, ids...)
			time.Sleep(time.Millisecond)
		}
		var seen []string
		for after, pages := "", 0; ; pages++ {
			page, next, err := d.List(t.Context(), Filter{Kind: "count"}, after, 2)
			if err != nil || pages > 3 {
				t.Fatal(err, pages)
			}
			for _, j := range page {
				seen = append(seen, j.ID)
			}
			if after = next; after == "" {
				break
			}
		}
		if want := slices.Delete(slices.Clone(ids), 2, 3); !slices.Equal(seen, want) {
			t.Errorf("listed %v, want %v", seen, want)
		}
		d.cfg.Keep = 2
		if _, err := d.Cancel(t.Context(), ids[4]); err != nil {
			t.Fatal(err)
		}
		newest := ordered(t, d, "count", 1)
		if page, _, err := d.List(t.Context(), Filter{}, "", 10); err != nil || len(page) != 6 || page[0].ID != newest.ID {
			t.Errorf("after pruning: %d jobs, %v", len(page), err) // only the cancelled one had ended
		}
		if page, _, err := d.List(t.Context(), Filter{State: Cancelled}, "", 10); err != nil || len(page) != 0 {
			t.Errorf("the cancelled one is still there: %v, %v", page, err)
		}
	})
}

// TestPlanWithoutJobIsSwept: the hub was killed between plan and job.
func TestPlanWithoutJobIsSwept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, c := &buckettest.Memory{}, &counting{name: "count"}
		b.Fail = func(method, key string) error {
			if method == "create" {
				return events.ErrUnavailable
			}
			return nil
		}
		d := desk(t, b, c.kind())
		if _, err := d.Plan(t.Context(), Order{Kind: "count", Chunks: planOf(3)}); !errors.Is(err, events.ErrUnavailable) {
			t.Fatal(err)
		}
		b.Fail = nil
		started(t, b, c.kind())
		if keys, err := b.Keys(t.Context()); err != nil || len(keys) != 0 {
			t.Errorf("%v, %v", keys, err)
		}
	})
}

func TestConfig(t *testing.T) {
	run := func(context.Context, *Run) error { return nil }
	good := func() Config {
		return Config{Bucket: &buckettest.Memory{}, Clock: time.Now, Rand: bytes.NewReader(make([]byte, 64)), Logger: slog.New(slog.DiscardHandler)}
	}
	for name, spoil := range map[string]func(*Config){
		"no bucket": func(c *Config) { c.Bucket = nil }, "no clock": func(c *Config) { c.Clock = nil },
		"no rand": func(c *Config) { c.Rand = nil }, "no logger": func(c *Config) { c.Logger = nil },
		"no name": func(c *Config) { c.Kinds = []Kind{{Run: run}} }, "no run": func(c *Config) { c.Kinds = []Kind{{Name: "a"}} },
		"twice": func(c *Config) { c.Kinds = []Kind{{"a", run}, {"a", run}} },
	} {
		cfg := good()
		spoil(&cfg)
		if _, err := New(cfg); !errors.Is(err, events.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	cfg := good()
	cfg.Rand = io.LimitReader(cfg.Rand, 3)
	if _, err := New(cfg); err == nil {
		t.Error("no chance, and an id all the same")
	}
}
