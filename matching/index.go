package matching

import (
	"bytes"
	"slices"
	"sync"

	"github.com/google/uuid"
)

// Index holds prepared records by their blocking keys and finds the edges of one.
// One goroutine writes (Put, Remove); Edges, Probe, Score and Explain may run
// concurrently between writes. What they give depends on the records that the
// index holds and on nothing else, so a rebuilt index gives the same.
type Index struct {
	e                *Engine
	slots            []*Prepared
	free             []uint32
	byID             map[uuid.UUID]uint32
	table            map[uint64]uint32 // key → slot of its one holder, or manyBit | block
	blocks           []block
	spare            []uint32
	idents           [2][identFamilies]uint64 // rule of each identifier's keys in either model, in the top byte
	newKeys, oldKeys []uint64                 // the writer's
	pool             sync.Pool                // *scratch
}

const manyBit = 1 << 31

// block holds the records of a key that more than one has. A hot one holds them
// by the second field instead.
type block struct {
	members []uint32
	splits  map[uint64][]uint32 // nil while the block is not hot
	count   int
	step    uint8 // identifiers: the sharing step in force
}

// NewIndex gives an empty index.
func NewIndex(e *Engine) *Index {
	x := &Index{e: e, byID: map[uuid.UUID]uint32{}, table: map[uint64]uint32{}}
	for k, m := range []*Model{e.models.Person, e.models.Organization} {
		for f, name := range [identFamilies]string{"document", "phone", "email", "handle"} {
			x.idents[k][f] = noRule
			for i, r := range m.Blocking {
				if r.Key == name {
					x.idents[k][f] = uint64(i)
				}
			}
		}
	}
	x.pool.New = func() any { return &scratch{} }
	return x
}

const noRule = 1 << 8

// Len is the number of records.
func (x *Index) Len() int { return len(x.byID) }

// Get gives the record with this id.
func (x *Index) Get(id uuid.UUID) (*Prepared, bool) {
	slot, ok := x.byID[id]
	if !ok {
		return nil, false
	}
	return x.slots[slot], true
}

// Put adds a record, in place of an earlier one with its id. It gives the ids of
// other records whose edges may have changed because a key became or ceased to be
// hot, or an identifier's sharing crossed a step; sorted, without repetitions.
// Records that share an ordinary key with p are not among them: they are the
// other ends of p's own edges, before and after.
func (x *Index) Put(p *Prepared) (touched []uuid.UUID) {
	var t touching
	old, slot := x.take(p)
	x.newKeys, x.oldKeys = x.e.keys(p, x.newKeys), x.oldKeys[:0]
	if old != nil {
		x.oldKeys = x.e.keys(old, x.oldKeys)
	}
	for _, key := range x.newKeys {
		if !holds(x.oldKeys, key) {
			x.insert(key, slot, p, &t)
		}
	}
	if old != nil {
		x.replace(old, p, slot, &t)
	}
	return t.ids(x, p.id)
}

// take gives p a slot, the one of the record it replaces if there is one.
func (x *Index) take(p *Prepared) (old *Prepared, slot uint32) {
	slot, ok := x.byID[p.id]
	switch {
	case ok:
		old = x.slots[slot]
		if old.organization != p.organization {
			x.Remove(p.id)
			return x.take(p)
		}
		x.slots[slot] = p
	case len(x.free) > 0:
		slot = x.free[len(x.free)-1]
		x.free = x.free[:len(x.free)-1]
		x.slots[slot], x.byID[p.id] = p, slot
	default:
		slot = uint32(len(x.slots))
		x.slots, x.byID[p.id] = append(x.slots, p), slot
	}
	return old, slot
}

