// Package stewardtest is a hub in memory for tests of what stewards do: a log with
// the real gateway before it, the real resolver and the real folds behind it, and
// both desks.
//
//	Publish ─▶ gateway ─▶ log ─▶ resolver ─▶ log
//	                       └─▶ runners ─▶ store ◀─ desks
package stewardtest

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"ficha/api/bucket/buckettest"
	"ficha/api/jobs"
	"ficha/api/steward"
	"ficha/events"
	"ficha/events/eventstest"
	"ficha/events/gateway"
	"ficha/matching"
	"ficha/matching/resolver"
	"ficha/matching/resolver/resolvertest"
	"ficha/projections"
	"ficha/projections/contact"
	"ficha/projections/golden"
	"ficha/projections/projectionstest"
	"ficha/projections/review"
	"ficha/projections/runner"
	"ficha/projections/timeline"
	"ficha/schemas"
)

// World is a hub in memory.
type World struct {
	T        testing.TB
	Log      *eventstest.Log
	Store    *projectionstest.Memory
	State    *resolvertest.Memory
	Gateway  *gateway.Gateway
	Resolver *resolver.Resolver
	Checker  *contact.Checker
	Desk     *steward.Desk
	Jobs     *jobs.Desk
	Claims   *buckettest.Memory
	Board    *buckettest.Memory // of jobs
	IDs      *Finder

	mu            sync.Mutex
	at            time.Time
	main, contact *runner.Runner
	stop          context.CancelFunc
}

// Start is what the clock of a new world says.
var Start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// New gives a world in which everything runs until the test ends.
func New(t testing.TB) *World {
	t.Helper()
	w := &World{T: t, Store: projectionstest.NewMemory(), State: resolvertest.NewMemory(),
		Claims: &buckettest.Memory{}, Board: &buckettest.Memory{}, at: Start}
	w.Log = eventstest.NewLog(w.Now)
	w.IDs = &Finder{log: w.Log, found: map[events.IDHash]events.Position{}}
	w.open()
	t.Cleanup(w.close)
	return w
}

// Restart stops everything and starts it anew on the same log, rows and buckets.
func (w *World) Restart() {
	w.T.Helper()
	w.close()
	w.open()
}

// Rebuild is Restart with the rows and what the resolver knows made anew.
func (w *World) Rebuild() {
	w.T.Helper()
	w.close()
	w.Store, w.State = projectionstest.NewMemory(), resolvertest.NewMemory()
	w.open()
}

func (w *World) close() {
	if w.stop == nil {
		return
	}
	w.stop()
	w.Jobs.Stop()
	w.Resolver.Stop()
	w.main.Stop()
	w.contact.Stop()
	w.stop = nil
}

// Now is what the clock says. It moves on by a millisecond each time.
func (w *World) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = w.at.Add(time.Millisecond)
	return w.at
}

// Advance moves the clock.
func (w *World) Advance(by time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = w.at.Add(by)
}

func (w *World) open() {
	w.T.Helper()
	var ctx context.Context
	ctx, w.stop = context.WithCancel(w.T.Context())
	w.openEvents(ctx)
	w.openDesks(ctx)
}

func (w *World) openEvents(ctx context.Context) {
	w.T.Helper()
	registry, err := schemas.New()
	w.must(err)
	w.Gateway, err = gateway.New(gateway.Config{
		Log: w.Log, Health: w.Log, DeadLetters: &eventstest.DeadLetters{}, Schemas: registry, Key: make([]byte, 16), Clock: w.Now, Door: w.Log,
	})
	w.must(err)
	models, err := matching.DefaultModels()
	w.must(err)
	w.Resolver, err = resolver.New(resolver.Config{Log: w.Log, State: w.State, Engine: matching.NewEngine(models), Clock: w.Now})
	w.must(err)
	w.main, err = runner.New(runner.Config{Name: "main", Log: w.Log, Store: w.Store, Folds: []projections.Fold{golden.New(), timeline.New(), review.New()}})
	w.must(err)
	w.contact, err = runner.New(runner.Config{Name: contact.Name, Lane: events.LaneContact, Log: w.Log, Store: w.Store, Folds: []projections.Fold{contact.NewFold()}})
	w.must(err)
	w.must(w.main.Start(ctx))
	w.must(w.contact.Start(ctx))
	w.Resolver.Start(ctx)
}

func (w *World) openDesks(ctx context.Context) {
	w.T.Helper()
	var err error
	w.Checker, err = contact.NewChecker(contact.Config{
		Store: w.Store, Health: w.Log, Identity: contact.GoldenIdentity{}, Clock: w.Now, Key: make([]byte, 32),
		LaneEnd:  func(ctx context.Context) (events.Position, error) { return w.Log.LaneEnd(ctx, events.LaneContact) },
		End:      w.Log.End,
		Position: w.contact.Position, Wait: w.contact.Wait,
	})
	w.must(err)
	w.Desk, err = steward.New(steward.Config{
		Store: w.Store, Publisher: w.Gateway, Log: w.Log, IDs: w.IDs, Wait: w.Wait,
		Resolver: w.Resolver, Comparer: w.Checker, Claims: w.Claims, Clock: w.Now, Patience: 10 * time.Second,
	})
	w.must(err)
	w.Jobs, err = jobs.New(jobs.Config{
		Bucket: w.Board, Clock: w.Now, Rand: rand.NewChaCha8([32]byte{byte(time.Now().UnixNano())}), Logger: slog.New(slog.DiscardHandler),
		Kinds: []jobs.Kind{w.Desk.DecideKind(), w.Desk.UndoKind(), w.Desk.ImportKind()}, Retry: 10 * time.Millisecond,
	})
	w.must(err)
	w.must(w.Jobs.Start(ctx))
}

