package resolver

import (
	"slices"

	"github.com/google/uuid"

	"ficha/events"
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
// sorted. ok is false where that hangs on more than is near: where a verdict or the
// size limit may refuse links that sources state, only the whole component tells.
func (l *leaves) of(id uuid.UUID) (part []uuid.UUID, ok bool) {
	floor := l.model.LinkFloor()
	if part, _ := l.piece(id, floor, l.conducted); part != nil {
		return part, true // the whole component
	}
	for threshold := floor; threshold < maxThreshold; threshold += thresholdStep {
		if part, safe := l.piece(id, threshold, l.bound); part != nil || !safe {
			return part, safe
		}
	}
	return nil, false
}

// piece gives the live records that edges of at least the threshold and what bound
// gives connect with one; nil where they are more than a group may have. safe says
// that bound was sure every time.
func (l *leaves) piece(id uuid.UUID, threshold int64, bound func(uuid.UUID) ([]uuid.UUID, bool)) (part []uuid.UUID, safe bool) {
	safe = true
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
				return nil, safe
			}
		}
		joined, sure := bound(x)
		safe = safe && sure
		queue = append(append(queue, joined...), l.linked(x, threshold)...)
	}
	return sortIDs(part), safe
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

// conducted gives the records that stated links and verdicts lead to, as components
// go by them.
func (l *leaves) conducted(x uuid.UUID) (out []uuid.UUID, sure bool) {
	out = slices.Clone(l.b.stated[x])
	l.b.verdicts.sameAs(x, func(other uuid.UUID) { out = append(out, other) })
	return out, true
}

// bound gives the live records that clustering joins with one by stated links and
// verdicts; sure is false where some of that may be refused.
func (l *leaves) bound(x uuid.UUID) (out []uuid.UUID, sure bool) {
	b, parted := l.b, false
	if len(b.stated[x])+len(b.verdicts.byRecord[x]) == 0 {
		return nil, true
	}
	flood(map[uuid.UUID]bool{}, []uuid.UUID{x}, func(id uuid.UUID, on func(...uuid.UUID)) {
		out = append(out, id)
		on(b.liveStated(id)...)
		flood(map[uuid.UUID]bool{}, []uuid.UUID{id}, func(o uuid.UUID, onward func(...uuid.UUID)) {
			if m := b.members[o]; m != nil && m.live {
				on(o)
			}
			for event := range b.verdicts.byRecord[o] {
				parted = parted || b.verdicts.byEvent[event].What == events.VerdictDifferent
			}
			b.verdicts.sameAs(o, func(other uuid.UUID) { onward(other) })
		})
	})
	return out, len(out) == 1 || !parted && len(out) <= l.model.MaxCluster
}
