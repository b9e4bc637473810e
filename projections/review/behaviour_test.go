package review

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"ficha/events"
)

// wantItem fails unless an item is there in a state.
func (w *world) wantItem(id uuid.UUID, s State) Item {
	w.t.Helper()
	it := w.item(id)
	if it.State != s {
		w.t.Fatalf("item is %s, want %s: %s", it.State, s, asText(it))
	}
	return it
}

func (w *world) wantNone(id uuid.UUID) {
	w.t.Helper()
	if it, err := Get(w.t.Context(), w.snapshot(), id); !errors.Is(err, events.ErrNotFound) {
		w.t.Fatalf("got %s, %v, want none", asText(it), err)
	}
}

func (w *world) list(f Filter) []uuid.UUID {
	w.t.Helper()
	items, next, err := List(w.t.Context(), w.snapshot(), f, "", 0)
	if err != nil || next != "" {
		w.t.Fatalf("list: next %q, %v", next, err)
	}
	var ids []uuid.UUID
	for _, it := range items {
		ids = append(ids, it.ID)
	}
	return ids
}

func TestPairIsDecidedAtOnceAndOpenAgainWhenTakenBack(t *testing.T) {
	w := newWorld(t)
	w.records(1, 2)
	w.resolve(events.IdentityResolved{Potential: []events.IdentityLink{potential(1, 2, 500, "")}}, []int{1}, []int{2})
	id := PairID(idOf(1), idOf(2))
	open := w.wantItem(id, StateOpen)
	if !open.OpenedAt.Equal(at(10_002)) || !open.DueAt.Equal(at(10_002).AddDate(0, 0, 7)) || open.Version != 3 || open.Pattern != "name=same; birth_date=close" {
		t.Fatalf("opened %s", asText(open))
	}

	same := w.judgeAs(StewardSource, DecisionEventID(id, open.Version, 0), at(50), events.VerdictSame, []int{1, 2})
	decided := w.wantItem(id, StateDecided)
	if d := decided.Decision; d.Verdict != events.VerdictSame || d.By != "rosa" || d.Job != "j1" || !slices.Equal(d.Events, []events.EventID{same}) || decided.Version != 4 {
		t.Fatalf("decided %s", asText(decided))
	}
	w.resolve(events.IdentityResolved{}, []int{1, 2})
	if now := w.wantItem(id, StateDecided); asText(now) != asText(decided) {
		t.Fatalf("the resolver's answer changed the decided item:\n%s\n%s", asText(now), asText(decided))
	}

	w.withdraw(same)
	w.wantNone(id) // still one customer: nothing to ask
	w.resolve(events.IdentityResolved{Potential: []events.IdentityLink{potential(1, 2, 500, "")}}, []int{1}, []int{2})
	again := w.wantItem(id, StateOpen)
	if again.Decision != nil || again.Version != 7 || !again.OpenedAt.Equal(at(10_006)) {
		t.Fatalf("open again as %s", asText(again))
	}
}

func TestVerdictFromElsewhereDecides(t *testing.T) {
	w := newWorld(t)
	w.records(1, 2, 3, 4)
	w.resolve(events.IdentityResolved{}, []int{1, 3})
	w.resolve(events.IdentityResolved{Potential: []events.IdentityLink{potential(1, 2, 500, "")}}, []int{1, 3}, []int{2})
	id := PairID(idOf(1), idOf(2))
	elsewhere := w.judge(events.VerdictDifferent, []int{3}, []int{2}) // names another record of the first customer
	if it := w.wantItem(id, StateDecided); it.Decision.Events[0] != elsewhere {
		t.Fatalf("decided by %v", it.Decision.Events)
	}
	newer := w.judge(events.VerdictSame, []int{1, 2, 3})
	if it := w.wantItem(id, StateDecided); it.Decision.Verdict != events.VerdictSame {
		t.Fatalf("the newest verdict does not decide: %s", asText(it))
	}
	w.withdraw(newer)
	if it := w.wantItem(id, StateDecided); it.Decision.Events[0] != elsewhere {
		t.Fatalf("decided by %v", it.Decision.Events)
	}
	w.withdraw(elsewhere)
	w.wantItem(id, StateOpen)
	w.judge(events.VerdictDifferent, []int{3}, []int{4}) // about somebody else
	w.wantItem(id, StateOpen)
}

