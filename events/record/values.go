package record

import (
	stdjson "encoding/json"
	"fmt"
	"maps"
	"strings"

	"github.com/go-json-experiment/json"

	"ficha/events"
)

// Values are the merged fields of a record, each with the stamp of the statement
// that set it.
type Values struct {
	events.CustomerRecorded
	newest events.Stamp
	older  map[string]events.Stamp // of fields that another statement than the newest set
}

// Stamp is that of the statement that set a field, by its JSON name
// (birth_date). For a field that is absent it says nothing.
func (v *Values) Stamp(field string) events.Stamp {
	if s, ok := v.older[field]; ok {
		return s
	}
	return v.newest
}

// AttributeStamp is that of the statement that set one attribute.
func (v *Values) AttributeStamp(name string) events.Stamp { return v.Stamp("attributes." + name) }

// Values merges the statements in force. A withdrawn record still has the values
// that it had. What is given is read-only.
func (s *State) Values() Values {
	v, err := s.values()
	if err != nil {
		panic(err.Error()) // Apply lets nothing in that does not decode; it names no values
	}
	return v
}

// Customer gives the merged values alone, with the record's key and no revision.
func (s *State) Customer() events.CustomerRecorded { return s.Values().CustomerRecorded }

// Region is the country (ISO 3166 alpha-2, upper case) by which to read phone
// numbers without country code, "" if nothing tells. See [Region].
func (s *State) Region() string {
	c := s.Customer()
	return Region(&c)
}

// Region is the country by which to read the phone numbers of c that have
// neither country code nor region: that of another phone, else of the first
// address, document or nationality that names one.
func Region(c *events.CustomerRecorded) string {
	for _, p := range c.Phones {
		if p.Region != "" {
			return strings.ToUpper(p.Region)
		}
	}
	for _, a := range c.Addresses {
		if a.Country != "" {
			return strings.ToUpper(a.Country)
		}
	}
	for _, d := range c.Documents {
		if d.Country != "" {
			return strings.ToUpper(d.Country)
		}
	}
	return strings.ToUpper(c.Nationality)
}

func (s *State) values() (Values, error) {
	v := Values{newest: s.Newest()}
	data, err := s.merged(&v)
	if err != nil {
		return v, err
	}
	switch {
	case s.read != nil:
		v.CustomerRecorded = *s.read
	case data != nil:
		if err := json.Unmarshal(data, &v.CustomerRecorded); err != nil {
			return v, fmt.Errorf("decode merged record: %w", events.ErrInvalid)
		}
		dropNulls(&v.CustomerRecorded)
	}
	v.Record, v.Mode = events.Record{RecordKey: s.Key}, ""
	return v, nil
}

// merged gives one object with all fields in force, and notes in v which of them
// are not of the newest statement.
func (s *State) merged(v *Values) ([]byte, error) {
	switch len(s.Parts) {
	case 0:
		return nil, nil
	case 1:
		return s.Parts[0].Data, nil
	}
	v.older = map[string]events.Stamp{}
	var fields []member
	entries := map[string][]member{}
	for i, p := range s.Parts {
		ms, err := members(p.Data)
		if err != nil {
			return nil, err
		}
		for _, m := range ms {
			if m.null() {
				continue
			}
			if !merges(m.name) {
				fields = append(fields, m)
				v.note(m.name, p.Stamp, i < len(s.Parts)-1)
				continue
			}
			keys, err := members(m.value)
			if err != nil {
				return nil, err
			}
			entries[m.name] = append(entries[m.name], keys...)
			for _, k := range keys {
				v.note(m.name+"."+k.name, p.Stamp, i < len(s.Parts)-1)
			}
		}
	}
	for _, name := range [...]string{"attributes", "ext"} {
		if ms := entries[name]; len(ms) > 0 {
			fields = append(fields, member{name: name, label: []byte(`"` + name + `"`), value: object(ms)})
		}
	}
	return object(fields), nil
}

func (v *Values) note(name string, s events.Stamp, older bool) {
	if older {
		v.older[name] = s
	}
}

// dropNulls removes attributes that are stated to be absent.
func dropNulls(c *events.CustomerRecorded) {
	null := func(_ string, v stdjson.RawMessage) bool { return string(v) == "null" }
	maps.DeleteFunc(c.Attributes, null)
	maps.DeleteFunc(c.Ext, null)
}
