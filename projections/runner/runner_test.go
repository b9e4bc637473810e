package runner_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ficha/events"
	"ficha/events/eventstest"
	"ficha/projections"
	"ficha/projections/projectionstest"
	"ficha/projections/runner"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testFold keeps each event's id by position and counts its types; it refuses
// events whose id begins with "bad" and panics at "panic".
type testFold struct {
	name    string
	version int
	tables  []projections.Table
}

func fold(name string) testFold {
	return testFold{name: name, version: 1, tables: []projections.Table{projections.Table(name)}}
}

func (f testFold) Name() string                { return f.name }
func (f testFold) Version() int                { return f.version }
func (f testFold) Tables() []projections.Table { return f.tables }

func (f testFold) Apply(w projections.Work, e events.Decoded) error {
	table := projections.Table(f.name)
	key := fmt.Appendf(nil, "type %s", e.Type)
	old, _ := w.Get(table, key)
	n, _ := strconv.Atoi(string(old))
	w.Put(table, key, strconv.AppendInt(nil, int64(n+1), 10))
	w.Put(table, fmt.Appendf(nil, "event %06d", e.Position), []byte(e.ID))
	if strings.HasPrefix(e.ID, "bad") {
		return fmt.Errorf("apply event: not good: %w", events.ErrInvalid)
	}
	if strings.HasPrefix(e.ID, "panic") {
		panic("personal data")
	}
	return nil
}

// envelopeFold is a testFold that claims to read no payloads.
type envelopeFold struct{ testFold }

func (envelopeFold) FoldsEnvelopes() {}

func event(t events.Type, id string) events.Envelope {
	data := `{}`
	if t == events.CustomerWithdrawnV1 {
		data = `{"record":{"source":"/s","id":"1"},"reason":"deleted"}`
	}
	return events.Envelope{ID: id, Source: "/s", SpecVersion: "1.0", Type: t, Time: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), Data: json.RawMessage(data)}
}

func records(from, to int) []events.Envelope {
	var evs []events.Envelope
	for i := from; i < to; i++ {
		evs = append(evs, event(events.CustomerWithdrawnV1, fmt.Sprintf("e%d", i)))
	}
	return evs
}

func appendAll(t testing.TB, log events.Log, evs ...events.Envelope) events.Position {
	t.Helper()
	answers, err := log.Append(t.Context(), evs)
	if err != nil {
		t.Fatalf("append: %v", err)
	}
	return answers[len(answers)-1].Position
}

func start(t testing.TB, cfg runner.Config) *runner.Runner {
	t.Helper()
	if cfg.Name == "" {
		cfg.Name = "test"
	}
	r, err := runner.New(cfg)
	if err != nil {
		t.Fatalf("new: %v", err)
	}
	if err := r.Start(t.Context()); err != nil {
		t.Fatalf("start: %v", err)
	}
	t.Cleanup(r.Stop)
	return r
}

func wait(t testing.TB, r *runner.Runner, p events.Position) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := r.Wait(ctx, p); err != nil {
		t.Fatalf("%v (runner: %v)", err, r.Err())
	}
}

func read[T any](t testing.TB, s projections.Store, look func(projections.Snapshot) (T, error)) T {
	t.Helper()
	snap, err := s.Snapshot(t.Context())
	if err != nil {
		t.Fatalf("open snapshot: %v", err)
	}
	defer snap.Close()
	v, err := look(snap)
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	return v
}

func value(t testing.TB, s projections.Store, table projections.Table, key string) string {
	t.Helper()
	return read(t, s, func(snap projections.Snapshot) (string, error) {
		v, _, err := snap.Get(t.Context(), table, []byte(key))
		return string(v), err
	})
}

func position(t testing.TB, s projections.Store, name string) events.Position {
	t.Helper()
	return read(t, s, func(snap projections.Snapshot) (events.Position, error) { return snap.Position(t.Context(), name) })
}

func deadLetters(t testing.TB, s projections.Store, projection string) []runner.DeadLetter {
	t.Helper()
	return read(t, s, func(snap projections.Snapshot) (all []runner.DeadLetter, err error) {
		for d, err := range runner.DeadLetters(t.Context(), snap, projection) {
			if err != nil {
				return nil, err
			}
			all = append(all, d)
		}
		return all, nil
	})
}

