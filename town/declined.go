package town

import (
	"time"

	"ficha/events"
)

// Declined is the customer for whose sake all this is: a bank's sales call
// centre rings him fourteen times in three weeks about a loan that he declined
// on the first call. He is in the CRM, and in the shop with another number.
type Declined struct {
	Name       string             // as the CRM has it
	Person     string             // the truth's name for him
	Records    []events.RecordKey // CRM, shop
	Phone      string             // E.164; the number that is rung
	OtherPhone string             // E.164; the one that the shop knows
	Email      string
	Channel    string // of the calls
	Purpose    string
	Product    string
	Calls      int         // outbound, the first one included
	CallTimes  []time.Time // when each began, in order
	Statement  string      // folio of his no
	StatedAt   time.Time   // some minutes after the first call began
}

const (
	declinedCalls   = 14
	declinedProduct = "extra-financing"
	declinedFrom    = (days-44)*oneDay + 16*hour // first call
)

// Declined gives the customer who said no.
func (t *Town) Declined() Declined {
	u := t.unit(t.units() - 1)
	p := &u.people[0]
	x := Declined{
		Name: p.given + " " + p.family + " " + p.family2, Person: p.id,
		Phone: p.phone.e164(), OtherPhone: p.newPhone.e164(), Email: p.email,
		Channel: "voice", Purpose: "marketing", Product: declinedProduct,
	}
	for _, r := range u.records {
		x.Records = append(x.Records, r.key)
	}
	for i, o := range u.plan {
		switch {
		case o.kind == denied:
			x.Statement, x.StatedAt = events.StatementID(o.choice.source, t.eventID(u, i)), t.when(o.at)
		case o.kind == interacted && o.act.direction == "outbound":
			x.Calls++
			x.CallTimes = append(x.CallTimes, t.when(o.at))
		}
	}
	return x
}

// declined draws his unit: nothing about it is left to chance but his numbers.
func (t *Town) declined(no uint64) *unit {
	gt := &t.lands[0]
	u := &unit{no: no, seed: t.cfg.Seed, country: gt, movedAt: never, careful: true}
	u.home = events.Address{Street: "12 avenida", Number: "7-31", Unit: "zona 11", Locality: "Guatemala", Region: "Guatemala", PostalCode: "01011", Country: "GT"}
	u.people = []person{{given: "Julián Ernesto", family: "Alvarado", family2: "Recinos", born: day{t.year - 46, 5, 17}}}
	t.reach(roll(t.cfg.Seed, no, purposePeople), u, &gt.cities[0], 0)
	p := &u.people[0]
	p.newPhone, p.phoneFrom, p.emailFrom = gt.number(no*8, &gt.cities[2], true, t.cfg.Seed), never, never

	crm := habit{source: SourceCRM, prefix: "C", phone: 1000, email: 1000, document: 1000, birth: 1000, address: 1000, family2: 1000, official: true}
	shop := habit{source: SourceShop, prefix: "S", phone: 1000, email: 1000, birth: 1000, address: 1000, plain: 1000}
	d := roll(t.cfg.Seed, no, purposePlan)
	t.add(d, u, 0, &crm, -1)
	t.add(d, u, 0, &shop, -1)
	u.records[0].at, u.records[1].at, u.records[1].other = 2*hour, 31*oneDay, true
	for i, r := range u.records {
		t.happens(u, occurrence{at: r.at, kind: recorded, record: i, ref: -1})
	}
	t.declinedStory(u)
	return u
}

// declinedStory plans an order, the calls, and what he says on the first one.
func (t *Town) declinedStory(u *unit) {
	order := activity{source: SourceShop, stream: "order", channel: "web", direction: "inbound", purpose: "service", products: []string{"books"}, outcomes: []string{"sale"}, subjects: []string{"Pedido en línea"}}
	t.happens(u, occurrence{at: 33 * oneDay, kind: interacted, record: 1, ref: -1, act: &order})
	for i, after := range [declinedCalls]second{0, 1, 3, 4, 6, 7, 9, 10, 12, 13, 15, 17, 18, 20} {
		call := &activity{source: SourcePBX, stream: "call", channel: "voice", direction: "outbound", purpose: "marketing", campaign: "loan-spring", team: "sales",
			products: []string{declinedProduct}, outcomes: []string{"declined"}, subjects: []string{"Oferta de crédito"}}
		at, record := declinedFrom+after*oneDay+second(i%5)*(73*minute), 0
		switch {
		case i == 4 || i == 9: // he asks for somebody in charge
			call.team, call.outcomes = "sales-supervisors", []string{"do_not_contact"}
		case i%3 == 2: // the agency knows numbers, no customers
			call.source, call.campaign, call.team, record = SourceAgency, "loan-spring-agency", "agency", -1
			call.outcomes = []string{"not_interested"}
		case i > 7:
			call.campaign = "loan-summer"
		}
		t.happens(u, occurrence{at: at, kind: interacted, record: record, ref: -1, act: call})
		if i == 0 {
			no := wish{source: SourcePBX, channel: "voice", purposes: []string{"marketing"}, products: []string{declinedProduct}, reason: "not interested", point: "phone"}
			t.happens(u, occurrence{at: at + 4*minute, kind: denied, record: 0, ref: -1, choice: &no})
		}
	}
	complaint := activity{source: SourcePBX, stream: "call", channel: "voice", direction: "inbound", purpose: "service", team: "service", products: []string{declinedProduct}, outcomes: []string{"complaint"},
		subjects: []string{"Pide que dejen de llamarlo"}}
	rang := t.happens(u, occurrence{at: declinedFrom + 22*oneDay, kind: interacted, record: 0, ref: -1, act: &complaint})
	t.unheard(u, rang, &complaint)
}

// unheard plans what becomes of his complaint: it is escalated, and nobody has an
// answer when it is due.
func (t *Town) unheard(u *unit, rang int, a *activity) {
	o := occurrence{at: u.plan[rang].at + 6*minute, kind: opened, record: 0, ref: rang, act: a}
	o.ref = t.happens(u, o)
	o.at, o.kind = o.at+3*oneDay, escalated
	t.happens(u, o)
}
