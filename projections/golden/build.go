package golden

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/events/record"
	"ficha/internal/contactpoint"
	"ficha/internal/document"
	"ficha/internal/text"
)

// member is a source record as the fold keeps it, with its values read.
type member struct {
	Member
	values record.Values
	region string
	pins   []pin // that hold, by attribute
	pin    *pin  // what it states is this pin; see speakers
}

func newMember(id uuid.UUID, firstSeen events.Position, s *record.State) *member {
	m := &member{Member: Member{RecordKey: s.Key, ID: id, Live: s.Live(), FirstSeen: firstSeen}, values: s.Values()}
	m.region = record.Region(&m.values.CustomerRecorded)
	return m
}

// standing of what the member states in a field.
func (m *member) standing(field, form string) standing {
	if m.pin != nil {
		return standing{form: form, record: m.RecordKey, at: m.pin.Stamp.Time, pin: m.pin}
	}
	return standing{form: form, record: m.RecordKey, at: m.values.Stamp(field).Time}
}

// Rules per attribute, in turn. What a person is born with does not change, so
// there a majority outweighs the latest word; the rest follows the latest word.
func lastingRules() []Rule   { return []Rule{RuleComplete, RuleFrequent, RuleRecent} }
func changingRules() []Rule  { return []Rule{RuleRecent, RuleFrequent} }
func fullestRules() []Rule   { return []Rule{RuleComplete, RuleRecent, RuleFrequent} }
func reachableRules() []Rule { return []Rule{RuleVerified, RuleRecent} }

// build makes the golden record of a group. Its id is that of the member first seen.
func build(ms []*member) Customer {
	slices.SortFunc(ms, func(a, b *member) int { return a.RecordKey.Compare(b.RecordKey) })
	c := Customer{Records: make([]Member, len(ms))}
	live := make([]*member, 0, len(ms))
	first := events.Position(0)
	for i, m := range ms {
		c.Records[i] = m.Member
		if first == 0 || m.FirstSeen < first {
			c.ID, first = m.ID, m.FirstSeen
		}
		if m.Live {
			live = append(live, m)
		}
	}
	if c.Live = len(live) > 0; c.Live {
		live = append(live, speakers(ms)...)
	}
	c.choosePerson(live)
	c.chooseReach(live)
	c.chooseStanding(live)
	c.DisplayName = displayName(&c)
	return c
}

// choosePerson fills who the customer is.
func (c *Customer) choosePerson(ms []*member) {
	if kind := single(ms, "kind", func(v *record.Values) string { return string(v.Kind) }, plain, changingRules()); kind != nil {
		c.Kind = events.Kind(kind.Value)
	}
	c.Names = values(union(claimsOf(ms, "names", func(m *member, add adder[events.Name]) {
		for _, n := range m.values.Names {
			if shown := FullName(n); shown != "" {
				add(n, text.Fold(shown), func(s *standing) { s.complete = nameWeight(n, shown) })
			}
		}
	}), fullestRules()...))
	c.BirthDate = single(ms, "birth_date", func(v *record.Values) string { return v.BirthDate }, dateWeight, lastingRules())
	c.DeathDate = single(ms, "death_date", func(v *record.Values) string { return v.DeathDate }, dateWeight, fullestRules())
	c.Gender = single(ms, "gender", func(v *record.Values) string { return v.Gender }, genderWeight, lastingRules())
	c.Nationality = single(ms, "nationality", func(v *record.Values) string { return v.Nationality }, plain, lastingRules())
	c.Documents = values(union(claimsOf(ms, "documents", addDocuments), RuleComplete, RuleRecent))
}

func addDocuments(m *member, add adder[events.Document]) {
	for _, d := range m.values.Documents {
		form := text.Fold(d.Kind + " " + d.Number)
		n, ok := document.Normalise(d.Kind, d.Number, d.Country)
		if ok {
			d.Kind, d.Number, d.Country = n.Kind, n.Number, n.Country
			form = n.Key()
		}
		add(d, form, func(s *standing) { s.complete = yes(n.Check == document.CheckValid) })
	}
}

