package town

// kind says what happens at an occurrence.
type kind uint8

const (
	recorded   kind = iota // a system states a record for the first time
	changed                // it learns of a move, a new number, a new address
	withdrawn              // it deletes the record
	merged                 // it joins a second record into the first
	restricted             // it blocks the record
	interacted             // somebody calls, writes, visits, orders
	edited                 // the system corrects an interaction later
	repointed              // the system says that it was another customer's
	assigned               // somebody says whose contact it was
	removed                // the system deletes an interaction
	denied                 // the customer says no
	allowed                // he says yes to the same again
	retracted              // whoever noted the no takes it back
	signed                 // the bank opens an account or grants a loan
	cancelled              // it ends
	ordered                // the shop has an order
	delivered              // and has delivered it
	opened                 // a case begins
	answered               // somebody answers
	escalated              // it goes to somebody in charge
	settled                // it is resolved
	reopened               // and was not, after all
	surveyed               // the customer says how it was
)

// occurrence is one event to be: when, what, about which record. Everything
// else of it is drawn when it is written.
type occurrence struct {
	at     second
	kind   kind
	member int
	record int // index into unit.records; -1: none is named
	ref    int // index into unit.plan of what it is about; -1: nothing
	act    *activity
	choice *wish
}

// theEnd is the end of the story; nothing happens in its last hour.
const theEnd = days*oneDay - hour

// planned lays out what happens to a unit in the half year.
func (t *Town) planned(u *unit) {
	d := roll(u.seed, u.no, purposePlan)
	u.plan = make([]occurrence, 0, 16*max(1, len(u.people))+2*len(u.records))
	for i := range u.records {
		t.happens(u, occurrence{at: u.records[i].at, kind: recorded, member: u.records[i].member, record: i, ref: -1})
	}
	for i := range u.records {
		t.afterlife(d, u, i)
	}
	members := len(u.people)
	if u.company != nil {
		members = 1
	}
	for m := range members {
		no := t.wishes(d, u, m)
		for range d.between(6, 14) {
			t.contact(d, u, m, no)
		}
	}
	if u.company == nil {
		t.learned(d, u)
	}
	t.dealings(u)
}

// happens puts an occurrence into the plan, unless it would come after the end.
// It returns the index, or -1.
func (t *Town) happens(u *unit, o occurrence) int {
	if o.at >= theEnd {
		return -1
	}
	u.plan = append(u.plan, o)
	return len(u.plan) - 1
}

// afterlife plans what its own system does to record i: merging a second
// record into the first, deleting, blocking.
func (t *Town) afterlife(d *dice, u *unit, i int) {
	r := &u.records[i]
	o := occurrence{member: r.member, record: i, ref: -1}
	later := r.at + second(d.between(int(3*oneDay), int(25*oneDay)))
	switch {
	case r.before >= 0 && u.records[r.before].gone == never && d.chance(350):
		o.at, o.kind = later, merged
		if t.happens(u, o) >= 0 {
			r.gone = later
			o.at, o.kind = later+2*minute, withdrawn
			t.happens(u, o)
		}
	case d.chance(12):
		o.at, o.kind = r.at+second(d.between(int(20*oneDay), int(120*oneDay))), withdrawn
		if t.happens(u, o) >= 0 {
			r.gone = o.at
		}
	case d.chance(4):
		o.at, o.kind = later, restricted
		t.happens(u, o)
	}
}

// learned plans which systems hear of a move, a new number, a new address.
func (t *Town) learned(d *dice, u *unit) {
	for i := range u.records {
		r := u.records[i]
		p := &u.people[r.member]
		for _, when := range [...]second{u.movedAt, p.phoneFrom, p.emailFrom} {
			if when == never || r.at >= when || !d.chance(600) {
				continue
			}
			if at := when + second(d.between(int(hour), int(20*oneDay))); at < r.gone {
				t.happens(u, occurrence{at: at, kind: changed, member: r.member, record: i, ref: -1})
			}
		}
	}
}

// known gives the person's record in one of the systems, in their order of
// preference, that is there at a time; -1 where none is.
func (u *unit) known(member int, at second, sources ...string) int {
	for _, s := range sources {
		for i := range u.records {
			if r := &u.records[i]; r.member == member && r.habit.source == s && r.at < at && at < r.gone {
				return i
			}
		}
	}
	return -1
}

// systems is the set of systems that know a person at a time.
func (u *unit) systems(member int, at second) sourceSet {
	var set sourceSet
	for i := range u.records {
		if r := &u.records[i]; r.member == member && r.at < at && at < r.gone {
			set |= r.habit.set
		}
	}
	return set
}

// moment draws a time of a working day, from day lo to day hi.
func moment(d *dice, lo, hi int) second {
	return second(d.between(lo, hi))*oneDay + second(d.between(int(13*hour), int(23*hour)))
}

// wishes plans what a person says about being contacted. It gives from when on
// marketing is unwelcome; never where he said nothing.
func (t *Town) wishes(d *dice, u *unit, member int) second {
	if u.company != nil || !d.chance(75) {
		return never
	}
	w := &t.noes[d.below(len(t.noes))]
	at := moment(d, 15, 160)
	record := u.known(member, at, w.about...)
	if record < 0 {
		return never
	}
	no := t.happens(u, occurrence{at: at, kind: denied, member: member, record: record, ref: -1, choice: w})
	if no < 0 {
		return never
	}
	back := occurrence{at: at + second(d.between(int(6*hour), int(50*oneDay))), member: member, record: record, ref: no, choice: w}
	switch {
	case d.chance(120):
		back.kind = allowed
		t.happens(u, back)
	case d.chance(50):
		back.kind = retracted
		t.happens(u, back)
	}
	return at
}

// contact plans one contact with a person, and what becomes of its record
// later. Marketing mostly respects a no said before.
func (t *Town) contact(d *dice, u *unit, member int, no second) {
	at := moment(d, 5, days-1)
	var can []*activity
	knownBy, weight := u.systems(member, at), 0
	for i := range t.acts {
		if a := &t.acts[i]; a.ofSet&knownBy != 0 {
			can, weight = append(can, a), weight+a.weight
		}
	}
	if len(can) == 0 {
		return
	}
	a := can[0]
	for want := d.below(weight); ; {
		if want -= a.weight; want < 0 {
			break
		}
		can = can[1:]
		a = can[0]
	}
	if a.purpose == "marketing" && a.direction == "outbound" && at > no && !d.chance(60) {
		return
	}
	o := occurrence{at: at, kind: interacted, member: member, record: u.known(member, at, a.of...), ref: -1, act: a}
	if d.chance(a.anonymous) {
		o.record = -1
	}
	if ref := t.happens(u, o); ref >= 0 {
		t.aftermath(d, u, o, ref)
	}
}

// aftermath plans late edits, new owners and deletions of an interaction.
func (t *Town) aftermath(d *dice, u *unit, o occurrence, ref int) {
	later := o.at + second(d.between(int(hour), int(9*oneDay)))
	next := occurrence{at: later, member: o.member, record: o.record, ref: ref, act: o.act}
	switch {
	case o.record < 0 && d.chance(150):
		if next.record = u.known(o.member, later, o.act.of...); next.record >= 0 {
			next.kind = assigned
			t.happens(u, next)
		}
	case d.chance(15):
		next.kind = edited
		t.happens(u, next)
	case d.chance(6):
		if other := u.known((o.member+1)%max(1, len(u.people)), later, o.act.of...); other >= 0 && other != o.record {
			next.kind, next.record = repointed, other
			t.happens(u, next)
		}
	case d.chance(5):
		next.kind = removed
		t.happens(u, next)
	}
}
