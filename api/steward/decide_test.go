package steward_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"ficha/api/steward"
	"ficha/api/steward/stewardtest"
	"ficha/events"
	"ficha/projections/review"
)

// withTwins gives a world with n pairs in its queue.
func withTwins(t testing.TB, n int) *stewardtest.World {
	t.Helper()
	w := stewardtest.New(t)
	for i := range n {
		w.Publish(w.Twins(i)...)
	}
	w.Settle()
	if open := w.Open(); len(open) != n {
		t.Fatalf("%d items wait, want %d", len(open), n)
	}
	return w
}

func decided(by string, v events.Verdict) steward.Ruling {
	return steward.Ruling{Verdict: v, By: by, Reason: "looked at it"}
}

// together says whether the records with these numbers are one customer.
func together(w *stewardtest.World, a, b int) bool {
	return w.Customer(stewardtest.Key(a)) == w.Customer(stewardtest.Key(b))
}

func mark(of string) steward.Request { return steward.Request{IfMatch: "*", Mark: of} }

func wantConflict(t testing.TB, err error, what, by string) *steward.Conflict {
	t.Helper()
	var c *steward.Conflict
	if !errors.As(err, &c) || c.What != what || c.By != by || !errors.Is(err, events.ErrConflict) {
		t.Fatalf("got %v, %+v; want a conflict: %s by %q", err, c, what, by)
	}
	return c
}

// TestDecideAndUndo answers each item kind of way, and takes it back: the world is
// what it was before.
func TestDecideAndUndo(t *testing.T) {
	w := withTwins(t, 3)
	before := w.Digest()
	for i, verdict := range []events.Verdict{events.VerdictSame, events.VerdictDifferent, events.VerdictUnsure} {
		item := w.Item(review.PairID(stewardtest.Key(2*i).UUID(), stewardtest.Key(2*i+1).UUID()))
		done, err := w.Desk.Decide(t.Context(), item.ID, decided("ana", verdict), steward.Request{IfMatch: item.ETag, Mark: "m1"})
		if err != nil || !done.Resolved || done.Status != events.StatusAppended || len(done.Events) != 1 {
			t.Fatalf("%s: %+v, %v", verdict, done, err)
		}
		if got := together(w, 2*i, 2*i+1); got != (verdict == events.VerdictSame) {
			t.Errorf("%s: one customer: %v", verdict, got)
		}
		after := w.Item(item.ID)
		want := review.StateDecided
		if verdict == events.VerdictUnsure {
			want = review.StateUnsure
		}
		if d := after.Decision; after.State != want || d == nil || d.By != "ana" || d.Verdict != verdict || d.Reason != "looked at it" || after.ETag == item.ETag {
			t.Errorf("%s: the item is %+v", verdict, after)
		}
		undone, err := w.Desk.Undo(t.Context(), item.ID, "eva", "slip", steward.Request{Mark: "m2"})
		if err != nil || !undone.Resolved {
			t.Fatalf("undo %s: %+v, %v", verdict, undone, err)
		}
		if got := w.Digest(); got != before || together(w, 2*i, 2*i+1) {
			t.Errorf("undo %s: the world is another one", verdict)
		}
		again, err := w.Desk.Undo(t.Context(), item.ID, "eva", "slip", steward.Request{Mark: "m2"})
		if err != nil || again.Status != events.StatusDuplicate || again.Position != undone.Position {
			t.Errorf("the same undo again: %+v, %v", again, err)
		}
		if _, err := w.Desk.Undo(t.Context(), item.ID, "leo", "", steward.Request{Mark: "m3"}); !errors.Is(err, steward.ErrNotDecided) {
			t.Errorf("another undo: %v", err)
		}
	}
}

