package resolver

import (
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
	dirty = b.refreshAll(dirty, edgesOf)
	_, parts := b.regroupAround(dirty)
	return b.unpublished(parts)
}

// regroupAround changes the groups around the dirty records, whose edges are as
// the index has them, to what they are by now. It gives all groups that it looked
// at, as they were and, in the smallest closed parts, as they are.
func (b *Book) regroupAround(dirty []uuid.UUID) (old [][]uuid.UUID, parts []Part) {
	reached := b.reach(b.withCrowded(dirty))
	outcome := b.cluster(reached)
	old = b.oldGroups(reached)
	outcome.groups = b.placeTombstones(outcome.groups, reached)
	b.regroup(outcome.groups)
	return old, b.partsOf(old, outcome)
}

// refreshAll reads the edges of the dirty records anew. It returns them and the former
// neighbours that are to be looked at too, for no edge leads to them any more: those of
// what was one component and may be several now, and those that may have room for
// another potential match.
func (b *Book) refreshAll(dirty []uuid.UUID, edgesOf func([]uuid.UUID) [][]matching.Edge) []uuid.UUID {
	type joint struct {
		id, other uuid.UUID
		strong    bool
	}
	var before []joint
	for _, id := range dirty {
		for other, said := range b.edges[id] {
			before = append(before, joint{id, other, int64(said.weight) >= b.index.LinkFloor(other)})
		}
	}
	b.refreshEach(dirty, edgesOf)
	out := slices.Clone(dirty)
	for _, j := range before {
		now, still := b.edges[j.id][j.other]
		parted := j.strong && (!still || int64(now.weight) < b.index.LinkFloor(j.other))
		if parted || !still && len(b.edges[j.other]) >= maxPotential {
			out = append(out, j.other)
		}
	}
	return sortIDs(out)
}

// refreshEach reads the edges of each record anew.
func (b *Book) refreshEach(dirty []uuid.UUID, edgesOf func([]uuid.UUID) [][]matching.Edge) {
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
		p := b.index.Cluster(b.component(component))
		out.groups = append(out.groups, p.Groups...)
		out.links = append(out.links, p.Links...)
		for _, l := range p.Potential {
			out.refused[[2]uuid.UUID{l.A, l.B}] = l
		}
	}
	return out
}

// component is what is known of a connected set of live records.
func (b *Book) component(records []uuid.UUID) matching.Component {
	return matching.Component{
		Records:  records,
		Edges:    b.edgesWithin(records),
		Stated:   b.statedWithin(records),
		Verdicts: b.verdicts.about(records),
	}
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
