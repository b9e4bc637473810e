package golden

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"ficha/events"
)

// standing is what the rules look at.
type standing struct {
	form     string // equal forms are the same value
	record   events.RecordKey
	at       time.Time // of the statement that set it
	verified bool
	complete int // how much it says
	frequent int // records that state it; counted by choose
	pin      *pin
}

// claim is one record's value of an attribute.
type claim[T any] struct {
	standing
	value T
}

// note says who pinned the value; nil for one that a record states.
func (s *standing) note() *PinNote {
	if s.pin == nil {
		return nil
	}
	return &PinNote{PinnedBy: s.pin.By, PinnedAt: s.pin.Stamp.Time, PinReason: s.pin.Reason}
}

// better compares by one rule: positive when a is to be preferred.
func (r Rule) better(a, b *standing) int {
	switch r {
	case RuleVerified:
		return yes(a.verified) - yes(b.verified)
	case RuleComplete:
		return cmp.Compare(a.complete, b.complete)
	case RuleRecent:
		return a.at.Compare(b.at)
	case RuleFrequent:
		return cmp.Compare(a.frequent, b.frequent)
	}
	return 0
}

func yes(b bool) int {
	if b {
		return 1
	}
	return 0
}

// prefer is a total order: what is pinned first, by the rules in turn, then by form, recency and record
// key: nothing that depends on arrival.
func prefer(rules []Rule, a, b *standing) int {
	if c := yes(a.pin != nil) - yes(b.pin != nil); c != 0 {
		return c
	}
	for _, r := range rules {
		if c := r.better(a, b); c != 0 {
			return c
		}
	}
	return cmp.Or(strings.Compare(b.form, a.form), a.at.Compare(b.at), b.record.Compare(a.record))
}

// choose gives the value that survives by the rules in turn, nil without claims.
func choose[T any](claims []claim[T], rules ...Rule) *Value[T] {
	switch len(claims) {
	case 0:
		return nil
	case 1:
		return &Value[T]{Value: claims[0].value, Record: claims[0].record, Rule: ruleOf(claims, &claims[0].standing, rules), Also: []Source[T]{}, PinNote: claims[0].note()}
	}
	countRecords(claims)
	best := &claims[0]
	for i := range claims[1:] {
		if c := &claims[i+1]; prefer(rules, &c.standing, &best.standing) > 0 {
			best = c
		}
	}
	v := &Value[T]{Value: best.value, Record: best.record, Rule: ruleOf(claims, &best.standing, rules), Also: []Source[T]{}, PinNote: best.note()}
	for i := range claims {
		if c := &claims[i]; c != best && (c.record != best.record || c.form != best.form) {
			v.Also = append(v.Also, Source[T]{Value: c.value, Record: c.record})
		}
	}
	return v
}

// countRecords counts for each claim the records that say the same.
func countRecords[T any](claims []claim[T]) {
	for i := range claims {
		c := &claims[i]
		if k := slices.IndexFunc(claims[:i], func(o claim[T]) bool { return o.form == c.form }); k >= 0 {
			c.frequent = claims[k].frequent
			continue
		}
		c.frequent = 0
		for j := range claims {
			if claims[j].form == c.form && !statedBefore(claims[:j], &claims[j].standing) {
				c.frequent++
			}
		}
	}
}

// statedBefore says whether a record's value is among earlier claims already.
func statedBefore[T any](earlier []claim[T], s *standing) bool {
	return slices.ContainsFunc(earlier, func(c claim[T]) bool { return c.form == s.form && c.record == s.record })
}

// ruleOf names the first rule by which best is ahead of the best other value.
func ruleOf[T any](claims []claim[T], best *standing, rules []Rule) Rule {
	if best.pin != nil {
		return RulePinned
	}
	var rival *standing
	others := false
	for i := range claims {
		s := &claims[i].standing
		others = others || s.record != best.record
		if s.form != best.form && (rival == nil || prefer(rules, s, rival) > 0) {
			rival = s
		}
	}
	if rival == nil {
		if others {
			return RuleAgreed
		}
		return RuleOnly
	}
	for _, r := range rules {
		if r.better(best, rival) != 0 {
			return r
		}
	}
	return RuleTie
}

// union keeps every form once, with the claim that is best by the rules, and
// orders the forms by the same rules.
func union[T any](claims []claim[T], rules ...Rule) []claim[Value[T]] {
	switch len(claims) {
	case 0:
		return nil
	case 1:
		return []claim[Value[T]]{{standing: claims[0].standing, value: *choose(claims)}}
	}
	byForm := slices.Clone(claims)
	slices.SortStableFunc(byForm, func(a, b claim[T]) int { return strings.Compare(a.form, b.form) })
	out := make([]claim[Value[T]], 0, len(claims))
	for i := 0; i < len(byForm); {
		j := i + 1
		for j < len(byForm) && byForm[j].form == byForm[i].form {
			j++
		}
		same := byForm[i:j]
		v := choose(same, rules...)
		out = append(out, claim[Value[T]]{standing: standingOf(same, rules), value: *v})
		i = j
	}
	slices.SortFunc(out, func(a, b claim[Value[T]]) int { return prefer(rules, &b.standing, &a.standing) })
	return out
}

func standingOf[T any](claims []claim[T], rules []Rule) standing {
	best := claims[0].standing
	for i := range claims[1:] {
		if s := claims[i+1].standing; prefer(rules, &s, &best) > 0 {
			best = s
		}
	}
	return best
}

// values drops the standings.
func values[T any](cs []claim[T]) []T {
	vs := make([]T, len(cs))
	for i := range cs {
		vs[i] = cs[i].value
	}
	return vs
}