func (w *World) must(err error) {
	if err != nil {
		w.T.Helper()
		w.T.Fatal(err)
	}
}

// Wait returns when the rows of both runners include every event up to p.
func (w *World) Wait(ctx context.Context, p events.Position) error {
	if err := w.main.Wait(ctx, p); err != nil {
		return err
	}
	end, err := w.Log.LaneEnd(ctx, events.LaneContact)
	if err != nil {
		return err
	}
	return w.contact.Wait(ctx, min(p, end))
}

// Position is up to where the main runner has folded.
func (w *World) Position() events.Position { return w.main.Position() }

// Resolved is up to where the resolver has looked.
func (w *World) Resolved() events.Position { return w.Resolver.Position() }

// Publish has the gateway take events, all of which must be good.
func (w *World) Publish(evs ...events.Envelope) events.Position {
	w.T.Helper()
	res, err := w.Gateway.Publish(w.T.Context(), events.Principal{Name: "test", Hub: true}, evs)
	w.must(err)
	for _, r := range res.Results {
		if r.Status == events.StatusRejected {
			w.T.Fatalf("event %s was rejected: %+v", r.ID, r.Errors)
		}
	}
	return res.Position
}

// Settle waits until the resolver has come to rest and all is folded.
func (w *World) Settle() events.Position {
	w.T.Helper()
	ctx := w.T.Context()
	for last := events.Position(0); ; {
		record, err := w.Log.LaneEnd(ctx, events.LaneRecord)
		w.must(err)
		identity, err := w.Log.LaneEnd(ctx, events.LaneIdentity)
		w.must(err)
		w.must(w.Resolver.Wait(ctx, record))
		w.must(w.Resolver.WaitIdentity(ctx, identity))
		end, err := w.Log.End(ctx)
		w.must(err)
		if end == last {
			w.must(w.Wait(ctx, end))
			return end
		}
		last = end
	}
}

// Read opens the rows of now for f.
func (w *World) Read(f func(projections.Snapshot)) {
	w.T.Helper()
	s, err := w.Store.Snapshot(w.T.Context())
	w.must(err)
	defer s.Close()
	f(s)
}

// Item reads an item of the queue, with claim and tag.
func (w *World) Item(id uuid.UUID) (v steward.View) {
	w.T.Helper()
	w.Read(func(s projections.Snapshot) {
		var err error
		v, err = w.Desk.View(w.T.Context(), s, id)
		w.must(err)
	})
	return v
}

// Open lists what waits.
func (w *World) Open() (items []review.Item) {
	w.T.Helper()
	w.Read(func(s projections.Snapshot) {
		for after := ""; ; {
			page, next, err := review.List(w.T.Context(), s, review.Filter{}, after, review.MaxLimit)
			w.must(err)
			items = append(items, page...)
			if after = next; after == "" {
				return
			}
		}
	})
	return items
}

// Customer gives the id of the customer that a record belongs to.
func (w *World) Customer(record events.RecordKey) (id uuid.UUID) {
	w.T.Helper()
	w.Read(func(s projections.Snapshot) {
		c, known, err := golden.CustomerOf(w.T.Context(), s, record.UUID())
		if err != nil || !known {
			w.T.Fatalf("record %s: known %v, %v", record, known, err)
		}
		id = c
	})
	return id
}

// Digest is the digest of what the hub says about the world: customers, queue,
// timelines and statements, without ids and positions.
func (w *World) Digest() string {
	w.T.Helper()
	var lines []string
	w.Read(func(s projections.Snapshot) {
		for _, content := range []func(context.Context, projections.Reader) ([]string, error){golden.Content, review.Content, timeline.Content, contact.Content} {
			more, err := content(w.T.Context(), s)
			w.must(err)
			lines = append(lines, more...)
		}
	})
	return projections.ContentDigest(lines)
}

// Finder finds events of a log in memory by name.
type Finder struct {
	log   *eventstest.Log
	mu    sync.Mutex
	read  events.Position
	found map[events.IDHash]events.Position
}

// Lookup implements steward.Finder.
func (f *Finder) Lookup(ctx context.Context, hashes []events.IDHash) ([]events.IDEntry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for e, err := range f.log.Read(ctx, events.ReadOptions{After: f.read}) {
		if err != nil {
			return nil, err
		}
		f.read, f.found[events.HashID(e.Source, e.ID)] = e.Position, e.Position
	}
	out := make([]events.IDEntry, len(hashes))
	for i, h := range hashes {
		if p := f.found[h]; p != 0 {
			out[i] = events.IDEntry{Hash: h, Position: p}
		}
	}
	return out, nil
}

// Event builds an event of a source that happens at the world's time.
func (w *World) Event(source, id string, typ events.Type, data any) events.Envelope {
	w.T.Helper()
	b, err := json.Marshal(data)
	w.must(err)
	return events.Envelope{ID: id, Source: source, SpecVersion: "1.0", Type: typ, Time: w.Now(), Data: b}
}

// Key is the key of the record n of /crm/bank.
func Key(n int) events.RecordKey {
	return events.RecordKey{Source: "/crm/bank", Stream: events.DefaultStream, ID: fmt.Sprint(n)}
}
