package resolver

import (
	"slices"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/matching"
)

// verdicts are the stewards' decisions that were not taken back, by the event
// that made them. Which of them hold is what they come to together: see standing.
type verdicts struct {
	byEvent  map[events.EventID]verdict
	byRecord map[uuid.UUID]map[events.EventID]bool
	// withdrawn remembers withdrawals, for one may arrive before its verdict.
	withdrawn map[events.EventID]bool
	// stand remembers what was worked out since the verdicts last changed.
	stand   map[events.EventID]*standing
	journal *journal
}

func newVerdicts(j *journal) verdicts {
	return verdicts{
		byEvent: map[events.EventID]verdict{}, byRecord: map[uuid.UUID]map[events.EventID]bool{},
		withdrawn: map[events.EventID]bool{}, stand: map[events.EventID]*standing{}, journal: j,
	}
}

// verdict is one decision: Sets as in events.IdentityJudged.
type verdict struct {
	Stamp events.Stamp   `json:"stamp"`
	Sets  [][]uuid.UUID  `json:"sets"`
	What  events.Verdict `json:"what"`
}

// records gives the records that a verdict names, sorted.
func (d verdict) records() []uuid.UUID { return sortIDs(slices.Concat(d.Sets...)) }

// judge adds a verdict and returns the records that it names.
func (v *verdicts) judge(id events.EventID, d verdict) []uuid.UUID {
	if v.withdrawn[id] {
		return nil
	}
	v.changed()
	keep(v.journal, v.byEvent, id)
	v.byEvent[id] = d
	named := d.records()
	for _, r := range named {
		keep(v.journal, v.byRecord, r)
		if v.byRecord[r] == nil {
			v.byRecord[r] = map[events.EventID]bool{}
		}
		keep(v.journal, v.byRecord[r], id)
		v.byRecord[r][id] = true
	}
	return named
}

// withdraw takes a verdict back and returns the records that it named.
func (v *verdicts) withdraw(id events.EventID) []uuid.UUID {
	keep(v.journal, v.withdrawn, id)
	v.withdrawn[id] = true
	d, ok := v.byEvent[id]
	if !ok {
		return nil
	}
	v.changed()
	keep(v.journal, v.byEvent, id)
	delete(v.byEvent, id)
	named := d.records()
	for _, r := range named {
		keep(v.journal, v.byRecord, r)
		keep(v.journal, v.byRecord[r], id)
		delete(v.byRecord[r], id)
		if len(v.byRecord[r]) == 0 {
			delete(v.byRecord, r)
		}
	}
	return named
}

// changed forgets what was worked out of the verdicts so far.
func (v *verdicts) changed() {
	clear(v.stand)
	v.journal.note(func() { clear(v.stand) })
}

// about gives the same and different verdicts that bear on the records, newest
// first, as the clusterer reads them: those that name one of them, and those that
// decide whether these hold.
func (v *verdicts) about(records []uuid.UUID) []matching.Judgement {
	var found []verdict
	for _, id := range v.around(records) {
		found = append(found, v.byEvent[id])
	}
	slices.SortFunc(found, func(a, b verdict) int { return b.Stamp.Compare(a.Stamp) })
	out := make([]matching.Judgement, len(found))
	for i, d := range found {
		out[i] = d.judgement()
	}
	return out
}

func (d verdict) judgement() matching.Judgement {
	return matching.Judgement{Sets: d.Sets, Same: d.What == events.VerdictSame}
}

// around gives the same and different verdicts that name one of the records, or
// share a record with one that does, and so on. No others can contradict them.
func (v *verdicts) around(records []uuid.UUID) []events.EventID {
	var out []events.EventID
	seen := map[events.EventID]bool{}
	named := slices.DeleteFunc(slices.Clone(records), func(r uuid.UUID) bool { return len(v.byRecord[r]) == 0 })
	flood(map[uuid.UUID]bool{}, named, func(r uuid.UUID, on func(...uuid.UUID)) {
		for id := range v.byRecord[r] {
			if d := v.byEvent[id]; !seen[id] && d.What != events.VerdictUnsure {
				seen[id] = true
				out = append(out, id)
				on(slices.Concat(d.Sets...)...)
			}
		}
	})
	return out
}

// sameAs calls yield for every record that a same verdict which holds joins with r.
func (v *verdicts) sameAs(r uuid.UUID, yield func(uuid.UUID)) {
	for id := range v.byRecord[r] {
		d := v.byEvent[id]
		if d.What != events.VerdictSame || v.standingOf(r).marks[id] != holds {
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
