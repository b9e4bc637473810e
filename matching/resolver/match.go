package resolver

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/events/record"
	"ficha/matching"
)

// maxCandidates is how many candidates Match tells of at most.
const maxCandidates = 20

// Matched says whom the hub would take a record for.
type Matched struct {
	// Known says that the hub has seen the record: the answer is about a change of
	// it, and its own group may be among those that it joins.
	Known bool
	// Joins are the existing groups with which it would be one customer: none, one,
	// or several, which it would bring together. Whole groups, each sorted.
	Joins [][]uuid.UUID
	// Candidates are the records that resemble it, heaviest first, at most twenty:
	// potential matches and better, and the nearest of each group in Joins.
	Candidates []Candidate
	// Position is the last event that was taken into account.
	Position events.Position
}

// Candidate is an existing record that resembles the one asked about.
type Candidate struct {
	Record      uuid.UUID
	Group       []uuid.UUID // its group now, sorted, withdrawn records included
	Weight      int64       // millibits
	Probability float64     // of the weight
	Band        matching.Band
	Joins       bool // the two would be one customer
	Explanation matching.Explanation
}

// Match says what would come of it if a record that says s were appended now:
// what its arrival does to keys that become hot, and to identifiers that more
// people share with it, included. Nothing is appended and nothing remembered.
//
// The error wraps events.ErrInvalid where s says nothing or was withdrawn,
// events.ErrUnavailable while the resolver is not ready, or ctx's error.
func (r *Resolver) Match(ctx context.Context, key events.RecordKey, s record.State) (Matched, error) {
	if !s.Live() {
		return Matched{}, fmt.Errorf("match record: it says nothing: %w", events.ErrInvalid)
	}
	id := key.UUID()
	prepared := r.cfg.Engine.Prepare(toCompare(id, key.Source, s))
	return ask(ctx, r, func(b *Book, at events.Position) Matched {
		m := b.match(prepared, at+1, r.edgesOf)
		m.Position = at
		return m
	})
}

// Recorded gives what the source of a record has stated about it, as far as
// decided; the zero State where the hub never saw it. With a further statement
// applied it is what Match takes.
func (r *Resolver) Recorded(ctx context.Context, key events.RecordKey) (record.State, error) {
	var row recordRow
	value, ok, err := r.cfg.State.Get(ctx, recordKey(key.UUID()))
	if err != nil {
		return row.State, fmt.Errorf("read resolver record: %w", err)
	}
	if ok {
		if err := json.Unmarshal(value, &row); err != nil {
			return row.State, fmt.Errorf("decode resolver record: %w", err)
		}
	}
	return row.State, nil
}

func recordKey(id uuid.UUID) []byte { return key(rowRecord, id) }

// match puts the record into the book, decides about it, and takes everything back.
func (b *Book) match(p *matching.Prepared, at events.Position, edgesOf func([]uuid.UUID) [][]matching.Edge) Matched {
	id := p.ID()
	m := Matched{Known: b.members[id] != nil}
	var near map[uuid.UUID]matching.Explanation
	var joined []uuid.UUID
	b.suppose(func() {
		joined, m.Joins = b.join(p, at, edgesOf)
		near = b.explainNear(id, m.Joins)
	})
	for other, x := range near {
		_, joins := slices.BinarySearchFunc(joined, other, compareIDs)
		m.Candidates = append(m.Candidates, Candidate{
			Record: other, Group: slices.Clone(b.group(other)), Weight: x.Total, Probability: x.Probability,
			Band: x.Band, Joins: joins, Explanation: x,
		})
	}
	slices.SortFunc(m.Candidates, func(x, y Candidate) int {
		return cmp.Or(cmp.Compare(y.Weight, x.Weight), compareIDs(x.Record, y.Record))
	})
	return m
}

