package town

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"ficha/events"
)

// happening is an event before its data is JSON.
type happening struct {
	envelope events.Envelope
	payload  any
}

// event gives the envelope with its data.
func (h happening) event() events.Envelope {
	b, err := json.Marshal(h.payload)
	if err != nil { // own structs of strings and numbers always encode
		panic(fmt.Sprintf("town: encode %s: %v", h.envelope.Type, err))
	}
	h.envelope.Data = b
	return h.envelope
}

// when gives the time of a second of the story.
func (t *Town) when(s second) time.Time { return t.start.Add(time.Duration(s) * time.Second) }

// stamp gives a time as the data's fields hold it.
func (t *Town) stamp(s second) string { return t.when(s).Format(time.RFC3339) }

// eventID is the id of an occurrence's event, alike at every call.
func (t *Town) eventID(u *unit, i int) string {
	return "t" + opaque(u.no<<16|uint64(i), mix(t.cfg.Seed^purposeEventID))
}

// write turns occurrence i of a unit into its event.
func (t *Town) write(u *unit, i int) happening {
	o := u.plan[i]
	h := happening{envelope: events.Envelope{ID: t.eventID(u, i), SpecVersion: "1.0", Time: t.when(o.at)}}
	switch o.kind {
	case recorded, changed, withdrawn, merged, restricted:
		t.aboutRecord(u, o, &h)
	case denied, allowed, retracted:
		t.aboutWish(u, o, &h)
	case signed, cancelled, ordered, delivered, opened, answered, escalated, settled, reopened, surveyed:
		t.aboutDealing(u, i, o, &h)
	default:
		t.aboutContact(u, o, &h)
	}
	return h
}

// aboutRecord writes what a system states about its record of a customer.
func (t *Town) aboutRecord(u *unit, o occurrence, h *happening) {
	key := u.records[o.record].key
	rec := events.Record{RecordKey: key}
	h.envelope.Source, h.envelope.Subject = key.Source, key.Stream+":"+key.ID
	switch o.kind {
	case recorded:
		c, _ := t.values(u, o.record, o.at, false)
		h.envelope.Type, h.payload = events.CustomerRecordedV1, c
	case changed:
		h.envelope.Type, h.payload = events.CustomerRecordedV1, t.changed(u, o.record, o.at)
	case withdrawn:
		h.envelope.Type, h.payload = events.CustomerWithdrawnV1, events.CustomerWithdrawn{Record: rec, Reason: "deleted"}
	case merged:
		survivor := u.records[u.records[o.record].before].key
		h.envelope.Type = events.CustomerMergedAtSourceV1
		h.payload = events.CustomerMergedAtSource{Survivor: survivor, Losers: []events.RecordKey{key}}
	case restricted:
		h.envelope.Type = events.CustomerRestrictedV1
		h.payload = events.CustomerRestricted{Record: rec, Restriction: "blocked", From: t.stamp(o.at)}
	}
}

// aboutWish writes what a customer said about being contacted, or that it was taken back.
func (t *Town) aboutWish(u *unit, o occurrence, h *happening) {
	w := o.choice
	d := roll(u.seed, u.no, purposeEvent, uint64(o.at))
	h.envelope.Source = w.source
	if o.kind == retracted {
		h.envelope.Type = events.ContactStatementWithdrawnV1
		h.payload = events.ContactStatementWithdrawn{Statement: events.StatementID(w.source, t.eventID(u, o.ref)), By: agentID(d), Reason: "noted by mistake"}
		return
	}
	s := events.ContactStated{
		Choice: events.Deny, Records: []events.RecordKey{u.records[o.record].key}, StatedAt: t.stamp(o.at),
		Scope:     events.Scope{Channels: w.channels, Purposes: w.purposes, Products: w.products},
		Via:       events.Via{Channel: w.channel, System: w.source, Agent: agentID(d)},
		TextShown: w.text, Reason: w.reason, LegalBasis: "objection",
	}
	if o.kind == allowed {
		s.Choice, s.TextShown, s.Reason, s.LegalBasis = events.Allow, "", "customer asked for it again", "consent"
	}
	s.ContactPoints = t.points(u, o, w.point)
	h.envelope.Type, h.payload = events.ContactStatedV1, s
}

