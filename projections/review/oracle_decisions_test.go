package review

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/google/uuid"

	"ficha/events"
)

// complete fills what follows from customers and reasons.
func (o *oracle) complete(it *Item) {
	sort.Slice(it.Reasons, func(i, k int) bool {
		return fmt.Sprint(it.Reasons[i].A, it.Reasons[i].B) < fmt.Sprint(it.Reasons[k].A, it.Reasons[k].B)
	})
	if it.Kind != KindHold {
		it.Sides = nil
		for _, c := range it.Customers {
			it.Sides = append(it.Sides, o.members[c])
		}
	}
	it.Records = sorted(slices.Concat(it.Sides...))
	sources := map[string]bool{}
	for _, c := range it.Customers {
		for _, m := range o.members[c] {
			for n := range storyRecords {
				if idOf(n) == m {
					sources[sourceOf(n)] = true
				}
			}
		}
	}
	it.Sources = slices.Sorted(maps.Keys(sources))
	it.Live = nil
	for _, id := range it.Records {
		if it.Kind != KindHold && o.live[id] {
			it.Live = append(it.Live, id)
		}
	}
	wait := 7 * 24 * time.Hour
	for i, r := range it.Reasons {
		if i == 0 || r.Since.Before(it.OpenedAt) {
			it.OpenedAt = r.Since
		}
		if r.Code == CodeVerdictConflict || r.Code == CodeHeldDeny {
			wait = 2 * 24 * time.Hour
		}
	}
	it.DueAt = it.OpenedAt.Add(wait)
}

// answers says whether a verdict is about the whole question of an item.
func answers(v *told, it *Item) bool {
	if v.id.Source == "/ficha/steward" && strings.HasPrefix(v.id.ID, "review."+it.ID.String()+".") {
		return true
	}
	in := func(set, side []uuid.UUID) bool {
		for _, a := range set {
			for _, b := range side {
				if a == b {
					return true
				}
			}
		}
		return false
	}
	var sides [][]uuid.UUID
	for _, side := range it.Sides {
		var live []uuid.UUID
		for _, id := range side {
			if it.Kind == KindHold || slices.Contains(it.Live, id) {
				live = append(live, id)
			}
		}
		sides = append(sides, live)
	}
	all := func(set []uuid.UUID) bool {
		for _, side := range sides {
			if !in(set, side) {
				return false
			}
		}
		return true
	}
	switch v.data.Verdict {
	case events.VerdictSame:
		for _, set := range v.data.Sets {
			if all(set) {
				return true
			}
		}
		return false
	case events.VerdictUnsure:
		return all(slices.Concat(v.data.Sets...))
	}
	for i, side := range sides {
		for _, other := range sides[:i] {
			apart := false
			for n, a := range v.data.Sets {
				for m, b := range v.data.Sets {
					apart = apart || n != m && in(a, side) && in(b, other)
				}
			}
			if !apart {
				return false
			}
		}
	}
	return true
}

func (o *oracle) decide(it *Item, evident bool) {
	evidence := ""
	var cause events.Position
	for _, r := range it.Reasons {
		evidence += fmt.Sprint(r.A, r.B, r.Code, r.Weight, r.Parted)
		if r.Code == CodeVerdictConflict && evident {
			cause = max(cause, r.Cause)
		}
	}
	var settled, unsure *told
	for _, v := range o.verdicts {
		if o.withdrawn[v.id] || o.leftOut[v.id] || !answers(v, it) || !namesOne(v, it.Records) {
			continue
		}
		switch {
		case v.data.Verdict == events.VerdictUnsure:
			if v.position == o.at && evident {
				v.seen[it.ID] = evidence
			}
			if unsure == nil || v.stamp.Compare(unsure.stamp) > 0 {
				unsure = v
			}
		case v.position > cause && (settled == nil || v.stamp.Compare(settled.stamp) > 0):
			settled = v
		}
	}
	if it.Kind == KindHold && settled != nil && settled.data.Verdict == events.VerdictDifferent {
		settled = nil
	}
	it.State, it.Decision = StateOpen, nil
	if settled != nil {
		it.State, it.Decision = StateDecided, o.decision(settled, it)
	} else if evident && unsure != nil && unsure.seen[it.ID] == evidence {
		it.State, it.Decision = StateUnsure, o.decision(unsure, it)
	}
}

// namesOne: a verdict that names the item by its event id, but none of its
// records, is about something else.
func namesOne(v *told, records []uuid.UUID) bool {
	return slices.ContainsFunc(slices.Concat(v.data.Sets...), func(id uuid.UUID) bool { return slices.Contains(records, id) })
}

func (o *oracle) decision(v *told, it *Item) *Decision {
	set := []*told{v}
	parts := strings.Split(v.id.ID, ".")
	if v.id.Source == "/ficha/steward" && parts[1] == it.ID.String() {
		set = nil
		for n := range 4 {
			for _, x := range o.verdicts {
				if x.id.Source == v.id.Source && x.id.ID == fmt.Sprintf("review.%s.%s.%d", parts[1], parts[2], n) && !o.withdrawn[x.id] && !o.leftOut[x.id] && namesOne(x, it.Records) {
					set = append(set, x)
				}
			}
		}
	}
	d := &Decision{Verdict: set[0].data.Verdict, By: "rosa", Job: set[0].data.Job, At: at(10_000 + int(set[0].position) - 1)}
	for _, x := range set {
		d.Events, d.Position = append(d.Events, x.id), max(d.Position, x.position)
	}
	return d
}
