package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

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
)

// TestStoryUndoLosesNothing runs random histories of records, verdicts, undos,
// splits, withdrawals and interactions twice: once as they were, once without a
// merge that was undone (or that a split overrode). Both say the same about the
// world. 100 histories a round; FICHA_ROUNDS=200 gives 20,000.
func TestStoryUndoLosesNothing(t *testing.T) {
	models, err := matching.DefaultModels()
	if err != nil {
		t.Fatal(err)
	}
	seed := uint64(time.Now().UnixNano())
	n := 100 * rounds(3)
	t.Logf("%d histories, seed %d", n, seed)
	var wg sync.WaitGroup
	var mu sync.Mutex
	merged := 0
	for worker := range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			engine := matching.NewEngine(models)
			for i := worker; i < n && !t.Failed(); i += runtime.GOMAXPROCS(0) {
				if undoOnce(t, engine, seed, uint64(i)) {
					mu.Lock()
					merged++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if merged < n/5 && !t.Failed() {
		t.Errorf("only %d of %d merges changed anything: this test shows too little", merged, n)
	}
}

// undoOnce checks one history. It says whether the merge had an effect while it
// was in force.
func undoOnce(t *testing.T, engine *matching.Engine, seed, i uint64) bool {
	rng := rand.New(rand.NewPCG(seed, i))
	h := newHistory(rng)
	for range 4 + rng.IntN(6) {
		h.step()
	}
	for len(h.keys) < 2 {
		h.recorded()
	}
	merge := h.judged(events.VerdictSame)
	atMerge := len(h.steps)
	for range rng.IntN(4) {
		h.step()
	}
	without := func(ids ...string) []events.Envelope {
		return slices.DeleteFunc(slices.Clone(h.steps), func(e events.Envelope) bool { return slices.Contains(ids, e.ID) })
	}
	var spared []events.Envelope
	form := "undone"
	if rng.IntN(2) == 0 {
		taken := h.takenBack(merge)
		for range rng.IntN(4) {
			h.step()
		}
		spared = without(merge, taken)
	} else {
		form = "split"
		h.splitAlong(merge)
		h.decided = true // a newer word on these records would outrank the split
		for range rng.IntN(4) {
			h.step()
		}
		spared = without(merge)
	}
	cuts := rng.Uint64()
	got, want := contentAfter(t, engine, h.steps, cuts), contentAfter(t, engine, spared, cuts)
	if !slices.Equal(got, want) {
		t.Errorf("history %d of seed %d, %s:\n%s\n--- says\n%s\n--- and without it\n%s", i, seed, form, h, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	before, after := contentAfter(t, engine, h.steps[:atMerge-1], cuts), contentAfter(t, engine, h.steps[:atMerge], cuts)
	return !slices.Equal(before, after)
}

// history is a random life of a few records.
type history struct {
	rng     *rand.Rand
	steps   []events.Envelope
	decided bool                     // no more verdicts
	keys    []events.RecordKey       // of records so far
	sets    map[string][][]uuid.UUID // of verdicts, by event id
}

func newHistory(rng *rand.Rand) *history {
	return &history{rng: rng, sets: map[string][][]uuid.UUID{}}
}

func (h *history) String() string {
	var b strings.Builder
	for _, e := range h.steps {
		fmt.Fprintf(&b, "%s %s %s\n", e.ID, e.Type, e.Data)
	}
	return b.String()
}

// add appends an event; time moves on, so that later verdicts are newer.
func (h *history) add(source string, typ events.Type, data any) string {
	raw, err := json.Marshal(data)
	if err != nil {
		panic(err) // the tests' own structs
	}
	id := fmt.Sprintf("e%d", len(h.steps))
	at := time.Date(2026, 3, 2, 9, len(h.steps), 0, 0, time.UTC)
	h.steps = append(h.steps, events.Envelope{ID: id, Source: source, SpecVersion: "1.0", Type: typ, Time: at, Data: raw})
	return id
}

// step adds something at random; records first, since the rest needs them.
func (h *history) step() {
	n := h.rng.IntN(20)
	switch {
	case len(h.keys) < 2 || n < 9:
		h.recorded()
	case n < 11:
		k := h.key()
		h.add(k.Source, events.CustomerWithdrawnV1, events.CustomerWithdrawn{Record: events.Record{RecordKey: k}, Reason: "deleted"})
	case n >= 11 && n < 16 && h.decided:
		h.rang()
	case n < 13:
		h.judged(events.VerdictSame)
	case n < 15:
		h.judged(events.VerdictDifferent)
	case n < 16 && len(h.sets) > 0:
		h.takenBack(h.anyVerdict())
	case n < 18:
		h.rang()
	default:
		k := h.key()
		h.add(k.Source, events.ContactStatedV1, events.ContactStated{
			Choice: []events.Choice{events.Deny, events.Allow}[h.rng.IntN(2)], Records: []events.RecordKey{k},
			Scope: events.Scope{Purposes: []string{"marketing"}}, StatedAt: "2026-03-02T08:00:00Z",
		})
	}
}

func (h *history) key() events.RecordKey { return h.keys[h.rng.IntN(len(h.keys))] }

// recorded states one of eight records of five people, two of whom share a name
// and three a telephone number, so that some match, some nearly.
func (h *history) recorded() {
	i := h.rng.IntN(8)
	people := [...]struct{ given, family, phone, born string }{
		{"Ana Lucía", "Barrientos", "+50255120001", "1980-02-11"}, {"Ana", "Barrientos", "+50255120001", "1980-02-11"},
		{"Ana L.", "Barrientos", "+50255129999", ""}, {"Luis", "Barrientos", "+50255120001", "1978-05-01"},
		{"Marta", "Quiñónez", "+50255120004", "1991-12-30"}, {"Martha", "Quiñonez", "+50255120004", ""},
		{"Luis", "Barrientos", "", "1978-05-01"}, {"Rosa", "Tzoc", "+50255120001", "1966-01-09"},
	}
	key := events.RecordKey{Source: []string{"/crm/bank", "/core/bank", "/shop"}[i%3], Stream: events.DefaultStream, ID: fmt.Sprint("r", i)}
	if !slices.Contains(h.keys, key) {
		h.keys = append(h.keys, key)
	}
	p := people[(i+h.rng.IntN(2))%len(people)] // a record is edited into somebody else's now and then
	c := events.CustomerRecorded{
		Record: events.Record{RecordKey: key}, Kind: events.Person, Mode: events.ModeFull,
		Names: []events.Name{{Given: p.given, Family: p.family}}, BirthDate: p.born,
	}
	if p.phone != "" {
		c.Phones = []events.Phone{{Value: p.phone}}
	}
	h.add(key.Source, events.CustomerRecordedV1, c)
}

// judged has a steward decide about two to four records.
func (h *history) judged(v events.Verdict) string {
	ids := make([]uuid.UUID, 0, len(h.keys))
	for _, i := range h.rng.Perm(len(h.keys))[:min(len(h.keys), 2+h.rng.IntN(3))] {
		ids = append(ids, h.keys[i].UUID())
	}
	sets := [][]uuid.UUID{ids}
	if cut := 1 + h.rng.IntN(len(ids)); v == events.VerdictDifferent && cut < len(ids) {
		sets = [][]uuid.UUID{ids[:cut], ids[cut:]}
	}
	id := h.add("/steward", events.IdentityJudgedV1, events.IdentityJudged{Sets: sets, Verdict: v, By: "s1"})
	h.sets[id] = sets
	return id
}

func (h *history) anyVerdict() string {
	var ids []string
	for _, e := range h.steps {
		if _, ok := h.sets[e.ID]; ok {
			ids = append(ids, e.ID)
		}
	}
	return ids[h.rng.IntN(len(ids))]
}

func (h *history) takenBack(verdict string) string {
	return h.add("/steward", events.IdentityJudgementWithdrawnV1, events.IdentityJudgementWithdrawn{
		Judgement: events.EventID{Source: "/steward", ID: verdict}, By: "s2",
	})
}

// splitAlong says that the records of a merge are different, in two parts.
func (h *history) splitAlong(merge string) {
	ids := h.sets[merge][0]
	cut := 1 + h.rng.IntN(len(ids)-1)
	sets := [][]uuid.UUID{ids[:cut], ids[cut:]}
	id := h.add("/steward", events.IdentityJudgedV1, events.IdentityJudged{Sets: sets, Verdict: events.VerdictDifferent, By: "s2"})
	h.sets[id] = sets
}

// rang is a call of a customer, or of a number alone.
func (h *history) rang() {
	k := h.key()
	i := events.InteractionRecorded{
		Record:   events.Record{RecordKey: events.RecordKey{Source: "/pbx", Stream: "call", ID: fmt.Sprint("c", h.rng.IntN(5))}},
		Customer: &k, Channel: "voice", Direction: "inbound", StartedAt: "2026-03-02T08:30:00Z",
	}
	if h.rng.IntN(2) == 0 {
		i.Customer, i.ContactPoints = nil, []events.ContactPoint{{Phone: "+50255120001"}}
	}
	h.add("/pbx", events.InteractionRecordedV1, i)
}

// contentAfter runs events through a log, the resolver and the folds, in cuts of
// random size, with a restart of the resolver in between, and gives what they say.
func contentAfter(t *testing.T, engine *matching.Engine, evs []events.Envelope, cuts uint64) []string {
	now := func() time.Time { return time.Date(2026, 9, 2, 0, 0, 0, 0, time.UTC) }
	log, state, store := eventstest.NewLog(now), resolvertest.NewMemory(), projectionstest.NewMemory()
	rng := rand.New(rand.NewPCG(cuts, 1))
	for len(evs) > 0 {
		r, err := resolver.New(resolver.Config{Log: log, State: state, Engine: engine, Clock: now})
		if err != nil {
			t.Error(err)
			return nil
		}
		r.Start(t.Context())
		for rest := 1 + rng.IntN(len(evs)); rest > 0; {
			n := 1 + rng.IntN(rest)
			if _, err := log.Append(t.Context(), evs[:n]); err != nil {
				t.Error(err)
			}
			evs, rest = evs[n:], rest-n
			settleResolver(t, log, state)
		}
		r.Stop()
	}
	for _, cfg := range []runner.Config{
		{Name: mainRunner, Folds: []projections.Fold{golden.New(), timeline.New()}},
		{Name: contact.Name, Lane: events.LaneContact, Folds: []projections.Fold{contact.NewFold()}},
	} {
		cfg.Log, cfg.Store, cfg.Workers = log, store, 1
		if _, err := runner.Rebuild(t.Context(), cfg, 0, nil); err != nil {
			t.Error(err)
		}
	}
	return contentLines(t, store)
}

// settleResolver waits until the resolver has read all of its two lanes, its own
// decisions among them.
func settleResolver(t *testing.T, log events.Log, state resolver.State) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		at, err := state.Cursor(ctx)
		records, err2 := log.LaneEnd(ctx, events.LaneRecord)
		decisions, err3 := log.LaneEnd(ctx, events.LaneIdentity)
		if err != nil || err2 != nil || err3 != nil {
			t.Error(err, err2, err3)
			return
		}
		if at.Record >= records && at.Identity >= decisions {
			return
		}
		time.Sleep(20 * time.Microsecond)
	}
}

func contentLines(t *testing.T, store projections.Store) []string {
	snap, err := store.Snapshot(t.Context())
	if err != nil {
		t.Error(err)
		return nil
	}
	defer snap.Close()
	var lines []string
	for _, read := range []func(context.Context, projections.Reader) ([]string, error){golden.Content, timeline.Content, contact.Content} {
		more, err := read(t.Context(), snap)
		if err != nil {
			t.Error(err)
		}
		lines = append(lines, more...)
	}
	slices.Sort(lines)
	return lines
}
