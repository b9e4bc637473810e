package resolver

import (
	"cmp"
	"slices"

	"github.com/google/uuid"

	"ficha/matching"
)

// reach gives all known records that one decision must look at: those reached
// from the start over groups, strong edges, stated links and same verdicts.
func (b *Book) reach(start []uuid.UUID) []uuid.UUID {
	seen := map[uuid.UUID]bool{}
	flood(seen, start, func(id uuid.UUID, on func(...uuid.UUID)) {
		on(b.group(id)...)
		b.joined(id, func(other uuid.UUID) { on(other) })
	})
	out := make([]uuid.UUID, 0, len(seen))
	for id := range seen {
		if b.members[id] != nil {
			out = append(out, id)
		}
	}
	return sortIDs(out)
}

// joined calls yield for every record that strong evidence joins with id.
func (b *Book) joined(id uuid.UUID, yield func(uuid.UUID)) {
	floor := b.index.LinkFloor(id)
	for other, said := range b.edges[id] {
		if int64(said.weight) >= floor {
			yield(other)
		}
	}
	for _, other := range b.stated[id] {
		yield(other)
	}
	b.verdicts.sameAs(id, yield)
}

// components gives the live records of the reached ones, in connected sets, each
// sorted. Withdrawn records conduct (a link stated between two records holds
// although one in between was withdrawn) but are in no set.
func (b *Book) components(reached []uuid.UUID) [][]uuid.UUID {
	seen := map[uuid.UUID]bool{}
	var out [][]uuid.UUID
	for _, start := range reached {
		if seen[start] || !b.members[start].live {
			continue
		}
		var set []uuid.UUID
		flood(seen, []uuid.UUID{start}, func(id uuid.UUID, on func(...uuid.UUID)) {
			if m := b.members[id]; m != nil && m.live {
				set = append(set, id)
			}
			b.joined(id, func(other uuid.UUID) { on(other) })
		})
		out = append(out, sortIDs(set))
	}
	return out
}

// edgesWithin gives the edges at or above review between records of a sorted set.
func (b *Book) edgesWithin(set []uuid.UUID) []matching.Edge {
	var out []matching.Edge
	for _, x := range set {
		for y, said := range b.edges[x] {
			if compareIDs(x, y) < 0 {
				if _, in := slices.BinarySearchFunc(set, y, compareIDs); in {
					out = append(out, matching.Edge{A: x, B: y, Weight: int64(said.weight)})
				}
			}
		}
	}
	slices.SortFunc(out, func(p, q matching.Edge) int { return cmp.Or(compareIDs(p.A, q.A), compareIDs(p.B, q.B)) })
	return out
}

// statedWithin gives the stated links between live records of a set; a chain
// over records that are withdrawn, or that the hub never saw, counts as a link
// between its live ends.
func (b *Book) statedWithin(set []uuid.UUID) []matching.Pair {
	var out []matching.Pair
	for _, x := range set {
		for _, y := range b.liveStated(x) {
			if compareIDs(x, y) < 0 {
				out = append(out, matching.Pair{A: x, B: y})
			}
		}
	}
	return out
}

// liveStated gives the live records that stated links lead to from x, looking
// through records that are not live. Sorted.
func (b *Book) liveStated(x uuid.UUID) []uuid.UUID {
	var out []uuid.UUID
	flood(map[uuid.UUID]bool{x: true}, b.stated[x], func(id uuid.UUID, on func(...uuid.UUID)) {
		if m := b.members[id]; m != nil && m.live {
			out = append(out, id)
			return
		}
		on(b.stated[id]...)
	})
	return sortIDs(out)
}

// flood visits every record that is reached from the start, each once; visit
// says where to go on from it. What is in seen already is not visited.
func flood(seen map[uuid.UUID]bool, start []uuid.UUID, visit func(id uuid.UUID, on func(...uuid.UUID))) {
	queue := slices.Clone(start)
	for len(queue) > 0 {
		id := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if !seen[id] {
			seen[id] = true
			visit(id, func(next ...uuid.UUID) { queue = append(queue, next...) })
		}
	}
}
