package golden_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/internal/contactpoint"
	"ficha/projections/golden"
	"ficha/projections/projectionstest"
)

const named = `"names":[{"given":"María","family":"Núñez"}]`

func TestNewRecordIsACustomerAtOnce(t *testing.T) {
	var n serial
	c := get(t, folded(t, n.recorded("1", at(0), named)), "1")
	if c.ID != id("1") || c.RedirectedFrom != uuid.Nil || !c.Live || c.DisplayName != "María Núñez" || c.Version != 1 || c.Position != 1 {
		t.Errorf("customer %+v", c)
	}
	if len(c.Records) != 1 || c.Records[0].RecordKey != key("1") || c.Records[0].FirstSeen != 1 {
		t.Errorf("records %+v", c.Records)
	}
}

func TestUnknownIDIsNotFound(t *testing.T) {
	var n serial
	snap := folded(t, n.recorded("1", at(0), named))
	if _, err := golden.Get(t.Context(), snap, id("2")); !errors.Is(err, events.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
	if _, ok, err := golden.CustomerOf(t.Context(), snap, id("2")); ok || err != nil {
		t.Errorf("customer of an unknown record: %v, %v", ok, err)
	}
	if ids, err := golden.Members(t.Context(), snap, id("2")); ids != nil || err != nil {
		t.Errorf("members of an unknown record: %v, %v", ids, err)
	}
}

// The anchor is the record first seen, whatever its key and whenever it was stated.
func TestMergeKeepsTheAnchorsID(t *testing.T) {
	var n serial
	snap := folded(t, n.recorded("9", at(5), named), n.recorded("1", at(0), named),
		n.resolved(at(6), events.IdentityResolved{Cause: 2}, []string{"1", "9"}))
	for _, r := range []string{"1", "9"} {
		c := get(t, snap, r)
		if c.ID != id("9") || len(c.Records) != 2 {
			t.Errorf("%s answers as %s with %d records", r, c.ID, len(c.Records))
		}
		if want := map[string]uuid.UUID{"1": id("1")}[r]; c.RedirectedFrom != want {
			t.Errorf("%s: redirected from %s, want %s", r, c.RedirectedFrom, want)
		}
	}
	members, err := golden.Members(t.Context(), snap, id("1"))
	if err != nil || len(members) != 2 || !slices.Contains(members, id("1")) || !slices.Contains(members, id("9")) {
		t.Errorf("members %v, %v", members, err)
	}
	if n, err := golden.ReadCounts(t.Context(), snap); err != nil || n.Records != 2 || n.Customers != 1 || n.Resolved != 2 {
		t.Errorf("counts %+v, %v", n, err)
	}
}

func TestSplitAndCompanions(t *testing.T) {
	var n serial
	store := projectionstest.NewMemory()
	projectionstest.Fold(t, store, folds(), n.recorded("1", at(0), named), n.recorded("2", at(1), named), n.recorded("3", at(2), named),
		n.resolved(at(3), events.IdentityResolved{}, []string{"1", "2", "3"}), n.resolved(at(4), events.IdentityResolved{}, []string{"1"}, []string{"2", "3"}))
	snap := snapshot(t, store)
	if a, b, c := get(t, snap, "1"), get(t, snap, "2"), get(t, snap, "3"); a.ID != id("1") || b.ID != id("2") || c.ID != id("2") || len(a.Records) != 1 {
		t.Errorf("after the split: %s %s %s", a.ID, b.ID, c.ID)
	}
	companions, err := golden.FormerCompanions(t.Context(), snap, id("1"))
	if err != nil || len(companions) != 2 || companions[0].Until != 5 {
		t.Errorf("companions of 1: %v, %v", companions, err)
	}
	companions, err = golden.FormerCompanions(t.Context(), snap, id("3"))
	if err != nil || len(companions) != 1 || companions[0].Record != id("1") {
		t.Errorf("companions of 3: %v, %v", companions, err)
	}
	ms, err := golden.Memberships(t.Context(), snap, id("2"))
	want := []golden.Membership{{id("2"), 2, 4}, {id("1"), 4, 5}, {id("2"), 5, 0}}
	if err != nil || !slices.Equal(ms, want) {
		t.Errorf("memberships of 2: %v, %v; want %v", ms, err, want)
	}
	if v := get(t, snap, "2").Version; v != 3 { // made, merged away, made again
		t.Errorf("version of 2 is %d, want 3", v)
	}
}

func TestDecisionsThatAreRefused(t *testing.T) {
	var n serial
	base := []events.Envelope{n.recorded("1", at(0), named), n.recorded("2", at(0), named), n.recorded("3", at(0), named),
		n.resolved(at(1), events.IdentityResolved{}, []string{"1", "2"})}
	for name, e := range map[string]events.Envelope{
		"not closed":     n.resolved(at(2), events.IdentityResolved{}, []string{"2", "3"}),
		"unknown record": n.resolved(at(2), events.IdentityResolved{}, []string{"3", "4"}),
		"named twice":    n.resolved(at(2), events.IdentityResolved{}, []string{"3"}, []string{"3"}),
		"empty group":    n.resolved(at(2), events.IdentityResolved{}, []string{"3"}, nil),
	} {
		t.Run(name, func(t *testing.T) {
			store := projectionstest.NewMemory()
			_, refusals := projectionstest.TryFold(t, store, folds(), append(slices.Clone(base), e)...)
			if len(refusals) != 1 || refusals[0].Index != 4 || !errors.Is(refusals[0].Err, events.ErrInvalid) {
				t.Fatalf("refusals %v", refusals)
			}
			if c := get(t, snapshot(t, store), "3"); c.ID != id("3") {
				t.Errorf("3 answers as %s", c.ID)
			}
		})
	}
}

func TestWithdrawnRecordsContributeNothing(t *testing.T) {
	var n serial
	store := projectionstest.NewMemory()
	projectionstest.Fold(t, store, folds(), n.recorded("1", at(0), named+`,"tier":"gold","phones":[{"value":"+50255123456"}]`), n.recorded("2", at(1), `"tier":"blue"`),
		n.resolved(at(2), events.IdentityResolved{}, []string{"1", "2"}), n.withdrawn("1", at(3)))
	c := get(t, snapshot(t, store), "2")
	if c.ID != id("1") || !c.Live || c.Tier.Value != "blue" || len(c.Phones) != 0 || c.DisplayName != "" {
		t.Errorf("one of two withdrawn: %+v", c)
	}
	projectionstest.Fold(t, store, folds(), n.withdrawn("2", at(3)))
	snap := snapshot(t, store)
	c = get(t, snap, "2")
	if c.Live || c.Tier != nil || len(c.Records) != 2 || c.ID != id("1") {
		t.Errorf("both withdrawn: %+v", c)
	}
	if n, err := golden.ReadCounts(t.Context(), snap); err != nil || n != (golden.Counts{Records: 2, Customers: 1}) {
		t.Errorf("counts %+v, %v", n, err)
	}
	projectionstest.Fold(t, store, folds(), n.recorded("2", at(4), ""))
	if c = get(t, snapshot(t, store), "1"); !c.Live || c.Tier == nil {
		t.Errorf("revived: %+v", c)
	}
}

func TestVersionGrowsWithChangesOnly(t *testing.T) {
	var n serial
	store := projectionstest.NewMemory()
	for i, want := range []uint64{1, 2, 2, 3} {
		e := []events.Envelope{n.recorded("1", at(0), named), n.recorded("1", at(1), `"tier":"a"`), n.recorded("1", at(-1), `"tier":"late"`), n.withdrawn("1", at(2))}[i]
		projectionstest.Fold(t, store, folds(), e)
		if v := get(t, snapshot(t, store), "1").Version; v != want {
			t.Errorf("after event %d: version %d, want %d", i+1, v, want)
		}
	}
}

func TestMergedAtSource(t *testing.T) {
	var n serial
	data, err := json.Marshal(events.CustomerMergedAtSource{Survivor: key("1"), Losers: []events.RecordKey{key("2")}})
	if err != nil {
		t.Fatal(err)
	}
	merge := events.Envelope{ID: "m", Source: "/crm", Type: events.CustomerMergedAtSourceV1, Time: at(1), Data: data}
	snap := folded(t, n.recorded("1", at(0), named), merge)
	if c := get(t, snap, "2"); c.ID != id("1") || c.RedirectedFrom != id("2") {
		t.Errorf("a loser that was never stated answers as %+v", c)
	}
	if k, ok, err := golden.SurvivorOf(t.Context(), snap, id("2")); !ok || err != nil || k != key("1") {
		t.Errorf("survivor %v %v %v", k, ok, err)
	}
}

func TestLinksAndPotentialMatchesAreReplaced(t *testing.T) {
	var n serial
	link := func(a, b string) events.IdentityLink {
		return events.IdentityLink{A: id(a), B: id(b), Weight: 7, Rule: "score"}
	}
	store := projectionstest.NewMemory()
	projectionstest.Fold(t, store, folds(), n.recorded("1", at(0), named), n.recorded("2", at(0), named), n.recorded("3", at(0), named),
		n.resolved(at(1), events.IdentityResolved{Links: []events.IdentityLink{link("2", "1")}, Potential: []events.IdentityLink{link("1", "3"), link("2", "3")}}, []string{"1", "2"}))
	snap := snapshot(t, store)
	links, err := golden.Links(t.Context(), snap, id("2"))
	if err != nil || len(links) != 1 || links[0].Weight != 7 {
		t.Errorf("links %v, %v", links, err)
	}
	if ps, err := golden.PotentialMatches(t.Context(), snap, id("3")); err != nil || len(ps) != 2 {
		t.Errorf("potential matches of 3: %v, %v", ps, err)
	}
	projectionstest.Fold(t, store, folds(), n.resolved(at(2), events.IdentityResolved{Potential: []events.IdentityLink{link("3", "1")}}, []string{"3"}))
	snap = snapshot(t, store)
	counts, err := golden.ReadCounts(t.Context(), snap)
	if err != nil || counts.Potential != 1 {
		t.Errorf("counts %+v, %v; want 1 potential match", counts, err)
	}
	if ps, err := golden.PotentialMatches(t.Context(), snap, id("2")); err != nil || len(ps) != 0 {
		t.Errorf("potential matches of 2: %v, %v; want none", ps, err)
	}
	projectionstest.Fold(t, store, folds(), n.resolved(at(3), events.IdentityResolved{}, []string{"1"}, []string{"2"}))
	if links, err := golden.Links(t.Context(), snapshot(t, store), id("2")); err != nil || len(links) != 0 {
		t.Errorf("links after the split %v, %v; want none", links, err)
	}
}

func point(t *testing.T, number string) contactpoint.Point {
	t.Helper()
	p, ok := contactpoint.Phone(number, "")
	if !ok {
		t.Fatalf("no phone: %s", number)
	}
	return p
}

func TestRecordsByPoint(t *testing.T) {
	var n serial
	snap := folded(t,
		n.recorded("gt", at(0), `"phones":[{"value":"5512 3456","region":"GT"}]`), n.recorded("unread", at(0), `"phones":[{"value":"5512-3456"}]`),
		n.recorded("other", at(0), `"phones":[{"value":"+50355123456"}]`), n.recorded("mx", at(0), `"phones":[{"value":"+5215512345678"}]`),
		n.recorded("mail", at(0), `"emails":[{"value":"M.J+shop@gmail.com"}]`), n.recorded("gone", at(0), `"phones":[{"value":"+50255123456"}]`), n.withdrawn("gone", at(1)),
		n.recorded("was", at(0), `"phones":[{"value":"+50255123456"}]`), n.recorded("was", at(1), `"phones":null`))
	names := map[uuid.UUID]string{}
	for _, r := range []string{"gt", "unread", "other", "mx", "mail", "gone", "was"} {
		names[id(r)] = r
	}
	email, _ := contactpoint.Email("mj@gmail.com")
	for _, c := range []struct {
		p         contactpoint.Point
		now, ever []string
	}{
		{point(t, "+502 5512 3456"), []string{"gt", "unread"}, []string{"gone", "gt", "unread", "was"}},
		{point(t, "55123456"), []string{"gt", "other", "unread"}, []string{"gone", "gt", "other", "unread", "was"}},
		{point(t, "+525512345678"), []string{"mx"}, []string{"mx"}},
		{email, []string{"mail"}, []string{"mail"}},
	} {
		for i, read := range []func() ([]uuid.UUID, error){
			func() ([]uuid.UUID, error) { return golden.RecordsByPoint(t.Context(), snap, c.p) },
			func() ([]uuid.UUID, error) { return golden.RecordsEverAtPoint(t.Context(), snap, c.p) },
		} {
			ids, err := read()
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, id := range ids {
				got = append(got, names[id])
			}
			slices.Sort(got)
			if want := [][]string{c.now, c.ever}[i]; !slices.Equal(got, want) {
				t.Errorf("%s: got %v, want %v", c.p.Key(), got, want)
			}
		}
	}
}

func TestRecordsByDocument(t *testing.T) {
	var n serial
	snap := folded(t, n.recorded("1", at(0), `"documents":[{"kind":"dpi","number":"2365 48710 0101","country":"GT"}]`),
		n.recorded("2", at(0), `"documents":[{"kind":"passport","number":"2365487100101"}]`),
		n.recorded("3", at(0), `"documents":[{"kind":"dpi","number":"2365487100101","country":"GT"}]`), n.recorded("3", at(1), `"documents":null`))
	for _, c := range []struct {
		kind, number, country string
		want                  []uuid.UUID
	}{
		{"dpi", "2365-48710-0101", "GT", []uuid.UUID{id("1")}},
		{"cui", "2365487100101", "", []uuid.UUID{id("1")}},
		{"", "2365487100101", "", []uuid.UUID{id("1"), id("2")}},
		{"", "2365487100101", "GT", []uuid.UUID{id("1"), id("2")}},
		{"dpi", "1111111111111", "GT", nil},
		{"dpi", "", "", nil},
	} {
		got, err := golden.RecordsByDocument(t.Context(), snap, c.kind, c.number, c.country)
		slices.SortFunc(c.want, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s %s %s: got %v (%v), want %v", c.kind, c.number, c.country, got, err, c.want)
		}
	}
}

func TestHoldersAt(t *testing.T) {
	var n serial
	snap := folded(t, n.recorded("1", at(0), `"phones":[{"value":"+50255123456"}]`), n.recorded("1", at(4), `"phones":[]`),
		n.recorded("2", at(2), `"phones":[{"value":"+50255123456"}]`), n.recorded("3", at(2), `"phones":[{"value":"+50255123456"}]`),
		n.resolved(at(9), events.IdentityResolved{}, []string{"2", "3"}))
	for hour, want := range map[int][]uuid.UUID{-1: nil, 1: {id("1")}, 3: {id("1"), id("2")}, 5: {id("2")}} {
		got, err := golden.HoldersAt(t.Context(), snap, point(t, "+50255123456"), at(hour))
		slices.SortFunc(want, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("at hour %d: %v (%v), want %v", hour, got, err, want)
		}
	}
}

func TestAsOfTimes(t *testing.T) {
	var n serial
	evs := numbered([]events.Envelope{n.recorded("1", at(0), `"tier":"a"`), n.recorded("1", at(2), `"tier":"b"`), n.recorded("1", at(1), `"tier":"late"`)})
	snap := folded(t, evs...)
	p, err := golden.PositionAt(t.Context(), snap, evs[1].RecordedTime.Add(500*time.Millisecond))
	if err != nil || p != 2 {
		t.Errorf("position between the second and third: %d, %v", p, err)
	}
	if p, err := golden.PositionAt(t.Context(), snap, evs[0].RecordedTime.Add(-time.Millisecond)); err != nil || p != 0 {
		t.Errorf("position before all: %d, %v", p, err)
	}
	for _, c := range []struct {
		then golden.AsOf
		want string
	}{{golden.AsOf{}, "b"}, {golden.AsOf{KnownAt: 1}, "a"}, {golden.AsOf{At: at(1)}, "late"}, {golden.AsOf{At: at(1), KnownAt: 2}, "a"}} {
		got, err := golden.GetAt(t.Context(), snap, id("1"), c.then)
		if err != nil || got.Tier.Value != c.want {
			t.Errorf("%+v: %+v (%v), want %s", c.then, got.Tier, err, c.want)
		}
	}
	if _, err := golden.GetAt(t.Context(), snap, id("1"), golden.AsOf{At: at(-1)}); !errors.Is(err, events.ErrNotFound) {
		t.Errorf("before anything was stated: %v, want ErrNotFound", err)
	}
	var positions []events.Position
	for v, err := range golden.Versions(t.Context(), snap, id("1")) {
		if err != nil {
			t.Fatal(err)
		}
		positions = append(positions, v.Position)
	}
	if fmt.Sprint(positions) != "[1 2 3]" {
		t.Errorf("versions at %v", positions)
	}
}
