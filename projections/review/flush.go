package review

import (
	"bytes"
	"encoding/binary"
	"maps"
	"slices"

	"github.com/google/uuid"

	"ficha/events"
)

// flush writes what this event changed.
func (t *turn) flush() {
	n := tally{}
	for _, id := range slices.SortedFunc(maps.Keys(t.items), compareIDs) {
		t.flushItem(id, t.items[id], n)
	}
	t.flushVerdict(n)
	for _, id := range slices.SortedFunc(maps.Keys(t.records), compareIDs) {
		t.flushRecord(id, t.records[id])
	}
	n.write(t)
}

func (t *turn) flushItem(id uuid.UUID, s *itemSlot, n tally) {
	if s.now == s.stored {
		return
	}
	if s.now != nil {
		s.now.Version = t.at
		if s.stored != nil && s.now.judgedAs(s.stored) {
			s.now.Version = s.stored.Version
		}
	}
	t.noteDecided(id, s)
	n.move(s.stored, s.now)
	t.queue(s.stored, s.now)
	if s.now == nil {
		t.w.Delete(tableItems, id[:])
		return
	}
	if row := t.encode(tableItems, s.now); !bytes.Equal(row, s.row) {
		t.w.Put(tableItems, id[:], row)
	}
}

// judgedAs says whether a steward who looked at o knows all that it is now.
func (it *Item) judgedAs(o *Item) bool {
	return it.State == o.State && slices.Equal(it.Customers, o.Customers) && slices.EqualFunc(it.Sides, o.Sides, slices.Equal) && slices.Equal(it.Live, o.Live) &&
		slices.EqualFunc(it.Reasons, o.Reasons, Reason.same) && it.Decision.same(o.Decision)
}

func (r Reason) same(o Reason) bool {
	return r.Code == o.Code && r.A == o.A && r.B == o.B && r.Weight == o.Weight && slices.Equal(r.Levels, o.Levels) &&
		r.Statement == o.Statement && r.Parted == o.Parted
}

func (d *Decision) same(o *Decision) bool {
	if d == nil || o == nil {
		return d == o
	}
	return d.Verdict == o.Verdict && d.Final == o.Final && slices.Equal(d.Events, o.Events)
}

// noteDecided keeps with the records of a decided item that it is to be looked at
// when verdicts about them change.
func (t *turn) noteDecided(id uuid.UUID, s *itemSlot) {
	if s.stored != nil && s.stored.State == StateDecided {
		for _, r := range s.stored.Records {
			slot := t.record(r)
			slot.decided = without(slot.decided, id, compareIDs)
		}
	}
	if s.now != nil && s.now.State == StateDecided {
		for _, r := range s.now.Records {
			slot := t.record(r)
			slot.decided = with(slot.decided, id, compareIDs)
		}
	}
}

// queue moves an item to its place in the queue.
func (t *turn) queue(old, now *Item) {
	var from, to, was, is []byte
	if old != nil {
		from, was = queueKey(old), queueValue(old)
	}
	if now != nil {
		to, is = queueKey(now), queueValue(now)
	}
	moved := !bytes.Equal(from, to)
	if old != nil && moved {
		t.w.Delete(tableQueue, from)
	}
	if now != nil && (moved || !bytes.Equal(was, is)) {
		t.w.Put(tableQueue, to, is)
	}
}

// queueValue is what a listing can skip an item by without reading it: kind,
// weight, and for a verdict whether it decided an item that is listed itself.
func queueValue(it *Item) []byte {
	b := binary.BigEndian.AppendUint64([]byte{kindLetter(it.Kind)}, uint64(it.Weight))
	if it.Kind == KindVerdict && namesItem(it) {
		return append(b, 1)
	}
	return append(b, 0)
}

func namesItem(it *Item) bool {
	if it.Decision == nil || len(it.Decision.Events) == 0 {
		return false
	}
	item, _ := namedBy(it.Decision.Events[0])
	return item != uuid.Nil
}

func (t *turn) flushRecord(id uuid.UUID, s *recordSlot) {
	if s.empty() {
		if s.stored != "" {
			t.w.Delete(tableRecords, id[:])
		}
		return
	}
	if row := s.encode(); string(row) != s.stored {
		t.w.Put(tableRecords, id[:], row)
	}
}

// flushVerdict writes the verdict that this event stated, withdrew or gave a sight of.
func (t *turn) flushVerdict(n tally) {
	j := t.judged
	if j == nil {
		return
	}
	t.putJSON(tableVerdicts, prefixed(verdictRow, j.ID[:]), j)
	if !j.stated() {
		return
	}
	now := j.item()
	n.move(t.judgedWas, now)
	t.queue(t.judgedWas, now)
}

// item shows a verdict as an item.
func (j *Judgement) item() *Item {
	it := &Item{ID: j.ID, Kind: KindVerdict, State: StateDecided, Sides: j.Sets, Records: sorted(slices.Concat(j.Sets...)), Version: j.Position,
		Decision: &Decision{Verdict: j.Verdict, By: j.By, Reason: j.Reason, Job: j.Job, At: j.At,
			Events: []events.EventID{j.Event}, Position: j.Position, Withdrawn: j.Withdrawn}}
	if j.Withdrawn != nil {
		it.State, it.Version = StateWithdrawn, max(j.Position, j.Withdrawn.Position)
	}
	return it
}
