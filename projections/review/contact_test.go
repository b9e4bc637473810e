package review

import (
	"slices"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"ficha/events"
	"ficha/projections/contact"
	"ficha/projections/golden"
	"ficha/projections/projectionstest"
)

// A hold is listed exactly where a contact answer would be bound by it.
func TestHoldsAgreeWithContact(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := &story{world: newWorld(t)}
		for n := range 5 {
			s.records(n)
			s.groups = append(s.groups, []int{n})
		}
		for range rapid.IntRange(5, 40).Draw(rt, "length") {
			if rapid.Bool().Draw(rt, "contact") {
				s.drawContact(rt, s.all(s.snapshot()))
			} else {
				s.drawDecision(rt)
			}
		}
		store := projectionstest.NewMemory()
		_, refusals := projectionstest.TryFold(t, store, append(folds(), contact.NewFold()), s.evs...)
		for _, r := range refusals {
			if r.Projection != contact.Name {
				rt.Fatalf("%s refused event %d: %v", r.Projection, r.Index, r.Err)
			}
		}
		snap := snapshotOf(t, store)
		listed := map[string][]uuid.UUID{} // folio and customer → records bound
		for id, it := range s.all(snap) {
			if it.Kind == KindHold && it.State != StateDecided {
				if !slices.Equal(it.Sides[0], sorted(slices.Clone(it.Sides[0]))) || HoldID(it.Reasons[0].Statement, it.Customers[0]) != id {
					rt.Fatalf("odd hold %s", asText(it))
				}
				listed[it.Reasons[0].Statement+it.Customers[0].String()] = it.Sides[0]
			}
		}
		for _, g := range s.groups {
			c, _, err := golden.CustomerOf(t.Context(), snap, idOf(g[0]))
			if err != nil {
				rt.Fatal(err)
			}
			views, err := contact.HeldStatements(t.Context(), snap, contact.GoldenIdentity{}, idsOf(g...), s.evs[len(s.evs)-1].RecordedTime)
			if err != nil {
				rt.Fatal(err)
			}
			for _, v := range views {
				if v.Choice != events.Deny || v.Status != contact.StatusInForce || len(v.Held.Records) == 0 {
					continue
				}
				key := v.ID + c.String()
				if got := listed[key]; !slices.Equal(got, sorted(slices.Clone(v.Held.Records))) {
					rt.Fatalf("statement %s over %s: review lists %v, contact binds %v", v.ID, c, got, v.Held.Records)
				}
				delete(listed, key)
			}
		}
		for key, records := range listed {
			rt.Fatalf("review lists a hold that binds nobody: %s %v", key, records)
		}
	})
}
