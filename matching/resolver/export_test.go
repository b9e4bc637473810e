package resolver

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/google/uuid"

	"ficha/events"
)

// Settle reads and decides all that the log has, n events a lane at a time, in the
// caller's goroutine. The first call loads the saved state. It takes the place of Start.
func (r *Resolver) Settle(ctx context.Context, n int) error {
	if !r.ready {
		at, err := r.restore(ctx)
		if err != nil {
			return err
		}
		r.arrive(at)
	}
	for {
		var b batch
		for lane, into := range map[events.Lane]*[]events.Stored{events.LaneRecord: &b.records, events.LaneIdentity: &b.identity} {
			after := r.cursor.Record
			if lane == events.LaneIdentity {
				after = r.cursor.Identity
			}
			for e, err := range r.cfg.Log.Read(ctx, events.ReadOptions{After: after, Lane: lane}) {
				if err != nil {
					return err
				}
				if *into = append(*into, e); len(*into) == n {
					break
				}
			}
		}
		if len(b.records)+len(b.identity) == 0 {
			return nil
		}
		at, err := r.step(ctx, r.cursor, b)
		if err != nil {
			return err
		}
		r.arrive(at)
	}
}

// Answer has the caller's goroutine answer one question, as the resolver's own
// does between batches; only after Settle.
func (r *Resolver) Answer() { (<-r.asked)() }

// Seen is everything of a book that later decisions depend on.
type Seen struct {
	Members  map[uuid.UUID]member
	Groups   map[uuid.UUID][]uuid.UUID
	Edges    map[uuid.UUID]map[uuid.UUID]evidence
	Stated   map[uuid.UUID][]uuid.UUID
	Open     map[uuid.UUID]map[pair]uint64
	Touched  map[pair]bool
	ByEvent  map[events.EventID]verdict
	ByRecord map[uuid.UUID]map[events.EventID]bool
	Taken    map[events.EventID]bool
	Marks    map[events.EventID]mark
	Index    map[uuid.UUID]string // of every record: what it is, its keys and its edges
}

// Group gives the group of a record now; nil where it was never seen.
func (r *Resolver) Group(id uuid.UUID) []uuid.UUID { return r.book.group(id) }

// Snapshot copies what the book knows.
func (r *Resolver) Snapshot() Seen {
	b := r.book
	s := Seen{
		Members: map[uuid.UUID]member{}, Groups: maps.Clone(b.groups), Edges: cloneDeep(b.edges), Stated: maps.Clone(b.stated),
		Open: cloneDeep(b.open.of), Touched: maps.Clone(b.open.touched), ByEvent: maps.Clone(b.verdicts.byEvent),
		ByRecord: cloneDeep(b.verdicts.byRecord), Taken: maps.Clone(b.verdicts.withdrawn),
		Marks: b.verdicts.marksAround(slices.Collect(maps.Keys(b.verdicts.byRecord))), Index: map[uuid.UUID]string{},
	}
	for id, m := range b.members {
		s.Members[id] = *m
		p, resident := b.index.Get(id)
		s.Index[id] = fmt.Sprintf("%v %p %v %v", resident, p, b.index.Keys(id), b.index.Edges(id))
	}
	return s
}

func cloneDeep[K, L comparable, V any](m map[K]map[L]V) map[K]map[L]V {
	out := map[K]map[L]V{}
	for k, v := range m {
		out[k] = maps.Clone(v)
	}
	return out
}

// Difference names the part in which two snapshots differ, "" if they do not.
func (s Seen) Difference(o Seen) string {
	a, b := reflect.ValueOf(s), reflect.ValueOf(o)
	for i := range a.NumField() {
		if !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
			return fmt.Sprintf("%s: %v\n was %v", a.Type().Field(i).Name, b.Field(i).Interface(), a.Field(i).Interface())
		}
	}
	return ""
}

// GroupOf gives the group of a record, withdrawn members included; nil where it was
// never seen.
func (s Seen) GroupOf(id uuid.UUID) []uuid.UUID {
	m, known := s.Members[id]
	if !known {
		return nil
	}
	if g, ok := s.Groups[m.group]; ok {
		return g
	}
	return []uuid.UUID{id}
}
