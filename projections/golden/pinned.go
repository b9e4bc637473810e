package golden

import (
	stdjson "encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"ficha/events"
	"ficha/events/record"
	"ficha/internal/contactpoint"
)

// PinNote says of a pinned value who pinned it, when and why.
type PinNote struct {
	PinnedBy  string    `json:"pinned_by,omitempty"`
	PinnedAt  time.Time `json:"pinned_at,omitzero"`
	PinReason string    `json:"pin_reason,omitempty"`
}

// PinnedRecord writes one value of an attribute as the fields of a
// customer.recorded.v1, whose schema says what the value must be: a list attribute
// gets a list of one, attributes.NAME an object of one. ErrInvalid: there is no
// such attribute, or no value.
func PinnedRecord(attribute string, value stdjson.RawMessage) (map[string]stdjson.RawMessage, error) {
	value = compact(value)
	if !pinnable(attribute) || value == nil {
		return nil, fmt.Errorf("write pinned value: no attribute that can be pinned, or no value: %w", events.ErrInvalid)
	}
	if name, ok := strings.CutPrefix(attribute, declared); ok {
		object, err := stdjson.Marshal(map[string]stdjson.RawMessage{name: value})
		if err != nil {
			return nil, fmt.Errorf("write pinned value: %w", events.ErrInvalid)
		}
		return map[string]stdjson.RawMessage{"attributes": object}, nil
	}
	switch attribute {
	case "names", "documents", "phones", "emails", "addresses", "handles":
		value = slices.Concat(stdjson.RawMessage("["), value, stdjson.RawMessage("]"))
	}
	return map[string]stdjson.RawMessage{attribute: value}, nil
}

// ReadPinned reads a pinned value as the one thing that a record states.
// ErrInvalid: it has not the attribute's shape, or says nothing.
func ReadPinned(attribute string, value stdjson.RawMessage) (events.CustomerRecorded, error) {
	var c events.CustomerRecorded
	fields, err := PinnedRecord(attribute, value)
	if err != nil {
		return c, err
	}
	object, err := stdjson.Marshal(fields)
	if err != nil {
		return c, fmt.Errorf("read pinned value: %w", events.ErrInvalid)
	}
	if err := json.Unmarshal(object, &c, json.RejectUnknownMembers(true)); err != nil || !says(attribute, &c) {
		return c, fmt.Errorf("read pinned value: not what the attribute %s holds: %w", label(attribute), events.ErrInvalid)
	}
	return c, nil
}

// label is an attribute's name without what a site put into it.
func label(attribute string) string {
	if strings.HasPrefix(attribute, declared) {
		return declared + "…"
	}
	return attribute
}

// says whether a pinned value is one that a golden record can show. It looks at
// nothing but the value: whether a pin counts must not depend on what else is known.
func says(attribute string, c *events.CustomerRecorded) bool {
	switch attribute {
	case "names":
		return FullName(c.Names[0]) != ""
	case "documents":
		return strings.TrimSpace(c.Documents[0].Kind) != "" && strings.TrimSpace(c.Documents[0].Number) != ""
	case "phones":
		_, ok := record.PhonePoint(c.Phones[0], "")
		return ok
	case "emails":
		_, ok := contactpoint.Email(c.Emails[0].Value)
		return ok
	case "handles":
		_, ok := contactpoint.Handle(c.Handles[0].Handle, c.Handles[0].Network)
		return ok
	case "addresses":
		return addressWeight(c.Addresses[0]) > 0
	case "birth_date":
		return isDate(c.BirthDate)
	case "death_date":
		return isDate(c.DeathDate)
	case "gender":
		return slices.Contains([]string{"female", "male", "other", "unknown"}, c.Gender)
	case "lifecycle":
		return slices.Contains([]string{"prospect", "customer", "former"}, c.Lifecycle)
	case "vip":
		return c.VIP != nil
	case "preferences":
		return c.Preferences[0] == '{'
	}
	for _, v := range c.Attributes {
		return v[0] != '{'
	}
	return c.Language != "" || c.Nationality != "" || c.Segment != "" || c.Tier != "" || c.Organization != ""
}

// isDate reads YYYY, YYYY-MM or YYYY-MM-DD.
func isDate(s string) bool {
	for _, layout := range [...]string{"2006", "2006-01", time.DateOnly} {
		if _, err := time.Parse(layout, s); err == nil {
			return true
		}
	}
	return false
}

// speaker makes of a pin a record that states nothing else, in the name of the
// record that it hangs on. What it states outranks every rule.
func (p *pin) speaker(m *member) *member {
	c, err := ReadPinned(p.attribute, p.Value)
	if err != nil {
		return nil // it was read when it was written
	}
	return &member{Member: m.Member, values: record.Values{CustomerRecorded: c}, region: m.region, pin: p}
}

// speakers gives, for each attribute that is pinned on one of the members, the
// latest pin as a record that states it; by attribute.
func speakers(ms []*member) []*member {
	var out []*member
	for _, m := range ms {
		for i := range m.pins {
			p := &m.pins[i]
			at, found := slices.BinarySearchFunc(out, p.attribute, func(s *member, a string) int { return strings.Compare(s.pin.attribute, a) })
			if found && out[at].pin.Stamp.Compare(p.Stamp) >= 0 {
				continue
			}
			s := p.speaker(m)
			switch {
			case s == nil:
			case found:
				out[at] = s
			default:
				out = slices.Insert(out, at, s)
			}
		}
	}
	return out
}