// replace takes the keys away that only the old record had, and moves those that
// both have where the second field or the person changed.
func (x *Index) replace(old, p *Prepared, slot uint32, t *touching) {
	for _, key := range x.oldKeys {
		if !holds(x.newKeys, key) {
			x.drop(key, slot, old, t)
			continue
		}
		ref := x.table[tableKey(key, p)]
		if ref&manyBit == 0 {
			continue
		}
		b := &x.blocks[ref&^manyBit]
		if split := x.splitOf(key, p); b.splits != nil {
			if was := x.splitOf(key, old); was != split {
				b.leaveSplit(was, slot, x.limit(key, p), t)
				b.joinSplit(split, slot, x.limit(key, p), t)
			}
		}
		x.restep(key, b, p, 3, t)
	}
}

func holds(keys []uint64, key uint64) bool {
	_, ok := slices.BinarySearch(keys, key)
	return ok
}

// Remove takes a record out and gives the ids of other records whose edges may
// have changed, as Put does. An unknown id changes nothing.
func (x *Index) Remove(id uuid.UUID) (touched []uuid.UUID) {
	slot, ok := x.byID[id]
	if !ok {
		return nil
	}
	p := x.slots[slot]
	var t touching
	x.oldKeys = x.e.keys(p, x.oldKeys)
	for _, key := range x.oldKeys {
		x.drop(key, slot, p, &t)
	}
	delete(x.byID, id)
	x.slots[slot] = nil
	x.free = append(x.free, slot)
	return t.ids(x, id)
}

// rule, limit and splitOf read what the model says of a key.
func rule(key uint64) int { return int(key >> 56) }

func (x *Index) limit(key uint64, p *Prepared) int {
	m := x.e.model(p)
	if max := m.Blocking[rule(key)].Max; max > 0 {
		return max
	}
	return m.MaxBlock
}

func (x *Index) splitOf(key uint64, p *Prepared) uint64 {
	return x.e.splits[kindIndex(p)][rule(key)](p)
}

// tableKey keeps the keys of persons and organisations apart.
func tableKey(key uint64, p *Prepared) uint64 {
	if p.organization {
		return key ^ 1<<63
	}
	return key
}

func (x *Index) insert(key uint64, slot uint32, p *Prepared, t *touching) {
	tk := tableKey(key, p)
	ref, ok := x.table[tk]
	switch {
	case !ok:
		x.table[tk] = slot
		return
	case ref&manyBit == 0:
		x.table[tk] = manyBit | x.newBlock(ref, slot)
		b := &x.blocks[x.table[tk]&^manyBit]
		x.restep(key, b, p, 3, t)
		return
	}
	b := &x.blocks[ref&^manyBit]
	b.count++
	limit := x.limit(key, p)
	switch {
	case b.splits != nil:
		b.joinSplit(x.splitOf(key, p), slot, limit, t)
	case b.count <= limit:
		b.members = append(b.members, slot)
	default:
		t.add(b.members)
		b.members = append(b.members, slot)
		x.heat(key, b, p)
	}
	x.restep(key, b, p, 3, t)
}

func (x *Index) newBlock(a, b uint32) uint32 {
	made := block{members: []uint32{a, b}, count: 2}
	if n := len(x.spare); n > 0 {
		i := x.spare[n-1]
		x.spare = x.spare[:n-1]
		x.blocks[i] = made
		return i
	}
	x.blocks = append(x.blocks, made)
	return uint32(len(x.blocks) - 1)
}

// heat sorts the members of a block that became hot by the second field.
func (x *Index) heat(key uint64, b *block, p *Prepared) {
	b.splits = map[uint64][]uint32{}
	for _, m := range b.members {
		s := x.splitOf(key, x.slots[m])
		b.splits[s] = append(b.splits[s], m)
	}
	b.members = nil
}

// cool puts the members of a block that is no longer hot together again.
func (b *block) cool() {
	for _, members := range b.splits {
		b.members = append(b.members, members...)
	}
	b.splits = nil
}

// joinSplit and leaveSplit keep a part of a hot block; crossing the limit touches
// its members. Part 0 holds records without the second field and yields nothing.
func (b *block) joinSplit(split uint64, slot uint32, limit int, t *touching) {
	part := b.splits[split]
	if split != 0 && len(part) == limit {
		t.add(part)
	}
	b.splits[split] = append(part, slot)
}

