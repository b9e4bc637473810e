package rebuild_test

import (
	"slices"
	"syscall"
	"testing"
	"time"

	"ficha/events"
	"ficha/events/eventstest"
	"ficha/matching"
	"ficha/matching/resolver"
	"ficha/matching/resolver/resolvertest"
	"ficha/projections"
	"ficha/projections/contact"
	"ficha/projections/golden"
	"ficha/projections/pebblestore"
	"ficha/projections/runner"
	"ficha/projections/timeline"
	"ficha/town"
)

// townLog is the log of a town, with the decisions about who is who.
func townLog(b *testing.B, people int) (*eventstest.Log, events.Position) {
	b.Helper()
	now := time.Date(2026, 9, 2, 0, 0, 0, 0, time.UTC)
	t, err := town.Generate(town.Config{People: people, Seed: 7, Now: now})
	if err != nil {
		b.Fatal(err)
	}
	log := eventstest.NewLog(func() time.Time { return now })
	models, err := matching.DefaultModels()
	if err != nil {
		b.Fatal(err)
	}
	r, err := resolver.New(resolver.Config{Log: log, State: resolvertest.NewMemory(), Engine: matching.NewEngine(models), Clock: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	r.Start(b.Context())
	defer r.Stop()
	for batch := range slices.Chunk(slices.Collect(t.Events()), 1000) { // decisions follow closely, as in a hub
		if _, err := log.Append(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
		end, err := log.LaneEnd(b.Context(), events.LaneRecord)
		if err == nil {
			err = r.Wait(b.Context(), end)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	end, err := log.End(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return log, end
}

// cpu is the processor time that this process has used.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkTown folds the log of a town as a rebuild does, all folds together and
// each by itself; decoding alone is the limit to compare with.
func BenchmarkTown(b *testing.B) {
	log, end := townLog(b, 4000)
	began := cpu(b)
	perSecond := func(b *testing.B) {
		b.ReportMetric(float64(b.N)*float64(end)/b.Elapsed().Seconds(), "events/s")
		b.ReportMetric(float64((cpu(b)-began).Microseconds())/float64(b.N)/float64(end), "cpu-µs/event")
	}
	b.Run("decode", func(b *testing.B) {
		began = cpu(b)
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
		perSecond(b)
	})
	for name, folds := range map[string][]projections.Fold{
		"all":      {golden.New(), timeline.New(), contact.NewFold()},
		"golden":   {golden.New()},
		"timeline": {timeline.New()},
		"contact":  {contact.NewFold()},
	} {
		b.Run(name, func(b *testing.B) {
			began = cpu(b)
			db, err := pebblestore.Open(pebblestore.Config{Dir: b.TempDir()})
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			store, err := db.Store("bench")
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				cfg := runner.Config{Name: "bench", Log: log, Store: store.Unsynced(), Folds: folds}
				if p, err := runner.Rebuild(b.Context(), cfg, end, nil); err != nil || p != end {
					b.Fatal(p, err)
				}
			}
			perSecond(b)
		})
	}
}