// points gives the person's contact point of a kind at the time.
func (t *Town) points(u *unit, o occurrence, kind string) []events.ContactPoint {
	phone, email := u.reachAt(o.member, o.at)
	switch {
	case kind == "phone":
		return []events.ContactPoint{{Phone: phone}}
	case kind == "email":
		return []events.ContactPoint{{Email: email}}
	}
	return nil
}

// reachAt gives the true number and address of a member, or of the company.
func (u *unit) reachAt(member int, at second) (phone, email string) {
	if u.company != nil {
		return u.company.phone.e164(), u.company.email
	}
	p := &u.people[member]
	return p.phoneAt(at).e164(), p.emailAt(at)
}

func agentID(d *dice) string { return "a" + strconv.Itoa(d.between(1, 60)) }

// aboutContact writes an interaction and what its system says of it later.
func (t *Town) aboutContact(u *unit, o occurrence, h *happening) {
	first, at := o, h.envelope.ID
	if o.ref >= 0 {
		first, at = u.plan[o.ref], t.eventID(u, o.ref)
	}
	a := o.act
	key := events.RecordKey{Source: a.source, Stream: a.stream, ID: "i" + at[1:]}
	h.envelope.Source, h.envelope.Subject = key.Source, key.Stream+":"+key.ID
	switch o.kind {
	case assigned:
		customer := u.records[o.record].key
		h.envelope.Type, h.payload = events.InteractionAssignedV1, events.InteractionAssigned{Interaction: key, Customer: &customer, By: "a7", Reason: "recognised by the agent"}
		return
	case removed:
		h.envelope.Type, h.payload = events.InteractionWithdrawnV1, events.InteractionWithdrawn{Record: events.Record{RecordKey: key}, Reason: "deleted at the source"}
		return
	}
	x := t.interaction(u, first, key)
	if o.record >= 0 {
		customer := u.records[o.record].key
		x.Customer = &customer
	}
	if o.kind == edited {
		x.Outcome, x.OutcomeRaw = "resolved", "corrected"
	}
	h.envelope.Type, h.payload = events.InteractionRecordedV1, x
}

// interaction writes the contact itself; whose it is comes after.
func (t *Town) interaction(u *unit, o occurrence, key events.RecordKey) events.InteractionRecorded {
	a := o.act
	d := roll(u.seed, u.no, purposeEvent, uint64(o.at), uint64(o.member))
	x := events.InteractionRecorded{
		Record: events.Record{RecordKey: key}, Channel: a.channel, Direction: a.direction, StartedAt: t.stamp(o.at),
		Purpose: a.purpose, Outcome: oneOf(d, a.outcomes), Language: "es", Campaign: a.campaign,
	}
	i := d.below(len(a.products))
	x.Product = a.products[i]
	i = alongside(d, i, len(a.products), a.subjects)
	x.Subject = a.subjects[i]
	if len(a.texts) > 0 {
		x.Text = a.texts[alongside(d, i, len(a.subjects), a.texts)]
	}
	phone, email := u.reachAt(o.member, o.at)
	switch a.channel {
	case "voice":
		seconds := int64(d.between(0, 45))
		if x.Outcome != "no_answer" && x.Outcome != "busy" {
			seconds = int64(d.between(40, 900))
		}
		x.DurationS, x.EndedAt = &seconds, t.stamp(o.at+second(seconds))
		x.ContactPoints = []events.ContactPoint{{Phone: phone}}
	case "sms", "whatsapp":
		x.ContactPoints = []events.ContactPoint{{Phone: phone}}
	case "email", "chat":
		x.ContactPoints = []events.ContactPoint{{Email: email}}
	case "web":
		x.Order = "O-" + key.ID[1:]
	}
	if a.team != "" {
		x.Agent = &events.Agent{ID: agentID(d), Team: a.team}
	}
	return x
}

// alongside picks from a list: index i where it goes with a list of n, else any.
func alongside(d *dice, i, n int, list []string) int {
	if len(list) == n {
		return i
	}
	return d.below(len(list))
}
