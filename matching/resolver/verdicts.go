package resolver

import (
	"slices"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/matching"
)

// verdicts are the stewards' decisions in force, by the event that made them.
type verdicts struct {
	byEvent  map[events.EventID]verdict
	byRecord map[uuid.UUID]map[events.EventID]bool
	// withdrawn remembers withdrawals, for one may arrive before its verdict.
	withdrawn map[events.EventID]bool
}

// verdict is one decision: Sets as in events.IdentityJudged.
type verdict struct {
	Stamp events.Stamp   `json:"stamp"`
	Sets  [][]uuid.UUID  `json:"sets"`
	What  events.Verdict `json:"what"`
}

// judge adds a verdict and returns the records that it names.
func (v *verdicts) judge(id events.EventID, d verdict) []uuid.UUID {
	if v.withdrawn[id] {
		return nil
	}
	v.byEvent[id] = d
	var named []uuid.UUID
	for _, set := range d.Sets {
		for _, r := range set {
			if v.byRecord[r] == nil {
				v.byRecord[r] = map[events.EventID]bool{}
			}
			v.byRecord[r][id] = true
			named = append(named, r)
		}
	}
	return sortIDs(named)
}

// withdraw takes a verdict back and returns the records that it named.
func (v *verdicts) withdraw(id events.EventID) []uuid.UUID {
	if v.withdrawn == nil {
		v.withdrawn = map[events.EventID]bool{}
	}
	v.withdrawn[id] = true
	d, ok := v.byEvent[id]
	if !ok {
		return nil
	}
	delete(v.byEvent, id)
	var named []uuid.UUID
	for _, set := range d.Sets {
		for _, r := range set {
			delete(v.byRecord[r], id)
			named = append(named, r)
		}
	}
	return sortIDs(named)
}

// about gives the same and different verdicts that name at least one of the
// records, newest first, as the clusterer reads them.
func (v *verdicts) about(records []uuid.UUID) []matching.Judgement {
	seen := map[events.EventID]bool{}
	var found []verdict
	for _, r := range records {
		for id := range v.byRecord[r] {
			if d := v.byEvent[id]; !seen[id] && d.What != events.VerdictUnsure {
				seen[id] = true
				found = append(found, d)
			}
		}
	}
	slices.SortFunc(found, func(a, b verdict) int { return b.Stamp.Compare(a.Stamp) })
	out := make([]matching.Judgement, len(found))
	for i, d := range found {
		out[i] = matching.Judgement{Sets: d.Sets, Same: d.What == events.VerdictSame}
	}
	return out
}

// sameAs calls yield for every record that a same verdict joins with r.
func (v *verdicts) sameAs(r uuid.UUID, yield func(uuid.UUID)) {
	for id := range v.byRecord[r] {
		d := v.byEvent[id]
		if d.What != events.VerdictSame {
			continue
		}
		for _, set := range d.Sets {
			if slices.Contains(set, r) {
				for _, other := range set {
					if other != r {
						yield(other)
					}
				}
			}
		}
	}
}
