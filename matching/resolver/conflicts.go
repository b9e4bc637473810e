package resolver

import (
	"slices"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/matching"
)

// RefusedVerdictConflict marks a potential match that is no question of evidence:
// a verdict about the two is left out because newer ones together contradict it.
const RefusedVerdictConflict = "verdict_conflict"

// conflicts gives, for each verdict that is left out and that nobody overruled,
// the pairs with an end in the groups of which the opposite is the case now, in no
// order.
func (b *Book) conflicts(groups [][]uuid.UUID) []events.IdentityLink {
	found := map[pair]bool{}
	for _, g := range groups {
		for _, x := range g {
			if s := b.verdicts.standingOf(x); s != nil && b.members[x].live {
				b.conflictsAt(x, s, found)
			}
		}
	}
	var out []events.IdentityLink
	for p := range found {
		out = append(out, identityLink(matching.Link{Edge: b.index.Score(p[0], p[1]),
			Rule: matching.RuleVerdict, RefusedBy: RefusedVerdictConflict}))
	}
	return out
}

// conflictsAt adds the pairs of x. Each depends on the groups of its two records
// alone, so that a decision about either group gives all that there are.
func (b *Book) conflictsAt(x uuid.UUID, s *standing, found map[pair]bool) {
	for id := range b.verdicts.byRecord[x] {
		if s.marks[id] != conflicted {
			continue
		}
		d := b.verdicts.byEvent[id]
		same := d.What == events.VerdictSame
		for i, mine := range d.Sets {
			if !slices.Contains(mine, x) || !slices.Contains(b.firsts(mine), x) {
				continue
			}
			for j, theirs := range d.Sets {
				if (i == j) == same {
					b.contradicted(x, theirs, same, found)
				}
			}
		}
	}
}

// contradicted adds the pairs of x and the first records of each group in a set, where
// the two should be together, or apart, and are not.
func (b *Book) contradicted(x uuid.UUID, set []uuid.UUID, together bool, found map[pair]bool) {
	for _, y := range b.firsts(set) {
		if y != x && (b.members[y].group == b.members[x].group) != together {
			found[pairOf(x, y)] = true
		}
	}
}

// firsts gives of each group the smallest live record that is in the set.
func (b *Book) firsts(set []uuid.UUID) []uuid.UUID {
	seen := map[uuid.UUID]bool{}
	var out []uuid.UUID
	for _, y := range sortIDs(slices.Clone(set)) {
		if m := b.members[y]; m != nil && m.live && !seen[m.group] {
			seen[m.group] = true
			out = append(out, y)
		}
	}
	return out
}
