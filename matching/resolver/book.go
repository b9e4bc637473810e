package resolver

import (
	"bytes"
	"slices"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/matching"
)

// Book holds what the decision about groups depends on: the live records (in an
// index), edges between them, links stated by sources, verdicts, and the groups
// as they stand. It does no I/O and reads no clock. One goroutine uses it.
type Book struct {
	index    *matching.Index
	engine   *matching.Engine
	members  map[uuid.UUID]*member
	groups   map[uuid.UUID][]uuid.UUID            // smallest member → members, for groups of two or more
	edges    map[uuid.UUID]map[uuid.UUID]evidence // every edge at or above review, both ways
	stated   map[uuid.UUID][]uuid.UUID            // links stated by sources, both ways
	verdicts verdicts
	open     openPairs // potential matches as last published
	journal  *journal  // what a supposition changed
}

// member is one source record that was ever seen.
type member struct {
	live  bool
	first events.Position // of the first event about it
	last  events.Position // of the last event about it
	group uuid.UUID       // smallest record of its group; its own id when alone
	link  uuid.UUID       // the record that its strongest link led to when it was last decided; Nil: none
	sum   uint64          // checksum of what was last published about its group; 0: never
}

// NewBook gives an empty book that decides with the engine's models.
func NewBook(engine *matching.Engine) *Book {
	j := &journal{}
	return &Book{
		index:    matching.NewIndex(engine),
		engine:   engine,
		members:  map[uuid.UUID]*member{},
		groups:   map[uuid.UUID][]uuid.UUID{},
		edges:    map[uuid.UUID]map[uuid.UUID]evidence{},
		stated:   map[uuid.UUID][]uuid.UUID{},
		open:     newOpenPairs(j),
		verdicts: newVerdicts(j),
		journal:  j,
	}
}

// see gives the member of a record, making one at its first event.
func (b *Book) see(id uuid.UUID, at events.Position) *member {
	m := b.members[id]
	if m == nil {
		m = &member{first: at, group: id}
		keep(b.journal, b.members, id)
		b.members[id] = m
	}
	b.journal.member(m)
	m.last = max(m.last, at)
	return m
}

// Put states what a live record says now. It returns the records whose edges may
// have changed by it, itself included.
func (b *Book) Put(p *matching.Prepared, id uuid.UUID, at events.Position) []uuid.UUID {
	b.see(id, at).live = true
	b.journal.record(b.index, id)
	return append(b.index.Put(p), id)
}

// Withdraw states that a record is live no more. It returns the records whose
// edges may have changed by it, itself included.
func (b *Book) Withdraw(id uuid.UUID, at events.Position) []uuid.UUID {
	m := b.see(id, at)
	if !m.live {
		return []uuid.UUID{id}
	}
	m.live = false
	b.journal.record(b.index, id)
	return append(b.index.Remove(id), id)
}

// State adds a link stated by a source. It returns both ends.
func (b *Book) State(x, y uuid.UUID) []uuid.UUID {
	if x == y || slices.Contains(b.stated[x], y) {
		return nil
	}
	keep(b.journal, b.stated, x)
	keep(b.journal, b.stated, y)
	b.stated[x] = append(b.stated[x], y)
	b.stated[y] = append(b.stated[y], x)
	return []uuid.UUID{x, y}
}

// group gives the members of the group that id is in, sorted.
func (b *Book) group(id uuid.UUID) []uuid.UUID {
	m := b.members[id]
	if m == nil {
		return nil
	}
	if g, ok := b.groups[m.group]; ok {
		return g
	}
	return []uuid.UUID{id}
}

// regroup records that the given sorted sets are groups now. All of their
// records must be known.
func (b *Book) regroup(groups [][]uuid.UUID) {
	for _, g := range groups {
		for _, id := range g {
			keep(b.journal, b.groups, b.members[id].group)
			delete(b.groups, b.members[id].group)
		}
	}
	for _, g := range groups {
		if len(g) > 1 {
			keep(b.journal, b.groups, g[0])
			b.groups[g[0]] = g
		}
		for _, id := range g {
			b.journal.member(b.members[id])
			b.members[id].group = g[0]
		}
	}
}

// refreshEdges reads the edges of one record from the index anew and keeps both
// directions true.
func (b *Book) refreshEdges(id uuid.UUID, now []matching.Edge) {
	keep(b.journal, b.edges, id)
	old := b.edges[id]
	fresh := make(map[uuid.UUID]evidence, len(now))
	for _, e := range now {
		other := e.A
		if other == id {
			other = e.B
		}
		said := evidenceOf(e)
		fresh[other] = said
		theirs := b.edges[other]
		if theirs == nil {
			theirs = map[uuid.UUID]evidence{}
			keep(b.journal, b.edges, other)
			b.edges[other] = theirs
		}
		keep(b.journal, theirs, id)
		theirs[id] = said
	}
	for other := range old {
		if _, still := fresh[other]; !still {
			theirs := b.edges[other]
			keep(b.journal, theirs, id)
			delete(theirs, id)
			if len(theirs) == 0 {
				keep(b.journal, b.edges, other)
				delete(b.edges, other)
			}
		}
	}
	if len(fresh) == 0 {
		delete(b.edges, id)
		return
	}
	b.edges[id] = fresh
}

func compareIDs(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }

func sortIDs(ids []uuid.UUID) []uuid.UUID {
	slices.SortFunc(ids, compareIDs)
	return slices.Compact(ids)
}
