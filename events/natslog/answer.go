package natslog

import "ficha/events"

// wrote says whether this appender wrote the event at a position in an attempt
// of this group.
func (g *group) wrote(at events.Position, hash events.IDHash) bool {
	for _, t := range g.attempts {
		i := int(at) - int(t.plan.base) - 1
		if t.landed && i >= 0 && i < len(t.plan.entries) && t.plan.entries[i].Hash == hash {
			return true
		}
	}
	return false
}

// land notes that an attempt of the group stands in the log: its first event
// carries what the group brought to the door, which must not be counted again.
func (t *attempt) land() {
	if t.landed {
		return
	}
	t.landed = true
	if t.of == nil {
		return
	}
	t.of.refused, t.of.dead = 0, 0
	for _, c := range t.plan.recounts {
		c.counted = true
	}
}

// answer gives the plan's answers to the callers whose last event it was.
func (g *group) answer(p *plan) {
	for i, s := range g.slots {
		s.of.answers[s.index] = p.answers[i]
		if s.of.left--; s.of.left == 0 {
			s.of.done <- nil
		}
	}
	for _, r := range g.plain {
		r.done <- nil
	}
}

// fail gives err to every caller with an event in the group. One whose other
// events are still to come is told now; those count for nobody.
func (g *group) fail(err error) {
	for _, s := range g.slots {
		if s.of.left > 0 {
			s.of.left = 0
			s.of.done <- err
		}
	}
	for _, r := range g.plain {
		r.done <- err
	}
}
