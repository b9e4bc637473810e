package town

import (
	"slices"
	"strings"

	"ficha/events"
)

// The systems of the town.
const (
	SourceCRM     = "/crm/bank"
	SourceCore    = "/core/bank"
	SourcePBX     = "/pbx/bank"
	SourceChat    = "/chat/bank"
	SourceShop    = "/shop/tienda"
	SourceCitizen = "/citizen/muni"
	SourceAgency  = "/pbx/agency" // a sales agency that calls for the bank; it keeps no customers
)

// habit is how one system keeps people: in thousandths, how many it knows and
// what it has of them, and how its clerks and forms write.
type habit struct {
	source   string
	set      sourceSet
	prefix   string // of native ids
	knows    int    // of the people
	twice    int    // of those that it knows, has them a second time
	phone    int
	email    int
	document int
	birth    int
	address  int
	family2  int
	plain    int // writes without accents
	short    int // knows the short form of the given name
	official bool
	shouting bool // writes capitals
	whole    bool // one field for the name
}

// sourceSet has a bit for each system that keeps customers.
type sourceSet uint8

// setOf gives the set of some systems.
func setOf(all []habit, sources ...string) sourceSet {
	var set sourceSet
	for i, h := range all {
		if slices.Contains(sources, h.source) {
			set |= 1 << i
		}
	}
	return set
}

func habits() []habit {
	all := []habit{
		{source: SourceCRM, prefix: "C", knows: 640, twice: 45, phone: 950, email: 880, document: 660, birth: 720, address: 680, family2: 800, plain: 250},
		{source: SourceCore, prefix: "K", knows: 460, phone: 930, email: 680, document: 980, birth: 980, address: 940, family2: 970, plain: 1000, official: true, shouting: true},
		{source: SourcePBX, prefix: "T", knows: 270, twice: 25, phone: 1000, email: 420, document: 500, birth: 200, family2: 350, plain: 500, short: 40, whole: true},
		{source: SourceChat, prefix: "W", knows: 230, phone: 830, email: 950, document: 80, birth: 40, family2: 200, plain: 550, short: 280},
		{source: SourceShop, prefix: "S", knows: 430, twice: 60, phone: 880, email: 970, document: 40, birth: 180, address: 900, family2: 330, plain: 550, short: 120},
		{source: SourceCitizen, prefix: "M", knows: 370, phone: 780, email: 620, document: 940, birth: 880, address: 930, family2: 960, plain: 300, official: true},
	}
	for i := range all {
		all[i].set = setOf(all, all[i].source)
	}
	return all
}

// record is one system's record of one person, or of the unit's company.
type record struct {
	habit  *habit
	key    events.RecordKey
	member int
	at     second // first stated
	gone   second // withdrawn or merged away at the source; never: not
	other  bool   // knows his other number
	before int    // index of the record of the same person in the same system that was there first; -1: none
}

// truth is the record's true owner.
func (u *unit) truth(r record) string {
	if u.company != nil {
		return u.company.id
	}
	return u.people[r.member].id
}

// draw lists the records of the unit's people: at least one each.
func (t *Town) draw(d *dice, u *unit) {
	for m := range u.people {
		had := len(u.records)
		for i := range t.habits {
			if h := &t.habits[i]; d.chance(h.knows) {
				t.add(d, u, m, h, -1)
				if d.chance(h.twice) {
					t.add(d, u, m, h, len(u.records)-1)
				}
			}
		}
		if len(u.records) == had {
			t.add(d, u, m, &t.habits[d.below(2)], -1)
		}
	}
}

// add makes a record. Most were there when the story begins and are stated in
// its first days; a person's second record in a system always comes later.
func (t *Town) add(d *dice, u *unit, member int, h *habit, before int) {
	r := record{habit: h, member: member, before: before, gone: never}
	r.key = events.RecordKey{Source: h.source, Stream: events.DefaultStream, ID: h.prefix + "-" + opaque(u.no<<16|uint64(len(u.records))<<4, t.cfg.Seed^uint64(h.prefix[0]))}
	switch {
	case before >= 0:
		r.at = second(d.between(int(max(5*oneDay, u.records[before].at+oneDay)), int(165*oneDay)))
	case d.chance(400):
		r.at = second(d.between(int(5*oneDay), int(150*oneDay)))
	default:
		r.at = second(d.below(int(5 * oneDay)))
	}
	u.records = append(u.records, r)
}

