package steward

import (
	"cmp"
	"maps"
	"slices"

	"github.com/google/uuid"

	"ficha/projections/review"
)

// union joins customers that items are about.
type union struct{ parent map[uuid.UUID]uuid.UUID }

func newUnion() *union { return &union{parent: map[uuid.UUID]uuid.UUID{}} }

func (u *union) root(id uuid.UUID) uuid.UUID {
	if u.parent[id] == uuid.Nil {
		u.parent[id] = id
	}
	for u.parent[id] != id {
		u.parent[id] = u.parent[u.parent[id]]
		id = u.parent[id]
	}
	return id
}

func (u *union) join(ids []uuid.UUID) {
	for _, id := range ids {
		u.parent[u.root(id)] = u.root(ids[0])
	}
}

// size is how many customers there are, parts how many would be left.
func (u *union) size() int { return len(u.parent) }

func (u *union) parts() int {
	n := 0
	for id := range u.parent {
		if u.root(id) == id {
			n++
		}
	}
	return n
}

// joinedSets gives the records of the items' customers, as they are and as they
// would be if each item's customers were one.
func joinedSets(items []review.Item) (before, after [][]uuid.UUID) {
	u, records := newUnion(), map[uuid.UUID][]uuid.UUID{}
	for i := range items {
		u.join(items[i].Customers)
		for n, c := range items[i].Customers {
			records[c] = items[i].Sides[n]
		}
	}
	parts := map[uuid.UUID][]uuid.UUID{}
	for _, c := range slices.SortedFunc(maps.Keys(records), compareIDs) {
		before = append(before, records[c])
		parts[u.root(c)] = append(parts[u.root(c)], records[c]...)
	}
	for _, root := range slices.SortedFunc(maps.Keys(parts), compareIDs) {
		after = append(after, sortedSets([][]uuid.UUID{parts[root]})...)
	}
	return before, after
}

// patternsOf counts items by pattern.
func patternsOf(items []review.Item) []review.PatternCount {
	n := map[string]uint64{}
	for i := range items {
		n[items[i].Pattern]++
	}
	var out []review.PatternCount
	for p, count := range n {
		out = append(out, review.PatternCount{Pattern: p, Count: count})
	}
	slices.SortFunc(out, func(a, b review.PatternCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Pattern, b.Pattern))
	})
	return out
}

// spread picks n items, evenly.
func spread(items []review.Item, n int) []review.Item {
	n = min(n, len(items))
	out := make([]review.Item, n)
	for i := range out {
		out[i] = items[i*len(items)/n]
	}
	return out
}
