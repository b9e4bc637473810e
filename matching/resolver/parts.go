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

// partsOf cuts the outcome into its smallest closed parts.
func (b *Book) partsOf(old [][]uuid.UUID, out outcome) []Part {
	links := linksByGroup(b, out.links)
	var parts []Part
	for _, groups := range closedParts(old, out.groups) {
		p := Part{Groups: groups}
		for _, g := range groups {
			p.Links = append(p.Links, links[g[0]]...)
		}
		p.Potential = b.potentials(groups, out.refused)
		parts = append(parts, p)
	}
	return parts
}

// unpublished keeps the parts that say something new, and adds to them what the
// evidence is. It notes the published checksums and last links.
func (b *Book) unpublished(parts []Part) []Part {
	var out []Part
	for _, p := range parts {
		if b.notePublished(p) {
			b.tell(&p)
			out = append(out, p)
		}
	}
	return out
}

// linksByGroup sorts links into the groups that they hold together.
func linksByGroup(b *Book, links []matching.Link) map[uuid.UUID][]events.IdentityLink {
	out := map[uuid.UUID][]events.IdentityLink{}
	for _, l := range links {
		g := b.members[l.A].group
		out[g] = append(out[g], identityLink(l))
	}
	for _, ls := range out {
		slices.SortFunc(ls, compareLinks)
	}
	return out
}

func identityLink(l matching.Link) events.IdentityLink {
	return events.IdentityLink{A: l.A, B: l.B, Weight: l.Weight, Levels: l.Levels, Rule: l.Rule, RefusedBy: l.RefusedBy}
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

// notePublished compares a part with what was last published about its records,
// and remembers the new state. It says whether anything differs.
func (b *Book) notePublished(p Part) bool {
	changed := false
	for _, g := range p.Groups {
		sum := checksum(g, p.Links)
		for _, id := range g {
			m := b.members[id]
			if m.sum != sum {
				b.journal.member(m)
				m.sum, changed = sum, true
			}
		}
	}
	for _, l := range p.Links {
		b.noteLink(l.A, l.B)
		b.noteLink(l.B, l.A)
	}
	return b.open.replace(p.Groups, sumsOf(p.Potential, b.sumOfPair)) || changed
}

// noteLink remembers the strongest link of a record, for the day it is withdrawn.
func (b *Book) noteLink(id, other uuid.UUID) {
	m := b.members[id]
	if m.link == uuid.Nil || b.edges[id][other].weight > b.edges[id][m.link].weight || b.members[m.link].group != m.group {
		b.journal.member(m)
		m.link = other
	}
}

// checksum sums up what is published about one group: its members and links, with
// the evidence. It is 0 for a record alone, as which every record begins, and else never 0.
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
			h.Write(binary.BigEndian.AppendUint32(nil, sumOfLevels(l.Levels)))
		}
	}
	return h.Sum64() | 1
}
