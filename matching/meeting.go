package matching

import (
	"slices"

	"github.com/google/uuid"
)

// BlockingKey is one key of a resident record: what it is looked up by.
type BlockingKey struct {
	Name    string // of its rule in the model
	Holders int    // resident records that have it
	Hot     bool   // more have it than the model allows: only those that agree in a second field meet
	Met     bool   // of a shared key: the two meet by it
}

// Keys gives the blocking keys of a resident record, in the order of the model's
// rules; none for an unknown id. Their values are not told: they are hashes.
func (x *Index) Keys(id uuid.UUID) []BlockingKey {
	p, ok := x.Get(id)
	if !ok {
		return nil
	}
	var out []BlockingKey
	for _, key := range x.e.keys(p, nil) {
		k, _ := x.describe(key, p)
		out = append(out, k)
	}
	return out
}

// SharedKeys gives the blocking keys that two resident records have in common, in
// the order of the model's rules. Records that meet by none of them are never
// compared.
func (x *Index) SharedKeys(a, b uuid.UUID) []BlockingKey {
	p, q, ok := x.both(a, b)
	if !ok {
		return nil
	}
	var out []BlockingKey
	theirs := x.e.keys(q, nil)
	for _, key := range x.e.keys(p, nil) {
		if !holds(theirs, key) {
			continue
		}
		k, block := x.describe(key, p)
		split := x.splitOf(key, p)
		k.Met = !k.Hot || split != 0 && split == x.splitOf(key, q) && len(block.splits[split]) <= x.limit(key, p)
		out = append(out, k)
	}
	return out
}

// describe reads how a key stands. The block is nil where one record has the key.
func (x *Index) describe(key uint64, p *Prepared) (BlockingKey, *block) {
	k := BlockingKey{Name: x.e.model(p).Blocking[rule(key)].Key, Holders: 1}
	ref, ok := x.table[tableKey(key, p)]
	if !ok || ref&manyBit == 0 {
		return k, nil
	}
	b := &x.blocks[ref&^manyBit]
	k.Holders, k.Hot = b.count, b.splits != nil
	return k, b
}

// WhyApart says why clustering the component leaves two of its records apart: one of
// the Refused… names or an exclusive attribute; "" where nothing refused them,
// they merely do not weigh enough. It is as in [Partition.Potential], for any pair.
func (x *Index) WhyApart(in Component, a, b uuid.UUID) string {
	k := x.newClustering(in)
	i, okA := slices.BinarySearchFunc(k.ids, a, compareIDs)
	j, okB := slices.BinarySearchFunc(k.ids, b, compareIDs)
	if !okA || !okB {
		return ""
	}
	k.cluster(in.Stated)
	if k.group[i] == k.group[j] {
		return ""
	}
	why := k.reason(numbered{min(i, j), max(i, j), x.Score(a, b)})
	if why == RefusedMean && k.forbidden(k.group[i], k.group[j]) == RefusedSize {
		return RefusedSize // noted at another pair of the two groups, or the part was cut
	}
	return why
}
