package record

import (
	"bytes"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"ficha/events"
)

// member is one name and value of a JSON object.
type member struct {
	name  string         // unescaped
	label jsontext.Value // the name as written, with quotes
	value jsontext.Value
}

func (m member) null() bool { return m.value.Kind() == 'n' }

// merges says whether statements about the field are merged key by key.
func merges(field string) bool { return field == "attributes" || field == "ext" }

// members splits a JSON object, in its order. What it gives shares the memory of
// the object.
func members(object []byte) ([]member, error) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(object))
	next := func() (jsontext.Value, error) {
		v, err := dec.ReadValue()
		if err != nil {
			return nil, errNoObject()
		}
		end := dec.InputOffset() // v itself is valid until the next read only
		return object[end-int64(len(v)) : end : end], nil
	}
	if t, err := dec.ReadToken(); err != nil || t.Kind() != '{' {
		return nil, errNoObject()
	}
	ms := make([]member, 0, 16)
	for dec.PeekKind() != '}' {
		label, err := next()
		if err != nil {
			return nil, err
		}
		name, err := unquote(label)
		if err != nil {
			return nil, err
		}
		value, err := next()
		if err != nil {
			return nil, err
		}
		ms = append(ms, member{name: name, label: label, value: value})
	}
	return ms, nil
}

func unquote(label jsontext.Value) (string, error) {
	if len(label) >= 2 && bytes.IndexByte(label, '\\') < 0 {
		return string(label[1 : len(label)-1]), nil
	}
	name, err := jsontext.AppendUnquote(nil, label)
	if err != nil {
		return "", errNoObject()
	}
	return string(name), nil
}

func errNoObject() error {
	return fmt.Errorf("split statement: not a JSON object: %w", events.ErrInvalid)
}

// object is the inverse of members.
func object(ms []member) []byte {
	n := 2
	for _, m := range ms {
		n += len(m.label) + len(m.value) + 2
	}
	b := append(make([]byte, 0, n), '{')
	for i, m := range ms {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, m.label...)
		b = append(b, ':')
		b = append(b, m.value...)
	}
	return append(b, '}')
}

// names is what later statements have named: fields, and keys of the fields that
// are merged key by key.
type names struct {
	fields map[string]bool
	keys   map[string]map[string]bool // per merged field
}

func newNames() names {
	return names{fields: map[string]bool{}, keys: map[string]map[string]bool{"attributes": {}, "ext": {}}}
}

// cut gives what of an older statement the named ones do not hide, and whether
// that is less than all; then it adds what ms names.
func (n names) cut(ms []member) (left []member, shorter bool, err error) {
	left = make([]member, 0, len(ms))
	for _, m := range ms {
		switch {
		case n.fields[m.name]:
			shorter = true
			continue
		case merges(m.name) && !m.null():
			less, err := n.cutKeys(&m)
			if err != nil {
				return nil, false, err
			}
			shorter = shorter || less
			if less && len(m.value) == len("{}") {
				continue
			}
		default:
			n.fields[m.name] = true
		}
		left = append(left, m)
	}
	return left, shorter, nil
}

// cutKeys cuts the object value of a merged field down to its keys that are not
// hidden.
func (n names) cutKeys(m *member) (shorter bool, err error) {
	entries, err := members(m.value)
	if err != nil {
		return false, err
	}
	seen := n.keys[m.name]
	left := entries[:0:0]
	for _, e := range entries {
		if !seen[e.name] {
			seen[e.name] = true
			left = append(left, e)
		}
	}
	if shorter = len(left) < len(entries); shorter {
		m.value = object(left)
	}
	return shorter, nil
}
