package contact

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/internal/contactpoint"
)

// Validity is how long an allow may be used.
const Validity = 60 * time.Second

// NoPolicy is the policy version of a hub that has published none: statements and
// restrictions alone decide.
const NoPolicy = "none"

// Facts is all that a decision rests on, whether or not it is in force.
type Facts struct {
	Customers []uuid.UUID // golden ids that the request may mean, sorted
	Points    []PointFact
	Bounds    []Bound
	// Restrictions of the customers' records and of those they were grouped with,
	// with all that was ever stated.
	Restrictions []RestrictionFact

	Shared     bool // several customers hold a point that was asked about
	Crowded    bool // so many that they were not all looked at
	Unknown    bool // a customer or record was named that nobody knows, and no contact point
	Unreadable bool // something was named that cannot be read, or nothing at all
}

// PointFact is a contact point that matters.
type PointFact struct {
	Point contactpoint.Point
	Asked bool // named by the request; else it is a customer's
}

// Reach says how a statement reaches a request.
type Reach uint8

// The reaches.
const (
	ReachPoint  Reach = iota // it is about a contact point, or one that may be the same
	ReachRecord              // about a record of the customer
	ReachLinked              // about a record that was grouped with one of the customer's since it was stated
)

// Bound is a statement with one way in which it reaches the request. A statement
// about several records and points is there several times, and is judged each
// time apart.
type Bound struct {
	Statement *Statement
	Reach     Reach
	Record    uuid.UUID // by which it reaches, for ReachRecord and ReachLinked
	Point     int       // index into Facts.Points, for ReachPoint
	Exact     bool      // the statement names that very point, for ReachPoint
	// Freed is set on a ReachLinked deny that a person confirmed not to be the
	// customer's: it binds nothing, and is there to be shown.
	Freed bool
}

// same says whether two bounds are about the same record, or the very same point.
func (b *Bound) same(o *Bound) bool {
	if b.Reach == ReachPoint || o.Reach == ReachPoint {
		return b.Reach == o.Reach && b.Point == o.Point && b.Exact && o.Exact
	}
	return b.Record == o.Record
}

// binds says whether a statement names a record of the customer.
func (f *Facts) binds(s *Statement) bool {
	for i := range f.Bounds {
		if b := &f.Bounds[i]; b.Reach == ReachRecord && b.Statement == s {
			return true
		}
	}
	return false
}

// RestrictionFact is a stated restriction of a record that matters.
type RestrictionFact struct {
	Restriction
	// LinkedUntil is zero for a record of the customer, else the position at which
	// the record ceased to be grouped with one of the customer's.
	LinkedUntil events.Position
}

// Decide answers a request from the facts: all hits are reported, and one deny
// denies. It is pure. Texts, decision id and customer-facing language are put on
// by [Checker].
func Decide(f *Facts, req *Request, now time.Time) Answer {
	j := judge{facts: f, asked: req.asked()}
	j.at, j.known = req.moment(now)
	ans := Answer{
		Decision: DecisionAllow, Reasons: j.reasons(), CustomerIDs: f.Customers, Alternatives: []string{},
		PolicyVersion: NoPolicy, CheckedAt: now, ValidUntil: now.Add(Validity),
	}
	for i := range ans.Reasons {
		if ans.Reasons[i].Effect == EffectDeny {
			ans.Decision = DecisionDeny
		}
	}
	if ans.CustomerIDs == nil {
		ans.CustomerIDs = []uuid.UUID{}
	}
	switch {
	case !j.known.IsZero():
		ans.ValidUntil = now // about the past: good for nothing to come
	case ans.Decision == DecisionAllow:
		ans.ValidUntil = j.nextChange(now, ans.ValidUntil)
	default:
		ans.Alternatives = j.alternatives()
		ans.NextAllowedAt = j.nextAllowed(ans.Reasons)
	}
	return ans
}

// judge evaluates one request. It is a value: a change of channel or time gives
// another judge over the same facts.
type judge struct {
	facts  *Facts
	asked  asked
	at     time.Time
	known  time.Time
	strict bool // only points that fit the channel matter: for alternatives
}

