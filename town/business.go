package town

import (
	"fmt"
	"slices"
	"strings"

	"ficha/events"
)

// dealings plans what people have with the town's companies beside contacts:
// accounts at the bank, orders in the shop, complaints and requests, and what they
// say of it when they are asked. Its dice are its own, and what it plans comes
// after everything else in the plan: the rest of the town is the same without it.
func (t *Town) dealings(u *unit) {
	d := roll(u.seed, u.no, purposeBusiness)
	for i := range u.records {
		if u.records[i].habit.source == SourceCore {
			t.accounts(d, u, i)
		}
	}
	for i := range u.plan { // the range is taken before anything is added
		o := u.plan[i]
		if o.kind != interacted || o.record < 0 || o.act.direction != "inbound" {
			continue
		}
		if o.act.stream == "order" {
			t.sale(d, u, o, i)
			continue
		}
		if d.chance(caseShare(o.act)) {
			t.complaint(d, u, o, i)
		}
		if d.chance(surveyShare(o.act)) {
			t.happens(u, occurrence{at: o.at + second(d.between(int(20*minute), int(30*hour))), kind: surveyed, member: o.member, record: o.record, ref: i, act: o.act})
		}
	}
}

// caseShare says, in thousandths, after how many contacts of a kind there is a case.
func caseShare(a *activity) int {
	switch {
	case a.source == SourceCitizen:
		return 160
	case a.stream == "email":
		return 120
	case a.source == SourcePBX:
		return 45
	}
	return 0
}

// surveyShare says how many customers answer when they are asked after a contact.
func surveyShare(a *activity) int {
	switch {
	case a.source == SourcePBX && a.stream == "call":
		return 110
	case a.source == SourceCitizen && a.stream == "visit":
		return 120
	}
	return 0
}

// accounts plans the contracts of a record of the bank's core system.
func (t *Town) accounts(d *dice, u *unit, record int) {
	r := &u.records[record]
	for n, at := 0, r.at+second(d.between(int(2*minute), int(hour))); n < 2 && d.chance(700-400*n); n++ {
		if at >= r.gone {
			return
		}
		o := occurrence{at: at, kind: signed, member: r.member, record: record, ref: -1}
		if o.ref = t.happens(u, o); o.ref >= 0 && d.chance(110) {
			o.at, o.kind = at+second(d.between(int(10*oneDay), int(120*oneDay))), cancelled
			t.happens(u, o)
		}
		at += second(d.between(int(5*oneDay), int(90*oneDay)))
	}
}

// sale plans what the shop's order system says of an order.
func (t *Town) sale(d *dice, u *unit, o occurrence, ref int) {
	if t.outcome(u, o) != "sale" {
		return
	}
	next := occurrence{at: o.at + minute, kind: ordered, member: o.member, record: o.record, ref: ref, act: o.act}
	t.happens(u, next)
	if d.chance(300) {
		next.at, next.kind = o.at+second(d.between(int(oneDay), int(9*oneDay))), delivered
		t.happens(u, next)
	}
}

// outcome is the one that interaction will draw: its first throw.
func (t *Town) outcome(u *unit, o occurrence) string {
	return oneOf(roll(u.seed, u.no, purposeEvent, uint64(o.at), uint64(o.member)), o.act.outcomes)
}

// complaint plans a case that a contact gives rise to, and how far it comes: most
// are answered and settled, some wait longer than they should or come back.
func (t *Town) complaint(d *dice, u *unit, o occurrence, ref int) {
	next := occurrence{at: o.at + 5*minute, kind: opened, member: o.member, record: o.record, ref: ref, act: o.act}
	first := t.happens(u, next)
	if first < 0 {
		return
	}
	next.ref = first
	at := next.at
	stage := func(k kind, permille, lo, hi int) bool {
		if !d.chance(permille) {
			return false
		}
		at += second(min(d.between(lo, hi), d.between(lo, hi))) // sooner rather than later
		next.at, next.kind = at, k
		return t.happens(u, next) >= 0
	}
	if !stage(answered, 960, int(4*minute), int(4*oneDay)) {
		return
	}
	stage(escalated, 120, int(oneDay), int(5*oneDay))
	if stage(settled, 930, int(20*minute), int(12*oneDay)) {
		stage(reopened, 35, int(hour), int(6*oneDay))
	}
}