func TestFoldsWhatIsThereAndWhatComes(t *testing.T) {
	log, store := eventstest.NewLog(nil), projectionstest.NewMemory()
	appendAll(t, log, records(0, 2500)...)
	r := start(t, runner.Config{Log: log, Store: store, Folds: []projections.Fold{fold("a"), fold("b")}})
	wait(t, r, 2500)
	for i := range 20 {
		p := appendAll(t, log, records(2500+i, 2501+i)...)
		wait(t, r, p)
		if got := value(t, store, "b", fmt.Sprintf("event %06d", p)); got != fmt.Sprintf("e%d", 2500+i) {
			t.Fatalf("row of event %d is %q", p, got)
		}
	}
	if got := value(t, store, "a", "type customer.withdrawn.v1"); got != "2520" {
		t.Errorf("fold a counted %s, want 2520", got)
	}
	if p := position(t, store, "test"); p != 2520 || r.Position() != p || r.Err() != nil {
		t.Errorf("stored position %d, runner's %d, error %v", p, r.Position(), r.Err())
	}
}

// TestEveryEventHasItsEffectOnce restarts runners again and again while events
// come, two of them at a time on one store.
func TestEveryEventHasItsEffectOnce(t *testing.T) {
	const total = 3000
	log, store := eventstest.NewLog(nil), projectionstest.NewMemory()
	cfg := runner.Config{Name: "test", Log: log, Store: store, Folds: []projections.Fold{fold("a")}, BatchEvents: 37}
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; i < total; i += 50 {
			if _, err := log.Append(t.Context(), records(i, i+50)); err != nil {
				t.Errorf("append: %v", err)
			}
			time.Sleep(time.Millisecond)
		}
	})
	for range 2 {
		wg.Go(func() {
			for range 8 {
				r, err := runner.New(cfg)
				if err != nil {
					t.Errorf("new: %v", err)
					return
				}
				if err := r.Start(t.Context()); err != nil && !errors.Is(err, projections.ErrPositionMoved) {
					t.Errorf("start: %v", err)
					return
				}
				time.Sleep(7 * time.Millisecond)
				r.Stop()
			}
		})
	}
	wg.Wait()
	wait(t, start(t, cfg), total)
	if got := value(t, store, "a", "type customer.withdrawn.v1"); got != strconv.Itoa(total) {
		t.Errorf("%s events were counted, want %d", got, total)
	}
	if keys := strings.Count(projectionstest.Dump(t, store, "a"), "a \"event "); keys != total {
		t.Errorf("%d events have a row, want %d", keys, total)
	}
}

func TestLaneRunnerSeesItsLaneAlone(t *testing.T) {
	log, store := eventstest.NewLog(nil), projectionstest.NewMemory()
	r := start(t, runner.Config{Log: log, Lane: events.LaneRecord, Store: store, Folds: []projections.Fold{fold("a")}})
	last := appendAll(t, log,
		event(events.CustomerWithdrawnV1, "r1"), event(events.ContactStatedV1, "c1"), event(events.CustomerWithdrawnV1, "r2"), event(events.ContactStatedV1, "c2"))
	wait(t, r, last-1)
	if got := r.Position(); got != 3 {
		t.Errorf("position %d, want that of the lane's last event, 3", got)
	}
	if dump := projectionstest.Dump(t, store, "a"); strings.Contains(dump, "c1") || !strings.Contains(dump, "r2") {
		t.Errorf("rows:\n%s", dump)
	}
}

func TestRefusedEventsBecomeDeadLetters(t *testing.T) {
	log, store := eventstest.NewLog(nil), projectionstest.NewMemory()
	var heard []runner.DeadLetter
	var out strings.Builder
	cfg := runner.Config{
		Log: log, Store: store, Folds: []projections.Fold{fold("a"), envelopeFold{fold("witness")}},
		Logger:   slog.New(slog.NewTextHandler(&out, nil)),
		Observer: runner.Observer{DeadLetter: func(d runner.DeadLetter) { heard = append(heard, d) }},
	}
	shapeless := event(events.CustomerWithdrawnV1, "shapeless")
	shapeless.Data = json.RawMessage(`{"reason":["no","string"]}`)
	r := start(t, cfg)
	wait(t, r, appendAll(t, log, event(events.CustomerWithdrawnV1, "e1"), event(events.CustomerWithdrawnV1, "bad"), shapeless, event(events.CustomerWithdrawnV1, "panic"), event(events.CustomerWithdrawnV1, "e2")))
	r.Stop()

	want := []runner.DeadLetter{
		{Projection: "a", Position: 2, Type: events.CustomerWithdrawnV1, Source: "/s", Reason: "apply event: not good: invalid"},
		{Projection: "a", Position: 3, Type: events.CustomerWithdrawnV1, Source: "/s", Reason: "decode customer.withdrawn.v1 at 3: invalid"},
		{Projection: "a", Position: 4, Type: events.CustomerWithdrawnV1, Source: "/s", Reason: "fold panicked"},
	}
	if got := deadLetters(t, store, "a"); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("dead letters of a:\n got %v\nwant %v", got, want)
	}
	if got := deadLetters(t, store, ""); len(got) != 5 || len(heard) != 5 {
		t.Errorf("%d dead letters of all folds and %d heard of, want 5: %v", len(got), len(heard), got)
	}
	if got := value(t, store, "a", "type customer.withdrawn.v1"); got != "2" {
		t.Errorf("fold a counted %s, want the good ones, 2", got)
	}
	if got := value(t, store, "witness", "type customer.withdrawn.v1"); got != "3" {
		t.Errorf("the fold of envelopes counted %s, want 3: the shapeless event too", got)
	}
	counts := read(t, store, func(s projections.Snapshot) (map[string]uint64, error) {
		return runner.CountDeadLetters(t.Context(), s)
	})
	if counts["a"] != 3 || counts["witness"] != 2 || len(counts) != 2 {
		t.Errorf("counts %v", counts)
	}
	if strings.Contains(out.String(), "personal data") || !strings.Contains(out.String(), "not good") {
		t.Errorf("log:\n%s", out.String())
	}
}

