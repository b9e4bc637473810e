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
// projection shows. Each pair has a checksum of reason and evidence.
type openPairs struct {
	of      map[uuid.UUID]map[pair]uint64 // under both records
	touched map[pair]bool                 // changed since the last save
	journal *journal
}

func newOpenPairs(j *journal) openPairs {
	return openPairs{of: map[uuid.UUID]map[pair]uint64{}, touched: map[pair]bool{}, journal: j}
}

// replace makes the given pairs, with their checksums, all that are open at the
// records of the groups, as the fold of a decision does. It says whether that changed
// anything.
func (o *openPairs) replace(groups [][]uuid.UUID, want map[pair]uint64) bool {
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
		keep(o.journal, o.of, id)
		if o.of[id] == nil {
			o.of[id] = map[pair]uint64{}
		}
		keep(o.journal, o.of[id], p)
		o.of[id][p] = sum
	}
	o.touch(p)
}

func (o *openPairs) remove(p pair) {
	for _, id := range p {
		keep(o.journal, o.of, id)
		keep(o.journal, o.of[id], p)
		delete(o.of[id], p)
		if len(o.of[id]) == 0 {
			delete(o.of, id)
		}
	}
	o.touch(p)
}

func (o *openPairs) touch(p pair) {
	keep(o.journal, o.touched, p)
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

// sumOf is the checksum of a potential match; levels is that of its evidence.
func sumOf(l events.IdentityLink, levels uint32) uint64 {
	h := fnv.New64a()
	h.Write(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(nil, uint64(l.Weight)), levels))
	h.Write([]byte(l.Rule + "|" + l.RefusedBy))
	return h.Sum64()
}

// sumsOf gives the checksums of pairs.
func sumsOf(potential []events.IdentityLink, sum func(events.IdentityLink) uint64) map[pair]uint64 {
	out := make(map[pair]uint64, len(potential))
	for _, l := range potential {
		out[pairOf(l.A, l.B)] = sum(l)
	}
	return out
}

// potentials gives what a person should look at of the given groups: verdicts
// that contradict each other, and the pairs that leave a group in the review band
// or refused by a rule, each among the strongest ten of both its records. What a
// person decided is not asked again: no pair between groups that a verdict keeps
// apart is among them.
func (b *Book) potentials(groups [][]uuid.UUID, refused map[[2]uuid.UUID]matching.Link) []events.IdentityLink {
	out := b.conflicts(groups)
	seen := make(map[pair]bool, len(out))
	for _, l := range out {
		seen[pair{l.A, l.B}] = true
	}
	for _, g := range groups {
		for _, x := range g {
			for _, y := range b.strongest(x) {
				p := pairOf(x, y)
				if seen[p] || !slices.Contains(b.strongest(y), x) {
					continue
				}
				seen[p] = true
				if _, apart := b.keepsApart(g, b.group(y)); apart {
					continue
				}
				said := b.edges[x][y]
				out = append(out, events.IdentityLink{A: p[0], B: p[1], Weight: int64(said.weight), Rule: matching.RuleScore,
					RefusedBy: cmp.Or(refused[p].RefusedBy, said.attribute())})
			}
		}
	}
	slices.SortFunc(out, compareLinks)
	return out
}

// strongest gives the at most ten records outside x's group with the heaviest
// edges to it, heaviest first. Those of which a verdict says that they are not x
// take nobody's place; whether other verdicts keep the groups apart is asked
// afterwards, since it may change without x or its neighbours.
func (b *Book) strongest(x uuid.UUID) []uuid.UUID {
	group, judged := b.members[x].group, len(b.verdicts.byRecord[x]) > 0
	var out []uuid.UUID
	for y := range b.edges[x] {
		if b.members[y].group != group && !(judged && b.verdicts.parted(x, y)) {
			out = append(out, y)
		}
	}
	slices.SortFunc(out, func(p, q uuid.UUID) int {
		return cmp.Or(cmp.Compare(b.edges[x][q].weight, b.edges[x][p].weight), compareIDs(p, q))
	})
	return out[:min(len(out), maxPotential)]
}