// values writes what a system holds of a person at a time. Careful leaves the
// typing errors out and everything else as it is.
func (t *Town) values(u *unit, index int, at second, careful bool) (events.CustomerRecorded, int) {
	r := u.records[index]
	if u.company != nil {
		return u.company.values(t, u, index), 0
	}
	p, h := &u.people[r.member], r.habit
	d := roll(u.seed, u.no, purposeValues, uint64(index))
	w := &pen{dice: roll(u.seed, u.no, purposeTypos, uint64(index)), share: typoShare}
	if careful || u.careful {
		w.share = 0
	}
	c := events.CustomerRecorded{Record: events.Record{RecordKey: r.key}, Kind: events.Person, Names: []events.Name{t.name(d, w, p, h)}}
	if d.chance(h.birth) {
		c.BirthDate = w.date(p.born)
	}
	if d.chance(h.document) {
		doc := p.document
		doc.Number = w.digits(doc.Number, 0)
		c.Documents = []events.Document{doc}
	}
	t.reached(d, w, &c, u, r, at)
	if d.chance(h.address) {
		home := u.homeAt(at)
		home.Street = w.word(written(d, h, home.Street))
		if d.chance(250) {
			home.Unit = ""
		}
		if d.chance(200) {
			home.PostalCode = ""
		}
		home.Locality, home.Region = written(d, h, home.Locality), written(d, h, home.Region)
		c.Addresses = []events.Address{home}
	}
	t.standing(d, &c, p, h)
	return c, w.values
}

// reached adds phones, e-mails and handles. A record without any way to the
// person and without document and birth date would be nobody's: it gets one.
func (t *Town) reached(d *dice, w *pen, c *events.CustomerRecorded, u *unit, r record, at second) {
	p, h := &u.people[r.member], r.habit
	phone, email := d.chance(h.phone), d.chance(h.email)
	if !phone && !email && len(c.Documents) == 0 {
		phone = true
	}
	if phone {
		n := p.phoneAt(at)
		if r.other {
			n = p.newPhone
		}
		f := n.write(d)
		f.Value, f.Use = w.digits(f.Value, 5), "mobile"
		c.Phones = []events.Phone{f}
	}
	if email {
		c.Emails = []events.Email{{Value: w.mail(p.emailAt(at)), Verified: h.source == SourceShop && d.chance(700)}}
	}
	if h.source == SourceChat && d.chance(350) {
		c.Handles = []events.Handle{{Handle: "u" + opaque(u.no*8+uint64(r.member), u.seed^0x68), Network: oneOf(d, []string{"telegram", "facebook", "instagram"})}}
	}
}

// standing adds what the systems note beside the identity.
func (t *Town) standing(d *dice, c *events.CustomerRecorded, p *person, h *habit) {
	if h.official || d.chance(300) {
		c.Gender = "male"
		if p.female {
			c.Gender = "female"
		}
	}
	switch h.source {
	case SourceCRM:
		c.Language = "es"
		c.Lifecycle = oneOf(d, []string{"customer", "customer", "customer", "prospect", "former"})
		c.Segment = oneOf(d, []string{"personal", "personal", "personal", "preferred", "small-business"})
		if vip := true; d.chance(15) {
			c.VIP = &vip
		}
	case SourceShop:
		if d.chance(200) {
			c.Tags = []string{oneOf(d, []string{"newsletter", "frequent", "coupon", "wholesale"})}
		}
	case SourceCitizen:
		c.Nationality = p.document.Country
	}
}

// name writes a person's name in the system's way.
func (t *Town) name(d *dice, w *pen, p *person, h *habit) events.Name {
	given, family, family2 := p.given, p.family, p.family2
	first, _, two := strings.Cut(given, " ")
	if !h.official {
		if two && d.chance(350) {
			given = first
		}
		if forms := t.words.short[first]; len(forms) > 0 && d.chance(h.short) {
			given = oneOf(d, forms)
		}
		if p.husband != "" && d.chance(marriedShare) {
			family2 = "de " + p.husband
		}
	}
	if !d.chance(h.family2) {
		family2 = ""
	} else if d.chance(swappedShare) {
		family, family2 = family2, family
	}
	n := events.Name{Given: written(d, h, given), Family: written(d, h, family), Family2: written(d, h, family2)}
	n.Given, n.Family, n.Family2 = w.word(n.Given), w.word(n.Family), w.word(n.Family2)
	if h.whole {
		return events.Name{Full: strings.Join(strings.Fields(n.Given+" "+n.Family+" "+n.Family2), " ")}
	}
	if h.official {
		n.Use = "official"
	}
	return n
}

// written gives a value in the system's letters.
func written(d *dice, h *habit, s string) string {
	if d.chance(h.plain) {
		s = plain(s)
	}
	if h.shouting {
		s = strings.ToUpper(s)
	}
	return s
}

// changed is what a system states when it learns of a move or a new number: the
// fields that changed, as a patch.
func (t *Town) changed(u *unit, index int, at second) events.CustomerRecorded {
	full, _ := t.values(u, index, at, false)
	return events.CustomerRecorded{Record: full.Record, Kind: full.Kind, Mode: events.ModePatch, Phones: full.Phones, Emails: full.Emails, Addresses: full.Addresses}
}
