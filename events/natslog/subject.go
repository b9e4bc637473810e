package natslog

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"ficha/events"
)

// partitions is how many ways the last token of a log subject divides the log.
const partitions = 64

// names are the streams and subjects of one hub.
type names struct{ prefix string }

func (n names) stream(what string) string  { return strings.ToUpper(n.prefix) + "_" + what }
func (n names) logStream() string          { return n.stream("LOG") }
func (n names) inboxStream() string        { return n.stream("INBOX") }
func (n names) deadStream() string         { return n.stream("DEADLETTERS") }
func (n names) logSubjects() string        { return n.prefix + ".log.>" }
func (n names) inboxSubjects() string      { return n.prefix + ".inbox.>" }
func (n names) deadSubjects() string       { return n.prefix + ".dead.>" }
func (n names) lane(l events.Lane) string  { return n.prefix + ".log." + string(l) + ".>" }
func (n names) inbox(source string) string { return n.prefix + ".inbox." + SourceToken(source) }
func (n names) dead(source string) string  { return n.prefix + ".dead." + SourceToken(source) }

// event is the log subject of an event. It names no customer: subjects cost
// memory and are seen by operators.
func (n names) event(e events.Envelope) string {
	var b strings.Builder
	b.Grow(64)
	for _, token := range [...]string{n.prefix, "log", string(e.Type.Lane()), token(e.Type.Family()), token(e.Type.Happening())} {
		b.WriteString(token)
		b.WriteByte('.')
	}
	p := partition(e)
	b.WriteByte(byte('0' + p/10))
	b.WriteByte(byte('0' + p%10))
	return b.String()
}

// partition spreads events so that those about one record, or one contact point
// where no record is named, go together. It looks at the members that name one
// and no others; data that names none goes by the event's own name.
func partition(e events.Envelope) uint32 {
	h := fnv.New32a()
	switch record, point := named(e.Data); {
	case !record.IsZero():
		id := record.UUID()
		h.Write(id[:])
	case point != (events.ContactPoint{}):
		for _, part := range [...]string{point.Phone, point.Email, point.Network, point.Handle} {
			h.Write([]byte(part))
			h.Write([]byte{0})
		}
	default:
		h.Write([]byte(e.Source))
		h.Write([]byte{0})
		h.Write([]byte(e.ID))
	}
	return h.Sum32() % partitions
}

// named finds the record or else the contact point that data is about. Data of
// another shape names none.
func named(data []byte) (record events.RecordKey, point events.ContactPoint) {
	d := jsontext.NewDecoder(bytes.NewBuffer(data)) // reads data in place
	if open, err := d.ReadToken(); err != nil || open.Kind() != '{' {
		return record, point
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return record, point
		}
		member := name.String()
		value, err := d.ReadValue()
		if err != nil {
			return record, point
		}
		switch member {
		case "record":
			if json.Unmarshal(value, &record) == nil && !record.IsZero() {
				return record, point
			}
		case "records":
			record = first[events.RecordKey](value)
		case "contact_points":
			point = first[events.ContactPoint](value)
			point.Address = nil
		}
	}
	return record, point
}

// first gives the first element of a JSON array, the zero value for anything else.
func first[T any](array jsontext.Value) T {
	var elements []jsontext.Value
	var t T
	if json.Unmarshal(array, &elements) != nil || len(elements) == 0 || json.Unmarshal(elements[0], &t) != nil {
		var none T
		return none
	}
	return t
}

// token makes a word fit to stand between the dots of a subject.
func token(word string) string {
	if word == "" {
		return "_"
	}
	for i := range len(word) {
		if !plain(word[i]) {
			return SourceToken(word)
		}
	}
	return word
}

func plain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}

// SourceToken writes a source as one token of a subject: letters, digits, minus
// and underscore stand for themselves, every other byte is ~ and two hexadecimal
// digits. The empty source is "~".
func SourceToken(source string) string {
	if source == "" {
		return "~"
	}
	var b strings.Builder
	for i := range len(source) {
		if c := source[i]; plain(c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "~%02X", c)
		}
	}
	return b.String()
}

// SourceOfToken reads what [SourceToken] wrote. What it did not write is ErrInvalid.
func SourceOfToken(token string) (string, error) {
	if token == "~" {
		return "", nil
	}
	b := make([]byte, 0, len(token))
	for i := 0; i < len(token); i++ {
		if token[i] != '~' {
			b = append(b, token[i])
			continue
		}
		if i+3 > len(token) {
			return "", fmt.Errorf("read source token: cut short: %w", events.ErrInvalid)
		}
		c, err := strconv.ParseUint(token[i+1:i+3], 16, 8)
		if err != nil {
			return "", fmt.Errorf("read source token: no hexadecimal digits: %w", events.ErrInvalid)
		}
		b = append(b, byte(c))
		i += 2
	}
	if SourceToken(string(b)) != token {
		return "", fmt.Errorf("read source token: not as it is written: %w", events.ErrInvalid)
	}
	return string(b), nil
}