// matters says whether statements on a point count for the channel asked. Points
// that the request names always do; the customer's own do where none of the named
// ones can be used on the channel, since it will be one of them that is used.
func (j *judge) matters(p *PointFact) bool {
	if p.Asked {
		return !j.strict || j.asked.channel.fits(p.Point.Kind)
	}
	if !j.onChannel(p.Point.Kind) {
		return false
	}
	for i := range j.facts.Points {
		if o := &j.facts.Points[i]; o.Asked && j.onChannel(o.Point.Kind) {
			return false
		}
	}
	return true
}

func (j *judge) onChannel(k contactpoint.Kind) bool {
	return j.asked.channel == 0 || j.asked.channel.fits(k)
}

func (j *judge) counts(b *Bound) bool {
	return !b.Freed && (b.Reach != ReachPoint || j.matters(&j.facts.Points[b.Point])) && b.Statement.effective(j.at, j.known)
}

// binds says whether a bound is a deny of what is asked that nothing lifts.
func (j *judge) binds(b *Bound) bool {
	return b.Statement.Choice == events.Deny && b.Statement.meets(&j.asked) && j.counts(b) && !j.lifted(b)
}

// lifted says whether a later allow lifts the deny: about the same record or the
// very same contact point, covering what is asked, and naming a value in every
// dimension that the deny names. Of two at the same time the deny wins.
func (j *judge) lifted(deny *Bound) bool {
	for i := range j.facts.Bounds {
		if a := &j.facts.Bounds[i]; a.Statement.Choice == events.Allow && a.same(deny) && j.lifts(a, deny) {
			return true
		}
	}
	return false
}

func (j *judge) lifts(a, deny *Bound) bool {
	return a.Statement.StatedAt.After(deny.Statement.StatedAt) && a.Statement.covers(&j.asked) &&
		a.Statement.namesWhat(deny.Statement) && j.counts(a)
}

// reasons gives all that applies, denies first, each code and statement once.
func (j *judge) reasons() []Reason {
	var buf [8]Reason
	rs := j.unknowns(buf[:0])
	for i := range j.facts.Bounds {
		if b := &j.facts.Bounds[i]; j.binds(b) {
			rs = j.statementReasons(rs, b)
		}
	}
	rs = j.restrictions(rs)
	if len(rs) == 0 {
		return []Reason{}
	}
	return j.finish(rs)
}

// unknowns gives the reasons that lie in the question itself.
func (j *judge) unknowns(rs []Reason) []Reason {
	f := j.facts
	if f.Unreadable {
		rs = append(rs, Reason{Code: UnreadableWho, Effect: EffectDeny})
	}
	if f.Unknown {
		rs = append(rs, Reason{Code: UnknownCustomer, Effect: EffectDeny})
	}
	if j.asked.purpose != "" && !j.asked.knownPurpose {
		rs = append(rs, Reason{Code: UnknownPurpose, Effect: EffectDeny})
	}
	if f.Crowded {
		rs = append(rs, Reason{Code: SharedContactPoint, Effect: EffectDeny})
	} else if f.Shared {
		rs = append(rs, Reason{Code: SharedContactPoint, Effect: EffectNote})
	}
	return rs
}

func (j *judge) statementReasons(rs []Reason, b *Bound) []Reason {
	code := PersonDenied
	switch {
	case b.Statement.Unconfirmed:
		code = UnconfirmedStatement
	case b.Reach == ReachPoint:
		code = ContactPointDenied
	}
	rs = append(rs, reasonOf(code, EffectDeny, b.Statement))
	if b.Reach == ReachLinked {
		linked := reasonOf(StatedOnLinkedRecord, EffectDeny, b.Statement)
		linked.Held = !j.facts.binds(b.Statement)
		rs = append(rs, linked)
	}
	if b.Reach != ReachPoint {
		rs = j.idleAllows(rs, b)
	}
	return rs
}

// idleAllows notes the allows on other records of the same person, which lift nothing.
func (j *judge) idleAllows(rs []Reason, deny *Bound) []Reason {
	for i := range j.facts.Bounds {
		a := &j.facts.Bounds[i]
		if a.Reach != ReachPoint && a.Statement.Choice == events.Allow && a.Record != deny.Record && j.lifts(a, deny) {
			rs = append(rs, reasonOf(StatedOnLinkedRecord, EffectNote, a.Statement))
		}
	}
	return rs
}

func reasonOf(code Code, effect Effect, s *Statement) Reason {
	r := Reason{Code: code, Effect: effect, Statement: s.Folio, Since: s.StatedAt, Until: s.Until, Scope: &s.Scope, Why: s.Reason}
	if s.EffectiveFrom.After(r.Since) {
		r.Since = s.EffectiveFrom
	}
	if s.Via != (events.Via{}) {
		r.Via = &s.Via
	}
	return r
}