// chooseReach fills how to reach the customer.
func (c *Customer) chooseReach(ms []*member) {
	phones := union(claimsOf(ms, "phones", addPhones), RuleRecent)
	c.Phones = make([]Phone, len(phones))
	for i, p := range phones {
		said := p.value.Value
		c.Phones[i] = Phone{Value: retyped(p.value, func(p saidPhone) string { return p.value }), Raw: said.raw, Extension: said.extension, Use: said.use}
	}
	emails := union(claimsOf(ms, "emails", addEmails), reachableRules()...)
	c.Emails = make([]Email, len(emails))
	for i, e := range emails {
		c.Emails[i] = Email{Value: retyped(e.value, func(e events.Email) string { return e.Value }), Use: e.value.Value.Use, Verified: e.verified}
	}
	c.Handles = values(union(claimsOf(ms, "handles", func(m *member, add adder[events.Handle]) {
		for _, h := range m.values.Handles {
			if p, ok := contactpoint.Handle(h.Handle, h.Network); ok {
				add(h, p.Class(), nil)
			}
		}
	}), RuleRecent))
	c.Addresses = chooseAddresses(ms)
}

// saidPhone is a phone as one record has it.
type saidPhone struct{ value, raw, extension, use string }

func addPhones(m *member, add adder[saidPhone]) {
	for _, p := range m.values.Phones {
		point, ok := record.PhonePoint(p, m.region)
		if !ok {
			continue
		}
		said := saidPhone{value: point.Value, raw: p.Value, extension: p.Extension, use: p.Use}
		if !point.Readable {
			said.value = strings.TrimSpace(p.Value)
		}
		if said.raw == said.value {
			said.raw = ""
		}
		add(said, point.Class(), nil)
	}
}

func addEmails(m *member, add adder[events.Email]) {
	for _, e := range m.values.Emails {
		if p, ok := contactpoint.Email(e.Value); ok {
			e.Value = p.Value
			add(e, p.Class(), func(s *standing) { s.verified = e.Verified })
		}
	}
}

// chooseAddresses takes the addresses of one record together, so that no street
// of one moves into the town of another.
func chooseAddresses(ms []*member) []Value[events.Address] {
	i := slices.IndexFunc(ms, func(m *member) bool { return m.pin != nil && m.pin.attribute == "addresses" })
	if i < 0 {
		return recordAddresses(ms)
	}
	pinned := recordAddresses(ms[i : i+1])[0]
	others := recordAddresses(slices.Delete(slices.Clone(ms), i, i+1))
	others = slices.DeleteFunc(others, func(v Value[events.Address]) bool {
		if addressForm(v.Value) != addressForm(pinned.Value) {
			return false
		}
		if v.Record != pinned.Record {
			pinned.Also = append(pinned.Also, Source[events.Address]{Value: v.Value, Record: v.Record})
		}
		pinned.Also = append(pinned.Also, v.Also...)
		return true
	})
	return slices.Insert(others, 0, pinned)
}

func recordAddresses(ms []*member) []Value[events.Address] {
	best := choose(claimsOf(ms, "addresses", func(m *member, add adder[[]events.Address]) {
		weight, forms := 0, make([]string, 0, len(m.values.Addresses))
		for _, a := range m.values.Addresses {
			weight = max(weight, addressWeight(a))
			forms = append(forms, addressForm(a))
		}
		if len(forms) > 0 {
			slices.Sort(forms)
			add(m.values.Addresses, strings.Join(forms, "\n"), func(s *standing) { s.complete = weight })
		}
	}), fullestRules()...)
	if best == nil {
		return []Value[events.Address]{}
	}
	out := make([]Value[events.Address], len(best.Value))
	for i, a := range best.Value {
		out[i] = Value[events.Address]{Value: a, Record: best.Record, Rule: best.Rule, Also: []Source[events.Address]{}, PinNote: best.PinNote}
	}
	for _, s := range best.Also {
		for _, a := range s.Value {
			out[0].Also = append(out[0].Also, Source[events.Address]{Value: a, Record: s.Record})
		}
	}
	return out
}

// chooseStanding fills what the customer is to the company.
func (c *Customer) chooseStanding(ms []*member) {
	latest := func(field string, get func(*record.Values) string) *Value[string] {
		return single(ms, field, get, plain, changingRules())
	}
	c.Language = latest("language", func(v *record.Values) string { return v.Language })
	c.Lifecycle = latest("lifecycle", func(v *record.Values) string { return v.Lifecycle })
	c.Segment = latest("segment", func(v *record.Values) string { return v.Segment })
	c.Tier = latest("tier", func(v *record.Values) string { return v.Tier })
	c.Organization = latest("organization", func(v *record.Values) string { return v.Organization })
	c.VIP = choose(claimsOf(ms, "vip", func(m *member, add adder[bool]) {
		if vip := m.values.VIP; vip != nil {
			add(*vip, strconv.FormatBool(*vip), nil)
		}
	}), changingRules()...)
	c.Preferences = choose(claimsOf(ms, "preferences", func(m *member, add adder[json.RawMessage]) {
		if p := m.values.Preferences; len(p) > 0 {
			add(p, string(p), nil)
		}
	}), changingRules()...)
	c.Tags = values(union(claimsOf(ms, "tags", func(m *member, add adder[string]) {
		for _, tag := range m.values.Tags {
			add(tag, tag, nil)
		}
	})))
	c.Relations = values(union(claimsOf(ms, "relations", func(m *member, add adder[events.Relation]) {
		for _, r := range m.values.Relations {
			r.Record = r.Record.Normal()
			add(r, r.Kind+"\x00"+r.Record.String(), nil)
		}
	})))
	c.Attributes = chooseAttributes(ms)
}

func chooseAttributes(ms []*member) map[string]Value[json.RawMessage] {
	claims := map[string][]claim[json.RawMessage]{}
	for _, m := range ms {
		for _, name := range slices.Sorted(maps.Keys(m.values.Attributes)) {
			raw := m.values.Attributes[name]
			s := m.standing(declared+name, string(raw))
			claims[name] = append(claims[name], claim[json.RawMessage]{standing: s, value: raw})
		}
	}
	if len(claims) == 0 {
		return nil
	}
	out := make(map[string]Value[json.RawMessage], len(claims))
	for name, cs := range claims {
		out[name] = *choose(cs, changingRules()...)
	}
	return out
}

// adder adds a claim with its form; refine (may be nil) sets more of its standing.
type adder[T any] func(value T, form string, refine func(*standing))

// claimsOf gathers what the members state in a field, in order of their keys.
func claimsOf[T any](ms []*member, field string, state func(m *member, add adder[T])) []claim[T] {
	var claims []claim[T]
	for _, m := range ms {
		state(m, func(value T, form string, refine func(*standing)) {
			c := claim[T]{standing: m.standing(field, form), value: value}
			if refine != nil {
				refine(&c.standing)
			}
			claims = append(claims, c)
		})
	}
	return claims
}

// single chooses among the values of a plain text field; empty is absent.
func single(ms []*member, field string, get func(*record.Values) string, weight func(string) int, rules []Rule) *Value[string] {
	var claims []claim[string]
	for _, m := range ms {
		if v := get(&m.values); v != "" {
			c := claim[string]{standing: m.standing(field, v), value: v}
			c.complete = weight(v)
			claims = append(claims, c)
		}
	}
	return choose(claims, rules...)
}

func retyped[A, B any](v Value[A], to func(A) B) Value[B] {
	out := Value[B]{Value: to(v.Value), Record: v.Record, Rule: v.Rule, Also: make([]Source[B], len(v.Also)), PinNote: v.PinNote}
	for i, s := range v.Also {
		out.Also[i] = Source[B]{Value: to(s.Value), Record: s.Record}
	}
	return out
}
