package matching

import (
	"bytes"
	"slices"

	"github.com/google/uuid"
)

// scratch is what one reader needs: stamp[slot] == round marks slots seen.
type scratch struct {
	stamp      []uint32
	round      uint32
	keys       []uint64
	candidates []uint32
	records    []*Prepared // the candidates to score
	touched    uint32
	pair       pairScore
}

// warm looks up the candidates that keep lets through, and reads a little of each.
// They lie anywhere in memory; reads that do not wait for each other overlap, so
// that scoring then finds the records in the cache.
func (s *scratch) warm(x *Index, keep func(*Prepared) bool) {
	s.records = s.records[:0]
	for _, slot := range s.candidates {
		s.records = append(s.records, x.slots[slot])
	}
	if keep != nil {
		s.records = slices.DeleteFunc(s.records, func(o *Prepared) bool { return !keep(o) })
	}
	for _, o := range s.records {
		s.touched += uint32(o.birth.year)
	}
	for _, o := range s.records {
		s.touched += o.touch()
	}
}

// touch reads something of every piece of a record.
func (p *Prepared) touch() (sum uint32) {
	for i := range p.names {
		for j := range p.names[i].words {
			w := &p.names[i].words[j]
			sum += w.hash + uint32(w.text[0])
		}
	}
	for i := range p.places {
		sum += p.places[i].number + uint32(p.places[i].postal)
		for j := range p.places[i].street {
			sum += p.places[i].street[j].hash + uint32(p.places[i].street[j].text[0])
		}
	}
	for i := range p.phones {
		sum += uint32(p.phones[i].digits[0])
	}
	for i := range p.emails {
		sum += uint32(len(p.emails[i].mailbox))
	}
	for i := range p.documents {
		sum += uint32(p.documents[i].number[0])
	}
	return sum
}

func (x *Index) scratch() *scratch {
	s := x.pool.Get().(*scratch)
	if len(s.stamp) < len(x.slots) {
		s.stamp = append(s.stamp, make([]uint32, len(x.slots)+len(x.slots)/4-len(s.stamp)+16)...)
	}
	if s.round++; s.round == 0 {
		clear(s.stamp)
		s.round = 1
	}
	s.candidates = s.candidates[:0]
	return s
}

// collect finds the candidates of p: every resident record that shares a key of
// which the block, or after a split the part, is within its limit.

func (x *Index) collect(p *Prepared, s *scratch) {
	if self, ok := x.byID[p.id]; ok {
		s.stamp[self] = s.round
	}
	s.keys = x.e.keys(p, s.keys)
	for _, key := range s.keys {
		ref, ok := x.table[tableKey(key, p)]
		if !ok {
			continue
		}
		if ref&manyBit == 0 {
			s.meet(ref)
			continue
		}
		b := &x.blocks[ref&^manyBit]
		members := b.members
		if b.splits != nil {
			split := x.splitOf(key, p)
			members = b.splits[split]
			if split == 0 || len(members) > x.limit(key, p) {
				continue
			}
		}
		for _, m := range members {
			s.meet(m)
		}
	}
}

func (s *scratch) meet(slot uint32) {
	if s.stamp[slot] != s.round {
		s.stamp[slot] = s.round
		s.candidates = append(s.candidates, slot)
	}
}

// Edges gives the edges of a resident record to every candidate that weighs at
// least the review threshold, in the order of the other id. It is symmetric. An
// unknown id has none.
func (x *Index) Edges(id uuid.UUID) []Edge {
	p, ok := x.Get(id)
	if !ok {
		return nil
	}
	return x.edges(p, nil)
}

// EdgesAfter gives those of Edges that lead to greater ids, so that going through
// all records scores each pair once.
func (x *Index) EdgesAfter(id uuid.UUID) []Edge {
	p, ok := x.Get(id)
	if !ok {
		return nil
	}
	return x.edges(p, func(o *Prepared) bool { return compareIDs(p.id, o.id) < 0 })
}

