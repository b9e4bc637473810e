package main

import (
	"math/rand/v2"
	"slices"
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
	"ficha/projections/projectionstest"
	"ficha/projections/runner"
	"ficha/projections/timeline"
	"ficha/town"
)

// TestAnyOrderOfArrivalSaysTheSame sends the same statements of a small town in
// random orders and cuts through matching and folds: groups, values, timelines
// and statements come out the same.
func TestAnyOrderOfArrivalSaysTheSame(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	tn, err := town.Generate(town.Config{People: 60, Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	all := slices.Collect(tn.Events())
	want := digestOf(t, all, nil)
	for i := range uint64(6) {
		rng := rand.New(rand.NewPCG(seed, i))
		shuffled := slices.Clone(all)
		rng.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if got := digestOf(t, shuffled, rng); got != want {
			t.Fatalf("order %d: content digest %.16s…, in order of time %.16s…", i, got, want)
		}
	}
}

// digestOf runs events through a log, the resolver and the folds, in cuts of
// random size (nil: all at once), and digests what they say.
func digestOf(t *testing.T, evs []events.Envelope, rng *rand.Rand) string {
	t.Helper()
	now := func() time.Time { return time.Date(2026, 9, 2, 0, 0, 0, 0, time.UTC) }
	log, state, store := eventstest.NewLog(now), resolvertest.NewMemory(), projectionstest.NewMemory()
	models, err := matching.DefaultModels()
	if err != nil {
		t.Fatal(err)
	}
	for len(evs) > 0 {
		n := len(evs)
		if rng != nil {
			n = 1 + rng.IntN(n)
		}
		if _, err := log.Append(t.Context(), evs[:n]); err != nil {
			t.Fatal(err)
		}
		evs = evs[n:]
		resolveAll(t, log, state, matching.NewEngine(models), now)
	}
	for _, cfg := range []runner.Config{
		{Name: mainRunner, Folds: []projections.Fold{golden.New(), timeline.New()}},
		{Name: contact.Name, Lane: events.LaneContact, Folds: []projections.Fold{contact.NewFold()}},
	} {
		cfg.Log, cfg.Store, cfg.Upcast = log, store, upcast
		if _, err := runner.Rebuild(t.Context(), cfg, 0, nil); err != nil {
			t.Fatal(err)
		}
	}
	return contentDigest(t, store)
}

func resolveAll(t *testing.T, log events.Log, state resolver.State, engine *matching.Engine, now func() time.Time) {
	t.Helper()
	r, err := resolver.New(resolver.Config{Log: log, State: state, Engine: engine, Clock: now})
	if err != nil {
		t.Fatal(err)
	}
	r.Start(t.Context())
	defer r.Stop()
	end, err := log.LaneEnd(t.Context(), events.LaneRecord)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(t.Context(), end); err != nil {
		t.Fatal(err)
	}
}

func contentDigest(t *testing.T, store projections.Store) string {
	t.Helper()
	snap, err := store.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	var lines []string
	for _, read := range []func() ([]string, error){
		func() ([]string, error) { return golden.Content(t.Context(), snap) },
		func() ([]string, error) { return timeline.Content(t.Context(), snap) },
		func() ([]string, error) { return contact.Content(t.Context(), snap) },
	} {
		more, err := read()
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, more...)
	}
	if len(lines) < 60 {
		t.Fatalf("only %d lines: nothing was folded", len(lines))
	}
	return projections.ContentDigest(lines)
}
