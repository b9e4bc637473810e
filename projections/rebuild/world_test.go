package rebuild_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"ficha/events"
	"ficha/events/eventstest"
	"ficha/projections"
	"ficha/projections/pebblestore"
	"ficha/projections/rebuild"
	"ficha/projections/runner"
	"ficha/projections/switchable"
	"ficha/projections/witness"
)

// counter is a fold whose every row hangs on all rows before: it counts the
// events of each type and keeps, for each event, its number. It refuses events
// whose id begins with "bad".
type counter struct{ name string }

func (f counter) Name() string                { return f.name }
func (counter) Version() int                  { return 1 }
func (f counter) Tables() []projections.Table { return []projections.Table{projections.Table(f.name)} }

func (f counter) Apply(w projections.Work, e events.Decoded) error {
	table := projections.Table(f.name)
	key := []byte("type " + e.Type)
	old, _ := w.Get(table, key)
	n, _ := strconv.Atoi(string(old))
	w.Put(table, key, strconv.AppendInt(nil, int64(n+1), 10))
	w.Put(table, fmt.Appendf(nil, "event %06d", e.Position), strconv.AppendInt([]byte(e.ID+" "), int64(n+1), 10))
	if e.ID[0] == 'b' {
		return fmt.Errorf("apply event: not good: %w", events.ErrInvalid)
	}
	return nil
}

// spaces is a database as the package wants it.
type spaces struct{ *pebblestore.DB }

func (s spaces) Open(space string, bulk bool) (projections.Store, error) {
	store, err := s.Store(space)
	if err == nil && bulk {
		return store.Unsynced(), nil
	}
	return store, err
}

// world is a hub as far as this package is concerned: a log, a database, two
// runners that fold into the live space.
type world struct {
	t       testing.TB
	log     *eventstest.Log
	fs      vfs.FS
	db      *pebblestore.DB
	store   *switchable.Store
	main    *runner.Runner
	lane    *runner.Runner
	rebuild *rebuild.Rebuilder
	cfg     rebuild.Config
	sent    int
}

func mainFolds() []projections.Fold { return []projections.Fold{counter{"a"}, witness.New()} }
func laneFolds() []projections.Fold { return []projections.Fold{counter{"l"}} }

func newWorld(t testing.TB, log *eventstest.Log, fs vfs.FS, change ...func(*rebuild.Config)) *world {
	t.Helper()
	db, err := pebblestore.Open(pebblestore.Config{Dir: "store", FS: fs, CacheBytes: 8 << 20, MemTableBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, log: log, fs: fs, db: db}
	live, err := db.Live(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first, err := db.Store(live)
	if err != nil {
		t.Fatal(err)
	}
	w.store = switchable.New(first)
	main := runner.Config{Name: "main", Log: log, Store: w.store, Folds: mainFolds()}
	lane := runner.Config{Name: "lane", Lane: events.LaneContact, Log: log, Store: w.store, Folds: laneFolds()}
	w.main, w.lane = start(t, main), start(t, lane)
	w.cfg = rebuild.Config{
		Spaces: spaces{db}, Store: w.store, Key: make([]byte, 16), Clock: time.Now, Carry: witness.Carry,
		Apart:   []projections.Table{witness.Epochs},
		Runners: []rebuild.Runner{{Config: main, Live: w.main}, {Config: lane, Live: w.lane}},
		Content: map[string]func(context.Context, projections.Reader) ([]string, error){"a": countsOf},
	}
	for _, f := range change {
		f(&w.cfg)
	}
	if w.rebuild, err = rebuild.New(w.cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	return w
}

// countsOf is the content of the counter "a": how many events there are, not where.
func countsOf(ctx context.Context, r projections.Reader) (lines []string, err error) {
	for row, err := range r.Scan(ctx, "a", projections.Prefix([]byte("type "))) {
		if err != nil {
			return nil, err
		}
		lines = append(lines, string(row.Key)+" "+string(row.Value))
	}
	return lines, nil
}

func start(t testing.TB, cfg runner.Config) *runner.Runner {
	t.Helper()
	r, err := runner.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Start(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	return r
}

func (w *world) close() {
	w.main.Stop()
	w.lane.Stop()
	if err := w.db.Close(); err != nil {
		w.t.Error(err)
	}
}

// write appends n events, every tenth of the contact lane, every fiftieth bad.
func (w *world) write(n int) events.Position {
	w.t.Helper()
	var batch []events.Envelope
	for range n {
		w.sent++
		id, typ := fmt.Sprintf("e%d", w.sent), events.CustomerWithdrawnV1
		data := `{"record":{"source":"/s","id":"1"},"reason":"deleted"}`
		if w.sent%50 == 0 {
			id = fmt.Sprintf("b%d", w.sent)
		}
		if w.sent%10 == 0 {
			typ, data = events.ContactStatedV1, `{"choice":"deny","stated_at":"2030-01-01T00:00:00Z"}`
		}
		batch = append(batch, events.Envelope{ID: id, Source: "/s", SpecVersion: "1.0", Type: typ,
			Time: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), Data: json.RawMessage(data)})
	}
	answers, err := w.log.Append(w.t.Context(), batch)
	if err != nil {
		w.t.Fatal(err)
	}
	return answers[len(answers)-1].Position
}

// settle waits until both runners have folded everything.
func (w *world) settle() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	end, err := w.log.End(ctx)
	if err == nil {
		err = w.main.Wait(ctx, end)
	}
	if err == nil {
		end, err = w.log.LaneEnd(ctx, events.LaneContact)
	}
	if err == nil {
		err = w.lane.Wait(ctx, end)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// digests are those of every table of the folds, and of dead letters, in what
// readers see.
func (w *world) digest(s projections.Store) string {
	w.t.Helper()
	snap, err := s.Snapshot(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	defer snap.Close()
	d, err := projections.ReplayDigest(w.t.Context(), snap, []projections.Table{"a", "l", "witness", "witness_checkpoints", "dead_letters", "dead_letter_counts"})
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

// wantFresh compares the live rows with a fold of the log into an empty store.
func (w *world) wantFresh() {
	w.t.Helper()
	w.settle()
	scratch, err := w.db.Store("scratch")
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range w.cfg.Runners {
		cfg := r.Config
		cfg.Store = scratch
		if _, err := runner.Rebuild(w.t.Context(), cfg, 0, nil); err != nil {
			w.t.Fatal(err)
		}
	}
	if w.digest(w.store) != w.digest(scratch) {
		w.t.Error("the live rows are not what the log gives")
	}
	if err := w.db.Drop(w.t.Context(), "scratch"); err != nil {
		w.t.Fatal(err)
	}
}