// Probe gives the edges that a record would have to resident ones, without adding
// it: the answer to "is this somebody we know?". Sharing of identifiers is counted
// as it stands.
func (x *Index) Probe(p *Prepared) []Edge { return x.edges(p, nil) }

func (x *Index) edges(p *Prepared, keep func(*Prepared) bool) []Edge {
	s := x.scratch()
	defer x.pool.Put(s)
	x.collect(p, s)
	s.warm(x, keep)
	c, sh := &x.e.model(p).c, sharing{x, p.organization}
	var out []Edge
	for _, o := range s.records {
		c.score(sh, p, o, &s.pair)
		if s.pair.total >= c.review {
			out = append(out, s.pair.edge(p, o))
		}
	}
	clear(s.records) // the pool must not keep records alive
	slices.SortFunc(out, func(a, b Edge) int {
		return compareIDs(a.other(p.id), b.other(p.id))
	})
	return out
}

// other is the end of e that is not id.
func (e *Edge) other(id uuid.UUID) uuid.UUID {
	if e.A == id {
		return e.B
	}
	return e.A
}

// LinkFloor is the link floor in millibits of the model for a resident record; for
// an unknown id it is that for persons.
func (x *Index) LinkFloor(id uuid.UUID) int64 {
	p, ok := x.Get(id)
	if !ok {
		return x.e.models.Person.LinkFloor()
	}
	return x.e.model(p).LinkFloor()
}

// Candidates gives how many records Edges would compare this one with.
func (x *Index) Candidates(id uuid.UUID) int {
	p, ok := x.Get(id)
	if !ok {
		return 0
	}
	s := x.scratch()
	defer x.pool.Put(s)
	x.collect(p, s)
	return len(s.candidates)
}

// Score compares any two resident records. Records of different kinds, and ids
// that are not there, weigh the least there is.
func (x *Index) Score(a, b uuid.UUID) Edge {
	p, q, ok := x.both(a, b)
	if !ok {
		return Edge{A: minID(a, b), B: maxID(a, b), Weight: neverWeight}
	}
	var s pairScore
	x.e.model(p).c.score(sharing{x, p.organization}, p, q, &s)
	return s.edge(p, q)
}

// neverWeight is the weight of a pair that cannot be one.
const neverWeight = -1_000_000

func (x *Index) both(a, b uuid.UUID) (p, q *Prepared, ok bool) {
	p, okA := x.Get(a)
	q, okB := x.Get(b)
	return p, q, okA && okB && p.organization == q.organization
}

func minID(a, b uuid.UUID) uuid.UUID {
	if bytes.Compare(a[:], b[:]) < 0 {
		return a
	}
	return b
}

func maxID(a, b uuid.UUID) uuid.UUID {
	if bytes.Compare(a[:], b[:]) < 0 {
		return b
	}
	return a
}

// Explain says why two resident records weigh what they weigh, whether they are
// candidates or not. Of records that cannot be compared it gives no rows.
func (x *Index) Explain(a, b uuid.UUID) Explanation {
	p, q, ok := x.both(a, b)
	if !ok {
		return Explanation{A: minID(a, b), B: maxID(a, b), Total: neverWeight, Band: BandNone}
	}
	return x.explainPair(p, q)
}

// ExplainProbe is Explain for a record that is not in the index.
func (x *Index) ExplainProbe(p *Prepared, id uuid.UUID) Explanation {
	q, ok := x.Get(id)
	if !ok || p.organization != q.organization {
		return Explanation{A: minID(p.id, id), B: maxID(p.id, id), Total: neverWeight, Band: BandNone}
	}
	return x.explainPair(p, q)
}

func (x *Index) explainPair(p, q *Prepared) Explanation {
	var s pairScore
	c := &x.e.model(p).c
	c.score(sharing{x, p.organization}, p, q, &s)
	out := x.e.explain(c, &s, p.organization)
	out.A, out.B = minID(p.id, q.id), maxID(p.id, q.id)
	return out
}