// TestTheSameDecisionAgain is one event, whenever it comes.
func TestTheSameDecisionAgain(t *testing.T) {
	w := withTwins(t, 1)
	item := w.Item(w.Open()[0].ID)
	q := steward.Request{IfMatch: item.ETag, Mark: "m"}
	first, err := w.Desk.Decide(t.Context(), item.ID, decided("ana", events.VerdictSame), q)
	if err != nil {
		t.Fatal(err)
	}
	end := w.Settle()
	for _, q := range []steward.Request{q, mark("m")} {
		again, err := w.Desk.Decide(t.Context(), item.ID, decided("ana", events.VerdictSame), q)
		if err != nil || again.Status != events.StatusDuplicate || again.Position != first.Position || !again.Resolved || !slices.Equal(again.Events, first.Events) {
			t.Errorf("again with %s: %+v, %v; first %+v", q.IfMatch, again, err, first)
		}
	}
	if now := w.Settle(); now != end {
		t.Errorf("it wrote up to %d, had %d", now, end)
	}
	for _, ifMatch := range []string{item.ETag, "*"} {
		_, err := w.Desk.Decide(t.Context(), item.ID, decided("ana", events.VerdictDifferent), steward.Request{IfMatch: ifMatch, Mark: "other"})
		c := wantConflict(t, err, steward.WhatDecided, "ana")
		if c.Verdict != events.VerdictSame || c.At.IsZero() || c.ETag != w.Item(item.ID).ETag {
			t.Errorf("%s: %+v", ifMatch, c)
		}
		_, err = w.Desk.Claim(t.Context(), item.ID, "leo", ifMatch)
		wantConflict(t, err, steward.WhatDecided, "ana")
	}
	now := w.Item(item.ID).ETag
	if _, err := w.Desk.Decide(t.Context(), item.ID, decided("leo", events.VerdictDifferent), steward.Request{IfMatch: now, Mark: "other"}); !errors.Is(err, steward.ErrDecided) {
		t.Errorf("who saw that it is decided: %v", err)
	}
	if _, err := w.Desk.Claim(t.Context(), item.ID, "leo", now); !errors.Is(err, steward.ErrDecided) {
		t.Errorf("who saw that it is decided claims: %v", err)
	}
}

// TestTwoStewardsAtOnce: of many who decide one version, the log takes one; the
// others are told who, when and what.
func TestTwoStewardsAtOnce(t *testing.T) {
	w := withTwins(t, 12)
	for _, open := range w.Open() {
		item := w.Item(open.ID)
		names, verdicts := []string{"ana", "leo", "eva"}, []events.Verdict{events.VerdictSame, events.VerdictDifferent, events.VerdictSame}
		errs := make([]error, len(names))
		var wg sync.WaitGroup
		for i := range names {
			wg.Go(func() {
				_, errs[i] = w.Desk.Decide(t.Context(), item.ID, decided(names[i], verdicts[i]), steward.Request{IfMatch: item.ETag, Mark: names[i]})
			})
		}
		wg.Wait()
		winner := slices.Index(errs, nil)
		if winner < 0 {
			t.Fatalf("nobody won: %v", errs)
		}
		for i, err := range errs {
			if i == winner {
				continue
			}
			if c := wantConflict(t, err, steward.WhatDecided, names[winner]); c.Verdict != verdicts[winner] || c.At.IsZero() {
				t.Errorf("%s was told %+v", names[i], c)
			}
		}
		w.Settle()
		if d := w.Item(item.ID).Decision; d.By != names[winner] || len(d.Events) != 1 {
			t.Errorf("the item says %+v, %s won", d, names[winner])
		}
	}
}

