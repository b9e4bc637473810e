package steward

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/matching/resolver"
	"ficha/projections"
	"ficha/projections/review"
)

// Codes of obstacles that no rule of matching has a name for.
const (
	ObstacleApart    = "apart"
	ObstacleTogether = "together"
)

// obstacles says why the groups foreseen are not what a verdict says. Withdrawn
// records go where the live ones are, so they are looked at only where a set has
// no live one.
func obstacles(j events.IdentityJudged, f resolver.Foresight, known members) []Obstacle {
	groupOf := map[uuid.UUID]int{}
	for n, g := range f.After {
		for _, id := range g {
			groupOf[id] = n + 1
		}
	}
	var out []Obstacle
	if j.Verdict == events.VerdictSame {
		for _, set := range j.Sets {
			out = append(out, scattered(set, groupOf, f.Potential, known)...)
		}
		return out
	}
	if j.Verdict == events.VerdictDifferent {
		return together(j.Sets, groupOf, known)
	}
	return nil
}

// scattered finds what keeps the records of one set in several groups.
func scattered(set []uuid.UUID, groupOf map[uuid.UUID]int, potential []events.IdentityLink, known members) []Obstacle {
	set = known.living(set)
	if len(set) == 0 {
		return nil
	}
	var out []Obstacle
	met := map[int]bool{groupOf[set[0]]: true}
	for _, id := range set[1:] {
		if met[groupOf[id]] {
			continue
		}
		met[groupOf[id]] = true
		out = append(out, Obstacle{Code: between(groupOf[set[0]], groupOf[id], groupOf, potential), A: set[0], B: id})
	}
	return out
}

// between names the rule that refuses to join two groups.
func between(g, h int, groupOf map[uuid.UUID]int, potential []events.IdentityLink) string {
	for _, l := range potential {
		a, b := groupOf[l.A], groupOf[l.B]
		if l.RefusedBy != "" && (a == g && b == h || a == h && b == g) {
			return l.RefusedBy
		}
	}
	return ObstacleApart
}

// together finds records of different sets in one group: one pair for each two sets.
func together(sets [][]uuid.UUID, groupOf map[uuid.UUID]int, known members) []Obstacle {
	var out []Obstacle
	for n, set := range sets {
		for _, other := range sets[:n] {
			if a, b, ok := sharing(known.living(other), known.living(set), groupOf); ok {
				out = append(out, Obstacle{Code: ObstacleTogether, A: a, B: b})
			}
		}
	}
	return out
}

func sharing(one, two []uuid.UUID, groupOf map[uuid.UUID]int) (a, b uuid.UUID, ok bool) {
	for _, a := range one {
		for _, b := range two {
			if groupOf[a] != 0 && groupOf[a] == groupOf[b] {
				return a, b, true
			}
		}
	}
	return uuid.Nil, uuid.Nil, false
}

// living gives the live records of a set, or all where none is.
func (m members) living(set []uuid.UUID) []uuid.UUID {
	live := slices.DeleteFunc(slices.Clone(set), func(id uuid.UUID) bool { return !m[id].Live })
	if len(live) == 0 {
		return set
	}
	return live
}

// overridden lists the verdicts in force that statements contradict: being older,
// they would count no more. Sorted by position.
func overridden(ctx context.Context, r projections.Reader, all []statement) ([]review.Judgement, error) {
	found := map[uuid.UUID]review.Judgement{}
	for _, s := range all {
		j, ok := judgedIn(s)
		if !ok {
			continue
		}
		for _, id := range slices.Concat(j.Sets...) {
			before, err := review.VerdictsOf(ctx, r, id)
			if err != nil {
				return nil, fmt.Errorf("read earlier verdicts: %w", err)
			}
			for _, b := range before {
				if b.InForce() && contradict(j, b) {
					found[b.ID] = b
				}
			}
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b review.Judgement) int {
		return int(int64(a.Position) - int64(b.Position))
	}), nil
}

// contradict says whether one verdict joins what the other keeps apart.
func contradict(j events.IdentityJudged, b review.Judgement) bool {
	switch {
	case j.Verdict == events.VerdictSame && b.Verdict == events.VerdictDifferent:
		return slices.ContainsFunc(j.Sets, func(set []uuid.UUID) bool { return meets(set, b.Sets) > 1 })
	case j.Verdict == events.VerdictDifferent && b.Verdict == events.VerdictSame:
		return slices.ContainsFunc(b.Sets, func(set []uuid.UUID) bool { return meets(set, j.Sets) > 1 })
	}
	return false
}

// meets says of how many sets a set has records.
func meets(set []uuid.UUID, sets [][]uuid.UUID) int {
	n := 0
	for _, other := range sets {
		if slices.ContainsFunc(other, func(id uuid.UUID) bool { return slices.Contains(set, id) }) {
			n++
		}
	}
	return n
}
