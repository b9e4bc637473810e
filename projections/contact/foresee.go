package contact

import (
	"slices"
	"time"
)

// alternatives gives the other channels on which the same may be said now. Only
// channels for which a contact point is known count: of another one nobody knows
// what was stated about it.
func (j *judge) alternatives() []string {
	alts := []string{}
	for bit := channelSet(1); bit < allChannels; bit <<= 1 {
		other := *j
		other.asked.channel, other.strict = bit, true
		if bit != j.asked.channel && other.reachable() && !other.denied() {
			alts = append(alts, bit.name())
		}
	}
	return alts
}

func (j *judge) reachable() bool {
	for i := range j.facts.Points {
		if j.asked.channel.fits(j.facts.Points[i].Point.Kind) {
			return true
		}
	}
	return false
}

// maxForesight is how many changes to come are looked at.
const maxForesight = 64

// nextAllowed gives the first moment at which nothing denies any more, where all
// that denies now has an end.
func (j *judge) nextAllowed(now []Reason) *time.Time {
	for i := range now {
		if now[i].Effect == EffectDeny && now[i].Until.IsZero() {
			return nil
		}
	}
	var ends []time.Time
	j.changes(func(t time.Time) {
		if t.After(j.at) {
			ends = append(ends, t)
		}
	})
	slices.SortFunc(ends, time.Time.Compare)
	for i, t := range ends {
		if i == maxForesight {
			break
		}
		then := *j
		then.at = t
		if !then.denied() {
			return &t
		}
	}
	return nil
}

// nextChange gives the first moment in (from, limit) at which the answer may
// become another one, else limit.
func (j *judge) nextChange(from, limit time.Time) time.Time {
	j.changes(func(t time.Time) {
		if t.After(from) && t.Before(limit) {
			limit = t
		}
	})
	return limit
}

// changes calls yield with every moment at which a statement or restriction
// begins or ends.
func (j *judge) changes(yield func(time.Time)) {
	for i := range j.facts.Bounds {
		s := j.facts.Bounds[i].Statement
		yield(s.from())
		if !s.Until.IsZero() {
			yield(s.Until)
		}
	}
	for i := range j.facts.Restrictions {
		x := &j.facts.Restrictions[i]
		yield(x.since())
		if !x.Until.IsZero() {
			yield(x.Until)
		}
	}
}