// restrictions adds the restrictions in force: for each record and kind what was
// stated last.
func (j *judge) restrictions(rs []Reason) []Reason {
	for i := range j.facts.Restrictions {
		x := &j.facts.Restrictions[i]
		if !j.latest(x) || !j.inForce(x) {
			continue
		}
		r := Reason{Code: Restricted, Effect: EffectDeny, Restriction: x.Kind, Since: x.since(), Until: x.Until}
		if x.Kind == "deceased" {
			r.Code = Deceased
		}
		rs = append(rs, r)
		if x.LinkedUntil != 0 {
			r.Code = StatedOnLinkedRecord
			rs = append(rs, r)
		}
	}
	return rs
}

func (j *judge) knows(x *RestrictionFact) bool {
	return j.known.IsZero() || !x.Recorded.After(j.known)
}

// latest says whether x is the last known word about its record and kind.
func (j *judge) latest(x *RestrictionFact) bool {
	if !j.knows(x) {
		return false
	}
	for i := range j.facts.Restrictions {
		o := &j.facts.Restrictions[i]
		if o.Record == x.Record && o.Kind == x.Kind && j.knows(o) && o.Stamp.Compare(x.Stamp) > 0 {
			return false
		}
	}
	return true
}

func (j *judge) inForce(x *RestrictionFact) bool {
	if j.at.Before(x.since()) || !x.Until.IsZero() && !j.at.Before(x.Until) {
		return false
	}
	if x.LinkedUntil == 0 {
		return true
	}
	// On a record that was grouped: it binds if it was there while they were.
	for i := range j.facts.Restrictions {
		o := &j.facts.Restrictions[i]
		if o.Record == x.Record && o.Kind == x.Kind && o.Position < x.LinkedUntil {
			return true
		}
	}
	return false
}

func (x *RestrictionFact) since() time.Time {
	if x.From.IsZero() {
		return x.Stamp.Time
	}
	return x.From
}

// finish sorts, drops repeats, and turns what an obligatory purpose overrides
// into notes.
func (j *judge) finish(rs []Reason) []Reason {
	silenced := false
	if j.asked.class == ClassObligatory && j.asked.knownPurpose {
		for i := range rs {
			if rs[i].Effect == EffectDeny && rs[i].Code != UnreadableWho {
				rs[i].Effect, silenced = EffectNote, true
			}
		}
	}
	if silenced {
		rs = append(rs, Reason{Code: ObligatoryPurpose, Effect: EffectNote})
	}
	slices.SortStableFunc(rs, compareReasons)
	rs = slices.CompactFunc(rs, func(a, b Reason) bool {
		return a.Code == b.Code && a.Statement == b.Statement && a.Restriction == b.Restriction && a.Since.Equal(b.Since) && a.Until.Equal(b.Until)
	})
	return slices.Clone(rs)
}

func compareReasons(a, b Reason) int {
	return cmp.Or(strings.Compare(string(a.Effect), string(b.Effect)), cmp.Compare(a.Code.rank(), b.Code.rank()),
		b.Since.Compare(a.Since), strings.Compare(a.Statement, b.Statement), strings.Compare(a.Restriction, b.Restriction),
		a.Until.Compare(b.Until))
}

func (c Code) rank() int {
	switch c {
	case LogDamaged, Stale:
		return 0
	case UnreadableWho, UnknownCustomer:
		return 1
	case PersonDenied:
		return 2
	case ContactPointDenied:
		return 3
	case UnconfirmedStatement:
		return 4
	case StatedOnLinkedRecord:
		return 5
	case Restricted, Deceased:
		return 6
	case UnknownPurpose:
		return 7
	}
	return 8
}

// denied says whether anything denies, without saying what.
func (j *judge) denied() bool {
	if f := j.facts; f.Unreadable || f.Unknown || f.Crowded || j.asked.purpose != "" && !j.asked.knownPurpose {
		return true
	}
	for i := range j.facts.Restrictions {
		if x := &j.facts.Restrictions[i]; j.latest(x) && j.inForce(x) {
			return true
		}
	}
	for i := range j.facts.Bounds {
		if j.binds(&j.facts.Bounds[i]) {
			return true
		}
	}
	return false
}
