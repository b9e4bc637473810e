package natslog

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ficha/events"
)

// hub is a naive picture of one log and of appenders that write to it, each with
// its own state and index; the rules are those of the real one, the machinery is not.
type hub struct {
	log       []events.Stored
	appenders []*modelAppender
	late      []lateWrite
}

// lateWrite is a write that was given up and may still reach the log.
type lateWrite struct {
	plan plan
	by   *modelAppender
	g    *group
}

type modelAppender struct {
	state    events.IndexState
	ids      map[events.IDHash]events.IDEntry
	attempts []*attempt
	counted  events.Door // what it was told to count: duplicates answered, refused, dead
}

// TestDoorsOfSeveralAppenders lets appenders write in turns, be fenced, have
// their writes land late, and checks the log and what its doors add up to.
func TestDoorsOfSeveralAppenders(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := &hub{}
		for range rapid.IntRange(1, 3).Draw(t, "appenders") {
			h.appenders = append(h.appenders, &modelAppender{ids: map[events.IDHash]events.IDEntry{}})
		}
		for step := range rapid.IntRange(1, 40).Draw(t, "steps") {
			h.landLate(t)
			a := h.appenders[rapid.IntRange(0, len(h.appenders)-1).Draw(t, "who")]
			h.append(t, a, step)
		}
		h.settle(t)
		h.check(t)
	})
}

// append writes one group: a few ids out of a small set, so that many repeat.
func (h *hub) append(t *rapid.T, a *modelAppender, step int) {
	g := group{refused: rapid.Uint64Range(0, 2).Draw(t, "refused"), dead: rapid.Uint64Range(0, 2).Draw(t, "dead")}
	a.counted.Refused += g.refused
	a.counted.Dead += g.dead
	for range rapid.IntRange(0, 5).Draw(t, "size") {
		g.slots = append(g.slots, slot{candidate: someCandidate(rapid.IntRange(0, 60).Draw(t, "id"), rapid.IntRange(0, 1).Draw(t, "content"))})
	}
	for try := 0; ; try++ {
		p := makePlan(a.state, time.UnixMicro(int64(step)*10).UTC(), g, a.lookup(g), g.wrote)
		checkPlan(t, a, g, p)
		if len(p.writes) == 0 {
			a.state = p.next
			a.answered(p)
			return
		}
		fenced := int(p.base) != len(h.log)
		if !fenced && try == 0 && rapid.IntRange(0, 5).Draw(t, "given up") == 0 {
			h.giveUp(a, &g, p)
			return
		}
		lands := len(p.writes)
		if !fenced && try < 3 && rapid.IntRange(0, 3).Draw(t, "disturbed") == 0 {
			lands = rapid.IntRange(0, len(p.writes)).Draw(t, "lands") // singly written, then the answer is lost
		} else if !fenced {
			h.land(t, p, lands)
			a.learn(p)
			a.answered(p)
			return
		}
		if !fenced {
			h.land(t, p, lands)
		}
		at := &attempt{plan: p, of: &g}
		a.attempts = append(a.attempts, at)
		g.attempts = append(g.attempts, at)
		a.catchUp(h)
	}
}

// giveUp leaves a group unanswered; it may still land, as long as nobody else
// takes its place.
func (h *hub) giveUp(a *modelAppender, g *group, p plan) {
	a.attempts = append(a.attempts, &attempt{plan: p, of: nil})
	a.counted.Refused -= g.refused
	a.counted.Dead -= g.dead
	h.late = append(h.late, lateWrite{plan: p, by: a, g: g})
}

func (h *hub) landLate(t *rapid.T) {
	kept := h.late[:0]
	for _, late := range h.late {
		switch {
		case int(late.plan.base) != len(h.log): // its fence holds no more
		case rapid.Bool().Draw(t, "lands late"):
			h.land(t, late.plan, len(late.plan.writes))
			late.by.counted.Duplicate += uint64(len(late.plan.recounts))
			late.by.counted.Refused += late.g.refused
			late.by.counted.Dead += late.g.dead
		default:
			kept = append(kept, late)
		}
	}
	h.late = kept
}

func someCandidate(id, content int) *candidate {
	typ := events.CustomerRecordedV1
	if id%3 == 0 {
		typ = events.ContactStatedV1
	}
	name := fmt.Sprint(id)
	unsealed, err := events.Unseal(events.Envelope{ID: name, Source: "/t", Type: typ, Data: fmt.Appendf(nil, `{"c":%d}`, content)})
	if err != nil {
		panic(err)
	}
	return &candidate{hash: events.HashID("/t", name), content: events.ContentHash{byte(content)}, lane: events.LaneIndex(typ.Lane()), unsealed: unsealed}
}