// A verdict that newer ones contradict decides nothing, and what they leave open
// is asked.
func TestContradictedVerdictDecidesNothing(t *testing.T) {
	w := newWorld(t)
	w.records(1, 2, 3)
	w.resolve(events.IdentityResolved{Potential: []events.IdentityLink{potential(1, 2, 500, "")}}, []int{1}, []int{2}, []int{3})
	id := PairID(idOf(1), idOf(2))
	merge := w.judge(events.VerdictSame, []int{1, 2, 3})
	w.wantItem(id, StateDecided)
	split := w.judge(events.VerdictDifferent, []int{1, 2}, []int{3})
	w.wantItem(id, StateOpen) // the merge is left out whole
	w.withdraw(split)
	if it := w.wantItem(id, StateDecided); it.Decision.Events[0] != merge {
		t.Fatalf("decided by %v", it.Decision.Events)
	}
}

func TestWithdrawalBeforeItsVerdict(t *testing.T) {
	w := newWorld(t)
	w.records(1, 2)
	w.resolve(events.IdentityResolved{Potential: []events.IdentityLink{potential(1, 2, 500, "")}}, []int{1}, []int{2})
	e := events.EventID{Source: "/reviews", ID: "late"}
	w.withdraw(e)
	if _, err := FindVerdict(t.Context(), w.snapshot(), e); !errors.Is(err, events.ErrNotFound) {
		t.Fatalf("find verdict: %v", err)
	}
	w.wantNone(VerdictID(e))
	w.judgeAs(e.Source, e.ID, at(1), events.VerdictSame, []int{1, 2})
	w.wantItem(PairID(idOf(1), idOf(2)), StateOpen)
	if it := w.wantItem(VerdictID(e), StateWithdrawn); it.Decision.Withdrawn.By != "luis" {
		t.Fatalf("withdrawn as %s", asText(it))
	}
}

func TestUnsureUntilTheEvidenceIsAnotherOne(t *testing.T) {
	w := newWorld(t)
	w.records(1, 2)
	evidence := func(weight int64) {
		w.resolve(events.IdentityResolved{Potential: []events.IdentityLink{potential(1, 2, weight, "")}}, []int{1}, []int{2})
	}
	evidence(500)
	id := PairID(idOf(1), idOf(2))
	unsure := w.judge(events.VerdictUnsure, []int{1}, []int{2})
	if it := w.wantItem(id, StateUnsure); it.Decision.Verdict != events.VerdictUnsure {
		t.Fatalf("unsure as %s", asText(it))
	}
	if open, waiting := w.list(Filter{}), w.list(Filter{State: StateUnsure}); len(open) != 0 || !slices.Equal(waiting, []uuid.UUID{id}) {
		t.Fatalf("open %v, unsure %v", open, waiting)
	}
	evidence(500)
	w.wantItem(id, StateUnsure)
	evidence(700)
	w.wantItem(id, StateOpen)
	evidence(500)
	w.wantItem(id, StateUnsure)
	w.withdraw(unsure)
	w.wantItem(id, StateOpen)
}

func TestGroupIsDecidedWithoutOneOfItsCustomers(t *testing.T) {
	w := newWorld(t)
	w.records(1, 2, 3)
	w.resolve(events.IdentityResolved{Potential: []events.IdentityLink{potential(1, 2, 900, ""), potential(2, 3, 100, "mean")}}, []int{1}, []int{2}, []int{3})
	customers := idsOf(1, 2, 3)
	id := GroupID(customers)
	g := w.wantItem(id, StateOpen)
	if g.Weight != 100 || len(g.Reasons) != 2 || !slices.Equal(g.Records, customers) {
		t.Fatalf("group %s", asText(g))
	}
	if p := w.item(PairID(idOf(1), idOf(2))); p.Group != id {
		t.Fatalf("pair is in group %s", p.Group)
	}
	one := w.judgeAs(StewardSource, DecisionEventID(id, g.Version, 0), at(50), events.VerdictSame, []int{1, 2})
	w.wantItem(id, StateDecided)
	two := w.judgeAs(StewardSource, DecisionEventID(id, g.Version, 1), at(50), events.VerdictDifferent, []int{1, 2}, []int{3})
	d := w.wantItem(id, StateDecided).Decision
	if d.Verdict != events.VerdictSame || !slices.Equal(d.Events, []events.EventID{one, two}) {
		t.Fatalf("decided %+v", d)
	}
	if p := w.wantItem(PairID(idOf(2), idOf(3)), StateDecided); p.Decision.Verdict != events.VerdictDifferent || p.Group != uuid.Nil {
		t.Fatalf("pair %s", asText(p))
	}
	if open := w.list(Filter{}); len(open) != 0 {
		t.Fatalf("still open: %v", open)
	}
	w.withdraw(two)
	w.wantItem(id, StateDecided)
	w.withdraw(one)
	w.wantItem(id, StateOpen)
}

