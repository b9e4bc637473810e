package review

import (
	"slices"
	"testing"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections/golden"
)

func TestSuspicion(t *testing.T) {
	live := func(ns ...int) (ms []golden.Member) {
		for _, n := range ns {
			ms = append(ms, golden.Member{RecordKey: keyOf(n), ID: idOf(n), Live: true})
		}
		return ms
	}
	name := func(n int, full string) golden.Value[events.Name] {
		return golden.Value[events.Name]{Value: events.Name{Full: full}, Record: keyOf(n)}
	}
	dpi := func(n int, number string) golden.Value[events.Document] {
		return golden.Value[events.Document]{Value: events.Document{Kind: "dpi", Number: number, Country: "GT"}, Record: keyOf(n)}
	}
	born := func(a, b string) *golden.Value[string] {
		return &golden.Value[string]{Value: a, Record: keyOf(1), Also: []golden.Source[string]{{Value: b, Record: keyOf(2)}}}
	}
	score := func(weight int64, rule string) bonds {
		return bonds{links: []events.IdentityLink{{A: idOf(1), B: idOf(2), Weight: 9000, Rule: "score"}, {A: idOf(2), B: idOf(1), Weight: weight, Rule: rule}}}
	}
	many := make([]int, manyRecords)
	for i := range many {
		many[i] = 2*i + i%2 // of alternating sources
	}
	for what, c := range map[string]struct {
		p     person
		b     bonds
		codes []string
		score int
	}{
		"nothing":                       {person{Records: live(1, 2)}, score(3000, "score"), nil, 0},
		"one record":                    {person{Records: live(1), BirthDate: born("1980-02-11", "1955-12-01")}, bonds{}, nil, 0},
		"a link just weak":              {person{Records: live(1, 2)}, score(2999, "score"), []string{CodeWeakLink}, 10},
		"a link just accepted":          {person{Records: live(1, 2)}, score(1000, "score"), []string{CodeWeakLink}, 40},
		"a link below that":             {person{Records: live(1, 2)}, score(-900, "score"), []string{CodeWeakLink}, 40},
		"a weak link that a person set": {person{Records: live(1, 2)}, score(0, "verdict"), nil, 0},
		"other dates of birth":          {person{Records: live(1, 2), BirthDate: born("1980-02-11", "1981-03-11")}, bonds{}, []string{CodeConflictingBirthDates}, 80},
		"a slip in the day":             {person{Records: live(1, 2), BirthDate: born("1980-02-11", "1980-02-12")}, bonds{}, nil, 0},
		"a slip in the year":            {person{Records: live(1, 2), BirthDate: born("1980-02-11", "1990-02-11")}, bonds{}, nil, 0},
		"day and month swapped":         {person{Records: live(1, 2), BirthDate: born("1980-02-11", "1980-11-02")}, bonds{}, nil, 0},
		"a year alone":                  {person{Records: live(1, 2), BirthDate: born("1980-02-11", "1955")}, bonds{}, nil, 0},
		"two valid numbers":             {person{Records: live(1, 2), Documents: []golden.Value[events.Document]{dpi(1, "2365487190101"), dpi(2, "3040506010101")}}, bonds{}, []string{CodeConflictingDocuments}, 100},
		"a number with a typo":          {person{Records: live(1, 2), Documents: []golden.Value[events.Document]{dpi(1, "2365487190101"), dpi(2, "2365487100101")}}, bonds{}, nil, 0},
		"names without a common word":   {person{Records: live(1, 2), Names: []golden.Value[events.Name]{name(1, "Ana Xicará"), name(2, "Luis Pérez")}}, bonds{}, []string{CodeConflictingNames}, 60},
		"a name and an initial":         {person{Records: live(1, 2), Names: []golden.Value[events.Name]{name(1, "Ana Xicará"), name(2, "A. Pérez")}}, bonds{}, nil, 0},
		"names of a firm":               {person{Kind: events.Organization, Records: live(1, 2), Names: []golden.Value[events.Name]{name(1, "Acme"), name(2, "Umbrella")}}, bonds{}, nil, 0},
		"one source twice":              {person{Records: live(1, 3, 5, 2)}, bonds{}, []string{CodeSameSource}, 10},
		"a crowd":                       {person{Records: live(many...)}, bonds{}, []string{CodeManyRecords, CodeSameSource}, 20 + 10 + 8*5},
		"verdicts in conflict":          {person{Records: live(1, 2)}, bonds{conflicts: score(0, "verdict").links[1:]}, []string{CodeVerdictConflict}, 120},
	} {
		t.Run(what, func(t *testing.T) {
			s := suspect(idOf(1), &c.p, c.b)
			var codes []string
			for _, r := range s.Reasons {
				codes = append(codes, r.Code)
			}
			if !slices.Equal(codes, c.codes) || s.Score != c.score {
				t.Errorf("got %v %d, want %v %d", codes, s.Score, c.codes, c.score)
			}
		})
	}
}

func TestSuspectIsClearedByAPerson(t *testing.T) {
	w := newWorld(t)
	w.record(1, events.CustomerRecorded{BirthDate: "1980-02-11"})
	w.record(2, events.CustomerRecorded{BirthDate: "1955-12-01"})
	w.record(3, events.CustomerRecorded{})
	w.resolve(events.IdentityResolved{}, []int{1, 2})
	suspects := func() (ids []uuid.UUID) {
		all, next, err := Suspects(t.Context(), w.snapshot(), "", 0)
		if err != nil || next != "" {
			t.Fatal(next, err)
		}
		for _, s := range all {
			ids = append(ids, s.Customer)
		}
		return ids
	}
	want := func(what string, ids ...uuid.UUID) {
		t.Helper()
		if got := suspects(); !slices.Equal(got, ids) {
			t.Fatalf("%s: suspects %v, want %v", what, got, ids)
		}
	}
	want("two dates", idOf(1))
	s, err := FindSuspect(t.Context(), w.snapshot(), idOf(1))
	if err != nil || s.Reasons[0].Code != CodeConflictingBirthDates || !slices.Equal(s.Reasons[0].Records, idsOf(1, 2)) || !s.Since.Equal(at(10_003)) {
		t.Fatalf("suspect %+v, %v", s, err)
	}
	v := w.judge(events.VerdictSame, []int{1, 2})
	want("a person says they are one")
	w.resolve(events.IdentityResolved{}, []int{1, 2, 3})
	want("of a third nobody said it", idOf(1))
	w.withdrawRecord(3)
	want("the third is gone")
	w.withdraw(v)
	want("taken back", idOf(1))
	w.record(2, events.CustomerRecorded{BirthDate: "1980-02-12"})
	want("corrected at the source")
}
