package resolver

import (
	"slices"

	"ficha/events"
	"ficha/matching"
)

// evidence is what the book keeps of an edge: enough to decide, and to notice that
// what was published about it has changed. There are several a record.
type evidence struct {
	weight    int32  // millibits
	levels    uint32 // checksum of how the comparisons came out
	exclusive uint8  // the exclusive attribute that the two differ in, counted from 1; 0: none
}

func evidenceOf(e matching.Edge) evidence {
	out := evidence{weight: int32(e.Weight), levels: sumOfLevels(e.Levels)}
	if e.Exclusive != "" {
		out.exclusive = uint8(1 + slices.Index(matching.ExclusiveNames(), e.Exclusive))
	}
	return out
}

// attribute names the exclusive attribute, "" where there is none.
func (e evidence) attribute() string {
	if e.exclusive == 0 {
		return ""
	}
	return matching.ExclusiveNames()[e.exclusive-1]
}

// sumOfLevels is a checksum (FNV-1a) of how comparisons came out.
func sumOfLevels(levels []string) uint32 {
	h := uint32(2166136261)
	for _, l := range levels {
		for i := range len(l) {
			h = (h ^ uint32(l[i])) * 16777619
		}
		h = (h ^ 0xff) * 16777619
	}
	return h
}

// tell adds the levels of evidence to a part's potential matches, for whoever reads
// them; the book keeps a checksum alone.
func (b *Book) tell(p *Part) {
	for i := range p.Potential {
		if l := &p.Potential[i]; l.Levels == nil {
			l.Levels = b.index.Score(l.A, l.B).Levels
		}
	}
}

// sumOfPair is the checksum of a potential match that was not told yet.
func (b *Book) sumOfPair(l events.IdentityLink) uint64 {
	if e, edge := b.edges[l.A][l.B]; edge && l.Levels == nil {
		return sumOf(l, e.levels)
	}
	return sumOf(l, sumOfLevels(l.Levels))
}
