package resolver_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"ficha/events"
	"ficha/matching/resolver"
)

// TestMergeUndoneLeavesNoTrace (P4): a history with a merge and its undo somewhere
// in it comes to what it comes to without the two.
func TestMergeUndoneLeavesNoTrace(t *testing.T) {
	checks(t, 100)
	es := engines(t)
	rapid.Check(t, func(t *rapid.T) {
		h, e := &history{t: t}, rapid.SampledFrom(es).Draw(t, "engine")
		a := h.steps(3, 15)
		merge, id := h.judge(h.sets(), rapid.SampledFrom([]events.Verdict{events.VerdictSame, events.VerdictDifferent}).Draw(t, "verdict"))
		h.verdicts = h.verdicts[:len(h.verdicts)-1] // nothing but the undo withdraws it
		b := h.steps(0, 6)
		undo := h.undo(id)
		c := h.steps(0, 6)
		with, without := newBench(t, e), newBench(t, e)
		with.tell(t, slices.Concat(a, []events.Envelope{merge}, b, []events.Envelope{undo}, c))
		without.tell(t, slices.Concat(a, b, c))
		if got, want := with.fold().lines(), without.fold().lines(); got != want {
			t.Fatalf("with merge and undo:\n%s\nwithout:\n%s", got, want)
		}
	})
}

// TestSplitIsTheLogWithoutTheMerge (P4): a history with a merge and a split of it
// comes to what it comes to with the split alone.
func TestSplitIsTheLogWithoutTheMerge(t *testing.T) {
	checks(t, 100)
	es := engines(t)
	rapid.Check(t, func(t *rapid.T) {
		h, e := &history{t: t}, rapid.SampledFrom(es).Draw(t, "engine")
		a := h.steps(3, 15)
		sets := [][]uuid.UUID{{}, {}}
		for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, recordsOfHistory-1), 2, 5, rapid.ID[int]).Draw(t, "merged") {
			side := rapid.IntRange(0, 1).Draw(t, "side")
			sets[side] = append(sets[side], recordKey(i).UUID())
		}
		for i := range sets {
			if len(sets[i]) == 0 {
				sets[i], sets[1-i] = sets[1-i][:1], sets[1-i][1:]
			}
		}
		merge, _ := h.judge([][]uuid.UUID{slices.Concat(sets...)}, events.VerdictSame)
		h.verdicts = h.verdicts[:len(h.verdicts)-1]
		b := h.steps(0, 6)
		split, _ := h.judge(sets, events.VerdictDifferent)
		with, without := newBench(t, e), newBench(t, e)
		with.tell(t, slices.Concat(a, []events.Envelope{merge}, b, []events.Envelope{split}))
		without.tell(t, slices.Concat(a, b, []events.Envelope{split}))
		if got, want := with.fold().lines(), without.fold().lines(); got != want {
			t.Fatalf("with merge and split:\n%s\nwith the split alone:\n%s", got, want)
		}
	})
}

// TestVerdictsSurvive (P5): after records were stated again, withdrawn, revived and
// bridged, in any order of arrival and over restarts, every verdict that no newer one
// contradicts holds; what it decided is no question any more; and those that are left
// out because several newer ones contradict them are brought to a person.
func TestVerdictsSurvive(t *testing.T) {
	checks(t, 150)
	es := engines(t)
	rapid.Check(t, func(t *rapid.T) {
		h, e := &history{t: t}, rapid.SampledFrom(es).Draw(t, "engine")
		all := h.steps(5, 30)
		for i := range rapid.IntRange(0, recordsOfHistory).Draw(t, "stated again") {
			all = append(all, h.stated(recordKey(i)))
		}
		first, second := newBench(t, e), newBench(t, e)
		first.tell(t, all)
		c := first.fold()
		checkVerdicts(t, c, verdictsIn(t, all))
		var shuffled []events.Envelope
		for _, i := range rapid.Permutation(indexes(len(all))).Draw(t, "order") {
			shuffled = append(shuffled, all[i])
		}
		second.tell(t, shuffled)
		if got, want := second.fold().lines(), c.lines(); got != want {
			t.Fatalf("in another order of arrival:\n%s\nwant:\n%s", got, want)
		}
	})
}

// made is a verdict of a history.
type made struct {
	events.IdentityJudged
	id    events.EventID
	holds bool
	alone bool // left out for a single newer one
}