func (b *block) leaveSplit(split uint64, slot uint32, limit int, t *touching) {
	part := without(b.splits[split], slot)
	if split != 0 && len(part) == limit {
		t.add(part)
	}
	if len(part) == 0 {
		delete(b.splits, split)
		return
	}
	b.splits[split] = part
}

func without(members []uint32, slot uint32) []uint32 {
	i := slices.Index(members, slot)
	last := len(members) - 1
	members[i] = members[last]
	return members[:last]
}

func (x *Index) drop(key uint64, slot uint32, p *Prepared, t *touching) {
	tk := tableKey(key, p)
	ref := x.table[tk]
	if ref&manyBit == 0 {
		delete(x.table, tk)
		return
	}
	at := ref &^ manyBit
	b := &x.blocks[at]
	b.count--
	limit := x.limit(key, p)
	if b.splits != nil {
		b.leaveSplit(x.splitOf(key, p), slot, limit, t)
		if b.count == limit {
			b.cool()
			t.add(b.members)
		}
	} else {
		b.members = without(b.members, slot)
	}
	if b.count == 1 {
		x.table[tk] = b.members[0]
		x.blocks[at] = block{}
		x.spare = append(x.spare, at)
		return
	}
	x.restep(key, b, p, 2, t)
}

// restep counts the people behind an identifier again. A step crossed touches the
// holders if at least atLeast hold it: a pair among them must have been there
// without the record at hand.
func (x *Index) restep(key uint64, b *block, p *Prepared, atLeast int, t *touching) {
	k := kindIndex(p)
	if !slices.Contains(x.idents[k][:], uint64(rule(key))) {
		return
	}
	c := &x.e.model(p).c
	step := uint8(len(c.sharing))
	if b.splits == nil {
		_, step = c.discount(x.people(b.members))
	}
	if step != b.step && b.count >= atLeast {
		t.addBlock(b)
	}
	b.step = step
}

// people estimates how many distinct people are behind records that share an
// identifier: the distinct (name, birth date), read so that spellings and gaps of
// one person's records do not count. It is the larger of the number of distinct
// beginnings of given names by sound and of distinct certain dates of birth.
func (x *Index) people(members []uint32) int {
	var names, births [24]uint32
	n, d := 0, 0
	for _, m := range members {
		p := x.slots[m]
		if s := p.initial; s != 0 && n < len(names) && !slices.Contains(names[:n], s) {
			names[n] = s
			n++
		}
		if p.birth.certain() && d < len(births) {
			if v := uint32(p.birth.canonical()); !slices.Contains(births[:d], v) {
				births[d] = v
				d++
			}
		}
	}
	return max(n, d, 1)
}

// sharing gives what identifiers lose for the people who share them.
type sharing struct {
	x            *Index
	organization bool
}

func (s sharing) discountOf(c *compiled, family identFamily, value uint64) int32 {
	k, side := 0, uint64(0)
	if s.organization {
		k, side = 1, 1<<63
	}
	r := s.x.idents[k][family]
	if r == noRule {
		return 0
	}
	ref, ok := s.x.table[(r<<56|mix(value)>>8)^side]
	if !ok || ref&manyBit == 0 {
		return 0
	}
	step := s.x.blocks[ref&^manyBit].step
	if step == 0 {
		return 0
	}
	return c.sharing[step-1].discount
}

// touching collects slots whose edges may have changed.
type touching struct{ slots []uint32 }

func (t *touching) add(slots []uint32) { t.slots = append(t.slots, slots...) }

func (t *touching) addBlock(b *block) {
	t.add(b.members)
	for _, part := range b.splits {
		t.add(part)
	}
}

func (t *touching) ids(x *Index, but uuid.UUID) []uuid.UUID {
	if len(t.slots) == 0 {
		return nil
	}
	slices.Sort(t.slots)
	var out []uuid.UUID
	for _, s := range slices.Compact(t.slots) {
		if p := x.slots[s]; p != nil && p.id != but {
			out = append(out, p.id)
		}
	}
	slices.SortFunc(out, compareIDs)
	return out
}

func compareIDs(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }
