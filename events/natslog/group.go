package natslog

import (
	"bytes"
	"time"

	"ficha/events"
)

// candidate is an event that waits to be written, with what can be worked out
// before its turn.
type candidate struct {
	hash     events.IDHash
	content  events.ContentHash
	lane     int
	subject  string
	unsealed events.Unsealed

	// counted: the door already counts it as a duplicate, in an event of an
	// earlier attempt that did reach the log.
	counted bool
}

// group is what the appender writes in one step.
type group struct {
	slots    []slot
	plain    []*request // without events
	refused  uint64     // to be counted at the door
	dead     uint64
	attempts []*attempt
}

// slot is one event of a group and whose it is.
type slot struct {
	*candidate
	of    *request
	index int
}

// plan is what is to happen to a group, given what the log holds.
type plan struct {
	base     events.Position   // the log's end that the plan rests on
	brings   events.Door       // of the counts that waited, what the first write carries
	next     events.IndexState // after the plan is done
	answers  []events.Appended // for each slot
	writes   []write           // in order: position base+1, base+2 …
	entries  []events.IDEntry  // of the writes
	recounts []*candidate      // duplicates that the plan counts
}

// write is one message for the log.
type write struct {
	subject string
	bytes   []byte
}

// makePlan decides about each event of a group: appended, duplicate or reused.
// known holds, for each slot, what the id index knows (zero position: nothing);
// mine says of a position whether this appender wrote what stands there in an
// attempt of this very group. It is pure; the group's counted marks are only read.
func makePlan(state events.IndexState, now time.Time, g group, known []events.IDEntry, mine func(events.Position, events.IDHash) bool) plan {
	p := plan{base: state.Position, brings: pending(state), next: state, answers: make([]events.Appended, len(g.slots))}
	if now.After(state.Recorded) {
		p.next.Recorded = now
	}
	fresh := p.classify(g, known, mine)
	p.next.Door.Duplicate += uint64(len(p.recounts))
	p.next.Door.Refused += g.refused
	p.next.Door.Dead += g.dead
	p.next.Door.Taken += uint64(len(p.recounts)) + g.refused + g.dead
	for _, i := range fresh {
		p.write(g.slots[i].candidate)
	}
	if len(fresh) == 0 {
		p.next.Recorded = state.Recorded
	}
	return p
}

// classify fills the answers and gives the slots to be written. The door counts
// what it finds before any write, so that the group's first event carries it.
func (p *plan) classify(g group, known []events.IDEntry, mine func(events.Position, events.IDHash) bool) (fresh []int) {
	inGroup := make(map[events.IDHash]events.IDEntry, len(g.slots))
	for i, s := range g.slots {
		first := known[i]
		if first.Position == 0 {
			first = inGroup[s.hash]
		} else if mine(first.Position, s.hash) && inGroup[s.hash].Position == 0 {
			inGroup[s.hash] = first
			p.answers[i] = events.Appended{Outcome: events.OutcomeAppended, Position: first.Position, RecordedTime: first.Recorded}
			continue
		}
		switch {
		case first.Position == 0:
			at := p.base + events.Position(len(fresh)) + 1
			inGroup[s.hash] = events.IDEntry{Hash: s.hash, Position: at, Content: s.content, Recorded: p.next.Recorded}
			p.answers[i] = events.Appended{Outcome: events.OutcomeAppended, Position: at, RecordedTime: p.next.Recorded}
			fresh = append(fresh, i)
		case first.Content == s.content:
			p.answers[i] = events.Appended{Outcome: events.OutcomeDuplicate, Position: first.Position, RecordedTime: first.Recorded}
			if !s.counted {
				p.recounts = append(p.recounts, s.candidate)
			}
		default:
			p.answers[i] = events.Appended{Outcome: events.OutcomeReused, Position: first.Position, RecordedTime: first.Recorded}
		}
	}
	return fresh
}

// write adds one event to the plan.
func (p *plan) write(c *candidate) {
	n := &p.next
	n.Position++
	n.Door.Taken++
	n.Door.Appended++
	n.LaneCounts[c.lane]++
	n.LaneEnds[c.lane] = n.Position
	carried := n.Door
	carried.InLane = n.LaneCounts[c.lane]
	p.writes = append(p.writes, write{subject: c.subject, bytes: c.unsealed.Seal(n.Recorded, carried)})
	p.entries = append(p.entries, events.IDEntry{Hash: c.hash, Position: n.Position, Content: c.content, Recorded: n.Recorded})
	n.Carried = n.Door
}

// moved says whether the plan changes anything at all.
func (p *plan) moved(from events.IndexState) bool { return p.next != from }

// attempt remembers a plan whose fate is not known, until the log has grown past
// the place where it would stand.
type attempt struct {
	plan   plan
	of     *group
	landed bool // some of it stands in the log
}

// holds says whether the event at a position is the one that the attempt sent,
// and what it brought.
func (a *attempt) holds(at events.Position, stored []byte) (brought events.Door, own bool) {
	i := int(at) - int(a.plan.base) - 1
	if i < 0 || i >= len(a.plan.writes) || !bytes.Equal(a.plan.writes[i].bytes, stored) {
		return events.Door{}, false
	}
	if i == 0 {
		brought = a.plan.brings
	}
	return brought, true
}

// adopt takes one event that stands in the log into the state. brought is what
// the event brought into the log of the counts that waited to be carried
// ([pending]); an event of another appender brings none of them.
func adopt(s events.IndexState, e events.Stored, brought events.Door) events.IndexState {
	waiting := pending(s)
	s.Carried = e.Door
	s.Carried.InLane = 0
	s.Door = s.Carried
	s.Door.Duplicate += less(waiting.Duplicate, brought.Duplicate)
	s.Door.Refused += less(waiting.Refused, brought.Refused)
	s.Door.Dead += less(waiting.Dead, brought.Dead)
	s.Door.Taken = total(s.Door)
	lane := events.LaneIndex(e.Type.Lane())
	s.Position = e.Position
	s.Recorded = e.RecordedTime
	s.LaneCounts[lane]++
	s.LaneEnds[lane] = e.Position
	return s
}

// pending is what the door counted and no event carries yet.
func pending(s events.IndexState) events.Door {
	return events.Door{
		Duplicate: less(s.Door.Duplicate, s.Carried.Duplicate),
		Refused:   less(s.Door.Refused, s.Carried.Refused),
		Dead:      less(s.Door.Dead, s.Carried.Dead),
	}
}

// less is n-m, or zero where m is more.
func less(n, m uint64) uint64 { return n - min(n, m) }

func total(d events.Door) uint64 { return d.Appended + d.Duplicate + d.Refused + d.Dead }

// adoptAtStart is adopt where it is not known whose event it is: after a restart
// it is nearly always this appender's own, which carries all that the door had
// counted. Nothing that was counted is ever taken back.
func adoptAtStart(s events.IndexState, e events.Stored) events.IndexState {
	before := s.Door
	s = adopt(s, e, pending(s))
	s.Door.Duplicate = max(s.Door.Duplicate, before.Duplicate)
	s.Door.Refused = max(s.Door.Refused, before.Refused)
	s.Door.Dead = max(s.Door.Dead, before.Dead)
	s.Door.Taken = total(s.Door)
	return s
}
