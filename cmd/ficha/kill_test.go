package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/golden"
	"ficha/projections/oracletest"
	"ficha/projections/runner"
	"ficha/projections/timeline"
	"ficha/projections/witness"
)

// ledger is what a publisher was told: the independent side of "nothing
// acknowledged is lost".
type ledger struct {
	mu    sync.Mutex
	acked map[events.EventID]events.Position
}

func (l *ledger) note(t *testing.T, res events.SubmitResult) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range res.Results {
		id := events.EventID{Source: r.Source, ID: r.ID}
		if r.Status != events.StatusAppended && r.Status != events.StatusDuplicate {
			t.Errorf("event %s is %s: %v", r.ID, r.Status, r.Errors)
			continue
		}
		if old, ok := l.acked[id]; ok && old != r.Position {
			t.Errorf("event %s was acknowledged at %d, now at %d", r.ID, old, r.Position)
		}
		l.acked[id] = r.Position
	}
}

// TestStoryKilledHubLosesNothing kills the hub under load at random moments,
// round after round, and then reads the log, the counts and the digests.
func TestStoryKilledHubLosesNothing(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	data := t.TempDir()
	l := &ledger{acked: map[events.EventID]events.Position{}}
	feeds := []*feed{newFeed("/crm/a"), newFeed("/shop/b"), newFeed("/pbx/c")}
	n := rounds(8)
	for range n {
		h := serveProcess(t, data)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for _, f := range feeds {
			wg.Go(func() { f.publish(ctx, t, h, l) })
		}
		time.Sleep(time.Duration(100+rng.IntN(400)) * time.Millisecond)
		h.kill()
		cancel()
		wg.Wait()
		if t.Failed() {
			t.Fatalf("hub said: %s", h.stderr)
		}
	}
	h := serveProcess(t, data)
	for _, f := range feeds {
		f.resend(t, h, l)
	}
	s := h.settled(t)
	t.Logf("%d rounds, %d events acknowledged, log position %d, equation %+v", n, len(l.acked), s.Position, s.Equation)
	if len(l.acked) < 20*n {
		t.Fatalf("only %d events in %d rounds: too little traffic to prove anything", len(l.acked), n)
	}
	if !s.Equation.Balanced || !s.Log.OK {
		t.Errorf("status after the kills: %+v", s)
	}
	h.stop(t)
	inspect(t, data, l)
}

// feed publishes batches with ids of its own; a batch whose answer did not come
// is sent again first.
type feed struct {
	source string
	next   int
	unsent []events.Envelope
}

func newFeed(source string) *feed { return &feed{source: source} }

func (f *feed) publish(ctx context.Context, t *testing.T, h *hubProcess, l *ledger) {
	for ctx.Err() == nil {
		if f.unsent == nil {
			f.unsent = f.batch()
		}
		res, err := h.Submit(ctx, f.unsent)
		if err != nil {
			return // the hub was killed; the batch's fate is unknown
		}
		l.note(t, res)
		f.unsent = nil
	}
}

func (f *feed) resend(t *testing.T, h *hubProcess, l *ledger) {
	t.Helper()
	if f.unsent == nil {
		return
	}
	res, err := h.Submit(t.Context(), f.unsent)
	if err != nil {
		t.Fatal(err)
	}
	l.note(t, res)
	f.unsent = nil
}

// batch makes a few records that resemble those of the other feeds, calls, and
// statements about them; the first event of the last batch is repeated.
func (f *feed) batch() []events.Envelope {
	var out []events.Envelope
	for range 1 + f.next%7 {
		i := f.next
		f.next++
		key := events.RecordKey{Source: f.source, ID: fmt.Sprint(i)}
		phone := fmt.Sprintf("+5025%07d", i)
		switch i % 4 {
		case 0, 1:
			out = append(out, f.event(i, events.CustomerRecordedV1, events.CustomerRecorded{
				Record: events.Record{RecordKey: key}, Kind: events.Person,
				Names:     []events.Name{{Given: fmt.Sprintf("Ana%c", 'a'+i%26), Family: fmt.Sprintf("Ramírez%d", i/26)}},
				BirthDate: fmt.Sprintf("19%02d-%02d-%02d", 50+i%50, 1+i%12, 1+i%28), Phones: []events.Phone{{Value: phone}},
			}))
		case 2:
			out = append(out, f.event(i, events.InteractionRecordedV1, events.InteractionRecorded{
				Record:        events.Record{RecordKey: events.RecordKey{Source: f.source, Stream: "call", ID: fmt.Sprint(i)}},
				ContactPoints: []events.ContactPoint{{Phone: fmt.Sprintf("+5025%07d", i-1)}},
				Channel:       "voice", Direction: "outbound", StartedAt: "2026-05-01T10:00:00Z",
			}))
		case 3:
			out = append(out, f.event(i, events.ContactStatedV1, events.ContactStated{
				Choice: events.Deny, ContactPoints: []events.ContactPoint{{Phone: fmt.Sprintf("+5025%07d", i-2)}},
				Scope: events.Scope{Purposes: []string{"marketing"}}, StatedAt: "2026-05-01T10:05:00Z",
			}))
		}
	}
	return append(out, out[0])
}

