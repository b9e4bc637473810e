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
