package resolver_test

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"ficha/events"
	"ficha/events/record"
	"ficha/matching/resolver"
)

// answered runs a question in a goroutine of its own and has the bench answer it.
func answered[T any](b *bench, question func() (T, error)) T {
	type said struct {
		answer T
		err    error
	}
	done := make(chan said, 1)
	go func() {
		a, err := question()
		done <- said{a, err}
	}()
	b.r.Answer()
	s := <-done
	must(b.t, s.err)
	return s.answer
}

// whole gives the group of a record with all its members, of a snapshot.
func whole(s resolver.Seen, id uuid.UUID) []uuid.UUID { return s.GroupOf(id) }

// groupsAt gives the groups of records, each once, in the order of their first record.
func groupsAt(s resolver.Seen, ids []uuid.UUID) [][]uuid.UUID {
	byFirst := map[uuid.UUID][]uuid.UUID{}
	for _, id := range ids {
		if g := whole(s, id); g != nil {
			byFirst[g[0]] = g
		}
	}
	var out [][]uuid.UUID
	for _, first := range slices.SortedFunc(maps.Keys(byFirst), func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) }) {
		out = append(out, byFirst[first])
	}
	return out
}

// hypothesis draws what a steward may be about to do.
func (h *history) hypothesis() resolver.Hypothesis {
	var out resolver.Hypothesis
	for range rapid.IntRange(0, 2).Draw(h.t, "judged") {
		what := rapid.SampledFrom([]events.Verdict{events.VerdictSame, events.VerdictDifferent, events.VerdictUnsure}).Draw(h.t, "verdict")
		out.Judge = append(out.Judge, events.IdentityJudged{Sets: h.sets(), Verdict: what})
	}
	if len(h.verdicts) > 0 && rapid.Bool().Draw(h.t, "undo") {
		out.Withdraw = []events.EventID{rapid.SampledFrom(h.verdicts).Draw(h.t, "undone")}
	}
	return out
}

// doIt publishes a hypothesis.
func (b *bench) doIt(h resolver.Hypothesis) {
	var evs []events.Envelope
	for i, j := range h.Judge {
		evs = append(evs, event("/ficha/desk", fmt.Sprintf("done%d", i), 1000+i, events.IdentityJudgedV1, j))
	}
	for _, id := range h.Withdraw {
		evs = append(evs, event("/ficha/desk", "taken-"+id.ID, 1010, events.IdentityJudgementWithdrawnV1, events.IdentityJudgementWithdrawn{Judgement: id}))
	}
	if _, err := b.log.Append(b.ctx, evs); err != nil {
		b.t.Fatal(err)
	}
	b.settle()
}

// TestForeseeIsWhatComesOfIt: what is foreseen of verdicts is what they make of the
// customers when they are really given, and foreseeing leaves no trace.
func TestForeseeIsWhatComesOfIt(t *testing.T) {
	checks(t, 150)
	es := engines(t)
	rapid.Check(t, func(t *rapid.T) {
		h, e := &history{t: t}, rapid.SampledFrom(es).Draw(t, "engine")
		b := newBench(t, e)
		b.tell(t, h.steps(3, 25))
		what := h.hypothesis()
		end, before := b.end(), b.r.Snapshot()
		f := answered(b, func() (resolver.Foresight, error) { return b.r.Foresee(b.ctx, what) })
		if d := before.Difference(b.r.Snapshot()); d != "" || b.end() != end {
			t.Fatalf("foreseeing left a trace: log %d → %d, %s", end, b.end(), d)
		}
		b.doIt(what)
		after, open := b.r.Snapshot(), b.fold().open
		checkForesight(t, f, what, before, after, open)
	})
}

func (b *bench) end() events.Position {
	end, err := b.log.End(b.ctx)
	must(b.t, err)
	return end
}

func checkForesight(t *rapid.T, f resolver.Foresight, what resolver.Hypothesis, before, after resolver.Seen, open map[[2]uuid.UUID]events.IdentityLink) {
	told := slices.Concat(f.After...)
	if got := groupsAt(before, told); !reflect.DeepEqual(got, f.Before) {
		t.Fatalf("before: foreseen %v, was %v", f.Before, got)
	}
	if got := groupsAt(after, told); !reflect.DeepEqual(got, f.After) {
		t.Fatalf("after: foreseen %v, is %v", f.After, got)
	}
	if !sameRecords(f.Before, f.After) {
		t.Fatalf("before %v and after %v are about other records", f.Before, f.After)
	}
	for id := range after.Members {
		if !slices.Contains(told, id) && !slices.Equal(whole(before, id), whole(after, id)) {
			t.Fatalf("the group of %s changed from %v to %v, which was not foreseen", id, whole(before, id), whole(after, id))
		}
	}
	for _, j := range what.Judge {
		for _, id := range slices.Concat(j.Sets...) {
			if whole(before, id) != nil && !slices.Contains(told, id) {
				t.Fatalf("nothing is told of %s, which is named", id)
			}
		}
	}
	want := map[[2]uuid.UUID]events.IdentityLink{}
	for p, l := range open {
		if slices.Contains(told, p[0]) || slices.Contains(told, p[1]) {
			want[p] = l
		}
	}
	got := map[[2]uuid.UUID]events.IdentityLink{}
	for _, l := range f.Potential {
		got[[2]uuid.UUID{l.A, l.B}] = l
	}
	if len(got) != len(f.Potential) || !reflect.DeepEqual(got, want) {
		t.Fatalf("potential: foreseen %v, is %v", got, want)
	}
}