// aboutDealing writes what a system states of a contract, order, case or answer.
func (t *Town) aboutDealing(u *unit, i int, o occurrence, h *happening) {
	var key events.RecordKey
	switch o.kind {
	case signed, cancelled:
		x := t.contract(u, i, o)
		key, h.envelope.Type, h.payload = x.Record.RecordKey, events.ContractChangedV1, x
	case ordered, delivered:
		x := t.order(u, o)
		key, h.envelope.Type, h.payload = x.Record.RecordKey, events.OrderChangedV1, x
	case surveyed:
		x := t.answer(u, i, o)
		key, h.envelope.Type, h.payload = x.Record.RecordKey, events.SurveyAnsweredV1, x
	default:
		x := t.matter(u, i, o)
		key, h.envelope.Type, h.payload = x.Record.RecordKey, events.CaseChangedV1, x
	}
	h.envelope.Source, h.envelope.Subject = key.Source, key.Stream+":"+key.ID
}

// named gives the key of a dealing by the occurrence that it began with.
func (t *Town) named(u *unit, source, stream, prefix string, i int) events.RecordKey {
	return events.RecordKey{Source: source, Stream: stream, ID: prefix + t.eventID(u, i)[1:]}
}

// keyOf gives a copy of a record's key.
func (u *unit) keyOf(record int) *events.RecordKey {
	key := u.records[record].key
	return &key
}

// interactionKey is the record of the contact that an occurrence is about.
func (t *Town) interactionKey(u *unit, i int) events.RecordKey {
	a := u.plan[i].act
	return t.named(u, a.source, a.stream, "i", i)
}

// contract writes an account or a loan. Old customers signed years ago.
func (t *Town) contract(u *unit, i int, o occurrence) events.ContractChanged {
	began := o
	if o.kind == cancelled {
		i, began = o.ref, u.plan[o.ref]
	}
	d := roll(u.seed, u.no, purposeBusiness, uint64(i))
	signedAt := began.at
	if u.records[o.record].at < 5*oneDay && began.at < u.records[o.record].at+oneDay {
		signedAt -= second(d.between(30, 3000)) * oneDay
	}
	key := t.named(u, SourceCore, "contract", "k", i)
	x := events.ContractChanged{
		Record: events.Record{RecordKey: key}, Customer: u.keyOf(o.record), Number: "K-" + strings.ToUpper(key.ID[1:]), Status: "active",
		Product: oneOf(d, []string{"current-account", "current-account", "savings", "credit-card", "mortgage", "personal-loan"}), SignedAt: t.stamp(signedAt),
	}
	if x.Product == "mortgage" || x.Product == "personal-loan" {
		x.Amount = u.price(d.between(20, 900) * 1000 * 100)
	}
	if o.kind == cancelled {
		x.Status, x.CancelledAt = "cancelled", t.stamp(o.at)
	}
	return x
}

// goods are what the shop sells, by the product of the contact.
func goods(product string) []string {
	switch product {
	case "home":
		return []string{"Lámpara de mesa", "Juego de sábanas", "Aspiradora"}
	case "kitchen":
		return []string{"Licuadora", "Olla a presión", "Horno eléctrico"}
	case "toys":
		return []string{"Rompecabezas", "Tren de madera", "Muñeca de trapo"}
	case "garden":
		return []string{"Manguera", "Tijeras de podar", "Cortacésped"}
	case "shoes":
		return []string{"Zapatos de cuero", "Zapatillas deportivas"}
	}
	return []string{"Novela", "Atlas", "Cuaderno"}
}

// electric goods have a serial number.
var electric = [...]string{"Aspiradora", "Licuadora", "Horno eléctrico", "Cortacésped"}

// order writes an order with its lines, as the contact began it.
func (t *Town) order(u *unit, o occurrence) events.OrderChanged {
	sold := t.interaction(u, u.plan[o.ref], t.interactionKey(u, o.ref))
	d := roll(u.seed, u.no, purposeBusiness, uint64(o.ref))
	x := events.OrderChanged{
		Record: events.Record{RecordKey: t.named(u, SourceShop, "sale", "o", o.ref)}, Customer: u.keyOf(o.record),
		Number: sold.Order, Status: "placed", OrderedAt: sold.StartedAt, Place: u.homeAt(o.at).Locality,
	}
	total := 0
	for n := range d.between(1, 3) {
		cents := d.between(500, 90_000)
		total += cents
		quantity := 1.0
		l := events.OrderLine{Product: sold.Product, Description: oneOf(d, goods(sold.Product)), Quantity: &quantity, Amount: u.price(cents)}
		if slices.Contains(electric[:], l.Description) {
			l.SerialNumbers = []string{fmt.Sprintf("SN-%s-%d", strings.ToUpper(t.eventID(u, o.ref)[1:]), n+1)}
		}
		x.Lines = append(x.Lines, l)
	}
	x.Total = u.price(total)
	if o.kind == delivered {
		x.Status, x.DeliveredAt = "delivered", t.stamp(o.at)
	}
	return x
}

