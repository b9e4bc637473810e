package resolver_test

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/events/record"
	"ficha/matching/resolver"
	"ficha/town"
)

// heldOut is a town of whose records some are kept back.
type heldOut struct {
	told []events.Envelope // what the others state
	kept []events.RecordKey
	said map[events.RecordKey][]events.Envelope // what those kept back state
}

// holdOut keeps n records of a town back, chosen by seed.
func holdOut(t testing.TB, people, n int, seed uint64) heldOut {
	t.Helper()
	made, err := town.Generate(town.Config{People: people, Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	var h heldOut
	for truth := range made.Truth() {
		h.kept = append(h.kept, truth.Record.Normal())
	}
	rng := rand.New(rand.NewPCG(seed, 7))
	rng.Shuffle(len(h.kept), func(i, j int) { h.kept[i], h.kept[j] = h.kept[j], h.kept[i] })
	h.kept = h.kept[:n]
	h.said = make(map[events.RecordKey][]events.Envelope, n)
	for _, k := range h.kept {
		h.said[k] = nil
	}
	for e := range made.Events() {
		switch e.Type {
		case events.CustomerRecordedV1, events.CustomerWithdrawnV1:
			var about struct{ Record events.RecordKey }
			if err := json.Unmarshal(e.Data, &about); err != nil {
				t.Fatal(err)
			}
			k := about.Record.Normal()
			if _, kept := h.said[k]; kept {
				h.said[k] = append(h.said[k], e)
				continue
			}
			h.told = append(h.told, e)
		case events.CustomerMergedAtSourceV1:
			h.told = append(h.told, e)
		}
	}
	return h
}

// state is what a record that was kept back says in the end.
func (h heldOut) state(t testing.TB, k events.RecordKey) record.State {
	t.Helper()
	var s record.State
	for _, e := range h.said[k] {
		if _, err := record.Apply(&s, e); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// TestStoryMatchIsWhatAppendingGives: whom records of a town, kept back, would be is
// whom they are once they are appended, one after the other; nothing is written by asking.
func TestStoryMatchIsWhatAppendingGives(t *testing.T) {
	people, n := 500, 200
	if !testing.Short() {
		people, n = 8000, 2000
	}
	held, b := holdOut(t, people, n, 3), newBench(t, engine(t))
	if _, err := b.log.Append(b.ctx, held.told); err != nil {
		t.Fatal(err)
	}
	if err := b.r.Settle(b.ctx, 500); err != nil {
		t.Fatal(err)
	}
	asked, joins, bridges := 0, 0, 0
	for _, k := range held.kept {
		s := held.state(t, k)
		if s.Live() {
			end := b.end()
			m := answered(b, func() (resolver.Matched, error) { return b.r.Match(b.ctx, k, s) })
			if b.end() != end {
				t.Fatalf("asking about %s wrote to the log", k)
			}
			asked++
			joins += min(1, len(m.Joins))
			bridges += len(m.Joins) / 2
			checkHeldOut(t, b, held, k, m)
		}
	}
	t.Logf("%d asked: %d would join a customer, %d of them bring customers together", asked, joins, bridges)
	if asked < n*9/10 || joins < asked/4 {
		t.Errorf("%d asked, %d join: the town says too little", asked, joins)
	}
}

// checkHeldOut appends what the record states and compares.
func checkHeldOut(t *testing.T, b *bench, held heldOut, k events.RecordKey, m resolver.Matched) {
	t.Helper()
	id := k.UUID()
	for _, g := range m.Joins {
		if !slices.Equal(b.r.Group(g[0]), g) {
			t.Fatalf("joins %v, which is no group", g)
		}
	}
	if _, err := b.log.Append(b.ctx, held.said[k]); err != nil {
		t.Fatal(err)
	}
	if err := b.r.Settle(b.ctx, 500); err != nil {
		t.Fatal(err)
	}
	is := b.r.Group(id)
	foretold := slices.Concat(m.Joins...)
	for _, other := range is {
		if other != id && !slices.Contains(foretold, other) {
			t.Errorf("%s is with %s, which was not foretold: %v", k, other, m.Joins)
		}
	}
	for _, g := range m.Joins {
		if !slices.ContainsFunc(g, func(o uuid.UUID) bool { return o != id && slices.Contains(is, o) }) {
			t.Errorf("%s is not with %v, which was foretold", k, g)
		}
	}
	for _, c := range m.Candidates {
		if c.Joins != slices.Contains(is, c.Record) {
			t.Errorf("%s: candidate %s joins %v; the group is %v", k, c.Record, c.Joins, is)
		}
	}
}

// BenchmarkMatch asks about records of a town that were kept back, of a book that has
// the others.
func BenchmarkMatch(b *testing.B) {
	held, bench := holdOut(b, 20_000, 1000, 5), newBench(b, engine(b))
	if _, err := bench.log.Append(bench.ctx, held.told); err != nil {
		b.Fatal(err)
	}
	if err := bench.r.Settle(bench.ctx, 500); err != nil {
		b.Fatal(err)
	}
	var took []time.Duration
	for b.Loop() {
		k := held.kept[len(took)%len(held.kept)]
		s := held.state(b, k)
		began := time.Now()
		if s.Live() {
			answered(bench, func() (resolver.Matched, error) { return bench.r.Match(bench.ctx, k, s) })
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "max-ms")
}
