package resolver

import (
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
	for threshold := floor; threshold < maxThreshold; threshold += thresholdStep {
		part, sure := l.piece(id, threshold)
		switch {
		case part != nil:
			return part, sure || threshold == floor // the whole component, refused links and all
		case !sure:
			return nil, false
		}
	}
	return nil, false
}

// piece gives the live records that edges of at least the threshold, stated links and
// verdicts connect with one, nil where they are more than a group may have. sure says
// that nothing refuses any of these links.
func (l *leaves) piece(id uuid.UUID, threshold int64) (part []uuid.UUID, sure bool) {
	sure = true
	seen := map[uuid.UUID]bool{}
	queue := []uuid.UUID{id}
	for len(queue) > 0 {
		x := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if seen[x] {
			continue
		}
		seen[x] = true
		bound, safe := l.bound(x)
		sure = sure && safe
		if m := l.b.members[x]; m != nil && m.live {
			if part = append(part, x); len(part) > l.model.MaxCluster {
				return nil, sure
			}
		}
		queue = append(append(queue, bound...), l.linked(x, threshold)...)
	}
	return sortIDs(part), sure
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
// over others; safe is false where some of that may be refused.
func (l *leaves) bound(x uuid.UUID) (out []uuid.UUID, safe bool) {
	b := l.b
	if len(b.stated[x])+len(b.verdicts.byRecord[x]) == 0 {
		return nil, true
	}
	parted := false
	flood(map[uuid.UUID]bool{}, []uuid.UUID{x}, func(id uuid.UUID, on func(...uuid.UUID)) {
		out = append(out, id)
		on(b.stated[id]...)
		b.verdicts.sameAs(id, func(other uuid.UUID) { on(other) })
		for event := range b.verdicts.byRecord[id] {
			parted = parted || b.verdicts.byEvent[event].What == events.VerdictDifferent
		}
	})
	return out, len(out) == 1 || !parted && len(out) <= l.model.MaxCluster
}