func (f *feed) event(i int, typ events.Type, data any) events.Envelope {
	b, err := json.Marshal(data)
	if err != nil {
		panic(err)
	}
	return events.Envelope{ID: fmt.Sprintf("e%d", i), Source: f.source, SpecVersion: "1.0", Type: typ,
		Time: time.Date(2026, 5, 1, 10, 0, i%3600, 0, time.UTC), Data: b}
}

// inspect reads the stopped hub's files: every acknowledged event is in the log
// where it was said to be, none is there twice, and the rows are those of a clean
// replay and of the naive oracle.
func inspect(t *testing.T, data string, l *ledger) {
	t.Helper()
	h := openFilesOf(t, data)
	at := map[events.EventID]events.Position{}
	var all []events.Stored
	for e, err := range h.log.Read(t.Context(), events.ReadOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		id := events.EventID{Source: e.Source, ID: e.ID}
		if first, twice := at[id]; twice {
			t.Errorf("event %v is in the log at %d and %d", id, first, e.Position)
		}
		at[id] = e.Position
		all = append(all, e)
	}
	for id, p := range l.acked {
		if at[id] != p {
			t.Errorf("event %v was acknowledged at %d, the log has it at %d", id, p, at[id])
		}
	}
	v, err := h.verify(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !v.OK {
		t.Errorf("verify found: %v", v.Findings)
	}
	compareWithOracle(t, h, all)
	plantSilentDrop(t, h)
}

func openFilesOf(t *testing.T, data string) *hub {
	t.Helper()
	h, err := openClosedHub(t.Context(), hubConfig{Dir: data, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.close(slog.New(slog.DiscardHandler)) })
	return h
}

// dropping is a log that hides one event from whoever reads it.
type dropping struct {
	events.Log
	hidden events.Position
}

// Read leaves the hidden event out.
func (d dropping) Read(ctx context.Context, o events.ReadOptions) iter.Seq2[events.Stored, error] {
	return func(yield func(events.Stored, error) bool) {
		for e, err := range d.Log.Read(ctx, o) {
			if err == nil && e.Position == d.hidden {
				continue
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// plantSilentDrop folds the log with one event hidden: the counts must tell.
func plantSilentDrop(t *testing.T, h *hub) {
	t.Helper()
	end, err := h.log.End(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	scratch, err := h.db.Store("dropped")
	if err != nil {
		t.Fatal(err)
	}
	log := dropping{h.log, end / 2}
	cfg := runner.Config{Name: mainRunner, Log: log, Store: scratch, Folds: []projections.Fold{witness.New()}, Upcast: upcast}
	if _, err := runner.Rebuild(t.Context(), cfg, end, nil); err != nil && !errors.Is(err, events.ErrDamaged) {
		t.Fatal(err)
	}
	guard, err := witness.NewGuard(witness.Config{Log: h.log, Store: scratch, MarkDamaged: func(error) {}})
	if err != nil {
		t.Fatal(err)
	}
	if q, err := guard.Equation(t.Context()); err != nil || q.Balanced {
		t.Errorf("an event was dropped silently and the equation says %+v, %v", q, err)
	}
}

// compareWithOracle holds the rows against what the plainest possible reading of
// the log gives.
func compareWithOracle(t *testing.T, h *hub, all []events.Stored) {
	t.Helper()
	snap, err := h.store.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	plain := make([]events.Envelope, len(all))
	for i, e := range all {
		plain[i] = e.Envelope
	}
	for _, c := range []struct {
		name   string
		rows   func(context.Context, projections.Reader) ([]string, error)
		oracle func([]events.Envelope) ([]string, error)
	}{{"golden", golden.Content, oracletest.Golden}, {"timeline", timeline.Content, oracletest.Timeline}} {
		got, err := c.rows(t.Context(), snap)
		if err != nil {
			t.Fatal(err)
		}
		want, err := c.oracle(plain)
		if err != nil {
			t.Fatal(err)
		}
		if projections.ContentDigest(got) != projections.ContentDigest(want) {
			t.Errorf("%s has %d lines that differ from the oracle's %d", c.name, len(got), len(want))
		}
	}
}