// Eleven customers in a row are pairs; as one of the middle ones goes, the rest are
// two groups.
func TestMoreThanTenCustomersStayPairs(t *testing.T) {
	w := newWorld(t)
	var d events.IdentityResolved
	var groups [][]int
	for n := range 11 {
		w.records(n)
		groups = append(groups, []int{n})
		if n > 0 {
			d.Potential = append(d.Potential, potential(n-1, n, 500, ""))
		}
	}
	w.resolve(d, groups...)
	if n := len(w.list(Filter{Kind: KindPair})); n != 10 {
		t.Fatalf("%d pairs", n)
	}
	if ids := w.list(Filter{Kind: KindGroup}); len(ids) != 0 {
		t.Fatalf("groups %v", ids)
	}
	w.judge(events.VerdictDifferent, []int{4}, []int{5})
	want := []uuid.UUID{GroupID(idsOf(0, 1, 2, 3, 4)), GroupID(idsOf(5, 6, 7, 8, 9, 10))}
	if ids := w.list(Filter{Kind: KindGroup}); !slices.Equal(sorted(ids), sorted(want)) {
		t.Fatalf("groups %v, want %v", ids, want)
	}
}

func TestHoldIsAskedUntilConfirmed(t *testing.T) {
	w := newWorld(t)
	w.records(1, 2, 3)
	folio := w.deny(1)
	w.resolve(events.IdentityResolved{}, []int{1, 2})
	id := HoldID(folio, idOf(2))
	w.wantNone(id) // the deny is the customer's own
	w.resolve(events.IdentityResolved{}, []int{1}, []int{2})
	hold := w.wantItem(id, StateOpen)
	if r := hold.Reasons[0]; r.Code != CodeHeldDeny || r.Statement != folio || r.Parted != 6 || r.A != idOf(2) || r.B != idOf(1) {
		t.Fatalf("reason %+v", r)
	}
	if !hold.DueAt.Equal(hold.OpenedAt.Add(48*time.Hour)) || !slices.Equal(hold.Customers, []uuid.UUID{idOf(2), idOf(1)}) {
		t.Fatalf("hold %s", asText(hold))
	}
	w.judge(events.VerdictDifferent, []int{1}, []int{2})
	w.wantItem(id, StateOpen) // that they are two people frees nobody

	e := w.confirm(folio, 2)
	done := w.wantItem(id, StateDecided)
	if d := done.Decision; !d.Final || d.Verdict != events.VerdictDifferent || d.Events[0] != e {
		t.Fatalf("decided %+v", d)
	}
	w.resolve(events.IdentityResolved{}, []int{1, 2})
	w.wantItem(id, StateDecided)
	w.resolve(events.IdentityResolved{}, []int{1}, []int{2}) // parted anew: carried away anew
	w.wantItem(id, StateOpen)

	w.resolve(events.IdentityResolved{}, []int{2, 3})
	w.resolve(events.IdentityResolved{}, []int{2}, []int{3}) // and handed on
	w.wantItem(HoldID(folio, idOf(3)), StateOpen)
	w.append(events.ContactStatementWithdrawnV1, "/crm", "back", at(99), events.ContactStatementWithdrawn{Statement: folio})
	if ids := w.list(Filter{Kind: KindHold}); len(ids) != 0 {
		t.Fatalf("holds of a deny that was taken back: %v", ids)
	}
}

// What the desk decided is listed once; a verdict from elsewhere is listed itself.
func TestVerdictsAreListedOnce(t *testing.T) {
	w := newWorld(t)
	w.records(1, 2, 3, 4)
	w.resolve(events.IdentityResolved{Potential: []events.IdentityLink{potential(1, 2, 500, "")}}, []int{1}, []int{2})
	id := PairID(idOf(1), idOf(2))
	desk := w.judgeAs(StewardSource, DecisionEventID(id, 5, 0), at(50), events.VerdictSame, []int{1, 2})
	merge := w.judge(events.VerdictSame, []int{3, 4})
	if got, want := w.list(Filter{State: StateDecided}), []uuid.UUID{VerdictID(merge), id}; !slices.Equal(got, want) {
		t.Fatalf("decided %v, want the newest first: %v", got, want)
	}
	if got, want := w.list(Filter{State: StateDecided, Kind: KindVerdict}), []uuid.UUID{VerdictID(merge), VerdictID(desk)}; !slices.Equal(got, want) {
		t.Fatalf("verdicts %v, want %v", got, want)
	}
}

