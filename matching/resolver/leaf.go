package resolver

import (
	"github.com/google/uuid"

	"ficha/matching"
)

// leaves finds what clustering looks at together, without looking at whole
// components, of which some are very large: records that say little link many others
// weakly. Clustering cuts a component above the size limit by raising the threshold a
// bit at a time until the pieces fit, so that the piece of a record is found from the
// record itself.
type leaves struct {
	b     *Book
	stale map[uuid.UUID]bool // records whose edges may have become less, and were not read anew
	model *matching.Model
}

// thresholdStep is by how much clustering raises the threshold, in millibits.
const thresholdStep = 1000

// maxThreshold is beyond what a pair can weigh, in millibits.
const maxThreshold = 200_000

func (b *Book) leaves(p *matching.Prepared, stale []uuid.UUID) *leaves {
	l := &leaves{b: b, stale: map[uuid.UUID]bool{}, model: b.engine.Models().Person}
	if p.Kind() == matching.Organization {
		l.model = b.engine.Models().Organization
	}
	addAll(l.stale, stale)
	return l
}

// of gives the live records that are clustered together with one, itself included,
// sorted. ok is false where that hangs on more than is near: where verdicts or the
// size limit may refuse links that sources state, the whole component has to be
// looked at.
func (l *leaves) of(id uuid.UUID) (part []uuid.UUID, ok bool) {
	for threshold := l.model.LinkFloor(); threshold < maxThreshold; threshold += thresholdStep {
		part, fits, ok := l.piece(id, threshold)
		if fits || !ok {
			return part, ok
		}
	}
	return nil, false
}

// piece gives the records that edges of at least the threshold, stated links and
// verdicts connect with one. fits is false when they are more than a group may have;
// they are not all found then.
func (l *leaves) piece(id uuid.UUID, threshold int64) (part []uuid.UUID, fits, ok bool) {
	seen := map[uuid.UUID]bool{}
	queue := []uuid.UUID{id}
	for len(queue) > 0 {
		x := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if seen[x] {
			continue
		}
		seen[x] = true
		if m := l.b.members[x]; m != nil && m.live {
			if part = append(part, x); len(part) > l.model.MaxCluster {
				return nil, false, true
			}
		}
		bound, sure := l.bound(x)
		if !sure {
			return nil, false, false
		}
		queue = append(queue, bound...)
		queue = append(queue, l.linked(x, threshold)...)
	}
	return sortIDs(part), true, true
}

// linked gives the records that edges of at least the threshold lead to.
func (l *leaves) linked(x uuid.UUID, threshold int64) []uuid.UUID {
	l.freshen(x)
	var near []uuid.UUID
	for other := range l.b.edges[x] {
		near = append(near, other)
	}
	var out []uuid.UUID
	for _, other := range near {
		l.freshen(other)
		if said, still := l.b.edges[x][other]; still && int64(said.weight) >= threshold {
			out = append(out, other)
		}
	}
	return out
}

// freshen reads the edges of a record anew if they may have changed.
func (l *leaves) freshen(x uuid.UUID) {
	if l.stale[x] {
		delete(l.stale, x)
		l.b.refreshEdges(x, l.b.index.Edges(x))
	}
}

// bound gives the records that stated links and verdicts join with one, directly or
// over others; sure is false where some of that may be refused.
func (l *leaves) bound(x uuid.UUID) (out []uuid.UUID, sure bool) {
	sure = true
	flood(map[uuid.UUID]bool{}, []uuid.UUID{x}, func(id uuid.UUID, on func(...uuid.UUID)) {
		if id != x {
			out = append(out, id)
		}
		on(l.b.stated[id]...)
		l.b.verdicts.sameAs(id, func(other uuid.UUID) { on(other) })
	})
	if len(out) == 0 {
		return nil, true
	}
	for _, id := range append(out, x) {
		if len(l.b.verdicts.byRecord[id]) > 0 {
			sure = false // perhaps one that keeps them apart
		}
	}
	return out, sure && len(out) < l.model.MaxCluster
}