// TestWhoMayDecide goes through what an If-Match can say.
func TestWhoMayDecide(t *testing.T) {
	w := withTwins(t, 2)
	item := w.Item(w.Open()[0].ID)
	decide := func(by, ifMatch string) error {
		_, err := w.Desk.Decide(t.Context(), item.ID, decided(by, events.VerdictUnsure), steward.Request{IfMatch: ifMatch, Mark: by + ifMatch})
		return err
	}
	if err := decide("ana", " "); !errors.Is(err, steward.ErrPrecondition) {
		t.Errorf("no If-Match: %v", err)
	}
	wantConflict(t, decide("ana", `"1-0"`), steward.WhatChanged, "")
	wantConflict(t, decide("ana", "W/"+item.ETag), steward.WhatChanged, "")
	claimed, err := w.Desk.Claim(t.Context(), item.ID, "leo", item.ETag)
	if err != nil || claimed.ETag == item.ETag || claimed.Claim.By != "leo" {
		t.Fatalf("claim: %+v, %v", claimed, err)
	}
	if c := wantConflict(t, decide("ana", item.ETag), steward.WhatClaimed, "leo"); c.At.IsZero() || c.ETag != claimed.ETag {
		t.Errorf("told %+v", c)
	}
	wantConflict(t, decide("ana", "*"), steward.WhatClaimed, "leo")
	if err := decide("leo", item.ETag); err != nil {
		t.Errorf("the claimer himself, with the tag from before: %v", err)
	}
	if v := w.Item(item.ID); v.Claim != nil {
		t.Errorf("the claim outlives the decision: %+v", v.Claim)
	}
	other := w.Item(w.Open()[0].ID)
	held, err := w.Desk.Claim(t.Context(), other.ID, "leo", "*")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Desk.Decide(t.Context(), other.ID, decided("ana", events.VerdictSame), steward.Request{IfMatch: `"0-0", ` + held.ETag}); err != nil {
		t.Errorf("who has seen the claim may decide: %v", err)
	}
}

// TestClaims: they are renewed, let go, taken over by who has seen them, and run out.
func TestClaims(t *testing.T) {
	w := withTwins(t, 1)
	id := w.Open()[0].ID
	claim := func(by, ifMatch string) steward.View {
		t.Helper()
		v, err := w.Desk.Claim(t.Context(), id, by, ifMatch)
		if err != nil {
			t.Fatalf("%s claims with %s: %v", by, ifMatch, err)
		}
		if now := w.Item(id); now.ETag != v.ETag || now.Claim == nil || now.Claim.By != by {
			t.Fatalf("%s claimed, but the item says %+v, %s", by, now.Claim, now.ETag)
		}
		return v
	}
	first := claim("ana", w.Item(id).ETag)
	w.Advance(10 * time.Minute)
	if renewed := claim("ana", first.ETag); !renewed.Claim.Until.After(first.Claim.Until) || renewed.ETag == first.ETag {
		t.Errorf("not renewed: %+v", renewed.Claim)
	}
	_, err := w.Desk.Claim(t.Context(), id, "leo", "*")
	wantConflict(t, err, steward.WhatClaimed, "ana")
	_, err = w.Desk.Release(t.Context(), id, "leo", first.ETag)
	wantConflict(t, err, steward.WhatClaimed, "ana")
	taken := claim("leo", w.Item(id).ETag)
	if v, err := w.Desk.Release(t.Context(), id, "leo", taken.ETag); err != nil || v.Claim != nil || w.Item(id).Claim != nil {
		t.Errorf("release: %+v, %v", v.Claim, err)
	}
	if v, err := w.Desk.Release(t.Context(), id, "leo", "*"); err != nil || v.Claim != nil {
		t.Errorf("release of nothing: %+v, %v", v.Claim, err)
	}
	claim("ana", "*")
	if ids, err := w.Desk.ClaimedBy(t.Context(), "ana"); err != nil || len(ids) != 1 || ids[0] != id {
		t.Errorf("ana's: %v, %v", ids, err)
	}
	w.Advance(15 * time.Minute)
	if v := w.Item(id); v.Claim != nil {
		t.Errorf("it has not run out: %+v", v.Claim)
	}
	if ids, err := w.Desk.ClaimedBy(t.Context(), "ana"); err != nil || len(ids) != 0 {
		t.Errorf("ana's after that: %v, %v", ids, err)
	}
	claim("leo", "*")
	w.Advance(25 * time.Hour)
	if err := w.Desk.SweepClaims(t.Context()); err != nil {
		t.Fatal(err)
	}
	if keys, err := w.Claims.Keys(t.Context()); err != nil || len(keys) != 0 {
		t.Errorf("swept: %v, %v", keys, err)
	}
}

