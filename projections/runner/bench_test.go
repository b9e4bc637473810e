package runner_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"ficha/events"
	"ficha/events/eventstest"
	"ficha/projections"
	"ficha/projections/pebblestore"
	"ficha/projections/projectionstest"
	"ficha/projections/runner"
)

// lastEvent is a fold that does as little as a fold can.
type lastEvent struct{}

func (lastEvent) Name() string                { return "last" }
func (lastEvent) Version() int                { return 1 }
func (lastEvent) Tables() []projections.Table { return []projections.Table{"last"} }

func (lastEvent) Apply(w projections.Work, e events.Decoded) error {
	w.Put("last", []byte(e.Source), []byte(e.ID))
	return nil
}

// keepEvent keeps every event's data: a row per event.
type keepEvent struct{}

func (keepEvent) Name() string                { return "kept" }
func (keepEvent) Version() int                { return 1 }
func (keepEvent) Tables() []projections.Table { return []projections.Table{"kept"} }

func (keepEvent) Apply(w projections.Work, e events.Decoded) error {
	key := fmt.Appendf(nil, "%016x", uint64(e.Position)*0x9e3779b97f4a7c15)
	if _, ok := w.Get("kept", key); !ok {
		w.Put("kept", key, e.Data)
	}
	return nil
}

func filledLog(b *testing.B, n int) *eventstest.Log {
	b.Helper()
	log := eventstest.NewLog(nil)
	evs := make([]events.Envelope, n)
	for i := range evs {
		evs[i] = event(events.InteractionRecordedV1, fmt.Sprintf("e%d", i))
		evs[i].Data = json.RawMessage(fmt.Sprintf(`{"record":{"source":"/pbx","stream":"call","id":"%d"},"customer":{"source":"/crm","id":"%d"},"channel":"voice","direction":"inbound","started_at":"2030-01-01T10:00:00Z","duration_s":120,"outcome":"answered","agent":{"id":"a%d","team":"north"},"text":"Asked when the delivery comes; was told on Thursday."}`, i, i%977, i%13))
	}
	if _, err := log.Append(b.Context(), evs); err != nil {
		b.Fatal(err)
	}
	return log
}

func pebble(b *testing.B) projections.Store {
	b.Helper()
	db, err := pebblestore.Open(pebblestore.Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	s, err := db.Store(pebblestore.FirstSpace)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// BenchmarkRebuild folds a log of 50,000 interactions from the start; decoding
// alone, on one core, is the limit to compare with.
func BenchmarkRebuild(b *testing.B) {
	const n = 50_000
	log := filledLog(b, n)
	b.Run("decode only", func(b *testing.B) {
		for b.Loop() {
			for s, err := range log.Read(b.Context(), events.ReadOptions{}) {
				if err != nil {
					b.Fatal(err)
				}
				if _, err := events.Decode(s); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "events/s")
	})
	memory := func(*testing.B) projections.Store { return projectionstest.NewMemory() }
	for _, c := range []struct {
		name string
		fold projections.Fold
		open func(*testing.B) projections.Store
	}{
		{"trivial fold, memory", lastEvent{}, memory},
		{"trivial fold, pebble", lastEvent{}, pebble},
		{"row per event, pebble", keepEvent{}, pebble},
	} {
		b.Run(c.name, func(b *testing.B) {
			cfg := runner.Config{Name: "bench", Log: log, Store: c.open(b), Folds: []projections.Fold{c.fold}}
			for b.Loop() {
				if p, err := runner.Rebuild(b.Context(), cfg, 0, nil); err != nil || p != n {
					b.Fatal(p, err)
				}
			}
			b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkOneEvent measures from the append of a single event until Wait
// returns: what an agent waits for.
func BenchmarkOneEvent(b *testing.B) {
	for _, c := range []struct {
		name  string
		store projections.Store
	}{{"memory", projectionstest.NewMemory()}, {"pebble", pebble(b)}} {
		b.Run(c.name, func(b *testing.B) {
			log := eventstest.NewLog(nil)
			r, err := runner.New(runner.Config{Name: b.Name() + fmt.Sprint(b.N), Log: log, Store: c.store, Folds: []projections.Fold{lastEvent{}}})
			if err != nil {
				b.Fatal(err)
			}
			if err := r.Start(context.WithoutCancel(b.Context())); err != nil {
				b.Fatal(err)
			}
			defer r.Stop()
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				p := appendAll(b, log, event(events.CustomerWithdrawnV1, fmt.Sprint(len(took))))
				if err := r.Wait(b.Context(), p); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
		})
	}
}
