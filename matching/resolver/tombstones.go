package resolver

import (
	"github.com/google/uuid"
)

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
	sortGroups(groups)
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
