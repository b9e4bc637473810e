package rebuild_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"ficha/events"
	"ficha/events/eventstest"
	"ficha/projections"
	"ficha/projections/rebuild"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func build(t testing.TB, w *world) string {
	t.Helper()
	space, err := w.rebuild.Build(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return space
}

func compare(t testing.TB, w *world) rebuild.Comparison {
	t.Helper()
	c, err := w.rebuild.Compare(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRebuiltRowsEqualTheLiveOnes(t *testing.T) {
	w := newWorld(t, eventstest.NewLog(nil), vfs.NewMem())
	w.write(3000)
	w.settle()
	if space := build(t, w); space != "rebuild_1" {
		t.Errorf("the space is called %s", space)
	}
	w.write(500) // what comes later is caught up with
	w.settle()
	c := compare(t, w)
	if !c.Equal() || c.Live != "live" || c.Beside != "rebuild_1" || c.Positions["main"] != 3500 || c.Positions["lane"] != 3500 {
		t.Errorf("comparison %+v", c)
	}
	var rows uint64
	for _, p := range c.Projections {
		for _, table := range p.Tables {
			rows += table.Same
		}
	}
	if rows < 3500 || len(c.Projections) != 3 || len(c.Other) != 3 {
		t.Errorf("%d rows of %d projections and %d other tables were compared", rows, len(c.Projections), len(c.Other))
	}
	again := build(t, w) // begins anew, in another space
	spaces, err := w.db.Spaces(t.Context())
	if err != nil || again != "rebuild_2" || !slices.Equal(spaces, []string{"live", "rebuild_2"}) {
		t.Errorf("another rebuild made %s; spaces %v, %v", again, spaces, err)
	}
}

func TestRebuildOfAnEmptyLog(t *testing.T) {
	w := newWorld(t, eventstest.NewLog(nil), vfs.NewMem())
	build(t, w)
	if c := compare(t, w); !c.Equal() {
		t.Errorf("comparison %+v", c)
	}
	if _, err := w.rebuild.Switch(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.write(10)
	w.wantFresh()
}

// TestProgressIsHonest: what is done only grows, the total grows with the log, and
// in the end they are equal.
func TestProgressIsHonest(t *testing.T) {
	var mu sync.Mutex
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	var w *world
	grown := 0
	w = newWorld(t, eventstest.NewLog(nil), vfs.NewMem(), func(c *rebuild.Config) {
		c.Clock = func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			now = now.Add(100 * time.Millisecond)
			return now
		}
		c.MaxHold = time.Hour
		c.Pace = func(context.Context) {
			if grown < 5 {
				grown++
				w.write(1000)
			}
		}
	})
	w.write(20_000)
	var told []rebuild.Progress
	if _, err := w.rebuild.Build(t.Context(), func(p rebuild.Progress) { told = append(told, p) }); err != nil {
		t.Fatal(err)
	}
	if len(told) < 3 {
		t.Fatalf("progress was told %d times", len(told))
	}
	for i, p := range told[1:] {
		if p.Done < told[i].Done || p.Total < told[i].Total || p.Done > p.Total || p.Space != "rebuild_1" {
			t.Errorf("progress %+v after %+v", p, told[i])
		}
	}
	first, last := told[0], told[len(told)-1]
	if first.Total == last.Total || last.PerSecond <= 0 || last.Positions["main"] == 0 {
		t.Errorf("first %+v, last %+v", first, last)
	}
	s, err := w.rebuild.State(t.Context())
	if err != nil || s.Beside.State != rebuild.Ready || s.Beside.Total != 25_000+2500 || s.Beside.Done < s.Beside.Total-300 {
		t.Errorf("state %+v, %v", s.Beside, err)
	}
}

// TestAnInterruptedRebuildGoesOn: what was folded is not folded again.
func TestAnInterruptedRebuildGoesOn(t *testing.T) {
	log, fs := eventstest.NewLog(nil), vfs.NewMem()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	const total = 20_000
	batches := 0
	var w *world
	count := func(c *rebuild.Config) {
		c.Pace = func(context.Context) {
			batches++
			if s, err := w.rebuild.State(t.Context()); err != nil {
				t.Error(err)
			} else if s.Beside.Positions["main"] > 0 {
				cancel()
			}
		}
	}
	w = newWorld(t, log, fs, count)
	w.write(total)
	w.settle()
	if _, err := w.rebuild.Build(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Fatalf("Build gave %v", err)
	}
	for name, f := range map[string]func() error{
		"Compare": func() error { _, err := w.rebuild.Compare(t.Context()); return err },
		"Switch":  func() error { _, err := w.rebuild.Switch(t.Context()); return err },
	} {
		if err := f(); !errors.Is(err, rebuild.ErrUnfinished) || !errors.Is(err, events.ErrConflict) {
			t.Errorf("%s of an unfinished space gave %v", name, err)
		}
	}
	w.close()

	w = newWorld(t, log, fs, count)
	s, err := w.rebuild.State(t.Context())
	if err != nil || s.Beside == nil || s.Beside.State != rebuild.Unfinished || s.Beside.Positions["main"] == 0 || s.Beside.Done >= s.Beside.Total {
		t.Fatalf("after the restart: %+v, %v", s.Beside, err)
	}
	had, before := s.Beside.Positions["main"], batches
	if space := build(t, w); space != s.Beside.Space {
		t.Errorf("the rebuild went on in %s, it had begun in %s", space, s.Beside.Space)
	}
	if most := int(total-had)/8000 + 3; batches-before > most {
		t.Errorf("%d batches for the last %d of %d events", batches-before, total-had, total)
	}
	if c := compare(t, w); !c.Equal() {
		t.Errorf("comparison %+v", c)
	}
}

// TestCompareFindsWhatDiffers plants differences into the live rows; they are
// counted, and named without their keys.
func TestCompareFindsWhatDiffers(t *testing.T) {
	w := newWorld(t, eventstest.NewLog(nil), vfs.NewMem())
	w.write(100)
	w.settle()
	build(t, w)
	plant := projections.Commit{Runner: "stranger", Changes: []projections.Change{
		{Table: "a", Key: []byte("+50255123456"), Value: []byte("x")}, // only live
		{Table: "a", Key: []byte("event 000007"), Value: []byte("other")},
		{Table: "a", Key: []byte("event 000009")}, // only beside
		{Table: "l", Key: []byte("type contact.stated.v1"), Value: []byte("7")},
		{Table: "z", Key: []byte("k"), Value: []byte("v")},
	}}
	if err := w.store.Commit(t.Context(), plant); err != nil {
		t.Fatal(err)
	}
	c := compare(t, w)
	if c.Equal() {
		t.Fatal("nothing was found")
	}
	a := c.Projections[0]
	table := a.Tables[0]
	if a.Equal() || table.OnlyLive != 1 || table.Different != 1 || table.OnlyBeside != 1 || len(table.First) != 3 || table.Same == 0 {
		t.Errorf("a: %+v", a)
	}
	if a.Content == nil || a.Content.Live != a.Content.Beside {
		t.Errorf("content of a: %+v, want equal digests: the counts are the same", a.Content)
	}
	if w := c.Projections[1]; !w.Equal() || w.Content != nil || w.Name != "witness" {
		t.Errorf("witness: %+v", w)
	}
	if l := c.Projections[2]; l.Equal() || l.Tables[0].Different != 1 || l.Runner != "lane" {
		t.Errorf("l: %+v", l)
	}
	i := slices.IndexFunc(c.Other, func(t rebuild.TableDiff) bool { return t.Table == "z" })
	if i < 0 || c.Other[i].OnlyLive != 1 {
		t.Errorf("a table of no fold: %+v", c.Other)
	}
	if text := fmt.Sprintf("%+v", c); strings.Contains(text, "50255") || strings.Contains(text, "000007") {
		t.Errorf("the comparison holds keys: %s", text)
	}
}

// TestSwitchUnderLoad exchanges rows again and again while events are appended
// and read: every reader sees rows of its position, exactly, and never older ones
// than before.
func TestSwitchUnderLoad(t *testing.T) {
	w := newWorld(t, eventstest.NewLog(nil), vfs.NewMem())
	w.write(500)
	w.settle()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { readOn(ctx, t, w.store) })
	}
	appended := make(chan struct{})
	go func() {
		defer close(appended)
		for ctx.Err() == nil {
			w.write(20)
			time.Sleep(500 * time.Microsecond)
		}
	}()
	want := []string{"rebuild_1", "live", "rebuild_1", "rebuild_2", "rebuild_1", "rebuild_2", "rebuild_1", "rebuild_2", "rebuild_3"}
	for i, space := range want {
		if i == 0 || i == 3 || i == len(want)-1 {
			build(t, w)
		}
		s, err := w.rebuild.Switch(t.Context())
		if err != nil || s.To != space || s.Held > 5*time.Second {
			t.Fatalf("switch %d: %+v, %v; want to %s", i, s, err, space)
		}
		live, err := w.db.Live(t.Context())
		if err != nil || live != space {
			t.Errorf("live space %s, %v; want %s", live, err, space)
		}
	}
	cancel()
	<-appended
	wg.Wait()
	w.wantFresh()
	if w.main.Err() != nil || w.lane.Err() != nil {
		t.Errorf("runners: %v, %v", w.main.Err(), w.lane.Err())
	}
}

// readOn opens snapshots until ctx ends and holds each against its own positions.
func readOn(ctx context.Context, t *testing.T, s projections.Store) {
	var last events.Position
	n := 0
	for ctx.Err() == nil {
		snap, err := s.Snapshot(t.Context())
		if err != nil {
			t.Error(err)
			return
		}
		at, err := snap.Position(t.Context(), "main")
		if err != nil || at < last {
			t.Errorf("position %d after %d, %v", at, last, err)
		}
		last = at
		rows := 0
		for _, err := range snap.Scan(t.Context(), "a", projections.Prefix([]byte("event "))) {
			if err != nil {
				t.Error(err)
			}
			rows++
		}
		if bad := int(at) / 50; rows != int(at)-bad {
			t.Errorf("%d rows at position %d", rows, at)
		}
		if err := snap.Close(); err != nil {
			t.Error(err)
		}
		n++
	}
	if n == 0 {
		t.Error("nothing was read")
	}
}

func TestSwitchBack(t *testing.T) {
	w := newWorld(t, eventstest.NewLog(nil), vfs.NewMem())
	w.write(100)
	build(t, w)
	before, err := w.store.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	for _, to := range []string{"rebuild_1", "live"} {
		s, err := w.rebuild.Switch(t.Context())
		if err != nil || s.To != to {
			t.Fatalf("switched to %+v, %v; want %s", s, err, to)
		}
		w.write(100)
		w.wantFresh()
	}
	state, err := w.rebuild.State(t.Context())
	if err != nil || state.Live != "live" || state.Beside.Space != "rebuild_1" {
		t.Errorf("state %+v, %v", state, err)
	}
	if err := w.rebuild.Drop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := before.Get(t.Context(), "a", []byte("event 000001")); err != nil {
		t.Errorf("a snapshot from before: %v", err)
	}
	for name, f := range map[string]func() error{
		"Drop":    func() error { return w.rebuild.Drop(t.Context()) },
		"Switch":  func() error { _, err := w.rebuild.Switch(t.Context()); return err },
		"Compare": func() error { _, err := w.rebuild.Compare(t.Context()); return err },
	} {
		if err := f(); !errors.Is(err, rebuild.ErrNoSpace) || !errors.Is(err, events.ErrNotFound) {
			t.Errorf("%s without a space beside gave %v", name, err)
		}
	}
}

// TestTheGuardsRowsComeAlong: what is in no log survives the switch.
func TestTheGuardsRowsComeAlong(t *testing.T) {
	w := newWorld(t, eventstest.NewLog(nil), vfs.NewMem())
	w.write(100)
	w.settle()
	rows := projections.Commit{Runner: "witness_guard", Changes: []projections.Change{
		{Table: witnessEpoch, Key: []byte("epoch"), Value: []byte("2030-01-01T00:00:00Z")}, {Table: witnessEpoch, Key: []byte("found"), Value: []byte("a hole")}}}
	if err := w.store.Commit(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	build(t, w)
	if c := compare(t, w); !c.Equal() {
		t.Errorf("the guard's rows were compared: %+v", c)
	}
	if _, err := w.rebuild.Switch(t.Context()); err != nil {
		t.Fatal(err)
	}
	snap, err := w.store.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	for _, c := range rows.Changes {
		if v, ok, err := snap.Get(t.Context(), witnessEpoch, c.Key); !ok || string(v) != string(c.Value) || err != nil {
			t.Errorf("%s after the switch: %q, %v", c.Key, v, err)
		}
	}
}

const witnessEpoch projections.Table = "witness_epoch"

// TestAnotherLogIsRefused folds a log into which somebody has put another event:
// the rows that remember the first one stay live.
func TestAnotherLogIsRefused(t *testing.T) {
	w := newWorld(t, eventstest.NewLog(nil), vfs.NewMem())
	w.write(100)
	w.settle()
	build(t, w)
	other, err := w.db.Store("rebuild_1")
	if err != nil {
		t.Fatal(err)
	}
	snap, err := other.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	head, _, err := snap.Get(t.Context(), "witness", []byte("head"))
	snap.Close()
	if err != nil {
		t.Fatal(err)
	}
	head = slices.Clone(head)
	head[60] ^= 1 // in the running hash
	if err := other.Commit(t.Context(), projections.Commit{Runner: "x", Changes: []projections.Change{{Table: "witness", Key: []byte("head"), Value: head}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.rebuild.Switch(t.Context()); !errors.Is(err, events.ErrDamaged) {
		t.Errorf("Switch gave %v, want the damage", err)
	}
	if live, err := w.db.Live(t.Context()); live != "live" || err != nil {
		t.Errorf("live space %s, %v", live, err)
	}
	w.write(10)
	w.wantFresh()
}

// TestOneAtATime: what is in progress is not disturbed.
func TestOneAtATime(t *testing.T) {
	var w *world
	var busy []error
	w = newWorld(t, eventstest.NewLog(nil), vfs.NewMem(), func(c *rebuild.Config) {
		c.Pace = func(ctx context.Context) {
			_, build := w.rebuild.Build(ctx, nil)
			_, compare := w.rebuild.Compare(ctx)
			_, swap := w.rebuild.Switch(ctx)
			busy = append(busy, build, compare, swap, w.rebuild.Drop(ctx))
			if s, err := w.rebuild.State(ctx); err != nil || s.Beside.State != rebuild.Unfinished {
				t.Errorf("state %+v, %v", s.Beside, err)
			}
		}
	})
	w.write(10)
	build(t, w)
	if len(busy) == 0 {
		t.Fatal("nothing was tried")
	}
	for _, err := range busy {
		if !errors.Is(err, rebuild.ErrBusy) {
			t.Errorf("got %v, want ErrBusy", err)
		}
	}
}

// TestRunnersAreNotHeldForLong: a space that cannot catch up in time is given up,
// and the runners go on.
func TestRunnersAreNotHeldForLong(t *testing.T) {
	w := newWorld(t, eventstest.NewLog(nil), vfs.NewMem(), func(c *rebuild.Config) {
		c.MaxHold = time.Nanosecond
		c.Clock = func() time.Time { return time.Unix(0, 0) }
	})
	w.write(100)
	w.settle()
	build(t, w)
	w.write(100)
	if _, err := w.rebuild.Switch(t.Context()); !errors.Is(err, rebuild.ErrTooBusy) {
		t.Errorf("Switch gave %v", err)
	}
	w.write(10)
	w.wantFresh()
}

// TestARunnerThatIsBusyForLong: nobody waits for it with the others held.
func TestARunnerThatIsBusyForLong(t *testing.T) {
	w := newWorld(t, eventstest.NewLog(nil), vfs.NewMem(), func(c *rebuild.Config) { c.MaxHold = 10 * time.Millisecond })
	w.write(100)
	w.settle()
	build(t, w)
	release, err := w.lane.Hold(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.rebuild.Switch(t.Context()); !errors.Is(err, rebuild.ErrTooBusy) {
		t.Errorf("Switch gave %v", err)
	}
	end := w.write(1)
	if err := w.main.Wait(t.Context(), end); err != nil {
		t.Errorf("the other runner: %v", err)
	}
	release()
	if _, err := w.rebuild.Switch(t.Context()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	w.wantFresh()
}

func TestConfigIsChecked(t *testing.T) {
	w := newWorld(t, eventstest.NewLog(nil), vfs.NewMem())
	for name, spoil := range map[string]func(*rebuild.Config){
		"no spaces":  func(c *rebuild.Config) { c.Spaces = nil },
		"no store":   func(c *rebuild.Config) { c.Store = nil },
		"no runners": func(c *rebuild.Config) { c.Runners = nil },
		"no live":    func(c *rebuild.Config) { c.Runners = []rebuild.Runner{{Config: c.Runners[0].Config}} },
		"no clock":   func(c *rebuild.Config) { c.Clock = nil },
		"short key":  func(c *rebuild.Config) { c.Key = make([]byte, 15) },
	} {
		cfg := w.cfg
		spoil(&cfg)
		if _, err := rebuild.New(cfg); !errors.Is(err, events.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
}
