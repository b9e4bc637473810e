package review

import (
	"cmp"
	"encoding/binary"
	"hash/fnv"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"ficha/events"
)

// recordPair is two records, the smaller first.
type recordPair [2]uuid.UUID

func recordPairOf(a, b uuid.UUID) recordPair {
	if compareIDs(a, b) > 0 {
		a, b = b, a
	}
	return recordPair{a, b}
}

// refreshPairs makes the marked pairs anew: first all evidence that hangs on them
// is taken off the records, then what golden says now is put on.
func (t *turn) refreshPairs() {
	ids := slices.SortedFunc(maps.Keys(t.pairs), compareIDs)
	before := map[recordPair]Reason{}
	for _, id := range ids {
		t.takeOff(id, before)
	}
	for _, id := range ids {
		t.refreshPair(id, t.pairs[id], before)
	}
}

// takeOff removes an item's evidence from its records and keeps what was there.
func (t *turn) takeOff(id uuid.UUID, before map[recordPair]Reason) {
	it := t.item(id)
	if it == nil {
		return
	}
	for _, r := range it.Reasons {
		a, b := t.record(r.A), t.record(r.B)
		if a.removePair(r.B, id) {
			b.removePair(r.A, id)
			before[recordPair{r.A, r.B}] = r
		}
	}
}

func (r *record) removePair(other, item uuid.UUID) bool {
	i, ok := slices.BinarySearchFunc(r.pairs, other, func(p pairRef, id uuid.UUID) int { return compareIDs(p.other, id) })
	if !ok || r.pairs[i].item != item {
		return false
	}
	r.pairs = slices.Delete(r.pairs, i, i+1)
	return true
}

func (r *record) putPair(other, item uuid.UUID) {
	i, ok := slices.BinarySearchFunc(r.pairs, other, func(p pairRef, id uuid.UUID) int { return compareIDs(p.other, id) })
	if !ok {
		r.pairs = slices.Insert(r.pairs, i, pairRef{})
	}
	r.pairs[i] = pairRef{other: other, item: item}
}

func (t *turn) refreshPair(id uuid.UUID, customers [2]uuid.UUID, before map[recordPair]Reason) {
	old := t.item(id)
	it := t.readPair(id, customers, before)
	evident := it != nil
	if !evident {
		if old == nil {
			return
		}
		frozen := *old
		frozen.Group = uuid.Nil
		it = &frozen
	}
	t.decide(it, evident)
	if !evident && it.undecided() {
		it = nil
	}
	t.setPair(id, it)
}

// readPair makes the item about two customers from golden's rows; nil without
// evidence between them.
func (t *turn) readPair(id uuid.UUID, customers [2]uuid.UUID, before map[recordPair]Reason) *Item {
	x, y := customers[0], customers[1]
	if compareIDs(x, y) > 0 {
		x, y = y, x
	}
	if !t.isCustomer(x) || !t.isCustomer(y) {
		return nil
	}
	it := &Item{ID: id, Kind: KindPair, Customers: []uuid.UUID{x, y}, Sides: [][]uuid.UUID{t.membersOf(x), t.membersOf(y)}}
	it.Reasons = t.evidence(it.Sides[0], it.Sides[1], before)
	if len(it.Reasons) == 0 {
		return nil
	}
	for _, r := range it.Reasons {
		t.record(r.A).putPair(r.B, id)
		t.record(r.B).putPair(r.A, id)
	}
	t.describe(it)
	best := slices.MaxFunc(it.Reasons, weaker)
	it.Weight, it.Pattern = best.Weight, patternOf(&best)
	it.schedule()
	return it
}

// weaker orders evidence by weight; of equal ones the first pair counts as the strongest.
func weaker(a, b Reason) int {
	return cmp.Or(cmp.Compare(a.Weight, b.Weight), -compareReasons(a, b))
}

func compareReasons(a, b Reason) int {
	return cmp.Or(compareIDs(a.A, b.A), compareIDs(a.B, b.B))
}

func patternOf(r *Reason) string {
	levels := strings.Join(r.Levels, "; ")
	switch {
	case r.Code == CodeReviewBand:
		return levels
	case levels == "":
		return r.Code
	}
	return r.Code + ": " + levels
}