func TestUnknownTypesAreCountedAndUpcast(t *testing.T) {
	log, store := eventstest.NewLog(nil), projectionstest.NewMemory()
	appendAll(t, log, event("customer.withdrawn.v0", "old"), event("weather.changed.v1", "unknown"), event("customer.broken.v0", "broken"))
	unknown, folded := 0, 0
	r := start(t, runner.Config{
		Log: log, Store: store, Folds: []projections.Fold{fold("a")},
		Upcast: func(s events.Stored) (events.Stored, error) {
			switch s.Type {
			case "customer.withdrawn.v0":
				s.Type = events.CustomerWithdrawnV1
			case "customer.broken.v0":
				return s, errors.New("upcast: no way")
			}
			return s, nil
		},
		Observer: runner.Observer{Committed: func(c runner.Committed) { unknown += c.Unknown; folded += c.Events }},
	})
	wait(t, r, 3)
	r.Stop()
	if unknown != 1 || folded != 3 {
		t.Errorf("unknown %d of %d events, want 1 of 3", unknown, folded)
	}
	if value(t, store, "a", "type customer.withdrawn.v1") != "1" || value(t, store, "a", "type weather.changed.v1") != "1" {
		t.Errorf("rows:\n%s", projectionstest.Dump(t, store, "a"))
	}
	if d := deadLetters(t, store, "a"); len(d) != 1 || d[0].Reason != "upcast: no way" {
		t.Errorf("dead letters %v", d)
	}
}

func TestAnotherVersionReplaysEverything(t *testing.T) {
	log, store := eventstest.NewLog(nil), projectionstest.NewMemory()
	appendAll(t, log, append(records(0, 10), event(events.CustomerWithdrawnV1, "bad"))...)
	two := fold("b")
	two.tables = []projections.Table{"b", "b_old"}
	r := start(t, runner.Config{Log: log, Store: store, Folds: []projections.Fold{fold("a"), two}})
	wait(t, r, 11)
	r.Stop()
	// What a fold of now would not make shows whether the tables were cleared.
	leftovers := projections.Commit{Runner: "test", At: 11, To: 11, Changes: []projections.Change{
		{Table: "a", Key: []byte("left over"), Value: []byte{}}, {Table: "b_old", Key: []byte("left over"), Value: []byte{}}}}
	if err := store.Commit(t.Context(), leftovers); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	newer := fold("b")
	newer.version = 2
	r = start(t, runner.Config{Log: log, Store: store, Folds: []projections.Fold{fold("a"), newer}, Logger: slog.New(slog.NewTextHandler(&out, nil))})
	wait(t, r, 11)
	r.Stop()
	if dump := projectionstest.Dump(t, store); strings.Contains(dump, "left over") || value(t, store, "a", "type customer.withdrawn.v1") != "10" {
		t.Errorf("rows after the replay:\n%s", dump)
	}
	if d := deadLetters(t, store, ""); len(d) != 2 {
		t.Errorf("dead letters %v, want one a fold", d)
	}
	if !strings.Contains(out.String(), "another version") || !strings.Contains(out.String(), "projection=b") {
		t.Errorf("the replay was not told: %s", out.String())
	}
	out.Reset()
	before := projectionstest.Dump(t, store)
	r = start(t, runner.Config{Log: log, Store: store, Folds: []projections.Fold{fold("a"), newer}, Logger: slog.New(slog.NewTextHandler(&out, nil))})
	if r.Position() != 11 || out.Len() > 0 || projectionstest.Dump(t, store) != before {
		t.Errorf("the same versions again: position %d, said %q", r.Position(), out.String())
	}
}

