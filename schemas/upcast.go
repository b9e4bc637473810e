package schemas

import (
	"encoding/json"
	"fmt"
)

// Superseded says whether a newer version of the type has taken its place, so
// that [Upcast] turns its data into that one.
func Superseded(typ string) bool { return step(typ) != nil }

// Upcast turns data of a superseded type into that of the newest version, step
// by step, and gives it with the type it then has. Other types come back as
// they are. The data must be valid for its type. Upcast is pure: the same bytes
// give the same bytes, for ever, since what the log holds in old versions is
// read through it.
func Upcast(typ string, data []byte) (string, []byte, error) {
	for next := step(typ); next != nil; next = step(typ) {
		newer, b, err := next(data)
		if err != nil {
			return typ, data, fmt.Errorf("upcast %s: %w", typ, err)
		}
		typ, data = newer, b
	}
	return typ, data, nil
}

// step gives the one step from a type to its next version, nil for current types.
func step(typ string) func([]byte) (string, []byte, error) {
	switch typ {
	case "contact.stated.v0":
		return contactStatedV0
	}
	return nil
}

// contactStatedV0 puts the single values of the first draft into lists.
func contactStatedV0(data []byte) (string, []byte, error) {
	var old struct {
		Choice                           json.RawMessage
		Record, Until                    json.RawMessage
		ContactPoint                     json.RawMessage `json:"contact_point"`
		Stated                           json.RawMessage `json:"stated_at"`
		Channel, Purpose, Product, Brand json.RawMessage
		Reason, Ext                      json.RawMessage
	}
	if err := json.Unmarshal(data, &old); err != nil {
		return "", nil, err
	}
	type scope struct {
		Channels []json.RawMessage `json:"channels,omitempty"`
		Purposes []json.RawMessage `json:"purposes,omitempty"`
		Products []json.RawMessage `json:"products,omitempty"`
		Brands   []json.RawMessage `json:"brands,omitempty"`
	}
	b, err := json.Marshal(struct {
		Choice        json.RawMessage   `json:"choice"`
		Records       []json.RawMessage `json:"records,omitempty"`
		ContactPoints []json.RawMessage `json:"contact_points,omitempty"`
		Scope         scope             `json:"scope"`
		StatedAt      json.RawMessage   `json:"stated_at"`
		Until         json.RawMessage   `json:"until,omitempty"`
		Reason        json.RawMessage   `json:"reason,omitempty"`
		Ext           json.RawMessage   `json:"ext,omitempty"`
	}{
		old.Choice, listed(old.Record), listed(old.ContactPoint),
		scope{listed(old.Channel), listed(old.Purpose), listed(old.Product), listed(old.Brand)},
		old.Stated, old.Until, old.Reason, old.Ext,
	})
	return "contact.stated.v1", b, err
}

// listed is a list of v, or none.
func listed(v json.RawMessage) []json.RawMessage {
	if len(v) == 0 {
		return nil
	}
	return []json.RawMessage{v}
}