// TestClaimsAtOnce: of those who claim with one tag, one gets it.
func TestClaimsAtOnce(t *testing.T) {
	w := withTwins(t, 1)
	item := w.Item(w.Open()[0].ID)
	errs := make([]error, 8)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { _, errs[i] = w.Desk.Claim(t.Context(), item.ID, fmt.Sprint("s", i), item.ETag) })
	}
	wg.Wait()
	got := 0
	for _, err := range errs {
		if err == nil {
			got++
		} else if !errors.Is(err, events.ErrConflict) {
			t.Errorf("%v", err)
		}
	}
	if by := w.Item(item.ID).Claim.By; got != 1 || errs[by[1]-'0'] != nil {
		t.Errorf("%d got it, %s has it: %v", got, by, errs)
	}
}

// TestVerdictsSurvive a new import, a restart and a rebuild.
func TestVerdictsSurvive(t *testing.T) {
	w := withTwins(t, 2)
	for i, v := range []events.Verdict{events.VerdictSame, events.VerdictDifferent} {
		id := review.PairID(stewardtest.Key(2*i).UUID(), stewardtest.Key(2*i+1).UUID())
		if _, err := w.Desk.Decide(t.Context(), id, decided("ana", v), mark("m")); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when string) {
		t.Helper()
		w.Settle()
		if !together(w, 0, 1) || together(w, 2, 3) || len(w.Open()) != 0 {
			t.Errorf("%s: %v, %v, %d open", when, together(w, 0, 1), together(w, 2, 3), len(w.Open()))
		}
	}
	check("at once")
	w.Publish(w.Twins(0)...)
	w.Publish(w.Twins(1)...)
	check("imported again")
	digest := w.Digest()
	w.Restart()
	check("restarted")
	w.Rebuild()
	check("rebuilt")
	if w.Digest() != digest {
		t.Error("rebuilt: the world is another one")
	}
}

// TestNothingToDecide: ids of nothing, and verdicts, which are only undone.
func TestNothingToDecide(t *testing.T) {
	w := withTwins(t, 1)
	if _, err := w.Desk.Decide(t.Context(), uuid.New(), decided("ana", events.VerdictSame), mark("m")); !errors.Is(err, events.ErrNotFound) {
		t.Errorf("no item: %v", err)
	}
	id := w.Open()[0].ID
	done, err := w.Desk.Decide(t.Context(), id, decided("ana", events.VerdictSame), mark("m"))
	if err != nil {
		t.Fatal(err)
	}
	verdict := review.VerdictID(done.Events[0])
	var misfit *steward.Misfit
	if _, err := w.Desk.Decide(t.Context(), verdict, decided("ana", events.VerdictDifferent), mark("m2")); !errors.As(err, &misfit) {
		t.Errorf("a verdict was decided: %v", err)
	}
	if _, err := w.Desk.Claim(t.Context(), verdict, "ana", "*"); !errors.Is(err, steward.ErrDecided) {
		t.Errorf("a verdict was claimed: %v", err)
	}
	undone, err := w.Desk.Undo(t.Context(), verdict, "ana", "", steward.Request{Mark: "u"})
	if err != nil || !undone.Resolved || together(w, 0, 1) {
		t.Errorf("undo by the verdict: %+v, %v", undone, err)
	}
	if v := w.Item(verdict); v.State != review.StateWithdrawn || v.Decision.Withdrawn.By != "ana" {
		t.Errorf("the verdict is %+v", v)
	}
	_, err = w.Desk.Undo(t.Context(), verdict, "leo", "", steward.Request{IfMatch: `"1-0"`, Mark: "u2"})
	wantConflict(t, err, steward.WhatUndone, "ana")
}