// price writes cents in the money of the unit's country.
func (u *unit) price(cents int) *events.Money {
	currency := map[string]string{"MX": "MXN", "ES": "EUR", "CO": "COP", "AR": "ARS", "CL": "CLP", "PE": "PEN"}[u.country.code]
	if currency == "" {
		currency = "GTQ"
	}
	return &events.Money{Amount: fmt.Sprintf("%d.%02d", cents/100, cents%100), Currency: currency}
}

// matter writes a case as it is at an occurrence of its story.
func (t *Town) matter(u *unit, i int, o occurrence) events.CaseChanged {
	first := i
	if o.kind != opened {
		first = o.ref
	}
	began := u.plan[first]
	contact := t.interaction(u, u.plan[began.ref], t.interactionKey(u, began.ref))
	d := roll(u.seed, u.no, purposeBusiness, uint64(first))
	source, kinds, allowed := SourceCRM, []string{"complaint", "complaint", "question"}, 5*oneDay
	if began.act.source == SourceCitizen {
		source, kinds, allowed = SourceCitizen, []string{"request", "incident", "complaint"}, 10*oneDay
	}
	key := t.named(u, source, "case", "x", first)
	priority := int64(3)
	x := events.CaseChanged{
		Record: events.Record{RecordKey: key}, Customer: u.keyOf(o.record), Kind: oneOf(d, kinds), Status: "open",
		Number: "R-" + strings.ToUpper(key.ID[1:]), Title: contact.Subject, Channel: contact.Channel, Priority: &priority,
		OpenedAt: t.stamp(began.at), DueAt: t.stamp(began.at + allowed),
	}
	owner := agentID(d)
	for k := first + 1; k < len(u.plan); k++ {
		if s := u.plan[k]; s.ref == first && s.at <= o.at {
			t.advance(&x, s, owner)
		}
	}
	return x
}

// advance takes a case a stage further.
func (t *Town) advance(x *events.CaseChanged, s occurrence, owner string) {
	at := t.stamp(s.at)
	switch s.kind {
	case answered:
		x.Status, x.FirstResponseAt, x.Owner = "in_progress", at, owner
	case escalated:
		yes, highest := true, int64(1)
		x.Escalated, x.Priority = &yes, &highest
	case settled:
		x.Status, x.ResolvedAt, x.Resolution = "resolved", at, "Resuelto con el cliente."
	case reopened:
		x.Status, x.ResolvedAt, x.Resolution = "in_progress", "", ""
	}
}

// answer writes what a customer says of a contact: how likely he is to recommend
// the bank, or how content he is with the office.
func (t *Town) answer(u *unit, i int, o occurrence) events.SurveyAnswered {
	d := roll(u.seed, u.no, purposeBusiness, uint64(i))
	about := t.interactionKey(u, o.ref)
	x := events.SurveyAnswered{
		Record:   events.Record{RecordKey: t.named(u, o.act.source, "survey", "s", i)},
		Customer: u.keyOf(o.record), Survey: "after-call", Kind: "nps", AnsweredAt: t.stamp(o.at), About: &about,
	}
	annoyed := t.outcome(u, u.plan[o.ref]) == "escalated"
	if o.act.source == SourceCitizen {
		x.Survey, x.Kind, x.Scale = "after-visit", "csat", &events.Scale{Min: 1, Max: 5}
		score := float64(oneOf(d, []int{1, 2, 3, 3, 4, 4, 4, 5, 5, 5}))
		x.Score = &score
		return x
	}
	score := float64(oneOf(d, []int{3, 5, 6, 7, 7, 8, 8, 8, 9, 9, 9, 9, 10, 10, 10, 10}))
	if annoyed {
		score = float64(d.below(7))
	}
	x.Score = &score
	return x
}