func sameRecords(a, b [][]uuid.UUID) bool {
	sorted := func(groups [][]uuid.UUID) []uuid.UUID {
		return slices.SortedFunc(slices.Values(slices.Concat(groups...)), func(x, y uuid.UUID) int { return slices.Compare(x[:], y[:]) })
	}
	return slices.Equal(sorted(a), sorted(b))
}

// TestMatchIsWhatAppendingGives: whom a record would be one customer with is whom it
// is one customer with once it is appended, also where the hub knows it already; and
// asking leaves no trace.
func TestMatchIsWhatAppendingGives(t *testing.T) {
	checks(t, 150)
	es := engines(t)
	rapid.Check(t, func(t *rapid.T) {
		h, e := &history{t: t, pool: rapid.SampledFrom([]int{recordsOfHistory, 30}).Draw(t, "pool")}, rapid.SampledFrom(es).Draw(t, "engine")
		b := newBench(t, e)
		b.tell(t, h.steps(3, 3*h.pool))
		k := h.key()
		if rapid.Bool().Draw(t, "unheard of") {
			k = events.RecordKey{Source: "/new", ID: "n"}
		}
		said := h.stated(k)
		end, before := b.end(), b.r.Snapshot()
		m := b.match(k, said)
		if d := before.Difference(b.r.Snapshot()); d != "" || b.end() != end {
			t.Fatalf("asking left a trace: log %d → %d, %s", end, b.end(), d)
		}
		if m.Known != (whole(before, k.UUID()) != nil) || m.Position == 0 {
			t.Fatalf("known %v at %d", m.Known, m.Position)
		}
		if _, err := b.log.Append(b.ctx, []events.Envelope{said}); err != nil {
			t.Fatal(err)
		}
		b.settle()
		checkMatched(t, m, k.UUID(), before, b.r.Snapshot())
	})
}

// match asks about a record that says something more.
func (b *bench) match(k events.RecordKey, said events.Envelope) resolver.Matched {
	state, err := b.r.Recorded(b.ctx, k)
	must(b.t, err)
	if _, err := record.Apply(&state, said); err != nil {
		b.t.Fatal(err)
	}
	return answered(b, func() (resolver.Matched, error) { return b.r.Match(b.ctx, k, state) })
}

func checkMatched(t failer, m resolver.Matched, id uuid.UUID, before, after resolver.Seen) {
	joined := slices.DeleteFunc(slices.Clone(whole(after, id)), func(o uuid.UUID) bool { return o == id })
	if want := groupsAt(before, joined); !reflect.DeepEqual(m.Joins, want) {
		t.Fatalf("joins %v; appending gave %v", m.Joins, want)
	}
	seen := map[uuid.UUID]bool{}
	for i, c := range m.Candidates {
		if c.Joins != slices.Contains(joined, c.Record) || !slices.Equal(c.Group, whole(before, c.Record)) || c.Record == id || seen[c.Record] {
			t.Fatalf("candidate %+v; group %v", c, whole(after, id))
		}
		seen[c.Record] = true
		sum := int64(0)
		for _, r := range c.Explanation.Rows {
			sum += r.Weight
		}
		if sum != c.Weight || c.Explanation.Total != c.Weight || i > 0 && c.Weight > m.Candidates[i-1].Weight {
			t.Fatalf("candidate %d weighs %d, its rows %d", i, c.Weight, sum)
		}
	}
	for o, weight := range after.Edges[id] {
		if !seen[o] && len(m.Candidates) < 20 {
			t.Fatalf("%s, which weighs %d, is no candidate", o, weight)
		}
	}
}

// TestMatchSaysNothingOfNothing: a record that states nothing is not compared.
func TestMatchSaysNothingOfNothing(t *testing.T) {
	h := newHub(t)
	if _, err := h.r.Match(t.Context(), recordKey(1), record.State{}); !errors.Is(err, events.ErrInvalid) {
		t.Errorf("an empty record: %v", err)
	}
}
