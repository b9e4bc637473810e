package resolver

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"ficha/events"
)

// Hypothesis is what somebody may be about to do: to judge, and to take verdicts back.
type Hypothesis struct {
	Judge    []events.IdentityJudged // newest last; as if published one after the other, now
	Withdraw []events.EventID
}

// Foresight is what a hypothesis would make of the customers that it touches.
type Foresight struct {
	// Before and After are whole groups of records, withdrawn ones included, each
	// sorted, in the order of their first record: those that would change, and those
	// of every record that the hypothesis names. Both cover the same records.
	Before, After [][]uuid.UUID
	// Potential are the potential matches that the records of After would have.
	Potential []events.IdentityLink
	// Position is the last event that was taken into account.
	Position events.Position
}

// Foresee says what would come of a hypothesis if it were published now. Nothing is
// published and nothing remembered. It holds up deciding while it works, some ten
// microseconds a record that it touches: ask about thousands of pairs in portions.
//
// The error wraps events.ErrUnavailable while the resolver is not ready, or ctx's
// error.
func (r *Resolver) Foresee(ctx context.Context, h Hypothesis) (Foresight, error) {
	now := r.cfg.Clock()
	return ask(ctx, r, func(b *Book, at events.Position) Foresight {
		f := b.foresee(h, now)
		f.Position = at
		return f
	})
}

// foresee decides under the hypothesis, and takes everything back.
func (b *Book) foresee(h Hypothesis, now time.Time) Foresight {
	made := rulingsOf(h.Judge, now)
	named := map[uuid.UUID]bool{}
	for _, m := range made {
		addAll(named, m.records())
	}
	for _, id := range h.Withdraw {
		addAll(named, b.verdicts.byEvent[id].records())
	}
	var parts []Part
	b.suppose(func() {
		_, parts = b.regroupAround(b.verdicts.rule(made, h.Withdraw))
	})
	var f Foresight
	for _, p := range parts {
		before := b.groupsOver(p.Groups)
		if !slices.EqualFunc(before, p.Groups, slices.Equal) || names(p.Groups, named) {
			b.tell(&p)
			f.Before, f.After = append(f.Before, before...), append(f.After, p.Groups...)
			f.Potential = append(f.Potential, p.Potential...)
		}
	}
	f.sort()
	return f
}

// sort puts groups and pairs in order; a pair between two parts is in both.
func (f *Foresight) sort() {
	sortGroups(f.Before)
	sortGroups(f.After)
	slices.SortFunc(f.Potential, compareLinks)
	f.Potential = slices.CompactFunc(f.Potential, func(p, q events.IdentityLink) bool { return compareLinks(p, q) == 0 })
}

func addAll(into map[uuid.UUID]bool, ids []uuid.UUID) {
	for _, id := range ids {
		into[id] = true
	}
}

// names says whether one of the records is in one of the groups.
func names(groups [][]uuid.UUID, records map[uuid.UUID]bool) bool {
	return slices.ContainsFunc(groups, func(g []uuid.UUID) bool {
		return slices.ContainsFunc(g, func(id uuid.UUID) bool { return records[id] })
	})
}

// groupsOver gives the groups that the records of others are in, in order of their
// first record.
func (b *Book) groupsOver(others [][]uuid.UUID) [][]uuid.UUID {
	var out [][]uuid.UUID
	seen := map[uuid.UUID]bool{}
	for _, id := range slices.Concat(others...) {
		if m := b.members[id]; m != nil && !seen[m.group] {
			seen[m.group] = true
			out = append(out, slices.Clone(b.group(id)))
		}
	}
	sortGroups(out)
	return out
}

func sortGroups(groups [][]uuid.UUID) {
	slices.SortFunc(groups, func(x, y []uuid.UUID) int { return compareIDs(x[0], y[0]) })
}

// rulingsOf dates hypothetical verdicts: now, one after the other.
func rulingsOf(judged []events.IdentityJudged, now time.Time) []ruling {
	out := make([]ruling, len(judged))
	for i, j := range judged {
		id := events.EventID{Source: Source, ID: fmt.Sprintf("supposed-%09d", i)}
		stamp := events.Stamp{Time: now.UTC().Add(time.Duration(i)), Source: id.Source, Event: id.ID}
		out[i] = ruling{id, verdict{Stamp: stamp, Sets: j.Sets, What: j.Verdict}}
	}
	return out
}