// evidence lists the open potential matches between two customers' records.
func (t *turn) evidence(x, y []uuid.UUID, before map[recordPair]Reason) []Reason {
	if len(x) > len(y) {
		x, y = y, x
	}
	var out []Reason
	for _, a := range x {
		for _, l := range t.potentialOf(a) {
			b := l.B
			if b == a {
				b = l.A
			}
			if contains(y, b) {
				out = append(out, t.reasonOf(l, recordPairOf(a, b), before))
			}
		}
	}
	slices.SortFunc(out, compareReasons)
	return out
}

func (t *turn) reasonOf(l events.IdentityLink, pair recordPair, before map[recordPair]Reason) Reason {
	r := Reason{Code: CodeReviewBand, A: pair[0], B: pair[1], Weight: l.Weight, Levels: l.Levels, Since: t.e.RecordedTime.UTC()}
	if l.RefusedBy != "" {
		r.Code = l.RefusedBy
	}
	old, stood := before[pair]
	if stood {
		r.Since = old.Since
	}
	switch {
	case r.Code != CodeVerdictConflict:
	case t.named[pair[0]] || t.named[pair[1]]:
		r.Cause = t.cause
	default:
		r.Cause = old.Cause
	}
	return r
}

// decide sets state and decision of an item by the verdicts in force. Without
// evidence an unsure verdict is worth nothing. A `different` verdict does not
// answer a hold: only a confirmation frees a record.
func (t *turn) decide(it *Item, evident bool) {
	verdicts := t.inForce(it.Sides)
	settled, unsure := newest(it, verdicts, it.knownConflict(evident))
	if it.Kind == KindHold && settled != nil && settled.Verdict == events.VerdictDifferent {
		settled = nil
	}
	sum := it.evidenceSum()
	if evident {
		t.noteSight(it, sum)
	}
	switch {
	case settled != nil:
		it.State, it.Decision = StateDecided, settled.decision(it.ID, verdicts)
	case evident && unsure != nil && unsure.saw(it.ID, sum):
		it.State, it.Decision = StateUnsure, unsure.decision(it.ID, verdicts)
	default:
		it.State, it.Decision = StateOpen, nil
	}
}

// knownConflict is up to where the resolver had looked when it called the item a
// conflict of verdicts; zero for other items.
func (it *Item) knownConflict(evident bool) (known events.Position) {
	for i := range it.Reasons {
		if r := &it.Reasons[i]; evident && r.Code == CodeVerdictConflict {
			known = max(known, r.Cause)
		}
	}
	return known
}

// noteSight keeps with an unsure verdict that is being folded what it was about.
func (t *turn) noteSight(it *Item, sum uint64) {
	j := t.judged
	if j == nil || j.Verdict != events.VerdictUnsure || !j.InForce() || j.Item != it.ID && !j.covers(it.asked()) {
		return
	}
	if !j.saw(it.ID, sum) {
		j.Seen = append(j.Seen, Sight{Item: it.ID, Sum: sum})
	}
}

// evidenceSum is a checksum of what speaks for and against an item.
func (it *Item) evidenceSum() uint64 {
	h := fnv.New64a()
	for i := range it.Reasons {
		r := &it.Reasons[i]
		h.Write(r.A[:])
		h.Write(r.B[:])
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(r.Weight)))
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(r.Parted)))
		h.Write([]byte(r.Code))
	}
	return h.Sum64()
}

// setPair changes a pair and marks its customers where a group may be touched.
func (t *turn) setPair(id uuid.UUID, it *Item) {
	s := t.slot(id)
	old := s.now
	s.now = it
	was, is := old != nil && old.undecided(), it != nil && it.undecided()
	if !was && !is {
		return
	}
	for _, o := range [...]*Item{old, it} {
		if o == nil {
			continue
		}
		t.starts[o.Customers[0]], t.starts[o.Customers[1]] = true, true
		if o.Group != uuid.Nil {
			t.groups[o.Group] = true
		}
	}
	if it == nil {
		it = old
	}
	x, y := it.Customers[0], it.Customers[1]
	switch {
	case is && !was:
		t.w.Put(tablePairs, edgeKey(x, y), id[:])
		t.w.Put(tablePairs, edgeKey(y, x), id[:])
	case was && !is:
		t.w.Delete(tablePairs, edgeKey(x, y))
		t.w.Delete(tablePairs, edgeKey(y, x))
	}
}

func edgeKey(x, y uuid.UUID) []byte { return append(append(make([]byte, 0, 32), x[:]...), y[:]...) }