func TestListFilters(t *testing.T) {
	w := newWorld(t)
	w.records(1, 2, 3, 4, 6)
	w.resolve(events.IdentityResolved{Potential: []events.IdentityLink{potential(1, 2, 100, "")}}, []int{1}, []int{2})
	late := at(10_005) // when the first pair was opened
	w.resolve(events.IdentityResolved{Potential: []events.IdentityLink{potential(4, 6, 900, "mean")}}, []int{4}, []int{6})
	first, second := PairID(idOf(1), idOf(2)), PairID(idOf(4), idOf(6))
	weight := func(n int64) *int64 { return &n }
	for name, c := range map[string]struct {
		filter Filter
		want   []uuid.UUID
	}{
		"open":          {Filter{}, []uuid.UUID{first, second}},
		"decided":       {Filter{State: StateDecided}, nil},
		"groups":        {Filter{Kind: KindGroup}, nil},
		"by code":       {Filter{ReasonCode: "mean"}, []uuid.UUID{second}},
		"by pattern":    {Filter{Pattern: "mean: name=same; birth_date=close"}, []uuid.UUID{second}},
		"from weight":   {Filter{MinWeight: weight(101)}, []uuid.UUID{second}},
		"up to weight":  {Filter{MaxWeight: weight(100)}, []uuid.UUID{first}},
		"by source":     {Filter{Source: "/web"}, []uuid.UUID{first}},
		"by customer":   {Filter{Customer: idOf(6)}, []uuid.UUID{second}},
		"of a stranger": {Filter{Customer: idOf(9)}, nil},
		"due before":    {Filter{DueBefore: late.Add(dueAfter).Add(time.Second)}, []uuid.UUID{first}},
		"due earlier":   {Filter{DueBefore: late.Add(dueAfter)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got := w.list(c.filter); !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
	for name, f := range map[string]Filter{"state": {State: "lost"}, "cursor of another state": {State: StateDecided}} {
		_, next, _ := List(t.Context(), w.snapshot(), Filter{}, "", 1)
		if _, _, err := List(t.Context(), w.snapshot(), f, next, 1); !errors.Is(err, events.ErrInvalid) {
			t.Errorf("wrong %s: %v", name, err)
		}
	}
	if _, _, err := Suspects(t.Context(), w.snapshot(), "x", 1); !errors.Is(err, events.ErrInvalid) {
		t.Errorf("wrong cursor of suspects: %v", err)
	}
}

// A page looks at so many items and no more, and says where to go on.
func TestListIsBounded(t *testing.T) {
	w := newWorld(t)
	w.records(1)
	var d events.IdentityResolved
	for n := 100; n < 100+maxScanned+10; n++ {
		d.Potential = append(d.Potential, potential(1, n, 500, ""))
	}
	w.resolve(d, []int{1})
	f := Filter{ReasonCode: "none has it"}
	page, next, err := List(t.Context(), w.snapshot(), f, "", 10)
	if err != nil || len(page) != 0 || next == "" {
		t.Fatalf("%d items, next %q, %v", len(page), next, err)
	}
	if page, next, err = List(t.Context(), w.snapshot(), f, next, 10); err != nil || len(page) != 0 || next != "" {
		t.Fatalf("%d items, next %q, %v", len(page), next, err)
	}
}

func TestEventIDsNameItems(t *testing.T) {
	id := PairID(idOf(1), idOf(2))
	if PairID(idOf(2), idOf(1)) != id {
		t.Error("the order of customers matters")
	}
	good := DecisionEventID(id, 41, 2)
	if item, version := namedBy(events.EventID{Source: StewardSource, ID: good}); item != id || version != "41" {
		t.Errorf("%s names %s at %s", good, item, version)
	}
	for _, e := range []events.EventID{{Source: "/crm", ID: good}, {Source: StewardSource, ID: "review." + id.String()}, {Source: StewardSource, ID: "review.x.1.0"},
		{Source: StewardSource, ID: "merge." + id.String() + ".1.0"}, {Source: StewardSource}} {
		if item, _ := namedBy(e); item != uuid.Nil {
			t.Errorf("%v names %s", e, item)
		}
	}
}