// join puts a record into the book and gives the group that it comes to be in, sorted,
// and the groups as they were of which others are in it. It looks at no more than is
// clustered together with the record, if it can.
func (b *Book) join(p *matching.Prepared, at events.Position, edgesOf func([]uuid.UUID) [][]matching.Edge) (joined []uuid.UUID, joins [][]uuid.UUID) {
	id := p.ID()
	before := b.members[id]
	unheard := before == nil || !before.live
	dirty := sortIDs(b.Put(p, id, at))
	stale := dirty
	if !unheard {
		stale = nil
		dirty = b.refreshAll(dirty, edgesOf)
	}
	// Edges of others only lose by a record that was not there: they can be read when
	// they are come across.
	part, ok := b.leaves(p, stale).of(id)
	if ok {
		return b.joinIn(id, part)
	}
	if unheard {
		dirty = b.refreshAll(dirty, edgesOf)
	}
	old, _ := b.regroupAround(dirty)
	joined = slices.Clone(b.group(id))
	return joined, joinedGroups(old, joined, id)
}

// joinIn clusters the records that are clustered together with one.
func (b *Book) joinIn(id uuid.UUID, part []uuid.UUID) (joined []uuid.UUID, joins [][]uuid.UUID) {
	joined = []uuid.UUID{id}
	if len(part) > 1 {
		groups := b.index.Cluster(b.component(part)).Groups
		joined = groups[slices.IndexFunc(groups, func(g []uuid.UUID) bool { return slices.Contains(g, id) })]
	}
	touched := append(slices.Clone(joined), b.followers(id, joined)...)
	joins = b.groupsOver([][]uuid.UUID{slices.DeleteFunc(touched, func(o uuid.UUID) bool { return o == id })})
	return joined, joins
}

// followers gives the withdrawn records that come to be in the group of one because it
// is there: those of its own group, and those that sources state to be the same.
func (b *Book) followers(id uuid.UUID, joined []uuid.UUID) []uuid.UUID {
	gone := slices.Clone(b.group(id))
	flood(map[uuid.UUID]bool{id: true}, b.stated[id], func(o uuid.UUID, on func(...uuid.UUID)) {
		if m := b.members[o]; m == nil || !m.live {
			gone = append(gone, o)
			on(b.stated[o]...)
		}
	})
	return slices.DeleteFunc(gone, func(o uuid.UUID) bool {
		m := b.members[o]
		if m == nil || m.live {
			return true
		}
		host, ok := b.host(o)
		return !ok || !slices.Contains(joined, host)
	})
}

// joinedGroups gives the old groups of which a record other than id is in the
// joined ones.
func joinedGroups(old [][]uuid.UUID, joined []uuid.UUID, id uuid.UUID) [][]uuid.UUID {
	var out [][]uuid.UUID
	for _, g := range old {
		if slices.ContainsFunc(g, func(o uuid.UUID) bool { return o != id && slices.Contains(joined, o) }) {
			out = append(out, slices.Clone(g))
		}
	}
	sortGroups(out)
	return out
}

// explainNear says why the record weighs what it weighs with its heaviest
// neighbours, and with the nearest of each group that it joins: what a source or a
// person joins need not resemble it.
func (b *Book) explainNear(id uuid.UUID, joins [][]uuid.UUID) map[uuid.UUID]matching.Explanation {
	near := map[uuid.UUID]matching.Explanation{}
	for _, g := range joins[:min(len(joins), maxCandidates)] {
		if other, ok := b.nearest(id, b.liveOf(g)); ok {
			near[other] = b.index.Explain(id, other)
		}
	}
	others := slices.Collect(maps.Keys(b.edges[id]))
	slices.SortFunc(others, func(p, q uuid.UUID) int {
		return cmp.Or(cmp.Compare(b.edges[id][q].weight, b.edges[id][p].weight), compareIDs(p, q))
	})
	for _, other := range others {
		if len(near) == maxCandidates {
			break
		}
		near[other] = b.index.Explain(id, other)
	}
	return near
}

// nearest gives the one of the records that weighs most with id; ok is false where
// there is none but id.
func (b *Book) nearest(id uuid.UUID, records []uuid.UUID) (best uuid.UUID, ok bool) {
	var most int64
	for _, o := range records {
		if w := b.index.Score(id, o).Weight; o != id && (!ok || w > most) {
			best, most, ok = o, w, true
		}
	}
	return best, ok
}
