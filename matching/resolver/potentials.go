package resolver

import (
	"cmp"
	"encoding/binary"
	"hash/fnv"
	"maps"
	"slices"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/matching"
)

// pair is two records, the smaller first.
type pair [2]uuid.UUID

func pairOf(a, b uuid.UUID) pair {
	if compareIDs(a, b) > 0 {
		a, b = b, a
	}
	return pair{a, b}
}

// openPairs are the potential matches as the log states them: what the golden
// projection shows. Each pair has a checksum of weight and reason.
type openPairs struct {
	of      map[uuid.UUID]map[pair]uint64 // under both records
	touched map[pair]bool                 // changed since the last save
}

func newOpenPairs() openPairs {
	return openPairs{of: map[uuid.UUID]map[pair]uint64{}, touched: map[pair]bool{}}
}

// replace makes the given pairs all that are open at the records of the groups,
// as the fold of a decision does. It says whether that changed anything.
func (o *openPairs) replace(groups [][]uuid.UUID, potential []events.IdentityLink) bool {
	want := make(map[pair]uint64, len(potential))
	for _, l := range potential {
		want[pairOf(l.A, l.B)] = sumOf(l)
	}
	have := map[pair]uint64{}
	for _, g := range groups {
		for _, id := range g {
			maps.Copy(have, o.of[id])
		}
	}
	if maps.Equal(have, want) {
		return false
	}
	for p := range have {
		if _, stays := want[p]; !stays {
			o.remove(p)
		}
	}
	for p, sum := range want {
		if old, ok := have[p]; !ok || old != sum {
			o.put(p, sum)
		}
	}
	return true
}

func (o *openPairs) put(p pair, sum uint64) {
	for _, id := range p {
		if o.of[id] == nil {
			o.of[id] = map[pair]uint64{}
		}
		o.of[id][p] = sum
	}
	o.touched[p] = true
}

func (o *openPairs) remove(p pair) {
	for _, id := range p {
		delete(o.of[id], p)
		if len(o.of[id]) == 0 {
			delete(o.of, id)
		}
	}
	o.touched[p] = true
}

// saved gives rows for the pairs that changed since the last call.
func (o *openPairs) saved() []Row {
	var out []Row
	for p := range o.touched {
		r := Row{Key: append(key(rowOpen, p[0]), p[1][:]...)}
		if sum, open := o.of[p[0]][p]; open {
			r.Value = binary.BigEndian.AppendUint64(nil, sum)
		}
		out = append(out, r)
	}
	clear(o.touched)
	return out
}

// load takes a saved row.
func (o *openPairs) load(r Row) {
	if len(r.Key) == 33 && len(r.Value) == 8 {
		o.put(pair{uuid.UUID(r.Key[1:17]), uuid.UUID(r.Key[17:33])}, binary.BigEndian.Uint64(r.Value))
	}
}

func sumOf(l events.IdentityLink) uint64 {
	h := fnv.New64a()
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(l.Weight)))
	h.Write([]byte(l.Rule + "|" + l.RefusedBy))
	return h.Sum64()
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
