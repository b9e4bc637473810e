package review

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"ficha/events"
)

// Judgement is a verdict as the log states it, with what became of it.
type Judgement struct {
	ID       uuid.UUID       `json:"id"` // as an item of kind verdict, see [VerdictID]
	Event    events.EventID  `json:"event"`
	Stamp    events.Stamp    `json:"stamp"` // verdicts are newer or older by it
	Position events.Position `json:"position"`
	At       time.Time       `json:"at"` // recorded time
	Sets     [][]uuid.UUID   `json:"sets"`
	Verdict  events.Verdict  `json:"verdict"`
	By       string          `json:"by,omitempty"`
	Reason   string          `json:"reason,omitempty"`
	Job      string          `json:"job,omitempty"`
	// Item is the item that the desk decided by it, as its event id says; Nil: none.
	Item      uuid.UUID   `json:"item,omitzero"`
	Version   string      `json:"version,omitempty"` // of that item, as its event id says
	Withdrawn *Withdrawal `json:"withdrawn,omitempty"`
	// Seen is what an unsure verdict was about: the evidence of each item then.
	Seen []Sight `json:"seen,omitempty"`
}

// Withdrawal says who took a verdict back.
type Withdrawal struct {
	Event    events.EventID  `json:"event"`
	Stamp    events.Stamp    `json:"stamp"`
	Position events.Position `json:"position"`
	At       time.Time       `json:"at"` // recorded time
	By       string          `json:"by,omitempty"`
	Reason   string          `json:"reason,omitempty"`
}

// Sight is an item with a checksum of its evidence.
type Sight struct {
	Item uuid.UUID `json:"item"`
	Sum  uint64    `json:"sum"`
}

// InForce says whether the verdict was stated and not taken back. That newer ones
// may contradict it is another matter.
func (j *Judgement) InForce() bool { return j.Position != 0 && j.Withdrawn == nil }

// stated says whether the verdict has arrived; its withdrawal may come before it.
func (j *Judgement) stated() bool { return j.Position != 0 }

// covers says whether the verdict answers the question whether the sides, all of
// them, are one customer.
func (j *Judgement) covers(sides [][]uuid.UUID) bool {
	switch j.Verdict {
	case events.VerdictSame:
		return slices.ContainsFunc(j.Sets, func(set []uuid.UUID) bool { return meetsAll(set, sides) })
	case events.VerdictDifferent:
		return j.parts(sides)
	}
	return meetsAll(slices.Concat(j.Sets...), sides)
}

// meetsAll says whether some record of every side is in set.
func meetsAll(set []uuid.UUID, sides [][]uuid.UUID) bool {
	for _, side := range sides {
		if !meets(set, side) {
			return false
		}
	}
	return true
}

// meets says whether a set names a record of a sorted side.
func meets(set, side []uuid.UUID) bool {
	return slices.ContainsFunc(set, func(id uuid.UUID) bool { return contains(side, id) })
}

// parts says whether the sets keep every two of the sides apart.
func (j *Judgement) parts(sides [][]uuid.UUID) bool {
	met := make([][]int, len(sides)) // side → sets that name a record of it
	for i, side := range sides {
		for n, set := range j.Sets {
			if meets(set, side) {
				met[i] = append(met[i], n)
			}
		}
		if len(met[i]) == 0 {
			return false
		}
	}
	for i := range met {
		for k := range met[:i] {
			if len(met[i]) == 1 && len(met[k]) == 1 && met[i][0] == met[k][0] {
				return false
			}
		}
	}
	return true
}

// saw says whether an unsure verdict was given about an item with this evidence.
func (j *Judgement) saw(item uuid.UUID, sum uint64) bool {
	return slices.Contains(j.Seen, Sight{Item: item, Sum: sum})
}

// StewardSource is the envelope source of verdicts that are given at the desk.
const StewardSource = events.HubSource + "/steward"

// DecisionEventID is the event id of the n-th verdict (from 0) that decides an
// item at a version. The log refuses a second, different event of that id.
func DecisionEventID(item uuid.UUID, version events.Position, n int) string {
	return decisionPrefix + item.String() + "." + strconv.FormatUint(uint64(version), 10) + "." + strconv.Itoa(n)
}

const decisionPrefix = "review."

// namedBy gives the item and version that a desk's event id names.
func namedBy(e events.EventID) (item uuid.UUID, version string) {
	if e.Source != StewardSource || !strings.HasPrefix(e.ID, decisionPrefix) {
		return uuid.Nil, ""
	}
	parts := strings.Split(e.ID[len(decisionPrefix):], ".")
	if len(parts) != 3 {
		return uuid.Nil, ""
	}
	id, err := uuid.Parse(parts[0])
	if err != nil || id.String() != parts[0] {
		return uuid.Nil, ""
	}
	return id, parts[1]
}

// compareEvents puts the verdicts of one decision in the order of their event ids.
func compareEvents(a, b *Judgement) int {
	return cmp.Or(cmp.Compare(len(a.Event.ID), len(b.Event.ID)), strings.Compare(a.Event.ID, b.Event.ID))
}

// newest picks what may answer an item from the verdicts in force: the newest
// verdict same or different that names the item or covers what it asks, and the
// newest unsure one; nil for none. known is up to where the resolver had looked
// when it called the item a conflict: verdicts up to there have not settled it.
func newest(it *Item, verdicts []*Judgement, known events.Position) (settled, unsure *Judgement) {
	asked := it.asked()
	for _, j := range verdicts {
		switch {
		case j.Item != it.ID && !j.covers(asked):
		case j.Verdict == events.VerdictUnsure:
			unsure = newer(unsure, j)
		case j.Position > known:
			settled = newer(settled, j)
		}
	}
	return settled, unsure
}

func newer(a, b *Judgement) *Judgement {
	if a == nil || b.Stamp.Compare(a.Stamp) > 0 {
		return b
	}
	return a
}

// decision makes a Decision of a verdict: of the whole set that the desk gave
// together where the verdict names the item. Its first one says what was decided.
func (j *Judgement) decision(item uuid.UUID, verdicts []*Judgement) *Decision {
	all := []*Judgement{j}
	if j.Item == item {
		all = all[:0]
		for _, o := range verdicts {
			if o.Item == item && o.Version == j.Version {
				all = append(all, o)
			}
		}
		slices.SortFunc(all, compareEvents)
	}
	first := all[0]
	d := &Decision{Verdict: first.Verdict, By: first.By, Reason: first.Reason, Job: first.Job, At: first.At}
	for _, o := range all {
		d.Events = append(d.Events, o.Event)
		d.Position = max(d.Position, o.Position)
	}
	return d
}