func (a *modelAppender) lookup(g group) []events.IDEntry {
	known := make([]events.IDEntry, len(g.slots))
	for i, s := range g.slots {
		known[i] = a.ids[s.hash]
	}
	return known
}

// checkPlan checks what a plan may say, given what the appender knows.
func checkPlan(t *rapid.T, a *modelAppender, g group, p plan) {
	if len(p.writes) != len(p.entries) || p.next.Position != p.base+events.Position(len(p.writes)) {
		t.Fatalf("%d writes, %d entries, from %d to %d", len(p.writes), len(p.entries), p.base, p.next.Position)
	}
	if p.next.Door.Taken != total(p.next.Door) || p.next.Recorded.Before(a.state.Recorded) {
		t.Fatalf("door %+v, recorded %s after %s", p.next.Door, p.next.Recorded, a.state.Recorded)
	}
	if len(p.writes) > 0 && p.next.Carried != p.next.Door {
		t.Fatalf("the last write does not carry the door: %+v, %+v", p.next.Carried, p.next.Door)
	}
	for i, ans := range p.answers {
		if ans.Position == 0 || ans.Outcome == "" || ans.RecordedTime.IsZero() && ans.Position > p.base {
			t.Fatalf("answer %d: %+v", i, ans)
		}
	}
}

// land puts the first n writes into the log.
func (h *hub) land(t *rapid.T, p plan, n int) {
	for i, w := range p.writes[:n] {
		e, err := events.DecodeStored(p.base+events.Position(i)+1, w.bytes)
		if err != nil {
			t.Fatal(err)
		}
		h.log = append(h.log, e)
	}
}

func (a *modelAppender) learn(p plan) {
	a.state = p.next
	for _, e := range p.entries {
		a.ids[e.Hash] = e
	}
}

func (a *modelAppender) answered(p plan) {
	for _, ans := range p.answers {
		if ans.Outcome == events.OutcomeDuplicate {
			a.counted.Duplicate++
		}
	}
}

func (a *modelAppender) catchUp(h *hub) {
	real := &appender{Log: &Log{}, state: a.state, attempts: a.attempts}
	for _, e := range h.log[a.state.Position:] {
		brought, _ := real.recognise(e)
		real.state = adopt(real.state, e, brought)
		var content struct{ C byte }
		decodeInto(e.Data, &content)
		a.ids[events.HashID(e.Source, e.ID)] = events.IDEntry{Hash: events.HashID(e.Source, e.ID), Position: e.Position, Content: events.ContentHash{content.C}, Recorded: e.RecordedTime}
	}
	a.state = real.state
}

// settle lets every appender write one more event, so that all that waits to be
// carried gets into the log.
func (h *hub) settle(t *rapid.T) {
	for i, a := range h.appenders {
		a.catchUp(h)
		g := group{slots: []slot{{candidate: someCandidate(1000+i, 0)}}}
		p := makePlan(a.state, time.UnixMicro(1e9).UTC(), g, a.lookup(g), g.wrote)
		h.land(t, p, 1)
		a.learn(p)
	}
}

func (h *hub) check(t *rapid.T) {
	var want events.Door
	for _, a := range h.appenders {
		want.Duplicate += a.counted.Duplicate
		want.Refused += a.counted.Refused
		want.Dead += a.counted.Dead
	}
	seen := map[string]bool{}
	lanes := map[events.Lane]uint64{}
	var before events.Stored
	for _, e := range h.log {
		lanes[e.Type.Lane()]++
		if seen[e.ID] || e.Door.Taken != total(e.Door) || e.Door.Appended != uint64(e.Position) || e.Door.InLane != lanes[e.Type.Lane()] ||
			e.Door.Duplicate < before.Door.Duplicate || e.Door.Refused < before.Door.Refused || e.Door.Dead < before.Door.Dead || e.RecordedTime.Before(before.RecordedTime) {
			t.Fatalf("position %d: %s %+v after %+v", e.Position, e.ID, e.Door, before.Door)
		}
		seen[e.ID] = true
		before = e
	}
	if got := before.Door; got.Duplicate != want.Duplicate || got.Refused != want.Refused || got.Dead != want.Dead {
		t.Fatalf("the last event carries %+v, counted were %+v", got, want)
	}
}

func decodeInto(data []byte, into any) {
	if err := json.Unmarshal(data, into); err != nil {
		panic(err)
	}
}
