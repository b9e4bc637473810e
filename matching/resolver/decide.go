package resolver

import (
	"cmp"
	"encoding/binary"
	"hash/fnv"
	"slices"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/matching"
)

// maxPotential is how many potential matches a record may have open.
const maxPotential = 10

// Part is one closed part of a decision: a set of groups that replaces a set of
// groups over the same records.
type Part struct {
	Groups    [][]uuid.UUID // each sorted, in order of their first record
	Links     []events.IdentityLink
	Potential []events.IdentityLink
}

// Decide works out the groups around the dirty records and returns the parts in
// which something differs from what was last decided, in a stable order. It
// changes the book's groups to the outcome.
func (b *Book) Decide(dirty []uuid.UUID, edgesOf func([]uuid.UUID) [][]matching.Edge) []Part {
	dirty = sortIDs(slices.Clone(dirty))
	b.refreshAll(dirty, edgesOf)
	reached := b.reach(b.withCrowded(dirty))
	outcome := b.cluster(reached)
	old := b.oldGroups(reached)
	outcome.groups = b.placeTombstones(outcome.groups, reached)
	b.regroup(outcome.groups)
	return b.changedParts(old, outcome)
}

// refreshAll reads the edges of the dirty records anew.
func (b *Book) refreshAll(dirty []uuid.UUID, edgesOf func([]uuid.UUID) [][]matching.Edge) {
	var live []uuid.UUID
	for _, id := range dirty {
		if m := b.members[id]; m != nil && m.live {
			live = append(live, id)
		} else {
			b.refreshEdges(id, nil)
		}
	}
	for i, edges := range edgesOf(live) {
		b.refreshEdges(live[i], edges)
	}
}

// withCrowded adds the neighbours that have more potential matches than may be
// open: which of theirs are shown may change with a neighbour's weight.
func (b *Book) withCrowded(dirty []uuid.UUID) []uuid.UUID {
	out := slices.Clone(dirty)
	for _, id := range dirty {
		for other := range b.edges[id] {
			if len(b.edges[other]) > maxPotential {
				out = append(out, other)
			}
		}
	}
	return sortIDs(out)
}

// reach gives all known records that one decision must look at: those reached
// from the start over groups, strong edges, stated links and same verdicts.
func (b *Book) reach(start []uuid.UUID) []uuid.UUID {
	seen := map[uuid.UUID]bool{}
	queue := slices.Clone(start)
	for len(queue) > 0 {
		id := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if seen[id] {
			continue
		}
		seen[id] = true
		queue = append(queue, b.group(id)...)
		b.joined(id, func(other uuid.UUID) { queue = append(queue, other) })
	}
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
	for other, weight := range b.edges[id] {
		if weight >= b.index.LinkFloor(id) {
			yield(other)
		}
	}
	for _, other := range b.stated[id] {
		yield(other)
	}
	b.verdicts.sameAs(id, yield)
}

// outcome is what clustering gave for all reached records.
type outcome struct {
	groups  [][]uuid.UUID
	links   []matching.Link
	refused map[[2]uuid.UUID]matching.Link
}

// cluster splits the reached records into components and clusters each.
func (b *Book) cluster(reached []uuid.UUID) outcome {
	out := outcome{refused: map[[2]uuid.UUID]matching.Link{}}
	for _, component := range b.components(reached) {
		if len(component) == 1 {
			out.groups = append(out.groups, component)
			continue
		}
		p := b.index.Cluster(matching.Component{
			Records:  component,
			Edges:    b.edgesWithin(component),
			Stated:   b.statedWithin(component),
			Verdicts: b.verdicts.about(component),
		})
		out.groups = append(out.groups, p.Groups...)
		out.links = append(out.links, p.Links...)
		for _, l := range p.Potential {
			out.refused[[2]uuid.UUID{l.A, l.B}] = l
		}
	}
	return out
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
		queue := []uuid.UUID{start}
		for len(queue) > 0 {
			id := queue[len(queue)-1]
			queue = queue[:len(queue)-1]
			if seen[id] {
				continue
			}
			seen[id] = true
			if m := b.members[id]; m != nil && m.live {
				set = append(set, id)
			}
			b.joined(id, func(other uuid.UUID) { queue = append(queue, other) })
		}
		out = append(out, sortIDs(set))
	}
	return out
}

