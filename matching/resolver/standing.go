package resolver

import (
	"slices"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/matching"
)

// mark says what has become of a verdict that nobody took back.
type mark uint8

const (
	holds      mark = iota + 1
	overruled       // a newer one says the opposite: somebody changed their mind
	conflicted      // only several newer ones together contradict it: a person should look
)

// standing is what verdicts that share records, directly or over others, come to.
type standing struct {
	matching.Standing
	events []events.EventID // newest first
	marks  map[events.EventID]mark
}

// standingOf gives the standing of the verdicts around a record; nil where no
// verdict says of it that it is the same as, or different from, another.
func (v *verdicts) standingOf(record uuid.UUID) *standing {
	if len(v.byRecord[record]) == 0 {
		return nil
	}
	for id := range v.byRecord[record] {
		if s := v.stand[id]; s != nil {
			return s
		}
	}
	ids := v.around([]uuid.UUID{record})
	if len(ids) == 0 {
		return nil
	}
	slices.SortFunc(ids, func(a, b events.EventID) int { return v.byEvent[b].Stamp.Compare(v.byEvent[a].Stamp) })
	judgements := make([]matching.Judgement, len(ids))
	for i, id := range ids {
		judgements[i] = v.byEvent[id].judgement()
	}
	s := &standing{Standing: matching.Stand(judgements), events: ids, marks: make(map[events.EventID]mark, len(ids))}
	for _, id := range ids {
		s.marks[id], v.stand[id] = holds, s
	}
	for _, i := range s.LeftOut() {
		s.marks[ids[i]] = overruled
		if s.Conflict(i) {
			s.marks[ids[i]] = conflicted
		}
	}
	return s
}

// marksAround gives the marks of all verdicts around the records.
func (v *verdicts) marksAround(records []uuid.UUID) map[events.EventID]mark {
	out := map[events.EventID]mark{}
	for _, r := range records {
		if s := v.standingOf(r); s != nil && out[s.events[0]] == 0 {
			for id, m := range s.marks {
				out[id] = m
			}
		}
	}
	return out
}

// ruling is a verdict on its way into the book.
type ruling struct {
	id events.EventID
	verdict
}

// rule adds verdicts and takes others back. It returns the records that they
// name, and those of other verdicts that hold no more, or again, for it.
func (v *verdicts) rule(made []ruling, taken []events.EventID) []uuid.UUID {
	var named []uuid.UUID
	for _, m := range made {
		named = append(named, m.records()...)
	}
	for _, id := range taken {
		named = append(named, v.byEvent[id].records()...)
	}
	before := v.marksAround(named)
	for _, m := range made {
		v.judge(m.id, m.verdict)
	}
	for _, id := range taken {
		v.withdraw(id)
	}
	return sortIDs(append(named, v.shifted(before, named)...))
}

// shifted gives the records of verdicts whose mark is not what it was before.
func (v *verdicts) shifted(before map[events.EventID]mark, named []uuid.UUID) []uuid.UUID {
	around := slices.Clone(named)
	for id := range before {
		around = append(around, slices.Concat(v.byEvent[id].Sets...)...) // none where it was taken back: those are named
	}
	var out []uuid.UUID
	for id, now := range v.marksAround(around) {
		if before[id] != now {
			out = append(out, v.byEvent[id].records()...)
		}
	}
	return out
}

// parted says whether a verdict that holds puts two records into different sets.
func (v *verdicts) parted(x, y uuid.UUID) bool {
	if len(v.byRecord[x]) > len(v.byRecord[y]) {
		x, y = y, x
	}
	for id := range v.byRecord[x] {
		if d := v.byEvent[id]; d.What == events.VerdictDifferent && v.byRecord[y][id] && d.parts(x, y) && v.standingOf(x).marks[id] == holds {
			return true
		}
	}
	return false
}

// parts says whether the verdict has x and y in different sets.
func (d verdict) parts(x, y uuid.UUID) bool {
	in := func(r uuid.UUID) int {
		return slices.IndexFunc(d.Sets, func(set []uuid.UUID) bool { return slices.Contains(set, r) })
	}
	i, j := in(x), in(y)
	return i >= 0 && j >= 0 && i != j
}

// keepsApart gives the verdict that keeps the live records of two groups apart,
// if one does: it names a record of each, or one that verdicts join with it.
func (b *Book) keepsApart(g, h []uuid.UUID) (events.EventID, bool) {
	for _, x := range g {
		s := b.verdicts.standingOf(x)
		if s == nil || !b.members[x].live {
			continue
		}
		if i, apart := s.Apart(b.liveOf(g), b.liveOf(h)); apart {
			return s.events[i], true
		}
	}
	return events.EventID{}, false
}

func (b *Book) liveOf(group []uuid.UUID) []uuid.UUID {
	return slices.DeleteFunc(slices.Clone(group), func(id uuid.UUID) bool { return !b.members[id].live })
}
