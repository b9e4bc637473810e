package resolver

import (
	"slices"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/matching"
)

// componentOf gives what clustering looks at for the two records; ok is false where
// no evidence connects them.
func (b *Book) componentOf(x, y uuid.UUID) (in matching.Component, ok bool) {
	for _, set := range b.components(b.reach([]uuid.UUID{x, y})) {
		if slices.Contains(set, x) && slices.Contains(set, y) {
			return b.component(set), true
		}
	}
	return in, false
}

// refusal says what keeps a machine from joining the groups of two records,
// besides verdicts.
func (b *Book) refusal(x, y uuid.UUID) (Cause, bool) {
	reason := b.index.Score(x, y).Exclusive
	if in, connected := b.componentOf(x, y); connected {
		if why := b.index.WhyApart(in, x, y); why != "" {
			reason = why
		}
	}
	switch reason {
	case "", matching.RefusedVerdict:
		return Cause{}, false
	case matching.RefusedSize:
		return Cause{Code: CauseMaxCluster}, true
	case matching.RefusedMean:
		return Cause{Code: CauseMean}, true
	}
	return Cause{Code: CauseAttribute, Attribute: reason}, true
}

// keyCauses says why two records are never compared, if so.
func (b *Book) keyCauses(x, y uuid.UUID) []Cause {
	shared := b.index.SharedKeys(x, y)
	if len(shared) == 0 {
		return []Cause{{Code: CauseNoSharedKey, Keys: slices.Concat(keysOf(x, b.index.Keys(x)), keysOf(y, b.index.Keys(y)))}}
	}
	if slices.ContainsFunc(shared, func(k matching.BlockingKey) bool { return k.Met }) {
		return nil
	}
	return []Cause{{Code: CauseHotKeys, Keys: keysOf(x, shared)}}
}

func keysOf(id uuid.UUID, keys []matching.BlockingKey) []Key {
	out := make([]Key, len(keys))
	for i, k := range keys {
		out[i] = Key{Record: id, BlockingKey: k}
	}
	return out
}

// chain gives the links over which two live records of one group hold together,
// from x to y; none where one of them is withdrawn.
func (b *Book) chain(x, y uuid.UUID) []events.IdentityLink {
	in, connected := b.componentOf(x, y)
	if !connected {
		return nil
	}
	at := map[uuid.UUID][]matching.Link{}
	for _, l := range b.index.Cluster(in).Links {
		at[l.A], at[l.B] = append(at[l.A], l), append(at[l.B], l)
	}
	return walk(at, x, y, map[uuid.UUID]bool{})
}

// walk finds the way from x to y in a tree of links.
func walk(at map[uuid.UUID][]matching.Link, x, y uuid.UUID, seen map[uuid.UUID]bool) []events.IdentityLink {
	seen[x] = true
	for _, l := range at[x] {
		next := l.A
		if next == x {
			next = l.B
		}
		if seen[next] {
			continue
		}
		if next == y {
			return []events.IdentityLink{identityLink(l)}
		}
		if rest := walk(at, next, y, seen); rest != nil {
			return append([]events.IdentityLink{identityLink(l)}, rest...)
		}
	}
	return nil
}