func TestRunnersShareAStore(t *testing.T) {
	log, store := eventstest.NewLog(nil), projectionstest.NewMemory()
	appendAll(t, log, event(events.CustomerWithdrawnV1, "bad"), event(events.ContactStatedV1, "bad too"))
	all := start(t, runner.Config{Name: "main", Log: log, Store: store, Folds: []projections.Fold{fold("a")}})
	lane := start(t, runner.Config{Name: "lane", Log: log, Lane: events.LaneContact, Store: store, Folds: []projections.Fold{fold("b")}})
	wait(t, all, 2)
	wait(t, lane, 2)
	lane.Stop()
	newer := fold("b")
	newer.version = 7
	lane = start(t, runner.Config{Name: "lane", Log: log, Lane: events.LaneContact, Store: store, Folds: []projections.Fold{newer}})
	wait(t, lane, 2)
	if a, b := deadLetters(t, store, "a"), deadLetters(t, store, "b"); len(a) != 2 || len(b) != 1 {
		t.Errorf("dead letters %v and %v: a replay of one runner must leave those of the other", a, b)
	}
	if position(t, store, "main") != 2 {
		t.Error("the other runner's position moved")
	}
}

func TestRebuildEqualsTheLiveRows(t *testing.T) {
	log := eventstest.NewLog(nil)
	evs := records(0, 3000)
	for i := 0; i < len(evs); i += 100 {
		evs[i].ID = fmt.Sprintf("bad%d", i)
	}
	appendAll(t, log, evs...)
	live, beside := projectionstest.NewMemory(), projectionstest.NewMemory()
	cfg := runner.Config{Name: "test", Log: log, Store: live, Folds: []projections.Fold{fold("a"), fold("b")}, BatchEvents: 100}
	wait(t, start(t, cfg), 3000)

	cfg.Store, cfg.BatchEvents = beside, 0
	var steps []events.Position
	for range 2 { // the second one has to clear what the first one made
		steps = nil
		p, err := runner.Rebuild(t.Context(), cfg, 0, func(p events.Position) { steps = append(steps, p) })
		if err != nil || p != 3000 || len(steps) == 0 || steps[len(steps)-1] != 3000 {
			t.Fatalf("Rebuild gave %d, %v and progress %v", p, err, steps)
		}
	}
	if projectionstest.Dump(t, live) != projectionstest.Dump(t, beside) {
		t.Error("rebuilt rows differ from the live ones")
	}
	if p, err := runner.Rebuild(t.Context(), cfg, 1234, nil); err != nil || p != 1234 || value(t, beside, "a", "event 001235") != "" {
		t.Errorf("Rebuild up to 1234 gave %d, %v", p, err)
	}
	wait(t, start(t, cfg), 3000) // goes on from there
	if projectionstest.Dump(t, live) != projectionstest.Dump(t, beside) {
		t.Error("rows differ after rebuild and following")
	}
	if _, err := runner.Rebuild(t.Context(), cfg, 3001, nil); !errors.Is(err, events.ErrInvalid) {
		t.Errorf("Rebuild beyond the end: %v", err)
	}
}

func TestRebuildOfAnEmptyLog(t *testing.T) {
	store := projectionstest.NewMemory()
	p, err := runner.Rebuild(t.Context(), runner.Config{Name: "test", Log: eventstest.NewLog(nil), Store: store, Folds: []projections.Fold{fold("a")}}, 0, nil)
	if err != nil || p != 0 {
		t.Errorf("Rebuild gave %d, %v", p, err)
	}
}

func TestConfigIsChecked(t *testing.T) {
	log, store := eventstest.NewLog(nil), projectionstest.NewMemory()
	ok := runner.Config{Name: "test", Log: log, Store: store, Folds: []projections.Fold{fold("a")}}
	for name, spoil := range map[string]func(*runner.Config){
		"no name":          func(c *runner.Config) { c.Name = "" },
		"no log":           func(c *runner.Config) { c.Log = nil },
		"no store":         func(c *runner.Config) { c.Store = nil },
		"no folds":         func(c *runner.Config) { c.Folds = nil },
		"negative batch":   func(c *runner.Config) { c.BatchEvents = -1 },
		"fold twice":       func(c *runner.Config) { c.Folds = append(c.Folds, fold("a")) },
		"bad table":        func(c *runner.Config) { c.Folds = []projections.Fold{fold("A")} },
		"the runner's own": func(c *runner.Config) { c.Folds = []projections.Fold{fold("dead_letters")} },
		"table twice": func(c *runner.Config) {
			c.Folds = append(c.Folds, testFold{name: "other", version: 1, tables: []projections.Table{"a"}})
		},
	} {
		c := ok
		spoil(&c)
		if _, err := runner.New(c); !errors.Is(err, events.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
	if _, err := runner.New(ok); err != nil {
		t.Errorf("a good configuration: %v", err)
	}
}