// edgesWithin gives the edges at or above review between records of a sorted set.
func (b *Book) edgesWithin(set []uuid.UUID) []matching.Edge {
	var out []matching.Edge
	for _, x := range set {
		for y, weight := range b.edges[x] {
			if compareIDs(x, y) < 0 {
				if _, in := slices.BinarySearchFunc(set, y, compareIDs); in {
					out = append(out, matching.Edge{A: x, B: y, Weight: weight})
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
	seen := map[uuid.UUID]bool{x: true}
	queue := slices.Clone(b.stated[x])
	var out []uuid.UUID
	for len(queue) > 0 {
		id := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if seen[id] {
			continue
		}
		seen[id] = true
		if m := b.members[id]; m != nil && m.live {
			out = append(out, id)
			continue
		}
		queue = append(queue, b.stated[id]...)
	}
	return sortIDs(out)
}

// oldGroups gives the groups that the reached records are in before the decision.
func (b *Book) oldGroups(reached []uuid.UUID) [][]uuid.UUID {
	seen := map[uuid.UUID]bool{}
	var out [][]uuid.UUID
	for _, id := range reached {
		if g := b.members[id].group; !seen[g] {
			seen[g] = true
			out = append(out, b.group(id))
		}
	}
	return out
}

// placeTombstones puts each withdrawn record into a group, so that its id keeps
// its answer: with a live record that a stated link leads to, else with the part
// that its last link leads to, else with the part of the earliest live record of
// its old group, else with what is left of the old group.
func (b *Book) placeTombstones(groups [][]uuid.UUID, reached []uuid.UUID) [][]uuid.UUID {
	at := map[uuid.UUID]int{}
	for i, g := range groups {
		for _, id := range g {
			at[id] = i
		}
	}
	for _, id := range reached {
		if b.members[id].live {
			continue
		}
		host, ok := b.host(id)
		i, placed := at[host]
		if !ok || !placed {
			i = len(groups)
			groups = append(groups, nil)
			at[host] = i
		}
		groups[i] = append(groups[i], id)
		at[id] = i
	}
	for i := range groups {
		groups[i] = sortIDs(groups[i])
	}
	slices.SortFunc(groups, func(x, y []uuid.UUID) int { return compareIDs(x[0], y[0]) })
	return groups
}

// host gives the record in whose group a tombstone belongs: a live record, or
// the smallest of its old group where none is live. ok is false for the latter
// while nobody has taken its place yet.
func (b *Book) host(id uuid.UUID) (uuid.UUID, bool) {
	if live := b.liveStated(id); len(live) > 0 {
		return live[0], true
	}
	if h, ok := b.lastLinked(id); ok {
		return h, true
	}
	old := b.group(id)
	best := uuid.Nil
	for _, other := range old {
		m := b.members[other]
		if m.live && (best == uuid.Nil || m.first < b.members[best].first) {
			best = other
		}
	}
	if best != uuid.Nil {
		return best, true
	}
	return old[0], true
}

// lastLinked follows last links from a withdrawn record to a live one of its old group.
func (b *Book) lastLinked(id uuid.UUID) (uuid.UUID, bool) {
	group := b.members[id].group
	seen := map[uuid.UUID]bool{}
	for !seen[id] {
		seen[id] = true
		next := b.members[id].link
		m := b.members[next]
		if m == nil || m.group != group {
			return uuid.Nil, false
		}
		if m.live {
			return next, true
		}
		id = next
	}
	return uuid.Nil, false
}

// changedParts cuts the outcome into its smallest closed parts and keeps those
// that say something new. It notes the published checksums and last links.
func (b *Book) changedParts(old [][]uuid.UUID, out outcome) []Part {
	links := linksByGroup(b, out.links)
	var parts []Part
	for _, groups := range closedParts(old, out.groups) {
		p := Part{Groups: groups}
		for _, g := range groups {
			p.Links = append(p.Links, links[g[0]]...)
		}
		p.Potential = b.potentials(groups, out.refused)
		if !b.notePublished(p) {
			continue
		}
		b.explain(&p)
		parts = append(parts, p)
	}
	return parts
}

// linksByGroup sorts links into the groups that they hold together.
func linksByGroup(b *Book, links []matching.Link) map[uuid.UUID][]events.IdentityLink {
	out := map[uuid.UUID][]events.IdentityLink{}
	for _, l := range links {
		g := b.members[l.A].group
		out[g] = append(out[g], events.IdentityLink{A: l.A, B: l.B, Weight: l.Weight, Rule: l.Rule})
	}
	for _, ls := range out {
		slices.SortFunc(ls, compareLinks)
	}
	return out
}

func compareLinks(p, q events.IdentityLink) int {
	return cmp.Or(compareIDs(p.A, q.A), compareIDs(p.B, q.B))
}

// closedParts gives the new groups in the smallest sets whose records are those
// of whole old groups.
func closedParts(old, groups [][]uuid.UUID) [][][]uuid.UUID {
	parent := map[uuid.UUID]uuid.UUID{}
	var find func(uuid.UUID) uuid.UUID
	find = func(x uuid.UUID) uuid.UUID {
		p, ok := parent[x]
		if !ok || p == x {
			return x
		}
		root := find(p)
		parent[x] = root
		return root
	}
	for _, gs := range [2][][]uuid.UUID{old, groups} {
		for _, g := range gs {
			for _, id := range g[1:] {
				a, c := find(g[0]), find(id)
				if a != c {
					parent[c] = a
				}
			}
		}
	}
	at := map[uuid.UUID]int{}
	var out [][][]uuid.UUID
	for _, g := range groups {
		root := find(g[0])
		i, ok := at[root]
		if !ok {
			i = len(out)
			at[root] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], g)
	}
	return out
}

// potentials gives the pairs in the review band, or refused by a rule, that
// leave the given groups, each among the strongest ten of both its records.
func (b *Book) potentials(groups [][]uuid.UUID, refused map[[2]uuid.UUID]matching.Link) []events.IdentityLink {
	var out []events.IdentityLink
	seen := map[[2]uuid.UUID]bool{}
	for _, g := range groups {
		for _, x := range g {
			for _, y := range b.strongest(x) {
				pair := [2]uuid.UUID{x, y}
				if compareIDs(y, x) < 0 {
					pair = [2]uuid.UUID{y, x}
				}
				if seen[pair] || !slices.Contains(b.strongest(y), x) {
					continue
				}
				seen[pair] = true
				out = append(out, events.IdentityLink{A: pair[0], B: pair[1], Weight: b.edges[x][y], Rule: "score", RefusedBy: refused[pair].RefusedBy})
			}
		}
	}
	slices.SortFunc(out, compareLinks)
	return out
}

// strongest gives the at most ten records outside x's group with the heaviest
// edges to it, heaviest first.
func (b *Book) strongest(x uuid.UUID) []uuid.UUID {
	group := b.members[x].group
	var out []uuid.UUID
	for y := range b.edges[x] {
		if b.members[y].group != group {
			out = append(out, y)
		}
	}
	slices.SortFunc(out, func(p, q uuid.UUID) int {
		return cmp.Or(cmp.Compare(b.edges[x][q], b.edges[x][p]), compareIDs(p, q))
	})
	return out[:min(len(out), maxPotential)]
}

// notePublished compares a part with what was last published about its records,
// and remembers the new state. It says whether anything differs.
func (b *Book) notePublished(p Part) bool {
	changed := false
	for _, g := range p.Groups {
		sum := checksum(g, p.Links)
		for _, id := range g {
			m := b.members[id]
			if m.sum != sum {
				m.sum, changed = sum, true
			}
		}
	}
	for _, l := range p.Links {
		b.noteLink(l.A, l.B)
		b.noteLink(l.B, l.A)
	}
	return b.open.replace(p.Groups, p.Potential) || changed
}

// noteLink remembers the strongest link of a record, for the day it is withdrawn.
func (b *Book) noteLink(id, other uuid.UUID) {
	m := b.members[id]
	if m.link == uuid.Nil || b.edges[id][other] > b.edges[id][m.link] || b.members[m.link].group != m.group {
		m.link = other
	}
}

// explain adds the levels of evidence to a part's links; they are scored again,
// for the book keeps only weights.
func (b *Book) explain(p *Part) {
	for _, ls := range [2][]events.IdentityLink{p.Links, p.Potential} {
		for i := range ls {
			if b.members[ls[i].A].live && b.members[ls[i].B].live {
				ls[i].Levels = b.index.Score(ls[i].A, ls[i].B).Levels
			}
		}
	}
}

// checksum sums up what is published about one group: its members and links. It
// is 0 for a record alone, as which every record begins, and else never 0.
func checksum(group []uuid.UUID, links []events.IdentityLink) uint64 {
	if len(group) == 1 {
		return 0
	}
	h := fnv.New64a()
	for _, id := range group {
		h.Write(id[:])
	}
	for _, l := range links {
		if _, in := slices.BinarySearchFunc(group, l.A, compareIDs); in {
			h.Write(l.A[:])
			h.Write(l.B[:])
			h.Write(binary.BigEndian.AppendUint64(nil, uint64(l.Weight)))
			h.Write([]byte(l.Rule))
		}
	}
	return h.Sum64() | 1
}
