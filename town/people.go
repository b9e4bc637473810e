package town

import (
	"strconv"
	"strings"

	"ficha/events"
)

// second counts the seconds since the story began.
type second int32

const (
	minute second = 60
	hour          = 60 * minute
	oneDay        = 24 * hour
	days          = 183 // the length of the story
)

// person is one customer as he really is; records show him as systems see him.
type person struct {
	id              string // the truth's name for him
	given           string
	family, family2 string
	female          bool
	husband         string // his surname, where she may use it
	born            day
	document        events.Document
	phone, newPhone number
	email, newEmail string
	phoneFrom       second // from when on the new ones hold; after the end: never
	emailFrom       second
}

// unit is what is drawn together: a household, an organisation, or the customer
// of [Town.Declined]. It is a pure function of seed and number.
type unit struct {
	no      uint64
	seed    uint64
	country *country
	home    events.Address
	newHome events.Address
	movedAt second
	people  []person // none: an organisation
	company *company
	records []record
	plan    []occurrence
	careful bool // nothing about it is mistyped
}

// size draws how many adults a household has.
func size(seed, no uint64) int {
	return [...]int{1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 4, 4, 2}[roll(seed, no, purposeSize).below(20)]
}

// The purposes that dice are rolled for.
const (
	purposeSize = iota + 1
	purposePeople
	purposePlan
	purposeValues
	purposeTypos
	purposeEvent
	purposeEventID
	purposeCompany
	purposeBusiness
)

// household draws the people of a household and where they live. n says how many.
func (t *Town) household(no uint64, n int) *unit {
	d := roll(t.cfg.Seed, no, purposePeople)
	u := &unit{no: no, seed: t.cfg.Seed, country: t.pickCountry(d), movedAt: never}
	in := &u.country.cities[min(d.below(len(u.country.cities)), d.below(len(u.country.cities)))]
	u.home = u.country.address(d, in)
	if d.chance(moveShare) {
		u.movedAt = second(d.between(20, 150)) * oneDay
		u.newHome = u.country.address(d, &u.country.cities[d.below(len(u.country.cities))])
	}
	u.people = make([]person, n)
	t.family(d, u.people, u.country.code)
	mail := n > 1 && d.chance(sharedMailShare)
	for i := range u.people {
		t.reach(d, u, in, i)
		if mail && i > 0 {
			u.people[i].email = u.people[0].email
		}
		if i > 0 && d.chance(sharedPhoneShare) {
			u.people[i].phone = u.people[0].phone
		}
	}
	return u
}

// never is after the end of every story.
const never second = 1<<31 - 1

// family names the people of a household: one alone, a couple, a couple or a
// parent with grown children, brothers and sisters, or people who share a flat.
func (t *Town) family(d *dice, people []person, country string) {
	l := t.words
	for i := range people {
		p := &people[i]
		p.female = d.chance(510)
		p.family, p.family2 = l.surname(d, country), l.surname(d, country)
		p.born = birthday(d, t.year-75, t.year-20)
		p.given = l.given(d, p.female, country)
	}
	switch shape := d.below(100); {
	case len(people) == 1 || shape < 12: // alone, or sharing a flat
	case len(people) == 2 && shape < 62:
		t.marry(d, &people[0], &people[1], country)
	case len(people) == 2 && shape < 84:
		t.children(d, people[0], nil, people[1:], country)
	case len(people) == 2:
		people[1].family, people[1].family2 = people[0].family, people[0].family2
		t.maybeTwin(d, &people[0], &people[1], country)
	default:
		t.marry(d, &people[0], &people[1], country)
		t.children(d, people[0], &people[1], people[2:], country)
	}
}

// marry makes two people a couple of like age.
func (t *Town) marry(d *dice, he, she *person, country string) {
	he.female, she.female = false, true
	he.given, she.given = t.words.given(d, false, country), t.words.given(d, true, country)
	she.born.y = he.born.y + d.between(-6, 6)
	she.husband = he.family
}

// children makes people the grown children of a parent, or of two. Sons may
// bear the father's name; brothers and sisters may be twins.
func (t *Town) children(d *dice, parent person, mother *person, people []person, country string) {
	for i := range people {
		p := &people[i]
		p.family = parent.family
		if mother != nil {
			p.family2 = mother.family
		}
		p.born = birthday(d, 0, 0)
		p.born.y = min(parent.born.y+d.between(19, 32), t.year-18)
		if !p.female && !parent.female && d.chance(namesakeShare) {
			p.given = parent.given
		}
	}
	if len(people) > 1 {
		t.maybeTwin(d, &people[0], &people[1], country)
	}
}

// maybeTwin gives the second the first's birthday, now and then; their first
// names are often alike but never the same.
func (t *Town) maybeTwin(d *dice, a, b *person, country string) {
	if d.chance(twinShare) {
		b.born, b.female = a.born, a.female
		for b.given = t.words.given(d, b.female, country); b.given == a.given; {
			b.given = t.words.given(d, b.female, country)
		}
	}
}

// birthday draws a day of the years from..to.
func birthday(d *dice, from, to int) day {
	return day{y: d.between(from, to), m: d.between(1, 12), d: d.between(1, 28)}
}

// reach gives person i of a unit his id, document, phone and e-mail address,
// each his own.
func (t *Town) reach(d *dice, u *unit, in *city, i int) {
	p, n := &u.people[i], u.no*8+uint64(i)
	p.id = "p-" + strconv.FormatUint(u.no, 10) + "-" + strconv.Itoa(i+1)
	p.document = personDocument(u.country, p, n, t.cfg.Seed)
	p.phone, p.phoneFrom = u.country.number(n, in, false, t.cfg.Seed), never
	p.email, p.emailFrom = mailbox(d, p, n), never
	if d.chance(newPhoneShare) {
		p.newPhone, p.phoneFrom = u.country.number(n, in, true, t.cfg.Seed), second(d.between(20, 150))*oneDay
	}
	if d.chance(newPhoneShare / 2) {
		p.newEmail, p.emailFrom = mailbox(d, p, n+1<<40), second(d.between(20, 150))*oneDay
	}
}

// mailbox makes an e-mail address out of a name and a number of its own.
func mailbox(d *dice, p *person, n uint64) string {
	first, _, _ := strings.Cut(strings.ToLower(plain(p.given)), " ")
	last := strings.ReplaceAll(strings.ToLower(plain(p.family)), " ", "")
	tail := strconv.FormatUint(mix(n)%90000+10, 10)
	local := first + oneOf(d, []string{".", "", "_"}) + last
	switch d.below(4) {
	case 0:
		local = first[:1] + last
	case 1:
		local = last + "." + first
	}
	return local + tail + "@" + oneOf(d, []string{"correo.example", "mail.example", "example.com", "example.org", "buzon.example", "example.net"})
}

// phoneAt and emailAt give what holds at a time.
func (p *person) phoneAt(s second) number {
	if s >= p.phoneFrom {
		return p.newPhone
	}
	return p.phone
}

func (p *person) emailAt(s second) string {
	if s >= p.emailFrom {
		return p.newEmail
	}
	return p.email
}

// homeAt gives where the unit lives at a time.
func (u *unit) homeAt(s second) events.Address {
	if s >= u.movedAt {
		return u.newHome
	}
	return u.home
}

// pickCountry draws a country by weight.
func (t *Town) pickCountry(d *dice) *country {
	want := d.below(1000)
	for i := range t.lands {
		if want -= t.lands[i].weight; want < 0 {
			return &t.lands[i]
		}
	}
	return &t.lands[0]
}