// verdictsIn reads the verdicts that were not taken back, newest first, and says
// which hold: the definition of matching.md §5, tried out on all of them at once.
func verdictsIn(t *rapid.T, evs []events.Envelope) []made {
	gone := map[events.EventID]bool{}
	for _, e := range evs {
		var w events.IdentityJudgementWithdrawn
		if e.Type == events.IdentityJudgementWithdrawnV1 && json.Unmarshal(e.Data, &w) == nil {
			gone[w.Judgement] = true
		}
	}
	var all, kept []made
	for _, e := range slices.Backward(evs) { // a history's events are made in order of time
		if e.Type != events.IdentityJudgedV1 || gone[events.EventID{Source: e.Source, ID: e.ID}] {
			continue
		}
		m := made{id: events.EventID{Source: e.Source, ID: e.ID}}
		if err := json.Unmarshal(e.Data, &m.IdentityJudged); err != nil {
			t.Fatal(err)
		}
		if m.Verdict == events.VerdictUnsure {
			continue
		}
		if m.holds = consistent(append(slices.Clone(kept), m)); m.holds {
			kept = append(kept, m)
		}
		m.alone = !consistent([]made{m}) || slices.ContainsFunc(kept, func(k made) bool { return !consistent([]made{k, m}) })
		all = append(all, m)
	}
	return all
}

// consistent tries whether verdicts can all be true: no record is the same as one
// that it differs from.
func consistent(ms []made) bool {
	same := map[uuid.UUID]uuid.UUID{}
	var root func(uuid.UUID) uuid.UUID
	root = func(x uuid.UUID) uuid.UUID {
		if p, ok := same[x]; ok && p != x {
			return root(p)
		}
		return x
	}
	for _, m := range ms {
		if m.Verdict == events.VerdictSame {
			for _, set := range m.Sets {
				for _, x := range set {
					if a, b := root(set[0]), root(x); a != b {
						same[a] = b
					}
				}
			}
		}
	}
	for _, m := range ms {
		if m.Verdict != events.VerdictDifferent {
			continue
		}
		for i, s := range m.Sets {
			for _, x := range s {
				for _, y := range slices.Concat(m.Sets[i+1:]...) {
					if root(x) == root(y) {
						return false
					}
				}
			}
		}
	}
	return true
}

func checkVerdicts(t *rapid.T, c content, verdicts []made) {
	for _, v := range verdicts {
		for i, s := range v.Sets {
			others := slices.Concat(v.Sets[i+1:]...)
			if v.Verdict == events.VerdictSame {
				others = s
			}
			for _, x := range s {
				for _, y := range others {
					checkPair(t, c, v, x, y)
				}
			}
		}
	}
}

// checkPair looks at two records of which a verdict says something.
func checkPair(t *rapid.T, c content, v made, x, y uuid.UUID) {
	if x == y || c.groups[x] == nil || c.groups[y] == nil {
		return // one is withdrawn, or was never seen
	}
	if slices.Compare(x[:], y[:]) > 0 {
		x, y = y, x
	}
	obeyed := slices.Contains(c.groups[x], y) == (v.Verdict == events.VerdictSame)
	switch {
	case v.holds && !obeyed:
		t.Fatalf("verdict %s (%s) holds, but %s and %s are not so", v.id.ID, v.Verdict, x, y)
	case v.holds && v.Verdict == events.VerdictDifferent && askedAgain(c, x, y):
		t.Fatalf("verdict %s decided about %s and %s, and they are asked about again", v.id.ID, x, y)
	case !v.holds && !v.alone && !obeyed && !conflictBetween(c, v, x, y):
		t.Fatalf("verdict %s is contradicted by several newer ones, and nobody is asked about %s and %s", v.id.ID, x, y)
	}
}

// askedAgain says whether evidence between the customers of two records is still
// brought to a person.
func askedAgain(c content, x, y uuid.UUID) bool {
	for p, l := range c.open {
		between := slices.Contains(c.groups[x], p[0]) && slices.Contains(c.groups[y], p[1]) || slices.Contains(c.groups[x], p[1]) && slices.Contains(c.groups[y], p[0])
		if between && l.RefusedBy != resolver.RefusedVerdictConflict {
			return true
		}
	}
	return false
}

// conflictBetween says whether a pair is brought to a person that stands for x and
// y: of their groups, and named by the verdict.
func conflictBetween(c content, v made, x, y uuid.UUID) bool {
	named := slices.Concat(v.Sets...)
	for p, l := range c.open {
		if l.RefusedBy != resolver.RefusedVerdictConflict || l.Rule != "verdict" || !slices.Contains(named, p[0]) || !slices.Contains(named, p[1]) {
			continue
		}
		if slices.Contains(c.groups[x], p[0]) && slices.Contains(c.groups[y], p[1]) || slices.Contains(c.groups[x], p[1]) && slices.Contains(c.groups[y], p[0]) {
			return true
		}
	}
	return false
}
